// SPDX-License-Identifier: GPL-3.0-or-later
/** From a verdict to its parts: the one place that says in which order and in which words a verdict is told. */
import { statedFacts } from "../document/words.ts";
import { isEvidence } from "../keys/origin.ts";
import { fact, type OutcomePart, type Part, sentence } from "./parts.ts";
import type { Backing, Outcome, Verdict, VerdictKey, VerdictPack, VerdictStatement } from "./verdict.ts";

const OUTCOMES: Readonly<Record<Outcome, Pick<OutcomePart, "tone" | "title" | "sentence">>> = {
  valid: { tone: "good", title: "Valid", sentence: "Every check holds." },
  "not-current": {
    tone: "warn",
    title: "Valid, not current",
    sentence: "Every check holds, but at least one part is out of date by your own settings. Ask for a newer pack.",
  },
  invalid: { tone: "bad", title: "Invalid", sentence: "A check failed. Do not rely on any part of it." },
  unusable: { tone: "bad", title: "Unusable", sentence: "No verdict is possible on what was given." },
};
/** A pack has a date, and is judged at the reader's. */
const CURRENT = {
  tone: "good",
  title: "Valid and current",
  sentence: "Every check holds, and nothing is older than you allow.",
} as const;

export interface VerdictSections {
  readonly outcome: OutcomePart;
  readonly found: readonly Part[];
  /** What the document says of itself. */
  readonly about: readonly Part[];
  readonly vouched: readonly Part[];
  readonly open: readonly Part[];
  readonly checked: readonly Part[];
  readonly identities: readonly Part[];
}

export function verdictSections(verdict: Verdict): VerdictSections {
  const { statements, keys, caveats, checks, pack } = verdict;
  return {
    outcome: outcomePart(verdict),
    found: [...statements.map(statementPart), ...(pack === undefined ? [] : packFindings(pack))],
    about: pack === undefined ? [] : packParts(pack),
    vouched: voucherRows(statements),
    open: caveats.map(({ code, text }) => ({ is: "note", about: "not proven", code, sentence: text })),
    checked: checks.map((check) => ({ is: "note", ...check })),
    identities: [
      ...(pack === undefined ? [] : packRows(pack)),
      ...keys.flatMap(keyRows),
      ...statements.flatMap(fileRows),
      ...(pack?.files ?? []).map(({ kind, path, sha256 }) => row(kind, sha256, [{ label: "path", value: path }])),
    ],
  };
}

export function outcomePart({ outcome, findings, keys, pack }: Verdict): OutcomePart {
  const about = outcome === "not-current" ? "not current" : outcome;
  return {
    is: "outcome",
    ...(outcome === "valid" && pack !== undefined ? CURRENT : OUTCOMES[outcome]),
    notes: findings.map((finding) => ({ about, ...finding })),
    forgeable: [...new Set(keys.map(({ origin }) => origin))].filter((origin) => !isEvidence(origin)),
  };
}

const CLAIMED = {
  account: "Only the firm says that the commitment is to its account.",
  values: "Only the firm says that these are the values of that time.",
  custody: "Nothing was given that shows what is held.",
};

function statementPart(statement: VerdictStatement): Part {
  const { level, sentence: words, policy, account, values, custody, file, size } = statement;
  const parts =
    account !== undefined && account.parts > 1 ? ` (the sum of ${account.parts} accounts, each in it once)` : "";
  const named = policy.trusted === true ? "policy, one that you name" : "policy";
  return {
    is: "graded",
    level,
    sentence: words,
    parts: [
      ...statedFacts(statement).map((each): Part => ({ is: "fact", ...each })),
      ...(policy.name === undefined ? [] : [fact(named, policy.name)]),
      ...(file === undefined ? [] : [fact("proof", `${file}, ${size}`)]),
      ...(account === undefined ? [] : [backingPart(`whose account it is${parts}`, account, CLAIMED.account)]),
      ...(values === undefined ? [] : [backingPart("prices and risk values", values, CLAIMED.values)]),
      ...(custody === undefined ? [] : [backingPart("what is held for the members", custody, CLAIMED.custody)]),
    ],
  };
}

