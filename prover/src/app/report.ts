// SPDX-License-Identifier: GPL-3.0-or-later
/** The treasurer's page of an account. PRIVATE. */
import type { AccountFile } from "../formats/account.ts";
import { type ReportInput, renderReport } from "../report/report.ts";
import type { MarketInput } from "../risk/input.ts";
import type { PriceHistory } from "../risk/prices.ts";
import { type AheadOptions, lookAhead } from "./outlook.ts";

/**
 * What a treasurer's page shows.
 * @see docs/library.md#accounts
 */
export interface ReportRequest extends Omit<ReportInput, "firm" | "account" | "conversion" | "departures" | "ahead"> {
  readonly holder: AccountFile;
  /** For the part about the hours to come: what the market follows from, and histories of every underlying held. */
  readonly outlook?: AheadOptions & { readonly input: MarketInput; readonly histories: readonly PriceHistory[] };
}

/**
 * The report of any account, as one HTML file that needs nothing else. Throws like `evaluate`, and like `lookAhead` where the
 * outlook is asked for.
 *
 *   const html = accountReport({ holder: readAccount(text, "account.json", policy, market), policy, market });
 */
export function accountReport({ holder, outlook, ...rest }: ReportRequest): string {
  const { name, account, conversion } = holder;
  const { policy, market } = rest;
  const ahead = outlook && lookAhead(holder, policy, market, outlook.input, outlook.histories, outlook);
  return renderReport({
    ...rest,
    firm: name,
    account,
    departures: holder,
    ...(conversion !== undefined && { conversion }),
    ...(ahead !== undefined && { ahead }),
  });
}
