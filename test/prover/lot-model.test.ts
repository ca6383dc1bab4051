// SPDX-License-Identifier: GPL-3.0-or-later
/** What lots are admissible in the integer model, and the attacks on liquidations that no admissible lot carries out. */

import { expect } from "chai";
import type { FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis, randomViewingKey, VIEWING_KEY_LIMIT } from "../../prover/src/model/account.ts";
import { commitFill, lotBlinding } from "../../prover/src/model/commit.ts";
import { E6_TO_E20, evaluate, isAtLeast, MARGIN_LEVEL_TO_E20 } from "../../prover/src/model/evaluate.ts";
import {
  admissible,
  appraiseLot,
  type Credit,
  DISCOUNT_SLACK_BITS,
  type LotAppraisal,
  type LotTerms,
  NO_CREDIT,
  offered,
  partOf,
  sizeDown,
  takeLot,
  WHOLE,
  withCredit,
} from "../../prover/src/model/lot.ts";
import { EMPTY_ROW, type Market } from "../../prover/src/model/market.ts";
import { NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { ASSETS, SCENARIOS } from "../../prover/src/model/sizes.ts";
import { applyTransition, NO_TRANSFER, noFill } from "../../prover/src/model/transition.ts";
import type {
  CashE6,
  ColumnE6,
  LevelBps,
  LotPriceE16,
  PositionLots,
  QuantityLots,
  RateBps,
  ThresholdE6,
  WeightBps,
} from "../../prover/src/units.ts";
import { randomLot } from "../support/lots.ts";
import { seededRng } from "../support/random.ts";

const SIZE = "board-60";
const USD = 10n ** 6n;
const BTC = 0;
const ETH = 1;
const COIN = 10n ** 8n;
const DISCOUNT = 1000n as RateBps;
const DEBT_RATE = 500n;
const bps = (level: bigint) => level as LevelBps;

const tier = (coins: bigint, weight: bigint) => ({
  boundaryLots: (coins * COIN) as QuantityLots,
  weightBps: weight as WeightBps,
});

/** BTC counts 95% of its value up to 10,000; ETH 90% up to 10, half up to 20, nothing above. */
const POLICY: Policy = {
  schedules: [
    [tier(10_000n, 9500n), tier(10_000n, 0n), tier(10_000n, 0n), tier(10_000n, 0n)],
    [tier(10n, 9000n), tier(20n, 5000n), tier(20n, 0n), tier(20n, 0n)],
    ...new Array(ASSETS - 2).fill(UNLISTED),
  ],
  scanLots: new Array(ASSETS).fill(NOT_SCANNED),
  debtRateBps: DEBT_RATE as RateBps,
};

/** Of rows 0, 1 and 2: USD a lot that the first move brings and the second takes. */
const MOVES = [15n, 14n, 40n];

/** BTC at a price; row 0 of the board at a mark of 100, of which a move takes 15; rows 1 and 2 at no mark. */
const marketAt = (btc: bigint): Market => ({
  prices: [btc * COIN, 2_000n * COIN, ...new Array<bigint>(ASSETS - 2).fill(0n)] as LotPriceE16[],
  board: {
    size: SIZE,
    rows: Array.from({ length: 60 }, (_, row) => ({
      ...EMPTY_ROW,
      mark: (row === 0 ? 100n * USD : 0n) as ColumnE6,
      profits: Array.from(
        { length: SCENARIOS },
        (_, move) => ([1n, -1n][move] ?? 0n) * (MOVES[row] ?? 0n) * USD,
      ) as unknown as ColumnE6[],
    })),
    blocks: [
      {
        continues: false,
        liquidityThreshold: 0n as ThresholdE6,
        liquidityRate: 0n as RateBps,
        vegaThreshold: 0n as ThresholdE6,
        vegaRate: 0n as RateBps,
      },
    ],
  },
});
const MARKET = marketAt(100_000n);

interface Holding {
  /** Of row 0, and of rows 1 and 2. */
  readonly lots?: bigint;
  readonly others?: readonly [bigint, bigint];
  readonly btc?: bigint;
  readonly eth?: bigint;
  readonly cash?: bigint;
}

/** Coins whole, cash in USD. */
const account = ({ lots = 0n, others = [0n, 0n], btc = 0n, eth = 0n, cash = 0n }: Holding): Account => ({
  ...genesis(SIZE),
  positions: [lots, ...others].reduce(
    (list, piece, row) => list.with(row, piece as PositionLots),
    genesis(SIZE).positions,
  ),
  collateral: genesis(SIZE)
    .collateral.with(BTC, (btc * COIN) as QuantityLots)
    .with(ETH, (eth * COIN) as QuantityLots),
  cash: (cash * USD) as CashE6,
  sequence: 7n,
  viewingKey: 123_456_789n as FieldElement,
});

/** An odd part next to so many thousandths. */
const thousandths = (count: bigint) => ((count * WHOLE) / 1000n / 2n) * 2n + 1n;

const SLICE: LotTerms = {
  kind: "slice",
  evidence: bps(10_000n),
  target: bps(12_429n),
  discountBps: DISCOUNT,
  size: 0n,
  tolerance: 1n,
};
const CLOSE_OUT: LotTerms = {
  kind: "close-out",
  evidence: bps(5_000n),
  discountBps: DISCOUNT,
  size: 0n,
  tolerance: 1n,
};

interface Asked {
  readonly before: Account;
  readonly credit?: Credit;
  /** Of a slice, in thousandths; a close-out takes the whole. */
  readonly part?: bigint;
  /** Beside the cash that the discount asks for. */
  readonly more?: bigint;
  readonly terms: LotTerms;
  readonly policy?: Policy;
  readonly market?: Market;
}

/** The lot with the cash that the discount asks for, at its worth unless a size is given. */
function appraised(
  { before, credit = NO_CREDIT, part, more = 0n, terms, policy = POLICY, market = MARKET }: Asked,
  size?: bigint,
): LotAppraisal {
  const asked = { before, credit, part: part === undefined ? WHOLE : thousandths(part) };
  const step = { ...asked, cash: offered(asked, terms.discountBps, policy, market) + more };
  const found = appraiseLot(step, terms, policy, market);
  return appraiseLot(step, { ...terms, size: size ?? sizeDown(found) }, policy, market);
}

const floor = (value: bigint, by: bigint) => value / by - (value % by < 0n ? 1n : 0n);
const usd = (value: bigint) => floor(value, E6_TO_E20 * USD);
const slack = 1n << BigInt(DISCOUNT_SLACK_BITS);

/** Long 1,000 lots: 13,500 of equity over a margin of 15,000, and no debt. */
const HEDGER = account({ lots: 1_000n, cash: -86_500n });
/** 50 BTC against 4,750,000 of debt. */
const BORROWER = account({ btc: 50n, cash: -4_750_000n });

describe("the integer model of lots", () => {
  it("a slice brings an account to the target, offers the discount to the millionth, and is worth what it says", () => {
    const lot = appraised({ before: HEDGER, part: 300n, terms: SLICE });
    expect(lot.broken).deep.equal([]);
    expect(lot.fill.positions[0]).equal(300n);
    expect(lot.freed).equal(4_500n * 10n ** 10n);
    expect(usd(lot.cost)).equal(450n);
    expect(lot.worth).equal(lot.cost);
    expect(isAtLeast(lot.heldValue, bps(9_001n))).equal(false);
    expect(isAtLeast(lot.afterValue, bps(12_000n))).equal(true);
    // One lot more would be too much.
    expect(appraised({ before: HEDGER, part: 301n, terms: SLICE }).broken).deep.equal(["target"]);
  });

  it("each rule is needed: a lot that breaks one alone is refused by its name", () => {
    const fine = { before: HEDGER, part: 300n, terms: SLICE };
    const { worth } = appraised(fine);
    const wide = { ...fine, terms: { ...SLICE, tolerance: 10n ** 12n } };
    const cases: [string, LotAppraisal][] = [
      ["evidence", appraised({ ...fine, terms: { ...SLICE, evidence: bps(9_000n) } })],
      ["part", appraised({ ...fine, terms: { ...CLOSE_OUT, evidence: bps(10_000n) } })],
      ["part", appraised({ before: account({ cash: -1_000n }), terms: SLICE })],
      ["margin", appraised({ ...fine, before: account({ others: [-3n, 1n], lots: 1n, cash: -100n }), part: 200n }, 0n)],
      ["discount", appraised({ ...wide, more: 3n })],
      ["discount", appraised({ ...wide, more: -3n })],
      ["size", appraised(fine, worth / E6_TO_E20 + 1n)],
      ["size", appraised(fine, worth / E6_TO_E20 - 2n)],
      ["target", appraised({ ...fine, terms: { ...SLICE, target: bps(12_428n) } })],
    ];
    for (const [rule, { broken }] of cases) expect(broken, rule).include(rule);
    expect(() => admissible(appraised({ ...wide, more: 3n })))
      .throw(/discount on the margin/)
      .with.deep.property("place", { field: "lot.discount" });
    expect(admissible(appraised(wide)).broken).deep.equal([]);
  });

  it("what is out of range is refused by field: parts, credit, cash, terms", () => {
    const step = { before: HEDGER, credit: NO_CREDIT, part: 1n, cash: 0n };
    const field = (work: () => unknown, name: string) =>
      expect(work, name).throw().with.deep.property("place", { field: name });
    for (const part of [0n, -1n, 2n, WHOLE - 2n, WHOLE + 1n]) field(() => takeLot({ ...step, part }, POLICY), "part");
    field(() => takeLot({ ...step, cash: 1n << 64n }, POLICY), "cash");
    field(() => takeLot({ ...step, before: genesis(SIZE) }, POLICY), "viewingKey");
    field(() => withCredit(HEDGER, { ...NO_CREDIT, cash: 1n << 64n }), "credit.cash");
    field(() => withCredit(HEDGER, { ...NO_CREDIT, cash: (1n << 64n) - 1n }), "cash");
    field(
      () => withCredit(HEDGER, { ...NO_CREDIT, collateral: NO_CREDIT.collateral.with(3, -1n) }),
      "credit.collateral[3]",
    );
    for (const name of ["evidence", "target", "discountBps", "size", "tolerance"]) {
      const terms = { ...SLICE, [name]: 1n << 64n };
      field(() => appraiseLot(step, terms, POLICY, MARKET), name);
    }
  });

  it("a part is rounded to the nearest lot, long as short, and is never more than there is", () => {
    for (const lots of [1n, 2n, 3n, 999n, (1n << 31n) - 1n]) {
      for (const part of [1n, WHOLE / 2n - 1n, WHOLE / 2n + 1n, thousandths(250n), WHOLE - 1n, WHOLE]) {
        const given = partOf(lots, part);
        expect(partOf(-lots, part), `${lots} ${part}`).equal(-given);
        expect(given >= 0n && given <= lots).equal(true);
        expect(Math.abs(Number(given) - (Number(lots) * Number(part)) / 2 ** 32)).at.most(0.5);
      }
    }
    expect([partOf(1n, WHOLE / 2n - 1n), partOf(1n, WHOLE / 2n + 1n)]).deep.equal([0n, 1n]);
    for (const lots of [(1n << 64n) - 1n, -(1n << 31n), 1n << 33n]) expect(partOf(lots, WHOLE)).equal(lots);
  });

  it("a close-out leaves cash alone: the solvent owner's, or a debt of at most the discount and what equity lacked", () => {
    const solvent = appraised({ before: account({ lots: 1_000n, cash: -94_000n }), terms: CLOSE_OUT });
    expect(solvent.broken).deep.equal([]);
    expect(solvent.after.cash).equal(4_500n * USD); // 6,000 less a tenth of 15,000
    const insolvent = appraised({ before: account({ lots: 1_000n, cash: -100_500n }), terms: CLOSE_OUT });
    expect(insolvent.broken).deep.equal([]);
    const lacked = 500n * USD;
    const { freed } = insolvent;
    expect(-insolvent.after.cash).within(lacked, lacked + (DISCOUNT * freed) / 10n ** 8n + 3n);
  });

  it("random lots with the cash of the discount keep its rule, and size bounds what they cost and what they free", () => {
    const rng = seededRng(2019);
    let [indebted, solvent] = [0, 0];
    for (let index = 0; index < 60; index++) {
      const { step, terms, policy, market } = randomLot(rng, SIZE);
      const { broken, cost, worth, freed, afterValue } = appraiseLot(step, terms, policy, market);
      expect(broken, `lot ${index}`).not.include("discount");
      expect(worth >= cost, `lot ${index}`).equal(true);
      if (broken.includes("size")) continue;
      const told = E6_TO_E20 * (terms.size + terms.tolerance);
      expect(cost <= told && MARGIN_LEVEL_TO_E20 * terms.discountBps * freed < told + slack).equal(true);
      if (afterValue.debt > 0n) indebted++;
      else solvent++;
    }
    expect(indebted).greaterThan(10);
    expect(solvent).greaterThan(10);
  });

  it("every account below the evidence has a close-out, however little it holds and whatever it owes", () => {
    const rng = seededRng(77);
    let [dust, count] = [0, 0];
    for (let index = 0; index < 60; index++) {
      const { step, terms, policy, market } = randomLot(rng, SIZE);
      // At prices of a few 1e-16 a lot all collateral is dust.
      const cheap = { ...market, prices: market.prices.map(() => rng.between(0n, 9n) as LotPriceE16) };
      const little = step.before.collateral.map((lots) => (lots % 100n) as QuantityLots);
      const before =
        index % 2 === 0 ? step.before : { ...step.before, positions: genesis(SIZE).positions, collateral: little };
      const asked = { before, credit: NO_CREDIT, part: WHOLE };
      if (evaluate(before, policy, cheap).margin > 10n ** 22n) continue; // no cash offers a part of it
      const cash = offered(asked, terms.discountBps, policy, cheap);
      const sold = { ...asked, cash };
      const open = { ...terms, kind: "close-out" as const, size: 0n, tolerance: (1n << 64n) - 1n };
      const { broken, worth } = appraiseLot(sold, open, policy, cheap);
      expect(
        broken.filter((rule) => rule !== "evidence"),
        `account ${index}`,
      ).deep.equal([]);
      if (worth < E6_TO_E20) dust++;
      count++;
    }
    expect(count).greaterThan(45);
    expect(dust).greaterThan(5);
  });
});

describe("attacks on liquidations", () => {
  it("G01: an account without positions has levels that differ, and its close-out starts at market value", () => {
    // Between liquidation and insolvency there is room: 5% of the debt.
    const values = [98_000n, 100_500n].map((btc) => evaluate(BORROWER, POLICY, marketAt(btc)));
    expect(values.map((value) => isAtLeast(value, bps(10_000n)))).deep.equal([false, false]);
    expect(values.map((value) => isAtLeast(value, bps(0n)))).deep.equal([false, true]);
    // After −4% it is worth 50,000 more than it owes, and insolvent by haircut equity.
    const fallen = { before: BORROWER, terms: CLOSE_OUT, market: marketAt(96_000n) };
    const lot = appraised(fallen);
    expect(usd(lot.heldValue.equity)).equal(-190_000n);
    // The lot that was sold for a millionth.
    expect(appraised(fallen, 1n).broken).deep.equal(["size"]);
    expect(lot.broken).deep.equal([]);
    // Its first price covers the debt that is left, and 50,000 of it is the account's: the fund pays nothing.
    const debt = -lot.after.cash;
    expect(debt > 190_000n * USD && debt < 214_000n * USD).equal(true);
    const first = sizeDown(lot) + CLOSE_OUT.tolerance;
    expect((first - debt) / USD).equal(50_000n);
  });

  it("G02: no lot turns a position over: what a slice takes is between nothing and all of it, at a discount on what it frees", () => {
    const wide = { ...SLICE, target: bps(20_000n), tolerance: 10n ** 12n };
    for (const part of [1n, 137n, 500n, 863n, 999n]) {
      const { fill, after, cost, freed } = appraised({ before: HEDGER, part, terms: wide });
      expect(fill.positions[0]! >= 0n && after.positions[0]! >= 0n).equal(true);
      expect(cost <= MARGIN_LEVEL_TO_E20 * DISCOUNT * freed).equal(true);
    }
    // Priced beyond its discount it is refused.
    expect(appraised({ before: HEDGER, part: 300n, more: 1_200n * USD, terms: wide }).broken).include("discount");
  });

  it("G02: forty slices together cost a tenth of the margin that they free", () => {
    let state = HEDGER;
    let cost = 0n;
    let count = 0;
    const start = evaluate(HEDGER, POLICY, MARKET);
    for (; count < 40; count++) {
      const lot = appraised({
        before: state,
        part: 20n,
        terms: { ...SLICE, evidence: bps(20_000n), target: bps(30_000n) },
      });
      expect(lot.broken, `slice ${count}`).deep.equal([]);
      cost += lot.cost;
      state = lot.after;
    }
    const end = evaluate(state, POLICY, MARKET);
    expect(start.equity - end.equity).equal(cost);
    expect(cost <= MARGIN_LEVEL_TO_E20 * DISCOUNT * (start.margin - end.margin)).equal(true);
    expect(usd(cost) <= 1_500n).equal(true);
  });

  it("G02: nor does a slice take for nothing what the schedule counts at nothing", () => {
    // 1,000 ETH, of which 20 count.
    const before = account({ lots: 1_000n, eth: 1_000n, cash: -114_500n });
    const lot = appraised({ before, part: 100n, terms: { ...SLICE, target: bps(1_000_000n), tolerance: 10n ** 15n } });
    // Equity does not count the 900 that are left any less, so all that the bidder pays for 100 of them is gained.
    expect(usd(lot.heldValue.collateral)).equal(usd(lot.afterValue.collateral));
    expect((lot.fill.collateral[ETH]! + 1n) / COIN).within(99n, 100n);
    expect(-(lot.fill.cash + (lot.heldValue.markValue - lot.afterValue.markValue)) / USD).within(179_600n, 180_000n);
    expect(appraised({ before, part: 100n, more: USD, terms: SLICE }).broken).include("discount");
  });

  it("G10: the blinding of a lot is one number that the owner works out of his key and both states", () => {
    const { fill, after } = takeLot({ before: HEDGER, credit: NO_CREDIT, part: thousandths(300n), cash: 5n }, POLICY);
    // Two states and the key give the whole lot.
    const worked = {
      size: SIZE,
      positions: HEDGER.positions.map((lots, row) => lots - after.positions[row]!),
      collateral: HEDGER.collateral.map((lots, asset) => lots - after.collateral[asset]!),
      cash: HEDGER.cash - after.cash,
      blinding: lotBlinding(HEDGER, after),
    } as const;
    expect(commitFill(worked)).equal(commitFill(fill));
    const others = [
      { ...HEDGER, sequence: 8n },
      { ...HEDGER, viewingKey: 5n as FieldElement },
    ];
    expect(new Set([HEDGER, ...others].map((before) => lotBlinding(before, after))).size).equal(3);
    expect(lotBlinding(HEDGER, after)).not.equal(HEDGER.viewingKey + HEDGER.sequence);
  });

  it("G10: who was told a lot that was undone does not find the next lot of the same state by trying", () => {
    const slice = (part: bigint) => appraised({ before: HEDGER, part, terms: SLICE }).fill;
    const [undone, next] = [slice(300n), slice(137n)];
    // The bidder knows the first lot whole, guesses the second rightly, and cannot tell.
    expect(commitFill({ ...next, blinding: undone.blinding })).not.equal(commitFill(next));
    expect(slice(137n)).deep.equal(next);
  });

  it("G11: an account opens with a key that leaves room for every step, so that lots can always be taken of it", () => {
    const open = (key: bigint) =>
      applyTransition(genesis(SIZE), {
        transfer: NO_TRANSFER,
        fill: noFill(SIZE),
        side: 1n,
        openWithViewingKey: key as FieldElement,
      });
    expect(() => open(VIEWING_KEY_LIMIT)).throw(/viewing key/);
    const last = { ...HEDGER, viewingKey: (VIEWING_KEY_LIMIT - 1n) as FieldElement, sequence: (1n << 64n) - 2n };
    expect(appraised({ before: last, part: 300n, terms: SLICE }).broken).deep.equal([]);
    expect(open(randomViewingKey()).sequence).equal(1n);
  });

  it("G15: a sham lot, priced beyond its worth or tinier than it says, is refused", () => {
    // Offered at its full value: nobody takes it.
    const slice = { before: HEDGER, part: 300n, terms: SLICE };
    const sham = { ...slice, more: -appraised(slice).worth / E6_TO_E20 };
    expect(appraised({ ...sham, terms: { ...SLICE, target: bps(20_000n) } }).broken).deep.equal(["discount"]);
    expect(() => admissible(appraised(sham))).throw(/discount/);
    // A single lot, worth 1.50, said to be as large as dust.
    const tiny = { ...slice, part: 1n };
    expect(appraised(tiny, 100n * USD).broken).deep.equal(["size"]);
    expect(appraised(tiny).broken).deep.equal([]);
    expect(sizeDown(appraised(tiny))).equal(1_500_000n);
  });

  it("G15: a lot of a hedged book is as hedged: it needs about the margin that it frees, whatever its part", () => {
    // Each leg alone has ten times the margin of the book and more.
    const before = account({ lots: 1_000n, others: [2_000n, -1_000n], cash: -102_800n });
    const margin = (of: Holding) => evaluate(account(of), POLICY, MARKET).margin;
    const whole = margin({ lots: 1_000n, others: [2_000n, -1_000n] });
    expect(margin({ lots: 1_000n }) > 4n * whole && margin({ others: [2_000n, 0n] }) > 9n * whole).equal(true);
    const terms = { ...SLICE, target: bps(1_000_000n) };
    for (const part of [1n, 37n, 250n, 500n, 999n]) {
      const { fill, freed } = appraised({ before, part, terms });
      const needed = evaluate({ ...account({}), positions: fill.positions as PositionLots[] }, POLICY, MARKET).margin;
      // Half a lot of each row, at most.
      const rounding = (10_000n * USD * (15n + 14n + 40n)) / 2n;
      expect(needed - freed < 2n * rounding && freed - needed < 2n * rounding, `${part}`).equal(true);
    }
  });

  it("an account of a few lots in every row may have no slice at its target: the whole of it is sold, or nothing", () => {
    const before = account({ lots: 1n, others: [1n, -1n], cash: -92n });
    const broken = [1n, 250n, 499n, 500n, 501n, 999n].map((part) => appraised({ before, part, terms: SLICE }).broken);
    expect(broken).not.deep.include([]);
    expect(appraised({ before, terms: { ...CLOSE_OUT, evidence: bps(10_000n) } }).broken).deep.equal([]);
  });

  it("an account of less coverage than the discount is improved by no slice: it needs a close-out level above", () => {
    const before = account({ lots: 1_000n, cash: -98_950n }); // 700 bps, at a discount of 1,000
    const any = { ...SLICE, target: bps(20_000n) };
    for (const part of [1n, 10n, 500n, 990n, 999n]) {
      expect(appraised({ before, part, terms: any }).broken, `${part}`).deep.equal(["improvement"]);
    }
    expect(appraised({ before, terms: CLOSE_OUT }).broken).deep.equal([]);
    const low = { ...CLOSE_OUT, evidence: bps(700n) };
    expect(appraised({ before, terms: low }).broken).deep.equal(["evidence"]);
  });

  it("debt alone, as an expiry may leave it, is closed out by a lot of nothing, which is of size zero", () => {
    const owing = { before: account({ cash: -1_000n }), terms: CLOSE_OUT };
    const lot = appraised(owing);
    expect([lot.broken, lot.worth, lot.freed, lot.after.cash]).deep.equal([[], 0n, 0n, -1_000n * USD]);
    expect(appraised(owing, 1n).broken).deep.equal(["size"]);
  });

  it("debt beside collateral of less than a millionth is closed out by a lot of that collateral and no cash", () => {
    const market = { ...MARKET, prices: MARKET.prices.with(BTC, 1_000_000n as LotPriceE16) }; // 1e-10 a lot
    for (const lots of [1n, 3n, 9_999n, 10_000n, 10_001n, 123_456n]) {
      const before = {
        ...account({ cash: -1_000n }),
        collateral: genesis(SIZE).collateral.with(BTC, lots as QuantityLots),
      };
      const lot = appraised({ before, terms: CLOSE_OUT, market });
      expect(lot.broken, `${lots}`).deep.equal([]);
      expect(lot.fill.collateral[BTC]).equal(lots);
      expect(sizeDown(lot)).equal((lots * 1_000_000n + 10n ** 10n * lot.fill.cash) / 10n ** 10n);
    }
  });

  it("what has no weight is in no lot, whatever its price, and stays in the account when the rest is closed out", () => {
    const policy = { ...POLICY, schedules: POLICY.schedules.with(BTC, UNLISTED) };
    const before = account({ lots: 1_000n, btc: 10n, cash: 2_000n - 96_000n });
    const close = (price: bigint) => appraised({ before, terms: CLOSE_OUT, policy, market: marketAt(price) });
    const [priced, unpriced] = [close(100_000n), close(0n)];
    expect([priced.broken, unpriced.broken]).deep.equal([[], []]);
    expect([priced.cost, priced.worth]).deep.equal([unpriced.cost, unpriced.worth]);
    for (const { fill, after } of [priced, unpriced]) {
      expect([fill.collateral[BTC], after.collateral[BTC]]).deep.equal([0n, 10n * COIN]);
    }
    const { fill } = appraised({
      before: account({ lots: 1_000n, btc: 10n, cash: -86_500n }),
      part: 250n,
      terms: SLICE,
      policy,
    });
    expect([fill.positions[0], fill.collateral[BTC]]).deep.equal([250n, 0n]);
  });

  it("G16: a public credit counts as evidence, in cash and in every asset, and can be sold with the rest", () => {
    const lot = { before: account({ lots: 1_000n, cash: -98_000n }), terms: CLOSE_OUT };
    expect(appraised(lot).broken).deep.equal([]);
    const cash = { ...NO_CREDIT, cash: 1_000_000n * USD };
    const btc = { ...NO_CREDIT, collateral: NO_CREDIT.collateral.with(BTC, 10n * COIN) };
    expect(appraised({ ...lot, credit: cash }).broken).deep.equal(["evidence"]);
    expect(appraised({ ...lot, credit: btc }).broken).deep.equal(["evidence"]);
    // Dust changes nothing but itself: it is sold too.
    const dust = { cash: 1n, collateral: NO_CREDIT.collateral.with(BTC, COIN / 1000n) };
    expect(appraised({ ...lot, credit: dust }).broken).deep.equal([]);
  });
});
