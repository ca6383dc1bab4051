// SPDX-License-Identifier: GPL-3.0-or-later
/** Exact figures as people read them in a document: grouped, rounded to whole units, with a minus sign as wide as a digit. */

import { formatLots, lotOfDecimals } from "../formats/decimal.ts";

const GROUPED = new Intl.NumberFormat("en-US");
const MINUS = "−";

/** `value · 10^-decimals` rounded to the nearest whole number, grouped. */
export function whole(value: bigint, decimals: number): string {
  const unit = 10n ** BigInt(decimals);
  const magnitude = ((value < 0n ? -value : value) + unit / 2n) / unit;
  return `${value < 0n && magnitude !== 0n ? MINUS : ""}${GROUPED.format(magnitude)}`;
}

export const signed = (value: bigint, decimals: number) => `${value > 0n ? "+" : ""}${whole(value, decimals)}`;

/** A price of a whole unit, exact, with at least two decimals. */
export function price(priceE8: bigint): string {
  const text = grouped(formatLots(priceE8, lotOfDecimals(8)));
  return text.includes(".") ? text.replace(/\.(.)$/, ".$10") : `${text}.00`;
}

/** Groups the digits of a decimal string, and gives it a minus sign that is as wide as its digits. */
export function grouped(text: string): string {
  const [head, fraction] = text.split(".") as [string, string?];
  const digits = GROUPED.format(BigInt(head.replace("-", "")));
  return `${text.startsWith("-") ? MINUS : ""}${digits}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** Basis points as a percentage, rounded down to `shown` decimals, at most two; trailing zeros dropped. */
export function percent(bps: bigint, shown = 2): string {
  const scale = 10n ** BigInt(2 - shown);
  const floor = bps >= 0n ? bps / scale : -((-bps + scale - 1n) / scale);
  const value = Number(floor * scale) / 100;
  return `${value < 0 ? MINUS : ""}${Math.abs(value)}%`;
}

/** For drawing. */
export const units = (value: bigint, decimals: number): number => Number(value) / 10 ** decimals;
