// SPDX-License-Identifier: GPL-3.0-or-later
import { PlimsollError } from "../../prover/src/errors.ts";

/** The error that work is refused with; anything else it throws is thrown on. */
export function refusal(work: () => unknown): PlimsollError {
  try {
    work();
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
  throw new Error("not refused");
}
