// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The statement that a proof proves, as the circuit's public inputs, and the private inputs that go with it.
 *
 * Order of the public inputs, all sizes:
 *   stateBefore, stateAfter, transfer, fill, terms, context,
 *   policy[ASSETS][3·TIERS]  boundaries, weights, intercepts of each asset
 *   prices[ASSETS]
 *   rows[instruments][8]     six packings of three columns (16 profits, mark, delta), long charge, short charge
 *   blocks[blocks][3]        liquidity threshold, liquidity rate, continues
 */
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement, toField } from "../field.ts";
import { BITS, type LevelBps, levelBps, transferAmount } from "../units.ts";
import type { Account } from "./account.ts";
import { commitFill, commitState, packPositions, packWide, stateBlinding } from "./commit.ts";
import { type Evaluation, evaluate, isAtLeast } from "./evaluate.ts";
import type { Board, Market } from "./market.ts";
import { intercepts, type Policy } from "./policy.ts";
import { applyTransition, type Side, type Transfer, type Transition } from "./transition.ts";

export type Direction = "at-least" | "below";

/** The question a proof answers, and the side on which its fill is applied. */
export interface Terms {
  readonly level: LevelBps;
  readonly direction: Direction;
  readonly side: Side;
}

/** The six public inputs of one proof, in order. */
export const PROOF_SIGNALS = ["stateBefore", "stateAfter", "transfer", "fill", "terms", "context"] as const;
export type ProofSignals = { readonly [Name in (typeof PROOF_SIGNALS)[number]]: FieldElement };

/** transfer = asset · 2^65 + amount + 2^64. */
export function encodeTransfer({ asset, amount }: Transfer): FieldElement {
  const offset = 1n << BigInt(BITS.transfer - 1);
  return ((BigInt(asset) << BigInt(BITS.transfer)) + transferAmount(amount) + offset) as FieldElement;
}

/** terms = level + 2^20 · (1 if below) + 2^21 · (1 if side is −1). */
export function encodeTerms({ level, direction, side }: Terms): FieldElement {
  const below = direction === "below" ? 1n : 0n;
  const minus = side === -1n ? 1n : 0n;
  return (levelBps(level) + (below << BigInt(BITS.level)) + (minus << BigInt(BITS.level + 1))) as FieldElement;
}

/** Public inputs of the policy, in order: for each asset its boundaries, weights and intercepts. */
export function policySignals(policy: Policy): FieldElement[] {
  return policy.schedules.flatMap((schedule) =>
    [
      ...schedule.map((tier) => tier.boundaryLots),
      ...schedule.map((tier) => tier.weightBps),
      ...intercepts(schedule),
    ].map(toField),
  );
}

/** Public inputs of the board, in order: rows, then blocks. */
export function boardSignals(board: Board): FieldElement[] {
  return [
    ...board.rows.flatMap((row) => [
      ...packWide([...row.profits, row.mark, row.delta]),
      toField(row.longCharge),
      toField(row.shortCharge),
    ]),
    ...board.blocks.flatMap((block) =>
      [block.liquidityThreshold, block.liquidityRate, block.continues ? 1n : 0n].map(toField),
    ),
  ];
}

/** Public inputs that many proofs share: policy, prices, board. */
export function marketSignals(policy: Policy, market: Market): FieldElement[] {
  return [...policySignals(policy), ...market.prices.map(toField), ...boardSignals(market.board)];
}

/** What is asked of the circuit, in the clear. */
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

/** A request worked out: the account after, its evaluation, the public signals and the circuit's input. */
export interface Statement {
  readonly after: Account;
  readonly evaluation: Evaluation;
  /** Whether the statement is true of the account: whether a proof exists. */
  readonly holds: boolean;
  readonly proofSignals: ProofSignals;
  /** All public signals, in the circuit's order. */
  readonly publicSignals: readonly FieldElement[];
  /** Input of the witness generator, private inputs included. */
  readonly circuitInput: CircuitInput;
}

/** Signals of the circuit by name; nested arrays are flattened in row-major order. */
export type CircuitInput = Readonly<Record<string, FieldElement | readonly FieldElement[]>>;

/** Works a request out. Throws like `applyTransition` and `evaluate`; a false statement does not throw. */
export function state(request: Request): Statement {
  const { before, transition, level, direction, context, policy, market } = request;
  if (context < 0n || context >= FIELD_ORDER) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a context below the field order", { field: "context" });
  }
  const after = applyTransition(before, transition);
  const evaluation = evaluate(after, policy, market);
  const holds = isAtLeast(evaluation, level) === (direction === "at-least");
  const { transfer, fill, side } = transition;
  const proofSignals: ProofSignals = {
    stateBefore: commitState(before),
    stateAfter: commitState(after),
    transfer: encodeTransfer(transfer),
    fill: commitFill(fill),
    terms: encodeTerms({ level, direction, side }),
    context: context as FieldElement,
  };
  const policyValues = policySignals(policy);
  const prices = market.prices.map(toField);
  const boardValues = boardSignals(market.board);
  const rowValues = 8 * market.board.rows.length;
  return {
    after,
    evaluation,
    holds,
    proofSignals,
    publicSignals: [...PROOF_SIGNALS.map((name) => proofSignals[name]), ...policyValues, ...prices, ...boardValues],
    circuitInput: {
      ...proofSignals,
      policy: policyValues,
      prices,
      rows: boardValues.slice(0, rowValues),
      blocks: boardValues.slice(rowValues),
      positionsAfter: after.positions.map(toField),
      collateralAfter: after.collateral.map(toField),
      cashAfter: toField(after.cash),
      blindingBefore: stateBlinding(before),
      blindingAfter: stateBlinding(after),
      fillPositions: packPositions(fill.positions),
      fillCollateral: packWide(fill.collateral),
      fillCash: toField(fill.cash),
      fillBlinding: fill.blinding,
    },
  };
}
