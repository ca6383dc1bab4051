// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What one account holds, as JSON. Private; so is the viewing key beside it.
 *
 * `plimsoll-account/2` is written by people: a balance, and of each position how it was paid for (`cash.ts`).
 * `plimsoll-account/1` is the model's own state: its `cash` has paid for every position.
 */

import { type ErrorCode, PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { type Account, checkAccount, genesis, randomViewingKey, viewingKey } from "../model/account.ts";
import { ASSETS, BOARD_SIZES, instrumentsOf } from "../model/sizes.ts";
import { type CashE6, cashE6, type PositionLots, positionLots, type QuantityLots, quantityLots } from "../units.ts";
import { type CashConversion, cashOf, type Holding } from "./cash.ts";
import { type Decimal, formatDecimal, formatLots, lotOfDecimals } from "./decimal.ts";
import { DEPARTURES, type Departures, readDepartures } from "./departures.ts";
import { type JsonLimits, type JsonValue, parseJson } from "./json.ts";
import { type MarketFile, unsigned64 } from "./market.ts";
import { unknownName } from "./names.ts";
import { CASH_DECIMALS, type PolicyFile } from "./policy.ts";
import { readSecretNumber } from "./secret.ts";

const FORMAT = "plimsoll-account/2";
const STATE_FORMAT = "plimsoll-account/1";
const LIMITS: JsonLimits = { length: 400_000, values: 5_000 };
const E6 = lotOfDecimals(CASH_DECIMALS);

/**
 * An account as a file has it, on the board of a market.
 * @see docs/library.md#accounts
 */
export interface AccountFile extends Departures {
  readonly name: string;
  /** Without a viewing key (zero): that is in a file of its own. */
  readonly account: Account;
  /** How its cash follows from the balance; undefined where the file gives the model's cash. */
  readonly conversion?: CashConversion;
}

/**
 * An account as people keep it. Amounts are decimal strings in whole units.
 * @see docs/library.md#accounts
 */
export interface AccountDocument extends Departures {
  readonly format: typeof FORMAT;
  readonly account: string;
  /** Of the cash asset; negative is debt. May have more than 6 decimals. */
  readonly balance: string;
  /** By asset; zero where not named. */
  readonly collateral: Readonly<Record<string, string>>;
  /** By instrument; zero where not named. */
  readonly positions: Readonly<Record<string, PositionDocument>>;
  /** The market's time at which the unrealised profits hold; needed where there is one, and then no other market fits. */
  readonly asOf?: string;
  readonly sequence: string;
}

/**
 * One position: its quantity in units of the underlying, and one of the three others unless its mark is zero.
 * @see docs/library.md#accounts
 */
export interface PositionDocument {
  readonly quantity: string;
  readonly entryPrice?: string;
  readonly unrealisedProfit?: string;
  readonly paid?: boolean;
}

/**
 * An account as the model keeps it: any market of the board reads the same state.
 * @see docs/library.md#accounts
 */
export interface StateDocument extends Departures {
  readonly format: typeof STATE_FORMAT;
  readonly account: string;
  /** The model's: every position is paid for. */
  readonly cash: string;
  readonly collateral: Readonly<Record<string, string>>;
  readonly positions: Readonly<Record<string, string>>;
  readonly sequence: string;
}

/**
 * A text and the name under which errors speak of it.
 * @see docs/library.md#accounts
 */
export interface NamedText {
  readonly text: string;
  readonly file: string;
}

/**
 * Reads an account as it stands on the board of this market, in either format.
 * @see docs/library.md#accounts
 */
export function readAccount(text: string, file: string, policy: PolicyFile, market: MarketFile): AccountFile {
  const { format, sequence, ...top } = parseJson(text, file, LIMITS).fields(
    ["format", "account", "collateral", "positions", "sequence"],
    [...AMOUNTS, ...DEPARTURES],
  );
  const kind = format.oneOf([FORMAT, STATE_FORMAT]);
  return readHoldings({ ...top, sequence: sequence.amount(unsigned64) }, kind, format, policy, market);
}

const AMOUNTS = ["cash", "balance", "asOf"] as const;

/**
 * An account of many, with what binds it to one member.
 * @see docs/library.md#books
 */
export interface BookAccount {
  readonly name: string;
  /** What this member alone answers to; the name of the account where the line says nothing. */
  readonly member: string;
  /** Without a viewing key. */
  readonly account: Account;
  /** Where it is in the file. */
  readonly line: number;
}

/**
 * Reads an account from one line of JSON: as `readAccount` does, but without format and sequence; with "balance" it is as people keep it,
 * with "cash" the model's state; "collateral" and "positions" may be left out. Errors name the line.
 * @see docs/library.md#books
 */
export function readAccountLine(
  text: string,
  { file, line }: { readonly file: string; readonly line: number },
  policy: PolicyFile,
  market: MarketFile,
): BookAccount {
  try {
    return { ...readAccountEntry(parseJson(text, file, LIMITS), policy, market), line };
  } catch (error) {
    throw error instanceof PlimsollError ? error.at({ file, line }) : error;
  }
}

/** The same from a value that has been parsed. */
export function readAccountEntry(value: JsonValue, policy: PolicyFile, market: MarketFile): Omit<BookAccount, "line"> {
  const { member, ...top } = value.fields(["account"], ["collateral", "positions", "member", ...AMOUNTS]);
  const kind = top.balance === undefined ? STATE_FORMAT : FORMAT;
  const { name, account } = readHoldings({ ...top, sequence: 0n }, kind, value, policy, market);
  return { name, member: member?.label() ?? name, account };
}

type Fields = Readonly<
  Partial<Record<"collateral" | "positions" | (typeof AMOUNTS)[number] | (typeof DEPARTURES)[number], JsonValue>>
> & { readonly account: JsonValue; readonly sequence: bigint };

function readHoldings(
  top: Fields,
  format: typeof FORMAT | typeof STATE_FORMAT,
  place: JsonValue,
  policy: PolicyFile,
  market: MarketFile,
): AccountFile {
  const [amount, other] = format === FORMAT ? [top.balance, top.cash] : [top.cash, top.balance];
  const [is, not] = format === FORMAT ? ["balance", "cash"] : ["cash", "balance"];
  const instead = `${format} has "${is}" and no "${not}"`;
  if (amount === undefined) throw (other ?? place).error("FIELD_INVALID", instead);
  if (other !== undefined) throw other.error("FIELD_INVALID", instead);
  if (format === STATE_FORMAT && top.asOf !== undefined) {
    throw top.asOf.error("FIELD_INVALID", `${STATE_FORMAT} has no "asOf": it holds at any market`);
  }

  const { assets, instruments } = places(policy, market);
  const { size } = market.market.board;
  const collateral = nothing<QuantityLots>(ASSETS);
  if (top.collateral !== undefined) {
    const held = top.collateral;
    checkFits(held.size(), "assets", (code, rule) => held.error(code, rule));
    for (const [{ index, lot }, value] of held.entries(assets, "UNKNOWN_NAME", unknownAsset(assets))) {
      collateral[index] = value.quantity(quantityLots, lot);
    }
  }
  const positions = nothing<PositionLots>(instrumentsOf(size));
  const open = top.positions;
  if (open !== undefined) checkFits(open.size(), "instruments", (code, rule) => open.error(code, rule));
  const entries = open?.entries(instruments, "UNKNOWN_NAME", unknownInstrument(instruments)) ?? [];
  let cash: CashE6;
  let conversion: CashConversion | undefined;
  if (format === STATE_FORMAT) {
    for (const [{ index, lot }, value] of entries) positions[index] = value.quantity(positionLots, lot);
    cash = amount.quantity(cashE6, E6);
  } else {
    const values = new Map(entries.map(([{ index }, value]) => [index, value]));
    const holdings = entries.map(([place, value]) => readHolding(place, value));
    const asOf = top.asOf?.time();
    const profit = holdings.find(({ basis }) => basis.unrealisedProfit !== undefined);
    checkAsOf(profit !== undefined, asOf, market, (rule) =>
      (top.asOf ?? values.get(profit!.index)!).error("FIELD_INVALID", rule),
    );
    const found = amount.check(() =>
      cashOf(amount.decimal(), holdings, market, ({ index }, { code, rule }) => values.get(index)!.error(code, rule)),
    );
    ({ cash, conversion } = found);
    for (const { index, lots } of found.positions) positions[index] = lots;
  }
  const name = top.account.label();
  const fault = nameFault(name);
  if (fault !== undefined) throw top.account.error("FIELD_INVALID", fault);
  return {
    name,
    account: checkAccount({ ...genesis(size), cash, collateral, positions, sequence: top.sequence }),
    ...(conversion !== undefined && { conversion }),
    ...Object.fromEntries(DEPARTURES.flatMap((name) => (top[name] ? [[name, readDepartures(top[name])]] : []))),
  };
}

function readHolding({ index, lot }: Place, value: JsonValue): Holding {
  const fields = value.fields(["quantity"], ["entryPrice", "unrealisedProfit", "paid"]);
  return {
    index,
    lots: fields.quantity.quantity(positionLots, lot),
    basis: {
      entryPrice: fields.entryPrice?.decimal(),
      unrealisedProfit: fields.unrealisedProfit?.decimal(),
      paid: fields.paid?.boolean(),
    },
  };
}

/** An unrealised profit belongs to the marks of one market. Throws what `error` makes of the rule that is broken. */
export function checkAsOf(
  needed: boolean,
  asOf: string | undefined,
  market: MarketFile,
  error: (rule: string) => Error,
): void {
  if (needed && asOf === undefined) {
    throw error('an unrealisedProfit holds at one time only: give it as "asOf", the time of the market');
  }
  if (asOf !== undefined && asOf !== market.time) {
    throw error(
      `the market is of ${market.time} and the account as of another time; give balance and profits as of the market's, or the state that "plimsoll commit --state" wrote, or entry prices: these hold at any time`,
    );
  }
}

/** Why an account cannot have this name; undefined where it can. */
export function nameFault(name: string): string | undefined {
  if (/^[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+$/.test(name)) {
    return "a number in exponent form, which has lost its last digits: format the column as text in the spreadsheet and export it again";
  }
  if (/^(sub|grand|sum)?[ -]?totals?( .*|:)?$|^(sum|summe|gesamt)(summe)?:?$/i.test(name)) {
    return "a row of totals: take it out";
  }
  return undefined;
}

/** Where a name stands in the model, and what one lot of it is. */
export interface Place {
  readonly index: number;
  readonly lot: Decimal;
}

/** Places of what policy and market list, by name. */
export function places(policy: PolicyFile, market: MarketFile) {
  const assets = new Map<string, Place>();
  for (const [index, { symbol, lotDecimals }] of policy.assets.entries()) {
    assets.set(symbol, { index, lot: lotOfDecimals(lotDecimals) });
  }
  const instruments = new Map<string, Place>();
  for (const [index, instrument] of market.instruments.entries()) {
    if (instrument !== undefined) instruments.set(instrument.symbol, { index, lot: instrument.lot });
  }
  return { assets, instruments };
}

/** What the largest board holds. */
const MOST = { assets: ASSETS, instruments: instrumentsOf(BOARD_SIZES.at(-1)!) };

/** As many zeros. */
export const nothing = <T extends bigint>(length: number) => new Array<T>(length).fill(0n as T);
export const unknownAsset = (known: ReadonlyMap<string, unknown>) => (name: string) =>
  unknownName("asset", name, known.keys());
export const unknownInstrument = (known: ReadonlyMap<string, unknown>) => (name: string) =>
  unknownName("instrument", name, known.keys());

/** Throws `NO_BOARD_SIZE` for more than the largest board holds. */
export function checkFits(
  count: number,
  kind: keyof typeof MOST,
  error: (code: ErrorCode, rule: string) => Error,
): void {
  if (count > MOST[kind]) {
    throw error("NO_BOARD_SIZE", `${count} ${kind}, but the largest board holds ${MOST[kind]}`);
  }
}

/**
 * The model's state as a document; it reads back as this account under the same policy and market.
 * @see docs/library.md#accounts
 */
export function stateDocument(
  { name, account, exceptions, unsettled }: AccountFile,
  policy: PolicyFile,
  market: MarketFile,
): StateDocument {
  const held = (found: Iterable<[string, Place]>, lots: (index: number) => bigint) =>
    Object.fromEntries(
      [...found].flatMap(([symbol, { index, lot }]) => {
        const count = lots(index);
        return count === 0n ? [] : [[symbol, formatLots(count, lot)]];
      }),
    );
  const { assets, instruments } = places(policy, market);
  return {
    format: STATE_FORMAT,
    account: name,
    cash: formatDecimal(account.cash, CASH_DECIMALS),
    collateral: held(assets, (index) => account.collateral[index]!),
    positions: held(instruments, (index) => account.positions[index]!),
    sequence: account.sequence.toString(),
    ...(exceptions && { exceptions }),
    ...(unsettled && { unsettled }),
  };
}

/**
 * Reads the file of a viewing key: one decimal number on one line, ending in a newline or not.
 * @see docs/library.md#accounts
 */
export function readViewingKey(text: string, file: string): FieldElement {
  return readSecretNumber(text, file, "viewingKey", viewingKey);
}

/** The text of a new viewing key's file. */
export const newViewingKey = (): string => `${randomViewingKey()}\n`;
