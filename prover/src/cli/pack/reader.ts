// SPDX-License-Identifier: GPL-3.0-or-later
/** What the commands of a pack's reader have in common. */
import path from "node:path";
import type { Command } from "commander";
import type { ReaderRequest } from "../../app/verify-pack.ts";
import { type Context, VERSION } from "../context.ts";
import { optionTime } from "../options.ts";

export const SOFTWARE = `plimsoll ${VERSION}`;

export interface ReaderOptions {
  readonly trust: string;
  readonly date?: string;
  readonly json?: boolean;
}

export const withReader = (command: Command): Command =>
  command
    .argument("<pack>", "the pack, a zip or a directory")
    .requiredOption(
      "--trust <file>",
      "your trust file: parties and keys that you believe (plimsoll pack trust writes a first one)",
    )
    .option("--date <time>", "your date, for example 2026-11-22T12:00:00Z; else now")
    .option("--json", "print JSON");

/** The pack, what it is called, and what its reader has chosen. */
export async function loadReader(
  { inputs }: Context,
  pack: string,
  { trust, date }: ReaderOptions,
): Promise<ReaderRequest & { readonly source: string }> {
  const [{ readTrust }, { readPack }] = await Promise.all([
    import("../../pack/trust.ts"),
    import("../../node/pack-files.ts"),
  ]);
  const parties = readTrust(await inputs.text(trust));
  const { file, pack: given } = await readPack(inputs, pack);
  return {
    trust: parties,
    date: date === undefined ? undefined : optionTime("--date", date),
    pack: given,
    source: path.basename(file),
  };
}
