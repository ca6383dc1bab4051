// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll outlook`: what may become of an account, and the least that would help. PRIVATE. */
import { Command } from "commander";
import { PRIVATE, writeResult } from "../node/files.ts";
import type { Context } from "./context.ts";
import { readHistories } from "./market.ts";
import { type AccountOptions, hoursAhead, loadAccount, withAccount } from "./options.ts";

interface OutlookOptions extends AccountOptions {
  readonly input: string;
  readonly prices: readonly string[];
  readonly hours: string;
  readonly report?: string;
  readonly out?: string;
}

export function outlookCommand(context: Context): Command {
  const { inputs, show } = context;
  return withAccount(new Command("outlook"))
    .description("what may become of an account, and the least that would help (prints private figures)")
    .requiredOption("--input <file>", "what the market follows from, JSON")
    .requiredOption(
      "--prices <csv...>",
      "daily closes of every underlying held; the name up to a dash is the underlying",
    )
    .option("--hours <count>", "how far ahead, 1 to 720", "24")
    .option("--report <file>", "also write a page with charts, private as well")
    .option("--out <file>", "where to write the figures, readable by you alone if it is new; else stdout")
    .action(async (options: OutlookOptions) => {
      const hours = hoursAhead(options.hours);
      const { policy, market, holder } = await loadAccount(context, options);
      const input = await inputs.text(options.input);
      const histories = await readHistories(inputs, options.prices);
      const [{ lookAhead }, { renderAhead, renderAheadPage }] = await Promise.all([
        import("../app/outlook.ts"),
        import("../report/outlook.ts"),
      ]);
      const { readMarketInput } = await import("../risk/input.ts");
      const follows = readMarketInput(input.text, input.file);
      const ahead = lookAhead(holder, policy, market, follows, histories, { hours, paths: 20_000, seed: 1 });
      if (options.report !== undefined) await writeResult(options.report, renderAheadPage(ahead), PRIVATE);
      await show(options, ahead, () => renderAhead(ahead), PRIVATE);
    });
}
