// SPDX-License-Identifier: GPL-3.0-or-later
/** Walk-forward forecasts of falling below a level, with what came of them: what `warning.ts` is scored on. */
import { boardOf, impliedProxy, observe, type Portfolio } from "./backtest.ts";
import { priceInstruments } from "./board.ts";
import { calibrateUnderlying, DEFAULT_CALIBRATION, jointScenarios, prepare } from "./calibrate.ts";
import { type Book, simulateExposure } from "./exposure.ts";
import { STILL } from "./model.ts";
import { alignHistories, type PriceHistory, priceHistory } from "./prices.ts";
import {
  analyticProbability,
  bookState,
  distanceTo,
  features,
  fitLogistic,
  logistic,
  type Method,
  outlook,
  volatilityProbability,
} from "./warning.ts";

export interface Forecast {
  readonly date: string;
  readonly portfolio: string;
  readonly level: number;
  readonly features: readonly number[];
  readonly probabilities: Record<Method, number>;
  readonly fell: boolean;
}

export interface ForecastOptions {
  /** Coverage at the start, and the levels watched; ratios. */
  readonly coverage: number;
  readonly levels: readonly number[];
  readonly days: number;
  /** Days from one forecast to the next; at least `days`, so that outcomes do not overlap. */
  readonly every: number;
  /** Days known before the first. */
  readonly warmUp: number;
  readonly paths: number;
}

export const DEFAULT_FORECASTS: ForecastOptions = {
  coverage: 1.6,
  levels: [1.4, 1.2, 1],
  days: 3,
  every: 12,
  warmUp: 730,
  paths: 2000,
};

/** Outcomes that a learned forecast needs before it says anything of its own; until then it says what `analytic` says. */
const LEARN_FROM = 300;
/** Forecasts after which it learns again. */
const LEARN_EVERY = 150;

/**
 * Accounts of one portfolio each that start at the same coverage. Margin parameters stay those of the first day, as they
 * do in a venue between two calibrations; prices and volatilities are those of the days that follow, at daily closes.
 * Every probability is made from what was known on its day; the learned one from outcomes that were over by then.
 */
export function walkForward(
  histories: readonly PriceHistory[],
  portfolios: readonly Portfolio[],
  options: ForecastOptions = DEFAULT_FORECASTS,
  progress: (done: number) => void = () => {},
): Forecast[] {
  const aligned = new Map<string, readonly PriceHistory[]>();
  const tasks = portfolios.flatMap((portfolio) => {
    const names = [...new Set(portfolio.holdings.map(({ underlying }) => underlying))];
    const key = names.join();
    if (!aligned.has(key))
      aligned.set(key, alignHistories(names.map((name) => histories.find(({ symbol }) => symbol === name)!)));
    const own = aligned.get(key)!;
    const count = own[0]!.dates.length;
    const starts = [];
    for (let day = options.warmUp; day + options.days < count; day += options.every) starts.push(day);
    return starts.map((day) => ({ portfolio, own, day, date: own[0]!.dates[day]! }));
  });
  tasks.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
  const forecasts = tasks.flatMap(({ portfolio, own, day }, index) => {
    progress(index / tasks.length);
    return forecastsOf(portfolio, own, day, options, index);
  });
  learn(forecasts, options);
  return forecasts;
}

function forecastsOf(
  { name, holdings }: Portfolio,
  histories: readonly PriceHistory[],
  day: number,
  { coverage, levels, days, paths }: ForecastOptions,
  seed: number,
): Forecast[] {
  const date = histories[0]!.dates[day]!;
  const known = histories.map(({ symbol, dates, closes }) =>
    priceHistory(symbol, dates.slice(0, day + 1), closes.slice(0, day + 1)),
  );
  const prepared = known.map((history) => prepare(history));
  const scenarios = jointScenarios(
    prepared.map((each) => calibrateUnderlying(each, DEFAULT_CALIBRATION)),
    0,
  );
  const spots = new Map(histories.map(({ symbol, closes }) => [symbol, closes[day]!]));
  const policy = boardOf(holdings, spots, scenarios, date);
  const implied = histories.map(impliedProxy);
  const input = observe(policy, histories, implied, day);
  const now = priceInstruments(input).map((each) => each!.valueAfter(STILL));
  const units = holdings.map(({ notional, underlying }) =>
    notional === "hedge" ? 0 : notional / spots.get(underlying)!,
  );
  for (const [index, { notional, underlying }] of holdings.entries()) {
    if (notional !== "hedge") continue;
    const hedged = holdings.reduce(
      (sum, each, other) => sum + (each.underlying === underlying ? units[other]! * now[other]!.delta : 0),
      0,
    );
    units[index] = -hedged / now[index]!.delta;
  }
  const positions = units.map((held, row) => ({ row, units: held, set: 0 }));
  const empty: Book = { input, positions, collateral: [], cash: 0, liquidity: [{ threshold: 0, rate: 0 }] };
  const still = () => STILL;
  const start = bookState(empty, priceInstruments(input), still);
  const book = { ...empty, cash: coverage * start.margin - start.equity };
  let lowest = Number.POSITIVE_INFINITY;
  for (let later = day + 1; later <= day + days; later++) {
    const { equity, margin } = bookState(book, priceInstruments(observe(policy, histories, implied, later)), still);
    lowest = Math.min(lowest, equity / margin);
  }
  const market = outlook(prepared);
  const simulated = simulateExposure(book, market.process, {
    horizonHours: 24 * days,
    steps: days,
    paths,
    seed,
    levels,
  });
  return levels.map((level, index) => {
    const distance = distanceTo(book, market.process, market.correlation, level, 24 * days);
    const probabilities = {
      volatility: volatilityProbability(distance, days),
      analytic: analyticProbability(distance, days),
      simulated: simulated.levels[index]!.ever,
      learned: analyticProbability(distance, days),
    };
    return {
      date,
      portfolio: name,
      level,
      features: features(distance, market.volatilityRatio, days),
      probabilities,
      fell: lowest < level,
    };
  });
}

/** Fills in the learned forecasts, in the order of time, each from outcomes that were over. */
function learn(forecasts: readonly Forecast[], { days }: ForecastOptions): void {
  let weights: number[] | undefined;
  let learnt = 0;
  for (const forecast of forecasts) {
    const over = Date.parse(forecast.date) - days * 86_400_000;
    if (forecasts.indexOf(forecast) - learnt >= LEARN_EVERY || weights === undefined) {
      const known = forecasts.filter(({ date }) => Date.parse(date) <= over);
      learnt = forecasts.indexOf(forecast);
      if (known.length >= LEARN_FROM) {
        weights = fitLogistic(
          known.map((each) => each.features),
          known.map(({ fell }) => fell),
        );
      }
    }
    if (weights !== undefined) forecast.probabilities.learned = logistic(weights, forecast.features);
  }
}
