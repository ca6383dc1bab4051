// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Compiles the circuits of the package @plimsoll/circuits.
 *
 * Writes circuits/<circuit>/circuit.{r1cs,wasm,sym} below the build directory and circuit.json, which holds the hash of everything
 * the result depends on (circuits, circomlib, compiler, options); where it is unchanged nothing is done. Refuses a circuit over the
 * ceilings of sizes.json. Then circuit.plan, by which native code computes witnesses, and plan.json likewise.
 */
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { PlimsollError } from "../../errors.ts";
import { makePlan } from "../../prove/witness-plan.ts";
import { type CircuitName, FAMILIES, familyOf, mainOf, shapeOf } from "../../statement/families.ts";
import { type ArtifactOptions, buildDirectory } from "../artifacts.ts";
import { removeLeftovers, writeResult } from "../files.ts";
import { EXTENSION } from "../installation.ts";

/** Told what is being done now, and how much of it is done (0 to 1) where that is known. */
export type Report = (what: string, done?: number) => void;
export interface SetUpOptions extends ArtifactOptions {
  readonly report?: Report;
}

const COMPILING = path.join(import.meta.dirname, `compiling${EXTENSION}`);
const OPTIONS = ["--r1cs", "--wasm", "--sym", "--O2", "--inspect", "-l", "node_modules"];
/** The packages that a circuit is made from, and where they are: circomlib and the compiler as @plimsoll/circuits finds them. */
const circuitsPackage = createRequire(import.meta.url).resolve("@plimsoll/circuits/package.json");
const CIRCUITS_FOLDER = path.dirname(circuitsPackage);
const packageOf = (name: string) => createRequire(circuitsPackage).resolve(`${name}/package.json`);
const version = (name: string): string => JSON.parse(readFileSync(packageOf(name), "utf8")).version;
const COMPILER = `circom 2.2.3 (circom2 ${version("circom2")}), circomlib ${version("circomlib")}, --O2`;

/** What a compiled circuit was made from and how large it is. */
export interface CircuitRecord {
  readonly sources: string;
  readonly compiler: string;
  readonly constraints: number;
  readonly publicInputs: number;
  /** SHA-256 of the compiler's output: what later steps read must be what it wrote. */
  readonly files: Readonly<Record<(typeof FILES)[number], string>>;
}

/** The circuits' folder, seen from that of a compiled circuit. */
const FOLDER = "../../../circuits";
const FILES = ["circuit.r1cs", "circuit.wasm", "circuit.sym"] as const;

/** A source of ours and everything of ours that it includes; circomlib goes by its version. Names begin with `circuits/`. */
function sourcesFrom(file: string, found = new Map<string, string>()): Map<string, string> {
  const place = path.join(CIRCUITS_FOLDER, path.posix.relative("circuits", file));
  if (found.has(file) || !existsSync(place)) return found;
  const text = readFileSync(place, "utf8");
  found.set(file, text);
  for (const [, included] of text.matchAll(/^include "(.*)";/gm)) {
    sourcesFrom(path.posix.join(path.posix.dirname(file), included!), found);
  }
  return found;
}

function sourcesHash(circuit: CircuitName, main: string): string {
  const hash = createHash("sha256").update(JSON.stringify([COMPILER, OPTIONS, main]));
  for (const source of [...sourcesFrom(`circuits/${FAMILIES[familyOf(circuit)].source}`)].sort()) {
    hash.update(JSON.stringify(source));
  }
  return hash.digest("hex");
}

