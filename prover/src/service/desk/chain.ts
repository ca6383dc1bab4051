// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What a desk does on a chain for its accounts: attestations and top-ups, and looking at how accounts stand at their gates.
 *
 * Each transaction is one of the use cases of an account, so it has exactly one effect whatever is killed when (`app/account`). A task's
 * transaction stays in the account's file until it is deep enough in the chain: until then each look is the same call again, which
 * finds it, or sends it again where a reorganisation has undone it. Only then the next transaction is begun.
 */
import type { JsonRpcProvider, Signer } from "ethers";
import { absorb, approve, attestAtGate, deposit } from "../../app/account/moves.ts";
import { type Done, type Leaving, takenCall } from "../../app/account/session.ts";
import { type GateStanding, gateStanding } from "../../app/account/status.ts";
import type { Condition } from "../../app/desk/conditions.ts";
import type { Task, TaskCall, TaskStep } from "../../app/desk/records.ts";
import type { AccountRecord, AccountStore, Sending } from "../../chain/account-record.ts";
import { assetNamed, gateAt } from "../../chain/gate-view.ts";
import { type Offer, WalletSigner } from "../../chain/journal.ts";
import { providerAt } from "../../chain/provider.ts";
import type { VenueFiles } from "../../chain/published.ts";
import { toldBy } from "../../chain/refusals.ts";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import { readViewingKey } from "../../formats/account.ts";
import { lotOfDecimals, lotsOf, parseDecimal } from "../../formats/decimal.ts";
import { readMarket } from "../../formats/market.ts";
import { readPolicy } from "../../formats/policy.ts";
import { withAccountFile } from "../../node/account-store.ts";
import { type Inputs, readKeptSecret } from "../../node/files.ts";
import { openKeystore, readPassphrase } from "../../node/keystore.ts";
import type { Prover } from "../../prove/prover.ts";
import type { AtGate, ChainTerms } from "./config.ts";
import type { DeskEpoch } from "./epochs.ts";
import { STANDINGS, standingConditions } from "./standings.ts";
import {
  begunOf,
  type Call,
  isBegun,
  isPast,
  isWaiting,
  lazily,
  left,
  type Machine,
  stepOf,
  turnsOf,
  type Work,
} from "./steps.ts";
import type { Store } from "./store.ts";

/** An account of the desk that is at a gate. */
export interface GateAccount extends AtGate {
  readonly name: string;
  /** File of its viewing key. */
  readonly key: string;
  /** Whether it is at least at a level, as it was valued last. */
  readonly holds: (level: NonNullable<Task["terms"]["atLeast"]>) => boolean;
}

export interface ChainMachine {
  readonly inputs: Inputs;
  readonly store: Store;
  readonly prover: () => Promise<Prover>;
  readonly clock: () => number;
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
  readonly signal: AbortSignal;
}

/** The desk at this moment. */
export interface Present {
  readonly epoch: DeskEpoch;
  readonly accounts: readonly GateAccount[];
  /** Whether all accounts of the configuration have been read. */
  readonly complete: boolean;
}

/** Milliseconds between two looks at how an account stands at its gate. */
const LOOK = 60_000;
/** Milliseconds between two questions whether the chain has a transaction. */
const POLLING = 1_000;
/** Milliseconds to wait for the chain in one go. */
const PATIENCE = 60_000;
/** Milliseconds before a call is tried again that a limit or another command holds up. */
const REST = 60_000;
/** What may be otherwise in a moment, such as a disk that is full: nothing has gone wrong for good. */
const PASSING = ["CHAIN_FAILED", "CANCELLED", "FILE", "LIMIT_REACHED", "USAGE", "INTERNAL"];
/** What is not tried again before a while has passed. */
const RESTING = ["LIMIT_REACHED", "USAGE", "INTERNAL"];
/** Of an attestation also what the next epoch may mend. */
const OF_EPOCHS = ["CALL_REFUSED", "FIELD_INVALID"];
/** A limit of the day for an asset: a task that meets it has failed, since tomorrow it may not be wanted any more. */
const OF_ASSET = "asset";

