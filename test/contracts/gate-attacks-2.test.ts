// SPDX-License-Identifier: GPL-3.0-or-later
// Attacks that worked on the second draft of gate and exchange, by their ids, with true proofs only, and what refuses them now.
import { expect } from "chai";
import type { Contract } from "ethers";
import { evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import type { Market } from "../../prover/src/model/market.ts";
import { applyTransition, NO_TRANSFER } from "../../prover/src/model/transition.ts";
import type { ColumnE6, LevelBps } from "../../prover/src/units.ts";
import { simulatedKey } from "../support/simulated.ts";
import {
  BTC,
  CASH,
  call,
  E6,
  fillOf,
  GateWorld,
  type Holder,
  marketAt,
  NO_LIMIT,
  OPERATOR_DEADLINE,
  tradeOf,
} from "./gate-world.ts";

const KEY = simulatedKey("board-60");
/** The mark of a future on 0.001 bitcoin is what that is worth. */
const marketOf = (btc: bigint): Market => {
  const market = marketAt("board-60", btc, 4_000n);
  const rows = market.board.rows.map((row, index) => (index === 0 ? { ...row, mark: (btc * 1000n) as ColumnE6 } : row));
  return { ...market, board: { ...market.board, rows } };
};

describe("margin gate, what attacked its second draft", function () {
  this.timeout(300_000);
  let world: GateWorld;
  let gate: Contract;
  let alice: Holder;
  let bob: Holder;
  let carol: Holder;
  let restore: () => Promise<void>;

  before(async () => {
    world = await GateWorld.create({ key: KEY, truthful: true });
    ({ gate } = world);
    await world.publish(marketOf(100_000n));
    [alice, bob, carol] = [await world.holder(10), await world.holder(11), await world.holder(12)];
    for (const holder of [alice, bob]) await holder.fund(CASH, 1_000_000n * E6);
    await carol.fund(CASH, 8_000_000n * E6);
  });
  beforeEach(async () => {
    restore = await world.snapshot(alice, bob, carol);
  });
  afterEach(() => restore());

  const as = (index: number, of = gate) => of.connect(world.signers[index]!) as Contract;
  const markOf = () => world.market.board.rows[0]!.mark as bigint;
  const covered = (state: Holder["state"], level = world.levels.initial) =>
    isAtLeast(evaluate(state, world.policy, world.market), level as LevelBps);
  const payout = (amount: bigint, by: Holder, asset = CASH) => ({
    ...{ asset, amount, recipient: by.owner.address, fee: 0n, least: 0n },
  });
  const pays = async (holder: Holder, amount: bigint) => {
    const ready = await holder.withdrawal(payout(amount, holder));
    await call(holder.gate, "withdraw", ready.step, payout(amount, holder));
    holder.state = ready.after;
  };
  const leaves = async (holder: Holder, amount: bigint) => {
    const ready = await holder.leaving(payout(amount, holder));
    await call(holder.gate, "exit", ready.step, payout(amount, holder));
    holder.state = ready.after;
  };

  /** What the proof of a statement that is not true ends with. */
  const falsely = async (proving: Promise<unknown>) =>
    expect(await proving.catch((error: { code: string }) => error.code)).equal("STATEMENT_FALSE");
  const exposed = async (lots: bigint) => {
    const fill = fillOf("board-60", { 0: lots }, -lots * markOf(), 5n);
    const [one, two] = [await alice.trading(fill, 1n, carol.id), await carol.trading(fill, -1n, alice.id)];
    await call(world.exchange, "trade", await tradeOf(alice, one, carol, two));
    [alice.state, carol.state] = [one.after, two.after];
  };
  /** Alice keeps 120,000 against five bitcoin, and is called below a level after a fall. */
  async function sunk(btc: bigint, level: bigint) {
    await pays(alice, 880_000n * E6);
    const opened = fillOf("board-60", { 0: 5_000n }, -5_000n * markOf(), 5n);
    const [one, two] = [await alice.trading(opened, 1n, bob.id), await bob.trading(opened, -1n, alice.id)];
    await call(world.exchange, "trade", await tradeOf(alice, one, bob, two));
    [alice.state, bob.state] = [one.after, two.after];
    await bob.fund(CASH, 20_000_000n * E6);
    await world.publish(marketOf(btc));
    const ready = await alice.flagging(level);
    await call(gate, "flag", ready.step, level);
    alice.state = ready.after;
  }

  it("N01: two accounts of one owner, whose requests no agreement could answer, do not trade in the dark: they unwind or stay", async () => {
    const operator = as(7, world.exchange);
    await call(alice.exchange, "request", alice.id);
    await call(bob.exchange, "request", bob.id);
    // The operator is there all the time, and has been asked to agree to no trade at all.
    for (let day = 0; day < 2; day++) {
      await world.time.increase(OPERATOR_DEADLINE / 2n + 1n);
      await call(operator, "heartbeat");
    }
    const fill = fillOf("board-60", { 0: 20_000n }, -20_000n * markOf(), 91n);
    // Sealed states that nobody can open: not the operator, though it knows the viewing key.
    const one = await alice.trading(fill, 1n, bob.id, { blob: "0x" });
    const two = await bob.trading(fill, -1n, alice.id, { blob: "0x" });
    const trade = { ...(await tradeOf(alice, one, bob, two)), operatorSignature: "0x" };
    await world.refuses(world.exchange.trade!(trade), "OperatorMissing", world.exchange);
    await world.refuses(world.exchange.unwind!(trade), "NotAuthorised");
    await falsely(alice.unwinding(fill, 1n, bob.id, { blob: "0x" }));
    // Nor once the operator is silent for everybody.
    await world.time.increase(OPERATOR_DEADLINE + 1n);
    await world.refuses(world.exchange.trade!(trade), "OperatorMissing", world.exchange);
  });

  it("N03: within the grace the epoch before does not end a hold: the evidence lands", async () => {
    await exposed(40_000n);
    await call(world.fixed, "advance", 10_000n);
    // Made while it was true.
    const attested = await alice.attestation(12_000n);
    await world.publish(marketOf(85_000n));
    await call(world.fixed, "setGrace", true);
    expect(covered(alice.state, 10_000n)).equal(false);
    await call(as(7, world.exchange), "hold", alice.id);
    await world.refuses(alice.gate.attest!(attested.step, 12_000n), "EpochNotStanding");
    await falsely(alice.attestation(12_000n));
    const evidence = await alice.flagging(10_000n);
    await call(gate, "flag", evidence.step, 10_000n);
    alice.state = evidence.after;
  });

  it("N03: without a hold the epoch before serves to attest, as ever", async () => {
    const attested = await alice.attestation(12_000n);
    await world.publish();
    await call(world.fixed, "setGrace", true);
    await call(alice.gate, "attest", attested.step, 12_000n);
    alice.state = attested.after;
  });

  it("N03: an owner who lets an accomplice hold a missed account, and ends that at once, is free of holds for a minute", async () => {
    await exposed(40_000n);
    await call(world.fixed, "advance", 86_401n);
    await call(as(17, world.exchange), "hold", alice.id);
    const attested = await alice.attestation(12_000n);
    await call(alice.gate, "attest", attested.step, 12_000n);
    alice.state = attested.after;
    await world.publish(marketOf(85_000n));
    expect(covered(alice.state, 10_000n)).equal(false);
    const operator = as(7, world.exchange);
    await call(world.fixed, "advance", 59n);
    await world.refuses(operator.hold!(alice.id), "HoldTooEarly", world.exchange).withArgs(alice.id, 86_461n);
    await call(world.fixed, "advance", 1n);
    await call(operator, "hold", alice.id);
  });

  it("N03: a hold that ended early leaves the account free for as long as it lasted", async () => {
    const operator = as(7, world.exchange);
    await call(operator, "hold", alice.id);
    await call(world.fixed, "advance", 500n);
    const attested = await alice.attestation(12_000n);
    await call(alice.gate, "attest", attested.step, 12_000n);
    alice.state = attested.after;
    await call(world.fixed, "advance", 499n);
    await world.refuses(operator.hold!(alice.id), "HoldTooEarly", world.exchange).withArgs(alice.id, 1_000n);
    await call(world.fixed, "advance", 1n);
    await call(operator, "hold", alice.id);
  });

  it("N04: who pays in and out again does not use the allowance up: what comes in may leave beside it", async () => {
    const limit = 20_000n * E6;
    await call(as(6), "setLimits", CASH, NO_LIMIT, limit);
    const share = ((await gate.custodyOf!(CASH)) as bigint) / 720n;
    const allowance = share > limit ? share : limit;
    const wanted = payout(100n * E6, carol);
    const leaving = await carol.leaving(wanted);
    await leaves(alice, allowance);
    await world.refuses(carol.gate.exit!(leaving.step, wanted), "OutflowLimited");
    // A deposit by anybody gives the allowance back, and no more than what was used of it.
    await alice.fund(CASH, allowance);
    expect((await gate.limitsOf!(CASH)).used).equal(0n);
    await alice.fund(CASH, allowance);
    await leaves(alice, allowance - 100n * E6);
    await call(carol.gate, "exit", leaving.step, wanted);
    carol.state = leaving.after;
    const more = payout(allowance, alice);
    const beyond = await alice.leaving(more);
    await world.refuses(alice.gate.exit!(beyond.step, more), "OutflowLimited");
  });

  it("N11: neither who fills the cap nor the guardian who lowers it keeps a called account from being topped up in cash", async () => {
    const topUp = (asset = CASH) =>
      alice.gate.deposit!(alice.id, alice.owner.address, asset, 100n * E6) as Promise<{ wait(): Promise<unknown> }>;
    const custody = (await gate.custodyOf!(CASH)) as bigint;
    await world.refuses(as(6).setLimits!(CASH, custody - 1n, NO_LIMIT), "LimitsRefused");
    await call(as(6), "setLimits", CASH, custody, NO_LIMIT);
    await call(as(6), "setLimits", BTC, 1n, NO_LIMIT);
    await world.refuses(topUp(), "DepositCapReached");
    await world.asLiquidation("setStage", alice.id, 1n, 0n);
    await (await topUp()).wait();
    // Collateral stays within its cap: what the venue may hold of it is the point.
    await world.refuses(topUp(BTC), "DepositCapReached");
    await world.refuses(carol.gate.deposit!(carol.id, carol.owner.address, CASH, 1n), "DepositCapReached");
  });

  it("N06: an account below every level takes on no risk at the coverage that it has left: trades are to the initial level", async () => {
    await sunk(81_500n, 6_000n);
    let level = 0n;
    while (covered(alice.state, level + 1n)) level++;
    expect(level < 6_000n).equal(true);
    // Bob is the same owner's: he gives the positions, and what cash keeps the ratio: twelve times the risk.
    let cash = 0n;
    const grown = (given: bigint) => fillOf("board-60", { 0: 55_000n }, -55_000n * markOf() + given * 1_000n * E6, 6n);
    const after = () => applyTransition(alice.state, { transfer: NO_TRANSFER, fill: grown(cash), side: 1n });
    while (!covered(after(), level + 1n)) cash++;
    await falsely(alice.trading(grown(cash), 1n, bob.id));
    // Proven at a level above the one that it had, as the second draft took it.
    const one = await alice.trading(grown(cash), 1n, bob.id, { level: level + 1n });
    const trade = await tradeOf(alice, one, bob, await bob.trading(grown(cash), -1n, alice.id));
    await world.refuses(world.exchange.trade!(trade), "NotAuthorised");
    await world.refuses(alice.exchange.trade!(trade), "ProofInvalid", world.verifier);
    expect((await gate.accountOf!(alice.id)).stage).equal(1n);
  });

  it("N06: at level zero margin counts nothing, and nobody trades to that level", async () => {
    await sunk(75_900n, 0n);
    // What Bob gives besides is what Alice lacked of nothing. A hundred times the position, and at level zero it is proven.
    const grown = fillOf("board-60", { 0: 400_000n }, -400_000n * markOf() + 500n * E6, 6n);
    const one = await alice.trading(grown, 1n, bob.id, { level: 0n });
    const margin = (state: Holder["state"]) => evaluate(state, world.policy, world.market).margin;
    expect(margin(one.after) > 80n * margin(alice.state)).equal(true);
    const trade = await tradeOf(alice, one, bob, await bob.trading(grown, -1n, alice.id));
    await world.refuses(world.exchange.trade!(trade), "NotAuthorised");
    await world.refuses(alice.exchange.trade!(trade), "ProofInvalid", world.verifier);
    await falsely(alice.trading(grown, 1n, bob.id));
  });
});
