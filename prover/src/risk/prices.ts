// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Daily price histories: `date,close`, and perhaps `volume` (units of the asset) and `implied` (annual volatility at the money
 * for 30 days, 0.55 for 55%), in this order; one row a day, ascending.
 *
 * What is wrong is refused with line and column: prices that are no decimals or not above zero, days that come twice or
 * go back. Days that are missing are bridged, up to three in a row: the move over the gap counts as one return, divided
 * by the root of the days it took. Every bridge is listed in `repairs`, which reports show. Nothing is ever filled in.
 */
import { PlimsollError } from "../errors.ts";
import { parseCsv } from "../formats/csv.ts";
import { parseDecimal } from "../formats/decimal.ts";

const DAY_MS = 86_400_000;
const LONGEST_GAP = 3;
/** A move by more than a factor of e in a day is kept, and pointed out. */
const SUSPECT = 1;

export interface PriceHistory {
  readonly symbol: string;
  /** `YYYY-MM-DD`, ascending. */
  readonly dates: readonly string[];
  readonly closes: readonly number[];
  /** Units traded a day, where the file says. */
  readonly volumes?: readonly number[];
  /** Annual implied volatility of the day, where the file says; above zero. */
  readonly implied?: readonly number[];
  /** Log return to each date from the one before, per day; the first is 0 and means nothing. */
  readonly returns: readonly number[];
  /** What was repaired or looks wrong, in words, with the date. */
  readonly repairs: readonly string[];
}

/** Reads a history. Throws `SYNTAX`, `FIELD_INVALID`, `OUT_OF_RANGE`, `TOO_LARGE`, naming file, line and column. */
export function readPriceHistory(text: string, file: string, symbol: string): PriceHistory {
  const header = /^\uFEFF?([^\r\n]*)/.exec(text)?.[1]?.split(",") ?? [];
  const extra = (["volume", "implied"] as const).filter((name) => header.includes(name));
  const rows = parseCsv(text, file, ["date", "close", ...extra]).map(({ line, fields }) => ({
    date: fields.date!,
    close: fields.close!,
    volume: fields.volume ?? 0,
    implied: fields.implied ?? 1,
    place: (field: string) => ({ file, line, field }),
  }));
  return history(symbol, rows, extra);
}

/** The same from arrays; errors name the column and the index. */
export function priceHistory(symbol: string, dates: readonly string[], closes: readonly number[]): PriceHistory {
  if (dates.length !== closes.length) throw new TypeError("expected as many closes as dates");
  const rows = dates.map((date, index) => ({
    date,
    close: closes[index]!,
    volume: 0,
    implied: 1,
    place: (field: string) => ({ field: `${field}[${index}]` }),
  }));
  return history(symbol, rows, []);
}

interface Row {
  readonly date: string;
  readonly close: string | number;
  readonly volume: string | number;
  readonly implied: string | number;
  place(field: string): { readonly file?: string; readonly line?: number; readonly field: string };
}

function history(symbol: string, rows: readonly Row[], given: readonly string[]): PriceHistory {
  const closes: number[] = [];
  const volumes: number[] = [];
  const implied: number[] = [];
  const returns: number[] = [];
  const repairs: string[] = [];
  let before = Number.NaN;
  for (const { date, close, volume, implied: quoted, place } of rows) {
    const day = dayOf(date);
    if (day === undefined)
      throw new PlimsollError("FIELD_INVALID", 'expected a date such as "2026-11-22"', place("date"));
    const price = amount(close, place("close"));
    if (!(price > 0)) throw new PlimsollError("OUT_OF_RANGE", "expected a price above 0", place("close"));
    const traded = amount(volume, place("volume"));
    if (!(traded >= 0)) throw new PlimsollError("OUT_OF_RANGE", "expected a volume of at least 0", place("volume"));
    const volatility = amount(quoted, place("implied"));
    if (!(volatility > 0)) throw new PlimsollError("OUT_OF_RANGE", "expected a volatility above 0", place("implied"));
    const days = closes.length === 0 ? 1 : day - before;
    if (days === 0) throw new PlimsollError("FIELD_INVALID", "this day has a price already", place("date"));
    if (days < 0) throw new PlimsollError("FIELD_INVALID", "dates must ascend", place("date"));
    if (days - 1 > LONGEST_GAP) {
      throw new PlimsollError("OUT_OF_RANGE", `expected at most ${LONGEST_GAP} missing days in a row`, place("date"));
    }
    const change = closes.length === 0 ? 0 : Math.log(price / closes.at(-1)!) / Math.sqrt(days);
    if (days > 1) repairs.push(`${date}: ${days - 1} missing before it; the move counts as one return, over √${days}`);
    if (Math.abs(change) > SUSPECT) repairs.push(`${date}: a move by more than a factor of e in a day, kept`);
    closes.push(price);
    volumes.push(traded);
    implied.push(volatility);
    returns.push(change);
    before = day;
  }
  return {
    symbol,
    dates: rows.map(({ date }) => date),
    closes,
    returns,
    repairs,
    ...(given.includes("volume") && { volumes }),
    ...(given.includes("implied") && { implied }),
  };
}

function dayOf(date: string): number | undefined {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== date ? undefined : time / DAY_MS;
}

function amount(value: string | number, place: ReturnType<Row["place"]>): number {
  if (typeof value === "number") return value;
  try {
    parseDecimal(value);
  } catch (error) {
    throw error instanceof PlimsollError ? error.at(place) : error;
  }
  return Number(value);
}

/** The histories on the days that all of them have, in order, with returns between those days. */
export function alignHistories(histories: readonly PriceHistory[]): readonly PriceHistory[] {
  const sets = histories.map(({ dates }) => new Set(dates));
  return histories.map((each) => {
    const kept = each.dates.flatMap((date, index) => (sets.every((dates) => dates.has(date)) ? [index] : []));
    const aligned = priceHistory(
      each.symbol,
      kept.map((index) => each.dates[index]!),
      kept.map((index) => each.closes[index]!),
    );
    const pick = (values: readonly number[]) => kept.map((index) => values[index]!);
    return {
      ...aligned,
      repairs: each.repairs,
      ...(each.volumes && { volumes: pick(each.volumes) }),
      ...(each.implied && { implied: pick(each.implied) }),
    };
  });
}
