// SPDX-License-Identifier: GPL-3.0-or-later
/** Exposure as a chart: bands of coverage, or of the change of equity, over the hours ahead. PRIVATE. */
import { plot } from "../../report/charts.ts";
import type { Markup } from "../../report/html.ts";
import type { Exposure } from "./exposure.ts";
import { QUANTILES } from "./figures.ts";

/**
 * Middle half, 90% and 98% of the paths around the median. Levels are ratios, drawn across bands of coverage.
 * @see docs/library.md#risk
 */
export function exposureChart(
  { steps, equity, coverage, process, paths }: Exposure,
  what: "coverage" | "equity",
  levels: readonly { readonly level: number; readonly name: string }[] = [],
): Markup {
  const start = what === "coverage" ? coverage : 0;
  const at = (index: number) => [
    [0, start] as const,
    ...steps.map((step) => [step.hours, step[what][index]!] as const),
  ];
  const last = QUANTILES.length - 1;
  const bands = [0, 1, 2].map((index) => ({
    points: at(index).map(([hours, low], step) => [hours, low, at(last - index)[step]![1]] as const),
    opacity: 0.16,
  }));
  const percent = (value: number) => `${Math.round(value * 100)}%`;
  const short = (value: number) =>
    Math.abs(equity) < 1e6 ? String(Math.round(value)) : `${(value / 1e6).toFixed(1)} m`;
  return plot({
    title: `${what} over the next ${steps.at(-1)?.hours ?? 0} hours: ${process}, ${paths} paths`,
    x: { label: "hours" },
    y:
      what === "coverage"
        ? { label: "coverage", format: percent }
        : { label: `change, from ${short(equity)}`, format: short },
    lines: [{ label: "median; bands: 50%, 90%, 98% of paths", points: at(last / 2), series: 1 }],
    bands,
    levels:
      what === "coverage" ? levels.map(({ level, name }) => ({ y: level, label: `${name} ${percent(level)}` })) : [],
  });
}
