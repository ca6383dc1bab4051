// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Makes a witness plan: the steps by which a circuit's constraints, one after another, give the value of every wire from
 * the inputs.
 *
 * A constraint A · B = C with one unknown signal, in C, is solved for it. One whose unknown signals are all boolean by other
 * constraints, with weights that are different powers of two, gives them as binary digits. What no constraint gives, because the
 * circuit proves a guess and does not compute it, is a hint: its value comes with the inputs (`hints` of statement/families.ts).
 * Hints are all that a plan knows of a circuit, every other value is forced by the constraints, and a circuit that needs
 * more than that is refused by the name of a signal.
 *
 * The constraints are those before simplification, which have the order in which the circuit computes; the wires are those after
 * it, which a key is for.
 *
 * A plan is no more trusted than the rest of a prover. One that is wrong gives values that violate a constraint, of which no
 * proof verifies, or other values that satisfy all of them, which prove the same public signals.
 *
 * The file, all numbers little-endian. Places number the values: first the constants, then the inputs, then what the steps give, in
 * order.
 *   "plan", version, then counts: bytes of names, constants, inputs, wires, words of steps (32 bits each)
 *   names      JSON (`PlanNames`), padded with spaces to a multiple of four
 *   constants  32 bytes each, below the field's order; the first is 1, the second −1
 *   wires      the place of each wire's value, 32 bits each
 *   steps      words of 32 bits, see `STEP`
 */
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement, invert, toField } from "../field.ts";
import { forEachTerm, type R1cs, readR1cs } from "../keys/r1cs.ts";

export const PLAN_MARK = "plan";
export const PLAN_VERSION = 1;
/** Mark, version and counts. */
export const PLAN_HEADER_BYTES = 28;
export const NUMBER_BYTES = 32;

/**
 * Steps by their first word, and the words that follow. All but counts and exponents are places.
 *   sum      p, m, g, then p, m, 2g places: the first are added, the second subtracted, the products of pairs of the rest added
 *   product  left, right, factor, then as in a sum: factor · left · right + sum
 *   digits   source, n, n exponents in ascending order: gives n digits, 0 or 1, of which the source is Σ 2^exponent · digit
 */
export const STEP = { sum: 0, product: 1, digits: 2 } as const;

export interface PlanNames {
  /** Name and number of values of each input signal, in order. */
  readonly inputs: readonly (readonly [name: string, length: number])[];
  /** Then one value for each hint: its name without indices, and they. */
  readonly hints: readonly (readonly [name: string, ...indices: number[]])[];
}

/** What the compiler writes about a circuit. */
export interface CompiledCircuit {
  /** Constraints and names without simplification (`--O0`). */
  readonly full: { readonly r1cs: Uint8Array; readonly sym: Uint8Array };
  /** Names and wires of the circuit that is proved. */
  readonly sym: Uint8Array;
}

/** Coefficients by signal; signal 0 is the constant one. */
type Sum = ReadonlyMap<number, bigint>;
type Constraint = readonly [a: Sum, b: Sum, c: Sum];

/**
 * Makes the plan of a circuit. `isHint` says of a signal's name without indices whether its value comes with the inputs.
 *
 * Throws `FIELD_INVALID`, which names a signal, where constraints and hints do not give every value by the rules above.
 */
export function makePlan({ full, sym }: CompiledCircuit, isHint: (name: string) => boolean): Uint8Array {
  const r1cs = readR1cs(full.r1cs);
  const names = readNames(full.sym, r1cs, isHint);
  const steps = new Steps(names.known);
  solve(readConstraints(r1cs), r1cs.wires, names, steps);
  const wires = wiresOf(sym).map((signal) => steps.valueOf(signal)!);
  return steps.file(names, wires);
}

interface Names extends PlanNames {
  /** The signals of inputs and hints. */
  readonly known: readonly number[];
  nameOf(signal: number): string;
}

/** Lines of a sym file are `signal,wire,component,name`, in order of signals, wire −1 for what simplification took out. */
const linesOf = (sym: Uint8Array) => new TextDecoder().decode(sym).trimEnd().split("\n");

