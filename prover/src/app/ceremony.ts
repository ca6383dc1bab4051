// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The steps of a ceremony, in which a circuit's keys come about. Each reads what the store holds and adds to it.
 *
 * A step stores its key first and its entry last: a step that was interrupted has not happened, and can be run again. Of two
 * at once one is refused.
 */
import {
  accept,
  announce,
  applyBeacon,
  contribute,
  contributeLink,
  finalise,
  type Outcome,
  type Step,
  start,
} from "../ceremony/steps.ts";
import { type Announcement, readTranscript, refusal, type Start, type Transcript } from "../ceremony/transcript.ts";
import { type CeremonyFiles, type CeremonyReading, type Stage, verifyCeremony } from "../ceremony/verify.ts";
import { type ErrorPlace, PlimsollError, throwIfCancelled } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { CIRCUITS, type CircuitName, linkedGroupsOf } from "../statement/families.ts";

/** Where the files of one ceremony are. */
export interface CeremonyStore {
  /** For messages. */
  readonly name: string;
  /** The entries of the transcript in order; undefined where there is no ceremony. */
  entries(): Promise<readonly NamedText[] | undefined>;
  phase1(): Promise<Uint8Array>;
  /** The circuit that the ceremony was started with. */
  r1cs(): Promise<Uint8Array>;
  /** The key of this SHA-256. Throws CEREMONY_REFUSED where it is another one. */
  key(sha256: string): Promise<Uint8Array>;
  addCircuit(files: { readonly phase1: Uint8Array; readonly r1cs: Uint8Array }): Promise<void>;
  addKey(sha256: string, key: Uint8Array): Promise<void>;
  /** The link key of this SHA-256. Throws CEREMONY_REFUSED where it is another one. */
  linkKey(sha256: string): Promise<Uint8Array>;
  addLinkKey(sha256: string, linkKey: Uint8Array): Promise<void>;
  /** Throws where there is an entry of this number. */
  addEntry(number: number, text: string): Promise<void>;
  addVerificationKey(text: string): Promise<void>;
}

/** A circuit of this software, compiled from its sources. */
export interface CompiledCircuit {
  readonly r1cs: Uint8Array;
  readonly wasm: Uint8Array;
  readonly plan?: Uint8Array;
  readonly sources: string;
  readonly compiler: string;
  readonly constraints: number;
  readonly publicInputs: number;
  /** r1cs and witness generator are the pinned ones. */
  readonly pinned: boolean;
}

export interface CeremonyMachine {
  readonly store: CeremonyStore;
  readonly now: () => Date;
  readonly compile: (circuit: CircuitName, options?: { planned?: boolean }) => Promise<CompiledCircuit>;
  readonly signal?: AbortSignal;
  /** What takes long. */
  readonly onStep?: (what: string) => void;
}

export interface CeremonyPlan {
  readonly origin: Start["origin"];
  /** Contributions that there must be at least. */
  readonly contributors: number;
  /** A circuit of this software, or in a rehearsal any r1cs. */
  readonly circuit: CircuitName | Uint8Array;
  readonly phase1: Uint8Array;
  /** Number of the first public input that is linked, of an r1cs; a circuit of this software has its own. */
  readonly linkedFrom?: number | undefined;
}

/** Opens a ceremony. Throws CEREMONY_REFUSED where there is one, or where the plan breaks the rules of its origin. */
export async function startCeremony(machine: CeremonyMachine, plan: CeremonyPlan): Promise<Transcript> {
  const { store, now, signal } = machine;
  const { origin, contributors, circuit, phase1 } = plan;
  if ((await store.entries())?.length) {
    throw refusal("CEREMONY_EXISTS", "a ceremony has been started here", store.name);
  }
  const named = typeof circuit === "string";
  const r1cs = named ? (await compilePinned(machine, circuit)).r1cs : circuit;
  const linkedFrom = named ? linkedGroupsOf(circuit)[0]?.first : plan.linkedFrom;
  const place = linkedFrom === undefined ? {} : { linkedFrom };
  const told = { origin, contributors, circuit: named ? circuit : "other", ...place };
  const step = await start(told, r1cs, phase1, now());
  throwIfCancelled(signal);
  await store.addCircuit({ phase1, r1cs });
  return record(machine, step);
}

