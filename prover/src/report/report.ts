// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A firm's own report of its margin account: one HTML file that needs nothing else, opens offline and prints.
 *
 * It is PRIVATE: it holds positions and quantities, and says so. Every figure is computed here from the account by the
 * integer model; only what is drawn or rounded for the eye leaves exact arithmetic.
 */
import type { Ahead } from "../app/outlook.ts";
import type { CashConversion } from "../formats/cash.ts";
import { formatLots, lotOfDecimals } from "../formats/decimal.ts";
import type { Departures } from "../formats/departures.ts";
import type { MarketFile } from "../formats/market.ts";
import { isEvidence, type KeyOrigin } from "../keys/origin.ts";
import { E6_TO_E10, type Evaluation, evaluate, type NettingSet } from "../model/evaluate.ts";
import type { HaircutSchedule } from "../model/policy.ts";
import { BLOCK_INSTRUMENTS } from "../model/sizes.ts";
import { BPS, type PositionLots, type QuantityLots } from "../units.ts";
import { cashSection } from "./cash.ts";
import { type BarRow, barChart, swatch, type Tone } from "./charts.ts";
import { renderDocument } from "./document.ts";
import { grouped, percent, price, signed, units, whole } from "./figures.ts";
import { facts, foreign, type Markup, markup, when } from "./html.ts";
import { aheadSections } from "./outlook.ts";
import { accountOverview, type OverviewInput } from "./overview.ts";
import { forgeableBy, TEST_ONLY } from "./test-only.ts";

/** One proof, made or refused, in words. */
export interface ReportProof {
  /** What it says, as a sentence. */
  readonly statement: string;
  /** Whether the statement was proven. */
  readonly proven: boolean;
  /** What came of it, as a sentence. */
  readonly outcome: string;
  /** Further facts, as names and values: time, size, gas, hashes. */
  readonly facts: readonly (readonly [name: string, value: string])[];
}

export interface ReportInput extends OverviewInput {
  readonly firm: string;
  /** How the account's cash follows from its balance, where that is known. */
  readonly conversion?: CashConversion;
  /** What the account leaves out of its records, or counts in another way. */
  readonly departures?: Departures;
  /** What may become of it in the hours to come. */
  readonly ahead?: Ahead;
  readonly proofs?: readonly ReportProof[];
  /** The verifying key of the proofs: SHA-256, and "development" or "ceremony". */
  readonly key?: { readonly sha256: string; readonly origin: KeyOrigin };
}

/** Renders the report. Pure: the same input gives the same text. Throws like `evaluate`. */
export function renderReport(input: ReportInput): string {
  const { firm, policy, market, account } = input;
  const evaluation = evaluate(account, policy.policy, market.market);
  const proofs = input.proofs ?? [];
  const body = markup`<header>
<h1>Margin report</h1>
<p class="lead">Epoch ${market.epoch.toString()}, market of ${when(market.time)}.</p>
${facts([
  ["account", foreign(firm)],
  ["board", foreign(market.board)],
  ["policy", foreign(policy.name)],
  ["all amounts in", foreign(policy.cashSymbol)],
])}
</header>

${departuresSection(input.departures ?? {})}
${accountOverview(input)}
${collateralSection(input, evaluation)}
${input.conversion === undefined ? "" : cashSection(input.conversion, policy.cashSymbol)}
${marginSection(input, evaluation)}
${nettingSection(input, evaluation)}
${evaluation.sets.map((set) => scenarioSection(input, set))}
${positionSection(input)}
${input.ahead === undefined ? "" : aheadSections(input.ahead)}
${proofs.length === 0 ? "" : proofSection(proofs, input.key)}
${LIMITS}`;
  return renderDocument({
    title: `Margin report, epoch ${market.epoch}`,
    kind: "Margin report",
    privateBecause: "The firm's own view, with positions and quantities that no proof shows. Not for publication.",
    body,
  });
}

function departuresSection({ unsettled = [], exceptions = [] }: Departures): Markup | string {
  if (unsettled.length + exceptions.length === 0) return "";
  const list = (lead: string, names: readonly string[]) =>
    names.length === 0 ? "" : markup`<p>${lead}</p><ul>${names.map((name) => markup`<li>${foreign(name)}</li>`)}</ul>`;
  return markup`<section>
<h2>Where the account departs from its records</h2>
${list("Unsettled: nothing is proven of this account before each is settled.", unsettled)}
${list("Exceptions, which every proof names:", exceptions)}
</section>`;
}

