// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll pack fingerprints`: what to read out by telephone. */
import { Command } from "commander";
import { foreign } from "../../document/words.ts";
import { table } from "../../report/text.ts";
import type { Context } from "../context.ts";

export function fingerprintsCommand({ inputs, print }: Context): Command {
  return new Command("fingerprints")
    .argument("<trust>", "a trust file of your own")
    .description("print the fingerprint of everything in a trust file: 25 digits each, to read out by telephone")
    .option("--json", "print JSON")
    .action(async (file: string, { json }: { json?: boolean }) => {
      const [{ fingerprint, trustablesOf }, { readTrust }] = await Promise.all([
        import("../../pack/fingerprint.ts"),
        import("../../pack/trust.ts"),
      ]);
      const entries = trustablesOf(readTrust(await inputs.text(file))).map(({ what, name }) => ({
        kind: what.kind,
        name,
        ...(what.kind === "key" && { origin: what.origin }),
        fingerprint: fingerprint(what),
      }));
      print(json, entries, () =>
        table(
          ["what", "name", "fingerprint"],
          entries.map(({ kind, name, origin, fingerprint: digits }) => [
            origin === undefined ? kind : `${kind}, ${origin}`,
            foreign(name, "reader"),
            digits,
          ]),
        ),
      );
    });
}
