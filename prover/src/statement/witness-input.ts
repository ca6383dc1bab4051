// SPDX-License-Identifier: GPL-3.0-or-later
/** What a witness is computed from. PRIVATE: it holds the account. */
import type { FieldElement } from "../field.ts";

/** Signals of a circuit by name; nested arrays are flattened in row-major order. */
export type CircuitInput = Readonly<Record<string, FieldElement | readonly FieldElement[]>>;

/** The values of a hinted signal, nested by its indices. Signed integers: the field element is their residue. */
export type HintValues = bigint | readonly HintValues[];

/** Values of the signals that a family's row lists as hints, by the names there. */
export type Hints = Readonly<Record<string, HintValues>>;

export interface WitnessInput {
  /** Input of circom's witness generator, private inputs included. */
  readonly circuitInput: CircuitInput;
  /** What the circuit's constraints check and do not compute: a witness plan takes it in addition. */
  readonly hints: Hints;
}
