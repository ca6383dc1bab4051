// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What repeated disclosures tell an adversary who knows how firms like this one are usually made up, and nothing else of
 * this one: `leakage [--docs <folder>]`. The table goes to stdout, the chart to <folder>/leakage.svg.
 *
 * Random accounts are added up by the model itself; answers go through the budget of the prover itself. All auditors pool
 * what they are told. Three ways to ask, once a day:
 *   equity     exact equity of an account that does not trade, at each day's prices: one more linear equation a day
 *   bisection  one holding, each time in two halves of what is still possible
 *   tracking   one holding, exact, of a firm that trades it every day: the differences are its fills
 * With the budget the firm answers on the grid of the figure's first digit at the first question, and only what is within
 * budget.
 *
 * The adversary is Bayesian. Linear figures: a normal prior, a band taken for noise as wide as it is. Bisection: a
 * log-normal prior cut down to the band.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { cellOf } from "../prover/src/document/disclosure.ts";
import { type Answer, EMPTY_LEDGER, excessOf, recorded } from "../prover/src/document/disclosure-ledger.ts";
import { timeText } from "../prover/src/formats/time.ts";
import { type Account, genesis } from "../prover/src/model/account.ts";
import { exitValues } from "../prover/src/model/exit-market.ts";
import { figureOf, weightsOf } from "../prover/src/model/figure.ts";
import { EMPTY_ROW, type Market } from "../prover/src/model/market.ts";
import type { HaircutSchedule, Policy } from "../prover/src/model/policy.ts";
import { ASSETS, instrumentsOf, TIERS } from "../prover/src/model/sizes.ts";
import { plotFile, type Series } from "../prover/src/report/charts.ts";
import type { CashE6, ColumnE6, LotPriceE16, PositionLots, QuantityLots, WeightBps } from "../prover/src/units.ts";
import { type Rng, seededRng } from "../test/support/random.ts";

const SIZE = "board-60";
const ACCOUNTS = 100;
const QUESTIONS = 48;
const HELD = 20; // instruments
const DAY = 86_400_000;
const SHOWN = [1, 2, 4, 8, 16, 32, 36, 40, 48];

/** After each number of questions: bits learnt, and the error left as a part of what it was. */
export interface Course {
  readonly bits: readonly number[];
  readonly error: readonly number[];
}
export type Way = "equity" | "bisection" | "tracking";
export const WAYS: readonly Way[] = ["equity", "bisection", "tracking"];

interface Asked {
  readonly value: bigint;
  readonly subject: string;
  /** Else the grid of the first question. */
  readonly question?: string;
}

/** What the firm says to a question a day: a band, or nothing. */
function answered(asked: readonly Asked[], budget: boolean): ({ low: bigint; high: bigint } | undefined)[] {
  if (!budget) return asked.map(({ value }) => ({ low: value, high: value }));
  const first = asked[0]!.value;
  const step = 10n ** BigInt((first < 0n ? -first : first).toString().length - 1);
  let ledger = EMPTY_LEDGER;
  return asked.map(({ value, subject, question = `step ${step}` }, day) => {
    const time = timeText(new Date(day * DAY));
    const answer: Answer = { time, figure: "figure", question, subject, auditor: "any" };
    const band = cellOf(value, step);
    if (excessOf(ledger, answer, { value, width: band.high - band.low }).length > 0) return undefined;
    ledger = recorded(ledger, answer);
    return band;
  });
}

/** Linear figures of unknowns that are all standard normal to the adversary. */
class Adversary {
  readonly mean: number[];
  readonly #covariance: number[][];
  bits = 0;

  constructor(unknowns: number) {
    this.mean = new Array(unknowns).fill(0);
    this.#covariance = this.mean.map((_, row) => this.mean.map((_, column) => (row === column ? 1 : 0)));
  }

  /** Learns that the sum of coefficients times unknowns is `value`, give or take noise of this variance. */
  learn(coefficients: readonly number[], value: number, variance: number): void {
    const gain = this.#covariance.map((row) => dot(row, coefficients));
    const spread = dot(gain, coefficients) + variance;
    const surprise = value - dot(this.mean, coefficients);
    for (const [row, own] of gain.entries()) {
      this.mean[row]! += (own * surprise) / spread;
      for (const [column, other] of gain.entries()) this.#covariance[row]![column]! -= (own * other) / spread;
    }
    this.bits += Math.log2(spread / variance) / 2;
  }
}

const dot = (left: readonly number[], right: readonly number[]) =>
  left.reduce((sum, value, index) => sum + value * right[index]!, 0);
const rms = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

