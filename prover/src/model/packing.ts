// SPDX-License-Identifier: GPL-3.0-or-later
/** Packed vectors: signed pieces simply summed at their strides, so the packing of a sum is the sum of the packings. */
import { type FieldElement, toField } from "../field.ts";

/** Bits from one packed position to the next, and positions in one element. */
export const POSITION_STRIDE = 36n;
export const POSITIONS_PER_ELEMENT = 7;
/** The same for collateral quantities, and for the columns of a board row. */
export const WIDE_STRIDE = 84n;
export const WIDE_PER_ELEMENT = 3;
/** The same for the position totals of a book. */
export const TOTAL_STRIDE = 63n;
export const TOTALS_PER_ELEMENT = 4;

/** Packs signed pieces, `perElement` to an element, first piece lowest. Reduced into the field. */
export function pack(pieces: readonly bigint[], stride: bigint, perElement: number): FieldElement[] {
  const elements: FieldElement[] = [];
  for (let start = 0; start < pieces.length; start += perElement) {
    let element = 0n;
    for (let index = Math.min(start + perElement, pieces.length) - 1; index >= start; index--) {
      element = (element << stride) + pieces[index]!;
    }
    elements.push(toField(element));
  }
  return elements;
}

export const packPositions = (positions: readonly bigint[]) => pack(positions, POSITION_STRIDE, POSITIONS_PER_ELEMENT);
export const packWide = (pieces: readonly bigint[]) => pack(pieces, WIDE_STRIDE, WIDE_PER_ELEMENT);
export const packTotals = (pieces: readonly bigint[]) => pack(pieces, TOTAL_STRIDE, TOTALS_PER_ELEMENT);
