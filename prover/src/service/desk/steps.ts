// SPDX-License-Identifier: GPL-3.0-or-later
/** The steps of a task on a chain: each is one transaction. */
import { type AccountMachine, APPROVAL, type Done } from "../../app/account/session.ts";
import { TASK_STEPS, type Task, type TaskCall, type TaskStep } from "../../app/desk/records.ts";
import type { AccountRecord } from "../../chain/account-record.ts";
import type { Prover } from "../../prove/prover.ts";

export type Machine = AccountMachine & { readonly record: AccountRecord };
/** A transaction that the chain has. */
export type Call = Pick<Done, "transaction" | "block" | "words" | "acknowledge">;
/** A step that is not needed gives nothing. */
export type Work = readonly [step: TaskStep, work: (machine: Machine) => Promise<Done | undefined>];

/** Whether a step, or a later one, is so deep in the chain that the desk counts on it. */
export const isPast = (step: TaskStep, calls: readonly TaskCall[]) =>
  calls.some((call) => call.confirmed && TASK_STEPS.indexOf(call.step) >= TASK_STEPS.indexOf(step));

export const isBegun = ({ calls, offered }: Task) => calls.length > 0 || offered !== null;

/**
 * Whose turn it is of an account's tasks, of which one is done after the other: one that was begun; else the first. Attestations that
 * wait for an epoch hold nothing up: paying in needs none.
 */
export function turnsOf(account: string, due: readonly Task[]): readonly Task[] {
  const tasks = due.filter((task) => task.account === account);
  const begun = tasks.find(isBegun);
  if (begun !== undefined) return [begun];
  const last = tasks.findIndex(({ kind }) => kind !== "attest");
  return last < 0 ? tasks : tasks.slice(0, last + 1);
}

/** Steps of a task that have been begun. */
export function begunOf({ calls }: Task, { record: { sending } }: Machine): readonly { readonly step: TaskStep }[] {
  const step = sending === null ? undefined : stepOf(sending.request);
  return step === undefined ? calls : [...calls, { step }];
}

/** What is left to do of a task. No step before one that was begun: it would take that one for another's, and count on it. */
export function left(works: readonly Work[], task: Task, machine: Machine): readonly Work[] {
  const begun = begunOf(task, machine);
  const last = works.findLastIndex(([step]) => begun.some((each) => each.step === step));
  return works.slice(Math.max(0, last));
}

/** Of the request of one of the use cases. */
export function stepOf(request: string): TaskStep | undefined {
  if (request.includes(APPROVAL)) return "approve";
  return TASK_STEPS.find((step) => request.startsWith(`${step} `));
}

/** Whether what a wallet has sent waits for a block: it would send another beside it, if it chooses nonces of its own. */
export async function isWaiting({ provider, record: { sending, owner } }: Machine): Promise<boolean> {
  if (sending === null || sending.landed === true) return false;
  const [taken, known] = await Promise.all([
    provider.getTransactionCount(owner, "latest"),
    provider.getTransactionCount(owner, "pending"),
  ]);
  return taken <= sending.nonce && known > sending.nonce;
}

/** A prover that is made when it is first needed. */
export const lazily = (prover: () => Promise<Prover>): AccountMachine["prover"] => ({
  prove: async (...args) => (await prover()).prove(...args),
  settle: async (...args) => (await prover()).settle(...args),
  liquidate: async (...args) => (await prover()).liquidate(...args),
});
