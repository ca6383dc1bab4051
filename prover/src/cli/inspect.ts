// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll inspect`: what a proof file claims. */
import { Command } from "commander";
import type { EnvelopeDescription } from "../document/proof.ts";
import { fact, type Part, sentence } from "../report/parts.ts";
import { partsText } from "../report/parts-text.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";

export function inspectCommand(context: Context): Command {
  const { inputs, show } = context;
  return new Command("inspect")
    .argument("<proof>", "proof file")
    .description("say in words what a proof file claims; verifies nothing")
    .option("--json", "print JSON")
    .addOption(new Destination("file", "--out <file>", "where to write it; else stdout"))
    .action(async (proof: string, options: { json?: boolean; out?: string }) => {
      const text = await inputs.text(proof);
      const { describe, readEnvelope } = await import("../document/proof.ts");
      const description = describe(readEnvelope(text));
      await show(options, description, () => partsText(inspectionParts(description)));
    });
}

export function inspectionParts(description: EnvelopeDescription): Part[] {
  return [
    sentence("not verified; the file claims:"),
    sentence(description.sentence),
    sentence(""),
    ...description.facts.map(({ label, value }) => fact(label, value)),
    sentence(""),
    ...description.signals.map((signal) => {
      const place = "index" in signal ? `${signal.index}` : `${signal.from} to ${signal.to}`;
      const value = signal.value === undefined ? "" : `\n    ${signal.value}`;
      return sentence(`signal ${place}, ${signal.name}: ${signal.meaning} (${signal.unit})${value}`);
    }),
    sentence(""),
    ...description.notProven.map(({ code, text }): Part => ({ is: "note", about: "not proven", code, sentence: text })),
  ];
}
