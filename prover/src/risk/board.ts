// SPDX-License-Identifier: GPL-3.0-or-later
/** From observations to a market document: values by a risk model, rounded once, exactly, at the border. */
import { PlimsollError } from "../errors.ts";
import { formatDecimal, lotOfDecimals, lotsOf, parseDecimal } from "../formats/decimal.ts";
import type { InstrumentDocument, MarketDocument } from "../formats/market.ts";
import { BLOCK_INSTRUMENTS, SCENARIOS } from "../model/sizes.ts";
import { chargeE6, columnE6 } from "../units.ts";
import { firstCharges } from "./charges.ts";
import type { Instrument, Observation, RiskModel, Scenario } from "./model.ts";
import { firstGrid } from "./scenarios.ts";
import { firstValuation } from "./valuation.ts";

/** A collateral asset's price: given, or a multiple of an underlying's spot (both decimal strings). */
export type CollateralPrice =
  | { readonly asset: string; readonly price: string }
  | { readonly asset: string; readonly underlying: string; readonly ratio: string };

/** Everything a market document follows from. */
export interface MarketInput extends Observation {
  readonly board: string;
  readonly epoch: string;
  readonly collateral: readonly CollateralPrice[];
  /** In board order; null leaves a place empty. A block holds 60 places; the last may be given in part. */
  readonly instruments: readonly (Instrument | null)[];
  readonly blocks: MarketDocument["blocks"];
}

export const firstModel: RiskModel = { valuation: firstValuation, scenarios: firstGrid, charges: firstCharges };

/** Decimals of board values, and of collateral prices. */
const VALUE_DECIMALS = 6;
const PRICE_DECIMALS = 8;
const SCALE = 10 ** VALUE_DECIMALS;

/**
 * Builds the market document.
 *
 * Rounding, per lot, to millionths:
 *   profits       down (a long profits less and loses more)
 *   charges       up; the short charge one millionth more, since a short gains what `down` takes from a profit
 *   mark, delta   to nearest, ties up: they move value between accounts, and neither side may be favoured
 *   prices        of assets that follow an underlying: down, to 8 decimals
 * So margin is never below that of the unrounded values, for any portfolio, beyond the floating-point error of the
 * valuation itself (about 1e-15 of it). Equal input gives equal output on every machine.
 *
 * Throws `OUT_OF_RANGE`, naming row and column, where a value is not finite or not below 2^42 millionths per lot (the
 * lot is too large); `UNKNOWN_NAME` for an underlying that is not observed or not in the scenarios. Does not check
 * that observations are plausible.
 */
export function buildMarket(input: MarketInput, model: RiskModel = firstModel): MarketDocument {
  const underlyings = new Set(input.instruments.flatMap((instrument) => instrument?.underlying ?? []));
  const scenarios = model.scenarios.scenarios([...underlyings]);
  if (scenarios.length !== SCENARIOS) throw new TypeError(`expected ${SCENARIOS} scenarios`);
  if (input.instruments.length > input.blocks.length * BLOCK_INSTRUMENTS) {
    throw new PlimsollError("NO_BOARD_SIZE", `expected at most ${BLOCK_INSTRUMENTS} instruments to a block`);
  }
  return {
    format: "plimsoll-market/1",
    board: input.board,
    epoch: input.epoch,
    time: input.time,
    prices: input.collateral.map((entry) => ({ asset: entry.asset, price: collateralPrice(entry, input) })),
    scenarios: scenarios.map(({ label }) => label),
    instruments: input.instruments.map((instrument) =>
      instrument === null ? { symbol: null } : row(instrument, input, scenarios, model),
    ),
    blocks: input.blocks,
  };
}

