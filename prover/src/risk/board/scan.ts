// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The scan: one scenario model for one to eight underlyings of a netting set. Its parameters say how far each factor of
 * each underlying moves over the margin period; which factors move together, and with which signs, is fixed here.
 * Reasons and figures are in docs/risk-model.md.
 */
import { z } from "zod";
import { PlimsollError } from "../../errors.ts";
import { decimalNumber, own } from "../input.ts";
import type { Move, Scenario } from "../model.ts";

/** A decimal between two bounds, both included. */
const between = (low: number, high: number) =>
  decimalNumber.refine((value) => value >= low && value <= high, `expected a number of ${low} to ${high}`);
const above0 = (high: number) =>
  decimalNumber.refine((value) => value > 0 && value <= high, `expected a number above 0, at most ${high}`);

/** How far the factors of an underlying move over the margin period. All are sizes, at least 0. */
const underlying = z.strictObject({
  /** Rise and fall of the price that margin has to cover, as fractions. */
  up: above0(10),
  down: above0(0.95),
  /** The share of these by which it moves against the other underlyings: its break range. */
  apart: above0(1),
  /** Static far tail, as fractions of the price: what may happen in any market, however calm. */
  tailUp: above0(10),
  tailDown: above0(0.95),
  /** Relative rise and fall of a 30-day volatility; 0 where no options are listed. */
  volatilityUp: between(0, 5),
  volatilityDown: between(0, 0.9),
  /** The share of these by which its volatility moves against that of the other underlying. */
  volatilityApart: between(0, 1),
  /** Relative move of a 10-day volatility while one of 90 days moves the other way. */
  twist: between(0, 1),
  /** Volatility points at one deviation from the forward: 0.02 is two points. */
  skew: between(0, 0.5),
  /** Annual points by which carry rises and falls: 0.1 is ten points. */
  carryUp: between(0, 5),
  carryDown: between(0, 5),
  /** Of wrapped and yield-bearing assets: what is added to the discount, and the fraction by which redemption is cut. */
  discount: between(0, 1).optional(),
  redemption: between(0, 1).optional(),
});

/** Parameters of the model `scan`. */
export const scanParameters = z.strictObject({
  /** Margin period of risk: the days that pass. */
  periodDays: above0(30),
  /** Share of the loss beyond delta that counts in the far tail. */
  tailCounted: above0(1),
  /** Relative rise of a 30-day volatility in the far tail. */
  tailVolatility: between(0, 10),
  underlyings: z.record(z.string(), underlying),
  /** Stable coins: the fall from the peg, as a fraction of the price. They neither rise nor have options. */
  pegged: z.record(z.string(), z.strictObject({ down: above0(0.95) })).optional(),
});

type ScanUnderlying = z.infer<typeof underlying>;
type ScanParameters = z.infer<typeof scanParameters>;

/** Signed multiples of the sizes of an underlying; `apart` says that its price or volatility leaves the others'. */
interface Factors {
  readonly price?: number;
  readonly volatility?: number;
  readonly twist?: number;
  readonly skew?: number;
  readonly carry?: number;
}

/** A column before labels: factors by underlying, in order. */
interface Column {
  readonly factors: readonly Factors[];
  /** Whether the margin period passes. */
  readonly passes: boolean;
  readonly counted?: number;
  /** Multiples of the ranges up to which delta counts in full, where `counted` holds for the rest alone. */
  readonly delta?: readonly number[];
}

/** Rows of a Hadamard matrix of order 8 (J. Sylvester, 1867): each column of signs is orthogonal to every other. */
const SIGNS = Array.from({ length: 8 }, (_, row) =>
  Array.from({ length: 8 }, (_, column) => ([0, 1, 1, 2, 1, 2, 2, 3][row & column]! % 2 === 0 ? 1 : -1)),
);

