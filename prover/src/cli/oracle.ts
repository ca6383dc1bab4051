// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll oracle`: a reporter of a price oracle. */
import { Command } from "commander";
import { jsonLine } from "../report/terminal.ts";
import type { Context } from "./context.ts";

export function oracleCommand({ inputs, signal }: Context): Command {
  const oracle = new Command("oracle").description("report prices and boards to a price oracle");
  oracle
    .command("key")
    .argument("<file>", "a file that does not exist yet")
    .description("make a reporter's key, readable by you alone, and print its address")
    .action(async (file: string) => {
      const { makeReporterKey } = await import("../oracle/run.ts");
      process.stdout.write(`${await makeReporterKey(file)}\n`);
    });
  oracle
    .command("run")
    .description("take part in every epoch until stopped; events go to stderr, a line of JSON each")
    .requiredOption("--config <file>", "configuration, JSON; paths in it are relative to it")
    .action(async ({ config }: { config: string }) => {
      const { runReporter } = await import("../oracle/run.ts");
      const log = (event: object) => process.stderr.write(`${jsonLine({ at: new Date().toISOString(), ...event })}\n`);
      await runReporter(config, { inputs, signal, environment: process.env, log });
    });
  return oracle;
}
