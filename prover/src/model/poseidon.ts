// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The Poseidon permutation of circomlib on 17 elements of the scalar field, and on 3: 8 full rounds, 68 or 57 partial ones, S-box x^5.
 *
 * Its constants are generated when they are first needed, as the specification's own script does (Grassi et al., "Poseidon: A
 * New Hash Function for Zero-Knowledge Proof Systems", appendix E), and are held against circomlibjs's in the tests: that
 * takes a few milliseconds, where loading a table of every width takes hundreds.
 */
import { FIELD_ORDER, type FieldElement, invert } from "../field.ts";

const FULL_ROUNDS = 8;
/** By the width of the state. */
const PARTIAL_ROUNDS = { 3: 57, 17: 68 } as const;
const FIELD_BITS = 254;

/** Elements of a state: the capacity and a block. */
export type PoseidonWidth = keyof typeof PARTIAL_ROUNDS;

const isWidth = (width: number): width is PoseidonWidth => width in PARTIAL_ROUNDS;

/**
 * A partial round raises the first element alone, so that all others stay a linear function of what they were before the
 * partial rounds, `u`, and of the powers a_j so far. With the mixing matrix as [[corner, across], [down, inner]], the first element
 * after round k is
 *
 *     corner · a_k + Σ_(j<k) (across · inner^(k-1-j) · down) · a_j + across · inner^k · u + a constant,
 *
 * and the others after the last of n rounds are inner^n · u + Σ_j inner^(n-1-j) · down · a_j + constants: a third of the products.
 */
interface Constants extends PoseidonConstants {
  /** What the power of the round k - d adds to the first element after the round k, by d. */
  readonly first: readonly bigint[];
  /** What `u` adds to the first element, by partial round. */
  readonly outer: Matrix;
  /** What the first element has added, by partial round; the constant of the round after it is in it. */
  readonly added: readonly bigint[];
  /** What becomes each of the other elements: factors of `u`, then of the powers; and what is added. */
  readonly others: Matrix;
  readonly othersAdded: readonly bigint[];
}
type Matrix = readonly (readonly bigint[])[];

/** What the permutation is made of. */
export interface PoseidonConstants {
  /** Of each element in each round. */
  readonly round: readonly bigint[];
  /** The mixing matrix by rows. */
  readonly mix: Matrix;
}

const known = new Map<PoseidonWidth, Constants>();

function constantsOf(width: PoseidonWidth): Constants {
  let constants = known.get(width);
  if (constants === undefined) {
    const drawn = poseidonConstants(width);
    constants = { ...drawn, ...partial(drawn) };
    known.set(width, constants);
  }
  return constants;
}

/**
 * One element of the state after the permutation of (capacity, block). Elements below the field's order. Throws a RangeError for a
 * block of a length other than 2 and 16.
 */
export function poseidon(block: readonly bigint[], capacity: bigint): bigint {
  const width = block.length + 1;
  if (!isWidth(width)) throw new RangeError("block: expected 2 or 16 elements");
  const constants = constantsOf(width);
  const { round, mix } = constants;
  const rounds = FULL_ROUNDS + PARTIAL_ROUNDS[width];
  let state: readonly bigint[] = [capacity, ...block];
  for (let r = 0; r < rounds - 1; r++) {
    if (r === FULL_ROUNDS / 2) {
      state = partialRounds(constants, state);
      r += PARTIAL_ROUNDS[width];
    }
    const raised = state.map((element, i) => fifth(element + round[r * width + i]!));
    state = mix.map((row) => dot(row, raised));
  }
  return dot(
    mix[0]!,
    state.map((element, i) => fifth(element + round[(rounds - 1) * width + i]!)),
  );
}

function partialRounds({ round, first, outer, added, others, othersAdded }: Constants, state: readonly bigint[]) {
  const u = state.slice(1);
  const powers: bigint[] = [];
  let head = state[0]! + round[(FULL_ROUNDS / 2) * state.length]!;
  for (let k = 0; k < added.length; k++) {
    powers.push(fifth(head));
    let sum = added[k]!;
    for (let j = 0; j <= k; j++) sum += first[k - j]! * powers[j]!;
    for (let i = 0; i < u.length; i++) sum += outer[k]![i]! * u[i]!;
    head = sum % FIELD_ORDER;
  }
  const known = [...u, ...powers];
  return [head, ...others.map((row, i) => dot(row, known, othersAdded[i]))];
}

