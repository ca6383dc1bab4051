// SPDX-License-Identifier: GPL-3.0-or-later
/** Reader of circom's binary r1cs files (version 1), as far as a key needs them. */
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER } from "../field.ts";

/** Bytes of one term of a linear combination: wire number (32 bits), coefficient (32 bytes), both little-endian. */
export const TERM_BYTES = 36;

export interface R1cs {
  readonly wires: number;
  readonly outputs: number;
  /** Outputs and public inputs: wires 1 to `publics`. */
  readonly publics: number;
  /** Private inputs as declared; simplification may leave some without a wire. */
  readonly privates: number;
  readonly constraints: number;
  /**
   * The constraints: for each of them A, B and C, each a term count (32 bits) and that many terms. Wire numbers are
   * checked as they are walked, coefficients are taken to be below the field's order, as circom writes them.
   */
  readonly body: Uint8Array;
}

const HEADER = 1;
const CONSTRAINTS = 2;

function refuse(why: string): never {
  throw new PlimsollError("FIELD_INVALID", `not an r1cs file this software reads: ${why}`);
}

/** Parses the file's frame and header. Throws FIELD_INVALID for another format, field or version. */
export function readR1cs(file: Uint8Array): R1cs {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 12 || Buffer.from(file.subarray(0, 4)).toString("latin1") !== "r1cs") refuse("no r1cs mark");
  if (view.getUint32(4, true) !== 1) refuse("unknown version");
  const sections = new Map<number, [start: number, end: number]>();
  for (let at = 12, left = view.getUint32(8, true); left > 0; left--) {
    if (at + 12 > file.length) refuse("truncated");
    const start = at + 12;
    const end = start + Number(view.getBigUint64(at + 4, true));
    if (end > file.length) refuse("truncated");
    sections.set(view.getUint32(at, true), [start, end]);
    at = end;
  }
  const header = sections.get(HEADER) ?? refuse("no header");
  const body = sections.get(CONSTRAINTS) ?? refuse("no constraints");
  const at = header[0];
  if (header[1] - at !== 64 || view.getUint32(at, true) !== 32) refuse("unknown field size");
  const prime = BigInt(
    `0x${Buffer.from(file.subarray(at + 4, at + 36))
      .reverse()
      .toString("hex")}`,
  );
  if (prime !== FIELD_ORDER) refuse("not over the BN254 scalar field");
  return {
    wires: view.getUint32(at + 36, true),
    outputs: view.getUint32(at + 40, true),
    publics: view.getUint32(at + 40, true) + view.getUint32(at + 44, true),
    privates: view.getUint32(at + 48, true),
    constraints: view.getUint32(at + 60, true),
    body: file.subarray(...body),
  };
}

/** Calls `visit` for every term: matrix 0, 1, 2 for A, B, C; constraint; wire; offset of the coefficient in the body. */
export function forEachTerm(
  { wires, constraints, body }: R1cs,
  visit: (matrix: number, constraint: number, wire: number, coefficientAt: number) => void,
): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let at = 0;
  for (let constraint = 0; constraint < constraints; constraint++) {
    for (let matrix = 0; matrix < 3; matrix++) {
      if (at + 4 > body.length) refuse("truncated constraints");
      let terms = view.getUint32(at, true);
      at += 4;
      if (at + terms * TERM_BYTES > body.length) refuse("truncated constraints");
      for (; terms > 0; terms--, at += TERM_BYTES) {
        const wire = view.getUint32(at, true);
        if (wire >= wires) refuse("a wire that does not exist");
        visit(matrix, constraint, wire, at + 4);
      }
    }
  }
  if (at !== body.length) refuse("bytes after the last constraint");
}
