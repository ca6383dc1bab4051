// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Compares ways to find a margin at equal realised coverage, walk-forward:
 * `margins PRICES [--pictures DIR] [--until DATE] [--engine NAME]`.
 *
 * PRICES is a directory of daily closes, one CSV file an asset. What the checks of histories find in them is printed and
 * taken as right. Every engine values the same portfolios by the same code; a margin of a day comes from what was known that
 * evening. "At equal coverage" multiplies all margins of an engine by one number, so that as many days are breached as the
 * coverage allows. Prints the goals with what was reached, in Markdown; with `--engine` the row of that engine alone.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { quantile } from "simple-statistics";
import { readPriceHistory } from "../../prover/src/importers/price-history.ts";
import { plotFile } from "../../prover/src/report/charts.ts";
import { type BacktestResult, backtest, DEFAULT_BACKTEST } from "../../prover/src/risk/calibration/backtest.ts";
import { acceptanceOf } from "../../prover/src/risk/calibration/coverage.ts";
import { filteredEngine, type MarginEngine, scanEngine, worstLoss } from "../../prover/src/risk/calibration/engines.ts";
import { type Portfolio, portfolioFamily } from "../../prover/src/risk/calibration/portfolios.ts";
import { DEFAULT_CALIBRATION } from "../../prover/src/risk/calibration/ranges.ts";
import { checkHistories } from "../../prover/src/risk/history-rules.ts";
import { type Move, type Scenario, STILL } from "../../prover/src/risk/model.ts";
import type { PriceHistory } from "../../prover/src/risk/prices.ts";

