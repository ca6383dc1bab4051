// SPDX-License-Identifier: GPL-3.0-or-later
/** Plain text for people. */
import { addDecimals, type Decimal, floorTo, formatDecimal } from "../formats/decimal.ts";

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
export function sumOf(amounts: readonly string[]): string {
  const { units, decimals } = addDecimals(...amounts.map(exact));
  return formatDecimal(units, decimals);
}

/** Basis points as a percentage: "15000" is "150.00%". */
export const percent = (bps: string): string => `${amount(formatDecimal(BigInt(bps), 2))}%`;

/** A level's name as people write it: "closeOut" is "close-out". */
export const levelWord = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Columns two spaces apart; the first to the left, the others to the right. A rule below the header. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const render = (line: readonly string[]) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [render(header), rule, ...rows.map(render)].join("\n");
}

/** A cell of a column that is summed: an exact decimal string, or null where nothing is known. */
export interface Summand {
  readonly amount: string | null;
}

/**
 * A table whose columns of summands add up as shown: each is rounded down to hundredths, their exact sum is rounded down
 * once, and what lies between the two stands on a line of its own.
 */
export function summedTable(
  header: readonly string[],
  rows: readonly (readonly (string | Summand)[])[],
  sum: string,
): string {
  const shown = rows.map((row) =>
    row.map((cell) => (typeof cell === "string" ? cell : cell.amount === null ? "" : amount(cell.amount))),
  );
  const columns = header.map((_, column) => {
    const cells = rows.map((row) => row[column]!);
    if (!cells.some((cell) => typeof cell !== "string")) return undefined;
    const amounts = cells.flatMap((cell) => (typeof cell === "string" || cell.amount === null ? [] : [cell.amount]));
    const total = floorTo(exact(sumOf(amounts)), 2);
    return { total, rest: total - amounts.reduce((all, each) => all + floorTo(exact(each), 2), 0n) };
  });
  const line = (label: string, pick: (column: { total: bigint; rest: bigint }) => string) =>
    columns.map((column, index) => (index === 0 ? label : column === undefined ? "" : pick(column)));
  const rounded = columns.some((column) => column !== undefined && column.rest !== 0n);
  return table(header, [
    ...shown,
    ...(rounded ? [line("rounding", ({ rest }) => (rest === 0n ? "" : cents(rest)))] : []),
    line(sum, ({ total }) => cents(total)),
  ]);
}
