// SPDX-License-Identifier: GPL-3.0-or-later
/** Runs the Solidity compiler of the lock file once, beside the thread that asks: standard JSON in, standard JSON out. */
import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";

const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
parentPort!.postMessage(solc.compile(workerData));
