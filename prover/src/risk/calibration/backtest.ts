// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Back-test of margins: day by day, margin from what was known that evening against the loss by the end of the margin period.
 * Nothing looks ahead: forecasts, tails, scenarios and implied volatilities of a day come from prices up to that day.
 *
 * No history of implied volatility is at hand, so options are valued at the volatility forecast of the day (EWMA, decay
 * 0.94, held between 30% and 200% a year), and its realised change is that of the forecast.
 */
import { quantile } from "simple-statistics";
import { PlimsollError } from "../../errors.ts";
import { timeText } from "../../formats/time.ts";
import { MODELS, priceInstruments } from "../board/board.ts";
import type { Instrument, MarketInput } from "../input.ts";
import { countedProfit, type Scenario, STILL } from "../model.ts";
import { alignHistories, type PriceHistory } from "../prices.ts";
import { type Coverage, coverageTests } from "./coverage.ts";
import { type MarginEngine, scanEngine } from "./engines.ts";
import type { Holding, Portfolio } from "./portfolios.ts";
import { type CalibrationOptions, DEFAULT_CALIBRATION, impliedProxy } from "./ranges.ts";

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
  /** The share of its margin that the coverage asked for would have needed: 0.8 is a margin a quarter too large. */
  readonly needed: number;
  /** Charges as a share of margin, and the kind of scenario that decides on most days, with its share of the days. */
  readonly charges: number;
  readonly decides: { readonly label: string; readonly share: number };
  /** Margin and loss day by day, as fractions of gross notional. */
  readonly series: readonly { readonly date: string; readonly margin: number; readonly loss: number }[];
}

export interface BacktestOptions {
  readonly calibration: CalibrationOptions;
  /** Share of periods in which margin is to cover the loss. */
  readonly coverage: number;
  /** Days that are known before the first margin. */
  readonly warmUp: number;
  /** First and last day of margins, where not all. */
  readonly from?: string;
  readonly to?: string;
  /** What finds the margin: by default the calibrated scan. */
  readonly engine?: MarginEngine;
}

export const DEFAULT_BACKTEST: BacktestOptions = { calibration: DEFAULT_CALIBRATION, coverage: 0.99, warmUp: 250 };

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
 * Runs every portfolio on the days that all its underlyings have. Throws `OUT_OF_RANGE` with fewer than 100 to test. One run
 * is some thousand boards of a few instruments each, priced by the same code as a venue's.
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

/** A day of a portfolio: margin, the charges in it, and loss, as fractions of gross notional; the scenario that decides. */
interface PortfolioDay {
  readonly date: string;
  readonly margin: number;
  readonly charges: number;
  readonly loss: number;
  readonly decides: string;
}

/** One contract on one day, per whole unit. */
interface ContractDay {
  readonly value: number;
  readonly delta: number;
  /** By scenario. */
  readonly losses: readonly number[];
  readonly charges: { readonly long: number; readonly short: number };
  /** By the end of the margin period. */
  readonly gain: number;
}

function runGroup(histories: readonly PriceHistory[], portfolios: readonly Portfolio[], options: BacktestOptions) {
  const { calibration, coverage, warmUp, from = "", to = "9999", engine = scanEngine } = options;
  const period = calibration.periodDays;
  if (!Number.isInteger(period)) throw new TypeError("expected whole days");
  const marginOn = engine.prepare(histories, calibration);
  const implied = histories.map(impliedProxy);
  const { dates } = histories[0]!;
  // One board a day for all portfolios of the group: holdings of the same contract share a row.
  const contracts = new Map(portfolios.flatMap(({ holdings }) => holdings.map((held) => [contractOf(held), held])));
  const rows = [...contracts.keys()];
  const days = portfolios.map((): PortfolioDay[] => []);
  for (let day = warmUp; day + period < dates.length; day++) {
    const date = dates[day]!;
    if (date < from || date > to) continue;
    const spots = new Map(histories.map(({ symbol, closes }) => [symbol, closes[day]!]));
    const { scenarios, margin } = marginOn(day);
    const given = { id: "given", scenarios: () => scenarios };
    const policy = boardOf([...contracts.values()], spots, { model: "given", parameters: {} }, date);
    const priced = (at: number) =>
      priceInstruments(observe(policy, histories, implied, at), { ...MODELS, scenarios: { given } });
    const later = priced(day + period);
    const board = new Map(
      priced(day).map((each, row): [string, ContractDay] => {
        const { valueAfter, charges, instrument } = each!;
        const now = valueAfter(STILL);
        const losses = scenarios.map(
          (scenario) =>
            -countedProfit(
              scenario,
              instrument.underlying,
              now,
              valueAfter(scenario.moves[instrument.underlying]!, scenario.moves).value,
            ),
        );
        return [rows[row]!, { ...now, losses, charges, gain: later[row]!.valueAfter(STILL).value - now.value }];
      }),
    );
    for (const [index, portfolio] of portfolios.entries()) {
      days[index]!.push({ date, ...portfolioDay(portfolio, board, spots, scenarios, margin) });
    }
  }
  if (days[0]!.length < 100) {
    const field = histories.map(({ symbol }) => symbol).join(", ");
    throw new PlimsollError("OUT_OF_RANGE", `expected at least ${warmUp + period + 100} common days`, { field });
  }
  return portfolios.map(({ name }, index) => summarise(name, days[index]!, period, coverage));
}

