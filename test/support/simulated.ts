// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Verification keys of every size with a known trapdoor and without a circuit: any signals can be proved under them, as
 * the simulator of the zero-knowledge argument does, in milliseconds. For tests of what happens around a proof.
 */

import { createHash } from "node:crypto";
import { normalizeZ } from "@noble/curves/abstract/curve.js";
import { bn254 } from "@noble/curves/bn254.js";
import { FIELD_ORDER, toField } from "../../prover/src/field.ts";
import { writeLinkKey } from "../../prover/src/keys/link-key.ts";
import type { BoardSize } from "../../prover/src/model/sizes.ts";
import type { Artifacts, VerificationKey } from "../../prover/src/node/artifacts.ts";
import type { Backend, Circuit } from "../../prover/src/prove/backend.ts";
import {
  type CircuitName,
  type FamilyName,
  familyOf,
  ownSignalsOf,
  publicInputsOf,
  publicNamesOf,
} from "../../prover/src/statement/families.ts";
import {
  challengeOf,
  type Link,
  type LinkPoint,
  type LinkStatement,
  linkedGroup,
  linkKeyId,
  openingSeed,
} from "../../prover/src/statement/link.ts";
import type { CircuitInput } from "../../prover/src/statement/witness-input.ts";
import type { KeyIdentity } from "../../prover/src/verify/verifier.ts";
import type { ProofJson } from "./forge.ts";

const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
type PointG2 = InstanceType<typeof G2>;

export interface SimulatedKey<Name extends CircuitName = BoardSize> {
  readonly identity: KeyIdentity<Name>;
  readonly key: VerificationKey;
  /** The key as a file. */
  readonly file: Uint8Array<ArrayBuffer>;
  /** A proof of these signals that verifies under the key. */
  prove(signals: readonly bigint[]): ProofJson;
  /** Σ values[j]·IC of public signal `from + j`, counted from 0, without a multiplication for each. */
  pointOf(values: readonly bigint[], from: number): { readonly x: bigint; readonly y: bigint };
  /** The head of its link key, which is all that contracts read of one. */
  readonly linkKeyFile: Uint8Array<ArrayBuffer>;
  /** A link under the key, made from its secrets. Checks nothing of the statement. */
  link(statement: LinkStatement, tweak?: LinkTweak): Link;
}

/** Different seeds give different keys. `tweak` changes the key before it is written. */
export function simulatedKey<Name extends CircuitName>(
  size: Name,
  seed = 1n,
  tweak: (key: VerificationKey) => object = (key) => key,
): SimulatedKey<Name> {
  const [alpha, beta, gamma, delta, first, step] = [3n, 5n, 7n, 11n, 13n, 17n].map((n) => toField(n ** 80n * seed));
  const count = publicInputsOf(size) + 1;
  // IC_i = (first + i·step)·G, by additions.
  const points = [G1.BASE.multiply(first!)];
  const stride = G1.BASE.multiply(step!);
  while (points.length < count) points.push(points.at(-1)!.add(stride));
  const key: VerificationKey = {
    protocol: "groth16",
    curve: "bn128",
    nPublic: count - 1,
    vk_alpha_1: g1(G1.BASE.multiply(alpha!)),
    vk_beta_2: g2(G2.BASE.multiply(beta!)),
    vk_gamma_2: g2(G2.BASE.multiply(gamma!)),
    vk_delta_2: g2(G2.BASE.multiply(delta!)),
    vk_alphabeta_12: [],
    IC: normalizeZ(G1, points).map(g1),
  };
  const file = new TextEncoder().encode(JSON.stringify(tweak(key)));
  const sha = createHash("sha256").update(file).digest("hex");
  const [k1, k2, tau] = [29n, 31n, 37n].map((n) => toField(n ** 80n * seed) as bigint) as [bigint, bigint, bigint];
  const own = ownSignalsOf(size).length;
  const [K1, K2, T] = [k1, k2, tau].map((secret) => G2.BASE.multiply(secret)) as [PointG2, PointG2, PointG2];
  const place = { verificationKeySha256: sha, publics: count - 1, first: own + 1, k1: K1, k2: K2, tau: T };
  const linkKeyFile = writeLinkKey({ ...place, powers: new Uint8Array(), links: new Uint8Array() });
  // The same in every proof: C alone makes the equation hold.
  const [a, b] = [19n, 23n];
  const [pi_a, pi_b] = [g1(G1.BASE.multiply(a)), g2(G2.BASE.multiply(b))];
  return {
    identity: { size, sha256: sha, origin: "development" },
    key,
    file,
    prove(signals) {
      const sum = signals.reduce((total, signal, i) => total + signal * (first! + BigInt(i + 1) * step!), first!);
      const c = toField((a * b - alpha! * beta! - gamma! * sum) * bn254.fields.Fr.inv(delta!));
      return { pi_a, pi_b, pi_c: g1(G1.BASE.multiplyUnsafe(c)), protocol: "groth16", curve: "bn128" };
    },
    pointOf(values, from) {
      const sum = values.reduce((total, value, j) => total + value * (first! + BigInt(from + j + 1) * step!), 0n);
      const scalar = toField(sum);
      return scalar === 0n ? { x: 0n, y: 0n } : G1.BASE.multiply(scalar).toAffine();
    },
    linkKeyFile,
    link(statement, change = {}) {
      const group = linkedGroup(size, statement.group);
      const { values } = statement;
      const at = (x: bigint) => {
        let power = powerOf(x, group.first);
        return values.reduce((sum, value) => {
          const term = value * power;
          power = (power * x) % FIELD_ORDER;
          return (sum + term) % FIELD_ORDER;
        }, 0n);
      };
      const p = values.reduce((sum, value, i) => sum + value * (first! + BigInt(group.first + i) * step!), 0n);
      const q = at(tau);
      const [point, polynomial] = [multiple(change.point ?? p), multiple(q)];
      const rho = challengeOf(openingSeed(linkKeyId(linkKeyFile), group, statement, { point, polynomial }));
      const opening = (q - at(rho)) * bn254.fields.Fr.inv(toField(tau - rho));
      return { point, polynomial, proof: multiple(k1 * p + k2 * q), opening: multiple(opening) };
    },
  };
}

