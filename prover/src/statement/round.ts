// SPDX-License-Identifier: GPL-3.0-or-later
/** A round: several accounts step at once by fills that add up to zero, and each is covered afterwards. */

import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement, invert, toField } from "../field.ts";
import type { Account } from "../model/account.ts";
import { commitState, packPositions, packWide, stateBlinding } from "../model/commit.ts";
import { type Evaluation, evaluate, isAtLeast } from "../model/evaluate.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import { applyRound, nobody, type RoundFill, type RoundMember } from "../model/round.ts";
import type { BoardSize } from "../model/sizes.ts";
import { type LevelBps, levelBps } from "../units.ts";
import { boardSizeOf, type CircuitOf, circuitOf, circuitsOf, shapeOf } from "./families.ts";
import { marketSignals } from "./signals.ts";
import type { Hints, WitnessInput } from "./witness-input.ts";
import { marketInputs, memberHints } from "./worth.ts";

/** What is asked of the circuit, in the clear. */
export interface RoundRequest {
  /** Two or more; places that the circuit has beyond them are filled with `nobody`. */
  readonly members: readonly RoundMember[];
  /** Each account after has coverage of at least this. */
  readonly level: LevelBps;
  /** What the proof is bound to, as a field element. */
  readonly context: bigint;
  readonly policy: Policy;
  readonly market: Market;
}

/** A request worked out: accounts after, all public signals in the circuit's order, and the circuit's input. */
export interface RoundStatement extends WitnessInput {
  readonly circuit: CircuitOf<"round">;
  /** The members' accounts after, in order; those of places without a member last. */
  readonly after: readonly Account[];
  readonly evaluations: readonly Evaluation[];
  /** Whether every account after has coverage of at least the level: whether a proof exists. */
  readonly holds: boolean;
  /** Members whose accounts after have not, by their index. For the operator alone. */
  readonly below: readonly number[];
  readonly publicSignals: readonly FieldElement[];
}

/** The smallest circuit for boards of a size that has a place for each member, or else the largest. */
export function roundCircuit(size: BoardSize, members: number): CircuitOf<"round"> {
  const circuits = circuitsOf("round").filter((circuit) => boardSizeOf(circuit) === size);
  const fits = circuits.find((circuit) => members <= shapeOf(circuit).members!) ?? circuits.at(-1);
  return fits ?? circuitOf("round", size);
}

/**
 * Works a request out. Throws like `applyRound` and `evaluate`, `OUT_OF_RANGE` for a context that is not reduced, `FIELD_INVALID`
 * for more members than the largest circuit has places for, `NO_BOARD_SIZE` where there is no circuit for such boards; a round
 * that leaves somebody below the level does not throw.
 */
export function buildRoundStatement({ members, level, context, policy, market }: RoundRequest): RoundStatement {
  if (context < 0n || context >= FIELD_ORDER) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a context below the field order", { field: "context" });
  }
  levelBps(level, "level");
  const { size } = market.board;
  const circuit = roundCircuit(size, members.length);
  const places = shapeOf(circuit).members!;
  if (members.length > places) {
    throw new PlimsollError("FIELD_INVALID", `expected at most ${places} members`, { field: "members" });
  }
  applyRound(members); // errors are about members, not about the places after them
  const all = Array.from({ length: places }, (_, place) => members[place] ?? nobody(size, place));
  const after = applyRound(all);
  const evaluations = after.map((account) => evaluate(account, policy, market));
  const below = [...evaluations.keys()].filter((member) => !isAtLeast(evaluations[member]!, level));
  const own = {
    stateBefore: all.map(({ before }) => commitState(before)),
    stateAfter: after.map(commitState),
    level: level as bigint as FieldElement,
    context: context as FieldElement,
  };
  return {
    circuit,
    after,
    evaluations,
    holds: below.length === 0,
    below,
    publicSignals: [...own.stateBefore, ...own.stateAfter, own.level, own.context, ...marketSignals(policy, market)],
    circuitInput: {
      ...own,
      ...marketInputs(policy, market),
      positionsAfter: after.flatMap(({ positions }) => positions.map(toField)),
      collateralAfter: after.flatMap(({ collateral }) => collateral.map(toField)),
      cashAfter: after.map(({ cash }) => toField(cash)),
      blindingBefore: all.map(({ before }) => stateBlinding(before)),
      // The last member's is what the others leave.
      fill: all.slice(0, -1).flatMap(({ fill }) => packedFill(fill)),
    },
    hints: roundHints(all, evaluations),
  };
}

const packedFill = ({ positions, collateral, cash }: RoundFill): FieldElement[] => [
  ...packPositions(positions),
  ...packWide(collateral),
  toField(cash),
];

function roundHints(members: readonly RoundMember[], evaluations: readonly Evaluation[]): Hints {
  const states = members.map(({ before }) => commitState(before));
  let differences = 1n;
  for (const [one, state] of states.entries()) {
    for (const other of states.slice(0, one)) differences = toField(differences * (state - other));
  }
  const blindings = members.map(({ before }) => stateBlinding(before));
  return {
    ...memberHints(evaluations),
    "member.Onward.inverse": blindings.map((blinding) => invert(toField(blinding * (blinding + 1n)))),
    "Distinct.inverse": invert(differences as FieldElement),
  };
}