const { values, positionals } = parseArgs({
  options: { pictures: { type: "string" }, until: { type: "string" }, engine: { type: "string" } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined) throw new Error("usage: margins PRICES [--pictures DIR] [--until DATE] [--engine NAME]");

const percent = (value: number, digits = 1) => `${(100 * value).toFixed(digits)}%`;
const mean = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
const geometric = (numbers: readonly number[]) => Math.exp(mean(numbers.map(Math.log)));
const row = (...cells: readonly (string | number)[]) => console.log(`| ${cells.join(" | ")} |`);
const heading = (...cells: readonly string[]) => {
  row(...cells);
  row(...cells.map(() => "---"));
};

// 1. Histories, and what their checks find.
const histories = readdirSync(folder)
  .filter((name) => name.endsWith(".csv"))
  .map((name) => readPriceHistory(readFileSync(path.join(folder, name), "utf8"), name, name.split(/[-.]/)[0]!))
  .map((history) => {
    const dates = values.until === undefined ? history.dates : history.dates.filter((date) => date <= values.until!);
    return {
      ...history,
      dates,
      closes: history.closes.slice(0, dates.length),
      returns: history.returns.slice(0, dates.length),
    };
  });
const checked = checkHistories(histories, { past: true, confirmed: histories.flatMap(({ dates }) => dates) });
for (const { symbol, confirmed } of checked.summaries) {
  for (const { date, words } of confirmed) console.error(`${symbol} ${date}: ${words}`);
}

// 2. Engines: ours, simulation, and grids that exchanges publish.

/** The same moves on every day, of each underlying by itself: exchanges scan one at a time and add what each needs. */
const gridEngine = (
  name: string,
  grid: readonly (readonly [price: number, volatility: number, counted: number])[],
): MarginEngine => ({
  name,
  prepare(held, { periodDays }) {
    const scenarios = held.flatMap((mover) =>
      grid.map(([price, volatility, counted]): Scenario => {
        // Time passes where volatility falls, which no published grid says: options held long are compared at all.
        const move = { price, volatility, days: volatility < 0 ? periodDays : 0 };
        const moves = held.map(({ symbol }) => [symbol, symbol === mover.symbol ? move : STILL] as const);
        const label = `${mover.symbol} ${percent(price)}, volatility ${percent(volatility)}`;
        return { label, moves: Object.fromEntries(moves), counted };
      }),
    );
    const margin = (losses: readonly number[]) =>
      held.reduce((sum, _, place) => sum + worstLoss(losses.slice(place * grid.length, (place + 1) * grid.length)), 0);
    return () => ({ scenarios, margin });
  },
});

/** Paradex's 24 published scenarios (docs.paradex.trade/risk/portfolio-margin), before its factor for maintenance. */
const paradex = gridEngine("Paradex's published grid", [
  ...[0.16, 0.12, 0.08, 0.04, 0, -0.04, -0.08, -0.12, -0.16].map((price) => [price, 0.4, 1] as const),
  ...[0.12, 0.08, 0.04, 0, -0.04, -0.08, -0.12].map((price) => [price, -0.22, 1] as const),
  ...(
    [
      [-0.66, 0.24],
      [-0.33, 0.48],
      [0.5, 0.32],
      [1, 0.16],
      [2, 0.08],
      [3, 0.0533],
      [4, 0.04],
      [5, 0.032],
    ] as const
  ).map(([price, counted]) => [price, 0.4, counted] as const),
]);
/** One range for all, thirds of it, volatility up and down; and without the far tail. */
const fixed = gridEngine(
  "one fixed range, no tail",
  [0, 1 / 3, -1 / 3, 2 / 3, -2 / 3, 1, -1].flatMap((share) =>
    [0.25, -0.12].map((volatility) => [0.15 * share, volatility, 1] as const),
  ),
);
/** What the far tails cost: the scan, and only the scenarios of it that count in full. */
const untailed: MarginEngine = {
  name: "scan without far tails",
  prepare(held, options) {
    const marginOn = scanEngine.prepare(held, options);
    return (day) => {
      const { scenarios, margin } = marginOn(day);
      return { scenarios: scenarios.filter(({ counted }) => counted === 1), margin };
    };
  },
};
/** What the factors cost that histories of prices say nothing of: without far tails, and with twist, skew and carry still. */
const seen: MarginEngine = {
  name: "scan of price, volatility and time alone",
  prepare(held, options) {
    const marginOn = untailed.prepare(held, options);
    return (day) => {
      const { scenarios, margin } = marginOn(day);
      const only = ({ price, volatility, days = 0 }: Move): Move => ({ price, volatility, days });
      const moves = (each: Scenario) => Object.entries(each.moves).map(([name, move]) => [name, only(move)] as const);
      return { scenarios: scenarios.map((each) => ({ ...each, moves: Object.fromEntries(moves(each)) })), margin };
    };
  },
};
const engines = [scanEngine, untailed, seen, filteredEngine, paradex, fixed];

// 3. Runs.
const longest = checked.histories.filter(({ dates }) => dates.at(-1)! > "2021" && dates.length > 1000);
const tested = longest.length > 0 ? longest : checked.histories;
const family = portfolioFamily(tested.map(({ symbol }) => symbol));
const run = (engine: MarginEngine, portfolios: readonly Portfolio[], held: readonly PriceHistory[], periodDays = 1) =>
  backtest(held, portfolios, { ...DEFAULT_BACKTEST, engine, calibration: { ...DEFAULT_CALIBRATION, periodDays } });
const isLinear = ({ portfolio }: BacktestResult) => !/call|put|straddle|strangle|calendar/.test(portfolio);

/** Factor on all margins of an engine at which breaches of all portfolios together come at the rate that coverage allows. */
const oneScale = (results: readonly BacktestResult[]) =>
  quantile(
    results.flatMap(({ series }) => series.map(({ margin, loss }) => loss / margin)),
    DEFAULT_BACKTEST.coverage,
  );
const breachRate = (results: readonly BacktestResult[]) =>
  results.reduce((sum, { breaches }) => sum + breaches, 0) / results.reduce((sum, { days }) => sum + days, 0);
const averageOf = (results: readonly BacktestResult[]) => mean(results.map(({ averageMargin }) => averageMargin));
const overNeeded = (results: readonly BacktestResult[]) => geometric(results.map(({ needed }) => 1 / needed));
const steepest = (results: readonly BacktestResult[]) =>
  Math.max(...results.map(({ procyclicality }) => procyclicality));

console.log(`# Margins compared at equal coverage

This page compares the calibrated scan with other ways to find a margin, walk-forward, and shows what it reaches of its goals; it is for a
venue's risk desk and its auditors. The [back-test](backtest.md) has the scan's portfolios one by one.

Made by this command from a directory of daily closes:

\`\`\`sh
node scripts/bench/margins.ts PRICES --pictures docs > docs/margins.md
\`\`\`

## Engines

Portfolios of ${tested.map(({ symbol }) => symbol).join(", ")}; days from ${tested[0]!.dates[DEFAULT_BACKTEST.warmUp]} to ${tested[0]!.dates.at(-1)}. Every engine values the same portfolios by the same code
and adds the same charges. *At one scale* multiplies all margins of an engine by one number, so that the portfolios together are breached on
1% of days; *of each* does so portfolio by portfolio.
`);
heading(
  "engine",
  "breaches",
  "average margin",
  "at one scale of equal coverage",
  "at equal coverage of each",
  "over what 99% needs",
  "largest rise in 5 days, linear",
  "all",
);
const byEngine = new Map<string, readonly BacktestResult[]>();
for (const engine of engines.filter(({ name }) => values.engine === undefined || values.engine === name)) {
  const results = run(engine, family, checked.histories);
  byEngine.set(engine.name, results);
  const linear = results.filter(isLinear);
  row(
    engine.name,
    percent(breachRate(results), 2),
    percent(averageOf(results), 2),
    percent(averageOf(results) * oneScale(results), 2),
    percent(mean(results.map(({ averageMargin, needed }) => averageMargin * needed)), 2),
    `${overNeeded(results).toFixed(2)}; linear ${overNeeded(linear).toFixed(2)}`,
    percent(steepest(linear), 0),
    percent(steepest(results), 0),
  );
}
if (values.engine !== undefined) process.exit(0);
const [ours, simulated] = [scanEngine, filteredEngine].map(({ name }) => byEngine.get(name)!) as [
  BacktestResult[],
  BacktestResult[],
];

// 4. Linear books of every asset, and the periods.
const books = portfolioFamily(checked.histories.map(({ symbol }) => symbol)).filter(({ name }) =>
  / (long|short)$/.test(name),
);
const linear = run(scanEngine, books, checked.histories);
console.log(`
## Margin periods

Long and short positions of ${checked.histories.map(({ symbol }) => symbol).join(", ")}; returns over two and five days do not overlap.
`);
heading(
  "period, days",
  "breaches of the linear books",
  "accepted, too few, too many",
  "average margin",
  "delta-neutral long calls: breaches of expected",
);
const calls = family.filter(({ name }) => name.includes("long call"));
for (const period of [1, 2, 5]) {
  const results = period === 1 ? linear : run(scanEngine, books, checked.histories, period);
  const verdicts = results.map(acceptanceOf);
  const long = run(scanEngine, calls, checked.histories, period);
  const found = long.map(({ breaches, expected }) => `${breaches} of ${expected.toFixed(1)}`);
  row(
    period,
    percent(breachRate(results), 2),
    ["accepted", "too few", "too many"].map((each) => verdicts.filter((verdict) => verdict === each).length).join(", "),
    percent(averageOf(results), 2),
    found.join(", "),
  );
}

// 5. The strangle of calm markets: sold for seven days on the calmest days of the year before March 2020.
const strangle: Portfolio = {
  name: "BTC strangle, 7 days, 0.84 and 1.19",
  holdings: [
    { underlying: "BTC", contract: "put", notional: -1, strike: 0.84, days: 7 },
    { underlying: "BTC", contract: "call", notional: -1, strike: 1.19, days: 7 },
  ],
};
const calm = tested.some(({ symbol }) => symbol === "BTC")
  ? engines.map((engine) => ({ engine, result: run(engine, [strangle], checked.histories)[0]! }))
  : [];

// 6. Goals.
console.log(`
## Portfolios, one by one

Kupiec's test at 5%, two-sided. Where it finds too few breaches, the last columns say why: which kind of scenario decides on most days, and
what share of margin are charges.
`);
const verdicts = ours.map((result) => ({ result, verdict: acceptanceOf(result) }));
heading(
  "portfolio",
  "breaches of expected",
  "Kupiec p",
  "Christoffersen p",
  "over what 99% needs",
  "two-sided",
  "what decides",
  "charges",
);
for (const { result, verdict } of verdicts) {
  const { decides, charges, kupiec, christoffersen, breaches, expected, needed, portfolio } = result;
  const what = `${decides.label}: ${percent(decides.share, 0)} of days`;
  row(
    portfolio,
    `${breaches} of ${expected.toFixed(1)}`,
    kupiec.toFixed(3),
    christoffersen.toFixed(3),
    (1 / needed).toFixed(2),
    verdict,
    what,
    percent(charges, 0),
  );
}
const oneScaleOf = (results: readonly BacktestResult[]) => averageOf(results) * oneScale(results);
const scaled = oneScaleOf(ours) / oneScaleOf(simulated) - 1;
console.log(`
## Goals

The strangle is sold for seven days at 84% and 119% of spot, every day; its worst day is 12 March 2020.
`);
heading("measure", "goal", "reached");
row("breaches of the portfolio family", "0.3% to 1.2%", percent(breachRate(ours), 2));
for (const verdict of ["accepted", "too few", "too many"]) {
  row(
    `portfolios, two-sided: ${verdict}`,
    verdict === "too many" ? "none" : "",
    verdicts.filter((each) => each.verdict === verdict).length,
  );
}
row(
  "average margin over what 99% needs, geometric mean",
  "≤ 1.3",
  `${overNeeded(ours).toFixed(2)}; linear ${overNeeded(ours.filter(isLinear)).toFixed(2)}`,
);
row("over filtered simulation, at one scale", "≤ 5%", percent(scaled));
row(
  "the same, linear books",
  "≤ 5%",
  percent(oneScaleOf(ours.filter(isLinear)) / oneScaleOf(simulated.filter(isLinear)) - 1),
);
row(
  `largest rise in five days, linear books of ${checked.histories.length} assets`,
  "≤ 65%",
  percent(steepest(linear), 0),
);
for (const { engine, result } of calm)
  row(
    `worst day of the strangle, margins: ${engine.name}`,
    engine === scanEngine ? "≤ 1.5" : "",
    (1 + result.worstBreach).toFixed(2),
  );

// 7. Pictures: margin against loss through three crashes.
const crashes = [
  ["2020-02-15", "2020-04-15", "March 2020"],
  ["2021-04-20", "2021-06-20", "May 2021"],
  ["2022-10-20", "2022-12-20", "November 2022"],
] as const;
if (values.pictures !== undefined) {
  for (const [from, to, name] of crashes) {
    const parts = tested.flatMap(({ symbol }) => {
      const result = ours.find(({ portfolio }) => portfolio === `${symbol} long`)!;
      const days = result.series.filter(({ date }) => date >= from && date <= to);
      return days.length === 0 ? [] : [{ symbol, days }];
    });
    const days = parts[0]!.days.map(({ date }) => date);
    const points = (part: (typeof parts)[number], value: "margin" | "loss") =>
      part.days.map((day) => [days.indexOf(day.date), day[value]] as const);
    const picture = plotFile({
      title: `Margin and loss of long positions, ${name}`,
      x: { label: "day", format: (day) => days[Math.round(day)] ?? "" },
      y: { label: "share of notional", format: (value) => percent(value, 0), from: 0 },
      lines: parts
        .flatMap((part, index) => {
          const series = (index + 1) as 1 | 2 | 3;
          return [
            { label: `${part.symbol}: margin`, points: points(part, "margin"), series },
            {
              label: `${part.symbol}: loss of the next day`,
              points: points(part, "loss").map(([x, y]) => [x, Math.max(0, y)] as const),
              series,
              dashed: true,
            },
          ];
        })
        .slice(0, 10),
    });
    writeFileSync(path.join(values.pictures, `backtest-${from.slice(0, 4)}.svg`), picture);
  }
}
if (values.pictures !== undefined) {
  console.log(`
## Through three crashes

Margins of long positions, and what the next day took from them.
`);
  for (const [from, , name] of crashes) console.log(`![${name}](backtest-${from.slice(0, 4)}.svg)`);
}
