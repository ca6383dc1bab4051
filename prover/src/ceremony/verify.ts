// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Whether a ceremony kept its rules and its key is what it says: from files alone, trusting nobody who took part.
 *
 * The reader brings the circuit, compiled by itself. Everything that the key is made of is then recomputed from circuit
 * and phase 1 but the contributions, and those are checked as a chain. What cannot be seen in files is that contributors
 * are different people and that the hashes are those they published: compare these with what they say.
 */
import { bn254 } from "@noble/curves/bn254.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import { lookOf } from "../formats/look-alikes.ts";
import type { KeyOrigin } from "../keys/origin.ts";
import { readR1cs } from "../keys/r1cs.ts";
import { readZkey, type Zkey } from "../keys/zkey.ts";
import { CIRCUITS, linkedGroupsOf } from "../statement/families.ts";
import { roundTime, roundValue } from "./beacon.ts";
import { checkShareCount, checkSharers, checkShares, linkBase } from "./link.ts";
import pinned from "./phase1.json" with { type: "json" };
import { BEACON_ITERATIONS_LOG2, BEACON_NAME, followsFrom, initialKey, verificationKeyOf } from "./phase2.ts";
import { refusal, type Start, type Transcript } from "./transcript.ts";

/** What a ceremony has to hold to for its key to be one for production. */
export interface ProductionRules {
  readonly contributors: number;
  readonly circuits: readonly string[];
  /** BLAKE2b-512 of phase 1 files. */
  readonly phase1: readonly string[];
}

export const PRODUCTION: ProductionRules = {
  contributors: 3,
  circuits: CIRCUITS,
  phase1: Object.values(pinned.files).map(({ blake2b }) => blake2b),
};

/** `so-far`: of a ceremony that is under way. `ready`: beacon and all, to be finalised. `final`: done. */
export type Stage = "so-far" | "ready" | "final";

export interface CeremonyFiles {
  readonly transcript: Transcript;
  /** The reader's own: of the circuit that the key is to be for. */
  readonly r1cs: Uint8Array;
  readonly phase1: Uint8Array;
  /** The newest key. */
  readonly key: Uint8Array;
  /** The newest link key, where there are shares of one. */
  readonly linkKey?: Uint8Array | undefined;
}

export interface CeremonyReading {
  readonly origin: Exclude<KeyOrigin, "development">;
  readonly circuit: string;
  /** `entry` is the SHA-256 of the contribution's entry, by which its author vouches for all entries before it too. */
  readonly contributions: readonly { readonly name: string; readonly hash: string; readonly entry: string }[];
  /** Of each share of the link key its author, and the SHA-256 of its entry. */
  readonly shares: readonly { readonly name: string; readonly entry: string }[];
  readonly keySha256: string;
  readonly linkKeySha256?: string;
  readonly verificationKey: string;
  readonly verificationKeySha256: string;
  /** SHA-256 of the newest entry, which stands for the whole transcript. */
  readonly head: string;
}

const sha256Hex = (bytes: Uint8Array) => bytesToHex(sha256(bytes));
export const blake2bHex = (bytes: Uint8Array) => bytesToHex(blake2b(bytes, { dkLen: 64 }));

/**
 * Verifies a ceremony. Throws CEREMONY_REFUSED, whose message begins with the name of the rule that is broken. Takes about
 * as long as making the initial key does. Does NOT check that the r1cs is any circuit in particular.
 */
