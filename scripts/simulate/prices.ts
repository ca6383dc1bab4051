// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Paths of prices, a day an epoch, and the board that the venue's risk engine makes of each day. What comes from histories are
 * bitcoin and ether; pegs, discounts and generated paths follow from the seed. Floating point ends in the engine.
 */
import { lotOfDecimals, lotsOf, parseDecimal } from "../../prover/src/formats/decimal.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import type { Market } from "../../prover/src/model/market.ts";
import type { Policy } from "../../prover/src/model/policy.ts";
import { buildMarketFile } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { Instrument, MarketInput } from "../../prover/src/risk/input.ts";
import { alignHistories, type PriceHistory } from "../../prover/src/risk/prices.ts";
import type { SettlementMarks } from "../../prover/src/statement/signals.ts";
import { columnE6 } from "../../prover/src/units.ts";
import type { Rng } from "../../test/support/random.ts";

/** What the world is like on one day. Prices per whole unit, volatilities a year, in parts. */
export interface Day {
  readonly BTC: number;
  readonly ETH: number;
  readonly volatility: { readonly BTC: number; readonly ETH: number };
  /** Of the stablecoin. */
  readonly peg: number;
  /** Price of staked ether over what it redeems for. */
  readonly staked: number;
}

/** Rows of the board that are traded. Those from the future on expire. */
export const ROW = { btcPerp: 3, ethPerp: 4, btcFuture: 5, btcPut: 6, btcCall: 7, ethPut: 8 } as const;
/** Assets of the policy, and one without weight that anybody may pay in. */
export const ASSET = { btc: 0, eth: 1, staked: 2, stable: 3, worthless: 4, cash: 15 } as const;

const sample = sampleFirm();
const policyFile = readPolicy(JSON.stringify(sample.policy), "policy.json");
export const POLICY: Policy = policyFile.policy;
export const LEVELS = policyFile.levels;
const START = { BTC: 97_250, ETH: 3_460 } as const;
const REDEMPTION = 1.0642;
const [CALM, DECAY, DAYS_A_YEAR] = [0.4, 0.9, 365];

// ---- Paths ----

/** A standard normal, near enough: the sum of twelve uniform numbers. */
function normal(rng: Rng): number {
  let sum = -6;
  for (let index = 0; index < 12; index++) sum += Number(rng.below(1n << 32n)) / 2 ** 32;
  return sum;
}

/** So many days by log returns of both coins; the first day is the one before the first return. */
function pathOf(returns: readonly (readonly [number, number])[], rng: Rng): Day[] {
  let [BTC, ETH]: [number, number] = [START.BTC, START.ETH];
  let variance = [(CALM ** 2 / DAYS_A_YEAR) as number, (1.4 * CALM ** 2) / DAYS_A_YEAR] as [number, number];
  let [peg, staked] = [1, 1];
  const dayOf = (): Day => ({
    ...{ BTC, ETH, peg, staked },
    volatility: { BTC: annual(variance[0]), ETH: annual(variance[1]) },
  });
  const days = [dayOf()];
  for (const [btc, eth] of returns) {
    [BTC, ETH] = [BTC * Math.exp(btc), ETH * Math.exp(eth)];
    variance = [DECAY * variance[0] + (1 - DECAY) * btc ** 2, DECAY * variance[1] + (1 - DECAY) * eth ** 2];
    // Pegs come back by a quarter of what they are away a day, and break now and then.
    peg += (1 - peg) / 4 - (rng.chance(0.006) ? 0.03 + Number(rng.below(9n)) / 100 : 0);
    staked += (1 - staked) / 4 - (rng.chance(0.008) || btc < -0.15 ? 0.02 + Number(rng.below(9n)) / 100 : 0);
    days.push(dayOf());
  }
  return days;
}

const annual = (variance: number) => Math.min(2.5, Math.max(0.25, Math.sqrt(variance * DAYS_A_YEAR)));

/** Calm weeks and stressed ones, whose volatility clusters, with jumps and gaps, mostly down. */
export function generatedPath(epochs: number, rng: Rng): Day[] {
  let stressed = false;
  const returns: [number, number][] = [];
  for (let day = 0; day < epochs; day++) {
    if (rng.chance(stressed ? 0.08 : 0.03)) stressed = !stressed;
    const daily = (stressed ? 1.1 : 0.35) / Math.sqrt(DAYS_A_YEAR);
    const common = daily * normal(rng);
    const jump = rng.chance(stressed ? 0.04 : 0.004) ? -0.12 - Number(rng.below(26n)) / 100 : 0;
    const back = rng.chance(stressed ? 0.04 : 0.004) ? 0.08 + Number(rng.below(12n)) / 100 : 0;
    const own = 0.6 * daily * normal(rng);
    // What grows without bound leaves the board's ranges.
    const pull = returns.reduce((sum, [btc]) => sum + btc, 0) / -100;
    returns.push([common + jump + back + pull, 1.15 * (common + jump + back) + own + pull]);
  }
  return pathOf(returns, rng);
}

/** So many days of the two histories, with the worst fall of bitcoin in their middle where there are enough. */
export function historicPath(histories: readonly PriceHistory[], epochs: number, rng: Rng): Day[] {
  const [btc, eth] = alignHistories(
    ["BTC", "ETH"].map((symbol) => {
      const found = histories.find((history) => history.symbol === symbol);
      if (found === undefined) throw new RangeError(`there is no history of ${symbol}`);
      return found;
    }),
  );
  const days = btc!.returns.length - 1;
  if (days < epochs) throw new RangeError(`the histories have ${days} days in common, fewer than ${epochs}`);
  const worst = btc!.returns.indexOf(Math.min(...btc!.returns.slice(1)));
  const first = Math.min(Math.max(1, worst - Math.floor(epochs / 2)), days - epochs + 1);
  const range = Array.from({ length: epochs }, (_, index) => first + index);
  return pathOf(
    range.map((index) => [btc!.returns[index]!, eth!.returns[index]!] as const),
    rng,
  );
}

