// SPDX-License-Identifier: GPL-3.0-or-later
/** Prices of collateral from what is observed, exact and rounded down. */
import { PlimsollError } from "../../errors.ts";
import { type Decimal, formatDecimal, parseDecimal } from "../../formats/decimal.ts";
import type { MarketDocument } from "../../formats/market.ts";
import { type MarketInput, own, within } from "../input.ts";

export const PRICE_DECIMALS = 8;

/** Prices of collateral alone, in the policy's order. Throws like `buildMarket`. */
export function collateralPrices(input: Pick<MarketInput, "policy" | "observation">): MarketDocument["prices"] {
  return input.policy.collateral.map((rule, index) => ({
    asset: rule.asset,
    price: within(`policy.collateral[${index}]`, () => collateralPrice(rule, input)),
  }));
}

function collateralPrice(
  { asset, underlying, yieldBearing }: MarketInput["policy"]["collateral"][number],
  { observation }: Pick<MarketInput, "observation">,
) {
  const observed = <T>(members: Readonly<Record<string, T>>, name: string, what: string): T => {
    const found = own(members, name);
    if (found === undefined) throw new PlimsollError("UNKNOWN_NAME", `${what} is not observed`);
    return found;
  };
  if (underlying === undefined) return observed(observation.prices, asset, "the price");
  const { spot } = observed(observation.underlyings, underlying, "the underlying");
  const one = { units: 1n, decimals: 0 };
  if (!yieldBearing) return formatDecimal(quotientDown([parseDecimal(spot)], one), PRICE_DECIMALS);
  const ratio = parseDecimal(observed(observation.ratios, asset, "the ratio"));
  const byMarket = quotientDown([parseDecimal(observed(observation.prices, asset, "the market price"))], one);
  const byRate = quotientDown([parseDecimal(spot), ratio], one);
  if (byMarket < byRate) return formatDecimal(byMarket, PRICE_DECIMALS);
  return formatDecimal(byRate, PRICE_DECIMALS);
}

/** A product over a divisor above 0, down to the decimals of a price. */
function quotientDown(factors: readonly Decimal[], divisor: Decimal): bigint {
  const units = factors.reduce((product, factor) => product * factor.units, 10n ** BigInt(PRICE_DECIMALS));
  const decimals = factors.reduce((sum, factor) => sum + factor.decimals, 0);
  return (units * 10n ** BigInt(divisor.decimals)) / (divisor.units * 10n ** BigInt(decimals));
}

/**
 * Prices as the oracle's contract takes them, in the policy's order: where an asset bears yield, the contract multiplies by
 * the rate itself, so the price is that of the underlying, or the market price over the rate where that is lower. Throws like
 * `buildMarket`.
 */
export function reportedPrices({ policy, observation }: Pick<MarketInput, "policy" | "observation">) {
  const overRate = Object.entries(observation.ratios).flatMap(([asset, ratio]) => {
    const market = own(observation.prices, asset);
    if (market === undefined) return [];
    return [[asset, formatDecimal(quotientDown([parseDecimal(market)], parseDecimal(ratio)), PRICE_DECIMALS)]];
  });
  const ones = Object.fromEntries(Object.keys(observation.ratios).map((asset) => [asset, "1"]));
  const prices = { ...observation.prices, ...Object.fromEntries(overRate) };
  return collateralPrices({ policy, observation: { ...observation, ratios: ones, prices } });
}
