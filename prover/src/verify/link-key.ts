// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Whether a link key is in proportion: every L_i is k1·IC_i + k2·[τ^i]_1 for the k1 and k2 of K1 and K2, and the powers are those
 * of one τ. All of it by one product of four pairings, with a random number of 128 bits for each equation.
 *
 * A point that is out of proportion may give away what a link rests on (k1·G alone lets anybody link any point), so a key is
 * checked before anything is trusted under it. What cannot be seen is who knows k1, k2 or τ.
 */
import { bn254 } from "@noble/curves/bn254.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import { POINT_BYTES, readLinkKey } from "../keys/link-key.ts";
import { type CircuitName, linkedGroupsOf, publicInputsOf } from "../statement/families.ts";
import { createLinkVerifier, type LinkKeyIdentity } from "./link.ts";
import { sumOfMultiples } from "./market-sum.ts";
import type { PlainPoint } from "./verifier.ts";

const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
const { Fp, Fp12 } = bn254.fields;
type PointG1 = InstanceType<typeof G1>;

const COEFFICIENT_BYTES = 16;
const MAX_RANDOM_BYTES = 65_536;

/**
 * Checks a whole link key against the points IC_0 … IC_n of its circuit key (`Verifier.points`). Throws as `createLinkVerifier`,
 * and KEY_REFUSED where a point is none or is out of proportion, or a point of the circuit key is there twice. A key that is out
 * of proportion passes with probability 2^-128.
 */
export function checkLinkKey<Name extends CircuitName>(
  file: Uint8Array,
  identity: LinkKeyIdentity<Name>,
  ic: readonly PlainPoint[],
): void {
  createLinkVerifier(file, identity);
  checkProportion(file, ic);
  const { size } = identity;
  if (ic.length !== publicInputsOf(size) + 1 || readLinkKey(file).first !== linkedGroupsOf(size)[0]!.first) {
    throw new PlimsollError("KEY_REFUSED", "link key: it is not for the market inputs of this circuit");
  }
}

/** The same for the key of any circuit, from its public inputs' points. */
export function checkProportion(file: Uint8Array, ic: readonly PlainPoint[]): void {
  const { publics, first, k1, k2, tau, powers, links } = readLinkKey(file);
  if (ic.length !== publics + 1) throw refuse("it is not for the public inputs of this circuit key");
  // By x: a secret and its negative are as bad as each other.
  const known = new Set([G2.BASE, k1, k2, tau].map((point) => JSON.stringify(coordinatesOf(point))));
  if (known.size !== 4) throw refuse("K1, K2, [τ]_2 and the generator are not different: anybody could link any point");
  const linked = ic.slice(first).map(({ x, y }) => G1.fromAffine({ x, y }));
  // Points that are dependent let two sets of values have one point; of dependence only this much can be seen.
  if (linked.some((point) => point.is0()) || new Set(linked.map((point) => point.x)).size !== linked.length) {
    throw refuse("a point of the circuit key is infinity, or there twice");
  }
  const t = [G1.BASE, ...pointsOf(powers, "a power of τ")];
  const l = pointsOf(links, "a linked point");
  const [r, s] = [coefficients(l.length), coefficients(publics)];
  const fromSecond = t.slice(1);
  // e(Σ r·L, G2) = e(Σ r·IC, K1)·e(Σ r·T, K2), and e(Σ s·T_(i+1), G2) = e(Σ s·T_i, [τ]_2).
  const pairs = [
    { g1: sumOfMultiples([...l, ...fromSecond], [...r, ...s]), g2: G2.BASE },
    { g1: sumOfMultiples(linked, r).negate(), g2: k1 },
    { g1: sumOfMultiples(t.slice(first), r).negate(), g2: k2 },
    { g1: sumOfMultiples(t.slice(0, publics), s).negate(), g2: tau },
  ].filter(({ g1 }) => !g1.is0());
  if (!Fp12.eql(bn254.pairingBatch(pairs), Fp12.ONE)) {
    throw refuse("its points are not those of its secrets and of the circuit key");
  }
}

const refuse = (why: string) => new PlimsollError("KEY_REFUSED", `link key: ${why}`);

const coordinatesOf = (point: InstanceType<typeof G2>): string[] => {
  const { c0, c1 } = point.toAffine().x;
  return [`${c0}`, `${c1}`];
};

function pointsOf(bytes: Uint8Array, what: string): PointG1[] {
  const coordinate = (at: number) => BigInt(`0x${bytesToHex(bytes.subarray(at, at + 32))}`);
  return Array.from({ length: bytes.length / POINT_BYTES }, (_, index) => {
    const [x, y] = [coordinate(index * POINT_BYTES), coordinate(index * POINT_BYTES + 32)];
    if (x >= Fp.ORDER || y >= Fp.ORDER || (x === 0n && y === 0n)) throw refuse(`${what} is not reduced, or infinity`);
    try {
      const point = G1.fromAffine({ x, y });
      point.assertValidity();
      return point;
    } catch {
      throw refuse(`${what} is not on the curve`);
    }
  });
}

/** Random numbers of 128 bits, drawn when everything that they multiply is fixed. */
function coefficients(count: number): bigint[] {
  const bytes = new Uint8Array(count * COEFFICIENT_BYTES);
  for (let at = 0; at < bytes.length; at += MAX_RANDOM_BYTES) {
    crypto.getRandomValues(bytes.subarray(at, at + MAX_RANDOM_BYTES));
  }
  return Array.from({ length: count }, (_, index) =>
    BigInt(`0x${bytesToHex(bytes.subarray(COEFFICIENT_BYTES * index, COEFFICIENT_BYTES * (index + 1)))}`),
  );
}
