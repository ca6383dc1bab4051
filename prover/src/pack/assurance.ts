// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Who stands behind a statement: whose account its commitment is to, and whose prices and board values it was proven at.
 *
 * The pack names a level for each. A level that the evidence does not support is a failure, and not a downgrade.
 */
import { canonicalJson, type Json } from "../formats/json.ts";
import { lookOf } from "../formats/look-alikes.ts";
import type { MarketFile } from "../formats/market.ts";
import { unixTime } from "../formats/time.ts";
import type { BoardSize } from "../model/sizes.ts";
import { checkAttestationDate, checkReferenceDate, checkSignatureDate } from "./currency.ts";
import {
  type Attestation,
  attestationDigest,
  type ChainReference,
  isAttested,
  observationsFault,
  readAttestation,
  readChainReference,
  readObservations,
} from "./evidence.ts";
import { type Examination, invalid, unusable } from "./examination.ts";
import { type Grade, INDEX, type PackStatement } from "./format.ts";
import type { Trust } from "./trust.ts";
import type { Voucher } from "./verdict.ts";

// ---- Whose account it is ----------------------------------------------------------------------------------------------

/** What the evidence on an account has to agree with. */
interface AccountSubject {
  /** Commitments whose coverage the proof shows. */
  readonly states: readonly string[];
  readonly size: BoardSize;
  readonly listing: string;
  /** Where the account is a sum: its parts, and the file of the merge that adds each. */
  readonly parts: ReadonlyMap<string, string> | undefined;
}

interface AccountBacking {
  readonly by: readonly Voucher[];
  /** The commitment that is vouched for; undefined where none is. */
  readonly state: string | undefined;
  /** Chains on which the account is. */
  readonly chains: readonly string[];
}

/** Checks what backs the account, or each of its parts. */
export function checkAccount(
  examination: Examination,
  { proof, account: grade }: PackStatement,
  subject: AccountSubject,
): AccountBacking {
  const unsupported = (why: string) =>
    invalid("LEVEL_UNSUPPORTED", INDEX, `The account of ${proof} is "${grade.level}": ${why}.`);
  const by: Voucher[] = [];
  const chains: string[] = [];
  let state: string | undefined;
  const references = lookedUp(examination, grade);
  for (const [file, reference] of references) {
    if (reference.kind === "market") throw unsupported(`${file} is about a market`);
    if (reference.kind !== "account") continue;
    if (subject.parts !== undefined) {
      throw unsupported(`${file} is about a chain, and only attestations back the parts of a sum`);
    }
    state = checkState(subject, file, reference.value);
    by.push(chainVoucher(file, reference));
    chains.push(reference.chainId);
  }

  const attestations: NamedAttestation[] = [];
  for (const file of grade.by.filter((path) => examination.kindOf(path) === "attestation")) {
    const attestation = examination.read(file, readAttestation);
    const name = checkAttester(examination, file, attestation, [...references.values()]);
    checkAttestation(examination, file, attestation, subject);
    state = attestation.vouched.commitment;
    attestations.push({ file, name, attestation });
    by.push(attesterVoucher(file, name, attestation));
    examination.holds(file, `An attester whom you name vouches for the commitment as of ${attestation.vouched.asOf}.`);
  }
  if (subject.parts !== undefined) checkPartsApart(examination, subject.parts, attestations);

  const digests = attestations.map(({ attestation }) => contractDigest(attestation));
  for (const [file, { kind, subject: digest }] of references) {
    if (kind === "signature" && !digests.includes(digest))
      throw unsupported(`${file} belongs to no attestation of this account`);
  }
  if (grade.level === "proven") throw unsupported("no proof shows whose account it is");
  if (grade.level === "on-chain" && chains.length === 0) {
    throw unsupported("no chain reference to the account is given");
  }
  if (grade.level === "attested" && attestations.length === 0) throw unsupported("no attestation is given");
  if (grade.level === "claimed" && by.length > 0) throw unsupported("but evidence is given");
  return { by, state, chains };
}

