// SPDX-License-Identifier: GPL-3.0-or-later
// Lots: who may start them and when, what they may cost whom, and every way they end. Under a simulated key that proves
// what is true by the integer model, unless a test says that it lies.

import { expect } from "chai";
import type { Result } from "ethers";
import fc from "fast-check";
import {
  type Appraisal,
  type AuctionTerms,
  claimsOf,
  closeOutOf,
  cureLot,
  holding,
  type Lot,
  lotBetween,
  type Offer,
  priceAt,
  returnLot,
  type StartedLot,
  sliceOf,
  startLot,
  takeLot,
} from "../../prover/src/chain/liquidation.ts";
import { openState } from "../../prover/src/chain/sealed-state.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitFill, commitState } from "../../prover/src/model/commit.ts";
import { evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { EXIT_LEVEL } from "../../prover/src/model/exit-market.ts";
import { applyTransition, type Fill, noFill } from "../../prover/src/model/transition.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { stress } from "../../scripts/stress.ts";
import {
  call,
  E6,
  E8,
  fillOf,
  LATE,
  LEVELS,
  LotWorld,
  liar,
  type Member,
  marketAt,
  POLICY,
  SIZE,
  TERMS,
} from "./lot-world.ts";

const STAGE = { healthy: 0n, called: 1n, liquidating: 2n, closed: 3n };
const CASH = 15n;
const level = (bps: bigint) => bps as LevelBps;
const blinding = 99n as FieldElement;
const least = (a: bigint, b: bigint) => (b < a ? b : a);
/** The account without the lot. */
const moved = (before: Account, fill: Fill, paid = 0n) =>
  applyTransition(before, { transfer: { asset: 15, amount: paid }, fill, side: -1n });

describe("liquidation", function () {
  this.timeout(300_000);
  let world: LotWorld;
  /** On the other side of every position. */
  let house: Member;
  let bidder: Member;
  /** Long 10,000 lots: 250,000 of cash and a margin of about 12% of the notional. */
  let debtor: Member;
  let fallen: ReturnType<typeof marketAt>;
  let restore: () => Promise<void>;

  before(async () => {
    world = await LotWorld.create();
    const at = (index: number) => world.signers[index]!;
    house = await world.member(at(1), 500_000_000n * E6);
    bidder = await world.member(at(2), 10_000_000n * E6);
    debtor = await world.member(at(3), 200_000n * E6, E8 / 2n);
    await world.trade(debtor, house, fillOf({ 0: 10_000n }, -10_000n * 100_000_000n));
    fallen = marketAt(84_500n);
    const members = [house, bidder, debtor].map((member) => [member, member.state] as const);
    const { prover } = world.venue;
    const { epoch, market, terms } = world;
    let snapshot = await world.chain.networkHelpers.takeSnapshot();
    restore = async () => {
      await snapshot.restore();
      snapshot = await world.chain.networkHelpers.takeSnapshot();
      for (const [member, state] of members) member.state = state;
      Object.assign(world, { epoch, market, terms, policyId: 1n, venue: { ...world.venue, prover } });
    };
  });
  beforeEach(() => restore());

  const slice = (terms: AuctionTerms = world.terms, allowed = LEVELS.liquidation, member = debtor) =>
    sliceOf(member.state, world.published, LEVELS, terms, level(allowed));
  const closeOut = (allowed = LEVELS.closeOut, member = debtor) =>
    closeOutOf(member.state, world.published, world.terms, level(allowed));
  const made = (lot: Lot, beneficiary = house.id, options: object = {}) =>
    startLot(world.venue, debtor, lot, world.published, world.judged, { deadline: LATE, beneficiary, ...options });
  const send = ({ step, offer, appraisals }: Pick<StartedLot, "step" | "offer" | "appraisals">, by = world.operator) =>
    (world.liquidation.connect(by) as typeof world.liquidation).start!(step, offer, appraisals, "0x");
  const refuses = (sent: Promise<unknown>, error: string, of = world.liquidation) =>
    expect(sent).to.be.revertedWithCustomError(of, error);
  const advance = (seconds: bigint) => call(world.source, "advance", seconds);
  const lie = () => Object.assign(world, { venue: { ...world.venue, prover: liar(world.key!) } });
  const code = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      return (error as { code?: string }).code;
    }
    return undefined;
  };
  const untrue = async (work: Promise<unknown>) =>
    expect(
      await work.then(
        () => "provable",
        (error) => error.code,
      ),
    ).to.equal("STATEMENT_FALSE");
  const taking = (lot: Lot, price: bigint, options: object = {}, by = bidder) =>
    takeLot(world.venue, by, { liquidated: debtor.id, fill: lot.fill, price, level: LEVELS.initial }, world.published, {
      deadline: LATE,
      signer: by.owner,
      ...options,
    });
  const credit = (account: bigint) => world.credit(account);
  const deficit = async () => (await world.gate.deficit!()) as bigint;

  /** At 84,500 the account has 93% of its margin. */
  const fall = () => world.publish(fallen);
  const sliced = async (lot = slice()) => {
    await world.start(debtor, lot, house.id);
    return lot;
  };

  describe("a slice", () => {
    it("brings the account back above the call level, and not above the initial one, even at the floor", async () => {
      await fall();
      expect(world.isAtLeast(debtor.state, LEVELS.liquidation)).to.equal(false);
      const lot = await sliced();
      expect(await world.stage(debtor)).to.equal(STAGE.liquidating);
      expect(world.isAtLeast(debtor.state, LEVELS.call)).to.equal(true);
      expect(world.isAtLeast(debtor.state, LEVELS.initial)).to.equal(false);
      const price = await world.take(debtor, bidder, lot.fill);
      expect(price).to.equal(priceAt(lot, world.terms, 0n));
      expect(await world.stage(debtor)).to.equal(STAGE.called);
      expect(await credit(debtor.id)).to.equal(price - TERMS.reward);
      expect(await credit(house.id)).to.equal(TERMS.reward);
      await world.absorb(debtor, CASH, price - TERMS.reward);
      await world.attest(debtor, LEVELS.call);
      expect(await world.stage(debtor)).to.equal(STAGE.healthy);
      const held = [debtor, bidder, house].map(({ state }) => state.positions[0]!);
      expect(held.reduce<bigint>((sum, lots) => sum + lots, 0n)).to.equal(0n);
    });

    it("gets cheaper on the board's clock, down to nothing above its floor", async () => {
      await fall();
      const lot = await sliced();
      for (const elapsed of [0n, 1n, 599n, 600n, 1199n]) {
        const undo = await world.chain.networkHelpers.takeSnapshot();
        await advance(elapsed);
        expect(await world.liquidation.priceOf!(debtor.id)).to.equal(priceAt(lot, world.terms, elapsed));
        await undo.restore();
      }
      await advance(1199n);
      const price = await world.take(debtor, bidder, lot.fill);
      expect(price).to.equal(priceAt(lot, world.terms, 1199n));
    });

    it("pays no reward to the account itself, and to nobody more than the price", async () => {
      await fall();
      const undo = await world.chain.networkHelpers.takeSnapshot();
      const before = debtor.state;
      const lot = slice();
      await world.start(debtor, lot, debtor.id);
      const price = await world.take(debtor, bidder, lot.fill);
      expect(await credit(debtor.id)).to.equal(price);
      await undo.restore();
      await restore();
      await fall();
      expect(debtor.state).to.equal(before);
      await world.setTerms({ ...world.terms, reward: 10n ** 15n });
      await sliced();
      await world.take(debtor, bidder, lot.fill);
      expect(await credit(debtor.id)).to.equal(0n);
      expect(await credit(house.id)).to.equal(price);
    });

    it("may be bid for at more than is asked", async () => {
      await fall();
      const lot = await sliced();
      await world.take(debtor, bidder, lot.fill, 10_000n * E6);
      expect(await credit(debtor.id)).to.equal(10_000n * E6 - TERMS.reward);
    });

    it("V18: above the policy's cap is refused, and so is one below the dust", async () => {
      await fall();
      const lot = slice();
      await world.setTerms({ ...world.terms, maxSlice: lot.size - 1n });
      await refuses(send(await made(lot)), "SizeRefused");
      await world.setTerms({ ...world.terms, maxSlice: lot.size, dust: lot.size });
      await refuses(lying({ ...lot, size: lot.size - 1n }).then(send), "SizeRefused");
      await send(await made(lot));
    });

    it("is as large as the cap lets it be where that does not bring the account back", async () => {
      await fall();
      const terms = { ...world.terms, maxSlice: slice().size / 4n };
      await world.setTerms(terms);
      const lot = await sliced(slice(terms));
      expect(lot.size <= terms.maxSlice && lot.size > (terms.maxSlice * 99n) / 100n).to.equal(true);
      expect(world.isAtLeast(debtor.state, LEVELS.call)).to.equal(false);
      await world.take(debtor, bidder, lot.fill);
      // And again, until it is back.
      const next = await sliced(slice(terms));
      await world.take(debtor, bidder, next.fill);
    });
  });

  describe("evidence", () => {
    it("V17: a level above the policy's is refused", async () => {
      await world.publish(marketAt(87_500n)); // between liquidation and call
      expect(code(() => slice())).to.equal("STATEMENT_FALSE");
      const lot = slice(world.terms, LEVELS.call - 1n);
      expect(lot.level > LEVELS.liquidation).to.equal(true);
      await refuses(send(await made(lot)), "LevelNotAllowed");
    });

    it("V17: a close-out above the close-out level is refused", async () => {
      await fall();
      await refuses(send(await made(closeOut(LEVELS.liquidation))), "LevelNotAllowed");
    });

    it("V17: of an older epoch is refused, within its grace too", async () => {
      await fall();
      const started = await made(slice());
      await world.publish(fallen);
      await call(world.source, "setGrace", true);
      await refuses(send(started), "EpochNotStanding", world.gate);
    });

    it("V17: under a superseded policy is refused", async () => {
      await fall();
      const started = await made(slice());
      world.epoch--;
      world.policyId++;
      await world.publish(fallen);
      await refuses(send(started), "PolicySuperseded", world.gate);
    });

    it("is not taken of an incomplete epoch", async () => {
      await world.publish(fallen, true, false);
      await refuses(send(await made(slice())), "EpochIncomplete", world.source);
    });

    it("is not taken of a halted epoch", async () => {
      await world.publish(fallen, false, false);
      await refuses(send(await made(slice())), "EpochHalted", world.source);
    });

    it("V16: a missed attestation counts when the board's clock has run, not when time has passed", async () => {
      await world.publish(marketAt(87_500n));
      const lot = slice(world.terms, LEVELS.call - 1n);
      await world.chain.networkHelpers.time.increase(Number(TERMS.attestInterval) * 3);
      await call(world.gate, "heartbeat");
      await refuses(send(await made(lot)), "LevelNotAllowed");
      await advance(TERMS.attestInterval);
      await refuses(send(await made(lot)), "LevelNotAllowed");
      await advance(1n);
      await send(await made(lot));
    });

    it("V16: so does a cure period, once the account is called", async () => {
      await world.publish(marketAt(87_500n));
      await world.flag(debtor, LEVELS.call);
      const lot = slice(world.terms, LEVELS.call - 1n);
      await advance(TERMS.curePeriod);
      await refuses(send(await made(lot)), "LevelNotAllowed");
      await advance(1n);
      await send(await made(lot));
    });

    it("V16: a missed deadline sells nothing of an account that has the call level", async () => {
      await advance(TERMS.attestInterval + 1n);
      expect(code(() => slice(world.terms, LEVELS.call - 1n))).to.equal("STATEMENT_FALSE");
      const lot = { ...slice0(), level: level(LEVELS.call) };
      await untrue(made(lot));
      await refuses(send(await lying({ ...lot, level: level(LEVELS.initial) })), "LevelNotAllowed");
    });

    it("changes when the account does: a step of its owner makes a lot's proofs of a state that is past", async () => {
      await fall();
      const started = await made(slice());
      await world.payIn(debtor, CASH, 1n);
      await refuses(send(started), "StateSuperseded", world.gate);
    });
  });

  /** A lot that nothing speaks for, of the healthy account. */
  const slice0 = (): Lot => {
    const fill = fillOf({ 0: 100n }, -100n * 100_000_000n);
    return {
      kind: "slice",
      fill,
      size: 10_000n * E6,
      writeOff: 0n,
      level: level(0n),
      after: moved(debtor.state, fill),
    };
  };
  const lying = (lot: Lot) => {
    lie();
    return made(lot);
  };

  describe("what is proven of a lot", () => {
    it("each statement is needed: a proof of any other one in its place is refused", async () => {
      await fall();
      const lot = slice();
      const good = await made(lot);
      for (const index of good.appraisals.keys()) {
        const appraisals = good.appraisals.map((one, at) =>
          at === index ? good.appraisals[(index + 1) % good.appraisals.length]! : one,
        );
        await refuses(send({ ...good, appraisals }), "ProofInvalid", world.verifier);
      }
      await send(good);
    });

    it("the reward goes to an account that there is, or to the fund", async () => {
      await fall();
      await refuses(send(await made(slice(), 1n << 200n)), "AccountUnknown", world.gate);
      const lot = slice();
      await world.start(debtor, lot, 0n);
      await world.take(debtor, bidder, lot.fill);
      expect(await credit(0n)).to.equal(TERMS.reward);
    });

    it("V07: is nothing where the verifier answers with another word than its selector", async () => {
      await fall();
      const started = await made(slice());
      const zero = await world.chain.ethers.provider.getCode(await world.chain.ethers.deployContract("Answerer", [32]));
      const at = await world.verifier.getAddress();
      await world.chain.networkHelpers.setCode(at, zero);
      await refuses(send(started), "VerifierRefused", world.gate).withArgs(at);
    });

    it("is bound to the context that the contract names, and the lot says under which terms it was made", async () => {
      await fall();
      const lot = slice();
      const contexts: bigint[] = [];
      const { prover } = world.venue;
      const recording: typeof prover = {
        prove(request, options) {
          contexts.push(request.context);
          return prover.prove(request, options);
        },
      };
      Object.assign(world, { venue: { ...world.venue, prover: recording } });
      const { step, offer, appraisals, after } = await made(lot);
      const context = (await world.liquidation.appraisalContext!(step, offer)) as bigint;
      expect(contexts.filter((each) => each === context).length).to.equal(appraisals.length);
      expect((await world.liquidation.lotOf!(debtor.id)).kind).to.equal(0n);
      await send({ step, offer, appraisals });
      debtor.state = after;
      const { auctionDuration, premiumBps, discountBps, reward } = TERMS;
      const terms = (premiumBps + discountBps) * lot.size;
      expect(((await world.liquidation.lotOf!(debtor.id)) as Result).toObject()).to.deep.equal({
        ...{ kind: 1n, board: 1n, epoch: 2n, duration: auctionDuration, settlements: 0n, size: lot.size, writeOff: 0n },
        ...{ fromFund: 0n, reward, fill: commitFill(lot.fill), firstPrice: (terms + 9_999n) / 10_000n, start: 0n },
        beneficiary: house.id,
      });
    });

    it("none may be missing, and none added", async () => {
      await fall();
      const good = await made(slice());
      await refuses(send({ ...good, appraisals: good.appraisals.slice(1) }), "AppraisalsMissing");
      await refuses(send({ ...good, appraisals: [...good.appraisals, good.appraisals[0]!] }), "AppraisalsMissing");
    });

    it("is of this lot, these terms and this epoch: appraisals of another are refused", async () => {
      await fall();
      const good = await made(slice());
      const other: Partial<Offer>[] = [
        { size: good.offer.size + 1n },
        { level: good.offer.level - 1n },
        { beneficiary: 1n + good.offer.beneficiary },
        { opening: "0x01" },
        { fill: good.offer.fill === 1n ? (2n as FieldElement) : (1n as FieldElement) },
      ];
      for (const change of other) {
        await refuses(send({ ...good, offer: { ...good.offer, ...change } }), "ProofInvalid", world.verifier);
      }
      await world.publish(fallen);
      const next = { ...good, step: { ...good.step, epoch: world.epoch } };
      await refuses(send(next), "ProofInvalid", world.verifier);
    });

    it("an appraisal opens no account, though it descends from the same genesis", async () => {
      await fall();
      const good = await made(slice());
      const { stateAfter, proof } = good.appraisals[1] as Appraisal;
      const step = { ...good.step, account: 0n, stateBefore: commitState(genesis(SIZE)), stateAfter, proof };
      const opening = { owner: world.operator.address, agent: `0x${"0".repeat(40)}`, board: 1n };
      await refuses(world.gate.open!(opening, step, "0x") as Promise<unknown>, "ProofInvalid", world.verifier);
    });

    it("a lot that costs more than the discount on its own margin has no proof", async () => {
      await fall();
      const lot = slice();
      const fill = { ...lot.fill, cash: lot.fill.cash + 1n };
      await untrue(made({ ...lot, fill, after: moved(debtor.state, fill) }));
    });

    it("nor has one that pays the account more than it is worth: its state would hold cash that nobody brings", async () => {
      await fall();
      const lot = slice();
      const { equity } = world.evaluation(holding(lot.fill));
      const paying = (more: bigint) => {
        const fill = { ...lot.fill, cash: lot.fill.cash - equity / 10n ** 14n - more };
        return { ...lot, fill, size: lot.size * 4n, after: moved(debtor.state, fill) };
      };
      expect(world.evaluation(holding(paying(2n).fill)).equity < -(10n ** 14n)).to.equal(true);
      await untrue(made(paying(2n)));
      await send(await made(paying(1n)));
    });

    it("nor has one whose margin is above its size", async () => {
      await fall();
      const lot = slice();
      await untrue(made({ ...lot, size: lot.size - 1n }));
    });

    it("nor one that lifts the account to the initial level", async () => {
      await fall();
      const lot = slice();
      const half = fillOf({ 0: 9_000n }, -9_000n * 84_500_000n);
      const fill = { ...half, blinding: lot.fill.blinding };
      const size = lot.size * 4n;
      await untrue(made({ ...lot, fill, size, after: moved(debtor.state, fill) }));
    });

    it("nor one leg of a hedge, which would leave the account worse than it was", async () => {
      // Long 10,000 and short 9,000 of nearly the same: a large margin for the leg, a small one for both.
      const hedged = {
        ...debtor.state,
        positions: debtor.state.positions.map((p, i) => (i === 1 ? -9_000n : p)),
      } as Account;
      await fall();
      const values = world.published;
      const leg = fillOf({ 1: -9_000n }, 0n);
      // Sold for what it is worth, neither more nor less.
      const fill = {
        ...leg,
        blinding,
        cash: -evaluate(holding(leg), values.policy, values.market).equity / 10n ** 14n,
      };
      const before = hedged;
      const margin = (account: Account) => evaluate(account, values.policy, values.market).margin;
      const after = moved(before, fill);
      expect(margin(after) > margin(before)).to.equal(true);
      for (let bps = 1n; bps <= LEVELS.liquidation; bps += 97n) {
        const lot: Lot = { kind: "slice", fill, size: 1n << 60n, writeOff: 0n, level: level(bps), after };
        const claims = claimsOf(before, lot, values, world.judged);
        const both = isAtLeast(evaluate(after, values.policy, values.market), claims[0]!.level);
        const evidence = !isAtLeast(evaluate(before, values.policy, values.market), level(bps));
        expect(both && evidence).to.equal(false);
      }
    });

    it("no lot is the fill of nothing", async () => {
      await fall();
      const good = await made(slice());
      const nothing = commitFill(noFill(SIZE));
      await refuses(send({ ...good, offer: { ...good.offer, fill: nothing } }), "FillRefused", world.gate);
    });

    it("no lot is of no kind, and no slice writes anything off", async () => {
      await fall();
      const good = await made(slice());
      await refuses(send({ ...good, offer: { ...good.offer, kind: 0n } }), "KindUnknown");
      await refuses(send({ ...good, offer: { ...good.offer, writeOff: 1n } }), "WriteOffRefused");
    });
  });

  describe("who may start one", () => {
    it("the operator, or whoever carries its signature", async () => {
      await fall();
      const signed = await made(slice(), house.id, { operator: world.operator });
      const anyone = world.liquidation.connect(world.signers[9]!) as typeof world.liquidation;
      await refuses(anyone.start!(signed.step, signed.offer, signed.appraisals, "0x"), "OperatorSignatureMissing");
      const offer = { ...signed.offer, size: signed.offer.size + 1n };
      await refuses(
        anyone.start!(signed.step, offer, signed.appraisals, signed.operatorSignature),
        "OperatorSignatureMissing",
      );
      await anyone.start!(signed.step, signed.offer, signed.appraisals, signed.operatorSignature);
    });

    it("not the owner, who could hold liquidation up with lots that nobody wants", async () => {
      await fall();
      await refuses(send(await made(slice()), debtor.owner), "OperatorSignatureMissing");
    });

    it("anyone who can prove, once the operator has been silent for too long", async () => {
      await fall();
      const started = await made(slice());
      await world.chain.networkHelpers.time.increase(86_401);
      await send(started, world.signers[9]!);
    });

    it("one lot of an account at a time", async () => {
      await fall();
      const started = await made(slice());
      await send(started);
      await refuses(send(started), "LotOpen");
    });
  });

  describe("while a lot is out", () => {
    const out = async () => {
      await fall();
      return sliced();
    };

    it("the account pays nothing out", async () => {
      await out();
      const recipient = debtor.owner.address;
      const args = { asset: CASH, amount: 1n, recipient, fee: 0n };
      const transfer = { asset: 15, amount: -1n };
      const left = await world.step({ action: "Withdraw", ...args }, debtor, { transfer }, { level: 0n });
      await refuses(world.gate.withdraw!(left.step, CASH, 1n, recipient, 0n), "StageWrong", world.gate);
      // Nor by the exit, for which a closed-out account with a lot out would qualify.
      await refuses(world.gate.exit!(left.step, CASH, 1n, recipient, 0n), "StageWrong", world.gate);
    });

    it("the account does not trade, however much it would improve", async () => {
      await out();
      lie();
      const fill = fillOf({ 0: -10n }, 0n);
      const ready = await world.step(
        { action: "Trade", counterparty: house.id, fill: 1n, level: 0n },
        debtor,
        { fill },
        { level: 0n },
      );
      const side = { step: ready.step, level: LEVELS.call, worse: [ready.step] };
      const trade = { a: side, b: side, fill: 1n, operatorSignature: "0x" };
      const other = { ...side, step: { ...ready.step, account: house.id } };
      await refuses(world.gate.trade!({ ...trade, b: other }), "StageWrong", world.gate);
    });

    it("nor bids for another's, nor for its own", async () => {
      const lot = await out();
      lie();
      const own = await taking(lot, 10_000n * E6, {}, debtor);
      await refuses(world.liquidation.take!(debtor.id, own.step, 10_000n * E6), "SameAccount");
      const other = await world.member(world.signers[5]!, 1_000n * E6);
      other.state = { ...other.state };
      await world.flag(other, 0n);
      const given = await taking(lot, 10_000n * E6, {}, other);
      await refuses(world.liquidation.take!(debtor.id, given.step, 10_000n * E6), "StageWrong", world.gate);
    });

    it("the account's settlement waits, nobody takes the lot, and it goes back at once", async () => {
      const lot = await out();
      await call(world.source, "settle");
      const late = await taking(lot, 10_000n * E6);
      await refuses(world.liquidation.take!(debtor.id, late.step, 10_000n * E6), "LotSuperseded");
      await refuses(world.gate.expire!({ ...late.step, account: debtor.id }), "StageWrong", world.gate);
      const back = await returnLot(world.venue, debtor, lot, { deadline: LATE });
      await call(world.liquidation, "giveBack", back.step, back.below);
      expect(await world.stage(debtor)).to.equal(STAGE.called);
      expect(await world.liquidation.capOf!(debtor.id)).to.equal(TERMS.maxSlice);
    });
  });

  describe("taking", () => {
    it("V18: a bidder below the initial level after it is refused", async () => {
      await fall();
      const lot = await sliced();
      const poor = await world.member(world.signers[6]!, 20_000n * E6);
      await untrue(taking(lot, 10_000n * E6, {}, poor));
      // What can be proven of any bidder is not what is asked.
      const lower = await takeLot(
        world.venue,
        bidder,
        { liquidated: debtor.id, fill: lot.fill, price: 10_000n * E6, level: LEVELS.call },
        world.published,
        { deadline: LATE, signer: bidder.owner },
      );
      await refuses(world.liquidation.take!(debtor.id, lower.step, 10_000n * E6), "ProofInvalid", world.verifier);
    });

    it("is the owner's to decide, not an agent's: the price is nobody's to agree to but his", async () => {
      await fall();
      const lot = await sliced();
      const agent = world.signers[13]!;
      await call(world.gate.connect(bidder.owner) as typeof world.gate, "setAgent", bidder.id, agent.address);
      const { step } = await taking(lot, 10_000n * E6, { signer: agent });
      const sent = world.liquidation.connect(agent) as typeof world.liquidation;
      await refuses(sent.take!(debtor.id, step, 10_000n * E6), "NotAuthorised", world.gate);
      const own = await taking(lot, 10_000n * E6);
      await call(sent, "take", debtor.id, own.step, 10_000n * E6);
    });

    it("V18: a lot taken once cannot be taken again, nor cured, nor given back", async () => {
      await fall();
      const lot = await sliced();
      const second = await taking(lot, 10_000n * E6, {}, house);
      const back = await returnLot(world.venue, debtor, lot, { deadline: LATE });
      await world.take(debtor, bidder, lot.fill);
      await refuses(world.liquidation.take!(debtor.id, second.step, 10_000n * E6), "LotMissing");
      await refuses(world.liquidation.cure!(back.step), "LotMissing");
      await refuses(world.liquidation.giveBack!(back.step, true), "LotMissing");
      await refuses(world.liquidation.backstop!(debtor.id, second.step), "LotMissing");
      await refuses(world.liquidation.priceOf!(debtor.id), "LotMissing");
    });

    it("a price below the one asked is refused, and one that no account can pay", async () => {
      await fall();
      const lot = await sliced();
      const asked = priceAt(lot, world.terms, 0n);
      const low = await taking(lot, asked - 1n);
      await refuses(world.liquidation.take!(debtor.id, low.step, asked - 1n), "PriceTooLow");
      await refuses(world.liquidation.take!(debtor.id, low.step, 1n << 63n), "AmountTooLarge", world.gate);
      const other = await taking(lot, asked);
      await refuses(world.liquidation.take!(debtor.id, other.step, asked + 1n), "NotAuthorised", world.gate);
    });

    it("a bid without the bidder's signature is refused", async () => {
      await fall();
      const lot = await sliced();
      const asked = priceAt(lot, world.terms, 0n);
      const taken = await taking(lot, asked, { signer: world.signers[9]! });
      await refuses(world.liquidation.take!(debtor.id, taken.step, asked), "NotAuthorised", world.gate);
    });

    it("another lot of the same terms is not what was taken", async () => {
      await fall();
      const lot = await sliced();
      const asked = priceAt(lot, world.terms, 0n);
      const other = { ...lot, fill: { ...lot.fill, positions: noFill(SIZE).positions, cash: 1_000_000n * E6 } };
      const taken = await taking(other, asked);
      await refuses(world.liquidation.take!(debtor.id, taken.step, asked), "NotAuthorised", world.gate);
      const own = world.liquidation.connect(bidder.owner) as typeof world.liquidation;
      await refuses(own.take!(debtor.id, taken.step, asked), "ProofInvalid", world.verifier);
    });

    it("a bidder of another board is refused", async () => {
      await fall();
      const lot = await sliced();
      Object.assign(world, { board: 2n });
      const stranger = await world.member(world.signers[7]!, 10_000_000n * E6);
      Object.assign(world, { board: 1n });
      const taken = await taking(lot, 10_000n * E6, {}, stranger);
      await refuses(world.liquidation.take!(debtor.id, taken.step, 10_000n * E6), "BoardsDiffer", world.gate);
    });

    it("stops while the market is not usable, and when the auction has ended", async () => {
      await fall();
      const lot = await sliced();
      const asked = priceAt(lot, world.terms, 0n);
      const taken = await taking(lot, asked);
      await call(world.source, "setUsable", false, false);
      await refuses(world.liquidation.take!(debtor.id, taken.step, asked), "EpochHalted", world.source);
      await call(world.source, "setUsable", true, true);
      await advance(TERMS.auctionDuration);
      await refuses(world.liquidation.take!(debtor.id, taken.step, asked), "AuctionEnded");
      expect(await world.liquidation.priceOf!(debtor.id)).to.equal(0n);
    });
  });

  describe("curing", () => {
    const cures = async (lot: Lot, asked = LEVELS.call) => {
      const cured = await cureLot(world.venue, debtor, lot, asked, world.published, {
        deadline: LATE,
        signer: debtor.owner,
      });
      return { ...cured, send: () => call(world.liquidation, "cure", cured.step) };
    };

    it("takes the lot back with the call level, any time before it is taken, and the account is healthy", async () => {
      await fall();
      const before = debtor.state;
      const lot = await sliced();
      await world.payIn(debtor, CASH, 200_000n * E6);
      const taken = await taking(lot, 10_000n * E6);
      const cured = await cures(lot);
      await cured.send();
      debtor.state = cured.after;
      expect(await world.stage(debtor)).to.equal(STAGE.healthy);
      expect(debtor.state.positions).to.deep.equal(before.positions);
      expect(debtor.state.cash).to.equal(before.cash + 200_000n * E6);
      await refuses(world.liquidation.take!(debtor.id, taken.step, 10_000n * E6), "LotMissing");
    });

    it("needs nobody: whoever has the viewing key finds the lot between two states of the chain", async () => {
      await fall();
      const before = debtor.state;
      const { step, offer } = await world.start(debtor, slice(), house.id);
      const after = openState(step.blob, step.stateAfter, SIZE, before.viewingKey)!;
      expect(commitFill(lotBetween(before, after, 0n))).to.equal(offer.fill);
    });

    it("needs the call level", async () => {
      await fall();
      const lot = await sliced();
      await untrue(cures(lot));
      const { step } = await cures(lot, LEVELS.closeOut);
      await refuses(world.liquidation.cure!(step), "ProofInvalid", world.verifier);
    });

    it("needs the owner", async () => {
      await fall();
      const lot = await sliced();
      await world.payIn(debtor, CASH, 200_000n * E6);
      const { step } = await cures(lot);
      await refuses(world.liquidation.cure!({ ...step, signature: "0x" }), "NotAuthorised", world.gate);
    });

    it("is not done by values older than the lot's, whose grace has not passed", async () => {
      const past = { epoch: world.epoch, market: world.market };
      await fall();
      await call(world.source, "setGrace", true);
      const lot = await sliced();
      const now = { epoch: world.epoch, market: world.market };
      Object.assign(world, past);
      const { step } = await cures(lot);
      Object.assign(world, now);
      await refuses(world.liquidation.cure!(step), "EpochSuperseded", world.source);
    });

    it("waits for a usable epoch", async () => {
      await fall();
      const lot = await sliced();
      await world.payIn(debtor, CASH, 200_000n * E6);
      await call(world.source, "setUsable", false, false);
      const cured = await cures(lot);
      await refuses(cured.send(), "EpochHalted", world.source);
    });
  });

  describe("a lot that nobody takes", () => {
    const giving = (lot: Lot) => returnLot(world.venue, debtor, lot, { deadline: LATE });
    /** A slice that has been out for its auction, and is back. */
    const failed = async () => {
      const lot = await sliced();
      await advance(TERMS.auctionDuration);
      const back = await giving(lot);
      await call(world.liquidation, "giveBack", back.step, true);
      debtor.state = back.after;
      return lot;
    };

    it("goes back after its auction, and the next slice is at most half of it", async () => {
      await fall();
      const before = debtor.state;
      const lot = await sliced();
      await advance(TERMS.auctionDuration - 1n);
      const back = await giving(lot);
      await refuses(world.liquidation.giveBack!(back.step, true), "AuctionRunning");
      await advance(1n);
      await (world.liquidation.connect(world.signers[9]!) as typeof world.liquidation).giveBack!(back.step, true);
      debtor.state = back.after;
      expect(debtor.state.positions).to.deep.equal(before.positions);
      expect(debtor.state.cash).to.equal(before.cash);
      expect(await world.stage(debtor)).to.equal(STAGE.called);
      expect(await world.liquidation.capOf!(debtor.id)).to.equal(lot.size / 2n);
      await refuses(send(await made(slice())), "SizeRefused");
      const terms = { ...world.terms, maxSlice: lot.size / 2n };
      await sliced(slice(terms));
    });

    it("V16: costs no attestation: none could be made while it was out", async () => {
      await advance(TERMS.attestInterval - 1n);
      await fall();
      const lot = await failed();
      await world.publish(marketAt(87_500n)); // between liquidation and call
      const terms = { ...world.terms, maxSlice: lot.size / 2n };
      await refuses(send(await made(slice(terms, LEVELS.call - 1n))), "LevelNotAllowed");
      await advance(TERMS.curePeriod);
      await send(await made(slice(terms, LEVELS.call - 1n)));
    });

    it("after the smallest slice has failed the account may be closed out by what a slice needs", async () => {
      await fall();
      await world.setTerms({ ...world.terms, dust: slice().size });
      const lot = await failed();
      await refuses(send(await made({ ...slice(), size: lot.size })), "SizeRefused");
      await send(await made(closeOut(LEVELS.liquidation)));
    });

    it("what failed is forgotten when the account is healthy again, or a slice of it is sold", async () => {
      await fall();
      await failed();
      await world.payIn(debtor, CASH, 200_000n * E6);
      await world.attest(debtor, LEVELS.call);
      expect(await world.liquidation.capOf!(debtor.id)).to.equal(TERMS.maxSlice);
    });

    it("goes to the backstop for as long again, at its floor, and only then back", async () => {
      await call(world.liquidation, "setBackstop", world.board, house.id);
      await fall();
      const lot = await sliced();
      const back = await giving(lot);
      const options = { deadline: LATE, signer: house.owner };
      const given = { liquidated: debtor.id, fill: lot.fill, price: 0n, level: 0n };
      const backed = await takeLot(world.venue, house, given, world.published, options);
      await refuses(world.liquidation.backstop!(debtor.id, backed.step), "AuctionRunning");
      await advance(TERMS.auctionDuration);
      await refuses(world.liquidation.giveBack!(back.step, true), "AuctionRunning");
      const undo = await world.chain.networkHelpers.takeSnapshot();
      await advance(TERMS.auctionDuration);
      await refuses(world.liquidation.backstop!(debtor.id, backed.step), "AuctionEnded");
      await world.liquidation.giveBack!(back.step, true);
      await undo.restore();
      const other = await takeLot(world.venue, bidder, given, world.published, { ...options, signer: bidder.owner });
      await refuses(world.liquidation.backstop!(debtor.id, other.step), "NotBackstop");
      await world.liquidation.backstop!(debtor.id, backed.step);
      expect(await credit(debtor.id)).to.equal(0n);
    });

    it("only the gate's owner names the backstop, an account of the board's or none", async () => {
      const { board, liquidation } = world;
      const other = liquidation.connect(house.owner) as typeof liquidation;
      await refuses(other.setBackstop!(board, house.id), "NotAuthorised", world.gate);
      await expect(liquidation.setBackstop!(board + 1n, house.id))
        .to.be.revertedWithCustomError(liquidation, "BackstopRefused")
        .withArgs(board + 1n, house.id);
      await call(liquidation, "setBackstop", board, house.id);
      await call(liquidation, "setBackstop", board, 0n);
      expect(await liquidation.backstopOf!(board)).to.equal(0n);
      // With none, a lot goes back after its auction.
      await fall();
      const lot = await sliced();
      const back = await giving(lot);
      await advance(TERMS.auctionDuration);
      await call(liquidation, "giveBack", back.step, true);
    });

    it("only what waits for a settlement may be given back by a state that has one to pass", async () => {
      await fall();
      const lot = await sliced();
      await advance(TERMS.auctionDuration);
      await call(world.source, "settle");
      const back = await giving(lot);
      await world.liquidation.giveBack!(back.step, back.below);
      expect(await world.liquidation.capOf!(debtor.id)).to.equal(TERMS.maxSlice);
    });
  });

  describe("a close-out", () => {
    it("leaves an account without positions and debt, which its owner empties", async () => {
      await world.publish(marketAt(80_300n)); // 55% or so of margin
      const lot = closeOut();
      expect(lot.writeOff).to.equal(0n);
      await world.start(debtor, lot, house.id);
      const price = await world.take(debtor, bidder, lot.fill);
      expect(await world.stage(debtor)).to.equal(STAGE.closed);
      expect(debtor.state.positions.every((lots) => lots === 0n)).to.equal(true);
      await world.absorb(debtor, CASH, price - TERMS.reward);
      const amount = debtor.state.cash as bigint;
      const recipient = world.signers[12]!.address;
      const args = { asset: CASH, amount, recipient, fee: 0n };
      const transfer = { asset: 15, amount: -amount };
      const exit = await world.step(
        { action: "Exit", ...args },
        debtor,
        { transfer },
        { level: EXIT_LEVEL, exit: true },
      );
      await call(world.gate, "exit", exit.step, CASH, amount, recipient, 0n);
      expect(await world.token.balanceOf!(recipient)).to.equal(amount);
    });

    it("V18: an account that still holds a position after it is refused", async () => {
      await world.publish(marketAt(80_300n));
      const lot = closeOut();
      const positions = lot.fill.positions.map((lots) => (lots === 0n ? 0n : lots - 1n));
      const fill = { ...lot.fill, positions };
      await untrue(made({ ...lot, fill, after: moved(debtor.state, fill) }));
    });

    it("of an insolvent account costs the fund what was missing and the discount, and not more", async () => {
      await world.donate(1_000_000n * E6);
      await world.publish(marketAt(72_000n));
      const { equity, margin } = world.evaluation(debtor.state);
      expect(equity < 0n).to.equal(true);
      const lot = closeOut();
      const fund = await credit(0n);
      await world.start(debtor, lot, house.id);
      expect(fund - (await credit(0n))).to.equal(lot.writeOff);
      const missing = -equity / 10n ** 14n;
      const discount = (margin * TERMS.discountBps) / 10n ** 8n;
      expect(lot.writeOff >= missing && lot.writeOff <= missing + discount + 1n).to.equal(true);
      const price = await world.take(debtor, bidder, lot.fill);
      expect(price < lot.writeOff).to.equal(true);
      expect(fund - (await credit(0n))).to.equal(lot.writeOff - price);
      expect(await credit(debtor.id)).to.equal(0n);
      expect(world.evaluation(debtor.state).equity).to.equal(0n);
    });

    it("takes what was paid in for the account first, and gives the fund its own back when the lot comes back", async () => {
      await world.donate(1_000_000n * E6);
      await world.publish(marketAt(72_000n));
      await world.deposit(debtor, CASH, 10_000n * E6);
      const lot = closeOut();
      await world.start(debtor, lot, house.id);
      expect(await credit(0n)).to.equal(1_010_000n * E6 - lot.writeOff);
      expect(await credit(debtor.id)).to.equal(0n);
      await advance(TERMS.auctionDuration);
      const back = await returnLot(world.venue, debtor, lot, { deadline: LATE });
      expect(back.below).to.equal(true);
      await call(world.liquidation, "giveBack", back.step, true);
      expect(await credit(0n)).to.equal(1_000_000n * E6);
      expect(await credit(debtor.id)).to.equal(10_000n * E6);
      expect(await world.liquidation.capOf!(debtor.id)).to.equal(TERMS.maxSlice);
    });

    it("costs the fund nothing where enough was paid in for the account", async () => {
      await world.publish(marketAt(72_000n));
      const lot = closeOut();
      await world.deposit(debtor, CASH, lot.writeOff + 1n);
      await world.start(debtor, lot, house.id);
      expect([await credit(debtor.id), await credit(0n), await deficit()]).to.deep.equal([1n, 0n, 0n]);
      const price = await world.take(debtor, bidder, lot.fill);
      expect(await credit(debtor.id)).to.equal(1n + price - TERMS.reward);
    });

    it("has cost the fund all that it will when it starts: a lot that nobody gives back does not hold the rest", async () => {
      await world.donate(1_000_000n * E6);
      await world.publish(marketAt(72_000n));
      const to = world.signers[12]!.address;
      await call(world.liquidation, "proposeWithdrawal", to, 400_000n * E6);
      await world.chain.networkHelpers.time.increase(2n * 86_400n);
      const lot = closeOut();
      await world.start(debtor, lot, house.id);
      await call(world.liquidation, "withdrawFund");
      expect(await world.token.balanceOf!(to)).to.equal(400_000n * E6);
      expect(await credit(0n)).to.equal(600_000n * E6 - lot.writeOff);
      await advance(TERMS.auctionDuration);
      const back = await returnLot(world.venue, debtor, lot, { deadline: LATE });
      await call(world.liquidation, "giveBack", back.step, true);
      expect(await credit(0n)).to.equal(600_000n * E6);
    });

    it("of an empty fund is a deficit, which the price repays first", async () => {
      await world.publish(marketAt(72_000n));
      const lot = closeOut();
      await world.start(debtor, lot, house.id);
      expect(await deficit()).to.equal(lot.writeOff);
      const price = await world.take(debtor, bidder, lot.fill);
      expect(await deficit()).to.equal(lot.writeOff - price);
      expect(await credit(house.id)).to.equal(0n);
    });

    it("writes nothing off for an account that has something left", async () => {
      await world.publish(marketAt(72_000n));
      const lot = closeOut();
      const fill = { ...lot.fill, cash: lot.fill.cash - 1n };
      const more = { ...lot, fill };
      await untrue(made({ ...more, after: moved(debtor.state, fill, lot.writeOff) }));
    });

    it("writes nothing off on evidence of less than insolvency", async () => {
      await world.publish(marketAt(72_000n));
      const lot = { ...closeOut(), level: level(LEVELS.closeOut) };
      await refuses(send(await made(lot)), "WriteOffRefused");
    });

    it("of no size, or beyond what an account can hold, is refused", async () => {
      await world.publish(marketAt(72_000n));
      const good = await made(closeOut());
      await refuses(send({ ...good, offer: { ...good.offer, size: 0n } }), "SizeRefused");
      await refuses(send({ ...good, offer: { ...good.offer, size: 1n << 63n } }), "SizeRefused");
      await refuses(send({ ...good, offer: { ...good.offer, writeOff: 1n << 63n } }), "WriteOffRefused");
    });
  });

  it("V19: a gap of 30% and 50 accounts called at once: who can survives, who is insolvent is closed, the fund loses what the model says", async () => {
    const { fund, modelLoss, rows } = await stress(
      await LotWorld.create(),
      Array.from({ length: 50 }, (_, index) => index),
      50,
      "model",
    );
    expect(modelLoss > 0n && fund.before - fund.after + fund.deficit === modelLoss).to.equal(true);
    const count = (outcome: string) => rows.filter((row) => row.outcome === outcome).length;
    const kinds = ["cured", "sliced", "sliced after the cure period", "closed", "closed by the fund"];
    expect(kinds.map(count)).to.deep.equal([17, 10, 5, 5, 13]);
  });

  it("counts in millionths whatever the decimals of the cash token", async () => {
    const other = await LotWorld.create({ cashDecimals: 18 });
    const at = (index: number) => other.signers[index]!;
    const members: Member[] = [];
    for (const index of [1, 2, 3, 4])
      members.push(await other.member(at(index), index < 3 ? 10n ** 14n : 200_000n * E6));
    const [seller, buyer, slicer, loser] = members as [Member, Member, Member, Member];
    for (const [member, lots] of [
      [slicer, 6_500n],
      [loser, 8_000n],
    ] as const) {
      await other.trade(member, seller, fillOf({ 0: lots }, -lots * 100_000_000n, lots));
    }
    await other.donate(30_000n * E6);
    await other.publish(marketAt(75_000n));
    const { terms, published } = other;
    const cut = sliceOf(slicer.state, published, LEVELS, terms, level(LEVELS.liquidation));
    const whole = closeOutOf(loser.state, published, terms, level(LEVELS.closeOut));
    await other.start(slicer, cut, 0n);
    await other.take(slicer, buyer, cut.fill);
    expect(await other.credit(slicer.id)).to.equal(priceAt(cut, terms, 0n) - TERMS.reward);
    await other.publish(marketAt(74_000n));
    const now = closeOutOf(loser.state, other.published, terms, level(LEVELS.closeOut));
    expect([whole.writeOff > 0n, now.writeOff > whole.writeOff]).to.deep.equal([false, true]);
    await other.start(loser, now, 0n);
    const price = await other.take(loser, buyer, now.fill);
    const repaid = least(price, now.writeOff);
    const spare = least(price - repaid, TERMS.reward);
    const lacking = ((await other.gate.deficit!()) as bigint) / other.unit;
    expect((await other.credit(0n)) - lacking).to.equal(30_000n * E6 + TERMS.reward - now.writeOff + repaid + spare);
  });

  describe("bounds, over random accounts, lots and times", () => {
    const account = fc.record({
      future: fc.integer({ min: -20_000, max: 20_000 }),
      option: fc.integer({ min: -20_000, max: 20_000 }),
      cash: fc.integer({ min: -300_000, max: 600_000 }),
      bitcoin: fc.integer({ min: 0, max: 200 }),
      price: fc.integer({ min: 50_000, max: 150_000 }),
    });
    type Random = typeof account extends fc.Arbitrary<infer T> ? T : never;
    const of = ({ future, option, cash, bitcoin, price }: Random) => {
      const market = marketAt(BigInt(price));
      // Roughly what the positions cost, so that equity is near cash.
      const paid = BigInt(future) * market.board.rows[0]!.mark + BigInt(option) * market.board.rows[1]!.mark;
      const empty = genesis(SIZE);
      const before = {
        ...empty,
        cash: BigInt(cash) * E6 - paid,
        collateral: empty.collateral.map((_, asset) => (asset === 0 ? (BigInt(bitcoin) * E8) / 100n : 0n)),
        positions: empty.positions.map((_, row) => (row === 0 ? BigInt(future) : row === 1 ? BigInt(option) : 0n)),
        viewingKey: 5n,
      } as unknown as Account;
      return { before, values: { policy: POLICY, market } };
    };
    const value = (account: Account, { policy, market }: ReturnType<typeof of>["values"]) =>
      evaluate(account, policy, market);
    const judged = { levels: LEVELS, terms: TERMS };
    const holds = (before: Account, lot: Lot, values: ReturnType<typeof of>["values"]) =>
      claimsOf(before, lot, values, judged).every(({ before, transition, level, direction, policy, market }) => {
        const after = evaluate(applyTransition(before, transition), policy, market);
        return isAtLeast(after, level) === (direction === "at-least");
      });
    /**
     * No account loses more than the discount on the lot's margin, or gains more than a rounding; the fund loses no more
     * than that and what was missing.
     */
    const bounded = (before: Account, lot: Lot, values: ReturnType<typeof of>["values"]) => {
      const [b, a, f] = [before, lot.after, holding(lot.fill)].map((each) => value(each, values));
      const discount = TERMS.discountBps * f!.margin * 10n ** 6n;
      const paid = lot.writeOff * 10n ** 14n;
      expect(b!.equity - (a!.equity - paid) < discount, "loss").to.equal(true);
      expect(f!.equity >= -(10n ** 14n), "worth").to.equal(true);
      expect(f!.margin < lot.size * 10n ** 4n, "size").to.equal(true);
      const first = priceAt(lot, TERMS, 0n) * 10n ** 14n;
      const fair = f!.equity + TERMS.premiumBps * f!.margin * 10n ** 6n;
      expect(first >= fair, "first price").to.equal(true);
      if (lot.writeOff > 0n) expect(paid < discount - b!.equity + 10n ** 14n, "write-off").to.equal(true);
      else expect(a!.equity + f!.equity >= b!.equity, "conserved").to.equal(true);
    };

    it("whatever lot the search finds is provable, bounded, and enough", () => {
      let found = 0;
      fc.assert(
        fc.property(account, (random) => {
          const { before, values } = of(random);
          const start = value(before, values);
          const below = (bps: bigint) => !isAtLeast(start, level(bps));
          if (start.equity >= 0n && below(LEVELS.liquidation)) {
            let lot: Lot | undefined;
            try {
              lot = sliceOf(before, values, LEVELS, TERMS, level(LEVELS.liquidation));
            } catch (error) {
              expect(error).to.have.property("code", "STATEMENT_FALSE");
            }
            if (lot !== undefined) {
              found++;
              expect(holds(before, lot, values), "provable").to.equal(true);
              bounded(before, lot, values);
              const reached = isAtLeast(value(lot.after, values), level(LEVELS.call));
              expect(reached || lot.size > (TERMS.maxSlice * 9n) / 10n, "enough").to.equal(true);
            }
          }
          if (below(LEVELS.closeOut)) {
            found++;
            const lot = closeOutOf(before, values, TERMS, level(LEVELS.closeOut));
            expect(holds(before, lot, values), "provable close-out").to.equal(true);
            expect(lot.writeOff === 0n || start.equity < 0n, "write-off only where insolvent").to.equal(true);
            bounded(before, lot, values);
          }
        }),
        { numRuns: 150, seed: 7 },
      );
      expect(found).to.be.greaterThan(30);
    });

    it("no lot that is provable loses more, found by the search or not", () => {
      let provable = 0;
      const part = fc.record({
        share: fc.integer({ min: 0, max: 1000 }),
        optionShare: fc.integer({ min: -1000, max: 1000 }),
        bitcoinShare: fc.integer({ min: 0, max: 1000 }),
        cash: fc.integer({ min: -40, max: 40 }),
        size: fc.integer({ min: 0, max: 3000 }),
        level: fc.integer({ min: 0, max: 12_000 }),
      });
      fc.assert(
        fc.property(account, part, (random, { share, optionShare, bitcoinShare, cash, size, level: bps }) => {
          const { before, values } = of(random);
          const of1000 = (whole: bigint, thousandths: number) => (whole * BigInt(thousandths)) / 1000n;
          const rough = {
            ...fillOf({ 0: of1000(before.positions[0]!, share), 1: of1000(before.positions[1]!, optionShare) }, 0n),
            collateral: before.collateral.map((lots) => of1000(lots, bitcoinShare)),
          };
          const worth = value(holding(rough), values);
          const fill = { ...rough, cash: -worth.equity / 10n ** 14n + of1000(worth.margin / 10n ** 4n, cash) };
          const after = moved(before, fill);
          const lot: Lot = {
            kind: "slice",
            fill,
            size: of1000(worth.margin / 10n ** 4n, size) + 1n,
            writeOff: 0n,
            level: level(BigInt(bps)),
            after,
          };
          if (!holds(before, lot, values)) return;
          provable++;
          bounded(before, lot, values);
          expect(value(after, values).margin < value(before, values).margin || worth.equity < 0n).to.equal(true);
        }),
        { numRuns: 2000, seed: 11 },
      );
      expect(provable).to.be.greaterThan(5);
    });

    it("on chain: whatever the prices and the time, cash is conserved and the price goes where it belongs", async () => {
      await fc.assert(
        fc
          .asyncProperty(
            fc.integer({ min: 60_000, max: 84_000 }),
            fc.integer({ min: 0, max: 1199 }),
            async (btc, seconds) => {
              await world.publish(marketAt(BigInt(btc)));
              const insolvent = !world.isAtLeast(debtor.state, LEVELS.closeOut);
              const lot = insolvent ? closeOut() : slice();
              const cash = async () => {
                const inside = [debtor, bidder, house].reduce((sum, { state }) => sum + state.cash, 0n);
                const ids = [0n, debtor.id, bidder.id, house.id];
                const credits = await Promise.all(ids.map(credit));
                return inside + credits.reduce((sum, each) => sum + each) - (await deficit());
              };
              const custody = (await world.gate.custodyOf!(CASH)) as bigint;
              expect(await cash()).to.equal(custody);
              await world.start(debtor, lot, house.id);
              // What is in the lot is nobody's until it is taken.
              expect((await cash()) + lot.fill.cash).to.equal(custody);
              await advance(BigInt(seconds));
              const price = await world.take(debtor, bidder, lot.fill);
              expect(price).to.equal(priceAt(lot, TERMS, BigInt(seconds)));
              expect(await cash()).to.equal(custody);
              expect(await deficit()).to.equal(lot.writeOff > price ? lot.writeOff - price : 0n);
            },
          )
          .beforeEach(() => restore()),
        { numRuns: 15, seed: 3 },
      );
    });
  });
});
