// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Runs witness modules of circom 2, as they are or with every assertion taken out.
 *
 * A module without assertions computes hints and derived signals for any input, however illegal: what an attacker's own
 * generator would do. It is made from the compiled module itself, so it cannot differ from the shipped one otherwise.
 */
import { readFileSync } from "node:fs";
import type { Witness } from "./r1cs.ts";

/** Values by input signal, in [0, prime); arrays are flattened in row-major order. */
export type Inputs = Readonly<Record<string, bigint | readonly bigint[]>>;

interface Module {
  readonly memory: WebAssembly.Memory;
  init(sanityCheck: number): void;
  getFieldNumLen32(): number;
  getInputSize(): number;
  getWitnessSize(): number;
  getInputSignalSize(high: number, low: number): number;
  setInputSignal(high: number, low: number, index: number): void;
  getWitness(wire: number): void;
  /** Where one field element goes in and out: little-endian. */
  getSharedRWMemoryStart(): number;
}

/** `call $printErrorMessage; i32.const 4; return; end`, the end of every assertion: 4 is its error, import 1 the callee. */
const ASSERTION = Buffer.from([0x10, 0x01, 0x41, 0x04, 0x0f, 0x0b]);
const NOP = 0x01;

function withoutAssertions(module: Buffer): Buffer {
  const copy = Buffer.from(module);
  for (let at = copy.indexOf(ASSERTION); at >= 0; at = copy.indexOf(ASSERTION, at)) copy.fill(NOP, at, at + 5);
  return copy;
}

const FNV_PRIME = 0x100000001b3n;
function fnv(name: string): [number, number] {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(name)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
  return [Number(hash >> 32n), Number(hash & 0xffffffffn)];
}

/** Computes witnesses; kept warm between calls. Throws where an assertion fails or inputs are missing or unknown. */
export type Generator = (inputs: Inputs) => Witness;

export async function loadGenerator(file: string, { assertions }: { assertions: boolean }): Promise<Generator> {
  const code = readFileSync(file);
  const ignore = () => {};
  const { instance } = await WebAssembly.instantiate(new Uint8Array(assertions ? code : withoutAssertions(code)), {
    runtime: {
      exceptionHandler: (code: number) => {
        throw new Error(
          code === 4 ? "an assertion of the circuit fails" : `witness generation fails with code ${code}`,
        );
      },
      printErrorMessage: ignore,
      writeBufferMessage: ignore,
      showSharedRWMemory: ignore,
    },
  });
  const module = instance.exports as unknown as Module;
  const limbs = module.getFieldNumLen32() / 2;
  const start = module.getSharedRWMemoryStart();
  return (inputs) => {
    module.init(0);
    const shared = new DataView(module.memory.buffer, start, 8 * limbs);
    let given = 0;
    for (const [name, value] of Object.entries(inputs)) {
      const [high, low] = fnv(name);
      const values = typeof value === "bigint" ? [value] : value;
      if (module.getInputSignalSize(high, low) !== values.length) throw new Error(`input ${name} does not fit`);
      for (const [index, value] of values.entries()) {
        if (value < 0n) throw new RangeError(`input ${name} is not reduced into the field`);
        for (let limb = 0; limb < limbs; limb++) shared.setBigUint64(8 * limb, value >> BigInt(64 * limb), true);
        module.setInputSignal(high, low, index);
      }
      given += values.length;
    }
    if (given !== module.getInputSize()) throw new Error("inputs are missing");
    // Memory may have grown, and then has another buffer. An assertion that failed before leaves its stack in it.
    const result = module.memory.buffer;
    const large = new DataView(result, start, 8 * limbs);
    // Most values are small: a digit is no big integer to make.
    const words = new Uint32Array(result, start, 2 * limbs);
    const isSmall = () => {
      for (let word = 1; word < 2 * limbs; word++) if (words[word] !== 0) return false;
      return true;
    };
    const witness = new Array<bigint>(module.getWitnessSize());
    for (let wire = 0; wire < witness.length; wire++) {
      module.getWitness(wire);
      let value = 0n;
      if (isSmall()) value = BigInt(words[0]!);
      else for (let limb = limbs - 1; limb >= 0; limb--) value = (value << 64n) | large.getBigUint64(8 * limb, true);
      witness[wire] = value;
    }
    return witness;
  };
}
