// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A lot: the part of an account that a liquidation takes out and offers to bidders.
 *
 *   held   the account before with its public credit, all assets of it
 *   after  held less the lot; the credit has become part of the account
 *
 * **A lot is the same part of everything**: of every position and of every asset that has weight, each rounded to the nearest
 * whole lot. A close-out takes the whole, a slice less. What a slice leaves is hedged as the account was, and so is what it
 * takes: the scan of a part of a book is that part of its scan. So a lot needs about as much margin as it frees, and nobody
 * chooses a leg that nobody wants. The owner loses nothing by selling hedges too: what a lot costs is its discount on the
 * margin freed, whatever it consists of.
 *
 * An asset whose first weight is zero is in no lot, and stays in the account: no margin rests on it, and its price may be
 * nobody's. After a close-out the account has cash, or debt, and such assets.
 *
 * E is equity, M margin, d the policy's discount, W the lot's worth. A lot is admissible where
 *
 *   evidence     coverage of held is below the evidence level
 *   part         a close-out takes the whole, a slice does not
 *   margin       freed = M(held) − M(after) ≥ 0
 *   discount     |d · freed − cost| ≤ 2^48 · 1e-20: the bidder who pays nothing on top gets the whole discount on the margin
 *                that the lot frees, to three millionths of the quote currency, and not more
 *   size         size ≤ W ≤ size + tolerance
 *   slice        `improvement`: some whole level of basis points ℓ ≤ evidence lies between, held below ℓ, after at least ℓ;
 *                `target`: E(after) ≤ target · M(after)
 *
 * The cash that a close-out leaves is what the bidder has paid in advance or, negative, a debt of at most d · freed − E(held)
 * and three millionths, which the price and then the fund have to pay.
 *
 * **Cost** is what the account gives for nothing above the cash in the lot. A slice counts collateral at the first weight
 * of its asset, a close-out at what the weights of the schedule leave of it. What an account has above a boundary counts
 * little or nothing; at those weights a slice could take it for as little.
 *
 * **Worth** is what the lot is worth to whoever gets it: collateral at its price (weight one), positions at their marks,
 * cash. An auction that starts at size + tolerance starts at the lot's worth, whatever haircuts say. As no weight is above
 * one and a lot only takes collateral, W ≥ cost: so the account loses at most size + tolerance at market values, and the
 * margin freed is at most (size + tolerance + 3e-6) / d. Both hold with debt and without. A limit on size limits what a
 * single lot may take, and needs no term for the debt's margin. Over any number n of lots costs add up to at most
 * d · (M before the first − M after the last) + 3e-6 · n.
 *
 * Units: equity, cost, worth 1e-20 quote; margin 1e-10; size, tolerance, cash 1e-6; levels and discount basis points.
 */
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
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
import { ASSETS } from "./sizes.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill } from "./transition.ts";

/** Public amounts of an account's that it has not absorbed yet. They join it in the step that takes the lot out. */
export interface Credit {
  /** ASSETS entries, lots; 0 to 2^64 − 1. */
  readonly collateral: readonly bigint[];
  /** 1e-6 quote; 0 to 2^64 − 1. */
  readonly cash: bigint;
}

export const NO_CREDIT: Credit = { collateral: new Array<bigint>(ASSETS).fill(0n), cash: 0n };

export const PART_BITS = 32;
/** The part that a close-out takes; those of slices are odd and below. */
export const WHOLE = 1n << BigInt(PART_BITS);

