// SPDX-License-Identifier: GPL-3.0-or-later
/** Circuits small enough to make keys for in every test: one from circom, one written as an r1cs by hand. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { FIELD_ORDER, toField } from "../../prover/src/field.ts";
import { circom } from "../../prover/src/node/setup/circuits.ts";
import type { CompiledCircuit } from "../../prover/src/prove/witness-plan.ts";
import type { CircuitInput } from "../../prover/src/statement/witness-input.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** Negative and repeated coefficients, constants on every side, a public input that nothing constrains, an output. */
export const SMALL_SOURCE = `pragma circom 2.2.0;
template Small() {
  signal input a, unused, b[3];
  signal output out;
  signal s <== (a - 2 * b[0] + 7) * (3 * a - b[1] - 5);
  signal t <== (s - b[2]) * (a + s + 11);
  out <== t * t - 9 * a;
}
component main {public [a, unused]} = Small();
`;
export const SMALL_INPUT: CircuitInput = { a: toField(5n), unused: toField(8n), b: [3n, 4n, 6n].map(toField) };

/** Compiles circom source to r1cs and witness generator, without simplification. Nothing is left on disk. */
export async function compileSmall(source: string): Promise<{ r1cs: Uint8Array; wasm: Uint8Array }> {
  const directory = path.join("build", `small-${process.pid}`);
  const file = (name: string) => path.join(ROOT, directory, name);
  mkdirSync(file(""), { recursive: true });
  try {
    writeFileSync(file("small.circom"), source);
    await circom([path.join(directory, "small.circom"), "--r1cs", "--wasm", "--O1", "-o", directory], ROOT);
    return { r1cs: readFileSync(file("small.r1cs")), wasm: readFileSync(file("small_js/small.wasm")) };
  } finally {
    rmSync(file(""), { recursive: true });
  }
}

/** Compiles circom source, with every signal kept, and for the wires as circuits are proved. Nothing is left on disk. */
export async function compileFull(source: string): Promise<CompiledCircuit> {
  const directory = path.join("build", `full-${process.pid}`);
  const file = (name: string) => path.join(ROOT, directory, name);
  mkdirSync(file("simplified"), { recursive: true });
  try {
    writeFileSync(file("small.circom"), source);
    const input = path.join(directory, "small.circom");
    await circom([input, "--r1cs", "--sym", "--O0", "-o", directory], ROOT);
    await circom([input, "--sym", "--O2", "-o", path.join(directory, "simplified")], ROOT);
    const full = { r1cs: readFileSync(file("small.r1cs")), sym: readFileSync(file("small.sym")) };
    return { full, sym: readFileSync(file("simplified/small.sym")) };
  } finally {
    rmSync(file(""), { recursive: true });
  }
}

/** The r1cs of x_1 · x_1 = w, with any number of public inputs x and one private wire w. */
export function squareR1cs(publics: number): Uint8Array {
  const u32 = (...numbers: number[]) => Buffer.from(Uint32Array.from(numbers).buffer);
  const number = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
  const section = (id: number, ...parts: Buffer[]) => {
    const content = Buffer.concat(parts);
    return Buffer.concat([u32(id, content.length, 0), content]);
  };
  const term = (wire: number) => Buffer.concat([u32(1, wire), number(1n)]);
  const wires = publics + 2;
  const header = section(1, u32(32), number(FIELD_ORDER), u32(wires, 0, publics, 1, wires, 0, 1));
  return Buffer.concat([Buffer.from("r1cs"), u32(1, 2), header, section(2, term(1), term(1), term(publics + 1))]);
}
