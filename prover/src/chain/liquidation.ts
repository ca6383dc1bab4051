// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Lots: which part of an account to sell, what has to be proven of it, and the steps that take a lot out of one account and
 * into another. `ILiquidation` says what is bounded by which proof.
 *
 * A lot is a fill. Its cash is what the account gets for it at least (negative in the fill: the bidder pays it), and is
 * chosen so that the lot costs the account as much of the lot's own margin as the policy's discount allows, less a millionth:
 * the most that a bidder can be offered. What he bids goes on top, in public.
 *
 * Not here: sending. Keep states and fills BEFORE sending, as for every step.
 */

import { type Signer, type TypedDataDomain, TypedDataEncoder } from "ethers";
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import { type Account, genesis, randomViewingKey } from "../model/account.ts";
import { commitFill, commitState, lotBlinding } from "../model/commit.ts";
import { coverageBpsDown, E6_TO_E20, evaluate, isAtLeast, MARGIN_LEVEL_TO_E20 } from "../model/evaluate.ts";
import { EXIT_LEVEL, exitValues } from "../model/exit-market.ts";
import type { Market } from "../model/market.ts";
import { NOT_SCANNED, type Policy } from "../model/policy.ts";
import { ASSETS, CASH_INDEX } from "../model/sizes.ts";
import { applyTransition, type Fill, NO_TRANSFER, noFill, type Side, type Transition } from "../model/transition.ts";
import type { Prover } from "../prove/prover.ts";
import type { Direction } from "../statement/account.ts";
import { BPS, type LevelBps } from "../units.ts";
import type { Published } from "./client.ts";
import { proofWords, type Step } from "./gate-calls.ts";
import type { ChainLevels, ChainTerms } from "./publication.ts";
import { sealState } from "./sealed-state.ts";

/** What of a policy's terms bears on lots; `maxSlice` is `capOf` where slices of the account have failed. */
export type AuctionTerms = Pick<ChainTerms, "premiumBps" | "discountBps" | "auctionDuration" | "maxSlice" | "dust">;

/** `ILiquidation.Kind`. */
export const KIND = { slice: 1n, closeOut: 2n } as const;

/** A part of an account that may be sold, and what becomes of the account. */
export interface Lot {
  readonly kind: keyof typeof KIND;
  /** Private until it is told to bidders. */
  readonly fill: Fill;
  /** Public bound of the lot's margin, 1e-6. */
  readonly size: bigint;
  /** Paid by the fund into the account, 1e-6. */
  readonly writeOff: bigint;
  /** The account is below it before; slices: and at least at it after. */
  readonly level: LevelBps;
  /** Private: the account after. */
  readonly after: Account;
}

/** Values under which account and lot are judged. */
interface Values {
  readonly policy: Policy;
  readonly market: Market;
}

/** The statements of one lot, in the order in which `Liquidation.start` takes their proofs, its step first. */
interface Claim extends Values {
  readonly before: Account;
  readonly transition: Transition;
  readonly level: LevelBps;
  readonly direction: Direction;
}

const NO_LOT = "no lot of this kind does what the policy asks of it";
const cash = (amount: bigint) => (amount === 0n ? NO_TRANSFER : { asset: CASH_INDEX, amount });
const max = (a: bigint, b: bigint) => (b > a ? b : a);
const ceilDiv = (value: bigint, by: bigint) => value / by + (value > 0n && value % by !== 0n ? 1n : 0n);

/** The lot that took an account from one state to the next: what an owner cures who knows only the chain and his key. */
export function lotBetween(before: Account, after: Account, writeOff: bigint): Fill {
  return {
    size: before.size,
    positions: before.positions.map((lots, row) => lots - after.positions[row]!),
    collateral: before.collateral.map((lots, asset) => lots - after.collateral[asset]!),
    cash: before.cash + writeOff - after.cash,
    blinding: lotBlinding(before, after),
  };
}

