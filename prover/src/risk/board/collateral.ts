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
  if (!yieldBearing) return formatDecimal(productDown([parseDecimal(spot)]), PRICE_DECIMALS);
  const ratio = parseDecimal(observed(observation.ratios, asset, "the ratio"));
  const byMarket = productDown([parseDecimal(observed(observation.prices, asset, "the market price"))]);
  const byRate = productDown([parseDecimal(spot), ratio]);
  if (byMarket < byRate) return formatDecimal(byMarket, PRICE_DECIMALS);
  return formatDecimal(byRate, PRICE_DECIMALS);
}

/** A product, down to the decimals of a price. */
function productDown(factors: readonly Decimal[]): bigint {
  const units = factors.reduce((product, factor) => product * factor.units, 10n ** BigInt(PRICE_DECIMALS));
  return units / 10n ** BigInt(factors.reduce((sum, factor) => sum + factor.decimals, 0));
}
