// SPDX-License-Identifier: GPL-3.0-or-later
/** Random inputs, from everyday to the ends of every range, of any of the project's circuits. */
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { stateSettlement } from "../../prover/src/model/settlement.ts";
import type { SettlementMarks } from "../../prover/src/model/signals.ts";
import {
  type BoardSize,
  boardSizeOf,
  type CircuitName,
  instrumentsOf,
  isSettlement,
} from "../../prover/src/model/sizes.ts";
import { type CircuitInput, state } from "../../prover/src/model/statement.ts";
import type { CashE6, ColumnE6 } from "../../prover/src/units.ts";
import { biased, type Rng, randomAccount, randomRequest, seededRng } from "./random.ts";

/** Inputs that satisfy the circuit. */
export function circuitInputs(circuit: CircuitName, count: number, seed = 1): CircuitInput[] {
  const rng = seededRng(seed);
  return Array.from({ length: count }, () =>
    isSettlement(circuit)
      ? randomSettlement(rng, boardSizeOf(circuit))
      : state(randomRequest(rng, boardSizeOf(circuit))).circuitInput,
  );
}

/** Marks that leave cash in range, for an account with little of it. */
function randomSettlement(rng: Rng, size: BoardSize): CircuitInput {
  const before = { ...randomAccount(rng, size), cash: biased(rng, -(10n ** 15n), 10n ** 15n) as CashE6 };
  const top = (1n << 63n) / (BigInt(instrumentsOf(size)) << 32n);
  const share = rng.pick([0, 0.1, 0.5, 1]);
  const rows = Array.from({ length: instrumentsOf(size) }, (_, row) => row).filter(() => rng.chance(share));
  const marks: SettlementMarks = new Map(rows.map((row) => [row, biased(rng, -top, top) as ColumnE6]));
  return stateSettlement({ before, marks, context: rng.below(FIELD_ORDER) }).circuitInput;
}
