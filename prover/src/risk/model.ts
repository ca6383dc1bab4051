// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What a risk model is: three parts behind which any pricing may stand. Board values come out of them; the account,
 * the circuit and the contracts know board values only.
 *
 * Floating point lives behind these interfaces and nowhere else in the system. `buildMarket` rounds once, at the
 * border, to exact millionths per lot. Every number here is quote currency per whole unit of the underlying.
 */

interface Terms {
  readonly symbol: string;
  readonly underlying: string;
  /** Units of the underlying in one lot: a decimal string. */
  readonly lot: string;
}

/** A contract without expiry, held to its underlying by funding. */
export interface Perpetual extends Terms {
  readonly kind: "perpetual";
  /** Price over spot, as a fraction of spot. */
  readonly basis: number;
  /** Funding that one long unit has paid since the contract was listed, net; what it received counts negative. */
  readonly fundingPaid: number;
}

export interface Future extends Terms {
  readonly kind: "future";
  readonly expiry: string;
}

/** A European option on the forward of its own expiry, settled in cash. */
export interface Option extends Terms {
  readonly kind: "option";
  readonly expiry: string;
  /** A decimal string. */
  readonly strike: string;
  readonly right: "call" | "put";
  /** Annual implied volatility of this very option, 0.5 for 50%. */
  readonly volatility: number;
}

/**
 * What has expired: its row keeps the final value as mark, so that nobody's debt or claim goes with the contract, and
 * nothing else. A row is never emptied while anybody may hold it.
 */
export interface Settled extends Terms {
  readonly kind: "settled";
  /** Final value of one unit: a decimal string. */
  readonly value: string;
}

export type Instrument = Perpetual | Future | Option | Settled;

export interface Underlying {
  /** A decimal string, at most 8 decimals. */
  readonly spot: string;
  /** Continuously compounded annual growth of the forward over spot. */
  readonly carry: number;
}

/** What is observed: all that a valuation may depend on. */
export interface Observation {
  /** An instant in UTC, for example 2026-11-22T08:00:00Z. Valuation takes no other clock. */
  readonly time: string;
  /** Continuously compounded annual rate that discounts option payoffs. */
  readonly rate: number;
  readonly underlyings: Readonly<Record<string, Underlying>>;
}

/** Changes relative to what is observed: −0.3 is a fall by 30%. */
export interface Move {
  readonly price: number;
  /** Of a 30-day volatility; a valuation model may scale it with the time to expiry. */
  readonly volatility: number;
}

/** One joint move of all underlyings. */
export interface Scenario {
  readonly label: string;
  readonly moves: Readonly<Record<string, Move>>;
  /** Fraction of the profit or loss that counts: 1, or less for an extreme move. */
  readonly counted: number;
}

export interface ValuationModel {
  /** What one long unit is worth now. */
  mark(instrument: Instrument, seen: Observation): number;
  /** What one long unit would be worth after the move of its underlying. */
  valueAfter(instrument: Instrument, seen: Observation, move: Move): number;
  /** Change of the mark for a rise of the underlying by 100%, linearised. */
  delta(instrument: Instrument, seen: Observation): number;
}

export interface ScenarioModel {
  /** Exactly 16, with a move for every underlying asked for. */
  scenarios(underlyings: readonly string[]): readonly Scenario[];
}

export interface ChargeModel {
  /** Margin per long and per short unit, whatever else is held; both at least zero. */
  charges(instrument: Instrument, seen: Observation, mark: number): { readonly long: number; readonly short: number };
}

export interface RiskModel {
  readonly valuation: ValuationModel;
  readonly scenarios: ScenarioModel;
  readonly charges: ChargeModel;
}
