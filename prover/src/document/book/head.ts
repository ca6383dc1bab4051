// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-book/1`: what the book of a venue says, and what its last totals are opened with.
 *
 * The head is public. Everything in it but the totals is bound to every proof of the book by their public signal `context`;
 * the totals are bound by the last commitment of the chain.
 */
import { sha512 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { type FieldElement, toField } from "../../field.ts";
import type { NamedText } from "../../formats/account.ts";
import { canonicalJson, type Json, type JsonLimits, type JsonValue, parseJson } from "../../formats/json.ts";
import { BOOK_LEAVES, type BookOpening, commitTotals, noTotals } from "../../model/book.ts";
import { ASSETS, type BoardSize, instrumentsOf } from "../../model/sizes.ts";
import { boardSizeOf, type CircuitOf, circuitsOf, shapeOf } from "../../statement/families.ts";
import { type LevelBps, levelBps } from "../../units.ts";
import {
  type Caveat,
  contextOf,
  type DocumentKind,
  fieldText,
  MADE_UNDER,
  type MadeUnder,
  type NamedKey,
  type Published,
  type Readers,
  readDocument,
  readStatement,
  STATEMENT_TERMS,
  type StatementTerms,
} from "../kit.ts";
import { type Fact, foreign, momentWords, type StatedClaim, timesWords } from "../words.ts";

/**
 * A circuit of books: how many accounts one proof is of.
 * @see docs/library.md#books
 */
export type BookCircuit = CircuitOf<"book">;

/**
 * What a book says. Every field is text.
 * @see docs/library.md#books
 */
export interface BookStatement extends Omit<StatementTerms, "account"> {
  /** Whose book it is, in their own words. */
  readonly venue: string;
  /** The time of which the accounts are. */
  readonly date: string;
  /** Of the tree of accounts, decimal. */
  readonly root: string;
  /** How many accounts there are. */
  readonly count: string;
  /** Basis points. */
  readonly level: string;
}

interface Terms extends MadeUnder {
  readonly circuit: BookCircuit;
  readonly statement: BookStatement;
}

/** Totals after the last account, as exact integers: lots, and 1e-6 of the cash asset. */
interface Evidence {
  readonly totals: {
    /** Rows that do not add up to zero, which a sound book has none of: the sums by their number. */
    readonly positions: Readonly<Record<string, string>>;
    readonly collateral: readonly string[];
    readonly cash: string;
    readonly blinding: string;
  };
}

/**
 * The head of a book.
 * @see docs/library.md#books
 */
export interface BookHead extends Terms, Evidence {
  readonly format: "plimsoll-book/1";
  readonly verificationKey: NamedKey;
}

const integer =
  (pattern: RegExp) =>
  (value: JsonValue): string => {
    if (!pattern.test(value.string()))
      throw value.error("FIELD_INVALID", "expected an integer in its one decimal form");
    return value.string();
  };
const natural = integer(/^(0|[1-9][0-9]{0,25})$/);
const signed = integer(/^(0|-?[1-9][0-9]{0,25})$/);

const { account: _, ...COMMON } = STATEMENT_TERMS;
const STATEMENT: Readers<Omit<BookStatement, "text">> = {
  ...COMMON,
  venue: (value) => value.label(),
  date: (value) => value.time(),
  root: fieldText,
  count: natural,
  level: natural,
};

/** "Each of the 1,200 accounts in the book with root 1427…5714 …". */
export function bookSentence({ root, count, level, marketTime }: Omit<BookStatement, "text">): string {
  const short = root.length > 12 ? `${root.slice(0, 4)}…${root.slice(-4)}` : root;
  const accounts = count.replace(/\B(?=(\d{3})+$)/g, ",");
  return `Each of the ${accounts} accounts in the book with root ${short} covers its maintenance margin at least ${timesWords(BigInt(level))} times, at the prices of ${momentWords(marketTime)}. Together they hold the totals stated here, and their positions add up to zero in every instrument.`;
}

const KIND: DocumentKind<BookHead["format"], Terms, Evidence> = {
  format: "plimsoll-book/1",
  limits: { length: 100_000, values: 1_000 },
  terms: {
    ...MADE_UNDER,
    circuit: (value) => value.oneOf(circuitsOf("book")),
    statement: (value) => readStatement<Omit<BookStatement, "text">>(STATEMENT, bookSentence, value),
  },
  evidence: {
    totals(value) {
      const { positions, collateral, cash, blinding } = value.fields(["positions", "collateral", "cash", "blinding"]);
      const rows = new Map(Array.from({ length: instrumentsOf("board-60") }, (_, row) => [`${row}`, `${row}`]));
      const sums = positions.entries(rows, "FIELD_INVALID", () => "expected the number of a row");
      return {
        positions: Object.fromEntries(sums.map(([row, sum]) => [row, signed(sum)])),
        collateral: collateral.elements(ASSETS, ASSETS).map(natural),
        cash: signed(cash),
        blinding: fieldText(blinding),
      };
    },
  },
};
export const BOOK_LIMITS: JsonLimits = KIND.limits;

/**
 * Reads a head: its form alone. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`. Does NOT check any proof.
 * @see docs/library.md#books
 */
export function readBookHead(given: NamedText): BookHead {
  const head = readDocument(KIND, given);
  const at = (field: string) => parseJson(given.text, given.file, KIND.limits).pick([field])[field]!;
  if (boardSizeOf(head.circuit) !== head.size) {
    throw at("circuit").error("FIELD_INVALID", "this circuit is for boards of another size");
  }
  const { level, count } = head.statement;
  at("statement").check(() => levelBps(BigInt(level), "statement.level"));
  if (BigInt(count) < 1n || BigInt(count) > BigInt(BOOK_LEAVES)) {
    throw at("statement").error("OUT_OF_RANGE", `expected 1 to ${BOOK_LEAVES} accounts`);
  }
  return head;
}

/** What every proof of the book is bound to: its public signal `context`. */
export const bookContext = (head: Terms & { readonly verificationKey: NamedKey }): FieldElement =>
  contextOf(KIND, head, head.verificationKey);

/** Identity of the book: its context as 32 bytes. */
export const bookId = (head: BookHead): Uint8Array => elementBytes(bookContext(head));

export const bookHead = (
  terms: Terms & { readonly verificationKey: NamedKey },
  totals: Evidence["totals"],
): BookHead => ({ format: KIND.format, ...terms, totals });

/** What policy and market give of a statement. */
export const publishedTerms = ({ market }: Published): Pick<BookStatement, "board" | "epoch" | "marketTime"> => ({
  board: market.board,
  epoch: market.epoch.toString(),
  marketTime: market.time,
});

/**
 * The head's canonical text, as the public file has it.
 * @see docs/library.md#books
 */
export const bookText = (head: BookHead): string => canonicalJson(head as unknown as Json);

/** Members that one step holds. */
export const membersOf = (circuit: BookCircuit): number => shapeOf(circuit).members!;

/** How many steps the book has. */
export const stepsOf = ({ circuit, statement }: Pick<BookHead, "circuit" | "statement">): number =>
  Math.ceil(Number(statement.count) / membersOf(circuit));

export const levelOf = ({ statement }: Pick<BookHead, "statement">): LevelBps => levelBps(BigInt(statement.level));

/** What the last commitment is opened with. */
export const openingOf = ({ size, statement, totals }: BookHead): BookOpening => ({
  size,
  collateral: totals.collateral.map(BigInt),
  cash: BigInt(totals.cash),
  count: BigInt(statement.count),
  blinding: BigInt(totals.blinding) as FieldElement,
});

/** The commitment before the first step: to nothing, without a blinding. */
export const firstTotals = (size: BoardSize): FieldElement => commitTotals(noTotals(size), 0n as FieldElement);

/** A field element as 32 bytes, big-endian. */
export function elementBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < 4; word++) view.setBigUint64(8 * word, (value >> BigInt(192 - 64 * word)) & MASK);
  return bytes;
}
const MASK = (1n << 64n) - 1n;

