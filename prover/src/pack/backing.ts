// SPDX-License-Identifier: GPL-3.0-or-later
/** What of the evidence that a firm has backs which of its proofs, and how strongly. */
import { type MergedStates, readMerge } from "../document/merge.ts";
import { type Envelope, readEnvelope } from "../document/proof.ts";
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { type MarketFile, readMarket, readMarketDocument } from "../formats/market.ts";
import { type PolicyFile, readPolicy } from "../formats/policy.ts";
import type { BoardSize } from "../model/sizes.ts";
import { circuitOf } from "../statement/families.ts";
import { parsePublicSignals } from "../verify/verifier.ts";
import {
  type Attestation,
  attestationDigest,
  type ChainReference,
  type Observations,
  observationsFault,
  readAttestation,
  readChainReference,
  readObservations,
} from "./evidence.ts";
import type { Assurance, PackCircuit } from "./format.ts";
import { mergesOf, partsOf } from "./merge-tree.ts";

/** Files of a firm; each proof finds its own by hashes and commitments. */
export interface EvidenceFiles {
  /** All that the proofs were made under. */
  readonly policies: readonly NamedText[];
  readonly markets: readonly NamedText[];
  /** Of proofs whose account is a sum of others. */
  readonly merges?: readonly NamedText[];
  readonly attestations?: readonly NamedText[];
  readonly observations?: readonly NamedText[];
  readonly chain?: readonly NamedText[];
}

/** A file and what it says. */
interface FileOf<T> {
  readonly given: NamedText;
  readonly read: T;
}

type Market = MarketFile & { readonly sha256: string };

/** The files, each read once. */
export interface Evidence {
  readonly policies: readonly FileOf<PolicyFile & { readonly sha256: string }>[];
  /** The markets that can be read under a policy. */
  readonly marketsUnder: (policy: PolicyFile & { readonly sha256: string }) => readonly FileOf<Market>[];
  readonly merges: readonly FileOf<MergedStates & { readonly size: BoardSize }>[];
  readonly attestations: readonly FileOf<Attestation>[];
  readonly observations: readonly FileOf<Observations>[];
  readonly chain: readonly FileOf<ChainReference>[];
}

/** Reads all files. Throws what their readers throw. */
export function readEvidence({ policies, markets, ...files }: EvidenceFiles): Evidence {
  const all = <T>(given: readonly NamedText[] = [], read: (text: NamedText) => T): FileOf<T>[] =>
    given.map((text) => ({ given: text, read: read(text) }));
  const known = new Map<string, readonly FileOf<Market>[]>();
  // Under no policy yet, but what is no market is one under none.
  for (const { text, file } of markets) readMarketDocument(text, file);
  return {
    policies: all(policies, ({ text, file }) => readPolicy(text, file)),
    marketsUnder(policy) {
      const found = known.get(policy.sha256) ?? markets.flatMap((given) => readable(given, policy));
      known.set(policy.sha256, found);
      return found;
    },
    merges: all(files.merges, (text) => {
      const { size, publicSignals } = readMerge(text);
      const [left, right, merged] = signalsOf(publicSignals, circuitOf("merge", size), text);
      return { size, left: left!, right: right!, merged: merged! };
    }),
    attestations: all(files.attestations, readAttestation),
    observations: all(files.observations, readObservations),
    chain: all(files.chain, readChainReference),
  };
}

/** A market under a policy, or nothing where it is one of another. */
function readable(given: NamedText, policy: PolicyFile): FileOf<Market>[] {
  try {
    return [{ given, read: readMarket(given.text, given.file, policy) }];
  } catch (error) {
    if (error instanceof PlimsollError) return [];
    throw error;
  }
}

/** A proof with the files that it was made under. */
export interface ProofFiles {
  readonly given: NamedText;
  readonly envelope: Envelope;
  readonly signals: readonly string[];
  readonly policy: NamedText;
  readonly market: FileOf<Market>;
}

/** Throws as `readEnvelope`; `UNKNOWN_NAME` where policy or market is not given, `PROOF_REFUSED` for signals that are none. */
export function proofFiles(evidence: Evidence, given: NamedText): ProofFiles {
  const envelope = readEnvelope(given);
  const policy = evidence.policies.find(({ read }) => read.sha256 === envelope.policySha256);
  if (policy === undefined) throw unknown("the policy of this proof is not among those given", given);
  const market = evidence.marketsUnder(policy.read).find(({ read }) => read.sha256 === envelope.marketSha256);
  if (market === undefined) throw unknown("the market of this proof is not among those given", given);
  const signals = signalsOf(envelope.publicSignals, envelope.size, given);
  return { given, envelope, signals, policy: policy.given, market };
}

