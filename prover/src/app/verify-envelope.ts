// SPDX-License-Identifier: GPL-3.0-or-later
/** The verdict on documents that somebody handed over: each text is read once, here. */
import { orRefuse, type Published, verdictOf } from "../document/kit.ts";
import { checkEnvelope, type EnvelopeChecks, type EnvelopeVerdict, readEnvelope } from "../document/proof.ts";
import type { NamedText } from "../formats/account.ts";
import { readMarket } from "../formats/market.ts";
import { readPolicy } from "../formats/policy.ts";
import type { BoardSize } from "../model/sizes.ts";
import type { Refused, Verifier } from "../verify/verifier.ts";

/** Gives the verifier of a size, under the key that is trusted: `loadVerifier`. */
export interface EnvelopeVerifiers {
  readonly verifierFor: (size: BoardSize) => Verifier | Promise<Verifier>;
}

/** A policy and a market as texts, or as read already. */
export interface GivenFiles {
  readonly policy: NamedText | Published["policy"];
  readonly market: NamedText | Published["market"];
}

/**
 * What a reader of a proof has.
 * @see docs/library.md#proofs
 */
export interface EnvelopeInputs extends Omit<EnvelopeChecks, keyof Published>, GivenFiles {
  readonly envelope: NamedText;
}

/**
 * Verifies an envelope against a published policy and market.
 *
 * Never throws for what is in the texts: all of them may be hostile. Throws what `verifierFor` throws. Does NOT check that
 * policy and market are current or true, and see `notProven` of the verdict.
 *
 *   const asked = { level: policy.levels.initial, direction: "at-least", audience: "request 17" } as const;
 *   const given = { envelope: { text, file: "proof.json" }, policy, market, asked };
 *   const verdict = await verifyEnvelope({ verifierFor: loadVerifier }, given);
 */
export async function verifyEnvelope(
  { verifierFor }: EnvelopeVerifiers,
  { envelope: text, policy, market, ...checks }: EnvelopeInputs,
): Promise<EnvelopeVerdict> {
  const read = readGiven(text, readEnvelope, { policy, market });
  if (!read.ok) return read;
  const { document, files } = read;
  // The reader's size: one that the document names may be of keys that nobody here has.
  const { size } = files.market.market.board;
  return checkEnvelope(document, { ...checks, ...files }, await verifierFor(size));
}

/** A document and its files, read; or which of them could not be. */
export function readGiven<Document>(
  text: NamedText,
  readText: (text: NamedText) => Document,
  given: GivenFiles,
): { readonly ok: true; readonly document: Document; readonly files: Published } | Refused<Malformed> {
  return verdictOf(() => {
    const document = orRefuse("ENVELOPE_MALFORMED", () => readText(text));
    const policy = orRefuse("POLICY_MALFORMED", () =>
      "text" in given.policy ? readPolicy(given.policy.text, given.policy.file) : given.policy,
    );
    const market = orRefuse("MARKET_MALFORMED", () =>
      "text" in given.market ? readMarket(given.market.text, given.market.file, policy) : given.market,
    );
    return { ok: true as const, document, files: { policy, market } };
  });
}
type Malformed = "ENVELOPE_MALFORMED" | "POLICY_MALFORMED" | "MARKET_MALFORMED";
