// SPDX-License-Identifier: GPL-3.0-or-later
/** The private side of the statement: what an account holds. */
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { type CashE6, cashE6, type PositionLots, positionLots, type QuantityLots, quantityLots } from "../units.ts";
import { ASSETS, type BoardSize, instrumentsOf } from "./sizes.ts";

/**
 * A margin account on one board.
 *
 * `sequence` counts the proofs accepted since genesis. `viewingKey` blinds every state: the commitment absorbs
 * `viewingKey + sequence`, so no two states of an account are equal, and whoever holds the key and learns the fills can
 * follow all of them.
 * @see docs/library.md#accounts
 */
export interface Account {
  readonly size: BoardSize;
  /** Debt is negative cash. */
  readonly cash: CashE6;
  /** ASSETS entries, in the order of the policy. */
  readonly collateral: readonly QuantityLots[];
  /** As many entries as the board has instruments, in the order of the board. */
  readonly positions: readonly PositionLots[];
  readonly sequence: bigint;
  readonly viewingKey: FieldElement;
}

export const SEQUENCE_LIMIT = 1n << 64n;
/** Keys are below this, which the opening proves: with every sequence below 2^64 the blinding never reaches zero. */
export const VIEWING_KEY_LIMIT = 1n << 250n;

/**
 * The state from which every account descends: all zero. Its commitment is one public constant for each size.
 * @see docs/library.md#accounts
 */
export function genesis(size: BoardSize): Account {
  return {
    size,
    cash: 0n as CashE6,
    collateral: new Array<QuantityLots>(ASSETS).fill(0n as QuantityLots),
    positions: new Array<PositionLots>(instrumentsOf(size)).fill(0n as PositionLots),
    sequence: 0n,
    viewingKey: 0n as FieldElement,
  };
}

/**
 * A viewing key: 1 to 2^250 − 1.
 *
 * The upper bound keeps `viewingKey + sequence` from reaching zero, which the circuit refuses: such an account would stand
 * still for good. The circuit proves the bound of the key that opens an account.
 * @see docs/library.md#accounts
 */
export function viewingKey(value: bigint, field = "viewingKey"): FieldElement {
  if (value < 1n || value >= VIEWING_KEY_LIMIT) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a viewing key between 1 and 2^250 - 1", { field });
  }
  return value as FieldElement;
}

/**
 * A new viewing key from the system's generator, uniform up to a bias below 2^-128.
 * @see docs/library.md#accounts
 */
export function randomViewingKey(): FieldElement {
  const bytes = crypto.getRandomValues(new Uint8Array(48));
  const random = bytes.reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n);
  return viewingKey(1n + (random % (VIEWING_KEY_LIMIT - 1n)));
}

/** Checks shape and ranges of an account. Does not check its viewing key: genesis has none. */
export function checkAccount(account: Account): Account {
  checkLength(account.collateral, ASSETS, "collateral");
  checkLength(account.positions, instrumentsOf(account.size), "positions");
  cashE6(account.cash, "cash");
  for (const [index, quantity] of account.collateral.entries()) quantityLots(quantity, `collateral[${index}]`);
  for (const [index, position] of account.positions.entries()) positionLots(position, `positions[${index}]`);
  if (account.sequence < 0n || account.sequence >= SEQUENCE_LIMIT) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a sequence between 0 and 2^64 - 1", { field: "sequence" });
  }
  return account;
}

/** Throws `FIELD_INVALID` unless the list has exactly `length` entries. */
export function checkLength(list: readonly unknown[], length: number, field: string): void {
  if (list.length !== length) {
    throw new PlimsollError("FIELD_INVALID", `expected ${length} entries, found ${list.length}`, { field });
  }
}
