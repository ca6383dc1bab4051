// SPDX-License-Identifier: GPL-3.0-or-later
/** The hostile-witness harness against circuits with a known bug and the same circuits without it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { compile } from "../soundness/lab/compile.ts";
import { type Inputs, loadGenerator } from "../soundness/lab/generate.ts";
import { readWtns, violations, writeWtns } from "../soundness/lab/r1cs.ts";
import { compileTarget, type Lies, type Target } from "../soundness/lab/target.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BUILD = "build/soundness/fixtures";

const digits = (name: string, value: bigint, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}[${i}]`, (value >> BigInt(i)) & 1n]));

interface Seeded {
  readonly fixture: string;
  readonly template: string;
  readonly inputs: Inputs;
  /** Inputs under which there is a lie to tell; those of the honest case unless given. */
  readonly hostileInputs?: Inputs;
  readonly lies?: Lies;
  /** Lies that the fixed circuit needs, where its signals have other names. */
  readonly liesFixed?: Lies;
  readonly stoppedAt: RegExp;
  readonly says: string;
}

const SEEDED: readonly Seeded[] = [
  {
    fixture: "missing-range",
    template: "MissingRange",
    inputs: { balance: 5n, amount: 3n },
    hostileInputs: { balance: 5n, amount: 6n },
    stoppedAt: /bits\[63\]/,
    says: "a negative remainder",
  },
  {
    fixture: "aliasing",
    template: "Aliasing",
    inputs: { x: 5n },
    lies: digits("main.loose.out", 5n + FIELD_ORDER, 254),
    liesFixed: digits("main.strict.out", 5n + FIELD_ORDER, 254),
    stoppedAt: /aliasCheck/,
    says: "the digits of x + r",
  },
  {
    fixture: "zero-test",
    template: "ZeroTest",
    inputs: { x: 7n },
    lies: { "main.isZero": 1n },
    stoppedAt: /isZero/,
    says: "seven called zero",
  },
  {
    fixture: "division",
    template: "Division",
    inputs: { dividend: 17n, divisor: 5n },
    lies: { "main.quotient": 2n, "main.remainder": 7n },
    stoppedAt: /less/,
    says: "a remainder above the divisor",
  },
  {
    fixture: "selection",
    template: "Selection",
    inputs: { index: 2n, rates: [10n, 20n, 30n, 40n] },
    lies: { "main.selected[2]": 0n },
    stoppedAt: /selected/,
    says: "nothing selected",
  },
  {
    fixture: "maximum",
    template: "Maximum",
    inputs: { values: [3n, 9n, 4n] },
    lies: { "main.max": 10n },
    stoppedAt: /product/,
    says: "a padded maximum",
  },
  {
    fixture: "booleanity",
    template: "Booleanity",
    inputs: { x: 6n },
    lies: { "main.digits[0]": 2n, "main.digits[1]": 0n, "main.digits[2]": 1n },
    stoppedAt: /digits\[0\]/,
    says: "a digit of two",
  },
  {
    fixture: "unconstrained",
    template: "Unconstrained",
    inputs: { price: 6n, quantity: 7n },
    lies: { "main.value": 43n },
    stoppedAt: /value/,
    says: "another product",
  },
  {
    fixture: "packing",
    template: "Packing",
    inputs: { packed: (3n << 16n) + 4n },
    lies: { "main.low": 4n + 65536n, "main.high": 2n },
    stoppedAt: /bits\[0\]/,
    says: "a piece that carries into its neighbour",
  },
];

async function build({ fixture, template }: Seeded, fixed: 0 | 1): Promise<Target> {
  const directory = path.join(BUILD, `${fixture}-${fixed}`);
  const main = path.join(directory, "main.circom");
  mkdirSync(path.join(ROOT, directory), { recursive: true });
  writeFileSync(
    path.join(ROOT, main),
    `pragma circom 2.2.0;\ninclude "../../../../test/circuits/fixtures/${fixture}.circom";\ncomponent main = ${template}(${fixed});\n`,
  );
  return compileTarget(main, directory);
}

