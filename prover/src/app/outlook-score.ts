// SPDX-License-Identifier: GPL-3.0-or-later
/** How well the probabilities of falling below a level would have done on past prices. Public. */
import { portfolioFamily } from "../risk/calibration/portfolios.ts";
import { checkHistories, type HistorySummary, type HistoryTerms } from "../risk/history-rules.ts";
import { METHODS } from "../risk/outlook/figures.ts";
import { DEFAULT_FORECASTS, type Forecast, type ForecastOptions, walkForward } from "../risk/outlook/forecast.ts";
import { type Score, score, TABLE, tableForecasts } from "../risk/outlook/score.ts";
import type { PriceHistory } from "../risk/prices.ts";

/**
 * How well warnings of the past foretold what happened.
 * @see docs/library.md#risk
 */
export interface OutlookScore {
  readonly histories: readonly HistorySummary[];
  /** How many portfolios were walked forward. */
  readonly portfolios: number;
  /** Days of the first and the last forecast. */
  readonly from: string;
  readonly to: string;
  readonly options: ForecastOptions;
  /** The baseline: a lookup table by kind of book and level. */
  readonly table: Score;
  /** One for each method. */
  readonly scores: readonly Score[];
}

/**
 * Scores the probabilities of falling below a level, on long, short and short-gamma portfolios and spreads. Throws as
 * `checkHistories` and `walkForward`.
 *
 *   const { scores } = scoreOutlook([btc, eth], { confirmed: ["2020-03-12"] });
 */
export function scoreOutlook(
  histories: readonly PriceHistory[],
  terms: Omit<HistoryTerms, "past"> = {},
  progress?: (done: number) => void,
): OutlookScore {
  const checked = checkHistories(histories, { ...terms, past: true });
  const family = portfolioFamily(histories.map(({ symbol }) => symbol)).filter(({ name }) =>
    /^\S+ (long|short)$|short gamma|^spread/.test(name),
  );
  const forecasts: readonly Forecast[] = walkForward(checked.histories, family, DEFAULT_FORECASTS, progress);
  const outcomes = forecasts.map(({ fell }) => fell);
  return {
    histories: checked.summaries,
    portfolios: family.length,
    from: forecasts[0]!.date,
    to: forecasts.at(-1)!.date,
    options: DEFAULT_FORECASTS,
    table: score(
      TABLE,
      tableForecasts(
        forecasts,
        histories.map(({ symbol }) => symbol),
        DEFAULT_FORECASTS.days,
      ),
      outcomes,
    ),
    scores: METHODS.map((method) =>
      score(
        method,
        forecasts.map(({ probabilities }) => probabilities[method]),
        outcomes,
      ),
    ),
  };
}
