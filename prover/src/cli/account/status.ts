// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll account status`: where an account stands at its gate. PRIVATE. */
import { Command } from "commander";
import { PlimsollError } from "../../errors.ts";
import { PRIVATE } from "../../node/files.ts";
import type { Context } from "../context.ts";
import { Destination } from "../destination.ts";
import { loadMarket } from "../options.ts";
import { type AccountOptions, withFile, withMachine } from "./machine.ts";

interface StatusOptions extends AccountOptions {
  readonly policy?: string;
  readonly market?: string;
  readonly out?: string;
}

export function statusCommand(context: Context): Command {
  return withFile(new Command("status"))
    .description(
      "stage, holds and deadlines of the account; with policy and market its level, and what can be withdrawn",
    )
    .option("--policy <file>", "the venue's policy in force, JSON")
    .option("--market <file>", "the venue's market values of the standing epoch, JSON")
    .addOption(
      new Destination("file", "--out <file>", "where to write it, readable by you alone if it is new; else stdout"),
    )
    .action(async (options: StatusOptions) => {
      const { policy, market } = options;
      if ((policy === undefined) !== (market === undefined)) {
        throw new PlimsollError("USAGE", "give both --policy and --market, or neither");
      }
      const [{ accountStatus }, { renderStatus }] = await Promise.all([
        import("../../app/account/status.ts"),
        import("../../report/account-status.ts"),
      ]);
      const files = policy && market ? await loadMarket(context, { policy, market }) : undefined;
      await withMachine(context, options, false, async (machine, viewingKey) => {
        const status = await accountStatus(machine, { viewingKey, files });
        await context.show(options, status, () => renderStatus(status), PRIVATE);
      });
    });
}
