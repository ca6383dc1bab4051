// SPDX-License-Identifier: GPL-3.0-or-later
/** The steps of a ceremony: each takes what is there and gives the transcript after it, and the key if it makes one. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { timeText } from "../formats/time.ts";
import { readZkey } from "../keys/zkey.ts";
import { roundTime, roundValue } from "./beacon.ts";
import { checkShares, contributeShare, linkBase } from "./link.ts";
import { beaconContribution, contribution, initialKey, verificationKeyOf } from "./phase2.ts";
import { type Announcement, append, contributorName, refusal, type Start, type Transcript } from "./transcript.ts";
import {
  blake2bHex,
  type CeremonyFiles,
  type CeremonyReading,
  checkContributors,
  checkStart,
  PRODUCTION,
  verifyCeremony,
} from "./verify.ts";

export interface Step {
  readonly transcript: Transcript;
  readonly key: Uint8Array;
}

/** Characters that a contributor types at least. */
export const MIN_TYPED = 20;

const sha256Hex = (bytes: Uint8Array) => bytesToHex(sha256(bytes));

/** Opens a ceremony. Throws CEREMONY_REFUSED where circuit, phase 1 or number break the rules of its origin. */
export async function start(
  plan: Pick<Start, "origin" | "contributors" | "linkedFrom"> & { readonly circuit: string },
  r1cs: Uint8Array,
  phase1: Uint8Array,
  now: Date,
  production = PRODUCTION,
): Promise<Step> {
  const told = {
    kind: "start" as const,
    origin: plan.origin,
    circuit: { name: plan.circuit, r1csSha256: sha256Hex(r1cs) },
    phase1: { blake2b: blake2bHex(phase1) },
    ...(plan.linkedFrom === undefined ? {} : { linkedFrom: plan.linkedFrom }),
    contributors: plan.contributors,
  };
  checkStart(told, r1cs, phase1, production);
  const key = await initialKey(r1cs, phase1);
  const { circuitHash } = readZkey(key);
  return { transcript: append(undefined, { ...told, circuitHash, keySha256: sha256Hex(key) }, now), key };
}

/** Contributes. Throws FIELD_INVALID for a name that is none, CEREMONY_REFUSED for one that is taken, or too late. */
export async function contribute(
  { transcript, key }: Step,
  { name, typed }: { readonly name: string; readonly typed: string },
  now: Date,
): Promise<Step> {
  contributorName(name);
  if (typed.length < MIN_TYPED) throw refusal("ENTROPY_SHORT", `expected at least ${MIN_TYPED} characters typed`);
  return admit(transcript, await contribution(key, name, typed), now);
}

/**
 * Takes in a key that somebody made elsewhere from the newest one, by one contribution. It is verified completely, since it
 * comes from outside. Throws CEREMONY_REFUSED.
 */
export async function accept(
  { transcript, r1cs, phase1, key }: CeremonyFiles,
  made: Uint8Array,
  now: Date,
  production = PRODUCTION,
): Promise<Step> {
  const before = readZkey(key).contributions;
  const found = readZkey(made).contributions;
  if (found.length !== before.length + 1 || before.some(({ hash }, at) => found[at]!.hash !== hash)) {
    throw refusal("CONTRIBUTIONS_OTHER", "expected the newest key and one contribution more");
  }
  const step = admit(transcript, made, now);
  await verifyCeremony({ transcript: step.transcript, r1cs, phase1, key: made }, "so-far", production);
  return step;
}

function admit(transcript: Transcript, key: Uint8Array, now: Date): Step {
  const { name, hash } = readZkey(key).contributions.at(-1)!;
  const told = { kind: "contribution", name, contributionHash: hash, keySha256: sha256Hex(key) } as const;
  const after = append(transcript, told, now);
  checkContributors(after);
  return { transcript: after, key };
}

