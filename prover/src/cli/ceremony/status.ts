// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll ceremony status`: how far a ceremony has come. */
import type { Command } from "commander";
import { foreign } from "../../document/words.ts";
import { fact, type Part, sentence } from "../../report/parts.ts";
import { partsText } from "../../report/parts-text.ts";
import type { Context } from "../context.ts";
import { contributor, machineFor, onCeremony } from "./machine.ts";

export function statusCommand(context: Context): Command {
  return onCeremony("status")
    .description("show the transcript and the next step; verifies no key")
    .action(async (directory: string, { json }: { json?: boolean }) => {
      const [{ ceremonyStatus }, { keyFile }] = await Promise.all([
        import("../../app/ceremony.ts"),
        import("../../node/ceremony-store.ts"),
      ]);
      const { transcript, next } = await ceremonyStatus((await machineFor(context, directory)).store);
      const { start, entries, contributions, links, head, keySha256 } = transcript;
      const { origin } = start;
      const circuit = start.circuit.name;
      context.print(json, { origin, circuit, entries, head, keySha256, next }, () =>
        partsText([
          sentence(`${origin}: ${contributions.length} of at least ${start.contributors} contributions`),
          ...(start.linkedFrom === undefined
            ? []
            : [sentence(`${links.length} of at least ${start.contributors} shares of the link key`)]),
          fact("circuit", foreign(circuit, "contributor")),
          ...entries.map(
            (entry): Part => ({
              is: "row",
              what: `${entry.number}  ${entry.time}`,
              value: entry.kind,
              facts: "name" in entry ? [contributor(entry.name)] : [],
            }),
          ),
          fact("newest entry", head),
          fact("newest key", keyFile(directory, keySha256)),
          fact("next", next),
        ]),
      );
    });
}
