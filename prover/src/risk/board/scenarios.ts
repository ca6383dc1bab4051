// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Scenario models by id: 45 joint moves for the underlyings of one netting set. A new one is one more entry here. Their
 * parameters come from governance, by hand or from `calibrate`; reasons in docs/risk-model.md.
 */
import { z } from "zod";
import { PlimsollError } from "../../errors.ts";
import { isLabel } from "../../formats/labels.ts";
import { SCENARIOS } from "../../model/sizes.ts";
import { conform, decimalNumber } from "../input.ts";
import { type Move, type Scenario, type ScenarioModel, STILL } from "../model.ts";

const positive = decimalNumber.refine((value) => value > 0 && value < 1, "expected a fraction between 0 and 1");
const counted = decimalNumber.refine((value) => value > 0 && value <= 1, "expected a fraction above 0, at most 1");
const volatility = { volatilityUp: decimalNumber, volatilityDown: decimalNumber };
const extremes = { extremeRanges: decimalNumber, extremeCounted: counted };
/** Full move of an underlying that margin has to cover, as fractions of the price. */
const range = z.strictObject({
  up: decimalNumber.refine((value) => value > 0, "expected a range above 0"),
  down: positive,
});
const discounts = z
  .record(z.string(), z.strictObject({ discount: decimalNumber, redemption: decimalNumber }))
  .optional();

type Range = z.infer<typeof range>;

/** A model whose parameters a schema reads. */
function define<T>(
  id: string,
  schema: z.ZodType<T>,
  build: (underlyings: readonly string[], parameters: T) => readonly Scenario[],
): ScenarioModel {
  return {
    id,
    scenarios(underlyings, parameters) {
      const scenarios = build(underlyings, conform(schema, parameters, "parameters"));
      if (scenarios.length > SCENARIOS) throw new TypeError(`expected at most ${SCENARIOS} scenarios`);
      const still: Scenario = { label: "prices unchanged", moves: movesOf(underlyings, () => STILL), counted: 1 };
      for (const { moves } of scenarios) {
        for (const { price } of Object.values(moves)) {
          if (!(price > -1 && Number.isFinite(price))) {
            throw new PlimsollError("OUT_OF_RANGE", "expected moves that leave every price above 0", {
              field: "parameters",
            });
          }
        }
      }
      return [...scenarios, ...new Array<Scenario>(SCENARIOS - scenarios.length).fill(still)];
    },
  };
}

function rangeOf(ranges: Readonly<Record<string, Range>>, underlying: string): Range {
  const found = Object.hasOwn(ranges, underlying) ? ranges[underlying] : undefined;
  if (found === undefined) {
    throw new PlimsollError("UNKNOWN_NAME", "no range for an underlying of the netting set", {
      field: "parameters.ranges",
    });
  }
  return found;
}

const priceOf = ({ up, down }: Range, ranges: number) => (ranges > 0 ? ranges * up : ranges * down);

/** All underlyings by so many of their ranges. */
function together(
  underlyings: readonly string[],
  ranges: Readonly<Record<string, Range>>,
  by: number,
  volatility: number,
) {
  return movesOf(underlyings, (name) => ({ price: by === 0 ? 0 : priceOf(rangeOf(ranges, name), by), volatility }));
}

const movesOf = (underlyings: readonly string[], move: (underlying: string) => Move): Record<string, Move> =>
  Object.fromEntries(underlyings.map((name) => [name, move(name)]));

function words(underlyings: readonly string[], moves: Readonly<Record<string, Move>>): string {
  const moved = underlyings.filter((name) => moves[name]!.price !== 0);
  if (moved.length === 0) return "prices unchanged";
  const all = moved.map((name) => `${name} ${percent(moves[name]!.price)}`).join(", ");
  return isLabel(all) && all.length < 120 ? all : `${moved.length} prices moved`;
}

const VOLATILITY_WORDS = (volatility: number) =>
  volatility > 0 ? ", volatility up" : volatility < 0 ? ", volatility down" : "";

