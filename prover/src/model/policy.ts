// SPDX-License-Identifier: GPL-3.0-or-later
/** Public terms of accounts: how much of each collateral asset counts, what of it joins the scan, what debt costs. */
import { PlimsollError } from "../errors.ts";
import {
  BITS,
  BPS,
  type QuantityLots,
  quantityLots,
  type RateBps,
  rateBps,
  type ScanLots,
  scanLots,
  type WeightBps,
  weightBps,
} from "../units.ts";
import { checkLength } from "./account.ts";
import { ASSETS, TIERS } from "./sizes.ts";

/** Quantity from the boundary of the tier before up to `boundaryLots` counts with `weightBps` of its value. */
export interface HaircutTier {
  readonly boundaryLots: QuantityLots;
  /** 10000 minus the haircut. */
  readonly weightBps: WeightBps;
}

/** TIERS tiers of one asset: boundaries ascending, weights descending. Above the last boundary nothing more counts. */
export type HaircutSchedule = readonly HaircutTier[];

/**
 * The policy as the circuit sees it. An unlisted asset has the schedule of zeros and is not scanned.
 * @see docs/library.md#accounts
 */
export interface Policy {
  /** ASSETS schedules. */
  readonly schedules: readonly HaircutSchedule[];
  /**
   * ASSETS numbers: so many lots of the asset count as one long lot of the board row of the same index in the scan of
   * the first netting set. `NOT_SCANNED` where an asset is not in the scan: its weights then hold its price risk too.
   */
  readonly scanLots: readonly ScanLots[];
  /** Margin on debt, for the whole board. */
  readonly debtRateBps: RateBps;
}

/** More than any quantity: no lot of the asset joins the scan. */
export const NOT_SCANNED = (1n << BigInt(BITS.quantity)) as ScanLots;

/** Weighted quantity, in lots times basis points. */
export interface TierValue {
  /** Index of the tier that holds the quantity; TIERS above the last boundary. */
  readonly tier: number;
  readonly weightedLotsBps: bigint;
}

/** The schedule of an asset that is not listed: any quantity counts zero. */
export const UNLISTED: HaircutSchedule = Array.from({ length: TIERS }, () => ({
  boundaryLots: 0n as QuantityLots,
  weightBps: 0n as WeightBps,
}));

/**
 * Weighted quantity of one asset: the area under its marginal weights from 0 to `quantity`. Exact.
 *
 * Concave and piecewise linear; the piece that starts at a boundary holds that boundary. Constant above the last
 * boundary (the concentration cap).
 */
export function tierValue(schedule: HaircutSchedule, quantity: QuantityLots): TierValue {
  let lower = 0n;
  let weightedLotsBps = 0n;
  for (const [tier, { boundaryLots, weightBps }] of schedule.entries()) {
    if (quantity < boundaryLots) {
      return { tier, weightedLotsBps: weightedLotsBps + (quantity - lower) * weightBps };
    }
    weightedLotsBps += (boundaryLots - lower) * weightBps;
    lower = boundaryLots;
  }
  return { tier: TIERS, weightedLotsBps };
}

/**
 * Intercepts of the lines of pieces 1 to TIERS: on piece t the weighted quantity is `intercept_t + weight_t · q`, with
 * intercept_0 = 0, weight_TIERS = 0 and `intercept_t = intercept_{t−1} + (weight_{t−1} − weight_t) · boundary_{t−1}`.
 */
export function intercepts(schedule: HaircutSchedule): bigint[] {
  let intercept = 0n;
  return schedule.map(({ boundaryLots, weightBps }, tier) => {
    intercept += (weightBps - (schedule[tier + 1]?.weightBps ?? 0n)) * boundaryLots;
    return intercept;
  });
}

/**
 * Whole lots of a board row that a weighted quantity of collateral counts as in the scan: weighted quantity / scanLots,
 * rounded down. Equity holds so much of the asset, and no more may hedge a short position. Throws `OUT_OF_RANGE` for 2^31
 * and more: the policy's scan lot is too small for the quantity, and no proof of it exists.
 */
export function scannedLots(weightedLotsBps: bigint, lots: ScanLots, field: string): bigint {
  const scanned = weightedLotsBps / (BPS * lots);
  if (scanned < 1n << BigInt(BITS.scanned)) return scanned;
  throw new PlimsollError("OUT_OF_RANGE", "expected fewer than 2^31 scan lots of collateral", { field });
}

/** Checks shape, ranges and concavity. */
export function checkPolicy(policy: Policy): Policy {
  checkLength(policy.schedules, ASSETS, "schedules");
  for (const [asset, schedule] of policy.schedules.entries()) {
    const field = `schedules[${asset}]`;
    checkLength(schedule, TIERS, field);
    let lower = 0n;
    let weight: bigint = BPS;
    for (const [index, tier] of schedule.entries()) {
      const place = { field: `${field}[${index}]` };
      quantityLots(tier.boundaryLots, `${place.field}.boundaryLots`);
      weightBps(tier.weightBps, `${place.field}.weightBps`);
      if (tier.boundaryLots < lower) {
        throw new PlimsollError("OUT_OF_RANGE", "tier boundaries must ascend", place);
      }
      if (tier.weightBps > weight) {
        throw new PlimsollError("OUT_OF_RANGE", "tier weights must descend, from at most 10000 basis points", place);
      }
      lower = tier.boundaryLots;
      weight = tier.weightBps;
    }
  }
  checkLength(policy.scanLots, ASSETS, "scanLots");
  for (const [asset, lots] of policy.scanLots.entries()) scanLots(lots, `scanLots[${asset}]`);
  rateBps(policy.debtRateBps, "debtRateBps");
  return policy;
}
