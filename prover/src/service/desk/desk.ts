// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A desk: follows accounts from epoch to epoch, says what is wrong, and proves what its rules ask for.
 *
 * One step after another: look for an epoch, value every account, keep it all in one transaction, compare what is wrong with the open
 * alerts. Proofs and deliveries run beside that from the store's lists, so a desk that was killed goes on with what it had not
 * finished: a proof is written to the same file again, and a delivery keeps its id.
 */
import { EventEmitter } from "node:events";
import { stat } from "node:fs/promises";
import path from "node:path";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { type Condition, coverageConditions } from "../../app/desk/conditions.ts";
import type { Task } from "../../app/desk/records.ts";
import { type Supposed, type Supposition, suppose } from "../../app/desk/what-if.ts";
import { levelReached, type Valuation, valueAccount } from "../../app/value.ts";
import { PlimsollError } from "../../errors.ts";
import { readAccount } from "../../formats/account.ts";
import { label } from "../../formats/labels.ts";
import type { LevelName } from "../../formats/policy.ts";
import { timeText, unixTime } from "../../formats/time.ts";
import { type Inputs, makeDirectory } from "../../node/files.ts";
import type { Prover } from "../../prove/prover.ts";
import { ChainHand, type GateAccount, type Present, type WalletOffer } from "./chain.ts";
import type { DeskConfig } from "./config.ts";
import { type DeskEpoch, type EpochSource, epochSource } from "./epochs.ts";
import { Forecaster, type HeldAccount } from "./forecasts.ts";
import { makeTask } from "./proofs.ts";
import { attestation, isOpen, lateTasks, tasksDue } from "./rules.ts";
import type { Store } from "./store.ts";
import type { NewTask } from "./tasks.ts";
import type { Courier } from "./webhooks.ts";

/** What a desk needs of the process that it runs in. */
export interface DeskMachine {
  readonly inputs: Inputs;
  readonly store: Store;
  readonly courier: Courier;
  /** Made when the first proof is due, and closed by the desk. */
  readonly openProver: () => Promise<Prover>;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** One event, with names and codes and no amounts. */
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
}

/** An account as it was read last. */
interface Held extends HeldAccount {
  readonly valuation: Valuation;
}

/** What has changed, for those who watch. */
export type DeskEvent = "epoch" | "alert" | "task" | "delivery";

const POLL = 1_000;
const PRUNE_EVERY = 3_600_000;
/** How keys of conditions of files begin. */
const UNREADABLE = "unreadable ";

export class Desk {
  readonly config: DeskConfig;
  readonly store: Store;
  readonly events = new EventEmitter<{ change: [DeskEvent] }>();
  readonly #machine: DeskMachine;
  readonly #source: EpochSource;
  readonly #stop = new AbortController();
  /** By the file that each account is read from. */
  readonly #held = new Map<string, Held>();
  #epoch: DeskEpoch | undefined;
  /** Whether something has been read that the store does not have. */
  #unkept = false;
  readonly #forecaster: Forecaster | undefined;
  /** Whether a forecast has been made that nobody was told of. */
  #foreseen = false;
  readonly #chain: ChainHand | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #prover: Promise<Prover> | undefined;
  #pruned = 0;

  constructor(config: DeskConfig, machine: DeskMachine) {
    this.config = config;
    this.#machine = machine;
    this.store = machine.store;
    this.#source = epochSource(config, machine.inputs);
    if (config.forecast !== undefined) {
      this.#forecaster = new Forecaster(config.forecast, machine.inputs, machine.store);
    }
    if (config.chain !== undefined) {
      const prover = () => this.#theProver();
      this.#chain = new ChainHand(config.chain, { ...machine, prover, signal: this.#stop.signal });
    }
    this.events.setMaxListeners(0);
  }

  get epoch(): DeskEpoch | undefined {
    return this.#epoch;
  }
  now(): number {
    return this.#machine.clock();
  }

