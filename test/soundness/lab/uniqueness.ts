// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Which signals the inputs determine: `uniqueness <file.r1cs> <file.sym> [--facts facts.json] [--allow list.json]
 * [--json report.json] [--all]`. Exit code 1 where a signal outside the allow-list is not shown to be determined.
 *
 * A signal is *determined* if any two witnesses with the same inputs (public and private) agree on it. Everything below
 * only ever derives such facts, from rules that hold for every witness; what no rule reaches is unknown, which does
 * not say that it is free. Works on any .r1cs, simplified or not: forms of several signals that the compiler
 * substituted for one are recovered from the constraints that bound them.
 *
 * Rules. Atoms are wires and forms that were given a name; u ranges over what is not determined yet.
 *   linear       A row Σ c·u + known = 0 with one u (c a non-zero constant) determines it.
 *   product      A · B = C with A, B determined determines C, which then is a row.
 *   quotient     A · B = C with A, C determined and A shown non-zero determines B. Never where a signal could make A zero.
 *   digits       In a row whose u have ranges, two witnesses differ by d with Σ c·d ≡ 0, |d| ≤ width. If Σ |c|·width < r
 *                (coefficients scaled at will) the sum is zero over the integers, and d is zero
 *                  from the top:    where the coefficient exceeds what all smaller ones can add up to;
 *                  from the bottom: where it must be divisible by more than its width.
 *                Binary decompositions, packings and mixed radix are all of this kind. u of one coefficient count as one.
 *   maximum      Π f_j = 0 where the f_j differ by determined amounts and all have ranges in [0, H], 2H < r. Going from
 *                one witness to another all f_j change by one δ; some f_j was 0, so δ ≡ a ∈ [0, H]; some f_i becomes 0, so
 *                −δ ≡ b ∈ [0, H]; a + b ≡ 0 and below r, so both are zero.
 *   one-hot      Of booleans that sum to one, exactly one is 1. Take each to be the one: the constraints then bound
 *                determined forms. Where the bounds of any two cases contradict each other (with the facts given), the case
 *                is the same in every witness.
 *   division     f · g = t with g determined, f and g ranged, |g| ≥ 1. Rows hold t + K₁ ≤ h and t + K₂ ≥ l, K₁ and K₂ determined,
 *                so over the integers t moves by at most M = K₂ − K₁ + h − l between witnesses. Where M < |g|, a quotient that
 *                moves by one would move t by g: f is the same in every witness.
 *   zero test    Determined forms that differ by constants: at most one is zero, the same in every witness. What is
 *                determined in each case is determined. Where one is zero a product with it is, and what that makes a number.
 *   elimination  Gauss-Jordan over the rows: a row that is left with one u determines it.
 *
 * Ranges come from booleans (a constraint quadratic in one form, with two roots), sums and products of ranges, and facts.
 * A range [low, high] says that the value is congruent to one of these integers; ranges are kept narrower than r.
 *
 * Facts are assumptions on *public* inputs, those that the verifier checks before it verifies a proof. A fact on any
 * other signal is refused: the prover chooses it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import {
  atomForm,
  chainsOf,
  constantForm,
  echelon,
  type Form,
  field,
  formOf,
  gcd,
  greatest,
  type Interval,
  least,
  magnitude,
  meet,
  type Product,
  rootsOf,
  width,
} from "./forms.ts";
import { type R1cs, readR1cs, readSymbols, type Symbols } from "./r1cs.ts";

export const RULES = [
  "input",
  "linear",
  "product",
  "quotient",
  "digits",
  "maximum",
  "one-hot",
  "division",
  "zero test",
  "elimination",
] as const;
export type Rule = (typeof RULES)[number];

/** What the verifier makes sure of before it verifies: signals that ascend (weakly), each within [low, high]. */
export interface Fact {
  /** In words. */
  readonly says: string;
  /** Who checks it. */
  readonly source: string;
  /** Ranges of index variables, inclusive; `{a}` in a name stands for the variable's value. */
  readonly each?: Readonly<Record<string, readonly [number, number]>>;
  readonly low: string;
  readonly high: string;
  readonly ascending?: readonly string[];
  readonly signals?: readonly string[];
}

export interface Uniqueness {
  /** By wire: how it is shown to be determined, or undefined. Wire 0 is an input. */
  readonly rules: readonly (Rule | undefined)[];
  /** Facts that a conclusion rests on. */
  readonly used: readonly Fact[];
  /**
   * By wire, its place in the order in which wires were determined; 0 for inputs. Where none of those left can be, one of
   * them is taken for given: first those with a range (hints that are checked), digits last.
   */
  readonly order: Uint32Array;
}

interface Resolved {
  readonly fact: Fact;
  readonly wires: readonly number[];
  readonly low: bigint;
  readonly high: bigint;
}

const MAX_RELAXED = 200;
const MAX_ELIMINATION_STEPS = 50_000_000;

/** Names of a fact with their variables filled in, one list for each assignment. */
function* expand(names: readonly string[], each: Fact["each"]): Generator<string[]> {
  const [first, ...others] = Object.entries(each ?? {});
  if (first === undefined) {
    yield [...names];
    return;
  }
  const [variable, [from, to]] = first;
  for (let value = from; value <= to; value++) {
    const filled = names.map((name) => name.replaceAll(`{${variable}}`, String(value)));
    yield* expand(filled, Object.fromEntries(others));
  }
}

function resolve(facts: readonly Fact[], { outputs, publicInputs }: R1cs, symbols: Symbols): Resolved[] {
  const list: Resolved[] = [];
  for (const fact of facts) {
    for (const names of expand(fact.ascending ?? fact.signals ?? [], fact.each)) {
      const wires = names.map((name) => {
        const wire = symbols.wireOf(name);
        if (wire === undefined) throw new Error(`a fact names ${name}, which the circuit does not have`);
        if (wire <= outputs || wire > outputs + publicInputs) {
          throw new Error(`a fact names ${name}, which is not a public input: only those can be checked by a verifier`);
        }
        return wire;
      });
      list.push({ fact, wires, low: BigInt(fact.low), high: BigInt(fact.high) });
    }
  }
  return list;
}

/** Analyses a system. Public and private inputs of main count as given. */
export function uniqueness(r1cs: R1cs, symbols: Symbols, facts: readonly Fact[] = []): Uniqueness {
  const F = field(r1cs.prime);
  const { prime, mod, signed, inverse, add, scale, substitute, direction } = F;
  const firstInput = 1 + r1cs.outputs;
  const endInput = firstInput + r1cs.publicInputs + r1cs.privateInputs;
  const isInput = (wire: number) => wire >= firstInput && wire < endInput;

  // ---- The system: rows (linear), products; equal wires merged, constants put in.
  const parent = Uint32Array.from({ length: r1cs.wires }, (_, wire) => wire);
  const constants = new Map<number, bigint>();
  const find = (wire: number): number => {
    let root = wire;
    while (parent[root] !== root) root = parent[root]!;
    while (parent[wire] !== root) [wire, parent[wire]] = [parent[wire]!, root];
    return root;
  };
  const rows: Form[] = [];
  let products: Product[] = [];
  for (let constraint = 0; constraint < r1cs.constraints; constraint++) {
    const [a, b, c] = [0, 1, 2].map((part) => formOf(r1cs, 3 * constraint + part)) as [Form, Form, Form];
    products.push({ a, b, c });
  }
  for (let merged = true; merged; ) {
    merged = false;
    const replacement = new Map<number, Form>();
    for (let wire = 1; wire < r1cs.wires; wire++) {
      const root = find(wire);
      const constant = constants.get(root);
      if (constant !== undefined) replacement.set(wire, constantForm(constant));
      else if (root !== wire) replacement.set(wire, atomForm(root));
    }
    const left: Product[] = [];
    for (const product of products) {
      const a = substitute(product.a, replacement);
      const b = substitute(product.b, replacement);
      const c = substitute(product.c, replacement);
      if (a.atoms.length === 0) rows.push(add(scale(b, a.constant), c, -1n));
      else if (b.atoms.length === 0) rows.push(add(scale(a, b.constant), c, -1n));
      else left.push({ a, b, c });
    }
    products = left;
    for (const [index, old] of rows.entries()) {
      const row = substitute(old, replacement);
      rows[index] = row;
      const [x, y, z] = row.atoms;
      if (x === undefined || z !== undefined) continue;
      if (y === undefined) {
        const root = find(x);
        if (constants.has(root)) continue;
        constants.set(root, mod(-row.constant * inverse(row.values[0]!)));
        merged = true;
      } else if (row.constant === 0n && mod(row.values[0]! + row.values[1]!) === 0n) {
        const [left, right] = [find(x), find(y)];
        if (left === right || constants.has(left) || constants.has(right)) continue;
        const [kept, gone] = isInput(left) || (!isInput(right) && left < right) ? [left, right] : [right, left];
        // An input must stay, or its partner would not be known to be determined.
        parent[gone] = kept;
        merged = true;
      }
    }
  }

  // ---- What is known of atoms: wires first, named forms after them.
  const known: (Rule | undefined)[] = new Array(r1cs.wires).fill(undefined);
  const ranges: (Interval | undefined)[] = new Array(r1cs.wires).fill(undefined);
  const rowsOf: number[][] = Array.from({ length: r1cs.wires }, () => []);
  const productsOf: number[][] = Array.from({ length: r1cs.wires }, () => []);
  const digit = new Set<number>();
  const nameForm = (): number => {
    known.push(undefined);
    ranges.push(undefined);
    rowsOf.push([]);
    return productsOf.push([]) - 1;
  };
  const rowQueue: number[] = [];
  const productQueue: number[] = [];
  const rowQueued: boolean[] = [];
  const productQueued: boolean[] = [];
  const queueRow = (row: number) => {
    if (!rowQueued[row]) rowQueue.push(row);
    rowQueued[row] = true;
  };
  const queueProduct = (product: number) => {
    if (!productQueued[product]) productQueue.push(product);
    productQueued[product] = true;
  };
  const wake = (atom: number) => {
    rowsOf[atom]!.forEach(queueRow);
    productsOf[atom]!.forEach(queueProduct);
  };
  const proved: number[] = [];
  let progress = 0;
  function prove(atom: number, rule: Rule): void {
    if (known[atom] !== undefined) return;
    known[atom] = rule;
    proved.push(atom);
    progress++;
    wake(atom);
  }
  function setRange(atom: number, range: Interval): void {
    if (width(range) >= prime) return;
    const old = ranges[atom];
    if (old !== undefined) {
      const both = meet(old, range, prime);
      // Halving at least: else two rows could narrow each other a little for ever.
      if (both === undefined || width(both) * 2n > width(old)) return;
      range = both;
    }
    ranges[atom] = range;
    progress++;
    wake(atom);
  }
  const seenRows = new Set<string>();
  function addRow(row: Form): void {
    if (row.atoms.length === 0) return;
    const key = `${direction(row)}=${mod(row.constant * inverse(row.values[0]!))}`;
    if (seenRows.has(key)) return;
    seenRows.add(key);
    const index = rows.push(row) - 1;
    for (const atom of row.atoms) rowsOf[atom]!.push(index);
    queueRow(index);
    progress++;
  }
  /** Names the value of a form that is shown to be determined, so that the form becomes a row. */
  const determined = new Set<string>();
  function proveForm(form: Form, rule: Rule): void {
    const unknown = form.atoms.filter((atom) => known[atom] === undefined);
    if (unknown.length === 0) return;
    if (unknown.length === 1) {
      prove(unknown[0]!, rule);
      return;
    }
    const open = { ...form, constant: 0n };
    const key = direction(open);
    if (determined.has(key)) return;
    determined.add(key);
    const name = nameForm();
    known[name] = rule;
    addRow(add(open, atomForm(name), -1n));
  }

  const initial = rows.splice(0);
  const rest = products.splice(0);
  for (const product of rest) {
    const index = products.push(product) - 1;
    for (const atom of new Set([...product.a.atoms, ...product.b.atoms, ...product.c.atoms])) {
      productsOf[atom]!.push(index);
    }
    queueProduct(index);
  }
  for (const row of initial) addRow(row);
  for (let wire = firstInput; wire < endInput; wire++) known[find(wire)] = "input";

  // ---- Facts.
  const resolved = resolve(facts, r1cs, symbols);
  const used = new Set<Fact>();
  const factOf = new Map<number, Fact>();
  /** `x<y` where a fact says that x is at most y. */
  const ascends = new Map<string, Resolved>();
  for (const entry of resolved) {
    for (const [index, wire] of entry.wires.entries()) {
      const atom = find(wire);
      ranges[atom] = { low: entry.low, high: entry.high };
      factOf.set(atom, entry.fact);
      if (entry.fact.ascending === undefined) continue;
      for (const lower of entry.wires.slice(0, index)) ascends.set(`${find(lower)}<${atom}`, entry);
    }
  }

  // ---- Booleans: constraints that are quadratic in one form, and runs of binary digits.
  const seenRoots = new Set<string>();
  const quadratic = new Set<Product>();
  /** Wires with two values other than 0 and 1, in terms of the boolean that chooses. */
  const binary = new Map<number, Form>();
  for (const product of products) {
    const found = rootsOf(F, product);
    if (found === undefined) continue;
    const { form, roots } = found;
    quadratic.add(product);
    const [first, second] = roots as [bigint, bigint?];
    if (second === undefined) {
      addRow({ ...form, constant: mod(-first) });
    } else if (form.atoms.length === 1 && [...roots].sort().join() === "0,1") {
      digit.add(form.atoms[0]!);
      setRange(form.atoms[0]!, { low: 0n, high: 1n });
    } else {
      const key = `${direction(form)}=${[...roots].sort().join()}`;
      if (seenRoots.has(key)) continue;
      seenRoots.add(key);
      const name = nameForm();
      digit.add(name);
      ranges[name] = { low: 0n, high: 1n };
      addRow(add({ ...form, constant: mod(-first) }, atomForm(name), first - second));
      if (form.atoms.length > 1) continue;
      binary.set(form.atoms[0]!, add(constantForm(first), atomForm(name), second - first));
    }
  }
  for (const row of [...rows]) if (row.atoms.some((atom) => binary.has(atom))) addRow(substitute(row, binary));
  for (const row of [...rows]) {
    const chains = chainsOf(F, row, (atom) => digit.has(atom));
    let replaced = row;
    for (const { scale: unit, digits } of chains) {
      let sum = constantForm(0n);
      let [low, high] = [0n, 0n];
      for (const [position, [atom, sign]] of digits.entries()) {
        const power = sign << BigInt(position);
        sum = add(sum, atomForm(atom), power);
        if (power < 0n) low += power;
        else high += power;
      }
      if (high - low >= prime) continue;
      const remaining = add(row, sum, -unit);
      if (remaining.atoms.length < 2) continue;
      const name = nameForm();
      ranges[name] = { low, high };
      addRow(add(sum, atomForm(name), -1n));
      addRow(add(remaining, atomForm(name), unit));
      replaced = add(add(replaced, sum, -unit), atomForm(name), unit);
    }
    if (chains.length > 1) addRow(replaced);
  }

  // ---- Ranges of forms.
  function plainRange(form: Form): Interval | undefined {
    if (form.atoms.length === 2 && mod(form.values[0]! + form.values[1]!) === 0n) {
      const [x, y] = form.atoms as [number, number];
      const [above, below] = [ascends.get(`${x}<${y}`), ascends.get(`${y}<${x}`)];
      const entry = above ?? below;
      if (entry !== undefined) {
        used.add(entry.fact);
        // The larger signal less the smaller one is in [0, high − low].
        const coefficient = signed(above === undefined ? form.values[0]! : form.values[1]!);
        const reach = coefficient * (entry.high - entry.low);
        const constant = signed(form.constant);
        const [low, high] = reach < 0n ? [constant + reach, constant] : [constant, constant + reach];
        return high - low < prime ? { low, high } : undefined;
      }
    }
    let low = signed(form.constant);
    let high = low;
    for (const [index, atom] of form.atoms.entries()) {
      const range = ranges[atom];
      if (range === undefined) return undefined;
      const coefficient = signed(form.values[index]!);
      low += coefficient * (coefficient > 0n ? range.low : range.high);
      high += coefficient * (coefficient > 0n ? range.high : range.low);
      if (high - low >= prime) return undefined;
    }
    for (const atom of form.atoms) if (factOf.has(atom)) used.add(factOf.get(atom)!);
    return { low, high };
  }
  /** Both say where one value lies. */
  function narrower(one: Interval | undefined, other: Interval | undefined): Interval | undefined {
    if (one === undefined || other === undefined) return one ?? other;
    return meet(one, other, prime) ?? (width(one) <= width(other) ? one : other);
  }
  /** The narrowest range that the form has by itself or less a multiple of one row. */
  function rangeOf(form: Form): Interval | undefined {
    let best = plainRange(form);
    const tried = new Set<number>();
    for (const [index, atom] of form.atoms.entries()) {
      if (digit.has(atom)) continue;
      for (const row of rowsOf[atom]!.slice(0, MAX_RELAXED)) {
        if (tried.has(row)) continue;
        tried.add(row);
        const at = rows[row]!.atoms.indexOf(atom);
        const reduced = add(form, rows[row]!, -form.values[index]! * inverse(rows[row]!.values[at]!));
        if (reduced.atoms.length <= form.atoms.length + 1) best = narrower(best, plainRange(reduced));
      }
    }
    return best;
  }
  const holdsMultiple = ({ low, high }: Interval): boolean => {
    const quotient = high / prime - (high < 0n && high % prime !== 0n ? 1n : 0n);
    return quotient * prime >= low;
  };
  /** Forms that a product with a non-zero constant shows to be non-zero, by direction and normalised constant. */
  const normal = (form: Form) => `${direction(form)}+${mod(form.constant * inverse(form.values[0]!))}`;
  const nonZeroForms = new Set<string>();
  for (const { a, b, c } of products) {
    if (c.atoms.length === 0 && c.constant !== 0n) nonZeroForms.add(normal(a)).add(normal(b));
  }
  function isNonZero(form: Form): boolean {
    if (form.atoms.length === 0) return form.constant !== 0n;
    if (nonZeroForms.has(normal(form))) return true;
    if (form.atoms.length <= 6 && form.atoms.every((atom) => digit.has(atom))) {
      for (let choice = 0; choice < 1 << form.atoms.length; choice++) {
        let value = form.constant;
        for (const [index, coefficient] of form.values.entries()) if ((choice >> index) & 1) value += coefficient;
        if (mod(value) === 0n) return false;
      }
      return true;
    }
    const range = rangeOf(form);
    return range !== undefined && !holdsMultiple(range);
  }

  const unknownOf = (form: Form): number[] => form.atoms.filter((atom) => known[atom] === undefined);
  const isKnown = (form: Form): boolean => form.atoms.every((atom) => known[atom] !== undefined);

  const openPart = (form: Form): Form => {
    const places = form.atoms.map((_, place) => place).filter((place) => known[form.atoms[place]!] === undefined);
    return {
      atoms: places.map((place) => form.atoms[place]!),
      values: places.map((place) => form.values[place]!),
      constant: 0n,
    };
  };

  // ---- Rules that look at one row or one product.
  function rangeFromRow(row: Form, index: number): void {
    const others = scale(row, -inverse(row.values[index]!));
    const range = plainRange({
      atoms: others.atoms.toSpliced(index, 1),
      values: others.values.toSpliced(index, 1),
      constant: others.constant,
    });
    if (range !== undefined) setRange(row.atoms[index]!, range);
  }

  function digits(row: Form, unknown: readonly number[]): void {
    const widths = unknown.map((index) => width(ranges[row.atoms[index]!]!));
    const units = new Set<bigint>();
    for (const index of unknown) {
      const value = row.values[index]!;
      units.add(least(value, prime - value));
    }
    for (const unit of units) {
      const by = inverse(unit);
      let sum = 0n;
      const coefficients: bigint[] = [];
      for (const [place, index] of unknown.entries()) {
        const coefficient = signed(mod(row.values[index]! * by));
        sum += magnitude(coefficient) * widths[place]!;
        if (sum >= prime) break;
        coefficients.push(coefficient);
      }
      if (sum < prime && peel(row, unknown, coefficients, widths)) return;
    }
  }
  /** The digits rule at one scale. Returns whether it determined something. */
  function peel(row: Form, unknown: readonly number[], coefficients: readonly bigint[], widths: readonly bigint[]) {
    interface Group {
      readonly coefficient: bigint;
      width: bigint;
      form: Form;
    }
    const groups = new Map<bigint, Group>();
    for (const [place, index] of unknown.entries()) {
      const coefficient = coefficients[place]!;
      const group = groups.get(magnitude(coefficient)) ?? {
        coefficient: magnitude(coefficient),
        width: 0n,
        form: constantForm(0n),
      };
      group.width += widths[place]!;
      group.form = add(group.form, atomForm(row.atoms[index]!), coefficient < 0n ? -1n : 1n);
      groups.set(group.coefficient, group);
    }
    const left = [...groups.values()].sort((x, y) => (x.coefficient < y.coefficient ? -1 : 1));
    const before = progress;
    for (let again = left.length > 1 || left[0]!.width === 0n; again; ) {
      again = false;
      while (left.length > 0) {
        const top = left.at(-1)!;
        const below = left.slice(0, -1).reduce((sum, group) => sum + group.coefficient * group.width, 0n);
        if (below >= top.coefficient) break;
        proveForm(top.form, "digits");
        left.pop();
      }
      if (left.length < 2) break;
      const suffix = left.slice(1).reduce((divisor, group) => gcd(divisor, group.coefficient), 0n);
      const bottom = left[0]!;
      if (bottom.width < suffix / gcd(suffix, bottom.coefficient)) {
        proveForm(bottom.form, "digits");
        left.shift();
        again = true;
      }
    }
    return progress > before;
  }

  const attempted = new Map<number, string>();
  function visitRow(index: number): void {
    const row = rows[index]!;
    const unknown: number[] = [];
    let [unranged, lastUnranged, unrangedUnknown] = [0, -1, 0];
    for (const [place, atom] of row.atoms.entries()) {
      if (known[atom] === undefined) unknown.push(place);
      if (ranges[atom] !== undefined) continue;
      unranged++;
      lastUnranged = place;
      if (known[atom] === undefined) unrangedUnknown++;
    }
    if (unknown.length === 1) prove(row.atoms[unknown[0]!]!, "linear");
    if (unranged === 1) rangeFromRow(row, lastUnranged);
    if (unknown.length < 2 || unrangedUnknown > 0) return;
    const attempt = unknown.map((place) => `${place}:${width(ranges[row.atoms[place]!]!)}`).join();
    if (attempted.get(index) === attempt) return;
    attempted.set(index, attempt);
    digits(row, unknown);
  }

  function considerProduct({ a, b, c }: Product, isKnown: (form: Form) => boolean): void {
    const [ka, kb, kc] = [isKnown(a), isKnown(b), isKnown(c)];
    if (ka && kb) {
      if (!kc) proveForm(c, "product");
      return;
    }
    for (const [factor, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (!isKnown(factor)) continue;
      const atoms = new Set([...unknownOf(other), ...unknownOf(c)]);
      if (kc) {
        if (isNonZero(factor)) proveForm(other, "quotient");
      } else if (atoms.size === 1) {
        const [atom] = [...atoms] as [number];
        const coefficient = (form: Form) => form.values[form.atoms.indexOf(atom)] ?? 0n;
        const slope = add(scale(factor, coefficient(other)), constantForm(coefficient(c)), -1n);
        if (isNonZero(slope)) prove(atom, "quotient");
      }
    }
  }

  function propagate(): void {
    for (;;) {
      const row = rowQueue.pop();
      if (row !== undefined) {
        rowQueued[row] = false;
        visitRow(row);
        continue;
      }
      const product = productQueue.pop();
      if (product === undefined) return;
      productQueued[product] = false;
      considerProduct(products[product]!, isKnown);
    }
  }

  // ---- Rules that look further, tried only when the others are stuck.
  function productRanges(): void {
    for (const { a, b, c } of products) {
      if (c.atoms.length !== 1 || ranges[c.atoms[0]!] !== undefined) continue;
      const [x, y] = [plainRange(a), plainRange(b)];
      if (x === undefined || y === undefined) continue;
      const ends = [x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high];
      const [low, high] = [least(...ends), greatest(...ends)];
      // c = k·atom + constant, k = ±1 only: another k would not keep integers small.
      const k = signed(c.values[0]!);
      if (magnitude(k) !== 1n || high - low >= prime) continue;
      const shifted = [k * (low - signed(c.constant)), k * (high - signed(c.constant))];
      setRange(c.atoms[0]!, { low: least(...shifted), high: greatest(...shifted) });
    }
  }
  const isZeroForm = (form: Form) => form.atoms.length === 0 && form.constant === 0n;
  /** Products by the wire that they define, up to a factor. */
  const definitions = new Map<number, Product>();
  for (const product of products) {
    const { c } = product;
    if (c.atoms.length === 1 && c.constant === 0n && !definitions.has(c.atoms[0]!))
      definitions.set(c.atoms[0]!, product);
  }
  function factorsOf({ a, b }: Product): Form[] {
    const factors: Form[] = [];
    const expanded = new Set<number>();
    const stack = [a, b];
    for (let form = stack.pop(); form !== undefined; form = stack.pop()) {
      const [atom, other] = form.atoms;
      const definition = other === undefined && form.constant === 0n ? definitions.get(atom!) : undefined;
      if (definition === undefined || expanded.has(atom!)) factors.push(form);
      else {
        expanded.add(atom!);
        stack.push(definition.a, definition.b);
      }
    }
    return factors;
  }
  /** The factors as pivot + something determined, each up to a constant; undefined where one cannot be written so. */
  function align(factors: readonly Form[], pivot: number): Form[] | undefined {
    const aligned: Form[] = [];
    for (const factor of factors) {
      const [atom, another] = unknownOf(factor);
      if (atom === undefined || another !== undefined) {
        const place = factor.atoms.indexOf(pivot);
        if (place < 0) return undefined;
        aligned.push(scale(factor, inverse(factor.values[place]!)));
        continue;
      }
      // A wire of its own that equals pivot + something by a row.
      let form: Form | undefined = atom === pivot ? factor : undefined;
      for (const row of form === undefined ? rowsOf[atom]!.slice(0, MAX_RELAXED) : []) {
        const candidate = rows[row]!;
        if (!candidate.atoms.includes(pivot) || unknownOf(candidate).length !== 2) continue;
        const entry = candidate.values[candidate.atoms.indexOf(atom)]!;
        form = add(factor, candidate, -factor.values[factor.atoms.indexOf(atom)]! * inverse(entry));
        break;
      }
      if (form === undefined) return undefined;
      aligned.push(scale(form, inverse(form.values[form.atoms.indexOf(pivot)]!)));
    }
    return aligned.every((form) => isKnown(add(form, aligned[0]!, -1n))) ? aligned : undefined;
  }
  function maximum(): void {
    for (const product of products) {
      if (!isZeroForm(product.c) || quadratic.has(product) || (isKnown(product.a) && isKnown(product.b))) continue;
      let factors = factorsOf(product);
      if (factors.some((factor) => isKnown(factor) && !isNonZero(factor))) continue;
      factors = factors.filter((factor) => !isNonZero(factor));
      for (const pivot of new Set(factors.flatMap(unknownOf))) {
        const aligned = align(factors, pivot);
        if (aligned === undefined || !bounded(aligned)) continue;
        proveForm(aligned[0]!, "maximum");
        break;
      }
    }
  }
  /** Whether all forms, scaled alike, lie in [0, H] with 2H below the prime. */
  function bounded(forms: readonly Form[]): boolean {
    const units = [...new Set(forms[0]!.values)].slice(0, 8).flatMap((value) => [inverse(value), -inverse(value)]);
    return units.some((unit) =>
      forms.every((form) => {
        const range = rangeOf(scale(form, unit));
        return range !== undefined && range.low >= 0n && 2n * range.high < prime;
      }),
    );
  }

  /** A determined form and where its value lies. */
  interface Bound {
    readonly form: Form;
    readonly range: Interval;
  }
  function oneHot(): void {
    for (const row of [...rows]) {
      if (row.atoms.length < 2 || row.atoms.length > 64 || !row.atoms.every((atom) => digit.has(atom))) continue;
      if (isKnown(row)) continue;
      const unit = row.values[0]!;
      const signs = row.values.map((value) => (value === unit ? 1n : value === prime - unit ? -1n : 0n));
      if (signs.includes(0n)) continue;
      // A negative boolean counts as its complement: Σ s − Σ t = k becomes Σ s + Σ (1 − t) = k + number of t.
      const sum = mod(-row.constant * inverse(unit)) + BigInt(signs.filter((sign) => sign < 0n).length);
      if (mod(sum) !== 1n) continue;
      const cases = row.atoms.map((_, chosen) => {
        const fixed = row.atoms.map((atom, index) => {
          const literal = index === chosen ? 1n : 0n;
          return [atom, constantForm(signs[index]! > 0n ? literal : 1n - literal)] as const;
        });
        return boundsIf(new Map(fixed));
      });
      const exclusive = cases.every((one, index) => cases.slice(index + 1).every((other) => contradict(one, other)));
      if (exclusive) for (const atom of row.atoms) prove(atom, "one-hot");
    }
  }
  /** What the constraints around some atoms say of determined forms where these atoms have the given values. */
  function boundsIf(fixed: ReadonlyMap<number, Form>): Bound[] {
    const given = new Map(fixed);
    const settle = (row: Form): boolean => {
      const unknown = unknownOf(row);
      if (unknown.length !== 1) return false;
      const value = inverse(row.values[row.atoms.indexOf(unknown[0]!)]!);
      given.set(unknown[0]!, add(scale(row, -value), atomForm(unknown[0]!)));
      return true;
    };
    for (const index of new Set([...fixed.keys()].flatMap((atom) => productsOf[atom]!))) {
      const { a, b, c } = products[index]!;
      const [left, right] = [substitute(a, given), substitute(b, given)];
      if (left.atoms.length === 0) settle(add(scale(right, left.constant), substitute(c, given), -1n));
      else if (right.atoms.length === 0) settle(add(scale(left, right.constant), substitute(c, given), -1n));
    }
    for (const index of new Set([...fixed.keys()].flatMap((atom) => rowsOf[atom]!))) {
      const row = substitute(rows[index]!, given);
      // Only multiples of what is fixed: a row with determined atoms in it is a bound, to be kept for below.
      if (row.atoms.length === 1) settle(row);
    }
    const bounds: Bound[] = [];
    for (const index of new Set([...given.keys()].flatMap((atom) => rowsOf[atom]!))) {
      const row = substitute(rows[index]!, given);
      const unknown = unknownOf(row);
      if (unknown.length > 8) continue;
      const free = openPart(row);
      const form = add(row, free, -1n);
      for (const unit of new Set(free.values.length > 0 ? free.values : form.values)) {
        const range = plainRange(scale(free, -inverse(unit)));
        if (range !== undefined) bounds.push({ form: scale(form, inverse(unit)), range });
      }
    }
    return bounds;
  }
  function impossible({ form, range }: Bound): boolean {
    const facts = plainRange(form);
    return facts !== undefined && !holdsMultiple({ low: range.low - facts.high, high: range.high - facts.low });
  }
  function contradict(one: readonly Bound[], other: readonly Bound[]): boolean {
    if (one.some(impossible) || other.some(impossible)) return true;
    return one.some((x) =>
      other.some((y) => {
        const sum = { low: x.range.low + y.range.low, high: x.range.high + y.range.high };
        const difference = { low: x.range.low - y.range.high, high: x.range.high - y.range.low };
        return (
          impossible({ form: add(x.form, y.form), range: sum }) ||
          impossible({ form: add(x.form, y.form, -1n), range: difference })
        );
      }),
    );
  }

  /** Where t + (determined) lies, for each row that holds it to a range. */
  function boundsOf(t: number): Bound[] {
    return rowsOf[t]!.slice(0, MAX_RELAXED).flatMap((index) => {
      const row = scale(rows[index]!, inverse(rows[index]!.values[rows[index]!.atoms.indexOf(t)]!));
      const rest = add(openPart(row), atomForm(t), -1n);
      const range = plainRange(scale(rest, -1n));
      return range === undefined ? [] : [{ form: add(row, rest, -1n), range }];
    });
  }
  function division(): void {
    for (const { a, b, c } of products) {
      const [t, another] = unknownOf(c);
      if (t === undefined || another !== undefined || magnitude(signed(c.values[c.atoms.indexOf(t)]!)) !== 1n) continue;
      // Signs do not matter: where f moves by one, t moves by |g|.
      for (const [f, g] of [
        [a, b],
        [a, scale(b, -1n)],
        [b, a],
        [b, scale(a, -1n)],
      ] as const) {
        if (isKnown(f) || !isKnown(g)) continue;
        const [quotient, divisor] = [rangeOf(f), plainRange(g)];
        if (quotient === undefined || divisor === undefined || divisor.low < 1n) continue;
        const bounds = boundsOf(t);
        const single = bounds.some((above) =>
          bounds.some((below) => {
            const move = add(add(below.form, above.form, -1n), constantForm(mod(above.range.high - below.range.low)));
            const [most, less] = [plainRange(move), plainRange(add(g, move, -1n))];
            return (
              most !== undefined &&
              less !== undefined &&
              most.low >= 0n &&
              less.low >= 1n &&
              width(above.range) + width(below.range) < prime &&
              width(quotient) * divisor.high + most.high < prime
            );
          }),
        );
        if (single) proveForm(f, "division");
      }
    }
  }

  function zeroTests(): void {
    const families = new Map<
      string,
      { readonly offsets: Set<bigint>; readonly members: Map<Product, [Form, bigint]> }
    >();
    for (const product of products) {
      const { a, b, c } = product;
      for (const [factor, other] of [
        [a, b],
        [b, a],
      ] as const) {
        if (!isKnown(factor) || (isKnown(other) && isKnown(c))) continue;
        const offset = mod(factor.constant * inverse(factor.values[0]!));
        const key = direction(factor);
        const family = families.get(key) ?? { offsets: new Set(), members: new Map() };
        family.offsets.add(offset);
        family.members.set(product, [other, offset]);
        families.set(key, family);
      }
    }
    for (const { offsets, members } of families.values()) {
      if (offsets.size > 300) continue;
      const around = new Set<number>();
      for (const [product, [other]] of members) {
        for (const atom of [...unknownOf(other), ...unknownOf(product.c)]) around.add(atom);
      }
      const localRows = [...new Set([...around].flatMap((atom) => rowsOf[atom]!))].map((index) => rows[index]!);
      const localProducts = [...new Set([...around].flatMap((atom) => productsOf[atom]!))].map(
        (index) => products[index]!,
      );
      let common: Set<number> | undefined;
      for (const zero of [...offsets, undefined]) {
        const found = new Set<number>();
        /** What is a number in this case: what a product with the zero gives. */
        const numbers = new Map<number, Form>();
        const open = (form: Form) => form.atoms.filter((atom) => known[atom] === undefined && !found.has(atom));
        const settle = (form: Form): boolean => {
          const unknown = open(form);
          if (unknown.length !== 1) return false;
          found.add(unknown[0]!);
          return true;
        };
        for (let again = true; again; ) {
          again = false;
          for (const row of localRows) if (settle(row)) again = true;
          for (const product of localProducts) {
            const { a, b, c } = product;
            const [other, offset] = members.get(product) ?? [];
            if (offset !== undefined && offset === zero) {
              const [atom] = c.atoms;
              if (c.atoms.length === 1) numbers.set(atom!, constantForm(mod(-c.constant * inverse(c.values[0]!))));
              if (settle(c)) again = true;
              continue;
            }
            // A factor that is a number other than zero.
            const partner = [
              [a, b],
              [b, a],
            ].find(([factor]) => {
              const { atoms, constant } = substitute(factor!, numbers);
              return atoms.length === 0 && constant !== 0n;
            })?.[1];
            if (partner !== undefined && open(c).length === 0) {
              if (settle(partner)) again = true;
            } else if (open(a).length === 0 && open(b).length === 0) {
              if (settle(c)) again = true;
            } else if (other !== undefined && open(c).length === 0) {
              if (settle(other)) again = true;
            }
          }
        }
        common = new Set(common === undefined ? found : [...common].filter((atom) => found.has(atom)));
        if (common.size === 0) break;
      }
      for (const atom of common ?? []) prove(atom, "zero test");
    }
  }

  // The rows over what is not determined, in reduced echelon form, kept from one use to the next.
  const span = echelon(F, (atom) => prove(atom, "elimination"));
  let [rowsTaken, provedTaken] = [0, 0];
  /** Brings the echelon form up to date with the rows added and the atoms determined since. */
  function catchUp(): void {
    for (; provedTaken < proved.length; provedTaken++) span.drop(proved[provedTaken]!);
    for (; rowsTaken < rows.length && span.steps() < MAX_ELIMINATION_STEPS; rowsTaken++) {
      span.insert(openPart(rows[rowsTaken]!));
    }
  }
  function elimination(): void {
    const spanned = (form: Form) => isKnown(form) || span.reduce(openPart(form)).size === 0;
    for (let before = -1; before < progress; ) {
      before = progress;
      catchUp();
      for (const product of products) {
        if (span.steps() > MAX_ELIMINATION_STEPS) return;
        if (isKnown(product.c) && isKnown(product.a) && isKnown(product.b)) continue;
        const earlier = progress;
        considerProduct(product, spanned);
        if (progress === earlier) continue;
        propagate();
        catchUp();
      }
    }
  }

  /** Ranges may have come that show a factor to be non-zero. */
  function revisit(): void {
    for (const product of products) considerProduct(product, isKnown);
  }

  const further = [productRanges, maximum, oneHot, division, revisit, elimination, zeroTests];
  for (let stuck = false; !stuck; ) {
    propagate();
    stuck = true;
    for (const rule of further) {
      const before = progress;
      rule();
      if (progress > before) {
        stuck = false;
        break;
      }
    }
  }

  const rules = Array.from({ length: r1cs.wires }, (_, wire): Rule | undefined => {
    if (wire === 0 || isInput(wire)) return "input";
    const root = find(wire);
    if (constants.has(root)) return "linear";
    const rule = known[root];
    return rule === "input" ? "linear" : rule;
  });

  const roots = Array.from({ length: r1cs.wires }, (_, wire) => wire).filter((wire) => find(wire) === wire);
  const granted = [
    ...roots.filter((wire) => ranges[wire] !== undefined && !digit.has(wire)),
    ...roots.filter((wire) => ranges[wire] === undefined),
    ...roots,
  ];
  for (const wire of granted) {
    if (constants.has(wire)) continue;
    prove(wire, "linear");
    propagate();
  }
  const place = new Map(proved.map((atom, index) => [atom, index + 1]));
  const order = Uint32Array.from({ length: r1cs.wires }, (_, wire) => place.get(find(wire)) ?? 0);
  return { rules, used: [...used], order };
}

/** A signal that need not be determined, and why that is harmless. */
export interface Allowed {
  /** Full name; `[*]` stands for any index. */
  readonly signal: string;
  readonly reason: string;
}

export interface Report {
  /** Private inputs that the compiler expressed by other signals, so that nothing can be determined from them. */
  readonly eliminatedInputs: number;
  readonly constraints: number;
  readonly wires: number;
  readonly byRule: Readonly<Partial<Record<Rule, number>>>;
  /** Names of signals not shown to be determined, allow-listed ones left out. */
  readonly unknown: readonly string[];
  readonly allowed: readonly Allowed[];
  readonly assumptions: readonly Fact[];
}

/** Throws where the allow-list names an output or a public input, or a signal that the circuit does not have. */
export function report(r1cs: R1cs, symbols: Symbols, result: Uniqueness, allow: readonly Allowed[] = []): Report {
  const patterns = allow.map(({ signal }) => {
    const source = signal.split("[*]").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${source.join("\\[\\d+\\]")}$`);
  });
  const hits = new Set<number>();
  const names = new Map<number, string[]>();
  for (const [name, wire] of symbols.entries()) {
    const list = names.get(wire);
    if (list) list.push(name);
    else names.set(wire, [name]);
    const match = patterns.findIndex((pattern) => pattern.test(name));
    if (match < 0) continue;
    if (wire <= r1cs.outputs + r1cs.publicInputs) throw new Error(`the allow-list names ${name}, which is public`);
    hits.add(match);
  }
  const unmatched = allow.find((_, index) => !hits.has(index));
  if (unmatched) throw new Error(`the allow-list names ${unmatched.signal}, which the circuit does not have`);
  const byRule: Partial<Record<Rule, number>> = {};
  const unknown: string[] = [];
  for (const [wire, rule] of result.rules.entries()) {
    if (rule !== undefined) byRule[rule] = (byRule[rule] ?? 0) + 1;
    else {
      const called = names.get(wire) ?? [`wire ${wire}`];
      if (!called.some((name) => patterns.some((pattern) => pattern.test(name)))) unknown.push(called[0]!);
    }
  }
  return {
    eliminatedInputs: r1cs.eliminatedInputs,
    constraints: r1cs.constraints,
    wires: r1cs.wires,
    byRule,
    unknown,
    allowed: allow,
    assumptions: result.used,
  };
}

