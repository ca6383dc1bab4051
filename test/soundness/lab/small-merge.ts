// SPDX-License-Identifier: GPL-3.0-or-later
/** The circuit `Merge` in small, of the shipped sources: two accounts on the board of `miniature.ts`. */
import { FIELD_ORDER, type FieldElement, toField } from "../../../prover/src/field.ts";
import type { Account } from "../../../prover/src/model/account.ts";
import { publicNamesOf } from "../../../prover/src/statement/families.ts";
import { type MergeClaim, mergeInputs, together } from "../../support/index-lies.ts";
import { type Holding, honestHolding } from "../../support/lying.ts";
import { randomAccount, seededRng } from "../../support/random.ts";
import type { Inputs } from "./generate.ts";
import { type Case, MODEL_BOARD } from "./miniature.ts";
import type { SmallLie } from "./small.ts";
import { bends, DIMENSIONS, elementsOf, holdingOf, liesAt, smallAccount, worldOf } from "./small-holdings.ts";

export const MERGE_MAIN = `pragma circom 2.2.0;
include "merge.circom";
component main {public [${publicNamesOf("merge").join(", ")}]} = Merge(${DIMENSIONS.instruments}, ${DIMENSIONS.assets});
`;
const WORLD = worldOf("merge");
const inputsOf = (claim: MergeClaim): Inputs => mergeInputs(WORLD, claim);
const LEFT = honestHolding(DIMENSIONS, 1n);
const RIGHT = honestHolding(DIMENSIONS, 2n);

export const honestMerge = (): Inputs => inputsOf({ left: LEFT, right: RIGHT });

/** Accounts of any flavour, some of them nobody's, under any key. The circuit refuses what is not blinded, and nothing else. */
export function* mergeCases(firstSeed: number): Generator<Case> {
  for (let seed = firstSeed; ; seed++) {
    const rng = seededRng(seed);
    const key = () => (rng.chance(0.15) ? 0n : 1n + rng.below(FIELD_ORDER - 1n)) as FieldElement;
    const drawn = (): Account => ({
      ...smallAccount(randomAccount(rng, MODEL_BOARD)),
      viewingKey: key(),
      sequence: 0n,
    });
    const [left, right] = [holdingOf(drawn()), holdingOf(drawn())];
    const merged = together(left, right, key());
    yield {
      name: `seed ${seed}`,
      holds: [left, right, merged].every(({ blinding }) => blinding !== 0n),
      inputs: inputsOf({ left, right, merged, context: rng.below(FIELD_ORDER) }),
      outputs: Object.fromEntries(
        elementsOf(merged).map((element, index) => [`main.merged.elements[${index}]`, element]),
      ),
    };
  }
}

/** What is out of range on either side; what is merged with more or less than both hold; what is not blinded. */
export function* mergeLies(): Generator<SmallLie> {
  yield* liesAt(WORLD, (label) => new RegExp(`^main\\.${/Left/.test(label) ? "left" : "right"}\\.(Signed|Unsigned)`));
  const honest = { left: LEFT, right: RIGHT };
  const sum = together(LEFT, RIGHT);
  const lie = (name: string, claim: Partial<MergeClaim>, stoppedAt = /^main$/): SmallLie => ({
    name,
    inputs: inputsOf({ ...honest, ...claim }),
    stoppedAt,
  });
  for (const [what, merged] of bends(sum)) {
    const { inputs, ...rest } = lie(`C15: merged with ${what}`, { merged });
    yield { ...rest, inputs: { ...inputs, blindingMerged: toField(sum.blinding) } };
  }
  const own = (holding: Holding): Holding => ({ ...holding, blinding: sum.blinding });
  yield lie("C15: merged is the left one alone", { merged: own(LEFT) });
  yield lie("C15: merged is the right one alone", { merged: own(RIGHT) });
  yield lie("C15: merged counts the left one twice", { merged: together(LEFT, LEFT) });
  yield lie("C15: merged is what the left one has more", { merged: own(minus(LEFT, RIGHT)) });
  for (const side of ["left", "right"] as const) {
    yield lie(`the ${side} one is not blinded`, { [side]: { ...honest[side], blinding: 0n } }, /^main\.Blinded/);
  }
  yield lie("the merged one is not blinded", { merged: { ...sum, blinding: 0n } }, /^main\.Blinded/);
  const inputs = honestMerge();
  const { stateLeft, stateRight } = inputs as Record<string, bigint>;
  yield {
    name: "C16: states exchanged",
    inputs: { ...inputs, stateLeft: stateRight!, stateRight: stateLeft! },
    stoppedAt: /^main$/,
  };
  for (const blinding of ["Left", "Right", "Merged"].map((name) => `blinding${name}`)) {
    const other = toField((inputs[blinding] as bigint) + 1n);
    yield { name: `C16: another ${blinding}`, inputs: { ...inputs, [blinding]: other }, stoppedAt: /^main$/ };
  }
}

const minus = (one: Holding, other: Holding): Holding => ({
  ...one,
  positions: one.positions.map((lots, row) => lots - other.positions[row]!),
  collateral: one.collateral.map((lots, asset) => lots - other.collateral[asset]!),
  cash: one.cash - other.cash,
});
