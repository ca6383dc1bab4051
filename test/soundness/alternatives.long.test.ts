// SPDX-License-Identifier: GPL-3.0-or-later
/** The search for a second witness finds one where there is a choice, and none in our circuit. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { expect } from "chai";
import { buildStatement } from "../../prover/src/statement/account.ts";
import { accountCircuit } from "../support/circuit.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { type Built, build, FREEDOMS, HARNESS, without } from "./fixtures/build.ts";
import accountFacts from "./lab/account-facts.json" with { type: "json" };
import { alternatives, type SearchOptions } from "./lab/alternatives.ts";
import { type Inputs, loadGenerator } from "./lab/generate.ts";
import { type R1cs, type Symbols, violations, type Witness, wiresOf, writeWtns } from "./lab/r1cs.ts";
import { type Fact, uniqueness } from "./lab/uniqueness.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const FACTS = accountFacts as unknown as readonly Fact[];

/** Searches as the command does: suspects are what the analysis leaves open. */
function search(
  r1cs: R1cs,
  symbols: Symbols,
  witnesses: readonly Witness[],
  options: Omit<SearchOptions, "suspects">,
  facts: readonly Fact[] = [],
) {
  const { rules, order } = uniqueness(r1cs, symbols, facts);
  const suspects = [...rules.keys()].filter((wire) => rules[wire] === undefined);
  const find = alternatives(r1cs, order);
  for (const [index, witness] of witnesses.entries()) {
    const { hits } = find(witness, { ...options, suspects, random: index + 1, offset: index * options.seeds });
    const [hit] = hits;
    if (hit === undefined) continue;
    expect(violations(r1cs, hit.witness)).deep.equal([]);
    const inputs = 1 + r1cs.outputs + r1cs.publicInputs + r1cs.privateInputs;
    expect(hit.witness.slice(1 + r1cs.outputs, inputs)).deep.equal(witness.slice(1 + r1cs.outputs, inputs));
    expect(hit.witness).not.deep.equal(witness);
    return hit;
  }
  return undefined;
}

const witnessOf = async ({ files }: Built, inputs: Inputs) =>
  (await loadGenerator(files.wasm, { assertions: true }))(inputs);

