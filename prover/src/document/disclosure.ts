// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-disclosure/1`: one figure of an account within a band, with a proof that convinces one auditor.
 *
 * As with `plimsoll-proof/1` every public signal is worked out anew from the statement's text, policy and market; nothing is
 * taken from the envelope but the proof and the commitment to the account. The auditor's key is taken from the reader's own
 * secret: there is no way here to verify without one, because a disclosure says nothing to anybody else.
 */
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import { type Decimal, formatLots, lotOfDecimals, lotsOf, parseDecimal } from "../formats/decimal.ts";
import { documentSha256, type Json, type JsonLimits, type JsonValue, parseJson } from "../formats/json.ts";
import { listingSha256, type MarketFile } from "../formats/market.ts";
import { CASH_DECIMALS, type PolicyFile } from "../formats/policy.ts";
import { type KeyCaveat, keyCaveat } from "../keys/origin.ts";
import type { Account } from "../model/account.ts";
import { commitAuditorSecret, commitState } from "../model/commit.ts";
import { type Figure, figureOf, largestFigure, weightsOf } from "../model/figure.ts";
import type { BoardSize } from "../model/sizes.ts";
import type { Groth16Proof, ProveOptions, Prover } from "../prove/prover.ts";
import { type Band, checkBand, type DisclosureClaim, disclosureSignals } from "../statement/disclosure.ts";
import { type CircuitOf, circuitOf } from "../statement/families.ts";
import type { Refused, Verifier } from "../verify/verifier.ts";
import { fieldElement } from "./auditor-key.ts";
import {
  accepted,
  type DocumentRefusal,
  MADE_WITH,
  type MadeWith,
  orRefuse,
  readDocuments,
  readMadeWith,
  same,
  sameAsAsked,
  sameKey,
  sameStatement,
  verdictOf,
} from "./kit.ts";

const FORMAT = "plimsoll-disclosure/1";
const LIMITS: JsonLimits = { length: 20_000, values: 200 };
/** Equity is in 1e-20 quote. */
const EQUITY_DECIMALS = 20;

/** The statement in the envelope. Every field is text, and the whole is hashed into `context`. */
export interface DisclosureDocument {
  /** One sentence that says what the other fields say; it follows from them. */
  readonly text: string;
  /** `equity`, `cash`, `asset:BTC`, `instrument:ETH-PERP`. */
  readonly figure: string;
  /** Ends of the band, inside, in whole units; null where it is open. */
  readonly low: string | null;
  readonly high: string | null;
  readonly unit: string;
  readonly board: string;
  readonly epoch: string;
  readonly marketTime: string;
  /** What the disclosure answers, chosen by whoever asked: a name, a request number. */
  readonly audience: string;
}

export interface DisclosureEnvelope extends MadeWith {
  readonly format: typeof FORMAT;
  readonly statement: DisclosureDocument;
  /** Commitment to the account, decimal. */
  readonly state: string;
  /** The auditor's public key, decimal. */
  readonly auditor: string;
  readonly proof: Groth16Proof;
}

/** Ends of a band as asked for; undefined where it is open. */
export interface OpenBand {
  readonly low?: bigint | undefined;
  readonly high?: bigint | undefined;
}

/** What is disclosed, and to whom. */
export interface Disclosing {
  readonly figure: NamedFigure;
  readonly band: OpenBand;
  /** 1 to 200 visible characters. */
  readonly audience: string;
  readonly policy: PolicyFile & { readonly sha256: string };
  readonly market: MarketFile & { readonly sha256: string };
}

/** A figure with the words for it. */
export interface NamedFigure {
  readonly name: string;
  readonly figure: Figure;
  /** What one unit of the model's figure is, and of what. */
  readonly lot: Decimal;
  readonly unit: string;
}

