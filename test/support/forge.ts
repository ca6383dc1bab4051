// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Groth16 proofs of statements that nobody has a witness for.
 *
 * A verifier accepts where e(A, B) = e(α, β) · e(X, γ) · e(C, δ), with X = IC_0 + Σ x_i·IC_i. Two ways to meet that
 * equation without a circuit: a key in which γ and δ are the same, and a key whose trapdoor is known.
 */
import { bn254 } from "@noble/curves/bn254.js";
import { FIELD_ORDER, toField } from "../../prover/src/field.ts";
import type { Trapdoor } from "../../prover/src/keys/development.ts";
import type { VerificationKey } from "../../prover/src/node/artifacts.ts";

/** snarkjs's proof.json. */
export interface ProofJson {
  readonly pi_a: [string, string, string];
  readonly pi_b: [[string, string], [string, string], [string, string]];
  readonly pi_c: [string, string, string];
  readonly protocol: "groth16";
  readonly curve: "bn128";
}

const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
const { Fp2 } = bn254.fields;
type PointG1 = InstanceType<typeof G1>;
type PointG2 = InstanceType<typeof G2>;

/** The key as it would be had nobody contributed to the second phase: delta is gamma. Honest proofs no longer verify. */
export function withoutContribution(key: VerificationKey): VerificationKey {
  return { ...key, vk_delta_2: key.vk_gamma_2 };
}

/**
 * A proof of any public signals under a key in which gamma = delta, from nothing but the key: with A = t·α and B = β/t,
 * the equation only asks for X + C = 0. Different `blinding` (t, not 0 mod r) gives different proofs of the same.
 */
export function forgeWithoutContribution(key: VerificationKey, signals: readonly bigint[], blinding = 1n): ProofJson {
  const a = readG1(key.vk_alpha_1).multiply(toField(blinding));
  const b = readG2(key.vk_beta_2).multiply(bn254.fields.Fr.inv(toField(blinding)));
  return proofOf(a, b, signalPoint(key, signals).negate());
}

/**
 * A proof of any public signals under any key whose trapdoor is known, which is what the simulator of the zero-knowledge
 * argument does: C = (ab − αβ)/δ·G − γ/δ·X for any a and b (not 0 mod r).
 */
export function forgeWithTrapdoor(
  key: VerificationKey,
  { alpha, beta, gamma, delta }: Pick<Trapdoor, "alpha" | "beta" | "gamma" | "delta">,
  signals: readonly bigint[],
  [a, b]: readonly [bigint, bigint] = [2n, 3n],
): ProofJson {
  const perDelta = bn254.fields.Fr.inv(delta);
  const known = G1.BASE.multiplyUnsafe(toField((a * b - alpha * beta) * perDelta));
  const c = known.subtract(signalPoint(key, signals).multiply(toField(gamma * perDelta)));
  return proofOf(G1.BASE.multiply(toField(a)), G2.BASE.multiply(toField(b)), c);
}

/** X, the point that stands for the public signals (each in [0, r)). */
export function signalPoint(key: VerificationKey, signals: readonly bigint[]): PointG1 {
  if (signals.length !== key.nPublic) throw new RangeError(`expected ${key.nPublic} public signals`);
  if (signals.some((signal) => signal < 0n || signal >= FIELD_ORDER))
    throw new RangeError("a signal outside the field");
  return signals.reduce(
    (sum, signal, i) => (signal === 0n ? sum : sum.add(readG1(key.IC[i + 1]!).multiplyUnsafe(signal))),
    readG1(key.IC[0]!),
  );
}

function readG1([x, y]: readonly string[]): PointG1 {
  return G1.fromAffine({ x: BigInt(x!), y: BigInt(y!) });
}

function readG2([x, y]: readonly (readonly string[])[]): PointG2 {
  const read = ([c0, c1]: readonly string[]) => Fp2.create({ c0: BigInt(c0!), c1: BigInt(c1!) });
  return G2.fromAffine({ x: read(x!), y: read(y!) });
}

function proofOf(a: PointG1, b: PointG2, c: PointG1): ProofJson {
  const g1 = (point: PointG1): [string, string, string] => {
    const { x, y } = point.toAffine();
    return [`${x}`, `${y}`, "1"];
  };
  const { x, y } = b.toAffine();
  const pi_b: ProofJson["pi_b"] = [
    [`${x.c0}`, `${x.c1}`],
    [`${y.c0}`, `${y.c1}`],
    ["1", "0"],
  ];
  return { pi_a: g1(a), pi_b, pi_c: g1(c), protocol: "groth16", curve: "bn128" };
}
