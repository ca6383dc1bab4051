// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The arithmetic of margin: exact integers, no division, no rounding.
 *
 *   collateral  = Σ_a price_a · tierValue_a(q_a)                              1e-20 quote
 *   scan_S      = max(0, max_k −Σ_{j∈S} s_j · profit_jk)                       1e-6
 *   liquidity_S = rate_S · max(0, |Σ_{j∈S} s_j · delta_j| − threshold_S)       1e-10 (rate in bps)
 *   charge      = Σ_j long_j · max(s_j, 0) + short_j · max(−s_j, 0)           1e-6
 *   margin      = 10^4 · (charge + Σ_S scan_S) + Σ_S liquidity_S               1e-10
 *   equity      = collateral + 10^14 · (cash + Σ_j s_j · mark_j)              1e-20
 *   at least    ⇔ equity ≥ 10^6 · level · margin                              level in bps; below ⇔ not
 */
import { BPS, type LevelBps } from "../units.ts";
import { type Account, checkAccount } from "./account.ts";
import { checkMarket, type Market } from "./market.ts";
import { checkPolicy, type Policy, tierValue } from "./policy.ts";
import { BLOCK_INSTRUMENTS, SCENARIOS } from "./sizes.ts";

/** Quote currency in 1e-20. */
export type ValueE20 = bigint & { readonly __unit: "ValueE20" };
/** Quote currency in 1e-10. */
export type MarginE10 = bigint & { readonly __unit: "MarginE10" };
/** Quote currency in 1e-6. */
export type AmountE6 = bigint & { readonly __unit: "AmountE6" };

export const E6_TO_E20 = 10n ** 14n;
export const E6_TO_E10 = BPS;
/** From margin (1e-10) times level (1e-4) to equity's unit (1e-20): 10^(20−10−4). */
export const MARGIN_LEVEL_TO_E20 = 10n ** 6n;

export interface AssetValue {
  readonly asset: number;
  /** TIERS above the last boundary. */
  readonly tier: number;
  readonly value: ValueE20;
}

export interface NettingSet {
  /** Blocks of the set, first to last inclusive. */
  readonly firstBlock: number;
  readonly lastBlock: number;
  /** Profit of the whole set in each scenario. */
  readonly profits: readonly AmountE6[];
  /** Scenario with the largest loss (lowest index on a tie), or undefined where no scenario loses: the floor of zero holds. */
  readonly worstScenario: number | undefined;
  readonly scan: AmountE6;
  readonly delta: AmountE6;
  readonly liquidity: MarginE10;
  /** Value of the set's positions at their marks. */
  readonly markValue: AmountE6;
}

/** Sums of lots times columns over the blocks of a netting set up to one block. */
export interface BlockRun {
  /** One for each scenario. */
  readonly profits: readonly AmountE6[];
  readonly mark: AmountE6;
  readonly delta: AmountE6;
}

/**
 * What an account is worth at a market, exact.
 * @see docs/library.md#accounts
 */
export interface Evaluation {
  readonly assets: readonly AssetValue[];
  /** One for each block; that of a set's last block is the whole set's. */
  readonly runs: readonly BlockRun[];
  readonly sets: readonly NettingSet[];
  readonly charge: AmountE6;
  readonly collateral: ValueE20;
  readonly equity: ValueE20;
  readonly margin: MarginE10;
}

/**
 * Evaluates an account at a policy and a market. Throws `OUT_OF_RANGE` or `FIELD_INVALID` where any is malformed.
 * @see docs/library.md#accounts
 */
