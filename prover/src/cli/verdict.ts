// SPDX-License-Identifier: GPL-3.0-or-later
/** How every command that verifies ends: its exit code, and the verdict as JSON or as text. */
import { EXIT } from "../errors.ts";
import { verdictText } from "../report/parts-text.ts";
import type { Outcome, Verdict } from "../report/verdict.ts";
import type { Context } from "./context.ts";

export const EXIT_CODES: Readonly<Record<Outcome, number>> = {
  valid: EXIT.ok,
  invalid: EXIT.no,
  unusable: EXIT.input,
  "not-current": EXIT.notCurrent,
};

export function printVerdict({ print }: Context, json: boolean | undefined, verdict: Verdict): void {
  process.exitCode = EXIT_CODES[verdict.outcome];
  print(json, verdict, () => verdictText(verdict));
}
