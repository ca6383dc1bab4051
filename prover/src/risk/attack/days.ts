// SPDX-License-Identifier: GPL-3.0-or-later
/** Days on which everything moves at once, as states of the world: days of the past, or days drawn at random. */
import type { PreparedHistory } from "../calibration/ranges.ts";
import { ewma, WARM_UP } from "../calibration/volatility.ts";
import { Random } from "../outlook/processes.ts";
import { DEFAULT_SIZES, type MoveSizes, type Ranges } from "./kinds.ts";
import { type Shock, STILL_SHOCK, type WorldState } from "./shock.ts";

/** What moves beside price and volatility. */
export interface AddedMoves {
  /** Whether the term structure of volatility moves and the skew vary. */
  readonly shape: boolean;
  /** Whether volatilities of underlyings also move on their own. */
  readonly relative: boolean;
}

/** What is added, by the words that results show it with; each has what the one before has. */
export const ADDED: readonly (readonly [words: string, added: AddedMoves])[] = [
  ["price and volatility", { shape: false, relative: false }],
  ["and term structure, skew", { shape: true, relative: false }],
  ["and relative volatility", { shape: true, relative: true }],
];

/** Decay of the volatility forecast that stands for implied volatility. */
const IMPLIED_DECAY = 0.94;

/**
 * Draws what is added to a day: the power of the term structure between ¼ and ¾ and skew between both sizes, the same for all
 * underlyings; relative volatility normal, each on its own. Sizes are for a day and grow with the root of the margin period.
 */
function addedTo(random: Random, { shape, relative }: AddedMoves, sizes: MoveSizes, root: number) {
  const term = shape ? 0.25 + 0.5 * random.uniform() : STILL_SHOCK.term;
  const skew = shape ? root * sizes.skew * (2 * random.uniform() - 1) : 0;
  return (price: number, volatility: number): Shock => {
    const own = relative ? Math.max(0.1, 1 + root * sizes.relativeVolatility * random.normal()) : 1;
    return { ...STILL_SHOCK, price: Math.max(-0.95, price), volatility: (1 + volatility) * own - 1, term, skew };
  };
}

export interface DayTerms {
  readonly seed: number;
  readonly sizes?: MoveSizes;
}

export interface PastTerms extends DayTerms {
  /** Margin period of risk. */
  readonly periodDays: number;
  /** Days that are looked back, at most. */
  readonly lookback: number;
}

/**
 * Past days of aligned histories up to return `day`, rescaled to the volatility that was forecast then for the next (filtered
 * historical simulation, without floor). Volatility moves as its forecast did on the day.
 */
export function pastDays(
  prepared: readonly PreparedHistory[],
  day: number,
  added: AddedMoves,
  { periodDays, lookback, seed, sizes = DEFAULT_SIZES }: PastTerms,
): WorldState[] {
  const random = new Random(seed);
  const root = Math.sqrt(periodDays);
  const implied = prepared.map(({ history }) => ewma(history.returns, IMPLIED_DECAY));
  const states: WorldState[] = [];
  for (let t = Math.max(WARM_UP + 1, day + 1 - lookback); t <= day; t++) {
    const shock = addedTo(random, added, sizes, root);
    const shocks = prepared.map(({ history, sigma }, i): [string, Shock] => {
      const price = Math.expm1((history.returns[t]! / sigma[t]!) * sigma[day + 1]! * root);
      return [history.symbol, shock(price, (implied[i]![t + 1]! / implied[i]![t]!) ** root - 1)];
    });
    states.push({ label: prepared[0]!.history.dates[t]!, shocks: Object.fromEntries(shocks), days: 0 });
  }
  return states;
}

/** Share of the variance that prices, and volatilities, have in common. */
const COMMON = 0.6;
/** Normal deviations of a range: the 99% quantile. */
const DEVIATIONS = 2.326;

/** So many days, drawn normal with the ranges of the scan as 99% quantiles: for boards whose histories are not at hand. */
export function drawnDays(
  ranges: Ranges,
  count: number,
  added: AddedMoves,
  { seed, sizes = DEFAULT_SIZES }: DayTerms,
): WorldState[] {
  const random = new Random(seed);
  const draw = ([down, up]: readonly [number, number], common: number) => {
    const deviations = Math.sqrt(COMMON) * common + Math.sqrt(1 - COMMON) * random.normal();
    return ((deviations > 0 ? up : -down) * deviations) / DEVIATIONS;
  };
  return Array.from({ length: count }, (_, index) => {
    const shock = addedTo(random, added, sizes, 1);
    const [price, volatility] = [random.normal(), random.normal()];
    const shocks = [...ranges].map(([name, range]): [string, Shock] => [
      name,
      shock(draw(range.price, price), draw(range.volatility, volatility)),
    ]);
    return { label: `drawn day ${index}`, shocks: Object.fromEntries(shocks), days: 0 };
  });
}
