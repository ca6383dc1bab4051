// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll account unwind`: two accounts close against each other without the operator. */
import { Command } from "commander";
import { PlimsollError } from "../../errors.ts";
import { fillDocument, readFill } from "../../formats/fill.ts";
import { formatJson } from "../../formats/json.ts";
import { unsigned64 } from "../../formats/market.ts";
import { PRIVATE } from "../../node/files.ts";
import type { Context } from "../context.ts";
import { Destination } from "../destination.ts";
import { optionInteger } from "../options.ts";
import { type AccountOptions, tell, withMachine, withSending } from "./machine.ts";

interface UnwindOptions extends AccountOptions {
  readonly with?: string;
  readonly terms?: string;
  readonly fill: string;
  readonly sign?: string;
  readonly theirs?: string;
}

export function unwindCommand(context: Context): Command {
  return withSending(new Command("unwind"))
    .description("close your positions against another account's, without the operator, when it does not answer")
    .requiredOption(
      "--fill <file>",
      "what moves between the two: written with --terms, read otherwise (private to both)",
    )
    .option(
      "--terms <file>",
      "propose: for how much cash to you (negative: from you) all your positions go, JSON; private",
    )
    .option("--with <account>", "number of the other account")
    .addOption(new Destination("file", "--sign <file>", "as the other owner: sign your side, and write it here"))
    .option("--theirs <file>", "the other owner's signed side: proves yours and sends both")
    .addHelpText(
      "after",
      "\nOne owner proposes (--terms) and hands the fill to the other, who signs (--with, --sign). The first then sends (--with, --theirs).",
    )
    .action(async (options: UnwindOptions) => {
      const { terms, sign, theirs } = options;
      if ([terms, sign, theirs].filter((each) => each !== undefined).length !== 1) {
        throw new PlimsollError("USAGE", "give one of --terms, --sign and --theirs");
      }
      const app = await import("../../app/account/unwind.ts");
      if (terms !== undefined) {
        const { cash } = app.readUnwindTerms(await context.inputs.text(terms));
        await withMachine(context, options, false, async (machine, viewingKey) => {
          const fill = await app.proposeUnwind(machine, { viewingKey, cash });
          await context.deliver(options.fill, formatJson(fillDocument(fill)), PRIVATE);
          context.print(
            options.json,
            { file: options.fill },
            () => `written: ${options.fill} (private to both owners)`,
          );
        });
        return;
      }
      if (options.with === undefined) throw new PlimsollError("USAGE", "give --with", { field: "--with" });
      const counterparty = optionInteger("--with", options.with, unsigned64);
      const fill = readFill(await context.inputs.text(options.fill));
      const side = theirs === undefined ? undefined : app.readUnwindSide(await context.inputs.text(theirs));
      await withMachine(context, options, true, async (machine, viewingKey) => {
        const order = { viewingKey, counterparty, fill };
        if (side !== undefined) return tell(context, options, await app.unwind(machine, { ...order, theirs: side }));
        await context.deliver(sign, formatJson(await app.signUnwind(machine, order)));
        context.print(options.json, { file: sign }, () => `written: ${sign}; valid for a day`);
      });
    });
}
