// SPDX-License-Identifier: GPL-3.0-or-later
/** Many points of G1 at once, given and returned as link keys hold them: 64 bytes each, big-endian, affine, none at infinity. */
import { words } from "../statement/link.ts";
import { openBn254, SCALAR_BYTES, toBytes } from "./bn254.ts";

const POINT_BYTES = 64;
/** Bytes of a point in the Jacobian coordinates of the module. */
const WIDE_BYTES = 96;
const SCALAR_BITS = 254;

/** The points IC_1 … IC_n of a verification key, without IC_0. */
export const publicPoints = ({ IC }: { readonly IC: readonly (readonly string[])[] }): Uint8Array =>
  words(...IC.slice(1).flatMap(([x, y]) => [BigInt(x!), BigInt(y!)]));

/** The generator times 1·scale^1, scale^2, … scale^count. */
export async function powersOf(scale: bigint, count: number): Promise<Uint8Array> {
  const bn254 = await openBn254(count);
  const { run, alloc, element } = bn254;
  const scalars = alloc(count * SCALAR_BYTES);
  const [value, step] = [element(scale), element(scale)];
  for (let at = scalars; at < scalars + count * SCALAR_BYTES; at += SCALAR_BYTES) {
    bn254.bytes().copyWithin(at, value, value + SCALAR_BYTES);
    run.frm_mul!(value, step, value);
  }
  run.frm_batchFromMontgomery!(scalars, count, scalars);
  const multiples = bn254.generatorTimes("g1", scalars, count);
  const points = alloc(count * POINT_BYTES);
  bn254.bytes().set(multiples, points);
  run.g1m_batchLEMtoU!(points, count, points);
  return bn254.bytes().slice(points, points + count * POINT_BYTES);
}

/** Points of a file of snarkjs's (little-endian, Montgomery form). */
export async function fromMontgomery(file: Uint8Array): Promise<Uint8Array> {
  const { run, alloc, bytes } = await openBn254(1);
  const points = alloc(file.length);
  bytes().set(file, points);
  run.g1m_batchLEMtoU!(points, file.length / POINT_BYTES, points);
  return bytes().slice(points, points + file.length);
}

/**
 * added[i] + k1 · left[i] + k2 · right[i], for every i: both products at once, bit by bit from the highest.
 */
export async function combineEach(
  { left, right, added }: { readonly left: Uint8Array; readonly right: Uint8Array; readonly added?: Uint8Array },
  { k1, k2 }: { readonly k1: bigint; readonly k2: bigint },
): Promise<Uint8Array> {
  const { run, alloc, bytes } = await openBn254(1);
  const count = left.length / POINT_BYTES;
  const load = (points: Uint8Array) => {
    const at = alloc(points.length);
    bytes().set(points, at);
    run.g1m_batchUtoLEM!(at, count, at);
    return at;
  };
  const [a, b] = [load(left), load(right)];
  const start = added && load(added);
  const sums = alloc(count * WIDE_BYTES);
  const both = alloc(left.length);
  const each = (work: (wide: number, at: number) => void) => {
    for (let index = 0; index < count; index++) work(sums + index * WIDE_BYTES, index * POINT_BYTES);
  };
  each((sum, at) => {
    run.g1m_zero!(sum);
    run.g1m_addMixed!(sum, a + at, sum);
    run.g1m_addMixed!(sum, b + at, sum);
  });
  run.g1m_batchToAffine!(sums, count, both);
  const tables = [0, a, b, both];
  const steps = Array.from({ length: SCALAR_BITS }, (_, index) => {
    const bit = BigInt(SCALAR_BITS - 1 - index);
    return tables[Number(((k1 >> bit) & 1n) | (((k2 >> bit) & 1n) << 1n))]!;
  });
  each((sum, at) => {
    run.g1m_zero!(sum);
    for (const table of steps) {
      run.g1m_double!(sum, sum);
      if (table !== 0) run.g1m_addMixed!(sum, table + at, sum);
    }
    if (start !== undefined) run.g1m_addMixed!(sum, start + at, sum);
  });
  run.g1m_batchToAffine!(sums, count, both);
  run.g1m_batchLEMtoU!(both, count, both);
  return bytes().slice(both, both + left.length);
}

/** Sums over a list of points that stays loaded. */
export interface LoadedPoints {
  /** Σ scalars[i] · points[first + i], for scalars below the group order; undefined for the point at infinity. */
  sum(first: number, scalars: readonly bigint[]): { x: bigint; y: bigint } | undefined;
}

/** Loads lists of points, as many as there are. */
export async function loadPoints<Lists extends readonly Uint8Array[]>(
  ...lists: Lists
): Promise<{ [Index in keyof Lists]: LoadedPoints }> {
  const { run, alloc, bytes } = await openBn254(1);
  const room = alloc((Math.max(...lists.map(({ length }) => length)) / POINT_BYTES) * SCALAR_BYTES);
  const result = alloc(WIDE_BYTES);
  const load = (points: Uint8Array): LoadedPoints => {
    const at = alloc(points.length);
    bytes().set(points, at);
    run.g1m_batchUtoLEM!(at, points.length / POINT_BYTES, at);
    return {
      sum(first, scalars) {
        for (const [index, scalar] of scalars.entries()) bytes().set(toBytes(scalar), room + index * SCALAR_BYTES);
        run.g1m_multiexpAffine!(at + first * POINT_BYTES, room, SCALAR_BYTES, scalars.length, result);
        if (run.g1m_isZero!(result) === 1) return undefined;
        run.g1m_toAffine!(result, result);
        run.g1m_LEMtoU!(result, result);
        const number = (start: number) =>
          BigInt(`0x${Buffer.from(bytes().subarray(result + start, result + start + SCALAR_BYTES)).toString("hex")}`);
        return { x: number(0), y: number(SCALAR_BYTES) };
      },
    };
  };
  return lists.map(load) as { [Index in keyof Lists]: LoadedPoints };
}
