// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll ceremony install`: the keys of a ceremony in a build directory. */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { machineFor, onCeremony, withThreads } from "./machine.ts";

export function installCommand(context: Context): Command {
  return onCeremony("install")
    .description("verify a ceremony, then write circuit, keys and a manifest with their origin into a build directory")
    .requiredOption("--build <directory>", "the build directory; keys of another origin in it are refused")
    .action(
      withThreads(async (directory: string, { build, json }: { build: string; json?: boolean }) => {
        const [{ installableKeys }, { installKeys }] = await Promise.all([
          import("../../app/ceremony.ts"),
          import("../../node/install-keys.ts"),
        ]);
        const { circuit, compiled, key, linkKey, reading } = await installableKeys(
          await machineFor(context, directory),
        );
        const { origin, verificationKeySha256 } = reading;
        const { r1cs, wasm, plan, ...facts } = compiled;
        const verificationKey = Buffer.from(reading.verificationKey);
        const files = { r1cs, wasm, plan, zkey: key, verificationKey, linkKey };
        const manifest = await installKeys(build, { ...facts, circuit, origin, files });
        context.print(json, manifest, () => `${circuit}: ${origin} key ${verificationKeySha256} in ${build}`);
      }),
    );
}
