// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * From price histories to the numbers of a risk policy: ranges and volatility shifts of scenarios, haircut tiers,
 * carry. Every number comes with the figures it follows from.
 *
 * Ranges are filtered historical simulation: returns are divided by the volatility that was forecast for them, the tail
 * of what remains is taken at a confidence, and scaled back by a volatility of today that does not fall too low in calm
 * times. Reasons and the back-test are in docs/risk-model.md.
 */
import { quantile } from "simple-statistics";
import { PlimsollError } from "../../errors.ts";
import type { ModelChoice } from "../input.ts";
import type { PriceHistory } from "../prices.ts";
import {
  type CalibrationOptions,
  DEFAULT_CALIBRATION,
  MOST_VOLATILE,
  type PreparedHistory,
  type RangeSeries,
  rangesByDay,
} from "./ranges.ts";
import { WARM_UP } from "./volatility.ts";

export interface UnderlyingCalibration {
  readonly symbol: string;
  /** Last day that it knows. */
  readonly date: string;
  /** Daily volatilities: forecast for tomorrow, stressed, and the one that is used. */
  readonly forecast: number;
  readonly stressed: number;
  readonly used: number;
  /** Daily, from the last quoted implied volatility, where the history has them. */
  readonly implied?: number;
  /** Tails of standardised falls and rises: expected shortfall, or the quantile where that is more. */
  readonly tailDown: number;
  readonly tailUp: number;
  /** Standardised returns in the tail's sample. */
  readonly sample: number;
  /** Fractions of the price over the margin period, before the daily rise is capped. */
  readonly fullDown: number;
  readonly fullUp: number;
  /** And after. */
  readonly rangeDown: number;
  readonly rangeUp: number;
  /** Relative moves of a 30-day volatility at the same confidence. */
  readonly volatilityUp: number;
  readonly volatilityDown: number;
  readonly repairs: readonly string[];
}

/**
 * Calibrates one underlying from what was known after return `last` (default: all of it). Throws as `rangesByDay`. A
 * volatility above 500% a year counts as 500%, which `repairs` says.
 */
export function calibrateUnderlying(
  prepared: PreparedHistory,
  options: CalibrationOptions = DEFAULT_CALIBRATION,
  last: number = prepared.history.returns.length - 1,
  days: RangeSeries = rangesByDay(prepared, options),
): UnderlyingCalibration {
  const { history, repairs } = prepared;
  const { symbol, dates, daysAYear } = history;
  const at = last + 1;
  if (at < days.first) {
    const field = `returns of ${symbol}`;
    throw new PlimsollError("OUT_OF_RANGE", `expected at least ${days.first} returns`, { field });
  }
  const [found, used] = [days.found[at]!, days.used[at]!];
  const { up, down } = volatilityMoves(history, last, options);
  const wild = `${dates[last]!}: a volatility of ${Math.round(100 * found * Math.sqrt(daysAYear))}% a year, counted as ${100 * MOST_VOLATILE}%`;
  return {
    symbol,
    date: dates[last]!,
    forecast: days.forecast[at]!,
    stressed: days.stressed[at]!,
    used,
    ...(history.implied && { implied: history.implied[last]! / Math.sqrt(daysAYear) }),
    tailDown: days.tailDown[at]!,
    tailUp: days.tailUp[at]!,
    sample: days.sample[at]!,
    fullDown: days.fullDown[at]!,
    fullUp: days.fullUp[at]!,
    rangeDown: days.rangeDown[at]!,
    rangeUp: days.rangeUp[at]!,
    volatilityUp: up,
    volatilityDown: down,
    repairs: used < found ? [...repairs, wild] : repairs,
  };
}

/** What implied volatility is taken to do in a day where no quotes are at hand. */
const UNQUOTED_VOLATILITY = { up: 0.25, down: -0.12 };

/**
 * Relative moves of a 30-day implied volatility over the margin period: quantiles of those that were quoted; where none are,
 * `UNQUOTED_VOLATILITY` times the root of the period.
 */
function volatilityMoves(
  { implied }: PriceHistory,
  last: number,
  { periodDays, coverage, lookback }: CalibrationOptions,
) {
  if (implied === undefined) {
    const root = Math.sqrt(periodDays);
    return { up: UNQUOTED_VOLATILITY.up * root, down: UNQUOTED_VOLATILITY.down * root };
  }
  const lag = Math.ceil(periodDays);
  const changes: number[] = [];
  for (let t = Math.max(lag, last - lookback); t <= last; t++) changes.push(implied[t]! / implied[t - lag]! - 1);
  return { up: Math.max(0, quantile(changes, coverage)), down: Math.min(0, quantile(changes, 1 - coverage)) };
}