/** The steps that can come next. */
export type NextStep =
  | "contribute, announce"
  | "contribute"
  | "contribute, beacon"
  | "link"
  | "link, finalise"
  | "finalise"
  | "nothing: verify it";

/** How far a ceremony has come, by its transcript. Verifies no key. */
export async function ceremonyStatus(store: CeremonyStore): Promise<{ transcript: Transcript; next: NextStep }> {
  const transcript = await transcriptIn(store);
  return { transcript, next: nextOf(transcript) };
}

function nextOf({ start, contributions, announcement, beacon, links, final }: Transcript): NextStep {
  const { contributors, linkedFrom } = start;
  if (final !== undefined) return "nothing: verify it";
  if (beacon !== undefined && linkedFrom !== undefined) return links.length < contributors ? "link" : "link, finalise";
  if (beacon !== undefined) return "finalise";
  if (announcement === undefined) return "contribute, announce";
  const last = contributions.at(-1)?.number ?? 0;
  return last < announcement.number || contributions.length < contributors ? "contribute" : "contribute, beacon";
}

/**
 * Contributes under a name. `typed` asks for what a person types at random, once it is clear that there is something to
 * contribute to. Throws FIELD_INVALID and CEREMONY_REFUSED as `contribute` does.
 */
export async function contributeToCeremony(
  machine: CeremonyMachine,
  { name, typed }: { readonly name: string; readonly typed: () => Promise<string> },
): Promise<Transcript> {
  const newest = await newestIn(machine.store);
  return record(machine, await contribute(newest, { name, typed: await typed() }, machine.now()));
}

/** Takes in a key that was made from the newest one elsewhere, after verifying it completely. Throws CEREMONY_REFUSED. */
export async function acceptContribution(machine: CeremonyMachine, key: Uint8Array): Promise<Transcript> {
  machine.onStep?.("verifying the key");
  return record(machine, await accept(await filesIn(machine), key, machine.now()));
}

/** Announces the beacon, before anybody knows it. Throws CEREMONY_REFUSED. */
export async function announceBeacon(machine: CeremonyMachine, beacon: Announcement["beacon"]): Promise<Transcript> {
  const transcript = announce(await transcriptIn(machine.store), beacon, machine.now());
  return record(machine, { transcript });
}

/** Applies the beacon that was announced. Throws CEREMONY_REFUSED where it is not this one, or was not announced in time. */
export async function closeWithBeacon(machine: CeremonyMachine, outcome: Outcome): Promise<Transcript> {
  return record(machine, await applyBeacon(await newestIn(machine.store), outcome, machine.now()));
}

/** Adds a share of the link key under a name, as `contributeToCeremony`. Throws FIELD_INVALID and CEREMONY_REFUSED. */
export async function contributeToLinkKey(
  machine: CeremonyMachine,
  { name, typed }: { readonly name: string; readonly typed: () => Promise<string> },
): Promise<Transcript> {
  const newest = await newestIn(machine.store);
  const step = { ...newest, linkKey: await newestLinkKey(machine.store, newest.transcript) };
  const phase1 = await machine.store.phase1();
  return record(machine, await contributeLink(step, phase1, { name, typed: await typed() }, machine.now()));
}

/** Verifies the whole ceremony, stores its verification key, and closes it. Throws CEREMONY_REFUSED. */
export async function finaliseCeremony(machine: CeremonyMachine): Promise<Transcript> {
  machine.onStep?.("compiling the circuit, verifying every step");
  const files = await filesIn(machine);
  const reading = await verifyCeremony(files, "ready");
  throwIfCancelled(machine.signal);
  const transcript = finalise(files.transcript, reading, machine.now());
  await machine.store.addVerificationKey(reading.verificationKey);
  return record(machine, { transcript });
}

export type CeremonyVerdict =
  | { readonly ok: true; readonly reading: CeremonyReading }
  /** The rule that is broken, and how. */
  | { readonly ok: false; readonly rule: string; readonly sentence: string; readonly place: ErrorPlace };

