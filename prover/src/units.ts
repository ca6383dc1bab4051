// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Units of every amount in the system, as distinct types over bigint, and their ranges.
 *
 * One table of widths serves model, circuit (its parameters are checked against it), contracts (their constants are
 * tested against it) and the bit ledger in `docs/statement.md`. A constructor here is the only way from a bigint to a
 * unit; it checks the range and names the field, never the value.
 */
import { PlimsollError } from "./errors.ts";

type Unit<Name extends string> = bigint & { readonly __unit: Name };

/** Quantity of a collateral asset in lots, unsigned 64 bits. One lot is 10^-lotDecimals of a whole unit. */
export type QuantityLots = Unit<"QuantityLots">;
/** Signed quantity of an instrument in its lots, 32 bits. */
export type PositionLots = Unit<"PositionLots">;
/** Quote currency, 6 decimals, signed 64 bits. */
export type CashE6 = Unit<"CashE6">;
/** Quote currency per asset lot, 16 decimals, unsigned 64 bits. With 8 lot decimals it is the price of a whole unit with 8 decimals. */
export type LotPriceE16 = Unit<"LotPriceE16">;
/** Fraction of value that counts as collateral, in basis points, 0 to 10000. */
export type WeightBps = Unit<"WeightBps">;
/** One board column: quote currency per instrument lot, 6 decimals, signed, below 2^42 in absolute value. */
export type ColumnE6 = Unit<"ColumnE6">;
/** Margin charge: quote currency per instrument lot, 6 decimals, unsigned 60 bits. */
export type ChargeE6 = Unit<"ChargeE6">;
/** Delta or vega of a netting set above which it is charged: quote currency, 6 decimals, unsigned 78 bits. */
export type ThresholdE6 = Unit<"ThresholdE6">;
/** Charge on delta or vega above the threshold, or on debt, in basis points, 0 to 10000. */
export type RateBps = Unit<"RateBps">;
/** Lots of a collateral asset that count as one lot of the board row of the same index, 1 to 2^64. At 2^64 none ever does. */
export type ScanLots = Unit<"ScanLots">;
/** Coverage level in basis points, unsigned 20 bits. */
export type LevelBps = Unit<"LevelBps">;

export const BITS = {
  quantity: 64,
  cash: 64,
  position: 32,
  lotPrice: 64,
  /** 10000 fits 14 bits. */
  weight: 14,
  column: 42,
  charge: 60,
  threshold: 78,
  /** 10000 fits 14 bits. */
  rate: 14,
  level: 20,
  /** Lots of a board row that a quantity of collateral counts as. */
  scanned: 31,
  /** Size of a lot, and its tolerance. */
  size: 64,
  /** A transfer is at most one whole quantity in either direction. */
  transfer: 65,
} as const;

export const BPS = 10_000n;

/** Checks that a bigint is in the range of a unit. Throws `OUT_OF_RANGE`. */
export interface UnitOf<U extends bigint> {
  (value: bigint, field?: string): U;
  readonly low: bigint;
  readonly high: bigint;
}

function unit<U extends bigint>(name: string, low: bigint, high: bigint): UnitOf<U> {
  const check = (value: bigint, field: string = name): U => {
    if (typeof value !== "bigint") throw new TypeError(`${field}: expected a bigint`);
    if (value < low || value > high) {
      throw new PlimsollError("OUT_OF_RANGE", `expected ${name} between ${low} and ${high}`, { field });
    }
    return value as U;
  };
  return Object.assign(check, { low, high });
}

const unsigned = (bits: number) => (1n << BigInt(bits)) - 1n;
const signedHigh = (bits: number) => (1n << BigInt(bits - 1)) - 1n;
const signedLow = (bits: number) => -(1n << BigInt(bits - 1));

export const quantityLots = unit<QuantityLots>("a quantity in lots", 0n, unsigned(BITS.quantity));
export const positionLots = unit<PositionLots>(
  "a position in lots",
  signedLow(BITS.position),
  signedHigh(BITS.position),
);
export const cashE6 = unit<CashE6>("cash in millionths", signedLow(BITS.cash), signedHigh(BITS.cash));
export const lotPriceE16 = unit<LotPriceE16>("a price per lot, 16 decimals,", 0n, unsigned(BITS.lotPrice));
export const weightBps = unit<WeightBps>("a weight in basis points", 0n, BPS);
export const columnE6 = unit<ColumnE6>("a board value in millionths", -unsigned(BITS.column), unsigned(BITS.column));
export const chargeE6 = unit<ChargeE6>("a charge in millionths", 0n, unsigned(BITS.charge));
export const thresholdE6 = unit<ThresholdE6>("a threshold in millionths", 0n, unsigned(BITS.threshold));
export const rateBps = unit<RateBps>("a rate in basis points", 0n, BPS);
export const scanLots = unit<ScanLots>("a scan lot in asset lots", 1n, 1n << BigInt(BITS.quantity));
/** Size of a lot or its tolerance: quote currency, 6 decimals, unsigned 64 bits. */
export const sizeE6 = unit<bigint>("a size in millionths", 0n, unsigned(BITS.size));
export const levelBps = unit<LevelBps>("a level in basis points", 0n, unsigned(BITS.level));
/** A signed amount moved by a transfer, in lots of the asset or millionths of quote currency: [−2^64, 2^64). */
export const transferAmount = unit<bigint>("a transfer amount", signedLow(BITS.transfer), signedHigh(BITS.transfer));
