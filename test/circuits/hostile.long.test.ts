// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Lies told to the Account circuit. Each is put the way its author would put it: commitments are of the lie, every signal
 * that follows from it follows, and only then is the shipped system asked. The honest other side of each boundary is
 * accepted and equals the model.
 */

import { expect } from "chai";
import { FIELD_ORDER, type FieldElement, invert, toField } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitFill, commitState, PURPOSE, packWide } from "../../prover/src/model/commit.ts";
import {
  type AmountE6,
  coverageBpsDown,
  evaluate,
  isAtLeast,
  MARGIN_LEVEL_TO_E20,
  worstLoss,
} from "../../prover/src/model/evaluate.ts";
import { type BoardRow, EMPTY_ROW, type Market } from "../../prover/src/model/market.ts";
import { NOT_SCANNED, type Policy, tierValue } from "../../prover/src/model/policy.ts";
import {
  ASSETS,
  type BoardSize,
  blocksOf,
  CASH_INDEX,
  instrumentsOf,
  SCENARIOS,
  TIERS,
} from "../../prover/src/model/sizes.ts";
import { noFill, type Transfer } from "../../prover/src/model/transition.ts";
import { type Direction, encodeTransfer } from "../../prover/src/statement/account.ts";
import type { CircuitInput } from "../../prover/src/statement/witness-input.ts";
import type {
  CashE6,
  ChargeE6,
  ColumnE6,
  LevelBps,
  LotPriceE16,
  PositionLots,
  QuantityLots,
  RateBps,
  ScanLots,
  ThresholdE6,
  WeightBps,
} from "../../prover/src/units.ts";
import { evaluate as evaluateRow, type R1cs, violations, type Witness, wiresOf } from "../soundness/lab/r1cs.ts";
import type { Attack, Lies, Target } from "../soundness/lab/target.ts";
import { accountCircuit, type Claim, claimInput, difference, figuresOf, modelFigures } from "../support/circuit.ts";

const LEVEL = 12_000n as LevelBps;
const top = (bits: number) => (1n << BigInt(bits)) - 1n;
const DIRECTIONS: readonly Direction[] = ["at-least", "below"];

/** Assets in the scan. */
const SCANNED = [4, 5, 6, 8, 9, 10, 11, 12, 13];

// A firm of everyday size in which nothing is zero: every asset lies inside a tier, every row is held.
const policy: Policy = {
  schedules: Array.from({ length: ASSETS }, (_, asset) =>
    [9500n, 9000n, 5000n, 2000n].map((weight, tier) => ({
      boundaryLots: (BigInt(tier + 1) * 1_000_000n * BigInt(asset + 1)) as QuantityLots,
      weightBps: (weight - BigInt(asset)) as WeightBps,
    })),
  ),
  // Some dozens to hundreds of scan lots of most assets, and something left over.
  scanLots: Array.from({ length: ASSETS }, (_, asset) =>
    SCANNED.includes(asset) ? (BigInt(100_003 + 7 * asset) as ScanLots) : NOT_SCANNED,
  ),
  debtRateBps: 700n as RateBps,
};

/** The same with no collateral in the scan. */
const unscanned: Policy = { ...policy, scanLots: policy.scanLots.map(() => NOT_SCANNED) };

function market(size: BoardSize, continues: readonly boolean[] = []): Market {
  const column = (row: number, k: number) =>
    BigInt(((row * 131 + k * 977 + row * k * 13) % 2001) - 1000) * 1_009_000_007n;
  return {
    prices: Array.from({ length: ASSETS }, (_, asset) => (BigInt(asset + 1) * 10n ** 16n + 7n) as LotPriceE16),
    board: {
      size,
      rows: Array.from(
        { length: instrumentsOf(size) },
        (_, row): BoardRow => ({
          profits: Array.from({ length: SCENARIOS }, (_, k) => column(row, k) as ColumnE6),
          mark: column(row, SCENARIOS) as ColumnE6,
          delta: column(row, SCENARIOS + 1) as ColumnE6,
          vega: column(row, SCENARIOS + 2) as ColumnE6,
          longCharge: BigInt(row + 3) as ChargeE6,
          shortCharge: BigInt(2 * row + 5) as ChargeE6,
        }),
      ),
      blocks: Array.from({ length: blocksOf(size) }, (_, block) => ({
        continues: continues[block] ?? false,
        liquidityThreshold: BigInt(1000 + block) as ThresholdE6,
        liquidityRate: BigInt(50 + block) as RateBps,
        vegaThreshold: BigInt(3000 + block) as ThresholdE6,
        vegaRate: BigInt(30 + block) as RateBps,
      })),
    },
  };
}

function firm(size: BoardSize): Account {
  return {
    size,
    cash: (10n ** 15n) as CashE6,
    collateral: Array.from(
      { length: ASSETS },
      (_, a) => (BigInt((a % TIERS) * 10 + 5) * 100_000n * BigInt(a + 1)) as QuantityLots,
    ),
    positions: Array.from(
      { length: instrumentsOf(size) },
      (_, j) => (BigInt(((j * 37) % 200) - 100) || 1n) as PositionLots,
    ),
    sequence: 4n,
    viewingKey: 1234567890123456789012345678901234567890n as FieldElement,
  };
}

// `before` is the state before a transition in this file.
const beforeAll = globalThis.before;

const replaced = <T>(list: readonly T[], index: number, value: bigint): T[] =>
  list.map((old, at) => (at === index ? (value as T) : old));
const next = (before: Account, change: Partial<Account> = {}): Account => ({
  ...before,
  sequence: before.sequence + 1n,
  ...change,
});
const replaceAt = <T>(list: readonly T[], index: number, value: T): T[] =>
  list.map((old, at) => (at === index ? value : old));

/** A quick check of one wire's constraints: whether any of them is violated. */
function constraintsOf(r1cs: R1cs, wires: number): (wire: number, witness: Witness) => boolean {
  const held = Array.from({ length: wires + 1 }, () => new Set<number>());
  for (let constraint = 0; constraint < r1cs.constraints; constraint++) {
    for (const wire of wiresOf(r1cs, constraint)) held[wire]?.add(constraint);
  }
  return (wire, witness) =>
    [...held[wire]!].some((constraint) => {
      const [a, b, c] = [0, 1, 2].map((part) => evaluateRow(r1cs, 3 * constraint + part, witness)) as [
        bigint,
        bigint,
        bigint,
      ];
      return (a * b - c) % r1cs.prime !== 0n;
    });
}

