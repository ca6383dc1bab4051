// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Strict Groth16 verification on BN254, sharing no code with the prover.
 *
 * What is not standard here: encodings are canonical or refused. Every number is a decimal string without sign or
 * leading zero, below its modulus; every point is affine (z = 1), on its curve, in its subgroup, and not infinity;
 * objects have exactly the fields of snarkjs's files. So one proof has one text, whatever accepts it here is accepted
 * by any correct verifier, and nothing that a lenient reader would repair gets through.
 */
import { bn254 } from "@noble/curves/bn254.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import type { LoadedVerificationKey } from "../keys/manifest.ts";
import type { KeyOrigin } from "../keys/origin.ts";
import type { BoardSize } from "../model/sizes.ts";
import { type CircuitName, ownSignalsOf, publicInputsOf } from "../statement/families.ts";
import { sumOfMultiples } from "./market-sum.ts";

/**
 * Why a proof was refused. Stable, for machines.
 * @see docs/library.md#proofs
 */
export type ProofRefusal =
  /** Not exactly the fields of a Groth16 proof over bn128, or a list of the wrong length. */
  | "PROOF_FIELDS"
  | "COORDINATE_NOT_CANONICAL"
  | "COORDINATE_NOT_REDUCED"
  | "POINT_NOT_AFFINE"
  | "POINT_AT_INFINITY"
  | "POINT_NOT_ON_CURVE"
  | "POINT_NOT_IN_SUBGROUP"
  | "SIGNALS_COUNT"
  | "SIGNAL_NOT_CANONICAL"
  | "SIGNAL_NOT_REDUCED"
  /** All is well formed, and it is not a proof of these signals under this key. */
  | "PAIRING_FAILED";

/**
 * `detail` names the place and the rule, never a value.
 * @see docs/library.md#proofs
 */
export interface Refused<Reason extends string = string> {
  readonly ok: false;
  readonly reason: Reason;
  readonly detail: string;
}

/**
 * What the strict verifier says of a proof.
 * @see docs/library.md#proofs
 */
export type ProofVerdict = { readonly ok: true; readonly signals: readonly FieldElement[] } | Refused<ProofRefusal>;

/**
 * Which key proofs are verified under.
 * @see docs/library.md#proofs
 */
export interface KeyIdentity<Name extends CircuitName = BoardSize> {
  /** Name of the circuit: for `Account` the size of its boards. */
  readonly size: Name;
  /** SHA-256 of the key's file in snarkjs's form, 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** Of any other origin than `ceremony`, somebody may be able to forge proofs. */
  readonly origin: KeyOrigin;
}

/**
 * A strict verifier of the proofs of one circuit under one key.
 * @see docs/library.md#proofs
 */
export interface Verifier<Name extends CircuitName = BoardSize> {
  readonly key: KeyIdentity<Name>;
  /**
   * Checks a proof of these signals (both as snarkjs writes them, of any kind: they are not trusted). Never throws.
   * Does NOT check what the signals say: compare them with the statement that was asked for.
   */
  verify(publicSignals: unknown, proof: unknown): ProofVerdict;
  /**
   * Σ x_i·IC_i over the signals that the proofs of a market share, affine, as an oracle on a chain stores it; zeros for the
   * point at infinity. Of signals that `verify` or `parsePublicSignals` has read.
   */
  marketPoint(signals: readonly FieldElement[]): PlainPoint;
  /** The key, for `verifyBatch`: coordinates of alpha, beta, gamma, delta, and the points of the constant one and of the signals. */
  readonly points: { readonly pairing: readonly bigint[]; readonly ic: readonly PlainPoint[] };
}

export interface PlainPoint {
  readonly x: bigint;
  readonly y: bigint;
}

const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
const { Fp, Fp2, Fp12 } = bn254.fields;
type PointG1 = InstanceType<typeof G1>;
type PointG2 = InstanceType<typeof G2>;

