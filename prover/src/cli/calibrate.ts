// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll market calibrate` and `market backtest`: a risk policy from price histories, and whether it would have held. */
import { Command } from "commander";
import { EXIT } from "../errors.ts";
import { formatJson } from "../formats/json.ts";
import { timeText } from "../formats/time.ts";
import { writeResult } from "../node/files.ts";
import { readHistories } from "../node/histories.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import {
  confirmations,
  type HistoryOptions,
  type PeriodOptions,
  PRICES_HELP,
  withConfirmations,
  withPeriod,
} from "./histories.ts";
import { optionTime } from "./options.ts";

interface CalibrateOptions extends HistoryOptions, PeriodOptions {
  readonly prices: readonly string[];
  readonly time?: string;
  readonly garch?: boolean;
  readonly report?: string;
  readonly out?: string;
}

export function calibrateCommand({ inputs, deliver, progress, endAtOnce }: Context): Command {
  return withPeriod(withConfirmations(new Command("calibrate")))
    .description("print scenarios, haircuts and liquidity terms from price histories, JSON")
    .requiredOption("--prices <csv...>", PRICES_HELP)
    .option("--time <time>", "market time that they are for, UTC (default now)")
    .option("--garch", "volatility by GARCH(1,1) instead of EWMA")
    .addOption(
      new Destination("file", "--report <file>", "also write a page with the series, the tail and the reasons, HTML"),
    )
    .addOption(new Destination("file", "--out <file>", "where to write them; else stdout"))
    .option("--json", "errors as JSON, too")
    .action(async (options: CalibrateOptions) => {
      const time = options.time === undefined ? new Date() : optionTime("--time", options.time);
      const [{ calibrate }, { DEFAULT_CALIBRATION }, { renderCalibration }, { historyLines }] = await Promise.all([
        import("../app/calibrate.ts"),
        import("../risk/calibration/ranges.ts"),
        import("../risk/calibration/report.ts"),
        import("../report/histories.ts"),
      ]);
      const histories = await readHistories(inputs, options.prices);
      endAtOnce();
      const result = calibrate(
        histories,
        { ...confirmations(options), time: timeText(time) },
        { ...DEFAULT_CALIBRATION, periodDays: Number(options.period), volatility: options.garch ? "garch" : "ewma" },
      );
      for (const line of historyLines(result.histories)) progress(line);
      if (options.report !== undefined) await writeResult(options.report, renderCalibration(result));
      const { prepared: _, ...shown } = result;
      await deliver(options.out, formatJson(shown));
    });
}

interface BacktestOptions extends HistoryOptions, PeriodOptions {
  readonly prices: readonly string[];
  readonly out?: string;
  readonly json?: boolean;
}

export function backtestCommand({ inputs, show, progress, endAtOnce }: Context): Command {
  return withPeriod(withConfirmations(new Command("backtest")))
    .description(
      "test the default calibration on past prices, day by day; prints Markdown, exit code 1 if coverage fails",
    )
    .requiredOption("--prices <csv...>", PRICES_HELP)
    .addOption(new Destination("file", "--out <file>", "where to write it; else stdout"))
    .option("--json", "JSON instead of Markdown")
    .action(async (options: BacktestOptions) => {
      const [{ backtestMargins }, { renderBacktest }, { acceptanceOf }, { historyLines }] = await Promise.all([
        import("../app/calibrate.ts"),
        import("../report/backtest.ts"),
        import("../risk/calibration/coverage.ts"),
        import("../report/histories.ts"),
      ]);
      const histories = await readHistories(inputs, options.prices);
      endAtOnce();
      const report = backtestMargins(
        histories,
        { ...confirmations(options), time: timeText(new Date()) },
        Number(options.period),
      );
      for (const line of historyLines(report.histories)) progress(line);
      const shown = { ...report, results: report.results.map(({ series: _, ...rest }) => rest) };
      await show(options, shown, () => renderBacktest(report).trimEnd());
      if (report.results.some((result) => acceptanceOf(result) === "too many")) process.exitCode = EXIT.no;
    });
}
