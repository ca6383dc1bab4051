// SPDX-License-Identifier: GPL-3.0-or-later
/** The picture of the walk-through: coverage of every account and the fund, act by act. PRIVATE, as coverages are. */
import { scaleLinear } from "d3-scale";
import { barChart } from "../../prover/src/report/charts.ts";
import { type Markup, markup } from "../../prover/src/report/html.ts";
import { STYLE } from "../../prover/src/report/style.ts";

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

const COLOURS = ["#33608f", "#c7611c", "#a8262c", "#2f7d5b", "#7a4d96"];
const [WIDTH, HEIGHT] = [960, 420];
const EDGE = { left: 64, right: 130, top: 12, bottom: 34 };
/** Coverage is drawn to scale between these; what lies beyond is drawn at the edge. */
const [LOWEST, HIGHEST] = [-0.5, 3];

const px = (value: number) => Math.round(value * 10) / 10;

/** Lines of coverage over acts, with the policy's levels; a line ends where there are no positions. */
function coverageChart(acts: readonly Act[], levels: Readonly<Record<string, bigint>>): Markup {
  const x = scaleLinear()
    .domain([0, acts.length - 1])
    .range([EDGE.left, WIDTH - EDGE.right]);
  const y = scaleLinear()
    .domain([LOWEST, HIGHEST])
    .range([HEIGHT - EDGE.bottom, EDGE.top]);
  const height = (bps: bigint) => px(y(Math.min(HIGHEST, Math.max(LOWEST, Number(bps) / 1e4))));
  const names = Object.keys(acts.at(-1)!.coverage);
  const lines = names.map((name, index) => {
    const runs: { at: number; bps: bigint }[][] = [];
    let open = false;
    for (const [at, act] of acts.entries()) {
      const bps = act.coverage[name];
      if (bps !== undefined) {
        if (!open) runs.push([]);
        runs.at(-1)!.push({ at, bps });
      }
      open = bps !== undefined;
    }
    const colour = COLOURS[index % COLOURS.length]!;
    const last = runs.at(-1)?.at(-1);
    return markup`${runs.map(
      (run) =>
        markup`<polyline points="${run.map(({ at, bps }) => `${px(x(at))},${height(bps)}`).join(" ")}" fill="none" stroke="${colour}" stroke-width="2.5"/>${run.map(
          ({ at, bps }) =>
            markup`<circle cx="${px(x(at))}" cy="${height(bps)}" r="3.5" style="fill:${colour}"><title>${name}, act ${at + 1}: ${percent(bps)}</title></circle>`,
        )}`,
    )}${last === undefined ? "" : markup`<text x="${px(x(last.at) + 8)}" y="${height(last.bps) + 4}" style="fill:${colour};font-weight:600">${name}</text>`}`;
  });
  return markup`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Coverage over acts">
${Object.entries(levels).map(
  ([name, bps]) =>
    markup`<line class="level" x1="${EDGE.left}" x2="${WIDTH - EDGE.right}" y1="${height(bps)}" y2="${height(bps)}"/><text class="note" x="${WIDTH - 4}" y="${height(bps) + 4}">${name} ${percent(bps)}</text>`,
)}
${y.ticks(7).map((tick) => markup`<text class="label" x="${EDGE.left - 10}" y="${px(y(tick)) + 4}">${Math.round(tick * 100)}%</text>`)}
<line class="axis" x1="${EDGE.left}" x2="${WIDTH - EDGE.right}" y1="${px(y(0))}" y2="${px(y(0))}"/>
${acts.map((_, at) => markup`<text class="tick" x="${px(x(at))}" y="${HEIGHT - 8}">${at + 1}</text>`)}
${lines}
</svg>`;
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
  return markup`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A whole life of a venue</title>${STYLE}</head><body>
<h1>A whole life of a venue</h1>
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
    430,
  )}</section>
<section><h2>Acts</h2><table><thead><tr><th class="n">act</th><th>time</th><th class="n">epoch</th><th>what happened</th><th>level proven</th>${names.map((name) => markup`<th class="n">${name}</th>`)}<th class="n">gas</th></tr></thead><tbody>${acts.map(
    (act, at) =>
      markup`<tr><td class="n">${at + 1}</td><td class="symbol">${act.time}</td><td class="n">${String(act.epoch)}</td><td>${act.what}</td><td>${act.level}</td>${names.map((name) => markup`<td class="n">${percent(act.coverage[name])}</td>`)}<td class="n">${act.gas.toLocaleString("en")}</td></tr>${
        act.seen.length === 0
          ? ""
          : markup`<tr><td></td><td colspan="${names.length + 5}">${act.seen.map((line) => markup`<small><code>${line}</code></small>`)}</td></tr>`
      }`,
  )}</tbody></table></section>
</body></html>
`.text;
}
