// SPDX-License-Identifier: GPL-3.0-or-later
/** A circuit key whose points are known multiples of the generator, its link key, and the two equations of a link, plainly. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { bn254 } from "@noble/curves/bn254.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import type { LinkSecrets } from "../../prover/src/keys/development-link.ts";
import { writeLinkKey } from "../../prover/src/keys/link-key.ts";
import type { LoadedLinkKey, VerificationKey } from "../../prover/src/keys/manifest.ts";
import { type Link, type LinkPoint, type LinkStatement, words } from "../../prover/src/statement/link.ts";

const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
export type PointG1 = InstanceType<typeof G1>;
export const CIRCUIT = "settlement-60" as const;

interface Vector {
  readonly publics: number;
  readonly first: number;
  readonly verificationKeySha256: string;
  readonly secrets: Readonly<Record<keyof LinkSecrets, string>>;
  readonly ic: readonly string[];
  readonly keyId: string;
  readonly statement: { readonly group: string; readonly subject: string; readonly values: readonly string[] };
  readonly rho: string;
  readonly fold: string;
  readonly link: Readonly<Record<keyof Link, { readonly x: string; readonly y: string }>>;
}
const text = readFileSync(path.join(import.meta.dirname, "../vectors/link.json"), "utf8");
export const VECTOR = JSON.parse(text) as Vector;

const known = new Map<bigint, PointG1>();
/** A multiple of the generator; each is worked out once. */
export function times(scalar: bigint): PointG1 {
  const reduced = ((scalar % FIELD_ORDER) + FIELD_ORDER) % FIELD_ORDER;
  const found = known.get(reduced) ?? (reduced === 0n ? G1.ZERO : G1.fromAffine(G1.BASE.multiply(reduced).toAffine()));
  known.set(reduced, found);
  return found;
}
export const plain = (point: PointG1): LinkPoint => {
  const { x, y } = point.toAffine();
  return { x, y };
};
export const pointOf = ({ x, y }: LinkPoint): PointG1 => G1.fromAffine({ x, y });
export const moved = (at: LinkPoint, by: PointG1): LinkPoint => plain(pointOf(at).add(by));

export const secretsOf = ({ secrets }: Vector): LinkSecrets => ({
  k1: BigInt(secrets.k1),
  k2: BigInt(secrets.k2),
  tau: BigInt(secrets.tau),
});
export const statementOf = ({ statement }: Vector): LinkStatement => ({
  ...statement,
  values: statement.values.map(BigInt),
});
export const linkOf = ({ link }: Vector): Link =>
  Object.fromEntries(
    Object.entries(link).map(([name, { x, y }]) => [name, { x: BigInt(x), y: BigInt(y) }]),
  ) as unknown as Link;

interface KeyChange {
  readonly secrets?: Partial<LinkSecrets>;
  readonly ic?: readonly bigint[];
  /** The first input that is linked. */
  readonly first?: number;
  readonly verificationKeySha256?: string;
  readonly edit?: (links: Uint8Array, powers: Uint8Array) => void;
}

/** The key of the vector's circuit, or one that differs from it. */
export function simulatedKey(change: KeyChange = {}) {
  const secrets = { ...secretsOf(VECTOR), ...change.secrets };
  const { k1, k2, tau } = secrets;
  const { ic, first, verificationKeySha256, edit } = {
    ic: VECTOR.ic.map(BigInt),
    first: VECTOR.first,
    verificationKeySha256: VECTOR.verificationKeySha256,
    ...change,
  };
  const publics = ic.length - 1;
  const exponents = ic.map((_, index) => power(tau, index));
  const bytesOf = (scalars: readonly bigint[]) =>
    words(...scalars.map((scalar) => plain(times(scalar))).flatMap(({ x, y }) => [x, y]));
  const powers = bytesOf(exponents.slice(1));
  const links = bytesOf(ic.map((scalar, index) => k1 * scalar + k2 * exponents[index]!).slice(first));
  edit?.(links, powers);
  const [K1, K2, T] = [k1, k2, tau].map((secret) => G2.BASE.multiply(secret)) as [PointG2, PointG2, PointG2];
  const place = { verificationKeySha256, publics, first };
  const linkKeyFile = writeLinkKey({ ...place, k1: K1, k2: K2, tau: T, powers, links });
  const points = ic.map((scalar) => plain(times(scalar)));
  const IC = points.map(({ x, y }) => [`${x}`, `${y}`, "1"]);
  const verificationKey = { nPublic: publics, IC } as unknown as VerificationKey;
  const identity = keyIdentity(linkKeyFile, verificationKeySha256);
  const loaded: LoadedLinkKey<typeof CIRCUIT> = { identity, linkKeyFile, verificationKey };
  return { loaded, ic: points, K1, K2, T, secrets };
}
type PointG2 = InstanceType<typeof G2>;
export type SimulatedKey = ReturnType<typeof simulatedKey>;

export const keyIdentity = (file: Uint8Array, verificationKeySha256 = VECTOR.verificationKeySha256) => ({
  size: CIRCUIT,
  verificationKeySha256,
  sha256: bytesToHex(sha256(file)),
  origin: "development" as const,
});

/** e(π, G2) = e(P, K1)·e(Q, K2): what a verifier that asks for no opening checks. */
export function isOfOneVector({ K1, K2 }: SimulatedKey, { point, polynomial, proof }: Omit<Link, "opening">): boolean {
  return isOne([
    [pointOf(proof).negate(), G2.BASE],
    [pointOf(point), K1],
    [pointOf(polynomial), K2],
  ]);
}

/** e(Q − y·G + ρ·W, G2) = e(W, [τ]_2): what a verifier checks whose challenge is ρ. */
export function opensTo({ T }: SimulatedKey, { polynomial, opening }: Link, rho: bigint, y: bigint): boolean {
  const left = pointOf(polynomial).subtract(times(y)).add(pointOf(opening).multiply(rho));
  return isOne([
    [left, G2.BASE],
    [pointOf(opening).negate(), T],
  ]);
}

function isOne(pairs: readonly (readonly [PointG1, PointG2])[]): boolean {
  const { Fp12 } = bn254.fields;
  const nonzero = pairs.map(([g1, g2]) => ({ g1, g2 })).filter(({ g1 }) => !g1.is0());
  return Fp12.eql(bn254.pairingBatch(nonzero), Fp12.ONE);
}

/** Σ values[j]·at^(first + j). */
export const polynomialAt = (values: readonly bigint[], at: bigint, first = VECTOR.first): bigint =>
  values.reduceRight((sum, value, index) => (sum + value * power(at, first + index)) % FIELD_ORDER, 0n);

function power(base: bigint, exponent: number): bigint {
  let result = 1n;
  for (let index = 0; index < exponent; index++) result = (result * base) % FIELD_ORDER;
  return result;
}

/** An opening at ρ by someone who knows τ. */
export const openingBy = ({ secrets: { tau } }: SimulatedKey, polynomial: bigint, rho: bigint, y: bigint): LinkPoint =>
  plain(times((polynomial - y) * inverse(tau - rho)));

function inverse(value: bigint): bigint {
  let [result, square] = [1n, ((value % FIELD_ORDER) + FIELD_ORDER) % FIELD_ORDER];
  for (let rest = FIELD_ORDER - 2n; rest > 0n; rest >>= 1n, square = (square * square) % FIELD_ORDER) {
    if (rest & 1n) result = (result * square) % FIELD_ORDER;
  }
  return result;
}
