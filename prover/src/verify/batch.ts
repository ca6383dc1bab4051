// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Many proofs under one key, for services: all of them by one product of pairings with random coefficients (core/pairing.h).
 *
 * Only acceptance is quicker here. Whatever is refused is refused by the strict verifier, in its own words: a proof that it
 * cannot parse, one whose points are unsound, and, where a product is not one, the proof that halving leaves. What is accepted,
 * the strict verifier accepts too, but for an error of probability 2^-128 and for defects of the code that is trusted here besides its
 * own: the prover's core. An auditor who trusts no more than the strict verifier uses that.
 */
import { concatBytes } from "@noble/hashes/utils.js";
import { throwIfCancelled } from "../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import { type CircuitName, ownSignalsOf } from "../statement/families.ts";
import { COMPRESSED_BYTES, verifyCompressed } from "./compressed.ts";
import {
  type PlainPoint,
  type ProofVerdict,
  parseProof,
  parsePublicSignals,
  parseSignals,
  type Verifier,
} from "./verifier.ts";

/**
 * A proof and its public signals, as snarkjs writes them. Of any kind, as the item itself may be: nothing is trusted.
 * @see docs/library.md#proofs
 */
export interface BatchItem {
  readonly publicSignals: unknown;
  /** Or its 128 bytes (`compressProof`): an array of bytes is read as such. */
  readonly proof: unknown;
}

/** The arithmetic, by the functions of prover/native/plimsoll.h. */
export interface BatchCore {
  decompressProofs(compressed: Uint8Array): Promise<Uint8Array>;
  checkProofs(proofs: Uint8Array): Promise<Uint8Array>;
  verifyBatch(
    key: Uint8Array,
    proofs: Uint8Array,
    coefficients: Uint8Array,
    points: Uint8Array,
    scalars: Uint8Array,
  ): Promise<boolean>;
}

/**
 * How a batch is verified: the core, and when to stop.
 * @see docs/library.md#proofs
 */
export interface BatchOptions {
  readonly signal?: AbortSignal | undefined;
  /** Where there is none, the strict verifier takes one proof after another. */
  readonly core?: BatchCore | undefined;
}

const NUMBER_BYTES = 32;
const PROOF_BYTES = 8 * NUMBER_BYTES;
/** What Web Crypto gives at once. */
const MAX_RANDOM_BYTES = 65_536;
const COEFFICIENT_BYTES = 16;

/** The signals that proofs of a market share: their texts, and their part of the sum over the signals. */
interface Market {
  readonly texts: readonly unknown[];
  readonly signals: readonly FieldElement[];
  readonly point: PlainPoint;
}

interface Candidate {
  readonly index: number;
  /** Coordinates of A, B and C, little-endian. */
  readonly proof: Uint8Array;
  readonly own: readonly FieldElement[];
  readonly market: Market;
}

/**
 * The verdict on each of some proofs, in their order, as `verifier.verify` gives it. Rejects with `CANCELLED` and
 * `OUT_OF_MEMORY`, never for what is in the items.
 *
 * A proof costs a fraction of a millisecond; one that does not hold costs about twice the batch and once the strict verifier, so
 * whoever lets strangers fill a batch bounds what they may put in.
 * @see docs/library.md#proofs
 */
export async function verifyBatch<Name extends CircuitName>(
  verifier: Verifier<Name>,
  items: readonly unknown[],
  { signal, core }: BatchOptions = {},
): Promise<ProofVerdict[]> {
  const verdicts = new Array<ProofVerdict | undefined>(items.length).fill(undefined);
  if (core !== undefined) await accept(verifier, items, core, signal, verdicts);
  return verdicts.map((verdict, index) => {
    if (verdict !== undefined) return verdict;
    throwIfCancelled(signal);
    const { publicSignals, proof } = partsOf(items[index]);
    if (proof instanceof Uint8Array) return verifyCompressed(verifier, publicSignals, proof);
    return verifier.verify(publicSignals, proof);
  });
}

/** Fills in the verdicts on proofs that hold. */
async function accept<Name extends CircuitName>(
  verifier: Verifier<Name>,
  items: readonly unknown[],
  core: BatchCore,
  signal: AbortSignal | undefined,
  verdicts: (ProofVerdict | undefined)[],
): Promise<void> {
  const parsed = parse(verifier, items, await decompressed(items, core));
  throwIfCancelled(signal);

  // 1. Points that are none are left to the strict verifier.
  const flags = await core.checkProofs(concatBytes(...parsed.map(({ proof }) => proof)));
  const sound = parsed.filter((_, position) => flags[position] === 1);

  // 2. All at once; where they do not hold, halves of halves.
  const { pairing, ic } = verifier.points;
  const key = bytesOf(pairing);
  async function hold(candidates: readonly Candidate[]): Promise<boolean> {
    throwIfCancelled(signal);
    const coefficients = new Uint8Array(candidates.length * COEFFICIENT_BYTES);
    for (let at = 0; at < coefficients.length; at += MAX_RANDOM_BYTES) {
      crypto.getRandomValues(coefficients.subarray(at, at + MAX_RANDOM_BYTES));
    }
    const { points, scalars } = foldSignals(candidates, numbersOf(coefficients), ic);
    const proofs = concatBytes(...candidates.map(({ proof }) => proof));
    return core.verifyBatch(key, proofs, coefficients, bytesOf(points.flatMap(({ x, y }) => [x, y])), bytesOf(scalars));
  }
  /** `known` to fail: all of them did, and the half before did not. */
  async function settle(candidates: readonly Candidate[], known: boolean): Promise<boolean> {
    if (!known && (await hold(candidates))) {
      for (const { index, own, market } of candidates)
        verdicts[index] = { ok: true, signals: [...own, ...market.signals] };
      return true;
    }
    if (candidates.length > 1) {
      const half = candidates.length >> 1;
      const firstHolds = await settle(candidates.slice(0, half), false);
      await settle(candidates.slice(half), firstHolds);
    }
    return false;
  }
  if (sound.length > 0) await settle(sound, false);
}

