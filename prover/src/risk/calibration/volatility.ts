// SPDX-License-Identifier: GPL-3.0-or-later
/** Volatility and tails of daily log returns. Everything here is for calibration: floating point, nothing exact. */
import { PlimsollError } from "../../errors.ts";

/** Returns that the first estimate is made from. */
export const WARM_UP = 30;

/**
 * Exponentially weighted volatility (J.P. Morgan, RiskMetrics, 1996): σ²_{t+1} = λ σ²_t + (1 − λ) r²_t. Element t is the
 * forecast for return t from the returns before it alone; the last is that for tomorrow, so there is one more than
 * returns. The first `WARM_UP` share the mean square of those returns and must not be used as forecasts. λ in (0, 1).
 */
export function ewma(returns: readonly number[], lambda: number): Float64Array {
  if (returns.length < WARM_UP) {
    throw new PlimsollError("OUT_OF_RANGE", `expected at least ${WARM_UP} returns`, { field: "returns" });
  }
  const variances = new Float64Array(returns.length + 1);
  const start = returns.slice(0, WARM_UP).reduce((sum, change) => sum + change * change, 0) / WARM_UP;
  variances.fill(start, 0, WARM_UP + 1);
  for (let t = WARM_UP; t < returns.length; t++) {
    variances[t + 1] = lambda * variances[t]! + (1 - lambda) * returns[t]! ** 2;
  }
  return variances.map(Math.sqrt);
}

export interface Garch {
  /** σ²_{t+1} = omega + alpha r²_t + beta σ²_t. */
  readonly omega: number;
  readonly alpha: number;
  readonly beta: number;
  /** Forecasts, as those of `ewma`. */
  readonly sigma: Float64Array;
  /** Gaussian log-likelihood, without its constant. */
  readonly logLikelihood: number;
  /** Whether the fit ran into the bound of its persistence: shocks hardly die out, and the long run means nothing. */
  readonly exploding: boolean;
}

const PERSISTENCE_BOUND = 0.999;

/**
 * GARCH(1,1) (T. Bollerslev, 1986) by maximum likelihood with the long-run variance held at the sample's (variance
 * targeting), alpha in [0.001, 0.5] and alpha + beta in [0.5, 0.999]: two bounded parameters, searched on a grid that is
 * refined around its best point until its steps are below 1e-5. Deterministic.
 */
export function garch(returns: readonly number[]): Garch {
  if (returns.length < 250) {
    throw new PlimsollError("OUT_OF_RANGE", "expected at least 250 returns", { field: "returns" });
  }
  const variance = returns.reduce((sum, change) => sum + change * change, 0) / returns.length;
  if (!(variance > 0)) throw new PlimsollError("OUT_OF_RANGE", "expected prices that move", { field: "returns" });
  const run = (alpha: number, persistence: number, sigma?: Float64Array) => {
    const omega = variance * (1 - persistence);
    const beta = persistence - alpha;
    let current = variance;
    let likelihood = 0;
    for (const [t, change] of returns.entries()) {
      if (sigma) sigma[t] = Math.sqrt(current);
      likelihood -= 0.5 * (Math.log(current) + (change * change) / current);
      current = omega + alpha * change * change + beta * current;
    }
    if (sigma) sigma[returns.length] = Math.sqrt(current);
    return likelihood;
  };
  let [best, alpha, persistence] = [Number.NEGATIVE_INFINITY, 0.08, 0.95];
  const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
  for (let [alphaStep, persistenceStep] = [0.06, 0.06]; alphaStep > 1e-5; alphaStep /= 2, persistenceStep /= 2) {
    for (let moved = true; moved; ) {
      moved = false;
      for (const i of [-2, -1, 0, 1, 2]) {
        for (const j of [-2, -1, 0, 1, 2]) {
          const p = clamp(persistence + j * persistenceStep, 0.5, PERSISTENCE_BOUND);
          const a = clamp(alpha + i * alphaStep, 0.001, Math.min(0.5, p));
          const likelihood = run(a, p);
          if (likelihood > best + 1e-9) [best, alpha, persistence, moved] = [likelihood, a, p, true];
        }
      }
    }
  }
  const sigma = new Float64Array(returns.length + 1);
  const logLikelihood = run(alpha, persistence, sigma);
  return {
    omega: variance * (1 - persistence),
    alpha,
    beta: persistence - alpha,
    sigma,
    logLikelihood,
    exploding: persistence >= PERSISTENCE_BOUND - 1e-6,
  };
}

/**
 * Mean of the worst fraction 1 − confidence of the losses (P. Artzner et al., 1999); a last loss that belongs to the
 * tail in part counts in part. `losses` in any order, at least 1 / (1 − confidence) of them.
 */
export function expectedShortfall(losses: readonly number[], confidence: number): number {
  const tail = (1 - confidence) * losses.length;
  if (!(tail >= 1 - 1e-9)) {
    throw new PlimsollError("OUT_OF_RANGE", `expected at least ${Math.ceil(1 / (1 - confidence))} observations`, {
      field: "returns",
    });
  }
  const worst = [...losses].sort((a, b) => b - a);
  const whole = Math.floor(tail + 1e-9);
  const sum = worst.slice(0, whole).reduce((total, loss) => total + loss, 0);
  return (sum + Math.max(0, tail - whole) * (worst[whole] ?? 0)) / Math.max(tail, whole);
}

/** The last so many numbers of a series, in order of size: quantiles and tails of a window that moves on. */
export class SortedWindow {
  readonly #most: number;
  readonly #arrived: number[] = [];
  readonly #sorted: number[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#sorted.length;
  }

  /** Adds a number; beyond the window's size, the oldest goes. */
  push(value: number): void {
    this.#arrived.push(value);
    this.#sorted.splice(this.#place(value), 0, value);
    if (this.#arrived.length > this.#most) {
      this.#sorted.splice(this.#place(this.#arrived[this.#arrived.length - 1 - this.#most]!), 1);
    }
  }

  /** Linear between the two nearest numbers; `share` in 0 to 1. */
  quantile(share: number): number {
    const at = share * (this.#sorted.length - 1);
    const low = this.#sorted[Math.floor(at)]!;
    return low + (at - Math.floor(at)) * (this.#sorted[Math.ceil(at)]! - low);
  }

  /** The quantile of rises (sign 1) or falls (sign −1, as a positive number). */
  tail(share: number, sign: 1 | -1): number {
    return sign === 1 ? this.quantile(share) : -this.quantile(1 - share);
  }

  /** Their expected shortfall, as `expectedShortfall`. At least 1 / (1 − confidence) numbers. */
  shortfall(confidence: number, sign: 1 | -1): number {
    const sorted = this.#sorted;
    const tail = (1 - confidence) * sorted.length;
    const whole = Math.floor(tail + 1e-9);
    const worst = (rank: number) => (sign === 1 ? sorted[sorted.length - 1 - rank]! : -sorted[rank]!);
    let sum = Math.max(0, tail - whole) * (whole < sorted.length ? worst(whole) : 0);
    for (let rank = 0; rank < whole; rank++) sum += worst(rank);
    return sum / Math.max(tail, whole);
  }

  /** Where a number stands, or would. */
  #place(value: number): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
