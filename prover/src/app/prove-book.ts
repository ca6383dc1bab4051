// SPDX-License-Identifier: GPL-3.0-or-later
/** To prove one step of a book from its shard, and to take the proof that somebody else has made of one. */

import { type BookFiles, stepSignals } from "../document/book/check.ts";
import {
  type BookCircuit,
  type BookHead,
  bookContext,
  bookId,
  bytesElement,
  firstTotals,
  levelOf,
  membersOf,
  stepsOf,
} from "../document/book/head.ts";
import { dateSecrets } from "../document/book/secret.ts";
import { PATH_BYTES, readPath, readShard, unseal } from "../document/book/shard.ts";
import { readStep, type Step, type StepBytes, type StepRefusal, stepBytes } from "../document/book/steps.ts";
import { Refusal, verdictOf } from "../document/kit.ts";
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import type { ProveOptions, Prover } from "../prove/prover.ts";
import type { BatchItem } from "../verify/batch.ts";
import { compressProof } from "../verify/compressed.ts";
import type { Refused, Verifier } from "../verify/verifier.ts";
import type { BookVerifyMachine } from "./verify-book.ts";

/**
 * The key that opens the shards of one book, and no other secret of the venue.
 * @see docs/library.md#books
 */
export const shardKeyOf = (secret: Uint8Array, head: BookHead): Uint8Array =>
  dateSecrets(secret, head.statement.date).shardKey(bookId(head));

/**
 * Proves a step from its shard. The bytes are public. Throws `SHARD_REFUSED` for a shard that the key does not open, or of another
 * book or place; and as `Prover.book`, `STATEMENT_FALSE` among others.
 *
 *   const step = await proveShard({ prover }, { head, policy, market, shardKey }, 17, shard);
 * @see docs/library.md#books
 */
export async function proveShard(
  machine: { readonly prover: Prover } & ProveOptions,
  { head, policy, market, shardKey }: BookFiles & { readonly shardKey: Uint8Array },
  index: number,
  shard: Uint8Array,
): Promise<StepBytes> {
  const { prover, ...options } = machine;
  const id = bookId(head);
  const opened = unseal(shardKey, id, index, shard);
  const path = readPath(opened.subarray(0, PATH_BYTES));
  const { members, totals, blindings } = readShard(opened.subarray(PATH_BYTES), head.size);
  if (totals.count !== BigInt(index * membersOf(head.circuit))) {
    throw new PlimsollError("SHARD_REFUSED", "the shard is of another place of the book");
  }
  const request = {
    circuit: head.circuit,
    tree: { root: BigInt(head.statement.root) as FieldElement, pathOf: () => path },
    totals,
    entries: members,
    blindings,
    level: levelOf(head),
    context: bookContext(head),
    policy: policy.policy,
    market: market.market,
  };
  const { proof, publicSignals } = await prover.book(request, options);
  return stepBytes(id, { index, proof: compressProof(proof), totals: BigInt(publicSignals[2]!) as FieldElement });
}

/**
 * Whether bytes that somebody brought are the proof of a step: then they are as good as one's own, whoever made them and whenever.
 * `totals` are the commitments after each step, as the book was built. Rejects for nothing that is in `step`.
 *
 *   const verdict = await acceptProof({ verifyMany: verifyBatch }, verifier, { head, policy, market, totals }, 17, bytes);
 * @see docs/library.md#books
 */
export async function acceptProof(
  { verifyMany, signal }: Pick<BookVerifyMachine, "verifyMany" | "signal">,
  verifier: Verifier<BookCircuit>,
  book: BookFiles & { readonly totals: Uint8Array },
  index: number,
  step: unknown,
): Promise<{ readonly ok: true; readonly step: StepBytes } | Refused<StepRefusal>> {
  const read = verdictOf<{ readonly ok: true; readonly item: BatchItem }, StepRefusal>(() => {
    const { head, totals } = book;
    const { index: own, proof, totals: its }: Step = readStep(step, bookId(head));
    if (!Number.isInteger(index) || index < 0 || index >= stepsOf(head) || own !== index) {
      throw new Refusal("STEP_INDEX", "the step has another index than the one that was asked for");
    }
    const after = bytesElement(totals, 32 * index);
    if (its !== after) throw new Refusal("STEP_DETACHED", "the totals of the step are not those of the chain");
    const before = index === 0 ? firstTotals(head.size) : bytesElement(totals, 32 * (index - 1));
    return { ok: true, item: { publicSignals: stepSignals(book)(before, after), proof } };
  });
  if (!read.ok) return read;
  const [verdict] = await verifyMany(verifier, [read.item], { signal });
  if (verdict!.ok) return { ok: true, step: step as StepBytes };
  return { ok: false, reason: "STEP_UNPROVEN", detail: `no proof of this step: ${verdict!.detail}` };
}
