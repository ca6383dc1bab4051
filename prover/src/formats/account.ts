// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll-account/1` and its CSV equivalent: what one account holds. Private; so is the viewing key beside it. */
import { type ErrorCode, PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { type Account, checkAccount, genesis, randomViewingKey, viewingKey } from "../model/account.ts";
import { ASSETS, BOARD_SIZES, instrumentsOf } from "../model/sizes.ts";
import { type CashE6, cashE6, type PositionLots, positionLots, type QuantityLots, quantityLots } from "../units.ts";
import { parseCsv } from "./csv.ts";
import { type Decimal, formatDecimal, formatLots, lotOfDecimals, lotsOf, parseDecimal } from "./decimal.ts";
import { isLabel, type JsonLimits, parseJson } from "./json.ts";
import { type MarketFile, unsigned64 } from "./market.ts";
import { CASH_DECIMALS, type PolicyFile } from "./policy.ts";

const FORMAT = "plimsoll-account/1";
const LIMITS: JsonLimits = { length: 400_000, values: 5_000 };
const E6 = lotOfDecimals(CASH_DECIMALS);
const CASH = "cash";

export interface AccountFile {
  readonly name: string;
  /** Without a viewing key (zero): that is in a file of its own. */
  readonly account: Account;
}

export interface AccountDocument {
  readonly format: typeof FORMAT;
  readonly account: string;
  readonly cash: string;
  /** By asset, in whole units; zero where not named. */
  readonly collateral: Readonly<Record<string, string>>;
  /** By instrument, in units of the underlying; zero where not named. */
  readonly positions: Readonly<Record<string, string>>;
  readonly sequence: string;
}

/** A text and the name under which errors speak of it. */
export interface NamedText {
  readonly text: string;
  readonly file: string;
}

/** Reads an account as it stands on the board of this market. */
export function readAccount(text: string, file: string, policy: PolicyFile, market: MarketFile): AccountFile {
  const top = parseJson(text, file, LIMITS).fields([
    "format",
    "account",
    "cash",
    "collateral",
    "positions",
    "sequence",
  ]);
  top.format.literal(FORMAT);
  const { assets, instruments } = names(policy, market);
  const collateral = empty<QuantityLots>(ASSETS);
  checkFits(top.collateral.size(), "assets", (code, rule) => top.collateral.error(code, rule));
  for (const [{ index, lot }, value] of top.collateral.entries(assets, "UNKNOWN_NAME", UNKNOWN_ASSET)) {
    collateral[index] = value.amount((lots) => quantityLots(lots), lot);
  }
  const { size } = market.market.board;
  checkFits(top.positions.size(), "instruments", (code, rule) => top.positions.error(code, rule));
  const positions = empty<PositionLots>(instrumentsOf(size));
  for (const [{ index, lot }, value] of top.positions.entries(instruments, "UNKNOWN_NAME", UNKNOWN_INSTRUMENT)) {
    positions[index] = value.amount((lots) => positionLots(lots), lot);
  }
  return {
    name: top.account.label(),
    account: checkAccount({
      ...genesis(size),
      cash: top.cash.amount(cashE6, E6),
      collateral,
      positions,
      sequence: top.sequence.amount(unsigned64),
    }),
  };
}

/** Tables in long form, each with the rows of any number of accounts; one of the two may be left out. */
export interface AccountTables {
  /** `account,asset,amount`; the asset may be the cash of the policy. */
  readonly portfolio?: NamedText;
  /** `account,instrument,quantity`. */
  readonly positions?: NamedText;
}

/**
 * Reads one account from tables. All rows are checked, also those of other accounts. Throws `UNKNOWN_NAME` where no row
 * is of this account.
 */
export function readAccountTables(
  tables: AccountTables,
  name: string,
  sequence: bigint,
  policy: PolicyFile,
  market: MarketFile,
): AccountFile {
  const { assets, instruments } = names(policy, market);
  const amounts = new Map<string, Place<number | typeof CASH>>(assets).set(policy.cashSymbol, { index: CASH, lot: E6 });
  const { size } = market.market.board;
  let cash = 0n as CashE6;
  const collateral = empty<QuantityLots>(ASSETS);
  const positions = empty<PositionLots>(instrumentsOf(size));
  let found = false;
  if (tables.portfolio !== undefined) {
    const unit = (lots: bigint, index: number | typeof CASH) => (index === CASH ? cashE6(lots) : quantityLots(lots));
    const rows = readTable(tables.portfolio, ["asset", "amount"], "assets", amounts, UNKNOWN_ASSET, unit).get(name);
    for (const [index, lots] of rows ?? []) {
      if (index === CASH) cash = lots as CashE6;
      else collateral[index] = lots as QuantityLots;
    }
    found ||= rows !== undefined;
  }
  if (tables.positions !== undefined) {
    const unit = (lots: bigint) => positionLots(lots);
    const columns = ["instrument", "quantity"] as const;
    const rows = readTable(tables.positions, columns, "instruments", instruments, UNKNOWN_INSTRUMENT, unit).get(name);
    for (const [index, lots] of rows ?? []) positions[index] = lots;
    found ||= rows !== undefined;
  }
  if (!found) throw new PlimsollError("UNKNOWN_NAME", "no row of the tables is of the account asked for");
  return { name, account: checkAccount({ ...genesis(size), cash, collateral, positions, sequence }) };
}

/** Where a name stands in the model, and what one lot of it is. */
interface Place<Index> {
  readonly index: Index;
  readonly lot: Decimal;
}

/** Lots by account and by index of a table `account,<name>,<amount>`. */
function readTable<Index, Lots>(
  { text, file }: NamedText,
  [nameColumn, amountColumn]: readonly [string, string],
  kind: keyof typeof MOST,
  known: ReadonlyMap<string, Place<Index>>,
  unknown: string,
  unit: (lots: bigint, index: Index) => Lots,
): Map<string, Map<Index, Lots>> {
  const rows = parseCsv(text, file, ["account", nameColumn, amountColumn]);
  const counts = new Map<string, number>();
  for (const { line, fields } of rows) {
    const account = fields.account!;
    const count = (counts.get(account) ?? 0) + 1;
    counts.set(account, count);
    if (!isLabel(account)) {
      throw new PlimsollError("FIELD_INVALID", "expected 1 to 200 visible characters", {
        file,
        line,
        field: "account",
      });
    }
  }
  // Cash is a row of the portfolio and no asset.
  for (const count of counts.values()) {
    checkFits(count - (kind === "assets" ? 1 : 0), kind, (code, rule) => new PlimsollError(code, rule, { file }));
  }
  const accounts = new Map<string, Map<Index, Lots>>();
  for (const { line, fields } of rows) {
    const held = accounts.get(fields.account!) ?? new Map<Index, Lots>();
    accounts.set(fields.account!, held);
    const place = known.get(fields[nameColumn]!);
    if (place === undefined) throw new PlimsollError("UNKNOWN_NAME", unknown, { file, line, field: nameColumn });
    if (held.has(place.index)) {
      const rule = `this account has a row of the same ${nameColumn} already`;
      throw new PlimsollError("FIELD_INVALID", rule, { file, line, field: nameColumn });
    }
    try {
      held.set(place.index, unit(lotsOf(parseDecimal(fields[amountColumn]!), place.lot), place.index));
    } catch (error) {
      throw error instanceof PlimsollError ? error.at({ file, line, field: amountColumn }) : error;
    }
  }
  return accounts;
}

/** What the largest board holds. */
const MOST = { assets: ASSETS, instruments: instrumentsOf(BOARD_SIZES.at(-1)!) };
const UNKNOWN_ASSET = "an asset that the policy does not list";
const UNKNOWN_INSTRUMENT = "an instrument that the market does not list";
const empty = <T extends bigint>(length: number) => new Array<T>(length).fill(0n as T);

function checkFits(count: number, kind: keyof typeof MOST, error: (code: ErrorCode, rule: string) => Error): void {
  if (count > MOST[kind]) {
    throw error("NO_BOARD_SIZE", `${count} ${kind}, but the largest board holds ${MOST[kind]}`);
  }
}

function names(policy: PolicyFile, market: MarketFile) {
  const assets = new Map<string, Place<number>>();
  for (const [index, { symbol, lotDecimals }] of policy.assets.entries()) {
    assets.set(symbol, { index, lot: lotOfDecimals(lotDecimals) });
  }
  const instruments = new Map<string, Place<number>>();
  for (const [index, instrument] of market.instruments.entries()) {
    if (instrument !== undefined) instruments.set(instrument.symbol, { index, lot: instrument.lot });
  }
  return { assets, instruments };
}

/** The document that reads back as this account under the same policy and market; zero holdings are left out. */
export function accountDocument(
  { name, account }: AccountFile,
  policy: PolicyFile,
  market: MarketFile,
): AccountDocument {
  const held = <T>(places: Iterable<[string, Place<T>]>, lots: (index: T) => bigint) =>
    Object.fromEntries(
      [...places].flatMap(([symbol, { index, lot }]) => {
        const count = lots(index);
        return count === 0n ? [] : [[symbol, formatLots(count, lot)]];
      }),
    );
  const { assets, instruments } = names(policy, market);
  return {
    format: FORMAT,
    account: name,
    cash: formatDecimal(account.cash, CASH_DECIMALS),
    collateral: held(assets, (index) => account.collateral[index]!),
    positions: held(instruments, (index) => account.positions[index]!),
    sequence: account.sequence.toString(),
  };
}

/** Reads the file of a viewing key: one decimal number on one line, ending in a newline or not. */
export function readViewingKey(text: string, file: string): FieldElement {
  const place = { file, line: 1, field: "viewingKey" };
  const match = /^([1-9][0-9]{0,77})\r?\n?$/.exec(text);
  if (match === null) throw new PlimsollError("FIELD_INVALID", "expected one decimal number on one line", place);
  try {
    return viewingKey(BigInt(match[1]!));
  } catch (error) {
    throw error instanceof PlimsollError ? error.at(place) : error;
  }
}

/** The text of a new viewing key's file. */
export const newViewingKey = (): string => `${randomViewingKey()}\n`;
