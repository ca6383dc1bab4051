// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What may become of an account over the next hours or days: equity and coverage on many paths, with the margin of each
 * state recomputed in full. PRIVATE, like all that follows from positions; floating point, for judgement and not for proof.
 *
 * Positions on one underlying depend on its price and its volatility alone. So value, delta, vega, charges and the scenario
 * losses of all of them together are tabulated once for each step, on a grid of both, and a path only reads from tables:
 * the work of a path does not grow with the number of positions. Tables are read by cubic interpolation in the log price
 * and quadratic in log volatility (`test/prover/risk-exposure.test.ts` compares with full revaluation).
 *
 * Simplified: implied volatilities of one underlying move in proportion, each at its strike; scenario and path moves of
 * volatility compound; carry, basis, funding and collateral ratios stand still; levels are looked at after every step and
 * not between; what expires on the way settles at the price of its step.
 */
import { PlimsollError } from "../../errors.ts";
import { isSymbol } from "../../formats/labels.ts";
import type { MarketFile } from "../../formats/market.ts";
import type { PolicyFile } from "../../formats/policy.ts";
import { timeText } from "../../formats/time.ts";
import type { Account } from "../../model/account.ts";
import { evaluate } from "../../model/evaluate.ts";
import { BLOCK_INSTRUMENTS, SCENARIOS } from "../../model/sizes.ts";
import { type PricedInstrument, priceInstruments } from "../board/board.ts";
import { VALUATION_MODELS } from "../board/valuation.ts";
import { type MarketInput, own } from "../input.ts";
import { countedProfit, type Move } from "../model.ts";
import { QUANTILES } from "./figures.ts";
import { type MarketProcess, Random } from "./processes.ts";

/**
 * An account, and the market that it is in with all that the market follows from.
 * @see docs/library.md#risk
 */
export interface AccountInMarket {
  readonly account: Account;
  readonly policy: PolicyFile;
  readonly market: MarketFile;
  readonly input: MarketInput;
}

/** What is charged at a rate, as a fraction, above a threshold. */
export interface Excess {
  readonly threshold: number;
  readonly rate: number;
}

export const excessCharge = ({ threshold, rate }: Excess, amount: number): number =>
  rate * Math.max(0, Math.abs(amount) - threshold);

/**
 * The same for judgement: floating point, units of the underlying, and only what is held.
 * @see docs/library.md#risk
 */
export interface Book {
  readonly input: MarketInput;
  readonly positions: readonly { readonly row: number; readonly units: number; readonly set: number }[];
  /** After haircuts; what follows an underlying moves with its price. */
  readonly collateral: readonly { readonly underlying: string | undefined; readonly value: number }[];
  /** Collateral in the scan of the first netting set, as units of the instrument of its row. */
  readonly scanned: readonly { readonly row: number; readonly units: number }[];
  readonly cash: number;
  /** Margin on debt, as a fraction. */
  readonly debtRate: number;
  /** By netting set: delta and vega above which each is charged, and the rates. */
  readonly sets: readonly { readonly delta: Excess; readonly vega: Excess }[];
}

export interface ExposureOptions {
  readonly horizonHours: number;
  /** Steps to the horizon, at least 1. */
  readonly steps: number;
  readonly paths: number;
  readonly seed: number;
  /** Levels of coverage to watch, as ratios: 1.2 for 120%. */
  readonly levels: readonly number[];
}

export interface ExposureStep {
  readonly hours: number;
  /** At the probabilities of `QUANTILES`: change of equity since now, and coverage (infinite without margin). */
  readonly equity: readonly number[];
  readonly coverage: readonly number[];
  /** Mean loss of equity, counting gains as none: expected exposure of whoever guarantees the account. */
  readonly expectedLoss: number;
}

/**
 * How an account may fare on simulated paths.
 * @see docs/library.md#risk
 */
