// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * From what venues say to one account on a board. Amounts are exact until they meet a lot, and are then rounded against the firm: what is held
 * down, what is owed up, and a position to whichever neighbouring lot needs more margin.
 *
 * A linear position counts with its profit at the price of the market, Σ quantity · (price − entry price), which needs no rounding of the
 * quantity. A position that is paid for counts with its value. An inverse contract is coin cash, Σ face / entry price, in the row of
 * its coin, beside the position.
 */
import type { AccountDocument, PositionDocument } from "../formats/account.ts";
import {
  addDecimals,
  compareDecimals,
  type Decimal,
  floorTo,
  formatDecimal,
  formatLots,
  multiplied,
  negated,
  quotientDown,
  simplified,
} from "../formats/decimal.ts";
import type { MarketFile } from "../formats/market.ts";
import { CASH_DECIMALS, type PolicyFile } from "../formats/policy.ts";
import type { AssetPlace, InstrumentPlace } from "./match.ts";
import type { Balance, Position } from "./venues/snapshot.ts";

/** A holding with its place. */
export type Placed =
  | { readonly venue: string; readonly balance: Balance; readonly place: AssetPlace }
  | { readonly venue: string; readonly position: Position; readonly place: InstrumentPlace };

/** What rounding to a lot took or added. */
export interface Rounding {
  readonly name: string;
  /** Held or owed before; a decimal string. */
  readonly exact: string;
  /** In the account. */
  readonly rounded: string;
}

export interface Assembly {
  readonly document: AccountDocument;
  readonly roundings: readonly Rounding[];
}

const ZERO: Decimal = { units: 0n, decimals: 0 };
const ONE: Decimal = { units: 1n, decimals: 0 };
/** Of profits and values that do not end: below a millionth, and rounded down. */
const FINE = 12;

const text = ({ units, decimals }: Decimal) => formatDecimal(units, decimals);

/** Quantity times a value that the market gives for a lot, in quote currency, rounded down to 12 decimals. */
export const worthOf = (quantity: Decimal, perLotE6: bigint, lot: Decimal): Decimal =>
  quotientDown(multiplied(quantity, { units: perLotE6, decimals: CASH_DECIMALS }), lot, FINE);

/**
 * What a linear contract costs by the market, per lot. Its delta is its price: the mark of a perpetual counts funding that balances have paid, and
 * is zero on a board whose profits are paid into the balance.
 */
export function priceE6(row: number, market: MarketFile): bigint {
  const { mark, delta } = market.market.board.rows[row]!;
  const { kind = "" } = market.instruments[row]!.terms;
  return mark === 0n || kind === "perpetual" || kind === "future" ? delta : mark;
}

/** What one row of the board is to hold. */
interface Row {
  /** Linear: entered at a price that nobody has paid yet. */
  open: Decimal;
  /** Σ quantity · entry price of those. */
  cost: Decimal;
  /** Paid for, or paid in coin. */
  paid: Decimal;
  /** Coins: whole lots, each contribution rounded down. */
  coinLots: bigint;
}

/** Sums holdings, rounds them, and writes the account. `marginOf` is asked which of two roundings needs more margin. */
export function assemble(
  holdings: readonly Placed[],
  { account, sequence }: { readonly account: string; readonly sequence: bigint },
  { policy, market }: { readonly policy: PolicyFile; readonly market: MarketFile },
  marginOf: (document: AccountDocument) => bigint,
): Assembly {
  const roundings: Rounding[] = [];
  const rows = new Map<number, Row>();
  const rowAt = (index: number): Row => {
    const row = rows.get(index) ?? { open: ZERO, cost: ZERO, paid: ZERO, coinLots: 0n };
    rows.set(index, row);
    return row;
  };
  let balance = ZERO;
  const assets = new Map<string, { readonly place: AssetPlace; amount: Decimal }>();
  for (const holding of holdings) {
    if ("position" in holding) addPosition(holding, rowAt, market, roundings);
    else if (holding.place.cash) balance = addDecimals(balance, holding.balance.amount);
    else {
      const { place } = holding;
      const key = `${place.asset ?? ""} ${place.row ?? ""}`;
      const sum = assets.get(key) ?? { place, amount: ZERO };
      sum.amount = addDecimals(sum.amount, holding.balance.amount);
      assets.set(key, sum);
    }
  }
  const collateral: Record<string, string> = {};
  for (const { place, amount } of assets.values()) {
    if (place.asset !== undefined && amount.units >= 0n) {
      const { symbol, lotDecimals } = policy.assets[place.asset]!;
      const lots = floorTo(amount, lotDecimals);
      note(roundings, symbol, amount, formatDecimal(lots, lotDecimals));
      collateral[symbol] = formatDecimal(lots, lotDecimals);
    } else {
      rowAt(place.row!).coinLots += lotsInRow(place, amount, policy, market, roundings);
    }
  }
  const entries = [...rows].sort(([a], [b]) => a - b).map(([index, row]) => entryOf(row, index, market));
  const document = (held: readonly Entry[]): AccountDocument => {
    const rests = held.map((entry) => restOf(entry, market));
    const positions = held.filter(({ quantity }) => quantity.units !== 0n);
    return {
      format: "plimsoll-account/2",
      account,
      balance: text(simplified(addDecimals(balance, ...rests))),
      collateral,
      positions: Object.fromEntries(
        positions.map(({ index, quantity, profit }): [string, PositionDocument] => [
          market.instruments[index]!.symbol,
          { quantity: text(simplified(quantity)), ...(profit ? { unrealisedProfit: text(profit) } : { paid: true }) },
        ]),
      ),
      ...(positions.some(({ profit }) => profit !== undefined) && { asOf: market.time }),
      sequence: sequence.toString(),
    };
  };
  let chosen: readonly Entry[] = entries;
  let most = entries.some(({ away }) => away !== undefined) ? marginOf(document(chosen)) : 0n;
  for (const [place, { index, exact, away }] of entries.entries()) {
    if (away === undefined) continue;
    const larger = chosen.with(place, { ...entries[place]!, quantity: away });
    const margin = marginOf(document(larger));
    if (margin >= most) [chosen, most] = [larger, margin];
    note(roundings, market.instruments[index]!.symbol, exact, text(simplified(chosen[place]!.quantity)));
  }
  return { document: document(chosen), roundings };
}

