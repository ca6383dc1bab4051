// SPDX-License-Identifier: GPL-3.0-or-later
/** Ways to find a margin, for back-tests: a venue's scan, and simulation of past days. */
import { SCENARIO_MODELS } from "../board/scenarios.ts";
import type { Scenario } from "../model.ts";
import type { PriceHistory } from "../prices.ts";
import { calibratedScan } from "./calibrate.ts";
import { filteredDays, filteredMargin, filtersOf } from "./filtered.ts";
import { type CalibrationOptions, prepare, rangesByDay } from "./ranges.ts";

/** What finds the margin of a portfolio, for a back-test. */
export interface MarginEngine {
  readonly name: string;
  /** Aligned histories; then, by day, the moves in which portfolios are valued and the margin that follows from their losses. */
  prepare(
    histories: readonly PriceHistory[],
    options: CalibrationOptions,
  ): (day: number) => { readonly scenarios: readonly Scenario[]; margin(losses: readonly number[]): number };
}

/** The worst loss, at least 0. */
export const worstLoss = (losses: readonly number[]): number => losses.reduce((most, loss) => Math.max(most, loss), 0);

/** The calibrated scan. */
export const scanEngine: MarginEngine = {
  name: "scan",
  prepare(histories, options) {
    const prepared = histories.map((history) => prepare(history, options));
    const ranges = prepared.map((each) => rangesByDay(each, options));
    const symbols = histories.map(({ symbol }) => symbol);
    return (day) => {
      const { model, parameters } = calibratedScan(prepared, options, day, ranges);
      const scenarios = SCENARIO_MODELS[model]!.scenarios(symbols, parameters, new Set(symbols));
      return { scenarios, margin: worstLoss };
    };
  },
};

/** Filtered historical simulation with a volatility floor. */
export const filteredEngine: MarginEngine = {
  name: "filtered simulation, volatility floor",
  prepare(histories, options) {
    const prepared = histories.map((history) => prepare(history, options));
    const filters = filtersOf(prepared, options);
    return (day) => ({
      scenarios: filteredDays(filters, options, day).map(({ date, moves }) => ({
        label: date,
        moves,
        counted: 1,
      })),
      margin: (losses) => filteredMargin(losses, options),
    });
  },
};
