// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What an owner keeps of an account at a gate: where it is, its state, and the call that is being sent. States are sealed to the
 * viewing key, so that the file tells nothing without it.
 */
import { z } from "zod";
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { parseJson } from "../formats/json.ts";
import type { Account } from "../model/account.ts";
import { commitState } from "../model/commit.ts";
import { BOARD_SIZES, type BoardSize } from "../model/sizes.ts";
import { conform } from "../risk/input.ts";
import { openState, sealState } from "./sealed-state.ts";

const FORMAT = "plimsoll-account-at-gate/1";
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "expected an address: 0x and 40 hexadecimal digits");
const number = z.string().regex(/^(0|[1-9][0-9]{0,77})$/, "expected a whole number, as text");
const hex = z.string().regex(/^0x([0-9a-f]{2})*$/, "expected bytes: 0x and hexadecimal digits");
const hash = z.string().regex(/^0x[0-9a-f]{64}$/, "expected 0x and 64 hexadecimal digits");

const sealed = z.strictObject({ commitment: number, sealed: hex });
const sending = z.strictObject({
  /** Which command it is: the same again goes on with it. */
  request: z.string(),
  /** What it does, for people. */
  words: z.string(),
  to: address,
  data: hex,
  nonce: z.int().min(0),
  /** Newest block before it was sent. */
  block: z.int().min(0),
  /** The signed transaction, where it was signed here; its hash, as soon as that is known. */
  raw: hex.optional(),
  hash: hash.optional(),
  /** Unix seconds after which the gate refuses it. */
  deadline: number.optional(),
  after: sealed.optional(),
  /** The chain has it, and whoever asked has not been told yet. */
  landed: z.boolean().optional(),
});
const opening = z.strictObject({
  stateAfter: number,
  blob: hex,
  deadline: number,
  agent: address,
  proof: z.array(number).length(8),
});
const record = z.strictObject({
  format: z.literal(FORMAT),
  chainId: number,
  gate: address,
  owner: address,
  /** Number at the gate; null until it is opened. */
  account: number.nullable(),
  state: sealed.nullable(),
  /** Proven, and not sent yet: it waits for the operator's agreement. */
  opening: opening.nullable(),
  sending: sending.nullable(),
});

/** A private state, encrypted to its viewing key, and its commitment. */
export type SealedState = z.infer<typeof sealed>;
/** A transaction that is being sent. */
export type Sending = z.infer<typeof sending>;
/** An opening that waits for the operator. */
export type Opening = z.infer<typeof opening>;
/**
 * An account at a gate, as its owner keeps it.
 * @see docs/library.md#on-chain
 */
export type AccountRecord = z.infer<typeof record>;

/**
 * Reads what `accountRecord` begins. Throws `FIELD_INVALID`.
 * @see docs/library.md#on-chain
 */
export const readAccountRecord = (text: string, file: string): AccountRecord =>
  conform(record, parseJson(text, file, { length: 2_000_000, values: 1_000, string: LONGEST }).plain(), { file });

/** A signed transaction, or a sealed state of the largest board, as hexadecimal digits. Nodes take transactions of 128 kB. */
const LONGEST = 300_000;

/** An account of which nothing is known yet but where it is to be. */
export const accountRecord = (at: Pick<AccountRecord, "chainId" | "gate" | "owner">): AccountRecord => ({
  format: FORMAT,
  ...at,
  account: null,
  state: null,
  opening: null,
  sending: null,
});

/**
 * Where a record is kept. `write` has it on disk, whole, when it resolves.
 * @see docs/library.md#on-chain
 */
export interface AccountStore {
  read(): Promise<AccountRecord | undefined>;
  write(record: AccountRecord): Promise<void>;
}

export const seal = (account: Account): SealedState => ({
  commitment: `${commitState(account)}`,
  sealed: sealState(account),
});

/** The state that was sealed. Throws `STATE_UNKNOWN` under another viewing key. */
export function unseal({ commitment, sealed: blob }: SealedState, size: BoardSize, key: FieldElement): Account {
  const state = openState(blob, BigInt(commitment), size, key);
  if (state !== undefined) return state;
  throw new PlimsollError("STATE_UNKNOWN", "this viewing key is not the account's");
}

/** Whether a viewing key opens what is kept; true where nothing is. */
export function isKeyOf(key: FieldElement, { state, opening }: AccountRecord): boolean {
  const [commitment, blob] = state === null ? [opening?.stateAfter, opening?.blob] : [state.commitment, state.sealed];
  if (commitment === undefined || blob === undefined) return true;
  return BOARD_SIZES.some((size) => openState(blob, BigInt(commitment), size, key) !== undefined);
}
