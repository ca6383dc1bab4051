// SPDX-License-Identifier: GPL-3.0-or-later
/** Decimal strings: the one form in which an amount enters or leaves, and its exact conversion to whole lots. */
import { PlimsollError } from "../errors.ts";
import type { UnitOf } from "../units.ts";

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
 * `FIELD_INVALID`; the error says what is in the way and how to write it, and never repeats the text.
 */
export function parseDecimal(text: string): Decimal {
  const match = text.length > MAX_LENGTH ? null : PATTERN.exec(text);
  if (match === null) throw new PlimsollError("FIELD_INVALID", notDecimal(text));
  const [, whole, fraction = ""] = match;
  const units = BigInt(`${whole}${fraction}`);
  if (units === 0n && text.startsWith("-")) throw new PlimsollError("FIELD_INVALID", "expected 0 without a minus");
  return { units, decimals: fraction.length };
}

/**
 * Reads a number as programs write it: an exponent, a plus sign, `-0` and zeros at the end are allowed. Exact. Throws
 * `FIELD_INVALID`; an empty text is no zero.
 */
export function parseNumber(text: string): Decimal {
  const match = text.length > 2 * MAX_LENGTH ? null : NUMBER.exec(text);
  if (match === null) {
    const found = text === "" ? "an empty text, which is no zero" : "something else";
    throw new PlimsollError("FIELD_INVALID", `expected a number: found ${found}`);
  }
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  const decimals = fraction.length - Number(exponent);
  if (Math.abs(decimals) > MAX_LENGTH) throw new PlimsollError("FIELD_INVALID", "expected a number of a usual size");
  const units = BigInt(`${whole}${fraction}`) * (sign === "-" ? -1n : 1n);
  return simplified(decimals < 0 ? { units: units * 10n ** BigInt(-decimals), decimals: 0 } : { units, decimals });
}
const NUMBER = /^([+-]?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,3}))?$/;

/** The same number without zeros at its end. */
export function simplified({ units, decimals }: Decimal): Decimal {
  while (decimals > 0 && units % 10n === 0n) {
    units /= 10n;
    decimals--;
  }
  return { units, decimals };
}

/** Signs that spreadsheets write into amounts. */
const SIGNS = {
  point: ".",
  comma: ",",
  space: " \u00A0\u2009\u202F",
  apostrophe: "'\u2019",
} as const;
export type DecimalSign = "point" | "comma";
export type ThousandsSign = keyof typeof SIGNS;
export const DECIMAL_SIGNS: readonly DecimalSign[] = ["point", "comma"];
export const THOUSANDS_SIGNS = Object.keys(SIGNS) as ThousandsSign[];

/** How a table writes its amounts. */
export interface NumberStyle {
  /** Default: point. */
  readonly decimal?: DecimalSign | undefined;
  /** The sign between groups of three digits; none unless given. */
  readonly thousands?: ThousandsSign | undefined;
}

/**
 * Reads an amount as a table writes it. Groups must be of three digits. Throws `FIELD_INVALID` as `parseDecimal`, also
 * where decimal and thousands sign are the same.
 */
export function parseAmount(text: string, { decimal = "point", thousands }: NumberStyle = {}): Decimal {
  if (decimal === thousands) {
    throw new PlimsollError("FIELD_INVALID", "the decimal sign cannot group thousands as well");
  }
  const group = thousands === undefined ? "(?!)" : `[${SIGNS[thousands]}]`;
  const pattern = new RegExp(`^(-?)([0-9]{1,3}(?:${group}[0-9]{3})+|[0-9]+)(?:[${SIGNS[decimal]}]([0-9]+))?$`);
  const match = text.length > MAX_LENGTH ? null : pattern.exec(text);
  if (match === null) throw new PlimsollError("FIELD_INVALID", notDecimal(text, decimal));
  const [, minus, whole, fraction] = match;
  return parseDecimal(`${minus}${whole!.replace(/[^0-9]/g, "")}${fraction === undefined ? "" : `.${fraction}`}`);
}