export async function verifyCeremony(
  { transcript, r1cs, phase1, key, linkKey }: CeremonyFiles,
  stage: Stage,
  production = PRODUCTION,
): Promise<CeremonyReading> {
  const { start, contributions, links, final } = transcript;
  checkStart(start, r1cs, phase1, production);
  checkContributors(transcript);
  checkSharers(transcript);
  if (stage !== "so-far") {
    checkComplete(transcript);
    checkShareCount(transcript);
  }
  if (stage === "final" && final === undefined) throw refusal("NOT_FINAL", "the ceremony has not been finalised");

  const keySha256 = sha256Hex(key);
  if (keySha256 !== transcript.keySha256) throw refusal("KEY_OTHER", "the key is not the one of the newest entry");
  const zkey = readKey(key);
  checkRecorded(zkey, transcript);
  checkPoints(zkey, readR1cs(r1cs).publics);
  const initial = await initialKey(r1cs, phase1);
  const initialHash = readZkey(initial).circuitHash;
  if (initialHash !== zkey.circuitHash || initialHash !== start.circuitHash) {
    throw refusal("KEY_OF_ANOTHER_CIRCUIT", "the key is not for this circuit on this phase 1");
  }
  if (!(await followsFrom(initial, phase1, key))) {
    throw refusal("KEY_OF_ANOTHER_CIRCUIT", "the key is not the circuit's initial key and its contributions alone");
  }
  const verificationKey = await verificationKeyOf(key);
  const verificationKeySha256 = sha256Hex(utf8ToBytes(verificationKey));
  if (final !== undefined && final.verificationKeySha256 !== verificationKeySha256) {
    throw refusal("KEY_OTHER", "the verification key is not the one of the final entry");
  }
  const newest = links.at(-1)?.linkKeySha256;
  if (newest !== undefined) {
    if (linkKey === undefined) throw refusal("LINK_KEY_OTHER", "there is no link key of the newest share");
    checkShares(transcript, await linkBase(start.linkedFrom!, { key, verificationKey, phase1 }), linkKey);
  }
  if (final !== undefined && final.linkKeySha256 !== newest) {
    throw refusal("LINK_KEY_OTHER", "the link key is not the one of the final entry");
  }
  const entryOf = (number: number) => transcript.entries[number + 1]?.previous ?? transcript.head;
  return {
    origin: start.origin,
    circuit: start.circuit.name,
    contributions: contributions.map(({ name, number, contributionHash: hash }) => ({
      name,
      hash,
      entry: entryOf(number),
    })),
    shares: links.map(({ name, number }) => ({ name, entry: entryOf(number) })),
    keySha256,
    ...(newest === undefined ? {} : { linkKeySha256: newest }),
    verificationKey,
    verificationKeySha256,
    head: transcript.head,
  };
}

/** The rules on circuit and phase 1. */
export function checkStart(
  start: Pick<Start, "origin" | "circuit" | "phase1" | "contributors" | "linkedFrom">,
  r1cs: Uint8Array,
  phase1: Uint8Array,
  production = PRODUCTION,
): void {
  if (sha256Hex(r1cs) !== start.circuit.r1csSha256) {
    throw refusal("CIRCUIT_OTHER", "the ceremony is not for the circuit that the sources compile to");
  }
  if (blake2bHex(phase1) !== start.phase1.blake2b) throw refusal("PHASE1_OTHER", "not the phase 1 of this ceremony");
  const circuit = CIRCUITS.find((name) => name === start.circuit.name);
  if (circuit !== undefined && linkedGroupsOf(circuit)[0]?.first !== start.linkedFrom) {
    throw refusal("LINK_PLACE", "the link key is not for the market inputs of the circuit");
  }
  if (start.linkedFrom !== undefined && start.linkedFrom > readR1cs(r1cs).publics) {
    throw refusal("LINK_PLACE", "the circuit has fewer public inputs");
  }
  if (start.origin === "rehearsal") return;
  if (!production.phase1.includes(start.phase1.blake2b)) {
    throw refusal("PHASE1_NOT_PINNED", "its BLAKE2b-512 is none of those of the perpetual powers of tau");
  }
  if (!production.circuits.includes(start.circuit.name)) {
    throw refusal("CIRCUIT_UNKNOWN", "a ceremony for production is for one of the circuits in circuits/");
  }
  if (start.contributors < production.contributors) {
    throw refusal("TOO_FEW_CONTRIBUTIONS", `production takes at least ${production.contributors}`);
  }
}

