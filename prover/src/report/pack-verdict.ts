// SPDX-License-Identifier: GPL-3.0-or-later
/** The verdict on an evidence pack, as plain text for people. */
import { statementFacts } from "../document/proof.ts";
import { testOnly } from "../keys/origin.ts";
import type { PackReading, PackVerdict, ProvenStatement, Voucher } from "../pack/verify.ts";
import { factText } from "./document-verdict.ts";

export function packVerdictText(verdict: PackVerdict): string {
  if (!verdict.ok) {
    const { code, file, sentence } = verdict.finding;
    return `${verdict.outcome} (${code})${file === "" ? "" : ` in ${file}`}: ${sentence}`;
  }
  const { reading, stale, outcome } = verdict;
  const { index, statements } = reading;
  const test = testOnly(reading.keys.map(({ origin }) => origin));
  return [
    ...(test === undefined ? [] : [test]),
    `${outcome === "valid" ? "valid and current" : "valid, not current"}: "${index.name}", pack ${index.number} of ${reading.firm}`,
    ...stale.map(({ code, file, sentence }) => `not current (${code}) in ${file}: ${sentence}`),
    ...statements.flatMap(statementLines),
    ...claimLines(reading),
    ...new Set(
      statements.flatMap(({ notProven }) => notProven.map(({ code, text }) => `not proven (${code}): ${text}`)),
    ),
  ].join("\n");
}

const statementLines = ({ level, statement, account, values }: ProvenStatement): string[] => [
  `${level}: ${statement.text}`,
  ...statementFacts(statement).map((fact) => `  ${factText(fact).replaceAll("\n", "\n  ")}`),
  `  whose account it is, ${account.level}: ${account.parts > 1 ? `the sum of ${account.parts} accounts; ` : ""}${standing(account.by)}`,
  `  prices and risk values, ${values.level}: ${standing(values.by)}`,
];

const standing = (by: readonly Voucher[]): string =>
  by.length === 0
    ? "the firm alone"
    : [
        ...new Set(
          by.map(({ name, subject, words }) => `${name} (${subject === undefined ? "" : `${subject}; `}${words})`),
        ),
      ].join("; ");

const claimLines = ({ index }: PackReading): string[] => index.claims.map(({ text }) => `claimed: ${text}`);
