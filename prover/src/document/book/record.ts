// SPDX-License-Identifier: GPL-3.0-or-later
/** What is recorded of a book where everybody looks, and what a reader makes of it. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { Refusal } from "../kit.ts";
import type { BookRefusal, OpenBook } from "./check.ts";
import type { Step } from "./steps.ts";

/**
 * What a venue records of a book.
 * @see docs/library.md#books
 */
export interface BookRecord {
  /** SHA-256 of the public file, of policy and of market: 64 hexadecimal digits. */
  readonly file: string;
  readonly policy: string;
  readonly market: string;
  /** Decimal. */
  readonly root: string;
  /** Commitment to the totals after the last step, decimal. */
  readonly totals: string;
  /** The time of which the accounts are. */
  readonly date: string;
}

/**
 * What a registry has of one venue around one date.
 * @see docs/library.md#books
 */
export interface BookRecords {
  readonly chainId: string;
  readonly registry: string;
  readonly venue: string;
  /** Of this date: how many, and the first ones, in the order in which they were recorded. */
  readonly count: number;
  readonly records: readonly (BookRecord & { readonly time: string })[];
  /** Dates of the venue's books before and after. */
  readonly before?: string;
  readonly after?: string;
}

/** What a book is recorded by. */
export function bookRecord({ head }: Pick<OpenBook, "head">, steps: readonly Step[], bytes: Uint8Array): BookRecord {
  const { statement, policySha256, marketSha256 } = head;
  return {
    file: bytesToHex(sha256(bytes)),
    policy: policySha256,
    market: marketSha256,
    root: statement.root,
    totals: steps.at(-1)!.totals.toString(),
    date: statement.date,
  };
}

const FIELDS = ["file", "policy", "market", "root", "totals", "date"] as const;
/** Whether two records are of one book. */
export const isSameBook = (left: BookRecord, right: BookRecord): boolean =>
  FIELDS.every((name) => left[name] === right[name]);

/** When the book was recorded, and nothing else with its date. Throws a `Refusal` where that is not so. */
export function checkRecorded(record: BookRecord, { count, records, venue }: BookRecords): string {
  const refuse = (reason: BookRefusal, detail: string) => new Refusal(reason, detail);
  if (count === 0) throw refuse("BOOK_UNRECORDED", `${venue} has recorded no book of ${record.date}`);
  const own = records.find((each) => isSameBook(each, record));
  if (own === undefined) throw refuse("BOOK_OTHER_RECORDED", `${venue} has recorded another book of ${record.date}`);
  if (count > 1) throw refuse("BOOK_RECORDED_TWICE", `${venue} has recorded ${count} books of ${record.date}`);
  return own.time;
}