/** Which columns of signs volatility, twist, skew and carry take: of one underlying alone, and of two. */
const STANDING = {
  alone: [{ volatility: 1, twist: 2, skew: 3, carry: 0 }],
  pair: [
    { volatility: 1, twist: 4, skew: 3, carry: 6 },
    { volatility: 2, twist: 7, skew: 5, carry: 0 },
  ],
} as const;

/**
 * Prices stand; volatility, twist, skew and carry move by their whole sizes, with the signs of each row of the matrix and
 * their opposites. So whatever a book's sensitivities to them, some column takes from it at least the root of the sum of
 * their squares. Volatilities that part go by `volatilityApart`. Time passes where a volatility falls.
 */
function standing(underlyings: readonly ScanUnderlying[]): Column[] {
  const places = underlyings.length === 1 ? STANDING.alone : STANDING.pair;
  return SIGNS.slice(0, 4 * places.length).flatMap((row) =>
    [1, -1].map((side): Column => {
      const signs = places.map(({ volatility, twist, skew, carry }) => {
        const [v, t, s, c] = [volatility, twist, skew, carry].map((column) => side * row[column]!) as [
          number,
          number,
          number,
          number,
        ];
        return { volatility: v, twist: t, skew: s, carry: c };
      });
      const parted = new Set(signs.map(({ volatility }) => volatility)).size > 1;
      return {
        factors: signs.map((each, i) => ({
          ...each,
          volatility: each.volatility * (parted ? underlyings[i]!.volatilityApart : 1),
        })),
        passes: signs.some(({ volatility }) => volatility < 0),
      };
    }),
  );
}

/** Prices and volatilities stand, the term structure twists or nothing moves but carry; the margin period passes. */
const TWISTED: readonly Factors[] = [{ twist: -1 }];
const TWISTED_ALONE: readonly Factors[] = [{ twist: -1 }, { twist: 1 }, { carry: -1 }];

/** Multiples of the ranges at which one underlying is looked at; those beyond 1 count in part. */
const ALONE = [0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3];

/**
 * Price moves of two underlyings, in multiples of their ranges, each with its opposite and with the two exchanged. A
 * share is how far the smaller moves, as a multiple of the larger: a function of the break range, 1 for together.
 */
const PAIR: readonly {
  readonly larger: number;
  readonly smaller: (apart: number) => number;
  readonly volatilities: readonly (1 | -1)[];
}[] = [
  { larger: 1, smaller: () => 1, volatilities: [1, -1] },
  { larger: 0.5, smaller: () => 1, volatilities: [1, -1] },
  { larger: 2, smaller: () => 1, volatilities: [-1] },
  { larger: 1.2, smaller: (apart) => 1 - 3.3 * apart, volatilities: [-1] },
  { larger: 1.5, smaller: (apart) => 1 - 2 * apart, volatilities: [-1] },
];

/** Linear books lose no more than a range in a column: a move by two ranges counts by half. */
const countedOf = (...ranges: number[]) => 1 / Math.max(1, ...ranges.map(Math.abs));

function priceColumn(prices: readonly number[], volatility: number): Column {
  return {
    factors: prices.map((price) => ({ price, volatility })),
    passes: volatility < 0,
    counted: countedOf(...prices),
  };
}

const aloneColumns = (): Column[] =>
  ALONE.flatMap((by) => [by, -by].flatMap((price) => [1, -1].map((volatility) => priceColumn([price], volatility))));

/**
 * Two underlyings that move apart by more than their break ranges are looked at for what options do there. Delta counts as
 * far as the break: the mean of the two moves, and from it either way the break range, scaled to a range at most.
 */
function partedColumn([a, b]: readonly [number, number], volatility: number, apart: number): Column {
  const column = priceColumn([a, b], volatility);
  const [mean, half] = [(a + b) / 2, (a - b) / 2];
  if (Math.abs(half) <= apart) return column;
  const ends = [mean + Math.sign(half) * apart, mean - Math.sign(half) * apart];
  return { ...column, delta: ends.map((end) => end * countedOf(...ends)) };
}

