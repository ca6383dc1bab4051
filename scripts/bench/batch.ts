// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Races the batch verifier: `bench-batch [proofs]`, 1,000 by default, of board-60, all of one market.
 *
 * Against it, one proof after another: snarkjs's verifier and the strict one, over the first 50. Every tenth proof of the batch is
 * made, the others repeat them: to a verifier they are as good as different. CPU is user and system time of the process.
 */
import { groth16 } from "snarkjs";
import { loadVerificationKey } from "../../prover/src/node/artifacts.ts";
import { verifyBatch } from "../../prover/src/node/batch.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import type { BatchItem } from "../../prover/src/verify/batch.ts";
import { verifierOf } from "../../prover/src/verify/verifier.ts";
import { randomMarket, randomPolicy, randomRequest, seededRng } from "../../test/support/random.ts";
import { endSnarkjsThreads } from "../../test/support/snarkjs.ts";

const SIZE = "board-60";
const ONE_BY_ONE = 50;
const ROUNDS = 3;
const count = Number(process.argv[2] ?? 1000);

const loaded = await loadVerificationKey(SIZE);
const verifier = verifierOf(loaded);
const rng = seededRng(1);
const market = { policy: randomPolicy(rng), market: randomMarket(rng, SIZE) };
const prover = createProver();
const made: BatchItem[] = [];
while (made.length < Math.ceil(count / 10)) made.push(await prover.prove(randomRequest(rng, SIZE, market)));
await prover.close();
// Each parsed anew, as they come from somewhere.
const items: BatchItem[] = Array.from({ length: count }, (_, index) => structuredClone(made[index % made.length]!));

/** Milliseconds per proof: the best of some rounds. */
async function cost(proofs: number, work: () => Promise<boolean>) {
  let best = { cpu: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    if (!(await work())) throw new Error("a proof was refused");
    const wall = (performance.now() - start) / proofs;
    const { user, system } = process.cpuUsage(before);
    const cpu = (user + system) / 1000 / proofs;
    if (cpu < best.cpu) best = { cpu, wall };
  }
  return best;
}

const few = items.slice(0, ONE_BY_ONE);
const every = async (list: readonly BatchItem[], holds: (item: BatchItem) => boolean | Promise<boolean>) => {
  for (const item of list) if (!(await holds(item))) return false;
  return true;
};
const rows = {
  "snarkjs, one by one": await cost(few.length, () =>
    every(few, ({ publicSignals, proof }) =>
      groth16.verify(loaded.verificationKey, publicSignals as string[], proof as Parameters<typeof groth16.verify>[2]),
    ),
  ),
  "strict, one by one": await cost(few.length, () =>
    every(few, ({ publicSignals, proof }) => verifier.verify(publicSignals, proof).ok),
  ),
  batch: await cost(count, async () => (await verifyBatch(verifier, items)).every(({ ok }) => ok)),
};
await endSnarkjsThreads();

const baseline = rows["snarkjs, one by one"];
const ratio = (of: number, ours: number) => `${(of / ours).toFixed(1)}x`.padStart(8);
console.log(`${SIZE}, ${count} proofs: milliseconds per proof, and snarkjs's figure divided by it`);
console.log(`${"".padEnd(22)}${["cpu", "", "wall", ""].map((title) => title.padStart(8)).join("")}`);
for (const [name, { cpu, wall }] of Object.entries(rows)) {
  const figures = [
    cpu.toFixed(2).padStart(8),
    ratio(baseline.cpu, cpu),
    wall.toFixed(2).padStart(8),
    ratio(baseline.wall, wall),
  ];
  console.log(`${name.padEnd(22)}${figures.join("")}`);
}
