// SPDX-License-Identifier: GPL-3.0-or-later
/** What an owner does with an open account: pay in, absorb, attest, withdraw, exit, ask, cure; and what anybody may: hold. */
import type { Contract, ContractTransactionReceipt, ContractTransactionResponse } from "ethers";
import { type AssetView, assetNamed, tokenOf } from "../../chain/gate-view.ts";
import { cureLot } from "../../chain/liquidation.ts";
import { publishedAt, settlementMarks, type VenueFiles } from "../../chain/published.ts";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import { formatDecimal, lotOfDecimals, lotsOf, parseDecimal } from "../../formats/decimal.ts";
import type { LevelName } from "../../formats/policy.ts";
import type { Account } from "../../model/account.ts";
import { CASH_INDEX } from "../../model/sizes.ts";
import { within } from "../../risk/input.ts";
import { auctionAt, liquidationVenue } from "./auction.ts";
import {
  type AccountMachine,
  APPROVAL,
  act,
  clientOf,
  currentState,
  type Done,
  numberOf,
  openSession,
  resume,
  type Session,
} from "./session.ts";

/**
 * Whose account: who has its viewing key.
 * @see docs/library.md#an-account-on-chain
 */
export interface Mine {
  readonly viewingKey: FieldElement;
}

/**
 * An amount as people write it: of an asset by its name (`cash`, its number or its token's symbol), in whole units, or `all`.
 * @see docs/library.md#an-account-on-chain
 */
export interface Amount {
  readonly asset: string;
  readonly amount: string;
}

const receiptOf = async (sent: Promise<unknown>) =>
  (await ((await sent) as ContractTransactionResponse).wait()) as ContractTransactionReceipt;
const nameOf = ({ index, symbol }: AssetView) =>
  index === CASH_INDEX ? `${symbol} (cash)` : `${symbol} (asset ${index})`;
const text = (lots: bigint, { lotDecimals }: AssetView) => formatDecimal(lots, lotDecimals);
const holdingOf = ({ cash, collateral }: Account, index: number): bigint =>
  index === CASH_INDEX ? cash : collateral[index]!;

/** Whole lots of an amount. Throws `FIELD_INVALID`, `NOT_A_MULTIPLE`, `OUT_OF_RANGE`. */
function lotsIn({ amount }: Amount, asset: AssetView): bigint {
  return within("amount", () => {
    const lots = lotsOf(parseDecimal(amount), lotOfDecimals(asset.lotDecimals));
    if (lots > 0n) return lots;
    throw new PlimsollError("OUT_OF_RANGE", "expected an amount above zero");
  });
}

async function begin(machine: AccountMachine, { viewingKey }: Mine): Promise<Session> {
  const session = await openSession(machine, viewingKey);
  numberOf(session);
  return session;
}

/** What a deposit is, in all its steps. */
async function depositOf(session: Session, order: Amount) {
  const asset = await assetNamed(session.view, order.asset);
  const lots = lotsIn(order, asset);
  const account = numberOf(session);
  return { asset, lots, units: lots * asset.lot, account, request: `deposit ${asset.index} ${lots}` };
}

/**
 * Gives the gate leave to take what a deposit pays in. Undefined where it has leave already. `deposit` does this too.
 * @see docs/library.md#an-account-on-chain
 */
export async function approve(machine: AccountMachine, order: Mine & Amount): Promise<Done | undefined> {
  const session = await begin(machine, order);
  const { request: of, ...rest } = await depositOf(session, order);
  const request = `${of}${APPROVAL}`;
  const earlier = await resume(session, request);
  return "done" in earlier ? earlier.done : leave(session, request, rest);
}

