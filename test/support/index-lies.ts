// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Lies told at every index of Merge, Settlement and Disclosure at once. Every commitment, sum and figure is of what is
 * claimed, so that a lie is stopped by the check of its own index and by nothing else: where that check is missing, its
 * label is missing from what stops the lie, and the lie told there alone is accepted.
 */
import { FIELD_ORDER, toField } from "../../prover/src/field.ts";
import { packWide } from "../../prover/src/model/commit.ts";
import type { Inputs } from "../soundness/lab/generate.ts";
import { type R1cs, violations, type Witness, wiresOf } from "../soundness/lab/r1cs.ts";
import type { RangeCheck } from "../soundness/lab/ranges.ts";
import { disclosureLies } from "./disclosure-lies.ts";
import { upTo } from "./ledger.ts";
import {
  bent,
  carried,
  type Holding,
  honestHolding,
  type Lie,
  OUT,
  RANGES,
  type Subject,
  type Tells,
  type World,
} from "./lying.ts";

export interface MergeClaim {
  readonly left: Holding;
  readonly right: Holding;
  /** The sums unless said. */
  readonly merged?: Holding;
  readonly context?: bigint;
}

/** What both hold together, in range or not. */
export const together = (left: Holding, right: Holding, blinding = 31_337n): Holding => ({
  positions: left.positions.map((lots, row) => lots + right.positions[row]!),
  collateral: left.collateral.map((lots, asset) => lots + right.collateral[asset]!),
  cash: left.cash + right.cash,
  blinding,
});

/** Inputs of a claim: every commitment is of what is claimed. */
export function mergeInputs({ stateOf }: World, claim: MergeClaim): Inputs {
  const { left, right, merged = together(left, right), context = 7n } = claim;
  return {
    stateLeft: stateOf(left),
    stateRight: stateOf(right),
    stateMerged: stateOf(merged),
    context: toField(context),
    positionsLeft: left.positions.map(toField),
    collateralLeft: left.collateral.map(toField),
    cashLeft: toField(left.cash),
    blindingLeft: toField(left.blinding),
    positionsRight: right.positions.map(toField),
    collateralRight: right.collateral.map(toField),
    cashRight: toField(right.cash),
    blindingRight: toField(right.blinding),
    blindingMerged: toField(merged.blinding),
  };
}

function* mergeLies(world: World, tells: Tells): Generator<Lie> {
  const { of } = world;
  const honest = { Left: honestHolding(of, 1n), Right: honestHolding(of, 2n) };
  const lie = (name: string, { Left, Right }: typeof honest, stops: ReadonlySet<string>): Lie => ({
    name,
    inputs: mergeInputs(world, { left: Left, right: Right }),
    stops,
  });
  const parts = ["positions", "collateral", "cash"] as const;
  for (const side of ["Left", "Right"] as const) {
    for (const [value, bend] of OUT) {
      const { holding, stops } = bent(honest[side], side, parts, tells, bend);
      yield lie(`${side}: ${value}`, { ...honest, [side]: holding }, stops);
    }
    for (const part of ["positions", "collateral"] as const) {
      for (const parity of [0, 1]) {
        const { holding, stops } = carried(honest[side], side, part, parity, tells);
        yield lie(`${side}: ${part} with a carry, ${parity}`, { ...honest, [side]: holding }, stops);
      }
    }
  }
  const owed = bent(honest.Left, "Left", parts, tells, (value) => value - (1n << 70n));
  const owned = bent(honest.Right, "Right", parts, tells, (value) => value + (1n << 70n));
  yield lie(
    "2^70 less on the left, as much more on the right",
    { Left: owed.holding, Right: owned.holding },
    new Set([...owed.stops, ...owned.stops]),
  );
}

/** Whether a row expires, and what a lot of it settles at. */
export type Mark = readonly [expired: bigint, value: bigint];

export interface SettlementClaim {
  readonly before: Holding;
  /** What follows from before and marks unless said. */
  readonly after?: Holding;
  readonly marks: readonly Mark[];
  readonly context?: bigint;
}

/** What is left and paid, in range or not. */
export const settled = (before: Holding, marks: readonly Mark[]): Holding => ({
  ...before,
  positions: before.positions.map((lots, row) => lots - marks[row]![0] * lots),
  cash: before.positions.reduce((sum, lots, row) => sum + marks[row]![0] * marks[row]![1] * lots, before.cash),
  blinding: before.blinding + 1n,
});

/** Inputs of a claim: every commitment is of what is claimed. */
export function settlementInputs({ stateOf }: World, claim: SettlementClaim): Inputs {
  const { before, marks, after = settled(before, marks), context = 7n } = claim;
  return {
    stateBefore: stateOf(before),
    stateAfter: stateOf(after),
    context: toField(context),
    marks: marks.flat().map(toField),
    positionsBefore: before.positions.map(toField),
    collateral: packWide(before.collateral),
    cashBefore: toField(before.cash),
    blindingBefore: toField(before.blinding),
  };
}

/** Marks under which every third row expires. */
export const someMarks = ({ instruments }: World["of"]): Mark[] =>
  upTo(instruments).map((row) => [row % 3 === 0 ? 1n : 0n, BigInt(row * 7 - 50) * 1_000_000n]);

