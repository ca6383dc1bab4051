// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The chart kit: bars, coverage against levels, and lines over two scales. Geometry is in floating point: for the eye only.
 *
 * Positions across are percentages of the space there is, while text and heights are in CSS pixels, so that a chart fits a
 * phone without its words shrinking. Colours are the palette's custom properties.
 */
import { scaleLinear } from "d3-scale";
import { Markup, markup } from "./html.ts";
import { PALETTE } from "./palette.ts";

/** Fills by role. */
export type Tone = "good" | "neutral" | "warn" | "severe" | "bad" | "muted";

export interface Segment {
  /** Signed; segments of a row are stacked from zero. */
  readonly value: number;
  readonly tone: Tone;
}

export interface BarRow {
  readonly label: Markup | string;
  readonly segments: readonly Segment[];
  /** The value in words, at the right edge. */
  readonly text: string;
  readonly emphasised?: boolean;
}

const round = (value: number) => Math.round(value * 100) / 100;
/** A share of the width, 0 to 1, as SVG wants it. */
const across = (share: number) => `${round(100 * share)}%`;

/**
 * Horizontal bars on one common scale through zero: a list of labels and values, with what is drawn between them. On a narrow
 * screen each bar is below its label.
 */
export function barChart(title: string, rows: readonly BarRow[]): Markup {
  const sums = rows.map(({ segments }) => segments.reduce((sum, { value }) => sum + value, 0));
  // A little room at the edges keeps outlines whole.
  const x = scaleLinear()
    .domain([Math.min(0, ...sums), Math.max(0, ...sums) || 1])
    .range([0.004, 0.996]);
  return markup`<figure class="chart bars" role="group" aria-label="${title}">
${rows.map(({ segments, label, text, emphasised }) => {
  let from = 0;
  return markup`<div class="bar${emphasised ? " emphasised" : ""}"><span class="label">${label}</span><svg width="100%" height="18" aria-hidden="true">
${segments.map(({ value, tone }) => {
  const ends = [x(from), x(from + value)] as const;
  from += value;
  return markup`<rect class="${tone}" x="${across(Math.min(...ends))}" width="${across(Math.abs(ends[1] - ends[0]))}" y="2" height="14"/>`;
})}<line class="axis" x1="${across(x(0))}" x2="${across(x(0))}" y1="0" y2="18"/></svg><span class="value">${text}</span></div>
`;
})}</figure>`;
}

/** A patch of colour for a legend; drawn, since a background does not print everywhere. */
export const swatch = (tone: Tone, band = false): Markup =>
  markup`<svg class="swatch" width="14" height="14" aria-hidden="true"><rect class="${band ? "band " : ""}${tone}" x="1" y="1" width="12" height="12"/></svg>`;

export interface LadderStep {
  readonly label: string;
  /** Ratio of the step, 1.5 for 150%. */
  readonly level: number;
  /** Tone of the band from this step up to the next. */
  readonly tone: Tone;
}

export interface LadderPoint {
  readonly label: Markup | string;
  readonly note: string;
  readonly tone: Tone;
  /** Undefined where there is no margin to cover. */
  readonly coverage: number | undefined;
  readonly text: string;
}

/** Highest coverage that is drawn to scale: what is beyond is an arrow there, and the axis ends before it. */
const LADDER_LIMIT = 4;
const isBeyond = ({ coverage }: LadderPoint): boolean => coverage === undefined || coverage > LADDER_LIMIT;
const TRACK = 44;
const FLAG = 19;

