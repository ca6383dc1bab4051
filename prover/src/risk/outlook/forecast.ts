// SPDX-License-Identifier: GPL-3.0-or-later
/** Walk-forward forecasts of falling below a level, with what came of them: what `warning.ts` is scored on. */
import { PlimsollError } from "../../errors.ts";
import { priceInstruments } from "../board/board.ts";
import { boardOf, observe } from "../calibration/backtest.ts";
import { calibratedScan } from "../calibration/calibrate.ts";
import type { Portfolio } from "../calibration/portfolios.ts";
import {
  DEFAULT_CALIBRATION,
  impliedProxy,
  type PreparedHistory,
  prepare,
  type RangeSeries,
  rangesByDay,
} from "../calibration/ranges.ts";
import { STILL } from "../model.ts";
import { alignHistories, type PriceHistory, priceHistory } from "../prices.ts";
import { type Book, simulateExposure } from "./exposure.ts";
import type { Method } from "./figures.ts";
import { analyticProbability, bookState, distanceTo, outlook, volatilityProbability } from "./warning.ts";

export interface Forecast {
  readonly date: string;
  readonly portfolio: string;
  readonly level: number;
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
  every: 15,
  warmUp: 730,
  paths: 2000,
};

/**
 * Accounts of one portfolio each that start at the same coverage. Margin parameters stay those of the first day, as they
 * do in a venue between two calibrations; prices and volatilities are those of the days that follow, at daily closes.
 * Every probability is made from what was known on its day.
 */
export function walkForward(
  histories: readonly PriceHistory[],
  portfolios: readonly Portfolio[],
  options: ForecastOptions = DEFAULT_FORECASTS,
  progress: (done: number) => void = () => {},
): Forecast[] {
  const aligned = new Map<string, readonly Known[]>();
  const tasks = portfolios.flatMap((portfolio) => {
    const names = [...new Set(portfolio.holdings.map(({ underlying }) => underlying))];
    const key = names.join();
    if (!aligned.has(key))
      aligned.set(key, knownOf(alignHistories(names.map((name) => histories.find(({ symbol }) => symbol === name)!))));
    const own = aligned.get(key)!;
    const count = own[0]!.history.dates.length;
    const starts = [];
    for (let day = options.warmUp; day + options.days < count; day += options.every) starts.push(day);
    return starts.map((day) => ({ portfolio, own, day, date: own[0]!.history.dates[day]! }));
  });
  if (tasks.length === 0) {
    throw new PlimsollError("OUT_OF_RANGE", `expected at least ${options.warmUp + options.days + 1} days`, {
      field: "prices",
    });
  }
  tasks.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
  return tasks.flatMap(({ portfolio, own, day }, index) => {
    progress(index / tasks.length);
    return forecastsOf(portfolio, own, day, options, index);
  });
}

/** A history with what its days share: every forecast uses the past alone. */
interface Known extends PreparedHistory {
  readonly ranges: RangeSeries;
}

const knownOf = (histories: readonly PriceHistory[]): Known[] =>
  histories.map((history) => {
    const prepared = prepare(history);
    return { ...prepared, ranges: rangesByDay(prepared, DEFAULT_CALIBRATION) };
  });

function forecastsOf(
  { name, holdings }: Portfolio,
  own: readonly Known[],
  day: number,
  { coverage, levels, days, paths }: ForecastOptions,
  seed: number,
): Forecast[] {
  const histories = own.map(({ history }) => history);
  const date = histories[0]!.dates[day]!;
  const known = histories.map(({ symbol, dates, closes }) =>
    priceHistory(symbol, dates.slice(0, day + 1), closes.slice(0, day + 1)),
  );
  const prepared = known.map((history) => prepare(history));
  const scenarios = calibratedScan(
    own,
    DEFAULT_CALIBRATION,
    day,
    own.map(({ ranges }) => ranges),
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
  const free = { threshold: 0, rate: 0 };
  const empty: Book = {
    input,
    positions,
    collateral: [],
    scanned: [],
    cash: 0,
    debtRate: 0,
    sets: [{ delta: free, vega: free }],
  };
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
    const distance = distanceTo(book, market, level, 24 * days);
    const probabilities = {
      volatility: volatilityProbability(distance, days),
      analytic: analyticProbability(distance, days),
      simulated: simulated.levels[index]!.ever,
    };
    return {
      date,
      portfolio: name,
      level,
      probabilities,
      fell: lowest < level,
    };
  });
}
