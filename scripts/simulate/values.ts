// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The market of the simulation: what prices truly are, what stands on the chain, and everybody with power over that: reporters,
 * whoever carries epochs, guardian, feeds and the sequencer.
 */
import type { Contract } from "ethers";
import {
  carrySettlement,
  countedValues,
  epochStatement,
  FAMILY_IDS,
  policyStatement,
} from "../../prover/src/chain/carrier.ts";
import type { Published } from "../../prover/src/chain/client.ts";
import {
  type ChainLevels,
  type ChainTerms,
  chainPolicy,
  observe,
  type PolicyTerms,
  publication,
  signSettlement,
} from "../../prover/src/chain/publication.ts";
import type { Market } from "../../prover/src/model/market.ts";
import type { Policy } from "../../prover/src/model/policy.ts";
import type { SettlementMarks } from "../../prover/src/statement/signals.ts";
import type { LotPriceE16, RateBps, WeightBps } from "../../prover/src/units.ts";
import { attempt, BOARD, Chain, SIZE } from "./chain.ts";
import { E6, Violation } from "./model.ts";
import { ASSET, type Day, expiryMarks, LEVELS, marketOf, POLICY, type Series, seriesAt } from "./prices.ts";

export const DAY = 86_400;
const SERIES_DAYS = 28;
const LISTED = [ASSET.btc, ASSET.eth, ASSET.staked, ASSET.stable];
const TERMS: ChainTerms = {
  curePeriod: 8n * 3600n,
  attestInterval: 3n * 86_400n,
  stopLimit: 86_400n,
  auctionDuration: 3600n,
  holdPeriod: 4n * 3600n,
  voidDelay: 3600n,
  premiumBps: 500n,
  discountBps: 1_000n,
  levyBps: 50n,
  toleranceBps: 100n,
  maxSlice: 2_000_000n * E6,
  dust: 100n * E6,
  reward: 50n * E6,
  tillFloor: 2_000_000n * E6,
};
const RULES: PolicyTerms = {
  ...{ levels: LEVELS, maxAge: 26n * 3600n, epochGrace: 600n, terms: TERMS, shortDebtRateBps: 2_000n },
};

/** How the next epoch is made, where not as it ought to be. */
export interface Publishing {
  /** What the first reporter says of a price, in parts of the true one. */
  readonly lie?: (asset: number) => number;
  /** What all of them say, within what the sources let pass. */
  readonly edge?: number;
  /** Families that are linked beside accounts. */
  readonly families?: readonly bigint[];
  /** The reporters of the quorum sign other board values, which nobody can link. */
  readonly equivocates?: boolean;
}
const ALL_FAMILIES = [FAMILY_IDS.lot, FAMILY_IDS.round(3)];

interface Standing {
  readonly epoch: bigint;
  readonly policyId: bigint;
  readonly market: Market;
  readonly values: string;
  readonly rateBps: RateBps;
  readonly time: number;
  readonly halted: boolean;
  readonly complete: boolean;
  linked: readonly bigint[];
  frozen: boolean;
}

export class Values {
  readonly chain: Chain;
  readonly terms = TERMS;
  day = 0;
  /** What a unit of everything is worth today. */
  fair!: Market;
  today!: Day;
  series: Series | undefined;
  #expires = 0;
  standing: Standing | undefined;
  epoch = 0n;
  policyId = 1n;
  settlements = 0n;
  pausedUntil = 0;
  /** When the sequencer came up last, unix seconds; zero while it is down. */
  up = 1;
  feedAlive = true;
  readonly #policies = new Map<bigint, { policy: Policy; levels: ChainLevels; cureUntil: number }>();
  readonly #marks = new Map<bigint, SettlementMarks>();
  /** Of the standing epoch, by policy: the same objects as long as it stands. */
  readonly #published = new Map<bigint, Published>();
  #tightenedAt = 0;

  private constructor(chain: Chain) {
    this.chain = chain;
    this.#policies.set(1n, { policy: POLICY, levels: LEVELS, cureUntil: 0 });
  }
  static async create(): Promise<Values> {
    return new Values(await Chain.create(POLICY, RULES, { depositCap: 10n ** 17n, outflow: 10n ** 17n }));
  }

