// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Seeded random policies, markets, accounts and requests, all within the ranges of the model.
 *
 * Each object is drawn in one of four flavours, so that both everyday sizes and every end of every range come up:
 * `typical` (about half: sizes that a firm would have, many places empty), `boundary` (each value at or next to an end
 * of its range, or anywhere in it), `saturated` (every value at an end) and `zero`.
 */
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis, SEQUENCE_LIMIT, VIEWING_KEY_LIMIT } from "../../prover/src/model/account.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { type BoardBlock, type BoardRow, EMPTY_ROW, type Market } from "../../prover/src/model/market.ts";
import { type HaircutSchedule, NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import {
  ASSETS,
  type BoardSize,
  blocksOf,
  CASH_INDEX,
  instrumentsOf,
  SCENARIOS,
  TIERS,
} from "../../prover/src/model/sizes.ts";
import {
  applyTransition,
  NO_TRANSFER,
  noFill,
  type Transfer,
  type Transition,
} from "../../prover/src/model/transition.ts";
import type { Request } from "../../prover/src/statement/account.ts";
import {
  BITS,
  BPS,
  type CashE6,
  type ChargeE6,
  type ColumnE6,
  type LevelBps,
  type LotPriceE16,
  type PositionLots,
  type QuantityLots,
  type RateBps,
  type ScanLots,
  type ThresholdE6,
  type WeightBps,
} from "../../prover/src/units.ts";

export interface Rng {
  /** A uniform integer in [0, limit). */
  below(limit: bigint): bigint;
  /** A uniform integer in [low, high]. */
  between(low: bigint, high: bigint): bigint;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
}

/** A generator that yields the same sequence for the same seed on every machine (splitmix64). */
export function seededRng(seed: number): Rng {
  let state = BigInt.asUintN(64, BigInt(seed));
  const next = () => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let word = state;
    word = BigInt.asUintN(64, (word ^ (word >> 30n)) * 0xbf58476d1ce4e5b9n);
    word = BigInt.asUintN(64, (word ^ (word >> 27n)) * 0x94d049bb133111ebn);
    return word ^ (word >> 31n);
  };
  const below = (limit: bigint) => {
    let value = next();
    // 64 bits more than the limit has: the bias of the reduction is below 2^-64.
    for (let range = 1n << 64n; range < limit << 64n; range <<= 64n) value = (value << 64n) | next();
    return value % limit;
  };
  return {
    below,
    between: (low, high) => low + below(high - low + 1n),
    chance: (probability) => Number(next() >> 11n) / 2 ** 53 < probability,
    pick: (list) => list[Number(below(BigInt(list.length)))]!,
  };
}

export const FLAVOURS = ["typical", "boundary", "saturated", "zero"] as const;
export type Flavour = (typeof FLAVOURS)[number];

export function randomFlavour(rng: Rng): Flavour {
  return rng.chance(0.5) ? "typical" : rng.pick(["boundary", "boundary", "saturated", "zero"]);
}

/** An integer in [low, high], drawn towards the ends, zero and the neighbours of both. */
export function biased(rng: Rng, low: bigint, high: bigint): bigint {
  if (rng.chance(0.4)) return rng.between(low, high);
  const ends = [low, low + 1n, -1n, 0n, 1n, high - 1n, high].filter((value) => value >= low && value <= high);
  return rng.pick(ends);
}

/** Draws values of a flavour. `typical` values lie in the last two arguments' range, the others in [low, high]. */
function draw(rng: Rng, flavour: Flavour, low: bigint, high: bigint, usualLow: bigint, usualHigh: bigint): bigint {
  if (flavour === "zero") return 0n;
  if (flavour === "saturated") return rng.pick([low, high]);
  return flavour === "boundary" ? biased(rng, low, high) : rng.between(usualLow, usualHigh);
}

const top = (bits: number) => (1n << BigInt(bits)) - 1n;
const E6 = 10n ** 6n;