function collateralSection({ policy, market, account }: ReportInput, evaluation: Evaluation): Markup {
  const held = policy.assets.flatMap(({ symbol, lotDecimals }, asset) => {
    const quantity = account.collateral[asset]!;
    if (quantity === 0n) return [];
    const price = market.market.prices[asset]!;
    const counted = evaluation.assets[asset]!.value as bigint;
    const value = price * quantity * BPS;
    const priceE8 = price / 10n ** BigInt(8 - lotDecimals);
    const pieces = tierPieces(policy.policy.schedules[asset]!, quantity, lotDecimals);
    const lost = value === 0n ? "–" : percent((BPS * (value - counted) + value / 2n) / value);
    return [
      { symbol, quantity: formatLots(quantity, lotOfDecimals(lotDecimals)), priceE8, value, counted, pieces, lost },
    ];
  });
  const positions = evaluation.markValue;
  const total = (pick: (row: (typeof held)[number]) => bigint) => held.reduce((sum, row) => sum + pick(row), 0n);
  return markup`<section>
<h2>What counts, and how much of it</h2>
<p>Each asset is marked down before it counts. The more of it there is, the larger the haircut on the last part, and above the cap nothing counts.</p>
${barChart(
  "Market value of each asset, split into what counts and the haircut",
  held.map(({ symbol, quantity, value, counted, lost }) => ({
    label: markup`${grouped(quantity)} ${foreign(symbol)}`,
    segments: [
      { value: units(counted, 20), tone: "neutral" },
      { value: units(value - counted, 20), tone: "muted" },
    ],
    text: `${whole(counted, 20)} (−${lost})`,
  })),
)}
<p class="caption">${swatch("neutral")} counts ${swatch("muted")} haircut</p>
<div class="scroll" role="region" aria-label="Collateral" tabindex="0"><table>
<thead><tr><th>Asset</th><th class="n">Quantity</th><th class="n">Price</th><th class="n">Market value</th><th>Haircut by tier</th><th class="n">Haircut</th><th class="n">Counts</th></tr></thead>
<tbody>
${held.map(
  (row) =>
    markup`<tr><td class="symbol">${foreign(row.symbol)}</td><td class="n">${grouped(row.quantity)}</td><td class="n">${price(row.priceE8)}</td><td class="n">${whole(row.value, 20)}</td><td>${row.pieces}</td><td class="n">${whole(row.value - row.counted, 20)} (${row.lost})</td><td class="n">${whole(row.counted, 20)}</td></tr>`,
)}
<tr class="sum"><td colspan="3">Collateral</td><td class="n">${whole(
    total((row) => row.value),
    20,
  )}</td><td></td><td class="n">${whole(
    total((row) => row.value - row.counted),
    20,
  )}</td><td class="n">${whole(evaluation.collateral, 20)}</td></tr>
<tr><td colspan="6">Cash and positions together <small>cash ${whole(account.cash, 6)}, positions at their marks ${whole(positions, 6)}: a future bought costs its whole price in cash and is worth it again as a position</small></td><td class="n">${whole(account.cash + positions, 6)}</td></tr>
<tr class="sum"><td colspan="6">Equity</td><td class="n">${whole(evaluation.equity, 20)}</td></tr>
</tbody></table></div>
</section>`;
}

/** "20 at 8%, 8 at 12%" in whole units. */
function tierPieces(schedule: HaircutSchedule, quantity: bigint, lotDecimals: number): string {
  const lot = lotOfDecimals(lotDecimals);
  const pieces: string[] = [];
  let lower = 0n;
  for (const { boundaryLots, weightBps } of schedule) {
    const upper = quantity < boundaryLots ? quantity : boundaryLots;
    if (upper > lower) pieces.push(`${grouped(formatLots(upper - lower, lot))} at ${percent(BPS - weightBps)}`);
    lower = boundaryLots > lower ? boundaryLots : lower;
  }
  if (quantity > lower) pieces.push(`${grouped(formatLots(quantity - lower, lot))} above the cap, not counted`);
  return pieces.join(", ");
}

