// SPDX-License-Identifier: GPL-3.0-or-later
/** The scalar field of BN254, in which circuits compute. */

/** Order of the scalar field. */
export const FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

/**
 * An integer in [0, FIELD_ORDER).
 * @see docs/library.md#accounts
 */
export type FieldElement = bigint & { readonly __unit: "FieldElement" };

/** Any integer, reduced; negative numbers wrap as the circuit represents them. */
export function toField(value: bigint): FieldElement {
  const reduced = value % FIELD_ORDER;
  return (reduced < 0n ? reduced + FIELD_ORDER : reduced) as FieldElement;
}

/** The integer in (−r/2, r/2] that a field element stands for where a signed value is meant. */
export function fromField(element: bigint): bigint {
  return element > FIELD_ORDER / 2n ? element - FIELD_ORDER : element;
}

/** 1 / value, and 0 of 0. */
export function invert(value: FieldElement): FieldElement {
  let [low, high, left, right] = [value as bigint, FIELD_ORDER, 1n, 0n];
  while (low > 0n) {
    const quotient = high / low;
    [low, high, left, right] = [high - quotient * low, low, right - quotient * left, left];
  }
  return toField(right);
}
