// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * An account of the gate, followed by its owner: each call works the next private state out, proves it and sends the proof.
 * Which state the account is in, the chain says: a step whose transaction seemed to fail and landed all the same, and a
 * flag that somebody else raised, are caught up with before the next one.
 *
 * Not here: keeping state and fills between runs (keep both BEFORE sending: a state whose contents are lost cannot be moved
 * again), and amounts in other units than lots and millionths.
 */
import type {
  Contract,
  ContractTransactionReceipt,
  ContractTransactionResponse,
  Signer,
  TypedDataDomain,
} from "ethers";
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { type Account, genesis } from "../model/account.ts";
import { commitFill, commitState } from "../model/commit.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import type { BoardSize } from "../model/sizes.ts";
import type { Direction } from "../model/statement.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Side, type Transition } from "../model/transition.ts";
import type { Proof, Prover } from "../proof/prover.ts";
import type { LevelBps } from "../units.ts";
import { contextOf, type GateCall, type Step, signCall, stepOf } from "./calls.ts";

/** What proofs are made under: the values of one epoch, and the numbers by which the chain knows them. */
export interface Published {
  readonly policyId: bigint;
  readonly epoch: bigint;
  readonly policy: Policy;
  readonly market: Market;
}

export interface Venue {
  readonly gate: Contract;
  /** `domainOf("MarginGate", …)`. */
  readonly domain: TypedDataDomain;
  readonly prover: Prover;
}

/** A call ready to be sent, with the state that follows it. */
export interface PreparedStep {
  readonly step: Step;
  readonly proof: Proof;
  /** Private. */
  readonly after: Account;
}

type Action = GateCall extends infer Call
  ? Call extends GateCall
    ? Omit<Call, "account" | "stateBefore" | "stateAfter" | "deadline">
    : never
  : never;

export interface Question {
  readonly level: LevelBps;
  readonly direction: Direction;
}

type Gate = Contract & Record<string, (...args: unknown[]) => Promise<never>>;

/** Seconds for which a prepared call is valid. */
const VALIDITY = 600n;

export class AccountClient {
  readonly #venue: Venue;
  readonly #owner: Signer;
  /** Number of the account at the gate. */
  readonly id: bigint;
  readonly #viewingKey: FieldElement;
  #state: Account;
  /** States that sent steps lead to, until the chain tells which it took. */
  #sent: Account[] = [];

  /** Opens an account of the owner on a board, and follows it. */
  static async open(venue: Venue, owner: Signer, board: bigint, size: BoardSize, key: FieldElement) {
    const receipt: ContractTransactionReceipt = await (await (venue.gate.connect(owner) as Gate).open!(board)).wait();
    // The number comes from this very transaction: a count read afterwards may be of somebody else's account.
    const opened = receipt.logs
      .map((log) => venue.gate.interface.parseLog(log))
      .find((log) => log?.name === "AccountOpened");
    return new AccountClient(venue, owner, opened!.args.account, genesis(size), key);
  }

  /** @param state the private state whose commitment the gate holds; genesis where the account has just been opened */
  constructor(venue: Venue, owner: Signer, id: bigint, state: Account, viewingKey: FieldElement) {
    this.#venue = venue;
    this.#owner = owner;
    this.id = id;
    this.#state = state;
    this.#viewingKey = viewingKey;
  }

  /** The private state. */
  get state(): Account {
    return this.#state;
  }