  /** Works until it is stopped. */
  async run(): Promise<void> {
    await makeDirectory(this.config.proofs);
    // Each hook on its own, so that one that does not answer keeps nothing from the others.
    const hooks = new Set([...this.config.webhooks.map(({ name }) => name), ...this.store.waitingHooks()]);
    const beside = [
      this.#repeat(() => this.proveNext()),
      ...(this.#chain === undefined ? [] : [this.#repeat(() => this.chainNext())]),
      ...(this.#forecaster === undefined ? [] : [this.#repeat(() => this.forecastNext())]),
      ...[...hooks].map((hook) => this.#repeat(() => this.#deliver(hook))),
    ];
    await this.#repeat(async () => {
      await this.step();
      return false;
    });
    await Promise.all(beside);
  }

  /** Ends after what is being done. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#last;
    this.#chain?.close();
    await (await this.#prover?.catch(() => undefined))?.close();
  }

  /** Does a piece of work until told to stop, at once again where it says that there is more. */
  async #repeat(work: () => Promise<boolean>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const more = await work().catch((error: unknown) => {
        this.#machine.log({ event: "failed", why: codeOf(error) });
        return false;
      });
      if (!more) await sleep(POLL, undefined, { signal }).catch(() => {});
    }
  }

  /** One look at the epoch and at all accounts. */
  async step(): Promise<void> {
    const now = this.now();
    const wrong: Condition[] = [];
    const before = this.#epoch;
    if (await this.#look(wrong)) this.#unkept = true;
    const unknown = new Set<string>();
    if (this.#epoch !== undefined && (await this.#readAccounts(this.#epoch, wrong, unknown))) this.#unkept = true;
    for (const each of this.#unseen()) unknown.add(each);
    if (this.#epoch !== undefined && this.#unkept) {
      this.#record(this.#epoch, now);
      this.#unkept = false;
      if (this.#epoch !== before) this.#machine.log({ event: "epoch", epoch: `${this.#epoch.market.epoch}` });
      this.events.emit("change", "epoch");
    }
    for (const { valuation } of this.#held.values()) {
      if (!unknown.has(valuation.account)) {
        wrong.push(...coverageConditions(valuation, { bps: BigInt(this.config.nearBps) }));
      }
    }
    const names = this.#accountNames();
    const isKnown = (account: string) => !unknown.has(account) && names.has(account);
    wrong.push(...(this.#forecaster?.conditions(isKnown) ?? []));
    wrong.push(...lateTasks(this.config.rules, this.store, now));
    const gates = this.#present()?.accounts ?? [];
    wrong.push(...(this.#chain?.conditions(gates) ?? []));
    for (const key of this.#chain?.unknown(gates) ?? []) unknown.add(key);
    const hooks = this.config.webhooks.map(({ name }) => name);
    const alerts = this.store.judge(wrong, unknown, hooks, now);
    if (alerts.length > 0) this.events.emit("change", "alert");
    // What concerns no account by name: whoever starts a desk sees at once that a file is not what it should be.
    for (const { account, severity, text, ended } of alerts) {
      if (account === null)
        this.#machine.log({ event: ended === null ? "alert" : "alert ended", severity, what: text });
    }
    if (Math.abs(now - this.#pruned) > PRUNE_EVERY) {
      this.#pruned = now;
      // A clock that has jumped ahead forgets nothing: days count from the last epoch.
      const latest = this.store.latestEpoch();
      const last = latest === undefined ? now : Math.min(now, unixTime(latest.time) * 1000);
      this.store.prune(timeText(new Date(last - this.config.keepDays * 86_400_000)));
    }
  }

  /** Takes the epoch that stands now, unless it is one before the last. Says whether it is another one than before. */
  async #look(wrong: Condition[]): Promise<boolean> {
    const about = (key: string, text: string): Condition => ({ key, account: null, severity: "critical", text });
    let newer = false;
    try {
      const epoch = await this.#source();
      const latest = this.store.latestEpoch();
      if (latest !== undefined && epoch.market.epoch < BigInt(latest.epoch)) {
        wrong.push(about("epochs back", "The epoch that is given is earlier than the last one: it is not taken."));
      } else {
        newer = epoch !== this.#epoch;
        this.#epoch = epoch;
      }
    } catch (error) {
      wrong.push(about("epochs unreadable", `The epoch cannot be read: ${sentenceOf(error)}.`));
    }
    const closed = this.#epoch?.closed ?? null;
    if (closed !== null) wrong.push(about("epochs closed", `The gate's market does not serve now: ${closed}.`));
    const seconds = this.config.epochSeconds;
    const age = this.#epoch && this.now() / 1000 - unixTime(this.#epoch.market.time);
    if (age === undefined || age > 2 * seconds) {
      wrong.push(about("epochs silent", `No new epoch for more than ${2 * seconds} seconds.`));
    } else if (age < -seconds) {
      wrong.push(about("epochs ahead", "The time of the epoch is ahead of this machine's clock."));
    }
    return newer;
  }

  /**
   * Accounts, and keys of alerts of none, about which nothing can be said yet: after a start, those of files that have not been
   * readable since. What an earlier run raised of them stands.
   */
  #unseen(): string[] {
    if (this.#held.size === this.config.accounts.length) return [];
    const seen = this.#accountNames();
    return this.store.alerts({ open: true }).flatMap(({ key, account }) => {
      if (account === null) return this.#epoch === undefined && key.startsWith(UNREADABLE) ? [key] : [];
      return seen.has(account) ? [] : [account];
    });
  }

  /** Reads every account whose file or market has changed. Says whether any is another one than before. */
  async #readAccounts(under: DeskEpoch, wrong: Condition[], unknown: Set<string>): Promise<boolean> {
    const { policy, market } = under;
    let changed = false;
    for (const { file, maxAgeSeconds } of this.config.accounts) {
      const before = this.#held.get(file);
      try {
        const text = await this.#machine.inputs.text(file);
        if (under !== before?.under || text.text !== before.text.text) {
          const holder = readAccount(text.text, file, policy, market);
          const other = [...this.#held].find(([of, each]) => of !== file && each.holder.name === holder.name)?.[0];
          if (other !== undefined)
            throw new PlimsollError("FIELD_INVALID", `the same account as in ${path.basename(other)}`);
          this.#held.set(file, { under, text, holder, valuation: valueAccount(holder, policy, market) });
          changed = true;
        }
        const { name } = this.#held.get(file)!.holder;
        const age = maxAgeSeconds === undefined ? 0 : this.now() / 1000 - (await stat(file)).mtimeMs / 1000;
        if (maxAgeSeconds !== undefined && age > maxAgeSeconds) {
          const text = `The file of ${name} has not been renewed for more than ${maxAgeSeconds} seconds.`;
          wrong.push({ key: `old ${name}`, account: name, severity: "warning", text });
        }
      } catch (error) {
        const name = before?.holder.name;
        if (name !== undefined) unknown.add(name);
        const text = `${name ?? path.basename(file)} cannot be read: ${ruleOf(error)}.`;
        wrong.push({ key: `${UNREADABLE}${file}`, account: null, severity: "critical", text });
      }
    }
    return changed;
  }

  #record({ texts, policy, market }: DeskEpoch, now: number): void {
    const held = [...this.#held.values()].filter(({ valuation }) => valuation.epoch === market.epoch.toString());
    const readings = held.map(({ text, valuation }) => ({
      account: valuation.account,
      holder: text,
      equity: valuation.equity,
      margin: valuation.margin,
      excess: valuation.levels[0]!.excess,
      coverage: valuation.coverageBps,
      level: levelReached(valuation),
    }));
    const gates = this.#gateFiles();
    const tasks = held.flatMap(({ text, valuation }) =>
      tasksDue(this.config.rules, { policy, market }, { text, valuation, atGate: gates.has(text.file) }, this.store),
    );
    this.store.record({ epoch: market.epoch.toString(), time: market.time, ...texts, readings, tasks }, now);
  }

  #accountNames(): ReadonlySet<string> {
    return new Set([...this.#held.values()].map(({ holder }) => holder.name));
  }

  /** Makes a forecast that is due. Says whether there was one. */
  async forecastNext(): Promise<boolean> {
    // Each takes a moment: whoever asks something meanwhile is answered between two of them.
    await setImmediate();
    const made = (await this.#forecaster?.next(this.#held.values())) ?? false;
    if (made) this.#foreseen = true;
    else if (this.#foreseen) {
      this.#foreseen = false;
      this.events.emit("change", "epoch");
    }
    return made;
  }

  /** Makes the oldest proof or pack that is due. Says whether there was one. */
  async proveNext(): Promise<boolean> {
    const [task] = this.store.tasks.due("prove", "pack");
    if (task === undefined) return false;
    try {
      const file = await makeTask(task, this.config, {
        ...this.#machine,
        prover: () => this.#theProver(),
        signal: this.#stop.signal,
      });
      this.store.tasks.finish(task.id, { file }, this.now());
    } catch (error) {
      if (this.#stop.signal.aborted) return false;
      this.store.tasks.finish(task.id, { reason: codeOf(error) }, this.now());
      this.#machine.log({ event: "task failed", task: task.id, why: codeOf(error) });
    }
    this.events.emit("change", "task");
    return true;
  }

  async #theProver(): Promise<Prover> {
    this.#prover ??= this.#machine.openProver();
    return this.#prover;
  }

  #gateFiles(): ReadonlySet<string> {
    return new Set(this.config.accounts.flatMap(({ file, chain }) => (chain === undefined ? [] : [file])));
  }

  /** The epoch, and the accounts that are at a gate. Undefined before the first epoch. */
  #present(): Present | undefined {
    if (this.#epoch === undefined) return undefined;
    const accounts = this.config.accounts.flatMap(({ file, key, chain }): GateAccount[] => {
      const held = this.#held.get(file);
      if (held === undefined || chain === undefined || key === undefined) return [];
      const { holder, valuation } = held;
      const holds: GateAccount["holds"] = (level) =>
        valuation.levels.some(({ name, atLeast }) => name === level && atLeast);
      return [{ ...chain, name: holder.name, key, holds }];
    });
    return { epoch: this.#epoch, accounts, complete: this.#held.size === this.config.accounts.length };
  }

  /** Goes on with one task on the chain. Says whether there may be more to do at once. */
  async chainNext(): Promise<boolean> {
    const present = this.#present();
    if (this.#chain === undefined || present === undefined) return false;
    const before = this.store.tasks.changes();
    const chain = this.#chain;
    const more = await this.#once(() => chain.next(present));
    this.#askOldEvidence(present, chain);
    if (this.store.tasks.changes() !== before) this.events.emit("change", "task");
    return more;
  }

  /** Asks for attestations of accounts whose last one is old. */
  #askOldEvidence({ epoch: { market, policy }, accounts }: Present, chain: ChainHand): void {
    for (const rule of this.config.rules) {
      if (rule.kind !== "attest" || rule.olderThanSeconds === undefined) continue;
      for (const { name } of accounts) {
        const age = chain.ageOf(name);
        const last = this.store.tasks.last(rule.name, name);
        if (rule.accounts?.includes(name) === false || age === undefined || isOpen(last)) continue;
        if (age < BigInt(rule.olderThanSeconds)) continue;
        const task: NewTask = {
          key: [rule.name, name, market.epoch].join("\n"),
          ...{ kind: "attest", rule: rule.name, account: name, approval: rule.approval },
          ...attestation(rule, policy),
        };
        this.store.tasks.addAt(market.epoch.toString(), task, this.now());
      }
    }
  }

  /** Whether somebody's wallet is to send what a task asks for. */
  isForWallet({ kind, account }: Task): boolean {
    if (kind !== "attest" && kind !== "top up") return false;
    return this.#present()?.accounts.some(({ name, signer }) => name === account && signer.by === "wallet") ?? false;
  }

  #taskForWallet(id: number): { task: Task; present: Present; chain: ChainHand } {
    const [task, present, chain] = [this.store.tasks.get(id), this.#present(), this.#chain];
    if (task === undefined || present === undefined || chain === undefined) {
      throw new PlimsollError("UNKNOWN_NAME", "there is no such task on a chain");
    }
    return { task, present, chain };
  }

  /** The next transaction of a task, for the wallet of whoever approves it. Throws as `ChainHand.offer`. */
  offer(id: number): Promise<WalletOffer> {
    // The task as it is once it is its turn.
    return this.#once(() => {
      const { task, present, chain } = this.#taskForWallet(id);
      return chain.offer(task, present);
    });
  }

  /** Takes the hash of what a wallet has sent. Throws as `ChainHand.told`. */
  async told(id: number, hash: string): Promise<void> {
    await this.#once(() => {
      const { task, present, chain } = this.#taskForWallet(id);
      return chain.told(task, hash, present);
    });
    this.events.emit("change", "task");
  }

  /** Work with accounts' files is done one after the other: each is locked meanwhile. */
  #once<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #deliver(hook: string): Promise<boolean> {
    const due = this.store.deliveries({ due: this.now(), hook });
    for (const delivery of due) {
      if (this.#stop.signal.aborted) return false;
      this.store.delivered(delivery.id, await this.#machine.courier.send(delivery, this.now()));
    }
    if (due.length > 0) this.events.emit("change", "delivery");
    return due.length > 0;
  }

  #find(account: string): Held {
    const held = [...this.#held.values()].find(({ holder }) => holder.name === account);
    if (held === undefined || this.#epoch === undefined) {
      throw new PlimsollError("UNKNOWN_NAME", "the desk has read no such account", { field: "account" });
    }
    return held;
  }

  /** Throws `UNKNOWN_NAME` for an account that has not been read since the desk started. */
  valuation(account: string): Valuation {
    return this.#find(account).valuation;
  }

  /** Throws like `suppose`, and `UNKNOWN_NAME`. */
  suppose(account: string, supposition: Supposition): Supposed {
    const { holder } = this.#find(account);
    const { policy, market, input } = this.#epoch!;
    return suppose(holder, policy, market, supposition, input);
  }

  /** Asks for a proof now, for an audience; an approver has to agree. Throws `UNKNOWN_NAME`. */
  ask(account: string, atLeast: LevelName, audience: string, who: string): void {
    const { valuation } = this.#find(account);
    const { policy, market } = this.#epoch!;
    const task: NewTask = {
      kind: "prove",
      key: ["asked", account, market.epoch.toString(), atLeast, label(audience, "audience")].join("\n"),
      rule: `asked by ${who}`,
      account: valuation.account,
      level: policy.levels[atLeast].toString(),
      audience,
      terms: { atLeast },
      approval: true,
    };
    this.store.tasks.propose(market.epoch.toString(), task, this.now());
    this.events.emit("change", "task");
  }
}

/** A stable code: messages of strangers may hold anything. */
export const codeOf = (error: unknown): string => (error instanceof PlimsollError ? error.code : "INTERNAL");
/** What an error says without place and names, which are of what the account holds: alerts go to other services. */
const ruleOf = (error: unknown): string =>
  error instanceof PlimsollError ? error.rule.replaceAll(/"[^"]*"/g, "a name") : "an unexpected fault";
/** What an error says of itself, without amounts: errors of this program name places and rules. */
const sentenceOf = (error: unknown): string => (error instanceof PlimsollError ? error.message : "an unexpected fault");
