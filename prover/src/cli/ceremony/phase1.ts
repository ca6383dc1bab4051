// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll ceremony phase1`: a phase 1 for rehearsals. */
import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { writeResult } from "../../node/files.ts";
import type { Context } from "../context.ts";
import { optionCount } from "./machine.ts";

export function phase1Command(_: Context): Command {
  return new Command("phase1")
    .argument("<file>", "where to write it")
    .description("make a phase 1 for rehearsals only: this program knows its secret while it runs")
    .requiredOption("--power <n>", "for circuits of at most 2^n rows, 4 to 17")
    .action(async (file: string, options: { power: string }) => {
      const power = optionCount("--power", options.power, 4, 17);
      const [{ makeRehearsalPhase1 }, { trapdoorFrom }] = await Promise.all([
        import("../../keys/rehearsal-phase1.ts"),
        import("../../keys/development.ts"),
      ]);
      await writeResult(file, await makeRehearsalPhase1(power, trapdoorFrom(randomBytes(64))));
    });
}
