// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What a link says (docs/link.md), and the two challenges of its proof, hashed as a contract hashes them: Keccak-256 over words
 * of 32 bytes, big-endian, reduced modulo the group order.
 */
import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER } from "../field.ts";
import { type CircuitName, type LinkedGroup, linkedGroupsOf } from "./families.ts";

/**
 * A point of G1 by its affine coordinates, each below the field's modulus; never the point at infinity.
 * @see docs/library.md#links
 */
export interface LinkPoint {
  readonly x: bigint;
  readonly y: bigint;
}

/**
 * A point for a group of market values, and the proof that it is theirs. With x_i the values by the number i of their public
 * input, IC_i the points of the circuit's key and L_i those of its link key.
 * @see docs/library.md#links
 */
export interface Link {
  /** P = Σ x_i·IC_i, which verifiers of proofs add to the sum over a proof's own signals. */
  readonly point: LinkPoint;
  /** Q = Σ x_i·[τ^i]_1: the values as coefficients of a polynomial. */
  readonly polynomial: LinkPoint;
  /** π = Σ x_i·L_i: P and Q are of the same values. */
  readonly proof: LinkPoint;
  /** W: the polynomial has the right value at the challenge. */
  readonly opening: LinkPoint;
}

/**
 * What is linked: all values of one group of a circuit's market inputs.
 * @see docs/library.md#links
 */
export interface LinkStatement {
  /** A group's name: `policy` and `market` of an account's circuit, `marks` of a settlement's. */
  readonly group: string;
  /**
   * What the point is for, 32 bytes as 64 lower-case hexadecimal digits after `0x`: on a chain the hash of chain, contract, board
   * and epoch. Zero, which storage holds before anything is written to it, is refused.
   */
  readonly subject: string;
  /** In the circuit's order, each below the field order, not all zero. */
  readonly values: readonly bigint[];
  /**
   * 32 bytes, written as the subject, where a contract hashes the values in another form than a word each: a hash of that form,
   * which must have one reading. Whoever verifies such a link answers for its being of these values.
   */
  readonly fixedBy?: string;
}

const WORD = 32;
const TAG = keccak_256(utf8ToBytes("plimsoll-link/1"));

/** A group of a circuit by its name. Throws UNKNOWN_NAME. */
export function linkedGroup(circuit: CircuitName, name: string): LinkedGroup {
  const groups = linkedGroupsOf(circuit);
  const group = groups.find((each) => each.name === name);
  if (group !== undefined) return group;
  const known = groups.map((each) => each.name).join(", ") || "none";
  throw new PlimsollError("UNKNOWN_NAME", `expected a group of market inputs of ${circuit}: ${known}`, {
    field: "group",
  });
}

/** Why a statement cannot be linked, or undefined. */
export function statementFault(
  { count }: LinkedGroup,
  { subject, values, fixedBy }: LinkStatement,
): string | undefined {
  if (fixedBy !== undefined && !/^0x[0-9a-f]{64}$/.test(fixedBy)) return "fixedBy: expected 32 bytes";
  if (typeof subject !== "string" || !/^0x[0-9a-f]{64}$/.test(subject)) return "subject: expected 32 bytes";
  if (/^0x0*$/.test(subject)) return "subject: zero names nothing";
  if (!Array.isArray(values) || values.length !== count) return `values: expected the ${count} values of the group`;
  const bad = Array.from(values).findIndex((value) => typeof value !== "bigint" || value < 0n || value >= FIELD_ORDER);
  if (bad >= 0) return `values[${bad}]: expected a number below the field order`;
  return values.every((value) => value === 0n) ? "values: all zero" : undefined;
}

export function words(...numbers: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(WORD * numbers.length);
  const view = new DataView(bytes.buffer);
  for (const [index, number] of numbers.entries()) {
    for (let part = 0; part < 4; part++) {
      view.setBigUint64(WORD * index + 8 * part, BigInt.asUintN(64, number >> BigInt(192 - 64 * part)));
    }
  }
  return bytes;
}

function keccak(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = keccak_256.create();
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Identifies a link key and the circuit key that it is of: Keccak-256 of the head of its file. */
export const linkKeyId = (head: Uint8Array): Uint8Array => keccak_256(head);

/** The first challenge, ρ, as the hash that it is reduced from: fixed by key, subject, place, values, P and Q. */
export function openingSeed(
  keyId: Uint8Array,
  { first, count }: LinkedGroup,
  { subject, values, fixedBy }: LinkStatement,
  { point, polynomial }: Pick<Link, "point" | "polynomial">,
): Uint8Array {
  const place = words(BigInt(first), BigInt(count));
  const valuesHash = fixedBy === undefined ? keccak_256(words(...values)) : hexToBytes(fixedBy.slice(2));
  const points = words(point.x, point.y, polynomial.x, polynomial.y);
  return keccak(TAG, keyId, hexToBytes(subject.slice(2)), place, valuesHash, points);
}

/** The second challenge, which folds the two equations: fixed by all that the first is fixed by, π and W. */
export const foldingSeed = (seed: Uint8Array, { proof, opening }: Pick<Link, "proof" | "opening">): Uint8Array =>
  keccak(seed, words(proof.x, proof.y, opening.x, opening.y));

export const challengeOf = (seed: Uint8Array): bigint => BigInt(`0x${bytesToHex(seed)}`) % FIELD_ORDER;
