// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll value`: what an account is worth and what margin it needs, in exact figures and as a table. */
import type { AccountFile } from "../formats/account.ts";
import { formatDecimal } from "../formats/decimal.ts";
import type { MarketFile } from "../formats/market.ts";
import { CASH_DECIMALS, LEVELS, type PolicyFile } from "../formats/policy.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../model/evaluate.ts";
import { TIERS } from "../model/sizes.ts";

/** The breakdown: amounts are exact decimal strings in quote currency, coverage in basis points, rounded down. */
export interface Valuation {
  readonly account: string;
  readonly board: string;
  readonly epoch: string;
  readonly time: string;
  readonly currency: string;
  readonly collateral: readonly {
    readonly asset: string;
    readonly quantity: string;
    /** Before haircuts. */
    readonly marketValue: string;
    /** What counts. */
    readonly value: string;
    /** 1 to 4: the haircut tier that the quantity reaches; null above the last boundary. */
    readonly tier: number | null;
  }[];
  readonly cash: string;
  readonly sets: readonly {
    readonly blocks: readonly string[];
    readonly markValue: string;
    readonly profits: readonly string[];
    /** The scenario with the largest loss, null where none loses. */
    readonly worstScenario: string | null;
    readonly scan: string;
    readonly delta: string;
    readonly liquidity: string;
  }[];
  readonly scenarios: readonly string[];
  readonly charge: string;
  readonly collateralValue: string;
  readonly equity: string;
  readonly margin: string;
  /** Null without margin. */
  readonly coverageBps: string | null;
  readonly levels: readonly { readonly name: string; readonly bps: string; readonly atLeast: boolean }[];
}

export function valueAccount({ name, account }: AccountFile, policy: PolicyFile, market: MarketFile): Valuation {
  const result = evaluate(account, policy.policy, market.market);
  const e6 = (value: bigint) => formatDecimal(value, CASH_DECIMALS);
  const e10 = (value: bigint) => formatDecimal(value, 10);
  const e20 = (value: bigint) => formatDecimal(value, 20);
  return {
    account: name,
    board: market.board,
    epoch: market.epoch.toString(),
    time: market.time,
    currency: policy.cashSymbol,
    collateral: policy.assets.map(({ symbol, lotDecimals }, index) => {
      const quantity = account.collateral[index]!;
      const { tier, value } = result.assets[index]!;
      return {
        asset: symbol,
        quantity: formatDecimal(quantity, lotDecimals),
        marketValue: formatDecimal(quantity * market.market.prices[index]!, 16),
        value: e20(value),
        tier: tier < TIERS ? tier + 1 : null,
      };
    }),
    cash: e6(account.cash),
    sets: result.sets.map((set) => ({
      blocks: market.blocks.slice(set.firstBlock, set.lastBlock + 1),
      markValue: e6(set.markValue),
      profits: set.profits.map(e6),
      worstScenario: set.worstScenario === undefined ? null : market.scenarios[set.worstScenario]!,
      scan: e6(set.scan),
      delta: e6(set.delta),
      liquidity: e10(set.liquidity),
    })),
    scenarios: market.scenarios,
    charge: e6(result.charge),
    collateralValue: e20(result.collateral),
    equity: e20(result.equity),
    margin: e10(result.margin),
    coverageBps: coverageBpsDown(result)?.toString() ?? null,
    levels: LEVELS.map((level) => ({
      name: level,
      bps: policy.levels[level].toString(),
      atLeast: isAtLeast(result, policy.levels[level]),
    })),
  };
}