/** What a lot is taken from, and how much. PRIVATE until it is told to bidders. */
export interface LotStep {
  readonly before: Account;
  readonly credit: Credit;
  /** Of every position and every asset that has weight, 2^-32: odd, or `WHOLE`. */
  readonly part: bigint;
  /** 1e-6 quote that the lot takes beside them; negative where the bidder pays for them. `offered` says how much. */
  readonly cash: bigint;
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

/** Bits of how far a lot's cost may be from its discount, 1e-20 quote: two millionths of cash and their margin are always less. */
export const DISCOUNT_SLACK_BITS = 48;
const DISCOUNT_SLACK = 1n << BigInt(DISCOUNT_SLACK_BITS);

/** The rules that an admissible lot keeps, as above. */
export const LOT_RULES = ["evidence", "part", "margin", "discount", "size", "improvement", "target"] as const;
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
 * Throws as `withCredit`, and `OUT_OF_RANGE` where the part is none or cash leaves its range.
 */
export function takeLot({ before, credit, part, cash }: LotStep, { schedules }: Policy): TakenLot {
  const held = withCredit(before, credit);
  if (part < 1n || part > WHOLE || (part < WHOLE && part % 2n === 0n)) {
    throw new PlimsollError("OUT_OF_RANGE", "expected an odd part below 2^32, or 2^32 for the whole", {
      field: "part",
    });
  }
  const fill = {
    ...noFill(before.size),
    positions: held.positions.map((lots) => partOf(lots, part)),
    collateral: held.collateral.map((lots, asset) =>
      schedules[asset]![0]!.weightBps === 0n ? 0n : partOf(lots, part),
    ),
    cash,
  };
  const after = applyTransition(held, { transfer: NO_TRANSFER, fill, side: -1n });
  let blinding: FieldElement | undefined;
  return {
    held,
    after,
    fill: {
      ...fill,
      /** Worked out when it is asked for: whoever looks for a lot tries dozens, and commits to one. */
      get blinding() {
        blinding ??= lotBlinding(before, after);
        return blinding;
      },
    },
  };
}

/** The part of so many lots, to the nearest whole lot, and of two that are as near to the lower. */
export const partOf = (lots: bigint, part: bigint): bigint => (lots * part + WHOLE / 2n - 1n) >> BigInt(PART_BITS);

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
  const taken = takeLot(step, policy);
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
    part: (terms.kind === "close-out") === (step.part === WHOLE),
    margin: freed >= 0n,
    discount: short >= -DISCOUNT_SLACK && short < DISCOUNT_SLACK,
    size: worth >= E6_TO_E20 * size && worth <= E6_TO_E20 * (size + tolerance),
    improvement: terms.kind !== "slice" || (level !== undefined && !isAtLeast(heldValue, level)),
    target: terms.kind !== "slice" || afterValue.equity <= MARGIN_LEVEL_TO_E20 * terms.target * afterValue.margin,
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
  part: "a close-out has to take the whole of the account, and a slice a part of it",
  margin: "the account would need more margin after the lot than before",
  discount: "the lot does not offer the policy's discount on the margin that it frees",
  size: "the lot is not worth its size",
  improvement: "the account does not improve by a basis point of coverage, or is above the evidence level after",
  target: "the lot would sell more than brings the account to the target level",
};

/** The appraisal of an admissible lot. Throws `STATEMENT_FALSE`, naming the first rule that is broken. */
export function admissible(appraisal: LotAppraisal): LotAppraisal {
  const [rule] = appraisal.broken;
  if (rule !== undefined) throw new PlimsollError("STATEMENT_FALSE", WHY[rule], { field: `lot.${rule}` });
  return appraisal;
}

/**
 * The cash of a lot that keeps the rule `discount`. What the lot costs is nearest below the discount on the margin freed, or
 * nearest above it where the bidder pays cash in advance: an account that has nothing to sell but dust then has a lot that is
 * worth nothing, and not less. Throws as `takeLot` and `evaluate`.
 */
export function offered(step: Omit<LotStep, "cash">, discountBps: RateBps, policy: Policy, market: Market): bigint {
  // With no cash in the lot: what the account after needs but for its debt, and what it has given.
  const { held, after, fill } = takeLot({ ...step, cash: 0n }, policy);
  const [heldValue, afterValue] = [held, after].map((account) => evaluate(account, policy, market)) as [
    Evaluation,
    Evaluation,
  ];
  const discount = MARGIN_LEVEL_TO_E20 * discountBps;
  const kind = step.part === WHOLE ? "close-out" : "slice";
  const owned = held.cash + heldValue.markValue;
  const freedButDebt = heldValue.margin - (afterValue.margin - afterValue.debtMargin);
  const needed =
    E6_TO_E20 * owned + costOfCollateral(kind, fill, heldValue, afterValue, policy, market) - discount * freedButDebt;
  // Cash and marks that the account keeps, y: 10^14 · y − discount · rate · max(0, −y) = needed.
  const by = needed > 0n ? E6_TO_E20 : E6_TO_E20 + discount * policy.debtRateBps;
  // Rounded towards what it owns now: the lot takes, or brings, no more cash and marks than it has to.
  const kept = needed > by * owned ? floorDiv(needed, by) : ceilDiv(needed, by);
  return cashE6(held.cash + afterValue.markValue - kept, "cash");
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
