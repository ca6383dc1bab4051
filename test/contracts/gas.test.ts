// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated keys: the same proofs every time, so that the gas of their calldata is the same every time.
//
// `AccountVerifier.verify` is execution alone; every other figure is a whole transaction. UPDATE_SNAPSHOTS=1 rewrites.
// Lots are of accounts with random keys: a call about one counts as if no byte of its calldata were zero.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { type Contract, getBytes, type TransactionReceipt } from "ethers";
import { FAMILY_IDS, policyStatement } from "../../prover/src/chain/carrier.ts";
import { proofWords } from "../../prover/src/chain/gate-calls.ts";
import {
  closeOutOf,
  cureLot,
  priceAt,
  returnLot,
  sliceOf,
  startLot,
  takeLot,
} from "../../prover/src/chain/liquidation.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { type BoardSize, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { NO_TRANSFER } from "../../prover/src/model/transition.ts";
import type { Groth16Proof } from "../../prover/src/node/prover.ts";
import { encodeTransfer, marketSignals } from "../../prover/src/statement/account.ts";
import { circuitOf } from "../../prover/src/statement/families.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { randomMarket, seededRng } from "../support/random.ts";
import { simulatedKey } from "../support/simulated.ts";
import {
  type Called,
  keysOf,
  listed,
  Markets,
  NO_HASH,
  PLAIN,
  POLICY,
  routerOf,
  TERMS,
  TIMELOCK,
  verifierOf,
} from "./markets.ts";
import { pointOf } from "./points.ts";
import { BTC, CASH, call, createChain, DAY, E6, E8, fillOf, LATE, marketAt, sideOf, tradeOf, World } from "./world.ts";

const FILE = path.join(import.meta.dirname, "../snapshots/gas.json");
/** The start of the simulated chain, so that times have the same bytes in every run. */
const START = 1_800_000_000n;
const VERIFY_CEILING = 240_000;
/** For one proof of a batch of so many, a whole transaction to a contract that calls `verifyBatch`. */
const BATCH_CEILING: Record<number, number> = { 2: 162_000, 16: 72_000 };

type Spent = (name: string, receipt: { gasUsed: bigint }) => void;
/** Entered by the module or by the gate itself, within calls that are measured; and what OpenZeppelin measures. */
const WITHIN = ["appraise", "settleFor", "setStage", "moveCredit", "payFromFund", "settleSome", "expireSome"];
const OWNABLE = ["transferOwnership", "acceptOwnership", "renounceOwnership"];
/** What is promised of the market (whole transactions, calldata included). */
const CEILINGS = { "epoch.60": 1_100_000, "epoch.480": 4_500_000, "deploy.key.480": 3_000_000 };

