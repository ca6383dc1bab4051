// SPDX-License-Identifier: GPL-3.0-or-later
/** To put the proofs of a book together in one public file. */
import { type BookHead, bookId, bytesElement, stepsOf } from "../document/book/head.ts";
import {
  type BookParts,
  fileStart,
  RECORD_BYTES,
  readStep,
  recordOf,
  STEP_BYTES,
  type StepBytes,
} from "../document/book/steps.ts";
import { Refusal } from "../document/kit.ts";
import { PlimsollError, throwIfCancelled } from "../errors.ts";

/**
 * A book whose steps are proven.
 * @see docs/library.md#books
 */
export interface ProvenBook {
  readonly head: BookHead;
  /** Commitments after each step. */
  readonly totals: Uint8Array;
  readonly texts: Omit<BookParts, "records">;
}

/**
 * The public file. Throws `BOOK_UNFINISHED` where a step has no proof, `PROOF_REFUSED` where one is of another book, another
 * place or another chain. Does NOT verify the proofs: `acceptProof` has, and `verifyBook` will.
 * @see docs/library.md#books
 */
export async function assembleBook(
  {
    proof,
    signal,
  }: {
    readonly proof: (index: number) => Promise<StepBytes | undefined>;
    readonly signal?: AbortSignal | undefined;
  },
  { head, totals, texts }: ProvenBook,
): Promise<Uint8Array> {
  const steps = stepsOf(head);
  const start = fileStart(texts);
  const bytes = new Uint8Array(start.length + steps * RECORD_BYTES);
  bytes.set(start);
  const id = bookId(head);
  for (let index = 0; index < steps; index++) {
    throwIfCancelled(signal);
    const step = await proof(index);
    if (step === undefined) throw new PlimsollError("BOOK_UNFINISHED", `step ${index} has no proof yet`);
    checkStep(step, index);
    bytes.set(recordOf(step), start.length + index * RECORD_BYTES);
  }
  return bytes;

  function checkStep(step: StepBytes, index: number): void {
    const refused = (why: string) => new PlimsollError("PROOF_REFUSED", `step ${index}: ${why}`);
    if (step.length !== STEP_BYTES) throw refused("not the bytes of a step");
    try {
      const read = readStep(step, id);
      if (read.index !== index) throw refused("its index is another one");
      if (read.totals !== bytesElement(totals, 32 * index)) throw refused("its totals are not those of the chain");
    } catch (error) {
      throw error instanceof Refusal ? refused(error.message) : error;
    }
  }
}
