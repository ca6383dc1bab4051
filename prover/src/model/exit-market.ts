// SPDX-License-Identifier: GPL-3.0-or-later
/** The exit market: the market under which an account that leaves has neither positions nor debt. */
import { BITS, type LevelBps, type LotPriceE16, type RateBps, type ThresholdE6 } from "../units.ts";
import { CLOSED_ROW, type Market } from "./market.ts";
import { NOT_SCANNED, type Policy, UNLISTED } from "./policy.ts";
import { ASSETS, type BoardSize, blocksOf, instrumentsOf } from "./sizes.ts";

/** Level of statements under the exit market (`IMarket.EXIT_LEVEL`): no positions, no debt. */
export const EXIT_LEVEL = ((1n << BigInt(BITS.level)) - 1n) as LevelBps;

/** The constant exit market and its policy: nothing has value, and a lot of any instrument asks for more than there is. */
export function exitValues(size: BoardSize): { readonly policy: Policy; readonly market: Market } {
  const [threshold, rate] = [0n as ThresholdE6, 0n as RateBps];
  const block = {
    continues: false,
    liquidityThreshold: threshold,
    liquidityRate: rate,
    vegaThreshold: threshold,
    vegaRate: rate,
  };
  return {
    policy: {
      schedules: new Array(ASSETS).fill(UNLISTED),
      scanLots: new Array(ASSETS).fill(NOT_SCANNED),
      debtRateBps: rate,
    },
    market: {
      prices: new Array<LotPriceE16>(ASSETS).fill(0n as LotPriceE16),
      board: {
        size,
        rows: new Array(instrumentsOf(size)).fill(CLOSED_ROW),
        blocks: new Array(blocksOf(size)).fill(block),
      },
    },
  };
}
