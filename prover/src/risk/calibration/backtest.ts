// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Back-test of a calibration: day by day, margin from what was known that evening against the loss by the end of the
 * margin period. Nothing looks ahead: forecasts, tails, scenarios and implied volatilities of a day come from prices up
 * to that day.
 *
 * No history of implied volatility is at hand, so options are valued at the volatility forecast of the day (EWMA, decay
 * 0.94, held between 30% and 200% a year), and its realised change is that of the forecast.
 */

import { PlimsollError } from "../../errors.ts";
import { timeText } from "../../formats/time.ts";
import { priceInstruments } from "../board/board.ts";
import { cephes } from "../cephes.ts";
import type { Instrument, MarketInput, ModelChoice } from "../input.ts";
import { countedProfit, STILL } from "../model.ts";
import { alignHistories, type PriceHistory } from "../prices.ts";
import {
  brokenCorrelation,
  type CalibrationOptions,
  calibrateUnderlying,
  DEFAULT_CALIBRATION,
  prepare,
  scanScenarios,
} from "./calibrate.ts";
import { ewma } from "./volatility.ts";

/** What a portfolio holds: units of an instrument for each dollar of spot, by underlying. */
export interface Holding {
  readonly underlying: string;
  readonly contract: "perpetual" | "call" | "put";
  /** Notional at spot; negative is short. `hedge` holds what makes the delta of its underlying zero. */
  readonly notional: number | "hedge";
  /** Strike over spot. */
  readonly strike?: number;
  readonly days?: number;
}

export interface Portfolio {
  readonly name: string;
  readonly holdings: readonly Holding[];
}

/** Long, short, delta-neutral, short gamma and option spreads on each underlying, and spreads of each pair both ways. */
export function portfolioFamily(underlyings: readonly string[]): Portfolio[] {
  const alone = underlyings.flatMap((underlying): Portfolio[] => {
    const perpetual = (notional: number | "hedge"): Holding => ({ underlying, contract: "perpetual", notional });
    const option = (contract: "call" | "put", notional: number, strike = 1, days = 30): Holding => ({
      underlying,
      contract,
      notional,
      strike,
      days,
    });
    return [
      { name: `${underlying} long`, holdings: [perpetual(1)] },
      { name: `${underlying} short`, holdings: [perpetual(-1)] },
      { name: `${underlying} delta-neutral, long call`, holdings: [option("call", 1), perpetual("hedge")] },
      {
        name: `${underlying} short gamma, straddle hedged`,
        holdings: [option("call", -1), option("put", -1), perpetual("hedge")],
      },
      { name: `${underlying} short gamma, strangle`, holdings: [option("call", -1, 1.15), option("put", -1, 0.85)] },
      { name: `${underlying} short put, weekly`, holdings: [option("put", -1, 0.9, 7)] },
      { name: `${underlying} call spread`, holdings: [option("call", 1), option("call", -1, 1.15)] },
      { name: `${underlying} calendar, short front`, holdings: [option("call", -1, 1, 7), option("call", 1, 1, 60)] },
    ];
  });
  const pairs = underlyings.flatMap((a, index) =>
    underlyings.flatMap((b, other) =>
      index === other
        ? []
        : [
            {
              name: `spread ${a} against ${b}`,
              holdings: [
                { underlying: a, contract: "perpetual", notional: 1 },
                { underlying: b, contract: "perpetual", notional: -1 },
              ],
            } satisfies Portfolio,
          ],
    ),
  );
  return [...alone, ...pairs];
}

export interface Coverage {
  readonly days: number;
  readonly breaches: number;
  readonly expected: number;
  /** p-value of Kupiec's test that breaches come at the stated rate (P. Kupiec, 1995). */
  readonly kupiec: number;
  /** p-value of Christoffersen's test that breaches come alone (P. Christoffersen, 1998); 1 without two breaches. */
  readonly christoffersen: number;
}