export class ChainHand {
  readonly #terms: ChainTerms;
  readonly #machine: ChainMachine;
  #provider: JsonRpcProvider | undefined;
  readonly #signers = new Map<string, Signer>();
  /** By account: when it was looked at, and what was seen. */
  readonly #seen = new Map<string, { readonly at: number; readonly standing: GateStanding | undefined }>();
  /** By task: until when it rests, and why. */
  readonly #resting = new Map<number, { readonly until: number; readonly code: string }>();
  #silent = false;

  constructor(terms: ChainTerms, machine: ChainMachine) {
    this.#terms = terms;
    this.#machine = machine;
  }

  close(): void {
    this.#provider?.destroy();
  }

  /** Looks where looks are due, and goes on with one task. Says whether there may be more to do at once. */
  async next(present: Present): Promise<boolean> {
    for (const account of present.accounts) await this.#look(account);
    const { tasks } = this.#machine.store;
    const due = tasks.due("attest", "top up");
    for (const account of new Set(due.map((task) => task.account))) {
      for (const task of turnsOf(account, due)) {
        if ((this.#resting.get(task.id)?.until ?? 0) > performance.now()) continue;
        if (await this.#goOn(task, present)) return true;
        if (isBegun(tasks.get(task.id)!)) break;
      }
    }
    return false;
  }

  /** Goes on with a task. Says whether it has come to an end. */
  async #goOn(task: Task, present: Present): Promise<boolean> {
    const { store, clock, log } = this.#machine;
    try {
      const account = present.accounts.find(({ name }) => name === task.account);
      if (account === undefined && !present.complete) return false;
      if (account === undefined) throw new PlimsollError("UNKNOWN_NAME", "the desk knows no gate of the account");
      const ended = await this.#withAccount(account, task, (machine, key) =>
        account.signer.by === "wallet"
          ? this.#follow(task, machine, key, account)
          : this.#advance(task, machine, this.#works(task, key, present), account),
      );
      this.#resting.delete(task.id);
      this.#silent = false;
      if (ended) this.#seen.delete(task.account);
      return ended;
    } catch (thrown) {
      const error = toldBy(thrown, []);
      const { code, place } = error instanceof PlimsollError ? error : { code: "INTERNAL", place: {} };
      if (this.#machine.signal.aborted) return false;
      this.#resting.delete(task.id);
      this.#silent = code === "CHAIN_FAILED";
      const passes = PASSING.includes(code) && !(code === "LIMIT_REACHED" && place.field === OF_ASSET);
      if (passes || (task.kind === "attest" && OF_EPOCHS.includes(code))) {
        if (code === "INTERNAL") log({ event: "task held up", task: task.id, why: code });
        const rest = RESTING.includes(code) ? REST : 0;
        this.#resting.set(task.id, { until: performance.now() + rest, code });
        return false;
      }
      log({ event: "task failed", task: task.id, why: code });
      store.tasks.finish(task.id, { reason: code }, clock());
      return true;
    }
  }

  /** The transactions of a task, in their order. A step that is not needed gives nothing. */
  #works(task: Task, viewingKey: FieldElement, { epoch }: Present): readonly Work[] {
    const { asset = "", amount = "" } = task.terms;
    const order = { viewingKey, asset, amount };
    return task.kind === "attest"
      ? [["attest", (machine) => this.#attest(task, machine, viewingKey, epoch)]]
      : [
          ["approve", (machine) => approve(machine, order)],
          ["deposit", (machine) => deposit(machine, order)],
          ["absorb", (machine) => absorb(machine, order)],
        ];
  }

  /** Does the calls of a task in turn, each once the one before is deep enough in the chain. */
  async #advance(task: Task, machine: Machine, works: readonly Work[], account: GateAccount): Promise<boolean> {
    const { store, clock } = this.#machine;
    if (this.#isNeedless(task, machine, account)) return true;
    await this.#count(task, machine, begunOf(task, machine));
    let { calls } = task;
    for (const [step, work] of left(works, task, machine)) {
      if (isPast(step, calls)) continue;
      const done = (await this.#counted(task, step, machine)) ?? (await work(machine));
      if (done === undefined) continue;
      calls = await this.#settle(task, calls, step, done);
      if (!isPast(step, calls)) return false;
    }
    store.tasks.finish(task.id, { file: null }, clock());
    return true;
  }

  /** Ends a top-up of which nothing has been begun, once the account is at the level again. Says whether it was one. */
  #isNeedless({ id, kind, calls, terms }: Task, { record }: Machine, account: GateAccount): boolean {
    const begun = calls.length > 0 || record.sending !== null;
    if (kind !== "top up" || begun || !account.holds(terms.atLeast!)) return false;
    const { store, clock } = this.#machine;
    store.tasks.finish(id, { reason: "the account is at the level again", state: "rejected" }, clock());
    return true;
  }

  /** A call that was noted, and taken off the account's file by another command since: as the chain has it, if it does. */
  async #counted({ calls }: Task, step: TaskStep, { provider, record }: Machine): Promise<Call | undefined> {
    const call = calls.find((each) => each.step === step && !each.confirmed);
    if (call === undefined || record.sending?.hash === call.transaction) return undefined;
    const receipt = await provider.getTransactionReceipt(call.transaction);
    if (receipt === null && (await provider.getTransaction(call.transaction)) !== null) {
      throw new PlimsollError("CHAIN_FAILED", "the chain has not taken the transaction again yet");
    }
    if (receipt?.status !== 1) return undefined;
    return { ...call, block: receipt.blockNumber, acknowledge: async () => {} };
  }

  /** Notes a call that the chain has; once it is deep enough, it is taken off the account's file. */
  async #settle(task: Task, before: readonly TaskCall[], step: TaskStep, done: Call): Promise<readonly TaskCall[]> {
    const head = await this.#provider!.getBlockNumber();
    const confirmed = head - done.block + 1 >= this.#terms.confirmations;
    const call = { step, words: done.words, transaction: done.transaction, block: done.block, confirmed };
    const calls = [...before.filter((each) => each.step !== step), call];
    this.#machine.store.tasks.note(task.id, calls);
    if (confirmed) await done.acknowledge();
    return calls;
  }

  /** Of a wallet's account: looks whether the chain has what was handed to the wallet. */
  async #follow(task: Task, machine: Machine, viewingKey: FieldElement, account: GateAccount): Promise<boolean> {
    if (this.#isNeedless(task, machine, account)) return true;
    const { sending } = machine.record;
    // Another command of the account may have been interrupted there: that is none of this task's.
    const offered = sending === null || sending.request !== task.offered ? undefined : stepOf(sending.request);
    const step = offered ?? task.calls.find(({ confirmed }) => !confirmed)?.step;
    if (step === undefined) return false;
    const counted = await this.#counted(task, step, machine);
    const done = counted ?? (offered === undefined ? undefined : await takenCall(machine, viewingKey));
    if (done === undefined) return false;
    const calls = await this.#settle(task, task.calls, step, done);
    if (!isPast(task.kind === "attest" ? "attest" : "absorb", calls)) return false;
    this.#machine.store.tasks.finish(task.id, { file: null }, this.#machine.clock());
    return true;
  }

  /**
   * Prepares a wallet's next transaction of a task. Throws as the use cases; `CALL_REFUSED` where the chain has one that is not deep
   * enough in it yet.
   */
  async offer(task: Task, present: Present): Promise<WalletOffer> {
    const account = present.accounts.find(({ name }) => name === task.account);
    if (account?.signer.by !== "wallet" || task.state !== "ready") {
      throw new PlimsollError("UNKNOWN_NAME", "no step of this task is for a wallet");
    }
    const { tasks } = this.#machine.store;
    if (!turnsOf(task.account, tasks.due("attest", "top up")).some(({ id }) => id === task.id)) {
      throw new PlimsollError("CALL_REFUSED", "another task of the account comes first");
    }
    return this.#withAccount(account, task, async (machine, key) => {
      if (this.#isNeedless(task, machine, account)) {
        throw new PlimsollError("CALL_REFUSED", "the account is at the level again");
      }
      if (await isWaiting(machine)) {
        throw new PlimsollError("CALL_REFUSED", "the transaction before waits for a block: the wallet can speed it up");
      }
      // A wallet may never have sent what it was offered: it counts on the day of the last offer.
      await this.#count(task, machine, task.calls);
      const signer = new WalletSigner(machine.record.owner, machine.provider);
      let told: Leaving | undefined;
      const consent = async (leaving: Leaving) => {
        await machine.consent(leaving);
        told = leaving;
      };
      for (const [step, work] of left(this.#works(task, key, present), task, machine)) {
        if (isPast(step, task.calls)) continue;
        if ((await this.#counted(task, step, machine)) !== undefined) break;
        const done = await work({ ...machine, signer, consent }).catch((error: unknown) => {
          if (signer.offered !== undefined) return undefined;
          // It stands before the account's other tasks.
          if (error instanceof PlimsollError && error.code === "STATEMENT_FALSE") {
            tasks.finish(task.id, { reason: error.code }, this.#machine.clock());
          }
          throw error;
        });
        if (signer.offered !== undefined && told !== undefined) {
          tasks.offer(task.id, (await machine.store.read())!.sending!.request);
          return { ...signer.offered, words: told.words, shows: told.shows };
        }
        if (done !== undefined) break;
      }
      throw new PlimsollError("CALL_REFUSED", "the transaction before is not deep enough in the chain yet");
    });
  }

  /** Takes the hash of what a wallet has sent, once the chain's node tells that it is what was offered. Throws `FIELD_INVALID`. */
  async told(task: Task, hash: string, present: Present): Promise<void> {
    const account = present.accounts.find(({ name }) => name === task.account);
    if (account === undefined) throw new PlimsollError("UNKNOWN_NAME", "the desk knows no gate of the account");
    await this.#withAccount(account, task, async ({ store, provider, record }) => {
      const { sending, owner } = record;
      const found = await provider.getTransaction(hash);
      const same =
        sending !== null &&
        sending.request === task.offered &&
        found !== null &&
        // A wallet may choose a later nonce; of an earlier one is what was sent before it was offered.
        found.nonce >= sending.nonce &&
        found.from.toLowerCase() === owner.toLowerCase() &&
        found.to?.toLowerCase() === sending.to.toLowerCase() &&
        found.data === sending.data;
      if (!same) {
        const rule = "the node knows no such transaction, or it is another one than was offered";
        throw new PlimsollError("FIELD_INVALID", rule, { field: "hash" });
      }
      await store.write({ ...record, sending: { ...sending, hash } });
    });
  }

  /** Attests under the epoch that it was begun under; where the chain does not take that any more, under the latest. */
  async #attest(task: Task, machine: Machine, viewingKey: FieldElement, epoch: DeskEpoch): Promise<Done> {
    const { store } = this.#machine;
    const latest = epoch.market.epoch.toString();
    const level = task.terms.atLeast!;
    const texts = task.attempt === null || task.attempt === latest ? undefined : store.textsOf(task.attempt);
    const begun = machine.record.sending;
    // Of two attestations of one task the chain takes one: the later one has the nonce of the one before.
    const mine = { ...machine, instead: begun?.request.startsWith("attest ") ?? false };
    if (texts !== undefined && begun !== null) {
      const policy = readPolicy(texts.policy.text, texts.policy.file);
      const files: VenueFiles = { policy, market: readMarket(texts.market.text, texts.market.file, policy) };
      try {
        return await attestAtGate(mine, { viewingKey, ...files, level });
      } catch (error) {
        if (!(error instanceof PlimsollError) || !OF_EPOCHS.includes(error.code)) throw error;
      }
    }
    store.tasks.attempt(task.id, latest);
    return attestAtGate(mine, { viewingKey, policy: epoch.policy, market: epoch.market, level });
  }

