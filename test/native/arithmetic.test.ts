// SPDX-License-Identifier: GPL-3.0-or-later
/** The native core's arithmetic against noble-curves and plain integers, each kind of it that this machine has. */
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { loadAddon, PATHS } from "../../prover/src/node/native.ts";
import { seededRng } from "../support/random.ts";
import { skip, whyNotNative } from "../support/skip.ts";

const { Fp, Fp2, Fr } = bn254.fields;
const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
type Fp2Element = ReturnType<typeof Fp2.mul>;
type Affine<F> = { x: F; y: F } | "infinity";

const rng = seededRng(8);
const randomBelow = (order: bigint) => rng.below(order);
const edges = (order: bigint) => [0n, 1n, 2n, order - 1n, order - 2n, (order - 1n) / 2n, (order + 1n) / 2n, 1n << 253n];

/** Elements whose Montgomery forms have the largest limbs, of either sign, in every kind of limbs. */
const largeLimbs = (field: { ORDER: bigint; div(a: bigint, b: bigint): bigint }) =>
  [
    { bits: 64n, form: 1n << 256n },
    { bits: 52n, form: 1n << 260n },
    { bits: 51n, form: 1n << 255n },
  ].flatMap(({ bits, form }) => {
    const fill = (limb: bigint) => [0n, 1n, 2n, 3n].reduce((sum, place) => sum + (limb << (bits * place)), 0n);
    const half = 1n << (bits - 1n);
    return [fill(half), fill(half - 1n), fill(2n * half - 1n)].map((number) =>
      field.div(number % field.ORDER, form % field.ORDER),
    );
  });

// 1. Bytes: plain little-endian integers; infinity is all zero.
const bytesOf = (values: readonly bigint[]) =>
  Uint8Array.from(values.flatMap((value) => [...Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse()]));
function integersOf(bytes: Uint8Array): bigint[] {
  const integers: bigint[] = [];
  for (let at = 0; at < bytes.length; at += 32) {
    integers.push(
      BigInt(
        `0x${Buffer.from(bytes.slice(at, at + 32))
          .reverse()
          .toString("hex")}`,
      ),
    );
  }
  return integers;
}
const wordsOfFp2 = ({ c0, c1 }: Fp2Element) => [c0, c1];

