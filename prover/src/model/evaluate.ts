// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The arithmetic of margin: exact integers, no rounding but of scanned lots, which are whole.
 *
 *   collateral  = Σ_a price_a · tierValue_a(q_a)                              1e-20 quote
 *   e_a         = floor(tierValue_a(q_a) / (10^4 · scanLots_a))              lots of row a
 *   scan_S      = max(0, max_k −Σ_{j∈S} (s_j + e_j) · profit_jk)              1e-6 (e_j of the first ASSETS rows, else 0)
 *   liquidity_S = rate_S · max(0, |Σ_{j∈S} s_j · delta_j| − threshold_S)      1e-10 (rate in bps)
 *   vega_S      = vegaRate_S · max(0, |Σ_{j∈S} s_j · vega_j| − vegaThreshold_S)  1e-10
 *   charge      = Σ_j long_j · max(s_j, 0) + short_j · max(−s_j, 0)           1e-6
 *   debt        = max(0, −(cash + Σ_j s_j · mark_j))                          1e-6
 *   margin      = 10^4 · (charge + Σ_S scan_S) + Σ_S (liquidity_S + vega_S) + debtRate · debt   1e-10
 *   equity      = collateral + 10^14 · (cash + Σ_j s_j · mark_j)              1e-20
 *   at least    ⇔ equity ≥ 10^6 · level · margin                              level in bps; below ⇔ not
 *
 * Scanned collateral counts in the scan of the first netting set and nowhere else: its value is that of the haircut
 * schedule, and a hedge of it by a short position still has to close both.
 */
import { BPS, type LevelBps } from "../units.ts";
import { type Account, checkAccount } from "./account.ts";
import { checkMarket, type Market } from "./market.ts";
import { checkPolicy, type Policy, scannedLots, tierValue } from "./policy.ts";
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
  /** Lots of the board row of the same index that it counts as in the scan of the first netting set. */
  readonly scannedLots: bigint;
}

export interface NettingSet {
  /** Blocks of the set, first to last inclusive. */
  readonly firstBlock: number;
  readonly lastBlock: number;
  /** Profit of the whole set in each scenario, scanned collateral included. */
  readonly profits: readonly AmountE6[];
  /** The part of `profits` that is of scanned collateral: zero but in the first set. */
  readonly collateralProfits: readonly AmountE6[];
  /** Scenario with the largest loss (lowest index on a tie), or undefined where no scenario loses: the floor of zero holds. */
  readonly worstScenario: number | undefined;
  readonly scan: AmountE6;
  readonly delta: AmountE6;
  readonly liquidity: MarginE10;
  readonly vega: AmountE6;
  readonly vegaCharge: MarginE10;
  /** Value of the set's positions at their marks. */
  readonly markValue: AmountE6;
}

/** Sums of lots times columns over the blocks of a netting set up to one block. */
export interface BlockRun {
  /** One for each scenario, scanned collateral included. */
  readonly profits: readonly AmountE6[];
  readonly mark: AmountE6;
  readonly delta: AmountE6;
  readonly vega: AmountE6;
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
  /** The parts of margin, in order: their sum, in 1e-10, is `margin`. */
  readonly scan: AmountE6;
  readonly charge: AmountE6;
  readonly liquidity: MarginE10;
  readonly vegaCharge: MarginE10;
  readonly debtMargin: MarginE10;
  /** What the account owes beyond what its positions are worth. */
  readonly debt: AmountE6;
  /** Value of all positions at their marks. */
  readonly markValue: AmountE6;
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
    return {
      asset,
      tier,
      value: (market.prices[asset]! * weightedLotsBps) as ValueE20,
      scannedLots: scannedLots(weightedLotsBps, policy.scanLots[asset]!, `collateral[${asset}]`),
    };
  });
  const collateral = sumOf(assets.map(({ value }) => value));

  let charge = 0n;
  for (const [index, lots] of account.positions.entries()) {
    const { longCharge, shortCharge } = market.board.rows[index]!;
    charge += lots > 0n ? longCharge * lots : shortCharge * -lots;
  }

  const collateralProfits = profitsOf(assets, market);
  const runs = blockRuns(account, market, collateralProfits);
  const sets = nettingSets(runs, market, collateralProfits);
  const markValue = sumOf(sets.map((set) => set.markValue));
  const owned = account.cash + markValue;
  const debt = owned < 0n ? -owned : 0n;
  const scan = sumOf(sets.map((set) => set.scan));
  const liquidity = sumOf(sets.map((set) => set.liquidity));
  const vegaCharge = sumOf(sets.map((set) => set.vegaCharge));
  const debtMargin = policy.debtRateBps * debt;
  return {
    assets,
    runs,
    sets,
    scan: scan as AmountE6,
    charge: charge as AmountE6,
    liquidity: liquidity as MarginE10,
    vegaCharge: vegaCharge as MarginE10,
    debtMargin: debtMargin as MarginE10,
    debt: debt as AmountE6,
    markValue: markValue as AmountE6,
    collateral: collateral as ValueE20,
    equity: (collateral + E6_TO_E20 * owned) as ValueE20,
    margin: (E6_TO_E10 * (charge + scan) + liquidity + vegaCharge + debtMargin) as MarginE10,
  };
}