export function printReport(name: string, summary: Report): string {
  const { constraints, wires, byRule, unknown, allowed, assumptions, eliminatedInputs } = summary;
  const counts = RULES.filter((rule) => byRule[rule]).map((rule) => `  ${rule.padEnd(12)} ${byRule[rule]}`);
  return [
    `${name}: ${wires} wires, ${constraints} constraints`,
    "determined by",
    ...counts,
    ...assumptions.map(({ says, source }) => `assuming of public inputs: ${says} (${source})`),
    ...allowed.map(({ signal, reason }) => `allowed: ${signal}: ${reason}`),
    ...(eliminatedInputs === 0
      ? []
      : [
          `${eliminatedInputs} private inputs were simplified away: compile with --O0, or declare them public, for a fair result`,
        ]),
    unknown.length === 0 ? "every signal is determined by the inputs" : `not shown to be determined: ${unknown.length}`,
    ...unknown.slice(0, 50).map((signal) => `  ${signal}`),
    ...(unknown.length > 50 ? [`  and ${unknown.length - 50} more (--json has all)`] : []),
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { facts: { type: "string" }, allow: { type: "string" }, json: { type: "string" } },
  });
  const [r1csFile, symFile] = positionals;
  if (r1csFile === undefined || symFile === undefined) {
    process.stderr.write(
      "usage: uniqueness <file.r1cs> <file.sym> [--facts f.json] [--allow f.json] [--json out.json]\n",
    );
    process.exit(2);
  }
  const json = (file: string | undefined) => (file === undefined ? [] : JSON.parse(readFileSync(file, "utf8")));
  const started = performance.now();
  const r1cs = readR1cs(r1csFile);
  const symbols = readSymbols(symFile);
  const result = uniqueness(r1cs, symbols, json(values.facts));
  const summary = report(r1cs, symbols, result, json(values.allow));
  process.stdout.write(`${printReport(r1csFile, summary)}\n`);
  process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  if (values.json !== undefined) {
    const signals = Object.fromEntries(
      [...symbols.entries()].map(([name, wire]) => [name, result.rules[wire] ?? "unknown"]),
    );
    writeFileSync(values.json, `${JSON.stringify({ ...summary, signals }, null, 1)}\n`);
  }
  process.exitCode = summary.unknown.length === 0 ? 0 : 1;
}
