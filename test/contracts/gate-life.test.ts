// SPDX-License-Identifier: GPL-3.0-or-later
// The life of accounts beside the main path: agents and a silent operator, batches, improvements, settlements, pauses and
// exits. A simulated key that proves what is true by the model, and nothing else.
import { expect } from "chai";
import type { Contract, ContractTransactionReceipt } from "ethers";
import { deploy } from "../../prover/src/chain/deploy.ts";
import { signClear } from "../../prover/src/chain/gate-calls.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { commitFill, commitState } from "../../prover/src/model/commit.ts";
import { coverageBpsDown, evaluate } from "../../prover/src/model/evaluate.ts";
import { UNLISTED } from "../../prover/src/model/policy.ts";
import { simulatedKey } from "../support/simulated.ts";
import {
  BTC,
  CASH,
  call,
  callView,
  cleared,
  DAY,
  deployable,
  E6,
  E8,
  E18,
  ETH,
  fillOf,
  type Holder,
  marketAt,
  OPERATOR_DEADLINE,
  parametersOf,
  type Ready,
  sideOf,
  tradeOf,
  World,
} from "./world.ts";

const KEY = simulatedKey("board-60");
const MARKET = marketAt("board-60", 100_000n, 4_000n);
const MARK = MARKET.board.rows[0]!.mark;

