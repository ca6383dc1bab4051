// SPDX-License-Identifier: GPL-3.0-or-later
/** What a scan lets through, measured on price histories: the measures of `adversary.ts`. */
import { quantile } from "simple-statistics";
import { worstOfHalves, worstOfKind } from "../../prover/src/risk/attack/attack.ts";
import { heldRows, marginOf, worstBook } from "../../prover/src/risk/attack/book.ts";
import { ADDED, pastDays } from "../../prover/src/risk/attack/days.ts";
import { moveKinds } from "../../prover/src/risk/attack/kinds.ts";
import { type NettingSet, nettingSets } from "../../prover/src/risk/attack/sets.ts";
import { lossesIn, STILL_SHOCK } from "../../prover/src/risk/attack/shock.ts";
import { worstByShortfall } from "../../prover/src/risk/attack/shortfall.ts";
import {
  calibratedScan,
  calibrateUnderlying,
  lowestCorrelations,
} from "../../prover/src/risk/calibration/calibrate.ts";
import { historicalScenarios } from "../../prover/src/risk/calibration/filtered.ts";
import {
  DEFAULT_CALIBRATION,
  impliedProxy,
  type PreparedHistory,
  prepare,
  type RangeSeries,
  rangesByDay,
} from "../../prover/src/risk/calibration/ranges.ts";
import type { ModelChoice } from "../../prover/src/risk/input.ts";
import { alignHistories, type PriceHistory } from "../../prover/src/risk/prices.ts";
import { attackBoard, type BoardTerms, EXPIRY_DAYS, SPOT, STRIKES } from "../../test/support/attack-boards.ts";
import { sixteenMoves } from "../../test/support/sixteen-moves.ts";

const CALIBRATION = DEFAULT_CALIBRATION;
/** Days that are known before the first board. */
export const WARM_UP_DAYS = 365;
const TERMS = { charges: true, confidence: 0.975, seed: 1, starts: 8 };

interface Known {
  /** Aligned. */
  readonly prepared: readonly PreparedHistory[];
  readonly ranges: readonly RangeSeries[];
}

interface Made extends Pick<BoardTerms, "scenarios" | "optionTick"> {
  /** Whether the minimum of a short option counts only as far as its own scan is less, not beside it. */
  readonly minimumWhereItBinds?: true;
}

type Maker = (known: Known, day: number) => Made;

/** What a board has of each model, from what is known after return `day`. One more model is one more entry. */
export const MAKERS: Readonly<Record<string, Maker>> = {
  /** The sixteen joint moves of the first edition, which charged nothing for options that are worth nothing. */
  sixteen: ({ prepared, ranges }, day) => {
    const each = prepared.map((history, i) => calibrateUnderlying(history, CALIBRATION, day, ranges[i]));
    const correlations = Object.values(lowestCorrelations(prepared, CALIBRATION, day));
    const scenarios = sixteenMoves({
      ranges: Object.fromEntries(each.map(({ symbol, fullUp, fullDown }) => [symbol, { up: fullUp, down: fullDown }])),
      volatilityUp: Math.max(0.3, ...each.map(({ volatilityUp }) => volatilityUp)),
      volatilityDown: Math.min(-0.15, ...each.map(({ volatilityDown }) => volatilityDown)),
      apart: Math.sqrt((1 - Math.min(...correlations)) / 2),
    });
    return { scenarios, optionTick: "0" };
  },
  scan: ({ prepared, ranges }, day) => ({ scenarios: calibratedScan(prepared, CALIBRATION, day, ranges) }),
  binding: ({ prepared, ranges }, day) => ({
    scenarios: calibratedScan(prepared, CALIBRATION, day, ranges),
    minimumWhereItBinds: true,
  }),
  historical: ({ prepared }, day) => ({ scenarios: historicalOf(prepared, day) }),
};

/** Days that happened, of those known on a day. */
function historicalOf(prepared: readonly PreparedHistory[], day: number): ModelChoice {
  const known = prepared.map(({ history, sigma, repairs }): PreparedHistory => {
    const cut = <T>(values: readonly T[]) => values.slice(0, day + 1);
    const { dates, closes, returns } = history;
    const until = { ...history, dates: cut(dates), closes: cut(closes), returns: cut(returns) };
    return { history: until, sigma: sigma.subarray(0, day + 2), repairs };
  });
  return historicalScenarios(known, CALIBRATION);
}

function knownOf(aligned: readonly PriceHistory[]): Known {
  const prepared = aligned.map((history) => prepare(history, CALIBRATION));
  return { prepared, ranges: prepared.map((each) => rangesByDay(each, CALIBRATION)) };
}

const SHORT_OPTION_MINIMUM = 0.005;

