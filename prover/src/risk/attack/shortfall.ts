// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The book with the largest expected shortfall for its margin, over many states of the world.
 *
 * Expected shortfall is convex in the positions, so its maximum is no linear programme. It is a linear one once the states
 * of the tail are chosen: the book that loses most in them on average. Its own worst states become the next tail, and so on
 * while the shortfall grows (R. Rockafellar and S. Uryasev, 2000, for the shortfall as a maximum over tails). It ends at a
 * local maximum, so it begins at several places.
 */
import { Random } from "../outlook/processes.ts";
import { type AttackBook, type AttackRow, type BookTerms, type MarginAsked, worstBook } from "./book.ts";

/** Losses of one long unit of every row, state by state. */
export type Losses = readonly Float64Array[];

export interface ShortfallTerms extends BookTerms {
  /** 0.975: the mean of the worst 2.5% of the states. */
  readonly confidence: number;
  readonly seed: number;
  /** Places to begin at, beside both directions of every underlying. */
  readonly starts: number;
}

/** How a book fares over states, in margins. */
export interface Fate {
  readonly states: number;
  /** Mean loss in the worst states, at the confidence asked for. */
  readonly shortfall: number;
  /** Quantile at 99%. */
  readonly quantile: number;
  readonly worst: number;
  /** Index of the worst state. */
  readonly worstState: number;
  /** Share of the states in which it loses more than its margin. */
  readonly breaches: number;
}

const MOST_STEPS = 20;

const dot = (losses: Float64Array, units: readonly number[]) => {
  let sum = 0;
  for (let i = 0; i < units.length; i++) sum += losses[i]! * units[i]!;
  return sum;
};

export function fateOf(units: readonly number[], losses: Losses, confidence: number): Fate {
  const order = losses.map((each, state) => ({ loss: dot(each, units), state })).sort((a, b) => b.loss - a.loss);
  const tail = Math.max(1, Math.round((1 - confidence) * order.length));
  return {
    states: order.length,
    shortfall: order.slice(0, tail).reduce((sum, { loss }) => sum + loss, 0) / tail,
    quantile: order[Math.floor(0.01 * order.length)]!.loss,
    worst: order[0]!.loss,
    worstState: order[0]!.state,
    breaches: order.filter(({ loss }) => loss > 1).length / order.length,
  };
}

/** The states in which a book loses most. */
function tailOf(units: readonly number[], losses: Losses, confidence: number): number[] {
  const tail = Math.max(1, Math.round((1 - confidence) * losses.length));
  return losses
    .map((each, state) => ({ loss: dot(each, units), state }))
    .sort((a, b) => b.loss - a.loss)
    .slice(0, tail)
    .map(({ state }) => state);
}

function meanOf(states: readonly number[], losses: Losses): Float64Array {
  const mean = new Float64Array(losses[0]!.length);
  for (const state of states) for (let i = 0; i < mean.length; i++) mean[i]! += losses[state]![i]! / states.length;
  return mean;
}

/** Finds the book; `losses` holds at least one state. Deterministic for a seed. `onBook` is called for every book tried. */
export function worstByShortfall(
  asked: MarginAsked,
  losses: Losses,
  terms: ShortfallTerms,
  onBook: () => void = () => {},
): AttackBook & { readonly shortfall: number } {
  const { rows } = asked;
  let best: AttackBook & { readonly shortfall: number } = { units: rows.map(() => 0), gross: 0, shortfall: 0 };
  for (const start of startsOf(rows, losses, terms)) {
    let states = start;
    let reached = 0;
    for (let step = 0; step < MOST_STEPS; step++) {
      onBook();
      const book = worstBook(asked, meanOf(states, losses), terms);
      states = tailOf(book.units, losses, terms.confidence);
      const shortfall = dot(meanOf(states, losses), book.units);
      if (shortfall > best.shortfall) best = { ...book, shortfall };
      if (shortfall <= reached * (1 + 1e-9)) break;
      reached = shortfall;
    }
  }
  return best;
}

/** Tails to begin with: those of each underlying both ways, and those of random directions. */
function startsOf(
  rows: readonly AttackRow[],
  losses: Losses,
  { confidence, seed, starts }: ShortfallTerms,
): number[][] {
  const random = new Random(seed);
  const underlyings = [...new Set(rows.map(({ underlying }) => underlying))];
  const alone = underlyings.flatMap((name) =>
    [1, -1].map((side) => rows.map(({ underlying, spot }) => (underlying === name ? side / spot : 0))),
  );
  const mixed = Array.from({ length: starts }, () => rows.map(({ spot }) => random.normal() / spot));
  return [...alone, ...mixed].map((units) => tailOf(units, losses, confidence));
}
