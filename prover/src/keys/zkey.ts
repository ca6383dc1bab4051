// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Reader of Groth16 proving keys in snarkjs's zkey format: header, points of the public inputs, contributions to phase 2.
 *
 * What snarkjs does not check when it verifies a ceremony is checked here: that every point read lies on its curve and in
 * the right subgroup, and that there is one section of each kind. Runs in browsers too.
 */
import { bn254 } from "@noble/curves/bn254.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";

const { Fp } = bn254.fields;
const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
export type PointG1 = InstanceType<typeof G1>;
export type PointG2 = InstanceType<typeof G2>;

const G1_BYTES = 64;
const GROTH16 = 1;
/** Coordinates are stored times 2^256. */
const FROM_MONTGOMERY = Fp.inv(Fp.create(1n << 256n));

/** One contribution to phase 2, as the key records it. */
export interface RecordedContribution {
  readonly kind: "contribution" | "beacon";
  /** What the contributor called itself; not covered by the hash. */
  readonly name: string;
  /** BLAKE2b-512 of the contribution's public key, 128 hexadecimal digits: what contributors publish. */
  readonly hash: string;
  /** Delta after it. */
  readonly delta: PointG1;
  /** Of a beacon: the value, in hexadecimal digits, and the binary logarithm of how often it is hashed. */
  readonly beacon?: { readonly value: string; readonly iterationsLog2: number };
}

export interface Zkey {
  readonly wires: number;
  /** Public inputs and outputs. */
  readonly publics: number;
  readonly domain: number;
  readonly gamma: PointG2;
  readonly delta1: PointG1;
  readonly delta2: PointG2;
  /** One point more than there are public inputs, unless the section is of another length. */
  readonly ic: readonly PointG1[];
  /** Identifies circuit and phase 1: BLAKE2b-512 over what does not change in phase 2, 128 hexadecimal digits. */
  readonly circuitHash: string;
  readonly contributions: readonly RecordedContribution[];
  /** Content of a section. */
  section(id: number): Uint8Array;
}

export function malformed(why: string): never {
  throw new PlimsollError("KEY_REFUSED", `not a proving key this software reads: ${why}`);
}

/** Parses a key. Throws KEY_REFUSED for another format, for points that are on no curve, and where bytes are missing or left over. */
export function readZkey(file: Uint8Array): Zkey {
  const sections = sectionsOf(file);
  const section = (id: number) => sections.get(id) ?? malformed(`section ${id} is missing`);
  const protocol = new Cursor(section(1));
  if (protocol.u32() !== GROTH16) malformed("it is not of Groth16");
  protocol.end();

  const header = new Cursor(section(2));
  for (const order of [Fp.ORDER, bn254.fields.Fr.ORDER]) {
    if (header.u32() !== 32 || header.integer() !== order) malformed("it is not over BN254");
  }
  const [wires, publics, domain] = [header.u32(), header.u32(), header.u32()];
  header.g1(); // alpha
  header.g1(); // beta
  header.g2(); // beta
  const gamma = header.g2();
  const delta1 = header.g1();
  const delta2 = header.g2();
  header.end();

  const points = new Cursor(section(3));
  const ic = Array.from({ length: Math.floor(section(3).length / G1_BYTES) }, () => points.g1());
  points.end();

  const phase2 = new Cursor(section(10));
  const circuitHash = bytesToHex(phase2.bytes(64));
  const count = phase2.u32();
  const contributions: RecordedContribution[] = [];
  while (contributions.length < count) contributions.push(readContribution(phase2));
  phase2.end();
  return { wires, publics, domain, gamma, delta1, delta2, ic, circuitHash, contributions, section };
}

/** The sections of a key's file by their ids. Throws KEY_REFUSED for another format, and where bytes are missing or left over. */
export function sectionsOf(file: Uint8Array): Map<number, Uint8Array> {
  const cursor = new Cursor(file);
  if (new TextDecoder("latin1").decode(cursor.bytes(4)) !== "zkey" || cursor.u32() !== 1) malformed("no zkey mark");
  const sections = new Map<number, Uint8Array>();
  for (let left = cursor.u32(); left > 0; left--) {
    const id = cursor.u32();
    if (sections.has(id)) malformed(`section ${id} is there twice`);
    const length = cursor.u32() + cursor.u32() * 2 ** 32;
    sections.set(id, cursor.bytes(length));
  }
  cursor.end();
  return sections;
}

