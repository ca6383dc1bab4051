// SPDX-License-Identifier: GPL-3.0-or-later
/** A simulated chain with the whole system on it, and holders of accounts that know their private side. */
import type { HardhatEthers, HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { Contract, TypedDataDomain } from "ethers";
import { network } from "hardhat";
import { loadVerificationKey } from "../../prover/src/artifacts.ts";
import { contextOf, type GateCall, type Step, signCall, stepOf } from "../../prover/src/chain/calls.ts";
import { type DeployableKey, type Deployment, deploy } from "../../prover/src/chain/deploy.ts";
import {
  type ChainLevels,
  type ChainPolicy,
  chainPolicy,
  domainOf,
  publication,
  signEpoch,
} from "../../prover/src/chain/publication.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitFill, commitState } from "../../prover/src/model/commit.ts";
import { type BoardRow, EMPTY_ROW, type Market } from "../../prover/src/model/market.ts";
import { type HaircutSchedule, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { ASSETS, type BoardSize, blocksOf, CASH_INDEX, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { type Direction, type Request, state } from "../../prover/src/model/statement.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Transition } from "../../prover/src/model/transition.ts";
import type { Groth16Proof, Prover } from "../../prover/src/proof/prover.ts";
import type {
  ChargeE6,
  ColumnE6,
  LevelBps,
  LotPriceE16,
  QuantityLots,
  RateBps,
  ThresholdE6,
  WeightBps,
} from "../../prover/src/units.ts";
import { type SimulatedKey, simulatedKey } from "../support/simulated.ts";

export const E6 = 10n ** 6n;
export const E8 = 10n ** 8n;
export const E18 = 10n ** 18n;
export const LEVELS: ChainLevels = { initial: 15_000n, call: 12_000n, liquidation: 10_000n, closeOut: 6_000n };
export const MAX_AGE = 3600n;
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
};

/** Two futures at a quarter of 0.001 bitcoin and 0.01 ether a lot, 16 moves from −12% to +12%. Prices in whole dollars. */
export function marketAt(size: BoardSize, btc: bigint, eth: bigint): Market {
  const future = (lotE6: bigint): BoardRow => ({
    profits: Array.from({ length: 16 }, (_, move) => ((lotE6 * (BigInt(move) * 16n - 120n)) / 1000n) as ColumnE6),
    mark: (lotE6 / 4n) as ColumnE6,
    delta: lotE6 as ColumnE6,
    longCharge: 40_000n as ChargeE6,
    shortCharge: 50_000n as ChargeE6,
  });
  const rows = new Array<BoardRow>(instrumentsOf(size)).fill(EMPTY_ROW);
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
    key.prove(state(request).publicSignals) as Groth16Proof;

/** A simulated key as `deploy` takes it. */
export function deployable({ identity: { size, sha256, origin }, file }: SimulatedKey): DeployableKey {
  return {
    identity: { size, origin, verificationKeySha256: sha256 },
    verificationKeyFile: file as Uint8Array<ArrayBuffer>,
  };
}

export interface WorldOptions {
  readonly size?: BoardSize;
  /** The real circuit's prover; a simulated key without one. */
  readonly prover?: Prover;
  readonly key?: SimulatedKey;
  readonly chainId?: number;
  /** Unix seconds at which the chain starts; now unless given. */
  readonly start?: bigint;
}

/** A chain of its own. With a fixed gas limit nothing is estimated, which would run every transaction several times. */
export const createChain = (chainId = 31_337, start?: bigint) =>
  network.create({
    override: {
      chainId,
      gas: 16_000_000n,
      ...(start === undefined ? {} : { initialDate: new Date(Number(start) * 1000).toISOString() }),
    },
  });

export type Chain = Awaited<ReturnType<typeof network.create>>;

export class World {
  readonly chain: Chain;
  readonly size: BoardSize;
  readonly prove: Prove;
  readonly signers: HardhatEthersSigner[];
  readonly deployment: Deployment;
  readonly tokens: Map<bigint, Contract>;
  policy: Policy = POLICY;
  market: Market;
  levels = LEVELS;
  readonly board = 1n;

  private constructor(
    chain: Chain,
    size: BoardSize,
    prove: Prove,
    signers: HardhatEthersSigner[],
    deployment: Deployment,
    tokens: Map<bigint, Contract>,
  ) {
    this.chain = chain;
    this.size = size;
    this.prove = prove;
    this.signers = signers;
    this.deployment = deployment;
    this.tokens = tokens;
    this.market = marketAt(size, 100_000n, 4_000n);
  }

  /** Board 1 with epoch 1, and USDC, BTC and ETH registered. Signers: 0 deploys, 1 to 5 are the quorum (3 of 5). */
  static async create({ size = "board-60", prover, key = simulatedKey(size), chainId, start }: WorldOptions = {}) {
    const chain = await createChain(chainId, start);
    const signers = await chain.ethers.getSigners();
    const deployment = await deploy({
      deployer: signers[0]!,
      keys: [prover === undefined ? deployable(key) : await loadVerificationKey(size)],
      signers: signers.slice(1, 6),
      threshold: 3n,
    });
    const tokens = new Map<bigint, Contract>();
    const world = new World(
      chain,
      size,
      prover === undefined ? simulatedProve(key) : realProve(prover),
      signers,
      deployment,
      tokens,
    );
    for (const [asset, symbol, decimals, lotDecimals] of [
      [CASH, "USDC", 6, 6],
      [BTC, "WBTC", 8, 8],
      [ETH, "WETH", 18, 8],
    ] as const) {
      const token = await chain.ethers.deployContract("TestToken", [symbol, decimals]);
      await call(deployment.gate, "registerAsset", asset, token, lotDecimals);
      tokens.set(asset, token as unknown as Contract);
    }
    await call(deployment.board, "createBoard", instrumentsOf(size), world.chainPolicy());
    await world.publish(1n);
    return world;
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
  get verifier(): Contract {
    return this.deployment.verifiers.get(this.size)!;
  }
  get quorum() {
    return this.signers.slice(1, 6);
  }

  chainPolicy(policy = this.policy, levels = this.levels, maxAge = MAX_AGE): ChainPolicy {
    return chainPolicy(policy, levels, maxAge);
  }

  async domain(name: "MarketBoard" | "MarginGate"): Promise<TypedDataDomain> {
    const { chainId } = await this.ethers.provider.getNetwork();
    const contract = name === "MarketBoard" ? this.deployment.board : this.deployment.gate;
    return domainOf(name, chainId, await contract.getAddress());
  }

  /** Signs and publishes a market in one transaction; the world's market is then this one. */
  async publish(epoch: bigint, market = this.market, time?: bigint) {
    const at = time ?? BigInt(await this.time.latest());
    const { epoch: signed, parts } = publication(market, { board: this.board, epoch, time: at });
    const signatures = await signEpoch(this.quorum.slice(0, 3), await this.domain("MarketBoard"), signed);
    this.market = market;
    // A board of 240 or 480 takes more than one transaction.
    const receipt = await call(this.deployment.board, "publish", signed, signatures, parts.slice(0, 1));
    for (const part of parts.slice(1)) await call(this.deployment.board, "resume", this.board, epoch, [part]);
    return receipt;
  }

  /** An account of a signer, with tokens of every kind in its owner's pocket. */
  async holder(index: number, viewingKey = BigInt(index) + 1000n): Promise<Holder> {
    const owner = this.signers[index]!;
    for (const token of this.tokens.values()) {
      await call(token, "mint", owner, 10n ** 30n);
      await call(token.connect(owner), "approve", this.gate, 1n << 255n);
    }
    const gate = this.gate.connect(owner);
    await call(gate, "open", this.board);
    const id = await (this.gate.accounts as () => Promise<bigint>)();
    return new Holder(this, owner, id, viewingKey as FieldElement);
  }
}

/** A call made ready: its step, the state after it, and the method and arguments that the gate takes. */
export interface Ready {
  readonly call: GateCall;
  readonly step: Step;
  readonly after: Account;
}

type Terms = { level: bigint; direction?: Direction };
type Given<Action extends GateCall["action"]> = Omit<
  Extract<GateCall, { action: Action }>,
  "account" | "stateBefore" | "stateAfter" | "deadline" | "action"
>;

export class Holder {
  readonly world: World;
  readonly owner: HardhatEthersSigner;
  readonly id: bigint;
  readonly viewingKey: FieldElement;
  state: Account;

  constructor(world: World, owner: HardhatEthersSigner, id: bigint, viewingKey: FieldElement) {
    this.world = world;
    this.owner = owner;
    this.id = id;
    this.viewingKey = viewingKey;
    this.state = genesis(world.size);
  }

  /** The gate, with the owner as sender. */
  get gate(): Contract {
    return this.world.gate.connect(this.owner) as Contract;
  }

  /** Proves one transition, bound to a call. `made` overrides what the step says of policy and epoch. */
  async prepare(
    given: { action: GateCall["action"]; deadline?: bigint } & Record<string, unknown>,
    { transfer = NO_TRANSFER, fill = noFill(this.world.size), side = 1n }: Partial<Transition>,
    { level, direction = "at-least" }: Terms,
  ): Promise<Ready> {
    const { world, state: before } = this;
    const transition: Transition = {
      transfer,
      fill,
      side,
      ...(before.viewingKey === 0n ? { openWithViewingKey: this.viewingKey } : {}),
    };
    const after = applyTransition(before, transition);
    const bound = {
      deadline: LATE,
      ...given,
      account: this.id,
      stateBefore: commitState(before),
      stateAfter: commitState(after),
    } as GateCall;
    const context = contextOf(await world.domain("MarginGate"), bound);
    const { policy, market } = world;
    const proof = await world.prove({
      before,
      transition,
      level: level as LevelBps,
      direction,
      context,
      policy,
      market,
    });
    const current = (await callView(world.deployment.board, "latest", world.board)) as {
      policyId: bigint;
      epoch: bigint;
    };
    return { call: bound, step: stepOf(bound, current, proof), after };
  }

  /** With the owner's signature, for another sender. */
  async signed(ready: Ready, by = this.owner): Promise<Step> {
    return { ...ready.step, signature: await signCall(by, await this.world.domain("MarginGate"), ready.call) };
  }

  lots(asset: bigint, amount: bigint): bigint {
    return asset === ETH ? amount / 10n ** 10n : amount;
  }

  absorption(given: Given<"Absorb">, direction: Direction = "at-least", deadline = LATE): Promise<Ready> {
    const transfer = { asset: Number(given.asset), amount: this.lots(given.asset, given.amount) };
    return this.prepare({ action: "Absorb", deadline, ...given }, { transfer }, { level: 0n, direction });
  }

  withdrawal(given: Given<"Withdraw">, deadline = LATE): Promise<Ready> {
    const transfer = { asset: Number(given.asset), amount: -this.lots(given.asset, given.amount) };
    return this.prepare({ action: "Withdraw", deadline, ...given }, { transfer }, { level: this.world.levels.initial });
  }

  attestation(level: bigint, deadline = LATE): Promise<Ready> {
    return this.prepare({ action: "Attest", deadline, level }, {}, { level });
  }

  flagging(deadline = LATE): Promise<Ready> {
    return this.prepare({ action: "Flag", deadline }, {}, { level: this.world.levels.call, direction: "below" });
  }

  trading(fill: Fill, side: 1n | -1n, counterparty: bigint, deadline = LATE): Promise<Ready> {
    const given = { action: "Trade" as const, deadline, counterparty, fill: commitFill(fill) };
    return this.prepare(given, { fill, side }, { level: this.world.levels.initial });
  }

  /** Pays in and absorbs at once. */
  async fund(asset: bigint, amount: bigint, direction: Direction = "at-least"): Promise<void> {
    await call(this.gate, "deposit", this.id, asset, amount);
    const ready = await this.absorption({ asset, amount }, direction);
    await call(this.gate, "absorb", ready.step, asset, amount, direction === "below");
    this.state = ready.after;
  }
}

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
