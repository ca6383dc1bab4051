// SPDX-License-Identifier: GPL-3.0-or-later
/** From the verdict on a book to the one verdict of all documents. */
import type { AcceptedBook, BookVerdict } from "../app/verify-book.ts";
import { bookClaim } from "../document/book/head.ts";
import { type Fact, foreign, marketOf } from "../document/words.ts";
import { refusal, type Verdict, type VerdictVoucher } from "./verdict.ts";

/** The verdict on a book as every face tells it. */
export function bookVerdict(verdict: BookVerdict): Verdict {
  if (!verdict.ok) {
    const { reason: code, detail: sentence } = verdict;
    return refusal(code === "BOOK_MALFORMED" ? "unusable" : "invalid", { code, file: "", sentence });
  }
  const { head, evidence, outdated, notProven, steps, policy, policyTrusted } = verdict;
  const { statement, verificationKey, circuit } = head;
  return {
    format: "plimsoll-verdict/1",
    outcome: outdated.length === 0 ? "valid" : "not-current",
    evidence,
    findings: outdated,
    statements: [
      {
        kind: "book",
        level: "proven",
        sentence: statement.text,
        size: head.size,
        claim: bookClaim(statement, [...recordFacts(verdict), ...totalFacts(verdict)]),
        commitments: [],
        audience: foreign(statement.audience, "prover"),
        policy: { sha256: head.policySha256, name: foreign(policy.name, "policy file"), trusted: policyTrusted },
        market: { ...marketOf(statement), sha256: head.marketSha256 },
        custody: custodyOf(verdict),
      },
    ],
    keys: [{ circuit, ...verificationKey }],
    caveats: notProven,
    checks: [
      {
        file: "",
        sentence: `Each of ${steps} steps has a proof of its own place, and the totals go from one to the next.`,
      },
      { file: "", sentence: "The totals after the last step are those stated, and positions add up to zero." },
    ],
  };
}

function recordFacts({ recorded }: AcceptedBook): Fact[] {
  if (recorded === undefined) return [];
  const { chainId, registry, venue, time, before, after } = recorded;
  const near = [
    ...(before ? [`its book before is of ${before}`] : []),
    ...(after ? [`its book after of ${after}`] : []),
  ];
  const beside = near.length === 0 ? "it has recorded no book of another date" : near.join(", ");
  const value = `${venue} has recorded this book and no other of its date, at ${time}, in registry ${registry} on chain ${chainId}; ${beside}`;
  return [{ label: "on record", value }];
}

const totalFacts = ({ totals }: AcceptedBook): Fact[] =>
  totals
    .filter(({ members, held }) => members !== "0" || (held ?? "0") !== "0")
    .map(({ symbol, members, held }) => ({
      label: "all members have together",
      value: foreign(`${members} ${symbol}${held === undefined ? "" : `; held for them: ${held}`}`, "policy file"),
    }));

function custodyOf({ custody }: AcceptedBook) {
  const by = custody.map(
    ({ file, custody: word, known }): VerdictVoucher => ({
      file,
      name: known ?? foreign(word.custodian.name, "sender"),
      address: known === undefined ? "nobody has signed" : word.custodian.signer,
      subject: foreign(`${word.subject}; held for: ${word.holder}`, "attester"),
      sentence: `what is held, as of ${word.asOf}; until ${word.expires}`,
      time: word.asOf,
    }),
  );
  const attested = custody.length > 0 && custody.every(({ known }) => known !== undefined);
  return { level: attested ? ("attested" as const) : ("claimed" as const), by };
}
