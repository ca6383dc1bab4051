// SPDX-License-Identifier: GPL-3.0-or-later
/** The picture of the walk-through: coverage of every account and the fund, act by act. PRIVATE, as coverages are. */
import { barChart, type Line, plot, type Series } from "../../prover/src/report/charts.ts";
import { renderDocument } from "../../prover/src/report/document.ts";
import { type Markup, markup } from "../../prover/src/report/html.ts";

/** One act of the story, and how things stood after it. */
export interface Act {
  /** UTC, minutes. */
  readonly time: string;
  readonly epoch: bigint;
  readonly what: string;
  /** Level proven, basis points, where one was. */
  readonly level: string;
  /** Everything that the gate published about it. */
  readonly seen: readonly string[];
  readonly gas: bigint;
  /** Basis points, rounded down; undefined without positions. */
  readonly coverage: Readonly<Record<string, bigint | undefined>>;
  /** 1e-6. */
  readonly fund: bigint;
  readonly deficit: bigint;
}

/** Coverage is drawn to scale between these; what lies beyond is drawn at the edge. */
const [LOWEST, HIGHEST] = [-0.5, 3];

/** Lines of coverage over acts, with the policy's levels; a line ends where there are no positions. */
function coverageChart(acts: readonly Act[], levels: Readonly<Record<string, bigint>>): Markup {
  const ratio = (bps: bigint) => Math.min(HIGHEST, Math.max(LOWEST, Number(bps) / 1e4));
  const lines = Object.keys(acts.at(-1)!.coverage).flatMap((name, index): Line[] => {
    const runs: [number, number][][] = [];
    let open = false;
    for (const [at, act] of acts.entries()) {
      const bps = act.coverage[name];
      if (bps !== undefined) {
        if (!open) runs.push([]);
        runs.at(-1)!.push([at + 1, ratio(bps)]);
      }
      open = bps !== undefined;
    }
    const series = ((index % 5) + 1) as Series;
    return runs.map((points, run) => ({ label: run === 0 ? name : "", points, series }));
  });
  return plot({
    title: "Coverage over acts",
    x: { label: "act", format: String },
    y: { label: "coverage", format: (value) => `${Math.round(value * 100)}%` },
    lines,
    dots: lines.flatMap(({ points, series }) => points.map(([x, y]) => ({ x, y, area: 36, series }))),
    levels: Object.entries(levels).map(([name, bps]) => ({ y: ratio(bps), label: `${name} ${percent(bps)}` })),
  });
}

export const percent = (bps: bigint | undefined) => (bps === undefined ? "flat" : `${(Number(bps) / 100).toFixed(1)}%`);
export const dollars = (e6: bigint) =>
  (Number(e6 / 10_000n) / 100).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** The page. `facts` are its opening figures. */
export function picture(
  acts: readonly Act[],
  levels: Readonly<Record<string, bigint>>,
  facts: readonly (readonly [string, string])[],
): string {
  const names = Object.keys(acts.at(-1)!.coverage);
  // The fund where it changed.
  const changes = acts.flatMap((act, at) => {
    const before = acts[at - 1];
    return before !== undefined && before.fund === act.fund && before.deficit === act.deficit ? [] : [{ act, at }];
  });
  const body = markup`<h1>A whole life of a venue</h1>
<p class="lead">Every account, from the opening to the last withdrawal; proofs are real, the chain is local. Coverages are what the members and the operator know; of the accounts, the chain saw what is in small print below.</p>
<dl>${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
<section><h2>Coverage after each act</h2><p class="caption">Above ${HIGHEST * 100}% drawn at ${HIGHEST * 100}%. No line where an account has no positions.</p>${coverageChart(acts, levels)}</section>
<section><h2>The insurance fund, less what it owes</h2>${barChart(
    "The fund",
    changes.map(({ act, at }) => ({
      label: `${at + 1}. ${act.what.split(/[:;,] /)[0]}`,
      segments: [
        { value: Number(act.fund), tone: "good" as const },
        { value: -Number(act.deficit), tone: "bad" as const },
      ],
      text: dollars(act.fund - act.deficit),
    })),
  )}</section>
<section><h2>Acts</h2><div class="scroll" role="region" aria-label="Acts" tabindex="0"><table><thead><tr><th class="n">act</th><th>time</th><th class="n">epoch</th><th>what happened</th><th>level proven</th>${names.map((name) => markup`<th class="n">${name}</th>`)}<th class="n">gas</th></tr></thead><tbody>${acts.map(
    (act, at) =>
      markup`<tr><td class="n">${at + 1}</td><td class="symbol">${act.time}</td><td class="n">${String(act.epoch)}</td><td>${act.what}</td><td>${act.level}</td>${names.map((name) => markup`<td class="n">${percent(act.coverage[name])}</td>`)}<td class="n">${act.gas.toLocaleString("en")}</td></tr>${
        act.seen.length === 0
          ? ""
          : markup`<tr><td></td><td colspan="${names.length + 5}">${act.seen.map((line) => markup`<small><code>${line}</code></small>`)}</td></tr>`
      }`,
  )}</tbody></table></div></section>`;
  return renderDocument({
    title: "A whole life of a venue",
    kind: "Walk-through",
    privateBecause: "Coverages of accounts, which only their members and the operator know.",
    body,
  });
}