describe("hostile-witness harness", function () {
  this.timeout(60_000);

  for (const seeded of SEEDED) {
    const { fixture, inputs, hostileInputs = inputs, lies = {}, liesFixed = lies, stoppedAt, says } = seeded;
    it(`${fixture}: finds that the seeded bug accepts ${says}, and that the fixed circuit does not`, async () => {
      const [buggy, fixed] = await Promise.all([build(seeded, 0), build(seeded, 1)]);
      for (const target of [buggy, fixed]) {
        expect(violations(target.shipped.r1cs, target.prove(inputs))).deep.equal([]);
        const { derived, baseline } = target.rederive(inputs);
        expect(derived).deep.equal(baseline);
        expect(target.attack(inputs).outcome).equal("accepted");
      }
      const hit = buggy.attack(hostileInputs, lies);
      expect(hit.outcome).equal("accepted");
      expect(hit.violated).deep.equal([]);
      for (const [name, value] of Object.entries(lies)) expect(hit.value(name)).equal(value);

      const stopped = fixed.attack(hostileInputs, liesFixed);
      expect(stopped.outcome).equal("stopped");
      expect(stopped.violated.flat().join(" ")).match(stoppedAt);
      expect(stopped.violated.length).below(3);
    });
  }

  it("writes a hostile witness that snarkjs accepts", async () => {
    const target = await build(SEEDED[5]!, 0);
    const { witness } = target.attack(SEEDED[5]!.inputs, SEEDED[5]!.lies);
    const file = path.join(ROOT, BUILD, "maximum-0", "hostile.wtns");
    writeWtns(file, target.shipped.r1cs.prime, witness);
    expect(readWtns(file)).deep.equal(witness);
    const r1cs = path.join(ROOT, BUILD, "maximum-0", "shipped", "main.r1cs");
    const cli = path.join(ROOT, "node_modules/snarkjs/build/cli.cjs");
    const output = execFileSync(process.execPath, [cli, "wtns", "check", r1cs, file], { encoding: "utf8" });
    expect(output).match(/WITNESS IS CORRECT/i);
  });

  it("generates as before after 20,000 failed assertions, each of which leaves its stack in memory, until that grows", async () => {
    const main = path.join(BUILD, "refusal", "main.circom");
    mkdirSync(path.join(ROOT, BUILD, "refusal"), { recursive: true });
    writeFileSync(
      path.join(ROOT, main),
      `pragma circom 2.2.0;
template Square() { signal input x; signal output y; y <== x * x; }
template Refusal() { signal input a, b; signal output square; a === b; square <== Square()(a); }
component main = Refusal();
`,
    );
    const { wasm } = await compile(main, path.join(BUILD, "refusal"), "--O0");
    const prove = await loadGenerator(wasm, { assertions: true });
    const [a, other] = [1n << 40n, 1n << 41n];
    for (let time = 0; time < 20_000; time++) {
      let said = "";
      try {
        prove({ a, b: other });
      } catch (error) {
        said = (error as Error).message;
      }
      if (said !== "an assertion of the circuit fails") throw new Error(`refusal ${time}: ${said}`);
      if (prove({ a, b: a })[1] !== a * a) throw new Error(`another square after ${time} refusals`);
    }
  });

  it("refuses to judge a witness that is too short, unreduced, or whose wire 0 is not one", async () => {
    const { shipped, prove } = await build(SEEDED[7]!, 1);
    const witness = [...prove(SEEDED[7]!.inputs)];
    expect(() => violations(shipped.r1cs, witness.slice(1))).throw(/wires/);
    expect(() => violations(shipped.r1cs, [...witness.slice(0, -1), FIELD_ORDER])).throw(/reduced/);
    expect(() => violations(shipped.r1cs, [2n, ...witness.slice(1)])).throw(/wire 0/);
  });
});
