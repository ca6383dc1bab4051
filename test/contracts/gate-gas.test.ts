// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated keys: the same proofs every time, so that the gas of their calldata is the same every time. Every figure is a
// whole transaction. The market is one whose answers the test sets, with as many words to read as the oracle has.
import { expect } from "chai";
import type { Contract } from "ethers";
import { genesis } from "../../prover/src/model/account.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import { Costs } from "../support/gas.ts";
import { simulatedKey } from "../support/simulated.ts";
import {
  BTC,
  CASH,
  call,
  DAY,
  E6,
  E8,
  fillOf,
  GateWorld,
  type Holder,
  type Joined,
  NO_LIMIT,
  OPERATOR_DEADLINE,
  roundOf,
  sideOf,
  tradeOf,
} from "./gate-world.ts";

/** The start of the simulated chain, so that times have the same bytes in every run. */
const START = 1_800_000_000n;
const EACH = 1_500_000n;
/** Entered by desks or by a desk itself, within calls that are measured; those of lots are measured with lots. */
const WITHIN = ["settleMany", "enter", "setHold", "receiveForFund", "payFromFund", "settleSome", "expireSome"];
const OF_LOTS = ["takeLot", "setStage", "moveCredit", "charge"];

async function members(world: GateWorld): Promise<Holder[]> {
  const holders: Holder[] = [];
  for (let index = 0; index < 15; index++) {
    const holder = await world.holder(index % 5 === 0 ? 10 : 10 + (index % 5), BigInt(index) + 2_000n);
    await holder.fund(CASH, 1_000_000n * E6);
    await call(holder.gate, "setAgent", holder.id, world.signers[17]!);
    holders.push(holder);
  }
  return holders;
}

/** A round of fifteen members, each with a few positions, signed by agents. */
async function rounds(keepsBlobs: boolean, costs: Costs) {
  const world = await GateWorld.create({ key: simulatedKey("board-60"), start: START, keepsBlobs });
  const key = await world.useRounds(15);
  const holders = await members(world);
  // The second round is measured: the first writes what was zero.
  for (let time = 0; time < 2; time++) {
    await call(world.fixed, "advance", 300n);
    const joined: Joined[] = [];
    for (const [index, holder] of holders.entries()) {
      const sign = index === 14 ? -14n : 1n;
      const positions = noFill("board-60")
        .positions.with(0, 10n * sign)
        .with(1, -3n * sign);
      const fill = { ...noFill("board-60"), positions, cash: -5n * E6 * sign };
      joined.push(await holder.joining(fill, { by: world.signers[17]! }));
    }
    const round = await roundOf(world, joined, { key }, { places: 15n, byHash: !keepsBlobs });
    const receipt = await call(world.exchange, "round", round);
    for (const { holder, after } of joined) holder.state = after;
    const name = keepsBlobs ? "round.15.perMember" : "round.15.perMember.hash";
    if (time === 1) await costs.spent(name, receipt, 15);
  }
}

async function accounts(world: GateWorld, costs: Costs) {
  const { gate, exchange, clearing } = world;
  const [alice, bob] = [await world.holder(10), await world.holder(11)];
  const fresh = alice.with({ state: genesis("board-60"), viewingKey: 99n as never });
  const { opening, ready, signature } = await fresh.opening(alice.owner.address);
  await costs.spent("MarginGate.open", await call(alice.gate, "open", opening, ready.step, signature));
  await costs.spent("MarginGate.setAgent", await call(alice.gate, "setAgent", alice.id, bob.owner));
  await bob.fund(CASH, 3_000_000n * E6);
  const deposit = [alice.id, alice.owner.address, CASH, 1_000_000n * E6] as const;
  await costs.spent("MarginGate.deposit", await call(alice.gate, "deposit", ...deposit));
  const absorb = await alice.absorption(CASH, 1_000_000n * E6);
  await costs.spent("MarginGate.absorb", await call(alice.gate, "absorb", absorb.step, CASH, 1_000_000n * E6, false));
  alice.state = absorb.after;
  await alice.fund(BTC, 10n * E8);
  for (const name of ["MarginGate.attest", "attest.again"]) {
    await call(world.fixed, "advance", 300n);
    const attest = await alice.attestation(12_000n);
    await costs.spent(name, await call(alice.gate, "attest", attest.step, 12_000n));
    alice.state = attest.after;
  }
  const payment = {
    asset: CASH,
    amount: 1_000n * E6,
    recipient: world.signers[16]!.address,
    fee: 0n,
    least: 1_000n * E6,
  };
  for (const name of ["MarginGate.withdraw", "withdraw"]) {
    const withdraw = await alice.withdrawal(payment);
    await costs.spent(name, await call(alice.gate, "withdraw", withdraw.step, payment));
    alice.state = withdraw.after;
  }
  const exit = await alice.leaving(payment);
  await costs.spent("MarginGate.exit", await call(alice.gate, "exit", exit.step, payment));
  alice.state = exit.after;

  const fillAt = (blinding: bigint) => fillOf("board-60", { 0: 100n }, -5n * E6, blinding);
  const [a, b] = [await alice.trading(fillAt(7n), 1n, bob.id), await bob.trading(fillAt(7n), -1n, alice.id)];
  await costs.spent("Exchange.trade", await call(alice.exchange, "trade", await tradeOf(alice, a, bob, b)));
  [alice.state, bob.state] = [a.after, b.after];
  const back = await world.snapshot();
  for (const holder of [alice, bob]) await call(holder.exchange, "request", holder.id);
  await world.time.increase(OPERATOR_DEADLINE + 1n);
  const flat = fillOf("board-60", { 0: -100n }, 5n * E6, 8n);
  const [own, other] = [await alice.unwinding(flat, 1n, bob.id), await bob.unwinding(flat, -1n, alice.id)];
  await costs.spent("Exchange.unwind", await call(alice.exchange, "unwind", await tradeOf(alice, own, bob, other)));
  await back();
  const trades = [];
  for (let index = 0n; index < 8n; index++) {
    const one = await alice.trading(fillAt(20n + index), 1n, bob.id);
    const two = await bob.trading(fillAt(20n + index), -1n, alice.id);
    trades.push({ ...(await tradeOf(alice, one, bob, two)), b: await sideOf(bob, two) });
    [alice.state, bob.state] = [one.after, two.after];
  }
  const batch = await call(exchange, "settleBatch", trades, EACH);
  await costs.spent("Exchange.settleBatch of 8 trades, per trade", batch, 8);

  const operates = exchange.connect(world.operator) as Contract;
  await costs.spent("Exchange.heartbeat", await call(operates, "heartbeat"));
  await costs.spent("Exchange.request", await call(alice.exchange, "request", alice.id));
  await costs.spent("Exchange.hold", await call(operates, "hold", bob.id));
  const flag = await alice.flagging();
  await costs.spent("MarginGate.flag", await call(gate.connect(world.signers[17]!), "flag", flag.step, 12_000n));
  alice.state = flag.after;
  await world.openSettlement({ 0: 25n * E6 });
  const [first, second] = [await alice.expiring(1n, { 0: 25n * E6 }), await bob.expiring(1n, { 0: 25n * E6 })];
  await costs.spent("Clearing.expire", await call(clearing, "expire", first.step));
  await costs.spent("Clearing.expireBatch of one", await call(clearing, "expireBatch", [second.step], EACH));
}

