// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll outlook`: what may become of an account, and the least that would help. PRIVATE, as table and as page. */
import type { AccountFile } from "../formats/account.ts";
import { formatDecimal, formatLots } from "../formats/decimal.ts";
import type { MarketFile } from "../formats/market.ts";
import { LEVELS, type PolicyFile } from "../formats/policy.ts";
import { markup } from "../report/html.ts";
import { STYLE } from "../report/style.ts";
import { prepare } from "../risk/calibration/calibrate.ts";
import type { MarketInput } from "../risk/input.ts";
import { bookOf, type Exposure, QUANTILES, simulateExposure } from "../risk/outlook/exposure.ts";
import { exposureChart } from "../risk/outlook/exposure-chart.ts";
import { type Remedy, smallestTrades, topUp } from "../risk/outlook/margin-cure.ts";
import { METHODS, outlook, type Warning, warn } from "../risk/outlook/warning.ts";
import { alignHistories, type PriceHistory } from "../risk/prices.ts";
import { levelWord, percent, table } from "./text.ts";

export interface Ahead {
  readonly account: string;
  readonly board: string;
  readonly time: string;
  readonly currency: string;
  readonly exposure: Exposure;
  /** By level: the probability of falling below it, and what brings the account to it where it is below now. */
  readonly levels: readonly {
    readonly name: string;
    readonly bps: string;
    readonly warning: Warning;
    readonly topUp: string;
    readonly trades: readonly { readonly instrument: string; readonly quantity: string }[] | null;
  }[];
}

export interface AheadOptions {
  readonly hours: number;
  readonly paths: number;
  readonly seed: number;
}

/** Looks ahead. `histories` name every underlying that is held. Throws like `bookOf`, `outlook` and `simulateExposure`. */
export function lookAhead(
  { name, account }: AccountFile,
  policy: PolicyFile,
  market: MarketFile,
  input: MarketInput,
  histories: readonly PriceHistory[],
  { hours, paths, seed }: AheadOptions,
): Ahead {
  const book = bookOf({ account, policy, market, input });
  const view = outlook(alignHistories(histories).map((history) => prepare(history)));
  const ratios = LEVELS.map((level) => Number(policy.levels[level]) / 1e4);
  const steps = Math.max(1, Math.min(12, Math.ceil(hours / 2)));
  const exposure = simulateExposure(book, view.process, { horizonHours: hours, steps, paths, seed, levels: ratios });
  const warnings = warn(book, view, ratios, hours, { exposure });
  const trades = (remedy: Remedy | undefined) =>
    remedy?.trades.map(({ row, lots }) => {
      const { symbol, lot } = market.instruments[row]!;
      return { instrument: symbol, quantity: formatLots(lots, lot) };
    }) ?? null;
  return {
    account: name,
    board: market.board,
    time: market.time,
    currency: policy.cashSymbol,
    exposure,
    levels: LEVELS.map((level, index) => {
      const bps = policy.levels[level];
      return {
        name: level,
        bps: bps.toString(),
        warning: warnings[index]!,
        topUp: formatDecimal(topUp(account, policy, market.market, bps), 6),
        trades: trades(smallestTrades(account, policy, market.market, bps)),
      };
    }),
  };
}

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
