// SPDX-License-Identifier: GPL-3.0-or-later
/** The WebAssembly prover in Node. */
import { readFile } from "node:fs/promises";
import { getCompileCacheDir } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import type { WasmPlatform } from "../prove/wasm.ts";
import { EXTENSION, PACKAGE } from "./installation.ts";

export const WASM_FILE = path.join(PACKAGE, "native/wasm/plimsoll.wasm");
const MOST_THREADS = 16;

export const nodePlatform = (threads = Math.min(availableParallelism(), MOST_THREADS)): WasmPlatform => ({
  threads,
  module: async () => WebAssembly.compile(await readFile(WASM_FILE)),
  startWorker() {
    // Where this process keeps what modules compile to, workers use it too: to compile this one takes more memory than to prove.
    // Their own heaps are small, and told so they start with less.
    const kept = getCompileCacheDir();
    const worker = new Worker(new URL(`./wasm-worker${EXTENSION}`, import.meta.url), {
      env: kept === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: path.dirname(kept) },
      // Not those of the program: with --input-type of `node --eval` a worker does not start.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 32 },
    });
    let ended = false;
    return {
      post: (message, taken) => worker.postMessage(message, taken),
      listen(listener) {
        worker.on("message", listener);
        worker.on("error", () => {});
        worker.on("exit", () => {
          if (!ended) listener(undefined);
        });
        // After the listeners: a new one holds the process.
        worker.unref();
      },
      hold(alive) {
        if (alive) worker.ref();
        else worker.unref();
      },
      end() {
        ended = true;
        return worker.terminate();
      },
    };
  },
});
