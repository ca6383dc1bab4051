// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Proofs in 128 bytes: A, B, C by their x, big-endian, in each case with the half in which y lies as the highest bit (1: y is above
 * half of the order; of B the part of u decides, where it is zero the other). Of B the part of u comes first.
 *
 * The one encoding of a proof: x is below the order, the second highest bit is zero, infinity has none. Whether points lie in
 * their subgroup is for the verifier.
 */
import { bn254 } from "@noble/curves/bn254.js";
import type { CircuitName } from "../statement/families.ts";
import type { ProofVerdict, Verifier } from "./verifier.ts";

/** A proof as snarkjs writes it. */
export interface PlainProof {
  readonly pi_a: readonly [string, string, "1"];
  readonly pi_b: readonly [readonly [string, string], readonly [string, string], readonly ["1", "0"]];
  readonly pi_c: readonly [string, string, "1"];
  readonly protocol: "groth16";
  readonly curve: "bn128";
}

export const COMPRESSED_BYTES = 128;
const P = bn254.fields.Fp.ORDER;
const HALF = P >> 1n;
const B1 = 3n;
/** Of the twist: 3 / (9 + u). */
const { c0: B20, c1: B21 } = bn254.fields.Fp2.div(
  bn254.fields.Fp2.create({ c0: 3n, c1: 0n }),
  bn254.fields.Fp2.create({ c0: 9n, c1: 1n }),
);
const INVERSE_OF_TWO = (P + 1n) >> 1n;
/** (P − 3) / 4: a ↦ a · a^this is a root of a, or of −a. */
const ROOT = (P - 3n) >> 2n;

/** The proof, which the strict verifier has accepted, as bytes. */
export function compressProof({ pi_a, pi_b, pi_c }: PlainProof): Uint8Array {
  const bytes = new Uint8Array(COMPRESSED_BYTES);
  const [bx, by] = [pi_b[0].map(BigInt), pi_b[1].map(BigInt)];
  put(bytes, 0, BigInt(pi_a[0]), BigInt(pi_a[1]) > HALF);
  put(bytes, 32, bx[1]!, isUpper(by[0]!, by[1]!));
  put(bytes, 64, bx[0]!, false);
  put(bytes, 96, BigInt(pi_c[0]), BigInt(pi_c[1]) > HALF);
  return bytes;
}

/** The coordinates of A, B and C, in the order of `parseProof`; undefined where the bytes are of no such points. */
export function decompressProof(bytes: Uint8Array): readonly bigint[] | undefined {
  if (bytes.length !== COMPRESSED_BYTES) return undefined;
  const [a, b1, b0, c] = [take(bytes, 0), take(bytes, 32), take(bytes, 64), take(bytes, 96)];
  if (a === undefined || b1 === undefined || b0 === undefined || b0.upper || c === undefined) return undefined;
  const [ay, cy] = [yOf(a), yOf(c)];
  const by = twistY(b0.x, b1.x, b1.upper);
  if (ay === undefined || cy === undefined || by === undefined) return undefined;
  return [a.x, ay, b0.x, b1.x, by[0], by[1], c.x, cy];
}

/** Coordinates as snarkjs writes a proof. */
export function plainProof(coordinates: readonly bigint[]): PlainProof {
  const [ax, ay, bx0, bx1, by0, by1, cx, cy] = coordinates.map(String) as [string, ...string[]] as string[];
  return {
    pi_a: [ax!, ay!, "1"],
    pi_b: [
      [bx0!, bx1!],
      [by0!, by1!],
      ["1", "0"],
    ],
    pi_c: [cx!, cy!, "1"],
    protocol: "groth16",
    curve: "bn128",
  };
}

/** The strict verifier's verdict on a proof in 128 bytes. Never throws. */
export function verifyCompressed<Name extends CircuitName>(
  verifier: Verifier<Name>,
  publicSignals: unknown,
  bytes: Uint8Array,
): ProofVerdict {
  const coordinates = decompressProof(bytes);
  return coordinates === undefined
    ? { ok: false, reason: "POINT_NOT_ON_CURVE", detail: "its bytes are not those of points of the curve" }
    : verifier.verify(publicSignals, plainProof(coordinates));
}

const isUpper = (c0: bigint, c1: bigint) => (c1 === 0n ? c0 > HALF : c1 > HALF);

function put(bytes: Uint8Array, at: number, x: bigint, upper: boolean): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 32);
  for (let word = 0; word < 4; word++) view.setBigUint64(8 * word, BigInt.asUintN(64, x >> BigInt(192 - 64 * word)));
  if (upper) bytes[at]! |= 0x80;
}

interface Half {
  readonly x: bigint;
  readonly upper: boolean;
}

function take(bytes: Uint8Array, at: number): Half | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 32);
  let x = view.getBigUint64(0) & 0x7fff_ffff_ffff_ffffn;
  for (let word = 1; word < 4; word++) x = (x << 64n) | view.getBigUint64(8 * word);
  return x < P ? { x, upper: bytes[at]! >= 0x80 } : undefined;
}

const mod = (value: bigint) => {
  const reduced = value % P;
  return reduced < 0n ? reduced + P : reduced;
};

function power(base: bigint, exponent: bigint): bigint {
  // Four bits at a time.
  const powers = [1n, base];
  for (let i = 2; i < 16; i++) powers.push((powers[i - 1]! * base) % P);
  let result = 1n;
  for (const digit of exponent.toString(16)) {
    for (let i = 0; i < 4; i++) result = (result * result) % P;
    const factor = Number.parseInt(digit, 16);
    if (factor !== 0) result = (result * powers[factor]!) % P;
  }
  return result;
}

/** The root of a number that has one. */
function root(square: bigint): bigint | undefined {
  const candidate = (power(square, ROOT) * square) % P;
  return (candidate * candidate) % P === square ? candidate : undefined;
}

function yOf({ x, upper }: Half): bigint | undefined {
  const y = root((((x * x) % P) * x + B1) % P);
  if (y === undefined || y === 0n) return undefined;
  return y > HALF === upper ? y : P - y;
}

/** y of the point of the twist with this x, by its two parts. */
function twistY(x0: bigint, x1: bigint, upper: boolean): readonly [bigint, bigint] | undefined {
  // x² = s0 + s1·u, x³ + b = a0 + a1·u
  const [s0, s1] = [mod((x0 + x1) * (x0 - x1)), (2n * x0 * x1) % P];
  const a0 = mod(s0 * x0 - s1 * x1 + B20);
  const a1 = mod(s0 * x1 + s1 * x0 + B21);
  // (y0 + y1·u)² = a: y0² = (a0 ± |a|) / 2, y1 = a1 / (2·y0).
  const norm = root((a0 * a0 + a1 * a1) % P);
  if (norm === undefined) return undefined;
  let half = ((a0 + norm) * INVERSE_OF_TWO) % P;
  if (half === 0n) half = mod((a0 - norm) * INVERSE_OF_TWO);
  const inverse = power(half, ROOT);
  const r = (inverse * half) % P;
  // r² is half or −half, and 1/r is the inverse or its negative.
  const isRoot = (r * r) % P === half;
  const other = (a1 * INVERSE_OF_TWO * (isRoot ? inverse : P - inverse)) % P;
  const [y0, y1] = isRoot ? [r, other] : [other, r];
  // Infinity, and a0 + a1·u without a root.
  if (mod((y0 + y1) * (y0 - y1)) !== a0 || (2n * y0 * y1) % P !== a1) return undefined;
  return isUpper(y0, y1) === upper ? [y0, y1] : [mod(-y0), mod(-y1)];
}
