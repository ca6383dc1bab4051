// SPDX-License-Identifier: GPL-3.0-or-later
/** What the rules of a desk ask for at an epoch, and when calendars are due. */
import type { Condition } from "../../app/desk/conditions.ts";
import type { Task } from "../../app/desk/records.ts";
import type { Valuation } from "../../app/value.ts";
import type { NamedText } from "../../formats/account.ts";
import { type Rule, type RuleOf, WEEKDAYS } from "./config.ts";
import type { DeskEpoch } from "./epochs.ts";
import { type Store, sha256Of } from "./store.ts";
import type { NewTask } from "./tasks.ts";

/** An account at an epoch. */
export interface RuledAccount {
  readonly valuation: Valuation;
  readonly text: NamedText;
  /** Whether the desk knows it at a gate. */
  readonly atGate: boolean;
}

const DAY = 86_400_000;

/** The last moment at or before a time at which a calendar is due. Unix milliseconds. */
export function lastDue({ every, weekday = "monday", day = 1, at }: RuleOf<"pack">, time: number): number {
  const [hours, minutes] = at.split(":").map(Number) as [number, number];
  const now = new Date(time);
  const [year, month, date] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const on = (ofMonth: number, ofDay: number) => Date.UTC(year, ofMonth, ofDay, hours, minutes);
  if (every === "month") return on(month, day) <= time ? on(month, day) : on(month - 1, day);
  const since = every === "day" ? 0 : (now.getUTCDay() - WEEKDAYS.indexOf(weekday) + 7) % 7;
  const due = on(month, date - since);
  return due <= time ? due : due - (every === "day" ? 1 : 7) * DAY;
}

/** What rules ask for of an account at an epoch. What has been asked for already has the same key. */
export function tasksDue(
  rules: readonly Rule[],
  { policy, market }: Pick<DeskEpoch, "policy" | "market">,
  account: RuledAccount,
  store: Store,
): NewTask[] {
  const { valuation } = account;
  const name = valuation.account;
  const epoch = market.epoch.toString();
  const today = market.time.slice(0, 10);
  return rules.flatMap((rule): NewTask[] => {
    if (!(rule.accounts?.includes(name) ?? true)) return [];
    const task = (occasion: string, part: Pick<NewTask, "level" | "audience" | "terms">): NewTask[] => [
      {
        key: [rule.name, name, occasion].join("\n"),
        ...{ kind: rule.kind, rule: rule.name, account: name, approval: rule.approval },
        ...part,
      },
    ];
    if (rule.kind === "prove") {
      const { atLeast, audience } = rule;
      const level = policy.levels[atLeast].toString();
      return task(rule.when === "every day" ? today : epoch, { level, audience, terms: { atLeast } });
    }
    if (rule.kind === "attest") {
      // One that waits is done under the latest epoch: no other is added to it.
      if (!isAtGate(rule, account) || rule.when === "when old" || isOpen(store.tasks.last(rule.name, name))) return [];
      return task(rule.when === "every day" ? today : epoch, attestation(rule, policy));
    }
    if (rule.kind === "top up") {
      const { below, asset, amount } = rule;
      const isBelow = valuation.levels.some((level) => level.name === below && !level.atLeast);
      if (!isAtGate(rule, account) || !isBelow || !mayTopUp(rule, account, today, store)) return [];
      return task(epoch, {
        level: policy.levels[below].toString(),
        audience: "",
        terms: { atLeast: below, asset, amount },
      });
    }
    const due = lastDue(rule, Date.parse(market.time));
    const first = store.firstTime();
    // A time before the desk had its first epoch was none that it has missed.
    if (first === undefined || Date.parse(first) > due) return [];
    const { atLeast, audience, firm, question, key } = rule;
    const level = policy.levels[atLeast].toString();
    return task(new Date(due).toISOString(), { level, audience, terms: { atLeast, firm, question, key } });
  });
}

/** A rule about the chain is for accounts at a gate; one that it names is told of if it is not. */
const isAtGate = (rule: Rule, { atGate }: RuledAccount) => atGate || rule.accounts !== undefined;
export const isOpen = (task: Task | undefined) => task?.state === "proposed" || task?.state === "ready";

export const attestation = (
  { atLeast }: RuleOf<"attest">,
  { levels }: DeskEpoch["policy"],
): Pick<NewTask, "level" | "audience" | "terms"> => ({
  level: levels[atLeast].toString(),
  audience: "",
  terms: { atLeast },
});

/**
 * Not while one waits, and not again on a day on which one failed or was rejected. After one that was done, only once the account's
 * file is another one than when it was done: until then it does not show what was paid in.
 */
function mayTopUp(rule: Rule, { valuation, text }: RuledAccount, today: string, store: Store): boolean {
  const last = store.tasks.last(rule.name, valuation.account);
  if (last === undefined) return true;
  if (isOpen(last)) return false;
  if (last.state !== "done") return last.time.slice(0, 10) !== today;
  return store.holderAt(valuation.account, last.finished!) !== sha256Of(text.text);
}

const LATE = 3600;

/** What was asked for and is not done in time, or could not be done. */
export function lateTasks(rules: readonly Rule[], store: Store, now: number): Condition[] {
  const ruleOf = (task: Task) => rules.find(({ name }) => name === task.rule);
  const failed = store.tasks
    .latest()
    .filter((task) => task.state === "failed" && ruleOf(task) !== undefined)
    .map(({ rule, account, reason }): Condition => {
      const text = `${rule} of ${account} has failed: ${reason}.`;
      return { key: `failed ${rule} ${account}`, account, severity: "critical", text };
    });
  const late = store.tasks.oldestOpen().flatMap((task): Condition[] => {
    const { kind, rule, account, state, created } = task;
    // Of a proof that somebody has asked for there is no rule; of others it was there once.
    const { lateSeconds = LATE } = ruleOf(task) ?? { lateSeconds: kind === "prove" ? Number.POSITIVE_INFINITY : LATE };
    if (now - created <= lateSeconds * 1000) return [];
    const why = state === "proposed" ? "waits for an approver" : "is not done";
    const text = `${rule} of ${account} ${why}, more than ${lateSeconds} seconds after it was asked for.`;
    return [{ key: `late ${rule} ${account}`, account, severity: "warning", text }];
  });
  return [...failed, ...late];
}
