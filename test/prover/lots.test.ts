// SPDX-License-Identifier: GPL-3.0-or-later
// Lots of accounts whose margin is more than that of positions: debt, and collateral in the scan.
import { expect } from "chai";
import { findLot } from "../../prover/src/chain/find-lot.ts";
import { claimsOf } from "../../prover/src/chain/liquidation.ts";
import { closeOutOf, type Lot, type Offering, priceAt, pricesOf, sliceOf } from "../../prover/src/chain/lots.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { offered, takeLot } from "../../prover/src/model/lot.ts";
import { applyTransition } from "../../prover/src/model/transition.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { CashE6, LevelBps, PositionLots, QuantityLots, RateBps } from "../../prover/src/units.ts";

const firm = sampleFirm();
const file = readPolicy(JSON.stringify(firm.policy), "policy.json");
const { market, instruments } = readMarket(JSON.stringify(firm.market), "market.json", file);
const levels = { initial: 15_000n, call: 12_000n, liquidation: 10_000n, closeOut: 6_000n };
const terms = {
  premiumBps: 500n,
  discountBps: 1_000n,
  toleranceBps: 50n,
  auctionDuration: 600n,
  maxSlice: 1n << 60n,
  dust: 1n,
};
const PERPETUAL = instruments.findIndex((instrument) => instrument?.symbol === "BTC-PERP");

