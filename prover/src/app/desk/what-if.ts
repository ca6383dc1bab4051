// SPDX-License-Identifier: GPL-3.0-or-later
/** What would become of an account if it traded, or if the market moved. PRIVATE. */
import { PlimsollError } from "../../errors.ts";
import type { AccountFile } from "../../formats/account.ts";
import { type Decimal, formatDecimal, formatLots, lotOfDecimals, lotsOf, parseDecimal } from "../../formats/decimal.ts";
import type { MarketFile } from "../../formats/market.ts";
import { CASH_DECIMALS, LEVELS, type LevelName, type PolicyFile } from "../../formats/policy.ts";
import type { Account } from "../../model/account.ts";
import { buildMarketFile, shock } from "../../risk/board/board.ts";
import type { MarketInput } from "../../risk/input.ts";
import { smallestTrades, topUp, withdrawable } from "../../risk/outlook/margin-cure.ts";
import { cashE6, positionLots } from "../../units.ts";
import { type Valuation, valueAccount } from "../value.ts";

/**
 * Changes to an account and to its market. All amounts are decimal strings.
 * @see docs/desk.md
 */
export interface Supposition {
  /** Whole units bought, or sold where negative, at marks: cash pays for them, and nothing else is charged. */
  readonly trades?: readonly { readonly instrument: string; readonly quantity: string }[];
  /** Each position becomes this share of itself before the trades, rounded towards zero to whole lots: "0" closes all, "2" doubles. */
  readonly scale?: string;
  /** Cash paid in, or out where negative. */
  readonly cash?: string;
  /** By underlying: the move of its price as a fraction, "-0.1" for a fall by 10%. */
  readonly prices?: Readonly<Record<string, string>>;
  /** The move of all implied volatilities as a fraction of themselves. */
  readonly volatility?: string;
}

/**
 * An account before and after, and what could be done afterwards.
 * @see docs/desk.md
 */
export interface Supposed {
  readonly before: Valuation;
  readonly after: Valuation;
  /** After the changes, by level. */
  readonly levels: readonly {
    readonly name: LevelName;
    /** The most cash that can leave with the level held afterwards; "0" below it. */
    readonly withdrawable: string;
    /** The least cash that brings the account to the level; "0" at least at it. */
    readonly topUp: string;
    /** The smallest trades that bring it there without cash; null where none do; empty at least at the level. */
    readonly trades: readonly { readonly instrument: string; readonly quantity: string }[] | null;
  }[];
}

/**
 * Works a supposition out. The market moves first, then the account trades at the new marks. Throws `UNKNOWN_NAME`, `NOT_A_MULTIPLE`
 * and `OUT_OF_RANGE` at the place of the wrong entry, and `FIELD_INVALID` where prices move and nothing says what the market follows
 * from.
 *
 *   const { after } = suppose(holder, policy, market, { scale: "0.5", prices: { BTC: "-0.2" } }, input);
 */
export function suppose(
  holder: AccountFile,
  policy: PolicyFile,
  market: MarketFile,
  supposition: Supposition,
  input?: MarketInput,
): Supposed {
  const moved = movedMarket(policy, market, supposition, input);
  const account = changed(holder.account, moved, supposition);
  // What the file says of entry prices holds no longer.
  const after: AccountFile = { name: holder.name, account };
  return {
    before: valueAccount(holder, policy, market),
    after: valueAccount(after, policy, moved),
    levels: LEVELS.map((name) => {
      const level = policy.levels[name];
      const cure = smallestTrades(account, policy, moved.market, level);
      return {
        name,
        withdrawable: formatDecimal(withdrawable(account, policy, moved.market, level), CASH_DECIMALS),
        topUp: formatDecimal(topUp(account, policy, moved.market, level), CASH_DECIMALS),
        trades:
          cure?.trades.map(({ row, lots }) => {
            const { symbol, lot } = moved.instruments[row]!;
            return { instrument: symbol, quantity: formatLots(lots, lot) };
          }) ?? null,
      };
    }),
  };
}

/** Wider moves say nothing that a person could use, and leave the range of a board's columns. */
const [MOST_DOWN, MOST_UP] = [-0.95, 9];

function movedMarket(
  policy: PolicyFile,
  market: MarketFile,
  { prices = {}, volatility = "0" }: Supposition,
  input: MarketInput | undefined,
): MarketFile {
  const moves = Object.fromEntries(
    Object.entries(prices).map(([name, move]) => [name, fraction(move, `prices.${name}`)]),
  );
  const ratio = fraction(volatility, "volatility");
  if (ratio === 0 && Object.values(moves).every((move) => move === 0)) return market;
  if (input === undefined) {
    const rule = "prices can be moved where the desk knows what the market follows from: give it the market's input";
    throw new PlimsollError("FIELD_INVALID", rule, { field: "prices" });
  }
  try {
    return buildMarketFile(shock(input, moves, ratio), policy).file;
  } catch (error) {
    if (!(error instanceof PlimsollError) || error.code !== "UNKNOWN_NAME") throw error;
    throw error.at({ field: `prices.${error.place.field}` });
  }
}

function fraction(text: string, field: string): number {
  const { units, decimals } = decimalAt(text, field);
  const value = Number(units) / 10 ** decimals;
  if (value >= MOST_DOWN && value <= MOST_UP) return value;
  throw new PlimsollError("OUT_OF_RANGE", `expected a fraction of ${MOST_DOWN} to ${MOST_UP}`, { field });
}

const decimalAt = (text: string, field: string): Decimal => at(field, () => parseDecimal(text));

function at<T>(field: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof PlimsollError ? error.at({ field }) : error;
  }
}

function changed(account: Account, market: MarketFile, { trades = [], scale = "1", cash = "0" }: Supposition): Account {
  const positions: bigint[] = [...account.positions];
  let paid = 0n;
  const add = (row: number, lots: bigint, field: string) => {
    positions[row] = at(field, () => positionLots(positions[row]! + lots));
    paid += market.market.board.rows[row]!.mark * lots;
  };
  const { units, decimals } = decimalAt(scale, "scale");
  if (units < 0n) throw new PlimsollError("OUT_OF_RANGE", "expected 0 or more", { field: "scale" });
  for (const [row, lots] of account.positions.entries())
    add(row, (lots * units) / 10n ** BigInt(decimals) - lots, "scale");
  for (const [index, { instrument, quantity }] of trades.entries()) {
    const row = market.instruments.findIndex((each) => each?.symbol === instrument);
    if (row === -1) {
      throw new PlimsollError("UNKNOWN_NAME", "the market has no such instrument", {
        field: `trades[${index}].instrument`,
      });
    }
    const field = `trades[${index}].quantity`;
    add(
      row,
      at(field, () => lotsOf(parseDecimal(quantity), market.instruments[row]!.lot)),
      field,
    );
  }
  const paidIn = at("cash", () => lotsOf(parseDecimal(cash), lotOfDecimals(CASH_DECIMALS)));
  return {
    ...account,
    positions: positions.map((lots) => positionLots(lots)),
    cash: at("cash", () => cashE6(account.cash + paidIn - paid)),
  };
}
