// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Documents with a proof in them: how one is read, what its proof is bound to, and the steps of a verdict on it.
 *
 * A document says its `terms`, names the key of its proof, and holds its `evidence`: the proof, and what is compared with it
 * alone. The proof's public signal `context` is the hash of format, terms and key, so a proof stands for one document.
 * Policy and market are values here; whoever has their texts reads them once.
 */
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import {
  canonicalJson,
  documentSha256,
  type Json,
  type JsonLimits,
  type JsonValue,
  parseJson,
} from "../formats/json.ts";
import type { MarketFile } from "../formats/market.ts";
import type { PolicyFile } from "../formats/policy.ts";
import { isEvidence, KEY_ORIGINS, keyCaveat } from "../keys/origin.ts";
import { BOARD_SIZES, type BoardSize } from "../model/sizes.ts";
import type { CircuitName, FamilyName } from "../statement/families.ts";
import {
  type KeyIdentity,
  type ProofRefusal,
  parsePublicSignals,
  type Refused,
  type Verifier,
} from "../verify/verifier.ts";
import type { Commitment, StatedClaim } from "./words.ts";

/** How each field of a part of a document is read. */
export type Readers<Part extends object> = { readonly [Field in keyof Part]: (value: JsonValue) => Part[Field] };

/** One format of documents. */
export interface DocumentKind<Format extends string, Terms extends object, Evidence extends object> {
  readonly format: Format;
  readonly limits: JsonLimits;
  readonly terms: Readers<Terms>;
  readonly evidence: Readers<Evidence>;
}

/** A key as documents name it. */
export type NamedKey = Pick<KeyIdentity, "sha256" | "origin">;

/** A document read. */
export type ProofDocument<Format extends string, Terms extends object, Evidence extends object> = {
  readonly format: Format;
} & Terms & { readonly verificationKey: NamedKey } & Evidence;

/**
 * Reads a document: its form alone. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`. Does NOT check the proof: what is in
 * `evidence` may still be anything.
 */
export function readDocument<Format extends string, Terms extends object, Evidence extends object>(
  kind: DocumentKind<Format, Terms, Evidence>,
  { text, file }: NamedText,
): ProofDocument<Format, Terms, Evidence> {
  const names = [...Object.keys(kind.terms), ...Object.keys(kind.evidence)];
  const top = parseJson(text, file, kind.limits).fields(["format", "verificationKey", ...names]);
  top.format!.literal(kind.format);
  return {
    format: kind.format,
    ...readPart(kind.terms, top),
    verificationKey: readNamedKey(top.verificationKey!),
    ...readPart(kind.evidence, top),
  };
}

/** Reads an object with these fields. */
export const readFields = <Part extends object>(readers: Readers<Part>, value: JsonValue): Part =>
  readPart(readers, value.fields(Object.keys(readers)));

function readPart<Part extends object>(readers: Readers<Part>, fields: Readonly<Record<string, JsonValue>>): Part {
  const names = Object.keys(readers) as (keyof Part & string)[];
  return Object.fromEntries(names.map((name) => [name, readers[name](fields[name]!)])) as Part;
}

function readNamedKey(value: JsonValue): NamedKey {
  const { sha256, origin } = value.fields(["sha256", "origin"]);
  return { sha256: sha256.sha256(), origin: origin.oneOf(KEY_ORIGINS) };
}

/** Reads anything that is plain data: only a verifier knows whether it is a proof. */
export const unchecked = <Part>(value: JsonValue): Part => value.plain() as unknown as Part;

/** A field element in its one decimal form. Throws `FIELD_INVALID`. */
export function fieldElement(text: string): FieldElement {
  if (/^(0|[1-9][0-9]{0,77})$/.test(text) && BigInt(text) < FIELD_ORDER) return BigInt(text) as FieldElement;
  throw new PlimsollError("FIELD_INVALID", "expected a decimal number below the field order");
}

/** Reads a field element in its one decimal form. */
export const fieldText = (value: JsonValue): string => value.check(() => fieldElement(value.string())).toString();

/** SHA-256 of the canonical JSON of format, terms and the key's hash, reduced into the field. */
export function contextOf<Terms extends object>(
  kind: DocumentKind<string, Terms, object>,
  document: Terms,
  { sha256 }: Pick<NamedKey, "sha256">,
): FieldElement {
  const names = Object.keys(kind.terms) as (keyof Terms & string)[];
  const terms = Object.fromEntries(names.map((name) => [name, document[name] as Json]));
  const hash = documentSha256({ format: kind.format, ...terms, verificationKeySha256: sha256 });
  return (BigInt(`0x${hash}`) % FIELD_ORDER) as FieldElement;
}

/** The published files under which a statement is made, read. */
export interface Published {
  readonly policy: PolicyFile & { readonly sha256: string };
  readonly market: MarketFile & { readonly sha256: string };
}

/** The terms that name them. */
export interface MadeUnder {
  readonly size: BoardSize;
  readonly policySha256: string;
  readonly marketSha256: string;
}
export const MADE_UNDER: Readers<MadeUnder> = {
  size: (value) => value.oneOf(BOARD_SIZES),
  policySha256: (value) => value.sha256(),
  marketSha256: (value) => value.sha256(),
};
export const madeUnder = ({ policy, market }: Published): MadeUnder => ({
  size: market.market.board.size,
  policySha256: policy.sha256,
  marketSha256: market.sha256,
});