  /**
   * Takes over the state that the chain holds, where it is one that a sent step leads to, or the same account one step
   * later (a flag). Throws `STATE_UNKNOWN` where it is neither.
   */
  async catchUp(): Promise<void> {
    const { state } = await this.#venue.gate.accountOf!(this.id);
    const sameLater = { ...this.#state, sequence: this.#state.sequence + 1n };
    const held = [this.#state, ...this.#sent, sameLater].find((known) => commitState(known) === state);
    if (held === undefined) {
      throw new PlimsollError("STATE_UNKNOWN", `the gate holds a state of account ${this.id} that is not known here`);
    }
    if (held === this.#state) return;
    this.#state = held;
    this.#sent = [];
  }

  /**
   * Works a call out and proves it. Throws `STATEMENT_FALSE` where what the gate would ask is not true of the account, and
   * as `catchUp`.
   */
  async prepare(
    action: Action,
    { policyId, epoch, policy, market }: Published,
    { level, direction }: Question,
    movement: Partial<Pick<Transition, "transfer" | "fill" | "side">> = {},
  ): Promise<PreparedStep> {
    await this.catchUp();
    const before = this.#state;
    const transition: Transition = {
      transfer: movement.transfer ?? NO_TRANSFER,
      fill: movement.fill ?? noFill(before.size),
      side: movement.side ?? 1n,
      ...(before.viewingKey === 0n ? { openWithViewingKey: this.#viewingKey } : {}),
    };
    const after = applyTransition(before, transition);
    const block = await this.#owner.provider!.getBlock("latest");
    const call = {
      ...action,
      account: this.id,
      stateBefore: commitState(before),
      stateAfter: commitState(after),
      deadline: BigInt(block!.timestamp) + VALIDITY,
    } as GateCall;
    const context = contextOf(this.#venue.domain, call);
    const proof = await this.#venue.prover.prove({ before, transition, level, direction, context, policy, market });
    const signature = action.action === "Trade" ? await signCall(this.#owner, this.#venue.domain, call) : "0x";
    return { step: stepOf(call, { policyId, epoch }, proof.proof, signature), proof, after };
  }

  /** Sends a step. Whether the chain took it is asked of the chain, not concluded from how sending ended. */
  async #send(prepared: PreparedStep, call: (gate: Gate) => Promise<ContractTransactionResponse>) {
    this.#sent.push(prepared.after);
    const receipt = await (await call(this.#venue.gate.connect(this.#owner) as Gate)).wait();
    await this.catchUp();
    return { receipt: receipt!, proof: prepared.proof };
  }

  /** Takes a credit of whole lots (millionths of cash) into the account. */
  async absorb(asset: number, lots: bigint, published: Published) {
    const amount = lots * (await this.#lot(asset));
    const action = { action: "Absorb", asset: BigInt(asset), amount } as const;
    const movement = { transfer: { asset, amount: lots } };
    // Of the two statements about level zero one is true of any account.
    const ask = (direction: Direction) =>
      this.prepare(action, published, { level: 0n as LevelBps, direction }, movement);
    const [prepared, below] = await ask("at-least").then(
      (solvent) => [solvent, false] as const,
      async (error) => {
        if (!(error instanceof PlimsollError && error.code === "STATEMENT_FALSE")) throw error;
        return [await ask("below"), true] as const;
      },
    );
    return this.#send(prepared, (gate) => gate.absorb!(prepared.step, asset, amount, below));
  }

  /** Pays lots out to a recipient; the account keeps at least `initial`. */
  async withdraw(asset: number, lots: bigint, recipient: string, initial: LevelBps, published: Published) {
    const amount = lots * (await this.#lot(asset));
    const action = { action: "Withdraw", asset: BigInt(asset), amount, recipient, fee: 0n } as const;
    const movement = { transfer: { asset, amount: -lots } };
    const prepared = await this.prepare(action, published, { level: initial, direction: "at-least" }, movement);
    return this.#send(prepared, (gate) => gate.withdraw!(prepared.step, asset, amount, recipient, 0n));
  }

  /** Records that the account has at least a level of the policy. */
  async attest(level: LevelBps, published: Published) {
    const prepared = await this.prepare({ action: "Attest", level }, published, { level, direction: "at-least" });
    return this.#send(prepared, (gate) => gate.attest!(prepared.step, level));
  }

  /** Raises the flag: the account is below the policy's call level. Whoever knows its state may do it. */
  async flag(call: LevelBps, published: Published) {
    const prepared = await this.prepare({ action: "Flag" }, published, { level: call, direction: "below" });
    return this.#send(prepared, (gate) => gate.flag!(prepared.step));
  }

  /** Trades with another account: this one applies the fill with +1, the other with −1. */
  async trade(other: AccountClient, fill: Fill, initial: LevelBps, published: Published) {
    const commitment = commitFill(fill);
    const side = (client: AccountClient, counterparty: bigint, sign: Side) =>
      client.prepare(
        { action: "Trade", counterparty, fill: commitment },
        published,
        { level: initial, direction: "at-least" },
        { fill, side: sign },
      );
    const mine = await side(this, other.id, 1n);
    const theirs = await side(other, this.id, -1n);
    other.#sent.push(theirs.after);
    const done = await this.#send(mine, (gate) => gate.trade!(mine.step, theirs.step, commitment));
    await other.catchUp();
    return { ...done, theirs: theirs.proof };
  }

  async #lot(asset: number): Promise<bigint> {
    return (await this.#venue.gate.assets!(asset)).lot;
  }
}