function row(
  instrument: Instrument,
  input: MarketInput,
  scenarios: readonly Scenario[],
  model: RiskModel,
): InstrumentDocument {
  const { valuation, charges } = model;
  const lot = Number(instrument.lot);
  const mark = valuation.mark(instrument, input);
  const { long, short } = charges.charges(instrument, input, mark);
  const place = (column: string) => `instruments[${instrument.symbol}].${column}`;
  const text = (units: bigint) => formatDecimal(units, VALUE_DECIMALS);
  const column = (value: number, round: Round, name: string) =>
    text(columnE6(toUnits(value, round, place(name)), place(name)));
  const charge = (value: number, extra: bigint, name: string) =>
    text(chargeE6(toUnits(value, Math.ceil, place(name)) + extra, place(name)));
  return {
    symbol: instrument.symbol,
    lot: instrument.lot,
    profits: scenarios.map(({ moves, counted }, index) => {
      const profit = valuation.valueAfter(instrument, input, moves[instrument.underlying]!) - mark;
      return column(counted * profit * lot, Math.floor, `profits[${index}]`);
    }),
    mark: column(mark * lot, Math.round, "mark"),
    delta: column(valuation.delta(instrument, input) * lot, Math.round, "delta"),
    longCharge: charge(long * lot, 0n, "longCharge"),
    shortCharge: charge(short * lot, instrument.kind === "settled" ? 0n : 1n, "shortCharge"),
    terms: terms(instrument),
  };
}

type Round = (value: number) => number;

function toUnits(value: number, round: Round, field: string): bigint {
  const units = round(value * SCALE);
  if (!Number.isSafeInteger(units)) throw new PlimsollError("OUT_OF_RANGE", "expected a finite board value", { field });
  return BigInt(units);
}

/** What a reader needs to know a contract by, without the quotes that it is valued with. */
function terms(instrument: Instrument): Record<string, string> {
  const { kind, underlying } = instrument;
  if (kind === "perpetual") return { kind, underlying };
  if (kind === "settled") return { kind, underlying };
  if (kind === "future") return { kind, underlying, expiry: instrument.expiry };
  const { expiry, strike, right } = instrument;
  return { kind, underlying, expiry, strike, right };
}

function collateralPrice(entry: CollateralPrice, input: MarketInput): string {
  if ("price" in entry) return entry.price;
  const underlying = input.underlyings[entry.underlying];
  if (underlying === undefined) throw new PlimsollError("UNKNOWN_NAME", "an underlying that is not observed");
  const spot = parseDecimal(underlying.spot);
  const ratio = parseDecimal(entry.ratio);
  const units =
    (spot.units * ratio.units * 10n ** BigInt(PRICE_DECIMALS)) / 10n ** BigInt(spot.decimals + ratio.decimals);
  return formatDecimal(units, PRICE_DECIMALS);
}

const BASIS_POINTS = 10_000;

/**
 * The same market after all underlyings have moved by the same fraction, a whole number of basis points (−0.3 is a fall
 * by 30%), and implied volatilities by another. The epoch grows by one; time, carry and funding stand still. Spots are
 * rounded down to 8 decimals.
 */
export function shock(input: MarketInput, price: number, volatility = 0): MarketInput {
  const bps = BigInt(Math.round(price * BASIS_POINTS));
  const moved = (spot: string) => {
    const units = lotsOf(parseDecimal(spot), lotOfDecimals(PRICE_DECIMALS));
    return formatDecimal((units * (BigInt(BASIS_POINTS) + bps)) / BigInt(BASIS_POINTS), PRICE_DECIMALS);
  };
  return {
    ...input,
    epoch: (BigInt(input.epoch) + 1n).toString(),
    underlyings: Object.fromEntries(
      Object.entries(input.underlyings).map(([name, underlying]) => [
        name,
        { ...underlying, spot: moved(underlying.spot) },
      ]),
    ),
    instruments: input.instruments.map((instrument) =>
      instrument?.kind === "option"
        ? { ...instrument, volatility: instrument.volatility * (1 + volatility) }
        : instrument,
    ),
  };
}