export interface Exposure {
  readonly process: string;
  readonly paths: number;
  readonly steps: readonly ExposureStep[];
  /** For each level: probability to be below it at any step up to the horizon, and at the horizon. */
  readonly levels: readonly { readonly level: number; readonly ever: number; readonly atEnd: number }[];
  /** Mean and largest of what equity lacks to margin on the paths, at the horizon. */
  readonly meanShortfall: number;
  readonly worstShortfall: number;
  readonly equity: number;
  readonly coverage: number;
}

const HOUR_MS = 3_600_000;
const PRICE_POINTS = 129;
/** Logs of the factor on implied volatilities. */
const VOLATILITY_POINTS = [-0.8, -0.4, 0, 0.4, 0.8] as const;
const VOLATILITY_STEP = 0.4;
const VALUE = 0;
const DELTA = 1;
const CHARGE = 2;
const VEGA = 3;
const LOSSES = 4;
const WIDTH = LOSSES + SCENARIOS;

/**
 * Simulates. Throws `UNKNOWN_NAME` where the process lacks an underlying that is held. Takes about 25 ns for each path, step, underlying and 10 columns.
 * @see docs/library.md#risk
 */
export function simulateExposure(book: Book, process: MarketProcess, options: ExposureOptions): Exposure {
  const { paths, steps, levels } = options;
  const groups = groupsOf(book, process);
  const { cash, sets, debtRate } = book;
  const collateral = book.collateral.map(({ underlying, value }) => ({
    asset: underlying === undefined ? -1 : assetOf(process, underlying),
    value,
  }));
  const assets = process.underlyings.length;
  const random = new Random(options.seed);
  const stepHours = options.horizonHours / steps;
  const [prices, implied] = [new Float64Array(assets), new Float64Array(assets)];
  const logPrices = new Float64Array(assets * paths);
  const logVolatilities = new Float64Array(assets * paths);
  const settled = new Float64Array(paths);
  const lowest = new Float64Array(paths).fill(Number.POSITIVE_INFINITY);
  const equities = new Float64Array(paths);
  const coverages = new Float64Array(paths);
  const sums = sets.map(() => new Float64Array(WIDTH));
  const spread = process.volatilities.map((volatility) =>
    Math.min(3, 10 * volatility * Math.sqrt(options.horizonHours / 24) + 0.1),
  );

  const state = (path: number, tables: readonly Table[]) => {
    for (const sum of sums) sum.fill(0);
    for (const table of tables) {
      table.add(logPrices[table.asset * paths + path]!, logVolatilities[table.asset * paths + path]!, sums[table.set]!);
    }
    let owned = cash + settled[path]!;
    let margin = 0;
    for (let set = 0; set < sums.length; set++) {
      const sum = sums[set]!;
      owned += sum[VALUE]!;
      let scan = 0;
      for (let column = LOSSES; column < WIDTH; column++) scan = Math.max(scan, sum[column]!);
      const { delta, vega } = sets[set]!;
      margin += scan + sum[CHARGE]! + excessCharge(delta, sum[DELTA]!) + excessCharge(vega, sum[VEGA]!);
    }
    margin += debtRate * Math.max(0, -owned);
    let equity = owned;
    for (const { asset, value } of collateral) {
      equity += asset === -1 ? value : value * Math.exp(logPrices[asset * paths + path]!);
    }
    equities[path] = equity;
    coverages[path] = margin > 0 ? equity / margin : equity >= 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    return margin;
  };

  const nowTables = tablesAt(book, groups, spread, 0, 0);
  state(0, nowTables.alive);
  const [equityNow, coverageNow] = [equities[0]!, coverages[0]!];
  const result: ExposureStep[] = [];
  let [meanShortfall, worstShortfall] = [0, 0];
  for (let step = 1; step <= steps; step++) {
    const { alive, expiring } = tablesAt(book, groups, spread, (step - 1) * stepHours, step * stepHours);
    const scratch = new Float64Array(WIDTH);
    let loss = 0;
    for (let path = 0; path < paths; path++) {
      process.draw(random, stepHours / 24, prices, implied);
      for (let asset = 0; asset < assets; asset++) {
        logPrices[asset * paths + path]! += prices[asset]!;
        logVolatilities[asset * paths + path]! += implied[asset]!;
      }
      for (const table of expiring) {
        scratch.fill(0);
        table.add(logPrices[table.asset * paths + path]!, logVolatilities[table.asset * paths + path]!, scratch);
        settled[path]! += scratch[VALUE]!;
      }
      const margin = state(path, alive);
      const equity = equities[path]!;
      lowest[path] = Math.min(lowest[path]!, coverages[path]!);
      loss += Math.max(0, equityNow - equity);
      if (step === steps) {
        meanShortfall += Math.max(0, margin - equity) / paths;
        worstShortfall = Math.max(worstShortfall, margin - equity);
      }
    }
    result.push({
      hours: step * stepHours,
      equity: quantiles(equities).map((equity) => equity - equityNow),
      coverage: quantiles(coverages),
      expectedLoss: loss / paths,
    });
  }
  const below = (values: Float64Array, level: number) =>
    values.reduce((sum, value) => sum + (value < level ? 1 : 0), 0) / paths;
  return {
    process: process.name,
    paths,
    steps: result,
    levels: levels.map((level) => ({ level, ever: below(lowest, level), atEnd: below(coverages, level) })),
    meanShortfall,
    worstShortfall,
    equity: equityNow,
    coverage: coverageNow,
  };
}

