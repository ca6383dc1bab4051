// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Where a holding at a venue stands in our files: the instrument that is the same contract, the place of an asset. A contract that would be
 * represented in another way than it pays has no place: an inverse one on a row in quote currency, one that settles in a currency
 * that is neither the cash, nor counted at par, nor the coin of the row.
 */
import { compareDecimals, lotOfDecimals, multiplied, parseDecimal } from "../formats/decimal.ts";
import type { Instrument, MarketFile } from "../formats/market.ts";
import { VENUE_ALIASES } from "../formats/names.ts";
import { CASH_DECIMALS, type PolicyFile } from "../formats/policy.ts";
import { CLOSED_ROW } from "../model/market.ts";
import type { ImportMap } from "./import-map.ts";
import type { Balance, Contract, OwnFigure, Position } from "./venues/snapshot.ts";

/** By which rule a place was found. */
export type Rule = "same name" | "map" | "terms" | "alias" | "at par";

/** Where balances of an asset go. A debt takes the row, where there is one; what is held takes the policy's asset. */
export interface AssetPlace {
  readonly rule: Rule;
  readonly cash?: true;
  /** Of the policy. */
  readonly asset?: number;
  /** Of the market: a coin's own row, or the row of debts in it. */
  readonly row?: number;
}

export interface NoPlace {
  readonly why: string;
}

export interface InstrumentPlace {
  readonly rule: Rule;
  readonly row: number;
  /** Which of the quote and settlement currencies were taken as cash. */
  readonly atPar: readonly string[];
  /** The row of the coin that it is paid in, or its premium. */
  readonly coin?: number;
}

export class Matcher {
  readonly #policy: PolicyFile;
  readonly #market: MarketFile;
  readonly #map: ImportMap;
  /** Entries of the map that were used. */
  readonly used = new Set<string>();

  constructor(policy: PolicyFile, market: MarketFile, map: ImportMap) {
    this.#policy = policy;
    this.#market = market;
    this.#map = map;
  }

  /** The place of an asset; none where the venue prices it far from what the place is worth. */
  asset(venue: string, name: string, balances: readonly Balance[] = []): AssetPlace | NoPlace {
    const place = this.#assetNamed(venue, name);
    if ("why" in place || place.cash) return place;
    const apart = balances.some(({ price }) => price !== undefined && this.#isApart(place, price));
    return apart ? { why: "its price at the venue is not that of what policy and market call so" } : place;
  }

  /** More than twice or less than half as much: something else of the same name. Known where the price is in cash, or counts as cash. */
  #isApart({ asset, row }: AssetPlace, { asset: currency, amount }: OwnFigure): boolean {
    if (currency !== this.#policy.cashSymbol && currency !== "USD" && !this.#map.atPar.includes(currency)) {
      return false;
    }
    const { market, instruments } = this.#market;
    const lot = asset === undefined ? instruments[row!]!.lot : lotOfDecimals(this.#policy.assets[asset]!.lotDecimals);
    const perLot =
      asset === undefined
        ? { units: market.board.rows[row!]!.mark, decimals: CASH_DECIMALS }
        : { units: market.prices[asset]!, decimals: 16 };
    const theirs = multiplied(amount, lot);
    const two = { units: 2n, decimals: 0 };
    return compareDecimals(theirs, multiplied(perLot, two)) > 0 || compareDecimals(perLot, multiplied(theirs, two)) > 0;
  }

  #assetNamed(venue: string, name: string): AssetPlace | NoPlace {
    const { cashSymbol, assets } = this.#policy;
    const mapped = this.#mapped("assets", venue, name);
    const symbol = mapped ?? this.#alias(name);
    const rule: Rule = mapped !== undefined ? "map" : symbol === name ? "same name" : "alias";
    if (symbol === cashSymbol) return { rule, cash: true };
    const asset = assets.findIndex((each) => each.symbol === symbol);
    const named = mapped === undefined ? -1 : this.#rowNamed(mapped);
    const row = named !== -1 ? named : this.#rowOf(symbol, asset === -1 ? ["spot"] : ["borrowed", "spot"]);
    if (asset !== -1 || row !== -1) {
      return { rule, ...(asset !== -1 && { asset }), ...(row !== -1 && { row }) };
    }
    if (this.#atPar(name)) return { rule: "at par", cash: true };
    return { why: "neither cash nor an asset of the policy, and the market has no row of it" };
  }

  instrument(venue: string, position: Position): InstrumentPlace | NoPlace {
    const { symbol, contract } = position;
    const mapped = this.#mapped("instruments", venue, symbol);
    if (mapped !== undefined) return this.#checked(this.#rowNamed(mapped), "map", position);
    const same = this.#rowNamed(symbol);
    if (same !== -1) return this.#checked(same, "same name", position);
    if (contract === undefined || contract.byName) return { why: "the market lists no instrument of this name" };
    const open = this.#market.instruments.flatMap((instrument, row) =>
      instrument !== undefined && !this.#isClosed(row) && this.#misfit(contract, instrument, false) === undefined
        ? [row]
        : [],
    );
    if (open.length === 1) return this.#checked(open[0]!, "terms", position);
    const why = open.length === 0 ? "no instrument" : "more than one instrument";
    return { why: `the market lists ${why} of these terms${contract.inverse ? ", inverse and paid in coin" : ""}` };
  }