/**
 * How often losses of a portfolio were larger than its margin.
 * @see docs/library.md#risk
 */
export interface BacktestResult extends Coverage {
  readonly portfolio: string;
  readonly from: string;
  readonly to: string;
  /** Largest loss over margin, where it was above it: 0.2 is a loss of 120% of margin. */
  readonly worstBreach: number;
  readonly worstDate: string;
  /** Mean and largest margin as fractions of gross notional. */
  readonly averageMargin: number;
  readonly largestMargin: number;
  /** Largest rise of margin in five days: 1 is a doubling. */
  readonly procyclicality: number;
  /** Margin and loss day by day, as fractions of gross notional. */
  readonly series: readonly { readonly date: string; readonly margin: number; readonly loss: number }[];
}

const xlogy = (x: number, y: number) => (x === 0 ? 0 : x * Math.log(y));

/** Tests on a series of breaches against a confidence (0.99: one breach in a hundred days). */
export function coverageTests(breaches: readonly boolean[], confidence: number): Coverage {
  const days = breaches.length;
  const count = breaches.filter(Boolean).length;
  const rate = 1 - confidence;
  const likelihood = (p: number) => xlogy(count, p) + xlogy(days - count, 1 - p);
  const ratio = -2 * (likelihood(rate) - likelihood(count / days));
  const moves = [0, 0, 0, 0];
  for (let t = 1; t < days; t++) moves[2 * Number(breaches[t - 1]) + Number(breaches[t])]!++;
  const [n00, n01, n10, n11] = moves as [number, number, number, number];
  const p = (n01 + n11) / (days - 1);
  const chain =
    xlogy(n00, n00 / (n00 + n01)) +
    xlogy(n01, n01 / (n00 + n01)) +
    xlogy(n10, n10 / (n10 + n11)) +
    xlogy(n11, n11 / (n10 + n11));
  const independent = xlogy(n00 + n10, 1 - p) + xlogy(n01 + n11, p);
  const tail = (statistic: number) => cephes.chdtrc(1, Math.max(0, statistic));
  return {
    days,
    breaches: count,
    expected: rate * days,
    kupiec: tail(ratio),
    christoffersen: count < 2 ? 1 : tail(2 * (chain - independent)),
  };
}

/**
 * Whether coverage holds: Kupiec does not reject, or breaches are fewer than expected.
 * @see docs/library.md#risk
 */
export const isCovered = ({ kupiec, breaches, expected }: Coverage): boolean => kupiec >= 0.05 || breaches < expected;

export interface BacktestOptions {
  readonly calibration: CalibrationOptions;
  /** Share of periods in which margin is to cover the loss. */
  readonly coverage: number;
  /** Days that are known before the first margin. */
  readonly warmUp: number;
  /** First and last day of margins, where not all. */
  readonly from?: string;
  readonly to?: string;
}

export const DEFAULT_BACKTEST: BacktestOptions = { calibration: DEFAULT_CALIBRATION, coverage: 0.99, warmUp: 250 };

const IMPLIED_LAMBDA = 0.94;
const DAY_MS = 86_400_000;
const CHARGES = {
  model: "closing-costs",
  parameters: {
    linearClosing: "0.0005",
    optionClosing: "0.001",
    optionClosingOfValue: "0.125",
    optionTick: "0.0002",
    shortOptionMinimum: "0.005",
  },
} as const;

/**
 * Runs every portfolio on the days that all its underlyings have. Throws `OUT_OF_RANGE` with fewer than 100 to test. One run is some thousand boards of a few instruments
 * each, priced by the same code as a venue's.
 */
