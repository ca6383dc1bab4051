// SPDX-License-Identifier: GPL-3.0-or-later
// No proofs: simulated keys, whose secrets make links.
import { expect } from "chai";
import { concat, keccak256, toBeHex } from "ethers";
import { FAMILY_IDS } from "../../prover/src/chain/carrier.ts";
import {
  boardTermsBytes,
  type ChainPolicy,
  chainPolicy,
  type PolicyTerms,
} from "../../prover/src/chain/publication.ts";
import { type HaircutSchedule, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { marketSignals, policySignals } from "../../prover/src/statement/signals.ts";
import type { QuantityLots, RateBps, ScanLots, WeightBps } from "../../prover/src/units.ts";
import { randomPolicy, seededRng } from "../support/random.ts";
import {
  type Called,
  DAY,
  E8,
  type Keys,
  keysOf,
  MAX_MOVE_BPS,
  Markets,
  NO_HASH,
  PLAIN,
  POLICY,
  routerOf,
  TERMS,
  TIMELOCK,
  ZERO,
} from "./markets.ts";
import { pointOf } from "./points.ts";

const { levels, terms } = TERMS;

describe("policy registry", () => {
  let world: Markets;
  let registry: Called;
  let rules: Called;
  let keys: Keys;
  let snapshot: { restore(): Promise<void> };

  before(async () => {
    world = await Markets.create("board-60");
    await world.publish();
    ({ keys, registry } = world);
    rules = (await world.ethers.getContractAt("PolicyRules", await registry.rules!())) as unknown as Called;
  });
  beforeEach(async () => {
    snapshot = await world.chain.networkHelpers.takeSnapshot();
  });
  afterEach(async () => {
    await snapshot.restore();
    world.epoch = 1n;
    world.keys = keys;
  });

  const refusedBy = (contract: Called, sent: Promise<unknown>, error: string, ...values: unknown[]) => {
    const refused = expect(sent).to.be.revertedWithCustomError(contract, error);
    return values.length === 0 ? refused : refused.withArgs(...values);
  };
  const refuses = (sent: Promise<unknown>, error: string, ...values: unknown[]) =>
    refusedBy(registry, sent, error, ...values);
  /** By what the registry asks of policies. */
  const breaks = (sent: Promise<unknown>, error: string, ...values: unknown[]) =>
    refusedBy(rules, sent, error, ...values);
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
  /** Links the policy under the board's keys. */
  const link = (policy: Policy) => world.linkKeys(world.router, world.keys, policy);
  const set = (policy: ChainPolicy) => world.setUp(registry, "setPolicy", 1, policy);
  /** Links and sets. */
  async function put(policy: Policy, changes: Partial<PolicyTerms> = {}) {
    await link(policy);
    await set(changed(changes, policy));
  }
  const create = (policy: ChainPolicy) => world.setUp(registry, "createBoard", world.router, 60, policy);
  const guardian = () => world.as(world.guardian, registry);
  const version = async () => {
    const { policyId } = (await registry.headOf!(1)) as unknown as { policyId: bigint };
    return (await registry.versionOf!(1, policyId)) as unknown as Record<string, bigint>;
  };
  const policyId = async () => ((await registry.headOf!(1)) as unknown as { policyId: bigint }).policyId;
  const expected = (policy: Policy) => {
    const { x, y } = pointOf(world.key(FAMILY_IDS.account).key, marketSignals(policy, world.market));
    return [x, y];
  };
  const pointOfPolicy = async (board: bigint, id: bigint, family: bigint = FAMILY_IDS.account) =>
    registry.pointOf!(board, id, await world.router.verifierOf!(60, family));

  describe("points", () => {
    it("of random policies are those of the model's signals under every family, intercepts among them", async () => {
      const rng = seededRng(12);
      for (const flavour of ["saturated", "boundary", "typical"] as const) {
        const policy = randomPolicy(rng, flavour);
        await link(policy);
        await create(chainPolicy(policy, TERMS));
        const board = (await registry.boards!()) as unknown as bigint;
        for (const [family, first] of [
          [FAMILY_IDS.account, 6],
          [FAMILY_IDS.lot, 12],
          [FAMILY_IDS.round(3), 8],
        ] as const) {
          const { x, y } = pointOf(world.key(family).key, policySignals(policy), first);
          expect(await pointOfPolicy(board, 1n, family)).to.deep.equal([x, y]);
        }
      }
    });

    it("V20: a policy comes into force under no key that its values are not linked under", async () => {
      const policy = scaled(0, 9_000n);
      const missing = (sent: Promise<unknown>) => refusedBy(world.points, sent, "PolicyNotLinked");
      await missing(set(changed({}, policy)));
      await missing(guardian().tighten!(1, changed({}, policy)) as Promise<unknown>);
      await world.linkKeys(world.router, world.keys.slice(0, 3), policy);
      await missing(set(changed({}, policy)));
      await link(policy);
      await set(changed({}, policy));
    });

    it("V20: takes no point of other values, another group, registry or key", async () => {
      const { exitStatement, policyStatement } = await import("../../prover/src/chain/carrier.ts");
      const key = world.key(FAMILY_IDS.account);
      const verifier = (await world.ethers.getContractAt(
        "AccountVerifier",
        await world.router.verifierOf!(60, FAMILY_IDS.account),
      )) as unknown as Called;
      const place = { chainId: 31_337n, address: await world.points.getAddress() };
      const statement = policyStatement(place, scaled(0, 9_000n));
      const other = policyStatement(place, scaled(0, 8_900n));
      const elsewhere = policyStatement({ ...place, address: ZERO }, scaled(0, 9_000n));
      const link = (given: typeof statement, by = key) =>
        world.points.linkPolicy!(verifier, statement.values, by.link(given));
      await refusedBy(verifier, link(other), "LinkFalse");
      await refusedBy(verifier, link(elsewhere), "LinkFalse");
      await refusedBy(verifier, link(statement, world.key(FAMILY_IDS.lot)), "LinkFalse");
      const short = world.points.linkPolicy!(verifier, statement.values.slice(1), key.link(statement));
      await refusedBy(world.points, short, "ValuesWrong", 195, 194);
      const exit = key.link({ ...exitStatement(place, "board-60"), fixedBy: NO_HASH.replace("0x00", "0x01") });
      await refusedBy(verifier, world.points.linkExit!(verifier, exit), "LinkFalse");
      await link(statement);
    });

    it("V07: what answers as a verifier links what it likes for itself alone, and no point off the curve is added to another", async () => {
      const { exitStatement, policyStatement } = await import("../../prover/src/chain/carrier.ts");
      const { exitValues } = await import("../../prover/src/model/exit-market.ts");
      const key = world.key(FAMILY_IDS.account);
      const place = { chainId: 31_337n, address: await world.points.getAddress() };
      const { values } = policyStatement(place, exitValues("board-60").policy);
      const link = key.link(exitStatement(place, "board-60"));
      const spoilt = { ...link, point: { x: 5n, y: 5n } };
      const liar = await world.ethers.deployContract("FalseVerifier", [60, FAMILY_IDS.account, 6]);
      const real: string = await world.router.verifierOf!(60, FAMILY_IDS.account);
      const before = await world.points.exitPointOf!(real);
      await world.points.linkPolicy!(liar, values, spoilt);
      expect(await world.points.pointOf!(liar, await world.points.exitPolicy!())).to.deep.equal([5n, 5n]);
      await refusedBy(world.points, world.points.linkExit!(liar, link), "PrecompileFailed", 6);
      await refusedBy(world.points, world.points.exitPointOf!(liar), "ExitNotLinked", await liar.getAddress());
      expect(await world.points.exitPointOf!(real)).to.deep.equal(before);
      // One that answers with another word links nothing.
      const other = await world.ethers.deployContract("Answerer", [32]);
      const refused = world.points.linkPolicy!(other, values, link);
      await refusedBy(world.points, refused, "VerifierRefused", await other.getAddress());
    });

    it("O09, G09: a policy binds the epochs that are opened under it, and what leaves waits for the first of them", async () => {
      const next = scaled(0, 9_000n);
      await put(next);
      await refusedBy(world.oracle, world.outflow(), "EpochOfFormerPolicy", 1, 1, 1, 2);
      await refusedBy(world.oracle, world.oracle.rounds!(1, 3), "EpochOfFormerPolicy");
      for (const market of [await world.evidence(), await world.attesting(1n)]) {
        expect(market.policyId).to.equal(1n);
        expect(market.point).to.deep.equal(expected(POLICY));
      }
      await world.publish();
      for (const market of [await world.outflow(), await world.evidence(), await world.attesting(2n)]) {
        expect(market.policyId).to.equal(2n);
        expect(market.point).to.deep.equal(expected(next));
      }
      expect((await world.attesting(1n)).policyId).to.equal(1n);
    });

    it("G09: an asset that is listed counts from the first epoch that has appraised it, and at no raw report", async () => {
      const listed = { ...POLICY, schedules: POLICY.schedules.with(2, POLICY.schedules[0]!) };
      const prices = world.market.prices.with(2, (1n << 60n) as never);
      await world.publish({ prices });
      await put(listed);
      await refusedBy(world.oracle, world.outflow(), "EpochOfFormerPolicy");
      expect((await world.evidence()).point).to.deep.equal(
        (() => {
          const { x, y } = pointOf(
            world.key(FAMILY_IDS.account).key,
            marketSignals(POLICY, { ...world.market, prices }),
          );
          return [x, y];
        })(),
      );
      // Nobody says where its price comes from: it has none.
      await world.publish({ prices });
      expect((await world.outflow()).point).to.deep.equal(expected(listed));
      await refusedBy(world.oracle, world.evidence(), "EpochIncomplete", 1, 3);
    });
  });

  describe("the queue", () => {
    const setting = async (policy: ChainPolicy) => {
      const { data } = await registry.getFunction("setPolicy").populateTransaction(1, policy);
      return [await registry.getAddress(), 0n, data, NO_HASH, NO_HASH] as const;
    };
    const tighter = () => changed({ maxAge: 3000n });
    const queueRefuses = (sent: Promise<unknown>, error: string, ...values: unknown[]) =>
      refusedBy(world.queue, sent, error, ...values);
    const owner = () => world.signers[0]!;

    it("V14: a change is refused before its time, and taken then from anyone, once", async () => {
      const call = await setting(tighter());
      await queueRefuses(world.queue.execute!(...call), "TimelockUnexpectedOperationState");
      await world.queue.schedule!(...call, TIMELOCK);
      const ready = (await world.now()) + TIMELOCK;
      await world.time.setNextBlockTimestamp(ready - 1n);
      await queueRefuses(world.queue.execute!(...call), "TimelockUnexpectedOperationState");
      await world.as(world.signers[9]!, world.queue).execute!(...call);
      expect(await policyId()).to.equal(2n);
      await queueRefuses(world.queue.execute!(...call), "TimelockUnexpectedOperationState");
    });

    it("V14: a policy changes once in a delay, however many changes have waited together", async () => {
      await world.queue.close!();
      const calls = [await setting(changed({ maxAge: 3000n })), await setting(changed({ maxAge: 2900n }))];
      for (const call of calls) await world.queue.schedule!(...call, TIMELOCK);
      await world.time.increase(TIMELOCK);
      await world.queue.execute!(...calls[0]!);
      const until = (await world.now()) + TIMELOCK;
      await refuses(world.queue.execute!(...calls[1]!), "ChangedLately", until);
      await world.time.increaseTo(until);
      await world.queue.execute!(...calls[1]!);
      expect(await policyId()).to.equal(3n);
    });

    it("M20: a change of two moves, that the queue alone may not make, is not made behind the guardian's tightening either", async () => {
      const raised = (bps: bigint) =>
        changed({
          levels: Object.fromEntries(
            Object.entries(levels).map(([name, level]) => [name, (level * bps) / 10_000n]),
          ) as unknown as typeof levels,
        });
      await world.queue.close!();
      const [once, twice] = [raised(11_900n), await setting(raised(14_000n))];
      await world.queue.schedule!(...twice, TIMELOCK);
      await world.time.increase(TIMELOCK);
      await breaks(world.queue.execute!(...twice), "LevelMoved");
      await guardian().tighten!(1, once);
      // It would be evidence in the next epoch, with no cure period.
      const until = (await world.now()) + TIMELOCK;
      await refuses(world.queue.execute!(...twice), "ChangedLately", until);
      await world.time.setNextBlockTimestamp(until);
      await world.queue.execute!(...twice);
    });

    it("V14: gives the power over its roles to nobody, not even while it is set up", async () => {
      const admin = await world.queue.DEFAULT_ADMIN_ROLE!();
      const { data } = await world.queue.getFunction("grantRole").populateTransaction(admin, owner().address);
      await queueRefuses(world.queue.setUp!(await world.queue.getAddress(), data), "RoleRefused", owner().address);
    });

    it("V14: another call than the one that waited is not carried out", async () => {
      await world.queue.schedule!(...(await setting(tighter())), TIMELOCK);
      await world.time.increase(TIMELOCK);
      const other = await setting(changed({ maxAge: 3001n }));
      await queueRefuses(world.queue.execute!(...other), "TimelockUnexpectedOperationState");
    });

    it("lapses when nobody executes it, and can be scheduled again", async () => {
      const call = await setting(tighter());
      await world.queue.schedule!(...call, TIMELOCK);
      const ready = (await world.now()) + TIMELOCK;
      await world.time.setNextBlockTimestamp(ready + 14n * DAY + 1n);
      await queueRefuses(world.queue.execute!(...call), "TimelockUnexpectedOperationState");
      await world.queue.schedule!(...call, TIMELOCK);
      const again = (await world.now()) + TIMELOCK;
      await world.time.setNextBlockTimestamp(again + 14n * DAY);
      await world.queue.execute!(...call);
    });

    it("V14, G04: owner and guardian cancel what waits, and nobody else; the queue cannot take that from the guardian", async () => {
      const role = await world.queue.CANCELLER_ROLE!();
      for (const by of [owner(), world.guardian]) {
        const call = await setting(tighter());
        await world.queue.schedule!(...call, TIMELOCK);
        const id = await world.queue.hashOperation!(...call);
        const stranger = world.as(world.signers[9]!, world.queue).cancel!(id);
        await queueRefuses(stranger, "AccessControlUnauthorizedAccount", world.signers[9]!.address, role);
        await world.as(by, world.queue).cancel!(id);
        await world.time.increase(TIMELOCK);
        await queueRefuses(world.queue.execute!(...call), "TimelockUnexpectedOperationState");
        await world.queued(world.queue, "revokeRole", role, world.guardian.address);
      }
    });

    it("G04: nothing that can loosen anything is anybody's at once: not the owner's, nor the guardian's, nor a stranger's", async () => {
      await world.queue.close!();
      const { oracle, sources, quorum } = world;
      for (const by of [owner(), world.guardian, world.signers[9]!]) {
        for (const [contract, method, ...args] of [
          [registry, "createBoard", world.router, 60, changed()],
          [registry, "setPolicy", 1, changed()],
          [registry, "rotate", 1, world.router],
          [oracle, "bindGate", 1, world.router],
          [sources, "configure", 1, 0, PLAIN],
          [quorum, "setReporters", [by.address], 1],
        ] as [Called, string, ...unknown[]][]) {
          await refusedBy(contract, world.as(by, contract)[method]!(...args), "NotQueue", by.address);
        }
        const { data } = await registry.getFunction("setPolicy").populateTransaction(1, changed());
        const now = world.as(by, world.queue).setUp!(registry, data);
        await queueRefuses(now, by === owner() ? "QueueClosed" : "NotDeployer");
      }
    });

    it("G04: the queue has a floor of a day and a ceiling, whatever its delay is set to", async () => {
      for (const delay of [0n, DAY - 1n, 90n * DAY + 1n]) {
        const made = world.ethers.deployContract("Queue", [owner(), world.guardian, delay]);
        await queueRefuses(made, "DelayRefused", delay);
      }
      await world.queued(world.queue, "updateDelay", 0n);
      expect(await world.queue.getMinDelay!()).to.equal(DAY);
      const call = await setting(tighter());
      const soon = world.queue.schedule!(...call, DAY - 1n);
      await queueRefuses(soon, "TimelockInsufficientDelay", DAY - 1n, DAY);
      await queueRefuses(world.queue.updateDelay!(0n), "TimelockUnauthorizedCaller", owner().address);
      // Nor does it put a change off for ever.
      await world.queued(world.queue, "updateDelay", 1_000n * DAY);
      expect(await world.queue.getMinDelay!()).to.equal(90n * DAY);
      await queueRefuses(world.queue.schedule!(...call, 90n * DAY - 1n), "TimelockInsufficientDelay");
      await world.queue.schedule!(...call, 90n * DAY);
      await queueRefuses(world.ethers.deployContract("Queue", [ZERO, world.guardian, DAY]), "AddressZero");
    });

    it("G04: the guardian is replaced by itself at once, or by the queue after a second wait, in which it can still dismiss", async () => {
      const [next, other] = [world.signers[8]!, world.signers[9]!];
      await queueRefuses(world.queue.setGuardian!(next), "NotGuardian", owner().address);
      await queueRefuses(world.queue.succeed!(), "NoSuccessor");
      await world.queued(world.queue, "setGuardian", next.address);
      expect(await world.queue.guardian!()).to.equal(world.guardian.address);
      const at = (await world.now()) + TIMELOCK;
      await world.time.setNextBlockTimestamp(at - 1n);
      await queueRefuses(world.queue.succeed!(), "SuccessionTooEarly", at, at - 1n);
      await queueRefuses(world.as(other, world.queue).dismiss!(), "NotGuardian", other.address);
      await world.as(world.guardian, world.queue).dismiss!();
      await queueRefuses(world.queue.succeed!(), "NoSuccessor");
      await world.queued(world.queue, "setGuardian", next.address);
      await world.time.increase(TIMELOCK);
      await world.as(other, world.queue).succeed!();
      expect(await world.queue.guardian!()).to.equal(next.address);
      await refuses(guardian().tighten!(1, tighter()), "NotGuardian", world.guardian.address);
      await world.as(next, world.queue).setGuardian!(other);
      expect(await world.queue.guardian!()).to.equal(other.address);
      await queueRefuses(world.as(other, world.queue).setGuardian!(ZERO), "AddressZero");
    });

    it("M19: what waited before the queue was closed is not carried out: nothing is ready when the first member comes", async () => {
      const [thief, keeper] = [world.signers[9]!, world.signers[8]!];
      const replacing = async (by: string) => {
        const { data } = await world.quorum.getFunction("setReporters").populateTransaction([by], 1);
        return [await world.quorum.getAddress(), 0n, data, NO_HASH, NO_HASH] as const;
      };
      const [early, late] = [await replacing(thief.address), await replacing(keeper.address)];
      await world.queue.schedule!(...early, TIMELOCK);
      await world.setUp(world.queue, "setGuardian", thief.address);
      await world.time.increase(TIMELOCK);
      await world.queue.schedule!(...late, TIMELOCK);
      await world.queue.close!();
      await queueRefuses(world.queue.execute!(...early), "TimelockUnexpectedOperationState");
      await queueRefuses(world.queue.succeed!(), "NoSuccessor");
      await world.time.increase(TIMELOCK);
      await queueRefuses(world.queue.execute!(...late), "TimelockUnexpectedOperationState");
      // As any other call it waits from now on. Nobody closes the queue a second time, by which nothing would ever be ready.
      await world.queue.schedule!(...late, TIMELOCK);
      await world.time.increase(TIMELOCK);
      await queueRefuses(world.queue.close!(), "QueueClosed");
      await world.queue.execute!(...late);
      expect(await world.quorum.reporters!()).to.deep.equal([keeper.address]);
    });

    it("is set up by its deployer alone, with the reason of what fails, until it is closed for good", async () => {
      const { data } = await registry.getFunction("setPolicy").populateTransaction(7, changed());
      await refuses(world.queue.setUp!(registry, data), "BoardUnknown", 7);
      await queueRefuses(world.as(world.guardian, world.queue).close!(), "NotDeployer", world.guardian.address);
      await world.queue.close!();
      await queueRefuses(world.queue.setUp!(registry, data), "QueueClosed");
      expect(await world.queue.closed!()).to.equal(true);
    });
  });

  describe("bounded changes", () => {
    it("O07: no quantity's value moves by more than the bound, at any boundary of either policy", async () => {
      const limit = 10_000n - MAX_MOVE_BPS;
      const beyond = withTier(0, 0, { weightBps: 7_599n });
      const lower = beyond.schedules[0]!.map((tier) => ({ ...tier, weightBps: 7_599n as WeightBps })).slice(0, 3);
      const schedules = POLICY.schedules.with(0, [...lower, POLICY.schedules[0]![3]!]);
      await breaks(
        set(changed({}, { ...POLICY, schedules })),
        "ValueMoved",
        0,
        50n * E8,
        9_500n * 50n * E8,
        7_599n * 50n * E8,
      );
      await put(scaled(0, limit));
    });

    it("O07: the first slope is bounded too, by a boundary that the old policy has not", async () => {
      const [first, ...rest] = POLICY.schedules[0]!;
      const sliver = [
        { boundaryLots: 1n as QuantityLots, weightBps: 9_500n as WeightBps },
        { boundaryLots: first!.boundaryLots, weightBps: 100n as WeightBps },
        { boundaryLots: rest[1]!.boundaryLots, weightBps: 100n as WeightBps },
        { boundaryLots: rest[2]!.boundaryLots, weightBps: 100n as WeightBps },
      ];
      await breaks(set(changed({}, { ...POLICY, schedules: POLICY.schedules.with(0, sliver) })), "ValueMoved");
    });

    it("O07: levels move by no more than the bound", async () => {
      await set(changed({ levels: { ...levels, initial: 18_000n, call: 14_400n } }));
      await set(changed());
      for (const [change, before, after] of [
        [{ initial: 18_001n }, 15_000n, 18_001n],
        [{ call: 14_401n }, 12_000n, 14_401n],
        [{ liquidation: 7_999n }, 10_000n, 7_999n],
        [{ closeOut: 4_799n }, 6_000n, 4_799n],
      ] as const) {
        await breaks(set(changed({ levels: { ...levels, ...change } })), "LevelMoved", before, after);
      }
    });

    it("O07: are bounded against the policy in force when they are carried out", async () => {
      const [up, down] = [scaled(0, 10_500n), scaled(0, 8_500n)];
      await link(up);
      await link(down);
      const { data } = await registry.getFunction("setPolicy").populateTransaction(1, changed({}, up));
      const call = [await registry.getAddress(), 0n, data, NO_HASH, NO_HASH] as const;
      await world.queue.schedule!(...call, TIMELOCK);
      await world.time.increase(TIMELOCK);
      await guardian().tighten!(1, changed({}, down));
      await breaks(world.queue.execute!(...call), "ValueMoved");
    });

    it("O10: assets are listed and delisted through the queue, at any value", async () => {
      const listed = { ...POLICY, schedules: POLICY.schedules.with(2, POLICY.schedules[0]!) };
      await put(listed);
      expect((await version()).listed).to.equal(7n);
      const delisted = { ...listed, schedules: listed.schedules.with(1, UNLISTED) };
      await put(delisted);
      expect((await version()).listed).to.equal(5n);
      // Nothing is refused for it: its price is of no matter, and it counts nothing.
      await world.setUp(world.sources, "configure", 1, 2, PLAIN);
      await world.publish({ prices: world.market.prices.with(1, 0n as never).with(2, E8 as never) });
      await world.evidence();
    });
  });

  describe("debt and the scan", () => {
    const withDebt = (rate: bigint): Policy => ({ ...POLICY, debtRateBps: rate as RateBps });
    const withScan = (lots: bigint): Policy => ({ ...POLICY, scanLots: POLICY.scanLots.with(0, lots as ScanLots) });

    it("R08, G06: the rates of debt move by the limit at a time, and the short one is between the other and the whole debt", async () => {
      const rates = (rate: bigint, short: bigint) => changed({ shortDebtRateBps: short }, withDebt(rate));
      await breaks(set(rates(MAX_MOVE_BPS + 1n, MAX_MOVE_BPS + 1n)), "DebtRateMoved", 0, 2_001);
      await breaks(set(rates(0n, MAX_MOVE_BPS + 1n)), "DebtRateMoved", 0, 2_001);
      await set(rates(MAX_MOVE_BPS, MAX_MOVE_BPS));
      await set(rates(MAX_MOVE_BPS, 2n * MAX_MOVE_BPS));
      await breaks(set(rates(2n * MAX_MOVE_BPS, 3n * MAX_MOVE_BPS + MAX_MOVE_BPS + 1n)), "DebtRateMoved", 4_000, 8_001);
      await breaks(set(rates(0n, MAX_MOVE_BPS - 1n)), "DebtRateMoved", 4_000, 1_999);
      await breaks(set(rates(3_000n, 2_999n)), "DebtRateRefused", 3_000, 2_999);
      await breaks(create(rates(1n, 10_001n)), "DebtRateRefused", 1, 10_001);
    });

    it("G14: the guardian touches no rate of debt, up or down", async () => {
      await set(changed({ shortDebtRateBps: 500n }, withDebt(100n)));
      for (const [rate, short] of [
        [99n, 500n],
        [300n, 500n],
        [100n, 499n],
        [100n, 501n],
      ] as const) {
        const policy = changed({ shortDebtRateBps: short }, withDebt(rate));
        await breaks(guardian().tighten!(1, policy), "TermsNotTighter");
      }
    });

    it("R09: what is in the scan changes through the timelock, and by nobody at once", async () => {
      await breaks(guardian().tighten!(1, changed({}, withScan(100_000n))), "TermsNotTighter");
      await put(withScan(100_000n));
      const { x, y } = pointOf(world.key(FAMILY_IDS.account).key, policySignals(withScan(100_000n)));
      expect(await pointOfPolicy(1n, 2n)).to.deep.equal([x, y]);
      await breaks(guardian().tighten!(1, changed()), "TermsNotTighter");
    });

    it("R09: a scan lot of which an account can hold 2^31 is refused, wherever a policy comes from: it would have no proof", async () => {
      // What counts of asset 0 is 50 · 95% + 50 · 90% + 400 · 80% + 500 · 50% = 662.5, of lots of 10^-8.
      const least = (6625n * E8) / 10n / (1n << 31n) + 1n;
      expect(least).to.equal(31n);
      for (const lots of [1n, least - 1n]) {
        const small = changed({}, withScan(lots));
        await breaks(set(small), "ScanLotsRefused", 0, lots);
        await breaks(create(small), "ScanLotsRefused", 0, lots);
      }
      await put(withScan(least));
      expect(((await registry.policyOf!(1)) as unknown as { scanLots: bigint[] }).scanLots[0]).to.equal(least);
    });

    it("R09: another scan lot comes by way of none, so that no row is scanned with the lots of another", async () => {
      await put(withScan(100_000n));
      await breaks(set(changed({}, withScan(10_000_000n))), "ScanLotsMoved", 0, 100_000, 10_000_000);
      await put(POLICY);
      await put(withScan(10_000_000n));
    });
  });

  describe("the guardian", () => {
    it("V14: tightens at once: haircuts, levels, the grace", async () => {
      const tighter = changed(
        {
          levels: { initial: 16_000n, call: 13_000n, liquidation: 10_000n, closeOut: 6_500n },
          epochGrace: 0n,
        },
        scaled(0, 9_000n),
      );
      await link(scaled(0, 9_000n));
      await guardian().tighten!(1, tighter);
      expect(await policyId()).to.equal(2n);
      const { initial, epochGrace } = await version();
      expect([initial, epochGrace]).to.deep.equal([16_000n, 0n]);
    });

    it("V14: does not make any quantity count for more", async () => {
      await breaks(guardian().tighten!(1, changed({}, withTier(0, 3, { weightBps: 5_001n }))), "NotTighter");
      const listed = { ...POLICY, schedules: POLICY.schedules.with(2, POLICY.schedules[0]!) };
      await breaks(guardian().tighten!(1, changed({}, listed)), "NotTighter", 2, 50n * E8, 0, 9_500n * 50n * E8);
      // Less of the first quantity, more of the last.
      const crossed = withTier(0, 0, { weightBps: 9_400n }).schedules[0]!.with(3, {
        boundaryLots: (1200n * E8) as QuantityLots,
        weightBps: 5_000n as WeightBps,
      });
      await breaks(
        guardian().tighten!(1, changed({}, { ...POLICY, schedules: POLICY.schedules.with(0, crossed) })),
        "NotTighter",
      );
    });

    it("V14: does not loosen a level or the grace, and changes no age and no term: a short one would stop proofs or lots", async () => {
      const block = { maxLiquidityThreshold: 1n, minLiquidityRateBps: 1n, maxVegaThreshold: 1n, minVegaRateBps: 1n };
      const boardTerms = await world.terms({ linear: [], bandBps: 1n, blocks: [{ ...block, mayContinue: true }] });
      for (const policy of [
        changed({ levels: { ...levels, initial: 14_999n } }),
        changed({ levels: { ...levels, call: 11_999n } }),
        changed({ levels: { ...levels, liquidation: 9_999n } }),
        changed({ levels: { ...levels, closeOut: 5_999n } }),
        changed({ maxAge: 3601n }),
        changed({ maxAge: 3599n }),
        changed({ epochGrace: 61n }),
        withTerms({ maxSlice: terms.maxSlice + 1n }),
        withTerms({ maxSlice: terms.maxSlice - 1n }),
        withTerms({ curePeriod: terms.curePeriod - 1n }),
        withTerms({ reward: 0n }),
        withTerms({ holdPeriod: 0n }),
        withTerms({ tillFloor: 0n }),
        changed({ boardTerms }),
      ]) {
        await breaks(guardian().tighten!(1, policy), "TermsNotTighter");
      }
    });

    it("V14: moves nothing by more than the bound, delists nothing, and tightens once in a timelock", async () => {
      await breaks(
        guardian().tighten!(1, changed({}, { ...POLICY, schedules: POLICY.schedules.with(0, UNLISTED) })),
        "NotTighter",
      );
      await breaks(guardian().tighten!(1, changed({ levels: { ...levels, initial: 18_001n } })), "LevelMoved");
      await guardian().tighten!(1, changed({ epochGrace: 50n }));
      const until = (await world.now()) + TIMELOCK;
      await world.time.setNextBlockTimestamp(until - 1n);
      await refuses(guardian().tighten!(1, changed({ epochGrace: 40n })), "TightenedLately", until);
      await guardian().tighten!(1, changed({ epochGrace: 40n }));
    });

    it("G14: what is tightened binds outflows from the next epoch, and is no evidence before the cure period is over", async () => {
      const tight = scaled(0, 9_000n);
      const raised = { levels: { ...levels, call: 13_000n } };
      await link(tight);
      await guardian().tighten!(1, changed(raised, tight));
      await world.publish();
      const cured = (await world.now()) + terms.curePeriod;
      const [out, against] = [await world.outflow(), await world.evidence()];
      expect([out.policyId, out.levels[1], out.point]).to.deep.equal([2n, 13_000n, expected(tight)]);
      expect([against.policyId, against.levels[1], against.point]).to.deep.equal([1n, 12_000n, expected(POLICY)]);
      expect(await world.attesting(2n)).to.deep.equal(against);
      await world.publish({ families: [FAMILY_IDS.account, FAMILY_IDS.lot] });
      const lots = (await world.oracle.lots!(1)) as unknown as [string, bigint[]];
      const { x, y } = pointOf(world.key(FAMILY_IDS.lot).key, marketSignals(POLICY, world.market), 12);
      expect(lots[1]).to.deep.equal([x, y]);
      await world.time.increaseTo(cured - 1n);
      expect((await world.evidence()).policyId).to.equal(1n);
      await world.publish();
      expect(await world.now()).to.equal(cured);
      expect((await world.evidence()).policyId).to.equal(2n);
      expect((await world.evidence()).point).to.deep.equal(expected(tight));
    });

    it("G14: a second tightening gives nobody the policy before the first back, nor more time with it", async () => {
      const raised = (call: bigint) => guardian().tighten!(1, changed({ levels: { ...levels, call } }));
      const evidence = async () => (await world.evidence()).policyId;
      await raised(13_000n);
      await world.publish();
      await world.time.increase(terms.curePeriod - 100n);
      await world.publish();
      await world.time.increase(200n);
      expect(await evidence()).to.equal(2n);
      await world.time.increase(TIMELOCK);
      await raised(14_000n);
      await world.publish();
      expect(await evidence()).to.equal(2n);
      await world.time.increase(terms.curePeriod - 100n);
      await world.publish();
      expect(await evidence()).to.equal(2n);
      await world.time.increase(200n);
      expect(await evidence()).to.equal(3n);
    });

    it("V14: nobody else tightens", async () => {
      await refuses(registry.tighten!(1, changed({ maxAge: 3000n })), "NotGuardian", world.signers[0]!.address);
    });
  });

  describe("ranges", () => {
    const both = async (policy: ChainPolicy, error: string, ...values: unknown[]) => {
      await breaks(set(policy), error, ...values);
      await breaks(create(policy), error, ...values);
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
        { discountBps: 0n },
        { discountBps: 6_001n },
        { discountBps: 10_001n },
        { toleranceBps: 10_001n },
        { holdPeriod: long },
        { voidDelay: long },
        { levyBps: 101n },
        { dust: terms.maxSlice + 1n },
      ]) {
        await both(withTerms(change), "TermsRefused");
      }
    });

    it("O12: takes no discount that the levels before could not bear: an epoch of theirs may stand for a while", async () => {
      const next = { levels: { ...levels, closeOut: 7_000n }, terms: { ...terms, discountBps: 6_001n } };
      await breaks(set(changed(next)), "TermsRefused");
      await set(changed({ ...next, terms: { ...terms, discountBps: 6_000n } }));
      await set(changed(next));
    });

    it("refuses a bound of none or everything", async () => {
      for (const bound of [0n, 10_000n]) {
        await breaks(world.ethers.deployContract("PolicyRegistry", [world.queue, bound]), "MoveLimitRefused", bound);
      }
    });

    it("refuses board terms that are none, or not of this board", async () => {
      const block = {
        ...{ maxLiquidityThreshold: 1n, minLiquidityRateBps: 1n, maxVegaThreshold: 1n, minVegaRateBps: 1n },
        mayContinue: false,
      };
      const linear = { row: 3n, asset: 0n, ratioE18: 1n };
      for (const wrong of [
        { linear: [], bandBps: 100n, blocks: [block, block] },
        { linear: [], bandBps: 100n, blocks: [] },
        { linear: [{ ...linear, row: 60n }], bandBps: 100n, blocks: [block] },
        { linear: [{ ...linear, asset: 15n }], bandBps: 100n, blocks: [block] },
        { linear: [{ ...linear, ratioE18: 1n << 128n }], bandBps: 100n, blocks: [block] },
        { linear: [linear, linear], bandBps: 100n, blocks: [block] },
        { linear: [linear], bandBps: 1n << 32n, blocks: [block] },
      ]) {
        const boardTerms = await world.terms(wrong);
        await both(changed({ boardTerms }), "BoardTermsRefused", boardTerms);
      }
      const good = boardTermsBytes({ linear: [linear], bandBps: 100n, blocks: [block] });
      const longer = await world.page(concat([good, "0x00"]));
      await both(changed({ boardTerms: longer }), "BoardTermsRefused", longer);
      const nobody = world.signers[9]!.address;
      for (const page of [nobody, await world.router.getAddress()])
        await both(changed({ boardTerms: page }), "PageMalformed");
      await set(changed({ boardTerms: await world.terms({ linear: [linear], bandBps: 100n, blocks: [block] }) }));
    });
  });

  describe("boards and keys", () => {
    it("V07: refuses a router without code, and a size without a verifier", async () => {
      const nobody = world.signers[9]!.address;
      await refuses(world.setUp(registry, "createBoard", nobody, 60, changed()), "RouterRefused", nobody);
      await refuses(world.setUp(registry, "rotate", 1, nobody), "RouterRefused", nobody);
      const none = world.setUp(registry, "createBoard", world.router, 240, changed());
      await refusedBy(world.router, none, "VerifierMissing", 240, 1);
    });

    it("V15: keys are rotated through the queue, when all links are there; the standing epoch keeps its own", async () => {
      const keys = keysOf("board-60", 9n);
      const router = await routerOf(world.chain, keys);
      const { data } = await registry.getFunction("rotate").populateTransaction(1, router);
      const call = [await registry.getAddress(), 0n, data, NO_HASH, NO_HASH] as const;
      await world.queue.schedule!(...call, TIMELOCK);
      await world.time.increase(TIMELOCK);
      await refusedBy(world.points, world.queue.execute!(...call), "ExitNotLinked");
      await world.linkKeys(router, keys.slice(0, 1));
      await refusedBy(world.points, world.queue.execute!(...call), "PolicyNotLinked");
      await world.linkKeys(router, keys);
      await world.publish();
      const was = await world.outflow();
      const exit = await world.oracle.exitMarket!(1);
      await world.as(world.signers[9]!, world.queue).execute!(...call);
      expect(await world.outflow()).to.deep.equal(was);
      expect(await world.oracle.exitMarket!(1)).to.deep.equal(exit);
      world.keys = keys;
      await world.publish();
      const next = await world.outflow();
      expect(next.verifier).to.equal(await router.verifierOf!(60, FAMILY_IDS.account));
      expect(next.point).to.deep.equal(expected(POLICY));
      expect(((await world.oracle.exitMarket!(1)) as string[])[0]).to.equal(next.verifier);
      // The epoch before is of the old key, and attests still.
      expect((await world.attesting(2n)).verifier).to.equal(was.verifier);
      await refuses(world.setUp(registry, "rotate", 1, router), "KeyUnchanged", await router.getAddress());
    });

    it("V15: not before what may still be evidence is linked under the new ones, tightened or not", async () => {
      const tight = scaled(0, 9_000n);
      await link(tight);
      await guardian().tighten!(1, changed({}, tight));
      const keys = keysOf("board-60", 9n);
      const router = await routerOf(world.chain, keys);
      await world.linkKeys(router, keys, tight);
      const rotate = () => world.setUp(registry, "rotate", 1, router);
      const accounts: string = await router.verifierOf!(60, FAMILY_IDS.account);
      const missing = keccak256(concat(policySignals(POLICY).map((value) => toBeHex(value, 32))));
      await refusedBy(world.points, rotate(), "PolicyNotLinked", accounts, missing);
      await world.linkKeys(router, keys);
      await rotate();
    });

    it("V15: at its sunset the old key has no exit market any more, though nothing was published since", async () => {
      const keys = keysOf("board-60", 9n);
      const router = await routerOf(world.chain, keys);
      await world.linkKeys(router, keys);
      await world.setUp(registry, "rotate", 1, router);
      const sunset = (await world.now()) + 7n * DAY;
      const of = async () => ((await world.oracle.exitMarket!(1)) as string[])[0];
      await world.time.increaseTo(sunset);
      expect(await of()).to.equal(await world.router.verifierOf!(60, FAMILY_IDS.account));
      await world.time.increaseTo(sunset + 1n);
      expect(await of()).to.equal(await router.verifierOf!(60, FAMILY_IDS.account));
    });

    it("G20: refuses a rotation to a router that lacks a family that the one before has", async () => {
      for (const [missing, family] of [
        [1, FAMILY_IDS.settlement],
        [2, FAMILY_IDS.lot],
        [3, FAMILY_IDS.round(3)],
      ] as const) {
        const keys = keysOf("board-60", 9n).toSpliced(missing, 1);
        const router = await routerOf(world.chain, keys);
        await world.linkKeys(router, keys);
        await refusedBy(world.router, world.setUp(registry, "rotate", 1, router), "VerifierMissing", 60, family);
      }
    });

    it("unknown boards do not exist", async () => {
      for (const [method, ...args] of [
        ["headOf", 7],
        ["policyOf", 7],
        ["termsOf", 7],
      ] as const) {
        await refuses(registry[method]!(...args), "BoardUnknown", 7);
      }
      await refuses(world.setUp(registry, "setPolicy", 7, changed()), "BoardUnknown", 7);
      await refuses(world.setUp(registry, "rotate", 7, world.router), "BoardUnknown", 7);
      await refuses(guardian().tighten!(7, changed()), "BoardUnknown", 7);
    });
  });
});
