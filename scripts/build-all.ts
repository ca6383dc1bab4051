// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Builds what a bare clone has not: `build-all [--look] [circuit…] [contracts]`; by default contracts and the circuits that are not on demand. For a circuit that is its
 * code, its witness plan, a development key and the native prover; `contracts` are those of the release, which are committed,
 * where their sources have changed, and those that only tests and demonstrations use.
 *
 * What is there is kept while it is of the sources that there are. With --look nothing is written: the exit code is 0 if nothing
 * is to be built, else 1. `scripts/setup.mjs` sees to it that one of these runs at a time.
 */
import { PlimsollError } from "../prover/src/errors.ts";
import { notSetUp, setUpDevelopment } from "../prover/src/node/setup/development.ts";
import { CIRCUITS, type CircuitName, DEFAULT_CIRCUITS } from "../prover/src/statement/families.ts";
import { buildNative, isNativeFresh, nativeLine } from "./build-native.ts";
import { begin, watch } from "./progress.ts";

/** Not even read where no contract is asked for. */
const contractBuilder = () => import("./build-contracts.ts");

/** What is to be built: a number of steps, and what does them. */
interface Work {
  readonly steps: number;
  run(): Promise<unknown>;
}

async function circuitWork(circuits: readonly CircuitName[]): Promise<Work> {
  const missing = await notSetUp(circuits);
  const steps = new Map<CircuitName, ReturnType<typeof begin>>();
  const stepOf = (circuit: CircuitName) => {
    const step = steps.get(circuit) ?? begin(circuit);
    steps.set(circuit, step);
    return step;
  };
  return {
    steps: missing.length,
    run: () =>
      setUpDevelopment(missing, {
        onProgress: (circuit, what, done) => {
          stepOf(circuit).part = done === undefined ? what : `${what}, ${Math.floor(done * 100)}%`;
        },
        onReady: (circuit, { constraints }) => stepOf(circuit).end(`${constraints} constraints, development key`),
      }),
  };
}

const nativeWork = (): Work => ({
  steps: isNativeFresh() ? 0 : 1,
  run: async () => process.stderr.write(`  ${nativeLine(await buildNative())}\n`),
});

async function contractWork(): Promise<Work> {
  const { areTestContractsFresh, buildRelease, buildTestContracts, staleRelease } = await contractBuilder();
  return {
    steps: staleRelease().length + (areTestContractsFresh() ? 0 : 1),
    run: () => Promise.all([buildRelease(), buildTestContracts()]),
  };
}

async function workFor(words: readonly string[]): Promise<Work[]> {
  const unknown = words.find((word) => word !== "contracts" && !(CIRCUITS as readonly string[]).includes(word));
  if (unknown !== undefined) {
    const known = [...CIRCUITS, "contracts"].join(", ");
    throw new PlimsollError("USAGE", `unknown: ${unknown}; what can be set up is ${known}`);
  }
  const circuits = words.length === 0 ? DEFAULT_CIRCUITS : CIRCUITS.filter((name) => words.includes(name));
  return [
    ...(circuits.length === 0 ? [] : [await circuitWork(circuits), nativeWork()]),
    ...(words.length === 0 || words.includes("contracts") ? [await contractWork()] : []),
  ];
}

try {
  const words = process.argv.slice(2);
  const look = words[0] === "--look";
  const work = await workFor(words.slice(look ? 1 : 0));
  const steps = work.reduce((sum, each) => sum + each.steps, 0);
  if (look) process.exitCode = steps === 0 ? 0 : 1;
  else if (steps !== 0) {
    const started = Number(process.env.SETUP_STARTED ?? Date.now());
    await watch(steps, started, () => Promise.all(work.filter((each) => each.steps !== 0).map((each) => each.run())));
  }
} catch (error) {
  process.stderr.write(`set-up failed: ${(error as Error).message}\n`);
  process.exit(error instanceof PlimsollError ? error.exitCode : 1);
}
