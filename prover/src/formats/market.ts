// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll-market/2`: prices and the board of one epoch. */
import { PlimsollError } from "../errors.ts";
import { type BoardBlock, type BoardRow, CLOSED_ROW, checkMarket, type Market } from "../model/market.ts";
import { NOT_SCANNED } from "../model/policy.ts";
import { ASSETS, BOARD_SIZES, blocksOf, instrumentsOf, SCENARIOS, smallestBoardFor } from "../model/sizes.ts";
import { chargeE6, columnE6, type LotPriceE16, lotPriceE16, rateBps, thresholdE6 } from "../units.ts";
import { type Decimal, formatDecimal, formatLots, lotOfDecimals, lotsOf } from "./decimal.ts";
import { documentSha256, type JsonLimits, type JsonValue, parseJson } from "./json.ts";
import { isLabel, isSymbol } from "./labels.ts";
import { DistinctSymbols } from "./names.ts";
import { CASH_DECIMALS, MAX_LOT_DECIMALS, type PolicyFile, relocate } from "./policy.ts";

const FORMAT = "plimsoll-market/2";
const LIMITS: JsonLimits = { length: 1_500_000, values: 30_000 };
const PRICE_DECIMALS = 8;
const MAX_TERMS = 16;
const E6 = lotOfDecimals(CASH_DECIMALS);
const COLUMN_FIELDS = ["profits", "mark", "delta", "vega", "longCharge", "shortCharge"] as const;

export interface Instrument {
  readonly symbol: string;
  /** Quantity of the underlying in one lot; above zero. */
  readonly lot: Decimal;
  /** Whatever else describes it, for people: kind, underlying, strike, expiry. Not read by the proof. */
  readonly terms: Readonly<Record<string, string>>;
}

/**
 * A market that has been read, with the names that its file gives.
 * @see docs/library.md#accounts
 */
export interface MarketFile {
  readonly board: string;
  /** Unsigned 64 bits. */
  readonly epoch: bigint;
  /** UTC, to the second, for example `2026-11-22T08:00:00Z`. */
  readonly time: string;
  /** Labels of the 45 scenarios. */
  readonly scenarios: readonly string[];
  /** In the order of the board's rows, undefined where a place is left empty; rows beyond are empty. */
  readonly instruments: readonly (Instrument | undefined)[];
  /** Names of the blocks. */
  readonly blocks: readonly string[];
  readonly market: Market;
}

/**
 * A market as its file has it.
 * @see docs/library.md#accounts
 */
export interface MarketDocument {
  readonly format: typeof FORMAT;
  readonly board: string;
  readonly epoch: string;
  readonly time: string;
  /** Every asset of the policy exactly once; quote per whole unit, at most 8 decimals. */
  readonly prices: readonly { readonly asset: string; readonly price: string }[];
  readonly scenarios: readonly string[];
  readonly instruments: readonly (InstrumentDocument | { readonly symbol: null })[];
  readonly blocks: readonly {
    readonly continues: boolean;
    readonly liquidityThreshold: string;
    readonly liquidityRateBps: string;
    readonly vegaThreshold: string;
    readonly vegaRateBps: string;
    readonly name: string;
  }[];
}

/** Values are quote per lot, at most 6 decimals. */
export interface InstrumentDocument {
  readonly symbol: string;
  readonly lot: string;
  readonly profits: readonly string[];
  readonly mark: string;
  readonly delta: string;
  readonly vega: string;
  readonly longCharge: string;
  readonly shortCharge: string;
  readonly terms?: Readonly<Record<string, string>>;
}

/**
 * Reads a market; its prices are put into the order of the policy. The board is of the smallest size that holds the
 * instruments. The hash is that of the canonical JSON of the document. Does not check that the values follow from a
 * risk model.
 * @see docs/library.md#accounts
 */
export function readMarket(text: string, file: string, policy: PolicyFile): MarketFile & { readonly sha256: string } {
  const { root, top } = openDocument(text, file);
  const elements = top.instruments.elements();
  const size = smallestBoardFor(elements.length);
  if (size === undefined) {
    const largest = instrumentsOf(BOARD_SIZES.at(-1)!);
    throw top.instruments.error(
      "NO_BOARD_SIZE",
      `${elements.length} instruments, but the largest board holds ${largest}`,
    );
  }
  const instruments = elements.map(readInstrument);
  const scanned = Array.from({ length: ASSETS }, (_, index) => elements[index] ?? top.instruments);
  relocate(new Map(scanned.map((element, index) => [`instruments[${index}]`, element])), () =>
    checkScannedRows(
      policy,
      instruments.map(({ instrument }) => instrument),
      instruments.map(({ row }) => row),
    ),
  );
  const symbols = new DistinctSymbols();
  for (const [index, { instrument }] of instruments.entries()) {
    const fault = instrument && symbols.add(instrument.symbol);
    if (fault !== undefined) throw elements[index]!.error("FIELD_INVALID", fault);
  }
  const count = blocksOf(size);
  const blocks = top.blocks.elements(count, count).map(readBlock);
  const places = new Map(blocks.map(({ continues }, index) => [`blocks[${index}].continues`, continues]));
  const rows = Array.from({ length: instrumentsOf(size) }, (_, index) => instruments[index]?.row ?? CLOSED_ROW);
  const market: Market = {
    prices: readPrices(top.prices, policy),
    board: { size, rows, blocks: blocks.map(({ block }) => block) },
  };
  return {
    board: top.board.label(),
    epoch: top.epoch.amount(unsigned64),
    time: top.time.time(),
    scenarios: top.scenarios.elements(SCENARIOS, SCENARIOS).map((label) => label.label()),
    instruments: instruments.map(({ instrument }) => instrument),
    blocks: blocks.map(({ name }) => name),
    market: relocate(places, () => checkMarket(market)),
    sha256: documentSha256(root.plain()),
  };
}