/** Says which beacon will be taken, before anybody can know it. */
export function announce(transcript: Transcript, beacon: Announcement["beacon"], now: Date): Transcript {
  const after = append(transcript, { kind: "announcement", beacon }, now);
  checkContributors(after);
  return after;
}

/** What becomes known: the signature of the round that was announced, or a value of 64 hexadecimal digits. */
export type Outcome = { readonly signature: string } | { readonly value: string };

/** Applies the beacon. Throws CEREMONY_REFUSED where none was announced in time, or this is not its value. */
export async function applyBeacon({ transcript, key }: Step, outcome: Outcome, now: Date): Promise<Step> {
  const { announcement, contributions } = transcript;
  if (announcement === undefined || (contributions.at(-1)?.number ?? -1) < announcement.number) {
    throw refusal("BEACON_NOT_ANNOUNCED", "announce the beacon, and have somebody contribute after that");
  }
  const known = resolve(announcement.beacon, outcome);
  const next = await beaconContribution(key, known.value);
  const { hash } = readZkey(next).contributions.at(-1)!;
  const told = { kind: "beacon", ...known, contributionHash: hash, keySha256: sha256Hex(next) } as const;
  return { transcript: append(transcript, told, now), key: next };
}

function resolve(beacon: Announcement["beacon"], outcome: Outcome): { value: string; signature?: string } {
  if (beacon.source === "stated") {
    if ("value" in outcome && /^[0-9a-f]{64}$/.test(outcome.value)) return outcome;
    throw refusal("BEACON_FALSE", "expected the value that was announced, as 64 lower-case hexadecimal digits");
  }
  const value = "signature" in outcome ? roundValue(beacon.round, outcome.signature) : undefined;
  if (value !== undefined) return { value, ...outcome };
  const when = timeText(roundTime(beacon.round));
  throw refusal("BEACON_FALSE", `expected drand's signature of round ${beacon.round}, published at ${when}`);
}

/**
 * Adds a share of the link key, after the beacon: the circuit's key must be the last one. Throws as `contribute`, and
 * CEREMONY_REFUSED where the phase 1 is another, or the circuit has no market inputs that are linked.
 */
export async function contributeLink(
  { transcript, key, linkKey }: Step & { readonly linkKey: Uint8Array | undefined },
  phase1: Uint8Array,
  { name, typed }: { readonly name: string; readonly typed: string },
  now: Date,
): Promise<{ readonly transcript: Transcript; readonly linkKey: Uint8Array }> {
  const { start, beacon } = transcript;
  if (start.linkedFrom === undefined) {
    throw refusal("LINK_UNEXPECTED", "the circuit has no market inputs that are linked");
  }
  if (beacon === undefined) throw refusal("NO_BEACON", "a link key is made when the circuit's key is done");
  if (typed.length < MIN_TYPED) throw refusal("ENTROPY_SHORT", `expected at least ${MIN_TYPED} characters typed`);
  // A share multiplied with other points than those of this transcript would say what nobody may know.
  if (blake2bHex(phase1) !== start.phase1.blake2b) throw refusal("PHASE1_OTHER", "not the phase 1 of this ceremony");
  if (sha256Hex(key) !== transcript.keySha256) {
    throw refusal("KEY_OTHER", "the key is not the one of the newest entry");
  }
  const base = await linkBase(start.linkedFrom, { key, verificationKey: await verificationKeyOf(key), phase1 });
  if (linkKey !== undefined) checkShares(transcript, base, linkKey);
  return contributeShare({ transcript, linkKey }, base, { name, typed }, now);
}

/** Closes a ceremony that has been verified as `ready`. */
export function finalise(transcript: Transcript, { verificationKeySha256 }: CeremonyReading, now: Date): Transcript {
  const link = transcript.links.at(-1);
  const linkKeySha256 = link && { linkKeySha256: link.linkKeySha256 };
  return append(transcript, { kind: "final", verificationKeySha256, ...linkKeySha256 }, now);
}
