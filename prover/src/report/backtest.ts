// SPDX-License-Identifier: GPL-3.0-or-later
/** The back-test of the default calibration, as a page in Markdown. Public. */
import type { BacktestReport } from "../app/calibrate.ts";
import { type BacktestResult, DEFAULT_BACKTEST } from "../risk/calibration/backtest.ts";
import { type Acceptance, acceptanceOf, coverageTests } from "../risk/calibration/coverage.ts";
import { DEFAULT_CALIBRATION } from "../risk/calibration/ranges.ts";
import { commandOver } from "./histories.ts";

/** The default calibration was chosen on what came before. */
const UNSEEN_FROM = "2021-01-01";

/** The back-test as a page in Markdown, with the command that makes it again. */
export function renderBacktest({ results, histories, periodDays }: BacktestReport): string {
  const percent = (value: number, digits = 1) => `${(100 * value).toFixed(digits)}%`;
  const { lambda, confidence, coverage, lookback, stressWeight, stressQuantile, dailyRise } = DEFAULT_CALIBRATION;
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
      (1 / result.needed).toFixed(2),
      percent(result.procyclicality, 0),
      verdictOf(result),
    ].join(" | "),
  );
  const average = results.reduce((sum, { averageMargin }) => sum + averageMargin, 0) / results.length;
  const count = (value: (result: BacktestResult) => number) => results.reduce((sum, result) => sum + value(result), 0);
  const number = (verdict: Acceptance) => results.filter((result) => acceptanceOf(result) === verdict).length;
  const needed = Math.exp(results.reduce((sum, result) => sum - Math.log(result.needed), 0) / results.length);
  const breaches = count((result) => result.breaches);
  const worst = results.filter(({ portfolio }) => /^(BTC|ETH) long$/.test(portfolio)).map(({ worstDate }) => worstDate);
  const isOfMarch2020 = worst.length === 2 && worst.every((date) => date === "2020-03-11"); // the day before it
  return `# Back-test of the default calibration

This page shows whether the default margins would have covered past losses; it is for a venue's risk desk and its auditors.

Made by this command from daily closes:

\`\`\`sh
${commandOver("plimsoll market backtest", histories, `${periodDays === 1 ? "" : `--period ${periodDays} `}--out docs/backtest.md`)}
\`\`\`

Days from ${results[0]!.from} to ${results[0]!.to} (later starts
for younger assets). Calibration: EWMA with decay ${lambda}, expected shortfall at ${percent(confidence)} of the last ${lookback} standardised
returns or their ${percent(coverage, 0)} quantile, stress weight ${stressWeight} on the ${percent(stressQuantile, 0)} quantile of volatility, ranges that rise by at most
${percent(dailyRise, 0)} a day, margin period ${periodDays === 1 ? "1 day" : `${periodDays} days`}; the scan; closing costs.

**Of ${results.length} portfolios, Kupiec's two-sided test accepts ${number("accepted")}; ${number("too many")} are breached too often and ${number("too few")} too rarely**: ${breaches} breaches in all
(${percent(breaches / count(({ days }) => days), 2)} of days) where ${count(({ expected }) => expected).toFixed(0)} were expected, at an average margin of ${percent(average)} of gross notional, ${needed.toFixed(2)} times
what 99% coverage would have needed (geometric mean).

| portfolio | days | breaches of expected | Kupiec p | Christoffersen p | since ${UNSEEN_FROM.slice(0, 4)}: breaches, p | worst breach beyond margin | average margin | over what 99% needs | largest rise in 5 days | two-sided test |
|---|---|---|---|---|---|---|---|---|---|---|
${rows.map((row) => `| ${row} |`).join("\n")}

- *Too few*: the margin is larger than 99% coverage needs. The reason stands beside it: the kind of scenario that decides on most days, and
  the charges' share of margin. Far tails are static: they are for falls that one day in a hundred does not show. Volatility moves are
  larger than those of the forecast that stands for implied volatility here. A spread's break is that of the worst quarter.
- A small Christoffersen p means that breaches follow each other: they come with a rise of volatility that the forecast
  does not yet include, or that the daily cap on ranges spreads over days.
- Worst breach: how far the loss went beyond margin, in margins.${isOfMarch2020 ? " The fall of 12 March 2020 is the worst for BTC and ETH." : ""}
  Liquidation cannot have covered it; the initial level (150%) and the insurance fund are there for such a fall.
- Decay and weights were chosen on BTC and ETH up to the end of 2020: the column *since ${UNSEEN_FROM.slice(0, 4)}* is out of sample for them, and every
  column for other assets. Confidence, the cap on ranges and the far tail were set later, by their purpose and with days up to July 2023 in view.
- No history of implied volatility was available. Options are valued at an EWMA forecast (decay 0.94, between 30% and 200%),
  which changes more slowly than quoted volatility: rows with options say less than rows without.
- Margins are fractions of gross notional, and losses are those of positions that nobody closes within the day.
`;
}

/** What the two-sided test says; where margin is larger than needed, what makes it so. */
function verdictOf(result: BacktestResult): string {
  const verdict = acceptanceOf(result);
  if (verdict !== "too few") return verdict === "too many" ? "**too many**" : verdict;
  const { label, share } = result.decides;
  return `too few: ${label} (${(100 * share).toFixed(0)}% of days), charges ${(100 * result.charges).toFixed(0)}%`;
}
