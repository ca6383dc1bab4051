// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * From price histories to the numbers of a risk policy: ranges and volatility shifts of scenarios, haircut tiers,
 * liquidity terms. Every number comes with the figures it follows from.
 *
 * Ranges are filtered historical simulation: returns are divided by the volatility that was forecast for them, the tail
 * of what remains is taken at a confidence, and scaled back by a volatility of today that does not fall too low in calm
 * times. Reasons and the back-test are in docs/risk-model.md.
 */

import { quantile } from "simple-statistics";
import { PlimsollError } from "../../errors.ts";
import type { PolicyDocument } from "../../formats/policy.ts";
import { SCENARIOS } from "../../model/sizes.ts";
import type { ModelChoice } from "../input.ts";
import type { PriceHistory } from "../prices.ts";
import { ewma, expectedShortfall, garch, WARM_UP } from "./volatility.ts";

export interface CalibrationOptions {
  /** EWMA decay of daily variance. */
  readonly lambda: number;
  readonly volatility: "ewma" | "garch";
  /** Of the expected shortfall that ranges cover. */
  readonly confidence: number;
  /** And no less than this quantile, which is above that expected shortfall where tails are thin. */
  readonly coverage: number;
  /** Margin period of risk, in days; ranges grow with its root. */
  readonly periodDays: number;
  /** Returns that the tail is taken from, at most. */
  readonly lookback: number;
  /** Anti-procyclicality: weight of the stressed volatility in the one that is used, 0 to 1. */
  readonly stressWeight: number;
  /** The stressed volatility: this quantile of past forecasts. */
  readonly stressQuantile: number;
  /** Share of a day's volume that can be traded without moving the market much. */
  readonly participation: number;
}

/** Chosen on BTC and ETH up to the end of 2020, tested on what came after: docs/risk-model.md. */
export const DEFAULT_CALIBRATION: CalibrationOptions = {
  lambda: 0.97,
  volatility: "ewma",
  confidence: 0.96,
  coverage: 0.99,
  periodDays: 1,
  lookback: 1000,
  stressWeight: 0.25,
  stressQuantile: 0.95,
  participation: 0.1,
};

/** The largest annual volatility that is used. Markets have been wilder for days (one coin in 2021), never for long. */
const MOST_VOLATILE = 5;

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
  /** Fractions of the price. */
  readonly rangeDown: number;
  readonly rangeUp: number;
  /** Relative moves of a 30-day volatility at the same confidence. */
  readonly volatilityUp: number;
  readonly volatilityDown: number;
  readonly repairs: readonly string[];
}

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

/**
 * Calibrates one underlying from what was known after return `last` (default: all of it). Throws `OUT_OF_RANGE` where
 * the history is too short for the confidence or its prices stand still. A volatility above 500% a year counts as 500%,
 * which `repairs` says.
 */
export function calibrateUnderlying(
  { history, sigma, repairs }: PreparedHistory,
  options: CalibrationOptions = DEFAULT_CALIBRATION,
  last: number = history.returns.length - 1,
): UnderlyingCalibration {
  const { symbol, returns, dates, daysAYear } = history;
  const first = Math.max(WARM_UP + 1, last + 1 - options.lookback);
  const standardised: number[] = [];
  for (let t = first; t <= last; t++) standardised.push(returns[t]! / sigma[t]!);
  const tail = (sign: number) => {
    const losses = standardised.map((z) => sign * z);
    return Math.max(
      at(symbol, () => expectedShortfall(losses, options.confidence)),
      quantile(losses, options.coverage),
    );
  };
  const forecast = sigma[last + 1]!;
  const stressed = quantile(Array.from(sigma.subarray(first, last + 2)), options.stressQuantile);
  const implied = history.implied && { implied: history.implied[last]! / Math.sqrt(daysAYear) };
  const found = Math.max(
    forecast,
    (1 - options.stressWeight) * forecast + options.stressWeight * stressed,
    implied?.implied ?? 0,
  );
  if (!(found > 0 && found < Number.POSITIVE_INFINITY)) {
    throw new PlimsollError("OUT_OF_RANGE", "expected prices that move", { field: `volatility of ${symbol}` });
  }
  const used = Math.min(found, MOST_VOLATILE / Math.sqrt(daysAYear));
  const clamped = `${dates[last]!}: a volatility of ${Math.round(100 * found * Math.sqrt(daysAYear))}% a year, counted as ${100 * MOST_VOLATILE}%`;
  const [tailDown, tailUp] = [tail(-1), tail(1)];
  const period = used * Math.sqrt(options.periodDays);
  const { up, down } = volatilityMoves(
    history.implied ?? sigma.subarray(1),
    first,
    last,
    options,
    history.implied === undefined,
  );
  return {
    symbol,
    date: dates[last]!,
    forecast,
    stressed,
    used,
    tailDown,
    tailUp,
    sample: standardised.length,
    rangeDown: 1 - Math.exp(-tailDown * period),
    rangeUp: Math.exp(tailUp * period) - 1,
    volatilityUp: up,
    volatilityDown: down,
    repairs: used < found ? [...repairs, clamped] : repairs,
    ...implied,
  };
}

