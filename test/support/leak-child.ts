// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Proves with the native prover and then looks for values of the witness in all memory of this process:
 * `leak-child <zkey> <masked wtns> <masked patterns> <arithmetic>`. Prints where they are found, before the proof and after it.
 *
 * The witness and what is looked for (32 bytes each) are files of flipped bits, and are flipped back for the proof alone, so that
 * only what proving leaves behind is found.
 */
import { openSync, readFileSync, readSync } from "node:fs";
import { type ArithmeticPath, loadAddon, nativeBackend } from "../../prover/src/node/native.ts";

const [zkeyFile, wtnsFile, patternsFile, arithmetic] = process.argv.slice(2) as [
  string,
  string,
  string,
  ArithmeticPath,
];
const flipped = readFileSync(wtnsFile);
const patterns = new Uint32Array(new Uint8Array(readFileSync(patternsFile)).buffer);

function occurrences(): string[] {
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

const state = loadAddon(arithmetic);
if (state.addon === undefined) throw new Error(state.why);
const backend = nativeBackend(state);
const circuit = await backend.open({ zkey: readFileSync(zkeyFile), wasm: async () => new Uint8Array() });
const witness = new Uint8Array(flipped.length);
for (const [at, byte] of flipped.entries()) witness[at] = byte ^ 0xff;
console.log(`before: ${occurrences().length > 0 ? "found" : "none"}`);
await circuit.prove(witness);
witness.fill(0);
console.log(`after: ${occurrences().join(", ") || "none"}`);
await backend.close();