/** One reduction for a sum of products, which is what is costly. */
function dot(row: readonly bigint[], column: readonly bigint[], sum = 0n): bigint {
  for (let i = 0; i < row.length; i++) sum += row[i]! * column[i]!;
  return sum % FIELD_ORDER;
}

function fifth(x: bigint): bigint {
  const square = (x * x) % FIELD_ORDER;
  return (((square * square) % FIELD_ORDER) * x) % FIELD_ORDER;
}

/** The constants of a width, generated. */
export function poseidonConstants(width: PoseidonWidth): PoseidonConstants {
  const bits = grain(width);
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
  const round = Array.from({ length: (FULL_ROUNDS + PARTIAL_ROUNDS[width]) * width }, below);
  // A Cauchy matrix, whose numbers are reduced where those of the rounds are drawn again.
  const drawn = Array.from({ length: 2 * width }, () => number() % FIELD_ORDER);
  const [xs, ys] = [drawn.slice(0, width), drawn.slice(width)];
  const inverses = invertAll(xs.flatMap((x) => ys.map((y) => (x + y) % FIELD_ORDER)));
  const mix = xs.map((_, i) => inverses.slice(i * width, (i + 1) * width));
  return { round, mix };
}

/** The constants of all partial rounds together. */
function partial({ round, mix }: PoseidonConstants) {
  const width = mix.length;
  const partialRounds = round.length / width - FULL_ROUNDS;
  const [corner = 0n, ...across] = mix[0]!;
  const inner = mix.slice(1).map((row) => row.slice(1));
  const columns = transposed(inner);
  const times = (left: Matrix, right: Matrix) => {
    const down = transposed(right);
    return left.map((row) => down.map((column) => dot(row, column)));
  };
  const powerOf = (exponent: number): Matrix => {
    if (exponent === 1) return inner;
    const half = powerOf(exponent >> 1);
    const even = times(half, half);
    return exponent % 2 === 0 ? even : times(even, inner);
  };
  const whole = powerOf(partialRounds);

  const first = [corner];
  const outer: (readonly bigint[])[] = [];
  const added: bigint[] = [];
  const downs: (readonly bigint[])[] = [];
  let ahead: readonly bigint[] = across;
  let down: readonly bigint[] = mix.slice(1).map((row) => row[0]!);
  let constant: readonly bigint[] = inner.map(() => 0n);
  for (let k = 0; k < partialRounds; k++) {
    const at = (FULL_ROUNDS / 2 + k) * width;
    const moved = constant.map((value, i) => value + round[at + 1 + i]!);
    // The constant of the round that follows; that of a full round is added there.
    const next = k + 1 < partialRounds ? round[at + width]! : 0n;
    added.push(dot(across, moved, next));
    constant = inner.map((row) => dot(row, moved));
    outer.push(ahead);
    ahead = columns.map((column) => dot(column, ahead));
    first.push(dot(across, down));
    downs.push(down);
    down = inner.map((row) => dot(row, down));
  }
  downs.reverse();
  const others = whole.map((row, i) => [...row, ...downs.map((each) => each[i]!)]);
  return { first, outer, added, others, othersAdded: constant };
}

const transposed = (matrix: Matrix): Matrix => matrix[0]!.map((_, i) => matrix.map((row) => row[i]!));

/** The bits of the Grain LFSR in self-shrinking mode, seeded with the parameters of this permutation. */
function grain(width: PoseidonWidth): () => number {
  const parameters: [value: number, bits: number][] = [
    [1, 2], // a prime field
    [0, 4], // x^5
    [FIELD_BITS, 12],
    [width, 12],
    [FULL_ROUNDS, 10],
    [PARTIAL_ROUNDS[width], 10],
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
