// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Private inputs that enter a packing or a comparison and are held to no range. Uniqueness takes inputs for given and says
 * nothing of them; but an input that may be any number carries into its neighbours, or wraps around the field.
 *
 *   packing      a linear combination in which its coefficient is another signal's times 2^k, k at least 4
 *   comparison   a sum or difference of inputs and signals in range that is held to a range
 *
 * A signal is held to a range by digits of its own, as a flag, as a product of signals that are, or as a sum of them. Public
 * inputs count as held: the verifier sees them. Whether a range is narrow enough for its packing is not asked.
 *
 * For systems whose equal signals are one wire and whose other linear constraints are there: `--O1`.
 */
import { type Form, field, formOf, magnitude } from "./forms.ts";
import type { R1cs } from "./r1cs.ts";
import { rangesOf } from "./ranges.ts";

export interface Unranged {
  readonly wire: number;
  readonly enters: "a packing" | "a comparison";
}

const LEAST_SHIFT = 4;
/** A signal follows from others as an integer where it is a sum of them with factors below this; not where it is a fraction. */
const MOST = 1n << 128n;

export function unrangedInputs(r1cs: R1cs): Unranged[] {
  const { mod, signed, inverse } = field(r1cs.prime);
  const { outputs, publicInputs, privateInputs, constraints, starts } = r1cs;
  const { checks, flags } = rangesOf(r1cs);
  const firstPrivate = 1 + outputs + publicInputs;
  const isPrivate = (wire: number) => wire >= firstPrivate && wire < firstPrivate + privateInputs;

  const digits = new Set(checks.flatMap((check) => check.digits.flatMap(({ wire }) => wire ?? [])));
  const held = new Set(digits);
  for (let wire = 1 + outputs; wire < firstPrivate; wire++) held.add(wire);
  for (const { form, roots } of flags) {
    if (form.atoms.length === 1 && roots.every((root) => root === 0n || root === 1n)) held.add(form.atoms[0]!);
  }
  const combinations = Array.from({ length: constraints }, (_, constraint) =>
    [0, 1, 2].map((part) => formOf(r1cs, 3 * constraint + part)),
  ) as [Form, Form, Form][];
  const isLinear = (constraint: number) =>
    starts[3 * constraint] === starts[3 * constraint + 1] || starts[3 * constraint + 1] === starts[3 * constraint + 2];
  /** Linear combinations that are held to a range or equal a constant. */
  const lines = [
    ...checks.map(({ form }) => form),
    ...combinations.filter((_, at) => isLinear(at)).map(([, , c]) => c),
  ];
  const products = combinations.filter((_, at) => !isLinear(at));
  // What is held because everything around it is, until nothing follows any more.
  for (let before = -1; before < held.size; ) {
    before = held.size;
    for (const { atoms, values } of lines) {
      const open = [...atoms.keys()].filter((at) => !held.has(atoms[at]!));
      if (open.length !== 1) continue;
      const unit = inverse(values[open[0]!]!);
      if (values.every((value) => magnitude(signed(mod(value * unit))) < MOST)) held.add(atoms[open[0]!]!);
    }
    for (const [a, b, c] of products) {
      if (c.atoms.length === 1 && [...a.atoms, ...b.atoms].every((atom) => held.has(atom))) held.add(c.atoms[0]!);
    }
  }

  const shifts = new Set<bigint>();
  for (let shift = LEAST_SHIFT; 1n << BigInt(shift) < r1cs.prime; shift++) {
    shifts.add(1n << BigInt(shift)).add(r1cs.prime - (1n << BigInt(shift)));
  }
  const found = new Map<number, Unranged>();
  const report = (wire: number, enters: Unranged["enters"]) => {
    if (!found.has(wire)) found.set(wire, { wire, enters });
  };
  const openInputs = ({ atoms }: Form) =>
    [...atoms.keys()].filter((at) => isPrivate(atoms[at]!) && !held.has(atoms[at]!));
  for (const form of combinations.flat()) {
    if (form.atoms.length < 2) continue;
    for (const at of openInputs(form)) {
      const unit = inverse(form.values[at]!);
      const packed = form.values.some((value, other) => {
        if (digits.has(form.atoms[other]!)) return false;
        const ratio = mod(value * unit);
        return shifts.has(ratio) || shifts.has(inverse(ratio));
      });
      if (packed) report(form.atoms[at]!, "a packing");
    }
  }
  const checked = new Set(checks.flatMap(({ form }) => (form.atoms.length === 1 ? form.atoms : [])));
  const compared = lines.filter((form, at) => at < checks.length || form.atoms.some((atom) => checked.has(atom)));
  for (const form of compared) {
    const open = openInputs(form);
    if (form.atoms.filter((atom) => !held.has(atom)).length > open.length) continue;
    for (const at of open) report(form.atoms[at]!, "a comparison");
  }
  return [...found.values()].sort((one, other) => one.wire - other.wire);
}
