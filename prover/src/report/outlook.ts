// SPDX-License-Identifier: GPL-3.0-or-later
/** What may become of an account, as text and as a page. PRIVATE. */
import type { Ahead } from "../app/outlook.ts";
import { QUANTILES } from "../risk/outlook/exposure.ts";
import { exposureChart } from "../risk/outlook/exposure-chart.ts";
import { METHODS } from "../risk/outlook/warning.ts";
import { markup } from "./html.ts";
import { STYLE } from "./style.ts";
import { levelWord, percent, table } from "./text.ts";

const chance = (probability: number) => `${(100 * probability).toFixed(probability < 0.001 ? 3 : 1)}%`;
const money = (value: number) => Math.round(value).toLocaleString("en");
const tradesText = (trades: Ahead["levels"][number]["trades"]) =>
  trades === null
    ? "no trades reach it"
    : trades.length === 0
      ? "none needed"
      : trades.map((each) => `${each.quantity} ${each.instrument}`).join(", ");

/** For people. */
export function renderAhead({ account, board, time, currency, exposure, levels }: Ahead): string {
  const last = exposure.steps.at(-1)!;
  const ratio = (value: number) => (Number.isFinite(value) ? `${(100 * value).toFixed(1)}%` : "no margin");
  return [
    `${account} on ${board}, ${time}, the next ${last.hours} hours: ${exposure.process}, ${exposure.paths} paths`,
    table(
      ["quantile of paths", `change of equity, ${currency}`, "coverage"],
      QUANTILES.map((quantile, index) => [chance(quantile), money(last.equity[index]!), ratio(last.coverage[index]!)]),
    ),
    table(
      ["falls below", ...METHODS],
      levels.map(({ name, bps, warning }) => [
        `${levelWord(name)} ${percent(bps)}`,
        ...METHODS.map((method) => chance(warning.all[method])),
      ]),
    ),
    table(
      ["to be at", `cash, ${currency}`, "or the least trades"],
      levels.map(({ name, bps, topUp, trades }) => [`${levelWord(name)} ${percent(bps)}`, topUp, tradesText(trades)]),
    ),
  ].join("\n\n");
}

/** The same as a page with charts. */
export function renderAheadPage(ahead: Ahead): string {
  const marks = ahead.levels.map(({ name, bps }) => ({ level: Number(bps) / 1e4, name: levelWord(name) }));
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${ahead.account}: outlook</title>
${STYLE}
</head>
<body>
<p class="private"><strong>PRIVATE</strong> The firm's own view: it follows from positions that no proof shows.</p>
<h1>${ahead.account}: outlook</h1>
<section><h2>Coverage</h2>${exposureChart(ahead.exposure, "coverage", marks)}</section>
<section><h2>Equity, ${ahead.currency}</h2>${exposureChart(ahead.exposure, "equity")}</section>
<section><h2>In figures</h2><pre>${renderAhead(ahead)}</pre></section>
</body>
</html>
`.text;
}
