// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The file of a link key (docs/link.md): words of 32 bytes, big-endian; points affine, those of G2 with imaginary parts first, as
 * the pairing precompile reads them.
 *
 *   head    "plimsoll-link-key/1" and zeros · SHA-256 of the circuit's verification key · its public inputs n · number of its
 *           first market input m · K1 · K2 · [τ]_2: 16 words, whose Keccak-256 names the key
 *   powers  [τ^i]_1, i from 1 to n
 *   links   L_i = k1·IC_i + k2·[τ^i]_1, i from m to n
 */
import { bn254 } from "@noble/curves/bn254.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { words } from "../statement/link.ts";
import type { PointG2 } from "./zkey.ts";
import { malformed } from "./zkey.ts";

const WORD = 32;
/** Bytes of a point of G1, and of one of G2. */
export const POINT_BYTES = 64;
const G2_BYTES = 128;
export const HEAD_BYTES = 4 * WORD + 3 * G2_BYTES;
const MARK = new Uint8Array(WORD);
MARK.set(utf8ToBytes("plimsoll-link-key/1"));
const MAX_PUBLICS = 1 << 20;

/** What a link key is for: a circuit's key, by its hash, and which of its public inputs are linked. */
export interface LinkKeyPlace {
  /** Of the verification key's file. */
  readonly verificationKeySha256: string;
  readonly publics: number;
  /** Number of the first linked input; the linked ones are all from there to the last. */
  readonly first: number;
}

export interface LinkKey extends LinkKeyPlace {
  readonly k1: PointG2;
  readonly k2: PointG2;
  readonly tau: PointG2;
  /** Points one after another. Not checked here: `checkLinkKey` does. */
  readonly powers: Uint8Array;
  readonly links: Uint8Array;
  /** The first part of the file, which stands for the key in every hash. */
  readonly head: Uint8Array;
}

export function g2Bytes(point: PointG2): Uint8Array {
  const { x, y } = point.toAffine();
  return words(x.c1, x.c0, y.c1, y.c0);
}

/** A point of G2 that is in the subgroup and not infinity. Throws KEY_REFUSED. */
export function readG2(bytes: Uint8Array): PointG2 {
  const [x1, x0, y1, y0] = Array.from({ length: 4 }, (_, index) =>
    BigInt(`0x${bytesToHex(bytes.subarray(WORD * index, WORD * index + WORD))}`),
  ) as [bigint, bigint, bigint, bigint];
  const { Fp, Fp2 } = bn254.fields;
  if ([x1, x0, y1, y0].some((value) => value >= Fp.ORDER)) malformed("a coordinate that is no field element");
  if ((x1 | x0 | y1 | y0) === 0n) malformed("the point at infinity");
  try {
    const point = bn254.G2.Point.fromAffine({ x: Fp2.create({ c0: x0, c1: x1 }), y: Fp2.create({ c0: y0, c1: y1 }) });
    point.assertValidity();
    return point;
  } catch {
    return malformed("a point that does not lie on its curve, or not in its subgroup");
  }
}

export function writeLinkKey(key: Omit<LinkKey, "head">): Uint8Array<ArrayBuffer> {
  const parts = [
    MARK,
    hexToBytes(key.verificationKeySha256),
    words(BigInt(key.publics), BigInt(key.first)),
    ...[key.k1, key.k2, key.tau].map(g2Bytes),
    key.powers,
    key.links,
  ];
  const file = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Takes a file apart. Throws KEY_REFUSED for another format or length, and for points of the head that are none. */
export function readLinkKey(file: Uint8Array): LinkKey {
  if (file.length < HEAD_BYTES || bytesToHex(file.subarray(0, WORD)) !== bytesToHex(MARK)) malformed("no link key");
  const count = (word: number) => {
    const value = BigInt(`0x${bytesToHex(file.subarray(WORD * word, WORD * word + WORD))}`);
    return value <= MAX_PUBLICS ? Number(value) : malformed("a number of public inputs that no circuit has");
  };
  const [publics, first] = [count(2), count(3)];
  if (first < 1 || first > publics) malformed("it links no public input");
  const powersEnd = HEAD_BYTES + POINT_BYTES * publics;
  if (file.length !== powersEnd + POINT_BYTES * (publics - first + 1)) malformed("it has another length");
  const g2 = (index: number) => readG2(file.subarray(4 * WORD + G2_BYTES * index, 4 * WORD + G2_BYTES * (index + 1)));
  return {
    verificationKeySha256: bytesToHex(file.subarray(WORD, 2 * WORD)),
    publics,
    first,
    k1: g2(0),
    k2: g2(1),
    tau: g2(2),
    powers: file.subarray(HEAD_BYTES, powersEnd),
    links: file.subarray(powersEnd),
    head: file.subarray(0, HEAD_BYTES),
  };
}
