// SPDX-License-Identifier: GPL-3.0-or-later
/** Affine forms over a prime field, and the shapes of constraints that bound or fix them. Shared by the lab's analyses. */
import type { R1cs } from "./r1cs.ts";

/** Σ values[i] · atoms[i] + constant; atoms ascend and are not wire 0, values are in (0, prime). */
export interface Form {
  readonly atoms: readonly number[];
  readonly values: readonly bigint[];
  readonly constant: bigint;
}

/** An integer interval, both ends inclusive. Of a field value: it is congruent to one of these integers. */
export interface Interval {
  readonly low: bigint;
  readonly high: bigint;
}

export const width = ({ low, high }: Interval): bigint => high - low;
export const constantForm = (constant: bigint): Form => ({ atoms: [], values: [], constant });
export const atomForm = (atom: number): Form => ({ atoms: [atom], values: [1n], constant: 0n });

export function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a < 0n ? -a : a;
}

// biome-ignore lint/complexity/useMathMinMax: Math takes no bigint
export const least = (...values: readonly bigint[]): bigint => values.reduce((x, y) => (y < x ? y : x));
// biome-ignore lint/complexity/useMathMinMax: Math takes no bigint
export const greatest = (...values: readonly bigint[]): bigint => values.reduce((x, y) => (y > x ? y : x));

/**
 * Where a value lies that lies in both: undefined where that cannot be told. Two intervals speak of one integer only if
 * together they are narrower than the field.
 */
export function meet(one: Interval, other: Interval, prime: bigint): Interval | undefined {
  if (greatest(one.high, other.high) - least(one.low, other.low) >= prime) return undefined;
  const [low, high] = [greatest(one.low, other.low), least(one.high, other.high)];
  return low <= high ? { low, high } : undefined;
}

export const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

export interface Field {
  readonly prime: bigint;
  mod(value: bigint): bigint;
  /** The integer in (−prime/2, prime/2) that a residue stands for. */
  signed(residue: bigint): bigint;
  /** Throws on zero. */
  inverse(residue: bigint): bigint;
  /** f + scale · g. */
  add(f: Form, g: Form, scale?: bigint): Form;
  scale(f: Form, scale: bigint): Form;
  /** Replaces atoms by forms; the forms are taken as they are, not replaced again. */
  substitute(f: Form, by: ReadonlyMap<number, Form>): Form;
  /** `f` without its constant divided by its first coefficient, as text; equal for proportional forms. */
  direction(f: Form): string;
}

export function field(prime: bigint): Field {
  const mod = (value: bigint): bigint => {
    if (value >= 0n && value < prime) return value; // mostly, and cheaper than a division
    const reduced = value % prime;
    return reduced < 0n ? reduced + prime : reduced;
  };
  const half = prime >> 1n;
  const inverses = new Map<bigint, bigint>();
  const inverse = (residue: bigint): bigint => {
    if (residue === 1n) return 1n;
    const cached = inverses.get(residue);
    if (cached !== undefined) return cached;
    let [r0, r1, t0, t1] = [prime, mod(residue), 0n, 1n];
    if (r1 === 0n) throw new RangeError("zero has no inverse");
    while (r1 !== 0n) {
      const quotient = r0 / r1;
      [r0, r1] = [r1, r0 - quotient * r1];
      [t0, t1] = [t1, t0 - quotient * t1];
    }
    const result = mod(t0);
    inverses.set(residue, result);
    return result;
  };
  const scale = (f: Form, by: bigint): Form => {
    const factor = mod(by);
    if (factor === 1n) return f;
    if (factor === 0n) return constantForm(0n);
    return { atoms: f.atoms, values: f.values.map((value) => mod(value * factor)), constant: mod(f.constant * factor) };
  };
  const add = (f: Form, g: Form, by = 1n): Form => {
    const factor = mod(by);
    const atoms: number[] = [];
    const values: bigint[] = [];
    let [i, j] = [0, 0];
    while (i < f.atoms.length || j < g.atoms.length) {
      const left = f.atoms[i] ?? Number.POSITIVE_INFINITY;
      const right = g.atoms[j] ?? Number.POSITIVE_INFINITY;
      let value = 0n;
      if (left <= right) value += f.values[i++]!;
      if (right <= left) value += factor === 1n ? g.values[j++]! : factor * g.values[j++]!;
      value = mod(value);
      if (value === 0n) continue;
      atoms.push(Math.min(left, right));
      values.push(value);
    }
    return { atoms, values, constant: mod(f.constant + factor * g.constant) };
  };
  return {
    prime,
    mod,
    signed: (residue) => (residue > half ? residue - prime : residue),
    inverse,
    add,
    scale,
    substitute: (f, by) => {
      if (!f.atoms.some((atom) => by.has(atom))) return f;
      const sum = new Map<number, bigint>();
      let constant = f.constant;
      const put = (atom: number, value: bigint) => sum.set(atom, (sum.get(atom) ?? 0n) + value);
      for (const [index, atom] of f.atoms.entries()) {
        const value = f.values[index]!;
        const form = by.get(atom);
        if (form === undefined) put(atom, value);
        else {
          constant += value * form.constant;
          for (const [at, inner] of form.atoms.entries()) put(inner, value * form.values[at]!);
        }
      }
      const entries = [...sum].map(([atom, value]) => [atom, mod(value)] as const).filter(([, value]) => value !== 0n);
      entries.sort(([left], [right]) => left - right);
      return {
        atoms: entries.map(([atom]) => atom),
        values: entries.map(([, value]) => value),
        constant: mod(constant),
      };
    },
    direction: (f) => {
      if (f.atoms.length === 0) return "";
      const factor = inverse(f.values[0]!);
      return f.atoms.map((atom, index) => `${atom}:${mod(f.values[index]! * factor).toString(16)}`).join(",");
    },
  };
}