/** A slice and a close-out, and every way in which they end; the fund's withdrawal. */
async function auctions(world: World, spent: Spent) {
  const { levels, operator } = world;
  const { terms } = world.terms;
  const liquidation = world.deployment.liquidation;
  const [owners, operates] = [0, 7].map((index) => liquidation.connect(world.signers[index]!) as Contract);
  const [house, debtor, bidder] = [await world.holder(10), await world.holder(11), await world.holder(12)];
  for (const [holder, cash] of [
    [house, 5_000_000n],
    [debtor, 181_000n],
    [bidder, 1_000_000n],
  ] as const) {
    await holder.fund(CASH, cash * E6);
  }
  const fill = fillOf("board-60", { 0: 10_000n }, -250_000n * E6);
  const [a, b] = [await debtor.trading(fill, 1n, house.id), await house.trading(fill, -1n, debtor.id)];
  await call(world.gate, "trade", await tradeOf(debtor, a, house, b));
  [debtor.state, house.state] = [a.after, b.after];
  const whole = debtor.state;

  spent("Liquidation.setBackstop", await call(owners, "setBackstop", world.board, house.id));
  await call(house.gate, "donate", 100_000n * E6);
  const recipient = world.signers[16]!.address;
  spent("Liquidation.proposeWithdrawal", await call(owners, "proposeWithdrawal", recipient, 40_000n * E6));
  spent("Liquidation.cancelWithdrawal", await call(owners, "cancelWithdrawal"));
  await call(owners, "proposeWithdrawal", recipient, 40_000n * E6);
  await world.time.increase(2n * DAY);
  spent("Liquidation.withdrawFund", await call(owners, "withdrawFund"));

  const venue = await world.auctions();
  /** As if no byte of its calldata were zero. */
  const full = async (receipt: { gasUsed: bigint }) => {
    const { hash } = receipt as unknown as TransactionReceipt;
    const { data } = (await world.ethers.provider.getTransaction(hash))!;
    const zeros = getBytes(data).filter((byte) => byte === 0).length;
    return { gasUsed: receipt.gasUsed + 12n * BigInt(zeros) };
  };
  const start = async (name: string, lot: ReturnType<typeof sliceOf>) => {
    const options = { deadline: LATE, beneficiary: house.id };
    const made = await startLot(venue, debtor, lot, await world.published(), world.terms, options);
    spent(name, await full(await call(operates, "start", made.step, made.offer, made.appraisals, "0x")));
    debtor.state = made.after;
    return lot;
  };
  /** Measures one end of a lot, and undoes it. */
  const ending = async (name: string, seconds: bigint, end: () => Promise<{ gasUsed: bigint }>) => {
    const snapshot = await world.chain.networkHelpers.takeSnapshot();
    if (seconds > 0n) await world.time.increase(seconds);
    spent(name, await full(await end()));
    await snapshot.restore();
  };
  await world.publish(marketAt("board-60", 51_000n, 4_000n));
  const called = await world.chain.networkHelpers.takeSnapshot();
  const published = await world.published();
  const lot = await start(
    "Liquidation.start (slice)",
    sliceOf(debtor.state, published, levels, terms, levels.liquidation as LevelBps),
  );
  const bid = { liquidated: debtor.id, fill: lot.fill, price: priceAt(lot, terms, 0n), level: levels.initial };
  const by = (signer = operator) => ({ deadline: LATE, signer });
  await ending("Liquidation.take", 0n, async () => {
    const { step } = await takeLot(venue, bidder, bid, published, by(bidder.owner));
    return call(operates, "take", debtor.id, step, bid.price);
  });
  await ending("Liquidation.backstop", terms.auctionDuration, async () => {
    const { step } = await takeLot(venue, house, { ...bid, price: 0n, level: 0n }, published, by(house.owner));
    return call(operates, "backstop", debtor.id, step);
  });
  await ending("Liquidation.giveBack", 2n * terms.auctionDuration, async () => {
    const { step, below } = await returnLot(venue, debtor, lot, { deadline: LATE });
    return call(operates, "giveBack", step, below);
  });
  await ending("Liquidation.cure", 0n, async () => {
    const { step } = await cureLot(venue, debtor, lot, levels.call, published, by(debtor.owner));
    return call(operates, "cure", step);
  });

  await called.restore();
  debtor.state = whole;
  world.epoch = published.epoch;
  // By a half in an hour, as far as the sources let prices move.
  await world.time.increase(3600n);
  await world.publish(marketAt("board-60", 26_000n, 4_000n));
  const insolvent = closeOutOf(debtor.state, await world.published(), terms, 0n as LevelBps);
  expect(insolvent.writeOff > 0n).to.equal(true);
  await start("Liquidation.start (close-out, paid by the fund)", insolvent);
}

/** What owner and guardian do, and what befalls a board. */
async function governance(world: World, spent: Spent) {
  const { oracle } = world.deployment;
  const guards = (contract: Contract) => contract.connect(world.guardian) as Contract;
  const libraries = { Tokens: await world.ethers.deployContract("Tokens") };
  const gate = await world.ethers.deployContract("MarginGate", [oracle, ...world.signers.slice(0, 2), DAY], {
    libraries,
  });
  const token = await world.ethers.deployContract("TestToken", ["USDC", 6]);
  spent("MarginGate.registerAsset", await call(gate, "registerAsset", CASH, token, 6));
  spent("MarginGate.setLiquidation", await call(gate, "setLiquidation", world.signers[2]));
  spent("MarginGate.setOperator", await call(gate, "setOperator", world.signers[2]));
  spent("pause", await call(guards(oracle), "pause", world.board, DAY));
}

