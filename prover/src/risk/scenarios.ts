// SPDX-License-Identifier: GPL-3.0-or-later
/** The first scenario grid: 14 joint moves of price and volatility and two extreme ones. */
import { PlimsollError } from "../errors.ts";
import type { Move, Scenario, ScenarioModel } from "./model.ts";

/** Full one-day move that margin has to cover, as a fraction of the price. Reasons in docs/risk-model.md. */
export const PRICE_RANGE: Readonly<Record<string, number>> = { BTC: 0.12, ETH: 0.15 };
/** Relative moves of a 30-day volatility. It jumps further than it falls. */
export const VOLATILITY_UP = 0.4;
export const VOLATILITY_DOWN = -0.25;
/** Extreme move in ranges, and the fraction of its profit or loss that counts. */
export const EXTREME_RANGES = 3;
export const EXTREME_COUNTED = 0.33;

/** The two underlyings of this grid. */
const PAIR = ["BTC", "ETH"] as const;

/** Ranges by which all underlyings move together, each with volatility up and down. */
const TOGETHER = [0, 0.5, -0.5, 1, -1];

/**
 * Sixteen scenarios, in this order:
 *   0 to 9    both underlyings by 0, ±½ or ±1 of their ranges together, volatility up and down for each
 *   10 to 13  one underlying by ±1 of its range while the other stands still, volatility unchanged
 *   14, 15    both by ±3 ranges, a third of the result counted
 *
 * The four in which one underlying moves alone bound what a hedge of BTC with ETH can save: never below the loss of
 * its larger leg. The extremes count 0.99 of a full move for a linear position, so they decide only for options that
 * the grid's ordinary moves do not reach.
 */
export const firstGrid: ScenarioModel = {
  scenarios(underlyings) {
    for (const underlying of underlyings) {
      if (!Object.hasOwn(PRICE_RANGE, underlying)) {
        throw new PlimsollError("UNKNOWN_NAME", `expected an underlying of ${PAIR.join(" and ")}`);
      }
    }
    const together = (ranges: number, volatility: number) =>
      Object.fromEntries(PAIR.map((name) => [name, { price: ranges * PRICE_RANGE[name]!, volatility }]));
    const alone = (mover: string, ranges: number): Record<string, Move> =>
      Object.fromEntries(
        PAIR.map((name) => [name, { price: name === mover ? ranges * PRICE_RANGE[name]! : 0, volatility: 0 }]),
      );
    const both = (ranges: number) =>
      ranges === 0
        ? "prices unchanged"
        : PAIR.map((name) => `${name} ${percent(ranges * PRICE_RANGE[name]!)}`).join(", ");
    const list: Scenario[] = TOGETHER.flatMap((ranges) => [
      { label: `${both(ranges)}, volatility up`, moves: together(ranges, VOLATILITY_UP), counted: 1 },
      { label: `${both(ranges)}, volatility down`, moves: together(ranges, VOLATILITY_DOWN), counted: 1 },
    ]);
    for (const mover of PAIR) {
      for (const ranges of [1, -1]) {
        const label = `${mover} ${percent(ranges * PRICE_RANGE[mover]!)} alone`;
        list.push({ label, moves: alone(mover, ranges), counted: 1 });
      }
    }
    for (const ranges of [EXTREME_RANGES, -EXTREME_RANGES]) {
      const label = `extreme: ${both(ranges)}, ${percent(EXTREME_COUNTED, false)} counted`;
      list.push({ label, moves: together(ranges, 0), counted: EXTREME_COUNTED });
    }
    return list;
  },
};

function percent(fraction: number, signed = true): string {
  const value = Number((fraction * 100).toFixed(1));
  return `${value < 0 ? "−" : signed ? "+" : ""}${Math.abs(value)}%`;
}