/**
 * One or two underlyings; sixteen scenarios, in this order:
 *   0 to 9    all underlyings by 0, ±½ or ±1 of their ranges together, volatility up and down for each
 *   10 to 13  one underlying by ±1 of its range while the other stands still, volatility unchanged
 *   14, 15    all by ±3 ranges, a third of the result counted (where so configured)
 *
 * The four in which one underlying moves alone bound what a hedge of one with the other can save: never below the loss
 * of its larger leg. `ranges` names exactly the underlyings of the grid, in the order of the labels.
 */
const fixedGrid = define(
  "fixed-grid",
  z.strictObject({ ranges: z.record(z.string(), positive), ...volatility, ...extremes }),
  (underlyings, { ranges, volatilityUp, volatilityDown, extremeRanges, extremeCounted }) => {
    const names = Object.keys(ranges);
    const first = names[0];
    const second = names[1] ?? first;
    if (first === undefined || names.length > 2) {
      throw new PlimsollError("FIELD_INVALID", "expected one or two underlyings", { field: "parameters.ranges" });
    }
    const symmetric = Object.fromEntries(names.map((name) => [name, { up: ranges[name]!, down: ranges[name]! }]));
    for (const underlying of underlyings) rangeOf(symmetric, underlying);
    const grid: Scenario[] = [0, 0.5, -0.5, 1, -1].flatMap((by) =>
      [volatilityUp, volatilityDown].map((volatility, down) => {
        const moves = together(names, symmetric, by, volatility);
        return { label: `${words(names, moves)}, volatility ${down === 0 ? "up" : "down"}`, moves, counted: 1 };
      }),
    );
    for (const mover of [first, second!]) {
      for (const by of [1, -1]) {
        const move = by * ranges[mover]!;
        const moves = movesOf(names, (name) => ({ price: name === mover ? move : 0, volatility: 0 }));
        grid.push({ label: `${mover} ${percent(move)} alone`, moves, counted: 1 });
      }
    }
    for (const by of [extremeRanges, -extremeRanges]) {
      const moves = together(names, symmetric, by, 0);
      const label = `extreme: ${words(names, moves)}, ${percent(extremeCounted, false)} counted`;
      grid.push({ label, moves, counted: extremeCounted });
    }
    return grid;
  },
);

/**
 * The grid of one underlying with ranges that were calibrated, up and down apart: 0, ±⅓, ±⅔ and ±1 of the range, each
 * with volatility up and down, and two extremes. More than one underlying moves by its ranges together, so nothing
 * bounds a hedge of one with another: `joint` does.
 */
const calibratedGrid = define(
  "calibrated-grid",
  z.strictObject({ ranges: z.record(z.string(), range), ...volatility, ...extremes }),
  (underlyings, { ranges, volatilityUp, volatilityDown, extremeRanges, extremeCounted }) => {
    const grid: Scenario[] = [0, 1 / 3, -1 / 3, 2 / 3, -2 / 3, 1, -1].flatMap((by) =>
      [volatilityUp, volatilityDown].map((volatility) => {
        const moves = together(underlyings, ranges, by, volatility);
        return { label: `${words(underlyings, moves)}${VOLATILITY_WORDS(volatility)}`, moves, counted: 1 };
      }),
    );
    for (const by of [extremeRanges, -extremeRanges]) {
      const moves = extreme(underlyings, ranges, by);
      grid.push({ label: `extreme: ${words(underlyings, moves)}`, moves, counted: extremeCounted });
    }
    return grid;
  },
);

/** A fall by several ranges leaves a price above zero: at most 95%. */
const extreme = (underlyings: readonly string[], ranges: Readonly<Record<string, Range>>, by: number) =>
  movesOf(underlyings, (name) => ({ price: Math.max(-0.95, priceOf(rangeOf(ranges, name), by)), volatility: 0 }));

/**
 * Joint moves of up to eight underlyings, with correlation breaks:
 *   0, 1     prices unchanged, volatility up, down
 *   2, 3     all by ±½ of their ranges, volatility up
 *   4 to 7   all by ±1, volatility up and down
 *   8, 9     extremes, counted in part
 *   10 to 15 breaks. One underlying: ±1, ±⅔ and ±⅓ of its range. Two: each by ±1 alone, and apart by `breakRanges` of
 *            their ranges each. Three: each by ±1 alone. More: three patterns and their opposites in which every pair
 *            moves apart at least once, by `breakRanges` each.
 *
 * Moves together carry the correlation that markets have when they fall; breaks say how far a hedge of one underlying
 * with another may be trusted. Moves of yield-bearing assets: discount widens and redemption is cut with every fall of
 * the price by a whole range.
 */
