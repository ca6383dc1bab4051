// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A surface of implied volatilities without arbitrage at its nodes.
 *
 * Between strikes of one expiry, total variance σ²T is linear in log-moneyness ln(K/F); beyond the outermost strikes
 * volatility is flat. Between expiries, total variance is linear in time at equal log-moneyness; before the first and
 * after the last expiry volatility is that of the nearest, at equal log-moneyness. At a node the quoted volatility comes
 * out to the last digit. (J. Gatheral, The Volatility Surface, 2006, for the conditions on total variance.)
 *
 * Unchecked: arbitrage between nodes. Linear total variance keeps the order of expiries everywhere, but has kinks at
 * nodes at which the implied density may be negative.
 */

import { PlimsollError } from "../../errors.ts";
import { cephes } from "../cephes.ts";
import type { SurfaceSlice } from "../input.ts";
import { black76, growth } from "./black76.ts";

const YEAR_MS = 365 * 86_400_000;
/** What quotes may violate an inequality by, relative to the forward or the variance: their rounding. */
const SLACK = 1e-9;

interface Row {
  readonly years: number;
  readonly forward: number;
  readonly strikes: readonly number[];
  readonly volatilities: readonly number[];
  /** ln(strike/forward) and total variance at each strike. */
  readonly moneyness: readonly number[];
  readonly variances: readonly number[];
}

export class Surface {
  readonly #rows: readonly Row[];

  /**
   * From observed slices. `time` is in epoch milliseconds. Throws, naming row and column below `field`:
   * `FIELD_INVALID` for rows or strikes that do not ascend or lengths that differ; `OUT_OF_RANGE` for an expiry that has
   * passed, for option prices that do not fall and bend with the strike (butterfly), and for total variance that falls
   * with expiry at equal moneyness (calendar).
   */
  constructor(slices: readonly SurfaceSlice[], spot: number, carry: number, time: number, field: string) {
    if (slices.length === 0) throw new PlimsollError("FIELD_INVALID", "expected at least one expiry", { field });
    this.#rows = slices.map((slice, row) => {
      const place = `${field}[${row}]`;
      const years = (Date.parse(slice.expiry) - time) / YEAR_MS;
      if (!(years > 0))
        throw new PlimsollError("OUT_OF_RANGE", "expected an expiry ahead", { field: `${place}.expiry` });
      const strikes = slice.strikes.map(Number);
      const volatilities = slice.volatilities.map(Number);
      if (strikes.length === 0 || strikes.length !== volatilities.length) {
        throw new PlimsollError("FIELD_INVALID", "expected a volatility for every strike", { field: place });
      }
      const unordered = strikes.findIndex((strike, column) => column > 0 && !(strike > strikes[column - 1]!));
      if (unordered !== -1) {
        throw new PlimsollError("FIELD_INVALID", "strikes must ascend", { field: `${place}.strikes[${unordered}]` });
      }
      const forward = spot * growth(carry, years);
      return {
        years,
        forward,
        strikes,
        volatilities,
        moneyness: strikes.map((strike) => cephes.log(strike / forward)),
        variances: volatilities.map((volatility) => volatility * volatility * years),
      };
    });
    for (const [index, row] of this.#rows.entries()) {
      if (index > 0 && row.years <= this.#rows[index - 1]!.years) {
        throw new PlimsollError("FIELD_INVALID", "expiries must ascend", { field: `${field}[${index}].expiry` });
      }
      checkButterfly(row, `${field}[${index}]`);
      if (index > 0) checkCalendar(this.#rows[index - 1]!, row, `${field}[${index}]`);
    }
  }

  /** Annual volatility at a strike (above zero) and a time to expiry (above zero). */
  volatility(strike: number, years: number, forward: number): number {
    const node = this.#rows.find((row) => row.years === years);
    const column = node?.strikes.indexOf(strike) ?? -1;
    if (node !== undefined && column !== -1) return node.volatilities[column]!;
    const moneyness = cephes.log(strike / forward);
    const after = this.#rows.findIndex((row) => row.years >= years);
    if (after <= 0) {
      const row = this.#rows.at(after)!; // the first, or the last where none lies after
      return Math.sqrt(varianceOf(row, moneyness) / row.years);
    }
    const low = this.#rows[after - 1]!;
    const high = this.#rows[after]!;
    const weight = (years - low.years) / (high.years - low.years);
    return Math.sqrt(((1 - weight) * varianceOf(low, moneyness) + weight * varianceOf(high, moneyness)) / years);
  }
}

/** Total variance of one expiry at a log-moneyness. */
function varianceOf({ moneyness, variances }: Row, at: number): number {
  const right = moneyness.findIndex((node) => node >= at);
  if (right <= 0) return variances.at(right)!;
  const weight = (at - moneyness[right - 1]!) / (moneyness[right]! - moneyness[right - 1]!);
  return (1 - weight) * variances[right - 1]! + weight * variances[right]!;
}

/**
 * Call prices over strikes must be what some distribution gives: with the forward itself at strike zero, slopes between
 * −1 and 0 that never fall.
 */
function checkButterfly({ forward, years, strikes, volatilities }: Row, place: string): void {
  const points = [{ strike: 0, price: forward }];
  let slope = -1;
  for (const [column, strike] of strikes.entries()) {
    const terms = { forward, strike, years, volatility: volatilities[column]!, rate: 0, right: "call" } as const;
    const price = black76(terms).value;
    const last = points.at(-1)!;
    const next = (price - last.price) / (strike - last.strike);
    const tolerance = (SLACK * forward) / (strike - last.strike);
    if (next < slope - tolerance || next > tolerance) {
      const culprit = next > tolerance ? column : Math.max(0, column - 1);
      throw new PlimsollError(
        "OUT_OF_RANGE",
        "a crossed surface: a butterfly of these strikes costs less than nothing",
        {
          field: `${place}.volatilities[${culprit}]`,
        },
      );
    }
    slope = next;
    points.push({ strike, price });
  }
}

/** At every node of either row, total variance must not fall from the earlier row to the later. */
function checkCalendar(early: Row, late: Row, place: string): void {
  const check = (moneyness: number, column: number) => {
    if (varianceOf(late, moneyness) < varianceOf(early, moneyness) * (1 - SLACK)) {
      throw new PlimsollError(
        "OUT_OF_RANGE",
        "a crossed surface: total variance falls below that of the expiry before",
        {
          field: `${place}.volatilities[${column}]`,
        },
      );
    }
  };
  for (const [column, moneyness] of late.moneyness.entries()) check(moneyness, column);
  for (const moneyness of early.moneyness) {
    const nearest = late.moneyness.reduce(
      (best, node, column) =>
        Math.abs(node - moneyness) < Math.abs(late.moneyness[best]! - moneyness) ? column : best,
      0,
    );
    check(moneyness, nearest);
  }
}
