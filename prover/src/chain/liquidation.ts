// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Calls of the liquidation desk: what a start proves, and the steps by which a lot is taken or cured. `ILiquidation` says what
 * each does, `lots.ts` finds lots and prices.
 *
 * Not here: sending. Keep states and fills BEFORE sending, as for every step.
 */

import {
  AbiCoder,
  hexlify,
  keccak256,
  type Result,
  type Signer,
  type TypedDataDomain,
  TypedDataEncoder,
  toUtf8Bytes,
} from "ethers";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import { type Account, genesis, randomViewingKey } from "../model/account.ts";
import { commitFill, commitState } from "../model/commit.ts";
import { EXIT_LEVEL, exitValues } from "../model/exit-market.ts";
import type { LotKind } from "../model/lot.ts";
import { CASH_INDEX } from "../model/sizes.ts";
import { applyTransition, type Fill, type Transition } from "../model/transition.ts";
import type { Prover } from "../prove/prover.ts";
import type { Direction } from "../statement/account.ts";
import { creditSignals } from "../statement/signals.ts";
import type { LevelBps } from "../units.ts";
import type { Published } from "./client.ts";
import { proofWords, type Step } from "./gate-calls.ts";
import { type AuctionPrices, type Lot, still, type Values } from "./lots.ts";
import { sealState } from "./sealed-state.ts";

/** `ILiquidation.Kind`. */
export const KIND = { slice: 0n, "close-out": 1n } as const satisfies Record<LotKind, bigint>;

export interface LiquidationVenue {
  /** EIP-712 domains of the gate, and of the exchange where the operator's agreement is. */
  readonly gate: TypedDataDomain;
  readonly exchange: TypedDataDomain;
  readonly chainId: bigint;
  /** Address of the liquidation desk. */
  readonly liquidation: string;
  readonly prover: Pick<Prover, "prove" | "liquidate">;
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
  readonly evidence: bigint;
  readonly size: bigint;
  readonly cost: bigint;
  readonly debt: bigint;
  readonly fill: bigint;
  readonly beneficiary: bigint;
  readonly credit: readonly bigint[];
}

/** `ILiquidation.Appraisal`. */
export interface Appraisal {
  readonly stateAfter: bigint;
  readonly proof: readonly bigint[];
}

/** Arguments of `Liquidation.start`. */
export interface StartedLot extends TakenStep {
  readonly offer: Offer;
  readonly opening: string;
  readonly appraisals: readonly Appraisal[];
  readonly operatorSignature: string;
}

/** `ILiquidation.Lot`: a lot on auction, as its event tells it and later calls are given it. */
export interface AuctionLot extends AuctionPrices {
  readonly account: bigint;
  readonly stateBefore: bigint;
  readonly stateAfter: bigint;
  readonly fill: bigint;
  readonly kind: bigint;
  readonly epoch: bigint;
  readonly settlements: bigint;
  /** Of the board's clock. */
  readonly start: bigint;
  readonly end: bigint;
  readonly turnEnd: bigint;
  readonly voidFrom: bigint;
  /** Unix seconds. */
  readonly voidTime: bigint;
  readonly debt: bigint;
  readonly insolvent: boolean;
  readonly reward: bigint;
  readonly beneficiary: bigint;
  readonly credit: readonly bigint[];
  readonly blobHash: string;
}

/** The lot of a `LotStarted` event's argument of that name. */
export function auctionLotOf(lot: Result): AuctionLot {
  const { credit, ...rest } = lot.toObject();
  return { ...rest, credit: [...(credit as Result)] } as unknown as AuctionLot;
}

/** An auction: its hash, the account whose lot it is, and what the lot is committed to. */
export interface Auction {
  readonly id: string;
  readonly fill: Fill;
}

