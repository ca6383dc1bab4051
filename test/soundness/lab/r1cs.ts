// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Reads what the circom compiler writes (.r1cs, .sym) and witnesses (.wtns), and checks one against the other.
 *
 * Own reader: it keeps constraints in flat arrays with a table of distinct coefficients, so that 60,000 constraints load
 * and check in well under a second. Any prime, any circuit; custom gates are refused.
 */
import { readFileSync, writeFileSync } from "node:fs";

/**
 * Rank-1 constraints ⟨A,w⟩ · ⟨B,w⟩ = ⟨C,w⟩ over a prime field. Wire 0 is the constant one, then come outputs, public
 * inputs, private inputs and the rest.
 *
 * Constraint c has its A, B and C as linear combinations 3c, 3c + 1 and 3c + 2; combination l holds the terms
 * `starts[l]` to `starts[l + 1]` exclusive, each a wire and an index into `coefficients`. Wires within one are distinct.
 */
export interface R1cs {
  readonly prime: bigint;
  readonly wires: number;
  readonly outputs: number;
  readonly publicInputs: number;
  /** Private inputs that have a wire: simplification may express one by other signals. */
  readonly privateInputs: number;
  /** Private inputs that have none. */
  readonly eliminatedInputs: number;
  readonly constraints: number;
  readonly starts: Uint32Array;
  readonly termWire: Uint32Array;
  readonly termCoefficient: Uint32Array;
  /** Distinct coefficients, in [0, prime). */
  readonly coefficients: readonly bigint[];
  /** The same in (−prime/2, prime/2): most are small numbers, and sums of small numbers are fast. */
  readonly signed: readonly bigint[];
}

/** Wire values in [0, prime), entry 0 is one. */
export type Witness = readonly bigint[];

function readBytes(view: DataView, at: number, length: number): bigint {
  let value = 0n;
  for (let offset = length - 8; offset >= 0; offset -= 8) value = (value << 64n) | view.getBigUint64(at + offset, true);
  return value;
}

/** The sections of an iden3 binary file by type: [offset, length]. Throws where it is not one of this kind. */
function sectionsOf(bytes: Buffer, magic: string): { view: DataView; at: (type: number) => number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.toString("latin1", 0, 4) !== magic) throw new Error(`not a .${magic} file`);
  const sections = new Map<number, number>();
  let position = 12;
  for (let count = view.getUint32(8, true); count > 0; count--) {
    sections.set(view.getUint32(position, true), position + 12);
    position += 12 + Number(view.getBigUint64(position + 4, true));
  }
  return {
    view,
    at: (type) => {
      const offset = sections.get(type);
      if (offset === undefined) throw new Error(`.${magic} file without section ${type}`);
      return offset;
    },
  };
}

export const signedOf = (coefficients: readonly bigint[], prime: bigint): bigint[] =>
  coefficients.map((value) => (value > prime / 2n ? value - prime : value));

export function readR1cs(file: string): R1cs {
  const bytes = readFileSync(file);
  const { view, at } = sectionsOf(bytes, "r1cs");
  const header = at(1);
  const n8 = view.getUint32(header, true);
  const prime = readBytes(view, header + 4, n8);
  const count = (index: number) => view.getUint32(header + 4 + n8 + 4 * index, true);
  const constraints = count(6);

  let position = at(2);
  const end = position + Number(view.getBigUint64(position - 8, true));
  const terms = Math.floor((end - position - 12 * constraints) / (4 + n8));
  const starts = new Uint32Array(3 * constraints + 1);
  const termWire = new Uint32Array(terms);
  const termCoefficient = new Uint32Array(terms);
  const coefficients: bigint[] = [];
  const seen = new Map<string, number>();
  let term = 0;
  for (let combination = 0; combination < 3 * constraints; combination++) {
    starts[combination] = term;
    let left = view.getUint32(position, true);
    for (position += 4; left > 0; left--, position += 4 + n8) {
      termWire[term] = view.getUint32(position, true);
      const key = bytes.toString("latin1", position + 4, position + 4 + n8);
      let index = seen.get(key);
      if (index === undefined) {
        index = coefficients.push(readBytes(view, position + 4, n8)) - 1;
        seen.set(key, index);
      }
      termCoefficient[term++] = index;
    }
  }
  starts[3 * constraints] = term;
  if (position !== end) throw new Error("the constraints do not fill their section: custom gates are not supported");

  // The header counts private inputs as declared. Labels number all signals, inputs after outputs; wires keep their order.
  const labels = at(3);
  const firstPrivate = 1 + count(1) + count(2);
  const declared = count(3);
  let privateInputs = 0;
  while (
    firstPrivate + privateInputs < count(0) &&
    view.getBigUint64(labels + 8 * (firstPrivate + privateInputs), true) < BigInt(firstPrivate + declared)
  ) {
    privateInputs++;
  }
  return {
    prime,
    wires: count(0),
    outputs: count(1),
    publicInputs: count(2),
    privateInputs,
    eliminatedInputs: declared - privateInputs,
    constraints,
    starts,
    termWire,
    termCoefficient,
    coefficients,
    signed: signedOf(coefficients, prime),
  };
}