export function backtest(
  histories: readonly PriceHistory[],
  portfolios: readonly Portfolio[],
  options: BacktestOptions = DEFAULT_BACKTEST,
): BacktestResult[] {
  const groups = Map.groupBy(portfolios, ({ holdings }) =>
    [...new Set(holdings.map(({ underlying }) => underlying))].sort().join(),
  );
  const results = new Map<string, BacktestResult>();
  for (const [key, group] of groups) {
    const names = key.split(",");
    const found = names.map((name) => histories.find(({ symbol }) => symbol === name)!);
    for (const result of runGroup(names.length === 1 ? found : alignHistories(found), group, options)) {
      results.set(result.portfolio, result);
    }
  }
  return portfolios.map(({ name }) => results.get(name)!);
}

function runGroup(histories: readonly PriceHistory[], portfolios: readonly Portfolio[], options: BacktestOptions) {
  const { calibration, coverage, warmUp, from = "", to = "9999" } = options;
  const period = calibration.periodDays;
  if (!Number.isInteger(period)) throw new TypeError("expected whole days");
  const prepared = histories.map((history) => prepare(history, calibration));
  const implied = histories.map(impliedProxy);
  const { dates } = histories[0]!;
  // One board a day for all portfolios of the group: holdings of the same contract share a row.
  const contracts = new Map(portfolios.flatMap(({ holdings }) => holdings.map((held) => [contractOf(held), held])));
  const rows = [...contracts.keys()];
  const series = portfolios.map((): { date: string; margin: number; loss: number }[] => []);
  for (let day = warmUp; day + period < dates.length; day++) {
    const date = dates[day]!;
    if (date < from || date > to) continue;
    const spots = new Map(histories.map(({ symbol, closes }) => [symbol, closes[day]!]));
    const expected = prepared.map((each) => calibrateUnderlying(each, calibration, day));
    const scan = scanScenarios(expected, brokenCorrelation(prepared, calibration, day), calibration);
    const input = boardOf([...contracts.values()], spots, scan, date);
    const priced = (at: number) =>
      priceInstruments(observe(input, histories, implied, at)).map((each, row) => ({ ...each!, contract: rows[row]! }));
    const now = new Map(
      priced(day).map(({ contract, valueAfter, scenarios, charges, instrument }) => {
        const before = valueAfter(STILL);
        const { value, delta } = before;
        const { underlying } = instrument;
        const losses = scenarios.map(
          (scenario) => -countedProfit(scenario, underlying, before, valueAfter(scenario.moves[underlying]!).value),
        );
        return [contract, { value, delta, losses, charges }];
      }),
    );
    const then = new Map(priced(day + period).map(({ contract, valueAfter }) => [contract, valueAfter(STILL).value]));
    for (const [index, { holdings }] of portfolios.entries()) {
      const held = holdings.map((holding) => {
        const row = now.get(contractOf(holding))!;
        const spot = spots.get(holding.underlying)!;
        const gain = then.get(contractOf(holding))! - row.value;
        return { ...row, holding, spot, gain, units: holding.notional === "hedge" ? 0 : holding.notional / spot };
      });
      for (const hedge of held) {
        if (hedge.holding.notional !== "hedge") continue;
        const hedged = held.filter(({ holding }) => holding.underlying === hedge.holding.underlying);
        hedge.units = -hedged.reduce((sum, { units, delta }) => sum + units * delta, 0) / hedge.delta;
      }
      const gross = held.reduce((sum, { units, spot }) => sum + Math.abs(units) * spot, 0);
      const charge = held.reduce(
        (sum, { units, charges }) => sum + Math.max(0, units) * charges.long + Math.max(0, -units) * charges.short,
        0,
      );
      const losses = held[0]!.losses.map((_, scenario) =>
        held.reduce((sum, { units, losses }) => sum + units * losses[scenario]!, 0),
      );
      series[index]!.push({
        date,
        margin: (Math.max(0, ...losses) + charge) / gross,
        loss: -held.reduce((sum, { units, gain }) => sum + units * gain, 0) / gross,
      });
    }
  }
  if (series[0]!.length < 100) {
    const field = histories.map(({ symbol }) => symbol).join(", ");
    throw new PlimsollError("OUT_OF_RANGE", `expected at least ${warmUp + period + 100} common days`, { field });
  }
  return portfolios.map(({ name }, index) => summarise(name, series[index]!, period, coverage));
}