/** What statements of all kinds say. Every field is text. */
export interface StatementTerms {
  /** The sentence: figures, dates and commitments in fixed words. It follows from the other fields. */
  readonly text: string;
  /** Commitment to the account of which the statement speaks, decimal. */
  readonly account: string;
  readonly board: string;
  readonly epoch: string;
  readonly marketTime: string;
  /** Whom or what the proof is for, chosen by whoever asked for it: a name, a request number, a nonce. */
  readonly audience: string;
}
export const STATEMENT_TERMS: Readers<Omit<StatementTerms, "text">> = {
  account: fieldText,
  board: (value) => value.label(),
  epoch(value) {
    if (!/^(0|[1-9][0-9]{0,19})$/.test(value.string())) throw value.error("FIELD_INVALID", "expected an integer");
    return value.string();
  },
  marketTime: (value) => value.time(),
  audience: (value) => value.label(),
};

/** Reads a statement, and refuses a sentence that is not the one of its other fields. Those named `optional` may be absent. */
export function readStatement<Said extends object>(
  readers: Readers<Required<Said>>,
  sentence: (said: Said) => string,
  value: JsonValue,
  optional: readonly (keyof Said & string)[] = [],
): Said & { readonly text: string } {
  const names = Object.keys(readers) as (keyof Said & string)[];
  const required = names.filter((name) => !optional.includes(name));
  const fields: Readonly<Record<string, JsonValue>> = value.fields(["text", ...required], optional);
  const there = names.filter((name) => fields[name] !== undefined);
  const said = Object.fromEntries(there.map((name) => [name, readers[name](fields[name]!)])) as Said;
  const text = sentence(said);
  if (fields.text!.string() !== text) {
    throw fields.text!.error("FIELD_INVALID", "the sentence does not say what the other fields of the statement say");
  }
  return { text, ...said };
}

/** Why a document was refused, whatever it proves. Stable, for machines. */
export type DocumentRefusal =
  | ProofRefusal
  /** The document, the policy or the market is not one of its format. */
  | "ENVELOPE_MALFORMED"
  | "POLICY_MALFORMED"
  | "MARKET_MALFORMED"
  /** Sound files, but not those of the proof. */
  | "POLICY_MISMATCH"
  | "MARKET_MISMATCH"
  | "SIZE_MISMATCH"
  | "KEY_MISMATCH"
  /** The statement says something that policy and market do not say. */
  | "STATEMENT_MISMATCH"
  /** A commitment is not the one that the reader expects. */
  | "STATE_UNEXPECTED"
  /** A statement that may be true, and is not the one that was asked for. */
  | "STATEMENT_UNEXPECTED"
  /** A public signal is not the one that statement, policy or market give; `detail` names the first. */
  | "SIGNAL_MISMATCH";

/**
 * Something that a valid proof does not show.
 * @see docs/library.md#proofs
 */
export interface Caveat<Code extends string = string> {
  readonly code: Code;
  readonly text: string;
}

/** The verdict on a statement that holds. */
export interface Accepted<Statement, Code extends string> extends MadeUnder {
  readonly ok: true;
  /** False where the key lets its maker forge proofs: the document is then worth nothing as evidence. */
  readonly evidence: boolean;
  readonly statement: Statement;
  readonly verificationKey: NamedKey;
  /** What the proof does not show. Never empty. */
  readonly notProven: readonly Caveat<Code | KeyCaveatCode>[];
}
/** A kind of statement, as verdicts tell it: the row that a new kind adds. */
export interface StatementKind<Statement extends StatementTerms, Verdict extends Accepted<Statement, string>> {
  readonly kind: string;
  /** Of the circuit that proves it. */
  readonly family: FamilyName;
  readonly claim: (statement: Statement) => StatedClaim;
  readonly commitments: (verdict: Verdict) => readonly Commitment[];
}
export type KeyCaveatCode = NonNullable<ReturnType<typeof keyCaveat>>["code"];

export function accept<Statement, Code extends string>(
  document: MadeUnder & { readonly statement: Statement; readonly verificationKey: NamedKey },
  caveats: readonly (Caveat<Code> | false)[],
): Accepted<Statement, Code> {
  const { size, statement, verificationKey, policySha256, marketSha256 } = document;
  const evidence = isEvidence(verificationKey.origin);
  const notProven = withKey(verificationKey, caveats);
  return { ok: true, evidence, size, statement, verificationKey, policySha256, marketSha256, notProven };
}

/** The caveats that apply, that of the key first. */
export function withKey<Code extends string>(
  { origin }: NamedKey,
  caveats: readonly (Caveat<Code> | false)[],
): Caveat<Code | KeyCaveatCode>[] {
  const all: readonly (Caveat<Code | KeyCaveatCode> | false)[] = [keyCaveat(origin) ?? false, ...caveats];
  return all.filter((caveat) => caveat !== false);
}

