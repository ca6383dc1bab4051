// SPDX-License-Identifier: GPL-3.0-or-later
/** The verdict on an evidence pack, as plain text for people. */
import type { PackVerdict, Voucher } from "../pack/verify.ts";

export function packVerdictText(verdict: PackVerdict): string {
  if (!verdict.ok) {
    const { code, file, sentence } = verdict.finding;
    return `${verdict.outcome} (${code})${file === "" ? "" : ` in ${file}`}: ${sentence}`;
  }
  const { reading, stale } = verdict;
  const { index, firm, statements } = reading;
  const voucher = (by: readonly Voucher[]) =>
    by.length === 0 ? "the firm alone" : [...new Set(by.map(({ name, words }) => `${name} (${words})`))].join("; ");
  return [
    `${verdict.outcome === "valid" ? "valid and current" : "valid, not current"}: "${index.name}", pack ${index.number} of ${firm}`,
    ...stale.map(({ code, file, sentence }) => `not current (${code}) in ${file}: ${sentence}`),
    ...statements.flatMap(({ level, statement, account, values }) => [
      `${level}: ${statement.text}`,
      `  for: ${statement.audience}`,
      `  whose account it is, ${account.level}: ${account.parts > 1 ? `the sum of ${account.parts} accounts; ` : ""}${voucher(account.by)}`,
      `  prices and risk values, ${values.level}: ${voucher(values.by)}`,
    ]),
    ...index.claims.map(({ text }) => `claimed: ${text}`),
    ...new Set(
      statements.flatMap(({ notProven }) => notProven.map(({ code, text }) => `not proven (${code}): ${text}`)),
    ),
  ].join("\n");
}
