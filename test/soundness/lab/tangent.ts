// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The tangent space of a constraint system at a witness: in which directions can all signals but the inputs move together
 * so that every constraint still holds to first order? `tangent <file.r1cs> <file.sym> <witness.wtns>…`
 *
 * The derivative of A · B − C at a witness is one row over the signals that are not inputs. Rank equal to their number
 * says that the witness is isolated: no family of witnesses with the same inputs runs through it. Less says that there
 * are free directions; each is named by the signals that move in it. This finds *joint* freedoms, several signals that
 * hold each other but nothing else, that an analysis signal by signal may only report as unknown.
 *
 * What it does not show: another witness that is not connected to this one (a second root, an alias of a decomposition:
 * digits cannot move a little). And a free direction at one witness need not be a freedom: where a product vanishes to
 * second order (x · x = 0) the derivative is zero though x is fixed. In our circuits nothing depends on that: the scan is
 * held by its digits as well as by its product of gaps, so that ties between scenarios leave the rank full.
 */
import { pathToFileURL } from "node:url";
import { echelon, type Form, field, formOf } from "./forms.ts";
import { evaluate, type R1cs, readR1cs, readSymbols, readWtns, violations, type Witness } from "./r1cs.ts";

export interface Tangent {
  /** Signals that are not inputs. */
  readonly columns: number;
  readonly rank: number;
  /** For each free direction of a basis, the wires that move in it. */
  readonly directions: readonly (readonly number[])[];
}

/** Throws where the witness does not satisfy the constraints. */
export function tangentSpace(r1cs: R1cs, witness: Witness): Tangent {
  if (violations(r1cs, witness).length > 0) throw new Error("the witness violates the constraints");
  const F = field(r1cs.prime);
  const firstInput = 1 + r1cs.outputs;
  const endInput = firstInput + r1cs.publicInputs + r1cs.privateInputs;
  const isColumn = (wire: number) => wire > 0 && (wire < firstInput || wire >= endInput);
  const rows: Form[] = [];
  for (let constraint = 0; constraint < r1cs.constraints; constraint++) {
    const [a, b, c] = [0, 1, 2].map((part) => formOf(r1cs, 3 * constraint + part)) as [Form, Form, Form];
    const slopeA = evaluate(r1cs, 3 * constraint + 1, witness);
    const slopeB = evaluate(r1cs, 3 * constraint, witness);
    const row = F.add(F.add(F.scale(a, slopeA), F.scale(b, slopeB)), c, -1n);
    const places = row.atoms.map((_, place) => place).filter((place) => isColumn(row.atoms[place]!));
    if (places.length === 0) continue;
    rows.push({
      atoms: places.map((place) => row.atoms[place]!),
      values: places.map((place) => row.values[place]!),
      constant: 0n,
    });
  }
  // Short rows first: most are single digits, which cannot move and so leave every other row.
  rows.sort((left, right) => left.atoms.length - right.atoms.length);
  const fixed = new Set<number>();
  const found: number[] = [];
  const span = echelon(F, (atom) => found.push(atom));
  for (const row of rows) {
    span.insert(row);
    for (let atom = found.pop(); atom !== undefined; atom = found.pop()) {
      fixed.add(atom);
      span.drop(atom);
    }
  }
  const directions = new Map<number, number[]>();
  let columns = 0;
  for (let wire = 1; wire < r1cs.wires; wire++) {
    if (!isColumn(wire)) continue;
    columns++;
    if (!fixed.has(wire) && !span.rows.has(wire)) directions.set(wire, [wire]);
  }
  for (const [pivot, row] of span.rows) for (const atom of row.keys()) directions.get(atom)?.push(pivot);
  return { columns, rank: columns - directions.size, directions: [...directions.values()] };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [r1csFile, symFile, ...witnesses] = process.argv.slice(2);
  if (r1csFile === undefined || symFile === undefined || witnesses.length === 0) {
    process.stderr.write("usage: tangent <file.r1cs> <file.sym> <witness.wtns>…\n");
    process.exit(2);
  }
  const r1cs = readR1cs(r1csFile);
  const symbols = readSymbols(symFile);
  for (const file of witnesses) {
    const { columns, rank, directions } = tangentSpace(r1cs, readWtns(file));
    process.stdout.write(`${file}: rank ${rank} of ${columns}\n`);
    for (const wires of directions.slice(0, 20)) {
      process.stdout.write(`  free: ${wires.slice(0, 8).map(symbols.nameOf).join(", ")}\n`);
    }
    if (rank < columns) process.exitCode = 1;
  }
}
