// SPDX-License-Identifier: GPL-3.0-or-later
/** Proves random requests of a board of 60: `prove-child [count]`. Says `prove` on stdout as each proof begins. */
import { createProver } from "../../prover/src/node/prover.ts";
import { randomRequest, seededRng } from "./random.ts";

const prover = createProver();
for (let seed = 0; seed < Number(process.argv[2] ?? 1); seed++) {
  await prover.prove(randomRequest(seededRng(seed), "board-60"), { onStep: (step) => console.log(step) });
}
await prover.close();
console.log("closed");
