// SPDX-License-Identifier: GPL-3.0-or-later
/** Terms and quotes of one instrument as its model reads them, as they are or where something else is observed. */
import { PlimsollError } from "../../errors.ts";
import { parseDecimal } from "../../formats/decimal.ts";
import { isTime, TIME_RULE } from "../../formats/time.ts";
import { type Instrument, own } from "../input.ts";
import type { Terms, UnderlyingState, ValuationModel } from "../model.ts";

const YEAR_MS = 365 * 86_400_000;
/** Years that are left of what expires before the time asked about: its value is what it pays. */
const EXPIRING = 1e-9;

/** What else may be observed, and when. */
export interface OtherObservation {
  observed(seen: UnderlyingState, name: string): UnderlyingState;
  /** A term or a quote of the instrument, by name, in place of the value that it has. */
  quoted(name: string, value: number): number;
  readonly yearsLater: number;
}

/** `time` is that of the market, in epoch milliseconds. Throws as `Terms`. */
export function termsOf(
  instrument: Instrument,
  model: ValuationModel,
  quotes: Readonly<Record<string, string>>,
  time: number,
): Terms {
  const unknown =
    Object.keys(instrument.terms).find((name) => !model.terms.includes(name)) ??
    Object.keys(quotes).find((name) => !model.quotes.includes(name));
  if (unknown !== undefined) {
    throw new PlimsollError("FIELD_INVALID", "a term or quote that its model does not know", { field: unknown });
  }
  const text = (name: string) => {
    const found = own(instrument.terms, name) ?? own(quotes, name);
    if (found !== undefined) return found;
    const quoted = model.quotes.includes(name);
    throw new PlimsollError("UNKNOWN_NAME", quoted ? "not observed" : "not among the terms", { field: name });
  };
  return {
    text,
    number(name, positive) {
      const decimal = text(name);
      try {
        parseDecimal(decimal);
      } catch (error) {
        throw error instanceof PlimsollError ? error.at({ field: name }) : error;
      }
      const value = Number(decimal);
      if (!(Number.isFinite(value) && (positive === undefined || value > 0))) {
        throw new PlimsollError("OUT_OF_RANGE", "expected a number above 0", { field: name });
      }
      return value;
    },
    years(name) {
      const at = text(name);
      // `Date` reads "29JAN27" too, and by the clock of the machine: a board would then follow from where it was built.
      if (!isTime(at)) throw new PlimsollError("FIELD_INVALID", TIME_RULE, { field: name });
      const years = (Date.parse(at) - time) / YEAR_MS;
      if (!(years > 0)) {
        throw new PlimsollError("OUT_OF_RANGE", "expected a time after that of the market", { field: name });
      }
      return years;
    },
  };
}

/** The same terms at another time, with other quotes. */
export const otherTerms = (terms: Terms, { quoted, yearsLater }: OtherObservation): Terms => ({
  text: terms.text,
  number: (name, positive) => quoted(name, terms.number(name, positive)),
  years: (name) => Math.max(EXPIRING, terms.years(name) - yearsLater),
});
