// SPDX-License-Identifier: GPL-3.0-or-later
/** The page and the chart of a simulation: what every class of participant won and lost, and where from. */
import { plotFile, type Series } from "../../prover/src/report/charts.ts";
import type { Actor } from "./members.ts";
import { type Books, CASH_WORTH, E6, emptyBooks, ITEMS } from "./model.ts";
import type { Running } from "./run.ts";

/** What is taken down in the course of a run. */
export class Notes {
  /** By kind and day: what it won beyond what it would have by holding its coins, over what it had paid in. */
  readonly curves = new Map<string, number[]>();
  /** How often nothing could leave in the end of a day, and why. */
  readonly unusable = new Map<string, number>();
  days = 0;

  day({ venue, actors }: Running) {
    const why = venue.values.unusable();
    if (why !== undefined) this.unusable.set(why, (this.unusable.get(why) ?? 0) + 1);
    for (const [name, books] of [
      ...byKind(actors.filter(({ honest }) => honest)),
      ["all attacks", sumOf(attackers(actors))] as const,
    ]) {
      const paid = Number(books["paid in"]);
      const won = Number(resultOf(books) - books.held);
      if (!this.curves.has(name)) this.curves.set(name, []);
      this.curves.get(name)!.push(paid === 0 ? 0 : won / paid);
    }
    this.days++;
  }
}

const attackers = (actors: readonly Actor[]) =>
  actors.filter(({ honest }) => !honest).flatMap(({ accounts }) => accounts);
const sumOf = (accounts: readonly { readonly books: Books }[]): Books => {
  const sum = emptyBooks();
  for (const { books } of accounts) for (const item of ITEMS) sum[item] += books[item];
  return sum;
};
const resultOf = (books: Books) => ITEMS.slice(2).reduce((sum, item) => sum + books[item], 0n);
/** What others paid: all but what prices did. */
const gainOf = (books: Books) => books.trades + books.lots + books.fees + books.fund;

function byKind(actors: readonly Actor[]): Map<string, Books> {
  const kinds = new Map<string, Books>();
  for (const { name, accounts } of actors) {
    const known = kinds.get(name);
    kinds.set(name, sumOf([...accounts, ...(known === undefined ? [] : [{ books: known }])]));
  }
  return kinds;
}

const dollars = (worth: bigint) => {
  const rounded = worth / (CASH_WORTH * E6);
  return rounded === 0n ? "0" : rounded.toLocaleString("en");
};
/** Columns of words. */
const WORDS = new Set(["class", "attack", "by", "refused by"]);
const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
  [line(header), line(header.map((title) => (WORDS.has(title) ? "---" : "---:"))), ...rows.map(line)].join("\n");

export const MEMBER_HEADER = [
  ...["class", "accounts", "paid in", "result", "a passive holder's", "positions at marks", "prices of trades", "lots"],
  ...["rewards and levies", "by the fund"],
];

function memberRows(actors: readonly Actor[]): string[][] {
  const rowOf = (name: string, accounts: number, books: Books) => [
    name,
    String(accounts),
    dollars(books["paid in"]),
    ...[resultOf(books), books.held, books.positions, books.trades, books.lots, books.fees, books.fund].map(dollars),
  ];
  const honest = actors.filter((actor) => actor.honest && actor.accounts.length > 0);
  const countOf = (name: string) =>
    honest.filter((actor) => actor.name === name).reduce((sum, { accounts }) => sum + accounts.length, 0);
  const against = attackers(actors);
  return [
    ...[...byKind(honest)].map(([name, books]) => rowOf(name, countOf(name), books)),
    rowOf("all attacks", against.length, sumOf(against)),
  ];
}

function attackRows(actors: readonly Actor[]): string[][] {
  return actors
    .filter(({ honest, by }) => !honest && by !== "chance")
    .map(({ name, by, accounts, tries }) => {
      const books = sumOf(accounts);
      const [most] = [...tries.refused].sort(([, one], [, other]) => other - one);
      const money = accounts.length === 0 ? ["", ""] : [dollars(gainOf(books)), dollars(books.fund)];
      return [name, by, String(tries.count), String(tries.taken), most === undefined ? "" : `\`${most[0]}\``, ...money];
    });
}

export function chartOf({ curves }: Notes): string {
  const drawn = [...curves].filter(([name]) => !["backstop", "rounds of three"].includes(name));
  const percent = (value: number) => `${Math.round(100 * value)}%`;
  return plotFile({
    title: "What each class won and lost beyond what its coins did, over what it paid in",
    x: { label: "day", format: String },
    y: { label: "of what was paid in", format: percent },
    lines: drawn.map(([label, values], index) => ({
      label,
      points: values.map((value, day) => [day, value] as const),
      series: label === "all attacks" ? "quiet" : ((index + 1) as Series),
      dashed: label === "all attacks",
    })),
    levels: [{ y: 0, label: "" }],
  });
}

