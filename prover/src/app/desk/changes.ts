// SPDX-License-Identifier: GPL-3.0-or-later
/** Why an account stands where it stands: what changed since an earlier epoch, one cause at a time. PRIVATE. */
import { PlimsollError } from "../../errors.ts";
import { type NamedText, readAccount } from "../../formats/account.ts";
import { formatDecimal } from "../../formats/decimal.ts";
import { readMarket } from "../../formats/market.ts";
import { readPolicy } from "../../formats/policy.ts";
import { coverageBpsDown, type Evaluation, evaluate } from "../../model/evaluate.ts";

/** The texts that an account was valued from. */
export interface Moment {
  readonly policy: NamedText;
  readonly market: NamedText;
  readonly account: NamedText;
}

/** `market`: prices and risk values; `policy`: haircuts, levels, rates; `account`: collateral, cash, positions. */
export const CAUSES = ["market", "policy", "account"] as const;
export type Cause = (typeof CAUSES)[number];

/**
 * What one cause did to an account, or several that cannot be told apart. Amounts are exact decimal strings in quote currency.
 * @see docs/desk.md
 */
export interface Change {
  readonly causes: readonly Cause[];
  readonly equity: string;
  readonly margin: string;
  /** Coverage in basis points once this has changed too; null without margin. */
  readonly coverageBps: string | null;
}

/**
 * Goes from one moment to a later one: first the market changes, then the policy, then the account. The steps add up to the whole.
 * Another order would give other parts: what two causes do together falls to the later one. Causes are one step where the one
 * cannot be had without the other, such as a market with another list of assets than the policy before. Throws like the readers.
 */
export function explainChanges(before: Moment, after: Moment): readonly Change[] {
  let [last, moment, pending] = [valued(before), before, [] as Cause[]];
  const changes: Change[] = [];
  for (const cause of CAUSES) {
    pending.push(cause);
    moment = { ...moment, [cause]: after[cause] };
    const next = cause === "account" ? valued(moment) : tried(moment);
    if (next === undefined) continue;
    changes.push({
      causes: pending,
      equity: formatDecimal(next.equity - last.equity, 20),
      margin: formatDecimal(next.margin - last.margin, 10),
      coverageBps: coverageBpsDown(next)?.toString() ?? null,
    });
    [last, pending] = [next, []];
  }
  return changes;
}

function valued({ policy, market, account }: Moment): Evaluation {
  const policyFile = readPolicy(policy.text, policy.file);
  const marketFile = readMarket(market.text, market.file, policyFile);
  const holder = readAccount(account.text, account.file, policyFile, marketFile);
  return evaluate(holder.account, policyFile.policy, marketFile.market);
}

/** Undefined for parts that do not go together. */
function tried(moment: Moment): Evaluation | undefined {
  try {
    return valued(moment);
  } catch (error) {
    if (error instanceof PlimsollError) return undefined;
    throw error;
  }
}
