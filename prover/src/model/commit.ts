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

/** Elements below the field's order, and what they are of. */
export interface SpongeInput {
  readonly purpose: number;
  readonly instruments: number;
  readonly elements: readonly FieldElement[];
}

/** What the capacity of a sponge starts as. */
export const spongeTag = ({ purpose, instruments }: SpongeInput): bigint =>
  BigInt(purpose) * 65536n + BigInt(instruments);

/** The sponge of this file. */
export function spongeOf(input: SpongeInput): FieldElement {
  const { elements } = input;
  let capacity = spongeTag(input);
  for (let start = 0; start < elements.length; start += SPONGE_RATE) {
    const block = Array.from({ length: SPONGE_RATE }, (_, index) => elements[start + index] ?? 0n);
    capacity = poseidon(block, capacity);
  }
  return capacity as FieldElement;
}

export const sponge = (purpose: number, instruments: number, elements: readonly FieldElement[]): FieldElement =>
  spongeOf({ purpose, instruments, elements });

/**
 * The sponges of many inputs, in their order, as `sponge` gives each. Rejects with `OUT_OF_RANGE`, naming it, for an element that is not
 * below the field's order.
 */
export type Sponges = (inputs: readonly SpongeInput[]) => Promise<FieldElement[]>;

/** Work that asks for many sponges at a time, and goes on with them. */
export type SpongeWork<T> = Generator<readonly SpongeInput[], T, readonly FieldElement[]>;

/** The result of the work, its sponges worked out one after another. */
export function soakInTurn<T>(work: SpongeWork<T>): T {
  let step = work.next();
  while (!step.done) step = work.next(step.value.map(spongeOf));
  return step.value;
}

/** The result of the work. Rejects like the work and like `sponges`. */
export async function soakTogether<T>(work: SpongeWork<T>, sponges: Sponges): Promise<T> {
  let step = work.next();
  while (!step.done) step = work.next(await sponges(step.value));
  return step.value;
}

/** What blinds a state: the viewing key plus the sequence. Zero only at genesis. */
export function stateBlinding(account: Account): FieldElement {
  return toField(account.viewingKey + account.sequence);
}

/**
 * Commitment to an account: Poseidon sponge (packed positions, packed collateral, cash, viewingKey + sequence).
 * @see docs/library.md#accounts
 */
export const commitState = (account: Account): FieldElement => spongeOf(stateSponge(account));

/** What the commitment to an account is the sponge of. */
export const stateSponge = (account: Account): SpongeInput => ({
  purpose: PURPOSE.state,
  instruments: instrumentsOf(account.size),
  elements: [
    ...packPositions(account.positions),
    ...packWide(account.collateral),
    toField(account.cash),
    stateBlinding(account),
  ],
});

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