function backingPart(figure: string, { level, by }: Backing, otherwise: string): Part {
  if (by.length === 0) return { is: "graded", level, sentence: figure, parts: [sentence(otherwise)] };
  const each = by.map(({ name, subject, sentence: words }): Part[] => [
    fact("by", name),
    ...(subject === undefined ? [] : [fact("account, in their words", subject)]),
    fact("vouched for", words),
  ]);
  return { is: "graded", level, sentence: figure, parts: unique(each).flat() };
}

const packFindings = ({ bands, claims }: VerdictPack): Part[] => [
  ...bands.map(
    ({ sentence: words, board }): Part => ({
      is: "graded",
      level: "proven",
      sentence: words,
      parts: [fact("board, as named by the market file", board)],
    }),
  ),
  ...claims.map(
    (claim): Part => ({
      is: "graded",
      level: "claimed",
      sentence: "by the firm, and backed by nothing",
      parts: [fact("in the firm's words", claim)],
    }),
  ),
];

const packParts = ({ number, created, firm, name, question }: VerdictPack): Part[] => [
  fact("pack", `${number}, of ${created}`),
  fact("firm, as you name it", firm.known),
  fact("firm, as it names itself", firm.own),
  fact("name of the pack, in the firm's words", name),
  fact("what was asked, in the firm's words", question),
];

type Row = Extract<Part, { is: "row" }>;
const row = (what: string, value: string, facts: Row["facts"] = []): Row => ({ is: "row", what, facts, value });

/** Everyone who stands behind a figure, each once. */
function voucherRows(statements: readonly VerdictStatement[]): Part[] {
  const rows = statements
    .flatMap(({ account, values, custody }) => [account, values, custody].flatMap((backing) => backing?.by ?? []))
    .map(({ name, subject, address, sentence: words, time, file }) =>
      row(words, address, [
        { label: "by", value: name },
        ...(subject === undefined ? [] : [{ label: "account, in their words", value: subject }]),
        { label: "as of", value: time },
        { label: "in", value: file },
      ]),
    );
  return rows.length === 0 ? [sentence("Nobody but the firm.")] : unique(rows);
}

function packRows({ number, created, software, sha256, history, previous, firm }: VerdictPack): Part[] {
  return [
    row("pack", sha256, [
      { label: "number", value: number },
      { label: "of", value: created },
      { label: "made by", value: software },
    ]),
    ...history.map((earlier) =>
      row("earlier pack", earlier.sha256, [
        { label: "number", value: earlier.number },
        { label: "of", value: earlier.created },
      ]),
    ),
    ...(previous === null || history.length > 0
      ? []
      : [row("earlier pack", previous, [{ label: "in the pack", value: "no" }])]),
    row("firm", firm.signer, [
      { label: "as you name it", value: firm.known },
      { label: "as it names itself", value: firm.own },
    ]),
  ];
}

function keyRows({ circuit, origin, sha256, compiler, r1csSha256, sourcesSha256 }: VerdictKey): Part[] {
  const worth = isEvidence(origin) ? origin : `${origin}: its maker can forge proofs`;
  const word = { label: "known", value: "by the pack's word, unless your settings name it" };
  return [
    row(`key, ${circuit}`, sha256, [{ label: "origin", value: worth }]),
    ...(r1csSha256 === undefined
      ? []
      : [
          row(`circuit, ${circuit}`, r1csSha256, [
            word,
            ...(compiler === undefined ? [] : [{ label: "compiler", value: compiler }]),
          ]),
        ]),
    ...(sourcesSha256 === undefined ? [] : [row(`sources, ${circuit}`, sourcesSha256, [word])]),
  ];
}

const fileRows = ({ policy, market: { board, epoch, time, sha256 } }: VerdictStatement): Part[] => [
  row("policy", policy.sha256, policy.name === undefined ? [] : [{ label: "name", value: policy.name }]),
  row("market", sha256, [
    { label: "board", value: board },
    { label: "epoch", value: epoch },
    { label: "values of", value: time },
  ]),
];

const unique = <T>(values: readonly T[]): T[] => [
  ...new Map(values.map((value) => [JSON.stringify(value), value])).values(),
];
