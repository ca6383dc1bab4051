// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What follows from a lie told in a witness: sets some wires to other values and carries the change forward through
 * the constraints, touching only what it reaches. Thousands of lies in the time that one whole derivation takes.
 *
 * Works on a system compiled with `--O0` and a witness that satisfies it. Which constraint defines which wire is found
 * once, from the inputs on, then from the hints; see `solve.ts`, which derives whole witnesses by the same rules. Firm
 * wires do not follow a change, unless `repair` finds one that a violated linear constraint wants changed.
 */
import { type R1cs, type Witness, wiresOf } from "./r1cs.ts";
import { digitWires } from "./solve.ts";

export interface Outcome {
  /** The lies told, those that `repair` added among them. */
  readonly told: ReadonlyMap<number, bigint>;
  /** Wires whose value is not the base's. */
  readonly changed: ReadonlyMap<number, bigint>;
  /** Constraints violated, ascending. */
  readonly violated: readonly number[];
}

export interface Ripple {
  readonly base: Witness;
  /** Digits of a wire's decomposition, lowest first, by each of its digits; none for other wires. */
  digitsWith(wire: number): readonly number[];
  /** The constraint that defines this wire from others; undefined for firm wires. */
  definerOf(wire: number): number | undefined;
  /** Wires, neither inputs nor soft, that no constraint was found to define: what a prover may be free to choose. */
  readonly undetermined: readonly number[];
  tell(lies: ReadonlyMap<number, bigint>): Outcome;
  /** As `tell`; then changes soft wires (hints) that violated linear constraints other than `spare` ask for. */
  repair(lies: ReadonlyMap<number, bigint>, spare?: number): Outcome;
  /** Whether any constraint of another system over the same wires is violated, of those that hold a changed wire. */
  violationsIn(system: Incidence, changed: ReadonlyMap<number, bigint>, wireOf?: Uint32Array): number[];
}

/** Constraints by the wires in them. */
export interface Incidence {
  readonly r1cs: R1cs;
  constraintsOf(wire: number): Uint32Array;
}

export function incidence(r1cs: R1cs): Incidence {
  const { constraints, wires } = r1cs;
  const starts = new Uint32Array(wires + 1);
  const lists = Array.from({ length: constraints }, (_, constraint) => wiresOf(r1cs, constraint));
  for (const list of lists) for (const wire of list) starts[wire + 1]!++;
  for (let wire = 0; wire < wires; wire++) starts[wire + 1]! += starts[wire]!;
  const cursor = starts.slice(0, wires);
  const flat = new Uint32Array(starts[wires]!);
  for (const [constraint, list] of lists.entries()) for (const wire of list) flat[cursor[wire]!++] = constraint;
  return { r1cs, constraintsOf: (wire) => flat.subarray(starts[wire], starts[wire + 1]) };
}

const MOST_INVERSES = 4096;

