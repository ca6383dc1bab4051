// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Compiles the native prover: `build-native`. Writes build/native/<hash>.node and addon.json beside it, which says what it was
 * made from; nothing is done while that is still so.
 *
 * Without a C++ compiler, or where it fails, one line on stderr says so and the exit code is 0: the WebAssembly build of the same
 * core proves instead. The compiler is CXX of the environment, else the first of c++, g++ and clang++ in PATH.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ADDON_RECORD, type AddonRecord, NATIVE_DIRECTORY } from "../prover/src/backend/native.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const SOURCES = path.join(ROOT, "prover/native");
/** No -march: one addon runs on every processor of the architecture, and finds out at run time what it can use. */
const FLAGS = [
  "-std=c++20",
  "-O3",
  "-fPIC",
  "-shared",
  "-fno-exceptions",
  "-fno-rtti",
  "-fvisibility=hidden",
  "-pthread",
];
const PLATFORM = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : ["-Wl,-z,relro,-z,now"];

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
  const candidates = process.env.CXX === undefined ? ["c++", "g++", "clang++"] : [process.env.CXX];
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

function writeRecord(record: AddonRecord): AddonRecord {
  mkdirSync(NATIVE_DIRECTORY, { recursive: true });
  const temporary = `${ADDON_RECORD}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(temporary, ADDON_RECORD);
  return record;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Compiles what is stale. The record says what there is afterwards, and why where there is nothing. */
export function buildNative(): AddonRecord {
  const compiler = findCompiler();
  if (compiler === undefined) return writeRecord({ madeFrom: "", why: "no C++ compiler was found at set-up" });
  const headers = nodeHeaders();
  if (headers === undefined) return writeRecord({ madeFrom: "", why: "Node's headers were not found at set-up" });

  const sources = globSync(["*.{h,cc}", "core/*.h"], { cwd: SOURCES }).toSorted();
  const hash = createHash("sha256").update(JSON.stringify([compiler.version, FLAGS, PLATFORM, process.arch, sources]));
  for (const source of sources) hash.update("\0").update(readFileSync(path.join(SOURCES, source)));
  const madeFrom = hash.digest("hex");
  const earlier = readRecord();
  if (earlier?.madeFrom === madeFrom) {
    const file = earlier.file && path.join(NATIVE_DIRECTORY, earlier.file);
    if (file === undefined) return earlier; // it failed, and would again
    if (existsSync(file) && sha256(readFileSync(file)) === earlier.sha256) return earlier;
  }

  mkdirSync(NATIVE_DIRECTORY, { recursive: true });
  const file = `${madeFrom.slice(0, 16)}.node`;
  const temporary = path.join(NATIVE_DIRECTORY, `${file}.${process.pid}.tmp`);
  const units = sources.filter((source) => source.endsWith(".cc")).map((source) => path.join(SOURCES, source));
  const words = [...FLAGS, ...PLATFORM, `-I${SOURCES}`, `-isystem${headers}`, ...units, "-o", temporary];
  const { status, stderr } = spawnSync(compiler.command, words, { encoding: "utf8" });
  if (status !== 0) {
    rmSync(temporary, { force: true });
    const first = stderr?.split("\n").find((line) => line.includes("error")) ?? "it did not run";
    return writeRecord({ madeFrom, why: `${compiler.version} failed at set-up: ${first}` });
  }
  for (const old of globSync("*.node", { cwd: NATIVE_DIRECTORY })) rmSync(path.join(NATIVE_DIRECTORY, old));
  renameSync(temporary, path.join(NATIVE_DIRECTORY, file));
  const made = sha256(readFileSync(path.join(NATIVE_DIRECTORY, file)));
  return writeRecord({ madeFrom, file, sha256: made, compiler: compiler.version });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { file, compiler, why } = buildNative();
  process.stderr.write(
    file === undefined ? `  no native prover, WebAssembly is used: ${why}\n` : `  native prover: ${compiler}\n`,
  );
}
