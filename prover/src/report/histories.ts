// SPDX-License-Identifier: GPL-3.0-or-later
/** What is said of the price histories that numbers rest on. Public. */
import { findingWords, type HistorySummary } from "../risk/history-rules.ts";

/** The symbol of each history, and its length and age in words. */
export const historyFacts = (histories: readonly HistorySummary[]): (readonly [symbol: string, words: string])[] =>
  histories.map(({ symbol, from, to, days, daysAYear, age, confirmed }) => {
    const old =
      age === undefined
        ? ""
        : age < 0
          ? ", ends after the market's time"
          : `, ${age === 1 ? "1 day" : `${age} days`} old`;
    const exchange = daysAYear === 365 ? "" : `, on an exchange (${daysAYear} days a year)`;
    const taken = confirmed.length === 0 ? "" : `; confirmed: ${confirmed.map(findingWords).join("; ")}`;
    return [symbol, `${days} days of prices, ${from} to ${to}${old}${exchange}${taken}`];
  });

/** One line for each history. */
export const historyLines = (histories: readonly HistorySummary[]): string[] =>
  historyFacts(histories).map((fact) => fact.join(": "));

/** A command over these histories that confirms the same again, on several lines. */
export function commandOver(command: string, histories: readonly HistorySummary[], rest: string): string {
  const dates = histories.flatMap(({ confirmed }) => confirmed.map(({ date }) => date));
  const again = [...new Set(dates)].sort().map((date) => `--confirm ${date}`);
  const files = histories.map(({ symbol }) => `${symbol}-USD.csv`).join(" ");
  return [`${command} --prices ${files}`, again.join(" "), rest].filter((part) => part !== "").join(" \\\n    ");
}
