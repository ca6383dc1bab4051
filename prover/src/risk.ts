// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll/risk`: boards of market values from models, their calibration and back-tests, and how an account may fare ahead. */

export { type AttackOptions, attackMarket, type MarketAttack } from "./app/attack.ts";
export { type BacktestReport, backtestMargins, type CheckedCalibration, calibrate } from "./app/calibrate.ts";
export { explainRow, type RowExplanation } from "./app/market.ts";
export { type Ahead, type AheadOptions, lookAhead } from "./app/outlook.ts";
export { type OutlookScore, scoreOutlook } from "./app/outlook-score.ts";
export { readPriceHistory } from "./importers/price-history.ts";
export { readRiskArrays } from "./importers/risk-arrays.ts";
export { readCrif, readScenarioTable } from "./importers/risk-tables.ts";
export { formatTierString, readTierString, type TierFactor } from "./importers/tier-strings.ts";
export {
  type BuiltMarket,
  buildMarket,
  buildMarketFile,
  MODELS,
  type Models,
  priceInstruments,
} from "./risk/board/board.ts";
export { compareMarkets, type Difference, type Explanation, explainInstrument } from "./risk/board/explain.ts";
export type { BacktestResult } from "./risk/calibration/backtest.ts";
export { type Calibration, calibrateHistories } from "./risk/calibration/calibration.ts";
export { acceptanceOf } from "./risk/calibration/coverage.ts";
export { renderCalibration } from "./risk/calibration/report.ts";
export { checkHistories, type HistoryFinding, type HistorySummary, type HistoryTerms } from "./risk/history-rules.ts";
export { type MarketInput, type Observation, type RiskPolicy, readMarketInput } from "./risk/input.ts";
export type { ChargeModel, Move, Scenario, ScenarioModel, ValuationModel } from "./risk/model.ts";
export { type AccountInMarket, type Book, bookOf, type Exposure, simulateExposure } from "./risk/outlook/exposure.ts";
export { exposureChart } from "./risk/outlook/exposure-chart.ts";
export { type MarginCure, smallestTrades, topUp } from "./risk/outlook/margin-cure.ts";
export { bootstrapProcess, jumpDiffusion, type MarketProcess } from "./risk/outlook/processes.ts";
export { type Outlook, outlook, type Warning, warn } from "./risk/outlook/warning.ts";
export { alignHistories, type PriceHistory, priceHistory } from "./risk/prices.ts";