const joint = define(
  "joint",
  z.strictObject({
    ranges: z.record(z.string(), range),
    ...volatility,
    ...extremes,
    breakRanges: counted,
    yields: discounts,
  }),
  (underlyings, { ranges, volatilityUp, volatilityDown, extremeRanges, extremeCounted, breakRanges, yields }) => {
    if (underlyings.length > 8) {
      throw new PlimsollError("FIELD_INVALID", "expected at most eight underlyings in a netting set", {
        field: "parameters",
      });
    }
    const withYields = (moves: Record<string, Move>, by: number): Record<string, Move> =>
      by > -1 || yields === undefined
        ? moves
        : Object.fromEntries(
            Object.entries(moves).map(([name, move]) => {
              const shift = Object.hasOwn(yields, name) ? yields[name] : undefined;
              return [
                name,
                shift === undefined ? move : { ...move, discount: shift.discount, redemption: -shift.redemption },
              ];
            }),
          );
    const scenario = (by: number, volatility: number): Scenario => {
      const moves = withYields(together(underlyings, ranges, by, volatility), by);
      return { label: `${words(underlyings, moves)}${VOLATILITY_WORDS(volatility)}`, moves, counted: 1 };
    };
    const whole = [1, -1].flatMap((by) => [scenario(by, volatilityUp), scenario(by, volatilityDown)]);
    const tails = [extremeRanges, -extremeRanges].map((by): Scenario => {
      const moves = withYields(extreme(underlyings, ranges, by), by);
      return { label: `extreme: ${words(underlyings, moves)}`, moves, counted: extremeCounted };
    });
    const breaks = [0, 1, 2].flatMap((pattern) =>
      [1, -1].map((sign): Scenario => {
        const moves = movesOf(underlyings, (name) => {
          const by = sign * breakOf(pattern, underlyings.indexOf(name), underlyings.length, breakRanges);
          return { price: by === 0 ? 0 : priceOf(rangeOf(ranges, name), by), volatility: 0 };
        });
        return { label: `break: ${words(underlyings, moves)}`, moves, counted: 1 };
      }),
    );
    const first = [
      scenario(0, volatilityUp),
      scenario(0, volatilityDown),
      scenario(0.5, volatilityUp),
      scenario(-0.5, volatilityUp),
    ];
    return [...first, ...whole, ...tails, ...breaks];
  },
);

/** Ranges by which an underlying moves in a pattern of breaks. */
function breakOf(pattern: number, index: number, count: number, breakRanges: number): number {
  if (count === 1) return 1 - pattern / 3;
  if (count === 2 && pattern === 2) return index === 0 ? breakRanges : -breakRanges;
  if (count <= 3) return index === pattern ? 1 : 0;
  return ((index >> pattern) & 1) === 1 ? breakRanges : -breakRanges;
}

const listed = z.strictObject({
  scenarios: z
    .array(
      z.strictObject({
        label: z.string().refine(isLabel, "expected a label"),
        counted,
        moves: z.record(z.string(), z.strictObject({ price: decimalNumber, volatility: decimalNumber })),
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

/** Sixteen joint moves that happened, rescaled to today's volatility: what `historicalScenarios` chose from a history. */
const historical = define("historical", listed, given);

/** Sixteen joint moves as somebody wrote them down, for example in a table (`readScenarioTable`). */
const table = define("listed", listed, given);

export const SCENARIO_MODELS: Readonly<Record<string, ScenarioModel>> = Object.fromEntries(
  [fixedGrid, calibratedGrid, joint, historical, table].map((model) => [model.id, model]),
);

function percent(fraction: number, signed = true): string {
  const value = Number((fraction * 100).toFixed(1));
  return `${value < 0 ? "−" : signed ? "+" : ""}${Math.abs(value)}%`;
}