/** What somebody who knows the secrets may put in place of what is right. */
export interface LinkTweak {
  /** Discrete logarithm of another point. */
  readonly point?: bigint;
}

const multiple = (scalar: bigint): LinkPoint => {
  const reduced = toField(scalar);
  const { x, y } = G1.BASE.multiplyUnsafe(reduced).toAffine(); // nothing here is secret
  return { x, y };
};

function powerOf(base: bigint, exponent: number): bigint {
  let [result, square] = [1n, base];
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2), square = (square * square) % FIELD_ORDER) {
    if (rest % 2 === 1) result = (result * square) % FIELD_ORDER;
  }
  return result;
}

function g1(point: InstanceType<typeof G1>): [string, string, string] {
  const { x, y } = point.toAffine();
  return [`${x}`, `${y}`, "1"];
}

function g2(point: InstanceType<typeof G2>): [[string, string], [string, string], [string, string]] {
  const { x, y } = point.toAffine();
  return [
    [`${x.c0}`, `${x.c1}`],
    [`${y.c0}`, `${y.c1}`],
    ["1", "0"],
  ];
}

/** Artifacts with a simulated key and a circuit that is empty. */
export async function simulatedArtifacts<Name extends CircuitName>({
  identity,
  key,
  file,
}: SimulatedKey<Name>): Promise<Artifacts<Name>> {
  const { size, sha256, origin } = identity;
  const none = "0".repeat(64);
  return {
    identity: {
      size,
      origin,
      compiler: "none",
      constraints: 1,
      publicInputs: key.nPublic,
      sourcesSha256: none,
      r1csSha256: none,
      wasmSha256: none,
      zkeySha256: none,
      verificationKeySha256: sha256,
    },
    verificationKey: key,
    verificationKeyFile: file,
    wasm: async () => new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    zkey: new Uint8Array(),
  };
}

/** A backend that proves whatever the public signals say under simulated keys, of `Merge` or of the other circuit, but for `damage`. */
export function simulatedBackend(
  keys: SimulatedKey<CircuitName> | readonly SimulatedKey<CircuitName>[],
  damage: Partial<Circuit> = {},
): Backend {
  let signals: bigint[] = [];
  let family: FamilyName = "account";
  return {
    name: "snarkjs",
    open: async () => ({
      async witness({ circuitInput }) {
        family = "stateMerged" in circuitInput ? "merge" : "account";
        signals = publicSignalsOf(circuitInput, family);
        return new Uint8Array();
      },
      async prove() {
        return [keys]
          .flat()
          .find(({ identity }) => familyOf(identity.size) === family)!
          .prove(signals);
      },
      ...damage,
    }),
    async close() {},
  };
}

/** The public signals among the inputs of the circuit, in its order. */
export function publicSignalsOf(input: CircuitInput, family: FamilyName = "account"): bigint[] {
  return publicNamesOf(family).flatMap((name) => input[name]!);
}
