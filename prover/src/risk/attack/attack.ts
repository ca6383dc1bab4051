// SPDX-License-Identifier: GPL-3.0-or-later
/** The worst books of a netting set: by kind of move, and over many states. Public: it needs a board alone. */
import { type AttackBook, type BookTerms, worstBook } from "./book.ts";
import type { MoveKind } from "./kinds.ts";
import type { NettingSet } from "./sets.ts";
import { lossesIn, type WorldState } from "./shock.ts";
import { type Fate, fateOf, type ShortfallTerms, worstByShortfall } from "./shortfall.ts";

/** The worst that moves of one kind do. */
export interface KindResult {
  readonly kind: string;
  /** The state in which it happens. */
  readonly state: string;
  /** In margins. */
  readonly loss: number;
  readonly book: AttackBook;
}

const lossOf = (losses: Float64Array, units: readonly number[]) =>
  losses.reduce((sum, loss, index) => sum + loss * units[index]!, 0);

/** The book and the state of a kind with the largest loss for its margin; its loss is 0 where no instrument moves. */
export function worstOfKind(
  set: NettingSet,
  { kind, states }: MoveKind,
  terms: BookTerms,
  onState: () => void = () => {},
): KindResult {
  let worst: KindResult | undefined;
  for (const state of states) {
    onState();
    const losses = lossesIn(set.priced, state);
    const book = worstBook(set, losses, terms);
    const loss = lossOf(losses, book.units);
    if (worst === undefined || loss > worst.loss) worst = { kind, state: state.label, loss, book };
  }
  return worst!;
}

/** A book that was chosen in half of the states and is judged in the other half. */
export interface HalvesResult {
  readonly chosen: Fate;
  readonly judged: Fate;
  readonly book: AttackBook;
}

/** Chooses the book with the largest expected shortfall in the even states, and judges it in the odd ones. */
export function worstOfHalves(
  set: NettingSet,
  states: readonly WorldState[],
  terms: ShortfallTerms,
  onBook: () => void = () => {},
): HalvesResult {
  const losses = states.map((state) => lossesIn(set.priced, state));
  const half = (odd: number) => losses.filter((_, index) => index % 2 === odd);
  const book = worstByShortfall(set, half(0), terms, onBook);
  const fate = (odd: number) => fateOf(book.units, half(odd), terms.confidence);
  return { chosen: fate(0), judged: fate(1), book };
}
