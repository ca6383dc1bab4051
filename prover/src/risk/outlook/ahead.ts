// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Where coverage may be within some hours, and how likely each level is lost: the analytic method in a few dozen revaluations, for
 * many accounts again and again. PRIVATE, floating point.
 *
 * Everything is looked at along one line, that on which a chosen level is nearest (`lineTowards`). Other levels lie on nearly the
 * same one (`test/prover/desk-forecast.test.ts` compares with `warn`). Between two points of the line equity and margin are taken
 * to be straight.
 */
import type { PricedInstrument } from "../board/board.ts";
import type { Book } from "./exposure.ts";
import { analyticProbability, FARTHEST, gapOf, lineTowards, looksIn, type Outlook, STUDENT_95 } from "./warning.ts";

/** Coverage (ratio) that is left behind at either end once in twenty times, so many hours on; infinite without margin. */
export interface BandPoint {
  readonly hours: number;
  readonly low: number;
  readonly high: number;
}

export interface CoverageAhead {
  /** From now to the horizon; the first point is coverage now. */
  readonly band: readonly BandPoint[];
  /** By level: the chance of being below it at any of `looksIn` looks before the horizon. 1 below it already. */
  readonly chances: readonly number[];
}

export interface AheadQuestion {
  /** Ratios of coverage. */
  readonly levels: readonly number[];
  /** Index of the level whose line is looked along. */
  readonly towards: number;
  readonly hours: number;
}

/** Deviations of the points of the line, on either side. A level beyond the last is lost less often than once in a thousand times. */
const POINTS = [0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6];
const LAST = POINTS.at(-1)!;
/** Moments of the band, as shares of the horizon. */
const MOMENTS = [0, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1];

interface State {
  readonly equity: number;
  readonly margin: number;
}

/** Throws `UNKNOWN_NAME` where the process lacks an underlying that moves the account. */
export function coverageAhead(
  book: Book,
  outlook: Outlook,
  { levels, towards, hours }: AheadQuestion,
  priced?: readonly (PricedInstrument | null)[],
): CoverageAhead {
  const line = lineTowards(book, outlook, levels[towards]!, hours, priced);
  const known = new Map<number, State>();
  const at = (deviation: number): State => {
    const state = known.get(deviation) ?? line.stateAt(deviation);
    known.set(deviation, state);
    return state;
  };
  const between = (deviation: number): State => {
    const [sign, size] = [Math.sign(deviation), Math.abs(deviation)];
    const next = POINTS.findIndex((point) => point >= size);
    if (POINTS[next] === size) return at(sign * size || 0);
    return mixed(at(sign * POINTS[next - 1]!), at(sign * POINTS[next]!), share(size, next));
  };
  const side = (level: number, sign: 1 | -1): number => {
    for (const [index, point] of POINTS.entries()) {
      const gap = gapOf(at(sign * point || 0), level);
      if (gap >= 0) continue;
      const before = gapOf(at(sign * POINTS[index - 1]! || 0), level);
      return POINTS[index - 1]! + ((point - POINTS[index - 1]!) * before) / (before - gap);
    }
    return FARTHEST;
  };
  /** To first order from the points next to now. */
  const isFar = (level: number) => {
    const now = gapOf(at(0), level);
    return [-POINTS[1]!, POINTS[1]!].every((point) => now > (2 * LAST * (now - gapOf(at(point), level))) / POINTS[1]!);
  };
  const chances = levels.map((level) => {
    if (gapOf(at(0), level) < 0) return 1;
    if (isFar(level)) return 0;
    const [down, up] = [side(level, -1), side(level, 1)];
    return analyticProbability({ linear: 0, near: Math.min(down, up), far: Math.max(down, up) }, looksIn(hours));
  });
  const band = MOMENTS.map((moment): BandPoint => {
    const reach = STUDENT_95 * Math.sqrt(moment);
    const inside = [...POINTS.filter((point) => point < reach), reach].flatMap((each) => [-each, each]);
    const coverages = inside.map((deviation) => coverageOf(between(deviation)));
    return { hours: moment * hours, low: Math.min(...coverages), high: Math.max(...coverages) };
  });
  return { band, chances };
}

const share = (size: number, next: number) => (size - POINTS[next - 1]!) / (POINTS[next]! - POINTS[next - 1]!);
const mixed = (one: State, other: State, part: number): State => ({
  equity: one.equity + part * (other.equity - one.equity),
  margin: one.margin + part * (other.margin - one.margin),
});
const coverageOf = ({ equity, margin }: State): number =>
  margin > 0 ? equity / margin : equity >= 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