const FAULTS: readonly (readonly [pattern: RegExp, rule: string, option?: string])[] = [
  [/^$/, "nothing; write 0 for no amount"],
  [/^\(.*\)$/, "an amount in parentheses; write a minus in front of it"],
  [/^[-\u2212\u2013\u2014]$/, "a dash alone; write 0 for no amount"],
  [/-\s*$/, "a minus behind the amount; write it in front"],
  [/^[\u2212\u2013\u2014]/, "a dash that is no minus; write the plain -"],
  [/^\+/, "a plus sign; leave it out"],
  [/[\s\u200B]/, "a space, perhaps one that does not break; take it out", "--thousands space if it groups thousands"],
  [
    /^-?[0-9.,]+[eE][+-]?[0-9]+$/,
    "an exponent; write all digits (in a spreadsheet, format the column as a number without exponent)",
  ],
  [/['\u2019]/, "an apostrophe; take it out", "--thousands apostrophe if it groups thousands"],
  [
    /,/,
    "a comma; write the decimal sign as a point, and no sign between thousands",
    "--decimal comma if it is the decimal sign, or --thousands comma",
  ],
  [/\..*\./, "more than one point", "--thousands point with --decimal comma if points group thousands"],
  [/^-?0[0-9]/, "a leading zero; leave it out"],
  [/^-?\./, "a point without a digit before it; write a zero there"],
  [/^#/, "a spreadsheet's error, such as #REF!; mend the cell"],
  [/[$\u20AC\u00A3\u00A5%]/, "a currency or percent sign; write the number alone"],
];

/** What is in the way, without the text. In a table, whose decimal sign is given, also which option would read it. */
function notDecimal(text: string, inTable?: DecimalSign): string {
  const comma = inTable === "comma";
  const expected = `expected a decimal of at most ${MAX_LENGTH} characters, such as "${comma ? "-12,5" : "-12.5"}"`;
  if (text.length > MAX_LENGTH) return expected;
  if (comma && /^-?[0-9,.]+$/.test(text) && text.includes(".")) {
    return `${expected}: found a point; take it out, or give --thousands point if it groups thousands`;
  }
  const fault = FAULTS.find(([pattern, , option]) => pattern.test(text) && !(comma && option?.includes("comma")));
  if (fault === undefined) return expected;
  const [, rule, option] = fault;
  return `${expected}: found ${rule}${inTable !== undefined && option !== undefined ? `, or give ${option}` : ""}`;
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

/**
 * The same in a unit. Throws `NOT_A_MULTIPLE`, or `OUT_OF_RANGE` with the limits in whole units, and in lots where these
 * differ.
 */
export function amountIn<U extends bigint>(value: Decimal, lot: Decimal, unit: UnitOf<U>): U {
  const lots = lotsOf(value, lot);
  const { low, high } = unit;
  if (lots < low || lots > high) {
    const range = `between ${formatLots(low, lot)} and ${formatLots(high, lot)}`;
    const inLots = lot.units === 1n && lot.decimals === 0 ? "" : ` (${low} to ${high} lots of ${formatLots(1n, lot)})`;
    throw new PlimsollError("OUT_OF_RANGE", `expected an amount ${range}${inLots}`);
  }
  return unit(lots);
}

/** Exact. */
export function addDecimals(...values: readonly Decimal[]): Decimal {
  const decimals = Math.max(0, ...values.map((value) => value.decimals));
  const units = values.reduce((sum, value) => sum + value.units * 10n ** BigInt(decimals - value.decimals), 0n);
  return { units, decimals };
}

/** Exact. */
export const negated = ({ units, decimals }: Decimal): Decimal => ({ units: -units, decimals });

/** Exact. */
export const absolute = ({ units, decimals }: Decimal): Decimal => ({ units: units < 0n ? -units : units, decimals });

/** Exact. */
export const multiplied = (a: Decimal, b: Decimal): Decimal => ({
  units: a.units * b.units,
  decimals: a.decimals + b.decimals,
});

/** −1, 0 or 1. */
export const compareDecimals = (a: Decimal, b: Decimal): number => {
  const { units } = addDecimals(a, negated(b));
  return units === 0n ? 0 : units < 0n ? -1 : 1;
};

/** The largest whole number that is at most `over` / `under`; `under` is above zero. */
export function floorDivided(over: bigint, under: bigint): bigint {
  const quotient = over / under;
  return over < 0n && quotient * under !== over ? quotient - 1n : quotient;
}

/** `over / under` of two exact numbers, the latter above zero, rounded down to so many decimals. */
export function quotientDown(over: Decimal, under: Decimal, decimals: number): Decimal {
  const ten = (power: number) => 10n ** BigInt(power);
  const units = floorDivided(over.units * ten(under.decimals + decimals), under.units * ten(over.decimals));
  return simplified({ units, decimals });
}

/** The largest whole number of lots of 10^-decimals that is at most `value`. */
export function floorTo(value: Decimal, decimals: number): bigint {
  if (value.decimals <= decimals) return value.units * 10n ** BigInt(decimals - value.decimals);
  return floorDivided(value.units, 10n ** BigInt(value.decimals - decimals));
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
