// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The circuit against the integer model on many requests: `model-fuzz [cases = 10000] [seed = 1]`.
 *
 * Nine in ten on a board of 60, the others on 240 and 480; half random, half structured. Progress on stderr, a JSON summary
 * on stdout; exit code 1 where anything disagrees. Each case has a seed of its own, so one can be run again alone:
 * `model-fuzz 1 <seed of the case>`.
 */
import type { BoardSize } from "../../prover/src/model/sizes.ts";
import { accountCircuit, disagreements } from "../../test/support/circuit.ts";
import { randomRequest, seededRng } from "../../test/support/random.ts";
import { BENDS, bend } from "../../test/support/structured.ts";

const [cases = 10_000, firstSeed = 1] = process.argv.slice(2).map(Number);
if (!Number.isSafeInteger(cases) || !Number.isSafeInteger(firstSeed) || cases < 1) {
  process.stderr.write("usage: model-fuzz [cases] [seed]\n");
  process.exit(2);
}

const kinds = Object.keys(BENDS);
const counts: Record<string, number> = {};
const count = (name: string) => {
  counts[name] = (counts[name] ?? 0) + 1;
};
const failures: { seed: number; size: BoardSize; kind: string; found: string[] }[] = [];
const started = performance.now();
let reported = started;
for (let index = 0; index < cases; index++) {
  const seed = firstSeed + index;
  const rng = seededRng(seed);
  const size: BoardSize = rng.chance(0.9) ? "board-60" : rng.chance(0.7) ? "board-240" : "board-480";
  const kind = rng.chance(0.5) ? "random" : rng.pick(kinds);
  const random = randomRequest(rng, size, { holds: rng.chance(0.7) });
  const request = kind === "random" ? random : bend(random, kind, rng);
  const found = disagreements(await accountCircuit(size), request);
  count(size);
  count(kind);
  if (found.length > 0) failures.push({ seed, size, kind, found });
  if (performance.now() - reported > 5000 || index === cases - 1) {
    reported = performance.now();
    const rate = (index + 1) / ((reported - started) / 1000);
    process.stderr.write(
      `\r  ${index + 1} of ${cases} cases, ${rate.toFixed(1)} a second, ${failures.length} disagree `,
    );
  }
}
process.stderr.write("\n");
const seconds = Math.round((performance.now() - started) / 1000);
process.stdout.write(
  `${JSON.stringify({ cases, firstSeed, seconds, counts, disagree: failures.length, failures }, null, 2)}\n`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
