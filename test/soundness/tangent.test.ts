// SPDX-License-Identifier: GPL-3.0-or-later
/** The tangent space: our circuit has none, and circuits with a joint freedom have the one that they should. */
import { expect } from "chai";
import { buildStatement } from "../../prover/src/statement/account.ts";
import { shippedCircuit } from "../support/circuit.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { build, FREEDOMS, HARNESS, without } from "./fixtures/build.ts";
import { type Inputs, loadGenerator } from "./lab/generate.ts";
import { wiresOf } from "./lab/r1cs.ts";
import { tangentSpace } from "./lab/tangent.ts";

describe("tangent space", function () {
  this.timeout(120_000);

  const directions = async (include: string, main: string, inputs: Inputs) => {
    const { r1cs, symbols, files } = await build(include, main, "--O0");
    const witness = (await loadGenerator(files.wasm, { assertions: true }))(inputs);
    const { columns, rank, directions } = tangentSpace(r1cs, witness);
    expect(rank + directions.length).equal(columns);
    return directions.map((wires) => wires.map((wire) => symbols.nameOf(wire).replace(/^main\./, "")).sort());
  };

  it("C20: names the signals that can move together", async () => {
    const pair = { sum: 10n, difference: 4n };
    expect(await directions(FREEDOMS, "Pair(0)", pair)).deep.equal([["one", "other"]]);
    expect(await directions(FREEDOMS, "Pair(1)", pair)).deep.equal([]);
    const packed = { packed: (3n << 16n) + 4n };
    expect(await directions(HARNESS("packing"), "Packing(0)", packed)).deep.equal([["high", "low"]]);
    expect(await directions(HARNESS("packing"), "Packing(1)", packed)).deep.equal([]);
    expect(await directions(HARNESS("division"), "Division(0)", { dividend: 17n, divisor: 5n })).deep.equal([
      ["quotient", "remainder"],
    ]);
  });

  it("C20: has a direction for each free digit but the one that the sum takes back", async () => {
    expect((await directions(HARNESS("booleanity"), "Booleanity(0)", { x: 6n })).length).equal(7);
    expect(await directions(HARNESS("booleanity"), "Booleanity(1)", { x: 6n })).deep.equal([]);
  });

  it("C20: sees that a quotient is free exactly where it divides zero by zero", async () => {
    expect(await directions(FREEDOMS, "Quotient(0)", { dividend: 0n, divisor: 0n })).deep.equal([["quotient"]]);
    expect(await directions(FREEDOMS, "Quotient(0)", { dividend: 6n, divisor: 3n })).deep.equal([]);
    expect(await directions("circomlib/circuits/comparators.circom", "IsZero()", { in: 0n })).deep.equal([["inv"]]);
    expect(await directions("circomlib/circuits/comparators.circom", "IsZero()", { in: 3n })).deep.equal([]);
  });

  it("does not see a second root or another reading of digits, which lie apart", async () => {
    expect(await directions(FREEDOMS, "Root(0)", { square: 9n })).deep.equal([]);
    expect(await directions(HARNESS("aliasing"), "Aliasing(0)", { x: 4n })).deep.equal([]);
  });

  it("takes a root of second order for a direction", async () => {
    expect(await directions(FREEDOMS, "Root(0)", { square: 0n })).deep.equal([["root"]]);
  });

  it("refuses a witness that violates the constraints", async () => {
    const { r1cs, files } = await build(FREEDOMS, "Pair(1)", "--O0");
    const witness = (await loadGenerator(files.wasm, { assertions: true }))({ sum: 10n, difference: 4n });
    expect(() => tangentSpace(r1cs, [...witness.slice(0, -1), witness.at(-1)! + 1n])).throw(/violates/);
  });

  it("C20: the Account circuit has full rank, at random witnesses and where every gap is zero", async () => {
    const { prove, r1cs } = await shippedCircuit("board-60");
    let ties = 0;
    for (let seed = 0; ties < 1 || seed < 6; seed++) {
      const { evaluation, circuitInput } = buildStatement(randomRequest(seededRng(seed), "board-60"));
      const [set] = evaluation.sets;
      const tied = set!.profits.every((profit) => profit === -set!.scan);
      if (seed >= 6 && !tied) continue;
      if (tied) ties++;
      const { columns, rank } = tangentSpace(r1cs, prove(circuitInput));
      expect(rank).equal(columns);
    }
  });

  it("C20: a charge per lot that no constraint defines is free where there are no lots", async () => {
    const { prove, r1cs, symbols } = await shippedCircuit("board-60");
    const rate = symbols.wireOf("main.worth.held[0].rate[30]")!;
    const defines = Array.from({ length: r1cs.constraints }, (_, index) => index).find((index) => {
      const wires = wiresOf(r1cs, index);
      return wires.includes(rate) && wires.some((wire) => symbols.nameOf(wire).endsWith("checked[30].nonNegative"));
    });
    const requests = Array.from({ length: 40 }, (_, seed) =>
      buildStatement(randomRequest(seededRng(seed), "board-60")),
    );
    const flat = requests.find(({ after }) => after.positions[30] === 0n)!;
    expect(tangentSpace(without(r1cs, defines!), prove(flat.circuitInput)).directions).deep.equal([[rate]]);
  });
});