function quantiles(values: Float64Array): number[] {
  const sorted = Float64Array.from(values).sort();
  return QUANTILES.map((probability) => sorted[Math.min(sorted.length - 1, Math.floor(probability * sorted.length))]!);
}

/**
 * What an account holds, for judgement. Throws `FIELD_INVALID` where market and input list different instruments.
 * @see docs/library.md#risk
 */
export function bookOf({ account, policy, market, input }: AccountInMarket): Book {
  const { instruments } = input.policy;
  const mismatch = market.instruments.findIndex((listed, row) => listed?.symbol !== instruments[row]?.symbol);
  if (mismatch !== -1 || instruments.length !== market.instruments.length) {
    const field = `instruments[${mismatch}]`;
    throw new PlimsollError("FIELD_INVALID", "expected the input that this market follows from", { field });
  }
  const { assets, sets } = evaluate(account, policy.policy, market.market);
  const excess = (threshold: bigint, rate: bigint): Excess => ({
    threshold: Number(threshold) / 1e6,
    rate: Number(rate) / 1e4,
  });
  return {
    input,
    positions: account.positions.flatMap((lots, row) => {
      const instrument = instruments[row];
      if (lots === 0n || !instrument) return [];
      if (own(VALUATION_MODELS, instrument.model)?.others !== undefined) {
        throw new PlimsollError("FIELD_INVALID", "expected rows on one underlying each: no other is simulated", {
          field: `instruments[${instrument.symbol}]`,
        });
      }
      const block = Math.floor(row / BLOCK_INSTRUMENTS);
      const set = sets.findIndex(({ firstBlock, lastBlock }) => block >= firstBlock && block <= lastBlock);
      return [{ row, units: Number(lots) * Number(instrument.lot), set }];
    }),
    collateral: assets.flatMap(({ asset, value }) => {
      if (value === 0n) return [];
      const { symbol } = policy.assets[asset]!;
      const underlying = input.policy.collateral.find((rule) => rule.asset === symbol)?.underlying;
      return [{ underlying, value: Number(value) / 1e20 }];
    }),
    scanned: assets.flatMap(({ asset, scannedLots }) => {
      const instrument = instruments[asset];
      return scannedLots === 0n || !instrument
        ? []
        : [{ row: asset, units: Number(scannedLots) * Number(instrument.lot) }];
    }),
    cash: Number(account.cash) / 1e6,
    debtRate: Number(policy.policy.debtRateBps) / 1e4,
    sets: sets.map(({ lastBlock }) => {
      const { liquidityThreshold, liquidityRate, vegaThreshold, vegaRate } = market.market.board.blocks[lastBlock]!;
      return { delta: excess(liquidityThreshold, liquidityRate), vega: excess(vegaThreshold, vegaRate) };
    }),
  };
}

