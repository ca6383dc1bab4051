// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Proves with the native prover and then looks for values of the witness in all memory of this process:
 * `leak-child <zkey> <masked wtns> <masked patterns> <arithmetic>`. Prints where they are found, before the proof and after it.
 *
 * The witness and what is looked for (32 bytes each) are files of flipped bits, and are flipped back for the proof alone, so that
 * only what proving leaves behind is found.
 */
import { readFileSync } from "node:fs";
import { type ArithmeticPath, loadAddon, nativeBackend } from "../../prover/src/node/native.ts";
import { occurrences } from "./memory-search.ts";

const [zkeyFile, wtnsFile, patternsFile, arithmetic] = process.argv.slice(2) as [
  string,
  string,
  string,
  ArithmeticPath,
];
const flipped = readFileSync(wtnsFile);
const patterns = new Uint32Array(new Uint8Array(readFileSync(patternsFile)).buffer);

const state = loadAddon(arithmetic);
if (state.addon === undefined) throw new Error(state.why);
const backend = nativeBackend(state);
const circuit = await backend.open({ zkey: readFileSync(zkeyFile), wasm: async () => new Uint8Array() });
const witness = new Uint8Array(flipped.length);
for (const [at, byte] of flipped.entries()) witness[at] = byte ^ 0xff;
console.log(`before: ${occurrences(patterns).length > 0 ? "found" : "none"}`);
await circuit.prove(witness);
witness.fill(0);
console.log(`after: ${occurrences(patterns).join(", ") || "none"}`);
await backend.close();
