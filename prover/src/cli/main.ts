// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The command line. Each command reads its options, asks one use case of `app/`, and prints the answer.
 *
 * Results go to stdout and nothing else does; progress, warnings and errors go to stderr. On an error nothing is
 * written. SIGINT and SIGTERM stop the work at its next step, or the process where work has no steps.
 */
import { Command } from "commander";
import { EXIT } from "../errors.ts";
import { leaveMemoryOutOfCoreFiles } from "../node/core-dumps.ts";
import { defaultBuildDirectory } from "../node/installation.ts";
import { COMMANDS } from "./commands.ts";
import { createContext, reportError, VERSION } from "./context.ts";
import { checkDestinations } from "./destination.ts";

const EXIT_HELP = `
Exit codes
  ${EXIT.ok}   done; the answer is yes
  ${EXIT.no}   done; the answer is no: the proof was refused, or the statement is false of the account
  ${EXIT.input}   bad input: a file, a field or the command line
  ${EXIT.artifacts}   circuits or keys are missing, damaged or must not be used
  ${EXIT.cancelled}   cancelled by SIGINT or SIGTERM
  ${EXIT.notCurrent}   done; the pack is valid and not current
  ${EXIT.internal}  a defect in plimsoll, or too little memory

A file given as - is standard input (at most one). Results go to stdout, progress and errors to stderr.
A file that is written replaces the one there, unless its option says that it never overwrites: keys, secrets, and what people
complete, send or seal. Whether it can be written, and is none that the same command reads, is checked before the work.
Circuits and keys are read from ${defaultBuildDirectory()}, or from the directory in PLIMSOLL_BUILD.
Proofs are made by the fastest prover available, or by the one in PLIMSOLL_BACKEND: native, wasm or snarkjs (see doctor).`;

const cancellation = new AbortController();
const context = createContext(cancellation.signal, listenNoMore);

const program = new Command("plimsoll")
  .description("Prove that a margin account covers its margin without showing its contents, and verify such proofs.")
  .version(VERSION)
  .addHelpText("after", EXIT_HELP)
  .hook("preAction", (_, command) => checkDestinations(command));
for (const command of COMMANDS) program.addCommand(command(context));
strict(program);

/** Errors of the command line are thrown, not printed and ended with, in every command below this one. */
function strict(command: Command): void {
  command.exitOverride().showHelpAfterError("(--help shows the options)");
  for (const child of command.commands) strict(child);
}

leaveMemoryOutOfCoreFiles();
const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** The first signal stops the work at its next step; a second one, which nobody listens to any more, ends the process. */
function stop(): void {
  listenNoMore();
  cancellation.abort();
}
function listenNoMore(): void {
  for (const name of SIGNALS) process.removeListener(name, stop);
}
for (const name of SIGNALS) process.on(name, stop);
// A reader that has seen enough (head, less) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return;
  process.stderr.write("plimsoll: FILE: standard output cannot be written\n");
  // Whatever exit code the command sets later.
  process.on("exit", () => {
    process.exitCode = EXIT.input;
  });
});
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