/** What is no object has no parts, which the strict verifier refuses like any other that are missing. */
const partsOf = (item: unknown): Partial<BatchItem> => (typeof item === "object" && item !== null ? item : {});

const isCompressed = (proof: unknown): proof is Uint8Array =>
  proof instanceof Uint8Array && proof.length === COMPRESSED_BYTES;

/** The coordinates of proofs that came in 128 bytes, by the items' positions: zeros where they are not of points. */
async function decompressed(items: readonly unknown[], core: BatchCore): Promise<ReadonlyMap<number, Uint8Array>> {
  const positions = [...items.keys()].filter((index) => isCompressed(partsOf(items[index]).proof));
  const proofs = positions.map((index) => partsOf(items[index]).proof as Uint8Array);
  const bytes = positions.length === 0 ? new Uint8Array() : await core.decompressProofs(concatBytes(...proofs));
  return new Map(positions.map((index, at) => [index, bytes.subarray(PROOF_BYTES * at, PROOF_BYTES * (at + 1))]));
}

/** The items that are canonical. */
function parse<Name extends CircuitName>(
  verifier: Verifier<Name>,
  items: readonly unknown[],
  coordinates: ReadonlyMap<number, Uint8Array>,
): Candidate[] {
  const { size } = verifier.key;
  const owned = ownSignalsOf(size).length;
  const markets = new Map<string, Market>();
  let last: Market | undefined;

  /** Of texts that have been read before; most proofs of a batch share them. */
  function marketOf(publicSignals: unknown): Market | undefined {
    if (!Array.isArray(publicSignals)) return undefined;
    const texts: unknown[] = publicSignals.slice(owned);
    if (
      last !== undefined &&
      texts.length === last.texts.length &&
      last.texts.every((text, at) => text === texts[at])
    ) {
      return last;
    }
    const all = parsePublicSignals(publicSignals, size);
    if (!all.ok) return undefined;
    const name = texts.join();
    last = markets.get(name);
    if (last === undefined) {
      last = { texts, signals: all.signals.slice(owned), point: verifier.marketPoint(all.signals) };
      markets.set(name, last);
    }
    return last;
  }

  return items.flatMap((item, index): Candidate[] => {
    const { publicSignals, proof } = partsOf(item);
    const market = marketOf(publicSignals);
    const own = market === undefined ? undefined : parseSignals((publicSignals as unknown[]).slice(0, owned), owned);
    const points = coordinates.get(index) ?? coordinatesOf(proof);
    if (market === undefined || own?.ok !== true || points === undefined) return [];
    return [{ index, proof: points, own: own.signals, market }];
  });
}

function coordinatesOf(proof: unknown): Uint8Array | undefined {
  const points = parseProof(proof);
  return points.ok ? bytesOf(points.coordinates) : undefined;
}

/** Σ coefficient · (sum over the public signals) as a sum over few points, that of the constant one first. */
function foldSignals(
  candidates: readonly Candidate[],
  coefficients: readonly bigint[],
  ic: readonly PlainPoint[],
): { points: PlainPoint[]; scalars: bigint[] } {
  const own = new Array<bigint>(1 + candidates[0]!.own.length).fill(0n);
  const markets = new Map<Market, bigint>();
  for (const [position, candidate] of candidates.entries()) {
    const coefficient = coefficients[position]!;
    own[0]! += coefficient;
    for (const [index, value] of candidate.own.entries()) own[index + 1]! += coefficient * value;
    markets.set(candidate.market, (markets.get(candidate.market) ?? 0n) + coefficient);
  }
  return {
    points: [...ic.slice(0, own.length), ...markets.keys().map(({ point }) => point)],
    scalars: [...own, ...markets.values()].map((scalar) => scalar % FIELD_ORDER),
  };
}

function bytesOf(numbers: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(numbers.length * NUMBER_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, number] of numbers.entries()) {
    for (let at = 0; at < NUMBER_BYTES; at += 8) {
      view.setBigUint64(index * NUMBER_BYTES + at, number >> BigInt(8 * at), true);
    }
  }
  return bytes;
}

function numbersOf(coefficients: Uint8Array): bigint[] {
  const view = new DataView(coefficients.buffer, coefficients.byteOffset, coefficients.byteLength);
  return Array.from({ length: coefficients.length / COEFFICIENT_BYTES }, (_, index) => {
    const at = index * COEFFICIENT_BYTES;
    return (view.getBigUint64(at + 8, true) << 64n) | view.getBigUint64(at, true);
  });
}
