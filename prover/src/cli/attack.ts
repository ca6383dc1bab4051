// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll market attack`: the books that lose most for a board's margin. */
import { Command } from "commander";
import { EXIT, PlimsollError } from "../errors.ts";
import { parseDecimal } from "../formats/decimal.ts";
import { readHistories } from "../node/histories.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import { confirmations, type HistoryOptions, PRICES_HELP, withConfirmations } from "./histories.ts";
import { asOption, optionInteger } from "./options.ts";

interface AttackOptions extends HistoryOptions {
  readonly input: string;
  readonly prices: readonly string[];
  readonly charges: boolean;
  readonly margin?: string;
  readonly seed: string;
  readonly most?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** Milliseconds between two lines that say how far it is. */
const EVERY = 5_000;

export function attackCommand({ inputs, show, progress, endAtOnce }: Context): Command {
  return withConfirmations(new Command("attack"))
    .description("find the books that lose most for the margin that a board asks for")
    .requiredOption("--input <file>", "market input, JSON")
    .option(
      "--prices <csv...>",
      `of every underlying; without it, days are drawn from the scan's ranges. ${PRICES_HELP}`,
    )
    .option("--no-charges", "leave charges out of the margin: the scan alone")
    .option("--margin <amount>", "count charges above thresholds, as of an account with this margin in quote currency")
    .option("--seed <number>", "of what is drawn", "1")
    .option("--most <margins>", "exit code 1 if a book loses more than this, such as 1.5")
    .addOption(new Destination("file", "--out <file>", "where to write it; else stdout"))
    .option("--json", "print JSON")
    .action(async (options: AttackOptions) => {
      const seed = optionInteger("--seed", options.seed, Number);
      const most = positive("--most", options.most) ?? Number.POSITIVE_INFINITY;
      const account = positive("--margin", options.margin);
      const [{ attackMarket }, { renderAttack }, { readMarketInput }] = await Promise.all([
        import("../app/attack.ts"),
        import("../report/attack.ts"),
        import("../risk/input.ts"),
      ]);
      const { text, file } = await inputs.text(options.input);
      const histories = await readHistories(inputs, options.prices ?? []);
      endAtOnce();
      let shown = performance.now();
      const attack = attackMarket(
        readMarketInput(text, file),
        {
          charges: options.charges,
          ...(account !== undefined && { account }),
          seed,
          histories,
          ...confirmations(options),
        },
        (done, what) => {
          if (performance.now() - shown < EVERY) return;
          shown = performance.now();
          progress(`${Math.round(done * 100)}%, ${what}`);
        },
      );
      await show(options, attack, () => renderAttack(attack));
      if (attack.worst > most) process.exitCode = EXIT.no;
    });
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = asOption(option, () => Number(parseDecimal(text) && text));
  if (value > 0) return value;
  throw new PlimsollError("USAGE", "expected a number above 0, such as 1.5", { field: option });
}