function readNames(sym: Uint8Array, r1cs: R1cs, isHint: (name: string) => boolean): Names {
  const { outputs, publics, privates, wires } = r1cs;
  const full = ["one", ...linesOf(sym).map((line) => line.slice(line.lastIndexOf(",") + ",main.".length))];
  if (full.length !== wires) refuse("names and constraints are not of one circuit", "circuit.sym");
  const inputs: [string, number][] = [];
  const hints: [string, ...number[]][] = [];
  const known: number[] = [];
  for (let signal = outputs + 1; signal <= publics + privates; signal++) {
    const name = full[signal]!.replace(/\[.*/, "");
    const last = inputs.at(-1);
    if (last?.[0] === name) last[1]++;
    else inputs.push([name, 1]);
    known.push(signal);
  }
  for (let signal = publics + privates + 1; signal < wires; signal++) {
    // Components without a name of their own are called by their template and a place in the source.
    const name = full[signal]!.replace(/(_\d+_\d+)?(\[\d+\])*/g, "");
    if (!isHint(name)) continue;
    hints.push([name, ...Array.from(full[signal]!.matchAll(/\[(\d+)\]/g), ([, index]) => Number(index))]);
    known.push(signal);
  }
  return { inputs, hints, known, nameOf: (signal) => full[signal]! };
}

/** The signal of each wire. */
function wiresOf(sym: Uint8Array): number[] {
  const signals = [0];
  for (const line of linesOf(sym)) {
    const [signal, wire] = line.split(",", 2).map(Number);
    if (wire! > 0) signals[wire!] = signal!;
  }
  return signals;
}

function readConstraints(r1cs: R1cs): Constraint[] {
  const constraints = Array.from({ length: r1cs.constraints }, () => [new Map(), new Map(), new Map()] as const);
  const bytes = Buffer.from(r1cs.body.buffer, r1cs.body.byteOffset, r1cs.body.byteLength);
  forEachTerm(r1cs, (matrix, constraint, signal, at) => {
    let value = bytes.readBigUInt64LE(at + 24);
    for (const part of [16, 8, 0]) value = (value << 64n) | bytes.readBigUInt64LE(at + part);
    constraints[constraint]![matrix as 0 | 1 | 2].set(signal, value);
  });
  return constraints;
}

function refuse(why: string, field: string): never {
  throw new PlimsollError("FIELD_INVALID", why, { field });
}

const times = (left: bigint, right: bigint) => (left * right) % FIELD_ORDER;
const MINUS_ONE = FIELD_ORDER - 1n;

/** Exponents of powers of two; all sums of digits below the highest are below the field's order. */
const EXPONENTS = new Map(Array.from({ length: 253 }, (_, exponent) => [1n << BigInt(exponent), exponent]));

/** The signal that a constraint s · (s − 1) = 0 says is 0 or 1. */
function booleanOf([a, b, c]: Constraint): number | undefined {
  if (c.size > 0) return undefined;
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const [signal] = one.keys();
    if (one.size !== 1 || other.size !== 2 || signal === 0 || signal === undefined) continue;
    if (other.has(0) && other.get(signal) === toField(-other.get(0)!)) return signal;
  }
  return undefined;
}

/** factors = rest. A factor that is constant is multiplied out. */
interface Equation {
  readonly factors: readonly [Sum, Sum] | undefined;
  readonly rest: Sum;
}

function equationOf([a, b, c]: Constraint): Equation {
  for (const [constant, factor] of [
    [a, b],
    [b, a],
  ] as const) {
    if (constant.size > 1 || (constant.size === 1 && !constant.has(0))) continue;
    const rest = new Map(c);
    for (const [signal, value] of constant.size === 0 ? [] : factor) {
      const sum = toField((rest.get(signal) ?? 0n) - times(value, constant.get(0)!));
      if (sum === 0n) rest.delete(signal);
      else rest.set(signal, sum);
    }
    return { factors: undefined, rest };
  }
  return { factors: [a, b], rest: c };
}

