// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A market with adversaries: `simulate [PRICES] [options]`.
 *
 *   --epochs 1000   days
 *   --seed 1        of everything that is chance
 *   --out FILE      where to write the page, Markdown; else stdout
 *   --chart FILE    also draw the chart, SVG
 *
 * PRICES is a directory of daily closes, one CSV file an asset (BTC-USD.csv, ETH-USD.csv); without one the path is generated. Exit
 * code 1 where a check fails: then the seed, the fewest attacks that lead there and the last acts are on stderr.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { readPriceHistory } from "../../prover/src/importers/price-history.ts";
import { seededRng } from "../../test/support/random.ts";
import { Violation } from "./model.ts";
import { generatedPath, historicPath } from "./prices.ts";
import { chartOf, Notes, pageOf } from "./report.ts";
import { type Running, simulate } from "./run.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    out: { type: "string" },
    chart: { type: "string" },
  },
});
const [epochs, seed] = [Number(values.epochs), Number(values.seed)];
const [folder] = positionals;
if (!Number.isInteger(epochs) || epochs < 1 || !Number.isInteger(seed)) {
  process.stderr.write("usage: simulate [PRICES] [--epochs N] [--seed N] [--out FILE] [--chart FILE]\n");
  process.exit(2);
}
const rng = seededRng(seed);
const days =
  folder === undefined
    ? generatedPath(epochs, rng)
    : historicPath(
        ["BTC", "ETH"].map((symbol) => {
          const file = readdirSync(folder).find((name) => name.split(/[-.]/)[0] === symbol && name.endsWith(".csv"))!;
          return readPriceHistory(readFileSync(path.join(folder, file), "utf8"), file, symbol);
        }),
        epochs,
        rng,
      );
const source =
  folder === undefined
    ? `generated, ${epochs} days, calm weeks and stressed ones with jumps`
    : `${epochs} daily closes of bitcoin and ether around the worst fall of their histories, −${(100 * (1 - Math.min(...days.slice(1).map((day, index) => day.BTC / days[index]!.BTC)))).toFixed(0)}% in a day`;

let running: Running | undefined;
let at = 0;
const started = performance.now();
const progress = setInterval(() => {
  const seconds = Math.round((performance.now() - started) / 1000);
  const chain = running?.venue.chain;
  process.stderr.write(
    `  ${seconds} s: day ${at} of ${epochs}, ${chain?.sent ?? 0} transactions, ${chain?.reverted ?? 0} refused\n`,
  );
}, 4_000);

/** The smallest set of attacks with which a check fails no later. */
async function smallest(day: number): Promise<{ names: string[]; last: Running; error: Violation }> {
  const all = [
    ...new Set(running!.actors.filter(({ honest, by }) => !honest || by === "chance").map(({ name }) => name)),
  ];
  const without = new Set<string>();
  let [last, error] = [running!, new Violation()];
  for (const name of all) {
    process.stderr.write(`  without ${name} …\n`);
    let tried: Running | undefined;
    try {
      await simulate({
        ...{ seed, path: days.slice(0, day + 2), without: new Set([...without, name]) },
        onOpen: (run) => {
          tried = run;
        },
      });
    } catch (thrown) {
      if (!(thrown instanceof Violation)) throw thrown;
      without.add(name);
      [last, error] = [tried!, thrown];
    }
  }
  return { names: all.filter((name) => !without.has(name)), last, error };
}

const notes = new Notes();
try {
  await simulate({
    ...{ seed, path: days },
    onOpen: (run) => {
      running = run;
    },
    onDay: (day, run) => {
      at = day;
      notes.day(run);
    },
  });
  const given = [folder === undefined ? "" : " prices", ` --epochs ${epochs} --seed ${seed}`].join("");
  const page = pageOf(running!, notes, {
    command: `npm run simulate --${given} --out docs/simulation.md --chart docs/simulation.svg`,
    ...{ source, seed },
    ...(values.chart === undefined ? {} : { chart: path.basename(values.chart) }),
  });
  if (values.out === undefined) process.stdout.write(page);
  else writeFileSync(values.out, page);
  if (values.chart !== undefined) writeFileSync(values.chart, chartOf(notes));
} catch (error) {
  if (!(error instanceof Violation)) throw error;
  process.stderr.write(`\nday ${running!.venue.values.day}, seed ${seed}: ${error.message}\n`);
  process.stderr.write(`${running!.venue.history.slice(-30).join("\n")}\n`);
  const found = await smallest(running!.venue.values.day);
  const { day } = found.last.venue.values;
  process.stderr.write(
    `\nthe fewest attacks: ${found.names.join(", ") || "none"}; day ${day}: ${found.error.message || error.message}\n`,
  );
  process.stderr.write(`${found.last.venue.history.slice(-30).join("\n")}\n`);
  process.exitCode = 1;
} finally {
  clearInterval(progress);
}
process.exit(); // the chain keeps the process alive
