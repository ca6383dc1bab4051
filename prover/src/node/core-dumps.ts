// SPDX-License-Identifier: GPL-3.0-or-later
/** Crashes must not write secrets to disk. */
import { writeFileSync } from "node:fs";

/**
 * Takes this process's memory out of any core file that the system writes when it crashes. Linux only, where a process says
 * itself what of it is dumped; elsewhere, and for programs that use the library, `docs/threat-model.md` says what to do.
 */
export function leaveMemoryOutOfCoreFiles(): void {
  try {
    writeFileSync("/proc/self/coredump_filter", "0");
  } catch {
    // No such system: as documented.
  }
}
