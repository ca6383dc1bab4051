// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The probability that coverage falls below a level within some hours, three ways. Which is best on price histories is
 * scored in docs/forecast.md; `warn` uses that one.
 *
 *   volatility  distance to the level over the forecast volatility, to first order and normal: the baseline
 *   analytic    the same distance along the direction in which the level is nearest, with positions revalued and margin
 *               recomputed, and with Student's tails
 *   simulated   paths of bootstrapped history (`exposure.ts`): the default
 */

import { SCENARIOS } from "../../model/sizes.ts";
import { type PricedInstrument, priceInstruments } from "../board/board.ts";
import type { PreparedHistory } from "../calibration/ranges.ts";
import { cephes } from "../cephes.ts";
import { countedProfit, type Move } from "../model.ts";
import { assetOf, type Book, type Exposure, excessCharge, simulateExposure } from "./exposure.ts";
import type { Method } from "./figures.ts";
import { bootstrapProcess, type MarketProcess } from "./processes.ts";

/** Degrees of freedom of daily standardised returns, about what BTC and ETH show. */
const DEGREES = 4;
/** Rise of the log of implied volatility with a move of one daily deviation, up or down. */
const VOLATILITY_ANSWER = 0.02;
/** Student's distribution of unit variance is beyond this once in twenty times, on either side. */
export const STUDENT_95 = 2.1318 / Math.SQRT2;
/** Farther than this many deviations nothing is looked for. */
export const FARTHEST = 12;

/** How far a level is, in deviations of the horizon, on the side of gains and of losses of the first direction. */
export interface Distance {
  /** To first order; negative below the level, infinite where nothing moves it. */
  readonly linear: number;
  /** By revaluation, the nearer and the farther side; 0 below the level, `FARTHEST` where not reached. */
  readonly near: number;
  readonly far: number;
}

/** Equity and margin of a book after moves of log prices and logs of implied volatility. */
export function bookState(
  book: Book,
  priced: readonly (PricedInstrument | null)[],
  move: (underlying: string) => Move,
) {
  const losses = book.sets.map(() => new Float64Array(SCENARIOS));
  const deltas = book.sets.map(() => 0);
  const vegas = book.sets.map(() => 0);
  let equity = book.cash;
  let margin = 0;
  const lose = (set: number, { instrument, valueAfter, scenarios }: PricedInstrument, units: number) => {
    const shift = move(instrument.underlying);
    const now = valueAfter(shift);
    for (const [index, scenario] of scenarios.entries()) {
      const after = scenario.moves[instrument.underlying]!;
      const compound = {
        ...after,
        price: (1 + shift.price) * (1 + after.price) - 1,
        volatility: (1 + shift.volatility) * (1 + after.volatility) - 1,
      };
      const { value } = valueAfter(compound);
      losses[set]![index]! -= units * countedProfit(scenario, instrument.underlying, now, value);
    }
  };
  for (const { row, units, set } of book.positions) {
    const { instrument, valueAfter, chargesAt, spot } = priced[row]!;
    const shift = move(instrument.underlying);
    const { value, delta, vega, notional = spot * (1 + shift.price) } = valueAfter(shift);
    equity += units * value;
    deltas[set]! += units * delta;
    vegas[set]! += units * vega;
    const { long, short } = chargesAt(notional, value);
    margin += units > 0 ? units * long : -units * short;
    lose(set, priced[row]!, units);
  }
  margin += book.debtRate * Math.max(0, -equity);
  for (const { row, units } of book.scanned) lose(0, priced[row]!, units);
  for (const { underlying, value } of book.collateral) {
    equity += underlying === undefined ? value : value * (1 + move(underlying).price);
  }
  for (const [set, { delta, vega }] of book.sets.entries()) {
    margin += Math.max(0, ...losses[set]!) + excessCharge(delta, deltas[set]!) + excessCharge(vega, vegas[set]!);
  }
  return { equity, margin };
}