describe("lots of debtors and of hedgers", () => {
  for (const rate of [0n, 1_000n, 10_000n]) {
    const policy = { ...file.policy, debtRateBps: rate as RateBps };
    const offering = (evidence: bigint): Offering => ({ policy, market, levels, terms, evidence });

    /** Lots of the perpetual and of bitcoin, and so much cash that coverage is at the level, or next below it. */
    function account(perpetuals: bigint, bitcoin: bigint, level: bigint): Account {
      const held: Account = {
        ...genesis("board-60"),
        viewingKey: 7n as Account["viewingKey"],
        sequence: 3n,
        positions: genesis("board-60").positions.map((_, row) => (row === PERPETUAL ? perpetuals : 0n) as PositionLots),
        collateral: genesis("board-60").collateral.map((_, asset) => (asset === 0 ? bitcoin : 0n) as QuantityLots),
      };
      let [low, high] = [-(1n << 60n), 1n << 60n];
      while (high - low > 1n) {
        const middle = (low + high) / 2n;
        const { equity, margin } = evaluate({ ...held, cash: middle as CashE6 }, policy, market);
        if (equity < 10n ** 6n * level * margin) low = middle;
        else high = middle;
      }
      return { ...held, cash: low as CashE6 };
    }

    const accounts = {
      "short perpetuals": [-10_000n, 0n],
      "long perpetuals": [10_000n, 0n],
      "bitcoin with the short that hedges it": [-10_000n, 10n * 10n ** 8n],
      "bitcoin lent upon": [0n, 10n * 10n ** 8n],
      "short perpetuals beside bitcoin": [-20_000n, 5n * 10n ** 8n],
    } as const;

    const holdsAll = (lot: Lot) =>
      claimsOf(lot, { policy, market }).map((claim) => {
        const after = applyTransition(claim.before, claim.transition);
        const reached = isAtLeast(evaluate(after, claim.policy, claim.market), claim.level as LevelBps);
        return reached === (claim.direction === "at-least");
      });

    for (const [what, [perpetuals, bitcoin]] of Object.entries(accounts)) {
      // Lent upon without a margin on the debt, an account has none at all: its levels are one line.
      if (rate === 0n && perpetuals === 0n) continue;

      it(`a debt rate of ${rate} bps: a slice of ${what} is admissible, provable, and lifts the account`, () => {
        const before = account(perpetuals, bitcoin, 9_000n);
        const lot = sliceOf({ before }, offering(levels.liquidation));
        expect(lot.appraisal.broken).deep.equal([]);
        expect(holdsAll(lot)).not.include(false);
        expect(coverageBpsDown(lot.appraisal.afterValue)! >= levels.call).equal(true);
        const { firstPrice, lastPrice } = pricesOf(lot, terms);
        expect(firstPrice * 10n ** 14n > lot.appraisal.worth).equal(true);
        expect(priceAt({ firstPrice, lastPrice }, terms.auctionDuration, 0n)).equal(firstPrice);
        expect(priceAt({ firstPrice, lastPrice }, terms.auctionDuration, terms.auctionDuration)).equal(lastPrice);
      });

      // Of the search a few accounts tell as much as all.
      const searched = rate === 1_000n ? it : undefined;
      searched?.(
        `a debt rate of ${rate} bps: the owner of ${what} finds any lot by its state after and size alone`,
        async function () {
          this.timeout(60_000);
          const before = account(perpetuals, bitcoin, 9_000n);
          const values = { policy, market, terms };
          const slice = sliceOf({ before }, offering(levels.liquidation));
          const whole = closeOutOf({ before: account(perpetuals, bitcoin, 5_000n) }, offering(levels.closeOut));
          for (const lot of [slice, whole]) {
            const { after, fill } = lot.appraisal;
            const told = { kind: lot.terms.kind, stateAfter: commitState(after), size: lot.terms.size };
            expect(await findLot(lot.step, told, values)).deep.equal({ after, fill });
          }
        },
      );

      it(`a debt rate of ${rate} bps: a close-out of ${what} is admissible and provable, solvent or not`, () => {
        for (const level of [5_000n, 200n, -2_000n, -20_000n]) {
          const lot = closeOutOf({ before: account(perpetuals, bitcoin, level) }, offering(levels.closeOut));
          expect(holdsAll(lot), `${level}`).not.include(false);
          expect(lot.appraisal.after.positions.every((lots) => lots === 0n)).equal(true);
          expect(lot.debt).equal(lot.appraisal.after.cash < 0n ? -lot.appraisal.after.cash : 0n);
          // What it is worth less what it owes is what the account was worth at market.
          const { firstPrice, lastPrice } = pricesOf(lot, terms);
          expect(firstPrice >= lastPrice).equal(true);
        }
      });
    }
  }

  it("an owner finds a slice of which its starter told as little as it may, and none of another account", async function () {
    this.timeout(120_000);
    const { policy } = file;
    const held: Account = {
      ...genesis("board-60"),
      viewingKey: 7n as Account["viewingKey"],
      sequence: 3n,
      positions: genesis("board-60").positions.map((_, row) => (row === PERPETUAL ? 1_000n : 0n) as PositionLots),
    };
    const { equity, margin } = evaluate(held, policy, market);
    const before = { ...held, cash: ((9_000n * 10n ** 6n * margin - equity) / 10n ** 14n) as CashE6 };
    const wide = { ...terms, toleranceBps: 100n };
    const slice = sliceOf({ before }, { policy, market, levels, terms: wide, evidence: levels.liquidation });
    // Another part than the smallest, cash at the edge of the discount, and half the tolerance off its worth.
    const step = { ...slice.step, part: slice.step.part + (2n << 22n) };
    const cash = offered(step, 1_000n as RateBps, policy, market) - 2n;
    const { after, fill } = takeLot({ ...step, cash }, policy);
    expect(fill.positions[PERPETUAL]).not.equal(slice.appraisal.fill.positions[PERPETUAL]);
    const told = { kind: "slice" as const, stateAfter: commitState(after), size: slice.terms.size };
    const values = { policy, market, terms: wide };
    expect(await findLot({ before }, told, values)).deep.equal({ after, fill });
    expect(await findLot({ before }, { ...told, stateAfter: told.stateAfter + 1n }, values)).equal(undefined);
  });

  it("an account that is not below the level has no lot, and neither has one whose slice is above the cap or below dust", () => {
    const { policy } = file;
    const before: Account = {
      ...genesis("board-60"),
      viewingKey: 7n as Account["viewingKey"],
      sequence: 3n,
      positions: genesis("board-60").positions.map((_, row) => (row === PERPETUAL ? 1_000n : 0n) as PositionLots),
      cash: 10_000_000_000_000n as CashE6,
    };
    const offers: Offering = { policy, market, levels, terms, evidence: levels.liquidation };
    const none = (work: () => unknown) => expect(work).throw().with.property("code", "STATEMENT_FALSE");
    none(() => sliceOf({ before }, offers));
    none(() => closeOutOf({ before }, offers));
    const { equity, margin } = evaluate({ ...before, cash: 0n as CashE6 }, policy, market);
    const cash = ((9_000n * 10n ** 6n * margin - equity) / 10n ** 14n) as CashE6;
    const short = { before: { ...before, cash } };
    const { size } = sliceOf(short, offers).terms;
    none(() => sliceOf(short, { ...offers, terms: { ...terms, dust: size * 50n } }));
    const capped = sliceOf(short, { ...offers, terms: { ...terms, maxSlice: size / 2n } });
    expect(capped.terms.size <= size / 2n).equal(true);
  });
});
