// SPDX-License-Identifier: GPL-3.0-or-later
// Lots: who may start them and when, how their auctions run, and every way they end. Under simulated keys that prove what
// is true by the integer model, unless a test says that they lie.

import { expect } from "chai";
import type { Contract } from "ethers";
import {
  closeOutOf,
  type Lot,
  lotBetween,
  type Offering,
  priceAt,
  pricesOf,
  sliceOf,
} from "../../prover/src/chain/lots.ts";
import { openState } from "../../prover/src/chain/sealed-state.ts";
import { commitFill, commitState } from "../../prover/src/model/commit.ts";
import {
  BTC,
  CASH,
  call,
  E6,
  E8,
  fillOf,
  LEVELS,
  type LotWorld,
  type Member,
  marketAt,
  modelProver,
  type OpenLot,
  peopled,
  SIZE,
  STAGE,
  TERMS,
} from "./lot-world.ts";

describe("liquidation", function () {
  this.timeout(300_000);
  let world: LotWorld;
  /** On the other side of every position. */
  let house: Member;
  let bidder: Member;
  /** Long 10,000 lots (10 bitcoin) on 200,000 of cash and half a bitcoin. */
  let debtor: Member;
  let restore: () => Promise<void>;

  before(async () => {
    ({ world, house, bidder, debtor, restore } = await peopled());
  });
  beforeEach(() => restore());

  const slice = (given: Partial<Offering> = {}, evidence = LEVELS.liquidation) =>
    sliceOf({ before: debtor.state }, world.offering(evidence, given));
  const closeOut = (given: Partial<Offering> = {}) =>
    closeOutOf({ before: debtor.state }, world.offering(LEVELS.closeOut, given));
  const made = (lot: Lot, options = {}) => world.made(debtor, lot, { beneficiary: house.id, ...options });
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
  /** At 86,000 coverage is below the liquidation level, at 81,500 below the close-out level. */
  const fall = (price = 86_000n) => world.publish(marketAt(price));
  const sliced = async () => {
    await fall();
    return world.start(debtor, slice(), house.id);
  };
  const takeAt = (open: OpenLot, price?: bigint) => world.take(debtor, bidder, open, price);

  describe("a slice", () => {
    it("leaves the account as it was until it is taken; then it has the state after, and the price as credit", async () => {
      await fall();
      const lot = slice();
      const before = commitState(debtor.state);
      const open = await world.start(debtor, lot, house.id);
      expect(await world.stage(debtor)).equal(STAGE.liquidating);
      expect((await world.gate.accountOf!(debtor.id)).state).equal(before);
      const price = await takeAt(open);
      expect(price).equal(pricesOf(lot, world.terms).firstPrice);
      expect((await world.gate.accountOf!(debtor.id)).state).equal(commitState(open.after));
      expect(await world.stage(debtor)).equal(STAGE.called);
      expect(await world.credit(debtor.id)).equal(price - TERMS.reward);
      expect(await world.credit(house.id)).equal(TERMS.reward);
      await world.absorb(debtor, CASH, price - TERMS.reward);
      await world.attest(debtor, LEVELS.call);
      expect(await world.stage(debtor)).equal(STAGE.healthy);
      expect(house.state.positions[0]! + bidder.state.positions[0]! + debtor.state.positions[0]!).equal(0n);
    });

    it("starts above what it is worth, falls fast and then slow, and ends where the bidder keeps cost and discount", async () => {
      await fall();
      const lot = slice();
      const prices = pricesOf(lot, world.terms);
      const open = await world.start(debtor, lot);
      const worth = lot.appraisal.worth / 10n ** 14n;
      let last = (1n << 62n) - 1n;
      const drops: bigint[] = [];
      for (const elapsed of [0n, 300n, 600n, 900n, 1199n]) {
        const price = await world.priceOf(open);
        expect(price).equal(priceAt(prices, TERMS.auctionDuration, elapsed));
        drops.push(last - price);
        last = price;
        await world.advance([300n, 300n, 300n, 299n, 1n][drops.length - 1]!);
      }
      expect(prices.firstPrice > worth).equal(true);
      expect(drops.slice(2).every((drop, index) => drop < drops[index + 1]!)).equal(true);
      expect(await world.priceOf(open)).equal(prices.lastPrice);
      // The bidder keeps the whole discount on the margin freed, and of the rest, which is the haircut of collateral, a twentieth.
      const cost = lot.appraisal.cost / 10n ** 14n;
      expect(cost - lot.cost <= 1n && lot.cost <= cost).equal(true);
      expect(worth - prices.lastPrice).within(cost + (worth - cost) / 20n - 3n, cost + (worth - cost) / 20n + 3n);
    });

    it("without its cost the auction ends at the size less the discount: one proof, and no more to be had", async () => {
      await fall();
      const lot = slice({ withCost: false });
      expect(lot.cost).equal(0n);
      const started = await made(lot);
      expect(started.appraisals).deep.equal([]);
      const open = await world.start(debtor, lot);
      await world.advance(TERMS.auctionDuration);
      expect(await world.priceOf(open)).equal((lot.terms.size * 95n + 99n) / 100n);
    });

    it("V18: above the cap is refused, and so is one below the dust", async () => {
      await fall();
      const lot = slice();
      for (const terms of [{ maxSlice: lot.terms.size - 1n }, { dust: lot.terms.size + 1n }]) {
        await world.setTerms({ ...TERMS, ...terms });
        await refuses(world.startOf(await made(lot)), "SizeRefused");
      }
      await world.setTerms({ ...TERMS, maxSlice: lot.terms.size, dust: lot.terms.size });
      await world.startOf(await made(lot));
    });

    it("is as large as the cap lets it be where that does not bring the account back", async () => {
      await fall();
      const whole = slice();
      const half = slice({ terms: { ...world.terms, maxSlice: whole.terms.size / 2n } });
      expect(half.terms.size <= whole.terms.size / 2n && half.terms.size > whole.terms.size / 3n).equal(true);
      expect(world.isAtLeast(half.appraisal.after, LEVELS.call)).equal(false);
      await world.startOf(await made(half));
    });

    it("pays the reward out of the price, a twentieth at most, and none to the account itself", async () => {
      await world.setTerms({ ...TERMS, reward: 10n ** 12n });
      const price = await takeAt(await sliced());
      expect([await world.credit(house.id), await world.credit(debtor.id)]).deep.equal([
        price / 20n,
        price - price / 20n,
      ]);
      await restore();
      await fall();
      const paid = await takeAt(await world.start(debtor, slice()));
      expect(await world.credit(debtor.id)).equal(paid);
    });

    it("counts in millionths whatever the decimals of the cash token", async () => {
      const other = await peopled({ cashDecimals: 18 });
      await other.world.publish(marketAt(86_000n));
      const lot = sliceOf({ before: other.debtor.state }, other.world.offering(LEVELS.liquidation));
      const open = await other.world.start(other.debtor, lot);
      const price = await other.world.take(other.debtor, other.bidder, open);
      expect(price).equal(pricesOf(lot, TERMS).firstPrice);
      expect(await other.world.gate.creditOf!(other.debtor.id, CASH)).equal(price * 10n ** 12n);
    });
  });

  describe("evidence", () => {
    it("V17: a level above the policy's is refused, by kind of lot", async () => {
      await fall(88_000n);
      await refuses(world.startOf(await made(slice({}, LEVELS.call))), "EvidenceRefused");
      const dear = closeOutOf({ before: debtor.state }, world.offering(LEVELS.call));
      await refuses(world.startOf(await made(dear)), "EvidenceRefused");
    });

    it("V17: of an older epoch or a superseded policy is refused", async () => {
      await fall();
      const started = await made(slice());
      await fall(86_001n);
      await refuses(world.startOf(started), "EpochNotStanding", world.gate);
      await restore();
      await fall();
      const late = await made(slice());
      await refuses(world.startOf({ ...late, step: { ...late.step, policyId: 2n } }), "PolicySuperseded", world.gate);
    });

    it("V17: is not taken of an incomplete or halted epoch", async () => {
      await fall();
      const started = await made(slice());
      await call(world.source, "setUsable", true, false);
      await refuses(world.startOf(started), "EpochIncomplete", world.source);
      await call(world.source, "setUsable", false, true);
      await refuses(world.startOf(started), "EpochHalted", world.source);
    });

    it("V16: a missed attestation counts when the board's clock has run, not when time has passed", async () => {
      await fall(88_000n);
      const lot = () => slice({}, LEVELS.call);
      await world.chain.networkHelpers.time.increase(2n * TERMS.attestInterval);
      await refuses(world.startOf(await made(lot())), "EvidenceRefused");
      await world.advance(TERMS.attestInterval);
      await refuses(world.startOf(await made(lot())), "EvidenceRefused");
      await world.advance(1n);
      await world.startOf(await made(lot()));
    });

    it("V16: so does a cure period, once the account is called", async () => {
      await fall(88_000n);
      await world.flag(debtor, LEVELS.call);
      await world.advance(TERMS.curePeriod);
      await refuses(world.startOf(await made(slice({}, LEVELS.call))), "EvidenceRefused");
      await world.advance(1n);
      await world.startOf(await made(slice({}, LEVELS.call)));
    });

    it("V16: a missed deadline sells nothing of an account that has the call level", async () => {
      await fall(95_000n);
      await world.advance(TERMS.attestInterval + 1n);
      await untrue(() => slice({}, LEVELS.call));
    });

    it("is of the account as it stands: after its owner's step a lot's proof is of a state that is past", async () => {
      await fall();
      const started = await made(slice());
      await world.attest(debtor, LEVELS.closeOut);
      await refuses(world.startOf(started), "StateSuperseded", world.gate);
    });

    it("is not of an account that has unwound: it has nothing to sell, and never will", async () => {
      const [one, other] = [await world.member(world.signers[5]!, E6), await world.member(world.signers[8]!, E6)];
      await world.chain.networkHelpers.time.increase(86_401n);
      await world.unwind(one, other, fillOf({}, 1n));
      await fall();
      const { step, ...started } = await made(slice());
      const retired = { ...step, account: one.id, stateBefore: commitState(one.state) };
      await refuses(world.startOf({ ...started, step: retired }), "AccountRetired", world.gate);
      expect(await world.stage(one)).equal(STAGE.healthy);
    });

    it("waits for a settlement that the account has to pass", async () => {
      await fall();
      const started = await made(slice());
      await call(world.source, "settle");
      await refuses(world.startOf(started), "SettlementPending", world.gate);
    });
  });

  describe("what a start proves", () => {
    it("is of this lot, these terms, this account and this chain: any other word in its place is refused", async () => {
      await fall();
      const started = await made(slice());
      const { offer } = started;
      const changes = { size: offer.size - 1n, evidence: offer.evidence - 1n, fill: offer.fill + 1n, beneficiary: 0n };
      for (const [name, value] of Object.entries(changes)) {
        const other = { ...started, offer: { ...offer, [name]: value } };
        await refuses(world.startOf(other), "ProofInvalid", world.verifiers.lot);
      }
      await refuses(world.startOf({ ...started, opening: "0x01" }), "ProofInvalid", world.verifiers.lot);
      const cheaper = { ...started, offer: { ...offer, cost: 0n }, appraisals: [] };
      await refuses(world.startOf(cheaper), "ProofInvalid", world.verifiers.lot);
      await refuses(
        world.startOf({ ...started, step: { ...started.step, stateAfter: 5n } }),
        "ProofInvalid",
        world.verifiers.lot,
      );
      expect(await world.liquidation.startDigest!(started.step, offer, "0x")).not.equal(
        await world.liquidation.startDigest!(started.step, offer, "0x01"),
      );
      await world.startOf(started);
    });

    it("shows the cost and the debt that it says: none may be missing, none added, none higher than is true", async () => {
      await fall(81_500n);
      const started = await made(closeOut());
      expect(started.appraisals.length).equal(2);
      for (const appraisals of [[], started.appraisals.slice(1), [...started.appraisals, started.appraisals[0]!]]) {
        await refuses(world.startOf({ ...started, appraisals }), "AppraisalsMissing");
      }
      const swapped = { ...started, appraisals: started.appraisals.toReversed() };
      await refuses(world.startOf(swapped), "ProofInvalid", world.verifiers.account);
      const lot = closeOut();
      await untrue(() => world.made(debtor, { ...lot, cost: lot.cost + 1n }));
      await fall();
      const sold = await made(slice());
      await refuses(world.startOf({ ...sold, offer: { ...sold.offer, debt: 1n } }), "DebtRefused");
    });

    it("whoever can prove anything sells no lot, and claims no debt, that a price cannot pay", async () => {
      await fall(81_500n);
      const honest = await made(closeOut());
      const beyond = { ...honest.offer, debt: 1n << 63n };
      await refuses(world.startOf({ ...honest, offer: beyond }), "DebtRefused");
      Object.assign(world, { venue: { ...world.venue, prover: modelProver(world.keys!, true) } });
      const lot = closeOut();
      // The first price is a tenth and the tolerance above the size.
      for (const [size, fits] of [
        [(1n << 63n) - 1n, false],
        [((1n << 63n) * 10n) / 12n, true],
      ] as const) {
        const started = await made({ ...lot, terms: { ...lot.terms, size, tolerance: size / 100n + 1n } });
        if (fits) await world.startOf(started);
        else await refuses(world.startOf(started), "SizeRefused");
      }
    });

    it("V07: is nothing where the verifier answers with another word than its selector", async () => {
      await fall();
      const started = await made(slice({ withCost: false }));
      const other = await world.chain.ethers.deployContract("Answerer", [32]);
      await call(world.source, "setLots", other, { x: 1n, y: 2n });
      await refuses(world.startOf(started), "VerifierRefused", world.gate);
      // Nor where the lot is proven and its cost is not.
      const zero = await world.chain.ethers.provider.getCode(other);
      await restore();
      await fall();
      const costly = await made(slice());
      const { account } = world.verifiers;
      await world.chain.networkHelpers.setCode(await account.getAddress(), zero);
      await refuses(world.startOf(costly), "VerifierRefused", world.gate).withArgs(await account.getAddress());
      expect(await world.stage(debtor)).equal(STAGE.healthy);
    });

    it("the reward goes to an account that there is, or to the fund", async () => {
      await fall();
      await refuses(world.startOf(await made(slice(), { beneficiary: 99n })), "AccountUnknown", world.gate);
      const open = await world.start(debtor, slice(), 0n);
      await takeAt(open);
      expect(await world.funds()).equal(TERMS.reward);
    });
  });

  describe("who may start one", () => {
    it("the operator, whoever carries its signature, and nobody else while it is there", async () => {
      await fall();
      const stranger = world.signers[9]!;
      await refuses(world.startOf(await made(slice()), stranger), "OperatorMissing", world.exchange);
      await refuses(world.startOf(await made(slice()), debtor.owner), "OperatorMissing", world.exchange);
      await refuses(
        world.startOf(await made(slice(), { operator: stranger }), stranger),
        "OperatorMissing",
        world.exchange,
      );
      await world.startOf(await made(slice(), { operator: world.operator }), stranger);
    });

    it("anyone who can prove, once the operator has been silent for too long", async () => {
      await fall();
      await world.chain.networkHelpers.time.increase(86_401n);
      await world.startOf(await made(slice()), world.signers[9]!);
    });

    it("one lot of an account at a time", async () => {
      await fall();
      const started = await made(slice());
      await world.startOf(started);
      await refuses(world.startOf(started), "LotOpen");
    });

    it("not after its deadline", async () => {
      await fall();
      await refuses(world.startOf(await made(slice(), { deadline: 1n })), "DeadlinePassed", world.gate);
    });
  });

  describe("while a lot is out", () => {
    it("V18: the account takes no step at all, its state stands still, and what is paid in waits", async () => {
      await sliced();
      await world.deposit(debtor, CASH, E6);
      for (const work of [() => world.absorb(debtor, CASH, E6), () => world.attest(debtor, LEVELS.closeOut)]) {
        await refuses(work(), "StageWrong", world.gate);
      }
      await fall(100_000n);
      await refuses(world.withdraw(debtor, CASH, E6), "StageWrong", world.gate);
      await refuses(world.trade(debtor, house, fillOf({ 0: -1n }, 100n * E6)), "StageWrong", world.gate);
      expect(await world.credit(debtor.id)).equal(E6);
    });

    it("the account does not bid for another's lot, nor for its own", async () => {
      const open = await sliced();
      const own = await world.taking({ ...bidder, id: debtor.id }, open, 0n, 0n);
      await refuses(world.liquidation.take!(open.lot, open.blob, own.step, open.lot.firstPrice), "BidderRefused");
    });

    it("a settlement makes the lot void at once: nobody takes it, and then the account can pass", async () => {
      const open = await sliced();
      const taken = await world.taking(bidder, open, await world.priceOf(open));
      await call(world.source, "settle");
      await refuses(
        world.liquidation.take!(open.lot, open.blob, taken.step, await world.priceOf(open)),
        "LotSuperseded",
      );
      await call(world.liquidation, "void", open.lot);
      expect(await world.stage(debtor)).equal(STAGE.called);
      expect(await world.liquidation.capOf!(debtor.id)).equal(TERMS.maxSlice);
    });
  });

  describe("taking", () => {
    it("V18: a bidder below the initial level after it is refused", async () => {
      const open = await sliced();
      const poor = await world.member(world.signers[5]!, 10_000n * E6);
      await untrue(async () => world.taking(poor, open, await world.priceOf(open)));
    });

    it("V18: a lot taken once is not taken again, nor cured, nor void", async () => {
      const open = await sliced();
      const price = await world.priceOf(open);
      const again = await world.taking(bidder, open, price);
      await takeAt(open);
      await refuses(world.liquidation.take!(open.lot, open.blob, again.step, price), "LotUnknown");
      await refuses(world.liquidation.void!(open.lot), "LotUnknown");
      await refuses(world.liquidation.cure!(open.lot, again.step, 0n, 0n), "LotUnknown");
    });

    it("nobody bids who is called, though it had the initial level after it", async () => {
      const open = await sliced();
      const price = await world.priceOf(open);
      const taken = await world.taking(bidder, open, price);
      const asDesk = world.gate.connect(await world.impersonated(world.liquidation)) as Contract;
      await call(asDesk, "setStage", bidder.id, STAGE.called, 0n);
      await refuses(world.liquidation.take!(open.lot, open.blob, taken.step, price), "StageWrong", world.gate);
      expect([await world.stage(debtor), await world.credit(debtor.id)]).deep.equal([STAGE.liquidating, 0n]);
      await call(asDesk, "setStage", bidder.id, STAGE.healthy, 0n);
      await takeAt(open, price);
    });

    it("a price below the one asked is refused, and one that no account can pay", async () => {
      const open = await sliced();
      const asked = await world.priceOf(open);
      const low = await world.taking(bidder, open, asked - 1n);
      await refuses(world.liquidation.take!(open.lot, open.blob, low.step, asked - 1n), "PriceTooLow");
      await refuses(world.liquidation.take!(open.lot, open.blob, low.step, 1n << 63n), "PriceTooHigh");
      await world.advance(100n);
      await refuses(world.liquidation.take!(open.lot, open.blob, low.step, asked + 1n), "PriceTooHigh");
      await takeAt(open, asked);
    });

    it("a bid without the bidder's signature is refused, and so is another state after", async () => {
      const open = await sliced();
      const price = await world.priceOf(open);
      const taken = await world.taking(bidder, open, price);
      const unsigned = { ...taken.step, signature: "0x" };
      await refuses(world.liquidation.take!(open.lot, open.blob, unsigned, price), "NotAuthorised", world.gate);
      await refuses(world.liquidation.take!(open.lot, "0x00", taken.step, price), "BlobDiffers");
    });

    it("a bid is for one auction: of the next one of the same lot it is not", async () => {
      const open = await sliced();
      const price = await world.priceOf(open);
      const bid = await world.taking(bidder, open, price);
      await world.advance(TERMS.auctionDuration + TERMS.voidDelay);
      await call(world.liquidation, "void", open.lot);
      const next = await world.start(debtor, slice({ terms: { ...world.terms, maxSlice: TERMS.maxSlice / 2n } }));
      expect(commitFill(next.fill)).equal(commitFill(open.fill));
      await refuses(world.liquidation.take!(open.lot, open.blob, bid.step, price), "LotUnknown");
      await refuses(world.liquidation.take!(next.lot, next.blob, bid.step, price), "NotAuthorised", world.gate);
    });

    it("stops while the market is not usable, and when the auction has ended", async () => {
      const open = await sliced();
      const price = await world.priceOf(open);
      const taken = await world.taking(bidder, open, price);
      const take = () => world.liquidation.take!(open.lot, open.blob, taken.step, price);
      await call(world.source, "setUsable", false, true);
      await refuses(take(), "EpochHalted", world.source);
      await call(world.source, "setUsable", true, true);
      await world.advance(TERMS.auctionDuration);
      await refuses(take(), "AuctionEnded");
    });

    it("G05: is of the standing epoch alone, under the policy in force, as all new risk is", async () => {
      const open = await sliced();
      const price = await world.priceOf(open);
      const taken = await world.taking(bidder, open, price);
      await call(world.source, "setGrace", true);
      await fall(85_000n);
      await refuses(world.liquidation.take!(open.lot, open.blob, taken.step, price), "EpochNotStanding", world.gate);
      await call(world.source, "setInForce", 2n);
      await refuses(
        world.liquidation.take!(open.lot, open.blob, taken.step, price),
        "EpochOfFormerPolicy",
        world.source,
      );
    });
  });

  describe("curing", () => {
    it("needs the call level of the account before, at any time before the lot is taken or void", async () => {
      const open = await sliced();
      await world.advance(TERMS.auctionDuration + 1n);
      await untrue(() => world.cure(debtor, open));
      await fall(95_000n);
      await world.cure(debtor, open);
      expect(await world.stage(debtor)).equal(STAGE.healthy);
      expect(await world.liquidation.auctionOf!(debtor.id)).equal(`0x${"0".repeat(64)}`);
    });

    it("takes a payment that came in the meantime with it", async () => {
      const open = await sliced();
      await world.deposit(debtor, CASH, 50_000n * E6);
      await world.cure(debtor, open, { asset: CASH, lots: 50_000n * E6 });
      expect(await world.stage(debtor)).equal(STAGE.healthy);
      expect(await world.credit(debtor.id)).equal(0n);
    });

    it("needs the owner, of this account, by values not older than the lot's", async () => {
      await call(world.source, "setGrace", true);
      const early = { ...world.published };
      const open = await sliced();
      const thief = { ...debtor, owner: bidder.owner };
      await fall(95_000n);
      await refuses(world.cure(thief, open), "NotAuthorised", world.gate);
      const old = await world.taking(debtor, open, 0n);
      await refuses(world.liquidation.cure!(open.lot, { ...old.step, epoch: early.epoch }, 0n, 0n), "EpochSuperseded");
      await refuses(world.liquidation.cure!(open.lot, { ...old.step, account: bidder.id }, 0n, 0n), "LotUnknown");
    });
  });

  describe("a lot that nobody takes", () => {
    const over = (whole = TERMS.auctionDuration) => world.advance(whole + TERMS.voidDelay);

    it("is void after its auction and the delay: the account is as it was, and its next slice at most half the cap", async () => {
      const open = await sliced();
      await world.advance(TERMS.auctionDuration + TERMS.voidDelay - 1n);
      await refuses(world.liquidation.void!(open.lot), "AuctionRunning");
      await world.advance(1n);
      await call(world.liquidation.connect(world.signers[9]!), "void", open.lot);
      const account = await world.gate.accountOf!(debtor.id);
      expect([account.state, account.stage]).deep.equal([commitState(debtor.state), STAGE.called]);
      expect(await world.liquidation.capOf!(debtor.id)).equal(TERMS.maxSlice / 2n);
    });

    it("is no failure of a slice where it was a close-out", async () => {
      await fall(81_500n);
      const open = await world.start(debtor, closeOut());
      await over();
      await call(world.liquidation, "void", open.lot);
      expect(await world.liquidation.capOf!(debtor.id)).equal(TERMS.maxSlice);
      await world.start(debtor, closeOut());
    });

    it("V16: costs no attestation: none could be made while it was out", async () => {
      const open = await sliced();
      await world.advance(TERMS.attestInterval + 1n);
      await call(world.liquidation, "void", open.lot);
      expect(await world.exchange.attestationMissed!(debtor.id)).equal(false);
    });

    it("what failed is forgotten when the account is healthy again, or a slice of it is sold", async () => {
      const open = await sliced();
      await over();
      await call(world.liquidation, "void", open.lot);
      await takeAt(await world.start(debtor, slice()));
      expect(await world.liquidation.capOf!(debtor.id)).equal(TERMS.maxSlice);
    });

    it("is void without the clock after a stop that is longer than the policy lets one be", async () => {
      const open = await sliced();
      const whole = TERMS.auctionDuration + TERMS.voidDelay + TERMS.stopLimit;
      await call(world.source, "setUsable", false, false);
      await world.chain.networkHelpers.time.increase(whole - 10n);
      await refuses(world.liquidation.void!(open.lot), "AuctionRunning");
      await world.chain.networkHelpers.time.increase(10n);
      await call(world.liquidation, "void", open.lot);
      expect(await world.liquidation.capOf!(debtor.id)).equal(TERMS.maxSlice);
    });

    it("goes to the backstop for as long again, at the last price, with equity of zero or more", async () => {
      const backstop = await world.member(world.signers[6]!, 20_000n * E6);
      await world.asQueue("setBackstop", backstop.id);
      const open = await sliced();
      await world.advance(TERMS.auctionDuration);
      const price = await world.priceOf(open);
      const other = await world.taking(bidder, open, price, 0n);
      await refuses(world.liquidation.take!(open.lot, open.blob, other.step, price), "BidderRefused");
      await untrue(() => world.taking(backstop, open, price));
      await world.take(debtor, backstop, open, price, 0n);
      expect(await world.stage(debtor)).equal(STAGE.called);
      await restore();
      await world.asQueue("setBackstop", house.id);
      const late = await sliced();
      await world.advance(2n * TERMS.auctionDuration);
      const taken = await world.taking(house, late, price, 0n);
      await refuses(world.liquidation.take!(late.lot, late.blob, taken.step, price), "AuctionEnded");
      await refuses(world.liquidation.void!(late.lot), "AuctionRunning");
      await world.advance(TERMS.voidDelay);
      await call(world.liquidation, "void", late.lot);
    });

    it("only the queue names the backstop, an account that there is or none", async () => {
      await refuses(world.liquidation.setBackstop!(house.id), "NotQueue");
      await expect(world.asQueue("setBackstop", 99n)).to.be.revertedWithCustomError(world.gate, "AccountUnknown");
      await world.asQueue("setBackstop", house.id);
      expect(await world.liquidation.backstop!()).equal(house.id);
      await world.asQueue("setBackstop", 0n);
    });
  });

  describe("a close-out", () => {
    it("leaves an account without positions and debt, which its owner empties", async () => {
      await fall(81_500n);
      const lot = closeOut();
      expect(lot.debt).equal(0n);
      const open = await world.start(debtor, lot, house.id);
      const price = await takeAt(open);
      expect(await world.stage(debtor)).equal(STAGE.closed);
      await world.absorb(debtor, CASH, price - TERMS.reward);
      expect(debtor.state.positions.every((lots) => lots === 0n)).equal(true);
      expect(debtor.state.collateral.every((lots) => lots === 0n)).equal(true);
      await world.attest(debtor, LEVELS.call);
      await world.withdraw(debtor, CASH, debtor.state.cash);
      expect(debtor.state.cash).equal(0n);
    });

    it("of an insolvent account costs the fund what the price lacks of the debt, when it is taken and not before", async () => {
      await world.donate(1_000_000n * E6);
      await fall(75_000n);
      const lot = closeOut();
      expect(lot.debt > lot.terms.size + lot.terms.tolerance).equal(true);
      const open = await world.start(debtor, lot, house.id);
      expect(await world.funds()).equal(1_000_000n * E6);
      await world.advance(TERMS.auctionDuration / 2n);
      const price = await takeAt(open);
      expect(await world.funds()).equal(1_000_000n * E6 - (lot.debt - price));
      expect([await world.credit(debtor.id), await world.credit(house.id)]).deep.equal([lot.debt, 0n]);
      await world.absorb(debtor, CASH, lot.debt);
      expect(debtor.state.cash).equal(0n);
      expect((await world.gate.accountOf!(debtor.id)).owed).equal(lot.debt - price);
    });

    it("of an empty fund is a deficit", async () => {
      await fall(75_000n);
      const lot = closeOut();
      const price = await takeAt(await world.start(debtor, lot));
      expect(await world.funds()).equal(price - lot.debt);
    });

    it("of a debt alone is an empty lot of size zero, and no fund pays a debt twice", async () => {
      await world.donate(1_000_000n * E6);
      await fall(75_000n);
      const lot = closeOut();
      const open = await world.start(debtor, lot);
      await takeAt(open);
      // What the fund paid is the account's credit, which counts: it owes no second time.
      const again = closeOut();
      expect([again.terms.size, again.debt]).deep.equal([0n, lot.debt]);
      await refuses(world.startOf(await made(again)), "CreditMiscounted");
      const credit = await world.creditOf(debtor);
      await untrue(() => closeOutOf({ before: debtor.state, credit }, world.offering(LEVELS.closeOut)));
    });
  });

  describe("what the chain keeps", () => {
    it("V11: whoever has the viewing key finds the lot between two states of the chain, and the state after in its event", async () => {
      await world.deposit(debtor, BTC, E8 / 100n);
      await fall();
      const credit = await world.creditOf(debtor);
      const lot = sliceOf({ before: debtor.state, credit }, world.offering(LEVELS.liquidation));
      const open = await world.start(debtor, lot);
      const after = openState(open.blob, open.lot.stateAfter, SIZE, debtor.state.viewingKey)!;
      expect(after).deep.equal(open.after);
      const found = lotBetween(debtor.state, credit, after);
      expect(commitFill(found)).equal(open.lot.fill);
      await takeAt({ ...open, fill: found });
      expect(await world.gate.creditOf!(debtor.id, BTC)).equal(0n);
      const entered = await world.gate.queryFilter(world.gate.filters.Entered!(debtor.id));
      expect((entered.at(-1) as unknown as { args: { blob: string } }).args.blob).equal(open.blob);
    });

    it("is a hash: a lot that differs in one word from the one on auction is unknown", async () => {
      const open = await sliced();
      const names = ["lastPrice", "firstPrice", "end", "reward", "beneficiary", "debt", "stateAfter"] as const;
      for (const name of names) {
        await refuses(world.liquidation.priceOf!({ ...open.lot, [name]: open.lot[name] + 1n }), "LotUnknown");
      }
      await world.liquidation.priceOf!(open.lot);
    });
  });

  it("V12: whatever the prices and the time, cash is conserved and the price goes where it belongs", async () => {
    const total = async () => {
      const members = [house, bidder, debtor];
      const inside = members.reduce((sum, { state }) => sum + state.cash, 0n);
      const credits = await Promise.all(members.map(({ id }) => world.credit(id)));
      return inside + credits.reduce((sum, each) => sum + each) + (await world.funds());
    };
    for (const [price, elapsed] of [
      [86_000n, 0n],
      [83_000n, 600n],
      [81_000n, 30n],
      [79_500n, 1000n],
      [77_000n, 700n],
      [70_000n, 1199n],
    ] as const) {
      await restore();
      const before = await total();
      await fall(price);
      const lot = price > 82_000n ? slice() : closeOut();
      const open = await world.start(debtor, lot, house.id);
      await world.advance(elapsed);
      await takeAt(open);
      expect(await total(), `${price}`).equal(before);
      const custody = (await world.gate.custodyOf!(CASH)) as bigint;
      expect(custody, `${price}`).equal(before);
    }
  });
});
