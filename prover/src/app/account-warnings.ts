// SPDX-License-Identifier: GPL-3.0-or-later
/** What looks wrong in an account that reads well. The words name instruments and no amounts. */
import type { AccountFile } from "../formats/account.ts";
import type { MarketFile } from "../formats/market.ts";
import type { PolicyFile } from "../formats/policy.ts";
import { E6_TO_E20, evaluate } from "../model/evaluate.ts";

/** A hedged book holds several times its equity in one instrument; contracts or quote currency taken for units, far more. */
const MANY_TIMES = 20n;

/**
 * Positions worth more than 20 times the equity, by their mark or their delta: often a quantity in contracts or in quote
 * currency. Futures and perpetuals that are said to be paid for. And perpetuals at an entry price where the mark counts
 * funding that a balance has paid already. First of all where the account departs from its records. Throws like `evaluate`.
 *
 *   for (const line of accountWarnings(holder, policy, market)) console.warn(line);
 */
export function accountWarnings(holder: AccountFile, policy: PolicyFile, market: MarketFile): string[] {
  const { equity } = evaluate(holder.account, policy.policy, market.market);
  const limit = MANY_TIMES * (equity > 0n ? equity : 0n);
  const large = (value: bigint) => E6_TO_E20 * (value < 0n ? -value : value) > limit;
  const basisOf = new Map(holder.conversion?.lines.map(({ instrument, basis }) => [instrument, basis]));
  const departures = [
    ...(holder.unsettled ?? []).map((name) => `nothing is proven of this account before this is settled: ${name}`),
    ...(holder.exceptions ?? []).map((name) => `an exception that every proof of this account names: ${name}`),
  ];
  const positions = market.instruments.flatMap((instrument, index) => {
    if (instrument === undefined) return [];
    const { symbol, terms } = instrument;
    const lots = holder.account.positions[index]!;
    const { mark, delta } = market.market.board.rows[index]!;
    const warnings: string[] = [];
    if (large(lots * mark) || large(lots * delta)) {
      warnings.push(
        `${symbol}: the position is more than ${MANY_TIMES} times the equity. Quantities are in units of the underlying, not in contracts and not in ${policy.cashSymbol}`,
      );
    }
    if (basisOf.get(symbol) === "paid" && ["future", "perpetual"].includes(terms.kind ?? "") && lots * mark !== 0n) {
      warnings.push(
        `${symbol}: nobody pays the price of a ${terms.kind}, and "paid" counts all of it as wealth or debt. Give its entryPrice or its unrealisedProfit, unless the balance has really paid or received that price`,
      );
    }
    // A perpetual's delta is its price; its mark is that less the funding paid since listing.
    if (basisOf.get(symbol) === "entryPrice" && terms.kind === "perpetual" && mark !== delta) {
      warnings.push(
        `${symbol}: its mark counts funding since listing. If the balance has paid funding already, give unrealisedProfit in place of entryPrice`,
      );
    }
    return warnings;
  });
  return [...departures, ...positions];
}
