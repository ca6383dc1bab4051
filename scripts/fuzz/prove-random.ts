// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Proves random accounts with every backend: `prove-random [backend…] [--count <n>] [--seed <n>]`, by default 1,000 with each.
 *
 * Four in ten on boards of 60, three each on boards of 240 and 480; requests of every flavour of test/support/random.ts, statements
 * on both sides. Every proof goes through the strict verifier, once in the prover and once here, and must be refused for another
 * commitment. A market serves ten requests, since the verifier's sum over a new one takes longer than the proof. Exit code 1
 * where anything fails; the seed of the request is named.
 */
import { parseArgs } from "node:util";
import { BOARD_SIZES, type BoardSize } from "../../prover/src/model/sizes.ts";
import { selectBackend } from "../../prover/src/node/backends.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { BACKENDS, type BackendName } from "../../prover/src/prove/backend.ts";
import { randomMarket, randomPolicy, randomRequest, seededRng } from "../../test/support/random.ts";

const PER_MARKET = 10;
const SHARES: Readonly<Record<BoardSize, number>> = { "board-60": 0.4, "board-240": 0.3, "board-480": 0.3 };

async function proveWith(name: BackendName, count: number, firstSeed: number): Promise<number> {
  process.env.PLIMSOLL_BACKEND = name;
  const { detail, create } = selectBackend();
  console.log(`${name}: ${detail}`);
  const prover = createProver({ backend: create() });
  let failures = 0;
  for (const size of BOARD_SIZES) {
    const verifier = await loadVerifier(size);
    const wanted = Math.round(count * SHARES[size]);
    const start = process.cpuUsage();
    for (let index = 0; index < wanted; index++) {
      const seed = firstSeed + index;
      const shared = seededRng(firstSeed + Math.floor(index / PER_MARKET));
      const common = { policy: randomPolicy(shared), market: randomMarket(shared, size) };
      try {
        const { publicSignals, proof } = await prover.prove(randomRequest(seededRng(seed), size, common));
        const verdict = verifier.verify(publicSignals, proof);
        if (!verdict.ok) throw new Error(verdict.detail);
        const other = publicSignals.with(1, `${BigInt(publicSignals[1]!) ^ 1n}`);
        if (verifier.verify(other, proof).ok) throw new Error("it verifies for another commitment");
      } catch (error) {
        failures++;
        console.log(`  ${size}, seed ${seed}: ${(error as Error).message}`);
      }
    }
    const { user, system } = process.cpuUsage(start);
    const each = (user + system) / 1000 / Math.max(wanted, 1);
    console.log(`  ${size}: ${wanted} proven and verified, ${each.toFixed(0)} ms of CPU each, all checks included`);
  }
  await prover.close();
  return failures;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: "string", default: "1000" }, seed: { type: "string", default: "1" } },
});
const wanted = BACKENDS.filter((name) => positionals.length === 0 || positionals.includes(name));
let failures = 0;
for (const name of wanted) failures += await proveWith(name, Number(values.count), Number(values.seed));
console.log(failures === 0 ? "all proofs verify" : `${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
