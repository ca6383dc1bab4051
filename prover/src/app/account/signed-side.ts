// SPDX-License-Identifier: GPL-3.0-or-later
/** One account's signed side of a trade or an unwinding, as it goes from hand to hand. Public: the state in it is encrypted. */
import { z } from "zod";
import type { Side } from "../../chain/gate-calls.ts";
import type { NamedText } from "../../formats/account.ts";
import { parseJson } from "../../formats/json.ts";
import { conform } from "../../risk/input.ts";

/** A whole number below 2^bits, as text. */
export const word = (bits: number) =>
  z
    .string()
    .refine(
      (text) => /^(0|[1-9][0-9]{0,77})$/.test(text) && BigInt(text) < 1n << BigInt(bits),
      `expected a whole number below 2^${bits}, as text`,
    );
const number = word(256);
const hex = z.string().regex(/^0x([0-9a-f]{2})*$/, "expected bytes: 0x and hexadecimal digits");

export const side = z.strictObject({
  account: number,
  counterparty: number,
  /** Commitment. */
  fill: number,
  stateBefore: number,
  stateAfter: number,
  blob: hex,
  policyId: word(64),
  epoch: word(64),
  deadline: number,
  lastEpoch: word(64),
  proof: z.array(number).length(8),
  signature: hex,
});

/**
 * One account's signed side of a trade.
 * @see docs/library.md#an-account-on-chain
 */
export type SignedSide = z.infer<typeof side>;

/** Reads what goes from hand to hand. Throws `SYNTAX` and `FIELD_INVALID`. */
export const readHanded = <T>(schema: z.ZodType<T>, { text, file }: NamedText): T =>
  conform(schema, parseJson(text, file, LIMITS).plain(), { file });
/** A sealed state of the largest board has more digits than other texts. */
const LIMITS = { length: 600_000, values: 100, string: 200_000 };

/** What a side is written as. */
export const sideDocument = (counterparty: bigint, fill: bigint, { step, lastEpoch }: Side): SignedSide => ({
  account: `${step.account}`,
  counterparty: `${counterparty}`,
  fill: `${fill}`,
  stateBefore: `${step.stateBefore}`,
  stateAfter: `${step.stateAfter}`,
  blob: step.blob,
  policyId: `${step.policyId}`,
  epoch: `${step.epoch}`,
  deadline: `${step.deadline}`,
  lastEpoch: `${lastEpoch}`,
  proof: step.proof.map(String),
  signature: step.signature,
});

/** A side as the exchange takes it. */
export const sideOf = ({ blob, proof, signature, ...side }: SignedSide): Side => ({
  step: {
    account: BigInt(side.account),
    stateBefore: BigInt(side.stateBefore),
    stateAfter: BigInt(side.stateAfter),
    blob,
    policyId: BigInt(side.policyId),
    epoch: BigInt(side.epoch),
    deadline: BigInt(side.deadline),
    proof: proof.map(BigInt),
    signature,
  },
  lastEpoch: BigInt(side.lastEpoch),
});