/** Writes the steps that give every signal. */
function solve(constraints: readonly Constraint[], signals: number, names: Names, steps: Steps): void {
  const booleans = new Set(constraints.map(booleanOf));
  const equations = constraints.map(equationOf);
  const uses = Array.from({ length: signals }, () => [] as number[]);
  const unknowns = equations.map(({ factors, rest }, index) => {
    const present = new Set([rest, ...(factors ?? [])].flatMap((sum) => [...sum.keys()]));
    for (const signal of present) uses[signal]!.push(index);
    return present;
  });
  const ready: number[] = [];
  /** May be solved once one signal is unknown, or only boolean ones. */
  const review = (index: number) => {
    const unknown = unknowns[index]!;
    if (unknown.size === 1 || (unknown.size > 1 && unknown.values().every((signal) => booleans.has(signal)))) {
      ready.push(index);
    }
  };
  const learn = (signal: number) => {
    for (const index of uses[signal]!) {
      unknowns[index]!.delete(signal);
      review(index);
    }
  };
  for (const signal of [0, ...names.known]) learn(signal);
  for (const index of equations.keys()) review(index);
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    const unknown = [...unknowns[index]!];
    const { factors, rest } = equations[index]!;
    if (unknown.length === 0 || factors?.some((sum) => unknown.some((signal) => sum.has(signal)))) continue;
    const known: Equation = { factors, rest: new Map(rest.entries().filter(([signal]) => !unknown.includes(signal))) };
    const weights = unknown.map((signal) => rest.get(signal)!);
    // Σ weight · unknown = factors − known rest, divided by 1 or −1, whichever makes the weights positive.
    const sign = weights.every((weight) => EXPONENTS.has(weight)) ? 1n : MINUS_ONE;
    const exponents = weights.map((weight) => EXPONENTS.get(times(weight, sign)));
    if (unknown.length === 1) {
      steps.assign(unknown[0]!, known, exponents[0] === 0 ? sign : invert(weights[0]! as FieldElement));
    } else if (!exponents.includes(undefined) && new Set(exponents).size === exponents.length) {
      steps.digits(known, sign, unknown, exponents as number[]);
    } else {
      continue;
    }
    unknown.forEach(learn);
  }
  const missing = Array.from({ length: signals }, (_, signal) => signal).find(
    (signal) => steps.valueOf(signal) === undefined,
  );
  if (missing !== undefined) refuse("no constraint gives this signal and it is no hint", names.nameOf(missing));
}

/** A constant, an input, or a result of a step: what is told apart by identity alone. */
type Value = object;

interface Step {
  readonly results: readonly Value[];
  readonly operands: readonly Value[];
  words(place: (value: Value) => number): number[];
}

/** Collects steps and writes those that matter. */
class Steps {
  readonly #constants = new Map<bigint, Value>();
  readonly #inputs: readonly Value[];
  readonly #ofSignal = new Map<number, Value>();
  readonly #steps: Step[] = [];
  /** Values of factors by their content: most are squared, then used again. */
  readonly #sums = new Map<string, Value>();

  constructor(known: readonly number[]) {
    this.#inputs = known.map(() => ({}));
    this.#ofSignal.set(0, this.#constant(1n));
    this.#constant(MINUS_ONE);
    for (const [index, signal] of known.entries()) this.#ofSignal.set(signal, this.#inputs[index]!);
  }

  /** Undefined as long as no step gives it. */
  valueOf(signal: number): Value | undefined {
    return this.#ofSignal.get(signal);
  }