/** Runs the compiler in a directory: it sees only files below it. Rejects with its output. It ends with this process. */
export function circom(args: readonly string[], directory: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const compiler = path.join(path.dirname(packageOf("circom2")), "cli.js");
    const child = fork(COMPILING, [compiler, ...args], { cwd: directory, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    let output = "";
    child.stdout!.on("data", (chunk) => (output += chunk));
    child.stderr!.on("data", (chunk) => (output += chunk));
    // At a usual end before the files that it writes are taken away.
    const end = () => child.kill("SIGKILL");
    process.prependOnceListener("exit", end);
    child.on("error", reject);
    child.on("close", (code) => {
      process.off("exit", end);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the compiler colours its output
      const plain = output.replace(/\u001b\[[0-9;]*m/g, "");
      if (code === 0) resolve(plain);
      else reject(new Error(`circom failed:\n${plain}`));
    });
  });
}

/** A circuit in a directory for compiling it: our sources, circomlib's and the main component, as in a clone. */
interface Bench {
  readonly directory: string;
  /** Path of a file beside the main component. */
  at(name: string): string;
  compile(options: readonly string[], out?: string): Promise<string>;
}

/** Sets up a bench in a directory, which is emptied first and taken away afterwards. */
async function onBench<T>(circuit: CircuitName, directory: string, work: (bench: Bench) => Promise<T>): Promise<T> {
  const own = path.join("build", "circuits", circuit);
  const at = (name: string) => path.join(directory, own, name);
  const remove = () => rmSync(directory, { recursive: true, force: true });
  remove(); // what is left of one that was killed
  process.once("exit", remove);
  const filter = (source: string) =>
    path.basename(source) !== "node_modules" && ["", ".circom"].includes(path.extname(source));
  try {
    cpSync(CIRCUITS_FOLDER, path.join(directory, "circuits"), { recursive: true, filter });
    const library = path.join(path.dirname(packageOf("circomlib")), "circuits");
    cpSync(library, path.join(directory, "node_modules/circomlib/circuits"), { recursive: true, filter });
    mkdirSync(at(""), { recursive: true });
    writeFileSync(at("circuit.circom"), mainOf(circuit, FOLDER));
    return await work({
      directory,
      at,
      compile(words, out = ".") {
        mkdirSync(at(out), { recursive: true });
        const given = [path.join(own, "circuit.circom"), ...words, "-o", path.join(own, out)];
        return circom(given, directory).catch(async (error) => {
          // The compiler does not say that the disk is full; this does.
          await writeResult(at("room"), new Uint8Array(1 << 20));
          throw error;
        });
      },
    });
  } finally {
    process.off("exit", remove);
    remove();
  }
}

/** A circuit compiled from its sources now, whatever has been built before, and planned if asked; nothing of it stays on disk. */
export async function compileAfresh(circuit: CircuitName, { planned = false } = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), `plimsoll-${circuit}-`));
  return onBench(circuit, directory, async (bench) => {
    await bench.compile(OPTIONS);
    const read = (name: string) => readFileSync(bench.at(name));
    const [r1cs, wasm] = [read("circuit.r1cs"), read("circuit_js/circuit.wasm")];
    const plan = planned ? (await planOn(bench, circuit, read("circuit.sym"))).plan : undefined;
    const sources = sourcesHash(circuit, mainOf(circuit, FOLDER));
    return { r1cs, wasm, sources, compiler: COMPILER, ...(plan && { plan }) };
  });
}

/** A record of set-up's, where there is one that can be read. */
export function readRecord<Kind>(file: string): Kind | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
const folderOf = (circuit: CircuitName, options: ArtifactOptions) =>
  path.join(buildDirectory(options), "circuits", circuit);
/** Of the one process that has the circuit's lock. */
const benchOf = (circuit: CircuitName, options: ArtifactOptions) => path.join(buildDirectory(options), "tmp", circuit);

/** The record of a compiled circuit, where it is of the sources that there are and its files are intact. */
export function builtCircuit(circuit: CircuitName, options: ArtifactOptions = {}): CircuitRecord | undefined {
  const directory = folderOf(circuit, options);
  const record = readRecord<CircuitRecord>(path.join(directory, "circuit.json"));
  if (record?.sources !== sourcesHash(circuit, mainOf(circuit, FOLDER))) return undefined;
  const intact = (file: (typeof FILES)[number]) => {
    const output = path.join(directory, file);
    return existsSync(output) && hashOf(output) === record.files?.[file];
  };
  return FILES.every(intact) ? record : undefined;
}

/**
 * Compiles one circuit unless its record says that nothing changed. Returns the record. For a process that has the circuit's
 * lock, as all that write here: the result is built beside and renamed, whole or not at all.
 */
