// SPDX-License-Identifier: GPL-3.0-or-later
/** The smallest circuit of each family, compiled a second time; `snapshot.test.ts` has board-60. */
import { expect } from "chai";
import { rebuild } from "../../prover/src/node/rebuild.ts";
import { type CircuitName, circuitsOf } from "../../prover/src/statement/families.ts";

const TWICE = (["settlement", "merge", "disclosure", "lot", "round"] as const).map(
  (family): CircuitName => circuitsOf(family)[0]!,
);

describe("circuits compiled twice", function () {
  this.timeout(300_000);
  for (const circuit of TWICE) {
    it(`C23: ${circuit} compiles to the constraints and the witness generator that are pinned`, async () => {
      expect((await rebuild(circuit)).pinned).equal(true);
    });
  }
});