/** Finds a figure by name. Throws `UNKNOWN_NAME` where policy or market does not list it; never repeats the name. */
export function namedFigure(name: string, policy: PolicyFile, market: MarketFile): NamedFigure {
  if (name === "equity") {
    return { name, figure: { kind: "equity" }, lot: lotOfDecimals(EQUITY_DECIMALS), unit: policy.cashSymbol };
  }
  if (name === "cash") {
    return { name, figure: { kind: "cash" }, lot: lotOfDecimals(CASH_DECIMALS), unit: policy.cashSymbol };
  }
  const [, kind, symbol = ""] = /^(asset|instrument):(.+)$/.exec(name) ?? [];
  if (kind === "asset") {
    const index = policy.assets.findIndex((asset) => asset.symbol === symbol);
    const asset = policy.assets[index];
    if (asset !== undefined) {
      return { name, figure: { kind, index }, lot: lotOfDecimals(asset.lotDecimals), unit: symbol };
    }
  }
  if (kind === "instrument") {
    const index = market.instruments.findIndex((instrument) => instrument?.symbol === symbol);
    const instrument = market.instruments[index];
    if (instrument !== undefined) return { name, figure: { kind, index }, lot: instrument.lot, unit: symbol };
  }
  const rule = "expected equity, cash, asset:<of the policy> or instrument:<of the market>";
  throw new PlimsollError("UNKNOWN_NAME", rule, { field: "figure" });
}

/** The figure of an account: private. */
export function figureValue(account: Account, { figure }: NamedFigure, policy: PolicyFile, market: MarketFile): bigint {
  return figureOf(account, weightsOf(figure, policy.policy, market.market));
}

/** The cell that holds a value on the grid of a step, both ends inside. */
export function cellOf(value: bigint, step: bigint): Band {
  const floor = value / step - (value < 0n && value % step !== 0n ? 1n : 0n);
  return { low: floor * step, high: (floor + 1n) * step };
}

/** Proves a figure to an auditor's key. Throws like `Prover.disclose`. */
export function proveDisclosure(
  prover: Prover,
  request: Disclosing & { readonly account: Account; readonly auditor: FieldElement },
  options?: ProveOptions,
): Promise<DisclosureEnvelope> {
  const { account, auditor } = request;
  return assemble(prover, request, commitState(account), auditor, async (claim) => {
    const { proof } = await prover.disclose({ ...claim, account }, options);
    return proof;
  });
}

/**
 * What an auditor can make with his secret alone: an envelope about any state that says anything, and that nobody can tell
 * from a firm's. It is here so that everybody knows it can be done.
 */
export function simulateDisclosure(
  prover: Prover,
  request: Disclosing & { readonly state: FieldElement; readonly secret: FieldElement },
  options?: ProveOptions,
): Promise<DisclosureEnvelope> {
  const { state, secret } = request;
  const { size } = request.market.market.board;
  return assemble(prover, request, state, commitAuditorSecret(secret), async (claim) => {
    const { proof } = await prover.simulate({ ...claim, size, secret }, options);
    return proof;
  });
}

async function assemble(
  prover: Prover,
  disclosing: Disclosing,
  state: FieldElement,
  auditor: FieldElement,
  prove: (claim: DisclosureClaim) => Promise<Groth16Proof>,
): Promise<DisclosureEnvelope> {
  const { policy, market } = disclosing;
  const { size } = market.market.board;
  const { sha256, origin } = await prover.key(circuitOf("disclosure", size));
  const envelope = {
    format: FORMAT,
    size,
    statement: documentOf(disclosing),
    state: state.toString(),
    auditor: auditor.toString(),
    verificationKey: { sha256, origin },
    policySha256: policy.sha256,
    marketSha256: market.sha256,
  } as const;
  const proof = await prove(claimOf(envelope, policy, market));
  return { ...envelope, proof };
}

function documentOf({ figure, band, audience, market }: Disclosing): DisclosureDocument {
  if (band.low === undefined && band.high === undefined) {
    throw new PlimsollError("FIELD_INVALID", "a band that is open at both ends says nothing", { field: "low" });
  }
  const end = (value: bigint | undefined) => (value === undefined ? null : formatLots(value, figure.lot));
  const fields = {
    figure: figure.name,
    low: end(band.low),
    high: end(band.high),
    unit: figure.unit,
    board: market.board,
    epoch: market.epoch.toString(),
    marketTime: market.time,
    audience,
  };
  return { text: sentence(fields), ...fields };
}

function sentence({ figure, low, high, unit, board, epoch, marketTime }: Omit<DisclosureDocument, "text">): string {
  const band =
    low === high
      ? `exactly ${low}`
      : [low === null ? [] : `at least ${low}`, high === null ? [] : `at most ${high}`].flat().join(" and ");
  const held = figure === "equity" ? "has equity of" : figure === "cash" ? "has cash of" : "holds";
  const when = figure === "equity" ? "At the policy, prices and marks of" : "By the names and lots of";
  return `${when} board "${board}", epoch ${epoch}, ${marketTime}, the account committed to by state ${held} ${band} ${unit}.`;
}

