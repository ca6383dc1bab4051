// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The lot of an account on auction, found by its owner where the event holds no state that the viewing key opens.
 *
 * What the event tells leaves little: a lot is the same part of everything, its cash follows from the policy's discount to a few
 * millionths, and its worth is within the tolerance of the size. So the owner tries parts until one gives the state that the chain
 * keeps. A starter that told the lot's worth as its size is found out at once; one that told less costs the search up to the whole tolerance.
 */
import { throwIfCancelled } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import type { Account } from "../model/account.ts";
import { commitState } from "../model/commit.ts";
import {
  appraiseLot,
  type LotKind,
  type LotTerms,
  NO_CREDIT,
  offered,
  sizeDown,
  takeLot,
  WHOLE,
  withCredit,
} from "../model/lot.ts";
import type { Fill } from "../model/transition.ts";
import type { LevelBps, RateBps } from "../units.ts";
import { type AuctionTerms, type Indebted, lotBetween, toleranceOf, type Values } from "./lots.ts";

/**
 * What the event of a lot tells everybody.
 * @see docs/library.md#on-chain
 */
export interface ToldLot {
  readonly kind: LotKind;
  readonly stateAfter: bigint;
  /** 1e-6. */
  readonly size: bigint;
}

/**
 * How states are committed to, and when to stop.
 * @see docs/library.md#on-chain
 */
export interface FindOptions {
  /** Commits to many states at once; one after another unless given. */
  readonly commit?: (accounts: readonly Account[]) => Promise<readonly FieldElement[]>;
  readonly signal?: AbortSignal;
}

/** How far from the policy's discount a lot's cash may be, in millionths of the quote currency, and one for rounding. */
const CASH_SLACK = 4n;
const BATCH = 8;
/** Parts of slices are 2 · index + 1. */
const LAST = WHOLE / 2n - 1n;
const partAt = (index: bigint) => 2n * index + 1n;

/**
 * Finds what a lot takes, from the account's own state, the credit that counted, and the values and terms of its epoch. @returns undefined
 * where no admissible part gives the state: it is of another account, epoch or credit
 * @see docs/library.md#on-chain
 */
export async function findLot(
  { before, credit = NO_CREDIT }: Indebted,
  told: ToldLot,
  values: Values & { readonly terms: Pick<AuctionTerms, "discountBps" | "toleranceBps"> },
  { commit = async (accounts) => accounts.map(commitState), signal }: FindOptions = {},
): Promise<{ readonly after: Account; readonly fill: Fill } | undefined> {
  const { policy, market, terms } = values;
  const discountBps = terms.discountBps as RateBps;
  const held = withCredit(before, credit);
  const cashOf = (part: bigint) => offered({ before, credit, part }, discountBps, policy, market);
  const judged = {
    evidence: 0n as LevelBps,
    discountBps,
    size: 0n,
    tolerance: 0n,
    kind: "close-out",
  } satisfies LotTerms;
  const worthAt = (index: bigint) => {
    const part = partAt(index);
    return sizeDown(appraiseLot({ before, credit, part, cash: cashOf(part) }, judged, policy, market));
  };
  /** The first part that is worth so much; worth grows with the part but for rounding. */
  const firstOf = (worth: bigint) => {
    let [low, high] = [-1n, LAST + 1n];
    while (high - low > 1n) {
      const middle = (low + high) / 2n;
      if (worthAt(middle) < worth) low = middle;
      else high = middle;
    }
    return high;
  };
  const tolerance = toleranceOf(told.size, terms);
  const at = new Map<bigint, bigint>();
  const indexOf = (worth: bigint) => {
    const index = at.get(worth) ?? firstOf(worth);
    at.set(worth, index);
    return index;
  };
  // Where the size is the worth, the part is next to where the worth is reached: the rest of the range comes after it.
  function* slices(): Generator<bigint> {
    const start = indexOf(told.size);
    const near = start > 4n ? start - 4n : 0n;
    yield* parts(held, near, start + 4n);
    yield* parts(held, near, indexOf(told.size + 2n * tolerance));
    yield* parts(held, indexOf(told.size - tolerance), near);
  }
  const range = told.kind === "close-out" ? () => [WHOLE] : slices;
  const slacks = Array.from({ length: Number(2n * CASH_SLACK) + 1 }, (_, index) => BigInt(index) - CASH_SLACK);
  for (const offsets of [[0n], slacks.filter((each) => each !== 0n)]) {
    let tried: Account[] = [];
    const look = async () => {
      throwIfCancelled(signal);
      const commitments = await commit(tried);
      const after = tried[commitments.indexOf(told.stateAfter as FieldElement)];
      tried = [];
      return after && { after, fill: lotBetween(before, credit, after) };
    };
    for (const part of range()) {
      const cash = cashOf(part);
      for (const offset of offsets) tried.push(takeLot({ before, credit, part, cash: cash + offset }, policy).after);
      const lot = tried.length < BATCH ? undefined : await look();
      if (lot !== undefined) return lot;
    }
    const lot = tried.length === 0 ? undefined : await look();
    if (lot !== undefined) return lot;
  }
  return undefined;
}

/** Parts of slices from an index to another, one for each lot that differs in what it takes. */
function* parts(held: Account, from: bigint, to: bigint): Generator<bigint> {
  const amounts = [...new Set([...held.positions, ...held.collateral].map(BigInt))].filter((lots) => lots !== 0n);
  for (let index = from; index <= to && index <= LAST; ) {
    const part = partAt(index);
    yield part;
    // The next part at which some amount is rounded to another lot.
    let next = WHOLE;
    for (const lots of amounts) {
      const change = nextChange(lots, part);
      if (change < next) next = change;
    }
    index = next / 2n > index ? next / 2n : index + 1n;
  }
}

/** The smallest part above one at which ⌊(lots · part + 2^31 − 1) / 2^32⌋ is another number. */
function nextChange(lots: bigint, part: bigint): bigint {
  const half = WHOLE / 2n - 1n;
  const taken = (lots * part + half) >> 32n;
  if (lots > 0n) return ((taken + 1n) * WHOLE - half + lots - 1n) / lots;
  return (half - taken * WHOLE) / -lots + 1n;
}