function marginSection({ market, policy }: ReportInput, evaluation: Evaluation): Markup {
  const rows: { label: Markup | string; explain: Markup | string; value: bigint }[] = evaluation.sets.flatMap((set) => {
    const name = setName(market, set);
    const worst = set.worstScenario === undefined ? "no scenario loses" : foreign(market.scenarios[set.worstScenario]!);
    const block = market.market.board.blocks[set.lastBlock]!;
    const { liquidityThreshold, liquidityRate, vegaThreshold, vegaRate } = block;
    const ofCollateral = set.worstScenario === undefined ? 0n : set.collateralProfits[set.worstScenario]!;
    const explain =
      ofCollateral === 0n ? worst : markup`${worst}; of which collateral in the scan ${signed(ofCollateral, 6)}`;
    return [
      { label: markup`Worst scenario, ${name}`, explain, value: E6_TO_E10 * set.scan },
      {
        label: markup`Liquidity, ${name}`,
        explain: `${percent(liquidityRate)} of net delta ${whole(set.delta, 6)} beyond ${whole(liquidityThreshold, 6)}`,
        value: set.liquidity as bigint,
      },
      {
        label: markup`Vega, ${name}`,
        explain: `${percent(vegaRate)} of net vega ${whole(set.vega, 6)} beyond ${whole(vegaThreshold, 6)}`,
        value: set.vegaCharge as bigint,
      },
    ];
  });
  rows.push({
    label: "Charges",
    explain: "closing costs of every position, and a minimum on each short option",
    value: E6_TO_E10 * evaluation.charge,
  });
  rows.push({
    label: "Debt",
    explain: `${percent(policy.policy.debtRateBps)} of ${whole(evaluation.debt, 6)} owed beyond what the positions are worth`,
    value: evaluation.debtMargin,
  });
  const share = (value: bigint) =>
    evaluation.margin === 0n ? 0n : ((1000n * value + evaluation.margin / 2n) / evaluation.margin) * 10n;
  return markup`<section>
<h2>What the margin is made of</h2>
${barChart(
  "Parts of the margin",
  rows.map(({ label, value }) => ({
    label,
    segments: [{ value: units(value, 10), tone: "neutral" }],
    text: `${whole(value, 10)}  (${percent(share(value), 1)})`,
  })),
)}
<table><tbody>
${rows.map(({ label, explain, value }) => markup`<tr><td>${label}</td><td>${explain}</td><td class="n">${whole(value, 10)}</td></tr>`)}
<tr class="sum"><td colspan="2">Margin required</td><td class="n">${whole(evaluation.margin, 10)}</td></tr>
</tbody></table>
</section>`;
}

/** Scan of the part of an account's positions that `keep` keeps, or of its collateral alone, summed over netting sets. */
function scanOf({ policy, market, account }: ReportInput, keep: ((index: number) => boolean) | "collateral"): bigint {
  const positions = account.positions.map((lots, index) =>
    keep !== "collateral" && keep(index) ? lots : (0n as PositionLots),
  );
  const collateral = keep === "collateral" ? account.collateral : account.collateral.map(() => 0n as QuantityLots);
  return evaluate({ ...account, positions, collateral }, policy.policy, market.market).scan;
}

function nettingSection(input: ReportInput, evaluation: Evaluation): Markup {
  const { market, account } = input;
  const held = [...account.positions.keys()].filter((index) => account.positions[index] !== 0n);
  if (held.length < 2) return markup``;
  const collateral = scanOf(input, "collateral");
  const alone = held.reduce((sum, position) => sum + scanOf(input, (index) => index === position), collateral);
  const underlyings = [...new Set(held.map((index) => underlyingOf(market, index)))];
  const together = evaluation.scan;
  const bar = (label: Markup | string, value: bigint, tone: Tone): BarRow => ({
    label,
    segments: [{ value: units(value, 6), tone }],
    text: whole(value, 6),
    emphasised: tone === "neutral",
  });
  const rows = [
    bar(`${held.length} positions${collateral === 0n ? "" : " and the collateral"}, each on its own`, alone, "muted"),
  ];
  if (underlyings.length > 1) {
    for (const name of underlyings) {
      const scan = scanOf(input, (index) => underlyingOf(market, index) === name);
      rows.push(bar(markup`positions netted among themselves: all in ${foreign(name)}`, scan, "muted"));
    }
  }
  rows.push(bar("all together, as margined", together, "neutral"));
  const saved = alone === 0n ? 0n : ((alone - together) * BPS) / alone;
  return markup`<section>
<h2>What netting saves</h2>
<p>The worst-scenario part of the margin if positions and collateral were margined apart. Netting them saves ${percent(saved, 0)} of it: gains of one offset losses of another in the same scenario.</p>
${barChart("Worst-scenario margin without and with netting", rows)}
</section>`;
}

