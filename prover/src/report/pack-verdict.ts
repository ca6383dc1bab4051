// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The verdict on an evidence pack, as plain text for people. A line holds words of this program, or under a label the words of
 * one other person: what firm, attester and audience are called could say anything, and stands in no sentence.
 */
import { statementFacts } from "../document/proof.ts";
import { testOnly } from "../keys/origin.ts";
import type { PackReading, PackVerdict, ProvenStatement, Voucher } from "../pack/verify.ts";
import { factText, quotedFact as quoted } from "./document-verdict.ts";

export function packVerdictText(verdict: PackVerdict): string {
  if (!verdict.ok) {
    const { code, file, sentence } = verdict.finding;
    return `${verdict.outcome} (${code})${file === "" ? "" : ` in ${file}`}: ${sentence}`;
  }
  const { reading, stale, outcome } = verdict;
  const { statements, keys } = reading;
  // Under a key that can be forged, before anything says "valid".
  const test = testOnly(keys.map(({ origin }) => origin));
  const open = statements.flatMap(({ notProven }) =>
    notProven.map(({ code, text }) => ({ code, line: `not proven (${code}): ${text}` })),
  );
  return [
    ...(test === undefined ? [] : [test]),
    outcome === "valid" ? "valid and current" : "valid, not current",
    ...stale.map(({ code, file, sentence }) => `not current (${code}) in ${file}: ${sentence}`),
    ...statements.flatMap(statementLines),
    ...packLines(reading),
    // That of the key is the first line.
    ...new Set(open.filter(({ code }) => !test?.includes(code)).map(({ line }) => line)),
  ].join("\n");
}

function statementLines({ level, statement, account, values }: ProvenStatement): string[] {
  const parts = account.parts > 1 ? ` (the sum of ${account.parts} accounts)` : "";
  return [
    `${level}: ${statement.text}`,
    ...indented([
      ...statementFacts(statement).map(factText),
      ...gradeLines(`whose account it is${parts}`, account),
      ...gradeLines("prices and risk values", values),
    ]),
  ];
}

const gradeLines = (figure: string, { level, by }: ProvenStatement["values"]): string[] =>
  by.length === 0
    ? [`${figure}: ${level} by the firm alone`]
    : [`${figure}: ${level}`, ...new Set(by.map((voucher) => indented(voucherLines(voucher)).join("\n")))];

const voucherLines = ({ name, subject, words }: Voucher): string[] => [
  quoted("by", name),
  ...indented([...(subject === undefined ? [] : [quoted("for what it calls", subject)]), words]),
];

const packLines = ({ index, firm }: PackReading): string[] => [
  `pack: ${index.number}, of ${index.created}`,
  quoted("firm, as you name it", firm),
  quoted("firm, as it names itself", index.firm.name),
  quoted("name of the pack, in the firm's words", index.name),
  quoted("what was asked, in the firm's words", index.question),
  ...index.claims.map(({ text }) => quoted("claimed by the firm, and backed by nothing", text)),
];

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line.replaceAll("\n", "\n  ")}`);
