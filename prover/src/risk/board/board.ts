// SPDX-License-Identifier: GPL-3.0-or-later
/** From a market input to a market document: values by risk models, rounded once, exactly, at the border. */
import { PlimsollError } from "../../errors.ts";
import { formatDecimal, lotOfDecimals, lotsOf, parseDecimal } from "../../formats/decimal.ts";
import {
  checkScannedRows,
  type InstrumentDocument,
  lotPriceOf,
  type MarketDocument,
  type MarketFile,
  unsigned64,
} from "../../formats/market.ts";
import { DistinctSymbols } from "../../formats/names.ts";
import type { PolicyFile } from "../../formats/policy.ts";
import { type BoardBlock, type BoardRow, CLOSED_ROW, checkMarket } from "../../model/market.ts";
import {
  ASSETS,
  BLOCK_INSTRUMENTS,
  BOARD_SIZES,
  blocksOf,
  instrumentsOf,
  SCENARIOS,
  smallestBoardFor,
} from "../../model/sizes.ts";
import { chargeE6, columnE6, type LotPriceE16, rateBps, thresholdE6 } from "../../units.ts";
import { type Instrument, type MarketInput, type ModelChoice, own, within } from "../input.ts";
import {
  countedProfit,
  type Move,
  type Scenario,
  STILL,
  type TracedCharges,
  type TracedValue,
  type UnderlyingState,
  type ValuationModel,
} from "../model.ts";
import { CHARGE_MODELS } from "./charges.ts";
import { collateralPrices, PRICE_DECIMALS } from "./collateral.ts";
import { checkCoinRow } from "./products.ts";
import { checkScannedModels } from "./scanned.ts";
import { SCENARIO_MODELS } from "./scenarios.ts";
import { Surface } from "./surface.ts";
import { type OtherObservation, otherTerms, termsOf } from "./terms.ts";
import { VALUATION_MODELS } from "./valuation.ts";

/**
 * The models that a market input may name. Yours beside ours: `{ ...MODELS, valuations: { ...MODELS.valuations, mine } }`.
 * @see docs/library.md#risk
 */
export interface Models {
  readonly valuations: Readonly<Record<string, ValuationModel>>;
  readonly scenarios: typeof SCENARIO_MODELS;
  readonly charges: typeof CHARGE_MODELS;
}

/**
 * The risk models that come with the package, by name.
 * @see docs/library.md#risk
 */
export const MODELS: Models = { valuations: VALUATION_MODELS, scenarios: SCENARIO_MODELS, charges: CHARGE_MODELS };

function modelOf<T>(models: Readonly<Record<string, T>>, { model }: { readonly model: string }, place: string): T {
  const found = own(models, model);
  if (found !== undefined) return found;
  throw new PlimsollError("UNKNOWN_NAME", `expected one of ${Object.keys(models).join(", ")}`, {
    field: `${place}.model`,
  });
}

/** Decimals of board values. */
const VALUE_DECIMALS = 6;
const SCALE = 10 ** VALUE_DECIMALS;

/** One instrument with all that its row follows from, before rounding; per whole unit of the underlying. */
export interface PricedInstrument {
  readonly instrument: Instrument;
  readonly model: ValuationModel;
  /** The scenarios of its netting set. */
  readonly scenarios: readonly Scenario[];
  /** The model that made them. */
  readonly scenarioChoice: ModelChoice;
  readonly charges: TracedCharges;
  /** The same at another notional, which is the spot for most, and another mark. */
  chargesAt(notional: number, mark: number): TracedCharges;
  /** What one unit is a trade of: the spot of its underlying, for most. */
  readonly spot: number;
  /** The first is its own. */
  readonly underlyings: readonly string[];
  valueAfter(move: Move, moves?: Scenario["moves"]): TracedValue;
  /** What one unit is worth where something else is observed. It is bound again, so this is not held to what moves can say. */
  valueWhere(other: OtherObservation): number;
}

/**
 * Binds every instrument to its models. Throws, naming the place in the input: `UNKNOWN_NAME` for a model, an underlying
 * or a quote that is not there; `FIELD_INVALID` or `OUT_OF_RANGE` for a symbol that comes twice, and for terms, quotes,
 * parameters and surfaces that are not what their model takes; `NO_BOARD_SIZE` where the blocks do not hold the instruments. Does not check that
 * observations are plausible.
 * @see docs/library.md#risk
 */