async function governance(world: GateWorld, costs: Costs) {
  const { gate, exchange, fund } = world;
  const queue = await world.queue();
  const alice = await world.holder(10);
  const limits = [NO_LIMIT - 1n, NO_LIMIT - 1n] as const;
  const token = await world.deploy("TestToken", ["SOL", 9]);
  await costs.spent(
    "MarginGate.registerAsset",
    await call(gate.connect(queue), "registerAsset", 2n, token, 8n, ...limits),
  );
  await costs.spent("MarginGate.tillShortFor", await call(gate, "tillShortFor"));
  await costs.spent("MarginGate.setLimits", await call(gate.connect(world.guardian), "setLimits", CASH, ...limits));
  await costs.spent("Exchange.setOperator", await call(exchange.connect(queue), "setOperator", world.signers[8]));
  await costs.spent("Fund.donate", await call(fund.connect(alice.owner), "donate", 30n * E6));
  await costs.spent("Fund.withdraw", await call(fund.connect(queue), "withdraw", world.signers[16]!, 10n * E6));

  const bare = await world.deployGate();
  await call(world.fixed, "bindGate", bare);
  const desks: Contract[] = [];
  for (const [name, args] of [
    ["Exchange", [bare, world.operator, DAY, true]],
    ["Clearing", [bare]],
    ["IdleDesk", [bare]],
    ["Fund", [bare]],
  ] as const) {
    const desk = await world.deploy(name, [...args]);
    desks.push(desk);
    if (name !== "IdleDesk") await costs.spent(`deploy.${name}`, (await desk.deploymentTransaction()!.wait()) as never);
  }
  await costs.spent("deploy.MarginGate", (await bare.deploymentTransaction()!.wait()) as never);
  await costs.spent("deploy.Vault", (await world.vault.deploymentTransaction()!.wait()) as never);
  await costs.spent("MarginGate.seal", await call(bare, "seal", desks));
}

describe("gas of gate and desks", () => {
  it("stays within the snapshot, and every entry point is measured", async function () {
    this.timeout(120_000);
    const costs = new Costs();
    const world = await GateWorld.create({ key: simulatedKey("board-60"), start: START });
    await accounts(world, costs);
    await governance(await GateWorld.create({ key: simulatedKey("board-60"), start: START }), costs);
    for (const keepsBlobs of [true, false]) await rounds(keepsBlobs, costs);
    for (const [name, contract] of Object.entries({
      ...{ MarginGate: world.gate, Exchange: world.exchange, Clearing: world.clearing, Fund: world.fund },
    })) {
      const missing: string[] = [];
      contract.interface.forEachFunction(({ name: entry, constant }) => {
        const measured = Object.keys(costs.gas).some((key) => key.split(/ |,/)[0] === `${name}.${entry}`);
        const within = [...WITHIN, ...OF_LOTS, "round"].includes(entry);
        if (!constant && !measured && !within) missing.push(entry);
      });
      expect(missing, `entry points of ${name} whose gas is not measured`).to.deep.equal([]);
    }
    if (process.env.GAS === "1") console.log(costs);
    const deployed = ["Clearing", "Exchange", "Fund", "MarginGate", "Vault"].map((name) => `deploy.${name}`);
    costs.check(["MarginGate", "Exchange", "Clearing", "Fund", ...deployed, "attest", "withdraw", "round"]);
  });
});
