// SPDX-License-Identifier: GPL-3.0-or-later
/** Looks for secrets in all memory of this process, on Linux. */
import { openSync, readFileSync, readSync } from "node:fs";

/** Where values are found. Patterns are values of 32 bytes, each with all bits flipped: they are not what is looked for themselves. */
export function occurrences(patterns: Uint32Array): string[] {
  const memory = openSync("/proc/self/mem", "r");
  const chunk = new Uint8Array(1 << 20);
  const words = new Uint32Array(chunk.buffer);
  const found: string[] = [];
  for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
    const [, from, to, name] = /^([0-9a-f]+)-([0-9a-f]+) rw.. \S+ \S+ \S+\s*(.*)$/.exec(line) ?? [];
    if (from === undefined || name?.startsWith("[v")) continue;
    const end = Number.parseInt(to!, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += chunk.length) {
      let length = 0;
      try {
        length = readSync(memory, chunk, 0, Math.min(chunk.length, end - at), at);
      } catch {
        break; // reserved and not there
      }
      for (let pattern = 0; pattern < patterns.length; pattern += 8) {
        for (let i = 0; i + 3 < length / 4; i++) {
          // Four words of eight: 128 bits.
          let same = 0;
          while (same < 4 && words[i + same] === ~patterns[pattern + same]! >>> 0) same++;
          if (same === 4) found.push(`pattern ${pattern / 8} in ${name || "anonymous memory"}`);
        }
      }
    }
    chunk.fill(0);
  }
  return found;
}
