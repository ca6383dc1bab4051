// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The least that brings an account back to a level of coverage: cash paid in, trades, or both. PRIVATE.
 *
 * Equity is linear in cash and, at marks, untouched by trades but for their cost; margin is a sum of maxima of linear
 * functions of positions. So the least trade is a linear programme over the scenario losses. Its answer is rounded to
 * whole lots and checked by the integer model; what is returned brings the account to the level exactly as a proof would
 * see it.
 */
import { solve } from "yalps";
import type { PolicyFile } from "../../formats/policy.ts";
import type { Account } from "../../model/account.ts";
import { E6_TO_E20, evaluate, excessOver, isAtLeast, MARGIN_LEVEL_TO_E20 } from "../../model/evaluate.ts";
import type { Market } from "../../model/market.ts";
import { BLOCK_INSTRUMENTS } from "../../model/sizes.ts";
import { BITS, BPS, type CashE6, cashE6, type LevelBps, type PositionLots } from "../../units.ts";

/**
 * A trade or payment that brings an account back to a level.
 * @see docs/library.md#risk
 */
export interface MarginCure {
  /** Cash to pay in, at least 0. */
  readonly cash: CashE6;
  /** Lots to buy (or, negative, to sell) by row of the board, at marks. */
  readonly trades: readonly { readonly row: number; readonly lots: bigint }[];
  /** The account after it, apart from its sequence. */
  readonly after: Account;
  /** Value of what is traded, as change of delta, and what trading costs; quote currency. */
  readonly traded: number;
  readonly cost: number;
}

export interface MarginCureOptions {
  /** Rows that may be traded: by default those held. A row that is not held (a hedge) may be added. */
  readonly rows?: readonly number[];
  /** Price of a unit of cash paid in, in units of value traded: Infinity for trades alone, 0 for cash alone. */
  readonly cashPrice?: number;
}

/**
 * Cash that brings an account to a level; 0 where it is there. Exact, rounded up to a millionth.
 * @see docs/library.md#risk
 */
export function topUp(account: Account, policy: PolicyFile, market: Market, level: LevelBps): CashE6 {
  const evaluation = evaluate(account, policy.policy, market);
  const { debt } = evaluation;
  const missing = -excessOver(evaluation, level);
  if (missing <= 0n) return cashE6(0n);
  const owed = valueInDebt(policy, level);
  const up = (amount: bigint, unit: bigint) => (amount + unit - 1n) / unit;
  const cash = up(missing, owed);
  return cashE6(cash <= debt ? cash : debt + up(missing - debt * owed, E6_TO_E20));
}

/**
 * The most cash that can be paid out with coverage of at least a level afterwards; 0 where coverage is below it. Exact,
 * rounded down to a millionth, and no more than an account can owe. Counts debt as the margin does, and knows no limit of a venue
 * on what leaves.
 * @see docs/library.md#risk
 */
export function withdrawable(account: Account, policy: PolicyFile, market: Market, level: LevelBps): CashE6 {
  const evaluation = evaluate(account, policy.policy, market);
  const spare = excessOver(evaluation, level);
  if (spare <= 0n) return cashE6(0n);
  const owned = account.cash + evaluation.markValue;
  const beforeDebt = owned > 0n ? owned : 0n;
  const cash = spare / E6_TO_E20;
  const most = cash <= beforeDebt ? cash : beforeDebt + (spare - beforeDebt * E6_TO_E20) / valueInDebt(policy, level);
  const room = account.cash + CASH_LIMIT;
  return cashE6([most, room, CASH_LIMIT - 1n].reduce((least, each) => (each < least ? each : least)));
}
/** Cash is at least the negative of this, and below it. */
const CASH_LIMIT = 1n << BigInt(BITS.cash - 1);

/** What a millionth of cash is worth to an account in debt: it is equity, and takes margin on debt away. In 1e-20. */
const valueInDebt = (policy: PolicyFile, level: LevelBps): bigint =>
  E6_TO_E20 + MARGIN_LEVEL_TO_E20 * level * policy.policy.debtRateBps;

/**
 * The least trades, with cash where it is cheaper than trading at `cashPrice`. Trading costs the row's charge for that
 * side, paid from cash. Undefined where no such trades reach the level (closing everything costs more than there is).
 * A row's trade counts by its delta, or its mark where that is larger: so a hedge is not free.
 * @see docs/library.md#risk
 */
