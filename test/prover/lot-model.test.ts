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
  type LotContents,
  type LotTerms,
  NO_CREDIT,
  offered,
  sizeDown,
  takeLot,
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

/** BTC at a price; row 0 of the board at a mark of 100, of which a move takes 15. */
const marketAt = (btc: bigint): Market => ({
  prices: [btc * COIN, 2_000n * COIN, ...new Array<bigint>(ASSETS - 2).fill(0n)] as LotPriceE16[],
  board: {
    size: SIZE,
    rows: Array.from({ length: 60 }, (_, row) => ({
      ...EMPTY_ROW,
      ...(row === 0
        ? {
            mark: (100n * USD) as ColumnE6,
            profits: Array.from(
              { length: SCENARIOS },
              (_, move) => ([15n, -15n][move] ?? 0n) * USD,
            ) as unknown as ColumnE6[],
          }
        : {}),
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
  readonly lots?: bigint;
  readonly btc?: bigint;
  readonly eth?: bigint;
  readonly cash?: bigint;
}

/** Coins whole, cash in USD. */
const account = ({ lots = 0n, btc = 0n, eth = 0n, cash = 0n }: Holding): Account => ({
  ...genesis(SIZE),
  positions: genesis(SIZE).positions.with(0, lots as PositionLots),
  collateral: genesis(SIZE)
    .collateral.with(BTC, (btc * COIN) as QuantityLots)
    .with(ETH, (eth * COIN) as QuantityLots),
  cash: (cash * USD) as CashE6,
  sequence: 7n,
  viewingKey: 123_456_789n as FieldElement,
});

const contents = (of: Holding): LotContents => {
  const { positions, collateral, cash } = account(of);
  return { positions, collateral, cash };
};

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
  readonly of: Holding;
  readonly terms: LotTerms;
  readonly market?: Market;
}

/** The lot of these parts with the cash that the discount asks for, at its worth unless a size is given. */
function appraised({ before, credit = NO_CREDIT, of, terms, market = MARKET }: Asked, size?: bigint): LotAppraisal {
  const parts = offered({ before, credit, contents: contents(of) }, terms, POLICY, market);
  const step = { before, credit, contents: parts };
  const found = appraiseLot(step, terms, POLICY, market);
  return appraiseLot(step, { ...terms, size: size ?? sizeDown(found) }, POLICY, market);
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
    const lot = appraised({ before: HEDGER, of: { lots: 300n }, terms: SLICE });
    expect(lot.broken).deep.equal([]);
    expect(lot.freed).equal(4_500n * 10n ** 10n);
    expect(usd(lot.cost)).equal(450n);
    expect(lot.worth).equal(lot.cost);
    expect(isAtLeast(lot.heldValue, bps(9_001n))).equal(false);
    expect(isAtLeast(lot.afterValue, bps(12_000n))).equal(true);
    // One lot more would be too much.
    expect(appraised({ before: HEDGER, of: { lots: 301n }, terms: SLICE }).broken).deep.equal(["target"]);
  });

  it("each rule is needed: a lot that breaks one alone is refused by its name", () => {
    const fine = { before: HEDGER, of: { lots: 300n }, terms: SLICE };
    const { fill, worth } = appraised(fine);
    const step = (cash: bigint) => ({
      before: HEDGER,
      credit: NO_CREDIT,
      contents: { ...fill, cash: fill.cash + cash },
    });
    const wide = { ...SLICE, tolerance: 10n ** 12n };
    const cases: [string, LotAppraisal][] = [
      ["evidence", appraised({ ...fine, terms: { ...SLICE, evidence: bps(9_000n) } })],
      ["margin", appraised({ ...fine, of: { lots: -10n }, terms: { ...SLICE, discountBps: 0n as RateBps } })],
      ["discount", appraiseLot(step(1n), wide, POLICY, MARKET)],
      ["discount", appraiseLot(step(-3n), wide, POLICY, MARKET)],
      ["size", appraised(fine, worth / E6_TO_E20 + 1n)],
      ["size", appraised(fine, worth / E6_TO_E20 - 2n)],
      ["target", appraised({ ...fine, terms: { ...SLICE, target: bps(12_428n) } })],
      ["rest", appraised({ before: account({ lots: 1_000n, cash: -95_000n }), of: { lots: 999n }, terms: CLOSE_OUT })],
    ];
    for (const [rule, { broken }] of cases) expect(broken, rule).include(rule);
    expect(() => admissible(appraiseLot(step(1n), wide, POLICY, MARKET)))
      .throw(/discount on the margin/)
      .with.deep.property("place", { field: "lot.discount" });
    expect(admissible(appraiseLot(step(0n), wide, POLICY, MARKET)).broken).deep.equal([]);
  });

  it("what is out of range is refused by field: collateral brought in, credit, cash, terms", () => {
    const step = { before: HEDGER, credit: NO_CREDIT, contents: contents({ lots: 1n }) };
    const field = (work: () => unknown, name: string) =>
      expect(work, name).throw().with.deep.property("place", { field: name });
    field(() => takeLot({ ...step, contents: contents({ btc: -1n }) }), "contents.collateral[0]");
    field(() => takeLot({ ...step, contents: contents({ btc: 1n }) }), "collateral[0]");
    field(() => takeLot({ ...step, before: genesis(SIZE) }), "viewingKey");
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

  it("a close-out leaves cash alone: the solvent owner's, or a debt of at most the discount and what equity lacked", () => {
    const solvent = appraised({
      before: account({ lots: 1_000n, cash: -94_000n }),
      of: { lots: 1_000n },
      terms: CLOSE_OUT,
    });
    expect(solvent.broken).deep.equal([]);
    expect(solvent.after.cash).equal(4_500n * USD); // 6,000 less a tenth of 15,000
    const insolvent = appraised({
      before: account({ lots: 1_000n, cash: -100_500n }),
      of: { lots: 1_000n },
      terms: CLOSE_OUT,
    });
    expect(insolvent.broken).deep.equal([]);
    const lacked = 500n * USD;
    const { freed } = insolvent;
    expect(-insolvent.after.cash).within(lacked, lacked + (DISCOUNT * freed) / 10n ** 8n);
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
});

describe("attacks on liquidations", () => {
  it("G01: an account without positions has levels that differ, and its close-out starts at market value", () => {
    // Between liquidation and insolvency there is room: 5% of the debt.
    const values = [98_000n, 100_500n].map((btc) => evaluate(BORROWER, POLICY, marketAt(btc)));
    expect(values.map((value) => isAtLeast(value, bps(10_000n)))).deep.equal([false, false]);
    expect(values.map((value) => isAtLeast(value, bps(0n)))).deep.equal([false, true]);
    // After −4% it is worth 50,000 more than it owes, and insolvent by haircut equity.
    const fallen = { before: BORROWER, of: { btc: 50n }, terms: CLOSE_OUT, market: marketAt(96_000n) };
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

  it("G02: a lot that sells 190% of a position costs a tenth of the margin it frees, and so do forty of them together", () => {
    const sold = (before: Account, lots: bigint) =>
      appraised({ before, of: { lots }, terms: { ...SLICE, target: bps(20_000n) } });
    // At a tenth of its own margin, 2,850, it would improve coverage by nothing and cost 1,350.
    const { fill } = sold(HEDGER, 1_900n);
    const priced = { ...fill, cash: fill.cash + 1_200n * USD };
    const dear = { ...SLICE, tolerance: 10n ** 12n };
    const { broken } = appraiseLot({ before: HEDGER, credit: NO_CREDIT, contents: priced }, dear, POLICY, MARKET);
    expect(broken).include("discount");

    let state = HEDGER;
    let cost = 0n;
    const start = evaluate(HEDGER, POLICY, MARKET);
    let count = 0;
    for (; count < 40; count++) {
      const lots = (state.positions[0]! * 19n) / 10n;
      const lot = sold(state, lots);
      if (lot.broken.length > 0) break;
      cost += lot.cost;
      state = lot.after;
    }
    expect(count).greaterThan(0);
    const end = evaluate(state, POLICY, MARKET);
    expect(start.equity - end.equity).equal(cost);
    expect(cost <= MARGIN_LEVEL_TO_E20 * DISCOUNT * (start.margin - end.margin)).equal(true);
    expect(usd(cost) <= 1_500n).equal(true);
  });

  it("G02: nor does a slice take for nothing what the schedule counts at nothing", () => {
    // 1,000 ETH, of which 20 count.
    const before = account({ lots: 1_000n, eth: 1_000n, cash: -114_500n });
    const terms = { ...SLICE, tolerance: 10n ** 15n };
    const { fill, broken } = appraised({ before, of: { lots: 100n }, terms });
    expect(broken).deep.equal([]);
    const taken = { ...fill, collateral: fill.collateral.with(ETH, 900n * COIN) };
    const after = evaluate(takeLot({ before, credit: NO_CREDIT, contents: taken }).after, POLICY, MARKET);
    expect(usd(after.equity)).equal(usd(appraised({ before, of: { lots: 100n }, terms }).afterValue.equity));
    expect(appraiseLot({ before, credit: NO_CREDIT, contents: taken }, terms, POLICY, MARKET).broken).include(
      "discount",
    );
    // For 900 ETH a slice has to bring nine tenths of their price, and it frees the debt's margin of some 700 besides.
    const paid = appraised({ before, of: { lots: 100n, eth: 900n }, terms });
    expect((fill.cash - paid.fill.cash) / USD).within(1_619_900n, 1_620_000n);
  });

  it("G10: the blinding of a lot is one number that the owner works out of his key and both states", () => {
    const { fill, after } = takeLot({
      before: HEDGER,
      credit: NO_CREDIT,
      contents: contents({ lots: 300n, cash: 5n }),
    });
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
    const slice = (lots: bigint) => appraised({ before: HEDGER, of: { lots }, terms: SLICE }).fill;
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
    expect(appraised({ before: last, of: { lots: 300n }, terms: SLICE }).broken).deep.equal([]);
    expect(open(randomViewingKey()).sequence).equal(1n);
  });

  it("G15: a sham lot, priced beyond its worth or tinier than it says, is refused", () => {
    // Offered at its full value: nobody takes it, and its failure would halve the cap.
    const { fill, worth } = appraised({ before: HEDGER, of: { lots: 300n }, terms: SLICE });
    const sham = { ...fill, cash: fill.cash - worth / E6_TO_E20 };
    const step = { before: HEDGER, credit: NO_CREDIT, contents: sham };
    expect(appraiseLot(step, { ...SLICE, target: bps(20_000n) }, POLICY, MARKET).broken).deep.equal(["discount"]);
    expect(() => admissible(appraiseLot(step, SLICE, POLICY, MARKET))).throw(/discount/);
    // A single lot, worth 1.50, said to be as large as dust.
    const tiny = { before: HEDGER, of: { lots: 1n }, terms: SLICE };
    expect(appraised(tiny, 100n * USD).broken).deep.equal(["size"]);
    expect(appraised(tiny).broken).deep.equal([]);
    expect(sizeDown(appraised(tiny))).equal(1_500_000n);
  });

  it("G15: the discount is on what a lot frees: one that turns a position over offers a twentieth on what it needs", () => {
    const turned = appraised({ before: HEDGER, of: { lots: 1_900n }, terms: SLICE });
    expect(turned.broken).deep.equal([]);
    const { margin } = evaluate(account({ lots: 1_900n }), POLICY, MARKET);
    expect(margin).equal(19n * turned.freed);
  });

  it("an account of less coverage than the discount is improved by no slice: it needs a close-out level above", () => {
    const before = account({ lots: 1_000n, cash: -98_950n }); // 700 bps, at a discount of 1,000
    const any = { ...SLICE, target: bps(20_000n) };
    for (const lots of [1n, 10n, 500n, 990n, 999n, 1_990n]) {
      expect(appraised({ before, of: { lots }, terms: any }).broken, `${lots}`).deep.equal(["improvement"]);
    }
    expect(appraised({ before, of: { lots: 1_000n }, terms: CLOSE_OUT }).broken).deep.equal([]);
    const low = { ...CLOSE_OUT, evidence: bps(700n) };
    expect(appraised({ before, of: { lots: 1_000n }, terms: low }).broken).deep.equal(["evidence"]);
  });

  it("debt alone, as an expiry may leave it, is closed out by a lot of nothing, which is of size zero", () => {
    const lot = appraised({ before: account({ cash: -1_000n }), of: {}, terms: CLOSE_OUT });
    expect([lot.broken, lot.worth, lot.freed, lot.after.cash]).deep.equal([[], 0n, 0n, -1_000n * USD]);
    expect(appraised({ before: account({ cash: -1_000n }), of: {}, terms: CLOSE_OUT }, 1n).broken).deep.equal(["size"]);
  });

  it("debt beside collateral of less than a millionth has no lot, until a cent of credit joins it", () => {
    const market = { ...MARKET, prices: MARKET.prices.with(BTC, 1_000_000n as LotPriceE16) }; // 1e-10 a lot
    const before = {
      ...account({ cash: -1_000n }),
      collateral: genesis(SIZE).collateral.with(BTC, 3n as QuantityLots),
    };
    const close = (credit: Credit) => {
      const { positions, collateral } = withCredit(before, credit);
      return [-2n, -1n, 0n, 1n, 2n].map((more) => {
        const parts = offered({ before, credit, contents: { positions, collateral } }, CLOSE_OUT, POLICY, market);
        const step = { before, credit, contents: { ...parts, cash: parts.cash + more } };
        return appraiseLot(step, { ...CLOSE_OUT, tolerance: 10n ** 12n }, POLICY, market).broken.length;
      });
    };
    expect(close(NO_CREDIT)).not.include(0);
    expect(close({ ...NO_CREDIT, collateral: NO_CREDIT.collateral.with(BTC, COIN) })).include(0);
  });

  it("what has no weight is taken at no cost, and a close-out cannot leave it: its price alone says what it is worth", () => {
    const policy = { ...POLICY, schedules: POLICY.schedules.with(BTC, UNLISTED) };
    const before = account({ lots: 1_000n, btc: 10n, cash: 2_000n - 96_000n });
    const close = (btc: bigint, price: bigint) => {
      const market = marketAt(price);
      const step = { before, credit: NO_CREDIT, contents: contents({ lots: 1_000n, btc }) };
      const sold = { ...step, contents: offered(step, CLOSE_OUT, policy, market) };
      return appraiseLot(sold, { ...CLOSE_OUT, tolerance: 10n ** 15n }, policy, market);
    };
    const [priced, unpriced] = [close(10n, 100_000n), close(10n, 0n)];
    expect([priced.broken, unpriced.broken, close(9n, 0n).broken]).deep.equal([[], [], ["rest"]]);
    expect(priced.cost).equal(unpriced.cost);
    expect(usd(priced.worth - unpriced.worth)).equal(1_000_000n);
  });

  it("G16: a public credit counts as evidence, in cash and in every asset, and can be sold with the rest", () => {
    const before = account({ lots: 1_000n, cash: -98_000n });
    const lot = { before, of: { lots: 1_000n }, terms: CLOSE_OUT };
    expect(appraised(lot).broken).deep.equal([]);
    const cash = { ...NO_CREDIT, cash: 1_000_000n * USD };
    const btc = { ...NO_CREDIT, collateral: NO_CREDIT.collateral.with(BTC, 10n * COIN) };
    expect(appraised({ ...lot, credit: cash }).broken).deep.equal(["evidence"]);
    expect(appraised({ ...lot, credit: btc, of: { lots: 1_000n, btc: 10n } }).broken).deep.equal(["evidence"]);
    // Dust changes nothing but itself: it is sold too.
    const dust = { cash: 1n, collateral: NO_CREDIT.collateral.with(BTC, COIN / 1000n) };
    const parts = { ...contents({ lots: 1_000n }), collateral: dust.collateral };
    const step = { before, credit: dust, contents: parts };
    const terms = { ...CLOSE_OUT, tolerance: 10n ** 12n };
    const whole = { ...step, contents: offered(step, terms, POLICY, MARKET) };
    expect(appraiseLot(whole, terms, POLICY, MARKET).broken).deep.equal([]);
  });
});