async function leave(
  session: Session,
  request: string,
  { asset, lots, units }: { readonly asset: AssetView; readonly lots: bigint; readonly units: bigint },
): Promise<Done | undefined> {
  const { view, record } = session;
  const token = tokenOf(view, asset);
  const allowed: bigint = await view.told(() => token.getFunction("allowance")(record.owner, record.gate));
  if (allowed >= units) return undefined;
  const give = (amount: bigint) =>
    act(
      session,
      {
        request: amount === 0n ? `${request} of nothing` : request,
        words: `let the gate take ${amount === 0n ? "nothing more" : text(lots, asset)} of ${nameOf(asset)} from your address`,
        shows: "the amount, the token and your address",
      },
      (signer) => receiptOf((token.connect(signer) as Contract).getFunction("approve")(record.gate, amount)),
    );
  // Some tokens refuse a change of an allowance that is not zero.
  if (allowed > 0n) await (await give(0n)).acknowledge();
  return give(units);
}

/**
 * Pays an amount in, as a public credit of the account; `absorb` takes it into the private account. Gives the gate leave to take it
 * first, where it has none.
 * @see docs/library.md#an-account-on-chain
 */
export async function deposit(machine: AccountMachine, order: Mine & Amount): Promise<Done> {
  const session = await begin(machine, order);
  const { view, record } = session;
  const { asset, lots, units, account, request } = await depositOf(session, order);
  const earlier = await resume(session, request);
  if ("done" in earlier) return earlier.done;
  const approval = await leave(session, `${request}${APPROVAL}`, { asset, lots, units });
  await approval?.acknowledge();
  const told = {
    request,
    words: `pay ${text(lots, asset)} ${nameOf(asset)} into account ${account}`,
    shows: "the amount, the token, your address and the account's number",
  };
  return act(session, told, (signer) =>
    receiptOf(
      (view.gate.connect(signer) as Contract).getFunction("deposit")(account, record.owner, asset.index, units),
    ),
  );
}

/**
 * Takes a credit into the private account. Needs no epoch, policy or market.
 * @see docs/library.md#an-account-on-chain
 */
export async function absorb(machine: AccountMachine, order: Mine & Amount): Promise<Done> {
  const session = await begin(machine, order);
  const { view } = session;
  const asset = await assetNamed(view, order.asset);
  const account = numberOf(session);
  const request = `absorb ${asset.index} ${order.amount}`;
  const earlier = await resume(session, request);
  if ("done" in earlier) return earlier.done;
  const credits: bigint[] = await view.told(() => view.gate.getFunction("creditsOf")(account));
  const lots = order.amount === "all" ? credits[asset.index]! / asset.lot : lotsIn(order, asset);
  if (lots === 0n)
    throw new PlimsollError("CALL_REFUSED", `account ${account} has no credit in this asset: deposit first`);
  machine.onStep?.("proving");
  const told = {
    request,
    words: `take ${text(lots, asset)} ${nameOf(asset)} of its credit into account ${account}`,
    shows: "the amount, and whether the account has positions or debt",
  };
  return act(session, told, async (signer, keep) => {
    const { receipt } = await clientOf(session, signer, { keep }).absorb(asset.index, lots);
    return receipt;
  });
}

/**
 * Passes the next settlement of the gate's board: the instruments that it names leave the account, for cash at its marks. Needs no
 * epoch, policy or market. Throws `CALL_REFUSED` where there is none that the account has not passed.
 * @see docs/library.md#an-account-on-chain
 */
export async function passSettlement(machine: AccountMachine, order: Mine): Promise<Done> {
  const session = await begin(machine, order);
  const { board, gate, market, told } = session.view;
  const account = numberOf(session);
  const request = "settle";
  const earlier = await resume(session, request);
  if ("done" in earlier) return earlier.done;
  const [{ settled }, last] = await told(() =>
    Promise.all([gate.getFunction("accountOf")(account), market.getFunction("settlementsOf")(board)]),
  );
  if (settled >= last) throw new PlimsollError("CALL_REFUSED", `account ${account} has no settlement to pass`);
  const number: bigint = settled + 1n;
  const marks = await settlementMarks(session.view, number);
  machine.onStep?.("proving");
  const call = {
    request,
    words: `pass settlement ${number} with account ${account}: of ${marks.size} instruments, what it holds leaves for cash`,
    shows: "that the account has passed it, and not what it held",
  };
  return act(session, call, async (signer, keep) => {
    const { receipt } = await clientOf(session, signer, { keep }).expire(number, marks);
    return receipt;
  });
}

