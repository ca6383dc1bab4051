// SPDX-License-Identifier: GPL-3.0-or-later
/** What the two builds of the core (prover/native: the Node addon and the WebAssembly module) have in common. */

import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER } from "../field.ts";
import type { WitnessInput } from "../statement/witness-input.ts";
import type { planInputs } from "./witness.ts";

export const PROOF_BYTES = 256;
const NUMBER_BYTES = 32;

/** Two scalars, r then s, that hide the witness in one proof: uniform, 32 bytes each, little-endian. */
export type Blinding = () => Uint8Array;

/** From the system's generator. */
export const randomBlinding: Blinding = () => {
  const blinding = new Uint8Array(2 * NUMBER_BYTES);
  for (let at = 0; at < blinding.length; at += NUMBER_BYTES) {
    const scalar = blinding.subarray(at, at + NUMBER_BYTES);
    // Drawn below 2^254 until it is below the order, which it is three times out of four: uniform.
    do {
      crypto.getRandomValues(scalar);
      scalar[NUMBER_BYTES - 1]! &= 0x3f;
    } while (readNumber(scalar) >= FIELD_ORDER);
  }
  return blinding;
};

/** Statuses of core/status.h. */
const CANCELLED = 1;
const MEMORY = 2;
const UNSOLVED = 9;
const KEY_OR_WITNESS: Readonly<Record<number, string>> = {
  3: "the file is truncated",
  4: "it is not of the format read here",
  5: "it is not over BN254",
  6: "its parts do not fit together",
  7: "a number in it is not below its modulus",
  8: "it is not of this key's circuit",
};

/** The error that a status other than 0 stands for. `what` was being read. */
export function statusError(
  status: number,
  what: "proving key" | "witness" | "witness plan" | "batch" | "sponge",
): PlimsollError {
  if (status === CANCELLED) return new PlimsollError("CANCELLED", "the work was cancelled before it was done");
  if (status === MEMORY)
    return new PlimsollError(
      "OUT_OF_MEMORY",
      what === "sponge"
        ? "there is not enough memory for these sponges"
        : "there is not enough memory to prove with this key",
    );
  if (status === UNSOLVED) return new PlimsollError("INTERNAL", "the circuit has no witness of this input");
  const why = KEY_OR_WITNESS[status];
  if (why === undefined) return new PlimsollError("INTERNAL", `the prover's core answered with status ${status}`);
  return new PlimsollError(what === "proving key" ? "KEY_REFUSED" : "INTERNAL", `the ${what} is refused: ${why}`);
}

/** A file that nobody else can read or give back from now on; the array that it came in is empty, where the engine has `transfer`. */
export function takeOver(file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (file.byteLength === 0) return new Uint8Array(); // taken over before: no key
  const takes = ownsBuffer(file) && file.buffer.transfer !== undefined;
  return takes ? new Uint8Array(file.buffer.transfer()) : file;
}

/** Gives the memory of a file that has been read back at once, not at some collection to come: proving keys are large. */
export function release(file: Uint8Array<ArrayBuffer>): void {
  // Engines before 2024 (Node 20) have no transfer, and collect it some time.
  if (ownsBuffer(file)) file.buffer.transfer?.(0);
}

/** Whether the array is all of its buffer. */
export const ownsBuffer = (file: Uint8Array): boolean => file.byteLength === file.buffer.byteLength;

/** `planInputs` of witness.ts, which is loaded with the first input: to prove witnesses that are there takes less memory without. */
export function plannedInputs(plan: Uint8Array): (input: WitnessInput) => Promise<Uint8Array<ArrayBuffer>> {
  let inputOf: ReturnType<typeof planInputs> | undefined;
  return async (input) => {
    inputOf ??= (await import("./witness.ts")).planInputs(plan);
    return inputOf(input);
  };
}

/** A proof as snarkjs writes it, from the bytes of plimsoll.h. */
export function proofJson(bytes: Uint8Array): unknown {
  const [ax, ay, bxReal, bxImaginary, byReal, byImaginary, cx, cy] = Array.from(
    { length: PROOF_BYTES / NUMBER_BYTES },
    (_, index) => readNumber(bytes.subarray(index * NUMBER_BYTES, (index + 1) * NUMBER_BYTES)).toString(),
  );
  return {
    pi_a: [ax, ay, "1"],
    pi_b: [
      [bxReal, bxImaginary],
      [byReal, byImaginary],
      ["1", "0"],
    ],
    pi_c: [cx, cy, "1"],
    protocol: "groth16",
    curve: "bn128",
  };
}

function readNumber(littleEndian: Uint8Array): bigint {
  let hex = "";
  for (let at = littleEndian.length - 1; at >= 0; at--) hex += littleEndian[at]!.toString(16).padStart(2, "0");
  return BigInt(`0x${hex}`);
}
