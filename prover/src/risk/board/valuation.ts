// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Valuation models by id. A new one is one more entry here: none of the others knows of it, nor does a scenario model,
 * the circuit or a contract.
 *
 * Marks follow one convention for every kind of row: the mark is what one long unit is worth *with its price fully
 * paid*, because a fill moves cash by price times quantity. A future bought at its mark costs the mark in cash and
 * shows it as value, so the trade itself changes no equity, and equity = collateral + cash + Σ position · mark.
 *
 * A move shifts spot and every forward by the same fraction, and on top of that:
 *
 *   carry    c' = c + Δcarry: forwards by exp(Δcarry · T), the perpetual by a day of it
 *   days     T' = max(0, T − days)
 *   level    volatility · √(30 d / T), the root between ¼ and 2½
 *   twist    twist · ln(30 d / T) / ln 3, the quotient between −1 (90 days and more) and 1 (10 days and less)
 *   skew     −skew · z points, z = ln(K / F) / (σ √T) between −2 and 2
 *
 * Each option keeps the volatility of its own strike but for these, so z and T are those before the move. Together:
 * σ' = max(σ / 10, σ · (1 + level + twist) − skew · z).
 *
 * Sources: short expiries move more, with a power of 30 days over the time to expiry (published portfolio margin of
 * Deribit and Paradex; L. Bergomi, Stochastic Volatility Modeling, 2016, for the power near ½ and for skew in units of
 * deviations). Bounds keep a day and several years within what is seen.
 */
import { PlimsollError } from "../../errors.ts";
import { cephes } from "../cephes.ts";
import type { Move, Terms, UnderlyingState, ValuationModel } from "../model.ts";
import { black76, growth } from "./black76.ts";
import { basisOf, FORWARD, forwardAfter, linear, PERPETUAL_YEARS } from "./forwards.ts";
import { COIN_MARGINED, SEVERAL_UNDERLYINGS } from "./products.ts";

const REFERENCE_YEARS = 30 / 365;
/** A volatility falls to no less than this share of itself. */
const VOLATILITY_FLOOR = 0.1;

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
    const basis = basisOf(terms);
    const fundingPaid = terms.number("fundingPaid");
    return (move) => {
      const carryMove = move.carry ?? 0;
      const contract = spot * (1 + move.price) * (1 + basis + carryMove * PERPETUAL_YEARS);
      const inputs = { spot, move: move.price, basis, carryMove, dayInYears: PERPETUAL_YEARS, fundingPaid };
      const formula = "spot · (1 + move) · (1 + basis + carryMove · dayInYears) − fundingPaid";
      return linear(contract - fundingPaid, contract, formula, inputs);
    };
  },
};

/** Marked at its forward, undiscounted. */
const future: ValuationModel = {
  id: "future",
  closing: "linear",
  terms: ["expiry"],
  quotes: [],
  bind: (terms, seen) => {
    const years = terms.years("expiry");
    return (move) => {
      const { forward, inputs } = forwardAfter(seen, years, move);
      return linear(forward, forward, FORWARD, inputs);
    };
  },
};

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** How the volatility of one strike and expiry answers a move; formulas at the head of this file. */
function volatilityAnswer(quoted: number, years: number, strike: number, forward: number) {
  const level = clamp(Math.sqrt(REFERENCE_YEARS / years), 0.25, 2.5);
  const tilt = clamp(cephes.log(REFERENCE_YEARS / years) / cephes.log(3), -1, 1);
  const deviations = clamp(cephes.log(strike / forward) / (quoted * Math.sqrt(years)), -2, 2);
  return ({ volatility, twist = 0, skew = 0 }: Move): number =>
    Math.max(VOLATILITY_FLOOR * quoted, quoted * (1 + volatility * level + twist * tilt) - skew * deviations);
}

/**
 * A European option on the forward of `futureExpiry`, settled in cash or in the future; its volatility is that of the surface at its
 * own expiry and the same strike over forward.
 */
