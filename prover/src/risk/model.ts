// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What a risk model is: three parts behind which any pricing may stand, each named by an id. Board values come out of
 * them; the account, the circuit and the contracts know board values only.
 *
 * Floating point lives behind these interfaces and nowhere else in the system. `buildMarket` rounds once, at the
 * border, to exact millionths per lot. Every number is quote currency per whole unit of the underlying.
 */
/**
 * How one underlying moves over the margin period. What is not given stands still. Formulas: `board/valuation.ts`.
 * @see docs/library.md#risk
 */
export interface Move {
  /** Relative change of spot: −0.3 is a fall by 30%. */
  readonly price: number;
  /** Relative change of a 30-day volatility; shorter tenors move more. */
  readonly volatility: number;
  /** Relative change of a volatility of 10 days and less; one of 90 days and more moves as far the other way. */
  readonly twist?: number;
  /** Added to the volatility of a strike one deviation below the forward, and taken from that of one above: 0.02 is 2 points. */
  readonly skew?: number;
  /** Added to the annual growth of forwards over spot: −0.1 is ten points less. */
  readonly carry?: number;
  /** Days that pass; at least 0. */
  readonly days?: number;
  /** Added to the discount at which a wrapped or yield-bearing asset trades. */
  readonly discount?: number;
  /** Relative change of the amount that a wrapped or yield-bearing asset redeems for. */
  readonly redemption?: number;
}

export const STILL: Move = { price: 0, volatility: 0 };

/**
 * One joint move of all underlyings of a netting set.
 * @see docs/library.md#risk
 */
export interface Scenario {
  readonly label: string;
  readonly moves: Readonly<Record<string, Move>>;
  /** Fraction of the profit or loss that counts: 1, or less for an extreme move. */
  readonly counted: number;
  /**
   * Of an extreme move: the price moves, by underlying, up to which delta counts in full. `counted` then holds for the
   * rest of the profit or loss alone.
   */
  readonly deltaMoves?: Readonly<Record<string, number>>;
}

/**
 * What counts of a change in value in a scenario: `before` the value and delta of one unit without the scenario's move,
 * `after` its value with it.
 */
export function countedProfit(
  { moves, counted, deltaMoves }: Scenario,
  underlying: string,
  before: Pick<TracedValue, "value" | "delta" | "deltas">,
  after: number,
): number {
  const change = after - before.value;
  if (deltaMoves === undefined) return counted * change;
  const deltas = Object.entries(before.deltas ?? { [underlying]: before.delta });
  const by = (move: (name: string) => number) => deltas.reduce((sum, [name, delta]) => sum + delta * move(name), 0);
  return by((name) => deltaMoves[name]!) + counted * (change - by((name) => moves[name]!.price));
}

/** What one underlying shows at one instant, with the rate that discounts payoffs. */
export interface UnderlyingState {
  readonly name: string;
  readonly spot: number;
  /** Continuously compounded annual growth of the forward over spot. */
  readonly carry: number;
  readonly rate: number;
  /** Throws `UNKNOWN_NAME` where no volatilities of this underlying are observed. */
  surface(): Volatilities;
}

/** Implied volatilities of one underlying. */
export interface Volatilities {
  /** Annual volatility at a strike (above zero) and a time to expiry (above zero). */
  volatility(strike: number, years: number, forward: number): number;
}

/** Terms and quotes of one instrument, by name. All throw `FIELD_INVALID` or `OUT_OF_RANGE`, naming the field. */
export interface Terms {
  text(name: string): string;
  /** Finite; above zero where asked. */
  number(name: string, positive?: "positive"): number;
  /** Years of 365 days from the time of the market to this instant, above zero: what has expired is listed as settled. */
  years(name: string): number;
}

/** A value, and how it came about. */
export interface TracedValue {
  readonly value: number;
  /** Change of the value for a rise of the underlying by 100%, linearised. */
  readonly delta: number;
  /** Of a row on several underlyings: `delta` by underlying. */
  readonly deltas?: Readonly<Record<string, number>>;
  /** Change of the value for a rise of its implied volatilities by 1.00 (100 points), linearised. */
  readonly vega: number;
  /** What one unit is a trade of, where that is not one unit of the underlying at spot. */
  readonly notional?: number;
  readonly formula: string;
  /** The numbers in the formula, by name. */
  readonly inputs: Readonly<Record<string, number>>;
}

/**
 * How one long unit is valued.
 * @see docs/library.md#risk
 */
export interface ValuationModel {
  readonly id: string;
  /** What closing it is like: an option costs more to close, what has expired nothing. */
  readonly closing: "linear" | "option" | "none";
  /** Names of its terms beside symbol, model, underlying and lot. */
  readonly terms: readonly string[];
  /** Names of what must be observed of this very instrument each epoch. */
  readonly quotes: readonly string[];
  /** Names of those of its terms that name further underlyings. */
  readonly others?: readonly string[];
  /**
   * Reads terms and quotes once; the result is the value after any move, and `STILL` gives mark, delta and vega. `other` is a
   * further underlying by its name; `moves` has the moves of all, of which none that is missing moves.
   */
  bind(
    terms: Terms,
    seen: UnderlyingState,
    other: (name: string) => UnderlyingState,
  ): (move: Move, moves?: Scenario["moves"]) => TracedValue;
}

/**
 * A model of the scenarios that a board is valued in.
 * @see docs/library.md#risk
 */
export interface ScenarioModel {
  readonly id: string;
  /**
   * Exactly SCENARIOS for a netting set with these underlyings, with a move for each. `optioned`: those of them that
   * have options. Throws `FIELD_INVALID` or `UNKNOWN_NAME`, naming the parameter.
   */
  scenarios(underlyings: readonly string[], parameters: unknown, optioned?: ReadonlySet<string>): readonly Scenario[];
}

/** Margin per long and per short unit whatever else is held, and how it came about; both at least zero. */
export interface TracedCharges {
  readonly long: number;
  readonly short: number;
  readonly formula: string;
  readonly inputs: Readonly<Record<string, number>>;
}

/**
 * A model of what it costs to close an instrument out.
 * @see docs/library.md#risk
 */
export interface ChargeModel {
  readonly id: string;
  charges(closing: ValuationModel["closing"], notional: number, mark: number, parameters: unknown): TracedCharges;
}
