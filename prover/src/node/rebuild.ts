// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Circuits compiled anew, and compared with their pinned identities and with the keys that are installed.
 *
 * `circuits/identities.json` is part of the sources: whoever reads them reads the hashes too, and a compiler that gives
 * something else is noticed.
 */
import { createHash } from "node:crypto";
import identities from "@plimsoll/circuits/identities.json" with { type: "json" };
import { PlimsollError } from "../errors.ts";
import { misfit } from "../keys/circuit-match.ts";
import { readR1cs } from "../keys/r1cs.ts";
import type { CircuitName } from "../statement/families.ts";
import { type Artifacts, loadArtifacts } from "./artifacts.ts";

export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export interface Rebuilt {
  readonly r1cs: Uint8Array;
  readonly wasm: Uint8Array;
  /** Where it was asked for and the circuit has one. */
  readonly plan?: Uint8Array;
  readonly sources: string;
  readonly compiler: string;
  readonly constraints: number;
  readonly publicInputs: number;
  /** r1cs and witness generator are those of `circuits/identities.json`. */
  readonly pinned: boolean;
}

/** Compiles a circuit from its sources, and plans its witnesses if asked. */
export async function rebuild(circuit: CircuitName, options: { planned?: boolean } = {}): Promise<Rebuilt> {
  const { compileAfresh } = await import("./setup/circuits.ts");
  const built = await compileAfresh(circuit, options);
  const { constraints, publics } = readR1cs(built.r1cs);
  const pins: Partial<Record<CircuitName, { r1cs: string; wasm: string }>> = identities.circuits;
  const pin = pins[circuit];
  const pinned = pin !== undefined && sha256Of(built.r1cs) === pin.r1cs && sha256Of(built.wasm) === pin.wasm;
  return { ...built, constraints, publicInputs: publics, pinned };
}

/** What was found out about a circuit and its key. */
export interface Examination {
  readonly circuit: CircuitName;
  readonly ok: boolean;
  readonly checks: readonly { readonly what: string; readonly ok: boolean; readonly detail: string }[];
}

/**
 * Compiles a circuit and holds what is installed against it: identities, manifest, and the proving key itself. Starts
 * snarkjs's threads. What the points of a key that the circuit does not determine are, only the phase 1 and transcript of
 * its ceremony show.
 */
export async function examineRebuilt(circuit: CircuitName, report: (what: string) => void): Promise<Examination> {
  const checks: { what: string; ok: boolean; detail: string }[] = [];
  const check = (what: string, ok: boolean, detail: string) => checks.push({ what, ok, detail });
  report(`compiling ${circuit}`);
  const built = await rebuild(circuit);
  const hash = sha256Of(built.r1cs);
  check("the sources compile to the pinned circuit", built.pinned, `r1cs ${hash}, ${built.compiler}`);

  let artifacts: Artifacts<CircuitName>;
  try {
    artifacts = await loadArtifacts(circuit);
    await artifacts.wasm();
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    check("keys are installed and intact", false, `${error.code}: ${error.message}`);
    return { circuit, ok: false, checks };
  }
  const { identity, zkey, verificationKeyFile } = artifacts;
  const same = identity.r1csSha256 === hash && identity.wasmSha256 === sha256Of(built.wasm);
  check("the manifest names this circuit", same, `r1cs ${identity.r1csSha256}`);

  report(`comparing the keys of ${circuit} with it`);
  const wrong = await misfit(built.r1cs, zkey);
  check("the proving key was made for this circuit", wrong === undefined, wrong ?? FITS);
  const { verificationKeyOf } = await import("../ceremony/phase2.ts");
  const derived = JSON.stringify(JSON.parse(await verificationKeyOf(zkey)));
  const matches = derived === JSON.stringify(JSON.parse(new TextDecoder().decode(verificationKeyFile)));
  check("the verification key is the proving key's", matches, `sha256 ${identity.verificationKeySha256}`);
  return { circuit, ok: checks.every(({ ok }) => ok), checks };
}

const FITS =
  "its matrices A and B are the circuit's, term by term, and so are its points of B; for the rest see its ceremony";
