// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll report`: the treasurer's page of an account. PRIVATE. */
import { Command } from "commander";
import { PlimsollError } from "../errors.ts";
import { PRIVATE } from "../node/files.ts";
import { readHistories } from "../node/histories.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import { confirmations, type HistoryOptions, PRICES_HELP, withConfirmations } from "./histories.ts";
import { type AccountOptions, hoursAhead, loadAccount, withAccount } from "./options.ts";

interface ReportOptions extends AccountOptions, HistoryOptions {
  readonly input?: string;
  readonly prices?: readonly string[];
  readonly hours: string;
  readonly out?: string;
}

export function reportCommand(context: Context): Command {
  const { inputs, print, deliver } = context;
  return withConfirmations(withAccount(new Command("report")))
    .description("the account as a page for its treasurer: coverage, collateral, margin, positions (private)")
    .option("--input <file>", "with --prices, also the hours to come: what the market follows from, JSON")
    .option("--prices <csv...>", `of every underlying held: ${PRICES_HELP}`)
    .option("--hours <count>", "how far ahead, 1 to 720", "24")
    .addOption(
      new Destination(
        "file",
        "--out <file>",
        "where to write the page, HTML, readable by you alone if it is new; else stdout",
      ),
    )
    .action(async (options: ReportOptions) => {
      if ((options.input === undefined) !== (options.prices === undefined)) {
        throw new PlimsollError("USAGE", "--input and --prices go together");
      }
      const hours = hoursAhead(options.hours);
      const { policy, market, holder } = await loadAccount(context, options);
      const [{ accountReport }, { readMarketInput }] = await Promise.all([
        import("../app/report.ts"),
        import("../risk/input.ts"),
      ]);
      let page: string;
      if (options.input === undefined) page = accountReport({ holder, policy, market });
      else {
        const { text, file } = await inputs.text(options.input);
        const input = readMarketInput(text, file);
        const histories = await readHistories(inputs, options.prices!);
        const outlook = { input, histories, hours, paths: 20_000, seed: 1, ...confirmations(options) };
        page = accountReport({ holder, policy, market, outlook });
      }
      await deliver(options.out, page, PRIVATE);
      if (options.out !== undefined) print(options.json, { file: options.out }, () => options.out!);
    });
}
