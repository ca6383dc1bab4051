// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The operator settles a trade that both owners signed, once it can follow both accounts. Its sending is its agreement. A trade has one
 * effect however often it is sent: no state of an account comes twice.
 */
import type { Contract, ContractTransactionReceipt, ContractTransactionResponse, EventLog } from "ethers";
import { AccountClient } from "../../chain/client.ts";
import { eventsBack } from "../../chain/events.ts";
import { type GateView, gateAt } from "../../chain/gate-view.ts";
import { publishedAt, type VenueFiles } from "../../chain/published.ts";
import { openState } from "../../chain/sealed-state.ts";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import { formatDecimal, formatLots } from "../../formats/decimal.ts";
import { CASH_DECIMALS } from "../../formats/policy.ts";
import type { Account } from "../../model/account.ts";
import { commitState } from "../../model/commit.ts";
import type { Sent, VenueMachine } from "./liquidate.ts";
import { venueOf } from "./session.ts";
import type { SignedSide } from "./signed-side.ts";
import { checkPlace, exchangeTrade, type SignedTrade } from "./trade.ts";

/**
 * What the operator is to settle, and how it follows the accounts.
 * @see docs/library.md#an-account-on-chain
 */
export interface TradeToSettle extends VenueFiles {
  readonly gate: string;
  readonly trade: SignedTrade;
  /** Of both accounts, in any order. */
  readonly viewingKeys: readonly FieldElement[];
}

/**
 * A trade that the chain has taken.
 * @see docs/library.md#an-account-on-chain
 */
export interface SettledTrade extends Sent {
  /** It had been settled before this call, which sent nothing. */
  readonly resumed: boolean;
}

/**
 * Settles a trade as the operator. Throws `FIELD_INVALID` for another gate's trade or a signer that is not the operator, `PROOF_REFUSED`
 * where an account's next state is under none of the viewing keys, `CALL_REFUSED` with the contracts' reason; then nothing was sent.
 * @see docs/library.md#an-account-on-chain
 */
export async function settleTrade(
  machine: VenueMachine,
  { gate: at, trade, viewingKeys, ...files }: TradeToSettle,
): Promise<SettledTrade> {
  const { provider, signer, onStep } = machine;
  const view = await gateAt(provider, at, { onStep });
  checkPlace(view, trade, "trade");
  const operator: string = await view.told(() => view.exchange.getFunction("operator")());
  const from = await signer.getAddress();
  if (operator.toLowerCase() !== from.toLowerCase()) {
    throw new PlimsollError("FIELD_INVALID", `the gate's operator is ${operator}`, { field: "operator" });
  }
  const earlier = await view.told(() => settledIn(view, trade));
  if (earlier !== undefined) return { ...earlier, resumed: true };
  const send = (view.exchange.connect(signer) as Contract).getFunction("trade");
  const call = exchangeTrade(trade);
  // Whatever is wrong with a side, the contracts say so here: nobody is asked, and nothing is sent.
  await view.told(() => send.estimateGas(call));
  const first = await followed(machine, view, trade.a, viewingKeys);
  await followed(machine, view, trade.b, viewingKeys);
  await publishedAt(view, files, "outflow");
  await machine.consent({
    words: `settle that account ${trade.a.account} ${movedWords(first, files)}, with account ${trade.b.account}`,
    shows: "that the two accounts traded and keep the initial level, and not what they traded",
    ...{ chainId: view.chainId, gate: view.address, from, most: 0n },
  });
  onStep?.("sending");
  const receipt = await view.told(async () => {
    const sent = (await send(call)) as ContractTransactionResponse;
    return (await sent.wait()) as ContractTransactionReceipt;
  });
  return { transaction: receipt.hash, block: receipt.blockNumber, resumed: false };
}