/** Thrown and caught in this file only. */
class Refusal extends Error {
  readonly reason: ProofRefusal;
  constructor(reason: ProofRefusal, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/**
 * Opens a verification key for one circuit.
 *
 * `file` is the key as snarkjs writes it, in bytes; its SHA-256 must be that of `identity`, which comes from a manifest or
 * another source that is trusted: whoever chooses the key forges any proof. Throws `ARTIFACT_HASH` where it is another file,
 * `KEY_REFUSED` where it is that file and still no sound key for the circuit (gamma = delta, wrong counts, bad points).
 *
 * The sum over the signals that proofs share (policy, prices, board; marks; weights) is kept for the market last seen: the first
 * proof of a market costs a multiplication by each of its values, every later one by its own alone (`ownSignalsOf`).
 * @see docs/library.md#proofs
 */
export function createVerifier<Name extends CircuitName>(
  file: Uint8Array,
  identity: KeyIdentity<Name>,
): Verifier<Name> {
  const { size } = identity;
  if (bytesToHex(sha256(file)) !== identity.sha256) {
    throw new PlimsollError("ARTIFACT_HASH", "the verification key is not the expected one: its SHA-256 differs");
  }
  const key = openKey(file, publicInputsOf(size));
  const own = ownSignalsOf(size).length;
  let shared: { readonly text: string; readonly sum: PointG1 } | undefined;

  function sumOfMarket(signals: readonly FieldElement[]): PointG1 {
    const text = signals.slice(own).join();
    if (shared?.text !== text) shared = { text, sum: sumOfMultiples(key.ic.slice(1 + own), signals.slice(own)) };
    return shared.sum;
  }

  const sumOfSignals = (signals: readonly FieldElement[]) =>
    key.ic[0]!.add(sumOfMultiples(key.ic.slice(1, 1 + own), signals.slice(0, own))).add(sumOfMarket(signals));

  return {
    key: identity,
    verify(publicSignals, proof) {
      return refusing(() => {
        const signals = readSignals(publicSignals, key.ic.length - 1);
        const { a, b, c } = readProof(proof);
        // e(A, B) · e(−Σ, gamma) · e(−C, delta) = e(alpha, beta)
        const sum = sumOfSignals(signals);
        const pairs = [
          { g1: a, g2: b },
          { g1: sum.negate(), g2: key.gamma },
          { g1: c.negate(), g2: key.delta },
        ].filter(({ g1 }) => !g1.is0());
        if (!Fp12.eql(bn254.pairingBatch(pairs), key.alphaBeta)) {
          throw new Refusal("PAIRING_FAILED", "not a proof of these public signals under this key");
        }
        return { ok: true, signals };
      });
    },
    marketPoint: (signals) => sumOfMarket(signals).toAffine(),
    points: {
      pairing: [...coordinatesOf(key.alpha), ...[key.beta, key.gamma, key.delta].flatMap(coordinatesOf)],
      ic: key.ic.map((point) => point.toAffine()),
    },
  };
}

/** x, y; in G2 the real part of each first. */
function coordinatesOf(point: PointG1 | PointG2): bigint[] {
  const { x, y } = point.toAffine();
  return [x, y].flatMap((coordinate) => (typeof coordinate === "bigint" ? coordinate : [coordinate.c0, coordinate.c1]));
}

type Loaded<Name extends CircuitName> = Pick<LoadedVerificationKey<Name>, "identity" | "verificationKeyFile">;

/** The key that a manifest names. */
export function keyOf<Name extends CircuitName>({ identity }: Pick<Loaded<Name>, "identity">): KeyIdentity<Name> {
  const { size, verificationKeySha256: sha256, origin } = identity;
  return { size, sha256, origin };
}

/** The verifier of a key that has been loaded by its manifest. */
export function verifierOf<Name extends CircuitName>(loaded: Loaded<Name>): Verifier<Name> {
  return createVerifier(loaded.verificationKeyFile, keyOf(loaded));
}

/** Public signals of a circuit, if they are canonical; not whether anything proves them. Never throws. */
export function parsePublicSignals(publicSignals: unknown, size: CircuitName): ProofVerdict {
  return parseSignals(publicSignals, publicInputsOf(size));
}

/** Some public signals, likewise. */
export function parseSignals(signals: unknown, count: number): ProofVerdict {
  return refusing(() => ({ ok: true, signals: readSignals(signals, count) }));
}

/**
 * The coordinates of a proof's A, B and C, in the order of `Verifier.points`, if they are canonical; not whether they are
 * points. Never throws.
 */
export function parseProof(proof: unknown): { readonly ok: true; readonly coordinates: readonly bigint[] } | Refused {
  return refusing(() => {
    const { pi_a, pi_b, pi_c } = proofFields(proof);
    const [a, b, c] = [affineG1(pi_a, "pi_a"), affineG2(pi_b, "pi_b"), affineG1(pi_c, "pi_c")];
    return { ok: true, coordinates: [a.x, a.y, b.x.c0, b.x.c1, b.y.c0, b.y.c1, c.x, c.y] };
  });
}

function refusing<Result>(work: () => Result): Result | Refused<ProofRefusal> {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: error.reason, detail: error.message };
    throw error;
  }
}

