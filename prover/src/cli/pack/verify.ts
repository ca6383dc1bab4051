// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll pack verify`: the verdict on a pack. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { loadReader, type ReaderOptions, withReader } from "./reader.ts";

export function verifyCommand(context: Context): Command {
  const { signal } = context;
  return withReader(new Command("verify"))
    .description("verify a pack completely and offline; only your trust file says whom and what to believe")
    .action(async (pack: string, options: ReaderOptions) => {
      const [{ verifyPack }, { packVerdict }, { printVerdict }] = await Promise.all([
        import("../../app/verify-pack.ts"),
        import("../../pack/told.ts"),
        import("../verdict.ts"),
      ]);
      const { source, ...request } = await loadReader(context, pack, options);
      const verdict = await verifyPack({ now: () => new Date(), signal }, request);
      printVerdict(context, options.json, packVerdict(verdict), source);
    });
}