  /** Counts a top-up against the limit of the day on which it pays in. Throws `LIMIT_REACHED` at `asset`. */
  async #count(task: Task, { provider, record }: Machine, begun: readonly Pick<TaskCall, "step">[]): Promise<void> {
    if (task.kind !== "top up") return;
    const isPaying = begun.some(({ step }) => step === "deposit" || step === "absorb");
    if (isPaying && this.#machine.store.tasks.isCounted(task.id)) return;
    const { asset = "", amount = "" } = task.terms;
    const view = await gateAt(provider, record.gate);
    const named = await assetNamed(view, asset);
    const lotsIn = (text: string) => lotsOf(parseDecimal(text), lotOfDecimals(named.lotDecimals));
    let most = 0n;
    for (const limit of this.#terms.limits) {
      if ((await assetNamed(view, limit.asset)).index === named.index) most = lotsIn(limit.perDay);
    }
    const token = `${view.chainId} ${named.token.toLowerCase()}`;
    if (this.#machine.store.tasks.spend(task, this.#today(), token, lotsIn(amount), most)) return;
    throw new PlimsollError("LIMIT_REACHED", "the limit of this day does not have room for it", { field: OF_ASSET });
  }

  /** Lets a transaction out, or throws `LIMIT_REACHED`. */
  #allow(task: Task, { words, most }: Leaving): void {
    const { store, clock } = this.#machine;
    const { transactionsPerDay, gasPerTransaction } = this.#terms;
    if (store.tasks.sent(this.#today()) >= transactionsPerDay) {
      throw new PlimsollError("LIMIT_REACHED", "the transactions of this day are used up");
    }
    if (most > lotsOf(parseDecimal(gasPerTransaction), lotOfDecimals(18))) {
      throw new PlimsollError("LIMIT_REACHED", "gas of the transaction may cost more than it is allowed to");
    }
    if (store.tasks.send(task.id, this.#today(), words, clock())) return;
    throw new PlimsollError("CANCELLED", "the task has been rejected");
  }

  #today(): string {
    return new Date(this.#machine.clock()).toISOString().slice(0, 10);
  }

  /** Does work for a task with an account's file and a machine around it that lets out what the configuration allows. */
  async #withAccount<T>(
    account: GateAccount,
    task: Task,
    work: (machine: Machine, viewingKey: FieldElement) => Promise<T>,
  ): Promise<T> {
    const { store: kept, signal, prover } = this.#machine;
    const viewingKey = readViewingKey(await readKeptSecret(account.key), account.key);
    const provider = await this.#node();
    const signer = await this.#signerOf(account, provider);
    return withAccountFile(account.file, async (store) => {
      let record = await store.read();
      if (record === undefined) throw new PlimsollError("UNKNOWN_NAME", "the account is not open at a gate");
      const { sending } = record;
      // Counted on, and not taken off the file when the desk was stopped: the same call again is another one.
      if (sending?.landed === true && sending.hash !== undefined && kept.tasks.isConfirmed(sending.hash)) {
        record = { ...record, sending: null };
        await store.write(record);
      }
      const consent = async (leaving: Leaving) => this.#allow(task, leaving);
      const noting: AccountStore = {
        read: () => store.read(),
        write: async (next) => {
          this.#noteSent(task.id, next.sending);
          await store.write(next);
        },
      };
      const machine = {
        provider,
        signer,
        store: noting,
        record,
        signal,
        patience: PATIENCE,
        prover: lazily(prover),
        consent,
      };
      return work(machine, viewingKey);
    });
  }

  /**
   * Notes a transaction before it leaves. It may be taken off the account's file by another command, which then counts on it: nothing
   * else tells that this task has sent it.
   */
  #noteSent(id: number, sending: Sending | null): void {
    const step = sending === null ? undefined : stepOf(sending.request);
    if (sending?.hash === undefined || sending.landed === true || step === undefined) return;
    const { tasks } = this.#machine.store;
    const before = tasks.get(id)!.calls.filter((call) => call.step !== step);
    const { words, hash: transaction, block } = sending;
    tasks.note(id, [...before, { step, words, transaction, block, confirmed: false }]);
  }

  async #node(): Promise<JsonRpcProvider> {
    if (this.#provider === undefined) {
      this.#provider = await providerAt((await readKeptSecret(this.#terms.rpc)).trim());
      this.#provider.pollingInterval = POLLING;
    }
    return this.#provider;
  }

