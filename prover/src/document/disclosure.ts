// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-disclosure/2`: one figure of an account within a band, with a proof that convinces one auditor.
 *
 * Whoever checks one works out every public signal from the statement, policy and market; nothing else is taken from the
 * document but the proof. The auditor's key is taken from the reader's own secret: there is no way here to check without
 * one, because a disclosure says nothing to anybody else.
 */
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import { type Decimal, formatLots, lotOfDecimals, lotsOf, parseDecimal } from "../formats/decimal.ts";
import type { JsonValue } from "../formats/json.ts";
import { isSymbol, label } from "../formats/labels.ts";
import { listingSha256, type MarketFile } from "../formats/market.ts";
import { CASH_DECIMALS, type PolicyFile } from "../formats/policy.ts";
import type { Account } from "../model/account.ts";
import { commitAuditorSecret } from "../model/commit.ts";
import { type Figure, figureOf, largestFigure, weightsOf } from "../model/figure.ts";
import type { Groth16Proof } from "../prove/prover.ts";
import { type Band, checkBand, type DisclosureClaim, disclosureSignals } from "../statement/disclosure.ts";
import type { CircuitOf } from "../statement/families.ts";
import type { Refused, Verifier } from "../verify/verifier.ts";
import {
  type Accepted,
  accept,
  type Caveat,
  COMPLETENESS,
  contextOf,
  type DocumentKind,
  type DocumentRefusal,
  fieldElement,
  fieldText,
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
  readStatement,
  STATEMENT_TERMS,
  type StatementKind,
  type StatementTerms,
  same,
  statedClaim,
  unchecked,
  verdictOf,
} from "./kit.ts";
import { accountWords, amountWords, foreign, momentWords, type StatedClaim } from "./words.ts";

/** Equity is in 1e-20 quote. */
const EQUITY_DECIMALS = 20;
const FIGURES = "expected equity, cash, asset:<of the policy> or instrument:<of the market>";

/** The statement in the document. Every field is text but an open end, and the whole is hashed into `context`. */
export interface DisclosureDocument extends StatementTerms {
  /** `equity`, `cash`, `asset:BTC`, `instrument:ETH-PERP`. */
  readonly figure: string;
  /** Ends of the band, inside, in whole units; null where it is open. */
  readonly low: string | null;
  readonly high: string | null;
  readonly unit: string;
}
type Said = Omit<DisclosureDocument, "text">;

interface Terms extends MadeUnder {
  readonly statement: DisclosureDocument;
  /** The auditor's public key, decimal. */
  readonly auditor: string;
}

/**
 * The file of a disclosure: what is said, about which figure, and the proof.
 * @see docs/library.md#disclosure
 */
export interface DisclosureEnvelope extends Terms {
  readonly format: "plimsoll-disclosure/2";
  readonly verificationKey: NamedKey;
  readonly proof: Groth16Proof;
}

const SAID: Readers<Said> = {
  ...STATEMENT_TERMS,
  figure(value) {
    const name = value.string();
    const symbol = name.replace(/^(asset|instrument):/, "");
    const named = symbol === name ? ["equity", "cash"].includes(name) : isSymbol(symbol);
    if (!named) throw value.error("FIELD_INVALID", FIGURES);
    return name;
  },
  low: endOf,
  high: endOf,
  unit: (value) => value.symbol(),
};

function endOf(value: JsonValue): string | null {
  if (value.isNull()) return null;
  value.decimal();
  return value.string();
}

const KIND: DocumentKind<DisclosureEnvelope["format"], Terms, Pick<DisclosureEnvelope, "proof">> = {
  format: "plimsoll-disclosure/2",
  limits: { length: 20_000, values: 200 },
  terms: {
    ...MADE_UNDER,
    statement(value) {
      const statement = readStatement(SAID, sentence, value);
      return value.check(() => bounded(statement));
    },
    auditor: fieldText,
  },
  evidence: { proof: unchecked },
};

function bounded<Ends extends { readonly low?: unknown; readonly high?: unknown }>(band: Ends): Ends {
  if ((band.low ?? null) !== null || (band.high ?? null) !== null) return band;
  throw new PlimsollError("FIELD_INVALID", "a band that is open at both ends says nothing", { field: "low" });
}

/** Ends of a band as asked for; undefined where it is open. */
export interface OpenBand {
  readonly low?: bigint | undefined;
  readonly high?: bigint | undefined;
}

/** What is disclosed of an account, and to whom. */
export interface Disclosing extends Published {
  readonly figure: NamedFigure;
  readonly band: OpenBand;
  /** 1 to 200 visible characters. */
  readonly audience: string;
  /** The commitment to the account. */
  readonly state: FieldElement;
  /** The auditor's public key. */
  readonly auditor: FieldElement;
}

