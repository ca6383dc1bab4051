// SPDX-License-Identifier: GPL-3.0-or-later
import { pippenger } from "@noble/curves/abstract/curve.js";
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { FIELD_ORDER, toField } from "../../prover/src/field.ts";
import { sumOfMultiples } from "../../prover/src/verify/market-sum.ts";
import { seededRng } from "../support/random.ts";

const G1 = bn254.G1.Point;
const G = G1.BASE;

describe("sums of multiples of public points", () => {
  const points = Array.from({ length: 80 }, (_, i) => G.multiply(BigInt(i * i + 1)));
  const check = (of: typeof points, scalars: readonly bigint[], what?: string) =>
    expect(sumOfMultiples(of, scalars).equals(pippenger(G1, of, scalars as bigint[])), what).to.equal(true);

  it("agree with noble's for scalars of every size and sign, few points and many", () => {
    const rng = seededRng(1);
    for (const count of [0, 1, 2, 3, 7, 80]) {
      for (const bits of [1n, 8n, 64n, 84n, 254n]) {
        const scalars = Array.from({ length: count }, () => {
          const value = rng.below(1n << bits) % FIELD_ORDER;
          return rng.chance(0.5) ? value : toField(-value);
        });
        check(points.slice(0, count), scalars, `${count} scalars of ${bits} bits`);
      }
    }
  });

  it("agree where values are packed of small signed ones, as a market's are", () => {
    const rng = seededRng(2);
    const piece = () => rng.between(-1000n, 1000n);
    check(
      points,
      points.map(() => toField(piece() + (piece() << 84n) + (piece() << 168n))),
    );
  });

  it("agree at the ends of the field and of digits, and add equal, opposite and infinite points", () => {
    const ends = [0n, 1n, 2n, FIELD_ORDER - 1n, FIELD_ORDER - 2n, FIELD_ORDER >> 1n, (FIELD_ORDER >> 1n) + 1n];
    for (let bit = 2n; bit < 254n; bit++) ends.push((1n << bit) - 1n, 1n << bit, (1n << bit) + 1n);
    for (const end of ends) check([G], [end % FIELD_ORDER], `${end}`);
    check([G, G, G.negate(), G1.ZERO, G, G], [5n, 5n, 5n, 9n, FIELD_ORDER - 5n, 1n]);
    check([G, G], [7n, FIELD_ORDER - 7n], "cancel");
    check(new Array(70).fill(G), new Array(70).fill(3n), "all equal");
    check(
      Array.from({ length: 70 }, (_, i) => (i % 2 === 0 ? G : G.negate())),
      new Array(70).fill(3n),
      "all cancel",
    );
  });
});
