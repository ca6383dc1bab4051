// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll ceremony announce` and `beacon`: the public randomness that closes a ceremony, before and after it is known. */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { either, machineFor, onCeremony, optionCount, printStep, withThreads } from "./machine.ts";

interface AnnounceOptions {
  readonly round?: string;
  readonly words?: string;
  readonly json?: boolean;
}

export function announceCommand(context: Context): Command {
  return onCeremony("announce")
    .description(
      "announce the public randomness that will close the ceremony, before it is known and before the last contribution",
    )
    .option("--round <number>", "a round of drand's quicknet that is still to come")
    .option("--words <text>", "in a rehearsal: other public randomness, in words")
    .action(async (directory: string, { round, words, json }: AnnounceOptions) => {
      either(["--round", round], ["--words", words]);
      const { announceBeacon } = await import("../../app/ceremony.ts");
      const beacon =
        round === undefined
          ? ({ source: "stated", words: words! } as const)
          : ({ source: "drand-quicknet", round: optionCount("--round", round, 1, 999_999_999) } as const);
      printStep(context, json, await announceBeacon(await machineFor(context, directory), beacon));
    });
}

interface BeaconOptions {
  readonly signature?: string;
  readonly value?: string;
  readonly json?: boolean;
}

export function beaconCommand(context: Context): Command {
  return onCeremony("beacon")
    .description("apply the announced randomness")
    .option("--signature <hex>", "drand's signature of the round")
    .option("--value <hex>", "in a rehearsal: the value announced in words, 64 hexadecimal digits")
    .action(
      withThreads(async (directory: string, { signature, value, json }: BeaconOptions) => {
        either(["--signature", signature], ["--value", value]);
        const { closeWithBeacon } = await import("../../app/ceremony.ts");
        const outcome = signature === undefined ? { value: value! } : { signature };
        printStep(context, json, await closeWithBeacon(await machineFor(context, directory), outcome));
      }),
    );
}
