// SPDX-License-Identifier: GPL-3.0-or-later
/** Charts of risk, as inline SVG with their own colours, so that they also stand alone. For the eye only. */
import { scaleLinear } from "d3-scale";
import { type Markup, markup } from "../report/html.ts";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [960, 300, 84, 20, 14, 40];
const INK = "#1c2733";
const QUIET = "#5f6b78";
export const COLOURS = ["#33608f", "#c7611c", "#2f7d5b", "#a8262c"] as const;

export interface Line {
  readonly label: string;
  /** Points in the order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly colour: string;
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
  readonly dots?: readonly { readonly x: number; readonly y: number; readonly area: number; readonly colour: string }[];
  /** Levels across the plot. */
  readonly levels?: readonly { readonly y: number; readonly label: string }[];
}

/** Lines, shaded bands and dots over two linear scales. What is not finite is left out. */
export function plot({ title, x, y, lines, bands = [], dots = [], levels = [] }: Plot): Markup {
  const finite = (value: number) => Number.isFinite(value);
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
  ].filter(finite);
  const across = scaleLinear()
    .domain([least(xs), most(xs)])
    .range([LEFT, WIDTH - RIGHT]);
  const up = scaleLinear()
    .domain([least(ys), most(ys)])
    .nice(6)
    .range([HEIGHT - BOTTOM, TOP]);
  const px = (value: number) => Math.round(value * 10) / 10;
  const path = (points: readonly (readonly [number, number])[]) =>
    points
      .filter(([, value]) => finite(value))
      .map(([at, value], index) => `${index === 0 ? "M" : "L"}${px(across(at))} ${px(up(value))}`)
      .join("");
  const formatX = x.format ?? across.tickFormat(8);
  const formatY = y.format ?? up.tickFormat(6);
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}" font-family="system-ui, sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${up.ticks(6).map((tick) => markup`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(up(tick))}" y2="${px(up(tick))}" stroke="#d8dee5"/><text x="${LEFT - 8}" y="${px(up(tick)) + 4}" text-anchor="end" fill="${QUIET}">${formatY(tick)}</text>`)}
${across.ticks(8).map((tick) => markup`<text x="${px(across(tick))}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle" fill="${QUIET}">${formatX(tick)}</text>`)}
<text x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" text-anchor="end" fill="${INK}">${x.label}</text>
<text x="14" y="${TOP}" transform="rotate(-90 14 ${TOP})" text-anchor="end" fill="${INK}">${y.label}</text>
${bands.map(({ points, opacity }) => {
  const upper = path(points.map(([at, , high]) => [at, high]));
  const lower = path(points.toReversed().map(([at, low]) => [at, low])).replace(/^M/, "L");
  return markup`<path d="${upper}${lower}Z" fill="${COLOURS[0]}" opacity="${opacity}"/>`;
})}
${lines.map(({ points, colour, dashed }) => markup`<path d="${path(points)}" fill="none" stroke="${colour}" stroke-width="1.5"${dashed ? markup` stroke-dasharray="5 4"` : ""}/>`)}
${dots.map((dot) => markup`<circle cx="${px(across(dot.x))}" cy="${px(up(dot.y))}" r="${px(Math.sqrt(dot.area / Math.PI))}" fill="${dot.colour}" opacity="0.75"/>`)}
${levels.map(({ y: level, label }) => markup`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(up(level))}" y2="${px(up(level))}" stroke="${COLOURS[3]}" stroke-dasharray="3 3"/><text x="${WIDTH - RIGHT - 4}" y="${px(up(level)) - 4}" text-anchor="end" fill="${COLOURS[3]}">${label}</text>`)}
${lines.filter(({ label }) => label !== "").map(({ label, colour }, index) => markup`<rect x="${LEFT + 12}" y="${TOP + 6 + index * 18}" width="14" height="4" fill="${colour}"/><text x="${LEFT + 32}" y="${TOP + 13 + index * 18}" fill="${INK}">${label}</text>`)}
</svg>`;
}

const least = (values: readonly number[]) =>
  values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
const most = (values: readonly number[]) =>
  values.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);
