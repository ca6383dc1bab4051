// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Development keys: a Groth16 proving key, in snarkjs's zkey format, straight from an r1cs and a known trapdoor.
 *
 * There is no ceremony and no powers-of-tau file, so whoever sees the trapdoor forges proofs at will. Such keys are for
 * tests and demonstrations; the manifest marks them `development`. What is not as snarkjs makes it: gamma is a random
 * number (snarkjs leaves it 1, and delta too until somebody contributes, and then gamma = delta lets everybody forge),
 * and the circuit hash of section 10 is BLAKE2b-512 over the other sections, not over a powers-of-tau transcript.
 *
 * With A, B, C the constraint matrices, L the Lagrange basis on the n-th roots of unity and, for wire s,
 * a_s = Σ_c A_cs·L_c(τ) (b_s, c_s alike), k_s = β·a_s + α·b_s + c_s:
 *   section 3  k_s/γ·G1 for the public wires        section 8  k_s/δ·G1 for the others
 *   section 5  a_s·G1      sections 6 and 7  b_s·G1, b_s·G2
 *   section 9  L'_j(τ)/δ·G1 for the odd j of the basis L' on the 2n-th roots, because snarkjs gives A·B − C there and it
 *              is zero on the even ones
 */
import { createHash } from "node:crypto";
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER } from "../field.ts";
import { type Bn254, openBn254, SCALAR_BYTES, toBytes } from "./bn254.ts";
import { forEachTerm, readR1cs } from "./r1cs.ts";

/** The numbers that a ceremony exists to let nobody know. All in [2, r) and different from one another. */
export interface Trapdoor {
  readonly tau: bigint;
  readonly alpha: bigint;
  readonly beta: bigint;
  readonly gamma: bigint;
  readonly delta: bigint;
}

const NAMES = ["tau", "alpha", "beta", "gamma", "delta"] as const;
export const BASE_FIELD_ORDER = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

/** A trapdoor derived from a seed, which must be 32 random bytes or more unless the key is for a test. */
export function trapdoorFrom(seed: Uint8Array): Trapdoor {
  const numbers = NAMES.map((name) => {
    const digest = createHash("sha512").update(`plimsoll development key, ${name}\0`).update(seed).digest("hex");
    return BigInt(`0x${digest}`) % FIELD_ORDER;
  });
  if (new Set([0n, 1n, ...numbers]).size !== numbers.length + 2) {
    throw new PlimsollError("INTERNAL", "the seed gives a degenerate trapdoor");
  }
  return Object.fromEntries(NAMES.map((name, i) => [name, numbers[i]])) as unknown as Trapdoor;
}

export interface DevelopmentKey {
  /** A proving key as `snarkjs groth16 prove` reads it. */
  readonly zkey: Uint8Array;
  /** What `snarkjs zkey export verificationkey` would write for it, as text. */
  readonly verificationKey: string;
}

/**
 * Makes the key of a circuit. The same r1cs and trapdoor give the same bytes. `report` is told what is being done and
 * the fraction of the whole done before it.
 *
 * Throws FIELD_INVALID for a file that is no r1cs over BN254, OUT_OF_RANGE above 2^20 rows. Not checked: the trapdoor
 * (tests make weak keys here to show that they are refused elsewhere), and that the r1cs is any circuit of ours.
 */
