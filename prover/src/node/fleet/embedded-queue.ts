// SPDX-License-Identifier: GPL-3.0-or-later
/** A queue of jobs in a journal: for the workers of one process. */
import {
  cancel,
  expire,
  type Failure,
  fail,
  hasFailedOn,
  JOB_RULES,
  JOB_STATES,
  type Job,
  type JobRules,
  type JobSpec,
  judge,
  lease,
  newJob,
  offer,
  release,
  renew,
  reopen,
  retry,
  type WorkerIdentity,
} from "../../fleet/job.ts";
import type { JobQueue, Lease, OfferedProof, QueueStatus, Report } from "../../fleet/queue.ts";
import { Journal } from "./journal.ts";

export interface EmbeddedOptions {
  readonly rules?: JobRules;
  /** In milliseconds. */
  readonly now?: () => number;
}

/**
 * Opens the queue in a journal. Throws `FILE`. For one process at a time: whoever opens it holds a lock, so that no other process has
 * a lease any more.
 */
export async function openEmbeddedQueue(file: string, { rules = JOB_RULES, now }: EmbeddedOptions = {}) {
  const clock = now === undefined ? wakingClock() : { now, stop: () => {} };
  return new EmbeddedQueue(await Journal.open<Job>(file), rules, clock);
}

type Clock = ReturnType<typeof wakingClock>;

class EmbeddedQueue implements JobQueue {
  readonly #journal: Journal<Job>;
  readonly #jobs: ReadonlyMap<string, Job>;
  readonly #rules: JobRules;
  readonly #clock: Clock;
  /** Ids by state, each in the order in which jobs came to it. */
  readonly #in = Object.fromEntries(JOB_STATES.map((state) => [state, new Set<string>()])) as Ids;
  /** Jobs with offers that are leased all the same, to others. */
  readonly #offeredBeside = new Set<string>();

  constructor(journal: Journal<Job>, rules: JobRules, clock: Clock) {
    this.#journal = journal;
    this.#jobs = journal.values;
    this.#rules = rules;
    this.#clock = clock;
    for (const job of this.#jobs.values()) this.#place(job);
  }

  async enqueue(specs: readonly JobSpec[]) {
    const asked = specs.map((spec) => ({ before: this.#jobs.get(spec.id), spec }));
    const jobs = asked.map(({ before, spec }) => ({ before, after: before ? reopen(before) : newJob(spec) }));
    await this.#keep(jobs.filter(({ before, after }) => after !== before).map(({ after }) => after));
  }

  async lease(who: WorkerIdentity) {
    await this.#changeAll([...this.#in.leased], (job) => expire(job, this.#clock.now(), this.#rules));
    for (;;) {
      const before = this.#candidate(who);
      if (before === undefined) return undefined;
      const { job, refusal } = lease(before, who, this.#clock.now(), this.#rules);
      await this.#keep([job]);
      if (refusal === undefined) return { ...who, job, token: job.token };
    }
  }

  renew({ job: { id }, token }: Lease) {
    return this.#change(id, (job) => renew(job, token, this.#clock.now(), this.#rules));
  }

  async release({ job: { id }, token }: Lease) {
    await this.#change(id, (job) => release(job, token));
  }

  async complete({ job: spec, worker, machine, proof, token }: Report) {
    const before = this.#jobs.get(spec.id) ?? newJob(spec);
    const after = offer(before, { worker, machine, proof: hex(proof) }, token);
    if (after !== before) await this.#keep([after]);
  }

  fail({ job: { id }, token }: Lease, failure: Failure) {
    return this.#change(id, (job) => fail(job, token, failure, this.#rules));
  }

  cancel(ids: readonly string[]) {
    return this.#changeAll(ids, cancel);
  }

  retry(ids: readonly string[]) {
    return this.#changeAll(ids, retry);
  }

  async offered(most: number) {
    return [...this.#in.offered, ...this.#offeredBeside]
      .slice(0, most)
      .map((id) => this.#jobs.get(id)!)
      .flatMap((job) => job.offers.map(({ proof }) => ({ job, proof: Buffer.from(proof, "hex") })));
  }

  async judge({ job: { id }, proof }: OfferedProof, valid: boolean) {
    await this.#change(id, (job) => judge(job, hex(proof), valid, this.#clock.now(), this.#rules));
  }

  async status() {
    return Object.fromEntries(JOB_STATES.map((state) => [state, this.#in[state].size])) as QueueStatus;
  }

  async find(id: string) {
    return this.#jobs.get(id);
  }

  async quarantined(most: number) {
    return [...this.#in.quarantined].slice(0, most).map((id) => this.#jobs.get(id)!);
  }

  // The journal is a file beside the proofs, and goes with them.
  async retire() {}

  async close() {
    this.#clock.stop();
    await this.#journal.close();
  }

  /** What this worker can have: what it had, else the first that waits and has not failed on its machine. */
  #candidate({ worker, machine }: WorkerIdentity): Job | undefined {
    for (const id of this.#in.leased) if (this.#jobs.get(id)!.lease!.worker === worker) return this.#jobs.get(id);
    for (const id of this.#in.waiting) if (!hasFailedOn(this.#jobs.get(id)!, machine)) return this.#jobs.get(id);
    return undefined;
  }

  /** Whether the event has changed the job. */
  async #change(id: string, event: (job: Job) => Job): Promise<boolean> {
    const job = this.#jobs.get(id);
    if (job === undefined) return false;
    const after = event(job);
    if (after !== job) await this.#keep([after]);
    return after !== job;
  }

  async #changeAll(ids: readonly string[], event: (job: Job) => Job): Promise<void> {
    const changed = ids.flatMap((id) => {
      const job = this.#jobs.get(id);
      const after = job && event(job);
      return after === undefined || after === job ? [] : [after];
    });
    await this.#keep(changed);
  }

  async #keep(changed: readonly Job[]): Promise<void> {
    for (const job of changed) this.#place(job, this.#jobs.get(job.id)?.state);
    await this.#journal.append(changed.map((job) => [job.id, job]));
  }

  #place({ id, state, offers }: Job, before?: Job["state"]): void {
    if (before !== state) {
      if (before !== undefined) this.#in[before].delete(id);
      this.#in[state].add(id);
    }
    if (state === "leased" && offers.length > 0) this.#offeredBeside.add(id);
    else this.#offeredBeside.delete(id);
  }
}

type Ids = Record<Job["state"], Set<string>>;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/**
 * A clock that stands while this process does: leases are held and judged by the same process, and one that was starved or suspended
 * must not end leases before it has had the time to renew them.
 */
function wakingClock() {
  const TICK_MS = 250;
  let time = Date.now();
  let before = performance.now();
  const timer = setInterval(() => {
    const elapsed = performance.now() - before;
    before += elapsed;
    time += Math.min(elapsed, 2 * TICK_MS);
  }, TICK_MS);
  timer.unref();
  return { now: () => time, stop: () => clearInterval(timer) };
}