interface Given {
  readonly command: string;
  readonly source: string;
  readonly seed: number;
  /** File of the chart, beside the page. */
  readonly chart?: string;
}

export function pageOf({ venue, actors }: Running, notes: Notes, { command, source, seed, chart }: Given): string {
  const { sold, till, chain } = venue;
  const funded = sold.filter(({ fromFund }) => fromFund > 0n);
  const paid = funded.reduce((sum, { fromFund }) => sum + fromFund, 0n);
  const lacked = funded.reduce((sum, { before }) => sum - before, 0n);
  const chance = actors.filter(({ by }) => by === "chance");
  const unusable = [...notes.unusable].map(([why, days]) => `${why} ${days}`).join(", ");
  const left = venue.holders.filter((holder) => holder.worth(venue.values.fair) < 0n);
  const wants = left.reduce((sum, holder) => sum - holder.worth(venue.values.fair), 0n);
  const everybody = sumOf(venue.holders);
  return `# A market with adversaries

This page shows what members of a venue won and lost over ${notes.days - 1} days in which everybody who could play against them did; it is
for a venue, its members and their auditors. The contracts are the released ones on a chain in the process. Proofs are under a key whose
trapdoor the simulation knows, made by a prover that asks the integer model and proves only what is true by it: so the model is the judge, and
nothing is shown about circuits.

Made by this command:

\`\`\`sh
${command}
\`\`\`

## What is played

Prices: ${source}. A day is an epoch, its board is made by the [risk engine](risk-model.md) from that day's volatility. That is harsher than a venue
of five-minute epochs: nobody can act between two closes. Seed ${seed}: the same seed plays the same days.

Honest members by kind trade, hedge, pay in and out, and answer nine calls in ten as long as their reserve lasts. Adversaries have accounts or
powers of their own, play at random and at the same time, and see a call about an account before it lands. Feeds die, the sequencer goes down,
pegs break, series expire.

## What is checked after every epoch

The run stops with the seed, the fewest attacks that lead there and what happened last, where one of these does not hold:

- the gate holds of each asset exactly what the model says: private holdings, credits and the fund;
- each account's state, credit and debt to the fund on chain, and each owner's tokens outside, are what the model says: nobody honest has a unit
  less than by prices, by the prices of trades it signed, and by the schedules of lots, rewards and levies;
- a sold lot cost its account no more than [the bound](liquidation.md#what-each-can-lose-at-most);
- the fund paid only for an account that was insolvent at market when its lot was made, and no more than it lacked and the lot may have cost;
- whatever left an account by a withdrawal, a trade, a round or a bid left the initial level behind, on a usable market, free of holds and calls;
  whoever left by an exit or unwound has no position and no debt;
- a price that counts is one that an honest reporter saw;
- every account can be evaluated, alone and with its credit;
- where the operator serves and the market is usable, each account below the close-out level had a lot on the same day: nobody outran it.

## What each class won and lost

Dollars. *A passive holder's* result is that of the same coins held outside; *positions at marks* is what prices did to positions; the rest is
what others paid.${chart === undefined ? "" : `\n\n![Results of each class](${chart})`}

${table(MEMBER_HEADER, memberRows(actors))}

- The worst honest loss beyond what the model says: **0**, over ${venue.holders.filter(({ honest }) => honest).length} accounts and ${notes.days} days.
- The most that a lot cost its account: ${(100 * venue.worstLot).toFixed(1)}% of the bound, over ${sold.length} lots.
- The fund began with 500,000 and has ${dollars(till.fund * CASH_WORTH)}. It paid ${dollars(paid * CASH_WORTH)} for ${funded.length} accounts, which lacked ${dollars(lacked)} at market.
- What is left of accounts that owe more than they have: ${left.length}, which lack ${dollars(wants)}.
- What all accounts won beyond prices and the fund lost: ${dollars(gainOf(everybody))}, and ${dollars((till.fund - 500_000n * E6) * CASH_WORTH)} of the fund.
- ${chain.sent} transactions, of which ${chain.reverted} were refused; ${venue.values.epoch} epochs, ${venue.values.settlements} settlements; days on which nothing could leave: ${unusable === "" ? "none" : unusable}.
${chance.map(({ name, tries }) => `- By chance ${name} on ${tries.count} days.`).join("\n")}

## What each attack gained

Beyond what prices did to its accounts, so what others paid: a minus is what the attack cost whoever played it. *Refused by* is the error that
most of its tries met; \`STATEMENT_FALSE\` is the model's, where there is no proof. Of powers, days are counted.

${table(["attack", "by", "tries", "taken", "refused by", "gained", "of it from the fund"], attackRows(actors))}

- Whoever abandons an account that owes more than it has gains what the fund pays, and paid for it by the margin that the account had to have. So *dump
  losses* gains in a gap beyond the scan and loses the discount of its lots in every other fall.
- Rewards are a part of what lots bring: an operator that takes all of them takes what would have been others', within the bound.
- A bidder who gets lots at the last price gains what the bound leaves: lots that nobody else is told of cost no more.
`;
}