function pairColumns([first, second]: readonly [ScanUnderlying, ScanUnderlying]): Column[] {
  const apart = (first.apart + second.apart) / 2;
  const grid = PAIR.flatMap(({ larger, smaller, volatilities }) => {
    const other = larger * Math.max(-1, smaller(apart));
    const ways = other === larger ? [[larger, larger] as const] : [[larger, other] as const, [other, larger] as const];
    return ways.flatMap(([a, b]) =>
      [1, -1].flatMap((side) =>
        volatilities.map((volatility) => partedColumn([side * a, side * b], volatility, apart)),
      ),
    );
  });
  const breaks = [1, -1].flatMap((side) =>
    [1, -1].map((volatility) => priceColumn([side * first.apart, -side * second.apart], volatility)),
  );
  return [...grid, ...breaks];
}

/** Far tails of two underlyings: together, and each alone, where options on the other cannot pay for it. */
const TAILS: readonly (readonly (-1 | 0 | 1)[])[] = [
  [-1, -1],
  [1, 1],
  [-1, 0],
  [1, 0],
  [0, -1],
  [0, 1],
];

/**
 * Three to eight underlyings, no options: all together by their ranges, then seven patterns of signs in three shapes each,
 * everything also the other way round:
 *
 *   apart     each by its break range, with its sign
 *   one lags  those with one sign by their ranges, those with the other by what twice their break ranges leave of theirs
 *   other     the same, the other way round
 *
 * Without the second and third, a book that is mostly one underlying, hedged in part with others, lies far from all columns:
 * the points that a normal distribution of the same correlations touches are of these shapes. No underlying moves by more
 * than its range, so a book of one asset is margined as it is alone.
 *
 * Carry goes with the price in the first shape, falls in all where prices rise in the second, and goes against the price that
 * moves by its range in the third. So no book of prices and carry is orthogonal to all columns.
 */
function manyColumns(underlyings: readonly ScanUnderlying[]): Column[] {
  const together = underlyings.map(() => ({ price: 1, carry: 1 }));
  const patterns = patternsOf(underlyings.length).flatMap((signs): Factors[][] => {
    const parted = new Set(signs).size > 1;
    const lagging = ({ apart }: ScanUnderlying) => Math.max(-1, 1 - LAG * apart);
    return [
      signs.map((sign, i) => ({ price: sign * (parted ? underlyings[i]!.apart : 1), carry: sign })),
      signs.map((sign, i) => ({ price: sign > 0 ? 1 : lagging(underlyings[i]!), carry: -1 })),
      signs.map((sign, i) => ({ price: sign < 0 ? 1 : lagging(underlyings[i]!), carry: sign })),
    ];
  });
  const columns = [together, ...patterns].flatMap((factors) => [factors, factors.map(opposite)]);
  const still: Column = { factors: underlyings.map(() => ({})), passes: true };
  return [...columns.map((factors): Column => ({ factors, passes: true })), still];
}

/** Break ranges by which an underlying stays behind one that moves by its whole range. */
const LAG = 2;

const opposite = ({ price = 0, carry = 0 }: Factors): Factors => ({ price: -price, carry: -carry });

/** Seven patterns: of up to four underlyings every one, each but once; of more, the rows of the matrix. */
const patternsOf = (count: number): number[][] =>
  SIGNS.slice(1).map((row, index) =>
    row.slice(0, count).map((sign, i) => {
      if (count > 4) return sign;
      return i > 0 && (((index + 1) >> (i - 1)) & 1) === 1 ? -1 : 1;
    }),
  );

/** A size times a signed multiple, up and down apart. */
const sized = (by: number, up: number, down: number) => (by === 0 ? 0 : by > 0 ? by * up : by * down);

