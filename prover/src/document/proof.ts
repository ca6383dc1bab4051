// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-proof/1`: a proof together with the statement it proves, in words and in signals.
 *
 * Off chain a proof is bound to its statement by the public signal `context`: the hash of the statement, the policy, the
 * market and the verification key. Whoever verifies an envelope works out every public signal anew from the policy and
 * market published and from the statement's text, and takes nothing from the envelope but the proof, the commitments to
 * the two states, and the commitment to a private fill.
 */

import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import { type Decimal, formatLots, lotOfDecimals } from "../formats/decimal.ts";
import {
  canonicalJson,
  documentSha256,
  type Json,
  type JsonLimits,
  type JsonValue,
  parseJson,
} from "../formats/json.ts";
import type { MarketFile } from "../formats/market.ts";
import { CASH_DECIMALS, type PolicyFile } from "../formats/policy.ts";
import { type KeyCaveat, keyCaveat } from "../keys/origin.ts";
import type { Account } from "../model/account.ts";
import { ASSETS, type BoardSize, blocksOf, CASH_INDEX, instrumentsOf, TIERS } from "../model/sizes.ts";
import { isNoFill, type Side, type Transfer, type Transition } from "../model/transition.ts";
import type { Groth16Proof, Proof, ProveOptions, Prover } from "../prove/prover.ts";
import { FAMILIES, type OwnSignals } from "../statement/families.ts";
import { type Direction, encodeTerms, encodeTransfer, marketSignals, NO_FILL } from "../statement/signals.ts";
import { type LevelBps, levelBps } from "../units.ts";
import { parsePublicSignals, type Refused, type Verifier } from "../verify/verifier.ts";
import {
  accepted,
  type DocumentRefusal,
  MADE_WITH,
  type MadeWith,
  orRefuse,
  Refusal,
  readDocuments,
  readMadeWith,
  sameAsAsked,
  sameKey,
  sameStatement,
  verdictOf,
} from "./kit.ts";

const FORMAT = "plimsoll-proof/1";
const LIMITS: JsonLimits = { length: 1_000_000, values: 10_000 };

/** The statement in the envelope. Every field is text, and the whole is hashed into `context`. */
export interface StatementDocument {
  /** One sentence that says what the other fields say; it follows from them. */
  readonly text: string;
  /** Basis points. */
  readonly level: string;
  readonly direction: Direction;
  /** Symbol, and a signed amount in whole units; into the account where positive. */
  readonly transfer: { readonly asset: string; readonly amount: string };
  readonly side: "1" | "-1";
  readonly fill: "none" | "private";
  readonly board: string;
  readonly epoch: string;
  readonly marketTime: string;
  /** Whom or what the proof is for, chosen by whoever asked for it: a name, a request number, a nonce. */
  readonly audience: string;
}

/** What `signals` says of one public signal, or of the run of them from one index to another. */
export type SignalNote = { readonly name: string; readonly meaning: string; readonly unit: string } & (
  | { readonly index: number }
  | { readonly from: number; readonly to: number }
);

export interface Envelope extends MadeWith {
  readonly format: typeof FORMAT;
  readonly statement: StatementDocument;
  readonly proof: Groth16Proof;
  readonly publicSignals: readonly string[];
  readonly signals: readonly SignalNote[];
}

/** What to prove of an account, and for whom. */
export interface Question {
  readonly before: Account;
  readonly transition: Transition;
  readonly level: LevelBps;
  readonly direction: Direction;
  /** 1 to 200 visible characters. */
  readonly audience: string;
  readonly policy: PolicyFile & { readonly sha256: string };
  readonly market: MarketFile & { readonly sha256: string };
}

