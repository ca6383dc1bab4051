// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll doctor`: whether this installation can prove and verify, and which of its files is damaged. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { PlimsollError } from "../errors.ts";
import { readLinkKey } from "../keys/link-key.ts";
import { CIRCUITS, type CircuitName, linkedGroupsOf } from "../statement/families.ts";
import { checkLinkKey } from "../verify/link-key.ts";
import { type Verifier, verifierOf } from "../verify/verifier.ts";
import {
  buildDirectory,
  damagedArtifacts,
  loadLinkKey,
  loadManifest,
  loadVerificationKey,
  type Manifest,
} from "./artifacts.ts";
import { selectBackend } from "./backends.ts";
import { IN_CLONE, setupCommand } from "./installation.ts";
import { loadAddon } from "./native.ts";
import { loadPrepared, preparedState } from "./prepared-key.ts";
import { WASM_FILE } from "./wasm.ts";

/** Proving at the largest size takes about this much. */
const COMFORTABLE_MEMORY = 2 ** 30;

export interface Diagnosis {
  /** A prover runs, at least one circuit works, and nothing is damaged. */
  readonly usable: boolean;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  readonly circuits: readonly {
    readonly circuit: CircuitName;
    readonly state: "ok" | "not built" | "bad";
    readonly detail: string;
  }[];
  /** Files that are not what they should be, and what to do. */
  readonly damaged: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Reads all files that this installation has: every hash is checked, and every verification key opened strictly (points on
 * curve and in subgroup, gamma and delta different, delta contributed to). Every point of every link key is compared with its circuit
 * key and secrets, and no two link keys may have the same secrets.
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
  const damaged = [...damagedAddon(), ...(await damagedModule()), ...(await damagedContracts())];
  let manifest: Manifest;
  try {
    manifest = await loadManifest();
  } catch (error) {
    return { usable: false, facts, circuits: [], damaged, warnings: [...warnings, named(error)] };
  }
  facts.push({ label: "compiler", value: manifest.compiler }, { label: "origin of keys", value: manifest.origin });
  if (manifest.origin !== "ceremony") {
    warnings.push(`the keys are ${manifest.origin} keys: their maker can forge proofs; good for tests only`);
  }
  const circuits: Diagnosis["circuits"][number][] = [];
  const secrets: KnownSecrets = new Map();
  for (const circuit of CIRCUITS) {
    const isBuilt = manifest.circuits[circuit] !== undefined;
    circuits.push({ circuit, ...(isBuilt ? await examine(circuit, secrets) : notBuilt(circuit)) });
  }
  const works = circuits.some(({ state }) => state === "ok") && circuits.every(({ state }) => state !== "bad");
  return { usable: prover.usable && works && damaged.length === 0, facts, circuits, damaged, warnings };
}

/** An error of ours, with its code. Throws any other. */
function named(error: unknown): string {
  if (!(error instanceof PlimsollError)) throw error;
  return `${error.code}: ${error.message}`;
}

/** Which backend proves and why no faster one does, or why the one asked for cannot. */
function proverFact(): { usable: boolean; detail: string } {
  try {
    return { usable: true, detail: selectBackend().detail };
  } catch (error) {
    return { usable: false, detail: named(error) };
  }
}

const notBuilt = (circuit: CircuitName) =>
  ({ state: "not built", detail: `\`${setupCommand(circuit)}\` makes it` }) as const;

/** Which circuit has a link key of these secrets, by K1 and K2. */
type KnownSecrets = Map<string, CircuitName>;

async function examineLink(
  circuit: CircuitName,
  verifier: Verifier<CircuitName>,
  secrets: KnownSecrets,
): Promise<string> {
  if (linkedGroupsOf(circuit).length === 0) return "";
  const { identity, linkKeyFile } = await loadLinkKey(circuit);
  checkLinkKey(linkKeyFile, identity, verifier.points.ic);
  const { k1, k2 } = readLinkKey(linkKeyFile);
  for (const secret of [k1, k2].map((point) => point.toAffine().x.c0.toString())) {
    const other = secrets.get(secret);
    if (other !== undefined) {
      throw new PlimsollError("KEY_REFUSED", `link key: it has a secret of the link key of ${other}`);
    }
    secrets.set(secret, circuit);
  }
  return `, link key ${identity.sha256.slice(0, 16)}…`;
}

const PREPARED = {
  none: "",
  used: ", prepared key",
  unused: ", a prepared key of another key, which is not used: plimsoll book prepare makes it again",
} as const;

async function examine(circuit: CircuitName, secrets: KnownSecrets) {
  try {
    const damage = await damagedArtifacts(circuit);
    if (damage.length > 0) return { state: "bad", detail: damage.map(named).join("; ") } as const;
    const key = await loadVerificationKey(circuit);
    const verifier = verifierOf(key);
    const { constraints, publicInputs, verificationKeySha256 } = key.identity;
    const counts = `${constraints} constraints, ${publicInputs} public inputs`;
    const link = await examineLink(circuit, verifier, secrets);
    const prepared = await preparedState(circuit);
    if (prepared === "used") await loadPrepared(circuit);
    const names = `key ${verificationKeySha256.slice(0, 16)}…${link}${PREPARED[prepared]}`;
    return { state: "ok", detail: `${counts}, ${names}` } as const;
  } catch (error) {
    return { state: "bad", detail: named(error) } as const;
  }
}

function damagedAddon(): string[] {
  const native = loadAddon();
  if (native.addon !== undefined || native.damaged === undefined) return [];
  return [`${native.damaged}: the native prover is not used: ${native.why}; \`${setupCommand()}\` compiles it again`];
}

/** The module that every package brings: by its record in a clone, and whether it compiles. */
async function damagedModule(): Promise<string[]> {
  const remedy = IN_CLONE ? "`git checkout` brings it back" : "install plimsoll again";
  const damaged = (why: string) => [`${WASM_FILE}: the WebAssembly prover ${why}; ${remedy}`];
  try {
    const bytes = await readFile(WASM_FILE);
    if (IN_CLONE) {
      const record = JSON.parse(await readFile(path.join(path.dirname(WASM_FILE), "plimsoll.json"), "utf8"));
      if (createHash("sha256").update(bytes).digest("hex") !== record.sha256) return damaged("is not its record's");
    }
    return WebAssembly.validate(bytes) ? [] : damaged("is no module");
  } catch {
    return damaged("or its record cannot be read");
  }
}

async function damagedContracts(): Promise<string[]> {
  const { CONTRACT_NAMES, releasedContract } = await import("../chain/deploy.ts");
  const found: string[] = [];
  for (const name of CONTRACT_NAMES) {
    await releasedContract(name).catch((error) => {
      const line = named(error);
      if (!found.includes(line)) found.push(line); // of the record it is the same for all
    });
  }
  return found;
}

export function renderDiagnosis({ usable, facts, circuits, damaged, warnings }: Diagnosis): string {
  const parts = [
    facts.map(({ label, value }) => `${label}: ${value}`).join("\n"),
    circuits.map(({ circuit, state, detail }) => `${circuit}: ${state}, ${detail}`).join("\n"),
    damaged.map((file) => `damaged: ${file}`).join("\n"),
    warnings.map((warning) => `warning: ${warning}`).join("\n"),
    usable ? "usable" : "not usable",
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}
