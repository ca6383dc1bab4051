// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Fuzzes the native core: its readers of keys and witnesses, proving with keys that the reader accepts, witness plans, batches of
 * proofs, and sponges: `fuzz-readers [zkey|wtns|prove|plan|batch|sponges…] [--minutes <n>]`, all at once and for one minute by default.
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
import { bn254 } from "@noble/curves/bn254.js";
import { type FieldElement, invert, toField } from "../../prover/src/field.ts";
import { makeDevelopmentKey, trapdoorFrom } from "../../prover/src/keys/development.ts";
import { loadAddon, prepareNative } from "../../prover/src/node/native.ts";
import { openCalculator } from "../../prover/src/prove/calculator.ts";
import { makePlan } from "../../prover/src/prove/witness-plan.ts";
import { compileFull, compileSmall, SMALL_INPUT, SMALL_SOURCE, squareR1cs } from "../../test/support/small-circuit.ts";
import { nativeUnits } from "../build-native.ts";

const TARGETS = ["zkey", "wtns", "prove", "plan", "batch", "sponges"] as const;
type Target = (typeof TARGETS)[number];

const ROOT = path.resolve(import.meta.dirname, "../..");
const SOURCES = path.join(ROOT, "prover/native");
const DIRECTORY = path.join(ROOT, "build/fuzz");
const FLAGS = ["-std=c++20", "-O1", "-g", "-fno-exceptions", "-fno-rtti", "-pthread", "-fno-sanitize-recover=all"];
/** Types of functions are not compared: those of each arithmetic are named by its own namespace (avx2.cc). */
const SANITIZERS = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize=function"];

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
  const native = loadAddon();
  const prepared = native.addon && (await prepareNative(native, zkey));
  for (const target of ["zkey", "prove"]) {
    writeFileSync(path.join(DIRECTORY, `corpus-${target}/small`), zkey);
    writeFileSync(path.join(DIRECTORY, `corpus-${target}/square`), square.zkey);
    if (prepared !== undefined) writeFileSync(path.join(DIRECTORY, `corpus-${target}/prepared`), prepared);
  }
  writeFileSync(path.join(DIRECTORY, "corpus-wtns/small"), await openCalculator(new Uint8Array(wasm))(SMALL_INPUT));
  for (const [name, source] of Object.entries({ small: SMALL_SOURCE, digits: DIGITS_SOURCE })) {
    const plan = makePlan(await compileFull(source), () => false);
    writeFileSync(path.join(DIRECTORY, `corpus-plan/${name}`), plan);
  }
  // Width, partial rounds, blocks and sponges; elements of every kind.
  const kinds = Uint8Array.from({ length: 4_000 }, (_, at) => (37 * at) % 252);
  for (const header of [
    [3, 7, 2, 20],
    [17, 1, 1, 3],
  ]) {
    writeFileSync(path.join(DIRECTORY, `corpus-sponges/${header[0]}`), Uint8Array.of(...header, ...kinds));
  }
  for (const count of [1, 3]) writeFileSync(path.join(DIRECTORY, `corpus-batch/${count}`), await batchThatHolds(count));
}

/** A number and its digits, for the steps that other small circuits do not need. */
const DIGITS_SOURCE = `pragma circom 2.2.0;
template Digits() {
  signal input number, factor;
  signal bits[9];
  signal output out;
  var sum = 0;
  for (var i = 0; i < 9; i++) {
    bits[i] <-- (number >> i) & 1;
    bits[i] * (bits[i] - 1) === 0;
    sum += bits[i] * 2 ** i;
  }
  sum === number;
  out <== bits[3] * factor + 4 * number;
}
component main = Digits();
`;

/** Proofs that hold under a key whose logarithms are known, in the form that the harness reads. */
async function batchThatHolds(count: number): Promise<Uint8Array> {
  const [alpha, beta, gamma, delta, constant, slope] = [3n, 5n, 7n, 11n, 13n, 17n] as const;
  const little = (value: bigint, bytes: number) =>
    Uint8Array.from({ length: bytes }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn));
  const g1 = (logarithm: bigint) => {
    const { x, y } = bn254.G1.Point.BASE.multiply(toField(logarithm)).toAffine();
    return [x, y].map((each) => little(each, 32));
  };
  const g2 = (logarithm: bigint) => {
    const { x, y } = bn254.G2.Point.BASE.multiply(toField(logarithm)).toAffine();
    return [x.c0, x.c1, y.c0, y.c1].map((each) => little(each, 32));
  };
  const proofs = Array.from({ length: count }, (_, index) => {
    const [a, b, signal, weight] = [19n, 23n, 29n, 31n].map((each) => each + BigInt(index)) as [
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    const c = (a * b - alpha * beta - gamma * (constant + slope * signal)) * invert(delta as FieldElement);
    return { bytes: [...g1(a), ...g2(b), ...g1(c)], signal, weight };
  });
  const sum = (of: (proof: (typeof proofs)[number]) => bigint) =>
    proofs.reduce((total, proof) => total + of(proof), 0n);
  const scalars = [sum(({ weight }) => weight), sum(({ weight, signal }) => weight * signal)];
  const key = [...g1(alpha), ...g2(beta), ...g2(gamma), ...g2(delta)];
  const numbers = [...g1(constant), ...g1(slope), ...scalars.map((scalar) => little(scalar, 32))];
  const parts = [
    ...key,
    ...numbers,
    ...proofs.flatMap(({ bytes }) => bytes),
    ...proofs.map(({ weight }) => little(weight, 16)),
  ];
  const { addon } = loadAddon();
  const join = (list: readonly Uint8Array[]) => Buffer.concat(list);
  const weights = join(proofs.map(({ weight }) => little(weight, 16)));
  const all = join(proofs.flatMap(({ bytes }) => bytes));
  const holds = await addon?.verifyBatch(join(key), all, weights, join(numbers.slice(0, 4)), join(numbers.slice(4)), 1);
  if (holds === false || typeof holds === "number") throw new Error("a seed does not hold");
  return join([Uint8Array.of(count, 2), ...parts]);
}

/** The readers are headers alone; what else is fuzzed is the core as it is built, on every arithmetic of this machine. */
function compileAll(clang: string, targets: readonly Target[]): void {
  const run = (words: readonly string[]) => {
    if (spawnSync(clang, words, { stdio: "inherit" }).status !== 0) throw new Error(`${words.at(-1)} is not made`);
  };
  const object = (unit: string, flags: readonly string[] = []) => {
    const file = path.join(DIRECTORY, `${path.basename(unit)}.o`);
    run([...FLAGS, ...SANITIZERS, ...flags, `-I${SOURCES}`, "-c", path.join(SOURCES, unit), "-o", file]);
    return file;
  };
  const isReader = (target: Target) => target === "zkey" || target === "wtns";
  const units = targets.every(isReader) ? [] : nativeUnits(["plimsoll.cc", "avx2.cc", "ifma.cc"]);
  const core = units.map(({ unit, flags }) => object(unit, flags));
  for (const target of targets) {
    const linked = isReader(target) ? [] : core;
    run([...FLAGS, ...SANITIZERS, ...linked, object(`fuzz/${target}.cc`), "-o", path.join(DIRECTORY, target)]);
  }
}

async function fuzz(target: Target, seconds: number): Promise<boolean> {
  const words = [
    `corpus-${target}`,
    `-max_total_time=${Math.max(1, Math.round(seconds))}`,
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
compileAll(clang, targets);
const clean = await Promise.all(targets.map((target) => fuzz(target, Number(values.minutes) * 60)));
process.exitCode = clean.every(Boolean) ? 0 : 1;
