// SPDX-License-Identifier: GPL-3.0-or-later
/** What `Merge`, `Settlement` and `Disclosure` in small have in common: an account's holdings, and lies about each piece. */
import { type FieldElement, toField } from "../../../prover/src/field.ts";
import type { Account } from "../../../prover/src/model/account.ts";
import { packPositions, packWide, stateBlinding } from "../../../prover/src/model/commit.ts";
import { ASSETS } from "../../../prover/src/model/sizes.ts";
import { indexLies } from "../../support/index-lies.ts";
import type { Dimensions } from "../../support/ledger.ts";
import { type Family, type Holding, smallWorld, type World } from "../../support/lying.ts";
import { SHAPE, smallPositions, smallRows } from "./miniature.ts";
import type { SmallLie } from "./small.ts";

export const DIMENSIONS: Dimensions = {
  instruments: SHAPE.blocks * SHAPE.rows,
  assets: ASSETS,
  tiers: SHAPE.tiers,
  scenarios: 0,
  blocks: 0,
};
/** Assets whose pieces are lied about: each lie is a search of its own. */
const SELECTED = [0, 1, ASSETS - 1];
export const worldOf = (family: Family): World => smallWorld(family, DIMENSIONS);

export const smallAccount = (account: Account): Account => ({
  ...account,
  positions: smallPositions(account.positions),
});

/** An account of the model's board as the small circuit has it. */
export const holdingOf = (account: Account): Holding => ({
  positions: smallRows(account.positions),
  collateral: account.collateral,
  cash: account.cash,
  blinding: stateBlinding(account),
});

/** What a state commits to, but its blinding. */
export const elementsOf = ({ positions, collateral, cash }: Holding): FieldElement[] => [
  ...packPositions(positions),
  ...packWide(collateral),
  toField(cash),
];

/** Lies at one index each, by the label of the check that is there for it. */
export function* liesAt(world: World, stoppedAt: (label: string) => RegExp): Generator<SmallLie> {
  const labels = new Set([...indexLies(world)].flatMap(({ stops }) => [...stops]));
  // What selects a piece of a haircut lies about its ends as well, so all labels of an asset are told of together.
  const subjects = new Map(
    [...labels].flatMap((label): [string, string][] => {
      const asset = /^(?:haircut|collateral)\[(\d+)\][. ]/.exec(label)?.[1];
      if (asset === undefined) return [[label, label]];
      return SELECTED.includes(Number(asset)) ? [[`asset ${asset}`, label]] : [];
    }),
  );
  for (const [alone, label] of subjects) {
    const index = alone === label ? undefined : /\[\d+\]/.exec(label)![0];
    const told = (other: string) =>
      index === undefined
        ? other === label
        : ["haircut", "collateral"].some((list) => other.startsWith(`${list}${index}`));
    for (const { name, inputs, told: signals } of indexLies(world, told)) {
      const selected = [...(signals ?? [])].filter(([signal]) => signal.includes(".selected["));
      yield {
        name: `${alone} alone: ${name}`,
        inputs,
        ...(selected.length > 0 ? { told: Object.fromEntries(selected) } : {}),
        stoppedAt: stoppedAt(label),
      };
    }
  }
}

/** A holding with one more or less of one thing, two things exchanged, or under another blinding. */
export function* bends(holding: Holding): Generator<[what: string, Holding]> {
  const { positions, collateral, cash, blinding } = holding;
  for (const row of positions.keys()) {
    for (const by of [1n, -1n])
      yield [`${by} lots of row ${row} more`, { ...holding, positions: positions.with(row, positions[row]! + by) }];
  }
  for (const asset of collateral.keys()) {
    yield [`a lot of asset ${asset} more`, { ...holding, collateral: collateral.with(asset, collateral[asset]! + 1n) }];
  }
  const swapped = collateral.with(0, collateral[1]!).with(1, collateral[0]!);
  yield ["two assets exchanged", { ...holding, collateral: swapped }];
  yield ["a millionth of cash more", { ...holding, cash: cash + 1n }];
  yield ["a fortune more", { ...holding, cash: cash + 10n ** 15n }];
  yield ["another blinding", { ...holding, blinding: blinding + 1n }];
}
