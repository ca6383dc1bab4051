// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-merge/1`: a proof that one account holds what two others hold together.
 *
 * It is of three commitments and says nothing of what is in them. What a tree of such proofs adds up to:
 * `pack/merge-tree.ts`.
 */
import type { FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import { BOARD_SIZES, type BoardSize } from "../model/sizes.ts";
import type { Groth16Proof } from "../prove/prover.ts";
import { type CircuitOf, circuitOf, FAMILIES } from "../statement/families.ts";
import type { ProofRefusal, Refused, Verifier } from "../verify/verifier.ts";
import {
  contextOf,
  type DocumentKind,
  type NamedKey,
  provenSignals,
  readDocument,
  same,
  sameKey,
  unchecked,
  verdictOf,
} from "./kit.ts";

interface Terms {
  readonly size: BoardSize;
  /** Whom or what it is for; that of the proof of coverage that rests on it. */
  readonly audience: string;
}

interface Evidence {
  readonly proof: Groth16Proof;
  /** stateLeft, stateRight, stateMerged, context. */
  readonly publicSignals: readonly string[];
}

/** Everything in a document that is not proven by it. */
export interface MergeTerms extends Terms {
  readonly verificationKey: NamedKey;
}

/**
 * The file of a proof that one account holds what two hold together.
 * @see docs/library.md#several-accounts
 */
export interface MergeDocument extends MergeTerms, Evidence {
  readonly format: "plimsoll-merge/1";
}

const KIND: DocumentKind<MergeDocument["format"], Terms, Evidence> = {
  format: "plimsoll-merge/1",
  limits: { length: 20_000, values: 100 },
  terms: { size: (value) => value.oneOf(BOARD_SIZES), audience: (value) => value.label() },
  evidence: { proof: unchecked, publicSignals: unchecked },
};

/** What the proof is bound to. */
export const mergeContext = (terms: MergeTerms): FieldElement => contextOf(KIND, terms, terms.verificationKey);

export const mergeDocument = (
  { size, audience, verificationKey }: MergeTerms,
  { proof, publicSignals }: Evidence,
): MergeDocument => ({ format: KIND.format, size, audience, verificationKey, proof, publicSignals });

/**
 * Reads a merge: its form alone. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`. Does NOT check the proof: `proof` and
 * `publicSignals` may still be anything.
 * @see docs/library.md#several-accounts
 */
export const readMerge = (text: NamedText): MergeDocument => readDocument(KIND, text);

/** Why a merge was refused; codes as of envelopes. */
export type MergeRefusal = ProofRefusal | "KEY_MISMATCH" | "SIZE_MISMATCH" | "SIGNAL_MISMATCH" | "STATEMENT_UNEXPECTED";

/** Commitments, decimal. */
export interface MergedStates {
  readonly left: string;
  readonly right: string;
  readonly merged: string;
}

/**
 * What a reader finds out about a merge.
 * @see docs/library.md#several-accounts
 */
export type MergeVerdict = ({ readonly ok: true } & MergedStates) | Refused<MergeRefusal>;

/**
 * Checks a merge of accounts on boards of this size, for this audience, under this verifier's key. Never throws.
 * @see docs/library.md#several-accounts
 */
export function verifyMerge(
  document: MergeDocument,
  verifier: Verifier<CircuitOf<"merge">>,
  asked: Terms,
): MergeVerdict {
  return verdictOf(() => {
    const { size, audience } = document;
    const other = "it merges accounts on boards of another size";
    same(size, asked.size, "SIZE_MISMATCH", other);
    same(verifier.key.size, circuitOf("merge", size), "SIZE_MISMATCH", other);
    same(audience, asked.audience, "STATEMENT_UNEXPECTED", "it was made for another audience");
    sameKey(document, verifier.key);
    const expected = [undefined, undefined, undefined, mergeContext(document)];
    const [left, right, merged] = provenSignals(verifier, document.proof, expected, {
      signals: document.publicSignals,
      mismatch: (index) => `${FAMILIES.merge.own[index]}) is not what audience, size and key say`,
    }).map(String);
    return { ok: true as const, left: left!, right: right!, merged: merged! };
  });
}