/**
 * Shows that the account has a level of the policy, and records it. Throws `STATEMENT_FALSE` where it does not.
 * @see docs/library.md#an-account-on-chain
 */
export async function attestAtGate(
  machine: AccountMachine,
  order: Mine & VenueFiles & { readonly level: LevelName },
): Promise<Done> {
  const session = await begin(machine, order);
  const request = `attest ${order.level} ${order.market.epoch}`;
  const earlier = await resume(session, request);
  if ("done" in earlier) return earlier.done;
  const published = await publishedAt(session.view, order, "attesting");
  const level = order.policy.levels[order.level];
  machine.onStep?.("proving");
  const told = {
    request,
    words: `attest that account ${numberOf(session)} covers at least ${formatDecimal(level, 2)}% of its margin in epoch ${published.epoch}`,
    shows: "that this level is reached, and nothing else of the account",
  };
  return act(session, told, async (signer, keep) => {
    const { receipt } = await clientOf(session, signer, { keep }).attest(level, published);
    return receipt;
  });
}

/**
 * What is paid out, to whom.
 * @see docs/library.md#an-account-on-chain
 */
export interface Payout extends Mine, Amount {
  /** The signer's own address unless given. */
  readonly recipient?: string | undefined;
  /** The recipient gets at least so much after a levy; no bound unless given. */
  readonly least?: string | undefined;
}

/**
 * Pays out of the account, which keeps the initial level. Throws `STATEMENT_FALSE` where it would not.
 * @see docs/library.md#an-account-on-chain
 */
export async function withdraw(machine: AccountMachine, order: Payout & VenueFiles): Promise<Done> {
  const session = await begin(machine, order);
  const request = payoutRequest("withdraw", session, order);
  const earlier = await resume(session, request);
  if ("done" in earlier) return earlier.done;
  const published = await publishedAt(session.view, order, "outflow");
  const { initial } = order.policy.levels;
  return payOut(session, order, ["withdraw", request], (client, asset, lots, recipient, least) =>
    client.withdraw(asset, lots, recipient, initial, published, least),
  );
}

/**
 * Pays out of an account without positions and without debt: needs no epoch, and nobody can refuse it. Throws `STATEMENT_FALSE` where
 * the account has either.
 * @see docs/library.md#an-account-on-chain
 */
export async function exit(machine: AccountMachine, order: Payout): Promise<Done> {
  const session = await begin(machine, order);
  const request = payoutRequest("exit", session, order);
  const earlier = await resume(session, request);
  if ("done" in earlier) return earlier.done;
  return payOut(session, order, ["exit", request], (client, asset, lots, recipient, least) =>
    client.exit(asset, lots, recipient, least),
  );
}

const recipientOf = ({ record }: Session, { recipient }: Payout): string => recipient ?? record.owner;
const payoutRequest = (verb: string, session: Session, order: Payout): string =>
  [
    verb,
    order.asset,
    order.amount,
    recipientOf(session, order).toLowerCase(),
    ...(order.least ? [order.least] : []),
  ].join(" ");

async function payOut(
  session: Session,
  order: Payout,
  [verb, request]: readonly ["withdraw" | "exit", string],
  call: (
    client: ReturnType<typeof clientOf>,
    asset: number,
    lots: bigint,
    recipient: string,
    least: bigint,
  ) => Promise<{ readonly receipt: ContractTransactionReceipt }>,
): Promise<Done> {
  const { machine, view } = session;
  const asset = await assetNamed(view, order.asset);
  const recipient = recipientOf(session, order);
  if (recipient.toLowerCase() === session.record.gate.toLowerCase() || BigInt(recipient) === 0n) {
    throw new PlimsollError("FIELD_INVALID", "the recipient is the gate itself, or nobody", { field: "recipient" });
  }
  const lots = order.amount === "all" ? holdingOf(await currentState(session), asset.index) : lotsIn(order, asset);
  if (lots <= 0n) throw new PlimsollError("CALL_REFUSED", "the account holds nothing of this asset");
  const least = order.least === undefined ? 0n : lotsIn({ ...order, amount: order.least }, asset) * asset.lot;
  machine.onStep?.("proving");
  const told = {
    request,
    words: `pay ${text(lots, asset)} ${nameOf(asset)} out of account ${numberOf(session)} to ${recipient}`,
    shows: "the amount, the token and the recipient",
  };
  return act(session, told, async (signer, keep) => {
    const paid = call(clientOf(session, signer, { keep }), asset.index, lots, recipient, least);
    const { receipt } = await paid.catch((error: unknown) => {
      throw error instanceof PlimsollError && error.code === "STATEMENT_FALSE"
        ? new PlimsollError("STATEMENT_FALSE", TOO_MUCH[verb])
        : error;
    });
    return receipt;
  });
}

