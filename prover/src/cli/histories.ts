// SPDX-License-Identifier: GPL-3.0-or-later
/** Options about price histories, shared by the commands that take them. */
import { type Command, Option } from "commander";
import { PlimsollError } from "../errors.ts";
import type { HistoryTerms } from "../risk/history-rules.ts";
import { many } from "./options.ts";

export const PRICES_HELP =
  "daily closes, CSV: date,close[,volume,implied], or as Yahoo, CoinGecko or Binance export them; one file an asset, named by it (BTC-USD.csv)";

export interface HistoryOptions {
  readonly confirm: readonly string[];
}

export const withConfirmations = (command: Command): Command =>
  command.addOption(
    new Option(
      "--confirm <date>",
      "accept what the checks of the histories name for this day, such as 2020-03-12; may be repeated",
    )
      .argParser(many)
      .default([], "none"),
  );

export interface PeriodOptions {
  readonly period: string;
}

/** Margin periods of risk that were back-tested. */
const PERIODS = ["1", "2", "5"];

export const withPeriod = (command: Command): Command =>
  command.addOption(new Option("--period <days>", "margin period of risk in days").choices(PERIODS).default("1"));

export const confirmations = ({ confirm }: HistoryOptions): Required<Pick<HistoryTerms, "confirmed">> => {
  if (!confirm.every((date) => /^\d{4}-\d{2}-\d{2}$/.test(date))) {
    throw new PlimsollError("USAGE", "expected a date such as 2020-03-12", { field: "--confirm" });
  }
  return { confirmed: confirm };
};
