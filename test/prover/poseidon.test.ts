// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import { buildPoseidon } from "circomlibjs";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { poseidon } from "../../prover/src/model/poseidon.ts";
import { biased, seededRng } from "../support/random.ts";

describe("the Poseidon permutation", () => {
  it("agrees with circomlibjs's on random blocks and on the ends of the field", async () => {
    const theirs = await buildPoseidon();
    const rng = seededRng(1);
    const check = (block: bigint[], capacity: bigint) =>
      expect(poseidon(block, capacity)).to.equal(theirs.F.toObject(theirs(block, capacity)));
    for (const length of [2, 16]) {
      for (const value of [0n, 1n, FIELD_ORDER - 1n]) check(new Array(length).fill(value), value);
      for (let run = 0; run < 30; run++) {
        const element = () => biased(rng, 0n, FIELD_ORDER - 1n);
        check(Array.from({ length }, element), element());
      }
    }
  });

  it("refuses a block of another length", () => {
    for (const length of [0, 1, 3, 15, 17]) {
      expect(() => poseidon(new Array(length).fill(0n), 0n)).to.throw(RangeError);
    }
  });
});
