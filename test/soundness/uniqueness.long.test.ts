// SPDX-License-Identifier: GPL-3.0-or-later
/** What the static analysis shows of our circuits, and that it shows nothing of circuits that leave a choice. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { accountCircuit, disclosureCircuit, mergeCircuit, settlementCircuit } from "../support/circuit.ts";
import { type Rng, seededRng } from "../support/random.ts";
import { build, FREEDOMS, HARNESS, without } from "./fixtures/build.ts";
import { allWitnesses, damagedGadget, r1csOf, randomTiny, symbols, type Tiny } from "./fixtures/tiny.ts";
import { wiresOf } from "./lab/r1cs.ts";
import { type Allowed, type Fact, report, uniqueness } from "./lab/uniqueness.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const json = (file: string) => JSON.parse(readFileSync(path.join(ROOT, "test/soundness/lab", file), "utf8"));
const FACTS: readonly Fact[] = json("account-facts.json");
/** That of haircut schedules alone: what other circuits have of a policy. */
const BOUNDARIES = FACTS.slice(0, 1);
const ALLOW: readonly Allowed[] = json("allow-list.json");

/** Names of signals not shown to be determined, without `main.`. */
async function unknownIn(include: string, main: string, facts: readonly Fact[] = [], inputs?: string) {
  const { r1cs, symbols } = await build(include, main, "--O0", inputs);
  return report(r1cs, symbols, uniqueness(r1cs, symbols, facts)).unknown.map((name) => name.replace(/^main\./, ""));
}

