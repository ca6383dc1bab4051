// SPDX-License-Identifier: GPL-3.0-or-later
/** Public market data of one epoch: prices, and the board of instruments with their risk arrays. */
import { PlimsollError } from "../errors.ts";
import {
  BITS,
  type ChargeE6,
  type ColumnE6,
  chargeE6,
  columnE6,
  type LotPriceE16,
  lotPriceE16,
  type RateBps,
  rateBps,
  type ThresholdE6,
  thresholdE6,
} from "../units.ts";
import { checkLength } from "./account.ts";
import { ASSETS, type BoardSize, blocksOf, instrumentsOf, SCENARIOS } from "./sizes.ts";

/** What one long lot of an instrument is worth and risks; a short lot is the exact negative, but for the charges. */
export interface BoardRow {
  /** Profit of one long lot in each of SCENARIOS scenarios. */
  readonly profits: readonly ColumnE6[];
  /** Value of one long lot at the mark; what closing it now would pay. */
  readonly mark: ColumnE6;
  /** Change in value for a rise of the underlying by 100%, linearised. */
  readonly delta: ColumnE6;
  /** Change in value for a rise of the implied volatilities of all its expiries by 1.00 (100 points), linearised. */
  readonly vega: ColumnE6;
  readonly longCharge: ChargeE6;
  readonly shortCharge: ChargeE6;
}

/** The columns of a row in the order in which they are packed. */
export const columnsOf = (row: BoardRow): readonly ColumnE6[] => [...row.profits, row.mark, row.delta, row.vega];

/** Terms of a block of BLOCK_INSTRUMENTS rows. */
export interface BoardBlock {
  /** Whether this block belongs to the netting set of the block before. Never true of the first block. */
  readonly continues: boolean;
  /** Charge on the delta of a netting set above a threshold. These four terms of the last block of a set hold for the set. */
  readonly liquidityThreshold: ThresholdE6;
  readonly liquidityRate: RateBps;
  /** Charge on the vega of a netting set above a threshold. */
  readonly vegaThreshold: ThresholdE6;
  readonly vegaRate: RateBps;
}

export interface Board {
  readonly size: BoardSize;
  readonly rows: readonly BoardRow[];
  readonly blocks: readonly BoardBlock[];
}

/**
 * Prices and risk values of a board, as the circuit takes them.
 * @see docs/library.md#accounts
 */
export interface Market {
  /** ASSETS prices per lot, in the order of the policy. */
  readonly prices: readonly LotPriceE16[];
  readonly board: Board;
}

/**
 * A row in which nothing has value and nothing is charged. Not for a board that is traded on: what costs no margin can be
 * piled up before it is given a value, and emptying the row of an instrument that is held would wipe out what its shorts
 * owe (`docs/risk-model.md`, Marks). The chain refuses it.
 */
export const EMPTY_ROW: BoardRow = {
  profits: new Array<ColumnE6>(SCENARIOS).fill(0n as ColumnE6),
  mark: 0n as ColumnE6,
  delta: 0n as ColumnE6,
  vega: 0n as ColumnE6,
  longCharge: 0n as ChargeE6,
  shortCharge: 0n as ChargeE6,
};

/** A place on the board that is not listed: worth nothing, and charged so much that nobody can hold it at any level. */
export const CLOSED_ROW: BoardRow = {
  ...EMPTY_ROW,
  longCharge: ((1n << BigInt(BITS.charge)) - 1n) as ChargeE6,
  shortCharge: ((1n << BigInt(BITS.charge)) - 1n) as ChargeE6,
};

/** Checks shape and ranges. Says nothing about whether the values follow from prices and a risk model. */
export function checkMarket(market: Market): Market {
  const { prices, board } = market;
  checkLength(prices, ASSETS, "prices");
  for (const [index, price] of prices.entries()) lotPriceE16(price, `prices[${index}]`);
  checkLength(board.rows, instrumentsOf(board.size), "rows");
  for (const [index, row] of board.rows.entries()) {
    const field = `rows[${index}]`;
    checkLength(row.profits, SCENARIOS, `${field}.profits`);
    // Counted, not iterated: on a board of 240 half of the time of a check, which every evaluation begins with.
    for (let scenario = 0; scenario < SCENARIOS; scenario++) {
      columnE6(row.profits[scenario]!, `${field}.profits[${scenario}]`);
    }
    columnE6(row.mark, `${field}.mark`);
    columnE6(row.delta, `${field}.delta`);
    columnE6(row.vega, `${field}.vega`);
    chargeE6(row.longCharge, `${field}.longCharge`);
    chargeE6(row.shortCharge, `${field}.shortCharge`);
  }
  checkLength(board.blocks, blocksOf(board.size), "blocks");
  for (const [index, block] of board.blocks.entries()) {
    thresholdE6(block.liquidityThreshold, `blocks[${index}].liquidityThreshold`);
    rateBps(block.liquidityRate, `blocks[${index}].liquidityRate`);
    thresholdE6(block.vegaThreshold, `blocks[${index}].vegaThreshold`);
    rateBps(block.vegaRate, `blocks[${index}].vegaRate`);
  }
  if (board.blocks[0]?.continues) {
    throw new PlimsollError("OUT_OF_RANGE", "the first block cannot continue a netting set", {
      field: "blocks[0].continues",
    });
  }
  return market;
}