/**
 * Relative moves of implied volatility, quantiles at the coverage asked for: of quoted ones over the margin period; where
 * none are quoted, of five-day changes of the forecast, which reacts more slowly, and at least +30% and −15%.
 */
function volatilityMoves(
  volatilities: ArrayLike<number>,
  first: number,
  last: number,
  { periodDays, coverage }: CalibrationOptions,
  proxy: boolean,
): { up: number; down: number } {
  const lag = proxy ? 5 : Math.ceil(periodDays);
  const changes: number[] = [];
  for (let t = first + lag; t <= last; t++) changes.push(volatilities[t]! / volatilities[t - lag]! - 1);
  const [up, down] = [quantile(changes, coverage), quantile(changes, 1 - coverage)];
  return proxy
    ? { up: Math.max(0.3, up), down: Math.min(-0.15, down) }
    : { up: Math.max(0, up), down: Math.min(0, down) };
}

function at<T>(symbol: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof PlimsollError
      ? error.at({ field: `${error.place.field ?? "history"} of ${symbol}` })
      : error;
  }
}

/** Up to four decimals, never rounded down in size: what goes into a policy is never less than what was found. */
const text = (value: number) => String(Math.sign(value) * (Math.ceil(Math.abs(value) * 1e4 - 1e-9) / 1e4));

/** Static far tails: a fall or rise by so much of the price, of which so much counts beyond delta, with volatility up. */
const FAR = { up: 0.8, down: 0.8, counted: "0.21", volatility: "0.5" };
/**
 * What histories of prices do not tell, over a day: relative moves of a 10-day volatility against one of 90 days, points of
 * skew, annual points of carry; the share of volatility moves by which those of two underlyings part.
 */
const UNQUOTED = { twist: 0.1, skew: 0.02, carry: 0.1, volatilityApart: "0.5" };

/** The scan of one underlying or several, which part by what they do at the given correlation. */
export function scanScenarios(
  calibrated: readonly UnderlyingCalibration[],
  brokenCorrelation: number,
  { periodDays }: Pick<CalibrationOptions, "periodDays"> = DEFAULT_CALIBRATION,
): ModelChoice {
  const root = Math.sqrt(periodDays);
  const carry = text(UNQUOTED.carry * root);
  return {
    model: "scan",
    parameters: {
      periodDays: String(periodDays),
      tailCounted: FAR.counted,
      tailVolatility: FAR.volatility,
      underlyings: Object.fromEntries(
        calibrated.map(({ symbol, rangeUp, rangeDown, volatilityUp, volatilityDown }) => [
          symbol,
          {
            up: text(rangeUp),
            down: text(Math.min(0.95, rangeDown)),
            apart: text(Math.sqrt((1 - brokenCorrelation) / 2)),
            tailUp: text(Math.max(rangeUp, FAR.up)),
            tailDown: text(Math.min(0.95, Math.max(rangeDown, FAR.down))),
            volatilityUp: text(volatilityUp),
            volatilityDown: text(Math.min(0.9, -volatilityDown)),
            volatilityApart: UNQUOTED.volatilityApart,
            twist: text(UNQUOTED.twist * root),
            skew: text(UNQUOTED.skew * root),
            carryUp: carry,
            carryDown: carry,
          },
        ]),
      ),
    },
  };
}

