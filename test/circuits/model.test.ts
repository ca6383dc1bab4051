// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `Account` against the integer model, every day: as it ships on what it accepts and tells, in small on every figure.
 * `model.long.test.ts` compares figures as shipped, and `scripts/fuzz/model.ts` runs many more.
 */
import { expect } from "chai";
import { buildStatement, type Request } from "../../prover/src/statement/account.ts";
import { disagreement } from "../soundness/lab/attack.ts";
import { randomCases } from "../soundness/lab/cases.ts";
import { type Build, compileSources, MAINS, shippedSources } from "../soundness/lab/miniature.ts";
import { violations, type Witness } from "../soundness/lab/r1cs.ts";
import { type ShippedCircuit, shippedCircuit } from "../support/circuit.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { BENDS, bend } from "../support/structured.ts";

const SIZE = "board-60";
const RANDOM = 16;
const SMALL = 90;

/** Where circuit and model disagree on whether a request is provable, or on a public signal. */
function disagreements({ r1cs, generate, prove }: ShippedCircuit, request: Request): string[] {
  const { holds, circuitInput, publicSignals } = buildStatement(request);
  const witness = generate(circuitInput);
  const found: string[] = [];
  let proven: Witness | undefined;
  try {
    proven = prove(circuitInput);
  } catch {
    // its assertions refuse
  }
  if ((proven !== undefined) !== holds) found.push(`the generator ${proven ? "accepts" : "refuses"}`);
  if ((violations(r1cs, witness).length === 0) !== holds) found.push("the constraints do not say what the model says");
  if (proven?.some((value, wire) => value !== witness[wire])) found.push("two generators of one circuit differ");
  if (publicSignals.some((value, index) => value !== witness[index + 1])) found.push("a public signal differs");
  return found;
}

describe("the circuit as it ships and the integer model", () => {
  let circuit: ShippedCircuit;
  before(async () => {
    circuit = await shippedCircuit(SIZE);
  });

  it(`C22: agree on ${RANDOM} random requests: whether each is provable, and every public signal`, () => {
    const rng = seededRng(22);
    for (let index = 0; index < RANDOM; index++) {
      const request = randomRequest(rng, SIZE, { holds: index % 4 !== 3 });
      expect(buildStatement(request).holds).equal(index % 4 !== 3);
      expect(disagreements(circuit, request), `request ${index} of seed 22`).deep.equal([]);
    }
  });

  it("C22: agree on a request of each kind in which mistakes of arithmetic hide", () => {
    const rng = seededRng(2200);
    for (const name of Object.keys(BENDS)) {
      expect(disagreements(circuit, bend(randomRequest(rng, SIZE), name, rng)), name).deep.equal([]);
    }
  });

  it("C22: a verdict that is not the model's is reported, so that agreement can fail", () => {
    const request = randomRequest(seededRng(5), SIZE, { holds: true });
    const other = randomRequest(seededRng(5), SIZE, { holds: false });
    const swapped = { ...circuit, generate: () => circuit.generate(buildStatement(other).circuitInput) };
    expect(disagreements(swapped, request)).includes("the constraints do not say what the model says");
  });
});

describe("the circuit in small and the integer model", () => {
  let build: Build;
  before(async () => {
    build = await compileSources(shippedSources(), MAINS.account, `build/soundness/model-${process.pid}`);
  });

  it("C22: agree on every structured case, figure by figure", () => {
    expect(disagreement(build)).equal(undefined);
  });

  it(`C22: agree on ${SMALL} random cases, figure by figure`, () => {
    const cases = [...randomCases(2200).take(SMALL)];
    expect(disagreement(build, cases)).equal(undefined);
    expect(cases.filter(({ holds }) => holds).length).within(SMALL / 4, (SMALL * 3) / 4);
  });

  it("C22: a figure that is not the model's is reported", () => {
    const [one] = [...randomCases(2200).take(1)];
    const outputs = { ...one!.outputs, "main.worth.equity": one!.outputs["main.worth.equity"]! + 1n };
    expect(disagreement(build, [{ ...one!, outputs }])?.what).match(/main\.worth\.equity is not the model's/);
  });
});
