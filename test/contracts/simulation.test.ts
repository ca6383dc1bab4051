// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Some days of the market with adversaries (`npm run simulate` plays a thousand), and faults of desks that its checks find: what a desk
 * with the fault would do is done in its name, or written where it would have written it.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { AbiCoder, type Contract, dataSlice, keccak256 } from "ethers";
import { check } from "../../scripts/simulate/checks.ts";
import type { Fault } from "../../scripts/simulate/gate.ts";
import { fillAt } from "../../scripts/simulate/members.ts";
import { CASH, E6, type Holder, most, Violation, valued } from "../../scripts/simulate/model.ts";
import { ASSET, generatedPath, ROW } from "../../scripts/simulate/prices.ts";
import { MEMBER_HEADER, Notes, pageOf } from "../../scripts/simulate/report.ts";
import { type Running, reprice, simulate } from "../../scripts/simulate/run.ts";
import { DAY } from "../../scripts/simulate/values.ts";
import type { Venue } from "../../scripts/simulate/venue.ts";
import { seededRng } from "../support/random.ts";

const EPOCHS = 16;
const SEED = 7;
const coder = AbiCoder.defaultAbiCoder();
const usd = (amount: bigint) => amount * E6;

/** Takes chain and model of a venue back to now. */
async function savedOf(venue: Venue): Promise<() => Promise<void>> {
  const { chain, values, till, holders } = venue;
  let id = await chain.request("evm_snapshot");
  const held = [...holders];
  const fields = held.map(({ credits, books, ...rest }) => ({ ...rest, credits: [...credits], books: { ...books } }));
  const saved = [venue, values, till, chain].map((each) => [each, { ...each }] as const);
  const [custody, paidTo] = [[...till.custody], [...till.paidTo]];
  return async () => {
    await chain.request("evm_revert", id);
    id = await chain.request("evm_snapshot");
    for (const [each, was] of saved) Object.assign(each, was);
    holders.splice(0, holders.length, ...held);
    for (const [index, { credits, books, ...rest }] of fields.entries()) {
      Object.assign(held[index]!, rest);
      held[index]!.credits.splice(0, credits.length, ...credits);
      Object.assign(held[index]!.books, books);
    }
    for (const [map, entries] of [
      [till.custody, custody],
      [till.paidTo, paidTo],
    ] as const) {
      map.clear();
      for (const [key, value] of entries) (map as Map<unknown, bigint>).set(key, value);
    }
    venue.touched.clear();
  };
}

/** The next usable day, on which everything has moved by a factor. */
async function nextDay(venue: Venue, factor: number) {
  const { values, chain } = venue;
  const time = Math.max(chain.time, values.pausedUntil) + DAY;
  await chain.until(time);
  const { today } = values;
  values.feedAlive = true;
  reprice(venue, { ...today, BTC: factor * today.BTC, ETH: factor * today.ETH }, values.day + 1, time);
  await values.publish();
  expect(values.unusable()).equal(undefined);
}

async function member(venue: Venue, assets: Readonly<Record<number, bigint>>): Promise<Holder> {
  const holder = await venue.open(venue.chain.signers[60]!, 10n ** 9n + BigInt(venue.holders.length), "member", true);
  for (const [asset, lots] of Object.entries(assets)) await venue.payIn(holder, Number(asset), lots);
  return holder;
}
const makerOf = (venue: Venue) =>
  venue.holders.find(({ part, stage }) => part === "market maker" && stage === "healthy")!;
const violation = (work: Promise<unknown>) =>
  work.then(
    () => "nothing",
    (error: unknown) => (error instanceof Violation ? error.message : Promise.reject(error)),
  );

