// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Which part of an account a liquidation offers, and between which prices: mirrors `Liquidation`. `model/lot.ts` has the rules of a
 * lot, docs/liquidation.md the auction.
 */
import { PlimsollError } from "../errors.ts";
import { type Account, genesis, randomViewingKey } from "../model/account.ts";
import { lotBlinding } from "../model/commit.ts";
import { E6_TO_E20, evaluate, isAtLeast } from "../model/evaluate.ts";
import {
  admissible,
  appraiseLot,
  type Credit,
  type LotAppraisal,
  type LotKind,
  type LotStep,
  type LotTerms,
  NO_CREDIT,
  offered,
  sizeDown,
  WHOLE,
  withCredit,
} from "../model/lot.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Transition } from "../model/transition.ts";
import { BPS, type LevelBps, type RateBps } from "../units.ts";
import type { ChainLevels, ChainTerms } from "./publication.ts";

/** What of a policy's terms bears on lots; `maxSlice` is `capOf` where slices of the account have failed. */
export type AuctionTerms = Pick<
  ChainTerms,
  "premiumBps" | "discountBps" | "toleranceBps" | "auctionDuration" | "maxSlice" | "dust"
>;

/** A lot that a liquidation may start. */
export interface Lot {
  /** PRIVATE: account, credit, and how much is taken. */
  readonly step: LotStep;
  readonly terms: LotTerms;
  /** PRIVATE: what the account becomes, and the lot as a fill. Admissible. */
  readonly appraisal: LotAppraisal;
  /** What the lot costs its account at least, and what the account owes after it; 1e-6, public. */
  readonly cost: bigint;
  readonly debt: bigint;
}

/** Values under which account and lot are judged. */
export interface Values {
  readonly policy: Policy;
  readonly market: Market;
}

/** An account to take a lot from. */
export interface Indebted {
  readonly before: Account;
  /** What it has been paid in and has not absorbed; all of it counts. */
  readonly credit?: Credit;
}

/** How a lot is offered. */
export interface Offering extends Values {
  readonly levels: ChainLevels;
  readonly terms: AuctionTerms;
  /** The account with its credit is below it: of the policy, by kind of lot and by missed deadlines. */
  readonly evidence: bigint;
  /**
   * Whether the auction falls by what the lot costs its account, for which another proof is made. Unless given, where there are
   * positions in the lot: what collateral is worth a market pays.
   */
  readonly withCost?: boolean;
}

const NO_LOT = "no lot of this kind does what the policy asks of it";
const max = (a: bigint, b: bigint) => (b > a ? b : a);
const ceilDiv = (value: bigint, by: bigint) => (value + by - 1n) / by;

/** How much more than its size a lot may be worth, 1e-6. */
export const toleranceOf = (size: bigint, { toleranceBps }: Pick<AuctionTerms, "toleranceBps">): bigint =>
  (size * toleranceBps) / BPS + 1n;

/**
 * The smallest slice that brings an account to the call level; where the cap does not let it get there, the largest slice within
 * the cap.
 *
 * @throws `STATEMENT_FALSE` where there is none: the account is not below the level, needs less than dust, or no part improves it
 */
export function sliceOf({ before, credit = NO_CREDIT }: Indebted, offering: Offering): Lot {
  const { levels, terms } = offering;
  const lotOf = (part: bigint) => lotWith({ before, credit, part }, offering);
  const start = evaluate(withCredit(before, credit), offering.policy, offering.market);
  if (start.equity < 0n || isAtLeast(start, offering.evidence as LevelBps)) {
    throw new PlimsollError("STATEMENT_FALSE", NO_LOT);
  }
  // Parts are odd: 2 · index + 1. The smallest that reaches the call level, or, past the cap, the largest within it.
  let [low, high] = [0n, WHOLE / 2n - 1n];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    const lot = lotOf(2n * middle + 1n);
    if (lot.terms.size > terms.maxSlice || isAtLeast(lot.appraisal.afterValue, levels.call as LevelBps)) high = middle;
    else low = middle;
  }
  const found = [high, low].map((index) => lotOf(2n * index + 1n));
  const lot = found.find(
    ({ appraisal, terms: { size } }) => appraisal.broken.length === 0 && size >= terms.dust && size <= terms.maxSlice,
  );
  if (lot === undefined) throw new PlimsollError("STATEMENT_FALSE", NO_LOT);
  return lot;
}

