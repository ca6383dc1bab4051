// SPDX-License-Identifier: GPL-3.0-or-later
/** The circuit `Lot` in small, of the shipped sources: an account on the board of `miniature.ts`. */

import { type FieldElement, toField } from "../../../prover/src/field.ts";
import type { Account } from "../../../prover/src/model/account.ts";
import { PURPOSE, packPositions, packWide, stateBlinding } from "../../../prover/src/model/commit.ts";
import { appraiseLot, type LotAppraisal, NO_CREDIT, offered, WHOLE } from "../../../prover/src/model/lot.ts";
import { ASSETS } from "../../../prover/src/model/sizes.ts";
import { publicNamesOf } from "../../../prover/src/statement/families.ts";
import { creditSignals, encodeLotSize, encodeLotTerms } from "../../../prover/src/statement/signals.ts";
import type { CashE6 } from "../../../prover/src/units.ts";
import { admissibleLot, type LotCase, randomLot } from "../../support/lots.ts";
import { type Rng, seededRng } from "../../support/random.ts";
import type { Inputs } from "./generate.ts";
import {
  MODEL_BOARD,
  miniSponge,
  SHAPE,
  smallMarket,
  smallMarketInputs,
  smallPolicy,
  smallPositions,
  smallRows,
  smallState,
  type ValuedCase,
} from "./miniature.ts";

export const LOT_MAIN = `pragma circom 2.2.0;
include "lot.circom";
component main {public [${publicNamesOf("lot").join(", ")}]} = Lot(${SHAPE.blocks}, ${SHAPE.rows}, ${ASSETS}, ${SHAPE.tiers}, ${SHAPE.scenarios});
`;

type Holdings = Pick<Account, "positions" | "collateral" | "cash">;

/** A lot as a liar would put it: every commitment is of what is claimed, unless it is given. */
export interface LotClaim extends LotCase {
  readonly held: Account;
  readonly after: Account;
  /** What blinds the lot, unless that follows from the state's. */
  readonly blinding?: FieldElement;
  readonly level: bigint;
  /** What is said of the lot's part, unless it is the step's. */
  readonly part?: bigint;
  readonly context?: bigint;
  readonly input?: Inputs;
}

const without = (one: readonly bigint[], other: readonly bigint[]) => one.map((piece, index) => piece - other[index]!);

export function lotInputs({ step, terms, policy, market, held, after, level, ...claim }: LotClaim): Inputs {
  const { credit } = step;
  const before: Account = {
    ...held,
    collateral: without(held.collateral, credit.collateral) as unknown as Account["collateral"],
    cash: (held.cash - credit.cash) as CashE6,
  };
  const stateAfter = smallState(after);
  const blinding = claim.blinding ?? miniSponge(PURPOSE.lotBlinding, 0, [stateBlinding(before), stateAfter]);
  const both: readonly Holdings[] = [held, after];
  return {
    stateBefore: smallState(before),
    stateAfter,
    fill: miniSponge(PURPOSE.fill, SHAPE.blocks * SHAPE.rows, [
      ...packPositions(smallRows(without(held.positions, after.positions))),
      ...packWide(without(held.collateral, after.collateral)),
      toField(held.cash - after.cash),
      blinding,
    ]),
    terms: encodeLotTerms(terms),
    size: encodeLotSize(terms),
    context: toField(claim.context ?? 7n),
    credit: creditSignals(credit),
    ...smallMarketInputs(policy, market),
    positions: both.flatMap(({ positions }) => smallRows(positions).map(toField)),
    collateral: both.flatMap(({ collateral }) => collateral.map(toField)),
    cash: both.map(({ cash }) => toField(cash)),
    blinding: stateBlinding(before),
    level: toField(level),
    part: toField(claim.part ?? step.part),
    ...claim.input,
  };
}

/** A lot as the model has it. */
export function claimOf(found: LotCase): { readonly claim: LotClaim; readonly appraisal: LotAppraisal } {
  const appraisal = appraiseLot(found.step, found.terms, found.policy, found.market);
  const { held, after, level } = appraisal;
  return { claim: { ...found, held, after, level: level ?? 0n }, appraisal };
}

/** A small lot, and what the model says of it. */
export function lotCase(name: string, found: LotCase, context?: bigint): ValuedCase {
  const { claim, appraisal } = claimOf(found);
  const { heldValue, afterValue, cost, freed, broken } = appraisal;
  return {
    name,
    holds: broken.length === 0,
    evaluation: heldValue,
    inputs: lotInputs(context === undefined ? claim : { ...claim, context }),
    outputs: {
      "main.account[0].equity": toField(heldValue.equity),
      "main.account[0].maintenance": toField(heldValue.margin),
      "main.account[1].equity": toField(afterValue.equity),
      "main.account[1].maintenance": toField(afterValue.margin),
      "main.offer.cost": toField(cost),
      "main.offer.freed": toField(freed),
    },
  };
}

export const SHRUNK = {
  policy: smallPolicy,
  market: smallMarket,
  account: (account: Account): Account => ({ ...account, positions: smallPositions(account.positions) }),
};
export const smallLot = (rng: Rng): LotCase => randomLot(rng, MODEL_BOARD, SHRUNK);
export const admissibleSmallLot = (rng: Rng): LotCase => admissibleLot(rng, MODEL_BOARD, SHRUNK);

/** A lot that was admissible, with a cash that is not the discount's, or a part that is another. */
function bentLot(rng: Rng): LotCase {
  const found = admissibleSmallLot(rng);
  const { step } = found;
  if (rng.chance(0.7)) {
    return { ...found, step: { ...step, cash: step.cash + rng.pick([1n, -1n, -2n, -3n, 10n ** 6n, -(10n ** 6n)]) } };
  }
  const part = step.part === WHOLE ? WHOLE - 1n : step.part < WHOLE / 2n ? step.part + 2n : WHOLE;
  const { terms, policy, market } = found;
  return { ...found, step: { ...step, part, cash: offered({ ...step, part }, terms.discountBps, policy, market) } };
}

/** An admissible lot of an account with credit. */
function creditedLot(rng: Rng): LotCase {
  for (;;) {
    const found = smallLot(rng);
    if (found.step.credit === NO_CREDIT) continue;
    if (claimOf(found).appraisal.broken.length === 0) return found;
  }
}

/** Random lots, admissible ones, and ones that miss a rule by little. */
export function* lotCases(firstSeed: number): Generator<ValuedCase> {
  for (let seed = firstSeed; ; seed++) {
    const rng = seededRng(seed);
    const found = [smallLot, creditedLot, bentLot][seed % 3]!(rng);
    yield lotCase(`seed ${seed}`, found, rng.below(1n << 200n));
  }
}
