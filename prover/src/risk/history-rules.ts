// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What must hold of price histories before numbers are taken from them: long enough, recent enough, nothing from the future,
 * prices that move, and no move that looks like a split or a wrong price. What does not hold is named with asset, date and
 * line. Somebody who has looked at it, and found it right, confirms it by its date.
 *
 * Not checked: that prices are right. A wrong price within 8 deviations of its day passes.
 */
import { quantile } from "simple-statistics";
import { PlimsollError } from "../errors.ts";
import { WARM_UP } from "./calibration/volatility.ts";
import type { PriceHistory } from "./prices.ts";

/** Prices: about a year of an exchange. The back-test sets its first margin after as many, so shorter ones were never tested. */
export const SHORTEST_HISTORY = 250;
/** Days from the last price to the time asked about. With a decay of 0.97 a fifth of the forecast is older then. */
export const OLDEST_HISTORY = 7;
/** Forecast deviations. A halving is 17 of them where a day's deviation is 4%. */
export const LARGEST_MOVE = 8;
/** Equal closes in a row, from which a feed is taken to be stuck. */
export const STUCK_CLOSES = 5;
/** Forecast deviations from which a move may be a split, and how far from its ratio the market may have moved that day. */
const SPLIT_MOVE = 4;
const SPLIT_SLACK = 2;
const SPLIT_RATIOS = [2, 3, 4, 5, 10, 20];
/** Real moves of wild assets come near these, so they count where volumes change with them. */
const SPLIT_RATIOS_BY_VOLUME = [1.25, 1.5, ...SPLIT_RATIOS];
/** Days before and after a split whose median volumes are compared. */
const VOLUME_DAYS = 20;
const DECAY = 0.97;
const DAY_MS = 86_400_000;

/**
 * What price histories are held to.
 * @see docs/library.md#risk
 */
export interface HistoryTerms {
  /** UTC time that the numbers are for; without it no age is asked for, and no day is in the future. */
  readonly time?: string;
  /** Days (`YYYY-MM-DD`) of which somebody has looked at what was found, and found it right; of all histories. */
  readonly confirmed?: readonly string[];
  /** The past itself is asked about, as in a back-test: histories may be short and old. */
  readonly past?: boolean;
}

/** What a finding is about. */
export type HistoryRule = "length" | "age" | "future" | "stuck" | "split" | "move";

/**
 * Something in a history that is not taken without somebody's word.
 * @see docs/library.md#risk
 */
export interface HistoryFinding {
  readonly rule: HistoryRule;
  /** The day that confirms it. */
  readonly date: string;
  /** Line in the history's file, where it was read from one. */
  readonly line?: number;
  readonly words: string;
}

/**
 * What was checked about a price history.
 * @see docs/library.md#risk
 */
export interface HistorySummary {
  readonly symbol: string;
  readonly from: string;
  readonly to: string;
  /** Prices in it, and how many a year has. */
  readonly days: number;
  readonly daysAYear: number;
  /** Whole days from the last price to the time asked about, where one was. */
  readonly age?: number;
  /** What was found and confirmed. */
  readonly confirmed: readonly HistoryFinding[];
}

export interface CheckedHistories {
  /** The same, with what was confirmed among the repairs. */
  readonly histories: readonly PriceHistory[];
  readonly summaries: readonly HistorySummary[];
}

/**
 * Moves beyond `LARGEST_MOVE` forecast deviations, and smaller ones beyond `SPLIT_MOVE` that end near a split's ratio. The
 * forecast is EWMA of the returns before, in which a large move counts as one of `LARGEST_MOVE`: so a wrong price does not
 * hide the way back. The first `WARM_UP` returns are compared with the others among them.
 */
export function suspectMoves(history: PriceHistory): HistoryFinding[] {
  const { returns } = history;
  const early = returns.slice(1, WARM_UP + 1);
  const squares = early.reduce((sum, change) => sum + change * change, 0);
  const others = (change: number) => (squares - change * change) / Math.max(1, early.length - 1);
  let variance = early.reduce((sum, change) => sum + Math.min(change ** 2, LARGEST_MOVE ** 2 * others(change)), 0);
  variance /= Math.max(1, early.length);
  const moves: HistoryFinding[] = [];
  for (let t = 1; t < returns.length; t++) {
    const change = returns[t]!;
    const forecast = t <= WARM_UP ? others(change) : variance;
    const deviations = change / Math.sqrt(forecast);
    const split = splitOf(history, t, Math.sqrt(forecast));
    if (split !== undefined) {
      moves.push(finding(history, "split", t, `a move of ${inWords(deviations)}, like an unadjusted split ${split}`));
    } else if (Math.abs(deviations) > LARGEST_MOVE) {
      moves.push(finding(history, "move", t, `a move of ${inWords(deviations)}`));
    }
    // Prices that stood still forecast nothing: the first move is large, and a forecast from then on.
    const counted = forecast > 0 ? Math.min(change ** 2, LARGEST_MOVE ** 2 * forecast) : change ** 2;
    if (t > WARM_UP) variance = DECAY * variance + (1 - DECAY) * counted;
  }
  return moves;
}

/** The split that the move of a day looks like ("2:1"), or undefined. Volumes, where there are any, must change with it. */
function splitOf({ returns, volumes }: PriceHistory, day: number, deviation: number): string | undefined {
  const move = returns[day]!;
  if (!(Math.abs(move) > SPLIT_MOVE * deviation && deviation > 0)) return undefined;
  const volume = volumes && volumeChange(volumes, day);
  const ratio = (volume === undefined ? SPLIT_RATIOS : SPLIT_RATIOS_BY_VOLUME).find((each) => {
    const near = Math.abs(Math.abs(move) - Math.log(each)) < SPLIT_SLACK * deviation;
    // Units traded grow as the price falls: nearer to the ratio than to no change at all.
    return near && (volume === undefined || -Math.sign(move) * volume > Math.log(each) / 2);
  });
  if (ratio === undefined) return undefined;
  const [a, b] = [1, 2, 3, 4].map((count) => [ratio * count, count] as const).find(([many]) => Number.isInteger(many))!;
  return move < 0 ? `${a}:${b}` : `${b}:${a}`;
}

