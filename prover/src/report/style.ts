// SPDX-License-Identifier: GPL-3.0-or-later
/** The one style sheet: one column, system fonts, light and dark, from 320 px to A4. */
import { CHART_STYLE, PLOT_MARGINS } from "./charts.ts";
import { Markup } from "./html.ts";
import { PALETTE } from "./palette.ts";

const TEXT = `* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; background: var(--paper); }
body { margin: 0 auto; padding: 20px clamp(16px, 4vw, 36px) 56px; max-width: 1064px; color: var(--ink); background: var(--paper); font: 15px/1.55 -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; overflow-wrap: break-word; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
h1 { margin: 0 0 4px; font-size: clamp(23px, 5vw, 30px); line-height: 1.2; letter-spacing: -0.01em; text-wrap: balance; }
h2 { margin: 0 0 6px; font-size: 19px; line-height: 1.3; }
h3 { margin: 0; font-size: 15px; line-height: 1.45; }
p { margin: 0 0 10px; max-width: 88ch; text-wrap: pretty; }
small, .caption, .lead, .hint { color: var(--quiet); }
small { display: block; font-size: 12.5px; }
.caption, .hint { font-size: 13px; }
section { margin: 38px 0; }
ul, ol { margin: 6px 0 10px; padding-left: 22px; }
li { margin-bottom: 5px; max-width: 96ch; }
a { color: var(--accent); }
code, pre { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
h1, h2, h3, p, li, dd, code, summary, figure .label, .facts td, section:not(.scroll) > table td { overflow-wrap: anywhere; }
pre { margin: 0; overflow-x: auto; }
time { white-space: nowrap; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
::selection { background: color-mix(in srgb, var(--accent) 26%, transparent); }
.masthead { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; margin-bottom: 26px; padding-bottom: 12px; border-bottom: 1px solid var(--line); color: var(--accent); font-size: 14px; }
.masthead .mark { flex: none; }
.masthead .brand { font-weight: 700; letter-spacing: 0.02em; }
.masthead .kind { color: var(--quiet); }
.seal { margin-left: auto; padding: 2px 10px; border: 1.5px solid var(--bad); border-radius: 3px; color: var(--bad); font-size: 12px; letter-spacing: 0.12em; }
.private { margin: 0 0 20px; color: var(--bad); font-size: 13.5px; max-width: none; }
.running { display: none; }`;

const CARDS = `.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px; margin: 24px 0 0; }
.card { padding: 12px 15px; border: 1px solid var(--line); border-top: 4px solid var(--edge); border-radius: 6px; background: var(--raised); break-inside: avoid; }
.card h2 { margin: 0; font-size: 13px; font-weight: 600; color: var(--quiet); }
.card p { margin: 0; font-size: 13px; }
.card .big { font-size: clamp(20px, 5.4vw, 26px); font-weight: 650; font-variant-numeric: tabular-nums; line-height: 1.35; letter-spacing: -0.01em; }
${["good", "neutral", "warn", "severe", "bad"].map((tone) => `.card.${tone} { border-top-color: var(--${tone}-fill); } .card.${tone} .big { color: var(--${tone}); }`).join("\n")}
.proof { margin: 12px 0; padding: 12px 16px; border: 1px solid var(--line); border-left: 5px solid var(--good-fill); border-radius: 6px; break-inside: avoid; }
.proof.bad { border-left-color: var(--bad-fill); } .proof.test { border-left-color: var(--test); } .proof.claimed { border-left-color: var(--edge); }
.proof p { margin: 4px 0; }
.verdict { margin-right: 6px; color: var(--good); } .proof.bad .verdict { color: var(--bad); } .proof.test .verdict { color: var(--test); }
.foreign { overflow-wrap: anywhere; border-bottom: 1px dotted var(--edge); } dd > .foreign, .symbol > .foreign { border: 0; }
dl { display: flex; flex-wrap: wrap; gap: 3px 24px; margin: 8px 0 0; font-size: 13px; }
dl div { display: flex; gap: 7px; min-width: 0; } dt { flex: none; color: var(--quiet); } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
details { margin: 10px 0; border: 1px solid var(--line); border-radius: 6px; }
details summary { padding: 10px 16px; cursor: pointer; font-weight: 650; }
details summary .caption { font-weight: 400; }
details > :not(summary) { margin: 0 16px 12px; }
.outcome { margin: 20px 0; padding: 16px 20px; border: 1px solid var(--line); border-left: 8px solid var(--edge); border-radius: 6px; break-inside: avoid; }
.outcome h2 { margin: 0 0 4px; font-size: clamp(21px, 4.5vw, 27px); } .outcome p { margin: 3px 0; } .outcome ul { margin: 8px 0 0; }
${["good", "warn", "bad", "test"].map((tone) => `.outcome.${tone} { border-color: var(--${tone}); background: var(--${tone}-tint); } .outcome.${tone} h2 { color: var(--${tone}); }`).join("\n")}
.badge { display: inline-block; margin-right: 4px; padding: 0 8px; border: 1px solid currentColor; border-radius: 10px; font-size: 12px; line-height: 18px; font-weight: 650; white-space: nowrap; }
.badge.proven { color: var(--good); } .badge.on-chain { color: var(--neutral); } .badge.attested { color: var(--warn); } .badge.claimed { color: var(--quiet); } .badge.test { color: var(--test); }
.sign { display: grid; grid-template-columns: repeat(3, 1fr); gap: 24px; margin-top: 80px; break-inside: avoid; }
.sign p { border-top: 1px solid var(--ink); padding-top: 4px; color: var(--quiet); font-size: 12px; }`;