/** A fill as an account that holds nothing else: what an appraisal looks at. Throws where it would not be one. */
export const holding = (fill: Fill): Account =>
  applyTransition(genesis(fill.size), {
    transfer: NO_TRANSFER,
    fill,
    side: 1n,
    openWithViewingKey: randomViewingKey(),
  });

/**
 * The smallest slice, the same part of every position (halves rounded away from zero) and of what is in the scan beside
 * them, that brings an account from below `allowed` to the call level at least; where the cap does not let it get there, the
 * largest slice within the cap. Of an account without positions the slice is a part of all its collateral.
 *
 * @param allowed the policy's liquidation level, or one less than its call level where a deadline was missed
 * @throws `STATEMENT_FALSE` where there is none: the account is not below the level, or no slice improves it without
 * lifting it to the initial level
 */
export function sliceOf(
  before: Account,
  { policy, market }: Values,
  levels: ChainLevels,
  terms: AuctionTerms,
  allowed: LevelBps,
): Lot {
  const start = evaluate(before, policy, market);
  if (start.equity < 0n || isAtLeast(start, allowed)) throw new PlimsollError("STATEMENT_FALSE", NO_LOT);
  const flat = before.positions.every((lots) => lots === 0n);
  const attempt = (part: bigint) => {
    const collateral = before.collateral.map((lots, asset) =>
      flat || policy.scanLots[asset]! !== NOT_SCANNED ? (part * lots) / PARTS : 0n,
    );
    const positions = before.positions.map((lots) => {
      const whole = (2n * part * (lots < 0n ? -lots : lots) + PARTS) / (2n * PARTS);
      return lots < 0n ? -whole : whole;
    });
    const sold = { ...noFill(before.size), positions, collateral };
    const fill = priced(sold, { policy, market }, terms.discountBps);
    const after = applyTransition(before, { transfer: NO_TRANSFER, fill, side: -1n });
    const size = sizeOf(fill, { policy, market }, terms.discountBps);
    return { after, size, now: evaluate(after, policy, market) };
  };
  // The smallest part that reaches the call level, or, past the cap, the largest within it.
  let [low, high] = [0n, PARTS];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    const { size, now } = attempt(middle);
    if (size > terms.maxSlice || isAtLeast(now, levels.call as LevelBps)) high = middle;
    else low = middle;
  }
  for (const part of [high, low]) {
    const { after, size, now } = attempt(part);
    const reached = max(coverageBpsDown(now) ?? 0n, 0n);
    const level = (reached < allowed ? reached : allowed) as LevelBps;
    const good =
      size <= terms.maxSlice &&
      !isAtLeast(start, level) &&
      isAtLeast(now, level) &&
      !isAtLeast(now, levels.initial as LevelBps);
    if (good) {
      return {
        kind: "slice",
        fill: lotBetween(before, after, 0n),
        size: max(size, terms.dust),
        writeOff: 0n,
        level,
        after,
      };
    }
  }
  throw new PlimsollError("STATEMENT_FALSE", NO_LOT);
}
const PARTS = 1n << 32n;

/**
 * All positions of an account, with as much of its collateral (assets in order) as pays for them where its cash does not.
 *
 * What is missing after all collateral is written off. An account that is not insolvent has nothing written off: its bidder
 * is offered no more than what it has.
 *
 * @param allowed the policy's close-out level, or what else the account may be closed out by
 * @throws `STATEMENT_FALSE` where the account is not below that level
 */
