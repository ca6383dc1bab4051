// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Sums of multiples of public points of BN254's G1: the strict verifier's sum over the values of a market.
 *
 * What is not standard here: a scalar counts as the integer of least magnitude that it stands for, and digits are signed, so
 * the small signed values that market signals are packed from leave most digits zero; and points are added in affine
 * coordinates, in rounds in which all sums share one inversion. Exceptional additions (equal, opposite, infinity) are told
 * apart, not excluded. Time depends on the values: they are public.
 */
import { bn254 } from "@noble/curves/bn254.js";
import { fromField } from "../field.ts";

const G1 = bn254.G1.Point;
type PointG1 = InstanceType<typeof G1>;
interface Affine {
  readonly x: bigint;
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
    for (const [window, digit] of signedDigits(fromField(scalars[index]!), width, windows).entries()) {
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
    return total === undefined ? shifted : shifted.add(G1.fromAffine(total));
  }, G1.ZERO);
}

/** Digits from −2^(width−1) to 2^(width−1), least significant first, of a number of less than 254 bits and a sign. */
function signedDigits(value: bigint, width: number, windows: number): number[] {
  const digits = new Array<number>(windows);
  const sign = value < 0n ? -1 : 1;
  const magnitude = value < 0n ? -value : value;
  const [base, mask] = [2 ** width, 2n ** BigInt(width) - 1n];
  let carry = 0;
  for (let window = 0; window < windows; window++) {
    const digit = Number((magnitude >> BigInt(window * width)) & mask) + carry;
    carry = digit > base / 2 ? 1 : 0;
    digits[window] = sign * (digit - carry * base);
  }
  return digits;
}

/** The sum of each list. Pairs of all lists are added in rounds, each round with one inversion. */
function addEach(lists: readonly (readonly Sum[])[]): Sum[] {
  let left = lists.map((list) => list.filter((point) => point !== undefined));
  while (left.some((list) => list.length > 1)) {
    // 1. The denominator of every pair's slope; 1 where the sum needs none.
    const products = [1n];
    const denominators: bigint[] = [];
    for (const list of left) {
      for (let i = 0; i + 1 < list.length; i += 2) {
        const [a, b] = [list[i]!, list[i + 1]!];
        const difference = a.x !== b.x ? b.x - a.x : a.y === b.y ? 2n * a.y : 1n;
        denominators.push(difference);
        products.push((products.at(-1)! * difference) % P);
      }
    }
    // 2. Their inverses, last to first, from that of their product; 3. the sums, in the same order.
    let inverse = invert(products.at(-1)!);
    let pair = denominators.length;
    left = left
      .toReversed()
      .map((list) => {
        const sums: Affine[] = list.length % 2 === 1 ? [list.at(-1)!] : [];
        for (let i = (list.length & ~1) - 2; i >= 0; i -= 2) {
          pair--;
          const perDenominator = (inverse * products[pair]!) % P;
          inverse = (inverse * denominators[pair]!) % P;
          const [a, b] = [list[i]!, list[i + 1]!];
          if (a.x === b.x && a.y !== b.y) continue; // opposite
          const slope = ((a.x !== b.x ? b.y - a.y : 3n * a.x * a.x) * perDenominator) % P;
          const x = reduce(slope * slope - a.x - b.x);
          sums.push({ x, y: reduce(slope * (a.x - x) - a.y) });
        }
        return sums;
      })
      .toReversed();
  }
  return left.map(([sum]) => sum);
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
