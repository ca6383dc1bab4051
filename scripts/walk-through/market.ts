// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The markets of the walk-through: the sample venue's board before a series expires, with the next series in its rows, and
 * after two falls. Times, prices and marks are fixed, so everything that follows from them is too.
 */
import { PlimsollError } from "../../prover/src/errors.ts";
import { lotOfDecimals, lotsOf, parseDecimal } from "../../prover/src/formats/decimal.ts";
import type { MarketFile } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { buildMarketFile, shock } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { Instrument, MarketInput } from "../../prover/src/risk/input.ts";
import type { SettlementMarks } from "../../prover/src/statement/signals.ts";
import { type ColumnE6, columnE6 } from "../../prover/src/units.ts";

const firm = sampleFirm();
const sample = firm.marketInput;
export const policy = readPolicy(JSON.stringify(firm.policy), "policy.json");

const EXPIRY = "2026-12-25T08:00:00Z";
const NEXT_EXPIRY = "2027-01-29T08:00:00Z";
/** What the expiring series is settled at. */
const SETTLEMENT_PRICES: Readonly<Record<string, string>> = { BTC: "99500", ETH: "3520" };

const expires = (instrument: Instrument | null) => instrument?.terms.expiry === EXPIRY;
const renewed = (instrument: Instrument): Instrument => ({
  ...instrument,
  symbol: instrument.symbol.replace("25DEC26", "29JAN27"),
  terms: { ...instrument.terms, expiry: NEXT_EXPIRY },
});

type Series = "listed" | "renewed";

/** The sample's observation at another time, with the spots given, the expiring series or the next one in its rows. */
function observed(epoch: bigint, time: string, spots: Readonly<Record<string, string>>, series: Series): MarketInput {
  const { policy: rules, observation } = sample;
  const kept = (instrument: Instrument | null) => {
    return instrument === null || series === "listed" || !expires(instrument) ? instrument : renewed(instrument);
  };
  const underlyings = Object.entries(observation.underlyings).map(([name, underlying]) => [
    name,
    {
      ...underlying,
      spot: spots[name] ?? underlying.spot,
      surface: underlying.surface!.map((slice) =>
        slice.expiry === EXPIRY && series !== "listed" ? { ...slice, expiry: NEXT_EXPIRY } : slice,
      ),
    },
  ]);
  return {
    ...sample,
    policy: { ...rules, instruments: rules.instruments.map(kept) },
    observation: { ...observation, epoch: `${epoch}`, time, underlyings: Object.fromEntries(underlyings) },
  };
}

const file = (input: MarketInput, time = input.observation.time): MarketFile =>
  buildMarketFile({ ...input, observation: { ...input.observation, time } }, policy).file;

const renewedBoard = observed(2n, "2026-12-25T08:30:00Z", SETTLEMENT_PRICES, "renewed");

/** By the epoch that each is published as. */
export const MARKETS = {
  /** Three days before the expiry. */
  listed: file(observed(1n, "2026-12-22T08:00:00Z", {}, "listed")),
  /** The next series is in their place. */
  renewed: file(renewedBoard),
  /** Everything 10% lower, volatilities a tenth higher. */
  lower: file(shock(renewedBoard, -0.1, 0.1), "2026-12-26T08:00:00Z"),
  /** Another 20% lower. */
  lowest: file(shock(shock(renewedBoard, -0.1, 0.1), -0.2, 0.2), "2026-12-26T08:40:00Z"),
} as const;

/** Rows of the series and what a long lot is worth at expiry, 1e-6: of futures the price, of options what they pay. */
export const SERIES: SettlementMarks = new Map(
  sample.policy.instruments.flatMap((instrument, row): [number, ColumnE6][] => {
    if (instrument === null || !expires(instrument)) return [];
    const unit = lotOfDecimals(6);
    const price = lotsOf(parseDecimal(SETTLEMENT_PRICES[instrument.underlying]!), unit);
    const strike = lotsOf(parseDecimal(instrument.terms.strike ?? "0"), unit);
    const gain = instrument.terms.right === "put" ? strike - price : price - strike;
    const lot = lotsOf(parseDecimal(instrument.lot), unit);
    return [[row, columnE6(((gain > 0n ? gain : 0n) * lot) / 10n ** 6n, "mark")]];
  }),
);
export const SETTLED_AT = Date.parse(EXPIRY) / 1000;

/** Row and lots of a quantity of an instrument, in units of its underlying. */
export function lotsIn({ instruments }: MarketFile, symbol: string, quantity: string): [row: number, lots: bigint] {
  const row = instruments.findIndex((instrument) => instrument?.symbol === symbol);
  const instrument = instruments[row];
  if (instrument === undefined) throw new PlimsollError("UNKNOWN_NAME", "no such instrument", { field: symbol });
  return [row, lotsOf(parseDecimal(quantity), instrument.lot)];
}
