// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-proof/2`: a proof of coverage together with the statement it proves, in words and in signals.
 *
 * Whoever checks one works out every public signal from the statement and from policy and market as published, and takes
 * nothing from the document but the proof, the commitments to the two states, and the commitment to a private fill.
 */
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import { type Decimal, formatLots, lotOfDecimals, lotsOf, parseDecimal } from "../formats/decimal.ts";
import { readDepartures } from "../formats/departures.ts";
import { canonicalJson, type Json, type JsonValue } from "../formats/json.ts";
import { CASH_DECIMALS, type PolicyFile } from "../formats/policy.ts";
import { CASH_INDEX, instrumentsOf } from "../model/sizes.ts";
import type { Side, Transfer } from "../model/transition.ts";
import type { Groth16Proof } from "../prove/prover.ts";
import { FAMILIES, type OwnSignals } from "../statement/families.ts";
import { type Direction, encodeTerms, encodeTransfer, marketSignals, NO_FILL } from "../statement/signals.ts";
import { type LevelBps, levelBps } from "../units.ts";
import type { Refused, Verifier } from "../verify/verifier.ts";
import {
  type Accepted,
  accept,
  type Caveat,
  COMPLETENESS,
  contextOf,
  type DocumentKind,
  type DocumentRefusal,
  type KeyCaveatCode,
  MADE_UNDER,
  MARKET_VALUES,
  type MadeUnder,
  madeUnder,
  type NamedKey,
  type Published,
  provenSignals,
  type Readers,
  readDocument,
  readFields,
  readStatement,
  STATEMENT_TERMS,
  type StatementKind,
  type StatementTerms,
  same,
  statedClaim,
  unchecked,
  verdictOf,
  withKey,
} from "./kit.ts";
import { type SignalNote, signalName, signalNotes, signalSource } from "./signal-notes.ts";
import {
  accountWords,
  type Fact,
  foreign,
  marketOf,
  momentWords,
  type StatedClaim,
  statedFacts,
  timesWords,
  unitsWords,
} from "./words.ts";

/** The statement in the document. Every field is text, and the whole is hashed into `context`. */
export interface StatementDocument extends StatementTerms {
  /** Basis points. */
  readonly level: string;
  readonly direction: Direction;
  /** Symbol, and a signed amount in whole units; into the account where positive. */
  readonly transfer: { readonly asset: string; readonly amount: string };
  readonly side: "1" | "-1";
  readonly fill: "none" | "private";
  /** What the account's owner left out of it, or counts in another way than the records; names, no amounts. Absent where nothing. */
  readonly exceptions?: readonly string[];
}
const OWN = FAMILIES.account.own;
type ProofSignals = OwnSignals<"account", FieldElement>;
type Said = Omit<StatementDocument, "text">;

interface EnvelopeTerms extends MadeUnder {
  readonly statement: StatementDocument;
}

/**
 * The file of a proof: the statement in words and numbers, and the proof.
 * @see docs/library.md#proofs
 */
export interface Envelope extends EnvelopeTerms {
  readonly format: "plimsoll-proof/2";
  readonly verificationKey: NamedKey;
  readonly proof: Groth16Proof;
  readonly publicSignals: readonly string[];
  readonly signals: readonly SignalNote[];
}

const SAID: Readers<Required<Said>> = {
  ...STATEMENT_TERMS,
  level(value) {
    const level = value.amount((bps) => levelBps(bps)).toString();
    if (value.string() !== level) throw value.error("FIELD_INVALID", "expected an integer");
    return level;
  },
  direction: (value) => value.oneOf(["at-least", "below"]),
  transfer: (value) => readFields({ asset: (asset) => asset.symbol(), amount: decimalText }, value),
  side: (value) => value.oneOf(["1", "-1"]),
  fill: (value) => value.oneOf(["none", "private"]),
  exceptions: (value) => readDepartures(value),
};

function decimalText(value: JsonValue): string {
  value.decimal();
  return value.string();
}

const KIND: DocumentKind<Envelope["format"], EnvelopeTerms, Pick<Envelope, "proof" | "publicSignals" | "signals">> = {
  format: "plimsoll-proof/2",
  limits: { length: 1_000_000, values: 10_000 },
  terms: { ...MADE_UNDER, statement: (value) => readStatement<Said>(SAID, sentence, value, ["exceptions"]) },
  evidence: { proof: unchecked, publicSignals: unchecked, signals: unchecked },
};

/** An envelope without its proof. */
export type EnvelopeDraft = Omit<Envelope, keyof typeof KIND.evidence>;

