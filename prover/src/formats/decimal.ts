// SPDX-License-Identifier: GPL-3.0-or-later
/** Decimal strings: the one form in which an amount enters or leaves, and its exact conversion to whole lots. */
import { PlimsollError } from "../errors.ts";

/** The exact number `units · 10^-decimals`. */
export interface Decimal {
  readonly units: bigint;
  /** 0 or more. */
  readonly decimals: number;
}

/** Longest decimal string read. The widest amount of the system, a 78-bit threshold, needs 25 characters. */
const MAX_LENGTH = 40;
const PATTERN = /^(-?(?:0|[1-9][0-9]*))(?:\.([0-9]+))?$/;

/**
 * Reads a decimal string: an optional minus, digits without leading zeros, and optionally a point followed by digits.
 * No exponent, plus sign, space, hexadecimal digit, grouping or minus zero, and at most 40 characters. Throws
 * `FIELD_INVALID`.
 */
export function parseDecimal(text: string): Decimal {
  const match = text.length > MAX_LENGTH ? null : PATTERN.exec(text);
  if (match === null) {
    throw new PlimsollError("FIELD_INVALID", `expected a decimal of at most ${MAX_LENGTH} characters, such as "-12.5"`);
  }
  const [, whole, fraction = ""] = match;
  const units = BigInt(`${whole}${fraction}`);
  if (units === 0n && text.startsWith("-")) throw new PlimsollError("FIELD_INVALID", "expected 0 without a minus");
  return { units, decimals: fraction.length };
}

/** How many lots of size `lot` (above zero) make up `value`. Throws `NOT_A_MULTIPLE` unless a whole number does. */
export function lotsOf(value: Decimal, lot: Decimal): bigint {
  const numerator = value.units * 10n ** BigInt(lot.decimals);
  const denominator = lot.units * 10n ** BigInt(value.decimals);
  if (numerator % denominator !== 0n) {
    throw new PlimsollError("NOT_A_MULTIPLE", `expected a multiple of ${formatLots(1n, lot)}`);
  }
  return numerator / denominator;
}

/** The lot 10^-decimals: what an amount with that many decimals is a multiple of. */
export const lotOfDecimals = (decimals: number): Decimal => ({ units: 1n, decimals });

/** The shortest decimal string of `count` lots; reading it back with the same lot gives `count`. Exact. */
export function formatLots(count: bigint, lot: Decimal): string {
  const units = count * lot.units;
  const digits = (units < 0n ? -units : units).toString().padStart(lot.decimals + 1, "0");
  const point = digits.length - lot.decimals;
  const fraction = digits.slice(point).replace(/0+$/, "");
  return `${units < 0n ? "-" : ""}${digits.slice(0, point)}${fraction === "" ? "" : `.${fraction}`}`;
}

/** `count · 10^-decimals` as the shortest decimal string. */
export const formatDecimal = (count: bigint, decimals: number): string => formatLots(count, lotOfDecimals(decimals));
