// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import { mutatePacks } from "../../scripts/fuzz/packs.ts";

describe("packs with anything changed, through the strict verifier, snarkjs and the contract", function () {
  this.timeout(180_000);

  it("A07, W01, W04: what is accepted of 300 packs, others accept, was proven and signed, and renders no other sentence", async () => {
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
    const { violations: told } = await mutatePacks(6, {
      strict: (_pack, real, valid) => {
        const verdict = real.ok ? real : valid;
        if (!verdict.ok) return verdict;
        const statements = verdict.reading.statements.map((old) => ({
          ...old,
          statement: { ...old.statement, text: "The account covers its margin 9.0 times." },
        }));
        return { ...verdict, reading: { ...verdict.reading, statements } };
      },
    });
    for (const why of [
      "the text says what it says of no sound pack",
      "other words for the same files",
      "other files",
    ]) {
      expect(told.join()).contain(why);
    }
  });
});
