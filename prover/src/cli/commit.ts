// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll commit`: the commitment to an account. */
import { rm } from "node:fs/promises";
import { Command } from "commander";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import { newViewingKey, readViewingKey, stateDocument } from "../formats/account.ts";
import { formatJson } from "../formats/json.ts";
import { writeSecret } from "../node/files.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import { type AccountOptions, loadAccount, loadViewingKey, withAccount } from "./options.ts";

export function commitCommand(context: Context): Command {
  const { print, signal } = context;
  return withAccount(new Command("commit"))
    .description("print the commitment to an account's state")
    .option("--key <file>", "viewing key")
    .addOption(
      new Destination(
        "new file",
        "--new-key <file>",
        "make a viewing key, readable by you alone, and use it; never overwrites",
      ),
    )
    .addOption(
      new Destination(
        "new file",
        "--state <file>",
        "also write the state that is committed to, which any later market reads; never overwrites",
      ),
    )
    .action(async (options: AccountOptions & { key?: string; newKey?: string; state?: string }) => {
      const { key, newKey, state } = options;
      if ((key === undefined) === (newKey === undefined)) {
        throw new PlimsollError("USAGE", "give either --key or --new-key");
      }
      const { policy, market, holder } = await loadAccount(context, options);
      const made = newViewingKey();
      const viewingKey = key === undefined ? readViewingKey(made, newKey!) : await loadViewingKey(context, key);
      const { commitAccount } = await import("../app/commit.ts");
      const committed = commitAccount({ ...holder.account, viewingKey });
      throwIfCancelled(signal);
      if (state !== undefined) {
        await writeSecret(state, formatJson(stateDocument(holder, policy, market)));
      }
      if (newKey !== undefined) {
        await writeSecret(newKey, made).catch(async (error) => {
          if (state !== undefined) await rm(state, { force: true });
          throw error;
        });
      }
      print(options.json, committed, () => committed.commitment.toString());
    });
}
