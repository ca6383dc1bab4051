// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * An account of the gate, followed by its owner: each call works the next private state out, proves it and sends the proof,
 * with the state after it encrypted beside it. Which state the account is in, the chain says: a step whose transaction
 * seemed to fail and landed all the same, and a step that somebody else took, are caught up with before the next one.
 *
 * From chain and viewing key alone an account is restored (`restore`), whatever was lost. What cannot be restored is an
 * account whose latest steps carry a fill and a blob that somebody else spoilt: keep fills you agreed to until you see them
 * settled with a blob you can read.
 *
 * Not here: amounts in other units than lots and millionths.
 */

import type { Contract, ContractTransactionReceipt, ContractTransactionResponse, EventLog, Log, Signer } from "ethers";
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { type Account, genesis, viewingKey as viewingKeyOf } from "../model/account.ts";
import { commitFill, commitState } from "../model/commit.ts";
import { EXIT_LEVEL, exitValues } from "../model/exit-market.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import type { RoundFill, RoundMember } from "../model/round.ts";
import { BOARD_SIZES, type BoardSize, instrumentsOf } from "../model/sizes.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Side, type Transition } from "../model/transition.ts";
import type { Proof, Prover } from "../prove/prover.ts";
import type { Direction } from "../statement/account.ts";
import { settle } from "../statement/settlement.ts";
import { decodeTransfer, type SettlementMarks } from "../statement/signals.ts";
import type { LevelBps } from "../units.ts";
import { eventsBack } from "./events.ts";
import {
  type Action,
  contextOf,
  type GateCall,
  type Side as Part,
  type RoundCall,
  type Step,
  signCall,
  stepOf,
  type VenueDomains,
} from "./gate-calls.ts";
import { openState, sealState } from "./sealed-state.ts";

/**
 * What proofs are made under: the values of one epoch, and the numbers by which the chain knows them.
 * @see docs/library.md#on-chain
 */
export interface Published {
  readonly policyId: bigint;
  readonly epoch: bigint;
  readonly policy: Policy;
  readonly market: Market;
}

/**
 * What a client needs of a venue: its gate, a prover, and the operator's signature.
 * @see docs/library.md#on-chain
 */
export interface Venue {
  readonly gate: Contract;
  readonly exchange: Contract;
  readonly clearing: Contract;
  readonly domains: VenueDomains;
  readonly prover: Pick<Prover, "prove" | "settle">;
  /**
   * Asks the operator to sign (`signClear`), for openings and trades. "0x" where it sends them itself.
   */
  readonly cosign: (first: GateCall, second?: GateCall) => Promise<string>;
  /** Seconds for which a prepared call is valid; 600 unless given. */
  readonly validity?: bigint;
  /** In its place: Unix seconds until which prepared calls are valid. */
  readonly deadline?: bigint;
  /** Told how far a search through the chain's events is. */
  readonly onStep?: ((what: string) => void) | undefined;
  /** Told the private state that a step leads to, before the step is sent; awaited. */
  readonly keep?: (after: Account) => void | Promise<void>;
}

/**
 * A call ready to be sent, with the state that follows it.
 * @see docs/library.md#on-chain
 */
export interface PreparedStep {
  readonly call: GateCall;
  readonly step: Step;
  readonly proof: Proof;
  /** Private. */
  readonly after: Account;
}

export interface Question {
  readonly level: LevelBps;
  readonly direction: Direction;
}

/**
 * What an account is opened with.
 * @see docs/library.md#on-chain
 */
export interface OpeningTerms {
  readonly size: BoardSize;
  readonly viewingKey: FieldElement;
  /** May sign trades; none unless given. */
  readonly agent?: string;
}

/**
 * A member's agreement to a round. The call and its signature go on chain; `member` is private.
 * @see docs/library.md#on-chain
 */
export interface RoundPart {
  readonly member: RoundMember;
  readonly call: RoundCall;
  readonly signature: string;
}

type Gate = Contract & Record<string, (...args: unknown[]) => Promise<never>>;
interface TradeSide {
  readonly prepared: PreparedStep;
  readonly side: Part;
}
type Movement = Partial<Pick<Transition, "transfer" | "fill" | "side">>;