export function evaluate(account: Account, policy: Policy, market: Market): Evaluation {
  checkAccount(account);
  checkPolicy(policy);
  checkMarket(market);
  if (market.board.size !== account.size) throw new TypeError("account and board are of different sizes");

  const assets = account.collateral.map((quantity, asset) => {
    const { tier, weightedLotsBps } = tierValue(policy.schedules[asset]!, quantity);
    return { asset, tier, value: (market.prices[asset]! * weightedLotsBps) as ValueE20 };
  });
  const collateral = assets.reduce((sum, { value }) => sum + value, 0n) as ValueE20;

  let charge = 0n;
  for (const [index, lots] of account.positions.entries()) {
    const { longCharge, shortCharge } = market.board.rows[index]!;
    charge += lots > 0n ? longCharge * lots : shortCharge * -lots;
  }

  const runs = blockRuns(account, market);
  const sets = nettingSets(runs, market);
  const markValue = sets.reduce((sum, set) => sum + set.markValue, 0n);
  const scan = sets.reduce((sum, set) => sum + set.scan, 0n);
  const liquidity = sets.reduce((sum, set) => sum + set.liquidity, 0n);
  return {
    assets,
    runs,
    sets,
    charge: charge as AmountE6,
    collateral,
    equity: (collateral + E6_TO_E20 * (account.cash + markValue)) as ValueE20,
    margin: (E6_TO_E10 * (charge + scan) + liquidity) as MarginE10,
  };
}

function blockRuns(account: Account, { board }: Market): BlockRun[] {
  const runs: BlockRun[] = [];
  for (const [block, { continues }] of board.blocks.entries()) {
    const before = continues ? runs[block - 1] : undefined;
    const profits: bigint[] = before === undefined ? new Array(SCENARIOS).fill(0n) : [...before.profits];
    let mark: bigint = before?.mark ?? 0n;
    let delta: bigint = before?.delta ?? 0n;
    for (let index = block * BLOCK_INSTRUMENTS; index < (block + 1) * BLOCK_INSTRUMENTS; index++) {
      const lots = account.positions[index]!;
      if (lots === 0n) continue;
      const row = board.rows[index]!;
      for (let scenario = 0; scenario < SCENARIOS; scenario++) {
        profits[scenario] = profits[scenario]! + lots * row.profits[scenario]!;
      }
      mark += lots * row.mark;
      delta += lots * row.delta;
    }
    runs.push({ profits: profits as AmountE6[], mark: mark as AmountE6, delta: delta as AmountE6 });
  }
  return runs;
}

/** The largest loss in any scenario; zero where none loses. */
export function worstLoss(profits: readonly AmountE6[]): AmountE6 {
  let worst = 0n;
  for (const profit of profits) if (-profit > worst) worst = -profit;
  return worst as AmountE6;
}

function nettingSets(runs: readonly BlockRun[], { board }: Market): NettingSet[] {
  const sets: NettingSet[] = [];
  let firstBlock = 0;
  for (const [block, { profits, mark, delta }] of runs.entries()) {
    if (board.blocks[block + 1]?.continues) continue;
    const scan = worstLoss(profits);
    const { liquidityRate, liquidityThreshold } = board.blocks[block]!;
    const excess = (delta < 0n ? -delta : delta) - liquidityThreshold;
    sets.push({
      firstBlock,
      lastBlock: block,
      profits,
      worstScenario: scan === 0n ? undefined : profits.findIndex((profit) => -profit === scan),
      scan,
      delta,
      liquidity: (excess > 0n ? liquidityRate * excess : 0n) as MarginE10,
      markValue: mark,
    });
    firstBlock = block + 1;
  }
  return sets;
}

/**
 * Whether coverage is at least `level`. Its exact complement is `below`. Without margin: whether equity is at least zero.
 * @see docs/library.md#accounts
 */
export function isAtLeast({ equity, margin }: Evaluation, level: LevelBps): boolean {
  return equity >= MARGIN_LEVEL_TO_E20 * level * margin;
}

/**
 * Coverage in basis points, rounded down, for display: the largest integer level that the account has at least.
 * Undefined without margin, where coverage is not a number.
 * @see docs/library.md#accounts
 */
export function coverageBpsDown({ equity, margin }: Evaluation): bigint | undefined {
  if (margin === 0n) return undefined;
  const divisor = MARGIN_LEVEL_TO_E20 * margin;
  const quotient = equity / divisor;
  return equity < 0n && quotient * divisor !== equity ? quotient - 1n : quotient;
}