/** Proves a question and puts the proof in an envelope. Throws like `Prover.prove`. */
export async function proveEnvelope(prover: Prover, question: Question, options?: ProveOptions): Promise<Envelope> {
  const { before, transition, level, direction, audience, policy, market } = question;
  const key = await prover.key(before.size);
  const fill = isNoFill(transition.fill) ? "none" : "private";
  const claim: Claim = { level, direction, transfer: transition.transfer, side: transition.side, fill, audience };
  const statement = statementDocument(claim, policy, market);
  const hashes = { policySha256: policy.sha256, marketSha256: market.sha256 };
  const context = contextOf(statement, { ...hashes, verificationKeySha256: key.sha256 });
  const request = { before, transition, level, direction, context, policy: policy.policy, market: market.market };
  const { size, proof, publicSignals }: Proof = await prover.prove(request, options);
  return {
    format: FORMAT,
    size,
    statement,
    proof,
    publicSignals,
    signals: signalNotes(size),
    verificationKey: { sha256: key.sha256, origin: key.origin },
    ...hashes,
  };
}

/** The statement of a document, as the model takes it. */
interface Claim {
  readonly level: LevelBps;
  readonly direction: Direction;
  readonly transfer: Transfer;
  readonly side: Side;
  readonly fill: "none" | "private";
  readonly audience: string;
}

function statementDocument(claim: Claim, policy: PolicyFile, market: MarketFile): StatementDocument {
  const { asset, amount } = claim.transfer;
  const { symbol, lot } = assetAt(asset, policy);
  const fields = {
    level: claim.level.toString(),
    direction: claim.direction,
    transfer: { asset: symbol, amount: formatLots(amount, lot) },
    side: claim.side === 1n ? "1" : "-1",
    fill: claim.fill,
    board: market.board,
    epoch: market.epoch.toString(),
    marketTime: market.time,
    audience: claim.audience,
  } as const;
  return { text: sentence(fields), ...fields };
}

function assetAt(asset: number, policy: PolicyFile): { symbol: string; lot: Decimal } {
  if (asset === CASH_INDEX) return { symbol: policy.cashSymbol, lot: lotOfDecimals(CASH_DECIMALS) };
  const listed = policy.assets[asset];
  if (listed === undefined) {
    throw new PlimsollError("UNKNOWN_NAME", "an asset that the policy does not list", { field: "transfer.asset" });
  }
  return { symbol: listed.symbol, lot: lotOfDecimals(listed.lotDecimals) };
}

/** SHA-256 of the canonical JSON of all of this, reduced into the field. */
function contextOf(
  statement: StatementDocument,
  hashes: { policySha256: string; marketSha256: string; verificationKeySha256: string },
): FieldElement {
  return (BigInt(`0x${documentSha256({ statement: { ...statement }, ...hashes })}`) % FIELD_ORDER) as FieldElement;
}

function sentence(statement: Omit<StatementDocument, "text">): string {
  const { level, direction, transfer, fill, board, epoch, marketTime } = statement;
  const percent = formatLots(BigInt(level), lotOfDecimals(2));
  const below = direction === "below";
  const coverage =
    level === "0"
      ? `equity that is ${below ? "" : "not "}negative`
      : `equity ${below ? "below" : "of at least"} ${percent}% of its maintenance margin`;
  const amount = `${transfer.amount.replace("-", "")} ${transfer.asset}`;
  const moved =
    transfer.amount === "0" ? "no transfer" : `${amount} ${transfer.amount.startsWith("-") ? "taken out" : "put in"}`;
  return (
    `At the prices and risk values of board "${board}", epoch ${epoch}, ${marketTime}, the account committed to by ` +
    `stateAfter has ${coverage}; it follows from the one committed to by stateBefore by ${moved} and ` +
    `${fill === "none" ? "no fill" : "one private fill"}.`
  );
}

/** Why an envelope was refused. Stable, for machines. */
export type EnvelopeRefusal =
  | DocumentRefusal
  /** A public signal is not the one that statement, policy or market give; `detail` names the first. */
  | "SIGNAL_MISMATCH";

/** Something that a valid proof does not show. */
export interface Caveat {
  readonly code:
    | KeyCaveat["code"]
    | "STATES_CLAIMED"
    | "COMPLETENESS"
    | "MARKET_VALUES"
    | "TRANSFER_CLAIMED"
    | "FILL_PRIVATE";
  readonly text: string;
}

export interface KnownStates {
  readonly before: "expected" | "claimed";
  readonly after: "expected" | "claimed";
}

