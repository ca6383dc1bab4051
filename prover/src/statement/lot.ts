// SPDX-License-Identifier: GPL-3.0-or-later
/** A liquidation's step: a lot leaves an account that is below a level, on the policy's terms. `model/lot.ts` has the rules. */

import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement, invert, toField } from "../field.ts";
import { commitFill, commitState, stateBlinding } from "../model/commit.ts";
import { appraiseLot, type LotAppraisal, type LotStep, type LotTerms } from "../model/lot.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import { WORTH_HINTS } from "./families.ts";
import { creditSignals, encodeLotSize, encodeLotTerms, marketSignals } from "./signals.ts";
import type { WitnessInput } from "./witness-input.ts";
import { marketInputs, worthHints } from "./worth.ts";

/** What is asked of the circuit, in the clear. */
export interface LotRequest extends LotStep {
  readonly terms: LotTerms;
  /** What the proof is bound to, as a field element. */
  readonly context: bigint;
  readonly policy: Policy;
  readonly market: Market;
}

/**
 * A request worked out: the lot and what the account becomes, all public signals in the circuit's order, and the circuit's
 * input. A proof exists where `appraisal.broken` is empty.
 */
export interface LotStatement extends WitnessInput {
  readonly appraisal: LotAppraisal;
  readonly publicSignals: readonly FieldElement[];
}

/** Works a request out. Throws like `appraiseLot`, and `OUT_OF_RANGE` for a context that is not reduced. */
export function buildLotStatement({ terms, context, policy, market, ...step }: LotRequest): LotStatement {
  if (context < 0n || context >= FIELD_ORDER) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a context below the field order", { field: "context" });
  }
  const appraisal = appraiseLot(step, terms, policy, market);
  const { held, after, fill, heldValue, afterValue, level } = appraisal;
  const own = {
    stateBefore: commitState(step.before),
    stateAfter: commitState(after),
    fill: commitFill(fill),
    terms: encodeLotTerms(terms),
    size: encodeLotSize(terms),
    context: context as FieldElement,
  };
  const credit = creditSignals(step.credit);
  const blinding = stateBlinding(step.before);
  const worth = [heldValue, afterValue].map(worthHints);
  return {
    appraisal,
    publicSignals: [...Object.values(own), ...credit, ...marketSignals(policy, market)],
    circuitInput: {
      ...own,
      credit,
      ...marketInputs(policy, market),
      positions: [held, after].flatMap(({ positions }) => positions.map(toField)),
      collateral: [held, after].flatMap(({ collateral }) => collateral.map(toField)),
      cash: [held, after].map(({ cash }) => toField(cash)),
      blinding,
      level: toField(level ?? 0n),
      part: toField(step.part),
    },
    hints: {
      ...Object.fromEntries(WORTH_HINTS.map((name) => [`account.${name}`, worth.map((hints) => hints[name])])),
      "Onward.inverse": invert(toField(blinding * (blinding + 1n))),
      "NonZero.inverse": policy.schedules.map(([tier]) => {
        const weight = toField(tier!.weightBps);
        return weight === 0n ? weight : invert(weight);
      }),
    },
  };
}
