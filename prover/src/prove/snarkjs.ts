// SPDX-License-Identifier: GPL-3.0-or-later
/** Proofs by snarkjs, in memory. The slowest backend, and the one that the others are held against. */
import { throwIfCancelled } from "../errors.ts";
import type { Backend } from "./backend.ts";
import { openCalculator } from "./calculator.ts";

/** snarkjs keeps one set of threads for the process: proofs are made one after another, and the last user ends them. */
let users = 0;
let last: Promise<unknown> = Promise.resolve();

export function snarkjsBackend(): Backend {
  users++;
  let open = true;
  return {
    name: "snarkjs",
    async open({ wasm, zkey }) {
      const calculate = openCalculator(await wasm());
      return {
        witness: ({ circuitInput }) => calculate(circuitInput),
        prove(witness, signal) {
          const turn = last.then(() => prove(zkey, witness, signal));
          last = turn.catch(() => {});
          return untilAborted(turn, signal);
        },
      };
    },
    async close() {
      if (!open) return;
      open = false;
      users--;
      await last;
      if (users === 0) await endThreads();
    },
  };
}

async function prove(provingKey: Uint8Array, witness: Uint8Array, signal: AbortSignal | undefined): Promise<unknown> {
  throwIfCancelled(signal);
  const { curves, groth16 } = await import("snarkjs");
  // Started here, where nothing interrupts it: threads half started could not be ended.
  await curves.getCurveFromName("bn128");
  throwIfCancelled(signal);
  holdThreads(true);
  const proving = groth16.prove({ type: "mem", data: provingKey }, { type: "mem", data: witness });
  // Work that has lost its threads stands still and is forgotten; the next proof starts new ones.
  try {
    return (await untilAborted(proving, signal, endThreads)).proof;
  } finally {
    holdThreads(false);
  }
}

/** Threads of snarkjs keep the process alive while they have work, and not when they are idle. */
function holdThreads(alive: boolean): void {
  for (const worker of threads()?.tm.workers ?? []) {
    // The thread of Node inside the package web-worker's Worker. Browsers have none.
    const thread = worker?.[Symbol.for("worker")];
    if (alive) thread?.ref();
    else thread?.unref();
  }
}

interface Threads {
  readonly tm: { readonly workers: readonly (Record<symbol, { ref(): void; unref(): void }> | undefined)[] };
  terminate(): Promise<void>;
}
/** Where snarkjs keeps its threads, while it has any. */
const threads = () => (globalThis as { curve_bn128?: Threads | null }).curve_bn128;

/** Ends the threads that snarkjs starts by itself; whatever it does next starts new ones. */
export async function endThreads(): Promise<void> {
  await threads()?.terminate();
}

/** The result of the work, or `CANCELLED` once the signal is raised and `stop` is done. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, stop = async () => {}): Promise<T> {
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => {
    stop()
      .then(() => throwIfCancelled(signal))
      .catch(aborted.reject);
  };
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
