// SPDX-License-Identifier: GPL-3.0-or-later
/** A simulated chain with the whole system on it, and holders of accounts that know their private side. */

import type { HardhatEthers, HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { Contract, TypedDataDomain } from "ethers";
import { network } from "hardhat";
import {
  carryEpoch,
  carrySettlement,
  FAMILY_IDS,
  fixedValues,
  linkExit,
  linkPolicy,
  marksStatement,
  publishArguments,
} from "../../prover/src/chain/carrier.ts";
import type { Published, Venue } from "../../prover/src/chain/client.ts";
import { type DeployableKey, type Deployment, deploy, type SystemParameters } from "../../prover/src/chain/deploy.ts";
import {
  type Action,
  contextOf,
  type GateCall,
  type Side as Part,
  type Step,
  signCall,
  signClear,
  stepOf,
  type Trade,
} from "../../prover/src/chain/gate-calls.ts";
import type { LiquidationVenue } from "../../prover/src/chain/liquidation.ts";
import {
  type ChainLevels,
  type ChainPolicy,
  chainPolicy,
  domainOf,
  observe,
  type PolicyTerms,
  publication,
  signSettlement,
} from "../../prover/src/chain/publication.ts";
import { sealState } from "../../prover/src/chain/sealed-state.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitFill, commitState } from "../../prover/src/model/commit.ts";
import { EXIT_LEVEL, exitValues } from "../../prover/src/model/exit-market.ts";
import { type BoardRow, CLOSED_ROW, type Market } from "../../prover/src/model/market.ts";
import { type HaircutSchedule, NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import {
  ASSETS,
  type BoardSize,
  blocksOf,
  CASH_INDEX,
  instrumentsOf,
  SCENARIOS,
} from "../../prover/src/model/sizes.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Transition } from "../../prover/src/model/transition.ts";
import { loadDeployableKey, loadLinkKey } from "../../prover/src/node/artifacts.ts";
import type { Groth16Proof, Prover } from "../../prover/src/node/prover.ts";
import { createLinkMaker, type LinkMaker } from "../../prover/src/prove/link.ts";
import { buildStatement, type Direction, type Request } from "../../prover/src/statement/account.ts";
import { type CircuitName, type CircuitOf, circuitOf } from "../../prover/src/statement/families.ts";
import { buildSettlementStatement, settle } from "../../prover/src/statement/settlement.ts";
import type { SettlementMarks } from "../../prover/src/statement/signals.ts";
import type {
  ChargeE6,
  ColumnE6,
  LevelBps,
  LotPriceE16,
  QuantityLots,
  RateBps,
  ScanLots,
  ThresholdE6,
  WeightBps,
} from "../../prover/src/units.ts";
import { type SimulatedKey, simulatedKey } from "../support/simulated.ts";
import { GAS_LIMIT } from "./limits.ts";

export const E6 = 10n ** 6n;
export const E8 = 10n ** 8n;
export const E18 = 10n ** 18n;
export const LEVELS: ChainLevels = { initial: 15_000n, call: 12_000n, liquidation: 10_000n, closeOut: 6_000n };
export const MAX_AGE = 3600n;
export const DAY = 86_400n;
export const OPERATOR_DEADLINE = 2n * DAY;
/** No grace: a new epoch ends the one before. */
export const TERMS: PolicyTerms = {
  levels: LEVELS,
  maxAge: MAX_AGE,
  epochGrace: 0n,
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
    tillFloor: 0n,
  },
};
export const CASH = BigInt(CASH_INDEX);
export const BTC = 0n;
/** Token of 18 decimals with lots of 10^-8. */
export const ETH = 1n;
/** Far beyond any test. */
export const LATE = 1n << 40n;

const schedule = (...tiers: [bigint, bigint][]): HaircutSchedule =>
  tiers.map(([boundary, weight]) => ({ boundaryLots: boundary as QuantityLots, weightBps: weight as WeightBps }));

/** Bitcoin and ether with haircuts in tiers; nothing else counts. */
export const POLICY: Policy = {
  schedules: [
    schedule([50n * E8, 9_500n], [100n * E8, 9_000n], [500n * E8, 8_000n], [1000n * E8, 5_000n]),
    schedule([1000n * E8, 9_200n], [5000n * E8, 8_500n], [5000n * E8, 0n], [5000n * E8, 0n]),
    ...new Array<HaircutSchedule>(ASSETS - 2).fill(UNLISTED),
  ],
  scanLots: new Array<ScanLots>(ASSETS).fill(NOT_SCANNED),
  debtRateBps: 0n as RateBps,
};

/** Two futures at a quarter of 0.001 bitcoin and 0.01 ether a lot, 16 moves from −12% to +12%. Prices in whole dollars. */
export function marketAt(size: BoardSize, btc: bigint, eth: bigint): Market {
  const future = (lotE6: bigint): BoardRow => ({
    profits: Array.from(
      { length: SCENARIOS },
      (_, move) => ((lotE6 * (BigInt(move % 16) * 16n - 120n)) / 1000n) as ColumnE6,
    ),
    mark: (lotE6 / 4n) as ColumnE6,
    delta: lotE6 as ColumnE6,
    vega: 0n as ColumnE6,
    longCharge: 40_000n as ChargeE6,
    shortCharge: 50_000n as ChargeE6,
  });
  const rows = new Array<BoardRow>(instrumentsOf(size)).fill(CLOSED_ROW);
  rows[0] = future(btc * 1000n);
  rows[1] = future(eth * 10_000n);
  return {
    prices: [btc * E8, eth * E8, ...new Array<bigint>(ASSETS - 2).fill(0n)] as LotPriceE16[],
    board: {
      size,
      rows,
      blocks: Array.from({ length: blocksOf(size) }, () => ({
        continues: false,
        liquidityThreshold: (2_000_000n * E6) as ThresholdE6,
        liquidityRate: 50n as RateBps,
        vegaThreshold: 0n as ThresholdE6,
        vegaRate: 20n as RateBps,
      })),
    },
  };
}

/** Proves what the world's verifiers accept: with the real prover, or with a simulated key. */
export type Prove = (request: Request) => Promise<Groth16Proof>;

/** The real circuit: false statements are refused, as they are by any prover. */
export const realProve =
  (prover: Prover): Prove =>
  async (request) =>
    (await prover.prove(request)).proof;

/** A simulated key: anything can be proven, true or not. */
export const simulatedProve =
  (key: SimulatedKey): Prove =>
  async (request) =>
    key.prove(buildStatement(request).publicSignals) as Groth16Proof;

/** A simulated key that proves what is true by the model, and nothing else. */
export const modelProve =
  (key: SimulatedKey): Prove =>
  async (request) => {
    const { holds, publicSignals } = buildStatement(request);
    if (!holds) throw new PlimsollError("STATEMENT_FALSE", "by the model the statement is not true");
    return key.prove(publicSignals) as Groth16Proof;
  };

/** A simulated key as `deploy` takes it. */
export function deployable<Name extends CircuitName>(key: SimulatedKey<Name>): DeployableKey<Name> {
  const { identity, file, linkKeyFile } = key;
  const { size, sha256, origin } = identity;
  return { identity: { size, origin, verificationKeySha256: sha256 }, verificationKeyFile: file, linkKeyFile };
}

/** What makes the links of a circuit that is real. */
const realMakers = new Map<CircuitName, Promise<LinkMaker>>();
const realMaker = (circuit: CircuitName): Promise<LinkMaker> => {
  const maker = realMakers.get(circuit) ?? loadLinkKey(circuit).then((key) => createLinkMaker(key));
  realMakers.set(circuit, maker);
  return maker;
};

export interface WorldOptions {
  readonly size?: BoardSize;
  /** The real circuit's prover; a simulated key without one. */
  readonly prover?: Prover;
  readonly key?: SimulatedKey;
  /** The simulated key proves true statements only. */
  readonly truthful?: boolean;
  readonly chainId?: number;
  /** Unix seconds at which the chain starts; now unless given. */
  readonly start?: bigint;
  readonly terms?: Partial<PolicyTerms>;
}

/** A chain of its own. With a fixed gas limit nothing is estimated, which would run every transaction several times. */
export const createChain = (chainId = 31_337, start?: bigint) =>
  network.create({
    override: {
      chainId,
      gas: GAS_LIMIT,
      ...(start === undefined ? {} : { initialDate: new Date(Number(start) * 1000).toISOString() }),
    },
  });

export type Chain = Awaited<ReturnType<typeof network.create>>;

/** Everything by the first signers: 0 owns, 1 to 5 report (3 of 5), 6 guards, 7 operates. */
export function parametersOf(signers: readonly HardhatEthersSigner[]): SystemParameters {
  return {
    owner: signers[0]!.address,
    guardian: signers[6]!.address,
    operator: signers[7]!.address,
    operatorDeadline: OPERATOR_DEADLINE,
    reporters: signers.slice(1, 6).map(({ address }) => address),
    quorum: 3n,
    timelock: 2n * DAY,
    maxMoveBps: 5_000n,
    sequencer: "none",
    assets: [],
  };
}

/** Prices without feeds, that may halve in an epoch. */
const NO_FEED = { aggregator: `0x${"0".repeat(40)}`, heartbeat: 0n, minAnswer: 0n, maxAnswer: 0n };
export const SOURCE = {
  maxMoveBps: 5_000n,
  lotDecimals: 8n,
  deviationBps: 0n,
  apart: false,
  feed: NO_FEED,
  second: NO_FEED,
};

export class World {
  readonly chain: Chain;
  readonly size: BoardSize;
  readonly prove: Prove;
  readonly key: SimulatedKey | undefined;
  readonly settlementKey: SimulatedKey<CircuitOf<"settlement">>;
  readonly signers: HardhatEthersSigner[];
  readonly deployment: Deployment;
  readonly tokens: Map<bigint, Contract>;
  policy: Policy = POLICY;
  terms: PolicyTerms = TERMS;
  market: Market;
  epoch = 0n;
  readonly board = 1n;
  /** Whether accounts are proven and epochs linked under the real keys. */
  real = false;

  private constructor(
    chain: Chain,
    size: BoardSize,
    prove: Prove,
    key: SimulatedKey | undefined,
    settlementKey: SimulatedKey<CircuitOf<"settlement">>,
    signers: HardhatEthersSigner[],
    deployment: Deployment,
    tokens: Map<bigint, Contract>,
  ) {
    this.settlementKey = settlementKey;
    this.chain = chain;
    this.size = size;
    this.prove = prove;
    this.key = key;
    this.signers = signers;
    this.deployment = deployment;
    this.tokens = tokens;
    this.market = marketAt(size, 100_000n, 4_000n);
  }

  /** Board 1 with epoch 1, and USDC, BTC and ETH registered. Signers as in `parametersOf`. */
  static async create({
    size = "board-60",
    prover,
    key = simulatedKey(size),
    chainId,
    start,
    terms,
    truthful = false,
  }: WorldOptions = {}) {
    const chain = await createChain(chainId, start);
    const signers = await chain.ethers.getSigners();
    const settlementKey = simulatedKey(circuitOf("settlement", size), 77n);
    const deployment = await deploy({
      deployer: signers[0]!,
      keys: [prover === undefined ? deployable(key) : (await loadDeployableKey(size))!, deployable(settlementKey)],
      parameters: parametersOf(signers),
    });
    const tokens = new Map<bigint, Contract>();
    const simulated = truthful ? modelProve(key) : simulatedProve(key);
    const prove = prover === undefined ? simulated : realProve(prover);
    const world = new World(chain, size, prove, key, settlementKey, signers, deployment, tokens);
    world.real = prover !== undefined;
    if (terms !== undefined) world.terms = { ...TERMS, ...terms };
    for (const [asset, symbol, decimals, lotDecimals] of [
      [CASH, "USDC", 6, 6],
      [BTC, "WBTC", 8, 8],
      [ETH, "WETH", 18, 8],
    ] as const) {
      const token = await chain.ethers.deployContract("TestToken", [symbol, decimals]);
      await call(deployment.gate, "registerAsset", asset, token, lotDecimals);
      tokens.set(asset, token as unknown as Contract);
    }
    await world.linkPolicy(world.policy, true);
    await world.createBoard();
    await world.setUp(deployment.oracle, "bindGate", world.board, deployment.gate);
    await world.publish();
    return world;
  }

  /** A board with the world's policy; its number is the next. */
  async createBoard(board = 1n): Promise<void> {
    const { registry, router, oracle } = this.deployment;
    await this.setUp(registry, "createBoard", router, instrumentsOf(this.size), this.chainPolicy());
    const sources = await this.ethers.getContractAt("PriceSources", (await callView(oracle, "sources")) as string);
    for (const asset of [BTC, ETH]) await this.setUp(sources as unknown as Contract, "configure", board, asset, SOURCE);
  }

  /** Makes a call of the queue at once, as its deployer may. */
  async setUp(contract: Contract, method: string, ...args: unknown[]) {
    const { data } = await contract.getFunction(method).populateTransaction(...args);
    return call(this.deployment.queue, "setUp", contract, data);
  }

  /** What makes links under the key of accounts. */
  async maker(key = this.key): Promise<Pick<LinkMaker, "link">> {
    return this.real ? realMaker(this.size) : key!;
  }

  /** Links a policy, and the exit market where told to, under a key of accounts. */
  async linkPolicy(policy: Policy, exit = false, verifier = this.verifier, key = this.key): Promise<void> {
    const points = (await this.ethers.getContractAt(
      "PolicyPoints",
      (await callView(this.deployment.registry, "points")) as string,
    )) as unknown as Contract;
    const linked = { verifier: await verifier.getAddress(), maker: await this.maker(key) };
    if (exit) await linkExit(points, this.size, linked);
    await linkPolicy(points, policy, [linked]);
  }

  /** Puts a policy in force, without the wait. */
  async setPolicy(policy: Policy, changes: Partial<PolicyTerms> = {}) {
    await this.linkPolicy(policy);
    this.policy = policy;
    return this.setUp(this.deployment.registry, "setPolicy", this.board, this.chainPolicy(policy, changes));
  }

  get ethers(): HardhatEthers {
    return this.chain.ethers;
  }
  get time() {
    return this.chain.networkHelpers.time;
  }
  get gate(): Contract {
    return this.deployment.gate;
  }
  get oracle(): Contract {
    return this.deployment.oracle;
  }
  get verifier(): Contract {
    return this.deployment.verifiers.get(this.size)!;
  }
  get reporters() {
    return this.signers.slice(1, 6);
  }
  get guardian() {
    return this.signers[6]!;
  }
  get operator() {
    return this.signers[7]!;
  }
  get levels() {
    return this.terms.levels;
  }
  async now(): Promise<bigint> {
    return BigInt(await this.time.latest());
  }

  chainPolicy(policy = this.policy, changes: Partial<PolicyTerms> = {}): ChainPolicy {
    return chainPolicy(policy, { ...this.terms, ...changes });
  }

  async domain(name: "PriceOracle" | "MarginGate" | "Liquidation"): Promise<TypedDataDomain> {
    const { chainId } = await this.ethers.provider.getNetwork();
    const { oracle, gate, liquidation } = this.deployment;
    const contract = { PriceOracle: oracle, MarginGate: gate, Liquidation: liquidation }[name];
    return domainOf(name, chainId, await contract.getAddress());
  }

  /** What making, taking and giving back lots needs. */
  async auctions(): Promise<LiquidationVenue> {
    const prover = { prove: async (request: Request) => ({ proof: await this.prove(request) }) };
    return {
      gate: await this.domain("MarginGate"),
      liquidation: await this.domain("Liquidation"),
      prover: prover as unknown as LiquidationVenue["prover"],
    };
  }

  /** The epoch that stands, as far as the world published it. */
  async published(): Promise<Published> {
    return { ...(await this.under()), policy: this.policy, market: this.market };
  }

  /** What a client needs; `prover` proves. */
  async venue(prover: Venue["prover"]): Promise<Venue> {
    const domain = await this.domain("MarginGate");
    return {
      gate: this.gate,
      domain,
      prover,
      cosign: (first, second) => signClear(this.operator, domain, first, second),
    };
  }

  /** What steps name: the standing epoch, and the policy that it was opened under. */
  async under(): Promise<{ policyId: bigint; epoch: bigint }> {
    const [{ policyId, epoch }] = (await callView(this.oracle, "standingOf", this.board)) as {
      policyId: bigint;
      epoch: bigint;
    }[] as [{ policyId: bigint; epoch: bigint }];
    return { policyId, epoch };
  }

  /** Publishes a market as the next epoch, unless told which; the world's market is then this one. */
  async publish(
    market = this.market,
    { epoch = this.epoch + 1n, time, linkedBy }: { epoch?: bigint; time?: bigint; linkedBy?: SimulatedKey } = {},
  ) {
    const at = time ?? (await this.now());
    const place = { board: this.board, epoch };
    const sight = { time: at, prices: market.prices };
    const signed = publication(market, place).epoch;
    const observations = await observe(this.reporters.slice(0, 3), await this.domain("PriceOracle"), signed, sight);
    this.market = market;
    this.epoch = epoch;
    const makers = new Map([[FAMILY_IDS.account as bigint, await this.maker(linkedBy)]]);
    const carried = await carryEpoch(this.oracle, makers, market, place, observations);
    return call(this.oracle, "publish", ...publishArguments(carried));
  }

  /** Settles everything at the marks of the standing epoch, by a signer. */
  async windDown(by: number) {
    const settlements = await this.settlements();
    const { epoch } = publication(this.market, { board: this.board, epoch: this.epoch });
    const counted = { prices: this.market.prices, debtRateBps: this.policy.debtRateBps };
    const place = {
      chainId: (await this.ethers.provider.getNetwork()).chainId,
      address: await settlements.getAddress(),
    };
    const number = { board: this.board, number: 1n };
    const marks = new Map(this.market.board.rows.map(({ mark }, row) => [row, mark]));
    const fixedBy = fixedValues(epoch.valuesHash, counted);
    const link = this.settlementKey.link(marksStatement(place, number, this.size, marks, fixedBy));
    const { values } = publication(this.market, { board: this.board, epoch: this.epoch });
    const as = settlements.connect(this.signers[by]!);
    return call(as, "windDown", this.board, values, counted.prices, counted.debtRateBps, link);
  }

  /** The contract of the board's settlements. */
  async settlements(): Promise<Contract> {
    const address = (await callView(this.oracle, "settlements")) as string;
    return (await this.ethers.getContractAt("Settlements", address)) as unknown as Contract;
  }

  /** Opens a settlement of rows at marks. */
  async openSettlement(marks: Record<number, bigint>, number: bigint) {
    const rows = new Map(Object.entries(marks).map(([row, mark]) => [Number(row), mark as ColumnE6]));
    const [settlements, place, deadline] = [await this.settlements(), { board: this.board, number }, LATE];
    const carried = await carrySettlement(settlements, this.settlementKey, place, this.size, rows);
    const { packed, marksHash, link } = carried;
    const value = { ...place, marksHash, deadline };
    const signatures = await signSettlement(this.reporters.slice(0, 3), await this.domain("PriceOracle"), value);
    return call(settlements, "settle", this.board, number, packed, deadline, signatures, link);
  }

  /** An account of a signer, with tokens of every kind in its owner's pocket. */
  async holder(index: number, viewingKey = BigInt(index) + 1000n, agent?: string): Promise<Holder> {
    const owner = this.signers[index]!;
    for (const token of this.tokens.values()) {
      await call(token, "mint", owner, 10n ** 30n);
      await call(token.connect(owner), "approve", this.gate, 1n << 255n);
    }
    const holder = new Holder(this, owner, 0n, viewingKey as FieldElement);
    const { opening, ready, signature } = await holder.opening(owner.address, agent);
    await call(holder.gate, "open", opening, ready.step, signature);
    holder.id = await (this.gate.accounts as () => Promise<bigint>)();
    holder.state = ready.after;
    return holder;
  }
}

/** A call made ready: its step and the state after it. */
export interface Ready {
  readonly call: GateCall;
  readonly step: Step;
  readonly after: Account;
}

type Terms = { level: bigint; direction?: Direction };
type Given<Name extends GateCall["action"]> = Omit<Extract<Action, { action: Name }>, "action">;
type Bound = { deadline?: bigint; from?: Account; exit?: boolean; epoch?: bigint; blob?: string };

export class Holder {
  readonly world: World;
  readonly owner: HardhatEthersSigner;
  id: bigint;
  readonly viewingKey: FieldElement;
  state: Account;

  constructor(world: World, owner: HardhatEthersSigner, id: bigint, viewingKey: FieldElement) {
    this.world = world;
    this.owner = owner;
    this.id = id;
    this.viewingKey = viewingKey;
    this.state = genesis(world.size);
  }

  /** The same account in the hands of somebody who believes otherwise in some respect. */
  with(change: Partial<Pick<Holder, "world" | "owner" | "id" | "state" | "viewingKey">>): Holder {
    return Object.assign(Object.create(Holder.prototype) as Holder, this, change);
  }

  /** The gate, with the owner as sender. */
  get gate(): Contract {
    return this.world.gate.connect(this.owner) as Contract;
  }

  /** Proves one transition, bound to a call. */
  async prepare(
    given: Action,
    { transfer = NO_TRANSFER, fill = noFill(this.world.size), side = 1n }: Partial<Transition>,
    { level, direction = "at-least" }: Terms,
    { deadline = LATE, from, exit = false, epoch, blob }: Bound = {},
  ): Promise<Ready> {
    const { world } = this;
    const before = from ?? this.state;
    const transition: Transition = {
      transfer,
      fill,
      side,
      ...(before.viewingKey === 0n ? { openWithViewingKey: this.viewingKey } : {}),
    };
    const after = applyTransition(before, transition);
    const bound = {
      ...given,
      deadline,
      account: given.action === "Open" ? 0n : this.id,
      stateBefore: commitState(before),
      stateAfter: commitState(after),
      blob: blob ?? sealState(after),
    } as GateCall;
    const context = contextOf(await world.domain("MarginGate"), bound);
    const { policy, market } = exit ? exitValues(world.size) : world;
    const proof = await world.prove({
      before,
      transition,
      level: level as LevelBps,
      direction,
      context,
      policy,
      market,
    });
    if (exit) return { call: bound, step: stepOf(bound, { policyId: 0n, epoch: 0n }, proof), after };
    const current = await world.under();
    const under = { policyId: current.policyId, epoch: epoch ?? current.epoch };
    return { call: bound, step: stepOf(bound, under, proof), after };
  }

  /** With the owner's signature, for another sender. */
  async signed(ready: Ready, by = this.owner): Promise<Step> {
    return { ...ready.step, signature: await signCall(by, await this.world.domain("MarginGate"), ready.call) };
  }

  lots(asset: bigint, amount: bigint): bigint {
    return asset === ETH ? amount / 10n ** 10n : amount;
  }

  async opening(owner: string, agent = `0x${"0".repeat(40)}`, board = this.world.board) {
    const opening = { owner, agent, board };
    const ready = await this.prepare({ action: "Open", ...opening }, {}, { level: EXIT_LEVEL }, { exit: true });
    const { operator } = this.world;
    const signature = await signClear(operator, await this.world.domain("MarginGate"), ready.call);
    return { opening, ready, signature };
  }

  absorption(given: Given<"Absorb">, direction: Direction = "at-least", bound: Bound = {}): Promise<Ready> {
    const transfer = { asset: Number(given.asset), amount: this.lots(given.asset, given.amount) };
    // Whatever the account holds, its equity in the exit market is its cash.
    return this.prepare(
      { action: "Absorb", ...given },
      { transfer },
      { level: 0n, direction },
      { exit: true, ...bound },
    );
  }

  withdrawal(given: Given<"Withdraw">, bound: Bound = {}): Promise<Ready> {
    const transfer = { asset: Number(given.asset), amount: -this.lots(given.asset, given.amount) };
    return this.prepare({ action: "Withdraw", ...given }, { transfer }, { level: this.world.levels.initial }, bound);
  }

  leaving(given: Given<"Exit">, bound: Bound = {}): Promise<Ready> {
    const transfer = { asset: Number(given.asset), amount: -this.lots(given.asset, given.amount) };
    return this.prepare({ action: "Exit", ...given }, { transfer }, { level: EXIT_LEVEL }, { exit: true, ...bound });
  }

  attestation(level: bigint, bound: Bound = {}): Promise<Ready> {
    return this.prepare({ action: "Attest", level }, {}, { level }, bound);
  }

  flagging(level = this.world.levels.call, bound: Bound = {}): Promise<Ready> {
    return this.prepare({ action: "Flag", level }, {}, { level, direction: "below" }, bound);
  }

  trading(fill: Fill, side: 1n | -1n, counterparty: bigint, bound: Bound & { level?: bigint } = {}): Promise<Ready> {
    const level = bound.level ?? this.world.levels.initial;
    const given = { action: "Trade" as const, counterparty, fill: commitFill(fill), level };
    return this.prepare(given, { fill, side }, { level }, bound);
  }

  /** A trade after a proof that the account is below `level`, which it is at least at afterwards. */
  async improving(fill: Fill, side: 1n | -1n, counterparty: bigint, level: bigint, bound: Bound = {}) {
    const worse = await this.prepare({ action: "Worse", level }, {}, { level, direction: "below" }, bound);
    const ready = await this.trading(fill, side, counterparty, { ...bound, level, from: worse.after });
    return { ready, side: { step: await this.signed(ready), level, worse: [worse.step] } };
  }

  /** Passes a settlement: positions in the expired rows become cash. Under the simulated key only. */
  async expiring(settlement: bigint, marks: Record<number, bigint>, bound: Bound = {}): Promise<Ready> {
    const { world, state: before } = this;
    const rows: SettlementMarks = new Map(Object.entries(marks).map(([row, mark]) => [Number(row), mark as ColumnE6]));
    const after = settle(before, rows);
    const given = {
      action: "Expire" as const,
      account: this.id,
      stateBefore: commitState(before),
      stateAfter: commitState(after),
      blob: bound.blob ?? sealState(after),
      deadline: bound.deadline ?? LATE,
      settlement,
    };
    const context = contextOf(await world.domain("MarginGate"), given);
    const { publicSignals } = buildSettlementStatement({ before, marks: rows, context });
    const proof = world.settlementKey.prove(publicSignals) as Groth16Proof;
    return { call: given, step: stepOf(given, { policyId: 0n, epoch: 0n }, proof), after };
  }

  /** Pays in and absorbs at once. */
  async fund(asset: bigint, amount: bigint, direction: Direction = "at-least"): Promise<void> {
    await call(this.gate, "deposit", this.id, this.owner.address, asset, amount);
    const ready = await this.absorption({ asset, amount }, direction);
    await call(this.gate, "absorb", ready.step, asset, amount, direction === "below");
    this.state = ready.after;
  }
}

/** A trade that both owners and the operator have signed. */
export async function tradeOf(
  a: Holder,
  readyA: Ready,
  b: Holder,
  readyB: Ready,
  by = a.world.operator,
): Promise<Trade> {
  const [sideA, sideB] = [await sideOf(a, readyA), await sideOf(b, readyB)];
  return {
    a: sideA,
    b: sideB,
    fill: (readyA.call as Extract<GateCall, { action: "Trade" }>).fill,
    operatorSignature: await cleared(a.world, readyA, readyB, by),
  };
}

export async function sideOf(holder: Holder, ready: Ready, by?: HardhatEthersSigner): Promise<Part> {
  const { level } = ready.call as Extract<GateCall, { action: "Trade" }>;
  return { step: await holder.signed(ready, by), level, worse: [] };
}

/** The operator's signature over both sides. */
export const cleared = async (world: World, a: Ready, b: Ready, by = world.operator) =>
  signClear(by, await world.domain("MarginGate"), a.call, b.call);

/** Sends a transaction and waits for it. */
export async function call(contract: unknown, method: string, ...args: unknown[]) {
  const sent = await (contract as Record<string, (...args: unknown[]) => Promise<{ wait(): Promise<unknown> }>>)[
    method
  ]!(...args);
  return (await sent.wait()) as { gasUsed: bigint };
}

export function callView(contract: unknown, method: string, ...args: unknown[]): Promise<unknown> {
  return (contract as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]!(...args);
}

/** A fill of positions and cash, for the side that applies it with +1. */
export function fillOf(size: BoardSize, positions: Record<number, bigint>, cash: bigint, blinding = 7n): Fill {
  const empty = noFill(size);
  return {
    ...empty,
    positions: empty.positions.map((_, index) => positions[index] ?? 0n),
    cash,
    blinding: blinding as FieldElement,
  };
}
