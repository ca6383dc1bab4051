// SPDX-License-Identifier: GPL-3.0-or-later
/** The Settlement circuit against the integer model, and lies told to it. `settlement.long.test.ts` takes more, and the larger boards. */

import { expect } from "chai";
import { FIELD_ORDER, type FieldElement, toField } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { settle } from "../../prover/src/statement/settlement.ts";
import { type SettlementMarks, settlementSignals } from "../../prover/src/statement/signals.ts";
import type { CashE6, ColumnE6, PositionLots, QuantityLots } from "../../prover/src/units.ts";
import { violations } from "../soundness/lab/r1cs.ts";
import type { Lies, Target } from "../soundness/lab/target.ts";
import { settlementCircuit } from "../support/circuit.ts";
import { agreeOnSettlements, type ClaimedSettlement, COLUMN_TOP, settlementInput } from "../support/settlements.ts";

const SIZE = "board-60";
const RANDOM = 15;

describe("the Settlement circuit and the integer model", function () {
  this.timeout(300_000);

  it(`C22: agree on ${RANDOM} random and boundary settlements: acceptance, public signals, cash after`, async () => {
    expect(await agreeOnSettlements(RANDOM)).within(1, RANDOM - 1);
  });

  it("settles what expires and nothing else, exactly", () => {
    const before = account({ positions: { 0: 3n, 1: -4n, 2: 5n }, cash: -7n });
    const after = settle(
      before,
      new Map([
        [0, 100n as ColumnE6],
        [1, 11n as ColumnE6],
        [7, 1_000n as ColumnE6],
      ]),
    );
    expect(after).deep.equal({ ...account({ positions: { 2: 5n }, cash: 249n }), sequence: before.sequence + 1n });
    expect(() => settle(before, new Map([[60, 0n as ColumnE6]]))).throw(/row below 60/);
    expect(() => settle(before, new Map([[0, (COLUMN_TOP + 1n) as ColumnE6]]))).throw(/marks\[0\]/);
    expect(() => settle(genesis(SIZE), new Map())).throw(/viewing key/);
  });
});

function account({ positions = {}, cash = 0n }: { positions?: Record<number, bigint>; cash?: bigint }): Account {
  return {
    ...genesis(SIZE),
    positions: genesis(SIZE).positions.map((_, row) => (positions[row] ?? 0n) as PositionLots),
    collateral: genesis(SIZE).collateral.map((_, asset) => BigInt(1000 + asset) as QuantityLots),
    cash: cash as CashE6,
    sequence: 3n,
    viewingKey: 987_654_321n as FieldElement,
  };
}

