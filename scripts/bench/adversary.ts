// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * How far a scan can be gamed, on price histories: `adversary PRICES [options]`, Markdown.
 *
 *   --models scan,…   scenario models; the sixteen moves of the first edition are always measured beside
 *   --parts …         of perpetuals, calendar, strangle, options
 *   --sizes 1,2,3,4,8 underlyings in a set of perpetuals, and of options where it is 1 or 2
 *   --sets 3          sets of each size
 *   --every 1         days from one walk-forward board to the next
 *   --out FILE        where to write the page; else stdout
 *   --chart FILE      also draw the worst days of perpetuals, SVG
 *
 * PRICES is a directory of daily closes, one CSV file an asset (BTC-USD.csv).
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { readPriceHistory } from "../../prover/src/importers/price-history.ts";
import { plotFile, type Series } from "../../prover/src/report/charts.ts";
import { alignHistories } from "../../prover/src/risk/prices.ts";
import { attackOptions, MAKERS, setsOf, shortStrangle, walkPerpetuals, worstCalendar } from "./adversary-measures.ts";

const DEFAULTS = { sets: "3", every: "1" };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    models: { type: "string", default: "scan" },
    parts: { type: "string", default: "perpetuals,calendar,strangle,options" },
    sizes: { type: "string", default: "1,2,3,4,8" },
    sets: { type: "string", default: DEFAULTS.sets },
    every: { type: "string", default: DEFAULTS.every },
    out: { type: "string" },
    chart: { type: "string" },
  },
});
const [folder] = positionals;
const models = [...new Set(["sixteen", ...values.models.split(",")])].filter((model) => model !== "");
const unknown = models.find((model) => MAKERS[model] === undefined);
if (folder === undefined || unknown !== undefined) {
  process.stderr.write(`usage: adversary PRICES [--models ${Object.keys(MAKERS).join(",")}] …\n`);
  process.exit(2);
}

const histories = readdirSync(folder)
  .filter((file) => file.endsWith(".csv"))
  .map((file) => readPriceHistory(readFileSync(path.join(folder, file), "utf8"), file, file.split(/[-.]/)[0]!))
  .sort((a, b) => b.dates.length - a.dates.length || (a.symbol < b.symbol ? -1 : 1));
const longest = histories[0]!;

let said = performance.now();
const progress = (text: string) => {
  if (performance.now() - said < 5000) return;
  said = performance.now();
  process.stderr.write(`  ${text}\n`);
};