/** That a commitment is one that the statement is of. Returns it. */
function checkState({ states, parts }: AccountSubject, file: string, commitment: string): string {
  if (parts?.has(commitment) ?? states.includes(commitment)) return commitment;
  const why =
    parts === undefined
      ? "The evidence is about another commitment than the one that is proven."
      : "The evidence is about a commitment that is not a part of the sum that is proven.";
  throw invalid("ATTESTATION_MISUSED", file, why);
}

/** Checks that an attestation is of this account, for this firm, on this board, and its times. */
function checkAttestation(
  examination: Examination,
  file: string,
  { vouched }: Attestation,
  subject: AccountSubject,
): void {
  const misused = (why: string) => invalid("ATTESTATION_MISUSED", file, why);
  const { commitment, firm, size, listing } = vouched;
  if (firm !== examination.index.firm.signer) {
    throw misused("The attestation is made out to another firm than the one that sealed the pack.");
  }
  if (size !== subject.size) throw misused("The attestation is about a board of another size.");
  if (listing !== undefined && listing !== subject.listing) {
    throw misused("The attestation is about another board, or another list of assets or instruments, than the proof.");
  }
  if (listing === undefined && subject.parts !== undefined) {
    throw misused(
      "The attestation does not name the assets and instruments that it counts (plimsoll-attestation/1), so it backs no part of a sum.",
    );
  }
  checkState(subject, file, commitment);
  checkAttestationDate(examination, file, vouched);
}

/** Checks the attester and the signature; the name by which the reader knows the attester. */
function checkAttester(
  { trust }: Examination,
  file: string,
  attestation: Attestation,
  references: readonly ChainReference[],
): string {
  const { signer } = attestation.attester;
  const known = trust.attesters.find((attester) => attester.signer === signer);
  if (known === undefined) {
    const why = `Your trust settings do not name the attester ${signer}.`;
    throw invalid("ATTESTER_UNTRUSTED", file, why);
  }
  const { signature } = attestation;
  if (signature.kind === "eip712") {
    if (isAttested(attestation)) return known.name;
    throw invalid("ATTESTATION_UNSIGNED", file, "The signature is not the attester's.");
  }
  const digest = contractDigest(attestation);
  const confirmed = references.find(
    ({ kind, chainId, contract, subject, value }) =>
      kind === "signature" &&
      chainId === signature.chainId &&
      contract === signer &&
      subject === digest &&
      value === "valid",
  );
  if (confirmed !== undefined) {
    checkSignatureDate(file, attestation.vouched, confirmed);
    return known.name;
  }
  const why = "A contract signed it (ERC-1271), and no chain reference says that the contract agrees.";
  throw invalid("ATTESTATION_UNSIGNED", file, why);
}

/** What a contract has to agree with; undefined where the signer is no contract. */
const contractDigest = (attestation: Attestation): string | undefined =>
  attestation.signature.kind === "erc1271" ? attestationDigest(attestation) : undefined;

/** An attestation that has been checked, and the name by which the reader knows its attester. */
interface NamedAttestation {
  readonly file: string;
  readonly name: string;
  readonly attestation: Attestation;
}

/** By the reader's names or by what they call themselves: a party may have two keys, and the reader two names for it. */
const isOneParty = (one: Pick<NamedAttestation, "name" | "attestation">, other: typeof one): boolean =>
  one.name === other.name || lookOf(one.attestation.attester.name) === lookOf(other.attestation.attester.name);

/** Every part is vouched for; and as far as words go, no holding is in two. */
function checkPartsApart(
  examination: Examination,
  parts: ReadonlyMap<string, string>,
  attestations: readonly NamedAttestation[],
): void {
  for (const [part, file] of parts) {
    if (attestations.some(({ attestation }) => attestation.vouched.commitment === part)) continue;
    throw invalid("PART_UNATTESTED", file, "The merge adds an account that nobody vouches for.");
  }
  for (const [index, { file, name, attestation }] of attestations.entries()) {
    const { asOf, commitment, scope, subject } = attestation.vouched;
    for (const earlier of attestations.slice(0, index)) {
      const other = earlier.attestation.vouched;
      if (asOf !== other.asOf) {
        const why = `This attestation is as of ${asOf}, ${earlier.file} as of ${other.asOf}: a holding that moved in between would count twice.`;
        throw invalid("PARTS_OVERLAP", file, why);
      }
      if (!isOneParty(earlier, { name, attestation }) || commitment === other.commitment) continue;
      if (scope === "everything" || other.scope === "everything" || subject === other.subject) {
        const why = `Its attester, or one that calls itself the same, also vouches for another part, in ${earlier.file}. The two may overlap: they have the same subject, or one is everything that the attester holds for the firm.`;
        throw invalid("PARTS_OVERLAP", file, why);
      }
    }
  }
  const { asOf } = attestations[0]!.attestation.vouched;
  examination.holds(INDEX, `Each of the ${parts.size} accounts is vouched for, all as of ${asOf}.`);
}

