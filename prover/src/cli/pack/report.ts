// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll pack report`: the verdict on a pack as a document. */
import { Command } from "commander";
import { writeResult } from "../../node/files.ts";
import type { Context } from "../context.ts";
import { Destination } from "../destination.ts";
import { EXIT_CODES } from "../verdict.ts";
import { loadReader, type ReaderOptions, SOFTWARE, withReader } from "./reader.ts";

export function reportCommand(context: Context): Command {
  const { print, signal } = context;
  return withReader(new Command("report"))
    .description("verify a pack and write a report that can be signed and printed")
    .addOption(new Destination("file", "--out <file>", "where to write the report, HTML").makeOptionMandatory())
    .action(async (pack: string, options: ReaderOptions & { out: string }) => {
      const { reportPack } = await import("../../app/verify-pack.ts");
      const machine = { now: () => new Date(), signal, software: SOFTWARE };
      const request = await loadReader(context, pack, options);
      const { verdict, html } = await reportPack(machine, request);
      await writeResult(options.out, html);
      process.exitCode = EXIT_CODES[verdict.outcome];
      const { outcome } = verdict;
      print(options.json, { file: options.out, outcome }, () => `${options.out}: ${outcome}`);
    });
}