/** Up to four decimals, never rounded down in size: what goes into a policy is never less than what was found. */
const text = (value: number) => String(Math.sign(value) * (Math.ceil(Math.abs(value) * 1e4 - 1e-9) / 1e4));

/** Static far tails, as fractions of the price: what may come in any market, however calm. */
const FAR = { up: 0.8, down: 0.8, counted: "0.22", volatility: "0.5" };
/**
 * What histories of prices do not tell, as documented: relative moves of a 10-day volatility against one of 90 days, points of
 * skew, annual points of carry over a day; the share of volatility moves by which those of two underlyings part.
 */
const UNQUOTED = { twist: 0.1, skew: 0.02, carry: 0.1, volatilityApart: 0.5 };

/** Parameters of the scan, from the ranges of each underlying and its lowest correlation with another. */
export function scanScenarios(
  calibrated: readonly UnderlyingCalibration[],
  correlations: Readonly<Record<string, number>>,
  { periodDays }: CalibrationOptions = DEFAULT_CALIBRATION,
): ModelChoice {
  const root = Math.sqrt(periodDays);
  const underlyings = calibrated.map(({ symbol, rangeUp, rangeDown, volatilityUp, volatilityDown }) => [
    symbol,
    {
      up: text(rangeUp),
      down: text(Math.min(0.95, rangeDown)),
      apart: text(breakShare(correlations[symbol] ?? 0)),
      tailUp: text(Math.max(rangeUp, FAR.up)),
      tailDown: text(Math.min(0.95, Math.max(rangeDown, FAR.down))),
      volatilityUp: text(volatilityUp),
      volatilityDown: text(Math.min(0.9, -volatilityDown)),
      volatilityApart: text(UNQUOTED.volatilityApart),
      twist: text(Math.min(1, UNQUOTED.twist * root)),
      skew: text(Math.min(0.5, UNQUOTED.skew * root)),
      carryUp: text(UNQUOTED.carry * root),
      carryDown: text(UNQUOTED.carry * root),
    },
  ]);
  return {
    model: "scan",
    parameters: {
      periodDays: String(periodDays),
      tailCounted: FAR.counted,
      tailVolatility: FAR.volatility,
      underlyings: Object.fromEntries(underlyings),
    },
  };
}

/** Days of returns, about a quarter, over which correlations are taken. */
const CORRELATION_DAYS = 90;

/**
 * The lowest correlation of standardised returns of each underlying with any other over any quarter of the sample; −0.9 to
 * 0.95. Of aligned histories, as known after return `last` (default: all).
 */
export function lowestCorrelations(
  prepared: readonly PreparedHistory[],
  { lookback }: CalibrationOptions = DEFAULT_CALIBRATION,
  last = prepared[0]!.history.returns.length - 1,
): Readonly<Record<string, number>> {
  const first = Math.max(WARM_UP + 1, last + 1 - lookback);
  const lowest = prepared.map(() => 0.95);
  for (const [i, a] of prepared.entries()) {
    for (const [j, b] of prepared.slice(0, i).entries()) {
      if (a.history.returns.length !== b.history.returns.length) throw new TypeError("expected aligned histories");
      for (let end = last + 1; end - CORRELATION_DAYS >= first; end -= 5) {
        let [ab, aa, bb] = [0, 0, 0];
        for (let t = end - CORRELATION_DAYS; t < end; t++) {
          const [x, y] = [a.history.returns[t]! / a.sigma[t]!, b.history.returns[t]! / b.sigma[t]!];
          ab += x * y;
          aa += x * x;
          bb += y * y;
        }
        const found = ab / Math.sqrt(aa * bb);
        lowest[i] = Math.min(lowest[i]!, found);
        lowest[j] = Math.min(lowest[j]!, found);
      }
    }
  }
  return Object.fromEntries(prepared.map(({ history }, index) => [history.symbol, Math.max(-0.9, lowest[index]!)]));
}

/**
 * The scan as it is calibrated after return `last` (default: all). Histories are aligned where there are several; ranges may
 * be handed in by who asks for many days.
 */
export function calibratedScan(
  prepared: readonly PreparedHistory[],
  options: CalibrationOptions = DEFAULT_CALIBRATION,
  last = prepared[0]!.history.returns.length - 1,
  ranges: readonly RangeSeries[] = prepared.map((each) => rangesByDay(each, options)),
): ModelChoice {
  const calibrated = prepared.map((each, index) => calibrateUnderlying(each, options, last, ranges[index]));
  return scanScenarios(calibrated, lowestCorrelations(prepared, options, last), options);
}

/** How far two underlyings part, as a share of the range of each, where their correlation is this. */
const breakShare = (correlation: number): number => Math.sqrt((1 - correlation) / 2);
