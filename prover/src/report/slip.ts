// SPDX-License-Identifier: GPL-3.0-or-later
/** From the verdict on a member's slip to the one verdict of all documents. */
import type { SlipVerdict } from "../app/check-slip.ts";
import { type Fact, foreign, marketOf, momentWords } from "../document/words.ts";
import { refusal, type Verdict } from "./verdict.ts";

/** The verdict on a slip as every face tells it. */
export function slipVerdict(verdict: SlipVerdict): Verdict {
  if (!verdict.ok) {
    const { reason: code, detail: sentence } = verdict;
    const unusable = code === "BOOK_MALFORMED" || code === "SLIP_MALFORMED";
    return refusal(unusable ? "unusable" : "invalid", { code, file: "", sentence });
  }
  const { head, policy, market, place, account, atMarks, member, steps, evidence, outdated, notProven } = verdict;
  const { statement, verificationKey, circuit } = head;
  const accounts = statement.count.replace(/\B(?=(\d{3})+$)/g, ",");
  const isIn = `Your account is in the book: with exactly the figures below it is one of its ${accounts} accounts of ${momentWords(statement.date)}`;
  // By its own step alone nothing is known of totals and coverage: that proof may be of other places.
  const sentence =
    steps === "all"
      ? `${isIn}, it is in their totals, and it is covered like all of them.`
      : `${isIn}. Whether it is in their totals, and covered, was not verified here: that takes the proofs of all steps.`;
  const claimed =
    steps === "all"
      ? ({ figure: "coverage", direction: "at-least", level: statement.level, unit: "bps" } as const)
      : ({ figure: "place", direction: "within", low: `${place}`, high: `${place}`, unit: "place" } as const);
  const amounts = (held: Readonly<Record<string, string>>, by: "policy file" | "market file"): Fact[] =>
    Object.entries(held).map(([symbol, amount]) => ({
      label: by === "policy file" ? "you hold" : "your position",
      value: foreign(`${amount} ${symbol}`, by),
    }));
  return {
    format: "plimsoll-verdict/1",
    outcome: outdated.length === 0 ? "valid" : "not-current",
    evidence,
    findings: outdated,
    statements: [
      {
        kind: "slip",
        level: "proven",
        sentence,
        size: head.size,
        claim: {
          ...claimed,
          facts: [
            { label: "account, in the venue's words", value: foreign(account.account, "sender") },
            { label: "member, in words that only you answer to", value: foreign(member, "sender") },
            {
              label: "your balance with unrealised profit: cash once every position closes at its mark",
              value: foreign(`${atMarks} ${policy.cashSymbol}`, "policy file"),
            },
            {
              label: "cash in the account, where each position has been paid for in full",
              value: foreign(`${account.cash} ${policy.cashSymbol}`, "policy file"),
            },
            ...amounts(account.collateral, "policy file"),
            ...amounts(account.positions, "market file"),
            { label: "place in the book", value: `${place} of ${statement.count}, counted from 0` },
            { label: "whose book it is, as it names itself", value: foreign(statement.venue, "firm") },
            { label: "root", value: statement.root },
          ],
        },
        commitments: [],
        audience: foreign(statement.audience, "prover"),
        policy: { sha256: head.policySha256, name: foreign(policy.name, "policy file") },
        market: { ...marketOf({ ...statement, board: market.board }), sha256: head.marketSha256 },
      },
    ],
    keys: [{ circuit, ...verificationKey }],
    caveats: notProven,
    checks: [],
  };
}
