// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-custody/1`: what a custodian holds for a venue, in the open, to compare with the totals of a book. Signed by EIP-712; without
 * a signature it is the word of whoever wrote it, such as a reader who has looked balances up on a chain.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { floorTo, parseDecimal } from "../formats/decimal.ts";
import { canonicalJson, type JsonLimits, parseJson } from "../formats/json.ts";
import { isSymbol } from "../formats/labels.ts";
import { CASH_DECIMALS, type PolicyFile } from "../formats/policy.ts";
import { unixTime } from "../formats/time.ts";
import { recoverAddress, type Signing, type TypedData, typedDigest } from "./typed-data.ts";

const FORMAT = "plimsoll-custody/1";
const LIMITS: JsonLimits = { length: 100_000, values: 500 };

/** What is vouched for. */
export interface CustodyBody {
  /** For whom it is held, in the custodian's words. */
  readonly holder: string;
  /** Where it is held, in the custodian's words: "omnibus wallet 3". */
  readonly subject: string;
  readonly asOf: string;
  readonly expires: string;
  /** Amounts in whole units, by symbol; cash by its own. */
  readonly holdings: Readonly<Record<string, string>>;
}

/**
 * A statement of custody.
 * @see docs/library.md#books
 */
export interface Custody extends CustodyBody {
  readonly format: typeof FORMAT;
  readonly custodian: { readonly name: string; readonly signer: string };
  /** Absent where nobody signs. */
  readonly signature?: string;
}

const custodyData = ({ holder, subject, asOf, expires, holdings }: CustodyBody): TypedData => ({
  domain: { name: "Plimsoll Custody", version: "1" },
  type: "Custody",
  fields: [
    ["holder", "string"],
    ["subject", "string"],
    ["asOf", "uint64"],
    ["expires", "uint64"],
    ["holdings", "bytes32"],
  ],
  message: {
    holder,
    subject,
    asOf: BigInt(unixTime(asOf)),
    expires: BigInt(unixTime(expires)),
    holdings: `0x${bytesToHex(sha256(utf8ToBytes(canonicalJson(holdings))))}`,
  },
});

/** Reads a statement of custody. Throws `SYNTAX`, `TOO_LARGE`, `FIELD_INVALID` or `OUT_OF_RANGE`. Does NOT check the signature. */
export function readCustody({ text, file }: NamedText): Custody {
  const top = parseJson(text, file, LIMITS).fields(
    ["format", "custodian", "holder", "subject", "asOf", "expires", "holdings"],
    ["signature"],
  );
  top.format.literal(FORMAT);
  const { name, signer } = top.custodian.fields(["name", "signer"]);
  const holdings: Record<string, string> = {};
  for (const [symbol, amount] of top.holdings.named()) {
    if (!isSymbol(symbol)) throw amount.error("FIELD_INVALID", "expected the symbol of an asset or of cash");
    if (amount.decimal().units < 0n) throw amount.error("OUT_OF_RANGE", "nobody holds less than nothing");
    holdings[symbol] = amount.string();
  }
  const [asOf, expires] = [top.asOf.time(), top.expires.time()];
  if (unixTime(expires) < unixTime(asOf)) {
    throw top.expires.error("OUT_OF_RANGE", "it expires before the time of which it speaks");
  }
  return {
    format: FORMAT,
    custodian: { name: name.label(), signer: signer.hex(20) },
    holder: top.holder.label(),
    subject: top.subject.label(),
    asOf,
    expires,
    holdings,
    ...(top.signature === undefined ? {} : { signature: top.signature.hex(65) }),
  };
}

/** Whether the custodian has signed it. */
export const isVouchedFor = (custody: Custody): boolean =>
  custody.signature !== undefined &&
  recoverAddress(typedDigest(custodyData(custody)), custody.signature) === custody.custodian.signer;

/** Signs a statement of custody. Throws as `readCustody`. */
export async function signCustody(name: string, signing: Signing, body: CustodyBody): Promise<Custody> {
  const unsigned = { format: FORMAT, custodian: { name, signer: signing.address }, ...body } as const;
  const read = readCustody({ text: JSON.stringify(unsigned), file: "the statement of custody" });
  return { ...read, signature: await signing.sign(custodyData(read)) };
}

/** Lots of each asset of a policy, in its order, and cash in 1e-6: what is below a lot is cut off, which never helps the venue. */
export function lotsHeld(
  { holdings }: Pick<CustodyBody, "holdings">,
  policy: PolicyFile,
): { readonly collateral: readonly bigint[]; readonly cash: bigint } {
  const lots = (symbol: string, decimals: number) =>
    floorTo(parseDecimal(Object.hasOwn(holdings, symbol) ? holdings[symbol]! : "0"), decimals);
  const unknown = Object.keys(holdings).find(
    (symbol) => symbol !== policy.cashSymbol && !policy.assets.some((asset) => asset.symbol === symbol),
  );
  if (unknown !== undefined) {
    throw new PlimsollError("UNKNOWN_NAME", "the policy lists no asset of this name", { field: "holdings" });
  }
  return {
    collateral: policy.assets.map(({ symbol, lotDecimals }) => lots(symbol, lotDecimals)),
    cash: lots(policy.cashSymbol, CASH_DECIMALS),
  };
}
