// SPDX-License-Identifier: GPL-3.0-or-later
/** Moves of one kind, each alone: prices by the ranges of the scan, everything else by given sizes. */
import type { PricedInstrument } from "../board/board.ts";
import { Random } from "../outlook/processes.ts";
import { type Shock, STILL_SHOCK, type WorldState } from "./shock.ts";

/** Sizes of the moves that are tried, for one day. */
export interface MoveSizes {
  /** Relative move of volatility that one underlying makes and others do not. */
  readonly relativeVolatility: number;
  /** Relative move of near volatility, and the opposite of far volatility. */
  readonly twist: number;
  /** Volatility points of a strike one deviation off the forward. */
  readonly skew: number;
  /** Annual. */
  readonly carry: number;
  /** Of perpetuals over spot. */
  readonly basis: number;
  /** Of wrapped and yield-bearing assets, against what they redeem for. */
  readonly depeg: number;
  readonly days: number;
  /** Share of its range by which each underlying moves where they move apart. */
  readonly apart: number;
  /** Relative moves of price and volatility. */
  readonly crash: { readonly price: number; readonly volatility: number };
}

export const DEFAULT_SIZES: MoveSizes = {
  relativeVolatility: 0.1,
  twist: 0.1,
  skew: 0.02,
  carry: 0.1,
  basis: 0.002,
  depeg: 0.03,
  days: 1,
  apart: 0.5,
  crash: { price: -0.37, volatility: 1 },
};

/** States that move the same thing. */
export interface MoveKind {
  readonly kind: string;
  readonly states: readonly WorldState[];
}

/** The largest moves of an underlying that the scan counts in full. */
interface Range {
  readonly price: readonly [down: number, up: number];
  readonly volatility: readonly [down: number, up: number];
}

export type Ranges = ReadonlyMap<string, Range>;

/** By underlying of a netting set. */
export function rangesOf(priced: readonly PricedInstrument[]): Ranges {
  const full = priced[0]!.scenarios.filter(({ counted }) => counted === 1);
  const names = new Set(priced.flatMap(({ underlyings }) => underlyings));
  return new Map(
    [...names].map((name) => {
      const extent = (member: "price" | "volatility") => {
        const moves = full.map(({ moves }) => moves[name]![member]);
        return [Math.min(0, ...moves), Math.max(0, ...moves)] as const;
      };
      return [name, { price: extent("price"), volatility: extent("volatility") }];
    }),
  );
}

const BOTH = [1, -1] as const;
const sign = (value: number) => (value < 0 ? "−" : "+");
const points = (value: number) => `${sign(value)}${Number(Math.abs(value * 100).toFixed(2))}`;
const percent = (value: number) => `${points(value)}%`;
const size = ([down, up]: Range["price"], share: number) => (share > 0 ? up * share : -down * share);

/** The kinds of moves that are tried on a netting set. */
export function moveKinds(priced: readonly PricedInstrument[], sizes: MoveSizes = DEFAULT_SIZES): MoveKind[] {
  const ranges = rangesOf(priced);
  const names = [...ranges.keys()];
  const state = (label: string, shock: (name: string, index: number) => Partial<Shock>, days = 0): WorldState => ({
    label,
    shocks: Object.fromEntries(names.map((name, index) => [name, { ...STILL_SHOCK, ...shock(name, index) }])),
    days,
  });
  const alone = (label: string, shock: Partial<Shock>) =>
    names.map((mover) => state(`${mover} ${label}`, (name) => (name === mover ? shock : {})));
  /** All underlyings alike; and, where there are several, each alone. */
  const allAndAlone = (label: string, shock: Partial<Shock>) =>
    names.length === 1 ? [state(label, () => shock)] : [state(`all ${label}`, () => shock), ...alone(label, shock)];
  return [
    ...priceKinds(names, ranges, sizes, state),
    ...volatilityKinds(ranges, sizes, state, alone),
    ...[
      {
        kind: "skew",
        states: BOTH.flatMap((way) => allAndAlone(`${points(way * sizes.skew)} points`, { skew: way * sizes.skew })),
      },
      {
        kind: "carry",
        states: [1, 0.5, 0.1, -0.1, -0.5, -1].flatMap((share) =>
          allAndAlone(`${points(share * sizes.carry)} points a year`, { carry: share * sizes.carry }),
        ),
      },
      {
        kind: "basis of perpetuals",
        states: BOTH.flatMap((way) => allAndAlone(percent(way * sizes.basis), { basis: way * sizes.basis })),
      },
      { kind: "discount of wrapped assets", states: allAndAlone(percent(-sizes.depeg), { depeg: sizes.depeg }) },
      { kind: "time", states: [state(`days that pass: ${sizes.days}`, () => ({}), sizes.days)] },
      {
        kind: "crash",
        states: [
          state(`all ${percent(sizes.crash.price)}, volatility ${percent(sizes.crash.volatility)}`, () => sizes.crash),
        ],
      },
    ],
  ].filter(({ states }) => states.length > 0);
}