/** The line of joint moves along which a level is most likely to be lost. */
export interface Line {
  /** Distance of the level along it to first order, in deviations; negative below the level, infinite where nothing moves it. */
  readonly linear: number;
  /** Equity and margin after a move of so many deviations of the horizon, in units of the board's currency. Each takes milliseconds. */
  stateAt(deviation: number): { readonly equity: number; readonly margin: number };
}

/**
 * The line on which a level of coverage is nearest within so many hours. Its direction is that in which the gap
 * `equity − level · margin` is most likely to close: covariance times gradient. Along it implied volatility answers each move.
 * @param priced the board's instruments, where they are at hand
 */
export function lineTowards(
  book: Book,
  { process, correlation }: Outlook,
  level: number,
  hours: number,
  priced = priceInstruments(book.input),
): Line {
  const root = Math.sqrt(hours / 24);
  const used = [
    ...new Set([
      ...book.positions.map(({ row }) => book.input.policy.instruments[row]!.underlying),
      ...book.collateral.flatMap(({ underlying }) => underlying ?? []),
    ]),
  ];
  const assets = used.map((underlying) => assetOf(process, underlying));
  const deviations = assets.map((asset) => process.volatilities[asset]! * root);
  const state = (logs: readonly number[], deviation: number) => {
    const answer = Math.exp(VOLATILITY_ANSWER * Math.abs(deviation) * root) - 1;
    return bookState(book, priced, (underlying) => ({
      price: Math.exp(logs[used.indexOf(underlying)]!) - 1,
      volatility: answer,
    }));
  };
  const gap = (logs: readonly number[]) => gapOf(state(logs, 0), level);
  const still = used.map(() => 0);
  const now = gap(still);
  // Bumps of a tenth of a deviation: margin is the largest of scenarios and has kinks, which a smaller one would see.
  const gradient = used.map((_, index) => {
    const bumped = (sign: number) =>
      gap(still.map((_, other) => (other === index ? sign * 0.1 * deviations[index]! : 0)));
    return (bumped(1) - bumped(-1)) / 0.2;
  });
  const direction = used.map((_, a) =>
    used.reduce((sum, _, b) => sum + correlation[assets[a]!]![assets[b]!]! * gradient[b]!, 0),
  );
  const spread = Math.sqrt(
    Math.max(
      0,
      direction.reduce((sum, each, index) => sum + each * gradient[index]!, 0),
    ),
  );
  const unit = spread > 0 ? direction.map((each) => each / spread) : correlation[0]!.slice(0, used.length);
  return {
    linear: spread > 0 ? now / spread : now >= 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY,
    stateAt: (deviation) =>
      state(
        unit.map((each, index) => each * deviations[index]! * deviation),
        deviation,
      ),
  };
}

/** What is owned above a level of coverage. */
export const gapOf = ({ equity, margin }: { equity: number; margin: number }, level: number): number =>
  equity - level * margin;

/** How far a level of coverage is within so many hours, along `lineTowards` it. */
export function distanceTo(book: Book, outlook: Outlook, level: number, hours: number): Distance {
  const { linear, stateAt } = lineTowards(book, outlook, level, hours);
  if (linear < 0) return { linear, near: 0, far: 0 };
  const along = (deviation: number) => gapOf(stateAt(deviation), level);
  const [down, up] = [crossing((z) => along(-z)), crossing(along)];
  return { linear, near: Math.min(down, up), far: Math.max(down, up) };
}

/** Where a function that is not negative at zero first is, by steps of a quarter and bisection. */
function crossing(gap: (deviation: number) => number): number {
  for (let z = 0.25; z <= FARTHEST; z += 0.25) {
    if (gap(z) >= 0) continue;
    let [low, high] = [z - 0.25, z];
    for (let step = 0; step < 8; step++) {
      const middle = (low + high) / 2;
      if (gap(middle) >= 0) low = middle;
      else high = middle;
    }
    return high;
  }
  return FARTHEST;
}

