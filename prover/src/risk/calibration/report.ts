// SPDX-License-Identifier: GPL-3.0-or-later
/** The page of a calibration, which shows series, tails, chosen numbers, and why. Public. */
import { plot } from "../../report/charts.ts";
import { renderDocument } from "../../report/document.ts";
import { grouped } from "../../report/figures.ts";
import { facts, foreign, type Markup, markup } from "../../report/html.ts";
import type { ModelChoice } from "../input.ts";
import type { UnderlyingCalibration } from "./calibrate.ts";
import type { Calibration } from "./calibration.ts";
import type { HaircutTiers, liquidityTerms } from "./liquidity.ts";
import type { CalibrationOptions, PreparedHistory } from "./ranges.ts";
import { WARM_UP } from "./volatility.ts";

const percent = (value: number, digits = 1) => `${(100 * value).toFixed(digits)}%`;

/**
 * Renders the page: one file that needs nothing else. Pure.
 * @see docs/library.md#risk
 */
export function renderCalibration(calibration: Calibration): string {
  const { options, underlyings, correlations, scenarios, prepared } = calibration;
  const lowest = Math.min(...Object.values(correlations));
  const names = underlyings.map(({ symbol }) => symbol).join(", ");
  const body = markup`<header>
<h1>Calibration</h1>
${facts([["assets", foreign(names)]])}
<p class="lead">Volatility by ${options.volatility === "ewma" ? `EWMA with decay ${options.lambda}` : "GARCH(1,1)"}; ranges cover the expected shortfall at ${percent(options.confidence)}, and no less than the ${percent(options.coverage)} quantile, of the last ${grouped(`${options.lookback}`)} standardised returns, over ${options.periodDays === 1 ? "a day" : `${options.periodDays} days`}; ${percent(options.stressWeight, 0)} of the volatility is the ${percent(options.stressQuantile, 0)} quantile of its past. A range rises by at most ${percent(options.dailyRise, 0)} a day.</p>
</header>
<section>
<h2>What was chosen</h2>
<div class="scroll" role="region" aria-label="What was chosen" tabindex="0"><table><thead><tr><th>asset</th><th class="n">range down</th><th class="n">range up</th><th class="n">volatility, up</th><th class="n">down</th><th>haircut tiers</th><th>liquidity</th></tr></thead><tbody>
${underlyings.map(
  (each) =>
    markup`<tr><td class="symbol">${foreign(each.symbol)}</td><td class="n">${percent(each.rangeDown)}</td><td class="n">${percent(each.rangeUp)}</td><td class="n">+${percent(each.volatilityUp, 0)}</td><td class="n">−${percent(-each.volatilityDown, 0)}</td><td>${tiersText(calibration.haircuts[each.symbol])}</td><td>${liquidityText(calibration.liquidity[each.symbol])}</td></tr>`,
)}
</tbody></table></div>
<p class="caption">${lowest === Number.POSITIVE_INFINITY ? "One asset: nothing to correlate." : `Correlation break: the weakest pair's lowest correlation over a quarter was ${lowest.toFixed(2)}.`}</p>
</section>
${underlyings.map((each, index) => assetSection(each, prepared[index]!, options))}
<section>
<h2>Historical scenarios</h2>
<p class="caption">Days whose joint moves, rescaled to today's volatility, keep the tail in every direction a portfolio can lean.</p>
<div class="scroll" role="region" aria-label="Historical scenarios" tabindex="0"><table><thead><tr><th>day</th>${underlyings.map(({ symbol }) => markup`<th class="n">${foreign(symbol)}</th><th class="n">volatility</th>`)}</tr></thead><tbody>
${scenarioRows(scenarios.historical).map(
  ({ label, moves }) =>
    markup`<tr><td>${foreign(label)}</td>${underlyings.map(({ symbol }) => markup`<td class="n">${percent(Number(moves[symbol]!.price))}</td><td class="n">${percent(Number(moves[symbol]!.volatility), 0)}</td>`)}</tr>`,
)}
</tbody></table></div>
</section>`;
  return renderDocument({ title: "Calibration", kind: "Calibration", body });
}

const tiersText = (tiers: HaircutTiers | undefined) =>
  tiers === undefined
    ? "no volumes in the history: none"
    : tiers.map(({ upTo, haircutBps }) => `to ${grouped(upTo)}: ${Number(haircutBps) / 100}%`).join("; ");

const liquidityText = (terms: ReturnType<typeof liquidityTerms> | undefined) =>
  terms === undefined
    ? "no volumes in the history: none"
    : `above ${grouped(terms.liquidityThreshold)}: ${Number(terms.liquidityRateBps) / 100}%`;

interface ListedScenario {
  readonly label: string;
  readonly moves: Readonly<Record<string, { readonly price: string; readonly volatility: string }>>;
}
const scenarioRows = ({ parameters }: ModelChoice) => parameters.scenarios as readonly ListedScenario[];

function assetSection(
  each: UnderlyingCalibration,
  { history, sigma }: PreparedHistory,
  options: CalibrationOptions,
): Markup {
  const { returns, dates, daysAYear } = history;
  const annual = (daily: number) => percent(daily * Math.sqrt(daysAYear), 0);
  const first = Math.max(WARM_UP + 1, returns.length - options.lookback);
  const days = Array.from({ length: returns.length - first }, (_, index) => first + index);
  const series = plot({
    title: "Daily returns, and the forecast for each day",
    x: { label: "day", format: (day) => dates[Math.round(day)] ?? "" },
    y: { label: "log return", format: (value) => percent(value, 0) },
    lines: [
      { label: "return", points: days.map((day) => [day, returns[day]!] as const), series: "quiet" },
      {
        label: "tail at the volatility forecast for the day",
        points: days.map((day) => [day, -each.tailDown * sigma[day]!] as const),
        series: 4,
      },
      { label: "", points: days.map((day) => [day, each.tailUp * sigma[day]!] as const), series: 4 },
    ],
  });
  const losses = days.map((day) => -returns[day]! / sigma[day]!).sort((a, b) => b - a);
  const worst = losses.slice(0, Math.ceil(losses.length / 10));
  const tail = plot({
    title: "The worst tenth of standardised falls",
    x: { label: "share of days that were worse", format: (value) => percent(value, 1) },
    y: { label: "forecast deviations" },
    lines: [
      {
        label: "standardised falls, worst first",
        points: worst.map((loss, rank) => [rank / losses.length, loss] as const),
        series: 1,
      },
    ],
    levels: [{ y: each.tailDown, label: `tail taken: ${each.tailDown.toFixed(2)}` }],
  });
  const weighted = each.used > each.forecast;
  return markup`<section>
<h2>${foreign(each.symbol)}, to ${each.date}</h2>
${series}
${tail}
<ul>
<li>Forecast volatility ${annual(each.forecast)} a year, stressed ${annual(each.stressed)}, used ${annual(each.used)}: ${
    weighted ? "times are calm, so the stressed part lifts it." : "times are not calm, so the forecast itself is used."
  }</li>
${each.implied === undefined ? "" : markup`<li>Quoted implied volatility ${annual(each.implied)}: ${each.implied > Math.max(each.forecast, each.stressed * options.stressWeight + each.forecast * (1 - options.stressWeight)) ? "above all of these, so it is the one used" : "not above what is used"}. Volatility moves are quantiles of its own changes.</li>`}
<li>Tail of ${grouped(`${each.sample}`)} standardised returns: ${each.tailDown.toFixed(2)} deviations down, ${each.tailUp.toFixed(2)} up. Range down = 1 − exp(−${each.tailDown.toFixed(2)} · ${percent(each.used, 2)} · √${options.periodDays}) = ${percent(each.fullDown)}.</li>
${each.rangeDown < each.fullDown || each.rangeUp < each.fullUp ? markup`<li>The rise of the range is capped: down ${percent(each.rangeDown)} of ${percent(each.fullDown)}, up ${percent(each.rangeUp)} of ${percent(each.fullUp)}.</li>` : ""}
${each.repairs.length === 0 ? markup`<li>Nothing was repaired in the history.</li>` : each.repairs.map((repair) => markup`<li>Repaired: ${repair}</li>`)}
</ul>
</section>`;
}
