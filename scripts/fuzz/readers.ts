// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Fuzzes the native readers of keys and witnesses, and proving with keys that the reader accepts:
 * `fuzz-readers [zkey|wtns|prove…] [--minutes <n>]`, all at once and for one minute by default.
 *
 * libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer; needs clang++ (CXX of the environment, clang++-19 or clang++).
 * Seeds are keys and witnesses of small circuits; the corpus stays in build/fuzz. Exit code 1 where anything is found: the input
 * that shows it lies beside the corpus.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { makeDevelopmentKey, trapdoorFrom } from "../../prover/src/keys/development.ts";
import { openCalculator } from "../../prover/src/prove/calculator.ts";
import { compileSmall, SMALL_INPUT, SMALL_SOURCE, squareR1cs } from "../../test/support/small-circuit.ts";
import { nativeUnits } from "../build-native.ts";

const TARGETS = ["zkey", "wtns", "prove"] as const;
type Target = (typeof TARGETS)[number];

const ROOT = path.resolve(import.meta.dirname, "../..");
const SOURCES = path.join(ROOT, "prover/native");
const DIRECTORY = path.join(ROOT, "build/fuzz");
const FLAGS = ["-std=c++20", "-O1", "-g", "-fno-exceptions", "-fno-rtti", "-pthread", "-fno-sanitize-recover=all"];
const SANITIZERS = "-fsanitize=fuzzer,address,undefined";

function findClang(): string {
  const candidates = [process.env.CXX, "clang++-19", "clang++"].filter((name) => name !== undefined);
  const found = candidates.find((name) =>
    spawnSync(name, ["--version"], { encoding: "utf8" }).stdout?.includes("clang"),
  );
  if (found === undefined) throw new Error("no clang++ was found; Debian has it as clang-19");
  return found;
}

/** Small files of the real kind to begin with. */
async function writeSeeds(): Promise<void> {
  for (const target of TARGETS) mkdirSync(path.join(DIRECTORY, `corpus-${target}`), { recursive: true });
  const trapdoor = trapdoorFrom(Buffer.from("fuzz-readers"));
  const { r1cs, wasm } = await compileSmall(SMALL_SOURCE);
  const { zkey } = await makeDevelopmentKey(r1cs, trapdoor);
  const square = await makeDevelopmentKey(squareR1cs(1), trapdoor);
  for (const target of ["zkey", "prove"]) {
    writeFileSync(path.join(DIRECTORY, `corpus-${target}/small`), zkey);
    writeFileSync(path.join(DIRECTORY, `corpus-${target}/square`), square.zkey);
  }
  writeFileSync(path.join(DIRECTORY, "corpus-wtns/small"), await openCalculator(new Uint8Array(wasm))(SMALL_INPUT));
}

/** Proving is fuzzed on every arithmetic of this machine; each unit has its own instructions. */
function compile(clang: string, target: Target): void {
  const run = (words: readonly string[]) => {
    if (spawnSync(clang, words, { stdio: "inherit" }).status !== 0) throw new Error(`${target} does not compile`);
  };
  const units = target === "prove" ? nativeUnits(["plimsoll.cc", "avx2.cc", "ifma.cc"]) : [];
  const objects = [...units, { unit: `fuzz/${target}.cc`, flags: [] }].map(({ unit, flags }) => {
    const object = path.join(DIRECTORY, `${target}-${path.basename(unit)}.o`);
    run([...FLAGS, SANITIZERS, ...flags, `-I${SOURCES}`, "-c", path.join(SOURCES, unit), "-o", object]);
    return object;
  });
  run([...FLAGS, SANITIZERS, ...objects, "-o", path.join(DIRECTORY, target)]);
}

async function fuzz(target: Target, seconds: number): Promise<boolean> {
  const words = [
    `corpus-${target}`,
    `-max_total_time=${seconds}`,
    "-max_len=16384",
    "-timeout=25",
    "-rss_limit_mb=2048",
    "-print_final_stats=1",
    `-artifact_prefix=found-${target}-`,
  ];
  const child = spawn(path.join(DIRECTORY, target), words, {
    cwd: DIRECTORY,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let tail = "";
  child.stderr.on("data", (chunk) => {
    tail = `${tail}${chunk}`.slice(-4000);
  });
  const [code] = await once(child, "exit");
  const statistics = tail
    .split("\n")
    .filter((line) => /^stat::number_of_executed|^stat::peak|ERROR|SUMMARY|cov:/.test(line));
  console.log(`${target}: ${code === 0 ? "nothing found" : "FOUND"}\n${statistics.slice(-6).join("\n")}`);
  return code === 0;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: "1" } },
});
const targets = TARGETS.filter((target) => positionals.length === 0 || positionals.includes(target));
await writeSeeds();
const clang = findClang();
for (const target of targets) compile(clang, target);
const clean = await Promise.all(targets.map((target) => fuzz(target, Number(values.minutes) * 60)));
process.exitCode = clean.every(Boolean) ? 0 : 1;