describe("alternative witnesses", function () {
  this.timeout(120_000);

  const CHOICES: readonly [include: string, template: string, inputs: Inputs, moves: string][] = [
    [HARNESS("unconstrained"), "Unconstrained", { price: 6n, quantity: 7n }, "value"],
    [HARNESS("booleanity"), "Booleanity", { x: 6n }, "digits"],
    [HARNESS("zero-test"), "ZeroTest", { x: 7n }, "isZero"],
    [HARNESS("selection"), "Selection", { index: 2n, rates: [10n, 20n, 30n, 40n] }, "rate"],
    [HARNESS("maximum"), "Maximum", { values: [3n, 9n, 4n] }, "max"],
    [HARNESS("packing"), "Packing", { packed: (3n << 16n) + 4n }, "low"],
    [HARNESS("division"), "Division", { dividend: 17n, divisor: 5n }, "quotient"],
    [HARNESS("aliasing"), "Aliasing", { x: 4n }, "loose.out"],
    [FREEDOMS, "Quotient", { dividend: 0n, divisor: 0n }, "quotient"],
    [FREEDOMS, "Sign", { negative: 1n, magnitude: 9n }, "value"],
    [FREEDOMS, "Pair", { sum: 10n, difference: 4n }, "one"],
    [FREEDOMS, "Larger", { left: 20n, right: 30n }, "larger"],
  ];
  for (const [include, template, inputs, moves] of CHOICES) {
    it(`C20: ${template}: finds a second witness, and none once the choice is gone`, async () => {
      const open = await build(include, `${template}(0)`, "--O0");
      const hit = search(open.r1cs, open.symbols, [await witnessOf(open, inputs)], { seeds: 400 });
      expect(hit?.changed.some((wire) => open.symbols.nameOf(wire).startsWith(`main.${moves}`))).equal(true);
      // Zero by zero has no quotient once the divisor has an inverse.
      const closedInputs = template === "Quotient" ? { dividend: 6n, divisor: 3n } : inputs;
      const closed = await build(include, `${template}(1)`, "--O0");
      const honest = await witnessOf(closed, closedInputs);
      expect(search(closed.r1cs, closed.symbols, [honest], { seeds: 400 })).equal(undefined);
    });
  }

  it("C20: finds the pieces that carry into each other only where they are wide enough to", async () => {
    const inputs = { packed: (5n << 16n) + 4n };
    const wide = await build(FREEDOMS, "Pieces(16, 17)", "--O0");
    const hit = search(wide.r1cs, wide.symbols, [await witnessOf(wide, inputs)], { seeds: 400 });
    expect(hit?.witness[wide.symbols.wireOf("main.high")!]).equal(4n);
    const fits = await build(FREEDOMS, "Pieces(16, 16)", "--O0");
    expect(search(fits.r1cs, fits.symbols, [await witnessOf(fits, inputs)], { seeds: 400 })).equal(undefined);
  });

  it("C20: writes a second witness that snarkjs accepts", async () => {
    const open = await build(HARNESS("maximum"), "Maximum(0)", "--O0");
    const honest = await witnessOf(open, { values: [3n, 9n, 4n] });
    const file = path.join(path.dirname(open.files.r1cs), "alternative.wtns");
    writeWtns(file, open.r1cs.prime, search(open.r1cs, open.symbols, [honest], { seeds: 400 })!.witness);
    const cli = path.join(ROOT, "node_modules/snarkjs/build/cli.cjs");
    const output = execFileSync(process.execPath, [cli, "wtns", "check", open.files.r1cs, file], { encoding: "utf8" });
    expect(output).match(/WITNESS IS CORRECT/i);
  });

  describe("of the Account circuit", () => {
    const honest = async (seeds: readonly number[]) => {
      const { prove } = await accountCircuit("board-60");
      return seeds.map((seed) => prove(buildStatement(randomRequest(seededRng(seed), "board-60")).circuitInput));
    };

    it("C20: finds none around 12 witnesses", async () => {
      const { r1cs, symbols } = (await accountCircuit("board-60")).shipped;
      const witnesses = await honest(Array.from({ length: 12 }, (_, seed) => seed));
      expect(search(r1cs, symbols, witnesses, { seeds: 80 }, FACTS)).equal(undefined);
    });

    const DROPPED: readonly [what: string, has: RegExp, lacks: RegExp, moves: RegExp][] = [
      ["the scan's product of gaps", /nonZero\[14\]$/, /nonZero\[13\]|bits/, /scan$/],
      [
        "the booleanity of a position's sign",
        /held\[0\]\.checked\[30\]\.nonNegative$/,
        /bits|rate|lots|positions/,
        /checked\[30\]/,
      ],
      ["a packed column's sum", /run\[0\]\[2\]$/, /column|nonZero/, /run\[0\]\[2\]$/],
    ];
    for (const [what, has, lacks, moves] of DROPPED) {
      it(`C20: finds one without ${what}`, async () => {
        const { r1cs, symbols } = (await accountCircuit("board-60")).shipped;
        const constraint = Array.from({ length: r1cs.constraints }, (_, index) => index).find((index) => {
          const names = wiresOf(r1cs, index).map(symbols.nameOf);
          return names.some((name) => has.test(name)) && !names.some((name) => lacks.test(name));
        });
        expect(constraint, "a constraint to drop").not.equal(undefined);
        const witnesses = await honest([3, 11, 17, 20]);
        const hit = search(without(r1cs, constraint!), symbols, witnesses, { seeds: 600 }, FACTS);
        expect(hit?.changed.map(symbols.nameOf).some((name) => moves.test(name))).equal(true);
      });
    }
  });
});
