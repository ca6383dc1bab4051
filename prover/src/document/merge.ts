// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-merge/1`: a proof that one account holds what two others hold together.
 *
 * It is of three commitments and says nothing of what is in them. Its public signal `context` is the hash of what it was
 * made for and under, as that of `plimsoll-proof/1` is. What a tree of such proofs adds up to: `pack/parts.ts`.
 */

import { FIELD_ORDER, type FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import { documentSha256, type JsonLimits, parseJson } from "../formats/json.ts";
import { BOARD_SIZES, type BoardSize } from "../model/sizes.ts";
import type { Groth16Proof } from "../prove/prover.ts";
import { type CircuitOf, circuitOf, FAMILIES } from "../statement/families.ts";
import type { ProofRefusal, Refused, Verifier } from "../verify/verifier.ts";
import { type NamedKey, readNamedKey } from "./kit.ts";

const FORMAT = "plimsoll-merge/1";
const LIMITS: JsonLimits = { length: 20_000, values: 100 };

export interface MergeDocument {
  readonly format: typeof FORMAT;
  readonly size: BoardSize;
  /** Whom or what it is for; that of the proof of coverage that rests on it. */
  readonly audience: string;
  readonly proof: Groth16Proof;
  /** stateLeft, stateRight, stateMerged, context. */
  readonly publicSignals: readonly string[];
  readonly verificationKey: NamedKey;
}

/** Everything in a document that is not proven by it. */
export type MergeTerms = Pick<MergeDocument, "size" | "audience" | "verificationKey">;

/** SHA-256 of the canonical JSON of what the proof is for and under, reduced into the field. */
export function mergeContext({ size, audience, verificationKey }: MergeTerms): FieldElement {
  const bound = { format: FORMAT, size, audience, verificationKeySha256: verificationKey.sha256 };
  return (BigInt(`0x${documentSha256(bound)}`) % FIELD_ORDER) as FieldElement;
}

export const mergeDocument = (
  terms: MergeTerms,
  { proof, publicSignals }: Pick<MergeDocument, "proof" | "publicSignals">,
): MergeDocument => ({ format: FORMAT, ...terms, proof, publicSignals });

/**
 * Reads a merge: its form alone. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`. Does NOT check the proof: `proof` and
 * `publicSignals` may still be anything.
 */
export function readMerge({ text, file }: NamedText): MergeDocument {
  const fields = ["format", "size", "audience", "proof", "publicSignals", "verificationKey"] as const;
  const top = parseJson(text, file, LIMITS).fields(fields);
  top.format.literal(FORMAT);
  return mergeDocument(
    {
      size: top.size.oneOf(BOARD_SIZES),
      audience: top.audience.label(),
      verificationKey: readNamedKey(top.verificationKey),
    },
    {
      proof: top.proof.plain() as unknown as Groth16Proof,
      publicSignals: top.publicSignals.plain() as unknown as string[],
    },
  );
}

/** Why a merge was refused; codes as of envelopes. */
export type MergeRefusal = ProofRefusal | "KEY_MISMATCH" | "SIZE_MISMATCH" | "SIGNAL_MISMATCH" | "STATEMENT_UNEXPECTED";

/** Commitments, decimal. */
export interface MergedStates {
  readonly left: string;
  readonly right: string;
  readonly merged: string;
}

export type MergeVerdict = ({ readonly ok: true } & MergedStates) | Refused<MergeRefusal>;

/** Checks a merge of accounts on boards of this size, for this audience, under this verifier's key. Never throws. */
export function verifyMerge(
  document: MergeDocument,
  verifier: Verifier<CircuitOf<"merge">>,
  asked: Pick<MergeTerms, "size" | "audience">,
): MergeVerdict {
  const { size, audience, verificationKey, publicSignals, proof } = document;
  const refuse = (reason: MergeRefusal, detail: string) => ({ ok: false, reason, detail }) as const;
  if (size !== asked.size || verifier.key.size !== circuitOf("merge", size)) {
    return refuse("SIZE_MISMATCH", "it merges accounts on boards of another size");
  }
  if (audience !== asked.audience) return refuse("STATEMENT_UNEXPECTED", "it was made for another audience");
  const { sha256, origin } = verifier.key;
  if (verificationKey.sha256 !== sha256 || verificationKey.origin !== origin) {
    return refuse("KEY_MISMATCH", "it was made under another key");
  }
  const verdict = verifier.verify(publicSignals, proof);
  if (!verdict.ok) return verdict;
  const [left, right, merged, context] = verdict.signals.map(String);
  if (context !== mergeContext(document).toString()) {
    const name = FAMILIES.merge.own[3];
    return refuse("SIGNAL_MISMATCH", `public signal 3 (${name}) is not what audience, size and key say`);
  }
  return { ok: true, left: left!, right: right!, merged: merged! };
}
