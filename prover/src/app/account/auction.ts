// SPDX-License-Identifier: GPL-3.0-or-later
/** Lots on auction: the one of an account, what it asks, and a bid for it. */
import { type Contract, type ContractTransactionReceipt, toUtf8String } from "ethers";
import { latestEvent } from "../../chain/events.ts";
import type { GateView } from "../../chain/gate-view.ts";
import { type AuctionLot, auctionLotOf, type LiquidationVenue, takeLot } from "../../chain/liquidation.ts";
import { publishedAt, type VenueFiles } from "../../chain/published.ts";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import { formatDecimal, lotOfDecimals, lotsOf, parseDecimal } from "../../formats/decimal.ts";
import { readFill } from "../../formats/fill.ts";
import { CASH_DECIMALS } from "../../formats/policy.ts";
import { commitFill } from "../../model/commit.ts";
import type { Fill } from "../../model/transition.ts";
import {
  type AccountMachine,
  act,
  currentState,
  type Done,
  numberOf,
  openSession,
  resume,
  type Session,
} from "./session.ts";

/** A lot on auction. */
export interface OpenAuction {
  readonly id: string;
  readonly lot: AuctionLot;
  /** Of the account after, as it was at the start. */
  readonly blob: string;
  /** What the starter tells of the lot; "0x" for nothing. */
  readonly opening: string;
}

/** The lot of an account that is on auction. Throws `CALL_REFUSED` where none is. */
export async function auctionAt({ liquidation, told, onStep }: GateView, account: bigint): Promise<OpenAuction> {
  const id: string = await told(() => liquidation.getFunction("auctionOf")(account));
  if (BigInt(id) === 0n) throw new PlimsollError("CALL_REFUSED", `no lot of account ${account} is on auction`);
  const event = await told(() => latestEvent(liquidation, liquidation.filters.LotStarted!(account, id), { onStep }));
  if (event === undefined) throw new PlimsollError("CHAIN_FAILED", "the node does not tell of the auction's start");
  const { lot, blob, opening } = event.args;
  return { id, lot: auctionLotOf(lot), blob, opening };
}

/** A session's venue, as calls of the liquidation desk take it. */
export function liquidationVenue({ machine, view }: Session): LiquidationVenue {
  const { domains, chainId, liquidation } = view;
  return { ...domains, chainId, liquidation: liquidation.target as string, prover: machine.prover };
}

/**
 * A bid of an account.
 * @see docs/library.md#an-account-on-chain
 */
export interface BidOrder extends VenueFiles {
  readonly viewingKey: FieldElement;
  /** Whose lot it is. */
  readonly account: bigint;
  /** What is in the lot; what its start tells in the clear unless given. */
  readonly fill?: Fill | undefined;
  /** In cash; what is asked unless given. */
  readonly price?: string | undefined;
}

/**
 * Takes a lot at a price, and keeps the initial level. Throws `STATEMENT_FALSE` where the bidder would not, `FIELD_INVALID` where what is
 * given is not in the lot.
 * @see docs/library.md#an-account-on-chain
 */
export async function bid(machine: AccountMachine, order: BidOrder): Promise<Done> {
  const session = await openSession(machine, order.viewingKey);
  const { view } = session;
  const bidder = numberOf(session);
  const request = `bid ${order.account} ${order.price ?? "asked"}`;
  const earlier = await resume(session, request);
  if ("done" in earlier) return earlier.done;
  const auction = await auctionAt(view, order.account);
  const { id, lot, blob } = auction;
  const fill = order.fill ?? toldFill(auction);
  if (commitFill(fill) !== lot.fill) {
    throw new PlimsollError("FIELD_INVALID", "this is not what is in the lot on auction: ask whoever told you", {
      field: "lot",
    });
  }
  const price =
    order.price === undefined
      ? ((await view.told(() => view.liquidation.getFunction("priceOf")(lot))) as bigint)
      : lotsOf(parseDecimal(order.price), lotOfDecimals(CASH_DECIMALS));
  const published = await publishedAt(view, order, "outflow");
  const state = await currentState(session);
  machine.onStep?.("proving");
  const told = {
    request,
    words: `bid ${formatDecimal(price, CASH_DECIMALS)} in cash, by account ${bidder}, for the lot of account ${order.account}`,
    shows: "the price and the bidder's account number; what is in the lot stays private",
  };
  return act(session, told, async (signer, keep) => {
    const block = await machine.provider.getBlock("latest");
    const options = { deadline: BigInt(block!.timestamp) + 600n };
    const taken = { id, fill, price, level: order.policy.levels.initial as bigint };
    const { step, after } = await takeLot(liquidationVenue(session), { id: bidder, state }, taken, published, options);
    keep(after);
    const sent = await (view.liquidation.connect(signer) as Contract).getFunction("take")(lot, blob, step, price);
    return (await sent.wait()) as ContractTransactionReceipt;
  });
}

/** What a start tells in the clear. Throws `USAGE` where it tells nothing that can be read. */
function toldFill({ opening }: OpenAuction): Fill {
  try {
    return readFill({ text: toUtf8String(opening), file: "the auction's opening" });
  } catch {
    throw new PlimsollError(
      "USAGE",
      "the auction does not tell what is in the lot: ask the operator, and give it with --lot",
    );
  }
}
