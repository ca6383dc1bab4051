// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A book: all accounts of a venue under one root, and what they hold together.
 *
 * Rules
 *   - a leaf is the commitment to an account and a tag that binds one member's id by a salt: two members never share a leaf
 *   - leaves stand in a tree of BOOK_DEPTH levels with BOOK_ARITY children a node: 2^20 places, filled from the first. Sixteen
 *     leaves, states and tags in turn, make one node
 *   - a step takes the K leaves from the place that the totals before it have counted to (K divides BOOK_ARITY). Used leaves
 *     come first; a leaf that is not used has no state, no tag and no holdings, and only the last step of a book has such:
 *     after it the count is no multiple of K, or all places are taken
 *   - each account has coverage of at least the book's level, so none stands in the totals with less than nothing
 *   - totals go from the commitment before a step to the one after it: every position, every asset, cash, and the count of
 *     members. The first step starts from totals of nothing without a blinding; the totals after the last are opened
 *
 * A member whose leaf is at a place below the opened count has been counted; one whose leaf is at a later place, or nowhere,
 * has been left out and sees it.
 *
 * Width. Over 2^20 accounts a position total stays within 2^51 in absolute value (stride 63), a collateral total below 2^84
 * (stride 84, unsigned), cash within 2^83: packed totals have one reading, and no reading of theirs wraps.
 */
import { PlimsollError } from "../errors.ts";
import { type FieldElement, toField } from "../field.ts";
import { BITS } from "../units.ts";
import { type Account, checkAccount } from "./account.ts";
import {
  commitState,
  PURPOSE,
  packTotals,
  packWide,
  SPONGE_RATE,
  type SpongeInput,
  type Sponges,
  type SpongeWork,
  soakInTurn,
  soakTogether,
  spongeOf,
} from "./commit.ts";
import { ASSETS, type BoardSize, instrumentsOf } from "./sizes.ts";

/** Children of a node, and leaves of a lowest one. */
export const BOOK_ARITY = SPONGE_RATE;
export const BOOK_DEPTH = 5;
/** Places of a book. */
export const BOOK_LEAVES = BOOK_ARITY ** BOOK_DEPTH;

/** A place of a book: a state and the tag of the member whose it is. */
export interface BookLeaf {
  readonly state: FieldElement;
  readonly tag: FieldElement;
}

/** A place without a member. */
export const UNUSED_LEAF: BookLeaf = { state: 0n as FieldElement, tag: 0n as FieldElement };

/** A member's account and the tag of its leaf. */
export interface BookEntry {
  readonly account: Account;
  readonly tag: FieldElement;
}

/**
 * What binds a leaf to one member. `id` is what this member alone answers to (the hash of a name or of a key, and no number that the
 * venue gives out, which may be given to two); `salt` is known to the member and the venue alone.
 */
export const memberTag = (id: FieldElement, salt: FieldElement): FieldElement => spongeOf(memberSponge(id, salt));

/** What a member's tag is the sponge of. */
export const memberSponge = (id: FieldElement, salt: FieldElement): SpongeInput => ({
  purpose: PURPOSE.bookMember,
  instruments: 0,
  elements: [id, salt],
});

export const leafOf = ({ account, tag }: BookEntry): BookLeaf => ({ state: commitState(account), tag });

/**
 * What accounts hold together: lots of each instrument and asset, cash in 1e-6 quote, and how many they are. Cash is net: what
 * some owe is taken off what others have.
 */
export interface Totals {
  readonly size: BoardSize;
  readonly positions: readonly bigint[];
  readonly collateral: readonly bigint[];
  readonly cash: bigint;
  readonly count: bigint;
}

/** Totals before the first step. */
export const noTotals = (size: BoardSize): Totals => ({
  size,
  positions: new Array<bigint>(instrumentsOf(size)).fill(0n),
  collateral: new Array<bigint>(ASSETS).fill(0n),
  cash: 0n,
  count: 0n,
});

/** Totals with more accounts in them. Throws `FIELD_INVALID` for an account on a board of another size, like `checkAccount`. */
export function addAccounts(totals: Totals, accounts: readonly Account[]): Totals {
  const positions = [...totals.positions];
  const collateral = [...totals.collateral];
  let { cash } = totals;
  for (const [index, account] of accounts.entries()) {
    if (account.size !== totals.size) {
      throw new PlimsollError("FIELD_INVALID", "all accounts of a book are on boards of one size", {
        field: `members[${index}].account.size`,
      });
    }
    checkAccount(account);
    for (const [row, lots] of account.positions.entries()) positions[row]! += lots;
    for (const [asset, lots] of account.collateral.entries()) collateral[asset]! += lots;
    cash += account.cash;
  }
  return { size: totals.size, positions, collateral, cash, count: totals.count + BigInt(accounts.length) };
}

/** Commitment to totals: a sponge (packed position totals, packed collateral totals, cash, count, blinding). */
export const commitTotals = (totals: Totals, blinding: FieldElement): FieldElement =>
  spongeOf(totalsSponge(totals, blinding));

/** What the commitment to totals is the sponge of. */
export const totalsSponge = (
  { size, positions, collateral, cash, count }: Totals,
  blinding: FieldElement,
): SpongeInput => ({
  purpose: PURPOSE.bookTotals,
  instruments: instrumentsOf(size),
  elements: [...packTotals(positions), ...packWide(collateral), toField(cash), toField(count), blinding],
});

/**
 * What the last totals of a book are opened with: no positions, as they add up to zero. Amounts as in `Totals`.
 * Public once it is published.
 */
export interface BookOpening extends Omit<Totals, "positions"> {
  readonly blinding: FieldElement;
}

