// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A lot: the part of an account that a liquidation takes out and offers to bidders.
 *
 *   held   the account before with its public credit, all assets of it
 *   after  held less the lot; the credit has become part of the account
 *
 * E is equity, M margin, d the policy's discount, W the lot's worth. A lot is admissible where
 *
 *   evidence     coverage of held is below the evidence level
 *   margin       freed = M(held) − M(after) ≥ 0
 *   discount     0 ≤ d · freed − cost < 2^48 · 1e-20: the bidder who pays nothing on top gets the whole discount on the
 *                margin that the lot frees, to three millionths of the quote currency, and not more
 *   size         size ≤ W ≤ size + tolerance
 *   slice        `improvement`: some whole level of basis points ℓ ≤ evidence lies between, held below ℓ, after at least ℓ;
 *                `target`: E(after) ≤ target · M(after)
 *   close-out    `rest`: no position and no collateral is left. Cash is: what the bidder has paid in advance or, negative, a
 *                debt of at most d · freed − E(held), which the price and then the fund have to pay
 *
 * **Cost** is what the account gives for nothing above the cash in the lot. A slice counts collateral at the first weight
 * of its asset, a close-out at what the weights of the schedule leave of it. What an account has above a boundary counts
 * little or nothing; at those weights a slice could take it for as little.
 *
 * **Worth** is what the lot is worth to whoever gets it: collateral at its price (weight one), positions at their marks,
 * cash. An auction that starts at size + tolerance starts at the lot's worth, whatever haircuts say. As no weight is above
 * one and a lot only takes collateral, W ≥ cost: so the account loses at most size + tolerance at market values, and the
 * margin freed is at most (size + tolerance + 3e-6) / d. Both hold with debt and without. A limit on size limits what a
 * single lot may take, and needs no term for the debt's margin.
 *
 * A lot takes collateral and never brings any. Positions it may take or bring (to sell more than there is of a hedge): the
 * margin freed decides what that may cost, and over any number of lots costs add up to at most d · (M before the first − M
 * after the last).
 *
 * Units: equity, cost, worth 1e-20 quote; margin 1e-10; size, tolerance, cash 1e-6; levels and discount basis points.
 */
import { PlimsollError } from "../errors.ts";
import { BPS, cashE6, type LevelBps, levelBps, quantityLots, type RateBps, rateBps, sizeE6 } from "../units.ts";
import { type Account, checkAccount, checkLength } from "./account.ts";
import { lotBlinding } from "./commit.ts";
import {
  coverageBpsDown,
  E6_TO_E20,
  type Evaluation,
  evaluate,
  isAtLeast,
  MARGIN_LEVEL_TO_E20,
  type MarginE10,
  type ValueE20,
} from "./evaluate.ts";
import type { Market } from "./market.ts";
import type { Policy } from "./policy.ts";
import { ASSETS, instrumentsOf } from "./sizes.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill } from "./transition.ts";

/** Public amounts of an account's that it has not absorbed yet. They join it in the step that takes the lot out. */
export interface Credit {
  /** ASSETS entries, lots; 0 to 2^64 − 1. */
  readonly collateral: readonly bigint[];
  /** 1e-6 quote; 0 to 2^64 − 1. */
  readonly cash: bigint;
}

export const NO_CREDIT: Credit = { collateral: new Array<bigint>(ASSETS).fill(0n), cash: 0n };

/** What a lot takes out of the account. PRIVATE until it is told to bidders. */
export type LotContents = Pick<Fill, "positions" | "collateral" | "cash">;

/** What a lot is taken from, and how. */
export interface LotStep {
  readonly before: Account;
  readonly credit: Credit;
  readonly contents: LotContents;
}

/** What a lot is held to. Public. */
export type LotTerms = {
  /** The account with its credit is below it. */
  readonly evidence: LevelBps;
  readonly discountBps: RateBps;
  /** What the lot is worth at least: 1e-6 quote, below 2^64. */
  readonly size: bigint;
  /** How much more it may be worth: 1e-6 quote, below 2^64. */
  readonly tolerance: bigint;
} & (
  | {
      readonly kind: "slice";
      /** No more is sold than brings the account here. */
      readonly target: LevelBps;
    }
  | { readonly kind: "close-out" }
);

export type LotKind = LotTerms["kind"];

/** Bits of what a bidder's discount may lack, 1e-20 quote: two millionths of cash and their margin are always less. */
export const DISCOUNT_SLACK_BITS = 48;

