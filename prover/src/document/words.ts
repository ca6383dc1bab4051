// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The words of statements. A sentence holds figures, dates, shortened commitments and words fixed here, nothing else: names
 * that other people chose (of boards, assets, audiences) could say anything in it, and stand apart as facts.
 */
import type { StatementTerms } from "./kit.ts";

/** Something that a document says, for people. */
export interface Fact {
  readonly label: string;
  readonly value: string;
  /** Whether `value` is in words that somebody else chose: to be shown in quotation marks. */
  readonly quoted: boolean;
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
export const accountWords = ({ account }: Pick<StatementTerms, "account">): string =>
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

/** What statements of all kinds say beside their sentence. */
export const factsOf = ({ account, audience, board, epoch, marketTime }: Omit<StatementTerms, "text">): Fact[] => [
  { label: "commitment", value: account, quoted: false },
  { label: "made for", value: audience, quoted: true },
  { label: "board, as named by the market file", value: board, quoted: true },
  { label: "epoch", value: epoch, quoted: false },
  { label: "market time", value: marketTime, quoted: false },
];
