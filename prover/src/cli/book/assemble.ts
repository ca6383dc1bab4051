// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book assemble`: from the proofs of all steps to the one public file. */
import { createHash } from "node:crypto";
import { Command } from "commander";
import { throwIfCancelled } from "../../errors.ts";
import { writeResult } from "../../node/files.ts";
import type { Context } from "../context.ts";
import { Destination } from "../destination.ts";

export function assembleCommand({ print, signal }: Context): Command {
  return new Command("assemble")
    .argument("<directory>", "the book, proven")
    .description("put the proofs of a book together in one public file; verify it before you publish it")
    .addOption(new Destination("file", "--out <file>", "where to write the public file").makeOptionMandatory())
    .option("--json", "print JSON")
    .action(async (directory: string, { out, json }: { out: string; json?: boolean }) => {
      const [{ openBookDirectory, bookTexts }, { assembleBook }] = await Promise.all([
        import("../../node/book-directory.ts"),
        import("../../app/assemble-book.ts"),
      ]);
      const book = await openBookDirectory(directory);
      const bytes = await assembleBook({ proof: book.proof, signal }, { ...book, texts: await bookTexts(directory) });
      throwIfCancelled(signal);
      await writeResult(out, bytes);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      print(
        json,
        { file: out, bytes: bytes.length, steps: book.steps, sha256 },
        () => `${out}, ${bytes.length} bytes\nSHA-256 ${sha256}`,
      );
    });
}