/** The rules that an admissible lot keeps, as above. */
export const LOT_RULES = ["evidence", "margin", "discount", "size", "improvement", "target", "rest"] as const;
export type LotRule = (typeof LOT_RULES)[number];

/** A lot taken out. */
export interface TakenLot {
  /** The account before with its credit; of the same sequence. */
  readonly held: Account;
  readonly after: Account;
  /** The lot as a fill, which a bidder applies with side +1. Its blinding follows from the viewing key and both states. */
  readonly fill: Fill;
}

/** A lot appraised. */
export interface LotAppraisal extends TakenLot {
  readonly heldValue: Evaluation;
  readonly afterValue: Evaluation;
  readonly freed: MarginE10;
  readonly cost: ValueE20;
  readonly worth: ValueE20;
  /** ℓ where there is one: shows `evidence`, and of a slice `improvement`. */
  readonly level: LevelBps | undefined;
  /** The rules that the lot breaks; empty where it is admissible. */
  readonly broken: readonly LotRule[];
}

/**
 * The account with its credit. Throws `OUT_OF_RANGE`, naming the field, where the credit or a sum leaves its range, and
 * `FIELD_INVALID` for an account without a viewing key.
 */
export function withCredit(before: Account, credit: Credit): Account {
  checkAccount(before);
  checkLength(credit.collateral, ASSETS, "credit.collateral");
  if (before.viewingKey === 0n) {
    throw new PlimsollError("FIELD_INVALID", "an account without a viewing key has nothing to sell", {
      field: "viewingKey",
    });
  }
  quantityLots(credit.cash, "credit.cash");
  return {
    ...before,
    collateral: before.collateral.map((lots, asset) =>
      quantityLots(
        lots + quantityLots(credit.collateral[asset]!, `credit.collateral[${asset}]`),
        `collateral[${asset}]`,
      ),
    ),
    cash: cashE6(before.cash + credit.cash, "cash"),
  };
}

/**
 * Takes a lot out of an account, whether it is admissible or not. The sequence grows by one.
 *
 * Throws as `withCredit`, and `OUT_OF_RANGE` where the lot brings collateral or the account after is out of range.
 */
export function takeLot({ before, credit, contents }: LotStep): TakenLot {
  const held = withCredit(before, credit);
  checkLength(contents.positions, instrumentsOf(before.size), "contents.positions");
  checkLength(contents.collateral, ASSETS, "contents.collateral");
  for (const [asset, lots] of contents.collateral.entries()) quantityLots(lots, `contents.collateral[${asset}]`);
  const fill = { ...noFill(before.size), ...contents };
  const after = applyTransition(held, { transfer: NO_TRANSFER, fill, side: -1n });
  return { held, after, fill: { ...fill, blinding: lotBlinding(before, after) } };
}

/** Checks the ranges of terms. Throws `OUT_OF_RANGE`, naming the field. */
export function checkLotTerms(terms: LotTerms): LotTerms {
  levelBps(terms.evidence, "evidence");
  if (terms.kind === "slice") levelBps(terms.target, "target");
  rateBps(terms.discountBps, "discountBps");
  sizeE6(terms.size, "size");
  sizeE6(terms.tolerance, "tolerance");
  return terms;
}

/** Takes a lot out and appraises it. Throws as `takeLot`, `checkLotTerms` and `evaluate`; not for a rule that is broken. */
export function appraiseLot(step: LotStep, terms: LotTerms, policy: Policy, market: Market): LotAppraisal {
  const taken = takeLot(step);
  const { held, after, fill } = taken;
  const { evidence, discountBps, size, tolerance } = checkLotTerms(terms);
  const heldValue = evaluate(held, policy, market);
  const afterValue = evaluate(after, policy, market);
  const freed = (heldValue.margin - afterValue.margin) as MarginE10;
  const ofCash = E6_TO_E20 * (fill.cash + heldValue.markValue - afterValue.markValue);
  const cost = (ofCash + costOfCollateral(terms.kind, fill, heldValue, afterValue, policy, market)) as ValueE20;
  const worth = (ofCash +
    fill.collateral.reduce((sum, lots, asset) => sum + BPS * market.prices[asset]! * lots, 0n)) as ValueE20;
  const level = terms.kind === "slice" ? levelReached(afterValue, evidence) : evidence;
  const short = MARGIN_LEVEL_TO_E20 * discountBps * freed - cost;
  const kept: Record<LotRule, boolean> = {
    evidence: !isAtLeast(heldValue, evidence),
    margin: freed >= 0n,
    discount: short >= 0n && short < 1n << BigInt(DISCOUNT_SLACK_BITS),
    size: worth >= E6_TO_E20 * size && worth <= E6_TO_E20 * (size + tolerance),
    improvement: terms.kind !== "slice" || (level !== undefined && !isAtLeast(heldValue, level)),
    target: terms.kind !== "slice" || afterValue.equity <= MARGIN_LEVEL_TO_E20 * terms.target * afterValue.margin,
    rest: terms.kind !== "close-out" || [...after.positions, ...after.collateral].every((lots: bigint) => lots === 0n),
  };
  return {
    ...taken,
    heldValue,
    afterValue,
    freed,
    cost,
    worth,
    level,
    broken: LOT_RULES.filter((rule) => !kept[rule]),
  };
}