/** Where a process keeps an underlying. Throws `UNKNOWN_NAME`. */
export function assetOf({ underlyings }: MarketProcess, underlying: string): number {
  const asset = underlyings.indexOf(underlying);
  if (asset !== -1) return asset;
  const field = isSymbol(underlying) ? underlying : "underlying";
  throw new PlimsollError("UNKNOWN_NAME", "no process for an underlying that is held", { field });
}

/** Positions of one netting set on one underlying. */
interface Group {
  readonly asset: number;
  readonly set: number;
  readonly positions: readonly (Held & { readonly row: number })[];
}

interface Held {
  readonly units: number;
  /** Whether it is scanned collateral, which has losses and nothing else. */
  readonly collateral: boolean;
}

function groupsOf({ positions, scanned, input }: Book, process: MarketProcess): Group[] {
  const held = [
    ...positions.map((position) => ({ ...position, collateral: false })),
    ...scanned.map((each) => ({ ...each, set: 0, collateral: true })),
  ];
  const groups = Map.groupBy(held, ({ row, set }) => {
    return `${set} ${assetOf(process, input.policy.instruments[row]!.underlying)}`;
  });
  return [...groups].map(([key, held]) => {
    const [set, asset] = key.split(" ").map(Number) as [number, number];
    return { asset, set, positions: held };
  });
}

/** The board's instruments as they will be valued some hours on: time passes, prices stay. */
function pricedAt(input: MarketInput, milliseconds: number): readonly (PricedInstrument | null)[] {
  const time = Date.parse(input.observation.time) + milliseconds;
  const underlyings = Object.entries(input.observation.underlyings).map(([name, { surface, ...rest }]) => {
    const ahead = surface?.filter(({ expiry }) => Date.parse(expiry) > time);
    return [name, ahead === undefined || ahead.length === 0 ? rest : { ...rest, surface: ahead }];
  });
  const instruments = input.policy.instruments.map((instrument) => {
    const expiry = instrument?.terms.expiry;
    return instrument === null || (expiry !== undefined && Date.parse(expiry) <= time) ? null : instrument;
  });
  return priceInstruments({
    ...input,
    policy: { ...input.policy, instruments },
    observation: {
      ...input.observation,
      time: timeText(new Date(time)),
      underlyings: Object.fromEntries(underlyings),
    },
  });
}

function tablesAt(
  { input }: Book,
  groups: readonly Group[],
  spread: readonly number[],
  fromHours: number,
  toHours: number,
) {
  const start = Date.parse(input.observation.time);
  const [from, to] = [fromHours * HOUR_MS, toHours * HOUR_MS];
  const later = pricedAt(input, to);
  const expiryOf = (row: number) =>
    Date.parse(input.policy.instruments[row]!.terms.expiry ?? "9999-01-01T00:00:00Z") - start;
  const alive = groups.map(({ asset, set, positions }) => {
    const held = positions.flatMap(({ row, ...each }) => (later[row] ? [{ priced: later[row], ...each }] : []));
    return new Table(asset, set, spread[asset]!, held, true);
  });
  const expiring = groups.flatMap(({ asset, set, positions }) => {
    const held = positions.flatMap(({ row, ...each }) => {
      const expiry = expiryOf(row);
      return expiry > from && expiry <= to ? [{ priced: pricedAt(input, expiry - 1000)[row]!, ...each }] : [];
    });
    return held.length === 0 ? [] : [new Table(asset, set, spread[asset]!, held, false)];
  });
  return { alive, expiring };
}

/** Value, delta, charge, vega and scenario losses of a group of positions over a grid of log price and log volatility. */
class Table {
  readonly asset: number;
  readonly set: number;
  readonly #low: number;
  readonly #step: number;
  readonly #cells: Float64Array;

