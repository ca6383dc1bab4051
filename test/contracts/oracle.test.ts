// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated keys, whose points the contracts multiply like any others. No proofs.
import { anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { expect } from "chai";
import type { Contract } from "ethers";
import {
  type BoardTerms,
  boardTermsHash,
  byAddress,
  chainPolicy,
  domainOf,
  observe,
  type Part,
  partHash,
  publication,
  settlementPartHash,
  signSettlement,
} from "../../prover/src/chain/publication.ts";
import { type BoardRow, CLOSED_ROW, EMPTY_ROW, type Market } from "../../prover/src/model/market.ts";
import { ASSETS } from "../../prover/src/model/sizes.ts";
import { marketSignals } from "../../prover/src/statement/account.ts";
import type { ChargeE6, ColumnE6, LotPriceE16, RateBps, ThresholdE6 } from "../../prover/src/units.ts";
import { randomMarket, seededRng } from "../support/random.ts";
import {
  DAY,
  E8,
  E18,
  keysOf,
  listed,
  Markets,
  marketAt,
  PLAIN,
  POLICY,
  routerOf,
  TERMS,
  TIMELOCK,
} from "./markets.ts";
import { pointOf } from "./points.ts";

const { maxAge } = TERMS;
const ZERO = `0x${"0".repeat(64)}`;

describe("price oracle", () => {
  let world: Markets;
  let oracle: Markets["oracle"];
  let snapshot: { restore(): Promise<void> };

  /** One chain for a block of tests, set back after each. */
  function onChain(size: "board-60" | "board-240", options: { sequencer?: boolean } = {}) {
    let first: { restore(): Promise<void> };
    before(async () => {
      world = await Markets.create(size, { keys: keysOf(size), ...options });
      await world.publish();
    });
    beforeEach(async () => {
      ({ oracle } = world);
      snapshot = await world.chain.networkHelpers.takeSnapshot();
      first = snapshot;
    });
    afterEach(async () => {
      await first.restore();
      world.epoch = 1n;
      world.market = marketAt(size, 100_000n, 4_000n);
    });
  }
  const refuses = (sent: Promise<unknown>, error: string, ...values: unknown[]) =>
    values.length === 0
      ? expect(sent).to.be.revertedWithCustomError(oracle, error)
      : expect(sent)
          .to.be.revertedWithCustomError(oracle, error)
          .withArgs(...values);
  const expected = (market: Market, policy = POLICY) => {
    const { x, y } = pointOf(world.keys.accounts.key, marketSignals(policy, market));
    return [x, y];
  };
  const withRow = (market: Market, row: number, change: Partial<BoardRow>): Market => ({
    ...market,
    board: { ...market.board, rows: market.board.rows.with(row, { ...market.board.rows[row]!, ...change }) },
  });
  const priced = (first: bigint, second: bigint) => [first, second, ...new Array<bigint>(ASSETS - 2).fill(0n)];

  describe("observations", () => {
    onChain("board-60");

    it("takes the median of each price and of the time", async () => {
      const now = await world.now();
      const [a, b, c] = [now - 30n, now - 10n, now - 20n];
      await world.time.increase(60);
      const seen = (time: bigint, first: bigint, second: bigint) => ({
        time: time + 40n,
        prices: priced(first * E8, second * E8),
      });
      const sights = [seen(a, 101_000n, 4_001n), seen(b, 99_000n, 3_999n), seen(c, 100_500n, 4_005n)];
      await world.publish({ sights });
      const median = marketAt("board-60", 100_500n, 4_001n);
      const market = { ...world.market, prices: median.prices };
      const { point, time } = await world.latest();
      expect(point).to.deep.equal(expected(market));
      expect(time).to.equal(c + 40n);
      expect(await oracle.referenceOf!(1, 0)).to.equal(100_500n * E8);
    });

    it("O01: refuses k − 1 observations, and k + 1", async () => {
      for (const count of [2, 4]) {
        const made = await world.make({ reporters: world.reporters.slice(0, count) }, 2n);
        await refuses(world.open(made), "ObservationsWrong", 3, count);
      }
    });

    it("O01: refuses one reporter twice, and reporters out of order", async () => {
      const made = await world.make();
      const [a, b, c] = made.observations;
      for (const observations of [
        [a, b, b],
        [b, a, c],
      ]) {
        await refuses(world.open({ ...made, observations }), "ReporterOutOfOrder");
      }
    });

    it("O01: refuses a signature of somebody who does not report", async () => {
      const made = await world.make({ reporters: [world.reporters[0]!, world.reporters[1]!, world.signers[9]!] });
      await refuses(world.open(made), "ReporterUnknown", world.signers[9]!.address);
    });

    it("O01: refuses a malleated signature, and one that is none", async () => {
      const made = await world.make();
      const [a, b, c] = made.observations;
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
      const { signature } = c!;
      const s = order - BigInt(`0x${signature.slice(66, 130)}`);
      const malleated = `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}${signature.endsWith("1b") ? "1c" : "1b"}`;
      const withSignature = (changed: string) => ({ ...made, observations: [a, b, { ...c, signature: changed }] });
      await refuses(world.open(withSignature(malleated)), "ECDSAInvalidSignatureS");
      await refuses(world.open(withSignature("0x")), "ECDSAInvalidSignatureLength");
      await world.open(made);
    });

    it("O01: refuses board values that a reporter has not signed, or another than the one who observed", async () => {
      const made = await world.make();
      const [a, b, c] = made.observations;
      await refuses(world.open({ ...made, epoch: { ...made.epoch, firstPart: ZERO } }), "BoardNotSigned");
      const swapped = [{ ...a!, boardSignature: b!.boardSignature }, b, c];
      await refuses(world.open({ ...made, observations: swapped }), "BoardNotSigned");
    });

    it("O01: a signature for another board, epoch, time, price, chain or contract is somebody unknown's", async () => {
      await world.registry.createBoard!(world.router, 60, world.policy());
      const made = await world.make();
      const first = made.observations[0]!;
      const others = made.observations.slice(1);
      await expect(world.open({ ...made, epoch: { ...made.epoch, board: 2n } })).to.be.revert(world.ethers);
      await expect(world.open({ ...made, epoch: { ...made.epoch, epoch: 3n } })).to.be.revert(world.ethers);
      for (const changed of [{ time: first.time - 1n }, { prices: first.prices.with(0, first.prices[0]! + 1n) }]) {
        await expect(world.open({ ...made, observations: [{ ...first, ...changed }, ...others] })).to.be.revert(
          world.ethers,
        );
      }
      const sight = { time: first.time, prices: first.prices };
      for (const domain of [
        { ...(await world.domain()), chainId: 1n },
        domainOf("PriceOracle", 31_337n, await world.registry.getAddress()),
      ]) {
        const observations = await observe(world.reporters.slice(0, 3), domain, made.epoch, sight);
        await expect(world.open({ ...made, observations })).to.be.revert(world.ethers);
      }
      await world.open(made);
    });

    it("O02: refuses an even or zero quorum, one above n, more than 32 reporters, and reporters not sorted and unique", async () => {
      const sorted = (await byAddress(world.reporters)).map(({ address }) => address);
      for (const quorum of [0, 2, 4, 7]) {
        await refuses(oracle.setReporters!(sorted, quorum), "QuorumRefused", quorum, 5);
      }
      await refuses(oracle.setReporters!([], 1), "QuorumRefused");
      const many = Array.from({ length: 33 }, (_, index) => `0x${(index + 1).toString(16).padStart(40, "0")}`);
      await refuses(oracle.setReporters!(many, 1), "QuorumRefused", 1, 33);
      await oracle.setReporters!(many.slice(1), 1);
      await refuses(oracle.setReporters!([sorted[1], sorted[0]], 1), "ReporterRefused", sorted[0]);
      await refuses(oracle.setReporters!([sorted[0], sorted[0]], 1), "ReporterRefused", sorted[0]);
      await refuses(oracle.setReporters!([`0x${"0".repeat(40)}`], 1), "ReporterRefused");
      await oracle.setReporters!(sorted, 5);
      expect(await oracle.quorum!()).to.equal(5);
      expect(await oracle.reporters!()).to.deep.equal(sorted);
    });

    it("O01: what was opened under reporters that were replaced is not completed", async () => {
      const made = await world.make();
      await world.open(made);
      await oracle.setReporters!([world.signers[9]!.address], 1);
      await refuses(oracle.resume!(1, 2, made.parts, []), "ReportersChanged", 1, 2);
      await world.publish({ reporters: [world.signers[9]!] });
    });

    it("O03: refuses a time in the future, one that is too old, and one not newer than the last", async () => {
      const late = (await world.now()) + 100n;
      const future = await world.make({ time: late + 1n });
      await world.time.setNextBlockTimestamp(late);
      await refuses(world.open(future), "TimeInFuture", late + 1n, late);
      const { time } = await world.latest();
      for (const at of [time, time - 1n]) {
        await refuses(world.open(await world.make({ time: at }, 2n)), "TimeNotNewer", at, time);
      }
      const at = time + 1n;
      const old = await world.make({ time: at }, 2n);
      await world.time.setNextBlockTimestamp(at + maxAge + 1n);
      await refuses(world.open(old), "TimeTooOld", at, maxAge);
      expect((await world.latest()).epoch).to.equal(1n);
    });

    it("O03: an epoch cannot be opened twice, nor out of order, nor far ahead", async () => {
      const made = await world.make();
      await world.open(made);
      await refuses(world.open(made), "EpochNotNext", 2, 2);
      for (const number of [0n, 1n, 3n + (1n << 32n), (1n << 64n) - 1n]) {
        await refuses(world.open(await world.make({}, number)), "EpochNotNext", number, 2);
      }
      await world.open(await world.make({}, 2n + (1n << 32n)));
    });

    it("O04: values are fresh at their maximum age and stale one second later, and stay readable", async () => {
      const { time } = await world.latest();
      await world.time.increaseTo(time + maxAge);
      expect(((await oracle.fresh!(1)) as { epoch: bigint }).epoch).to.equal(1n);
      await world.time.increaseTo(time + maxAge + 1n);
      await refuses(oracle.fresh!(1), "EpochStale", 1, 1, time, maxAge);
      const { usable, complete } = await world.latest();
      expect([usable, complete]).to.deep.equal([false, false]);
    });
  });

  describe("prices against their sources", () => {
    onChain("board-60");
    const feedOf = async (decimals: number, answer: bigint) =>
      world.ethers.deployContract("TestFeed", [decimals, answer]);
    const use = (feed: unknown, heartbeat = 3600n, minAnswer = 0n, maxAnswer = 1n << 100n) => ({
      aggregator: feed,
      heartbeat,
      minAnswer,
      maxAnswer,
    });
    const configure = (asset: number, source: object) => world.sources.configure!(1, asset, { ...PLAIN, ...source });
    const state = async () => {
      const { usable, complete, point } = await world.latest();
      return { usable, complete, point };
    };
    /** Publishes prices, checks which count. */
    async function valuedAt(reported: bigint[], counted: bigint[]) {
      await world.publish({ prices: reported });
      const { usable, complete, point } = await state();
      expect(point).to.deep.equal(expected({ ...world.market, prices: counted as LotPriceE16[] }));
      return [usable, complete];
    }
    const [BTC, ETH] = [100_000n * E8, 4_000n * E8];

    it("O05: an asset reported at zero has no value, and liquidation is off for the epoch", async () => {
      expect(await valuedAt(priced(0n, ETH), priced(0n, ETH))).to.deep.equal([true, false]);
      expect(await valuedAt(priced(BTC, ETH), priced(BTC, ETH))).to.deep.equal([true, true]);
    });

    it("O05: after an epoch without a price, the price before is still what the next is held against", async () => {
      await world.publish({ prices: priced(0n, ETH) });
      await world.publish({ prices: priced(2n * BTC, ETH) });
      expect((await state()).usable).to.equal(false);
    });

    for (const [what, break_] of [
      ["at zero", (feed: Contract) => feed.set!(0)],
      ["negative", (feed: Contract) => feed.set!(-1n)],
      ["at its lower clamp", (feed: Contract) => feed.set!(10n)],
      ["at its upper clamp", (feed: Contract) => feed.set!(1n << 60n)],
      ["reverting", (feed: Contract) => feed.setBroken!(true)],
      ["from the future", async (feed: Contract) => feed.setAt!(BTC, (await world.now()) + 9999n)],
      ["never updated", (feed: Contract) => feed.setAt!(BTC, 0)],
    ] as const) {
      it(`O05: an asset whose feed is ${what} counts zero, and the others count`, async () => {
        const feed = (await feedOf(8, BTC)) as unknown as Contract;
        await configure(0, { feed: use(feed, 3600n, 10n, 1n << 60n), deviationBps: 500n });
        await break_(feed);
        expect(await valuedAt(priced(BTC, ETH), priced(0n, ETH))).to.deep.equal([true, false]);
      });
    }

    it("O04: each feed has its own heartbeat: at it the answer counts, one second later it is stale", async () => {
      const [fast, slow] = [await feedOf(8, BTC), await feedOf(8, ETH)];
      await configure(0, { feed: use(fast, 60n), deviationBps: 500n });
      await configure(1, { feed: use(slow, 3600n), deviationBps: 500n });
      const updated = (await world.now()) + 1n;
      await world.time.setNextBlockTimestamp(updated);
      await (fast as unknown as Contract).set!(BTC);
      for (const [after, complete] of [
        [60n, true],
        [61n, false],
      ] as const) {
        const made = await world.make({}, world.epoch + 1n);
        await world.time.setNextBlockTimestamp(updated + after);
        await world.open(made, made.parts);
        expect((await state()).complete).to.equal(complete);
      }
    });

    it("O06: a price at the allowed move is taken, one unit further halts withdrawals and not top-ups", async () => {
      const limit = BTC + BTC / 10n;
      await world.publish({ prices: priced(limit, ETH) });
      expect((await state()).usable).to.equal(true);
      await world.publish({ prices: priced(limit - limit / 10n - 1n, ETH) });
      await refuses(oracle.fresh!(1), "EpochHalted", 1, 3);
      const { usable, complete, point } = await state();
      expect([usable, complete]).to.deep.equal([false, false]);
      expect(point).to.deep.equal(
        expected({ ...world.market, prices: priced(limit - limit / 10n - 1n, ETH) as never }),
      );
    });

    it("O06: a real gap costs one epoch", async () => {
      await world.publish({ prices: priced(BTC / 2n, ETH) });
      expect((await state()).usable).to.equal(false);
      await world.publish({ prices: priced(BTC / 2n, ETH) });
      expect((await state()).complete).to.equal(true);
    });

    it("O06: an epoch that is opened with a gap and never completed clears nothing", async () => {
      await world.open(await world.make({ prices: priced(BTC / 2n, ETH) }));
      await world.publish({ prices: priced(BTC / 2n, ETH) });
      expect((await state()).usable).to.equal(false);
    });

    it("O06: a price too far from its feed halts, in either direction", async () => {
      const feed = (await feedOf(8, BTC)) as unknown as Contract;
      await configure(0, { feed: use(feed), deviationBps: 100n });
      await world.publish();
      expect((await state()).usable).to.equal(true);
      for (const answer of [(BTC * 100n) / 98n, (BTC * 98n) / 100n]) {
        await feed.set!(answer);
        await world.publish();
        expect((await state()).usable).to.equal(false);
      }
    });

    it("O07: feeds of 6, 8 and 18 decimals, and of a pair by way of another, are the same price", async () => {
      for (const decimals of [6, 8, 18]) {
        await configure(0, { feed: use(await feedOf(decimals, 100_000n * 10n ** BigInt(decimals))), deviationBps: 1n });
        await world.publish();
        expect((await state()).complete).to.equal(true);
      }
      // 25 ETH for a bitcoin, 4,000 for one of them; 18 and 6 decimals.
      const pair = await feedOf(18, 25n * E18);
      const quote = await feedOf(6, 4_000n * 10n ** 6n);
      await configure(0, { feed: use(pair), second: use(quote), deviationBps: 1n });
      await world.publish();
      expect((await state()).complete).to.equal(true);
      await (quote as unknown as Contract).set!(0);
      await world.publish();
      expect((await state()).complete).to.equal(false);
    });

    it("O07: lots of other sizes than 10^-8 scale the feed", async () => {
      // A lot of 10^-6: a hundred times the price of a lot of 10^-8.
      const prices = priced(BTC * 100n, ETH);
      await world.publish({ prices });
      await world.publish({ prices });
      await configure(0, { lotDecimals: 6n, feed: use(await feedOf(8, BTC)), deviationBps: 1n });
      await world.publish({ prices });
      expect((await state()).complete).to.equal(true);
    });

    it("O07: a feed that would be too far from the price that stands is refused, wrong decimals among them", async () => {
      const refusesSource = (asset: number, source: object, error: string) =>
        expect(configure(asset, source)).to.be.revertedWithCustomError(world.sources, error);
      const wrong = await feedOf(8, BTC / 10n);
      await refusesSource(0, { feed: use(wrong), deviationBps: 500n }, "FeedTooFar");
      await refusesSource(0, { lotDecimals: 7n, feed: use(await feedOf(8, BTC)), deviationBps: 500n }, "FeedTooFar");
      const broken = (await feedOf(8, BTC)) as unknown as Contract;
      await broken.setBroken!(true);
      await refusesSource(0, { feed: use(broken), deviationBps: 500n }, "FeedUnusable");
      // More than 64 bits can say.
      await refusesSource(0, { feed: use(await feedOf(0, 1n << 70n)), deviationBps: 500n }, "FeedUnusable");
      await refusesSource(0, { feed: use(await feedOf(0, 1n << 60n)), deviationBps: 500n }, "FeedUnusable");
    });

    it("a feed or a vault that says more than can be counted is refused; where there is no price yet, any is taken", async () => {
      const huge = await feedOf(18, 1n << 127n);
      await expect(configure(0, { feed: use(huge, 3600n, 0n, 1n << 190n), deviationBps: 500n }))
        .to.be.revertedWithCustomError(world.sources, "FeedUnusable")
        .withArgs(await huge.getAddress());
      const coins = [37, 0].map((decimals) => world.ethers.deployContract("TestToken", ["COIN", decimals]));
      for (const [coin, assets] of [
        [coins[0]!, E18],
        // Fewer than 2^128 assets, and a rate of more.
        [coins[1]!, (1n << 128n) - 1n],
      ] as const) {
        const vault = (await world.ethers.deployContract("TestVault", [await coin, 18])) as unknown as Contract;
        await vault.set!(assets, E18);
        await expect(configure(1, { vault }))
          .to.be.revertedWithCustomError(world.sources, "VaultUnusable")
          .withArgs(await vault.getAddress());
      }
      const first = await feedOf(8, 5n * BTC);
      await expect(configure(2, { feed: use(first), deviationBps: 1n }))
        .to.emit(world.sources, "Configured")
        .withArgs(1, 2, anyValue);
      expect(
        ((await world.sources.sourceOf!(1, 2)) as { feed: { aggregator: string } }[])[0]!.feed.aggregator,
      ).to.equal(await first.getAddress());
    });

    it("refuses sources without sense", async () => {
      const good = await feedOf(8, BTC);
      for (const source of [
        { maxMoveBps: 0n },
        { maxMoveBps: 5_001n },
        { lotDecimals: 9n },
        { deviationBps: 1n },
        { feed: use(good) },
        { feed: use(good), deviationBps: 5_001n },
        { second: use(good) },
        { growthBpsPerDay: 101n },
        { feed: use(good, 0n), deviationBps: 1n },
        { feed: use(good, 7n * DAY + 1n), deviationBps: 1n },
        { feed: use(good, 60n, -1n), deviationBps: 1n },
        { feed: use(good, 60n, 5n, 5n), deviationBps: 1n },
        { feed: use(await feedOf(37, BTC)), deviationBps: 1n },
      ]) {
        await expect(configure(0, source)).to.be.revertedWithCustomError(world.sources, "SourceRefused").withArgs(0);
      }
      await expect(configure(15, {})).to.be.revertedWithCustomError(world.sources, "AssetUnknown").withArgs(15);
      await expect(world.sources.configure!(7, 0, PLAIN)).to.be.revertedWithCustomError(world.registry, "BoardUnknown");
      await expect(world.as(world.signers[8]!, world.sources).configure!(1, 0, PLAIN)).to.be.revertedWithCustomError(
        world.sources,
        "OwnableUnauthorizedAccount",
      );
      const zeros = new Array(15).fill(0);
      await expect(world.sources.appraise!(1, 3, zeros, zeros)).to.be.revertedWithCustomError(
        world.sources,
        "NotOracle",
      );
    });

    describe("shares of a vault", () => {
      let vault: Contract;
      beforeEach(async () => {
        const asset = await world.ethers.deployContract("TestToken", ["ETH", 18]);
        vault = (await world.ethers.deployContract("TestVault", [asset, 18])) as unknown as Contract;
        await vault.set!(11n * E18, 10n * E18);
        await vault.set!(E18, E18);
        await configure(1, { vault, growthBpsPerDay: 10n });
      });

      it("are worth the underlying times the rate", async () => {
        await vault.set!(9n * E18, 10n * E18);
        expect(await valuedAt(priced(BTC, ETH), priced(BTC, (ETH * 9n) / 10n))).to.deep.equal([true, true]);
      });

      it("O08: a rate that jumps is believed as far as it may have grown", async () => {
        const { rateAt } = ((await world.sources.sourceOf!(1, 1)) as { rateAt: bigint }[])[1]!;
        await vault.set!(2n * E18, E18);
        await world.time.setNextBlockTimestamp(rateAt + DAY - 1n);
        await vault.set!(2n * E18, E18);
        const made = await world.make();
        await world.time.setNextBlockTimestamp(rateAt + DAY);
        await world.open(made, made.parts);
        const { point, usable } = await world.latest();
        // 10 bps a day, for exactly a day.
        const price = (ETH * 10_010n) / 10_000n;
        expect(point).to.deep.equal(expected({ ...world.market, prices: priced(BTC, price) as never }));
        expect(usable).to.equal(true);
      });

      it("O05: count zero where the vault does not answer", async () => {
        await vault.set!(0, 0);
        expect(await valuedAt(priced(BTC, ETH), priced(BTC, 0n))).to.deep.equal([true, false]);
      });

      it("O05: count zero where their price is beyond 64 bits, or the rate beyond 128", async () => {
        expect(await valuedAt(priced(BTC, (1n << 64n) - 1n), priced(BTC, (1n << 64n) - 1n))).to.deep.equal([
          false,
          false,
        ]);
        await configure(1, { vault, growthBpsPerDay: 100n });
        await world.time.increase(10n * DAY);
        await vault.set!(2n * E18, E18);
        expect(await valuedAt(priced(BTC, (1n << 64n) - 1n), priced(BTC, 0n))).to.deep.equal([true, false]);
        await vault.set!(1n << 140n, 1);
        expect(await valuedAt(priced(BTC, ETH), priced(BTC, 0n))).to.deep.equal([true, false]);
      });

      it("O07: a vault, or none, that moves the price that the same report makes by more than the bound is refused", async () => {
        await vault.set!(3n * E18, 2n * E18);
        const moved = expect(configure(1, { vault, growthBpsPerDay: 10n }));
        await moved.to.be.revertedWithCustomError(world.sources, "RateMoved").withArgs(1, E18, (E18 * 3n) / 2n);
        await vault.set!(0, 0);
        await expect(configure(1, { vault })).to.be.revertedWithCustomError(world.sources, "VaultUnusable");
        const odd = await world.ethers.deployContract("TestVault", [world.ethers.ZeroAddress, 18]);
        await expect(configure(1, { vault: odd })).to.be.revert(world.ethers);
        const long = await world.ethers.deployContract("TestVault", [await vault.getAddress(), 37]);
        await expect(configure(1, { vault: long })).to.be.revertedWithCustomError(world.sources, "VaultUnusable");
      });
    });

    it("O05: an asset that is listed before anyone says where its price comes from counts zero", async () => {
      const policy = { ...POLICY, schedules: POLICY.schedules.with(2, POLICY.schedules[0]!) };
      const next = chainPolicy(policy, TERMS);
      await world.registry.propose!(1, next);
      await world.time.increase(TIMELOCK);
      await world.registry.enact!(1, next);
      const prices = priced(BTC, ETH).with(2, BTC);
      await world.publish({ prices });
      const { complete, point } = await state();
      expect(complete).to.equal(false);
      expect(point).to.deep.equal(expected({ ...world.market, prices: prices.with(2, 0n) as never }, policy));
    });
  });

  describe("epochs in parts", () => {
    onChain("board-240");
    const other = marketAt("board-240", 95_000n, 3_800n);

    it("O13: interrupted and resumed by another sender, it becomes current with its last part and not before", async () => {
      const made = await world.make({ market: other });
      const was = await world.latest();
      await world.open(made);
      for (const [index, part] of made.parts.entries()) {
        expect((await world.latest()).point).to.deep.equal(was.point);
        expect((await oracle.openingOf!(1)) as unknown[]).to.deep.equal([
          2n,
          made.observations[0]!.time,
          partHash(part),
          BigInt(index),
        ]);
        await world.as(world.signers[7 + index]!).resume!(1, 2, [part], []);
      }
      const { epoch, point } = await world.latest();
      expect(epoch).to.equal(2n);
      expect(point).to.deep.equal(expected(other));
      expect(((await oracle.openingOf!(1)) as unknown[])[2]).to.equal(ZERO);
      await refuses(oracle.resume!(1, 2, [made.parts[3]], []), "EpochNotOpen", 1, 2, 0);
    });

    it("O13: refuses parts out of order, twice, changed, beyond the last, or of another epoch", async () => {
      const made = await world.make({ market: other });
      const { parts } = made;
      await world.open(made, parts.slice(0, 1));
      for (const wrong of [
        parts[0]!,
        parts[2]!,
        parts[3]!,
        { ...parts[1]!, liquidityRateBps: 51n },
        { ...parts[1]!, next: parts[2]!.next },
      ]) {
        await refuses(oracle.resume!(1, 2, [wrong], []), "PartUnexpected", 1, partHash(parts[1]!), partHash(wrong));
      }
      await refuses(oracle.resume!(1, 2, [...parts.slice(1), parts[3]!], []), "PartUnexpected");
      await refuses(oracle.resume!(1, 3, [parts[1]!], []), "EpochNotOpen", 1, 3, 2);
      await oracle.resume!(1, 2, parts.slice(1, 3), []);
      await oracle.resume!(1, 2, parts.slice(3), []);
      expect((await world.latest()).epoch).to.equal(2n);
    });

    it("O13: a superseded opening is never completed, and leaves the current epoch alone", async () => {
      const first = await world.make({ market: other });
      await world.open(first, first.parts.slice(0, 3));
      const market = marketAt("board-240", 96_000n, 3_900n);
      const second = await world.make({ market }, 4n);
      await world.open(second, second.parts.slice(0, 2));
      await refuses(oracle.resume!(1, 2, [first.parts[3]!], []), "EpochNotOpen");
      await refuses(oracle.resume!(1, 4, [first.parts[1]!], []), "PartUnexpected");
      expect((await world.latest()).epoch).to.equal(1n);
      await oracle.resume!(1, 4, second.parts.slice(2), []);
      expect((await world.latest()).point).to.deep.equal(expected(market));
    });

    it("O13: a signed chain that is shorter or longer than the board never becomes current", async () => {
      const short = await world.make({ change: (parts) => [...parts.slice(0, 2), parts[3]!] });
      await world.open(short, short.parts.slice(0, 2));
      await refuses(oracle.resume!(1, 2, short.parts.slice(2), []), "PartsWrong", 3);
      const long = await world.make({ change: (parts) => [...parts, parts[3]!] });
      await world.open(long, long.parts.slice(0, 3));
      await refuses(oracle.resume!(1, 3, long.parts.slice(3), []), "PartsWrong", 4);
      expect((await world.latest()).epoch).to.equal(1n);
    });

    it("computes the points that the model's signals have, at both ends of every range too", async () => {
      const market = listed(randomMarket(seededRng(14), "board-240", "saturated"));
      const prices = world.market.prices;
      await world.publish({ market: { ...market, prices } });
      expect((await world.latest()).point).to.deep.equal(expected({ ...market, prices }));
    });

    it("C09: refuses a first block that continues, takes any other pattern", async () => {
      const first = await world.make({ change: ([part, ...parts]) => [{ ...part!, continues: true }, ...parts] });
      await refuses(world.open(first, first.parts.slice(0, 1)), "FirstBlockContinues");
      const blocks = world.market.board.blocks.map((block, index) => ({ ...block, continues: index > 0 }));
      const joined = { ...world.market, board: { ...world.market.board, blocks } };
      await world.publish({ market: joined });
      expect((await world.latest()).point).to.deep.equal(expected(joined));
    });

    it("adds again only what has changed, in any block, and the point is that of the whole", async () => {
      const one = await world.publish({ market: randomised(21) });
      const two = randomised(22);
      await world.publish({ market: two }, one.parts);
      expect((await world.latest()).point).to.deep.equal(expected(two));
      // One block with a former part, one without, and again: what is kept is right whichever way it was made.
      const three = await world.make({ market: randomised(23) });
      const parts = publication(two, { board: 1n, epoch: 3n }).parts;
      await world.open(three, three.parts.slice(0, 1), parts.slice(0, 1));
      for (const part of three.parts.slice(1)) await oracle.resume!(1, world.epoch, [part], []);
      expect((await world.latest()).point).to.deep.equal(expected(randomised(23)));
      const four = randomised(24);
      await world.publish({ market: four }, three.parts);
      expect((await world.latest()).point).to.deep.equal(expected(four));
    });

    it("a former part counts only as the part of that block in the epoch that stands", async () => {
      const standing = publication(world.market, { board: 1n, epoch: 1n }).parts;
      const market = withRow(other, 61, { longCharge: 1n as ChargeE6 });
      const made = await world.make({ market });
      await world.open(made, made.parts.slice(0, 1), standing.slice(0, 1));
      const resume = (parts: Part[], former: Part[]) => oracle.resume!(1, 2, parts, former);
      await refuses(resume(made.parts.slice(1, 2), [standing[2]!]), "PartUnexpected");
      await refuses(resume(made.parts.slice(1, 2), [made.parts[1]!]), "PartUnexpected");
      await refuses(resume(made.parts.slice(1, 2), [{ ...standing[1]!, liquidityRateBps: 0n }]), "PartUnexpected");
      await refuses(resume(made.parts.slice(1, 3), standing.slice(1, 2)), "FormerPartsWrong", 2, 1);
      await resume(made.parts.slice(1), standing.slice(1));
      expect((await world.latest()).point).to.deep.equal(expected(market));
    });

    function randomised(seed: number): Market {
      return { ...listed(randomMarket(seededRng(seed), "board-240", "typical")), prices: world.market.prices };
    }
  });

  describe("ranges", () => {
    onChain("board-60");
    async function refusesPart(change: (part: Part) => Part, error: string, ...values: unknown[]) {
      const made = await world.make({ change: (parts) => parts.map(change) }, 2n);
      await refuses(world.open(made, made.parts), error, ...values);
    }
    const withWord = (row: number, word: number, value: (old: bigint) => bigint) => (part: Part) => ({
      ...part,
      rows: part.rows.with(row, part.rows[row]!.with(word, value(part.rows[row]![word]!))),
    });

    it("O12: refuses columns at 2^42, at −2^42, and bits between them, even under signatures", async () => {
      for (const piece of [0n, 84n, 168n]) {
        const clear = (old: bigint) => old & ~(((1n << 43n) - 1n) << piece);
        const beyond = (old: bigint) => clear(old) | (1n << (piece + 43n));
        await refusesPart(withWord(59, 15, clear), "ColumnOutOfRange", 59, 15);
        await refusesPart(withWord(0, 0, beyond), "ColumnOutOfRange", 0, 0);
      }
      for (const bit of [43n, 83n, 127n, 167n, 211n, 255n]) {
        const set = (old: bigint) => old | (1n << bit);
        await refusesPart(withWord(3, 2, set), "ColumnOutOfRange", 3, 2);
      }
    });

    it("O12: refuses charges of 2^60", async () => {
      const huge = () => 1n << 60n;
      await refusesPart(withWord(7, 16, huge), "ChargeOutOfRange", 7, 0);
      await refusesPart(withWord(7, 17, huge), "ChargeOutOfRange", 7, 1);
    });

    it("O12: refuses a row without value and without a charge for either side, which anybody could hold for nothing", async () => {
      for (const free of [{}, { longCharge: 1n as ChargeE6 }, { shortCharge: 1n as ChargeE6 }]) {
        const market = withRow(world.market, 5, { ...EMPTY_ROW, ...free });
        const { parts } = await world.make({ market });
        await refusesPart(() => parts[0]!, "RowFree", 5);
      }
      const market = withRow(world.market, 5, {
        ...EMPTY_ROW,
        longCharge: 1n as ChargeE6,
        shortCharge: 1n as ChargeE6,
      });
      await world.publish({ market });
    });

    it("O12: refuses thresholds of 2^78 and rates above 10000 bps", async () => {
      for (const wrong of [
        { liquidityThreshold: 1n << 78n },
        { liquidityRateBps: 10_001n },
        { vegaThreshold: 1n << 78n },
        { vegaRateBps: 10_001n },
      ]) {
        await refusesPart((part) => ({ ...part, ...wrong }), "BlockOutOfRange", 0);
      }
    });
  });

  describe("which market a proof is checked with", () => {
    onChain("board-60");

    it("the epoch before is there for the policy's grace, and no other", async () => {
      const [first, second] = [world.market, marketAt("board-60", 99_000n, 4_000n)];
      await refuses(oracle.at!(1, 0), "EpochSuperseded", 1, 0);
      await world.publish({ market: second });
      const completed = await world.now();
      const before = (await oracle.at!(1, 1)) as { epoch: bigint; point: bigint[]; usable: boolean; complete: boolean };
      expect(before.point).to.deep.equal(expected(first));
      expect([before.epoch, before.usable, before.complete]).to.deep.equal([1n, true, true]);
      expect(((await oracle.at!(1, 2)) as { epoch: bigint }).epoch).to.equal(2n);
      await world.time.increaseTo(completed + TERMS.epochGrace);
      await oracle.at!(1, 1);
      await world.time.increaseTo(completed + TERMS.epochGrace + 1n);
      await refuses(oracle.at!(1, 1), "EpochSuperseded", 2, 1);
      await refuses(oracle.at!(1, 3), "EpochSuperseded", 2, 3);
      await world.publish();
      await refuses(oracle.at!(1, 1), "EpochSuperseded", 3, 1);
    });

    it("the epoch before is not usable where the latest is not, nor while it is itself not", async () => {
      await world.publish({ prices: priced(50_000n * E8, 4_000n * E8) });
      expect(((await oracle.at!(1, 1)) as { usable: boolean }).usable).to.equal(false);
      await world.publish({ prices: priced(50_000n * E8, 4_000n * E8) });
      expect(((await oracle.at!(1, 2)) as { usable: boolean }).usable).to.equal(false);
      expect((await world.latest()).usable).to.equal(true);
    });

    it("the epoch before stays there while the next is being opened", async () => {
      await world.publish({ market: marketAt("board-60", 99_000n, 4_000n) });
      await world.open(await world.make());
      expect(((await oracle.at!(1, 1)) as { point: bigint[] }).point).to.deep.equal(
        expected(marketAt("board-60", 100_000n, 4_000n)),
      );
    });

    it("V07: where a verifier sums a policy up to a point off the curve there is no market", async () => {
      const { verifier } = await world.latest();
      // Answers every call with the point (1, 1).
      await world.chain.networkHelpers.setCode(verifier, "0x60015f52600160205260405ff3");
      await world.as(world.guardian, world.registry).tighten!(1, world.policy({ maxAge: 3599n }));
      await refuses(oracle.latest!(1), "PrecompileFailed", 6);
    });

    it("V20: offers no way in for a point that it has not computed", () => {
      for (const [contract, names] of [
        [
          oracle,
          [
            "bindGate",
            "challenge",
            "open",
            "openSettlement",
            "pause",
            "resume",
            "resumeSettlement",
            "setReporters",
            "windDown",
          ],
        ],
        [
          world.registry,
          [
            "acceptOwnership",
            "createBoard",
            "enact",
            "propose",
            "proposeKeys",
            "renounceOwnership",
            "rotate",
            "setGuardian",
            "tighten",
            "transferOwnership",
            "withdraw",
          ],
        ],
        [world.sources, ["appraise", "configure"]],
      ] as const) {
        const writing = contract.interface.fragments.filter(
          (part) => part.type === "function" && (part as unknown as { constant: boolean }).constant === false,
        );
        expect(writing.map((part) => (part as unknown as { name: string }).name).sort()).to.deep.equal(names);
        const inputs = writing.map((part) => part.inputs.map((input) => input.format("full")).join());
        expect(inputs.filter((input) => /point| [xy]\b/.test(input))).to.deep.equal([]);
      }
    });

    it("under the exit market one lot asks for more than the largest cash, and nothing counts but cash", async () => {
      const closed = { ...world.market, prices: new Array<bigint>(ASSETS).fill(0n) as LotPriceE16[] };
      const rows = closed.board.rows.map(() => CLOSED_ROW);
      const [threshold, rate] = [0n as ThresholdE6, 0n as RateBps];
      const terms = { liquidityThreshold: threshold, liquidityRate: rate, vegaThreshold: threshold, vegaRate: rate };
      const none = { continues: false, ...terms };
      const zero = POLICY.schedules.map(() => POLICY.schedules[14]!);
      const market = { ...closed, board: { ...closed.board, rows, blocks: [none] } };
      const [verifier, point] = (await oracle.exitMarket!(1)) as [string, bigint[]];
      expect(point).to.deep.equal(expected(market, { ...POLICY, schedules: zero }));
      expect(verifier).to.equal((await world.latest()).verifier);
      // equity · 10^4 ≥ margin · level, in the model's units: 1e-20 and 1e-10 of the quote.
      const level = (1n << 20n) - 1n;
      expect(10n ** 6n * level * (10n ** 4n * CLOSED_ROW.longCharge)).to.be.greaterThan((1n << 63n) * 10n ** 14n);
    });

    it("before its first complete epoch a board answers with its name, and unknown boards do not exist", async () => {
      await world.registry.createBoard!(world.router, 60, world.policy());
      for (const method of ["latest", "fresh"]) await refuses(oracle[method]!(2), "EpochMissing", 2);
      await refuses(oracle.at!(2, 0), "EpochMissing", 2);
      expect(((await oracle.exitMarket!(2)) as unknown[])[1]).to.deep.equal(
        ((await oracle.exitMarket!(1)) as unknown[])[1],
      );
      for (const method of ["latest", "fresh", "exitMarket", "instrumentsOf", "termsOf"]) {
        await expect(oracle[method]!(3)).to.be.revertedWithCustomError(world.registry, "BoardUnknown").withArgs(3);
      }
      expect(await oracle.instrumentsOf!(2)).to.equal(60);
      expect(((await oracle.termsOf!(2)) as { stopLimit: bigint }).stopLimit).to.equal(TERMS.terms.stopLimit);
    });

    it("only the registry's owner names reporters and the gate, and the gate once", async () => {
      const stranger = world.as(world.signers[8]!);
      await refuses(stranger.setReporters!([], 1), "OwnableUnauthorizedAccount");
      await refuses(stranger.bindGate!(world.registry), "OwnableUnauthorizedAccount");
      await oracle.bindGate!(world.registry);
      await refuses(oracle.bindGate!(world.registry), "GateTaken", await world.registry.getAddress());
    });

    it("refuses a registry without code", async () => {
      const deployed = world.ethers.deployContract("PriceOracle", [
        world.signers[1]!.address,
        world.ethers.ZeroAddress,
        [world.signers[1]!.address],
        1,
      ]);
      await refuses(deployed, "RegistryRefused");
    });
  });

  describe("a chain with a sequencer", () => {
    onChain("board-60", { sequencer: true });

    it("O04: values are not usable while it is down, nor for an hour after; they stay readable", async () => {
      const feed = (await world.ethers.getContractAt("TestFeed", await oracle.sequencer!())) as unknown as Contract;
      const up = (await feed.startedAt!()) as bigint;
      await refuses(oracle.fresh!(1), "SequencerDown", up);
      await world.time.increaseTo(up + 3600n);
      await world.publish();
      await oracle.fresh!(1);
      await feed.set!(1);
      await refuses(oracle.fresh!(1), "SequencerDown");
      await feed.set!(0);
      await refuses(oracle.fresh!(1), "SequencerDown");
      expect((await world.latest()).complete).to.equal(false);
      await world.time.increase(3600);
      await world.publish();
      await feed.setBroken!(true);
      await refuses(oracle.fresh!(1), "SequencerDown", 0);
      await feed.setBroken!(false);
      await feed.setAt!(0, 0);
      await refuses(oracle.fresh!(1), "SequencerDown", 0);
    });
  });

  describe("pause and clock", () => {
    onChain("board-60");
    const clock = async () => (await oracle.clock!(1)) as bigint;
    const { stopLimit } = TERMS.terms;
    const asGuardian = () => world.as(world.guardian);
    const at = (time: bigint) => world.time.increaseTo(time);

    it("V13: a pause stops what is not a help, and ends by itself", async () => {
      await asGuardian().pause!(1, 600);
      const until = (await world.now()) + 600n;
      expect(await oracle.pausedUntil!(1)).to.equal(until);
      await refuses(oracle.fresh!(1), "BoardPaused", 1, until);
      const { usable, complete } = await world.latest();
      expect([usable, complete]).to.deep.equal([false, false]);
      await oracle.exitMarket!(1);
      await at(until - 1n);
      await refuses(oracle.fresh!(1), "BoardPaused");
      await at(until);
      await oracle.fresh!(1);
    });

    it("V13: a pause cannot be renewed before the cool-down, nor be longer than the limit", async () => {
      await refuses(asGuardian().pause!(1, 3n * DAY + 1n), "PauseTooLong", 3n * DAY + 1n, 3n * DAY);
      await asGuardian().pause!(1, 3n * DAY);
      const until = (await world.now()) + 3n * DAY;
      await refuses(asGuardian().pause!(1, 1), "PauseTooSoon", until + 7n * DAY);
      await at(until + 7n * DAY - 2n);
      await refuses(asGuardian().pause!(1, 1), "PauseTooSoon", until + 7n * DAY);
      await at(until + 7n * DAY);
      await asGuardian().pause!(1, 1);
    });

    it("V13: the guardian ends a pause early, and nobody else starts or ends one", async () => {
      await refuses(oracle.pause!(1, 1), "NotGuardian", world.signers[0]!.address);
      await asGuardian().pause!(1, 600);
      await asGuardian().pause!(1, 0);
      await oracle.fresh!(1);
      const until = (await oracle.pausedUntil!(1)) as bigint;
      await asGuardian().pause!(1, 0);
      expect(await oracle.pausedUntil!(1)).to.equal(until);
      await expect(asGuardian().pause!(2, 1)).to.be.revertedWithCustomError(world.registry, "BoardUnknown");
    });

    it("V16: the clock runs while a fresh epoch stands, and stops when it goes stale", async () => {
      const { time } = await world.latest();
      const [start, began] = [await clock(), await world.now()];
      await at(time + maxAge);
      const ran = time + maxAge - began;
      expect((await clock()) - start).to.equal(ran);
      await at(time + maxAge + stopLimit);
      expect((await clock()) - start).to.equal(ran);
      // Longer than the longest stop: it runs again.
      await at(time + maxAge + stopLimit + 50n);
      expect((await clock()) - start).to.equal(ran + 50n);
      await world.publish();
      const resumed = await clock();
      await world.time.increase(100);
      expect((await clock()) - resumed).to.equal(100n);
    });

    it("V16: it stops while paused and runs again when the pause is over", async () => {
      await asGuardian().pause!(1, 600);
      const [start, began] = [await clock(), await world.now()];
      await at(began + 600n);
      expect(await clock()).to.equal(start);
      await at(began + 700n);
      expect((await clock()) - start).to.equal(100n);
    });

    it("V16: a pause beyond the longest stop does not hold it", async () => {
      await asGuardian().pause!(1, stopLimit + 1000n);
      const [start, began] = [await clock(), await world.now()];
      await at(began + stopLimit + 400n);
      expect((await clock()) - start).to.equal(400n);
      await asGuardian().pause!(1, 0);
      expect((await clock()) - start).to.be.within(400n, 402n);
    });

    it("V16: a stop counts from its start, through epochs that do not end it", async () => {
      const { time } = await world.latest();
      await at(time + maxAge);
      const start = await clock();
      await at(time + maxAge + stopLimit - 100n);
      await world.publish({ prices: priced(0n, 4_000n * E8) });
      expect((await world.latest()).usable).to.equal(true);
      await at(time + maxAge + stopLimit);
      expect(await clock()).to.equal(start);
      await at(time + maxAge + stopLimit + 30n);
      expect((await clock()) - start).to.equal(30n);
    });

    it("V16: a pause starts no clock under a frozen epoch, and sets none back of a board without one", async () => {
      // A settlement freezes the epoch that stands.
      await (await world.settle({ 1: 5n }, 1n)).send();
      await world.registry.createBoard!(world.router, 60, world.policy());
      const clocks = async () => [await clock(), await oracle.clock!(2)] as [bigint, bigint];
      const [[frozen, bare], began] = [await clocks(), await world.now()];
      for (const board of [1, 2]) {
        await asGuardian().pause!(board, 600);
        await asGuardian().pause!(board, 0);
      }
      await world.time.increase(100);
      const [now, second] = await clocks();
      expect(now).to.equal(frozen);
      expect(second - bare).to.be.within(0n, (await world.now()) - began);
    });

    it("V16: it stops for an epoch that is halted", async () => {
      await world.publish({ prices: priced(50_000n * E8, 4_000n * E8) });
      const start = await clock();
      await world.time.increase(500);
      expect(await clock()).to.equal(start);
    });

    it("V16: it never falls, whatever happens, in random histories", async function () {
      this.timeout(60_000);
      const rng = seededRng(31);
      let [last, lastTime] = [await clock(), await world.now()];
      for (let step = 0; step < 40; step++) {
        await world.time.increase(rng.between(1n, 6000n));
        const kind = rng.below(4n);
        if (kind === 0n) await world.publish();
        if (kind === 1n) await world.publish({ prices: priced(rng.between(0n, 1n) * 100_000n * E8, 4_000n * E8) });
        if (kind === 2n) await asGuardian().pause!(1, rng.below(4n) * 900n).catch(() => {});
        const [now, nowTime] = [await clock(), await world.now()];
        expect(now - last).to.be.within(0n, nowTime - lastTime);
        [last, lastTime] = [now, nowTime];
      }
    });
  });

  describe("challenges", () => {
    onChain("board-240");
    const BTC_ROW = { row: 0n, asset: 0n, ratioE18: 10n ** 5n * E18 };
    const ETH_ROW = { row: 1n, asset: 1n, ratioE18: 10n ** 6n * E18 };
    const vega = { maxVegaThreshold: 10n ** 12n, minVegaRateBps: 20n };
    const block = { maxLiquidityThreshold: 2n * 10n ** 12n, minLiquidityRateBps: 50n, ...vega, mayContinue: false };
    const FAR_ROW = { ...BTC_ROW, row: 121n };
    const blocks = [block, block, block, { ...block, mayContinue: true }];
    const terms: BoardTerms = { linear: [BTC_ROW, ETH_ROW, FAR_ROW], bandBps: 100n, blocks };
    let parts: Part[];
    beforeEach(async () => {
      const policy = { ...world.policy(), boardTermsHash: boardTermsHash(terms) };
      await world.registry.propose!(1, policy);
      await world.time.increase(TIMELOCK);
      await world.registry.enact!(1, policy);
      ({ parts } = await world.publish());
    });
    const challenge = (index: number, linear = 9n, part = parts[index]!, given = terms) =>
      oracle.challenge!(1, given, index, part, linear);

    it("fails where the values obey the terms", async () => {
      for (const [index, linear] of [
        [0, 0n],
        [0, 1n],
        [0, 9n],
        [1, 0n],
        [3, 9n],
        // In another block, before this one or after it.
        [0, 2n],
        [1, 2n],
        [3, 2n],
      ] as const) {
        await refuses(challenge(index, linear), "ChallengeFailed");
      }
      await oracle.fresh!(1);
    });

    it("takes a mark at the edge of its band, and freezes the epoch for one unit more, until the next", async () => {
      for (const [mark, inside] of [
        [101_000_000n, true],
        [99_000_000n, true],
        [101_000_001n, false],
        [98_999_999n, false],
        [-100_000_000n, false],
      ] as const) {
        ({ parts } = await world.publish({ market: withRow(world.market, 0, { mark: mark as ColumnE6 }) }));
        if (inside) await refuses(challenge(0, 0n), "ChallengeFailed");
        else {
          await challenge(0, 0n);
          await refuses(oracle.fresh!(1), "EpochFrozen", 1, world.epoch);
          expect((await world.latest()).complete).to.equal(false);
        }
      }
      const stopped = await oracle.clock!(1);
      await world.time.increase(100);
      expect(await oracle.clock!(1)).to.equal(stopped);
      ({ parts } = await world.publish({ market: marketAt("board-240", 100_000n, 4_000n) }));
      await oracle.fresh!(1);
    });

    it("freezes an epoch with weaker terms of liquidity or vega, or more netting, than the policy allows", async () => {
      for (const change of [
        { liquidityThreshold: (2n * 10n ** 12n + 1n) as ThresholdE6 },
        { liquidityRate: 49n as RateBps },
        { vegaThreshold: (10n ** 12n + 1n) as ThresholdE6 },
        { vegaRate: 19n as RateBps },
        { continues: true },
      ]) {
        const { board } = world.market;
        const blocks = board.blocks.with(2, { ...board.blocks[2]!, ...change });
        ({ parts } = await world.publish({
          market: { ...marketAt("board-240", 100_000n, 4_000n), board: { ...board, blocks } },
        }));
        world.market = marketAt("board-240", 100_000n, 4_000n);
        await refuses(challenge(1), "ChallengeFailed");
        await challenge(2);
        await refuses(oracle.fresh!(1), "EpochFrozen");
      }
    });

    it("a block that joins a netting set, and may, is no ground", async () => {
      const { board } = world.market;
      const joined = board.blocks.with(3, { ...board.blocks[3]!, continues: true });
      ({ parts } = await world.publish({ market: { ...world.market, board: { ...board, blocks: joined } } }));
      await refuses(challenge(3), "ChallengeFailed");
    });

    it("holds no mark against a price that the epoch has not", async () => {
      const prices = priced(0n, 4_000n * E8);
      const broken = { ...withRow(world.market, 0, { mark: 1n as ColumnE6 }) };
      ({ parts } = await world.publish({ market: broken, prices }));
      await refuses(challenge(0, 0n), "ChallengeFailed");
    });

    it("needs the terms of the policy, a part of the epoch, and an epoch", async () => {
      const loose = { ...terms, bandBps: 99n };
      await refuses(
        challenge(0, 0n, parts[0]!, loose),
        "BoardTermsWrong",
        boardTermsHash(terms),
        boardTermsHash(loose),
      );
      await refuses(challenge(0, 0n, parts[1]!), "PartUnexpected", 0, partHash(parts[0]!), partHash(parts[1]!));
      await world.registry.createBoard!(world.router, 240, world.policy());
      await refuses(oracle.challenge!(2, terms, 0, parts[0]!, 0), "EpochMissing", 2);
    });
  });

  describe("settlements", () => {
    onChain("board-60");
    let gate: Contract;
    beforeEach(async () => {
      gate = (await world.ethers.deployContract("TestGate")) as unknown as Contract;
    });
    const closed = (market: Market, ...rows: number[]) =>
      rows.reduce((result, row) => withRow(result, row, CLOSED_ROW), market);

    it("counts from 1, under the quorum, and its point is that of its marks", async () => {
      await refuses(oracle.settlementOf!(1, 1), "SettlementUnknown", 1, 1);
      await refuses(oracle.settlementOf!(1, 0), "SettlementUnknown", 1, 0);
      const marks = { 1: 40_000_000n, 7: -5n, 59: 0n };
      await (await world.settle(marks, 1n)).send();
      expect(await oracle.settlementsOf!(1)).to.equal(1);
      const [verifier, point] = (await oracle.settlementOf!(1, 1)) as [string, bigint[]];
      const signals = Array.from({ length: 60 }, (_, row) => {
        const mark = (marks as Record<number, bigint>)[row];
        const order = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001n;
        return mark === undefined ? [0n, 0n] : [1n, (mark + order) % order];
      }).flat();
      const { x, y } = pointOf(world.keys.settlements, signals, 3);
      expect(point).to.deep.equal([x, y]);
      expect(verifier).to.equal(await world.router.settlementVerifierOf!(60));
    });

    it("nothing is traded on values from before it, and an epoch being opened is given up", async () => {
      const opening = await world.make();
      await world.open(opening);
      await (await world.settle({ 1: 5n }, 1n)).send();
      await refuses(oracle.fresh!(1), "EpochFrozen", 1, 1);
      await refuses(oracle.resume!(1, 2, opening.parts, []), "EpochNotOpen");
      await world.publish({ market: closed(world.market, 1) });
      await oracle.fresh!(1);
    });

    it("a row is listed anew when every account has settled, and closed until then", async () => {
      await (await world.settle({ 1: 5n }, 1n)).send();
      const live = await world.make();
      await refuses(world.open(live, live.parts), "RowNotSettled", 1, 1);
      await oracle.bindGate!(gate);
      await refuses(world.open(live, live.parts), "RowNotSettled", 1, 1);
      const empty = await world.make({
        market: withRow(world.market, 1, { ...CLOSED_ROW, longCharge: 1n as ChargeE6 }),
      });
      await refuses(world.open(empty, empty.parts), "RowNotSettled", 1, 1);
      await world.publish({ market: closed(world.market, 1) });
      await gate.set!(1, 1);
      await world.publish({ market: marketAt("board-60", 100_000n, 4_000n) });
      await gate.set!(1, 0);
      await world.publish();
    });

    it("refuses marks out of range, marks of rows that do not expire, and rows beyond the block", async () => {
      const send = async (part: { expired: bigint; marks: bigint[]; next?: string }) => {
        const given = { next: ZERO, ...part };
        const firstPart = settlementPartHash(given);
        const domain = await world.domain();
        const signatures = await signSettlement(world.reporters.slice(0, 3), domain, {
          board: 1n,
          number: 1n,
          firstPart,
        });
        return oracle.openSettlement!(1, 1, firstPart, signatures, [given]);
      };
      const marks = new Array<bigint>(60).fill(0n);
      for (const mark of [1n << 42n, -(1n << 42n)]) {
        await refuses(send({ expired: 1n << 3n, marks: marks.with(3, mark) }), "MarkOutOfRange", 3);
      }
      await refuses(send({ expired: 0n, marks: marks.with(4, 1n) }), "MarkOutOfRange", 4);
      await refuses(send({ expired: 1n << 60n, marks }), "BlockOutOfRange", 0);
      // A chain that goes on where the board has ended.
      await refuses(send({ expired: 0n, marks, next: `0x${"1".repeat(64)}` }), "PartsWrong", 1);
      await send({ expired: 1n << 3n, marks: marks.with(3, (1n << 42n) - 1n) });
    });

    it("O01: refuses another number, fewer signatures, strangers, and parts that were not signed", async () => {
      const { firstPart, parts, signatures, send } = await world.settle({ 1: 5n }, 1n);
      const open = (number: number, by: unknown[], sent: unknown[] = parts) =>
        oracle.openSettlement!(1, number, firstPart, by, sent);
      await refuses(open(2, signatures), "SettlementNotNext", 2, 0);
      await refuses(open(1, signatures.slice(1)), "ObservationsWrong", 3, 2);
      await refuses(open(1, [signatures[1], signatures[0], signatures[2]]), "ReporterOutOfOrder");
      const [changed] = parts;
      await refuses(open(1, signatures, [{ ...changed, expired: 6n }]), "PartUnexpected");
      await refuses(oracle.resumeSettlement!(1, parts), "SettlementNotOpen", 1);
      const other = await world.settle({ 2: 5n }, 1n);
      await oracle.openSettlement!(1, 1, other.firstPart, other.signatures, []);
      // What is signed after it takes its place.
      await open(1, signatures, []);
      await refuses(oracle.resumeSettlement!(1, other.parts), "PartUnexpected");
      await oracle.setReporters!([world.signers[9]!.address], 1);
      await refuses(oracle.resumeSettlement!(1, parts), "ReportersChanged", 1, 2);
      await refuses(send(), "ObservationsWrong");
      // The same settlement signed by those who came is begun anew.
      const value = { board: 1n, number: 1n, firstPart };
      await open(1, await signSettlement([world.signers[9]!], await world.domain(), value));
      expect(await oracle.settlementsOf!(1)).to.equal(1);
    });

    it("of a board of 240 takes parts from anyone, in order, and none beyond", async () => {
      const large = await Markets.create("board-240");
      await large.publish();
      const { parts, firstPart, signatures } = await large.settle({ 61: 7n, 239: -3n }, 1n);
      await large.oracle.openSettlement!(1, 1, firstPart, signatures, parts.slice(0, 1));
      await expect(large.oracle.resumeSettlement!(1, parts.slice(2))).to.be.revertedWithCustomError(
        oracle,
        "PartUnexpected",
      );
      expect(await large.oracle.settlementsOf!(1)).to.equal(0);
      // Sent again by whoever read it, it takes away nothing that was added.
      await large.as(large.signers[9]!).openSettlement!(1, 1, firstPart, signatures, []);
      await large.as(large.signers[9]!).resumeSettlement!(1, parts.slice(1));
      expect(await large.oracle.settlementsOf!(1)).to.equal(1);
      await expect(large.oracle.resumeSettlement!(1, parts.slice(3))).to.be.revertedWithCustomError(
        oracle,
        "SettlementNotOpen",
      );
      const made = await large.make();
      await large.open(made, made.parts.slice(0, 1));
      const rows = large.market.board.rows.with(61, large.market.board.rows[0]!);
      const relisted = await large.make({ market: { ...large.market, board: { ...large.market.board, rows } } });
      await large.open(relisted, relisted.parts.slice(0, 1));
      await expect(large.oracle.resume!(1, large.epoch, relisted.parts.slice(1, 2), []))
        .to.be.revertedWithCustomError(oracle, "RowNotSettled")
        .withArgs(61, 1);
    });

    describe("when the board has come to its end", () => {
      it("settles everything at the last marks, once, by anyone", async () => {
        const { parts } = await world.publish();
        const until = (await world.now()) + 30n * DAY;
        await world.time.setNextBlockTimestamp(until);
        await refuses(oracle.windDown!(1, parts), "LifeNotOver", until);
        await refuses(oracle.windDown!(1, [{ ...parts[0]!, liquidityRateBps: 0n }]), "PartUnexpected");
        await world.as(world.signers[9]!).windDown!(1, parts);
        const [, point] = (await oracle.settlementOf!(1, 1)) as [string, bigint[]];
        const signals = world.market.board.rows.flatMap((row) => [1n, row.mark as bigint]);
        const { x, y } = pointOf(world.keys.settlements, signals, 3);
        expect(point).to.deep.equal([x, y]);
        await refuses(oracle.windDown!(1, parts), "WoundDown", 1, 2);
        await world.registry.createBoard!(world.router, 60, world.policy());
        await refuses(oracle.windDown!(2, []), "EpochMissing", 2);
      });

      it("in several calls, and never of two epochs", async () => {
        const large = await Markets.create("board-240");
        const first = await large.publish();
        await large.time.increase(31n * DAY);
        await large.oracle.windDown!(1, first.parts.slice(0, 2));
        await expect(large.oracle.resumeSettlement!(1, [])).to.not.be.revert(large.ethers);
        const market = withRow(large.market, 0, { mark: 77n as ColumnE6 });
        const second = await large.publish({ market });
        await expect(large.oracle.windDown!(1, first.parts.slice(2))).to.be.revertedWithCustomError(
          oracle,
          "LifeNotOver",
        );
        await large.time.increase(31n * DAY);
        await large.oracle.windDown!(1, second.parts.slice(0, 3));
        await large.oracle.windDown!(1, second.parts.slice(3));
        const [, point] = (await large.oracle.settlementOf!(1, 1)) as [string, bigint[]];
        const signals = market.board.rows.flatMap((row) => [1n, row.mark as bigint]);
        const { x, y } = pointOf(large.keys.settlements, signals, 3);
        expect(point).to.deep.equal([x, y]);
      });
    });
  });

  describe("keys that are rotated", () => {
    onChain("board-60");
    const rotate = async (seed: bigint) => {
      const keys = keysOf("board-60", seed);
      const router = await routerOf(world.chain, world.signers[0]!, "board-60", keys);
      await world.registry.proposeKeys!(1, router);
      await world.time.increase(TIMELOCK);
      return { keys, router, send: () => world.registry.rotate!(1, router) };
    };

    it("V15: the epoch that stands keeps its key, for proofs in flight; the next is made under the new one", async () => {
      const { keys, router, send } = await rotate(5n);
      await world.publish();
      const old = await world.latest();
      const oldExit = await oracle.exitMarket!(1);
      await send();
      expect((await world.latest()).verifier).to.equal(old.verifier);
      expect((await world.latest()).point).to.deep.equal(old.point);
      expect(await oracle.exitMarket!(1)).to.deep.equal(oldExit);
      await oracle.fresh!(1);
      await world.publish();
      const now = await world.latest();
      expect(now.verifier).to.equal(await router.verifierOf!(60));
      const { x, y } = pointOf(keys.accounts.key, marketSignals(POLICY, world.market));
      expect(now.point).to.deep.equal([x, y]);
      expect(((await oracle.exitMarket!(1)) as [string])[0]).to.equal(now.verifier);
      expect(((await oracle.at!(1, 2)) as { verifier: string }).verifier).to.equal(old.verifier);
    });

    it("V15: at its sunset the old key is retired, and with a new policy before that", async () => {
      const { router, send } = await rotate(5n);
      await world.publish();
      await send();
      const { sunset } = (await world.registry.headOf!(1)) as { sunset: bigint };
      const kept = await world.chain.networkHelpers.takeSnapshot();
      await world.time.increaseTo(sunset);
      await world.latest();
      await world.time.increaseTo(sunset + 1n);
      await refuses(oracle.latest!(1), "KeyRetired", 1, 2);
      // Who leaves does so under the new one.
      expect(((await oracle.exitMarket!(1)) as [string])[0]).to.equal(await router.verifierOf!(60));
      await kept.restore();
      await world.as(world.guardian, world.registry).tighten!(1, world.policy({ maxAge: 3599n }));
      await refuses(oracle.latest!(1), "KeyRetired", 1, 2);
      await world.publish();
      await oracle.fresh!(1);
    });

    it("V15: a second rotation retires the first key at once", async () => {
      const [first, second] = [await rotate(5n), await rotate(7n)];
      await world.publish();
      await first.send();
      await second.send();
      await refuses(oracle.latest!(1), "KeyRetired", 1, 2);
    });

    it("V15: what was being opened under the old key is not completed, nor are its blocks built upon", async () => {
      const { send } = await rotate(5n);
      const standing = await world.publish();
      const opening = await world.make();
      await world.open(opening);
      await send();
      await refuses(oracle.resume!(1, opening.epoch.epoch, opening.parts, []), "KeyChanged", 0, 1);
      const next = await world.make();
      await refuses(world.open(next, next.parts, standing.parts), "KeyChanged", 0, 1);
    });

    it("V15: nor is a settlement, which whoever sends it again begins anew under the new key", async () => {
      const { router, send } = await rotate(5n);
      await world.publish();
      const { firstPart, parts, signatures, send: settle } = await world.settle({ 1: 5n }, 1n);
      await oracle.openSettlement!(1, 1, firstPart, signatures, []);
      await send();
      await refuses(oracle.resumeSettlement!(1, parts), "SettlementKeyChanged", 1);
      await settle();
      const { verifier } = (await oracle.settlementOf!(1, 1)) as { verifier: string };
      expect(verifier).to.equal(await router.settlementVerifierOf!(60));
    });

    it("V15: nor is the end of a board", async () => {
      const { parts } = await world.publish();
      await world.time.increase(30n * DAY);
      const { router, send } = await rotate(5n);
      await oracle.windDown!(1, []);
      await send();
      await oracle.windDown!(1, parts);
      const { verifier } = (await oracle.settlementOf!(1, 1)) as { verifier: string };
      expect(verifier).to.equal(await router.settlementVerifierOf!(60));
    });
  });

  describe("gas", () => {
    onChain("board-60");

    it("an epoch in which 5 of 60 rows have changed costs a fraction of one in which all have", async () => {
      const market = { ...listed(randomMarket(seededRng(41), "board-60", "saturated")), prices: world.market.prices };
      // Every place of the ring has been written once: what follows is what an epoch costs day by day.
      for (let round = 0; round < 2; round++) await world.publish({ market });
      const first = await world.publish({ market });
      const rows = market.board.rows.map((row, index) =>
        index % 12 === 0
          ? {
              ...row,
              mark: (row.mark / 3n) as ColumnE6,
              profits: row.profits.map((v) => (v / 2n) as ColumnE6),
              delta: (row.delta / 2n) as ColumnE6,
              longCharge: (row.longCharge / 2n) as ChargeE6,
              shortCharge: (row.shortCharge / 2n) as ChargeE6,
            }
          : row,
      );
      const next = { ...market, board: { ...market.board, rows } };
      const gasOf = async (sent: Promise<unknown>) =>
        (await ((await sent) as { wait(): Promise<{ gasUsed: bigint }> }).wait()).gasUsed;
      const kept = await world.chain.networkHelpers.takeSnapshot();
      const full = await world.make({ market: next }, 5n);
      const all = await gasOf(world.open(full, full.parts));
      await kept.restore();
      const made = await world.make({ market: next }, 5n);
      const some = await gasOf(world.open(made, made.parts, first.parts));
      expect((await world.latest()).point).to.deep.equal(expected(next));
      if (process.env.GAS !== undefined) console.error({ all, some });
      expect(some * 2n).to.be.lessThan(all);
    });
  });
});
