// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll pack key`: a signing key for a firm or an attester. */
import { Command } from "commander";
import { writeSecret } from "../../node/files.ts";
import type { Context } from "../context.ts";

export function keyCommand({ print }: Context): Command {
  return new Command("key")
    .argument("<file>", "a file that does not exist yet")
    .description("make a signing key, readable by you alone, and print its address")
    .option("--json", "print JSON")
    .action(async (file: string, { json }: { json?: boolean }) => {
      const { newSigningKey, readSigningKey } = await import("../../pack/typed-data.ts");
      const text = newSigningKey();
      const { address } = readSigningKey({ text, file });
      await writeSecret(file, text);
      print(json, { file, address }, () => address);
    });
}
