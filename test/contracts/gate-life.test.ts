// SPDX-License-Identifier: GPL-3.0-or-later
// The life of accounts beside the main path: agents and a silent operator, batches, settlements, pauses and
// exits. A simulated key that proves what is true by the model, and nothing else.
import { expect } from "chai";
import type { Contract } from "ethers";
import { signClear } from "../../prover/src/chain/gate-calls.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { coverageBpsDown, evaluate } from "../../prover/src/model/evaluate.ts";
import { UNLISTED } from "../../prover/src/model/policy.ts";
import { simulatedKey } from "../support/simulated.ts";
import {
  BTC,
  CASH,
  call,
  callView,
  DAY,
  E6,
  E8,
  E18,
  ETH,
  fillOf,
  GateWorld,
  type Holder,
  marketAt,
  NOBODY,
  OPERATOR_DEADLINE,
  type Ready,
  sideOf,
  skipsOf,
  tradeOf,
} from "./gate-world.ts";

const KEY = simulatedKey("board-60");
const MARKET = marketAt("board-60", 100_000n, 4_000n);
/** Gas that an item of a batch may use. */
const EACH = 1_500_000n;
const MARK = MARKET.board.rows[0]!.mark;

describe("margin gate, the life of accounts", () => {
  let world: GateWorld;
  let gate: Contract;
  let exchange: Contract;
  let alice: Holder;
  let bob: Holder;
  let restore: () => Promise<void>;

  before(async () => {
    world = await GateWorld.create({ key: KEY, truthful: true });
    ({ gate, exchange } = world);
    alice = await world.holder(10);
    bob = await world.holder(11);
    for (const holder of [alice, bob]) await holder.fund(CASH, 1_000_000n * E6);
  });
  beforeEach(async () => {
    restore = await world.snapshot(alice, bob);
  });
  afterEach(() => restore());

  interface Stored {
    state: bigint;
    stage: bigint;
    settled: bigint;
    provenAt: bigint;
    calledAt: bigint;
  }
  const stored = ({ id }: Holder) => callView(gate, "accountOf", id) as Promise<Stored>;
  const as = (index: number, of = gate) => of.connect(world.signers[index]!) as Contract;
  const refuses = (sent: Promise<unknown>, error: string, of = gate) => world.refuses(sent, error, of);
  const falsely = (proving: Promise<unknown>) =>
    proving.then(
      () => expect.fail("a false statement was proven"),
      (error: unknown) => expect(error).to.have.property("code", "STATEMENT_FALSE"),
    );
  const to = () => world.signers[16]!.address;
  const payout = (amount = 5n * E6, asset = CASH) => ({ asset, amount, recipient: to(), fee: 0n, least: 0n });
  const withdraw = ({ step }: Ready, by = alice, payment = payout()) =>
    by.gate.withdraw!(step, payment) as Promise<unknown>;
  const exit = ({ step }: Ready, by = alice, payment = payout()) => by.gate.exit!(step, payment) as Promise<unknown>;
  const settled = async (holder: Holder, ready: Ready) => {
    holder.state = ready.after;
    expect((await stored(holder)).state).to.equal(commitState(ready.after));
  };
  let blinding = 100n;
  /** Lots of the first future bought by `a` from `b` at the mark. */
  const bought = (lots: bigint) => fillOf("board-60", { 0: lots }, -lots * MARK, blinding++);
  async function trade(a: Holder, b: Holder, lots: bigint) {
    const fill = bought(lots);
    const [one, two] = [await a.trading(fill, 1n, b.id), await b.trading(fill, -1n, a.id)];
    await call(exchange, "trade", await tradeOf(a, one, b, two));
    await settled(a, one);
    await settled(b, two);
  }

  describe("agents and operator", () => {
    it("an agent signs trades, and nothing else; the owner alone names it and takes it back", async () => {
      await refuses(as(14).setAgent!(alice.id, to()), "NotAuthorised");
      await call(alice.gate, "setAgent", alice.id, world.signers[14]!.address);
      const fill = bought(100n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const good = { ...(await tradeOf(alice, a, bob, b)), a: await sideOf(alice, a, world.signers[14]) };
      const payment = await alice.withdrawal(payout());
      const signed = await alice.signed(payment, world.signers[14]);
      await refuses(as(14).withdraw!(signed, payout()), "NotAuthorised");
      const leaving = await alice.signed(await alice.leaving(payout()), world.signers[14]);
      await refuses(as(14).exit!(leaving, payout()), "NotAuthorised");
      const attest = await alice.attestation(12_000n);
      await refuses(as(14).attest!(attest.step, 12_000n), "NotAuthorised");
      const snapshot = await world.chain.networkHelpers.takeSnapshot();
      await call(exchange, "trade", good);
      await snapshot.restore();
      await call(as(14, exchange), "trade", { ...good, a: { ...good.a, step: a.step } });
      await snapshot.restore();
      await call(alice.gate, "setAgent", alice.id, NOBODY);
      await refuses(exchange.trade!(good), "NotAuthorised");
    });

    it("an account opens with an agent, whose word is not anybody's", async () => {
      const fresh = bob.with({ state: genesis("board-60"), viewingKey: 98n as never });
      const agent = world.signers[14]!.address;
      const { opening, ready, signature } = await fresh.opening(bob.owner.address, agent);
      fresh.id = bob.id + 1n;
      await expect(fresh.gate.open!(opening, ready.step, signature))
        .to.emit(gate, "AgentSet")
        .withArgs(fresh.id, agent);
      fresh.state = ready.after;
      await fresh.fund(CASH, 1_000n * E6);
      const fill = bought(1n);
      const [a, b] = [await alice.trading(fill, 1n, fresh.id), await fresh.trading(fill, -1n, alice.id)];
      const good = await tradeOf(alice, a, fresh, b);
      const signedBy = async (index: number) => ({ ...good, b: await sideOf(fresh, b, world.signers[index]) });
      const stranger = as(17, exchange);
      await refuses(stranger.trade!(await signedBy(15)), "NotAuthorised").withArgs(
        fresh.id,
        world.signers[17]!.address,
      );
      await call(stranger, "trade", await signedBy(14));
      await settled(fresh, b);
    });

    it("an agent that is a contract signs by its own word, and no longer than the owner lets it", async () => {
      const agent = await world.deploy("Wallet", [world.signers[14]]);
      await call(alice.gate, "setAgent", alice.id, agent);
      const fill = bought(100n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const good = await tradeOf(alice, a, bob, b);
      const signedBy = async (index: number) => ({ ...good, a: await sideOf(alice, a, world.signers[index]) });
      await refuses(exchange.trade!(await signedBy(15)), "NotAuthorised");
      const snapshot = await world.chain.networkHelpers.takeSnapshot();
      await call(alice.gate, "setAgent", alice.id, NOBODY);
      await refuses(exchange.trade!(await signedBy(14)), "NotAuthorised");
      await snapshot.restore();
      await call(exchange, "trade", await signedBy(14));
      await settled(alice, a);
    });

    it("the operator agrees to both sides and to no others, and to openings, silent or not", async () => {
      const fill = bought(100n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const good = await tradeOf(alice, a, bob, b);
      const domains = await world.domains();
      for (const wrong of [
        "0x",
        await signClear(world.operator, domains, b.call, a.call),
        await signClear(world.operator, domains, a.call),
        await signClear(world.operator, { ...domains, exchange: domains.gate }, a.call, b.call),
        await signClear(alice.owner, domains, a.call, b.call),
      ]) {
        await refuses(exchange.trade!({ ...good, operatorSignature: wrong }), "OperatorMissing", exchange);
      }
      // A sender that is the operator needs no signature of its own.
      const snapshot = await world.chain.networkHelpers.takeSnapshot();
      await call(exchange.connect(world.operator), "trade", { ...good, operatorSignature: "0x" });
      await snapshot.restore();
      await refuses(alice.exchange.heartbeat!(), "NotAuthorised", exchange);
      await call(exchange.connect(world.operator), "heartbeat");
      await world.time.increase(OPERATOR_DEADLINE - 10n);
      await world.publish();
      const [late, later] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const forced = { ...(await tradeOf(alice, late, bob, later)), operatorSignature: "0x" };
      await refuses(exchange.trade!(forced), "OperatorMissing", exchange);
      const fresh = alice.with({ state: genesis("board-60"), viewingKey: 99n as never });
      const { opening, ready } = await fresh.opening(alice.owner.address);
      await refuses(alice.gate.open!(opening, ready.step, "0x"), "OperatorMissing", exchange);
      await world.time.increase(20n);
      // Nobody could follow who trades unseen.
      await refuses(exchange.trade!(forced), "OperatorMissing", exchange);
      await refuses(alice.gate.open!(opening, ready.step, "0x"), "OperatorMissing", exchange);
      await call(alice.gate, "open", opening, ready.step, await signClear(world.operator, domains, ready.call));
    });

    it("a signature of the operator's that others bring is no sign of life; a call of its own is", async () => {
      const fill = bought(1n);
      const operator = exchange.connect(world.operator) as Contract;
      for (const method of ["trade", "settleBatch"]) {
        const before = await exchange.operatorSeen!();
        for (const sender of [as(17, exchange), operator]) {
          const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
          const good = await tradeOf(alice, a, bob, b);
          await call(sender, method, ...(method === "trade" ? [good] : [[good], EACH]));
          await settled(alice, a);
          await settled(bob, b);
          expect(await exchange.operatorSeen!()).to.equal(sender === operator ? await world.now() : before);
        }
      }
    });

    it("an operator may not be waited for without end, nor not at all", async () => {
      const create = (deadline: bigint) => world.deploy("Exchange", [gate, alice.owner, deadline, true]);
      for (const deadline of [0n, 30n * DAY + 1n]) await refuses(create(deadline), "OperatorDeadlineRefused", exchange);
      await create(30n * DAY);
    });

    it("an operator that is a contract agrees by its own word, and is not seen by it", async () => {
      const operator = await world.deploy("Wallet", [world.signers[8]]);
      await call(exchange.connect(await world.queue()), "setOperator", operator);
      const seen = await exchange.operatorSeen!();
      const fill = bought(1n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      await refuses(exchange.trade!(await tradeOf(alice, a, bob, b)), "OperatorMissing", exchange);
      await call(exchange, "trade", await tradeOf(alice, a, bob, b, world.signers[8]));
      await settled(alice, a);
      expect(await exchange.operatorSeen!()).to.equal(seen);
    });

    it("the queue replaces the operator; nobody else", async () => {
      const queue = exchange.connect(await world.queue()) as Contract;
      for (const index of [0, 6, 7]) await refuses(as(index, exchange).setOperator!(to()), "NotGovernor", exchange);
      for (const nobody of [NOBODY, exchange]) await refuses(queue.setOperator!(nobody), "AddressZero", exchange);
      await call(queue, "setOperator", world.signers[8]);
      const fill = bought(1n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      await refuses(exchange.trade!(await tradeOf(alice, a, bob, b)), "OperatorMissing", exchange);
      await call(exchange, "trade", await tradeOf(alice, a, bob, b, world.signers[8]));
    });
  });

  describe("V13: pauses, halts, silence of the oracle", () => {
    it("G19: while the market is not usable top-ups and exits work; the rest is refused with the market's reason", async () => {
      const carol = await world.holder(12);
      await carol.fund(CASH, 100n * E6);
      const fill = bought(10n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const good = await tradeOf(alice, a, bob, b);
      await call(world.fixed, "setUsable", false, true);
      await refuses(exchange.trade!(good), "EpochHalted", world.fixed);
      await alice.fund(BTC, E8);
      await exit(await carol.leaving(payout(100n * E6)), carol, payout(100n * E6));
      const ready = await alice.withdrawal(payout());
      await refuses(withdraw(ready), "EpochHalted", world.fixed);
      for (const method of ["attest", "flag"]) {
        await refuses(alice.gate[method]!(ready.step, 12_000n), "EpochHalted", world.fixed);
      }
      await call(world.fixed, "setUsable", true, true);
      await withdraw(ready);
    });

    it("G05: under a policy that is no longer in force evidence and attestations go on; no money leaves, and nobody trades", async () => {
      const fill = bought(10n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const good = await tradeOf(alice, a, bob, b);
      await call(world.fixed, "setInForce", 2n);
      await refuses(withdraw(await alice.withdrawal(payout())), "EpochOfFormerPolicy", world.fixed);
      await refuses(exchange.trade!(good), "EpochOfFormerPolicy", world.fixed);
      const ready = await alice.attestation(12_000n);
      await call(alice.gate, "attest", ready.step, 12_000n);
    });

    it("without any oracle, for ever: an account without positions and debt leaves, one with either cannot", async () => {
      await trade(alice, bob, 100n);
      const carol = await world.holder(12);
      await carol.fund(CASH, 100n * E6);
      await carol.fund(BTC, E8);
      await world.time.increase(400n * DAY);
      await call(world.fixed, "setUsable", false, false);
      for (const [amount, asset] of [
        [100n * E6, CASH],
        [E8, BTC],
      ] as const) {
        const ready = await carol.leaving(payout(amount, asset));
        await exit(ready, carol, payout(amount, asset));
        await settled(carol, ready);
      }
      await falsely(alice.leaving(payout()));
      // Debt: more than it has.
      await falsely(bob.leaving(payout(2_000_000n * E6)));
      // Level zero under the exit market would be true of positions; the gate asks for more.
      const lesser = await alice.prepare(
        { action: "Exit", ...payout() },
        { transfer: { asset: 15, amount: -5n * E6 } },
        { level: 0n },
        { exit: true },
      );
      await refuses(exit(lesser), "ProofInvalid", world.verifier);
    });

    it("exits whatever its stage; withdrawals only while healthy; a step for one is none for the other", async () => {
      const [leaving, withdrawing] = [await alice.leaving(payout()), await alice.withdrawal(payout())];
      await refuses(withdraw(leaving), "EpochNotStanding");
      await refuses(
        withdraw({ ...leaving, step: { ...leaving.step, policyId: 1n, epoch: 1n } }),
        "ProofInvalid",
        world.verifier,
      );
      await refuses(exit(withdrawing), "ProofInvalid", world.verifier);
      await world.asLiquidation("setStage", alice.id, 1n, 0n);
      await refuses(withdraw(withdrawing), "StageWrong");
      await exit(leaving);
      await settled(alice, leaving);
    });
  });

  describe("verdicts", () => {
    const RISEN = marketAt("board-60", 125_000n, 4_000n);
    /** Alice short so much that a rise of a quarter takes her below the liquidation level. */
    async function fallen() {
      await trade(alice, bob, -50_000n);
      await world.publish(RISEN);
      const coverage = coverageBpsDown(evaluate(alice.state, world.policy, world.market))!;
      expect(coverage > 6_000n && coverage < 10_000n, `${coverage}`).to.equal(true);
    }

    it("V17: only the policy's levels, only the standing epoch, and only a complete one", async () => {
      await fallen();
      for (const level of [1n, 11_999n, 15_000n, 1n << 32n]) {
        await refuses(alice.gate.flag!((await alice.attestation(0n)).step, level), "LevelNotInPolicy");
      }
      const flagged = await alice.flagging(10_000n);
      await call(as(17), "flag", flagged.step, 10_000n);
      await settled(alice, flagged);
      expect((await stored(alice)).stage).to.equal(1n);
      await world.asLiquidation("setStage", alice.id, 0n, 0n);
      for (const level of [6_000n, 0n]) await falsely(alice.flagging(level));
      const old = await alice.flagging();
      await world.publish(world.market);
      await refuses(as(17).flag!(old.step, 12_000n), "EpochNotStanding");
      // An asset without a price: nothing is held against anyone.
      await call(world.fixed, "setUsable", true, false);
      const flag = await alice.flagging();
      await refuses(as(17).flag!(flag.step, 12_000n), "EpochIncomplete", world.fixed);
    });

    it("V17: below level zero is evidence too: of an account that owes more than it has", async () => {
      await trade(alice, bob, -50_000n);
      await world.publish(marketAt("board-60", 300_000n, 4_000n));
      expect(evaluate(alice.state, world.policy, world.market).equity < 0n).to.equal(true);
      const flagged = await alice.flagging(0n);
      await expect(as(17).flag!(flagged.step, 0n)).to.emit(gate, "Flagged").withArgs(alice.id, 0n, 2n);
      await settled(alice, flagged);
      expect((await stored(alice)).stage).to.equal(1n);
      // That an account has more than nothing is no attestation.
      await refuses(bob.gate.attest!((await bob.attestation(0n)).step, 0n), "LevelNotInPolicy").withArgs(0n, 1n);
    });

    it("N12: evidence calls an account once: no flag of a called account outruns the proof of a lot", async () => {
      await fallen();
      // Whoever starts a lot may have proven it of the state that the first flag left; held or not, there is no second flag.
      await call(as(7, exchange), "hold", alice.id);
      const flagged = await alice.flagging();
      await expect(alice.gate.flag!(flagged.step, 12_000n)).to.emit(gate, "Flagged").withArgs(alice.id, 12_000n, 2n);
      await settled(alice, flagged);
      for (const epoch of [2n, 3n]) {
        if (epoch !== world.epoch) await world.publish();
        for (const level of [12_000n, 10_000n]) {
          await refuses(alice.gate.flag!((await alice.flagging(level)).step, level), "StageWrong");
        }
      }
    });

    it("the desk of lots says in which epoch an account was found wanting: no attestation of one before heals it", async () => {
      const { market } = world;
      await call(world.fixed, "setGrace", true);
      await world.publish();
      await world.asLiquidation("setStage", alice.id, 1n, 2n);
      // An earlier epoch, or none, takes nothing back.
      for (const epoch of [1n, 0n]) await world.asLiquidation("setStage", alice.id, 1n, epoch);
      world.market = market;
      const before = await alice.attestation(12_000n, { epoch: 1n });
      await call(alice.gate, "attest", before.step, 12_000n);
      await settled(alice, before);
      expect((await stored(alice)).stage).to.equal(1n);
      const now = await alice.attestation(12_000n);
      await call(alice.gate, "attest", now.step, 12_000n);
      await settled(alice, now);
      expect((await stored(alice)).stage).to.equal(0n);
    });

    it("an account that was closed out is healthy again with the call level, and no stage is set twice", async () => {
      const module = await world.gateAs(world.liquidation);
      await expect(module.setStage!(alice.id, 3n, 0n))
        .to.emit(gate, "StageSet")
        .withArgs(alice.id, 3);
      await expect(module.setStage!(alice.id, 3n, 0n)).not.to.emit(gate, "StageSet");
      const ready = await alice.attestation(12_000n);
      await expect(alice.gate.attest!(ready.step, 12_000n)).to.emit(gate, "StageSet").withArgs(alice.id, 0);
      await settled(alice, ready);
    });

    it("G05: within the grace the epoch before serves to attest; no money, no risk, no evidence and no cure is of it", async () => {
      await trade(alice, bob, -50_000n);
      await call(world.fixed, "setGrace", true);
      const before = world.market;
      const early = await bob.withdrawal(payout());
      const fill = bought(10n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const traded = await tradeOf(alice, a, bob, b);
      await world.publish(RISEN);
      // The first draft paid for collateral at n and let as much out at n as before the fall.
      await refuses(withdraw(early, bob), "EpochNotStanding").withArgs(2, 1);
      await refuses(exchange.trade!(traded), "EpochNotStanding", exchange).withArgs(2, 1);
      const flag = await alice.flagging();
      await call(as(17), "flag", flag.step, 12_000n);
      await settled(alice, flag);
      // Under the epoch before she was fine: true, accepted, and no cure.
      const fallen = world.market;
      world.market = before;
      const cure = await alice.attestation(12_000n, { epoch: 1n });
      await call(alice.gate, "attest", cure.step, 12_000n);
      await settled(alice, cure);
      expect((await stored(alice)).stage).to.equal(1n);
      const late = await alice.attestation(12_000n, { epoch: 1n });
      world.market = fallen;
      await world.asLiquidation("setStage", alice.id, 0n, 0n);
      const evidence = await alice.flagging(10_000n, { epoch: 1n });
      await refuses(as(17).flag!(evidence.step, 10_000n), "EpochNotStanding");
      await call(world.fixed, "setGrace", false);
      await refuses(alice.gate.attest!(late.step, 12_000n), "EpochSuperseded", world.fixed);
    });

    it("N06: a called account trades as everybody does, to the initial level, and is healthy then", async () => {
      await fallen();
      const flag = await alice.flagging();
      await call(as(17), "flag", flag.step, 12_000n);
      await settled(alice, flag);
      const mark = world.market.board.rows[0]!.mark;
      const boughtNow = (lots: bigint) => fillOf("board-60", { 0: lots }, -lots * mark, blinding++);
      // Better is not enough.
      await falsely(alice.trading(boughtNow(5_000n), 1n, bob.id));
      const less = boughtNow(50_000n);
      const [ready, b] = [await alice.trading(less, 1n, bob.id), await bob.trading(less, -1n, alice.id)];
      await expect(exchange.trade!(await tradeOf(alice, ready, bob, b)))
        .to.emit(gate, "StageSet")
        .withArgs(alice.id, 0);
      await settled(alice, ready);
      await settled(bob, b);
    });

    it("what a called account has been paid in, anyone who can prove it absorbs", async () => {
      await call(alice.gate, "deposit", alice.id, alice.owner.address, CASH, 10n * E6);
      const whole = await alice.absorption(CASH, 10n * E6);
      await refuses(as(7).absorb!(whole.step, CASH, 10n * E6, false), "NotAuthorised");
      await world.asLiquidation("setStage", alice.id, 1n, 0n);
      await call(as(7), "absorb", whole.step, CASH, 10n * E6, false);
      await settled(alice, whole);
    });
  });

  describe("desks and the fund", () => {
    it("doors are the desks' that they name, and what a batch calls is the desk's own", async () => {
      const step = (await alice.attestation(12_000n)).step;
      const effect = {
        ...{
          typeHash: `0x${"1".repeat(64)}`,
          args: "0x",
          by: 0,
          sender: to(),
          asset: 0,
          amount: 0,
          counter: 0,
          fill: 0,
        },
        ...{ minus: false, level: 0, below: false, evenHeld: false },
      };
      const { clearing, liquidation, fund } = world;
      const none = new Array(16).fill(0n);
      const calls: [string, unknown[], Contract[]][] = [
        ["settleMany", [0, [step], [effect]], [exchange, liquidation]],
        ["enter", [effect.typeHash, "0x", 0, []], [exchange, clearing]],
        ["takeLot", [alice.id, 1n, 2n, none, "0x"], [liquidation]],
        ["setStage", [alice.id, 2n, 0n], [liquidation]],
        ["moveCredit", [alice.id, bob.id, CASH, 1n], [liquidation]],
        ["charge", [alice.id, 1n], [liquidation]],
        ["setHold", [alice.id, 1n], [exchange]],
        ["receiveForFund", [alice.owner.address, 1n], [fund]],
        ["payFromFund", [to(), 1n], [fund]],
      ];
      const everybody = [as(0), as(6), as(7), alice.gate];
      for (const desk of [exchange, clearing, liquidation, fund, world.fixed]) everybody.push(await world.gateAs(desk));
      for (const [method, args, desks] of calls) {
        const at = await Promise.all(desks.map((desk) => desk.getAddress()));
        let refused = 0;
        for (const somebody of everybody) {
          const sender = await (somebody.runner as unknown as { getAddress(): Promise<string> }).getAddress();
          if (at.includes(sender)) continue;
          await refuses(somebody[method]!(...args), "NotDesk").withArgs(sender);
          refused++;
        }
        expect(refused).to.equal(everybody.length - desks.length);
      }
      const asExchange = await world.gateAs(exchange);
      // Of the desks that take steps only one moves money with them.
      const paying = { ...effect, asset: CASH, amount: 1, counter: alice.id };
      const under = { ...step, policyId: 1n, epoch: 1n };
      await refuses(asExchange.settleMany!(0, [under], [paying]), "NotDesk");
      // And from and to accounts that there are: neither the fund nor the world outside is one.
      const asLiquidation = await world.gateAs(liquidation);
      for (const counter of [0n, 99n, (1n << 256n) - 1n]) {
        const elsewhere = { ...paying, amount: -1, counter };
        await refuses(asLiquidation.settleMany!(0, [under], [elsewhere]), "AccountUnknown").withArgs(counter);
      }
      for (const steps of [[under], []]) {
        await expect(asExchange.settleMany!(0, steps, [])).to.be.revertedWithPanic(0x32);
      }
      await refuses(alice.exchange.settleSome!([], 0), "NotSelf", exchange);
      await refuses((clearing.connect(alice.owner) as Contract).expireSome!([], 0), "NotSelf", clearing);
    });

    it("the levy takes no more than the deficit", async () => {
      expect(await world.fund.levyOf!(3_000n * E6)).to.equal(0n);
      await world.asLiquidation("moveCredit", 0n, bob.id, CASH, 20n * E6);
      // One percent would be 30.
      const given = payout(3_000n * E6);
      const ready = await alice.withdrawal(given);
      await expect(withdraw(ready, alice, given))
        .to.emit(gate, "Withdrawn")
        .withArgs(alice.id, CASH, given.amount, to(), 0, 20n * E6);
      expect(await gate.fund!()).to.equal(0n);
      expect(await world.tokens.get(CASH)!.balanceOf!(to())).to.equal(2_980n * E6);
    });

    it("an empty fund goes into deficit, which donations and a levy on cash repay, one for one", async () => {
      const fund = world.fund.connect(alice.owner) as Contract;
      await call(fund, "donate", 30n * E6);
      expect(await gate.fund!()).to.equal(30n * E6);
      await world.asLiquidation("moveCredit", 0n, bob.id, CASH, 50n * E6);
      expect(await gate.fund!()).to.equal(-20n * E6);
      const fromFund = (amount: bigint) =>
        world.gateAs(world.fund).then((asFund) => asFund.payFromFund!(to(), amount) as Promise<unknown>);
      await refuses(fromFund(1n), "CreditTooSmall");
      const before = (await gate.custodyOf!(CASH)) as bigint;
      // One percent of 1000.
      const given = payout(1_000n * E6);
      const ready = await alice.withdrawal(given);
      await withdraw(ready, alice, given);
      await settled(alice, ready);
      expect(await gate.fund!()).to.equal(-10n * E6);
      expect(await world.tokens.get(CASH)!.balanceOf!(to())).to.equal(990n * E6);
      expect(await gate.custodyOf!(CASH)).to.equal(before - 990n * E6);
      const again = await alice.leaving(given);
      await exit(again, alice, given);
      await settled(alice, again);
      expect(await gate.fund!()).to.equal(0n);
      await call(fund, "donate", 7n * E6);
      await world.asLiquidation("moveCredit", 0n, bob.id, CASH, 10n * E6);
      await call(fund, "donate", 4n * E6);
      expect(await gate.fund!()).to.equal(E6);
      await refuses(fromFund(E6 + 1n), "CreditTooSmall");
      await fromFund(E6);
      expect(await gate.fund!()).to.equal(0n);
      await refuses(world.asLiquidation("moveCredit", 0n, bob.id, BTC, 1n), "FundHoldsCash");
      await call(alice.gate, "deposit", alice.id, alice.owner.address, BTC, 1n);
      await refuses(world.asLiquidation("moveCredit", alice.id, 0n, BTC, 1n), "FundHoldsCash");
      for (const [amount, error] of [
        [0n, "AmountZero"],
        [1n << 255n, "AmountTooLarge"],
      ] as const) {
        await refuses(world.asLiquidation("moveCredit", 0n, bob.id, CASH, amount), error);
      }
      await refuses(world.asLiquidation("moveCredit", alice.id, bob.id, CASH, 1n), "CreditTooSmall");
      await refuses(world.asLiquidation("moveCredit", bob.id, 99n, CASH, 1n), "AccountUnknown");
    });

    it("V14: cash leaves the fund through the queue alone, and never more than there is", async () => {
      const { fund } = world;
      await call(fund.connect(alice.owner), "donate", 30n * E6);
      for (const index of [0, 6, 7, 17]) await refuses(as(index, fund).withdraw!(to(), E6), "NotQueue", fund);
      const queue = fund.connect(await world.queue()) as Contract;
      await refuses(queue.withdraw!(NOBODY, E6), "AddressZero", fund);
      await refuses(queue.withdraw!(to(), 30n * E6 + 1n), "CreditTooSmall");
      const before = (await gate.custodyOf!(CASH)) as bigint;
      await expect(queue.withdraw!(to(), 30n * E6))
        .to.emit(fund, "FundWithdrawn")
        .withArgs(to(), 30n * E6);
      expect(await world.tokens.get(CASH)!.balanceOf!(to())).to.equal(30n * E6);
      expect(await gate.custodyOf!(CASH)).to.equal(before - 30n * E6);
      expect(await gate.fund!()).to.equal(0n);
    });

    it("cash that was lent to accounts is not the fund's to take", async () => {
      const fund = world.fund.connect(await world.queue()) as Contract;
      await call(world.fund.connect(alice.owner), "donate", 30n * E6);
      await alice.fund(BTC, 100n * E8);
      const lent = payout((await gate.custodyOf!(CASH)) as bigint);
      const ready = await alice.withdrawal(lent);
      await withdraw(ready, alice, lent);
      await settled(alice, ready);
      await refuses(fund.withdraw!(to(), 30n * E6), "CustodyTooSmall");
      await bob.fund(CASH, 30n * E6);
      await call(fund, "withdraw", to(), 30n * E6);
      expect(await gate.custodyOf!(CASH)).to.equal(0n);
    });
  });

  describe("batches", () => {
    const LOTS = 1_000n;
    /** Every member trades against the clearing account, in order; `spoilt` trades get a proof of something else. */
    async function round(members: readonly Holder[], clearing: Holder, lots: readonly bigint[], spoilt?: number) {
      const trades = [];
      for (const [index, member] of members.entries()) {
        const fill = bought(lots[index]!);
        const a = await member.trading(fill, 1n, clearing.id);
        const b = await clearing.trading(fill, -1n, member.id);
        const made = await tradeOf(member, a, clearing, b);
        if (index === spoilt) {
          // A proof that holds, of another statement; the account's others rest on a state that never comes.
          const { proof } = (await member.attestation(12_000n)).step;
          trades.push({ ...made, a: { ...made.a, step: { ...made.a.step, proof } } });
        } else {
          trades.push(made);
          [member.state, clearing.state] = [a.after, b.after];
        }
      }
      return trades;
    }
    const skips = (receipt: unknown) => skipsOf(exchange, receipt);

    it("novation: members against a clearing account in one batch, which is flat at the end", async () => {
      const clearing = await world.holder(12);
      await clearing.fund(CASH, 500_000n * E6);
      const carol = await world.holder(13);
      await carol.fund(CASH, 500_000n * E6);
      const trades = await round([alice, bob, carol], clearing, [2n * LOTS, -3n * LOTS, LOTS]);
      const receipt = await call(as(15, exchange), "settleBatch", trades, EACH);
      expect(skips(receipt)).to.deep.equal([]);
      for (const holder of [alice, bob, carol, clearing]) {
        expect((await stored(holder)).state).to.equal(commitState(holder.state));
      }
      expect(clearing.state.positions.every((lots) => lots === 0n)).to.equal(true);
      expect(clearing.state.cash).to.equal(500_000n * E6);
      expect(alice.state.positions[0]! + bob.state.positions[0]! + carol.state.positions[0]!).to.equal(0n);
    });

    it("a bad trade in the middle is skipped by name and the others settle", async () => {
      const clearing = await world.holder(12);
      await clearing.fund(CASH, 500_000n * E6);
      const carol = await world.holder(13);
      await carol.fund(CASH, 500_000n * E6);
      const trades = await round([alice, bob, carol], clearing, [LOTS, LOTS, -LOTS], 1);
      const receipt = await call(as(15, exchange), "settleBatch", trades, EACH);
      const selector = world.verifier.interface.getError("ProofInvalid")!.selector;
      expect(skips(receipt)).to.deep.equal([[1n, selector]]);
      for (const holder of [alice, bob, carol, clearing]) {
        expect((await stored(holder)).state).to.equal(commitState(holder.state));
      }
      expect(bob.state.sequence).to.equal(2n);
      // Nothing of it works a second time.
      expect(skips(await call(as(15, exchange), "settleBatch", trades, EACH)).map(([index]) => index)).to.deep.equal([
        0n,
        1n,
        2n,
      ]);
    });

    it("V06: given too little gas a batch reverts as a whole; nothing is skipped for want of gas", async () => {
      const clearing = await world.holder(12);
      await clearing.fund(CASH, 500_000n * E6);
      const trades = await round([alice, bob], clearing, [LOTS, LOTS], 0);
      const data = exchange.interface.encodeFunctionData("settleBatch", [trades, EACH]);
      const limiter = await world.ethers.deployContract("GasLimiter");
      const before = [(await stored(alice)).state, (await stored(bob)).state];
      let taken = 0;
      for (let gas = 100_000; gas <= 4_000_000; gas += 150_000) {
        const snapshot = await world.chain.networkHelpers.takeSnapshot();
        const receipt = await call(limiter, "call", exchange, gas, data);
        const states = [(await stored(alice)).state, (await stored(bob)).state];
        if (states[1] === before[1]) {
          expect([states, skips(receipt)]).to.deep.equal([before, []]);
        } else {
          taken++;
          expect(states).to.deep.equal([before[0], commitState(bob.state)]);
          expect(skips(receipt).map(([index]) => index)).to.deep.equal([0n]);
        }
        await snapshot.restore();
      }
      expect(taken).to.be.within(3, 25);
      await refuses(exchange.settleBatch!(trades, EACH, { gasLimit: 1_600_000n }), "GasTooLow", exchange);
    });

    it("in a batch nobody's being the sender is an agreement, and no item calls the gate as somebody else", async () => {
      const fill = bought(10n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const good = await tradeOf(alice, a, bob, b);
      const receipt = await call(alice.exchange, "settleBatch", [{ ...good, a: { ...good.a, step: a.step } }], EACH);
      expect(skips(receipt)[0]![1].slice(0, 10)).to.equal(gate.interface.getError("NotAuthorised")!.selector);
      const unsigned = [{ ...good, operatorSignature: "0x" }];
      const nobody = await call(exchange.connect(world.operator), "settleBatch", unsigned, EACH);
      expect(skips(nobody)[0]![1].slice(0, 10)).to.equal(exchange.interface.getError("OperatorMissing")!.selector);
      await call(as(15, exchange), "settleBatch", [good], EACH);
      await settled(alice, a);
      await settled(bob, b);
    });
  });

  describe("settlements", () => {
    it("an account that has not passed its board's settlement does nothing else; those who have go on", async () => {
      await trade(alice, bob, 1_000n);
      await world.openSettlement({ 0: MARK + 5n * E6 });
      const [leaving, absorbing] = [await alice.attestation(0n), await alice.absorption(CASH, E6)];
      await call(bob.gate, "deposit", alice.id, alice.owner.address, CASH, E6);
      await refuses(exit(leaving), "SettlementPending");
      await refuses(alice.gate.absorb!(absorbing.step, CASH, E6, false), "SettlementPending");
      expect(await gate.allSettled!(1n, 1n)).to.equal(false);

      const marks = { 0: MARK + 5n * E6 };
      const [a, b] = [await alice.expiring(1n, marks), await bob.expiring(1n, marks)];
      // The marks are the board's, and nobody's to choose; a settlement is passed once, and in order.
      const other = await alice.expiring(1n, { 0: MARK + 6n * E6 });
      await refuses(as(17, world.clearing).expire!(other.step), "ProofInvalid", world.settlementVerifier);
      await refuses(as(17, world.clearing).expire!({ ...a.step, account: bob.id }), "StateSuperseded");
      const receipt = await call(as(17, world.clearing), "expireBatch", [a.step, other.step, b.step], EACH);
      expect(skipsOf(world.clearing, receipt).map(([index]) => index)).to.deep.equal([1n]);
      await settled(alice, a);
      await settled(bob, b);
      expect(alice.state.cash + bob.state.cash).to.equal(2_000_000n * E6);
      expect(alice.state.positions[0]).to.equal(0n);
      expect(await gate.allSettled!(1n, 1n)).to.equal(true);
      expect(await gate.allSettled!(1n, 2n)).to.equal(false);
      await refuses(as(17, world.clearing).expire!((await alice.expiring(2n, marks)).step), "SettlementNone");
      // New accounts have nothing to pass.
      const carol = await world.holder(12);
      expect((await stored(carol)).settled).to.equal(1n);
      await exit(await alice.leaving(payout()));
    });

    it("while a lot of it is out nothing leaves an account, nor attests: no exit, no withdrawal, no trade", async () => {
      await trade(alice, bob, -50_000n);
      const less = bought(10_000n);
      const [ready, b] = [await alice.trading(less, 1n, bob.id), await bob.trading(less, -1n, alice.id)];
      const any = await alice.attestation(12_000n);
      await world.asLiquidation("setStage", alice.id, 2n, 0n);
      await refuses(exit(any), "StageWrong");
      await refuses(withdraw(any), "StageWrong");
      const good = await tradeOf(alice, ready, bob, b);
      await refuses(exchange.trade!(good), "StageWrong");
      await refuses(alice.gate.attest!(any.step, 12_000n), "StageWrong");
      // Its state stands still, so that the lot stays what was proven; a deposit is taken all the same, and absorbed afterwards.
      await call(alice.gate, "deposit", alice.id, alice.owner.address, CASH, E6);
      const absorbing = await alice.absorption(CASH, E6);
      await refuses(alice.gate.absorb!(absorbing.step, CASH, E6, absorbing.below), "StageWrong");
      await world.asLiquidation("setStage", alice.id, 1n, 0n);
      const again = await alice.attestation(12_000n);
      await call(alice.gate, "attest", again.step, 12_000n);
      await settled(alice, again);
      expect((await stored(alice)).stage).to.equal(0n);
    });

    it("a board that is not the gate's is not said to have settled", async () => {
      expect(await gate.allSettled!(1n, 0n)).to.equal(true);
      expect(await gate.allSettled!(2n, 0n)).to.equal(false);
    });

    it("no account settles while a lot of it is out", async () => {
      await world.openSettlement({ 0: MARK });
      await world.asLiquidation("setStage", alice.id, 2n, 0n);
      await refuses(as(17, world.clearing).expire!((await alice.expiring(1n, { 0: MARK })).step), "StageWrong");
      await world.asLiquidation("setStage", alice.id, 1n, 0n);
      await call(as(17, world.clearing), "expire", (await alice.expiring(1n, { 0: MARK })).step);
    });

    it("the end of a board's life: everything settles at the last marks, and everybody leaves with everything", async () => {
      await trade(alice, bob, 1_000n);
      await call(world.fund.connect(alice.owner), "donate", 30n * E6);
      await call(world.fixed, "setUsable", false, false);
      const marks = Object.fromEntries(MARKET.board.rows.map(({ mark }, row) => [row, mark]));
      await world.openSettlement(marks);
      for (const holder of [alice, bob]) {
        const ready = await holder.expiring(1n, marks);
        await call(as(17, world.clearing), "expire", ready.step);
        await settled(holder, ready);
        const all = payout(holder.state.cash);
        const leaving = await holder.leaving(all);
        await exit(leaving, holder, all);
        await settled(holder, leaving);
      }
      // What is left is the fund's.
      await call(world.fund.connect(await world.queue()), "withdraw", to(), (await gate.custodyOf!(CASH)) as bigint);
      expect([await gate.custodyOf!(CASH), await gate.fund!()]).to.deep.equal([0n, 0n]);
    });
  });

  it("O10: what was delisted counts nothing, and is withdrawn all the same", async () => {
    await alice.fund(ETH, 10n * E18);
    await world.setPolicy({ ...world.policy, schedules: world.policy.schedules.with(1, UNLISTED) });
    const { equity } = evaluate(alice.state, world.policy, world.market);
    expect(equity).to.equal(alice.state.cash * 10n ** 14n);
    const given = payout(10n * E18, ETH);
    const ready = await alice.withdrawal(given);
    await withdraw(ready, alice, given);
    await settled(alice, ready);
    expect(await world.tokens.get(ETH)!.balanceOf!(to())).to.equal(10n * E18);
  });
});
