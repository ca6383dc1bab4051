// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What one venue, custodian or broker says that an account holds: what every reader of this folder returns. Amounts are exact. Nothing
 * here knows a policy or a market; whether a holding has a place on them is decided once, for all venues (`app/import.ts`).
 */
import { type ErrorCode, PlimsollError } from "../../errors.ts";
import type { NamedText } from "../../formats/account.ts";
import {
  absolute,
  addDecimals,
  compareDecimals,
  type Decimal,
  multiplied,
  negated,
  quotientDown,
} from "../../formats/decimal.ts";
import { type JsonValue, parseJson } from "../../formats/json.ts";
import { isLabel } from "../../formats/labels.ts";

/** What a contract is, where its name or its file says so. */
export interface Contract {
  readonly kind: "perpetual" | "future" | "option" | "spot";
  readonly underlying: string;
  /** What its price and its strike are in. */
  readonly quote: string;
  /** What its profits are paid in. */
  readonly settle: string;
  /** Quantity is in units of `quote` of face, and pays coins. */
  readonly inverse: boolean;
  /** `YYYY-MM-DD`. */
  readonly expiry?: string;
  readonly strike?: Decimal;
  readonly right?: "call" | "put";
  /** The file leaves something of it open: only a map or the same name gives it a place, and the rest must agree. */
  readonly byName?: true;
}

export interface Balance {
  readonly asset: string;
  /** Signed: below zero it is owed. */
  readonly amount: Decimal;
  /** What the amount is, in words: "borrowed", "cash balance". */
  readonly of: string;
  /** What one is worth by the venue, where a name alone does not say what it is: there are shares with the names of coins. */
  readonly price?: OwnFigure;
}

export interface Position {
  /** As the venue calls it. */
  readonly symbol: string;
  /** Undefined where only a map says what it is. */
  readonly contract?: Contract;
  /** As the file has it. */
  readonly source: { readonly amount: Decimal; readonly unit: string };
  /** In units of the underlying; of an inverse contract in quote units of face. Signed. */
  readonly quantity: Decimal;
  /** Quote per unit at which the balances have not paid for it yet; undefined where they have paid or received its whole price. */
  readonly entryPrice?: Decimal;
  /** The venue's own figure, to compare, in the currency of settlement: the profit where it has an entry price, else the value. */
  readonly own?: Decimal;
}

/** A part of the file that is no holding of a kind that accounts have: left out. */
export interface Unusable {
  readonly name: string;
  readonly why: string;
}

/** A figure of the venue's own, to compare. */
export interface OwnFigure {
  readonly asset: string;
  readonly amount: Decimal;
}

export interface Snapshot {
  /** Of a file: when it was taken. None where the file does not say. */
  readonly times: readonly string[];
  /** The day of a statement without a time. */
  readonly day?: string;
  readonly balances: readonly Balance[];
  readonly positions: readonly Position[];
  readonly unusable: readonly Unusable[];
  /** Names of holdings whose amounts cannot be relied on: nothing is proven of an account with one. */
  readonly approximate: readonly string[];
  /** Rows of nothing and the like, in words without amounts. */
  readonly notes: readonly string[];
  /** In parts: one for each currency, or one in all. Empty where the files do not say. */
  readonly equity: readonly OwnFigure[];
  readonly margin: readonly OwnFigure[];
}

/** Gathers a snapshot. Throws `FIELD_INVALID` for what is there twice: two snapshots, or one given twice. */
export class SnapshotDraft {
  readonly times: string[] = [];
  readonly balances: Balance[] = [];
  readonly positions: Position[] = [];
  readonly unusable: Unusable[] = [];
  readonly approximate: string[] = [];
  readonly notes: string[] = [];
  readonly equity: OwnFigure[] = [];
  readonly margin: OwnFigure[] = [];
  readonly #seen = new Set<string>();

