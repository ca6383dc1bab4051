// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll ceremony contribute` and `link`: one more contribution to the key, made here or elsewhere, and to the link key. */
import type { Command } from "commander";
import { throwIfCancelled } from "../../errors.ts";
import type { Context } from "../context.ts";
import { hiddenLine, isInteractive } from "../prompt.ts";
import { either, machineFor, onCeremony, printStep, withThreads } from "./machine.ts";

interface ContributeOptions {
  readonly name?: string;
  readonly from?: string;
  readonly json?: boolean;
}

export function contributeCommand(context: Context): Command {
  return onCeremony("contribute")
    .description("contribute; type at random on standard input, which is not shown")
    .option("--name <text>", "your name, which others will see")
    .option(
      "--from <file>",
      "in place of --name: verify and record a key that somebody made from the newest one, for example in a browser",
    )
    .action(
      withThreads(async (directory: string, { name, from, json }: ContributeOptions) => {
        either(["--name", name], ["--from", from]);
        const [{ acceptContribution, contributeToCeremony }, { MAX_KEY_BYTES }] = await Promise.all([
          import("../../app/ceremony.ts"),
          import("../../node/ceremony-store.ts"),
        ]);
        const machine = await machineFor(context, directory);
        const transcript =
          name === undefined
            ? await acceptContribution(machine, (await context.inputs.bytes(from!, MAX_KEY_BYTES)).content)
            : await contributeToCeremony(machine, { name, typed: () => readTyped(context) });
        printStep(context, json, transcript);
      }),
    );
}

/** `plimsoll ceremony link`: a share of the link key. */
export function linkCommand(context: Context): Command {
  return onCeremony("link")
    .description("add a share of the link key; type at random on standard input, which is not shown")
    .requiredOption("--name <text>", "your name, which others will see")
    .action(
      withThreads(async (directory: string, { name, json }: { name: string; json?: boolean }) => {
        const { contributeToLinkKey } = await import("../../app/ceremony.ts");
        const machine = await machineFor(context, directory);
        printStep(context, json, await contributeToLinkKey(machine, { name, typed: () => readTyped(context) }));
      }),
    );
}

/** What a person typed: never shown, never in an argument. From a pipe all of it, else a line. */
async function readTyped({ inputs, signal }: Context): Promise<string> {
  if (!isInteractive()) return (await inputs.text("-")).text.trim();
  const text = await hiddenLine("Type a line at random; it is not shown and not kept. Enter ends it: ");
  throwIfCancelled(signal);
  return text;
}
