// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll bid`: take a lot that is on auction. */
import { Command } from "commander";
import { readFill } from "../formats/fill.ts";
import { unsigned64 } from "../formats/market.ts";
import { type AccountOptions, doAndTell, withSending } from "./account/machine.ts";
import { withVenueFiles } from "./account/moves.ts";
import type { Context } from "./context.ts";
import { loadMarket, optionInteger } from "./options.ts";

interface BidOptions extends AccountOptions {
  readonly policy: string;
  readonly market: string;
  readonly lot?: string;
  readonly price?: string;
}

export function bidCommand(context: Context): Command {
  return withVenueFiles(withSending(new Command("bid")))
    .argument("<account>", "number of the account whose lot it is")
    .description("take a lot on auction into your account, which keeps the initial level")
    .option("--lot <file>", "what is in the lot, as its starter told you (private); else what the auction tells")
    .option("--price <amount>", "what you pay, in cash; what is asked now unless given")
    .action(async (account: string, options: BidOptions) => {
      const { bid } = await import("../app/account/auction.ts");
      const files = await loadMarket(context, options);
      const fill = options.lot === undefined ? undefined : readFill(await context.inputs.text(options.lot));
      const number = optionInteger("<account>", account, unsigned64);
      const { price } = options;
      await doAndTell(context, options, (machine, viewingKey) =>
        bid(machine, { viewingKey, ...files, account: number, fill, price }),
      );
    });
}
