// SPDX-License-Identifier: GPL-3.0-or-later
// What prices are held against, and board terms. Simulated keys; no proofs.
import { anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { expect } from "chai";
import { FAMILY_IDS } from "../../prover/src/chain/carrier.ts";
import type { BoardTerms } from "../../prover/src/chain/publication.ts";
import { type BoardRow, CLOSED_ROW, type Market } from "../../prover/src/model/market.ts";
import { ASSETS } from "../../prover/src/model/sizes.ts";
import { marketSignals } from "../../prover/src/statement/signals.ts";
import type { ColumnE6, LotPriceE16, RateBps, ThresholdE6 } from "../../prover/src/units.ts";
import { freshMarkets } from "../support/fresh-markets.ts";
import { type Called, DAY, E8, E18, Markets, marketAt, PLAIN, POLICY } from "./markets.ts";
import { pointOf } from "./points.ts";

const [BTC, ETH] = [100_000n * E8, 4_000n * E8];
const HOUR = 3600n;
const HALT_TIME = 600n;

describe("prices against their sources", () => {
  let world: Markets;
  freshMarkets((made) => {
    world = made;
  });
  const priced = (one: bigint, two: bigint) => [one, two, ...new Array<bigint>(ASSETS - 2).fill(0n)];
  const feedOf = async (decimals: number, answer: bigint) =>
    (await world.ethers.deployContract("TestFeed", [decimals, answer])) as unknown as Called;
  const use = (feed: unknown, heartbeat = HOUR, minAnswer = 0n, maxAnswer = 1n << 100n) => ({
    ...{ aggregator: feed, heartbeat, minAnswer, maxAnswer },
  });
  const configure = (asset: number, source: object) =>
    world.setUp(world.sources, "configure", 1, asset, { ...PLAIN, ...source });
  const succeeds = (sent: Promise<unknown>) =>
    sent.then(
      () => true,
      () => false,
    );
  /** Usable, and complete. */
  const state = async () => [await succeeds(world.outflow()), await succeeds(world.evidence())];
  /** Publishes prices, and says what became of them. */
  const after = async (...reported: [bigint, bigint]) => {
    await world.publish({ prices: priced(...reported) });
    return state();
  };
  const counts = async (one: bigint, two: bigint) => {
    const prices = priced(one, two) as LotPriceE16[];
    const { x, y } = pointOf(world.key(FAMILY_IDS.account).key, marketSignals(POLICY, { ...world.market, prices }));
    expect((await world.standing()).point).to.deep.equal([x, y]);
  };

  it("O05: an asset reported at zero has no value, and there is no evidence under the epoch", async () => {
    expect(await after(0n, ETH)).to.deep.equal([true, false]);
    await counts(0n, ETH);
    expect(await after(BTC, ETH)).to.deep.equal([true, true]);
  });

  it("O05: after an epoch without a price, the price before is still what the next is held against", async () => {
    await after(0n, ETH);
    expect(await after(2n * BTC, ETH)).to.deep.equal([false, false]);
  });

  for (const [what, break_] of [
    ["at zero", (feed: Called) => feed.set!(0)],
    ["negative", (feed: Called) => feed.set!(-1n)],
    ["at its lower clamp", (feed: Called) => feed.set!(10n)],
    ["at its upper clamp", (feed: Called) => feed.set!(1n << 60n)],
    ["reverting", (feed: Called) => feed.setBroken!(true)],
    ["from the future", async (feed: Called) => feed.setAt!(BTC, (await world.now()) + 9999n)],
    ["never updated", (feed: Called) => feed.setAt!(BTC, 0)],
  ] as const) {
    it(`O05: an asset whose feed is ${what} counts zero, and the others count`, async () => {
      const feed = await feedOf(8, BTC);
      await configure(0, { feed: use(feed, HOUR, 10n, 1n << 60n), deviationBps: 500n });
      await break_(feed);
      expect(await after(BTC, ETH)).to.deep.equal([true, false]);
      await counts(0n, ETH);
    });
  }

  it("O04: each feed has its own heartbeat: at it the answer counts, one second later it is stale", async () => {
    const [fast, slow] = [await feedOf(8, BTC), await feedOf(8, ETH)];
    await configure(0, { feed: use(fast, 60n), deviationBps: 500n });
    await configure(1, { feed: use(slow), deviationBps: 500n });
    const updated = (await world.now()) + 1n;
    await world.time.setNextBlockTimestamp(updated);
    await fast.set!(BTC);
    for (const [later, complete] of [
      [60n, true],
      [61n, false],
    ] as const) {
      // Reporters say the same. The link is of what the feed makes of it at the block's time.
      const made = await world.make({ prices: priced(BTC, ETH) }, world.epoch + 1n);
      const { links } = await world.make({ prices: priced(complete ? BTC : 0n, ETH) }, world.epoch);
      await world.time.setNextBlockTimestamp(updated + later);
      await world.send(made, { links });
      expect((await state())[1]).to.equal(complete);
      await counts(complete ? BTC : 0n, ETH);
    }
  });

  it("O06: a price at the allowed move is taken, one unit further halts", async () => {
    expect(await after(BTC + BTC / 10n, ETH)).to.deep.equal([true, true]);
    expect(await after(BTC - BTC / 10n, ETH)).to.deep.equal([true, true]);
    expect(await after(BTC - BTC / 10n - 1n, ETH)).to.deep.equal([false, false]);
    await expect(world.outflow()).to.be.revertedWithCustomError(world.oracle, "EpochHalted").withArgs(1, 4);
  });

  it("G13: prices move by the limit in an hour, however many epochs there are and however fast they follow", async () => {
    let price = BTC;
    for (let step = 0; step < 4; step++) {
      price += price / 20n;
      expect(await after(price, ETH)).to.deep.equal([price <= BTC + BTC / 10n, price <= BTC + BTC / 10n]);
    }
    await world.time.increase(HOUR);
    // A new hour: from what counted last, which is one step of a twentieth.
    const last = BTC + BTC / 20n;
    expect(await after(last + last / 10n, ETH)).to.deep.equal([true, true]);
    expect(await after(last + last / 10n + BTC / 100n, ETH)).to.deep.equal([false, false]);
  });

  it("G13: ×100 counts when a second epoch says so ten minutes later, and never before", async () => {
    expect(await after(100n * BTC, ETH)).to.deep.equal([false, false]);
    const held = await world.now();
    for (let second = 0; second < 3; second++) expect(await after(100n * BTC, ETH)).to.deep.equal([false, false]);
    // Observed at the time of the block before.
    await world.time.increaseTo(held + HALT_TIME - 1n);
    expect(await after(100n * BTC, ETH)).to.deep.equal([false, false]);
    expect(await after(100n * BTC, ETH)).to.deep.equal([true, true]);
    await counts(100n * BTC, ETH);
  });

  it("G13: the wait begins again where the second price is far from the first, and ends where the price comes back", async () => {
    await after(2n * BTC, ETH);
    await world.time.increase(HALT_TIME);
    expect(await after(3n * BTC, ETH)).to.deep.equal([false, false]);
    await world.time.increase(HALT_TIME / 2n);
    expect(await after(3n * BTC, ETH)).to.deep.equal([false, false]);
    expect(await after(BTC, ETH)).to.deep.equal([true, true]);
    await world.time.increase(HALT_TIME);
    expect(await after(3n * BTC, ETH)).to.deep.equal([false, false]);
  });

  it("G13: a price that came back in an epoch that is halted for another is held back anew when it jumps again", async () => {
    expect(await after(2n * BTC, ETH)).to.deep.equal([false, false]);
    expect(await after(BTC, 2n * ETH)).to.deep.equal([false, false]);
    await world.time.increase(HALT_TIME);
    // It has been there for no ten minutes, and neither has the other.
    expect(await after(2n * BTC, ETH)).to.deep.equal([false, false]);
    await world.time.increase(HALT_TIME);
    expect(await after(2n * BTC, ETH)).to.deep.equal([true, true]);
    await counts(2n * BTC, ETH);
  });

  it("G12: nothing of a halted epoch is believed later, not even of the assets that had not moved far", async () => {
    const [, before] = (await world.sources.sourceOf!(1, 1)) as unknown as [unknown, unknown];
    await after(2n * BTC, ETH + ETH / 20n);
    const [, known] = (await world.sources.sourceOf!(1, 1)) as unknown as [unknown, unknown];
    expect(known).to.deep.equal(before);
  });

  describe("an asset apart, such as a vault's share", () => {
    beforeEach(() => configure(1, { apart: true }));

    it("G12: whose price falls beyond the bound has none until two epochs apart agree, and the others go on", async () => {
      expect(await after(BTC, ETH / 10n)).to.deep.equal([true, false]);
      await counts(BTC, 0n);
      const held = await world.now();
      expect(await after(BTC + BTC / 20n, ETH / 10n)).to.deep.equal([true, false]);
      await counts(BTC + BTC / 20n, 0n);
      // Dipped for a moment: as before, at once.
      expect(await after(BTC, ETH)).to.deep.equal([true, true]);
      await after(BTC, ETH / 10n);
      expect(await world.now()).to.be.lessThan(held + HALT_TIME);
      await world.time.increase(HALT_TIME);
      expect(await after(BTC, ETH / 10n)).to.deep.equal([true, true]);
      await counts(BTC, ETH / 10n);
    });

    it("G12, O08: whose price jumps is not believed either", async () => {
      expect(await after(BTC, 2n * ETH)).to.deep.equal([true, false]);
      await counts(BTC, 0n);
    });

    it("whose feed is silent has none, and the others go on", async () => {
      const feed = await feedOf(8, ETH);
      await configure(1, { apart: true, feed: use(feed), deviationBps: 100n });
      await feed.setBroken!(true);
      expect(await after(BTC, ETH)).to.deep.equal([true, false]);
      await counts(BTC, 0n);
    });

    it("too far from its feed it has no price, and does not halt the rest", async () => {
      await configure(1, { apart: true, feed: use(await feedOf(8, ETH)), deviationBps: 100n });
      expect(await after(BTC, (ETH * 98n) / 100n)).to.deep.equal([true, false]);
      expect(await after(BTC, ETH)).to.deep.equal([true, true]);
    });
  });

  it("O06: a price too far from its feed halts, in either direction, and no waiting makes it count", async () => {
    const feed = await feedOf(8, BTC);
    await configure(0, { feed: use(feed), deviationBps: 100n });
    expect(await after(BTC, ETH)).to.deep.equal([true, true]);
    for (const answer of [(BTC * 100n) / 98n, (BTC * 98n) / 100n]) {
      await feed.set!(answer);
      expect(await after(BTC, ETH)).to.deep.equal([false, false]);
      await world.time.increase(HALT_TIME);
      expect(await after(BTC, ETH)).to.deep.equal([false, false]);
    }
  });

  it("O07: feeds of 6, 8 and 18 decimals, and of a pair by way of another, are the same price", async () => {
    for (const decimals of [6, 8, 18]) {
      await configure(0, { feed: use(await feedOf(decimals, 100_000n * 10n ** BigInt(decimals))), deviationBps: 1n });
      expect(await after(BTC, ETH)).to.deep.equal([true, true]);
    }
    // 25 ETH for a bitcoin, 4,000 for one of them; 18 and 6 decimals.
    const [pair, quote] = [await feedOf(18, 25n * E18), await feedOf(6, 4_000n * 10n ** 6n)];
    await configure(0, { feed: use(pair), second: use(quote), deviationBps: 1n });
    expect(await after(BTC, ETH)).to.deep.equal([true, true]);
    await quote.set!(0);
    expect(await after(BTC, ETH)).to.deep.equal([true, false]);
  });

  it("O07: a feed that would be too far from the price that stands is refused, wrong decimals among them", async () => {
    const refuses = (asset: number, source: object, error: string) =>
      expect(configure(asset, source)).to.be.revertedWithCustomError(world.sources, error);
    await refuses(0, { feed: use(await feedOf(8, BTC / 10n)), deviationBps: 500n }, "FeedTooFar");
    await refuses(0, { lotDecimals: 7n, feed: use(await feedOf(8, BTC)), deviationBps: 500n }, "FeedTooFar");
    const broken = await feedOf(8, BTC);
    await broken.setBroken!(true);
    await refuses(0, { feed: use(broken), deviationBps: 500n }, "FeedUnusable");
    // More than 64 bits can say.
    for (const answer of [1n << 70n, 1n << 60n]) {
      await refuses(0, { feed: use(await feedOf(0, answer)), deviationBps: 500n }, "FeedUnusable");
    }
    const huge = await feedOf(18, 1n << 127n);
    await refuses(0, { feed: use(huge, HOUR, 0n, 1n << 190n), deviationBps: 500n }, "FeedUnusable");
    const curt = await world.ethers.deployContract("Answerer", [128]);
    await refuses(0, { feed: use(curt), deviationBps: 500n }, "FeedUnusable");
    // Where there is no price yet, any is taken.
    await expect(configure(2, { feed: use(await feedOf(8, 5n * BTC)), deviationBps: 1n }))
      .to.emit(world.sources, "Configured")
      .withArgs(1, 2, anyValue);
  });

  it("O07: a feed that is astray is replaced by one near what reporters said within the hour, and by none later", async () => {
    const astray = await feedOf(8, BTC);
    await configure(0, { feed: use(astray, DAY), deviationBps: 100n });
    const moved = (BTC * 105n) / 100n;
    expect(await after(moved, ETH)).to.deep.equal([false, false]);
    const said = await world.now();
    const another = { feed: use(await feedOf(8, moved), DAY), deviationBps: 100n };
    // While the feed bears out the price that counted last, what reporters say replaces nothing.
    await expect(configure(0, another)).to.be.revertedWithCustomError(world.sources, "FeedTooFar");
    await astray.set!((BTC * 9n) / 10n);
    const snapshot = await world.chain.networkHelpers.takeSnapshot();
    await world.time.setNextBlockTimestamp(said + HOUR + 1n);
    await expect(configure(0, another)).to.be.revertedWithCustomError(world.sources, "FeedTooFar");
    await snapshot.restore();
    await world.time.setNextBlockTimestamp(said + HOUR);
    await configure(0, another);
    expect(await after(moved, ETH)).to.deep.equal([true, true]);
  });

  it("refuses sources without sense, and anybody but the queue and the oracle", async () => {
    const good = await feedOf(8, BTC);
    for (const source of [
      { maxMoveBps: 0n },
      { maxMoveBps: 5_001n },
      { lotDecimals: 9n },
      { deviationBps: 1n },
      { feed: use(good) },
      { feed: use(good), deviationBps: 5_001n },
      { second: use(good) },
      { feed: use(good, 0n), deviationBps: 1n },
      { feed: use(good, 7n * DAY + 1n), deviationBps: 1n },
      { feed: use(good, 60n, -1n), deviationBps: 1n },
      { feed: use(good, 60n, 5n, 5n), deviationBps: 1n },
      { feed: use(await feedOf(37, BTC)), deviationBps: 1n },
    ]) {
      await expect(configure(0, source)).to.be.revertedWithCustomError(world.sources, "SourceRefused").withArgs(0);
    }
    await expect(configure(15, {})).to.be.revertedWithCustomError(world.sources, "AssetUnknown").withArgs(15);
    const unknown = world.setUp(world.sources, "configure", 7, 0, PLAIN);
    await expect(unknown).to.be.revertedWithCustomError(world.registry, "BoardUnknown");
    const stranger = world.as(world.signers[8]!, world.sources);
    await expect(stranger.configure!(1, 0, PLAIN)).to.be.revertedWithCustomError(world.sources, "NotQueue");
    const appraised = world.sources.appraise!(1, 0, 3, new Array(15).fill(0));
    await expect(appraised).to.be.revertedWithCustomError(world.sources, "NotOracle");
    const remembered = world.sources.remember!(1, 1n, 3n, world.market.prices, 0n, 0n);
    await expect(remembered).to.be.revertedWithCustomError(world.sources, "NotOracle");
  });

  describe("board terms", () => {
    const BTC_ROW = { row: 0n, asset: 0n, ratioE18: 10n ** 5n * E18 };
    const ETH_ROW = { row: 1n, asset: 1n, ratioE18: 10n ** 6n * E18 };
    const block = {
      ...{ maxLiquidityThreshold: 2n * 10n ** 12n, minLiquidityRateBps: 50n },
      ...{ maxVegaThreshold: 10n ** 12n, minVegaRateBps: 20n, mayContinue: false },
    };
    const terms: BoardTerms = { linear: [BTC_ROW, ETH_ROW], bandBps: 100n, blocks: [block] };
    const withRow = (market: Market, row: number, change: Partial<BoardRow>): Market => ({
      ...market,
      board: { ...market.board, rows: market.board.rows.with(row, { ...market.board.rows[row]!, ...change }) },
    });
    beforeEach(async () => {
      const policy = world.policy({ boardTerms: await world.terms(terms) });
      await world.setUp(world.registry, "setPolicy", 1, policy);
    });
    let rules: Called;
    beforeEach(async () => {
      rules = (await world.ethers.getContractAt("PolicyRules", await world.registry.rules!())) as unknown as Called;
    });
    const refuses = (sent: Promise<unknown>, error: string, ...values: unknown[]) =>
      expect(sent)
        .to.be.revertedWithCustomError(rules, error)
        .withArgs(...values);

    it("values that obey them are taken", async () => {
      await world.publish();
      await world.outflow();
    });

    it("takes a mark at the edge of its band, and no epoch with one unit more", async () => {
      for (const [mark, inside] of [
        [101_000_000n, true],
        [99_000_000n, true],
        [101_000_001n, false],
        [98_999_999n, false],
        [-100_000_000n, false],
      ] as const) {
        const market = withRow(marketAt("board-60", 100_000n, 4_000n), 0, { mark: mark as ColumnE6 });
        const made = await world.make({ market });
        if (inside) await world.send(made);
        else await refuses(world.send(made), "MarkOutOfBand", 0, mark, 100_000_000n, 100n);
      }
    });

    it("takes no epoch in which a block joins the netting set before it, unless the policy lets it", async () => {
      const wide = await Markets.create("board-240");
      const policyOf = async (...blocks: (typeof block)[]) =>
        wide.policy({ boardTerms: await wide.terms({ linear: [], bandBps: 100n, blocks }) });
      const { board } = wide.market;
      const blocks = board.blocks.with(1, { ...board.blocks[1]!, continues: true });
      const market = { ...wide.market, board: { ...board, blocks } };
      const refusing = (await wide.ethers.getContractAt(
        "PolicyRules",
        await wide.registry.rules!(),
      )) as unknown as Called;
      await wide.setUp(wide.registry, "setPolicy", 1, await policyOf(block, block, block, block));
      await expect(wide.send(await wide.make({ market })))
        .to.be.revertedWithCustomError(refusing, "BlockTooWeak")
        .withArgs(1, anyValue);
      await wide.setUp(
        wide.registry,
        "setPolicy",
        1,
        await policyOf(block, { ...block, mayContinue: true }, block, block),
      );
      await wide.publish({ market });
    });

    it("takes no epoch with weaker terms of liquidity or vega than the policy allows", async () => {
      for (const change of [
        { liquidityThreshold: (2n * 10n ** 12n + 1n) as ThresholdE6 },
        { liquidityRate: 49n as RateBps },
        { vegaThreshold: (10n ** 12n + 1n) as ThresholdE6 },
        { vegaRate: 19n as RateBps },
      ]) {
        const { board } = world.market;
        const blocks = [{ ...board.blocks[0]!, ...change }];
        const made = await world.make({ market: { ...world.market, board: { ...board, blocks } } });
        await refuses(world.send(made), "BlockTooWeak", 0, anyValue);
      }
      await world.publish();
    });

    it("G08: a row that has expired, or is closed, is held to no band, and to no price", async () => {
      await (await world.settle({ 0: 100_000_000n }, 1n)).send();
      await world.publish({ market: withRow(world.market, 0, CLOSED_ROW) });
      await world.outflow();
      const gate = (await world.ethers.deployContract("TestGate")) as unknown as Called;
      await gate.set!(1, 1);
      await world.setUp(world.oracle, "bindGate", 1, gate);
      const closed = withRow(marketAt("board-60", 100_000n, 4_000n), 0, CLOSED_ROW);
      await world.publish({ market: closed, prices: priced(0n, ETH) });
      await world.outflow();
      const broken = withRow(marketAt("board-60", 100_000n, 4_000n), 0, { mark: 1n as ColumnE6 });
      await refuses(
        world.send(await world.make({ market: broken, prices: priced(BTC, ETH) })),
        "MarkOutOfBand",
        0,
        1n,
        100_000_000n,
        100n,
      );
    });
  });
});
