// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A gate with its desks on a market whose every answer the test sets (`FixedMarket`): what is tested is the gate. Proofs are
 * real equations, under a simulated key or by the real prover. Signer 0 deploys, 6 guards (it is the market's guardian), 7 operates.
 */
import { bn254 } from "@noble/curves/bn254.js";
import type { HardhatEthers, HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import {
  type Contract,
  type ContractTransactionReceipt,
  concat,
  keccak256,
  type TypedDataDomain,
  toBeHex,
} from "ethers";
import type { Published, Venue } from "../../prover/src/chain/client.ts";
import { deployGate, type GateAsset, type GateSteps, sealGate } from "../../prover/src/chain/deploy-gate.ts";
import {
  type Action,
  contextOf,
  entryOf,
  type GateCall,
  proofWords,
  type Round,
  roundContext,
  type Side,
  type Step,
  signCall,
  signClear,
  signRound,
  stepOf,
  type Trade,
  type VenueDomains,
} from "../../prover/src/chain/gate-calls.ts";
import { domainOf } from "../../prover/src/chain/publication.ts";
import { sealState } from "../../prover/src/chain/sealed-state.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitFill, commitState } from "../../prover/src/model/commit.ts";
import { EXIT_LEVEL, exitValues } from "../../prover/src/model/exit-market.ts";
import type { Market } from "../../prover/src/model/market.ts";
import type { Policy } from "../../prover/src/model/policy.ts";
import type { RoundFill } from "../../prover/src/model/round.ts";
import { type BoardSize, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Transition } from "../../prover/src/model/transition.ts";
import { loadVerificationKey, type VerificationKey } from "../../prover/src/node/artifacts.ts";
import type { Groth16Proof, Prover } from "../../prover/src/node/prover.ts";
import type { Direction } from "../../prover/src/statement/account.ts";
import { type CircuitOf, ownSignalsOf } from "../../prover/src/statement/families.ts";
import { buildRoundStatement } from "../../prover/src/statement/round.ts";
import { buildSettlementStatement, settle } from "../../prover/src/statement/settlement.ts";
import { marketSignals, type SettlementMarks, settlementSignals } from "../../prover/src/statement/signals.ts";
import type { ColumnE6, LevelBps } from "../../prover/src/units.ts";
import { type SimulatedKey, simulatedKey } from "../support/simulated.ts";
import { pointOf } from "./points.ts";
import {
  BTC,
  CASH,
  type Chain,
  call,
  callView,
  createChain,
  DAY,
  ETH,
  LATE,
  marketAt,
  modelProve,
  OPERATOR_DEADLINE,
  POLICY,
  type Prove,
  realProve,
  simulatedProve,
} from "./world.ts";

export const LEVELS = { initial: 15_000n, call: 12_000n, liquidation: 10_000n, closeOut: 6_000n };
export const BLOBS = true;
/** Limits so large that they bind no test that does not set its own. */
export const NO_LIMIT = (1n << 64n) - 1n;
export const TERMS = {
  curePeriod: 3600n,
  attestInterval: DAY,
  stopLimit: 7200n,
  auctionDuration: 600n,
  holdPeriod: 1800n,
  voidDelay: 3600n,
  premiumBps: 500n,
  discountBps: 1000n,
  levyBps: 100n,
  toleranceBps: 100n,
  maxSlice: 10n ** 12n,
  dust: 10n ** 6n,
  reward: 10n ** 6n,
  tillFloor: 0n,
};
/** Nobody's address. */
export const NOBODY = `0x${"0".repeat(40)}`;

const G2 = bn254.G2.Point;
const word = (value: bigint | string) => toBeHex(BigInt(value), 32);

/** A key as verifiers take it, with a link key that nobody will use. */
export function keyBytes(key: VerificationKey, own: number): { bytes: string; hash: string } {
  const g2 = (point: string[][]) => [point[0]![1]!, point[0]![0]!, point[1]![1]!, point[1]![0]!];
  const secret = (scalar: bigint) => {
    const { x, y } = G2.BASE.multiply(scalar).toAffine();
    return [x.c1, x.c0, y.c1, y.c0];
  };
  const bytes = concat(
    [
      ...key.vk_alpha_1.slice(0, 2),
      ...[key.vk_beta_2, key.vk_gamma_2, key.vk_delta_2].flatMap(g2),
      ...key.IC.slice(0, own + 1).flatMap((point) => point.slice(0, 2)),
      `0x${Buffer.from("plimsoll-link-key/1").toString("hex").padEnd(64, "0")}`,
      1n,
      BigInt(key.nPublic),
      BigInt(own + 1),
      ...[5n, 7n, 11n].flatMap(secret),
    ].map(word),
  );
  return { bytes, hash: keccak256(bytes) };
}

export interface GateWorldOptions {
  /** The real circuit's prover; a simulated key without one. */
  readonly prover?: Prover;
  readonly key?: SimulatedKey;
  /** The simulated key proves true statements only. */
  readonly truthful?: boolean;
  readonly chainId?: number;
  /** Unix seconds at which the chain starts; now unless given. */
  readonly start?: bigint;
  readonly terms?: Partial<typeof TERMS>;
  readonly keepsBlobs?: boolean;
  /** Limits of every asset, in lots. */
  readonly depositCap?: bigint;
  readonly outflow?: bigint;
}

export class GateWorld {
  readonly chain: Chain;
  readonly size: BoardSize = "board-60";
  readonly prove: Prove;
  readonly key: SimulatedKey;
  readonly signers: HardhatEthersSigner[];
  readonly tokens: Map<bigint, Contract> = new Map();
  policy: Policy = POLICY;
  market: Market = marketAt("board-60", 100_000n, 4_000n);
  levels = LEVELS;
  epoch = 0n;
  policyId = 1n;
  /** The market, its queue included. */
  fixed!: Contract;
  verifier!: Contract;
  settlementVerifier!: Contract;
  vault!: Contract;
  gate!: Contract;
  exchange!: Contract;
  clearing!: Contract;
  liquidation!: Contract;
  fund!: Contract;
  #verificationKey: VerificationKey;
  readonly #roundKeys = new Map<number, SimulatedKey<CircuitOf<"round">>>();

  private constructor(chain: Chain, prove: Prove, key: SimulatedKey, signers: HardhatEthersSigner[]) {
    [this.chain, this.prove, this.key, this.signers] = [chain, prove, key, signers];
    this.#verificationKey = key.key;
  }

  /** Epoch 1 stands, and USDC, BTC and ETH are registered. */
  static async create(options: GateWorldOptions = {}): Promise<GateWorld> {
    const { prover, key = simulatedKey("board-60"), truthful = false, chainId, start } = options;
    const chain = await createChain(chainId, start);
    const simulated = truthful ? modelProve(key) : simulatedProve(key);
    const prove = prover === undefined ? simulated : realProve(prover);
    const world = new GateWorld(chain, prove, key, await chain.ethers.getSigners());
    if (prover !== undefined) world.#verificationKey = (await loadVerificationKey(world.size)).verificationKey;
    await world.#deploy(options);
    return world;
  }

  async deployVerifier(name: string, key: VerificationKey, own: number, ...shape: number[]): Promise<Contract> {
    const { bytes, hash } = keyBytes(key, own);
    return this.deploy(name, [instrumentsOf(this.size), ...shape, bytes, hash]);
  }

  async deploy(name: string, args: unknown[] = [], libraries?: Readonly<Record<string, Contract>>): Promise<Contract> {
    const options = libraries === undefined ? {} : { libraries };
    return (await this.ethers.deployContract(name, args, options as never)) as unknown as Contract;
  }

  async #deploy({ terms = {}, keepsBlobs = BLOBS, depositCap = NO_LIMIT, outflow = NO_LIMIT }: GateWorldOptions) {
    // Under the beginning of the account's key: simulated proofs are of one secret.
    const signals = 3 + 2 * instrumentsOf(this.size);
    const settlements = { ...this.key.key, nPublic: signals, IC: this.key.key.IC.slice(0, signals + 1) };
    this.verifier = await this.deployVerifier("AccountVerifier", this.#verificationKey, 6);
    this.settlementVerifier = await this.deployVerifier("SettlementVerifier", settlements, 3);
    const exit = pointOf(
      this.#verificationKey,
      marketSignals(exitValues(this.size).policy, exitValues(this.size).market),
    );
    this.fixed = await this.deploy("FixedMarket", [instrumentsOf(this.size), this.verifier, exit]);
    await call(this.fixed, "setTerms", { ...TERMS, ...terms });
    // What is asked of lots is that there is a verifier of them.
    await call(this.fixed, "setLots", this.verifier, exit);
    await call(this.fixed, "setGuardian", this.signers[6]!);
    const assets: GateAsset[] = [];
    for (const [index, symbol, decimals, lotDecimals] of [
      [CASH, "USDC", 6, 6],
      [BTC, "WBTC", 8, 8],
      [ETH, "WETH", 18, 8],
    ] as const) {
      const token = await this.deploy("TestToken", [symbol, decimals]);
      this.tokens.set(index, token);
      assets.push({ index: Number(index), token, lotDecimals, depositCap, outflow });
    }
    const steps: GateSteps = {
      create: (name, args, libraries) => this.deploy(name, [...args], libraries),
      send: async (_, contract, method, ...args) => void (await call(contract, method, ...args)),
    };
    const deployed = await deployGate(steps, {
      ...{
        market: this.fixed,
        board: 1n,
        size: this.size,
        operator: this.operator.address,
        operatorDeadline: OPERATOR_DEADLINE,
      },
      ...{ keepsBlobs, staging: false, assets, liquidation: "IdleDesk" },
    });
    Object.assign(this, deployed);
    await call(this.fixed, "bindGate", this.gate);
    await sealGate(steps, deployed);
    await this.publish();
  }

  /** A gate that is not sealed. */
  deployGate(staging = false): Promise<Contract> {
    return this.deploy("MarginGate", [this.fixed, 1, instrumentsOf(this.size), staging], { Vault: this.vault });
  }

  get ethers(): HardhatEthers {
    return this.chain.ethers;
  }
  get time() {
    return this.chain.networkHelpers.time;
  }
  get guardian() {
    return this.signers[6]!;
  }
  get operator() {
    return this.signers[7]!;
  }
  /** @returns what takes chain, world and holders back to now */
  async snapshot(...holders: readonly Holder[]): Promise<() => Promise<void>> {
    const snapshot = await this.chain.networkHelpers.takeSnapshot();
    const { policy, market, levels, epoch, policyId } = this;
    const states = holders.map(({ state }) => state);
    const rounds = [new Map(this.#roundKeys), new Map(this.#roundVerifiers)] as const;
    return async () => {
      await snapshot.restore();
      Object.assign(this, { policy, market, levels, epoch, policyId });
      for (const [index, holder] of holders.entries()) holder.state = states[index]!;
      for (const [index, held] of [this.#roundKeys, this.#roundVerifiers].entries()) {
        held.clear();
        for (const [places, value] of rounds[index]!) held.set(places, value as never);
      }
    };
  }

  async now(): Promise<bigint> {
    return BigInt(await this.time.latest());
  }

  async impersonated(contract: Contract) {
    const address = await contract.getAddress();
    await this.chain.networkHelpers.impersonateAccount(address);
    await this.chain.networkHelpers.setBalance(address, 10n ** 20n);
    return this.ethers.getSigner(address);
  }
  /** The queue, which the market is here. */
  queue = () => this.impersonated(this.fixed);
  /** The gate in the hands of a desk: whatever it does is its own to check. */
  async gateAs(desk: Contract): Promise<Contract> {
    return this.gate.connect(await this.impersonated(desk)) as Contract;
  }
  async asLiquidation(method: string, ...args: unknown[]) {
    return call(await this.gateAs(this.liquidation), method, ...args);
  }

  async domain(name: "MarginGate" | "Exchange"): Promise<TypedDataDomain> {
    const { chainId } = await this.ethers.provider.getNetwork();
    return domainOf(name, chainId, await (name === "MarginGate" ? this.gate : this.exchange).getAddress());
  }
  async domains(): Promise<VenueDomains> {
    return { gate: await this.domain("MarginGate"), exchange: await this.domain("Exchange") };
  }

  /** The point of the world's policy and a market under the account's key. */
  point(market = this.market) {
    return pointOf(this.#verificationKey, marketSignals(this.policy, market));
  }

  /** Opens a market as the next epoch; the world's market is then this one. */
  async publish(market = this.market, epoch = this.epoch + 1n) {
    [this.market, this.epoch] = [market, epoch];
    const time = await this.now();
    const { verifier, policyId, levels } = this;
    await call(this.fixed, "open", { verifier, policyId, epoch, time, levels, point: this.point() });
    for (const [places, key] of this.#roundKeys) await this.#openRounds(places, key.key);
  }

  /** Another policy from the next epoch on, or the levels alone. */
  async setPolicy(policy: Policy, levels = this.levels) {
    [this.policy, this.levels, this.policyId] = [policy, levels, this.policyId + 1n];
    await this.publish();
  }

  /** Simulated rounds of so many places. */
  async useRounds(places: 3 | 15): Promise<SimulatedKey<CircuitOf<"round">>> {
    const key = simulatedKey(`round-60-${places}` as CircuitOf<"round">);
    this.#roundKeys.set(places, key);
    await this.#openRounds(places, key.key);
    return key;
  }
  readonly #roundVerifiers = new Map<number, Contract>();
  async #openRounds(places: number, key: VerificationKey) {
    const own = ownSignalsOf(`round-60-${places}` as CircuitOf<"round">).length;
    const known = this.#roundVerifiers.get(places);
    const verifier = known ?? (await this.deployVerifier("RoundVerifier", key, own, places));
    this.#roundVerifiers.set(places, verifier);
    const point = pointOf(key, marketSignals(this.policy, this.market), own);
    await call(this.fixed, "setRounds", places, verifier, point);
  }
  /** Rounds of the real circuit with three places. */
  async useRealRounds() {
    const { verificationKey } = await loadVerificationKey("round-60-3" as CircuitOf<"round">);
    await this.#openRounds(3, verificationKey);
  }

  async published(): Promise<Published> {
    const { policyId, epoch, policy, market } = this;
    return { policyId, epoch, policy, market };
  }

  /** What a client needs; `prover` proves. */
  async venue(prover: Venue["prover"]): Promise<Venue> {
    const domains = await this.domains();
    return {
      gate: this.gate,
      exchange: this.exchange,
      clearing: this.clearing,
      domains,
      prover,
      cosign: (first, second) => signClear(this.operator, domains, first, second),
    };
  }

  /** A settlement of rows at marks. */
  async openSettlement(marks: Record<number, bigint>) {
    const point = pointOf(this.key.key, settlementSignals(this.size, marksOf(marks)), 3);
    await call(this.fixed, "openSettlement", this.settlementVerifier, point);
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
    holder.id = (await callView(this.gate, "accounts")) as bigint;
    holder.state = ready.after;
    return holder;
  }

  refuses(sent: Promise<unknown>, error: string, of: Contract = this.gate) {
    return expect(sent).to.be.revertedWithCustomError(of, error);
  }
}

const marksOf = (marks: Record<number, bigint>): SettlementMarks =>
  new Map(Object.entries(marks).map(([row, mark]) => [Number(row), mark as ColumnE6]));

/** A call made ready: its step and the state after it. */
export interface Ready {
  readonly call: GateCall;
  readonly step: Step;
  readonly after: Account;
}

export interface Payment {
  readonly asset: bigint;
  readonly amount: bigint;
  readonly recipient: string;
  readonly fee: bigint;
  readonly least: bigint;
}

type Terms = { level: bigint; direction?: Direction };
type Bound = { deadline?: bigint; from?: Account; exit?: boolean; epoch?: bigint; blob?: string };

export class Holder {
  readonly world: GateWorld;
  readonly owner: HardhatEthersSigner;
  id: bigint;
  readonly viewingKey: FieldElement;
  state: Account;

  constructor(world: GateWorld, owner: HardhatEthersSigner, id: bigint, viewingKey: FieldElement) {
    [this.world, this.owner, this.id, this.viewingKey] = [world, owner, id, viewingKey];
    this.state = genesis(world.size);
  }

  /** The same account in the hands of somebody who believes otherwise in some respect. */
  with(change: Partial<Pick<Holder, "world" | "owner" | "id" | "state" | "viewingKey">>): Holder {
    return Object.assign(Object.create(Holder.prototype) as Holder, this, change);
  }

  /** The gate and its desks, with the owner as sender. */
  get gate(): Contract {
    return this.world.gate.connect(this.owner) as Contract;
  }
  get exchange(): Contract {
    return this.world.exchange.connect(this.owner) as Contract;
  }

  /** A call between two states. */
  private bound(given: Action, before: Account, after: Account, { deadline = LATE, blob }: Bound): GateCall {
    return {
      ...given,
      deadline,
      account: given.action === "Open" ? 0n : this.id,
      stateBefore: commitState(before),
      stateAfter: commitState(after),
      blob: blob ?? sealState(after),
    } as GateCall;
  }

  /** Proves one transition, bound to a call. */
  async prepare(
    given: Action,
    { transfer = NO_TRANSFER, fill = noFill(this.world.size), side = 1n }: Partial<Transition>,
    { level, direction = "at-least" }: Terms,
    bounds: Bound = {},
  ): Promise<Ready> {
    const { world } = this;
    const { from, exit = false, epoch } = bounds;
    const before = from ?? this.state;
    const opening = before.viewingKey === 0n ? { openWithViewingKey: this.viewingKey } : {};
    const transition: Transition = { transfer, fill, side, ...opening };
    const after = applyTransition(before, transition);
    const bound = this.bound(given, before, after, bounds);
    const context = contextOf(await world.domain("MarginGate"), bound);
    const { policy, market } = exit ? exitValues(world.size) : world;
    const asked = { before, transition, level: level as LevelBps, direction, context, policy, market };
    const proof = await world.prove(asked);
    const under = exit ? { policyId: 0n, epoch: 0n } : { policyId: world.policyId, epoch: epoch ?? world.epoch };
    return { call: bound, step: stepOf(bound, under, proof), after };
  }

  /** With the owner's signature, for another sender. */
  async signed(ready: Ready, by = this.owner): Promise<Step> {
    return { ...ready.step, signature: await signCall(by, await this.world.domain("MarginGate"), ready.call) };
  }

  lots(asset: bigint, amount: bigint): bigint {
    return asset === ETH ? amount / 10n ** 10n : amount;
  }

  async opening(owner: string, agent = NOBODY) {
    const opening = { owner, agent };
    const ready = await this.prepare({ action: "Open", ...opening }, {}, { level: EXIT_LEVEL }, { exit: true });
    return { opening, ready, signature: await signClear(this.world.operator, await this.world.domains(), ready.call) };
  }

  /** `below`: whether the account has positions or debt after it; what is true unless given. */
  async absorption(asset: bigint, amount: bigint, bound: Bound & { below?: boolean } = {}) {
    const transfer = { asset: Number(asset), amount: this.lots(asset, amount) };
    const after = applyTransition(bound.from ?? this.state, { transfer, fill: noFill(this.world.size), side: 1n });
    const below = bound.below ?? (after.cash < 0n || after.positions.some((lots) => lots !== 0n));
    const terms = { level: EXIT_LEVEL as bigint, direction: below ? "below" : "at-least" } as const;
    const ready = await this.prepare({ action: "Absorb", asset, amount }, { transfer }, terms, {
      ...bound,
      exit: true,
    });
    return { ...ready, below };
  }

  withdrawal(payment: Payment, bound: Bound = {}): Promise<Ready> {
    const transfer = { asset: Number(payment.asset), amount: -this.lots(payment.asset, payment.amount) };
    const level = bound.exit ? EXIT_LEVEL : this.world.levels.initial;
    return this.prepare({ action: "Withdraw", ...payment }, { transfer }, { level }, bound);
  }

  leaving(payment: Payment, bound: Bound = {}): Promise<Ready> {
    const transfer = { asset: Number(payment.asset), amount: -this.lots(payment.asset, payment.amount) };
    return this.prepare({ action: "Exit", ...payment }, { transfer }, { level: EXIT_LEVEL }, { exit: true, ...bound });
  }

  attestation(level: bigint, bound: Bound = {}): Promise<Ready> {
    return this.prepare({ action: "Attest", level }, {}, { level }, bound);
  }

  flagging(level = this.world.levels.call, bound: Bound = {}): Promise<Ready> {
    return this.prepare({ action: "Flag", level }, {}, { level, direction: "below" }, bound);
  }

  trading(
    fill: Fill,
    side: 1n | -1n,
    counterparty: bigint,
    bound: Bound & { level?: bigint; lastEpoch?: bigint } = {},
  ) {
    const { level = this.world.levels.initial, lastEpoch = this.world.epoch } = bound;
    const given = { action: "Trade" as const, counterparty, fill: commitFill(fill), level, lastEpoch };
    return this.prepare(given, { fill, side }, { level }, bound);
  }

  /** A side of a trade after which the account has neither positions nor debt. */
  unwinding(fill: Fill, side: 1n | -1n, counterparty: bigint, bound: Bound = {}): Promise<Ready> {
    return this.trading(fill, side, counterparty, { ...bound, level: EXIT_LEVEL, exit: true });
  }

  /** Passes a settlement: positions in the expired rows become cash. Under the simulated key only. */
  async expiring(settlement: bigint, marks: Record<number, bigint>, bound: Bound = {}): Promise<Ready> {
    const { world, state: before } = this;
    const after = settle(before, marksOf(marks));
    const given = this.bound({ action: "Expire", settlement }, before, after, bound);
    const context = contextOf(await world.domain("MarginGate"), given);
    const { publicSignals } = buildSettlementStatement({ before, marks: marksOf(marks), context });
    const proof = world.key.prove(publicSignals) as Groth16Proof;
    return { call: given, step: stepOf(given, { policyId: 0n, epoch: 0n }, proof), after };
  }

  /** A part in a round, which the owner (or somebody else) signs. */
  async joining(fill: RoundFill, bound: Bound & { lastEpoch?: bigint; by?: HardhatEthersSigner } = {}) {
    const { world, state: before } = this;
    const after = applyTransition(before, {
      transfer: NO_TRANSFER,
      fill: { ...noFill(world.size), ...fill },
      side: 1n,
    });
    const { initial: level } = world.levels;
    const given = { action: "Round", level, lastEpoch: bound.lastEpoch ?? world.epoch } as const;
    const member = this.bound(given, before, after, bound) as Extract<GateCall, { action: "Round" }>;
    const signature = await signCall(bound.by ?? this.owner, await world.domain("MarginGate"), member);
    return { holder: this as Holder, before, fill, after, call: member, signature };
  }

  /** Pays in and absorbs at once. */
  async fund(asset: bigint, amount: bigint): Promise<void> {
    await call(this.gate, "deposit", this.id, this.owner.address, asset, amount);
    const { step, below, after } = await this.absorption(asset, amount);
    await call(this.gate, "absorb", step, asset, amount, below);
    this.state = after;
  }
}

/** A trade that both owners and the operator have signed. */
export async function tradeOf(a: Holder, one: Ready, b: Holder, two: Ready, by = a.world.operator): Promise<Trade> {
  const operatorSignature = await cleared(a.world, one, two, by);
  const { fill } = one.call as Extract<GateCall, { action: "Trade" }>;
  return { a: await sideOf(a, one), b: await sideOf(b, two), fill, operatorSignature };
}

export async function sideOf(holder: Holder, ready: Ready, by?: HardhatEthersSigner): Promise<Side> {
  const { lastEpoch } = ready.call as Extract<GateCall, { action: "Trade" }>;
  return { step: await holder.signed(ready, by), lastEpoch };
}

/** The operator's signature over both sides. */
export const cleared = async (world: GateWorld, a: Ready, b: Ready, by = world.operator) =>
  signClear(by, await world.domains(), a.call, b.call);

export type Joined = Awaited<ReturnType<Holder["joining"]>>;

/**
 * A round of members, in the order of their numbers, proven by a key of the round's or by `prove`.
 * @param key proves whatever it is told
 */
export async function roundOf(
  world: GateWorld,
  joined: readonly Joined[],
  prove: { readonly key: SimulatedKey<CircuitOf<"round">> } | { readonly prover: Pick<Prover, "round"> },
  { places = 3n, byHash = false }: { places?: bigint; byHash?: boolean } = {},
): Promise<Round> {
  const domains = await world.domains();
  const calls = joined.map((member) => member.call);
  const { policyId, epoch } = world;
  const request = await requestOf(world, joined);
  const proof =
    "prover" in prove
      ? (await prove.prover.round(request)).proof
      : (prove.key.prove(signalsOf(request, Number(places))) as Groth16Proof);
  return {
    ...{ policyId, epoch, places },
    lastEpoch: calls[0]!.lastEpoch,
    deadline: calls[0]!.deadline,
    members: joined.map((member) => entryOf(member.call, member.signature, byHash)),
    proof: proofWords(proof),
    operatorSignature: await signRound(world.operator, domains, calls),
  };
}

/** The proof of a round in which a place holds other states, true or not. */
export async function provenWith(
  world: GateWorld,
  joined: readonly Joined[],
  key: SimulatedKey<CircuitOf<"round">>,
  place: number,
  before: bigint,
  after: bigint,
) {
  const signals = [...signalsOf(await requestOf(world, joined), 3)];
  [signals[place], signals[3 + place]] = [before, after];
  return proofWords(key.prove(signals) as Groth16Proof);
}

async function requestOf(world: GateWorld, joined: readonly Joined[]) {
  const { policy, market, levels } = world;
  const calls = joined.map((member) => member.call);
  const context: bigint = roundContext(await world.domain("MarginGate"), calls);
  const members = joined.map(({ before, fill }) => ({ before, fill }));
  return { members, level: levels.initial as LevelBps, context, policy, market };
}

/** Public signals of a round in a circuit of so many places, which may be more than its members need. */
function signalsOf(request: Parameters<typeof buildRoundStatement>[0], places: number): readonly bigint[] {
  const { publicSignals, circuit } = buildRoundStatement(request);
  if (circuit !== `round-60-${places}`) throw new RangeError(`such a round is one of ${circuit}`);
  return publicSignals;
}

/** Events of a name in a receipt. */
export const eventsOf = (contract: Contract, receipt: unknown, name: string) =>
  (receipt as ContractTransactionReceipt).logs
    .map((log) => contract.interface.parseLog(log))
    .filter((log) => log?.name === name)
    .map((log) => log!.args);

/** Indices and reasons of what a batch skipped. */
export const skipsOf = (contract: Contract, receipt: unknown) =>
  eventsOf(contract, receipt, "Skipped").map(({ index, reason }) => [index as bigint, reason as string] as const);

export {
  BTC,
  CASH,
  call,
  callView,
  createChain,
  DAY,
  E6,
  E8,
  E18,
  ETH,
  fillOf,
  LATE,
  marketAt,
  OPERATOR_DEADLINE,
  POLICY,
} from "./world.ts";