const TABLES = `.scroll { margin: 10px 0; overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
th { color: var(--quiet); font-weight: 600; font-size: 12.5px; border-bottom: 1.5px solid var(--edge); vertical-align: bottom; }
.symbol { white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sum td { font-weight: 650; border-top: 1.5px solid var(--edge); } .sum small { font-weight: 400; }
.legend { width: auto; margin-top: 10px; }
.legend td { border: 0; padding: 2px 10px 2px 0; font-size: 13px; } .legend td:nth-last-child(2) { white-space: nowrap; }
.swatch { vertical-align: -2px; margin: 0 2px 0 8px; } .legend .swatch, .swatch:first-child { margin-left: 0; }
.facts td:first-child { width: 17ch; color: var(--quiet); } .facts td:last-child { width: 52%; }
@media screen and (max-width: 640px) {
.scroll { margin-right: calc(-1 * clamp(16px, 4vw, 36px)); padding-right: clamp(16px, 4vw, 36px); }
.scroll table { width: max-content; min-width: 100%; } .scroll td { max-width: 260px; } .scroll small { max-width: 42ch; }
.scroll td:first-child:not([colspan]), .scroll th:first-child { position: sticky; left: 0; background: var(--paper); padding-right: 12px; }
.facts, .facts tbody, .facts tr, .facts td { display: block; width: auto; }
.facts td { padding: 0; border: 0; } .facts tr { padding: 8px 0; border-bottom: 1px solid var(--line); } .facts td:last-child { width: auto; } .facts thead { display: none; }
}`;

const CHARTS = `figure { margin: 12px 0; }
.bars { display: grid; grid-template-columns: fit-content(38%) 1fr auto; gap: 7px 14px; align-items: center; }
.bar { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; align-items: center; break-inside: avoid; }
.bar svg { display: block; min-width: 0; } .bar .value { text-align: right; white-space: nowrap; }
.bar.emphasised { font-weight: 700; }
.moment { display: grid; grid-template-columns: 27% 1fr; gap: 0 16px; align-items: center; break-inside: avoid; }
.moment svg { display: block; } .moment .label { line-height: 1.35; }
.plot { display: block; margin: 14px ${PLOT_MARGINS.right}px 6px ${PLOT_MARGINS.left}px; width: calc(100% - ${PLOT_MARGINS.left + PLOT_MARGINS.right}px); break-inside: avoid; }
@media screen and (max-width: 640px) {
.bars { display: block; }
.bar { grid-template-columns: 1fr auto; gap: 1px 10px; margin-bottom: 9px; } .bar svg { grid-row: 2; grid-column: 1 / -1; }
.moment { grid-template-columns: 1fr; gap: 4px; margin-bottom: 10px; } .moment .label:has(> input[type="checkbox"]) { font-weight: 400; }
label small { display: inline; margin-left: 6px; }
}`;