/** The rules on who has contributed when, as far as the ceremony has come. */
export function checkContributors({ start, contributions, announcement, beacon }: Transcript): void {
  const people = contributions.map(({ name }) => lookOf(name));
  if (new Set([...people, lookOf(BEACON_NAME)]).size !== people.length + 1) {
    throw refusal("DUPLICATE_CONTRIBUTOR", "a name is there twice, looks like another, or is the beacon's");
  }
  const hashes = [...contributions, ...(beacon === undefined ? [] : [beacon])].map((entry) => entry.contributionHash);
  if (new Set(hashes).size !== hashes.length) throw refusal("DUPLICATE_CONTRIBUTION", "a contribution is there twice");
  if (announcement === undefined) return;
  if (announcement.beacon.source === "drand-quicknet") {
    const known = roundTime(announcement.beacon.round).getTime();
    const late = [announcement, ...contributions].find(({ time }) => Date.parse(time) >= known);
    if (late !== undefined) throw refusal("BEACON_KNOWN", "the beacon was public when an entry before it was made");
  } else if (start.origin === "ceremony") {
    throw refusal("BEACON_UNVERIFIABLE", "production takes a round of drand, which anybody can check offline");
  }
}

/** The rules on a ceremony that is to give a key. */
function checkComplete({ start, contributions, announcement, beacon }: Transcript): void {
  if (contributions.length === 0)
    throw refusal("NO_CONTRIBUTION", "nobody has contributed: anybody could forge proofs");
  if (contributions.length < start.contributors) {
    throw refusal("TOO_FEW_CONTRIBUTIONS", `${contributions.length} of at least ${start.contributors}`);
  }
  if (beacon === undefined) throw refusal("NO_BEACON", "the last contributor could have chosen the result");
  if (announcement === undefined || contributions.at(-1)!.number < announcement.number) {
    throw refusal("BEACON_NOT_ANNOUNCED", "the beacon was not announced before the last contribution");
  }
  if (announcement.beacon.source === "drand-quicknet") {
    const value = roundValue(announcement.beacon.round, beacon.signature ?? "");
    if (value !== beacon.value) throw refusal("BEACON_FALSE", "not the value of the round that was announced");
  }
}

function readKey(key: Uint8Array): Zkey {
  try {
    return readZkey(key);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    throw refusal("KEY_MALFORMED", error.rule);
  }
}

/** That the contributions in the key are those of the transcript. */
function checkRecorded({ contributions: recorded }: Zkey, { contributions, beacon }: Transcript): void {
  const told = [...contributions, ...(beacon === undefined ? [] : [beacon])];
  const same = told.every((entry, index) => {
    const found = recorded[index];
    if (found?.hash !== entry.contributionHash || found.kind !== entry.kind) return false;
    if (entry.kind === "contribution") return found.name === entry.name;
    return found.beacon?.value === entry.value && found.beacon.iterationsLog2 === BEACON_ITERATIONS_LOG2;
  });
  if (!same || told.length !== recorded.length) {
    throw refusal("CONTRIBUTIONS_OTHER", "the contributions in the key are not those of the transcript");
  }
}

/** What makes a key unsound whatever it was made from. */
function checkPoints({ publics, ic, gamma, delta2, contributions }: Zkey, expected: number): void {
  if (publics !== expected || ic.length !== expected + 1) {
    throw refusal("IC_LENGTH", `the circuit has ${expected} public signals, the key is for another number`);
  }
  if (ic.some((point) => point.is0())) {
    throw refusal("IC_INFINITY", "a public signal has no weight in the key: proofs would not depend on it");
  }
  // A point and its negative, which the secret −1 makes of it, have one x.
  const deltas = [bn254.G1.Point.BASE, ...contributions.map(({ delta }) => delta)].map((point) => point.toAffine().x);
  if (new Set(deltas).size !== deltas.length) {
    throw refusal("EMPTY_CONTRIBUTION", "contributions that change nothing, or undo others");
  }
  if (contributions.length > 0 && (delta2.equals(gamma) || delta2.equals(gamma.negate()))) {
    throw refusal("GAMMA_EQUALS_DELTA", "anybody could forge proofs");
  }
}