function boardOf({ minimumWhereItBinds, ...terms }: BoardTerms & Made): NettingSet {
  const set = nettingSets(attackBoard(terms))[0]!;
  if (minimumWhereItBinds === undefined) return set;
  const rows = set.rows.map((row, index) => {
    if (set.priced[index]!.model.closing !== "option") return row;
    // A short loses what a long gains.
    const scanned = Math.max(0, ...row.profits);
    return { ...row, shortCharge: row.shortCharge - Math.min(SHORT_OPTION_MINIMUM * row.spot, scanned) };
  });
  return { ...set, rows };
}

/** The six largest positions of a book, in dollars at spot for a dollar of margin. */
function bookText({ rows }: NettingSet, units: readonly number[]): string {
  const held = heldRows(rows, { units, gross: 0 }).map(
    (row) => `${(units[row]! * SPOT).toFixed(1)} ${rows[row]!.symbol}`,
  );
  return held.slice(0, 6).join(", ") + (held.length > 6 ? `, and ${held.length - 6} more` : "");
}

export type Progress = (text: string) => void;

/** Plain books of so many perpetuals, as shares of a dollar. */
function plainBooks(count: number): readonly { readonly kind: string; readonly weights: readonly number[] }[] {
  const places = Array.from({ length: count }, (_, place) => place);
  const book = (kind: string, weight: (place: number) => number) => ({ kind, weights: places.map(weight) });
  const pairs = places.flatMap((a) => places.filter((b) => b !== a).map((b) => [a, b] as const));
  return [
    ...places.map((a) => book("one long", (place) => (place === a ? 1 : 0))),
    book("all long", () => 1 / count),
    ...(count === 1
      ? []
      : [
          ...pairs.map(([a, b]) => book("half hedged", (place) => (place === a ? 1 : place === b ? -0.5 : 0))),
          ...pairs.map(([a, b]) => book("pair", (place) => (place === a ? 1 : place === b ? -1 : 0))),
          ...places.map((a) => book("one against the others", (place) => (place === a ? 1 : -1 / (count - 1)))),
        ]),
  ];
}

/** Of a kind of plain books: average margin of a dollar, and over the 99% quantile of loss (geometric mean). */
export interface PlainMargin {
  readonly kind: string;
  readonly margin: number;
  readonly overNeeded: number;
}

const NEEDED = 0.99;

function plainMargins(books: ReturnType<typeof plainBooks>, days: readonly (readonly [number, number][])[]) {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [...new Set(books.map(({ kind }) => kind))].map((kind): PlainMargin => {
    const of = books.flatMap((book, index) => (book.kind === kind ? [days.map((day) => day[index]!)] : []));
    const needed = of.map((each) =>
      quantile(
        each.map(([margin, loss]) => loss / margin),
        NEEDED,
      ),
    );
    return {
      kind,
      margin: mean(of.flatMap((each) => each.map(([margin]) => margin))),
      overNeeded: Math.exp(mean(needed.map((share) => -Math.log(share)))),
    };
  });
}

/** Perpetuals of aligned histories: each evening's worst book, judged by the next day; and what plain books are asked for. */
export function walkPerpetuals(model: string, aligned: readonly PriceHistory[], every: number, progress: Progress) {
  const underlyings = aligned.map(({ symbol }) => symbol);
  const known = knownOf(aligned);
  const { dates } = aligned[0]!;
  const judged: number[] = [];
  let [breaches, worst, date, book] = [0, 0, "", ""];
  const books = plainBooks(underlyings.length);
  const plain: [number, number][][] = [];
  for (let day = WARM_UP_DAYS; day + 1 < dates.length; day += every) {
    progress(`${model}, ${underlyings.join(" ")}: ${dates[day]!}`);
    const set = boardOf({ ...MAKERS[model]!(known, day), underlyings, date: dates[day]! });
    const states = pastDays(known.prepared, day, { shape: false, relative: false }, { ...CALIBRATION, seed: 1 });
    const losses = states.map(({ shocks }) => Float64Array.from(underlyings, (name) => -SPOT * shocks[name]!.price));
    const { units } = worstByShortfall(set, losses, TERMS);
    const gains = aligned.map(({ closes }) => SPOT * (closes[day + 1]! / closes[day]! - 1));
    const lossOf = (held: readonly number[]) => -held.reduce((sum, each, i) => sum + each * gains[i]!, 0);
    const loss = lossOf(units);
    plain.push(
      books.map(({ weights }) => {
        const held = weights.map((weight) => weight / SPOT);
        return [marginOf(set, held, TERMS), lossOf(held)];
      }),
    );
    judged.push(loss);
    if (loss > 1) breaches++;
    if (loss > worst) [worst, date, book] = [loss, dates[day]!, bookText(set, units)];
  }
  return { days: judged.length, losses: judged, breaches, worst, date, book, plain: plainMargins(books, plain) };
}

