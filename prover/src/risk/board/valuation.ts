// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Valuation models by id. A new one is one more entry here: none of the others knows of it, nor does a scenario model,
 * the circuit or a contract.
 *
 * Marks follow one convention for every kind of row: the mark is what one long unit is worth *with its price fully
 * paid*, because a fill moves cash by price times quantity. A future bought at its mark costs the mark in cash and
 * shows it as value, so the trade itself changes no equity, and equity = collateral + cash + Σ position · mark.
 *
 * A move shifts spot and forwards alike (carry and basis stand still), keeps each option's own volatility at its
 * strike, and passes no time.
 */
import { PlimsollError } from "../../errors.ts";
import type { TracedValue, ValuationModel } from "../model.ts";
import { black76, growth } from "./black76.ts";

const REFERENCE_YEARS = 30 / 365;

const linear = (value: number, delta: number, formula: string, inputs: TracedValue["inputs"]): TracedValue => ({
  value,
  delta,
  vega: 0,
  formula,
  inputs,
});

/** The asset itself. */
const spot: ValuationModel = {
  id: "spot",
  closing: "linear",
  terms: [],
  quotes: [],
  bind:
    (_, { spot }) =>
    (move) => {
      const price = spot * (1 + move.price);
      return linear(price, price, "spot · (1 + move)", { spot, move: move.price });
    },
};

/**
 * A debt in an asset: the borrower is short. One unit owes `index` units today, since interest is added to the index
 * from the day of listing, as it is with funding: no payment, and every account pays the same.
 */
const borrowed: ValuationModel = {
  id: "borrowed",
  closing: "linear",
  terms: [],
  quotes: ["index"],
  bind: (terms, { spot }) => {
    const index = terms.number("index", "positive");
    return (move) => {
      const owed = spot * (1 + move.price) * index;
      return linear(owed, owed, "spot · (1 + move) · index", { spot, move: move.price, index });
    };
  },
};

/**
 * A contract without expiry, held to its underlying by funding. `basis` is its price over spot, as a fraction;
 * `fundingPaid` what one long unit has paid since listing, net: it reaches every account through the mark and needs no
 * payment. A fill at price P moves cash by P minus that same sum.
 */
const perpetual: ValuationModel = {
  id: "perpetual",
  closing: "linear",
  terms: [],
  quotes: ["basis", "fundingPaid"],
  bind: (terms, { spot }) => {
    const basis = terms.number("basis");
    const fundingPaid = terms.number("fundingPaid");
    return (move) => {
      const contract = spot * (1 + move.price) * (1 + basis);
      const inputs = { spot, move: move.price, basis, fundingPaid };
      return linear(contract - fundingPaid, contract, "spot · (1 + move) · (1 + basis) − fundingPaid", inputs);
    };
  },
};

/** Marked at its forward, undiscounted. */
const future: ValuationModel = {
  id: "future",
  closing: "linear",
  terms: ["expiry"],
  quotes: [],
  bind: (terms, { spot, carry }) => {
    const years = terms.years("expiry");
    return (move) => {
      const forward = spot * (1 + move.price) * growth(carry, years);
      const inputs = { spot, move: move.price, carry, years };
      return linear(forward, forward, "spot · (1 + move) · exp(carry · years)", inputs);
    };
  },
};

/**
 * A volatility move belongs to a 30-day option: implied volatility of short expiries moves more, of long ones less,
 * about with the square root of time. Held between half and one and a half of the move.
 */
function volatilityAfter(volatility: number, years: number, move: number): number {
  const scale = Math.min(1.5, Math.max(0.5, Math.sqrt(REFERENCE_YEARS / years)));
  return volatility * Math.max(0, 1 + move * scale);
}