/** What an envelope says of a claim, and the `context` of the proof that it waits for. */
export function draftEnvelope(
  claim: Claim,
  files: Published,
  { sha256, origin }: NamedKey,
): { readonly draft: EnvelopeDraft; readonly context: FieldElement } {
  const said = saidOf(claim, files);
  const terms = { ...madeUnder(files), statement: { text: sentence(said), ...said } };
  const draft = { format: KIND.format, ...terms, verificationKey: { sha256, origin } };
  return { draft, context: contextOf(KIND, terms, { sha256 }) };
}

export const completeEnvelope = (
  draft: EnvelopeDraft,
  { proof, publicSignals }: Pick<Envelope, "proof" | "publicSignals">,
): Envelope => ({ ...draft, proof, publicSignals, signals: signalNotes(draft.size) });

/** What a statement says, as the model takes it. */
export interface Claim extends Pick<Said, "account" | "direction" | "fill" | "audience" | "exceptions"> {
  readonly level: LevelBps;
  readonly transfer: Transfer;
  readonly side: Side;
}

function saidOf(claim: Claim, { policy, market }: Published): Said {
  const { asset, amount } = claim.transfer;
  const { symbol, lot } = assetAt(asset, policy);
  return {
    account: claim.account,
    board: market.board,
    epoch: market.epoch.toString(),
    marketTime: market.time,
    audience: claim.audience,
    level: claim.level.toString(),
    direction: claim.direction,
    transfer: { asset: symbol, amount: formatLots(amount, lot) },
    side: claim.side === 1n ? "1" : "-1",
    fill: claim.fill,
    ...exceptionsIn(claim),
  };
}

/** Absent where there are none: nothing is written in two ways, and statements made before there were any stay as they are. */
const exceptionsIn = ({ exceptions = [] }: Pick<Said, "exceptions">) => (exceptions.length > 0 ? { exceptions } : {});

/** The inverse of `saidOf` for a statement that policy and market bear out; throws for most others. */
function claimOf(
  { account, transfer, level, direction, side, fill, audience, ...said }: Said,
  policy: PolicyFile,
): Claim {
  const index = policy.assets.findIndex(({ symbol }) => symbol === transfer.asset);
  const asset = transfer.asset === policy.cashSymbol ? CASH_INDEX : index;
  const amount = lotsOf(parseDecimal(transfer.amount), assetAt(asset, policy).lot);
  // Checks the range.
  encodeTransfer({ asset, amount });
  return {
    account,
    level: levelBps(BigInt(level)),
    direction,
    transfer: { asset, amount },
    side: side === "1" ? 1n : -1n,
    fill,
    audience,
    ...exceptionsIn(said),
  };
}

function assetAt(index: number, { assets, cashSymbol }: PolicyFile): { symbol: string; lot: Decimal } {
  if (index === CASH_INDEX) return { symbol: cashSymbol, lot: lotOfDecimals(CASH_DECIMALS) };
  const listed = assets[index];
  if (listed === undefined) {
    throw new PlimsollError("UNKNOWN_NAME", "an asset that the policy does not list", { field: "transfer.asset" });
  }
  return { symbol: listed.symbol, lot: lotOfDecimals(listed.lotDecimals) };
}

function sentence(said: Said): string {
  const { level, direction, transfer, fill, marketTime, exceptions = [] } = said;
  const below = direction === "below";
  const coverage =
    level === "0"
      ? `has equity ${below ? "below zero" : "of zero or more"}`
      : `covers its maintenance margin ${below ? "less than" : "at least"} ${timesWords(BigInt(level))} times`;
  const amount = unitsWords(transfer.amount.replace("-", ""));
  const moved = [
    transfer.amount !== "0" &&
      `a ${transfer.amount.startsWith("-") ? "withdrawal" : "deposit"} of ${amount} of one asset`,
    fill === "private" && "one private trade",
  ].filter((part) => part !== false);
  return (
    `${accountWords(said)} ${coverage}, at the prices of ${momentWords(marketTime)}. ` +
    (moved.length === 0 ? "Nothing moved in or out for this proof." : `This counts ${moved.join(" and ")}.`) +
    (exceptions.length === 0 ? "" : ` The account's owner names ${exceptionsWords(exceptions)}.`)
  );
}

const exceptionsWords = ({ length }: readonly string[]) =>
  `${length} ${length === 1 ? "exception" : "exceptions"} from its records`;

