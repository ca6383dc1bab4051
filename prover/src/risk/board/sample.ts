// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A market maker to try everything with: Atlas, which trades BTC and ETH against one clearing account. All of it is
 * invented and fixed, dates included, so every figure that follows from it can be quoted and tested.
 */
import type { AccountDocument, PositionDocument, StateDocument } from "../../formats/account.ts";
import { formatDecimal, lotsOf, parseDecimal } from "../../formats/decimal.ts";
import type { InstrumentDocument, MarketDocument } from "../../formats/market.ts";
import type { PolicyDocument } from "../../formats/policy.ts";
import type { Instrument, MarketInput, SurfaceSlice } from "../input.ts";
import { buildMarket, shock } from "./board.ts";

/** What Atlas gains in its opening trade and the house loses: positions in units of the underlying, and cash. */
export interface FillDocument {
  readonly positions: Readonly<Record<string, string>>;
  readonly collateral: Readonly<Record<string, string>>;
  readonly cash: string;
}

export interface SampleFirm {
  readonly policy: PolicyDocument;
  readonly marketInput: MarketInput;
  readonly market: MarketDocument;
  /** The market after prices have fallen by 30% and implied volatilities risen by a quarter; the next epoch. */
  readonly marketAfterFall: MarketDocument;
  /** Before any trade: what each account has deposited. */
  readonly deposited: { readonly atlas: StateDocument; readonly house: StateDocument };
  /** Trades every position of Atlas at its mark. Atlas applies it with side +1, the house with side −1. */
  readonly openingFill: FillDocument;
  /** After the trade. */
  readonly atlas: StateDocument;
  readonly house: StateDocument;
  /** Atlas after the trade as its own books have it: the same state. */
  readonly atlasBooks: AccountDocument;
  /** Cash withdrawals after which coverage is above and below the initial level. */
  readonly withdrawals: { readonly passes: string; readonly breaches: string };
}

/**
 * Coins whose price is that of an underlying are in the scan, yETH with its discount: their haircuts hold what selling them
 * costs.
 */
const POLICY: PolicyDocument = {
  format: "plimsoll-policy/2",
  name: "Meridian derivatives, margin policy 4",
  cash: { symbol: "USDC", decimals: 6 },
  assets: [
    {
      symbol: "BTC",
      lotDecimals: 8,
      scanLot: "0.001",
      tiers: [
        { upTo: "20", haircutBps: "100" },
        { upTo: "100", haircutBps: "250" },
        { upTo: "300", haircutBps: "800" },
      ],
    },
    {
      symbol: "ETH",
      lotDecimals: 8,
      scanLot: "0.01",
      tiers: [
        { upTo: "1000", haircutBps: "150" },
        { upTo: "5000", haircutBps: "400" },
        { upTo: "10000", haircutBps: "1200" },
      ],
    },
    {
      symbol: "yETH",
      lotDecimals: 8,
      scanLot: "0.01",
      tiers: [
        { upTo: "500", haircutBps: "300" },
        { upTo: "1000", haircutBps: "1000" },
        { upTo: "1500", haircutBps: "2000" },
      ],
    },
    {
      symbol: "USDT",
      lotDecimals: 6,
      scanLot: null,
      tiers: [
        { upTo: "1000000", haircutBps: "50" },
        { upTo: "10000000", haircutBps: "200" },
        { upTo: "25000000", haircutBps: "500" },
      ],
    },
  ],
  debtRateBps: "1000",
  levels: { initial: "15000", call: "12000", liquidation: "10000", closeOut: "6000" },
};

const LOTS = { BTC: { linear: "0.001", option: "0.01" }, ETH: { linear: "0.01", option: "0.1" } } as const;
type Coin = keyof typeof LOTS;

const FUTURES = ["2026-12-25", "2027-03-26", "2027-06-25"];
const OPTIONS: Record<Coin, { strikes: string[]; volatilities: Record<string, string[]> }> = {
  BTC: {
    strikes: ["80000", "90000", "100000", "110000"],
    volatilities: {
      "2026-12-25": ["0.585", "0.525", "0.49", "0.495"],
      "2027-03-26": ["0.575", "0.54", "0.52", "0.515"],
    },
  },
  ETH: {
    strikes: ["2800", "3200", "3600", "4000"],
    volatilities: {
      "2026-12-25": ["0.745", "0.69", "0.66", "0.665"],
      "2027-03-26": ["0.72", "0.69", "0.67", "0.665"],
    },
  },
};
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/** "2026-12-25" as "25DEC26". */
const dateCode = (day: string) => `${day.slice(8)}${MONTHS[Number(day.slice(5, 7)) - 1]}${day.slice(2, 4)}`;
const expiryOf = (day: string) => `${day}T08:00:00Z`;

