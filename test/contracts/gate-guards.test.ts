// SPDX-License-Identifier: GPL-3.0-or-later
// Attacks that emptied or froze a venue of the first draft, by their ids, and what refuses them now. A simulated key that
// proves what is true by the model, and nothing else: each attacker has every true proof.
import { expect } from "chai";
import type { Contract } from "ethers";
import { contextOf, type GateCall, stepOf } from "../../prover/src/chain/gate-calls.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { buildStatement } from "../../prover/src/statement/account.ts";
import { simulatedKey } from "../support/simulated.ts";
import {
  BTC,
  CASH,
  call,
  DAY,
  E6,
  E8,
  ETH,
  fillOf,
  GateWorld,
  type Holder,
  marketAt,
  NO_LIMIT,
  OPERATOR_DEADLINE,
  type Ready,
  sideOf,
  skipsOf,
  TERMS,
  tradeOf,
} from "./gate-world.ts";

const KEY = simulatedKey("board-60");
const MARK = marketAt("board-60", 100_000n, 4_000n).board.rows[0]!.mark;
const EACH = 1_500_000n;

describe("margin gate, what attacked it once", () => {
  let world: GateWorld;
  let gate: Contract;
  let exchange: Contract;
  let alice: Holder;
  let bob: Holder;
  let restore: () => Promise<void>;

  before(async () => {
    world = await GateWorld.create({ key: KEY, truthful: true });
    ({ gate, exchange } = world);
    [alice, bob] = [await world.holder(10), await world.holder(11)];
    for (const holder of [alice, bob]) await holder.fund(CASH, 1_000_000n * E6);
  });
  beforeEach(async () => {
    restore = await world.snapshot(alice, bob);
  });
  afterEach(() => restore());

  const refuses = (sent: Promise<unknown>, error: string, of = gate) => world.refuses(sent, error, of);
  const as = (index: number, of = gate) => of.connect(world.signers[index]!) as Contract;
  const to = () => world.signers[16]!.address;
  const payout = (amount = 5n * E6, asset = CASH) => ({ asset, amount, recipient: to(), fee: 0n, least: 0n });
  const withdraw = (ready: Ready, by: Holder, payment = payout()) =>
    by.gate.withdraw!(ready.step, payment) as Promise<unknown>;
  const stored = async ({ id }: Holder) => (await gate.accountOf!(id)) as { stage: bigint; heldUntil: bigint };
  const take = async (holder: Holder, ready: Ready, sent: Promise<unknown>) => {
    await ((await sent) as { wait(): Promise<unknown> }).wait();
    holder.state = ready.after;
  };
  const paid = (amount: bigint, asset = CASH, holder = alice) =>
    call(holder.gate, "deposit", holder.id, holder.owner.address, asset, amount);
  const absorb = async (holder: Holder, amount: bigint, by = holder.gate, asset = CASH) => {
    const ready = await holder.absorption(asset, amount);
    return { ready, sent: by.absorb!(ready.step, asset, amount, ready.below) as Promise<unknown> };
  };
  let blinding = 100n;
  const bought = (lots: bigint) => fillOf("board-60", { 0: lots }, -lots * MARK, blinding++);
  async function prepared(a: Holder, b: Holder, lots = 10n) {
    const fill = bought(lots);
    const [one, two] = [await a.trading(fill, 1n, b.id), await b.trading(fill, -1n, a.id)];
    return { one, two, trade: await tradeOf(a, one, b, two) };
  }
  /** Both sides of a trade that leaves neither account positions nor debt, signed by the owners. */
  async function unwound(a: Holder, b: Holder, fill: ReturnType<typeof bought>, blob?: string) {
    const bound = blob === undefined ? {} : { blob };
    const [one, two] = [await a.unwinding(fill, 1n, b.id, bound), await b.unwinding(fill, -1n, a.id, bound)];
    return { one, two, trade: { ...(await tradeOf(a, one, b, two)), operatorSignature: "0x" } };
  }
  const advance = (seconds: bigint) => call(world.fixed, "advance", seconds);

  describe("G07: outrunning", () => {
    it("an account that is not healthy absorbs once in five minutes: a proof about it lands", async () => {
      await world.asLiquidation("setStage", alice.id, 1n, 0n);
      await paid(100n * E6);
      const first = await absorb(alice, 50n * E6);
      await take(alice, first.ready, first.sent);
      for (const amount of [25n * E6, 50n * E6]) {
        await refuses((await absorb(alice, amount)).sent, "AbsorbedTooRecently");
      }
      await world.time.increase(300n);
      const next = await absorb(alice, 50n * E6);
      await take(alice, next.ready, next.sent);
    });

    it("and in its greater part, not a millionth in every block", async () => {
      await world.asLiquidation("setStage", alice.id, 1n, 0n);
      await paid(100n * E6);
      for (const amount of [1n, 50n * E6 - 1n]) {
        await refuses((await absorb(alice, amount)).sent, "AbsorbsTooLittle").withArgs(alice.id, 100n * E6, amount);
      }
      const half = await absorb(alice, 50n * E6);
      await take(alice, half.ready, half.sent);
    });

    it("under a hold the owner's steps wait; the call level ends it; deposits, absorbs and exits go on", async () => {
      const operator = as(7, exchange);
      await advance(1_000n);
      await expect(operator.hold!(alice.id))
        .to.emit(gate, "Held")
        .withArgs(alice.id, 1_000n + TERMS.holdPeriod);
      await refuses(withdraw(await alice.withdrawal(payout()), alice), "AccountHeld").withArgs(
        alice.id,
        1_000n + TERMS.holdPeriod,
      );
      const { trade } = await prepared(alice, bob);
      await refuses(exchange.trade!(trade), "AccountHeld");
      const low = await alice.attestation(10_000n);
      await refuses(alice.gate.attest!(low.step, 10_000n), "AccountHeld");
      // Healthy, but held: no more often, and no less at a time, than one that is called.
      await paid(10n * E6);
      await refuses((await absorb(alice, 1n)).sent, "AbsorbsTooLittle");
      const whole = await absorb(alice, 10n * E6);
      await take(alice, whole.ready, whole.sent);
      const leaving = await alice.leaving(payout());
      await take(alice, leaving, alice.gate.exit!(leaving.step, payout()));
      const flagged = alice.flagging().catch((error: { code: string }) => error.code);
      expect(await flagged).to.equal("STATEMENT_FALSE");
      const cure = await alice.attestation(12_000n);
      await take(alice, cure, alice.gate.attest!(cure.step, 12_000n));
      expect((await stored(alice)).heldUntil).to.equal(1_000n);
      const ready = await alice.withdrawal(payout());
      await take(alice, ready, withdraw(ready, alice));
    });

    it("a hold ends by the board's clock, and there is no other one for as long after it", async () => {
      const operator = as(7, exchange);
      await advance(1_000n);
      await call(operator, "hold", alice.id);
      const ready = await alice.withdrawal(payout());
      await advance(TERMS.holdPeriod - 1n);
      await refuses(withdraw(ready, alice), "AccountHeld");
      await advance(1n);
      await refuses(operator.hold!(alice.id), "HoldTooEarly", exchange).withArgs(
        alice.id,
        1_000n + 2n * TERMS.holdPeriod,
      );
      await take(alice, ready, withdraw(ready, alice));
      // When it is over credit comes in bit by bit again, as often as its owner wants.
      await paid(10n * E6);
      for (const amount of [1n, 2n]) {
        const bit = await absorb(alice, amount);
        await take(alice, bit.ready, bit.sent);
      }
      await advance(TERMS.holdPeriod - 1n);
      await refuses(operator.hold!(alice.id), "HoldTooEarly", exchange);
      await advance(1n);
      await call(operator, "hold", alice.id);
    });

    it("anyone holds an account that has missed its attestation; nobody but the operator holds another", async () => {
      await advance(DAY);
      await refuses(as(17, exchange).hold!(alice.id), "NotAuthorised", exchange);
      const ready = await alice.attestation(12_000n);
      await take(alice, ready, alice.gate.attest!(ready.step, 12_000n));
      await advance(1n);
      await refuses(as(17, exchange).hold!(alice.id), "NotAuthorised", exchange);
      expect(await exchange.attestationMissed!(bob.id)).to.equal(true);
      await call(as(17, exchange), "hold", bob.id);
      await refuses(withdraw(await bob.withdrawal(payout()), bob), "AccountHeld");
      await refuses(as(17, exchange).hold!(99n), "AccountUnknown");
    });
  });

  it("G16: others' dust neither uses the owner's turn to absorb nor keeps the owner's credit out", async () => {
    await world.asLiquidation("setStage", alice.id, 1n, 0n);
    await call(bob.gate, "deposit", alice.id, alice.owner.address, BTC, 1n);
    const dust = await absorb(alice, 1n, as(7), BTC);
    await take(alice, dust.ready, dust.sent);
    await paid(1_000_000n * E6);
    await call(bob.gate, "deposit", alice.id, alice.owner.address, CASH, 1n);
    const own = await absorb(alice, 1_000_000n * E6);
    await take(alice, own.ready, own.sent);
    await call(bob.gate, "deposit", alice.id, alice.owner.address, ETH, 10n ** 10n);
    await refuses((await absorb(alice, 10n ** 10n, as(7), ETH)).sent, "AbsorbedTooRecently");
  });

  describe("batches", () => {
    /** An account whose owner is a wallet that can be told to burn gas. */
    async function burnerOwned() {
      const wallet = await world.deploy("Burner");
      const carol = bob.with({ state: genesis("board-60"), viewingKey: 5_000n as never });
      const { opening, ready, signature } = await carol.opening(await wallet.getAddress());
      await call(gate, "open", opening, await carol.signed(ready), signature);
      carol.id = (await gate.accounts!()) as bigint;
      carol.state = ready.after;
      await call(bob.gate, "deposit", carol.id, wallet, CASH, 1_000_000n * E6);
      const funding = await carol.absorption(CASH, 1_000_000n * E6);
      await call(gate, "absorb", await carol.signed(funding), CASH, 1_000_000n * E6, false);
      carol.state = funding.after;
      return { wallet, carol };
    }

    it("G17: a wallet that burns gas, or answers at length, costs its own trade alone, within 2^24 gas", async () => {
      const { wallet, carol } = await burnerOwned();
      const trades = [];
      for (let index = 0; index < 15; index++) {
        const { one, two, trade } = await prepared(alice, bob);
        trades.push(trade);
        [alice.state, bob.state] = [one.after, two.after];
      }
      // Of its own state, against bob's last.
      const { trade } = await prepared(carol, bob);
      for (const mood of [1n, 2n]) {
        const back = await world.snapshot();
        await call(wallet, "set", mood);
        const receipt = await call(exchange, "settleBatch", [...trades, trade], EACH);
        expect(skipsOf(exchange, receipt).map(([index]) => index)).to.deep.equal([15n]);
        expect(receipt.gasUsed < 1n << 24n, `${receipt.gasUsed}`).to.equal(true);
        await back();
      }
      expect(skipsOf(exchange, await call(exchange, "settleBatch", [...trades, trade], EACH))).to.deep.equal([]);
    });

    it("G17: a wallet is not asked with less gas than it may use, when its answer would mean nothing", async () => {
      const { carol } = await burnerOwned();
      const step = await carol.signed(await carol.attestation(12_000n));
      await refuses(gate.attest!(step, 12_000n, { gasLimit: 200_000n }), "SignatureGasTooLow");
      await call(gate, "attest", step, 12_000n);
    });

    it("G18, V06: an item that runs out of gas is no reason to skip it, however much its sender gives", async () => {
      const { one, two, trade } = await prepared(alice, bob);
      await refuses(exchange.settleBatch!([{ ...trade, fill: 5n }], EACH - 1n), "GasTooLow", exchange);
      // A point off its curve makes the pairing burn all that it gets: for gas or not, nobody can tell.
      const proof = one.step.proof.with(2, 5n);
      const bad = { ...trade, a: { ...trade.a, step: { ...trade.a.step, proof } } };
      await refuses(exchange.settleBatch!([bad, trade], EACH), "GasTooLow", exchange);
      await call(exchange, "settleBatch", [trade], EACH);
      [alice.state, bob.state] = [one.after, two.after];
    });
  });

  describe("G21: an operator that beats its heart and signs nothing", () => {
    it("two owners who want to close against each other ask in public, and unwind when they were not answered", async () => {
      const opened = await prepared(alice, bob, 1_000n);
      await take(alice, opened.one, exchange.trade!(opened.trade));
      bob.state = opened.two.after;
      const closing = (lots = -1_000n) => unwound(alice, bob, bought(lots));
      // Nobody has asked, so nobody is left without an answer.
      await refuses(exchange.unwind!((await closing()).trade), "OperatorMissing", exchange);
      await refuses(as(17, exchange).request!(alice.id), "NotAuthorised", exchange);
      await expect(alice.exchange.request!(alice.id)).to.emit(exchange, "Requested");
      // A second request is the same one.
      const asked = await exchange.requestedAt!(alice.id);
      await call(alice.exchange, "request", alice.id);
      expect(await exchange.requestedAt!(alice.id)).to.equal(asked);
      await world.time.increase(OPERATOR_DEADLINE / 2n);
      await call(as(7, exchange), "heartbeat");
      await call(bob.exchange, "request", bob.id);
      await world.time.increase(OPERATOR_DEADLINE / 2n + 1n);
      await call(as(7, exchange), "heartbeat");
      // Bob's request is not as old as the deadline: for him the operator still counts, whichever side he is.
      const early = (await closing()).trade;
      for (const sides of [early, { ...early, a: early.b, b: early.a }]) {
        await refuses(exchange.unwind!(sides), "OperatorMissing", exchange);
      }
      await world.time.increase(OPERATOR_DEADLINE / 2n + 1n);
      await call(as(7, exchange), "heartbeat");
      const { one, two, trade } = await closing();
      // Neither an oracle nor a healthy stage is needed, and a hold keeps nobody in.
      await call(world.fixed, "setUsable", false, false);
      await call(as(7, exchange), "hold", alice.id);
      await world.asLiquidation("setStage", bob.id, 1n, 0n);
      // It is no trade that the operator need not agree to, nor is a trade an unwinding.
      await refuses(exchange.trade!(trade), "EpochHalted", world.fixed);
      await refuses(exchange.unwind!(opened.trade), "StateSuperseded");
      await refuses(exchange.unwind!({ ...trade, a: { ...trade.a, lastEpoch: 7n } }), "NotAuthorised");
      await take(alice, one, exchange.unwind!(trade));
      bob.state = two.after;
      expect(alice.state.positions[0]).to.equal(0n);
    });

    it("N01: nobody is waited for who unwound: such an account absorbs and exits, and nothing else", async () => {
      const opened = await prepared(alice, bob, 1_000n);
      await take(alice, opened.one, exchange.trade!(opened.trade));
      bob.state = opened.two.after;
      await world.time.increase(OPERATOR_DEADLINE + 1n);
      const flat = bought(-1_000n);
      const { one, two, trade } = await unwound(alice, bob, flat, "0x");
      await take(alice, one, exchange.unwind!(trade));
      bob.state = two.after;
      await world.openSettlement({ 0: 5n * E6 });
      expect(await gate.allSettled!(1n, 1n)).to.equal(true);
      const retired = (sent: Promise<unknown>) => refuses(sent, "AccountRetired").withArgs(alice.id);
      await retired(world.clearing.expire!((await alice.expiring(1n, { 0: 5n * E6 })).step));
      for (const sent of [
        exchange.trade!((await prepared(alice, bob)).trade),
        withdraw(await alice.withdrawal(payout()), alice),
        alice.gate.attest!((await alice.attestation(12_000n)).step, 12_000n),
      ] as Promise<unknown>[]) {
        await retired(sent);
      }
      await paid(10n * E6);
      const whole = await absorb(alice, 10n * E6);
      await take(alice, whole.ready, whole.sent);
      // Twice is as good as once.
      const again = await unwound(alice, bob, fillOf("board-60", {}, -E6, blinding++));
      await take(alice, again.one, exchange.unwind!(again.trade));
      bob.state = again.two.after;
      for (const holder of [alice, bob]) {
        const all = payout(holder.state.cash);
        const leaving = await holder.leaving(all);
        await take(holder, leaving, holder.gate.exit!(leaving.step, all));
        expect(holder.state.cash).to.equal(0n);
      }
    });

    it("N01: an agent does not unwind, and nobody does for more or less than all", async () => {
      const agent = world.signers[14]!;
      await call(alice.gate, "setAgent", alice.id, agent);
      await world.time.increase(OPERATOR_DEADLINE + 1n);
      const gift = fillOf("board-60", {}, -E6, blinding++);
      const { one, trade } = await unwound(alice, bob, gift);
      const byAgent = { ...trade, a: { ...trade.a, step: await alice.signed(one, agent) } };
      await refuses(exchange.unwind!(byAgent), "NotAuthorised");
      for (const fill of [bought(1n), fillOf("board-60", {}, -2_000_000n * E6, blinding++)]) {
        const asked = alice.unwinding(fill, 1n, bob.id).catch((error: { code: string }) => error.code);
        expect(await asked).to.equal("STATEMENT_FALSE");
      }
      // A proof of the initial level is none.
      const kept = await alice.trading(gift, 1n, bob.id, { level: world.levels.initial });
      await refuses(exchange.unwind!({ ...trade, a: await sideOf(alice, kept) }), "NotAuthorised");
    });

    it("an agreement with others is no answer: who asked and got none unwinds", async () => {
      await call(alice.exchange, "request", alice.id);
      const asked = await exchange.requestedAt!(alice.id);
      const [carol, dave] = [await world.holder(12), await world.holder(13)];
      for (const holder of [carol, dave]) await holder.fund(CASH, 1_000_000n * E6);
      const { trade } = await prepared(carol, dave);
      await expect(exchange.trade!(trade)).not.to.emit(exchange, "Answered");
      expect(await exchange.requestedAt!(alice.id)).to.equal(asked);
      await call(bob.exchange, "request", bob.id);
      await world.time.increase(OPERATOR_DEADLINE + 1n);
      await call(as(7, exchange), "heartbeat");
      const gift = await unwound(alice, bob, fillOf("board-60", {}, -E6, blinding++));
      await take(alice, gift.one, exchange.unwind!(gift.trade));
    });

    it("an operator that agrees has answered, and counts again", async () => {
      await call(alice.exchange, "request", alice.id);
      await call(bob.exchange, "request", bob.id);
      await world.time.increase(OPERATOR_DEADLINE - 10n);
      await call(as(7, exchange), "heartbeat");
      const { one, two, trade } = await prepared(alice, bob);
      await expect(exchange.trade!(trade)).to.emit(exchange, "Answered").withArgs(alice.id);
      [alice.state, bob.state] = [one.after, two.after];
      await world.time.increase(100n);
      const next = await prepared(alice, bob);
      await refuses(exchange.trade!({ ...next.trade, operatorSignature: "0x" }), "OperatorMissing", exchange);
      expect([await exchange.requestedAt!(alice.id), await exchange.requestedAt!(bob.id)]).to.deep.equal([0n, 0n]);
    });
  });

  it("G22: deposits end at the asset's cap, whoever makes them and in however many accounts", async () => {
    const custody = (await gate.custodyOf!(BTC)) as bigint;
    await call(as(6), "setLimits", BTC, custody + 500n * E8, NO_LIMIT);
    await paid(400n * E8, BTC);
    await refuses(paid(100n * E8 + 1n, BTC, bob), "DepositCapReached").withArgs(
      BTC,
      custody + 500n * E8,
      custody + 500n * E8 + 1n,
    );
    await paid(100n * E8, BTC, bob);
    await refuses(paid(1n, BTC), "DepositCapReached");
  });

  it("G24: a trade's signature ends with its last epoch, though whoever knows the states proves it anew", async () => {
    const { one, two, trade } = await prepared(alice, bob);
    await world.publish(marketAt("board-60", 110_000n, 4_000n));
    /** The same step, proven under the epoch that stands. */
    const proven = async (holder: Holder, { call: given }: Ready, side: 1n | -1n, last: bigint) => {
      const bound = { ...given, lastEpoch: last } as GateCall;
      const fill = { ...bought(10n), blinding: (blinding - 2n) as never };
      const transition = { transfer: { asset: 0, amount: 0n }, fill, side };
      const context = contextOf(await world.domain("MarginGate"), bound);
      const { policy, market } = world;
      const asked = { before: holder.state, transition, level: 15_000n as never, direction: "at-least" as const };
      expect(commitState(buildStatement({ ...asked, context, policy, market }).after)).to.equal(given.stateAfter);
      const proof = await world.prove({ ...asked, context, policy, market });
      return stepOf(bound, { policyId: 1n, epoch: 2n }, proof);
    };
    const again = async (last: bigint) => {
      const a = await proven(alice, one, 1n, last);
      const b = await proven(bob, two, -1n, last);
      const side = (signed: { step: { signature: string } }, step: typeof a) => ({
        ...{ step: { ...step, signature: signed.step.signature }, lastEpoch: last },
      });
      return { ...trade, a: side(trade.a, a), b: side(trade.b, b) };
    };
    blinding++;
    await refuses(exchange.trade!(await again(1n)), "EpochAfterLast", exchange).withArgs(2, 1);
    blinding -= 1n;
    await refuses(exchange.trade!(await again(2n)), "NotAuthorised");
  });

  describe("G27: sealing", () => {
    let bare: Contract;
    let desks: Contract[];
    beforeEach(async () => {
      bare = await world.deployGate();
      desks = [];
      for (const desk of ["Exchange", "Clearing", "IdleDesk", "Fund"]) {
        desks.push(await world.deploy(desk, desk === "Exchange" ? [bare, to(), 3600n, true] : [bare]));
      }
      await call(world.fixed, "bindGate", bare);
    });

    it("a gate is sealed once, by its deployer, on a market that names it, whose queue is closed, with all keys", async () => {
      const sealing = () => bare.seal!(desks) as Promise<unknown>;
      await refuses((bare.connect(alice.owner) as Contract).seal!(desks), "NotGovernor", bare);
      await call(world.fixed, "bindGate", gate);
      await refuses(sealing(), "MarketRefused", bare);
      await call(world.fixed, "bindGate", bare);
      await call(world.fixed, "setClosed", false);
      await refuses(sealing(), "MarketRefused", bare);
      await call(world.fixed, "setClosed", true);
      // A gate of another size than its board's would ask proofs of another circuit's commitments.
      const other = await world.deploy("MarginGate", [world.fixed, 1, 240, false], { Vault: world.vault });
      await call(world.fixed, "bindGate", other);
      await refuses(other.seal!(desks), "MarketRefused", bare);
      await call(world.fixed, "bindGate", bare);
      await call(world.fixed, "setLots", `0x${"0".repeat(40)}`, { x: 0n, y: 0n });
      await refuses(sealing(), "FamilyMissing", world.fixed).withArgs(1, 3);
      await call(world.fixed, "setLots", world.verifier, { x: 0n, y: 0n });
      await call(world.fixed, "setMissing", 2n);
      await refuses(sealing(), "FamilyMissing", world.fixed).withArgs(1, 2);
      await call(world.fixed, "setMissing", 0n);
      await sealing();
      await refuses(sealing(), "AlreadySealed", bare);
    });

    it("each desk is a contract that names this gate", async () => {
      const elsewhere = [world.exchange, world.clearing, world.liquidation, world.fund];
      for (const index of [0, 1, 2, 3]) {
        const wrong = desks.with(index, elsewhere[index]!);
        await refuses(bare.seal!(wrong), "DeskRefused", bare).withArgs(await elsewhere[index]!.getAddress());
        await refuses(bare.seal!(desks.with(index, alice.owner as never)), "DeskRefused", bare);
      }
    });

    it("no account opens before, and a rehearsal says in its name that it is one", async () => {
      const fresh = alice.with({ state: genesis("board-60"), viewingKey: 78n as never });
      const { opening, ready } = await fresh.opening(alice.owner.address);
      await refuses((bare.connect(alice.owner) as Contract).open!(opening, ready.step, "0x"), "NotSealed", bare);
      // The oracle asks it for its till from when it is bound: one that has no cash yet is not short.
      await call(world.fixed, "setTerms", { ...TERMS, tillFloor: 5n });
      for (const _ of [1, 2]) {
        await world.time.increase(1_000n);
        expect(await bare.tillShortFor!.staticCall()).to.equal(0n);
        await call(bare, "tillShortFor");
      }
      const nameOf = async (of: Contract) => ((await of.eip712Domain!()) as { name: string }).name;
      expect(await nameOf(await world.deployGate(true))).to.equal("Plimsoll MarginGate STAGING");
      expect(await nameOf(gate)).to.equal("Plimsoll MarginGate");
      const nothing = world.deploy("MarginGate", [to(), 1, 60, false], { Vault: world.vault });
      await refuses(nothing, "MarketRefused", bare);
    });
  });

  it("G28: dust that arrives while a whole credit is proven does not make the proof worthless", async () => {
    await world.asLiquidation("setStage", alice.id, 1n, 0n);
    await paid(10n * E6);
    const ready = await alice.absorption(CASH, 10n * E6);
    await call(bob.gate, "deposit", alice.id, alice.owner.address, CASH, 1n);
    await take(alice, ready, as(17).absorb!(ready.step, CASH, 10n * E6, false));
    expect(await gate.creditOf!(alice.id, CASH)).to.equal(1n);
  });

  it("G29: nobody is paid less than the least that was signed for", async () => {
    const payment = { ...payout(1_000n * E6), least: 1_000n * E6 };
    const ready = await alice.withdrawal(payment);
    const step = await alice.signed(ready);
    await world.asLiquidation("moveCredit", 0n, bob.id, CASH, 20n * E6);
    await refuses(as(17).withdraw!(step, payment), "PaysTooLittle").withArgs(payment.least, 990n * E6);
    const leaving = await alice.leaving(payment);
    await refuses(alice.gate.exit!(leaving.step, payment), "PaysTooLittle");
    const modest = { ...payment, least: 990n * E6 };
    const less = await alice.withdrawal(modest);
    await take(alice, less, withdraw(less, alice, modest));
    expect(await world.tokens.get(CASH)!.balanceOf!(to())).to.equal(990n * E6);
  });

  it("G30: a key whose account has delegated to code (EIP-7702) signs as before", async () => {
    const answerer = await world.deploy("Answerer", [32]);
    // To a check of signatures an account that delegates looks like one with the code that it names: which here approves nothing.
    await world.chain.networkHelpers.setCode(alice.owner.address, await world.ethers.provider.getCode(answerer));
    const ready = await alice.withdrawal(payout());
    await refuses(as(17).withdraw!(await alice.signed(ready, bob.owner), payout()), "NotAuthorised");
    await call(as(17), "withdraw", await alice.signed(ready), payout());
  });

  describe("G32: what leaves in an hour", () => {
    const out = (holder: Holder, amount: bigint, asset = CASH) =>
      holder.withdrawal(payout(amount, asset)).then((ready) => ({
        ready,
        sent: () => holder.gate.withdraw!(ready.step, payout(amount, asset)) as Promise<unknown>,
      }));

    it("is bounded for each asset over all accounts and both doors, and grows back evenly", async () => {
      await call(as(6), "setLimits", CASH, NO_LIMIT, 3_600n * E6);
      const first = await out(alice, 3_000n * E6);
      await take(alice, first.ready, first.sent());
      const then = await world.now();
      const over = await out(bob, 700n * E6);
      await refuses(over.sent(), "OutflowLimited");
      const leaving = await bob.leaving(payout(700n * E6));
      await refuses(bob.gate.exit!(leaving.step, payout(700n * E6)), "OutflowLimited");
      // One a second comes back: 3,000 used, 600 left, 100 more after 100 seconds.
      await world.time.setNextBlockTimestamp(then + 99n);
      await refuses(over.sent(), "OutflowLimited").withArgs(CASH, 699n * E6, 700n * E6);
      await world.time.setNextBlockTimestamp(then + 100n);
      await take(bob, over.ready, over.sent());
      await call(world.fund.connect(alice.owner), "donate", 3_600n * E6);
      const queue = world.fund.connect(await world.queue()) as Contract;
      await refuses(queue.withdraw!(to(), 3_600n * E6), "OutflowLimited");
      await world.time.increase(3_600n);
      await call(queue, "withdraw", to(), 3_600n * E6);
    });

    it("but nobody can be kept in: a 720th of custody may leave in every hour, whatever the limit", async () => {
      await call(as(6), "setLimits", CASH, NO_LIMIT, 1n);
      const custody = (await gate.custodyOf!(CASH)) as bigint;
      const share = custody / 720n;
      const over = await out(alice, share + 1n);
      await refuses(over.sent(), "OutflowLimited").withArgs(CASH, share, share + 1n);
      const most = await out(alice, share);
      await take(alice, most.ready, most.sent());
      await world.time.increase(3_600n);
      // Of what is there then.
      const rest = (custody - share) / 720n;
      const again = await out(alice, share);
      await refuses(again.sent(), "OutflowLimited").withArgs(CASH, rest, share);
      const then = await out(alice, rest);
      await take(alice, then.ready, then.sent());
    });

    it("N14: nor by a limit that is lowered after much has left, though somebody has the time worked off in pieces", async () => {
      const much = await out(alice, 900_000n * E6);
      await take(alice, much.ready, much.sent());
      await call(as(6), "setLimits", CASH, NO_LIMIT, 1n);
      const share = ((await gate.custodyOf!(CASH)) as bigint) / 720n;
      const next = await out(bob, share / 2n);
      await refuses(next.sent(), "OutflowLimited");
      for (let pieces = 0; pieces < 4; pieces++) {
        await world.time.increase(900n);
        await call(as(17), "tillShortFor");
      }
      await take(bob, next.ready, next.sent());
    });

    it("of what has just been used up nothing is left", async () => {
      await alice.fund(BTC, 1_000n);
      await call(as(6), "setLimits", BTC, NO_LIMIT, 100n);
      const all = await out(alice, 100n, BTC);
      await take(alice, all.ready, all.sent());
      // In a second a 36th of a lot has come back.
      const more = await out(alice, 1n, BTC);
      await refuses(more.sent(), "OutflowLimited").withArgs(BTC, 0n, 1n);
      await world.time.increase(36n);
      await take(alice, more.ready, more.sent());
      // A deposit gives back as much as it is.
      await paid(40n, BTC);
      const back = await out(alice, 41n, BTC);
      await refuses(back.sent(), "OutflowLimited").withArgs(BTC, 40n, 41n);
      const fits = await out(alice, 40n, BTC);
      await take(alice, fits.ready, fits.sent());
    });

    it("limits are lowered by the guardian and raised by the queue alone, and are never zero", async () => {
      const queue = gate.connect(await world.queue()) as Contract;
      for (const index of [0, 7, 10]) await refuses(as(index).setLimits!(CASH, 5n, 5n), "NotGovernor");
      await call(as(6), "setLimits", BTC, 500n, 600n);
      for (const [cap, outflow] of [
        [501n, 600n],
        [500n, 601n],
        [0n, 600n],
        [500n, 0n],
      ] as const) {
        await refuses(as(6).setLimits!(BTC, cap, outflow), "LimitsRefused");
      }
      await refuses(queue.setLimits!(CASH, 0n, 1n), "LimitsRefused");
      await refuses(queue.setLimits!(9n, 1n, 1n), "AssetUnknown");
      await expect(queue.setLimits!(CASH, 700n, 800n))
        .to.emit(gate, "LimitsSet")
        .withArgs(CASH, 700, 800);
      const limits = (await gate.limitsOf!(CASH)) as { depositCap: bigint; outflow: bigint };
      expect([limits.depositCap, limits.outflow]).to.deep.equal([700n, 800n]);
    });
  });

  describe("a fund that owes", () => {
    it("pays the last to leave what it pays the first: nobody has a reason to run", async () => {
      // A tenth of all cash is missing, and belongs to carol, who keeps it as credit.
      const carol = await world.holder(12);
      const all = (await gate.custodyOf!(CASH)) as bigint;
      const missing = all / 9n;
      await world.asLiquidation("moveCredit", 0n, carol.id, CASH, missing);
      const got: bigint[] = [];
      for (const holder of [alice, bob]) {
        const amount = holder.state.cash as bigint;
        const before = (await world.tokens.get(CASH)!.balanceOf!(to())) as bigint;
        const ready = await holder.leaving(payout(amount));
        await take(holder, ready, holder.gate.exit!(ready.step, payout(amount)));
        got.push(((await world.tokens.get(CASH)!.balanceOf!(to())) as bigint) - before);
        // A levy of one percent paid the first 99%.
        expect((got.at(-1)! * 1_000n) / amount).to.be.within(899n, 900n);
      }
      const [owed, left] = [-((await gate.fund!()) as bigint), (await gate.custodyOf!(CASH)) as bigint];
      expect(((left * 1_000n) / (left + owed)) as bigint).to.be.within(899n, 901n);
      expect(left).to.equal(missing - owed);
    });

    it("an account that the fund paid for repays it before anything else leaves, and does not trade meanwhile", async () => {
      await alice.fund(BTC, E8);
      await refuses(world.asLiquidation("charge", alice.id, 8n * E6), "StageWrong");
      await world.asLiquidation("setStage", alice.id, 3n, 0n);
      await world.asLiquidation("charge", alice.id, 8n * E6);
      const coin = await alice.leaving(payout(E8, BTC));
      await refuses(alice.gate.exit!(coin.step, payout(E8, BTC)), "OwesFund").withArgs(alice.id, 8n * E6);
      const { trade } = await prepared(alice, bob);
      await refuses(exchange.trade!(trade), "OwesFund");
      const healing = await alice.attestation(12_000n);
      await take(alice, healing, alice.gate.attest!(healing.step, 12_000n));
      expect((await stored(alice)).stage).to.equal(3n);
      const before = (await gate.fund!()) as bigint;
      for (const [amount, repaid] of [
        [5n * E6, 5n * E6],
        [5n * E6, 8n * E6],
      ] as const) {
        const ready = await alice.leaving(payout(amount));
        await take(alice, ready, alice.gate.exit!(ready.step, payout(amount)));
        expect(((await gate.fund!()) as bigint) - before).to.equal(repaid);
      }
      expect(await world.tokens.get(CASH)!.balanceOf!(to())).to.equal(2n * E6);
      // While the fund owes too: of what repays it whole there is nothing to levy, and nothing to pay out.
      const back = await world.snapshot(alice);
      await world.asLiquidation("charge", alice.id, 3n * E6);
      await world.asLiquidation("moveCredit", 0n, bob.id, CASH, 100n * E6);
      const owes = (await gate.fund!()) as bigint;
      expect(owes < 0n).to.equal(true);
      const repaying = await alice.leaving(payout(3n * E6));
      await expect(alice.gate.exit!(repaying.step, payout(3n * E6)))
        .to.emit(gate, "Withdrawn")
        .withArgs(alice.id, CASH, 3n * E6, to(), 0n, 0n);
      expect(await gate.fund!()).to.equal(owes + 3n * E6);
      await back();
      // No stage makes an account healthy that owes.
      const owing = await world.snapshot(alice);
      await world.asLiquidation("charge", alice.id, 1n);
      await refuses(world.asLiquidation("setStage", alice.id, 0n, 0n), "OwesFund").withArgs(alice.id, 1n);
      await owing();
      const free = await alice.leaving(payout(E8, BTC));
      await take(alice, free, alice.gate.exit!(free.step, payout(E8, BTC)));
      const cure = await alice.attestation(12_000n);
      await take(alice, cure, alice.gate.attest!(cure.step, 12_000n));
      expect((await stored(alice)).stage).to.equal(0n);
    });
  });

  it("V15: proofs under the key of an epoch land while that stands, and under no other key's", async () => {
    const next = simulatedKey("board-60", 5n);
    const verifier = await world.deployVerifier("AccountVerifier", next.key, 6);
    const inFlight = await alice.withdrawal(payout());
    await take(alice, inFlight, withdraw(inFlight, alice));
    world.verifier = verifier;
    try {
      await world.publish();
      const sent = withdraw(await alice.withdrawal(payout()), alice);
      await refuses(sent, "ProofInvalid", verifier);
    } finally {
      world.verifier = (await world.ethers.getContractAt(
        "AccountVerifier",
        ((await world.fixed.exitMarket!(1)) as [string])[0],
      )) as unknown as Contract;
    }
  });

  it("M16: the time is counted for which the till is below its floor, not the moments of those who look", async () => {
    const custody = (await gate.custodyOf!(CASH)) as bigint;
    const floor = (tillFloor: bigint) => call(world.fixed, "setTerms", { ...TERMS, tillFloor });
    const shortFor = () => gate.tillShortFor!.staticCall() as Promise<bigint>;
    const at = async (sent: Promise<unknown>) => {
      await sent;
      return BigInt(await world.time.latest());
    };
    await floor(custody + 5n * E6);
    await world.time.increase(50n);
    // By the floor that it asked for last, so not before it has asked for this one.
    expect(await shortFor()).to.equal(0n);
    const short = await at(call(gate, "tillShortFor"));
    await world.time.increase(100n);
    await paid(5n * E6 - 1n);
    await world.time.increase(100n);
    const filled = await at(paid(1n));
    await world.time.increase(1_000n);
    expect(await shortFor()).to.equal(filled - short);
    const ready = await alice.withdrawal(payout(1n));
    const emptied = await at(take(alice, ready, withdraw(ready, alice, payout(1n))));
    await world.time.increase(30n);
    await call(gate, "tillShortFor");
    await world.time.increase(30n);
    const again = await at(paid(1n));
    expect(await shortFor()).to.equal(filled - short + again - emptied);
    await floor(custody + 6n * E6);
    await world.time.increase(100n);
    expect(await shortFor()).to.equal(filled - short + again - emptied);
  });
});