export function closeOutOf(before: Account, values: Values, terms: AuctionTerms, allowed: LevelBps): Lot {
  const start = evaluate(before, values.policy, values.market);
  if (isAtLeast(start, allowed)) throw new PlimsollError("STATEMENT_FALSE", NO_LOT);
  const positions = before.positions.map(BigInt);
  const withCollateral = (collateral: readonly bigint[]) =>
    priced({ ...noFill(before.size), positions, collateral }, values, terms.discountBps);
  let fill = withCollateral(new Array<bigint>(ASSETS).fill(0n));
  for (let asset = 0; asset < ASSETS && fill.cash > before.cash; asset++) {
    const withLots = (lots: bigint) => withCollateral(fill.collateral.map((q, i) => (i === asset ? lots : q)));
    let [low, high]: [bigint, bigint] = [0n, before.collateral[asset]!];
    if (withLots(high).cash <= before.cash) {
      while (high - low > 1n) {
        const middle = (low + high) / 2n;
        if (withLots(middle).cash <= before.cash) high = middle;
        else low = middle;
      }
    }
    fill = withLots(high);
  }
  if (fill.cash > before.cash && start.equity >= 0n) fill = { ...fill, cash: before.cash };
  const writeOff = fill.cash > before.cash ? fill.cash - before.cash : 0n;
  const after = applyTransition(before, { transfer: cash(writeOff), fill, side: -1n });
  const level = writeOff > 0n ? (0n as LevelBps) : allowed;
  const size = sizeOf(fill, values, terms.discountBps);
  return { kind: "closeOut", fill: lotBetween(before, after, writeOff), size, writeOff, level, after };
}

/**
 * The fill with the most cash with which it is worth less than the discount on its own margin. Cash below what its positions
 * owe leaves the lot in debt, which is part of its margin.
 */
function priced(fill: Fill, { policy, market }: Values, discountBps: bigint): Fill {
  const { equity, margin, debtMargin, markValue } = evaluate(holding({ ...fill, cash: 0n }), policy, market);
  const discount = MARGIN_LEVEL_TO_E20 * discountBps;
  const room = discount * (margin - debtMargin) - equity - 1n;
  const cash = floorDiv(room, E6_TO_E20);
  if (cash + markValue >= 0n) return { ...fill, cash };
  // equity + 10^14 · cash < discount · (margin + rate · (−cash − marks))
  const rate = discount * policy.debtRateBps;
  return { ...fill, cash: floorDiv(room - rate * markValue, E6_TO_E20 + rate) };
}

const floorDiv = (value: bigint, by: bigint) => value / by - (value < 0n && value % by !== 0n ? 1n : 0n);

/** The smallest size of a lot: what with it in cash has (1 + discount) of its margin. */
function sizeOf(fill: Fill, { policy, market }: Values, discountBps: bigint): bigint {
  const { equity, margin } = evaluate(holding(fill), policy, market);
  const size = ceilDiv(MARGIN_LEVEL_TO_E20 * (BPS + discountBps) * margin - equity, E6_TO_E20);
  return max(size, 1n);
}

/** The public price after so many seconds of the auction, 1e-6: `Liquidation.priceOf`. */
export function priceAt({ size }: Pick<Lot, "size">, terms: AuctionTerms, elapsed: bigint): bigint {
  if (elapsed >= terms.auctionDuration) return 0n;
  const first = ceilDiv((terms.premiumBps + terms.discountBps) * size, BPS);
  return ceilDiv(first * (terms.auctionDuration - elapsed), terms.auctionDuration);
}

/** What of a policy the claims of a lot depend on. */
type Judged = { levels: ChainLevels; terms: Pick<AuctionTerms, "discountBps"> };

/** Step and appraisals of a lot as statements. */
export function claimsOf(before: Account, lot: Lot, values: Values, { levels, terms }: Judged): Claim[] {
  const still = (account: Account, level: bigint, amount = 0n): Claim => ({
    ...values,
    before: account,
    transition: { transfer: cash(amount), fill: noFill(account.size), side: 1n },
    level: level as LevelBps,
    direction: "below",
  });
  const alone = (amount: bigint, level: bigint, direction: Direction): Claim => ({
    ...values,
    before: genesis(before.size),
    transition: { transfer: cash(amount), fill: lot.fill, side: 1n, openWithViewingKey: randomViewingKey() },
    level: level as LevelBps,
    direction,
  });
  const sold = { before, transition: { transfer: cash(lot.writeOff), fill: lot.fill, side: -1n as Side } };
  return [
    lot.kind === "slice"
      ? { ...sold, ...values, level: lot.level, direction: "at-least" }
      : { ...sold, ...exitValues(before.size), level: EXIT_LEVEL, direction: "at-least" },
    still(before, lot.level),
    alone(0n, terms.discountBps, "below"),
    alone(1n, 0n, "at-least"),
    alone(lot.size, BPS + terms.discountBps, "at-least"),
    ...(lot.kind === "slice" ? [still(lot.after, levels.initial)] : []),
    ...(lot.writeOff > 0n ? [still(lot.after, 0n, -1n)] : []),
  ];
}

