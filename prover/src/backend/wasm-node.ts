// SPDX-License-Identifier: GPL-3.0-or-later
/** The WebAssembly prover in Node. */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import type { WasmPlatform } from "./wasm.ts";

export const WASM_FILE = path.join(import.meta.dirname, "../../native/wasm/plimsoll.wasm");
const MOST_THREADS = 16;

export const nodePlatform = (threads = Math.min(availableParallelism(), MOST_THREADS)): WasmPlatform => ({
  threads,
  module: async () => WebAssembly.compile(await readFile(WASM_FILE)),
  startWorker() {
    const worker = new Worker(new URL("./wasm-worker-node.ts", import.meta.url));
    let ended = false;
    return {
      post: (message, taken) => worker.postMessage(message, taken),
      listen(listener) {
        worker.on("message", listener);
        worker.on("error", () => {});
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
});