function bindOption(terms: Terms, seen: UnderlyingState, futureExpiry: string): ReturnType<ValuationModel["bind"]> {
  const { spot, carry, rate } = seen;
  const years = terms.years("expiry");
  const futureYears = terms.years(futureExpiry);
  if (futureYears < years) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a future that expires no earlier than the option", {
      field: futureExpiry,
    });
  }
  const strike = terms.number("strike", "positive");
  const right = terms.text("right");
  if (right !== "call" && right !== "put") {
    throw new PlimsollError("FIELD_INVALID", 'expected "call" or "put"', { field: "right" });
  }
  const forwardNow = spot * growth(carry, futureYears);
  const forwardThen = spot * growth(carry, years);
  // At its own expiry the same strike over forward; exactly the strike where both expire together.
  const strikeThen = futureYears === years ? strike : (strike * forwardThen) / forwardNow;
  const quoted = seen.surface().volatility(strikeThen, years, forwardThen);
  const answer = volatilityAnswer(quoted, years, strikeThen, forwardThen);
  const sign = right === "call" ? "F·Φ(d1) − K·Φ(d2)" : "K·Φ(−d2) − F·Φ(−d1)";
  const formula = `Black-76: exp(−rate · T) · (${sign}), F = ${FORWARD}, K = strike, T = years − days / 365`;
  return (move) => {
    const { left } = forwardAfter(seen, years, move);
    const { forward, inputs } = forwardAfter(seen, futureYears, move);
    const volatility = answer(move);
    const { value, forwardDelta, vega } = black76({ forward, strike, years: left, volatility, rate, right });
    return {
      value,
      delta: forwardDelta * forward,
      vega,
      formula: futureYears === years ? formula : formula.replace("T = years", "years to futureExpiry, T = optionYears"),
      inputs: {
        ...inputs,
        ...(futureYears === years ? {} : { optionYears: years }),
        forward,
        strike,
        quotedVolatility: quoted,
        volatilityMove: move.volatility,
        twist: move.twist ?? 0,
        skew: move.skew ?? 0,
        volatility,
        rate,
      },
    };
  };
}

/** A European option on the forward of its own expiry, settled in cash. `coin`: the row that its premium is paid in. */
const option: ValuationModel = {
  id: "option",
  closing: "option",
  terms: ["expiry", "strike", "right", "coin"],
  quotes: [],
  bind: (terms, seen) => bindOption(terms, seen, "expiry"),
};

/** A European option on a future that expires no earlier. */
const optionOnFuture: ValuationModel = {
  id: "option-on-future",
  closing: "option",
  terms: ["expiry", "strike", "right", "futureExpiry", "coin"],
  quotes: [],
  bind: (terms, seen) => bindOption(terms, seen, "futureExpiry"),
};

/**
 * A share of a vault, or a wrapped or yield-bearing token: it redeems for units of its underlying at a rate, and trades at
 * a price of its own. It counts by the lower. Rate and price are risks apart: what it redeems for can be cut (a slashing,
 * a loss), and its discount to that can widen while nothing is lost.
 */
const yieldBearing: ValuationModel = {
  id: "yield-bearing",
  closing: "linear",
  terms: [],
  quotes: ["redemption", "market"],
  bind: (terms, { spot }) => {
    const redemption = terms.number("redemption", "positive");
    const byMarket = terms.number("market", "positive");
    const byRate = spot * redemption;
    const discount = Math.max(0, 1 - byMarket / byRate);
    return (move) => {
      const { discount: discountMove = 0, redemption: redemptionMove = 0 } = move;
      const discountAfter = clamp(discount + discountMove, 0, 1);
      const value = byRate * (1 + move.price) * (1 + redemptionMove) * (1 - discountAfter);
      const formula =
        "byRate · (1 + move) · (1 + redemptionMove) · (1 − discountAfter), byRate = spot · redemption, " +
        "discountAfter = max(0, 1 − byMarket / byRate) + discountMove, 0 to 1";
      const inputs = {
        spot,
        move: move.price,
        redemption,
        redemptionMove,
        byRate,
        byMarket,
        discount,
        discountMove,
        discountAfter,
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
  [
    ...[spot, borrowed, perpetual, future, option, optionOnFuture, yieldBearing, sensitivities, settled],
    ...COIN_MARGINED,
    ...SEVERAL_UNDERLYINGS,
  ].map((model) => [model.id, model]),
);
