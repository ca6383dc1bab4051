// SPDX-License-Identifier: GPL-3.0-or-later
/** Long positions in the sample firm's first perpetual, of so many lots that a fall of the market leaves a coverage. */
import type { MarketFile } from "../../prover/src/formats/market.ts";
import type { PolicyFile } from "../../prover/src/formats/policy.ts";
import { type Account, genesis, randomViewingKey } from "../../prover/src/model/account.ts";
import { coverageBpsDown, evaluate } from "../../prover/src/model/evaluate.ts";
import { type Fill, noFill } from "../../prover/src/model/transition.ts";

export const rowOf = ({ instruments }: MarketFile, symbol: string): number =>
  instruments.findIndex((each) => each?.symbol === symbol);

/** A long position of so many lots, and others by row, at their marks, for the side that applies it with +1. */
export function longOf(market: MarketFile, lots: bigint, others: ReadonlyMap<number, bigint> = new Map()): Fill {
  const held = new Map([[rowOf(market, "BTC-PERP"), lots], ...others]);
  const empty = noFill(market.market.board.size);
  const { rows } = market.market.board;
  return {
    ...empty,
    positions: empty.positions.map((_, row) => held.get(row) ?? 0n),
    cash: -[...held].reduce((sum, [row, count]) => sum + count * rows[row]!.mark, 0n),
    blinding: randomViewingKey(),
  };
}

/** As many lots as leave so much cash (1e-6) with no more than this coverage after the fall. */
export function lotsFor(
  bps: bigint,
  cash: bigint,
  { policy, market, fallen }: { readonly policy: PolicyFile; readonly market: MarketFile; readonly fallen: MarketFile },
): bigint {
  const covers = (lots: bigint) => {
    const fill = longOf(market, lots);
    const state = { ...genesis(fill.size), positions: fill.positions, cash: cash + fill.cash } as Account;
    return coverageBpsDown(evaluate(state, policy.policy, fallen.market)) ?? 1n << 40n;
  };
  let [low, high] = [0n, 1n << 20n];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (covers(middle) > bps) low = middle;
    else high = middle;
  }
  return high;
}