/**
 * A path reaches a level about twice as often as it ends beyond it (reflection). Looked at only so many times, it is as if
 * the level were a little farther: 0.5826 deviations of one look (M. Broadie, P. Glasserman, S. Kou, 1997).
 */
const reaches = (tail: (distance: number) => number, distance: number, looks: number) =>
  Math.min(1, 2 * tail(distance + 0.5826 / Math.sqrt(looks)));

/** Upper tail of Student's distribution, scaled to unit variance. */
function studentTail(distance: number): number {
  const t = distance * Math.sqrt(DEGREES / (DEGREES - 2));
  return 0.5 * cephes.incbet(DEGREES / 2, 0.5, DEGREES / (DEGREES + t * t));
}

/** `looks`: how often the level is looked at before the horizon. */
export const volatilityProbability = ({ linear }: Distance, looks: number): number =>
  linear < 0 ? 1 : linear > 30 ? 0 : reaches((distance) => cephes.ndtr(-distance), linear, looks);

export function analyticProbability({ linear, near, far }: Distance, looks: number): number {
  if (linear < 0) return 1;
  const side = (distance: number) => (distance < FARTHEST ? reaches(studentTail, distance, looks) : 0);
  return Math.min(1, side(near) + side(far));
}

/**
 * What warnings know of the market: histories, and what follows from them once for all accounts.
 * @see docs/library.md#risk
 */
export interface Outlook {
  readonly process: MarketProcess;
  readonly correlation: readonly (readonly number[])[];
}

const CORRELATION_DAYS = 180;

/**
 * From aligned histories, as known after their last day.
 * @see docs/library.md#risk
 */
export function outlook(prepared: readonly PreparedHistory[]): Outlook {
  const standard = prepared.map(({ history, sigma }) =>
    history.returns.slice(-CORRELATION_DAYS).map((change, index, all) => {
      return change / sigma[history.returns.length - all.length + index]!;
    }),
  );
  const product = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, index) => sum + x * b[index]!, 0);
  const correlation = standard.map((a) =>
    standard.map((b) => product(a, b) / Math.sqrt(product(a, a) * product(b, b))),
  );
  return { process: bootstrapProcess(prepared), correlation };
}

/**
 * The chance that an account falls below a level.
 * @see docs/library.md#risk
 */
export interface Warning {
  readonly level: number;
  readonly hours: number;
  readonly method: Method;
  readonly probability: number;
  readonly all: Readonly<Record<Method, number>>;
}

/** The method with the best score there. */
export const DEFAULT_METHOD: Method = "simulated";

/** How often levels are looked at within so many hours. */
export const looksIn = (hours: number): number => Math.max(1, Math.min(12, Math.ceil(hours / 6)));

/**
 * Probabilities of falling below levels of coverage (ratios) within so many hours. Deterministic for a seed. Where an
 * exposure over the same hours and levels is at hand, it is taken for the simulated ones.
 * @see docs/library.md#risk
 */
export function warn(
  book: Book,
  view: Outlook,
  levels: readonly number[],
  hours: number,
  { paths = 20_000, seed = 1, method = DEFAULT_METHOD, exposure }: WarningOptions = {},
): Warning[] {
  const steps = Math.max(1, Math.min(12, Math.ceil(hours / 6)));
  const simulated =
    exposure ?? simulateExposure(book, view.process, { horizonHours: hours, steps, paths, seed, levels });
  return levels.map((level, index) => {
    const distance = distanceTo(book, view, level, hours);
    const looks = simulated.steps.length;
    const all = {
      volatility: volatilityProbability(distance, looks),
      analytic: analyticProbability(distance, looks),
      simulated: distance.linear < 0 ? 1 : simulated.levels[index]!.ever,
    };
    return { level, hours, method, probability: all[method], all };
  });
}

export interface WarningOptions {
  readonly paths?: number;
  readonly seed?: number;
  readonly method?: Method;
  readonly exposure?: Exposure;
}