function instrumentsOn(coin: Coin): Instrument[] {
  const { linear, option } = LOTS[coin];
  const { strikes, volatilities } = OPTIONS[coin];
  return [
    { symbol: `${coin}-PERP`, model: "perpetual", underlying: coin, lot: linear, terms: {} },
    ...FUTURES.map(
      (day): Instrument => ({
        symbol: `${coin}-${dateCode(day)}`,
        model: "future",
        underlying: coin,
        lot: linear,
        terms: { expiry: expiryOf(day) },
      }),
    ),
    ...Object.keys(volatilities).flatMap((day) =>
      strikes.flatMap((strike) =>
        (["call", "put"] as const).map(
          (right): Instrument => ({
            symbol: `${coin}-${dateCode(day)}-${strike}-${right === "call" ? "C" : "P"}`,
            model: "option",
            underlying: coin,
            lot: option,
            terms: { expiry: expiryOf(day), strike, right },
          }),
        ),
      ),
    ),
  ];
}

/** A row that collateral counts as in the scan and that nobody trades. */
const spotRow = (symbol: string, model: string, underlying: Coin, lot: string): Instrument => ({
  symbol,
  model,
  underlying,
  lot,
  traded: false,
  terms: {},
});

const surfaceOf = (coin: Coin): SurfaceSlice[] =>
  Object.entries(OPTIONS[coin].volatilities).map(([day, volatilities]) => ({
    expiry: expiryOf(day),
    strikes: OPTIONS[coin].strikes,
    volatilities,
  }));

/** How far an underlying moves in a day: ranges are about four standard deviations at volatilities of 55% and 70%. */
const sizes = (up: string, down: string, skew: string) => ({
  up,
  down,
  apart: "0.5",
  tailUp: "0.8",
  tailDown: "0.8",
  volatilityUp: "0.4",
  volatilityDown: "0.25",
  volatilityApart: "0.5",
  twist: "0.08",
  skew,
  carryUp: "0.1",
  carryDown: "0.1",
});

const MARKET: MarketInput = {
  format: "plimsoll-market-input/2",
  policy: {
    board: "meridian-main",
    scenarios: {
      model: "scan",
      parameters: {
        periodDays: "1",
        tailCounted: "0.21",
        tailVolatility: "0.5",
        underlyings: {
          BTC: sizes("0.12", "0.12", "0.02"),
          ETH: { ...sizes("0.15", "0.15", "0.025"), discount: "0.04", redemption: "0.01" },
        },
      },
    },
    charges: {
      model: "closing-costs",
      parameters: {
        linearClosing: "0.0005",
        optionClosing: "0.001",
        optionClosingOfValue: "0.125",
        optionTick: "0.0002",
        shortOptionMinimum: "0.005",
      },
    },
    collateral: [
      { asset: "BTC", underlying: "BTC" },
      { asset: "ETH", underlying: "ETH" },
      { asset: "yETH", underlying: "ETH", yieldBearing: true },
      { asset: "USDT" },
    ],
    // The first three are for the scan of collateral, at its places in the policy.
    instruments: [
      spotRow("BTC-SPOT", "spot", "BTC", "0.001"),
      spotRow("ETH-SPOT", "spot", "ETH", "0.01"),
      spotRow("yETH-SPOT", "yield-bearing", "ETH", "0.01"),
      ...instrumentsOn("BTC"),
      ...instrumentsOn("ETH"),
    ],
    blocks: [
      {
        name: "BTC and ETH",
        continues: false,
        liquidityThreshold: "5000000",
        liquidityRateBps: "50",
        vegaThreshold: "2000000",
        vegaRateBps: "100",
      },
    ],
  },
  observation: {
    epoch: "7",
    time: "2026-11-22T08:00:00Z",
    rate: "0.04",
    underlyings: {
      BTC: { spot: "97250.5", carry: "0.065", surface: surfaceOf("BTC") },
      ETH: { spot: "3460.25", carry: "0.055", surface: surfaceOf("ETH") },
    },
    quotes: {
      "BTC-PERP": { basis: "0.0004", fundingPaid: "412.75" },
      "ETH-PERP": { basis: "0.0003", fundingPaid: "11.2" },
      "yETH-SPOT": { redemption: "1.0642", market: "3671.5" },
    },
    prices: { USDT: "0.9996", yETH: "3671.5" },
    ratios: { yETH: "1.0642" },
  },
};

/**
 * BTC bought against ETH sold through perpetuals, futures and options: the basis (futures against perpetuals), call
 * spreads, put ratios, a few far options. Each line is large and the whole is small; what remains is that BTC and ETH
 * may part ways, and that the puts sold are short of protection against a fall beyond the grid.
 */
