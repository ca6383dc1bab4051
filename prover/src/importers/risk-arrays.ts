// SPDX-License-Identifier: GPL-3.0-or-later
/** Risk arrays as a CSV table. Apart from the market, which verifiers in browsers read: the parser of CSV is Node's. */
import { PlimsollError } from "../errors.ts";
import { parseCsv } from "../formats/csv.ts";
import { lotOfDecimals, lotsOf, parseDecimal } from "../formats/decimal.ts";
import { isSymbol } from "../formats/labels.ts";
import type { InstrumentDocument } from "../formats/market.ts";
import { DistinctSymbols } from "../formats/names.ts";
import { CASH_DECIMALS } from "../formats/policy.ts";
import { SCENARIOS } from "../model/sizes.ts";
import { chargeE6, columnE6 } from "../units.ts";

const E6 = lotOfDecimals(CASH_DECIMALS);
const ARRAY_COLUMNS = ["symbol", "lot", "mark", "delta", "vega", "longCharge", "shortCharge"] as const;
const PROFIT_COLUMNS = Array.from({ length: SCENARIOS }, (_, index) => `profit${index}`);

/**
 * Risk arrays from a table: `symbol,lot,mark,delta,vega,longCharge,shortCharge,profit0,…,profit44`, per lot as in a market. Checks
 * each value as a market does, naming line and column.
 * @see docs/library.md#risk
 */
export function readRiskArrays(text: string, file: string): InstrumentDocument[] {
  const symbols = new DistinctSymbols();
  return parseCsv(text, file, [...ARRAY_COLUMNS, ...PROFIT_COLUMNS]).map(({ line, fields }): InstrumentDocument => {
    const cell = (field: string, check: (text: string) => unknown) => {
      const value = fields[field]!;
      try {
        check(value);
      } catch (error) {
        throw error instanceof PlimsollError ? new PlimsollError(error.code, error.rule, { file, line, field }) : error;
      }
      return value;
    };
    const e6 = (unit: (value: bigint) => unknown) => (value: string) => unit(lotsOf(parseDecimal(value), E6));
    const symbol = cell("symbol", (value) => {
      if (!isSymbol(value)) throw new PlimsollError("FIELD_INVALID", "expected a symbol");
      const fault = symbols.add(value);
      if (fault !== undefined) throw new PlimsollError("FIELD_INVALID", fault);
    });
    return {
      symbol,
      lot: cell("lot", (value) => {
        if (parseDecimal(value).units <= 0n) throw new PlimsollError("OUT_OF_RANGE", "expected a lot above 0");
      }),
      mark: cell("mark", e6(columnE6)),
      delta: cell("delta", e6(columnE6)),
      vega: cell("vega", e6(columnE6)),
      longCharge: cell("longCharge", e6(chargeE6)),
      shortCharge: cell("shortCharge", e6(chargeE6)),
      profits: PROFIT_COLUMNS.map((name) => cell(name, e6(columnE6))),
    };
  });
}
