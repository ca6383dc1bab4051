// SPDX-License-Identifier: GPL-3.0-or-later
/** Accounts from two tables, each with the rows of any number of accounts. Private. */
import { PlimsollError } from "../errors.ts";
import { checkAccount, genesis } from "../model/account.ts";
import { ASSETS, instrumentsOf } from "../model/sizes.ts";
import { type PositionLots, positionLots, type QuantityLots, quantityLots } from "../units.ts";
import {
  type AccountFile,
  checkAsOf,
  checkFits,
  type NamedText,
  nameFault,
  nothing,
  places,
  unknownAsset,
  unknownInstrument,
} from "./account.ts";
import { type Basis, cashOf, type Holding } from "./cash.ts";
import { readTable } from "./csv.ts";
import { addDecimals, amountIn, type Decimal, formatDecimal, type NumberStyle, parseAmount } from "./decimal.ts";
import { isLabel, LABEL_RULE } from "./labels.ts";
import type { MarketFile } from "./market.ts";
import { isShown, quoted } from "./names.ts";
import type { PolicyFile } from "./policy.ts";

/**
 * Tables in long form. One may be left out where the options say that no account has anything there.
 * @see docs/library.md#accounts
 */
export interface AccountTables {
  /** `account,asset,amount`; the asset may be the cash of the policy, whose amount is the balance. */
  readonly portfolio?: NamedText | undefined;
  /** `account,instrument,quantity`, and `entryPrice`, `unrealisedProfit` and `asOf`, or `paid` (yes or no). */
  readonly positions?: NamedText | undefined;
}

/**
 * How accounts are read from tables.
 * @see docs/library.md#accounts
 */
export interface TableOptions extends NumberStyle {
  /** Accounts that are not in the portfolio hold neither cash nor collateral. */
  readonly noCollateral?: boolean | undefined;
  /** Accounts that are not among the positions hold none. */
  readonly noPositions?: boolean | undefined;
}

/**
 * What was read of one table for one account, to compare with its source.
 * @see docs/library.md#accounts
 */
export interface TableTotal {
  readonly file: string;
  readonly rows: number;
  /** Sum of the amounts, whatever they are amounts of. */
  readonly total: string;
}

/**
 * The accounts of a pair of tables.
 * @see docs/library.md#accounts
 */
export interface TabledAccounts {
  /** In the order in which they appear. */
  readonly names: readonly string[];
  /** What a person should know: columns ignored, amounts that look misread. They hold no amount. */
  readonly notes: readonly string[];
  /** Throws `UNKNOWN_NAME` where no row is of this account, or where it is missing in one table and that was not said. */
  account(name: string, sequence: bigint): AccountFile & { readonly totals: readonly TableTotal[] };
}

const ZERO: Decimal = { units: 0n, decimals: 0 };

/**
 * Reads all accounts of the tables; every row is checked. Throws as `readTable` and `parseAmount`, naming row and column.
 * @see docs/library.md#accounts
 */
export function readTables(
  tables: AccountTables,
  policy: PolicyFile,
  market: MarketFile,
  options: TableOptions = {},
): TabledAccounts {
  for (const [table, without, option] of [
    ["portfolio", options.noCollateral, "--no-collateral"],
    ["positions", options.noPositions, "--no-positions"],
  ] as const) {
    if (tables[table] === undefined && !without) {
      throw new PlimsollError("FIELD_INVALID", `this table is missing; if no account needs it, give ${option}`, {
        field: table,
      });
    }
  }
  const notes: string[] = [];
  const portfolio = tables.portfolio && readPortfolio(tables.portfolio, policy, market, options, notes);
  const positions = tables.positions && readPositions(tables.positions, market, policy, options, notes);
  const names = [...new Set([...(portfolio?.keys() ?? []), ...(positions?.keys() ?? [])])];
  const alike = Map.groupBy(names, (name) => name.normalize("NFKC").toLowerCase()).values();
  if (alike.some((same) => same.length > 1)) {
    notes.push(
      "names of accounts differ only in capital letters or in how their characters are written: each is an account of its own",
    );
  }
  return { names, notes, account };

  function account(name: string, sequence: bigint) {
    const held = portfolio?.get(name);
    const open = positions?.get(name);
    if (held === undefined && open === undefined) throw missing(name, "the tables", names);
    if (held === undefined && tables.portfolio !== undefined && !options.noCollateral) {
      throw missing(name, tables.portfolio.file, portfolio!.keys(), "--no-collateral", "neither cash nor collateral");
    }
    if (open === undefined && tables.positions !== undefined && !options.noPositions) {
      throw missing(name, tables.positions.file, positions!.keys(), "--no-positions", "no positions");
    }
    // A debt must not drop out with its row.
    if (held !== undefined && held.balance === undefined) {
      const rule = `no row gives the balance of ${quoted(name, "this account")} in ${policy.cashSymbol}; write one, with the amount 0 if there is none`;
      throw new PlimsollError("FIELD_INVALID", rule, { file: tables.portfolio!.file, field: "asset" });
    }
    const { size } = market.market.board;
    const collateral = nothing<QuantityLots>(ASSETS);
    for (const { index, lots } of held?.collateral ?? []) collateral[index] = lots;
    const lots = nothing<PositionLots>(instrumentsOf(size));
    const holdings = (open?.holdings ?? []).map(({ holding }) => holding);
    const lineOf = (holding: Holding) => open!.holdings.find((each) => each.holding === holding)!.line;
    const { cash, conversion, ...paid } = cashOf(held?.balance ?? ZERO, holdings, market, (holding, error) =>
      error.at({ file: tables.positions!.file, line: lineOf(holding) }),
    );
    for (const each of paid.positions) lots[each.index] = each.lots;
    return {
      name,
      account: checkAccount({ ...genesis(size), cash, collateral, positions: lots, sequence }),
      conversion,
      totals: [...totalOf(tables.portfolio, held?.total), ...totalOf(tables.positions, open?.total)],
    };
  }
}