interface Key {
  readonly alpha: PointG1;
  readonly beta: PointG2;
  /** e(alpha, beta). */
  readonly alphaBeta: ReturnType<typeof bn254.pairing>;
  readonly gamma: PointG2;
  readonly delta: PointG2;
  readonly ic: readonly PointG1[];
}

function openKey(file: Uint8Array, publicInputs: number): Key {
  try {
    const key = fields(parseText(file), [
      "protocol",
      "curve",
      "nPublic",
      "vk_alpha_1",
      "vk_beta_2",
      "vk_gamma_2",
      "vk_delta_2",
      // A function of the two before, in a form of snarkjs's own; never used here.
      "vk_alphabeta_12",
      "IC",
    ]);
    checkCurve(key);
    if (key.nPublic !== publicInputs) {
      throw new Refusal("PROOF_FIELDS", `nPublic: expected the ${publicInputs} public inputs of this circuit`);
    }
    const gamma = readG2(key.vk_gamma_2, "vk_gamma_2");
    const delta = readG2(key.vk_delta_2, "vk_delta_2");
    // Without a contribution to the second phase delta is the generator, as gamma is in ceremonies: anyone forges proofs.
    if ([gamma, gamma.negate(), G2.BASE].some((point) => point.equals(delta))) {
      throw new Refusal("PROOF_FIELDS", "delta is gamma or the generator: nobody has contributed to this key");
    }
    const alpha = readG1(key.vk_alpha_1, "vk_alpha_1");
    const beta = readG2(key.vk_beta_2, "vk_beta_2");
    return {
      alpha,
      beta,
      alphaBeta: bn254.pairing(alpha, beta),
      gamma,
      delta,
      ic: list(key.IC, publicInputs + 1, "IC").map((point, index) => readG1(point, `IC[${index}]`)),
    };
  } catch (error) {
    if (error instanceof Refusal) throw new PlimsollError("KEY_REFUSED", `verification key: ${error.message}`);
    throw error;
  }
}

function parseText(file: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file));
  } catch {
    throw new Refusal("PROOF_FIELDS", "not JSON");
  }
}

function readSignals(value: unknown, count: number): FieldElement[] {
  if (!Array.isArray(value) || value.length !== count) {
    throw new Refusal("SIGNALS_COUNT", `expected a list of ${count} public signals`);
  }
  return Array.from(value, (signal: unknown, index) => {
    const name = `public signal ${index}`;
    return readNumber(signal, FIELD_ORDER, name, "SIGNAL_NOT_CANONICAL", "SIGNAL_NOT_REDUCED") as FieldElement;
  });
}

function readProof(value: unknown): { a: PointG1; b: PointG2; c: PointG1 } {
  const proof = proofFields(value);
  return { a: readG1(proof.pi_a, "pi_a"), b: readG2(proof.pi_b, "pi_b"), c: readG1(proof.pi_c, "pi_c") };
}

function proofFields(value: unknown) {
  const proof = fields(value, ["pi_a", "pi_b", "pi_c", "protocol", "curve"]);
  checkCurve(proof);
  return proof;
}