// ---- Calls ----

export interface LiquidationVenue {
  /** EIP-712 domains of the gate and of the liquidation module. */
  readonly gate: TypedDataDomain;
  readonly liquidation: TypedDataDomain;
  readonly prover: Pick<Prover, "prove">;
}

/** An account at the gate, by somebody who can follow it. */
export interface Held {
  readonly id: bigint;
  readonly state: Account;
}

export interface StepOptions {
  /** Unix seconds; the last second in which the step is accepted. */
  readonly deadline: bigint;
  /** Signs the step, where its sender is not the owner. */
  readonly signer?: Signer;
}

export interface TakenStep {
  readonly step: Step;
  /** Private. */
  readonly after: Account;
}

/** `ILiquidation.Offer`. */
export interface Offer {
  readonly kind: bigint;
  readonly fill: FieldElement;
  readonly size: bigint;
  readonly writeOff: bigint;
  readonly level: bigint;
  readonly beneficiary: bigint;
  readonly opening: string;
}

/** `ILiquidation.Appraisal`. */
export interface Appraisal {
  readonly stateAfter: FieldElement;
  readonly proof: readonly bigint[];
}

/** Arguments of `Liquidation.start`. */
export interface StartedLot extends TakenStep {
  readonly offer: Offer;
  readonly appraisals: readonly Appraisal[];
  readonly operatorSignature: string;
}

const uint = (name: string) => ({ name, type: "uint256" });
const COMMON = [
  uint("account"),
  uint("stateBefore"),
  uint("stateAfter"),
  { name: "blob", type: "bytes" },
  uint("deadline"),
];
const TYPES = {
  StartLot: [...COMMON, { name: "lot", type: "bytes32" }],
  TakeLot: [...COMMON, uint("liquidated"), uint("fill"), uint("price")],
  CureLot: [...COMMON, uint("fill")],
  ReturnLot: [...COMMON, uint("fill")],
};
const LOT_TYPE = {
  Lot: [
    uint("account"),
    uint("stateBefore"),
    uint("stateAfter"),
    { name: "policyId", type: "uint64" },
    { name: "epoch", type: "uint64" },
    { name: "kind", type: "uint8" },
    uint("fill"),
    { name: "size", type: "uint64" },
    { name: "writeOff", type: "uint64" },
    { name: "level", type: "uint32" },
    uint("beneficiary"),
    { name: "opening", type: "bytes" },
  ],
};

const toContext = (digest: string) => (BigInt(digest) % FIELD_ORDER) as FieldElement;

async function stepFor(
  venue: LiquidationVenue,
  action: keyof typeof TYPES,
  args: Record<string, unknown>,
  id: bigint,
  claim: Claim,
  { policyId, epoch }: Published,
  { deadline, signer }: StepOptions,
): Promise<TakenStep> {
  const after = applyTransition(claim.before, claim.transition);
  const bound = {
    account: id,
    stateBefore: commitState(claim.before),
    stateAfter: commitState(after),
    deadline,
    blob: sealState(after),
  };
  const types = { [action]: TYPES[action] };
  const context = toContext(TypedDataEncoder.hash(venue.gate, types, { ...bound, ...args }));
  const { proof } = await venue.prover.prove({ ...claim, context });
  const signature = signer === undefined ? "0x" : await signer.signTypedData(venue.gate, types, { ...bound, ...args });
  return { step: { ...bound, policyId, epoch, proof: proofWords(proof), signature }, after };
}

/**
 * Proves a lot and signs it. Throws `STATEMENT_FALSE` where a claim of the lot is not true.
 *
 * @param operator signs the lot; nobody where it sends the call itself, or has been silent for too long
 */
