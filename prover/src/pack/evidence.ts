// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What others say, in files of a pack: `plimsoll-attestation/2` (a custodian or venue vouches for a commitment; `/1`, without a
 * listing, is read too),
 * `plimsoll-observations/1` (price reporters sign an epoch) and `plimsoll-chain/1` (what a chain is said to hold).
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { packValues } from "../chain/packed-values.ts";
import { REPORT_FIELDS } from "../chain/report-fields.ts";
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { type JsonLimits, type JsonValue, parseJson } from "../formats/json.ts";
import { type MarketFile, unsigned64 } from "../formats/market.ts";
import { timeText, unixTime } from "../formats/time.ts";
import { ASSETS, BOARD_SIZES, type BoardSize, instrumentsOf } from "../model/sizes.ts";
import { median } from "../oracle/median.ts";
import { recoverAddress, type Signing, type TypedData, typedDigest } from "./typed-data.ts";

const LIMITS: JsonLimits = { length: 100_000, values: 2_000 };

// ---- Attestations -----------------------------------------------------------------------------------------------------

/** `account`: the one account described; `everything`: all that the attester holds for the firm. */
export const SCOPES = ["account", "everything"] as const;

export interface AttestationBody {
  /** Decimal. */
  readonly commitment: string;
  readonly size: BoardSize;
  /** The firm's signer, lower-case: nobody else can use it. */
  readonly firm: string;
  /** What the commitment is to, in words, without amounts: "custody account 7731". */
  readonly subject: string;
  readonly scope: (typeof SCOPES)[number];
  /** When the commitment was to the account's contents. */
  readonly asOf: string;
  /** After this nobody is to rely on it. */
  readonly expires: string;
  /** `listingSha256` of what it was opened under: without it, what the account's quantities are of is anybody's reading. */
  readonly listing?: string;
}

const FORMATS = ["plimsoll-attestation/1", "plimsoll-attestation/2"] as const;
/** Attestations of a listing are of the second format. */
export const attestationFormat = ({ listing }: Pick<AttestationBody, "listing">) =>
  FORMATS[listing === undefined ? 0 : 1];

/**
 * An attestation: its terms and the signature over them.
 * @see docs/library.md#evidence-packs
 */
export interface Attestation {
  readonly format: (typeof FORMATS)[number];
  readonly attester: { readonly name: string; readonly signer: string };
  readonly vouched: AttestationBody;
  readonly signature:
    | { readonly kind: "eip712"; readonly value: string }
    /** By a contract wallet: `signer` is a contract on that chain, and only the chain can say whether it agrees. */
    | { readonly kind: "erc1271"; readonly chainId: string; readonly value: string };
}

const attestationData = ({ attester, vouched, signature }: Omit<Attestation, "format">): TypedData => ({
  domain: {
    name: "Plimsoll Attestation",
    version: vouched.listing === undefined ? "1" : "2",
    ...(signature.kind === "erc1271" ? { chainId: BigInt(signature.chainId), verifyingContract: attester.signer } : {}),
  },
  type: "Attestation",
  fields: [
    ["commitment", "uint256"],
    ["instruments", "uint256"],
    ["firm", "address"],
    ["subject", "string"],
    ["scope", "string"],
    ["asOf", "uint64"],
    ["expires", "uint64"],
    ...(vouched.listing === undefined ? [] : [["listing", "bytes32"] as const]),
  ],
  message: {
    commitment: BigInt(vouched.commitment),
    instruments: BigInt(instrumentsOf(vouched.size)),
    firm: vouched.firm,
    subject: vouched.subject,
    scope: vouched.scope,
    asOf: BigInt(unixTime(vouched.asOf)),
    expires: BigInt(unixTime(vouched.expires)),
    ...(vouched.listing === undefined ? {} : { listing: `0x${vouched.listing}` }),
  },
});

/** What the attester signs, 0x and 64 digits. */
export const attestationDigest = (attestation: Omit<Attestation, "format">): string =>
  `0x${bytesToHex(typedDigest(attestationData(attestation)))}`;

/** Signs what is vouched for, as it is: `app/attest.ts` checks it first. */
export async function signAttestation(name: string, signing: Signing, vouched: AttestationBody): Promise<Attestation> {
  const unsigned = {
    attester: { name, signer: signing.address },
    vouched,
    signature: { kind: "eip712", value: "" },
  } as const;
  const value = await signing.sign(attestationData(unsigned));
  return { format: attestationFormat(vouched), ...unsigned, signature: { kind: "eip712", value } };
}

