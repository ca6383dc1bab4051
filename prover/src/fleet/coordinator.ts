// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The coordinator of a fleet: sees to it that every job that has no proof yet is in the queue, judges what workers bring, and says how
 * far it is. What it knows lies where proofs are kept: a queue that loses jobs, or all of them, is filled again from there.
 */
import { PlimsollError } from "../errors.ts";
import type { JobSpec } from "./job.ts";
import type { JobQueue, QueueStatus, Report } from "./queue.ts";
import { AGAIN_MS, pause } from "./worker.ts";

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Jobs a second, of late; nothing before the first. */
  readonly rate: number | undefined;
  readonly secondsLeft: number | undefined;
  readonly status: QueueStatus;
}

export interface CoordinatorParts {
  readonly queue: JobQueue;
  /** Jobs without a kept proof, as of now. */
  readonly unproven: () => Promise<readonly JobSpec[]>;
  /** Of all there are. */
  readonly total: number;
  /** Verifies a proof and keeps it. False where it does not verify. */
  readonly accept: (job: JobSpec, proof: Uint8Array) => Promise<boolean>;
  /** Proofs that were brought while nobody listened. Each comes until it is done. */
  readonly collect?: () => Promise<readonly { readonly report: Report; done(): Promise<void> }[]>;
  /** Whether nobody will take any of the jobs that wait: all who could have failed at them. Of queues that outlive the process, never. */
  readonly isStuck?: () => boolean;
  readonly onProgress?: (progress: Progress) => void;
  /** Told once each time that the queue cannot be reached; it is asked again until it can. */
  readonly onWaiting?: (error: PlimsollError) => void;
  readonly every?: Partial<Intervals>;
}

/** In milliseconds. */
interface Intervals {
  readonly poll: number;
  readonly progress: number;
  /** Without a new proof for so long, lost jobs are looked for. */
  readonly repair: number;
}
const EVERY: Intervals = { poll: 100, progress: 4_000, repair: 30_000 };
/** Judged between two looks at anything else. */
const BATCH = 32;
/** What the rate is taken over, in seconds. */
const WINDOW = 120;

/** Coordinates until every job has a proof or is over, or the signal is raised. The last progress. Throws as the queue and `accept`. */
export async function coordinate(parts: CoordinatorParts, signal: AbortSignal): Promise<Progress> {
  const { queue, total, onProgress } = parts;
  const every = { ...EVERY, ...parts.every };
  const open = new Map<string, JobSpec>();
  const pace = new Pace();
  /** Fills the queue from where proofs are kept. */
  async function fill(): Promise<void> {
    open.clear();
    for (const job of await parts.unproven()) open.set(job.id, job);
    await queue.enqueue([...open.values()]);
    for (const { report, done } of (await parts.collect?.()) ?? []) {
      await queue.complete(report);
      await done();
    }
  }

  let [told, filled] = [performance.now(), Number.NEGATIVE_INFINITY];
  /** One round; the last progress where it is the last. */
  async function round(): Promise<Progress | undefined> {
    if (performance.now() - filled > every.repair) {
      await fill();
      filled = performance.now();
    }
    const judged = await judge(parts, open);
    pace.add(judged.valid);
    const rate = pace.rate();
    const status = await queue.status();
    const progress = { done: total - open.size, total, rate, secondsLeft: rate && open.size / rate, status };
    if (performance.now() - told > every.progress) {
      onProgress?.(progress);
      told = performance.now();
    }
    const end = open.size === 0 || signal.aborted ? "done" : endOf(status, open.size, parts);
    if (open.size === 0) await queue.retire();
    if (end === "done") return progress;
    if (judged.valid > 0) filled = performance.now();
    if (end === "lost") filled = Number.NEGATIVE_INFINITY;
    if (judged.all === 0) await pause(every.poll, signal);
    return undefined;
  }

  for (let waiting = false; ; ) {
    try {
      const last = await round();
      if (last !== undefined) return last;
      waiting = false;
    } catch (error) {
      if (!(error instanceof PlimsollError) || error.code !== "QUEUE_FAILED" || signal.aborted) throw error;
      if (!waiting) parts.onWaiting?.(error);
      waiting = true;
      filled = Number.NEGATIVE_INFINITY;
      await pause(AGAIN_MS, signal);
    }
  }
}

/** Where nobody works on anything: whether nobody will, or jobs are missing in the queue. */
function endOf(
  { waiting, leased, offered, quarantined, cancelled }: QueueStatus,
  open: number,
  parts: CoordinatorParts,
) {
  if (leased + offered > 0) return undefined;
  if (waiting > 0) return parts.isStuck?.() ? "done" : undefined;
  return open <= quarantined + cancelled ? "done" : "lost";
}

async function judge({ queue, accept }: CoordinatorParts, open: Map<string, JobSpec>) {
  const offered = await queue.offered(BATCH);
  let valid = 0;
  for (const each of offered) {
    const job = open.get(each.job.id);
    // Of a job that has a kept proof nothing is left to verify.
    const isValid = job === undefined || (await accept(job, each.proof));
    await queue.judge(each, isValid);
    if (!isValid || job === undefined) continue;
    open.delete(job.id);
    valid++;
  }
  return { all: offered.length, valid };
}

/** How fast it went of late. */
class Pace {
  readonly #started = performance.now();
  #proven: { readonly at: number; readonly count: number }[] = [];

  add(count: number): void {
    if (count > 0) this.#proven.push({ at: performance.now(), count });
  }

  /** A second; nothing before there is anything. */
  rate(): number | undefined {
    const since = Math.max(this.#started, performance.now() - WINDOW * 1000);
    this.#proven = this.#proven.filter(({ at }) => at >= since);
    const count = this.#proven.reduce((sum, each) => sum + each.count, 0);
    return count === 0 ? undefined : (count * 1000) / (performance.now() - since);
  }
}