/**
 * A published market as it is written, to be compared with what follows from its input. Throws `SYNTAX`, `TOO_LARGE`, or
 * `FIELD_INVALID` where it is another document. Does NOT check its values: `readMarket` does.
 */
export function readMarketDocument(text: string, file: string): MarketDocument {
  return openDocument(text, file).root.plain() as unknown as MarketDocument;
}

function openDocument(text: string, file: string) {
  const root = parseJson(text, file, LIMITS);
  const top = root.fields(["format", "board", "epoch", "time", "prices", "scenarios", "instruments", "blocks"]);
  top.format.literal(FORMAT);
  return { root, top };
}

function readPrices(value: JsonValue, policy: PolicyFile): LotPriceE16[] {
  const prices = new Array<LotPriceE16>(ASSETS).fill(0n as LotPriceE16);
  const missing = new Set(policy.assets.keys());
  for (const element of value.elements()) {
    const { asset, price } = element.fields(["asset", "price"]);
    const symbol = asset.symbol();
    const index = policy.assets.findIndex((listed) => listed.symbol === symbol);
    if (index === -1) throw asset.error("UNKNOWN_NAME", "an asset that the policy does not list");
    if (!missing.delete(index)) throw asset.error("FIELD_INVALID", "this asset has a price already");
    const decimal = price.decimal();
    prices[index] = price.check(() => lotPriceOf(decimal, policy.assets[index]!.lotDecimals));
  }
  const [first] = missing;
  if (first !== undefined) {
    throw value.error("FIELD_INVALID", `the price of ${policy.assets[first]!.symbol} is missing`);
  }
  return prices;
}

/**
 * Checks that each asset in the scan has an instrument at its place, one lot of which is the asset's scan lot, and which loses
 * somewhere: without a row, or with one that never moves, its price risk would be counted nowhere. Throws `FIELD_INVALID`. Does
 * not check that the instrument follows the price of the asset.
 */
export function checkScannedRows(
  { assets, policy }: PolicyFile,
  instruments: readonly (Instrument | undefined)[],
  rows: readonly (Pick<BoardRow, "profits"> | undefined)[],
): void {
  for (const [index, { symbol, lotDecimals }] of assets.entries()) {
    const scanned = policy.scanLots[index]!;
    if (scanned === NOT_SCANNED) continue;
    const refuse = (rule: string) => new PlimsollError("FIELD_INVALID", rule, { field: `instruments[${index}]` });
    const lot = instruments[index]?.lot;
    if (lot === undefined || !equalDecimals(lot, { units: scanned, decimals: lotDecimals })) {
      const expected = formatDecimal(scanned, lotDecimals);
      throw refuse(`expected an instrument with a lot of ${expected}: ${symbol} is scanned in this row`);
    }
    if (rows[index]?.profits.every((profit) => profit >= 0n) ?? true) {
      throw refuse(`expected an instrument that loses in some scenario: ${symbol} is scanned in this row`);
    }
  }
}

const equalDecimals = (left: Decimal, right: Decimal) =>
  left.units * 10n ** BigInt(right.decimals) === right.units * 10n ** BigInt(left.decimals);

/** The price of a lot of 10^-lotDecimals, from that of a whole unit with at most 8 decimals. Throws as `lotPriceE16`. */
export function lotPriceOf(price: Decimal, lotDecimals: number): LotPriceE16 {
  return lotPriceE16(lotsOf(price, lotOfDecimals(PRICE_DECIMALS)) * 10n ** BigInt(MAX_LOT_DECIMALS - lotDecimals));
}

