// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Scores the probabilities of falling below a level: `forecast --prices BTC-USD.csv … [--docs FOLDER] [--json]`.
 *
 * Walks accounts forward as `walkForward` says and prints Brier scores and reliability on stdout, progress on stderr.
 * `--docs` writes forecast.md and forecast.svg.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { PlimsollError } from "../prover/src/errors.ts";
import { plotFile, type Series } from "../prover/src/report/charts.ts";
import { portfolioFamily } from "../prover/src/risk/calibration/backtest.ts";
import { METHODS } from "../prover/src/risk/outlook/figures.ts";
import { DEFAULT_FORECASTS, walkForward } from "../prover/src/risk/outlook/forecast.ts";
import { DEFAULT_METHOD, type Score, score } from "../prover/src/risk/outlook/warning.ts";
import { readPriceHistory } from "../prover/src/risk/prices.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { prices: { type: "string", multiple: true }, docs: { type: "string" }, json: { type: "boolean" } },
});
const files = [...(values.prices ?? []), ...positionals];
if (files.length === 0) {
  process.stderr.write("usage: forecast --prices <csv>… [--docs <folder>] [--json]\n");
  process.exit(2);
}

try {
  const histories = files.map((file) =>
    readPriceHistory(readFileSync(file, "utf8"), file, path.basename(file).split(/[-.]/)[0]!),
  );
  const family = portfolioFamily(histories.map(({ symbol }) => symbol)).filter(({ name }) =>
    /^\S+ (long|short)$|short gamma|^spread/.test(name),
  );
  const started = performance.now();
  let shown = started;
  const forecasts = walkForward(histories, family, DEFAULT_FORECASTS, (done) => {
    if (performance.now() - shown < 5000) return;
    shown = performance.now();
    process.stderr.write(`${Math.round(done * 100)}% …\n`);
  });
  process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  const outcomes = forecasts.map(({ fell }) => fell);
  const scores = METHODS.map((method) =>
    score(
      method,
      forecasts.map(({ probabilities }) => probabilities[method]),
      outcomes,
    ),
  );
  const text = page(scores, family.length, forecasts[0]!.date, forecasts.at(-1)!.date);
  if (values.docs) {
    writeFileSync(path.join(values.docs, "forecast.md"), text);
    writeFileSync(path.join(values.docs, "forecast.svg"), chart(scores));
  }
  process.stdout.write(values.json ? `${JSON.stringify(scores, null, 2)}\n` : text);
} catch (error) {
  if (!(error instanceof PlimsollError)) throw error;
  process.stderr.write(`forecast: ${error.code}: ${error.message}\n`);
  process.exitCode = error.exitCode;
}

function chart(scores: readonly Score[]): string {
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

function page(scores: readonly Score[], portfolios: number, from: string, to: string): string {
  const { coverage, levels, days, every, paths } = DEFAULT_FORECASTS;
  const percent = (value: number, digits = 0) => `${(100 * value).toFixed(digits)}%`;
  const baseline = scores.find(({ method }) => method === "volatility")!;
  const best = scores.reduce((a, b) => (b.brier < a.brier ? b : a));
  const { forecasts, events } = baseline;
  return `# Forecasts of falling below a level, scored

This page scores the methods that forecast whether an account falls below a level; it is for a venue's risk desk and its auditors.

Made by \`node scripts/forecast.ts --prices <csv>… --docs docs\`. ${portfolios} portfolios (long, short, short gamma, spreads), accounts that
start at ${percent(coverage)} coverage every ${every} days from ${from} to ${to}. The question is whether coverage falls below ${levels.map((level) => percent(level)).join(", ")}
at a close of the next ${days} days. ${forecasts} forecasts, ${events} falls (${percent(events / forecasts, 1)}). Everything a forecast uses was known on its day.

| method | Brier score | against the baseline | skill over the mean rate |
|---|---|---|---|
${scores
  .map(
    ({ method, brier, skill }) =>
      `| ${method}${method === DEFAULT_METHOD ? " (default)" : ""} | ${brier.toFixed(5)} | ${method === "volatility" ? "baseline" : percent(brier / baseline.brier - 1, 1)} | ${percent(skill, 1)} |`,
  )
  .join("\n")}

Best: **${best.method}**${best.method === DEFAULT_METHOD ? ", which is the default" : `; the default is ${DEFAULT_METHOD}`}. Simulated with ${paths} paths.

![Reliability](forecast.svg)

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

- The baseline uses distance to the level, volatility and correlation, to first order, with normal tails. Like the other methods, it is
  given how often the level is checked.
- Falls of accounts on the same day are not independent, so the scores are less certain than their number suggests.
- Implied volatility is a forecast from closes, as in the [back-test](backtest.md).
`;
}
