// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The words of statements. A sentence holds figures, dates, shortened commitments and words fixed here, nothing else: names
 * that other people chose (of boards, assets, audiences) could say anything in it, and stand apart as facts.
 */
import { visible } from "../formats/labels.ts";

/** Who chose words that are not ours. */
export type Giver =
  | "reader"
  | "firm"
  | "prover"
  | "attester"
  | "auditor"
  | "contributor"
  | "sender"
  | "policy file"
  | "market file"
  | "account file";

/** Words that somebody else chose. They could say anything: they stand under a label or in a cell, and in no sentence of ours. */
export interface Foreign {
  readonly words: string;
  readonly by: Giver;
}

/** Words of somebody else's. What no label has is shown by its number, so that no reader has to have refused it before. */
export const foreign = (words: string, by: Giver): Foreign => ({ words: visible(words), by });

/** Something that a document says, for people, under a label of ours. */
export interface Fact {
  readonly label: string;
  readonly value: string | Foreign;
}

/** What a statement claims, figure by figure. */
export interface StatedClaim {
  /** `coverage`, `equity`, `cash`; of a holding its name. */
  readonly figure: string | Foreign;
  readonly direction: "at-least" | "below" | "within";
  /** Of coverage, in basis points. */
  readonly level?: string;
  /** Ends of a band, both inside; null where it is open. */
  readonly low?: string | null;
  readonly high?: string | null;
  readonly unit: string | Foreign;
  /** What else it says, beside account, market and audience. */
  readonly facts: readonly Fact[];
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

/** "The account with commitment 1427…5714". The whole commitment is among the facts. */
export const accountWords = ({ account }: { readonly account: string }): string =>
  `The account with commitment ${account.length > 12 ? `${account.slice(0, 4)}…${account.slice(-4)}` : account}`;

/** A UTC time such as `2026-11-22T08:00:00Z` as "22 November 2026, 08:00 UTC"; with seconds where they are not zero. */
export function momentWords(time: string): string {
  const [, year, month, day, minutes, seconds] = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d):(\d\d)Z$/.exec(time)!;
  const clock = seconds === "00" ? minutes : `${minutes}:${seconds}`;
  return `${Number(day)} ${MONTHS[Number(month) - 1]} ${year}, ${clock} UTC`;
}

/** A decimal string with its thousands grouped: "-1,234.5". */
export function amountWords(decimal: string): string {
  const [whole, fraction] = decimal.split(".");
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** A quantity of something that is named elsewhere: "1 unit", "-1,234.5 units". */
export const unitsWords = (decimal: string): string => `${amountWords(decimal)} ${decimal === "1" ? "unit" : "units"}`;

/** A level in basis points as a multiple, with at least one decimal: "1.5", "1.0", "0.005". */
export function timesWords(level: bigint): string {
  const digits = level.toString().padStart(5, "0");
  return `${digits.slice(0, -4)}.${digits.slice(-4).replace(/0{1,3}$/, "")}`;
}

/** A commitment, and whether the reader expected it; left out where nobody has compared it with anything yet. */
export interface Commitment {
  readonly name: "account" | "stateBefore" | "stateAfter";
  /** Decimal. */
  readonly value: string;
  readonly known?: "expected" | "claimed";
}

/** What a statement says beside its sentence. */
export interface Stated {
  readonly claim: StatedClaim;
  readonly commitments: readonly Commitment[];
  /** Whom or what it was made for. */
  readonly audience: Foreign;
  readonly market: { readonly board: Foreign; readonly epoch: string; readonly time: string };
}

export const marketOf = ({
  board,
  epoch,
  marketTime,
}: Readonly<Record<"board" | "epoch" | "marketTime", string>>): Stated["market"] => ({
  board: foreign(board, "market file"),
  epoch,
  time: marketTime,
});

const COMMITMENTS = { account: "commitment", stateBefore: "commitment before", stateAfter: "commitment" } as const;
const KNOWN = { expected: ", tied to what you gave", claimed: ", by the prover's word" } as const;

/** The same for people. */
export const statedFacts = ({ claim, commitments, audience, market }: Stated): Fact[] => [
  ...commitments.map(({ name, value, known }) => ({
    label: `${COMMITMENTS[name]}${known === undefined ? "" : KNOWN[known]}`,
    value,
  })),
  ...claim.facts,
  { label: "made for", value: audience },
  { label: "board, as named by the market file", value: market.board },
  { label: "epoch", value: market.epoch },
  { label: "market time", value: market.time },
];
