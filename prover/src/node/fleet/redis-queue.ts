// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A queue of jobs on Redis, for workers on many machines.
 *
 * The truth about a job is its record, one key with what `job.ts` says of it, changed only by a script that compares it with what was
 * read. BullMQ hands ids out, each to one worker at a time, and again where a worker has been silent. Should the two disagree, because
 * somebody was killed between them or keys were lost, the record decides and `enqueue` mends the rest.
 */
import { type Job as Delivery, Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { PlimsollError } from "../../errors.ts";
import {
  cancel,
  type Failure,
  fail,
  JOB_RULES,
  type Job,
  type JobRules,
  type JobSpec,
  judge,
  lease,
  offer,
  type Refusal,
  release,
  renew,
  retry,
  type WorkerIdentity,
} from "../../fleet/job.ts";
import type { JobQueue, Lease, OfferedProof, Report } from "../../fleet/queue.ts";
import { connectRedis, type RedisAddress } from "./redis-client.ts";
import { RedisRecords } from "./redis-records.ts";

export interface RedisQueueOptions extends RedisAddress {
  /** Letters, digits and hyphens: one queue a book. */
  readonly queue: string;
  readonly rules?: JobRules;
}

/** Before a job that this machine cannot have is looked at again. At random, so that it is not always this machine that looks. */
const elsewhereMs = () => 50 + 950 * Math.random();
const RETIRED_S = 3_600;
/** So many jobs at once, where it is about many. */
const CHUNK = 1_000;
const chunks = <T>(list: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(list.length / CHUNK) }, (_, at) => list.slice(at * CHUNK, (at + 1) * CHUNK));

/** Opens the queue. Throws `QUEUE_FAILED`, as `connectRedis`. */
export async function openRedisQueue({ queue, rules = JOB_RULES, ...address }: RedisQueueOptions): Promise<JobQueue> {
  const opened = new RedisQueue(await connectRedis(address), queue, rules);
  await opened.ready();
  return guarded(opened);
}

class RedisQueue implements JobQueue {
  readonly #redis: Redis;
  readonly #rules: JobRules;
  readonly #records: RedisRecords;
  readonly #bull: Queue<JobSpec>;
  readonly #deliverer: Worker<JobSpec>;
  /** Workers that have had what they had when they were killed. */
  readonly #asked = new Set<string>();

