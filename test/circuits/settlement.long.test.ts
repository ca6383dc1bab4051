// SPDX-License-Identifier: GPL-3.0-or-later
/** The Settlement circuit against the integer model on many settlements and on the larger boards. */
import { expect } from "chai";
import { BOARD_SIZES, instrumentsOf } from "../../prover/src/model/sizes.ts";
import type { ColumnE6 } from "../../prover/src/units.ts";
import { settlementCircuit } from "../support/circuit.ts";
import { randomAccount, seededRng } from "../support/random.ts";
import { agreeOnSettlements, settlementDisagreements } from "../support/settlements.ts";

const RANDOM = 150;

describe("the Settlement circuit and the integer model, at length", function () {
  this.timeout(300_000);

  it(`C22: agree on ${RANDOM} random and boundary settlements: acceptance, public signals, cash after`, async () => {
    expect(await agreeOnSettlements(RANDOM)).within(RANDOM / 4, RANDOM - 10);
  });

  for (const size of BOARD_SIZES.slice(1)) {
    it(`C22: agree on ${size}`, async () => {
      const circuit = await settlementCircuit(size);
      const rng = seededRng(23);
      const before = { ...randomAccount(rng, size, "typical"), sequence: 5n };
      const marks = new Map([0, 59, 60, instrumentsOf(size) - 1].map((row) => [row, BigInt(row - 70) as ColumnE6]));
      expect(settlementDisagreements(circuit, before, marks, 1n)).deep.equal([]);
    });
  }
});
