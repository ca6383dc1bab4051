// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll init`: the files of a sample firm. */
import { Command } from "commander";
import { writeDirectory } from "../node/files.ts";
import { COMMAND } from "../node/installation.ts";
import type { Context } from "./context.ts";

export function initCommand(context: Context): Command {
  const { print } = context;
  return new Command("init")
    .argument("<directory>", "a directory that does not exist yet")
    .description("write the files of a sample firm, with a page that explains them")
    .option("--json", "print JSON")
    .action(async (directory: string, { json }: { json?: boolean }) => {
      const { sampleFiles } = await import("../app/sample-files.ts");
      const written = sampleFiles(COMMAND);
      await writeDirectory(directory, written);
      const files = written.map(({ name }) => name);
      print(json, { directory, files }, () => `${directory}: ${files.join(", ")}`);
    });
}