export function priceInstruments(
  { policy, observation }: MarketInput,
  models: Models = MODELS,
): readonly (PricedInstrument | null)[] {
  if (policy.instruments.length > policy.blocks.length * BLOCK_INSTRUMENTS) {
    throw new PlimsollError("NO_BOARD_SIZE", `expected at most ${BLOCK_INSTRUMENTS} instruments to a block`);
  }
  const time = Date.parse(observation.time);
  const rate = Number(observation.rate);
  const underlyings = new Map(
    Object.entries(observation.underlyings).map(([name, { spot, carry, surface }]): [string, UnderlyingState] => {
      const field = `observation.underlyings.${name}.surface`;
      const built = surface && new Surface(surface, Number(spot), Number(carry), time, field);
      return [
        name,
        {
          name,
          spot: Number(spot),
          carry: Number(carry),
          rate,
          surface() {
            if (built === undefined) throw new PlimsollError("UNKNOWN_NAME", "no volatilities are observed", { field });
            return built;
          },
        },
      ];
    }),
  );
  const chargeModel = modelOf(models.charges, policy.charges, "policy.charges");
  const placeOf = ({ symbol }: Instrument) => `instruments[${symbol}]`;
  const lost = policy.instruments.find((each) => each !== null && !underlyings.has(each.underlying));
  if (lost) {
    const field = `${placeOf(lost)}.underlying`;
    throw new PlimsollError("UNKNOWN_NAME", "an underlying that is not observed", { field });
  }
  checkSymbols(policy.instruments);
  const sets = scenariosOfBlocks(policy, models);
  return policy.instruments.map((instrument, index) => {
    if (instrument === null) return null;
    const place = placeOf(instrument);
    within(place, () => checkCoinRow(instrument, policy.instruments));
    const seen = underlyings.get(instrument.underlying)!;
    const model = modelOf(models.valuations, instrument, place);
    const { scenarios, choice } = sets[Math.floor(index / BLOCK_INSTRUMENTS)]!;
    return within(place, () => {
      const terms = termsOf(instrument, model, own(observation.quotes, instrument.symbol) ?? {}, time);
      const other = (name: string) => {
        const found = underlyings.get(name);
        if (found !== undefined) return found;
        throw new PlimsollError("UNKNOWN_NAME", "an underlying that is not observed", { field: "terms" });
      };
      const valueAfter = model.bind(terms, seen, other);
      const { value: mark, notional = seen.spot } = valueAfter(STILL);
      const chargesAt = (notional: number, mark: number) =>
        instrument.traded === false
          ? closedCharges(instrument)
          : chargeModel.charges(model.closing, notional, mark, policy.charges.parameters);
      const charges = chargesAt(notional, mark);
      const valueWhere = (where: OtherObservation) =>
        model.bind(otherTerms(terms, where), where.observed(seen, instrument.underlying), (name) =>
          where.observed(other(name), name),
        )(STILL).value;
      return {
        instrument,
        model,
        scenarios,
        scenarioChoice: choice,
        charges,
        chargesAt,
        spot: notional,
        underlyings: underlyingsOf(instrument, models),
        valueAfter,
        valueWhere,
      };
    });
  });
}

function checkSymbols(instruments: readonly (Instrument | null)[]): void {
  const symbols = new DistinctSymbols();
  for (const [index, instrument] of instruments.entries()) {
    const fault = instrument === null ? undefined : symbols.add(instrument.symbol);
    const field = `policy.instruments[${index}]`;
    if (fault !== undefined) throw new PlimsollError("FIELD_INVALID", fault, { field });
  }
}

/** Of an instrument, and those that its terms name. */
const underlyingsOf = ({ model, underlying, terms }: Instrument, models: Models): readonly string[] => {
  const others = own(models.valuations, model)?.others ?? [];
  return [...new Set([underlying, ...others.flatMap((term) => own(terms, term) ?? [])])];
};

/** Those of a row that nobody trades: on the board they are exactly those of a closed row. */
function closedCharges({ lot }: Instrument): TracedCharges {
  const each = Number(CLOSED_ROW.longCharge) / SCALE / Number(lot);
  return { long: each, short: each, formula: "closed: this row is for the scan of collateral alone", inputs: {} };
}

