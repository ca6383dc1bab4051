// SPDX-License-Identifier: GPL-3.0-or-later
/** Many sponges of commitments at once, by either build of the core (prover/native), which takes them as bytes. */
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import { SPONGE_RATE, type SpongeInput, type Sponges, spongeOf, spongeTag } from "../model/commit.ts";
import { type PoseidonWidth, poseidonConstants } from "../model/poseidon.ts";

/** The state of the sponges that commitments are made with. */
export const SPONGE_WIDTH: PoseidonWidth = 17;
/** 64-bit words of an element. */
const WORDS = 4;
/** Inputs that are bytes at one time: what the core needs at least to use all its lanes and threads, and a few megabytes at most. */
const AT_ONCE = 4_096;

/** What a core does: `count` inputs of so many blocks, each of them the capacity and the blocks (plimsoll.h); an output is 32 bytes. */
export type Squeeze = (inputs: Uint8Array<ArrayBuffer>, blocks: number, count: number) => Promise<Uint8Array>;

/** The constants of a permutation as the core reads them. */
export function constantBytes(width: PoseidonWidth): Uint8Array {
  const { round, mix } = poseidonConstants(width);
  const all = [...round, ...mix.flat()];
  const words = new BigUint64Array(all.length * WORDS);
  for (const [index, value] of all.entries()) writeElement(words, index, value);
  return new Uint8Array(words.buffer);
}

/** By the portable permutation, on this thread. */
export const portableSponges: Sponges = async (inputs) => {
  checkInputs(inputs);
  return inputs.map(spongeOf);
};

/** By a core. The bytes that inputs are written to are wiped. */
export function spongesBy(squeeze: Squeeze): Sponges {
  return async (inputs) => {
    checkInputs(inputs);
    // By their number of blocks, of which a call has one.
    const byBlocks = Map.groupBy(inputs.keys(), (index) => Math.ceil(inputs[index]!.elements.length / SPONGE_RATE));
    const results = new Array<FieldElement>(inputs.length);
    for (const [blocks, indices] of byBlocks) {
      for (let from = 0; from < indices.length; from += AT_ONCE) {
        const some = indices.slice(from, from + AT_ONCE);
        const outputs = await squeezed(
          squeeze,
          some.map((index) => inputs[index]!),
          blocks,
        );
        for (const [at, index] of some.entries()) results[index] = outputs[at]!;
      }
    }
    return results;
  };
}

async function squeezed(squeeze: Squeeze, inputs: readonly SpongeInput[], blocks: number): Promise<FieldElement[]> {
  // Without elements the capacity comes out as it went in.
  if (blocks === 0) return inputs.map((input) => spongeTag(input) as FieldElement);
  const size = 1 + blocks * SPONGE_RATE;
  const words = new BigUint64Array(inputs.length * size * WORDS);
  try {
    for (const [index, input] of inputs.entries()) {
      writeElement(words, index * size, spongeTag(input));
      for (const [at, element] of input.elements.entries()) writeElement(words, index * size + 1 + at, element);
    }
    const outputs = await squeeze(new Uint8Array(words.buffer), blocks, inputs.length);
    const read = new BigUint64Array(outputs.buffer, outputs.byteOffset, inputs.length * WORDS);
    return inputs.map((_, index) => readElement(read, index));
  } finally {
    // Where it was moved to another thread, that one wipes it.
    if (words.length > 0) words.fill(0n);
  }
}

function checkInputs(inputs: readonly SpongeInput[]): void {
  for (const [index, { elements }] of inputs.entries()) {
    for (const [at, element] of elements.entries()) {
      if (element >= 0n && element < FIELD_ORDER) continue;
      throw new PlimsollError("OUT_OF_RANGE", "expected an element below the field order", {
        field: `inputs[${index}].elements[${at}]`,
      });
    }
  }
}

/** Little-endian, as the words are on every machine that has a core. Zero is there already. */
function writeElement(words: BigUint64Array, index: number, value: bigint): void {
  if (value === 0n) return;
  const at = WORDS * index;
  words[at] = value;
  words[at + 1] = value >> 64n;
  words[at + 2] = value >> 128n;
  words[at + 3] = value >> 192n;
}

function readElement(words: BigUint64Array, index: number): FieldElement {
  const [a, b, c, d] = words.subarray(WORDS * index, WORDS * index + WORDS);
  return (a! | (b! << 64n) | (c! << 128n) | (d! << 192n)) as FieldElement;
}
