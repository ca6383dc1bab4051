// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * From the balance that a venue shows to the cash of the model.
 *
 * The model counts a position at its mark, which is the price of one lot fully paid (`docs/risk-model.md`, Marks), so its
 * cash must have paid that price too: equity = collateral + cash + Σ mark · position. A balance has paid nothing for a
 * future. The cash that gives the same equity is
 *
 *   cash = balance + Σ effect        effect = − entryPrice · quantity          opened at this price
 *                                           = unrealisedProfit − mark · lots   with this profit at the market's marks
 *                                           = 0                                paid in full out of the balance
 *
 * The sum is exact and is rounded once, down to a millionth; `remainder` is what was cut off.
 *
 * An instrument that is paid in coin names the coin's row in its terms (`coin`). Its entry price costs no cash: it is coin cash, a
 * position in that row, beside what the account holds there: of an inverse contract + quantity / entryPrice coins, of any other
 * − entryPrice · quantity. Each is rounded once, down to a lot of that row, so never in the account's favour.
 */
import { PlimsollError } from "../errors.ts";
import { type CashE6, cashE6, type PositionLots, positionLots } from "../units.ts";
import {
  addDecimals,
  amountIn,
  type Decimal,
  floorDivided,
  floorTo,
  formatDecimal,
  formatLots,
  lotOfDecimals,
  multiplied,
  negated,
} from "./decimal.ts";
import type { MarketFile } from "./market.ts";
import { CASH_DECIMALS } from "./policy.ts";

/**
 * What is known of how a position was paid for. At most one is given.
 * @see docs/library.md#accounts
 */
export interface Basis {
  /** Quote currency per unit at which the position was opened, on average. */
  readonly entryPrice?: Decimal | undefined;
  /** Quote currency, at the marks of the market that the account is read with. */
  readonly unrealisedProfit?: Decimal | undefined;
  /** The balance has paid its whole price (an option's premium), or received it. */
  readonly paid?: boolean | undefined;
}

/**
 * A position as a file gives it.
 * @see docs/library.md#accounts
 */
export interface Holding {
  /** Place on the board. */
  readonly index: number;
  readonly lots: PositionLots;
  readonly basis: Basis;
}

/**
 * One position in the conversion. Amounts are exact decimal strings in quote currency.
 * @see docs/library.md#accounts
 */
export interface CashLine {
  readonly instrument: string;
  readonly quantity: string;
  readonly basis: "entryPrice" | "unrealisedProfit" | "paid" | "markIsZero";
  /** What the file gives: a price of one unit, or a profit; null where it gives neither. */
  readonly given: string | null;
  /** What the position adds to the balance. */
  readonly effect: string;
  /** What it adds to the position in the coin that it is paid in. */
  readonly coin?: { readonly instrument: string; readonly quantity: string };
}

/**
 * How the model's cash follows from a balance: balance + Σ effect = cash + remainder. Exact decimal strings.
 * @see docs/library.md#accounts
 */
export interface CashConversion {
  readonly balance: string;
  readonly lines: readonly CashLine[];
  /** At least 0 and below a millionth: what rounding down took. */
  readonly remainder: string;
  readonly cash: string;
}

/**
 * The model's cash. Throws `FIELD_INVALID` where a position's basis is missing, doubled or of a kind that its mark does
 * not allow (`at` gives the place), and `OUT_OF_RANGE` where the cash does not fit.
 *
 *   cashOf({ units: 1_000_000n, decimals: 0 }, [{ index: 0, lots, basis: { entryPrice } }], market).cash
 */
export function cashOf(
  balance: Decimal,
  holdings: readonly Holding[],
  market: MarketFile,
  at: (holding: Holding, error: PlimsollError) => PlimsollError = (_, error) => error,
): {
  readonly cash: CashE6;
  readonly conversion: CashConversion;
  /** Lots of positions, those given and those of coin cash together. */
  readonly positions: readonly { readonly index: number; readonly lots: PositionLots }[];
} {
  let sum = balance;
  const positions = new Map(holdings.map(({ index, lots }): [number, bigint] => [index, lots]));
  const lines = holdings.map((holding): CashLine => {
    try {
      const { effect, coin, ...line } = lineOf(holding, market);
      sum = addDecimals(sum, effect);
      if (coin === undefined) return { ...line, effect: textOf(effect) };
      const { symbol, lot } = market.instruments[coin.index]!;
      const total = (positions.get(coin.index) ?? 0n) + coin.lots;
      positions.set(coin.index, amountIn({ units: total * lot.units, decimals: lot.decimals }, lot, positionLots));
      return { ...line, effect: textOf(effect), coin: { instrument: symbol, quantity: formatLots(coin.lots, lot) } };
    } catch (error) {
      throw error instanceof PlimsollError ? at(holding, error) : error;
    }
  });
  const units = floorTo(sum, CASH_DECIMALS);
  const remainder = addDecimals(sum, { units: -units, decimals: CASH_DECIMALS });
  return {
    cash: amountIn({ units, decimals: CASH_DECIMALS }, lotOfDecimals(CASH_DECIMALS), cashE6),
    conversion: {
      balance: textOf(balance),
      lines,
      remainder: textOf(remainder),
      cash: formatDecimal(units, CASH_DECIMALS),
    },
    positions: [...positions].map(([index, lots]) => ({ index, lots: positionLots(lots) })),
  };
}

