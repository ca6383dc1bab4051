// SPDX-License-Identifier: GPL-3.0-or-later
/** Records of jobs in Redis: a key each, changed only by a script that compares it with what was read, and indices beside them. */
import type { Redis } from "ioredis";
import { JOB_STATES, type Job, type JobSpec, newJob, reopen } from "../../fleet/job.ts";
import type { QueueStatus } from "../../fleet/queue.ts";
import { CHANGE, REINDEX } from "./redis-scripts.ts";

export interface Changed {
  readonly changed: boolean;
  readonly job: Job;
}

export class RedisRecords {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  #keyOf(id: string): string {
    return `${this.#prefix}:record:${id}`;
  }
  #index(name: "counts" | "offered" | "quarantined" | "held"): string {
    return `${this.#prefix}:${name}`;
  }
  get #indices(): string[] {
    return (["counts", "offered", "quarantined", "held"] as const).map((name) => this.#index(name));
  }

  /** Milliseconds by the clock of Redis, which all machines share. */
  async now(): Promise<number> {
    const [seconds, micros] = await this.#redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  /** Applies an event to a job; `spec` makes one that is not there, or not any more. Nothing where there is none. */
  async change(id: string, event: (job: Job) => Job): Promise<Changed | undefined>;
  async change(id: string, event: (job: Job) => Job, spec: JobSpec): Promise<Changed>;
  async change(id: string, event: (job: Job) => Job, spec?: JobSpec): Promise<Changed | undefined> {
    for (;;) {
      const text = await this.#redis.get(this.#keyOf(id));
      const before = text === null ? spec && newJob(spec) : (JSON.parse(text) as Job);
      if (before === undefined) return undefined;
      const after = event(before);
      if (after === before && text !== null) return { changed: false, job: after };
      const keys = [this.#keyOf(id), ...this.#indices];
      const written = await this.#redis.eval(
        ...[CHANGE, keys.length, ...keys],
        ...[text ?? "", JSON.stringify(after), id, text === null ? "" : before.state, after.state],
        ...[after.offers.length > 0 ? 1 : 0, before.lease?.worker ?? "", after.lease?.worker ?? ""],
      );
      if (written === 1) return { changed: after !== before, job: after };
    }
  }

  /** Records of these jobs, each open: made where there was none, made anew where it was done. */
  async open(specs: readonly JobSpec[]): Promise<Job[]> {
    const texts = await this.#redis.mget(...specs.map(({ id }) => this.#keyOf(id)));
    const opened = specs.map(async (spec, at) => {
      const text = texts[at];
      const job = text ? (JSON.parse(text) as Job) : undefined;
      return job !== undefined && reopen(job) === job ? job : (await this.change(spec.id, reopen, spec)).job;
    });
    return Promise.all(opened);
  }

  async find(id: string): Promise<Job | undefined> {
    const text = await this.#redis.get(this.#keyOf(id));
    return text === null ? undefined : (JSON.parse(text) as Job);
  }

  async status(): Promise<QueueStatus> {
    const counts = await this.#redis.hgetall(this.#index("counts"));
    return Object.fromEntries(JOB_STATES.map((state) => [state, Number(counts[state] ?? 0)])) as QueueStatus;
  }

  /** Some of those that have been offered a proof, or are quarantined. */
  async some(which: "offered" | "quarantined", most: number): Promise<Job[]> {
    const ids = await this.#redis.srandmember(this.#index(which), most);
    const jobs: Job[] = [];
    for (const id of ids) {
      const job = await this.find(id);
      if (job !== undefined) jobs.push(job);
      else await this.#redis.srem(this.#index(which), id); // its record was lost
    }
    return jobs;
  }

  /** The job that this worker has by its last lease. */
  async heldBy(worker: string): Promise<string | undefined> {
    return (await this.#redis.hget(this.#index("held"), worker)) ?? undefined;
  }

  /** Lets everything of this queue end after some seconds, what BullMQ keeps of it too. */
  async expire(seconds: number): Promise<void> {
    const match = `${this.#prefix}:*`;
    for (let cursor = ""; cursor !== "0"; ) {
      const [next, keys] = await this.#redis.scan(cursor || "0", "MATCH", match, "COUNT", 1000);
      const pipeline = this.#redis.pipeline();
      for (const key of keys) pipeline.expire(key, seconds);
      await pipeline.exec();
      cursor = next;
    }
  }

  /** Makes counts and indices anew from the records. */
  async reindex(): Promise<void> {
    const indices = this.#indices;
    await this.#redis.eval(REINDEX, indices.length, ...indices, this.#keyOf("*"));
  }
}