export function smallestTrades(
  account: Account,
  policy: PolicyFile,
  market: Market,
  level: LevelBps,
  { rows, cashPrice = Number.POSITIVE_INFINITY }: MarginCureOptions = {},
): MarginCure | undefined {
  const traded = rows ?? account.positions.flatMap((lots, row) => (lots === 0n ? [] : [row]));
  // A level a little higher leaves room for rounding to lots; it is raised where that was not enough.
  for (const extra of [0, 1e-4, 1e-3, 1e-2]) {
    const plan = programme(account, policy, market, (Number(level) / 1e4) * (1 + extra), traded, cashPrice);
    if (plan === undefined) return undefined;
    const cure = rounded(account, market, plan, traded);
    if (isAtLeast(evaluate(cure.after, policy.policy, market), level)) return cure;
    if (Number.isFinite(cashPrice)) {
      const cash = topUp(cure.after, policy, market, level);
      return {
        ...cure,
        cash: cashE6(cure.cash + cash),
        after: { ...cure.after, cash: cashE6(cure.after.cash + cash) },
      };
    }
  }
  return undefined;
}

interface Plan {
  readonly cash: number;
  /** By row, in lots. */
  readonly lots: ReadonlyMap<number, number>;
}

/** All amounts are in a unit of about the account's own size: a solver's tolerances are absolute. */
function programme(
  account: Account,
  policy: PolicyFile,
  market: Market,
  level: number,
  rows: readonly number[],
  cashPrice: number,
): Plan | undefined {
  const evaluation = evaluate(account, policy.policy, market);
  const debtRate = Number(policy.policy.debtRateBps) / Number(BPS);
  const unit = Math.max(1, Number(evaluation.margin) / 1e10);
  const e6 = (value: bigint) => Number(value) / 1e6 / unit;
  const constraints = new Map<string, { min?: number; max?: number }>();
  const variables = new Map<string, Map<string, number>>();
  const add = (name: string, entries: readonly (readonly [string, number])[]) => variables.set(name, new Map(entries));
  // equity − cost + cash − level · margin ≥ 0, margin in parts: charges of what is not traded are constant.
  const fixed = account.positions.reduce((sum, lots, row) => {
    if (rows.includes(row)) return sum;
    const { longCharge, shortCharge } = market.board.rows[row]!;
    return sum + (lots > 0n ? e6(longCharge * lots) : e6(shortCharge * -lots));
  }, 0);
  constraints.set("level", { min: level * fixed - Number(evaluation.equity) / 1e20 / unit });
  if (Number.isFinite(cashPrice))
    add("cash", [
      ["level", 1],
      ["size", cashPrice],
      ["debt", 1],
    ]);
  // debt + cash − cost ≥ what is owed now: a trade at the mark changes no debt but by its cost.
  if (debtRate > 0) {
    constraints.set("debt", { min: -e6(account.cash + evaluation.markValue) });
    add("debt", [
      ["level", -level * debtRate],
      ["debt", 1],
    ]);
  }
  for (const [set, { profits, delta, vega, firstBlock, lastBlock }] of evaluation.sets.entries()) {
    const terms = market.board.blocks[lastBlock]!;
    const inSet = (row: number) => row >= firstBlock * BLOCK_INSTRUMENTS && row < (lastBlock + 1) * BLOCK_INSTRUMENTS;
    if (!rows.some(inSet) && profits.every((profit) => profit === 0n)) continue;
    add(`scan${set}`, [["level", -level], ...profits.map((_, k) => [`s${set}k${k}`, 1] as const)]);
    // scan + Σ profit · trade ≥ −profit now.
    for (const [k, profit] of profits.entries()) constraints.set(`s${set}k${k}`, { min: -e6(profit) });
    // charge ∓ rate · Σ amount · trade ≥ rate · (±amount now − threshold), for delta and for vega.
    const charged = [
      {
        name: "delta",
        now: delta,
        threshold: terms.liquidityThreshold,
        rate: Number(terms.liquidityRate) / Number(BPS),
      },
      { name: "vega", now: vega, threshold: terms.vegaThreshold, rate: Number(terms.vegaRate) / Number(BPS) },
    ] as const;
    for (const { name, now, threshold, rate } of charged) {
      add(`${name}${set}`, [
        ["level", -level],
        [`${name}${set}up`, 1],
        [`${name}${set}down`, 1],
      ]);
      constraints.set(`${name}${set}up`, { min: rate * (e6(now) - e6(threshold)) });
      constraints.set(`${name}${set}down`, { min: rate * (-e6(now) - e6(threshold)) });
    }
    for (const row of rows.filter(inSet)) {
      const each = market.board.rows[row]!;
      const { profits: gains, longCharge, shortCharge } = each;
      const held = account.positions[row]!;
      // Lots are scaled so that one is worth about as much as the unit.
      const worth = Math.max(Math.abs(e6(each.delta)), Math.abs(e6(each.mark)), 1e-12);
      for (const side of [1, -1]) {
        const cost = e6(side === 1 ? longCharge : shortCharge) / worth;
        add(`${side === 1 ? "buy" : "sell"}${row}`, [
          ["size", 1],
          ["level", -cost],
          ["debt", -cost],
          [`p${row}`, -side],
          ...gains.map((gain, k) => [`s${set}k${k}`, (side * e6(gain)) / worth] as const),
          ...charged.flatMap(({ name, rate }) => [
            [`${name}${set}up`, (-side * rate * e6(each[name])) / worth] as const,
            [`${name}${set}down`, (side * rate * e6(each[name])) / worth] as const,
          ]),
        ]);
      }
      // The position after, as what is long and what is short of it: long − short − buy + sell = held.
      constraints.set(`p${row}`, { min: Number(held) * worth, max: Number(held) * worth });
      add(`long${row}`, [
        ["level", (-level * e6(longCharge)) / worth],
        [`p${row}`, 1],
      ]);
      add(`short${row}`, [
        ["level", (-level * e6(shortCharge)) / worth],
        [`p${row}`, -1],
      ]);
    }
  }
  const { status, variables: solution } = solve({ direction: "minimize", objective: "size", constraints, variables });
  if (status !== "optimal") return undefined;
  const values = new Map(solution);
  return {
    cash: (values.get("cash") ?? 0) * unit,
    lots: new Map(
      rows.map((row) => {
        const { delta, mark } = market.board.rows[row]!;
        const worth = Math.max(Math.abs(e6(delta)), Math.abs(e6(mark)), 1e-12);
        return [row, ((values.get(`buy${row}`) ?? 0) - (values.get(`sell${row}`) ?? 0)) / worth];
      }),
    ),
  };
}

