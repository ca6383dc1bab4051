// SPDX-License-Identifier: GPL-3.0-or-later
/** How one account state becomes the next: one public transfer and one private fill. */
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { cashE6, positionLots, quantityLots, transferAmount } from "../units.ts";
import { type Account, checkAccount, checkLength, viewingKey } from "./account.ts";
import { ASSETS, type BoardSize, CASH_INDEX, instrumentsOf } from "./sizes.ts";

/**
 * A public movement of one asset into (positive) or out of (negative) the account.
 * @see docs/library.md#accounts
 */
export interface Transfer {
  /** 0 to ASSETS − 1 for collateral, CASH_INDEX for cash. */
  readonly asset: number;
  /** Lots of the asset, or millionths of quote currency for cash; [−2^64, 2^64). */
  readonly amount: bigint;
}

/**
 * The transfer of a call that moves nothing.
 * @see docs/library.md#accounts
 */
export const NO_TRANSFER: Transfer = { asset: 0, amount: 0n };

/**
 * A private movement between two accounts, of any number of instruments and assets at once. The side that applies it
 * with +1 gains what the other, applying it with −1, loses. `blinding` hides it behind its commitment.
 * @see docs/library.md#accounts
 */
export interface Fill {
  readonly size: BoardSize;
  readonly positions: readonly bigint[];
  readonly collateral: readonly bigint[];
  readonly cash: bigint;
  readonly blinding: FieldElement;
}

export type Side = 1n | -1n;

/**
 * No fill: zeros, blinded by zero. Its commitment is one public constant for each size.
 * @see docs/library.md#accounts
 */
export function noFill(size: BoardSize): Fill {
  return {
    size,
    positions: new Array<bigint>(instrumentsOf(size)).fill(0n),
    collateral: new Array<bigint>(ASSETS).fill(0n),
    cash: 0n,
    blinding: 0n as FieldElement,
  };
}

/** Whether the fill moves nothing and is not blinded. */
export function isNoFill({ positions, collateral, cash, blinding }: Fill): boolean {
  return [...positions, ...collateral, cash, blinding].every((piece) => piece === 0n);
}

/**
 * What happens between two states of an account: a transfer and a fill.
 * @see docs/library.md#accounts
 */
export interface Transition {
  readonly transfer: Transfer;
  readonly fill: Fill;
  readonly side: Side;
  /** Given exactly where the state before is one without a key (genesis): the key that blinds every later state. */
  readonly openWithViewingKey?: FieldElement;
}

/**
 * The account after the transition; `sequence` grows by one.
 *
 * Throws `OUT_OF_RANGE`, naming the field, where a quantity, a position or cash would leave its range (a quantity
 * would become negative, for instance); `FIELD_INVALID` where a key is set twice or never.
 * @see docs/library.md#accounts
 */
export function applyTransition(before: Account, { transfer, fill, side, openWithViewingKey }: Transition): Account {
  checkAccount(before);
  checkLength(fill.positions, before.positions.length, "fill.positions");
  checkLength(fill.collateral, ASSETS, "fill.collateral");
  if (!Number.isInteger(transfer.asset) || transfer.asset < 0 || transfer.asset > CASH_INDEX) {
    throw new PlimsollError("OUT_OF_RANGE", `expected an asset index between 0 and ${CASH_INDEX}`, {
      field: "transfer.asset",
    });
  }
  transferAmount(transfer.amount, "transfer.amount");
  const opens = before.viewingKey === 0n;
  if (opens !== (openWithViewingKey !== undefined)) {
    throw new PlimsollError(
      "FIELD_INVALID",
      opens ? "the first transition of an account must set its viewing key" : "the viewing key is already set",
      { field: "openWithViewingKey" },
    );
  }
  const moved = (asset: number) => (asset === transfer.asset ? transfer.amount : 0n);
  return {
    size: before.size,
    cash: cashE6(before.cash + moved(CASH_INDEX) + side * fill.cash, "cash"),
    collateral: before.collateral.map((quantity, asset) =>
      quantityLots(quantity + moved(asset) + side * fill.collateral[asset]!, `collateral[${asset}]`),
    ),
    positions: before.positions.map((lots, index) =>
      positionLots(lots + side * fill.positions[index]!, `positions[${index}]`),
    ),
    sequence: before.sequence + 1n,
    viewingKey: openWithViewingKey === undefined ? before.viewingKey : viewingKey(openWithViewingKey),
  };
}
