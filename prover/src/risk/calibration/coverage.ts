// SPDX-License-Identifier: GPL-3.0-or-later
/** Tests on a series of breaches: whether they come at the stated rate, and alone. */
import { cephes } from "../cephes.ts";

export interface Coverage {
  readonly days: number;
  readonly breaches: number;
  readonly expected: number;
  /** p-value of Kupiec's test that breaches come at the stated rate (P. Kupiec, 1995). */
  readonly kupiec: number;
  /** p-value of Christoffersen's test that breaches come alone (P. Christoffersen, 1998); 1 without two breaches. */
  readonly christoffersen: number;
}

const xlogy = (x: number, y: number) => (x === 0 ? 0 : x * Math.log(y));

/** Tests on a series of breaches against a confidence (0.99: one breach in a hundred days). */
export function coverageTests(breaches: readonly boolean[], confidence: number): Coverage {
  const days = breaches.length;
  const count = breaches.filter(Boolean).length;
  const rate = 1 - confidence;
  const likelihood = (p: number) => xlogy(count, p) + xlogy(days - count, 1 - p);
  const ratio = -2 * (likelihood(rate) - likelihood(count / days));
  const moves = [0, 0, 0, 0];
  for (let t = 1; t < days; t++) moves[2 * Number(breaches[t - 1]) + Number(breaches[t])]!++;
  const [n00, n01, n10, n11] = moves as [number, number, number, number];
  const p = (n01 + n11) / (days - 1);
  const chain =
    xlogy(n00, n00 / (n00 + n01)) +
    xlogy(n01, n01 / (n00 + n01)) +
    xlogy(n10, n10 / (n10 + n11)) +
    xlogy(n11, n11 / (n10 + n11));
  const independent = xlogy(n00 + n10, 1 - p) + xlogy(n01 + n11, p);
  // Beyond 1,000 the probability is below the smallest number there is.
  const tail = (statistic: number) => (statistic > 1000 ? 0 : cephes.chdtrc(1, Math.max(0, statistic)));
  return {
    days,
    breaches: count,
    expected: rate * days,
    kupiec: tail(ratio),
    christoffersen: count < 2 ? 1 : tail(2 * (chain - independent)),
  };
}

/** What a two-sided test says of a margin: held often enough, breached too rarely (more than needed), or too often. */
export type Acceptance = "accepted" | "too few" | "too many";

/**
 * Kupiec's test at 5%, two-sided: breaches come at the stated rate, or too rarely, or too often.
 * @see docs/library.md#risk
 */
export const acceptanceOf = ({ kupiec, breaches, expected }: Coverage): Acceptance =>
  kupiec >= 0.05 ? "accepted" : breaches < expected ? "too few" : "too many";
