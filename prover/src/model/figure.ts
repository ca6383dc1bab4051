// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Figures of an account: what it adds up to at public weights.
 *
 *   figure = Σ_a price_a · tierValue_a(q_a) + cashWeight · cash + Σ_j mark_j · s_j
 *
 * With the weights of a policy and a market it is equity (`evaluate.ts`); with one weight of one and all others zero it is
 * what the account holds of one thing. No other weights are made here: a figure at weights that somebody chose could hold a
 * whole account in its digits.
 */
import { PlimsollError } from "../errors.ts";
import { BITS, type QuantityLots, type WeightBps } from "../units.ts";
import type { Account } from "./account.ts";
import { checkAccount } from "./account.ts";
import { E6_TO_E20 } from "./evaluate.ts";
import { checkMarket, type Market } from "./market.ts";
import { checkPolicy, type HaircutSchedule, type Policy, tierValue, UNLISTED } from "./policy.ts";
import { ASSETS, type BoardSize, instrumentsOf, TIERS } from "./sizes.ts";

/** What may be asked of an account. Equity is in 1e-20 quote, cash in 1e-6, holdings in lots. */
export type Figure =
  | { readonly kind: "equity" }
  | { readonly kind: "cash" }
  | { readonly kind: "asset"; readonly index: number }
  | { readonly kind: "instrument"; readonly index: number };

/** Weights of everything that an account may hold. Marks are below 2^42 · 10^14 in absolute value. */
export interface Weights {
  /** ASSETS haircut schedules. */
  readonly schedules: readonly HaircutSchedule[];
  readonly prices: readonly bigint[];
  readonly cash: bigint;
  readonly marks: readonly bigint[];
}

/** At which any account adds up to zero. */
export const noWeights = (size: BoardSize): Weights => ({
  schedules: new Array<HaircutSchedule>(ASSETS).fill(UNLISTED),
  prices: new Array<bigint>(ASSETS).fill(0n),
  cash: 0n,
  marks: new Array<bigint>(instrumentsOf(size)).fill(0n),
});

/** Every quantity up to the largest counts once. */
const WHOLE: HaircutSchedule = Array.from({ length: TIERS }, () => ({
  boundaryLots: ((1n << BigInt(BITS.quantity)) - 1n) as QuantityLots,
  weightBps: 1n as WeightBps,
}));

/**
 * The weights at which an account adds up to the figure. Throws `OUT_OF_RANGE` where policy or market is malformed, or
 * where the figure is of an asset or instrument that boards of this size do not have.
 */
export function weightsOf(figure: Figure, policy: Policy, market: Market): Weights {
  checkPolicy(policy);
  checkMarket(market);
  const { rows, size } = market.board;
  const none = noWeights(size);
  switch (figure.kind) {
    case "equity":
      return {
        schedules: policy.schedules,
        prices: market.prices,
        cash: E6_TO_E20,
        marks: rows.map(({ mark }) => E6_TO_E20 * mark),
      };
    case "cash":
      return { ...none, cash: 1n };
    case "asset": {
      const index = checkIndex(figure.index, ASSETS);
      return {
        ...none,
        schedules: none.schedules.with(index, WHOLE),
        prices: none.prices.with(index, 1n),
      };
    }
    case "instrument":
      return { ...none, marks: none.marks.with(checkIndex(figure.index, rows.length), 1n) };
  }
}

/** What the account adds up to. Throws `OUT_OF_RANGE` or `FIELD_INVALID` where it is malformed. */
export function figureOf(account: Account, { schedules, prices, cash, marks }: Weights): bigint {
  checkAccount(account);
  if (marks.length !== instrumentsOf(account.size)) throw new TypeError("account and weights are of different sizes");
  return (
    account.collateral.reduce(
      (sum, quantity, asset) => sum + prices[asset]! * tierValue(schedules[asset]!, quantity).weightedLotsBps,
      0n,
    ) +
    cash * account.cash +
    account.positions.reduce((sum, lots, row) => sum + marks[row]! * lots, 0n)
  );
}

/** No figure of an account on boards of this size is larger in absolute value. */
export function largestFigure(size: BoardSize): bigint {
  const collateral = (BigInt(ASSETS) * 10_000n) << BigInt(BITS.quantity + BITS.lotPrice);
  const marks = (BigInt(instrumentsOf(size)) * ((1n << BigInt(BITS.column)) - 1n)) << BigInt(BITS.position - 1);
  return collateral + E6_TO_E20 * ((1n << BigInt(BITS.cash - 1)) + marks);
}

function checkIndex(index: number, count: number): number {
  if (Number.isInteger(index) && index >= 0 && index < count) return index;
  throw new PlimsollError("OUT_OF_RANGE", `expected a place below ${count}`, { field: "figure" });
}
