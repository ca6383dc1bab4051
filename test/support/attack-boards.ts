// SPDX-License-Identifier: GPL-3.0-or-later
/** Boards for the adversary: every underlying at 1,000, so that a book is one of dollars. */
import { timeText } from "../../prover/src/formats/time.ts";
import { BLOCK_INSTRUMENTS } from "../../prover/src/model/sizes.ts";
import type { Instrument, MarketInput, ModelChoice } from "../../prover/src/risk/input.ts";

export const SPOT = 1000;
export const EXPIRY_DAYS = [7, 30, 90, 180];
export const STRIKES = [0.7, 0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.3];
const DAY_MS = 86_400_000;

export interface BoardTerms {
  readonly underlyings: readonly string[];
  readonly scenarios: ModelChoice;
  readonly date: string;
  /** Least charge of an option, as a fraction of spot; the first edition had none. */
  readonly optionTick?: string;
  /** Days to the expiry of futures. */
  readonly futures?: readonly number[];
  /** Options with these strikes over spot, both rights, and one annual volatility for each underlying. */
  readonly options?: {
    readonly days: readonly number[];
    readonly strikes: readonly number[];
    readonly volatilities: readonly number[];
  };
}

/** A perpetual on every underlying, and what else is asked for. */
export function attackBoard({
  underlyings,
  scenarios,
  date,
  optionTick = "0.0002",
  futures = [],
  options,
}: BoardTerms): MarketInput {
  const time = Date.parse(`${date}T00:00:00Z`);
  const after = (days: number) => timeText(new Date(time + days * DAY_MS));
  const instruments = underlyings.flatMap((underlying): Instrument[] => [
    { symbol: `${underlying}-PERP`, model: "perpetual", underlying, lot: "1", terms: {} },
    ...futures.map(
      (days): Instrument => ({
        symbol: `${underlying}-${days}D`,
        model: "future",
        underlying,
        lot: "1",
        terms: { expiry: after(days) },
      }),
    ),
    ...(options?.days ?? []).flatMap((days) =>
      options!.strikes.flatMap((strike) =>
        (["call", "put"] as const).map(
          (right): Instrument => ({
            symbol: `${underlying}-${days}D-${strike}-${right === "call" ? "C" : "P"}`,
            model: "option",
            underlying,
            lot: "1",
            terms: { expiry: after(days), strike: String(Math.round(strike * SPOT)), right },
          }),
        ),
      ),
    ),
  ]);
  const surface = (index: number) => [
    { expiry: after(30), strikes: [String(SPOT)], volatilities: [options!.volatilities[index]!.toFixed(6)] },
  ];
  return {
    format: "plimsoll-market-input/2",
    policy: {
      board: "adversary",
      scenarios,
      charges: {
        model: "closing-costs",
        parameters: {
          linearClosing: "0.0005",
          optionClosing: "0.001",
          optionClosingOfValue: "0.125",
          optionTick,
          shortOptionMinimum: "0.005",
        },
      },
      collateral: [],
      instruments,
      blocks: Array.from({ length: Math.ceil(instruments.length / BLOCK_INSTRUMENTS) }, (_, block) => ({
        name: `block ${block}`,
        continues: block > 0,
        liquidityThreshold: "0",
        liquidityRateBps: "0",
        vegaThreshold: "0",
        vegaRateBps: "0",
      })),
    },
    observation: {
      epoch: "0",
      time: after(0),
      rate: "0",
      underlyings: Object.fromEntries(
        underlyings.map((name, index) => [
          name,
          { spot: String(SPOT), carry: "0", ...(options && { surface: surface(index) }) },
        ]),
      ),
      quotes: Object.fromEntries(underlyings.map((name) => [`${name}-PERP`, { basis: "0", fundingPaid: "0" }])),
      prices: {},
      ratios: {},
    },
  };
}