function readInstrument(value: JsonValue): { instrument: Instrument | undefined; row: BoardRow } {
  const { symbol, lot, profits, mark, delta, vega, longCharge, shortCharge, terms } = value.fields(
    ["symbol"],
    ["lot", ...COLUMN_FIELDS, "terms"],
  );
  if (symbol.isNull()) {
    value.fields(["symbol"]);
    return { instrument: undefined, row: CLOSED_ROW };
  }
  value.fields(["symbol", "lot", ...COLUMN_FIELDS], ["terms"]);
  const size = lot!.decimal();
  if (size.units <= 0n) throw lot!.error("OUT_OF_RANGE", "expected a lot above 0");
  const column = (field: JsonValue) => field.amount((value) => columnE6(value), E6);
  const charge = (field: JsonValue) => field.amount((value) => chargeE6(value), E6);
  return {
    instrument: { symbol: symbol.symbol(), lot: size, terms: terms === undefined ? {} : readTerms(terms) },
    row: {
      profits: profits!.elements(SCENARIOS, SCENARIOS).map(column),
      mark: column(mark!),
      delta: column(delta!),
      vega: column(vega!),
      longCharge: charge(longCharge!),
      shortCharge: charge(shortCharge!),
    },
  };
}

function readTerms(value: JsonValue): Record<string, string> {
  const plain = value.plain();
  const terms = Object.entries(plain ?? {});
  const strings = terms.every(([key, term]) => isSymbol(key) && typeof term === "string" && isLabel(term));
  if (typeof plain !== "object" || plain === null || Array.isArray(plain) || !strings || terms.length > MAX_TERMS) {
    throw value.error("FIELD_INVALID", `expected an object of at most ${MAX_TERMS} labels`);
  }
  return Object.fromEntries(terms) as Record<string, string>;
}

function readBlock(value: JsonValue): { name: string; block: BoardBlock; continues: JsonValue } {
  const fields = value.fields([
    "continues",
    "liquidityThreshold",
    "liquidityRateBps",
    "vegaThreshold",
    "vegaRateBps",
    "name",
  ]);
  return {
    name: fields.name.label(),
    continues: fields.continues,
    block: {
      continues: fields.continues.boolean(),
      liquidityThreshold: fields.liquidityThreshold.amount(thresholdE6, E6),
      liquidityRate: fields.liquidityRateBps.amount(rateBps),
      vegaThreshold: fields.vegaThreshold.amount(thresholdE6, E6),
      vegaRate: fields.vegaRateBps.amount(rateBps),
    },
  };
}

/** An unsigned 64-bit counter. */
export function unsigned64(value: bigint): bigint {
  if (value < 0n || value >= 1n << 64n) throw new PlimsollError("OUT_OF_RANGE", "expected 0 to 2^64 - 1");
  return value;
}

/** The document that reads back as this market under the same policy. */
export function marketDocument(file: MarketFile, policy: PolicyFile): MarketDocument {
  const { prices, board } = file.market;
  const e6 = (value: bigint) => formatDecimal(value, CASH_DECIMALS);
  return {
    format: FORMAT,
    board: file.board,
    epoch: file.epoch.toString(),
    time: file.time,
    prices: policy.assets.map(({ symbol, lotDecimals }, asset) => ({
      asset: symbol,
      price: formatDecimal(prices[asset]! / 10n ** BigInt(MAX_LOT_DECIMALS - lotDecimals), PRICE_DECIMALS),
    })),
    scenarios: file.scenarios,
    instruments: file.instruments.map((instrument, index) => {
      if (instrument === undefined) return { symbol: null };
      const { profits, mark, delta, vega, longCharge, shortCharge } = board.rows[index]!;
      return {
        symbol: instrument.symbol,
        lot: formatLots(1n, instrument.lot),
        profits: profits.map(e6),
        mark: e6(mark),
        delta: e6(delta),
        vega: e6(vega),
        longCharge: e6(longCharge),
        shortCharge: e6(shortCharge),
        terms: instrument.terms,
      };
    }),
    blocks: board.blocks.map((block, index) => ({
      continues: block.continues,
      liquidityThreshold: e6(block.liquidityThreshold),
      liquidityRateBps: block.liquidityRate.toString(),
      vegaThreshold: e6(block.vegaThreshold),
      vegaRateBps: block.vegaRate.toString(),
      name: file.blocks[index]!,
    })),
  };
}

/**
 * What the quantities of an account are quantities of: SHA-256 of the board's name and of every asset and instrument by
 * name and lot, in order. Prices, haircuts and risk values are no part of it, so it stays from epoch to epoch until
 * something is listed or delisted.
 */
export function listingSha256(policy: PolicyFile, market: MarketFile): string {
  const last = market.instruments.findLastIndex((instrument) => instrument !== undefined);
  return documentSha256({
    board: market.board,
    cash: policy.cashSymbol,
    assets: policy.assets.map(({ symbol, lotDecimals }) => [symbol, `${lotDecimals}`]),
    instruments: market.instruments
      .slice(0, last + 1)
      .map((instrument) => (instrument === undefined ? null : [instrument.symbol, formatLots(1n, instrument.lot)])),
  });
}