export async function makeDevelopmentKey(
  r1csFile: Uint8Array,
  { tau, alpha, beta, gamma, delta }: Trapdoor,
  report: (what: string, done: number) => void = () => {},
): Promise<DevelopmentKey> {
  report("reading the constraints", 0);
  const r1cs = readR1cs(r1csFile);
  const { wires, publics, constraints } = r1cs;
  const rows = constraints + publics + 1;
  const power = Math.max(1, Math.ceil(Math.log2(rows)));
  const domain = 2 ** power;
  if (power > 20) throw new PlimsollError("OUT_OF_RANGE", "a development key is made for at most 2^20 rows");

  const bn254 = await openBn254(3 * wires + domain);
  const { run, alloc, element } = bn254;
  const {
    frm_mul: mul,
    frm_add: add,
    frm_toMontgomery: toMontgomery,
  } = run as Record<string, (...p: number[]) => void>;
  const root = (log: number) => bn254.curve.Fr.toObject(bn254.curve.Fr.w[log]!);

  // 1. Evaluate every wire's polynomials at τ, and write the matrices A and B as the prover reads them (section 4).
  const lagrange = lagrangeAt(bn254, tau, { count: domain, start: 1n, step: root(power), scale: 1n });
  const body = alloc(r1cs.body.length);
  bn254.bytes().set(r1cs.body, body);
  let entries = publics + 1;
  forEachTerm(r1cs, (matrix) => {
    if (matrix < 2) entries++;
  });
  const [a, b, c] = [0, 1, 2].map(() => alloc(wires * SCALAR_BYTES)) as [number, number, number];
  const values = [a, b, c];
  const matrices = alloc(4 + entries * MATRIX_ENTRY_BYTES);
  const scratch = alloc(2 * SCALAR_BYTES);
  const product = scratch + SCALAR_BYTES;
  const plainOne = alloc(SCALAR_BYTES);
  const memory = bn254.bytes();
  memory[plainOne] = 1;
  const view = new DataView(memory.buffer);
  view.setUint32(matrices, entries, true);
  let entryAt = matrices + 4;
  const take = (matrix: number, row: number, wire: number, coefficient: number) => {
    toMontgomery!(coefficient, scratch);
    mul!(scratch, lagrange + row * SCALAR_BYTES, product);
    const sum = values[matrix]! + wire * SCALAR_BYTES;
    add!(sum, product, sum);
    if (matrix === 2) return;
    view.setUint32(entryAt, matrix, true);
    view.setUint32(entryAt + 4, row, true);
    view.setUint32(entryAt + 8, wire, true);
    // Twice in Montgomery form: the prover multiplies it by a plain witness value and wants the product in that form.
    toMontgomery!(scratch, entryAt + 12);
    entryAt += MATRIX_ENTRY_BYTES;
  };
  forEachTerm(r1cs, (matrix, row, wire, at) => {
    take(matrix, row, wire, body + at);
  });
  // One row per public wire, without which a proof for one set of public inputs could be turned into another.
  for (let wire = 0; wire <= publics; wire++) take(0, constraints + wire, wire, plainOne);

  // 2. Combine them per wire, over γ for the public wires and over δ for the rest.
  const k = alloc(wires * SCALAR_BYTES);
  const [alphaAt, betaAt] = [element(alpha), element(beta)];
  const [perGamma, perDelta] = [element(inverse(gamma)), element(inverse(delta))];
  for (let wire = 0; wire < wires; wire++) {
    const at = wire * SCALAR_BYTES;
    mul!(a + at, betaAt, k + at);
    mul!(b + at, alphaAt, product);
    add!(k + at, product, k + at);
    add!(k + at, c + at, k + at);
    mul!(k + at, wire <= publics ? perGamma : perDelta, k + at);
  }
  const odd = { count: domain, start: root(power + 1), step: root(power), scale: inverse(2n * delta), period: 2 };
  const h = lagrangeAt(bn254, tau, odd);

  // 3. Multiply the generators.
  const work = 3 * wires + domain + G2_COST * wires;
  let done = 0;
  const points = (group: "g1" | "g2", what: string, scalars: number, count: number) => {
    report(what, done / work);
    run.frm_batchFromMontgomery!(scalars, count, scalars);
    done += group === "g1" ? count : G2_COST * count;
    return bn254.generatorTimes(group, scalars, count);
  };
  const single = (group: "g1" | "g2", value: bigint) => points(group, "points of the key itself", element(value), 1);
  const pk = points("g1", "points of the public inputs and of C", k, wires);
  const publicPoints = pk.subarray(0, (publics + 1) * G1_BYTES);
  const pointsA = points("g1", "points of A", a, wires);
  const scalarsB = b;
  const pointsB1 = points("g1", "points of B", scalarsB, wires);
  report("points of B in G2", done / work);
  const pointsB2 = bn254.generatorTimes("g2", scalarsB, wires);
  done += G2_COST * wires;
  const pointsH = points("g1", "points of H", h, domain);
  const [alpha1, beta1, delta1] = [alpha, beta, delta].map((value) => single("g1", value)) as Bytes3;
  const [beta2, gamma2, delta2] = [beta, gamma, delta].map((value) => single("g2", value)) as Bytes3;

  // 4. Write the file.
  const u32 = (...numbers: number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);
  const header = [
    [u32(32), toBytes(BASE_FIELD_ORDER), u32(32), toBytes(FIELD_ORDER), u32(wires, publics, domain)],
    [alpha1, beta1, beta2, gamma2, delta1, delta2],
  ].flat();
  const sections: [number, Uint8Array[]][] = [
    [1, [u32(GROTH16)]],
    [2, header],
    [4, [bn254.bytes().slice(matrices, entryAt)]],
    [3, [publicPoints]],
    [9, [pointsH]],
    [8, [pk.subarray(publicPoints.length)]],
    [5, [pointsA]],
    [6, [pointsB1]],
    [7, [pointsB2]],
  ];
  const hash = createHash("blake2b512");
  for (const part of sections.flatMap(([, parts]) => parts)) hash.update(part);
  sections.push([10, [hash.digest(), u32(0)]]);
  const file = sections.flatMap(([id, parts]) => {
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(parts.reduce((sum, part) => sum + part.length, 0)), true);
    return [u32(id), length, ...parts];
  });
  const zkey = new Uint8Array(Buffer.concat([Buffer.from("zkey"), u32(1, sections.length), ...file]));

  const { G1, G2, Gt, pairing } = bn254.curve;
  const ic = Array.from({ length: publics + 1 }, (_, i) => publicPoints.slice(i * G1_BYTES, (i + 1) * G1_BYTES));
  const key = {
    protocol: "groth16",
    curve: "bn128",
    nPublic: publics,
    vk_alpha_1: G1.toObject(alpha1),
    vk_beta_2: G2.toObject(beta2),
    vk_gamma_2: G2.toObject(gamma2),
    vk_delta_2: G2.toObject(delta2),
    vk_alphabeta_12: Gt.toObject(pairing.call(bn254.curve, alpha1, beta2)),
    IC: ic.map((point) => G1.toObject(point)),
  };
  const verificationKey = `${JSON.stringify(key, (_, value) => (typeof value === "bigint" ? `${value}` : value), 1)}\n`;
  report("done", 1);
  return { zkey, verificationKey };
}

