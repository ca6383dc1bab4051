// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A process that proves, as itself. What it needs, secrets too, comes by its channel: neither its command line nor its environment has any.
 * Should the one that started it end first, it finishes the proof that it is at, leaves it in the outbox, and ends. So it does with its
 * last proof, which may not have been delivered.
 */
import { writeFileSync } from "node:fs";
import { PlimsollError } from "../../errors.ts";
import type { JobSpec, WorkerIdentity } from "../../fleet/job.ts";
import { leaveMemoryOutOfCoreFiles } from "../core-dumps.ts";
import { leaveInOutbox } from "./outbox.ts";

/** What a child is told. */
export type ToChild =
  | { readonly kind: "open"; readonly given: unknown; readonly who: WorkerIdentity; readonly outbox: string }
  | { readonly kind: "prove"; readonly job: JobSpec };
/** What it says. */
export type FromChild =
  | { readonly kind: "step"; readonly stage: string; readonly memoryMib: number }
  | { readonly kind: "proof"; readonly proof: Uint8Array; readonly memoryMib: number }
  | { readonly kind: "failed"; readonly code: string; readonly memoryMib: number };

/** Proves a job, and says which step begins. */
export type Prove = (job: JobSpec, onStep: (stage: string) => void) => Promise<Uint8Array>;

/** Serves the process that has started this one. `open` is told what that one gives, once, before the first job. */
export function serveChild<Given>(open: (given: Given) => Promise<Prove>): void {
  leaveMemoryOutOfCoreFiles();
  // Where memory is short, this process goes, and not the one that knows what is to be done.
  try {
    writeFileSync("/proc/self/oom_score_adj", "500");
  } catch {
    // No such system.
  }
  // The other process decides when this one ends; a terminal tells both.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => {});
  let opened: { readonly prove: Promise<Prove>; readonly who: WorkerIdentity; readonly outbox: string } | undefined;
  let proving = false;
  let last: { readonly job: JobSpec; readonly proof: Uint8Array } | undefined;
  const say = (message: FromChild) => void (process.connected && process.send?.(message, () => {}));
  async function end(): Promise<void> {
    if (last !== undefined) await leaveInOutbox(opened!.outbox, { ...opened!.who, ...last }).catch(() => {});
    process.exit(0);
  }
  async function attempt(job: JobSpec): Promise<void> {
    proving = true;
    last = undefined;
    try {
      const prove = await opened!.prove;
      const proof = await prove(job, (stage) => say({ kind: "step", stage, memoryMib: memoryMib() }));
      last = { job, proof };
      say({ kind: "proof", proof, memoryMib: memoryMib() });
    } catch (error) {
      say({ kind: "failed", code: error instanceof PlimsollError ? error.code : "INTERNAL", memoryMib: memoryMib() });
    }
    proving = false;
    if (!process.connected) await end();
  }
  process.on("disconnect", () => {
    if (!proving) void end();
  });
  process.on("message", (message: ToChild) => {
    if (message.kind === "prove") return void attempt(message.job);
    const { given, who, outbox } = message;
    const prove = open(given as Given);
    prove.catch(() => {}); // told with the first job
    opened = { prove, who, outbox };
  });
}

/** The most that this process has had. */
const memoryMib = () => Math.round(process.resourceUsage().maxRSS / 1024);