/**
 * A figure with the words for it.
 * @see docs/library.md#disclosure
 */
export interface NamedFigure {
  readonly name: string;
  readonly figure: Figure;
  /** What one unit of the model's figure is, and of what. */
  readonly lot: Decimal;
  readonly unit: string;
}

/**
 * Finds a figure by name. Throws `UNKNOWN_NAME` where policy or market does not list it; never repeats the name.
 * @see docs/library.md#disclosure
 */
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
  throw new PlimsollError("UNKNOWN_NAME", FIGURES, { field: "figure" });
}

/**
 * The figure of an account: private.
 * @see docs/library.md#disclosure
 */
export function figureValue(account: Account, { figure }: NamedFigure, policy: PolicyFile, market: MarketFile): bigint {
  return figureOf(account, weightsOf(figure, policy.policy, market.market));
}

/**
 * The cell that holds a value on the grid of a step, both ends inside.
 * @see docs/library.md#disclosure
 */
export function cellOf(value: bigint, step: bigint): Band {
  const floor = value / step - (value < 0n && value % step !== 0n ? 1n : 0n);
  return { low: floor * step, high: (floor + 1n) * step };
}

/** A disclosure without its proof. */
export type DisclosureDraft = Omit<DisclosureEnvelope, keyof typeof KIND.evidence>;

/** What a disclosure says, and the claim that its proof has to be of. Throws where there is nothing that it could say. */
export function draftDisclosure(
  disclosing: Disclosing,
  { sha256, origin }: NamedKey,
): { readonly draft: DisclosureDraft; readonly claim: DisclosureClaim } {
  label(disclosing.audience, "audience");
  const said = saidOf(disclosing);
  const draft = {
    format: KIND.format,
    ...madeUnder(disclosing),
    statement: { text: sentence(said), ...said },
    auditor: disclosing.auditor.toString(),
    verificationKey: { sha256, origin },
  };
  return { draft, claim: claimOf(draft, disclosing) };
}

function saidOf({ figure, band, audience, market, state }: Omit<Disclosing, "auditor">): Said {
  const { low, high } = bounded(band);
  const end = (value: bigint | undefined) => (value === undefined ? null : formatLots(value, figure.lot));
  return {
    account: state.toString(),
    board: market.board,
    epoch: market.epoch.toString(),
    marketTime: market.time,
    audience,
    figure: figure.name,
    low: end(low),
    high: end(high),
    unit: figure.unit,
  };
}

function sentence(said: Said): string {
  const { figure, low, high, marketTime } = said;
  const ends = [
    low === null ? [] : `at least ${amountWords(low)}`,
    high === null ? [] : `at most ${amountWords(high)}`,
  ];
  const band = low !== null && low === high ? `exactly ${amountWords(low)}` : ends.flat().join(" and ");
  const currency = "in the currency of its policy";
  const holding = figure.startsWith("asset:") ? "asset" : "instrument";
  const words =
    figure === "equity"
      ? `has equity of ${band} ${currency}, at the prices of ${momentWords(marketTime)}`
      : figure === "cash"
        ? `has cash of ${band} ${currency}`
        : `holds ${band} units of one ${holding}`;
  return `${accountWords(said)} ${words}.`;
}

/** What a disclosure claims. */
function figureClaim({ figure: name, low, high, unit: units }: DisclosureDocument): StatedClaim {
  const figure = foreign(name, "market file");
  const unit = foreign(units, "market file");
  const facts = [
    { label: "figure", value: figure },
    { label: "unit, as named by the policy and market files", value: unit },
  ];
  return { figure, direction: "within", low, high, unit, facts };
}

/** The claim of a disclosure, by policy and market. Throws where it says what they do not. */
function claimOf(
  draft: DisclosureDraft,
  { policy, market }: Published,
): DisclosureClaim & { readonly named: NamedFigure } {
  const { statement, size, auditor, verificationKey } = draft;
  const named = namedFigure(statement.figure, policy, market);
  const limit = largestFigure(size);
  const end = (text: string | null, open: bigint) => (text === null ? open : lotsOf(parseDecimal(text), named.lot));
  return {
    named,
    state: fieldElement(statement.account),
    auditor: fieldElement(auditor),
    band: checkBand({ low: end(statement.low, -limit), high: end(statement.high, limit) }, size),
    context: contextOf(KIND, draft, verificationKey),
    weights: weightsOf(named.figure, policy.policy, market.market),
  };
}

/**
 * Why a disclosure was refused. Stable, for machines.
 * @see docs/library.md#disclosure
 */
export type DisclosureRefusal =
  | DocumentRefusal
  /** It was made for another auditor's key than the reader's: it may be anybody's invention. */
  | "AUDITOR_MISMATCH"
  /** Names and units of assets and instruments are not those that the account is known to be kept under. */
  | "LISTING_UNEXPECTED";

