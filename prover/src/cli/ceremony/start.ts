// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll ceremony start`: a ceremony for a circuit. */
import { Command } from "commander";
import { PlimsollError } from "../../errors.ts";
import { CIRCUITS } from "../../statement/families.ts";
import type { Context } from "../context.ts";
import { either, machineFor, optionCount, printStep, withThreads } from "./machine.ts";

interface StartOptions {
  readonly circuit?: string;
  readonly r1cs?: string;
  readonly phase1: string;
  readonly contributors: string;
  readonly linkedFrom?: string;
  readonly rehearsal?: boolean;
  readonly json?: boolean;
}

export function startCommand(context: Context): Command {
  const { inputs } = context;
  return new Command("start")
    .argument("<directory>", "a directory without a ceremony")
    .description("start a ceremony for a circuit")
    .option("--circuit <name>", CIRCUITS.join(", "))
    .option("--r1cs <file>", "in place of --circuit, in a rehearsal: any circuit")
    .requiredOption("--phase1 <file>", "prepared powers of tau; production takes only files whose hash is pinned")
    .option("--contributors <count>", "smallest number of contributions", "3")
    .option("--linked-from <number>", "with --r1cs: the first public input that the link key links, counted from 1")
    .option(
      "--rehearsal",
      "not by the rules for production; the keys are marked, and refused on any chain that is not local",
    )
    .option("--json", "print JSON")
    .action(
      withThreads(async (directory: string, options: StartOptions) => {
        const { r1cs, rehearsal, json } = options;
        either(["--circuit", options.circuit], ["--r1cs", r1cs]);
        const circuit = CIRCUITS.find((name) => name === options.circuit);
        if (circuit === undefined && r1cs === undefined) {
          throw new PlimsollError("USAGE", `expected one of ${CIRCUITS.join(", ")}`, { field: "--circuit" });
        }
        const { MAX_CONTRIBUTORS } = await import("../../ceremony/transcript.ts");
        const contributors = optionCount("--contributors", options.contributors, 1, MAX_CONTRIBUTORS);
        if (options.linkedFrom !== undefined) either(["--circuit", circuit], ["--linked-from", options.linkedFrom]);
        const [{ startCeremony }, { MAX_KEY_BYTES, MAX_PHASE1_BYTES }] = await Promise.all([
          import("../../app/ceremony.ts"),
          import("../../node/ceremony-store.ts"),
        ]);
        const transcript = await startCeremony(await machineFor(context, directory), {
          origin: rehearsal ? "rehearsal" : "ceremony",
          contributors,
          linkedFrom:
            options.linkedFrom === undefined
              ? undefined
              : optionCount("--linked-from", options.linkedFrom, 1, 1_000_000),
          circuit: circuit ?? (await inputs.bytes(r1cs!, MAX_KEY_BYTES)).content,
          phase1: (await inputs.bytes(options.phase1, MAX_PHASE1_BYTES)).content,
        });
        printStep(context, json, transcript);
      }),
    );
}