const POSITIONS: Readonly<Record<string, string>> = {
  "BTC-PERP": "-280",
  "BTC-25DEC26": "220",
  "BTC-26MAR27": "140",
  "BTC-25DEC26-80000-P": "-200",
  "BTC-25DEC26-90000-P": "-80",
  "BTC-25DEC26-100000-C": "680",
  "BTC-25DEC26-110000-C": "-680",
  "BTC-26MAR27-80000-P": "140",
  "BTC-26MAR27-110000-C": "300",
  "ETH-PERP": "-12000",
  "ETH-25DEC26": "4800",
  "ETH-26MAR27": "3000",
  "ETH-25DEC26-2800-P": "-9000",
  "ETH-25DEC26-3200-P": "4000",
  "ETH-25DEC26-3600-C": "8500",
  "ETH-25DEC26-4000-C": "-8500",
  "ETH-26MAR27-4000-C": "-3500",
};

/** The fall of the demo: within half an hour prices by 30%, implied volatilities up by a quarter of themselves. */
const FALL = { price: -0.3, volatility: 0.25, time: "2026-11-22T08:30:00Z" };

/** The sample firm, its venue's policy and market, and the trade that opens its positions. */
export function sampleFirm(): SampleFirm {
  const market = buildMarket(MARKET);
  const shocked = shock(MARKET, FALL.price, FALL.volatility);
  const fallen = { ...shocked, observation: { ...shocked.observation, time: FALL.time } };
  const rows = new Map(market.instruments.flatMap((row) => (row.symbol === null ? [] : [[row.symbol, row]])));
  const paid = Object.entries(POSITIONS).reduce(
    (sum, [symbol, quantity]) => sum + costE6(rows.get(symbol)!, quantity),
    0n,
  );
  const openingFill: FillDocument = { positions: POSITIONS, collateral: {}, cash: e6(-paid) };
  const atlas = deposit("atlas", "4250000", { BTC: "22", ETH: "600", yETH: "620", USDT: "1100000" });
  const house = deposit("house", "400000000", {});
  const negated = Object.fromEntries(
    Object.entries(POSITIONS).map(([symbol, quantity]) => [
      symbol,
      quantity.startsWith("-") ? quantity.slice(1) : `-${quantity}`,
    ]),
  );
  return {
    policy: POLICY,
    marketInput: MARKET,
    market,
    marketAfterFall: buildMarket(fallen),
    deposited: { atlas, house },
    openingFill,
    atlas: { ...atlas, cash: e6(fromE6(atlas.cash) - paid), positions: POSITIONS },
    atlasBooks: booksOf(atlas, rows),
    house: { ...house, cash: e6(fromE6(house.cash) + paid), positions: negated },
    withdrawals: { passes: "200000", breaches: "4000000" },
  };
}

/**
 * After the trade, as a venue's statement shows it: futures at their entry prices, perpetuals with the profit so far, and
 * options whose premiums the balance has paid and received.
 */
function booksOf(
  { account, cash, collateral, sequence }: StateDocument,
  rows: ReadonlyMap<string, InstrumentDocument>,
): AccountDocument {
  let balance = fromE6(cash);
  const positions = Object.entries(POSITIONS).map(([symbol, quantity]): [string, PositionDocument] => {
    const row = rows.get(symbol)!;
    switch (row.terms?.kind) {
      case "perpetual":
        return [symbol, { quantity, unrealisedProfit: "0" }];
      case "future": {
        const lot = parseDecimal(row.lot);
        return [symbol, { quantity, entryPrice: formatDecimal(fromE6(row.mark) / lot.units, 6 - lot.decimals) }];
      }
      default:
        balance -= costE6(row, quantity);
        return [symbol, { quantity, paid: true }];
    }
  });
  return {
    format: "plimsoll-account/2",
    account,
    balance: e6(balance),
    collateral,
    positions: Object.fromEntries(positions),
    asOf: MARKET.observation.time,
    sequence,
  };
}

function deposit(account: string, cash: string, collateral: Record<string, string>): StateDocument {
  return { format: "plimsoll-account/1", account, cash, collateral, positions: {}, sequence: "0" };
}

const LOT_E6 = parseDecimal("0.000001");
const e6 = (units: bigint) => formatDecimal(units, 6);
const fromE6 = (text: string) => lotsOf(parseDecimal(text), LOT_E6);
const costE6 = (row: InstrumentDocument, quantity: string) =>
  lotsOf(parseDecimal(quantity), parseDecimal(row.lot)) * fromE6(row.mark);
