// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll pages`: the pages for browsers, as files. */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { Command } from "commander";
import { PlimsollError } from "../errors.ts";
import { writeResult } from "../node/files.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";

export function pagesCommand({ print, progress, signal }: Context): Command {
  return new Command("pages")
    .description(
      "write the pages for browsers (verify a pack, contribute to a ceremony, prove, find an account in a book), each one file",
    )
    .addOption(new Destination("directory", "--out <directory>", "where to write them (default: here)").default("."))
    .option("--json", "print JSON")
    .action(async ({ out, json }: { out: string; json?: boolean }) => {
      const { PAGES, readPages } = await import("../node/pages.ts");
      const pages = await readPages({ signal, onStep: progress });
      await mkdir(out, { recursive: true }).catch(() => {
        throw new PlimsollError("FILE", "the directory cannot be made", { file: out });
      });
      const written: { file: string; what: string; sha256: string }[] = [];
      for (const { name, bytes } of pages) {
        const file = path.join(out, name);
        await writeResult(file, bytes);
        written.push({ file, what: PAGES[name], sha256: createHash("sha256").update(bytes).digest("hex") });
      }
      print(json, written, () =>
        written.map(({ file, what, sha256 }) => `${file} ${what}\n  SHA-256 ${sha256}`).join("\n"),
      );
    });
}