function* settlementLies(world: World, tells: Tells): Generator<Lie> {
  const { of } = world;
  const honest = honestHolding(of, 1n);
  const marks = someMarks(of);
  const flags = marks.map(([expired]) => expired);
  /** Cash after is honest unless said: cash before gives way. */
  const lie = (
    name: string,
    before: Holding,
    stops: ReadonlySet<string>,
    expired: readonly bigint[] = flags,
    cash = honest.cash,
  ): Lie => {
    const told = marks.map(([, value], row): Mark => [expired[row]!, value]);
    const paid = settled(before, told).cash - before.cash;
    const inputs = settlementInputs(world, { before: { ...before, cash: cash - paid }, marks: told });
    return { name, inputs, stops };
  };
  for (const [value, bend] of OUT) {
    const { holding, stops } = bent(honest, "Before", ["positions"], tells, bend);
    yield lie(`positions: ${value}`, holding, stops);
    if (tells("cashAfter")) {
      yield lie(`cash: ${value}`, honest, new Set(["cashAfter"]), flags, bend(honest.cash, ...RANGES.cash));
    }
  }
  for (const parity of [0, 1]) {
    const { holding, stops } = carried(honest, "Before", "positions", parity, tells);
    yield lie(`positions with a carry, ${parity}`, holding, stops);
  }
  for (const flag of [2n, -1n, (FIELD_ORDER + 1n) / 2n, 1n << 70n]) {
    const stops = new Set(flags.map((_, row) => `marks[${row}][0]`).filter(tells));
    const expired = flags.map((old, row) => (stops.has(`marks[${row}][0]`) ? flag : old));
    yield lie(`expired: ${flag}`, honest, stops, expired);
  }
}

const LIES = { merge: mergeLies, settlement: settlementLies, disclosure: disclosureLies } as const;

/** Every lie, told at every index, or about the labels given alone. One that has nothing to lie about is left out. */
export function* indexLies(subject: World, tells: Tells = () => true): Generator<Lie> {
  for (const lie of LIES[subject.family](subject, tells)) if (lie.stops.size > 0) yield lie;
}

/** What is claimed where nothing is a lie. */
export const truth = (subject: World): Inputs => LIES[subject.family](subject, () => false).next().value!.inputs;

/** What the digits of a check are to add up to, its least digit lowest. */
function digitsOf({ form, low }: RangeCheck, witness: Witness, { prime }: R1cs): bigint {
  const value = form.atoms.reduce((sum, atom, index) => sum + form.values[index]! * witness[atom]!, 0n);
  return (((value - low) % prime) + prime) % prime;
}

/** The witness of a lie: what the generator makes of its inputs, with what is told, and digits that follow. */
export function witnessOf({ build: { generate, r1cs, symbols }, ledger }: Subject, { inputs, told }: Lie): Witness {
  const witness = [...generate(inputs)];
  if (told === undefined || told.size === 0) return witness;
  for (const [name, value] of told) {
    if (!symbols.has(name)) throw new Error(`the circuit has no signal ${name}`);
    const wire = symbols.wireOf(name);
    if (wire !== undefined) witness[wire] = toField(value);
  }
  for (const check of ledger.held.values()) {
    if (check === undefined) continue;
    const { digits } = check;
    const bits = digitsOf(check, witness, r1cs);
    for (const [place, { wire, complement }] of digits.entries()) {
      if (wire !== undefined) witness[wire] = ((bits >> BigInt(place)) & 1n) ^ (complement ? 1n : 0n);
    }
  }
  return witness;
}

/** What stops a witness, ascending: labels of the ledger, else the signals of the constraint. */
export function stoppedBy({ build: { r1cs, symbols }, ledger }: Subject, witness: Witness): string[] {
  const found = violations(r1cs, witness).map(
    (constraint) => ledger.labelOf(constraint) ?? wiresOf(r1cs, constraint).slice(0, 6).map(symbols.nameOf).join(", "),
  );
  return [...new Set(found)].sort();
}

/**
 * A witness in which every digit of every check is beyond 0 and 1 and all sums are as they were; and what must stop it: the
 * constraints of all digits, one each. A digit's value is the wire's, or what the others leave where it has no wire.
 */
export function beyondDigits({ build: { r1cs }, ledger }: Subject, honest: Witness) {
  const witness = [...honest];
  const stops: number[] = [];
  for (const check of ledger.held.values()) {
    if (check === undefined) continue;
    const { digits } = check;
    const bits = digitsOf(check, witness, r1cs);
    // The highest moves by one, away from 0 and 1; each one below pays for the one above and moves by one itself.
    let carry = (bits >> BigInt(digits.length - 1)) & 1n ? 1n : -1n;
    const moves = digits.map(() => carry);
    for (let place = digits.length - 2; place >= 0; place--) {
      moves[place] = place > 0 ? -3n * carry : -2n * carry;
      carry = -carry;
    }
    for (const [place, { wire, complement, constraint }] of digits.entries()) {
      stops.push(constraint);
      if (wire !== undefined) witness[wire] = toField(witness[wire]! + (complement ? -moves[place]! : moves[place]!));
    }
  }
  return { witness, stops: stops.sort((one, other) => one - other) };
}
