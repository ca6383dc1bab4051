// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll init`: the files of a sample firm. */
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { writeDirectory } from "../node/files.ts";
import type { Context } from "./context.ts";

const BIN = fileURLToPath(new URL("../../bin/plimsoll.mjs", import.meta.url));

export function initCommand(context: Context): Command {
  const { print } = context;
  return new Command("init")
    .argument("<directory>", "a directory that does not exist yet")
    .description("write the files of a sample firm, with a page that explains them")
    .option("--json", "print JSON")
    .action(async (directory: string, { json }: { json?: boolean }) => {
      const { sampleFiles } = await import("../app/sample-files.ts");
      const written = sampleFiles(`node "${BIN}"`);
      await writeDirectory(directory, written);
      const files = written.map(({ name }) => name);
      print(json, { directory, files }, () => `${directory}: ${files.join(", ")}`);
    });
}
