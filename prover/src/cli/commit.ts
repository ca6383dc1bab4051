// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll commit`: the commitment to an account. */
import { Command } from "commander";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import { newViewingKey, readViewingKey } from "../formats/account.ts";
import { writeSecret } from "../node/files.ts";
import type { Context } from "./context.ts";
import { type AccountOptions, loadAccount, loadViewingKey, withAccount } from "./options.ts";

export function commitCommand(context: Context): Command {
  const { print, signal } = context;
  return withAccount(new Command("commit"))
    .description("print the commitment to an account's state")
    .option("--key <file>", "viewing key")
    .option("--new-key <file>", "make a viewing key, readable by you alone, and use it; never overwrites")
    .action(async (options: AccountOptions & { key?: string; newKey?: string }) => {
      const { key, newKey } = options;
      if ((key === undefined) === (newKey === undefined)) {
        throw new PlimsollError("USAGE", "give either --key or --new-key");
      }
      const { holder } = await loadAccount(context, options);
      const made = newViewingKey();
      const viewingKey = key === undefined ? readViewingKey(made, newKey!) : await loadViewingKey(context, key);
      const { commitAccount } = await import("../app/commit.ts");
      const committed = commitAccount({ ...holder.account, viewingKey });
      throwIfCancelled(signal);
      if (newKey !== undefined) await writeSecret(newKey, made);
      print(options.json, committed, () => committed.commitment.toString());
    });
}