/** The verdict on a ceremony from its files alone. Throws only for files that cannot be read. */
export async function checkCeremony(machine: CeremonyMachine, stage: Stage): Promise<CeremonyVerdict> {
  machine.onStep?.("compiling the circuit, verifying every step");
  try {
    return { ok: true, reading: await verifyCeremony(await filesIn(machine), stage) };
  } catch (error) {
    if (!(error instanceof PlimsollError) || error.code !== "CEREMONY_REFUSED") throw error;
    const [, rule, sentence] = /^([A-Z0-9_]+): (.*)$/s.exec(error.rule)!;
    return { ok: false, rule: rule!, sentence: sentence!, place: error.place };
  }
}

/** A final ceremony for a circuit of this software, verified: what is installed of it. Throws CEREMONY_REFUSED. */
export async function installableKeys(machine: CeremonyMachine) {
  const { store, onStep, signal } = machine;
  const transcript = await transcriptIn(store);
  const { name } = transcript.start.circuit;
  if (!isCircuit(name)) {
    throw refusal("CIRCUIT_UNKNOWN", "keys are installed for the circuits of this software only");
  }
  onStep?.("compiling the circuit, verifying every step");
  const compiled = await compilePinned(machine, name, { planned: true });
  const [phase1, key] = [await store.phase1(), await store.key(transcript.keySha256)];
  const linkKey = await newestLinkKey(store, transcript);
  const reading = await verifyCeremony({ transcript, r1cs: compiled.r1cs, phase1, key, linkKey }, "final");
  throwIfCancelled(signal);
  return { circuit: name, compiled, key, linkKey, reading };
}

const isCircuit = (name: string): name is CircuitName => (CIRCUITS as readonly string[]).includes(name);

async function transcriptIn(store: CeremonyStore): Promise<Transcript> {
  const entries = await store.entries();
  if (entries === undefined) throw refusal("TRANSCRIPT_MISSING", "there is no ceremony", store.name);
  return readTranscript(entries);
}

async function newestIn(store: CeremonyStore): Promise<Step> {
  const transcript = await transcriptIn(store);
  return { transcript, key: await store.key(transcript.keySha256) };
}

async function newestLinkKey(store: CeremonyStore, { links }: Transcript): Promise<Uint8Array | undefined> {
  const newest = links.at(-1);
  return newest && store.linkKey(newest.linkKeySha256);
}

/** Everything that a ceremony is judged by. A circuit of this software is compiled here; of another, the ceremony's own counts. */
async function filesIn(machine: CeremonyMachine): Promise<CeremonyFiles> {
  const { store } = machine;
  const newest = await newestIn(store);
  const { name } = newest.transcript.start.circuit;
  const [r1cs, phase1] = await Promise.all([
    isCircuit(name) ? compilePinned(machine, name).then((compiled) => compiled.r1cs) : store.r1cs(),
    store.phase1(),
  ]);
  return { ...newest, r1cs, phase1, linkKey: await newestLinkKey(store, newest.transcript) };
}

/** A circuit of this software, compiled now; it must be the one whose identity is pinned. */
async function compilePinned({ compile }: CeremonyMachine, name: CircuitName, options?: { planned?: boolean }) {
  const compiled = await compile(name, options);
  if (!compiled.pinned) throw refusal("CIRCUIT_OTHER", `the sources do not compile to the pinned ${name}`);
  return compiled;
}

/** Puts a step into the store. The entry is last: without it the key counts for nothing. */
async function record(
  { store, signal }: CeremonyMachine,
  step: { readonly transcript: Transcript; readonly key?: Uint8Array; readonly linkKey?: Uint8Array },
): Promise<Transcript> {
  const { transcript, key, linkKey } = step;
  throwIfCancelled(signal);
  const number = transcript.files.length - 1;
  if (key !== undefined) await store.addKey(transcript.keySha256, key);
  if (linkKey !== undefined) await store.addLinkKey(transcript.links.at(-1)!.linkKeySha256, linkKey);
  await store.addEntry(number, transcript.files[number]!.text);
  return transcript;
}