const textOf = ({ units, decimals }: Decimal) => formatDecimal(units, decimals);
const ZERO: Decimal = { units: 0n, decimals: 0 };

interface Line extends Omit<CashLine, "effect" | "coin"> {
  readonly effect: Decimal;
  readonly coin?: Coins;
}

/** Lots of the row of a coin. */
interface Coins {
  readonly index: number;
  readonly lots: bigint;
}

/** The coin cash of a position that was opened at a price, and is paid in the coin of that row. */
function coinsOf(quantity: Decimal, entryPrice: Decimal, inverse: boolean, coin: string, market: MarketFile): Coins {
  const index = market.instruments.findIndex((each) => each?.symbol === coin);
  if (index === -1) {
    throw new PlimsollError("UNKNOWN_NAME", `the market lists no ${coin}, which this instrument is paid in`);
  }
  if (inverse && entryPrice.units === 0n) throw new PlimsollError("FIELD_INVALID", "expected an entryPrice above 0");
  const { lot } = market.instruments[index]!;
  const ten = (decimals: number) => 10n ** BigInt(decimals);
  // quantity / entryPrice, or − quantity · entryPrice, in lots; down to a whole one.
  const [over, under] = inverse
    ? [quantity.units * ten(entryPrice.decimals + lot.decimals), entryPrice.units * ten(quantity.decimals) * lot.units]
    : [
        -quantity.units * entryPrice.units * ten(lot.decimals),
        ten(quantity.decimals + entryPrice.decimals) * lot.units,
      ];
  return { index, lots: floorDivided(over, under) };
}

function lineOf({ index, lots, basis }: Holding, market: MarketFile): Line {
  const { symbol, lot, terms } = market.instruments[index]!;
  const { mark } = market.market.board.rows[index]!;
  const { entryPrice, unrealisedProfit, paid } = basis;
  const refuse = (rule: string) => new PlimsollError("FIELD_INVALID", rule);
  if ([entryPrice !== undefined, unrealisedProfit !== undefined, paid === true].filter(Boolean).length > 1) {
    throw refuse("expected one of entryPrice, unrealisedProfit and paid");
  }
  const line = { instrument: symbol, quantity: formatLots(lots, lot) };
  if (entryPrice !== undefined) {
    if (entryPrice.units < 0n) throw refuse("expected an entryPrice of at least 0");
    if (mark === 0n && lots !== 0n) {
      throw refuse(
        `an entryPrice says nothing here: the market gives ${symbol} a mark of 0; give unrealisedProfit, or paid where the balance has paid for it`,
      );
    }
    const quantity: Decimal = { units: lots * lot.units, decimals: lot.decimals };
    if (terms.coin !== undefined) {
      const coin = coinsOf(quantity, entryPrice, /^inverse-/.test(terms.kind ?? ""), terms.coin, market);
      return { ...line, basis: "entryPrice", given: textOf(entryPrice), effect: ZERO, coin };
    }
    const effect = negated(multiplied(entryPrice, quantity));
    return { ...line, basis: "entryPrice", given: textOf(entryPrice), effect };
  }
  if (unrealisedProfit !== undefined) {
    if (terms.coin !== undefined && lots !== 0n) {
      throw refuse(
        `${symbol} is paid in coin: give its entryPrice, or paid where its coin cash is among the positions`,
      );
    }
    if (lots === 0n && unrealisedProfit.units !== 0n) throw refuse("a position of 0 has no unrealisedProfit");
    const effect = addDecimals(unrealisedProfit, { units: -lots * mark, decimals: CASH_DECIMALS });
    return { ...line, basis: "unrealisedProfit", given: textOf(unrealisedProfit), effect };
  }
  if (paid !== true && mark !== 0n && lots !== 0n) {
    throw refuse(
      `${symbol} counts at its whole price: give its entryPrice or its unrealisedProfit, or paid where the balance has paid or received that price, as for an option's premium`,
    );
  }
  return { ...line, basis: paid === true ? "paid" : "markIsZero", given: null, effect: ZERO };
}
