// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The leakage budget: what a firm has disclosed of an account, to anybody, and whether one more answer is too much.
 * `docs/disclosure.md` argues for the rule, `scripts/leakage.ts` measures it. It protects the owner from questions that add
 * up, and nobody else relies on it: the owner may go over it.
 *
 * `plimsoll-disclosures/1`, the ledger's file, is as private as the bands in it.
 */
import type { NamedText } from "../formats/account.ts";
import { type JsonLimits, parseJson } from "../formats/json.ts";

const FORMAT = "plimsoll-disclosures/1";
const LIMITS: JsonLimits = { length: 4_000_000, values: 40_000 };

/**
 * New answers in any 30 days, over all figures and auditors; and how narrow a band may be beside its figure.
 * @see docs/library.md#disclosure
 */
export const BUDGET = { answers: 4, days: 30, narrowest: 32n } as const;

/**
 * One answer, given or about to be.
 * @see docs/library.md#disclosure
 */
export interface Answer {
  /** UTC, to the second. */
  readonly time: string;
  readonly figure: string;
  /** What was asked of the figure: a grid by its step, or a band by its ends; in whole units. */
  readonly question: string;
  /** What the answer is about: the state, and where it matters the market. */
  readonly subject: string;
  /** The auditor's public key. */
  readonly auditor: string;
}

/**
 * The answers that have been given about an account.
 * @see docs/library.md#disclosure
 */
export interface DisclosureLedger {
  readonly format: typeof FORMAT;
  readonly answers: readonly Answer[];
}

/**
 * The ledger of an account about which nothing has been answered.
 * @see docs/library.md#disclosure
 */
export const EMPTY_LEDGER: DisclosureLedger = { format: FORMAT, answers: [] };

/**
 * Where a firm keeps its ledger. One account has one ledger, whoever discloses from wherever.
 * @see docs/library.md#disclosure
 */
export interface LedgerStore {
  /** The ledger as it is; an empty one where there is none yet. */
  read(): Promise<DisclosureLedger>;
  /**
   * Replaces the ledger by what `change` makes of it. Nobody else's change comes in between, so of two at once one sees the
   * other's answer. Where `change` throws, or returns what it was given, nothing is written.
   */
  update(change: (ledger: DisclosureLedger) => DisclosureLedger): Promise<void>;
}

/**
 * Why an answer is over budget. Stable, for machines.
 * @see docs/library.md#disclosure
 */
export type Excess =
  /** The figure has been asked about in other bands: two grids narrow it down to where they meet. */
  | "OTHER_QUESTION"
  /** The band is narrower than a 32nd of the figure, or exact. */
  | "TOO_NARROW"
  /** As many answers as the budget has for 30 days have been given. */
  | "TOO_MANY";

/** What the answer would be; an open end has no width. */
export interface Width {
  readonly value: bigint;
  readonly width: bigint | undefined;
}

/**
 * What stands against an answer; nothing where it is within budget. The same question about the same subject once more, to
 * whomever, tells nothing new and costs nothing.
 * @see docs/library.md#disclosure
 */
export function excessOf({ answers }: DisclosureLedger, answer: Answer, { value, width }: Width): Excess[] {
  if (isRepeat(answers, answer)) return [];
  const size = value < 0n ? -value : value;
  const since = Date.parse(answer.time) - BUDGET.days * 86_400_000;
  const recent = answers.filter(({ time }) => Date.parse(time) > since).length;
  const excess: (Excess | false)[] = [
    answers.some(({ figure, question }) => figure === answer.figure && question !== answer.question) &&
      "OTHER_QUESTION",
    width !== undefined && (width === 0n || width * BUDGET.narrowest < size) && "TOO_NARROW",
    recent >= BUDGET.answers && "TOO_MANY",
  ];
  return excess.filter((reason) => reason !== false);
}

/**
 * The ledger with an answer in it; as it was where the answer is a repeat.
 * @see docs/library.md#disclosure
 */
export function recorded(ledger: DisclosureLedger, answer: Answer): DisclosureLedger {
  return isRepeat(ledger.answers, answer) ? ledger : { ...ledger, answers: [...ledger.answers, answer] };
}

function isRepeat(answers: readonly Answer[], { figure, question, subject }: Answer): boolean {
  return answers.some((each) => each.figure === figure && each.question === question && each.subject === subject);
}

/**
 * Reads a ledger. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`.
 * @see docs/library.md#disclosure
 */
export function readLedger({ text, file }: NamedText): DisclosureLedger {
  const top = parseJson(text, file, LIMITS).fields(["format", "answers"]);
  top.format.literal(FORMAT);
  return {
    format: FORMAT,
    answers: top.answers.elements().map((element) => {
      const fields = element.fields(["time", "figure", "question", "subject", "auditor"]);
      return {
        time: fields.time.time(),
        figure: fields.figure.label(),
        question: fields.question.label(),
        subject: fields.subject.label(),
        auditor: fields.auditor.label(),
      };
    }),
  };
}