/** Coverage at one or more moments against the levels, ascending; the band below the first is `bad`. */
export function ladderChart(title: string, steps: readonly LadderStep[], points: readonly LadderPoint[]): Markup {
  const drawn = points.map(({ coverage }) => Math.min(coverage ?? LADDER_LIMIT, LADDER_LIMIT));
  const low = Math.min(0, ...drawn);
  // Room for the name of the highest level, and for the figure beside the highest point.
  const high = Math.max(...drawn.map((coverage) => coverage * 1.25), (steps.at(-1)?.level ?? 1) / 0.6);
  const x = scaleLinear().domain([low, high]).range([0, 1]);
  const bands = [{ level: low, tone: "bad" as Tone }, ...steps];
  const format = x.tickFormat(8, "%");
  const ticks = x.ticks(8).filter((tick) => tick < LADDER_LIMIT || !points.some(isBeyond));
  const levels = (height: number, from = (_index: number) => 0) =>
    steps.map(
      ({ level }, index) =>
        markup`<line class="level" x1="${across(x(level))}" x2="${across(x(level))}" y1="${from(index)}" y2="${height}"/>`,
    );
  // Each level has a row of its own for its name, so that names never meet.
  const top = steps.length * FLAG;
  return markup`<figure class="chart ladder" role="group" aria-label="${title}">
<div class="moment"><span></span><svg width="100%" height="${top}">
${levels(top, (index) => index * FLAG + 2)}
${steps.map(({ label, level }, index) => markup`<text class="step" x="${across(x(level))}" dx="6" y="${index * FLAG + 13}">${label}</text>`)}</svg></div>
${points.map(({ label, note, tone, text }, index) => {
  const end = x(drawn[index]!);
  return markup`<div class="moment"><span class="label">${label}<small>${note}</small></span><svg width="100%" height="${TRACK}">
${bands.map(({ level, tone: band }, step) => markup`<rect class="band ${band}" x="${across(x(level))}" y="0" width="${across(x(bands[step + 1]?.level ?? high) - x(level))}" height="${TRACK}"/>`)}
${levels(TRACK)}
<line class="stem ${tone}" x1="${across(x(0))}" x2="${across(end)}" y1="${TRACK / 2}" y2="${TRACK / 2}"/>
${pointMark(tone, end, isBeyond(points[index]!))}
<text class="point" x="${across(end)}" dx="13" y="${TRACK / 2 + 5}">${text}</text></svg></div>
`;
})}<div class="moment"><span></span><svg width="100%" height="20" aria-hidden="true">${ticks.map((tick, index) => tickText(x(tick), 14, format(tick), index))}</svg></div>
</figure>`;
}

/** A point on its line, or an arrow that says that it goes on. */
const pointMark = (tone: Tone, end: number, beyond: boolean): Markup =>
  beyond
    ? markup`<svg class="beyond" x="${across(end)}" y="${TRACK / 2}" overflow="visible"><path class="${tone}" d="M-6,-9L10,0L-6,9Z"/></svg>`
    : markup`<circle class="${tone}" cx="${across(end)}" cy="${TRACK / 2}" r="7"/>`;

/** A tick's text below an axis. Two of three give way on a narrow screen. */
function tickText(share: number, y: number, text: string, index: number): Markup {
  const anchor = share < 0.02 ? "start" : share > 0.97 ? "end" : "middle";
  return markup`<text class="tick${index % 3 === 0 ? "" : " minor"}" x="${across(share)}" y="${y}" text-anchor="${anchor}">${text}</text>`;
}

/** One of the palette's five series, or what only accompanies them. */
export type Series = 1 | 2 | 3 | 4 | 5 | "quiet";

export interface Line {
  /** In the legend; none where empty. */
  readonly label: string;
  /** Points in the order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly series: Series;
  readonly dashed?: boolean;
}

export interface Band {
  readonly points: readonly (readonly [x: number, low: number, high: number])[];
  readonly opacity: number;
}

export interface Plot {
  readonly title: string;
  readonly x: { readonly label: string; readonly format?: (value: number) => string };
  readonly y: { readonly label: string; readonly format?: (value: number) => string; readonly from?: number };
  readonly lines: readonly Line[];
  readonly bands?: readonly Band[];
  /** Dots with an area each. */
  readonly dots?: readonly { readonly x: number; readonly y: number; readonly area: number; readonly series: Series }[];
  /** Levels across the plot. */
  readonly levels?: readonly { readonly y: number; readonly label: string }[];
}

