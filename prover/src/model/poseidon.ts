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

/**
 * A partial round raises the first element alone, so that all others stay a linear function of what they were before the
 * partial rounds, `u`, and of the powers a_j so far. With the mixing matrix as [[corner, across], [down, inner]], the first element
 * after round k is
 *
 *     corner · a_k + Σ_(j<k) (across · inner^(k-1-j) · down) · a_j + across · inner^k · u + a constant,
 *
 * and the others after the last of n rounds are inner^n · u + Σ_j inner^(n-1-j) · down · a_j + constants: a third of the products.
 */
interface Constants {
  /** ROUNDS times WIDTH. */
  readonly round: readonly bigint[];
  /** The mixing matrix by rows. */
  readonly mix: Matrix;
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

let constants: Constants | undefined;

/** One element of the state after the permutation of (capacity, block). Elements below the field's order; the block has 16. */
export function poseidon(block: readonly bigint[], capacity: bigint): bigint {
  if (block.length !== WIDTH - 1) throw new RangeError(`block: expected ${WIDTH - 1} elements`);
  constants ??= generate();
  const { round, mix } = constants;
  let state: readonly bigint[] = [capacity, ...block];
  for (let r = 0; r < ROUNDS - 1; r++) {
    if (r === FULL_ROUNDS / 2) {
      state = partialRounds(constants, state);
      r += PARTIAL_ROUNDS;
    }
    const raised = state.map((element, i) => fifth(element + round[r * WIDTH + i]!));
    state = mix.map((row) => dot(row, raised));
  }
  return dot(
    mix[0]!,
    state.map((element, i) => fifth(element + round[(ROUNDS - 1) * WIDTH + i]!)),
  );
}

function partialRounds({ round, first, outer, added, others, othersAdded }: Constants, state: readonly bigint[]) {
  const u = state.slice(1);
  const powers: bigint[] = [];
  let head = state[0]! + round[(FULL_ROUNDS / 2) * WIDTH]!;
  for (let k = 0; k < PARTIAL_ROUNDS; k++) {
    powers.push(fifth(head));
    let sum = added[k]!;
    for (let j = 0; j <= k; j++) sum += first[k - j]! * powers[j]!;
    for (let i = 0; i < WIDTH - 1; i++) sum += outer[k]![i]! * u[i]!;
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
  const mix = xs.map((_, i) => inverses.slice(i * WIDTH, (i + 1) * WIDTH));
  return { round, mix, ...partial(round, mix) };
}

/** The constants of all partial rounds together. */
function partial(round: readonly bigint[], mix: Matrix) {
  const [corner = 0n, ...across] = mix[0]!;
  const inner = mix.slice(1).map((row) => row.slice(1));
  const columns = transposed(inner);
  let power: Matrix = inner; // to the power 68 = 64 + 4
  let fourth: Matrix = inner;
  for (let doubled = 2; doubled <= 64; doubled *= 2) {
    const right = transposed(power);
    power = power.map((row) => right.map((column) => dot(row, column)));
    if (doubled === 4) fourth = power;
  }
  const right = transposed(fourth);
  const whole = power.map((row) => right.map((column) => dot(row, column)));

  const first = [corner];
  const outer: (readonly bigint[])[] = [];
  const added: bigint[] = [];
  const downs: (readonly bigint[])[] = [];
  let ahead: readonly bigint[] = across;
  let down: readonly bigint[] = mix.slice(1).map((row) => row[0]!);
  let constant: readonly bigint[] = inner.map(() => 0n);
  for (let k = 0; k < PARTIAL_ROUNDS; k++) {
    const at = (FULL_ROUNDS / 2 + k) * WIDTH;
    const moved = constant.map((value, i) => value + round[at + 1 + i]!);
    // The constant of the round that follows; that of a full round is added there.
    const next = k + 1 < PARTIAL_ROUNDS ? round[at + WIDTH]! : 0n;
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
