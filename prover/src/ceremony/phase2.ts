// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Phase 2 of Groth16's set-up by snarkjs, in memory only: the secret of a contribution is never written anywhere, and what
 * snarkjs prints is dropped. Runs in browsers too.
 *
 * snarkjs starts threads where it can: whoever calls these in Node ends them afterwards (`endThreads`).
 */
import { zKey } from "snarkjs";
import { PlimsollError } from "../errors.ts";

/** The beacon's value is hashed 2^10 times before it is used. */
export const BEACON_ITERATIONS_LOG2 = 10;
export const BEACON_NAME = "beacon";

type Made = { type: "mem"; data?: Uint8Array };
const given = (data: Uint8Array): Made => ({ type: "mem", data });

/** The key of a circuit before any contribution; a function of the two files. Throws CEREMONY_REFUSED where they do not fit. */
export async function initialKey(r1cs: Uint8Array, phase1: Uint8Array): Promise<Uint8Array> {
  const key: Made = { type: "mem" };
  const made = await quietly(() => zKey.newZKey(given(r1cs), given(phase1), key)).catch(() => -1);
  if (made !== -1) return key.data!;
  throw new PlimsollError(
    "CEREMONY_REFUSED",
    "PHASE1_UNFIT: the phase 1 is no prepared one over BN254, or too small for the circuit",
  );
}

/**
 * The key after one more contribution, whose secret comes from the machine's random source and from what a person typed: it is
 * unknown to everybody as long as either is, and it is gone when this returns.
 */
export async function contribution(key: Uint8Array, name: string, typed: string): Promise<Uint8Array> {
  const next: Made = { type: "mem" };
  await quietly(() => zKey.contribute(given(key), next, name, typed));
  return next.data!;
}

/** The key after the last contribution of all, whose secret is public: it takes from the one before the choice of the result. */
export async function beaconContribution(key: Uint8Array, value: string): Promise<Uint8Array> {
  const next: Made = { type: "mem" };
  await quietly(() => zKey.beacon(given(key), next, BEACON_NAME, value, BEACON_ITERATIONS_LOG2));
  return next.data!;
}

/** Whether a key is the initial one and a chain of contributions, and differs from it in nothing else. */
export async function followsFrom(initial: Uint8Array, phase1: Uint8Array, key: Uint8Array): Promise<boolean> {
  return quietly(() => zKey.verifyFromInit(given(initial), given(phase1), given(key))).catch(() => false);
}

/** The verification key in snarkjs's form, as text. */
export async function verificationKeyOf(key: Uint8Array): Promise<string> {
  return `${JSON.stringify(await zKey.exportVerificationKey(given(key)), null, 1)}\n`;
}

/** snarkjs says on the console why it refuses; standard output is for results. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { log } = console;
  console.log = () => {};
  try {
    return await work();
  } finally {
    console.log = log;
  }
}