export async function startLot(
  venue: LiquidationVenue,
  { id, state: before }: Held,
  lot: Lot,
  published: Published,
  judged: Judged,
  options: StepOptions & { beneficiary: bigint; opening?: string; operator?: Signer },
): Promise<StartedLot> {
  const [sold, ...appraised] = claimsOf(before, lot, published, judged);
  const offer: Offer = {
    kind: KIND[lot.kind],
    fill: commitFill(lot.fill),
    size: lot.size,
    writeOff: lot.writeOff,
    level: lot.level,
    beneficiary: options.beneficiary,
    opening: options.opening ?? "0x",
  };
  const message = {
    ...offer,
    account: id,
    stateBefore: commitState(before),
    stateAfter: commitState(lot.after),
    policyId: published.policyId,
    epoch: published.epoch,
  };
  const digest = TypedDataEncoder.hash(venue.liquidation, LOT_TYPE, message);
  const { step, after } = await stepFor(venue, "StartLot", { lot: digest }, id, sold!, published, options);
  const appraisals: Appraisal[] = [];
  for (const claim of appraised) {
    const { proof } = await venue.prover.prove({ ...claim, context: toContext(digest) });
    const looked = applyTransition(claim.before, claim.transition);
    appraisals.push({ stateAfter: commitState(looked), proof: proofWords(proof) });
  }
  const operatorSignature = (await options.operator?.signTypedData(venue.liquidation, LOT_TYPE, message)) ?? "0x";
  return { step, after, offer, appraisals, operatorSignature };
}

/** What an account's taking, curing or getting back a lot moves. */
const inwards = (before: Account, fill: Fill, paid: bigint, level: bigint, values: Values): Claim => ({
  before,
  transition: { transfer: cash(-paid), fill, side: 1n },
  level: level as LevelBps,
  direction: "at-least",
  policy: values.policy,
  market: values.market,
});

/**
 * A bidder takes a lot and pays `price`; `backstop` takes it with a price of zero and no level but solvency.
 * Throws `STATEMENT_FALSE` where the bidder would not have the level.
 */
export function takeLot(
  venue: LiquidationVenue,
  bidder: Held,
  { liquidated, fill, price, level }: { liquidated: bigint; fill: Fill; price: bigint; level: bigint },
  published: Published,
  options: StepOptions,
): Promise<TakenStep> {
  const args = { liquidated, fill: commitFill(fill), price };
  const claim = inwards(bidder.state, fill, price, level, published);
  return stepFor(venue, "TakeLot", args, bidder.id, claim, published, options);
}

/** The owner takes his lot back. Throws `STATEMENT_FALSE` where the account does not have the call level with it. */
export function cureLot(
  venue: LiquidationVenue,
  owner: Held,
  lot: Pick<Lot, "fill" | "writeOff">,
  call: bigint,
  published: Published,
  options: StepOptions,
): Promise<TakenStep> {
  const claim = inwards(owner.state, lot.fill, lot.writeOff, call, published);
  return stepFor(venue, "CureLot", { fill: commitFill(lot.fill) }, owner.id, claim, published, options);
}

/**
 * An unsold lot goes back, which needs no market. `below` is what `Liquidation.giveBack` is told: that the account has
 * positions or debt.
 */
export async function returnLot(
  venue: LiquidationVenue,
  account: Held,
  lot: Pick<Lot, "fill" | "writeOff">,
  options: StepOptions,
): Promise<TakenStep & { below: boolean }> {
  const exit = { policyId: 0n, epoch: 0n, ...exitValues(account.state.size) };
  const claim = inwards(account.state, lot.fill, lot.writeOff, EXIT_LEVEL, exit);
  const after = evaluate(applyTransition(claim.before, claim.transition), exit.policy, exit.market);
  const below = !isAtLeast(after, EXIT_LEVEL);
  const asked: Claim = { ...claim, direction: below ? "below" : "at-least" };
  const args = { fill: commitFill(lot.fill) };
  return { ...(await stepFor(venue, "ReturnLot", args, account.id, asked, exit, options)), below };
}