/** Of a transaction of a market without a gate. */
const gasOf = async (sent: Promise<unknown>): Promise<{ gasUsed: bigint }> =>
  (await ((await sent) as { wait(): Promise<unknown> }).wait()) as { gasUsed: bigint };

/** The market alone: what epochs, settlements and changes of policy and key take, and a key's deployment. */
async function marketCosts(size: BoardSize, spent: Spent) {
  const rows = instrumentsOf(size);
  const chain = await createChain(31_337, START);
  const world = await Markets.create(size, { chain: chain as never });
  // Every instrument listed, every value new. Of halted epochs as of others.
  for (const [round, name] of ["first", "second", `epoch.${rows}`].entries()) {
    const market = listed(randomMarket(seededRng(3 + round), size, "typical"));
    const made = await world.make({ market });
    const receipt = await gasOf(world.send(made) as Promise<unknown>);
    if (name.startsWith("epoch")) spent(name, receipt);
    expect(receipt.gasUsed < 1n << 24n, "an epoch is one transaction on chains that cap it at 2^24").to.equal(true);
    if (rows !== 60 || !name.startsWith("epoch")) continue;
    const { values, counted, statement } = made;
    const more = (family: bigint) => [{ family, link: world.key(family).link(statement) }];
    const linked = world.oracle.linkMore!(1, values, counted.prices, counted.debtRateBps, more(FAMILY_IDS.lot));
    spent("linkMore.60", await gasOf(linked));
  }
  const expiring = Object.fromEntries(Array.from({ length: 10 }, (_, row) => [row, 1_000_000n * BigInt(row + 1)]));
  spent(`settlement.${rows}`, await gasOf((await world.settle(expiring, 1n)).send()));
  const keys = keysOf(size, 9n, [
    circuitOf("account", size),
    ...(rows === 60 ? SETTLING : [circuitOf("settlement", size)]),
  ]);
  const [accounts] = keys;
  const verifier = await verifierOf(world.chain, accounts!);
  spent(`deploy.key.${rows}`, (await verifier.deploymentTransaction()!.wait())!);
  if (rows !== 60) return;

  const place = { chainId: 31_337n, address: await world.points.getAddress() };
  const policy = { ...POLICY, schedules: POLICY.schedules.with(2, POLICY.schedules[0]!) };
  const statement = policyStatement(place, policy);
  const board = await world.router.verifierOf!(60, FAMILY_IDS.account);
  const link = world.key(FAMILY_IDS.account).link(statement);
  spent("policy.link", await gasOf(world.points.linkPolicy!(board, statement.values, link)));
  await world.linkKeys(world.router, world.keys, policy);
  await world.queue.close!();
  const waiting = async (name: string, contract: Called, method: string, ...args: unknown[]) => {
    const { data } = await contract.getFunction(method).populateTransaction(...args);
    const operation = [await contract.getAddress(), 0n, data, NO_HASH, NO_HASH] as const;
    const schedule = world.queue.schedule!(...operation, TIMELOCK);
    if (name === "policy.set") spent("queue.schedule (policy)", await gasOf(schedule));
    else await gasOf(schedule);
    await world.time.increase(TIMELOCK);
    spent(name, await gasOf(world.queue.execute!(...operation)));
  };
  await waiting("policy.set", world.registry, "setPolicy", 1, world.policy({}, policy));
  const maxSlice = TERMS.terms.maxSlice / 2n;
  const tighter = world.policy({ terms: { ...TERMS.terms, maxSlice } }, policy);
  spent("policy.tighten", await gasOf(world.as(world.guardian, world.registry).tighten!(1, tighter)));
  const all = keysOf(size, 9n);
  const router = await routerOf(world.chain, all);
  await world.linkKeys(router, all, policy);
  await world.linkKeys(router, all);
  await waiting("rotation", world.registry, "rotate", 1, router);
  await waiting(
    "queue.setReporters (5)",
    world.quorum,
    "setReporters",
    [...((await world.quorum.reporters!()) as string[])],
    3,
  );
  await waiting("queue.configure", world.sources, "configure", 1, 0, PLAIN);
}
const SETTLING = ["settlement-60"] as const;

