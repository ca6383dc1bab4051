// SPDX-License-Identifier: GPL-3.0-or-later
/** What figures of an outlook stand for. Apart from their computation, so that a report can show them without it. */

/** Probabilities at which exposures are given, ascending. */
export const QUANTILES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99] as const;

/** How the chance of falling below a level is estimated, from the coarsest to the finest. */
export const METHODS = ["volatility", "analytic", "simulated"] as const;
export type Method = (typeof METHODS)[number];
