// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Every check of time: the order in which things of a pack came about, and what is older than the reader allows.
 *
 * A comparison is written so that what is no number fails it.
 */
import type { MarketFile } from "../formats/market.ts";
import { unixTime } from "../formats/time.ts";
import type { Attestation, ChainReference } from "./evidence.ts";
import { type Examination, invalid } from "./examination.ts";
import { INDEX } from "./format.ts";
import type { Trust } from "./trust.ts";

/** Clocks may differ by this much, in seconds. */
const SKEW = 300;

const isRecent = ({ now, trust }: Examination, time: string) => now - unixTime(time) <= trust.maxAge;

/** The pack's own date against the reader's. */
export function checkPackDate(examination: Examination): void {
  const { created } = examination.index;
  if (unixTime(created) <= examination.now + SKEW) return;
  examination.outdated("PACK_FROM_THE_FUTURE", INDEX, `The pack is dated ${created}, after your date.`);
}

/** The time of the market that a statement was proven at. */
export function checkMarketDate(examination: Examination, file: string, { time }: MarketFile): void {
  if (!(unixTime(time) <= unixTime(examination.index.created))) {
    throw invalid("TIME_ORDER", file, "The market is dated after the pack that holds it.");
  }
  if (isRecent(examination, time)) return;
  const limit = `older than the ${examination.trust.maxAge} seconds you allow`;
  examination.outdated("MARKET_OLD", file, `The market is of ${time}, ${limit}.`);
}

/** What is said of a chain reference of each kind whose block is older than the reader allows. */
const OLD = { account: "HOLDINGS_OLD", market: "MARKET_OLD", signature: "SIGNATURE_OLD" } as const;

/** The block of a chain reference, whatever it is of. */
export function checkReferenceDate(examination: Examination, file: string, { kind, block }: ChainReference): void {
  checkEvidenceDate(examination, file, block.time, OLD[kind]);
}

/** The block at which a contract agreed to an attestation, against the time of which that speaks. */
export function checkSignatureDate(
  file: string,
  { asOf }: Attestation["vouched"],
  { block }: Pick<ChainReference, "block">,
): void {
  if (unixTime(block.time) + SKEW >= unixTime(asOf)) return;
  throw invalid("TIME_ORDER", file, `The contract agreed at ${block.time}, before the time of the holdings, ${asOf}.`);
}

/** The time of which evidence speaks. */
function checkEvidenceDate(
  examination: Examination,
  file: string,
  time: string,
  code: (typeof OLD)[keyof typeof OLD],
): void {
  if (!(unixTime(time) <= unixTime(examination.index.created))) {
    throw invalid("TIME_ORDER", file, "The evidence is dated after the pack that holds it.");
  }
  if (isRecent(examination, time)) return;
  const limit = `older than the ${examination.trust.maxAge} seconds you allow`;
  examination.outdated(code, file, `The evidence is of ${time}, ${limit}.`);
}

/** When an attestation speaks of, and until when it may be relied on. */
export function checkAttestationDate(
  examination: Examination,
  file: string,
  { asOf, expires }: Attestation["vouched"],
): void {
  checkEvidenceDate(examination, file, asOf, "HOLDINGS_OLD");
  if (unixTime(expires) >= examination.now) return;
  examination.outdated("ATTESTATION_EXPIRED", file, `The attestation expired at ${expires}.`);
}

/** Whether a policy that the reader names is still in force. */
export function checkPolicyDate(
  examination: Examination,
  file: string,
  { until }: NonNullable<Trust["policies"]>[number],
): void {
  if (until === undefined || unixTime(until) >= examination.now) return;
  const why = `By your trust settings the policy was in force until ${until}.`;
  examination.outdated("POLICY_SUPERSEDED", file, why);
}