  async #signerOf({ signer }: GateAccount, provider: JsonRpcProvider): Promise<Signer | undefined> {
    if (signer.by === "wallet") return undefined;
    if (signer.by === "node") return provider.getSigner(signer.address);
    const known = this.#signers.get(signer.file);
    if (known !== undefined) return known;
    const passphrase = readPassphrase({ text: await readKeptSecret(signer.passphrase), file: signer.passphrase });
    const opened = (await openKeystore(await this.#machine.inputs.text(signer.file), passphrase)).connect(provider);
    this.#signers.set(signer.file, opened);
    return opened;
  }

  async #look({ name, file }: GateAccount): Promise<void> {
    const last = this.#seen.get(name);
    if (last !== undefined && performance.now() - last.at < LOOK) return;
    try {
      const provider = await this.#node();
      const record = await recordIn(file);
      const view = await gateAt(provider, record.gate, { expectedChain: BigInt(record.chainId) });
      const standing = await gateStanding(view, BigInt(record.account!), { provider });
      this.#seen.set(name, { at: performance.now(), standing });
      this.#silent = false;
    } catch (thrown) {
      const error = toldBy(thrown, []);
      this.#seen.set(name, { at: performance.now(), standing: last?.standing });
      if (error instanceof PlimsollError && error.code === "CHAIN_FAILED") this.#silent = true;
      else if (!(error instanceof PlimsollError && error.code === "FILE")) this.#machine.log({ event: "gate unseen" });
    }
  }

