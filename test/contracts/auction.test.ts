// SPDX-License-Identifier: GPL-3.0-or-later
// One slice from its start to its end with nothing standing in: the oracle's own epochs and clock, and real proofs.
import { expect } from "chai";
import type { Contract } from "ethers";
import { priceAt, sliceOf, startLot, takeLot } from "../../prover/src/chain/liquidation.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { CASH, call, E6, fillOf, type Holder, LATE, marketAt, TERMS, tradeOf, World } from "./world.ts";

const STAGE = { healthy: 0n, called: 1n, liquidating: 2n };

describe("an auction under the oracle, with real proofs", function () {
  this.timeout(600_000);
  const prover = createProver();
  let world: World;
  let liquidation: Contract;
  after(() => prover.close());
  const refuses = (sent: Promise<unknown>, error: string, of = liquidation) =>
    expect(sent).to.be.revertedWithCustomError(of, error);
  const at = (bps: bigint) => bps as LevelBps;
  const hasAt = ({ state }: Holder, bps: bigint) => isAtLeast(evaluate(state, world.policy, world.market), at(bps));
  const stage = async ({ id }: Holder) => ((await world.gate.accountOf!(id)) as { stage: bigint }).stage;

  it("V17, V18: a slice is proven under one epoch, bid for under the next, and leaves the account healthy", async () => {
    // Time passes while proofs are made: the auction is longer than they take.
    world = await World.create({ prover, terms: { terms: { ...TERMS.terms, auctionDuration: 3000n } } });
    liquidation = world.deployment.liquidation.connect(world.operator) as Contract;
    const { levels } = world;
    const { terms } = world.terms;
    // On the other side of the position, and the bidder for part of it.
    const house = await world.holder(10);
    const debtor = await world.holder(11);
    await house.fund(CASH, 5_000_000n * E6);
    await debtor.fund(CASH, 181_000n * E6);
    // 10,000 lots at 25 each, on 181,000 of cash.
    const fill = fillOf("board-60", { 0: 10_000n }, -250_000n * E6);
    const [a, b] = [await debtor.trading(fill, 1n, house.id), await house.trading(fill, -1n, debtor.id)];
    await call(world.gate, "trade", await tradeOf(debtor, a, house, b));
    [debtor.state, house.state] = [a.after, b.after];

    const before = await world.published();
    await world.publish(marketAt("board-60", 51_000n, 4_000n));
    expect([hasAt(debtor, levels.closeOut), hasAt(debtor, levels.liquidation)]).to.deep.equal([true, false]);
    const venue = await world.auctions();
    const published = await world.published();
    const lot = sliceOf(debtor.state, published, levels, terms, at(levels.liquidation));
    const options = { deadline: LATE, beneficiary: house.id };
    const made = await startLot(venue, debtor, lot, published, world.terms, options);
    const late = { ...made.step, epoch: before.epoch };
    await refuses(liquidation.start!(late, made.offer, made.appraisals, "0x"), "EpochNotStanding", world.gate);
    await call(liquidation, "start", made.step, made.offer, made.appraisals, "0x");
    debtor.state = made.after;
    expect(await stage(debtor)).to.equal(STAGE.liquidating);
    const started = await world.now();

    // The bidder's proof was made in time, and comes when another epoch stands.
    const bid = { liquidated: debtor.id, fill: lot.fill, level: levels.initial };
    const signed = { deadline: LATE, signer: house.owner };
    const first = priceAt(lot, terms, 0n);
    const early = await takeLot(venue, house, { ...bid, price: first }, published, signed);
    await world.time.increase(terms.auctionDuration / 2n);
    await world.publish(marketAt("board-60", 50_000n, 4_000n));
    const bids = world.deployment.liquidation.connect(world.signers[17]!) as Contract;
    await refuses(bids.take!(debtor.id, early.step, first), "EpochNotStanding", world.gate);

    const now = await world.published();
    expect(now.epoch).to.equal(published.epoch + 1n);
    const price = (await liquidation.priceOf!(debtor.id)) as bigint;
    expect(price).to.equal(priceAt(lot, terms, (await world.now()) - started));
    const taken = await takeLot(venue, house, { ...bid, price }, now, signed);
    await refuses(bids.take!(debtor.id, taken.step, 0n), "PriceTooLow");
    await call(bids, "take", debtor.id, taken.step, price);
    house.state = taken.after;
    for (const holder of [debtor, house]) {
      expect((await world.gate.accountOf!(holder.id)).state).to.equal(commitState(holder.state));
    }
    expect(await stage(debtor)).to.equal(STAGE.called);
    expect(await world.gate.creditOf!(house.id, CASH)).to.equal(terms.reward);

    const paid = (await world.gate.creditOf!(debtor.id, CASH)) as bigint;
    expect(paid).to.equal(price - terms.reward);
    // It owes cash still, so that in the exit market it is below zero.
    const absorbed = await debtor.absorption({ asset: CASH, amount: paid }, "below");
    await call(debtor.gate, "absorb", absorbed.step, CASH, paid, true);
    debtor.state = absorbed.after;
    const cured = await debtor.attestation(levels.call);
    await call(debtor.gate, "attest", cured.step, levels.call);
    expect(await stage(debtor)).to.equal(STAGE.healthy);
    expect(house.state.positions[0]! + debtor.state.positions[0]!).to.equal(0n);
  });
});
