// SPDX-License-Identifier: GPL-3.0-or-later
/** The circuit `Round` in small, of the shipped sources: three members on the board of `miniature.ts`. */

import type { FieldElement } from "../../../prover/src/field.ts";
import { toField } from "../../../prover/src/field.ts";
import { type Account, SEQUENCE_LIMIT, VIEWING_KEY_LIMIT } from "../../../prover/src/model/account.ts";
import { packPositions, packWide, stateBlinding } from "../../../prover/src/model/commit.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../../../prover/src/model/evaluate.ts";
import type { Market } from "../../../prover/src/model/market.ts";
import type { Policy } from "../../../prover/src/model/policy.ts";
import { applyRound, type RoundMember } from "../../../prover/src/model/round.ts";
import { ASSETS } from "../../../prover/src/model/sizes.ts";
import { publicNamesOf } from "../../../prover/src/statement/families.ts";
import type { LevelBps } from "../../../prover/src/units.ts";
import { type Rng, randomAccount, randomMarket, randomPolicy, seededRng } from "../../support/random.ts";
import { roundAmong } from "../../support/rounds.ts";
import type { Inputs } from "./generate.ts";
import {
  MODEL_BOARD,
  SHAPE,
  smallMarket,
  smallMarketInputs,
  smallPolicy,
  smallPositions,
  smallRows,
  smallState,
  type ValuedCase,
} from "./miniature.ts";

export const PLACES = 3;
export const ROUND_MAIN = `pragma circom 2.2.0;
include "round.circom";
component main {public [${publicNamesOf("round").join(", ")}]} = Round(${PLACES}, ${SHAPE.blocks}, ${SHAPE.rows}, ${ASSETS}, ${SHAPE.tiers}, ${SHAPE.scenarios});
`;

/** A round as a liar would put it: every commitment is of what is claimed, unless it is given. */
export interface RoundClaim {
  readonly before: readonly Account[];
  readonly after: readonly Account[];
  readonly level: bigint;
  readonly policy: Policy;
  readonly market: Market;
  readonly context?: bigint;
  readonly input?: Inputs;
}

/** What a circuit's rows and commitments are: the small one's, or a shipped one's. */
export interface RoundWorld {
  readonly rowsOf: <T>(list: readonly T[]) => readonly T[];
  readonly stateOf: (account: Account) => FieldElement;
  readonly marketOf: (policy: Policy, market: Market) => Inputs;
}
export const SMALL_WORLD: RoundWorld = { rowsOf: smallRows, stateOf: smallState, marketOf: smallMarketInputs };

export function roundInputs(claim: RoundClaim, { rowsOf, stateOf, marketOf }: RoundWorld = SMALL_WORLD): Inputs {
  const { before, after, level, policy, market, context = 7n, input = {} } = claim;
  const elements = ({ positions, collateral, cash }: Pick<Account, "positions" | "collateral" | "cash">) => [
    ...packPositions(rowsOf(positions)),
    ...packWide(collateral),
    toField(cash),
  ];
  return {
    stateBefore: before.map(stateOf),
    stateAfter: after.map(stateOf),
    level: toField(level),
    context: toField(context),
    ...marketOf(policy, market),
    positionsAfter: after.flatMap(({ positions }) => rowsOf(positions).map(toField)),
    collateralAfter: after.flatMap(({ collateral }) => collateral.map(toField)),
    cashAfter: after.map(({ cash }) => toField(cash)),
    blindingBefore: before.map(stateBlinding),
    fill: after.slice(0, -1).flatMap((account, member) => {
      const from = elements(before[member]!);
      return elements(account).map((element, index) => toField(element - from[index]!));
    }),
    ...input,
  };
}

/** A small round, and what the model says of it. */
export function roundCase(
  name: string,
  members: readonly RoundMember[],
  claim: Omit<RoundClaim, "before" | "after">,
): ValuedCase {
  const after = applyRound(members);
  const evaluations = after.map((account) => evaluate(account, claim.policy, claim.market));
  return {
    name,
    holds: evaluations.every((evaluation) => isAtLeast(evaluation, claim.level as LevelBps)),
    evaluation: evaluations[0]!,
    inputs: roundInputs({ ...claim, before: members.map(({ before }) => before), after }),
    outputs: Object.fromEntries(
      evaluations.flatMap(({ equity, margin }, member) => [
        [`main.member[${member}].covered.worth.equity`, toField(equity)],
        [`main.member[${member}].covered.worth.maintenance`, toField(margin)],
      ]),
    ),
  };
}

const small = (account: Account): Account => ({ ...account, positions: smallPositions(account.positions) });

/** Random rounds of all flavours, each asked at a level that all reach, that one just does not, and at ends of the range. */
export function* roundCases(firstSeed: number): Generator<ValuedCase> {
  for (let seed = firstSeed; ; seed++) {
    const rng = seededRng(seed);
    const policy = smallPolicy(randomPolicy(rng));
    const market = smallMarket(randomMarket(rng, MODEL_BOARD));
    const members = roundAmong(
      rng,
      Array.from({ length: PLACES }, () => small(randomAccount(rng, MODEL_BOARD))),
    );
    for (const level of levels(rng, members, policy, market)) {
      yield roundCase(`seed ${seed} at ${level}`, members, { policy, market, level, context: rng.below(1n << 200n) });
    }
  }
}

/** The highest level that all accounts after a round have, one more, and one drawn. */
function levels(rng: Rng, members: readonly RoundMember[], policy: Policy, market: Market): Set<bigint> {
  const most = (1n << 20n) - 1n;
  const clamp = (level: bigint) => (level < 0n ? 0n : level > most ? most : level);
  const coverages = applyRound(members).map((account) => coverageBpsDown(evaluate(account, policy, market)) ?? most);
  const [lowest] = coverages.sort((one, other) => (one < other ? -1 : 1)) as [bigint];
  return new Set([clamp(lowest), clamp(lowest + 1n), rng.pick([0n, 10_000n, most])]);
}

/** A round with something in every row, in which everybody is covered many times over. */
export function slackRound(): RoundClaim {
  const rng = seededRng(5);
  const policy = smallPolicy(randomPolicy(rng, "typical"));
  const market = smallMarket(randomMarket(rng, MODEL_BOARD, "typical"));
  const drawn = Array.from({ length: PLACES }, (_, member) => {
    const account = randomAccount(rng, MODEL_BOARD, "typical");
    return small({
      ...account,
      cash: (4n * 10n ** 18n + BigInt(member)) as Account["cash"],
      positions: account.positions.map(
        (_, row) => BigInt(10 + 7 * member + (row % 60)) as Account["positions"][number],
      ),
      collateral: account.collateral.map(
        (_, asset) => BigInt(10 ** 6 + 1000 * member + asset) as Account["collateral"][number],
      ),
      sequence: 5n + BigInt(member),
    });
  });
  const members = roundAmong(rng, drawn, () => 1);
  return { before: drawn, after: applyRound(members), level: 10_000n, policy, market };
}

/** The largest blinding that an account can have. */
export const LAST_BLINDING = VIEWING_KEY_LIMIT - 1n + SEQUENCE_LIMIT - 1n;