/** Whether an EIP-712 signature is the attester's. */
export function isAttested(attestation: Attestation): boolean {
  const digest = typedDigest(attestationData(attestation));
  return recoverAddress(digest, attestation.signature.value) === attestation.attester.signer;
}

/**
 * Throws `SYNTAX`, `TOO_LARGE`, `FIELD_INVALID` or `OUT_OF_RANGE`. Does NOT check the signature.
 * @see docs/library.md#evidence-packs
 */
export function readAttestation({ text, file }: NamedText): Attestation {
  const top = parseJson(text, file, LIMITS).fields(["format", "attester", "vouched", "signature"]);
  const format = top.format.oneOf(FORMATS);
  const attester = top.attester.fields(["name", "signer"]);
  const common = ["commitment", "size", "firm", "subject", "scope", "asOf", "expires"] as const;
  const { listing, ...fields } = top.vouched.fields(common, ["listing"]);
  if ((format === FORMATS[1]) !== (listing !== undefined)) {
    throw top.vouched.error("FIELD_INVALID", "a listing is in the second format, and in no other");
  }
  const vouched: AttestationBody = {
    commitment: integer(fields.commitment),
    size: fields.size.oneOf(BOARD_SIZES),
    firm: fields.firm.hex(20),
    subject: fields.subject.label(),
    scope: fields.scope.oneOf(SCOPES),
    asOf: timeOf(fields.asOf),
    expires: timeOf(fields.expires),
    ...(listing === undefined ? {} : { listing: listing.sha256() }),
  };
  if (unixTime(vouched.expires) < unixTime(vouched.asOf)) {
    throw fields.expires.error("OUT_OF_RANGE", "it expires before the time of which it speaks");
  }
  const { kind } = top.signature.fields(["kind", "value"], ["chainId"]);
  const contract = kind.oneOf(["eip712", "erc1271"]) === "erc1271";
  const signature = top.signature.fields(contract ? ["kind", "value", "chainId"] : ["kind", "value"], []) as Readonly<
    Record<string, JsonValue>
  >;
  const value = signature.value!.string();
  if (!/^0x([0-9a-f]{2}){1,900}$/.test(value)) throw signature.value!.error("FIELD_INVALID", "not a signature");
  return {
    format,
    attester: { name: attester.name.label(), signer: attester.signer.hex(20) },
    vouched,
    signature: contract ? { kind: "erc1271", chainId: integer(signature.chainId!), value } : { kind: "eip712", value },
  };
}

// ---- Chain references -------------------------------------------------------------------------------------------------

/**
 * What a chain is said to hold; offline nothing can show it, so whoever reads looks it up and says so.
 *
 * | kind | contract | subject | value |
 * |---|---|---|---|
 * | `account` | gate | account's number | commitment to its state, while no lot of it is out |
 * | `market` | oracle | board's number and epoch, `3/7` | the market's point, `x,y` |
 * | `signature` | contract wallet | digest | `valid`, where isValidSignature says so |
 */
export const CHAIN_KINDS = ["account", "market", "signature"] as const;

export interface ChainReference {
  readonly format: "plimsoll-chain/1";
  readonly kind: (typeof CHAIN_KINDS)[number];
  readonly chainId: string;
  /** Lower-case. */
  readonly contract: string;
  readonly subject: string;
  readonly value: string;
  readonly block: { readonly number: string; readonly hash: string; readonly time: string };
}

/**
 * Reads the file that says where on a chain a state is. Throws FIELD_INVALID.
 * @see docs/library.md#evidence-packs
 */
export function readChainReference({ text, file }: NamedText): ChainReference {
  return chainReferenceOf(parseJson(text, file, LIMITS));
}

const NUMBER = "(?:0|[1-9][0-9]{0,77})";
/** What subject and value look like: neither can hold words, since both are shown in sentences. */
const FORMS: Readonly<Record<ChainReference["kind"], { readonly subject: RegExp; readonly value: RegExp }>> = {
  account: { subject: new RegExp(`^${NUMBER}$`), value: new RegExp(`^${NUMBER}$`) },
  market: { subject: new RegExp(`^${NUMBER}/${NUMBER}$`), value: new RegExp(`^${NUMBER},${NUMBER}$`) },
  signature: { subject: /^0x[0-9a-f]{64}$/, value: /^(?:valid|invalid)$/ },
};

