// SPDX-License-Identifier: GPL-3.0-or-later
/** Scores of the probabilities of falling below a level, as a page in Markdown and a picture. Public. */
import type { OutlookScore } from "../app/outlook-score.ts";
import { DEFAULT_METHOD } from "../risk/outlook/warning.ts";
import { plotFile, type Series } from "./charts.ts";
import { commandOver } from "./histories.ts";

/** Reliability as a picture: an SVG that stands alone. */
export function reliabilityChart({ scores }: OutlookScore): string {
  const percent = (value: number) => `${Math.round(value * 100)}%`;
  return plotFile({
    title: "Reliability: how often accounts fell, by the probability that was forecast",
    x: { label: "forecast", format: percent },
    y: { label: "observed", format: percent, from: 0 },
    lines: [
      ...scores.map(({ method, brier, reliability }, index) => ({
        label: `${method}, Brier ${brier.toFixed(4)}`,
        points: reliability
          .filter(({ count }) => count >= 20)
          .map(({ forecast, observed }) => [forecast, observed] as const),
        series: (index + 1) as Series,
      })),
      {
        label: "perfect",
        points: [
          [0, 0],
          [0.6, 0.6],
        ] as const,
        series: "quiet",
        dashed: true,
      },
    ],
    dots: scores.flatMap(({ reliability }, index) =>
      reliability
        .filter(({ count }) => count >= 20)
        .map(({ forecast, observed, count }) => ({
          x: forecast,
          y: observed,
          area: count / 8,
          series: (index + 1) as Series,
        })),
    ),
  });
}

/** The scores as a page in Markdown, with the command that makes it again. The picture is beside it, as `picture`. */
export function renderOutlookScore(scored: OutlookScore, picture = "forecast.svg"): string {
  const { scores, table, portfolios, from, to, options, histories } = scored;
  const { coverage, levels, days, every, paths } = options;
  const percent = (value: number, digits = 0) => `${(100 * value).toFixed(digits)}%`;
  const best = scores.reduce((a, b) => (b.brier < a.brier ? b : a));
  const { forecasts, events } = table;
  return `# Forecasts of falling below a level, scored

This page scores the methods that forecast whether an account falls below a level; it is for a venue's risk desk and its auditors.

Made by this command from daily closes:

\`\`\`sh
${commandOver("plimsoll outlook score", histories, "--out docs/forecast.md --chart docs/forecast.svg")}
\`\`\`

${portfolios} portfolios (long, short, short gamma, spreads), accounts that
start at ${percent(coverage)} coverage every ${every} days from ${from} to ${to}. The question is whether coverage falls below ${levels.map((level) => percent(level)).join(", ")}
at a close of the next ${days} days. ${forecasts} forecasts, ${events} falls (${percent(events / forecasts, 1)}). Everything a forecast uses was known on its day.

| method | Brier score | skill over the table | unreliability | skill over the mean rate |
|---|---|---|---|---|
${[table, ...scores]
  .map(
    ({ method, brier, skill, unreliability }) =>
      `| ${method}${method === DEFAULT_METHOD ? " (default)" : ""} | ${brier.toFixed(5)} | ${method === table.method ? "baseline" : percent(1 - brier / table.brier, 1)} | ${unreliability.toFixed(5)} | ${percent(skill, 1)} |`,
  )
  .join("\n")}

Best: **${best.method}**${best.method === DEFAULT_METHOD ? ", which is the default" : `; the default is ${DEFAULT_METHOD}`}. Simulated with ${paths} paths.

![Reliability](${picture})

| forecast | ${scores.map(({ method }) => `${method}: observed (count)`).join(" | ")} |
|---|${scores.map(() => "---").join("|")}|
${[0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5]
  .map((edge, bin, edges) => {
    const next = edges[bin + 1] ?? 1.01;
    const cells = scores.map(({ reliability }) => {
      const inside = reliability.filter(({ forecast }) => forecast >= edge && forecast < next);
      const count = inside.reduce((sum, each) => sum + each.count, 0);
      const observed = inside.reduce((sum, each) => sum + each.observed * each.count, 0) / count;
      return count === 0 ? "–" : `${percent(observed, 1)} (${count})`;
    });
    return `| ${percent(edge)} to ${percent(Math.min(1, next))} | ${cells.join(" | ")} |`;
  })
  .join("\n")}

- The baseline is a lookup table, walk-forward: the frequency with which books of the same kind fell below the same level before. It
  knows no prices. Unreliability is the part of the Brier score that comes from probabilities that differ from frequencies.
- *volatility* uses distance to the level, volatility and correlation, to first order, with normal tails. Like the other methods, it is
  given how often the level is checked.
- Falls of accounts on the same day are not independent, so the scores are less certain than their number suggests.
- Implied volatility is a forecast from closes, as in the [back-test](backtest.md).
`;
}