const TOO_MUCH = {
  withdraw:
    "the account does not hold as much, or would not keep the initial level: `plimsoll account status` with the venue's files says what can be withdrawn",
  exit: "the account does not hold as much, or has positions or debt: with these, withdraw",
};

/**
 * Asks the operator in public to agree to the account's next trade. What it does not answer for its deadline, two accounts unwind
 * without it.
 * @see docs/library.md#an-account-on-chain
 */
export async function requestOperator(machine: AccountMachine, order: Mine): Promise<Done> {
  const session = await begin(machine, order);
  const account = numberOf(session);
  const told = {
    request: "request",
    words: `ask the operator in public to answer account ${account}`,
    shows: "your address, and that account's request",
  };
  return act(session, told, (signer) =>
    receiptOf((session.view.exchange.connect(signer) as Contract).getFunction("request")(account)),
  );
}

/**
 * Makes another account's owner wait: the operator, or anybody once that account has missed its attestation.
 * @see docs/library.md#an-account-on-chain
 */
export async function hold(machine: AccountMachine, order: Mine & { readonly account: bigint }): Promise<Done> {
  const session = await begin(machine, order);
  const told = {
    request: `hold ${order.account}`,
    words: `hold account ${order.account}`,
    shows: "your address, and that you hold that account",
  };
  return act(session, told, (signer) =>
    receiptOf((session.view.exchange.connect(signer) as Contract).getFunction("hold")(order.account)),
  );
}

/**
 * Ends the auction of a lot of the account: proves the call level, together with a credit if one is named.
 * @see docs/library.md#an-account-on-chain
 */
export async function cure(
  machine: AccountMachine,
  order: Mine & VenueFiles & { readonly credit?: Amount | undefined },
): Promise<Done> {
  const session = await begin(machine, order);
  const { view } = session;
  const { market, policy, credit } = order;
  const request = `cure ${market.epoch} ${credit === undefined ? "" : `${credit.asset} ${credit.amount}`}`;
  const earlier = await resume(session, request);
  if ("done" in earlier) return earlier.done;
  const account = numberOf(session);
  const { lot, id } = await auctionAt(view, account);
  const published = await publishedAt(view, order, "attesting");
  const state = await currentState(session);
  const asset = credit === undefined ? undefined : await assetNamed(view, credit.asset);
  const lots = credit === undefined || asset === undefined ? 0n : lotsIn(credit, asset);
  const absorbed = asset && { asset: asset.index, lots, units: lots * asset.lot };
  machine.onStep?.("proving");
  const told = {
    request,
    words: `end the auction of account ${account}'s lot by proving the call level`,
    shows: "that the account has the call level, and the credit that counts for it",
  };
  return act(session, told, async (signer, keep) => {
    const block = await machine.provider.getBlock("latest");
    const options = { deadline: BigInt(block!.timestamp) + 600n };
    const owner = { id: account, state };
    const cured = { id, level: policy.levels.call as bigint, ...(absorbed && { absorbed }) };
    const { step, after } = await cureLot(liquidationVenue(session), owner, cured, published, options);
    keep(after);
    const desk = view.liquidation.connect(signer) as Contract;
    return receiptOf(desk.getFunction("cure")(lot, step, absorbed?.asset ?? 0, absorbed?.units ?? 0n));
  });
}