/**
 * Reads one account from tables: `readTables` for those that need one only.
 * @see docs/library.md#accounts
 */
export function readAccountTables(
  tables: AccountTables,
  name: string,
  sequence: bigint,
  policy: PolicyFile,
  market: MarketFile,
  options: TableOptions = {},
): AccountFile {
  const { totals: _, ...holder } = readTables(tables, policy, market, options).account(name, sequence);
  return holder;
}

function missing(name: string, where: string, known: Iterable<string>, option?: string, holds?: string): PlimsollError {
  const alike = [...known].find((each) => each !== name && each.toLowerCase() === name.toLowerCase());
  const other = alike === undefined || !isShown(alike) ? "" : `, which has "${alike}" in other letters`;
  const said = option === undefined ? "" : `; if it has ${holds}, say so with ${option}`;
  return new PlimsollError("UNKNOWN_NAME", `no row of ${where} is of ${quoted(name, "this account")}${other}${said}`);
}

/** A row of a table with the account that it is of. */
export interface Row {
  readonly line: number;
  readonly account: string;
  readonly cells: Readonly<Record<string, string | undefined>>;
}

/** The rows of a table `account,<name>,<amount>` with checked accounts, and what is to be noted of the table. */
function rowsOf(
  { text, file }: NamedText,
  required: readonly ["account", string, string],
  optional: readonly string[],
  kind: "assets" | "instruments",
  options: TableOptions,
  notes: string[],
): Row[] {
  const { rows, ignored } = readTable<string, string>(text, file, required, optional);
  if (ignored.length > 0)
    notes.push(`${file}: ignored ${ignored.length === 1 ? "column" : "columns"} ${ignored.join(", ")}`);
  const counts = new Map<string, number>();
  for (const { line, fields } of rows) {
    const account = fields.account!;
    for (const field of required.slice(0, 2)) {
      const fault = nameFault(fields[field]!);
      if (fault !== undefined) throw new PlimsollError("FIELD_INVALID", fault, { file, line, field });
    }
    if (!isLabel(account)) {
      throw new PlimsollError("FIELD_INVALID", LABEL_RULE, { file, line, field: "account" });
    }
    counts.set(account, (counts.get(account) ?? 0) + 1);
  }
  // Cash is a row of the portfolio and no asset.
  for (const count of counts.values()) {
    checkFits(count - (kind === "assets" ? 1 : 0), kind, (code, rule) => new PlimsollError(code, rule, { file }));
  }
  const amounts = rows.map(({ fields }) => fields[required[2]]!).filter((amount) => !/^-?0([.,]0*)?$/.test(amount));
  if (
    options.decimal === undefined &&
    options.thousands === undefined &&
    amounts.length > 0 &&
    amounts.every((amount) => /^-?[0-9]{1,3}\.[0-9]{3}$/.test(amount))
  ) {
    notes.push(
      `${file}: every amount has exactly three decimals. If the points group thousands, give --thousands point --decimal comma; if they are decimal points, give --decimal point and this line goes away`,
    );
  }
  return rows.map(({ line, fields }) => ({ line, account: fields.account!, cells: fields }));
}

/** Reads a cell, or moves its error to row and column. */
export function cell<T>(file: string, { line, cells }: Row, field: string, read: (text: string) => T): T {
  try {
    return read(cells[field]!);
  } catch (error) {
    throw error instanceof PlimsollError ? error.at({ file, line, field }) : error;
  }
}

interface Portfolio {
  balance: Decimal | undefined;
  readonly collateral: { readonly index: number; readonly lots: QuantityLots }[];
  total: Count;
}

