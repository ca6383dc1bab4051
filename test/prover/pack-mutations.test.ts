// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import { mutatePacks } from "../../scripts/mutate-packs.ts";

describe("packs with anything changed, through the strict verifier, snarkjs and the contract", function () {
  this.timeout(180_000);

  it("A07: what the strict verifier accepts of 300 packs, the others accept, and it is what was proven and signed", async () => {
    const { violations, outcomes } = await mutatePacks(300, { seed: 7 });
    expect(violations).deep.equal([]);
    expect([...outcomes.get("unchanged")!.keys()]).deep.equal(["valid"]);
    const all = new Set([...outcomes.values()].flatMap((counts) => [...counts.keys()]));
    expect(all.size, "kinds of outcome").greaterThan(15);
  });

  it("a verifier that is too kind is noticed, in proofs and in words", async () => {
    const kind = await mutatePacks(24, { seed: 7, strict: (_pack, real, valid) => (real.ok ? real : valid) });
    expect(kind.violations.join()).match(/the strict verifier accepts, snarkjs does not/);
    expect(kind.violations.join()).match(/the strict verifier accepts, contract does not/);
    const { violations } = await mutatePacks(2, {
      strict: (_pack, real) =>
        real.ok
          ? {
              ...real,
              reading: {
                ...real.reading,
                statements: real.reading.statements.map((old) => ({ ...old, marketSha256: "0".repeat(64) })),
              },
            }
          : real,
    });
    expect(violations.join()).match(/something is accepted that nobody has proven or signed/);
  });
});
