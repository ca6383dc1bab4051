// SPDX-License-Identifier: GPL-3.0-or-later
/** Random rounds whose accounts stay in range. */
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { coverageBpsDown, E6_TO_E20, evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { applyRound, type RoundFill, type RoundMember } from "../../prover/src/model/round.ts";
import type { BoardSize } from "../../prover/src/model/sizes.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import type { RoundRequest } from "../../prover/src/statement/round.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { type Rng, randomAccount, randomMarket, randomPolicy } from "./random.ts";

/** An open account of a board of 60. */
export const keyed = (viewingKey: bigint, change: Partial<Account> = {}): Account => ({
  ...genesis("board-60"),
  viewingKey: viewingKey as FieldElement,
  sequence: 1n,
  ...change,
});

/** A fill on a board of 60 that moves this and nothing else. */
export const fillOf = (change: Partial<RoundFill>): RoundFill => ({ ...noFill("board-60"), ...change });

type Holdings = Pick<Account, "positions" | "collateral" | "cash">;

const fillBetween = (before: Holdings, after: Holdings): RoundFill => ({
  positions: before.positions.map((lots, row) => after.positions[row]! - lots),
  collateral: before.collateral.map((lots, asset) => after.collateral[asset]! - lots),
  cash: after.cash - before.cash,
});

/**
 * A round in which, in every row, asset and cash, each member gets what the member at a distance of the row's own had, so that
 * sums stay, and ranges, with steps as wide as they can be.
 */
export function roundAmong(
  rng: Rng,
  before: readonly Account[],
  distance = () => (rng.chance(0.5) ? Number(rng.below(BigInt(before.length))) : 0),
): RoundMember[] {
  const from = (member: number, by: number) => before[(member + by) % before.length]!;
  const rows = before[0]!.positions.map(distance);
  const assets = before[0]!.collateral.map(distance);
  const cash = distance();
  return before.map((account, member) => ({
    before: account,
    fill: fillBetween(account, {
      positions: rows.map((by, row) => from(member, by).positions[row]!),
      collateral: assets.map((by, asset) => from(member, by).collateral[asset]!),
      cash: from(member, cash).cash,
    }),
  }));
}

/** Of more random accounts than these, hardly ever is everybody covered. */
const FEW = 4;

/** One among random accounts of any flavour; of many members, among everyday accounts that have plenty of cash. */
export const randomRound = (rng: Rng, size: BoardSize, members: number): RoundMember[] =>
  roundAmong(
    rng,
    Array.from({ length: members }, () =>
      members <= FEW
        ? randomAccount(rng, size)
        : { ...randomAccount(rng, size, "typical"), cash: rng.between(1n << 60n, 1n << 62n) as Account["cash"] },
    ),
  );

/** A request that can be proven: the highest level that everybody has after a random round, or the lowest of all. */
export function coveredRound(rng: Rng, size: BoardSize, members: number): RoundRequest {
  for (;;) {
    const request = {
      members: randomRound(rng, size, members),
      policy: randomPolicy(rng),
      market: randomMarket(rng, size),
      context: rng.below(FIELD_ORDER),
    };
    const worths = applyRound(request.members).map((account) => evaluate(account, request.policy, request.market));
    if (!worths.every((worth) => isAtLeast(worth, 0n as LevelBps))) continue;
    const most = (1n << 20n) - 1n;
    const level = worths.reduce((least, worth) => {
      const coverage = coverageBpsDown(worth) ?? most;
      return coverage < least ? coverage : least;
    }, most);
    return { ...request, level: level as LevelBps };
  }
}

/** Cash that leaves an account almost no equity, and no less than none. */
export function barelySolvent(
  account: Account,
  { policy, market }: Pick<RoundRequest, "policy" | "market">,
): Pick<Account, "cash"> {
  const { collateral, markValue } = evaluate(account, policy, market);
  return { cash: (1n - markValue - collateral / E6_TO_E20) as Account["cash"] };
}