/** Something that a valid disclosure does not show. */
export type DisclosureCaveat = Caveat<
  KeyCaveatCode | "STATE_CLAIMED" | "LISTING_AS_GIVEN" | "COMPLETENESS" | "MARKET_VALUES" | "DESIGNATED"
>;

/**
 * What a reader finds out about a disclosure.
 * @see docs/library.md#disclosure
 */
export type DisclosureVerdict =
  | (Accepted<DisclosureDocument, DisclosureCaveat["code"]> & {
      readonly state: { readonly commitment: FieldElement; readonly known: "expected" | "claimed" };
    })
  | Refused<DisclosureRefusal>;

/** Statements of one figure, as verdicts tell them. */
export const FIGURE: StatementKind<DisclosureDocument, DisclosureVerdict & { ok: true }> = {
  kind: "figure",
  family: "disclosure",
  claim: figureClaim,
  commitments: ({ state: { commitment, known } }) => [{ name: "account", value: commitment.toString(), known }],
};

/** What the reader of a disclosure has and wants. */
export interface DisclosureChecks extends Published {
  /** The reader's own. */
  readonly secret: FieldElement;
  /** The commitment known from a chain, a verified pack or an attestation. */
  readonly expectedState?: bigint | undefined;
  /** `listingSha256` of the names and units that the account is known to be kept under, as an attestation names it. */
  readonly expectedListing?: string | undefined;
  /** What was asked; a disclosure of anything else is refused. */
  readonly asked?: { readonly figure?: string | undefined; readonly audience?: string | undefined } | undefined;
}

/**
 * Checks a disclosure to the holder of `secret`, under the verifier's key, which is trusted.
 *
 * Never throws for what is in the disclosure, which may be hostile. Convinces the reader only as far as nobody else has the
 * secret.
 */
export function checkDisclosure(
  envelope: DisclosureEnvelope,
  checks: DisclosureChecks,
  verifier: Verifier<CircuitOf<"disclosure">>,
): DisclosureVerdict {
  return verdictOf(() => {
    const { statement, auditor } = envelope;
    const { policy, market, secret, expectedState, expectedListing, asked } = checks;
    const claim = statedClaim(
      envelope,
      { files: checks, key: verifier.key, asked: { figure: asked?.figure, audience: asked?.audience } },
      {
        claimOf: () => claimOf(envelope, checks),
        saidOf: ({ named, band, state }) =>
          saidOf({
            figure: named,
            band: openBand(band, statement),
            audience: statement.audience,
            policy,
            market,
            state,
          }),
      },
    );
    const own = commitAuditorSecret(secret).toString();
    same(auditor, own, "AUDITOR_MISMATCH", "it was made for another key: to you it shows nothing");
    const state = expectedState?.toString() ?? statement.account;
    same(statement.account, state, "STATE_UNEXPECTED", "the commitment is not what the reader expects");
    const listing = listingSha256(policy, market);
    const why = "names and units of policy and market are not those that the reader expects of the account";
    same(listing, expectedListing ?? listing, "LISTING_UNEXPECTED", why);
    provenSignals(verifier, envelope.proof, disclosureSignals(claim));
    const known = expectedState === undefined ? "claimed" : "expected";
    return {
      ...accept(envelope, caveats(statement, known, expectedListing !== undefined)),
      state: { commitment: claim.state, known },
    };
  });
}

/** A band with the ends open that the statement leaves open. */
const openBand = ({ low, high }: Band, said: Said): OpenBand => ({
  low: said.low === null ? undefined : low,
  high: said.high === null ? undefined : high,
});

/**
 * Reads a disclosure: its form, and that the sentence follows from the other fields of the statement. Throws `SYNTAX`,
 * `TOO_LARGE` or `FIELD_INVALID`. Does NOT check the proof.
 * @see docs/library.md#disclosure
 */
export const readDisclosure = (text: NamedText): DisclosureEnvelope => readDocument(KIND, text);

function caveats(
  { figure }: DisclosureDocument,
  known: "expected" | "claimed",
  listed: boolean,
): (DisclosureCaveat | false)[] {
  return [
    known === "claimed" && {
      code: "STATE_CLAIMED",
      text: "The commitment to the account is the firm's own claim; this proof does not tie it to a chain, a pack or a custodian.",
    },
    !listed && {
      code: "LISTING_AS_GIVEN",
      text: "The asset names and units are taken from the policy and market files; this proof does not confirm them.",
    },
    COMPLETENESS,
    figure === "equity" && MARKET_VALUES,
    {
      code: "DESIGNATED",
      text: "It convinces you alone, and only while nobody else has your secret; with the secret anyone can make it, true or not.",
    },
  ];
}
