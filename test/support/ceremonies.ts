// SPDX-License-Identifier: GPL-3.0-or-later
/** A tiny circuit and its phase 1, to hold ceremonies on, and forged transcripts. */
import type { CeremonyStore } from "../../prover/src/app/ceremony.ts";
import {
  append,
  type Entry,
  type EntryContent,
  entryName,
  type Transcript,
} from "../../prover/src/ceremony/transcript.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { trapdoorFrom } from "../../prover/src/keys/development.ts";
import { makeRehearsalPhase1 } from "../../prover/src/keys/rehearsal-phase1.ts";
import { compileSmall } from "./small-circuit.ts";

export const TINY = `pragma circom 2.2.0;
template Tiny() {
  signal input a, b;
  signal output c;
  signal s <== a * b + a;
  c <== s * s + 5 * b;
}
component main {public [a]} = Tiny();
`;

export const tinyR1cs = async (source = TINY): Promise<Uint8Array> => (await compileSmall(source)).r1cs;

export const tinyPhase1 = (seed = "ceremonies", power = 4): Promise<Uint8Array> =>
  makeRehearsalPhase1(power, trapdoorFrom(Buffer.from(seed)));

/** drand's quicknet, round 1000, as its nodes publish it. */
export const ROUND_1000 = {
  round: 1000,
  time: "2023-08-23T15:59:24Z",
  signature: "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
  value: "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd",
};

export const told = ({ number: _, previous: __, time: ___, ...rest }: Entry): EntryContent => rest as EntryContent;

/** The same entries in another order, changed or left out, chained anew as if they had always been so. */
export function rewritten(
  transcript: Transcript,
  change: (entries: EntryContent[]) => EntryContent[],
  now: Date,
): Transcript {
  let result: Transcript | undefined;
  for (const entry of change(transcript.entries.map(told))) result = append(result, entry, now);
  return result!;
}

/** A ceremony in memory, and how to break off before its next entry is stored. */
export function memoryStore() {
  const files = {
    entries: [] as { file: string; text: string }[],
    keys: new Map<string, Uint8Array>(),
    linkKeys: new Map<string, Uint8Array>(),
  };
  let circuit: { phase1: Uint8Array; r1cs: Uint8Array } | undefined;
  let verificationKey: string | undefined;
  let broken = false;
  const store: CeremonyStore = {
    name: "memory",
    entries: async () => (circuit === undefined ? undefined : files.entries),
    phase1: async () => circuit!.phase1,
    r1cs: async () => circuit!.r1cs,
    key: async (sha256) => files.keys.get(sha256)!,
    addCircuit: async (given) => {
      circuit = given;
    },
    addKey: async (sha256, key) => {
      files.keys.set(sha256, key);
    },
    linkKey: async (sha256) => files.linkKeys.get(sha256)!,
    addLinkKey: async (sha256, linkKey) => {
      files.linkKeys.set(sha256, linkKey);
    },
    addEntry: async (number, text) => {
      if (broken) throw new Error("the power failed");
      if (files.entries[number] !== undefined) throw new PlimsollError("FILE", "exists already; nothing was written");
      files.entries = [...files.entries, { file: entryName(number), text }];
    },
    addVerificationKey: async (text) => {
      verificationKey = text;
    },
  };
  return {
    store,
    files,
    verificationKey: () => verificationKey,
    breakOff: (now: boolean) => {
      broken = now;
    },
  };
}