describe("gas", () => {
  it("stays within the snapshot, and one verification within 240,000", async function () {
    this.timeout(120_000);
    const gas: Record<string, number> = {};
    const spent = (name: string, { gasUsed }: { gasUsed: bigint }) => {
      gas[name] = Number(gasUsed);
    };
    const key = simulatedKey("board-60");
    const world = await World.create({ key, start: START });
    const { gate } = world;
    const { router } = world.deployment;
    const alice = await world.holder(10);
    const bob = await world.holder(11);
    const fresh = alice.with({ state: genesis("board-60"), viewingKey: 99n as never });
    const { opening: terms, ready, signature } = await fresh.opening(alice.owner.address);
    spent("MarginGate.open", await call(alice.gate, "open", terms, ready.step, signature));
    spent("MarginGate.setAgent", await call(alice.gate, "setAgent", alice.id, bob.owner));
    spent("MarginGate.heartbeat", await call(gate.connect(world.operator), "heartbeat"));
    spent("MarginGate.donate", await call(alice.gate, "donate", E6));
    await bob.fund(CASH, 3_000_000n * E6);
    const deposit = [alice.id, alice.owner.address, CASH, 1_000_000n * E6] as const;
    spent("MarginGate.deposit", await call(alice.gate, "deposit", ...deposit));
    const absorb = await alice.absorption({ asset: CASH, amount: 1_000_000n * E6 });
    spent("MarginGate.absorb", await call(alice.gate, "absorb", absorb.step, CASH, 1_000_000n * E6, false));
    alice.state = absorb.after;
    await alice.fund(BTC, 10n * E8);
    const attest = await alice.attestation(12_000n);
    spent("MarginGate.attest", await call(alice.gate, "attest", attest.step, 12_000n));
    alice.state = attest.after;
    const recipient = world.signers[16]!.address;
    const given = { asset: CASH, amount: 1_000n * E6, recipient, fee: 0n };
    const withdraw = await alice.withdrawal(given);
    spent("MarginGate.withdraw", await call(alice.gate, "withdraw", withdraw.step, CASH, given.amount, recipient, 0n));
    alice.state = withdraw.after;
    const exit = await alice.leaving(given);
    spent("MarginGate.exit", await call(alice.gate, "exit", exit.step, CASH, given.amount, recipient, 0n));
    alice.state = exit.after;
    const fillAt = (blinding: bigint) => fillOf("board-60", { 0: 100n }, -5n * E6, blinding);
    const [a, b] = [await alice.trading(fillAt(7n), 1n, bob.id), await bob.trading(fillAt(7n), -1n, alice.id)];
    spent("MarginGate.trade", await call(alice.gate, "trade", await tradeOf(alice, a, bob, b)));
    [alice.state, bob.state] = [a.after, b.after];
    const better = await alice.improving(fillAt(8n), 1n, bob.id, 11_000n);
    const other = await bob.trading(fillAt(8n), -1n, alice.id);
    const plain = await tradeOf(alice, better.ready, bob, other);
    spent("MarginGate.trade (improving)", await call(alice.gate, "trade", { ...plain, a: better.side }));
    [alice.state, bob.state] = [better.ready.after, other.after];
    const trades = [];
    for (let index = 0n; index < 8n; index++) {
      const [one, two] = [
        await alice.trading(fillAt(20n + index), 1n, bob.id),
        await bob.trading(fillAt(20n + index), -1n, alice.id),
      ];
      trades.push({ ...(await tradeOf(alice, one, bob, two)), b: await sideOf(bob, two) });
      [alice.state, bob.state] = [one.after, two.after];
    }
    const batch = await call(gate, "settleBatch", trades);
    gas["MarginGate.settleBatch of 8 trades, per trade"] = Number(batch.gasUsed / 8n);
    const flag = await alice.flagging();
    spent("MarginGate.flag", await call(gate.connect(world.signers[17]!) as Contract, "flag", flag.step, 12_000n));
    alice.state = flag.after;
    await world.openSettlement({ 0: 25n * E6 }, 1n);
    const [first, second] = [await alice.expiring(1n, { 0: 25n * E6 }), await bob.expiring(1n, { 0: 25n * E6 })];
    spent("MarginGate.expire", await call(gate, "expire", first.step));
    spent("MarginGate.expireBatch of one", await call(gate, "expireBatch", [second.step]));

    const shared = marketSignals(world.policy, world.market);
    const { x, y } = pointOf(key.key, shared);
    const inputs = [11n, 12n, 13n, 14n, 15n, 16n].map((seed) => seed ** 90n % (1n << 253n));
    const proof = key.prove([...inputs, ...shared]);
    const data = world.verifier.interface.encodeFunctionData("verify", [
      proofWords(proof as Groth16Proof),
      inputs,
      { x, y },
    ]);
    const meter = await world.ethers.deployContract("GasMeter");
    gas["AccountVerifier.verify"] = Number(await meter.measure!(world.verifier, data));
    expect(gas["AccountVerifier.verify"]).to.be.at.most(VERIFY_CEILING);

    const caller = await world.ethers.deployContract("BatchCaller", [world.verifier]);
    for (const count of [2, 16]) {
      // As in trades: nothing transferred, one level asked.
      const each = Array.from({ length: count }, (_, index) => {
        const [stateBefore, stateAfter, fill, context] = [3n, 5n, 7n, 9n].map(
          (n) => (n + BigInt(index)) ** 91n % (1n << 253n),
        );
        return [stateBefore!, stateAfter!, encodeTransfer(NO_TRANSFER), fill!, 15_000n, context!];
      });
      const proofs = each.map((own) => proofWords(key.prove([...own, ...shared]) as Groth16Proof));
      const data = world.verifier.interface.encodeFunctionData("verifyBatch", [proofs, each, { x, y }]);
      const receipt = await (await world.signers[0]!.sendTransaction({ to: caller, data })).wait();
      gas[`batch.${count}.perProof`] = Math.ceil(Number(receipt!.gasUsed) / count);
      expect(gas[`batch.${count}.perProof`]).to.be.at.most(BATCH_CEILING[count]!);
    }

    await auctions(await World.create({ key, start: START }), spent);
    await governance(await World.create({ key, start: START }), spent);
    await marketCosts("board-60", spent);
    await marketCosts("board-480", spent);
    for (const name of ["MarginGate", "Liquidation"]) {
      const { interface: entries } = await world.ethers.getContractFactory(name, {
        libraries: name === "MarginGate" ? { Tokens: router } : {},
      });
      const missing: string[] = [];
      entries.forEachFunction(({ name: entry, constant }) => {
        const measured = Object.keys(gas).some((key) => key.split(/ |,/)[0] === `${name}.${entry}`);
        if (!constant && !measured && ![...WITHIN, ...OWNABLE].includes(entry)) missing.push(entry);
      });
      expect(missing, `entry points of ${name} whose gas is not measured`).to.deep.equal([]);
    }

    for (const [name, ceiling] of Object.entries(CEILINGS)) expect(gas[name], name).to.be.at.most(ceiling);
    const sorted = Object.fromEntries(Object.entries(gas).sort(([left], [right]) => (left < right ? -1 : 1)));
    if (process.env.UPDATE_SNAPSHOTS === "1") writeFileSync(FILE, `${JSON.stringify(sorted, null, 2)}\n`);
    const snapshot = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, number>;
    expect(Object.keys(sorted)).to.deep.equal(Object.keys(snapshot));
    const grown = Object.entries(sorted).filter(([name, used]) => used > snapshot[name]!);
    expect(grown, "entry points that need more gas than the snapshot says").to.deep.equal([]);
  });
});