/** The scenarios of each block: those of the netting set that it belongs to. */
function scenariosOfBlocks({ blocks, instruments, scenarios: common }: MarketInput["policy"], models: Models) {
  const sets: { scenarios: readonly Scenario[]; choice: ModelChoice }[] = [];
  for (let first = 0; first < blocks.length; ) {
    let next = first + 1;
    while (blocks[next]?.continues) next++;
    const held = instruments.slice(first * BLOCK_INSTRUMENTS, next * BLOCK_INSTRUMENTS);
    const underlyings = [...new Set(held.flatMap((each) => (each === null ? [] : underlyingsOf(each, models))))];
    const choice = blocks[first]!.scenarios ?? common;
    const place = blocks[first]!.scenarios === undefined ? "policy.scenarios" : `policy.blocks[${first}].scenarios`;
    const model = modelOf(models.scenarios, choice, place);
    const optioned = new Set(
      held.flatMap((instrument) =>
        instrument !== null && own(models.valuations, instrument.model)?.closing === "option"
          ? [instrument.underlying]
          : [],
      ),
    );
    const scenarios = within(place, () => model.scenarios(underlyings, choice.parameters, optioned));
    for (; first < next; first++) sets.push({ scenarios, choice });
  }
  return sets;
}

/**
 * Builds the market document.
 *
 * Rounding, per lot, to millionths:
 *   profits       down (a long profits less and loses more)
 *   charges       up; the short charge one millionth more, since a short gains what `down` takes from a profit
 *   mark, delta, vega  to nearest, ties up: they move value between accounts, and neither side may be favoured
 *   prices        of assets that follow an underlying: down, to 8 decimals
 * So margin is never below that of the unrounded values, for any portfolio, beyond the floating-point error of the
 * valuation itself (about 1e-15 of it). Equal input gives equal output on every machine.
 *
 * Throws like `priceInstruments`, and `OUT_OF_RANGE`, naming row and column, where a value is not finite or not below
 * 2^42 millionths per lot (the lot is too large).
 */
export function buildMarket(input: MarketInput, models: Models = MODELS): MarketDocument {
  return build(input, models).document;
}

/**
 * A market as it is published, and the same market as the model reads it under a haircut policy.
 * @see docs/library.md#risk
 */
export interface BuiltMarket {
  readonly document: MarketDocument;
  /** What `readMarket` reads from the document. */
  readonly file: MarketFile;
}

/**
 * Builds document and model together: each value is rounded once and not read back from text.
 *
 * Throws like `buildMarket`, and like `readMarket` would of the document: `NO_BOARD_SIZE` for too many instruments,
 * `FIELD_INVALID` for a symbol that comes twice, blocks that are not as many as the board's, and an asset of the policy
 * without exactly one price, `UNKNOWN_NAME` for a price of another asset, `OUT_OF_RANGE` for a price or a block's terms.
 *
 *   const { document, file } = buildMarketFile(readMarketInput(text, "market-input.json"), policy);
 */
export function buildMarketFile(input: MarketInput, policy: PolicyFile, models: Models = MODELS): BuiltMarket {
  const { document, rows } = build(input, models);
  const { instruments, blocks } = input.policy;
  const size = smallestBoardFor(instruments.length);
  if (size === undefined) {
    const most = instrumentsOf(BOARD_SIZES.at(-1)!);
    throw new PlimsollError("NO_BOARD_SIZE", `${instruments.length} instruments, but the largest board holds ${most}`);
  }
  if (blocks.length !== blocksOf(size)) {
    const rule = `expected ${blocksOf(size)} entries for ${instruments.length} instruments, found ${blocks.length}`;
    throw new PlimsollError("FIELD_INVALID", rule, { field: "policy.blocks" });
  }
  const market = checkMarket({
    prices: lotPrices(document, policy),
    board: {
      size,
      rows: Array.from({ length: instrumentsOf(size) }, (_, index) => rows[index]?.row ?? CLOSED_ROW),
      blocks: document.blocks.map(blockOf),
    },
  });
  const listed = document.instruments.map((shown) =>
    shown.symbol === null
      ? undefined
      : { symbol: shown.symbol, lot: parseDecimal(shown.lot), terms: shown.terms ?? {} },
  );
  within("policy", () => {
    checkScannedModels(policy, input.policy, models.valuations);
    checkScannedRows(
      policy,
      listed,
      rows.map((built) => built?.row),
    );
  });
  return {
    document,
    file: {
      board: document.board,
      epoch: unsigned64(lotsOf(parseDecimal(document.epoch), lotOfDecimals(0))),
      time: document.time,
      scenarios: document.scenarios,
      instruments: listed,
      blocks: document.blocks.map(({ name }) => name),
      market,
    },
  };
}

