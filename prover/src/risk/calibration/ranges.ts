// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Ranges of the price, day by day: how far margin has to reach over the margin period. Filtered historical simulation:
 * returns are divided by the volatility that was used for them, the tail of what remains is taken at a confidence, and scaled
 * back by the volatility of today. That volatility does not fall all the way in calm times, and a range rises by at most a
 * share of itself a day: margin calls of a crisis come in steps.
 *
 * Returns are divided by the volatility that was *used*, floor and all, so that the tail makes up for what the floor adds:
 * without that, calm times are margined twice.
 */
import { PlimsollError } from "../../errors.ts";
import { SHORTEST_HISTORY } from "../history-rules.ts";
import type { PriceHistory } from "../prices.ts";
import { ewma, garch, SortedWindow, WARM_UP } from "./volatility.ts";

export interface CalibrationOptions {
  /** EWMA decay of daily variance. */
  readonly lambda: number;
  readonly volatility: "ewma" | "garch";
  /** Of the expected shortfall that ranges cover. */
  readonly confidence: number;
  /** And no less than this quantile, which is above that expected shortfall where tails are thin. */
  readonly coverage: number;
  /** Margin period of risk, in days: 1, 2 or 5; ranges grow with its root. */
  readonly periodDays: number;
  /** Returns that the tail is taken from, at most. */
  readonly lookback: number;
  /** Anti-procyclicality: weight of the stressed volatility in the one that is used, 0 to 1. */
  readonly stressWeight: number;
  /** The stressed volatility: this quantile of past forecasts. */
  readonly stressQuantile: number;
  /** A range rises by at most this share of itself from one day to the next. */
  readonly dailyRise: number;
  /** Share of a day's volume that can be traded without moving the market much. */
  readonly participation: number;
}

/** Chosen on BTC and ETH up to the end of 2020, tested on what came after: docs/risk-model.md. */
export const DEFAULT_CALIBRATION: CalibrationOptions = {
  lambda: 0.97,
  volatility: "ewma",
  confidence: 0.975,
  coverage: 0.99,
  periodDays: 1,
  lookback: 1000,
  stressWeight: 0.25,
  stressQuantile: 0.95,
  dailyRise: 0.07,
  participation: 0.1,
};

const IMPLIED_LAMBDA = 0.94;

/** Annual volatility that stands for the implied one; element t + 1 is that of day t. */
export const impliedProxy = ({ returns, daysAYear }: PriceHistory): Float64Array =>
  ewma(returns, IMPLIED_LAMBDA).map((sigma) => Math.min(2, Math.max(0.3, sigma * Math.sqrt(daysAYear))));

/** The largest annual volatility that is used. Markets have been wilder for days (one coin in 2021), never for long. */
export const MOST_VOLATILE = 5;
/** Deviations that the tail of fewer than `SHORTEST_HISTORY` returns is taken to have at least: more than nine coins had. */
const THIN_TAIL = 4;

/** A history with what all its days can share: forecasts that each use the past alone. */
export interface PreparedHistory {
  readonly history: PriceHistory;
  /** Element t is the forecast for return t; one more than returns. */
  readonly sigma: Float64Array;
  readonly repairs: readonly string[];
}

/**
 * Forecasts for a whole history. GARCH parameters are fitted on all of it, so walk-forward tests use EWMA. A GARCH fit
 * that explodes is replaced by EWMA, which `repairs` says.
 */
export function prepare(history: PriceHistory, options: CalibrationOptions = DEFAULT_CALIBRATION): PreparedHistory {
  const repairs = [...history.repairs];
  if (options.volatility === "garch") {
    const fit = garch(history.returns.slice(1));
    if (!fit.exploding) return { history, sigma: Float64Array.of(fit.sigma[0]!, ...fit.sigma), repairs };
    repairs.push("GARCH(1,1) ran into its bound of 0.999 for alpha + beta: EWMA is used instead");
  }
  return { history, sigma: ewma(history.returns, options.lambda), repairs };
}

