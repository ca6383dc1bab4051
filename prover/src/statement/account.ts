// SPDX-License-Identifier: GPL-3.0-or-later
/** The statement that a proof proves (`signals.ts`), worked out of an account, and the private inputs that go with it. */

import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement, invert, toField } from "../field.ts";
import type { Account } from "../model/account.ts";
import { commitFill, commitState, packPositions, packWide, stateBlinding } from "../model/commit.ts";
import { type Evaluation, evaluate, isAtLeast } from "../model/evaluate.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import { applyTransition, type Transition } from "../model/transition.ts";
import type { LevelBps } from "../units.ts";
import { FAMILIES, type OwnSignals } from "./families.ts";
import { type Direction, encodeTerms, encodeTransfer, marketSignals } from "./signals.ts";
import type { WitnessInput } from "./witness-input.ts";
import { marketInputs, worthHints } from "./worth.ts";

export * from "./signals.ts";

/**
 * What is asked of the circuit, in the clear.
 * @see docs/library.md#proofs
 */
export interface Request {
  readonly before: Account;
  readonly transition: Transition;
  readonly level: LevelBps;
  readonly direction: Direction;
  /** What the proof is bound to (a call on chain, or a statement off chain), as a field element. */
  readonly context: bigint;
  readonly policy: Policy;
  readonly market: Market;
}

/**
 * A request worked out: the account after, its evaluation, the public signals and the circuit's input.
 * @see docs/library.md#proofs
 */
export interface Statement extends WitnessInput {
  readonly after: Account;
  readonly evaluation: Evaluation;
  /** Whether the statement is true of the account: whether a proof exists. */
  readonly holds: boolean;
  readonly proofSignals: OwnSignals<"account", FieldElement>;
  /** All public signals, in the circuit's order. */
  readonly publicSignals: readonly FieldElement[];
}

/**
 * Works a request out. Throws like `applyTransition` and `evaluate`; a false statement does not throw.
 * @see docs/library.md#proofs
 */
export function buildStatement(request: Request): Statement {
  const { before, transition, level, direction, context, policy, market } = request;
  if (context < 0n || context >= FIELD_ORDER) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a context below the field order", { field: "context" });
  }
  const after = applyTransition(before, transition);
  const evaluation = evaluate(after, policy, market);
  const holds = isAtLeast(evaluation, level) === (direction === "at-least");
  const { transfer, fill, side } = transition;
  const proofSignals: OwnSignals<"account", FieldElement> = {
    stateBefore: commitState(before),
    stateAfter: commitState(after),
    transfer: encodeTransfer(transfer),
    fill: commitFill(fill),
    terms: encodeTerms({ level, direction, side }),
    context: context as FieldElement,
  };
  const blindingAfter = stateBlinding(after);
  return {
    after,
    evaluation,
    holds,
    proofSignals,
    publicSignals: [...FAMILIES.account.own.map((name) => proofSignals[name]), ...marketSignals(policy, market)],
    circuitInput: {
      ...proofSignals,
      ...marketInputs(policy, market),
      positionsAfter: after.positions.map(toField),
      collateralAfter: after.collateral.map(toField),
      cashAfter: toField(after.cash),
      blindingBefore: stateBlinding(before),
      blindingAfter,
      fillPositions: packPositions(fill.positions),
      fillCollateral: packWide(fill.collateral),
      fillCash: toField(fill.cash),
      fillBlinding: fill.blinding,
    },
    hints: {
      ...Object.fromEntries(Object.entries(worthHints(evaluation)).map(([name, values]) => [`worth.${name}`, values])),
      "Transition.inverse": invert(blindingAfter),
    },
  };
}