const WHY: Readonly<Record<LotRule, string>> = {
  evidence: "the account with its credit is not below the evidence level",
  margin: "the account would need more margin after the lot than before",
  discount: "the lot does not offer the policy's discount on the margin that it frees",
  size: "the lot is not worth its size",
  improvement: "the account does not improve by a basis point of coverage, or is above the evidence level after",
  target: "the lot would sell more than brings the account to the target level",
  rest: "a close-out leaves positions or collateral",
};

/** The appraisal of an admissible lot. Throws `STATEMENT_FALSE`, naming the first rule that is broken. */
export function admissible(appraisal: LotAppraisal): LotAppraisal {
  const [rule] = appraisal.broken;
  if (rule !== undefined) throw new PlimsollError("STATEMENT_FALSE", WHY[rule], { field: `lot.${rule}` });
  return appraisal;
}

/** How a lot is offered: kind and discount of its terms. */
export type LotOffer = Pick<LotTerms, "kind" | "discountBps">;

/**
 * The lot with these positions and collateral whose cash keeps the rule `discount`: the least that the account keeps with
 * which the lot costs it no more than the discount on the margin freed. Throws as `takeLot` and `evaluate`.
 */
export function offered(
  step: Omit<LotStep, "contents"> & { readonly contents: Omit<LotContents, "cash"> },
  { kind, discountBps }: LotOffer,
  policy: Policy,
  market: Market,
): LotContents {
  // With all cash in the lot: what the account after needs but for its debt, and what it has given.
  const parts = { ...step.contents, cash: 0n };
  const { held, after, fill } = takeLot({ ...step, contents: parts });
  const [heldValue, afterValue] = [held, after].map((account) => evaluate(account, policy, market)) as [
    Evaluation,
    Evaluation,
  ];
  const discount = MARGIN_LEVEL_TO_E20 * discountBps;
  const freedButDebt = heldValue.margin - (afterValue.margin - afterValue.debtMargin);
  const given =
    E6_TO_E20 * (held.cash + heldValue.markValue) +
    costOfCollateral(kind, fill, heldValue, afterValue, policy, market) -
    discount * freedButDebt;
  // Cash and marks kept, y: 10^14 · y − discount · rate · max(0, −y) ≥ given.
  const owned = ceilDiv(given, given > 0n ? E6_TO_E20 : E6_TO_E20 + discount * policy.debtRateBps);
  return { ...parts, cash: cashE6(held.cash + afterValue.markValue - owned, "contents.cash") };
}

/** Worth of a lot in 1e-6 quote, rounded down: the size of a lot that is told exactly, with a tolerance of at least one. */
export const sizeDown = ({ worth }: Pick<LotAppraisal, "worth">): bigint => floorDiv(worth, E6_TO_E20);

/** Σ of price, weight and lots over the collateral of a lot, 1e-20. */
function costOfCollateral(
  kind: LotKind,
  { collateral }: Fill,
  held: Evaluation,
  after: Evaluation,
  { schedules }: Policy,
  { prices }: Market,
): bigint {
  if (kind === "close-out") return held.collateral - after.collateral;
  return collateral.reduce((sum, lots, asset) => sum + prices[asset]! * schedules[asset]![0]!.weightBps * lots, 0n);
}

/** The highest level up to `evidence` that is reached, if any is. */
function levelReached(value: Evaluation, evidence: LevelBps): LevelBps | undefined {
  const reached = coverageBpsDown(value) ?? (value.equity >= 0n ? evidence : -1n);
  if (reached < 0n) return undefined;
  return (reached < evidence ? reached : evidence) as LevelBps;
}

const floorDiv = (value: bigint, by: bigint) => value / by - (value < 0n && value % by !== 0n ? 1n : 0n);
const ceilDiv = (value: bigint, by: bigint) => -floorDiv(-value, by);
