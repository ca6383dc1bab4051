// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import { differential, disagreements } from "./lab/differential.ts";

describe("the strict verifier, snarkjs and the contract over mutated proofs", () => {
  it("A07: what the strict verifier accepts, the other two accept, and it is what was proven", async function () {
    this.timeout(120_000);
    const result = await differential("board-60", 110, { seed: 7 });
    expect(result.violations).deep.equal([]);
    for (const kind of ["unchanged", "re-randomised", "A and B negated"]) {
      expect([...result.answers.get(kind)!.keys()], kind).deep.equal(["+++"]);
    }
    // snarkjs reduces coordinates; the contract does not.
    expect(disagreements(result).join()).include("coordinate: plus modulus: snarkjs alone accepts");
  });

  it("a verifier that is too kind is noticed", async function () {
    this.timeout(120_000);
    const { violations } = await differential("board-60", 50, { seed: 7, strict: () => true });
    expect(violations.join()).match(/signal: one more: \+--.*accepts other signals/);
  });
});