const uint = (name: string) => ({ name, type: "uint256" });
const COMMON = [
  uint("account"),
  uint("stateBefore"),
  uint("stateAfter"),
  { name: "blob", type: "bytes" },
  uint("deadline"),
];
const LOT = { name: "lot", type: "bytes32" };
const TYPES = {
  TakeLot: [...COMMON, LOT, uint("price")],
  CureLot: [...COMMON, LOT, uint("asset"), uint("amount")],
};
const CLEAR = {
  Clear: [
    { name: "first", type: "bytes32" },
    { name: "second", type: "bytes32" },
  ],
};
const START = keccak256(toUtf8Bytes("plimsoll-lot-start/2"));
const coder = AbiCoder.defaultAbiCoder();
const toContext = (digest: string) => (BigInt(digest) % FIELD_ORDER) as FieldElement;

/** What a start's proofs are bound to: `Liquidation.startDigest`. */
export function startDigest(
  { chainId, liquidation }: Pick<LiquidationVenue, "chainId" | "liquidation">,
  step: Omit<Step, "proof" | "signature">,
  { kind, evidence, size, cost, debt, fill, beneficiary, credit }: Offer,
  opening: string,
): string {
  const offer = coder.encode(["uint256[13]"], [[kind, evidence, size, cost, debt, fill, beneficiary, ...credit]]);
  const { account, stateBefore, stateAfter, blob, deadline, policyId, epoch } = step;
  return keccak256(
    coder.encode(
      [
        "bytes32",
        "uint256",
        "address",
        "uint256",
        "uint256",
        "uint256",
        "bytes32",
        "uint256",
        "uint64",
        "uint64",
        "bytes32",
        "bytes32",
      ],
      [
        ...[START, chainId, liquidation, account, stateBefore, stateAfter, keccak256(blob), deadline],
        ...[policyId, epoch, keccak256(offer), keccak256(opening)],
      ],
    ),
  );
}

/** A statement about an account that is not the gate's to change. */
interface Claim extends Values {
  readonly before: Account;
  readonly transition: Transition;
  readonly level: bigint;
  readonly direction: Direction;
}

/** What a start proves besides the lot, in the order in which `Liquidation.start` takes it. */
export function claimsOf({ appraisal: { fill, after }, cost, debt, terms }: Lot, values: Values): Claim[] {
  const { size } = after;
  const ofCost: Claim = {
    ...values,
    before: genesis(size),
    transition: {
      ...still(size),
      transfer: { asset: CASH_INDEX, amount: -cost },
      fill,
      openWithViewingKey: randomViewingKey(),
    },
    level: 0n,
    direction: "at-least",
  };
  const owes = (amount: bigint, direction: Direction): Claim => ({
    ...exitValues(size),
    before: after,
    // A transfer of nothing in cash is encoded as cash.
    transition: { ...still(size), transfer: { asset: CASH_INDEX, amount } },
    level: EXIT_LEVEL,
    direction,
  });
  const insolvent = debt > terms.size + terms.tolerance;
  return [
    ...(cost > 0n ? [ofCost] : []),
    ...(terms.kind === "close-out" ? [owes(debt, "at-least")] : []),
    ...(insolvent ? [owes(debt - 1n, "below")] : []),
  ];
}

export interface StartOptions extends Pick<StepOptions, "deadline"> {
  /** Account whose credit gets the reward; zero for the fund. */
  readonly beneficiary: bigint;
  /** Tells bidders what is in the lot; in the clear, encrypted to them, or where to ask. Nothing unless given. */
  readonly opening?: string;
  /** Signs the lot; nobody where it sends the call itself, or has been silent for too long. */
  readonly operator?: Signer;
  /** In place of the state after, encrypted to its viewing key. */
  readonly blob?: string;
}

