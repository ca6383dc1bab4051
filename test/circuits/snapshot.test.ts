// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { rebuild } from "../../prover/src/node/rebuild.ts";
import type { CircuitRecord } from "../../prover/src/node/setup/circuits.ts";
import { CIRCUITS, shapeOf } from "../../prover/src/statement/families.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SNAPSHOT = path.join(ROOT, "test/snapshots/constraints.json");
const IDENTITIES = path.join(ROOT, "circuits/identities.json");

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

  it("S02: have the identities that are committed, which keys are judged by", () => {
    const records = CIRCUITS.map((circuit): [string, CircuitRecord] => [
      circuit,
      JSON.parse(readFileSync(path.join(ROOT, "build/circuits", circuit, "circuit.json"), "utf8")),
    ]);
    const circuits = Object.fromEntries(
      records.map(([circuit, { files }]) => [circuit, { r1cs: files["circuit.r1cs"], wasm: files["circuit.wasm"] }]),
    );
    const identities = { compiler: records[0]![1].compiler, circuits };
    if (process.env.UPDATE_SNAPSHOTS === "1") writeFileSync(IDENTITIES, `${JSON.stringify(identities, null, 2)}\n`);
    expect(identities).to.deep.equal(JSON.parse(readFileSync(IDENTITIES, "utf8")));
  });

  it("C23: compile to the same constraints and witness generator a second time", async () => {
    expect((await rebuild("board-60")).pinned).to.equal(true);
  });
});