/** Log of the median volume from a day on over that of the days before; undefined where either is 0 or not there. */
function volumeChange(volumes: readonly number[], day: number): number | undefined {
  const [before, after] = [volumes.slice(Math.max(0, day - VOLUME_DAYS), day), volumes.slice(day, day + VOLUME_DAYS)];
  if (before.length === 0) return undefined;
  const change = Math.log(quantile(after, 0.5) / quantile(before, 0.5));
  return Number.isFinite(change) ? change : undefined;
}

/** Runs of at least `STUCK_CLOSES` equal closes, each at its first day. */
function stuckRuns(history: PriceHistory): HistoryFinding[] {
  const { closes, dates } = history;
  const runs: HistoryFinding[] = [];
  for (let first = 0, next = 1; first < closes.length; first = next, next = first + 1) {
    while (closes[next] === closes[first]) next++;
    if (next - first < STUCK_CLOSES) continue;
    runs.push(finding(history, "stuck", first, `the same close for ${next - first} days, to ${dates[next - 1]!}`));
  }
  return runs;
}

/** All that is not taken without a word, in the order of the rules. */
function findingsOf(history: PriceHistory, { time, past = false }: HistoryTerms): HistoryFinding[] {
  const { dates } = history;
  const count = dates.length;
  const findings: HistoryFinding[] = [];
  if (count === 0 || (count < SHORTEST_HISTORY && !past)) {
    findings.push(finding(history, "length", 0, `${count} prices, expected at least ${SHORTEST_HISTORY}`));
  }
  const age = ageOf(history, time);
  if (age !== undefined && age > OLDEST_HISTORY && !past) {
    const words = `the last price, ${age} days before ${time}, expected at most ${OLDEST_HISTORY}`;
    findings.push(finding(history, "age", count - 1, words));
  }
  const today = time?.slice(0, 10);
  const future = today === undefined ? -1 : dates.findIndex((date) => date > today);
  if (future !== -1) {
    const words = `${count - future === 1 ? "a price" : `the first of ${count - future} prices`} after ${time}`;
    findings.push(finding(history, "future", future, words));
  }
  return [...findings, ...stuckRuns(history), ...suspectMoves(history)];
}

function finding({ dates, lines }: PriceHistory, rule: HistoryRule, day: number, words: string): HistoryFinding {
  const line = lines?.[day];
  return { rule, date: dates[day] ?? "", words, ...(line !== undefined && { line }) };
}

const ageOf = ({ dates }: PriceHistory, time: string | undefined): number | undefined =>
  time === undefined ? undefined : Math.floor((Date.parse(time) - Date.parse(dates.at(-1) ?? "")) / DAY_MS);

/** One finding in words: date, line and what it is. */
export const findingWords = ({ date, line, words }: HistoryFinding): string =>
  `${date}${line === undefined ? "" : ` (line ${line})`}: ${words}`;

/**
 * Checks histories. Throws `HISTORY_REFUSED` with everything that is found and not confirmed, each with asset, date and line:
 * fewer than `SHORTEST_HISTORY` prices, an end more than `OLDEST_HISTORY` days before the time, prices of days after it,
 * `STUCK_CLOSES` equal closes in a row, moves beyond `LARGEST_MOVE` deviations, moves like a split.
 *
 *   const { summaries } = checkHistories([btc], { time: market.time, confirmed: ["2020-03-12"] });
 */
export function checkHistories(histories: readonly PriceHistory[], terms: HistoryTerms = {}): CheckedHistories {
  const { time, confirmed = [] } = terms;
  const found = histories.map((history) => findingsOf(history, terms));
  const open = histories.flatMap(({ symbol }, index) =>
    found[index]!.filter(({ date }) => !confirmed.includes(date)).map((each) => ({ symbol, each })),
  );
  if (open.length > 0) {
    const named = open.slice(0, 10).map(({ symbol, each }) => `${symbol} ${findingWords(each)}`);
    const more = open.length > 10 ? `; and ${open.length - 10} more` : "";
    const dates = [...new Set(open.slice(0, 10).map(({ each }) => each.date))].filter((date) => date !== "");
    const confirm = dates.map((date) => `--confirm ${date}`).join(" ");
    throw new PlimsollError(
      "HISTORY_REFUSED",
      `${named.join("; ")}${more}. Mend the file, or confirm what is right${confirm && ` with ${confirm}`}`,
      { field: "prices" },
    );
  }
  return {
    histories: histories.map((history, index) => {
      const words = found[index]!.map((each) => `${findingWords(each)}, confirmed`);
      return { ...history, repairs: [...history.repairs, ...words] };
    }),
    summaries: histories.map((history, index) => {
      const { symbol, dates, daysAYear } = history;
      const [from, to, age] = [dates[0] ?? "", dates.at(-1) ?? "", ageOf(history, time)];
      const summary = { symbol, from, to, days: dates.length, daysAYear, confirmed: found[index]! };
      return { ...summary, ...(age !== undefined && { age }) };
    }),
  };
}

const inWords = (deviations: number) => {
  const size = Number.isFinite(deviations) ? Math.abs(deviations).toFixed(1) : "infinitely many";
  return `${deviations < 0 ? "−" : "+"}${size} deviations`;
};