/** What a statement of coverage claims. */
function coverageClaim({
  direction,
  level,
  transfer: { asset, amount },
  exceptions = [],
}: StatementDocument): StatedClaim {
  const moved: Fact[] = [
    { label: amount.startsWith("-") ? "withdrawal" : "deposit", value: amount.replace("-", "") },
    { label: "asset of it, as named by the policy file", value: foreign(asset, "policy file") },
  ];
  const unit = "basis points of the maintenance margin";
  const excepted = exceptions.map(
    (name): Fact => ({ label: "exception, as the owner names it", value: foreign(name, "prover") }),
  );
  return { figure: "coverage", direction, level, unit, facts: [...(amount === "0" ? [] : moved), ...excepted] };
}

/**
 * Why an envelope was refused. Stable, for machines.
 * @see docs/library.md#proofs
 */
export type EnvelopeRefusal = DocumentRefusal;

export type EnvelopeCaveat = Caveat<
  | KeyCaveatCode
  | "STATES_CLAIMED"
  | "COMPLETENESS"
  | "EXCEPTIONS"
  | "MARKET_VALUES"
  | "TRANSFER_CLAIMED"
  | "FILL_PRIVATE"
>;

export interface KnownStates {
  readonly before: "expected" | "claimed";
  readonly after: "expected" | "claimed";
}

/**
 * What a reader finds out about a proof.
 * @see docs/library.md#proofs
 */
export type EnvelopeVerdict =
  | (Accepted<StatementDocument, EnvelopeCaveat["code"]> & {
      readonly signals: ProofSignals;
      /** Whether the commitments are the ones the verifier expected, or only what the prover says. */
      readonly states: KnownStates;
    })
  | Refused<EnvelopeRefusal>;

/** Statements of coverage, as verdicts tell them. */
export const COVERAGE: StatementKind<StatementDocument, EnvelopeVerdict & { ok: true }> = {
  kind: "coverage",
  family: "account",
  claim: coverageClaim,
  commitments({ statement, signals, states: { before, after } }) {
    // With neither transfer nor fill the state after is the state before: knowing one is knowing the other.
    const either = isStill(statement) && [before, after].includes("expected") ? "expected" : undefined;
    return [
      { name: "stateBefore", value: signals.stateBefore.toString(), known: either ?? before },
      { name: "stateAfter", value: signals.stateAfter.toString(), known: either ?? after },
    ];
  },
};

const isStill = ({ fill, transfer }: StatementDocument): boolean => fill === "none" && transfer.amount === "0";

/** What the reader of an envelope has and wants. */
export interface EnvelopeChecks extends Published {
  /** Commitments known from elsewhere: from a chain, or attested. */
  readonly expectedStates?: { readonly before?: bigint | undefined; readonly after?: bigint | undefined } | undefined;
  /** What was asked; a proof of anything else is refused. The level is in basis points. */
  readonly asked?:
    | {
        readonly level?: bigint | undefined;
        readonly direction?: Direction | undefined;
        readonly audience?: string | undefined;
      }
    | undefined;
}

/**
 * Checks an envelope against a published policy and market, under the verifier's key, which is trusted.
 *
 * Never throws for what is in the envelope, which may be hostile. Does NOT check that policy and market are current or true,
 * and see `notProven` of the verdict.
 * @see docs/library.md#proofs
 */
export function checkEnvelope(envelope: Envelope, checks: EnvelopeChecks, verifier: Verifier): EnvelopeVerdict {
  return verdictOf(() => {
    const { size, statement } = envelope;
    const { level, direction, audience } = checks.asked ?? {};
    const asked = { level: level?.toString(), direction, audience };
    const claim = statedClaim(
      envelope,
      { files: checks, key: verifier.key, asked },
      { claimOf: () => claimOf(statement, checks.policy), saidOf: (stated) => saidOf(stated, checks) },
    );
    const given = provenSignals(verifier, envelope.proof, expectedSignals(envelope, claim, checks), {
      signals: envelope.publicSignals,
      mismatch: (index) => `${signalName(index, size)}) is not what ${signalSource(index)}`,
    });
    const states = knownStates(given, checks.expectedStates ?? {});
    return {
      ...accept(envelope, caveats(envelope, states)),
      signals: Object.fromEntries(OWN.map((name, index) => [name, given[index]!])) as ProofSignals,
      states,
    };
  });
}