/** Names of signals and where their values stand in the witness; simplified-away signals have no wire. */
export interface Symbols {
  /** Undefined for a name that the circuit does not have, or whose signal was simplified away. */
  wireOf(name: string): number | undefined;
  /** Whether the source has a signal of this name, simplified away or not. */
  has(name: string): boolean;
  /** `one` for wire 0; `?` where no signal has this wire. */
  nameOf(wire: number): string;
  /** [name, wire] of every signal that has a wire, in the order of the compiler's labels. */
  entries(): IterableIterator<[string, number]>;
}

export function readSymbols(file: string): Symbols {
  const wires = new Map<string, number>();
  const gone = new Set<string>();
  const names: string[] = ["one"];
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const [, wireText, , name] = line.split(",");
    if (name === undefined) continue;
    const wire = Number(wireText);
    if (wire < 0) gone.add(name);
    else {
      wires.set(name, wire);
      names[wire] ??= name;
    }
  }
  return {
    wireOf: (name) => wires.get(name),
    has: (name) => wires.has(name) || gone.has(name),
    nameOf: (wire) => names[wire] ?? "?",
    entries: () => wires.entries(),
  };
}

/** Value of one linear combination, in [0, prime). */
export function evaluate(r1cs: R1cs, combination: number, witness: Witness): bigint {
  const { starts, termWire, termCoefficient, signed, prime } = r1cs;
  let sum = 0n;
  for (let term = starts[combination]!; term < starts[combination + 1]!; term++) {
    const value = witness[termWire[term]!]!;
    if (value === 0n) continue;
    const coefficient = signed[termCoefficient[term]!]!;
    if (coefficient === 1n) sum += value;
    else if (coefficient === -1n) sum -= value;
    else sum += coefficient * value;
  }
  if (sum >= 0n && sum < prime) return sum; // mostly, and cheaper than a division
  const reduced = sum % prime;
  return reduced < 0n ? reduced + prime : reduced;
}

/** Indices of the constraints that the witness violates, ascending. Throws on a witness of the wrong length or range. */
export function violations(r1cs: R1cs, witness: Witness): number[] {
  checkForm(r1cs, witness);
  if (witness.some((value) => !isReduced(r1cs, value))) throw new Error("a wire is not reduced");
  const violated: number[] = [];
  for (let constraint = 0; constraint < r1cs.constraints; constraint++) {
    if (isViolated(r1cs, constraint, witness)) violated.push(constraint);
  }
  return violated;
}

/** One constraint that the witness violates, the first from `from` on or else the first of all. Throws as `violations`. */
export function violation(r1cs: R1cs, witness: Witness, from = 0): number | undefined {
  checkForm(r1cs, witness);
  if (witness.some((value) => !isReduced(r1cs, value))) throw new Error("a wire is not reduced");
  for (let step = 0; step < r1cs.constraints; step++) {
    const constraint = (from + step) % r1cs.constraints;
    if (isViolated(r1cs, constraint, witness)) return constraint;
  }
  return undefined;
}

function checkForm(r1cs: R1cs, witness: Witness): void {
  if (witness.length !== r1cs.wires) throw new Error(`expected ${r1cs.wires} wires, found ${witness.length}`);
  if (witness[0] !== 1n) throw new Error("wire 0 must be one");
}
const isReduced = ({ prime }: R1cs, value: bigint) => value >= 0n && value < prime;

