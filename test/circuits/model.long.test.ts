// SPDX-License-Identifier: GPL-3.0-or-later
/** The circuit against the integer model, on random and structured requests, figure by figure. `scripts/fuzz/model.ts` runs many more. */
import { expect } from "chai";
import { buildStatement } from "../../prover/src/statement/account.ts";
import { accountCircuit, disagreements } from "../support/circuit.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { BENDS, bend } from "../support/structured.ts";

const SIZE = "board-60";
const RANDOM = 120;
const STRUCTURED = 10;

describe("the circuit and the integer model, at length", function () {
  this.timeout(300_000);

  it(`C22: agree on ${RANDOM} random requests: whether each is provable, every public signal, every figure`, async () => {
    const circuit = await accountCircuit(SIZE);
    const rng = seededRng(22);
    for (let index = 0; index < RANDOM; index++) {
      const request = randomRequest(rng, SIZE, { holds: index % 4 !== 3 });
      expect(buildStatement(request).holds).equal(index % 4 !== 3);
      expect(disagreements(circuit, request), `request ${index} of seed 22`).deep.equal([]);
    }
  });

  for (const name of Object.keys(BENDS)) {
    it(`C22: agree on ${STRUCTURED} requests with ${name}`, async () => {
      const circuit = await accountCircuit(SIZE);
      const rng = seededRng(2200);
      for (let index = 0; index < STRUCTURED; index++) {
        const request = bend(randomRequest(rng, SIZE), name, rng);
        expect(disagreements(circuit, request), `request ${index} of seed 2200`).deep.equal([]);
      }
    });
  }

  it("C22: a figure that is not the model's is reported, so that agreement can fail", async () => {
    const circuit = await accountCircuit(SIZE);
    const request = randomRequest(seededRng(5), SIZE);
    const shifted = {
      ...circuit,
      attack: (inputs: Parameters<typeof circuit.attack>[0]) => {
        const attack = circuit.attack(inputs);
        return { ...attack, value: (name: string) => attack.value(name) + (name === "main.worth.equity" ? 1n : 0n) };
      },
    };
    expect(disagreements(shifted, request)).deep.equal(["equity differs"]);
  });
});
