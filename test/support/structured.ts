// SPDX-License-Identifier: GPL-3.0-or-later
/** Requests bent to where mistakes of arithmetic hide: tier boundaries, ties, thresholds, and the exact level. */
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { coverageBpsDown, evaluate, isAtLeast, MARGIN_LEVEL_TO_E20 } from "../../prover/src/model/evaluate.ts";
import { type BoardRow, EMPTY_ROW, type Market } from "../../prover/src/model/market.ts";
import { NOT_SCANNED } from "../../prover/src/model/policy.ts";
import { SCENARIOS } from "../../prover/src/model/sizes.ts";
import { applyTransition, NO_TRANSFER } from "../../prover/src/model/transition.ts";
import type { Request } from "../../prover/src/statement/account.ts";
import type {
  CashE6,
  ColumnE6,
  LevelBps,
  LotPriceE16,
  PositionLots,
  QuantityLots,
  RateBps,
  ScanLots,
  ThresholdE6,
  WeightBps,
} from "../../prover/src/units.ts";
import { difference } from "./circuit.ts";
import { type Rng, randomViewingKey } from "./random.ts";

type Bend = (request: Request, rng: Rng) => Partial<Request> & { readonly after?: Request["before"] };

const after = (request: Request) => applyTransition(request.before, request.transition);
const clamp = (value: bigint, low: bigint, high: bigint) => (value < low ? low : value > high ? high : value);
const withRows = (market: Market, rows: (row: BoardRow, index: number) => BoardRow): Market => ({
  ...market,
  board: { ...market.board, rows: market.board.rows.map(rows) },
});

/** Thresholds of the sets at what they are held against, or one to either side of it. */
const nextToThreshold =
  (of: "delta" | "vega", threshold: "liquidityThreshold" | "vegaThreshold"): Bend =>
  (request, rng) => {
    const { market } = request;
    const { sets } = evaluate(after(request), request.policy, market);
    const blocks = market.board.blocks.map((block, index) => {
      const amount = sets.find(({ lastBlock }) => lastBlock === index)?.[of] ?? 0n;
      const size = (amount < 0n ? -amount : amount) + rng.between(-1n, 1n);
      return { ...block, [threshold]: clamp(size, 0n, (1n << 78n) - 1n) as ThresholdE6 };
    });
    return { market: { ...market, board: { ...market.board, blocks } } };
  };