function readPortfolio(
  table: NamedText,
  policy: PolicyFile,
  market: MarketFile,
  options: TableOptions,
  notes: string[],
): Map<string, Portfolio> {
  const { file } = table;
  const { assets } = places(policy, market);
  const known = new Map(assets).set(policy.cashSymbol, { index: -1, lot: ZERO });
  const accounts = new Map<string, Portfolio>();
  for (const row of rowsOf(table, ["account", "asset", "amount"], [], "assets", options, notes)) {
    const held = accounts.get(row.account) ?? { balance: undefined, collateral: [], total: NONE };
    accounts.set(row.account, held);
    const place = known.get(row.cells.asset!);
    const refuse = (code: "UNKNOWN_NAME" | "FIELD_INVALID", rule: string) =>
      new PlimsollError(code, rule, { file, line: row.line, field: "asset" });
    if (place === undefined) throw refuse("UNKNOWN_NAME", unknownAsset(known)(row.cells.asset!));
    const { index, lot } = place;
    if (index === -1 ? held.balance !== undefined : held.collateral.some((each) => each.index === index)) {
      throw refuse("FIELD_INVALID", "this account has a row of the same asset already");
    }
    const amount = cell(file, row, "amount", (text) => parseAmount(text, options));
    if (index === -1) held.balance = amount;
    else held.collateral.push({ index, lots: cell(file, row, "amount", () => amountIn(amount, lot, quantityLots)) });
    held.total = counted(held.total, amount);
  }
  return accounts;
}

interface Positions {
  readonly holdings: { readonly holding: Holding; readonly line: number }[];
  total: Count;
}

function readPositions(
  table: NamedText,
  market: MarketFile,
  policy: PolicyFile,
  options: TableOptions,
  notes: string[],
): Map<string, Positions> {
  const { file } = table;
  const { instruments } = places(policy, market);
  const accounts = new Map<string, Positions>();
  const optional = ["entryPrice", "unrealisedProfit", "paid", "asOf"];
  for (const row of rowsOf(table, ["account", "instrument", "quantity"], optional, "instruments", options, notes)) {
    const open = accounts.get(row.account) ?? { holdings: [], total: NONE };
    accounts.set(row.account, open);
    const place = instruments.get(row.cells.instrument!);
    const refuse = (code: "UNKNOWN_NAME" | "FIELD_INVALID", rule: string) =>
      new PlimsollError(code, rule, { file, line: row.line, field: "instrument" });
    if (place === undefined) throw refuse("UNKNOWN_NAME", unknownInstrument(instruments)(row.cells.instrument!));
    const { index, lot } = place;
    if (open.holdings.some(({ holding }) => holding.index === index)) {
      throw refuse("FIELD_INVALID", "this account has a row of the same instrument already");
    }
    const quantity = cell(file, row, "quantity", (text) => parseAmount(text, options));
    const lots = cell(file, row, "quantity", () => amountIn(quantity, lot, positionLots));
    const holding = { index, lots, basis: basisOf(file, row, market, options) };
    open.holdings.push({ holding, line: row.line });
    open.total = counted(open.total, quantity);
  }
  return accounts;
}

/** How a position was paid for, by the cells that say so. */
export function basisOf(file: string, row: Row, market: MarketFile, options: NumberStyle): Basis {
  const given = (field: string) => (row.cells[field] ?? "") !== "";
  const amount = (field: string) =>
    given(field) ? cell(file, row, field, (text) => parseAmount(text, options)) : undefined;
  const paid = given("paid")
    ? cell(file, row, "paid", (text) => {
        const word = text.toLowerCase();
        if (["yes", "true"].includes(word)) return true;
        if (["no", "false"].includes(word)) return false;
        throw new PlimsollError("FIELD_INVALID", "expected yes or no");
      })
    : undefined;
  const unrealisedProfit = amount("unrealisedProfit");
  checkAsOf(
    unrealisedProfit !== undefined,
    given("asOf") ? row.cells.asOf : undefined,
    market,
    (rule) => new PlimsollError("FIELD_INVALID", rule, { file, line: row.line, field: "asOf" }),
  );
  return { entryPrice: amount("entryPrice"), unrealisedProfit, paid };
}

interface Count {
  readonly rows: number;
  readonly total: Decimal;
}

const NONE: Count = { rows: 0, total: ZERO };
const counted = ({ rows, total }: Count, amount: Decimal): Count => ({
  rows: rows + 1,
  total: addDecimals(total, amount),
});
const totalOf = (table: NamedText | undefined, count: Count | undefined): TableTotal[] =>
  table === undefined || count === undefined
    ? []
    : [{ file: table.file, rows: count.rows, total: formatDecimal(count.total.units, count.total.decimals) }];
