// SPDX-License-Identifier: GPL-3.0-or-later
/** Queue, registry and oracle on a chain of their own, under simulated keys: no gate, no proofs. */
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { Contract } from "ethers";
import { keccak256 } from "ethers";
import { network } from "hardhat";
import {
  countedValues,
  epochStatement,
  FAMILY_IDS,
  linkExit,
  linkPolicy,
  marksStatement,
} from "../../prover/src/chain/carrier.ts";
import {
  type BoardTerms,
  boardTermsBytes,
  byAddress,
  type ChainPolicy,
  chainPolicy,
  domainOf,
  type Epoch,
  type Observation,
  observe,
  type PolicyTerms,
  publication,
  type ReporterPrices,
  settlementPublication,
  signSettlement,
} from "../../prover/src/chain/publication.ts";
import { chainKey, pageCreation } from "../../prover/src/chain/verifying-key.ts";
import { type BoardRow, CLOSED_ROW, type Market } from "../../prover/src/model/market.ts";
import { type HaircutSchedule, NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { ASSETS, type BoardSize, blocksOf, instrumentsOf, SCENARIOS } from "../../prover/src/model/sizes.ts";
import {
  boardSizeOf,
  type CircuitName,
  circuitOf,
  familyOf,
  ownSignalsOf,
  shapeOf,
} from "../../prover/src/statement/families.ts";
import type { Link, LinkStatement } from "../../prover/src/statement/link.ts";
import type {
  ChargeE6,
  ColumnE6,
  LotPriceE16,
  QuantityLots,
  RateBps,
  ScanLots,
  ThresholdE6,
  WeightBps,
} from "../../prover/src/units.ts";
import { type SimulatedKey, simulatedKey } from "../support/simulated.ts";
import { GAS_LIMIT } from "./limits.ts";

export const E8 = 10n ** 8n;
export const E18 = 10n ** 18n;
export const DAY = 86_400n;

const schedule = (...tiers: [bigint, bigint][]): HaircutSchedule =>
  tiers.map(([boundary, weight]) => ({ boundaryLots: boundary as QuantityLots, weightBps: weight as WeightBps }));

/** Two assets with haircuts in tiers; nothing else counts. */
export const POLICY: Policy = {
  schedules: [
    schedule([50n * E8, 9_500n], [100n * E8, 9_000n], [500n * E8, 8_000n], [1000n * E8, 5_000n]),
    schedule([1000n * E8, 9_200n], [5000n * E8, 8_500n], [5000n * E8, 0n], [5000n * E8, 0n]),
    ...new Array<HaircutSchedule>(ASSETS - 2).fill(UNLISTED),
  ],
  scanLots: new Array<ScanLots>(ASSETS).fill(NOT_SCANNED),
  debtRateBps: 0n as RateBps,
};

export const TERMS: PolicyTerms = {
  levels: { initial: 15_000n, call: 12_000n, liquidation: 10_000n, closeOut: 6_000n },
  maxAge: 3600n,
  epochGrace: 60n,
  terms: {
    curePeriod: 3600n,
    attestInterval: DAY,
    stopLimit: 7200n,
    auctionDuration: 600n,
    holdPeriod: 3600n,
    voidDelay: 3600n,
    premiumBps: 500n,
    discountBps: 1000n,
    levyBps: 100n,
    toleranceBps: 100n,
    maxSlice: 10n ** 12n,
    dust: 10n ** 6n,
    reward: 10n ** 6n,
    tillFloor: 10n ** 9n,
  },
};

export const TIMELOCK = 2n * DAY;
export const MAX_MOVE_BPS = 2_000n;

/** Two futures on 0.001 of the first asset and 0.01 of the second, marked at the full price. Prices in whole dollars. */
export function marketAt(size: BoardSize, first: bigint, second: bigint): Market {
  const future = (lotE6: bigint): BoardRow => ({
    profits: Array.from(
      { length: SCENARIOS },
      (_, move) => ((lotE6 * (BigInt(move % 16) * 16n - 120n)) / 1000n) as ColumnE6,
    ),
    mark: lotE6 as ColumnE6,
    delta: lotE6 as ColumnE6,
    vega: 0n as ColumnE6,
    longCharge: 40_000n as ChargeE6,
    shortCharge: 50_000n as ChargeE6,
  });
  const rows = new Array<BoardRow>(instrumentsOf(size)).fill(CLOSED_ROW);
  rows[0] = future(first * 1000n);
  rows[1] = future(second * 10_000n);
  return {
    prices: [first * E8, second * E8, ...new Array<bigint>(ASSETS - 2).fill(0n)] as LotPriceE16[],
    board: {
      size,
      rows,
      blocks: Array.from({ length: blocksOf(size) }, () => ({
        continues: false,
        liquidityThreshold: 2_000_000_000_000n as ThresholdE6,
        liquidityRate: 50n as RateBps,
        vegaThreshold: 0n as ThresholdE6,
        vegaRate: 20n as RateBps,
      })),
    },
  };
}

/** No feed. */
export const PLAIN = {
  maxMoveBps: 1_000n,
  lotDecimals: 8n,
  deviationBps: 0n,
  apart: false,
  feed: { aggregator: `0x${"0".repeat(40)}`, heartbeat: 0n, minAnswer: 0n, maxAnswer: 0n },
  second: { aggregator: `0x${"0".repeat(40)}`, heartbeat: 0n, minAnswer: 0n, maxAnswer: 0n },
};

/** Simulated keys of a router, that of accounts first. */
export type Keys = readonly SimulatedKey<CircuitName>[];

/** All families that there are circuits of, or of these only. */
export function keysOf(size: BoardSize, seed = 1n, circuits?: readonly CircuitName[]): Keys {
  const all: CircuitName[] = [circuitOf("account", size), circuitOf("settlement", size)];
  if (size === "board-60") all.push("lot-60", "round-60-3");
  return (circuits ?? all).map((circuit, index) => simulatedKey(circuit, seed + BigInt(100 * index)));
}

export type Chain = Awaited<ReturnType<typeof network.create>>;
type Method = (...args: unknown[]) => Promise<never>;
export type Called = Contract & Record<string, Method>;

export interface Sent {
  readonly market?: Market;
  readonly prices?: readonly bigint[];
  readonly time?: bigint;
  readonly sights?: readonly ReporterPrices[];
  readonly reporters?: readonly HardhatEthersSigner[];
  /** Other bytes than those of the market, which reporters then sign. */
  readonly values?: string;
  /** Families to be linked; accounts unless given. */
  readonly families?: readonly bigint[];
  /** Another statement than that of the epoch, for its link. */
  readonly linked?: (statement: LinkStatement) => LinkStatement;
}

export interface MarketsOptions {
  readonly keys?: Keys;
  readonly sequencer?: boolean;
  readonly model?: Policy;
  readonly policy?: ChainPolicy;
  /** Of the assets that are configured. */
  readonly lotDecimals?: readonly bigint[];
  readonly chain?: Chain;
  /** Addresses, in ascending order. */
  readonly reporters?: readonly string[];
  readonly quorum?: number;
}

export const FAMILY_OF = (circuit: CircuitName): bigint => {
  const family = familyOf(circuit);
  return family === "round" ? FAMILY_IDS.round(shapeOf(circuit).members!) : FAMILY_IDS[family as "account"];
};

export class Markets {
  readonly chain: Chain;
  readonly signers: HardhatEthersSigner[];
  readonly size: BoardSize;
  /** Of the board: `rekey` changes them. */
  keys: Keys;
  readonly queue: Called;
  readonly registry: Called;
  readonly points: Called;
  readonly oracle: Called;
  readonly sources: Called;
  readonly quorum: Called;
  readonly settlements: Called;
  router: Called;
  market: Market;
  epoch = 0n;
  #queued = 0;

  private constructor(
    chain: Chain,
    signers: HardhatEthersSigner[],
    size: BoardSize,
    keys: Keys,
    contracts: Record<
      "queue" | "registry" | "points" | "oracle" | "sources" | "quorum" | "settlements" | "router",
      Called
    >,
  ) {
    [this.chain, this.signers, this.size, this.keys] = [chain, signers, size, keys];
    const { queue, registry, points, oracle, sources, quorum, settlements, router } = contracts;
    [this.queue, this.registry, this.points, this.oracle] = [queue, registry, points, oracle];
    [this.sources, this.quorum, this.settlements, this.router] = [sources, quorum, settlements, router];
    this.market = marketAt(size, 100_000n, 4_000n);
  }

  /** Signers: 0 owns, 1 to 5 report (3 of 5), 6 is the guardian. Board 1, its two assets configured, no epoch, queue open. */
  static async create(
    size: BoardSize,
    {
      keys = keysOf(size),
      sequencer = false,
      model = POLICY,
      policy = chainPolicy(model, TERMS),
      lotDecimals = [8n, 8n],
      chain: given,
      reporters: named,
      quorum: count = 3,
    }: MarketsOptions = {},
  ): Promise<Markets> {
    const chain = given ?? (await network.create({ override: { chainId: 31_337, gas: GAS_LIMIT } }));
    const signers = await chain.ethers.getSigners();
    const deploy = (name: string, args: unknown[]) =>
      chain.ethers.deployContract(name, args) as unknown as Promise<Called>;
    const router = await routerOf(chain, keys);
    const queue = await deploy("Queue", [signers[0], signers[6], TIMELOCK]);
    const registry = await deploy("PolicyRegistry", [queue, MAX_MOVE_BPS]);
    const feed = sequencer ? await deploy("TestFeed", [0, 0]) : undefined;
    const reporters = named ?? (await byAddress(signers.slice(1, 6))).map((signer) => signer.address);
    const oracle = await deploy("PriceOracle", [registry, feed ?? ZERO, reporters, count]);
    const at = async (name: string, address: string) =>
      (await chain.ethers.getContractAt(name, address)) as unknown as Called;
    const contracts = {
      ...{ queue, registry, oracle, router },
      points: await at("PolicyPoints", await registry.points!()),
      sources: await at("PriceSources", await oracle.sources!()),
      quorum: await at("Reporters", await oracle.reporters!()),
      settlements: await at("Settlements", await oracle.settlements!()),
    };
    const markets = new Markets(chain, signers, size, keys, contracts);
    await markets.linkKeys(router, keys, model);
    await markets.setUp(registry, "createBoard", router, instrumentsOf(size), policy);
    for (const [asset, decimals] of lotDecimals.entries()) {
      await markets.setUp(contracts.sources, "configure", 1, asset, { ...PLAIN, lotDecimals: decimals });
    }
    return markets;
  }

  get ethers() {
    return this.chain.ethers;
  }
  get time() {
    return this.chain.networkHelpers.time;
  }
  get reporters() {
    return this.signers.slice(1, 6);
  }
  get guardian() {
    return this.signers[6]!;
  }
  async now(): Promise<bigint> {
    return BigInt(await this.time.latest());
  }
  async domain() {
    return domainOf("PriceOracle", 31_337n, await this.oracle.getAddress());
  }
  as(signer: HardhatEthersSigner, contract: Called = this.oracle): Called {
    return contract.connect(signer) as Called;
  }
  policy(changes: Partial<PolicyTerms> = {}, policy = POLICY): ChainPolicy {
    return chainPolicy(policy, { ...TERMS, ...changes });
  }

  /** Makes a call of the queue at once, as the deployer may before the queue is closed. */
  async setUp(contract: Called, method: string, ...args: unknown[]) {
    const { data } = await contract.getFunction(method).populateTransaction(...args);
    return this.queue.setUp!(await contract.getAddress(), data);
  }

  /** Waits in the queue, and is carried out. */
  async queued(contract: Called, method: string, ...args: unknown[]) {
    const { data } = await contract.getFunction(method).populateTransaction(...args);
    const salt = `0x${(++this.#queued).toString(16).padStart(64, "0")}`;
    const call = [await contract.getAddress(), 0n, data, NO_HASH, salt] as const;
    await this.queue.schedule!(...call, TIMELOCK);
    await this.time.increase(TIMELOCK);
    return this.queue.execute!(...call);
  }

  /** Links of the exit market and of a policy under keys. */
  async linkKeys(router: Called, keys: Keys, policy = POLICY): Promise<void> {
    for (const key of keys) {
      const circuit = key.identity.size;
      if (familyOf(circuit) === "settlement") continue;
      const verifier: string = await router.verifierOf!(instrumentsOf(boardSizeOf(circuit)), FAMILY_OF(circuit));
      const linked = { verifier, maker: key };
      if (familyOf(circuit) === "account") await linkExit(this.points, boardSizeOf(circuit), linked);
      await linkPolicy(this.points, policy, [linked]);
    }
  }

  /** A data page; its address. */
  async page(content: Parameters<typeof pageCreation>[0]): Promise<string> {
    const receipt = await (await this.signers[0]!.sendTransaction({ data: pageCreation(content) })).wait();
    return receipt!.contractAddress!;
  }
  terms(terms: BoardTerms): Promise<string> {
    return this.page(boardTermsBytes(terms));
  }

  key(family: bigint): SimulatedKey<CircuitName> {
    return this.keys.find(({ identity }) => FAMILY_OF(identity.size) === family)!;
  }

  /** An epoch ready to be published, numbered after the last that was made unless given. */
  async make(sent: Sent = {}, number = this.epoch + 1n) {
    const market = sent.market ?? this.market;
    const published = publication(market, { board: 1n, epoch: number });
    const values = sent.values ?? published.values;
    const epoch: Epoch = { ...published.epoch, valuesHash: keccak256(values) };
    const sight = sent.sights ?? { time: sent.time ?? (await this.now()), prices: sent.prices ?? market.prices };
    const by = sent.reporters ?? this.reporters.slice(0, 3);
    const observations: Observation[] = await observe(by, await this.domain(), epoch, sight);
    const counted = await countedValues(this.oracle, 1n, observations);
    const oracle = { chainId: 31_337n, address: await this.oracle.getAddress() };
    const { linked = (same) => same, families = [FAMILY_IDS.account] } = sent;
    const statement = linked(epochStatement(oracle, epoch, market, counted));
    const links = families.map((family) => ({ family, link: this.key(family).link(statement) }));
    this.epoch = number;
    return { epoch, observations, values, counted, statement, links };
  }

  send(made: Awaited<ReturnType<Markets["make"]>>, change: Partial<Awaited<ReturnType<Markets["make"]>>> = {}) {
    const { epoch, observations, values, links } = { ...made, ...change };
    return this.oracle.publish!(epoch.board, epoch.epoch, observations, values, links);
  }

  /** Publishes an epoch, and returns what was used. */
  async publish(sent: Sent = {}) {
    const made = await this.make(sent);
    await this.send(made);
    if (sent.market !== undefined) this.market = sent.market;
    return made;
  }

  /** A settlement of rows at marks, ready to be opened. */
  async settle(marks: Record<number, bigint>, number: bigint, deadline = 1n << 40n) {
    const rows = new Map(Object.entries(marks).map(([row, mark]) => [Number(row), mark as ColumnE6]));
    const { packed, marksHash } = settlementPublication(this.size, rows);
    const signatures = await signSettlement(this.reporters.slice(0, 3), await this.domain(), {
      ...{ board: 1n, number, marksHash, deadline },
    });
    const place = { chainId: 31_337n, address: await this.settlements.getAddress() };
    const statement = marksStatement(place, { board: 1n, number }, this.size, rows, marksHash);
    const link: Link = this.key(FAMILY_IDS.settlement).link(statement);
    return {
      ...{ packed, marksHash, signatures, statement, link, deadline },
      send: () => this.settlements.settle!(1, number, packed, deadline, signatures, link),
    };
  }

  /** The standing epoch in any condition. */
  async standing(board = 1n): Promise<Standing> {
    const [epoch, evidencePolicy] = (await this.oracle.standingOf!(board)) as unknown as [Standing, bigint];
    const { policyId, keyId, unvalued, halted, frozen, time, debtRateBps, point, verifier } = epoch;
    return {
      ...{ epoch: epoch.epoch, policyId, keyId, unvalued, halted, frozen, time, debtRateBps, point, verifier },
      evidencePolicy,
    };
  }

  /** What an unlimited question gets: the market of a view. */
  outflow(board = 1n) {
    return this.oracle.outflow!(board) as unknown as Promise<ViewedMarket>;
  }
  evidence(board = 1n) {
    return this.oracle.evidence!(board) as unknown as Promise<ViewedMarket>;
  }
  attesting(epoch: bigint, board = 1n) {
    return this.oracle.attesting!(board, epoch) as unknown as Promise<ViewedMarket>;
  }
}

export const ZERO = `0x${"0".repeat(40)}`;
export const NO_HASH = `0x${"0".repeat(64)}`;

export interface ViewedMarket {
  readonly verifier: string;
  readonly policyId: bigint;
  readonly epoch: bigint;
  readonly time: bigint;
  readonly levels: readonly bigint[];
  readonly point: readonly [bigint, bigint];
}

export interface Standing {
  readonly epoch: bigint;
  readonly policyId: bigint;
  readonly keyId: bigint;
  readonly unvalued: bigint;
  readonly halted: boolean;
  readonly frozen: boolean;
  readonly time: bigint;
  readonly debtRateBps: bigint;
  readonly point: readonly [bigint, bigint];
  readonly verifier: string;
  readonly evidencePolicy: bigint;
}

const VERIFIERS = {
  account: "AccountVerifier",
  settlement: "SettlementVerifier",
  lot: "LotVerifier",
  round: "RoundVerifier",
};

/** A router over a verifier of each key. */
export async function routerOf(chain: Chain, keys: Keys): Promise<Called> {
  const verifiers: string[] = [];
  for (const key of keys) verifiers.push(await (await verifierOf(chain, key)).getAddress());
  return (await chain.ethers.deployContract("VerifierRouter", [verifiers])) as unknown as Called;
}

export async function verifierOf(chain: Chain, { identity, key: full, linkKeyFile }: SimulatedKey<CircuitName>) {
  const circuit = identity.size;
  const { hash, key } = chainKey(full, ownSignalsOf(circuit).length, linkKeyFile);
  const family = familyOf(circuit) as keyof typeof VERIFIERS;
  const members = family === "round" ? [shapeOf(circuit).members] : [];
  const args = [instrumentsOf(boardSizeOf(circuit)), ...members, key, hash];
  return (await chain.ethers.deployContract(VERIFIERS[family], args)) as unknown as Called;
}

/** The market as the chain asks: its blank rows closed, or where they are open already, as they were. */
export function listed(market: Market, before?: Market): Market {
  const blank = ({ profits, mark, delta }: BoardRow) => [...profits, mark, delta].every((column) => column === 0n);
  const rows = market.board.rows.map((row, index) => (blank(row) ? (before?.board.rows[index] ?? CLOSED_ROW) : row));
  return { ...market, board: { ...market.board, rows } };
}
