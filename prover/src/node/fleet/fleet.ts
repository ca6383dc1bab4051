// SPDX-License-Identifier: GPL-3.0-or-later
/** A fleet at work on this machine: workers, each with a process that proves, and a coordinator where this is the place for one. */
import { hostname, tmpdir, userInfo } from "node:os";
import path from "node:path";
import { PlimsollError } from "../../errors.ts";
import { type CoordinatorParts, coordinate, type Progress } from "../../fleet/coordinator.ts";
import { JOB_RULES, type JobRules, type WorkerIdentity } from "../../fleet/job.ts";
import type { JobQueue } from "../../fleet/queue.ts";
import { type WorkerEvent, withGrace, work } from "../../fleet/worker.ts";
import { withLock } from "../lock.ts";
import { leaveInOutbox, readOutbox } from "./outbox.ts";
import { ProvingChild } from "./proving-child.ts";

export interface FleetParts {
  readonly queue: JobQueue;
  /** Who works here, each with a process of its own. */
  readonly workers: readonly WorkerIdentity[];
  /** The module that such a process runs, and what it is given. */
  readonly child: { readonly entry: string; readonly given: unknown };
  /** Folder for proofs that cannot be delivered. */
  readonly outbox: string;
  readonly rules?: Pick<JobRules, "leaseMs">;
  /** How long a try may take, in milliseconds. */
  readonly limitMs?: number;
  readonly onEvent?: (event: WorkerEvent, who: WorkerIdentity) => void;
}

const LIMIT_MS = 600_000;
/** A worker that has found no job so often in a row will find none, unless something happens. */
const ENOUGH_LOOKS = 3;

/** Works until `isFinished` says that there are no more jobs, or the signal is raised. */
export async function runWorkers(
  parts: FleetParts & { readonly isFinished: () => Promise<boolean> },
  signal: AbortSignal,
): Promise<void> {
  const { queue, rules = JOB_RULES, child, outbox, limitMs = LIMIT_MS } = parts;
  const ending = new AbortController();
  const end = () => ending.abort();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const running = parts.workers.map(async (who) => {
    const proving = new ProvingChild({ ...child, who, outbox, limitMs });
    try {
      await work(
        {
          ...{ ...who, queue, rules, isFinished: parts.isFinished },
          attempt: (job, stop) => proving.attempt(job, stop),
          keep: (report) => leaveInOutbox(outbox, report),
          onEvent: (event) => parts.onEvent?.(event, who),
        },
        ending.signal,
      );
    } catch (error) {
      end(); // the others, too
      throw error;
    } finally {
      proving.close();
    }
  });
  const failed = (await Promise.allSettled(running)).find(({ status }) => status === "rejected");
  signal.removeEventListener("abort", end);
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
}

/**
 * Coordinates, with workers of its own if there are any. `alone`: there are no others, so that the end is near where these find nothing to
 * do. Ends as `coordinate`, after its workers; without an answer where the signal was raised and the queue could not be reached.
 */
export async function runFleet(
  parts: FleetParts &
    Pick<CoordinatorParts, "unproven" | "total" | "accept" | "onProgress" | "onWaiting" | "every"> & {
      readonly alone: boolean;
    },
  signal: AbortSignal,
): Promise<Progress | undefined> {
  const ending = new AbortController();
  const end = () => ending.abort();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const looks = new Map(parts.workers.map(({ worker }) => [worker, 0]));
  const onEvent: FleetParts["onEvent"] = (event, who) => {
    for (const { worker } of parts.workers) looks.set(worker, 0);
    parts.onEvent?.(event, who);
  };
  const isStuck = () => parts.alone && [...looks.values()].every((times) => times >= ENOUGH_LOOKS);
  const workers = parts.workers.map((who) => {
    const isFinished = async () => {
      looks.set(who.worker, looks.get(who.worker)! + 1);
      return false;
    };
    return runWorkers({ ...parts, workers: [who], onEvent, isFinished }, ending.signal);
  });
  // A worker ends before the coordinator only by an error, which ends everything.
  for (const worker of workers) worker.catch(end);
  const collect = () => readOutbox(parts.outbox);
  const coordinating = withGrace(coordinate({ ...parts, isStuck, collect }, ending.signal), ending.signal);
  const [progress, ...ended] = await Promise.allSettled([coordinating.finally(end), ...workers]);
  signal.removeEventListener("abort", end);
  const failed = [...ended, progress].find(({ status }) => status === "rejected");
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  return (progress as PromiseFulfilledResult<Progress | undefined>).value;
}

/** The name of this machine, of letters, digits and hyphens. */
export const machineName = (): string => hostname().replace(/[^A-Za-z0-9]+/g, "-") || "machine";

/**
 * Works under names that nobody else on this machine has meanwhile, the same again after it was killed: so a worker that starts again
 * gets the job that it had.
 */
export async function withWorkerNames<T>(
  queue: string,
  count: number,
  run: (workers: readonly WorkerIdentity[]) => Promise<T>,
): Promise<T> {
  const machine = machineName();
  const { uid } = userInfo();
  for (let slot = 1; ; slot++) {
    const file = path.join(tmpdir(), `plimsoll-${uid}-${queue}-${slot}.lock`);
    let begun = false;
    try {
      return await withLock(
        file,
        () => {
          begun = true;
          return run(Array.from({ length: count }, (_, at) => ({ worker: `${machine}-${slot}-${at + 1}`, machine })));
        },
        { patience: 0 },
      );
    } catch (error) {
      const isTaken = !begun && error instanceof PlimsollError && error.rule.startsWith("another process");
      if (!isTaken) throw error;
    }
  }
}