export async function buildCircuit(circuit: CircuitName, options: SetUpOptions = {}): Promise<CircuitRecord> {
  const built = builtCircuit(circuit, options);
  if (built !== undefined) return built;

  const directory = folderOf(circuit, options);
  const sources = sourcesHash(circuit, mainOf(circuit, FOLDER));
  options.report?.("compiling");
  return onBench(circuit, benchOf(circuit, options), async (bench) => {
    const output = await bench.compile(OPTIONS);
    const warnings = output.match(/warning\[.*/g);
    if (warnings) throw new Error(`circom warns about ${circuit}:\n${warnings.join("\n")}`);
    const counts = countsOf(circuit, output);
    const result = bench.at("result");
    mkdirSync(result);
    for (const file of ["circuit.circom", "circuit.r1cs", "circuit_js/circuit.wasm", "circuit.sym"]) {
      renameSync(bench.at(file), path.join(result, path.basename(file)));
    }
    const files = Object.fromEntries(FILES.map((file) => [file, hashOf(path.join(result, file))]));
    const record = { sources, compiler: COMPILER, ...counts, files } as CircuitRecord;
    await writeResult(path.join(result, "circuit.json"), json(record));
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(path.dirname(directory), { recursive: true });
    renameSync(result, directory);
    return record;
  });
}

/** What the compiler says of the size of a circuit. Throws where that is not what sizes.json allows. */
function countsOf(circuit: CircuitName, output: string) {
  const count = (what: string) => Number(output.match(new RegExp(`^${what}: (\\d+)`, "m"))?.[1]);
  const constraints = count("non-linear constraints") + count("linear constraints");
  const publicInputs = count("public inputs");
  const { constraintCeiling, domainPower, publicInputs: expected } = shapeOf(circuit);
  if (publicInputs !== expected) throw new Error(`${circuit} has ${publicInputs} public inputs, expected ${expected}`);
  if (!(constraints <= constraintCeiling && constraints + publicInputs + 1 <= 2 ** domainPower)) {
    throw new Error(`${circuit} has ${constraints} constraints: over its ceiling`);
  }
  return { constraints, publicInputs };
}

/** A witness plan beside its circuit, or why there is none: its witnesses are then made by circom's calculator. */
export interface PlanRecord {
  readonly madeFrom: string;
  readonly sha256?: string;
  readonly why?: string;
}

const PLANNER = path.join(import.meta.dirname, `../../prove/witness-plan${EXTENSION}`);
const hintsOf = (circuit: CircuitName): readonly string[] => FAMILIES[familyOf(circuit)].hints;

/** The witness plan of the circuit on the bench, whose wires `sym` names, or why there is none. */
async function planOn(
  bench: Bench,
  circuit: CircuitName,
  sym: Uint8Array,
): Promise<{ plan?: Uint8Array; why?: string }> {
  // Constraints as the circuit computes: simplification takes out signals that the order of computation needs.
  await bench.compile(["--r1cs", "--sym", "--O0", "-l", "node_modules"], "full");
  try {
    const read = (name: string) => readFileSync(bench.at(name));
    const full = { r1cs: read("full/circuit.r1cs"), sym: read("full/circuit.sym") };
    return { plan: makePlan({ full, sym }, (name) => hintsOf(circuit).includes(name)) };
  } catch (error) {
    if (error instanceof PlimsollError) return { why: error.message };
    throw error;
  }
}

/** Hash of all that the plan of a compiled circuit is made from. */
function planSources(circuit: CircuitName, options: ArtifactOptions): string {
  const hash = createHash("sha256").update(readFileSync(path.join(folderOf(circuit, options), "circuit.json")));
  return hash
    .update(readFileSync(PLANNER))
    .update(JSON.stringify(hintsOf(circuit)))
    .digest("hex");
}

/** The record of a compiled circuit's plan, where it is of that circuit and intact. */
export function builtPlan(circuit: CircuitName, options: ArtifactOptions = {}): PlanRecord | undefined {
  const at = (file: string) => path.join(folderOf(circuit, options), file);
  const record = readRecord<PlanRecord>(at("plan.json"));
  if (record?.madeFrom !== planSources(circuit, options)) return undefined;
  if (record.why !== undefined) return record;
  return existsSync(at("circuit.plan")) && hashOf(at("circuit.plan")) === record.sha256 ? record : undefined;
}

/** Makes the witness plan of a compiled circuit, circuit.plan, unless plan.json says that it is there. */
export async function buildPlan(circuit: CircuitName, options: SetUpOptions = {}): Promise<PlanRecord> {
  const built = builtPlan(circuit, options);
  if (built !== undefined) return built;

  const at = (file: string) => path.join(folderOf(circuit, options), file);
  const madeFrom = planSources(circuit, options);
  options.report?.("planning its witnesses");
  rmSync(at("plan.json"), { force: true });
  const { plan, why } = await onBench(circuit, benchOf(circuit, options), (bench) =>
    planOn(bench, circuit, readFileSync(at("circuit.sym"))),
  );
  for (const file of ["circuit.plan", "plan.json"]) await removeLeftovers(at(file));
  if (plan !== undefined) await writeResult(at("circuit.plan"), plan);
  const record: PlanRecord =
    plan === undefined ? { madeFrom, why: why! } : { madeFrom, sha256: hashOf(at("circuit.plan")) };
  await writeResult(at("plan.json"), json(record));
  return record;
}
