// SPDX-License-Identifier: GPL-3.0-or-later
/** Proofs of 128 bytes by the core: byte by byte what verify/compressed.ts makes of them, and nothing where that refuses. */
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { type Addon, loadAddon } from "../../prover/src/node/native.ts";
import { compressProof, decompressProof, plainProof } from "../../prover/src/verify/compressed.ts";
import { seededRng } from "../support/random.ts";
import { skip } from "../support/skip.ts";

const { Fp, Fp2 } = bn254.fields;
const [G1, G2] = [bn254.G1.Point, bn254.G2.Point];
const P = Fp.ORDER;
const rng = seededRng(128);

interface Pair {
  readonly c0: bigint;
  readonly c1: bigint;
}

const twistSquare = (x: Pair) => Fp2.add(Fp2.mul(Fp2.sqr(x), x), G2.CURVE().b);

/** A point of the twist, in its subgroup only by chance. */
function anyTwistPoint(): { readonly x: Pair; readonly y: Pair } {
  for (;;) {
    const x = Fp2.create({ c0: rng.below(P), c1: rng.below(P) });
    try {
      return { x, y: Fp2.sqrt(twistSquare(x)) };
    } catch {
      // no square root: another x
    }
  }
}

/** p² − 1 = 3^a · rest; a cube root is a power, up to a root of one of order 3^a. */
const THREES = (() => {
  let [rest, order] = [P * P - 1n, 1n];
  for (; rest % 3n === 0n; rest /= 3n) order *= 3n;
  const exponent = (rest % 3n === 1n ? 2n * rest + 1n : rest + 1n) / 3n;
  for (;;) {
    const root = Fp2.pow(Fp2.create({ c0: rng.below(P), c1: rng.below(P) }), rest);
    if (!Fp2.eql(Fp2.pow(root, order / 3n), Fp2.ONE)) return { root, order, exponent };
  }
})();
function cubeRoot(value: Pair): Pair | undefined {
  let candidate = Fp2.pow(value, THREES.exponent);
  for (let at = 0n; at < THREES.order; at++, candidate = Fp2.mul(candidate, THREES.root)) {
    if (Fp2.eql(Fp2.mul(Fp2.sqr(candidate), candidate), value)) return candidate;
  }
  return undefined;
}
/** A point of the twist one part of whose y is zero. */
function flatTwistPoint(part: "c0" | "c1"): { readonly x: Pair; readonly y: Pair } {
  for (;;) {
    const y = Fp2.create({ c0: 0n, c1: 0n, [part]: rng.below(P) });
    const x = cubeRoot(Fp2.sub(Fp2.sqr(y), G2.CURVE().b));
    if (x !== undefined) return { x, y };
  }
}

function compressed(b: { readonly x: Pair; readonly y: Pair }): Uint8Array {
  const [a, c] = [G1.BASE, G1.BASE].map((base) => base.multiply(1n + rng.below(1n << 200n)).toAffine());
  return compressProof(plainProof([a!.x, a!.y, b.x.c0, b.x.c1, b.y.c0, b.y.c1, c!.x, c!.y]));
}
const honest = () => compressed(G2.BASE.multiply(1n + rng.below(1n << 200n)).toAffine());

const bigEndian = (value: bigint) => Uint8Array.from(Buffer.from(value.toString(16).padStart(64, "0"), "hex"));
const PLACES = [0, 32, 64, 96] as const;
/** A copy with a coordinate replaced. */
function withCoordinate(proof: Uint8Array, place: number, value: bigint): Uint8Array {
  const copy = proof.slice();
  copy.set(bigEndian(value), place);
  return copy;
}