export type EnvelopeVerdict =
  | {
      readonly ok: true;
      readonly size: BoardSize;
      readonly statement: StatementDocument;
      readonly signals: OwnSignals<"account", FieldElement>;
      /** Whether the commitments are the ones the verifier expected, or only what the prover says. */
      readonly states: KnownStates;
      readonly verificationKey: MadeWith["verificationKey"];
      readonly policySha256: string;
      readonly marketSha256: string;
      /** What the proof does not show. Never empty. */
      readonly notProven: readonly Caveat[];
    }
  | Refused<EnvelopeRefusal>;

export interface EnvelopeInputs {
  readonly envelope: NamedText;
  readonly policy: NamedText;
  readonly market: NamedText;
  /** Commitments known from elsewhere: from a chain, or attested. */
  readonly expectedStates?: { readonly before?: bigint | undefined; readonly after?: bigint | undefined } | undefined;
  /** What was asked; a proof of anything else is refused. The level is in basis points. */
  readonly asked?: {
    readonly level?: bigint | undefined;
    readonly direction?: Direction | undefined;
    readonly audience?: string | undefined;
  };
}

/**
 * Verifies an envelope against a published policy and market. `verifierFor` gives the verifier of a size, under the key
 * that is trusted (see `loadVerifier`).
 *
 * Never throws for what is in the inputs: all three documents may be hostile. Throws what `verifierFor` throws.
 * Does NOT check that policy and market are current or true, and see `notProven` of the verdict.
 */
export function verifyEnvelope(
  inputs: EnvelopeInputs,
  verifierFor: (size: BoardSize) => Verifier | Promise<Verifier>,
): Promise<EnvelopeVerdict> {
  return verdictOf(async () => {
    const envelope = orRefuse("ENVELOPE_MALFORMED", () => readEnvelope(inputs.envelope));
    const { policy, market } = readDocuments(envelope, inputs);
    const { size, statement } = envelope;
    const verifier = await verifierFor(size);
    sameKey(envelope, verifier.key);

    const { level, direction, audience } = inputs.asked ?? {};
    sameAsAsked({ level: level?.toString(), direction, audience }, statement);
    const expected = expectedSignals(envelope, policy, market, inputs.expectedStates ?? {});
    const given = accepted(parsePublicSignals(envelope.publicSignals, size)).signals;
    for (const [index, value] of expected.entries()) {
      if (value === undefined || value === given[index]) continue;
      const reason: EnvelopeRefusal = index < 2 ? "STATE_UNEXPECTED" : "SIGNAL_MISMATCH";
      throw new Refusal(reason, `public signal ${index} (${signalName(index, size)}) is not what ${sourceOf(index)}`);
    }
    accepted(verifier.verify(envelope.publicSignals, envelope.proof));

    const [before, after] = expected.slice(0, 2).map((value) => (value === undefined ? "claimed" : "expected"));
    const states: KnownStates = { before: before!, after: after! };
    return {
      ok: true as const,
      size,
      statement,
      signals: Object.fromEntries(FAMILIES.account.own.map((name, index) => [name, given[index]!])) as OwnSignals<
        "account",
        FieldElement
      >,
      states,
      verificationKey: envelope.verificationKey,
      policySha256: envelope.policySha256,
      marketSha256: envelope.marketSha256,
      notProven: caveats(envelope, states),
    };
  });
}

/** All public signals, undefined where only the prover knows what is behind it. */
function expectedSignals(
  envelope: Envelope,
  policy: PolicyFile,
  market: MarketFile,
  states: NonNullable<EnvelopeInputs["expectedStates"]>,
): (bigint | undefined)[] {
  const { size, statement, policySha256, marketSha256, verificationKey } = envelope;
  const claim = orRefuse("STATEMENT_MISMATCH", () => claimOf(statement, policy));
  sameStatement(statementDocument(claim, policy, market), statement);
  const hashes = { policySha256, marketSha256, verificationKeySha256: verificationKey.sha256 };
  return [
    states.before,
    states.after,
    encodeTransfer(claim.transfer),
    claim.fill === "none" ? NO_FILL[size] : undefined,
    encodeTerms(claim),
    contextOf(statement, hashes),
    ...marketSignals(policy.policy, market.market),
  ];
}

