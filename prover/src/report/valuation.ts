// SPDX-License-Identifier: GPL-3.0-or-later
/** Valuations as text for people. Amounts are rounded down to hundredths, and columns add up as shown. PRIVATE. */
import { levelReached, type Valuation } from "../app/value.ts";
import { foreign } from "../document/words.ts";
import type { CashLine } from "../formats/cash.ts";
import { factText } from "./terminal.ts";
import { levelWord, percent, summedTable, table } from "./text.ts";

/** The breakdown of one account. */
export function renderValuation(valuation: Valuation): string {
  const { currency, sets, positions, levels, coverageBps } = valuation;
  const held = valuation.collateral.filter(({ quantity }) => quantity !== "0");
  return [
    [
      `epoch ${valuation.epoch}, ${valuation.time}`,
      factText({ label: "account", value: foreign(valuation.account, "account file") }),
      factText({ label: "board", value: foreign(valuation.board, "market file") }),
    ].join("\n"),
    ...conversionOf(valuation),
    ...section(
      ["collateral", "quantity", "tier", "in the scan", `worth, ${currency}`, `counts, ${currency}`],
      held.map(({ asset, quantity, marketValue, value, tier, scanned }) => [
        asset,
        quantity,
        tier === null ? "above all" : `${tier}`,
        scanned === "0" ? "" : scanned,
        { amount: marketValue },
        { amount: value },
      ]),
      "collateral",
    ),
    ...section(
      ["position", "quantity", "mark of a unit", `value, ${currency}`, `profit, ${currency}`],
      positions.map(({ instrument, quantity, mark, value, profit }) => [
        instrument,
        quantity,
        mark,
        { amount: value },
        { amount: profit },
      ]),
      "positions at their marks",
    ),
    summedTable(
      ["netting set", "worst scenario", "loss in it", "of collateral", "liquidity", "vega"],
      sets.map(({ blocks, worstScenario, ...set }) => [
        foreign(blocks.join(" + "), "market file"),
        worstScenario === null ? "none loses" : foreign(worstScenario, "market file"),
        { amount: set.scan },
        { amount: negated(set.collateralProfit) },
        { amount: set.liquidity },
        { amount: set.vegaCharge },
      ]),
      "netting sets",
    ),
    summedTable(
      ["", currency],
      [
        ["collateral after haircuts", { amount: valuation.collateralValue }],
        ["cash", { amount: valuation.cash }],
        ["positions at their marks", { amount: valuation.positionsValue }],
      ],
      "equity",
    ),
    summedTable(
      ["", currency],
      [
        ["worst scenarios", { amount: valuation.scan }],
        ["charges on positions", { amount: valuation.charge }],
        ["liquidity", { amount: valuation.liquidity }],
        ["vega", { amount: valuation.vegaCharge }],
        [`debt of ${valuation.debt}`, { amount: valuation.debtMargin }],
      ],
      "maintenance margin",
    ),
    table(
      ["coverage", coverageBps === null ? "no margin" : percent(coverageBps)],
      levels.map(({ name, bps, atLeast }) => [`${levelWord(name)} ${percent(bps)}`, atLeast ? "at least" : "below"]),
    ),
  ].join("\n\n");
}

const negated = (amount: string) => (amount.startsWith("-") ? amount.slice(1) : amount === "0" ? amount : `-${amount}`);

/** Nothing where there are no rows. */
const section = (...[header, rows, sum]: Parameters<typeof summedTable>): string[] =>
  rows.length === 0 ? [] : [summedTable(header, rows, sum)];

const HOW: Readonly<Record<CashLine["basis"], (line: CashLine) => string>> = {
  entryPrice: ({ quantity, given, coin }) =>
    coin === undefined
      ? `bought or sold: -(${quantity} at ${given})`
      : `${quantity} at ${given}, paid in coin: ${coin.quantity} ${coin.instrument}`,
  unrealisedProfit: ({ given }) => `profit ${given} less value at mark`,
  paid: () => "paid from the balance",
  markIsZero: () => "its mark is 0",
};

/** From the balance to the cash that counts, line by line. */
function conversionOf({ conversion, currency }: Valuation): string[] {
  if (conversion === null) return [];
  const { balance, lines, remainder } = conversion;
  return [
    summedTable(
      ["cash", "how", currency],
      [
        ["balance", "", { amount: balance }],
        ...lines.map((line) => [line.instrument, HOW[line.basis](line), { amount: line.effect }]),
        ...(remainder === "0" ? [] : [["remainder", `rounded down by ${remainder}`, { amount: `-${remainder}` }]]),
      ],
      "cash that counts",
    ),
  ];
}

/** Accounts one below the other. Each stands alone: nothing of one offsets another. */
export function renderValuations(valuations: readonly Valuation[]): string {
  const [first] = valuations;
  if (first === undefined) return "no accounts";
  const { board, epoch, time, currency } = first;
  return [
    [
      `${valuations.length} accounts, epoch ${epoch}, ${time}; amounts in ${currency}`,
      factText({ label: "board", value: foreign(board, "market file") }),
    ].join("\n"),
    summedTable(
      ["account", "collateral", "cash", "positions", "equity", "margin", "coverage", "level"],
      valuations.map((valuation) => {
        const level = levelReached(valuation);
        return [
          foreign(valuation.account, "account file"),
          { amount: valuation.collateralValue },
          { amount: valuation.cash },
          { amount: valuation.positionsValue },
          { amount: valuation.equity },
          { amount: valuation.margin },
          valuation.coverageBps === null ? "no margin" : percent(valuation.coverageBps),
          level === null ? "below all" : levelWord(level),
        ];
      }),
      "sum",
    ),
    "Each account stands alone: sums of margin have no netting between accounts.",
  ].join("\n\n");
}

/** What was read of each table. */
export const renderTotals = (
  totals: readonly { readonly file: string; readonly rows: number; readonly total: string }[],
) =>
  totals
    .map(
      ({ file, rows, total }) => `read of ${file}: ${rows} ${rows === 1 ? "row" : "rows"}, amounts add up to ${total}`,
    )
    .join("\n");