export function randomPolicy(rng: Rng, flavour = randomFlavour(rng)): Policy {
  const ascending = (values: bigint[]) => values.sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  const schedules = Array.from({ length: ASSETS }, (): HaircutSchedule => {
    if (rng.chance(0.15)) return UNLISTED;
    const boundaries = ascending(
      Array.from({ length: TIERS }, () => draw(rng, flavour, 0n, top(BITS.quantity), 10n ** 6n, 10n ** 14n)),
    );
    const weights = ascending(Array.from({ length: TIERS }, () => draw(rng, flavour, 0n, BPS, 0n, BPS))).reverse();
    return boundaries.map((boundary, tier) => ({
      boundaryLots: boundary as QuantityLots,
      weightBps: weights[tier] as WeightBps,
    }));
  });
  // At least 2^33, so that no quantity counts as 2^31 lots.
  const scanLots = Array.from({ length: ASSETS }, () =>
    rng.chance(0.3) ? NOT_SCANNED : (draw(rng, flavour, 1n << 33n, 1n << 64n, 1n << 33n, 1n << 40n) as ScanLots),
  ).map((lots) => (lots === 0n ? NOT_SCANNED : lots));
  return { schedules, scanLots, debtRateBps: draw(rng, flavour, 0n, BPS, 0n, 2000n) as RateBps };
}

export function randomMarket(rng: Rng, size: BoardSize, flavour = randomFlavour(rng)): Market {
  const columnTop = top(BITS.column);
  const column = (usual: bigint) => draw(rng, flavour, -columnTop, columnTop, -usual, usual) as ColumnE6;
  const charge = () => draw(rng, flavour, 0n, top(BITS.charge), 0n, 10n * E6) as ChargeE6;
  const row = (): BoardRow =>
    rng.chance(0.1)
      ? EMPTY_ROW
      : {
          profits: Array.from({ length: SCENARIOS }, () => column(30n * E6)),
          mark: column(100n * E6),
          delta: column(100n * E6),
          vega: column(100n * E6),
          longCharge: charge(),
          shortCharge: charge(),
        };
  const block = (_: unknown, index: number): BoardBlock => ({
    continues: index > 0 && rng.chance(0.5),
    liquidityThreshold: draw(rng, flavour, 0n, top(BITS.threshold), 0n, 10n ** 13n) as ThresholdE6,
    liquidityRate: draw(rng, flavour, 0n, BPS, 0n, 500n) as RateBps,
    vegaThreshold: draw(rng, flavour, 0n, top(BITS.threshold), 0n, 10n ** 13n) as ThresholdE6,
    vegaRate: draw(rng, flavour, 0n, BPS, 0n, 500n) as RateBps,
  });
  return {
    prices: Array.from({ length: ASSETS }, () =>
      rng.chance(0.05)
        ? (0n as LotPriceE16)
        : (draw(rng, flavour, 0n, top(BITS.lotPrice), 1n, 10n ** 13n) as LotPriceE16),
    ),
    board: {
      size,
      rows: Array.from({ length: instrumentsOf(size) }, row),
      blocks: Array.from({ length: blocksOf(size) }, block),
    },
  };
}

export function randomViewingKey(rng: Rng): FieldElement {
  return biasedKey(rng) as FieldElement;
}

const biasedKey = (rng: Rng) => {
  const high = VIEWING_KEY_LIMIT - 1n;
  return rng.chance(0.2) ? rng.pick([1n, 2n, high - 1n, high]) : rng.between(1n, high);
};

/** An account that is not genesis: it has a viewing key, and any sequence but the last. */
export function randomAccount(rng: Rng, size: BoardSize, flavour = randomFlavour(rng)): Account {
  const cashTop = top(BITS.cash - 1);
  const lotsTop = top(BITS.position - 1);
  return {
    size,
    cash: draw(rng, flavour, -cashTop - 1n, cashTop, -(10n ** 13n), 10n ** 14n) as CashE6,
    collateral: Array.from({ length: ASSETS }, () =>
      rng.chance(0.3)
        ? (0n as QuantityLots)
        : (draw(rng, flavour, 0n, top(BITS.quantity), 0n, 10n ** 13n) as QuantityLots),
    ),
    positions: Array.from({ length: instrumentsOf(size) }, () =>
      flavour === "typical" && rng.chance(0.6)
        ? (0n as PositionLots)
        : (draw(rng, flavour, -lotsTop - 1n, lotsTop, -100_000n, 100_000n) as PositionLots),
    ),
    sequence: rng.chance(0.5) ? rng.between(0n, 1000n) : biased(rng, 0n, SEQUENCE_LIMIT - 2n),
    viewingKey: randomViewingKey(rng),
  };
}

