// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A round: several accounts step at once by private fills that add up to zero.
 *
 * Rules
 *   - each member has an account that is open, on boards of one size; openings stay with `Account`, which checks the key
 *   - a member moves by its fill and nothing else: no transfer, no credit; its sequence grows by one
 *   - in every position, every asset and cash the fills of all members add up to zero, exactly
 *   - no state takes part twice: an account that stepped from one state to two would keep one step and undo the other for
 *     itself alone
 *   - every account after has coverage of at least the round's level, whatever it had before: to let a member in that
 *     only improves would take a second valuation of everybody, because which member it is has to stay private. A
 *     member below the level steps by a proof of its own
 *
 * Width. A fill is what lies between two accounts in range: a position changes by less than 2^32, a quantity and cash by
 * less than 2^64. A sum over K members is below K · 2^32 and K · 2^64. Packed sums have one reading while these stay within
 * the strides of 2^36 and 2^84: K is at most 16.
 */
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { BITS } from "../units.ts";
import { type Account, checkLength, genesis, viewingKey } from "./account.ts";
import { commitState } from "./commit.ts";
import { POSITION_STRIDE } from "./packing.ts";
import { ASSETS, type BoardSize, instrumentsOf } from "./sizes.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill } from "./transition.ts";

/** Most members of a round: the most steps whose packed positions add up without a carry into a neighbour. */
export const MOST_MEMBERS = 1 << (Number(POSITION_STRIDE) - BITS.position);

/** What a member of a round gains (or, negative, gives): lots of each instrument and asset, cash in 1e-6 quote. */
export type RoundFill = Pick<Fill, "positions" | "collateral" | "cash">;

/** One member's part of a round. */
export interface RoundMember {
  readonly before: Account;
  readonly fill: RoundFill;
}

/** A row in which the fills of a round do not add up to zero, and the sum. For the operator alone: it is of private fills. */
export interface Imbalance {
  /** `positions[3]`, `collateral[0]`, `cash`. */
  readonly field: string;
  /** Lots, or 1e-6 quote for cash. */
  readonly sum: bigint;
}

/** Every row in which fills do not add up to zero. Throws `FIELD_INVALID` where a fill is not of boards of this size. */
export function imbalances(size: BoardSize, fills: readonly RoundFill[]): Imbalance[] {
  for (const [member, fill] of fills.entries()) {
    checkLength(fill.positions, instrumentsOf(size), `members[${member}].fill.positions`);
    checkLength(fill.collateral, ASSETS, `members[${member}].fill.collateral`);
  }
  const sumOf = (pieceOf: (fill: RoundFill) => bigint) => fills.reduce((sum, fill) => sum + pieceOf(fill), 0n);
  const rows = [
    ...Array.from({ length: instrumentsOf(size) }, (_, row) => ({
      field: `positions[${row}]`,
      sum: sumOf(({ positions }) => positions[row]!),
    })),
    ...Array.from({ length: ASSETS }, (_, asset) => ({
      field: `collateral[${asset}]`,
      sum: sumOf(({ collateral }) => collateral[asset]!),
    })),
    { field: "cash", sum: sumOf(({ cash }) => cash) },
  ];
  return rows.filter(({ sum }) => sum !== 0n);
}

/**
 * The members' accounts after a round, in order.
 *
 * Throws `FIELD_INVALID` where there are fewer than 2 or more than MOST_MEMBERS members, boards are of different sizes, an
 * account is not open, a state takes part twice, or fills do not add up to zero: the error names the first such row, and
 * `imbalances` tells the operator by how much; `OUT_OF_RANGE`, naming member and field, where an account would leave its range.
 */
export function applyRound(members: readonly RoundMember[]): Account[] {
  if (members.length < 2 || members.length > MOST_MEMBERS) {
    throw new PlimsollError("FIELD_INVALID", `expected 2 to ${MOST_MEMBERS} members`, { field: "members" });
  }
  const { size } = members[0]!.before;
  const states = new Set<bigint>();
  const after = members.map(({ before, fill }, member) => {
    const refuse = (rule: string, field: string): never => {
      throw new PlimsollError("FIELD_INVALID", rule, { field: `members[${member}].${field}` });
    };
    if (before.size !== size) refuse("all members are on boards of one size", "before.size");
    if (before.viewingKey === 0n) refuse("an account does not open in a round", "before.viewingKey");
    const account = stepOf(before, fill, member);
    const state = commitState(before);
    if (states.has(state)) refuse("one state would step twice", "before");
    states.add(state);
    return account;
  });
  const [first] = imbalances(
    size,
    members.map(({ fill }) => fill),
  );
  if (first !== undefined) {
    const { field } = first; // the sum is told to nobody who did not ask
    throw new PlimsollError("FIELD_INVALID", "the fills of a round add up to zero in every row", { field });
  }
  return after;
}

/** The member's account after its fill; an error names the member. */
function stepOf(before: Account, fill: RoundFill, member: number): Account {
  try {
    return applyTransition(before, { transfer: NO_TRANSFER, fill: { ...noFill(before.size), ...fill }, side: 1n });
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    throw new PlimsollError(error.code, error.rule, { field: `members[${member}].${error.place.field}` });
  }
}

/**
 * Fills a place in a round that has no member: an account that holds nothing, under a key that everybody knows, one for
 * each place. Its two states are public constants. Whoever relies on a round checks that a place without a member has
 * exactly these: an account that nobody owns could otherwise be given what nobody wants.
 */
export function nobody(size: BoardSize, place: number): RoundMember {
  return { before: { ...genesis(size), viewingKey: viewingKey(BigInt(place) + 1n) }, fill: noFill(size) };
}

/** Public constants: the states before and after of each place of a round that has no member, by its index. */
export function nobodyStates(size: BoardSize, place: number): readonly [before: FieldElement, after: FieldElement] {
  const { before } = nobody(size, place);
  return [commitState(before), commitState({ ...before, sequence: 1n })];
}