/** Named, so that a disagreement says what it was bent to. */
export const BENDS: Readonly<Record<string, Bend>> = {
  "quantities next to tier boundaries": (request, rng) => ({
    after: {
      ...after(request),
      collateral: request.policy.schedules.map((schedule) => {
        const boundary = rng.pick(schedule).boundaryLots;
        return clamp(boundary + rng.between(-1n, 1n), 0n, (1n << 64n) - 1n) as QuantityLots;
      }),
    },
  }),
  "all scenarios tie": ({ market }) => ({
    market: withRows(market, (row) => ({ ...row, profits: row.profits.map(() => row.profits[0]!) })),
  }),
  "the two worst scenarios tie, or differ by one lot's unit": (request, rng) => {
    const { sets } = evaluate(after(request), request.policy, request.market);
    const worst = sets[0]?.worstScenario ?? 0;
    const other = Number(rng.below(BigInt(SCENARIOS)));
    const nudged = Number(rng.below(BigInt(request.market.board.rows.length)));
    return {
      market: withRows(request.market, (row, index) => ({
        ...row,
        profits: row.profits.map((profit, k) => {
          if (k !== other) return profit;
          const top = (1n << 42n) - 1n;
          return clamp(row.profits[worst]! + (index === nudged ? rng.between(-1n, 1n) : 0n), -top, top) as ColumnE6;
        }),
      })),
    };
  },
  "no scenario loses": (request) => {
    const { positions } = after(request);
    return {
      market: withRows(request.market, (row, index) => ({
        ...row,
        profits: row.profits.map((profit) => {
          const size = profit < 0n ? -profit : profit;
          return (positions[index]! < 0n ? -size : size) as ColumnE6;
        }),
      })),
    };
  },
  "collateral next to a whole number of scan lots": (request, rng) => {
    const scanLots = request.policy.scanLots.map(() => rng.between(1n, 1n << 33n) as ScanLots);
    return {
      policy: { ...request.policy, scanLots },
      after: {
        ...after(request),
        collateral: scanLots.map((lot) => {
          const lots = rng.pick([0n, 1n, rng.below(1n << 31n), (1n << 31n) - 1n]);
          return clamp(lots * lot + rng.between(-1n, 1n), 0n, (lot << 31n) - 1n) as QuantityLots;
        }),
      },
    };
  },
  "collateral hedged by a short position in its own row": (request, rng) => {
    const scanLots = request.policy.scanLots.map(() => (1n << 33n) as ScanLots);
    const { collateral, positions } = after(request);
    return {
      policy: { ...request.policy, scanLots },
      after: {
        ...after(request),
        positions: positions.map((lots, row) =>
          row < collateral.length
            ? (clamp(-(collateral[row]! >> 33n) + rng.between(-1n, 1n), -(1n << 31n), 0n) as PositionLots)
            : lots,
        ),
      },
    };
  },
  "what is owned next to nothing": (request, rng) => {
    const state = after(request);
    const { markValue } = evaluate(state, request.policy, request.market);
    const cash = rng.between(-1n, 1n) - markValue;
    return cash < -(1n << 63n) || cash >= 1n << 63n ? {} : { after: { ...state, cash: cash as CashE6 } };
  },
  "vega next to the threshold": nextToThreshold("vega", "vegaThreshold"),
  "delta next to the threshold": nextToThreshold("delta", "liquidityThreshold"),
  "blocks that cancel each other": (request, rng) => {
    const { market } = request;
    const rows = market.board.rows;
    const sign = rng.pick([1n, -1n]);
    return {
      after: {
        ...after(request),
        positions: after(request).positions.map((_, index, all) => {
          const lots = clamp(all[index % 60]!, -(1n << 31n) + 1n, (1n << 31n) - 1n);
          return (Math.floor(index / 60) % 2 === 0 ? lots : sign * lots) as PositionLots;
        }),
      },
      market: withRows(market, (_, index) => rows[index % 60]!),
    };
  },
  "one position on an empty board": (request, rng) => {
    const { size } = request.before;
    const held = Number(rng.below(BigInt(request.market.board.rows.length)));
    const positions = genesis(size).positions.map((_, index) =>
      index === held ? after(request).positions[held]! : 0n,
    );
    return {
      after: { ...after(request), positions: positions as PositionLots[] },
      market: withRows(request.market, (row, index) => (index === held ? row : EMPTY_ROW)),
    };
  },
  "equity exactly at the level, a unit above or below": (request, rng) => {
    // One asset counts in units of 1e-20, the last of the list; cash and its quantity make up the equity wanted.
    const last = request.policy.schedules.length - 1;
    const top = ((1n << 64n) - 1n) as QuantityLots;
    const unit = Array.from({ length: 4 }, () => ({ boundaryLots: top, weightBps: 1n as WeightBps }));
    const policy = {
      ...request.policy,
      schedules: request.policy.schedules.map((schedule, a) => (a === last ? unit : schedule)),
      scanLots: request.policy.scanLots.with(last, NOT_SCANNED),
      // Cash makes up the equity wanted: what it owes would move the margin.
      debtRateBps: 0n as RateBps,
    };
    const market = {
      ...request.market,
      prices: request.market.prices.map((price, a) => (a === last ? 1n : price) as LotPriceE16),
    };
    const state = after(request);
    const put = (cash: bigint, dust: bigint) => ({
      ...state,
      cash: cash as CashE6,
      collateral: state.collateral.map((quantity, a) => (a === last ? dust : quantity) as QuantityLots),
    });
    const { equity, margin } = evaluate(put(0n, 0n), policy, market);
    const wanted = MARGIN_LEVEL_TO_E20 * request.level * margin + rng.between(-1n, 1n) - equity;
    const dust = ((wanted % 10n ** 14n) + 10n ** 14n) % 10n ** 14n;
    const cash = (wanted - dust) / 10n ** 14n;
    return cash < -(1n << 63n) || cash >= 1n << 63n ? {} : { after: put(cash, dust), policy, market };
  },
};

/** Bends a request; the transition becomes the fill that leads to the state wanted, and level and direction fit again. */
export function bend(request: Request, name: string, rng: Rng): Request {
  const { after: wanted, ...changes } = BENDS[name]!(request, rng);
  const bent: Request = { ...request, ...changes };
  const opens = request.before.viewingKey === 0n;
  const side = rng.pick([1n, -1n] as const);
  const transition = wanted
    ? {
        transfer: NO_TRANSFER,
        side,
        fill: difference(request.before, wanted, NO_TRANSFER, side, rng.below(FIELD_ORDER)),
        ...(opens ? { openWithViewingKey: randomViewingKey(rng) } : {}),
      }
    : request.transition;
  const evaluation = evaluate(applyTransition(request.before, transition), bent.policy, bent.market);
  const coverage = coverageBpsDown(evaluation);
  const near = coverage !== undefined && coverage >= 0n && coverage < (1n << 20n) - 1n && rng.chance(0.5);
  const keepLevel = name.startsWith("equity exactly");
  const level = (near && !keepLevel ? coverage + rng.between(0n, 1n) : request.level) as LevelBps;
  const truth = isAtLeast(evaluation, level) ? "at-least" : "below";
  const lie = truth === "below" ? "at-least" : "below";
  return { ...bent, transition, level, direction: rng.chance(0.6) ? truth : lie };
}
