// SPDX-License-Identifier: GPL-3.0-or-later
/** Books in the integer model: the tree, the totals, and how a member that is left out sees it. */
import { expect } from "chai";
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import type { Account } from "../../prover/src/model/account.ts";
import {
  addAccounts,
  BOOK_ARITY,
  BOOK_DEPTH,
  BOOK_LEAVES,
  type BookEntry,
  bookTree,
  commitTotals,
  isInBook,
  isOpening,
  leafOf,
  memberTag,
  noTotals,
  openTotals,
  UNUSED_LEAF,
} from "../../prover/src/model/book.ts";
import {
  packTotals,
  packWide,
  TOTAL_STRIDE,
  TOTALS_PER_ELEMENT,
  WIDE_PER_ELEMENT,
  WIDE_STRIDE,
} from "../../prover/src/model/commit.ts";
import { ASSETS, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { BITS, type CashE6, type PositionLots, type QuantityLots } from "../../prover/src/units.ts";
import { type Rng, randomAccount, seededRng } from "../support/random.ts";
import { refusal } from "../support/refusal.ts";

const SIZE = "board-60";

const element = (rng: Rng) => rng.below(FIELD_ORDER) as FieldElement;

/** Members of a book whose positions add up to zero: each holds what the one beside it owes. */
function venue(rng: Rng, pairs: number): BookEntry[] {
  return Array.from({ length: pairs }, () => {
    const one = randomAccount(rng, SIZE, "typical");
    const other: Account = {
      ...randomAccount(rng, SIZE, "typical"),
      positions: one.positions.map((lots) => -lots as PositionLots),
    };
    return [one, other].map((account) => ({ account, tag: memberTag(element(rng), element(rng)) }));
  }).flat();
}

describe("books", () => {
  const rng = seededRng(81);
  const entries = venue(rng, 20);
  const leaves = entries.map(leafOf);
  const tree = bookTree(leaves);

  it("C28: hold every member at its place and nothing else: another leaf, place, path or root is not in the book", () => {
    for (const [place, leaf] of leaves.entries()) {
      expect(isInBook(tree.root, leaf, place, tree.pathOf(place)), `place ${place}`).equal(true);
    }
    const [leaf, path] = [leaves[17]!, tree.pathOf(17)];
    expect(isInBook(tree.root, leaf, 18, tree.pathOf(18))).equal(false);
    expect(isInBook(tree.root, leaf, 17 + BOOK_ARITY, path)).equal(false);
    expect(isInBook(tree.root, { ...leaf, tag: leaves[18]!.tag }, 17, path)).equal(false);
    expect(isInBook(tree.root, { ...leaf, state: leaves[18]!.state }, 17, path)).equal(false);
    expect(isInBook((tree.root + 1n) as FieldElement, leaf, 17, path)).equal(false);
    for (const level of path.children.keys()) {
      const children = path.children.map((nodes, at) => (at === level ? nodes.with(15, 1n as FieldElement) : nodes));
      expect(isInBook(tree.root, leaf, 17, { ...path, children })).equal(false);
    }
    expect(isInBook(tree.root, leaf, 17, { ...path, children: path.children.slice(1) })).equal(false);
    for (const place of [-1, 0.5, BOOK_LEAVES, BOOK_LEAVES + 17]) {
      expect(isInBook(tree.root, leaf, place, path)).equal(false);
    }
  });

  it("C28: places after the last member are unused; the last place of all has a path too", () => {
    expect(BOOK_LEAVES).equal(1 << 20);
    for (const place of [40, 47, 48, 255, 256, BOOK_LEAVES - 1]) {
      expect(isInBook(tree.root, UNUSED_LEAF, place, tree.pathOf(place)), `place ${place}`).equal(true);
    }
    expect(tree.pathOf(BOOK_LEAVES - 1).children.length).equal(BOOK_DEPTH - 1);
    expect(bookTree([...leaves, UNUSED_LEAF]).root).equal(tree.root);
    expect(bookTree([]).root).not.equal(tree.root);
    expect(isInBook(bookTree([]).root, UNUSED_LEAF, 5, bookTree([]).pathOf(5))).equal(true);
  });

  it("a leaf is one member's: two members with equal accounts have leaves of their own, told apart by id and by salt", () => {
    const [id, other, salt] = [5n, 6n, 7n] as FieldElement[];
    const tags = [memberTag(id!, salt!), memberTag(other!, salt!), memberTag(id!, other!), memberTag(salt!, id!)];
    expect(new Set(tags).size).equal(4);
  });

  it("two members who take one id from the venue, with equal accounts under a key of the venue's, are shown one leaf", () => {
    const [given, salt, ada, grace] = [17n, 7n, 1001n, 1002n] as FieldElement[];
    const { account } = entries[0]!;
    const shared = leafOf({ account, tag: memberTag(given!, salt!) });
    const one = bookTree([shared]);
    // Each computes its leaf from its account, id and salt: it is the same place, and counts once.
    for (const member of [{ ...account }, { ...account }]) {
      const leaf = leafOf({ account: member, tag: memberTag(given!, salt!) });
      expect(isInBook(one.root, leaf, 0, one.pathOf(0))).equal(true);
    }
    // With ids of their own, one of them sees that it is left out.
    const named = [ada!, grace!].map((id) => leafOf({ account, tag: memberTag(id, salt!) }));
    const left = bookTree([named[0]!]);
    expect(named.map((leaf) => isInBook(left.root, leaf, 0, left.pathOf(0)))).deep.equal([true, false]);
  });

  it("C28: totals are the sums, whatever the steps, and open where positions add up to zero", () => {
    const accounts = entries.map(({ account }) => account);
    const whole = addAccounts(noTotals(SIZE), accounts);
    let stepped = noTotals(SIZE);
    for (let at = 0; at < accounts.length; at += 8) stepped = addAccounts(stepped, accounts.slice(at, at + 8));
    expect(stepped).deep.equal(whole);
    expect(whole.count).equal(40n);
    expect(whole.cash).equal(accounts.reduce((sum, { cash }) => sum + cash, 0n));
    for (let asset = 0; asset < ASSETS; asset++) {
      expect(whole.collateral[asset]).equal(accounts.reduce((sum, { collateral }) => sum + collateral[asset]!, 0n));
    }
    const blinding = element(rng);
    const opening = openTotals(whole, blinding);
    const commitment = commitTotals(whole, blinding);
    expect(isOpening(commitment, opening)).equal(true);
    expect(Object.keys(opening)).not.include("positions");
    for (const change of [
      { cash: opening.cash + 1n },
      { count: opening.count - 1n },
      { blinding: (blinding + 1n) as FieldElement },
      { collateral: opening.collateral.with(14, opening.collateral[14]! + 1n) },
      { size: "board-240" as const },
    ]) {
      expect(isOpening(commitment, { ...opening, ...change }), Object.keys(change).join()).equal(false);
    }
    // The same elements read with a carry, and a sum that wraps, are nobody's totals.
    const [first, second] = opening.collateral;
    const carried = opening.collateral.with(0, first! + (1n << WIDE_STRIDE)).with(1, second! - 1n);
    const wrapped = { ...opening, cash: opening.cash + FIELD_ORDER };
    for (const read of [{ ...opening, collateral: carried }, wrapped]) {
      expect(commitTotals({ ...read, positions: whole.positions }, blinding)).equal(commitment);
      expect(isOpening(commitment, read)).equal(false);
    }
    const short = addAccounts(whole, [
      { ...accounts[0]!, positions: whole.positions.map((_, at) => (at === 59 ? 3n : 0n) as PositionLots) },
    ]);
    const error = refusal(() => openTotals(short, blinding));
    expect([error.code, error.place]).deep.equal(["FIELD_INVALID", { field: "positions[59]" }]);
    expect(
      isOpening(commitTotals(short, blinding), openTotals({ ...short, positions: whole.positions }, blinding)),
    ).equal(false);
    const elsewhere = randomAccount(rng, "board-240");
    expect(refusal(() => addAccounts(whole, [elsewhere])).place.field).equal("members[0].account.size");
    const owed = { ...accounts[0]!, collateral: accounts[0]!.collateral.with(0, -1n as QuantityLots) };
    expect(refusal(() => addAccounts(whole, [owed])).place.field).equal("collateral[0]");
  });

  it("C28: totals of 2^20 accounts at all ends of their ranges keep one reading, and none wraps", () => {
    const all = BigInt(BOOK_LEAVES);
    const [least, most] = [-all << BigInt(BITS.position - 1), all * ((1n << BigInt(BITS.position - 1)) - 1n)];
    // Two readings differ by less than a stride in each piece, and by less than the field's order together.
    expect(most - least < 1n << TOTAL_STRIDE).equal(true);
    expect((most - least) << (TOTAL_STRIDE * BigInt(TOTALS_PER_ELEMENT - 1)) < FIELD_ORDER >> 1n).equal(true);
    const collateral = all * ((1n << BigInt(BITS.quantity)) - 1n);
    expect(collateral < 1n << WIDE_STRIDE).equal(true);
    expect(1n << (WIDE_STRIDE * BigInt(WIDE_PER_ELEMENT)) < FIELD_ORDER).equal(true);
    expect(all << BigInt(BITS.cash) < FIELD_ORDER >> 1n).equal(true);
    // One more account than there are places would carry: this is why places are counted.
    expect(packWide([(all + 1n) << 64n, 0n])[0]! >= 1n << WIDE_STRIDE).equal(true);
    expect(packWide([1n << WIDE_STRIDE, 0n])).deep.equal(packWide([0n, 1n]));
    expect(packTotals([least, most, least, most]).length).equal(1);
    expect(instrumentsOf(SIZE) / TOTALS_PER_ELEMENT).equal(15);
    const extreme: Account = {
      ...entries[0]!.account,
      cash: -(1n << 63n) as CashE6,
      positions: entries[0]!.account.positions.map(() => -(1n << 31n) as PositionLots),
    };
    expect(addAccounts(noTotals(SIZE), [extreme, extreme]).cash).equal(-(1n << 64n));
  });

  it("takes no more leaves than there are places", () => {
    const many = { length: BOOK_LEAVES + 1 } as unknown as typeof leaves;
    expect(refusal(() => bookTree(many)).place.field).equal("leaves");
  });
});
