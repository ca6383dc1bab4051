// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The life of a job: one state machine for every kind of queue.
 *
 *   waiting ──lease──► leased ──offer──► offered ──judge: valid──► done
 *      ▲                 │                  │
 *      └── fail, expire ─┴── judge: invalid ┴──► quarantined, after too many tries or failures on two machines
 *
 * Rules
 *   - every lease has a token of its own, higher than all before it: a report under an older token changes nothing
 *   - a proof may be offered by anybody, at any time, under any token or none: it is judged, and a valid one ends the job,
 *     also one that is quarantined or leased to somebody else. Only a cancelled job takes none
 *   - a lease that ends without a report was a try. So was a failure; work that was stopped on purpose was none
 *   - a job never goes to a machine that it failed on. After failures on two machines, or too many tries, it is quarantined
 *
 * Each function gives the job after an event, and the same object where the event changes nothing. Nothing here is secret: a job has
 * names and states, and proofs, which are public.
 */
export const JOB_STATES = ["waiting", "leased", "offered", "done", "quarantined", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** What is to be done: a shard of public name, and the hash of its encrypted content. */
export interface JobSpec {
  /** Letters, digits and hyphens; unique in its queue. */
  readonly id: string;
  readonly shard: string;
  /** Of the shard's content, in hexadecimal. */
  readonly sha256: string;
}

/** One of those who work. A worker that was killed and starts again under its name gets the job that it had. */
export interface WorkerIdentity {
  readonly worker: string;
  /** What failures are counted by: a machine may have several workers. */
  readonly machine: string;
}

/**
 * Why a try came to nothing. `failed`: an error, by its code. `died`: the process that proves ended. `late`: it took longer than a try
 * may. `refused`: it offered a proof that does not verify. `expired`: its lease ended without a word.
 */
export type FailureReason = "failed" | "died" | "late" | "refused" | "expired";

/** What is known of a failed try. Names and sizes only. */
export interface Failure extends WorkerIdentity {
  readonly reason: FailureReason;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The step that had begun, of PROVE_STEPS. */
  readonly stage?: string | undefined;
  /** Of a `PlimsollError`. */
  readonly code?: string | undefined;
  readonly signal?: string | undefined;
  readonly exitCode?: number | undefined;
  /** Most memory that the process that proves has had, in MiB. */
  readonly memoryMib?: number | undefined;
  readonly seconds?: number | undefined;
}

export interface Offer {
  readonly machine: string;
  readonly worker: string;
  /** In hexadecimal. */
  readonly proof: string;
}

export interface Job extends JobSpec {
  readonly state: JobState;
  /** Of the last lease; 0 before the first. */
  readonly token: number;
  /** Leases that did not end by a stop. */
  readonly tries: number;
  readonly lease?: (WorkerIdentity & { readonly until: number }) | undefined;
  /** The last ones, oldest first. */
  readonly failures: readonly Failure[];
  readonly offers: readonly Offer[];
}

export interface JobRules {
  /** How long a lease lasts that is not renewed, in milliseconds. */
  readonly leaseMs: number;
  /** Leases that a job gets before it is quarantined. */
  readonly mostTries: number;
}
export const JOB_RULES: JobRules = { leaseMs: 60_000, mostTries: 5 };

/** A job that fails on so many machines is at fault itself. */
const MACHINES = 2;
const FAILURES_KEPT = 10;
/** Unjudged at once: more than one, so that a wrong proof keeps no right one out. */
const OFFERS_KEPT = 4;

export const newJob = ({ id, shard, sha256 }: JobSpec): Job => ({
  ...{ id, shard, sha256, state: "waiting" },
  ...{ token: 0, tries: 0, failures: [], offers: [] },
});

/** Asks for a job again: one that was done starts anew, as whoever asks for it has lost its proof. */
export const reopen = (job: Job): Job => (job.state === "done" ? { ...newJob(job), token: job.token } : job);

export const isOver = ({ state }: Job): boolean => state === "done" || state === "quarantined" || state === "cancelled";

/** Whether this job has failed on this machine. A lease that expired is no failure of a machine: it may have been switched off. */
export const hasFailedOn = ({ failures }: Job, machine: string): boolean =>
  failures.some((failure) => failure.machine === machine && failure.reason !== "expired");

/** Why somebody gets no lease: it is leased, or needs no work, or has failed on that machine. */
export type Refusal = "leased" | "over" | "elsewhere";

/**
 * Leases a job. A worker that has its lease already gets a new one: it has forgotten the old. The job given back may have changed
 * (a lease that has expired) though the lease is refused.
 */
export function lease(
  job: Job,
  who: WorkerIdentity,
  now: number,
  rules: JobRules,
): { readonly job: Job; readonly refusal?: Refusal } {
  const own = job.state === "leased" && job.lease?.worker === who.worker;
  const before = expire(own ? { ...job, lease: { ...job.lease!, until: now } } : job, now, rules);
  if (before.state === "leased") return { job: before, refusal: "leased" };
  if (before.state !== "waiting") return { job: before, refusal: "over" };
  if (hasFailedOn(before, who.machine)) return { job: before, refusal: "elsewhere" };
  const { worker, machine } = who;
  const until = now + rules.leaseMs;
  const [token, tries] = [before.token + 1, before.tries + 1];
  return { job: { ...before, state: "leased", token, tries, lease: { worker, machine, until } } };
}

const isHeld = (job: Job, token: number) => job.state === "leased" && job.token === token;

/** Makes a lease last from now. Unchanged under a stale token. */
export const renew = (job: Job, token: number, now: number, { leaseMs }: JobRules): Job =>
  isHeld(job, token) ? { ...job, lease: { ...job.lease!, until: now + leaseMs } } : job;

/** Ends a lease that was not renewed in time. */
export function expire(job: Job, now: number, rules: JobRules): Job {
  if (job.state !== "leased" || job.lease!.until > now) return job;
  const { worker, machine } = job.lease!;
  return afterFailure(job, { worker, machine, reason: "expired", at: now }, rules);
}

/** Reports a failure under a lease. Unchanged under a stale token. */
export const fail = (job: Job, token: number, failure: Failure, rules: JobRules): Job =>
  isHeld(job, token) ? afterFailure(job, failure, rules) : job;

/** Gives a lease back, unused: no try. Unchanged under a stale token. */
export const release = (job: Job, token: number): Job =>
  isHeld(job, token) ? unleased({ ...job, tries: job.tries - 1 }) : job;

/** Offers a proof. `token` is that of the lease under which it was made, if there was one. */
export function offer(job: Job, offered: Offer, token?: number): Job {
  const known = job.offers.some(({ proof }) => proof === offered.proof);
  if (job.state === "done" || job.state === "cancelled" || known) return job;
  const offers = [...job.offers, offered].slice(-OFFERS_KEPT);
  const leasedToOther = job.state === "leased" && job.token !== token;
  return leasedToOther ? { ...job, offers } : { ...job, state: "offered", lease: undefined, offers };
}

/** What came of checking an offered proof. Unchanged where there is no such offer. */
export function judge(job: Job, proof: string, valid: boolean, at: number, rules: JobRules): Job {
  const judged = job.offers.find((each) => each.proof === proof);
  if (judged === undefined) return job;
  if (valid) return { ...job, state: "done", lease: undefined, offers: [] };
  const offers = job.offers.filter((each) => each !== judged);
  const { worker, machine } = judged;
  return afterFailure({ ...job, offers }, { worker, machine, reason: "refused", at }, rules, job.state === "leased");
}

export const cancel = (job: Job): Job =>
  job.state === "done" ? job : { ...job, state: "cancelled", lease: undefined, offers: [] };

/** Gives a quarantined or cancelled job all its tries again, on every machine. */
export const retry = (job: Job): Job =>
  job.state === "quarantined" || job.state === "cancelled" ? { ...job, state: "waiting", tries: 0, failures: [] } : job;

function afterFailure(job: Job, failure: Failure, rules: JobRules, stays = false): Job {
  const failures = [...job.failures, failure].slice(-FAILURES_KEPT);
  return stays ? { ...job, failures } : unleased({ ...job, failures }, rules);
}

/** The state of a job that nobody works on. */
function unleased(job: Job, { mostTries }: JobRules = { leaseMs: 0, mostTries: Number.POSITIVE_INFINITY }): Job {
  const failed = job.failures.filter(({ reason }) => reason !== "expired");
  const machines = new Set(failed.map(({ machine }) => machine)).size;
  const spent = machines >= MACHINES || job.tries >= mostTries;
  const state = job.offers.length > 0 ? "offered" : spent ? "quarantined" : "waiting";
  return { ...job, state, lease: undefined };
}