/** Discounts widen and redemption is cut where the price falls, or stands while carry falls; discounts narrow where it rises. */
function moveOf(
  size: ScanUnderlying,
  { price = 0, volatility = 0, twist = 0, skew = 0, carry = 0 }: Factors,
  days: number,
): Move {
  const worse = price < 0 || (price === 0 && carry < 0) ? 1 : price > 0 ? -1 : 0;
  return {
    // Several ranges may be more than the whole price.
    price: Math.max(-0.95, sized(price, size.up, size.down)),
    volatility: sized(volatility, size.volatilityUp, size.volatilityDown),
    twist: twist * size.twist,
    skew: skew * size.skew,
    carry: sized(carry, size.carryUp, size.carryDown),
    days,
    discount: worse * (size.discount ?? 0),
    redemption: worse > 0 ? -(size.redemption ?? 0) : 0,
  };
}

/** A stable coin falls where prices fall together, and in half of the other columns: another half for each of the first. */
const pegMoves = (factors: readonly Factors[], column: number, place: number): boolean =>
  factors.every(({ price = 0 }) => price < 0) || ((column >> (place % 5)) & 1) === 1;

/** A column as a scenario: moves of the underlyings, and those of stable coins. */
function scenarioOf(
  column: Column,
  index: number,
  names: readonly string[],
  pegs: readonly string[],
  parameters: ScanParameters,
): Scenario {
  const { factors, passes, counted = 1, delta } = column;
  const days = passes ? parameters.periodDays : 0;
  const moves = Object.fromEntries([
    ...names.map((name, i) => [name, moveOf(parameters.underlyings[name]!, factors[i]!, days)] as const),
    ...pegs.map((name, place) => {
      const down = pegMoves(factors, index, place) ? parameters.pegged![name]!.down : 0;
      return [name, { price: -down, volatility: 0 }] as const;
    }),
  ]);
  const label = labelOf(names, column, moves);
  if (delta === undefined) return { label, moves, counted };
  const deltaMoves = Object.fromEntries([
    ...names.map((name, i) => {
      const { up, down } = parameters.underlyings[name]!;
      return [name, sized(delta[i]!, up, down)] as const;
    }),
    ...pegs.map((name) => [name, counted * moves[name]!.price] as const),
  ]);
  return { label, moves, counted, deltaMoves };
}

/** The far tail: prices by the static tail, volatility up; delta counts as far as the ranges, the rest in part. */
function tailScenario(
  signs: readonly (-1 | 0 | 1)[],
  names: readonly string[],
  pegs: readonly string[],
  { underlyings, pegged, tailCounted, tailVolatility }: ScanParameters,
): Scenario {
  const sizes = names.map((name) => underlyings[name]!);
  const together = signs.every((sign) => sign === signs[0]);
  const tails = sizes.map(({ tailUp, tailDown }, i) => sized(signs[i]!, tailUp, tailDown));
  const falls = signs.every((sign) => sign < 0);
  const down = (name: string) => (falls ? -pegged![name]!.down : 0);
  const byName = <T>(value: (place: number) => T) => names.map((name, i) => [name, value(i)] as const);
  const words = names.flatMap((name, i) => (signs[i] === 0 ? [] : [`${name} ${percent(tails[i]!)}`])).join(", ");
  return {
    label: `far tail: ${words}, volatility up, ${percent(tailCounted, false)} counted beyond delta`,
    moves: Object.fromEntries([
      ...byName((i) => ({
        ...moveOf(sizes[i]!, { price: signs[i]! }, 0),
        price: tails[i]!,
        volatility: signs[i] === 0 ? 0 : tailVolatility,
      })),
      ...pegs.map((name) => [name, { price: down(name), volatility: 0 }] as const),
    ]),
    counted: tailCounted,
    deltaMoves: Object.fromEntries([
      ...byName((i) => sized(signs[i]! * (together ? 1 : sizes[i]!.apart), sizes[i]!.up, sizes[i]!.down)),
      ...pegs.map((name) => [name, down(name)] as const),
    ]),
  };
}

