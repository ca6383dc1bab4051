// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Daily price histories: one close a day, ascending, and perhaps volumes and implied volatilities.
 *
 * Two calendars are told apart. Where prices come every day of the week, missing days are bridged, up to three in a row: the
 * move over the gap counts as one return, divided by the root of the days it took. Where some weekday never has a price, the
 * asset trades on an exchange: its closed weekdays and holidays are no gaps, a move from one trading day to the next counts as
 * one return, undivided, and a year has as many days as the history has prices in 365. `repairs` lists every bridge, and
 * reports show it. Nothing is ever filled in.
 */
import { PlimsollError } from "../errors.ts";
import { parseDecimal } from "../formats/decimal.ts";

const DAY_MS = 86_400_000;
const LONGEST_GAP = 3;
/** Trading days: exchanges close for up to 6 weekdays in a row (the new year of China in 2020; the NYSE for 4 in 2001). */
const LONGEST_CLOSURE = 6;
/** Prices that a calendar is told from. With gaps of at most three days, as many fall on every day of the week. */
const CALENDAR_SAMPLE = 20;
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const DAILY = 365;

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
  /** Days with a price in a year: 365, or about 252 on an exchange. */
  readonly daysAYear: number;
  /** Line of each day in the file that it was read from. */
  readonly lines?: readonly number[];
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
 * than three missing days in a row (six trading days on an exchange).
 */
export function historyOf(
  symbol: string,
  rows: readonly PriceRow[],
  dateRule = 'expected a date such as "2026-11-22"',
): PriceHistory {
  const days = rows.map(({ date, place }) => {
    const day = dayOf(date);
    if (day === undefined) throw new PlimsollError("FIELD_INVALID", dateRule, place("date"));
    return day;
  });
  const { closed, daysAYear } = calendarOf(days);
  const closes: number[] = [];
  const volumes: number[] = [];
  const implied: number[] = [];
  const returns: number[] = [];
  const bridges: string[] = [];
  let holidays = 0;
  for (const [index, row] of rows.entries()) {
    const price = readAmounts(row);
    const missing = index === 0 ? 0 : missingDays(days[index - 1]!, days[index]!, closed, row);
    if (closed.size > 0) holidays += missing;
    else if (missing > 0) {
      bridges.push(`${row.date}: ${missing} missing before it; the move counts as one return, over √${missing + 1}`);
    }
    const move = index === 0 ? 0 : Math.log(price.close / closes[index - 1]!);
    returns.push(closed.size > 0 ? move : move / Math.sqrt(missing + 1));
    closes.push(price.close);
    volumes.push(price.volume);
    implied.push(price.implied);
  }
  const weekdays = [...closed].map((day) => WEEKDAYS[day]!).join(" and ");
  const calendar = `no prices on ${weekdays}: an exchange's calendar, ${daysAYear} days a year; ${holidays} other days without a price count as holidays`;
  const lines = rows.map(({ place }) => place("date").line);
  return {
    symbol,
    dates: rows.map(({ date }) => date),
    closes,
    returns,
    daysAYear,
    repairs: closed.size > 0 ? [calendar] : bridges,
    ...(rows[0]?.volume !== undefined && { volumes }),
    ...(rows[0]?.implied !== undefined && { implied }),
    ...(lines.every((line) => line !== undefined) && { lines }),
  };
}

/** The weekdays on which prices never come (0 is Sunday), and the length of a year: 365 where there are none. */
function calendarOf(days: readonly number[]): { readonly closed: ReadonlySet<number>; readonly daysAYear: number } {
  const open = new Set(days.map(weekdayOf));
  const [first, last] = [days[0] ?? 0, days.at(-1) ?? 0];
  if (days.length < CALENDAR_SAMPLE || open.size === 7) return { closed: new Set(), daysAYear: DAILY };
  const closed = new Set([1, 2, 3, 4, 5, 6, 0].filter((weekday) => !open.has(weekday)));
  return { closed, daysAYear: Math.round(((days.length - 1) / Math.abs(last - first)) * DAILY) };
}

/** 1970-01-01 was a Thursday. */
const weekdayOf = (day: number): number => (((day + 4) % 7) + 7) % 7;

/** Days between two on which a price was due. Throws where there are too many, or where the second is not after the first. */
function missingDays(before: number, day: number, closed: ReadonlySet<number>, { place }: PriceRow): number {
  if (day === before) throw new PlimsollError("FIELD_INVALID", "this day has a price already", place("date"));
  if (day < before)
    throw new PlimsollError("FIELD_INVALID", "dates must ascend, or descend, throughout", place("date"));
  const most = closed.size > 0 ? LONGEST_CLOSURE : LONGEST_GAP;
  let missing = 0;
  for (let between = before + 1; between < day; between++) {
    if (!closed.has(weekdayOf(between))) missing++;
    if (missing > most) {
      const days = closed.size > 0 ? "trading days" : "days";
      throw new PlimsollError("OUT_OF_RANGE", `expected at most ${most} missing ${days} in a row`, place("date"));
    }
  }
  return missing;
}

/** Price, volume and implied volatility of a row; 0 and 1 where it has none. */
function readAmounts({ close, volume = 0, implied = 1, place }: PriceRow) {
  const price = amount(close, place("close"));
  if (!(price > 0)) throw new PlimsollError("OUT_OF_RANGE", "expected a price above 0", place("close"));
  const traded = amount(volume, place("volume"));
  if (!(traded >= 0)) throw new PlimsollError("OUT_OF_RANGE", "expected a volume of at least 0", place("volume"));
  const volatility = amount(implied, place("implied"));
  if (!(volatility > 0)) throw new PlimsollError("OUT_OF_RANGE", "expected a volatility above 0", place("implied"));
  return { close: price, volume: traded, implied: volatility };
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
      ...(each.lines && { lines: pick(each.lines) }),
    };
  });
}
