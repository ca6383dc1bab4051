// SPDX-License-Identifier: GPL-3.0-or-later
/** Registry and oracle on a chain of their own, under simulated keys: no gate, no proofs. */
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { Contract, InterfaceAbi } from "ethers";
import { network } from "hardhat";
import {
  byAddress,
  type ChainPolicy,
  chainPolicy,
  domainOf,
  type Observation,
  observe,
  type Part,
  type PolicyTerms,
  publication,
  type ReporterPrices,
  settlementPublication,
  signSettlement,
} from "../../prover/src/chain/publication.ts";
import { chainKey } from "../../prover/src/chain/verifying-key.ts";
import { type BoardRow, CLOSED_ROW, type Market } from "../../prover/src/model/market.ts";
import { type HaircutSchedule, NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { ASSETS, type BoardSize, blocksOf, instrumentsOf, SCENARIOS } from "../../prover/src/model/sizes.ts";
import { publicInputsOf } from "../../prover/src/statement/families.ts";
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
    premiumBps: 500n,
    discountBps: 1000n,
    levyBps: 100n,
    maxSlice: 10n ** 12n,
    dust: 10n ** 6n,
    reward: 10n ** 6n,
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

/** No feed and no vault. */
export const PLAIN = {
  maxMoveBps: 1_000n,
  lotDecimals: 8n,
  deviationBps: 0n,
  feed: { aggregator: `0x${"0".repeat(40)}`, heartbeat: 0n, minAnswer: 0n, maxAnswer: 0n },
  second: { aggregator: `0x${"0".repeat(40)}`, heartbeat: 0n, minAnswer: 0n, maxAnswer: 0n },
  vault: `0x${"0".repeat(40)}`,
  growthBpsPerDay: 0n,
};

export interface Keys {
  readonly accounts: SimulatedKey;
  /** A key of the settlement circuit's length. */
  readonly settlements: SimulatedKey["key"];
}

/** IC of the first signals of a longer key serve as a key of settlements: only its points are used here. */
export function keysOf(size: BoardSize, seed = 1n): Keys {
  const accounts = simulatedKey(size, seed);
  const signals = 3 + 2 * instrumentsOf(size);
  if (signals > publicInputsOf(size)) throw new RangeError("the account key is too short");
  const settlements = { ...accounts.key, nPublic: signals, IC: accounts.key.IC.slice(0, signals + 1) };
  return { accounts, settlements };
}

export type Chain = Awaited<ReturnType<typeof network.create>>;
type Method = (...args: unknown[]) => Promise<never>;
type Called = Contract & Record<string, Method>;

export interface Sent {
  readonly market?: Market;
  readonly prices?: readonly bigint[];
  readonly time?: bigint;
  readonly sights?: readonly ReporterPrices[];
  readonly reporters?: readonly HardhatEthersSigner[];
  readonly change?: (parts: Part[]) => Part[];
}

export class Markets {
  readonly chain: Chain;
  readonly signers: HardhatEthersSigner[];
  readonly registry: Called;
  readonly oracle: Called;
  readonly sources: Called;
  readonly router: Called;
  readonly size: BoardSize;
  readonly keys: Keys;
  market: Market;
  epoch = 0n;

  private constructor(
    chain: Chain,
    signers: HardhatEthersSigner[],
    contracts: [Called, Called, Called, Called],
    size: BoardSize,
    keys: Keys,
  ) {
    this.chain = chain;
    this.signers = signers;
    [this.registry, this.oracle, this.sources, this.router] = contracts;
    this.size = size;
    this.keys = keys;
    this.market = marketAt(size, 100_000n, 4_000n);
  }

  /** Signers: 0 owns, 1 to 5 report (3 of 5), 6 is the guardian. Board 1, its two assets configured, no epoch. */
  static async create(size: BoardSize, { keys = keysOf(size), sequencer = false } = {}): Promise<Markets> {
    const chain = await network.create({ override: { chainId: 31_337, gas: GAS_LIMIT } });
    const signers = await chain.ethers.getSigners();
    const router = await routerOf(chain, signers[0]!, size, keys);
    const deploy = (name: string, args: unknown[]) =>
      chain.ethers.deployContract(name, args) as unknown as Promise<Called>;
    const registry = await deploy("PolicyRegistry", [signers[0], signers[6], TIMELOCK, MAX_MOVE_BPS]);
    const feed = sequencer ? await deploy("TestFeed", [0, 0]) : undefined;
    const reporters = (await byAddress(signers.slice(1, 6))).map((signer) => signer.address);
    const zero = `0x${"0".repeat(40)}`;
    const oracle = await deploy("PriceOracle", [registry, feed ?? zero, reporters, 3]);
    const sources = (await chain.ethers.getContractAt("PriceSources", await oracle.sources!())) as unknown as Called;
    await registry.createBoard!(router, instrumentsOf(size), chainPolicy(POLICY, TERMS));
    for (const asset of [0, 1]) await sources.configure!(1, asset, PLAIN);
    return new Markets(chain, signers, [registry, oracle, sources, router], size, keys);
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

  /** An epoch ready to be opened, numbered after the last that was made unless given. */
  async make(sent: Sent = {}, number = this.epoch + 1n) {
    const market = sent.market ?? this.market;
    let { epoch, parts } = publication(market, { board: 1n, epoch: number });
    if (sent.change !== undefined) {
      parts = sent.change(parts);
      const { partHash } = await import("../../prover/src/chain/publication.ts");
      for (let index = parts.length - 1; index > 0; index--) {
        parts[index - 1] = { ...parts[index - 1]!, next: partHash(parts[index]!) };
      }
      epoch = { ...epoch, firstPart: partHash(parts[0]!) };
    }
    const sight = sent.sights ?? { time: sent.time ?? (await this.now()), prices: sent.prices ?? market.prices };
    const by = sent.reporters ?? this.reporters.slice(0, 3);
    const observations: Observation[] = await observe(by, await this.domain(), epoch, sight);
    this.epoch = number;
    return { epoch, observations, parts };
  }

  /** Opens an epoch, adds all its parts, and returns what was used. */
  async publish(sent: Sent = {}, former: Part[] = []) {
    const made = await this.make(sent);
    await this.open(made, made.parts.slice(0, 1), former.slice(0, 1));
    for (const [index, part] of made.parts.entries()) {
      if (index !== 0) await this.oracle.resume!(1, made.epoch.epoch, [part], former.slice(index, index + 1));
    }
    if (sent.market !== undefined) this.market = sent.market;
    return made;
  }

  open(
    { epoch, observations }: { epoch: { board: bigint; epoch: bigint; firstPart: string }; observations: unknown[] },
    parts: readonly Part[] = [],
    former: readonly Part[] = [],
  ) {
    return this.oracle.open!(epoch.board, epoch.epoch, observations, epoch.firstPart, parts, former);
  }

  /** Opens and completes a settlement of rows at marks. */
  async settle(marks: Record<number, bigint>, number: bigint) {
    const rows = new Map(Object.entries(marks).map(([row, mark]) => [Number(row), mark as ColumnE6]));
    const { firstPart, parts } = settlementPublication(this.size, rows);
    const signatures = await signSettlement(this.reporters.slice(0, 3), await this.domain(), {
      board: 1n,
      number,
      firstPart,
    });
    return {
      firstPart,
      parts,
      signatures,
      send: () => this.oracle.openSettlement!(1, number, firstPart, signatures, parts),
    };
  }

  latest(board = 1n) {
    return this.oracle.latest!(board) as Promise<{
      epoch: bigint;
      time: bigint;
      policyId: bigint;
      verifier: string;
      usable: boolean;
      complete: boolean;
      point: [bigint, bigint];
    }>;
  }
}

/** A router over verifiers of accounts and settlements. */
export async function routerOf(chain: Chain, deployer: HardhatEthersSigner, size: BoardSize, keys: Keys) {
  const verifiers: string[] = [];
  for (const [name, key] of [
    ["AccountVerifier", keys.accounts.key],
    ["SettlementVerifier", keys.settlements],
  ] as const) {
    const { hash, pages } = chainKey(key);
    const addresses: string[] = [];
    for (const data of pages) {
      addresses.push((await (await deployer.sendTransaction({ data })).wait())!.contractAddress!);
    }
    const verifier = await chain.ethers.deployContract(name, [instrumentsOf(size), addresses, hash]);
    verifiers.push(await verifier.getAddress());
  }
  return (await chain.ethers.deployContract("VerifierRouter", [[verifiers[0]], [verifiers[1]]])) as unknown as Called;
}

export type { InterfaceAbi };

/** The market with its blank rows closed, as the chain asks. */
export function listed(market: Market): Market {
  const blank = ({ profits, mark, delta }: BoardRow) => [...profits, mark, delta].every((column) => column === 0n);
  const rows = market.board.rows.map((row) => (blank(row) ? CLOSED_ROW : row));
  return { ...market, board: { ...market.board, rows } };
}