/** One linear combination of a constraint system as a form. */
export function formOf(r1cs: R1cs, combination: number): Form {
  const terms: [number, bigint][] = [];
  let constant = 0n;
  for (let term = r1cs.starts[combination]!; term < r1cs.starts[combination + 1]!; term++) {
    const value = r1cs.coefficients[r1cs.termCoefficient[term]!]!;
    if (r1cs.termWire[term] === 0) constant = value;
    else if (value !== 0n) terms.push([r1cs.termWire[term]!, value]);
  }
  terms.sort(([left], [right]) => left - right);
  return { atoms: terms.map(([wire]) => wire), values: terms.map(([, value]) => value), constant };
}

/** A · B = C. */
export interface Product {
  readonly a: Form;
  readonly b: Form;
  readonly c: Form;
}

/** `form` (without a constant, first coefficient 1) takes one of these values and no other. */
export interface Roots {
  readonly form: Form;
  readonly roots: readonly bigint[];
}

/**
 * Where a constraint is a quadratic in one form with rational roots, that form and its one or two roots. A product is
 * zero exactly where a factor is, so the roots are all the values there are.
 */
export function rootsOf({ mod, inverse, scale, direction }: Field, { a, b, c }: Product): Roots | undefined {
  const first = a.atoms[0];
  if (first === undefined || b.atoms[0] !== first || a.atoms.length !== b.atoms.length) return undefined;
  if (c.atoms.length > 0 && (c.atoms[0] !== first || c.atoms.length !== a.atoms.length)) return undefined;
  const key = direction(a);
  if (direction(b) !== key || (c.atoms.length > 0 && direction(c) !== key)) return undefined;
  const [alpha, beta, gamma] = [a.values[0]!, b.values[0]!, c.values[0] ?? 0n];
  const form = { ...scale(a, inverse(alpha)), constant: 0n };
  let roots: bigint[];
  // αβ·L² + (αb₀ + βa₀ − γ)·L + a₀b₀ − c₀ = 0
  if (gamma === 0n && c.constant === 0n) {
    roots = [mod(-a.constant * inverse(alpha)), mod(-b.constant * inverse(beta))];
  } else if (mod(a.constant * b.constant - c.constant) === 0n) {
    roots = [0n, mod((gamma - alpha * b.constant - beta * a.constant) * inverse(mod(alpha * beta)))];
  } else return undefined;
  return { form, roots: roots[0] === roots[1] ? [roots[0]!] : roots };
}

/** scale · Σ ± 2^k · digit_k, k from 0, as part of a linear row. */
export interface Chain {
  readonly scale: bigint;
  /** From the lowest; [atom, 1 or −1]. */
  readonly digits: readonly (readonly [number, bigint])[];
}

/**
 * The runs of binary digits in a row: digits whose coefficients are c, 2c, 4c … up to sign, at least two. Where two
 * digits have one coefficient the run ends before them, so that each run has one reading.
 */
