// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A worker: takes one job after another from a queue, has each tried, and reports what came of it.
 *
 * The worker alone renews its lease, by a timer. The proof is made in another process, so that no proof, however long it takes, keeps the
 * timer from running.
 */
import { type ErrorCode, PlimsollError } from "../errors.ts";
import { type Failure, isOver, type JobRules, type JobSpec, type WorkerIdentity } from "./job.ts";
import type { JobQueue, Lease, Report } from "./queue.ts";

/** What came of a try: a proof, a failure, or nothing, as it was stopped. */
export type Outcome =
  | { readonly proof: Uint8Array }
  | { readonly failure: Omit<Failure, "worker" | "machine" | "at"> }
  | { readonly stopped: true };

export type WorkerEvent =
  | { readonly what: "leased" | "proven" | "stopped" | "lost"; readonly job: string }
  | { readonly what: "failed"; readonly job: string; readonly failure: Failure }
  /** The queue does not answer; the worker waits for it. */
  | { readonly what: "waiting"; readonly error: PlimsollError };

export interface WorkerParts extends WorkerIdentity {
  readonly queue: JobQueue;
  readonly rules: Pick<JobRules, "leaseMs">;
  /** Tries a job. Never rejects. */
  readonly attempt: (job: JobSpec, signal: AbortSignal) => Promise<Outcome>;
  /** Asked where there is no job: whether there will be none any more. */
  readonly isFinished: () => Promise<boolean>;
  /** Keeps a proof for which the queue could not be reached. */
  readonly keep?: (report: Report) => Promise<void>;
  readonly onEvent?: (event: WorkerEvent) => void;
  readonly pollMs?: number;
}

/** Between two attempts to reach a queue, in milliseconds. */
export const AGAIN_MS = 1_000;
/** How long an answer is waited for when the worker has to end. */
const GRACE_MS = 2_000;

/** Codes of failures that say of the machine that it cannot prove, and nothing of the job. */
const OF_THE_MACHINE = ["ARTIFACT_MISSING", "ARTIFACT_HASH", "KEY_REFUSED", "BACKEND_UNAVAILABLE", "USAGE"];
/** Jobs at which a machine may fail one after another before it has to be at fault itself. */
const MOST_IN_A_ROW = 5;

/**
 * Works until there are no more jobs or the signal is raised. Throws `FILE` where the queue cannot be written, and the code of the
 * failures where this machine is at fault: then other machines have the jobs.
 */
export async function work(parts: WorkerParts, signal: AbortSignal): Promise<void> {
  const { queue, worker, machine, pollMs = 200 } = parts;
  let inARow = 0;
  while (!signal.aborted) {
    const lease = await patiently(parts, signal, () => queue.lease({ worker, machine }));
    if (lease !== undefined) {
      const failure = await workOn(lease, parts, signal);
      inARow = failure === undefined ? 0 : inARow + 1;
      const code = (failure?.code ?? "INTERNAL") as ErrorCode;
      if (inARow >= MOST_IN_A_ROW) {
        throw new PlimsollError(code, `the last ${MOST_IN_A_ROW} jobs have failed on this machine`);
      }
    } else if (signal.aborted || (await parts.isFinished())) return;
    else await pause(pollMs * (0.5 + Math.random()), signal);
  }
}

/** Works on a job. The failure, if it failed. */
async function workOn(lease: Lease, parts: WorkerParts, signal: AbortSignal): Promise<Failure | undefined> {
  const { queue, worker, machine, rules, attempt, onEvent } = parts;
  const { job, token } = lease;
  onEvent?.({ what: "leased", job: job.id });
  const trying = new AbortController();
  const stop = () => trying.abort();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  let asking = false;
  const renewal = setInterval(async () => {
    if (asking) return;
    asking = true;
    // A lease that was lost says nothing of the proof: it is accepted all the same, unless the job is over.
    const over = await renewed(lease, queue).catch(() => false);
    asking = false;
    if (over) trying.abort();
  }, rules.leaseMs / 4);
  const outcome = await attempt(job, trying.signal).finally(() => {
    clearInterval(renewal);
    signal.removeEventListener("abort", stop);
  });
  if ("proof" in outcome) {
    const report: Report = { worker, machine, job, token, proof: outcome.proof };
    const delivered = await patiently(parts, signal, async () => {
      await queue.complete(report);
      return true;
    });
    if (!delivered) await parts.keep?.(report);
    onEvent?.({ what: "proven", job: job.id });
  } else if ("stopped" in outcome) {
    await patiently(parts, signal, () => queue.release(lease));
    onEvent?.({ what: signal.aborted ? "stopped" : "lost", job: job.id });
  } else if (OF_THE_MACHINE.includes(outcome.failure.code ?? "")) {
    await patiently(parts, signal, () => queue.release(lease));
    throw new PlimsollError(outcome.failure.code as ErrorCode, "this machine cannot prove; plimsoll doctor says more");
  } else {
    const failure: Failure = { worker, machine, at: Date.now(), ...outcome.failure };
    await patiently(parts, signal, () => queue.fail(lease, failure));
    onEvent?.({ what: "failed", job: job.id, failure });
    return failure;
  }
  return undefined;
}

/** Renews a lease. Whether the job is over meanwhile. */
async function renewed(lease: Lease, queue: JobQueue): Promise<boolean> {
  if (await queue.renew(lease)) return false;
  const job = await queue.find(lease.job.id);
  return job !== undefined && isOver(job);
}

/** What the queue answers, asked again where it cannot be reached; nothing where the worker has to end before. */
async function patiently<T>(parts: WorkerParts, signal: AbortSignal, ask: () => Promise<T>): Promise<T | undefined> {
  for (let told = false; ; ) {
    try {
      return await withGrace(ask(), signal);
    } catch (error) {
      if (!(error instanceof PlimsollError) || error.code !== "QUEUE_FAILED") throw error;
      if (signal.aborted) return undefined;
      if (!told) parts.onEvent?.({ what: "waiting", error });
      told = true;
      await pause(AGAIN_MS, signal);
    }
  }
}

/** The answer; nothing where it does not come though the signal has been raised for some time. */
export function withGrace<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hurry = () => {
      timer = setTimeout(() => resolve(undefined), GRACE_MS);
    };
    signal.addEventListener("abort", hurry, { once: true });
    if (signal.aborted) hurry();
    answer.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", hurry);
    });
  });
}

/** Waits; not after the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