/** Seconds for which a prepared call is valid. */
const VALIDITY = 600n;
const NOBODY = `0x${"0".repeat(40)}`;

/**
 * The state that an opening leads to: what an operator that was given the viewing key checks before it signs.
 * @see docs/library.md#on-chain
 */
export const openingState = (size: BoardSize, viewingKey: FieldElement): Account => ({
  ...genesis(size),
  viewingKey: viewingKeyOf(viewingKey),
  sequence: 1n,
});

/**
 * Number of the account that a transaction opened. From this very transaction: a count read afterwards may be of somebody else's
 * account.
 */
export const openedIn = ({ gate }: Pick<Venue, "gate">, receipt: { readonly logs: readonly Log[] }): bigint =>
  receipt.logs.map((log) => gate.interface.parseLog(log)).find((log) => log?.name === "AccountOpened")!.args.account;

/** The exit market, for `prepare`: no epoch and no policy of anyone's. */
const exitOf = (size: BoardSize): Published => ({ policyId: 0n, epoch: 0n, ...exitValues(size) });

/**
 * An account's side of the gate: it follows the account's states and makes its calls.
 * @see docs/library.md#on-chain
 */
export class AccountClient {
  readonly #venue: Venue;
  readonly #owner: Signer;
  #id: bigint;
  readonly #viewingKey: FieldElement;
  #state: Account;
  /** States that sent steps lead to, until the chain tells which it took. */
  #sent: Account[] = [];

  /** Opens an account of the owner, and follows it. */
  static async open(venue: Venue, owner: Signer, terms: OpeningTerms) {
    const prepared = await AccountClient.prepareOpening(venue, owner, terms);
    const receipt = await AccountClient.sendOpening(venue, owner, prepared, await venue.cosign(prepared.call));
    const id = openedIn(venue, receipt);
    return new AccountClient(venue, owner, id, prepared.after, viewingKeyOf(terms.viewingKey));
  }

  /** The first half of `open`: what the operator is asked to agree to. */
  static async prepareOpening(venue: Venue, owner: Signer, { size, viewingKey, agent = NOBODY }: OpeningTerms) {
    const client = new AccountClient(venue, owner, 0n, genesis(size), viewingKeyOf(viewingKey));
    const action = { action: "Open", owner: await owner.getAddress(), agent } as const;
    const question = { level: EXIT_LEVEL, direction: "at-least" } as const;
    return client.#prepare(genesis(size), action, exitOf(size), question, {});
  }

  /** The second half of `open`: sends it with the operator's agreement. `openedIn` has the account's number. */
  static async sendOpening(
    venue: Venue,
    owner: Signer,
    { call, step }: Pick<PreparedStep, "call" | "step">,
    agreement: string,
  ): Promise<ContractTransactionReceipt> {
    const { owner: whose, agent } = call as Extract<GateCall, { action: "Open" }>;
    const sent = await (venue.gate.connect(owner) as Gate).open!({ owner: whose, agent }, step, agreement);
    return (await (sent as ContractTransactionResponse).wait())!;
  }

  /** Restores an account from key and chain alone. Throws `STATE_UNKNOWN` where the key is not the account's. */
  static async restore(venue: Venue, owner: Signer, id: bigint, viewingKey: FieldElement) {
    const instruments = (await (venue.gate as Gate).instruments!()) as bigint;
    const size = BOARD_SIZES.find((known) => BigInt(instrumentsOf(known)) === instruments)!;
    const client = new AccountClient(venue, owner, id, genesis(size), viewingKey);
    await client.catchUp();
    return client;
  }

  /** @param state a private state that the account was in once; catching up finds the later ones */
  constructor(venue: Venue, owner: Signer, id: bigint, state: Account, viewingKey: FieldElement) {
    this.#venue = venue;
    this.#owner = owner;
    this.#id = id;
    this.#state = state;
    this.#viewingKey = viewingKey;
  }

  /** Number of the account at the gate. */
  get id(): bigint {
    return this.#id;
  }

