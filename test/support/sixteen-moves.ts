// SPDX-License-Identifier: GPL-3.0-or-later
/** The sixteen joint moves of the first edition, written down: what the scan is measured against. */
import { SCENARIOS } from "../../prover/src/model/sizes.ts";
import type { ModelChoice } from "../../prover/src/risk/input.ts";

/** What they are made of, for one underlying; fractions. */
export interface SixteenSizes {
  readonly up: number;
  readonly down: number;
}

export interface SixteenTerms {
  readonly ranges: Readonly<Record<string, SixteenSizes>>;
  readonly volatilityUp: number;
  readonly volatilityDown: number;
  /** Ranges by which two underlyings part. */
  readonly apart: number;
}

/** All underlyings together, by so many of their ranges. */
const TOGETHER: readonly (readonly [counted: number, volatility: -1 | 0 | 1, ranges: number])[] = [
  [1, 1, 0],
  [1, -1, 0],
  [1, 1, 0.5],
  [1, 1, -0.5],
  [1, 1, 1],
  [1, -1, 1],
  [1, 1, -1],
  [1, -1, -1],
  [0.33, 0, 3],
  [0.33, 0, -3],
];

/** Ranges by which each underlying moves in the six breaks; those of more than three are multiplied by `apart`. */
function breaksOf(count: number, apart: number): readonly (readonly number[])[] {
  switch (count) {
    case 1:
      return [[1], [-1], [2 / 3], [-2 / 3], [1 / 3], [-1 / 3]];
    case 2:
      return [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
        [apart, -apart],
        [-apart, apart],
      ];
    case 3:
      return [0, 1, 2].flatMap((mover) => [1, -1].map((way) => [0, 1, 2].map((each) => (each === mover ? way : 0))));
    default:
      return [
        [-1, 1, -1, 1, -1, 1, -1, 1],
        [1, -1, 1, -1, 1, -1, 1, -1],
        [-1, -1, 1, 1, -1, -1, 1, 1],
        [1, 1, -1, -1, 1, 1, -1, -1],
        [-1, -1, -1, -1, 1, 1, 1, 1],
        [1, 1, 1, 1, -1, -1, -1, -1],
      ].map((ways) => ways.slice(0, count).map((way) => way * apart));
  }
}

/** They as a table, with scenarios in which nothing moves up to the width of the scan. */
export function sixteenMoves({ ranges, volatilityUp, volatilityDown, apart }: SixteenTerms): ModelChoice {
  const names = Object.keys(ranges);
  const moves = [
    ...TOGETHER.map(([counted, way, by]) => ({
      counted,
      volatility: way > 0 ? volatilityUp : way < 0 ? volatilityDown : 0,
      by: names.map(() => by),
    })),
    ...breaksOf(names.length, apart).map((by) => ({ counted: 1, volatility: 0, by })),
  ];
  const still = { counted: 1, volatility: 0, by: names.map(() => 0) };
  const scenarios = Array.from({ length: SCENARIOS }, (_, index) => {
    const { counted, volatility, by } = moves[index] ?? still;
    const price = (name: string, i: number) => Math.max(-0.95, by[i]! * ranges[name]![by[i]! > 0 ? "up" : "down"]);
    return {
      label: `scenario ${index}`,
      counted: String(counted),
      moves: Object.fromEntries(
        names.map((name, i) => [name, { price: price(name, i).toFixed(6), volatility: volatility.toFixed(4) }]),
      ),
    };
  });
  return { model: "listed", parameters: { scenarios } };
}
