// SPDX-License-Identifier: GPL-3.0-or-later
/** From an account to a document that proves its coverage. */
import type { Published } from "../document/kit.ts";
import { completeEnvelope, draftEnvelope, type Envelope } from "../document/proof.ts";
import { label } from "../formats/labels.ts";
import type { Account } from "../model/account.ts";
import { commitState } from "../model/commit.ts";
import { applyTransition, isNoFill, type Transition } from "../model/transition.ts";
import type { ProveOptions, Prover } from "../prove/prover.ts";
import type { Direction } from "../statement/signals.ts";
import type { LevelBps } from "../units.ts";

/**
 * What to prove of an account, and for whom.
 * @see docs/library.md#proofs
 */
export interface Question extends Published {
  readonly before: Account;
  readonly transition: Transition;
  readonly level: LevelBps;
  readonly direction: Direction;
  /** 1 to 200 visible characters. */
  readonly audience: string;
  /** What the account's owner left out, or counts in another way; the statement names it. None unless given. */
  readonly exceptions?: readonly string[] | undefined;
}

/**
 * Proves a question and puts the proof in an envelope. Throws like `applyTransition` and `Prover.prove`, and `FIELD_INVALID`
 * for an audience that is not 1 to 200 visible characters. For a proof that moves nothing: `proveCoverage`.
 *
 *   const transition = { transfer: { asset: CASH_INDEX, amount: -1_000_000n }, fill: noFill(before.size), side: 1n } as const;
 *   const question = { before, transition, level: policy.levels.initial, direction: "at-least", audience: "request 17" } as const;
 *   const envelope = await proveEnvelope(prover, { ...question, policy, market });
 */
export async function proveEnvelope(prover: Prover, question: Question, options?: ProveOptions): Promise<Envelope> {
  const { before, transition, level, direction, policy, market, exceptions = [] } = question;
  const { transfer, side } = transition;
  const fill = isNoFill(transition.fill) ? "none" : "private";
  const audience = label(question.audience, "audience");
  for (const name of exceptions) label(name, "exceptions");
  const account = commitState(applyTransition(before, transition)).toString();
  const key = await prover.key(before.size);
  const { draft, context } = draftEnvelope(
    { account, level, direction, transfer, side, fill, audience, exceptions },
    question,
    key,
  );
  const request = { before, transition, level, direction, context, policy: policy.policy, market: market.market };
  return completeEnvelope(draft, await prover.prove(request, options));
}
