// SPDX-License-Identifier: GPL-3.0-or-later
/** What the commands of a ceremony have in common. */
import { Command } from "commander";
import type { CeremonyMachine } from "../../app/ceremony.ts";
import type { Transcript } from "../../ceremony/transcript.ts";
import { type Fact, foreign } from "../../document/words.ts";
import { PlimsollError } from "../../errors.ts";
import type { Context } from "../context.ts";

/** A command on a ceremony that is there. */
export const onCeremony = (name: string): Command =>
  new Command(name).argument("<directory>", "a ceremony").option("--json", "print JSON");

/** This machine, for a ceremony in a directory. */
export async function machineFor({ signal, progress }: Context, directory: string): Promise<CeremonyMachine> {
  const [{ ceremonyStore }, { rebuild }] = await Promise.all([
    import("../../node/ceremony-store.ts"),
    import("../../node/rebuild.ts"),
  ]);
  const store = ceremonyStore(directory);
  return { store, now: () => new Date(), compile: rebuild, signal, onStep: progress };
}

/** Ends snarkjs's threads whatever happens, so that the process ends. */
export const withThreads =
  <Args extends unknown[]>(work: (...args: Args) => Promise<void>) =>
  async (...args: Args): Promise<void> => {
    const { endThreads } = await import("../../prove/snarkjs.ts");
    try {
      await work(...args);
    } finally {
      await endThreads();
    }
  };

/** Prints what to publish after a step. */
export function printStep({ print }: Context, json: boolean | undefined, { entries, head }: Transcript): void {
  const entry = entries.at(-1)!;
  print(json, { entry, sha256: head }, () =>
    [
      ...("contributionHash" in entry ? [`contribution hash: ${entry.contributionHash}`] : []),
      `entry ${entries.length - 1}: ${head}`,
      "Publish this: it vouches for this entry and all before it.",
    ].join("\n"),
  );
}

/** A contributor's name, which could say anything: under a label, and in no sentence. */
export const contributor = (name: string): Fact => ({ label: "by", value: foreign(name, "contributor") });

/** A whole number within bounds, given as an option. */
export function optionCount(option: string, text: string, low: number, high: number): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw new PlimsollError("USAGE", `expected a whole number between ${low} and ${high}`, { field: option });
}

/** Exactly one of two options. */
export function either(first: readonly [string, unknown], second: readonly [string, unknown]): void {
  if ((first[1] === undefined) !== (second[1] === undefined)) return;
  throw new PlimsollError("USAGE", `give either ${first[0]} or ${second[0]}`);
}