describe("hostile witnesses of the Account circuit", function () {
  this.timeout(180_000);
  const size = "board-60";
  const before = firm(size);
  const board = market(size);
  let circuit: Target;

  beforeAll(async () => {
    circuit = await accountCircuit(size);
  });

  const claim = (change: Partial<Claim> = {}): Claim => ({
    before,
    after: next(before),
    level: LEVEL,
    direction: "at-least",
    policy,
    market: board,
    ...change,
  });
  const honestDirection = ({ after, level, policy, market }: Claim): Direction =>
    isAtLeast(evaluate(after, policy, market), level) ? "at-least" : "below";

  /** Accepted by the shipped generator and the shipped constraints, with every figure the model's; the opposite is not. */
  function expectExact(given: Claim, target = circuit): Attack {
    const direction = honestDirection(given);
    const input = claimInput({ ...given, direction });
    expect(target.check(target.prove(input))).deep.equal([]);
    const attack = target.attack(input);
    expect(attack.outcome).equal("accepted");
    const evaluation = evaluate(given.after, given.policy, given.market);
    expect(figuresOf(attack, given.after.size)).deep.equal(modelFigures(evaluation, given.after.size, given.level));
    const opposite = claimInput({ ...given, direction: direction === "below" ? "at-least" : "below" });
    expect(() => target.prove(opposite)).throw(/assertion/);
    const flipped = target.attack(opposite);
    expect(flipped.outcome).equal("stopped");
    expect(flipped.stoppedAt.join()).match(/^main\.Coverage/);
    return attack;
  }

  /**
   * Whichever answer the liar wants, the shipped constraints reject; and the answer that suits the lie best is stopped
   * in nothing but the components named.
   */
  function expectStopped(given: Claim, where: RegExp, lies: Lies = {}, target = circuit): Attack {
    const attempts = DIRECTIONS.map((direction) => target.attack(claimInput({ ...given, direction }), lies));
    for (const attempt of attempts) expect(attempt.outcome).equal("stopped");
    const best = attempts.reduce((one, other) => (other.violated.length < one.violated.length ? other : one));
    expect(best.violated.length).greaterThan(0);
    for (const place of best.stoppedAt) expect(place).match(where);
    return best;
  }

  const names = (pattern: RegExp): string[] =>
    [...circuit.full.symbols.entries()].map(([name]) => name).filter((name) => pattern.test(name));
  const only = (pattern: RegExp): string => {
    const found = names(pattern);
    expect(found.length, String(pattern)).equal(1);
    return found[0]!;
  };

  it("re-derives the honest witness exactly, which the shipped constraints accept", () => {
    const input = claimInput(claim({ direction: honestDirection(claim()) }));
    const { derived, baseline } = circuit.rederive(input);
    expect(derived).deep.equal(baseline);
    expectExact(claim());
  });

  describe("ranges of the account", () => {
    const quantity = (value: bigint, asset = 3) =>
      claim({ after: next(before, { collateral: replaced(before.collateral, asset, value) }) });
    const position = (value: bigint, row = 17) =>
      claim({ after: next(before, { positions: replaced(before.positions, row, value) }) });
    const cash = (value: bigint) => claim({ after: next(before, { cash: value as CashE6 }) });

    it("C01: violates where a quantity is r - 1 or r - x, in the first, a middle and the last asset", () => {
      for (const asset of [0, 3, ASSETS - 1]) {
        for (const x of [1n, before.collateral[asset]!, 1n << 63n, 1n << 64n]) {
          const where = `^main\\.worth\\.(haircut|scanned)\\[${asset}\\]`;
          const { stoppedAt } = expectStopped(quantity(-x, asset), new RegExp(`${where}|^main\\.worth\\.set\\[0\\]`), {
            [`main.worth.scanned[${asset}].whole`]: 0n,
          });
          expect(stoppedAt.some((place) => new RegExp(where).test(place))).equal(true);
        }
      }
    });
    it("C01: violates where a quantity is r - x and any other piece of the schedule is selected", () => {
      for (let tier = 0; tier <= TIERS; tier++) {
        const lies = Object.fromEntries(
          Array.from({ length: TIERS + 1 }, (_, t) => [`main.worth.haircut[3].selected[${t}]`, t === tier ? 1n : 0n]),
        );
        const { stoppedAt } = expectStopped(quantity(-1n), /^main\.worth\.((haircut|scanned)\[3\]|set\[0\])/, {
          ...lies,
          "main.worth.scanned[3].whole": 0n,
        });
        expect(stoppedAt.some((place) => /^main\.worth\.haircut\[3\]/.test(place))).equal(true);
      }
    });
    it("C01: violates where cash or a position is r - x below its range; within it r - x is the negative amount", () => {
      expectStopped(cash(-(1n << 63n) - 1n), /^main\.worth\.Signed/);
      expectStopped(cash(-(1n << 80n)), /^main\.worth\.(Signed|Debt)/);
      expectStopped(cash(-(1n << 200n)), /^main\.(worth\.(Signed|Debt)|Coverage)/);
      expectStopped(position(-(1n << 31n) - 12_345n), /^main\.worth\.held\[0\]\.checked\[17\]/);
      expectStopped(position(-(1n << 100n)), /^main\.(worth\.(held\[0\]\.checked\[17\]|set\[0\]|Debt)|Coverage)/);
      expectExact(cash(-5n));
      expectExact(position(-5n));
    });
    it("C02: accepts a quantity of 2^64 - 1, exactly, and violates at 2^64", () => {
      expectExact(quantity(top(64)));
      expectStopped(quantity(1n << 64n), /^main\.worth\.haircut\[3\]/);
      expectStopped(quantity((1n << 64n) + 5n), /^main\.worth\.(haircut|scanned)\[3\]/, {
        "main.worth.haircut[3].selected[4]": 0n,
        "main.worth.haircut[3].selected[0]": 1n,
      });
    });
    it("C02: accepts a quantity of 2^64 - 1 where the last boundary is 2^64 - 1, and violates at 2^64", () => {
      const wide: Policy = {
        ...policy,
        scanLots: policy.scanLots.with(3, (1n << 33n) as ScanLots),
        schedules: policy.schedules.map((schedule) =>
          schedule.map((tier, t) => (t === TIERS - 1 ? { ...tier, boundaryLots: top(64) as QuantityLots } : tier)),
        ),
      };
      expectExact({ ...quantity(top(64)), policy: wide });
      expectExact({ ...quantity(top(64) - 1n), policy: wide });
      expectStopped({ ...quantity(1n << 64n), policy: wide }, /^main\.worth\.(haircut|scanned)\[3\]/);
    });
    it("C03: accepts positions at 2^31 - 1 and -2^31, exactly, and violates one beyond, in the first and the last row", () => {
      for (const row of [0, instrumentsOf(size) - 1]) {
        const where = new RegExp(`^main\\.worth\\.held\\[0\\]\\.checked\\[${row}\\]`);
        expectExact(position(top(31), row));
        expectExact(position(-(1n << 31n), row));
        expectStopped(position(1n << 31n, row), where);
        expectStopped(position(-(1n << 31n) - 1n, row), where);
      }
    });
    it("C03: accepts cash at 2^63 - 1 and -2^63, exactly, and violates one beyond", () => {
      expectExact(cash(top(63)));
      expectExact(cash(-(1n << 63n)));
      expectStopped(cash(1n << 63n), /^main\.worth\.Signed/);
      expectStopped(cash(-(1n << 63n) - 1n), /^main\.worth\.Signed/);
    });
  });

  describe("coverage", () => {
    /** Collateral counted in units of 1e-20, so that equity can be set to any number. */
    const unitPolicy: Policy = {
      ...policy,
      // Equity is set by cash: what it owes would move the margin.
      debtRateBps: 0n as RateBps,
      scanLots: new Array<ScanLots>(ASSETS).fill(NOT_SCANNED),
      schedules: policy.schedules.map(() =>
        Array.from({ length: TIERS }, () => ({ boundaryLots: top(64) as QuantityLots, weightBps: 1n as WeightBps })),
      ),
    };
    const unitMarket: Market = { ...board, prices: new Array<LotPriceE16>(ASSETS).fill(1n as LotPriceE16) };
    /** The firm with cash and collateral such that its equity is exactly this. */
    function withEquity(equity: bigint, positions = before.positions): Account {
      const bare = next(before, {
        positions,
        cash: 0n as CashE6,
        collateral: new Array<QuantityLots>(ASSETS).fill(0n as QuantityLots),
      });
      const missing = equity - evaluate(bare, unitPolicy, unitMarket).equity;
      const unit = 10n ** 14n;
      const dust = ((missing % unit) + unit) % unit;
      return { ...bare, cash: ((missing - dust) / unit) as CashE6, collateral: replaced(bare.collateral, 5, dust) };
    }

    for (const level of [1n, 10_000n, 12_000n, 2n ** 20n - 1n]) {
      it(`C04: equity = margin x level is at least ${level} and not below; one unit less is below and not at least`, () => {
        const { margin } = evaluate(withEquity(0n), unitPolicy, unitMarket);
        const required = MARGIN_LEVEL_TO_E20 * level * margin;
        for (const [equity, direction] of [
          [required, "at-least"],
          [required - 1n, "below"],
          [required + 1n, "at-least"],
        ] as const) {
          const after = withEquity(equity);
          expect(evaluate(after, unitPolicy, unitMarket).equity).equal(equity);
          const given = claim({ after, level: level as LevelBps, policy: unitPolicy, market: unitMarket });
          expect(honestDirection(given)).equal(direction);
          expectExact(given);
        }
      });
    }
    it("C04: equity of zero is at least level 0, of minus one unit below it, with and without margin", () => {
      for (const positions of [before.positions, genesis(size).positions]) {
        for (const [equity, direction] of [
          [0n, "at-least"],
          [-1n, "below"],
        ] as const) {
          const given = claim({
            after: withEquity(equity, positions),
            level: 0n as LevelBps,
            policy: unitPolicy,
            market: unitMarket,
          });
          expect(honestDirection(given)).equal(direction);
          expectExact(given);
        }
      }
    });
    it("C18: violates where the direction bit is flipped on a valid witness, alone or with all that follows from it", () => {
      const given = claim();
      const direction = honestDirection(given);
      const honest = circuit.attack(claimInput({ ...given, direction }));
      const flip = direction === "below" ? -(1n << 20n) : 1n << 20n;
      const witness = [...honest.witness];
      const wire = circuit.shipped.symbols.wireOf("main.terms")!;
      witness[wire] = witness[wire]! + flip;
      expect(violations(circuit.shipped.r1cs, witness)).not.deep.equal([]);

      const flipped = claimInput({ ...given, direction: direction === "below" ? "at-least" : "below" });
      expect(circuit.attack(flipped).stoppedAt.join()).match(/^main\.Coverage/);
      // Keeping the old bit: the terms are then not read as they stand.
      const bit = only(/^main\.ReadTerms_\d+_\d+\.ToBits_\d+_\d+\.bits\[20\]$/);
      const kept = circuit.attack(flipped, { [bit]: direction === "below" ? 1n : 0n });
      expect(kept.outcome).equal("stopped");
      expect(kept.stoppedAt.join()).match(/^main\.ReadTerms/);
      // A bit between the two scales the surplus by any factor, even zero.
      const half = (FIELD_ORDER + 1n) / 2n;
      const scaled = circuit.attack(flipped, { [bit]: half });
      expect(scaled.outcome).equal("stopped");
      expect(scaled.stoppedAt.join()).match(/ReadTerms/);
    });
    it("C18: violates where the surplus is read with the digits of its negative", () => {
      const given = claim();
      const wrong: Direction = honestDirection(given) === "below" ? "at-least" : "below";
      const digits = names(/^main\.Coverage_\d+_\d+\.Unsigned_\d+_\d+\.ToBits_\d+_\d+\.bits\[\d+\]$/);
      expect(digits.length).above(150);
      for (const bits of [digits.map(() => 0n), digits.map(() => 1n)]) {
        const lies = Object.fromEntries(digits.map((name, index) => [name, bits[index]!]));
        expect(circuit.attack(claimInput({ ...given, direction: wrong }), lies).outcome).equal("stopped");
      }
    });
  });

  describe("haircuts", () => {
    it("C06: values each asset as the model does at every tier boundary, one lot below and one above", () => {
      const places = Array.from({ length: ASSETS }, (_, index) => ({
        tier: Math.floor(index / 3) % TIERS,
        off: BigInt((index % 3) - 1),
      }));
      for (const shift of [0, 1, 2]) {
        const collateral = before.collateral.map((_, asset) => {
          const { tier, off } = places[(asset + shift * 5) % ASSETS]!;
          return (policy.schedules[asset]![tier]!.boundaryLots + off) as QuantityLots;
        });
        expectExact(claim({ after: next(before, { collateral }) }));
      }
    });
    it("C06: the value no longer grows above the last boundary", () => {
      const at = (extra: bigint) =>
        expectExact(
          claim({
            after: next(before, {
              collateral: before.collateral.map(
                (_, a) => (policy.schedules[a]![TIERS - 1]!.boundaryLots + extra) as QuantityLots,
              ),
            }),
            policy: { ...policy, scanLots: policy.scanLots.map(() => (1n << 33n) as ScanLots) },
          }),
        );
      const full = figuresOf(at(0n), size).values;
      for (const extra of [1n, 1n << 40n, 1n << 63n]) expect(figuresOf(at(extra), size).values).deep.equal(full);
      expect(figuresOf(at(-1n), size).values.every((value, a) => value < full[a]!)).equal(true);
    });
    it("C06: equal boundaries and unlisted assets are valued as the model does", () => {
      const flat: Policy = {
        ...policy,
        schedules: policy.schedules.map((schedule, a) =>
          schedule.map((tier, t) => ({
            ...tier,
            boundaryLots: (a % 2 === 0 ? schedule[Math.max(t, 2)]!.boundaryLots : 0n) as QuantityLots,
          })),
        ),
      };
      expectExact(claim({ policy: flat }));
      expectExact(
        claim({ policy: flat, after: next(before, { collateral: flat.schedules.map((s) => s[2]!.boundaryLots) }) }),
      );
    });
    it("C07: violates where any other tier is selected than the one that holds the quantity", () => {
      const asset = 3;
      const schedule = policy.schedules[asset]!;
      for (const quantity of [
        0n,
        schedule[0]!.boundaryLots - 1n,
        schedule[0]!.boundaryLots,
        schedule[3]!.boundaryLots - 1n,
        schedule[3]!.boundaryLots,
        top(64),
      ]) {
        const given = claim({ after: next(before, { collateral: replaced(before.collateral, asset, quantity) }) });
        const right = tierValue(schedule, quantity as QuantityLots).tier;
        for (let tier = 0; tier <= TIERS; tier++) {
          if (tier === right) continue;
          const lies = Object.fromEntries(
            Array.from({ length: TIERS + 1 }, (_, t) => [`main.worth.haircut[3].selected[${t}]`, t === tier ? 1n : 0n]),
          );
          const attack = expectStopped(given, /^main\.worth\.haircut\[3\]\.Unsigned/, lies);
          expect(attack.violated.length).equal(1);
        }
      }
    });
    it("C07: violates where no tier is selected, two are, or tiers are selected by parts that sum to one", () => {
      const selections: readonly (readonly bigint[])[] = [
        [0n, 0n, 0n, 0n, 0n],
        [1n, 0n, 0n, 1n, 0n],
        [0n, 0n, 1n, 1n, 0n],
        [1n, 1n, 1n, 1n, 1n],
        [-1n, 1n, 0n, 1n, 0n],
        [2n, -1n, 0n, 0n, 0n],
        [(FIELD_ORDER + 1n) / 2n, 0n, 0n, (FIELD_ORDER + 1n) / 2n, 0n],
      ];
      for (const selection of selections) {
        expectStopped(
          claim(),
          /^main\.worth\.haircut\[3\]/,
          Object.fromEntries(selection.map((value, t) => [`main.worth.haircut[3].selected[${t}]`, value])),
        );
      }
    });
    it("C07: violates where the value does not follow from the tier selected", () => {
      expectStopped(claim(), /^main(\.worth(\.haircut\[3\])?)?$/, {
        "main.worth.haircut[3].weightedLotsBps": 10n ** 15n,
      });
      expectStopped(claim(), /^main(\.worth(\.haircut\[3\])?)?$|scanned\[3\]/, { "main.worth.value[3]": 10n ** 30n });
    });
    it("C11: violates where an asset is valued with another's price", () => {
      const permuted: Market = { ...board, prices: [...board.prices].reverse() };
      const given = claim();
      // The honest witness under the permuted prices, shown with the published ones.
      const input = claimInput({
        ...given,
        market: permuted,
        direction: honestDirection({ ...given, market: permuted }),
      });
      const witness = [...circuit.prove(input)];
      for (const [asset, price] of board.prices.entries())
        witness[circuit.shipped.symbols.wireOf(`main.prices[${asset}]`)!] = price;
      expect(violations(circuit.shipped.r1cs, witness)).not.deep.equal([]);

      const values = evaluate(given.after, policy, permuted).assets;
      const lies = Object.fromEntries(values.map(({ value }, asset) => [`main.worth.value[${asset}]`, value]));
      expectStopped(given, /^main(\.worth(\.haircut\[\d+\])?)?$|scanned\[\d+\]/, lies);
    });
    it("C11: violates where an asset is valued with another's tiers", () => {
      const given = claim();
      const other = circuit.attack(
        claimInput({
          ...given,
          policy: { ...policy, schedules: replaceAt(policy.schedules, 3, policy.schedules[9]!) },
        }),
      );
      const lies: Record<string, bigint> = {};
      for (const part of ["boundary", "weight", "intercept"]) {
        for (let t = 0; t < TIERS; t++)
          lies[`main.worth.haircut[3].${part}[${t}]`] = other.value(`main.worth.haircut[3].${part}[${t}]`);
      }
      for (let t = 0; t <= TIERS; t++)
        lies[`main.worth.haircut[3].selected[${t}]`] = other.value(`main.worth.haircut[3].selected[${t}]`);
      expectStopped(given, /^main$/, lies);
    });
    it("C12: an asset whose price is zero is valued zero and can still be withdrawn in full", () => {
      const free: Market = { ...board, prices: replaced(board.prices, 3, 0n) };
      const transfer: Transfer = { asset: 3, amount: -before.collateral[3]! };
      const after = next(before, { collateral: replaced(before.collateral, 3, 0n) });
      expect(figuresOf(expectExact(claim({ market: free })), size).values[3]).equal(0n);
      expectExact(claim({ after, transfer, fill: noFill(size), market: free }));
    });
  });

  describe("margin", () => {
    const evaluation = evaluate(next(before), policy, board);
    const set = evaluation.sets[0]!;
    const coverage = coverageBpsDown(evaluation)!;
    /** Truly at least / truly below, as tightly as a level can say. */
    const sufficient = claim({ level: coverage as LevelBps });
    const short = claim({ level: (coverage + 1n) as LevelBps });
    const columns = (change: Readonly<Record<number, bigint>> = {}) =>
      Object.fromEntries(
        [...set.profits, set.markValue, set.delta, set.vega].map((value, k) => [
          `main.worth.set[0].column[${k}]`,
          value + (change[k] ?? 0n),
        ]),
      );

    it("the case in hand has a scan, a liquidity charge and every loss distinct", () => {
      expect(set.scan > 0n && set.liquidity > 0n && set.vegaCharge > 0n).equal(true);
      expect(new Set(set.profits).size).equal(SCENARIOS);
      expect(coverage > 1n && coverage < 1n << 20n).equal(true);
      expectExact(sufficient);
      expectExact(short);
    });
    it("C08: violates where the scan is padded in a `below` proof, by little or much, with the columns kept or shifted", () => {
      for (const pad of [10n ** 12n, 1n << 60n, (1n << 78n) - 1n]) {
        for (const shifted of [columns(), {}]) {
          const attack = circuit.attack(claimInput({ ...sufficient, direction: "below" }), {
            "main.worth.set[0].scan": set.scan + pad,
            ...shifted,
          });
          expect(attack.outcome).equal("stopped");
          // The padding does what it is for; the netting set alone stops it.
          for (const place of attack.stoppedAt) expect(place).match(/^main\.worth\.set\[0\]/);
        }
      }
      const least = circuit.attack(claimInput({ ...sufficient, direction: "below" }), {
        "main.worth.set[0].scan": set.scan + 1n,
        ...columns(),
      });
      expect(least.outcome).equal("stopped");
      expect(least.stoppedAt).include("main.worth.set[0]");
    });
    it("C08: violates where a padded scan is matched by a column that borrows from its neighbours in the packing", () => {
      for (let k = 0; k < SCENARIOS; k++) {
        const neighbour = k % 3 === 2 ? k - 1 : k + 1;
        for (const carry of [1n, -1n, 4n]) {
          // column k falls by 2^84 and its upper neighbour rises by one, or the other way about: the packed sum is the same
          const change =
            neighbour > k ? { [k]: -carry << 84n, [neighbour]: carry } : { [k]: carry, [neighbour]: -carry << 84n };
          const shifted = columns(change);
          const scan = -shifted[`main.worth.set[0].column[${k}]`]!;
          const attack = circuit.attack(claimInput({ ...sufficient, direction: "below" }), {
            "main.worth.set[0].scan": scan > set.scan ? scan : set.scan + 1n,
            ...shifted,
          });
          expect(attack.outcome).equal("stopped");
          expect(attack.stoppedAt.some((place) => place.startsWith("main.worth.set[0]"))).equal(true);
        }
      }
    });
    it("C08: violates where the scan is another scenario's loss, zero, or negative, in an `at least` proof", () => {
      const losses = set.profits.map((profit) => -profit).filter((loss) => loss !== set.scan);
      for (const scan of [...losses, 0n, set.scan - 1n, -1n, -(1n << 100n)]) {
        const attack = circuit.attack(claimInput({ ...short, direction: "at-least" }), {
          "main.worth.set[0].scan": scan,
          ...columns(),
        });
        expect(attack.outcome).equal("stopped");
        for (const place of attack.stoppedAt) expect(place).match(/^main\.(worth\.set\[0\]|Coverage)/);
        expect(attack.stoppedAt.some((place) => place.startsWith("main.worth.set[0]"))).equal(true);
      }
    });
    it("C08: violates where the mark, the delta or the vega of the set is not the packed one", () => {
      for (const [index, value] of [
        [SCENARIOS, set.markValue + 1n],
        [SCENARIOS, set.markValue + 10n ** 15n],
        [SCENARIOS + 1, 0n],
        [SCENARIOS + 1, -set.delta],
        [SCENARIOS + 2, 0n],
        [SCENARIOS + 2, -set.vega],
      ] as const) {
        for (const given of [sufficient, short])
          expectStopped(given, /^main(\.worth(\.set\[0\].*)?)?$/, { [`main.worth.set[0].column[${index}]`]: value });
      }
      // One borrows from its neighbour in the packing.
      for (const lower of [SCENARIOS, SCENARIOS + 1]) {
        for (const carry of [1n, -1n])
          expectStopped(
            short,
            /^main\.(worth\.(set\[0\]|Debt)|Coverage)/,
            columns({ [lower]: carry << 84n, [lower + 1]: -carry }),
          );
      }
    });
    it("C08: violates where a sign that decides a charge on delta or vega is flipped: long for short, under the threshold for over it", () => {
      const flip = (name: string) => ({
        [name]: 1n - circuit.attack(claimInput({ ...short, direction: "below" })).value(name),
      });
      const digits = names(/^main\.worth\.set\[0\]\.(excess\[\d\]\.)?Signed_\d+_\d+\.ToBits_\d+_\d+\.bits\[\d+\]$/);
      const tops = digits.filter((_, index) => digits[index + 1]?.endsWith("[0]") ?? true);
      expect(tops.length).equal(5);
      const flags = [0, 1].flatMap((i) => [
        `main.worth.set[0].excess[${i}].isPositive`,
        `main.worth.set[0].excess[${i}].isOver`,
      ]);
      for (const name of [...tops, ...flags]) {
        for (const given of [sufficient, short]) expectStopped(given, /^main\.worth\.set\[0\]/, flip(name));
      }
    });
    it("C08: violates where a charge or a product of a position is not what its row says", () => {
      expectStopped(short, /^main(\.worth(\.held\[0\])?)?$/, { "main.worth.held[0].chargeOf[7]": 0n });
      expectStopped(short, /^main(\.worth(\.held\[0\])?)?$/, { "main.worth.held[0].product[7][0]": 0n });
      expectStopped(short, /^main(\.worth(\.held\[0\])?)?$/, { "main.worth.held[0].charge": 0n });
      // A long position that pays the short charge: only its sign bit says so.
      const row = before.positions.findIndex((lots) => lots > 0n);
      expectStopped(short, /^main\.worth\.held\[0\]/, { [`main.worth.held[0].checked[${row}].nonNegative`]: 0n });
    });
    it("C08: an account that loses in no scenario has a scan of zero; violates where it is padded to anything", () => {
      const gains: Market = {
        ...board,
        board: {
          ...board.board,
          rows: board.board.rows.map((row, j) => ({
            ...row,
            profits: row.profits.map((_, k) => ((before.positions[j]! > 0n ? 1n : -1n) * BigInt(k + 1)) as ColumnE6),
          })),
        },
      };
      const given = claim({ market: gains, policy: unscanned });
      expect(evaluate(given.after, unscanned, gains).sets[0]!.scan).equal(0n);
      expectExact(given);
      for (const scan of [1n, 10n ** 15n, 1n << 78n])
        expectStopped(given, /^main\.worth\.set\[0\]/, { "main.worth.set[0].scan": scan });
    });
    it("C12: a position in a row of zeros is worth nothing, risks nothing, and can be traded away", () => {
      const delisted: Market = { ...board, board: { ...board.board, rows: replaceAt(board.board.rows, 7, EMPTY_ROW) } };
      for (const lots of [before.positions[7]!, -(1n << 31n), 0n]) {
        const figures = figuresOf(
          expectExact(
            claim({ market: delisted, after: next(before, { positions: replaced(before.positions, 7, lots) }) }),
          ),
          size,
        );
        const without = evaluate(next(before, { positions: replaced(before.positions, 7, 0n) }), policy, board);
        expect([figures.equity, figures.margin]).deep.equal([without.equity, without.margin]);
      }
    });
  });

  describe("scanned collateral", () => {
    const evaluation = evaluate(next(before), policy, board);
    const lots = (asset: number) => evaluation.assets[asset]!.scannedLots;
    const held = (asset: number, quantity: bigint, lot: bigint, weight = 10_000n) =>
      claim({
        after: next(before, { collateral: replaced(before.collateral, asset, quantity) }),
        policy: {
          ...policy,
          // Every quantity counts, so that every one is scanned.
          schedules: policy.schedules.with(
            asset,
            policy.schedules[asset]!.map(() => ({
              weightBps: weight as WeightBps,
              boundaryLots: top(64) as QuantityLots,
            })),
          ),
          scanLots: policy.scanLots.with(asset, lot as ScanLots),
        },
      });

    it("C24: what has no value hedges nothing: what a haircut takes, and what is above the last boundary", () => {
      const schedule = policy.schedules[5]!;
      const [first, last] = [schedule[0]!.boundaryLots, schedule.at(-1)!.boundaryLots];
      expect(schedule[0]!.weightBps < 10_000n).equal(true);
      for (const quantity of [first / 2n, first - 1n, first, first + 1n, last - 1n, last, last + 1n, top(64)]) {
        const given = claim({ after: next(before, { collateral: replaced(before.collateral, 5, quantity) }) });
        const { weightedLotsBps } = tierValue(schedule, quantity as QuantityLots);
        const { scannedLots } = evaluate(given.after, policy, given.market).assets[5]!;
        expect(scannedLots).equal(weightedLotsBps / (10_000n * policy.scanLots[5]!));
        expectExact(given);
        const whole = quantity / policy.scanLots[5]!;
        expect(whole > scannedLots).equal(true);
        if (whole < 1n << 31n) stopsScan(given, 5, { "main.worth.scanned[5].whole": whole });
      }
    });

    /** Stopped where its lots are checked, whatever else stops it. */
    const stopsScan = (given: Claim, asset: number, lies: Lies) => {
      const own = new RegExp(`^main\\.worth\\.scanned\\[${asset}\\]\\.Unsigned`);
      const { stoppedAt } = expectStopped(
        given,
        new RegExp(`${own.source}|^main\\.(worth\\.(held\\[0\\]|set\\[0\\])|Coverage)`),
        lies,
      );
      expect(stoppedAt.some((place) => own.test(place))).equal(true);
    };

    it("C24: counts in the scan in the row of its own index, in nothing else, and as the model does", () => {
      for (const asset of SCANNED) expect(lots(asset) > 10n).equal(true);
      const bare = evaluate(next(before), unscanned, board);
      const [given, without] = [evaluation.sets[0]!, bare.sets[0]!];
      for (const k of [0, 1, SCENARIOS - 1]) {
        const profit = SCANNED.reduce((sum, asset) => sum + lots(asset) * board.board.rows[asset]!.profits[k]!, 0n);
        expect(given.profits[k]).equal(without.profits[k]! + profit);
        expect(given.collateralProfits[k]).equal(profit);
      }
      for (const part of ["delta", "vega", "markValue", "liquidity", "vegaCharge"] as const)
        expect(given[part]).equal(without[part]);
      expect([evaluation.charge, evaluation.equity]).deep.equal([bare.charge, bare.equity]);
      expect(given.scan === without.scan).equal(false);
      expectExact(claim());
    });
    it("C24: rounds down to whole lots: exactly at, one below and one above a lot, at both ends of both ranges", () => {
      for (const [quantity, lot, count, weight = 10_000n] of [
        [0n, 1n, 0n],
        [1n, 1n, 1n],
        [top(31), 1n, top(31)],
        [100_002n, 100_003n, 0n],
        [100_003n, 100_003n, 1n],
        [100_004n, 100_003n, 1n],
        [top(64), 1n << 33n, top(31)],
        [top(64), top(64), 1n],
        [top(64) - 1n, top(64), 0n],
        [top(64), 1n << 64n, 0n],
        // A weight of 3000: ten thirds of a lot make one.
        [9n, 3n, 0n, 3000n],
        [10n, 3n, 1n, 3000n],
        [11n, 3n, 1n, 3000n],
        [top(64), (3n << 33n) / 10n + 1n, top(31), 3000n],
        [top(64), 1n, 0n, 0n],
      ] as const) {
        const given = held(3, quantity, lot, weight);
        expect(evaluate(given.after, given.policy, given.market).assets[3]!.scannedLots).equal(count);
        expectExact(given);
      }
    });
    it("C24: has no proof at 2^31 lots and more, which the model refuses by name", () => {
      for (const [quantity, lot] of [
        [1n << 31n, 1n],
        [top(64), (1n << 33n) - 1n],
      ] as const) {
        const given = held(3, quantity, lot);
        expect(() => evaluate(given.after, given.policy, given.market)).throw(/collateral\[3\]/);
        expectStopped(given, /^main\.worth\.scanned\[3\]\.Unsigned/);
        stopsScan(given, 3, { "main.worth.scanned[3].whole": top(31) });
      }
    });
    it("C25: violates where the lots are one less, one more, none or another number, with a scan to match", () => {
      const { profits } = evaluation.sets[0]!;
      for (const asset of [4, 5, 13]) {
        const row = board.board.rows[asset]!;
        for (const lie of [lots(asset) - 1n, lots(asset) + 1n, 0n, -1n, -lots(asset), lots(asset) + 1000n]) {
          const told = profits.map((profit, k) => profit + (lie - lots(asset)) * row.profits[k]!);
          const scan = worstLoss(told as AmountE6[]);
          expectStopped(claim(), new RegExp(`^main\\.worth\\.scanned\\[${asset}\\]`), {
            [`main.worth.scanned[${asset}].whole`]: lie,
            "main.worth.set[0].scan": scan,
            ...Object.fromEntries(told.map((profit, k) => [`main.worth.set[0].column[${k}]`, profit])),
          });
        }
      }
    });
    it("C25: violates where the lots have 32 bits, or are a quotient in the field with any remainder", () => {
      const lot = 10_000n * policy.scanLots[5]!;
      const { weightedLotsBps } = tierValue(policy.schedules[5]!, before.collateral[5]!);
      for (const lie of [1n << 31n, lots(5) + (1n << 31n), lots(5) + (1n << 64n)])
        stopsScan(claim(), 5, { "main.worth.scanned[5].whole": lie });
      // lots · lot = weighted quantity − rest in the field: only the range of lots is in the way.
      for (const rest of [0n, 1n, lot - 1n]) {
        const quotient = ((weightedLotsBps - rest) * invert(toField(lot))) % FIELD_ORDER;
        stopsScan(claim(), 5, { "main.worth.scanned[5].whole": quotient });
      }
      for (const lie of [
        1n,
        -1n,
        (tierValue(policy.schedules[3]!, before.collateral[3]!).weightedLotsBps * invert(toField(10_000n << 64n))) %
          FIELD_ORDER,
      ])
        stopsScan(claim(), 3, { "main.worth.scanned[3].whole": lie });
    });
    it("C25: violates where the rows are scanned without the collateral, with another's, or where a mark counts it", () => {
      const where = /^main(\.worth(\.held\[0\])?)?$|^main\.(worth\.(scanned\[\d+\]|set\[0\]|Debt)|Coverage)/;
      const { rows } = board.board;
      const positions = before.positions;
      for (const lies of [
        { "main.worth.held[0].scanned[5]": 0n },
        { "main.worth.held[0].scanned[5]": lots(6) },
        { "main.worth.held[0].scanned[3]": 1n },
        { "main.worth.held[0].product[5][0]": packWide(rows[5]!.profits.slice(0, 3))[0]! * positions[5]! },
        {
          "main.worth.held[0].product[5][15]":
            packWide([rows[5]!.mark, rows[5]!.delta, rows[5]!.vega])[0]! * (positions[5]! + lots(5)),
        },
      ]) {
        expectStopped(claim(), where, lies);
      }
    });
  });

  describe("debt", () => {
    const { markValue } = evaluate(next(before), policy, board);
    /** Owns so much beyond nothing; collateral covers it many times over. */
    const owning = (owned: bigint) => claim({ after: next(before, { cash: (owned - markValue) as CashE6 }) });

    it("C26: is what cash and positions together lack, exactly, from the first millionth", () => {
      for (const owned of [-(10n ** 15n), -2n, -1n, 0n, 1n, 10n ** 15n]) {
        const given = owning(owned);
        expect(evaluate(given.after, policy, board).debt).equal(owned < 0n ? -owned : 0n);
        expectExact(given);
      }
      const [even, owing] = [owning(0n), owning(-1000n)].map(({ after }) => evaluate(after, policy, board));
      expect(owing!.margin - even!.margin).equal(policy.debtRateBps * 1000n);
      expect(owing!.debtMargin).equal(policy.debtRateBps * 1000n);
    });
    it("C26: violates where a debt is less than it is, negative, or charged to an account that owes nothing", () => {
      const where = /^main(\.worth(\.Debt.*)?)?$/;
      const debt = only(/^main\.worth\.Debt_\d+_\d+\.debt$/);
      const owned = -(10n ** 15n);
      for (const name of ["main.worth.debt", debt]) {
        for (const lie of [0n, -owned - 1n, -owned + 1n, owned, -(1n << 70n)])
          expectStopped(owning(owned), where, { [name]: lie });
        for (const lie of [1n, 10n ** 15n, -1n]) expectStopped(owning(10n ** 15n), where, { [name]: lie });
      }
      expectStopped(owning(owned), /^main\.worth$/, { "main.worth.debtMargin": 0n });
    });
    it("C26: violates where the sign of what is owned is the other, by its flag or by its digit", () => {
      const flag = only(/^main\.worth\.Debt_\d+_\d+\.nonNegative$/);
      const digits = names(/^main\.worth\.Debt_\d+_\d+\.Signed_\d+_\d+\.ToBits_\d+_\d+\.bits\[\d+\]$/);
      for (const [owned, sign] of [
        [-(10n ** 15n), 1n],
        [10n ** 15n, 0n],
      ] as const) {
        for (const name of [flag, digits.at(-1)!]) expectStopped(owning(owned), /^main\.worth\.Debt/, { [name]: sign });
      }
    });
    it("C17: a rate on debt is noticed where there is a debt", () => {
      const given = owning(-(10n ** 15n));
      const { r1cs, symbols } = circuit.shipped;
      const witness = [...circuit.prove(claimInput({ ...given, direction: honestDirection(given) }))];
      const wire = symbols.wireOf("main.debtRate")!;
      witness[wire] = witness[wire]! + 1n;
      expect(violations(r1cs, witness)).not.deep.equal([]);
    });
  });

  describe("the opening", () => {
    const open = genesis(size);
    const LIMIT = 1n << 250n;
    const opening = (key: bigint): Claim => {
      const after = next(open, { viewingKey: toField(key), cash: 5n as CashE6 });
      return claim({ before: open, after, transfer: { asset: CASH_INDEX, amount: 5n }, fill: noFill(size) });
    };
    it("G11: accepts a viewing key of 2^250 - 1, and violates from 2^250 on, up to the field's order", () => {
      expectExact(opening(LIMIT - 1n));
      for (const key of [LIMIT, LIMIT + 5n, FIELD_ORDER - 1n - (1n << 64n), FIELD_ORDER - 2n])
        expectStopped(opening(key), /^main\.Transition/);
    });
    it("G11: violates where the key is read as another, or its digits are those of another", () => {
      const key = only(/^main\.Transition_\d+_\d+\.key$/);
      for (const lie of [0n, 1n, LIMIT - 1n]) expectStopped(opening(LIMIT + 5n), /^main\.Transition/, { [key]: lie });
      const digits = names(/^main\.Transition_\d+_\d+\.Unsigned_\d+_\d+\.ToBits_\d+_\d+\.bits\[\d+\]$/);
      expect(digits.length).equal(250);
      expectStopped(opening(LIMIT), /^main\.Transition/, { [digits.at(-1)!]: 2n });
    });
    it("G11: asks nothing of the key after the opening: an account that has the last key takes every later step", () => {
      for (const sequence of [1n, 2n ** 64n - 2n]) {
        const later = { ...before, viewingKey: (LIMIT - 1n) as FieldElement, sequence };
        const given = claim({ before: later, after: next(later), fill: noFill(size) });
        expectExact(given);
      }
    });
  });

  describe("transfer and fill", () => {
    const withdrawal: Transfer = { asset: 2, amount: -1000n };
    const withdrawn = next(before, { collateral: replaced(before.collateral, 2, before.collateral[2]! - 1000n) });
    const moved = claim({ after: withdrawn, transfer: withdrawal, fill: noFill(size) });
    const where = /^main$|^main\.(ReadTransfer|Transition)/;

    it("C13: a packed fill that carries into its neighbours is the same element and moves the same lots", () => {
      const target = next(before, {
        positions: before.positions.map((lots, j) => (lots + BigInt(j % 5) - 2n) as PositionLots),
      });
      const honest = difference(before, target);
      const carried = {
        ...honest,
        positions: honest.positions.map((lots, j) => (j === 0 ? lots + (1n << 36n) : j === 1 ? lots - 1n : lots)),
      };
      expect(commitFill(carried)).equal(commitFill(honest));
      expectExact(claim({ after: target, fill: carried }));
      const other: Account = {
        ...firm(size),
        viewingKey: 5n as FieldElement,
        positions: before.positions.map((lots) => -lots as PositionLots),
      };
      const otherAfter = next(other, {
        positions: other.positions.map((lots, j) => (lots - (BigInt(j % 5) - 2n)) as PositionLots),
      });
      expectExact(claim({ before: other, after: otherAfter, fill: carried, side: -1n }));
    });
    it("C13: violates where either side reads the carried pieces as lots, so that its packed state is the same", () => {
      for (const side of [1n, -1n] as const) {
        for (const [piece, stride, field] of [
          [0, 36n, "positions"],
          [5, 36n, "positions"],
          [0, 84n, "collateral"],
          [1, 84n, "collateral"],
        ] as const) {
          for (const carry of [1n, -1n]) {
            const shift = (list: readonly bigint[]) =>
              list.map((value, j) =>
                j === piece ? value - (carry << stride) : j === piece + 1 ? value + carry : value,
              );
            const after = { ...next(before), [field]: shift(before[field]) } as Account;
            expect(commitState(after)).equal(commitState(next(before)));
            expectStopped(
              claim({ after, fill: noFill(size), side }),
              field === "positions"
                ? /^main\.(worth\.(held\[0\]\.checked|set|Debt)|Coverage)/
                : /^main\.(worth\.(haircut|scanned|held|set)|Coverage)/,
            );
          }
        }
      }
    });
    it("C13: violates where the pieces of an element are shifted by a multiple of the field order", () => {
      // r in balanced digits of base 2^36: the packed element is the same, each piece another.
      for (const sign of [1n, -1n]) {
        const digits: bigint[] = [];
        let rest = FIELD_ORDER;
        for (let i = 0; i < 7; i++) {
          const digit = i === 6 ? rest : BigInt.asIntN(36, rest);
          digits.push(sign * digit);
          rest = (rest - digit) >> 36n;
        }
        const after = next(before, {
          positions: before.positions.map((lots, j) => (lots + (digits[j] ?? 0n)) as PositionLots),
        });
        expect(commitState(after)).equal(commitState(next(before)));
        expectStopped(claim({ after, fill: noFill(size) }), /^main\.(worth\.(held\[0\]\.checked|set|Debt)|Coverage)/);
      }
    });
    it("C14: both accounts of a fill accept it with opposite sides only", () => {
      const target = next(before, {
        positions: replaced(before.positions, 7, before.positions[7]! + 3n),
        cash: (before.cash - 9n) as CashE6,
      });
      const fill = difference(before, target);
      expectExact(claim({ after: target, fill }));
      const given = claim({ after: target, fill, side: -1n });
      expectStopped(given, where);
      // Told that its side is the other one, or none at all.
      const bits = only(/^main\.ReadTerms_\d+_\d+\.ToBits_\d+_\d+\.bits\[21\]$/);
      for (const lies of [{ "main.side": 1n }, { [bits]: 0n }])
        expectStopped(given, /^main$|^main\.(ReadTerms|Transition|Coverage)/, lies);
    });
    it("C14: violates where the side is zero, two or a fraction, or a terms bit stands above the side", () => {
      const target = next(before, { cash: (before.cash + 10n) as CashE6 });
      const side = only(/^main\.ReadTerms_\d+_\d+\.side$/);
      const bit = only(/^main\.ReadTerms_\d+_\d+\.ToBits_\d+_\d+\.bits\[21\]$/);
      const half = (FIELD_ORDER + 1n) / 2n;
      // side 0: the account drops its half of a fill that costs it 10; side 2: it takes twice what the other gives.
      for (const [factor, cost] of [
        [0n, -10n],
        [2n, 5n],
        [half, 20n],
      ] as const) {
        const fill = { ...noFill(size), cash: cost, blinding: 99n as FieldElement };
        const after = factor === 0n ? next(before) : target;
        for (const lies of [{ "main.side": factor }, { [side]: factor }, { [bit]: toField((1n - factor) * half) }]) {
          expectStopped(claim({ after, fill }), /^main$|^main\.(ReadTerms|Coverage)/, lies);
        }
      }
      for (const direction of DIRECTIONS) {
        const input = claimInput(claim({ direction }));
        const attack = circuit.attack({ ...input, terms: (input.terms as bigint) + (1n << 22n) });
        expect(attack.outcome).equal("stopped");
        expect(attack.stoppedAt.join()).match(/ReadTerms/);
      }
    });
    it("C14: violates where a fill is applied and the call names none", () => {
      const target = next(before, { cash: (before.cash + 10n) as CashE6 });
      for (const direction of DIRECTIONS) {
        const input: CircuitInput = {
          ...claimInput(claim({ after: target, direction })),
          fill: commitFill(noFill(size)),
        };
        const attack = circuit.attack(input);
        expect(attack.outcome).equal("stopped");
        for (const place of attack.stoppedAt) expect(place).match(/^main$|^main\.(Transition|Coverage)/);
      }
      const applied = Object.fromEntries([["main.fillCash", 10n]]);
      expectStopped(claim({ after: target, fill: noFill(size) }), /^main$|^main\.Transition/, applied);
    });
    it("C15: a transfer moves its asset and nothing else, in every asset and both ways", () => {
      for (const asset of [0, 2, 7, ASSETS - 1, CASH_INDEX]) {
        for (const amount of [-17n, 17n, asset === CASH_INDEX ? top(62) : 1n << 63n]) {
          const after =
            asset === CASH_INDEX
              ? next(before, { cash: (before.cash + amount) as CashE6 })
              : next(before, { collateral: replaced(before.collateral, asset, before.collateral[asset]! + amount) });
          expectExact(claim({ after, transfer: { asset, amount }, fill: noFill(size) }));
        }
      }
    });
    it("C15: violates where another asset changes than the public one, two do, or cash does", () => {
      expectExact(moved);
      const fill = noFill(size);
      const spare = replaced(before.collateral, 3, before.collateral[3]! - 1000n);
      for (const after of [
        next(before),
        next(before, { collateral: spare }),
        next(withdrawn, { sequence: 5n, collateral: replaced(withdrawn.collateral, 3, withdrawn.collateral[3]! + 1n) }),
        next(withdrawn, { sequence: 5n, cash: (before.cash + 1n) as CashE6 }),
        next(before, { cash: (before.cash - 1000n) as CashE6 }),
        next(withdrawn, { sequence: 5n, positions: replaced(before.positions, 59, before.positions[59]! + 1n) }),
      ]) {
        expectStopped({ ...moved, after, fill }, where);
      }
    });
    it("C15: violates where the asset's selector, its digits or the amount are another's", () => {
      const after = next(before, { collateral: replaced(before.collateral, 3, before.collateral[3]! - 1000n) });
      const given: Claim = { ...moved, after };
      const isAsset = (a: number) => only(new RegExp(`^main\\.ReadTransfer_\\d+_\\d+\\.isAsset\\[${a}\\]$`));
      const bit = (i: number) =>
        only(new RegExp(`^main\\.ReadTransfer_\\d+_\\d+\\.ToBits_\\d+_\\d+\\.bits\\[${i}\\]$`));
      for (const lies of [
        { [isAsset(2)]: 0n, [isAsset(3)]: 1n },
        { [bit(65)]: 1n, [bit(66)]: 1n },
        { "main.transferCollateral[0]": 0n, "main.transferCollateral[1]": -1000n },
      ]) {
        expectStopped(given, where, lies);
      }
      // Neither: the withdrawal leaves the account as it was.
      expectStopped({ ...moved, after: next(before) }, where, { [isAsset(2)]: 0n });
      expectStopped({ ...moved, after: next(before) }, where, { "main.transferCollateral[0]": 0n });
    });
    it("C15: violates where the public transfer has a digit above its asset", () => {
      for (const direction of DIRECTIONS) {
        for (const transfer of [
          encodeTransfer(withdrawal) + (1n << 69n),
          toField(encodeTransfer(withdrawal) - (1n << 69n)),
        ]) {
          const attack = circuit.attack({ ...claimInput({ ...moved, direction }), transfer: transfer as FieldElement });
          expect(attack.outcome).equal("stopped");
          expect(attack.stoppedAt.join()).match(/ReadTransfer/);
        }
      }
    });
    it("C16: violates where the state before is given as the state after, with different contents or the same", () => {
      const richer = next(before, { cash: (before.cash + 1n) as CashE6 });
      for (const after of [richer, next(before)]) {
        for (const direction of DIRECTIONS) {
          const input = claimInput(claim({ after, direction }));
          for (const state of ["stateBefore", "stateAfter"] as const) {
            const attack = circuit.attack({ ...input, stateBefore: input[state]!, stateAfter: input[state]! });
            expect(attack.outcome).equal("stopped");
            for (const place of attack.stoppedAt) expect(place).match(/^main$|^main\.(Transition|Coverage)/);
          }
        }
      }
      // The same blinding twice: the one way to the same commitment, and closed.
      expectStopped(claim({ after: before, fill: noFill(size) }), /Transition/);
    });
    it("C16: violates where the sequence stands still, jumps or falls back, or the viewing key changes", () => {
      for (const sequence of [before.sequence, before.sequence + 2n, before.sequence - 1n, 0n]) {
        expectStopped(claim({ after: { ...before, sequence }, fill: noFill(size) }), /Transition/);
      }
      expectStopped(claim({ after: next(before, { viewingKey: 77n as FieldElement }) }), /Transition/);
    });
    it("C16: violates where the blinding is left at zero or wraps to it, so that a state could be met twice", () => {
      const open = genesis(size);
      const paid = { ...open, cash: 5n as CashE6 };
      expectStopped(claim({ before: open, after: open, fill: noFill(size) }), /Transition/);
      expectStopped(claim({ before: open, after: paid, transfer: { asset: CASH_INDEX, amount: 5n } }), /Transition/);
      expectStopped(claim({ before: paid, after: paid, fill: noFill(size) }), /Transition/);
      const last = { ...open, viewingKey: (FIELD_ORDER - 1n) as FieldElement };
      const inverse = only(/^main\.Transition_\d+_\d+\.inverse$/);
      for (const hint of [0n, 1n, -1n]) {
        expectStopped(claim({ before: last, after: open, fill: noFill(size) }), /Transition/, { [inverse]: hint });
      }
    });
    it("C16: the viewing key is set once, from genesis", () => {
      const opened = next(genesis(size), { viewingKey: before.viewingKey, cash: 5n as CashE6 });
      expectExact(
        claim({
          before: genesis(size),
          after: opened,
          transfer: { asset: CASH_INDEX, amount: 5n },
          fill: noFill(size),
        }),
      );
      expectStopped(claim({ before: opened, after: next(opened, { viewingKey: 6n as FieldElement }) }), /Transition/);
    });
  });

  describe("public inputs", () => {
    it("C17: violates where any public input that the account depends on is changed alone; and those are all but a known few", () => {
      const given = claim();
      const { r1cs, symbols } = circuit.shipped;
      const witness = [...circuit.prove(claimInput({ ...given, direction: honestDirection(given) }))];
      // It owes nothing, so the rate on debt does not matter.
      const expected = new Set<string>(["main.blocks[0][4]", "main.debtRate"]);
      for (const { asset, tier } of evaluate(given.after, policy, board).assets) {
        for (let t = 0; t < TIERS; t++) {
          // Boundaries that do not bound the tier in hand, and lines other than its own.
          if (t !== tier - 1 && t !== tier) expected.add(`main.policy[${asset}][${t}]`);
          if (t !== tier - 1) expected.add(`main.policy[${asset}][${2 * TIERS + t}]`);
        }
      }
      for (const [row, lots] of given.after.positions.entries()) if (lots < 0n) expected.add(`main.rows[${row}][16]`); // the charge of a long lot
      const unnoticed = new Set<string>();
      const system = constraintsOf(r1cs, r1cs.publicInputs);
      for (let wire = 1; wire <= r1cs.publicInputs; wire++) {
        const value = witness[wire]!;
        for (const other of [toField(value + 1n), toField(value - 1n), toField(value + (1n << 100n))]) {
          witness[wire] = other;
          if (!system(wire, witness)) unnoticed.add(symbols.nameOf(wire));
        }
        witness[wire] = value;
      }
      expect([...unnoticed].sort()).deep.equal([...expected].sort());
    });
    it("C17: violates where a per-proof public input is changed and everything that can follow it does", () => {
      const traded = claim({
        after: next(before, { positions: replaced(before.positions, 7, before.positions[7]! + 3n) }),
      });
      const input = claimInput({ ...traded, direction: honestDirection(traded) });
      const change = (name: string, by: bigint) =>
        circuit.attack({ ...input, [name]: toField((input[name] as bigint) + by) });
      const side = 1n << 21n;
      for (const [name, by] of [
        ["stateBefore", 1n],
        ["stateAfter", 1n],
        ["fill", 1n],
        ["transfer", 1n],
        ["terms", side],
      ] as const) {
        const attack = change(name, by);
        expect(attack.outcome).equal("stopped");
        for (const place of attack.stoppedAt) expect(place).match(/^main$|^main\.Transition/);
      }
    });
  });

  describe("boards of 240", () => {
    const wide = "board-240";
    const account = firm(wide);
    let circuit240: Target;
    beforeAll(async () => {
      circuit240 = await accountCircuit(wide);
    });
    const wideClaim = (continues: readonly boolean[]): Claim => ({
      before: account,
      after: next(account),
      level: LEVEL,
      direction: "at-least",
      policy,
      market: market(wide, continues),
    });

    for (let pattern = 0; pattern < 8; pattern++) {
      const continues = [false, ...[0, 1, 2].map((bit) => ((pattern >> bit) & 1) === 1)];
      const shape = continues.map((c) => (c ? "+" : "|")).join("");
      it(`C09: netting sets ${shape} give exactly the model's margin and equity`, () => {
        expectExact(wideClaim(continues), circuit240);
      });
    }
    it("C09: every pattern of continuation gives another margin, so none could stand for another", () => {
      const margins = Array.from({ length: 8 }, (_, pattern) => {
        const given = wideClaim([false, ...[0, 1, 2].map((bit) => ((pattern >> bit) & 1) === 1)]);
        return evaluate(given.after, given.policy, given.market).margin;
      });
      expect(new Set(margins).size).equal(8);
    });
    it("C09: violates where a set drops what it continues, carries what it does not, or counts before its last block", () => {
      const given = wideClaim([false, true, false, true]);
      for (const lies of [
        { "main.worth.carried[1][0]": 0n, "main.worth.carried[1][1]": 0n },
        { "main.worth.carried[2][0]": 1n },
        { "main.worth.setMargin[0]": 0n, "main.worth.setMargin[1]": 0n },
        { "main.worth.setMargin[1]": 0n },
        { "main.worth.setMark[0]": 1n << 60n },
      ]) {
        expectStopped(given, /^main(\.worth(\.set\[\d\].*)?|\.Coverage.*)?$/, lies, circuit240);
      }
    });
    it("C08: violates where the scan of a later set is padded or understated", () => {
      const given = wideClaim([false, true, false, true]);
      const { scan } = evaluate(given.after, given.policy, given.market).sets[1]!;
      for (const lie of [scan + (1n << 60n), scan - 1n, 0n])
        expectStopped(given, /^main\.worth\.set\[3\]/, { "main.worth.set[3].scan": lie }, circuit240);
    });
    it("C10: violates where a state of a board of 60 is proved with the key of 240, and the other way round", () => {
      const small = firm(size);
      const grown: Account = {
        ...small,
        size: wide,
        positions: [...small.positions, ...genesis(wide).positions.slice(small.positions.length)],
      };
      const claims = [
        {
          given: { ...wideClaim([]), before: grown, after: next(grown) },
          target: circuit240,
          foreign: [small, next(small)] as const,
        },
        { given: claim(), target: circuit, foreign: [grown, next(grown)] as const },
      ];
      for (const { given, target, foreign } of claims) {
        for (const direction of DIRECTIONS) {
          const input = claimInput({ ...given, direction });
          for (const swap of [
            { stateBefore: commitState(foreign[0]) },
            { stateAfter: commitState(foreign[1]) },
            { stateBefore: commitState(foreign[0]), stateAfter: commitState(foreign[1]) },
          ]) {
            expect(target.attack({ ...input, ...swap }).outcome).equal("stopped");
          }
        }
      }
    });
    it("C10: violates where the sponge is told the tag of another size", () => {
      const small = firm(size);
      const tag = [...circuit.full.symbols.entries()].find(([name]) =>
        /\.before\.absorb\[0\]\.initialState$/.test(name),
      )![0];
      const grown: Account = {
        ...small,
        size: wide,
        positions: [...small.positions, ...genesis(wide).positions.slice(small.positions.length)],
      };
      for (const direction of DIRECTIONS) {
        const input: CircuitInput = { ...claimInput(claim({ direction })), stateBefore: commitState(grown) };
        const attack = circuit.attack(input, { [tag]: BigInt(PURPOSE.state) * 65536n + 240n });
        expect(attack.outcome).equal("stopped");
      }
    });
  });

  describe("boards of 480", () => {
    const largest = "board-480";
    for (const sign of [1n, -1n]) {
      it(`C05: all maxima at once, positions ${sign > 0n ? "long" : "short"}, stay in the ledger and equal the model`, async () => {
        const circuit480 = await accountCircuit(largest);
        const lots = (sign > 0n ? top(31) : -(1n << 31n)) as PositionLots;
        const after: Account = {
          ...firm(largest),
          sequence: 1n,
          cash: (sign > 0n ? top(63) : -(1n << 63n)) as CashE6,
          collateral: new Array<QuantityLots>(ASSETS).fill(top(64) as QuantityLots),
          positions: new Array<PositionLots>(instrumentsOf(largest)).fill(lots),
        };
        const maximal: Policy = {
          debtRateBps: 10_000n as RateBps,
          // The most lots that collateral can count as.
          scanLots: new Array<ScanLots>(ASSETS).fill((1n << 33n) as ScanLots),
          schedules: policy.schedules.map(() =>
            Array.from({ length: TIERS }, () => ({
              boundaryLots: top(64) as QuantityLots,
              weightBps: 10_000n as WeightBps,
            })),
          ),
        };
        for (const [column, continued] of [
          [top(42), true],
          [-top(42), true],
          [top(42), false],
        ] as const) {
          const extreme: Market = {
            prices: new Array<LotPriceE16>(ASSETS).fill(top(64) as LotPriceE16),
            board: {
              size: largest,
              rows: Array.from({ length: instrumentsOf(largest) }, () => ({
                profits: Array.from({ length: SCENARIOS }, (_, k) => (k % 2 === 0 ? column : -column) as ColumnE6),
                mark: column as ColumnE6,
                delta: -column as ColumnE6,
                vega: column as ColumnE6,
                longCharge: top(60) as ChargeE6,
                shortCharge: top(60) as ChargeE6,
              })),
              blocks: Array.from({ length: blocksOf(largest) }, (_, block) => ({
                continues: continued && block > 0,
                liquidityThreshold: 0n as ThresholdE6,
                liquidityRate: 10_000n as RateBps,
                vegaThreshold: 0n as ThresholdE6,
                vegaRate: 10_000n as RateBps,
              })),
            },
          };
          const given: Claim = {
            before: { ...genesis(largest), viewingKey: after.viewingKey },
            after,
            level: top(20) as LevelBps,
            direction: "below",
            policy: maximal,
            market: extreme,
          };
          expectExact(given, circuit480);
        }
      });
    }
  });
});
