// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Gate and liquidation on a chain of their own, with a market that the test sets (`FixedMarket`): auctions need a clock and
 * epochs that do what they are told. Accounts are followed from genesis; the operator sends everything.
 */

import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { Contract } from "ethers";
import { network } from "hardhat";
import {
  type Action,
  contextOf,
  type GateCall,
  type Step,
  signCall,
  stepOf,
} from "../../prover/src/chain/gate-calls.ts";
import { type LiquidationVenue, type Lot, startLot, takeLot } from "../../prover/src/chain/liquidation.ts";
import type { ChainLevels, ChainTerms } from "../../prover/src/chain/publication.ts";
import { sealState } from "../../prover/src/chain/sealed-state.ts";
import { chainKey } from "../../prover/src/chain/verifying-key.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitFill, commitState } from "../../prover/src/model/commit.ts";
import { evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { EXIT_LEVEL, exitValues } from "../../prover/src/model/exit-market.ts";
import { type BoardRow, CLOSED_ROW, type Market } from "../../prover/src/model/market.ts";
import { type HaircutSchedule, NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { ASSETS, blocksOf, CASH_INDEX, instrumentsOf, SCENARIOS } from "../../prover/src/model/sizes.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Transition } from "../../prover/src/model/transition.ts";
import { loadDeployableKey, type VerificationKey } from "../../prover/src/node/artifacts.ts";
import type { Prover } from "../../prover/src/node/prover.ts";
import { buildStatement, type Direction, marketSignals } from "../../prover/src/statement/account.ts";
import { ownSignalsOf } from "../../prover/src/statement/families.ts";
import type { LevelBps, RateBps, ScanLots } from "../../prover/src/units.ts";
import { type SimulatedKey, simulatedKey } from "../support/simulated.ts";
import { GAS_LIMIT } from "./limits.ts";
import { pointOf } from "./points.ts";

export const SIZE = "board-60";
export const E6 = 10n ** 6n;
export const E8 = 10n ** 8n;
export const LEVELS: ChainLevels = { initial: 15_000n, call: 12_000n, liquidation: 10_000n, closeOut: 6_000n };
export const TERMS: ChainTerms = {
  curePeriod: 3600n,
  attestInterval: 86_400n,
  stopLimit: 7200n,
  auctionDuration: 1200n,
  holdPeriod: 3600n,
  voidDelay: 3600n,
  premiumBps: 1000n,
  discountBps: 500n,
  levyBps: 50n,
  toleranceBps: 100n,
  maxSlice: 1_000_000n * E6,
  dust: 1000n * E6,
  reward: 50n * E6,
  tillFloor: 0n,
};
export const LATE = 1n << 40n;
const CASH = BigInt(CASH_INDEX);
const BTC = 0n;

const tiers = (...given: [bigint, bigint][]) =>
  given.map(([boundaryLots, weightBps]) => ({ boundaryLots, weightBps })) as unknown as HaircutSchedule;
export const POLICY: Policy = {
  schedules: [
    tiers([50n * E8, 9_500n], [100n * E8, 9_000n], [500n * E8, 8_000n], [1000n * E8, 5_000n]),
    ...new Array<HaircutSchedule>(ASSETS - 1).fill(UNLISTED),
  ],
  scanLots: new Array<ScanLots>(ASSETS).fill(NOT_SCANNED),
  debtRateBps: 0n as RateBps,
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

/** Proves under a simulated key what is true by the model, and nothing else. */
export const modelProver = (key: SimulatedKey): Pick<Prover, "prove"> => ({
  async prove(request) {
    const { holds, publicSignals } = buildStatement(request);
    if (!holds) throw new PlimsollError("STATEMENT_FALSE", "by the model the statement is not true");
    return { proof: key.prove(publicSignals) } as unknown as Awaited<ReturnType<Prover["prove"]>>;
  },
});

/** Proves under a simulated key whatever it is asked to. */
export const liar = (key: SimulatedKey): Pick<Prover, "prove"> => ({
  async prove(request) {
    return { proof: key.prove(buildStatement(request).publicSignals) } as unknown as Awaited<
      ReturnType<Prover["prove"]>
    >;
  },
});

/** Sends a transaction and waits for it. */
export async function call(contract: unknown, method: string, ...args: unknown[]) {
  const methods = contract as Record<string, (...args: unknown[]) => Promise<{ wait(): Promise<unknown> }>>;
  return (await (await methods[method]!(...args)).wait()) as { gasUsed: bigint };
}

export interface Member {
  id: bigint;
  state: Account;
  owner: HardhatEthersSigner;
}

export interface LotWorldOptions {
  /** The real circuit's; a simulated key that proves what the model says unless given. */
  readonly prover?: Prover;
  readonly terms?: Partial<ChainTerms>;
  /** Of the cash token, 6 unless given. Everything else here is in 1e-6 all the same. */
  readonly cashDecimals?: number;
}

export class LotWorld {
  readonly chain!: Awaited<ReturnType<typeof network.create>>;
  readonly signers!: HardhatEthersSigner[];
  readonly operator!: HardhatEthersSigner;
  /** Units of the cash token in 1e-6. */
  readonly unit!: bigint;
  readonly verifier!: Contract;
  readonly parsed!: VerificationKey;
  readonly source!: Contract;
  readonly gate!: Contract;
  readonly liquidation!: Contract;
  readonly token!: Contract;
  readonly bitcoin!: Contract;
  readonly key: SimulatedKey | undefined;
  readonly venue!: LiquidationVenue;
  terms: ChainTerms = TERMS;
  policy: Policy = POLICY;
  market: Market = marketAt(100_000n);
  policyId = 1n;
  epoch = 0n;
  readonly board = 1n;
  #members = 0n;

  private constructor(given: Partial<LotWorld>) {
    Object.assign(this, given);
  }

  static async create({ prover, terms = {}, cashDecimals = 6 }: LotWorldOptions = {}): Promise<LotWorld> {
    const chain = await network.create({ override: { chainId: 31_337, gas: GAS_LIMIT } });
    const signers = await chain.ethers.getSigners();
    const operator = signers[0]!;
    const key = prover === undefined ? simulatedKey(SIZE) : undefined;
    const loaded = key === undefined ? (await loadDeployableKey(SIZE))! : { ...key, verificationKeyFile: key.file };
    const parsed = JSON.parse(new TextDecoder().decode(loaded.verificationKeyFile)) as VerificationKey;
    const { hash, key: laid } = chainKey(parsed, ownSignalsOf(SIZE).length, loaded.linkKeyFile);
    const create = async (name: string, ...args: unknown[]) =>
      (await chain.ethers.deployContract(name, args)) as unknown as Contract;
    const libraries = { Tokens: await create("Tokens") };
    const verifier = await create("AccountVerifier", instrumentsOf(SIZE), laid, hash);
    const exit = exitValues(SIZE);
    const exitPoint = pointOf(parsed, marketSignals(exit.policy, exit.market));
    const source = await create("FixedMarket", instrumentsOf(SIZE), verifier, exitPoint);
    const gate = (await chain.ethers.deployContract("MarginGate", [source, operator, operator, 86_400n], {
      libraries,
    })) as unknown as Contract;
    const liquidation = await create("Liquidation", gate);
    await call(gate, "setLiquidation", liquidation);
    const token = await create("TestToken", "USDC", cashDecimals);
    const bitcoin = await create("TestToken", "WBTC", 8);
    await call(gate, "registerAsset", CASH, token, 6);
    await call(gate, "registerAsset", BTC, bitcoin, 8);
    const { chainId } = await chain.ethers.provider.getNetwork();
    const domain = async (name: string, contract: Contract) => ({
      name: `Plimsoll ${name}`,
      version: "1",
      chainId,
      verifyingContract: await contract.getAddress(),
    });
    const world = new LotWorld({
      chain,
      signers,
      operator,
      unit: 10n ** BigInt(cashDecimals - 6),
      verifier,
      parsed,
      source,
      gate,
      liquidation,
      token,
      bitcoin,
      key,
      venue: {
        gate: await domain("MarginGate", gate),
        liquidation: await domain("Liquidation", liquidation),
        prover: prover ?? modelProver(key!),
      },
    });
    for (const each of [token, bitcoin]) {
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
  async publish(market: Market, usable = true, complete = true) {
    this.market = market;
    this.epoch++;
    await call(this.source, "open", {
      verifier: this.verifier,
      policyId: this.policyId,
      epoch: this.epoch,
      time: 0n,
      levels: LEVELS,
      point: pointOf(this.parsed, marketSignals(this.policy, market)),
    });
    await call(this.source, "setUsable", usable, complete);
  }

  get published() {
    const { policyId, epoch, policy, market } = this;
    return { policyId, epoch, policy, market };
  }
  get judged() {
    return { levels: LEVELS, terms: this.terms };
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
    const args = { owner: owner.address, agent: `0x${"0".repeat(40)}`, board: this.board };
    const opened = await this.step(
      { action: "Open", ...args },
      member,
      { openWithViewingKey: key },
      { level: EXIT_LEVEL, exit: true },
    );
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
    await call(this.gate, "donate", amount * this.unit);
  }

  async absorb(member: Member, asset: bigint, lots: bigint) {
    const transfer = { asset: Number(asset), amount: lots };
    const amount = this.units(asset, lots);
    // In the exit market nothing counts but cash, and it is owed where it is below zero.
    const below = applied(member.state, transfer).cash < 0n;
    const direction = below ? "below" : "at-least";
    const asked = { level: 0n, exit: true };
    const ready = await this.step({ action: "Absorb", asset, amount }, member, { transfer }, { ...asked, direction });
    await call(this.gate, "absorb", ready.step, asset, amount, below);
    member.state = ready.after;
  }

  /** `a` gets the fill, `b` gives it; both keep the initial level. */
  async trade(a: Member, b: Member, fill: Fill) {
    const commitment = commitFill(fill);
    const side = (member: Member, other: Member, sign: 1n | -1n) =>
      this.step(
        { action: "Trade", counterparty: other.id, fill: commitment, level: LEVELS.initial },
        member,
        { fill, side: sign },
        { level: LEVELS.initial },
      );
    const [first, second] = [await side(a, b, 1n), await side(b, a, -1n)];
    const part = ({ step }: { step: Step }) => ({ step, level: LEVELS.initial, worse: [] });
    await call(this.gate, "trade", { a: part(first), b: part(second), fill: commitment, operatorSignature: "0x" });
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

  /** Makes and starts a lot. `beneficiary` gets the reward. */
  async start(member: Member, lot: Lot, beneficiary = member.id) {
    const options = { deadline: LATE, beneficiary };
    const started = await startLot(this.venue, member, lot, this.published, this.judged, options);
    await call(this.liquidation, "start", started.step, started.offer, started.appraisals, "0x");
    member.state = started.after;
    return started;
  }

  /** Takes a lot at the price asked now. */
  async take(liquidated: Member, bidder: Member, fill: Fill, price?: bigint) {
    const asked = price ?? ((await this.liquidation.priceOf!(liquidated.id)) as bigint);
    const taken = await takeLot(
      this.venue,
      bidder,
      { liquidated: liquidated.id, fill, price: asked, level: LEVELS.initial },
      this.published,
      { deadline: LATE, signer: bidder.owner },
    );
    await call(this.liquidation, "take", liquidated.id, taken.step, asked);
    bidder.state = taken.after;
    return asked;
  }

  async stage(member: Member): Promise<bigint> {
    return (await this.gate.accountOf!(member.id)).stage as bigint;
  }
  async credit(account: bigint): Promise<bigint> {
    return ((await this.gate.creditOf!(account, CASH)) as bigint) / this.unit;
  }
}

const applied = (account: Account, transfer: Transition["transfer"]) =>
  applyTransition(account, {
    transfer,
    fill: noFill(account.size),
    side: 1n,
    ...(account.viewingKey === 0n ? { openWithViewingKey: 1n as FieldElement } : {}),
  });

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
