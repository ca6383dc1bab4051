// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Proves random true statements of every circuit that is set up in build/: `every-circuit [circuit…] [--count <n>] [--seed <n>]`, by
 * default six of each.
 *
 * Snarkjs and the strict verifier accept each proof, and neither does with a signal changed. Prints a line for each circuit: medians of
 * a warm witness and its proof, which are all but the first; and the largest memory of the process, which is the circuit's own. Exit code 1
 * where a proof is refused or a changed signal accepted.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import * as snarkjs from "snarkjs";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { loadArtifacts, loadManifest, loadVerificationKey } from "../../prover/src/node/artifacts.ts";
import { selectBackend } from "../../prover/src/node/backends.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { CIRCUITS, type CircuitName, ownSignalsOf } from "../../prover/src/statement/families.ts";
import { circuitInputs } from "../../test/support/circuit-inputs.ts";
import { median } from "./contenders.ts";

/** The figures of one circuit, as a line of a table. Throws where a verifier does not say what it should. */
async function measured(circuit: CircuitName, count: number, seed: number): Promise<string> {
  const statements = circuitInputs(circuit, count, seed);
  const backend = selectBackend().create();
  const opened = await backend.open(await loadArtifacts(circuit));
  const made: { proof: unknown; signals: string[]; cpu: number; wall: number }[] = [];
  for (const { circuitInput, hints, publicSignals } of statements) {
    const [before, started] = [process.cpuUsage(), performance.now()];
    const proof = await opened.prove(await opened.witness({ circuitInput, hints }));
    const { user, system } = process.cpuUsage(before);
    const cost = { cpu: (user + system) / 1000, wall: performance.now() - started };
    made.push({ proof, signals: publicSignals.map(String), ...cost });
  }
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  await backend.close();
  const strict = await loadVerifier(circuit);
  const { verificationKey } = await loadVerificationKey(circuit);
  for (const [index, { proof, signals }] of made.entries()) {
    const place = index % ownSignalsOf(circuit).length;
    const changed = signals.with(place, `${(BigInt(signals[place]!) + 1n) % FIELD_ORDER}`);
    for (const [told, expected] of [
      [signals, true],
      [changed, false],
    ] as const) {
      const bySnarkjs = await snarkjs.groth16.verify(verificationKey as never, told, proof as never);
      if (bySnarkjs !== expected || strict.verify(told, proof).ok !== expected)
        throw new Error(`${circuit}, statement ${index} of seed ${seed}: a verifier does not say ${expected}`);
    }
  }
  const warm = made.slice(1);
  const { constraints } = (await loadManifest()).circuits[circuit]!;
  const [cpu, wall] = [median(warm.map((one) => one.cpu)), median(warm.map((one) => one.wall))].map(Math.round);
  return `| ${circuit} | ${constraints.toLocaleString("en-GB")} | ${cpu} ms | ${wall} ms | ${memory} MB |`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: "string", default: "6" }, seed: { type: "string", default: "1" } },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
const { circuits } = await loadManifest();
const wanted = CIRCUITS.filter((name) =>
  positionals.length === 0 ? circuits[name] !== undefined : positionals.includes(name),
);
if (wanted.length < Math.max(1, positionals.length) || !(count > 1) || !Number.isSafeInteger(seed)) {
  process.stderr.write(`usage: every-circuit [${CIRCUITS.join(" | ")}]… [--count 6] [--seed 1]\n`);
  process.exit(2);
}
if (wanted.length === 1) {
  console.log(await measured(wanted[0]!, count, seed));
  process.exit(0); // snarkjs keeps threads
} else {
  console.log("| circuit | constraints | CPU | wall | memory |\n|---|---|---|---|---|");
  for (const circuit of wanted) {
    const args = [import.meta.filename, circuit, "--count", `${count}`, "--seed", `${seed}`];
    const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
}
