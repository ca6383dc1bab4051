// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Market values and settlement marks as calldata carries them and reporters sign them: `PackedValues` and `PackedMarks` of the
 * contracts say how they lie. Of no chain library, because packs check the signatures without one.
 */
import { PlimsollError } from "../errors.ts";
import { type Board, type BoardBlock, type BoardRow, CLOSED_ROW, columnsOf } from "../model/market.ts";
import { BLOCK_INSTRUMENTS, type BoardSize, blocksOf, instrumentsOf, SCENARIOS } from "../model/sizes.ts";
import { type ChargeE6, type ColumnE6, columnE6, type RateBps, type ThresholdE6 } from "../units.ts";

/** Bytes of one column and of one charge. */
export interface RowWidths {
  readonly column: number;
  readonly charge: number;
}

const MARK_BYTES = 6;

/** Writes numbers one after another, big-endian, negative ones in two's complement. */
function write(fields: readonly (readonly [value: bigint, bytes: number])[]): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(fields.reduce((length, [, bytes]) => length + bytes, 0));
  let at = 0;
  for (const [value, bytes] of fields) {
    let rest = value;
    for (let byte = bytes - 1; byte >= 0; byte--, rest >>= 8n) packed[at + byte] = Number(rest & 255n);
    at += bytes;
  }
  return packed;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Fewest bytes that hold numbers: in two's complement, or without a sign. */
function widthOf(values: readonly bigint[], signed: boolean): number {
  const fits = (bits: number, value: bigint) => (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value));
  let width = 1;
  while (values.some((value) => fits(8 * width, value) !== value)) width++;
  return width;
}

const isClosed = (row: BoardRow): boolean =>
  row.longCharge === CLOSED_ROW.longCharge &&
  row.shortCharge === CLOSED_ROW.shortCharge &&
  columnsOf(row).every((column) => column === 0n);

/** A row, by the fewest bytes unless told otherwise. Checks no range. */
export function packRow(row: BoardRow, widths?: RowWidths): Uint8Array<ArrayBuffer> {
  if (widths === undefined && isClosed(row)) return write([[0n, 1]]);
  const columns = columnsOf(row).toReversed();
  const charges = [row.shortCharge, row.longCharge];
  const { column, charge } = widths ?? { column: widthOf(columns, true), charge: widthOf(charges, false) };
  return write([
    [BigInt(column), 1],
    [BigInt(charge), 1],
    ...charges.map((value) => [value, charge] as const),
    ...columns.map((value) => [value, column] as const),
  ]);
}

/** Values of a board: blocks and rows from the last to the first. */
export function packValues(
  { rows, blocks }: Board,
  pack: (row: BoardRow, index: number) => Uint8Array = (row) => packRow(row),
) {
  return joined([
    ...blocks.toReversed().map((block) =>
      write([
        [block.continues ? 1n : 0n, 1],
        [block.vegaRate, 2],
        [block.vegaThreshold, 10],
        [block.liquidityRate, 2],
        [block.liquidityThreshold, 10],
      ]),
    ),
    ...rows.map(pack).toReversed(),
  ]);
}

/**
 * The board whose values these are, as a contract took them. Throws `FIELD_INVALID` where they are cut short or too long. Checks no
 * range: `checkMarket` does.
 */
export function unpackValues(size: BoardSize, packed: Uint8Array): Board {
  let at = 0;
  const refuse = () => new PlimsollError("FIELD_INVALID", "these are not the values of a board of this size");
  const read = (bytes: number): bigint => {
    if (at + bytes > packed.length) throw refuse();
    let value = 0n;
    for (const end = at + bytes; at < end; at++) value = (value << 8n) | BigInt(packed[at]!);
    return value;
  };
  const block = (): BoardBlock => {
    const continues = read(1) === 1n;
    const [vegaRate, vegaThreshold] = [read(2) as RateBps, read(10) as ThresholdE6];
    const [liquidityRate, liquidityThreshold] = [read(2) as RateBps, read(10) as ThresholdE6];
    return { continues, liquidityThreshold, liquidityRate, vegaThreshold, vegaRate };
  };
  const row = (): BoardRow => {
    const width = Number(read(1));
    if (width === 0) return CLOSED_ROW;
    const charge = Number(read(1));
    const [shortCharge, longCharge] = [read(charge) as ChargeE6, read(charge) as ChargeE6];
    const column = () => BigInt.asIntN(8 * width, read(width)) as ColumnE6;
    const [vega, delta, mark] = [column(), column(), column()];
    const profits = Array.from({ length: SCENARIOS }, column).reverse();
    return { profits, mark, delta, vega, longCharge, shortCharge };
  };
  const blocks = Array.from({ length: blocksOf(size) }, block).reverse();
  const rows = Array.from({ length: instrumentsOf(size) }, row).reverse();
  if (at !== packed.length) throw refuse();
  return { size, rows, blocks };
}

/** Marks of a settlement. @param marks of each row that expires, in 1e-6 quote. Throws OUT_OF_RANGE. */
export function packMarks(size: BoardSize, marks: ReadonlyMap<number, ColumnE6>): Uint8Array<ArrayBuffer> {
  return joined(
    Array.from({ length: blocksOf(size) }, (_, block) => {
      const rows = Array.from({ length: BLOCK_INSTRUMENTS }, (_, row) => block * BLOCK_INSTRUMENTS + row).filter(
        (row) => marks.has(row),
      );
      const mask = rows.reduce((bits, row) => bits | (1n << BigInt(row % BLOCK_INSTRUMENTS)), 0n);
      const expiring = rows.map((row) => [columnE6(marks.get(row)!, `marks[${row}]`), MARK_BYTES] as const);
      return write([[mask, 8], ...expiring]);
    }),
  );
}
