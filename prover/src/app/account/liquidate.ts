// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What a venue does about an account that lacks margin, with the viewing key that it was given: call it, put a lot of it up for auction,
 * end an auction that nobody won. Each has one effect however often it is run: the gate refuses the second.
 */
import {
  type Contract,
  type ContractTransactionReceipt,
  type ContractTransactionResponse,
  type EventLog,
  hexlify,
  type Provider,
  type Signer,
  toUtf8Bytes,
} from "ethers";
import { AccountClient } from "../../chain/client.ts";
import { assetsOf, type GateView, gateAt } from "../../chain/gate-view.ts";
import { auctionLotOf, startLot } from "../../chain/liquidation.ts";
import { closeOutOf, type Lot, type Offering, sliceOf } from "../../chain/lots.ts";
import { publishedAt, type VenueFiles } from "../../chain/published.ts";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import { fillDocument } from "../../formats/fill.ts";
import { formatJson } from "../../formats/json.ts";
import { LEVELS, type LevelName } from "../../formats/policy.ts";
import type { Account } from "../../model/account.ts";
import { evaluate, isAtLeast } from "../../model/evaluate.ts";
import { type Credit, type LotKind, withCredit } from "../../model/lot.ts";
import { ASSETS, CASH_INDEX } from "../../model/sizes.ts";
import type { Fill } from "../../model/transition.ts";
import { levelWord } from "../../report/text.ts";
import type { LevelBps } from "../../units.ts";
import { auctionAt } from "./auction.ts";
import { type AccountMachine, type Leaving, venueOf } from "./session.ts";

/**
 * What a venue's calls need of the machine.
 * @see docs/library.md#on-chain
 */
export interface VenueMachine extends Pick<AccountMachine, "prover" | "onStep"> {
  readonly provider: Provider;
  readonly signer: Signer;
  /** Asked before a transaction; throws where it may not be sent. */
  consent(leaving: Leaving): Promise<void>;
}

/**
 * An account that somebody watches.
 * @see docs/library.md#on-chain
 */
export interface Watched extends VenueFiles {
  readonly gate: string;
  readonly account: bigint;
  readonly viewingKey: FieldElement;
}

/**
 * A call that the chain has taken.
 * @see docs/library.md#on-chain
 */
export interface Sent {
  readonly transaction: string;
  readonly block: number;
}

interface Seen {
  readonly view: GateView;
  readonly client: AccountClient;
  readonly state: Account;
}

async function seen(machine: VenueMachine, { gate: address, account, viewingKey }: Watched): Promise<Seen> {
  const { provider, signer, onStep } = machine;
  const view = await gateAt(provider, address, { onStep });
  const venue = venueOf({ machine, view });
  const client = await view.told(() => AccountClient.restore(venue, signer, account, viewingKey));
  return { view, client, state: client.state };
}

async function leave(
  { signer, consent }: Pick<VenueMachine, "signer" | "consent">,
  { chainId, address }: GateView,
  words: string,
  shows: string,
): Promise<void> {
  await consent({ words, shows, chainId, gate: address, from: await signer.getAddress(), most: 0n });
}

/**
 * Calls an account: proves that it is below a level, from which it has the cure period to attest the call level. Anybody who has its
 * viewing key may. Throws `STATEMENT_FALSE` where it is not below the level, `CALL_REFUSED` where the gate has called it already,
 * `STATE_UNKNOWN` where the key is another account's.
 * @see docs/library.md#on-chain
 */
export async function flagAccount(
  machine: VenueMachine,
  { below, ...watched }: Watched & { readonly below: LevelName },
): Promise<Sent> {
  const { view, client } = await seen(machine, watched);
  const published = await publishedAt(view, watched, "evidence");
  const { account } = watched;
  await leave(
    machine,
    view,
    `call account ${account}: it is below ${below}`,
    `that account ${account} is below ${below}`,
  );
  machine.onStep?.("proving");
  const level = watched.policy.levels[below];
  const { receipt } = await view.told(() => client.flag(level, published));
  return sentOf(receipt);
}

/**
 * An auction that was started.
 * @see docs/library.md#on-chain
 */
export interface StartedAuction extends Sent {
  /** Hash of the lot. */
  readonly id: string;
  readonly kind: LotKind;
  /** 1e-6: what the lot is worth at market, and the prices between which it falls. */
  readonly size: bigint;
  readonly firstPrice: bigint;
  readonly lastPrice: bigint;
  /** PRIVATE, for bidders: what is in the lot. */
  readonly fill: Fill;
}

/**
 * How an auction is started.
 * @see docs/library.md#on-chain
 */
export interface AuctionOrder extends Watched {
  /** Account whose credit gets the reward; the fund unless given. */
  readonly beneficiary?: bigint | undefined;
  /** Whether the auction tells everybody what is in the lot. */
  readonly open: boolean;
  /** Given what is in the lot before anything leaves: a lot that nobody can open finds no bidder. */
  keep(fill: Fill): Promise<void>;
}

/**
 * Puts a lot of an account up for auction, as the operator: all of it where it is below close-out, else the smallest slice that brings it to
 * the call level, where it is below liquidation, or below call and has missed its attestation or cure. Its public credit counts. Throws
 * `STATEMENT_FALSE` where no lot may be sold of it, `CALL_REFUSED` where one is out.
 * @see docs/library.md#on-chain
 */
