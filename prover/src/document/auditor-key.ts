// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * An auditor's secret, and `plimsoll-auditor-key/2`, the public key that goes with it.
 *
 * The key is a Poseidon commitment to the secret; there is nothing else to it. Its file carries a proof of possession: a
 * disclosure of an empty band, which is true of no account, so that only the secret can have made it. It shows a firm that
 * somebody can simulate disclosures to this key; disclosed to a key that nobody holds (the hash of a newspaper), a figure
 * would convince the whole world. It does NOT show that the holder is who the file says: keys are handed over in person or
 * by another channel that both trust.
 */

import type { FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import { readSecretNumber } from "../formats/secret.ts";
import { noWeights } from "../model/figure.ts";
import type { Groth16Proof } from "../prove/prover.ts";
import {
  auditorSecret,
  type DisclosureClaim,
  disclosureSignals,
  EMPTY_BAND,
  randomAuditorSecret,
} from "../statement/disclosure.ts";
import type { CircuitOf } from "../statement/families.ts";
import type { ProofRefusal, Refused, Verifier } from "../verify/verifier.ts";
import {
  contextOf,
  type DocumentKind,
  fieldText,
  type NamedKey,
  provenSignals,
  readDocument,
  sameKey,
  unchecked,
  verdictOf,
} from "./kit.ts";

/** Possession is proven with the smallest circuit, for keys that serve all. */
export const POSSESSION_SIZE = "board-60";
/**
 * The circuit by which the maker of an auditor's key shows possession of its secret.
 * @see docs/library.md#disclosure
 */
export const POSSESSION_CIRCUIT = "disclosure-60" satisfies CircuitOf<"disclosure">;

interface Terms {
  /** Who says that the key is theirs: 1 to 200 visible characters. */
  readonly holder: string;
  /** Decimal. */
  readonly key: string;
}

interface Evidence {
  readonly possession: Groth16Proof;
}

/**
 * The file of an auditor's key, with the proof that its maker has the secret.
 * @see docs/library.md#disclosure
 */
export interface AuditorKey extends Terms, Evidence {
  readonly format: "plimsoll-auditor-key/2";
  readonly verificationKey: NamedKey;
}

const KIND: DocumentKind<AuditorKey["format"], Terms, Evidence> = {
  format: "plimsoll-auditor-key/2",
  limits: { length: 10_000, values: 100 },
  terms: { holder: (value) => value.label(), key: fieldText },
  evidence: { possession: unchecked },
};

/**
 * The text of a new secret's file.
 * @see docs/library.md#disclosure
 */
export const newAuditorSecret = (): string => `${randomAuditorSecret()}\n`;

/**
 * Reads the file of a secret: one decimal number on one line, ending in a newline or not.
 * @see docs/library.md#disclosure
 */
export function readAuditorSecret({ text, file }: NamedText): FieldElement {
  return readSecretNumber(text, file, "secret", (value) => auditorSecret(value));
}

/** A key without its proof, and the claim that the proof has to be of: it says nothing that is true of any account. */
export function draftAuditorKey(terms: Terms, { sha256, origin }: NamedKey) {
  const draft = { format: KIND.format, ...terms, verificationKey: { sha256, origin } };
  return { draft, claim: possessionClaim(draft) };
}

/**
 * Reads a key's file: its form only. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`.
 * @see docs/library.md#disclosure
 */
export const readAuditorKey = (text: NamedText): AuditorKey => readDocument(KIND, text);

export type PossessionVerdict = { readonly ok: true } | Refused<ProofRefusal | "KEY_MISMATCH">;

/**
 * Whether somebody has the secret of this key. Never throws for what is in the key.
 * @see docs/library.md#disclosure
 */
export function checkPossession(key: AuditorKey, verifier: Verifier<CircuitOf<"disclosure">>): PossessionVerdict {
  return verdictOf(() => {
    sameKey(key, verifier.key);
    provenSignals(verifier, key.possession, disclosureSignals(possessionClaim(key)));
    return { ok: true as const };
  });
}

function possessionClaim(key: Omit<AuditorKey, keyof Evidence>): DisclosureClaim {
  return {
    state: 0n as FieldElement,
    band: EMPTY_BAND,
    auditor: BigInt(key.key) as FieldElement,
    context: contextOf(KIND, key, key.verificationKey),
    weights: noWeights(POSSESSION_SIZE),
  };
}