/** A perpetual and futures of 30, 90 and 180 days on the last day: the worst of carry by ten points either way. */
export function worstCalendar(model: string, history: PriceHistory) {
  const known = knownOf([history]);
  const day = history.dates.length - 1;
  const terms = { underlyings: [history.symbol], date: history.dates[day]!, futures: [30, 90, 180] };
  const set = boardOf({ ...MAKERS[model]!(known, day), ...terms });
  const results = [-0.1, 0.1].map((carry) => {
    const shocks = { [history.symbol]: { ...STILL_SHOCK, carry } };
    const losses = lossesIn(set.priced, { label: "", shocks, days: 0 });
    const { units } = worstBook(set, losses, TERMS);
    return { loss: losses.reduce((sum, each, i) => sum + each * units[i]!, 0), book: bookText(set, units) };
  });
  return results.reduce((worst, each) => (each.loss > worst.loss ? each : worst));
}

/** Boards of 82 contracts on each underlying, at three dates of the histories. */
function optionBoards(model: string, aligned: readonly PriceHistory[]) {
  const known = knownOf(aligned);
  const last = aligned[0]!.dates.length - 1;
  const implied = aligned.map(impliedProxy);
  return [0.4, 0.7, 1].map((share) => {
    const day = Math.round(share * last);
    const date = aligned[0]!.dates[day]!;
    const set = boardOf({
      ...MAKERS[model]!(known, day),
      underlyings: aligned.map(({ symbol }) => symbol),
      date,
      futures: [180],
      options: { days: EXPIRY_DAYS, strikes: STRIKES, volatilities: implied.map((each) => each[day + 1]!) },
    });
    return { known, day, date, set };
  });
}

/** The worst book of options by expected shortfall, chosen on even days and judged on odd ones; and by each move alone. */
export function attackOptions(model: string, aligned: readonly PriceHistory[], progress: Progress) {
  const days: { date: string; moves: string; chosen: number; judged: number; worst: number; book: string }[] = [];
  const kinds: { date: string; kind: string; state: string; loss: number; book: string }[] = [];
  for (const { known, day, date, set } of optionBoards(model, aligned)) {
    for (const [moves, added] of ADDED) {
      progress(`${model}, options on ${aligned.length}, ${date}, ${moves}`);
      const states = pastDays(known.prepared, day, added, { ...CALIBRATION, seed: 1 });
      const { chosen, judged, book } = worstOfHalves(set, states, TERMS);
      const text = bookText(set, book.units);
      days.push({ date, moves, chosen: chosen.shortfall, judged: judged.shortfall, worst: judged.worst, book: text });
    }
    for (const each of moveKinds(set.priced)) {
      progress(`${model}, options on ${aligned.length}, ${date}, ${each.kind}`);
      const { kind, state, loss, book } = worstOfKind(set, each, TERMS);
      if (loss > 0) kinds.push({ date, kind, state, loss, book: bookText(set, book.units) });
    }
  }
  return { days, kinds };
}

/** A short strangle of 7 days, 0.84 and 1.19 of spot, on the calmest day of a history; then −37% with volatility doubled. */
export function shortStrangle(model: string, history: PriceHistory) {
  const implied = impliedProxy(history);
  let day = WARM_UP_DAYS;
  for (let t = day; t < history.dates.length; t++) if (implied[t + 1]! < implied[day + 1]!) day = t;
  const date = history.dates[day]!;
  const volatility = implied[day + 1]!;
  const options = { days: [7], strikes: [0.84, 1.19], volatilities: [volatility] };
  const made = MAKERS[model]!(knownOf([history]), day);
  const set = boardOf({ ...made, underlyings: [history.symbol], date, options });
  const units = set.rows.map(({ symbol }) => (/0\.84-P|1\.19-C/.test(symbol) ? -1 / (2 * SPOT) : 0));
  const margin = marginOf(set, units, TERMS);
  const shocks = { [history.symbol]: { ...STILL_SHOCK, price: -0.37, volatility: 1 } };
  const losses = lossesIn(set.priced, { label: "", shocks, days: 0 });
  const loss = losses.reduce((sum, each, i) => sum + each * units[i]!, 0) / margin;
  return { date, volatility, margin, loss };
}

/** Up to `most` sets of a size with enough common days: runs of the list, in which one that has too few is passed over. */
export function setsOf(histories: readonly PriceHistory[], size: number, most: number): (readonly PriceHistory[])[] {
  const sets: (readonly PriceHistory[])[] = [];
  for (let first = 0; first < histories.length && sets.length < most; first++) {
    for (let passed = first; passed < histories.length; passed++) {
      const others = histories.filter((_, i) => i !== passed || passed === first);
      const set = others.slice(first, first + size);
      if (set.length < size) break;
      const aligned = alignHistories(set);
      if (aligned[0]!.dates.length < WARM_UP_DAYS + 100) continue;
      sets.push(aligned);
      break;
    }
  }
  return sets;
}
