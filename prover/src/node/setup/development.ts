// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Circuits and development keys, made on this machine: for trials and tests.
 *
 * Whoever makes a development key can forge proofs under it. The manifest says so, and so does every verdict.
 */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import path from "node:path";
import { PlimsollError } from "../../errors.ts";
import { type CircuitName, shapeOf } from "../../statement/families.ts";
import { type ArtifactOptions, type ArtifactRecord, buildDirectory } from "../artifacts.ts";
import { EXTENSION } from "../installation.ts";
import { builtCircuit, builtPlan, type Report } from "./circuits.ts";
import { ceremonyKey, enterKey, listedKey, type MadeKey } from "./keys.ts";
import type { Message, Task } from "./worker.ts";

export interface DevelopmentOptions {
  /** Else the one that proofs are made from; see `ArtifactOptions`. */
  readonly directory?: string | undefined;
  readonly signal?: AbortSignal;
  /** What is being done for a circuit, and how much of it (0 to 1) where that is known. */
  readonly onProgress?: (circuit: CircuitName, ...progress: Parameters<Report>) => void;
  /** A circuit is ready. */
  readonly onReady?: (circuit: CircuitName, record: ArtifactRecord) => void;
}

/** The key of a circuit for which `setUpDevelopment` would do nothing. Writes nothing and waits for nobody. */
export async function readyKey(
  circuit: CircuitName,
  options: ArtifactOptions = {},
): Promise<ArtifactRecord | undefined> {
  const ofCeremony = await ceremonyKey(circuit, options);
  if (ofCeremony !== undefined) return ofCeremony;
  if (builtCircuit(circuit, options) === undefined || builtPlan(circuit, options) === undefined) return undefined;
  return listedKey(circuit, options);
}

/** Which of these circuits `setUpDevelopment` would do something for. */
export async function notSetUp(circuits: readonly CircuitName[], options?: ArtifactOptions): Promise<CircuitName[]> {
  const found: CircuitName[] = [];
  for (const circuit of circuits) {
    const key = await readyKey(circuit, options).catch((error) => {
      if (!(error instanceof PlimsollError)) throw error; // of ours: `setUpDevelopment` says why
    });
    if (key === undefined) found.push(circuit);
  }
  return found;
}

/**
 * Compiles circuits and makes their development keys, one circuit for each processor at once; what is there already is kept.
 * Several processes may do so at once, and each may be killed at any moment: what is there afterwards is whole, and the next
 * one goes on. Throws KEY_REFUSED where the directory holds keys of a ceremony without one of these circuits, CANCELLED.
 */
export async function setUpDevelopment(
  circuits: readonly CircuitName[],
  { directory: given, signal, onProgress = () => {}, onReady = () => {} }: DevelopmentOptions = {},
): Promise<void> {
  const directory = buildDirectory({ directory: given });
  const waiting: CircuitName[] = [];
  for (const circuit of circuits) {
    const listed = await readyKey(circuit, { directory });
    if (listed === undefined) waiting.push(circuit);
    else onReady(circuit, listed);
  }
  // The longest first, so that the processors finish together.
  waiting.sort((left, right) => shapeOf(right).constraintCeiling - shapeOf(left).constraintCeiling);

  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const work = async () => {
    for (let circuit = waiting.shift(); circuit !== undefined; circuit = waiting.shift()) {
      const current = circuit;
      const made = await inProcess({ circuit, directory }, (...progress) => onProgress(current, ...progress), either);
      onReady(current, await enterKey(current, made, { directory }));
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  } finally {
    stop.abort();
  }
}

async function inProcess(task: Task, report: Report, signal: AbortSignal): Promise<MadeKey> {
  const cancelled = () => new PlimsollError("CANCELLED", "the work was cancelled before it was done");
  if (signal.aborted) throw cancelled();
  const child = fork(path.join(import.meta.dirname, `worker${EXTENSION}`), { stdio: ["ignore", 2, 2, "ipc"] });
  const { promise, resolve, reject } = Promise.withResolvers<MadeKey>();
  const abort = () => reject(cancelled());
  signal.addEventListener("abort", abort);
  child.on("message", (message: Message) => {
    if (message.kind === "progress") report(message.what, message.done);
    else if (message.kind === "made") resolve(message.key);
    else reject(new PlimsollError(message.error.code, message.error.rule, message.error.place));
  });
  child.on("error", reject);
  child.on("exit", (code) => reject(new Error(`the process that sets up ${task.circuit} ended with ${code}`)));
  child.send(task);
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    child.kill();
  }
}
