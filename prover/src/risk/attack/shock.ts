// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * States of the world that the adversary looks for losses in. A state says what is observed then; instruments are bound to
 * it again and valued in full, so a state may do what no `Move` of the scan can say.
 */

import { growth } from "../board/black76.ts";
import type { PricedInstrument } from "../board/board.ts";
import { STILL, type UnderlyingState } from "../model.ts";

/** What becomes of one underlying. */
export interface Shock {
  /** Relative: −0.3 is a fall by 30%. */
  readonly price: number;
  /** Relative, of 30-day volatility. */
  readonly volatility: number;
  /**
   * How the move of volatility depends on the time to expiry: it is scaled with (30 days / T) to this power, held between
   * ¼ and 2½. 0 moves all expiries alike, ½ is usual.
   */
  readonly term: number;
  /** Relative move of volatility at 10 days and less; at 90 days and more the opposite; in between by ln T. */
  readonly twist: number;
  /** Volatility points that a strike one deviation below the forward gains and one above loses; up to two deviations. */
  readonly skew: number;
  /** Added to the annual growth of forwards over spot. */
  readonly carry: number;
  /** Added to the basis of perpetuals. */
  readonly basis: number;
  /** Fall of the market price of wrapped and yield-bearing assets against what they redeem for, as a fraction. */
  readonly depeg: number;
}

export const STILL_SHOCK: Shock = {
  price: 0,
  volatility: 0,
  term: 0.5,
  twist: 0,
  skew: 0,
  carry: 0,
  basis: 0,
  depeg: 0,
};

/** A state of the world. */
export interface WorldState {
  readonly label: string;
  readonly shocks: Readonly<Record<string, Shock>>;
  /** Days that have passed. */
  readonly days: number;
}

const REFERENCE_YEARS = 30 / 365;
const LOWEST_VOLATILITY = 0.01;
const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** Relative move of volatility at a time to expiry. */
export function volatilityMove({ volatility, term, twist }: Shock, years: number): number {
  const ratio = REFERENCE_YEARS / years;
  return volatility * clamp(ratio ** term, 0.25, 2.5) + twist * clamp(Math.log(ratio) / Math.log(3), -1, 1);
}

/** What is observed of an underlying in a state. Each option keeps the volatility of its own strike but for the moves. */
function observedIn(seen: UnderlyingState, shock: Shock, yearsLater: number): UnderlyingState {
  return {
    name: seen.name,
    spot: seen.spot * (1 + shock.price),
    carry: seen.carry + shock.carry,
    rate: seen.rate,
    surface: () => {
      const surface = seen.surface();
      return {
        volatility(strike, left) {
          const years = left + yearsLater;
          const forward = seen.spot * growth(seen.carry, years);
          const quoted = surface.volatility(strike, years, forward);
          const deviations = clamp(Math.log(strike / forward) / (quoted * Math.sqrt(years)), -2, 2);
          const moved = quoted * (1 + volatilityMove(shock, years)) - shock.skew * deviations;
          return Math.max(LOWEST_VOLATILITY, moved);
        },
      };
    },
  };
}

/** A quote of an instrument after a shock. The market price of a wrapped asset moves with its underlying. */
function quotedIn({ price, basis, depeg }: Shock, name: string, value: number): number {
  if (name === "basis") return value + basis;
  return name === "market" ? value * (1 + price) * (1 - depeg) : value;
}

/** Losses of one long unit of every instrument in a state. */
export function lossesIn(priced: readonly PricedInstrument[], { shocks, days }: WorldState): Float64Array {
  return Float64Array.from(priced, ({ instrument, model, valueAfter, valueWhere }) => {
    const shock = shocks[instrument.underlying] ?? STILL_SHOCK;
    const before = valueAfter(STILL).value;
    // Known by its sensitivities alone: there is nothing to value again.
    if (model.id === "sensitivities")
      return before - valueAfter({ price: shock.price, volatility: shock.volatility }).value;
    const yearsLater = days / 365;
    return (
      before -
      valueWhere({
        observed: (seen, name) => observedIn(seen, shocks[name] ?? STILL_SHOCK, yearsLater),
        quoted: (name, value) => quotedIn(shock, name, value),
        yearsLater,
      })
    );
  });
}
