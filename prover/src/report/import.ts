// SPDX-License-Identifier: GPL-3.0-or-later
/** What an import did, as text for people. PRIVATE. */
import type { ImportReport } from "../app/import.ts";
import { foreign } from "../document/words.ts";
import { nameText } from "./terminal.ts";
import { amount, type Cell, table } from "./text.ts";

const theirs = (words: string): Cell => foreign(words, "account file");
const orNothing = (value: string | null) => (value === null ? "" : amount(value));

/** Tables of what was read, netted, rounded and left out, and of each venue's own figures. */
export function renderImport(report: ImportReport): string {
  const notSaid = (value: string | null) => (value === null ? "not said" : amount(value));
  const names = (title: string, lines: readonly string[]) => section(title, lines.map(nameText));
  return [
    `at the market of ${report.marketTime}, in ${report.currency}`,
    table(
      ["venue", "taken"],
      report.times.map(({ venue, earliest, latest }) => [
        venue,
        earliest === latest ? latest : `${earliest} to ${latest}`,
      ]),
    ),
    holdingsOf(report),
    ...section(
      "netted",
      report.netted.map(({ as, of }) => `${as}: ${of.map(nameText).join(", ")}`),
    ),
    ...section(
      "rounded against the account",
      report.rounded.map(({ name, exact, rounded }) => `${name}: ${exact} to ${rounded}`),
    ),
    ...section(
      "left out",
      report.leftOut.map(
        ({ name, why, acknowledged }) => `${nameText(name)}: ${why}${acknowledged ? " (acknowledged)" : ""}`,
      ),
    ),
    ...names("notes", report.notes),
    ...section("what looks wrong", report.warnings),
    table(
      ["venue", "worth here", "venue's equity", "difference", "by marks", "rest", "margin here", "venue's margin"],
      report.totals.map((each) => [
        each.venue,
        amount(each.equity),
        notSaid(each.ownEquity),
        orNothing(each.difference),
        orNothing(each.marks),
        orNothing(each.rest),
        orNothing(each.margin),
        notSaid(each.ownMargin),
      ]),
    ),
    "rest: prices of assets, what was left out, and what the files do not show; margins are by different methods",
    `maintenance margin of the whole account: ${amount(report.margin)}`,
    ...names("exceptions, which every proof names", report.exceptions),
    ...names("unsettled: nothing is proven before each is mapped, or acknowledged with --leave-out", report.unsettled),
  ].join("\n\n");
}

const holdingsOf = ({ holdings }: ImportReport): string =>
  table(
    ["venue", "holding", "as read", "of", "in the account", "amount", "by"],
    holdings.map(({ venue, name, read, unit, as, amount: held, rule }) => [
      venue,
      theirs(name),
      read,
      theirs(unit),
      as ?? "left out",
      held ?? "",
      rule ?? "",
    ]),
  );

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [[`${title}:`, ...lines.map((line) => `  ${line}`)].join("\n")];