function attesterVoucher(file: string, name: string, { attester, vouched }: Attestation): Voucher {
  const { subject, scope, asOf, expires } = vouched;
  const held = scope === "everything" ? "all that it holds for the firm" : "this account alone";
  return { file, name, address: attester.signer, subject, words: `${held}; until ${expires}`, time: asOf };
}

// ---- Whose prices and board values ------------------------------------------------------------------------------------

/** What the evidence on values has to agree with. */
interface ValueSubject {
  readonly listing: string;
  readonly accountChains: readonly string[];
  /** The market's point, worked out where it is asked for. */
  readonly point: () => { readonly x: bigint; readonly y: bigint };
}

interface ValueBacking {
  readonly by: readonly Voucher[];
  /** The reader's own listing of the board names the rows that were valued. */
  readonly listed: boolean;
}

/** Checks what backs prices and board values. */
export function checkValues(
  examination: Examination,
  { market: path, values: grade }: PackStatement,
  market: MarketFile,
  subject: ValueSubject,
): ValueBacking {
  const unsupported = (why: string) =>
    invalid("LEVEL_UNSUPPORTED", INDEX, `The values of ${path} are "${grade.level}": ${why}.`);
  const by: Voucher[] = [];
  const listings: boolean[] = [];
  const references = lookedUp(examination, grade);
  for (const [file, reference] of references) {
    if (reference.kind !== "market") throw unsupported(`${file} is not about a market`);
    const oracles = checkMarketReference(examination, file, reference, { path, market, subject });
    listings.push(checkRows(examination, file, oracles, { path, listing: subject.listing }));
    by.push(chainVoucher(file, reference));
  }
  const observed = grade.by.filter((file) => examination.kindOf(file) === "observations");
  for (const file of observed) {
    const { vouchers, oracles } = checkObservations(examination, file, { path, market });
    by.push(...vouchers);
    listings.push(checkRows(examination, file, oracles, { path, listing: subject.listing }));
  }
  if (grade.level === "proven") throw unsupported("no proof shows that values are right");
  if (grade.level === "on-chain" && references.size === 0) {
    throw unsupported("no chain reference to the epoch is given");
  }
  if (grade.level === "attested" && observed.length === 0) throw unsupported("no signed observations are given");
  if (grade.level === "claimed" && by.length > 0) throw unsupported("but evidence is given");
  return { by, listed: by.length > 0 && listings.every((listed) => listed) };
}

/** Checks that a chain holds this market, before its block. Returns the reader's oracles that it is of. */
function checkMarketReference(
  examination: Examination,
  file: string,
  { chainId, contract, subject, value, block }: ChainReference,
  of: { readonly path: string; readonly market: MarketFile; readonly subject: ValueSubject },
): Trust["oracles"] {
  const { epoch, time } = of.market;
  const { x, y } = of.subject.point();
  if (value !== `${x},${y}` || !subject.endsWith(`/${epoch}`)) {
    throw invalid("CHAIN_CONTRADICTED", file, "The reference is about another market than the proof.");
  }
  if (!(unixTime(time) <= unixTime(block.time))) {
    throw invalid("TIME_ORDER", of.path, "The market is dated after the block in which it was found.");
  }
  const elsewhere = of.subject.accountChains.find((chain) => chain !== chainId);
  if (elsewhere !== undefined) {
    throw invalid("CHAINS_DIFFER", file, `The market is on chain ${chainId}, and the account on chain ${elsewhere}.`);
  }
  return examination.trust.oracles.filter(
    (oracle) => oracle.chainId === chainId && oracle.contract === contract && subject === `${oracle.board}/${epoch}`,
  );
}

