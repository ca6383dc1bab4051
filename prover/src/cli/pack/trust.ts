// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll pack trust`: a trust file for a reader to start from. */
import { Command } from "commander";
import { PlimsollError } from "../../errors.ts";
import { loadManifest } from "../../node/artifacts.ts";
import { writeNew } from "../../node/files.ts";
import { Destination } from "../destination.ts";
import { many } from "../options.ts";

interface TrustOptions {
  readonly firm?: string[];
  readonly attester?: string[];
  readonly maxAge: string;
  readonly out?: string;
}

export function trustCommand(): Command {
  return new Command("trust")
    .description("write a first trust file, with the keys of this installation; check every line before you use it")
    .option("--firm <name=address>", "a firm whose packs you accept; may be repeated", many)
    .option("--attester <name=address>", "a custodian or venue that you believe; may be repeated", many)
    .option("--max-age <seconds>", "market values and holdings older than this are not current", "86400")
    .addOption(
      new Destination("new file", "--out <file>", "where to write the trust file; never overwrites; else stdout"),
    )
    .action(async ({ firm = [], attester = [], maxAge, out }: TrustOptions) => {
      const { trustFrom } = await import("../../app/trust-from.ts");
      if (!/^[0-9]{1,8}$/.test(maxAge)) {
        throw new PlimsollError("USAGE", "expected seconds", { field: "--max-age" });
      }
      const text = trustFrom(await loadManifest(), {
        firms: firm.map(partyIn("--firm")),
        attesters: attester.map(partyIn("--attester")),
        maxAgeSeconds: Number(maxAge),
      });
      if (out === undefined) process.stdout.write(text);
      else await writeNew(out, text);
    });
}

/** Reads `name=address`. */
const partyIn = (option: string) => (text: string) => {
  const [, name, signer] = /^(.+)=(0x[0-9a-fA-F]{40})$/.exec(text) ?? [];
  if (name !== undefined && signer !== undefined) return { name, signer };
  throw new PlimsollError("USAGE", "expected name=address", { field: option });
};
