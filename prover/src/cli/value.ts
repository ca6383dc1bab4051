// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll value`: what an account is worth and what margin it needs. PRIVATE. */
import { Command } from "commander";
import { PRIVATE } from "../node/files.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import { type AccountOptions, loadAccounts, withAccounts } from "./options.ts";

export function valueCommand(context: Context): Command {
  return withAccounts(new Command("value"))
    .description("value an account and work out its margin (prints private figures)")
    .addOption(
      new Destination("file", "--out <file>", "where to write it, readable by you alone if it is new; else stdout"),
    )
    .action(async (options: AccountOptions & { out?: string }) => {
      const { policy, market, holders, several } = await loadAccounts(context, options);
      const [{ valueAccount }, { renderTotals, renderValuation, renderValuations }] = await Promise.all([
        import("../app/value.ts"),
        import("../report/valuation.ts"),
      ]);
      const valuations = holders.map((holder) => ({
        ...valueAccount(holder, policy, market),
        ...(holder.totals !== undefined && { read: holder.totals }),
      }));
      const text = () =>
        several
          ? renderValuations(valuations)
          : [renderValuation(valuations[0]!), ...(holders[0]!.totals ? [renderTotals(holders[0]!.totals)] : [])].join(
              "\n\n",
            );
      await context.show(options, several ? { accounts: valuations } : valuations[0], text, PRIVATE);
    });
}
