// SPDX-License-Identifier: GPL-3.0-or-later
/** Random rounds whose accounts stay in range. */
import type { Account } from "../../prover/src/model/account.ts";
import type { RoundFill, RoundMember } from "../../prover/src/model/round.ts";
import type { BoardSize } from "../../prover/src/model/sizes.ts";
import { type Rng, randomAccount } from "./random.ts";

type Holdings = Pick<Account, "positions" | "collateral" | "cash">;

const fillBetween = (before: Holdings, after: Holdings): RoundFill => ({
  positions: before.positions.map((lots, row) => after.positions[row]! - lots),
  collateral: before.collateral.map((lots, asset) => after.collateral[asset]! - lots),
  cash: after.cash - before.cash,
});

/**
 * A round among random accounts of any flavour. In every row, asset and cash each member gets what the next one had, for a
 * distance of its own, or everybody keeps what it has: so sums stay, and ranges, with steps as wide as they can be.
 */
export function randomRound(rng: Rng, size: BoardSize, members: number): RoundMember[] {
  const before = Array.from({ length: members }, () => randomAccount(rng, size));
  const distance = () => (rng.chance(0.5) ? Number(rng.below(BigInt(members))) : 0);
  const from = (member: number, by: number) => before[(member + by) % members]!;
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