export const COMPLETENESS: Caveat<"COMPLETENESS"> = {
  code: "COMPLETENESS",
  text: "This proof does not show that the account is everything its owner holds or owes, or that the assets exist.",
};
export const MARKET_VALUES: Caveat<"MARKET_VALUES"> = {
  code: "MARKET_VALUES",
  text: "The policy, prices and risk values are taken as given; this proof does not show that they are right or current.",
};

/** Thrown within `verdictOf`, and caught by it. */
export class Refusal<Reason extends string> extends Error {
  readonly reason: Reason;
  constructor(reason: Reason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** What `verify` answers, or the refusal that it throws. */
export function verdictOf<Verdict, Reason extends string>(verify: () => Verdict): Verdict | Refused<Reason> {
  try {
    return verify();
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

export function same<Reason extends string>(actual: string, wanted: string, reason: Reason, detail: string): void {
  if (actual !== wanted) throw new Refusal(reason, detail);
}

/** Refuses a key that is not the one that is trusted. */
export function sameKey(
  { verificationKey }: { readonly verificationKey: NamedKey },
  { sha256, origin }: NamedKey,
): void {
  same(verificationKey.sha256, sha256, "KEY_MISMATCH", "the proof was made under another key");
  same(verificationKey.origin, origin, "KEY_MISMATCH", `the key's origin is ${origin}`);
}

/** Refuses what is not what was asked for, where something was. */
function sameAsAsked<Asked extends string>(
  asked: Readonly<Record<Asked, string | undefined>>,
  given: Readonly<Record<NoInfer<Asked>, string>>,
): void {
  for (const what of Object.keys(asked) as Asked[]) {
    const detail = `the proof is for another ${what} than you asked for: \`plimsoll inspect\` shows what it says`;
    same(given[what], asked[what] ?? given[what], "STATEMENT_UNEXPECTED", detail);
  }
}

/**
 * The claim of a statement, once the document names these files and this key, says what was asked, and has in every field
 * what policy and market make of the claim. `claimOf` may throw, `saidOf` is its inverse.
 */
export function statedClaim<Asked extends string, Claim>(
  document: MadeUnder & {
    readonly statement: Readonly<Record<NoInfer<Asked>, string>>;
    readonly verificationKey: NamedKey;
  },
  given: {
    readonly files: Published;
    /** The one that is trusted. */
    readonly key: NamedKey;
    readonly asked: Readonly<Record<Asked, string | undefined>>;
  },
  { claimOf, saidOf }: { readonly claimOf: () => Claim; readonly saidOf: (claim: Claim) => object },
): Claim {
  const { statement } = document;
  sameFiles(document, given.files);
  sameKey(document, given.key);
  sameAsAsked(given.asked, statement);
  const claim = orRefuse("STATEMENT_MISMATCH", claimOf);
  sameStatement(saidOf(claim), statement);
  return claim;
}

/** Refuses other files than the document names. */
function sameFiles(document: MadeUnder, files: Published): void {
  const { size, policySha256, marketSha256 } = madeUnder(files);
  same(policySha256, document.policySha256, "POLICY_MISMATCH", "the policy is not the one the proof was made under");
  same(marketSha256, document.marketSha256, "MARKET_MISMATCH", "the market is not the one the proof was made under");
  same(size, document.size, "SIZE_MISMATCH", "the market's board is of another size than the proof's");
}

/** Refuses a statement that is not, word for word, what policy and market make of it. Its reader has checked `text`. */
function sameStatement(restated: object, given: object): void {
  for (const name of Object.keys(restated)) {
    const [ours, theirs] = [restated, given].map((said) => canonicalJson((said as Record<string, Json>)[name]!));
    same(ours!, theirs!, "STATEMENT_MISMATCH", `statement.${name} is not what policy and market say`);
  }
}

/**
 * The public signals of a proof that the verifier accepts. `expected` is what each has to be, undefined where only the prover
 * knows; `given`, if the document holds them, is compared with it, and `mismatch` says what a difference means.
 */
export function provenSignals(
  verifier: Verifier<CircuitName>,
  proof: unknown,
  expected: readonly (bigint | undefined)[],
  given?: { readonly signals: unknown; readonly mismatch: (index: number) => string },
): readonly FieldElement[] {
  if (given === undefined) return accepted(verifier.verify(expected.map(String), proof)).signals;
  const { signals } = accepted(parsePublicSignals(given.signals, verifier.key.size));
  // Under the key of a larger board the signals beyond those expected would be the prover's to choose.
  if (signals.length !== expected.length) throw new Refusal("SIZE_MISMATCH", "the key is of a board of another size");
  for (const [index, value] of expected.entries()) {
    if (value === undefined || value === signals[index]) continue;
    throw new Refusal("SIGNAL_MISMATCH", `public signal ${index} (${given.mismatch(index)}`);
  }
  return accepted(verifier.verify(given.signals, proof)).signals;
}

function accepted<Verdict extends { ok: true }>(verdict: Verdict | Refused<ProofRefusal>): Verdict {
  if (!verdict.ok) throw new Refusal(verdict.reason, verdict.detail);
  return verdict;
}
