// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Gate and desks on a chain of their own, with a market that the test sets (`FixedMarket`): auctions need a clock and
 * epochs that do what they are told. Accounts are followed from genesis; the operator sends everything.
 */

import { bn254 } from "@noble/curves/bn254.js";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { type Contract, concat, type EventLog, hexlify, keccak256, toBeHex } from "ethers";
import { network } from "hardhat";
import {
  type Action,
  contextOf,
  type GateCall,
  type Step,
  signCall,
  stepOf,
} from "../../prover/src/chain/gate-calls.ts";
import {
  type AuctionLot,
  auctionLotOf,
  cureLot,
  type LiquidationVenue,
  type StartedLot,
  startLot,
  type TakenStep,
  takeLot,
} from "../../prover/src/chain/liquidation.ts";
import type { Lot, Offering } from "../../prover/src/chain/lots.ts";
import type { ChainLevels, ChainTerms } from "../../prover/src/chain/publication.ts";
import { sealState } from "../../prover/src/chain/sealed-state.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { HEAD_BYTES, POINT_BYTES, writeLinkKey } from "../../prover/src/keys/link-key.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitFill, commitState } from "../../prover/src/model/commit.ts";
import { evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { EXIT_LEVEL, exitValues } from "../../prover/src/model/exit-market.ts";
import type { Credit } from "../../prover/src/model/lot.ts";
import { type BoardRow, CLOSED_ROW, type Market } from "../../prover/src/model/market.ts";
import { type HaircutSchedule, NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { ASSETS, blocksOf, CASH_INDEX, instrumentsOf, SCENARIOS } from "../../prover/src/model/sizes.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Transition } from "../../prover/src/model/transition.ts";
import { loadLinkKey, loadVerificationKey, type VerificationKey } from "../../prover/src/node/artifacts.ts";
import type { Prover } from "../../prover/src/node/prover.ts";
import { buildStatement, type Direction, marketSignals } from "../../prover/src/statement/account.ts";
import { type CircuitName, publicInputsOf } from "../../prover/src/statement/families.ts";
import { buildLotStatement } from "../../prover/src/statement/lot.ts";
import type { LevelBps, RateBps, ScanLots } from "../../prover/src/units.ts";
import type { Receipt } from "../support/gas.ts";
import { type SimulatedKey, simulatedKey } from "../support/simulated.ts";
import { GAS_LIMIT } from "./limits.ts";
import { pointOf } from "./points.ts";

export const SIZE = "board-60";
const LOT_CIRCUIT = "lot-60";
/** Public signals of their own: those of `Account` and of `Lot`. */
const OWN = { [SIZE]: 6, [LOT_CIRCUIT]: 12 } as const;
export const E6 = 10n ** 6n;
export const E8 = 10n ** 8n;
export const LEVELS: ChainLevels = { initial: 15_000n, call: 12_000n, liquidation: 10_000n, closeOut: 6_000n };
/** Sizes are what lots are worth: 5% of the margin freed, and the haircut of collateral. */
export const TERMS: ChainTerms = {
  curePeriod: 3600n,
  attestInterval: 86_400n,
  stopLimit: 7200n,
  auctionDuration: 1200n,
  holdPeriod: 3600n,
  voidDelay: 300n,
  premiumBps: 1000n,
  discountBps: 500n,
  levyBps: 50n,
  toleranceBps: 100n,
  maxSlice: 100_000n * E6,
  dust: 10n * E6,
  reward: 50n * E6,
  tillFloor: 0n,
};
export const LATE = 1n << 40n;
/** Unix seconds: the start of the simulated chain. */
export const START = 1_800_000_000n;
export const CASH = BigInt(CASH_INDEX);
/** What the venue takes in of cash at most, 1e-6. */
export const CASH_CAP = 10n ** 16n;
export const BTC = 0n;
export const OLD = 1n;
export const STAGE = { healthy: 0n, called: 1n, liquidating: 2n, closed: 3n } as const;
const NOBODY = `0x${"0".repeat(40)}`;

const tiers = (...given: [bigint, bigint][]) =>
  given.map(([boundaryLots, weightBps]) => ({ boundaryLots, weightBps })) as unknown as HaircutSchedule;
export const POLICY: Policy = {
  schedules: [
    tiers([50n * E8, 9_500n], [100n * E8, 9_000n], [500n * E8, 8_000n], [1000n * E8, 5_000n]),
    ...new Array<HaircutSchedule>(ASSETS - 1).fill(UNLISTED),
  ],
  scanLots: new Array<ScanLots>(ASSETS).fill(NOT_SCANNED),
  debtRateBps: 500n as RateBps,
};

/** A future on 0.001 bitcoin and a short-dated call on as much, moves of ±12% in 16 steps. `btc` in whole dollars. */
export function marketAt(btc: bigint): Market {
  const lot = btc * 1000n;
  const moves = Array.from({ length: SCENARIOS }, (_, move) => BigInt(move % 16) * 16n - 120n);
  const option = (move: bigint) => (move > 0n ? (lot * move) / 1000n : 0n);
  const row = (profit: (move: bigint) => bigint, mark: bigint) =>
    ({
      profits: moves.map(profit),
      mark,
      delta: lot,
      vega: 0n,
      longCharge: 40_000n,
      shortCharge: 50_000n,
    }) as unknown as BoardRow;
  const rows = new Array<BoardRow>(instrumentsOf(SIZE)).fill(CLOSED_ROW);
  rows[0] = row((move) => (lot * move) / 1000n, lot);
  rows[1] = row((move) => option(move) - lot / 200n, lot / 100n);
  const liquidity = { liquidityThreshold: 50_000_000n * E6, liquidityRate: 50n };
  const block = { continues: false, ...liquidity, vegaThreshold: 0n, vegaRate: 0n };
  return {
    prices: [btc * E8, ...new Array<bigint>(ASSETS - 1).fill(0n)] as unknown as Market["prices"],
    board: { size: SIZE, rows, blocks: new Array(blocksOf(SIZE)).fill(block) } as Market["board"],
  };
}

export interface SimulatedKeys {
  readonly account: SimulatedKey;
  readonly lot: SimulatedKey<typeof LOT_CIRCUIT>;
}
type LotProver = Pick<Prover, "prove" | "liquidate">;

/** Proves under simulated keys what is true by the model and nothing else, or whatever it is asked to where it `lies`. */
export function modelProver({ account, lot }: SimulatedKeys, lies = false): LotProver {
  const proved = (holds: boolean, prove: () => object) => {
    if (!holds && !lies) throw new PlimsollError("STATEMENT_FALSE", "by the model the statement is not true");
    return { proof: prove() } as never;
  };
  return {
    async prove(request) {
      const { holds, publicSignals } = buildStatement(request);
      return proved(holds, () => account.prove(publicSignals));
    },
    async liquidate(request) {
      const { appraisal, publicSignals } = buildLotStatement(request);
      return proved(appraisal.broken.length === 0, () => lot.prove(publicSignals));
    },
  };
}

/** Sends a transaction and waits for it. */
export async function call(contract: unknown, method: string, ...args: unknown[]) {
  const methods = contract as Record<string, (...args: unknown[]) => Promise<{ wait(): Promise<unknown> }>>;
  return (await (await methods[method]!(...args)).wait()) as Receipt & { logs: readonly EventLog[] };
}

export interface Member {
  id: bigint;
  state: Account;
  owner: HardhatEthersSigner;
}

/** A lot on auction, as its event tells it. */
export interface OpenLot {
  readonly id: string;
  readonly lot: AuctionLot;
  readonly blob: string;
  readonly fill: Fill;
  /** PRIVATE: the account after. */
  readonly after: Account;
}

export interface LotWorldOptions {
  /** The real circuits'; simulated keys that prove what the model says unless given. */
  readonly prover?: Prover;
  readonly terms?: Partial<ChainTerms>;
  /** Of the cash token, 6 unless given. Everything else here is in 1e-6 all the same. */
  readonly cashDecimals?: number;
}

/** What a world has of a circuit: how its points are computed, and its key as the contracts take it. */
interface OnChain {
  readonly point: (values: readonly bigint[]) => { readonly x: bigint; readonly y: bigint };
  readonly key: string;
}

export class LotWorld {
  readonly chain!: Awaited<ReturnType<typeof network.create>>;
  readonly signers!: HardhatEthersSigner[];
  readonly operator!: HardhatEthersSigner;
  /** Units of the cash token in 1e-6. */
  readonly unit!: bigint;
  readonly verifiers!: { readonly account: Contract; readonly lot: Contract };
  readonly circuits!: { readonly account: OnChain; readonly lot: OnChain };
  readonly source!: Contract;
  readonly gate!: Contract;
  readonly exchange!: Contract;
  readonly liquidation!: Contract;
  readonly fund!: Contract;
  readonly token!: Contract;
  readonly bitcoin!: Contract;
  /** An asset without weight. */
  readonly unlisted!: Contract;
  readonly keys: SimulatedKeys | undefined;
  readonly venue!: LiquidationVenue;
  terms: ChainTerms = TERMS;
  policy: Policy = POLICY;
  market: Market = marketAt(100_000n);
  policyId = 1n;
  epoch = 0n;
  #members = 0n;

  private constructor(given: Partial<LotWorld>) {
    Object.assign(this, given);
  }

  static async create({ prover, terms = {}, cashDecimals = 6 }: LotWorldOptions = {}): Promise<LotWorld> {
    const chain = await network.create({
      override: { chainId: 31_337, gas: GAS_LIMIT, initialDate: new Date(Number(START) * 1000).toISOString() },
    });
    const signers = await chain.ethers.getSigners();
    const operator = signers[0]!;
    const keys = prover === undefined ? { account: simulatedKey(SIZE), lot: simulatedKey(LOT_CIRCUIT, 2n) } : undefined;
    const circuits = {
      account: keys === undefined ? await truly(SIZE) : simulated(keys.account),
      lot: keys === undefined ? await truly(LOT_CIRCUIT) : simulated(keys.lot),
    };
    const create = async (name: string, args: unknown[], libraries = {}) =>
      (await chain.ethers.deployContract(name, args, { libraries })) as unknown as Contract;
    const verifierOf = (name: string, { key }: OnChain) => create(name, [instrumentsOf(SIZE), key, keccak256(key)]);
    const verifiers = {
      account: await verifierOf("AccountVerifier", circuits.account),
      lot: await verifierOf("LotVerifier", circuits.lot),
    };
    const exit = exitValues(SIZE);
    const exitPoint = circuits.account.point(marketSignals(exit.policy, exit.market));
    const source = await create("FixedMarket", [instrumentsOf(SIZE), verifiers.account, exitPoint]);
    await call(source, "setLots", verifiers.lot, exitPoint);
    const gate = await create("MarginGate", [source, 1n, instrumentsOf(SIZE), false], {
      Vault: await create("Vault", []),
    });
    const exchange = await create("Exchange", [gate, operator, 86_400n, true]);
    const [clearing, liquidation, fund] = [
      await create("Clearing", [gate]),
      await create("Liquidation", [gate]),
      await create("Fund", [gate]),
    ];
    const token = await create("TestToken", ["USDC", cashDecimals]);
    const bitcoin = await create("TestToken", ["WBTC", 8]);
    await call(gate, "registerAsset", CASH, token, 6, CASH_CAP, CASH_CAP);
    await call(gate, "registerAsset", BTC, bitcoin, 8, 10_000n * E8, 10_000n * E8);
    const unlisted = await create("TestToken", ["OLD", 8]);
    await call(gate, "registerAsset", OLD, unlisted, 8, 10_000n * E8, 10_000n * E8);
    await call(source, "bindGate", gate);
    await call(gate, "seal", [exchange, clearing, liquidation, fund]);
    const { chainId } = await chain.ethers.provider.getNetwork();
    const domain = async (name: string, version: string, contract: Contract) => ({
      ...{ name, version, chainId },
      verifyingContract: await contract.getAddress(),
    });
    const world = new LotWorld({
      ...{ chain, signers, operator, verifiers, circuits, source, gate, exchange, liquidation, fund },
      ...{ token, bitcoin, unlisted },
      ...{ keys, unit: 10n ** BigInt(cashDecimals - 6) },
      venue: {
        gate: await domain("Plimsoll MarginGate", "2", gate),
        exchange: await domain("Plimsoll Exchange", "1", exchange),
        chainId,
        liquidation: await liquidation.getAddress(),
        prover: prover ?? modelProver(keys!),
      },
    });
    for (const each of [token, bitcoin, unlisted]) {
      await call(each, "mint", operator, 10n ** 30n);
      await call(each, "approve", gate, 1n << 255n);
    }
    await world.setTerms({ ...TERMS, ...terms });
    await world.publish(world.market);
    return world;
  }

  async setTerms(terms: ChainTerms) {
    this.terms = terms;
    await call(this.source, "setTerms", terms);
  }

  /** Opens the next epoch. */
  async publish(market: Market) {
    this.market = market;
    this.epoch++;
    const values = marketSignals(this.policy, market);
    await call(this.source, "open", {
      verifier: this.verifiers.account,
      policyId: this.policyId,
      epoch: this.epoch,
      time: 0n,
      levels: LEVELS,
      point: this.circuits.account.point(values),
    });
    await call(this.source, "setLots", this.verifiers.lot, this.circuits.lot.point(values));
  }

  get published() {
    const { policyId, epoch, policy, market } = this;
    return { policyId, epoch, policy, market };
  }
  evaluation(account: Account) {
    return evaluate(account, this.policy, this.market);
  }
  isAtLeast(account: Account, level: bigint) {
    return isAtLeast(this.evaluation(account), level as LevelBps);
  }

  /** A step of the gate's own, signed by the account's owner. */
  async step(
    action: Action,
    member: Member,
    movement: Partial<Transition>,
    { level, direction = "at-least", exit = false }: { level: bigint; direction?: Direction; exit?: boolean },
  ): Promise<{ step: Step; after: Account }> {
    const before = member.state;
    const transition = { transfer: NO_TRANSFER, fill: noFill(SIZE), side: 1n as const, ...movement };
    const after = applyTransition(before, transition);
    const bound = {
      ...action,
      account: member.id,
      stateBefore: commitState(before),
      stateAfter: commitState(after),
      blob: sealState(after),
      deadline: LATE,
    } as GateCall;
    const context = contextOf(this.venue.gate, bound);
    const values = exit ? exitValues(SIZE) : { policy: this.policy, market: this.market };
    const asked = { before, transition, level: level as LevelBps, direction, context, ...values };
    const { proof } = await this.venue.prover.prove(asked);
    return { step: stepOf(bound, this, proof, await signCall(member.owner, this.venue.gate, bound)), after };
  }

  /** An account with cash (1e-6) and bitcoin (lots), opened, paid in and absorbed. */
  async member(owner: HardhatEthersSigner, cash: bigint, bitcoin = 0n): Promise<Member> {
    const key = (1000n * (BigInt(owner.address) + this.#members++)) as FieldElement;
    const member: Member = { id: 0n, state: genesis(SIZE), owner };
    const args = { owner: owner.address, agent: NOBODY };
    const movement = { openWithViewingKey: key };
    const opened = await this.step({ action: "Open", ...args }, member, movement, { level: EXIT_LEVEL, exit: true });
    await call(this.gate, "open", args, opened.step, "0x");
    member.id = (await this.gate.accounts!()) as bigint;
    member.state = opened.after;
    if (cash > 0n) await this.payIn(member, CASH, cash);
    if (bitcoin > 0n) await this.payIn(member, BTC, bitcoin);
    return member;
  }

  async payIn(member: Member, asset: bigint, amount: bigint) {
    await this.deposit(member, asset, amount);
    await this.absorb(member, asset, amount);
  }

  units(asset: bigint, amount: bigint): bigint {
    return asset === CASH ? amount * this.unit : amount;
  }

  async deposit(member: Member, asset: bigint, amount: bigint) {
    await call(this.gate, "deposit", member.id, member.owner, asset, this.units(asset, amount));
  }

  async donate(amount: bigint) {
    await call(this.fund, "donate", amount * this.unit);
  }

  async absorb(member: Member, asset: bigint, lots: bigint) {
    const transfer = { asset: Number(asset), amount: lots };
    const amount = this.units(asset, lots);
    const after = applyTransition(member.state, { transfer, fill: noFill(SIZE), side: 1n });
    const exit = exitValues(SIZE);
    const below = !isAtLeast(evaluate(after, exit.policy, exit.market), EXIT_LEVEL);
    const asked = { level: EXIT_LEVEL, direction: below ? "below" : "at-least", exit: true } as const;
    const ready = await this.step({ action: "Absorb", asset, amount }, member, { transfer }, asked);
    await call(this.gate, "absorb", ready.step, asset, amount, below);
    member.state = ready.after;
  }

  /** `a` gets the fill, `b` gives it; both keep the initial level. */
  async trade(a: Member, b: Member, fill: Fill) {
    const commitment = commitFill(fill);
    const { initial } = LEVELS;
    const side = (member: Member, other: Member, sign: 1n | -1n) =>
      this.step(
        { action: "Trade", counterparty: other.id, fill: commitment, level: initial, lastEpoch: LATE },
        member,
        { fill, side: sign },
        { level: initial },
      );
    const [first, second] = [await side(a, b, 1n), await side(b, a, -1n)];
    const part = ({ step }: { step: Step }) => ({ step, lastEpoch: LATE });
    await call(this.exchange, "trade", { a: part(first), b: part(second), fill: commitment, operatorSignature: "0x" });
    [a.state, b.state] = [first.after, second.after];
  }

  /** As `trade`, without the operator, of two accounts that it leaves with neither positions nor debt. */
  async unwind(a: Member, b: Member, fill: Fill) {
    const given = { fill: commitFill(fill), level: EXIT_LEVEL as bigint, lastEpoch: LATE };
    const side = (member: Member, { id: counterparty }: Member, sign: 1n | -1n) => {
      const asked = { level: EXIT_LEVEL, exit: true };
      return this.step({ action: "Trade", counterparty, ...given }, member, { fill, side: sign }, asked);
    };
    const [first, second] = [await side(a, b, 1n), await side(b, a, -1n)];
    const part = ({ step }: { step: Step }) => ({ step, lastEpoch: LATE });
    const trade = { a: part(first), b: part(second), fill: given.fill, operatorSignature: "0x" };
    await call(this.exchange, "unwind", trade);
    [a.state, b.state] = [first.after, second.after];
  }

  async flag(member: Member, level: bigint) {
    const ready = await this.step({ action: "Flag", level }, member, {}, { level, direction: "below" });
    await call(this.gate, "flag", ready.step, level);
    member.state = ready.after;
  }

  async attest(member: Member, level: bigint) {
    const ready = await this.step({ action: "Attest", level }, member, {}, { level });
    await call(this.gate, "attest", ready.step, level);
    member.state = ready.after;
  }

  /** Pays out of an account to its owner; amounts as in `payIn`. */
  async withdraw(member: Member, asset: bigint, lots: bigint) {
    const amount = this.units(asset, lots);
    const args = { asset, amount, recipient: member.owner.address, fee: 0n, least: 0n };
    const transfer = { asset: Number(asset), amount: -lots };
    const ready = await this.step({ action: "Withdraw", ...args }, member, { transfer }, { level: LEVELS.initial });
    await call(this.gate, "withdraw", ready.step, args);
    member.state = ready.after;
  }

  /** Pays out of an account without positions and debt. */
  async exit(member: Member, asset: bigint, lots: bigint) {
    const amount = this.units(asset, lots);
    const args = { asset, amount, recipient: member.owner.address, fee: 0n, least: 0n };
    const transfer = { asset: Number(asset), amount: -lots };
    const asked = { level: EXIT_LEVEL, exit: true };
    const ready = await this.step({ action: "Exit", ...args }, member, { transfer }, asked);
    await call(this.gate, "exit", ready.step, args);
    member.state = ready.after;
  }

  async impersonated(contract: Contract) {
    const address = await contract.getAddress();
    await this.chain.networkHelpers.impersonateAccount(address);
    await this.chain.networkHelpers.setBalance(address, 10n ** 18n);
    return this.chain.ethers.getSigner(address);
  }

  /** A call of the queue's to the liquidation desk. */
  asQueue(method: string, ...args: unknown[]) {
    return this.#queued(this.liquidation, method, ...args);
  }

  /** Pays cash of the fund out to the operator, 1e-6. */
  payFromFund(amount: bigint) {
    return this.#queued(this.fund, "withdraw", this.operator.address, amount * this.unit);
  }

  /** In this world the queue is the market itself. */
  async #queued(desk: Contract, method: string, ...args: unknown[]) {
    return call(desk.connect(await this.impersonated(this.source)), method, ...args);
  }

  /** How a lot is offered now, to accounts below a level. */
  offering(evidence: bigint, given: Partial<Offering> = {}): Offering {
    return { policy: this.policy, market: this.market, levels: LEVELS, terms: this.terms, evidence, ...given };
  }

  /** The account's credit, as lots count it. */
  async creditOf(member: Member): Promise<Credit> {
    const credits = (await this.gate.creditsOf!(member.id)) as bigint[];
    return { collateral: credits.slice(0, ASSETS), cash: credits[CASH_INDEX]! / this.unit };
  }

  made(member: Member, lot: Lot, options: Partial<Parameters<typeof startLot>[4]> = {}): Promise<StartedLot> {
    const given = { deadline: LATE, beneficiary: member.id, ...options };
    return startLot(this.venue, member.id, lot, this.published, given);
  }

  startOf({ step, offer, opening, appraisals, operatorSignature }: StartedLot, by = this.operator) {
    const desk = this.liquidation.connect(by) as Contract;
    return desk.start!(step, offer, opening, appraisals, operatorSignature);
  }

  /** Starts a lot of which the chain is told nothing but what it must be: the state after is not in its blob. */
  async startSecretly(member: Member, lot: Lot): Promise<OpenLot> {
    return this.#open(lot, await this.made(member, lot, { blob: "0x" }));
  }

  /** Makes and starts a lot. `beneficiary` gets the reward. */
  async start(member: Member, lot: Lot, beneficiary = member.id): Promise<OpenLot & { readonly receipt: Receipt }> {
    return this.#open(lot, await this.made(member, lot, { beneficiary }));
  }

  async #open(lot: Lot, made: StartedLot) {
    const receipt = await (await this.startOf(made)).wait();
    const {
      id,
      lot: opened,
      blob,
    } = (receipt.logs as EventLog[]).find(({ fragment }) => fragment?.name === "LotStarted")!.args;
    return { id, lot: auctionLotOf(opened), blob, fill: lot.appraisal.fill, after: made.after, receipt };
  }

  taking(bidder: Member, { id, fill }: OpenLot, price: bigint, level = LEVELS.initial): Promise<TakenStep> {
    const signed = { deadline: LATE, signer: bidder.owner };
    return takeLot(this.venue, bidder, { id, fill, price, level }, this.published, signed);
  }

  priceOf({ lot }: OpenLot): Promise<bigint> {
    return this.liquidation.priceOf!(lot);
  }

  /** Takes a lot at the price asked now, unless another is given. */
  async take(liquidated: Member, bidder: Member, open: OpenLot, price?: bigint, level = LEVELS.initial) {
    const paid = price ?? (await this.priceOf(open));
    const taken = await this.taking(bidder, open, paid, level);
    await call(this.liquidation, "take", open.lot, open.blob, taken.step, paid);
    [bidder.state, liquidated.state] = [taken.after, open.after];
    return paid;
  }

  async cure(member: Member, { id, lot }: OpenLot, absorbed?: { asset: bigint; lots: bigint }) {
    const { asset = 0n, lots = 0n } = absorbed ?? {};
    const units = this.units(asset, lots);
    const given = { id, level: LEVELS.call, absorbed: { asset: Number(asset), lots, units } };
    const cured = await cureLot(this.venue, member, given, this.published, { deadline: LATE, signer: member.owner });
    const receipt = await call(this.liquidation, "cure", lot, cured.step, asset, units);
    member.state = cured.after;
    return receipt;
  }

  advance(seconds: bigint) {
    return call(this.source, "advance", seconds);
  }

  async stage(member: Member): Promise<bigint> {
    return (await this.gate.accountOf!(member.id)).stage as bigint;
  }
  async credit(account: bigint): Promise<bigint> {
    return ((await this.gate.creditOf!(account, CASH)) as bigint) / this.unit;
  }
  /** Cash of the fund, 1e-6; negative where it owes. */
  async funds(): Promise<bigint> {
    return ((await this.gate.fund!()) as bigint) / this.unit;
  }
}

/** A fill of positions and cash. */
export function fillOf(positions: Record<number, bigint>, cash: bigint, blinding = 7n): Fill {
  const empty = noFill(SIZE);
  return {
    ...empty,
    positions: empty.positions.map((_, index) => positions[index] ?? 0n),
    cash,
    blinding: blinding as FieldElement,
  };
}

/** A key as contracts hold it: alpha, beta, gamma, delta, the ICs of a proof's own signals, and the head of the link key. */
function keyBytes(
  { vk_alpha_1, vk_beta_2, vk_gamma_2, vk_delta_2, IC }: VerificationKey,
  own: number,
  head: Uint8Array,
) {
  const g2 = (point: string[][]) => [point[0]![1]!, point[0]![0]!, point[1]![1]!, point[1]![0]!];
  const words = [
    ...vk_alpha_1.slice(0, 2),
    ...[vk_beta_2, vk_gamma_2, vk_delta_2].flatMap(g2),
    ...IC.slice(0, own + 1).flatMap((point) => point.slice(0, 2)),
  ];
  return concat([...words.map((word) => toBeHex(BigInt(word), 32)), hexlify(head)]);
}

async function truly(circuit: typeof SIZE | typeof LOT_CIRCUIT): Promise<OnChain> {
  const { verificationKey } = await loadVerificationKey(circuit);
  const { linkKeyFile } = await loadLinkKey(circuit);
  const own = OWN[circuit];
  return {
    point: (values) => pointOf(verificationKey, values, own),
    key: keyBytes(verificationKey, own, linkKeyFile.subarray(0, HEAD_BYTES)),
  };
}

/** A simulated key links nothing: the head of its link key only has the right shape. */
function simulated<Name extends typeof SIZE | typeof LOT_CIRCUIT>({
  key,
  identity,
  pointOf,
}: SimulatedKey<Name>): OnChain {
  const own = OWN[identity.size];
  const publics = publicInputsOf(identity.size satisfies CircuitName);
  const [k1, k2, tau] = [2n, 3n, 5n].map((secret) => bn254.G2.Point.BASE.multiply(secret));
  const head = writeLinkKey({
    ...{ verificationKeySha256: identity.sha256, publics, first: own + 1, k1: k1!, k2: k2!, tau: tau! },
    powers: new Uint8Array(POINT_BYTES * publics),
    links: new Uint8Array(POINT_BYTES * (publics - own)),
  }).subarray(0, HEAD_BYTES);
  return { point: (values) => pointOf(values, own), key: keyBytes(key, own, head) };
}

/**
 * A world with a house on the other side of every position, a bidder, a debtor who is long 10,000 lots (10 bitcoin) on 200,000 of
 * cash and half a bitcoin, and a way back to the beginning.
 */
export async function peopled(options: LotWorldOptions = {}) {
  const world = await LotWorld.create(options);
  const at = (index: number) => world.signers[index]!;
  const house = await world.member(at(1), 500_000_000n * E6);
  const bidder = await world.member(at(2), 10_000_000n * E6);
  const debtor = await world.member(at(3), 200_000n * E6, E8 / 2n);
  await world.trade(debtor, house, fillOf({ 0: 10_000n }, -10_000n * 100n * E6));
  const members = [house, bidder, debtor].map((member) => [member, member.state] as const);
  const { venue, epoch, market, terms } = world;
  let snapshot = await world.chain.networkHelpers.takeSnapshot();
  const restore = async () => {
    await snapshot.restore();
    snapshot = await world.chain.networkHelpers.takeSnapshot();
    for (const [member, state] of members) member.state = state;
    Object.assign(world, { epoch, market, terms, venue, policyId: 1n });
  };
  return { world, house, bidder, debtor, restore };
}
