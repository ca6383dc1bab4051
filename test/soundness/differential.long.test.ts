// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import { differential, MUTATIONS } from "./lab/differential.ts";

const TIMES = 4;

describe("the strict verifier, snarkjs and the contract over many mutated proofs", () => {
  it(`A07: ${TIMES} of every kind: what the strict verifier accepts the other two accept, and it is what was proven`, async () => {
    const kinds = Object.keys(MUTATIONS);
    const result = await differential("board-60", TIMES * kinds.length, { seed: 70 });
    expect(result.violations).deep.equal([]);
    expect([...result.answers.keys()].sort()).deep.equal(kinds.sort());
  });
});
