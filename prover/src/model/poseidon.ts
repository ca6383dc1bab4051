// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The Poseidon permutation of circomlib on 17 elements of the scalar field: 8 full rounds, 68 partial ones, S-box x^5.
 *
 * Its constants are generated when they are first needed, as the specification's own script does (Grassi et al., "Poseidon: A
 * New Hash Function for Zero-Knowledge Proof Systems", appendix E), and are held against circomlibjs's in the tests: that
 * takes a few milliseconds, where loading a table of every width takes hundreds.
 */
import { FIELD_ORDER, type FieldElement, invert } from "../field.ts";

const WIDTH = 17;
const FULL_ROUNDS = 8;
const PARTIAL_ROUNDS = 68;
const ROUNDS = FULL_ROUNDS + PARTIAL_ROUNDS;
const FIELD_BITS = 254;

interface Constants {
  /** ROUNDS times WIDTH. */
  readonly round: readonly bigint[];
  /** The mixing matrix by rows. */
  readonly mix: readonly (readonly bigint[])[];
}

let constants: Constants | undefined;

/** One element of the state after the permutation of (capacity, block). Elements below the field's order; the block has 16. */
export function poseidon(block: readonly bigint[], capacity: bigint): bigint {
  if (block.length !== WIDTH - 1) throw new RangeError(`block: expected ${WIDTH - 1} elements`);
  constants ??= generate();
  const { round, mix } = constants;
  let state = [capacity, ...block];
  for (let r = 0; r < ROUNDS; r++) {
    const full = r < FULL_ROUNDS / 2 || r >= FULL_ROUNDS / 2 + PARTIAL_ROUNDS;
    for (let i = 0; i < WIDTH; i++) {
      const sum = state[i]! + round[r * WIDTH + i]!;
      state[i] = full || i === 0 ? fifth(sum) : sum;
    }
    // One reduction for a sum of products, which is what is costly.
    state = mix.map((row) => {
      let sum = 0n;
      for (let i = 0; i < WIDTH; i++) sum += row[i]! * state[i]!;
      return sum % FIELD_ORDER;
    });
  }
  return state[0]!;
}

function fifth(x: bigint): bigint {
  const square = (x * x) % FIELD_ORDER;
  return (((square * square) % FIELD_ORDER) * x) % FIELD_ORDER;
}

function generate(): Constants {
  const bits = grain();
  const number = () => {
    let value = 0n;
    for (let word = 0; word < FIELD_BITS; word += 32) {
      const length = Math.min(32, FIELD_BITS - word);
      let part = 0;
      for (let i = 0; i < length; i++) part = part * 2 + bits();
      value = (value << BigInt(length)) | BigInt(part);
    }
    return value;
  };
  const below = () => {
    for (;;) {
      const value = number();
      if (value < FIELD_ORDER) return value;
    }
  };
  const round = Array.from({ length: ROUNDS * WIDTH }, below);
  // A Cauchy matrix, whose numbers are reduced where those of the rounds are drawn again.
  const drawn = Array.from({ length: 2 * WIDTH }, () => number() % FIELD_ORDER);
  const [xs, ys] = [drawn.slice(0, WIDTH), drawn.slice(WIDTH)];
  const inverses = invertAll(xs.flatMap((x) => ys.map((y) => (x + y) % FIELD_ORDER)));
  return { round, mix: xs.map((_, i) => inverses.slice(i * WIDTH, (i + 1) * WIDTH)) };
}

/** The bits of the Grain LFSR in self-shrinking mode, seeded with the parameters of this permutation. */
function grain(): () => number {
  const parameters: [value: number, bits: number][] = [
    [1, 2], // a prime field
    [0, 4], // x^5
    [FIELD_BITS, 12],
    [WIDTH, 12],
    [FULL_ROUNDS, 10],
    [PARTIAL_ROUNDS, 10],
    [2 ** 30 - 1, 30],
  ];
  const seed = parameters.map(([value, bits]) => value.toString(2).padStart(bits, "0")).join("");
  // 16 bits at a time, which is as far as the nearest tap (at 62 of 80) allows.
  const words = Array.from({ length: 5 }, (_, index) => Number.parseInt(seed.slice(16 * index, 16 * index + 16), 2));
  const from = (bit: number) => {
    const index = bit >> 4;
    return ((((words[index]! << 16) | words[index + 1]!) >>> (16 - (bit & 15))) & 0xffff) as number;
  };
  const next = () => {
    const word = from(62) ^ from(51) ^ from(38) ^ from(23) ^ from(13) ^ words[0]!;
    for (let i = 0; i < 4; i++) words[i] = words[i + 1]!;
    words[4] = word;
    return word;
  };
  for (let discarded = 0; discarded < 160; discarded += 16) next();
  let [word, left] = [0, 0];
  return () => {
    for (;;) {
      if (left === 0) [word, left] = [next(), 16];
      left -= 2;
      const pair = (word >> left) & 3;
      // The second of a pair counts where the first is one.
      if (pair >= 2) return pair & 1;
    }
  };
}

/** Inverses of numbers other than zero: one inversion, by products of all before each. */
function invertAll(values: readonly bigint[]): bigint[] {
  const products = [1n];
  for (const value of values) products.push((products.at(-1)! * value) % FIELD_ORDER);
  let inverse: bigint = invert(products.at(-1)! as FieldElement);
  const inverses = new Array<bigint>(values.length);
  for (let i = values.length - 1; i >= 0; i--) {
    inverses[i] = (inverse * products[i]!) % FIELD_ORDER;
    inverse = (inverse * values[i]!) % FIELD_ORDER;
  }
  return inverses;
}
