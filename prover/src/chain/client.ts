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

import type {
  Contract,
  ContractTransactionReceipt,
  ContractTransactionResponse,
  EventLog,
  Signer,
  TypedDataDomain,
} from "ethers";
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { type Account, genesis, viewingKey as viewingKeyOf } from "../model/account.ts";
import { commitFill, commitState } from "../model/commit.ts";
import { EXIT_LEVEL, exitValues } from "../model/exit-market.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import { BOARD_SIZES, type BoardSize, instrumentsOf } from "../model/sizes.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Side, type Transition } from "../model/transition.ts";
import type { Proof, Prover } from "../prove/prover.ts";
import type { Direction } from "../statement/account.ts";
import { settle } from "../statement/settlement.ts";
import { decodeTransfer, type SettlementMarks } from "../statement/signals.ts";
import type { LevelBps } from "../units.ts";
import { type Action, contextOf, type GateCall, type Step, signCall, stepOf } from "./gate-calls.ts";

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
  /** `domainOf("MarginGate", …)`. */
  readonly domain: TypedDataDomain;
  readonly prover: Pick<Prover, "prove" | "settle">;
  /**
   * Asks the operator to sign (`signClear`), for openings and trades. "0x" where it is not there: enough once it has been
   * silent for the gate's `operatorDeadline`.
   */
  readonly cosign: (first: GateCall, second?: GateCall) => Promise<string>;
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
  readonly board: bigint;
  readonly size: BoardSize;
  readonly viewingKey: FieldElement;
  /** May sign trades; none unless given. */
  readonly agent?: string;
}

