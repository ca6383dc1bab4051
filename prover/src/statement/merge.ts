// SPDX-License-Identifier: GPL-3.0-or-later
/** Two accounts on one board as one that holds what they hold together. */

import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement, invert, toField } from "../field.ts";
import { type Account, checkAccount, viewingKey } from "../model/account.ts";
import { commitState, stateBlinding } from "../model/commit.ts";
import { cashE6, positionLots, quantityLots } from "../units.ts";
import { FAMILIES } from "./families.ts";
import type { WitnessInput } from "./witness-input.ts";

/**
 * What is asked of the circuit, in the clear.
 * @see docs/library.md#several-accounts
 */
export interface MergeRequest {
  readonly left: Account;
  readonly right: Account;
  /** Blinds the merged account: a new one, for no other account. */
  readonly mergedViewingKey: FieldElement;
  /** What the proof is bound to, as a field element. */
  readonly context: bigint;
}

/** A request worked out: the merged account, all public signals in the circuit's order, and the circuit's input. */
export interface MergeStatement extends WitnessInput {
  readonly merged: Account;
  readonly publicSignals: readonly FieldElement[];
}

/**
 * The account that holds what both hold together, under a viewing key of its own and with sequence zero.
 *
 * Throws `FIELD_INVALID` where the boards are of different sizes, an account has no viewing key or both are one state;
 * `OUT_OF_RANGE`, naming the field, where an account is out of range or a sum would leave its range.
 * @see docs/library.md#several-accounts
 */
export function merge(left: Account, right: Account, mergedViewingKey: FieldElement): Account {
  for (const account of [left, right]) {
    checkAccount(account);
    if (account.viewingKey === 0n) {
      throw new PlimsollError("FIELD_INVALID", "an account without a viewing key is nobody's", { field: "viewingKey" });
    }
  }
  if (left.size !== right.size) {
    throw new PlimsollError("FIELD_INVALID", "accounts on boards of different sizes do not merge", { field: "size" });
  }
  return {
    size: left.size,
    cash: cashE6(left.cash + right.cash, "cash"),
    collateral: left.collateral.map((lots, asset) =>
      quantityLots(lots + right.collateral[asset]!, `collateral[${asset}]`),
    ),
    positions: left.positions.map((lots, index) => positionLots(lots + right.positions[index]!, `positions[${index}]`)),
    sequence: 0n,
    viewingKey: viewingKey(mergedViewingKey),
  };
}

/** Works a request out. Throws like `merge`, and `OUT_OF_RANGE` for a context that is not reduced. */
export function buildMergeStatement({ left, right, mergedViewingKey, context }: MergeRequest): MergeStatement {
  if (context < 0n || context >= FIELD_ORDER) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a context below the field order", { field: "context" });
  }
  const merged = merge(left, right, mergedViewingKey);
  const own = {
    stateLeft: commitState(left),
    stateRight: commitState(right),
    stateMerged: commitState(merged),
    context: context as FieldElement,
  };
  if (own.stateLeft === own.stateRight) {
    throw new PlimsollError("FIELD_INVALID", "one state would count twice", { field: "right" });
  }
  const [blindingLeft, blindingRight, blindingMerged] = [left, right, merged].map(stateBlinding) as [
    FieldElement,
    FieldElement,
    FieldElement,
  ];
  return {
    merged,
    publicSignals: FAMILIES.merge.own.map((name) => own[name]),
    circuitInput: {
      ...own,
      positionsLeft: left.positions.map(toField),
      collateralLeft: left.collateral.map(toField),
      cashLeft: toField(left.cash),
      blindingLeft,
      positionsRight: right.positions.map(toField),
      collateralRight: right.collateral.map(toField),
      cashRight: toField(right.cash),
      blindingRight,
      blindingMerged,
    },
    hints: { "Blinded.inverse": invert(toField(blindingLeft * blindingRight * blindingMerged)) },
  };
}