function isViolated(r1cs: R1cs, constraint: number, witness: Witness): boolean {
  const a = evaluate(r1cs, 3 * constraint, witness);
  const b = a === 0n ? 0n : evaluate(r1cs, 3 * constraint + 1, witness);
  return (a * b - evaluate(r1cs, 3 * constraint + 2, witness)) % r1cs.prime !== 0n;
}

/**
 * What `violations` finds, for witnesses that are much alike: each is compared with the one before, and only constraints that
 * hold a wire with another value are evaluated again.
 */
export function checker(r1cs: R1cs): (witness: Witness) => number[] {
  const { wires, constraints, starts, termWire } = r1cs;
  // For each wire the constraints that hold it.
  const from = new Uint32Array(wires + 1);
  for (const wire of termWire) from[wire + 1]!++;
  for (let wire = 0; wire < wires; wire++) from[wire + 1]! += from[wire]!;
  const holders = new Uint32Array(termWire.length);
  const cursor = from.slice(0, wires);
  for (let constraint = 0; constraint < constraints; constraint++) {
    for (let term = starts[3 * constraint]!; term < starts[3 * constraint + 3]!; term++) {
      holders[cursor[termWire[term]!]!++] = constraint;
    }
  }
  let last: { readonly witness: Witness; readonly violated: readonly number[] } | undefined;
  return (witness) => {
    if (last === undefined) {
      last = { witness: [...witness], violated: violations(r1cs, witness) };
      return [...last.violated];
    }
    checkForm(r1cs, witness);
    const affected = new Set<number>();
    for (let wire = 1; wire < wires; wire++) {
      if (witness[wire] === last.witness[wire]) continue;
      if (!isReduced(r1cs, witness[wire]!)) throw new Error("a wire is not reduced");
      for (let at = from[wire]!; at < from[wire + 1]!; at++) affected.add(holders[at]!);
    }
    const kept = last.violated.filter((constraint) => !affected.has(constraint));
    const violated = [...affected].filter((constraint) => isViolated(r1cs, constraint, witness));
    last = { witness: [...witness], violated: [...kept, ...violated].sort((one, other) => one - other) };
    return [...last.violated];
  };
}

/** Distinct wires of one constraint but the constant one, in order of appearance. */
export function wiresOf({ starts, termWire }: R1cs, constraint: number): number[] {
  const wires = new Set(termWire.subarray(starts[3 * constraint], starts[3 * constraint + 3]));
  wires.delete(0);
  return [...wires];
}

/** Writes a witness in snarkjs's format, so that other tools can check it (`snarkjs wtns check`). */
export function writeWtns(file: string, prime: bigint, witness: Witness): void {
  const n8 = Math.ceil(prime.toString(2).length / 64) * 8;
  const bytes = Buffer.alloc(12 + 12 + 4 + n8 + 4 + 12 + n8 * witness.length);
  let position = bytes.write("wtns", "latin1");
  const u32 = (value: number) => {
    position = bytes.writeUInt32LE(value, position);
  };
  const u64 = (value: bigint) => {
    position = bytes.writeBigUInt64LE(value, position);
  };
  const element = (value: bigint) => {
    for (let word = 0n; word < n8 / 8; word++) u64(BigInt.asUintN(64, value >> (64n * word)));
  };
  u32(2);
  u32(2);
  u32(1);
  u64(BigInt(4 + n8 + 4));
  u32(n8);
  element(prime);
  u32(witness.length);
  u32(2);
  u64(BigInt(n8 * witness.length));
  for (const value of witness) element(value);
  writeFileSync(file, bytes);
}

export function readWtns(file: string): Witness {
  const { view, at } = sectionsOf(readFileSync(file), "wtns");
  const header = at(1);
  const n8 = view.getUint32(header, true);
  const values = at(2);
  return Array.from({ length: view.getUint32(header + 4 + n8, true) }, (_, wire) =>
    readBytes(view, values + wire * n8, n8),
  );
}

/** Whether two systems are the same, wire for wire. */
export function sameConstraints(one: R1cs, other: R1cs): boolean {
  const equal = (a: Uint32Array, b: Uint32Array) => a.length === b.length && a.every((value, at) => value === b[at]);
  return (
    one.wires === other.wires &&
    one.publicInputs === other.publicInputs &&
    equal(one.starts, other.starts) &&
    equal(one.termWire, other.termWire) &&
    one.termCoefficient.every((index, at) => one.coefficients[index] === other.coefficients[other.termCoefficient[at]!])
  );
}
