// SPDX-License-Identifier: GPL-3.0-or-later
/** The two kinds of chart in a report, as inline SVG. Geometry is in floating point: it is for the eye only. */
import { scaleLinear } from "d3-scale";
import { type Markup, markup } from "./html.ts";

/** Fills by role; the style sheet of the report colours them. */
export type Tone = "good" | "neutral" | "warn" | "severe" | "bad" | "muted";

export interface Segment {
  /** Signed; segments of a row are stacked from zero. */
  readonly value: number;
  readonly tone: Tone;
}

export interface BarRow {
  readonly label: string;
  readonly segments: readonly Segment[];
  /** The value in words, at the right edge. */
  readonly text: string;
  readonly emphasised?: boolean;
}

const WIDTH = 960;
const ROW = 26;

/** Horizontal bars on one common scale through zero. */
export function barChart(title: string, rows: readonly BarRow[], labelWidth = 300, textWidth = 150): Markup {
  const sums = rows.map(({ segments }) => segments.reduce((sum, { value }) => sum + value, 0));
  const x = scaleLinear()
    .domain([Math.min(0, ...sums), Math.max(0, ...sums) || 1])
    .range([labelWidth + 12, WIDTH - textWidth]);
  const height = rows.length * ROW + 8;
  return markup`<svg class="chart" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">
${rows.map((row, index) => {
  const middle = index * ROW + ROW / 2 + 4;
  let from = 0;
  return markup`<g class="${row.emphasised ? "emphasised" : "plain"}">
<text class="label" x="${labelWidth}" y="${middle + 4}">${row.label}</text>
${row.segments.map(({ value, tone }) => {
  const ends = [x(from), x(from + value)];
  from += value;
  const width = Math.abs(ends[1]! - ends[0]!);
  return markup`<rect class="${tone}" x="${px(Math.min(...ends))}" y="${middle - 8}" width="${px(width)}" height="16"/>`;
})}
<text class="value" x="${WIDTH - 4}" y="${middle + 4}">${row.text}</text>
</g>`;
})}
<line class="axis" x1="${px(x(0))}" x2="${px(x(0))}" y1="2" y2="${height - 2}"/>
</svg>`;
}

export interface LadderStep {
  readonly label: string;
  /** Ratio of the step, 1.5 for 150%. */
  readonly level: number;
  /** Tone of the band from this step up to the next. */
  readonly tone: Tone;
}

export interface LadderPoint {
  readonly label: string;
  readonly note: string;
  readonly tone: Tone;
  /** Undefined where there is no margin to cover. */
  readonly coverage: number | undefined;
  readonly text: string;
}

/** Highest coverage that is drawn to scale. */
const LADDER_LIMIT = 4;

/** Coverage at one or more moments against the levels, ascending; the band below the first is `bad`. */
export function ladderChart(title: string, steps: readonly LadderStep[], points: readonly LadderPoint[]): Markup {
  const drawn = points.map(({ coverage }) => Math.min(coverage ?? LADDER_LIMIT, LADDER_LIMIT));
  const low = Math.min(0, ...drawn);
  const high = Math.max(...drawn, (steps.at(-1)?.level ?? 1) * 1.15) * 1.2;
  const left = 300;
  const x = scaleLinear()
    .domain([low, high])
    .range([left, WIDTH - 20]);
  const top = 44;
  const row = 46;
  const bottom = top + points.length * row;
  const bands = [{ level: low, tone: "bad" as Tone }, ...steps];
  const format = x.tickFormat(8, "%");
  return markup`<svg class="chart" viewBox="0 0 ${WIDTH} ${bottom + 28}" role="img" aria-label="${title}">
${bands.map(({ level, tone }, index) => {
  const from = x(level);
  const to = x(bands[index + 1]?.level ?? high);
  return markup`<rect class="band ${tone}" x="${px(from)}" y="${top}" width="${px(to - from)}" height="${bottom - top}"/>`;
})}
${steps.map(
  ({ label, level }, index) => markup`<line class="level" x1="${px(x(level))}" x2="${px(x(level))}" y1="${
    index % 2 === 0 ? 34 : 16
  }" y2="${bottom}"/>
<text class="step" x="${px(x(level))}" y="${index % 2 === 0 ? 30 : 12}">${label}</text>`,
)}
${points.map(({ label, note, tone, text }, index) => {
  const y = top + index * row + row / 2;
  const end = x(drawn[index]!);
  return markup`<text class="label" x="${left - 14}" y="${y - 2}">${label}</text>
<text class="note" x="${left - 14}" y="${y + 13}">${note}</text>
<line class="stem ${tone}" x1="${px(x(0))}" x2="${px(end)}" y1="${y}" y2="${y}"/>
<circle class="${tone}" cx="${px(end)}" cy="${y}" r="7"/>
<text class="point" x="${px(end + 13)}" y="${y + 5}">${text}</text>`;
})}
${x.ticks(8).map((tick) => markup`<text class="tick" x="${px(x(tick))}" y="${bottom + 18}">${format(tick)}</text>`)}
</svg>`;
}

const px = (value: number) => Math.round(value * 10) / 10;
