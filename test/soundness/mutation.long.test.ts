// SPDX-License-Identifier: GPL-3.0-or-later
/** A sample of what `npm run soundness -- mutants drops` runs in full. */
import { expect } from "chai";
import { sceneInputs, speaker } from "./lab/attack.ts";
import { accountRecipes, confirmed, dropEach } from "./lab/drop.ts";
import { compileSources, MAINS, shippedSources } from "./lab/miniature.ts";
import { apply, explanations, judge, mutants, OPERATORS, scores } from "./lab/mutate.ts";
import { wiresOf } from "./lab/r1cs.ts";
import { incidence } from "./lab/ripple.ts";
import { SMALL } from "./lab/small.ts";

const EVERY = 45;

describe("mutation", () => {
  const list = mutants();

  it("C21: makes mutants by every operator in every template, each a change of its own", () => {
    expect(new Set(list.map(({ operator }) => operator))).deep.equal(new Set(OPERATORS));
    expect(new Set(list.map(({ id }) => id)).size).equal(list.length);
    const sources = shippedSources();
    for (const mutant of list) {
      const damaged = apply(sources, mutant);
      const text = damaged.sources.get(mutant.file) ?? damaged.main;
      const original = sources.get(mutant.file) ?? MAINS.account;
      expect(text, mutant.id).not.equal(original);
      expect(text.split("\n").length, mutant.id).equal(original.split("\n").length);
    }
  });

  it("C21: explains only mutants that there are", () => {
    const others = Object.values(SMALL).flatMap(({ family }) => mutants(family));
    const ids = new Set([...list, ...others].map(({ id }) => id));
    for (const id of Object.keys(explanations())) expect(ids.has(id), id).equal(true);
  });

  it(`C21: catches at least 95 % of one mutant in ${EVERY}, and explains the others`, async () => {
    const sample = list.filter((_, index) => index % EVERY === 7);
    const results = await judge(sample);
    const table = scores(sample, results, explanations());
    expect(table.flatMap(({ unexplained }) => unexplained)).deep.equal([]);
    const total = (of: "caught" | "survived") => table.reduce((sum, score) => sum + score[of], 0);
    expect(total("caught")).at.least(sample.length / 4);
    expect(total("caught") / (total("caught") + total("survived"))).at.least(0.95);
  });

  it("C21: no constraint of the small circuit can be dropped: for each a witness violates it alone", async () => {
    const build = await compileSources(shippedSources(), MAINS.account, `build/soundness/shipped-${process.pid}`);
    const s = speaker(build, sceneInputs("slack"));
    const judge = {
      system: incidence(build.r1cs),
      origin: Uint32Array.from({ length: build.r1cs.wires }, (_, wire) => wire),
    };
    const recipes = accountRecipes(s).map((lies) => [s.ripple, lies] as const);
    const { caught } = dropEach(build.r1cs, [s.ripple], judge, { recipes });
    for (const [constraint, lies] of caught.entries()) {
      const { starts } = build.r1cs;
      // Unsimplified, linear constraints mostly rename; they are none of the shipped ones.
      if (starts[3 * constraint] === starts[3 * constraint + 1]) continue;
      const names = wiresOf(build.r1cs, constraint).map((wire) => build.names[wire]);
      expect(lies, `constraint ${constraint} on ${names.slice(0, 4)}`).not.equal(undefined);
      if (constraint % 331 === 0) expect(confirmed(build.r1cs, s.ripple, judge, constraint, lies!)).equal(true);
    }
  });
});
