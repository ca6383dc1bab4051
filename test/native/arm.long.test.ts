// SPDX-License-Identifier: GPL-3.0-or-later
/** The core on 64-bit Arm, compiled across and run in emulation: every answer is that of the portable arithmetic of this machine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { BOARD_SIZES } from "../../prover/src/model/sizes.ts";
import { loadArtifacts } from "../../prover/src/node/artifacts.ts";
import { type Addon, loadAddon, PATHS } from "../../prover/src/node/native.ts";
import { openCalculator } from "../../prover/src/prove/calculator.ts";
import { constantBytes } from "../../prover/src/prove/sponges.ts";
import { buildStatement } from "../../prover/src/statement/account.ts";
import { FLAGS } from "../../scripts/build-native.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { skip } from "../support/skip.ts";

const NATIVE = path.join(import.meta.dirname, "../../prover/native");
const [COMPILER, EMULATOR] = ["aarch64-linux-gnu-g++", "qemu-aarch64"];
const PORTABLE = PATHS.indexOf("portable");
const { Fp, Fr } = bn254.fields;

const rng = seededRng(64);
const littleEndian = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
const bytesOf = (values: readonly bigint[]) => new Uint8Array(Buffer.concat(values.map(littleEndian)));

/** Ends of the range, and elements whose Montgomery forms have words of all ones, of all zeros, and none of either. */
function elements(field: { ORDER: bigint; div(a: bigint, b: bigint): bigint }): bigint[] {
  const { ORDER } = field;
  const ends = [0n, 1n, 2n, ORDER - 1n, ORDER - 2n, (ORDER - 1n) / 2n, (ORDER + 1n) / 2n, 1n << 253n];
  const ones = (1n << 64n) - 1n;
  const forms = [ones, ones << 64n, ones << 128n, (1n << 192n) - 1n, 1n << 64n, 1n << 192n, ORDER - ones];
  const random = Array.from({ length: 25 }, () => rng.below(ORDER));
  return [...ends, ...forms.map((form) => field.div(form % ORDER, (1n << 256n) % ORDER)), ...random];
}

