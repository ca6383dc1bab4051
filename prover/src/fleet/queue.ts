// SPDX-License-Identifier: GPL-3.0-or-later
/** What every queue of jobs can do. The rules are those of `job.ts`; an adapter keeps the jobs and hands them out. */
import type { Failure, Job, JobSpec, JobState, WorkerIdentity } from "./job.ts";

/** The right to work on a job until somebody else gets it. */
export interface Lease extends WorkerIdentity {
  readonly job: JobSpec;
  readonly token: number;
}

export type QueueStatus = Readonly<Record<JobState, number>>;

/** What a worker brings. Without a token where it was made under no lease that is known. */
export interface Report extends WorkerIdentity {
  readonly job: JobSpec;
  readonly proof: Uint8Array;
  readonly token?: number | undefined;
}

/** A proof that waits for its judge. */
export interface OfferedProof {
  readonly job: JobSpec;
  readonly proof: Uint8Array;
}

/**
 * A queue of jobs. Everything may be asked at any time by anybody, twice too. Every function throws `QUEUE_FAILED` or `FILE` where the
 * queue cannot be reached or written; then nothing has happened that the next call could not repeat.
 */
export interface JobQueue {
  /**
   * Sees to it that there are these jobs, of which there is no proof: those that are there stay as they are, those that were lost, or were
   * done and are asked for again, come back.
   */
  enqueue(jobs: readonly JobSpec[]): Promise<void>;
  /** The next job for this worker, its own first if it had one; nothing where there is none for it. */
  lease(who: WorkerIdentity): Promise<Lease | undefined>;
  /** Whether the lease still holds; if so, it lasts from now. */
  renew(lease: Lease): Promise<boolean>;
  /** Gives a lease back: the work was stopped, and that was no failure. */
  release(lease: Lease): Promise<void>;
  /** Brings a proof, which waits for `judge`. */
  complete(report: Report): Promise<void>;
  /** Whether the failure was counted: not so under a lease that does not hold any more. */
  fail(lease: Lease, failure: Failure): Promise<boolean>;
  /** Ends these jobs, but for those that are done. */
  cancel(ids: readonly string[]): Promise<void>;
  /** Gives quarantined and cancelled jobs all their tries again. */
  retry(ids: readonly string[]): Promise<void>;
  /** Proofs that wait for their judge, at most so many. */
  offered(most: number): Promise<readonly OfferedProof[]>;
  /** Whether an offered proof is valid: then its job is done. */
  judge(offered: OfferedProof, valid: boolean): Promise<void>;
  /** How many jobs are in each state. Takes as long with a million jobs as with one. */
  status(): Promise<QueueStatus>;
  /** One job, with the failures that it had. */
  find(id: string): Promise<Job | undefined>;
  /** Quarantined jobs, at most so many. */
  quarantined(most: number): Promise<readonly Job[]>;
  /** Says that every job is done. What is kept of them goes an hour later, by when all workers have seen it. */
  retire(): Promise<void>;
  close(): Promise<void>;
}