function claimOf(statement: StatementDocument, policy: PolicyFile): Claim {
  const { transfer, level, direction, side, fill, audience } = statement;
  const index = policy.assets.findIndex(({ symbol }) => symbol === transfer.asset);
  const asset = transfer.asset === policy.cashSymbol ? CASH_INDEX : index;
  const { lot } = assetAt(asset, policy);
  const amount = parseJson(JSON.stringify(transfer.amount), "statement.transfer.amount", LIMITS).amount(
    (value) => value,
    lot,
  );
  // Checks the range.
  encodeTransfer({ asset, amount });
  return {
    level: levelBps(BigInt(level)),
    direction,
    transfer: { asset, amount },
    side: side === "1" ? 1n : -1n,
    fill,
    audience,
  };
}

/**
 * Reads an envelope: its form, that the sentence follows from the other fields of the statement, and that the notes on
 * the signals are those of the format. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`. Does NOT check the proof: `proof`
 * and `publicSignals` may still be anything.
 */
export function readEnvelope({ text, file }: NamedText): Envelope {
  const top = parseJson(text, file, LIMITS).fields([
    ...MADE_WITH,
    "format",
    "statement",
    "proof",
    "publicSignals",
    "signals",
  ]);
  top.format.literal(FORMAT);
  const madeWith = readMadeWith(top);
  const signals = signalNotes(madeWith.size);
  if (canonicalJson(top.signals.plain()) !== canonicalJson(signals as unknown as Json)) {
    throw top.signals.error("FIELD_INVALID", "not the notes on the signals that this format has");
  }
  return {
    ...madeWith,
    format: FORMAT,
    statement: readStatement(top.statement),
    proof: top.proof.plain() as unknown as Groth16Proof,
    publicSignals: top.publicSignals.plain() as string[],
    signals,
  };
}

function readStatement(value: JsonValue): StatementDocument {
  const fields = value.fields([
    "text",
    "level",
    "direction",
    "transfer",
    "side",
    "fill",
    "board",
    "epoch",
    "marketTime",
    "audience",
  ]);
  const transfer = fields.transfer.fields(["asset", "amount"]);
  const statement = {
    level: fields.level.amount((level) => levelBps(level)).toString(),
    direction: fields.direction.oneOf(["at-least", "below"]),
    transfer: { asset: transfer.asset.symbol(), amount: transfer.amount.label() },
    side: fields.side.oneOf(["1", "-1"]),
    fill: fields.fill.oneOf(["none", "private"]),
    board: fields.board.label(),
    epoch: fields.epoch.label(),
    marketTime: fields.marketTime.label(),
    audience: fields.audience.label(),
  } as const;
  transfer.amount.decimal();
  if (fields.level.string() !== statement.level) throw fields.level.error("FIELD_INVALID", "expected an integer");
  const text = sentence(statement);
  if (fields.text.string() !== text) {
    throw fields.text.error("FIELD_INVALID", "the sentence does not say what the other fields of the statement say");
  }
  return { text, ...statement };
}

/** Where the public signals of each part begin and end, and what they are. */
function signalNotes(size: BoardSize): SignalNote[] {
  const single: [string, string][] = [
    ["commitment to the account before", "field element"],
    ["commitment to the account after, of which the statement speaks", "field element"],
    [
      "asset and signed amount moved into the account: asset * 2^65 + amount + 2^64",
      "lots; millionths for cash (asset 15)",
    ],
    ["commitment to the private fill; a constant where there is none", "field element"],
    ["level + 2^20 if below + 2^21 if the fill's side is -1", "basis points"],
    ["SHA-256 of statement, policy, market and verification key, modulo r", "field element"],
  ];
  const policy = 3 * TIERS * ASSETS;
  const ranges: [string, number, string, string][] = [
    [
      "policy",
      policy,
      `for each of ${ASSETS} assets ${TIERS} tier boundaries, ${TIERS} weights, ${TIERS} intercepts`,
      "lots; basis points; lots times basis points",
    ],
    ["prices", ASSETS, "price of one lot of each asset", "quote currency, 1e-16"],
    [
      "rows",
      8 * instrumentsOf(size),
      "for each instrument 16 scenario profits, mark and delta, three to a signal at a stride of 84 bits; then the charges of a long and a short lot",
      "quote currency per lot, 1e-6",
    ],
    [
      "blocks",
      3 * blocksOf(size),
      "for each block of 60 instruments liquidity threshold, liquidity rate, and whether it continues the netting set before",
      "quote currency, 1e-6; basis points; 0 or 1",
    ],
  ];
  let from = FAMILIES.account.own.length;
  return [
    ...single.map(([meaning, unit], index) => ({ index, name: FAMILIES.account.own[index]!, meaning, unit })),
    ...ranges.map(([name, count, meaning, unit]) => {
      from += count;
      return { from: from - count, to: from - 1, name, meaning, unit };
    }),
  ];
}