type Gate = Contract & Record<string, (...args: unknown[]) => Promise<never>>;
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

  /** Opens an account of the owner on a board, and follows it. */
  static async open(venue: Venue, owner: Signer, { board, size, viewingKey, agent = NOBODY }: OpeningTerms) {
    const client = new AccountClient(venue, owner, 0n, genesis(size), viewingKeyOf(viewingKey));
    const opening = { owner: await owner.getAddress(), agent, board };
    const prepared = await client.#prepare(
      genesis(size),
      { action: "Open", ...opening },
      exitOf(size),
      { level: EXIT_LEVEL, direction: "at-least" },
      {},
    );
    const signature = await venue.cosign(prepared.call);
    const sent = await (venue.gate.connect(owner) as Gate).open!(opening, prepared.step, signature);
    const receipt = (await (sent as ContractTransactionResponse).wait())!;
    // The number comes from this very transaction: a count read afterwards may be of somebody else's account.
    const opened = receipt.logs
      .map((log) => venue.gate.interface.parseLog(log))
      .find((log) => log?.name === "AccountOpened");
    client.#id = opened!.args.account;
    client.#state = prepared.after;
    return client;
  }

  /** Restores an account from key and chain alone. Throws `STATE_UNKNOWN` where the key is not the account's. */
  static async restore(venue: Venue, owner: Signer, id: bigint, viewingKey: FieldElement) {
    const { instruments } = await (venue.gate as Gate).accountOf!(id);
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
    const { gate } = this.#venue;
    const { size } = this.#state;
    const events = (await gate.queryFilter(gate.filters.Settled!(this.#id))) as EventLog[];
    const later: EventLog[] = [];
    let account: Account | undefined;
    while (account === undefined) {
      const event = events.pop();
      if (event === undefined) account = genesis(size);
      else {
        account = openState(event.args.blob, event.args.stateAfter, size, this.#viewingKey);
        if (account === undefined) later.unshift(event);
      }
    }
    for (const { args } of later) {
      // Under a settlement or with a fill this leads elsewhere, which the comparison below says.
      const first = account.viewingKey === 0n ? { openWithViewingKey: this.#viewingKey } : {};
      const moved = { transfer: NO_TRANSFER, fill: noFill(size), side: 1n as Side, ...first };
      const transfer = args.terms === 0n ? NO_TRANSFER : decodeTransfer(args.transfer);
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
    const context = contextOf(this.#venue.domain, call);
    const proof = await this.#venue.prover.prove({ before, transition, level, direction, context, policy, market });
    const signature = action.action === "Trade" ? await signCall(this.#owner, this.#venue.domain, call) : "0x";
    return { call, step: stepOf(call, { policyId, epoch }, proof.proof, signature), proof, after };
  }

  /** Sends a step. Whether the chain took it is asked of the chain, not concluded from how sending ended. */
  async #send(after: Account, call: (gate: Gate) => Promise<ContractTransactionResponse>) {
    this.#sent.push(after);
    const receipt = (await (
      await call(this.#venue.gate.connect(this.#owner) as Gate)
    ).wait()) as ContractTransactionReceipt;
    await this.catchUp();
    return receipt;
  }

  /** Takes a credit of whole lots (millionths of cash) into the account. */
  async absorb(asset: number, lots: bigint) {
    const amount = lots * (await this.#lot(asset));
    const action = { action: "Absorb", asset: BigInt(asset), amount } as const;
    const movement = { transfer: { asset, amount: lots } };
    // No oracle is needed: of the two statements about level zero in the exit market one is true of any account.
    const ask = (direction: Direction) =>
      this.prepare(action, exitOf(this.#state.size), { level: 0n as LevelBps, direction }, movement);
    const [prepared, below] = await ask("at-least").then(
      (solvent) => [solvent, false] as const,
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

  /** Pays lots out to a recipient; the account keeps at least `initial`. */
  withdraw(asset: number, lots: bigint, recipient: string, initial: LevelBps, published: Published) {
    return this.#payOut("Withdraw", asset, lots, recipient, published, initial);
  }

  /** Pays lots out of an account without positions and without debt, which nothing and nobody can stop. */
  exit(asset: number, lots: bigint, recipient: string) {
    return this.#payOut("Exit", asset, lots, recipient, exitOf(this.#state.size), EXIT_LEVEL);
  }

  async #payOut(
    action: "Withdraw" | "Exit",
    asset: number,
    lots: bigint,
    recipient: string,
    published: Published,
    level: LevelBps,
  ) {
    const amount = lots * (await this.#lot(asset));
    const prepared = await this.prepare(
      { action, asset: BigInt(asset), amount, recipient, fee: 0n },
      published,
      { level, direction: "at-least" },
      { transfer: { asset, amount: -lots } },
    );
    const method = action === "Withdraw" ? "withdraw" : "exit";
    return {
      receipt: await this.#send(prepared.after, (gate) => gate[method]!(prepared.step, asset, amount, recipient, 0n)),
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
   * Trades with another account: this one applies the fill with +1, the other with −1. Both keep at least `initial`; a side
   * for which `improving` names a level goes from below it to at least it instead.
   */
  async trade(
    other: AccountClient,
    fill: Fill,
    initial: LevelBps,
    published: Published,
    improving: { readonly mine?: LevelBps; readonly theirs?: LevelBps } = {},
  ) {
    const commitment = commitFill(fill);
    const mine = await this.#side(other.id, fill, 1n, initial, published, improving.mine);
    const theirs = await other.#side(this.id, fill, -1n, initial, published, improving.theirs);
    const operatorSignature = await this.#venue.cosign(mine.prepared.call, theirs.prepared.call);
    const trade = { a: mine.side, b: theirs.side, fill: commitment, operatorSignature };
    other.#sent.push(theirs.prepared.after);
    const receipt = await this.#send(mine.prepared.after, (gate) => gate.trade!(trade));
    await other.catchUp();
    return { receipt, proof: mine.prepared.proof, theirs: theirs.prepared.proof };
  }

  async #side(
    counterparty: bigint,
    fill: Fill,
    side: Side,
    initial: LevelBps,
    published: Published,
    improved?: LevelBps,
  ) {
    await this.catchUp();
    const level = improved ?? initial;
    const worse =
      improved === undefined
        ? []
        : [await this.#prepare(this.#state, { action: "Worse", level }, published, { level, direction: "below" }, {})];
    const prepared = await this.#prepare(
      worse[0]?.after ?? this.#state,
      { action: "Trade", counterparty, fill: commitFill(fill), level },
      published,
      { level, direction: "at-least" },
      { fill, side },
    );
    return { prepared, side: { step: prepared.step, level, worse: worse.map(({ step }) => step) } };
  }

  /** Passes the board's next settlement. Whoever knows the account's state may do it. */
  async expire(settlement: bigint, marks: SettlementMarks) {
    await this.catchUp();
    const after = settle(this.#state, marks);
    const call = await this.#bind(this.#state, after, { action: "Expire", settlement });
    const context = contextOf(this.#venue.domain, call);
    const { proof } = await this.#venue.prover.settle({ before: this.#state, marks, context });
    const step = stepOf(call, { policyId: 0n, epoch: 0n }, proof);
    return { receipt: await this.#send(after, (gate) => gate.expire!(step)) };
  }

  /** A call between two states, with its blob and deadline. */
  async #bind(before: Account, after: Account, action: Action): Promise<GateCall> {
    const block = await this.#owner.provider!.getBlock("latest");
    return {
      ...action,
      account: this.#id,
      stateBefore: commitState(before),
      stateAfter: commitState(after),
      blob: sealState(after),
      deadline: BigInt(block!.timestamp) + VALIDITY,
    } as GateCall;
  }

  async #lot(asset: number): Promise<bigint> {
    return (await (this.#venue.gate as Gate).assets!(asset)).lot;
  }
}