  #constant(value: bigint): Value {
    let constant = this.#constants.get(value);
    if (constant === undefined) {
      constant = {};
      this.#constants.set(value, constant);
    }
    return constant;
  }

  /** target = (factors − rest) · scale */
  assign(target: number, equation: Equation, scale: bigint): void {
    this.#ofSignal.set(target, this.#evaluate(equation, scale));
  }

  /** Σ 2^exponent · target = (factors − rest) · scale */
  digits(equation: Equation, scale: bigint, targets: readonly number[], exponents: readonly number[]): void {
    const source = this.#evaluate(equation, scale);
    const ordered = targets.map((target, index) => ({ target, exponent: exponents[index]!, digit: {} }));
    ordered.sort((left, right) => left.exponent - right.exponent);
    for (const { target, digit } of ordered) this.#ofSignal.set(target, digit);
    this.#steps.push({
      results: ordered.map(({ digit }) => digit),
      operands: [source],
      words: (place) => [STEP.digits, place(source), ordered.length, ...ordered.map(({ exponent }) => exponent)],
    });
  }

  #evaluate({ factors, rest }: Equation, scale: bigint): Value {
    const terms = new Map(rest.entries().map(([signal, value]) => [signal, toField(-times(value, scale))]));
    if (factors === undefined) return this.#sum(terms);
    const [left, leftScale] = this.#factor(factors[0]);
    const [right, rightScale] = this.#factor(factors[1]);
    const factor = this.#constant(times(scale, times(leftScale, rightScale)));
    return this.#step([left, right, factor], terms);
  }

  /** A factor as a value and what it must be multiplied by. */
  #factor(sum: Sum): [value: Value, scale: bigint] {
    const [[signal, coefficient]] = sum as unknown as [[number, bigint]];
    if (sum.size === 1) return [this.#ofSignal.get(signal)!, coefficient];
    const content = [...sum].join(";");
    let value = this.#sums.get(content);
    if (value === undefined) {
      value = this.#sum(sum);
      this.#sums.set(content, value);
    }
    return [value, 1n];
  }

  /** The sum of some signals: of one, it is that one. */
  #sum(sum: Sum): Value {
    for (const [signal, value] of sum) if (sum.size === 1 && value === 1n) return this.#ofSignal.get(signal)!;
    return this.#step([], sum);
  }

  #step(product: readonly Value[], sum: Sum): Value {
    const result: Value = {};
    const plus: Value[] = [];
    const minus: Value[] = [];
    const multiplied: Value[] = [];
    for (const [signal, coefficient] of sum) {
      const value = this.#ofSignal.get(signal)!;
      if (signal === 0) plus.push(this.#constant(coefficient));
      else if (coefficient === 1n) plus.push(value);
      else if (coefficient === MINUS_ONE) minus.push(value);
      else multiplied.push(this.#constant(coefficient), value);
    }
    const kind = product.length === 0 ? STEP.sum : STEP.product;
    const counts = [plus.length, minus.length, multiplied.length / 2];
    const operands = [...plus, ...minus, ...multiplied];
    this.#steps.push({
      results: [result],
      operands: [...product, ...operands],
      words: (place) => [kind, ...product.map(place), ...counts, ...operands.map(place)],
    });
    return result;
  }

  /** The file that gives `wires`. */
  file({ inputs, hints }: PlanNames, wires: readonly Value[]): Uint8Array {
    // 1. Steps whose results are wires, or are used by such.
    const used = new Set([this.#constant(1n), this.#constant(MINUS_ONE), ...wires]);
    const steps = this.#steps.toReversed().filter(({ results, operands }) => {
      const matters = results.some((value) => used.has(value));
      if (matters) for (const value of operands) used.add(value);
      return matters;
    });
    // 2. Places.
    const constants = [...this.#constants].filter(([, value]) => used.has(value));
    const values = [
      constants.map(([, value]) => value),
      this.#inputs,
      ...steps.toReversed().map(({ results }) => results),
    ].flat();
    const places = new Map(values.map((value, place) => [value, place]));
    const place = (value: Value) => places.get(value)!;
    // 3. Bytes.
    const names = JSON.stringify({ inputs, hints } satisfies PlanNames);
    const text = Buffer.from(names.padEnd(Math.ceil(names.length / 4) * 4));
    const words = (list: readonly number[]) => Buffer.from(Uint32Array.from(list).buffer);
    const body = steps.toReversed().flatMap((step) => step.words(place));
    return Buffer.concat([
      Buffer.from(PLAN_MARK),
      words([PLAN_VERSION, text.length, constants.length, this.#inputs.length, wires.length, body.length]),
      text,
      ...constants.map(([value]) => Buffer.from(value.toString(16).padStart(2 * NUMBER_BYTES, "0"), "hex").reverse()),
      words(wires.map(place)),
      words(body),
    ]);
  }
}