describe("margin gate, the life of accounts", () => {
  let world: World;
  let gate: Contract;
  let alice: Holder;
  let bob: Holder;
  let restore: () => Promise<void>;

  before(async () => {
    world = await World.create({ key: KEY, truthful: true });
    gate = world.gate;
    alice = await world.holder(10);
    bob = await world.holder(11);
    for (const holder of [alice, bob]) await holder.fund(CASH, 1_000_000n * E6);
  });
  beforeEach(async () => {
    const snapshot = await world.chain.networkHelpers.takeSnapshot();
    const states = [alice.state, bob.state] as const;
    restore = async () => {
      await snapshot.restore();
      [alice.state, bob.state] = states;
      [world.market, world.epoch] = [MARKET, 1n];
    };
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
  const as = (index: number) => gate.connect(world.signers[index]!) as Contract;
  const refuses = (sent: Promise<unknown>, error: string, of = gate) =>
    expect(sent).to.be.revertedWithCustomError(of, error);
  const falsely = (proving: Promise<unknown>) =>
    proving.then(
      () => expect.fail("a false statement was proven"),
      (error: unknown) => expect(error).to.have.property("code", "STATEMENT_FALSE"),
    );
  const to = () => world.signers[16]!.address;
  const payout = (amount = 5n * E6, asset = CASH) => ({ asset, amount, recipient: to(), fee: 0n });
  const withdraw = ({ step }: Ready, by = alice, { asset, amount, recipient, fee } = payout()) =>
    by.gate.withdraw!(step, asset, amount, recipient, fee) as Promise<unknown>;
  const exit = ({ step }: Ready, by = alice, { asset, amount, recipient, fee } = payout()) =>
    by.gate.exit!(step, asset, amount, recipient, fee) as Promise<unknown>;
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
    await call(gate, "trade", await tradeOf(a, one, b, two));
    await settled(a, one);
    await settled(b, two);
  }

  describe("agents and operator", () => {
    it("an agent signs trades, and nothing else; the owner alone names it and takes it back", async () => {
      await refuses(as(14).setAgent!(alice.id, to()), "NotAuthorised");
      // The gate is the sender of what is in a batch.
      await refuses(alice.gate.setAgent!(alice.id, gate), "AddressZero");
      await call(alice.gate, "setAgent", alice.id, world.signers[14]!.address);
      const fill = bought(100n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const good = { ...(await tradeOf(alice, a, bob, b)), a: await sideOf(alice, a, world.signers[14]) };
      const payment = await alice.withdrawal(payout());
      const { asset, amount, recipient, fee } = payout();
      const signed = await alice.signed(payment, world.signers[14]);
      for (const method of ["withdraw", "exit"]) {
        await refuses(as(14)[method]!(signed, asset, amount, recipient, fee), "NotAuthorised");
      }
      const attest = await alice.attestation(12_000n);
      await refuses(as(14).attest!(attest.step, 12_000n), "NotAuthorised");
      const snapshot = await world.chain.networkHelpers.takeSnapshot();
      await call(gate, "trade", good);
      await snapshot.restore();
      await call(as(14), "trade", { ...good, a: { ...good.a, step: a.step } });
      await snapshot.restore();
      await call(alice.gate, "setAgent", alice.id, `0x${"0".repeat(40)}`);
      await refuses(gate.trade!(good), "NotAuthorised");
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
      await refuses(as(17).trade!(await signedBy(15)), "NotAuthorised").withArgs(fresh.id, world.signers[17]!.address);
      await call(as(17), "trade", await signedBy(14));
      await settled(fresh, b);
    });

    it("the operator agrees to both sides and to no others, until it has been silent past its deadline", async () => {
      const fill = bought(100n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const good = await tradeOf(alice, a, bob, b);
      const domain = await world.domain("MarginGate");
      for (const wrong of [
        "0x",
        await signClear(world.operator, domain, b.call, a.call),
        await signClear(world.operator, domain, a.call),
        await signClear(alice.owner, domain, a.call, b.call),
      ]) {
        await refuses(gate.trade!({ ...good, operatorSignature: wrong }), "OperatorMissing");
      }
      // A sender that is the operator needs no signature of its own.
      const snapshot = await world.chain.networkHelpers.takeSnapshot();
      await call(gate.connect(world.operator), "trade", { ...good, operatorSignature: "0x" });
      await snapshot.restore();
      await refuses(alice.gate.heartbeat!(), "NotAuthorised");
      await call(gate.connect(world.operator), "heartbeat");
      await world.time.increase(OPERATOR_DEADLINE - 10n);
      await world.publish();
      const [late, later] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const forced = { ...(await tradeOf(alice, late, bob, later)), operatorSignature: "0x" };
      await refuses(gate.trade!(forced), "OperatorMissing");
      await world.time.increase(20n);
      await call(gate, "trade", forced);
      // And an account opens without it.
      const fresh = alice.with({ state: genesis("board-60"), viewingKey: 99n as never });
      const { opening, ready } = await fresh.opening(alice.owner.address);
      await call(alice.gate, "open", opening, ready.step, "0x");
    });

    it("a signature of the operator's that others bring is no sign of life; a call of its own is", async () => {
      const fill = bought(1n);
      const operator = gate.connect(world.operator) as typeof gate;
      for (const method of ["trade", "settleBatch"]) {
        const before = await gate.operatorSeen!();
        for (const sender of [as(17), operator]) {
          const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
          const good = await tradeOf(alice, a, bob, b);
          await call(sender, method, method === "trade" ? good : [good]);
          await settled(alice, a);
          await settled(bob, b);
          expect(await gate.operatorSeen!()).to.equal(sender === operator ? await world.now() : before);
        }
      }
    });

    it("an operator may not be waited for without end, nor not at all", async () => {
      const libraries = { Tokens: await world.ethers.deployContract("Tokens") };
      const create = (deadline: bigint) =>
        world.ethers.deployContract("MarginGate", [world.oracle, alice.owner, alice.owner, deadline], { libraries });
      for (const deadline of [0n, 30n * DAY + 1n]) await refuses(create(deadline), "OperatorDeadlineRefused");
      await create(30n * DAY);
    });

    it("the gate's owner replaces the operator; nobody else", async () => {
      await refuses(as(7).setOperator!(to()), "OwnableUnauthorizedAccount");
      for (const nobody of [`0x${"0".repeat(40)}`, gate]) await refuses(gate.setOperator!(nobody), "AddressZero");
      await call(gate, "setOperator", world.signers[8]);
      const fill = bought(1n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      await refuses(gate.trade!(await tradeOf(alice, a, bob, b)), "OperatorMissing");
      await call(gate, "trade", await tradeOf(alice, a, bob, b, world.signers[8]));
    });
  });

  describe("V13: pauses, halts, silence of the oracle", () => {
    it("while paused: top-ups and exits work, the rest is refused with the reason, and the pause ends by itself", async () => {
      const carol = await world.holder(12);
      await carol.fund(CASH, 100n * E6);
      await call(world.oracle.connect(world.guardian), "pause", 1n, DAY);
      await alice.fund(BTC, E8);
      const out = await carol.leaving(payout(100n * E6));
      const { asset, recipient, fee } = payout();
      await call(carol.gate, "exit", out.step, asset, 100n * E6, recipient, fee);
      const ready = await alice.withdrawal(payout());
      await refuses(withdraw(ready), "BoardPaused", world.oracle);
      await refuses(alice.gate.attest!(ready.step, 12_000n), "BoardPaused", world.oracle);
      await refuses(alice.gate.flag!(ready.step, 12_000n), "BoardPaused", world.oracle);
      const fill = bought(10n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      await refuses(gate.trade!(await tradeOf(alice, a, bob, b)), "BoardPaused", world.oracle);
      await world.time.increase(DAY + 1n);
      await world.publish();
      await withdraw(await alice.withdrawal(payout()));
    });

    it("without any oracle, for ever: an account without positions and debt leaves, one with either cannot", async () => {
      await trade(alice, bob, 100n);
      const carol = await world.holder(12);
      await carol.fund(CASH, 100n * E6);
      await carol.fund(BTC, E8);
      await world.time.increase(400n * DAY);
      await refuses(withdraw(await alice.withdrawal(payout())), "EpochStale", world.oracle);
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
      await asModule("setStage", alice.id, 1n);
      await refuses(withdraw(withdrawing), "StageWrong");
      await exit(leaving);
      await settled(alice, leaving);
    });

    it("a price that halves and more halts withdrawals, trades and evidence for ten minutes; exits go on", async () => {
      const crash = marketAt("board-60", 45_000n, 4_000n);
      await world.publish(crash);
      await refuses(withdraw(await alice.withdrawal(payout())), "EpochHalted", world.oracle);
      await refuses(alice.gate.flag!((await alice.attestation(12_000n)).step, 12_000n), "EpochHalted", world.oracle);
      const leaving = await alice.leaving(payout());
      await exit(leaving);
      await settled(alice, leaving);
      // A second epoch says so ten minutes later.
      await world.time.increase(600);
      await world.publish(crash);
      await withdraw(await alice.withdrawal(payout()));
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

    it("V17: only the policy's levels, only the standing epoch, only a complete one, and only what is new", async () => {
      await fallen();
      for (const level of [1n, 11_999n, 15_000n, 1n << 32n]) {
        await refuses(alice.gate.flag!((await alice.attestation(0n)).step, level), "LevelNotInPolicy");
      }
      const flagged = await alice.flagging(10_000n);
      await call(as(17), "flag", flagged.step, 10_000n);
      await settled(alice, flagged);
      const again = await alice.flagging(12_000n);
      await refuses(as(17).flag!(again.step, 12_000n), "VerdictKnown");
      for (const level of [6_000n, 0n]) await falsely(alice.flagging(level));
      expect((await stored(alice)).stage).to.equal(1n);
      const old = await alice.flagging();
      await world.publish(world.market);
      await refuses(as(17).flag!(old.step, 12_000n), "EpochNotStanding");
      // An asset without a price: nothing is held against anyone.
      const market = { ...world.market, prices: world.market.prices.with(1, 0n as never) };
      await world.publish(market);
      const flag = await alice.flagging();
      await refuses(as(17).flag!(flag.step, 12_000n), "EpochIncomplete", world.oracle);
    });

    it("V17: a lower level of the same epoch is news, and so is any level of a later one", async () => {
      await fallen();
      for (const [level, epoch] of [
        [12_000n, 2n],
        [10_000n, 2n],
        [12_000n, 3n],
      ] as const) {
        if (epoch !== world.epoch) await world.publish();
        const flagged = await alice.flagging(level);
        await expect(as(17).flag!(flagged.step, level)).to.emit(gate, "Flagged").withArgs(alice.id, level, epoch);
        await settled(alice, flagged);
      }
      expect((await stored(alice)).stage).to.equal(1n);
    });

    it("an account that was closed out is healthy again with the call level, and no stage is set twice", async () => {
      const module = gate.connect(await moduleSigner()) as Contract;
      await expect(module.setStage!(alice.id, 3n)).to.emit(gate, "StageSet").withArgs(alice.id, 3);
      await expect(module.setStage!(alice.id, 3n)).not.to.emit(gate, "StageSet");
      const ready = await alice.attestation(12_000n);
      await expect(alice.gate.attest!(ready.step, 12_000n)).to.emit(gate, "StageSet").withArgs(alice.id, 0);
      await settled(alice, ready);
    });

    it("G05: within the grace an attestation of the epoch before lands, but no money leaves by it, and it is neither evidence nor a cure", async () => {
      const graced = await World.create({ key: KEY, truthful: true, terms: { epochGrace: 60n } });
      const [a, b] = [await graced.holder(10), await graced.holder(11)];
      for (const holder of [a, b]) await holder.fund(CASH, 1_000_000n * E6);
      const fill = bought(-50_000n);
      const [one, two] = [await a.trading(fill, 1n, b.id), await b.trading(fill, -1n, a.id)];
      await call(graced.gate, "trade", await tradeOf(a, one, b, two));
      [a.state, b.state] = [one.after, two.after];
      const before = graced.market;
      const early = await b.withdrawal(payout());
      await graced.publish(RISEN);
      const { asset, amount, recipient, fee } = payout();
      await refuses(b.gate.withdraw!(early.step, asset, amount, recipient, fee), "EpochNotStanding", graced.gate);

      const flag = await a.flagging();
      await call(a.gate, "flag", flag.step, 12_000n);
      a.state = flag.after;
      // Under the epoch before she was fine: true, accepted, and no cure.
      const fallen = graced.market;
      graced.market = before;
      const cure = await a.attestation(12_000n, { epoch: 1n });
      await call(a.gate, "attest", cure.step, 12_000n);
      a.state = cure.after;
      expect((await graced.gate.accountOf!(a.id)).stage).to.equal(1n);
      const late = await a.attestation(12_000n, { epoch: 1n });
      graced.market = fallen;
      const evidence = await a.flagging(12_000n, { epoch: 1n });
      await refuses(a.gate.flag!(evidence.step, 12_000n), "EpochNotStanding", graced.gate);
      await graced.time.increase(61n);
      await refuses(a.gate.attest!(late.step, 12_000n), "EpochSuperseded", graced.oracle);
    });

    it("a called account trades where it improves, for a level of its choice; worse or equal it cannot prove", async () => {
      await fallen();
      const flag = await alice.flagging();
      await call(as(17), "flag", flag.step, 12_000n);
      await settled(alice, flag);
      const now = coverageBpsDown(evaluate(alice.state, world.policy, world.market))!;
      const mark = world.market.board.rows[0]!.mark;
      const less = fillOf("board-60", { 0: 20_000n }, -20_000n * mark, blinding++);
      const more = fillOf("board-60", { 0: -20_000n }, 20_000n * mark, blinding++);
      await falsely(alice.improving(more, 1n, bob.id, now + 1n));
      const { ready, side } = await alice.improving(less, 1n, bob.id, now + 1n);
      const b = await bob.trading(less, -1n, alice.id);
      const fill = commitFill(less);
      const good = { a: side, b: await sideOf(bob, b), fill, operatorSignature: await cleared(world, ready, b) };
      const worse = side.worse[0]!;
      await refuses(gate.trade!({ ...good, a: { ...side, worse: [] } }), "StageWrong");
      await refuses(gate.trade!({ ...good, a: { ...side, worse: [worse, worse] } }), "ImprovementMalformed");
      await refuses(
        gate.trade!({ ...good, a: { ...side, worse: [{ ...worse, account: bob.id }] } }),
        "ImprovementMalformed",
      );
      await refuses(gate.trade!({ ...good, a: { ...side, worse: [{ ...worse, epoch: 1n }] } }), "ImprovementMalformed");
      await refuses(gate.trade!({ ...good, a: { ...side, level: 15_001n } }), "LevelNotInPolicy");
      // Signed for one level, sent for another.
      await refuses(gate.trade!({ ...good, a: { ...side, level: now } }), "NotAuthorised");
      await call(gate, "trade", good);
      await settled(alice, ready);
      expect((await stored(alice)).stage).to.equal(1n);
    });

    it("what a called account has been paid in, anyone who can prove it absorbs, whole", async () => {
      await call(alice.gate, "deposit", alice.id, alice.owner.address, CASH, 10n * E6);
      const whole = await alice.absorption({ asset: CASH, amount: 10n * E6 });
      await refuses(as(7).absorb!(whole.step, CASH, 10n * E6, false), "NotAuthorised");
      await asModule("setStage", alice.id, 1n);
      const part = await alice.absorption({ asset: CASH, amount: 5n * E6 });
      await refuses(as(7).absorb!(part.step, CASH, 5n * E6, false), "NotAuthorised");
      await call(as(7), "absorb", whole.step, CASH, 10n * E6, false);
      await settled(alice, whole);
    });
  });

  async function impersonated(address: string) {
    await world.chain.networkHelpers.impersonateAccount(address);
    await world.chain.networkHelpers.setBalance(address, 10n ** 20n);
    return world.ethers.getSigner(address);
  }
  const moduleSigner = async () => impersonated(await world.deployment.liquidation.getAddress());
  /** As the liquidation module: whatever it does is its own to check. */
  const asModule = async (method: string, ...args: unknown[]) =>
    call(gate.connect(await moduleSigner()), method, ...args);

  describe("the module and the fund", () => {
    it("its doors are the module's alone, and the gate's own are the gate's", async () => {
      const { step } = await alice.attestation(12_000n);
      const effect = {
        ...{ typeHash: `0x${"1".repeat(64)}`, args: "0x", by: 0, sender: to(), basis: 0, asset: 0, amount: 0 },
        ...{ counter: 0, fill: 0, minus: false, level: 0, below: false, pending: false },
      };
      const calls: [string, unknown[]][] = [
        ["settleFor", [step, effect]],
        ["setStage", [alice.id, 2n]],
        ["moveCredit", [alice.id, bob.id, CASH, 1n]],
        ["payFromFund", [to(), 1n]],
      ];
      for (const [method, args] of calls) {
        await refuses(as(7)[method]!(...args), "NotLiquidation");
        await refuses(gate[method]!(...args), "NotLiquidation");
      }
      await refuses(gate.setLiquidation!(to()), "LiquidationTaken");
      await refuses(as(7).setLiquidation!(to()), "OwnableUnauthorizedAccount");
      await refuses(alice.gate.settleSome!([]), "NotSelf");
      await refuses(alice.gate.expireSome!([]), "NotSelf");
    });

    it("the module is named once, by the gate's owner, and is somebody", async () => {
      const libraries = { Tokens: await world.ethers.deployContract("Tokens") };
      const made = [world.oracle, world.signers[0], world.operator, DAY];
      const bare = await world.ethers.deployContract("MarginGate", made, { libraries });
      await refuses(bare.setLiquidation!(world.ethers.ZeroAddress), "AddressZero");
      await expect(bare.setLiquidation!(to())).to.emit(bare, "LiquidationSet").withArgs(to());
      await refuses(bare.setLiquidation!(alice.owner), "LiquidationTaken").withArgs(to());
    });

    it("the levy takes no more than the deficit", async () => {
      await asModule("moveCredit", 0n, bob.id, CASH, 20n * E6);
      // One percent would be 30.
      const given = payout(3_000n * E6);
      const ready = await alice.withdrawal(given);
      await expect(withdraw(ready, alice, given))
        .to.emit(gate, "Withdrawn")
        .withArgs(alice.id, CASH, given.amount, to(), 0, 20n * E6);
      expect(await gate.deficit!()).to.equal(0n);
      expect(await world.tokens.get(CASH)!.balanceOf!(to())).to.equal(2_980n * E6);
    });

    it("an empty fund goes into deficit, which donations and a levy on cash repay, one for one", async () => {
      await call(alice.gate, "donate", 30n * E6);
      expect(await gate.creditOf!(0n, CASH)).to.equal(30n * E6);
      await asModule("moveCredit", 0n, bob.id, CASH, 50n * E6);
      expect(await gate.creditOf!(0n, CASH)).to.equal(0n);
      expect(await gate.deficit!()).to.equal(20n * E6);
      await refuses(asModule("payFromFund", to(), 1n), "CreditTooSmall");
      const before = (await gate.custodyOf!(CASH)) as bigint;
      // One percent of 1000.
      const given = payout(1_000n * E6);
      const ready = await alice.withdrawal(given);
      await withdraw(ready, alice, given);
      await settled(alice, ready);
      expect(await gate.deficit!()).to.equal(10n * E6);
      expect(await world.tokens.get(CASH)!.balanceOf!(to())).to.equal(990n * E6);
      expect(await gate.custodyOf!(CASH)).to.equal(before - 990n * E6);
      const again = await alice.leaving(given);
      await exit(again, alice, given);
      await settled(alice, again);
      expect(await gate.deficit!()).to.equal(0n);
      await call(alice.gate, "donate", 7n * E6);
      await asModule("moveCredit", 0n, bob.id, CASH, 10n * E6);
      await call(alice.gate, "donate", 4n * E6);
      expect([await gate.deficit!(), await gate.creditOf!(0n, CASH)]).to.deep.equal([0n, E6]);
      await refuses(asModule("payFromFund", to(), E6 + 1n), "CreditTooSmall");
      await asModule("payFromFund", to(), E6);
      expect(await gate.creditOf!(0n, CASH)).to.equal(0n);
      await refuses(asModule("moveCredit", 0n, bob.id, BTC, 1n), "FundHoldsCash");
      await refuses(asModule("moveCredit", alice.id, 0n, BTC, 0n), "FundHoldsCash");
      await refuses(asModule("moveCredit", alice.id, bob.id, CASH, 1n), "CreditTooSmall");
      await refuses(asModule("moveCredit", bob.id, 99n, CASH, 1n), "AccountUnknown");
    });

    it("V14: cash leaves the fund as policies loosen: proposed by the owner, held back by the guardian, by anyone when due", async () => {
      const { liquidation } = world.deployment;
      const module = liquidation.connect(world.signers[0]!) as Contract;
      const [guardian, anyone] = [world.guardian, world.signers[17]!].map((signer) => liquidation.connect(signer));
      const DUE = 2n * DAY;
      await call(alice.gate, "donate", 30n * E6);
      for (const other of [guardian, anyone] as Contract[]) {
        await refuses(other.proposeWithdrawal!(to(), E6) as Promise<unknown>, "NotAuthorised");
      }
      await refuses(module.proposeWithdrawal!(`0x${"0".repeat(40)}`, E6), "AddressZero");
      await refuses(module.proposeWithdrawal!(to(), 0n), "AmountZero");
      await refuses(module.withdrawFund!(), "WithdrawalMissing", liquidation);
      await refuses(module.cancelWithdrawal!(), "WithdrawalMissing", liquidation);

      for (const canceller of [guardian, module] as Contract[]) {
        await call(module, "proposeWithdrawal", to(), 10n * E6);
        await refuses((anyone as Contract).cancelWithdrawal!(), "NotAuthorised");
        await expect(canceller.cancelWithdrawal!())
          .to.emit(liquidation, "WithdrawalCancelled")
          .withArgs(to(), 10n * E6);
        await world.time.increase(DUE);
        await refuses(module.withdrawFund!(), "WithdrawalMissing", liquidation);
      }

      // In the place of another, the wait starts anew; and not for ever.
      await call(module, "proposeWithdrawal", to(), 1n);
      await world.time.increase(DUE);
      await call(module, "proposeWithdrawal", to(), 31n * E6);
      const [, readyAt] = (await liquidation.withdrawal!()) as [string, bigint, bigint];
      await world.time.setNextBlockTimestamp(readyAt - 1n);
      await refuses(module.withdrawFund!(), "WithdrawalTooEarly", liquidation);
      await refuses(module.withdrawFund!(), "CreditTooSmall");
      await call(alice.gate, "donate", E6);
      const late = await world.chain.networkHelpers.takeSnapshot();
      await world.time.setNextBlockTimestamp(readyAt + 14n * DAY + 1n);
      await refuses(module.withdrawFund!(), "WithdrawalLapsed", liquidation);
      await late.restore();

      await world.time.setNextBlockTimestamp(readyAt + 14n * DAY);
      const before = (await gate.custodyOf!(CASH)) as bigint;
      await expect((anyone as Contract).withdrawFund!())
        .to.emit(liquidation, "FundWithdrawn")
        .withArgs(to(), 31n * E6);
      expect(await world.tokens.get(CASH)!.balanceOf!(to())).to.equal(31n * E6);
      expect(await gate.custodyOf!(CASH)).to.equal(before - 31n * E6);
      expect([await gate.creditOf!(0n, CASH), await gate.deficit!()]).to.deep.equal([0n, 0n]);
      await refuses(module.withdrawFund!(), "WithdrawalMissing", liquidation);
    });

    it("cash that was lent to accounts is not the fund's to take", async () => {
      const { liquidation } = world.deployment;
      const module = liquidation.connect(world.signers[0]!) as Contract;
      await call(alice.gate, "donate", 30n * E6);
      await alice.fund(BTC, 100n * E8);
      const lent = payout((await gate.custodyOf!(CASH)) as bigint);
      const ready = await alice.withdrawal(lent);
      await withdraw(ready, alice, lent);
      await settled(alice, ready);
      await call(module, "proposeWithdrawal", to(), 30n * E6);
      await world.time.increase(2n * DAY);
      await refuses(module.withdrawFund!(), "CustodyTooSmall");
      await bob.fund(CASH, 30n * E6);
      await call(module, "withdrawFund");
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
    const skips = (receipt: unknown) =>
      (receipt as ContractTransactionReceipt).logs
        .map((log) => gate.interface.parseLog(log))
        .filter((log) => log?.name === "Skipped")
        .map((log) => [log!.args.index as bigint, log!.args.reason as string] as const);

    it("novation: members against a clearing account in one batch, which is flat at the end", async () => {
      const clearing = await world.holder(12);
      await clearing.fund(CASH, 500_000n * E6);
      const carol = await world.holder(13);
      await carol.fund(CASH, 500_000n * E6);
      const trades = await round([alice, bob, carol], clearing, [2n * LOTS, -3n * LOTS, LOTS]);
      const receipt = await call(as(15), "settleBatch", trades);
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
      const receipt = await call(as(15), "settleBatch", trades);
      const selector = world.verifier.interface.getError("ProofInvalid")!.selector;
      expect(skips(receipt)).to.deep.equal([[1n, selector]]);
      for (const holder of [alice, bob, carol, clearing]) {
        expect((await stored(holder)).state).to.equal(commitState(holder.state));
      }
      expect(bob.state.sequence).to.equal(2n);
      // Nothing of it works a second time.
      expect(skips(await call(as(15), "settleBatch", trades)).map(([index]) => index)).to.deep.equal([0n, 1n, 2n]);
    });

    it("G05: a batch takes trades under the standing epoch, whatever the grace, and skips those under the one before", async () => {
      await world.setPolicy(world.policy, { epochGrace: 60n });
      await world.publish();
      const [early] = await round([alice], bob, [LOTS]);
      await world.publish(marketAt("board-60", 101_000n, 4_000n));
      const reason = gate.interface.encodeErrorResult("EpochNotStanding", [world.epoch, world.epoch - 1n]);
      expect(skips(await call(as(15), "settleBatch", [early]))).to.deep.equal([[0n, reason]]);
    });

    it("V06: given too little gas a batch reverts as a whole; nothing is skipped for want of gas", async () => {
      const clearing = await world.holder(12);
      await clearing.fund(CASH, 500_000n * E6);
      const trades = await round([alice, bob], clearing, [LOTS, LOTS], 0);
      const data = gate.interface.encodeFunctionData("settleBatch", [trades]);
      const limiter = await world.ethers.deployContract("GasLimiter");
      const before = [(await stored(alice)).state, (await stored(bob)).state];
      let taken = 0;
      for (let gas = 100_000; gas <= 4_000_000; gas += 150_000) {
        const snapshot = await world.chain.networkHelpers.takeSnapshot();
        const receipt = await call(limiter, "call", gate, gas, data);
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
      await refuses(gate.settleBatch!(trades, { gasLimit: 1_600_000n }), "GasTooLow");
    });

    it("in a batch nobody's being the sender is an agreement, and no item calls the gate as somebody else", async () => {
      const fill = bought(10n);
      const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
      const good = await tradeOf(alice, a, bob, b);
      const receipt = await call(alice.gate, "settleBatch", [{ ...good, a: { ...good.a, step: a.step } }]);
      expect(skips(receipt)[0]![1].slice(0, 10)).to.equal(gate.interface.getError("NotAuthorised")!.selector);
      const nobody = await call(gate.connect(world.operator), "settleBatch", [{ ...good, operatorSignature: "0x" }]);
      expect(skips(nobody)[0]![1].slice(0, 10)).to.equal(gate.interface.getError("OperatorMissing")!.selector);
      await call(as(15), "settleBatch", [good]);
      await settled(alice, a);
      await settled(bob, b);
      await call(as(15), "settleBatch", []);
    });
  });

  describe("settlements", () => {
    it("an account that has not passed its board's settlement does nothing else; those who have go on", async () => {
      await trade(alice, bob, 1_000n);
      await world.openSettlement({ 0: MARK + 5n * E6 }, 1n);
      const [leaving, absorbing] = [await alice.attestation(0n), await alice.absorption({ asset: CASH, amount: E6 })];
      await call(bob.gate, "deposit", alice.id, alice.owner.address, CASH, E6);
      await refuses(exit(leaving), "SettlementPending");
      await refuses(alice.gate.absorb!(absorbing.step, CASH, E6, false), "SettlementPending");
      expect(await gate.allSettled!(1n, 1n)).to.equal(false);

      const marks = { 0: MARK + 5n * E6 };
      const [a, b] = [await alice.expiring(1n, marks), await bob.expiring(1n, marks)];
      // The marks are the board's, and nobody's to choose; a settlement is passed once, and in order.
      const other = await alice.expiring(1n, { 0: MARK + 6n * E6 });
      await refuses(as(17).expire!(other.step), "ProofInvalid", world.deployment.keys[1]!.verifier);
      await refuses(as(17).expire!({ ...a.step, account: bob.id }), "StateSuperseded");
      const receipt = await call(as(17), "expireBatch", [a.step, other.step, b.step]);
      const skipped = (receipt as unknown as ContractTransactionReceipt).logs
        .map((log) => gate.interface.parseLog(log))
        .filter((log) => log?.name === "Skipped");
      expect(skipped.map((log) => log!.args.index)).to.deep.equal([1n]);
      await settled(alice, a);
      await settled(bob, b);
      expect(alice.state.cash + bob.state.cash).to.equal(2_000_000n * E6);
      expect(alice.state.positions[0]).to.equal(0n);
      expect(await gate.allSettled!(1n, 1n)).to.equal(true);
      expect(await gate.allSettled!(1n, 2n)).to.equal(false);
      await refuses(as(17).expire!((await alice.expiring(2n, marks)).step), "SettlementNone");
      // New accounts have nothing to pass.
      const carol = await world.holder(12);
      expect((await stored(carol)).settled).to.equal(1n);
      await exit(await alice.leaving(payout()));
    });

    it("while a lot of it is out nothing leaves an account, nor attests: no exit, no withdrawal, no trade that improves it", async () => {
      await trade(alice, bob, -50_000n);
      const less = bought(10_000n);
      const [ready, b] = [await alice.trading(less, 1n, bob.id), await bob.trading(less, -1n, alice.id)];
      const any = await alice.attestation(12_000n);
      await asModule("setStage", alice.id, 2n);
      await refuses(exit(any), "StageWrong");
      await refuses(withdraw(any), "StageWrong");
      const good = await tradeOf(alice, ready, bob, b);
      for (const worse of [[], [any.step]]) {
        await refuses(gate.trade!({ ...good, a: { ...good.a, worse } }), "StageWrong");
      }
      await refuses(alice.gate.attest!(any.step, 12_000n), "StageWrong");
      // A top-up is never refused.
      await alice.fund(CASH, E6);
      await asModule("setStage", alice.id, 1n);
      const again = await alice.attestation(12_000n);
      await call(alice.gate, "attest", again.step, 12_000n);
      await settled(alice, again);
      expect((await stored(alice)).stage).to.equal(0n);
    });

    it("a board without accounts has nobody to wait for", async () => {
      expect(await gate.allSettled!(2n, 3n)).to.equal(true);
    });

    it("no account settles while a lot of it is out", async () => {
      await world.openSettlement({ 0: MARK }, 1n);
      await asModule("setStage", alice.id, 2n);
      await refuses(as(17).expire!((await alice.expiring(1n, { 0: MARK })).step), "StageWrong");
      await asModule("setStage", alice.id, 1n);
      await call(as(17), "expire", (await alice.expiring(1n, { 0: MARK })).step);
    });

    it("the end of a board's life: everything settles at the last marks, and everybody leaves with everything", async () => {
      await trade(alice, bob, 1_000n);
      await call(alice.gate, "donate", 30n * E6);
      await world.time.increase(31n * DAY);
      await world.windDown(17);
      const marks = Object.fromEntries(MARKET.board.rows.map(({ mark }, row) => [row, mark]));
      for (const holder of [alice, bob]) {
        const ready = await holder.expiring(1n, marks);
        await call(as(17), "expire", ready.step);
        await settled(holder, ready);
        const all = payout(holder.state.cash);
        const leaving = await holder.leaving(all);
        await exit(leaving, holder, all);
        await settled(holder, leaving);
      }
      // What is left is the fund's.
      await call(world.deployment.liquidation, "proposeWithdrawal", to(), (await gate.custodyOf!(CASH)) as bigint);
      await world.time.increase(2n * DAY);
      await call(world.deployment.liquidation, "withdrawFund");
      expect([await gate.custodyOf!(CASH), await gate.creditOf!(0n, CASH)]).to.deep.equal([0n, 0n]);
    });
  });

  it("O10: what was delisted counts nothing, and is withdrawn all the same", async () => {
    const { policy } = world;
    await alice.fund(ETH, 10n * E18);
    try {
      world.policy = { ...policy, schedules: policy.schedules.with(1, UNLISTED) };
      await world.setPolicy(world.policy);
      await world.publish();
      const { equity } = evaluate(alice.state, world.policy, world.market);
      expect(equity).to.equal(alice.state.cash * 10n ** 14n);
      const given = payout(10n * E18, ETH);
      const ready = await alice.withdrawal(given);
      await withdraw(ready, alice, given);
      await settled(alice, ready);
      expect(await world.tokens.get(ETH)!.balanceOf!(to())).to.equal(10n * E18);
    } finally {
      world.policy = policy;
    }
  });

  it("V15: when keys are rotated, proofs in flight under the old key land until the next epoch", async () => {
    const next = simulatedKey("board-60", 5n);
    const second = await deploy({
      deployer: world.signers[0]!,
      keys: [deployable(next), deployable(world.settlementKey)],
      parameters: parametersOf(world.signers),
    });
    const { registry } = world.deployment;
    const verifier = second.verifiers.get("board-60")!;
    await world.linkPolicy(world.policy, true, verifier, next);
    const inFlight = await alice.withdrawal(payout());
    await world.setUp(registry, "rotate", 1n, second.router);
    await withdraw(inFlight);
    await settled(alice, inFlight);
    await world.publish(world.market, { linkedBy: next });
    await refuses(withdraw(await alice.withdrawal(payout())), "ProofInvalid", verifier);
  });
});
