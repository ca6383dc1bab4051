// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Which values a constraint system holds to a range, read from the constraints alone: binary digits, each held to 0 or 1
 * by a constraint of its own, and the row that makes them the digits of a value. A digit that is missing, or that nothing
 * holds to 0 or 1, leaves no range check to be found; a name in a symbol file proves nothing.
 *
 * Simplification solves the row for one digit, mostly the highest, whose constraint then holds a form of all the others.
 */
import { atomForm, chainsOf, type Form, field, formOf, type Interval, rootsOf } from "./forms.ts";
import type { R1cs } from "./r1cs.ts";

/** Low ≤ form ≤ high, as integers modulo the prime; the form has no constant and a positive first coefficient. */
export interface RangeCheck extends Interval {
  readonly form: Form;
  /** From the lowest, of the form less `low`; `wire` is undefined where the row was solved for this digit. */
  readonly digits: readonly {
    readonly wire: number | undefined;
    /** Whether the wire is one less the digit. */
    readonly complement: boolean;
    /** The constraint that holds it to 0 or 1. */
    readonly constraint: number;
  }[];
}

/** A form (or wire) that is held to one of two values and is no digit of a range check. Its first coefficient is 1. */
export interface Flag {
  readonly form: Form;
  readonly roots: readonly bigint[];
  readonly constraint: number;
}

export interface Ranges {
  readonly checks: readonly RangeCheck[];
  readonly flags: readonly Flag[];
}

/** Every range check and every flag of a system, simplified or not. */
export function rangesOf(r1cs: R1cs): Ranges {
  const F = field(r1cs.prime);
  const { mod, signed, inverse, add, scale } = F;
  /** Constraint that holds a wire to 0 or 1. */
  const booleans = new Map<number, number>();
  const flags: Flag[] = [];
  /** Rows Σ = 0, with a stand-in for the digit that the row was solved for, and that digit's constraint. */
  const rows: { row: Form; constraint: number }[] = [];
  const standIn = r1cs.wires;
  const { starts } = r1cs;
  for (let constraint = 0; constraint < r1cs.constraints; constraint++) {
    const [a, b, c, end] = [0, 1, 2, 3].map((part) => starts[3 * constraint + part]!) as [
      number,
      number,
      number,
      number,
    ];
    if (a === b || b === c) {
      rows.push({ row: formOf(r1cs, 3 * constraint + 2), constraint: -1 });
      continue;
    }
    // A quadratic in one form has the same wires in A and B, and in C if in any.
    if (Math.abs(c - b - (b - a)) > 1 || (end - c > 1 && end - c < b - a - 1)) continue;
    const [formA, formB, formC] = [0, 1, 2].map((part) => formOf(r1cs, 3 * constraint + part)) as [Form, Form, Form];
    const found = rootsOf(F, { a: formA, b: formB, c: formC });
    if (found === undefined || found.roots.length !== 2) continue;
    const { form, roots } = found;
    const [zero, one] = [...roots].sort((x, y) => (x < y ? -1 : 1)) as [bigint, bigint];
    if (form.atoms.length === 1) {
      if (zero === 0n && one === 1n) booleans.set(form.atoms[0]!, constraint);
      else flags.push({ form, roots: [zero, one], constraint });
    } else {
      const row = add({ ...form, constant: mod(-zero) }, atomForm(standIn), zero - one);
      rows.push({ row, constraint });
    }
  }

  const checks: RangeCheck[] = [];
  const digits = new Set<number>();
  for (const { row, constraint } of rows) {
    const isDigit = (atom: number) => atom === standIn || booleans.has(atom);
    const chain = chainsOf(F, row, isDigit).find(
      ({ digits }) => constraint < 0 || digits.some(([atom]) => atom === standIn),
    );
    if (chain === undefined) {
      if (constraint < 0) continue;
      const at = row.atoms.indexOf(standIn);
      const step = mod(-row.values[at]!);
      const form = { atoms: row.atoms.toSpliced(at, 1), values: row.values.toSpliced(at, 1), constant: 0n };
      const low = mod(-row.constant);
      flags.push({ form, roots: [low, mod(low + step)], constraint });
      continue;
    }
    let value = scale(row, -inverse(chain.scale));
    let [low, high] = [0n, 0n];
    for (const [place, [atom, sign]] of chain.digits.entries()) {
      const power = sign << BigInt(place);
      value = add(value, atomForm(atom), power);
      if (sign > 0n) high += power;
      else low += power;
    }
    // As many digits as the field has, or more, are those of every number.
    if (high - low >= r1cs.prime) continue;
    for (const [atom] of chain.digits) digits.add(atom);
    const constant = signed(value.constant);
    [low, high] = [low - constant, high - constant];
    let form: Form = { ...value, constant: 0n };
    const turned = form.atoms.length > 0 && signed(form.values[0]!) < 0n;
    if (turned) {
      form = scale(form, -1n);
      [low, high] = [-high, -low];
    }
    const places = chain.digits.map(([atom, sign]) => ({
      wire: atom === standIn ? undefined : atom,
      complement: sign > 0n === turned,
      constraint: atom === standIn ? constraint : booleans.get(atom)!,
    }));
    checks.push({ form, low, high, digits: places });
  }
  for (const [wire, constraint] of booleans) {
    if (!digits.has(wire)) flags.push({ form: atomForm(wire), roots: [0n, 1n], constraint });
  }
  return { checks, flags };
}
