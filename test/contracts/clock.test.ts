// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated keys. No proofs.
import { expect } from "chai";
import { ASSETS } from "../../prover/src/model/sizes.ts";
import { freshMarkets } from "../support/fresh-markets.ts";
import { seededRng } from "../support/random.ts";
import { type Called, DAY, E8, type Markets, TERMS } from "./markets.ts";

const { maxAge } = TERMS;
const { stopLimit } = TERMS.terms;
const GRACE = 3600n;

/** `TestFeed.History`. */
const HISTORY = { kept: 0, zeros: 1, other: 2, none: 3 };

describe("attestation clock", () => {
  let world: Markets;
  let oracle: Called;
  const priced = (first: bigint, second: bigint) => [first, second, ...new Array<bigint>(ASSETS - 2).fill(0n)];
  const clock = async () => (await oracle.clock!(1)) as unknown as bigint;
  const at = (time: bigint) => world.time.increaseTo(time);
  const asGuardian = () => world.as(world.guardian);
  const refuses = (sent: Promise<unknown>, error: string, ...values: unknown[]) => {
    const refused = expect(sent).to.be.revertedWithCustomError(oracle, error);
    return values.length === 0 ? refused : refused.withArgs(...values);
  };

  const onChain = (sequencer = false) =>
    freshMarkets(
      (made) => {
        world = made;
        ({ oracle } = made);
      },
      { sequencer },
    );

  describe("on a chain without a sequencer", () => {
    onChain();

    it("V13: a pause stops what is not a help, and ends by itself", async () => {
      await asGuardian().pause!(1, 600);
      const until = (await world.now()) + 600n;
      expect(await oracle.pausedUntil!(1)).to.equal(until);
      for (const view of [world.outflow(), world.evidence(), world.attesting(1n)]) {
        await refuses(view, "BoardPaused", 1, until);
      }
      await oracle.exitMarket!(1);
      await at(until - 1n);
      await refuses(world.outflow(), "BoardPaused");
      await at(until);
      await world.outflow();
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
      await world.outflow();
      const until = await oracle.pausedUntil!(1);
      await asGuardian().pause!(1, 0);
      expect(await oracle.pausedUntil!(1)).to.equal(until);
      await expect(asGuardian().pause!(2, 1)).to.be.revertedWithCustomError(world.registry, "BoardUnknown");
    });

    it("V16: the clock runs while a fresh epoch stands, and stops when it goes stale", async () => {
      const { time } = await world.standing();
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

    it("V16: winds to what it shows, and nothing is taken back", async () => {
      const start = await clock();
      const began = await world.now();
      await oracle.wind!(1);
      await at(began + 100n);
      expect(await oracle.wind!.staticCall(1)).to.equal(await clock());
      expect((await clock()) - start).to.equal(100n);
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
      const { time } = await world.standing();
      await at(time + maxAge);
      const start = await clock();
      await at(time + maxAge + stopLimit - 100n);
      await world.publish({ prices: priced(0n, 4_000n * E8) });
      await world.outflow();
      await at(time + maxAge + stopLimit);
      expect(await clock()).to.equal(start);
      await at(time + maxAge + stopLimit + 30n);
      expect((await clock()) - start).to.equal(30n);
    });

    it("V16: a pause starts no clock under a frozen epoch, and sets none back of a board without one", async () => {
      // A settlement freezes the epoch that stands.
      await (await world.settle({ 1: 5n }, 1n)).send();
      await world.setUp(world.registry, "createBoard", world.router, 60, world.policy());
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
  });

  describe("on a chain with a sequencer", () => {
    onChain(true);
    let feed: Called;
    beforeEach(async () => {
      feed = (await world.ethers.getContractAt("TestFeed", await oracle.sequencer!())) as unknown as Called;
    });

    it("O04: nothing is usable while it is down, nor for an hour after, nor where its feed is broken", async () => {
      await world.outflow();
      await feed.set!(1);
      await refuses(world.outflow(), "SequencerDown", await world.now());
      await feed.set!(0);
      const up = await world.now();
      for (const view of [world.outflow(), world.evidence(), world.attesting(1n)])
        await refuses(view, "SequencerDown", up);
      await at(up + GRACE - 2n);
      await world.publish();
      await refuses(world.evidence(), "SequencerDown");
      await at(up + GRACE);
      await world.evidence();
      await feed.setBroken!(true);
      await refuses(world.outflow(), "SequencerDown", 0);
      await feed.setBroken!(false);
      await feed.setAt!(0, 0);
      await refuses(world.outflow(), "SequencerDown", 0);
      await oracle.exitMarket!(1);
    });

    it("G23: the clock stands still from when it went down until attesting is possible again, to the second", async () => {
      await feed.set!(1);
      const down = await clock();
      await world.time.increase(200);
      expect(await clock()).to.equal(down);
      await feed.set!(0);
      const up = await world.now();
      expect(await clock()).to.equal(down);
      await world.time.increase(1000);
      await world.publish();
      for (const [time, ran, usable] of [
        [up + GRACE - 1n, 0n, false],
        [up + GRACE, 0n, true],
        [up + GRACE + 5n, 5n, true],
      ] as const) {
        await at(time);
        expect((await clock()) - down).to.equal(ran);
        if (usable) await world.evidence();
        else await refuses(world.evidence(), "SequencerDown");
      }
    });

    it("G23: it goes down and up again twice between two epochs: what ran between counts", async () => {
      const { time } = await world.standing();
      const start = await clock();
      const began = await world.now();
      await feed.setAt!(1, began + 10n);
      await feed.setAt!(0, began + 20n);
      // Up for its grace and 30 seconds more, which a fresh epoch does not see any more: nothing runs.
      await feed.setAt!(1, began + 20n + GRACE + 30n);
      await feed.setAt!(0, began + 20n + GRACE + 40n);
      await at(began + GRACE + 100n);
      expect(time + maxAge).to.be.lessThan(began + 20n + GRACE);
      expect((await clock()) - start).to.equal(10n);
      expect((await clock()) - start).to.equal(10n);
    });

    it("M07: what came before the feed's history counts as up: a loss of it gives nobody time, and nobody more than that", async () => {
      const start = await clock();
      const began = await world.now();
      await feed.setAt!(1, began + 10n);
      await feed.setAt!(0, began + 500n);
      await at(began + 600n);
      expect((await clock()) - start).to.equal(10n);
      await feed.forget!();
      expect((await clock()) - start).to.equal(500n);
      // Then it is known to have been up again for less than its grace.
      await at(began + 700n);
      expect((await clock()) - start).to.equal(500n);
    });

    it("M07: what a call has acted on stays, whatever the feed says later", async () => {
      const began = await world.now();
      await at(began + 100n);
      await oracle.wind!(1);
      const acted = await clock();
      for (const change of [
        // Reports come late, and of what was before.
        () => feed.setAt!(1, began + 10n),
        () => feed.forget!(),
        () => feed.setBroken!(true),
        () => feed.setBroken!(false),
        () => feed.setAt!(0, began + 20n),
      ]) {
        await change();
        expect(await clock()).to.be.at.least(acted);
        await oracle.wind!(1);
        expect(await clock()).to.be.at.least(acted);
      }
      expect((await clock()) - acted).to.equal(0n);
    });

    it("M07: after more changes than are looked at, what came before them counts as up, and the board goes on", async () => {
      const start = await clock();
      const began = await world.now();
      for (let change = 0n; change < 40n; change++) await feed.setAt!(Number(1n - (change % 2n)), began + 10n + change);
      await at(began + 60n + GRACE);
      await world.publish();
      expect((await clock()) - start).to.be.within(10n, 60n + GRACE);
      await world.evidence();
    });

    it("M07: a feed that keeps no history is refused at deployment", async () => {
      const { registry, signers } = world;
      const bare = (await world.ethers.deployContract("TestFeed", [0, 0])) as unknown as Called;
      const made = () => world.ethers.deployContract("PriceOracle", [registry, bare, [signers[1]!.address], 1]);
      await bare.setBroken!(true);
      await refuses(made(), "SequencerRefused", await bare.getAddress());
      await bare.setBroken!(false);
      // Nor one that says nothing by number, or another time than it said.
      for (const history of [HISTORY.none, HISTORY.other]) {
        await bare.setHistory!(history);
        await refuses(made(), "SequencerRefused", await bare.getAddress());
      }
      const curt = await world.ethers.deployContract("Answerer", [128]);
      const told = world.ethers.deployContract("PriceOracle", [registry, curt, [signers[1]!.address], 1]);
      await refuses(told, "SequencerRefused", await curt.getAddress());
      await bare.setHistory!(HISTORY.kept);
      await made();
    });

    it("M07: so does what came before a round that a feed has as zeros, and before its first, whatever the number of that", async () => {
      const start = await clock();
      const began = await world.now();
      await feed.setAt!(1, began + 10n);
      await feed.setAt!(0, began + 500n);
      await at(began + 600n);
      expect((await clock()) - start).to.equal(10n);
      for (const lost of [
        async () => {
          await feed.setHistory!(HISTORY.zeros);
          await feed.forget!();
        },
        () => feed.restart!(),
      ]) {
        await lost();
        expect((await clock()) - start).to.equal(500n);
      }
    });

    it("O04: a time so late that an hour after it is no time at all is not one since when it is up", async () => {
      await world.outflow();
      const start = await clock();
      const [began, never] = [await world.now(), (1n << 64n) - 1n];
      await feed.setAt!(0, never);
      await refuses(world.outflow(), "SequencerDown", never);
      await oracle.exitMarket!(1);
      // Until then it was up, by the round before.
      await at(began + 100n);
      expect((await clock()) - start).to.equal(100n);
    });

    it("V16: where attesting is possible now the clock runs now, and nowhere else, whatever happens, and it never falls", async function () {
      this.timeout(120_000);
      const rng = seededRng(31);
      let [last, lastTime] = [await clock(), await world.now()];
      let up = true;
      for (let step = 0; step < 60; step++) {
        await world.time.increase(rng.between(1n, 6000n));
        const kind = rng.below(6n);
        if (kind <= 1n) await world.publish();
        if (kind === 2n) await world.publish({ prices: priced(rng.between(0n, 1n) * 100_000n * E8, 4_000n * E8) });
        if (kind === 3n) await asGuardian().pause!(1, rng.below(4n) * 900n).catch(() => {});
        if (kind === 4n) {
          await feed.set!(up ? 1 : 0);
          up = !up;
        }
        const [now, nowTime] = [await clock(), await world.now()];
        expect(now - last).to.be.within(0n, nowTime - lastTime);
        const possible = await world.evidence().then(
          () => true,
          () => false,
        );
        // The next second: it runs where attesting is possible, unless the second is the one in which that ends.
        if (possible) {
          await at(nowTime + 1n);
          const still = await world.evidence().then(
            () => true,
            () => false,
          );
          if (still) expect((await clock()) - now).to.equal(1n);
        }
        [last, lastTime] = [await clock(), await world.now()];
      }
    });
  });
});
