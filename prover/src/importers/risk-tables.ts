// SPDX-License-Identifier: GPL-3.0-or-later
/** Tables from elsewhere as inputs of models: scenarios that somebody wrote down, and sensitivities. */
import { PlimsollError } from "../errors.ts";
import { readTable } from "../formats/csv.ts";
import { parseDecimal } from "../formats/decimal.ts";
import { isSymbol } from "../formats/labels.ts";
import { SCENARIOS } from "../model/sizes.ts";
import { MOVE_BOUNDS } from "../risk/board/scenarios.ts";
import type { Instrument, ModelChoice, Observation } from "../risk/input.ts";

/** A decimal of a cell, named by column where it is none. */
function decimalCell(text: string, file: string, line: number, field: string): string {
  try {
    parseDecimal(text);
    return text;
  } catch (error) {
    throw error instanceof PlimsollError ? error.at({ file, line, field }) : error;
  }
}

const SCENARIO_COLUMNS = ["scenario", "counted", "underlying", "price", "volatility"] as const;
/** What a table may have beside; an empty cell is a move that is not made. */
const OTHER_MOVES = ["twist", "skew", "carry", "days", "discount", "redemption"] as const;

/**
 * The 45 scenarios from a table with a row for each scenario and underlying: `scenario,counted,underlying,price,volatility`
 * and perhaps `twist`, `skew`, `carry`, `days`, `discount`, `redemption`, moves as fractions. Rows of one scenario share its
 * name and what is counted; order is that of first appearance. Throws `OUT_OF_RANGE` for moves that no market makes.
 * @see docs/library.md#risk
 */
export function readScenarioTable(text: string, file: string): ModelChoice {
  const scenarios = new Map<
    string,
    { label: string; counted: string; moves: Record<string, Record<string, string>> }
  >();
  const { rows, ignored } = readTable(text, file, SCENARIO_COLUMNS, OTHER_MOVES);
  if (ignored.length > 0) {
    throw new PlimsollError("SYNTAX", `no such columns of a scenario table: ${ignored.join(", ")}`, { file, line: 1 });
  }
  for (const { line, fields } of rows) {
    const refuse = (field: string, rule: string) => new PlimsollError("FIELD_INVALID", rule, { file, line, field });
    if (!isSymbol(fields.underlying)) throw refuse("underlying", "expected a symbol");
    const counted = decimalCell(fields.counted, file, line, "counted");
    const scenario = scenarios.get(fields.scenario) ?? { label: fields.scenario, counted, moves: {} };
    if (scenario.counted !== counted) throw refuse("counted", "other rows of this scenario say otherwise");
    if (Object.hasOwn(scenario.moves, fields.underlying)) throw refuse("underlying", "this scenario moves it already");
    const moves = Object.entries(MOVE_BOUNDS).flatMap(([name, [low, high]]) => {
      const cell = fields[name as keyof typeof MOVE_BOUNDS];
      if (cell === undefined || (cell === "" && name !== "price" && name !== "volatility")) return [];
      const value = decimalCell(cell, file, line, name);
      if (Number(value) >= low && Number(value) <= high) return [[name, value] as const];
      throw new PlimsollError("OUT_OF_RANGE", `expected a move of ${low} to ${high}`, { file, line, field: name });
    });
    Object.defineProperty(scenario.moves, fields.underlying, { value: Object.fromEntries(moves), enumerable: true });
    scenarios.set(fields.scenario, scenario);
  }
  if (scenarios.size !== SCENARIOS) {
    throw new PlimsollError("FIELD_INVALID", `expected ${SCENARIOS} scenarios, found ${scenarios.size}`, { file });
  }
  return { model: "listed", parameters: { scenarios: [...scenarios.values()] } };
}

/** Those that are read; a CRIF file has others as well. */
const CRIF_COLUMNS = ["TradeID", "RiskType", "Qualifier", "AmountUSD"] as const;

/** What a row's amount is of one unit of a sensitivity: a delta is the gain for a rise by 1%. */
const CRIF_TYPES: Readonly<Record<string, readonly ["value" | "delta" | "vega", number]>> = {
  PV: ["value", 1],
  Risk_Commodity: ["delta", 100],
  Risk_Equity: ["delta", 100],
  Risk_FX: ["delta", 100],
  Risk_CommodityVol: ["vega", 1],
  Risk_EquityVol: ["vega", 1],
  Risk_FXVol: ["vega", 1],
};

/**
 * Sensitivities in the shape of the Common Risk Interchange Format, for the `sensitivities` model: an instrument for each
 * trade and qualifier (`trade/qualifier`, one lot is the whole trade), with its quotes. Amounts are those of `AmountUSD`;
 * rows of the same kind add up; gamma is zero. Shape only: no calculation of anybody's standard, no licensed parameters.
 * @see docs/library.md#risk
 */
export function readCrif(text: string, file: string): { instruments: Instrument[]; quotes: Observation["quotes"] } {
  const trades = new Map<string, { instrument: Instrument; sums: Record<"value" | "delta" | "vega", number> }>();
  for (const { line, fields } of readTable(text, file, CRIF_COLUMNS).rows) {
    const place = (field: string) => ({ file, line, field });
    const type = Object.hasOwn(CRIF_TYPES, fields.RiskType) ? CRIF_TYPES[fields.RiskType] : undefined;
    if (type === undefined) {
      throw new PlimsollError(
        "UNKNOWN_NAME",
        `expected one of ${Object.keys(CRIF_TYPES).join(", ")}`,
        place("RiskType"),
      );
    }
    if (!isSymbol(fields.Qualifier))
      throw new PlimsollError("FIELD_INVALID", "expected an underlying", place("Qualifier"));
    const symbol = `${fields.TradeID}/${fields.Qualifier}`;
    if (!isSymbol(symbol)) throw new PlimsollError("FIELD_INVALID", "expected a short name", place("TradeID"));
    const amount = Number(decimalCell(fields.AmountUSD, file, line, "AmountUSD"));
    const trade = trades.get(symbol) ?? {
      instrument: { symbol, model: "sensitivities", underlying: fields.Qualifier, lot: "1", terms: {} },
      sums: { value: 0, delta: 0, vega: 0 },
    };
    trade.sums[type[0]] += amount * type[1];
    trades.set(symbol, trade);
  }
  const quote = (value: number) => String(Number(value.toFixed(6)));
  return {
    instruments: [...trades.values()].map(({ instrument }) => instrument),
    quotes: Object.fromEntries(
      [...trades].map(([symbol, { sums }]) => [
        symbol,
        { value: quote(sums.value), delta: quote(sums.delta), gamma: "0", vega: quote(sums.vega) },
      ]),
    ),
  };
}
