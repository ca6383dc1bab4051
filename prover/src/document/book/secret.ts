// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * All secrets of a venue's books, from one master secret of 32 bytes.
 *
 *   date key  = HMAC(master, "plimsoll book 1", date)                of all books of one date
 *   of a member: viewing key, salt = HMAC(date key, purpose, account)
 *   of a book:   shard key = HMAC(date key, purpose, book)
 *
 * HMAC-SHA512, its inputs length-prefixed, so that no two lists of them are one. Without the master secret nobody can tell that two
 * leaves of two dates are of one account: their keys and salts have nothing in common.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import type { NamedText } from "../../formats/account.ts";
import { VIEWING_KEY_LIMIT, viewingKey } from "../../model/account.ts";
import { bytesElement, uniform } from "./head.ts";

export const SECRET_BYTES = 32;

/**
 * The text of a new master secret's file.
 * @see docs/library.md#books
 */
export const newBookSecret = (): string => `${bytesToHex(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))}\n`;

/** The text of a file with a secret of 32 bytes, such as a shard key. */
export const secretText = (secret: Uint8Array): string => `${bytesToHex(secret)}\n`;

/**
 * Reads a secret of 32 bytes: 64 hexadecimal digits on one line. Throws `FIELD_INVALID`, never with a digit of it.
 * @see docs/library.md#books
 */
export function readBookSecret({ text, file }: NamedText): Uint8Array {
  const match = /^([0-9a-f]{64})\r?\n?$/.exec(text);
  if (match !== null) return hexToBytes(match[1]!);
  throw new PlimsollError("FIELD_INVALID", "expected 64 hexadecimal digits on one line", { file, line: 1 });
}

/** What only one member of a book of one date has, beside the venue. */
export interface MemberSecrets {
  readonly viewingKey: FieldElement;
  readonly salt: FieldElement;
}

/** Secrets of all books of one date. */
export interface DateSecrets {
  member(account: string): MemberSecrets;
  /** Opens the shards of one book, and nothing else. */
  shardKey(id: Uint8Array): Uint8Array;
}

/** The secrets of a date; `date` as the book states it. */
export function dateSecrets(master: Uint8Array, date: string): DateSecrets {
  const dated = derived(master, "plimsoll book 1", date);
  return {
    member: (account) => ({
      // Wider than the key by 192 bits, so uniform.
      viewingKey: viewingKey(1n + (wide(derived(dated, "viewing key", account)) % (VIEWING_KEY_LIMIT - 1n))),
      salt: uniform(derived(dated, "salt", account)),
    }),
    shardKey: (id) => derived(dated, "shards", bytesToHex(id)).slice(0, SECRET_BYTES),
  };
}

const wide = (bytes: Uint8Array): bigint => (bytesElement(bytes) << 256n) | bytesElement(bytes, 32);

function derived(key: Uint8Array, ...inputs: readonly string[]): Uint8Array {
  const mac = hmac.create(sha512, key);
  for (const input of inputs) {
    const bytes = utf8ToBytes(input);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length);
    mac.update(length).update(bytes);
  }
  return mac.digest();
}