  #checked(row: number, rule: Rule, position: Position): InstrumentPlace | NoPlace {
    const { contract } = position;
    const fault = this.#basisFault(row, position);
    if (fault !== undefined) return { why: fault };
    const instrument = this.#market.instruments[row]!;
    const { coin } = instrument.terms;
    const coinRow = coin === undefined ? -1 : this.#rowNamed(coin);
    const paidIn = coinRow === -1 ? {} : { coin: coinRow };
    if (contract === undefined) return { rule, row, atPar: [], ...paidIn };
    const why = this.#misfit(contract, instrument, rule === "map");
    if (why !== undefined) return { why };
    const { cashSymbol } = this.#policy;
    // An option's premium is paid; what it pays is counted in the quote currency whatever it is settled in.
    const coinPays = coinRow !== -1 && contract.kind !== "option";
    const settle = coinPays || contract.kind === "option" ? contract.quote : contract.settle;
    const currencies = [...new Set([contract.quote, settle])].filter((each) => each !== cashSymbol);
    const foreign = currencies.find((each) => !this.#atPar(each));
    if (foreign !== undefined) {
      return {
        why: `priced or settled in ${foreign}, which is not the cash ${cashSymbol}: count it at par, or leave it out`,
      };
    }
    return { rule, row, atPar: currencies, ...paidIn };
  }

  /** Why a position cannot be as paid, or as unpaid, as its source says: counted so, a price would be wealth that nobody has. */
  #basisFault(row: number, { entryPrice }: Position): string | undefined {
    const { kind = "" } = this.#market.instruments[row]!.terms;
    if (entryPrice === undefined) {
      const unpaid = /(?:perpetual|future)$/.test(kind) && kind !== "option-on-future";
      const counts = this.#market.market.board.rows[row]!.mark !== 0n;
      return unpaid && counts ? "nobody pays the price of a perpetual or a future: give its entry price" : undefined;
    }
    if (entryPrice.units <= 0n) return "an open position whose entry price is not above zero";
    const bought = /^option|^(?:spot|borrowed|yield-bearing)$/.test(kind);
    return bought ? "what is bought has been paid for: leave its entry price out" : undefined;
  }

  /** Why an instrument is not this contract; undefined where it is. */
  #misfit(contract: Contract, { terms, symbol }: Instrument, mapped: boolean): string | undefined {
    const { kind } = terms;
    const wanted = contract.inverse ? `inverse-${contract.kind}` : contract.kind;
    const not = (what: string) => `${symbol} is another contract: its ${what} differs`;
    if (kind === undefined ? contract.inverse || !mapped : kind !== wanted) return not("kind");
    const underlying = this.#alias(contract.underlying);
    if (terms.underlying !== undefined && terms.underlying !== underlying && !mapped) return not("underlying");
    if (contract.expiry !== undefined && terms.expiry !== undefined && terms.expiry.slice(0, 10) !== contract.expiry) {
      return not("expiry");
    }
    if (contract.kind === "option" && terms.strike !== undefined) {
      if (compareDecimals(parseDecimal(terms.strike), contract.strike!) !== 0) return not("strike");
      if (terms.right !== contract.right) return not("right");
    }
    if (contract.inverse) {
      const coin = this.#market.instruments[this.#rowNamed(terms.coin ?? "")];
      if (coin?.terms.underlying !== this.#alias(contract.settle)) return not("coin");
    }
    return undefined;
  }

  #rowNamed = (symbol: string) => this.#market.instruments.findIndex((each) => each?.symbol === symbol);

  /** The one open row of these kinds on an underlying, the first kind that has one; −1 where there is none. */
  #rowOf(underlying: string, kinds: readonly string[]): number {
    for (const kind of kinds) {
      const rows = this.#market.instruments.flatMap((each, row) =>
        each?.terms.kind === kind && each.terms.underlying === underlying && !this.#isClosed(row) ? [row] : [],
      );
      if (rows.length === 1) return rows[0]!;
    }
    return -1;
  }

  /** Whether nobody shall hold anything in a row. */
  #isClosed = (row: number) => this.#market.market.board.rows[row]!.longCharge === CLOSED_ROW.longCharge;

  #mapped(part: "instruments" | "assets", venue: string, name: string): string | undefined {
    const key = [`${venue} ${name}`, name].find((each) => this.#map[part].has(each));
    if (key === undefined) return undefined;
    this.used.add(key);
    return this.#map[part].get(key);
  }

  #atPar(currency: string): boolean {
    if (!this.#map.atPar.includes(currency)) return false;
    this.used.add(currency);
    return true;
  }

  #alias = (name: string) => (Object.hasOwn(VENUE_ALIASES, name) ? VENUE_ALIASES[name]! : name);
}
