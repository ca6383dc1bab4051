// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book secret` and `plimsoll book shard-key`: the venue's secrets. */
import { Command } from "commander";
import { throwIfCancelled } from "../../errors.ts";
import { writeSecret } from "../../node/files.ts";
import type { Context } from "../context.ts";
import { Destination } from "../destination.ts";

export function secretCommand({ print }: Context): Command {
  return new Command("secret")
    .description("make the master secret from which the keys of all accounts of all books follow")
    .addOption(
      new Destination(
        "new file",
        "--out <file>",
        "where to write it, readable by you alone; never overwrites",
      ).makeOptionMandatory(),
    )
    .option("--json", "print JSON")
    .action(async ({ out, json }: { out: string; json?: boolean }) => {
      const { newBookSecret } = await import("../../document/book/secret.ts");
      await writeSecret(out, newBookSecret());
      print(json, { file: out }, () => out);
    });
}

export function shardKeyCommand({ inputs, print, signal }: Context): Command {
  return new Command("shard-key")
    .argument("<directory>", "the book, as plimsoll book build wrote it")
    .description("write the key that opens the shards of one book: for workers, who need no other secret")
    .requiredOption("--secret <file>", "your master secret")
    .addOption(
      new Destination(
        "new file",
        "--out <file>",
        "where to write the key, readable by you alone; never overwrites",
      ).makeOptionMandatory(),
    )
    .option("--json", "print JSON")
    .action(async (directory: string, { secret, out, json }: { secret: string; out: string; json?: boolean }) => {
      const [{ openBookDirectory }, { readBookSecret, secretText }, { shardKeyOf }] = await Promise.all([
        import("../../node/book-directory.ts"),
        import("../../document/book/secret.ts"),
        import("../../app/prove-book.ts"),
      ]);
      const master = readBookSecret(await inputs.secret(secret));
      const { head } = await openBookDirectory(directory);
      throwIfCancelled(signal);
      await writeSecret(out, secretText(shardKeyOf(master, head)));
      print(json, { file: out }, () => out);
    });
}
