// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Compiles the circuits: `build-circuits [circuit…]`, all by default.
 *
 * Writes build/circuits/<circuit>/circuit.{r1cs,wasm,sym} and circuit.json, which holds the hash of everything the result
 * depends on (circuits, circomlib, compiler, options); where it is unchanged nothing is done. Refuses a circuit over the
 * ceilings of sizes.json. Then circuit.plan, by which native code computes witnesses, and plan.json likewise.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { PlimsollError } from "../prover/src/errors.ts";
import { makePlan } from "../prover/src/prove/witness-plan.ts";
import { CIRCUITS, type CircuitName, FAMILIES, familyOf, mainOf, shapeOf } from "../prover/src/statement/families.ts";
import { step } from "./progress.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const OPTIONS = ["--r1cs", "--wasm", "--sym", "--O2", "--inspect", "-l", "node_modules"];
const require = createRequire(import.meta.url);
const version = (name: string): string => require(`${name}/package.json`).version;
const COMPILER = `circom 2.2.3 (circom2 ${version("circom")}), circomlib ${version("circomlib")}, --O2`;

/** What a compiled circuit was made from and how large it is. */
export interface CircuitRecord {
  readonly sources: string;
  readonly compiler: string;
  readonly constraints: number;
  readonly publicInputs: number;
  /** SHA-256 of the compiler's output: what later steps read must be what it wrote. */
  readonly files: Readonly<Record<(typeof FILES)[number], string>>;
}

const FILES = ["circuit.r1cs", "circuit.wasm", "circuit.sym"] as const;
/** A source of ours and everything of ours that it includes; circomlib goes by its version. */
function sourcesFrom(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file) || !existsSync(path.join(ROOT, file))) return found;
  found.add(file);
  const text = readFileSync(path.join(ROOT, file), "utf8");
  for (const [, included] of text.matchAll(/^include "(.*)";/gm)) {
    sourcesFrom(path.posix.join(path.posix.dirname(file), included!), found);
  }
  return found;
}

function sourcesHash(circuit: CircuitName, main: string): string {
  const hash = createHash("sha256").update(JSON.stringify([COMPILER, OPTIONS, main]));
  for (const file of [...sourcesFrom(`circuits/${FAMILIES[familyOf(circuit)].source}`)].sort()) {
    hash.update(JSON.stringify([file, readFileSync(path.join(ROOT, file), "utf8")]));
  }
  return hash.digest("hex");
}

/** Runs the compiler in the project's root (it sees only files below its working directory). Rejects with its output. */
export function circom(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [path.join(path.dirname(require.resolve("circom/package.json")), "cli.js"), ...args],
      { cwd: ROOT },
    );
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the compiler colours its output
      const plain = output.replace(/\u001b\[[0-9;]*m/g, "");
      if (code === 0) resolve(plain);
      else reject(new Error(`circom failed:\n${plain}`));
    });
  });
}

/** A circuit compiled from its sources now, whatever has been built before, and planned if asked; nothing of it stays on disk. */
export async function compileAfresh(circuit: CircuitName, { planned = false } = {}) {
  const main = mainOf(circuit, "../../../circuits");
  const directory = path.join("build", "tmp", `afresh-${circuit}-${process.pid}`);
  const file = (name: string) => path.join(ROOT, directory, name);
  mkdirSync(file(""), { recursive: true });
  try {
    writeFileSync(file("circuit.circom"), main);
    await circom([path.join(directory, "circuit.circom"), ...OPTIONS, "-o", directory]);
    const [r1cs, wasm] = [readFileSync(file("circuit.r1cs")), readFileSync(file("circuit_js/circuit.wasm"))];
    const plan = planned ? (await planOf(circuit, directory)).plan : undefined;
    return { r1cs, wasm, sources: sourcesHash(circuit, main), compiler: COMPILER, ...(plan && { plan }) };
  } finally {
    rmSync(file(""), { recursive: true, force: true });
  }
}

