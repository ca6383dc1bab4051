// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Valuation models of contracts that are not one unit of one underlying: inverse ones, paid in coin, and rows on two.
 *
 * Coin cash. An inverse contract pays in coin: one quote unit of face, bought at F0, has gained 1 / F0 − 1 / F coins at F. The
 * first part is the same for ever, and differs by holder; the second is the same for every holder. So the first is coin cash, a
 * long position in the coin's own row, and the second is the mark of the contract: −S / F in quote currency, S being spot.
 * Together they are worth S · (1 / F0 − 1 / F), whatever the price does; a trade at the mark changes no equity. A quanto, or an
 * option whose premium is paid in coin, costs coin cash the other way round: its price in coin. The term `coin` names that row,
 * and the reader of accounts turns entry prices into coin cash (formats/cash.ts).
 */
import { PlimsollError } from "../../errors.ts";
import { type Instrument, own } from "../input.ts";
import { STILL, type ValuationModel } from "../model.ts";
import { basisOf, FORWARD, forwardAfter, linear, PERPETUAL_YEARS } from "./forwards.ts";

/** One quote unit of face of a perpetual that pays in coin. `fundingPaid` is in coins, by one long unit since listing, net. */
const inversePerpetual: ValuationModel = {
  id: "inverse-perpetual",
  closing: "linear",
  terms: ["coin"],
  quotes: ["basis", "fundingPaid"],
  bind: (terms, { spot }) => {
    terms.text("coin");
    const basis = basisOf(terms);
    const fundingPaid = terms.number("fundingPaid");
    return (move) => {
      const carryMove = move.carry ?? 0;
      const paid = spot * (1 + move.price) * fundingPaid;
      const value = -1 / (1 + basis + carryMove * PERPETUAL_YEARS) - paid;
      const formula = "−1 / (1 + basis + carryMove · dayInYears) − spot · (1 + move) · fundingPaid";
      const inputs = { spot, move: move.price, basis, carryMove, dayInYears: PERPETUAL_YEARS, fundingPaid };
      return { ...linear(value, -paid, formula, inputs), notional: 1 };
    };
  },
};

/** One quote unit of face of a future that pays in coin: spot over forward, and the coin's own price is in its coin cash. */
const inverseFuture: ValuationModel = {
  id: "inverse-future",
  closing: "linear",
  terms: ["expiry", "coin"],
  quotes: [],
  bind: (terms, seen) => {
    terms.text("coin");
    const years = terms.years("expiry");
    return (move) => {
      const { forward, inputs } = forwardAfter(seen, years, move);
      const value = (-seen.spot * (1 + move.price)) / forward;
      return { ...linear(value, 0, `−spot · (1 + move) / (${FORWARD})`, { ...inputs, forward }), notional: 1 };
    };
  },
};

export const COIN_MARGINED: readonly ValuationModel[] = [inversePerpetual, inverseFuture];

/** A forward of the underlying against `units` forwards of another, both of one expiry, in quote currency. */
const spread: ValuationModel = {
  id: "spread",
  closing: "linear",
  terms: ["expiry", "against", "units"],
  others: ["against"],
  quotes: [],
  bind: (terms, seen, other) => {
    const against = terms.text("against");
    const bought = other(against);
    const units = terms.number("units", "positive");
    const years = terms.years("expiry");
    return (move, moves = {}) => {
      const one = forwardAfter(seen, years, move);
      const two = forwardAfter(bought, years, moves[against] ?? STILL);
      const value = one.forward - units * two.forward;
      const formula = `forward − units · againstForward, each = ${FORWARD} of its own`;
      const inputs = { ...one.inputs, forward: one.forward, units, againstForward: two.forward };
      return {
        ...linear(value, value, formula, inputs),
        deltas: { [seen.name]: one.forward, [against]: -units * two.forward },
        notional: seen.spot + units * bought.spot,
      };
    };
  },
};

/**
 * A contract on the product of two prices, or on their quotient, with a basis that is observed: a quanto (the price of the
 * underlying, paid in so many coins of another) or a ratio (the price of one in units of another, paid in quote currency).
 */
const onTwo = (id: string, power: 1 | -1, words: string, paid: readonly string[]): ValuationModel => ({
  id,
  closing: "linear",
  terms: ["against", ...paid],
  others: ["against"],
  quotes: ["basis"],
  bind: (terms, seen, other) => {
    const { spot } = seen;
    const against = terms.text("against");
    const { spot: againstSpot } = other(against);
    const basis = basisOf(terms);
    for (const term of paid) terms.text(term);
    return (move, moves = {}) => {
      const againstMove = (moves[against] ?? STILL).price;
      const value = spot * (1 + move.price) * (againstSpot * (1 + againstMove)) ** power * (1 + basis);
      const formula = `spot · (1 + move) ${words} (againstSpot · (1 + againstMove)) · (1 + basis)`;
      const inputs = { spot, move: move.price, againstSpot, againstMove, basis };
      return {
        ...linear(value, value * (1 + power), formula, inputs),
        deltas: { [seen.name]: value, [against]: power * value },
        notional: Math.abs(value),
      };
    };
  },
});

export const SEVERAL_UNDERLYINGS: readonly ValuationModel[] = [
  spread,
  onTwo("quanto", 1, "·", ["coin"]),
  onTwo("ratio", -1, "/", []),
];

/**
 * Checks that the row that an instrument is paid in is listed, can be held, and is the coin itself: of its own underlying, or of
 * the one that a quanto is paid in. Throws `UNKNOWN_NAME` or `FIELD_INVALID`.
 */
export function checkCoinRow(
  { model, underlying, terms }: Instrument,
  instruments: readonly (Instrument | null)[],
): void {
  const symbol = own(terms, "coin");
  if (symbol === undefined) return;
  const row = instruments.find((each) => each?.symbol === symbol);
  if (!row) throw new PlimsollError("UNKNOWN_NAME", "no row of this name is listed", { field: "coin" });
  const paidIn = model === "quanto" ? own(terms, "against") : underlying;
  if (row.model !== "spot" || row.traded === false || row.underlying !== paidIn) {
    const rule = `expected a spot row on ${paidIn} that accounts may hold`;
    throw new PlimsollError("FIELD_INVALID", rule, { field: "coin" });
  }
}
