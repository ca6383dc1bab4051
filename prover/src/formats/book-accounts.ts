// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The accounts of a book as CSV in long form: `account,symbol,amount`, a row for the balance (the symbol is that of cash), for each
 * asset and each position, with `entryPrice`, `unrealisedProfit` and `asOf`, or `paid` of a position, and `member`.
 * Rows of one account stand together, so that any number of accounts is read in the memory of one.
 */
import { PlimsollError } from "../errors.ts";
import { checkAccount, genesis } from "../model/account.ts";
import { ASSETS, instrumentsOf } from "../model/sizes.ts";
import { type PositionLots, positionLots, type QuantityLots, quantityLots } from "../units.ts";
import { type BookAccount, nameFault, nothing, places } from "./account.ts";
import { basisOf, cell, type Row } from "./account-tables.ts";
import { cashOf, type Holding } from "./cash.ts";
import { type CsvRecord, columnsOf } from "./csv.ts";
import { amountIn, type Decimal, parseAmount } from "./decimal.ts";
import { isLabel, LABEL_RULE } from "./labels.ts";
import type { MarketFile } from "./market.ts";
import { quoted } from "./names.ts";
import type { PolicyFile } from "./policy.ts";

const REQUIRED = ["account", "symbol", "amount"] as const;
const OPTIONAL = ["entryPrice", "unrealisedProfit", "paid", "asOf", "member"] as const;

interface Gathered {
  readonly name: string;
  readonly line: number;
  member: string | undefined;
  balance: Decimal | undefined;
  readonly collateral: QuantityLots[];
  readonly holdings: { readonly holding: Holding; readonly line: number }[];
  readonly symbols: Set<string>;
}

/** Reads records one by one: an account is given once the first row of the next one, or the end, has come. */
export class BookTable {
  readonly #file: string;
  readonly #policy: PolicyFile;
  readonly #market: MarketFile;
  readonly #places: ReturnType<typeof places>;
  #columns: readonly (readonly [string, number])[] | undefined;
  #fields = 0;
  #gathered: Gathered | undefined;

  constructor(file: string, policy: PolicyFile, market: MarketFile) {
    this.#file = file;
    this.#policy = policy;
    this.#market = market;
    this.#places = places(policy, market);
  }

  /** Takes a record; gives the account before, where this is the first row of another. */
  take({ cells, line }: CsvRecord): BookAccount | undefined {
    if (this.#columns === undefined) {
      this.#columns = columnsOf(cells, this.#file, REQUIRED, OPTIONAL).columns;
      this.#fields = cells.length;
      return undefined;
    }
    if (cells.length !== this.#fields) {
      throw new PlimsollError("SYNTAX", `expected ${this.#fields} fields, found ${cells.length}`, {
        file: this.#file,
        line,
      });
    }
    const fields = Object.fromEntries(this.#columns.map(([name, index]) => [name, cells[index]!]));
    const row: Row = { line, account: fields.account!, cells: fields };
    const before = this.#gathered;
    if (before?.name === row.account) {
      this.#add(before, row);
      return undefined;
    }
    const finished = before && this.#finish(before);
    this.#gathered = this.#begin(row);
    this.#add(this.#gathered, row);
    return finished;
  }

  /** The last account, if there is any. */
  end(): BookAccount | undefined {
    if (this.#columns === undefined) columnsOf([], this.#file, REQUIRED, OPTIONAL);
    return this.#gathered && this.#finish(this.#gathered);
  }

  #begin({ account, line }: Row): Gathered {
    const fault = isLabel(account) ? nameFault(account) : LABEL_RULE;
    if (fault !== undefined) {
      throw new PlimsollError("FIELD_INVALID", fault, { file: this.#file, line, field: "account" });
    }
    const empty = { member: undefined, balance: undefined, holdings: [], symbols: new Set<string>() };
    return { name: account, line, collateral: nothing<QuantityLots>(ASSETS), ...empty };
  }

  #add(gathered: Gathered, row: Row): void {
    const file = this.#file;
    const refuse = (field: string, code: "UNKNOWN_NAME" | "FIELD_INVALID", rule: string) =>
      new PlimsollError(code, rule, { file, line: row.line, field });
    const symbol = row.cells.symbol!;
    if (gathered.symbols.has(symbol)) {
      throw refuse("symbol", "FIELD_INVALID", "this account has a row of the same symbol already");
    }
    gathered.symbols.add(symbol);
    const member = row.cells.member ?? "";
    if (member !== "") {
      if (!isLabel(member)) throw refuse("member", "FIELD_INVALID", LABEL_RULE);
      if ((gathered.member ?? member) !== member) {
        throw refuse("member", "FIELD_INVALID", "an account is of one member: its rows name two");
      }
      gathered.member = member;
    }
    const amount = cell(file, row, "amount", (text) => parseAmount(text));
    const asset = this.#places.assets.get(symbol);
    const instrument = this.#places.instruments.get(symbol);
    if (symbol === this.#policy.cashSymbol) gathered.balance = amount;
    else if (asset !== undefined) {
      gathered.collateral[asset.index] = cell(file, row, "amount", () => amountIn(amount, asset.lot, quantityLots));
    } else if (instrument !== undefined) {
      const lots = cell(file, row, "amount", () => amountIn(amount, instrument.lot, positionLots));
      const basis = basisOf(file, row, this.#market, {});
      gathered.holdings.push({ holding: { index: instrument.index, lots, basis }, line: row.line });
    } else {
      throw refuse(
        "symbol",
        "UNKNOWN_NAME",
        `${quoted(symbol, "this symbol")} is no cash, asset or instrument that policy and market list`,
      );
    }
  }

  #finish({ name, line, member = name, balance, collateral, holdings }: Gathered): BookAccount {
    const file = this.#file;
    // A debt must not drop out with its row.
    if (balance === undefined) {
      const rule = `no row gives the balance of this account in ${this.#policy.cashSymbol}; write one, with the amount 0 if there is none`;
      throw new PlimsollError("FIELD_INVALID", rule, { file, line, field: "symbol" });
    }
    const { size } = this.#market.market.board;
    const positions = nothing<PositionLots>(instrumentsOf(size));
    const lineOf = (holding: Holding) => holdings.find((each) => each.holding === holding)!.line;
    const open = holdings.map(({ holding }) => holding);
    try {
      const paid = cashOf(balance, open, this.#market, (holding, error) => error.at({ file, line: lineOf(holding) }));
      for (const { index, lots } of paid.positions) positions[index] = lots;
      return {
        name,
        member,
        line,
        account: checkAccount({ ...genesis(size), cash: paid.cash, collateral, positions }),
      };
    } catch (error) {
      throw error instanceof PlimsollError ? error.at({ file, line: error.place.line ?? line }) : error;
    }
  }
}
