// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Strict verification of links (docs/link.md), sharing no code with what makes them.
 *
 * What is not standard here: one product of four pairings checks both equations, folded by a challenge that depends on the
 * whole link; a link of nothing but zeros is refused, though it satisfies both under any key.
 */
import { bn254 } from "@noble/curves/bn254.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER } from "../field.ts";
import type { KeyOrigin } from "../keys/origin.ts";
import { type CircuitName, type LinkedGroup, linkedGroupsOf, publicInputsOf } from "../statement/families.ts";
import {
  challengeOf,
  foldingSeed,
  type Link,
  type LinkPoint,
  type LinkStatement,
  linkKeyId,
  openingSeed,
  statementFault,
} from "../statement/link.ts";
import type { Refused } from "./verifier.ts";

/**
 * Why a link was refused. Stable, for machines.
 * @see docs/library.md#links
 */
export type LinkRefusal =
  /** Not the values of a group of the circuit, for a subject: too many, too few, not reduced, all zero. */
  | "LINK_STATEMENT"
  /** A point of the link is not of the curve, not reduced, or at infinity. */
  | "LINK_POINT"
  /** All is well formed, and it is no link of these values for this subject under this key. */
  | "LINK_FALSE";

/**
 * What the strict verifier says of a link: the point that it proves to be of the values.
 * @see docs/library.md#links
 */
export type LinkVerdict = { readonly ok: true; readonly point: LinkPoint } | Refused<LinkRefusal>;

/**
 * Which link key it is, and of which circuit key.
 * @see docs/library.md#links
 */
export interface LinkKeyIdentity<Name extends CircuitName = CircuitName> {
  readonly size: Name;
  /** SHA-256 of the circuit's verification key. */
  readonly verificationKeySha256: string;
  /** SHA-256 of the link key. */
  readonly sha256: string;
  /** Of any other origin than `ceremony`, somebody may be able to link any point to any values. */
  readonly origin: KeyOrigin;
}

/**
 * A strict verifier of the links of one circuit under one link key.
 * @see docs/library.md#links
 */
export interface LinkVerifier<Name extends CircuitName = CircuitName> {
  readonly key: LinkKeyIdentity<Name>;
  /** Takes any plain data and never throws for it. Does NOT check that the values are the market's, nor what the subject names. */
  verify(statement: LinkStatement, link: Link): LinkVerdict;
}

const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
const { Fp, Fp2, Fp12 } = bn254.fields;
type PointG1 = InstanceType<typeof G1>;
type PointG2 = InstanceType<typeof G2>;

const WORD = 32;
const HEAD_WORDS = 16;
const MARK = bytesToHex(utf8ToBytes("plimsoll-link-key/1")).padEnd(2 * WORD, "0");

