// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A contender of bench.ts: `bench-contender <zkey> <wtns> <wasm> <plan> <input>`. Does what each line of stdin names, and answers with
 * its cost; at the end with what the whole process has cost. Imports no more than proving needs, since its memory is measured.
 */

import { readFileSync } from "node:fs";
import { selectBackend } from "../../prover/src/node/backends.ts";
import type { Circuit } from "../../prover/src/prove/backend.ts";
import type { WitnessInput } from "../../prover/src/statement/witness-input.ts";

export interface Cost {
  /** Milliseconds, user and system. */
  readonly cpu: number;
  readonly wall: number;
  /** Kilobytes: the largest resident set of the process so far. */
  readonly memory: number;
}

async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await work();
  const wall = performance.now() - start;
  return { ...used(before), wall };
}

function used(since?: NodeJS.CpuUsage): Omit<Cost, "wall"> {
  const { user, system } = process.cpuUsage(since);
  return { cpu: (user + system) / 1000, memory: process.resourceUsage().maxRSS };
}

const [zkey, wtns, wasm, plan, input] = process.argv.slice(2) as [string, string, string, string, string];
const backend = selectBackend().create();
let circuit: Circuit | undefined;
const open = async () => {
  circuit ??= await backend.open({
    zkey: readFileSync(zkey),
    wasm: async () => readFileSync(wasm),
    plan: readFileSync(plan),
  });
  return circuit;
};
const readInput = (): WitnessInput =>
  JSON.parse(readFileSync(input, "utf8"), (_, value) => (typeof value === "string" ? BigInt(value) : value));
let witness: Uint8Array | undefined;
const readWitness = () => {
  witness ??= readFileSync(wtns);
  return witness;
};
const work: Readonly<Record<string, () => Promise<unknown>>> = {
  prove: async () => (await open()).prove(readWitness()),
  whole: async () => {
    const opened = await open();
    return opened.prove(await opened.witness(readInput()));
  },
};
// One line is sent at a time, and answered before the next.
for await (const line of process.stdin.setEncoding("utf8")) {
  process.stdout.write(`${JSON.stringify(await costOf(work[line.trim()]!))}\n`);
}
await backend.close();
process.stdout.write(`${JSON.stringify({ ...used(), wall: 0 } satisfies Cost)}\n`);