const sumOf = (amounts: readonly bigint[]) => amounts.reduce((sum, amount) => sum + amount, 0n);
const NO_PROFITS: readonly AmountE6[] = new Array(SCENARIOS).fill(0n);

/** Profit of scanned collateral in each scenario. */
function profitsOf(assets: readonly AssetValue[], { board }: Market): readonly AmountE6[] {
  const profits: bigint[] = [...NO_PROFITS];
  for (const { asset, scannedLots } of assets) {
    if (scannedLots === 0n) continue;
    for (const [scenario, profit] of board.rows[asset]!.profits.entries()) profits[scenario]! += scannedLots * profit;
  }
  return profits as AmountE6[];
}

function blockRuns(account: Account, { board }: Market, collateralProfits: readonly AmountE6[]): BlockRun[] {
  const runs: BlockRun[] = [];
  for (const [block, { continues }] of board.blocks.entries()) {
    const before = continues ? runs[block - 1] : undefined;
    const profits: bigint[] = [...(before?.profits ?? (block === 0 ? collateralProfits : NO_PROFITS))];
    let mark: bigint = before?.mark ?? 0n;
    let delta: bigint = before?.delta ?? 0n;
    let vega: bigint = before?.vega ?? 0n;
    for (let index = block * BLOCK_INSTRUMENTS; index < (block + 1) * BLOCK_INSTRUMENTS; index++) {
      const lots = account.positions[index]!;
      if (lots === 0n) continue;
      const row = board.rows[index]!;
      for (let scenario = 0; scenario < SCENARIOS; scenario++) {
        profits[scenario] = profits[scenario]! + lots * row.profits[scenario]!;
      }
      mark += lots * row.mark;
      delta += lots * row.delta;
      vega += lots * row.vega;
    }
    runs.push({
      profits: profits as AmountE6[],
      mark: mark as AmountE6,
      delta: delta as AmountE6,
      vega: vega as AmountE6,
    });
  }
  return runs;
}

/** The largest loss in any scenario; zero where none loses. */
export function worstLoss(profits: readonly AmountE6[]): AmountE6 {
  let worst = 0n;
  for (const profit of profits) if (-profit > worst) worst = -profit;
  return worst as AmountE6;
}

function nettingSets(
  runs: readonly BlockRun[],
  { board }: Market,
  collateralProfits: readonly AmountE6[],
): NettingSet[] {
  const sets: NettingSet[] = [];
  let firstBlock = 0;
  for (const [block, { profits, mark, delta, vega }] of runs.entries()) {
    if (board.blocks[block + 1]?.continues) continue;
    const scan = worstLoss(profits);
    const { liquidityRate, liquidityThreshold, vegaRate, vegaThreshold } = board.blocks[block]!;
    sets.push({
      firstBlock,
      lastBlock: block,
      profits,
      collateralProfits: firstBlock === 0 ? collateralProfits : NO_PROFITS,
      worstScenario: scan === 0n ? undefined : profits.findIndex((profit) => -profit === scan),
      scan,
      delta,
      liquidity: excessCharge(delta, liquidityThreshold, liquidityRate),
      vega,
      vegaCharge: excessCharge(vega, vegaThreshold, vegaRate),
      markValue: mark,
    });
    firstBlock = block + 1;
  }
  return sets;
}

/** rate · max(0, |amount| − threshold). */
function excessCharge(amount: AmountE6, threshold: bigint, rate: bigint): MarginE10 {
  const excess = (amount < 0n ? -amount : amount) - threshold;
  return (excess > 0n ? rate * excess : 0n) as MarginE10;
}

/**
 * Whether coverage is at least `level`. Its exact complement is `below`. Without margin: whether equity is at least zero.
 * @see docs/library.md#accounts
 */
export function isAtLeast(evaluation: Evaluation, level: LevelBps): boolean {
  return excessOver(evaluation, level) >= 0n;
}

/**
 * Equity beyond what a level asks for; a deficit is negative. Exact.
 * @see docs/library.md#accounts
 */
export const excessOver = ({ equity, margin }: Evaluation, level: LevelBps): ValueE20 =>
  (equity - MARGIN_LEVEL_TO_E20 * level * margin) as ValueE20;

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
