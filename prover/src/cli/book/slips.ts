// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book slips` for the venue, `plimsoll book check` for a member. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { Destination } from "../destination.ts";
import { trustOf } from "./verify.ts";

export function slipsCommand({ inputs, print, progress, signal }: Context): Command {
  return new Command("slips")
    .argument("<directory>", "the book, as plimsoll book build wrote it")
    .description(
      "write a slip for every member, with which it finds its own account in the book; each is private to its member",
    )
    .requiredOption("--secret <file>", "your master secret")
    .addOption(
      // A directory of slips is made as a file is: where there is none, in a directory that is there.
      new Destination(
        "new file",
        "--out <directory>",
        "where to write them, a file each; or a name that ends in .ndjson, for a line each; never overwrites",
      ).makeOptionMandatory(),
    )
    .option("--json", "print JSON")
    .action(async (directory: string, { secret, out, json }: { secret: string; out: string; json?: boolean }) => {
      const [{ openBookDirectory }, { readBookSecret }, { shardKeyOf }, { bookSlips }, { writeSlips }] =
        await Promise.all([
          import("../../node/book-directory.ts"),
          import("../../document/book/secret.ts"),
          import("../../app/prove-book.ts"),
          import("../../app/check-slip.ts"),
          import("../../node/book-slips.ts"),
        ]);
      const master = readBookSecret(await inputs.secret(secret));
      const book = await openBookDirectory(directory);
      const slips = bookSlips({ shard: book.shard, signal }, { ...book, shardKey: shardKeyOf(master, book.head) });
      const written = await writeSlips(out, slips, (count) => progress(`${count} slips written`));
      print(json, { out, slips: written }, () => `${written} slips in ${out}`);
    });
}

interface CheckOptions {
  readonly trust?: string;
  readonly own?: boolean;
  readonly json?: boolean;
}

export function checkCommand(context: Context): Command {
  const { inputs, signal, progress } = context;
  return new Command("check")
    .argument("<book>", "the public file of a book")
    .argument("<slip>", "your slip")
    .description("as a member: check that your own figures, exactly, are in the totals of a book; needs no network")
    .option("--trust <file>", "your trust file; without it, the keys of this installation are trusted")
    .option("--own", "verify the proof of one step only: says nothing of totals and coverage")
    .option("--json", "print JSON")
    .action(async (name: string, slipName: string, options: CheckOptions) => {
      const [{ checkSlip }, { slipVerdict }, { BOOK_BYTES }, { verifyBatch }, { printVerdict }] = await Promise.all([
        import("../../app/check-slip.ts"),
        import("../../report/slip.ts"),
        import("../../document/book/steps.ts"),
        import("../../node/batch.ts"),
        import("../verdict.ts"),
      ]);
      const { file, content: bytes } = await inputs.bytes(name, BOOK_BYTES);
      const slip = await inputs.text(slipName);
      const trust = await trustOf(context, options);
      const machine = {
        verifyMany: verifyBatch,
        now: () => new Date(),
        signal,
        onProgress: (steps: number, of: number) => progress(`${steps} of ${of} steps verified`),
      };
      const steps = options.own ? ("own" as const) : ("all" as const);
      const verdict = await checkSlip(machine, { book: { bytes, file }, trust, slip, steps });
      printVerdict(context, options.json, slipVerdict(verdict), file);
    });
}
