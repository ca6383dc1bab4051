// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { rebuild } from "../../prover/src/node/rebuild.ts";
import { builtCircuit, type CircuitRecord } from "../../prover/src/node/setup/circuits.ts";
import { CIRCUITS, type CircuitName, DEFAULT_CIRCUITS, shapeOf } from "../../prover/src/statement/families.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SNAPSHOT = path.join(ROOT, "test/snapshots/constraints.json");
const IDENTITIES = path.join(ROOT, "circuits/identities.json");

/** Records of what is built of the sources that there are. A circuit that is made on demand may not be: the snapshot keeps it. */
const RECORDS: readonly (readonly [CircuitName, CircuitRecord])[] = CIRCUITS.flatMap((circuit) => {
  const record = builtCircuit(circuit);
  return record === undefined ? [] : [[circuit, record] as const];
});

/** What is built, and of circuits on demand that are not what the snapshot says. */
function merged<T>(built: Readonly<Record<string, T>>, committed: Readonly<Record<string, T>>): Record<string, T> {
  const known = CIRCUITS.map((circuit) => [circuit, built[circuit] ?? committed[circuit]] as const);
  return Object.fromEntries(known.filter((entry): entry is [CircuitName, T & {}] => entry[1] !== undefined));
}

describe("compiled circuits", () => {
  it("C23: have the constraints and public inputs of the committed snapshot", () => {
    const built = RECORDS.map(([circuit, { constraints, publicInputs }]) => [circuit, { constraints, publicInputs }]);
    expect(built.map(([circuit]) => circuit)).include.members(DEFAULT_CIRCUITS as CircuitName[]);
    const committed = JSON.parse(readFileSync(SNAPSHOT, "utf8"));
    const counts = merged<Pick<CircuitRecord, "constraints" | "publicInputs">>(Object.fromEntries(built), committed);
    if (process.env.UPDATE_SNAPSHOTS === "1") writeFileSync(SNAPSHOT, `${JSON.stringify(counts, null, 2)}\n`);
    expect(counts).to.deep.equal(JSON.parse(readFileSync(SNAPSHOT, "utf8")));
    for (const [size, { constraints, publicInputs }] of Object.entries(counts)) {
      const { constraintCeiling, domainPower } = shapeOf(size as CircuitName);
      expect(constraints).to.be.at.most(constraintCeiling);
      expect(constraints + publicInputs + 1).to.be.at.most(2 ** domainPower);
    }
  });

  it("S02: have the identities that are committed, which keys are judged by", () => {
    const committed = JSON.parse(readFileSync(IDENTITIES, "utf8"));
    const built = RECORDS.map(([circuit, { files }]) => [
      circuit,
      { r1cs: files["circuit.r1cs"], wasm: files["circuit.wasm"] },
    ]);
    const circuits = merged<{ r1cs: string; wasm: string }>(Object.fromEntries(built), committed.circuits);
    const identities = { compiler: RECORDS[0]![1].compiler, circuits };
    if (process.env.UPDATE_SNAPSHOTS === "1") writeFileSync(IDENTITIES, `${JSON.stringify(identities, null, 2)}\n`);
    expect(identities).to.deep.equal(JSON.parse(readFileSync(IDENTITIES, "utf8")));
  });

  it("C23: compile to the same constraints and witness generator a second time", async () => {
    expect((await rebuild("board-60")).pinned).to.equal(true);
  });
});
