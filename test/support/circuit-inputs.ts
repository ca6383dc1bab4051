// SPDX-License-Identifier: GPL-3.0-or-later
/** Random inputs, from everyday to the ends of every range, of any of the project's circuits. */
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { figureOf, weightsOf } from "../../prover/src/model/figure.ts";
import {
  type BoardSize,
  boardSizeOf,
  type CircuitName,
  instrumentsOf,
  isDisclosure,
  isMerge,
  isSettlement,
} from "../../prover/src/model/sizes.ts";
import { type CircuitInput, state } from "../../prover/src/statement/account.ts";
import { stateDisclosure } from "../../prover/src/statement/disclosure.ts";
import { stateMerge } from "../../prover/src/statement/merge.ts";
import { stateSettlement } from "../../prover/src/statement/settlement.ts";
import type { SettlementMarks } from "../../prover/src/statement/signals.ts";
import type { CashE6, ColumnE6, PositionLots, QuantityLots } from "../../prover/src/units.ts";
import {
  biased,
  type Rng,
  randomAccount,
  randomMarket,
  randomPolicy,
  randomRequest,
  randomViewingKey,
  seededRng,
} from "./random.ts";

/** Inputs that satisfy the circuit. */
export function circuitInputs(circuit: CircuitName, count: number, seed = 1): CircuitInput[] {
  const rng = seededRng(seed);
  const size = boardSizeOf(circuit);
  return Array.from({ length: count }, () => {
    if (isSettlement(circuit)) return randomSettlement(rng, size);
    if (isMerge(circuit)) return randomMerge(rng, size);
    if (isDisclosure(circuit)) return randomDisclosure(rng, size);
    return state(randomRequest(rng, size)).circuitInput;
  });
}

/** Two accounts whose sum is in range: each holds at most half of what may be held. */
function randomMerge(rng: Rng, size: BoardSize): CircuitInput {
  const part = () => {
    const account = randomAccount(rng, size);
    return {
      ...account,
      cash: (account.cash / 2n) as CashE6,
      collateral: account.collateral.map((lots) => (lots / 2n) as QuantityLots),
      positions: account.positions.map((lots) => (lots / 2n) as PositionLots),
      viewingKey: randomViewingKey(rng),
    };
  };
  const mergedViewingKey = randomViewingKey(rng);
  return stateMerge({ left: part(), right: part(), mergedViewingKey, context: rng.below(FIELD_ORDER) }).circuitInput;
}

/** The equity of an account, in a band of nothing else. */
function randomDisclosure(rng: Rng, size: BoardSize): CircuitInput {
  const account = randomAccount(rng, size);
  const weights = weightsOf({ kind: "equity" }, randomPolicy(rng), randomMarket(rng, size));
  const figure = figureOf(account, weights);
  const auditor = rng.below(FIELD_ORDER) as FieldElement;
  const band = { low: figure, high: figure };
  return stateDisclosure({ account, band, auditor, context: rng.below(FIELD_ORDER), weights }).circuitInput;
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
