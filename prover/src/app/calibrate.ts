// SPDX-License-Identifier: GPL-3.0-or-later
/** What a risk desk asks of price histories: the parameters of a risk policy, and whether they would have held. Public. */
import { type BacktestResult, backtest, DEFAULT_BACKTEST } from "../risk/calibration/backtest.ts";
import { type Calibration, calibrateHistories } from "../risk/calibration/calibration.ts";
import { portfolioFamily } from "../risk/calibration/portfolios.ts";
import { type CalibrationOptions, DEFAULT_CALIBRATION } from "../risk/calibration/ranges.ts";
import { checkHistories, type HistorySummary, type HistoryTerms } from "../risk/history-rules.ts";
import type { PriceHistory } from "../risk/prices.ts";

/**
 * A calibration, with what the checks of its histories found.
 * @see docs/library.md#risk
 */
export interface CheckedCalibration extends Calibration {
  /** Length and age of each history, and what was confirmed of it. */
  readonly histories: readonly HistorySummary[];
}

/**
 * Calibrates every asset, after its history has been checked. Throws `HISTORY_REFUSED` as `checkHistories`, and as
 * `calibrateHistories`.
 *
 *   const { scenarios } = calibrate([btc, eth], { time: "2026-11-22T08:00:00Z" });
 */
export function calibrate(
  histories: readonly PriceHistory[],
  terms: HistoryTerms & { readonly time: string },
  options?: CalibrationOptions,
): CheckedCalibration {
  const checked = checkHistories(histories, terms);
  return { ...calibrateHistories(checked.histories, options), histories: checked.summaries };
}

/**
 * What a back-test of margins found, for people and machines.
 * @see docs/library.md#risk
 */
export interface BacktestReport {
  readonly histories: readonly HistorySummary[];
  /** Margin period of risk. */
  readonly periodDays: number;
  readonly results: readonly BacktestResult[];
}

/**
 * Back-tests the default calibration on every portfolio of the family, over a margin period of so many days. Throws as `checkHistories` and `backtest`.
 *
 *   const { results } = backtestMargins([btc, eth], { confirmed: ["2020-03-12"] });
 *   const short = results.filter((result) => acceptanceOf(result) === "too many");
 */
export function backtestMargins(
  histories: readonly PriceHistory[],
  terms: Omit<HistoryTerms, "past"> = {},
  periodDays = DEFAULT_CALIBRATION.periodDays,
): BacktestReport {
  const checked = checkHistories(histories, { ...terms, past: true });
  const family = portfolioFamily(histories.map(({ symbol }) => symbol));
  const options = { ...DEFAULT_BACKTEST, calibration: { ...DEFAULT_CALIBRATION, periodDays } };
  return { histories: checked.summaries, periodDays, results: backtest(checked.histories, family, options) };
}