/** All public signals, undefined where only the prover knows what is behind it. */
function expectedSignals(
  envelope: Envelope,
  claim: Claim,
  { policy, market }: Published,
): readonly (bigint | undefined)[] {
  return [
    undefined,
    BigInt(claim.account),
    encodeTransfer(claim.transfer),
    claim.fill === "none" ? NO_FILL[envelope.size] : undefined,
    encodeTerms(claim),
    contextOf(KIND, envelope, envelope.verificationKey),
    ...marketSignals(policy.policy, market.market),
  ];
}

/** Refuses commitments other than the reader expects. */
function knownStates(
  signals: readonly FieldElement[],
  { before, after }: NonNullable<EnvelopeChecks["expectedStates"]>,
): KnownStates {
  const [known, other] = [before, after].map((expected, index) => {
    if (expected === undefined) return "claimed";
    const detail = `the commitment ${index === 0 ? "before" : "after"} is not the one that you expect (${OWN[index]})`;
    same(signals[index]!.toString(), expected.toString(), "STATE_UNEXPECTED", detail);
    return "expected";
  });
  return { before: known!, after: other! };
}

/**
 * Reads an envelope: its form, that the sentence follows from the other fields of the statement, and that the notes on
 * the signals are those of the format. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`. Does NOT check the proof: `proof`
 * and `publicSignals` may still be anything.
 * @see docs/library.md#proofs
 */
export function readEnvelope(given: NamedText): Envelope {
  const envelope = readDocument(KIND, given);
  const notes = signalNotes(envelope.size) as unknown as Json;
  if (canonicalJson(envelope.signals as unknown as Json) === canonicalJson(notes)) return envelope;
  const place = { file: given.file, field: "signals" };
  throw new PlimsollError("FIELD_INVALID", "not the notes on the signals that this format has", place);
}

function caveats({ statement }: EnvelopeTerms, { before, after }: KnownStates): (EnvelopeCaveat | false)[] {
  const moved = statement.transfer.amount !== "0";
  return [
    after !== "expected" &&
      !(isStill(statement) && before === "expected") && {
        code: "STATES_CLAIMED",
        text: "The commitment to the account is the prover's own claim; this proof does not tie it to a chain or a custodian.",
      },
    COMPLETENESS,
    statement.exceptions !== undefined && {
      code: "EXCEPTIONS",
      text: "The account leaves out, or counts in another way, what the statement names as exceptions; this proof does not show how much that is.",
    },
    MARKET_VALUES,
    moved &&
      after !== "expected" && {
        code: "TRANSFER_CLAIMED",
        text: "This proof does not show that the transfer took place; the coverage is as stated only if it did.",
      },
    statement.fill === "private" && {
      code: "FILL_PRIVATE",
      text: "The trade is hidden; this proof does not show that another account took the other side.",
    },
  ];
}

/**
 * What an envelope says, for people. Nothing in it has been verified.
 * @see docs/library.md#proofs
 */
export interface EnvelopeDescription {
  readonly sentence: string;
  /** In order; values of the six public signals of the proof as given, none for the runs. */
  readonly signals: readonly (SignalNote & { readonly value?: string })[];
  readonly facts: readonly Fact[];
  /** What even a valid proof of this would not show. */
  readonly notProven: readonly EnvelopeCaveat[];
}

/**
 * The words for an envelope: its claim, its signals with meanings and units, what it was made under.
 * @see docs/library.md#proofs
 */
export function describe(envelope: Envelope): EnvelopeDescription {
  const { statement, size, verificationKey, policySha256, marketSha256, publicSignals } = envelope;
  const value = (index: number): { value?: string } => {
    const signal: unknown = Array.isArray(publicSignals) ? publicSignals[index] : undefined;
    // Not verified yet: only what cannot be taken for anything but a number is shown.
    return typeof signal === "string" && /^[0-9]{1,78}$/.test(signal) ? { value: signal } : {};
  };
  const fact = (label: string, value: string): Fact => ({ label, value });
  return {
    sentence: statement.text,
    signals: envelope.signals.map((note) => ("index" in note ? { ...note, ...value(note.index) } : note)),
    facts: [
      ...statedFacts({
        claim: coverageClaim(statement),
        commitments: [{ name: "account", value: statement.account }],
        audience: foreign(statement.audience, "prover"),
        market: marketOf(statement),
      }),
      fact("board size", `${size}, ${instrumentsOf(size)} instruments`),
      fact("policy", `sha256 ${policySha256}`),
      fact("market", `sha256 ${marketSha256}`),
      fact("verification key", `${verificationKey.origin}, sha256 ${verificationKey.sha256}`),
    ],
    notProven: withKey(verificationKey, caveats(envelope, { before: "claimed", after: "claimed" })),
  };
}