/**
 * The lowest correlation of standardised returns over any quarter of the sample, for the weakest pair; −0.9 to 0.95. Of
 * aligned histories, as known after return `last` (default: all).
 */
export function brokenCorrelation(
  prepared: readonly PreparedHistory[],
  { lookback }: CalibrationOptions = DEFAULT_CALIBRATION,
  last = prepared[0]!.history.returns.length - 1,
): number {
  const window = 90;
  const first = Math.max(WARM_UP + 1, last + 1 - lookback);
  let lowest = 0.95;
  for (const [i, a] of prepared.entries()) {
    for (const b of prepared.slice(0, i)) {
      if (a.history.returns.length !== b.history.returns.length) throw new TypeError("expected aligned histories");
      for (let end = last + 1; end - window >= first; end -= 5) {
        let [ab, aa, bb] = [0, 0, 0];
        for (let t = end - window; t < end; t++) {
          const [x, y] = [a.history.returns[t]! / a.sigma[t]!, b.history.returns[t]! / b.sigma[t]!];
          ab += x * y;
          aa += x * x;
          bb += y * y;
        }
        lowest = Math.min(lowest, ab / Math.sqrt(aa * bb));
      }
    }
  }
  return Math.max(-0.9, lowest);
}

/**
 * As many joint moves that happened as there are scenarios, each rescaled from the volatility of its day to that used today (filtered historical
 * simulation: G. Barone-Adesi et al., 1999), chosen so that the tail stays: for every direction in which a portfolio can
 * lean (each underlying, each pair with and against each other, all together; both ways) the worst of them is at
 * least the expected shortfall over all days. Directions are served in turn by the day that reaches it with the least
 * excess; what is left goes to the largest moves not yet chosen. With three underlyings and more, directions may outnumber
 * the scenarios: those named first are served first.
 */
export function historicalScenarios(
  prepared: readonly PreparedHistory[],
  options: CalibrationOptions = DEFAULT_CALIBRATION,
): ModelChoice {
  const calibrated = prepared.map((each) => calibrateUnderlying(each, options));
  const { returns, dates } = prepared[0]!.history;
  const first = Math.max(WARM_UP + 1, returns.length - options.lookback);
  const days = Array.from({ length: returns.length - first }, (_, index) => first + index);
  const root = Math.sqrt(options.periodDays);
  const standard = (day: number, asset: number) =>
    prepared[asset]!.history.returns[day]! / prepared[asset]!.sigma[day]!;
  const count = prepared.length;
  const unit = (...entries: [number, number][]) => {
    const direction = new Array<number>(count).fill(0);
    for (const [asset, weight] of entries) direction[asset] = weight;
    return direction;
  };
  const directions = [
    new Array<number>(count).fill(1),
    ...prepared.map((_, asset) => unit([asset, 1])),
    ...prepared.flatMap((_, a) => prepared.slice(0, a).map((_, b) => unit([a, 1], [b, -1]))),
    ...prepared.flatMap((_, a) => prepared.slice(0, a).map((_, b) => unit([a, 1], [b, 1]))),
  ].flatMap((direction) => [direction, direction.map((weight) => -weight)]);
  // A standardised move along a direction, weighted by the ranges: what a portfolio of that lean gains.
  const gain = (day: number, direction: readonly number[]) =>
    direction.reduce((sum, weight, asset) => sum + weight * standard(day, asset) * calibrated[asset]!.used * root, 0);
  const chosen = new Set<number>();
  for (const direction of directions) {
    if (chosen.size === SCENARIOS) break;
    const losses = days.map((day) => -gain(day, direction));
    const target = expectedShortfall(losses, options.confidence);
    if ([...chosen].some((day) => -gain(day, direction) >= target)) continue;
    let best = -1;
    for (const [index, loss] of losses.entries()) {
      if (loss >= target && (best === -1 || loss < losses[best]!)) best = index;
    }
    chosen.add(days[best]!);
  }
  const size = (day: number) => calibrated.reduce((sum, _, asset) => sum + standard(day, asset) ** 2, 0);
  for (const day of [...days].sort((a, b) => size(b) - size(a))) {
    if (chosen.size === SCENARIOS) break;
    chosen.add(day);
  }
  const bounded = (value: number) => Math.max(-0.95, value);
  const scenarios = [...chosen]
    .sort((a, b) => a - b)
    .map((day) => ({
      label: `${dates[day]!}, rescaled`,
      counted: "1",
      moves: Object.fromEntries(
        calibrated.map(({ symbol, used, volatilityUp, volatilityDown }, asset) => {
          const move = standard(day, asset) * used * root;
          const after = prepared[asset]!.sigma[day + 1]! / prepared[asset]!.sigma[day]! - 1;
          const volatility = Math.min(volatilityUp, Math.max(volatilityDown, after));
          return [symbol, { price: bounded(Math.exp(move) - 1).toFixed(6), volatility: volatility.toFixed(4) }];
        }),
      ),
    }));
  return { model: "historical", parameters: { scenarios } };
}

