// SPDX-License-Identifier: GPL-3.0-or-later
/** Where the numbers of one board row come from, as text. Public. */
import type { RowExplanation } from "../app/market.ts";
import { foreign } from "../document/words.ts";
import type { ColumnTrace } from "../risk/board/explain.ts";
import { factText } from "./terminal.ts";
import { table } from "./text.ts";

/** Columns before the profits: mark, delta, vega and two charges. */
const VALUES = 5;
/** What may move; the table leaves out what never does. */
const FACTORS = ["price", "volatility", "twist", "skew", "carry", "days", "discount", "redemption"] as const;

export function renderExplanation(explanation: RowExplanation): string {
  const { differences } = explanation;
  const { instrument, observed, columns, scenarioModel, chargeModel } = explanation;
  const terms = Object.entries(instrument.terms).map(([label, value]) => ({
    label,
    value: foreign(`${value}`, "market file"),
  }));
  const number = (value: number) => String(Number(value.toPrecision(12)));
  const inputs = ({ inputs: values }: ColumnTrace) =>
    Object.entries(values).map(([name, value]) => `    ${name} = ${number(value)}`);
  const traced = columns
    .slice(0, VALUES)
    .flatMap((each) => [
      `${each.column} = ${each.value} per lot`,
      `    = ${number(each.perUnit)} per unit ${each.rounding}`,
      `    ${each.formula}`,
      ...inputs(each),
      "",
    ]);
  const profits = columns.slice(VALUES);
  const moved = FACTORS.filter((name) => profits.some(({ scenario }) => (scenario!.move[name] ?? 0) !== 0));
  return [
    `${instrument.symbol}, epoch ${explanation.epoch}, ${explanation.time}`,
    factText({ label: "board", value: foreign(explanation.board, "market file") }),
    `${instrument.model} on ${instrument.underlying}, lot ${instrument.lot}`,
    ...terms.map(factText),
    "",
    "observed",
    ...observed.map(
      ({ place, value }) => `    ${place} = ${typeof value === "string" ? value : JSON.stringify(value)}`,
    ),
    "",
    ...traced,
    `profits, by the scenarios of "${scenarioModel.model}" ${JSON.stringify(scenarioModel.parameters)}`,
    ...new Set(profits.map(({ formula }) => `    ${formula}`)),
    `    per unit ${profits[0]!.rounding}`,
    "",
    table(
      ["scenario", "its name", ...moved, "counted", "delta move", "value after", "per unit", "per lot"],
      profits.map(({ scenario, inputs: values, perUnit, value }, index) => [
        `${index}`,
        foreign(scenario!.label, "market file"),
        ...moved.map((name) => number(scenario!.move[name] ?? 0)),
        number(scenario!.counted),
        values.deltaMove === undefined ? "" : number(values.deltaMove),
        number(values.valueAfter!),
        number(perUnit),
        value,
      ]),
    ),
    "",
    `charges by "${chargeModel.model}" ${JSON.stringify(chargeModel.parameters)}`,
    ...(differences === undefined
      ? []
      : differences.length === 0
        ? ["", "the published row matches"]
        : [
            "",
            ...differences.flatMap(({ place, published, follows }) => [
              factText({ label: "DIFFERS", value: foreign(place, "market file") }),
              factText({ label: "  published", value: foreign(published, "market file") }),
              factText({ label: "  follows", value: foreign(follows, "market file") }),
            ]),
          ]),
  ].join("\n");
}
