// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Filtered historical simulation with a volatility floor (G. Barone-Adesi et al., 1999): a margin that needs no scenario
 * model. Every day of the sample is a joint move, rescaled from the volatility of its day to that of today; the margin is a
 * tail of what a portfolio would lose over all of them. The reference that the scan is compared with, and the source of
 * `historical` scenarios.
 */
import { quantile } from "simple-statistics";
import { SCENARIOS } from "../../model/sizes.ts";
import type { ModelChoice } from "../input.ts";
import type { Move } from "../model.ts";
import { type CalibrationOptions, DEFAULT_CALIBRATION, impliedProxy, type PreparedHistory } from "./ranges.ts";
import { expectedShortfall, SortedWindow, WARM_UP } from "./volatility.ts";

/** The floor of the volatility: this quantile of its past. */
const FLOOR_QUANTILE = 0.5;
/** A day's relative change of implied volatility, at most and at least. */
const VOLATILITY_BOUNDS = [-0.9, 5] as const;
/** The largest fall that leaves a price. */
const LARGEST_FALL = -0.95;

/** A day of the sample, as it would come today. */
export interface FilteredDay {
  readonly date: string;
  readonly moves: Readonly<Record<string, Move>>;
}

/** What the days of a history share: volatilities with their floor, by return, and implied ones, each after its day. */
interface Filter {
  readonly prepared: PreparedHistory;
  readonly floored: Float64Array;
  readonly implied: ArrayLike<number>;
}

/** Filters of aligned histories. Where no volatilities are quoted, a forecast stands for them (`impliedProxy`). */
export const filtersOf = (prepared: readonly PreparedHistory[], { lookback }: CalibrationOptions): readonly Filter[] =>
  prepared.map((each) => {
    const window = new SortedWindow(lookback);
    const floored = each.sigma.map((forecast, t) => {
      if (t <= WARM_UP) return forecast;
      window.push(forecast);
      return Math.max(forecast, window.quantile(FLOOR_QUANTILE));
    });
    return { prepared: each, floored, implied: each.history.implied ?? impliedProxy(each.history).subarray(1) };
  });

/** The days of the sample rescaled to what is known after return `last`. */
export function filteredDays(filters: readonly Filter[], options: CalibrationOptions, last: number): FilteredDay[] {
  const { dates } = filters[0]!.prepared.history;
  const root = Math.sqrt(options.periodDays);
  const first = Math.max(WARM_UP + 1, last + 1 - options.lookback);
  return Array.from({ length: last + 1 - first }, (_, index) => {
    const day = first + index;
    const moves = filters.map(({ prepared: { history }, floored, implied }): [string, Move] => {
      const scale = (floored[last + 1]! / floored[day]!) * root;
      const price = Math.max(LARGEST_FALL, Math.exp(history.returns[day]! * scale) - 1);
      const change = (implied[day]! / implied[day - 1]! - 1) * root;
      const volatility = Math.min(VOLATILITY_BOUNDS[1], Math.max(VOLATILITY_BOUNDS[0], change));
      return [history.symbol, { price, volatility, days: options.periodDays }];
    });
    return { date: dates[day]!, moves: Object.fromEntries(moves) };
  });
}

/** The margin: expected shortfall of these losses, and no less than the quantile that margin is to cover; at least 0. */
export const filteredMargin = (
  losses: readonly number[],
  { confidence, coverage }: CalibrationOptions = DEFAULT_CALIBRATION,
): number => Math.max(0, expectedShortfall(losses, confidence), quantile(losses as number[], coverage));

/**
 * As many filtered days as a scan has scenarios, chosen so that the tail stays: for every direction in which a portfolio can
 * lean (each underlying, each pair with and against each other, all together, volatilities, prices with volatilities; both
 * ways) the worst of them is at least the expected shortfall over all days. Directions are served in turn by the day that
 * reaches it with the least excess; what is left goes to the largest days not yet chosen. Where directions outnumber the
 * scenarios, those named first are served first.
 */
export function historicalScenarios(
  prepared: readonly PreparedHistory[],
  options: CalibrationOptions = DEFAULT_CALIBRATION,
): ModelChoice {
  const days = filteredDays(filtersOf(prepared, options), options, prepared[0]!.history.returns.length - 1);
  const symbols = prepared.map(({ history }) => history.symbol);
  // A day as logarithms of prices, then relative moves of volatilities, each over its own spread.
  const raw = days.map(({ moves }) => [
    ...symbols.map((symbol) => Math.log1p(moves[symbol]!.price)),
    ...symbols.map((symbol) => moves[symbol]!.volatility),
  ]);
  const spread = raw[0]!.map((_, factor) =>
    Math.sqrt(raw.reduce((sum, day) => sum + day[factor]! ** 2, 0) / raw.length),
  );
  const points = raw.map((day) => day.map((value, factor) => (spread[factor]! > 0 ? value / spread[factor]! : 0)));
  const chosen = new Set<number>();
  for (const direction of directionsOf(symbols.length, spread)) {
    if (chosen.size === SCENARIOS) break;
    const losses = points.map((point) => -point.reduce((sum, value, factor) => sum + value * direction[factor]!, 0));
    const target = expectedShortfall(losses, options.confidence);
    if ([...chosen].some((day) => losses[day]! >= target)) continue;
    let best = -1;
    for (const [day, loss] of losses.entries()) if (loss >= target && (best === -1 || loss < losses[best]!)) best = day;
    chosen.add(best);
  }
  const size = (day: number) => points[day]!.reduce((sum, value) => sum + value ** 2, 0);
  for (const day of [...days.keys()].sort((a, b) => size(b) - size(a))) {
    if (chosen.size === SCENARIOS) break;
    chosen.add(day);
  }
  const scenarios = [...chosen]
    .sort((a, b) => a - b)
    .map((day) => ({
      label: `${days[day]!.date}, rescaled`,
      counted: "1",
      moves: Object.fromEntries(
        symbols.map((symbol) => {
          const { price, volatility } = days[day]!.moves[symbol]!;
          return [symbol, { price: decimal(price), volatility: decimal(volatility) }];
        }),
      ),
    }));
  return { model: "historical", parameters: { scenarios } };
}

/** Six decimals, and no minus before a zero. */
const decimal = (value: number) => (Number(value.toFixed(6)) || 0).toFixed(6);

/** Directions over prices and volatilities in units of their spreads; prices of a pair weigh as the money does. */
function directionsOf(count: number, spread: readonly number[]): number[][] {
  const assets = Array.from({ length: count }, (_, asset) => asset);
  const direction = (...entries: (readonly [factor: number, weight: number])[]) => {
    const weights = new Array<number>(2 * count).fill(0);
    for (const [factor, weight] of entries) weights[factor] = weight;
    return weights;
  };
  const money = (asset: number, sign = 1) => [asset, sign * spread[asset]!] as const;
  const pairs = assets.flatMap((a) => assets.slice(0, a).map((b) => [a, b] as const));
  const vega = (asset: number) => [count + asset, 1] as const;
  return [
    direction(...assets.map((asset) => money(asset))),
    ...assets.map((asset) => direction(money(asset))),
    ...pairs.map(([a, b]) => direction(money(a), money(b, -1))),
    ...assets.map((asset) => direction(vega(asset))),
    ...assets.flatMap((asset) => [1, -1].map((sign) => direction([asset, sign], vega(asset)))),
    ...pairs.map(([a, b]) => direction(money(a), money(b))),
  ].flatMap((each) => [each, each.map((weight) => -weight)]);
}