/** To whole lots, away from zero but never past zero where the trade only reduces. */
function rounded(account: Account, market: Market, plan: Plan, rows: readonly number[]): MarginCure {
  const positions = [...account.positions];
  const trades: { row: number; lots: bigint }[] = [];
  let costE6 = 0n;
  let traded = 0;
  for (const row of rows) {
    const exact = plan.lots.get(row)!;
    if (Math.abs(exact) < 1e-6) continue;
    const held = positions[row]!;
    let lots = BigInt(Math.sign(exact) * Math.ceil(Math.abs(exact) - 1e-6));
    const reduces = held !== 0n && held > 0n !== lots > 0n;
    if (reduces && Math.abs(exact) <= Math.abs(Number(held)) + 1e-6 && lots * lots > held * held) lots = -held;
    const { delta, mark, longCharge, shortCharge } = market.board.rows[row]!;
    positions[row] = (held + lots) as PositionLots;
    trades.push({ row, lots });
    // Bought or sold at the mark: cash pays for what the position gains in value, and for the cost.
    costE6 += (lots > 0n ? longCharge : -shortCharge) * lots;
    traded += (Math.abs(Number(lots)) * Math.max(Math.abs(Number(delta)), Math.abs(Number(mark)))) / 1e6;
  }
  const paid = trades.reduce((sum, { row, lots }) => sum + lots * market.board.rows[row]!.mark, 0n);
  const cash = cashE6(BigInt(Math.ceil(plan.cash * 1e6)));
  const after = { ...account, positions, cash: cashE6(account.cash + cash - paid - costE6) };
  return { cash, trades, after, traded, cost: Number(costE6) / 1e6 };
}