  /** How old an account's last attestation is, in seconds of the board's clock, as seen last. */
  ageOf(account: string): bigint | undefined {
    return this.#seen.get(account)?.standing?.age;
  }

  /** Keys of conditions about which nothing is known since the start. */
  unknown(accounts: readonly GateAccount[]): string[] {
    return accounts
      .filter(({ name }) => this.#seen.get(name)?.standing === undefined)
      .flatMap(({ name }) => STANDINGS.map((key) => `${key} ${name}`));
  }

  /** What is wrong on the chain. */
  conditions(accounts: readonly GateAccount[]): Condition[] {
    const wrong = accounts.flatMap(({ name }) => standingConditions(name, this.#seen.get(name)?.standing));
    const about = (key: string, text: string): Condition => ({ key, account: null, severity: "critical", text });
    if (this.#silent) wrong.push(about("chain silent", "The chain's node does not answer."));
    const isOpen = ([id]: readonly [number, unknown]) => this.#machine.store.tasks.get(id)?.state === "ready";
    const codes = new Set([...this.#resting].filter(isOpen).map(([, { code }]) => code));
    if (codes.has("LIMIT_REACHED")) wrong.push(about("chain limit", "A limit of the configuration holds a task up."));
    if (codes.has("USAGE")) {
      wrong.push(about("chain interrupted", "A command of an account was interrupted: run it again to finish it."));
    }
    return wrong;
  }
}

/** A transaction for a wallet, and what it does in words. */
export interface WalletOffer extends Offer, Pick<Leaving, "words" | "shows"> {}

/** Where an account is. */
async function recordIn(file: string): Promise<AccountRecord> {
  return withAccountFile(file, async (store) => {
    const record = await store.read();
    if (record?.account == null) throw new PlimsollError("UNKNOWN_NAME", "the account is not open at a gate");
    return record;
  });
}
