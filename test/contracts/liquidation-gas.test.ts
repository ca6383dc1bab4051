// SPDX-License-Identifier: GPL-3.0-or-later
// What liquidations cost, whole transactions, under simulated keys: the same proofs every time. The market is one whose answers
// the test sets, with as many words to read as the oracle has.
import { expect } from "chai";
import { closeOutOf, sliceOf } from "../../prover/src/chain/lots.ts";
import { Costs, type Receipt } from "../support/gas.ts";
import { CASH, call, E6, LEVELS, marketAt, peopled, START } from "./lot-world.ts";

/** What the issue of the second edition asks for. */
const CEILINGS: Record<string, number> = { "liquidation.start": 450_000 };

describe("gas of liquidations", function () {
  this.timeout(300_000);

  it("is no more than the snapshot says, and a start no more than its ceiling", async () => {
    const { world, house, bidder, debtor, restore } = await peopled();
    const costs = new Costs();
    const spent = (name: string, receipt: Receipt) => costs.spent(`liquidation.${name}`, receipt);
    const slice = (withCost: boolean) =>
      sliceOf({ before: debtor.state }, world.offering(LEVELS.liquidation, { withCost }));
    const closeOut = (withCost: boolean) =>
      closeOutOf({ before: debtor.state }, world.offering(LEVELS.closeOut, { withCost }));
    // A lot's name has its times, and a bid's proof has the name: the same times give the same proofs, and the same gas.
    const timed = () => world.chain.networkHelpers.time.setNextBlockTimestamp(START + 100_000n);
    const kinds = [
      ["start", 86_000n, false],
      ["start.withCost", 86_000n, true],
      ["start.closeOut", 81_500n, false],
      ["start.insolvent", 75_000n, true],
    ] as const;
    for (const [name, price, withCost] of kinds) {
      await restore();
      await world.donate(1_000_000n * E6);
      await world.publish(marketAt(price));
      await timed();
      const open = await world.start(debtor, (price > 82_000n ? slice : closeOut)(withCost), house.id);
      await spent(name, open.receipt);
      const paid = await world.priceOf(open);
      const taken = await world.taking(bidder, open, paid);
      const receipt = await call(world.liquidation, "take", open.lot, open.blob, taken.step, paid);
      if (name === "start") await spent("take", receipt);
      if (name === "start.insolvent") await spent("take.insolvent", receipt);
    }
    await restore();
    await world.publish(marketAt(86_000n));
    await timed();
    const cured = await world.start(debtor, slice(false));
    await world.deposit(debtor, CASH, 50_000n * E6);
    await spent("cure", await world.cure(debtor, cured, { asset: CASH, lots: 50_000n * E6 }));
    await restore();
    await world.publish(marketAt(86_000n));
    await timed();
    const over = await world.start(debtor, slice(false));
    await world.advance(10_000n);
    await spent("void", await call(world.liquidation, "void", over.lot));
    await spent("note", await call(world.liquidation, "note", debtor.id));
    await spent("setBackstop", await world.asQueue("setBackstop", house.id));
    for (const [name, most] of Object.entries(CEILINGS)) expect(costs.gas[name]!, name).at.most(most);
    costs.check(["liquidation"], 200);
  });
});
