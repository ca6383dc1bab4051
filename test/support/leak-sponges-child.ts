// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Works out sponges of two blocks by every arithmetic of the native core that is here, the portable one last, and then looks for values of their inputs in all
 * memory of this process: `leak-sponges-child <masked inputs> <masked patterns>`, with the same masks as leak-child. Prints where they
 * are found, before and after.
 */
import { readFileSync } from "node:fs";
import { loadAddon, PATHS } from "../../prover/src/node/native.ts";
import { constantBytes } from "../../prover/src/prove/sponges.ts";
import { occurrences } from "./memory-search.ts";

const [inputsFile, patternsFile] = process.argv.slice(2) as [string, string];
const flipped = readFileSync(inputsFile);
const patterns = new Uint32Array(new Uint8Array(readFileSync(patternsFile)).buffer);

const inputs = new Uint8Array(flipped.length);
for (const [at, byte] of flipped.entries()) inputs[at] = byte ^ 0xff;
console.log(`before: ${occurrences(patterns).length > 0 ? "found" : "none"}`);
for (const path of PATHS.toReversed()) {
  const { addon } = loadAddon(path);
  if (addon === undefined) continue;
  const poseidon = addon.openPoseidon(constantBytes(17), 17, PATHS.indexOf(path)) as object;
  const outputs = await addon.sponges(poseidon, inputs, 2, 1);
  if (typeof outputs === "number") throw new Error(`status ${outputs}`);
}
inputs.fill(0);
console.log(`after: ${occurrences(patterns).join(", ") || "none"}`);
