// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll ceremony finalise` and `verify`: everything checked, to close a ceremony and ever after. */
import type { Command } from "commander";
import { EXIT } from "../../errors.ts";
import type { Context } from "../context.ts";
import { contributorText, machineFor, onCeremony, printStep, withThreads } from "./machine.ts";

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
          const { rule, sentence, place } = verdict;
          const where = place.file === undefined ? "" : `${place.file}: `;
          return context.print(json, { ok: false, rule, sentence, ...place }, () => {
            return `refused (${rule}): ${where}${sentence}`;
          });
        }
        const { verificationKey: _, ...reading } = verdict.reading;
        const { origin, circuit, contributions, verificationKeySha256, head } = reading;
        const kind =
          origin === "ceremony" ? "a ceremony by the rules for production" : "a rehearsal: its keys are for tests only";
        context.print(json, { ok: true, ...reading }, () =>
          [
            `valid: ${kind}, for ${circuit}`,
            ...contributions.flatMap(({ name, hash, entry }) => [
              `contribution: ${hash}`,
              `  its entry: ${entry}`,
              contributorText(name),
            ]),
            `verification key: ${verificationKeySha256}`,
            `newest entry: ${head}`,
            "Compare the hashes with those that the contributors have published.",
          ].join("\n"),
        );
      }),
    );
}
