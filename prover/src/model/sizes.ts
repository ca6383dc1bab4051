// SPDX-License-Identifier: GPL-3.0-or-later
/** Shapes of boards and policies, read from the one place that fixes them. */
import sizes from "@plimsoll/circuits/sizes.json" with { type: "json" };

/**
 * Number of assets of a policy; collateral has as many entries.
 * @see docs/library.md#accounts
 */
export const ASSETS = sizes.assets;
export const TIERS = sizes.tiers;
export const SCENARIOS = sizes.scenarios;
/** Instruments in one block; a netting set is a run of whole blocks. */
export const BLOCK_INSTRUMENTS = sizes.blockInstruments;
/**
 * Index by which a transfer names cash; smaller indices name collateral assets.
 * @see docs/library.md#accounts
 */
export const CASH_INDEX = ASSETS;

/**
 * The sizes of boards, by the number of instruments that they hold.
 * @see docs/library.md#accounts
 */
export const BOARD_SIZES = ["board-60", "board-240", "board-480"] as const;
/**
 * A size of board.
 * @see docs/library.md#accounts
 */
export type BoardSize = (typeof BOARD_SIZES)[number];

/** Blocks of 60 instruments on a board of this size. */
export function blocksOf(size: BoardSize): number {
  return sizes.sizes[size].blocks;
}

/**
 * Number of instruments that a board of a size holds.
 * @see docs/library.md#accounts
 */
export function instrumentsOf(size: BoardSize): number {
  return blocksOf(size) * BLOCK_INSTRUMENTS;
}

/** The smallest board that holds this many instruments, or undefined where none does. */
export function smallestBoardFor(instruments: number): BoardSize | undefined {
  return BOARD_SIZES.find((size) => instruments <= instrumentsOf(size));
}
