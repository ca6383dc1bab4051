// SPDX-License-Identifier: GPL-3.0-or-later
/** What a member finds out with its slip: that its own figures, exactly, are in the totals of the book. And the slips of all members. */
import type { BookFiles, BookRefusal } from "../document/book/check.ts";
import { BOOK_CAVEATS, type BookCaveatCode, type BookHead, bookId, membersOf, stepsOf } from "../document/book/head.ts";
import { PATH_BYTES, readShard, unseal } from "../document/book/shard.ts";
import { findAccount, pathTexts, readSlip, type Slip, type SlipRefusal, slipText } from "../document/book/slip.ts";
import { type Caveat, type KeyCaveatCode, type Published, Refusal, verdictOf, withKey } from "../document/kit.ts";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import { type NamedText, type StateDocument, stateDocument } from "../formats/account.ts";
import { formatDecimal } from "../formats/decimal.ts";
import { CASH_DECIMALS } from "../formats/policy.ts";
import { isEvidence } from "../keys/origin.ts";
import type { Account } from "../model/account.ts";
import type { Market } from "../model/market.ts";
import type { Finding } from "../pack/verdict.ts";
import type { Refused } from "../verify/verifier.ts";
import {
  type BookInputs,
  type BookOutdated,
  type BookVerifyMachine,
  outdatedOf,
  readBook,
  unprovenStep,
} from "./verify-book.ts";

/**
 * What a member has: a book, trust, and its slip.
 * @see docs/library.md#books
 */
export interface SlipInputs extends BookInputs {
  readonly slip: NamedText;
  /**
   * Whether every step is verified, or only the member's own. A proof does not say of which place it is but by the chain of totals: without
   * the proofs before it, that of one's own step may be any of this book.
   */
  readonly steps: "all" | "own";
}

/** Caveats of a slip: those of books, and that only one step was verified. */
export type SlipCaveatCode = BookCaveatCode | "STEPS_UNREAD" | "SLIP_FIGURES";

/**
 * A slip that is right.
 * @see docs/library.md#books
 */
export interface AcceptedSlip extends Published {
  readonly ok: true;
  readonly evidence: boolean;
  readonly head: BookHead;
  readonly place: number;
  readonly account: StateDocument;
  /** Cash once every position closes at its mark, which is what statements call the balance with unrealised profit. */
  readonly atMarks: string;
  /** Of whose words the leaf is. */
  readonly member: string;
  /** The steps that were verified. */
  readonly steps: SlipInputs["steps"];
  readonly outdated: readonly Finding<BookOutdated>[];
  readonly notProven: readonly Caveat<SlipCaveatCode | KeyCaveatCode>[];
}

/**
 * What a member is told of its slip.
 * @see docs/library.md#books
 */
export type SlipVerdict = AcceptedSlip | Refused<SlipRefusal | BookRefusal>;

/**
 * Checks a slip against the public file of a book. Never throws for what is in them. Throws `CANCELLED` and `OUT_OF_MEMORY`.
 *
 *   const inputs = { book: { bytes, file: "venue.book" }, trust, slip: { text, file: "slip.json" }, steps: "all" } as const;
 *   const verdict = await checkSlip({ verifyMany: verifyBatch, now: () => new Date() }, inputs);
 * @see docs/library.md#books
 */
export async function checkSlip(machine: BookVerifyMachine, inputs: SlipInputs): Promise<SlipVerdict> {
  const read = readBook(machine, inputs);
  if (!read.ok) return read;
  const { book, steps } = read;
  const { head, policy, market } = book;
  const found = verdictOf<{ ok: true; slip: Slip } & ReturnType<typeof findAccount>, SlipRefusal>(() => {
    const slip = slipOf(inputs.slip);
    return { ok: true, slip, ...findAccount(head, { policy, market }, slip) };
  });
  if (!found.ok) return found;
  const { slip, name, member, account } = found;
  const own = Math.floor(slip.place / membersOf(head.circuit));
  const range = inputs.steps === "all" ? undefined : { first: own, end: own + 1 };
  const failure = await unprovenStep(machine, book, steps, range);
  if (failure !== undefined) return failure;
  return {
    ok: true,
    evidence: isEvidence(head.verificationKey.origin),
    head,
    policy,
    market,
    place: slip.place,
    account: stateDocument({ name, account }, policy, market),
    atMarks: formatDecimal(closedAtMarks(account, market.market), CASH_DECIMALS),
    member,
    steps: inputs.steps,
    outdated: outdatedOf(machine, inputs, head),
    notProven: withKey<SlipCaveatCode>(head.verificationKey, [
      inputs.steps === "own" && {
        code: "STEPS_UNREAD",
        text: "Of the proofs only one was verified here. That your account is in the totals, and covered, holds if all of them do (plimsoll book verify).",
      },
      {
        code: "SLIP_FIGURES",
        text: "Compare the figures with your own records of that time, and the words that stand for you: both are the venue's.",
      },
      ...BOOK_CAVEATS.filter(({ code }) => OF_SLIPS.includes(code)),
    ]),
  };
}

/** 1e-6 quote. */
const closedAtMarks = ({ cash, positions }: Account, { board }: Market): bigint =>
  positions.reduce((sum, lots, row) => sum + lots * board.rows[row]!.mark, cash as bigint);

const OF_SLIPS: readonly BookCaveatCode[] = ["BOOK_SHOWN", "BOOK_DEBTS", "MARKET_VALUES"];

function slipOf(text: NamedText): Slip {
  try {
    return readSlip(text);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    throw new Refusal<SlipRefusal>("SLIP_MALFORMED", error.message);
  }
}

/**
 * A slip, and the place of its account.
 * @see docs/library.md#books
 */
export interface NewSlip {
  readonly place: number;
  /** One line of JSON. Private to the member. */
  readonly text: string;
}

/**
 * The slips of all members, in the order of their places. Throws `SHARD_REFUSED` and `CANCELLED`.
 * @see docs/library.md#books
 */
export async function* bookSlips(
  {
    shard,
    signal,
  }: { readonly shard: (index: number) => Promise<Uint8Array>; readonly signal?: AbortSignal | undefined },
  { head, policy, market, shardKey }: BookFiles & { readonly shardKey: Uint8Array },
): AsyncGenerator<NewSlip> {
  const id = bookId(head);
  const places = membersOf(head.circuit);
  for (let index = 0; index < stepsOf(head); index++) {
    throwIfCancelled(signal);
    const opened = unseal(shardKey, id, index, await shard(index));
    const path = pathTexts(opened.subarray(0, PATH_BYTES));
    const { members } = readShard(opened.subarray(PATH_BYTES), head.size);
    for (const [at, member] of members.entries()) {
      const place = index * places + at;
      yield { place, text: slipText(head, { policy, market }, place, member, path) };
    }
  }
}
