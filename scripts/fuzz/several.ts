// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The circuits `Round`, `Book` and `Lot` against the integer model on many cases:
 * `several-fuzz round | book | lot [cases = 1000] [seed = 1] [small]`.
 *
 * On the smallest shipped circuit of the family, which has to be set up, or with `small` on the small one. About half of the
 * cases hold; the others miss by little. Progress on stderr, a JSON summary on stdout; exit code 1 where anything disagrees.
 */
import path from "node:path";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { buildBookStatement } from "../../prover/src/statement/book.ts";
import { boardSizeOf, circuitsOf, shapeOf } from "../../prover/src/statement/families.ts";
import { buildLotStatement } from "../../prover/src/statement/lot.ts";
import { buildRoundStatement } from "../../prover/src/statement/round.ts";
import type { WitnessInput } from "../../prover/src/statement/witness-input.ts";
import { type LevelBps, levelBps } from "../../prover/src/units.ts";
import { disagreement } from "../../test/soundness/lab/attack.ts";
import type { Inputs } from "../../test/soundness/lab/generate.ts";
import { type Build, openBuild } from "../../test/soundness/lab/miniature.ts";
import { violations } from "../../test/soundness/lab/r1cs.ts";
import { SMALL, type Small, smallTarget } from "../../test/soundness/lab/small.ts";
import { coveredStep } from "../../test/support/books.ts";
import { admissibleLot, randomLot } from "../../test/support/lots.ts";
import { type Rng, seededRng } from "../../test/support/random.ts";
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
};

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
  process.stderr.write("usage: several-fuzz round | book | lot [cases] [seed] [small]\n");
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
  const file = (extension: string) => path.join(ROOT, "build/circuits", circuit, `circuit.${extension}`);
  const build = await openBuild({ r1cs: file("r1cs"), sym: file("sym"), wasm: file("wasm"), sources: [] });
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