function scenarioSection({ market }: ReportInput, set: NettingSet): Markup {
  return markup`<section>
<h2>Profit and loss by scenario: ${setName(market, set)}</h2>
<p>All positions of the set, and collateral that is in its scan, revalued in each of 45 moves of the market. ${
    set.worstScenario === undefined
      ? "No scenario loses, so the set needs no scan margin."
      : markup`The worst loses <strong>${whole(set.scan, 6)}</strong>, and the margin covers that loss.`
  }</p>
${barChart(
  "Profit and loss in each scenario",
  set.profits.map((profit, scenario) => {
    const worst = scenario === set.worstScenario;
    const tone: Tone = worst ? "bad" : profit < 0n ? "warn" : "good";
    return {
      label: markup`${worst ? "WORST: " : ""}${foreign(market.scenarios[scenario]!)}`,
      segments: [{ value: units(profit, 6), tone }],
      text: signed(profit, 6),
      emphasised: worst,
    };
  }),
)}
</section>`;
}

function positionSection(input: ReportInput): Markup {
  const { market, account } = input;
  const held = market.instruments.flatMap((instrument, index) => {
    const lots = account.positions[index]!;
    return instrument === undefined || lots === 0n
      ? []
      : [{ instrument, lots, row: market.market.board.rows[index]!, index }];
  });
  return markup`<section>
<h2>Positions</h2>
${
  held.length === 0
    ? markup`<p>None.</p>`
    : markup`<div class="scroll" role="region" aria-label="Positions" tabindex="0"><table>
<thead><tr><th>Instrument</th><th class="n">Quantity</th><th class="n">Value at mark</th><th class="n">Delta</th><th class="n">Charge</th><th class="n">Worst scenario on its own</th></tr></thead>
<tbody>
${held.map(({ instrument, lots, row, index }) => {
  const charge = lots > 0n ? row.longCharge * lots : row.shortCharge * -lots;
  return markup`<tr><td class="symbol">${foreign(instrument.symbol)}</td><td class="n">${grouped(formatLots(lots, instrument.lot))}</td><td class="n">${whole(lots * row.mark, 6)}</td><td class="n">${whole(lots * row.delta, 6)}</td><td class="n">${whole(charge, 6)}</td><td class="n">${whole(
    scanOf(input, (position) => position === index),
    6,
  )}</td></tr>`;
})}
</tbody></table></div>`
}
</section>`;
}

function proofSection(proofs: readonly ReportProof[], key: ReportInput["key"]): Markup {
  const isTest = key !== undefined && !isEvidence(key.origin);
  const words = isTest ? { tone: "test", verdict: "Test only" } : { tone: "good", verdict: "Proven" };
  return markup`<section>
<h2>What has been proven about this account</h2>
${isTest ? markup`<p><strong>${TEST_ONLY}.</strong></p>${forgeableBy(key.origin)}` : ""}
<p>A proof shows that a statement is true of the account behind a published commitment, and shows nothing else: no position, no quantity, no price paid.</p>
${proofs.map(
  ({ statement, proven, outcome, facts }) => markup`<article class="proof ${proven ? words.tone : "bad"}">
<h3><span class="verdict">${proven ? words.verdict : "Not provable"}</span> ${statement}</h3>
<p>${outcome}</p>
${facts.length === 0 ? "" : markup`<dl>${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`}
</article>`,
)}
${key === undefined ? "" : markup`<p class="caption">Verifying key: <code>${key.sha256}</code>, ${isTest ? `a ${key.origin} key` : "made in a ceremony"}.</p>`}
</section>`;
}

const LIMITS = markup`<section>
<h2>What none of this proves</h2>
<ul>
<li><strong>That these are all of the firm's holdings or debts.</strong> A proof speaks of one account. Inside the venue it descends from the first deposit step by step; what lies elsewhere is not in it.</li>
<li><strong>That prices and scenarios are right.</strong> They are public, and signed by the venue's price reporters; the proof uses them as they are.</li>
<li><strong>That losses stop at the worst scenario.</strong> Margin covers the moves listed above, not every move.</li>
<li><strong>That anything still holds later.</strong> A proof is about one state at one epoch.</li>
</ul>
<p class="caption">Amounts are rounded to whole units and coverage down to a hundredth of a percent, for reading only. Decisions use exact integers.</p>
</section>`;

function setName({ blocks }: MarketFile, { firstBlock, lastBlock }: NettingSet): Markup {
  return foreign(blocks.slice(firstBlock, lastBlock + 1).join(" + "));
}

/** Underlying by the instrument's terms, or the netting block where the terms name none. */
function underlyingOf({ instruments, blocks }: MarketFile, index: number): string {
  return instruments[index]?.terms.underlying ?? blocks[Math.floor(index / BLOCK_INSTRUMENTS)] ?? "other";
}
