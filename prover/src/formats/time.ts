// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Times: UTC, to the second, in the one form `2026-11-22T08:00:00Z`.
 *
 * `Date` reads more than that (31 November as 1 December, T24:00 as the next day); here such a text is no time. An invalid
 * `Date` is refused: every comparison with it is false, so a check of age would pass whatever the age.
 */
import { PlimsollError } from "../errors.ts";

/** The rule, for messages. */
export const TIME_RULE = "expected a UTC time such as 2026-11-22T08:00:00Z";

export const isTime = (text: string): boolean => {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(text)) return false;
  const time = Date.parse(text);
  // 30 February and the like do not survive the round trip.
  return !Number.isNaN(time) && new Date(time).toISOString() === text.replace("Z", ".000Z");
};

/** Seconds since 1970. Throws `FIELD_INVALID` for a text that is no time. */
export function unixTime(text: string): number {
  if (!isTime(text)) throw new PlimsollError("FIELD_INVALID", TIME_RULE);
  return Date.parse(text) / 1000;
}

/** A date in whole seconds since 1970, rounded down. Throws `FIELD_INVALID` for one that is invalid. */
export function unixDate(date: Date): number {
  const seconds = Math.floor(date.getTime() / 1000);
  if (Number.isNaN(seconds)) throw new PlimsollError("FIELD_INVALID", "the date is not valid", { field: "date" });
  return seconds;
}

/** A date as text, rounded down to the second. Throws `FIELD_INVALID` for one that is invalid. */
export const timeText = (date: Date): string => new Date(unixDate(date) * 1000).toISOString().replace(".000Z", "Z");
