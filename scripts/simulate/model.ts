// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What the model says of everybody: the private state of each account, its credit, what the fund and the gate hold, and for whoever
 * holds an account where each gain and loss came from. It is moved by the rules of the pages, never by what the chain answers.
 *
 * Units: amounts of assets in lots, of cash in 1e-6 quote; worth in 1e-16 quote.
 */
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { AuctionLot } from "../../prover/src/chain/liquidation.ts";
import type { Lot } from "../../prover/src/chain/lots.ts";
import type { Account } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { type Evaluation, evaluate } from "../../prover/src/model/evaluate.ts";
import type { Credit } from "../../prover/src/model/lot.ts";
import type { Market } from "../../prover/src/model/market.ts";
import type { Policy } from "../../prover/src/model/policy.ts";
import { ASSETS } from "../../prover/src/model/sizes.ts";
import { ASSET } from "./prices.ts";

export const E6 = 10n ** 6n;
/** Worth of a millionth of cash. */
export const CASH_WORTH = 10n ** 10n;
export const CASH = ASSET.cash;

/** Something that must not happen, and what was done just before. */
export class Violation extends Error {}

/** Where an account's worth comes from. The sum of all is what the account is worth now. */
export const ITEMS = ["paid in", "paid out", "held", "positions", "trades", "lots", "fees", "fund"] as const;
export type Item = (typeof ITEMS)[number];
export type Books = Record<Item, bigint>;
export const emptyBooks = () => Object.fromEntries(ITEMS.map((item) => [item, 0n])) as Books;

/** A lot on auction. */
export interface OpenLot {
  readonly id: string;
  readonly auction: AuctionLot;
  readonly blob: string;
  /** PRIVATE: as it was made. */
  readonly lot: Lot;
  /** The market it was made by, and what the account was worth by that. */
  readonly market: Market;
  readonly before: bigint;
  /** Whether its opening was told to everybody, or only to those who are in league with the operator. */
  readonly told: boolean;
}

/** An account at the gate. */
export class Holder {
  readonly id: bigint;
  readonly owner: HardhatEthersSigner;
  /** Kind of member, or attack that it serves. */
  readonly part: string;
  readonly honest: boolean;
  state: Account;
  readonly credits: bigint[] = new Array<bigint>(ASSETS + 1).fill(0n);
  stage: "healthy" | "called" | "liquidating" | "closed" = "healthy";
  /** Of the board's clock. */
  heldUntil = 0n;
  provenAt = 0n;
  /** Settlements passed; none count once it is retired. */
  settled = 0n;
  retired = false;
  /** What the fund paid for it, less what it repaid. */
  owed = 0n;
  open: OpenLot | undefined;
  readonly books: Books = emptyBooks();

  constructor(id: bigint, owner: HardhatEthersSigner, part: string, honest: boolean, state: Account) {
    [this.id, this.owner, this.part, this.honest, this.state] = [id, owner, part, honest, state];
  }

  get credit(): Credit {
    return { collateral: this.credits.slice(0, ASSETS), cash: this.credits[CASH]! };
  }
  get flat() {
    return this.state.positions.every((lots) => lots === 0n);
  }
  worth(market: Market): bigint {
    return worthOf(this.state, market) + creditWorth(this.credits, market);
  }
}

const states = new WeakMap<Account, bigint>();
/** The commitment to a state, worked out once: states are never changed. */
export function stateOf(account: Account): bigint {
  const known = states.get(account);
  if (known !== undefined) return known;
  const state = commitState(account);
  states.set(account, state);
  return state;
}

const evaluations = new WeakMap<Account, WeakMap<Market, Map<Policy, Evaluation>>>();
/** `evaluate`, once for the same three objects. */
export function valued(account: Account, policy: Policy, market: Market): Evaluation {
  const markets = evaluations.get(account) ?? new WeakMap<Market, Map<Policy, Evaluation>>();
  const policies = markets.get(market) ?? new Map<Policy, Evaluation>();
  const known = policies.get(policy) ?? evaluate(account, policy, market);
  policies.set(policy, known);
  markets.set(market, policies);
  evaluations.set(account, markets);
  return known;
}

/** At market: every asset at its price, positions at their marks. */
export const worthOf = ({ collateral, cash, positions }: Account, { prices, board }: Market): bigint =>
  collateral.reduce((sum, lots, asset) => sum + lots * prices[asset]!, 0n) +
  positions.reduce((sum, lots, row) => (lots === 0n ? sum : sum + lots * board.rows[row]!.mark), cash as bigint) *
    CASH_WORTH;
const creditWorth = (credits: readonly bigint[], { prices }: Market): bigint =>
  credits.reduce((sum, lots, asset) => sum + lots * (asset === CASH ? CASH_WORTH : prices[asset]!), 0n);

export const least = (one: bigint, other: bigint) => (other < one ? other : one);
export const most = (one: bigint, other: bigint) => (other > one ? other : one);

/** Fund and custody, and what has left to each owner. */
export class Till {
  /** Negative where the fund owes. */
  fund = 0n;
  readonly custody = new Map<number, bigint>();
  readonly paidTo = new Map<string, bigint>();

  in(asset: number, lots: bigint) {
    this.custody.set(asset, (this.custody.get(asset) ?? 0n) + lots);
  }
  out(asset: number, lots: bigint, to: string) {
    this.in(asset, -lots);
    const key = `${to}/${asset}`;
    this.paidTo.set(key, (this.paidTo.get(key) ?? 0n) + lots);
  }

  /** What is kept back of cash that leaves: by the policy's basis points, or pro rata where that is more. */
  levyOf(amount: bigint, levyBps: bigint): bigint {
    if (this.fund >= 0n) return 0n;
    const debt = -this.fund;
    const up = (value: bigint, by: bigint) => (value + by - 1n) / by;
    const fair = up(amount * debt, (this.custody.get(CASH) ?? 0n) + debt);
    const byPolicy = up(amount * levyBps, 10_000n);
    return least(debt, most(fair, byPolicy));
  }
}

/** What a taken lot may have cost its account at most, 1e-6: docs/liquidation.md. */
export function mostLost({ lot }: OpenLot, discountBps: bigint, reward: bigint): bigint {
  const { size, tolerance } = lot.terms;
  const rest = size > lot.cost ? size - lot.cost : 0n;
  return tolerance + lot.cost + (rest * discountBps) / 10_000n + reward + 10n;
}
