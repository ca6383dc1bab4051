// SPDX-License-Identifier: GPL-3.0-or-later
/** What accounts are worth and what margin they need, in exact figures. PRIVATE. */
import type { AccountFile } from "../formats/account.ts";
import type { CashConversion, CashLine } from "../formats/cash.ts";
import {
  addDecimals,
  type Decimal,
  formatDecimal,
  formatLots,
  lotOfDecimals,
  lotsOf,
  parseDecimal,
} from "../formats/decimal.ts";
import type { Departures } from "../formats/departures.ts";
import type { MarketFile } from "../formats/market.ts";
import { CASH_DECIMALS, LEVELS, type LevelName, type PolicyFile } from "../formats/policy.ts";
import { coverageBpsDown, evaluate, excessOver, isAtLeast } from "../model/evaluate.ts";
import { TIERS } from "../model/sizes.ts";

/**
 * The breakdown: amounts are exact decimal strings in quote currency, coverage in basis points, rounded down.
 * @see docs/library.md#accounts
 */
export interface Valuation extends Departures {
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
    /** How much of it is in the scan: whole scan lots. */
    readonly scanned: string;
  }[];
  /** The model's; `conversion` says how it follows from the balance. */
  readonly cash: string;
  /** Null where the file gives the model's cash. */
  readonly conversion: CashConversion | null;
  /** Those that are not zero, in the order of the board. */
  readonly positions: readonly {
    readonly instrument: string;
    readonly quantity: string;
    /** Of one unit of the underlying, rounded to the nearest of 8 decimals. */
    readonly mark: string;
    /** At the mark. */
    readonly value: string;
    /** Since the entry price, or as the file gives it; null where it gives neither. */
    readonly profit: string | null;
    readonly charge: string;
  }[];
  /** Of all positions. */
  readonly positionsValue: string;
  readonly sets: readonly {
    readonly blocks: readonly string[];
    readonly markValue: string;
    /** Scanned collateral included. */
    readonly profits: readonly string[];
    /** The scenario with the largest loss, null where none loses. */
    readonly worstScenario: string | null;
    readonly scan: string;
    /** What scanned collateral gains in the worst scenario; "0" where none loses. */
    readonly collateralProfit: string;
    readonly delta: string;
    readonly liquidity: string;
    readonly vega: string;
    readonly vegaCharge: string;
  }[];
  readonly scenarios: readonly string[];
  /** The parts of margin: they add up to it. */
  readonly scan: string;
  readonly charge: string;
  readonly liquidity: string;
  readonly vegaCharge: string;
  readonly debtMargin: string;
  /** What the account owes beyond what its positions are worth. */
  readonly debt: string;
  readonly collateralValue: string;
  readonly equity: string;
  readonly margin: string;
  /** Null without margin. */
  readonly coverageBps: string | null;
  readonly levels: readonly {
    readonly name: LevelName;
    readonly bps: string;
    readonly atLeast: boolean;
    /** Equity beyond what the level asks for; negative is a deficit. */
    readonly excess: string;
  }[];
}

const e6 = (value: bigint) => formatDecimal(value, CASH_DECIMALS);
const e10 = (value: bigint) => formatDecimal(value, 10);
const e20 = (value: bigint) => formatDecimal(value, 20);
const textOf = ({ units, decimals }: Decimal) => formatDecimal(units, decimals);

/**
 * Values one account. Throws like `evaluate`.
 *
 *   const { equity, margin, coverageBps } = valueAccount(readAccount(text, file, policy, market), policy, market);
 */
