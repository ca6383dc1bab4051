// SPDX-License-Identifier: GPL-3.0-or-later
/** The Merge circuit against the integer model on many pairs and on the larger boards, and `Account` against sums out of range. */
import { expect } from "chai";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { BOARD_SIZES } from "../../prover/src/model/sizes.ts";
import { merge } from "../../prover/src/statement/merge.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { accountCircuit, claimInput, mergeCircuit } from "../support/circuit.ts";
import { beyondRange, keyed, MERGED_KEY, mergeDisagreements, sumOf } from "../support/merges.ts";
import { randomMarket, randomPolicy, seededRng } from "../support/random.ts";

const SIZE = "board-60";
const RANDOM = 100;

describe("the Merge circuit and the integer model, at length", function () {
  this.timeout(300_000);

  it(`C22: agree on ${RANDOM} random and boundary pairs: acceptance, public signals, sums`, async () => {
    const circuit = await mergeCircuit(SIZE);
    const rng = seededRng(41);
    let inRange = 0;
    for (let index = 0; index < RANDOM; index++) {
      const [left, right] = [keyed(rng, SIZE), keyed(rng, SIZE)];
      const found = mergeDisagreements(circuit, left, right, rng.below(FIELD_ORDER));
      expect(found, `pair ${index} of seed 41`).deep.equal([]);
      try {
        merge(left, right, MERGED_KEY);
        inRange++;
      } catch {
        // out of range
      }
    }
    expect(inRange).within(RANDOM / 5, RANDOM - 10);
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