  constructor(redis: Redis, name: string, rules: JobRules) {
    const prefix = `{plimsoll:${name}}`;
    const connection = { connection: redis, prefix };
    this.#redis = redis;
    this.#rules = rules;
    this.#records = new RedisRecords(redis, prefix);
    this.#bull = new Queue<JobSpec>("jobs", { ...connection, skipMetasUpdate: true });
    this.#deliverer = new Worker<JobSpec>("jobs", null, {
      ...connection,
      autorun: false,
      lockDuration: rules.leaseMs,
      stalledInterval: Math.max(100, rules.leaseMs / 2),
      maxStalledCount: Number.MAX_SAFE_INTEGER, // tries are counted by the record
    });
    // They go on by themselves.
    this.#bull.on("error", () => {});
    this.#deliverer.on("error", () => {});
  }

  async ready() {
    await this.#deliverer.waitUntilReady();
    void this.#deliverer.startStalledCheckTimer().catch(() => {});
  }

  async enqueue(specs: readonly JobSpec[]) {
    await this.#records.reindex();
    const bull = this.#bull;
    const [waiting, active, delayed] = await Promise.all([
      this.#redis.lrange(bull.toKey("wait"), 0, -1),
      this.#redis.lrange(bull.toKey("active"), 0, -1),
      this.#redis.zrange(bull.toKey("delayed"), 0, -1),
    ]);
    const listed = new Set([...waiting, ...active, ...delayed]);
    for (const some of chunks(specs)) {
      const jobs = await this.#records.open(some);
      const there = await Promise.all(some.map(({ id }) => this.#redis.exists(bull.toKey(id))));
      const isThere = new Set(some.filter((_, at) => there[at] === 1).map(({ id }) => id));
      // What somebody has to work on, and BullMQ does not hand out: what it still has of that keeps a job of the same id out.
      const lost = jobs.filter(({ id, state }) => {
        return (state === "waiting" || state === "leased") && !(listed.has(id) && isThere.has(id));
      });
      await Promise.all(lost.filter(({ id }) => isThere.has(id)).map(({ id }) => tell(bull.remove(id))));
      await this.#add(lost);
    }
  }

  async lease(who: WorkerIdentity) {
    if (!this.#asked.has(who.worker)) {
      const had = await this.#own(who);
      this.#asked.add(who.worker);
      if (had !== undefined) return had;
    }
    for (;;) {
      const delivered = await this.#deliverer.getNextJob(who.worker, { block: false });
      if (delivered === undefined) return undefined;
      const leased = await this.#take(delivered, who);
      if (leased !== undefined) return leased;
    }
  }

  async renew({ job: { id }, token, worker }: Lease) {
    const time = await this.#records.now();
    const outcome = await this.#records.change(id, (job) => renew(job, token, time, this.#rules));
    if (!outcome?.changed) return false;
    const delivered = await this.#bull.getJob(id);
    if (delivered !== undefined) await tell(delivered.extendLock(worker, this.#rules.leaseMs));
    return true;
  }

  async release({ job: { id }, token, worker }: Lease) {
    const outcome = await this.#records.change(id, (job) => release(job, token));
    if (outcome?.changed) await this.#settle(outcome.job, worker);
  }

  async complete({ job: spec, worker, machine, proof, token }: Report) {
    const offered = { worker, machine, proof: hex(proof) };
    const { job } = await this.#records.change(spec.id, (each) => offer(each, offered, token), spec);
    if (job.state !== "leased") await this.#settle(job, worker);
  }

  async fail({ job: { id }, token, worker }: Lease, failure: Failure) {
    const outcome = await this.#records.change(id, (job) => fail(job, token, failure, this.#rules));
    if (outcome?.changed) await this.#settle(outcome.job, worker);
    return outcome?.changed ?? false;
  }

  async cancel(ids: readonly string[]) {
    const cancelOne = async (id: string) => {
      const outcome = await this.#records.change(id, cancel);
      if (outcome?.changed) await tell(this.#bull.remove(id));
    };
    for (const some of chunks(ids)) await Promise.all(some.map(cancelOne));
  }

  async retry(ids: readonly string[]) {
    for (const some of chunks(ids)) {
      const outcomes = await Promise.all(some.map((id) => this.#records.change(id, retry)));
      await this.#add(outcomes.flatMap((outcome) => (outcome?.changed ? [outcome.job] : [])));
    }
  }

  async offered(most: number) {
    const jobs = await this.#records.some("offered", most);
    return jobs.flatMap((job) => job.offers.map(({ proof }) => ({ job, proof: Buffer.from(proof, "hex") })));
  }

  async judge({ job: spec, proof }: OfferedProof, valid: boolean) {
    const time = await this.#records.now();
    const outcome = await this.#records.change(spec.id, (job) => judge(job, hex(proof), valid, time, this.#rules));
    if (!outcome?.changed) return;
    if (outcome.job.state === "waiting") await this.#add([spec]);
    else if (outcome.job.state === "done") await this.#settle(outcome.job);
  }

  status() {
    return this.#records.status();
  }

  find(id: string) {
    return this.#records.find(id);
  }

  quarantined(most: number) {
    return this.#records.some("quarantined", most);
  }

  async retire() {
    await this.#records.expire(RETIRED_S);
  }

  async close() {
    // What BullMQ waits for may never come: Redis may be away.
    const closing = Promise.allSettled([this.#deliverer.close(true), this.#bull.close()]);
    await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, 500))]);
    this.#redis.disconnect();
  }

  /** What a worker had when it was killed, if nobody else has it by now. */
  async #own(who: WorkerIdentity): Promise<Lease | undefined> {
    const id = await this.#records.heldBy(who.worker);
    const delivered = id === undefined ? undefined : await this.#bull.getJob(id);
    if (delivered === undefined) return undefined;
    const locked = await delivered.extendLock(who.worker, this.#rules.leaseMs).catch(() => 0);
    return locked ? this.#take(delivered, who) : undefined;
  }

  /** Leases what was delivered, or sends it to where it belongs. */
  async #take(delivered: Delivery<JobSpec>, who: WorkerIdentity): Promise<Lease | undefined> {
    const spec = await this.#specOf(delivered, who.worker);
    if (spec === undefined) return undefined;
    const time = await this.#records.now();
    let refused: Refusal | undefined;
    const leaseIt = (before: Job) => {
      const { job, refusal } = lease(before, who, time, this.#rules);
      refused = refusal;
      return job;
    };
    const { job } = await this.#records.change(spec.id, leaseIt, spec);
    if (refused === undefined) return { ...who, job: spec, token: job.token };
    const pauseMs = job.lease === undefined ? elsewhereMs() : job.lease.until - time;
    await this.#settle(job, who.worker, pauseMs, delivered);
    return undefined;
  }

  /** BullMQ hands out the id of a job that it has lost, too: what it is, the record says. A job without one comes back by `enqueue`. */
  async #specOf(delivered: Delivery<JobSpec>, worker: string): Promise<JobSpec | undefined> {
    if (delivered.data?.id === delivered.id) return delivered.data;
    const { id, shard, sha256 } = (await this.#records.find(delivered.id!)) ?? {};
    if (id !== undefined && shard !== undefined && sha256 !== undefined) return { id, shard, sha256 };
    await tell(delivered.moveToCompleted(undefined, worker, false).then(() => delivered.remove()));
    return undefined;
  }

  /**
   * Puts BullMQ where the record is: a job that somebody has to work on is handed out after the pause, any other goes. What BullMQ
   * refuses, as somebody else has its lock, is settled when that lock ends.
   */
  async #settle({ id, state }: Job, worker = "", pauseMs = 0, known?: Delivery<JobSpec>): Promise<void> {
    const delivered = known ?? (await this.#bull.getJob(id));
    if (delivered === undefined) return;
    if (state === "waiting" || state === "leased") await tell(delivered.moveToDelayed(Date.now() + pauseMs, worker));
    else await tell(delivered.moveToCompleted(undefined, worker, false).catch(() => delivered.remove()));
  }

  async #add(specs: readonly JobSpec[]): Promise<void> {
    const jobs = specs.map(({ id, shard, sha256 }) => ({
      name: "prove",
      data: { id, shard, sha256 },
      opts: { jobId: id, removeOnComplete: true, removeOnFail: true },
    }));
    if (jobs.length > 0) await this.#bull.addBulk(jobs);
  }
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
/** For what changes nothing where it is refused. */
const tell = (work: Promise<unknown>): Promise<void> =>
  work.then(
    () => {},
    () => {},
  );

/** Whatever the client throws may quote anything: it leaves as `QUEUE_FAILED`. */
const guarded = (queue: RedisQueue): JobQueue =>
  new Proxy<JobQueue>(queue, {
    get(_, name) {
      const member: unknown = Reflect.get(queue, name);
      if (typeof member !== "function") return member;
      return async (...values: unknown[]) => {
        try {
          return await member.apply(queue, values);
        } catch (error) {
          if (error instanceof PlimsollError) throw error;
          throw new PlimsollError("QUEUE_FAILED", "Redis refuses what the queue asks of it");
        }
      };
    },
  });