function normal(rng: Rng): number {
  const uniform = () => (Number(rng.below(1n << 52n)) + 0.5) / 2 ** 52;
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

const FLAT: HaircutSchedule = Array.from({ length: TIERS }, () => ({
  boundaryLots: ((1n << 64n) - 1n) as QuantityLots,
  weightBps: 9000n as WeightBps,
}));
const POLICY: Policy = {
  ...exitValues(SIZE).policy,
  schedules: new Array<HaircutSchedule>(ASSETS).fill(FLAT),
};
const E8 = 1e8;

/** Fifteen assets of about a million each, give or take half of it; twenty positions and cash around nothing. In quote. */
function equityCourse(rng: Rng, budget: boolean): Course {
  const assetPrices = Array.from({ length: ASSETS }, () => 10 ** (4 * (Number(rng.below(1000n)) / 1000)));
  const marks = Array.from({ length: HELD }, () => 10 ** (1 + 3 * (Number(rng.below(1000n)) / 1000)));
  const unknowns = [
    ...assetPrices.map((price) => ({ mean: 1e6 / price, sd: 5e5 / price })),
    { mean: 0, sd: 1e6 },
    ...marks.map((mark) => ({ mean: 0, sd: 3e5 / mark })),
  ];
  const drawn = unknowns.map(({ mean, sd }, index) => {
    const amount = mean + sd * normal(rng);
    return index < ASSETS ? Math.max(0, amount) : amount;
  });
  const account: Account = {
    ...genesis(SIZE),
    collateral: drawn.slice(0, ASSETS).map((amount) => BigInt(Math.round(amount * E8)) as QuantityLots),
    cash: BigInt(Math.round(drawn[ASSETS]! * 1e6)) as CashE6,
    positions: Array.from(
      { length: instrumentsOf(SIZE) },
      (_, row) => BigInt(Math.round((drawn[ASSETS + 1 + row] ?? 0) * 10)) as PositionLots,
    ),
  };
  const move = (prices: readonly number[]) => prices.map((price) => price * Math.exp(0.04 * normal(rng)));
  let [prices, marked] = [assetPrices, marks];
  const days = Array.from({ length: QUESTIONS }, (_, day) => {
    [prices, marked] = [move(prices), move(marked)];
    const market: Market = {
      prices: prices.map((price) => BigInt(Math.round(price * E8)) as LotPriceE16),
      board: {
        size: SIZE,
        rows: Array.from({ length: instrumentsOf(SIZE) }, (_, row) => ({
          ...EMPTY_ROW,
          mark: BigInt(Math.round(((marked[row] ?? 0) * 1e6) / 10)) as ColumnE6,
        })),
        blocks: exitValues(SIZE).market.board.blocks,
      },
    };
    const weights = [...prices.map((price) => 0.9 * price), 1, ...marked];
    const value = figureOf(account, weightsOf({ kind: "equity" }, POLICY, market));
    return { value, subject: `day ${day}`, weights };
  });
  const adversary = new Adversary(unknowns.length);
  const truth = drawn.map((amount, index) => (amount - unknowns[index]!.mean) / unknowns[index]!.sd);
  const answers = answered(days, budget);
  return courseOf(days.length, (day) => {
    const band = answers[day];
    const { weights } = days[day]!;
    if (band !== undefined) {
      const [low, high] = [Number(band.low) / 1e20, Number(band.high) / 1e20];
      const expected = dot(
        weights,
        unknowns.map(({ mean }) => mean),
      );
      // Exact to a unit of quote: what rounding leaves in floating point.
      const variance = Math.max(1, (high - low) ** 2 / 12);
      adversary.learn(
        weights.map((weight, index) => weight * unknowns[index]!.sd),
        (low + high) / 2 - expected,
        variance,
      );
    }
    return { bits: adversary.bits, error: rms(adversary.mean.map((mean, index) => mean - truth[index]!)) };
  });
}

/** A holding known only to be about 10,000 units, and a fill of 5% of that between two days. The error is of the fills so far. */
function trackingCourse(rng: Rng, budget: boolean): Course {
  const truth = Array.from({ length: QUESTIONS }, () => normal(rng));
  const scales = truth.map((_, index) => (index === 0 ? 3000 : 500));
  const upTo = (day: number) => scales.map((scale, index) => (index <= day ? scale : 0));
  const days = truth.map((_, day) => ({
    value: BigInt(Math.round((10_000 + dot(truth, upTo(day))) * 100)),
    subject: `day ${day}`,
  }));
  const answers = answered(days, budget);
  const adversary = new Adversary(truth.length);
  return courseOf(days.length, (day) => {
    const band = answers[day];
    if (band !== undefined) {
      const [low, high] = [Number(band.low) / 100, Number(band.high) / 100];
      adversary.learn(upTo(day), (low + high) / 2 - 10_000, Math.max(0.01 ** 2 / 12, (high - low) ** 2 / 12));
    }
    const fills = truth.slice(1, day + 1).map((fill, index) => fill - adversary.mean[index + 1]!);
    return { bits: adversary.bits, error: fills.length === 0 ? 1 : rms(fills) };
  });
}

const [LOWEST, HIGHEST] = [10_000 * Math.exp(-8), 10_000 * Math.exp(8)];

/** A log-normal holding, median 10,000 units, asked for by halves; or once, on its grid. The error is of its logarithm. */
function bisectionCourse(rng: Rng, budget: boolean): Course {
  const logarithm = normal(rng);
  const held = 10_000 * Math.exp(logarithm);
  let [low, high] = [LOWEST, HIGHEST];
  const value = BigInt(Math.round(held * 100));
  const answers = answered(
    Array.from({ length: QUESTIONS }, (_, index) => ({
      value,
      subject: "state",
      ...(index === 0 ? {} : { question: `half ${index}` }),
    })),
    budget,
  );
  return courseOf(QUESTIONS, (question) => {
    if (!budget && high - low > 0.01) {
      const middle = medianWithin(low, high);
      if (held < middle) high = middle;
      else low = middle;
    }
    const cell = answers[question];
    if (budget && cell !== undefined) [low, high] = [Number(cell.low) / 100, Number(cell.high) / 100];
    const { mass, mean } = logNormalWithin(low, high);
    return { bits: -Math.log2(mass), error: Math.abs(mean - logarithm) };
  });
}

/** Probability of a log-normal amount (median 10,000) between two ends, and the mean logarithm there; by Simpson's rule. */
function logNormalWithin(low: number, high: number): { mass: number; mean: number } {
  const [from, to] = [Math.log(Math.max(low, LOWEST) / 10_000), Math.log(high / 10_000)];
  const [intervals, density] = [100, (z: number) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)];
  let [mass, first] = [0, 0];
  for (let index = 0; index <= intervals; index++) {
    const z = from + ((to - from) * index) / intervals;
    const weight = index === 0 || index === intervals ? 1 : index % 2 === 1 ? 4 : 2;
    mass += weight * density(z);
    first += weight * density(z) * z;
  }
  return { mass: (mass * (to - from)) / (3 * intervals), mean: first / mass };
}

