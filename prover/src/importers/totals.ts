// SPDX-License-Identifier: GPL-3.0-or-later
/** What each venue's part of an account is worth on the board, beside the venue's own equity and margin. */
import { addDecimals, type Decimal, formatDecimal, multiplied, negated, simplified } from "../formats/decimal.ts";
import type { MarketFile } from "../formats/market.ts";
import { CASH_DECIMALS, type PolicyFile } from "../formats/policy.ts";
import { coinsOf, isInverse, type Placed, priceE6, worthOf } from "./assemble.ts";
import type { OwnFigure, Snapshot } from "./venues/snapshot.ts";

/** Decimal strings in the cash of the policy; null where the venue's files or our prices do not say. */
export interface VenueTotals {
  readonly venue: string;
  /** What was read and has a place, before haircuts, at the market's prices. */
  readonly equity: string;
  /** The venue's own, at the market's prices where it is in coin. */
  readonly ownEquity: string | null;
  readonly difference: string | null;
  /** Of the difference: positions at the market's marks in place of the venue's. */
  readonly marks: string | null;
  /** The rest: prices of assets, what was left out, and what the files do not show. */
  readonly rest: string | null;
  /** Maintenance margin of this part alone, by this board; null where it cannot be alone. */
  readonly margin: string | null;
  readonly ownMargin: string | null;
}

interface Board {
  readonly policy: PolicyFile;
  readonly market: MarketFile;
  /** Currencies that count as cash. */
  readonly atPar: readonly string[];
}

const ZERO: Decimal = { units: 0n, decimals: 0 };
const text = (value: Decimal | undefined): string | null => {
  if (value === undefined) return null;
  const { units, decimals } = simplified(value);
  return formatDecimal(units, decimals);
};

export function compareTotals(
  sources: readonly { readonly venue: string; readonly snapshot: Snapshot }[],
  placed: readonly Placed[],
  board: Board,
  marginOf: (own: readonly Placed[]) => bigint,
): VenueTotals[] {
  return sources.map(({ venue, snapshot }) => {
    const own = placed.filter((holding) => holding.venue === venue);
    const equity = addDecimals(ZERO, ...own.map((holding) => worth(holding, board)));
    const ownEquity = inCash(snapshot.equity, board);
    const difference = ownEquity && addDecimals(equity, negated(ownEquity));
    const marks = difference && marksOf(own, board);
    return {
      venue,
      equity: text(equity)!,
      ownEquity: text(ownEquity),
      difference: text(difference),
      marks: text(marks),
      rest: text(marks && addDecimals(difference, negated(marks))),
      margin: aloneMargin(own, marginOf),
      ownMargin: text(inCash(snapshot.margin, board)),
    };
  });
}

/** A part may not be an account by itself: a debt that another venue covers. */
function aloneMargin(own: readonly Placed[], marginOf: (own: readonly Placed[]) => bigint): string | null {
  const covered = own.every(
    (holding) => !("balance" in holding) || holding.place.asset === undefined || holding.balance.amount.units >= 0n,
  );
  return covered ? formatDecimal(marginOf(own), 10) : null;
}

/** At the market's prices, before haircuts. */
function worth(holding: Placed, { policy, market }: Board): Decimal {
  if ("balance" in holding) {
    const { balance, place } = holding;
    if (place.cash) return balance.amount;
    return place.asset === undefined
      ? worthOf(balance.amount, market.market.board.rows[place.row!]!.mark, market.instruments[place.row!]!.lot)
      : multiplied(balance.amount, priceOf(place.asset, policy, market));
  }
  const { position, place } = holding;
  const { quantity, entryPrice, contract } = position;
  const { lot } = market.instruments[place.row]!;
  const { mark } = market.market.board.rows[place.row]!;
  if (entryPrice === undefined) return worthOf(quantity, mark, lot);
  if (place.coin === undefined) {
    return addDecimals(worthOf(quantity, priceE6(place.row, market), lot), negated(multiplied(quantity, entryPrice)));
  }
  const inverse = isInverse(place.row, contract?.inverse, market);
  const { lots } = coinsOf(quantity, entryPrice, inverse, market.instruments[place.coin]!.lot);
  const coins = { units: lots * market.market.board.rows[place.coin]!.mark, decimals: CASH_DECIMALS };
  return addDecimals(worthOf(quantity, mark, lot), coins);
}

const priceOf = (asset: number, { assets }: PolicyFile, { market }: MarketFile): Decimal => ({
  units: market.prices[asset]!,
  decimals: 16 - assets[asset]!.lotDecimals,
});

/** Figures of the venue's in cash; undefined where it gives none, or one in something without a price. US dollars are compared as cash. */
function inCash(figures: readonly OwnFigure[], board: Board): Decimal | undefined {
  if (figures.length === 0) return undefined;
  const amounts = figures.map(({ asset, amount }) => {
    const price = cashPrice(asset, board);
    return price && multiplied(amount, price);
  });
  return amounts.every((amount) => amount !== undefined) ? addDecimals(...amounts) : undefined;
}

function cashPrice(asset: string, { policy, market, atPar }: Board): Decimal | undefined {
  if (asset === policy.cashSymbol || asset === "USD" || atPar.includes(asset)) return { units: 1n, decimals: 0 };
  const index = policy.assets.findIndex(({ symbol }) => symbol === asset);
  return index === -1 ? undefined : priceOf(index, policy, market);
}

/** What positions are worth by the market less what they are worth by the venue; undefined where it says nothing of one. */
function marksOf(own: readonly Placed[], board: Board): Decimal | undefined {
  let sum = ZERO;
  for (const holding of own) {
    if ("balance" in holding) continue;
    const { position } = holding;
    const price = position.contract && cashPrice(position.contract.settle, board);
    if (position.own === undefined || price === undefined) return undefined;
    sum = addDecimals(sum, worth(holding, board), negated(multiplied(position.own, price)));
  }
  return sum;
}
