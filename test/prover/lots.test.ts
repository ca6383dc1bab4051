// SPDX-License-Identifier: GPL-3.0-or-later
// Lots of accounts whose margin is more than that of positions: debt, and collateral in the scan.
import { expect } from "chai";
import { claimsOf, closeOutOf, type Lot, sliceOf } from "../../prover/src/chain/liquidation.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { tierValue } from "../../prover/src/model/policy.ts";
import { applyTransition } from "../../prover/src/model/transition.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { CashE6, PositionLots, QuantityLots, RateBps } from "../../prover/src/units.ts";

const firm = sampleFirm();
const file = readPolicy(JSON.stringify(firm.policy), "policy.json");
const { market, instruments } = readMarket(JSON.stringify(firm.market), "market.json", file);
const levels = { initial: 15_000n, call: 12_000n, liquidation: 10_000n, closeOut: 6_000n };
const terms = {
  premiumBps: 500n,
  discountBps: 1_000n,
  auctionDuration: 600n,
  maxSlice: 1n << 60n,
  dust: 1n,
};
const PERPETUAL = instruments.findIndex((instrument) => instrument?.symbol === "BTC-PERP");

describe("lots of debtors and of hedgers", () => {
  for (const rate of [0n, 1_000n, 10_000n]) {
    const policy = { ...file.policy, debtRateBps: rate as RateBps };
    const values = { policy, market };

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

    const holdsAll = (before: Account, lot: Lot) =>
      claimsOf(before, lot, values, { levels, terms }).map((claim) => {
        const after = applyTransition(claim.before, claim.transition);
        return isAtLeast(evaluate(after, claim.policy, claim.market), claim.level) === (claim.direction === "at-least");
      });

    for (const [what, [perpetuals, bitcoin]] of Object.entries(accounts)) {
      it(`a debt rate of ${rate} bps: a slice of ${what} is provable, and lifts the account`, () => {
        const before = account(perpetuals, bitcoin, 9_000n);
        const lot = sliceOf(before, values, levels, terms, levels.liquidation as never);
        expect(holdsAll(before, lot)).to.not.include(false);
        expect(coverageBpsDown(evaluate(lot.after, policy, market))! > 9_000n).to.equal(true);
      });

      it(`a debt rate of ${rate} bps: a close-out of ${what} is provable, solvent or not`, () => {
        for (const level of [5_000n, -2_000n]) {
          const before = account(perpetuals, bitcoin, level);
          const lot = closeOutOf(before, values, terms, (level < 0n ? 0n : levels.closeOut) as never);
          expect(holdsAll(before, lot), `${level}`).to.not.include(false);
          expect(lot.after.positions.every((lots) => lots === 0n)).to.equal(true);
        }
      });
    }
  }

  it("what a haircut takes, and what is above its last boundary, hedges nothing", () => {
    const schedule = file.policy.schedules[0]!;
    const cap = schedule.at(-1)!.boundaryLots;
    const holding = (quantity: bigint): Account => ({
      ...genesis("board-60"),
      collateral: genesis("board-60").collateral.map((_, asset) => (asset === 0 ? quantity : 0n) as QuantityLots),
    });
    const scanned = (quantity: bigint) => evaluate(holding(quantity), file.policy, market).assets[0]!.scannedLots;
    const weighted = (quantity: bigint) => tierValue(schedule, quantity as QuantityLots).weightedLotsBps;
    for (const quantity of [cap, cap / 2n, cap / 7n]) {
      const whole = quantity / file.policy.scanLots[0]!;
      expect(scanned(quantity)).to.equal(weighted(quantity) / (10_000n * file.policy.scanLots[0]!));
      expect(scanned(quantity) < whole).to.equal(true);
    }
    expect(scanned(4n * cap)).to.equal(scanned(cap));
  });
});