function signalName(index: number, size: BoardSize): string {
  const note = signalNotes(size).find((entry) =>
    "index" in entry ? entry.index === index : entry.from <= index && index <= entry.to,
  )!;
  return "index" in note ? note.name : `${note.name}[${index - note.from}]`;
}

function sourceOf(index: number): string {
  if (index < 2) return "the verifier expects";
  if (index < FAMILIES.account.own.length) return "the statement says";
  return index < FAMILIES.account.own.length + 3 * TIERS * ASSETS ? "the policy says" : "the market says";
}

function caveats({ statement, verificationKey }: Envelope, { before, after }: KnownStates): Caveat[] {
  // With neither transfer nor fill the state after is the state before: knowing one is knowing the other.
  const still = statement.fill === "none" && statement.transfer.amount === "0";
  const all: readonly (Caveat | false | undefined)[] = [
    keyCaveat(verificationKey.origin),
    after !== "expected" &&
      !(still && before === "expected") && {
        code: "STATES_CLAIMED",
        text: "The commitments to the account are the prover's own claim: nothing here ties them to a chain or a custodian.",
      },
    {
      code: "COMPLETENESS",
      text: "It is not proven that this account is all that its owner holds or owes, nor that the assets exist.",
    },
    {
      code: "MARKET_VALUES",
      text: "Policy, prices and risk values are taken as given: not that they are right, nor that they are current.",
    },
    statement.transfer.amount !== "0" &&
      after !== "expected" && {
        code: "TRANSFER_CLAIMED",
        text: "The transfer is part of the claim: it is not shown that it took place, and coverage is as stated only if it did.",
      },
    statement.fill === "private" && {
      code: "FILL_PRIVATE",
      text: "What was traded is hidden, and it is not shown here that another account took the other side.",
    },
  ];
  return all.filter((caveat) => caveat !== false && caveat !== undefined);
}

/** What an envelope says, for people. Nothing in it has been verified. */
export interface EnvelopeDescription {
  readonly sentence: string;
  readonly audience: string;
  /** In order; values of the six public signals of the proof as given, none for the runs. */
  readonly signals: readonly (SignalNote & { readonly value?: string })[];
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  /** What even a valid proof of this would not show. */
  readonly notProven: readonly Caveat[];
}

/** The words for an envelope: its claim, its signals with meanings and units, what it was made under. */
export function describe(envelope: Envelope): EnvelopeDescription {
  const { statement, size, verificationKey, policySha256, marketSha256, publicSignals } = envelope;
  const value = (index: number): { value?: string } => {
    const signal: unknown = Array.isArray(publicSignals) ? publicSignals[index] : undefined;
    // Not verified yet: only what cannot be taken for anything but a number is shown.
    return typeof signal === "string" && /^[0-9]{1,78}$/.test(signal) ? { value: signal } : {};
  };
  return {
    sentence: statement.text,
    audience: statement.audience,
    signals: envelope.signals.map((note) => ("index" in note ? { ...note, ...value(note.index) } : note)),
    facts: [
      { label: "board size", value: `${size}, ${instrumentsOf(size)} instruments` },
      { label: "board", value: statement.board },
      { label: "epoch", value: statement.epoch },
      { label: "market time", value: statement.marketTime },
      { label: "policy", value: `sha256 ${policySha256}` },
      { label: "market", value: `sha256 ${marketSha256}` },
      { label: "verification key", value: `${verificationKey.origin}, sha256 ${verificationKey.sha256}` },
    ],
    notProven: caveats(envelope, { before: "claimed", after: "claimed" }),
  };
}
