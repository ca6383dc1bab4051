// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A surface of implied volatilities without arbitrage: no butterfly, no calendar, at nodes and between them.
 *
 * Strikes of one expiry: `smile.ts`. Prices over the forward at equal moneyness K / F never fall with the expiry, so an expiry
 * takes the dearer of its own smile and that of the expiry before: the larger of two convex prices is convex. Between expiries
 * a price is a mean of both, weighted so that total variance at the money is linear in time (J. Gatheral, A. Jacquier,
 * Arbitrage-free SVI volatility surfaces, 2014). Before the first, volatility is that of the first at equal moneyness. After
 * the last, the price of the last grows by a lognormal of its own with the volatility at the money. At a node the quoted
 * volatility comes out to the last digit.
 *
 * Unchecked: whether a surface without arbitrage exists that passes below ours. One that needs a smile between two strikes of
 * an expiry to lie lower than ours, for an expiry a few days later, is refused.
 */

import { PlimsollError } from "../../errors.ts";
import { cephes } from "../cephes.ts";
import type { SurfaceSlice } from "../input.ts";
import { black76, growth } from "./black76.ts";
import { impliedDeviation, Smile } from "./smile.ts";

const YEAR_MS = 365 * 86_400_000;
/** What quotes may violate an inequality by, relative to the forward: their rounding. */
const SLACK = 1e-9;
/** The same of total variance, whose root at a strike is searched. */
const VARIANCE_SLACK = 1e-7;
/** How many deviations of what is added to a price are taken, either way. */
const GROWTH_DEVIATIONS = 8;

interface Row {
  readonly years: number;
  readonly forward: number;
  readonly strikes: readonly number[];
  readonly volatilities: readonly number[];
  readonly smile: Smile;
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
      checkButterfly({ forward, years, strikes, volatilities }, place);
      const smile = new Smile(
        strikes.map((strike) => strike / forward),
        volatilities.map((volatility) => volatility * Math.sqrt(years)),
      );
      return { years, forward, strikes, volatilities, smile };
    });
    for (const [index, row] of this.#rows.entries()) {
      if (index === 0) continue;
      if (row.years <= this.#rows[index - 1]!.years) {
        throw new PlimsollError("FIELD_INVALID", "expiries must ascend", { field: `${field}[${index}].expiry` });
      }
      this.#checkCalendar(index, `${field}[${index}]`);
    }
  }

  /** Annual volatility at a strike (above zero) and a time to expiry (above zero). */
  volatility(strike: number, years: number, forward: number): number {
    const node = this.#rows.find((row) => row.years === years);
    const column = node?.strikes.indexOf(strike) ?? -1;
    if (node !== undefined && column !== -1) return node.volatilities[column]!;
    const k = strike / forward;
    const after = this.#rows.findIndex((row) => row.years >= years);
    if (after === 0) return this.#deviation(0, k) / Math.sqrt(this.#rows[0]!.years);
    const deviation = after === -1 ? this.#grown(k, years) : this.#mixed(after, k, years);
    return deviation / Math.sqrt(years);
  }

  /** Of an expiry: the dearer of its smile and those before. */
  #price = (row: number, k: number): number =>
    this.#rows.slice(0, row + 1).reduce((dearest, { smile }) => Math.max(dearest, smile.price(k)), 0);

  #deviation(row: number, k: number): number {
    const own = this.#rows[row]!.smile;
    const price = this.#price(row, k);
    if (price <= own.price(k)) return own.deviation(k);
    return impliedDeviation(k, price);
  }

  /** σ √T between expiry `after` and that before. */
  #mixed(after: number, k: number, years: number): number {
    const [low, high] = [this.#rows[after - 1]!, this.#rows[after]!];
    const time = (years - low.years) / (high.years - low.years);
    const rooted = (a: number, b: number) => Math.sqrt((1 - time) * a * a + time * b * b);
    const [from, to] = [this.#deviation(after - 1, k), this.#deviation(after, k)];
    const deviation = rooted(this.#deviation(after - 1, 1), this.#deviation(after, 1));
    const atTheMoney = black76({ forward: 1, strike: 1, years: 1, volatility: deviation, rate: 0, right: "put" }).value;
    const [near, far] = [this.#price(after - 1, 1), this.#price(after, 1)];
    const weight = far > near ? Math.min(1, Math.max(0, (atTheMoney - near) / (far - near))) : time;
    const implied = impliedDeviation(k, (1 - weight) * this.#price(after - 1, k) + weight * this.#price(after, k));
    // Too small for numbers to tell.
    return Number.isNaN(implied) ? rooted(from, to) : implied;
  }

  /** σ √T after the last expiry. */
  #grown(k: number, years: number): number {
    const last = this.#rows.length - 1;
    const row = this.#rows[last]!;
    const root = Math.sqrt(years / row.years);
    // Where all expiries are flat, the last one is the dearest at every strike.
    if (this.#rows.every(({ smile }) => smile.flat)) return row.smile.deviation(k) * root;
    const middle = this.#deviation(last, 1);
    const added = middle * Math.sqrt(years / row.years - 1);
    // Steps as wide as the smile itself make a sum as good as the integral.
    const step = Math.min(1, middle / added);
    const count = Math.ceil(GROWTH_DEVIATIONS / step);
    const factors = Array.from({ length: 2 * count + 1 }, (_, index) => {
      const z = (index - count) * step;
      return { weight: cephes.exp((-z * z) / 2), factor: cephes.exp(added * z) };
    });
    const total = factors.reduce((sum, { weight }) => sum + weight, 0);
    const mean = factors.reduce((sum, { weight, factor }) => sum + weight * factor, 0) / total;
    const price = factors.reduce((sum, { weight, factor }) => {
      const by = factor / mean;
      const otm = by * this.#price(last, k / by);
      // As the option that is out of the money at k: a call less a put is 1 − k, here by − k.
      const turned = k <= 1 === k / by <= 1 ? 0 : k <= 1 ? k - by : by - k;
      return sum + (weight / total) * (otm + turned);
    }, 0);
    const implied = impliedDeviation(k, price);
    return Number.isNaN(implied) ? this.#deviation(last, k) * root : implied;
  }

  /** At every node of an expiry, total variance must not be below that of the expiries before. */
  #checkCalendar(index: number, place: string): void {
    const { strikes, forward, volatilities, years } = this.#rows[index]!;
    for (const [column, strike] of strikes.entries()) {
      const before = this.#deviation(index - 1, strike / forward) ** 2;
      if (volatilities[column]! ** 2 * years < before * (1 - VARIANCE_SLACK)) {
        const rule = "a crossed surface: total variance falls below that of the expiry before";
        throw new PlimsollError("OUT_OF_RANGE", rule, { field: `${place}.volatilities[${column}]` });
      }
    }
  }
}

/**
 * Call prices over strikes must be what some distribution gives: with the forward itself at strike zero, slopes between
 * −1 and 0 that never fall.
 */
function checkButterfly({ forward, years, strikes, volatilities }: Omit<Row, "smile">, place: string): void {
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