const GROTH16 = 1;
const G1_BYTES = 64;
const MATRIX_ENTRY_BYTES = 12 + SCALAR_BYTES;
/** Time of a G2 multiplication in G1 multiplications, for progress only. */
const G2_COST = 3;
type Bytes3 = [Uint8Array, Uint8Array, Uint8Array];

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base % FIELD_ORDER; exponent > 0n; exponent >>= 1n, square = (square * square) % FIELD_ORDER) {
    if (exponent & 1n) result = (result * square) % FIELD_ORDER;
  }
  return result;
}

const inverse = (value: bigint) => power(value, FIELD_ORDER - 2n);

/**
 * `scale` times the Lagrange polynomials of the points x_i = start·step^i, evaluated at τ: `count` elements in memory.
 * The points are every `period`-th of the N = count·period roots of unity, whose polynomials these are:
 * L_i(τ) = (τ^N − 1)/N · x_i/(τ − x_i), with 1/period left to `scale`.
 */
export function lagrangeAt(
  { run, alloc, element }: Bn254,
  tau: bigint,
  of: { count: number; start: bigint; step: bigint; scale: bigint; period?: number },
): number {
  const vanishing = power(tau, BigInt(of.count * (of.period ?? 1))) - 1n;
  if (vanishing === 0n) throw new PlimsollError("INTERNAL", "tau is a root of unity");
  const factor = element((((vanishing * inverse(BigInt(of.count))) % FIELD_ORDER) * of.scale) % FIELD_ORDER);
  const [tauAt, x, step] = [element(tau), element(of.start), element(of.step)];
  const [result, differences] = [alloc(of.count * SCALAR_BYTES), alloc(of.count * SCALAR_BYTES)];
  const numerators = alloc(of.count * SCALAR_BYTES);
  for (let at = 0; at < of.count * SCALAR_BYTES; at += SCALAR_BYTES) {
    run.frm_mul!(x, factor, numerators + at);
    run.frm_sub!(tauAt, x, differences + at);
    run.frm_mul!(x, step, x);
  }
  run.frm_batchInverse!(differences, SCALAR_BYTES, of.count, result, SCALAR_BYTES);
  for (let at = 0; at < of.count * SCALAR_BYTES; at += SCALAR_BYTES)
    run.frm_mul!(result + at, numerators + at, result + at);
  return result;
}
