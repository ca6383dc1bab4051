// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Sums of multiples of public points of BN254's G1: the strict verifier's sum over the values of a market.
 *
 * What is not standard here: a scalar counts as the integer of least magnitude that it stands for, and digits are signed, so
 * the small signed values that market signals are packed from leave most digits zero; and points are added in affine
 * coordinates, hundreds of sums with one inversion. Exceptional additions (equal, opposite, infinity) are told
 * apart, not excluded. Time depends on the values: they are public.
 */
import { bn254 } from "@noble/curves/bn254.js";
import { fromField } from "../field.ts";

const G1 = bn254.G1.Point;
type PointG1 = InstanceType<typeof G1>;
interface Affine {
  /** From 0 to P − 1. */
  readonly x: bigint;
  /** Of either sign, less than P in magnitude. */
  readonly y: bigint;
}
/** Undefined is the point at infinity. */
type Sum = Affine | undefined;

const P = bn254.fields.Fp.ORDER;
const SCALAR_BITS = 254;

/** Σ scalars[i] · points[i], for scalars below the order and points on the curve, neither of which is checked. */
export function sumOfMultiples(points: readonly PointG1[], scalars: readonly bigint[]): PointG1 {
  const width = points.length < 64 ? 4 : points.length < 1024 ? 6 : 7;
  const windows = Math.ceil(SCALAR_BITS / width);
  const half = 2 ** (width - 1);
  // Buckets of all windows: that of digit d of window w is at w · half + d − 1.
  const buckets: Affine[][] = Array.from({ length: windows * half }, () => []);
  for (const [index, point] of points.entries()) {
    if (scalars[index] === 0n || point.is0()) continue;
    const { x, y } = point.toAffine();
    const signed = [
      { x, y },
      { x, y: P - y },
    ] as const;
    for (const [window, digit] of signedDigits(fromField(scalars[index]!), width).entries()) {
      if (digit !== 0) buckets[window * half + Math.abs(digit) - 1]!.push(signed[digit > 0 ? 0 : 1]);
    }
  }
  const sums = addEach(buckets);

  // Σ d · bucket_d of every window at once: running sums from the largest digit down, totals one step behind.
  let running: Sum[] = new Array(windows).fill(undefined);
  let totals: Sum[] = running;
  for (let digit = half - 1; digit >= -1; digit--) {
    const both = addEach([
      ...running.map((sum, window) => [sum, digit < 0 ? undefined : sums[window * half + digit]]),
      ...totals.map((total, window) => [total, running[window]]),
    ]);
    [running, totals] = [both.slice(0, windows), both.slice(windows)];
  }
  return totals.reduceRight<PointG1>((result, total) => {
    let shifted = result;
    for (let i = 0; i < width; i++) shifted = shifted.double();
    return total === undefined ? shifted : shifted.add(G1.fromAffine({ x: total.x, y: reduce(total.y) }));
  }, G1.ZERO);
}

/** Digits from −2^(width−1) to 2^(width−1), least significant first, of a number of less than 254 bits and a sign; none above its bits. */
function signedDigits(value: bigint, width: number): number[] {
  const digits: number[] = [];
  const sign = value < 0n ? -1 : 1;
  const base = 2 ** width;
  // As many whole digits at a time as a double holds.
  const perPiece = Math.floor(52 / width);
  const bits = perPiece * width;
  let carry = 0;
  for (let rest = value < 0n ? -value : value; rest !== 0n || carry !== 0; rest >>= BigInt(bits)) {
    let piece = Number(BigInt.asUintN(bits, rest));
    for (let i = 0; i < perPiece; i++) {
      const above = Math.floor(piece / base);
      const digit = piece - above * base + carry;
      piece = above;
      carry = digit > base / 2 ? 1 : 0;
      digits.push(sign * (digit - carry * base));
    }
  }
  return digits;
}

/** The sum of each list. Pairs of all lists are added in rounds, in batches that share one inversion. */
function addEach(lists: readonly (readonly Sum[])[]): Sum[] {
  const batch = new Batch();
  const left = lists.map((list) => list.filter((point) => point !== undefined));
  for (let longer = left; longer.length > 0; ) {
    longer = longer.filter((list) => list.length > 1);
    for (const list of longer) {
      for (let i = 0; i + 1 < list.length; i += 2) batch.add(list, i);
    }
    batch.finish();
    for (const list of longer) {
      const last = list.length % 2 === 1 ? [list.at(-1)!] : [];
      list.length >>= 1;
      list.push(...last);
      if (list.includes(VANISHED)) list.splice(0, list.length, ...list.filter((point) => point !== VANISHED));
    }
  }
  return left.map(([sum]) => sum);
}

/** In the place of the sum of opposite points. */
const VANISHED: Affine = { x: 0n, y: 0n };

/** Pairs of points whose sums wait for an inversion: few, so that hardly a number of them outlives the youngest generation of memory. */
class Batch {
  static readonly #MOST = 512;
  readonly #pairs: { readonly a: Affine; readonly b: Affine; readonly list: Affine[]; readonly at: number }[] = [];
  /** Of each pair, the denominator of its slope, and the product of those before it. */
  readonly #denominators: bigint[] = [];
  readonly #products: bigint[] = [];
  #product = 1n;

  /** Puts the sum of the points at `index` and after it at half of `index`, now or in `finish`: what was there has been read. */
  add(list: Affine[], index: number): void {
    const [a, b] = [list[index]!, list[index + 1]!];
    let denominator = b.x - a.x;
    if (denominator === 0n) {
      if (reduce(a.y) !== reduce(b.y)) {
        list[index >> 1] = VANISHED;
        return;
      }
      denominator = 2n * a.y;
    }
    this.#pairs.push({ a, b, list, at: index >> 1 });
    this.#denominators.push(denominator);
    this.#products.push(this.#product);
    this.#product = (this.#product * denominator) % P;
    if (this.#pairs.length === Batch.#MOST) this.finish();
  }

  /** The inverses of all denominators, last to first, from that of their product, and the sums. */
  finish(): void {
    let inverse = invert(this.#product);
    for (let i = this.#pairs.length - 1; i >= 0; i--) {
      const { a, b, list, at } = this.#pairs[i]!;
      const perDenominator = (inverse * this.#products[i]!) % P;
      inverse = (inverse * this.#denominators[i]!) % P;
      const slope = ((a.x !== b.x ? b.y - a.y : 3n * a.x * a.x) * perDenominator) % P;
      const x = reduce(slope * slope - a.x - b.x);
      list[at] = { x, y: (slope * (a.x - x) - a.y) % P };
    }
    this.#pairs.length = this.#denominators.length = this.#products.length = 0;
    this.#product = 1n;
  }
}

function reduce(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

/** By Euclid's algorithm; of 0, which no denominator is, 0. */
function invert(value: bigint): bigint {
  let [a, b] = [reduce(value), P];
  let [x, y] = [1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return reduce(x * a);
}