// ---- The board of a day ----

/** What is listed in the rows that expire: until when, and at which strikes. */
export interface Series {
  readonly expiry: string;
  readonly strikes: { readonly btcPut: number; readonly btcCall: number; readonly ethPut: number };
}

/** The next series, for about a month. Unix seconds. */
export function seriesAt({ BTC, ETH }: Day, time: number, days: number): Series {
  const expiry = new Date((time + days * 86_400) * 1000).toISOString().replace(".000Z", "Z");
  const rounded = (price: number, step: number) => Math.max(step, Math.round(price / step) * step);
  return {
    expiry,
    strikes: {
      btcPut: rounded(0.92 * BTC, 100),
      btcCall: rounded(1.08 * BTC, 100),
      ethPut: rounded(0.9 * ETH, 10),
    },
  };
}

const SMILE = [0.6, 0.8, 1, 1.2, 1.5] as const;
const decimal = (value: number, digits: number) => String(Number(value.toFixed(digits)));

function surfaceOf(price: number, volatility: number, expiry: string) {
  return [
    {
      expiry,
      strikes: SMILE.map((part) => decimal(part * price, 2)),
      volatilities: SMILE.map((part) => decimal(volatility * (1 + 0.5 * (part - 1) ** 2), 4)),
    },
  ];
}

/** @param time unix seconds. @param series none where what has expired waits for accounts to settle */
export function marketOf(day: Day, time: number, epoch: bigint, series: Series | undefined): Market {
  const { policy: rules, observation } = sample.marketInput;
  const instrument = (symbol: string, model: string, coin: "BTC" | "ETH", lot: string, terms = {}): Instrument => ({
    ...{ symbol, model, underlying: coin, lot, terms },
  });
  const option = (symbol: string, coin: "BTC" | "ETH", lot: string, strike: number, right: "put" | "call") =>
    instrument(symbol, "option", coin, lot, { expiry: series!.expiry, strike: String(strike), right });
  const front = (make: () => Instrument) => (series === undefined ? null : make());
  const scan = rules.scenarios.parameters as { underlyings: Record<"BTC" | "ETH", object> };
  // Ranges are about four standard deviations of a day.
  const range = (volatility: number) =>
    decimal(Math.min(0.4, Math.max(0.08, (4 * volatility) / Math.sqrt(DAYS_A_YEAR))), 2);
  const ranged = (coin: "BTC" | "ETH") => {
    const move = range(day.volatility[coin]);
    return { ...scan.underlyings[coin], up: move, down: move };
  };
  const expiry = series?.expiry ?? new Date((time + 30 * 86_400) * 1000).toISOString().replace(".000Z", "Z");
  const staked = decimal(REDEMPTION * day.ETH * day.staked, 2);
  const input: MarketInput = {
    ...sample.marketInput,
    policy: {
      ...rules,
      scenarios: {
        ...rules.scenarios,
        parameters: { ...scan, underlyings: { BTC: ranged("BTC"), ETH: ranged("ETH") } },
      },
      instruments: [
        ...rules.instruments.slice(0, 3),
        instrument("BTC-PERP", "perpetual", "BTC", "0.001"),
        instrument("ETH-PERP", "perpetual", "ETH", "0.01"),
        front(() => instrument("BTC-FRONT", "future", "BTC", "0.001", { expiry: series!.expiry })),
        front(() => option("BTC-FRONT-P", "BTC", "0.01", series!.strikes.btcPut, "put")),
        front(() => option("BTC-FRONT-C", "BTC", "0.01", series!.strikes.btcCall, "call")),
        front(() => option("ETH-FRONT-P", "ETH", "0.1", series!.strikes.ethPut, "put")),
      ],
    },
    observation: {
      ...observation,
      epoch: `${epoch}`,
      time: new Date(time * 1000).toISOString().replace(".000Z", "Z"),
      underlyings: {
        BTC: { spot: decimal(day.BTC, 2), carry: "0.05", surface: surfaceOf(day.BTC, day.volatility.BTC, expiry) },
        ETH: { spot: decimal(day.ETH, 2), carry: "0.05", surface: surfaceOf(day.ETH, day.volatility.ETH, expiry) },
      },
      quotes: {
        "BTC-PERP": { basis: "0.0004", fundingPaid: "0" },
        "ETH-PERP": { basis: "0.0003", fundingPaid: "0" },
        "yETH-SPOT": { redemption: String(REDEMPTION), market: staked },
      },
      prices: { USDT: decimal(day.peg, 4), yETH: staked },
      ratios: { yETH: String(REDEMPTION) },
    },
  };
  return buildMarketFile(input, policyFile).file.market;
}

/** What a long lot of each row of a series is worth when it expires. */
export function expiryMarks({ BTC, ETH }: Day, { strikes }: Series): SettlementMarks {
  const marks: readonly [number, number][] = [
    [ROW.btcFuture, 0.001 * BTC],
    [ROW.btcPut, 0.01 * Math.max(0, strikes.btcPut - BTC)],
    [ROW.btcCall, 0.01 * Math.max(0, BTC - strikes.btcCall)],
    [ROW.ethPut, 0.1 * Math.max(0, strikes.ethPut - ETH)],
  ];
  return new Map(
    marks.map(([row, value]) => [row, columnE6(lotsOf(parseDecimal(decimal(value, 6)), lotOfDecimals(6)), "mark")]),
  );
}
