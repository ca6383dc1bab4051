// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import { differential, disagreements, MUTATIONS } from "./lab/differential.ts";

/** Letter by letter what was proven, or the same proof in other points. */
const VALID = ["unchanged", "re-randomised", "A and B negated"];

describe("the strict verifier, snarkjs and the contract over mutated proofs", function () {
  this.timeout(120_000);

  it("A07: of every kind of mutation, what the strict verifier accepts the other two accept, and it is what was proven", async () => {
    const result = await differential("board-60", Object.keys(MUTATIONS).length, { seed: 7 });
    expect(result.violations).deep.equal([]);
    for (const kind of VALID) expect([...result.answers.get(kind)!.keys()], kind).deep.equal(["+++"]);
    // snarkjs reduces coordinates; the contract does not.
    expect(disagreements(result).join()).include("coordinate: plus modulus: snarkjs alone accepts");
  });

  it("a verifier that is too kind is noticed", async () => {
    const { violations } = await differential("board-60", 1, {
      seed: 7,
      kinds: ["signal: one more"],
      strict: () => true,
    });
    expect(violations.join()).match(/signal: one more: \+--.*accepts other signals/);
  });
});