export async function startAuction(machine: VenueMachine, order: AuctionOrder): Promise<StartedAuction> {
  const { view, state } = await seen(machine, order);
  const { liquidation, domains, chainId } = view;
  const out: string = await view.told(() => liquidation.getFunction("auctionOf")(order.account));
  // Else `keep` might put another lot in the place of the one that bidders need.
  if (BigInt(out) !== 0n) {
    throw new PlimsollError("CALL_REFUSED", `a lot of account ${order.account} is on auction already`);
  }
  const published = await publishedAt(view, order, "evidence");
  const { account, beneficiary = 0n } = order;
  const lot = await lotFor(view, account, state, order, published);
  const { fill } = lot.appraisal;
  const whole = lot.terms.kind === "close-out";
  const below = LEVELS.find((level) => order.policy.levels[level] === lot.terms.evidence)!;
  await leave(
    machine,
    view,
    whole ? `sell all of account ${account}` : `sell a slice of account ${account}`,
    [
      `that account ${account} is below ${levelWord(below)}, that a lot of it is for sale, of what kind, and what the lot is worth and costs`,
      ...(whole ? ["what the account owes after it"] : []),
      ...(order.open ? ["all that is in it"] : []),
    ].join("; "),
  );
  await order.keep(fill);
  machine.onStep?.("proving");
  const block = await machine.provider.getBlock("latest");
  const venue = { ...domains, chainId, liquidation: liquidation.target as string, prover: machine.prover };
  const opening = order.open ? { opening: hexlify(toUtf8Bytes(formatJson(fillDocument(fill)))) } : {};
  const options = { deadline: BigInt(block!.timestamp) + 600n, beneficiary, ...opening };
  const { step, offer, appraisals, ...made } = await startLot(venue, account, lot, published, options);
  const desk = liquidation.connect(machine.signer) as Contract;
  const receipt = await view.told(async () => {
    const start = desk.getFunction("start");
    const sent = (await start(step, offer, made.opening, appraisals, "0x")) as ContractTransactionResponse;
    return (await sent.wait()) as ContractTransactionReceipt;
  });
  const started = receipt.logs.find((log) => (log as EventLog).eventName === "LotStarted") as EventLog;
  const { firstPrice, lastPrice } = auctionLotOf(started.args.lot);
  const { kind, size } = lot.terms;
  return { ...sentOf(receipt), id: started.args.id, kind, size, firstPrice, lastPrice, fill };
}

/** The lot that may be sold of an account now, by its level and by what deadlines it has missed. */
async function lotFor(
  view: GateView,
  account: bigint,
  before: Account,
  { policy: { levels } }: VenueFiles,
  { policy, market }: Pick<Offering, "policy" | "market">,
): Promise<Lot> {
  const { board, gate, liquidation } = view;
  const ask = (contract: Contract, method: string, ...args: unknown[]) => contract.getFunction(method)(...args);
  const [terms, maxSlice, held, clock, assets, credits] = await view.told(() =>
    Promise.all([
      ask(view.market, "termsOf", board),
      ask(liquidation, "capOf", account) as Promise<bigint>,
      ask(gate, "accountOf", account),
      ask(view.market, "clock", board) as Promise<bigint>,
      assetsOf(view),
      ask(gate, "creditsOf", account) as Promise<bigint[]>,
    ]),
  );
  const lots = new Map(assets.map(({ index, lot }) => [index, credits[index]! / lot]));
  const credit: Credit = {
    collateral: Array.from({ length: ASSETS }, (_, index) => lots.get(index) ?? 0n),
    cash: lots.get(CASH_INDEX) ?? 0n,
  };
  const missed =
    clock > held.provenAt + terms.attestInterval || (held.stage !== 0n && clock > held.calledAt + terms.curePeriod);
  const worth = evaluate(withCredit(before, credit), policy, market);
  const offering = (evidence: LevelBps): Offering => ({
    ...{ policy, market, levels, evidence },
    terms: { ...terms.toObject(), maxSlice },
  });
  if (!isAtLeast(worth, levels.closeOut)) return closeOutOf({ before, credit }, offering(levels.closeOut));
  return sliceOf({ before, credit }, offering(missed ? levels.call : levels.liquidation));
}

/**
 * Ends an auction that nobody won: the account goes on as it was, called. Anybody may, once the backstop's turn and the policy's delay are over, or a settlement has
 * come. Throws `CALL_REFUSED` before, and where no lot is out.
 * @see docs/library.md#on-chain
 */
export async function endAuction(
  machine: Omit<VenueMachine, "prover">,
  { gate: address, account }: Pick<Watched, "gate" | "account">,
): Promise<Sent> {
  const { provider, signer, onStep } = machine;
  const view = await gateAt(provider, address, { onStep });
  const { lot } = await auctionAt(view, account);
  await leave(machine, view, `end the auction of account ${account}'s lot`, "that nobody has won it");
  const desk = view.liquidation.connect(signer) as Contract;
  const receipt = await view.told(async () => {
    const sent = (await desk.getFunction("void")(lot)) as ContractTransactionResponse;
    return (await sent.wait()) as ContractTransactionReceipt;
  });
  return sentOf(receipt);
}

const sentOf = ({ hash, blockNumber }: ContractTransactionReceipt): Sent => ({ transaction: hash, block: blockNumber });