export function chainReferenceOf(root: JsonValue): ChainReference {
  const top = root.fields(["format", "kind", "chainId", "contract", "subject", "value", "block"]);
  top.format.literal("plimsoll-chain/1");
  const block = top.block.fields(["number", "hash", "time"]);
  const kind = top.kind.oneOf(CHAIN_KINDS);
  const formed = (name: "subject" | "value") => {
    const text = top[name].string();
    if (FORMS[kind][name].test(text)) return text;
    throw top[name].error("FIELD_INVALID", `not the ${name} of a reference of kind ${kind}`);
  };
  return {
    format: "plimsoll-chain/1",
    kind,
    chainId: integer(top.chainId),
    contract: top.contract.hex(20),
    subject: formed("subject"),
    value: formed("value"),
    block: { number: integer(block.number), hash: block.hash.hex(32), time: timeOf(block.time) },
  };
}

// ---- Observations -----------------------------------------------------------------------------------------------------

/** An epoch as price reporters signed it for `PriceOracle`. */
export interface Observations {
  readonly format: "plimsoll-observations/1";
  readonly chainId: string;
  /** The oracle, lower-case. */
  readonly contract: string;
  /** Number of the board there. */
  readonly board: string;
  readonly epoch: string;
  /** Reporters in ascending order, their number odd. Prices are of a lot, with 16 decimals, as integers. */
  readonly reports: readonly {
    readonly reporter: string;
    readonly time: string;
    readonly prices: readonly string[];
    readonly signature: string;
    readonly boardSignature: string;
  }[];
}

/** The oracle whose reporters a reader trusts. */
export interface TrustedOracle {
  readonly chainId: string;
  readonly contract: string;
  readonly board: string;
  readonly reporters: readonly string[];
  /** Fewest reports. */
  readonly quorum: number;
  /** SHA-256 of the board's listing (`listingSha256`): names and lots of the rows, which reporters sign by number. */
  readonly listing?: string;
}

/**
 * Reads the file of an epoch's observations. Throws FIELD_INVALID.
 * @see docs/library.md#evidence-packs
 */
export function readObservations({ text, file }: NamedText): Observations {
  const top = parseJson(text, file, LIMITS).fields(["format", "chainId", "contract", "board", "epoch", "reports"]);
  top.format.literal("plimsoll-observations/1");
  return {
    format: "plimsoll-observations/1",
    chainId: integer(top.chainId),
    contract: top.contract.hex(20),
    board: integer(top.board),
    epoch: integer(top.epoch),
    reports: top.reports.elements(1, 32).map((element) => {
      const fields = element.fields(["reporter", "time", "prices", "signature", "boardSignature"]);
      return {
        reporter: fields.reporter.hex(20),
        time: timeOf(fields.time),
        prices: fields.prices.elements(ASSETS, ASSETS).map((price) => price.amount(unsigned64).toString()),
        signature: fields.signature.hex(65),
        boardSignature: fields.boardSignature.hex(65),
      };
    }),
  };
}

type OracleDomain = Pick<Observations, "chainId" | "contract" | "board" | "epoch">;

const oracleData = (
  { chainId, contract, board, epoch }: OracleDomain,
  type: "Observation" | "Board",
  message: TypedData["message"],
): TypedData => ({
  domain: { name: "Plimsoll PriceOracle", version: "1", chainId: BigInt(chainId), verifyingContract: contract },
  type,
  fields: REPORT_FIELDS[type],
  message: { board: BigInt(board), epoch: BigInt(epoch), ...message },
});

const observationData = (domain: OracleDomain, time: string, prices: readonly bigint[]) =>
  oracleData(domain, "Observation", { time: BigInt(unixTime(time)), prices });

/** @param time and `prices`: medians of all observations */
const boardData = (domain: OracleDomain, time: bigint, prices: readonly bigint[], market: MarketFile["market"]) =>
  oracleData(domain, "Board", { time, prices, valuesHash: valuesHashOf(market) });