/** A row of the board and what it is to hold: whole lots toward zero and, where that is not exact, away from it. */
interface Entry {
  readonly index: number;
  readonly exact: Decimal;
  readonly quantity: Decimal;
  readonly away?: Decimal;
  /** Of all of it; undefined where all of it is paid for. */
  readonly profit?: Decimal;
}

/** What an entry adds to the balance: a profit without a position, or the value of what rounding took from a position that is paid. */
function restOf({ index, exact, quantity, profit }: Entry, market: MarketFile): Decimal {
  if (profit !== undefined) return quantity.units === 0n ? profit : ZERO;
  const { mark } = market.market.board.rows[index]!;
  return worthOf(addDecimals(exact, negated(quantity)), mark, market.instruments[index]!.lot);
}

function note(roundings: Rounding[], name: string, exact: Decimal, rounded: string): void {
  if (text(simplified(exact)) !== rounded) roundings.push({ name, exact: text(simplified(exact)), rounded });
}

function addPosition(
  { position, place }: Extract<Placed, { readonly position: Position }>,
  rowAt: (index: number) => Row,
  market: MarketFile,
  roundings: Rounding[],
): void {
  const { quantity, entryPrice, contract } = position;
  const { row, coin } = place;
  const target = rowAt(row);
  if (entryPrice === undefined) {
    target.paid = addDecimals(target.paid, quantity);
    return;
  }
  if (coin === undefined) {
    target.open = addDecimals(target.open, quantity);
    target.cost = addDecimals(target.cost, multiplied(quantity, entryPrice));
    return;
  }
  target.paid = addDecimals(target.paid, quantity);
  const { symbol, lot } = market.instruments[coin]!;
  const paidIn = coinsOf(quantity, entryPrice, isInverse(row, contract?.inverse, market), lot);
  rowAt(coin).coinLots += paidIn.lots;
  note(roundings, symbol, paidIn.exact, formatLots(paidIn.lots, lot));
}

/** Whether a row is of an inverse contract: by the contract where it is known, else by the row. */
export const isInverse = (row: number, inverse: boolean | undefined, market: MarketFile): boolean =>
  inverse ?? /^inverse-/.test(market.instruments[row]!.terms.kind ?? "");

/** Coins that a position paid in coin has cost or brought, to 12 decimals, and in lots of the coin's row; both rounded down. */
export function coinsOf(
  quantity: Decimal,
  entryPrice: Decimal,
  inverse: boolean,
  lot: Decimal,
): { readonly exact: Decimal; readonly lots: bigint } {
  const [over, under] = inverse ? [quantity, entryPrice] : [negated(multiplied(quantity, entryPrice)), ONE];
  return { exact: quotientDown(over, under, FINE), lots: quotientDown(over, multiplied(under, lot), 0).units };
}

/**
 * An amount of an asset in the row that stands for it, rounded down. A row of debts counts in units that have grown by their index: as
 * many as are worth what is owed.
 */
function lotsInRow(
  { row, asset }: AssetPlace,
  amount: Decimal,
  policy: PolicyFile,
  market: MarketFile,
  roundings: Rounding[],
): bigint {
  const { symbol, lot, terms } = market.instruments[row!]!;
  if (terms.kind === "borrowed" && asset !== undefined) {
    const price = { units: market.market.prices[asset]!, decimals: 16 - policy.assets[asset]!.lotDecimals };
    const mark = { units: market.market.board.rows[row!]!.mark, decimals: CASH_DECIMALS };
    return quotientDown(multiplied(amount, price), mark, 0).units;
  }
  const lots = quotientDown(amount, lot, 0).units;
  note(roundings, symbol, amount, formatLots(lots, lot));
  return lots;
}

function entryOf({ open, cost, paid, coinLots: coins }: Row, index: number, market: MarketFile): Entry {
  const { lot } = market.instruments[index]!;
  const { mark } = market.market.board.rows[index]!;
  const wholly = addDecimals(paid, { units: coins * lot.units, decimals: lot.decimals });
  const exact = addDecimals(open, wholly);
  const down = quotientDown(exact, lot, 0).units;
  const lots = (count: bigint): Decimal => ({ units: count * lot.units, decimals: lot.decimals });
  const isExact = compareDecimals(exact, lots(down)) === 0;
  const above = exact.units >= 0n;
  const quantity = lots(isExact || above ? down : down + 1n);
  const entry = { index, exact, quantity, ...(!isExact && { away: lots(above ? down + 1n : down) }) };
  if (open.units === 0n && cost.units === 0n) return entry;
  const gain = addDecimals(worthOf(open, priceE6(index, market), lot), negated(cost));
  return { ...entry, profit: simplified(addDecimals(gain, worthOf(wholly, mark, lot))) };
}
