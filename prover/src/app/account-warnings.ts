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
 * currency. Throws like `evaluate`.
 *
 *   for (const line of accountWarnings(holder, policy, market)) console.warn(line);
 */
export function accountWarnings({ account }: AccountFile, policy: PolicyFile, market: MarketFile): string[] {
  const { equity } = evaluate(account, policy.policy, market.market);
  const limit = MANY_TIMES * (equity > 0n ? equity : 0n);
  const large = (value: bigint) => E6_TO_E20 * (value < 0n ? -value : value) > limit;
  return market.instruments.flatMap((instrument, index) => {
    const lots = account.positions[index]!;
    const { mark, delta } = market.market.board.rows[index]!;
    if (instrument === undefined || !(large(lots * mark) || large(lots * delta))) return [];
    return [
      `${instrument.symbol}: the position is more than ${MANY_TIMES} times the equity. Quantities are in units of the underlying, not in contracts and not in ${policy.cashSymbol}`,
    ];
  });
}