/** What backs a proof's account and values, and the highest levels that this supports. */
export interface Backing {
  readonly merges: readonly NamedText[];
  readonly attestations: readonly NamedText[];
  /** Of the account, and of the signatures of contracts that attest it. */
  readonly accountChain: readonly NamedText[];
  readonly observations: readonly NamedText[];
  readonly valuesChain: readonly NamedText[];
  readonly account: Assurance;
  readonly values: Assurance;
}

/**
 * Finds what backs a proof. `pointOf` gives the market's point under the proof's key. Throws `PROOF_REFUSED` where the
 * merges add up to no sum.
 */
export function backingOf(evidence: Evidence, proof: ProofFiles, pointOf: () => { x: bigint; y: bigint }): Backing {
  const { envelope, signals, market } = proof;
  const { size, statement } = envelope;
  // With neither transfer nor fill, what is known of the account before is known of the account after.
  const still = statement.fill === "none" && statement.transfer.amount === "0";
  const merges = still ? sumOf(evidence, signals[0]!, size) : { files: [], parts: undefined };
  const states = merges.parts ?? signals.slice(still ? 0 : 1, 2);

  const attestations = evidence.attestations.filter(
    ({ read: { vouched } }) => vouched.size === size && states.includes(vouched.commitment),
  );
  const digests = attestations
    .filter(({ read }) => read.signature.kind === "erc1271")
    .map(({ read }) => attestationDigest(read));
  const accounts = evidence.chain.filter(({ read }) => read.kind === "account" && states.includes(read.value));
  const signed = evidence.chain.filter(({ read }) => read.kind === "signature" && digests.includes(read.subject));
  const observations = evidence.observations.filter(
    ({ read }) => observationsFault(read, market.read, oracleOf(read)) === undefined,
  );
  const markets = evidence.chain.filter(({ read }) => {
    if (read.kind !== "market") return false;
    const { x, y } = pointOf();
    return read.value === `${x},${y}`;
  });
  const level = (chained: number, attested: number): Assurance =>
    chained > 0 ? "on-chain" : attested > 0 ? "attested" : "claimed";
  return {
    merges: merges.files,
    attestations: givenOf(attestations),
    accountChain: givenOf([...accounts, ...signed]),
    observations: givenOf(observations),
    valuesChain: givenOf(markets),
    account: level(accounts.length, attestations.length),
    values: level(markets.length, observations.length),
  };
}

const givenOf = (files: readonly FileOf<unknown>[]): NamedText[] => files.map(({ given }) => given);

/** The merges that make an account, and the parts that they add up; no parts where it is no sum. */
function sumOf(evidence: Evidence, root: string, size: BoardSize) {
  const merges = mergesOf(
    root,
    evidence.merges.filter(({ read }) => read.size === size).map(({ given, read }) => ({ given, ...read })),
  );
  if (merges.length === 0) return { files: [], parts: undefined };
  const sum = partsOf(
    root,
    merges.map(({ given: { file }, ...states }) => ({ file, ...states })),
  );
  if (!sum.ok) throw new PlimsollError("PROOF_REFUSED", sum.sentence, { file: sum.file });
  return { files: merges.map(({ given }) => given), parts: [...sum.parts.keys()] };
}

/** The first file that backs none of the proofs. */
export function idleFile(evidence: Evidence, backings: readonly Backing[]): NamedText | undefined {
  const used = new Set(
    backings.flatMap((backing) => [
      ...backing.merges,
      ...backing.attestations,
      ...backing.accountChain,
      ...backing.observations,
      ...backing.valuesChain,
    ]),
  );
  const { merges, attestations, observations, chain } = evidence;
  return givenOf([...merges, ...attestations, ...observations, ...chain]).find((given) => !used.has(given));
}

/** The oracle that observations speak of, for a reader who trusts all who signed them. */
export const oracleOf = ({ chainId, contract, board, reports }: Observations) => ({
  chainId,
  contract,
  board,
  reporters: reports.map(({ reporter }) => reporter),
  quorum: 1,
});

/** Public signals as decimal numbers. Throws `PROOF_REFUSED` where they are none of the circuit. */
function signalsOf(given: readonly string[], circuit: PackCircuit, { file }: NamedText): string[] {
  const parsed = parsePublicSignals(given, circuit);
  if (!parsed.ok) throw new PlimsollError("PROOF_REFUSED", parsed.detail, { file });
  return parsed.signals.map(String);
}

const unknown = (why: string, { file }: NamedText) => new PlimsollError("UNKNOWN_NAME", why, { file });
