// SPDX-License-Identifier: GPL-3.0-or-later
/** Inputs that are packed or compared without a range: of these circuits the other parts of the lab have nothing to say. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import {
  CIRCUITS,
  type CircuitName,
  DEFAULT_CIRCUITS,
  type FamilyName,
  familyOf,
  isOf,
  shapeOf,
} from "../../prover/src/statement/families.ts";
import { dimensionsOf, ledgerOf } from "../support/ledger.ts";
import { build } from "./fixtures/build.ts";
import { readR1cs, readSymbols } from "./lab/r1cs.ts";
import { report, uniqueness } from "./lab/uniqueness.ts";
import { unrangedInputs } from "./lab/unranged.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const RANGES = "test/soundness/fixtures/ranges.circom";
const COMPARATORS = "circomlib/circuits/comparators.circom";

describe("W10: inputs without a range", function () {
  this.timeout(120_000);

  const UNRANGED: readonly [include: string, main: string, inputs: readonly string[]][] = [
    [RANGES, "Packed(0, 0)", []],
    [RANGES, "Packed(0, 1)", ["pieces[0] enters a packing"]],
    [RANGES, "Packed(1, 2)", ["pieces[1] enters a packing"]],
    [RANGES, "Packed(2, 3)", ["pieces[2] enters a packing"]],
    [RANGES, "Packed(0, 3)", [0, 1, 2].map((index) => `pieces[${index}] enters a packing`)],
    [RANGES, "PackedProduct(0)", ["low enters a packing", "high enters a packing"]],
    [RANGES, "PackedProduct(1)", []],
    [RANGES, "PackedTotal()", ["high enters a packing"]],
    [RANGES, "PackedWide()", ["low enters a packing"]],
    [RANGES, "Covers(0)", ["balance enters a comparison", "amount enters a comparison"]],
    [RANGES, "Covers(1)", []],
    [RANGES, "Unpacked()", []],
    [RANGES, "Chosen(0)", ["amounts[1] enters a packing"]],
    [RANGES, "Chosen(1)", []],
    [COMPARATORS, "LessThan(64)", ["in[0] enters a comparison", "in[1] enters a comparison"]],
    [COMPARATORS, "IsEqual()", []],
    ["circomlib/circuits/poseidon.circom", "Poseidon(3)", []],
  ];
  for (const [include, main, inputs] of UNRANGED) {
    it(`C05: ${main}: ${inputs.join(", ") || "none"}`, async () => {
      const { r1cs, symbols } = await build(include, main, "--O1");
      expect(r1cs.eliminatedInputs).equal(0);
      const found = unrangedInputs(r1cs).map(
        ({ wire, enters }) => `${symbols.nameOf(wire).replace("main.", "")} enters ${enters}`,
      );
      expect(found).deep.equal(inputs);
      if (include !== RANGES) return;
      const { unknown } = report(r1cs, symbols, uniqueness(r1cs, symbols));
      expect(unknown.filter((name) => !name.includes("bits["))).deep.equal([]);
    });
  }

  for (const circuit of DEFAULT_CIRCUITS) {
    // Their difference less one is held to 250 bits; a product beside it says that it is zero or the first of them is, so it
    // compares no two numbers that might wrap.
    const inputs = isOf("account", circuit) ? ["main.blindingBefore", "main.blindingAfter"] : [];
    it(`C05: ${circuit}: ${inputs.length === 0 ? "none" : "blindings alone"}`, () => {
      const file = (extension: string) => path.join(ROOT, "build/circuits", circuit, `circuit.${extension}`);
      const symbols = readSymbols(file("sym"));
      expect(unrangedInputs(readR1cs(file("r1cs"))).map(({ wire }) => symbols.nameOf(wire))).deep.equal(inputs);
    });
  }

  // Packed elements that no proof alone holds to a range: fills of a round are differences of accounts in range, and totals of
  // a book descend from nothing by checked steps (docs/statement.md).
  const PACKED: Partial<Record<FamilyName, RegExp>> = {
    round: /^main\.fill\[\d+\]\[([0-9]|1[0-3])\]$/,
    book: /^main\.totals\[1?[0-9]\]$/,
  };
  const built = (circuit: CircuitName) => existsSync(path.join(ROOT, "build/circuits", circuit, "circuit.sym"));
  for (const circuit of CIRCUITS.filter((name) => !DEFAULT_CIRCUITS.includes(name)).filter(built)) {
    const family = familyOf(circuit);
    it(`C05 W09: ${circuit}: ${PACKED[family] ? "what is packed already" : "none"}; every range of the ledger`, () => {
      const file = (extension: string) => path.join(ROOT, "build/circuits", circuit, `circuit.${extension}`);
      const [r1cs, symbols] = [readR1cs(file("r1cs")), readSymbols(file("sym"))];
      const { members } = shapeOf(circuit);
      const packed = unrangedInputs(r1cs).map(({ wire }) => symbols.nameOf(wire));
      for (const name of packed) expect(name).match(PACKED[family] ?? /^$/);
      expect(packed.length).equal({ round: 14 * (members! - 1), book: 20 }[family as string] ?? 0);
      expect(ledgerOf(family, dimensionsOf(circuit), r1cs, symbols).faults).deep.equal([]);
    });
  }

  it("the lab's command fails on a circuit whose packed input has no range, and says which", () => {
    const directory = path.join(ROOT, "build/soundness/unranged");
    mkdirSync(directory, { recursive: true });
    const run = (main: string) => {
      const file = path.join(directory, "main.circom");
      const include = path.relative(directory, path.join(ROOT, RANGES));
      writeFileSync(file, `pragma circom 2.2.0;\ninclude "${include}";\ncomponent main = ${main};\n`);
      const args = ["test/soundness/lab/run.ts", "--circuit", path.relative(ROOT, file)];
      try {
        return {
          status: 0,
          stdout: execFileSync(process.execPath, args, { cwd: ROOT, encoding: "utf8", stdio: "pipe" }),
        };
      } catch (error) {
        return error as { status: number; stdout: string };
      }
    };
    expect(run("Packed(0, 0)")).property("status", 0);
    const { status, stdout } = run("Packed(1, 2)");
    expect(status).equal(1);
    expect(stdout).match(
      /, 0 not shown to be determined[\s\S]*ranges +private inputs that .*: 1\n {2}main\.pieces\[1\] enters a packing/,
    );
  });
});