export interface RequestOptions {
  /** Whether the statement is to be true of the account after; true unless given. */
  readonly holds?: boolean;
  /** Whether a fill is to be part of it; drawn unless given. */
  readonly fill?: boolean;
  /** Whether it is to start from genesis; drawn (one in ten) unless given. */
  readonly fromGenesis?: boolean;
  /** Drawn unless given. */
  readonly policy?: Policy;
  readonly market?: Market;
}

/**
 * A request whose transition stays in range. With a fill, both states are drawn freely and the fill is their
 * difference; without one, only the transferred asset changes.
 */
export function randomRequest(rng: Rng, size: BoardSize, options: RequestOptions = {}): Request {
  const { holds = true, fill = rng.chance(0.7), fromGenesis = rng.chance(0.1) } = options;
  const { policy = randomPolicy(rng), market = randomMarket(rng, size) } = options;
  const before = fromGenesis ? genesis(size) : randomAccount(rng, size);
  const transition: Transition = {
    ...(fill ? randomFill(rng, before) : { transfer: randomTransfer(rng, before), fill: noFill(size), side: 1n }),
    ...(fromGenesis ? { openWithViewingKey: randomViewingKey(rng) } : {}),
  };
  const evaluation = evaluate(applyTransition(before, transition), policy, market);
  const level = randomLevel(rng, coverageBpsDown(evaluation));
  return {
    before,
    transition,
    level,
    direction: isAtLeast(evaluation, level) === holds ? "at-least" : "below",
    context: rng.below(FIELD_ORDER),
    policy,
    market,
  };
}

/** A transfer that leaves the account in range: nothing, a little, or all the way to an end. */
function randomTransfer(rng: Rng, before: Account): Transfer {
  if (rng.chance(0.2)) return NO_TRANSFER;
  const asset = Number(rng.between(0n, BigInt(CASH_INDEX)));
  const held = asset === CASH_INDEX ? before.cash : before.collateral[asset]!;
  const [low, high] = asset === CASH_INDEX ? [-(1n << 63n), top(63)] : [0n, top(64)];
  return { asset, amount: biased(rng, low - held, high - held) };
}

function randomFill(rng: Rng, before: Account): Pick<Transition, "transfer" | "fill" | "side"> {
  const after = randomAccount(rng, before.size);
  const side = rng.pick([1n, -1n] as const);
  const transfer: Transfer = rng.chance(0.5)
    ? NO_TRANSFER
    : { asset: Number(rng.between(0n, BigInt(CASH_INDEX))), amount: biased(rng, -(1n << 64n), top(64)) };
  const moved = (asset: number) => (asset === transfer.asset ? transfer.amount : 0n);
  return {
    transfer,
    side,
    fill: {
      size: before.size,
      positions: before.positions.map((lots, index) => side * (after.positions[index]! - lots)),
      collateral: before.collateral.map((lots, asset) => side * (after.collateral[asset]! - lots - moved(asset))),
      cash: side * (after.cash - before.cash - moved(CASH_INDEX)),
      blinding: rng.below(FIELD_ORDER) as FieldElement,
    },
  };
}

/** A level of the usual ladder, at or next to the coverage, or at an end of the range. */
function randomLevel(rng: Rng, coverage: bigint | undefined): LevelBps {
  const choices = [0n, 6_000n, 10_000n, 12_000n, 15_000n, top(BITS.level), rng.below(1n << BigInt(BITS.level))];
  if (coverage !== undefined && coverage > 0n && coverage < top(BITS.level)) {
    choices.push(coverage - 1n, coverage, coverage, coverage + 1n, coverage + 1n);
  }
  return rng.pick(choices) as LevelBps;
}
