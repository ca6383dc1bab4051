// SPDX-License-Identifier: GPL-3.0-or-later
/** The first valuation model: perpetuals off spot, futures off a constant carry, options by Black-76. */
import { PlimsollError } from "../errors.ts";
import { black76, growth } from "./black76.ts";
import type { Instrument, Move, Observation, Underlying, ValuationModel } from "./model.ts";

const YEAR_MS = 365 * 86_400_000;
const REFERENCE_YEARS = 30 / 365;
const STILL: Move = { price: 0, volatility: 0 };

/**
 * Years of 365 days from the observation to an expiry. Throws `OUT_OF_RANGE` unless the expiry lies ahead: an expired
 * contract is listed as settled.
 */
export function yearsTo(expiry: string, { time }: Observation): number {
  const years = (Date.parse(expiry) - Date.parse(time)) / YEAR_MS;
  if (!(years > 0)) throw new PlimsollError("OUT_OF_RANGE", "expected an expiry after the time of the market");
  return years;
}

/** The underlying by name. Throws `UNKNOWN_NAME`. */
export function underlyingOf(instrument: Instrument, seen: Observation): Underlying {
  const underlying = seen.underlyings[instrument.underlying];
  if (underlying === undefined) throw new PlimsollError("UNKNOWN_NAME", "an underlying that is not observed");
  return underlying;
}

/**
 * A volatility move belongs to a 30-day option: implied volatility of short expiries moves more, of long ones less,
 * about with the square root of time. Held between half and one and a half of the move.
 */
function volatilityAfter(volatility: number, years: number, move: number): number {
  const scale = Math.min(1.5, Math.max(0.5, Math.sqrt(REFERENCE_YEARS / years)));
  return volatility * Math.max(0, 1 + move * scale);
}

function value(instrument: Instrument, seen: Observation, move: Move): { value: number; delta: number } {
  if (instrument.kind === "settled") return { value: Number(instrument.value), delta: 0 };
  const { spot, carry } = underlyingOf(instrument, seen);
  const price = Number(spot) * (1 + move.price);
  if (instrument.kind === "perpetual") {
    const contract = price * (1 + instrument.basis);
    return { value: contract - instrument.fundingPaid, delta: contract };
  }
  const years = yearsTo(instrument.expiry, seen);
  const forward = price * growth(carry, years);
  if (instrument.kind === "future") return { value: forward, delta: forward };
  const option = black76({
    forward,
    strike: Number(instrument.strike),
    years,
    volatility: volatilityAfter(instrument.volatility, years, move.volatility),
    rate: seen.rate,
    right: instrument.right,
  });
  return { value: option.value, delta: option.forwardDelta * forward };
}

/**
 * Marks follow one convention for every kind of row: the mark is what one long unit is worth *with its price fully
 * paid*, because a fill moves cash by price times quantity. A future bought at its mark costs the mark in cash and
 * shows it as value, so the trade itself changes no equity, and equity = collateral + cash + Σ position · mark.
 *
 * A perpetual's mark is its price minus the funding that a long unit has paid since listing, so funding reaches every
 * account through the mark and needs no payment; a fill at price P moves cash by P minus that same sum.
 *
 * A move shifts spot and forwards alike (carry and basis stand still), keeps each option's own volatility at its
 * strike, and passes no time.
 */
export const firstValuation: ValuationModel = {
  mark: (instrument, seen) => value(instrument, seen, STILL).value,
  valueAfter: (instrument, seen, move) => value(instrument, seen, move).value,
  delta: (instrument, seen) => value(instrument, seen, STILL).delta,
};
