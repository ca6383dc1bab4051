// SPDX-License-Identifier: GPL-3.0-or-later
/** What of the public file of a book is checked before any proof: its texts, its key, and that its steps are all there, once each, in order. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { PlimsollError } from "../../errors.ts";
import { readMarket } from "../../formats/market.ts";
import { readPolicy } from "../../formats/policy.ts";
import { decodeText } from "../../formats/text.ts";
import { isOpening } from "../../model/book.ts";
import { marketSignals } from "../../statement/signals.ts";
import { createVerifier, type KeyIdentity, type Verifier } from "../../verify/verifier.ts";
import { type Published, Refusal, same } from "../kit.ts";
import {
  type BookCircuit,
  type BookHead,
  bookContext,
  openingOf,
  publishedTerms,
  readBookHead,
  stepsOf,
} from "./head.ts";
import { RECORD_BYTES, readBookParts, readRecord, type Step } from "./steps.ts";

/** Why a book is refused. Stable, for machines. */
export type BookRefusal =
  /** The file is no book's, or a text in it is not of its format. */
  | "BOOK_MALFORMED"
  /** It ends within a step. */
  | "BOOK_CUT"
  | "POLICY_MISMATCH"
  | "MARKET_MISMATCH"
  | "SIZE_MISMATCH"
  | "STATEMENT_MISMATCH"
  | "STATEMENT_UNEXPECTED"
  | "POLICY_UNTRUSTED"
  | "KEY_MISMATCH"
  | "KEY_UNTRUSTED"
  | "KEY_UNSOUND"
  | "STEP_MALFORMED"
  /** A step's index is negative, or beyond the last. */
  | "STEP_INDEX"
  | "STEP_TWICE"
  /** A gap, or an end before the last step. */
  | "STEP_MISSING"
  | "STEP_UNPROVEN"
  /** Two steps that follow one another are proofs of nothing, and all that they share is the totals between them. */
  | "TOTALS_UNCHAINED"
  /** The last totals are not those that the head states. */
  | "TOTALS_UNOPENED"
  /** What some are long, nobody is short. */
  | "POSITIONS_UNMATCHED"
  /** Less is held than members have together. */
  | "CUSTODY_SHORT"
  /** A statement of custody of another asset, or twice. */
  | "CUSTODY_MISUSED"
  | "ATTESTER_UNTRUSTED"
  | "ATTESTATION_UNSIGNED"
  /** The venue has recorded no book of this date, another one, or several. */
  | "BOOK_UNRECORDED"
  | "BOOK_OTHER_RECORDED"
  | "BOOK_RECORDED_TWICE";

/**
 * A book's head with the policy and the market that it names.
 * @see docs/library.md#books
 */
export interface BookFiles extends Published {
  readonly head: BookHead;
}

/** Public signals of a step: the chain goes from the totals before it to those after it. */
export function stepSignals({ head, policy, market }: BookFiles): (before: bigint, after: bigint) => string[] {
  const shared = marketSignals(policy.policy, market.market).map(String);
  const [root, level, context] = [head.statement.root, head.statement.level, bookContext(head).toString()];
  return (before, after) => [root, before.toString(), after.toString(), level, context, ...shared];
}

/** Opens a verification key: `createVerifier`, or something that keeps what that gives. */
export type OpenKey = (file: Uint8Array, identity: KeyIdentity<BookCircuit>) => Verifier<BookCircuit>;

/** A book's texts read, and its key. */
export interface OpenBook extends BookFiles {
  readonly verifier: Verifier<BookCircuit>;
  /** The steps, as many as there are, with nothing checked of them. */
  readonly records: Uint8Array;
}

const refuse = (reason: BookRefusal, detail: string) => new Refusal(reason, detail);

function malformed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof PlimsollError ? refuse("BOOK_MALFORMED", error.message) : error;
  }
}

/** Reads the texts of a public file, and opens its key where the reader trusts it. Throws a `Refusal` with a `BookRefusal`. */
export function openBook(
  bytes: Uint8Array,
  file: string,
  trusted: readonly KeyIdentity<BookCircuit>[],
  openKey: OpenKey = createVerifier,
): OpenBook {
  const parts = malformed(() => readBookParts(bytes, file));
  const text = (name: "head" | "policy" | "market") => decodeText(parts[name], `${file}, ${name}`);
  const head = malformed(() => readBookHead({ text: text("head"), file: `${file}, head` }));
  const policy = malformed(() => readPolicy(text("policy"), `${file}, policy`));
  const market = malformed(() => readMarket(text("market"), `${file}, market`, policy));
  const own = "is not the one that the book was made under";
  same<BookRefusal>(policy.sha256, head.policySha256, "POLICY_MISMATCH", `the policy in the file ${own}`);
  same<BookRefusal>(market.sha256, head.marketSha256, "MARKET_MISMATCH", `the market in the file ${own}`);
  same<BookRefusal>(market.market.board.size, head.size, "SIZE_MISMATCH", "the market's board is of another size");
  for (const [name, said] of Object.entries(publishedTerms({ policy, market }))) {
    const given = head.statement[name as keyof ReturnType<typeof publishedTerms>];
    same<BookRefusal>(given, said, "STATEMENT_MISMATCH", `statement.${name} is not what the market says`);
  }
  const { sha256: hash, origin } = head.verificationKey;
  same<BookRefusal>(
    bytesToHex(sha256(parts.verificationKey)),
    hash,
    "KEY_MISMATCH",
    "the key in the file is not the one that the book names",
  );
  const identity = trusted.find((key) => key.size === head.circuit && key.sha256 === hash && key.origin === origin);
  if (identity === undefined) {
    throw refuse("KEY_UNTRUSTED", `you do not trust the key ${hash} (${head.circuit}, ${origin})`);
  }
  try {
    return { head, policy, market, verifier: openKey(parts.verificationKey, identity), records: parts.records };
  } catch (error) {
    throw error instanceof PlimsollError ? refuse("KEY_UNSOUND", error.message) : error;
  }
}

/** The steps, if all are there, once each and in order. An index is used for nothing before it is known to be the next one. */
export function orderedSteps({ head, records }: Pick<OpenBook, "head" | "records">): Step[] {
  const count = stepsOf(head);
  if (records.length % RECORD_BYTES !== 0) throw refuse("BOOK_CUT", "the file ends within a step");
  const steps: Step[] = [];
  for (let at = 0; at < records.length; at += RECORD_BYTES) {
    const step = readRecord(records.subarray(at, at + RECORD_BYTES));
    const { index } = step;
    if (index < 0 || index >= count) throw refuse("STEP_INDEX", `step ${index}: there are steps 0 to ${count - 1}`);
    if (index < steps.length) throw refuse("STEP_TWICE", `step ${index} is there twice`);
    if (index > steps.length) throw refuse("STEP_MISSING", `step ${steps.length} is missing`);
    steps.push(step);
  }
  if (steps.length < count) throw refuse("STEP_MISSING", `step ${steps.length} is missing, and what follows it`);
  return steps;
}

/** Refuses totals that the last commitment is not of, or that do not add up. */
export function checkOpening({ head, market }: Pick<OpenBook, "head" | "market">, steps: readonly Step[]): void {
  const [row] = Object.keys(head.totals.positions);
  if (row !== undefined) {
    const name = market.instruments[Number(row)]?.symbol ?? `row ${row}`;
    throw refuse("POSITIONS_UNMATCHED", `the positions in ${name} do not add up to zero`);
  }
  if (!isOpening(steps.at(-1)!.totals, openingOf(head))) {
    throw refuse("TOTALS_UNOPENED", "the totals stated are not those that the last step commits to");
  }
}
