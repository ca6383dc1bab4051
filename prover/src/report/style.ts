// SPDX-License-Identifier: GPL-3.0-or-later
/** Style sheet of the report: one column, system fonts, prints on A4 with its colours. */
import { markup } from "./html.ts";

export const STYLE = markup`<style>
:root { --ink: #1c2733; --quiet: #5f6b78; --line: #d8dee5; --good: #2f7d5b; --neutral: #33608f; --warn: #c98a1b; --severe: #c7611c; --bad: #a8262c; --muted: #c3ccd6; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px; max-width: 1040px; color: var(--ink); background: #fff; font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
h1 { margin: 0; font-size: 28px; }
h2 { margin: 0 0 4px; font-size: 19px; }
h3 { margin: 0; font-size: 15px; }
p { margin: 0 0 10px; }
small, .caption, .lead { color: var(--quiet); }
small { display: block; }
.private { padding: 8px 14px; border: 1px solid var(--bad); border-radius: 4px; color: var(--bad); }
.private strong { margin-right: 8px; letter-spacing: 0.08em; }
section { margin: 30px 0; }
h2, thead { break-after: avoid; }
.chart, tr, li { break-inside: avoid; }
.cards { display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px; margin-top: 18px; }
.card { padding: 12px 14px; border: 1px solid var(--line); border-top: 4px solid var(--muted); border-radius: 4px; }
.card h2 { font-size: 13px; font-weight: 600; color: var(--quiet); }
.card p { margin: 0; font-size: 13px; }
.card .big { font-size: 25px; font-weight: 650; font-variant-numeric: tabular-nums; line-height: 1.3; }
.card.good { border-top-color: var(--good); } .card.good .big { color: var(--good); }
.card.neutral { border-top-color: var(--neutral); } .card.neutral .big { color: var(--neutral); }
.card.warn { border-top-color: var(--warn); } .card.warn .big { color: var(--warn); }
.card.severe { border-top-color: var(--severe); } .card.severe .big { color: var(--severe); }
.card.bad { border-top-color: var(--bad); } .card.bad .big { color: var(--bad); }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; }
th, td { padding: 5px 8px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--quiet); font-weight: 600; border-bottom-width: 2px; }
.symbol { white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sum td { font-weight: 650; border-top: 2px solid var(--line); }
.legend { width: auto; margin-top: 4px; }
.legend td { border: 0; padding: 1px 8px; font-size: 13px; }
.legend .key { width: 26px; border: 3px solid #fff; }
.band-good { background: #e3f1ea; } .band-neutral { background: #e4ecf5; } .band-warn { background: #faf1d6; } .band-severe { background: #f9e0c8; } .band-bad { background: #f3d0d0; }
.swatch { display: inline-block; width: 12px; height: 12px; margin: 0 2px 0 10px; vertical-align: -1px; }
.swatch.neutral { background: var(--neutral); } .swatch.muted { background: var(--muted); }
.chart { display: block; width: 100%; height: auto; margin: 6px 0; font-size: 13px; font-variant-numeric: tabular-nums; }
.chart .label { text-anchor: end; fill: var(--ink); }
.chart .note { text-anchor: end; fill: var(--quiet); font-size: 11.5px; }
.chart .value { text-anchor: end; fill: var(--ink); }
.chart .emphasised text { font-weight: 700; }
.chart .axis { stroke: var(--ink); stroke-width: 1; }
.chart rect.good, .chart circle.good { fill: var(--good); } .chart rect.neutral, .chart circle.neutral { fill: var(--neutral); }
.chart rect.warn, .chart circle.warn { fill: var(--warn); } .chart rect.bad, .chart circle.bad { fill: var(--bad); }
.chart rect.severe, .chart circle.severe { fill: var(--severe); } .chart rect.muted { fill: var(--muted); }
.chart rect.band.good { fill: #e3f1ea; } .chart rect.band.neutral { fill: #e4ecf5; } .chart rect.band.warn { fill: #faf1d6; }
.chart rect.band.severe { fill: #f9e0c8; } .chart rect.band.bad { fill: #f3d0d0; }
.chart .level { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 3 3; }
.chart .step { text-anchor: middle; fill: var(--ink); font-size: 12px; }
.chart .tick { text-anchor: middle; fill: var(--quiet); font-size: 12px; }
.chart .point { font-weight: 700; fill: var(--ink); font-size: 14px; }
.chart .stem { stroke-width: 4; } .chart .stem.good { stroke: var(--good); } .chart .stem.neutral { stroke: var(--neutral); }
.chart .stem.warn { stroke: var(--warn); } .chart .stem.severe { stroke: var(--severe); } .chart .stem.bad { stroke: var(--bad); }
.proof { margin: 10px 0; padding: 10px 14px; border: 1px solid var(--line); border-left: 5px solid var(--good); border-radius: 4px; break-inside: avoid; }
.proof.bad { border-left-color: var(--bad); }
.proof p { margin: 4px 0; }
.verdict { margin-right: 6px; color: var(--good); } .proof.bad .verdict { color: var(--bad); }
dl { display: flex; flex-wrap: wrap; gap: 2px 22px; margin: 4px 0 0; font-size: 13px; }
dl div { display: flex; gap: 6px; } dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
code { font-size: 12px; overflow-wrap: anywhere; }
li { margin-bottom: 4px; }
@media (max-width: 720px) { .cards { grid-template-columns: repeat(2, 1fr); } }
@media print { body { padding: 0; font-size: 12px; } section { margin: 18px 0; } table { font-size: 10.5px; break-inside: avoid; } th, td { padding: 2px 6px; } @page { size: A4; margin: 12mm; } }
</style>`;
