// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Scenario models by id: SCENARIOS joint moves for the underlyings of one netting set. A new one is one more entry here.
 * Their parameters come from governance, by hand or from `calibrate`; reasons in docs/risk-model.md.
 */
import { z } from "zod";
import { PlimsollError } from "../../errors.ts";
import { isLabel } from "../../formats/labels.ts";
import { SCENARIOS } from "../../model/sizes.ts";
import { conform, decimalNumber } from "../input.ts";
import type { Scenario, ScenarioModel } from "../model.ts";
import { scanColumns, scanParameters } from "./scan.ts";

/** A model whose parameters a schema reads. */
function define<T>(
  id: string,
  schema: z.ZodType<T>,
  build: (underlyings: readonly string[], parameters: T, optioned: ReadonlySet<string>) => readonly Scenario[],
): ScenarioModel {
  return {
    id,
    scenarios(underlyings, parameters, optioned = new Set()) {
      const scenarios = build(underlyings, conform(schema, parameters, { field: "parameters" }), optioned);
      if (scenarios.length !== SCENARIOS) throw new TypeError(`expected ${SCENARIOS} scenarios`);
      return scenarios;
    },
  };
}

/** What a move may be: what lies outside is of another unit. A price stays above 0. */
export const MOVE_BOUNDS = {
  price: [-0.999999, 10],
  volatility: [-1, 10],
  twist: [-1, 1],
  skew: [-0.5, 0.5],
  carry: [-5, 5],
  days: [0, 30],
  discount: [-1, 1],
  redemption: [-1, 1],
} as const;

const bounded = ([low, high]: readonly [number, number]) =>
  decimalNumber.refine((value) => value >= low && value <= high, `expected a number of ${low} to ${high}`);
const { price, volatility, ...others } = MOVE_BOUNDS;
const move = z.strictObject({
  price: bounded(price),
  volatility: bounded(volatility),
  ...(Object.fromEntries(Object.entries(others).map(([name, bounds]) => [name, bounded(bounds).default(0)])) as Record<
    keyof typeof others,
    z.ZodDefault<ReturnType<typeof bounded>>
  >),
});

const listed = z.strictObject({
  scenarios: z
    .array(
      z.strictObject({
        label: z.string().refine(isLabel, "expected a label"),
        counted: decimalNumber.refine((value) => value > 0 && value <= 1, "expected a fraction above 0, at most 1"),
        moves: z.record(z.string(), move),
      }),
    )
    .length(SCENARIOS),
});

function given(underlyings: readonly string[], { scenarios }: z.infer<typeof listed>): readonly Scenario[] {
  for (const [index, { moves }] of scenarios.entries()) {
    for (const underlying of underlyings) {
      if (!Object.hasOwn(moves, underlying)) {
        const field = `parameters.scenarios[${index}].moves`;
        throw new PlimsollError("UNKNOWN_NAME", "no move for an underlying of the netting set", { field });
      }
    }
  }
  return scenarios;
}

/** Every factor of one to eight underlyings, with signs and shares that are fixed: `scan.ts`. */
const scan = define("scan", scanParameters, scanColumns);

/** Joint moves that happened, rescaled to today's volatility: what `historicalScenarios` chose from a history. */
const historical = define("historical", listed, given);

/** Joint moves as somebody wrote them down, for example in a table (`readScenarioTable`). */
const table = define("listed", listed, given);

export const SCENARIO_MODELS: Readonly<Record<string, ScenarioModel>> = Object.fromEntries(
  [scan, historical, table].map((model) => [model.id, model]),
);
