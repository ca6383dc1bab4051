// SPDX-License-Identifier: GPL-3.0-or-later
/** Where each number of a board row comes from, and whether a published board follows from its input. */
import { PlimsollError } from "../../errors.ts";
import type { Json } from "../../formats/json.ts";
import type { InstrumentDocument, MarketDocument } from "../../formats/market.ts";
import { unknownName } from "../../formats/names.ts";
import type { Instrument, MarketInput, ModelChoice } from "../input.ts";
import { countedProfit, type Move, type Scenario, STILL, type TracedValue } from "../model.ts";
import { buildMarket, MODELS, type Models, type PricedInstrument, priceInstruments } from "./board.ts";

/** One column of a row. */
export interface ColumnTrace {
  /** `mark`, `delta`, `vega`, `longCharge`, `shortCharge` or `profits[k]`. */
  readonly column: string;
  /** As on the board: quote per lot. */
  readonly value: string;
  /** How the value per unit follows from `inputs`. */
  readonly formula: string;
  readonly inputs: Readonly<Record<string, number>>;
  /** The value per unit of the underlying, before lot and rounding. */
  readonly perUnit: number;
  /** How it becomes the board's. */
  readonly rounding: string;
  /** Of a profit: its scenario. */
  readonly scenario?: {
    readonly label: string;
    readonly move: Move;
    readonly counted: number;
  };
}

/**
 * Where each number of an instrument's row comes from.
 * @see docs/library.md#risk
 */
export interface Explanation {
  readonly board: string;
  readonly epoch: string;
  readonly time: string;
  readonly instrument: Instrument;
  readonly scenarioModel: ModelChoice;
  readonly chargeModel: ModelChoice;
  /** What was observed that the row depends on, by place in the input. */
  readonly observed: readonly { readonly place: string; readonly value: Json }[];
  readonly columns: readonly ColumnTrace[];
}

/**
 * Explains the row of one instrument. Throws `UNKNOWN_NAME` where there is none, and like `buildMarket`.
 * @see docs/library.md#risk
 */
export function explainInstrument(input: MarketInput, symbol: string, models: Models = MODELS): Explanation {
  const { policy, observation } = input;
  const index = policy.instruments.findIndex((instrument) => instrument?.symbol === symbol);
  const priced = index === -1 ? undefined : priceInstruments(input, models)[index];
  if (!priced) {
    const symbols = policy.instruments.flatMap((instrument) => instrument?.symbol ?? []);
    throw new PlimsollError("UNKNOWN_NAME", unknownName("instrument", symbol, symbols));
  }
  const row = buildMarket(input, models).instruments[index] as InstrumentDocument;
  const { instrument } = priced;
  const quotes = Object.hasOwn(observation.quotes, symbol) ? observation.quotes[symbol]! : {};
  const observed = priced.underlyings.flatMap((underlying) =>
    Object.entries(observation.underlyings[underlying]!).map(([name, value]) => ({
      place: `observation.underlyings.${underlying}.${name}`,
      value: value as Json,
    })),
  );
  return {
    board: policy.board,
    epoch: observation.epoch,
    time: observation.time,
    instrument,
    scenarioModel: priced.scenarioChoice,
    chargeModel: policy.charges,
    observed: [
      { place: "observation.rate", value: observation.rate },
      ...observed,
      ...Object.entries(quotes).map(([name, value]) => ({ place: `observation.quotes.${symbol}.${name}`, value })),
    ],
    columns: columnsOf(priced, row),
  };
}

/** How a profit follows from values before and after; of a row on several underlyings, delta times move is a sum over them. */
function profitFormula(
  { moves, counted, deltaMoves }: Scenario,
  underlying: string,
  now: TracedValue,
  after: TracedValue,
) {
  const inputs = { counted, mark: now.value, valueAfter: after.value };
  const change = "counted · (value after − mark";
  const is = `value after = ${after.formula}`;
  if (deltaMoves === undefined) return { formula: `${change}), ${is}`, inputs: { ...inputs, ...after.inputs } };
  if (now.deltas === undefined) {
    const deltaMove = deltaMoves[underlying]!;
    return {
      formula: `delta · deltaMove + ${change} − delta · move), ${is}`,
      inputs: { ...inputs, delta: now.delta, deltaMove, ...after.inputs },
    };
  }
  const by = (move: (name: string) => number) =>
    Object.entries(now.deltas!).reduce((sum, [name, delta]) => sum + delta * move(name), 0);
  const beyond = { deltaMoves: by((name) => deltaMoves[name]!), deltaTimesMoves: by((name) => moves[name]!.price) };
  return {
    formula: `deltaMoves + ${change} − deltaTimesMoves), ${is}`,
    inputs: { ...inputs, ...beyond, ...after.inputs },
  };
}