/** The number that 32 bytes stand for, big-endian; it may be above the field's order. */
export function bytesElement(bytes: Uint8Array, at = 0): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 32);
  let value = 0n;
  for (let word = 0; word < 4; word++) value = (value << 64n) | view.getBigUint64(8 * word);
  return value;
}

/** 48 bytes of a hash as a field element: uniform. */
export const uniform = (bytes: Uint8Array): FieldElement =>
  toField(bytes.subarray(0, 48).reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n));

/** The id of a member in its tag: the hash of the words that this member alone answers to. */
export const memberId = (words: string): FieldElement => uniform(sha512(utf8ToBytes(`plimsoll member\n${words}`)));

/** What the statement claims, as verdicts tell it. */
export const bookClaim = (
  { level, count, venue, date, root }: BookStatement,
  totals: readonly Fact[],
): StatedClaim => ({
  figure: "coverage",
  direction: "at-least",
  level,
  unit: "bps",
  facts: [
    { label: "whose book it is, as it names itself", value: foreign(venue, "firm") },
    { label: "accounts as of", value: date },
    { label: "number of accounts", value: count },
    { label: "root", value: root },
    ...totals,
  ],
});

export type BookCaveatCode =
  | "BOOK_NETTED"
  | "BOOK_DEBTS"
  | "BOOK_SHOWN"
  | "BOOK_OWNERS"
  | "CUSTODY_CLAIMED"
  | "CUSTODY_OTHER"
  | "CUSTODY_TIME"
  | "MARKET_VALUES";

/** What no book shows. */
export const BOOK_CAVEATS: readonly Caveat<BookCaveatCode>[] = [
  {
    code: "BOOK_NETTED",
    text: "Accounts of which nobody was told may be left out if together they net to zero in everything; each member who checks its own slip makes that harder.",
  },
  {
    code: "BOOK_DEBTS",
    text: "Open orders, and what the venue owes to others than its members, are not in the book.",
  },
  {
    code: "BOOK_SHOWN",
    text: "This proof does not show that all members are shown this book: compare its root with the one that the venue has recorded where everybody looks.",
  },
  {
    code: "BOOK_OWNERS",
    text: "This proof does not show whose the accounts are; the venue may hold some itself. Ask what each asset of the totals could be sold for.",
  },
  {
    code: "MARKET_VALUES",
    text: "The policy, prices and risk values are taken as given; this proof does not show that they are right or current.",
  },
];
