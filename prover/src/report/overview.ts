// SPDX-License-Identifier: GPL-3.0-or-later
/** Where an account stands: its figures, and its coverage against the policy's levels. PRIVATE. Runs in browsers too. */
import type { MarketFile } from "../formats/market.ts";
import { LEVELS, type LevelName, type PolicyFile } from "../formats/policy.ts";
import type { Account } from "../model/account.ts";
import { coverageBpsDown, type Evaluation, evaluate, isAtLeast, MARGIN_LEVEL_TO_E20 } from "../model/evaluate.ts";
import type { LevelBps } from "../units.ts";
import { ladderChart, swatch, type Tone } from "./charts.ts";
import { percent, whole } from "./figures.ts";
import { type Markup, markup } from "./html.ts";

/** The account at some moment, to be shown on the ladder. */
export interface ReportMoment {
  readonly label: string;
  /** What came of it, in a few words: "paid out", "refused". */
  readonly note: string;
  readonly account: Account;
  readonly market: MarketFile;
}

export interface OverviewInput {
  readonly policy: PolicyFile;
  readonly market: MarketFile;
  readonly account: Account;
  /** Shown on the ladder in this order, in place of the account alone. */
  readonly moments?: readonly ReportMoment[];
}

const LEVEL_WORDS: Readonly<
  Record<LevelName, { readonly name: string; readonly tone: Tone; readonly meaning: string }>
> = {
  initial: { name: "initial margin", tone: "good", meaning: "Withdrawals and new positions are allowed." },
  call: { name: "margin call", tone: "neutral", meaning: "No margin call, but no withdrawals and no new risk." },
  liquidation: {
    name: "liquidation",
    tone: "warn",
    meaning: "Margin call: withdrawals stop and a deadline to cure runs.",
  },
  closeOut: { name: "close-out", tone: "severe", meaning: "Liquidation: a slice of the account is sold." },
};
const CLOSED_OUT = { tone: "bad" as Tone, meaning: "Close-out: the whole account is sold." };
const INSOLVENT = { tone: "bad" as Tone, meaning: "Equity is negative: the account owes more than it holds." };

/** Where an account stands: its figures and its coverage against the levels. PRIVATE. Throws like `evaluate`. */
export function accountOverview(input: OverviewInput): Markup {
  const evaluation = evaluate(input.account, input.policy.policy, input.market.market);
  return markup`${cards(input.policy, evaluation)}\n${ladderSection(input, evaluation)}`;
}

function cards(policy: PolicyFile, evaluation: Evaluation): Markup {
  const standing = standingOf(evaluation, policy);
  const free = (name: LevelName) => evaluation.equity - MARGIN_LEVEL_TO_E20 * policy.levels[name] * evaluation.margin;
  const toInitial = free("initial");
  const toCall = free("call");
  return markup`<section class="cards">
<div class="card ${standing.tone}"><h2>Coverage</h2><p class="big">${coverageText(evaluation)}</p><p>${standing.meaning}</p></div>
<div class="card"><h2>Equity</h2><p class="big">${whole(evaluation.equity, 20)}</p><p>Collateral after haircuts, cash, and positions at their marks.</p></div>
<div class="card"><h2>Margin required</h2><p class="big">${whole(evaluation.margin, 10)}</p><p>What the positions could lose, and what closing them costs.</p></div>
<div class="card"><h2>Room</h2><p class="big">${whole(toInitial, 20)}</p><p>${
    toInitial < 0n
      ? "Short of the initial level: nothing can be withdrawn."
      : "Above the initial level: what could be withdrawn in cash."
  } ${whole(toCall < 0n ? -toCall : toCall, 20)} ${toCall < 0n ? "are missing to cure the margin call." : "above a margin call."}</p></div>
</section>`;
}

function ladderSection({ policy, market, account, moments }: OverviewInput, evaluation: Evaluation): Markup {
  const shown = moments ?? [{ label: "Now", note: standingOf(evaluation, policy).meaning, account, market }];
  const steps = LEVELS.map((name) => ({
    label: `${LEVEL_WORDS[name].name} ${percent(policy.levels[name])}`,
    level: Number(policy.levels[name]) / 1e4,
    tone: LEVEL_WORDS[name].tone,
  })).reverse();
  const points = shown.map((moment) => {
    const at = evaluate(moment.account, policy.policy, moment.market.market);
    const coverage = coverageBpsDown(at);
    return {
      label: moment.label,
      note: moment.note,
      tone: standingOf(at, policy).tone,
      coverage: coverage === undefined ? undefined : Number(coverage) / 1e4,
      text: coverageText(at),
    };
  });
  return markup`<section>
<h2>Coverage against the levels</h2>
<p>Coverage is equity divided by margin. Each level is a decision of the venue, taken on a proof and not on these figures.</p>
${ladderChart("Coverage against the levels", steps, points)}
<table class="legend"><tbody>
${LEVELS.map((name) => markup`<tr><td>${swatch(LEVEL_WORDS[name].tone, true)}</td><td>${percent(policy.levels[name])} and above</td><td>${LEVEL_WORDS[name].meaning}</td></tr>`)}
<tr><td>${swatch("bad", true)}</td><td>below ${percent(policy.levels.closeOut)}</td><td>${CLOSED_OUT.meaning}</td></tr>
</tbody></table>
</section>`;
}

function standingOf(evaluation: Evaluation, policy: PolicyFile): { tone: Tone; meaning: string } {
  const reached = LEVELS.find((name) => isAtLeast(evaluation, policy.levels[name]));
  if (reached !== undefined) return LEVEL_WORDS[reached];
  return isAtLeast(evaluation, 0n as LevelBps) ? CLOSED_OUT : INSOLVENT;
}

function coverageText(evaluation: Evaluation): string {
  const coverage = coverageBpsDown(evaluation);
  return coverage === undefined ? "no margin needed" : percent(coverage);
}
