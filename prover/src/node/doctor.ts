// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll doctor`: whether this installation can prove and verify. */

import { PlimsollError } from "../errors.ts";
import { PACK_CIRCUITS, type PackCircuit } from "../pack/format.ts";
import { verifierOf } from "../verify/verifier.ts";
import { buildDirectory, loadArtifacts, loadManifest, type Manifest } from "./artifacts.ts";
import { selectBackend } from "./backends.ts";
import { setupCommand } from "./installation.ts";

/** Proving at the largest size takes about this much. */
const COMFORTABLE_MEMORY = 2 ** 30;

export interface Diagnosis {
  /** A prover runs, at least one circuit works, and nothing that the manifest lists is damaged. */
  readonly usable: boolean;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  readonly sizes: readonly {
    readonly size: PackCircuit;
    readonly state: "ok" | "not built" | "bad";
    readonly detail: string;
  }[];
  readonly warnings: readonly string[];
}

/**
 * Loads all that the manifest lists as proving would: every hash is checked, and every verification key opened strictly
 * (points on curve and in subgroup, gamma and delta different, delta contributed to).
 */
export async function diagnose(version: string): Promise<Diagnosis> {
  const memory = process.availableMemory();
  const facts = [
    { label: "plimsoll", value: version },
    { label: "node", value: process.versions.node },
    { label: "platform", value: `${process.platform} ${process.arch}` },
    { label: "memory available", value: `${(memory / 2 ** 30).toFixed(1)} GiB` },
    { label: "build directory", value: buildDirectory() },
  ];
  const warnings: string[] = [];
  const prover = proverFact();
  if (prover.usable) facts.push({ label: "prover", value: prover.detail });
  else warnings.push(prover.detail);
  if (memory < COMFORTABLE_MEMORY) warnings.push("less than 1 GiB of memory is available");
  let manifest: Manifest;
  try {
    manifest = await loadManifest();
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    return { usable: false, facts, sizes: [], warnings: [...warnings, error.message] };
  }
  facts.push({ label: "compiler", value: manifest.compiler }, { label: "origin of keys", value: manifest.origin });
  if (manifest.origin !== "ceremony") {
    warnings.push(`the keys are ${manifest.origin} keys: their maker can forge proofs; good for tests only`);
  }
  const sizes = [];
  for (const size of PACK_CIRCUITS) {
    sizes.push({ size, ...(manifest.circuits[size] === undefined ? NOT_BUILT : await examine(size)) });
  }
  const usable =
    prover.usable && sizes.some(({ state }) => state === "ok") && sizes.every(({ state }) => state !== "bad");
  return { usable, facts, sizes, warnings };
}

/** Which backend proves and why no faster one does, or why the one asked for cannot. */
function proverFact(): { usable: boolean; detail: string } {
  try {
    return { usable: true, detail: selectBackend().detail };
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    return { usable: false, detail: `${error.code}: ${error.message}` };
  }
}

const NOT_BUILT = { state: "not built", detail: `\`${setupCommand()}\` makes it` } as const;

async function examine(size: PackCircuit) {
  try {
    const artifacts = await loadArtifacts(size);
    await artifacts.wasm();
    verifierOf(artifacts);
    const { constraints, publicInputs, verificationKeySha256 } = artifacts.identity;
    const detail = `${constraints} constraints, ${publicInputs} public inputs, key ${verificationKeySha256.slice(0, 16)}…`;
    return { state: "ok", detail } as const;
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    return { state: "bad", detail: `${error.code}: ${error.message}` } as const;
  }
}

export function renderDiagnosis({ usable, facts, sizes, warnings }: Diagnosis): string {
  const parts = [
    facts.map(({ label, value }) => `${label}: ${value}`).join("\n"),
    sizes.map(({ size, state, detail }) => `${size}: ${state}, ${detail}`).join("\n"),
    warnings.map((warning) => `warning: ${warning}`).join("\n"),
    usable ? "usable" : "not usable",
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}
