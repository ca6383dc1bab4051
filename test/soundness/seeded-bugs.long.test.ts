// SPDX-License-Identifier: GPL-3.0-or-later
/** The lab's own test: seeded bugs are seen, and by the detectors that are said to see them. `npm run soundness` runs all. */
import { expect } from "chai";
import { BUG_CLASSES } from "./bugs/bug.ts";
import { BUGS } from "./bugs/index.ts";
import {
  acceptedLie,
  alternative,
  DETECTORS,
  disagreement,
  exchangeable,
  hostileLies,
  speakers,
  tellLie,
  undetermined,
} from "./lab/attack.ts";
import { type Build, compileSources, MAINS, shippedSources } from "./lab/miniature.ts";
import { seed, seedEach, seenBy } from "./lab/seeded-bugs.ts";

/** A few for every detector, the fastest to examine; among them each detector's only ones. */
const SHORT_LIST = [
  "two-tiers",
  "first-block-carries",
  "position-range",
  "charge-divided",
  "context-linear",
  "sponge-restarts",
];

describe("the seeded bugs", () => {
  it("are at least 25, of every class, each with a detector that sees it, and their edits apply", () => {
    expect(BUGS.length).at.least(25);
    expect(new Set(BUGS.map((bug) => bug.class))).deep.equal(new Set(BUG_CLASSES));
    expect(new Set(BUGS.map(({ id }) => id)).size).equal(BUGS.length);
    const sources = shippedSources();
    for (const bug of BUGS) {
      expect(bug.caughtBy, bug.id).not.empty;
      expect(seed(sources, bug), bug.id).not.deep.equal(sources);
    }
    for (const detector of DETECTORS) {
      expect(
        BUGS.filter(({ caughtBy }) => caughtBy.includes(detector)),
        detector,
      ).not.empty;
    }
  });

  it("C07 C08 C13 C16 C17: are seen by exactly the detectors that are said to see them", async () => {
    for (const result of await seedEach(BUGS.filter(({ id }) => SHORT_LIST.includes(id)))) {
      expect(result.invalid, result.bug.id).equal(undefined);
      expect(seenBy(result), result.bug.id).deep.equal(result.bug.caughtBy);
    }
  });
});

describe("the detectors", () => {
  let build: Build;
  before(async () => {
    build = await compileSources(shippedSources(), MAINS.account, `build/soundness/shipped-${process.pid}`);
  });

  it("C22: the shipped circuit and the model agree on every case", () => {
    expect(disagreement(build)).equal(undefined);
  });

  it("C17 C19 C20: nothing is accepted, exchanged, moved or undetermined in the shipped circuit", () => {
    const on = speakers(build);
    expect(on).not.equal(undefined);
    expect(acceptedLie(on!)).equal(undefined);
    expect(exchangeable(build)).equal(undefined);
    expect(alternative(on!.slack)).equal(undefined);
    expect(alternative(on!.gain)).equal(undefined);
    expect(undetermined(build)).equal(undefined);
  });

  it("C01 to C18: every lie names signals that the circuit has, and changes something", () => {
    const on = speakers(build)!;
    expect(hostileLies.length).at.least(300);
    for (const lie of hostileLies) {
      const outcome = tellLie(on[lie.scene], lie);
      expect(outcome?.changed.size, lie.name).at.least(1);
      expect(outcome?.violated.length, lie.name).at.least(1);
    }
  });
});
