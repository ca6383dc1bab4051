// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * States of an account, encrypted to its viewing key, as steps carry them to the chain: an owner who lost everything but
 * the key restores the account from there.
 *
 * XChaCha20-Poly1305 under HKDF-SHA-256(viewing key). The nonce is the first 24 bytes of the state's commitment: it recurs
 * only with the same state, whose plaintext is the same. Plaintexts are padded to multiples of 128 bytes (about 25 positions; what a byte costs on chain, in calldata and event), so that a length
 * tells little of how many positions there are; an account that grows past a multiple shows that it did.
 *
 * What is NOT here: any proof that a blob holds the state it came with. Whoever makes a step writes its blob, and may write
 * nonsense; `openState` therefore checks what it finds against the commitment, and finds nothing where it differs.
 */
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { getBytes, hexlify, toBeArray, toBeHex, toBigInt } from "ethers";
import type { FieldElement } from "../field.ts";
import { type Account, genesis } from "../model/account.ts";
import { commitState } from "../model/commit.ts";
import type { BoardSize } from "../model/sizes.ts";
import { cashE6, positionLots, quantityLots } from "../units.ts";

const BUCKET = 128;
const INFO = new TextEncoder().encode("plimsoll state 1");

const cipherOf = (viewingKey: FieldElement, state: bigint) =>
  xchacha20poly1305(
    hkdf(sha256, getBytes(toBeHex(viewingKey, 32)), undefined, INFO, 32),
    getBytes(toBeHex(state, 32)).slice(0, 24),
  );

/**
 * The blob of a state, as hex.
 * @see docs/library.md#on-chain
 */
export function sealState(account: Account): string {
  const bytes = encode(account);
  const padded = new Uint8Array(Math.ceil((bytes.length + 2) / BUCKET) * BUCKET);
  padded.set([bytes.length >> 8, bytes.length & 255]);
  padded.set(bytes, 2);
  return hexlify(cipherOf(account.viewingKey, commitState(account)).encrypt(padded));
}

/**
 * The account of a blob, where it is the one that `state` commits to; undefined otherwise.
 * @see docs/library.md#on-chain
 */
export function openState(blob: string, state: bigint, size: BoardSize, viewingKey: FieldElement): Account | undefined {
  try {
    const padded = cipherOf(viewingKey, state).decrypt(getBytes(blob));
    const account = decode(padded.subarray(2, 2 + padded[0]! * 256 + padded[1]!), size, viewingKey);
    return commitState(account) === state ? account : undefined;
  } catch {
    return undefined; // another key's, cut short, or nonsense
  }
}

// Numbers are a byte of length and as many bytes; signed ones are zigzag. After sequence and cash come the collateral that
// is not zero and the positions that are not, each list with its length and each entry with its index.

function encode({ sequence, cash, collateral, positions }: Account): Uint8Array {
  const bytes: number[] = [];
  const number = (value: bigint) => {
    const digits = toBeArray(value);
    const raw = getBytes(digits);
    bytes.push(raw.length, ...raw);
  };
  const list = (values: readonly bigint[]) => {
    const held = [...values.entries()].filter(([, value]) => value !== 0n);
    number(BigInt(held.length));
    for (const [index, value] of held) {
      number(BigInt(index));
      number(zigzag(value));
    }
  };
  number(sequence);
  number(zigzag(cash));
  list(collateral);
  list(positions);
  return new Uint8Array(bytes);
}

function decode(bytes: Uint8Array, size: BoardSize, viewingKey: FieldElement): Account {
  let at = 0;
  // Who has the key may be hostile: nothing is read beyond the bytes, and no other place filled than a board has.
  const number = () => {
    const length = bytes[at];
    if (length === undefined) throw new RangeError();
    const value = length === 0 ? 0n : toBigInt(bytes.subarray(at + 1, at + 1 + length));
    at += 1 + length;
    return value;
  };
  const list = <T extends bigint>(zeros: readonly T[], checked: (value: bigint, field: string) => T) => {
    const values = [...zeros];
    for (let count = number(); count > 0n; count--) {
      const index = Number(number());
      if (index >= values.length) throw new RangeError();
      values[index] = checked(unzigzag(number()), "blob");
    }
    return values;
  };
  const empty = genesis(size);
  const sequence = number();
  const cash = cashE6(unzigzag(number()), "blob");
  const collateral = list(empty.collateral, quantityLots);
  const positions = list(empty.positions, positionLots);
  return { size, viewingKey, sequence, cash, collateral, positions };
}

const zigzag = (value: bigint) => (value < 0n ? -2n * value - 1n : 2n * value);
const unzigzag = (value: bigint) => (value & 1n ? -(value + 1n) / 2n : value / 2n);