function checkCurve({ protocol, curve }: { protocol: unknown; curve: unknown }): void {
  if (protocol !== "groth16") throw new Refusal("PROOF_FIELDS", 'protocol: expected "groth16"');
  if (curve !== "bn128") throw new Refusal("PROOF_FIELDS", 'curve: expected "bn128"');
}

/** The members of an object that has exactly these. */
function fields<Name extends string>(value: unknown, names: readonly Name[]): Record<Name, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Refusal("PROOF_FIELDS", "expected an object");
  }
  const missing = names.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) throw new Refusal("PROOF_FIELDS", `the field "${missing}" is missing`);
  if (Object.keys(value).length !== names.length) throw new Refusal("PROOF_FIELDS", "a field that is not known here");
  return value as Record<Name, unknown>;
}

function list(value: unknown, length: number, name: string): unknown[] {
  if (!Array.isArray(value) || value.length !== length) {
    throw new Refusal("PROOF_FIELDS", `${name}: expected a list of ${length}`);
  }
  return value;
}

function readG1(value: unknown, name: string): PointG1 {
  const affine = affineG1(value, name);
  return checkPoint(() => G1.fromAffine(affine), name);
}

function readG2(value: unknown, name: string): PointG2 {
  const affine = affineG2(value, name);
  return checkPoint(() => G2.fromAffine(affine), name);
}

/** ["x", "y", "1"] */
function affineG1(value: unknown, name: string) {
  const [x, y, z] = list(value, 3, name);
  checkAffine(z === "1", z === "0", name);
  return { x: coordinate(x, `${name}[0]`), y: coordinate(y, `${name}[1]`) };
}

/** [["x0", "x1"], ["y0", "y1"], ["1", "0"]], where x = x0 + x1·u. */
function affineG2(value: unknown, name: string) {
  const [x, y, z] = list(value, 3, name).map((pair, index) => list(pair, 2, `${name}[${index}]`));
  checkAffine(z![0] === "1" && z![1] === "0", z![0] === "0" && z![1] === "0", name);
  const read = (pair: unknown[], index: number) =>
    Fp2.create({
      c0: coordinate(pair[0], `${name}[${index}][0]`),
      c1: coordinate(pair[1], `${name}[${index}][1]`),
    });
  return { x: read(x!, 0), y: read(y!, 1) };
}

function checkAffine(one: boolean, zero: boolean, name: string): void {
  if (zero) throw new Refusal("POINT_AT_INFINITY", `${name}: the point at infinity`);
  if (!one) throw new Refusal("POINT_NOT_AFFINE", `${name}: expected z = 1`);
}

function checkPoint<Point extends PointG1 | PointG2>(read: () => Point, name: string): Point {
  try {
    // Makes no point whose y alone is zero: no such point is on a curve of odd order.
    const point = read();
    // Affine zeros stand for infinity in Ethereum's encoding, and noble takes them so.
    if (point.is0()) throw new Refusal("POINT_AT_INFINITY", `${name}: the point at infinity`);
    point.assertValidity();
    return point;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw (error as Error).message.includes("subgroup")
      ? new Refusal("POINT_NOT_IN_SUBGROUP", `${name}: not in the subgroup of order r`)
      : new Refusal("POINT_NOT_ON_CURVE", `${name}: not on the curve`);
  }
}

const coordinate = (value: unknown, name: string) =>
  readNumber(value, Fp.ORDER, name, "COORDINATE_NOT_CANONICAL", "COORDINATE_NOT_REDUCED");

const CANONICAL = /^(0|[1-9][0-9]{0,77})$/;

function readNumber(value: unknown, modulus: bigint, name: string, kind: ProofRefusal, range: ProofRefusal): bigint {
  if (typeof value !== "string" || !CANONICAL.test(value)) {
    throw new Refusal(kind, `${name}: expected a decimal string without sign or leading zero`);
  }
  const number = BigInt(value);
  if (number >= modulus) throw new Refusal(range, `${name}: expected a number below the modulus`);
  return number;
}