function build(input: MarketInput, models: Models): { document: MarketDocument; rows: readonly (BuiltRow | null)[] } {
  const { policy, observation } = input;
  const rows = priceInstruments(input, models).map((priced) => (priced === null ? null : buildRow(priced)));
  const sets = scenariosOfBlocks(policy, models);
  const document: MarketDocument = {
    format: "plimsoll-market/2",
    board: policy.board,
    epoch: observation.epoch,
    time: observation.time,
    prices: collateralPrices(input),
    scenarios: Array.from({ length: SCENARIOS }, (_, index) => {
      const labels = [...new Set(sets.map(({ scenarios }) => scenarios[index]!.label))];
      const label = labels.join(" / ");
      return label.length <= 200 ? label : `scenario ${index}: its moves differ by netting set`;
    }),
    instruments: rows.map((built) => (built === null ? { symbol: null } : built.document)),
    blocks: policy.blocks.map(({ scenarios: _, name, ...terms }) => ({ ...terms, name })),
  };
  return { document, rows };
}

/** Prices per lot in the policy's order. */
function lotPrices({ prices }: MarketDocument, policy: PolicyFile): LotPriceE16[] {
  const lots = new Array<LotPriceE16>(ASSETS).fill(0n as LotPriceE16);
  const missing = new Set(policy.assets.keys());
  for (const { asset, price } of prices) {
    const field = `prices[${asset}]`;
    const index = policy.assets.findIndex(({ symbol }) => symbol === asset);
    if (index === -1) throw new PlimsollError("UNKNOWN_NAME", "an asset that the policy does not list", { field });
    if (!missing.delete(index)) throw new PlimsollError("FIELD_INVALID", "this asset has a price already", { field });
    lots[index] = within(field, () => lotPriceOf(parseDecimal(price), policy.assets[index]!.lotDecimals));
  }
  const [first] = missing;
  if (first !== undefined) {
    const rule = `the price of ${policy.assets[first]!.symbol}, which the policy lists, is missing`;
    throw new PlimsollError("FIELD_INVALID", rule, { field: "prices" });
  }
  return lots;
}

function blockOf(terms: MarketDocument["blocks"][number], index: number): BoardBlock {
  const threshold = (text: string) => thresholdE6(lotsOf(parseDecimal(text), lotOfDecimals(VALUE_DECIMALS)));
  const rate = (text: string) => rateBps(lotsOf(parseDecimal(text), lotOfDecimals(0)));
  return within(`policy.blocks[${index}]`, () => ({
    continues: terms.continues,
    liquidityThreshold: threshold(terms.liquidityThreshold),
    liquidityRate: rate(terms.liquidityRateBps),
    vegaThreshold: threshold(terms.vegaThreshold),
    vegaRate: rate(terms.vegaRateBps),
  }));
}

/** One row as text and as integers. */
interface BuiltRow {
  readonly document: InstrumentDocument;
  readonly row: BoardRow;
}

function buildRow({ instrument, model, scenarios, charges, valueAfter }: PricedInstrument): BuiltRow {
  const lot = Number(instrument.lot);
  const closed = instrument.traded === false;
  const now = valueAfter(STILL);
  const place = (column: string) => `instruments[${instrument.symbol}].${column}`;
  const column = (value: number, round: Round, name: string) =>
    columnE6(toUnits(value, round, place(name)), place(name));
  const charge = (value: number, extra: bigint, name: string) =>
    chargeE6(toUnits(value, Math.ceil, place(name)) + extra, place(name));
  const row: BoardRow = {
    profits: scenarios.map((scenario, index) => {
      const after = valueAfter(scenario.moves[instrument.underlying]!, scenario.moves).value;
      const profit = countedProfit(scenario, instrument.underlying, now, after);
      return column(profit * lot, Math.floor, `profits[${index}]`);
    }),
    mark: column(now.value * lot, Math.round, "mark"),
    delta: column(now.delta * lot, Math.round, "delta"),
    vega: column(now.vega * lot, Math.round, "vega"),
    longCharge: closed ? CLOSED_ROW.longCharge : charge(charges.long * lot, 0n, "longCharge"),
    shortCharge: closed
      ? CLOSED_ROW.shortCharge
      : charge(charges.short * lot, model.closing === "none" ? 0n : 1n, "shortCharge"),
  };
  const text = (units: bigint) => formatDecimal(units, VALUE_DECIMALS);
  const document: InstrumentDocument = {
    symbol: instrument.symbol,
    lot: instrument.lot,
    profits: row.profits.map(text),
    mark: text(row.mark),
    delta: text(row.delta),
    vega: text(row.vega),
    longCharge: text(row.longCharge),
    shortCharge: text(row.shortCharge),
    terms: termsShown(instrument),
  };
  return { document, row };
}