/** A European option on the forward of its own expiry, settled in cash; its volatility is that of the surface. */
const option: ValuationModel = {
  id: "option",
  closing: "option",
  terms: ["expiry", "strike", "right"],
  quotes: [],
  bind: (terms, seen) => {
    const { spot, carry, rate } = seen;
    const years = terms.years("expiry");
    const strike = terms.number("strike", "positive");
    const right = terms.text("right");
    if (right !== "call" && right !== "put") {
      throw new PlimsollError("FIELD_INVALID", 'expected "call" or "put"', { field: "right" });
    }
    const quoted = seen.surface().volatility(strike, years, spot * growth(carry, years));
    return (move) => {
      const forward = spot * (1 + move.price) * growth(carry, years);
      const volatility = volatilityAfter(quoted, years, move.volatility);
      const { value, forwardDelta, vega } = black76({ forward, strike, years, volatility, rate, right });
      const sign = right === "call" ? "F·Φ(d1) − K·Φ(d2)" : "K·Φ(−d2) − F·Φ(−d1)";
      return {
        value,
        delta: forwardDelta * forward,
        vega,
        formula: `Black-76: exp(−rate · years) · (${sign}), F = spot · (1 + move) · exp(carry · years), K = strike`,
        inputs: {
          spot,
          move: move.price,
          carry,
          years,
          forward,
          strike,
          quotedVolatility: quoted,
          volatilityMove: move.volatility,
          volatility,
          rate,
        },
      };
    };
  },
};

/**
 * A token that redeems for a growing number of units of its underlying and trades at a discount to them. Rate and
 * discount are risks apart: what it redeems for can be cut (a slashing, a loss), and the discount can widen while
 * nothing is lost. Discount 0 to 1.
 */
const yieldBearing: ValuationModel = {
  id: "yield-bearing",
  closing: "linear",
  terms: [],
  quotes: ["redemption", "discount"],
  bind: (terms, { spot }) => {
    const redemption = terms.number("redemption", "positive");
    const discount = terms.number("discount");
    if (!(discount < 1)) throw new PlimsollError("OUT_OF_RANGE", "expected a discount below 1", { field: "discount" });
    return (move) => {
      const widened = Math.min(1, discount + (move.discount ?? 0));
      const redeems = redemption * (1 + (move.redemption ?? 0));
      const value = spot * (1 + move.price) * redeems * (1 - widened);
      const formula = "spot · (1 + move) · redemption · (1 + redemptionMove) · (1 − min(1, discount + discountMove))";
      const inputs = {
        spot,
        move: move.price,
        redemption,
        redemptionMove: move.redemption ?? 0,
        discount,
        discountMove: move.discount ?? 0,
      };
      return linear(value, value, formula, inputs);
    };
  },
};

/**
 * Whatever is known by sensitivities alone, for example from a CRIF file: value plus first and second order in the price
 * and first in the volatility. `deltaUnit` and `gammaUnit` are per relative move of the underlying, `vegaUnit` per
 * relative move of its volatility. The vega of the row is `vegaUnit` as it is, as of a volatility of 100%: what is known
 * does not say the volatility.
 */
const sensitivities: ValuationModel = {
  id: "sensitivities",
  closing: "option",
  terms: [],
  quotes: ["value", "delta", "gamma", "vega"],
  bind: (terms) => {
    const [value, delta, gamma, vega] = ["value", "delta", "gamma", "vega"].map((name) => terms.number(name)) as [
      number,
      number,
      number,
      number,
    ];
    return ({ price, volatility }) => ({
      value: value + delta * price + (gamma / 2) * price * price + vega * volatility,
      delta: delta + gamma * price,
      vega,
      formula: "value + delta · move + gamma / 2 · move² + vega · volatilityMove",
      inputs: { value, delta, gamma, vega, move: price, volatilityMove: volatility },
    });
  },
};

/**
 * What has expired: its row keeps the final value as mark, so that nobody's debt or claim goes with the contract, and
 * nothing else. A row is never emptied while anybody may hold it.
 */
const settled: ValuationModel = {
  id: "settled",
  closing: "none",
  terms: ["value"],
  quotes: [],
  bind: (terms) => {
    const value = terms.number("value");
    return () => linear(value, 0, "final value", { value });
  },
};

export const VALUATION_MODELS: Readonly<Record<string, ValuationModel>> = Object.fromEntries(
  [spot, borrowed, perpetual, future, option, yieldBearing, sensitivities, settled].map((model) => [model.id, model]),
);
