// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Looks for a second witness with the same inputs: `alternatives <file.r1cs> <file.sym> <witness.wtns>… [--out directory]
 * [--seeds n]`. What it finds is written as a `.wtns` that other tools can check (`snarkjs wtns check`). Exit code 1 on a hit.
 *
 * Starts from a witness, makes one change and then repairs what it violates, by changing further signals that are not
 * inputs, until nothing is violated or there is nothing left to try. Changes to start from:
 *   - each signal in turn: the other value where it has only two, else a neighbour, zero, its negative, a random value, a
 *     root of a factor that it stands in, a step of the packing that it stands in;
 *   - a decomposition's other reading, v + r, where its digits are wide enough;
 *   - two signals of one linear form such that the form keeps its value: a carry between packed pieces, two booleans
 *     that change places.
 * Repairs of a constraint, the likeliest first: the digits of a decomposition are read again from what they decompose; the
 * signal that it defines (the last that the inputs determine); other signals in it that are not changed yet. A boolean only
 * ever becomes the other boolean. Depth first, with a budget of steps for each start.
 *
 * Finding nothing proves nothing: it is a search, made to find what circuits get wrong. It judges with the real
 * constraints, so a hit is always real.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { atomForm, chainsOf, type Form, field, formOf, rootsOf } from "./forms.ts";
import { evaluate, type R1cs, readR1cs, readSymbols, readWtns, violations, type Witness, writeWtns } from "./r1cs.ts";
import { uniqueness } from "./uniqueness.ts";

export interface Hit {
  readonly witness: Witness;
  /** Wires that differ from the witness that the search began with. */
  readonly changed: readonly number[];
}

export interface Search {
  /** Changes tried. */
  readonly tried: number;
  readonly hits: readonly Hit[];
}

export interface SearchOptions {
  /** How many changes to start from; all single-signal changes of a circuit take about one for each signal. */
  readonly seeds: number;
  /** Where in the list of signals to begin, so that several witnesses can share the work. */
  readonly offset?: number;
  /** Wires to begin with: those that another analysis suspects. */
  readonly suspects?: readonly number[];
  /** Seed of the random choices. */
  readonly random?: number;
  /** Stop after this many hits. */
  readonly hits?: number;
}

/** digits read Σ ± 2^k · digit_k = −rest / scale; one digit may be the form of a constraint instead of a wire. */
interface Decomposition {
  readonly digits: readonly (readonly [wire: number, sign: bigint])[];
  readonly rest: Form;
  readonly scale: bigint;
}

const MAX_STEPS = 120;
const MAX_DEAD_ENDS = 12;
const MAX_CHANGES = 600;
const MAX_REREADINGS = 3;

/**
 * Prepares a system; the result searches around one witness, which must satisfy it.
 * @param order by wire, when it is determined (see `uniqueness`): what a constraint defines is the last wire in it
 */
export function alternatives(
  r1cs: R1cs,
  order: ArrayLike<number>,
): (witness: Witness, options: SearchOptions) => Search {
  const { prime, wires, constraints, starts, termWire, termCoefficient, coefficients } = r1cs;
  const F = field(prime);
  const { mod } = F;
  const firstInput = 1 + r1cs.outputs;
  const endInput = firstInput + r1cs.publicInputs + r1cs.privateInputs;
  const isFree = (wire: number) => wire > 0 && wire < wires && (wire < firstInput || wire >= endInput);
  const free = Array.from({ length: wires }, (_, wire) => wire).filter(isFree);

  const occurrences: number[][] = Array.from({ length: wires }, () => []);
  for (let combination = 0; combination < 3 * constraints; combination++) {
    for (let term = starts[combination]!; term < starts[combination + 1]!; term++) {
      occurrences[termWire[term]!]!.push(combination, termCoefficient[term]!);
    }
  }

  // ---- What the search knows of the system: forms with two values, decompositions, linear forms of two free wires.
  const values = new Map<number, readonly bigint[]>();
  const rooted = new Map<number, { readonly form: Form; readonly roots: readonly bigint[] }>();
  const linear: [number, Form][] = [];
  const isConstant = (form: Form) => form.atoms.length === 0;
  for (let constraint = 0; constraint < constraints; constraint++) {
    const [a, b, c] = [0, 1, 2].map((part) => formOf(r1cs, 3 * constraint + part)) as [Form, Form, Form];
    if (isConstant(a)) linear.push([constraint, F.add(F.scale(b, a.constant), c, -1n)]);
    else if (isConstant(b)) linear.push([constraint, F.add(F.scale(a, b.constant), c, -1n)]);
    else {
      const found = rootsOf(F, { a, b, c });
      if (found === undefined) continue;
      if (found.form.atoms.length === 1) values.set(found.form.atoms[0]!, found.roots);
      else rooted.set(constraint, found);
    }
  }
  const isDigit = (wire: number) => wire >= wires || [...(values.get(wire) ?? [])].sort().join() === "0,1";
  const decompositions = new Map<number, Decomposition[]>();
  const pairs: (readonly [number, number, bigint])[] = [];
  /** By wire, steps that move the reading of some decomposition by one: to the next value of a piece packed higher up. */
  const strides = new Map<number, Set<bigint>>();
  const study = (constraint: number, row: Form) => {
    for (const { scale, digits } of chainsOf(F, row, isDigit)) {
      let rest = row;
      for (const [position, [wire, sign]] of digits.entries()) {
        rest = F.add(rest, atomForm(wire), -scale * (sign << BigInt(position)));
      }
      for (const [index, atom] of rest.atoms.entries()) {
        if (!isFree(atom) || isDigit(atom)) continue;
        const stride = mod(scale * F.inverse(rest.values[index]!));
        const steps = strides.get(atom);
        if (steps === undefined) strides.set(atom, new Set([stride]));
        else if (steps.size < 8) steps.add(stride);
      }
      const list = decompositions.get(constraint) ?? [];
      list.push({ digits, rest, scale });
      decompositions.set(constraint, list);
    }
    const movable = row.atoms.map((_, place) => place).filter((place) => isFree(row.atoms[place]!));
    const wide = movable.filter((place) => !isDigit(row.atoms[place]!));
    for (const group of [wide.slice(0, 12), wide.length === movable.length ? [] : movable.slice(-6)]) {
      for (const [index, one] of group.entries()) {
        for (const other of group.slice(index + 1)) {
          pairs.push([row.atoms[one]!, row.atoms[other]!, mod(-row.values[other]! * F.inverse(row.values[one]!))]);
        }
      }
    }
  };
  for (const [constraint, row] of linear) study(constraint, row);
  for (const [constraint, { form, roots }] of rooted) {
    const [first, second] = roots as [bigint, bigint?];
    // The form's choice of value stands in as a digit of its own, numbered above all wires.
    if (second === undefined) study(constraint, { ...form, constant: mod(-first) });
    else study(constraint, F.add({ ...form, constant: mod(-first) }, atomForm(wires + constraint), first - second));
  }

  /** Inverses of the system's own coefficients are remembered, those of values that come up in a search are not. */
  const ownCoefficients = new Set(coefficients.flatMap((value) => [value, prime - value]));
  function quotient(value: bigint): bigint {
    if (ownCoefficients.has(mod(value))) return F.inverse(mod(value));
    let [r0, r1, t0, t1] = [prime, mod(value), 0n, 1n];
    while (r1 !== 0n) {
      const whole = r0 / r1;
      [r0, r1] = [r1, r0 - whole * r1];
      [t0, t1] = [t1, t0 - whole * t1];
    }
    return mod(t0);
  }

  return (base, { seeds, offset = 0, suspects = [], random = 1, hits: wanted = 1 }) => {
    if (violations(r1cs, base).length > 0) throw new Error("the witness violates the constraints");
    const witness = [...base];
    const sums = Array.from({ length: 3 * constraints }, (_, combination) => evaluate(r1cs, combination, base));
    const violated = new Set<number>();
    const changes = new Map<number, number>();
    /** Undone from the end: wires and combinations (numbered above all wires) with their earlier values. */
    const trailPlace: number[] = [];
    const trailValue: bigint[] = [];

    let state = BigInt(random);
    const draw = (): number => {
      state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
      return Number(state >> 40n);
    };
    const check = (constraint: number) => {
      const difference = sums[3 * constraint]! * sums[3 * constraint + 1]! - sums[3 * constraint + 2]!;
      if (difference % prime === 0n) violated.delete(constraint);
      else violated.add(constraint);
    };
    function set(wire: number, value: bigint): void {
      const delta = value - witness[wire]!;
      if (delta === 0n) return;
      trailPlace.push(wire);
      trailValue.push(witness[wire]!);
      witness[wire] = value;
      changes.set(wire, (changes.get(wire) ?? 0) + 1);
      const list = occurrences[wire]!;
      for (let at = 0; at < list.length; at += 2) {
        const combination = list[at]!;
        trailPlace.push(wires + combination);
        trailValue.push(sums[combination]!);
        sums[combination] = mod(sums[combination]! + coefficients[list[at + 1]!]! * delta);
        check(Math.floor(combination / 3));
      }
    }
    function undo(length: number): void {
      const touched = new Set<number>();
      while (trailPlace.length > length) {
        const place = trailPlace.pop()!;
        const value = trailValue.pop()!;
        if (place < wires) {
          witness[place] = value;
          const count = changes.get(place)! - 1;
          if (count === 0) changes.delete(place);
          else changes.set(place, count);
        } else {
          sums[place - wires] = value;
          touched.add(Math.floor((place - wires) / 3));
        }
      }
      touched.forEach(check);
    }

    /** New values of wires, worked out when the move is made: most never are, and a division is dear. */
    type Move = readonly (readonly [number, bigint | (() => bigint)])[];
    const valueIn = (form: Form): bigint => {
      let sum = form.constant;
      for (const [index, atom] of form.atoms.entries()) sum += form.values[index]! * witness[atom]!;
      return mod(sum);
    };
    /** The digits read again from the rest, `times` field orders above the least reading. */
    function reread({ digits, rest, scale }: Decomposition, times: bigint): [number, bigint][] | undefined {
      if (rest.atoms.some((atom) => atom >= wires)) return undefined;
      // A digit of negative sign counts as its complement, which adds a constant.
      let complement = 0n;
      for (const [position, [, sign]] of digits.entries()) if (sign < 0n) complement += 1n << BigInt(position);
      const value = mod(-valueIn(rest) * F.inverse(scale) + complement) + times * prime;
      if (value >> BigInt(digits.length) !== 0n) return undefined;
      const move: [number, bigint][] = [];
      for (const [position, [wire, sign]] of digits.entries()) {
        if (wire >= wires) continue;
        const bit = (value >> BigInt(position)) & 1n;
        const digit = sign > 0n ? bit : 1n - bit;
        if (witness[wire] === digit) continue;
        if (!isFree(wire) || (changes.get(wire) ?? 0) >= MAX_REREADINGS) return undefined;
        move.push([wire, digit]);
      }
      return move;
    }
    /** Ways to satisfy one constraint, the likeliest first. */
    function repairs(constraint: number): Move[] {
      const moves: Move[] = [];
      for (const decomposition of decompositions.get(constraint) ?? []) {
        const move = reread(decomposition, 0n);
        if (move !== undefined && move.length > 0) moves.push(move);
      }
      const roots = rooted.get(constraint);
      const [a, b, c] = [3 * constraint, 3 * constraint + 1, 3 * constraint + 2];
      const others: [number, Move][] = [];
      /** The wire moves so that a form, in which it has this slope, changes by `change`. */
      const offer = (wire: number, change: bigint, slope: bigint) => {
        if (change === 0n) return;
        const allowed = values.get(wire);
        if (allowed === undefined)
          others.push([order[wire]!, [[wire, () => mod(witness[wire]! + change * quotient(slope))]]]);
        else {
          const value = allowed.find((value) => mod(slope * (value - witness[wire]!) - change) === 0n);
          if (value !== undefined) others.push([order[wire]!, [[wire, value]]]);
        }
      };
      if (roots !== undefined) {
        const now = valueIn(roots.form);
        for (const [index, wire] of roots.form.atoms.entries()) {
          if (!isFree(wire) || changes.has(wire)) continue;
          const factor = roots.form.values[index]!;
          for (const root of roots.roots) offer(wire, root - now, factor);
        }
      } else {
        const slopes = new Map<number, bigint>();
        const squared = new Set<number>();
        for (const combination of [a, b, c]) {
          const by = combination === a ? sums[b]! : combination === b ? sums[a]! : prime - 1n;
          for (let term = starts[combination]!; term < starts[combination + 1]!; term++) {
            const wire = termWire[term]!;
            if (!isFree(wire) || changes.has(wire)) continue;
            if (combination === b && slopes.has(wire)) squared.add(wire);
            slopes.set(wire, mod((slopes.get(wire) ?? 0n) + by * coefficients[termCoefficient[term]!]!));
          }
        }
        const residue = mod(sums[a]! * sums[b]! - sums[c]!);
        for (const [wire, slope] of slopes) {
          if (slope === 0n || squared.has(wire)) continue;
          offer(wire, -residue, slope);
        }
      }
      others.sort(([left], [right]) => right - left);
      // Now and then not the last wire first: what defines what is a guess.
      if (others.length > 1 && draw() % 8 === 0) [others[0], others[1]] = [others[1]!, others[0]!];
      return [...moves, ...others.slice(0, 4).map(([, move]) => move)];
    }

    let [steps, deadEnds] = [0, 0];
    function repair(): boolean {
      if (violated.size === 0) return true;
      if (++steps > MAX_STEPS || trailPlace.length > 64 * MAX_CHANGES || changes.size > MAX_CHANGES) return false;
      // The constraint with the fewest ways out, of a few: one without any ends this branch at once.
      let best: Move[] | undefined;
      let looked = 0;
      for (const constraint of violated) {
        const moves = repairs(constraint);
        if (moves.length === 0) {
          deadEnds++;
          return false;
        }
        if (best === undefined || moves.length < best.length) best = moves;
        if (best.length === 1 || ++looked === 6) break;
      }
      for (const move of best!) {
        const mark = trailPlace.length;
        for (const [wire, value] of move) set(wire, typeof value === "bigint" ? value : value());
        if (repair()) return true;
        undo(mark);
        if (steps > MAX_STEPS || deadEnds > MAX_DEAD_ENDS) return false;
      }
      return false;
    }

    let tried = 0;
    const hits: Hit[] = [];
    function start(move: readonly (readonly [number, bigint])[]): void {
      tried++;
      [steps, deadEnds] = [0, 0];
      for (const [wire, value] of move) {
        set(wire, mod(value));
        // Not to be taken back by a rereading.
        changes.set(wire, MAX_REREADINGS);
      }
      if (repair() && changes.size > 0) {
        const changed = [...changes.keys()].filter((wire) => witness[wire] !== base[wire]);
        if (changed.length > 0 && changed.every(isFree) && violations(r1cs, witness).length === 0) {
          hits.push({ witness: [...witness], changed });
        }
      }
      undo(0);
      changes.clear();
    }
    const done = () => tried >= seeds || hits.length >= wanted;

    /** One change of one wire: the given choice of those there are, or any. */
    function single(wire: number, choice = draw()): void {
      const now = base[wire]!;
      const allowed = values.get(wire);
      if (allowed !== undefined) {
        for (const value of allowed) if (value !== now) start([[wire, value]]);
        return;
      }
      const candidates = [now + 1n, now - 1n, 0n];
      // Where a factor that the wire stands in becomes zero: another way for a product to be what it is.
      const list = occurrences[wire]!;
      const factors = list.flatMap((entry, at) => (at % 2 === 0 && entry % 3 !== 2 ? [at] : []));
      for (let count = Math.min(3, factors.length); count > 0; count--) {
        const at = factors[factors.length <= 3 ? count - 1 : draw() % factors.length]!;
        candidates.push(now - sums[list[at]!]! * quotient(coefficients[list[at + 1]!]!));
      }
      for (const stride of strides.get(wire) ?? []) candidates.push(now + stride, now - stride);
      candidates.push(1n, -now, now + 2n, now - 2n, now + (1n << BigInt(draw() % 250)), BigInt(draw()));
      start([[wire, candidates[choice % candidates.length]!]]);
    }
    // What comes first in the order drags the rest along; half of the changes are for suspects.
    const ordered = suspects.filter(isFree).sort((left, right) => order[left]! - order[right]!);
    for (let choice = 0; choice < 16; choice++) {
      for (const wire of ordered) if (!done() && tried < seeds / 2) single(wire, choice);
    }
    for (const list of decompositions.values()) {
      for (const decomposition of list) {
        if (done()) break;
        const move = reread(decomposition, 1n);
        if (move !== undefined) start(move);
      }
    }
    for (let index = 0; !done() && free.length > 0; index++) {
      if (pairs.length > 0 && index % 3 === 2) {
        const [one, other, ratio] = pairs[draw() % pairs.length]!;
        const by = values.has(other) ? 1n - 2n * base[other]! : draw() % 2 === 0 ? 1n : -1n;
        start([
          [one, base[one]! + ratio * by],
          [other, base[other]! + by],
        ]);
      } else single(free[(offset + index) % free.length]!);
    }
    return { tried, hits };
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      out: { type: "string", default: "build/soundness/alternatives" },
      seeds: { type: "string", default: "2000" },
    },
  });
  const [r1csFile, symFile, ...files] = positionals;
  if (r1csFile === undefined || symFile === undefined || files.length === 0) {
    process.stderr.write("usage: alternatives <file.r1cs> <file.sym> <witness.wtns>… [--out directory] [--seeds n]\n");
    process.exit(2);
  }
  const r1cs = readR1cs(r1csFile);
  const symbols = readSymbols(symFile);
  const { rules, order } = uniqueness(r1cs, symbols);
  const suspects = [...rules.keys()].filter((wire) => rules[wire] === undefined);
  const search = alternatives(r1cs, order);
  for (const [index, file] of files.entries()) {
    const seeds = Number(values.seeds);
    const { tried, hits } = search(readWtns(file), { seeds, suspects, offset: index * seeds, random: index + 1 });
    process.stdout.write(
      `${file}: ${tried} changes tried, ${hits.length === 0 ? "no other witness" : "ANOTHER WITNESS"}\n`,
    );
    for (const { witness, changed } of hits) {
      mkdirSync(values.out, { recursive: true });
      const out = path.join(values.out, `${path.basename(file, ".wtns")}.alternative.wtns`);
      writeWtns(out, r1cs.prime, witness);
      process.stdout.write(`  ${out}: ${changed.slice(0, 8).map(symbols.nameOf).join(", ")}\n`);
      process.exitCode = 1;
    }
  }
}