describe("uniqueness", function () {
  this.timeout(120_000);

  describe("of the Account circuit", () => {
    for (const system of ["shipped", "full"] as const) {
      it(`C19: every signal of board-60, ${system}, is determined by the inputs, with nothing on the allow-list`, async () => {
        const { r1cs, symbols } = (await accountCircuit("board-60"))[system];
        expect(r1cs.eliminatedInputs).equal(0);
        const { unknown, assumptions } = report(r1cs, symbols, uniqueness(r1cs, symbols, FACTS), ALLOW);
        expect(unknown).deep.equal([]);
        expect(assumptions).deep.equal(FACTS);
        expect(ALLOW).deep.equal([]);
      });
    }

    it("C19: without the order of boundaries, that the verifier checks, only the haircuts and what follows are open", async () => {
      const { r1cs, symbols } = (await accountCircuit("board-60")).shipped;
      const { unknown } = report(r1cs, symbols, uniqueness(r1cs, symbols, FACTS.slice(1)));
      expect(unknown.length).above(2000);
      for (const name of unknown)
        expect(name).match(
          /^main\.(worth\.(haircut|value|scanned|held|run|carried|set|maintenance|Debt|debt)|Coverage)/,
        );
    });

    /** A constraint to drop, by what stands in it, and what is then open. */
    const DROPPED: readonly [what: string, has: RegExp, lacks: RegExp, open: RegExp][] = [
      ["a digit's booleanity", /held\[0\]\.checked\[7\]\..*bits\[3\]$/, /[^\]3]$/, /checked\[7\].*bits/],
      ["the scan's product of gaps", /nonZero\[43\]$/, /nonZero\[42\]|bits/, /set\[0\]\.scan$/],
      [
        "the range of a gap",
        /column\[4\]$|Unsigned.*bits/,
        /nonZero|column\[(?!4\])|over|haircut|scanned|Debt|Transition/,
        /column\[4\]$/,
      ],
      [
        "the count of selected pieces",
        /haircut\[3\]\.selected/,
        /value|lower|upper|slope|bits|policy/,
        /haircut\[3\]\.selected/,
      ],
      [
        "the booleanity of the direction of delta",
        /excess\[0\]\.isPositive$/,
        /column|bits|run/,
        /excess\[0\]\.isPositive$/,
      ],
      ["the range of what is left of scanned collateral", /scanned\[5\]\.covered$/, /lots|never/, /scanned\[5\]/],
      ["the square of the context", /contextSquared$/, /never/, /contextSquared$/],
      ["a step of the permutation", /absorb.*sigmaF\[4\]\[9\]\.in2$/, /in4/, /absorb/],
    ];
    for (const [what, has, lacks, open] of DROPPED) {
      it(`C19: without ${what} it is open`, async () => {
        const { r1cs, symbols } = (await accountCircuit("board-60")).shipped;
        const constraint = Array.from({ length: r1cs.constraints }, (_, index) => index).find((index) => {
          const names = wiresOf(r1cs, index).map(symbols.nameOf);
          return names.some((name) => has.test(name)) && !names.some((name) => lacks.test(name));
        });
        expect(constraint, "a constraint to drop").not.equal(undefined);
        const damaged = without(r1cs, constraint!);
        const { unknown } = report(damaged, symbols, uniqueness(damaged, symbols, FACTS));
        expect(
          unknown.some((name) => open.test(name)),
          unknown.slice(0, 5).join(),
        ).equal(true);
      });
    }
  });

  describe("of the Settlement circuit", () => {
    for (const system of ["shipped", "full"] as const) {
      it(`C19: every signal of settlement-60, ${system}, is determined by the inputs, assuming nothing`, async () => {
        const { r1cs, symbols } = (await settlementCircuit("board-60"))[system];
        expect(r1cs.eliminatedInputs).equal(0);
        expect(report(r1cs, symbols, uniqueness(r1cs, symbols)).unknown).deep.equal([]);
      });
    }

    it("C19: without a digit's booleanity, or the square of the context, it is open", async () => {
      const { r1cs, symbols } = (await settlementCircuit("board-60")).shipped;
      for (const open of [/expiry\.Signed.*\[7\].*bits\[3\]$/, /contextSquared$/]) {
        const constraint = Array.from({ length: r1cs.constraints }, (_, index) => index).find((index) => {
          const names = wiresOf(r1cs, index).map(symbols.nameOf);
          return names.some((name) => open.test(name)) && names.length <= 3;
        });
        const damaged = without(r1cs, constraint!);
        const { unknown } = report(damaged, symbols, uniqueness(damaged, symbols));
        expect(
          unknown.some((name) => open.test(name)),
          unknown.slice(0, 5).join(),
        ).equal(true);
      }
    });
  });

  describe("of the Merge circuit", () => {
    for (const system of ["shipped", "full"] as const) {
      it(`C19: every signal of merge-60, ${system}, is determined by the inputs, assuming nothing`, async () => {
        const { r1cs, symbols } = (await mergeCircuit("board-60"))[system];
        expect(r1cs.eliminatedInputs).equal(0);
        expect(report(r1cs, symbols, uniqueness(r1cs, symbols)).unknown).deep.equal([]);
      });
    }

    it("C19: without a digit's booleanity, the proof that blindings are not zero, or the square of the context, it is open", async () => {
      const { r1cs, symbols } = (await mergeCircuit("board-60")).shipped;
      const opens = [
        /left\.Unsigned.*\[4\].*bits\[3\]$/,
        /right\.Signed.*\[7\].*bits\[3\]$/,
        /inverse$/,
        /contextSquared$/,
      ];
      for (const open of opens) {
        const constraint = Array.from({ length: r1cs.constraints }, (_, index) => index).find((index) => {
          const names = wiresOf(r1cs, index).map(symbols.nameOf);
          return names.some((name) => open.test(name)) && names.length <= 3;
        });
        const damaged = without(r1cs, constraint!);
        const { unknown } = report(damaged, symbols, uniqueness(damaged, symbols));
        expect(
          unknown.some((name) => open.test(name)),
          `${open}: ${unknown.slice(0, 5).join()}`,
        ).equal(true);
      }
    });
  });

  describe("of the Disclosure circuit", () => {
    for (const system of ["shipped", "full"] as const) {
      it(`C19: every signal of disclosure-60, ${system}, is determined by the inputs, given the order of boundaries`, async () => {
        const { r1cs, symbols } = (await disclosureCircuit("board-60"))[system];
        expect(r1cs.eliminatedInputs).equal(0);
        expect(report(r1cs, symbols, uniqueness(r1cs, symbols, BOUNDARIES)).unknown).deep.equal([]);
      });
    }

    it("C19: without a digit's booleanity, or the square of the context, it is open", async () => {
      const { r1cs, symbols } = (await disclosureCircuit("board-60")).shipped;
      for (const open of [/^main\.Signed.*bits\[3\]$/, /contextSquared$/]) {
        const constraint = Array.from({ length: r1cs.constraints }, (_, index) => index).find((index) => {
          const names = wiresOf(r1cs, index).map(symbols.nameOf);
          return names.some((name) => open.test(name)) && names.length <= 3;
        });
        const damaged = without(r1cs, constraint!);
        const { unknown } = report(damaged, symbols, uniqueness(damaged, symbols, BOUNDARIES));
        expect(
          unknown.some((name) => open.test(name)),
          unknown.slice(0, 5).join(),
        ).equal(true);
      }
    });
  });

  describe("of circuits that leave a choice", () => {
    const CHOICES: readonly [include: string, main: string, open: readonly string[]][] = [
      [HARNESS("unconstrained"), "Unconstrained(0)", ["value"]],
      [HARNESS("booleanity"), "Booleanity(0)", ["digits[0]", "digits[7]"]],
      [HARNESS("zero-test"), "ZeroTest(0)", ["isZero"]],
      [HARNESS("selection"), "Selection(0)", ["rate", "selected[2]"]],
      [HARNESS("maximum"), "Maximum(0)", ["max"]],
      [HARNESS("packing"), "Packing(0)", ["low", "high"]],
      [HARNESS("division"), "Division(0)", ["quotient", "remainder"]],
      [HARNESS("aliasing"), "Aliasing(0)", ["low"]],
      [FREEDOMS, "Quotient(0)", ["quotient"]],
      [FREEDOMS, "Sign(0)", ["value"]],
      [FREEDOMS, "Root(0)", ["root"]],
      [FREEDOMS, "Pieces(16, 17)", ["low", "high"]],
      [FREEDOMS, "Fill(85)", ["piece[0]", "piece[1]", "piece[2]"]],
      [FREEDOMS, "Larger(0)", ["larger"]],
      [FREEDOMS, "WideGaps(253)", ["larger"]],
      [FREEDOMS, "Piece(0)", ["selected[0]", "selected[1]"]],
      [FREEDOMS, "Pair(0)", ["one", "other"]],
      ["circomlib/circuits/bitify.circom", "Num2Bits(254)", ["out[0]", "out[253]"]],
      ["circomlib/circuits/multiplexer.circom", "Decoder(4)", ["out[0]", "success"]],
      ["circomlib/circuits/montgomery.circom", "Edwards2Montgomery()", ["out[0]", "out[1]"]],
      ["circomlib/circuits/montgomery.circom", "MontgomeryDouble()", ["out[0]", "lamda"]],
    ];
    for (const [include, main, open] of CHOICES) {
      it(`${main}: says of ${open.join(", ")} that it is not shown to be determined`, async () => {
        expect(await unknownIn(include, main)).include.members(open);
      });
    }

    const DETERMINED: readonly [include: string, main: string, open?: readonly string[]][] = [
      [HARNESS("unconstrained"), "Unconstrained(1)"],
      [HARNESS("booleanity"), "Booleanity(1)"],
      [HARNESS("zero-test"), "ZeroTest(1)", ["inverse"]],
      [HARNESS("selection"), "Selection(1)"],
      [HARNESS("maximum"), "Maximum(1)"],
      [HARNESS("packing"), "Packing(1)"],
      [FREEDOMS, "Quotient(1)"],
      [FREEDOMS, "Sign(1)"],
      [FREEDOMS, "Pieces(16, 16)"],
      [FREEDOMS, "Fill(84)"],
      [FREEDOMS, "Larger(1)"],
      [FREEDOMS, "WideGaps(252)"],
      [FREEDOMS, "Pair(1)"],
      ["circomlib/circuits/bitify.circom", "Num2Bits(253)"],
      ["circomlib/circuits/comparators.circom", "IsZero()", ["inv"]],
      ["circomlib/circuits/comparators.circom", "LessThan(64)"],
      ["circomlib/circuits/multiplexer.circom", "Multiplexer(1, 4)"],
      ["circomlib/circuits/poseidon.circom", "Poseidon(3)"],
    ];
    for (const [include, main, open = []] of DETERMINED) {
      const left =
        open.length === 0 ? "every signal" : `every signal but ${open.join()}, which is free where the input is zero,`;
      it(`${main}: shows ${left} to be determined`, async () => {
        expect(await unknownIn(include, main)).deep.equal(open);
      });
    }
  });

  describe("facts and allow-list", () => {
    const order: Fact = {
      says: "ascending",
      source: "test",
      low: "0",
      high: "4294967295",
      ascending: ["main.boundary[0]", "main.boundary[1]"],
    };

    it("rests a selection on the order of its boundaries, no more and no less", async () => {
      expect(await unknownIn(FREEDOMS, "Piece(1)", [order], "boundary")).deep.equal([]);
      expect(await unknownIn(FREEDOMS, "Piece(1)", [], "boundary")).include("selected[0]");
      expect(await unknownIn(FREEDOMS, "Piece(0)", [order], "boundary")).include("selected[0]");
      // In range, but not in order: two pieces may hold one quantity.
      const { ascending: signals, ...range } = order;
      expect(await unknownIn(FREEDOMS, "Piece(1)", [{ ...range, signals: signals! }], "boundary")).include(
        "selected[0]",
      );
    });

    it("refuses a fact on a signal that the prover chooses, or that is not there", async () => {
      const { r1cs, symbols } = await build(FREEDOMS, "Piece(1)", "--O0", "boundary");
      for (const name of ["main.quantity", "main.selected[0]"]) {
        expect(() => uniqueness(r1cs, symbols, [{ ...order, ascending: [name] }])).throw(/not a public input/);
      }
      expect(() => uniqueness(r1cs, symbols, [{ ...order, ascending: ["main.boundary[7]"] }])).throw(/does not have/);
    });

    it("takes a reason for a signal that stays open, but not for an output or a public input", async () => {
      const { r1cs, symbols } = await build("circomlib/circuits/comparators.circom", "IsZero()", "--O0");
      const result = uniqueness(r1cs, symbols);
      const allow = (signal: string) => report(r1cs, symbols, result, [{ signal, reason: "r" }]);
      expect(allow("main.inv").unknown).deep.equal([]);
      expect(() => allow("main.out")).throw(/public/);
      expect(() => allow("main.gone")).throw(/does not have/);
    });

    it("counts the private inputs that simplification takes away, and nothing else as given in their place", async () => {
      const { r1cs, symbols } = await build(HARNESS("packing"), "Packing(1)", "--O2");
      expect(r1cs.eliminatedInputs).equal(1);
      expect(r1cs.privateInputs).equal(0);
      const { rules } = uniqueness(r1cs, symbols);
      expect(rules.filter((rule) => rule !== undefined)).deep.equal(["input"]);
    });
  });

  it("analyses any circuit by one command, and fails where a signal is open", async () => {
    const run = async (main: string, include: string) => {
      const { files } = await build(include, main, "--O0");
      const command = path.join(ROOT, "test/soundness/lab/uniqueness.ts");
      return execFileSync(process.execPath, [command, files.r1cs, files.sym], { encoding: "utf8", stdio: "pipe" });
    };
    expect(await run("LessThan(64)", "circomlib/circuits/comparators.circom")).match(/every signal is determined/);
    const failure = await run("Decoder(4)", "circomlib/circuits/multiplexer.circom").catch((error) => error);
    expect(failure.status).equal(1);
    expect(failure.stdout).match(/not shown to be determined: 5\n {2}main\.out\[0\]/);
  });

  describe("against exhaustive search over small primes", () => {
    const contradictions = (make: (rng: Rng) => Tiny, seeds: number, limit: number) => {
      const shown: Record<string, number> = {};
      let free = 0;
      for (let seed = 0; seed < seeds; seed++) {
        const tiny = make(seededRng(seed));
        const groups = allWitnesses(tiny, seededRng(seed), 100, limit);
        if (groups === undefined || !groups.some((group) => group.length > 0)) continue;
        const { rules } = uniqueness(r1csOf(tiny), symbols, tiny.facts);
        for (let wire = tiny.inputs + 1; wire < tiny.wires; wire++) {
          const varies = groups.some((group) => group.some((witness) => witness[wire] !== group[0]![wire]));
          const rule = rules[wire];
          if (varies) free++;
          if (rule === undefined) continue;
          expect(varies, `seed ${seed}: w${wire} is said to be determined (${rule})`).equal(false);
          shown[rule] = (shown[rule] ?? 0) + 1;
        }
      }
      return { shown, free };
    };

    it("never calls a signal determined that has two values, in random systems", () => {
      const { shown, free } = contradictions(randomTiny, 1500, 30_000);
      expect(free).above(300);
      expect(Object.keys(shown)).include.members([
        "linear",
        "product",
        "quotient",
        "digits",
        "maximum",
        "one-hot",
        "zero test",
      ]);
    });

    it("never calls a signal determined that has two values, in our gadgets with a part missing or off", () => {
      const { shown, free } = contradictions(damagedGadget, 250, 150_000);
      expect(free).above(100);
      expect(Object.keys(shown)).include.members(["digits", "one-hot", "product"]);
    });
  });
});
