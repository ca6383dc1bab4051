// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Makes hostile witnesses: the best case for a lie.
 *
 * Given values for some signals (inputs, and signals set to a lie), every other signal is derived through the
 * constraints themselves, so that as many as possible hold. What is left violated is what stops the lie; where nothing
 * is left, the circuit accepts it.
 *
 * Works on a system compiled with `--O0`, where each `x <== e` is a constraint that defines x:
 *   1. A constraint with one unknown in it, linear with a non-zero coefficient, defines the unknown. A product with a
 *      known zero factor counts as zero whatever else it holds.
 *   2. A linear constraint whose only unknowns are digits (wires held to 0 or 1 by a constraint, their coefficients
 *      c·2^i for different i) defines them as binary digits, as a decomposition's hint would; the highest takes what
 *      does not fit.
 *   3. Where both are exhausted a hint takes its baseline value, one at a time in label order; then a flag does (a hint of
 *      0 or 1 that is a digit of nothing); then anything unknown.
 *
 * Linear constraints come first throughout, so that what breaks is quadratic: simplification solves linear constraints
 * away, and a witness that broke one would turn into another when carried over to the simplified system.
 *
 * What it does not do: hints other than digits do not react to a lie told elsewhere in the same witness; a lie that
 * needs them to must set them too.
 */
import { evaluate, type R1cs, type Witness, wiresOf } from "./r1cs.ts";

/** A system prepared for many derivations. */
export interface Solver {
  /** Wires of hints that are not digits. */
  readonly hints: readonly number[];
  /**
   * A full witness in which the given wires keep their values; all values by wire, reduced into the field.
   * @param given     inputs, and hints that shall hold
   * @param lies      told once everything that does not depend on them is derived, so that a lie is not explained by
   *                  bending what comes before it; wires that a constraint makes equal to one lied about follow it
   * @param baseline  a full witness to take hints from where nothing determines them
   */
  derive(given: ReadonlyMap<number, bigint>, lies: ReadonlyMap<number, bigint>, baseline: Witness): Witness;
}

