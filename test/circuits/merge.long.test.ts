// SPDX-License-Identifier: GPL-3.0-or-later
/** The Merge circuit against the integer model on many pairs and on the larger boards, and `Account` against sums out of range. */
import { expect } from "chai";
import { BOARD_SIZES } from "../../prover/src/model/sizes.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { accountCircuit, claimInput, mergeCircuit } from "../support/circuit.ts";
import { agreeOnPairs, beyondRange, keyed, mergeDisagreements, sumOf } from "../support/merges.ts";
import { randomMarket, randomPolicy, seededRng } from "../support/random.ts";

const SIZE = "board-60";
const RANDOM = 100;

describe("the Merge circuit and the integer model, at length", function () {
  this.timeout(300_000);

  it(`C22: agree on ${RANDOM} random and boundary pairs: acceptance, public signals, sums`, async () => {
    expect(await agreeOnPairs(RANDOM)).within(RANDOM / 5, RANDOM - 10);
  });

  for (const size of BOARD_SIZES.slice(1)) {
    it(`C22: agree on ${size}`, async () => {
      const circuit = await mergeCircuit(size);
      const rng = seededRng(42);
      expect(mergeDisagreements(circuit, keyed(rng, size, "typical"), keyed(rng, size, "typical"), 1n)).deep.equal([]);
    });
  }

  it("C13: Account does not take a sum out of range further", async () => {
    const circuit = await accountCircuit(SIZE);
    const market = randomMarket(seededRng(1), SIZE, "zero");
    const policy = randomPolicy(seededRng(1), "typical");
    const some = keyed(seededRng(43), SIZE, "typical");
    for (const { change, accountStops } of beyondRange(some)) {
      const one = { ...some, ...change };
      const before = sumOf(one, one);
      // Nor does any other reading of the same elements: it would have to leave the range by a whole stride.
      const after = { ...before, sequence: 1n };
      const claim = { before, after, level: 0n as LevelBps, direction: "at-least", policy, market } as const;
      const attack = circuit.attack(claimInput(claim));
      expect(attack.outcome).equal("stopped");
      expect(attack.stoppedAt.some((place) => accountStops.test(place))).equal(true);
    }
  });
});
