// SPDX-License-Identifier: GPL-3.0-or-later
/** Shapes of boards and policies, read from the one place that fixes them. */
import sizes from "@plimsoll/circuits/sizes.json" with { type: "json" };

export const ASSETS = sizes.assets;
export const TIERS = sizes.tiers;
export const SCENARIOS = sizes.scenarios;
/** Instruments in one block; a netting set is a run of whole blocks. */
export const BLOCK_INSTRUMENTS = sizes.blockInstruments;
/** Index by which a transfer names cash; smaller indices name collateral assets. */
export const CASH_INDEX = ASSETS;

export const BOARD_SIZES = ["board-60", "board-240", "board-480"] as const;
export type BoardSize = (typeof BOARD_SIZES)[number];

/** Blocks of 60 instruments on a board of this size. */
export function blocksOf(size: BoardSize): number {
  return sizes.sizes[size].blocks;
}

export function instrumentsOf(size: BoardSize): number {
  return blocksOf(size) * BLOCK_INSTRUMENTS;
}

/** The smallest board that holds this many instruments, or undefined where none does. */
export function smallestBoardFor(instruments: number): BoardSize | undefined {
  return BOARD_SIZES.find((size) => instruments <= instrumentsOf(size));
}
