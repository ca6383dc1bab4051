// SPDX-License-Identifier: GPL-3.0-or-later
/** How much a book can lose that was chosen against a board's margin: what a venue asks before it opens the board. Public. */
import { PlimsollError } from "../errors.ts";
import { formatLots, parseDecimal } from "../formats/decimal.ts";
import { type HalvesResult, worstOfHalves, worstOfKind } from "../risk/attack/attack.ts";
import { type AttackBook, heldRows } from "../risk/attack/book.ts";
import { ADDED, drawnDays, pastDays } from "../risk/attack/days.ts";
import { moveKinds, rangesOf } from "../risk/attack/kinds.ts";
import { type NettingSet, nettingSets } from "../risk/attack/sets.ts";
import type { WorldState } from "../risk/attack/shock.ts";
import type { Fate } from "../risk/attack/shortfall.ts";
import { DEFAULT_CALIBRATION, prepare } from "../risk/calibration/ranges.ts";
import { checkHistories, type HistorySummary, type HistoryTerms } from "../risk/history-rules.ts";
import type { MarketInput } from "../risk/input.ts";
import { alignHistories, type PriceHistory } from "../risk/prices.ts";

/** What a book holds for a margin of one million. */
export interface BookShown {
  readonly positions: readonly { readonly instrument: string; readonly quantity: string }[];
  /** All positions at spot, in margins. */
  readonly gross: number;
}

/** The worst book of a netting set for one kind of move. */
interface WorstBook {
  readonly moves: string;
  /** The state of the world in which it loses this. */
  readonly state: string;
  /** In margins. */
  readonly loss: number;
  readonly book: BookShown;
}

/** A book chosen in half of the days and judged in the others. */
interface WorstOnDays {
  readonly moves: string;
  readonly chosen: Fate;
  readonly judged: Fate;
  readonly book: BookShown;
}

export interface SetAttack {
  readonly blocks: string;
  readonly instruments: number;
  readonly scenarios: number;
  /** Those that move any of its instruments. */
  readonly kinds: readonly WorstBook[];
  readonly days: readonly WorstOnDays[];
}

/**
 * The worst books against a board's margin.
 * @see docs/library.md#risk
 */
export interface MarketAttack {
  readonly board: string;
  readonly time: string;
  /** Whether charges counted towards the margin. */
  readonly charges: boolean;
  /** Margin of the account that attacks, where thresholds counted. */
  readonly account: number | null;
  /** Where days come from: histories, or the ranges of the scan. */
  readonly days: "past" | "drawn";
  readonly histories: readonly HistorySummary[];
  readonly sets: readonly SetAttack[];
  /** The largest loss of all, in margins: of a move alone, and of the mean of the worst 2.5% of days that judged. */
  readonly worst: number;
}

/**
 * What an attack on a board takes into account.
 * @see docs/library.md#risk
 */
export interface AttackOptions extends Pick<HistoryTerms, "confirmed"> {
  readonly charges: boolean;
  /** Margin of the account that attacks, in quote currency; without it, thresholds are out of reach. */
  readonly account?: number;
  readonly seed: number;
  /** Of every underlying of the board; without any, days are drawn from the ranges of the scan. */
  readonly histories?: readonly PriceHistory[];
}

/** The mean of the worst 2.5% of the days is what a book is chosen and judged by. */
const CONFIDENCE = 0.975;
const STARTS = 8;
const DRAWN_DAYS = 1000;
const SHOWN_MARGIN = 1_000_000;

/**
 * Attacks every netting set of a board. For each kind of move it finds the book with the largest loss for its margin, and
 * over days on which everything moves the book with the largest expected shortfall, judged on other days than it was chosen
 * on. Charges above a threshold count where an account's margin is given: accounts that are split do not pay them.
 * Deterministic for a seed.
 *
 * Throws like `buildMarket`; `HISTORY_REFUSED` like `checkHistories`; `UNKNOWN_NAME` for an underlying without a history
 * where histories are given. `onStep` hears how far it is, 0 to 1.
 *
 *   const { worst, sets } = attackMarket(readMarketInput(text, "market-input.json"), { charges: true, seed: 1 });
 */
export function attackMarket(
  input: MarketInput,
  { charges, account, seed, histories = [], confirmed = [] }: AttackOptions,
  onStep: (done: number, what: string) => void = () => {},
): MarketAttack {
  const checked = checkHistories(histories, { confirmed, past: true });
  const sets = nettingSets(input);
  const terms = { charges, ...(account !== undefined && { account }), confidence: CONFIDENCE, seed, starts: STARTS };
  const attacked = sets.map((set, index): SetAttack => {
    const kinds = moveKinds(set.priced);
    const steps = kinds.length + ADDED.length;
    const step = (done: number, what: string) => onStep((index + done / steps) / sets.length, `${set.name}: ${what}`);
    const shown = (book: AttackBook) => bookShown(set, book);
    return {
      blocks: set.name,
      instruments: set.rows.length,
      scenarios: set.rows[0]!.profits.length,
      kinds: kinds.flatMap((each, done) => {
        const { kind, state, loss, book } = worstOfKind(set, each, terms, () => step(done, each.kind));
        return loss > 0 ? [{ moves: kind, state, loss, book: shown(book) }] : [];
      }),
      days: daysOf(set, checked.histories, seed).map(([moves, states], done) => {
        const onBook = () => step(kinds.length + done, moves);
        const { chosen, judged, book }: HalvesResult = worstOfHalves(set, states(), terms, onBook);
        return { moves, chosen, judged, book: shown(book) };
      }),
    };
  });
  const losses = attacked.flatMap(({ kinds, days }) => [
    ...kinds.map(({ loss }) => loss),
    ...days.map(({ judged }) => judged.shortfall),
  ]);
  return {
    board: input.policy.board,
    time: input.observation.time,
    charges,
    account: account ?? null,
    days: histories.length > 0 ? "past" : "drawn",
    histories: checked.summaries,
    sets: attacked,
    worst: Math.max(0, ...losses),
  };
}

/** Days for a netting set, by what moves on them. */
function daysOf(
  { priced }: NettingSet,
  histories: readonly PriceHistory[],
  seed: number,
): (readonly [moves: string, states: () => WorldState[]])[] {
  const ranges = rangesOf(priced);
  if (histories.length === 0) {
    return ADDED.map(([words, added]) => [words, () => drawnDays(ranges, DRAWN_DAYS, added, { seed })]);
  }
  const own = [...ranges.keys()].map((name) => {
    const found = histories.find(({ symbol }) => symbol === name);
    if (found === undefined) {
      throw new PlimsollError("UNKNOWN_NAME", `no price history of ${name}: add a file such as ${name}-USD.csv`, {
        field: "prices",
      });
    }
    return found;
  });
  const { periodDays, lookback } = DEFAULT_CALIBRATION;
  const prepared = alignHistories(own).map((history) => prepare(history));
  const last = prepared[0]!.history.returns.length - 1;
  return ADDED.map(([words, added]) => [words, () => pastDays(prepared, last, added, { periodDays, lookback, seed })]);
}

/** Quantities to the nearest lot, the largest at spot first. */
function bookShown({ priced, rows }: NettingSet, book: AttackBook): BookShown {
  const positions = heldRows(rows, book).map((index) => {
    const { instrument } = priced[index]!;
    const lots = BigInt(Math.round((book.units[index]! * SHOWN_MARGIN) / Number(instrument.lot)));
    return { instrument: instrument.symbol, quantity: formatLots(lots, parseDecimal(instrument.lot)) };
  });
  return { positions: positions.filter(({ quantity }) => quantity !== "0"), gross: book.gross };
}
