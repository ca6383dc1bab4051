// SPDX-License-Identifier: GPL-3.0-or-later
/** The back-test of the default calibration, as a page in Markdown. Public. */
import type { BacktestReport } from "../app/calibrate.ts";
import { type BacktestResult, coverageTests, DEFAULT_BACKTEST, isCovered } from "../risk/calibration/backtest.ts";
import { DEFAULT_CALIBRATION } from "../risk/calibration/calibrate.ts";
import { commandOver } from "./histories.ts";

/** The default calibration was chosen on what came before. */
const UNSEEN_FROM = "2021-01-01";

/** The back-test as a page in Markdown, with the command that makes it again. */
export function renderBacktest({ results, histories }: BacktestReport): string {
  const percent = (value: number, digits = 1) => `${(100 * value).toFixed(digits)}%`;
  const { lambda, confidence, coverage, lookback, stressWeight, stressQuantile, periodDays } = DEFAULT_CALIBRATION;
  const unseen = (result: BacktestResult) => {
    const late = result.series.filter(({ date }) => date >= UNSEEN_FROM).map(({ margin, loss }) => loss > margin);
    if (late.length === 0) return "–";
    const { breaches, expected, kupiec } = coverageTests(late, DEFAULT_BACKTEST.coverage);
    return `${breaches} of ${expected.toFixed(1)}, ${kupiec.toFixed(2)}`;
  };
  const rows = results.map((result) =>
    [
      result.portfolio,
      `${result.days}`,
      `${result.breaches} of ${result.expected.toFixed(1)}`,
      result.kupiec.toFixed(3),
      result.christoffersen.toFixed(3),
      unseen(result),
      result.worstBreach === 0 ? "none" : `${percent(result.worstBreach, 0)}, ${result.worstDate}`,
      percent(result.averageMargin),
      percent(result.procyclicality, 0),
      isCovered(result) ? "yes" : "**no**",
    ].join(" | "),
  );
  const average = results.reduce((sum, { averageMargin }) => sum + averageMargin, 0) / results.length;
  const count = (value: (result: BacktestResult) => number) => results.reduce((sum, result) => sum + value(result), 0);
  const covered = results.filter(isCovered).length;
  return `# Back-test of the default calibration

This page shows whether the default margins would have covered past losses; it is for a venue's risk desk and its auditors.

Made by this command from daily closes:

\`\`\`sh
${commandOver("plimsoll market backtest", histories, "--out docs/backtest.md")}
\`\`\`

Days from ${results[0]!.from} to ${results[0]!.to} (later starts
for younger assets). Calibration: EWMA with decay ${lambda}, expected shortfall at ${percent(confidence, 0)} of the last ${lookback} standardised
returns or their ${percent(coverage, 0)} quantile, stress weight ${stressWeight} on the ${percent(stressQuantile, 0)} quantile of volatility, margin period ${periodDays} day; the scan; closing costs.

**${covered} of ${results.length} portfolios keep 99% coverage** (Kupiec p ≥ 0.05, or fewer breaches than expected), with ${count(({ breaches }) => breaches)} breaches in all where
${count(({ expected }) => expected).toFixed(0)} were expected, **at an average margin of ${percent(average)} of gross notional**.

| portfolio | days | breaches of expected | Kupiec p | Christoffersen p | since ${UNSEEN_FROM.slice(0, 4)}: breaches, p | worst breach beyond margin | average margin | largest rise in 5 days | covered |
|---|---|---|---|---|---|---|---|---|---|
${rows.map((row) => `| ${row} |`).join("\n")}

- Decay, confidence and weights were chosen on BTC and ETH up to the end of 2020: the column *since ${UNSEEN_FROM.slice(0, 4)}* is out of
  sample for them, and all of SOL is. One rule was added later, because of a simulated Gaussian series that the expected
  shortfall alone did not cover: the ${percent(coverage, 0)} quantile. It makes margin larger, never smaller.
- A small Kupiec p with fewer breaches than expected means that margin is above what coverage needs.
- A small Christoffersen p means that breaches follow each other: they come with a rise of volatility that the forecast
  does not yet include.
- Worst breach: how far the loss went beyond margin, in margins. The fall of 12 March 2020 is the worst for BTC and ETH.
  Liquidation cannot have covered it; the initial level (150%) and the insurance fund are there for such a fall.
- No history of implied volatility was available. Options are valued at an EWMA forecast (decay 0.94, between 30% and 200%),
  which changes more slowly than quoted volatility: rows with options say less than rows without.
- Margins are fractions of gross notional, and losses are those of positions that nobody closes within the day.
`;
}