/** The first price of a lot, and its last, follow from what policies count of it and not from what it is worth. */
const HAIRCUT_PRICES: Fault = {
  name: "lots start at what they are worth after haircuts",
  async started({ chain, system }, holder, open) {
    const counted = open.lot.appraisal.cost / 10n ** 14n;
    const auction = { ...open.auction, firstPrice: (counted * 105n) / 100n, lastPrice: (counted * 9n) / 10n };
    const { liquidation } = system;
    const id = keccak256(dataSlice(liquidation.interface.encodeFunctionData("priceOf", [auction]), 4));
    for (let slot = 0n; slot < 8n; slot++) {
      const place = keccak256(coder.encode(["uint256", "uint256"], [holder.id, slot]));
      const found = await chain.request("eth_getStorageAt", liquidation.target, place, "latest");
      if (found === open.id) await chain.request("hardhat_setStorageAt", liquidation.target, place, id);
    }
    expect(await chain.view(liquidation, "auctionOf", holder.id)).equal(id);
    return { ...open, auction, id };
  },
};

/** A hold is written and ends at once. */
const LOOSE_HOLDS: Fault = {
  name: "holds that do not bind",
  async held({ chain, system }, holder) {
    const exchange = await chain.impersonate(system.exchange.target as string);
    await chain.transact(exchange, system.gate, "setHold", holder.id, 0n);
  },
};

/** Trades at level 0, for whoever improves. */
const TYPE = keccak256(
  Buffer.from(
    "Trade(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 counterparty,uint256 fill,uint256 level,uint64 lastEpoch)",
  ),
);
const LEVEL_0: Fault = {
  name: "improving trades at level 0",
  tradeLevel: 0n,
  async traded({ chain, system }, { a, b, fill }) {
    const exchange = await chain.impersonate(system.exchange.target as string);
    const none = `0x${"0".repeat(40)}`;
    const effect = (counterparty: bigint, lastEpoch: bigint, minus: boolean) => ({
      typeHash: TYPE,
      args: coder.encode(["uint256", "uint256", "uint256", "uint64"], [counterparty, fill, 0n, lastEpoch]),
      ...{
        by: 2n,
        sender: none,
        asset: 0n,
        amount: 0n,
        counter: 0n,
        fill,
        minus,
        level: 0n,
        below: false,
        evenHeld: false,
      },
    });
    const effects = [effect(b.step.account, a.lastEpoch, false), effect(a.step.account, b.lastEpoch, true)];
    await chain.transact(exchange, system.gate, "settleMany", 0n, [a.step, b.step], effects);
  },
};

