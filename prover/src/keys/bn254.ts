// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * BN254 in WebAssembly, addressed by pointers, for work on a hundred thousand points or scalars at once.
 *
 * The code is wasmcurves' (by way of ffjavascript), in an instance and memory of its own on the calling thread: nothing
 * has to be terminated. Field elements are 32 bytes little-endian, in Montgomery form unless called plain; G1 points
 * are 64 bytes affine, G2 points 128, coordinates in Montgomery form (snarkjs's "LEM"), infinity all zero.
 */
import { buildBn128, type Curve } from "ffjavascript";

export const SCALAR_BYTES = 32;

type Pointer = number;
type Exports = Record<string, (...operands: number[]) => number>;

const PAGE = 2 ** 16;
/** Room that is always free above the last allocation, for the temporaries of the module's batch functions. */
const SLACK = 2 ** 24;
/** Points brought to affine form together, and kept in cache while one window's table is walked. */
const BATCH = 1024;

export interface Bn254 {
  /** The module's functions, by wasmcurves' names (`frm_mul(x, y, result)` and so on). */
  readonly run: Exports;
  /** For single conversions and the pairing. */
  readonly curve: Curve;
  /** The memory as it is now: read it anew after every `alloc`. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** Zeroed memory that is never freed. */
  alloc(length: number): Pointer;
  /** A field element given as an integer in [0, r). */
  element(value: bigint): Pointer;
  /** The generator of a group times each of `count` plain scalars: affine points. */
  generatorTimes(group: "g1" | "g2", scalars: Pointer, count: number): Uint8Array;
}

export function toBytes(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * SCALAR_BYTES, "0"), "hex").reverse());
}

/** `points` is about how many products of a generator will be asked for: it sets the size of the tables, no result. */
export async function openBn254(points: number): Promise<Bn254> {
  // Bits of a scalar handled by one addition: the more points, the better a large table pays. 11 to 13 measured alike
  // from 2^15 points on; beyond, tables outgrow the cache.
  const windowBits = Math.min(12, Math.max(4, Math.round(Math.log2(points)) - 3));
  const windows = Math.ceil(254 / windowBits);
  const windowEntries = 2 ** windowBits;
  const curve = await buildBn128(true);
  const memory = new WebAssembly.Memory({ initial: 64 });
  // A copy, because the type of the code admits shared memory and WebAssembly does not.
  const { instance } = await WebAssembly.instantiate(Uint8Array.from(curve.tm.code), { env: { memory } });
  const run = instance.exports as unknown as Exports;
  const tables = new Map<"g1" | "g2", Pointer>();

  const bytes = () => new Uint8Array(memory.buffer);

  // The module keeps the address of its own free space in the first word; sharing it keeps us out of each other's way.
  function alloc(length: number): Pointer {
    const at = Math.ceil(new Uint32Array(memory.buffer)[0]! / 8) * 8;
    const missing = at + length + SLACK - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    new Uint32Array(memory.buffer)[0] = at + length;
    bytes().fill(0, at, at + length);
    return at;
  }

  function element(value: bigint): Pointer {
    const at = alloc(SCALAR_BYTES);
    bytes().set(toBytes(value), at);
    run.frm_toMontgomery!(at, at);
    return at;
  }

  /** Entry d of window w: generator · d · 2^(w · windowBits), affine. */
  function table(group: "g1" | "g2"): Pointer {
    const known = tables.get(group);
    if (known !== undefined) return known;
    const generator = curve[group === "g1" ? "G1" : "G2"].gAffine;
    const size = generator.length;
    const wide = (size / 2) * 3;
    const entries = alloc(windows * windowEntries * size);
    const multiples = alloc((windowEntries + 1) * wide);
    const base = alloc(size);
    bytes().set(generator, base);
    const [zero, addMixed, batchToAffine, toAffine] = ["zero", "addMixed", "batchToAffine", "toAffine"].map(
      (name) => run[`${group}m_${name}`]!,
    ) as [Exports[string], Exports[string], Exports[string], Exports[string]];
    for (let window = 0; window < windows; window++) {
      zero(multiples);
      for (let at = multiples; at < multiples + windowEntries * wide; at += wide) addMixed(at, base, at + wide);
      toAffine(multiples + windowEntries * wide, base);
      batchToAffine(multiples, windowEntries, entries + window * windowEntries * size);
    }
    tables.set(group, entries);
    return entries;
  }

  function generatorTimes(group: "g1" | "g2", scalars: Pointer, count: number): Uint8Array {
    const entries = table(group);
    const size = group === "g1" ? 64 : 128;
    const wide = (size / 2) * 3;
    const sums = alloc(BATCH * wide);
    const affine = alloc(BATCH * size);
    const points = new Uint8Array(count * size);
    const view = new DataView(memory.buffer);
    const addMixed = run[`${group}m_addMixed`]!;
    const zero = run[`${group}m_zero`]!;
    for (let first = 0; first < count; first += BATCH) {
      const batch = Math.min(BATCH, count - first);
      for (let i = 0; i < batch; i++) zero(sums + i * wide);
      for (let window = 0; window < windows; window++) {
        const bit = window * windowBits;
        const row = entries + window * windowEntries * size;
        let at = scalars + first * SCALAR_BYTES + (bit >> 3);
        // The last window reads past its scalar; what it reads there is masked away.
        const mask = 2 ** Math.min(windowBits, 256 - bit) - 1;
        for (let sum = sums; sum < sums + batch * wide; sum += wide, at += SCALAR_BYTES) {
          const digit = (view.getUint32(at, true) >>> (bit & 7)) & mask;
          if (digit !== 0) addMixed(sum, row + digit * size, sum);
        }
      }
      run[`${group}m_batchToAffine`]!(sums, batch, affine);
      points.set(new Uint8Array(memory.buffer, affine, batch * size), first * size);
    }
    return points;
  }

  return { run, curve, bytes, alloc, element, generatorTimes };
}