/** Underlyings up to which every pattern of signs is tried; of more, as many patterns as they have are drawn. */
const MOST_PARTED = 8;

/** Which underlyings rise and which fall. */
function patternsOf(count: number): number[][] {
  const random = new Random(1);
  return Array.from({ length: 2 ** Math.min(count, MOST_PARTED) }, (_, bits) =>
    Array.from({ length: count }, (_, i) => {
      const rises = count > MOST_PARTED ? random.uniform() < 0.5 : ((bits >> i) & 1) === 1;
      return rises ? 1 : -1;
    }),
  );
}

type StateMaker = (label: string, shock: (name: string, index: number) => Partial<Shock>) => WorldState;

function priceKinds(names: readonly string[], ranges: Ranges, { apart }: MoveSizes, state: StateMaker): MoveKind[] {
  const move = (name: string, share: number) => ({ price: size(ranges.get(name)!.price, share) });
  const patterns = patternsOf(names.length);
  const parting = patterns.filter((ways) => ways.some((way) => way !== ways[0]));
  return [
    {
      kind: "prices together",
      states: [1, 0.5, -0.5, -1].map((share) =>
        state(`all by ${points(share / 100)} of their ranges`, (name) => move(name, share)),
      ),
    },
    {
      kind: "one price alone",
      states:
        names.length === 1
          ? []
          : names.flatMap((mover) =>
              BOTH.map((way) =>
                state(`${mover} ${percent(move(mover, way).price)}`, (name) => (name === mover ? move(name, way) : {})),
              ),
            ),
    },
    {
      kind: "prices apart",
      states: parting.map((ways) =>
        state(names.map((name, i) => `${name} ${percent(move(name, ways[i]! * apart).price)}`).join(", "), (name, i) =>
          move(name, ways[i]! * apart),
        ),
      ),
    },
  ];
}

function volatilityKinds(
  ranges: Ranges,
  { relativeVolatility, twist }: MoveSizes,
  state: StateMaker,
  alone: (label: string, shock: Partial<Shock>) => WorldState[],
): MoveKind[] {
  return [
    {
      kind: "volatility of all",
      states: [0.25, 0.5, 0.75].flatMap((term) =>
        BOTH.map((way) =>
          state(`${way > 0 ? "up" : "down"} by the range, times (30 d / T)^${term}`, (name) => ({
            volatility: size(ranges.get(name)!.volatility, way),
            term,
          })),
        ),
      ),
    },
    {
      kind: "volatility of one underlying",
      states: BOTH.flatMap((way) => alone(percent(way * relativeVolatility), { volatility: way * relativeVolatility })),
    },
    {
      kind: "near volatility against far",
      states: BOTH.map((way) =>
        state(`near ${percent(way * twist)}, far ${percent(-way * twist)}`, () => ({ twist: way * twist })),
      ),
    },
  ];
}
