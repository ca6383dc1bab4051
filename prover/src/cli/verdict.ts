// SPDX-License-Identifier: GPL-3.0-or-later
/** How every command that verifies ends: its exit code, and the verdict as JSON or as text. */
import { foreign } from "../document/words.ts";
import { EXIT } from "../errors.ts";
import { verdictText } from "../report/parts-text.ts";
import { factText } from "../report/terminal.ts";
import type { Outcome, Verdict } from "../report/verdict.ts";
import type { Context } from "./context.ts";

export const EXIT_CODES: Readonly<Record<Outcome, number>> = {
  valid: EXIT.ok,
  invalid: EXIT.no,
  unusable: EXIT.input,
  "not-current": EXIT.notCurrent,
};

/** `source` is what was verified: of what is no document, nothing else says which file it was. */
export function printVerdict({ print }: Context, json: boolean | undefined, verdict: Verdict, source?: string): void {
  process.exitCode = EXIT_CODES[verdict.outcome];
  const isNone = verdict.outcome === "unusable" && verdict.findings.every(({ file }) => file === "");
  const name = isNone && source !== undefined ? [factText({ label: "file", value: foreign(source, "sender") })] : [];
  print(json, verdict, () => [verdictText(verdict), ...name].join("\n"));
}