export function chainsOf({ prime, mod, inverse }: Field, row: Form, isDigit: (atom: number) => boolean): Chain[] {
  const at = new Map<bigint, number[]>();
  const absolute = (value: bigint) => least(value, prime - value);
  for (const [index, atom] of row.atoms.entries()) {
    if (!isDigit(atom)) continue;
    const key = absolute(row.values[index]!);
    const list = at.get(key);
    if (list) list.push(index);
    else at.set(key, [index]);
  }
  const half = inverse(2n);
  const chains: Chain[] = [];
  for (const [start, indices] of at) {
    if (indices.length !== 1 || at.get(absolute(mod(start * half)))?.length === 1) continue;
    const scale = row.values[indices[0]!]!;
    const digits: [number, bigint][] = [];
    for (let power = scale; ; power = mod(power * 2n)) {
      const found = at.get(absolute(power));
      if (found?.length !== 1 || (digits.length > 0 && row.atoms[found[0]!] === digits[0]![0])) break;
      digits.push([row.atoms[found[0]!]!, row.values[found[0]!] === power ? 1n : -1n]);
    }
    if (digits.length >= 2) chains.push({ scale, digits });
  }
  return chains;
}

/** A homogeneous linear system in reduced row echelon form, built row by row; sparse. Constants of forms are ignored. */
export interface Echelon {
  insert(form: Form): void;
  /** Takes an atom out of the system: it is known to be zero, or to be determined. */
  drop(atom: number): void;
  /** What is left of a form after the rows are subtracted from it; empty where it is in their span. */
  reduce(form: Form): ReadonlyMap<number, bigint>;
  /** Each row by its pivot, whose entry is one; pivots stand in no other row. */
  readonly rows: ReadonlyMap<number, ReadonlyMap<number, bigint>>;
  /** Entries touched so far, a measure of the time spent. */
  steps(): number;
}

/** @param alone called for an atom that is left alone in a row; called again after others are dropped */
export function echelon({ mod, inverse }: Field, alone: (atom: number) => void): Echelon {
  const rows = new Map<number, Map<number, bigint>>();
  /** By atom, the pivots of the rows that it stands in without being their pivot. */
  const users = new Map<number, Set<number>>();
  const dropped = new Set<number>();
  let steps = 0;
  const use = (atom: number, pivot: number) => {
    const set = users.get(atom);
    if (set) set.add(pivot);
    else users.set(atom, new Set([pivot]));
  };
  function reduce(form: Form): Map<number, bigint> {
    const left = new Map<number, bigint>();
    const put = (atom: number, value: bigint) => {
      if (dropped.has(atom)) return;
      const sum = mod((left.get(atom) ?? 0n) + value);
      if (sum === 0n) left.delete(atom);
      else left.set(atom, sum);
    };
    for (const [index, atom] of form.atoms.entries()) {
      const value = form.values[index]!;
      const row = rows.get(atom);
      steps += row?.size ?? 1;
      if (row === undefined) put(atom, value);
      else for (const [column, entry] of row) if (column !== atom) put(column, -value * entry);
    }
    return left;
  }
  function insert(form: Form): void {
    const row = reduce(form);
    let pivot = -1;
    let fewest = Number.POSITIVE_INFINITY;
    for (const atom of row.keys()) {
      const count = users.get(atom)?.size ?? 0;
      if (count < fewest) [pivot, fewest] = [atom, count];
    }
    if (pivot < 0) return;
    const by = inverse(row.get(pivot)!);
    for (const [atom, value] of row) row.set(atom, mod(value * by));
    for (const user of users.get(pivot) ?? []) {
      const other = rows.get(user)!;
      const factor = other.get(pivot)!;
      steps += row.size;
      for (const [atom, value] of row) {
        const result = mod((other.get(atom) ?? 0n) - factor * value);
        if (result !== 0n) {
          other.set(atom, result);
          use(atom, user);
        } else {
          other.delete(atom);
          if (atom !== pivot) users.get(atom)?.delete(user);
        }
      }
      if (other.size === 1) alone(user);
    }
    users.delete(pivot);
    rows.set(pivot, row);
    for (const atom of row.keys()) if (atom !== pivot) use(atom, pivot);
    if (row.size === 1) alone(pivot);
  }
  function drop(atom: number): void {
    if (dropped.has(atom)) return;
    dropped.add(atom);
    for (const user of users.get(atom) ?? []) {
      const row = rows.get(user)!;
      row.delete(atom);
      if (row.size === 1) alone(user);
    }
    users.delete(atom);
    const row = rows.get(atom);
    if (row === undefined) return;
    rows.delete(atom);
    for (const column of row.keys()) users.get(column)?.delete(atom);
    row.delete(atom);
    if (row.size > 0) insert({ atoms: [...row.keys()], values: [...row.values()], constant: 0n });
  }
  return { insert, drop, reduce, rows, steps: () => steps };
}