const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
  [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
const percent = (value: number, digits = 1) => `${(100 * value).toFixed(digits)}%`;
const figure = (value: number | undefined) => (value === undefined ? "" : value.toFixed(2));

/** Of the largest sets: what the worst books lost, the worst days first. */
const drawn: { label: string; losses: readonly number[] }[] = [];
const DRAWN_SIZES = ["4", "8"];

function chart(): string {
  return plotFile({
    title: "The worst book's loss on the next day, in margins, the worst days first",
    x: { label: "share of days", format: (share) => percent(share, 0) },
    y: { label: "margins", format: (power) => String(Number((10 ** power).toPrecision(2))) },
    lines: drawn.map(({ label, losses }, index) => {
      const descending = losses.filter((loss) => loss > 0.1).toSorted((a, b) => b - a);
      const points = descending.map((loss, rank) => [rank / losses.length, Math.log10(loss)] as const);
      return { label, points, series: (index + 1) as Series };
    }),
    levels: [{ y: 0, label: "margin" }],
  });
}

function perpetuals(): string {
  const worst: string[] = [];
  const plain: string[][] = [];
  const rows = values.sizes.split(",").flatMap((size) =>
    setsOf(histories, Number(size), Number(values.sets)).map((set) => {
      const names = set.map(({ symbol }) => symbol).join(" ");
      const walks = models.map((model) => walkPerpetuals(model, set, Number(values.every), progress));
      for (const [index, { date, book }] of walks.entries())
        worst.push(`- ${models[index]}, ${names}, ${date}: ${book}`);
      if (DRAWN_SIZES.includes(size) && !drawn.some(({ label }) => label.endsWith(` ${size}`)))
        for (const [index, { losses }] of walks.entries())
          drawn.push({ label: `${models[index]}, underlyings: ${size}`, losses });
      for (const { kind } of walks[0]!.plain) {
        const found = walks.map((walk) => walk.plain.find((each) => each.kind === kind)!);
        plain.push([names, kind, ...found.flatMap(({ margin, overNeeded }) => [percent(margin), figure(overNeeded)])]);
      }
      const cells = walks.flatMap((walk) => [percent(walk.breaches / walk.days), figure(walk.worst)]);
      return [size, names, String(walks[0]!.days), ...cells];
    }),
  );
  const header = models.flatMap((model) => [`${model}: days above margin`, "worst, margins"]);
  return [
    "## Perpetuals, day by day",
    "",
    "Each evening the adversary sees the board, takes the book with the largest expected shortfall (97.5%) for its margin over",
    "the past days that all assets have, rescaled to the forecast of the day, and is judged by the next day.",
    "",
    table(["underlyings", "set", "days", ...header], rows),
    "",
    ...(values.chart === undefined ? [] : [`![The worst days](${path.basename(values.chart)})`, ""]),
    "The worst books, in dollars for a dollar of margin:",
    "",
    ...worst,
    "",
    "What plain books are asked for on the same days: average margin of a dollar, and how many times the 99% quantile of their losses",
    "that is (geometric mean).",
    "",
    table(["set", "book", ...models.flatMap((model) => [`${model}: margin`, "over what 99% needs"])], plain),
  ].join("\n");
}

function calendar(): string {
  const found = models.map((model) => ({ model, ...worstCalendar(model, longest) }));
  return [
    "## A perpetual against futures",
    "",
    `${longest.symbol}, futures of 30, 90 and 180 days, carry of all of them by ten points a year at once.`,
    "",
    table(
      ["scenarios", "loss, margins", "dollars for a dollar of margin"],
      found.map(({ model, loss, book }) => [model, figure(loss), book]),
    ),
  ].join("\n");
}

function strangle(): string {
  const found = models.map((model) => ({ model, ...shortStrangle(model, longest) }));
  const { date, volatility } = found[0]!;
  return [
    "## A far short strangle of a calm week",
    "",
    `${longest.symbol} on ${date}, its calmest day (volatility ${percent(volatility, 0)}): a put at 0.84 and a call at 1.19 of spot`,
    "are sold for 7 days; then the price falls by 37% and volatility doubles, as in March 2020.",
    "",
    table(
      ["scenarios", "margin of gross", "loss, margins"],
      found.map(({ model, margin, loss }) => [model, percent(margin, 2), figure(loss)]),
    ),
  ].join("\n");
}

function options(): string {
  const sizes = [1, 2].filter((size) => values.sizes.split(",").includes(String(size)));
  const sets = sizes.map((size) => alignHistories(histories.slice(0, size)));
  const results = sets.flatMap((set) =>
    models.map((model) => ({ model, size: set.length, ...attackOptions(model, set, progress) })),
  );
  const header = results.map(({ model, size }) => `${model}, ${size === 1 ? "one" : "two"}`);
  // Those of two underlyings first: they have every kind, in order.
  const kindNames = [...new Set(results.toReversed().flatMap(({ kinds }) => kinds.map(({ kind }) => kind)))];
  const movesNames = [...new Set(results.flatMap(({ days }) => days.map(({ moves }) => moves)))];
  const most = (found: readonly { readonly loss: number }[]) =>
    found.length === 0 ? undefined : Math.max(...found.map(({ loss }) => loss));
  const dates = sets.map((_, index) => results[index * models.length]!.days.map(({ date }) => date));
  return [
    "## Options",
    "",
    `Boards of a perpetual, a future and 80 options on each underlying: ${EXPIRIES}; strikes of 0.7 to 1.3 of spot. One`,
    `underlying or two: ${sets.map((set, index) => `${set.map(({ symbol }) => symbol).join(" and ")} on ${unique(dates[index]!)}`).join("; ")}.`,
    "Each figure is the worst of three dates, in margins.",
    "",
    "Everything moves: the book with the largest expected shortfall on the even days of the past is judged on the odd ones.",
    "",
    table(
      ["moves", ...header],
      movesNames.map((moves) => [
        moves,
        ...results.map(({ days }) => figure(Math.max(...days.filter((d) => d.moves === moves).map((d) => d.judged)))),
      ]),
    ),
    "",
    "One move alone:",
    "",
    table(
      ["moves", ...header],
      kindNames.map((kind) => [
        kind,
        ...results.map(({ kinds }) => figure(most(kinds.filter((k) => k.kind === kind)))),
      ]),
    ),
    "",
    "The worst books, in dollars at spot for a dollar of margin:",
    "",
    ...results.map(({ model, size, days }) => {
      const worst = days.reduce((a, b) => (b.judged > a.judged ? b : a));
      return `- ${model}, ${size}, ${worst.date}, ${worst.moves}: ${worst.book}`;
    }),
  ].join("\n");
}

const EXPIRIES = "7, 30, 90 and 180 days";
const unique = (dates: readonly string[]) => [...new Set(dates)].join(", ");

const given = (["sets", "every"] as const)
  .flatMap((option) => (values[option] === DEFAULTS[option] ? [] : [` --${option} ${values[option]}`]))
  .join("");

const HEAD = `# How far margins can be gamed

This page shows what a book can lose that was chosen against a board's margin; it is for a venue's risk desk and its auditors.

Made by this command from daily closes:

\`\`\`sh
npm run adversary -- prices${given} --out docs/adversary.md --chart docs/adversary.svg
\`\`\`

Losses are in margins: the loss of a book divided by the margin that was asked for it. Charges count; what is charged only above a
threshold does not, since an account that is split does not reach it. \`sixteen\` is the first edition's table of sixteen joint moves,
\`scan\` the [scan](risk-model.md#scenarios) of today, both with ranges calibrated on the same day. \`plimsoll market attack\` looks for
such books on any board ([risk-model.md](risk-model.md#attacks)).`;

const PARTS: Readonly<Record<string, () => string>> = { perpetuals, calendar, strangle, options };
const page = [HEAD, ...values.parts.split(",").map((part) => PARTS[part]!())].join("\n\n");
if (values.out === undefined) process.stdout.write(`${page}\n`);
else writeFileSync(values.out, `${page}\n`);
if (values.chart !== undefined) writeFileSync(values.chart, chart());
