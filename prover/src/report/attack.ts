// SPDX-License-Identifier: GPL-3.0-or-later
/** The worst books against a board's margin, as text. Public. */
import type { BookShown, MarketAttack, SetAttack } from "../app/attack.ts";
import { foreign } from "../document/words.ts";
import { historyLines } from "./histories.ts";
import { factText } from "./terminal.ts";
import { table } from "./text.ts";

/** Positions that a line shows; the others are counted. */
const MOST_SHOWN = 6;

const positionsText = ({ positions }: BookShown) => {
  const shown = positions.slice(0, MOST_SHOWN).map(({ instrument, quantity }) => `${quantity} ${instrument}`);
  const others = positions.length - shown.length;
  return positions.length === 0
    ? "no book loses anything"
    : `${shown.join(", ")}${others > 0 ? `, and ${others} more` : ""}`;
};

const figure = (value: number) => value.toFixed(2);

function setText({ blocks, instruments, scenarios, kinds, days }: SetAttack, source: MarketAttack["days"]): string[] {
  const half =
    source === "past" ? "half of the past days, rescaled to the volatility of today" : "half of the days drawn";
  return [
    factText({ label: "netting set", value: foreign(blocks, "market file") }),
    `${instruments} instruments, ${scenarios} scenarios`,
    "",
    "one kind of move alone",
    table(
      ["moves", "worst state", "loss, margins"],
      kinds.map(({ moves, state, loss }) => [moves, state, figure(loss)]),
    ),
    "",
    `everything moves: chosen on ${half}, judged on the other half`,
    table(
      ["moves", "shortfall 97.5%, chosen", "judged", "worst day", "days above margin"],
      days.map(({ moves, chosen, judged }) => [
        moves,
        figure(chosen.shortfall),
        figure(judged.shortfall),
        figure(judged.worst),
        `${(100 * judged.breaches).toFixed(1)}%`,
      ]),
    ),
    "",
    "the books, for a margin of 1,000,000",
    ...[...kinds, ...days].map(({ moves, book }) => `  ${moves}: ${positionsText(book)}`),
    "",
  ];
}

export function renderAttack({ board, time, charges, account, days, histories, sets, worst }: MarketAttack): string {
  const thresholds =
    account === null
      ? "nothing charged above thresholds (split accounts do not reach them)"
      : `thresholds as an account with a margin of ${account} reaches them`;
  return [
    factText({ label: "board", value: foreign(board, "market file") }),
    `at ${time}, ${charges ? `charges counted, ${thresholds}` : "charges left out"}`,
    ...historyLines(histories),
    "",
    ...sets.flatMap((set) => setText(set, days)),
    `worst: ${figure(worst)} margins`,
  ].join("\n");
}