  /** The day's true prices. The first day lists a series. */
  dawn(day: Day, number: number, time: number) {
    [this.today, this.day] = [day, number];
    if (number === 0) this.#list(time);
    this.fair = marketOf(day, time, this.epoch + 1n, this.series);
  }
  #list(time: number) {
    this.series = seriesAt(this.today, time, SERIES_DAYS + 2);
    this.#expires = time + SERIES_DAYS * DAY;
  }
  get expires() {
    return this.series !== undefined && this.chain.time >= this.#expires;
  }

  // ---- What stands ----

  #evidenceOf(policyId: bigint): bigint {
    let id = policyId;
    while (this.chain.time < this.#policies.get(id)!.cureUntil) id--;
    return id;
  }
  published(basis: "outflow" | "evidence"): Published {
    const { epoch, policyId, market, rateBps } = this.standing!;
    const id = basis === "outflow" ? this.policyId : this.#evidenceOf(policyId);
    const known = this.#published.get(id);
    if (known?.market === market) return known;
    const policy = { ...this.#policies.get(id)!.policy, debtRateBps: rateBps };
    const published = { policyId: id, epoch, policy, market };
    this.#published.set(id, published);
    return published;
  }
  levels(basis: "outflow" | "evidence"): ChainLevels {
    const id = basis === "outflow" ? this.policyId : this.#evidenceOf(this.standing!.policyId);
    return this.#policies.get(id)!.levels;
  }
  /** Why nothing may leave by the standing epoch, if so. */
  unusable(): string | undefined {
    const { standing, chain } = this;
    if (standing === undefined) return "there is no epoch";
    if (standing.halted) return "halted";
    if (standing.frozen) return "frozen";
    if (chain.time < this.pausedUntil) return "paused";
    if (this.up === 0 || chain.time < this.up + 3600) return "the sequencer is down or in its grace";
    if (chain.time - standing.time > Number(RULES.maxAge)) return "stale";
    return standing.policyId === this.policyId ? undefined : "of a former policy";
  }
  /** Whether accounts can be found wanting, and lots be made. */
  get evident(): boolean {
    const why = this.unusable();
    const usable = why === undefined || why === "of a former policy";
    return usable && this.standing!.complete && this.standing!.linked.includes(FAMILY_IDS.lot);
  }
  marksOf = (settlement: bigint) => this.#marks.get(settlement)!;

  // ---- Epochs ----

  /** Observes, signs and carries the next epoch. Each reporter is a little off; the median of an honest pair is not. */
  async publish({ lie, edge = 0, families = ALL_FAMILIES, equivocates = false }: Publishing = {}) {
    const { chain } = this;
    if (this.feedAlive) {
      const answer = BigInt(Math.round(this.today.ETH * 1e8));
      await chain.transact(chain.carrier.address, chain.feed, "set", answer);
    }
    this.epoch++;
    const number = this.epoch;
    const prices = this.fair.prices.map((price) => (price * BigInt(Math.round((1 + edge) * 1e6))) / 1_000_000n);
    const market = { ...this.fair, prices: prices as LotPriceE16[] };
    const told = equivocates ? otherMarks(market) : market;
    const { epoch, values } = publication(told, { board: BOARD, epoch: number });
    const off = [-5n, 0n, 10n];
    const sights = off.map((bps, reporter) => ({
      time: BigInt(chain.time),
      prices: prices.map((price, asset) => {
        if (reporter !== 0 || lie === undefined) return price + (price * bps) / 10_000n;
        return (price * BigInt(Math.round(lie(asset) * 1e6))) / 1_000_000n;
      }),
    }));
    const quorum = (await chain.reporters()).slice(0, 3);
    const observations = await observe(quorum, chain.oracleDomain, epoch, sights);
    const { oracle } = chain.system;
    const counted = await countedValues(oracle, BOARD, observations);
    const place = { chainId: chain.chainId, address: oracle.target as string };
    const statement = epochStatement(place, epoch, market, counted);
    const links = [FAMILY_IDS.account, ...families].map((family) => ({
      family,
      link: chain.maker(family).link(statement),
    }));
    const args = [BOARD, number, observations, values, links] as const;
    const events = await chain.transact(chain.carrier.address, oracle, "publish", ...args);
    const { args: taken } = events.find(({ name }) => name === "EpochTaken")!;
    this.standing = {
      ...{ epoch: number, policyId: this.policyId, values, rateBps: counted.debtRateBps as RateBps, linked: families },
      market: { ...market, prices: [...counted.prices] as LotPriceE16[] },
      ...{ time: Number(taken.time), halted: taken.halted as boolean, complete: taken.unvalued === 0n, frozen: false },
    };
    this.#checkPrices(edge);
  }

  /** With an honest majority among the three, what counts is what an honest reporter saw, or nothing. */
  #checkPrices(edge: number) {
    for (const asset of LISTED) {
      const [counts, fair] = [this.standing!.market.prices[asset]!, this.fair.prices[asset]!];
      const away = counts > fair ? counts - fair : fair - counts;
      if (counts !== 0n && away * 10_000n > fair * BigInt(11 + Math.ceil(Math.abs(edge) * 10_000))) {
        throw new Violation(`asset ${asset} counts ${counts}, and honest reporters saw ${fair}`);
      }
    }
  }

  /** Links the standing epoch for lots and rounds, where its carrier has not. */
  async linkMore() {
    const { chain, standing } = this;
    const missing = ALL_FAMILIES.filter((family) => !standing!.linked.includes(family));
    if (missing.length === 0) return;
    const { epoch } = publication(standing!.market, { board: BOARD, epoch: standing!.epoch });
    const counted = { prices: standing!.market.prices, debtRateBps: standing!.rateBps };
    const place = { chainId: chain.chainId, address: chain.system.oracle.target as string };
    const statement = epochStatement(place, epoch, standing!.market, counted);
    const links = missing.map((family) => ({ family, link: chain.maker(family).link(statement) }));
    const args = [BOARD, standing!.values, counted.prices, counted.debtRateBps, links] as const;
    await chain.transact(chain.carrier.address, chain.system.oracle, "linkMore", ...args);
    standing!.linked = ALL_FAMILIES;
  }

  // ---- Expiry ----

  /** The series expires at today's prices. */
  async settle() {
    const { chain } = this;
    const number = this.settlements + 1n;
    const marks = expiryMarks(this.today, this.series!);
    const place = { board: BOARD, number };
    const maker = chain.maker(FAMILY_IDS.settlement);
    const { packed, marksHash, link } = await carrySettlement(chain.settlements, maker, place, SIZE, marks);
    const deadline = BigInt(chain.time + 3600);
    const quorum = (await chain.reporters()).slice(0, 3);
    const signatures = await signSettlement(quorum, chain.oracleDomain, { ...place, marksHash, deadline });
    const from = chain.carrier.address;
    await chain.transact(from, chain.settlements, "settle", BOARD, number, packed, deadline, signatures, link);
    this.#marks.set(number, marks);
    [this.settlements, this.series] = [number, undefined];
    if (this.standing) this.standing.frozen = true;
    // What has expired is worth its mark until its account has settled.
    const rows = this.fair.board.rows.map((row, index) =>
      marks.has(index) ? { ...row, mark: marks.get(index)! } : row,
    );
    this.fair = { ...this.fair, board: { ...this.fair.board, rows } };
  }
  /** Lists the next series, once everybody has settled. */
  relist(time: number) {
    this.#list(time);
    this.fair = marketOf(this.today, time, this.epoch + 1n, this.series);
  }

  // ---- Power ----

  /** The owner schedules a call, and anybody carries it out when it has waited. */
  async queued(contract: Contract, method: string, ...args: unknown[]) {
    const { chain } = this;
    const { queue } = chain.system;
    const none = `0x${"0".repeat(64)}`;
    const call = [contract.target, 0n, contract.interface.encodeFunctionData(method, args), none, none] as const;
    await chain.transact(chain.signers[0]!.address, queue, "schedule", ...call, 2 * DAY);
    await chain.until(chain.time + 2 * DAY + 1);
    await chain.transact(chain.carrier.address, queue, "execute", ...call);
  }

  /** Haircuts rise by a twentieth of what counts, levels by a twentieth. */
  async tighten(): Promise<string | undefined> {
    const { chain } = this;
    const now = this.#policies.get(this.policyId)!;
    if (now.levels.initial > 17_000n || (this.#tightenedAt !== 0 && chain.time < this.#tightenedAt + 2 * DAY))
      return "too soon";
    const policy: Policy = {
      ...now.policy,
      schedules: now.policy.schedules.map((tiers) =>
        tiers.map((tier) => ({ ...tier, weightBps: ((tier.weightBps * 98n) / 100n) as WeightBps })),
      ),
    };
    const levels = { ...now.levels, initial: now.levels.initial + 300n, call: now.levels.call + 200n };
    const { registry, router } = chain.system;
    const { points } = chain.registryParts;
    const statement = policyStatement({ chainId: chain.chainId, address: points.target as string }, policy);
    for (const family of [FAMILY_IDS.account, ...ALL_FAMILIES]) {
      const verifier = await chain.view<string>(router, "verifierOf", 60, family);
      const link = chain.maker(family).link(statement);
      await chain.transact(chain.carrier.address, points, "linkPolicy", verifier, statement.values, link);
    }
    const changed = chainPolicy(policy, { ...RULES, levels });
    const refused = await attempt(() => chain.transact(chain.guardian.address, registry, "tighten", BOARD, changed));
    if (refused !== undefined) return refused;
    this.policyId++;
    this.#tightenedAt = chain.time;
    this.#policies.set(this.policyId, { policy, levels, cureUntil: chain.time + Number(TERMS.curePeriod) });
    return undefined;
  }

  async pause(seconds: number): Promise<string | undefined> {
    const { chain } = this;
    const refused = await attempt(() =>
      chain.transact(chain.guardian.address, chain.system.oracle, "pause", BOARD, seconds),
    );
    if (refused === undefined) this.pausedUntil = chain.time + seconds;
    return refused;
  }

  async sequencer(up: boolean) {
    const { chain } = this;
    await chain.transact(chain.carrier.address, chain.sequencer, "set", up ? 0n : 1n);
    this.up = up ? chain.time : 0;
  }
}

/** The market with a mark moved: other values than those that are linked. */
function otherMarks(market: Market): Market {
  const rows = market.board.rows.map((row, index) =>
    index === 3 ? { ...row, mark: (row.mark + 1n) as typeof row.mark } : row,
  );
  return { ...market, board: { ...market.board, rows } };
}