/** Throws `FIELD_INVALID`, naming the row, where positions do not add up to zero: then the book has no opening. */
export function openTotals({ positions, ...totals }: Totals, blinding: FieldElement): BookOpening {
  const row = positions.findIndex((sum) => sum !== 0n);
  if (row >= 0) {
    throw new PlimsollError("FIELD_INVALID", "the positions of a book add up to zero in every row", {
      field: `positions[${row}]`,
    });
  }
  return { ...totals, blinding };
}

/**
 * Whether the totals behind a commitment are these, and every position adds up to zero. Amounts that no accounts of a book
 * can have together are never those: they might pack to the same elements.
 */
export function isOpening(commitment: FieldElement, { blinding, ...totals }: BookOpening): boolean {
  const { size, collateral, cash, count } = totals;
  const most = BigInt(BOOK_LEAVES);
  const inRange =
    collateral.length === ASSETS &&
    collateral.every((lots) => lots >= 0n && lots < most << BigInt(BITS.quantity)) &&
    cash >= -most << BigInt(BITS.cash - 1) &&
    cash < most << BigInt(BITS.cash - 1) &&
    count >= 0n &&
    count <= most;
  return inRange && commitTotals({ ...totals, positions: noTotals(size).positions }, blinding) === commitment;
}

// ---- The tree -------------------------------------------------------------------------------------------------------

/** From a lowest node to the root: its leaves, then the children of each node above it. */
export interface BookPath {
  readonly leaves: readonly BookLeaf[];
  readonly children: readonly (readonly FieldElement[])[];
}

export interface BookTree {
  readonly root: FieldElement;
  /** The path of the lowest node that holds this place. */
  pathOf(index: number): BookPath;
}

const overLeaves = (leaves: readonly BookLeaf[]): SpongeInput => ({
  purpose: PURPOSE.bookLeaves,
  instruments: 0,
  elements: leaves.flatMap(({ state, tag }) => [state, tag]),
});
const overNodes = (elements: readonly FieldElement[]): SpongeInput => ({
  purpose: PURPOSE.bookNode,
  instruments: 0,
  elements,
});
const filled = <T>(list: readonly T[], empty: T): T[] =>
  Array.from({ length: BOOK_ARITY }, (_, index) => list[index] ?? empty);
/** The children of a node, by its place on its level. */
const childrenAt = <T>(list: readonly T[], at: number, empty: T) =>
  filled(list.slice(at * BOOK_ARITY, (at + 1) * BOOK_ARITY), empty);

/** The tree over these leaves and unused ones after them. Throws `FIELD_INVALID` for more than BOOK_LEAVES. */
export const bookTree = (leaves: readonly BookLeaf[]): BookTree => soakInTurn(treeOver(leaves));

/** The same by what takes many sponges at once. Rejects likewise, and like `sponges`. */
export const buildBookTree = async (leaves: readonly BookLeaf[], sponges: Sponges): Promise<BookTree> =>
  soakTogether(treeOver(leaves), sponges);

function* treeOver(leaves: readonly BookLeaf[]): SpongeWork<BookTree> {
  if (leaves.length > BOOK_LEAVES) {
    throw new PlimsollError("FIELD_INVALID", `expected at most ${BOOK_LEAVES} leaves`, { field: "leaves" });
  }
  const over = <T>(list: readonly T[], empty: T, input: (children: readonly T[]) => SpongeInput) =>
    Array.from({ length: Math.ceil(list.length / BOOK_ARITY) }, (_, at) => input(childrenAt(list, at, empty)));
  // Nodes of each level from the lowest, and what an empty one is there.
  const levels = [yield over(leaves, UNUSED_LEAF, overLeaves)];
  const empty = [spongeOf(overLeaves(filled([], UNUSED_LEAF)))];
  for (let level = 1; level < BOOK_DEPTH; level++) {
    levels.push(yield over(levels[level - 1]!, empty[level - 1]!, overNodes));
    empty.push(spongeOf(overNodes(filled([], empty[level - 1]!))));
  }
  return {
    root: levels[BOOK_DEPTH - 1]![0] ?? empty[BOOK_DEPTH - 1]!,
    pathOf(index) {
      let at = Math.floor(index / BOOK_ARITY);
      const children = levels.slice(0, -1).map((nodes, level) => {
        at = Math.floor(at / BOOK_ARITY);
        return childrenAt(nodes, at, empty[level]!);
      });
      return { leaves: childrenAt(leaves, Math.floor(index / BOOK_ARITY), UNUSED_LEAF), children };
    },
  };
}

/** Whether a book with this root has the leaf at this place. */
export const isInBook = (root: FieldElement, leaf: BookLeaf, index: number, path: BookPath): boolean =>
  soakInTurn(inBook(root, leaf, index, path));

/** `isInBook`, as work for whoever takes many sponges at once. */
export function* inBook(
  root: FieldElement,
  leaf: BookLeaf,
  index: number,
  { leaves, children }: BookPath,
): SpongeWork<boolean> {
  const whole = [leaves, ...children].every(({ length }) => length === BOOK_ARITY);
  const fits = whole && children.length === BOOK_DEPTH - 1;
  if (!fits || !Number.isInteger(index) || index < 0 || index >= BOOK_LEAVES) return false;
  const own = leaves[index % BOOK_ARITY]!;
  if (own.state !== leaf.state || own.tag !== leaf.tag) return false;
  const over = yield [overLeaves(leaves), ...children.map(overNodes)];
  let at = Math.floor(index / BOOK_ARITY);
  for (const [level, nodes] of children.entries()) {
    if (nodes[at % BOOK_ARITY] !== over[level]) return false;
    at = Math.floor(at / BOOK_ARITY);
  }
  return over.at(-1) === root;
}
