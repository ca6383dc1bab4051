// SPDX-License-Identifier: GPL-3.0-or-later
/** Where an account's coverage may be within some hours, cheaply enough for every account again and again. PRIVATE. */
import type { AccountFile } from "../../formats/account.ts";
import type { MarketFile } from "../../formats/market.ts";
import { LEVELS, type PolicyFile } from "../../formats/policy.ts";
import type { PricedInstrument } from "../../risk/board/board.ts";
import { prepare } from "../../risk/calibration/ranges.ts";
import { checkHistories, type HistoryTerms } from "../../risk/history-rules.ts";
import type { MarketInput } from "../../risk/input.ts";
import { coverageAhead } from "../../risk/outlook/ahead.ts";
import { bookOf } from "../../risk/outlook/exposure.ts";
import { type Outlook, outlook } from "../../risk/outlook/warning.ts";
import { alignHistories, type PriceHistory } from "../../risk/prices.ts";
import { checkNames } from "../outlook.ts";
import type { Condition } from "./conditions.ts";
import type { Forecast } from "./records.ts";

/** A market in which several accounts are forecast. */
export interface ForecastMarket {
  readonly policy: PolicyFile;
  readonly market: MarketFile;
  readonly input: MarketInput;
  readonly histories: readonly PriceHistory[];
  readonly outlook: Outlook;
  readonly priced: readonly (PricedInstrument | null)[];
}

/** What follows from histories once for all accounts. Throws `HISTORY_REFUSED`, as `checkHistories`. */
export const outlookOf = (histories: readonly PriceHistory[], terms: HistoryTerms): Outlook =>
  outlook(alignHistories(checkHistories(histories, terms).histories).map((history) => prepare(history)));

/** Forecasts an account. Throws `UNKNOWN_NAME` where there is no history of an underlying that moves it, and as `bookOf`. */
export function forecastAccount(
  { name, account }: AccountFile,
  { policy, market, input, histories, outlook: view, priced }: ForecastMarket,
  hours: number,
): Omit<Forecast, "epoch" | "time"> {
  const book = bookOf({ account, policy, market, input });
  checkNames(book, histories);
  const levels = LEVELS.map((level) => Number(policy.levels[level]) / 1e4);
  const question = { levels, towards: LEVELS.indexOf("call"), hours };
  const { band, chances } = coverageAhead(book, view, question, priced);
  const bps = (ratio: number) => (Number.isFinite(ratio) ? `${Math.round(ratio * 1e4)}` : null);
  return {
    account: name,
    hours,
    band: band.map((point) => ({ hours: point.hours, low: bps(point.low), high: bps(point.high) })),
    levels: LEVELS.map((level, index) => ({ name: level, chance: chances[index]! })),
  };
}

/**
 * A call that is likely before it comes; it was likely until its chance is below four fifths of what is told. Below the call level
 * already there is nothing to foresee.
 */
export function forecastConditions({ account, hours, levels }: Forecast, alertPercent: number): Condition[] {
  const { chance } = levels.find(({ name }) => name === "call")!;
  if (chance === 1 || chance * 125 < alertPercent) return [];
  return [
    {
      key: `call likely ${account}`,
      account,
      severity: "warning",
      text: `${account} may fall below the margin call level within ${hours} hours: the chance is at least ${alertPercent}%.`,
      fading: chance * 100 < alertPercent,
    },
  ];
}
