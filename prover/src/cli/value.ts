// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll value`: what an account is worth and what margin it needs. PRIVATE. */
import { Command } from "commander";
import type { Context } from "./context.ts";
import { type AccountOptions, loadAccounts, withAccounts } from "./options.ts";

export function valueCommand({ print, ...context }: Context): Command {
  return withAccounts(new Command("value"))
    .description("value an account and work out its margin (prints private figures)")
    .action(async (options: AccountOptions) => {
      const { policy, market, holders, several } = await loadAccounts({ print, ...context }, options);
      const [{ valueAccount }, { renderTotals, renderValuation, renderValuations }] = await Promise.all([
        import("../app/value.ts"),
        import("../report/valuation.ts"),
      ]);
      const valuations = holders.map((holder) => ({
        ...valueAccount(holder, policy, market),
        ...(holder.totals !== undefined && { read: holder.totals }),
      }));
      print(options.json, several ? { accounts: valuations } : valuations[0], () =>
        several
          ? renderValuations(valuations)
          : [renderValuation(valuations[0]!), ...(holders[0]!.totals ? [renderTotals(holders[0]!.totals)] : [])].join(
              "\n\n",
            ),
      );
    });
}
