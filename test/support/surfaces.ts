// SPDX-License-Identifier: GPL-3.0-or-later
/** Volatility surfaces without arbitrage, quoted at some strikes, and the arbitrage of what is made of them. */
import { timeText } from "../../prover/src/formats/time.ts";
import { black76, growth } from "../../prover/src/risk/board/black76.ts";
import { Surface } from "../../prover/src/risk/board/surface.ts";
import type { SurfaceSlice } from "../../prover/src/risk/input.ts";
import { Random } from "../../prover/src/risk/outlook/processes.ts";

const TIME = Date.parse("2026-11-22T08:00:00Z");
const DAY_MS = 86_400_000;
const SPOT = 1000;

/** A surface at every strike over the forward and time, as total variance, and the days of its expiries. */
export interface QuotedSurface {
  readonly carry: number;
  readonly days: readonly number[];
  /** Strikes over spot, by expiry. */
  readonly strikes: readonly (readonly number[])[];
  variance(logMoneyness: number, years: number): number;
}

/**
 * SSVI (J. Gatheral, A. Jacquier, Arbitrage-free SVI volatility surfaces, 2014): w = θ/2 · (1 + ρφx + √((φx + ρ)² + 1 − ρ²)),
 * φ = η / (θ^γ (1 + θ)^(1 − γ)), free of arbitrage for η (1 + |ρ|) ≤ 2, γ ≤ ½ and θ that rises with time.
 */
export function randomSurface(seed: number): QuotedSurface {
  const random = new Random(seed);
  const uniform = (low: number, high: number) => low + (high - low) * random.uniform();
  const [level, mean, speed] = [uniform(0.1, 1.5) ** 2, uniform(0.1, 1.5) ** 2, uniform(0.5, 8)];
  const rho = uniform(-0.9, 0.9);
  const eta = (uniform(0.1, 0.999) * 2) / (1 + Math.abs(rho));
  const gamma = uniform(0.1, 0.5);
  const days = [1, 2, 7, 8, 30, 45, 90, 180, 365].filter(() => random.uniform() < 0.5);
  if (days.length === 0) days.push(30);
  const strikes = days.map(() => {
    const wide = uniform(0.02, 0.6);
    const count = 1 + Math.floor(uniform(0, 12));
    const each = Array.from({ length: count }, () => Math.round(1e4 * Math.exp(uniform(-wide, wide))) / 1e4);
    return [...new Set(each)].sort((a, b) => a - b);
  });
  const variance = (x: number, years: number) => {
    const theta = mean * years + ((level - mean) * (1 - Math.exp(-speed * years))) / speed;
    const phi = eta / (theta ** gamma * (1 + theta) ** (1 - gamma));
    return (theta / 2) * (1 + rho * phi * x + Math.sqrt((phi * x + rho) ** 2 + 1 - rho * rho));
  };
  return { carry: uniform(-0.2, 0.4), days, strikes, variance };
}

const quoted = ({ carry, days, strikes, variance }: QuotedSurface): SurfaceSlice[] =>
  days.map((day, row) => {
    const years = day / 365;
    const volatilities = strikes[row]!.map((strike) =>
      Math.sqrt(variance(Math.log(strike / growth(carry, years)), years) / years).toFixed(12),
    );
    return {
      expiry: timeText(new Date(TIME + day * DAY_MS)),
      strikes: strikes[row]!.map((strike) => (strike * SPOT).toFixed(1)),
      volatilities,
    };
  });

/** What a surface lets arise, as fractions of the forward; at least 0. */
export interface Arbitrage {
  /** The most that a butterfly of three neighbours, or a spread, falls below 0. */
  readonly butterfly: number;
  /** The most that a price falls with the expiry at equal moneyness. */
  readonly calendar: number;
  /** The largest difference to the surface that was quoted, between the outermost strikes of an expiry. */
  readonly error: number;
}

const GRID = 240;

/** Undefined where the surface refuses its quotes. */
export function arbitrageOf(surface: QuotedSurface): Arbitrage | undefined {
  const { carry, days, strikes, variance } = surface;
  let built: Surface;
  try {
    built = new Surface(quoted(surface), SPOT, carry, TIME, "surface");
  } catch {
    return undefined;
  }
  const times = [days[0]! / 2, ...days.flatMap((day, i) => (i === 0 ? [day] : [(days[i - 1]! + day) / 2, day]))];
  times.push(days.at(-1)! * 1.5, days.at(-1)! * 4);
  let [butterfly, calendar, error] = [0, 0, 0];
  let before = new Float64Array(GRID);
  for (const day of times) {
    const years = day / 365;
    const forward = SPOT * growth(carry, years);
    const steps = Array.from({ length: GRID }, (_, i) => Math.exp(-1.2 + (2.4 * i) / (GRID - 1)));
    const call = (strike: number, volatility: number) =>
      black76({ forward: 1, strike, years, volatility, rate: 0, right: "call" }).value;
    const prices = Float64Array.from(steps, (k) => call(k, built.volatility(k * forward, years, forward)));
    for (let i = 0; i < GRID; i++) {
      calendar = Math.max(calendar, before[i]! - prices[i]!);
      if (i === 0) continue;
      const rise = prices[i]! - prices[i - 1]!;
      butterfly = Math.max(butterfly, rise, steps[i - 1]! - steps[i]! - rise);
      if (i === 1) continue;
      const share = (steps[i]! - steps[i - 1]!) / (steps[i]! - steps[i - 2]!);
      butterfly = Math.max(butterfly, prices[i - 1]! - share * prices[i - 2]! - (1 - share) * prices[i]!);
    }
    const row = strikes[days.indexOf(day)];
    for (const [i, k] of steps.entries()) {
      const strike = (k * forward) / SPOT;
      if (row === undefined || strike < row[0]! || strike > row.at(-1)!) continue;
      error = Math.max(error, Math.abs(prices[i]! - call(k, Math.sqrt(variance(Math.log(k), years) / years))));
    }
    before = prices;
  }
  return { butterfly, calendar, error };
}
