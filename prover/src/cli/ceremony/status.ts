// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll ceremony status`: how far a ceremony has come. */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { contributorText, machineFor, onCeremony } from "./machine.ts";

export function statusCommand(context: Context): Command {
  return onCeremony("status")
    .description("show the transcript and the next step; verifies no key")
    .action(async (directory: string, { json }: { json?: boolean }) => {
      const [{ ceremonyStatus }, { keyFile }] = await Promise.all([
        import("../../app/ceremony.ts"),
        import("../../node/ceremony-store.ts"),
      ]);
      const { transcript, next } = await ceremonyStatus((await machineFor(context, directory)).store);
      const { start, entries, contributions, head, keySha256 } = transcript;
      const { origin } = start;
      const circuit = start.circuit.name;
      context.print(json, { origin, circuit, entries, head, keySha256, next }, () =>
        [
          `${origin} for ${circuit}: ${contributions.length} of at least ${start.contributors} contributions`,
          ...entries.flatMap((entry) => [
            `${entry.number}  ${entry.time}  ${entry.kind}`,
            ...("name" in entry ? [contributorText(entry.name)] : []),
          ]),
          `newest entry: ${head}`,
          `newest key: ${keyFile(directory, keySha256)}`,
          `next: ${next}`,
        ].join("\n"),
      );
    });
}
