// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What proves one step of a book, as bytes that only the holder of the book's shard key reads: accounts and tags of its members,
 * totals before them with their blindings, and the members' path. XChaCha20-Poly1305 under a random nonce, bound to book and index.
 */
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { concatBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../../field.ts";
import { type Account, checkAccount, genesis } from "../../model/account.ts";
import { BOOK_ARITY, BOOK_DEPTH, type BookEntry, type BookPath, type Totals } from "../../model/book.ts";
import { ASSETS, type BoardSize, instrumentsOf } from "../../model/sizes.ts";
import { cashE6, positionLots, quantityLots } from "../../units.ts";
import { bytesElement, elementBytes } from "./head.ts";

/** A member in a shard. */
export interface ShardMember extends BookEntry {
  /** The venue's name of the account. */
  readonly name: string;
  /** What this member alone answers to, in words: the tag is of their hash. */
  readonly member: string;
  readonly salt: FieldElement;
}

/** What one step is proven from. */
export interface Shard {
  readonly members: readonly ShardMember[];
  readonly totals: Totals;
  readonly blindings: readonly [before: FieldElement, after: FieldElement];
}

const NONCE_BYTES = 24;
/** Elements of a path, and its bytes. */
const PATH_ELEMENTS = BOOK_ARITY * (2 + BOOK_DEPTH - 1);
export const PATH_BYTES = 32 * PATH_ELEMENTS;

/** Seals bytes under a key, bound to a book and an index. */
export function seal(key: Uint8Array, id: Uint8Array, index: number, plain: Uint8Array): Uint8Array {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  return concatBytes(nonce, xchacha20poly1305(key, nonce, bound(id, index)).encrypt(plain));
}

/** The bytes, or `SHARD_REFUSED`. */
export function unseal(key: Uint8Array, id: Uint8Array, index: number, sealed: Uint8Array): Uint8Array {
  try {
    const nonce = sealed.subarray(0, NONCE_BYTES);
    return xchacha20poly1305(key, nonce, bound(id, index)).decrypt(sealed.subarray(NONCE_BYTES));
  } catch {
    throw refused("the shard is of another book or place, was sealed under another key, or has been changed");
  }
}

const refused = (rule: string) => new PlimsollError("SHARD_REFUSED", rule);

function bound(id: Uint8Array, index: number): Uint8Array {
  const place = new Uint8Array(4);
  new DataView(place.buffer).setUint32(0, index);
  return concatBytes(id, place);
}

/** A path as bytes: 16 leaves (state, tag), then the children of each node above them. */
export const pathBytes = ({ leaves, children }: BookPath): Uint8Array =>
  concatBytes(...[...leaves.flatMap(({ state, tag }) => [state, tag]), ...children.flat()].map(elementBytes));

/** The path that bytes stand for. Throws `FIELD_INVALID`. */
export function readPath(bytes: Uint8Array): BookPath {
  if (bytes.length !== PATH_BYTES) throw new PlimsollError("FIELD_INVALID", `expected a path of ${PATH_BYTES} bytes`);
  const elements = Array.from({ length: PATH_ELEMENTS }, (_, at) => bytesElement(bytes, 32 * at));
  if (elements.some((value) => value >= FIELD_ORDER)) {
    throw new PlimsollError("FIELD_INVALID", "an element of the path is not below the field order");
  }
  const read = elements as FieldElement[];
  const leaves = Array.from({ length: BOOK_ARITY }, (_, at) => ({ state: read[2 * at]!, tag: read[2 * at + 1]! }));
  const children = Array.from({ length: BOOK_DEPTH - 1 }, (_, level) =>
    read.slice(BOOK_ARITY * (2 + level), BOOK_ARITY * (3 + level)),
  );
  return { leaves, children };
}

/** Shards are text between path and seal; amounts as decimal integers, zeros left out. */
interface Written {
  readonly totals: readonly string[];
  readonly blindings: readonly [string, string];
  readonly members: readonly {
    readonly name: string;
    readonly member: string;
    readonly tag: string;
    readonly salt: string;
    readonly key: string;
    readonly cash: string;
    readonly collateral: readonly (readonly [number, string])[];
    readonly positions: readonly (readonly [number, string])[];
  }[];
}

const sparse = (list: readonly bigint[]) =>
  [...list.entries()].flatMap(([at, value]) => (value === 0n ? [] : [[at, value.toString()] as const]));

/** A shard without its path. */
export function shardBytes({ members, totals, blindings }: Shard): Uint8Array {
  const written: Written = {
    totals: [...totals.positions, ...totals.collateral, totals.cash, totals.count].map(String),
    blindings: [`${blindings[0]}`, `${blindings[1]}`],
    members: members.map(({ name, member, tag, salt, account }) => ({
      name,
      member,
      tag: `${tag}`,
      salt: `${salt}`,
      key: `${account.viewingKey}`,
      cash: `${account.cash}`,
      collateral: sparse(account.collateral),
      positions: sparse(account.positions),
    })),
  };
  return new TextEncoder().encode(JSON.stringify(written));
}

/** What `shardBytes` wrote, after the seal has shown that it is ours. Throws `SHARD_REFUSED`. */
export function readShard(bytes: Uint8Array, size: BoardSize): Shard {
  try {
    const written = JSON.parse(new TextDecoder().decode(bytes)) as Written;
    const instruments = instrumentsOf(size);
    const numbers = written.totals.map(BigInt);
    if (numbers.length !== instruments + ASSETS + 2) throw new RangeError("totals");
    return {
      totals: {
        size,
        positions: numbers.slice(0, instruments),
        collateral: numbers.slice(instruments, -2),
        cash: numbers.at(-2)!,
        count: numbers.at(-1)!,
      },
      blindings: written.blindings.map(BigInt) as unknown as Shard["blindings"],
      members: written.members.map(({ name, member, tag, salt, ...held }) => ({
        name,
        member,
        tag: BigInt(tag) as FieldElement,
        salt: BigInt(salt) as FieldElement,
        account: accountOf(held, size),
      })),
    };
  } catch {
    // Whatever broke may quote what is in it.
    throw refused("the shard holds something else than a step of a book");
  }
}

function accountOf(
  { key, cash, collateral, positions }: Omit<Written["members"][number], "name" | "member" | "tag" | "salt">,
  size: BoardSize,
): Account {
  const empty = genesis(size);
  const filled = <T>(list: readonly T[], pairs: readonly (readonly [number, string])[], unit: (value: bigint) => T) => {
    const values = new Map(pairs.map(([at, text]) => [at, unit(BigInt(text))]));
    return list.map((zero, at) => values.get(at) ?? zero);
  };
  return checkAccount({
    ...empty,
    viewingKey: BigInt(key) as FieldElement,
    cash: cashE6(BigInt(cash)),
    collateral: filled(empty.collateral, collateral, quantityLots),
    positions: filled(empty.positions, positions, positionLots),
  });
}