function inverse(value: bigint, prime: bigint): bigint {
  if (value === 1n || value === prime - 1n) return value;
  let [r0, r1, t0, t1] = [prime, value, 0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  return t0 < 0n ? t0 + prime : t0;
}

/** A linear constraint scale · Σ 2^shift·digit + rest = 0. */
interface Decomposition {
  readonly combination: number;
  readonly scale: bigint;
  /** [wire, shift] of each digit. */
  readonly digits: readonly (readonly [number, number])[];
}

/** @param isHint whether a wire may take its baseline value before the others (`<--` in the source) */
export function solver(r1cs: R1cs, isHint: (wire: number) => boolean = () => false): Solver {
  const { prime, wires, constraints, starts, termWire, termCoefficient, coefficients } = r1cs;
  const mod = (value: bigint) => {
    const reduced = value % prime;
    return reduced < 0n ? reduced + prime : reduced;
  };

  // Occurrences: for each wire the linear combinations that it is a term of.
  const occurrenceStarts = new Uint32Array(wires + 1);
  for (const wire of termWire) occurrenceStarts[wire + 1]!++;
  for (let wire = 0; wire < wires; wire++) occurrenceStarts[wire + 1]! += occurrenceStarts[wire]!;
  const occurrences = new Uint32Array(termWire.length);
  const cursor = occurrenceStarts.slice(0, wires);
  const termsOf = new Uint32Array(3 * constraints);
  for (let combination = 0; combination < 3 * constraints; combination++) {
    termsOf[combination] = starts[combination + 1]! - starts[combination]!;
    for (let term = starts[combination]!; term < starts[combination + 1]!; term++) {
      occurrences[cursor[termWire[term]!]!++] = combination;
    }
  }

  const isLinear = Uint8Array.from({ length: constraints }, (_, constraint) =>
    termsOf[3 * constraint] === 0 || termsOf[3 * constraint + 1] === 0 ? 1 : 0,
  );
  const isDigit = digitWires(r1cs);
  const powers = new Map<bigint, number>();
  for (let shift = 0; 1n << BigInt(shift) < prime; shift++) powers.set(1n << BigInt(shift), shift);
  const decompositions: Decomposition[] = [];
  const decompositionsOf = new Map<number, number[]>();
  for (let constraint = 0; constraint < constraints; constraint++) {
    const combination = 3 * constraint + 2;
    if (!isLinear[constraint]) continue;
    const found = decompositionOf(combination);
    if (found === undefined) continue;
    const index = decompositions.push(found) - 1;
    const digits = new Set(found.digits.map(([wire]) => wire));
    for (const wire of wiresOf(r1cs, constraint)) {
      if (digits.has(wire)) continue;
      const list = decompositionsOf.get(wire);
      if (list) list.push(index);
      else decompositionsOf.set(wire, [index]);
    }
  }
  /** Wires other than digits that must be known before the digits are. */
  const awaited = new Uint32Array(decompositions.length);
  for (const list of decompositionsOf.values()) for (const index of list) awaited[index]!++;

  function decompositionOf(combination: number): Decomposition | undefined {
    const digits: [number, bigint][] = [];
    for (let term = starts[combination]!; term < starts[combination + 1]!; term++) {
      if (isDigit[termWire[term]!]) digits.push([termWire[term]!, coefficients[termCoefficient[term]!]!]);
    }
    if (digits.length < 2) return undefined;
    // The scale is the coefficient by which all others become powers of two; one of them is the lowest digit's.
    for (const scale of [1n, prime - 1n, ...digits.map(([, coefficient]) => coefficient)]) {
      const unscale = inverse(scale, prime);
      const shifts = digits.map(([wire, coefficient]) => [wire, powers.get(mod(coefficient * unscale))] as const);
      if (shifts.every(([, shift]) => shift !== undefined)) {
        const known = shifts as readonly (readonly [number, number])[];
        if (new Set(known.map(([, shift]) => shift)).size < known.length) return undefined;
        return { combination, scale, digits: known.toSorted(([, one], [, other]) => one - other) };
      }
      if (digits.length > 300) return undefined;
    }
    return undefined;
  }

  // Wires that a linear constraint x - y = 0 makes equal.
  const copies = new Map<number, number[]>();
  for (let constraint = 0; constraint < constraints; constraint++) {
    const combination = 3 * constraint + 2;
    const start = starts[combination]!;
    if (!isLinear[constraint] || termsOf[combination] !== 2) continue;
    const [one, other] = [termWire[start]!, termWire[start + 1]!];
    const sum = coefficients[termCoefficient[start]!]! + coefficients[termCoefficient[start + 1]!]!;
    if (one === 0 || other === 0 || sum !== prime) continue;
    copies.set(one, [...(copies.get(one) ?? []), other]);
    copies.set(other, [...(copies.get(other) ?? []), one]);
  }

  const isInput = (wire: number) =>
    wire > r1cs.outputs && wire <= r1cs.outputs + r1cs.publicInputs + r1cs.privateInputs;
  /** Lies told of one wire are told of its copies too, but for inputs. */
  function spread(lies: ReadonlyMap<number, bigint>): Map<number, bigint> {
    const told = new Map(lies);
    for (const [wire, value] of told) {
      for (const copy of copies.get(wire) ?? []) if (!told.has(copy) && !isInput(copy)) told.set(copy, value);
    }
    return told;
  }
  /** Copies of digits take their digit's value: a name alone does not make them hints. */
  const copiesDigit = (wire: number) => copies.get(wire)?.some((other) => isDigit[other]) === true;

  const decomposed = new Set(decompositions.flatMap(({ digits }) => digits.map(([wire]) => wire)));
  const hints: number[] = [];
  const flags: number[] = [];
  for (let wire = 1; wire < wires; wire++) {
    if (!isHint(wire) || copiesDigit(wire)) continue;
    if (!isDigit[wire]) hints.push(wire);
    else if (!decomposed.has(wire)) flags.push(wire);
  }
  const guesses = [...hints, ...flags];

  function derive(given: ReadonlyMap<number, bigint>, lies: ReadonlyMap<number, bigint>, baseline: Witness): Witness {
    const told = spread(lies);
    let untold: ReadonlyMap<number, bigint> | undefined = told;
    const held: Decomposition[] = [];
    const witness = new Array<bigint>(wires).fill(0n);
    const known = new Uint8Array(wires);
    const unknownTerms = termsOf.slice();
    const queued = new Uint8Array(constraints);
    const queue: number[] = [];
    const linearQueue: number[] = [];
    const enqueue = (constraint: number) => {
      if (queued[constraint]) return;
      queued[constraint] = 1;
      (isLinear[constraint] ? linearQueue : queue).push(constraint);
    };
    const ready: number[] = [];
    const waiting = awaited.slice();

    function learn(wire: number, value: bigint): void {
      if (known[wire]) return;
      known[wire] = 1;
      witness[wire] = value;
      for (let at = occurrenceStarts[wire]!; at < occurrenceStarts[wire + 1]!; at++) {
        const combination = occurrences[at]!;
        unknownTerms[combination]!--;
        enqueue(Math.floor(combination / 3));
      }
      for (const index of decompositionsOf.get(wire) ?? []) if (--waiting[index]! === 0) ready.push(index);
    }

    /** The only unknown wire in these combinations: undefined for none, null for several. */
    function onlyUnknown(combinations: readonly number[]): number | undefined | null {
      let found: number | undefined;
      for (const combination of combinations) {
        if (unknownTerms[combination] === 0) continue;
        if (unknownTerms[combination]! > 1) return null;
        for (let term = starts[combination]!; term < starts[combination + 1]!; term++) {
          const wire = termWire[term]!;
          if (known[wire] || wire === found) continue;
          if (found !== undefined) return null;
          found = wire;
        }
      }
      return found;
    }
    const coefficientOf = (combination: number, wire: number): bigint => {
      for (let term = starts[combination]!; term < starts[combination + 1]!; term++) {
        if (termWire[term] === wire) return coefficients[termCoefficient[term]!]!;
      }
      return 0n;
    };

    function consider(constraint: number): void {
      const [a, b, c] = [3 * constraint, 3 * constraint + 1, 3 * constraint + 2];
      const zero = (combination: number) =>
        unknownTerms[combination] === 0 && evaluate(r1cs, combination, witness) === 0n;
      const all = unknownTerms[a]! + unknownTerms[b]! + unknownTerms[c]!;
      if (all === 0) return;
      const vanishes = unknownTerms[c]! <= 1 && (zero(a) || zero(b));
      const wire = onlyUnknown(vanishes ? [c] : [a, b, c]);
      if (wire === undefined || wire === null || untold?.has(wire)) return;
      // Unknown wires hold zero, so a combination's value is its known part.
      const [a1, b1] = vanishes ? [0n, 0n] : [coefficientOf(a, wire), coefficientOf(b, wire)];
      if (a1 !== 0n && b1 !== 0n) return;
      const a0 = vanishes ? 0n : evaluate(r1cs, a, witness);
      const b0 = vanishes ? 0n : evaluate(r1cs, b, witness);
      const slope = mod(a1 * b0 + a0 * b1 - coefficientOf(c, wire));
      if (slope === 0n) return;
      learn(wire, mod((evaluate(r1cs, c, witness) - a0 * b0) * inverse(slope, prime)));
    }

    function decompose(decomposition: Decomposition): void {
      const { combination, scale, digits } = decomposition;
      if (untold !== undefined && digits.some(([wire]) => untold?.has(wire))) {
        held.push(decomposition);
        return;
      }
      const open = digits.filter(([wire]) => !known[wire]);
      const highest = open.at(-1);
      if (highest === undefined) return;
      // Unknown digits hold zero, so this is the rest together with the digits already known.
      const value = mod(-evaluate(r1cs, combination, witness) * inverse(scale, prime));
      let placed = 0n;
      for (const [wire, shift] of open.slice(0, -1)) {
        const digit = (value >> BigInt(shift)) & 1n;
        placed += digit << BigInt(shift);
        learn(wire, digit);
      }
      learn(highest[0], mod((value - placed) * inverse(1n << BigInt(highest[1]), prime)));
    }

    learn(0, 1n);
    for (const [wire, value] of given) if (!told.has(wire)) learn(wire, mod(value));
    for (let constraint = 0; constraint < constraints; constraint++) enqueue(constraint);
    let nextHint = 0;
    let nextWire = 1;
    for (;;) {
      const constraint = linearQueue.pop() ?? queue.pop();
      if (constraint !== undefined) {
        queued[constraint] = 0;
        consider(constraint);
        continue;
      }
      const decomposition = ready.pop();
      if (decomposition !== undefined) {
        decompose(decompositions[decomposition]!);
        continue;
      }
      if (untold !== undefined) {
        untold = undefined;
        for (const [wire, value] of told) learn(wire, mod(value));
        continue;
      }
      const open = held.pop();
      if (open !== undefined) {
        decompose(open);
        continue;
      }
      while (nextHint < guesses.length && known[guesses[nextHint]!]) nextHint++;
      const hint = guesses[nextHint];
      if (hint !== undefined) {
        learn(hint, baseline[hint]!);
        continue;
      }
      while (nextWire < wires && known[nextWire]) nextWire++;
      if (nextWire === wires) return witness;
      learn(nextWire, baseline[nextWire]!);
    }
  }
  return { hints, derive };
}

/** Marks the wires that some constraint on them alone holds to 0 or 1. */
export function digitWires(r1cs: R1cs): Uint8Array {
  const isDigit = new Uint8Array(r1cs.wires);
  const witness = new Array<bigint>(r1cs.wires).fill(0n);
  witness[0] = 1n;
  for (let constraint = 0; constraint < r1cs.constraints; constraint++) {
    const [from, to] = [r1cs.starts[3 * constraint]!, r1cs.starts[3 * constraint + 3]!];
    if (to - from > 6) continue;
    const [wire, ...others] = wiresOf(r1cs, constraint);
    if (wire === undefined || others.length > 0) continue;
    const residue = (value: bigint) => {
      witness[wire] = value;
      const [a, b, c] = [0, 1, 2].map((part) => evaluate(r1cs, 3 * constraint + part, witness)) as [
        bigint,
        bigint,
        bigint,
      ];
      return (a * b - c) % r1cs.prime;
    };
    // At most quadratic: zero at 0 and 1 but not at 2, so these are its only roots.
    if (residue(0n) === 0n && residue(1n) === 0n && residue(2n) !== 0n) isDigit[wire] = 1;
    witness[wire] = 0n;
  }
  return isDigit;
}