/** The claim of an envelope, by policy and market. Throws where it says what they do not. */
function claimOf(
  envelope: Omit<DisclosureEnvelope, "proof">,
  policy: PolicyFile,
  market: MarketFile,
): DisclosureClaim & { readonly named: NamedFigure } {
  const { statement, size, state, auditor, verificationKey, policySha256, marketSha256 } = envelope;
  const named = namedFigure(statement.figure, policy, market);
  const limit = largestFigure(size);
  const end = (text: string | null, open: bigint) => (text === null ? open : lotsOf(parseDecimal(text), named.lot));
  const band = checkBand({ low: end(statement.low, -limit), high: end(statement.high, limit) }, size);
  const hashes = { policySha256, marketSha256, verificationKeySha256: verificationKey.sha256 };
  const bound: Json = { statement: { ...statement }, state, auditor, ...hashes };
  return {
    named,
    state: fieldElement(state),
    auditor: fieldElement(auditor),
    band,
    context: BigInt(`0x${documentSha256(bound)}`) % FIELD_ORDER,
    weights: weightsOf(named.figure, policy.policy, market.market),
  };
}

/** Why a disclosure was refused. Stable, for machines. */
export type DisclosureRefusal =
  | DocumentRefusal
  /** It was made for another auditor's key than the reader's: it may be anybody's invention. */
  | "AUDITOR_MISMATCH"
  /** Names and units of assets and instruments are not those that the account is known to be kept under. */
  | "LISTING_UNEXPECTED";

/** Something that a valid disclosure does not show. */
export interface DisclosureCaveat {
  readonly code:
    | KeyCaveat["code"]
    | "STATE_CLAIMED"
    | "LISTING_AS_GIVEN"
    | "COMPLETENESS"
    | "MARKET_VALUES"
    | "DESIGNATED";
  readonly text: string;
}

export type DisclosureVerdict =
  | {
      readonly ok: true;
      readonly size: BoardSize;
      readonly statement: DisclosureDocument;
      readonly state: { readonly commitment: FieldElement; readonly known: "expected" | "claimed" };
      readonly verificationKey: DisclosureEnvelope["verificationKey"];
      readonly policySha256: string;
      readonly marketSha256: string;
      /** What is not shown. Never empty. */
      readonly notProven: readonly DisclosureCaveat[];
    }
  | Refused<DisclosureRefusal>;

export interface DisclosureInputs {
  readonly envelope: NamedText;
  readonly policy: NamedText;
  readonly market: NamedText;
  /** The reader's own. */
  readonly secret: FieldElement;
  /** The commitment known from a chain, a verified pack or an attestation. */
  readonly expectedState?: bigint | undefined;
  /** `listingSha256` of the names and units that the account is known to be kept under, as an attestation names it. */
  readonly expectedListing?: string | undefined;
  /** What was asked; a disclosure of anything else is refused. */
  readonly asked?: { readonly figure?: string | undefined; readonly audience?: string | undefined };
}

/**
 * Verifies a disclosure to the holder of `secret`. `verifierFor` gives the verifier of a circuit under the key that is
 * trusted.
 *
 * Never throws for what is in the inputs: all three documents may be hostile. Throws what `verifierFor` throws. Convinces
 * the reader only as far as nobody else has his secret.
 */