describe("lies told to the Settlement circuit", function () {
  this.timeout(120_000);
  const before = account({ positions: { 0: 12n, 1: -5n, 6: 9n, 7: 8n, 59: -1n }, cash: 1_000_000n });
  const marks: SettlementMarks = new Map([
    [0, 4_000_000n as ColumnE6],
    [7, -3n as ColumnE6],
  ]);
  const honest = settle(before, marks);
  let target: Target;
  this.beforeAll(async () => {
    target = await settlementCircuit(SIZE);
  });

  const stopped = (claim: Partial<ClaimedSettlement>, place: RegExp, lies?: Lies) => {
    const attack = target.attack(settlementInput({ before, marks, ...claim }), lies);
    expect(attack.outcome).equal("stopped");
    for (const at of attack.stoppedAt) expect(at).match(place);
  };
  const accepted = (claim: Partial<ClaimedSettlement> = {}) => {
    const attack = target.attack(settlementInput({ before, marks, ...claim }));
    expect(attack.stoppedAt).deep.equal([]);
    expect(attack.outcome).equal("accepted");
  };
  /** The public state after is a commitment to a lie, the rest is honest. */
  const lied = (after: Partial<Account>) => stopped({ after: { ...honest, ...after } }, /^main$/);

  it("accepts the truth", () => accepted());

  it("C03: a position at −2^31 and 2^31 − 1 settles exactly, one beyond does not", () => {
    for (const row of [0, 1]) {
      for (const [lots, ok] of [
        [-(1n << 31n), true],
        [(1n << 31n) - 1n, true],
        [-(1n << 31n) - 1n, false],
        [1n << 31n, false],
      ] as const) {
        const claim = { before: { ...before, positions: before.positions.with(row, lots as PositionLots) } };
        if (ok) accepted(claim);
        else stopped(claim, /^main\.expiry\.Signed/);
      }
    }
  });

  it("C13: the same packed positions read with a carry into their neighbour", () => {
    // Row 0 expires at a price; row 1 does not. 2^36 lots more in row 0 are one less in row 1.
    const read = before.positions
      .with(0, (before.positions[0]! + (1n << 36n)) as PositionLots)
      .with(1, -6n as PositionLots);
    const liar = { ...before, positions: read };
    expect(commitState(liar)).equal(commitState(before));
    stopped({ before: liar }, /^main\.(expiry\.)?Signed/);
    // Small enough for cash and for 32 bits: the smallest carry still is not.
    stopped({ before: { ...liar, cash: (-4_000_000n * (1n << 36n)) as CashE6 } }, /^main\.expiry\.Signed/);
  });

  it("C01: a position given as r − x reads as −x, and never as an amount owed to the account", () => {
    const liar = { ...before, positions: before.positions.with(0, (FIELD_ORDER - 12n) as PositionLots) };
    expect(target.attack(settlementInput({ before: liar, marks })).value("main.cashAfter")).equal(
      toField(before.cash - 12n * 4_000_000n - 24n),
    );
  });

  it("C03: cash at both ends of its range settles, one beyond does not", () => {
    const paid = honest.cash - before.cash;
    for (const [cash, ok] of [
      [(1n << 63n) - 1n, true],
      [1n << 63n, false],
      [-(1n << 63n), true],
      [-(1n << 63n) - 1n, false],
    ] as const) {
      const claim = { before: { ...before, cash: (cash - paid) as CashE6 } };
      if (ok) accepted(claim);
      else stopped(claim, /^main\.Signed/);
    }
  });

  it("C15: collateral changed, an unexpired row changed, an expired row kept, cash not paid or paid twice", () => {
    lied({ collateral: honest.collateral.with(3, 1n as QuantityLots) });
    for (const row of [1, 59, 2]) lied({ positions: honest.positions.with(row, 7n as PositionLots) });
    lied({ positions: honest.positions.with(0, before.positions[0]!) });
    lied({ positions: before.positions });
    lied({ cash: before.cash });
    lied({ cash: (honest.cash + honest.cash - before.cash) as CashE6 });
  });

  it("C16: the sequence kept, advanced by two, or the key exchanged", () => {
    lied({ sequence: before.sequence });
    lied({ sequence: before.sequence + 2n });
    lied({ viewingKey: 5n as FieldElement });
    lied(before);
  });

  it("settles neither genesis nor a state whose successor would be unblinded, whatever the inverse", () => {
    const inverse = [...target.full.symbols.entries()].map(([name]) => name).find((name) => /\.inverse$/.test(name))!;
    for (const blinding of [0n, -1n]) {
      const liar = { ...before, viewingKey: toField(blinding), sequence: 0n };
      for (const hint of [0n, 1n, FIELD_ORDER - 1n]) stopped({ before: liar }, /^main\.Onward/, { [inverse]: hint });
    }
    stopped({ before: genesis(SIZE), marks: new Map() }, /^main\.Onward/);
  });

  it("a mark of another kind: neither 0 nor 1, or a value for a row that does not expire", () => {
    const signals = settlementSignals(SIZE, marks);
    for (const expired of [2n, FIELD_ORDER - 1n]) {
      // Twice the pay, and a position of the opposite sign left.
      const factor = expired === 2n ? 2n : -1n;
      const after = {
        ...honest,
        positions: honest.positions.with(0, ((1n - factor) * 12n) as PositionLots),
        cash: (before.cash + factor * 48_000_000n - 24n) as CashE6,
      };
      stopped({ after, input: { marks: signals.with(0, toField(expired)) } }, /^main\.expiry$/);
    }
    const valued = signals.with(3, toField(5_000_000n)); // row 1: not expired
    accepted({ input: { marks: valued } });
    stopped({ after: { ...honest, cash: (honest.cash - 25_000_000n) as CashE6 }, input: { marks: valued } }, /^main$/);
  });

  it("C17: each public input changed alone on a valid witness, wherever the account depends on it", () => {
    const { r1cs } = target.shipped;
    const witness = target.prove(settlementInput({ before, marks }));
    const held = [0, 1, 6, 7, 59];
    const dependent = [0, 1, 2, ...held.map((row) => 3 + 2 * row), 3 + 2 * 0 + 1, 3 + 2 * 7 + 1];
    for (const signal of dependent) {
      const changed = [...witness];
      changed[1 + signal] = (changed[1 + signal]! + 1n) % FIELD_ORDER;
      expect(violations(r1cs, changed), `public input ${signal}`).not.deep.equal([]);
    }
    expect(violations(r1cs, [...witness])).deep.equal([]);
  });
});