/** The whole of an account. Throws `STATEMENT_FALSE` where it is not below the level. */
export function closeOutOf({ before, credit = NO_CREDIT }: Indebted, offering: Offering): Lot {
  const lot = lotWith({ before, credit, part: WHOLE }, offering);
  admissible(lot.appraisal);
  return lot;
}

/** The lot of a part of an account, admissible or not. */
function lotWith(taken: Omit<LotStep, "cash">, { policy, market, levels, terms, evidence, withCost }: Offering): Lot {
  const discountBps = terms.discountBps as RateBps;
  const step = { ...taken, cash: offered(taken, discountBps, policy, market) };
  const held = { evidence: evidence as LevelBps, discountBps };
  const kind: LotKind = taken.part === WHOLE ? "close-out" : "slice";
  const termsOf = (size: bigint): LotTerms => ({
    ...(kind === "slice" ? { kind, target: levels.initial as LevelBps } : { kind }),
    ...held,
    size,
    tolerance: toleranceOf(size, terms),
  });
  const size = max(sizeDown(appraiseLot(step, termsOf(0n), policy, market)), 0n);
  const appraisal = appraiseLot(step, termsOf(size), policy, market);
  const { fill, after } = appraisal;
  const shown = withCost ?? fill.positions.some((lots) => lots !== 0n);
  const alone = shown ? evaluate(holding(fill), policy, market).equity / E6_TO_E20 : 0n;
  return {
    step,
    terms: termsOf(size),
    appraisal,
    cost: max(alone, 0n),
    debt: kind === "close-out" ? max(-after.cash, 0n) : 0n,
  };
}

/** A fill as an account that holds nothing else. */
const holding = (fill: Fill): Account =>
  applyTransition(genesis(fill.size), { ...still(fill.size), fill, openWithViewingKey: randomViewingKey() });

/** No fill, no payment. */
export const still = (size: Account["size"]): Transition => ({ transfer: NO_TRANSFER, fill: noFill(size), side: 1n });

/** The lot that takes an account with its credit from one state to the other: what an owner finds with the viewing key alone. */
export function lotBetween(before: Account, credit: Credit, after: Account): Fill {
  const held = withCredit(before, credit);
  return {
    size: held.size,
    positions: held.positions.map((lots, row) => lots - after.positions[row]!),
    collateral: held.collateral.map((lots, asset) => lots - after.collateral[asset]!),
    cash: held.cash - after.cash,
    blinding: lotBlinding(before, after),
  };
}

/** First and last price of an auction, 1e-6. */
export interface AuctionPrices {
  readonly firstPrice: bigint;
  readonly lastPrice: bigint;
}

/** The prices between which the auction of a lot falls. */
export function pricesOf({ terms: { size }, cost, debt }: Pick<Lot, "terms" | "cost" | "debt">, terms: AuctionTerms) {
  const most = size + toleranceOf(size, terms);
  const last = ceilDiv(max(size - cost, 0n) * (BPS - terms.discountBps), BPS);
  return {
    firstPrice: ceilDiv(most * (BPS + terms.premiumBps), BPS),
    // Of an account that owes more than the lot is worth the fund pays what the price lacks.
    lastPrice: debt > most ? last : max(last, debt),
  };
}

/** The price after so many seconds of an auction, 1e-6: `Liquidation.priceOf`. */
export function priceAt({ firstPrice, lastPrice }: AuctionPrices, duration: bigint, elapsed: bigint): bigint {
  if (elapsed >= duration) return lastPrice;
  const left = duration - elapsed;
  return lastPrice + ceilDiv((firstPrice - lastPrice) * left ** 3n, duration ** 3n);
}