/** Annual volatility that stands for the implied one; element t + 1 is that of day t. */
export const impliedProxy = ({ returns, daysAYear }: PriceHistory): Float64Array =>
  ewma(returns, IMPLIED_LAMBDA).map((sigma) => Math.min(2, Math.max(0.3, sigma * Math.sqrt(daysAYear))));

const contractOf = ({ underlying, contract, strike = 1, days = 30 }: Holding) =>
  contract === "perpetual" ? underlying : `${underlying} ${contract} ${strike} ${days}`;

const decimal = (value: number) => value.toFixed(8);

/** A board that lists these contracts at the spots of a day, still to be observed. */
export function boardOf(
  contracts: readonly Holding[],
  spots: ReadonlyMap<string, number>,
  scenarios: ModelChoice,
  date: string,
): MarketInput["policy"] {
  return {
    board: "back-test",
    scenarios,
    charges: CHARGES,
    collateral: [],
    instruments: contracts.map(({ underlying, contract, strike = 1, days = 30 }, index): Instrument => {
      const base = { symbol: `H${index}`, underlying, lot: "1" };
      if (contract === "perpetual") return { ...base, model: "spot", terms: {} };
      const expiry = timeText(new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS));
      const terms = { expiry, strike: decimal(strike * spots.get(underlying)!), right: contract };
      return { ...base, model: "option", terms };
    }),
    blocks: [
      {
        name: "all",
        continues: false,
        liquidityThreshold: "0",
        liquidityRateBps: "0",
        vegaThreshold: "0",
        vegaRateBps: "0",
      },
    ],
  };
}

/** What that board shows on a day: spots, and one implied volatility for each underlying (`impliedProxy`). */
export function observe(
  policy: MarketInput["policy"],
  histories: readonly PriceHistory[],
  implied: readonly Float64Array[],
  day: number,
): MarketInput {
  const time = Date.parse(`${histories[0]!.dates[day]!}T00:00:00Z`);
  const underlyings = histories.map(({ symbol, closes }, index) => {
    const spot = decimal(closes[day]!);
    const volatilities = [decimal(implied[index]![day + 1]!)];
    return [
      symbol,
      {
        spot,
        carry: "0",
        surface: [{ expiry: timeText(new Date(time + 30 * DAY_MS)), strikes: [spot], volatilities }],
      },
    ];
  });
  return {
    format: "plimsoll-market-input/2",
    policy,
    observation: {
      epoch: "0",
      time: timeText(new Date(time)),
      rate: "0",
      underlyings: Object.fromEntries(underlyings),
      quotes: {},
      prices: {},
      ratios: {},
    },
  };
}

function summarise(
  portfolio: string,
  series: readonly { date: string; margin: number; loss: number }[],
  periodDays: number,
  coverage: number,
): BacktestResult {
  // Losses over longer periods overlap: every period-th day is tested.
  const tested = series.filter((_, index) => index % periodDays === 0);
  const excess = series.map(({ margin, loss }) => loss / margin - 1);
  const worst = excess.reduce((best, value, index) => (value > excess[best]! ? index : best), 0);
  const rises = series.slice(5).map(({ margin }, index) => margin / series[index]!.margin - 1);
  return {
    portfolio,
    ...coverageTests(
      tested.map(({ margin, loss }) => loss > margin),
      coverage,
    ),
    from: series[0]?.date ?? "",
    to: series.at(-1)?.date ?? "",
    worstBreach: Math.max(0, excess[worst] ?? 0),
    worstDate: series[worst]?.date ?? "",
    averageMargin: series.reduce((sum, { margin }) => sum + margin, 0) / series.length,
    largestMargin: series.reduce((most, { margin }) => Math.max(most, margin), 0),
    procyclicality: rises.reduce((most, rise) => Math.max(most, rise), 0),
    series,
  };
}