describe("the native core on 64-bit Arm, in emulation", function () {
  this.timeout(600_000);
  let addon: Addon;
  let directory: string;

  before(function () {
    const native = loadAddon();
    if (native.addon === undefined) return skip(this, "no native prover");
    addon = native.addon;
    const areThere = [COMPILER, EMULATOR].every((command) => spawnSync(command, ["--version"]).status === 0);
    if (process.platform !== "linux" || !areThere) return skip(this, "no Arm emulator");
    directory = mkdtempSync(path.join(tmpdir(), "plimsoll-arm-"));
    const sources = ["plimsoll.cc", "fuzz/console.cc"].map((file) => path.join(NATIVE, file));
    const words = [...FLAGS, "-static", `-I${NATIVE}`, ...sources, "-o", path.join(directory, "console")];
    const { status, stderr } = spawnSync(COMPILER, words, { encoding: "utf8" });
    expect(status, stderr).equal(0);
  });
  after(() => {
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });

  /** The answer's bytes, or a status. */
  function onArm(words: readonly string[], input: Uint8Array): string | number {
    const program = path.join(directory, "console");
    const { status, stdout, stderr } = spawnSync(EMULATOR, [program, ...words], { input, maxBuffer: 1 << 26 });
    expect(stderr.toString()).equal("");
    return status === 0 ? stdout.toString("hex") : status!;
  }
  const hex = (answer: Uint8Array | number) =>
    typeof answer === "number" ? answer : Buffer.from(answer).toString("hex");
  function expectSame(operation: string, input: Uint8Array, bytes: number) {
    const here = hex(addon.compute(operation, PORTABLE, input, bytes));
    expect(here, `${operation} here`).a("string");
    expect(onArm(["compute", operation, String(bytes)], input), operation).equal(here);
  }

  for (const [name, field] of Object.entries({ fp: Fp, fr: Fr })) {
    it(`${name}: every operation on every pair of ends, of forms with extreme words, and of random elements`, () => {
      const values = elements(field);
      const pairs = bytesOf([...values.flatMap((value) => values.map(() => value)), ...values.flatMap(() => values)]);
      for (const operation of ["add", "subtract", "multiply"]) {
        expectSame(`${name}.${operation}`, pairs, pairs.length / 2);
      }
      for (const operation of ["square", "negate", "invert"]) {
        expectSame(`${name}.${operation}`, bytesOf(values), 32 * values.length);
      }
      expect(onArm(["compute", `${name}.square`, "32"], bytesOf([field.ORDER])), "not below the modulus").equal(7);
    });
  }

  it("fp2: every operation", () => {
    const parts = elements(Fp);
    const values = bytesOf(parts.flatMap((part, at) => [part, parts.at(-1 - at)!]));
    const others = bytesOf(parts.flatMap((part, at) => [parts.at(at - 3)!, part]));
    for (const operation of ["add", "subtract", "multiply"]) {
      expectSame(`fp2.${operation}`, new Uint8Array(Buffer.concat([values, others])), values.length);
    }
    for (const operation of ["square", "negate", "invert"]) expectSame(`fp2.${operation}`, values, values.length);
  });

  it("products in both groups, of scalars of every length, equal and opposite points and infinity among them", () => {
    const scalars = [0n, 1n, Fr.ORDER - 1n, 2n, 1n << 64n, ...Array.from({ length: 295 }, () => rng.below(Fr.ORDER))];
    const factors = scalars.map((_, at) => BigInt(at % 7) * (at % 2 === 0 ? 1n : -1n));
    const g1 = (factor: bigint) => {
      if (factor === 0n) return [0n, 0n];
      const { x, y } = bn254.G1.Point.BASE.multiply(Fr.create(factor)).toAffine();
      return [x, y];
    };
    const g2 = (factor: bigint) => {
      if (factor === 0n) return [0n, 0n, 0n, 0n];
      const { x, y } = bn254.G2.Point.BASE.multiply(Fr.create(factor)).toAffine();
      return [x.c0, x.c1, y.c0, y.c1];
    };
    for (const [name, words, point] of [
      ["g1", 2, g1],
      ["g2", 4, g2],
    ] as const) {
      expectSame(`${name}.product`, bytesOf([...factors.flatMap(point), ...scalars]), 32 * words);
    }
  });

  it("transforms of every size up to 4,096", () => {
    for (let size = 1; size <= 4096; size *= 2) {
      expectSame("fr.toOddRoots", bytesOf(Array.from({ length: size }, () => rng.below(Fr.ORDER))), 32 * size);
    }
  });

  it("sponges, on two threads", async () => {
    for (const width of [3, 17] as const) {
      const constants = constantBytes(width);
      const inputs = bytesOf(Array.from({ length: 40 * (1 + 2 * (width - 1)) }, () => rng.below(Fr.ORDER)));
      const opened = addon.openPoseidon(constants, width, PORTABLE) as object;
      const here = hex(await addon.sponges(opened, inputs, 2, 1));
      const words = ["sponges", String(width), String(constants.length / 32), "2"];
      expect(onArm(words, new Uint8Array(Buffer.concat([constants, inputs])))).equal(here);
    }
  });

  for (const size of BOARD_SIZES) {
    it(`${size}: the same key, witness and blinding give the same proof`, async () => {
      const artifacts = await loadArtifacts(size);
      const witness = await openCalculator(await artifacts.wasm())(
        buildStatement(randomRequest(seededRng(64), size)).circuitInput,
      );
      const blinding = bytesOf([rng.below(Fr.ORDER), rng.below(Fr.ORDER)]);
      const zkey = path.join(directory, "zkey");
      writeFileSync(zkey, artifacts.zkey);
      const there = onArm(["prove", zkey, "2"], new Uint8Array(Buffer.concat([blinding, witness])));
      const key = (await addon.open(artifacts.zkey, PORTABLE)) as object;
      const here = hex(await addon.prove(key, witness, blinding, 2, new Int32Array(1)));
      addon.close(key);
      expect(here).length(512);
      expect(there).equal(here);
    });
  }
});