describe("a market with adversaries", function () {
  this.timeout(300_000);
  let run: Running;
  let venue: Venue;
  let restore: () => Promise<void>;
  const notes = new Notes();
  before(async () => {
    const days = generatedPath(EPOCHS, seededRng(SEED));
    run = await simulate({ seed: SEED, path: days, onDay: (_, each) => notes.day(each) });
    ({ venue } = run);
    await nextDay(venue, 1);
    restore = await savedOf(venue);
  });
  afterEach(async () => {
    venue.fault = undefined;
    await restore();
  });

  it("ends every day as the model says, with lots sold and attacks refused", () => {
    expect(notes.days).equal(EPOCHS + 1);
    expect(venue.sold.length).above(0);
    const tried = run.actors.filter(({ honest, tries }) => !honest && tries.count > 0);
    expect(tried.length).above(10);
    const refusals = new Set(tried.flatMap(({ tries }) => [...tries.refused.keys()]));
    expect([...refusals]).include.members(["STATEMENT_FALSE", "OperatorMissing"]);
    expect(venue.chain.sent).above(500);
  });

  it("finds lots that start at what they are worth after haircuts", async () => {
    venue.fault = HAIRCUT_PRICES;
    const holder = await member(venue, { [ASSET.btc]: 10n * 10n ** 8n });
    const bidder = await member(venue, { [CASH]: usd(60_000_000n) });
    const { policy, market } = venue.values.published("outflow");
    const { equity } = valued(holder.state, policy, market);
    for (let part = 80n; holder.state.cash === 0n; part -= 2n) {
      await venue.withdraw(holder, CASH, (equity * part) / 10n ** 16n).catch(() => {});
    }
    const { closeOut } = venue.values.levels("evidence");
    while (venue.isAtLeast(holder.state, closeOut)) await nextDay(venue, 0.94);
    await venue.start(holder, closeOut);
    const { open } = holder;
    expect(open!.before > 0n).equal(true, "the account is solvent at market");
    expect(await violation(venue.take(holder, bidder, await venue.price(open!)))).match(
      /^a lot cost account \d+ \(member\) \d+, and by the model \d+ at most/,
    );
  });

  it("finds holds that do not bind", async () => {
    venue.fault = LOOSE_HOLDS;
    const holder = await member(venue, { [CASH]: usd(100_000n) });
    await venue.hold(holder);
    expect(await violation(venue.withdraw(holder, CASH, usd(1_000n)))).match(/withdraws .* while it is held$/);
  });

  it("finds trades that only improve, at level 0", async () => {
    const holder = await member(venue, { [CASH]: usd(200_000n) });
    const { profits, longCharge } = venue.values.standing!.market.board.rows[ROW.btcPerp]!;
    const margin = profits.reduce((worst, profit) => most(worst, -profit), 0n) + longCharge;
    const lots = (usd(200_000n) * 9_900n) / 15_000n / margin;
    await venue.trade(holder, makerOf(venue), fillAt(venue, { [ROW.btcPerp]: lots }));
    await nextDay(venue, 0.95);
    const { initial } = venue.values.levels("outflow");
    expect(venue.isAtLeast(holder.state, initial)).equal(false);
    const less = () => fillAt(venue, { [ROW.btcPerp]: -lots / 20n });
    const refused = await venue.trade(holder, makerOf(venue), less()).catch((error: { code?: string }) => error.code);
    expect(refused).equal("STATEMENT_FALSE");
    venue.fault = LEVEL_0;
    expect(await violation(venue.trade(holder, makerOf(venue), less()))).match(
      /trades and is left below the initial level$/,
    );
  });

  it("finds a gate that pays somebody who has no claim, and a desk that moves somebody's credit", async () => {
    await check(venue, true);
    const { chain, system } = venue;
    const gate = await chain.impersonate(system.gate.target as string);
    await chain.transact(gate, chain.tokens.get(CASH) as Contract, "transfer", chain.signers[0]!.address, 1n);
    expect(await violation(check(venue, false))).match(/^the gate holds \d+ of asset 15, by the model/);
    await restore();
    const [one, other] = [await member(venue, {}), await member(venue, {})];
    await venue.deposit(one, CASH, usd(10n));
    await check(venue, false);
    const liquidation = await chain.impersonate(system.liquidation.target as string);
    await chain.transact(liquidation, system.gate, "moveCredit", one.id, other.id, CASH, 1n);
    venue.touched.add(one);
    expect(await violation(check(venue, false))).match(/has a credit of 9999999 of asset 15, by the model 10000000$/);
  });

  it("is told by a page that names every class and every attack, and whose gains add up", () => {
    const text = readFileSync(path.resolve(import.meta.dirname, "../../docs/simulation.md"), "utf8");
    const figures = (cell: string) => Number(cell.replaceAll(",", ""));
    for (const page of [text, pageOf(run, notes, { command: "", source: "generated", seed: SEED })]) {
      const cells = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
      const rowOf = (name: string) => cells.find(([, first]) => first === name)!;
      for (const { name, honest, by } of run.actors) {
        if (honest || by === "chance") continue;
        expect(rowOf(name), name).not.equal(undefined);
      }
      const members = [...new Set(run.actors.filter(({ honest }) => honest).map(({ name }) => name)), "all attacks"];
      const sums = members.map((name) => {
        const row = rowOf(name).slice(1);
        expect(row.length - 1).equal(MEMBER_HEADER.length);
        const [result, ...parts] = row.slice(3, 10).map(figures);
        expect(Math.abs(result! - parts.reduce((sum, part) => sum + part, 0))).below(10);
        return parts.slice(2).reduce((sum, part) => sum + part, 0);
      });
      const total = sums.reduce((sum, part) => sum + part, 0);
      const [, accounts, fund] = /fund lost: (-?[\d,]+), and (-?[\d,]+) of the fund/.exec(page)!.map(figures);
      // Whole dollars, each cut off.
      expect(Math.abs(accounts! + fund!)).below(3);
      expect(Math.abs(total - accounts!)).below(5 * members.length);
    }
    expect(text).match(/The worst honest loss beyond what the model says: \*\*0\*\*/);
  });
});