  constructor(
    asset: number,
    set: number,
    spread: number,
    held: readonly (Held & { readonly priced: PricedInstrument })[],
    scenarios: boolean,
  ) {
    this.asset = asset;
    this.set = set;
    this.#low = -spread;
    this.#step = (2 * spread) / (PRICE_POINTS - 1);
    this.#cells = new Float64Array(PRICE_POINTS * VOLATILITY_POINTS.length * WIDTH);
    for (let point = 0; point < PRICE_POINTS; point++) {
      const factor = Math.exp(this.#low + point * this.#step);
      for (const [column, logVolatility] of VOLATILITY_POINTS.entries()) {
        const here = (point * VOLATILITY_POINTS.length + column) * WIDTH;
        const volatility = Math.exp(logVolatility);
        const compound = ({ price, volatility: change, ...rest }: Move): Move => ({
          ...rest,
          price: factor * (1 + price) - 1,
          volatility: volatility * (1 + change) - 1,
        });
        const still = compound({ price: 0, volatility: 0 });
        let scenariosOf: PricedInstrument["scenarios"] | undefined;
        let moves: readonly Move[] = [];
        for (const { priced, units, collateral } of held) {
          const now = priced.valueAfter(still);
          const { value, delta, vega } = now;
          if (!collateral) this.#cells[here + VALUE]! += units * value;
          if (!scenarios) continue;
          if (!collateral) {
            this.#cells[here + DELTA]! += units * delta;
            this.#cells[here + VEGA]! += units * vega;
            const { long, short } = priced.chargesAt(now.notional ?? priced.spot * factor, value);
            this.#cells[here + CHARGE]! += units > 0 ? units * long : -units * short;
          }
          const { underlying } = priced.instrument;
          // Of one netting set and one underlying: mostly the same for all.
          if (priced.scenarios !== scenariosOf) {
            scenariosOf = priced.scenarios;
            moves = scenariosOf.map((scenario) => compound(scenario.moves[underlying]!));
          }
          for (const [index, scenario] of priced.scenarios.entries()) {
            const after = priced.valueAfter(moves[index]!).value;
            this.#cells[here + LOSSES + index]! -= units * countedProfit(scenario, underlying, now, after);
          }
        }
      }
    }
  }

  /** Adds what the grid says at a point to a row; outside it the nearest edge holds. */
  add(logPrice: number, logVolatility: number, into: Float64Array): void {
    const position = Math.min(PRICE_POINTS - 1.000001, Math.max(0, (logPrice - this.#low) / this.#step));
    const cell = Math.min(PRICE_POINTS - 3, Math.max(1, Math.floor(position)));
    const t = position - cell;
    // Lagrange's cubic through four neighbours in price, and his parabola through the nearest three volatilities.
    const p0 = (-t * (t - 1) * (t - 2)) / 6;
    const p1 = ((t + 1) * (t - 1) * (t - 2)) / 2;
    const p2 = (-(t + 1) * t * (t - 2)) / 2;
    const p3 = ((t + 1) * t * (t - 1)) / 6;
    const nearest = Math.min(3, Math.max(1, Math.round(logVolatility / VOLATILITY_STEP) + 2));
    const u = Math.min(1.5, Math.max(-1.5, logVolatility / VOLATILITY_STEP + 2 - nearest));
    const q0 = (u * (u - 1)) / 2;
    const q1 = 1 - u * u;
    const q2 = (u * (u + 1)) / 2;
    const row = VOLATILITY_POINTS.length * WIDTH;
    const cells = this.#cells;
    let base = (cell - 1) * row + (nearest - 1) * WIDTH;
    for (let column = 0; column < WIDTH; column++, base++) {
      const a = base + row;
      const b = a + row;
      const c = b + row;
      into[column]! +=
        q0 * (p0 * cells[base]! + p1 * cells[a]! + p2 * cells[b]! + p3 * cells[c]!) +
        q1 * (p0 * cells[base + WIDTH]! + p1 * cells[a + WIDTH]! + p2 * cells[b + WIDTH]! + p3 * cells[c + WIDTH]!) +
        q2 *
          (p0 * cells[base + 2 * WIDTH]! +
            p1 * cells[a + 2 * WIDTH]! +
            p2 * cells[b + 2 * WIDTH]! +
            p3 * cells[c + 2 * WIDTH]!);
    }
  }
}