/** Inverse in the field. Zero has none: zero. */
export function inverse(value: bigint, prime: bigint): bigint {
  let [r0, r1, t0, t1] = [prime, ((value % prime) + prime) % prime, 0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  return t0 < 0n ? t0 + prime : t0;
}

/**
 * @param firm  wires known from the start: inputs that a lie leaves alone
 * @param soft  hints, those of one name together: firm once nothing more follows from inputs and the groups before, but
 *              `repair` may change them
 */
export function ripple(
  system: Incidence,
  base: Witness,
  firm: Iterable<number>,
  soft: readonly (readonly number[])[],
): Ripple {
  const { r1cs, constraintsOf } = system;
  const { prime, wires, constraints, starts, termWire, termCoefficient, coefficients } = r1cs;
  const mod = (value: bigint) => {
    if (value >= 0n && value < prime) return value; // mostly, and cheaper than a division
    const reduced = value % prime;
    return reduced < 0n ? reduced + prime : reduced;
  };
  const isLinear = (constraint: number) =>
    starts[3 * constraint + 1] === starts[3 * constraint] || starts[3 * constraint + 2] === starts[3 * constraint + 1];
  const coefficientOf = (combination: number, wire: number): bigint => {
    for (let term = starts[combination]!; term < starts[combination + 1]!; term++) {
      if (termWire[term] === wire) return coefficients[termCoefficient[term]!]!;
    }
    return 0n;
  };
  type Values = (wire: number) => bigint;
  const evaluate = ({ starts, termWire, termCoefficient, signed }: R1cs, combination: number, value: Values) => {
    let sum = 0n;
    for (let term = starts[combination]!; term < starts[combination + 1]!; term++) {
      const factor = value(termWire[term]!);
      if (factor !== 0n) sum += signed[termCoefficient[term]!]! * factor;
    }
    return sum % prime;
  };
  const residueOf = (of: R1cs, constraint: number, value: Values) => {
    const a = evaluate(of, 3 * constraint, value);
    const b = a === 0n ? 0n : evaluate(of, 3 * constraint + 1, value);
    return mod(a * b - evaluate(of, 3 * constraint + 2, value));
  };
  /** By how much one more of `wire` moves A · B − C; zero also where it enters squared. */
  const slopeOf = (constraint: number, wire: number, others: Values): bigint => {
    const [a, b, c] = [3 * constraint, 3 * constraint + 1, 3 * constraint + 2];
    const [a1, b1] = [coefficientOf(a, wire), coefficientOf(b, wire)];
    if (a1 !== 0n && b1 !== 0n) return 0n;
    const a1b0 = a1 === 0n ? 0n : a1 * evaluate(r1cs, b, others);
    const a0b1 = b1 === 0n ? 0n : b1 * evaluate(r1cs, a, others);
    return mod(a1b0 + a0b1 - coefficientOf(c, wire));
  };
  const without =
    (wire: number, value: Values): Values =>
    (at) =>
      at === wire ? 0n : value(at);
  /** Slopes are mostly the system's own coefficients: their inverses are remembered. */
  const inverses = new Map<bigint, bigint>();
  const inverseOf = (slope: bigint): bigint => {
    let result = inverses.get(slope);
    if (result === undefined) {
      result = inverse(slope, prime);
      if (inverses.size < MOST_INVERSES) inverses.set(slope, result);
    }
    return result;
  };
  /** The value of `wire` that makes the constraint hold; undefined where none or any does, or it enters squared. */
  const solveFor = (constraint: number, wire: number, value: Values): bigint | undefined => {
    const others = without(wire, value);
    const slope = slopeOf(constraint, wire, others);
    if (slope === 0n) return undefined;
    const [a0, b0, c0] = [0, 1, 2].map((part) => evaluate(r1cs, 3 * constraint + part, others)) as [
      bigint,
      bigint,
      bigint,
    ];
    return mod((c0 - a0 * b0) * inverseOf(slope));
  };

  // ---- Who defines whom ----
  const isDigit = digitWires(r1cs);
  const known = new Uint8Array(wires);
  const order = new Uint32Array(wires);
  const definer = new Int32Array(wires).fill(-1);
  const definedBy: number[][] = Array.from({ length: constraints }, () => []);
  const unknownCount = new Uint32Array(constraints);
  for (let wire = 1; wire < wires; wire++) for (const constraint of constraintsOf(wire)) unknownCount[constraint]!++;
  const shifts = new Map<bigint, number>();
  for (let shift = 0; 1n << BigInt(shift) < prime; shift++) shifts.set(1n << BigInt(shift), shift);
  interface Digits {
    readonly scale: bigint;
    readonly places: readonly (readonly [number, number])[];
  }
  const decompositions = new Map<number, Digits>();
  const digitsOf = new Map<number, readonly number[]>();
  const ofBase: Values = (wire) => base[wire]!;
  const queue: number[] = [];
  const undetermined: number[] = [];
  let clock = 0;
  const learn = (wire: number, constraint: number) => {
    if (known[wire]) return;
    known[wire] = 1;
    order[wire] = ++clock;
    definer[wire] = constraint;
    if (constraint >= 0) definedBy[constraint]!.push(wire);
    for (const user of constraintsOf(wire)) {
      unknownCount[user]!--;
      queue.push(user);
    }
  };
  known[0] = 1;
  const isSoft = new Set(soft.flat());
  for (const wire of firm) if (!isSoft.has(wire)) learn(wire, -1);
  for (let constraint = 0; constraint < constraints; constraint++) queue.push(constraint);
  for (let at = 0; at < queue.length || stuck(); ) if (at < queue.length) consider(queue[at++]!);

  function consider(constraint: number): void {
    if (unknownCount[constraint] === 0) return;
    const unknown = wiresOf(r1cs, constraint).filter((wire) => !known[wire]);
    if (unknown.length === 1) {
      // A product that is zero is a rule about a wire, and no definition.
      if (!isLinear(constraint) && starts[3 * constraint + 2] === starts[3 * constraint + 3]) return;
      // A digit's own rule has two solutions; it does not define it.
      if (slopeOf(constraint, unknown[0]!, without(unknown[0]!, ofBase)) !== 0n) learn(unknown[0]!, constraint);
    } else if (isLinear(constraint) && unknown.every((wire) => isDigit[wire])) {
      const combination = 3 * constraint + 2;
      for (const candidate of unknown) {
        const scale = coefficientOf(combination, candidate);
        const unscale = inverseOf(scale);
        const places = unknown.map(
          (wire) => [wire, shifts.get(mod(coefficientOf(combination, wire) * unscale)) ?? -1] as const,
        );
        if (places.some(([, shift]) => shift < 0) || new Set(places.map(([, shift]) => shift)).size < places.length)
          continue;
        places.sort((one, other) => one[1] - other[1]);
        decompositions.set(constraint, { scale, places });
        const list = places.map(([wire]) => wire);
        for (const wire of list) {
          digitsOf.set(wire, list);
          learn(wire, constraint);
        }
        return;
      }
    }
  }
  /** Nothing follows any more: the next group of hints becomes firm, all of it at once; then the lowest unknown wire. */
  function stuck(): boolean {
    for (const group of soft) {
      const hints = group.filter((wire) => !known[wire]);
      for (const wire of hints) learn(wire, -1);
      if (hints.length > 0) return true;
    }
    for (let wire = 1; wire < wires; wire++) {
      if (known[wire]) continue;
      undetermined.push(wire);
      learn(wire, -1);
      return true;
    }
    return false;
  }

  // ---- Lies ----
  function tell(lies: ReadonlyMap<number, bigint>): Outcome {
    const changed = new Map<number, bigint>();
    const value: Values = (wire) => changed.get(wire) ?? base[wire]!;
    const heap: number[] = [];
    const waiting = new Set<number>();
    /** Constraints are taken in the order of the first wire that they define. */
    const rank = (constraint: number) => order[definedBy[constraint]![0]!]!;
    const push = (constraint: number) => {
      if (definedBy[constraint]!.length === 0 || waiting.has(constraint)) return;
      waiting.add(constraint);
      let at = heap.push(constraint) - 1;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (rank(heap[parent]!) <= rank(heap[at]!)) break;
        [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
        at = parent;
      }
    };
    const pop = (): number => {
      const top = heap[0]!;
      const last = heap.pop()!;
      if (heap.length > 0) {
        heap[0] = last;
        for (let at = 0; ; ) {
          let least = at;
          for (const child of [2 * at + 1, 2 * at + 2]) {
            if (child < heap.length && rank(heap[child]!) < rank(heap[least]!)) least = child;
          }
          if (least === at) break;
          [heap[least], heap[at]] = [heap[at]!, heap[least]!];
          at = least;
        }
      }
      waiting.delete(top);
      return top;
    };
    const set = (wire: number, to: bigint) => {
      if (value(wire) === to) return;
      if (to === base[wire]) changed.delete(wire);
      else changed.set(wire, to);
      for (const user of constraintsOf(wire)) {
        // A wire does not follow from one that follows from it.
        const defined = definedBy[user]![0];
        if (defined !== undefined && (order[defined]! > order[wire]! || lies.has(wire))) push(user);
      }
    };
    for (const [wire, to] of lies) set(wire, mod(to));
    while (heap.length > 0) {
      const constraint = pop();
      const decomposition = decompositions.get(constraint);
      if (decomposition !== undefined) {
        const { scale, places } = decomposition;
        const free = places.filter(([wire]) => !lies.has(wire));
        const freeWires = new Set(free.map(([wire]) => wire));
        const rest = evaluate(r1cs, 3 * constraint + 2, (wire) => (freeWires.has(wire) ? 0n : value(wire)));
        const total = mod(-rest * inverseOf(scale));
        for (const [wire, shift] of free) set(wire, (total >> BigInt(shift)) & 1n);
        continue;
      }
      const wire = definedBy[constraint]![0]!;
      if (lies.has(wire)) continue;
      const to = solveFor(constraint, wire, value);
      if (to !== undefined) set(wire, to);
    }
    return { told: lies, changed, violated: violationsIn(system, changed) };
  }

  function violationsIn(of: Incidence, changed: ReadonlyMap<number, bigint>, wireOf?: Uint32Array): number[] {
    const touched = new Set<number>();
    const value: Values = wireOf
      ? (wire) => changed.get(wireOf[wire]!) ?? base[wireOf[wire]!]!
      : (wire) => changed.get(wire) ?? base[wire]!;
    if (wireOf) {
      for (let wire = 1; wire < wireOf.length; wire++) {
        if (changed.has(wireOf[wire]!)) for (const user of of.constraintsOf(wire)) touched.add(user);
      }
    } else {
      for (const wire of changed.keys()) for (const user of of.constraintsOf(wire)) touched.add(user);
    }
    return [...touched].filter((constraint) => residueOf(of.r1cs, constraint, value) !== 0n).sort((a, b) => a - b);
  }

  const MOST_REPAIRS = 24;
  function repair(lies: ReadonlyMap<number, bigint>, spare = -1): Outcome {
    const told = new Map(lies);
    for (let round = 0; ; round++) {
      const outcome = tell(told);
      if (round === MOST_REPAIRS) return outcome;
      const value: Values = (wire) => outcome.changed.get(wire) ?? base[wire]!;
      const size = (wire: number, to: bigint) => {
        const difference = mod(to - base[wire]!);
        return difference > prime / 2n ? prime - difference : difference;
      };
      const found = outcome.violated
        .filter((constraint) => constraint !== spare && isLinear(constraint))
        .flatMap((constraint) => wiresOf(r1cs, constraint).map((wire) => [constraint, wire] as const))
        .filter(([, wire]) => isSoft.has(wire) && !told.has(wire))
        .map(([constraint, wire]) => ({ wire, to: solveFor(constraint, wire, value) }))
        .filter((one): one is { wire: number; to: bigint } => one.to !== undefined)
        // The smallest change is the likeliest to pass a range check.
        .sort((one, other) => (size(one.wire, one.to) < size(other.wire, other.to) ? -1 : 1))[0];
      if (found === undefined) return outcome;
      told.set(found.wire, found.to);
    }
  }

  return {
    base,
    digitsWith: (wire) => digitsOf.get(wire) ?? [],
    undetermined,
    definerOf: (wire) => (definer[wire]! >= 0 ? definer[wire] : undefined),
    tell,
    repair,
    violationsIn,
  };
}
