// SPDX-License-Identifier: GPL-3.0-or-later
/** The book of a venue as the work of a fleet: a job for each step that has no proof yet. */
import { createHash } from "node:crypto";
import { availableParallelism, totalmem } from "node:os";
import path from "node:path";
import { bytesToHex } from "@noble/hashes/utils.js";
import { acceptProof } from "../../app/prove-book.ts";
import { type BookCircuit, bookId, membersOf } from "../../document/book/head.ts";
import { unseal } from "../../document/book/shard.ts";
import { PlimsollError } from "../../errors.ts";
import type { JobSpec } from "../../fleet/job.ts";
import type { Verifier } from "../../verify/verifier.ts";
import { verifyBatch } from "../batch.ts";
import { type BookDirectory, openBookDirectory, shardName } from "../book-directory.ts";
import { EXTENSION } from "../installation.ts";
import { loadVerifier } from "../verifier.ts";

/** What the process that proves is given, by its channel. */
export interface BookChild {
  readonly directory: string;
  readonly shardKey: Uint8Array;
  readonly threads: number;
}

/** Where a fleet keeps what it needs, in the directory of a book. */
export const fleetFiles = (directory: string) => {
  const at = (name: string) => path.join(directory, "fleet", name);
  return { folder: path.join(directory, "fleet"), journal: at("journal"), lock: at("lock"), outbox: at("outbox") };
};

/** The queue of a book on Redis. */
export const queueOf = (book: BookDirectory): string => `book-${bytesToHex(bookId(book.head)).slice(0, 16)}`;

const idOf = (index: number) => `shard-${shardName(index)}`;
/** Hashed at once. */
const CHUNK = 64;
/** What a process that proves may need at most. */
const WORKER_BYTES = 2 ** 31;

/** Workers and the threads of each, where nobody says otherwise: one thread each makes the most proofs an hour. */
export function workforce(workers?: number): { readonly workers: number; readonly threads: number } {
  const processors = availableParallelism();
  const many = workers ?? Math.max(1, Math.min(processors, Math.floor(totalmem() / WORKER_BYTES)));
  return { workers: many, threads: Math.max(1, Math.floor(processors / Math.max(1, many))) };
}

/** Opens a book for a fleet. Throws as `openBookDirectory`. */
export const openBookFleet = async (directory: string): Promise<BookFleet> =>
  new BookFleet(await openBookDirectory(path.resolve(directory)));

export class BookFleet {
  readonly book: BookDirectory;
  readonly #specs = new Map<number, JobSpec>();
  #verifier: Promise<Verifier<BookCircuit>> | undefined;

  constructor(book: BookDirectory) {
    this.book = book;
  }

  /** Members that one step has places for. */
  get members(): number {
    return membersOf(this.book.head.circuit);
  }

  /** The process that proves, for `FleetParts`. Without a key, for none. */
  child(shardKey: Uint8Array = new Uint8Array(), threads = 1) {
    const given: BookChild = { directory: this.book.directory, shardKey, threads };
    return { entry: path.join(import.meta.dirname, `book-child${EXTENSION}`), given };
  }

  /** Throws `SHARD_REFUSED` where the key opens none of this book's shards: no process has to try. */
  async checkKey(shardKey: Uint8Array): Promise<void> {
    const proven = await this.book.proven();
    const index = Array.from({ length: this.book.steps }, (_, step) => step).find((step) => !proven.has(step));
    if (index !== undefined) unseal(shardKey, bookId(this.book.head), index, await this.book.shard(index));
  }

  /** Jobs of the steps without a proof, each with the hash of its shard. Throws `FILE`. */
  async unproven(): Promise<readonly JobSpec[]> {
    const proven = await this.book.proven();
    const open = Array.from({ length: this.book.steps }, (_, index) => index).filter((index) => !proven.has(index));
    const unknown = open.filter((index) => !this.#specs.has(index));
    for (let from = 0; from < unknown.length; from += CHUNK) {
      await Promise.all(unknown.slice(from, from + CHUNK).map((index) => this.#specify(index)));
    }
    return open.map((index) => this.#specs.get(index)!);
  }

  async #specify(index: number): Promise<void> {
    const sha256 = createHash("sha256")
      .update(await this.book.shard(index))
      .digest("hex");
    this.#specs.set(index, { id: idOf(index), shard: shardName(index), sha256 });
  }

  /** Verifies a proof and keeps it. False where it does not verify. */
  async accept({ shard }: JobSpec, proof: Uint8Array): Promise<boolean> {
    this.#verifier ??= this.#loadVerifier();
    const machine = { verifyMany: verifyBatch };
    const verdict = await acceptProof(machine, await this.#verifier, this.book, Number(shard), proof);
    if (verdict.ok) await this.book.keepProof(Number(shard), verdict.step);
    return verdict.ok;
  }

  async #loadVerifier(): Promise<Verifier<BookCircuit>> {
    const { circuit, verificationKey } = this.book.head;
    const verifier = await loadVerifier(circuit);
    if (verifier.key.sha256 === verificationKey.sha256) return verifier;
    const rule = `the keys of this installation are not those of the book, which names ${verificationKey.sha256.slice(0, 12)}…`;
    throw new PlimsollError("ARTIFACT_HASH", rule, { file: path.join(this.book.directory, "book.json") });
  }

  /** Throws as what loads keys, and `ARTIFACT_HASH` where they are not those of the book. */
  async checkKeys(): Promise<void> {
    this.#verifier ??= this.#loadVerifier();
    await this.#verifier;
  }
}