const TOOLS = `fieldset { margin: 0 0 18px; padding: 14px 18px 16px; border: 1px solid var(--line); border-radius: 6px; min-width: 0; }
fieldset section { margin: 26px 0 0; }
legend { padding: 0 6px; margin-left: -6px; font-weight: 650; }
label { display: block; margin: 12px 0 3px; font-weight: 600; font-size: 14px; }
label small { display: inline; margin-left: 6px; font-weight: 400; }
.tool .hint { margin: 0 0 5px; max-width: none; }
input[type="text"], input[type="password"], textarea, select { width: 100%; padding: 8px 10px; border: 1px solid var(--edge); border-radius: 4px; color: var(--ink); background: var(--paper); font: inherit; font-size: 14px; }
textarea, input.code { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
textarea { min-height: 58px; resize: vertical; }
input[type="file"] { max-width: 100%; color: var(--quiet); font: inherit; font-size: 13px; }
::placeholder { color: var(--quiet); opacity: 1; }
input::file-selector-button, button, .button { padding: 8px 18px; border: 1px solid var(--accent); border-radius: 4px; background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 650; cursor: pointer; }
input::file-selector-button { margin-right: 10px; padding: 5px 12px; font-size: 13px; background: var(--paper); color: var(--accent); }
button.quiet { background: var(--paper); color: var(--accent); }
button:disabled { border-color: var(--line); background: var(--raised); color: var(--quiet); cursor: default; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(380px, 100%), 1fr)); gap: 0 24px; } .columns > * { min-width: 0; }
.what-if .minor { display: none; } .what-if { display: grid; grid-template-columns: minmax(0, 300px) minmax(0, 1fr); gap: 0 32px; } @media (max-width: 760px) { .what-if { grid-template-columns: minmax(0, 1fr); } }
.drop { padding: 20px; border: 2px dashed var(--edge); border-radius: 6px; text-align: center; }
.drop.over { border-color: var(--accent); background: var(--neutral-tint); }
.drop p { margin: 0 auto 6px; } .drop label { margin: 6px 0 3px; }
.actions { display: flex; flex-wrap: wrap; gap: 12px; align-items: center; margin: 18px 0; }
.error { color: var(--bad); font-weight: 600; } .error:empty { display: none; }
.found { margin: 4px 0 0; font-size: 13px; color: var(--accent); } .found:empty { display: none; } #told-answer { white-space: pre-line; }
#result:not(:empty) { margin-top: 34px; padding-top: 28px; border-top: 1px solid var(--line); outline: none; }
.notes { margin-top: 10px; font-size: 13.5px; } .notes:empty { display: none; }
progress { flex: 1 1 200px; height: 12px; accent-color: var(--accent); }
[hidden] { display: none !important; }
@media (prefers-reduced-motion: no-preference) { button, .drop { transition: background-color 0.12s, border-color 0.12s; } }
.group { margin: 22px 0 0; font-size: 15px; }
.desk-head { display: flex; flex-wrap: wrap; gap: 6px 20px; align-items: center; margin: 0 0 22px; }
.desk-head a[aria-current="page"] { font-weight: 650; text-decoration: none; color: var(--ink); }
.desk-head .who { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; margin-left: auto; }
.time-line { list-style: none; padding: 0; } .time-line li { display: grid; grid-template-columns: max-content minmax(0, 1fr) minmax(0, 140px); gap: 2px 16px; padding: 6px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.time-line time { color: var(--quiet); } .time-line small { display: block; } @media (max-width: 560px) { .time-line li { grid-template-columns: minmax(0, 1fr); } }
.desk-head button { padding: 3px 10px; font-size: 13px; }
.tool input[type="range"] { width: 100%; accent-color: var(--accent); }
.tool output { font-weight: 400; color: var(--quiet); font-variant-numeric: tabular-nums; }
.trade { display: grid; grid-template-columns: 1fr 1fr auto; gap: 8px; margin: 8px 0; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
caption { text-align: left; padding: 10px 0 4px; }
${["good", "neutral", "warn", "severe", "bad"].map((tone) => `.ink-${tone} { color: var(--${tone}); }`).join(" ")}
@media print { .unprinted { display: none; } #result:not(:empty) { margin: 0; padding: 0; border: 0; } }`;

const PRINT = `@page { size: A4; margin: 17mm 15mm 18mm; font: 9px Helvetica, Arial, sans-serif; color: #566372; @bottom-left { width: 80%; } @bottom-right { content: counter(page) " / " counter(pages); } }
@media print {
html, body { background: none; }
body { padding: 0; max-width: none; font-size: 11.5px; line-height: 1.45; }
h1 { font-size: 22px; } h2 { font-size: 15px; } h3 { font-size: 12px; }
section { margin: 22px 0; } .masthead { margin-bottom: 16px; }
h2, h3, thead, .caption:has(+ figure) { break-after: avoid; }
thead { display: table-header-group; }
tr, li, .chart:not(.bars), dl, details summary { break-inside: avoid; }
p { orphans: 3; widows: 3; }
table { font-size: 10px; } th { font-size: 9.5px; } th, td { padding: 2.5px 6px; } code { font-size: 9px; } .facts code { font-size: 8.4px; }
.chart, .card p, small, .caption, dl { font-size: 10px; } .card .big { font-size: 18px; } .cards { grid-template-columns: repeat(4, 1fr); gap: 8px; } .card { padding: 8px 10px; }
.bars { gap: 4px 10px; }
.scroll { overflow: visible; }
details { border: 0; } details summary { padding: 6px 0; list-style: none; } details > :not(summary) { margin: 0 0 8px; }
details::details-content { content-visibility: visible; block-size: auto; display: block; }
a { color: inherit; text-decoration: none; }
.legend td { font-size: 10px; padding: 1px 8px 1px 0; } .chart .step, .chart .tick, .chart .name, .chart .limit-name { font-size: 10px; } .chart .point { font-size: 11px; }
.outcome { padding: 10px 14px; } .outcome h2 { font-size: 18px; } .badge { font-size: 9px; line-height: 13px; } .sign { margin-top: 60px; } .sign p, .proof p { font-size: 10.5px; }
}
/* Browsers that print no margin boxes, but repeat what is fixed. */
@supports (-moz-appearance: none) or (font: -apple-system-body) { @media print { .running { display: block; position: fixed; right: 0; bottom: 0; color: var(--bad); font-size: 9px; letter-spacing: 0.12em; } } }`;

export const STYLE = new Markup(
  `<style>${[PALETTE, TEXT, CARDS, TABLES, CHART_STYLE, CHARTS, TOOLS, PRINT].join("\n")}</style>`,
);
