// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What verifiers of envelopes have in common: an envelope names policy, market and key by hash, and its statement's words
 * must be those that policy and market give.
 */
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { canonicalJson, type Json, type JsonValue } from "../formats/json.ts";
import { readMarket } from "../formats/market.ts";
import { readPolicy } from "../formats/policy.ts";
import { KEY_ORIGINS } from "../keys/origin.ts";
import { BOARD_SIZES, type BoardSize } from "../model/sizes.ts";
import type { KeyIdentity, ProofRefusal, Refused } from "../verify/verifier.ts";

/** Why an envelope was refused, whatever it proves. Stable, for machines. */
export type DocumentRefusal =
  | ProofRefusal
  /** The envelope, the policy or the market is not a document of its format. */
  | "ENVELOPE_MALFORMED"
  | "POLICY_MALFORMED"
  | "MARKET_MALFORMED"
  /** Sound documents, but not those of the proof. */
  | "POLICY_MISMATCH"
  | "MARKET_MISMATCH"
  | "SIZE_MISMATCH"
  | "KEY_MISMATCH"
  /** The statement says something that policy and market do not say, or of nothing. */
  | "STATEMENT_MISMATCH"
  /** A commitment is not the one that the reader expects. */
  | "STATE_UNEXPECTED"
  /** A statement that may well be true, but not the one that was asked for. */
  | "STATEMENT_UNEXPECTED";

/** Thrown within `verdictOf`, and caught by it. */
export class Refusal<Reason extends string> extends Error {
  readonly reason: Reason;
  constructor(reason: Reason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** What `verify` answers, or the refusal that it throws. */
export async function verdictOf<Verdict, Reason extends string>(
  verify: () => Promise<Verdict>,
): Promise<Verdict | Refused<Reason>> {
  try {
    return await verify();
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: error.reason as Reason, detail: error.message };
    throw error;
  }
}

/** What is read, or a refusal where it cannot be. */
export function orRefuse<T>(reason: DocumentRefusal, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof PlimsollError ? new Refusal(reason, error.message) : error;
  }
}

export function accepted<Verdict extends { ok: true }>(verdict: Verdict | Refused<ProofRefusal>): Verdict {
  if (!verdict.ok) throw new Refusal(verdict.reason, verdict.detail);
  return verdict;
}

export function same<Reason extends string>(actual: string, wanted: string, reason: Reason, detail: string): void {
  if (actual !== wanted) throw new Refusal(reason, detail);
}

/** A key as documents name it. */
export type NamedKey = Pick<KeyIdentity, "sha256" | "origin">;

export function readNamedKey(value: JsonValue): NamedKey {
  const { sha256, origin } = value.fields(["sha256", "origin"]);
  return { sha256: sha256.sha256(), origin: origin.oneOf(KEY_ORIGINS) };
}

/** What an envelope says of what its proof was made with. */
export interface MadeWith {
  readonly size: BoardSize;
  readonly verificationKey: NamedKey;
  readonly policySha256: string;
  readonly marketSha256: string;
}
export const MADE_WITH = ["size", "verificationKey", "policySha256", "marketSha256"] as const;

export function readMadeWith(fields: Readonly<Record<(typeof MADE_WITH)[number], JsonValue>>): MadeWith {
  return {
    size: fields.size.oneOf(BOARD_SIZES),
    verificationKey: readNamedKey(fields.verificationKey),
    policySha256: fields.policySha256.sha256(),
    marketSha256: fields.marketSha256.sha256(),
  };
}

/** Reads policy and market; refuses others than the envelope names. */
export function readDocuments(
  { size, policySha256, marketSha256 }: MadeWith,
  given: { readonly policy: NamedText; readonly market: NamedText },
) {
  const policy = orRefuse("POLICY_MALFORMED", () => readPolicy(given.policy.text, given.policy.file));
  same(policy.sha256, policySha256, "POLICY_MISMATCH", "the policy is not the one the proof was made under");
  const market = orRefuse("MARKET_MALFORMED", () => readMarket(given.market.text, given.market.file, policy));
  same(market.sha256, marketSha256, "MARKET_MISMATCH", "the market is not the one the proof was made under");
  same(market.market.board.size, size, "SIZE_MISMATCH", "the market's board is of another size than the proof's");
  return { policy, market };
}

/** Refuses a key that is not the one that is trusted. */
export function sameKey({ verificationKey }: MadeWith, { sha256, origin }: NamedKey): void {
  same(verificationKey.sha256, sha256, "KEY_MISMATCH", "the proof was made under another key");
  same(verificationKey.origin, origin, "KEY_MISMATCH", `the key's origin is ${origin}`);
}

/** Refuses a statement that is not, word for word, what policy and market make of it. Its `text` follows from the rest. */
export function sameStatement<Statement extends { readonly text: string }>(
  restated: Statement,
  given: Statement,
): void {
  for (const name of Object.keys(restated) as (keyof Statement & string)[]) {
    // The reader has checked it against the others.
    if (name === "text") continue;
    const [ours, theirs] = [restated, given].map((document) => canonicalJson(document[name] as Json));
    same(ours!, theirs!, "STATEMENT_MISMATCH", `statement.${name} is not what policy and market say`);
  }
}

/** Refuses what is not what was asked for, where something was. */
export function sameAsAsked<Asked extends string>(
  asked: Readonly<Record<Asked, string | undefined>>,
  given: Readonly<Record<NoInfer<Asked>, string>>,
): void {
  for (const what of Object.keys(asked) as Asked[]) {
    same(
      given[what],
      asked[what] ?? given[what],
      "STATEMENT_UNEXPECTED",
      `statement.${what} is not what was asked for`,
    );
  }
}
