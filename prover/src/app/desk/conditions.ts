// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What is wrong with accounts and with what a desk is told, as conditions that begin, last and end. PRIVATE.
 *
 * A desk raises an alert when a condition begins and resolves it when the condition ends, so nothing is told twice and nothing that
 * still lasts is forgotten. The words hold names and levels, and no amount: they are sent to other services.
 */
import { formatDecimal } from "../../formats/decimal.ts";
import { LEVELS, type LevelName } from "../../formats/policy.ts";
import type { Valuation } from "../value.ts";

export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One thing that is wrong. */
export interface Condition {
  /** What it is, for good: the same text as long as it lasts. */
  readonly key: string;
  /** The account that it is of; null where it is of none. */
  readonly account: string | null;
  readonly severity: Severity;
  /** A sentence. Names and levels, no amounts. */
  readonly text: string;
  /** Whether it keeps an alert that has begun and begins none: a figure that moves about a border is told once, and not at each epoch. */
  readonly fading?: boolean;
}

/** What is told of coverage before a level is lost. */
export interface Nearness {
  /** Basis points of coverage above a level within which an account is near it; it was near until it is a quarter further away. */
  readonly bps: bigint;
}

const SEVERITY: Readonly<Record<LevelName, Severity>> = {
  initial: "info",
  call: "warning",
  liquidation: "critical",
  closeOut: "critical",
};
const WORDS: Readonly<Record<LevelName, string>> = {
  initial: "initial",
  call: "margin call",
  liquidation: "liquidation",
  closeOut: "close-out",
};
const percent = (bps: string) => `${formatDecimal(BigInt(bps), 2)}%`;

/** What is wrong with an account's coverage: each level that it is below, and the highest other one that it is near. */
export function coverageConditions({ account, levels, coverageBps }: Valuation, near: Nearness): Condition[] {
  const below = levels.filter(({ atLeast }) => !atLeast);
  const conditions = below.map(
    ({ name, bps }): Condition => ({
      key: `below ${name} ${account}`,
      account,
      severity: SEVERITY[name],
      text: `${account} is below the ${WORDS[name]} level of ${percent(bps)}.`,
    }),
  );
  const next = levels.find(({ atLeast, name }) => atLeast && name !== LEVELS[0]);
  const above = next === undefined || coverageBps === null ? undefined : BigInt(coverageBps) - BigInt(next.bps);
  if (next !== undefined && above !== undefined && 4n * above < 5n * near.bps) {
    const { name, bps } = next;
    conditions.push({
      key: `near ${name} ${account}`,
      account,
      severity: name === "call" ? "warning" : "critical",
      text: `${account} is within ${percent(near.bps.toString())} of coverage of the ${WORDS[name]} level of ${percent(bps)}.`,
      fading: above >= near.bps,
    });
  }
  return conditions;
}
