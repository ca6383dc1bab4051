// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll ceremony finalise` and `verify`: everything checked, to close a ceremony and ever after. */
import type { Command } from "commander";
import type { CeremonyReading } from "../../ceremony/verify.ts";
import { foreign } from "../../document/words.ts";
import { EXIT } from "../../errors.ts";
import { fact, type Part, sentence } from "../../report/parts.ts";
import { partsText } from "../../report/parts-text.ts";
import type { Context } from "../context.ts";
import { contributor, machineFor, onCeremony, printStep, withThreads } from "./machine.ts";

export function finaliseCommand(context: Context): Command {
  return onCeremony("finalise")
    .description("verify the whole ceremony and close it; writes verification.json")
    .action(
      withThreads(async (directory: string, { json }: { json?: boolean }) => {
        const { finaliseCeremony } = await import("../../app/ceremony.ts");
        printStep(context, json, await finaliseCeremony(await machineFor(context, directory)));
      }),
    );
}

export function verifyCommand(context: Context): Command {
  return onCeremony("verify")
    .description("verify a ceremony from its files alone: sources, phase 1, every contribution, beacon, key")
    .option("--so-far", "for a ceremony that is not finished")
    .action(
      withThreads(async (directory: string, { soFar, json }: { soFar?: boolean; json?: boolean }) => {
        const { checkCeremony } = await import("../../app/ceremony.ts");
        const verdict = await checkCeremony(await machineFor(context, directory), soFar ? "so-far" : "final");
        process.exitCode = verdict.ok ? EXIT.ok : EXIT.no;
        if (!verdict.ok) {
          const { rule, sentence: why, place } = verdict;
          const finding: Part = { is: "note", about: "invalid", code: rule, file: place.file ?? "", sentence: why };
          return context.print(json, { ok: false, rule, sentence: why, ...place }, () => partsText([finding]));
        }
        const { verificationKey: _, ...reading } = verdict.reading;
        context.print(json, { ok: true, ...reading }, () => partsText(readingParts(reading)));
      }),
    );
}

export function readingParts({
  origin,
  circuit,
  contributions,
  shares,
  verificationKeySha256,
  linkKeySha256,
  head,
}: Omit<CeremonyReading, "verificationKey">): Part[] {
  const kind =
    origin === "ceremony" ? "a ceremony by the rules for production" : "a rehearsal: its keys are for tests only";
  return [
    { is: "note", about: "valid", sentence: kind },
    fact("circuit", foreign(circuit, "contributor")),
    ...contributions.map(
      ({ name, hash, entry }): Part => ({
        is: "row",
        what: "contribution",
        value: hash,
        facts: [{ label: "its entry", value: entry }, contributor(name)],
      }),
    ),
    ...shares.map(
      ({ name, entry }): Part => ({
        is: "row",
        what: "share of the link key",
        value: entry,
        facts: [contributor(name)],
      }),
    ),
    fact("verification key", verificationKeySha256),
    ...(linkKeySha256 === undefined ? [] : [fact("link key", linkKeySha256)]),
    fact("newest entry", head),
    sentence("Compare the hashes with those that the contributors have published."),
  ];
}
