// SPDX-License-Identifier: GPL-3.0-or-later
/** The verdict on a pack in the one shape of all verdicts. */
import { COVERAGE } from "../document/proof.ts";
import { foreign, marketOf } from "../document/words.ts";
import {
  type Backing,
  type Band,
  refusal,
  type Verdict,
  type VerdictPack,
  type VerdictStatement,
  type VerdictVoucher,
} from "../report/verdict.ts";
import type { PackReading, PackVerdict, ProvenStatement, Voucher } from "./verdict.ts";

/** What a pack's verdict says, with each foreign word marked as whose it is. */
export function packVerdict(verdict: PackVerdict): Verdict {
  if (!verdict.ok) return refusal(verdict.outcome, verdict.finding, verdict.checks);
  const { outcome, stale, checks, reading } = verdict;
  const { keys, evidence } = reading;
  const statements = reading.statements.map(told);
  const caveats = reading.statements.flatMap(({ notProven }) => notProven);
  return {
    format: "plimsoll-verdict/1",
    outcome,
    evidence,
    findings: stale,
    statements,
    keys: keys.map(({ size: circuit, sha256, origin, compiler, r1csSha256, sourcesSha256 }) => ({
      circuit,
      sha256,
      origin,
      compiler: foreign(compiler, "firm"),
      r1csSha256,
      sourcesSha256,
    })),
    caveats: [...new Map(caveats.map((caveat) => [caveat.text, caveat])).values()],
    checks,
    pack: packOf(reading, statements),
  };
}

function told({ statement, size, policy, marketSha256, files, level, ...proven }: ProvenStatement): VerdictStatement {
  const { stateBefore, stateAfter, account, values } = proven;
  return {
    kind: COVERAGE.kind,
    level,
    sentence: statement.text,
    size,
    claim: COVERAGE.claim(statement),
    commitments: [
      { name: "stateBefore", value: stateBefore },
      { name: "stateAfter", value: stateAfter },
    ],
    audience: foreign(statement.audience, "prover"),
    policy: { ...policy, name: foreign(policy.name, "policy file") },
    market: { ...marketOf(statement), sha256: marketSha256 },
    file: files.proof,
    account: { ...backing(account), parts: account.parts },
    values: backing(values),
  };
}

const backing = ({ level, by }: ProvenStatement["values"]): Backing => ({ level, by: by.map(voucher) });

const voucher = ({ file, name, address, subject, words, time }: Voucher): VerdictVoucher => ({
  file,
  // The reader names attesters; reporters and chains have no names but ours.
  name: subject === undefined ? name : foreign(name, "reader"),
  address,
  ...(subject === undefined ? {} : { subject: foreign(subject, "attester") }),
  sentence: words,
  time,
});

function packOf({ index, firm, sha256, history }: PackReading, statements: readonly VerdictStatement[]): VerdictPack {
  const { number, created, name, question, software, previous, claims, files } = index;
  return {
    number,
    created,
    sha256,
    name: foreign(name, "firm"),
    question: foreign(question, "firm"),
    software: foreign(software, "firm"),
    firm: { signer: index.firm.signer, known: foreign(firm, "reader"), own: foreign(index.firm.name, "firm") },
    previous,
    history,
    bands: coverageBands(statements),
    claims: claims.map(({ text }) => foreign(text, "firm")),
    files: files.map(({ kind, path, sha256: hash }) => ({ kind, path, sha256: hash })),
  };
}

/** For each account and market with proofs from both sides, what they say together. */
export function coverageBands(statements: readonly VerdictStatement[]): Band[] {
  const proven = statements.filter(({ level }) => level === "proven");
  const groups = Map.groupBy(proven, ({ commitments, market, policy }) =>
    [commitments.at(-1)!.value, market.sha256, policy.sha256].join(),
  );
  return [...groups.values()].flatMap((same) => {
    const levels = (direction: string) =>
      same.flatMap(({ claim }) => (claim.direction === direction ? [Number(claim.level)] : []));
    const [floors, ceilings] = [levels("at-least"), levels("below")];
    if (floors.length === 0 || ceilings.length === 0) return [];
    const { board, epoch } = same[0]!.market;
    const ends = `at least ${Math.max(...floors) / 100}% and below ${Math.min(...ceilings) / 100}%`;
    return [{ sentence: `epoch ${epoch}: ${ends} of maintenance margin`, board }];
  });
}
