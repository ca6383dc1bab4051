// SPDX-License-Identifier: GPL-3.0-or-later
/** Files that hold one secret number: viewing keys and auditors' secrets. */
import { PlimsollError } from "../errors.ts";

/**
 * Reads one decimal number on one line, ending in a newline or not. `field` names the secret in errors, which never quote
 * the number. Throws `FIELD_INVALID`, and as `check` does.
 */
export function readSecretNumber<T>(text: string, file: string, field: string, check: (value: bigint) => T): T {
  const place = { file, line: 1, field };
  const match = /^([1-9][0-9]{0,77})\r?\n?$/.exec(text);
  if (match === null) throw new PlimsollError("FIELD_INVALID", "expected one decimal number on one line", place);
  try {
    return check(BigInt(match[1]!));
  } catch (error) {
    throw error instanceof PlimsollError ? error.at(place) : error;
  }
}
