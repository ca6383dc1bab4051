// SPDX-License-Identifier: GPL-3.0-or-later
// What a lying quorum, a carrier, a guardian or a feed could once do with a board. Simulated keys; no proofs.
import { expect } from "chai";
import { FAMILY_IDS, fixedValues, marksStatement } from "../../prover/src/chain/carrier.ts";
import { observe } from "../../prover/src/chain/publication.ts";
import { type BoardRow, CLOSED_ROW, type Market } from "../../prover/src/model/market.ts";
import { ASSETS } from "../../prover/src/model/sizes.ts";
import type { ColumnE6 } from "../../prover/src/units.ts";
import { freshMarkets } from "../support/fresh-markets.ts";
import { type Called, DAY, E8, E18, type Markets, marketAt, PLAIN, TERMS, ZERO } from "./markets.ts";

const [BTC, ETH, SOL] = [100_000n * E8, 4_000n * E8, 200n * E8];
const HOUR = 3600n;
const HALT_TIME = 600n;
const MINUTE = 60n;

describe("attacks on a board's market", () => {
  let world: Markets;
  let oracle: Called;
  const start = (sequencer: boolean) =>
    freshMarkets(
      (made) => {
        world = made;
        ({ oracle } = made);
      },
      { sequencer },
    );
  const priced = (...some: bigint[]) => [...some, ...new Array<bigint>(ASSETS - some.length).fill(0n)];
  const succeeds = (sent: Promise<unknown>) =>
    sent.then(
      () => true,
      () => false,
    );
  /** Usable, and complete. */
  const state = async () => [await succeeds(world.outflow()), await succeeds(world.evidence())];
  const after = async (...reported: bigint[]) => {
    await world.publish({ prices: priced(...reported) });
    return state();
  };
  const feedOf = async (answer: bigint, decimals = 8) =>
    (await world.ethers.deployContract("TestFeed", [decimals, answer])) as unknown as Called;
  const configure = (asset: number, source: object) =>
    world.setUp(world.sources, "configure", 1, asset, { ...PLAIN, ...source });
  const fed = (aggregator: unknown, deviationBps = 500n) => ({
    feed: { aggregator, heartbeat: HOUR, minAnswer: 0n, maxAnswer: 1n << 100n },
    deviationBps,
  });
  const withRow = (market: Market, row: number, change: Partial<BoardRow>): Market => ({
    ...market,
    board: { ...market.board, rows: market.board.rows.with(row, { ...market.board.rows[row]!, ...change }) },
  });
  const clock = async () => (await oracle.clock!(1)) as unknown as bigint;

  describe("without a sequencer", () => {
    start(false);

    describe("M01: a cure period after a tightening", () => {
      const tighten = async () => {
        const levels = { ...TERMS.levels, call: TERMS.levels.call + 1_000n };
        await world.as(world.guardian, world.registry).tighten!(1, world.policy({ levels }));
      };
      const evidence = async () => (await world.evidence()).policyId;

      it("is not used up by the guardian's own pause", async () => {
        await tighten();
        await world.publish();
        expect(await evidence()).to.equal(1n);
        await world.as(world.guardian).pause!(1, TERMS.terms.curePeriod + MINUTE);
        await world.time.increase(TERMS.terms.curePeriod + 2n * MINUTE);
        await world.publish();
        expect(await evidence(), "nobody could cure meanwhile").to.equal(1n);
      });
    });

    const block = {
      ...{ maxLiquidityThreshold: 2n * 10n ** 12n, minLiquidityRateBps: 50n },
      ...{ maxVegaThreshold: 10n ** 12n, minVegaRateBps: 20n, mayContinue: false },
    };
    /** Row 0 is worth 10^5 lots of an asset. */
    const linear = async (asset: bigint) => {
      const terms = { linear: [{ row: 0n, asset, ratioE18: 10n ** 5n * E18 }], bandBps: 100n, blocks: [block] };
      await world.setUp(world.registry, "setPolicy", 1, world.policy({ boardTerms: await world.terms(terms) }));
    };
    const windDown = async (made: Awaited<ReturnType<Markets["make"]>>, market: Market) => {
      const place = { chainId: 31_337n, address: await world.settlements.getAddress() };
      const number = ((await oracle.settlementsOf!(1)) as unknown as bigint) + 1n;
      const marks = new Map(market.board.rows.map((row, index) => [index, row.mark]));
      const fixedBy = fixedValues(made.epoch.valuesHash, made.counted);
      const statement = marksStatement(place, { board: 1n, number }, "board-60", marks, fixedBy);
      const link = world.key(FAMILY_IDS.settlement).link(statement);
      const { prices, debtRateBps } = made.counted;
      return world.settlements.windDown!(1, made.values, prices, debtRateBps, link);
    };

    describe("M02: a linear row", () => {
      const marked = (mark: bigint) => withRow(world.market, 0, { mark: mark as ColumnE6 });

      it("of an asset without a price halts the epoch: nothing holds its mark", async () => {
        await linear(0n);
        await world.publish({ market: marked(9n * 10n ** 8n), prices: priced(0n, ETH) });
        expect(await state()).to.deep.equal([false, false]);
      });

      it("halts the epoch while the feed of its asset is stale", async () => {
        const feed = await feedOf(BTC);
        await configure(0, fed(feed));
        await linear(0n);
        await world.time.increase(HOUR + MINUTE);
        await world.publish({ market: marked(9n * 10n ** 8n), prices: priced(BTC, ETH) });
        expect(await state()).to.deep.equal([false, false]);
      });

      it("of an asset that is not listed is held to that asset's price, which moves no further than others", async () => {
        await configure(2, {});
        await linear(2n);
        const at = (price: bigint) => ({ market: marked(price / 100_000n), prices: priced(BTC, ETH, price) });
        await world.publish(at(SOL));
        expect(await state()).to.deep.equal([true, true]);
        await world.publish(at(9n * SOL));
        expect(await state()).to.deep.equal([false, false]);
      });

      it("of an asset without a source halts the epoch, and does not once it has expired and is closed", async () => {
        await linear(2n);
        await world.publish({ market: marked(SOL / 100_000n), prices: priced(BTC, ETH, SOL) });
        expect(await state()).to.deep.equal([false, false]);
        await world.setUp(world.registry, "setPolicy", 1, world.policy({ boardTerms: ZERO }));
        await (await world.settle({ 0: SOL / 100_000n }, 1n)).send();
        await linear(2n);
        await world.publish({ market: withRow(world.market, 0, CLOSED_ROW), prices: priced(BTC, ETH, SOL) });
        expect(await state()).to.deep.equal([true, true]);
      });
    });

    it("M02: a price is held back while its feed is stale as at other times", async () => {
      await configure(0, fed(await feedOf(BTC)));
      await world.time.increase(HOUR + MINUTE);
      expect(await after(BTC, ETH)).to.deep.equal([true, false]);
      expect(await after(2n * BTC, ETH)).to.deep.equal([false, false]);
      await world.time.increase(HALT_TIME);
      // Confirmed, but by no feed.
      expect(await after(2n * BTC, ETH)).to.deep.equal([true, false]);
    });

    describe("M03: a feed that is dead", () => {
      const moved = 2n * BTC;
      const die = async () => {
        const feed = await feedOf(BTC);
        await configure(0, fed(feed));
        await after(BTC, ETH);
        await feed.setBroken!(true);
        await world.time.increase(HALT_TIME);
        await after(moved, ETH);
        return feed;
      };

      it("is replaced in one change after the market has moved", async () => {
        await die();
        await configure(0, fed(await feedOf(moved)));
        await world.time.increase(HALT_TIME);
        expect(await after(moved, ETH)).to.deep.equal([true, true]);
      });

      it("is not replaced by one of other decimals, nor by one that is far from what reporters say", async () => {
        await die();
        for (const feed of [await feedOf(moved / 10n), await feedOf(moved, 7), await feedOf(3n * BTC)]) {
          await expect(configure(0, fed(feed))).to.be.revertedWithCustomError(world.sources, "FeedTooFar");
        }
      });
    });

    it("M04: what was observed a second later does not confirm a price, however late it is carried", async () => {
      const jump = priced(2n * BTC, ETH);
      const time = await world.now();
      await world.publish({ prices: jump, time: time + 1n });
      expect(await state()).to.deep.equal([false, false]);
      await world.time.increase(HALT_TIME + MINUTE);
      await world.publish({ prices: jump, time: time + 2n });
      expect(await state()).to.deep.equal([false, false]);
    });

    it("M05: who carries an epoch that reporters signed twice does not mix the two", async () => {
      const time = await world.now();
      const one = await world.make({ prices: priced(BTC, ETH), time }, 2n);
      const moved = marketAt("board-60", 104_000n, 4_100n);
      const other = await world.make({ market: moved, time: time + 1n }, 2n);
      const mixed = one.observations.map((each, index) => ({
        ...each,
        boardSignature: other.observations[index]!.boardSignature,
      }));
      const { values } = other;
      // Linked as the carrier would link it.
      const sights = one.observations.map(({ time, prices }) => ({ time, prices }));
      const { links } = await world.make({ market: moved, sights }, 2n);
      await expect(world.send(one, { observations: mixed, values, links })).to.be.revertedWithCustomError(
        world.quorum,
        "BoardNotSigned",
      );
      expect(await observe(world.reporters.slice(0, 3), await world.domain(), one.epoch, sights[0]!)).to.have.length(3);
    });

    describe("M08: a linear row that expires", () => {
      it("does so near the price that counted last, and at no other mark that a quorum signs", async () => {
        await linear(0n);
        const rules = await world.ethers.getContractAt("PolicyRules", await world.registry.rules!());
        // A tenth that the price may move in an hour, and the band.
        for (const mark of [111_000_001n, 88_999_999n, 900_000_000n, -100_000_000n]) {
          const far = await world.settle({ 0: mark }, 1n);
          await expect(far.send())
            .to.be.revertedWithCustomError(rules, "MarkOutOfBand")
            .withArgs(0, mark, 10n ** 8n, 1_100);
        }
        // Other rows rest on the quorum.
        await (await world.settle({ 0: 111_000_000n, 5: 7n }, 1n)).send();
      });
    });

    it("M09: a board comes to its end at the marks of the last epoch that was not halted", async () => {
      const held = await world.publish();
      const jumped = marketAt("board-60", 900_000n, 4_000n);
      const halted = [await world.publish({ market: jumped }), await world.publish({ market: jumped })];
      await world.time.increase(31n * DAY);
      for (const made of halted) {
        await expect(windDown(made, jumped)).to.be.revertedWithCustomError(oracle, "ValuesWrong");
      }
      await windDown(held, marketAt("board-60", 100_000n, 4_000n));
      expect(await oracle.settlementsOf!(1)).to.equal(1n);
    });

    for (const step of [HOUR, 15n * MINUTE]) {
      it(`M10: two prices that moved once and stand still do not hold each other back for ever (${step / MINUTE} minutes)`, async () => {
        // Both a little up within the limit; their anchors are of before that.
        await world.time.increase(HOUR);
        expect(await after(106_000n * E8, 4_240n * E8)).to.deep.equal([true, true]);
        await world.time.increase(HOUR + MINUTE);
        const [btc, eth] = [95_000n * E8, 3_800n * E8];
        // 10.4% below the last, 5% below the anchor; the other follows one epoch later.
        expect(await after(btc, 4_240n * E8)).to.deep.equal([false, false]);
        const seen: boolean[] = [];
        for (let epochs = 0; epochs < 6; epochs++) {
          await world.time.increase(step);
          seen.push((await after(btc, eth)).every((usable) => usable));
        }
        expect(seen).to.deep.equal([false, true, true, true, true, true]);
      });
    }

    it("M11: one price whose feed is dead halts the board once, and not again while it stands still", async () => {
      const feed = await feedOf(BTC);
      await configure(0, fed(feed));
      await world.time.increase(HOUR);
      await feed.set!(106_000n * E8);
      expect(await after(106_000n * E8, ETH)).to.deep.equal([true, true]);
      await feed.setBroken!(true);
      await world.time.increase(HOUR + MINUTE);
      const seen: boolean[] = [];
      for (let epochs = 0; epochs < 6; epochs++) {
        seen.push((await after(95_000n * E8, ETH))[0]!);
        await world.time.increase(HALT_TIME + MINUTE);
      }
      expect(seen).to.deep.equal([false, true, true, true, true, true]);
    });

    describe("M12: a row that is open", () => {
      const without = () => withRow(world.market, 0, CLOSED_ROW);
      const closes = async () =>
        expect(world.send(await world.make({ market: without() })))
          .to.be.revertedWithCustomError(world.settlements, "RowsNotExpired")
          .withArgs(0, 1);

      it("is not taken at zero by a quorum that signs it as closed, in the next epoch or in any later one", async () => {
        await linear(0n);
        await closes();
        await world.publish();
        await closes();
        // Nor after one that is halted, which serves for nothing.
        await world.publish({ prices: priced(BTC, 2n * ETH) });
        const { epoch, halted } = await world.standing();
        expect(halted).to.equal(true);
        await closes();
        await world.time.increase(31n * DAY);
        await closes();
        expect((await world.standing()).epoch).to.equal(epoch);
      });

      it("is closed by its expiry, and until all have settled not opened again", async () => {
        await linear(0n);
        await (await world.settle({ 0: 100_000_000n }, 1n)).send();
        await world.publish({ market: without() });
        expect(await state()).to.deep.equal([true, true]);
        // The other one is open still.
        const bare = withRow(without(), 1, CLOSED_ROW);
        await expect(world.send(await world.make({ market: bare })))
          .to.be.revertedWithCustomError(world.settlements, "RowsNotExpired")
          .withArgs(0, 2);
        const again = world.send(await world.make({ market: marketAt("board-60", 100_000n, 4_000n) }));
        await expect(again).to.be.revertedWithCustomError(world.settlements, "RowsNotSettled");
      });

      it("has been open only where an epoch that serves for something opened it", async () => {
        const more = { ...world.market.board.rows[0]! };
        const market = withRow(world.market, 7, more);
        await world.publish({ market, prices: priced(2n * BTC, ETH) });
        expect(await state()).to.deep.equal([false, false]);
        await world.publish({ market: marketAt("board-60", 100_000n, 4_000n) });
        expect(await state()).to.deep.equal([true, true]);
      });

      it("expires at the price that counted last where its feed has died, so that nobody waits for the queue", async () => {
        const feed = await feedOf(BTC);
        await configure(0, fed(feed));
        await linear(0n);
        await world.publish();
        await feed.setBroken!(true);
        await world.publish();
        expect(await state()).to.deep.equal([false, false]);
        await (await world.settle({ 0: 100_000_000n }, 1n)).send();
        await world.publish({ market: without() });
        // Money leaves again; what is left of the dead feed counts zero as collateral.
        expect(await state()).to.deep.equal([true, false]);
      });
    });

    it("M17: a linear row does not expire at zero before the asset that it names now has had a price", async () => {
      await configure(2, {});
      await linear(2n);
      const expires = async (mark: bigint) => (await world.settle({ 0: mark }, 1n)).send();
      const rules = await world.ethers.getContractAt("PolicyRules", await world.registry.rules!());
      for (const mark of [0n, 1n]) {
        await expect(expires(mark)).to.be.revertedWithCustomError(rules, "MarkOutOfBand").withArgs(0, mark, 0, 1_100);
      }
      const mark = SOL / 100_000n;
      const market = withRow(world.market, 0, { mark: mark as ColumnE6 });
      await world.publish({ market, prices: priced(BTC, ETH, SOL) });
      await expires(mark);
    });

    it("M13: epochs that are halted do not put a board's end off", async () => {
      const held = await world.publish();
      const until = (await world.now()) + 30n * DAY;
      for (let days = 0; days < 3; days++) {
        await world.time.increase(10n * DAY - HOUR);
        await world.publish({ prices: priced(days % 2 === 0 ? 9n * BTC : 3n * BTC, ETH) });
        expect(await state()).to.deep.equal([false, false]);
      }
      await world.time.setNextBlockTimestamp(until);
      const soon = windDown(held, world.market);
      await expect(soon).to.be.revertedWithCustomError(world.settlements, "LifeNotOver").withArgs(until);
      await windDown(held, world.market);
      expect(await oracle.settlementsOf!(1)).to.equal(1n);
    });

    it("M14: epochs are never numbered beyond the time, so that a quorum comes to no number that gates cannot keep", async () => {
      const now = await world.now();
      for (const number of [now + HOUR, 1n << 32n, (1n << 40n) - 1n, 1n << 40n]) {
        await expect(world.send(await world.make({}, number)))
          .to.be.revertedWithCustomError(oracle, "EpochNotNext")
          .withArgs(number, 1);
      }
      // The largest that there is does not use them up.
      const largest = await world.make({}, now + 100n);
      await world.time.setNextBlockTimestamp(now + 100n);
      await world.send(largest);
      await world.time.setNextBlockTimestamp(now + 101n);
      await world.publish();
      expect((await world.standing()).epoch).to.equal(now + 101n);
    });

    it("M15: an epoch that is halted for a row without a price moves no anchor", async () => {
      await linear(2n);
      await configure(2, {});
      const at = (price: bigint) => ({
        market: withRow(world.market, 0, { mark: (price / 100_000n) as ColumnE6 }),
        prices: priced(BTC, ETH, price),
      });
      await world.publish(at(SOL));
      const known = async () => (await world.sources.sourceOf!(1, 1))[1] as unknown as object;
      const before = await known();
      await world.time.increase(HOUR + MINUTE);
      // Within its limit; the row's asset has none.
      await world.publish({ prices: priced(BTC, 4_300n * E8) });
      expect(await state()).to.deep.equal([false, false]);
      expect(await known()).to.deep.equal(before);
    });

    it("M16: a debtor who fills the till for the moment of every epoch keeps no lower rate of debt", async () => {
      await world.setUp(world.registry, "setPolicy", 1, world.policy({ shortDebtRateBps: 1_600n }));
      const gate = (await world.ethers.deployContract("TestGate")) as unknown as Called;
      await world.setUp(oracle, "bindGate", 1, gate);
      await world.publish();
      for (let epochs = 0; epochs < 12; epochs++) {
        await gate.setShort!(true);
        await world.time.increase(15n * MINUTE);
        await gate.setShort!(false);
        await world.publish();
      }
      expect((await world.standing()).debtRateBps).to.be.above(0n);
    });

    it("M16: nor does whoever empties it for those moments raise the rate", async () => {
      await world.setUp(world.registry, "setPolicy", 1, world.policy({ shortDebtRateBps: 1_600n }));
      const gate = (await world.ethers.deployContract("TestGate")) as unknown as Called;
      await world.setUp(oracle, "bindGate", 1, gate);
      await world.publish();
      for (let epochs = 0; epochs < 12; epochs++) {
        await world.time.increase(15n * MINUTE);
        await gate.setShort!(true);
        await world.publish();
        await gate.setShort!(false);
      }
      expect(await oracle.debtRateOf!(1)).to.equal(0n);
    });

    it("M18: settlements come no faster than accounts can pass them, whatever a quorum signs", async () => {
      const held = await world.publish();
      await (await world.settle({ 51: 1n }, 1n)).send();
      const at = await world.now();
      const next = await world.settle({ 52: 1n }, 2n);
      for (const seconds of [1n, HALT_TIME - 1n]) {
        await world.time.setNextBlockTimestamp(at + seconds);
        await expect(next.send())
          .to.be.revertedWithCustomError(world.settlements, "SettlementTooEarly")
          .withArgs(at + HALT_TIME);
      }
      await world.time.setNextBlockTimestamp(at + HALT_TIME);
      await next.send();
      // The end of a board waits for no settlement before it.
      await world.time.increase(30n * DAY);
      await (await world.settle({ 53: 1n }, 3n)).send();
      await windDown(held, world.market);
      expect(await oracle.settlementsOf!(1)).to.equal(4n);
    });

    it("M06: a till that is short at two epochs running leaves the rate of debt as it is", async () => {
      await world.setUp(world.registry, "setPolicy", 1, world.policy({ shortDebtRateBps: 1_600n }));
      const gate = (await world.ethers.deployContract("TestGate")) as unknown as Called;
      await world.setUp(oracle, "bindGate", 1, gate);
      await gate.setShort!(true);
      for (let epochs = 0; epochs < 3; epochs++) await world.publish();
      expect((await world.standing()).debtRateBps).to.equal(0n);
    });
  });

  describe("with a sequencer", () => {
    start(true);
    let feed: Called;
    beforeEach(async () => {
      feed = (await world.ethers.getContractAt("TestFeed", await oracle.sequencer!())) as unknown as Called;
    });

    it("M07: the clock does not fall where the feed loses its history", async () => {
      await world.time.increase(100n);
      await feed.set!(1);
      await feed.set!(0);
      const before = await clock();
      await feed.forget!();
      expect(await clock()).to.be.at.least(before);
    });
  });
});
