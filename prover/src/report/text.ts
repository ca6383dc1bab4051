// SPDX-License-Identifier: GPL-3.0-or-later
/** Plain text for people. */
import type { Foreign } from "../document/words.ts";
import { addDecimals, type Decimal, floorTo, formatDecimal } from "../formats/decimal.ts";
import { cellText, columns } from "./terminal.ts";

/** Of any length: sums and products are longer than what is read. */
function exact(text: string): Decimal {
  const [, units = "", fraction = ""] = /^(-?[0-9]+)(?:\.([0-9]+))?$/.exec(text) ?? [];
  return { units: BigInt(`${units}${fraction}`), decimals: fraction.length };
}

/** Hundredths, thousands grouped: "-1,234.50". */
function cents(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(3, "0");
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${value < 0n ? "-" : ""}${whole}.${digits.slice(-2)}`;
}

/** A decimal string rounded down (towards minus infinity) to hundredths, thousands grouped: "-1,234.50". */
export const amount = (text: string): string => cents(floorTo(exact(text), 2));

/** The exact sum of decimal strings. */
function sumOf(amounts: readonly string[]): string {
  const { units, decimals } = addDecimals(...amounts.map(exact));
  return formatDecimal(units, decimals);
}

/** Basis points as a percentage: "15000" is "150.00%". */
export const percent = (bps: string): string => `${amount(formatDecimal(BigInt(bps), 2))}%`;

/** A level's name as people write it: "closeOut" is "close-out". */
export const levelWord = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A cell of a table; words of somebody else's are cut where they are long. */
export type Cell = string | Foreign;

/** Columns two spaces apart; the first to the left, the others to the right. A rule below the header. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [header, ...rows.map((row) => row.map((cell) => (typeof cell === "string" ? cell : cellText(cell))))];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => columns(line[column]!))));
  const render = (line: readonly string[]) =>
    line
      .map((cell, column) => {
        const space = " ".repeat(widths[column]! - columns(cell));
        return column === 0 ? cell + space : space + cell;
      })
      .join("  ")
      .trimEnd();
  const [first, ...others] = lines.map(render);
  return [first, widths.map((width) => "-".repeat(width)).join("  "), ...others].join("\n");
}

/** A cell of a column that is summed: an exact decimal string, or null where nothing is known. */
export interface Summand {
  readonly amount: string | null;
}

const isSummand = (cell: Cell | Summand): cell is Summand => typeof cell !== "string" && "amount" in cell;

/**
 * A table whose columns of summands add up as shown: each is rounded down to hundredths, their exact sum is rounded down
 * once, and what lies between the two stands on a line of its own.
 */
export function summedTable(
  header: readonly string[],
  rows: readonly (readonly (Cell | Summand)[])[],
  sum: string,
): string {
  const shown = rows.map((row) =>
    row.map((cell) => (isSummand(cell) ? (cell.amount === null ? "" : amount(cell.amount)) : cell)),
  );
  const sums = header.map((_, column) => {
    const cells = rows.map((row) => row[column]!);
    if (!cells.some(isSummand)) return undefined;
    const amounts = cells.filter(isSummand).flatMap((cell) => (cell.amount === null ? [] : [cell.amount]));
    const total = floorTo(exact(sumOf(amounts)), 2);
    return { total, rest: total - amounts.reduce((all, each) => all + floorTo(exact(each), 2), 0n) };
  });
  const line = (label: string, pick: (column: { total: bigint; rest: bigint }) => string) =>
    sums.map((column, index) => (index === 0 ? label : column === undefined ? "" : pick(column)));
  const rounded = sums.some((column) => column !== undefined && column.rest !== 0n);
  return table(header, [
    ...shown,
    ...(rounded ? [line("rounding", ({ rest }) => (rest === 0n ? "" : cents(rest)))] : []),
    line(sum, ({ total }) => cents(total)),
  ]);
}