function readContribution(cursor: Cursor): RecordedContribution {
  const hash = blake2b.create({ dkLen: 64 });
  const delta = cursor.g1();
  for (const point of [delta, cursor.g1(), cursor.g1()]) hash.update(uncompressed(point));
  const ratio = cursor.g2();
  hash.update(uncompressed(ratio));
  hash.update(cursor.bytes(64));
  const type = cursor.u32();
  if (type > 1) malformed("an unknown kind of contribution");

  const parameters = new Cursor(cursor.bytes(cursor.u32()));
  let name = "";
  let iterationsLog2: number | undefined;
  let value: string | undefined;
  while (!parameters.atEnd()) {
    const kind = parameters.byte();
    if (kind === 1) name = new TextDecoder().decode(parameters.bytes(parameters.byte()));
    else if (kind === 2) iterationsLog2 = parameters.byte();
    else if (kind === 3) value = bytesToHex(parameters.bytes(parameters.byte()));
    else malformed("an unknown parameter of a contribution");
  }
  const told = { name, hash: bytesToHex(hash.digest()), delta };
  if (type === 0) return { kind: "contribution", ...told };
  if (iterationsLog2 === undefined || value === undefined) malformed("a beacon without its value");
  return { kind: "beacon", ...told, beacon: { value, iterationsLog2 } };
}

/** Both coordinates, big-endian, imaginary parts first, as snarkjs hashes points. */
function uncompressed(point: PointG1 | PointG2): Uint8Array {
  const { x, y } = point.toAffine();
  const words = [x, y].flatMap((coordinate) =>
    typeof coordinate === "bigint" ? [coordinate] : [coordinate.c1, coordinate.c0],
  );
  const bytes = new Uint8Array(32 * words.length);
  for (const [index, word] of words.entries()) {
    for (let at = 31, rest = word; at >= 0; at--, rest >>= 8n) bytes[32 * index + at] = Number(rest & 0xffn);
  }
  return bytes;
}

/** Reads forward and never past the end. */
class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  bytes(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) malformed("truncated");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  byte = () => this.bytes(1)[0]!;

  u32(): number {
    this.bytes(4);
    return this.#view.getUint32(this.#at - 4, true);
  }

  integer(): bigint {
    let value = 0n;
    for (const byte of this.bytes(32).toReversed()) value = (value << 8n) | BigInt(byte);
    return value;
  }

  #coordinate(): bigint {
    const value = this.integer();
    if (value >= Fp.ORDER) malformed("a coordinate that is no field element");
    return Fp.mul(value, FROM_MONTGOMERY);
  }

  /** On the curve, which is its own subgroup, or infinity (all zero). */
  g1(): PointG1 {
    const [x, y] = [this.#coordinate(), this.#coordinate()];
    if (x === 0n && y === 0n) return G1.ZERO;
    return checked(G1.fromAffine({ x, y }));
  }

  /** On the curve and in the subgroup, not infinity. */
  g2(): PointG2 {
    const [x0, x1, y0, y1] = Array.from({ length: 4 }, () => this.#coordinate()) as [bigint, bigint, bigint, bigint];
    return checked(G2.fromAffine({ x: { c0: x0, c1: x1 }, y: { c0: y0, c1: y1 } }));
  }

  atEnd = () => this.#at === this.#bytes.length;

  end(): void {
    if (!this.atEnd()) malformed("bytes that belong to nothing");
  }
}

/** A point of G2 as snarkjs's files have it: 128 bytes. Throws KEY_REFUSED where it is none. */
export function g2FromFile(bytes: Uint8Array): PointG2 {
  const cursor = new Cursor(bytes);
  const point = cursor.g2();
  cursor.end();
  return point;
}

function checked<Point extends PointG1 | PointG2>(point: Point): Point {
  try {
    point.assertValidity();
  } catch {
    malformed("a point that does not lie on its curve, or not in its subgroup");
  }
  return point;
}
