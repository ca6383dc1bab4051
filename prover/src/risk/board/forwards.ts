// SPDX-License-Identifier: GPL-3.0-or-later
/** What linear contracts are priced from: forwards and basis, after a move. */
import { PlimsollError } from "../../errors.ts";
import type { Move, Terms, TracedValue, UnderlyingState } from "../model.ts";
import { growth } from "./black76.ts";

/**
 * A perpetual trades over spot by what its holders expect to pay in funding for as long as a gap lasts. Without cost of
 * arbitrage that is one funding period of carry, eight hours (S. He, A. Manela, O. Ross, V. von Wachter, Fundamentals of
 * Perpetual Futures, 2022). Arbitrage costs, and venues cap funding, so a day of it is taken. What a basis does beyond that
 * is left to the charge for closing.
 */
export const PERPETUAL_YEARS = 1 / 365;
/** A perpetual farther from spot than this is a wrong quote. */
const LARGEST_BASIS = 0.5;
const DAYS_A_YEAR = 365;

export const linear = (value: number, delta: number, formula: string, inputs: TracedValue["inputs"]): TracedValue => ({
  value,
  delta,
  vega: 0,
  formula,
  inputs,
});

/** Throws `OUT_OF_RANGE` for one that no market has. */
export function basisOf(terms: Terms): number {
  const basis = terms.number("basis");
  if (Math.abs(basis) <= LARGEST_BASIS) return basis;
  const rule = `expected a basis of at most ${LARGEST_BASIS} either way`;
  throw new PlimsollError("OUT_OF_RANGE", rule, { field: "basis" });
}

export const FORWARD = "spot · (1 + move) · exp((carry + carryMove) · (years − days / 365))";

/** The forward of an expiry after a move, and the time that is left, at least 0. */
export function forwardAfter({ spot, carry }: UnderlyingState, years: number, move: Move) {
  const { carry: carryMove = 0, days = 0 } = move;
  const left = Math.max(0, years - days / DAYS_A_YEAR);
  const forward = spot * (1 + move.price) * growth(carry + carryMove, left);
  return { forward, left, inputs: { spot, move: move.price, carry, carryMove, years, days } };
}
