// SPDX-License-Identifier: GPL-3.0-or-later
/** Merges as a liar would put them, and where the circuit `Merge` and the integer model disagree about one. */
import { expect } from "chai";
import { FIELD_ORDER, type FieldElement, toField } from "../../prover/src/field.ts";
import type { Account } from "../../prover/src/model/account.ts";
import { commitState, packPositions, packWide, stateBlinding } from "../../prover/src/model/commit.ts";
import type { BoardSize } from "../../prover/src/model/sizes.ts";
import { buildMergeStatement, merge } from "../../prover/src/statement/merge.ts";
import type { CircuitInput } from "../../prover/src/statement/witness-input.ts";
import type { CashE6, PositionLots, QuantityLots } from "../../prover/src/units.ts";
import type { Target } from "../soundness/lab/target.ts";
import { mergeCircuit } from "./circuit.ts";
import { type Rng, randomAccount, seededRng } from "./random.ts";

/** The viewing key of what is merged. */
export const MERGED_KEY = 31_337n as FieldElement;

/** An account with a key of its own. */
export const keyed = (rng: Rng, size: BoardSize, flavour?: "typical"): Account => ({
  ...randomAccount(rng, size, flavour),
  viewingKey: toField(1n + rng.below(FIELD_ORDER >> 2n)),
});

/** A merge as a liar would put it: every commitment is of what is claimed. */
export interface ClaimedMerge {
  readonly left: Account;
  readonly right: Account;
  /** The sums, whatever their ranges, unless said. */
  readonly merged?: Account;
  readonly context?: bigint;
  readonly input?: Partial<Record<keyof CircuitInput, FieldElement | readonly FieldElement[]>>;
}

/** `merge` without its checks. */
export const sumOf = (left: Account, right: Account): Account => ({
  size: left.size,
  cash: (left.cash + right.cash) as CashE6,
  collateral: left.collateral.map((lots, asset) => (lots + right.collateral[asset]!) as QuantityLots),
  positions: left.positions.map((lots, row) => (lots + right.positions[row]!) as PositionLots),
  sequence: 0n,
  viewingKey: MERGED_KEY,
});

export function mergeInput({
  left,
  right,
  merged = sumOf(left, right),
  context = 7n,
  input = {},
}: ClaimedMerge): CircuitInput {
  return {
    stateLeft: commitState(left),
    stateRight: commitState(right),
    stateMerged: commitState(merged),
    context: toField(context),
    positionsLeft: left.positions.map(toField),
    collateralLeft: left.collateral.map(toField),
    cashLeft: toField(left.cash),
    blindingLeft: stateBlinding(left),
    positionsRight: right.positions.map(toField),
    collateralRight: right.collateral.map(toField),
    cashRight: toField(right.cash),
    blindingRight: stateBlinding(right),
    blindingMerged: stateBlinding(merged),
    ...input,
  } as CircuitInput;
}

/** Where circuit and model disagree; empty where they agree. Of a sum out of range the circuit says nothing. */
export function mergeDisagreements(target: Target, left: Account, right: Account, context: bigint): string[] {
  let statement: ReturnType<typeof buildMergeStatement> | undefined;
  try {
    statement = buildMergeStatement({ left, right, mergedViewingKey: MERGED_KEY, context });
  } catch (error) {
    expect(error).to.have.property("code", "OUT_OF_RANGE");
  }
  const input = statement?.circuitInput ?? mergeInput({ left, right, context });
  const attack = target.attack(input);
  if (attack.outcome !== "accepted") return [`${attack.outcome} at ${attack.stoppedAt.join()}`];
  const witness = target.prove(input);
  const found: string[] = [];
  if (statement?.publicSignals.some((value, index) => value !== witness[index + 1])) {
    found.push("a public signal differs");
  }
  const merged = statement?.merged ?? sumOf(left, right);
  const elements = [...packPositions(merged.positions), ...packWide(merged.collateral), toField(merged.cash)];
  const ours = elements.map((_, index) => attack.value(`main.merged.elements[${index}]`));
  if (String(ours) !== String(elements)) found.push("the sum differs");
  return found;
}

/** What two accounts may each have, and their sum may not; and where `Merge` and `Account` stop one who has the sum. */
export const beyondRange = ({ positions, collateral }: Account) => [
  ...[(1n << 31n) - 1n, -(1n << 31n)].map((most) => ({
    change: { positions: positions.map(() => most as PositionLots) },
    mergeStops: /^main\.left\.Signed/,
    accountStops: /^main\.worth\.held\[0\]\.checked/,
  })),
  {
    change: { collateral: collateral.map(() => ((1n << 64n) - 1n) as QuantityLots) },
    mergeStops: /^main\.left\.Unsigned/,
    accountStops: /^main\.worth\.haircut/,
  },
  {
    change: { cash: -(1n << 63n) as CashE6 },
    mergeStops: /^main\.left\.Signed/,
    accountStops: /^main\.worth\.Signed/,
  },
];

/** Random and boundary pairs of board-60, on each of which circuit and model agree. Returns how many have a sum in range. */
export async function agreeOnPairs(count: number): Promise<number> {
  const circuit = await mergeCircuit("board-60");
  const rng = seededRng(41);
  let inRange = 0;
  for (let index = 0; index < count; index++) {
    const [left, right] = [keyed(rng, "board-60"), keyed(rng, "board-60")];
    const found = mergeDisagreements(circuit, left, right, rng.below(FIELD_ORDER));
    expect(found, `pair ${index} of seed 41`).deep.equal([]);
    try {
      merge(left, right, MERGED_KEY);
      inRange++;
    } catch {
      // out of range
    }
  }
  return inRange;
}
