// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The bit ledger of docs/statement.md, recomputed from the declared ranges and compared with what the compiled constraints
 * hold: every range check and flag, by signal and index, at every size.
 */

import path from "node:path";
import { expect } from "chai";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import {
  POSITION_STRIDE,
  POSITIONS_PER_ELEMENT,
  WIDE_PER_ELEMENT,
  WIDE_STRIDE,
} from "../../prover/src/model/commit.ts";
import { E6_TO_E20 } from "../../prover/src/model/evaluate.ts";
import { largestFigure } from "../../prover/src/model/figure.ts";
import { ASSETS, BOARD_SIZES, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { circuitOf, DEFAULT_CIRCUITS, familyOf } from "../../prover/src/statement/families.ts";
import { BITS, BPS } from "../../prover/src/units.ts";
import { readR1cs, readSymbols } from "../soundness/lab/r1cs.ts";
import { bandBits, bitLength, COUNTS, columnSum, dimensionsOf, largestSurplus, ledgerOf } from "../support/ledger.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

describe("bit ledger", () => {
  it("C05: leaves a guard gap between packed pieces for a difference of differences", () => {
    expect(Number(POSITION_STRIDE)).to.be.at.least(BITS.position + 3);
    expect(Number(WIDE_STRIDE)).to.be.at.least(BITS.quantity + 3);
    expect(Number(POSITION_STRIDE) * POSITIONS_PER_ELEMENT).to.be.at.most(252);
    expect(Number(WIDE_STRIDE) * WIDE_PER_ELEMENT).to.be.at.most(252);
  });

  for (const size of BOARD_SIZES) {
    it(`C05: keeps ${size} inside the field at all maxima at once`, () => {
      const instruments = instrumentsOf(size);
      const sum = bitLength(columnSum(instruments + ASSETS));
      expect(sum + 2, "a gap and its alias").to.be.at.most(Number(WIDE_STRIDE));
      expect(BITS.threshold).to.be.below(sum);
      // Three packed differences, each below 1.5 · 2^(sum + 1), stay below the field order.
      expect(3n << BigInt(2 * Number(WIDE_STRIDE) + sum + 1)).to.satisfy((value: bigint) => value < FIELD_ORDER);
      expect(bitLength(largestSurplus(dimensionsOf(circuitOf("account", size))))).to.be.at.most(252);
    });

    it(`C05: keeps what settles on ${size} inside the field`, () => {
      const paid = columnSum(instrumentsOf(size));
      expect(bitLength((1n << BigInt(BITS.cash - 1)) + paid)).to.be.at.most(83);
    });

    it(`C05: leaves one reading to sums of two accounts on ${size}`, () => {
      // Pieces of a sum and of an account in range differ by less than a stride, and all pieces by less than the field.
      for (const [bits, stride, perElement] of [
        [BITS.position, POSITION_STRIDE, POSITIONS_PER_ELEMENT],
        [BITS.quantity, WIDE_STRIDE, WIDE_PER_ELEMENT],
      ] as const) {
        const difference = 3n << BigInt(bits);
        expect(difference < 1n << stride).to.equal(true);
        expect(difference << (stride * BigInt(perElement - 1)) < FIELD_ORDER >> 1n).to.equal(true);
      }
    });

    it(`C05: keeps figures of ${size} inside the field`, () => {
      const figure = largestFigure(size);
      expect(figure).to.equal(
        BigInt(ASSETS) * (BPS << 128n) + E6_TO_E20 * ((1n << 63n) + columnSum(instrumentsOf(size))),
      );
      expect(bitLength(2n * figure)).to.be.at.most(252);
      expect(bandBits(dimensionsOf(circuitOf("disclosure", size)))).to.equal(bitLength(2n * figure));
    });
  }

  for (const circuit of DEFAULT_CIRCUITS) {
    it(`C05 W09: ${circuit} holds every signal of the ledger to its range at every index, and nothing else`, () => {
      const file = (extension: string) => path.join(ROOT, "build/circuits", circuit, `circuit.${extension}`);
      const family = familyOf(circuit);
      const of = dimensionsOf(circuit);
      const { faults, held } = ledgerOf(family, of, readR1cs(file("r1cs")), readSymbols(file("sym")));
      expect(faults).to.deep.equal([]);
      expect(held.size).to.equal(COUNTS[family](of));
    });
  }
});
