// SPDX-License-Identifier: GPL-3.0-or-later
/** What may become of an account, and the least that would help. PRIVATE, as table and as page. */
import { PlimsollError } from "../errors.ts";
import type { AccountFile } from "../formats/account.ts";
import { formatDecimal, formatLots } from "../formats/decimal.ts";
import type { MarketFile } from "../formats/market.ts";
import { LEVELS, type PolicyFile } from "../formats/policy.ts";
import { prepare } from "../risk/calibration/ranges.ts";
import { checkHistories, type HistorySummary, type HistoryTerms } from "../risk/history-rules.ts";
import type { MarketInput } from "../risk/input.ts";
import { type Book, bookOf, type Exposure, simulateExposure } from "../risk/outlook/exposure.ts";
import { type MarginCure, smallestTrades, topUp } from "../risk/outlook/margin-cure.ts";
import { outlook, type Warning, warn } from "../risk/outlook/warning.ts";
import { alignHistories, type PriceHistory } from "../risk/prices.ts";

/**
 * How an account may fare in the hours to come.
 * @see docs/library.md#risk
 */
export interface Ahead {
  readonly account: string;
  readonly board: string;
  readonly time: string;
  readonly currency: string;
  /** Length and age of each history, and what was confirmed of it. */
  readonly histories: readonly HistorySummary[];
  readonly exposure: Exposure;
  /** By level: the probability of falling below it, and what brings the account to it where it is below now. */
  readonly levels: readonly {
    readonly name: string;
    readonly bps: string;
    readonly warning: Warning;
    readonly topUp: string;
    readonly trades: readonly { readonly instrument: string; readonly quantity: string }[] | null;
  }[];
}

/**
 * With what is accepted of the histories; their age is counted to the market's time.
 * @see docs/library.md#risk
 */
export interface AheadOptions extends Omit<HistoryTerms, "time"> {
  readonly hours: number;
  readonly paths: number;
  readonly seed: number;
}

/**
 * Looks ahead. Throws `UNKNOWN_NAME` where there is no history of an underlying that is held, `HISTORY_REFUSED` like
 * `checkHistories`, and like `bookOf`, `outlook` and `simulateExposure`.
 *
 *   const ahead = lookAhead(holder, policy, market, input, histories, { hours: 24, paths: 20_000, seed: 1 });
 */
export function lookAhead(
  { name, account }: AccountFile,
  policy: PolicyFile,
  market: MarketFile,
  input: MarketInput,
  histories: readonly PriceHistory[],
  { hours, paths, seed, ...terms }: AheadOptions,
): Ahead {
  const book = bookOf({ account, policy, market, input });
  checkNames(book, histories);
  const checked = checkHistories(histories, { ...terms, time: market.time });
  const view = outlook(alignHistories(checked.histories).map((history) => prepare(history)));
  const ratios = LEVELS.map((level) => Number(policy.levels[level]) / 1e4);
  const steps = Math.max(1, Math.min(12, Math.ceil(hours / 2)));
  const exposure = simulateExposure(book, view.process, { horizonHours: hours, steps, paths, seed, levels: ratios });
  const warnings = warn(book, view, ratios, hours, { exposure });
  const trades = (cure: MarginCure | undefined) =>
    cure?.trades.map(({ row, lots }) => {
      const { symbol, lot } = market.instruments[row]!;
      return { instrument: symbol, quantity: formatLots(lots, lot) };
    }) ?? null;
  return {
    account: name,
    board: market.board,
    time: market.time,
    currency: policy.cashSymbol,
    histories: checked.summaries,
    exposure,
    levels: LEVELS.map((level, index) => {
      const bps = policy.levels[level];
      return {
        name: level,
        bps: bps.toString(),
        warning: warnings[index]!,
        topUp: formatDecimal(topUp(account, policy, market.market, bps), 6),
        trades: trades(smallestTrades(account, policy, market.market, bps)),
      };
    }),
  };
}

/** Throws `UNKNOWN_NAME` unless there is a history of every underlying that moves the account. */
export function checkNames({ input, positions, collateral }: Book, histories: readonly PriceHistory[]): void {
  const needed = new Set([
    ...positions.map(({ row }) => input.policy.instruments[row]!.underlying),
    ...collateral.flatMap(({ underlying }) => underlying ?? []),
  ]);
  const missing = [...needed].filter((each) => !histories.some(({ symbol }) => symbol === each));
  if (missing.length === 0) return;
  const files = missing.map((each) => `${each}-USD.csv`).join(" and ");
  const given = histories.map(({ symbol }) => symbol).join(", ") || "none";
  throw new PlimsollError(
    "UNKNOWN_NAME",
    `no price history of ${missing.join(", ")}, which the account depends on: add a file such as ${files} (given: ${given})`,
    { field: "prices" },
  );
}
