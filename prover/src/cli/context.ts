// SPDX-License-Identifier: GPL-3.0-or-later
/** What every command is handed: where input comes from, where output goes, and when to stop. */
import { CommanderError } from "commander";
import { EXIT, PlimsollError } from "../errors.ts";
import { Inputs, writeResult } from "../node/files.ts";
import { VERSION } from "../node/installation.ts";
import { fieldText, jsonLine, nameText } from "../report/terminal.ts";

export { VERSION };

export interface Context {
  readonly inputs: Inputs;
  /** Raised by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Before work that waits for nothing, in which nobody would see `signal`: from here on a signal ends the process. */
  endAtOnce(): void;
  /** Prints a result on stdout: as JSON for machines, else as text. */
  print(json: boolean | undefined, value: unknown, text: () => string): void;
  /** Writes a file that a command makes: to `out` if given, else to stdout. `PRIVATE` is the mode of what is for the owner alone. */
  deliver(out: string | undefined, text: string, mode?: number): Promise<void>;
  /** What `print` prints, to a file where `out` names one. */
  show(options: { json?: boolean; out?: string }, value: unknown, text: () => string, mode?: number): Promise<void>;
  /** One line on stderr. */
  progress(line: string): void;
}

const replacer = (_: string, member: unknown) => (typeof member === "bigint" ? member.toString() : member);
const rendered = (json: boolean | undefined, value: unknown, text: () => string) =>
  json ? `${JSON.stringify(value, replacer, 2)}\n` : `${text()}\n`;

export function createContext(signal: AbortSignal, endAtOnce: () => void): Context {
  const deliver: Context["deliver"] = async (out, text, mode) => {
    if (out === undefined) process.stdout.write(text);
    else await writeResult(out, text, mode);
  };
  return {
    inputs: new Inputs(signal),
    signal,
    endAtOnce,
    print: (json, value, text) => void process.stdout.write(rendered(json, value, text)),
    deliver,
    show: ({ json, out }, value, text, mode) => deliver(out, rendered(json, value, text), mode),
    progress: (line) => process.stderr.write(`plimsoll: ${line}\n`),
  };
}

/** Reports an error on stderr, as one line or with --json as one JSON object. Returns the exit code. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.input;
  const json = process.argv.includes("--json");
  if (error instanceof PlimsollError) {
    const { code, rule, place, exitCode } = error;
    process.stderr.write(
      json ? `${jsonLine({ error: { code, rule, ...place } })}\n` : `plimsoll: ${code}: ${shownMessage(error)}\n`,
    );
    return exitCode;
  }
  // Neither message nor properties: they may hold anything. Where it happened holds no values.
  const stack = error instanceof Error ? (error.stack ?? "").replace(error.message, "") : "";
  const frames = stack.split("\n").filter((line) => /^ {4}at .*:\d+:\d+\)?$/.test(line));
  const rule = "a defect in plimsoll; please report the lines below";
  process.stderr.write(
    json
      ? `${jsonLine({ error: { code: "INTERNAL", rule, frames } })}\n`
      : `plimsoll: INTERNAL: ${rule}\n${frames.join("\n")}\n`,
  );
  return EXIT.internal;
}

/** The message with its place as a terminal may have it: others choose the names of files, and some of fields. */
function shownMessage(error: PlimsollError): string {
  const { file, field } = error.place;
  return error.at({
    ...(file !== undefined && { file: nameText(file) }),
    ...(field !== undefined && { field: fieldText(field) }),
  }).message;
}
