// SPDX-License-Identifier: GPL-3.0-or-later
/** Points of the public signals, computed off chain with a library that the contracts do not share. */
import { pippenger } from "@noble/curves/abstract/curve.js";
import { bn254 } from "@noble/curves/bn254.js";
import type { VerificationKey } from "../../prover/src/node/artifacts.ts";

const G1 = bn254.G1.Point;
export type Affine = { x: bigint; y: bigint };

/** Σ value_i · IC of public signal `first + i`; (0, 0) where the sum is the point at infinity. */
export function pointOf(key: VerificationKey, values: readonly bigint[], first = 6): Affine {
  const used = [...values.keys()].filter((index) => values[index] !== 0n);
  const points = used.map((index) => {
    const [x, y] = key.IC[1 + first + index]!;
    return G1.fromAffine({ x: BigInt(x!), y: BigInt(y!) });
  });
  if (used.length === 0) return { x: 0n, y: 0n };
  const { x, y } = pippenger(
    G1,
    points,
    used.map((index) => values[index]!),
  ).toAffine();
  return { x, y };
}