function columnsOf(
  { valueAfter, charges, scenarios, instrument, model }: PricedInstrument,
  row: InstrumentDocument,
): ColumnTrace[] {
  const now = valueAfter(STILL);
  const lot = `· lot ${instrument.lot}`;
  const { formula, inputs } = now;
  const charge = { formula: charges.formula, inputs: charges.inputs };
  const profit = (scenario: Scenario, index: number): ColumnTrace => {
    const move = scenario.moves[instrument.underlying]!;
    const after = valueAfter(move, scenario.moves);
    const { counted } = scenario;
    return {
      column: `profits[${index}]`,
      value: row.profits[index]!,
      ...profitFormula(scenario, instrument.underlying, now, after),
      perUnit: countedProfit(scenario, instrument.underlying, now, after.value),
      rounding: `${lot}, down to a millionth`,
      scenario: { label: scenario.label, move, counted },
    };
  };
  return [
    {
      column: "mark",
      value: row.mark,
      formula,
      inputs,
      perUnit: now.value,
      rounding: `${lot}, to the nearest millionth`,
    },
    {
      column: "delta",
      value: row.delta,
      formula: `derivative by ln spot of ${formula}`,
      inputs,
      perUnit: now.delta,
      rounding: `${lot}, to the nearest millionth`,
    },
    {
      column: "vega",
      value: row.vega,
      formula: `derivative by volatility of ${formula}`,
      inputs,
      perUnit: now.vega,
      rounding: `${lot}, to the nearest millionth`,
    },
    {
      column: "longCharge",
      value: row.longCharge,
      ...charge,
      perUnit: charges.long,
      rounding: `${lot}, up to a millionth`,
    },
    {
      column: "shortCharge",
      value: row.shortCharge,
      ...charge,
      perUnit: charges.short,
      rounding: `${lot}, up to a millionth${model.closing === "none" ? "" : ", and one more for what rounding profits down gives to a short"}`,
    },
    ...scenarios.map(profit),
  ];
}

/**
 * A value that is not what follows.
 * @see docs/library.md#risk
 */
export interface Difference {
  /** For example `instruments[BTC-PERP].profits[3]`, `prices[ETH]`. */
  readonly place: string;
  readonly published: string;
  readonly follows: string;
}

/**
 * Compares a published market with the one that follows from its input: every value that differs, in the document's order.
 * @see docs/library.md#risk
 */
export function compareMarkets(published: MarketDocument, follows: MarketDocument): Difference[] {
  const differences: Difference[] = [];
  walk(published as unknown as Json, follows as unknown as Json, "", differences);
  return differences;
}

function walk(published: Json | undefined, follows: Json | undefined, place: string, into: Difference[]): void {
  const [a, b] = [published, follows];
  if (typeof a === "object" && typeof b === "object" && a !== null && b !== null) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const [left, right] = [(a as Record<string, Json>)[key], (b as Record<string, Json>)[key]];
      const name = Array.isArray(b) ? `[${nameOf(right) ?? nameOf(left) ?? key}]` : place === "" ? key : `.${key}`;
      walk(left, right, `${place}${name}`, into);
    }
  } else if (a !== b) {
    const text = (value: Json | undefined) =>
      value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value);
    into.push({ place, published: text(a), follows: text(b) });
  }
}

/** Rows are named by what they are of. */
function nameOf(value: Json | undefined): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { symbol, asset } = value as Record<string, Json>;
  return typeof symbol === "string" ? symbol : typeof asset === "string" ? asset : undefined;
}
