// SPDX-License-Identifier: GPL-3.0-or-later
/** Memory that is not there is a status of the core, and no crash and no leak, on every arithmetic of this machine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { makeDevelopmentKey, trapdoorFrom } from "../../prover/src/keys/development.ts";
import { makePlan } from "../../prover/src/prove/witness-plan.ts";
import { nativeUnits } from "../../scripts/build-native.ts";
import { skip } from "../support/skip.ts";
import { compileFull, SMALL_SOURCE, squareR1cs } from "../support/small-circuit.ts";

const NATIVE = path.join(import.meta.dirname, "../../prover/native");
const COMPILER = process.env.CXX ?? "g++";
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const COMPILE = ["-std=c++20", "-O1", "-fno-exceptions", "-fno-rtti", "-pthread", ...SANITIZERS, `-I${NATIVE}`];
const WRAPPED = ["aligned_alloc", "_ZnwmRKSt9nothrow_t"].map((name) => `-Wl,--wrap=${name}`);
/** Enough rows for the lanes of every arithmetic. */
const PUBLICS = 100;

/** Of `squareR1cs(PUBLICS)`: 1, the public values, and the square of the first. */
function squareWitness(): Buffer {
  const little = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
  const u32 = (...numbers: number[]) => Buffer.from(Uint32Array.from(numbers).buffer);
  const publics = Array.from({ length: PUBLICS }, (_, at) => FIELD_ORDER - 3n - BigInt(at) ** 5n);
  const values = [1n, ...publics, 9n].map(little);
  const header = Buffer.concat([u32(32), little(FIELD_ORDER), u32(values.length)]);
  const sections = [u32(1, header.length, 0), header, u32(2, 32 * values.length, 0), ...values];
  return Buffer.concat([Buffer.from("wtns"), u32(2, 2), ...sections]);
}

describe("allocations of the core", () => {
  it("each that fails is told, nothing is leaked, and the same call works afterwards: keys, prepared keys, proofs, Poseidon, plans, batches", async function () {
    if (process.platform !== "linux") return skip(this, "not on this platform");
    if (spawnSync(COMPILER, ["--version"]).status !== 0) return skip(this, "no native prover");
    this.timeout(1_800_000);
    const directory = mkdtempSync(path.join(tmpdir(), "plimsoll-test-"));
    const write = (name: string, bytes: Uint8Array) => {
      writeFileSync(path.join(directory, name), bytes);
      return path.join(directory, name);
    };
    const compile = (...words: string[]) => {
      const { status, stderr } = spawnSync(COMPILER, [...COMPILE, ...words], { encoding: "utf8" });
      expect(status, stderr).equal(0);
    };
    try {
      const units = [...nativeUnits(["plimsoll.cc", "avx2.cc", "ifma.cc"]), { unit: "fuzz/allocation.cc", flags: [] }];
      const objects = units.map(({ unit, flags }) => {
        const object = path.join(directory, `${path.basename(unit)}.o`);
        compile(...flags, "-c", path.join(NATIVE, unit), "-o", object);
        return object;
      });
      const program = path.join(directory, "allocation");
      compile(...WRAPPED, ...objects, "-o", program);
      const { zkey } = await makeDevelopmentKey(squareR1cs(PUBLICS), trapdoorFrom(Buffer.from("allocation.test")));
      const plan = makePlan(await compileFull(SMALL_SOURCE), () => false);
      const files = [write("zkey", zkey), write("wtns", squareWitness()), write("plan", plan)];
      const { status, stdout, stderr } = spawnSync(program, files, { encoding: "utf8" });
      expect(status, stderr).equal(0);
      const failures = [...stdout.matchAll(/^(.+): (\d+) failures$/gm)].map(([, what, count]) => [what, Number(count)]);
      const least = {
        "open a key": 20,
        "prepare a key": 15,
        prove: 25,
        Poseidon: 10,
        "open a plan": 3,
        "verify a batch": 3,
      };
      for (const [what, count] of Object.entries(least)) {
        const counts = failures.filter(([name]) => name === what).map(([, number]) => number as number);
        expect(counts, what).not.deep.equal([]);
        expect(Math.min(...counts), what).least(count);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
