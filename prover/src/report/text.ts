// SPDX-License-Identifier: GPL-3.0-or-later
/** Plain text for people. */
import { formatDecimal, parseDecimal } from "../formats/decimal.ts";

/** A decimal string rounded down (towards minus infinity) to hundredths, thousands grouped: "-1,234.50". */
export function amount(text: string): string {
  const { units, decimals } = parseDecimal(text);
  const numerator = units * 100n;
  const divisor = 10n ** BigInt(decimals);
  const cents = numerator / divisor - (numerator < 0n && numerator % divisor !== 0n ? 1n : 0n);
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, "0");
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${cents < 0n ? "-" : ""}${whole}.${digits.slice(-2)}`;
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