export function verifyDisclosure(
  inputs: DisclosureInputs,
  verifierFor: (
    circuit: CircuitOf<"disclosure">,
  ) => Verifier<CircuitOf<"disclosure">> | Promise<Verifier<CircuitOf<"disclosure">>>,
): Promise<DisclosureVerdict> {
  return verdictOf(async () => {
    const envelope = orRefuse("ENVELOPE_MALFORMED", () => readDisclosure(inputs.envelope));
    const { policy, market } = readDocuments(envelope, inputs);
    const { size, statement, state } = envelope;

    const own = commitAuditorSecret(inputs.secret).toString();
    same(envelope.auditor, own, "AUDITOR_MISMATCH", "it was made for another key: to you it shows nothing");
    const expected = inputs.expectedState?.toString();
    same(state, expected ?? state, "STATE_UNEXPECTED", "state is not what the reader expects");
    const listing = listingSha256(policy, market);
    const why = "names and units of policy and market are not those that the reader expects of the account";
    same(listing, inputs.expectedListing ?? listing, "LISTING_UNEXPECTED", why);
    const { figure, audience } = inputs.asked ?? {};
    sameAsAsked({ figure, audience }, statement);

    const verifier = await verifierFor(circuitOf("disclosure", size));
    sameKey(envelope, verifier.key);
    const { named, ...claim } = orRefuse("STATEMENT_MISMATCH", () => claimOf(envelope, policy, market));
    const open = (text: string | null, value: bigint) => (text === null ? undefined : value);
    const band = { low: open(statement.low, claim.band.low), high: open(statement.high, claim.band.high) };
    sameStatement(documentOf({ figure: named, band, audience: statement.audience, policy, market }), statement);
    accepted(verifier.verify(disclosureSignals(claim).map(String), envelope.proof));
    const known = expected === undefined ? "claimed" : "expected";
    return {
      ok: true as const,
      size,
      statement,
      state: { commitment: claim.state, known },
      verificationKey: envelope.verificationKey,
      policySha256: envelope.policySha256,
      marketSha256: envelope.marketSha256,
      notProven: caveats(envelope, known, inputs.expectedListing !== undefined),
    };
  });
}

/**
 * Reads an envelope: its form, and that the sentence follows from the other fields of the statement. Throws `SYNTAX`,
 * `TOO_LARGE` or `FIELD_INVALID`. Does NOT check the proof.
 */
export function readDisclosure({ text, file }: NamedText): DisclosureEnvelope {
  const top = parseJson(text, file, LIMITS).fields([...MADE_WITH, "format", "statement", "state", "auditor", "proof"]);
  top.format.literal(FORMAT);
  const element = (value: JsonValue) => value.check(() => fieldElement(value.string())).toString();
  return {
    ...readMadeWith(top),
    format: FORMAT,
    statement: readStatement(top.statement),
    state: element(top.state),
    auditor: element(top.auditor),
    proof: top.proof.plain() as unknown as Groth16Proof,
  };
}

function readStatement(value: JsonValue): DisclosureDocument {
  const names = ["text", "figure", "low", "high", "unit", "board", "epoch", "marketTime", "audience"] as const;
  const fields = value.fields(names);
  const end = (field: JsonValue) => {
    if (field.isNull()) return null;
    field.decimal();
    return field.string();
  };
  const statement = {
    figure: fields.figure.label(),
    low: end(fields.low),
    high: end(fields.high),
    unit: fields.unit.symbol(),
    board: fields.board.label(),
    epoch: fields.epoch.label(),
    marketTime: fields.marketTime.label(),
    audience: fields.audience.label(),
  };
  if (statement.low === null && statement.high === null) {
    throw fields.low.error("FIELD_INVALID", "a band that is open at both ends says nothing");
  }
  const text = sentence(statement);
  if (fields.text.string() !== text) {
    throw fields.text.error("FIELD_INVALID", "the sentence does not say what the other fields of the statement say");
  }
  return { text, ...statement };
}

function caveats(
  { statement, verificationKey }: DisclosureEnvelope,
  known: "expected" | "claimed",
  listed: boolean,
): DisclosureCaveat[] {
  const all: readonly (DisclosureCaveat | false | undefined)[] = [
    keyCaveat(verificationKey.origin),
    known === "claimed" && {
      code: "STATE_CLAIMED",
      text: "The commitment to the account is the firm's own claim: nothing here ties it to a chain, a pack or a custodian.",
    },
    !listed && {
      code: "LISTING_AS_GIVEN",
      text: "That what the account holds bears these names and comes in these units is the word of whoever gave policy and market.",
    },
    {
      code: "COMPLETENESS",
      text: "It is not proven that this account is all that its owner holds or owes, nor that the assets exist.",
    },
    statement.figure === "equity" && {
      code: "MARKET_VALUES",
      text: "Policy, prices and marks are taken as given: not that they are right, nor that they are current.",
    },
    {
      code: "DESIGNATED",
      text: "It convinces you alone, and only if nobody else has your secret: with it anyone could have made this, true or not.",
    },
  ];
  return all.filter((caveat) => caveat !== false && caveat !== undefined);
}
