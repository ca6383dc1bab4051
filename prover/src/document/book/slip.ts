// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-slip/1`: with what one member finds its own account in the book. Private: whoever has it knows what the account holds.
 *
 * What it says of the book (venue, date, root) is compared with the book, and nothing else is believed: from account, member, key and salt
 * the member's leaf is computed, and from leaf and path the root.
 */
import { concatBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import { type NamedText, readAccountEntry, stateDocument } from "../../formats/account.ts";
import { type JsonLimits, type JsonValue, parseJson } from "../../formats/json.ts";
import { type Account, genesis, viewingKey } from "../../model/account.ts";
import { BOOK_ARITY, BOOK_DEPTH, BOOK_LEAVES, type BookPath, isInBook, leafOf, memberTag } from "../../model/book.ts";
import { fieldElement, type Published, Refusal } from "../kit.ts";
import { type BookHead, memberId } from "./head.ts";
import { readPath, type ShardMember } from "./shard.ts";

const FORMAT = "plimsoll-slip/1";

/** Whether a text says that it is a slip. */
export const saysSlip = (text: string): boolean => /"format"\s*:\s*"plimsoll-slip\//.test(text);
const LIMITS: JsonLimits = { length: 100_000, values: 1_000 };

/** Why a slip is refused. Stable, for machines. */
export type SlipRefusal =
  | "SLIP_MALFORMED"
  /** Of a book of another time. */
  | "SLIP_DATE"
  /** Of another book of that time. */
  | "SLIP_FOREIGN"
  /** Its place is beyond the last account of the book. */
  | "SLIP_LEFT_OUT"
  /** The account that it describes is not what the book has at its place. */
  | "SLIP_FALSE";

/** A slip read. Nothing in it has been compared with a book. */
export interface Slip {
  readonly venue: string;
  readonly date: string;
  readonly root: string;
  readonly place: number;
  /** As `readAccountEntry` reads it, under the book's own policy and market. */
  readonly holding: JsonValue;
  readonly key: FieldElement;
  readonly salt: FieldElement;
  readonly path: BookPath;
}

/** The text of a member's slip, one line of JSON. `path` is that of the shard, as bytes. */
export function slipText(
  { statement }: BookHead,
  files: Published,
  place: number,
  { name, member, salt, account }: ShardMember,
  path: readonly string[],
): string {
  const { cash, collateral, positions } = stateDocument({ name, account }, files.policy, files.market);
  const { venue, date, root } = statement;
  return JSON.stringify({
    format: FORMAT,
    venue,
    date,
    root,
    place: `${place}`,
    holding: { account: name, member, cash, collateral, positions },
    key: `${account.viewingKey}`,
    salt: `${salt}`,
    path,
  });
}

/** A path as slips have it: leaves, then the children of each node, in base64. */
export const pathTexts = (path: Uint8Array): string[] =>
  LEVELS.map(([from, end]) => btoa(String.fromCharCode(...path.subarray(from, end))));
const LEVELS = Array.from({ length: BOOK_DEPTH }, (_, level) => {
  const at = (count: number) => 32 * BOOK_ARITY * count;
  return level === 0 ? ([0, at(2)] as const) : ([at(1 + level), at(2 + level)] as const);
});

/** Reads a slip: its form alone. Throws `SYNTAX`, `TOO_LARGE`, `FIELD_INVALID` or `OUT_OF_RANGE`. */
export function readSlip({ text, file }: NamedText): Slip {
  const top = parseJson(text, file, LIMITS).fields(
    ["format", "venue", "date", "root", "place", "holding", "key", "salt", "path"],
    [],
  );
  top.format.literal(FORMAT);
  const element = (value: JsonValue) => value.check(() => fieldElement(value.string()));
  return {
    venue: top.venue.label(),
    date: top.date.time(),
    root: element(top.root).toString(),
    place: top.place.amount((place) => {
      if (place >= 0n && place < BigInt(BOOK_LEAVES)) return Number(place);
      throw new PlimsollError("OUT_OF_RANGE", `expected a place between 0 and ${BOOK_LEAVES - 1}`);
    }),
    holding: top.holding,
    key: top.key.check(() => viewingKey(element(top.key))),
    salt: element(top.salt),
    path: top.path.check(() => readPath(concatBytes(...top.path.elements(BOOK_DEPTH, BOOK_DEPTH).map(base64Bytes)))),
  };
}

function base64Bytes(value: JsonValue): Uint8Array {
  try {
    return Uint8Array.from(atob(value.string()), (sign) => sign.charCodeAt(0));
  } catch (error) {
    throw error instanceof PlimsollError ? error : value.error("FIELD_INVALID", "expected base64");
  }
}

/** What a member finds: its account as the book counts it. */
export interface FoundAccount {
  readonly name: string;
  readonly member: string;
  readonly account: Account;
}

const refuse = (reason: SlipRefusal, detail: string) => new Refusal(reason, detail);

/** The account of a slip, if it stands at its place in the book and is counted. Throws a `Refusal` with a `SlipRefusal`. */
export function findAccount(head: BookHead, files: Published, slip: Slip): FoundAccount {
  const { date, root, venue, count } = head.statement;
  if (slip.date !== date) throw refuse("SLIP_DATE", `the slip is of ${slip.date} and the book of ${date}`);
  if (slip.root !== root || slip.venue !== venue) throw refuse("SLIP_FOREIGN", "the slip is of another book");
  if (BigInt(slip.place) >= BigInt(count)) {
    throw refuse("SLIP_LEFT_OUT", "the place of the slip is beyond the last account that the book counts");
  }
  const entry = entryOf(slip, files);
  const account: Account = { ...genesis(head.size), ...entry.account, viewingKey: slip.key };
  const leaf = leafOf({ account, tag: memberTag(memberId(entry.member), slip.salt) });
  if (!isInBook(BigInt(root) as FieldElement, leaf, slip.place, slip.path)) {
    throw refuse("SLIP_FALSE", "the account that the slip describes is not what the book has at its place");
  }
  return { name: entry.name, member: entry.member, account };
}

function entryOf({ holding }: Slip, { policy, market }: Published) {
  try {
    return readAccountEntry(holding, policy, market);
  } catch (error) {
    throw error instanceof PlimsollError ? refuse("SLIP_MALFORMED", error.message) : error;
  }
}