/** Thrown and caught in this file only. */
class Refusal extends Error {
  readonly reason: LinkRefusal;
  constructor(reason: LinkRefusal, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/**
 * Opens a link key for verification. `file` must have the SHA-256 of the identity, which comes from a source that is trusted.
 * Throws `ARTIFACT_HASH` where it is another file, `KEY_REFUSED` where it is of another circuit key, or one whose secrets anybody
 * knows. Does NOT check that its points are in proportion (`checkLinkKey` does): links do not depend on it, but what the points
 * give away does.
 * @see docs/library.md#links
 */
export function createLinkVerifier<Name extends CircuitName>(
  file: Uint8Array,
  identity: LinkKeyIdentity<Name>,
): LinkVerifier<Name> {
  if (bytesToHex(sha256(file)) !== identity.sha256) {
    throw new PlimsollError("ARTIFACT_HASH", "the link key is not the expected one: its SHA-256 differs");
  }
  const { k1, k2, tau, keyId } = openHead(file, identity);
  const groups = new Map(linkedGroupsOf(identity.size).map((group) => [group.name, group]));

  function check(asked: LinkStatement, given: Link): LinkVerdict {
    const group = groups.get(asked?.group);
    if (group === undefined) throw new Refusal("LINK_STATEMENT", "group: not one of this circuit's");
    // Each value is read once: what is hashed is what is evaluated.
    const count = Array.isArray(asked.values) ? asked.values.length : 0;
    const values = Array.from({ length: Math.min(count, group.count + 1) }, (_, index) => asked.values[index]!);
    const { subject, fixedBy } = asked;
    const statement: LinkStatement = {
      group: group.name,
      subject,
      values,
      ...(fixedBy === undefined ? {} : { fixedBy }),
    };
    const fault = statementFault(group, statement);
    if (fault !== undefined) throw new Refusal("LINK_STATEMENT", fault);
    const read = (name: keyof Link) => readPoint(given?.[name], name);
    const [p, q, proof, opening] = [read("point"), read("polynomial"), read("proof"), read("opening")];
    const [point, polynomial] = [p.toAffine(), q.toAffine()];
    const link: Link = { point, polynomial, proof: proof.toAffine(), opening: opening.toAffine() };
    const seed = openingSeed(keyId, group, statement, link);
    const rho = challengeOf(seed);
    const fold = challengeOf(foldingSeed(seed, link));
    // e(π, G2) = e(P, K1)·e(Q, K2) and e(Q − y·G + ρ·W, G2) = e(W, [τ]_2), the second to the power of the fold.
    const opened = q.subtract(times(G1.BASE, valueAt(group, statement.values, rho))).add(times(opening, rho));
    const pairs = [
      { g1: proof.add(times(opened, fold)), g2: G2.BASE },
      { g1: p.negate(), g2: k1 },
      { g1: q.negate(), g2: k2 },
      { g1: times(opening, fold).negate(), g2: tau },
    ].filter(({ g1 }) => !g1.is0());
    if (!Fp12.eql(bn254.pairingBatch(pairs), Fp12.ONE)) {
      throw new Refusal("LINK_FALSE", "not a link of these values for this subject under this key");
    }
    return { ok: true, point };
  }

  return {
    key: identity,
    verify(statement, link) {
      try {
        return check(statement, link);
      } catch (error) {
        if (error instanceof Refusal) return { ok: false, reason: error.reason, detail: error.message };
        throw error;
      }
    },
  };
}

/** noble multiplies by numbers from 1 up. */
const times = (point: PointG1, scalar: bigint): PointG1 => (scalar === 0n ? G1.ZERO : point.multiplyUnsafe(scalar));

/** Σ values[j]·ρ^(first + j). */
function valueAt({ first }: LinkedGroup, values: readonly bigint[], rho: bigint): bigint {
  let value = 0n;
  for (const each of values.toReversed()) value = (value * rho + each) % FIELD_ORDER;
  for (let power = 0; power < first; power++) value = (value * rho) % FIELD_ORDER;
  return value;
}

function readPoint(value: LinkPoint | undefined, name: string): PointG1 {
  const [x, y]: unknown[] = [value?.x, value?.y];
  const isCoordinate = (each: unknown): each is bigint => typeof each === "bigint" && each >= 0n && each < Fp.ORDER;
  if (!isCoordinate(x) || !isCoordinate(y)) throw new Refusal("LINK_POINT", `${name}: coordinates not reduced`);
  if (x === 0n && y === 0n) throw new Refusal("LINK_POINT", `${name}: the point at infinity`);
  try {
    const point = G1.fromAffine({ x, y });
    point.assertValidity();
    return point;
  } catch {
    throw new Refusal("LINK_POINT", `${name}: not on the curve`);
  }
}

/** The first sixteen words of a link key, which are all that verifying takes. */
function openHead(file: Uint8Array, { size, verificationKeySha256 }: LinkKeyIdentity) {
  const refuse = (why: string) => new PlimsollError("KEY_REFUSED", `link key: ${why}`);
  const [head, publics, [group]] = [file.slice(0, WORD * HEAD_WORDS), publicInputsOf(size), linkedGroupsOf(size)];
  const word = (index: number) => bytesToHex(head.subarray(WORD * index, WORD * index + WORD));
  const number = (index: number) => BigInt(`0x${word(index)}`);
  const { length } = file;
  if (group === undefined || head.length < WORD * HEAD_WORDS) throw refuse("no link key of this circuit");
  if (word(0) !== MARK) throw refuse("no link key");
  if (word(1) !== verificationKeySha256) throw refuse("it is of another circuit key");
  const counted = number(2) === BigInt(publics) && number(3) === BigInt(group.first);
  if (!counted || length !== WORD * (HEAD_WORDS + 4 * publics + 2 - 2 * group.first)) {
    throw refuse("it is not for the market inputs of this circuit");
  }
  const g2 = (index: number): PointG2 => {
    const [x1, x0, y1, y0] = [0, 1, 2, 3].map((part) => number(4 + 4 * index + part)) as [
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    if ([x1, x0, y1, y0].some((value) => value >= Fp.ORDER) || (x1 | x0 | y1 | y0) === 0n) {
      throw refuse("a point that is not reduced, or at infinity");
    }
    try {
      const point = G2.fromAffine({ x: Fp2.create({ c0: x0, c1: x1 }), y: Fp2.create({ c0: y0, c1: y1 }) });
      point.assertValidity();
      return point;
    } catch {
      throw refuse("a point that is not on its curve, or not in its subgroup");
    }
  };
  const [k1, k2, tau] = [g2(0), g2(1), g2(2)];
  // By x: a secret and its negative are as bad as each other.
  const known = new Set([G2.BASE, k1, k2, tau].map((point) => `${point.toAffine().x.c0},${point.toAffine().x.c1}`));
  if (known.size !== 4) throw refuse("K1, K2, [τ]_2 and the generator are not different: anybody could link any point");
  return { k1, k2, tau, keyId: linkKeyId(head) };
}
