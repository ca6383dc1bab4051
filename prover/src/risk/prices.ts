// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Daily price histories: one close a day, ascending, and perhaps volumes and implied volatilities.
 *
 * Days that are missing are bridged, up to three in a row: the move over the gap counts as one return, divided by the root
 * of the days it took. Every bridge is listed in `repairs`, which reports show. Nothing is ever filled in.
 */
import { PlimsollError } from "../errors.ts";
import { parseDecimal } from "../formats/decimal.ts";

const DAY_MS = 86_400_000;
const LONGEST_GAP = 3;

/**
 * Daily prices of an underlying.
 * @see docs/library.md#risk
 */
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

/**
 * A history from arrays; errors name the column and the index.
 * @see docs/library.md#risk
 */
export function priceHistory(symbol: string, dates: readonly string[], closes: readonly number[]): PriceHistory {
  if (dates.length !== closes.length) throw new TypeError("expected as many closes as dates");
  const rows = dates.map((date, index) => ({
    date,
    close: closes[index]!,
    place: (field: string) => ({ field: `${field}[${index}]` }),
  }));
  return historyOf(symbol, rows);
}

/** One day of a history that is still to be checked. All rows have the same members. */
export interface PriceRow {
  readonly date: string;
  /** A number, or a decimal string. */
  readonly close: string | number;
  readonly volume?: string | number;
  readonly implied?: string | number;
  /** Where it comes from, for errors. */
  place(field: string): { readonly file?: string; readonly line?: number; readonly field: string };
}

/**
 * Makes a history of rows in ascending order. Throws at a row's place: `FIELD_INVALID` for a date or a decimal that is
 * none, a day that comes twice or goes back; `OUT_OF_RANGE` for a price or volatility not above 0, a volume below 0, more
 * than three missing days in a row.
 */
export function historyOf(
  symbol: string,
  rows: readonly PriceRow[],
  dateRule = 'expected a date such as "2026-11-22"',
): PriceHistory {
  const closes: number[] = [];
  const volumes: number[] = [];
  const implied: number[] = [];
  const returns: number[] = [];
  const repairs: string[] = [];
  let before = Number.NaN;
  for (const row of rows) {
    const { date, place } = row;
    const day = dayOf(date);
    if (day === undefined) throw new PlimsollError("FIELD_INVALID", dateRule, place("date"));
    const price = amount(row.close, place("close"));
    if (!(price > 0)) throw new PlimsollError("OUT_OF_RANGE", "expected a price above 0", place("close"));
    const traded = amount(row.volume ?? 0, place("volume"));
    if (!(traded >= 0)) throw new PlimsollError("OUT_OF_RANGE", "expected a volume of at least 0", place("volume"));
    const volatility = amount(row.implied ?? 1, place("implied"));
    if (!(volatility > 0)) throw new PlimsollError("OUT_OF_RANGE", "expected a volatility above 0", place("implied"));
    const days = closes.length === 0 ? 1 : day - before;
    if (days === 0) throw new PlimsollError("FIELD_INVALID", "this day has a price already", place("date"));
    if (days < 0) throw new PlimsollError("FIELD_INVALID", "dates must ascend, or descend, throughout", place("date"));
    if (days - 1 > LONGEST_GAP) {
      throw new PlimsollError("OUT_OF_RANGE", `expected at most ${LONGEST_GAP} missing days in a row`, place("date"));
    }
    if (days > 1) repairs.push(`${date}: ${days - 1} missing before it; the move counts as one return, over √${days}`);
    returns.push(closes.length === 0 ? 0 : Math.log(price / closes.at(-1)!) / Math.sqrt(days));
    closes.push(price);
    volumes.push(traded);
    implied.push(volatility);
    before = day;
  }
  return {
    symbol,
    dates: rows.map(({ date }) => date),
    closes,
    returns,
    repairs,
    ...(rows[0]?.volume !== undefined && { volumes }),
    ...(rows[0]?.implied !== undefined && { implied }),
  };
}

function dayOf(date: string): number | undefined {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== date ? undefined : time / DAY_MS;
}

function amount(value: string | number, place: ReturnType<PriceRow["place"]>): number {
  if (typeof value === "number") return value;
  try {
    parseDecimal(value);
  } catch (error) {
    throw error instanceof PlimsollError ? error.at(place) : error;
  }
  return Number(value);
}

/**
 * The histories on the days that all of them have, in order, with returns between those days.
 * @see docs/library.md#risk
 */
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