const way = (name: string, by = 0) => (by === 0 ? [] : [`${name} ${by > 0 ? "up" : "down"}`]);

/** In words: prices as they move; where they stand, or where underlyings differ, each factor of each. */
function labelOf(names: readonly string[], column: Column, moves: Readonly<Record<string, Move>>): string {
  const { factors, counted = 1, delta } = column;
  const priced = factors.some(({ price = 0 }) => price !== 0);
  const prices = names.map((name) => `${name} ${moves[name]!.price === 0 ? "stands" : percent(moves[name]!.price)}`);
  const words = factors.map(({ volatility, twist, skew, carry }) => [
    ...way("volatility", volatility),
    ...way("near volatility", twist),
    ...way("skew", skew),
    ...(priced ? [] : way("carry", carry)),
  ]);
  const alike = words.every((each) => each.join() === words[0]!.join());
  const rest = alike ? (words[0] ?? []) : [names.map((name, i) => `${name} ${words[i]!.join(", ")}`).join("; ")];
  const rising = priced ? names.filter((_, i) => (factors[i]!.carry ?? 0) > 0) : [];
  if (priced && factors.some(({ carry }) => carry !== undefined)) {
    const all = rising.length === names.length ? "up" : rising.length === 0 ? "down" : `up of ${rising.join(", ")}`;
    rest.push(`carry ${all}`);
  }
  const parts = [
    ...(priced ? prices : []),
    ...rest,
    ...(counted === 1 ? [] : [`${percent(counted, false)} counted${delta === undefined ? "" : " beyond delta"}`]),
  ];
  return parts.length === 0 ? "nothing moves" : parts.join(", ");
}

function percent(fraction: number, signed = true): string {
  const value = Number((fraction * 100).toFixed(1));
  return `${value < 0 ? "−" : signed ? "+" : ""}${Math.abs(value)}%`;
}

/**
 * The scenarios of a netting set. `optioned`: those of its underlyings that have options. Throws `UNKNOWN_NAME` for one
 * without sizes, and `FIELD_INVALID` for more than eight, or more than two with options among them.
 */
export function scanColumns(
  held: readonly string[],
  parameters: ScanParameters,
  optioned: ReadonlySet<string>,
): readonly Scenario[] {
  const pegged = parameters.pegged ?? {};
  const pegs = held.filter((name) => own(pegged, name) !== undefined);
  const names = held.filter((name) => !pegs.includes(name));
  const lost = names.find((name) => own(parameters.underlyings, name) === undefined);
  if (lost !== undefined) {
    throw new PlimsollError("UNKNOWN_NAME", `no sizes for ${lost}, an underlying of the netting set`, {
      field: "parameters.underlyings",
    });
  }
  const refuse = (rule: string) => new PlimsollError("FIELD_INVALID", rule, { field: "parameters.underlyings" });
  if (names.length > 8) throw refuse("expected at most eight underlyings in a netting set");
  if (names.length > 2 && optioned.size > 0) {
    throw refuse("expected at most two underlyings in a netting set with options");
  }
  const sizes = names.map((name) => parameters.underlyings[name]!);
  const [first, second, third] = sizes;
  if (third !== undefined || first === undefined) {
    return manyColumns(sizes).map((column, index) => scenarioOf(column, index, names, pegs, parameters));
  }
  const columns = [
    ...standing(sizes),
    ...(second === undefined ? TWISTED_ALONE : TWISTED).map(
      (each): Column => ({ factors: sizes.map(() => each), passes: true }),
    ),
    ...(second === undefined ? aloneColumns() : pairColumns([first, second])),
  ];
  const tails = second === undefined ? ([[-1], [1]] as const) : TAILS;
  return [
    ...columns.map((column, index) => scenarioOf(column, index, names, pegs, parameters)),
    ...tails.map((signs) => tailScenario(signs, names, pegs, parameters)),
  ];
}
