// SPDX-License-Identifier: GPL-3.0-or-later
/** What every circuit that values accounts takes: the market they are valued at, and the hints of each valuation. */
import { toField } from "../field.ts";
import { type Evaluation, worstLoss } from "../model/evaluate.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import { TIERS } from "../model/sizes.ts";
import { WORTH_HINTS } from "./families.ts";
import { boardSignals, policySignals, ROW_VALUES } from "./signals.ts";
import type { CircuitInput, Hints, HintValues } from "./witness-input.ts";

/** Public inputs of policy, prices and board, by the name of the circuit's signal: `marketSignals` has them in order. */
export function marketInputs(policy: Policy, market: Market): CircuitInput {
  const board = boardSignals(market.board);
  const rowValues = ROW_VALUES * market.board.rows.length;
  return {
    policy: policySignals(policy),
    debtRate: toField(policy.debtRateBps),
    prices: market.prices.map(toField),
    rows: board.slice(0, rowValues),
    blocks: board.slice(rowValues),
  };
}

/** The values of `WORTH_HINTS`, by the names there. */
export function worthHints({ assets, runs }: Evaluation): Readonly<Record<(typeof WORTH_HINTS)[number], HintValues>> {
  return {
    "haircut.selected": assets.map(({ tier }) => selectedPiece(tier)),
    "scanned.whole": assets.map(({ scannedLots }) => scannedLots),
    "set.column": runs.map(({ profits, mark, delta, vega }) => [...profits, mark, delta, vega]),
    "set.scan": runs.map(({ profits }) => worstLoss(profits)),
  };
}

/** The same of each member of a round or a book, by the names in its row of the table. */
export function memberHints(evaluations: readonly Evaluation[]): Hints {
  const worth = evaluations.map(worthHints);
  return Object.fromEntries(
    WORTH_HINTS.map((name) => [`member.covered.worth.${name}`, worth.map((hints) => hints[name])]),
  );
}

/** For each piece of a haircut schedule whether it holds the quantity; piece TIERS is above the last boundary. */
export const selectedPiece = (tier: number): bigint[] =>
  Array.from({ length: TIERS + 1 }, (_, piece) => (piece === tier ? 1n : 0n));
