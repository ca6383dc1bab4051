// SPDX-License-Identifier: GPL-3.0-or-later
/** The Merge circuit against the integer model, and lies told to it. `merge.long.test.ts` takes more pairs, and the larger boards. */

import { expect } from "chai";
import { FIELD_ORDER, type FieldElement, fromField, toField } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { ASSETS, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { buildMergeStatement, merge } from "../../prover/src/statement/merge.ts";
import type { CashE6, PositionLots, QuantityLots } from "../../prover/src/units.ts";
import { violations } from "../soundness/lab/r1cs.ts";
import type { Lies, Target } from "../soundness/lab/target.ts";
import { mergeCircuit } from "../support/circuit.ts";
import { agreeOnPairs, beyondRange, type ClaimedMerge, MERGED_KEY, mergeInput, sumOf } from "../support/merges.ts";

const SIZE = "board-60";
const RANDOM = 15;

describe("the Merge circuit and the integer model", function () {
  this.timeout(300_000);

  it(`C22: agree on ${RANDOM} random and boundary pairs: acceptance, public signals, sums`, async () => {
    expect(await agreeOnPairs(RANDOM)).within(1, RANDOM - 1);
  });

  it("adds piece by piece, and takes no accounts that do not go together", () => {
    const left = account({ positions: { 0: 3n, 59: -4n }, cash: -7n });
    const right = account({ positions: { 0: -5n, 1: 1n }, cash: 9n, viewingKey: 5n });
    const merged = merge(left, right, MERGED_KEY);
    expect(merged.positions.slice(0, 2)).deep.equal([-2n, 1n]);
    expect(merged.positions[59]).equal(-4n);
    expect(merged.collateral).deep.equal(left.collateral.map((lots) => 2n * lots));
    expect(merged).include({ cash: 2n, sequence: 0n, viewingKey: MERGED_KEY, size: SIZE });
    const refused = (work: () => unknown, code: string, field: string) => {
      const error = (() => {
        try {
          return work();
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).property("code", code);
      expect(error).property("place").property("field", field);
    };
    const small = { left, right, mergedViewingKey: MERGED_KEY, context: 1n };
    refused(
      () => merge(left, { ...genesis("board-240"), viewingKey: MERGED_KEY }, MERGED_KEY),
      "FIELD_INVALID",
      "size",
    );
    refused(() => merge(left, genesis(SIZE), MERGED_KEY), "FIELD_INVALID", "viewingKey");
    refused(() => merge(left, right, 0n as FieldElement), "OUT_OF_RANGE", "viewingKey");
    refused(() => buildMergeStatement({ ...small, right: left }), "FIELD_INVALID", "right");
    refused(() => buildMergeStatement({ ...small, context: FIELD_ORDER }), "OUT_OF_RANGE", "context");
    const most = { ...left, collateral: left.collateral.with(3, ((1n << 64n) - 1n) as QuantityLots) };
    refused(() => merge(most, right, MERGED_KEY), "OUT_OF_RANGE", "collateral[3]");
  });
});

function account({
  positions = {},
  cash = 0n,
  viewingKey = 987_654_321n,
}: {
  positions?: Record<number, bigint>;
  cash?: bigint;
  viewingKey?: bigint;
}): Account {
  return {
    ...genesis(SIZE),
    positions: genesis(SIZE).positions.map((_, row) => (positions[row] ?? 0n) as PositionLots),
    collateral: genesis(SIZE).collateral.map((_, asset) => BigInt(1000 + asset) as QuantityLots),
    cash: cash as CashE6,
    sequence: 3n,
    viewingKey: toField(viewingKey),
  };
}

describe("lies told to the Merge circuit", function () {
  this.timeout(120_000);
  const left = account({ positions: { 0: 12n, 1: -5n, 6: 9n, 59: -1n }, cash: 1_000_000n });
  const right = account({ positions: { 0: -2n, 7: 8n }, cash: -3_000_000n, viewingKey: 77n });
  const honest = sumOf(left, right);
  const SIDES = ["left", "right"] as const;
  let target: Target;
  this.beforeAll(async () => {
    target = await mergeCircuit(SIZE);
  });

  const stopped = (claim: Partial<ClaimedMerge>, place: RegExp, lies?: Lies) => {
    const attack = target.attack(mergeInput({ left, right, ...claim }), lies);
    expect(attack.outcome).equal("stopped");
    for (const at of attack.stoppedAt) expect(at).match(place);
  };
  const accepted = (claim: Partial<ClaimedMerge> = {}) => {
    const attack = target.attack(mergeInput({ left, right, ...claim }));
    expect(attack.stoppedAt).deep.equal([]);
    expect(attack.outcome).equal("accepted");
  };
  /** One side with something changed, as a custodian might have signed it without looking. */
  const withSide = (side: (typeof SIDES)[number], change: Partial<Account>): ClaimedMerge =>
    side === "left" ? { left: { ...left, ...change }, right } : { left, right: { ...right, ...change } };

  it("accepts the truth", () => accepted());

  for (const side of SIDES) {
    const own = side === "left" ? left : right;
    const range = new RegExp(`^main\\.${side}\\.(Signed|Unsigned)`);

    it(`C03: a position of the ${side} account at −2^31 and 2^31 − 1 counts exactly, one beyond is no position`, () => {
      for (const [lots, ok] of [
        [-(1n << 31n), true],
        [(1n << 31n) - 1n, true],
        [-(1n << 31n) - 1n, false],
        [1n << 31n, false],
      ] as const) {
        const claim = withSide(side, { positions: own.positions.with(1, lots as PositionLots) });
        if (ok) accepted(claim);
        else stopped(claim, range);
      }
    });

    it(`C02: collateral of the ${side} account from 0 to 2^64 − 1 counts exactly; less than nothing or more does not`, () => {
      for (const [lots, ok] of [
        [0n, true],
        [(1n << 64n) - 1n, true],
        [-1n, false],
        [1n << 64n, false],
      ] as const) {
        const claim = withSide(side, { collateral: own.collateral.with(4, lots as QuantityLots) });
        if (ok) accepted(claim);
        else stopped(claim, range);
      }
    });

    it(`C01: cash of the ${side} account from −2^63 to 2^63 − 1 counts exactly, one beyond does not, nor r − x as a fortune`, () => {
      for (const [cash, ok] of [
        [-(1n << 63n), true],
        [(1n << 63n) - 1n, true],
        [-(1n << 63n) - 1n, false],
        [1n << 63n, false],
        [FIELD_ORDER >> 1n, false],
      ] as const) {
        const claim = withSide(side, { cash: cash as CashE6 });
        if (ok) accepted(claim);
        else stopped(claim, range);
      }
      const debt = target.attack(mergeInput(withSide(side, { cash: (FIELD_ORDER - 5n) as CashE6 })));
      expect(fromField(debt.value("main.merged.elements[14]"))).equal((side === "left" ? right : left).cash - 5n);
    });

    it(`C13: the packed pieces of the ${side} account read with a carry into their neighbour`, () => {
      const positions = own.positions
        .with(0, (own.positions[0]! + (1n << 36n)) as PositionLots)
        .with(1, (own.positions[1]! - 1n) as PositionLots);
      const collateral = own.collateral
        .with(0, (own.collateral[0]! + (1n << 84n)) as QuantityLots)
        .with(1, (own.collateral[1]! - 1n) as QuantityLots);
      for (const read of [{ positions }, { collateral }]) {
        const claim = withSide(side, read);
        expect(commitState(claim[side])).equal(commitState(own));
        stopped(claim, range);
      }
    });

    it(`a hostile leaf on the ${side}: what is negative on one side cannot be value on the other`, () => {
      // The sum would be an account in range, and the element of the other side as large as anybody likes.
      const other = side === "left" ? "right" : "left";
      const debt = -(1n << 70n);
      const claim = withSide(side, { collateral: own.collateral.with(0, debt as QuantityLots) });
      const raised = { ...claim[other], collateral: claim[other].collateral.with(0, (5n - debt) as QuantityLots) };
      stopped({ ...claim, [other]: raised }, /^main\.(left|right)\.Unsigned/);
      // Less than nothing of an asset on one side alone, and enough of it on the other.
      stopped(withSide(side, { collateral: own.collateral.with(0, -1n as QuantityLots) }), range);
    });

    it(`the ${side} account unblinded, whatever the inverse`, () => {
      const inverse = [...target.full.symbols.entries()].map(([name]) => name).find((name) => /\.inverse$/.test(name))!;
      const claim = withSide(side, { viewingKey: 0n as FieldElement, sequence: 0n });
      for (const hint of [0n, 1n, FIELD_ORDER - 1n]) stopped(claim, /^main\.Blinded/, { [inverse]: hint });
      stopped(withSide(side, genesis(SIZE)), /^main\.Blinded/);
    });
  }

  it("the merged account unblinded", () => {
    stopped({ merged: { ...honest, viewingKey: 0n as FieldElement } }, /^main\.Blinded/);
  });

  it("C15: merged with anything more or less, moved to another row or asset, or one side left out or counted twice", () => {
    const lied = (merged: Partial<Account>) => stopped({ merged: { ...honest, ...merged } }, /^main$/);
    for (const row of [0, 6, 7, 30, 59]) {
      for (const by of [1n, -1n]) {
        lied({ positions: honest.positions.with(row, (honest.positions[row]! + by) as PositionLots) });
      }
    }
    for (let asset = 0; asset < ASSETS; asset++) {
      lied({ collateral: honest.collateral.with(asset, (honest.collateral[asset]! + 1n) as QuantityLots) });
    }
    lied({ collateral: honest.collateral.with(0, honest.collateral[1]!).with(1, honest.collateral[0]!) });
    lied({ cash: (honest.cash + 1n) as CashE6 });
    lied({ ...left, viewingKey: MERGED_KEY, sequence: 0n });
    lied(sumOf(left, left));
    // The same sum under another blinding than the one that is shown not to be zero.
    stopped({ input: { blindingMerged: toField(MERGED_KEY + 1n) } }, /^main$/);
  });

  it("C16: left and right are bound each to its own commitment", () => {
    stopped({ input: { stateLeft: commitState(right), stateRight: commitState(left) } }, /^main$/);
    stopped({ input: { stateLeft: commitState(right) } }, /^main$/);
    stopped({ input: { stateRight: commitState(left) } }, /^main$/);
  });

  it("C17: each public input changed alone on a valid witness", () => {
    const { r1cs } = target.shipped;
    const witness = target.prove(mergeInput({ left, right }));
    for (const signal of [0, 1, 2, 3]) {
      const changed = [...witness];
      changed[1 + signal] = (changed[1 + signal]! + 1n) % FIELD_ORDER;
      expect(violations(r1cs, changed), `public input ${signal}`).not.deep.equal([]);
    }
    expect(violations(r1cs, [...witness])).deep.equal([]);
  });

  it("C13: a sum out of range has one reading, and Merge does not take it further", () => {
    for (const { change, mergeStops } of beyondRange(left)) {
      const [one, other] = [5n, 6n].map((viewingKey) => ({ ...account({ viewingKey }), ...change })) as [
        Account,
        Account,
      ];
      accepted({ left: one, right: other });
      stopped({ left: sumOf(one, other) }, mergeStops);
    }
  });

  it("makes trees: three leaves to one root, in any order the same holdings", async () => {
    const third = account({ positions: { 2: 4n }, cash: 17n, viewingKey: 99n });
    const totals = [
      [left, right, third],
      [third, left, right],
    ].map(([a, b, c]) => {
      const inner = merge(a!, b!, MERGED_KEY);
      accepted({ left: a!, right: b!, merged: inner });
      const root = merge(inner, c!, 5n as FieldElement);
      accepted({ left: inner, right: c!, merged: root });
      return root;
    });
    expect(totals[0]).deep.equal(totals[1]);
    expect(instrumentsOf(SIZE)).equal(totals[0]!.positions.length);
  });
});
