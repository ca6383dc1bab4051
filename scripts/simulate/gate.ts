// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Acts of people at the gate: each is proven, sent, and, where the chain took it, done in the model, with what must then be true.
 * An act that is refused throws `Refusal` or the prover's error; `attempt` makes a word of both.
 */
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { toBeHex } from "ethers";
import {
  type Action,
  contextOf,
  type GateCall,
  type Step,
  signCall,
  signClear,
  stepOf,
  type Trade,
} from "../../prover/src/chain/gate-calls.ts";
import { makeRound } from "../../prover/src/chain/rounds.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { commitFill } from "../../prover/src/model/commit.ts";
import { coverageBpsDown, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { EXIT_LEVEL, exitValues } from "../../prover/src/model/exit-market.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Transition } from "../../prover/src/model/transition.ts";
import type { Direction } from "../../prover/src/statement/account.ts";
import { settle } from "../../prover/src/statement/settlement.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { BOARD, SIZE } from "./chain.ts";
import { CASH, CASH_WORTH, Holder, type Item, least, type OpenLot, stateOf, Till, Violation, valued } from "./model.ts";
import type { Values } from "./values.ts";

const NOBODY = `0x${"0".repeat(40)}`;
/** Beyond any day of a run. */
export const FAR = 1n << 40n;
const STAGES = ["healthy", "called", "liquidating", "closed"] as const;

const EXIT = { policyId: 0n, epoch: 0n, ...exitValues(SIZE) };
/** In place of the state, encrypted: nobody here restores an account from the chain. */
const sealed = (after: Holder["state"]) => toBeHex(stateOf(after), 32);

type Basis = "outflow" | "evidence" | "exit";
/** What an act changes of an account: its state, and of its credit by how much. */
interface Change {
  readonly state?: Holder["state"];
  readonly credit?: readonly (readonly [asset: number, lots: bigint])[];
}
interface Flow {
  readonly item: "paid in" | "paid out";
  readonly worth: bigint;
}
interface Asked {
  readonly level: bigint;
  readonly direction?: Direction;
  readonly basis: Basis;
}
interface Prepared {
  readonly call: GateCall;
  readonly step: Step;
  readonly after: Holder["state"];
}
/** A payment out that is ready to be sent. */
export interface PreparedPayment extends Prepared {
  readonly holder: Holder;
  readonly method: "withdraw" | "exit";
  readonly payment: { asset: bigint; amount: bigint; recipient: string; fee: bigint; least: bigint };
  readonly lots: bigint;
}

/** A desk of the contracts with a fault: what it does in place of ours, after ours, as its test wants. */
export interface Fault {
  readonly name: string;
  held?(gate: Gate, holder: Holder): Promise<void>;
  started?(gate: Gate, holder: Holder, open: OpenLot): Promise<OpenLot>;
  /** Trades at another level than the initial one: what the exchange with the fault does with them. */
  readonly tradeLevel?: bigint;
  traded?(gate: Gate, trade: Trade): Promise<void>;
}

export class Gate {
  readonly values: Values;
  readonly holders: Holder[] = [];
  readonly till = new Till();
  fault: Fault | undefined;
  /** What happened, the latest last. */
  readonly history: string[] = [];
  /** Accounts that something was done to since the last look. */
  readonly touched = new Set<Holder>();
  /** Whether the operator agrees to what these two do together. */
  agrees: (a: Holder, b?: Holder) => boolean = () => true;
  /** Somebody sees a call about the account before it lands. */
  seen: (holder: Holder, what: "start" | "flag" | "take") => Promise<void> = async () => {};

  constructor(values: Values, fault?: Fault) {
    [this.values, this.fault] = [values, fault];
  }

  get chain() {
    return this.values.chain;
  }
  get system() {
    return this.chain.system;
  }
  say(text: string) {
    this.history.push(`day ${this.values.day}: ${text}`);
    if (this.history.length > 400) this.history.shift();
  }
  protected fail(what: string): never {
    throw new Violation(what);
  }

  // ---- What is true of an account ----

  coverage(holder: Holder, basis: "outflow" | "evidence" = "outflow"): bigint | undefined {
    const { policy, market } = this.values.published(basis);
    return coverageBpsDown(valued(holder.state, policy, market));
  }
  isAtLeast(state: Holder["state"], level: bigint, basis: "outflow" | "evidence" = "outflow") {
    const { policy, market } = this.values.published(basis);
    return isAtLeast(valued(state, policy, market), level as LevelBps);
  }
  unit = (asset: number): bigint => (asset === 1 || asset === 2 ? 10n ** 10n : 1n);

  /** Does something to the model of an account, and books what its worth changed by at the true prices. */
  protected move(holder: Holder, item: Item, { state, credit = [] }: Change, flow?: Flow) {
    const before = holder.worth(this.values.fair);
    if (state !== undefined) holder.state = state;
    for (const [asset, lots] of credit) holder.credits[asset]! += lots;
    const moved = holder.worth(this.values.fair) - before;
    if (flow !== undefined) holder.books[flow.item] += flow.worth;
    holder.books[item] += moved - (flow?.worth ?? 0n);
    this.touched.add(holder);
  }
  worthOfLots = (asset: number, lots: bigint) => lots * (asset === CASH ? CASH_WORTH : this.values.fair.prices[asset]!);

  /** Reads the stage, which says what an account may do and nothing about money. */
  protected async readStage(...holders: Holder[]) {
    for (const holder of holders) {
      const found = await this.chain.view<Record<string, bigint>>(this.system.gate, "accountOf", holder.id);
      holder.stage = STAGES[Number(found.stage)]!;
      holder.provenAt = found.provenAt!;
    }
  }

  // ---- Steps ----

  protected async step(holder: Holder, action: Action, movement: Partial<Transition>, asked: Asked): Promise<Prepared> {
    const { level, direction = "at-least", basis } = asked;
    const before = holder.state;
    const transition = { transfer: NO_TRANSFER, fill: noFill(SIZE), side: 1n as const, ...movement };
    const after = applyTransition(before, transition);
    const call = {
      ...action,
      ...{ account: holder.id, stateBefore: stateOf(before), stateAfter: stateOf(after) },
      ...{ blob: sealed(after), deadline: FAR },
    } as GateCall;
    const context = contextOf(this.chain.domains.gate, call);
    const under = basis === "exit" ? EXIT : this.values.published(basis);
    const { policy, market } = under;
    const { proof } = await this.chain.prover.prove({
      ...{ before, transition, after, level: level as LevelBps, direction, context, policy, market },
    });
    return { call, step: stepOf(call, under, proof), after };
  }

  async open(owner: HardhatEthersSigner, viewingKey: bigint, part: string, honest: boolean): Promise<Holder> {
    const opened = new Holder(0n, owner, part, honest, genesis(SIZE));
    const args = { owner: owner.address, agent: NOBODY };
    const asked = { level: EXIT_LEVEL, basis: "exit" } as const;
    const { call, step, after } = await this.step(
      opened,
      { action: "Open", ...args },
      { openWithViewingKey: viewingKey as FieldElement },
      asked,
    );
    const agreed = this.agrees(opened) ? await signClear(this.chain.operator, this.chain.domains, call) : "0x";
    const events = await this.chain.transact(owner.address, this.system.gate, "open", args, step, agreed);
    const id = events.find(({ name }) => name === "AccountOpened")!.args.account as bigint;
    const holder = new Holder(id, owner, part, honest, after);
    holder.settled = this.values.settlements;
    this.holders.push(holder);
    this.say(`account ${id} (${part}) opens`);
    return holder;
  }

  /** Pays tokens in, which are minted for it. */
  async deposit(holder: Holder, asset: number, lots: bigint, by = holder.owner) {
    const token = this.chain.tokens.get(asset)!;
    const amount = lots * this.unit(asset);
    const owner = holder.owner.address;
    await this.chain.transact(by.address, token, "mint", by.address, amount);
    await this.chain.transact(by.address, token, "approve", this.system.gate.target, amount);
    try {
      await this.chain.transact(by.address, this.system.gate, "deposit", holder.id, owner, BigInt(asset), amount);
    } catch (error) {
      await this.chain.transact(by.address, token, "transfer", this.chain.signers[0]!.address, amount);
      throw error;
    }
    this.till.in(asset, lots);
    const add: Change = { credit: [[asset, lots]] };
    this.move(holder, "fees", add, { item: "paid in", worth: this.worthOfLots(asset, lots) });
    this.say(`account ${holder.id} (${holder.part}) is paid ${lots} of asset ${asset}`);
  }

  async absorb(holder: Holder, asset: number, lots: bigint, by = holder.owner) {
    const transfer = { asset, amount: lots };
    const amount = lots * this.unit(asset);
    const after = applyTransition(holder.state, { transfer, fill: noFill(SIZE), side: 1n });
    const below = !isAtLeast(valued(after, EXIT.policy, EXIT.market), EXIT_LEVEL);
    const asked = { level: EXIT_LEVEL, direction: below ? "below" : "at-least", basis: "exit" } as const;
    const ready = await this.step(holder, { action: "Absorb", asset: BigInt(asset), amount }, { transfer }, asked);
    await this.chain.transact(by.address, this.system.gate, "absorb", ready.step, asset, amount, below);
    this.move(holder, "fees", { state: ready.after, credit: [[asset, -lots]] });
    this.say(`account ${holder.id} absorbs ${lots} of asset ${asset}`);
  }
  async payIn(holder: Holder, asset: number, lots: bigint) {
    await this.deposit(holder, asset, lots);
    await this.absorb(holder, asset, holder.credits[asset]!);
  }

  /** Makes a payment out ready, by the values that stand now. */
  async payment(holder: Holder, asset: number, lots: bigint, method: "withdraw" | "exit"): Promise<PreparedPayment> {
    const amount = lots * this.unit(asset);
    const payment = { asset: BigInt(asset), amount, recipient: holder.owner.address, fee: 0n, least: 0n };
    const transfer = { asset, amount: -lots };
    const action = { action: method === "withdraw" ? "Withdraw" : "Exit", ...payment } as const;
    const asked: Asked =
      method === "withdraw"
        ? { level: this.values.levels("outflow").initial, basis: "outflow" }
        : { level: EXIT_LEVEL, basis: "exit" };
    return { ...(await this.step(holder, action, { transfer }, asked)), holder, method, payment, lots };
  }
  async pay({ holder, method, step, payment, after, lots }: PreparedPayment) {
    const asset = Number(payment.asset);
    await this.chain.transact(holder.owner.address, this.system.gate, method, step, payment);
    if (method === "withdraw") await this.takesOut(holder, after, `withdraws ${lots} of asset ${asset}`);
    else if (after.cash < 0n || !holder.flat) this.fail(`account ${holder.id} leaves with positions or debt`);
    let rest = lots;
    if (holder.owed > 0n) {
      if (asset !== CASH) this.fail(`account ${holder.id} owes the fund and takes out asset ${asset}`);
      const repaid = least(rest, holder.owed);
      [holder.owed, rest] = [holder.owed - repaid, rest - repaid];
      this.till.fund += repaid;
      holder.books.fund -= repaid * CASH_WORTH;
      holder.books.fees += repaid * CASH_WORTH;
    }
    if (asset === CASH) {
      const levy = this.till.levyOf(rest, this.values.terms.levyBps);
      this.till.fund += levy;
      rest -= levy;
    }
    this.till.out(asset, rest, holder.owner.address);
    const worth = -this.worthOfLots(asset, rest);
    this.move(holder, "fees", { state: after }, { item: "paid out", worth });
    this.say(`account ${holder.id} (${holder.part}) ${method}s ${lots} of asset ${asset}`);
  }
  async withdraw(holder: Holder, asset: number, lots: bigint) {
    await this.pay(await this.payment(holder, asset, lots, "withdraw"));
  }
  async exit(holder: Holder, asset: number, lots: bigint) {
    await this.pay(await this.payment(holder, asset, lots, "exit"));
  }

  /** What must be true wherever value or risk left an account by the standing values. */
  protected async takesOut(
    holder: Holder,
    after: Holder["state"],
    what: string,
    { evenHeld = false, evenCalled = false } = {},
  ) {
    const { initial } = this.values.levels("outflow");
    const who = `account ${holder.id} (${holder.part}) ${what}`;
    const why = this.values.unusable();
    if (why !== undefined) this.fail(`${who} while the market is not usable: ${why}`);
    if (!this.isAtLeast(after, initial)) this.fail(`${who} and is left below the initial level`);
    if (!evenCalled && holder.stage !== "healthy") this.fail(`${who} while it is ${holder.stage}`);
    if (!evenHeld && holder.heldUntil > (await this.clock())) this.fail(`${who} while it is held`);
  }
  clock(): Promise<bigint> {
    return this.chain.view<bigint>(this.system.oracle, "clock", BOARD);
  }

  async attest(holder: Holder, level: bigint) {
    const asked = { level, basis: "evidence" } as const;
    const { step, after } = await this.step(holder, { action: "Attest", level }, {}, asked);
    await this.chain.transact(holder.owner.address, this.system.gate, "attest", step, level);
    this.move(holder, "fees", { state: after });
    if (level >= this.values.levels("evidence").call) await this.free(holder);
    await this.readStage(holder);
  }
  /** A proof of the call level by the standing epoch ends a hold. */
  protected async free(...holders: Holder[]) {
    const clock = await this.clock();
    for (const holder of holders) if (holder.heldUntil > clock) holder.heldUntil = clock;
  }

  async flag(holder: Holder, level: bigint, by = this.chain.operator) {
    const asked = { level, direction: "below", basis: "evidence" } as const;
    const { step, after } = await this.step(holder, { action: "Flag", level }, {}, asked);
    await this.seen(holder, "flag");
    await this.chain.transact(by.address, this.system.gate, "flag", step, level);
    this.move(holder, "fees", { state: after });
    await this.readStage(holder);
    this.say(`account ${holder.id} (${holder.part}) is called at ${level}`);
  }

  /** `a` gets the fill, `b` gives it. */
  async trade(a: Holder, b: Holder, fill: Fill, unwinds = false) {
    const fillHash = commitFill(fill);
    const level = unwinds ? EXIT_LEVEL : (this.fault?.tradeLevel ?? this.values.levels("outflow").initial);
    const basis = unwinds ? "exit" : "outflow";
    const lastEpoch = unwinds ? 0n : this.values.published("outflow").epoch;
    const side = async (holder: Holder, other: Holder, sign: 1n | -1n) => {
      const action = { action: "Trade", counterparty: other.id, fill: fillHash, level, lastEpoch } as const;
      const ready = await this.step(holder, action, { fill, side: sign }, { level, basis });
      const signature = await signCall(holder.owner, this.chain.domains.gate, ready.call);
      return { ...ready, side: { step: { ...ready.step, signature }, lastEpoch } };
    };
    const [first, second] = [await side(a, b, 1n), await side(b, a, -1n)];
    const operatorSignature =
      !unwinds && this.agrees(a, b)
        ? await signClear(this.chain.operator, this.chain.domains, first.call, second.call)
        : "0x";
    const trade = { a: first.side, b: second.side, fill: fillHash, operatorSignature };
    if (this.fault?.traded !== undefined) await this.fault.traded(this, trade);
    else await this.chain.transact(a.owner.address, this.system.exchange, unwinds ? "unwind" : "trade", trade);
    for (const [holder, { after }] of [
      [a, first],
      [b, second],
    ] as const) {
      if (unwinds) holder.retired = true;
      else await this.takesOut(holder, after, "trades", { evenCalled: true });
      if (unwinds && (after.cash < 0n || after.positions.some((lots) => lots !== 0n))) {
        this.fail(`account ${holder.id} unwinds and keeps positions or debt`);
      }
    }
    this.move(a, "trades", { state: first.after });
    this.move(b, "trades", { state: second.after });
    await this.readStage(a, b);
    this.say(`accounts ${a.id} (${a.part}) and ${b.id} (${b.part}) ${unwinds ? "unwind" : "trade"}`);
  }

  /** Three accounts trade in one proof; fills add up to zero. */
  async round(parts: readonly { readonly holder: Holder; readonly fill: Fill }[]) {
    const published = this.values.published("outflow");
    const { initial: level } = this.values.levels("outflow");
    const joined = [];
    for (const { holder, fill } of parts) {
      const before = holder.state;
      const after = applyTransition(before, { transfer: NO_TRANSFER, fill, side: 1n });
      const call = {
        ...{ action: "Round", level, lastEpoch: published.epoch, account: holder.id, deadline: FAR },
        ...{ stateBefore: stateOf(before), stateAfter: stateOf(after), blob: sealed(after) },
      } as Extract<GateCall, { action: "Round" }>;
      const signature = await signCall(holder.owner, this.chain.domains.gate, call);
      joined.push({ holder, after, part: { member: { before, fill }, call, signature } });
    }
    const venue = { domains: this.chain.domains, prover: this.chain.prover };
    const round = await makeRound(
      venue,
      joined.map(({ part }) => part),
      published,
    );
    await this.chain.transact(this.chain.operator.address, this.system.exchange, "round", round);
    for (const { holder, after } of joined) {
      await this.takesOut(holder, after, "joins a round");
      this.move(holder, "trades", { state: after });
    }
    await this.readStage(...joined.map(({ holder }) => holder));
    this.say(`a round of ${joined.map(({ holder }) => holder.id).join(", ")}`);
  }

  async request(holder: Holder) {
    await this.chain.transact(holder.owner.address, this.system.exchange, "request", holder.id);
  }

  async heartbeat() {
    await this.chain.transact(this.chain.operator.address, this.system.exchange, "heartbeat");
  }
  async hold(holder: Holder, by: HardhatEthersSigner = this.chain.operator) {
    await this.chain.transact(by.address, this.system.exchange, "hold", holder.id);
    holder.heldUntil = (await this.clock()) + this.values.terms.holdPeriod;
    this.say(`account ${holder.id} (${holder.part}) is held`);
    await this.fault?.held?.(this, holder);
  }

  async expire(holder: Holder, by = this.chain.operator) {
    const settlement = holder.settled + 1n;
    const marks = this.values.marksOf(settlement);
    const { state: before } = holder;
    const after = settle(before, marks);
    const call = {
      ...{ action: "Expire", settlement, account: holder.id, deadline: FAR },
      ...{ stateBefore: stateOf(before), stateAfter: stateOf(after), blob: sealed(after) },
    } as GateCall;
    const context = contextOf(this.chain.domains.gate, call);
    const { proof } = await this.chain.prover.settle({ before, marks, context });
    const step = stepOf(call, { policyId: 0n, epoch: 0n }, proof);
    await this.chain.transact(by.address, this.system.clearing, "expire", step);
    this.move(holder, "positions", { state: after });
    holder.settled = settlement;
  }

  async donate(lots: bigint) {
    const [owner] = this.chain.signers;
    const token = this.chain.tokens.get(CASH)!;
    await this.chain.transact(owner!.address, token, "mint", owner!.address, lots);
    await this.chain.transact(owner!.address, token, "approve", this.system.gate.target, lots);
    await this.chain.transact(owner!.address, this.system.fund, "donate", lots);
    this.till.fund += lots;
    this.till.in(CASH, lots);
  }
}
