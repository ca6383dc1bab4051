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
import { type FieldElement, toField } from "../field.ts";
import type { Account } from "./account.ts";
import { packPositions, packWide } from "./packing.ts";
import { poseidon } from "./poseidon.ts";
import { instrumentsOf } from "./sizes.ts";
import type { Fill } from "./transition.ts";

export * from "./packing.ts";

export const SPONGE_RATE = 16;
/** What a commitment is of; the tag in the capacity is `purpose · 2^16 + instruments`, with none where no board is meant. */
export const PURPOSE = {
  state: 1,
  fill: 2,
  auditorKey: 3,
  lotBlinding: 4,
  bookMember: 8,
  bookLeaves: 9,
  bookNode: 10,
  bookTotals: 11,
} as const;

/** The sponge of this file over elements below the field's order. */
export function sponge(purpose: number, instruments: number, elements: readonly FieldElement[]): FieldElement {
  let capacity = BigInt(purpose) * 65536n + BigInt(instruments);
  for (let start = 0; start < elements.length; start += SPONGE_RATE) {
    const block = Array.from({ length: SPONGE_RATE }, (_, index) => elements[start + index] ?? 0n);
    capacity = poseidon(block, capacity);
  }
  return capacity as FieldElement;
}

/** What blinds a state: the viewing key plus the sequence. Zero only at genesis. */
export function stateBlinding(account: Account): FieldElement {
  return toField(account.viewingKey + account.sequence);
}

/**
 * Commitment to an account: Poseidon sponge (packed positions, packed collateral, cash, viewingKey + sequence).
 * @see docs/library.md#accounts
 */
export function commitState(account: Account): FieldElement {
  return sponge(PURPOSE.state, instrumentsOf(account.size), [
    ...packPositions(account.positions),
    ...packWide(account.collateral),
    toField(account.cash),
    stateBlinding(account),
  ]);
}

/**
 * Commitment to a fill: Poseidon sponge (packed position deltas, packed collateral deltas, cash delta, blinding).
 * @see docs/library.md#accounts
 */
export function commitFill(fill: Fill): FieldElement {
  return sponge(PURPOSE.fill, instrumentsOf(fill.size), [
    ...packPositions(fill.positions),
    ...packWide(fill.collateral),
    toField(fill.cash),
    fill.blinding,
  ]);
}

/** An auditor's public key: the commitment to its secret. */
export function commitAuditorSecret(secret: FieldElement): FieldElement {
  return sponge(PURPOSE.auditorKey, 0, [secret]);
}

/**
 * What blinds the lot between two states of an account: whoever has the account's viewing key works it out, and nobody else.
 * A lot that was undone leaves the state before, and its bidders know its blinding: another lot of that state has another.
 */
export function lotBlinding(before: Account, after: Account): FieldElement {
  return sponge(PURPOSE.lotBlinding, 0, [stateBlinding(before), commitState(after)]);
}
