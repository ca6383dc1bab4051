// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The one verdict of all documents, as data: what was found, what is claimed and proven, and which words somebody else chose.
 * As JSON it is what `--json` prints; `verdict-parts.ts` makes of it what people read, on every face.
 */
import type { Accepted, Caveat, NamedKey, StatementKind, StatementTerms } from "../document/kit.ts";
import { type Foreign, foreign, marketOf, type Stated } from "../document/words.ts";
import type { BoardSize } from "../model/sizes.ts";
import type { Assurance } from "../pack/format.ts";
import type { Check, Finding } from "../pack/verdict.ts";
import { type CircuitName, circuitOf } from "../statement/families.ts";
import type { Refused } from "../verify/verifier.ts";

/**
 * `unusable`: no verdict is possible on what was given. `not-current`: every check holds, and something is out of date by the
 * reader's own settings; only what has a date of its own can be that.
 */
export type Outcome = "valid" | "not-current" | "invalid" | "unusable";

export interface Verdict {
  readonly format: "plimsoll-verdict/1";
  readonly outcome: Outcome;
  /** False where nothing is shown, or where a key lets its maker forge proofs: worth nothing as evidence. */
  readonly evidence: boolean;
  /** Why the outcome is no better; empty where it is `valid`. `file` is empty where it is the document itself. */
  readonly findings: readonly Finding[];
  readonly statements: readonly VerdictStatement[];
  readonly keys: readonly VerdictKey[];
  /** What is not shown, each once. */
  readonly caveats: readonly Caveat[];
  /** What was checked and holds, in order. */
  readonly checks: readonly Check[];
  /** Of the pack that holds the statements. */
  readonly pack?: VerdictPack;
}

/** A statement that holds. */
export interface VerdictStatement extends Stated {
  /** Of `StatementKind`. */
  readonly kind: string;
  readonly level: Assurance;
  /** Ours: it holds no word of anybody else's. */
  readonly sentence: string;
  readonly size: BoardSize;
  readonly policy: { readonly sha256: string; readonly name?: Foreign; readonly trusted?: boolean };
  readonly market: Stated["market"] & { readonly sha256: string };
  /** In a pack: its proof, and what backs the account and the values. */
  readonly file?: string;
  readonly account?: Backing & { readonly parts: number };
  readonly values?: Backing;
  /** Of a book: what is held against the totals. */
  readonly custody?: Backing;
}

export interface Backing {
  readonly level: Assurance;
  readonly by: readonly VerdictVoucher[];
}

/** Who stands behind a figure. */
export interface VerdictVoucher {
  readonly file: string;
  readonly name: string | Foreign;
  readonly address: string;
  readonly subject?: Foreign;
  /** What for; ours. */
  readonly sentence: string;
  readonly time: string;
}

export interface VerdictKey extends NamedKey {
  readonly circuit: CircuitName;
  readonly compiler?: Foreign;
  readonly r1csSha256?: string;
  readonly sourcesSha256?: string;
}

/** Where several statements are of one account at one market, what they say together. */
export interface Band {
  readonly sentence: string;
  readonly board: Foreign;
}

export interface VerdictPack {
  readonly number: string;
  readonly created: string;
  readonly sha256: string;
  readonly name: Foreign;
  readonly question: Foreign;
  readonly software: Foreign;
  readonly firm: { readonly signer: string; readonly known: Foreign; readonly own: Foreign };
  readonly previous: string | null;
  readonly history: readonly { readonly number: string; readonly sha256: string; readonly created: string }[];
  readonly bands: readonly Band[];
  readonly claims: readonly Foreign[];
  readonly files: readonly { readonly kind: string; readonly path: string; readonly sha256: string }[];
}

/** The verdict where nothing is shown. */
export const refusal = (outcome: "invalid" | "unusable", finding: Finding, checks: readonly Check[] = []): Verdict => ({
  format: "plimsoll-verdict/1",
  outcome,
  evidence: false,
  findings: [finding],
  statements: [],
  keys: [],
  caveats: [],
  checks,
});

/** The verdict on a document that is one statement with its proof. */
export function documentVerdict<Statement extends StatementTerms, Holds extends Accepted<Statement, string>>(
  { kind, family, claim, commitments }: StatementKind<Statement, Holds>,
  verdict: Holds | Refused<string>,
): Verdict {
  if (!verdict.ok) {
    const { reason: code, detail: sentence } = verdict;
    return refusal(code === "ENVELOPE_MALFORMED" ? "unusable" : "invalid", { code, file: "", sentence });
  }
  const { statement, size, evidence, notProven: caveats, policySha256, marketSha256, verificationKey } = verdict;
  return {
    format: "plimsoll-verdict/1",
    outcome: "valid",
    evidence,
    findings: [],
    statements: [
      {
        kind,
        level: "proven",
        sentence: statement.text,
        size,
        claim: claim(statement),
        commitments: commitments(verdict),
        audience: foreign(statement.audience, "prover"),
        policy: { sha256: policySha256 },
        market: { ...marketOf(statement), sha256: marketSha256 },
      },
    ],
    keys: [{ circuit: circuitOf(family, size), ...verificationKey }],
    caveats,
    checks: [],
  };
}