export function valueAccount(holder: AccountFile, policy: PolicyFile, market: MarketFile): Valuation {
  const { name, account, conversion, exceptions, unsettled } = holder;
  const result = evaluate(account, policy.policy, market.market);
  return {
    account: name,
    ...(exceptions && { exceptions }),
    ...(unsettled && { unsettled }),
    board: market.board,
    epoch: market.epoch.toString(),
    time: market.time,
    currency: policy.cashSymbol,
    collateral: policy.assets.map(({ symbol, lotDecimals }, index) => {
      const quantity = account.collateral[index]!;
      const { tier, value, scannedLots } = result.assets[index]!;
      return {
        asset: symbol,
        quantity: formatDecimal(quantity, lotDecimals),
        marketValue: formatDecimal(quantity * market.market.prices[index]!, 16),
        value: e20(value),
        tier: tier < TIERS ? tier + 1 : null,
        scanned: formatDecimal(scannedLots * policy.policy.scanLots[index]!, lotDecimals),
      };
    }),
    cash: e6(account.cash),
    conversion: conversion ?? null,
    positions: positionsOf(holder, market),
    positionsValue: e6(result.markValue),
    sets: result.sets.map((set) => ({
      blocks: market.blocks.slice(set.firstBlock, set.lastBlock + 1),
      markValue: e6(set.markValue),
      profits: set.profits.map(e6),
      worstScenario: set.worstScenario === undefined ? null : market.scenarios[set.worstScenario]!,
      scan: e6(set.scan),
      collateralProfit: e6(set.worstScenario === undefined ? 0n : set.collateralProfits[set.worstScenario]!),
      delta: e6(set.delta),
      liquidity: e10(set.liquidity),
      vega: e6(set.vega),
      vegaCharge: e10(set.vegaCharge),
    })),
    scenarios: market.scenarios,
    scan: e6(result.scan),
    charge: e6(result.charge),
    liquidity: e10(result.liquidity),
    vegaCharge: e10(result.vegaCharge),
    debtMargin: e10(result.debtMargin),
    debt: e6(result.debt),
    collateralValue: e20(result.collateral),
    equity: e20(result.equity),
    margin: e10(result.margin),
    coverageBps: coverageBpsDown(result)?.toString() ?? null,
    levels: LEVELS.map((level) => ({
      name: level,
      bps: policy.levels[level].toString(),
      atLeast: isAtLeast(result, policy.levels[level]),
      excess: e20(excessOver(result, policy.levels[level])),
    })),
  };
}

function positionsOf({ account, conversion }: AccountFile, market: MarketFile): Valuation["positions"] {
  return market.instruments.flatMap((instrument, index) => {
    const lots = account.positions[index]!;
    if (instrument === undefined || lots === 0n) return [];
    const { symbol, lot } = instrument;
    const { mark, longCharge, shortCharge } = market.market.board.rows[index]!;
    const value = mark * lots;
    const line = conversion?.lines.find((each) => each.instrument === symbol);
    return [
      {
        instrument: symbol,
        quantity: formatLots(lots, lot),
        mark: unitMark(mark, lot),
        value: e6(value),
        profit:
          line?.basis === "entryPrice"
            ? textOf(
                addDecimals(
                  { units: value + coinValue(line, market), decimals: CASH_DECIMALS },
                  decimalOf(line.effect),
                ),
              )
            : line?.basis === "unrealisedProfit"
              ? line.given
              : null,
        charge: e6(lots > 0n ? longCharge * lots : shortCharge * -lots),
      },
    ];
  });
}

/** What the coin cash of a position is worth, 1e-6; 0 where it has none. */
function coinValue({ coin }: CashLine, market: MarketFile): bigint {
  if (coin === undefined) return 0n;
  const index = market.instruments.findIndex((each) => each?.symbol === coin.instrument);
  return lotsOf(parseDecimal(coin.quantity), market.instruments[index]!.lot) * market.market.board.rows[index]!.mark;
}

/** Mark of a lot to mark of a unit, to the nearest of 8 decimals. */
function unitMark(mark: bigint, lot: Decimal): string {
  const numerator = mark * 10n ** BigInt(lot.decimals + 2);
  const half = (numerator < 0n ? -lot.units : lot.units) / 2n;
  return formatLots((numerator + half) / lot.units, lotOfDecimals(8));
}

/** An exact decimal string of the conversion. */
function decimalOf(text: string): Decimal {
  const [whole, fraction = ""] = text.split(".") as [string, string?];
  return { units: BigInt(`${whole}${fraction}`), decimals: fraction.length };
}

/**
 * The highest level that the account has at least; null below all.
 * @see docs/library.md#accounts
 */
export const levelReached = ({ levels }: Valuation): LevelName | null =>
  levels.find(({ atLeast }) => atLeast)?.name ?? null;