describe("proofs in 128 bytes, by the core", () => {
  let addon: Addon;
  before(function () {
    const native = loadAddon();
    if (native.addon === undefined) return skip(this, "no native prover");
    addon = native.addon;
  });

  /** What the core makes of proofs, where it makes something of them, on one thread and on two. */
  async function decompress(proofs: readonly Uint8Array[]): Promise<(readonly bigint[] | undefined)[]> {
    const bytes = new Uint8Array(Buffer.concat(proofs));
    const [whole, beside] = await Promise.all([1, 2].map((threads) => addon.decompressProofs(bytes, threads)));
    expect(beside).deep.equal(whole);
    return proofs.map((_, at) => {
      const coordinates = Array.from({ length: 8 }, (_, index) => {
        const from = 256 * at + 32 * index;
        return BigInt(`0x${Buffer.from((whole as Uint8Array).slice(from, from + 32).reverse()).toString("hex")}`);
      });
      return coordinates.every((value) => value === 0n) ? undefined : coordinates;
    });
  }
  async function areAlike(proofs: readonly Uint8Array[]): Promise<number> {
    const expected = proofs.map(decompressProof);
    expect(await decompress(proofs)).deep.equal(expected);
    return expected.filter((each) => each !== undefined).length;
  }

  it("V08: proofs, each with either half of every y, and points of the twist off the subgroup, give their coordinates", async () => {
    const proofs = Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? honest() : compressed(anyTwistPoint())));
    const turned = proofs.flatMap((proof) => [0, 32, 96].map((at) => proof.with(at, proof[at]! ^ 0x80)));
    expect(await areAlike([...proofs, ...turned])).equal(48);
  });

  it("V08: where one part of y is zero, the other says which half", async () => {
    const proofs = (["c0", "c1"] as const).flatMap((part) =>
      Array.from({ length: 3 }, () => compressed(flatTwistPoint(part))),
    );
    const turned = proofs.map((proof) => proof.with(32, proof[32]! ^ 0x80));
    expect(await areAlike([...proofs, ...turned])).equal(12);
  });

  it("A07: coordinates at and beyond the modulus, spare bits, zeros, bytes changed and bytes at random give nothing, or what they say", async function () {
    this.timeout(20_000);
    const edges = [0n, 1n, P - 1n, P, P + 1n, 1n << 254n, (1n << 254n) - 1n, (1n << 255n) - 1n, (1n << 256n) - 1n];
    const placed = edges.flatMap((value) => PLACES.map((place) => withCoordinate(honest(), place, value)));
    const signed = edges.flatMap((value) =>
      PLACES.map((place) => withCoordinate(honest(), place, (value | (1n << 255n)) & ((1n << 256n) - 1n))),
    );
    const moved = PLACES.map((place) => {
      const proof = honest();
      const x = BigInt(`0x${Buffer.from(proof.subarray(place, place + 32)).toString("hex")}`) & ((1n << 255n) - 1n);
      // The same number once more: no second encoding.
      return withCoordinate(proof, place, x + P);
    });
    const changed = Array.from({ length: 300 }, () => {
      const [proof, at] = [honest(), Number(rng.below(128n))];
      return proof.with(at, proof[at]! ^ (1 << Number(rng.below(8n))));
    });
    const random = Array.from({ length: 300 }, () => {
      const proof = Uint8Array.from({ length: 128 }, () => Number(rng.below(256n)));
      for (const place of PLACES) proof[place]! &= place === 64 ? 0x1f : 0x9f;
      return proof;
    });
    const none = [new Uint8Array(128), new Uint8Array(128).fill(0xff)];
    expect(await areAlike([...placed, ...signed, ...moved, ...none]), "edges").lessThan(40);
    expect(await areAlike(changed), "changed").within(50, 250);
    expect(await areAlike(random), "random").within(5, 150);
  });

  it("bytes that are not of whole proofs are a status, no proofs no bytes", async () => {
    expect(await addon.decompressProofs(new Uint8Array(127), 1)).a("number");
    expect(await addon.decompressProofs(new Uint8Array(129), 1)).a("number");
    expect(await addon.decompressProofs(new Uint8Array(), 1)).have.length(0);
  });
});
