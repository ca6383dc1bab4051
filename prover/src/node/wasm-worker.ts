// SPDX-License-Identifier: GPL-3.0-or-later
/** A worker of wasm.ts in Node. */
import { parentPort } from "node:worker_threads";
import { serve } from "../prove/wasm-worker.ts";

const port = parentPort!;
serve(
  (listener) => port.on("message", listener),
  (message, taken) => port.postMessage(message, taken),
);
