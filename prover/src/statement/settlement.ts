// SPDX-License-Identifier: GPL-3.0-or-later
/** Expiry: the instruments that a settlement names are paid out in cash at its marks and leave the account. */

import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement, invert, toField } from "../field.ts";
import { type Account, checkAccount } from "../model/account.ts";
import { commitState, packWide, stateBlinding } from "../model/commit.ts";
import { instrumentsOf } from "../model/sizes.ts";
import { cashE6, columnE6, type PositionLots } from "../units.ts";
import { FAMILIES } from "./families.ts";
import { type SettlementMarks, settlementSignals } from "./signals.ts";
import type { WitnessInput } from "./witness-input.ts";

/**
 * What is asked of the circuit, in the clear.
 * @see docs/library.md#proofs
 */
export interface SettlementRequest {
  readonly before: Account;
  readonly marks: SettlementMarks;
  /** What the proof is bound to, as a field element. */
  readonly context: bigint;
}

/** A request worked out: the account after, all public signals in the circuit's order, and the circuit's input. */
export interface SettlementStatement extends WitnessInput {
  readonly after: Account;
  readonly publicSignals: readonly FieldElement[];
}

/**
 * The account after: no position in a row that expires, `mark · lots` of each in cash, `sequence` one larger, all else
 * the same. An account without any such position settles too.
 *
 * Throws `OUT_OF_RANGE` where the account, a row or a mark is out of range or cash would leave its range; `FIELD_INVALID` for
 * genesis, which has no key yet.
 * @see docs/library.md#proofs
 */
export function settle(before: Account, marks: SettlementMarks): Account {
  checkAccount(before);
  if (before.viewingKey === 0n) {
    throw new PlimsollError("FIELD_INVALID", "an account without a viewing key has nothing to settle", {
      field: "viewingKey",
    });
  }
  let cash: bigint = before.cash;
  const positions = [...before.positions];
  for (const [row, mark] of marks) {
    checkRow(row, before);
    cash += columnE6(mark, `marks[${row}]`) * positions[row]!;
    positions[row] = 0n as PositionLots;
  }
  return { ...before, positions, cash: cashE6(cash, "cash"), sequence: before.sequence + 1n };
}

/** Works a request out. Throws like `settle`, and `OUT_OF_RANGE` for a context that is not reduced. */
export function buildSettlementStatement({ before, marks, context }: SettlementRequest): SettlementStatement {
  if (context < 0n || context >= FIELD_ORDER) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a context below the field order", { field: "context" });
  }
  const after = settle(before, marks);
  const own = {
    stateBefore: commitState(before),
    stateAfter: commitState(after),
    context: context as FieldElement,
  };
  const shared = settlementSignals(before.size, marks);
  const blindingBefore = stateBlinding(before);
  return {
    after,
    publicSignals: [...FAMILIES.settlement.own.map((name) => own[name]), ...shared],
    circuitInput: {
      ...own,
      marks: shared,
      positionsBefore: before.positions.map(toField),
      collateral: packWide(before.collateral),
      cashBefore: toField(before.cash),
      blindingBefore,
    },
    hints: { "Onward.inverse": invert(toField(blindingBefore * (blindingBefore + 1n))) },
  };
}

function checkRow(row: number, { size }: Account): void {
  if (Number.isInteger(row) && row >= 0 && row < instrumentsOf(size)) return;
  throw new PlimsollError("OUT_OF_RANGE", `expected a row below ${instrumentsOf(size)}`, { field: "marks" });
}
