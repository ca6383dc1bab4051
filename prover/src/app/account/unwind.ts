// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Two accounts close against each other without the operator. Their owners agree on one fill: one of them proposes it, the other signs
 * its side, and the first sends both.
 */
import { z } from "zod";
import { PlimsollError } from "../../errors.ts";
import type { NamedText } from "../../formats/account.ts";
import { formatDecimal, lotOfDecimals, lotsOf, parseDecimal } from "../../formats/decimal.ts";
import { CASH_DECIMALS } from "../../formats/policy.ts";
import { randomViewingKey } from "../../model/account.ts";
import { commitFill } from "../../model/commit.ts";
import { type Fill, noFill } from "../../model/transition.ts";
import { within } from "../../risk/input.ts";
import type { Mine } from "./moves.ts";
import {
  type AccountMachine,
  act,
  clientOf,
  currentState,
  type Done,
  numberOf,
  openSession,
  resume,
  signerOf,
} from "./session.ts";
import { readHanded, side, sideDocument, sideOf } from "./signed-side.ts";

const unwindSide = side.extend({ format: z.literal("plimsoll-unwind-side/1") });

/**
 * One owner's signed side of an unwinding. Public: the state in it is encrypted.
 * @see docs/library.md#an-account-on-chain
 */
export type UnwindSide = z.infer<typeof unwindSide>;

/**
 * Reads a side. Throws `FIELD_INVALID`.
 * @see docs/library.md#an-account-on-chain
 */
export const readUnwindSide = (given: NamedText): UnwindSide => readHanded(unwindSide, given);

const unwindTerms = z.strictObject({
  format: z.literal("plimsoll-unwind-terms/1"),
  /** What this account gets for all its positions; negative: pays. */
  cash: z.string(),
});

/**
 * Reads for how much cash an owner proposes to unwind. Throws `SYNTAX` and `FIELD_INVALID`.
 * @see docs/library.md#an-account-on-chain
 */
export const readUnwindTerms = (given: NamedText): Pick<z.infer<typeof unwindTerms>, "cash"> =>
  readHanded(unwindTerms, given);

/** A day, for which a side is valid: two people take turns. */
const VALIDITY = 86_400n;

/**
 * The fill that leaves this account without positions, for `cash` that it gets in return (negative: pays). PRIVATE to both owners: the
 * other account needs exactly the opposite positions.
 * @see docs/library.md#an-account-on-chain
 */
export async function proposeUnwind(
  machine: AccountMachine,
  { viewingKey, cash }: Mine & { readonly cash: string },
): Promise<Fill> {
  const session = await openSession(machine, viewingKey);
  numberOf(session);
  const state = await currentState(session);
  return {
    ...noFill(state.size),
    positions: state.positions.map((lots) => -lots),
    cash: within("cash", () => lotsOf(parseDecimal(cash), lotOfDecimals(CASH_DECIMALS))),
    blinding: randomViewingKey(),
  };
}

/**
 * With whom, and by which fill.
 * @see docs/library.md#an-account-on-chain
 */
export interface UnwindOrder extends Mine {
  readonly counterparty: bigint;
  readonly fill: Fill;
}

/** Throws `FIELD_INVALID` for a fill that moves more than its words say: positions, which end at zero, and cash. */
function checkUnwinding({ collateral }: Fill): void {
  if (collateral.every((lots) => lots === 0n)) return;
  throw new PlimsollError("FIELD_INVALID", "an unwinding moves positions and cash alone", { field: "collateral" });
}

/** What the side that did not propose pays or gets; of the negative cash, what the one that did. */
export const cashOf = ({ cash }: Pick<Fill, "cash">): string =>
  cash < 0n
    ? `and gets ${formatDecimal(-cash, CASH_DECIMALS)} in cash`
    : `and pays ${formatDecimal(cash, CASH_DECIMALS)} in cash`;

/**
 * Signs this account's side of a fill that the other account's owner proposed. Throws `STATEMENT_FALSE` where the account would have
 * positions or debt afterwards.
 * @see docs/library.md#an-account-on-chain
 */
export async function signUnwind(
  machine: AccountMachine,
  { viewingKey, counterparty, fill }: UnwindOrder,
): Promise<UnwindSide> {
  checkUnwinding(fill);
  const session = await openSession(machine, viewingKey);
  const account = numberOf(session);
  const { view, record } = session;
  await currentState(session);
  await machine.consent({
    words: `sign that account ${account} closes its positions against account ${counterparty} within a day, ${cashOf(fill)}`,
    shows: "that the two accounts have neither positions nor debt afterwards",
    ...{ chainId: view.chainId, gate: record.gate, from: record.owner, most: 0n },
  });
  machine.onStep?.("proving");
  const client = clientOf(session, signerOf(machine), { validity: VALIDITY });
  const { side: signed } = await view.told(() => client.unwindingSide(counterparty, fill, -1n));
  return { format: "plimsoll-unwind-side/1", ...sideDocument(counterparty, commitFill(fill), signed) };
}

/**
 * Closes both accounts against each other: this one proves its side and sends both.
 * @see docs/library.md#an-account-on-chain
 */
export async function unwind(
  machine: AccountMachine,
  order: UnwindOrder & { readonly theirs: UnwindSide },
): Promise<Done> {
  const { viewingKey, counterparty, fill, theirs } = order;
  checkUnwinding(fill);
  const session = await openSession(machine, viewingKey);
  const account = numberOf(session);
  const request = `unwind ${counterparty} ${theirs.fill}`;
  const earlier = await resume(session, request);
  if ("done" in earlier) return earlier.done;
  const fits = [
    [theirs.account, counterparty],
    [theirs.counterparty, account],
    [theirs.fill, commitFill(fill)],
  ] as const;
  if (fits.some(([given, expected]) => given !== `${expected}`)) {
    throw new PlimsollError("FIELD_INVALID", "the other side was signed for other accounts or another fill");
  }
  machine.onStep?.("proving");
  const told = {
    request,
    words: `close account ${account} against account ${counterparty}, for good: both only absorb and exit afterwards`,
    // The file of the fill may not be as it was proposed any more.
    privately: `; it gives all its positions away ${cashOf({ cash: -fill.cash })}`,
    shows: "that the two accounts have neither positions nor debt afterwards",
  };
  return act(session, told, (signer, keep) =>
    clientOf(session, signer, { keep })
      .unwindWith(counterparty, fill, sideOf(theirs))
      .then(({ receipt }) => receipt),
  );
}
