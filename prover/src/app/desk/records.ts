// SPDX-License-Identifier: GPL-3.0-or-later
/** What a desk keeps and shows: readings, alerts and proofs asked for. PRIVATE. */
import type { LevelName } from "../../formats/policy.ts";
import type { Condition } from "./conditions.ts";

/** A valuation in short, at one epoch. Amounts are decimal strings in quote currency. */
export interface Reading {
  readonly account: string;
  readonly equity: string;
  readonly margin: string;
  /** Equity beyond the initial level; negative is a deficit. */
  readonly excess: string;
  /** Basis points; null without margin. */
  readonly coverage: string | null;
  readonly level: LevelName | null;
}
export interface StoredReading extends Reading {
  readonly epoch: string;
  readonly time: string;
}

/** Where coverage may be, as known at an epoch. Basis points; null without margin. */
export interface Forecast {
  readonly account: string;
  readonly epoch: string;
  readonly time: string;
  /** How far ahead. */
  readonly hours: number;
  /** What is left behind at either end once in twenty times; the first point is now. */
  readonly band: readonly { readonly hours: number; readonly low: string | null; readonly high: string | null }[];
  /** Chances, 0 to 1, of being below a level before the horizon; 1 where it is below it already. */
  readonly levels: readonly { readonly name: LevelName; readonly chance: number }[];
}

export interface Alert extends Omit<Condition, "fading"> {
  readonly id: number;
  /** Unix milliseconds, as all times of a store. */
  readonly began: number;
  readonly ended: number | null;
  readonly acknowledged: number | null;
  readonly acknowledgedBy: string | null;
}

export const TASK_KINDS = ["prove", "attest", "top up", "pack"] as const;
export type TaskKind = (typeof TASK_KINDS)[number];
export const TASK_STATES = ["proposed", "ready", "done", "failed", "rejected"] as const;

/** What a task is to do, as its rule said when it was asked for: what an approver has seen is what is done. */
export interface TaskTerms {
  readonly atLeast?: LevelName;
  /** Of a top-up: what is paid in, in whole units. */
  readonly asset?: string;
  readonly amount?: string;
  /** Of a pack. */
  readonly firm?: string;
  readonly question?: string;
  /** File of the key that seals it. */
  readonly key?: string;
}

export const TASK_STEPS = ["approve", "deposit", "absorb", "attest"] as const;
export type TaskStep = (typeof TASK_STEPS)[number];

/** A transaction of a task. */
export interface TaskCall {
  readonly step: TaskStep;
  readonly words: string;
  readonly transaction: string;
  readonly block: number;
  /** Whether it is so deep in the chain that the desk counts on it. */
  readonly confirmed: boolean;
}

/** What a rule, or somebody, asks for. `proposed` waits for an approver, `ready` is being done. */
export interface Task {
  readonly id: number;
  readonly kind: TaskKind;
  readonly rule: string;
  readonly account: string;
  readonly epoch: string;
  readonly time: string;
  /** Basis points. */
  readonly level: string;
  /** Whom a proof or a pack is for; empty for others. */
  readonly audience: string;
  readonly terms: TaskTerms;
  readonly state: (typeof TASK_STATES)[number];
  readonly created: number;
  readonly decided: number | null;
  readonly decidedBy: string | null;
  readonly finished: number | null;
  readonly file: string | null;
  readonly reason: string | null;
  readonly calls: readonly TaskCall[];
  /** Of an attestation: the epoch that it was begun under last. */
  readonly attempt: string | null;
  /** Which call of the account was handed to a wallet last. */
  readonly offered: string | null;
}

/** A task as a desk shows it. */
export interface ShownTask extends Omit<Task, "file" | "terms" | "calls" | "attempt" | "offered"> {
  /** What a top-up pays in. */
  readonly pays: { readonly asset: string; readonly amount: string } | null;
  /** Whether it waits for a wallet in a browser. */
  readonly forWallet: boolean;
  readonly hasFile: boolean;
  readonly calls: readonly Omit<TaskCall, "block">[];
}

/** One thing that has happened to an account, for its time line. */
export interface Happening {
  /** Unix milliseconds. */
  readonly time: number;
  readonly kind: TaskKind | "alert";
  readonly id: number;
  readonly text: string;
  readonly state: Task["state"] | "open" | "ended";
  /** Severity of an alert, reason of a failed task. */
  readonly note: string | null;
  /** Whether there is a file to be had. */
  readonly file: boolean;
  readonly transactions: readonly string[];
}