const AREA = 240;
/** Left and right of the area, a line of the legend, below the area: in pixels. */
const [LEFT, RIGHT] = [64, 14];
/** Of a plot in a document. */
export const PLOT_MARGINS = { left: LEFT, right: RIGHT } as const;
const [LEGEND, FOOT] = [19, 40];
/** What is drawn has this many units across, however wide the chart is. */
const UNITS = 1000;

/** Lines, shaded bands and dots over two linear scales. What is not finite is left out. */
export function plot(options: Plot): Markup {
  return markup`<svg class="chart plot" width="100%" height="${heightOf(options)}" role="img" aria-label="${options.title}">
${drawn(options)}
</svg>`;
}

/** The same as a file of its own, with its own colours, light and dark. */
export function plotFile(options: Plot, width = 760): string {
  const height = heightOf(options);
  const style = new Markup(`<style>${PALETTE}\n${CHART_STYLE}\nsvg:root { background: var(--paper); }</style>`);
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="chart plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${options.title}">
${style}
<svg x="${LEFT}" width="${width - LEFT - RIGHT}" height="${height}">
${drawn(options)}
</svg>
</svg>
`.text;
}

const namedLines = ({ lines }: Plot) => lines.filter(({ label }) => label !== "");
const topOf = (options: Plot) => 22 + namedLines(options).length * LEGEND;
const heightOf = (options: Plot) => topOf(options) + AREA + FOOT;

/** Everything, where 0% to 100% across is the plot's own area; its edges are outside of that. */
function drawn(options: Plot): Markup {
  const { title, x, y, lines, bands = [], dots = [], levels = [] } = options;
  const { over, up } = scalesOf(options);
  const named = namedLines(options);
  const at = (value: number) => across(over(value));
  const path = (points: readonly (readonly [number, number])[]) =>
    points
      .filter(([, value]) => Number.isFinite(value))
      .map(([point, value], index) => `${index === 0 ? "M" : "L"}${round(UNITS * over(point))} ${round(up(value))}`)
      .join("");
  const formatX = x.format ?? over.tickFormat(8);
  const formatY = y.format ?? up.tickFormat(6);
  const [from, to] = over.domain() as [number, number];
  const [low, high] = up.domain() as [number, number];
  return markup`<title>${title}</title>
<desc>${x.label} from ${formatX(from)} to ${formatX(to)}, ${y.label} from ${formatY(low)} to ${formatY(high)}. ${named.map(({ label }) => `${label}. `)}${levels.map(({ label }) => `Level: ${label}. `)}</desc>
<text class="name" x="${-LEFT}" y="13">${y.label}</text>
${named.map(({ label, series, dashed }, index) => markup`<line class="line s-${series}${dashed ? " dashed" : ""}" x1="0" x2="18" y1="${27 + index * LEGEND}" y2="${27 + index * LEGEND}"/><text class="step" x="26" y="${31 + index * LEGEND}">${label}</text>`)}
<g transform="translate(0 ${topOf(options)})">
${up.ticks(6).map((tick) => markup`<line class="grid" x1="0" x2="100%" y1="${round(up(tick))}" y2="${round(up(tick))}"/><text class="tick" x="-8" y="${round(up(tick)) + 4}" text-anchor="end">${formatY(tick)}</text>`)}
<svg viewBox="0 0 ${UNITS} ${AREA}" preserveAspectRatio="none" width="100%" height="${AREA}">
${bands.map(({ points, opacity }) => {
  const upper = path(points.map(([point, , top]) => [point, top]));
  const lower = path(points.toReversed().map(([point, bottom]) => [point, bottom])).replace(/^M/, "L");
  return markup`<path class="spread" d="${upper}${lower}Z" opacity="${opacity}"/>`;
})}
${lines.map(({ points, series, dashed }) => markup`<path class="line s-${series}${dashed ? " dashed" : ""}" d="${path(points)}"/>`)}
</svg>
${dots.map((dot) => markup`<circle class="dot s-${dot.series}" cx="${at(dot.x)}" cy="${round(up(dot.y))}" r="${round(Math.sqrt(dot.area / Math.PI))}"/>`)}
${levels.map(({ y: level, label }) => markup`<line class="limit" x1="0" x2="100%" y1="${round(up(level))}" y2="${round(up(level))}"/><text class="limit-name" x="100%" dx="-4" y="${round(up(level)) - 5}" text-anchor="end">${label}</text>`)}
${over.ticks(8).map((tick, index) => tickText(over(tick), AREA + 18, formatX(tick), index))}
<text class="name" x="100%" y="${AREA + 35}" text-anchor="end">${x.label}</text>
</g>`;
}

/** `over` gives shares of the width, `up` pixels from the top of the area. */
function scalesOf({ y, lines, bands = [], dots = [], levels = [] }: Plot) {
  const xs = [
    ...lines.flatMap(({ points }) => points.map(([at]) => at)),
    ...bands.flatMap(({ points }) => points.map(([at]) => at)),
    ...dots.map((dot) => dot.x),
  ];
  const ys = [
    ...lines.flatMap(({ points }) => points.map(([, value]) => value)),
    ...bands.flatMap(({ points }) => points.flatMap(([, low, high]) => [low, high])),
    ...dots.map((dot) => dot.y),
    ...levels.map((level) => level.y),
    ...(y.from === undefined ? [] : [y.from]),
  ].filter((value) => Number.isFinite(value));
  const over = scaleLinear()
    .domain([least(xs), most(xs)])
    .range([0, 1]);
  const up = scaleLinear()
    .domain([least(ys), most(ys)])
    .nice(6)
    .range([AREA, 0]);
  return { over, up };
}

const least = (values: readonly number[]) =>
  values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
const most = (values: readonly number[]) =>
  values.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);

const TONES: readonly Tone[] = ["good", "neutral", "warn", "severe", "bad", "muted"];

/** Rules for what the kit draws, in a document or in a file of its own. Outlines show where fills are not printed. */
export const CHART_STYLE = `.chart { -webkit-print-color-adjust: exact; print-color-adjust: exact; font-family: -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; font-size: 13px; font-variant-numeric: tabular-nums; overflow: visible; }
.chart > svg, .bar svg, .moment svg, .swatch { overflow: visible; }
.chart rect:not(.band), .swatch rect { stroke: var(--fill-edge); stroke-width: 1; }
${TONES.map((tone) => `rect.${tone}, circle.${tone}, .beyond path.${tone} { fill: var(--${tone}-fill); } .stem.${tone} { stroke: var(--${tone}-fill); }${tone === "muted" ? "" : ` rect.band.${tone} { fill: var(--${tone}-tint); }`}`).join("\n")}
.chart text { fill: var(--ink); }
.chart .axis { stroke: var(--edge); stroke-width: 1; }
.chart .level { stroke: var(--edge); stroke-width: 1; stroke-dasharray: 3 3; }
.chart .stem { stroke-width: 5; }
.chart circle, .beyond path { stroke: var(--paper); stroke-width: 2; }
.chart .point { font-weight: 650; font-size: 14px; }
.chart .step, .chart .tick, .chart .name, .chart .limit-name { font-size: 12px; }
.chart .tick, .chart .name { fill: var(--quiet); }
.plot .grid { stroke: var(--line); }
.plot .line { fill: none; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.plot .dashed { stroke-dasharray: 5 4; }
.plot .spread { fill: var(--c1); }
.plot .dot { fill-opacity: 0.75; stroke-width: 1; }
.plot .limit { stroke: var(--bad); stroke-dasharray: 3 3; } .plot .limit-name { fill: var(--bad); }
${[1, 2, 3, 4, 5].map((series) => `.plot .line.s-${series} { stroke: var(--c${series}); } .plot .dot.s-${series} { fill: var(--c${series}); }`).join("\n")}
.plot .line.s-quiet { stroke: var(--edge); stroke-width: 1.25; }
@media (max-width: 560px) { .chart .minor { display: none; } }`;