for (const path of PATHS) {
  describe(`the native core's arithmetic: ${path}`, () => {
    function compute(operation: string, input: readonly bigint[], results: number): bigint[] {
      const state = loadAddon(path);
      if (state.addon === undefined) throw new Error(state.why);
      const output = state.addon.compute(operation, PATHS.indexOf(path), bytesOf(input), 32 * results);
      if (typeof output === "number") throw new Error(`${operation}: status ${output}`);
      return integersOf(output);
    }

    before(function () {
      if (loadAddon(path).addon === undefined) skip(this, whyNotNative(path));
    });

    // 2. Fields.
    for (const [name, field] of [
      ["fp", Fp],
      ["fr", Fr],
    ] as const) {
      it(`${name}: adds, subtracts, multiplies, squares, negates and inverts every pair of edges and random elements`, () => {
        const values = [
          ...edges(field.ORDER),
          ...largeLimbs(field),
          ...Array.from({ length: 13 }, () => randomBelow(field.ORDER)),
        ];
        const a = values.flatMap((value) => values.map(() => value));
        const b = values.flatMap(() => values);
        const binary = { add: "add", subtract: "sub", multiply: "mul" } as const;
        for (const [operation, theirs] of Object.entries(binary)) {
          const expected = a.map((value, i) => field[theirs](value, b[i]!));
          expect(compute(`${name}.${operation}`, [...a, ...b], a.length)).to.deep.equal(expected);
        }
        expect(compute(`${name}.square`, values, values.length)).to.deep.equal(values.map((value) => field.sqr(value)));
        expect(compute(`${name}.negate`, values, values.length)).to.deep.equal(values.map((value) => field.neg(value)));
        const inverses = values.map((value) => (value === 0n ? 0n : field.inv(value)));
        expect(compute(`${name}.invert`, values, values.length)).to.deep.equal(inverses);
      });

      it(`${name}: refuses what is not below the modulus`, () => {
        const state = loadAddon(path);
        for (const value of [field.ORDER, field.ORDER + 1n, (1n << 256n) - 1n]) {
          expect(state.addon!.compute(`${name}.square`, PATHS.indexOf(path), bytesOf([value]), 32)).to.equal(7);
        }
        // A byte more than two elements: the halves are whole, what is read beyond them is not.
        expect(state.addon!.compute(`${name}.add`, PATHS.indexOf(path), new Uint8Array(65), 32)).to.equal(7);
      });
    }

    it("fp2: adds, subtracts, multiplies, squares, negates and inverts", () => {
      const parts = [0n, 1n, Fp.ORDER - 1n, randomBelow(Fp.ORDER), randomBelow(Fp.ORDER)];
      const values = parts.flatMap((c0) => parts.map((c1) => ({ c0, c1 })));
      const a = values.flatMap((value) => values.map(() => value));
      const b = values.flatMap(() => values);
      const words = (elements: readonly Fp2Element[]) => elements.flatMap(wordsOfFp2);
      for (const [operation, theirs] of [
        ["add", Fp2.add],
        ["subtract", Fp2.sub],
        ["multiply", Fp2.mul],
      ] as const) {
        const expected = a.map((value, i) => theirs.call(Fp2, value, b[i]! as never));
        expect(compute(`fp2.${operation}`, words([...a, ...b]), 2 * a.length)).to.deep.equal(words(expected));
      }
      const unary = (operation: string) => compute(`fp2.${operation}`, words(values), 2 * values.length);
      expect(unary("square")).to.deep.equal(words(values.map((value) => Fp2.sqr(value))));
      expect(unary("negate")).to.deep.equal(words(values.map((value) => Fp2.neg(value))));
      expect(unary("invert")).to.deep.equal(words(values.map((value) => (Fp2.is0(value) ? Fp2.ZERO : Fp2.inv(value)))));
    });

    // 3. Groups. Points are known multiples of the generator, so that a product is one multiplication of it.
    const groups = [
      {
        name: "g1",
        words: 2,
        most: 3000,
        point: (factor: bigint) => wordsOfPoint(multiple(G1, factor), (x: bigint) => [x]),
      },
      { name: "g2", words: 4, most: 600, point: (factor: bigint) => wordsOfPoint(multiple(G2, factor), wordsOfFp2) },
    ] as const;
    function multiple<F>(
      group: { BASE: { multiply(factor: bigint): { toAffine(): { x: F; y: F } } } },
      factor: bigint,
    ): Affine<F> {
      const reduced = Fr.create(factor);
      return reduced === 0n ? "infinity" : group.BASE.multiply(reduced).toAffine();
    }
    function wordsOfPoint<F>(point: Affine<F>, wordsOf: (element: F) => bigint[]): bigint[] | undefined {
      return point === "infinity" ? undefined : [...wordsOf(point.x), ...wordsOf(point.y)];
    }

    for (const { name, words, most, point } of groups) {
      const known = new Map<bigint, bigint[]>();
      /** Few are multiplied; tests of many points draw from these. */
      const wordsOf = (factor: bigint): bigint[] => {
        const reduced = Fr.create(factor);
        const found = known.get(reduced) ?? point(reduced) ?? Array<bigint>(words).fill(0n);
        known.set(reduced, found);
        return found;
      };
      const product = (factors: readonly bigint[], scalars: readonly bigint[]) =>
        compute(`${name}.product`, [...factors.flatMap(wordsOf), ...scalars], words);
      const expected = (factors: readonly bigint[], scalars: readonly bigint[]) =>
        wordsOf(factors.reduce((sum, factor, i) => sum + factor * scalars[i]!, 0n));

      it(`${name}: adds equal, opposite and other points, and infinity`, () => {
        const factors = [0n, 1n, 2n, 3n, -1n, -3n, 0xabcdefn];
        const a = factors.flatMap((factor) => factors.map(() => factor));
        const b = factors.flatMap(() => factors);
        const sums = compute(`${name}.add`, [...a, ...b].flatMap(wordsOf), words * a.length);
        expect(sums).to.deep.equal(a.flatMap((factor, i) => wordsOf(factor + b[i]!)));
      });

      it(`${name}: multiplies by 0, 1, the order minus 1 and random scalars`, () => {
        const scalars = [...edges(Fr.ORDER), randomBelow(Fr.ORDER), randomBelow(Fr.ORDER)];
        const factors = scalars.map((_, i) => BigInt(i));
        const results = compute(`${name}.multiply`, [...factors.flatMap(wordsOf), ...scalars], words * factors.length);
        expect(results).to.deep.equal(factors.flatMap((factor, i) => wordsOf(factor * scalars[i]!)));
      });

      it(`${name}: products of none, one and few points`, () => {
        for (const count of [0, 1, 2, 3, 7, 8, 9, 17]) {
          const factors = Array.from({ length: count }, (_, i) => BigInt(i + 1));
          const scalars = factors.map(() => randomBelow(Fr.ORDER));
          expect(product(factors, scalars), `${count} points`).to.deep.equal(expected(factors, scalars));
        }
      });

      it(`${name}: products of all edge scalars with all edge points`, () => {
        const points = [0n, 1n, -1n, 2n, 5n];
        const scalars = [...edges(Fr.ORDER), (1n << 127n) - 1n, 1n << 128n, (1n << 64n) + 1n];
        const a = points.flatMap((factor) => scalars.map(() => factor));
        const s = points.flatMap(() => scalars);
        expect(product(a, s)).to.deep.equal(expected(a, s));
      });

      it(`${name}: products of equal points, opposite points, infinities and zero scalars only`, () => {
        const count = 300;
        const fill = (value: (i: number) => bigint) => Array.from({ length: count }, (_, i) => value(i));
        const random = fill(() => randomBelow(Fr.ORDER));
        const cases: [string, bigint[], bigint[]][] = [
          ["equal points, equal scalars", fill(() => 3n), fill(() => random[0]!)],
          ["equal points, ones", fill(() => 3n), fill(() => 1n)],
          ["equal points, random scalars", fill(() => 3n), random],
          ["opposite points, equal scalars", fill((i) => (i % 2 === 0 ? 3n : -3n)), fill(() => random[0]!)],
          ["equal points, opposite scalars", fill(() => 3n), fill((i) => (i % 2 === 0 ? 1n : Fr.ORDER - 1n))],
          ["infinities", fill(() => 0n), random],
          ["zero scalars", fill((i) => BigInt(i % 20)), fill(() => 0n)],
          ["infinities among others", fill((i) => BigInt(i % 3)), random],
        ];
        for (const [title, factors, scalars] of cases) {
          expect(product(factors, scalars), title).to.deep.equal(expected(factors, scalars));
        }
      });

      it(`${name}: products of so many full scalars that buckets are summed by rows and columns, over equal and opposite points`, () => {
        for (const different of [1, 4, 101]) {
          const factors = Array.from({ length: 5000 }, (_, i) => BigInt((i % different) - 1));
          const scalars = factors.map(() => randomBelow(Fr.ORDER));
          expect(product(factors, scalars), `${different} points`).to.deep.equal(expected(factors, scalars));
        }
      });

      it(`${name}: products of ${most} points with bits, small, negative and full scalars`, () => {
        const factors = Array.from({ length: most }, (_, i) => BigInt(i % 101));
        const scalars = factors.map((_, i) => {
          if (i % 2 === 0) return BigInt(i % 4) / 2n;
          if (i % 7 === 0) return randomBelow(1n << 40n);
          return i % 5 === 0 ? Fr.ORDER - randomBelow(1n << 20n) - 1n : randomBelow(Fr.ORDER);
        });
        expect(product(factors, scalars)).to.deep.equal(expected(factors, scalars));
      });
    }

    // 4. Transforms, by their definition.
    it("fr: values on the roots of unity to values on the odd roots, and to slopes, for 64, 128 and 256 of them", () => {
      for (const log2 of [6, 7, 8]) {
        const size = 1 << log2;
        const odd = Fr.pow(5n, (Fr.ORDER - 1n) / BigInt(2 * size));
        const root = Fr.sqr(odd);
        const values = Array.from({ length: size }, (_, i) => edges(Fr.ORDER)[i] ?? randomBelow(Fr.ORDER));
        const powers = (base: bigint, from = 1n) => {
          const result = [from];
          while (result.length < size) result.push(Fr.mul(result.at(-1)!, base));
          return result;
        };
        const at = (coefficients: readonly bigint[], x: bigint) =>
          coefficients.reduceRight((sum, coefficient) => (sum * x + coefficient) % Fr.ORDER, 0n);
        const scaled = values.map((value) => Fr.div(value, BigInt(size)));
        const coefficients = powers(Fr.inv(root)).map((x) => at(scaled, x));
        const expected = powers(root, odd).map((x) => at(coefficients, x));
        expect(compute("fr.toOddRoots", values, size), `${size} values`).to.deep.equal(expected);
        const slopes = coefficients.map((coefficient, k) => Fr.div(Fr.mul(coefficient, BigInt(k)), BigInt(size)));
        const expectedSlopes = powers(root).map((x) => at(slopes, x));
        expect(compute("fr.slopes", values, size), `${size} slopes`).to.deep.equal(expectedSlopes);
      }
    });
  });
}
