// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll merge`: one account that is the sum of others. */
import { Command } from "commander";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import { readAccount, stateDocument } from "../formats/account.ts";
import { formatJson } from "../formats/json.ts";
import { writeDirectory } from "../node/files.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import { loadMarket, loadViewingKey, type MarketOptions, many, optionLabel, withMarket } from "./options.ts";

interface MergeOptions extends MarketOptions {
  readonly account: string[];
  readonly key: string[];
  readonly name: string;
  readonly audience: string;
  readonly out: string;
}

export function mergeCommand(context: Context): Command {
  const { inputs, print, progress, signal } = context;
  return withMarket(new Command("merge"))
    .description("add up accounts, such as those at several custodians, and prove that the sum is theirs")
    .requiredOption("--account <file>", "an account, JSON; twice or more", many)
    .requiredOption("--key <file>", "the viewing key of each account, in the same order", many)
    .requiredOption("--name <text>", "name of the sum")
    .requiredOption(
      "--audience <text>",
      "reader or request that the sum is for: the same as for the proof that will rest on it",
    )
    .addOption(
      new Destination(
        "new directory",
        "--out <directory>",
        "where to write account.json, viewing.key (both private), merge-1.json …; must not exist, or be empty",
      ).makeOptionMandatory(),
    )
    .action(async (options: MergeOptions) => {
      for (const [field, text] of [
        ["--name", options.name],
        ["--audience", options.audience],
      ] as const) {
        optionLabel(field, text);
      }
      if (options.account.length !== options.key.length) {
        throw new PlimsollError("USAGE", "expected as many --key as --account");
      }
      const { policy, market } = await loadMarket(context, options);
      const parts = [];
      for (const [index, name] of options.account.entries()) {
        const { text, file } = await inputs.text(name);
        const { account, exceptions, unsettled } = readAccount(text, file, policy, market);
        const departures = { ...(exceptions && { exceptions }), ...(unsettled && { unsettled }) };
        parts.push({ ...account, ...departures, viewingKey: await loadViewingKey(context, options.key[index]!) });
      }
      const [{ createProver }, { provePortfolio }] = await Promise.all([
        import("../node/prover.ts"),
        import("../app/portfolio.ts"),
      ]);
      const prover = createProver();
      try {
        const { merges, ...sum } = await provePortfolio(prover, parts, options.audience, {
          signal,
          onStep: (step, size) => progress(`${step} (${size})`),
        });
        throwIfCancelled(signal);
        const json = (document: object) => formatJson(document);
        const files = [
          {
            name: "account.json",
            text: json(stateDocument({ name: options.name, ...sum }, policy, market)),
            secret: true,
          },
          { name: "viewing.key", text: `${sum.account.viewingKey}\n`, secret: true },
          ...merges.map((merge, index) => ({ name: `merge-${index + 1}.json`, text: json(merge) })),
        ];
        await writeDirectory(options.out, files);
        const commitment = merges.at(-1)!.publicSignals[2]!;
        print(
          options.json,
          { directory: options.out, files: files.map(({ name }) => name), commitment },
          () => commitment,
        );
      } finally {
        await prover.close();
      }
    });
}
