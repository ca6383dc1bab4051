// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll outlook`: what may become of an account, and the least that would help (PRIVATE); and how such forecasts score. */
import { Command } from "commander";
import { timeText } from "../formats/time.ts";
import { PRIVATE, writeResult } from "../node/files.ts";
import { readHistories } from "../node/histories.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import { confirmations, type HistoryOptions, PRICES_HELP, withConfirmations } from "./histories.ts";
import { type AccountOptions, hoursAhead, loadAccount, withAccount } from "./options.ts";

/** Without a subcommand it is that of an account. */
export function outlookCommand(context: Context): Command {
  return new Command("outlook")
    .description("what may become of an account, and the least that would help (prints private figures)")
    .usage("[account] --policy <file> --market <file> --account <file> --input <file> --prices <csv...>")
    .addCommand(accountCommand(context), { isDefault: true })
    .addCommand(scoreCommand(context));
}

interface OutlookOptions extends AccountOptions, HistoryOptions {
  readonly input: string;
  readonly prices: readonly string[];
  readonly hours: string;
  readonly report?: string;
  readonly out?: string;
}

function accountCommand(context: Context): Command {
  const { inputs, show, endAtOnce } = context;
  return withConfirmations(withAccount(new Command("account")))
    .description(
      "the default, of an account: equity and coverage over the next hours, chances of falling below a level, cures",
    )
    .requiredOption("--input <file>", "what the market follows from, JSON")
    .requiredOption("--prices <csv...>", `of every underlying held: ${PRICES_HELP}`)
    .option("--hours <count>", "how far ahead, 1 to 720", "24")
    .addOption(new Destination("file", "--report <file>", "also write a page with charts, private as well"))
    .addOption(
      new Destination(
        "file",
        "--out <file>",
        "where to write the figures, readable by you alone if it is new; else stdout",
      ),
    )
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
      const terms = confirmations(options);
      endAtOnce();
      const ahead = lookAhead(holder, policy, market, follows, histories, { hours, paths: 20_000, seed: 1, ...terms });
      if (options.report !== undefined) await writeResult(options.report, renderAheadPage(ahead), PRIVATE);
      await show(options, ahead, () => renderAhead(ahead), PRIVATE);
    });
}

interface ScoreOptions extends HistoryOptions {
  readonly prices: readonly string[];
  readonly out?: string;
  readonly chart?: string;
  readonly json?: boolean;
}

/** Seconds between two lines that say how far a long command is. */
const EVERY = 5_000;

function scoreCommand({ inputs, show, progress, endAtOnce }: Context): Command {
  return withConfirmations(new Command("score"))
    .description("score forecasts of falling below a level on past prices; prints Markdown (public)")
    .requiredOption("--prices <csv...>", PRICES_HELP)
    .addOption(new Destination("file", "--out <file>", "where to write it; else stdout"))
    .addOption(new Destination("file", "--chart <file>", "also write the picture on the page, SVG"))
    .option("--json", "JSON instead of Markdown")
    .action(async (options: ScoreOptions) => {
      const [{ scoreOutlook }, { reliabilityChart, renderOutlookScore }, { historyLines }, path] = await Promise.all([
        import("../app/outlook-score.ts"),
        import("../report/outlook-score.ts"),
        import("../report/histories.ts"),
        import("node:path"),
      ]);
      const histories = await readHistories(inputs, options.prices);
      endAtOnce();
      let shown = performance.now();
      const scored = scoreOutlook(histories, { ...confirmations(options), time: timeText(new Date()) }, (done) => {
        if (performance.now() - shown < EVERY) return;
        shown = performance.now();
        progress(`${Math.round(done * 100)}% of the forecasts`);
      });
      for (const line of historyLines(scored.histories)) progress(line);
      if (options.chart !== undefined) await writeResult(options.chart, reliabilityChart(scored));
      const picture = options.chart === undefined ? undefined : path.basename(options.chart);
      await show(options, scored, () => renderOutlookScore(scored, picture).trimEnd());
    });
}
