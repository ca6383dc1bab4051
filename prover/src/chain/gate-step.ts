// SPDX-License-Identifier: GPL-3.0-or-later
/** A step of an account at the gate: a call between two states, bound to its proof, signed where its sender is not the owner. */
import type { Signer, TypedDataDomain } from "ethers";
import type { Account } from "../model/account.ts";
import { commitState } from "../model/commit.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import { applyTransition, type Transition } from "../model/transition.ts";
import type { Proof, Prover } from "../prove/prover.ts";
import type { Direction } from "../statement/account.ts";
import type { LevelBps } from "../units.ts";
import { type Action, contextOf, type GateCall, type Step, signCall, stepOf } from "./gate-calls.ts";
import { sealState } from "./sealed-state.ts";

/** What proofs are made under: the values of one epoch, and the numbers by which the chain knows them. */
export interface Published {
  readonly policyId: bigint;
  readonly epoch: bigint;
  readonly policy: Policy;
  readonly market: Market;
}

/** What a step proves of the account after it. PRIVATE. */
export interface Claim {
  readonly before: Account;
  readonly transition: Transition;
  readonly level: LevelBps;
  readonly direction: Direction;
}

export interface StepOptions {
  /** Unix seconds; the last second in which the step is accepted. */
  readonly deadline: bigint;
  /** Signs the step, where its sender is not the owner. */
  readonly signer?: Signer | undefined;
}

/** A call ready to be sent, with the state that follows it. */
export interface PreparedStep {
  readonly call: GateCall;
  readonly step: Step;
  readonly proof: Proof;
  /** Private. */
  readonly after: Account;
}

/** A call between two states of account `id`. */
export const callOf = (id: bigint, before: Account, after: Account, action: Action, deadline: bigint): GateCall =>
  ({
    ...action,
    account: id,
    stateBefore: commitState(before),
    stateAfter: commitState(after),
    blob: sealState(after),
    deadline,
  }) as GateCall;

/**
 * Works a step out and proves it. `domain` is the gate's. Throws `STATEMENT_FALSE` where the claim is not true of the
 * account, and as `applyTransition` and `Prover.prove`.
 */
export async function proveStep(
  { prover, domain }: { readonly prover: Pick<Prover, "prove">; readonly domain: TypedDataDomain },
  id: bigint,
  action: Action,
  claim: Claim,
  { policyId, epoch, policy, market }: Published,
  { deadline, signer }: StepOptions,
): Promise<PreparedStep> {
  const after = applyTransition(claim.before, claim.transition);
  const call = callOf(id, claim.before, after, action, deadline);
  const proof = await prover.prove({ ...claim, context: contextOf(domain, call), policy, market });
  const signature = signer === undefined ? "0x" : await signCall(signer, domain, call);
  return { call, step: stepOf(call, { policyId, epoch }, proof.proof, signature), proof, after };
}
