// SPDX-License-Identifier: GPL-3.0-or-later
// No proofs: simulated keys, whose points the contracts multiply like any others.
import { expect } from "chai";
import { AbiCoder, keccak256 } from "ethers";
import { type ChainPolicy, chainPolicy, type PolicyTerms } from "../../prover/src/chain/publication.ts";
import { type HaircutSchedule, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { marketSignals, policySignals } from "../../prover/src/statement/account.ts";
import type { QuantityLots, RateBps, ScanLots, WeightBps } from "../../prover/src/units.ts";
import { randomPolicy, seededRng } from "../support/random.ts";
import { DAY, E8, keysOf, MAX_MOVE_BPS, Markets, PLAIN, POLICY, routerOf, TERMS, TIMELOCK } from "./markets.ts";
import { pointOf } from "./points.ts";

const { levels, terms } = TERMS;
const pointOfPolicy = (key: Parameters<typeof pointOf>[0], policy: Policy) =>
  pointOf(key, [...policySignals(policy), policy.debtRateBps]);

describe("policy registry", () => {
  let world: Markets;
  let registry: Markets["registry"];
  let snapshot: { restore(): Promise<void> };

  before(async () => {
    world = await Markets.create("board-60");
    await world.publish();
    registry = world.registry;
  });
  beforeEach(async () => {
    snapshot = await world.chain.networkHelpers.takeSnapshot();
  });
  afterEach(async () => {
    await snapshot.restore();
    world.epoch = 1n;
  });

  const refuses = (sent: Promise<unknown>, error: string, ...values: unknown[]) =>
    values.length === 0
      ? expect(sent).to.be.revertedWithCustomError(registry, error)
      : expect(sent)
          .to.be.revertedWithCustomError(registry, error)
          .withArgs(...values);
  const changed = (changes: Partial<PolicyTerms> = {}, policy: Policy = POLICY) => world.policy(changes, policy);
  const withTerms = (change: Partial<PolicyTerms["terms"]>) => changed({ terms: { ...terms, ...change } });
  const withTier = (asset: number, tier: number, change: { boundaryLots?: bigint; weightBps?: bigint }): Policy => {
    const schedule = POLICY.schedules[asset]!;
    const tiers = schedule.with(tier, { ...schedule[tier]!, ...change } as HaircutSchedule[number]);
    return { ...POLICY, schedules: POLICY.schedules.with(asset, tiers) };
  };
  const scaled = (asset: number, bps: bigint): Policy => ({
    ...POLICY,
    schedules: POLICY.schedules.with(
      asset,
      POLICY.schedules[asset]!.map(({ boundaryLots, weightBps }) => ({
        boundaryLots,
        weightBps: ((weightBps * bps) / 10_000n) as WeightBps,
      })),
    ),
  });
  const hash = (policy: ChainPolicy) => {
    const input = registry.interface.getFunction("enact")!.inputs[1]!;
    return keccak256(AbiCoder.defaultAbiCoder().encode([input], [policy]));
  };
  async function put(policy: ChainPolicy) {
    await registry.propose!(1, policy);
    await world.time.increase(TIMELOCK);
    await registry.enact!(1, policy);
  }
  const guardian = () => world.as(world.guardian, registry);
  const policyId = async () => (await world.latest()).policyId;
  const expected = (policy: Policy) => {
    const { x, y } = pointOf(world.keys.accounts.key, marketSignals(policy, world.market));
    return [x, y];
  };

  describe("points", () => {
    it("of random policies are those of the model's signals, intercepts among them", async () => {
      const rng = seededRng(12);
      for (const flavour of ["saturated", "boundary", "typical"] as const) {
        const policy = randomPolicy(rng, flavour);
        await registry.createBoard!(world.router, 60, chainPolicy(policy, TERMS));
        const { policyPoint } = (await registry.boardOf!(await registry.boards!())) as { policyPoint: bigint[] };
        const { x, y } = pointOfPolicy(world.keys.accounts.key, policy);
        expect(policyPoint).to.deep.equal([x, y]);
      }
    });

    it("O09: a new haircut changes the policy's id and the market's point at once, whatever epoch stands", async () => {
      const tighter = scaled(0, 9_000n);
      await guardian().tighten!(1, changed({}, tighter));
      expect(await policyId()).to.equal(2);
      expect((await world.latest()).point).to.deep.equal(expected(tighter));
      await world.publish();
      expect((await world.latest()).point).to.deep.equal(expected(tighter));
    });

    it("a policy put in force while an epoch is being opened is part of the point that results", async () => {
      const made = await world.make();
      await world.open(made);
      await guardian().tighten!(1, changed({}, scaled(1, 9_500n)));
      await world.oracle.resume!(1, 2, made.parts, []);
      expect((await world.latest()).point).to.deep.equal(expected(scaled(1, 9_500n)));
    });
  });

  describe("proposals", () => {
    it("V14: a loosened policy is refused before its time, and taken then from anyone", async () => {
      const looser = changed({}, withTier(0, 3, { boundaryLots: 1100n * E8 }));
      await refuses(registry.enact!(1, looser), "NotProposed", 1, hash(looser));
      await registry.propose!(1, looser);
      const ready = (await world.now()) + TIMELOCK;
      expect(await registry.readyAt!(1, hash(looser))).to.equal(ready);
      await world.time.setNextBlockTimestamp(ready - 1n);
      await refuses(registry.enact!(1, looser), "TooEarly", ready, ready - 1n);
      await world.as(world.signers[9]!, registry).enact!(1, looser);
      expect(await policyId()).to.equal(2);
      const { boundaryLots } = (await registry.policyOf!(1)) as unknown as { boundaryLots: bigint[][] };
      expect(boundaryLots[0]).to.deep.equal(looser.boundaryLots[0]);
      await refuses(registry.enact!(1, looser), "NotProposed");
    });

    it("V14: another policy than the one proposed is not proposed, nor for another board", async () => {
      await registry.createBoard!(world.router, 60, changed());
      const proposed = changed({ maxAge: 3000n });
      await registry.propose!(1, proposed);
      await world.time.increase(TIMELOCK);
      await refuses(registry.enact!(1, changed({ maxAge: 3001n })), "NotProposed");
      await refuses(registry.enact!(2, proposed), "NotProposed");
    });

    it("lapse when nobody enacts them", async () => {
      const policy = changed({ maxAge: 3000n });
      await registry.propose!(1, policy);
      const ready = (await world.now()) + TIMELOCK;
      await world.time.setNextBlockTimestamp(ready + 14n * DAY + 1n);
      await refuses(registry.enact!(1, policy), "ProposalLapsed", ready, ready + 14n * DAY + 1n);
    });

    it("are withdrawn by owner and guardian, and by nobody else", async () => {
      const policy = changed({ maxAge: 3000n });
      for (const by of [world.signers[0]!, world.guardian]) {
        await registry.propose!(1, policy);
        await refuses(
          world.as(world.signers[9]!, registry).withdraw!(1, hash(policy)),
          "OwnableUnauthorizedAccount",
          world.signers[9]!.address,
        );
        await world.as(by, registry).withdraw!(1, hash(policy));
        await refuses(registry.withdraw!(1, hash(policy)), "NotProposed", 1, hash(policy));
        await world.time.increase(TIMELOCK);
        await refuses(registry.enact!(1, policy), "NotProposed");
      }
    });

    it("only the owner creates boards, proposes, and names the guardian", async () => {
      const stranger = world.as(world.guardian, registry);
      for (const [method, ...args] of [
        ["createBoard", world.router, 60, changed()],
        ["propose", 1, changed()],
        ["proposeKeys", 1, world.router],
        ["setGuardian", world.signers[9]!.address],
      ] as const) {
        await refuses(stranger[method]!(...args), "OwnableUnauthorizedAccount", world.guardian.address);
      }
      await registry.setGuardian!(world.signers[9]!.address);
      await refuses(guardian().tighten!(1, changed({ maxAge: 3000n })), "NotGuardian", world.guardian.address);
    });
  });

  describe("bounded changes", () => {
    it("O07: no quantity's value moves by more than the bound, at any boundary of either policy", async () => {
      const limit = 10_000n - MAX_MOVE_BPS;
      await registry.propose!(1, changed({}, scaled(0, limit)));
      const beyond = withTier(0, 0, { weightBps: 7_599n });
      const lower = beyond.schedules[0]!.map((tier) => ({ ...tier, weightBps: 7_599n as WeightBps })).slice(0, 3);
      const schedules = POLICY.schedules.with(0, [...lower, POLICY.schedules[0]![3]!]);
      await refuses(
        registry.propose!(1, changed({}, { ...POLICY, schedules })),
        "ValueMoved",
        0,
        50n * E8,
        9_500n * 50n * E8,
        7_599n * 50n * E8,
      );
    });

    it("O07: the first slope is bounded too, by a boundary that the old policy has not", async () => {
      const [first, ...rest] = POLICY.schedules[0]!;
      const sliver = [
        { boundaryLots: 1n as QuantityLots, weightBps: 9_500n as WeightBps },
        { boundaryLots: first!.boundaryLots, weightBps: 100n as WeightBps },
        { boundaryLots: rest[1]!.boundaryLots, weightBps: 100n as WeightBps },
        { boundaryLots: rest[2]!.boundaryLots, weightBps: 100n as WeightBps },
      ];
      await refuses(
        registry.propose!(1, changed({}, { ...POLICY, schedules: POLICY.schedules.with(0, sliver) })),
        "ValueMoved",
      );
    });

    it("O07: levels move by no more than the bound", async () => {
      await registry.propose!(1, changed({ levels: { ...levels, initial: 18_000n, call: 14_400n } }));
      for (const [change, before, after] of [
        [{ initial: 18_001n }, 15_000n, 18_001n],
        [{ call: 14_401n }, 12_000n, 14_401n],
        [{ liquidation: 7_999n }, 10_000n, 7_999n],
        [{ closeOut: 4_799n }, 6_000n, 4_799n],
      ] as const) {
        await refuses(registry.propose!(1, changed({ levels: { ...levels, ...change } })), "LevelMoved", before, after);
      }
    });

    it("O07: are bounded against the policy in force when they are enacted", async () => {
      const up = changed({}, scaled(0, 10_500n));
      await registry.propose!(1, up);
      await world.time.increase(TIMELOCK);
      await guardian().tighten!(1, changed({}, scaled(0, 8_500n)));
      await refuses(registry.enact!(1, up), "ValueMoved");
    });

    it("O10: assets are listed and delisted through the timelock, at any value", async () => {
      const listed = { ...POLICY, schedules: POLICY.schedules.with(2, POLICY.schedules[0]!) };
      await put(changed({}, listed));
      expect(((await registry.boardOf!(1)) as unknown as { listed: bigint }).listed).to.equal(7);
      const delisted = { ...listed, schedules: listed.schedules.with(1, UNLISTED) };
      await put(changed({}, delisted));
      expect(((await registry.boardOf!(1)) as unknown as { listed: bigint }).listed).to.equal(5);
      // Nothing is refused for it: its price is of no matter, and it counts nothing.
      await world.sources.configure!(1, 2, PLAIN);
      await world.publish({ prices: world.market.prices.with(1, 0n as never).with(2, E8 as never) });
      expect((await world.latest()).complete).to.equal(true);
    });
  });

  describe("debt and the scan", () => {
    const withDebt = (rate: bigint): Policy => ({ ...POLICY, debtRateBps: rate as RateBps });
    const withScan = (lots: bigint): Policy => ({ ...POLICY, scanLots: POLICY.scanLots.with(0, lots as ScanLots) });

    it("R08: the rate of debt moves by the limit at a time, up and down, and is at most the whole debt", async () => {
      await refuses(registry.propose!(1, changed({}, withDebt(MAX_MOVE_BPS + 1n))), "DebtRateMoved", 0, 2_001);
      await put(changed({}, withDebt(MAX_MOVE_BPS)));
      await refuses(registry.propose!(1, changed({}, withDebt(2n * MAX_MOVE_BPS + 1n))), "DebtRateMoved", 2_000, 4_001);
      await put(changed({}, withDebt(2n * MAX_MOVE_BPS)));
      await refuses(registry.propose!(1, changed({}, withDebt(MAX_MOVE_BPS - 1n))), "DebtRateMoved", 4_000, 1_999);
      await refuses(
        registry.createBoard!(world.router, 60, { ...changed(), debtRateBps: 10_001n }),
        "DebtRateRefused",
        10_001,
      );
    });

    it("the guardian raises the rate of debt at once, and does not lower it", async () => {
      await put(changed({}, withDebt(100n)));
      await refuses(guardian().tighten!(1, changed({}, withDebt(99n))), "TermsNotTighter");
      await guardian().tighten!(1, changed({}, withDebt(300n)));
      const { debtRateBps } = (await registry.policyOf!(1)) as unknown as { debtRateBps: bigint };
      expect(debtRateBps).to.equal(300n);
    });

    it("R09: what is in the scan changes through the timelock, and by nobody at once", async () => {
      await refuses(guardian().tighten!(1, changed({}, withScan(100_000n))), "TermsNotTighter");
      await put(changed({}, withScan(100_000n)));
      const { policyPoint } = (await registry.boardOf!(1)) as { policyPoint: bigint[] };
      const { x, y } = pointOfPolicy(world.keys.accounts.key, withScan(100_000n));
      expect(policyPoint).to.deep.equal([x, y]);
      await refuses(guardian().tighten!(1, changed()), "TermsNotTighter");
    });

    it("R09: a scan lot of which an account can hold 2^31 is refused, wherever a policy comes from: it would have no proof", async () => {
      // What counts of asset 0 is 50 · 95% + 50 · 90% + 400 · 80% + 500 · 50% = 662.5, of lots of 10^-8.
      const least = (6625n * E8) / 10n / (1n << 31n) + 1n;
      expect(least).to.equal(31n);
      for (const lots of [1n, least - 1n]) {
        const small = changed({}, withScan(lots));
        await refuses(registry.propose!(1, small), "ScanLotsRefused", 0, lots);
        await refuses(registry.createBoard!(world.router, 60, small), "ScanLotsRefused", 0, lots);
      }
      await put(changed({}, withScan(least)));
      expect(((await registry.policyOf!(1)) as unknown as { scanLots: bigint[] }).scanLots[0]).to.equal(least);
    });

    it("R09: another scan lot comes by way of none, so that no row is scanned with the lots of another", async () => {
      await put(changed({}, withScan(100_000n)));
      const moved = registry.propose!(1, changed({}, withScan(10_000_000n)));
      await refuses(moved, "ScanLotsMoved", 0, 100_000, 10_000_000);
      await put(changed());
      await put(changed({}, withScan(10_000_000n)));
    });
  });

  describe("the guardian", () => {
    it("V14: tightens at once: haircuts, levels, ages, the slice cap", async () => {
      const tighter = changed(
        {
          levels: { initial: 16_000n, call: 13_000n, liquidation: 10_000n, closeOut: 6_500n },
          maxAge: 1800n,
          epochGrace: 0n,
          terms: { ...terms, maxSlice: terms.maxSlice / 2n },
        },
        scaled(0, 9_000n),
      );
      await guardian().tighten!(1, tighter);
      expect(await policyId()).to.equal(2);
      const head = (await registry.headOf!(1)) as unknown as Record<string, bigint>;
      expect([head.initial, head.maxAge, head.epochGrace]).to.deep.equal([16_000n, 1800n, 0n]);
      expect(((await registry.termsOf!(1)) as unknown as { maxSlice: bigint }).maxSlice).to.equal(terms.maxSlice / 2n);
    });

    it("V14: does not make any quantity count for more", async () => {
      await refuses(guardian().tighten!(1, changed({}, withTier(0, 3, { weightBps: 5_001n }))), "NotTighter");
      const listed = { ...POLICY, schedules: POLICY.schedules.with(2, POLICY.schedules[0]!) };
      await refuses(guardian().tighten!(1, changed({}, listed)), "NotTighter", 2, 50n * E8, 0, 9_500n * 50n * E8);
      // Less of the first quantity, more of the last.
      const crossed = withTier(0, 0, { weightBps: 9_400n }).schedules[0]!.with(3, {
        boundaryLots: (1200n * E8) as QuantityLots,
        weightBps: 5_000n as WeightBps,
      });
      await refuses(
        guardian().tighten!(1, changed({}, { ...POLICY, schedules: POLICY.schedules.with(0, crossed) })),
        "NotTighter",
      );
    });

    it("V14: does not loosen a level, an age, the grace or the slice cap, nor change another term", async () => {
      for (const policy of [
        changed({ levels: { ...levels, initial: 14_999n } }),
        changed({ levels: { ...levels, call: 11_999n } }),
        changed({ levels: { ...levels, liquidation: 9_999n } }),
        changed({ levels: { ...levels, closeOut: 5_999n } }),
        changed({ maxAge: 3601n }),
        changed({ epochGrace: 61n }),
        withTerms({ maxSlice: terms.maxSlice + 1n }),
        withTerms({ curePeriod: terms.curePeriod - 1n }),
        withTerms({ reward: 0n }),
        { ...changed(), boardTermsHash: `0x${"1".repeat(64)}` },
      ]) {
        await refuses(guardian().tighten!(1, policy), "TermsNotTighter");
      }
    });

    it("V14: moves nothing by more than the bound, delists nothing, and tightens once in a timelock", async () => {
      await refuses(
        guardian().tighten!(1, changed({}, { ...POLICY, schedules: POLICY.schedules.with(0, UNLISTED) })),
        "ValueMoved",
      );
      await refuses(guardian().tighten!(1, changed({ levels: { ...levels, initial: 18_001n } })), "LevelMoved");
      await guardian().tighten!(1, changed({ maxAge: 3000n }));
      const until = (await world.now()) + TIMELOCK;
      await world.time.setNextBlockTimestamp(until - 1n);
      await refuses(guardian().tighten!(1, changed({ maxAge: 2900n })), "TightenedLately", until);
      await guardian().tighten!(1, changed({ maxAge: 2900n }));
    });

    it("V14: nobody else tightens", async () => {
      await refuses(registry.tighten!(1, changed({ maxAge: 3000n })), "NotGuardian", world.signers[0]!.address);
    });
  });

  describe("ranges", () => {
    const both = async (policy: ChainPolicy, error: string, ...values: unknown[]) => {
      await refuses(registry.propose!(1, policy), error, ...values);
      await refuses(registry.createBoard!(world.router, 60, policy), error, ...values);
    };

    it("O12: refuses weights above 10000 or rising, and boundaries that fall", async () => {
      const good = changed();
      const weights = (asset: number, list: bigint[]) => ({ ...good, weightBps: good.weightBps.with(asset, list) });
      const boundaries = (asset: number, list: bigint[]) => ({
        ...good,
        boundaryLots: good.boundaryLots.with(asset, list),
      });
      await both(weights(3, [10_001n, 0n, 0n, 0n]), "WeightNotDescending", 3, 0);
      await both(weights(14, [9n, 8n, 7n, 8n]), "WeightNotDescending", 14, 3);
      await both(boundaries(0, [5n, 6n, 5n, 7n]), "BoundaryNotAscending", 0, 2);
    });

    it("O12: refuses levels out of order, zero, or beyond 20 bits", async () => {
      for (const change of [
        { initial: 11_999n },
        { liquidation: 12_001n },
        { closeOut: 10_001n },
        { closeOut: 0n },
        { initial: 1n << 20n },
      ]) {
        await both(changed({ levels: { ...levels, ...change } }), "LevelsNotDescending");
      }
    });

    it("O12: refuses an age of zero or beyond a week, and a grace beyond the age", async () => {
      await both(changed({ maxAge: 0n, epochGrace: 0n }), "AgeRefused", 0, 0, 7n * DAY);
      await both(changed({ maxAge: 7n * DAY + 1n }), "AgeRefused");
      await both(changed({ maxAge: 60n, epochGrace: 61n }), "AgeRefused");
    });

    it("O12: refuses periods of zero or beyond 90 days, bps above 10000, levies above 1%, dust above the cap", async () => {
      const long = 90n * DAY + 1n;
      for (const change of [
        { curePeriod: 0n },
        { curePeriod: long },
        { attestInterval: 0n },
        { attestInterval: long },
        { stopLimit: long },
        { auctionDuration: 0n },
        { auctionDuration: long },
        { premiumBps: 10_001n },
        { discountBps: 10_001n },
        { levyBps: 101n },
        { dust: terms.maxSlice + 1n },
      ]) {
        await both(withTerms(change), "TermsRefused");
      }
    });

    it("refuses a timelock of none or too long, and a bound of none or everything", async () => {
      const deploy = (timelock: bigint, bound: bigint) =>
        world.ethers.deployContract("PolicyRegistry", [world.signers[0], world.signers[1], timelock, bound]);
      await refuses(deploy(0n, 1n), "TimelockRefused", 0);
      await refuses(deploy(90n * DAY + 1n, 1n), "TimelockRefused", 90n * DAY + 1n);
      await refuses(deploy(1n, 0n), "MoveLimitRefused", 0);
      await refuses(deploy(1n, 10_000n), "MoveLimitRefused", 10_000);
    });
  });

  describe("boards and keys", () => {
    it("V07: refuses a router without code, and a size without a verifier", async () => {
      const nobody = world.signers[9]!.address;
      await refuses(registry.createBoard!(nobody, 60, changed()), "RouterRefused", nobody);
      await refuses(registry.proposeKeys!(1, nobody), "RouterRefused", nobody);
      await expect(registry.createBoard!(world.router, 240, changed()))
        .to.be.revertedWithCustomError(world.router, "SizeUnknown")
        .withArgs(240);
    });

    it("V15: keys are rotated after the timelock, by anyone, to those proposed", async () => {
      const keys = keysOf("board-60", 9n);
      const router = await routerOf(world.chain, world.signers[0]!, "board-60", keys);
      await refuses(registry.proposeKeys!(1, world.router), "KeyUnchanged", await world.router.verifierOf!(60));
      await refuses(registry.rotate!(1, router), "NotProposed");
      await registry.proposeKeys!(1, router);
      const ready = (await world.now()) + TIMELOCK;
      await world.time.setNextBlockTimestamp(ready - 1n);
      await refuses(registry.rotate!(1, router), "TooEarly", ready, ready - 1n);
      await world.as(world.signers[9]!, registry).rotate!(1, router);
      const { policyPoint, verifier } = (await registry.boardOf!(1)) as unknown as {
        policyPoint: bigint[];
        verifier: string;
      };
      expect(verifier).to.equal(await router.verifierOf!(60));
      const { x, y } = pointOfPolicy(keys.accounts.key, POLICY);
      expect(policyPoint).to.deep.equal([x, y]);
      expect(await registry.settlementVerifierOf!(1)).to.equal(await router.settlementVerifierOf!(60));
    });

    it("unknown boards do not exist", async () => {
      for (const [method, ...args] of [
        ["headOf", 7],
        ["boardOf", 7],
        ["policyOf", 7],
        ["termsOf", 7],
        ["settlementVerifierOf", 7],
        ["propose", 7, changed()],
        ["proposeKeys", 7, world.router],
        ["enact", 7, changed()],
        ["rotate", 7, world.router],
      ] as const) {
        await refuses(registry[method]!(...args), "BoardUnknown", 7);
      }
      await refuses(guardian().tighten!(7, changed()), "BoardUnknown", 7);
    });
  });
});
