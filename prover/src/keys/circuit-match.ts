// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Whether a proving key was made for an r1cs, as far as that shows without its phase 1.
 *
 * Counts and sections have to be those of the circuit; the matrices A and B in it (section 4) equal the circuit's, term by
 * term; and B's points, in G1 and in G2, are the circuit's columns at the secret τ, by one random linear combination.
 *
 * For the last: section 9 spans Z(τ)·p(τ)/δ for every polynomial p, where Z is zero on the domain. With W(p) that point,
 *   e(W(Σ r_s b_s), G2) = e(W(1), Σ r_s·B2_s)      and      e(Σ r_s·B1_s, G2) = e(G1, Σ r_s·B2_s).
 * The points of A and C are bound to nothing but α, β and τ: what they are shows in proofs that verify, or with the phase 1
 * of a ceremony (`plimsoll ceremony verify`).
 */
import { randomBytes } from "node:crypto";
import { curves } from "snarkjs";
import { FIELD_ORDER } from "../field.ts";
import { SCALAR_BYTES, toBytes } from "./bn254.ts";
import { forEachTerm, type R1cs, readR1cs } from "./r1cs.ts";
import { readZkey, type Zkey } from "./zkey.ts";

const G1_BYTES = 64;
const G2_BYTES = 128;
const ENTRY_BYTES = 12 + SCALAR_BYTES;
/** Coefficients are stored twice in Montgomery form. */
const MONTGOMERY_TWICE = 2n ** 512n % FIELD_ORDER;

/** Says what does not fit, or undefined. Starts snarkjs's threads. Throws as the readers of the two files do. */
export async function misfit(r1csFile: Uint8Array, keyFile: Uint8Array): Promise<string | undefined> {
  const r1cs = readR1cs(r1csFile);
  const key = readZkey(keyFile);
  const { wires, publics, constraints } = r1cs;
  const power = Math.max(1, Math.ceil(Math.log2(constraints + publics + 1)));
  const domain = 2 ** power;
  const counts = [key.wires, key.publics, key.domain, key.ic.length];
  if (counts.join() !== [wires, publics, domain, publics + 1].join())
    return "it is for other numbers of signals or rows";
  const lengths: [section: number, bytes: number][] = [
    [5, wires * G1_BYTES],
    [6, wires * G1_BYTES],
    [7, wires * G2_BYTES],
    [8, (wires - publics - 1) * G1_BYTES],
    [9, domain * G1_BYTES],
  ];
  for (const [section, bytes] of lengths) {
    if (key.section(section).length !== bytes) return `its section ${section} is of another length`;
  }
  if (!sameMatrices(r1cs, key)) return "its matrices are those of another circuit";
  if (!(await sameColumns(r1cs, key, power))) return "its points of B are not the circuit's";
  return undefined;
}

function sameMatrices(r1cs: R1cs, key: Zkey): boolean {
  const section = key.section(4);
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  let at = 4;
  let same = true;
  const expect = (matrix: number, row: number, wire: number, coefficient: bigint) => {
    same &&= at + ENTRY_BYTES <= section.length;
    same &&= [matrix, row, wire].every((value, index) => view.getUint32(at + 4 * index, true) === value);
    same &&= integer(section, at + 12) === (coefficient * MONTGOMERY_TWICE) % FIELD_ORDER;
    at += ENTRY_BYTES;
  };
  forEachTerm(r1cs, (matrix, row, wire, coefficientAt) => {
    if (matrix < 2) expect(matrix, row, wire, integer(r1cs.body, coefficientAt));
  });
  for (let wire = 0; wire <= r1cs.publics; wire++) expect(0, r1cs.constraints + wire, wire, 1n);
  return same && at === section.length && view.getUint32(0, true) === (at - 4) / ENTRY_BYTES;
}

async function sameColumns(r1cs: R1cs, key: Zkey, power: number): Promise<boolean> {
  const curve = await curves.getCurveFromName("bn128");
  const { Fr, G1, G2 } = curve;
  const domain = 2 ** power;
  const root = Fr.toObject(Fr.w[power]!);

  // Of two random combinations the one without a term of degree domain − 1, which a phase 1 of this very power does not reach.
  const [one, two] = [combination(r1cs, domain, root), combination(r1cs, domain, root)];
  const mixed = (a: readonly bigint[], b: readonly bigint[]) =>
    a.map((value, index) => modulo(two.leading * value - one.leading * b[index]!));
  const weights = bytesOf(mixed(one.weights, two.weights));
  const values = bytesOf(mixed(one.values, two.values));

  // Its values on the odd 2·domain-th roots of unity, where Z is −2.
  const coefficients = await Fr.ifft(await Fr.batchToMontgomery(values));
  const shifted = await Fr.fft(await Fr.batchApplyKey(coefficients, Fr.one, Fr.w[power + 1]!));
  const bases = key.section(9).slice();
  const ofColumns = await G1.multiExpAffine(bases, await Fr.batchFromMontgomery(shifted));
  const ofOne = await G1.multiExpAffine(bases, bytesOf(new Array<bigint>(domain).fill(1n)));

  const b1 = await G1.multiExpAffine(key.section(6).slice(), weights);
  const b2 = await G2.multiExpAffine(key.section(7).slice(), weights);
  if (G1.isZero(ofOne) || G2.isZero(b2)) return false;
  return (
    (await curve.pairingEq(ofColumns, G2.g, G1.neg(ofOne), b2)) && (await curve.pairingEq(b1, G2.g, G1.neg(G1.g), b2))
  );
}

/** Random weights for all wires, and the polynomial Σ weight_s · b_s: values on the domain, coefficient of the highest degree. */
function combination(r1cs: R1cs, domain: number, root: bigint) {
  const weights = Array.from({ length: r1cs.wires }, () => BigInt(`0x${randomBytes(31).toString("hex")}`));
  const values = new Array<bigint>(domain).fill(0n);
  forEachTerm(r1cs, (matrix, row, wire, at) => {
    if (matrix === 1) values[row] = modulo(values[row]! + weights[wire]! * integer(r1cs.body, at));
  });
  let leading = 0n;
  let x = 1n;
  for (const value of values) {
    leading = modulo(leading + value * x);
    x = modulo(x * root);
  }
  return { weights, values, leading };
}

const modulo = (value: bigint) => ((value % FIELD_ORDER) + FIELD_ORDER) % FIELD_ORDER;

function bytesOf(values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(values.length * SCALAR_BYTES);
  for (const [index, value] of values.entries()) bytes.set(toBytes(value), index * SCALAR_BYTES);
  return bytes;
}

/** A little-endian field element. */
function integer(bytes: Uint8Array, at: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, SCALAR_BYTES);
  return [24, 16, 8, 0].reduce((value, offset) => (value << 64n) | view.getBigUint64(offset, true), 0n);
}