function portfolioDay(
  { holdings }: Portfolio,
  board: ReadonlyMap<string, ContractDay>,
  spots: ReadonlyMap<string, number>,
  scenarios: readonly Scenario[],
  margin: (losses: readonly number[]) => number,
): Omit<PortfolioDay, "date"> {
  const held = holdings.map((holding) => {
    const spot = spots.get(holding.underlying)!;
    const units = holding.notional === "hedge" ? 0 : holding.notional / spot;
    return { ...board.get(contractOf(holding))!, holding, spot, units };
  });
  for (const hedge of held) {
    if (hedge.holding.notional !== "hedge") continue;
    const hedged = held.filter(({ holding }) => holding.underlying === hedge.holding.underlying);
    hedge.units = -hedged.reduce((sum, { units, delta }) => sum + units * delta, 0) / hedge.delta;
  }
  const gross = held.reduce((sum, { units, spot }) => sum + Math.abs(units) * spot, 0);
  const charges = held.reduce(
    (sum, { units, charges }) => sum + Math.max(0, units) * charges.long + Math.max(0, -units) * charges.short,
    0,
  );
  const losses = scenarios.map((_, scenario) =>
    held.reduce((sum, { units, losses }) => sum + units * losses[scenario]!, 0),
  );
  const worst = losses.reduce((best, loss, index) => (loss > losses[best]! ? index : best), 0);
  return {
    margin: (Math.max(0, margin(losses)) + charges) / gross,
    charges: charges / gross,
    loss: -held.reduce((sum, { units, gain }) => sum + units * gain, 0) / gross,
    decides: losses[worst]! > 0 ? kindOf(scenarios[worst]!.label) : "nothing",
  };
}

/** A label without its figures and names: what kind of scenario it is. */
const kindOf = (label: string) => label.replace(/[+−]?\d+(\.\d+)?%?/g, "·");

const contractOf = ({ underlying, contract, strike = 1, days = 30 }: Holding) =>
  contract === "perpetual" ? underlying : `${underlying} ${contract} ${strike} ${days}`;

const decimal = (value: number) => value.toFixed(8);

/** A board that lists these contracts at the spots of a day, still to be observed. */
export function boardOf(
  contracts: readonly Holding[],
  spots: ReadonlyMap<string, number>,
  scenarios: MarketInput["policy"]["scenarios"],
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
  days: readonly PortfolioDay[],
  periodDays: number,
  coverage: number,
): BacktestResult {
  // Losses over longer periods overlap: every period-th day is tested.
  const tested = days.filter((_, index) => index % periodDays === 0);
  const ratios = days.map(({ margin, loss }) => loss / margin);
  const worst = ratios.reduce((best, value, index) => (value > ratios[best]! ? index : best), 0);
  const rises = days.slice(5).map(({ margin }, index) => margin / days[index]!.margin - 1);
  const mean = (value: (day: PortfolioDay) => number) => days.reduce((sum, day) => sum + value(day), 0) / days.length;
  const kinds = Object.entries(Object.groupBy(days, ({ decides }) => decides)).map(([label, each]) => ({
    label,
    share: each!.length / days.length,
  }));
  const averageMargin = mean(({ margin }) => margin);
  return {
    portfolio,
    ...coverageTests(
      tested.map(({ margin, loss }) => loss > margin),
      coverage,
    ),
    from: days[0]?.date ?? "",
    to: days.at(-1)?.date ?? "",
    worstBreach: Math.max(0, (ratios[worst] ?? 1) - 1),
    worstDate: days[worst]?.date ?? "",
    averageMargin,
    largestMargin: days.reduce((most, { margin }) => Math.max(most, margin), 0),
    procyclicality: rises.reduce((most, rise) => Math.max(most, rise), 0),
    needed: quantile(ratios, coverage),
    charges: mean(({ charges }) => charges) / averageMargin,
    decides: kinds.reduce((most, each) => (each.share > most.share ? each : most)),
    series: days.map(({ date, margin, loss }) => ({ date, margin, loss })),
  };
}
