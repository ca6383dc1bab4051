// SPDX-License-Identifier: GPL-3.0-or-later
/** From volumes and ranges to haircut tiers and liquidity terms. */
import { quantile } from "simple-statistics";
import { PlimsollError } from "../../errors.ts";
import type { PolicyDocument } from "../../formats/policy.ts";
import type { PriceHistory } from "../prices.ts";
import type { UnderlyingCalibration } from "./calibrate.ts";
import { type CalibrationOptions, DEFAULT_CALIBRATION } from "./ranges.ts";

/** How much of an asset can be sold: units a day, and the share of it that an account may count on. */
export interface Liquidity {
  readonly dailyVolume: number;
  readonly participation: number;
}

/** The median of the last 90 days' volume; undefined where the history has none. */
export function liquidityOf({ volumes }: PriceHistory, { participation }: CalibrationOptions): Liquidity | undefined {
  return volumes && { dailyVolume: quantile(volumes.slice(-90), 0.5), participation };
}

/**
 * Loss range of a position that takes `days` to sell: held for one period, then sold evenly, so that variance grows by a
 * third of what it would if all were held to the end.
 */
const rangeOver = ({ tailDown, used }: UnderlyingCalibration, { periodDays }: CalibrationOptions, days: number) =>
  1 - Math.exp(-tailDown * used * Math.sqrt(periodDays + Math.max(0, days - periodDays) / 3));

export type HaircutTiers = PolicyDocument["assets"][number]["tiers"];

/** Days of selling at which tiers end; beyond the last nothing more counts. */
const TIER_DAYS = [1, 3, 10];

/**
 * Haircut tiers: to the end of each, as many units as can be sold in 1, 3 and 10 days; the haircut is the loss range over
 * that time, rounded up to a basis point.
 */
export function haircutTiers(
  calibrated: UnderlyingCalibration,
  { dailyVolume, participation }: Liquidity,
  options: CalibrationOptions = DEFAULT_CALIBRATION,
): HaircutTiers {
  if (!(dailyVolume > 0 && participation > 0)) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a daily volume above 0", {
      field: `volume of ${calibrated.symbol}`,
    });
  }
  return TIER_DAYS.map((days) => ({
    upTo: String(Number((days * participation * dailyVolume).toPrecision(2))),
    haircutBps: String(Math.min(10_000, Math.ceil(rangeOver(calibrated, options, days) * 10_000))),
  }));
}

/**
 * Liquidity terms of a netting set: delta up to what can be closed within the margin period is free; the rate above it is
 * the extra range of a position four times as large, spread over what lies above.
 */
export function liquidityTerms(
  calibrated: UnderlyingCalibration,
  { dailyVolume, participation }: Liquidity,
  price: number,
  options: CalibrationOptions = DEFAULT_CALIBRATION,
): { readonly liquidityThreshold: string; readonly liquidityRateBps: string } {
  const { periodDays } = options;
  const extra = 4 * (rangeOver(calibrated, options, 4 * periodDays) - rangeOver(calibrated, options, periodDays));
  return {
    liquidityThreshold: String(Math.floor(dailyVolume * participation * periodDays * price)),
    liquidityRateBps: String(Math.min(10_000, Math.ceil((extra / 3) * 10_000))),
  };
}