  /** Marks a row as read; `error` makes the error of one that was read already. */
  once(key: string, error: (rule: string) => Error): void {
    if (this.#seen.has(key)) throw error("this is there twice: two snapshots, or one file given twice");
    this.#seen.add(key);
  }

  /** Marks an open position of one side as read. One without a side is of both: no account has it beside one of a side. */
  open(symbol: string, side: string | undefined, error: (rule: string) => Error): void {
    const sides = side === undefined ? ["long", "short"] : [side.toLowerCase()];
    for (const each of sides) this.once(`open ${symbol} ${each}`, error);
  }

  /** Adds a balance unless it is nothing. */
  balance(asset: string, amount: Decimal, of: string, price?: OwnFigure): void {
    if (amount.units !== 0n) this.balances.push({ asset, amount, of, ...(price && { price }) });
  }

  position(position: Position): void {
    if (position.quantity.units === 0n) this.notes.push(`${position.symbol}: a row of zero`);
    else this.positions.push(position);
  }
}

const LIMITS = { length: 4_000_000, values: 200_000 };

/** A venue's JSON. Throws as `parseJson`. */
export function openVenueJson({ text, file }: NamedText): JsonValue {
  if (/^\s*[[{]\s*\{?\s*'/.test(text)) {
    throw new PlimsollError("SYNTAX", "Python's own notation; write the file with json.dump", { file, line: 1 });
  }
  return parseJson(text, file, LIMITS);
}

/** The name of an asset or an instrument: a label of at most 64 characters. */
export const venueName = (value: JsonValue): string => nameAt(value.string(), value);

/** The same of a name that is the key of a value. */
export function nameAt(name: string, value: JsonValue): string {
  if (!isLabel(name) || name.length > 64) throw value.error("FIELD_INVALID", "expected a name of 1 to 64 characters");
  return name;
}

/**
 * Whether profits that a balance says are not those of the positions, by more than 1% of what these are worth: prices move less between two
 * answers. False where a position does not say its own.
 */
export function profitsApart(profit: Decimal, held: readonly Position[]): boolean {
  if (held.some(({ own }) => own === undefined)) return false;
  const apart = absolute(addDecimals(profit, ...held.map(({ own }) => negated(own!))));
  const worth = held.map(({ quantity, entryPrice, contract }) =>
    contract?.inverse ? quotientDown(absolute(quantity), entryPrice!, 12) : multiplied(absolute(quantity), entryPrice!),
  );
  return compareDecimals(apart, multiplied(addDecimals(...worth), { units: 1n, decimals: 2 })) > 0;
}

/** How large a contract is: above zero. A size of nothing would drop a position, one below zero turn it round. */
export function sizeAt(value: JsonValue): Decimal {
  const size = value.number();
  if (size.units <= 0n) throw value.error("FIELD_INVALID", "expected the size of a contract, above zero");
  return size;
}

/** An error body is not an account without holdings. */
export const errorBody = (value: JsonValue): PlimsollError =>
  value.error("FIELD_INVALID", "the venue answered with an error, which is not an empty account; export it again");

/** Throws for an error in an answer. Some venues write `null` or an empty list where there is none. */
export function refuseError(error: JsonValue | undefined): void {
  if (error === undefined || error.kind === "null" || (error.kind === "array" && error.elements().length === 0)) return;
  throw errorBody(error);
}

/** `ms` since 1970 as a time to the second, rounded down. */
export function millisecondsTime(value: JsonValue, unit: 1n | 1000n = 1n): string {
  const { units, decimals } = value.number();
  const milliseconds = units / 10n ** BigInt(decimals) / unit;
  if (milliseconds < 0n || milliseconds > 10n ** 14n) throw value.error("FIELD_INVALID", "expected a time since 1970");
  return new Date(Number(milliseconds)).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** An error about files as a whole. */
export const missingFile = (rule: string, files: readonly NamedText[], code: ErrorCode = "FIELD_INVALID") =>
  new PlimsollError(code, rule, files[0] === undefined ? {} : { file: files.map(({ file }) => file).join(", ") });

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/** `25DEC26` as a date. */
export function dayMonthYear(text: string): string | undefined {
  const [, day, month, year] = /^(\d{1,2})([A-Z]{3})(\d{2})$/.exec(text) ?? [];
  const index = MONTHS.indexOf(month ?? "");
  return index === -1 ? undefined : `20${year}-${String(index + 1).padStart(2, "0")}-${day!.padStart(2, "0")}`;
}

/** `261225` or `20261225` as a date. */
export function yearMonthDay(text: string): string | undefined {
  const [, year, month, day] = /^(?:20)?(\d{2})(\d{2})(\d{2})$/.exec(text) ?? [];
  return year === undefined ? undefined : `20${year}-${month}-${day}`;
}
