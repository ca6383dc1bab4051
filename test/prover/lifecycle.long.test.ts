// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * One contract for all backends: whatever is closed, cancelled or killed, at whatever step, every promise settles and, where
 * the prover is still open, the next proof works.
 */
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import { PlimsollError } from "../../prover/src/errors.ts";
import { loadArtifacts } from "../../prover/src/node/artifacts.ts";
import { loadAddon, nativeBackend } from "../../prover/src/node/native.ts";
import { nodePlatform, WASM_FILE } from "../../prover/src/node/wasm.ts";
import type { Backend } from "../../prover/src/prove/backend.ts";
import { PROVE_STEPS, type Prover, type ProveStep, proverOf } from "../../prover/src/prove/prover.ts";
import { snarkjsBackend } from "../../prover/src/prove/snarkjs.ts";
import { type WasmPlatform, wasmBackend } from "../../prover/src/prove/wasm.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { skip } from "../support/skip.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

const REQUEST = randomRequest(seededRng(11), "board-60");
/** Far longer than a proof of board-60 takes with any backend on a busy machine. */
const LIMIT = 60_000;

/** What became of some work: its code where it failed. Fails where it does not settle. */
async function settled(work: Promise<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve("NEVER SETTLED"), LIMIT);
  });
  const outcome = work.then(
    () => "proven",
    (error: unknown) => (error instanceof PlimsollError ? error.code : `not named: ${error}`),
  );
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}

const proverWith = (backend: Backend): Prover => proverOf({ backend, load: (size) => loadArtifacts(size) });

const BACKENDS: Readonly<Record<string, () => Backend | undefined>> = {
  native() {
    const native = loadAddon();
    return native.addon === undefined ? undefined : nativeBackend(native);
  },
  wasm: () => wasmBackend(nodePlatform(3)),
  "wasm, alone": () => wasmBackend(nodePlatform(1)),
  snarkjs: snarkjsBackend,
};

/** A platform whose workers, the one that proves first, can be killed as running out of memory would. */
function mortalPlatform(threads: number): WasmPlatform & { readonly workers: Worker[] } {
  const workers: Worker[] = [];
  return {
    threads,
    workers,
    module: async () => WebAssembly.compile(await readFile(WASM_FILE)),
    startWorker() {
      const worker = new Worker(new URL("../../prover/src/node/wasm-worker.ts", import.meta.url));
      workers.push(worker);
      let ended = false;
      return {
        post: (message, taken) => worker.postMessage(message, taken),
        listen(listener) {
          worker.on("message", listener);
          worker.on("exit", () => {
            if (!ended) listener(undefined);
          });
        },
        end() {
          ended = true;
          return worker.terminate();
        },
      };
    },
  };
}

describe("the life of a backend", function () {
  this.timeout(5 * LIMIT);
  after(endSnarkjsThreads);

  for (const [name, create] of Object.entries(BACKENDS)) {
    describe(name, () => {
      for (const step of PROVE_STEPS) {
        it(`W05: closed as the step "${step}" begins, the proof and closing settle`, async function () {
          const backend = create();
          if (backend === undefined) return skip(this, "no native prover");
          const prover = proverWith(backend);
          let closing: Promise<void> | undefined;
          const onStep = (begun: ProveStep) => {
            if (begun === step) closing = prover.close();
          };
          expect(await settled(prover.prove(REQUEST, { onStep }))).equal("CANCELLED");
          expect(await settled(closing!)).equal("proven");
        });
      }

      it("W05: closed with proofs at every step and waiting, all of them settle", async function () {
        const backend = create();
        if (backend === undefined) return skip(this, "no native prover");
        const prover = proverWith(backend);
        await prover.prove(REQUEST);
        const proofs = Array.from({ length: name === "snarkjs" ? 2 : 4 }, () => settled(prover.prove(REQUEST)));
        // Some in their witness, some waiting for their turn: whatever a few turns of the loop bring about.
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
        expect(await settled(prover.close())).equal("proven");
        for (const outcome of await Promise.all(proofs)) expect(outcome).oneOf(["proven", "CANCELLED"]);
      });

      it("cancelled as each step begins, it settles and proves again", async function () {
        const backend = create();
        if (backend === undefined) return skip(this, "no native prover");
        const prover = proverWith(backend);
        for (const step of PROVE_STEPS) {
          const cancellation = new AbortController();
          const onStep = (begun: ProveStep) => {
            if (begun === step) cancellation.abort();
          };
          const proving = prover.prove(REQUEST, { signal: cancellation.signal, onStep });
          expect(await settled(proving), step).equal("CANCELLED");
        }
        expect(await settled(prover.prove(REQUEST))).equal("proven");
        await prover.close();
      });
    });
  }

  for (const [victim, index] of [
    ["the worker that proves", 0],
    ["a helper", 1],
    ["another helper", 2],
  ] as const) {
    for (const step of ["load", "witness", "prove"] as const) {
      it(`W06: ${victim} dies as the step "${step}" begins: what waits fails by name, and the next proof works`, async () => {
        const platform = mortalPlatform(3);
        const prover = proverWith(wasmBackend(platform));
        // All workers are there after a first proof.
        await prover.prove(REQUEST);
        const onStep = (begun: ProveStep) => {
          if (begun === step) platform.workers[index]!.terminate();
        };
        const [struck, beside] = [settled(prover.prove(REQUEST, { onStep })), settled(prover.prove(REQUEST))];
        // A proof that needs nothing more of the one that died may still come out.
        expect(await struck).oneOf(["INTERNAL", "proven"]);
        expect(await beside).oneOf(["INTERNAL", "proven"]);
        // Its exit may be told after the last answer.
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(await settled(prover.prove(REQUEST)), "the next").equal("proven");
        expect(platform.workers.length, "a new core").equal(6);
        expect(await settled(prover.close())).equal("proven");
      });
    }
  }

  it("W06: a worker that dies while the core starts fails the proof, and the next one starts a new core", async () => {
    const platform = mortalPlatform(2);
    const prover = proverWith(wasmBackend(platform));
    const first = settled(prover.prove(REQUEST));
    while (platform.workers.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    platform.workers[0]!.terminate();
    expect(await first).equal("INTERNAL");
    expect(await settled(prover.prove(REQUEST))).equal("proven");
    await prover.close();
  });
});
