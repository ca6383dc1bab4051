// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Compiles prover/native to WebAssembly: `build-wasm`. Writes prover/native/wasm/plimsoll.wasm, which is committed so that set-up
 * needs no compiler, and plimsoll.json beside it, which says what it was made from.
 *
 * The same sources and compiler give the same bytes; test/prover/wasm-build.test.ts compiles anew where the compiler is there.
 * On Debian 12: apt-get install clang-19 lld-19
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { MEMORY } from "../prover/src/prove/wasm-worker.ts";

const NATIVE = path.resolve(import.meta.dirname, "../prover/native");
export const WASM = path.join(NATIVE, "wasm/plimsoll.wasm");
const RECORD = path.join(NATIVE, "wasm/plimsoll.json");

const COMPILER = "clang++-19";
const LINKER = "wasm-ld-19";
const VERSION = "19.1.7";
const UNITS = ["plimsoll.cc", "wasm/runtime.cc"];
const COMPILE = [
  "-c",
  "--target=wasm32",
  "-std=c++20",
  "-O3",
  // A multiply-add is fused only where it is asked for.
  "-ffp-contract=off",
  "-fno-exceptions",
  "-fno-rtti",
  "-fvisibility=hidden",
  "-mbulk-memory",
  "-matomics",
  "-mmutable-globals",
  "-msimd128",
  "-mrelaxed-simd",
  "-Wall",
  "-Wextra",
  "-Werror",
  // No C library: wasm/runtime.cc and wasm/include are all there is of one.
  "-fno-builtin",
  "-nostdinc++",
  "-isystem",
  "wasm/include",
  "-I.",
];
const EXPORTS = [
  "__stack_pointer",
  "plimsoll_allocate",
  "plimsoll_free",
  "plimsoll_help",
  "plimsoll_supports",
  "plimsoll_key_take",
  "plimsoll_key_close",
  "plimsoll_plan_open",
  "plimsoll_plan_close",
  "plimsoll_plan_wtns_bytes",
  "plimsoll_witness",
  "plimsoll_prove",
  "plimsoll_poseidon_open",
  "plimsoll_poseidon_close",
  "plimsoll_sponges",
  "plimsoll_compute",
];
const PAGE_BYTES = 65_536;
const LINK = [
  "--no-entry",
  "--strip-all",
  "--import-memory",
  "--shared-memory",
  `--initial-memory=${MEMORY.initial * PAGE_BYTES}`,
  `--max-memory=${MEMORY.maximum * PAGE_BYTES}`,
  "-z",
  "stack-size=262144",
  ...EXPORTS.map((name) => `--export=${name}`),
];

export interface WasmRecord {
  readonly compiler: string;
  /** Hash of all sources and of the command. */
  readonly madeFrom: string;
  readonly sha256: string;
}

export const readWasmRecord = (): WasmRecord => JSON.parse(readFileSync(RECORD, "utf8"));

/** Hash of everything that the module depends on. */
export function wasmSources(): string {
  const sources = globSync(["plimsoll.{h,cc}", "core/*.h", "wasm/*.{h,cc}", "wasm/include/*"], {
    cwd: NATIVE,
  }).toSorted();
  const hash = createHash("sha256").update(JSON.stringify([VERSION, COMPILE, LINK, UNITS, sources]));
  for (const source of sources) hash.update("\0").update(readFileSync(path.join(NATIVE, source)));
  return hash.digest("hex");
}

/** Whether the compiler that the committed module was made with is there. */
export function hasWasmCompiler(): boolean {
  const { status, stdout } = spawnSync(COMPILER, ["--version"], { encoding: "utf8" });
  return status === 0 && stdout.includes(`version ${VERSION} `) && spawnSync(LINKER, ["--version"]).status === 0;
}

/** The module, compiled now. Throws with the compiler's words where it fails. */
export function compileWasm(): Uint8Array {
  const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-wasm-"));
  try {
    const run = (command: string, words: string[]) => {
      // Paths of sources are relative, so that none gets into the module.
      const { status, stderr } = spawnSync(command, words, { cwd: NATIVE, encoding: "utf8" });
      if (status !== 0) throw new Error(`${command} failed:\n${stderr}`);
    };
    const objects = UNITS.map((unit) => path.join(folder, `${path.basename(unit)}.o`));
    for (const [index, unit] of UNITS.entries()) run(COMPILER, [...COMPILE, unit, "-o", objects[index]!]);
    const output = path.join(folder, "plimsoll.wasm");
    run(LINKER, [...LINK, ...objects, "-o", output]);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (!hasWasmCompiler()) throw new Error(`${COMPILER} ${VERSION} and ${LINKER} are needed`);
  const module = compileWasm();
  const record: WasmRecord = { compiler: `clang ${VERSION}`, madeFrom: wasmSources(), sha256: sha256(module) };
  writeFileSync(WASM, module);
  writeFileSync(RECORD, `${JSON.stringify(record, null, 2)}\n`);
  process.stdout.write(`prover/native/wasm/plimsoll.wasm: ${module.length} bytes, sha256 ${record.sha256}\n`);
}
