// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What must hold of price histories before numbers are taken from them: long enough, recent enough, and no move so large
 * that a split or a wrong price is likelier than a market, unless somebody has looked at it.
 *
 * Not checked: that prices are right. A wrong price within 8 deviations of its day passes.
 */
import { PlimsollError } from "../errors.ts";
import { WARM_UP } from "./calibration/volatility.ts";
import type { PriceHistory } from "./prices.ts";

/** Days of prices: the back-test starts its first margin after as many, so shorter histories were never tested. */
export const SHORTEST_HISTORY = 365;
/** Days from the last price to the time asked about. With a decay of 0.97 a fifth of the forecast is older then. */
export const OLDEST_HISTORY = 7;
/** Forecast deviations. A halving is 17 of them where a day's deviation is 4%. */
export const LARGEST_MOVE = 8;
const DECAY = 0.97;
const DAY_MS = 86_400_000;

/**
 * What price histories are held to.
 * @see docs/library.md#risk
 */
export interface HistoryTerms {
  /** UTC time that the numbers are for; no age is asked for without it. */
  readonly time?: string;
  /** Days (`YYYY-MM-DD`) whose large moves somebody has looked at and found right; of all histories. */
  readonly confirmedMoves?: readonly string[];
  /** Takes histories of any length. */
  readonly acceptShort?: boolean;
  /** Takes histories that end any time before `time`. */
  readonly acceptOld?: boolean;
}

export interface LargeMove {
  readonly date: string;
  /** Log return over the forecast deviation of its day. */
  readonly deviations: number;
}

/**
 * What was checked about a price history.
 * @see docs/library.md#risk
 */
export interface HistorySummary {
  readonly symbol: string;
  readonly from: string;
  readonly to: string;
  /** Prices in it. */
  readonly days: number;
  /** Whole days from the last price to the time asked about, where one was. */
  readonly age?: number;
  readonly confirmedMoves: readonly LargeMove[];
}

export interface CheckedHistories {
  /** The same, with what was confirmed among the repairs. */
  readonly histories: readonly PriceHistory[];
  readonly summaries: readonly HistorySummary[];
}

/**
 * Moves beyond `LARGEST_MOVE` forecast deviations. The forecast is EWMA of the returns before, in which a large move counts
 * as one of `LARGEST_MOVE`: so a wrong price does not hide the way back. The first `WARM_UP` returns are compared with the
 * others among them.
 */
export function largeMoves({ dates, returns }: PriceHistory): LargeMove[] {
  const early = returns.slice(1, WARM_UP + 1);
  const squares = early.reduce((sum, change) => sum + change * change, 0);
  const others = (change: number) => (squares - change * change) / Math.max(1, early.length - 1);
  let variance = early.reduce((sum, change) => sum + Math.min(change ** 2, LARGEST_MOVE ** 2 * others(change)), 0);
  variance /= Math.max(1, early.length);
  const moves: LargeMove[] = [];
  for (let t = 1; t < returns.length; t++) {
    const change = returns[t]!;
    const forecast = t <= WARM_UP ? others(change) : variance;
    const deviations = change / Math.sqrt(forecast);
    if (Math.abs(deviations) > LARGEST_MOVE) moves.push({ date: dates[t]!, deviations });
    // Prices that stood still forecast nothing: the first move is large, and a forecast from then on.
    const counted = forecast > 0 ? Math.min(change ** 2, LARGEST_MOVE ** 2 * forecast) : change ** 2;
    if (t > WARM_UP) variance = DECAY * variance + (1 - DECAY) * counted;
  }
  return moves;
}

/**
 * Checks histories. Throws `HISTORY_REFUSED`, naming the asset and the bound: fewer days than `SHORTEST_HISTORY`, an end more
 * than `OLDEST_HISTORY` days before the time, or moves that are not confirmed, each with its date.
 *
 *   const { summaries } = checkHistories([btc], { time: market.time, confirmedMoves: ["2020-03-12"] });
 */
export function checkHistories(histories: readonly PriceHistory[], terms: HistoryTerms = {}): CheckedHistories {
  const { time, confirmedMoves = [], acceptShort = false, acceptOld = false } = terms;
  const refuse = (symbol: string, rule: string) =>
    new PlimsollError("HISTORY_REFUSED", rule, { field: `history of ${symbol}` });
  const checked = histories.map((history) => {
    const { symbol, dates } = history;
    const [from, to, days] = [dates[0] ?? "", dates.at(-1) ?? "", dates.length];
    if (days < SHORTEST_HISTORY && !acceptShort) {
      throw refuse(
        symbol,
        `${days} days of prices, expected at least ${SHORTEST_HISTORY}; --accept-short-history takes fewer`,
      );
    }
    const age = time === undefined ? undefined : Math.floor((Date.parse(time) - Date.parse(to)) / DAY_MS);
    if (age !== undefined && age > OLDEST_HISTORY && !acceptOld) {
      const rule = `ends on ${to}, ${age} days before ${time}, expected at most ${OLDEST_HISTORY}`;
      throw refuse(symbol, `${rule}; --accept-old-history takes it`);
    }
    const moves = largeMoves(history);
    const summary = { symbol, from, to, days, ...(age !== undefined && { age }), confirmedMoves: moves };
    const repairs = moves.map((move) => `${move.date}: a move of ${inWords(move)}, confirmed`);
    return { history: { ...history, repairs: [...history.repairs, ...repairs] }, summary };
  });
  const unconfirmed = checked.flatMap(({ summary: { symbol, confirmedMoves: moves } }) =>
    moves.filter(({ date }) => !confirmedMoves.includes(date)).map((move) => ({ symbol, move })),
  );
  if (unconfirmed.length > 0) {
    const named = unconfirmed.slice(0, 10).map(({ symbol, move }) => `${symbol} ${move.date} (${inWords(move)})`);
    const more = unconfirmed.length > 10 ? ` and ${unconfirmed.length - 10} more` : "";
    const dates = [...new Set(unconfirmed.slice(0, 10).map(({ move }) => `--confirm-move ${move.date}`))].join(" ");
    throw new PlimsollError(
      "HISTORY_REFUSED",
      `moves beyond ${LARGEST_MOVE} forecast deviations: ${named.join(", ")}${more}; mend a split or a wrong price in the file, or confirm what the market did with ${dates}`,
      { field: "prices" },
    );
  }
  return { histories: checked.map(({ history }) => history), summaries: checked.map(({ summary }) => summary) };
}

const inWords = ({ deviations }: LargeMove) => {
  const size = Number.isFinite(deviations) ? Math.abs(deviations).toFixed(1) : "infinitely many";
  return `${deviations < 0 ? "−" : "+"}${size} deviations`;
};