/** How much of an asset can be sold: units a day, and the share of it that an account may count on. */
export interface Liquidity {
  readonly dailyVolume: number;
  readonly participation: number;
}

/** The median of the last 90 days' volume; undefined where the history has none. */
export function liquidityOf({ volumes }: PriceHistory, { participation }: CalibrationOptions): Liquidity | undefined {
  return volumes && { dailyVolume: quantile(volumes.slice(-90), 0.5), participation };
}

/**
 * Loss range of a position that takes `days` to sell: held for one period, then sold evenly, so that variance grows by a
 * third of what it would if all were held to the end.
 */
const rangeOver = ({ tailDown, used }: UnderlyingCalibration, { periodDays }: CalibrationOptions, days: number) =>
  1 - Math.exp(-tailDown * used * Math.sqrt(periodDays + Math.max(0, days - periodDays) / 3));

export type HaircutTiers = PolicyDocument["assets"][number]["tiers"];

/** Days of selling at which tiers end; beyond the last nothing more counts. */
const TIER_DAYS = [1, 3, 10];

/**
 * Haircut tiers: to the end of each, as many units as can be sold in 1, 3 and 10 days; the haircut is the loss range over
 * that time, rounded up to a basis point.
 */
export function haircutTiers(
  calibrated: UnderlyingCalibration,
  { dailyVolume, participation }: Liquidity,
  options: CalibrationOptions = DEFAULT_CALIBRATION,
): HaircutTiers {
  if (!(dailyVolume > 0 && participation > 0)) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a daily volume above 0", {
      field: `volume of ${calibrated.symbol}`,
    });
  }
  return TIER_DAYS.map((days) => ({
    upTo: String(Number((days * participation * dailyVolume).toPrecision(2))),
    haircutBps: String(Math.min(10_000, Math.ceil(rangeOver(calibrated, options, days) * 10_000))),
  }));
}

/**
 * Liquidity terms of a netting set: delta up to what can be closed within the margin period is free; the rate above it is
 * the extra range of a position four times as large, spread over what lies above.
 */
export function liquidityTerms(
  calibrated: UnderlyingCalibration,
  { dailyVolume, participation }: Liquidity,
  price: number,
  options: CalibrationOptions = DEFAULT_CALIBRATION,
): { readonly liquidityThreshold: string; readonly liquidityRateBps: string } {
  const { periodDays } = options;
  const extra = 4 * (rangeOver(calibrated, options, 4 * periodDays) - rangeOver(calibrated, options, periodDays));
  return {
    liquidityThreshold: String(Math.floor(dailyVolume * participation * periodDays * price)),
    liquidityRateBps: String(Math.min(10_000, Math.ceil((extra / 3) * 10_000))),
  };
}