/** Where the chain has taken a trade; undefined where it may yet. Throws `CALL_REFUSED` where it never will. */
async function settledIn(view: GateView, { a, b }: SignedTrade): Promise<Sent | undefined> {
  const isNow = async ({ account, stateBefore }: SignedSide) =>
    `${(await view.gate.getFunction("accountOf")(account)).state}` === stateBefore;
  const moved = (await isNow(a)) ? ((await isNow(b)) ? undefined : b) : a;
  if (moved === undefined) return undefined;
  // Both at once: an owner may have signed the same fill for a third account too.
  const first = await takenIn(view, a);
  const second = first && (await takenIn(view, b));
  if (first !== undefined && first.transaction === second?.transaction) return first;
  const why = `account ${moved.account} has moved on since it signed: the trade is void, and its owners make another`;
  throw new PlimsollError("CALL_REFUSED", why);
}

/** Where an account has come by this fill to this state. */
async function takenIn(
  { gate, onStep }: GateView,
  { account, fill, stateBefore, stateAfter }: SignedSide,
): Promise<Sent | undefined> {
  // Where nothing begins from that state, no further back than the account goes.
  const filters = ["Settled", "AccountOpened"].map((name) => gate.filters[name]!(account));
  const isFirst = ({ eventName, args }: EventLog) =>
    eventName === "AccountOpened" || `${args.stateBefore}` === stateBefore;
  for await (const event of eventsBack(gate, filters, { isFirst, onStep })) {
    if (event.eventName !== "Settled") continue;
    // A list has a method of the name.
    if (`${event.args.stateAfter}` === stateAfter && `${event.args.getValue("fill")}` === fill) {
      return { transaction: event.transactionHash, block: event.blockNumber };
    }
  }
  return undefined;
}

interface Followed {
  readonly before: Account;
  readonly after: Account;
}

/** An account before and after its side. */
async function followed(
  machine: VenueMachine,
  view: GateView,
  { account, stateBefore, stateAfter, blob }: SignedSide,
  viewingKeys: readonly FieldElement[],
): Promise<Followed> {
  const after = viewingKeys
    .map((key) => openState(blob, BigInt(stateAfter), view.size, key))
    .find((state) => state !== undefined);
  if (after === undefined) {
    const why = `no viewing key given opens the state of account ${account} after the trade: nobody could follow it`;
    throw new PlimsollError("PROOF_REFUSED", why);
  }
  const venue = venueOf({ machine, view });
  const watcher = machine.signer;
  const { state: before } = await view.told(() =>
    AccountClient.restore(venue, watcher, BigInt(account), after.viewingKey),
  );
  if (`${commitState(before)}` === stateBefore) return { before, after };
  throw new PlimsollError("CALL_REFUSED", `account ${account} has moved on meanwhile: run it again`);
}

/** What an account gets and pays by a step, in words. */
function movedWords({ before, after }: Followed, { policy, market }: VenueFiles): string {
  const { instruments } = market;
  const moves: [bigint, string][] = [
    ...after.positions.map((lots, row): [bigint, string] => {
      const moved = lots - before.positions[row]!;
      const known = instruments[row];
      const size = moved < 0n ? -moved : moved;
      return [
        moved,
        known === undefined ? `${size} lots of row ${row}` : `${formatLots(size, known.lot)} ${known.symbol}`,
      ];
    }),
    ...after.collateral.map((lots, asset): [bigint, string] => {
      const moved = lots - before.collateral[asset]!;
      const known = policy.assets[asset];
      const size = moved < 0n ? -moved : moved;
      return [
        moved,
        known === undefined
          ? `${size} lots of asset ${asset}`
          : `${formatDecimal(size, known.lotDecimals)} ${known.symbol}`,
      ];
    }),
  ];
  const cash = after.cash - before.cash;
  moves.push([cash, `${formatDecimal(cash < 0n ? -cash : cash, CASH_DECIMALS)} in cash`]);
  const listed = (sign: 1n | -1n) => moves.filter(([moved]) => sign * moved > 0n).map(([, words]) => words);
  const [gets, pays] = [listed(1n), listed(-1n)];
  return [
    ...(gets.length > 0 ? [`gets ${gets.join(", ")}`] : []),
    ...(pays.length > 0 ? [`${gets.length > 0 ? "and " : ""}gives ${pays.join(", ")}`] : []),
  ].join(" ");
}
