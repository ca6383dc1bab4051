// SPDX-License-Identifier: GPL-3.0-or-later
/** What may become of an account, as text and as a page. PRIVATE. */
import type { Ahead } from "../app/outlook.ts";
import { foreign as theirs } from "../document/words.ts";
import { exposureChart } from "../risk/outlook/exposure-chart.ts";
import { METHODS, QUANTILES } from "../risk/outlook/figures.ts";
import { renderDocument } from "./document.ts";
import { historyFacts, historyLines } from "./histories.ts";
import { facts, foreign, type Markup, markup, when } from "./html.ts";
import { factText } from "./terminal.ts";
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
export function renderAhead({ account, board, time, currency, exposure, histories, levels }: Ahead): string {
  const last = exposure.steps.at(-1)!;
  const ratio = (value: number) => (Number.isFinite(value) ? `${(100 * value).toFixed(1)}%` : "no margin");
  return [
    [
      `the next ${last.hours} hours from ${time}: ${exposure.process}, ${exposure.paths} paths`,
      factText({ label: "account", value: theirs(account, "account file") }),
      factText({ label: "board", value: theirs(board, "market file") }),
    ].join("\n"),
    historyLines(histories).join("\n"),
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

/** The same with charts, as sections of a page. */
export function aheadSections({ exposure, histories, levels }: Ahead): Markup {
  const marks = levels.map(({ name, bps }) => ({ level: Number(bps) / 1e4, name: levelWord(name) }));
  const last = exposure.steps.at(-1)!;
  const ratio = (value: number) => (Number.isFinite(value) ? `${(100 * value).toFixed(1)}%` : "no margin");
  return markup`<section><h2>Coverage over the next ${last.hours} hours</h2>${exposureChart(exposure, "coverage", marks)}</section>
<section><h2>Equity over the next ${last.hours} hours</h2>${exposureChart(exposure, "equity")}</section>
<section><h2>After ${last.hours} hours</h2>
<div class="scroll" role="region" aria-label="Quantiles" tabindex="0"><table>
<thead><tr><th>Quantile of paths</th><th class="n">Change of equity</th><th class="n">Coverage</th></tr></thead>
<tbody>${QUANTILES.map((quantile, index) => markup`<tr><td>${chance(quantile)}</td><td class="n">${money(last.equity[index]!)}</td><td class="n">${ratio(last.coverage[index]!)}</td></tr>`)}</tbody></table></div>
</section>
<section><h2>Chance of falling below a level within ${last.hours} hours</h2>
<div class="scroll" role="region" aria-label="Chances" tabindex="0"><table>
<thead><tr><th>Level</th>${METHODS.map((method) => markup`<th class="n">${method}</th>`)}</tr></thead>
<tbody>${levels.map(({ name, bps, warning }) => markup`<tr><td class="symbol">${levelWord(name)} ${percent(bps)}</td>${METHODS.map((method) => markup`<td class="n">${chance(warning.all[method])}</td>`)}</tr>`)}</tbody></table></div>
</section>
<section><h2>What brings the account to a level</h2>
<div class="scroll" role="region" aria-label="Margin cures" tabindex="0"><table>
<thead><tr><th>Level</th><th class="n">Cash to add</th><th>Or the least trades</th></tr></thead>
<tbody>${levels.map(({ name, bps, topUp, trades }) => markup`<tr><td class="symbol">${levelWord(name)} ${percent(bps)}</td><td class="n">${topUp}</td><td>${trades === null || trades.length === 0 ? tradesText(trades) : foreign(tradesText(trades))}</td></tr>`)}</tbody></table></div>
<p class="caption">A forecast from past prices. No proof confirms it. It rests on these histories:</p>
<ul class="caption">${historyFacts(histories).map(([symbol, words]) => markup`<li>${foreign(symbol)}: ${words}</li>`)}</ul>
</section>`;
}

/** The same as a page of its own. */
export function renderAheadPage(ahead: Ahead): string {
  const { account, board, time, currency, exposure } = ahead;
  const body = markup`<header>
<h1>Outlook over ${exposure.steps.at(-1)!.hours} hours</h1>
<p class="lead">From ${when(time)}. ${exposure.paths} simulated paths, ${exposure.process}.</p>
${facts([
  ["account", foreign(account)],
  ["board", foreign(board)],
  ["all amounts in", foreign(currency)],
])}
</header>
${aheadSections(ahead)}`;
  return renderDocument({
    title: "Outlook",
    kind: "Outlook",
    privateBecause: "The firm's own view: it follows from positions that no proof shows. Not for publication.",
    body,
  });
}