/** The amount that has half of that probability below it. */
function medianWithin(low: number, high: number): number {
  const half = logNormalWithin(low, high).mass / 2;
  let [from, to] = [low, high];
  for (let round = 0; round < 30; round++) {
    const middle = (from + to) / 2;
    if (logNormalWithin(low, middle).mass < half) from = middle;
    else to = middle;
  }
  return (from + to) / 2;
}

function courseOf(length: number, step: (index: number) => { bits: number; error: number }): Course {
  const points = Array.from({ length }, (_, index) => step(index));
  return { bits: points.map(({ bits }) => bits), error: points.map(({ error }) => error) };
}

const COURSES: Readonly<Record<Way, (rng: Rng, budget: boolean) => Course>> = {
  equity: equityCourse,
  bisection: bisectionCourse,
  tracking: trackingCourse,
};

/** The mean course over random accounts; errors as root mean squares. The same seed gives the same accounts. */
export function leakage(way: Way, budget: boolean, accounts = ACCOUNTS, seed = 1): Course {
  const rng = seededRng(seed);
  const courses = Array.from({ length: accounts }, () => COURSES[way](rng, budget));
  return courseOf(QUESTIONS, (index) => ({
    bits: courses.reduce((sum, { bits }) => sum + bits[index]!, 0) / accounts,
    error: rms(courses.map(({ error }) => error[index]!)),
  }));
}

/** The table of `docs/disclosure.md`. */
export function leakageTable(courses: ReadonlyMap<string, Course>): string {
  const cell = ({ bits, error }: Course, index: number) => {
    const left = error[index]!;
    const percent = left < 0.00005 ? "0%" : `${(100 * left).toFixed(left < 0.1 ? 2 : 0)}%`;
    return `${bits[index]!.toFixed(1)} · ${percent}`;
  };
  const columns = WAYS.flatMap((way) => [`${way}`, `${way}, budget`]);
  const rows = SHOWN.map((count) => [`${count}`, ...columns.map((column) => cell(courses.get(column)!, count - 1))]);
  return [["questions", ...columns], ["questions", ...columns].map(() => "---"), ...rows]
    .map((row) => `| ${row.join(" | ")} |`.replaceAll(" --- ", "---"))
    .join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { docs } = parseArgs({ options: { docs: { type: "string" } } }).values;
  const courses = new Map(
    WAYS.flatMap((way) => [
      [way, leakage(way, false)],
      [`${way}, budget`, leakage(way, true)],
    ]),
  );
  process.stdout.write(`${leakageTable(courses)}\n`);
  if (docs !== undefined) {
    const chart = plotFile({
      title: "Error left in what an adversary knows, by number of questions",
      x: { label: "questions asked, one a day" },
      y: { label: "error left", format: (value) => `${Math.round(100 * value)}%` },
      lines: [...courses].map(([label, { error }], index) => ({
        label: index % 2 === 0 ? label : "", // dashed in the same colour
        points: error.map((left, count) => [count + 1, left] as const),
        series: (Math.floor(index / 2) + 1) as Series,
        dashed: index % 2 === 1,
      })),
    });
    writeFileSync(path.join(docs, "leakage.svg"), chart);
  }
}