/** Checks that the reader's reporters signed this market. Returns the reader's oracles that they are of. */
function checkObservations(
  examination: Examination,
  file: string,
  { path, market }: { readonly path: string; readonly market: MarketFile },
): { vouchers: readonly Voucher[]; oracles: Trust["oracles"] } {
  const { oracles } = examination.trust;
  const given = examination.read(file, readObservations);
  const { epoch, reports } = given;
  if (oracles.length === 0) {
    throw invalid("OBSERVATIONS_REFUSED", file, "Your trust settings name no oracle whose reporters you believe.");
  }
  const faults = oracles.map((oracle) => observationsFault(given, market, oracle));
  if (!faults.includes(undefined)) {
    throw invalid("OBSERVATIONS_REFUSED", file, `The observations do not back ${path}: ${faults.at(-1)}.`);
  }
  const words = `prices and board of epoch ${epoch}`;
  examination.holds(file, `${reports.length} of your price reporters signed the prices and board values of ${path}.`);
  return {
    vouchers: reports.map(({ reporter, time }) => ({ file, name: "price reporter", address: reporter, words, time })),
    oracles: oracles.filter((_, index) => faults[index] === undefined),
  };
}

/**
 * Reporters and oracles know rows by their places; what the rows are called, the reader's listing says. False where the
 * reader has named none; fails where it is another one.
 */
function checkRows(
  examination: Examination,
  file: string,
  oracles: Trust["oracles"],
  { path, listing }: { readonly path: string; readonly listing: string },
): boolean {
  const named = oracles.flatMap((oracle) => oracle.listing ?? []);
  if (named.length === 0) return false;
  if (!named.includes(listing)) {
    const why = `The names or lots of the rows of ${path} are not those of the listing in your trust settings.`;
    throw invalid("LISTING_UNEXPECTED", file, why);
  }
  examination.holds(file, `The names and lots of the rows of ${path} are those of the listing in your trust settings.`);
  return true;
}

// ---- Chains -----------------------------------------------------------------------------------------------------------

/** The chain references among what backs a figure, each one that the reader has looked up, and dated. */
function lookedUp(examination: Examination, { by }: Grade): ReadonlyMap<string, ChainReference> {
  const found = new Map<string, ChainReference>();
  for (const file of by) {
    if (examination.kindOf(file) !== "chain") continue;
    const reference = examination.read(file, readChainReference);
    checkLookedUp(examination, file, reference);
    checkReferenceDate(examination, file, reference);
    found.set(file, reference);
  }
  return found;
}

function checkLookedUp(examination: Examination, file: string, reference: ChainReference): void {
  const { chain } = examination.trust;
  const text = canonicalJson(reference as unknown as Json);
  const { kind, chainId, contract, subject, block } = reference;
  if (chain.some((known) => canonicalJson(known as unknown as Json) === text)) {
    const what = `${kind} ${subject} of ${contract} on chain ${chainId}, block ${block.number}`;
    examination.holds(file, `You have looked up ${what}.`);
    return;
  }
  const other = chain.some(
    (known) =>
      known.kind === kind &&
      known.chainId === chainId &&
      known.contract === contract &&
      known.subject === subject &&
      known.block.number === block.number,
  );
  if (other) {
    throw invalid("CHAIN_CONTRADICTED", file, "You have looked it up, and the chain holds another value.");
  }
  const what = `${kind} ${subject} of ${contract} on chain ${chainId} at block ${block.number}`;
  const whole = kind === "account" ? ", with no lot of it out (its stage is not Liquidating)" : "";
  const why = `The pack rests on a chain. Look up ${what}. If the chain agrees with the file${whole}, add the file's content to "chain" in your trust settings.`;
  throw unusable("CHAIN_UNCONFIRMED", file, why);
}

const chainVoucher = (file: string, { kind, chainId, contract, subject, block }: ChainReference): Voucher => ({
  file,
  name: `chain ${chainId}`,
  address: contract,
  words: `${kind} ${subject} at block ${block.number}`,
  time: block.time,
});
