// SPDX-License-Identifier: GPL-3.0-or-later
/** Dates as people write them. UTC; what could mean two days is refused. */
import { PlimsollError } from "../errors.ts";
import { isTime } from "./time.ts";

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const NAMES = [
  ...["january", "february", "march", "april", "may", "june"],
  ...["july", "august", "september", "october", "november", "december"],
];

/** The rule, for messages. */
export const WRITTEN_RULE = "expected a date such as 22 November 2026, or with a time, 22 November 2026, 14:30 (UTC)";
const CLOCK = String.raw`(?:(?:,|T|\s|\sat\s)\s*(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(am|pm)?\s*(?:utc|gmt|z)?)?`;
const YEAR_FIRST = new RegExp(`^(\\d{4})-(\\d{1,2})-(\\d{1,2})${CLOCK}$`, "i");
const DAY_FIRST = new RegExp(`^(\\d{1,2})(?:st|nd|rd|th)?\\.?\\s+([a-z]{3,9})\\.?,?\\s+(\\d{4})${CLOCK}$`, "i");
const MONTH_FIRST = new RegExp(`^([a-z]{3,9})\\.?\\s+(\\d{1,2})(?:st|nd|rd|th)?,?\\s+(\\d{4})${CLOCK}$`, "i");
const NUMBERS = new RegExp(`^(\\d{1,2})([./])(\\d{1,2})\\2(\\d{4})${CLOCK}$`, "i");

/**
 * Reads a date. Without a time it is the end of that day, and today is now: what is of that day counts. Throws `FIELD_INVALID` for what is
 * no date, or could be two (03/04/2026).
 *
 *   const date = writtenDate("22 November 2026", new Date());
 */
export function writtenDate(given: string, now: Date): Date {
  const text = given.trim().replaceAll(/\s+/g, " ");
  if (isTime(text)) return new Date(text);
  const { year, month, day, clock } = dayOf(text);
  if (clock[0] === undefined) {
    const end = dateOf(year, month, day, [23, 59, 59]);
    return end.toISOString().slice(0, 10) === now.toISOString().slice(0, 10) ? now : end;
  }
  const [hour = "0", minute = "0", second = "0", half] = clock;
  const twelve = half === undefined ? undefined : half.toLowerCase();
  const hours = Number(hour);
  if (twelve !== undefined && (hours < 1 || hours > 12)) throw refused(WRITTEN_RULE);
  const full = twelve === undefined ? hours : (hours % 12) + (twelve === "pm" ? 12 : 0);
  return dateOf(year, month, day, [full, Number(minute), Number(second)]);
}

const refused = (rule: string) => new PlimsollError("FIELD_INVALID", rule, { field: "your date" });

type Clock = readonly (string | undefined)[];

function dayOf(text: string): { year: number; month: number; day: number; clock: Clock } {
  const first = YEAR_FIRST.exec(text);
  if (first !== null) {
    const [, year, month, day, ...clock] = first;
    return { year: Number(year), month: Number(month), day: Number(day), clock };
  }
  const named = DAY_FIRST.exec(text);
  if (named !== null) {
    const [, day, month, year, ...clock] = named;
    return { year: Number(year), month: monthOf(month!), day: Number(day), clock };
  }
  const american = MONTH_FIRST.exec(text);
  if (american !== null) {
    const [, month, day, year, ...clock] = american;
    return { year: Number(year), month: monthOf(month!), day: Number(day), clock };
  }
  const [, one, sign, two, year, ...clock] = NUMBERS.exec(text) ?? [];
  if (year === undefined) throw refused(WRITTEN_RULE);
  const [a, b] = [Number(one), Number(two)];
  if (sign === "/" && a <= 12 && b <= 12 && a !== b) throw refused("this could be two days: write the month as a word");
  const [day, month] = sign === "." || a > 12 || a === b ? [a, b] : [b, a];
  return { year: Number(year), month, day, clock };
}

function monthOf(word: string): number {
  const lower = word.toLowerCase();
  const month = MONTHS.indexOf(lower.slice(0, 3)) + 1;
  const whole = NAMES[month - 1];
  if (whole === undefined || !(whole === lower || lower.length === 3 || lower === "sept")) throw refused(WRITTEN_RULE);
  return month;
}

/** Refuses 30 February and 24:00. */
function dateOf(
  year: number,
  month: number,
  day: number,
  [hour, minute, second]: readonly [number, number, number],
): Date {
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const same =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute;
  if (same && second < 60) return date;
  throw refused("there is no such day or time");
}
