// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from "chai";
import { PlimsollError } from "../../prover/src/errors.ts";
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { loadArtifacts } from "../../prover/src/node/artifacts.ts";
import { openCalculator } from "../../prover/src/prove/calculator.ts";
import { planInputs, readPlanNames } from "../../prover/src/prove/witness.ts";
import { makePlan } from "../../prover/src/prove/witness-plan.ts";
import { DEFAULT_CIRCUITS } from "../../prover/src/statement/families.ts";
import type { WitnessInput } from "../../prover/src/statement/witness-input.ts";
import { circuitInputs } from "../support/circuit-inputs.ts";
import { executePlan, wtnsOf } from "../support/execute-plan.ts";
import { compileFull } from "../support/small-circuit.ts";

const number = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();

async function errorOf(work: () => unknown): Promise<PlimsollError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
  throw new Error("not refused");
}

describe("witness plans", () => {
  for (const circuit of DEFAULT_CIRCUITS) {
    it(`C22: ${circuit}: the plan gives the witness of circom's generator, value by value`, async function () {
      this.timeout(60_000);
      const { plan, wasm } = await loadArtifacts(circuit);
      const calculate = openCalculator(await wasm());
      const inputsOf = planInputs(plan!);
      for (const input of circuitInputs(circuit, 3)) {
        const ours = wtnsOf(executePlan(plan!, inputsOf(input)));
        expect(Buffer.compare(ours, await calculate(input.circuitInput))).equal(0);
      }
    });
  }

  it("the hints are the signals that constraints do not give, by name", async () => {
    const { plan } = await loadArtifacts("board-60");
    const { hints } = readPlanNames(plan!);
    const counts = Map.groupBy(hints, ([name]) => name)
      .entries()
      .map(([name, list]) => `${name} ${list.length}`);
    expect([...counts]).members([
      "worth.haircut.selected 75",
      "worth.scanned.whole 15",
      "worth.set.column 48",
      "worth.set.scan 1",
      "Transition.inverse 1",
    ]);
  });

  it("P01: an input that lacks a signal, has one too short, or holds a number that is not reduced is refused by name", async () => {
    const { plan } = await loadArtifacts("board-60");
    const inputsOf = planInputs(plan!);
    const [input] = circuitInputs("board-60", 1);
    const { circuitInput, hints } = input!;
    const { prices, ...rest } = circuitInput;
    const { "worth.set.scan": scan, ...fewer } = hints;
    const wrong: Record<string, WitnessInput> = {
      prices: { circuitInput: rest, hints },
      positionsAfter: { circuitInput: { ...circuitInput, positionsAfter: [] }, hints },
      cashAfter: { circuitInput: { ...circuitInput, cashAfter: (FIELD_ORDER + 5n) as FieldElement }, hints },
      context: { circuitInput: { ...circuitInput, context: -1n as FieldElement }, hints },
      "worth.set.scan": { circuitInput, hints: fewer },
      "worth.set.column": { circuitInput, hints: { ...hints, "worth.set.column": [[1n]] } },
    };
    for (const [name, changed] of Object.entries(wrong)) {
      const error = await errorOf(() => inputsOf(changed));
      expect([error.code, error.place.field]).deep.equal(["FIELD_INVALID", name]);
    }
  });

  const DIGITS = `pragma circom 2.2.0;
    template Digits() {
      signal input x; signal input y; signal output low; signal bits[3];
      var sum = 0;
      for (var i = 0; i < 3; i++) {
        bits[i] <-- (x >> i) & 1;
        bits[i] * (bits[i] - 1) === 0;
        sum += bits[i] * (1 << i);
      }
      x === sum;
      low <== bits[0] * y;
    }
    component main = Digits();`;

  it("C01: digits are solved from their sum; a number with more of them has no witness", async function () {
    this.timeout(20_000);
    const plan = makePlan(await compileFull(DIGITS), () => false);
    const witness = (x: bigint) => executePlan(plan, Buffer.concat([number(x), number(9n)]));
    expect(witness(5n).slice(0, 4)).deep.equal([1n, 9n, 5n, 9n]);
    expect(() => witness(8n)).throw("more digits");
    expect(() => witness(FIELD_ORDER - 1n)).throw("more digits");
  });

  it("a circuit that guesses what no constraint gives is refused, and says which signal", async function () {
    this.timeout(20_000);
    const root = `pragma circom 2.2.0;
      template Root() { signal input square; signal root <-- 2; root * root === square; }
      component main = Root();`;
    const circuit = await compileFull(root);
    const error = await errorOf(() => makePlan(circuit, () => false));
    expect([error.code, error.place.field]).deep.equal(["FIELD_INVALID", "root"]);
    expect(readPlanNames(makePlan(circuit, (name) => name === "root")).hints).deep.equal([["root"]]);
  });
});
