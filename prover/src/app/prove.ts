// SPDX-License-Identifier: GPL-3.0-or-later
/** Proofs that accounts cover a level, or do not, with nothing moved for the proof. */
import type { Envelope } from "../document/proof.ts";
import { PlimsollError } from "../errors.ts";
import { formatDecimal } from "../formats/decimal.ts";
import type { MarketFile } from "../formats/market.ts";
import type { PolicyFile } from "../formats/policy.ts";
import { commitState } from "../model/commit.ts";
import { NO_TRANSFER, noFill } from "../model/transition.ts";
import type { ProveOptions, Prover } from "../prove/prover.ts";
import type { Direction } from "../statement/signals.ts";
import type { LevelBps } from "../units.ts";
import { checkSettled, type KeyedAccount, provable } from "./provable.ts";
import { proveEnvelope } from "./prove-envelope.ts";

/**
 * What is claimed of an account's coverage, at which policy and market, and for whom.
 * @see docs/library.md#proofs
 */
export interface CoverageClaim {
  readonly level: LevelBps;
  readonly direction: Direction;
  /** The level's name, for errors; undefined where it has none. */
  readonly name?: string | undefined;
  /** 1 to 200 visible characters. */
  readonly audience: string;
  readonly policy: PolicyFile & { readonly sha256: string };
  readonly market: MarketFile & { readonly sha256: string };
}

/**
 * Proves a claim of one account. Throws like `Prover.prove`; `STATEMENT_FALSE` where the claim is not true, `UNSETTLED` where
 * the account leaves out something that its owner has not acknowledged.
 *
 *   const holder = { ...readAccount(text, file, policy, market), viewingKey: readViewingKey(keyText, "viewing.key") };
 *   const claim = { level: policy.levels.initial, direction: "at-least", audience: "request 17", policy, market };
 *   const envelope = await proveCoverage(prover, holder, claim);
 */
export async function proveCoverage(
  prover: Prover,
  holder: KeyedAccount,
  { name, ...claim }: CoverageClaim,
  options?: ProveOptions,
): Promise<Envelope> {
  const before = provable(holder);
  const transition = { transfer: NO_TRANSFER, fill: noFill(before.size), side: 1n } as const;
  try {
    return await proveEnvelope(prover, { before, transition, ...claim, exceptions: holder.exceptions }, options);
  } catch (error) {
    if (!(error instanceof PlimsollError) || error.code !== "STATEMENT_FALSE") throw error;
    throw new PlimsollError(
      "STATEMENT_FALSE",
      `the coverage of this account is not ${claimWords({ name, ...claim })}, so no proof of it exists`,
    );
  }
}

/** "at least the initial level of 150%". */
export function claimWords({ level, direction, name }: Pick<CoverageClaim, "level" | "direction" | "name">): string {
  const words = direction === "below" ? "below" : "at least";
  return `${words} ${name === undefined ? "" : `the ${name} level of `}${formatDecimal(level, 2)}%`;
}

/**
 * What came of one account among several.
 * @see docs/library.md#proofs
 */
export interface CoverageOutcome {
  readonly account: string;
  /** To its state, decimal. */
  readonly commitment: string;
  /** Undefined where the claim is not true of it. */
  readonly envelope?: Envelope;
}

/**
 * Proves the same claim of several accounts, one after another. An account of which it is not true fails none of the others.
 * Throws what is no answer: `CANCELLED`, missing keys, a malformed account, `UNSETTLED` before the first proof.
 *
 *   const outcomes = await proveAccounts(prover, accounts, claim);
 *   const short = outcomes.filter(({ envelope }) => envelope === undefined);
 */
export async function proveAccounts(
  prover: Prover,
  accounts: readonly ({ readonly name: string } & KeyedAccount)[],
  claim: CoverageClaim,
  options?: ProveOptions & { readonly onAccount?: (name: string, index: number) => void },
): Promise<CoverageOutcome[]> {
  const outcomes: CoverageOutcome[] = [];
  for (const each of accounts) checkSettled(each);
  for (const [index, { name, ...holder }] of accounts.entries()) {
    options?.onAccount?.(name, index);
    const outcome = { account: name, commitment: commitState(provable(holder)).toString() };
    try {
      outcomes.push({ ...outcome, envelope: await proveCoverage(prover, holder, claim, options) });
    } catch (error) {
      if (!(error instanceof PlimsollError) || error.code !== "STATEMENT_FALSE") throw error;
      outcomes.push(outcome);
    }
  }
  return outcomes;
}