/** Proves a lot. Throws as the prover, `STATEMENT_FALSE` where the lot is not admissible. */
export async function startLot(
  venue: LiquidationVenue,
  id: bigint,
  lot: Lot,
  { policyId, epoch, ...values }: Published,
  options: StartOptions,
): Promise<StartedLot> {
  const { after, fill } = lot.appraisal;
  const { evidence, size } = lot.terms;
  const offer: Offer = {
    kind: KIND[lot.terms.kind],
    ...{ evidence, size, cost: lot.cost, debt: lot.debt },
    fill: commitFill(fill),
    beneficiary: options.beneficiary,
    credit: creditSignals(lot.step.credit),
  };
  const opening = options.opening ?? "0x";
  const bound = {
    account: id,
    stateBefore: commitState(lot.step.before),
    stateAfter: commitState(after),
    blob: options.blob ?? sealState(after),
    ...{ policyId, epoch, deadline: options.deadline },
  };
  const digest = startDigest(venue, bound, offer, opening);
  const context = toContext(digest);
  const { proof } = await venue.prover.liquidate({ ...lot.step, terms: lot.terms, context, ...values });
  const appraisals: Appraisal[] = [];
  for (const claim of claimsOf(lot, values)) {
    const shown = await venue.prover.prove({ ...claim, level: claim.level as LevelBps, context });
    const looked = applyTransition(claim.before, claim.transition);
    appraisals.push({ stateAfter: commitState(looked), proof: proofWords(shown.proof) });
  }
  const agreed = { first: digest, second: hexlify(new Uint8Array(32)) };
  const operatorSignature = (await options.operator?.signTypedData(venue.exchange, CLEAR, agreed)) ?? "0x";
  return {
    step: { ...bound, proof: proofWords(proof), signature: "0x" },
    ...{ after, offer, opening, appraisals, operatorSignature },
  };
}

async function stepFor(
  venue: LiquidationVenue,
  action: keyof typeof TYPES,
  args: Record<string, unknown>,
  { id, state }: Held,
  { transition, level }: { transition: Transition; level: bigint },
  { policyId, epoch, policy, market }: Published,
  { deadline, signer }: StepOptions,
): Promise<TakenStep> {
  const after = applyTransition(state, transition);
  const bound = {
    account: id,
    stateBefore: commitState(state),
    stateAfter: commitState(after),
    deadline,
    blob: sealState(after),
  };
  const types = { [action]: TYPES[action] };
  const message = { ...bound, ...args };
  const context = toContext(TypedDataEncoder.hash(venue.gate, types, message));
  const claim = { before: state, transition, level: level as LevelBps, direction: "at-least" as const, policy, market };
  const { proof } = await venue.prover.prove({ ...claim, context });
  const signature = (await signer?.signTypedData(venue.gate, types, message)) ?? "0x";
  return { step: { ...bound, policyId, epoch, proof: proofWords(proof), signature }, after };
}

/**
 * A bidder takes a lot and pays `price`. Throws `STATEMENT_FALSE` where the bidder would not have the level.
 * @param asked the initial level; zero for the backstop in its turn
 */
export function takeLot(
  venue: LiquidationVenue,
  bidder: Held,
  { id, fill, price, level }: Auction & { readonly price: bigint; readonly level: bigint },
  published: Published,
  options: StepOptions,
): Promise<TakenStep> {
  const transition: Transition = { transfer: { asset: CASH_INDEX, amount: -price }, fill, side: 1n };
  return stepFor(venue, "TakeLot", { lot: id, price }, bidder, { transition, level }, published, options);
}

/**
 * The owner proves the call level of an account of which a lot is out, with as much of a credit as it absorbs. Throws
 * `STATEMENT_FALSE` where the account does not have it.
 * @param absorbed amounts in lots, and in units of the token (`units`)
 */
export function cureLot(
  venue: LiquidationVenue,
  owner: Held,
  { id, level, absorbed }: CuredLot,
  published: Published,
  options: StepOptions,
): Promise<TakenStep> {
  const { asset = 0, lots = 0n, units = 0n } = absorbed ?? {};
  const transition: Transition = { ...still(owner.state.size), transfer: { asset, amount: lots } };
  const args = { lot: id, asset, amount: units };
  return stepFor(venue, "CureLot", args, owner, { transition, level }, published, options);
}

export interface CuredLot extends Pick<Auction, "id"> {
  /** The call level. */
  readonly level: bigint;
  readonly absorbed?: { readonly asset: number; readonly lots: bigint; readonly units: bigint };
}
