// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { CIRCUITS, shapeOf } from "../../prover/src/model/sizes.ts";
import { type CircuitRecord, circom, mainOf } from "../../scripts/build-circuits.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SNAPSHOT = path.join(ROOT, "test/snapshots/constraints.json");
const sha256 = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

describe("compiled circuits", () => {
  it("C23: have the constraints and public inputs of the committed snapshot", () => {
    const counts = Object.fromEntries(
      CIRCUITS.map((size) => {
        const file = path.join(ROOT, "build/circuits", size, "circuit.json");
        const { constraints, publicInputs }: CircuitRecord = JSON.parse(readFileSync(file, "utf8"));
        return [size, { constraints, publicInputs }];
      }),
    );
    if (process.env.UPDATE_SNAPSHOTS === "1") writeFileSync(SNAPSHOT, `${JSON.stringify(counts, null, 2)}\n`);
    expect(counts).to.deep.equal(JSON.parse(readFileSync(SNAPSHOT, "utf8")));
    for (const size of CIRCUITS) {
      const { constraintCeiling, domainPower } = shapeOf(size);
      const { constraints, publicInputs } = counts[size]!;
      expect(constraints).to.be.at.most(constraintCeiling);
      expect(constraints + publicInputs + 1).to.be.at.most(2 ** domainPower);
    }
  });

  it("C23: compile to the same constraints a second time", async () => {
    const directory = "build/tmp/recompiled";
    mkdirSync(path.join(ROOT, directory), { recursive: true });
    try {
      writeFileSync(path.join(ROOT, directory, "circuit.circom"), mainOf("board-60", "../../../circuits"));
      await circom([`${directory}/circuit.circom`, "--r1cs", "--O2", "-l", "node_modules", "-o", directory]);
      expect(sha256(path.join(ROOT, directory, "circuit.r1cs"))).to.equal(
        sha256(path.join(ROOT, "build/circuits/board-60/circuit.r1cs")),
      );
    } finally {
      rmSync(path.join(ROOT, directory), { recursive: true, force: true });
    }
  });
});
