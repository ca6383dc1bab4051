// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * An auditor's secret, and `plimsoll-auditor-key/1`, the public key that goes with it.
 *
 * The key is a Poseidon commitment to the secret; there is nothing else to it. Its file carries a proof of possession: a
 * disclosure of an empty band, which is true of no account, so that only the secret can have made it. It shows a firm that
 * somebody can simulate disclosures to this key; disclosed to a key that nobody holds (the hash of a newspaper), a figure
 * would convince the whole world. It does NOT show that the holder is who the file says: keys are handed over in person or
 * by another channel that both trust.
 */
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import { documentSha256, type Json, type JsonLimits, parseJson } from "../formats/json.ts";
import { commitAuditorSecret } from "../model/commit.ts";
import { noWeights } from "../model/figure.ts";
import type { Groth16Proof, ProveOptions, Prover } from "../prove/prover.ts";
import {
  auditorSecret,
  type DisclosureClaim,
  disclosureSignals,
  EMPTY_BAND,
  randomAuditorSecret,
} from "../statement/disclosure.ts";
import type { CircuitOf } from "../statement/families.ts";
import type { ProofVerdict, Verifier } from "../verify/verifier.ts";
import { type NamedKey, readNamedKey } from "./kit.ts";

const FORMAT = "plimsoll-auditor-key/1";
const LIMITS: JsonLimits = { length: 10_000, values: 100 };
/** Possession is proven with the smallest circuit, for keys that serve all. */
const SIZE = "board-60";
export const POSSESSION_CIRCUIT = "disclosure-60" satisfies CircuitOf<"disclosure">;

export interface AuditorKey {
  readonly format: typeof FORMAT;
  /** Who says that the key is theirs: 1 to 200 visible characters. */
  readonly holder: string;
  /** Decimal. */
  readonly key: string;
  readonly possession: Groth16Proof;
  readonly verificationKey: NamedKey;
}

/** The text of a new secret's file. */
export const newAuditorSecret = (): string => `${randomAuditorSecret()}\n`;

/** Reads the file of a secret: one decimal number on one line, ending in a newline or not. */
export function readAuditorSecret({ text, file }: NamedText): FieldElement {
  const place = { file, line: 1, field: "secret" };
  const match = /^([1-9][0-9]{0,77})\r?\n?$/.exec(text);
  if (match === null) throw new PlimsollError("FIELD_INVALID", "expected one decimal number on one line", place);
  try {
    return auditorSecret(BigInt(match[1]!));
  } catch (error) {
    throw error instanceof PlimsollError ? error.at(place) : error;
  }
}

/** The public key of a secret, with a proof that its maker has the secret. Throws as `Prover.simulate`. */
export async function makeAuditorKey(
  prover: Prover,
  secret: FieldElement,
  holder: string,
  options?: ProveOptions,
): Promise<AuditorKey> {
  const { sha256, origin } = await prover.key(POSSESSION_CIRCUIT);
  const key = commitAuditorSecret(secret).toString();
  const { auditor: _, ...claim } = possessionClaim({ holder, key, verificationKey: { sha256, origin } });
  const { proof } = await prover.simulate({ ...claim, size: SIZE, secret }, options);
  return { format: FORMAT, holder, key, possession: proof, verificationKey: { sha256, origin } };
}

/** Reads a key's file: its form only. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`. */
export function readAuditorKey({ text, file }: NamedText): AuditorKey {
  const top = parseJson(text, file, LIMITS).fields(["format", "holder", "key", "possession", "verificationKey"]);
  top.format.literal(FORMAT);
  return {
    format: FORMAT,
    holder: top.holder.label(),
    key: top.key.check(() => fieldElement(top.key.string())).toString(),
    possession: top.possession.plain() as unknown as Groth16Proof,
    verificationKey: readNamedKey(top.verificationKey),
  };
}

/** Whether somebody has the secret of this key. Never throws for what is in the key. */
export function checkPossession(key: AuditorKey, verifier: Verifier<CircuitOf<"disclosure">>): ProofVerdict {
  const { sha256, origin } = verifier.key;
  if (key.verificationKey.sha256 !== sha256 || key.verificationKey.origin !== origin) {
    return { ok: false, reason: "PAIRING_FAILED", detail: "possession was proven under another verification key" };
  }
  return verifier.verify(disclosureSignals(possessionClaim(key)).map(String), key.possession);
}

/** Says nothing that is true of any account: it can only have been simulated. */
function possessionClaim({
  holder,
  key,
  verificationKey,
}: Pick<AuditorKey, "holder" | "key" | "verificationKey">): DisclosureClaim {
  const bound: Json = { possession: FORMAT, holder, key, verificationKeySha256: verificationKey.sha256 };
  return {
    state: 0n as FieldElement,
    band: EMPTY_BAND,
    auditor: BigInt(key) as FieldElement,
    context: BigInt(`0x${documentSha256(bound)}`) % FIELD_ORDER,
    weights: noWeights(SIZE),
  };
}

/** A field element in its one decimal form. Throws `FIELD_INVALID`. */
export function fieldElement(text: string): FieldElement {
  if (/^(0|[1-9][0-9]{0,77})$/.test(text) && BigInt(text) < FIELD_ORDER) return BigInt(text) as FieldElement;
  throw new PlimsollError("FIELD_INVALID", "expected a decimal number below the field order");
}
