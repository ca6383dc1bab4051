// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Daily price histories from files. Four shapes are told apart by their columns:
 *
 *   ours          date, close, and perhaps volume (units of the asset) and implied (annual volatility at the money for 30
 *                 days, 0.55 for 55%)
 *   daily bars    date, open, high, low, close, and perhaps adj close and volume (Yahoo); the close counts, which is adjusted
 *                 for splits and not for dividends; volume is left out, since its unit is not the same for all assets
 *   CoinGecko     snapped_at, price, market_cap, total_volume; a price of 00:00 UTC is the close of the day before; volume is
 *                 left out, since it is in quote currency
 *   klines        Binance's twelve columns, with or without a header; open times in milliseconds or microseconds
 *
 * Rows may be newest first. A date is 2026-11-22 or 22.11.2026. Rows without a price ("null") count as missing days.
 */
import { PlimsollError } from "../errors.ts";
import { readTable } from "../formats/csv.ts";
import { historyOf, type PriceHistory, type PriceRow } from "../risk/prices.ts";

const KLINE =
  "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore";
const COLUMNS = [
  ...["date", "close", "volume", "implied", "open", "high", "low", "adj close"],
  ...["snapped_at", "price", "market_cap", "total_volume"],
  ...["open_time", "close_time", "quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"],
  // The names in older files.
  ...["quote_asset_volume", "number_of_trades", "taker_buy_base_asset_volume", "taker_buy_quote_asset_volume"],
] as const;
type Column = (typeof COLUMNS)[number];
const EXPECTED =
  "expected the columns date and close (and perhaps volume and implied), daily bars (Date,Open,High,Low,Close,…), " +
  "CoinGecko's snapped_at,price,…, or Binance's daily klines";

interface Shape {
  readonly date: Column;
  readonly close: Column;
  readonly volume?: Column;
  readonly implied?: Column;
  /** The day of a row as `YYYY-MM-DD`, or undefined where it is none. */
  readonly day: (text: string) => string | undefined;
  /** What a row's date is expected to be. */
  readonly rule: string;
  /** What the reader should know, in words. */
  readonly notes: readonly string[];
}

const DAY_MS = 86_400_000;
const isoDay = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 10);

function calendarDay(text: string): string | undefined {
  const point = /^(\d{2})\.(\d{2})\.(\d{4})$/.exec(text);
  return point ? `${point[3]}-${point[2]}-${point[1]}` : text;
}

/** The day before a midnight. */
function snapshotDay(text: string): string | undefined {
  const [, day] = /^(\d{4}-\d{2}-\d{2}) 00:00:00 UTC$/.exec(text) ?? [];
  const time = Date.parse(`${day}T00:00:00Z`);
  return day === undefined || Number.isNaN(time) ? undefined : isoDay(time - DAY_MS);
}

function klineDay(text: string): string | undefined {
  if (!/^\d{13}(\d{3})?$/.test(text)) return undefined;
  const time = Number(text.length === 16 ? text.slice(0, 13) : text);
  return time % DAY_MS === 0 && /^0*$/.test(text.slice(13)) ? isoDay(time) : undefined;
}

const CALENDAR = { day: calendarDay, rule: 'expected a date such as "2026-11-22" or "22.11.2026"' };

function shapeOf(present: ReadonlySet<string>): Shape | undefined {
  const has = (...names: Column[]) => names.every((name) => present.has(name));
  const only = (...names: Column[]) => [...present].every((name) => (names as string[]).includes(name));
  if (has("date", "close") && only("date", "close", "volume", "implied")) {
    return { date: "date", close: "close", volume: "volume", implied: "implied", ...CALENDAR, notes: [] };
  }
  if (has("date", "open", "close") && only("date", "open", "high", "low", "close", "adj close", "volume")) {
    const notes = present.has("volume") ? ["volume is left out: daily bars do not say its unit"] : [];
    return { date: "date", close: "close", ...CALENDAR, notes };
  }
  if (has("snapped_at", "price") && only("snapped_at", "price", "market_cap", "total_volume")) {
    const notes = ["prices of 00:00 UTC are the closes of the day before; volume in quote currency is left out"];
    const rule = 'expected a price a day, at "2026-11-22 00:00:00 UTC"';
    return { date: "snapped_at", close: "price", day: snapshotDay, rule, notes };
  }
  if (has("open_time", "close")) {
    const rule = "expected a kline of a whole day: an open time at 00:00 UTC in milliseconds or microseconds";
    return { date: "open_time", close: "close", volume: "volume", day: klineDay, rule, notes: [] };
  }
  return undefined;
}

/**
 * Reads a history of one asset. Throws `SYNTAX` for columns that are none of the four shapes, and `FIELD_INVALID`,
 * `OUT_OF_RANGE` and `TOO_LARGE`, naming file, line and column: a date or price that is none, a day that comes twice or out
 * of order, more than three missing days in a row. Says nothing about age, length and large moves: `checkHistories` does.
 *
 *   const btc = readPriceHistory(text, "BTC-USD.csv", "BTC");
 */
export function readPriceHistory(text: string, file: string, symbol: string): PriceHistory {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  // Klines come without a header, too: twelve fields, the first a time.
  const headless = /^\d{13}(\d{3})?(,[^,\r\n]*){11}\r?\n/.test(body);
  const { rows, ignored } = headless
    ? shifted(() => readTable(`${KLINE}\n${body}`, file, [], COLUMNS))
    : readTable(body, file, [], COLUMNS);
  if (rows.length === 0 && ignored.length === 0 && body.trim() !== "") {
    throw new PlimsollError("SYNTAX", "there is no row below the header", { file, line: 1 });
  }
  const shape = shapeOf(new Set(Object.keys(rows[0]?.fields ?? {})));
  if (shape === undefined || ignored.length > 0) {
    const others = ignored.length === 0 ? "" : `; others are there: ${ignored.slice(0, 3).join(", ")}`;
    throw new PlimsollError("SYNTAX", `${EXPECTED}${others}`, { file, line: 1 });
  }
  const repairs = [...shape.notes];
  const prices: PriceRow[] = [];
  for (const { line: at, fields } of rows) {
    const line = headless ? at - 1 : at;
    const cell = (column: Column) => (fields as Record<string, string>)[column]!;
    const date = shape.day(cell(shape.date));
    if (date === undefined) throw new PlimsollError("FIELD_INVALID", shape.rule, { file, line, field: shape.date });
    if (/^(null|nan)$/i.test(cell(shape.close))) {
      repairs.push(`${date}: a row without a price, left out`);
      continue;
    }
    prices.push({
      date,
      close: cell(shape.close),
      ...(shape.volume && fields[shape.volume as never] !== undefined && { volume: cell(shape.volume) }),
      ...(shape.implied && fields[shape.implied as never] !== undefined && { implied: cell(shape.implied) }),
      place: (field) => ({
        file,
        line,
        field: field === "date" ? shape.date : field === "close" ? shape.close : field,
      }),
    });
  }
  const [first, last] = [prices[0]?.date, prices.at(-1)?.date];
  if (first !== undefined && last !== undefined && first > last) prices.reverse();
  const history = historyOf(symbol, prices, shape.rule);
  return { ...history, repairs: [...repairs, ...history.repairs] };
}

/** Errors of a text before which a line was put. */
function shifted<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PlimsollError) || error.place.line === undefined) throw error;
    throw error.at({ line: error.place.line - 1 });
  }
}
