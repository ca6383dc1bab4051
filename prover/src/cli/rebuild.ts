// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Circuits compiled anew, and compared with their pinned identities.
 *
 * `circuits/identities.json` is part of the sources: whoever reads them reads the hashes too, and a compiler that gives
 * something else is noticed.
 */
import { createHash } from "node:crypto";
import identities from "../../../circuits/identities.json" with { type: "json" };
import { readR1cs } from "../keys/r1cs.ts";
import type { CircuitName } from "../model/sizes.ts";

export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export interface Rebuilt {
  readonly r1cs: Uint8Array;
  readonly wasm: Uint8Array;
  readonly sources: string;
  readonly compiler: string;
  readonly constraints: number;
  readonly publicInputs: number;
  /** r1cs and witness generator are those of `circuits/identities.json`. */
  readonly pinned: boolean;
}

/** Compiles a circuit from its sources. Compiling is set-up's work, and works in a clone only. */
export async function rebuild(circuit: CircuitName): Promise<Rebuilt> {
  const { compileAfresh } = await import("../../../scripts/build-circuits.ts");
  const built = await compileAfresh(circuit);
  const { constraints, publics } = readR1cs(built.r1cs);
  const pin: { r1cs: string; wasm: string } = identities.circuits[circuit];
  const pinned = sha256Of(built.r1cs) === pin.r1cs && sha256Of(built.wasm) === pin.wasm;
  return { ...built, constraints, publicInputs: publics, pinned };
}