  /** The private state. */
  get state(): Account {
    return this.#state;
  }

  /**
   * Takes over the state that the chain holds: one that a sent step leads to, or what the account's events tell whoever has
   * its viewing key. Throws `STATE_UNKNOWN` where they do not.
   */
  async catchUp(): Promise<void> {
    const { state } = await (this.#venue.gate as Gate).accountOf!(this.#id);
    const held = [this.#state, ...this.#sent].find((known) => commitState(known) === state);
    const found = held ?? (await this.#fromEvents(state));
    if (found === undefined) {
      throw new PlimsollError("STATE_UNKNOWN", `the gate holds a state of account ${this.#id} that is not known here`);
    }
    if (found === this.#state) return;
    this.#state = found;
    this.#sent = [];
  }

  /** From the last blob that can be read, by the public movements after it. */
  async #fromEvents(state: bigint): Promise<Account | undefined> {
    const { gate, onStep } = this.#venue;
    const { size } = this.#state;
    const names = ["Settled", "Entered", "AccountOpened"];
    const filters = names.map((name) => gate.filters[name]!(this.#id));
    const later: EventLog[] = [];
    let account: Account | undefined;
    const isFirst = ({ eventName }: EventLog) => eventName === "AccountOpened";
    for await (const event of eventsBack(gate, filters, { isFirst, onStep })) {
      if (isFirst(event)) continue;
      account = openState(event.args.blob, event.args.stateAfter, size, this.#viewingKey);
      if (account !== undefined) break;
      later.unshift(event);
    }
    account ??= genesis(size);
    for (const { args } of later) {
      // By another circuit or with a fill this leads elsewhere, which the comparison below says.
      const first = account.viewingKey === 0n ? { openWithViewingKey: this.#viewingKey } : {};
      const moved = { transfer: NO_TRANSFER, fill: noFill(size), side: 1n as Side, ...first };
      const transfer = args.transfer === undefined ? NO_TRANSFER : decodeTransfer(args.transfer);
      account = applyTransition(account, { ...moved, transfer });
      if (commitState(account) !== args.stateAfter) return undefined;
    }
    return commitState(account) === state ? account : undefined;
  }

  /**
   * Works a call out and proves it. Throws `STATEMENT_FALSE` where what the gate would ask is not true of the account, and
   * as `catchUp`.
   */
  async prepare(action: Action, published: Published, question: Question, movement: Movement = {}) {
    await this.catchUp();
    return this.#prepare(this.#state, action, published, question, movement);
  }

  async #prepare(
    before: Account,
    action: Action,
    { policyId, epoch, policy, market }: Published,
    { level, direction }: Question,
    movement: Movement,
  ): Promise<PreparedStep> {
    const transition: Transition = {
      transfer: movement.transfer ?? NO_TRANSFER,
      fill: movement.fill ?? noFill(before.size),
      side: movement.side ?? 1n,
      ...(before.viewingKey === 0n ? { openWithViewingKey: this.#viewingKey } : {}),
    };
    const after = applyTransition(before, transition);
    const call = await this.#bind(before, after, action);
    const context = contextOf(this.#venue.domains.gate, call);
    const proof = await this.#venue.prover.prove({ before, transition, level, direction, context, policy, market });
    const signature = action.action === "Trade" ? await signCall(this.#owner, this.#venue.domains.gate, call) : "0x";
    return { call, step: stepOf(call, { policyId, epoch }, proof.proof, signature), proof, after };
  }

  /** Sends a step, to the gate unless told. Whether the chain took it is asked of the chain, not concluded from how sending ended. */
  async #send(
    after: Account,
    call: (contract: Gate) => Promise<ContractTransactionResponse>,
    contract: Contract = this.#venue.gate,
  ) {
    this.#sent.push(after);
    await this.#venue.keep?.(after);
    const receipt = (await (await call(contract.connect(this.#owner) as Gate)).wait()) as ContractTransactionReceipt;
    await this.catchUp();
    return receipt;
  }

  /** Takes a credit of whole lots (millionths of cash) into the account. Needs no epoch. */
  async absorb(asset: number, lots: bigint) {
    const amount = lots * (await this.#lot(asset));
    const action = { action: "Absorb", asset: BigInt(asset), amount } as const;
    const movement = { transfer: { asset, amount: lots } };
    // Whether the account has positions or debt: one of the two statements is true of any account.
    const exit = exitOf(this.#state.size);
    const ask = (direction: Direction) => this.prepare(action, exit, { level: EXIT_LEVEL, direction }, movement);
    const [prepared, below] = await ask("at-least").then(
      (empty) => [empty, false] as const,
      async (error) => {
        if (!(error instanceof PlimsollError && error.code === "STATEMENT_FALSE")) throw error;
        return [await ask("below"), true] as const;
      },
    );
    return {
      receipt: await this.#send(prepared.after, (gate) => gate.absorb!(prepared.step, asset, amount, below)),
      proof: prepared.proof,
    };
  }

  /**
   * Pays lots out to a recipient; the account keeps at least `initial`. The gate refuses where a levy leaves the recipient less than
   * `least` units of the token (none unless given).
   */
  withdraw(asset: number, lots: bigint, recipient: string, initial: LevelBps, published: Published, least = 0n) {
    return this.#payOut("Withdraw", asset, lots, recipient, published, initial, least);
  }

  /** Pays lots out of an account without positions and without debt, which nothing and nobody can stop. As `withdraw`. */
  exit(asset: number, lots: bigint, recipient: string, least = 0n) {
    return this.#payOut("Exit", asset, lots, recipient, exitOf(this.#state.size), EXIT_LEVEL, least);
  }

  async #payOut(
    action: "Withdraw" | "Exit",
    asset: number,
    lots: bigint,
    recipient: string,
    published: Published,
    level: LevelBps,
    least: bigint,
  ) {
    const amount = lots * (await this.#lot(asset));
    const payment = { asset: BigInt(asset), amount, recipient, fee: 0n, least };
    const prepared = await this.prepare(
      { action, ...payment },
      published,
      { level, direction: "at-least" },
      { transfer: { asset, amount: -lots } },
    );
    const method = action === "Withdraw" ? "withdraw" : "exit";
    return {
      receipt: await this.#send(prepared.after, (gate) => gate[method]!(prepared.step, payment)),
      proof: prepared.proof,
    };
  }

  /** Records that the account has at least a level of the policy. */
  async attest(level: LevelBps, published: Published) {
    const prepared = await this.prepare({ action: "Attest", level }, published, { level, direction: "at-least" });
    return {
      receipt: await this.#send(prepared.after, (gate) => gate.attest!(prepared.step, level)),
      proof: prepared.proof,
    };
  }

  /** Records that the account is below a level. Whoever knows its state may do it. */
  async flag(level: LevelBps, published: Published) {
    const prepared = await this.prepare({ action: "Flag", level }, published, { level, direction: "below" });
    return {
      receipt: await this.#send(prepared.after, (gate) => gate.flag!(prepared.step, level)),
      proof: prepared.proof,
    };
  }

  /**
   * Trades with another account: this one applies the fill with +1, the other with −1. Both keep at least `initial`; the operator
   * agrees.
   */
  async trade(other: AccountClient, fill: Fill, initial: LevelBps, published: Published) {
    const mine = await this.tradingSide(other.id, fill, 1n, initial, published);
    const theirs = await other.tradingSide(this.id, fill, -1n, initial, published);
    const operatorSignature = await this.#venue.cosign(mine.prepared.call, theirs.prepared.call);
    const trade = { a: mine.side, b: theirs.side, fill: commitFill(fill), operatorSignature };
    other.#sent.push(theirs.prepared.after);
    const receipt = await this.#send(mine.prepared.after, (exchange) => exchange.trade!(trade), this.#venue.exchange);
    await other.catchUp();
    return { receipt, proof: mine.prepared.proof, theirs: theirs.prepared.proof };
  }

  /** This account's signed side of a trade with another, which ends at a level at least; good in that epoch alone. */
  async tradingSide(
    counterparty: bigint,
    fill: Fill,
    side: Side,
    level: LevelBps,
    published: Published,
  ): Promise<TradeSide> {
    const prepared = await this.prepare(
      { action: "Trade", counterparty, fill: commitFill(fill), level, lastEpoch: published.epoch },
      published,
      { level, direction: "at-least" },
      { fill, side },
    );
    return { prepared, side: { step: prepared.step, lastEpoch: published.epoch } };
  }

  /**
   * Closes both accounts' positions against each other without the operator, which was asked (`request`) or is silent: neither has
   * positions or debt afterwards. Both only absorb and exit from then on. Needs no epoch.
   */
  async unwind(other: AccountClient, fill: Fill) {
    const theirs = await other.unwindingSide(this.id, fill, -1n);
    const { receipt, proof } = await this.unwindWith(other.id, fill, theirs.side);
    await other.catchUp();
    return { receipt, proof, theirs: theirs.prepared.proof };
  }

  /** This account's signed side of unwinding against another, for `unwindWith` of that one. */
  unwindingSide(counterparty: bigint, fill: Fill, side: Side): Promise<TradeSide> {
    return this.tradingSide(counterparty, fill, side, EXIT_LEVEL, exitOf(this.#state.size));
  }

  /** `unwind` with a side that somebody else has made: this account applies the fill with +1. */
  async unwindWith(counterparty: bigint, fill: Fill, theirs: Part) {
    const { prepared, side } = await this.unwindingSide(counterparty, fill, 1n);
    const trade = { a: side, b: theirs, fill: commitFill(fill), operatorSignature: "0x" };
    const receipt = await this.#send(prepared.after, (exchange) => exchange.unwind!(trade), this.#venue.exchange);
    return { receipt, proof: prepared.proof };
  }

  /**
   * Agrees to a part in a round: the account's state after the fill, which keeps at least `initial`, until `VALIDITY` has passed or
   * the epoch. Nothing is proven here and nothing is sent: the operator proves the round of all its parts (`makeRound`).
   */
  async join(fill: RoundFill, initial: LevelBps, { epoch }: Published): Promise<RoundPart> {
    await this.catchUp();
    const before = this.#state;
    const whole = { ...noFill(before.size), ...fill };
    const after = applyTransition(before, { transfer: NO_TRANSFER, fill: whole, side: 1n });
    const call = await this.#bind(before, after, { action: "Round", level: initial, lastEpoch: epoch });
    const signature = await signCall(this.#owner, this.#venue.domains.gate, call);
    this.#sent.push(after);
    return { member: { before, fill }, call: call as RoundCall, signature };
  }

  /** Makes the operator answer in public: what it does not answer for its deadline, this account unwinds without it (`unwind`). */
  async request(): Promise<ContractTransactionReceipt> {
    const exchange = this.#venue.exchange.connect(this.#owner) as Gate;
    return (await ((await exchange.request!(this.#id)) as ContractTransactionResponse).wait())!;
  }

  /** Passes the board's next settlement. Whoever knows the account's state may do it. */
  async expire(settlement: bigint, marks: SettlementMarks) {
    await this.catchUp();
    const after = settle(this.#state, marks);
    const call = await this.#bind(this.#state, after, { action: "Expire", settlement });
    const context = contextOf(this.#venue.domains.gate, call);
    const { proof } = await this.#venue.prover.settle({ before: this.#state, marks, context });
    const step = stepOf(call, { policyId: 0n, epoch: 0n }, proof);
    return { receipt: await this.#send(after, (clearing) => clearing.expire!(step), this.#venue.clearing) };
  }

  /** A call between two states, with its blob and deadline. */
  async #bind(before: Account, after: Account, action: Action): Promise<GateCall> {
    const { deadline, validity = VALIDITY } = this.#venue;
    const block = await this.#owner.provider!.getBlock("latest");
    return {
      ...action,
      account: this.#id,
      stateBefore: commitState(before),
      stateAfter: commitState(after),
      blob: sealState(after),
      deadline: deadline ?? BigInt(block!.timestamp) + validity,
    } as GateCall;
  }

  async #lot(asset: number): Promise<bigint> {
    return (await (this.#venue.gate as Gate).assets!(asset)).lot;
  }
}
