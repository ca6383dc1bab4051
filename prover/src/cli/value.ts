// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll value`: what an account is worth and what margin it needs. PRIVATE. */
import { Command } from "commander";
import type { Valuation } from "../app/value.ts";
import { formatDecimal, lotOfDecimals, lotsOf, parseDecimal } from "../formats/decimal.ts";
import { amount, levelWord, percent, table } from "../report/text.ts";
import type { Context } from "./context.ts";
import { type AccountOptions, loadAccount, withAccount } from "./options.ts";

export function valueCommand(context: Context): Command {
  const { print } = context;
  return withAccount(new Command("value"))
    .description("value an account and work out its margin (prints private figures)")
    .action(async (options: AccountOptions) => {
      const { policy, market, holder } = await loadAccount(context, options);
      const { valueAccount } = await import("../app/value.ts");
      const valuation = valueAccount(holder, policy, market);
      print(options.json, valuation, () => renderValuation(valuation));
    });
}

/** The breakdown for people: amounts rounded down to hundredths. */
export function renderValuation(valuation: Valuation): string {
  const { currency, sets } = valuation;
  const held = valuation.collateral.filter(({ quantity }) => quantity !== "0");
  const markValue = subtract(valuation.equity, valuation.collateralValue, valuation.cash);
  const sections = [
    `${valuation.account} on ${valuation.board}, epoch ${valuation.epoch}, ${valuation.time}`,
    table(
      ["collateral", "quantity", `worth, ${currency}`, `counts, ${currency}`, "tier"],
      held.map(({ asset, quantity, marketValue, value, tier }) => [
        asset,
        quantity,
        amount(marketValue),
        amount(value),
        tier === null ? "above all" : `${tier}`,
      ]),
    ),
    table(
      ["netting set", "worst scenario", "loss in it", "liquidity", "value at mark"],
      sets.map(({ blocks, worstScenario, scan, liquidity, markValue }) => [
        blocks.join(" + "),
        worstScenario ?? "none loses",
        amount(scan),
        amount(liquidity),
        amount(markValue),
      ]),
    ),
    table(
      ["", currency],
      [
        ["collateral after haircuts", amount(valuation.collateralValue)],
        ["cash", amount(valuation.cash)],
        ["positions at their marks", amount(markValue)],
        ["equity", amount(valuation.equity)],
        ["charges on positions", amount(valuation.charge)],
        ["maintenance margin", amount(valuation.margin)],
      ],
    ),
    table(
      ["coverage", valuation.coverageBps === null ? "no margin" : percent(valuation.coverageBps)],
      valuation.levels.map(({ name, bps, atLeast }) => [
        `${levelWord(name)} ${percent(bps)}`,
        atLeast ? "at least" : "below",
      ]),
    ),
  ];
  return sections.join("\n\n");
}

/** Exact. */
function subtract(from: string, ...parts: readonly string[]): string {
  const e20 = (text: string) => lotsOf(parseDecimal(text), lotOfDecimals(20));
  return formatDecimal(
    parts.reduce((rest, part) => rest - e20(part), e20(from)),
    20,
  );
}
