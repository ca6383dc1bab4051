// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Commitments to states and fills.
 *
 * A Poseidon sponge over packed vectors: rate 16, capacity one element that starts as a domain tag, absorbed in
 * overwrite mode (circomlib's PoseidonEx(16, 1), its output fed to the next block as initial state), zero-padded to whole
 * blocks; lengths are fixed by the size, which the tag holds.
 *
 * Packed vectors add like integers: pieces are signed and simply summed at their strides, so the packing of a sum is
 * the sum of the packings.
 */
import { buildPoseidon } from "circomlibjs";
import { type FieldElement, toField } from "../field.ts";
import type { Account } from "./account.ts";
import { type BoardSize, instrumentsOf } from "./sizes.ts";
import type { Fill } from "./transition.ts";

/** Bits from one packed position to the next, and positions in one element. */
export const POSITION_STRIDE = 36n;
export const POSITIONS_PER_ELEMENT = 7;
/** The same for collateral quantities, and for the columns of a board row. */
export const WIDE_STRIDE = 84n;
export const WIDE_PER_ELEMENT = 3;

export const SPONGE_RATE = 16;
/** What a commitment is of; the tag in the capacity is `purpose · 2^16 + instruments`. */
export const PURPOSE = { state: 1, fill: 2 } as const;

const poseidon = await buildPoseidon();

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

function sponge(purpose: number, size: BoardSize, elements: readonly FieldElement[]): FieldElement {
  let capacity = BigInt(purpose) * 65536n + BigInt(instrumentsOf(size));
  for (let start = 0; start < elements.length; start += SPONGE_RATE) {
    const block = Array.from({ length: SPONGE_RATE }, (_, index) => elements[start + index] ?? 0n);
    capacity = poseidon.F.toObject(poseidon(block, capacity));
  }
  return capacity as FieldElement;
}

/** What blinds a state: the viewing key plus the sequence. Zero only at genesis. */
export function stateBlinding(account: Account): FieldElement {
  return toField(account.viewingKey + account.sequence);
}

/** Commitment to an account: Poseidon sponge (packed positions, packed collateral, cash, viewingKey + sequence). */
export function commitState(account: Account): FieldElement {
  return sponge(PURPOSE.state, account.size, [
    ...packPositions(account.positions),
    ...packWide(account.collateral),
    toField(account.cash),
    stateBlinding(account),
  ]);
}

/** Commitment to a fill: Poseidon sponge (packed position deltas, packed collateral deltas, cash delta, blinding). */
export function commitFill(fill: Fill): FieldElement {
  return sponge(PURPOSE.fill, fill.size, [
    ...packPositions(fill.positions),
    ...packWide(fill.collateral),
    toField(fill.cash),
    fill.blinding,
  ]);
}
