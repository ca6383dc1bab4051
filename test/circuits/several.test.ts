// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Circuits of several accounts, `Round` and `Book`, in small against the integer model, and lies told to them. `npm run soundness`
 * runs every lie, seeded bug and mutant; `test/e2e/rounds.test.ts` proves with a shipped circuit.
 */
import { expect } from "chai";
import { disagreement, undetermined } from "../soundness/lab/attack.ts";
import { type Build, shippedSources } from "../soundness/lab/miniature.ts";
import { violations } from "../soundness/lab/r1cs.ts";
import { seed } from "../soundness/lab/seeded-bugs.ts";
import { examineSmall, exchangeableIn, SMALL, smallLedger, smallTarget, unboundIn } from "../soundness/lab/small.ts";
import type { Target } from "../soundness/lab/target.ts";
import { COUNTS } from "../support/ledger.ts";

const CASES = 6;
const EVERY = 15;
/** One of each that is fast to examine. */
const SHORT_LIST = ["state-before-unbound", "tag-not-in-leaf"];

for (const small of Object.values(SMALL)) {
  describe(`the ${small.family} circuit in small`, function () {
    this.timeout(120_000);
    let full: Build;
    let shipped: Build;
    let target: Target;
    this.beforeAll(async () => {
      ({ full, shipped, target } = await smallTarget(small, `build/soundness/${small.family}-${process.pid}`));
    });

    it(`C22: agrees with the model on ${CASES} random cases: acceptance, and the equity of each member`, () => {
      const cases = [...small.cases(4100).take(CASES)];
      expect(disagreement(full, cases)).equal(undefined);
      expect(cases.filter(({ holds }) => holds).length).within(CASES / 6, (CASES * 5) / 6);
    });

    it("accepts the truth, and lies are stopped at the place that is there for each", () => {
      expect(target.attack(small.honest()).outcome).equal("accepted");
      expect(small.lies().length).above(100);
      for (const { name, inputs, told, stoppedAt } of small.lies().filter((_, index) => index % EVERY === 1)) {
        const attack = target.attack(inputs, told);
        expect(attack.outcome, name).equal("stopped");
        for (const place of attack.stoppedAt) expect(place, name).match(stoppedAt);
      }
    });

    it("C17: each public input changed alone on a valid witness violates a constraint", () => {
      expect(violations(shipped.r1cs, shipped.generate(small.honest()))).deep.equal([]);
      expect(exchangeableIn(small, shipped)).equal(undefined);
      expect(unboundIn(small, full)).equal(undefined);
    });

    it("C19: every signal is determined by the inputs, with nothing on an allow-list", () => {
      expect(full.r1cs.eliminatedInputs + shipped.r1cs.eliminatedInputs).equal(0);
      expect(undetermined(shipped)).equal(undefined);
    });

    it("C05 W09: holds every signal of the ledger to its range, of every member at every index, and nothing else", () => {
      const { faults, held } = smallLedger(small, shipped);
      expect(faults).deep.equal([]);
      expect(held.size).equal(COUNTS[small.family](small.of));
    });

    it("seeded bugs apply, each has a detector, and a sample is seen by one that is said to see it", async () => {
      const sources = shippedSources();
      for (const bug of small.bugs) {
        expect(bug.caughtBy, bug.id).not.empty;
        expect(seed(sources, bug), bug.id).not.deep.equal(sources);
      }
      for (const bug of small.bugs.filter(({ id }) => SHORT_LIST.includes(id))) {
        const damaged = { sources: seed(sources, bug), main: small.main };
        const { findings } = await examineSmall(small, damaged, `build/soundness/${small.family}-bug-${process.pid}`);
        expect(bug.caughtBy, bug.id).include(findings[0]?.detector);
      }
    });
  });
}
