// SPDX-License-Identifier: GPL-3.0-or-later
/** Whether a point of the twist is in the subgroup of order r, by the core: its criterion, and points of every order. */
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { type Addon, loadAddon } from "../../prover/src/node/native.ts";
import { seededRng } from "../support/random.ts";
import { skip } from "../support/skip.ts";

const { Fp2 } = bn254.fields;
const [G1, G2] = [bn254.G1.Point, bn254.G2.Point];
type Point = typeof G2.BASE;

const SEED = 4_965_661_367_192_848_881n;
const P = bn254.fields.Fp.ORDER;
const R = bn254.fields.Fr.ORDER;
const TRACE = 6n * SEED * SEED + 1n;
/** The order of the twist over that of the subgroup, and its prime factors. */
const COFACTOR = 2n * P - R;
const FACTORS = [10_069n, 5_864_401n, 1_875_725_156_269n];

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));
/** For scalars of any size and points of any order. */
function times(scalar: bigint, point: Point): Point {
  let sum = G2.ZERO;
  for (const bit of scalar.toString(2)) sum = bit === "1" ? sum.double().add(point) : sum.double();
  return sum;
}

const rng = seededRng(47);
/** A point of the twist, of any order. */
function anyPoint(): Point {
  for (;;) {
    const x = Fp2.create({ c0: rng.below(P), c1: rng.below(P) });
    try {
      return G2.fromAffine({ x, y: Fp2.sqrt(Fp2.add(Fp2.mul(Fp2.sqr(x), x), G2.CURVE().b)) });
    } catch {
      // no square root: another x
    }
  }
}

describe("the subgroup of the twist", () => {
  let addon: Addon;
  before(function () {
    const native = loadAddon();
    if (native.addon === undefined) return skip(this, "no native prover");
    addon = native.addon;
  });

  /** Of each point, as B of a proof whose other points are sound. */
  async function areInside(points: readonly Point[]): Promise<boolean[]> {
    const { x, y } = G1.BASE.toAffine();
    const numbers = points.flatMap((point) => {
      const { x: bx, y: by } = point.toAffine();
      return [x, y, bx.c0, bx.c1, by.c0, by.c1, x, y];
    });
    const bytes = Buffer.concat(
      numbers.map((value) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse()),
    );
    return [...((await addon.checkProofs(new Uint8Array(bytes), 1)) as Uint8Array)].map((each) => each === 1);
  }

  it("V08: what the criterion takes to zero is of order r: its norm and the order of the twist share r and no more", () => {
    // f = (z + 1) + z·X + z·X² − 2z·X³ modulo X² − t·X + p, as a + b·X.
    let power: [bigint, bigint] = [1n, 0n];
    let [a, b] = [0n, 0n];
    for (const coefficient of [SEED + 1n, SEED, SEED, -2n * SEED]) {
      a += coefficient * power[0];
      b += coefficient * power[1];
      power = [-power[1] * P, power[0] + power[1] * TRACE];
    }
    const norm = a * a + a * b * TRACE + b * b * P;
    expect(gcd(norm < 0n ? -norm : norm, COFACTOR * R)).equal(R);
    expect((a + b * P) % R, "f(p)").equal(0n);
    expect(P + 1n - TRACE).equal(R);
    expect(FACTORS.every((factor) => COFACTOR % factor === 0n)).equal(true);
  });

  it("V08: multiples of the generator are inside", async () => {
    const scalars = [1n, 2n, SEED, R - SEED, R - 1n, ...Array.from({ length: 8 }, () => 1n + rng.below(R - 1n))];
    expect(await areInside(scalars.map((scalar) => G2.BASE.multiply(scalar)))).deep.equal(scalars.map(() => true));
  });

  it("V08: points of any order, of the small orders of the twist, and these added to points inside, are not", async () => {
    const any = Array.from({ length: 8 }, anyPoint);
    expect(times(COFACTOR * R, any[0]!).is0(), "the order of the twist").equal(true);
    const small = [COFACTOR, ...FACTORS].map((order) => {
      for (;;) {
        const point = times((COFACTOR * R) / order, anyPoint());
        if (!point.is0()) return point;
      }
    });
    for (const [index, order] of [COFACTOR, ...FACTORS].entries()) {
      expect(times(order, small[index]!).is0()).equal(true);
    }
    const added = small.map((point) => point.add(G2.BASE.multiply(1n + rng.below(R - 1n))));
    const outside = [...any, ...small, ...added];
    expect(await areInside(outside)).deep.equal(outside.map(() => false));
  });
});