function readRecord<Kind>(file: string): Kind | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Compiles one circuit unless its record says that nothing changed. Returns the record. */
export async function buildCircuit(circuit: CircuitName): Promise<CircuitRecord> {
  const directory = path.join("build", "circuits", circuit);
  const recordFile = path.join(ROOT, directory, "circuit.json");
  const main = mainOf(circuit, "../../../circuits");
  const sources = sourcesHash(circuit, main);
  const cached = readRecord<CircuitRecord>(recordFile);
  const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
  const intact = (file: (typeof FILES)[number]) => {
    const output = path.join(ROOT, directory, file);
    return existsSync(output) && hashOf(output) === cached?.files?.[file];
  };
  if (cached?.sources === sources && FILES.every(intact)) return cached;

  return await step(`compile ${circuit}`, async () => {
    const absolute = path.join(ROOT, directory);
    rmSync(absolute, { recursive: true, force: true }); // the record first of all: half a result is none
    mkdirSync(absolute, { recursive: true });
    writeFileSync(path.join(absolute, "circuit.circom"), main);
    const output = await circom([path.join(directory, "circuit.circom"), ...OPTIONS, "-o", directory]);
    const warnings = output.match(/warning\[.*/g);
    if (warnings) throw new Error(`circom warns about ${circuit}:\n${warnings.join("\n")}`);
    renameSync(path.join(absolute, "circuit_js", "circuit.wasm"), path.join(absolute, "circuit.wasm"));
    rmSync(path.join(absolute, "circuit_js"), { recursive: true });

    const count = (what: string) => Number(output.match(new RegExp(`^${what}: (\\d+)`, "m"))?.[1]);
    const constraints = count("non-linear constraints") + count("linear constraints");
    const publicInputs = count("public inputs");
    const { constraintCeiling, domainPower, publicInputs: expected } = shapeOf(circuit);
    if (publicInputs !== expected)
      throw new Error(`${circuit} has ${publicInputs} public inputs, expected ${expected}`);
    if (!(constraints <= constraintCeiling && constraints + publicInputs + 1 <= 2 ** domainPower)) {
      throw new Error(`${circuit} has ${constraints} constraints: over its ceiling`);
    }
    const files = Object.fromEntries(FILES.map((file) => [file, hashOf(path.join(absolute, file))]));
    const record = { sources, compiler: COMPILER, constraints, publicInputs, files } as CircuitRecord;
    writeFileSync(recordFile, `${JSON.stringify(record, null, 2)}\n`);
    return record;
  });
}

/** A witness plan beside its circuit, or why there is none: its witnesses are then made by circom's calculator. */
export interface PlanRecord {
  readonly madeFrom: string;
  readonly sha256?: string;
  readonly why?: string;
}

const PLAN_SOURCES = ["prove/witness-plan.ts", "statement/families.ts"].map((file) =>
  path.join(ROOT, "prover/src", file),
);

/** The witness plan of the circuit.circom in a directory that has been compiled there, or why there is none. */
async function planOf(circuit: CircuitName, directory: string): Promise<{ plan?: Uint8Array; why?: string }> {
  const full = path.join(directory, "full");
  mkdirSync(path.join(ROOT, full), { recursive: true });
  try {
    // Constraints as the circuit computes: simplification takes out signals that the order of computation needs.
    const options = ["--r1cs", "--sym", "--O0", "-l", "node_modules", "-o", full];
    await circom([path.join(directory, "circuit.circom"), ...options]);
    const read = (name: string) => readFileSync(path.join(ROOT, name));
    const [r1cs, sym] = [read(`${full}/circuit.r1cs`), read(`${full}/circuit.sym`)];
    const hints: readonly string[] = FAMILIES[familyOf(circuit)].hints;
    const isHint = (name: string) => hints.includes(name);
    return { plan: makePlan({ full: { r1cs, sym }, sym: read(`${directory}/circuit.sym`) }, isHint) };
  } catch (error) {
    if (error instanceof PlimsollError) return { why: error.message };
    throw error;
  } finally {
    rmSync(path.join(ROOT, full), { recursive: true });
  }
}

/** Makes the witness plan of a compiled circuit, circuit.plan, unless plan.json says that it is there. */
export async function buildPlan(circuit: CircuitName): Promise<PlanRecord> {
  const directory = path.join("build", "circuits", circuit);
  const at = (file: string) => path.join(ROOT, directory, file);
  const hash = createHash("sha256").update(readFileSync(at("circuit.json")));
  for (const file of PLAN_SOURCES) hash.update(readFileSync(file));
  const madeFrom = hash.digest("hex");
  const planHash = () =>
    createHash("sha256")
      .update(readFileSync(at("circuit.plan")))
      .digest("hex");
  const cached = readRecord<PlanRecord>(at("plan.json"));
  if (cached?.madeFrom === madeFrom) {
    if (cached.why !== undefined || (existsSync(at("circuit.plan")) && planHash() === cached.sha256)) return cached;
  }
  const record = await step(`plan the witnesses of ${circuit}`, async (): Promise<PlanRecord> => {
    rmSync(at("plan.json"), { force: true });
    const { plan, why } = await planOf(circuit, directory);
    if (plan === undefined) return { madeFrom, why: why! };
    writeFileSync(at("circuit.plan"), plan);
    return { madeFrom, sha256: planHash() };
  });
  writeFileSync(at("plan.json"), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const wanted = process.argv.slice(2);
  for (const circuit of CIRCUITS) {
    if (wanted.length > 0 && !wanted.includes(circuit)) continue;
    const { constraints, publicInputs } = await buildCircuit(circuit);
    process.stderr.write(`  ${circuit}: ${constraints} constraints, ${publicInputs} public inputs\n`);
    const { why } = await buildPlan(circuit);
    if (why !== undefined) process.stderr.write(`  ${circuit}: no witness plan: ${why}\n`);
  }
}
