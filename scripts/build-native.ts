// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Compiles the native prover: `build-native`. Writes build/native/<hash>.node and addon.json beside it, which says what it was
 * made from; nothing is done while that is still so.
 *
 * Without a C++ compiler, or where it fails, one line on stderr says so and the exit code is 0: the WebAssembly build of the same
 * core proves instead. The compiler is CXX of the environment, else the first of g++ (a third faster here), c++ and clang++ in PATH.
 *
 * `build-native --sanitize` compiles it under UndefinedBehaviorSanitizer, which ends the process at what it finds, for the tests of
 * `test/native` to run on; the next set-up puts the usual one back.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { withBuildLock } from "../prover/src/node/artifacts.ts";
import { removeLeftovers, writeResult } from "../prover/src/node/files.ts";
import { ADDON_RECORD, type AddonRecord, NATIVE_DIRECTORY } from "../prover/src/node/native.ts";
import { step } from "./progress.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const SOURCES = path.join(ROOT, "prover/native");
/** No -march: one addon runs on every processor of the architecture, and finds out at run time what it can use. */
export const FLAGS = ["-std=c++20", "-O3", "-fPIC", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden", "-pthread"];
/** Units whose instructions are asked for at run time before any of them is called. A multiply-add is fused only where it is asked for. */
const X86_UNITS: Readonly<Record<string, readonly string[]>> = {
  "avx2.cc": ["-mavx2", "-mfma", "-mbmi2", "-ffp-contract=off"],
  "ifma.cc": ["f", "bw", "dq", "vl", "ifma", "vbmi2"].map((set) => `-mavx512${set}`).concat("-mbmi2"),
};
const IS_X86 = process.arch === "x64";

/** What is compiled of these sources on this machine, each unit with flags of its own. */
export function nativeUnits(sources: readonly string[]): { unit: string; flags: readonly string[] }[] {
  return sources
    .filter((source) => source.endsWith(".cc") && (IS_X86 || X86_UNITS[source] === undefined))
    .map((unit) => ({ unit, flags: X86_UNITS[unit] ?? (IS_X86 ? ["-DPLIMSOLL_X86"] : []) }));
}
const SANITIZE = ["-fsanitize=undefined", "-fno-sanitize-recover=all", "-static-libubsan"];
const LINK =
  process.platform === "darwin" ? ["-shared", "-undefined", "dynamic_lookup"] : ["-shared", "-Wl,-z,relro,-z,now"];

/** Headers of the Node that is installed with the project, else of the one that runs this. */
function nodeHeaders(): string | undefined {
  const own = globSync("node_modules/node/node_modules/*/include/node", { cwd: ROOT }).map((found) =>
    path.join(ROOT, found),
  );
  const running = path.resolve(process.execPath, "../../include/node");
  return [...own, running].find((directory) => existsSync(path.join(directory, "node_api.h")));
}

/** The first compiler that answers, and its own name for itself. */
function findCompiler(): { command: string; version: string } | undefined {
  const candidates = process.env.CXX === undefined ? ["g++", "c++", "clang++"] : [process.env.CXX];
  for (const command of candidates) {
    const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
    if (status === 0) return { command, version: stdout.split("\n")[0]!.trim() };
  }
  return undefined;
}

function readRecord(): AddonRecord | undefined {
  try {
    return JSON.parse(readFileSync(ADDON_RECORD, "utf8"));
  } catch {
    return undefined;
  }
}

async function writeRecord(record: AddonRecord): Promise<AddonRecord> {
  mkdirSync(NATIVE_DIRECTORY, { recursive: true });
  await removeLeftovers(ADDON_RECORD);
  await writeResult(ADDON_RECORD, `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

interface Command {
  readonly compiler: { readonly command: string; readonly version: string };
  readonly flags: readonly string[];
  readonly headers: string;
  readonly sources: readonly string[];
  readonly madeFrom: string;
}

/** What would be compiled and how, or why nothing can be. */
function commandOf(sanitize: boolean): Command | string {
  const flags = sanitize ? [...FLAGS, ...SANITIZE] : FLAGS;
  const compiler = findCompiler();
  if (compiler === undefined) return "no C++ compiler was found at set-up";
  const headers = nodeHeaders();
  if (headers === undefined) return "Node's headers were not found at set-up";
  const sources = globSync(["*.{h,cc}", "core/*.h"], { cwd: SOURCES }).toSorted();
  const command = JSON.stringify([compiler.version, flags, nativeUnits(sources), LINK, sources]);
  const hash = createHash("sha256").update(command);
  for (const source of sources) hash.update("\0").update(readFileSync(path.join(SOURCES, source)));
  return { compiler, flags, headers, sources, madeFrom: hash.digest("hex") };
}

/** The record where it is of this command and its addon intact. */
function freshRecord(command: Command | string): AddonRecord | undefined {
  const record = readRecord();
  if (typeof command === "string") return record?.why === command ? record : undefined;
  if (record?.madeFrom !== command.madeFrom) return undefined;
  if (record.file === undefined) return record; // it failed, and would again
  const file = path.join(NATIVE_DIRECTORY, record.file);
  return existsSync(file) && sha256(readFileSync(file)) === record.sha256 ? record : undefined;
}

export const isNativeFresh = () => freshRecord(commandOf(false)) !== undefined;

/** Compiles what is stale. The record says what there is afterwards, and why where there is nothing. */
export async function buildNative({ sanitize = false } = {}): Promise<AddonRecord> {
  const command = commandOf(sanitize);
  const build = async () => {
    if (typeof command === "string") return writeRecord({ madeFrom: "", why: command });
    return freshRecord(command) ?? (await step("compile the native prover", () => compileNative(command)));
  };
  return freshRecord(command) ?? withBuildLock("native", { directory: path.dirname(NATIVE_DIRECTORY) }, build);
}

async function compileNative({ compiler, flags, headers, sources, madeFrom }: Command): Promise<AddonRecord> {
  for (const left of globSync("compiling-*", { cwd: NATIVE_DIRECTORY })) {
    rmSync(path.join(NATIVE_DIRECTORY, left), { recursive: true }); // by a set-up that was ended
  }
  mkdirSync(NATIVE_DIRECTORY, { recursive: true });
  const objects = mkdtempSync(path.join(NATIVE_DIRECTORY, "compiling-"));
  try {
    const units = nativeUnits(sources);
    const common = [...flags, `-I${SOURCES}`, `-isystem${headers}`];
    const object = (unit: string) => path.join(objects, `${unit}.o`);
    await Promise.all(
      units.map(({ unit, flags }) =>
        compile(compiler.command, [...common, ...flags, "-c", path.join(SOURCES, unit), "-o", object(unit)]),
      ),
    );
    const linked = path.join(objects, "addon.node");
    await compile(compiler.command, [...flags, ...LINK, ...units.map(({ unit }) => object(unit)), "-o", linked]);
    for (const old of globSync("*.node", { cwd: NATIVE_DIRECTORY })) rmSync(path.join(NATIVE_DIRECTORY, old));
    const file = `${madeFrom.slice(0, 16)}.node`;
    renameSync(linked, path.join(NATIVE_DIRECTORY, file));
    const made = sha256(readFileSync(path.join(NATIVE_DIRECTORY, file)));
    return await writeRecord({ madeFrom, file, sha256: made, compiler: compiler.version });
  } catch (error) {
    return await writeRecord({ madeFrom, why: `${compiler.version} failed at set-up: ${(error as Error).message}` });
  } finally {
    rmSync(objects, { recursive: true });
  }
}

/** For people: one line on what there is. */
export function nativeLine({ file, compiler, why }: AddonRecord): string {
  return file === undefined ? `no native prover, WebAssembly is used: ${why}` : `native prover: ${compiler}`;
}

/** Rejects with the first error that the compiler tells. */
async function compile(command: string, words: readonly string[]): Promise<void> {
  const child = spawn(command, words, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(said.split("\n").find((line) => line.includes("error")) ?? `exit code ${code}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const record = await buildNative({ sanitize: process.argv.includes("--sanitize") });
  process.stderr.write(`  ${nativeLine(record)}\n`);
}