/** One reporter's signatures, where all saw the same: what it saw, and its agreement to that and to the board values. */
export async function report(
  domain: OracleDomain,
  signing: Signing,
  { time, market }: Pick<MarketFile, "time" | "market">,
): Promise<Observations["reports"][number]> {
  return {
    reporter: signing.address,
    time,
    prices: market.prices.map(String),
    signature: await signing.sign(observationData(domain, time, market.prices)),
    boardSignature: await signing.sign(boardData(domain, BigInt(unixTime(time)), market.prices, market)),
  };
}

/**
 * The file of an epoch that reporters have signed, as the oracle was sent it. Throws `FIELD_INVALID` for a signature that is none.
 * @see docs/library.md#evidence-packs
 */
export function observationsDocument(
  domain: OracleDomain,
  observations: readonly {
    /** Unix seconds. */
    readonly time: bigint;
    readonly prices: readonly bigint[];
    readonly signature: string;
    readonly boardSignature: string;
  }[],
): Observations {
  const given = { ...domain, contract: domain.contract.toLowerCase() };
  const reports = observations.map(({ time: seconds, prices, signature, boardSignature }) => {
    const time = timeText(new Date(Number(seconds) * 1000));
    const reporter = recoverAddress(typedDigest(observationData(given, time, prices)), signature);
    if (reporter === undefined) throw new PlimsollError("FIELD_INVALID", "a reporter's signature is malformed");
    return { reporter, time, prices: prices.map(String), signature, boardSignature };
  });
  return { format: "plimsoll-observations/1", ...given, reports };
}

/**
 * Why these observations do not make this market, or undefined where they do: an odd number of the reader's reporters,
 * no fewer than the quorum, each of whom signed prices and board; the market's prices are the medians of theirs, and its
 * time the median time. An oracle on a chain may have priced an asset otherwise (from a vault's rate, or not at all):
 * then only the chain can vouch for the market.
 */
export function observationsFault(given: Observations, market: MarketFile, oracle: TrustedOracle): string | undefined {
  const { reports } = given;
  if (given.chainId !== oracle.chainId || given.contract !== oracle.contract || given.board !== oracle.board) {
    return "they are for another oracle or board than the one you name";
  }
  if (given.epoch !== market.epoch.toString()) return "they are of another epoch than the market";
  if (reports.length % 2 === 0 || reports.length < oracle.quorum) {
    return "the number of reports is even, or below the quorum that you ask for";
  }
  const middle = (values: readonly bigint[]) => median(values, (value) => value);
  const medianTime = middle(reports.map(({ time }) => BigInt(unixTime(time))));
  const medians = market.market.prices.map((_, asset) => middle(reports.map(({ prices }) => BigInt(prices[asset]!))));
  const board = typedDigest(boardData(given, medianTime, medians, market.market));
  for (const [index, { reporter, time, prices, signature, boardSignature }] of reports.entries()) {
    if (index > 0 && reporter <= reports[index - 1]!.reporter) return "the reporters are not in ascending order";
    if (!oracle.reporters.includes(reporter)) return "you do not name one of the reporters";
    const observed = typedDigest(observationData(given, time, prices.map(BigInt)));
    if (recoverAddress(observed, signature) !== reporter) return "a reporter's signature over prices is not valid";
    if (recoverAddress(board, boardSignature) !== reporter) return "a reporter has not signed these board values";
  }
  if (medianTime !== BigInt(unixTime(market.time))) {
    return "the market's time is not the median of the reported times";
  }
  const differs = market.market.prices.findIndex((price, asset) => price !== medians[asset]);
  return differs === -1 ? undefined : `the price of asset ${differs} is not the median of the reported prices`;
}

/** Hash of the packed board values, which is what reporters sign. */
const valuesHashOf = ({ board }: MarketFile["market"]): string => `0x${bytesToHex(keccak_256(packValues(board)))}`;

/** An unsigned 256-bit number as decimal text. */
function integer(value: JsonValue): string {
  const text = value.string();
  if (!/^(0|[1-9][0-9]{0,77})$/.test(text) || BigInt(text) >= 1n << 256n) {
    throw value.error("FIELD_INVALID", "expected a whole number below 2^256 as decimal digits");
  }
  return text;
}

/** A time that signatures can hold: not before 1970. */
function timeOf(value: JsonValue): string {
  const time = value.time();
  if (unixTime(time) < 0) throw value.error("OUT_OF_RANGE", "expected a time since 1970");
  return time;
}
