// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Every circuit but `Account` against the integer model on many cases:
 * `several-fuzz round | book | lot | merge | settlement | disclosure [cases = 1000] [seed = 1] [small]`.
 *
 * On the smallest shipped circuit of the family, which has to be set up, or with `small` on the small one. About half of the
 * cases hold, and the others miss by little; the model has no settlement and no merge that does not hold. Progress on stderr, a JSON summary on stdout; exit code 1 where anything disagrees.
 */
import path from "node:path";
import { PlimsollError } from "../../prover/src/errors.ts";
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { commitAuditorSecret } from "../../prover/src/model/commit.ts";
import { type Figure, figureOf, weightsOf } from "../../prover/src/model/figure.ts";
import { ASSETS, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { buildBookStatement } from "../../prover/src/statement/book.ts";
import { buildDisclosureStatement } from "../../prover/src/statement/disclosure.ts";
import { boardSizeOf, circuitsOf, shapeOf } from "../../prover/src/statement/families.ts";
import { buildLotStatement } from "../../prover/src/statement/lot.ts";
import { buildMergeStatement } from "../../prover/src/statement/merge.ts";
import { buildRoundStatement } from "../../prover/src/statement/round.ts";
import { buildSettlementStatement } from "../../prover/src/statement/settlement.ts";
import type { WitnessInput } from "../../prover/src/statement/witness-input.ts";
import { BITS, type ColumnE6, type LevelBps, levelBps } from "../../prover/src/units.ts";
import { disagreement } from "../../test/soundness/lab/attack.ts";
import type { Inputs } from "../../test/soundness/lab/generate.ts";
import type { Build } from "../../test/soundness/lab/miniature.ts";
import { violations } from "../../test/soundness/lab/r1cs.ts";
import { SMALL, type Small, smallTarget } from "../../test/soundness/lab/small.ts";
import { coveredStep } from "../../test/support/books.ts";
import { shippedCircuit } from "../../test/support/circuit.ts";
import { upTo } from "../../test/support/ledger.ts";
import { admissibleLot, randomLot } from "../../test/support/lots.ts";
import {
  biased,
  type Rng,
  randomAccount,
  randomMarket,
  randomPolicy,
  randomViewingKey,
  seededRng,
} from "../../test/support/random.ts";
import { coveredRound } from "../../test/support/rounds.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
type Family = Small["family"];

/** What the model says of a request. */
interface Told {
  readonly holds: boolean;
  readonly statement: WitnessInput & { readonly publicSignals: readonly bigint[] };
}

/** A level that all have, or one more. */
const near = (rng: Rng, level: LevelBps): LevelBps =>
  (level < levelBps.high && rng.chance(0.5) ? level + 1n : level) as LevelBps;

const TOLD: Readonly<Record<Family, (rng: Rng) => Told>> = {
  round: (rng) => {
    const [circuit] = circuitsOf("round");
    const request = coveredRound(rng, boardSizeOf(circuit!), shapeOf(circuit!).members!);
    const statement = buildRoundStatement({ ...request, level: near(rng, request.level) });
    return { statement, holds: statement.holds };
  },
  book: (rng) => {
    const [circuit] = circuitsOf("book");
    const request = coveredStep(rng, circuit!);
    const statement = buildBookStatement({ ...request, level: near(rng, request.level) });
    return { statement, holds: statement.holds };
  },
  lot: (rng) => {
    const size = boardSizeOf(circuitsOf("lot")[0]!);
    const { step, ...asked } = rng.chance(0.4) ? admissibleLot(rng, size) : randomLot(rng, size);
    const statement = buildLotStatement({ ...step, ...asked, context: rng.below(FIELD_ORDER) });
    return { statement, holds: statement.appraisal.broken.length === 0 };
  },
  merge: (rng) =>
    inRange(() => ({
      statement: buildMergeStatement({
        left: randomAccount(rng, "board-60"),
        right: randomAccount(rng, "board-60"),
        mergedViewingKey: randomViewingKey(rng),
        context: rng.below(FIELD_ORDER),
      }),
      holds: true,
    })),
  settlement: (rng) =>
    inRange(() => {
      const share = rng.pick([0, 0.1, 0.5, 1]);
      const rows = upTo(instrumentsOf("board-60")).filter(() => rng.chance(share));
      const marks = new Map(rows.map((row) => [row, biased(rng, -COLUMN_TOP, COLUMN_TOP) as ColumnE6]));
      const before = randomAccount(rng, "board-60");
      return { statement: buildSettlementStatement({ before, marks, context: rng.below(FIELD_ORDER) }), holds: true };
    }),
  disclosure: (rng) =>
    inRange(() => {
      const account = randomAccount(rng, "board-60");
      const figure = rng.pick<Figure>([
        { kind: "equity" },
        { kind: "cash" },
        { kind: "asset", index: Number(rng.below(BigInt(ASSETS))) },
        { kind: "instrument", index: Number(rng.below(60n)) },
      ]);
      const weights = weightsOf(figure, randomPolicy(rng), randomMarket(rng, "board-60"));
      const width = rng.pick([0n, 1n, rng.below(1n << 70n)]);
      const low = figureOf(account, weights) + rng.pick([0n, 1n, -width, -width - 1n, biased(rng, -width, 1n)]);
      const auditor = commitAuditorSecret((1n + rng.below(FIELD_ORDER - 1n)) as FieldElement);
      const band = { low, high: low + width };
      const statement = buildDisclosureStatement({ account, weights, band, auditor, context: rng.below(FIELD_ORDER) });
      return { statement, holds: statement.holds };
    }),
};

const COLUMN_TOP = (1n << BigInt(BITS.column)) - 1n;

/** What the model takes: it refuses sums and bands out of range. */
function inRange(draw: () => Told): Told {
  for (;;) {
    try {
      return draw();
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
    }
  }
}

/** Where circuit and model disagree; undefined where they agree. */
function disagreementOf({ holds, statement }: Told, { r1cs, generate }: Build): string | undefined {
  const witness = generate(statement.circuitInput as Inputs);
  if (statement.publicSignals.some((value, index) => value !== witness[index + 1])) return "a public signal differs";
  const accepted = violations(r1cs, witness).length === 0;
  return accepted === holds ? undefined : `the circuit ${accepted ? "accepts" : "refuses"}`;
}

const [name, cases = 1000, firstSeed = 1] = process.argv
  .slice(2, 5)
  .map((text, at) => (at === 0 ? text : Number(text)));
const family = Object.keys(SMALL).find((one) => one === name) as Family | undefined;
const [total, first] = [Number(cases), Number(firstSeed)];
if (family === undefined || !Number.isSafeInteger(total) || total < 1 || !Number.isSafeInteger(first)) {
  process.stderr.write(`usage: several-fuzz ${Object.keys(SMALL).join(" | ")} [cases] [seed] [small]\n`);
  process.exit(2);
}
process.chdir(ROOT);

const started = performance.now();
const failures: { case: string; found: string }[] = [];
let [held, done] = [0, 0];
const count = (holds: boolean) => {
  if (holds) held++;
  if (++done % 50 === 0 || done === total)
    process.stderr.write(`\r  ${done} of ${total}, ${failures.length} disagree `);
};
if (process.argv[5] === "small") {
  const small = SMALL[family];
  const { full } = await smallTarget(small, `build/soundness/fuzz-${family}`);
  for (const one of small.cases(first).take(total)) {
    const found = disagreement(full, [one]);
    if (found) failures.push({ case: one.name, found: found.what });
    count(one.holds);
  }
} else {
  const circuit = circuitsOf(family)[0]!;
  const build = await shippedCircuit(circuit);
  for (let seed = first; seed < first + total; seed++) {
    const told = TOLD[family](seededRng(seed));
    const found = disagreementOf(told, build);
    if (found) failures.push({ case: `seed ${seed}`, found });
    count(told.holds);
  }
}
process.stderr.write("\n");
const seconds = Math.round((performance.now() - started) / 1000);
process.stdout.write(
  `${JSON.stringify({ family, cases: total, held, seconds, disagree: failures.length, failures }, null, 2)}\n`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
