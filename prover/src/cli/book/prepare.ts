// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book prepare`: once on each machine that proves books, so that proofs take half of the time. */
import { Command } from "commander";
import type { Context } from "../context.ts";

/** Milliseconds between two lines. */
const INTERVAL = 4_000;

export function prepareCommand({ print, progress, signal }: Context): Command {
  return new Command("prepare")
    .argument("<directory>", "the book, as plimsoll book build wrote it")
    .description(
      "prepare this machine's proving key for the book's circuit: takes minutes once, then a proof takes half the time",
    )
    .option("--json", "print JSON")
    .action(async (directory: string, { json }: { json?: boolean }) => {
      const [{ openBookDirectory }, { prepareKey }] = await Promise.all([
        import("../../node/book-directory.ts"),
        import("../../node/prepared-key.ts"),
      ]);
      const { circuit } = (await openBookDirectory(directory)).head;
      const what = `preparing the key of ${circuit}`;
      progress(`${what}: some minutes`);
      const started = performance.now();
      const since = () => Math.round((performance.now() - started) / 1000);
      const timer = setInterval(() => progress(`${what}: ${since()} s so far`), INTERVAL);
      const { file, made } = await prepareKey(circuit, { signal }).finally(() => clearInterval(timer));
      print(json, { file, made }, () => (made ? file : `${file} was there already`));
    });
}
