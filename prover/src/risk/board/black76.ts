// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Black's formula for European options on a forward (F. Black, The pricing of commodity contracts, 1976).
 *
 * exp, log and the normal distribution are those of the Cephes library compiled to WebAssembly, not those of the host:
 * ECMAScript leaves the last bits of `Math.exp` and `Math.log` open, WebAssembly leaves none, so board values come out
 * the same on every machine and anyone can recompute them to the last digit.
 */
import { cephes } from "../cephes.ts";

export interface BlackTerms {
  /** Above zero. */
  readonly forward: number;
  /** Above zero. */
  readonly strike: number;
  /** Time to expiry, at least zero. */
  readonly years: number;
  /** Annual, at least zero. */
  readonly volatility: number;
  /** Annual, continuously compounded. */
  readonly rate: number;
  readonly right: "call" | "put";
}

export interface BlackValue {
  /** At least zero. */
  readonly value: number;
  /** Derivative of the value by the forward, discounted: 0 to 1 for a call, −1 to 0 for a put. */
  readonly forwardDelta: number;
  /** By the volatility: for a rise by 1, that is by 100 points; at least zero. Zero without time or volatility. */
  readonly vega: number;
}

export interface BlackGreeks extends BlackValue {
  /** Second derivative by the forward. */
  readonly gamma: number;
  /** By calendar time, per year, the forward held still. */
  readonly theta: number;
  /** By the rate, the forward held still. */
  readonly rho: number;
}

/** Normal distribution. Cephes has no numbers beyond some 100,000 deviations, where nothing has changed for long. */
const normal = (deviations: number): number => cephes.ndtr(Math.min(40, Math.max(-40, deviations)));

export const discount = (rate: number, years: number): number => cephes.exp(-rate * years);
export const growth = (rate: number, years: number): number => cephes.exp(rate * years);

/**
 * Value, delta and vega. Without time or volatility: the discounted intrinsic value. Does not check its arguments; values
 * that are not finite come out as such and are refused at the border.
 */
export function black76({ forward, strike, years, volatility, rate, right }: BlackTerms): BlackValue {
  const sign = right === "call" ? 1 : -1;
  const factor = discount(rate, years);
  const deviation = volatility * Math.sqrt(years);
  if (deviation === 0) {
    const inTheMoney = sign * (forward - strike) > 0;
    return inTheMoney
      ? { value: factor * sign * (forward - strike), forwardDelta: factor * sign, vega: 0 }
      : { value: 0, forwardDelta: 0, vega: 0 };
  }
  const d1 = cephes.log(forward / strike) / deviation + deviation / 2;
  const forwardWeight = normal(sign * d1);
  const strikeWeight = normal(sign * (d1 - deviation));
  // The difference of two products can round to just below zero far out of the money.
  const value = Math.max(0, factor * sign * (forward * forwardWeight - strike * strikeWeight));
  const density = (factor * cephes.exp((-d1 * d1) / 2)) / Math.sqrt(2 * Math.PI);
  return { value, forwardDelta: factor * sign * forwardWeight, vega: forward * density * Math.sqrt(years) };
}

/** Value and sensitivities. Time and volatility above zero. */
export function black76Greeks(terms: BlackTerms): BlackGreeks {
  const { forward, strike, years, volatility, rate } = terms;
  const { value, forwardDelta, vega } = black76(terms);
  const root = Math.sqrt(years);
  const d1 = cephes.log(forward / strike) / (volatility * root) + (volatility * root) / 2;
  const density = (discount(rate, years) * cephes.exp((-d1 * d1) / 2)) / Math.sqrt(2 * Math.PI);
  return {
    value,
    forwardDelta,
    gamma: density / (forward * volatility * root),
    vega,
    theta: rate * value - (forward * density * volatility) / (2 * root),
    rho: -years * value,
  };
}
