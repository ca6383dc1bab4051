// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The statement that a proof proves, as the circuit's public inputs. Nothing here needs a hash function, so whoever only
 * verifies needs nothing else.
 *
 * Order of the public inputs, all sizes:
 *   stateBefore, stateAfter, transfer, fill, terms, context,
 *   policy[ASSETS][3·TIERS+1]  boundaries, weights, intercepts and scan lots of each asset
 *   debtRate
 *   prices[ASSETS]
 *   rows[instruments][18]      sixteen packings of three columns (45 profits; mark, delta, vega), long charge, short charge
 *   blocks[blocks][5]          liquidity threshold and rate, vega threshold and rate, continues
 */

import { type FieldElement, toField } from "../field.ts";
import type { Weights } from "../model/figure.ts";
import type { Credit, LotTerms } from "../model/lot.ts";
import { type Board, columnsOf, type Market } from "../model/market.ts";
import { packWide, WIDE_PER_ELEMENT } from "../model/packing.ts";
import { type HaircutSchedule, intercepts, type Policy } from "../model/policy.ts";
import { type BoardSize, instrumentsOf, SCENARIOS } from "../model/sizes.ts";
import type { Side, Transfer } from "../model/transition.ts";
import { BITS, type ColumnE6, type LevelBps, levelBps, rateBps, sizeE6, transferAmount } from "../units.ts";

/**
 * Which side of a level a claim is about.
 * @see docs/library.md#proofs
 */
export type Direction = "at-least" | "below";

/** The question a proof answers, and the side on which its fill is applied. */
export interface Terms {
  readonly level: LevelBps;
  readonly direction: Direction;
  readonly side: Side;
}

/** The commitment to no fill, `commitFill(noFill(size))`. */
export const NO_FILL: Readonly<Record<BoardSize, FieldElement>> = {
  "board-60": 2725315738194401842911939717099489626760384838148662785212386513211802724219n as FieldElement,
  "board-240": 18722728637798571869561875947817476492586122635552084053172934957822115361314n as FieldElement,
  "board-480": 17220177782700742226859634757979375964558254634383156767179137246095532420458n as FieldElement,
};

/** transfer = asset · 2^65 + amount + 2^64. */
export function encodeTransfer({ asset, amount }: Transfer): FieldElement {
  const offset = 1n << BigInt(BITS.transfer - 1);
  return ((BigInt(asset) << BigInt(BITS.transfer)) + transferAmount(amount) + offset) as FieldElement;
}

/** The inverse of `encodeTransfer`. Checks nothing: for what a contract has checked. */
export function decodeTransfer(encoded: bigint): Transfer {
  const width = BigInt(BITS.transfer);
  const amount = (encoded & ((1n << width) - 1n)) - (1n << (width - 1n));
  return { asset: Number(encoded >> width), amount };
}

/** terms = level + 2^20 · (1 if below) + 2^21 · (1 if side is −1). */
export function encodeTerms({ level, direction, side }: Terms): FieldElement {
  const below = direction === "below" ? 1n : 0n;
  const minus = side === -1n ? 1n : 0n;
  return (levelBps(level) + (below << BigInt(BITS.level)) + (minus << BigInt(BITS.level + 1))) as FieldElement;
}

/** terms of a lot = (1 if close-out, whose target is zero) + 2 · evidence + 2^21 · target + 2^41 · discount. */
export function encodeLotTerms(terms: LotTerms): FieldElement {
  const target = terms.kind === "slice" ? levelBps(terms.target, "target") : 0n;
  const parts = [levelBps(terms.evidence, "evidence"), target, rateBps(terms.discountBps, "discountBps")];
  const kind = terms.kind === "close-out" ? 1n : 0n;
  return parts.reduce((sum, part, place) => sum + (part << BigInt(1 + BITS.level * place)), kind) as FieldElement;
}

/** size of a lot = size + 2^64 · tolerance. */
export function encodeLotSize({ size, tolerance }: Pick<LotTerms, "size" | "tolerance">): FieldElement {
  return (sizeE6(size, "size") + (sizeE6(tolerance, "tolerance") << BigInt(BITS.size))) as FieldElement;
}

/** Public inputs of a credit, in order: packed lots of each asset, then cash. */
export const creditSignals = ({ collateral, cash }: Credit): FieldElement[] => [...packWide(collateral), toField(cash)];

/** A haircut schedule in order: its boundaries, weights and intercepts. */
export function scheduleSignals(schedule: HaircutSchedule): FieldElement[] {
  return [
    ...schedule.map((tier) => tier.boundaryLots),
    ...schedule.map((tier) => tier.weightBps),
    ...intercepts(schedule),
  ].map(toField);
}

/**
 * Values of the group `policy`, in order: of each asset its schedule and scan lots.
 * @see docs/library.md#links
 */
export function policySignals({ schedules, scanLots }: Policy): FieldElement[] {
  return schedules.flatMap((schedule, asset) => [...scheduleSignals(schedule), toField(scanLots[asset]!)]);
}

/** Public inputs of a row, and of a block. */
export const ROW_VALUES = Math.ceil((SCENARIOS + 3) / WIDE_PER_ELEMENT) + 2;
export const BLOCK_VALUES = 5;

/** Public inputs of the board, in order: rows, then blocks. */
export function boardSignals(board: Board): FieldElement[] {
  return [
    ...board.rows.flatMap((row) => [...packWide(columnsOf(row)), toField(row.longCharge), toField(row.shortCharge)]),
    ...board.blocks.flatMap((block) =>
      [
        block.liquidityThreshold,
        block.liquidityRate,
        block.vegaThreshold,
        block.vegaRate,
        block.continues ? 1n : 0n,
      ].map(toField),
    ),
  ];
}

/**
 * Values of the group `market`, in order: the rate of debt, prices, rows and blocks of a board.
 * @see docs/library.md#links
 */
export const marketValues = (debtRateBps: bigint, market: Market): FieldElement[] => [
  toField(debtRateBps),
  ...market.prices.map(toField),
  ...boardSignals(market.board),
];

/** Public inputs that many proofs share: policy, rate of debt, prices, board. */
export const marketSignals = (policy: Policy, market: Market): FieldElement[] => [
  ...policySignals(policy),
  ...marketValues(policy.debtRateBps, market),
];

/**
 * What one lot of each instrument that expires settles at, by its row on the board. The others stay as they are.
 *
 * Order of the public inputs of a settlement: stateBefore, stateAfter, context, marks[instruments][2].
 */
export type SettlementMarks = ReadonlyMap<number, ColumnE6>;

/**
 * Public inputs of a settlement, in order, which are the group `marks`: for each instrument 1 where it expires, else 0, and its
 * mark, else 0.
 * @see docs/library.md#links
 */
export function settlementSignals(size: BoardSize, marks: SettlementMarks): FieldElement[] {
  return Array.from({ length: instrumentsOf(size) }, (_, row) => {
    const mark = marks.get(row);
    return [mark === undefined ? 0n : 1n, mark ?? 0n].map(toField);
  }).flat();
}

/** Public inputs of the weights, in order. */
export function weightSignals({ schedules, prices, cash, marks }: Weights): FieldElement[] {
  return [...schedules.flatMap(scheduleSignals), ...prices.map(toField), toField(cash), ...marks.map(toField)];
}
