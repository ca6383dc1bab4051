// SPDX-License-Identifier: GPL-3.0-or-later
/** Random inputs, from everyday to the ends of every range, of any of the project's circuits. */

import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { figureOf, weightsOf } from "../../prover/src/model/figure.ts";
import { type BoardSize, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { buildStatement } from "../../prover/src/statement/account.ts";
import { buildBookStatement } from "../../prover/src/statement/book.ts";
import { buildDisclosureStatement } from "../../prover/src/statement/disclosure.ts";
import { boardSizeOf, type CircuitName, isOf, shapeOf } from "../../prover/src/statement/families.ts";
import { buildLotStatement } from "../../prover/src/statement/lot.ts";
import { buildMergeStatement } from "../../prover/src/statement/merge.ts";
import { buildRoundStatement } from "../../prover/src/statement/round.ts";
import { buildSettlementStatement } from "../../prover/src/statement/settlement.ts";
import type { SettlementMarks } from "../../prover/src/statement/signals.ts";
import type { WitnessInput } from "../../prover/src/statement/witness-input.ts";
import type { CashE6, ColumnE6, PositionLots, QuantityLots } from "../../prover/src/units.ts";
import { coveredStep } from "./books.ts";
import { admissibleLot } from "./lots.ts";
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
import { coveredRound } from "./rounds.ts";

/** What a circuit takes, and what anybody sees of it. */
type Told = WitnessInput & { readonly publicSignals: readonly FieldElement[] };

/** Inputs that satisfy the circuit. */
export function circuitInputs(circuit: CircuitName, count: number, seed = 1): Told[] {
  const rng = seededRng(seed);
  const size = boardSizeOf(circuit);
  return Array.from({ length: count }, () => {
    if (isOf("settlement", circuit)) return randomSettlement(rng, size);
    if (isOf("merge", circuit)) return randomMerge(rng, size);
    if (isOf("disclosure", circuit)) return randomDisclosure(rng, size);
    if (isOf("book", circuit)) return buildBookStatement(coveredStep(rng, circuit));
    if (isOf("round", circuit)) return buildRoundStatement(coveredRound(rng, size, shapeOf(circuit).members!));
    if (isOf("lot", circuit)) {
      const { step, ...rest } = admissibleLot(rng, size);
      return buildLotStatement({ ...step, ...rest, context: rng.below(FIELD_ORDER) });
    }
    return buildStatement(randomRequest(rng, size));
  });
}

/** Two accounts whose sum is in range: each holds at most half of what may be held. */
function randomMerge(rng: Rng, size: BoardSize): Told {
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
  return buildMergeStatement({ left: part(), right: part(), mergedViewingKey, context: rng.below(FIELD_ORDER) });
}

/** The equity of an account, in a band of nothing else. */
function randomDisclosure(rng: Rng, size: BoardSize): Told {
  const account = randomAccount(rng, size);
  const weights = weightsOf({ kind: "equity" }, randomPolicy(rng), randomMarket(rng, size));
  const figure = figureOf(account, weights);
  const auditor = rng.below(FIELD_ORDER) as FieldElement;
  const band = { low: figure, high: figure };
  return buildDisclosureStatement({ account, band, auditor, context: rng.below(FIELD_ORDER), weights });
}

/** Marks that leave cash in range, for an account with little of it. */
function randomSettlement(rng: Rng, size: BoardSize): Told {
  const before = { ...randomAccount(rng, size), cash: biased(rng, -(10n ** 15n), 10n ** 15n) as CashE6 };
  const top = (1n << 63n) / (BigInt(instrumentsOf(size)) << 32n);
  const share = rng.pick([0, 0.1, 0.5, 1]);
  const rows = Array.from({ length: instrumentsOf(size) }, (_, row) => row).filter(() => rng.chance(share));
  const marks: SettlementMarks = new Map(rows.map((row) => [row, biased(rng, -top, top) as ColumnE6]));
  return buildSettlementStatement({ before, marks, context: rng.below(FIELD_ORDER) });
}