/** Daily volatilities and ranges by day. Element t belongs to return t and comes from the returns before it alone. */
export interface RangeSeries {
  /** The first element that is one. */
  readonly first: number;
  readonly forecast: Float64Array;
  readonly stressed: Float64Array;
  /** Before it is held at 500% a year, and after. */
  readonly found: Float64Array;
  readonly used: Float64Array;
  /** Tails of falls and rises, in deviations of what is used. */
  readonly tailDown: Float64Array;
  readonly tailUp: Float64Array;
  /** Returns that the tail comes from. */
  readonly sample: Uint32Array;
  /** Fractions of the price over the margin period, as tail and volatility give them, and after the daily rise is capped. */
  readonly fullDown: Float64Array;
  readonly fullUp: Float64Array;
  readonly rangeDown: Float64Array;
  readonly rangeUp: Float64Array;
}

/** Throws `OUT_OF_RANGE` where prices stand still, or a history is too short for the confidence. */
export function rangesByDay({ history, sigma }: PreparedHistory, options: CalibrationOptions): RangeSeries {
  const { returns, daysAYear, implied, symbol } = history;
  const { lookback, stressWeight, stressQuantile, confidence, coverage, periodDays, dailyRise } = options;
  const count = returns.length + 1;
  const first = WARM_UP + 1 + Math.ceil(1 / (1 - confidence) - 1e-9);
  if (count <= first) {
    const field = `returns of ${symbol}`;
    throw new PlimsollError("OUT_OF_RANGE", `expected at least ${first} returns`, { field });
  }
  const empty = () => new Float64Array(count);
  const series = {
    ...{ first, forecast: sigma, stressed: empty(), found: empty(), used: empty(), sample: new Uint32Array(count) },
    ...{ tailDown: empty(), tailUp: empty(), fullDown: empty(), fullUp: empty(), rangeDown: empty(), rangeUp: empty() },
  };
  const volatilities = new SortedWindow(lookback + 1);
  const tails = new SortedWindow(lookback);
  const most = MOST_VOLATILE / Math.sqrt(daysAYear);
  const root = Math.sqrt(periodDays);
  for (let t = WARM_UP + 1; t < count; t++) {
    volatilities.push(sigma[t]!);
    const forecast = sigma[t]!;
    const stressed = volatilities.quantile(stressQuantile);
    const quoted = implied === undefined ? 0 : implied[t - 1]! / Math.sqrt(daysAYear);
    const found = Math.max(forecast, (1 - stressWeight) * forecast + stressWeight * stressed, quoted);
    if (!(found > 0 && found < Number.POSITIVE_INFINITY)) {
      throw new PlimsollError("OUT_OF_RANGE", "expected prices that move", { field: `volatility of ${symbol}` });
    }
    const used = Math.min(found, most);
    series.stressed[t] = stressed;
    series.found[t] = found;
    series.used[t] = used;
    if (t >= first) {
      const least = tails.size < SHORTEST_HISTORY ? THIN_TAIL : 0;
      const tail = (sign: 1 | -1) => Math.max(least, tails.shortfall(confidence, sign), tails.tail(coverage, sign));
      series.sample[t] = tails.size;
      series.tailDown[t] = tail(-1);
      series.tailUp[t] = tail(1);
      series.fullDown[t] = 1 - Math.exp(-series.tailDown[t]! * used * root);
      series.fullUp[t] = Math.exp(series.tailUp[t]! * used * root) - 1;
      const rise = t === first ? Number.POSITIVE_INFINITY : 1 + dailyRise;
      series.rangeDown[t] = Math.min(series.fullDown[t]!, t === first ? 1 : series.rangeDown[t - 1]! * rise);
      series.rangeUp[t] = Math.min(series.fullUp[t]!, t === first ? rise : series.rangeUp[t - 1]! * rise);
    }
    if (t < returns.length) tails.push(returns[t]! / used);
  }
  return series;
}