type Round = (value: number) => number;

function toUnits(value: number, round: Round, field: string): bigint {
  const units = round(value * SCALE);
  if (!Number.isSafeInteger(units)) throw new PlimsollError("OUT_OF_RANGE", "expected a finite board value", { field });
  return BigInt(units);
}

/** What a reader needs to know a contract by. The value of what has expired is its mark. */
function termsShown({ model, underlying, terms }: Instrument): Record<string, string> {
  const { value: _, ...shown } = terms;
  return { kind: model, underlying, ...shown };
}

const BASIS_POINTS = 10_000;

/** By underlying; those not named stand still. */
export type PriceMoves = Readonly<Record<string, number>>;

/**
 * The same market after underlyings have moved by a fraction each, a whole number of basis points (−0.3 is a fall by 30%; one
 * number moves all alike), and with them the market prices of what bears yield, and all implied volatilities by another, each at
 * its strike. The epoch grows by one; time, carry and funding stand still. Spots are rounded down to 8 decimals, volatilities to
 * 12. Throws `UNKNOWN_NAME` for a move of an underlying that the market has not.
 */
export function shock(input: MarketInput, price: number | PriceMoves, volatility = 0): MarketInput {
  const { policy, observation } = input;
  const moves = typeof price === "number" ? undefined : price;
  const stranger = Object.keys(moves ?? {}).find((name) => own(observation.underlyings, name) === undefined);
  if (stranger !== undefined)
    throw new PlimsollError("UNKNOWN_NAME", "the market has no such underlying", { field: stranger });
  const moved = (spot: string, underlying: string | undefined) => {
    const move = moves === undefined ? (price as number) : (own(moves, underlying ?? "") ?? 0);
    const bps = BigInt(Math.round(move * BASIS_POINTS));
    const units = lotsOf(parseDecimal(spot), lotOfDecimals(PRICE_DECIMALS));
    return formatDecimal((units * (BigInt(BASIS_POINTS) + bps)) / BigInt(BASIS_POINTS), PRICE_DECIMALS);
  };
  const scaled = (text: string) => String(Number((Number(text) * (1 + volatility)).toFixed(12)));
  const underlyings = Object.entries(observation.underlyings).map(([name, underlying]) => [
    name,
    {
      ...underlying,
      spot: moved(underlying.spot, name),
      ...(underlying.surface && {
        surface: underlying.surface.map((slice) => ({ ...slice, volatilities: slice.volatilities.map(scaled) })),
      }),
    },
  ]);
  const underlyingOf = (symbol: string) => policy.instruments.find((each) => each?.symbol === symbol)?.underlying;
  const quotes = Object.entries(observation.quotes).map(([symbol, { market, ...rest }]) => [
    symbol,
    { ...rest, ...(market !== undefined && { market: moved(market, underlyingOf(symbol)) }) },
  ]);
  const prices = Object.entries(observation.prices).map(([asset, observed]) => {
    const rule = policy.collateral.find((each) => each.asset === asset && each.yieldBearing);
    return [asset, rule === undefined ? observed : moved(observed, rule.underlying)];
  });
  return {
    ...input,
    observation: {
      ...observation,
      epoch: (BigInt(observation.epoch) + 1n).toString(),
      underlyings: Object.fromEntries(underlyings),
      quotes: Object.fromEntries(quotes),
      prices: Object.fromEntries(prices),
    },
  };
}
