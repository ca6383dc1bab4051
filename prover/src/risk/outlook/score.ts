// SPDX-License-Identifier: GPL-3.0-or-later
/** How good probabilities were, once it is known what happened. */

import type { Method } from "./figures.ts";
import type { Forecast } from "./forecast.ts";

/** The baseline: what happened before to books of the same kind, at the same level. It knows no prices. */
export const TABLE = "table";

export interface Score {
  readonly method: Method | typeof TABLE;
  readonly forecasts: number;
  readonly events: number;
  readonly brier: number;
  /** Against forecasting the mean rate for all: 1 is perfect, 0 no better. */
  readonly skill: number;
  /** The part of the Brier score that comes from probabilities that are not the frequencies (A. Murphy, 1973). */
  readonly unreliability: number;
  /** By tenths of probability: mean forecast, frequency of events, and how many. */
  readonly reliability: readonly { readonly forecast: number; readonly observed: number; readonly count: number }[];
}

const EDGES = [0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/** Brier score (G. Brier, 1950) and reliability of forecasts. */
export function score(method: Score["method"], forecasts: readonly number[], outcomes: readonly boolean[]): Score {
  const count = forecasts.length;
  const events = outcomes.filter(Boolean).length;
  const mean = events / count;
  const brier = forecasts.reduce((sum, p, index) => sum + (p - Number(outcomes[index])) ** 2, 0) / count;
  const reliability = EDGES.flatMap((edge, bin) => {
    const inside = forecasts.flatMap((p, index) => (p >= edge && p < (EDGES[bin + 1] ?? 2) ? [index] : []));
    if (inside.length === 0) return [];
    return [
      {
        forecast: inside.reduce((sum, index) => sum + forecasts[index]!, 0) / inside.length,
        observed: inside.filter((index) => outcomes[index]).length / inside.length,
        count: inside.length,
      },
    ];
  });
  const unreliability =
    reliability.reduce((sum, { forecast, observed, count }) => sum + count * (forecast - observed) ** 2, 0) / count;
  return {
    method,
    forecasts: count,
    events,
    brier,
    skill: 1 - brier / (mean * (1 - mean)),
    unreliability,
    reliability,
  };
}

/** Earlier outcomes that a table's entry counts the rate of its level as. */
const PRIOR = 20;
const DAY_MS = 86_400_000;

/**
 * The lookup table, walk-forward: the frequency with which books of the same kind fell below the same level, of forecasts
 * whose outcome was known on the day. `days`: how long an outcome takes. Forecasts are in order of their dates.
 */
export function tableForecasts(forecasts: readonly Forecast[], symbols: readonly string[], days: number): number[] {
  const tallies = new Map<string, { falls: number; count: number }>();
  const tallyOf = (key: string) => {
    const found = tallies.get(key) ?? { falls: 0, count: 0 };
    tallies.set(key, found);
    return found;
  };
  const keysOf = ({ portfolio, level }: Forecast) => {
    const kind = portfolio.split(" ").filter((word) => !symbols.includes(word.replace(",", "")));
    return [`${kind.join(" ")} ${level}`, `${level}`] as const;
  };
  let known = 0;
  return forecasts.map((forecast) => {
    const today = Date.parse(forecast.date);
    for (; Date.parse(forecasts[known]!.date) + days * DAY_MS <= today; known++) {
      for (const key of keysOf(forecasts[known]!)) {
        const tally = tallyOf(key);
        tally.count++;
        tally.falls += Number(forecasts[known]!.fell);
      }
    }
    const [own, all] = keysOf(forecast).map(tallyOf) as [
      { falls: number; count: number },
      { falls: number; count: number },
    ];
    const base = (all.falls + 1) / (all.count + 4);
    return (own.falls + PRIOR * base) / (own.count + PRIOR);
  });
}
