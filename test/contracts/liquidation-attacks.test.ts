// SPDX-License-Identifier: GPL-3.0-or-later
// Attacks on liquidations, with proofs of what is true by the integer model: what members, operator, bidders and backstop can
// take from each other and from the fund, alone and in league.

import { expect } from "chai";
import type { Contract } from "ethers";
import fc from "fast-check";
import { cureLot } from "../../prover/src/chain/liquidation.ts";
import { closeOutOf, type Lot, pricesOf, sliceOf } from "../../prover/src/chain/lots.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { EXIT_LEVEL } from "../../prover/src/model/exit-market.ts";
import { NO_CREDIT } from "../../prover/src/model/lot.ts";
import { stress } from "../../scripts/stress.ts";
import {
  BTC,
  CASH,
  call,
  E6,
  E8,
  fillOf,
  LATE,
  LEVELS,
  LotWorld,
  type Member,
  marketAt,
  OLD,
  peopled,
  STAGE,
  TERMS,
} from "./lot-world.ts";

describe("attacks on liquidations", function () {
  this.timeout(300_000);
  let world: LotWorld;
  let house: Member;
  /** In league with whoever attacks, and told of lots that nobody else is told of. */
  let accomplice: Member;
  let debtor: Member;
  let restore: () => Promise<void>;

  before(async () => {
    ({ world, house, bidder: accomplice, debtor, restore } = await peopled());
  });
  beforeEach(() => restore());

  const refuses = (sent: Promise<unknown>, error: string, of: Contract = world.liquidation) =>
    expect(sent).to.be.revertedWithCustomError(of, error);
  const untrue = async (work: () => unknown) => {
    let code = "provable";
    try {
      await work();
    } catch (error) {
      code = (error as { code: string }).code;
    }
    expect(code).equal("STATEMENT_FALSE");
  };
  /** What an account is worth at market, 1e-6, haircuts aside. */
  const worthOf = ({ cash, collateral, positions }: Account): bigint => {
    const { prices, board } = world.market;
    const coins = collateral.reduce((sum, lots, asset) => sum + lots * prices[asset]!, 0n) / 10n ** 10n;
    return cash + coins + positions.reduce((sum, lots, row) => sum + lots * board.rows[row]!.mark, 0n);
  };
  /** What one lot leaves to a bidder at most, by what is public: its worth less the last price. */
  const leftBy = ({ terms, cost }: Lot) =>
    terms.tolerance + cost + (TERMS.discountBps * (terms.size - cost)) / 10_000n + 1n;
  const atTheEnd = () => world.advance(TERMS.auctionDuration - 1n);

  describe("G01: the fund is no pump", () => {
    let borrower: Member;
    const fund = 10_000_000n * E6;
    const borrowed = 4_400_000n * E6;

    /** 50 bitcoin, and as much cash as the initial level lets out. */
    const borrow = async () => {
      await world.donate(fund);
      borrower = await world.member(world.signers[7]!, 0n, 50n * E8);
      await world.withdraw(borrower, CASH, borrowed);
    };
    const again = async () => {
      await restore();
      await borrow();
    };
    beforeEach(borrow);
    const closeOut = () => closeOutOf({ before: borrower.state }, world.offering(LEVELS.closeOut));

    it("borrowing asks for a margin on the debt: what the pump borrowed is not lent", async () => {
      await untrue(() => world.withdraw(borrower, CASH, 4_750_000n * E6 - borrowed));
    });

    it("nothing is written off for an account that is worth more than it owes, at any price and with nobody else bidding", async () => {
      let solvent = 0;
      for (let price = 97_000n; price >= 88_100n; price -= 1_450n) {
        await again();
        await world.publish(marketAt(price));
        if (world.isAtLeast(borrower.state, LEVELS.closeOut)) continue;
        const worth = worthOf(borrower.state);
        expect(worth > 0n).equal(true);
        const lot = closeOut();
        const open = await world.start(borrower, lot);
        await atTheEnd();
        const together = worth + worthOf(accomplice.state);
        await world.take(borrower, accomplice, open);
        expect(await world.funds(), `${price}`).equal(fund);
        // What the two of them have is what they had: nobody else has paid.
        const credit = await world.credit(borrower.id);
        expect(worthOf(borrower.state) + credit + worthOf(accomplice.state)).within(together - 1n, together + 1n);
        expect(borrower.state.cash + credit >= 0n).equal(true);
        solvent++;
      }
      expect(solvent).greaterThan(3);
    });

    it("of an insolvent one the fund pays what it lacks at market, and what one auction leaves to a bidder at most", async () => {
      for (const price of [87_900n, 86_000n, 80_000n]) {
        await again();
        await world.publish(marketAt(price));
        const lacks = -worthOf(borrower.state);
        const lot = closeOut();
        const open = await world.start(borrower, lot);
        expect(await world.funds()).equal(fund);
        await atTheEnd();
        await world.take(borrower, accomplice, open);
        const paid = fund - (await world.funds());
        expect(paid > lacks - 2n && paid <= lacks + leftBy(lot), `${price}: ${paid} for ${lacks}`).equal(true);
        // A twentieth of what haircuts took, and of the margin on the debt: a fortieth of what the old pump paid.
        expect(paid - lacks < 30_000n * E6).equal(true);
      }
    });

    it("a debt that is not owed has no proof, and neither has a size below the worth", async () => {
      await world.publish(marketAt(92_500n));
      const lot = closeOut();
      expect(lot.debt > 0n && lot.debt < lot.terms.size).equal(true);
      await untrue(() => world.made(borrower, { ...lot, debt: lot.terms.size + lot.terms.tolerance + 1n }));
      await untrue(() => world.made(borrower, { ...lot, debt: lot.debt - 1n }));
      const size = lot.terms.size - 2n * lot.terms.tolerance;
      await untrue(() => world.made(borrower, { ...lot, terms: { ...lot.terms, size } }));
    });

    it("what the fund paid is a claim: assets without weight do not leave before it is repaid", async () => {
      await world.payIn(borrower, OLD, 5n * E8);
      await world.publish(marketAt(86_000n));
      const open = await world.start(borrower, closeOut());
      await world.take(borrower, accomplice, open);
      const credit = await world.credit(borrower.id);
      await world.absorb(borrower, CASH, credit);
      expect([borrower.state.cash, borrower.state.collateral[Number(OLD)]]).deep.equal([0n, 5n * E8]);
      await refuses(world.exit(borrower, OLD, 5n * E8), "OwesFund", world.gate);
      const owed = (await world.gate.accountOf!(borrower.id)).owed as bigint;
      expect(owed > 0n).equal(true);
      await world.chain.networkHelpers.time.increase(301n);
      await world.payIn(borrower, CASH, owed);
      await world.exit(borrower, CASH, owed);
      expect(await world.funds()).equal(fund);
      await world.exit(borrower, OLD, 5n * E8);
    });
  });

  it("G02: an operator and a bidder who keep lots to themselves take what the last price leaves, and no more", async () => {
    let bound = 0n;
    let [count, cost] = [0, 0n];
    const margins: bigint[] = [];
    for (let price = 87_000n; price > 70_000n && count < 12; price -= 700n) {
      await world.publish(marketAt(price));
      if (world.isAtLeast(debtor.state, LEVELS.liquidation)) continue;
      const credit = await world.creditOf(debtor);
      const terms = { ...world.terms, maxSlice: 800n * E6 };
      let lot: Lot;
      try {
        lot = sliceOf({ before: debtor.state, credit }, world.offering(LEVELS.liquidation, { terms }));
      } catch {
        continue;
      }
      const held = worthOf(debtor.state) + credit.cash;
      margins.push(world.evaluation(debtor.state).margin);
      const open = await world.start(debtor, lot, house.id);
      await atTheEnd();
      await world.take(debtor, accomplice, open);
      const lost = held - worthOf(debtor.state) - (await world.credit(debtor.id));
      expect(lost <= leftBy(lot) + TERMS.reward).equal(true);
      [bound, cost, count] = [bound + leftBy(lot), cost + lot.cost, count + 1];
      margins.push(world.evaluation(debtor.state).margin);
    }
    expect(count).greaterThan(5);
    // The discount on the margin that all of them freed.
    let freed = 0n;
    for (let index = 0; index < margins.length; index += 2) freed += margins[index]! - margins[index + 1]!;
    expect(cost <= (freed * TERMS.discountBps) / 10n ** 8n + 4n * BigInt(count)).equal(true);
    // And no leg alone, so that nothing is left unhedged: the sign of no position has changed.
    expect(debtor.state.positions[0]! > 0n).equal(true);
  });

  it("G07: under a hold the owner's steps wait, and the lot is of the state as it stands", async () => {
    await world.deposit(debtor, BTC, 1000n);
    await world.publish(marketAt(86_000n));
    const credit = await world.creditOf(debtor);
    const made = await world.made(
      debtor,
      sliceOf({ before: debtor.state, credit }, world.offering(LEVELS.liquidation)),
    );
    await call(world.exchange, "hold", debtor.id);
    // What the owner outran proofs with: an absorb of next to nothing, an attestation of less than the call level.
    await refuses(world.absorb(debtor, BTC, 1n), "AbsorbsTooLittle", world.gate);
    await refuses(world.attest(debtor, LEVELS.closeOut), "AccountHeld", world.gate);
    await world.startOf(made);
    expect(await world.stage(debtor)).equal(STAGE.liquidating);
  });

  describe("G10: a lot that nobody can open", () => {
    it("is void when its time is over, without anybody's secret, and the account goes on as it was", async () => {
      await world.publish(marketAt(86_000n));
      const lot = sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation));
      // The operator keeps everything to itself: no word to bidders, and nonsense in place of the state after.
      const secret = await world.startSecretly(debtor, lot);
      const stranger = world.liquidation.connect(world.signers[9]!) as Contract;
      await refuses(stranger.void!(secret.lot), "AuctionRunning");
      await world.advance(TERMS.auctionDuration + TERMS.voidDelay);
      await call(stranger, "void", secret.lot);
      expect((await world.gate.accountOf!(debtor.id)).state).equal(commitState(debtor.state));
      await world.publish(marketAt(95_000n));
      await world.attest(debtor, LEVELS.call);
      expect(await world.stage(debtor)).equal(STAGE.healthy);
    });

    it("and the owner works out what is in it from two states and the viewing key, and can bid with another account", async () => {
      await world.publish(marketAt(86_000n));
      const lot = sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation));
      const open = await world.start(debtor, lot);
      await world.take(debtor, house, open);
      expect(await world.stage(debtor)).equal(STAGE.called);
    });
  });

  it("G15: lots that nobody is told of lower the size of the next, never below twice dust, and never raise the close-out level", async () => {
    await world.publish(marketAt(86_000n));
    const offering = (maxSlice: bigint) => world.offering(LEVELS.liquidation, { terms: { ...world.terms, maxSlice } });
    let cap = TERMS.maxSlice;
    for (let failure = 0; failure < 14; failure++) {
      const open = await world.start(debtor, sliceOf({ before: debtor.state }, offering(cap)));
      await world.advance(TERMS.auctionDuration + TERMS.voidDelay);
      await call(world.liquidation, "void", open.lot);
      const next = (await world.liquidation.capOf!(debtor.id)) as bigint;
      expect(next).equal(cap / 2n > 2n * TERMS.dust ? cap / 2n : 2n * TERMS.dust);
      cap = next;
    }
    expect(cap).equal(2n * TERMS.dust);
    // The account has more than the close-out level: nothing has made it easier to close out.
    const whole = closeOutOf({ before: debtor.state }, world.offering(LEVELS.liquidation));
    await refuses(world.startOf(await world.made(debtor, whole)), "EvidenceRefused");
    await untrue(() => closeOutOf({ before: debtor.state }, world.offering(LEVELS.closeOut)));
  });

  it("G15: an auction that ran while no epoch was usable does not count against the account", async () => {
    await world.publish(marketAt(86_000n));
    const open = await world.start(debtor, sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation)));
    // The board's clock stands still; time goes on.
    await world.advance(TERMS.auctionDuration - 1n);
    await call(world.source, "setUsable", false, false);
    await world.chain.networkHelpers.time.increase(86_400n);
    await call(world.liquidation, "void", open.lot);
    expect(await world.liquidation.capOf!(debtor.id)).equal(TERMS.maxSlice);
  });

  describe("G16: a public credit", () => {
    const closeOut = (credit = NO_CREDIT) =>
      closeOutOf({ before: debtor.state, credit }, world.offering(LEVELS.closeOut));

    it("of a million counts: the account is not closed out, whether or not its owner absorbs", async () => {
      await world.publish(marketAt(81_500n));
      await world.deposit(debtor, CASH, 1_000_000n * E6);
      await refuses(world.startOf(await world.made(debtor, closeOut())), "CreditMiscounted");
      const half = { ...NO_CREDIT, cash: 1_000n * E6 };
      await refuses(world.startOf(await world.made(debtor, closeOut(half))), "CreditMiscounted");
      const credit = await world.creditOf(debtor);
      await untrue(() => closeOut(credit));
    });

    it("N02: that comes after a note outruns no proof for five minutes, in any asset, whatever it is worth", async () => {
      await world.deposit(debtor, BTC, E8 / 10n);
      await world.publish(marketAt(77_000n));
      await call(world.exchange, "hold", debtor.id);
      const credit = await world.creditOf(debtor);
      const made = await world.made(debtor, closeOut(credit));
      // A token that nobody wants, paid in before the start: without a note that is another credit.
      await world.deposit(debtor, OLD, E8);
      await refuses(world.startOf(made), "CreditMiscounted");
      await call(world.liquidation.connect(world.signers[9]!), "note", debtor.id);
      const noted = await world.creditOf(debtor);
      const again = await world.made(debtor, closeOut(noted));
      for (let block = 0; block < 4; block++) await world.deposit(debtor, OLD, E8);
      await world.chain.networkHelpers.time.increase(200n);
      await world.startOf(again);
      expect(await world.stage(debtor)).equal(STAGE.liquidating);
    });

    it("that was noted counts no longer after five minutes, nor for another state", async () => {
      await world.publish(marketAt(77_000n));
      await call(world.liquidation, "note", debtor.id);
      const made = await world.made(debtor, closeOut());
      await world.deposit(debtor, CASH, E6);
      await world.chain.networkHelpers.time.increase(301n);
      await refuses(world.startOf(made), "CreditMiscounted");
      await call(world.liquidation, "note", debtor.id);
      const credit = await world.creditOf(debtor);
      await world.absorb(debtor, CASH, E6);
      await refuses(world.startOf(await world.made(debtor, closeOut(credit))), "CreditMiscounted");
    });

    it("that is not there, or is no packing of credits, is refused", async () => {
      await world.publish(marketAt(77_000n));
      await world.deposit(debtor, BTC, E8 / 10n);
      const credit = await world.creditOf(debtor);
      const made = await world.made(debtor, closeOut(credit));
      const counted = made.offer.credit;
      for (const words of [
        counted.with(0, counted[0]! + 1n),
        counted.with(0, counted[0]! + (1n << 64n)),
        counted.with(0, counted[0]! + (1n << 252n)),
        counted.with(4, 1n << 168n),
        counted.with(5, 1n),
      ]) {
        await refuses(world.startOf({ ...made, offer: { ...made.offer, credit: words } }), "CreditMiscounted");
      }
      await world.startOf(made);
    });
  });

  it("an owner with a bidder, or the backstop, gets no more of a lot than its last price leaves to anybody", async () => {
    const last: bigint[] = [];
    for (const by of ["accomplice", "backstop"] as const) {
      await restore();
      await world.donate(1_000_000n * E6);
      if (by === "backstop") await world.asQueue("setBackstop", accomplice.id);
      await world.publish(marketAt(75_000n));
      const lot = closeOutOf({ before: debtor.state }, world.offering(LEVELS.closeOut));
      const lacks = -worthOf(debtor.state);
      const open = await world.start(debtor, lot);
      await world.advance(TERMS.auctionDuration - (by === "backstop" ? 0n : 1n));
      await world.take(debtor, accomplice, open, undefined, by === "backstop" ? 0n : LEVELS.initial);
      const paid = 1_000_000n * E6 - (await world.funds());
      expect(paid <= lacks + leftBy(lot)).equal(true);
      last.push(paid);
      expect(pricesOf(lot, TERMS).lastPrice > 0n).equal(true);
    }
    expect(last[1]! - last[0]!).within(0n, E6);
  });

  it("bounds hold for random accounts, prices and times, and nobody honest pays", async () => {
    let [insolvent, solvent] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 73_000, max: 87_000 }),
        fc.integer({ min: 0, max: 1199 }),
        fc.boolean(),
        async (price, elapsed, withCost) => {
          await restore();
          await world.donate(10_000_000n * E6);
          await world.publish(marketAt(BigInt(price)));
          if (world.isAtLeast(debtor.state, LEVELS.liquidation)) return;
          const whole = !world.isAtLeast(debtor.state, LEVELS.closeOut);
          const offering = world.offering(whole ? LEVELS.closeOut : LEVELS.liquidation, { withCost });
          const lot = (whole ? closeOutOf : sliceOf)({ before: debtor.state }, offering);
          const before = worthOf(debtor.state);
          const others = worthOf(accomplice.state);
          const open = await world.start(debtor, lot, house.id);
          await world.advance(BigInt(elapsed));
          const paid = await world.take(debtor, accomplice, open);
          const fromFund = 10_000_000n * E6 - (await world.funds());
          const credits = (await world.credit(debtor.id)) + (await world.credit(house.id));
          const gained = worthOf(accomplice.state) - others;
          expect(gained <= leftBy(lot)).equal(true);
          expect(fromFund).equal(
            lot.debt > lot.terms.size + lot.terms.tolerance && lot.debt > paid ? lot.debt - paid : 0n,
          );
          // What the accomplice gained, the account and the fund have lost, and nobody else.
          expect(before - worthOf(debtor.state) - credits + fromFund).within(gained - 1n, gained + 1n);
          if (before >= 0n) {
            expect(fromFund).equal(0n);
            solvent++;
          } else {
            expect(fromFund <= leftBy(lot) - before).equal(true);
            insolvent++;
          }
        },
      ),
      { numRuns: 14, seed: 20 },
    );
    expect(Math.min(insolvent, solvent)).greaterThan(1);
  });

  it("V19: a gap of 30% and accounts of ten kinds called at once: who can survives, the fund loses what the model says", async () => {
    const other = await LotWorld.create();
    const indices = Array.from({ length: 10 }, (_, index) => index);
    const { rows, fund, modelLoss } = await stress(other, indices, 10, "model");
    expect(new Set(rows.map(({ outcome }) => outcome)).size).equal(5);
    expect(modelLoss > 0n && fund.before - fund.after === modelLoss).equal(true);
  });

  it("N05: the backstop pays what is asked, and nobody more than the first price: no loan at level zero leaves as a price", async () => {
    const backstop = await world.member(world.signers[8]!, 0n, 40n * E8);
    await world.asQueue("setBackstop", backstop.id);
    await world.publish(marketAt(86_000n));
    const open = await world.start(debtor, sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation)));
    const dear = await world.taking(accomplice, open, open.lot.firstPrice + 1n);
    const take = (step: object, price: bigint) => world.liquidation.take!(open.lot, open.blob, step, price);
    await refuses(take(dear.step, open.lot.firstPrice + 1n), "PriceTooHigh");
    await world.advance(TERMS.auctionDuration);
    const asked = await world.priceOf(open);
    const more = await world.taking(backstop, open, asked + 1n, 0n);
    await refuses(take(more.step, asked + 1n), "PriceTooHigh");
    expect(await world.take(debtor, backstop, open, asked, 0n)).equal(asked);
  });

  it("N07: after a slice, values older than the lot's do not make the account healthy", async () => {
    const before = world.market;
    await world.publish(marketAt(86_000n));
    const open = await world.start(debtor, sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation)));
    await world.take(debtor, accomplice, open);
    await call(world.source, "setGrace", true);
    const { market, epoch } = world;
    Object.assign(world, { market: before, epoch: epoch - 1n });
    const ready = await world.step({ action: "Attest", level: LEVELS.call }, debtor, {}, { level: LEVELS.call });
    Object.assign(world, { market, epoch });
    await call(world.gate, "attest", ready.step, LEVELS.call);
    expect(await world.stage(debtor)).equal(STAGE.called);
  });

  it("N08: what failed before an account was healthy does not count when it is called again", async () => {
    for (let failure = 0; failure < 2; failure++) {
      await world.publish(marketAt(86_000n));
      const open = await world.start(debtor, sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation)));
      await world.advance(TERMS.auctionDuration + TERMS.voidDelay);
      await call(world.liquidation, "void", open.lot);
      expect(await world.liquidation.capOf!(debtor.id)).equal(TERMS.maxSlice / 2n);
      await world.publish(marketAt(100_000n));
      await world.attest(debtor, LEVELS.call);
    }
    await world.advance(1n);
    await world.publish(marketAt(88_000n));
    await world.flag(debtor, LEVELS.call);
    expect(await world.liquidation.capOf!(debtor.id)).equal(TERMS.maxSlice);
  });

  it("N09: a cure absorbs and pays nothing out: an amount that would be negative is refused", async () => {
    await world.publish(marketAt(86_000n));
    const open = await world.start(debtor, sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation)));
    await world.publish(marketAt(100_000n));
    const lots = -1_000n * E6;
    const units = (1n << 256n) + lots;
    const given = { id: open.id, level: LEVELS.call, absorbed: { asset: Number(CASH), lots, units } };
    const cured = await cureLot(world.venue, debtor, given, world.published, { deadline: LATE, signer: debtor.owner });
    await refuses(world.liquidation.cure!(open.lot, cured.step, CASH, units), "AmountTooLarge", world.gate);
  });

  it("N10: a reward is a twentieth of the price at most, of the smallest slice too", async () => {
    await world.setTerms({ ...TERMS, maxSlice: 60n * E6 });
    await world.publish(marketAt(86_000n));
    const lot = sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation));
    const paid = await world.take(debtor, accomplice, await world.start(debtor, lot, house.id));
    expect(await world.credit(house.id)).equal(paid / 20n);
    expect(await world.credit(debtor.id)).equal(paid - paid / 20n);
  });

  it("N13: nobody is held off an auction: a bidder under a hold takes at the initial level", async () => {
    await world.publish(marketAt(86_000n));
    const open = await world.start(debtor, sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation)));
    await call(world.exchange, "hold", accomplice.id);
    await world.take(debtor, accomplice, open);
    expect(await world.stage(debtor)).equal(STAGE.called);
  });

  it("N16: a cure by the epoch before, within its grace, does not end a hold: the next evidence lands", async () => {
    await world.publish(marketAt(86_000n));
    await call(world.exchange, "hold", debtor.id);
    const { published } = world;
    const open = await world.start(debtor, sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation)));
    const paid = 60_000n * E6;
    await world.deposit(debtor, CASH, paid);
    const absorbed = { asset: Number(CASH), lots: paid, units: paid };
    const given = { id: open.id, level: LEVELS.call, absorbed };
    // Made while it was true.
    const cured = await cureLot(world.venue, debtor, given, published, { deadline: LATE, signer: debtor.owner });
    await world.publish(marketAt(78_000n));
    await call(world.source, "setGrace", true);
    await call(world.liquidation, "cure", open.lot, cured.step, CASH, paid);
    debtor.state = cured.after;
    expect(await world.stage(debtor)).equal(STAGE.healthy);
    // Free of the hold it could step in every block, and be at no time in the state that evidence is about.
    expect(world.isAtLeast(debtor.state, LEVELS.closeOut)).equal(true);
    await refuses(world.attest(debtor, LEVELS.closeOut), "AccountHeld", world.gate);
    await world.start(debtor, sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation)));
  });

  it("N16: who cured under a hold ends it by the standing epoch, as ever", async () => {
    await world.publish(marketAt(86_000n));
    await call(world.exchange, "hold", debtor.id);
    const open = await world.start(debtor, sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation)));
    await world.deposit(debtor, CASH, 200_000n * E6);
    await world.cure(debtor, open, { asset: CASH, lots: 200_000n * E6 });
    await refuses(world.attest(debtor, LEVELS.closeOut), "AccountHeld", world.gate);
    await world.attest(debtor, LEVELS.call);
    await world.attest(debtor, LEVELS.closeOut);
  });

  it("N15: an account that opened unseen while the operator was silent could take lots in the dark: none opens", async () => {
    const owner = world.signers[8]!;
    const gate = world.gate.connect(owner) as Contract;
    await world.chain.networkHelpers.time.increase(86_401);
    const dark: Member = { id: 0n, state: genesis("board-60"), owner };
    const args = { owner: owner.address, agent: `0x${"0".repeat(40)}` };
    const viewingKey = { openWithViewingKey: 4_242n as FieldElement };
    const asked = { level: EXIT_LEVEL as bigint, exit: true };
    const opened = await world.step({ action: "Open", ...args }, dark, viewingKey, asked);
    await refuses(gate.open!(args, opened.step, "0x"), "OperatorMissing", world.exchange);
    // With it: whoever has taken a lot owes 131,266 after a fall, and has what everybody else would be paid from. With an account
    // that the operator was shown it is sold in time.
    await call(world.gate, "open", args, opened.step, "0x");
    [dark.id, dark.state] = [await world.gate.accounts!(), opened.after];
    await world.payIn(dark, CASH, 300_000n * E6);
    await world.publish(marketAt(81_000n));
    const open = await world.start(debtor, closeOutOf({ before: debtor.state }, world.offering(LEVELS.closeOut)));
    await world.take(debtor, dark, open);
    expect(dark.state.positions[0]).equal(10_000n);
    await world.publish(marketAt(40_000n));
    expect(worthOf(dark.state) / E6).equal(-131_266n);
    await world.start(dark, closeOutOf({ before: dark.state }, world.offering(LEVELS.closeOut)));
  });

  it("trades cannot hide what a lot is of: while it is out its account does not trade", async () => {
    await world.publish(marketAt(86_000n));
    await world.start(debtor, sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation)));
    await world.publish(marketAt(100_000n));
    await refuses(world.trade(debtor, house, fillOf({ 0: -1n }, 100n * E6)), "StageWrong", world.gate);
  });
});
