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

export interface Alert extends Condition {
  readonly id: number;
  /** Unix milliseconds, as all times of a store. */
  readonly began: number;
  readonly ended: number | null;
  readonly acknowledged: number | null;
  readonly acknowledgedBy: string | null;
}

export const TASK_STATES = ["proposed", "ready", "done", "failed", "rejected"] as const;
/** A proof that a rule asks for. `proposed` waits for an approver, `ready` for the prover. */
export interface Task {
  readonly id: number;
  readonly rule: string;
  readonly account: string;
  readonly epoch: string;
  readonly time: string;
  /** Basis points. */
  readonly level: string;
  readonly audience: string;
  readonly state: (typeof TASK_STATES)[number];
  readonly created: number;
  readonly decided: number | null;
  readonly decidedBy: string | null;
  readonly finished: number | null;
  readonly file: string | null;
  readonly reason: string | null;
}
