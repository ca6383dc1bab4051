// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The bit ledger of docs/statement.md, recomputed from the declared ranges and compared with the widths that the compiled
 * circuits have: their `.sym` files name every bit that a range check has.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import {
  POSITION_STRIDE,
  POSITIONS_PER_ELEMENT,
  WIDE_PER_ELEMENT,
  WIDE_STRIDE,
} from "../../prover/src/model/commit.ts";
import { E6_TO_E10, E6_TO_E20, MARGIN_LEVEL_TO_E20 } from "../../prover/src/model/evaluate.ts";
import { largestFigure } from "../../prover/src/model/figure.ts";
import { ASSETS, BLOCK_INSTRUMENTS, BOARD_SIZES, blocksOf, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { circuitOf } from "../../prover/src/statement/families.ts";
import { BITS, BPS } from "../../prover/src/units.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const bitLength = (value: bigint) => value.toString(2).length;
const unsigned = (bits: number) => (1n << BigInt(bits)) - 1n;

const largestPosition = 1n << BigInt(BITS.position - 1);
const columnSum = (instruments: number) => BigInt(instruments) * largestPosition * unsigned(BITS.column);

function largestSurplus(instruments: number): bigint {
  const columns = columnSum(instruments);
  const collateral = BigInt(ASSETS) * unsigned(BITS.quantity) * BPS * unsigned(BITS.lotPrice);
  const equity = collateral + E6_TO_E20 * ((1n << BigInt(BITS.cash - 1)) + columns);
  const charge = BigInt(instruments) * largestPosition * unsigned(BITS.charge);
  const margin = E6_TO_E10 * (charge + columns) + BPS * columns;
  return equity + MARGIN_LEVEL_TO_E20 * unsigned(BITS.level) * margin;
}

/** Largest index of `bits` of every range check whose component path matches, from the compiled circuit's symbols. */
function widths(size: string, component: RegExp): Set<number> {
  const last = new Map<string, number>();
  for (const line of readFileSync(path.join(ROOT, "build/circuits", size, "circuit.sym"), "utf8").split("\n")) {
    const match = line.match(/^\d+,-?\d+,\d+,main\.(.*)\.bits\[(\d+)\]$/);
    if (match && component.test(match[1]!))
      last.set(match[1]!, Math.max(last.get(match[1]!) ?? 0, Number(match[2]) + 1));
  }
  return new Set(last.values());
}

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
      const sum = bitLength(columnSum(instruments));
      expect(sum + 2, "a gap and its alias").to.be.at.most(Number(WIDE_STRIDE));
      expect(BITS.threshold).to.be.below(sum);
      // Three packed differences, each below 1.5 · 2^(sum + 1), stay below the field order.
      expect(3n << BigInt(2 * Number(WIDE_STRIDE) + sum + 1)).to.satisfy((value: bigint) => value < FIELD_ORDER);
      expect(bitLength(largestSurplus(instruments))).to.be.at.most(252);
    });

    it(`C05: gives ${size} the widths of the ledger in its compiled constraints`, () => {
      expect([...widths(size, /^held\[\d+\]\.checked\[\d+\]\./)]).to.deep.equal([BITS.position]);
      expect([...widths(size, /^haircut\[\d+\]\.Unsigned/)]).to.deep.equal([BITS.quantity]);
      for (let block = 0; block < blocksOf(size); block++) {
        const sum = bitLength(columnSum((block + 1) * BLOCK_INSTRUMENTS));
        const found = [...widths(size, new RegExp(`^set\\[${block}\\]\\.`))].sort((a, b) => a - b);
        expect(found, `scan, then gaps, mark, delta of block ${block}`).to.deep.equal([sum, sum + 1]);
      }
      expect([...widths(size, /^Coverage/)]).to.deep.equal([bitLength(largestSurplus(instrumentsOf(size)))]);
    });

    it(`C05: keeps what settles on ${size} inside the field, and gives it the widths of the ledger`, () => {
      const paid = columnSum(instrumentsOf(size));
      expect(bitLength((1n << BigInt(BITS.cash - 1)) + paid)).to.be.at.most(83);
      const circuit = circuitOf("settlement", size);
      expect([...widths(circuit, /^expiry\.Signed/)]).to.deep.equal([BITS.position]);
      expect([...widths(circuit, /^Signed/)]).to.deep.equal([BITS.cash]);
    });

    it(`C05: leaves one reading to sums of two accounts on ${size}, and gives what merges the widths of the ledger`, () => {
      // Pieces of a sum and of an account in range differ by less than a stride, and all pieces by less than the field.
      for (const [bits, stride, perElement] of [
        [BITS.position, POSITION_STRIDE, POSITIONS_PER_ELEMENT],
        [BITS.quantity, WIDE_STRIDE, WIDE_PER_ELEMENT],
      ] as const) {
        const difference = 3n << BigInt(bits);
        expect(difference < 1n << stride).to.equal(true);
        expect(difference << (stride * BigInt(perElement - 1)) < FIELD_ORDER >> 1n).to.equal(true);
      }
      const circuit = circuitOf("merge", size);
      for (const side of ["left", "right"]) {
        const found = (component: string) => [...widths(circuit, new RegExp(`^${side}\\.${component}`))];
        expect(found("Signed").sort()).to.deep.equal([BITS.position, BITS.cash]);
        expect(found("Unsigned")).to.deep.equal([BITS.quantity]);
      }
    });

    it(`C05: keeps figures of ${size} inside the field, and gives their bands the widths of the ledger`, () => {
      const figure = largestFigure(size);
      expect(figure).to.equal(
        BigInt(ASSETS) * (BPS << 128n) + E6_TO_E20 * ((1n << 63n) + columnSum(instrumentsOf(size))),
      );
      expect(bitLength(2n * figure)).to.be.at.most(252);
      const circuit = circuitOf("disclosure", size);
      expect([...widths(circuit, /^haircut\[\d+\]\.Unsigned/)]).to.deep.equal([BITS.quantity]);
      expect([...widths(circuit, /^Unsigned/)]).to.deep.equal([bitLength(2n * figure)]);
      expect([...widths(circuit, /^Signed/)].sort()).to.deep.equal([BITS.position, BITS.cash]);
    });
  }
});
