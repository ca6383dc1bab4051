// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Binance portfolio margin: `GET /papi/v1/balance` (all assets), `…/um/positionRisk`, `…/cm/positionRisk`, and `…/account` to compare.
 * Wallet balances hold no unrealised profit, so positions have their entry prices. What is owed of an asset is borrowed + interest +
 * negative balance. No file says when it was taken: `updateTime` is that of the last change.
 */
import type { NamedText } from "../../formats/account.ts";
import { absolute, addDecimals, compareDecimals, type Decimal, multiplied, negated } from "../../formats/decimal.ts";
import type { JsonValue } from "../../formats/json.ts";
import {
  type Contract,
  errorBody,
  missingFile,
  openVenueJson,
  type Position,
  profitsApart,
  type Snapshot,
  SnapshotDraft,
  venueName,
  yearMonthDay,
} from "./snapshot.ts";

const BALANCE = [
  "asset",
  "totalWalletBalance",
  "crossMarginBorrowed",
  "crossMarginFree",
  "crossMarginInterest",
  "crossMarginLocked",
  "umWalletBalance",
  "umUnrealizedPNL",
  "cmWalletBalance",
  "cmUnrealizedPNL",
  "negativeBalance",
] as const;

/** Reads the files of one account. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`, naming file, line and field. */
export function readBinance(files: readonly NamedText[]): Snapshot {
  const draft = new SnapshotDraft();
  const lists: JsonValue[][] = [];
  for (const file of files) {
    const root = openVenueJson(file);
    if (root.kind === "object") readAccountTotals(root, draft);
    else lists.push(root.elements());
  }
  readBinanceRows(
    draft,
    lists.flat(),
    lists.some((list) => list.length === 0),
    files,
  );
  return draft;
}

/** Rows of balances and of positions; `flat` where an empty list says that there are no positions. */
export function readBinanceRows(
  draft: SnapshotDraft,
  rows: readonly JsonValue[],
  flat: boolean,
  files: readonly NamedText[],
): void {
  const profits: Profits = new Map();
  const given = new Set<string>(flat ? ["um"] : []);
  for (const row of rows) given.add(readRow(row, draft, profits));
  if (!given.has("balance")) throw missingFile("the balances are missing: GET /papi/v1/balance", files);
  if (!given.has("um") && !given.has("cm")) {
    throw missingFile("the positions are missing: GET /papi/v1/um/positionRisk, without a symbol", files);
  }
  for (const { kind, coin, amount, at } of profits.values()) {
    const held = draft.positions.filter(({ contract }) =>
      kind === "cm" ? contract?.inverse && contract.settle === coin : contract?.inverse === false,
    );
    if (amount.units !== 0n && held.length === 0) {
      const rule = `the balance has a profit of positions that no file of ${kind}/positionRisk has`;
      throw at.error("FIELD_INVALID", rule);
    }
    if (draft.unusable.length === 0 && profitsApart(amount, held)) {
      const rule = `the profits of ${kind}/positionRisk are not those of the balance: a position is missing, or the files are not of one minute`;
      throw at.error("FIELD_INVALID", rule);
    }
  }
}

/** Unrealised profits of the balances: of all dollars together, and of each coin. */
interface Profit {
  readonly kind: "um" | "cm";
  readonly coin: string;
  readonly amount: Decimal;
  readonly at: JsonValue;
}
type Profits = Map<string, Profit>;

function addProfit(profits: Profits, kind: Profit["kind"], asset: string, at: JsonValue): void {
  const key = kind === "um" ? kind : asset;
  const known = profits.get(key);
  const amount = at.number();
  if (known !== undefined) profits.set(key, { ...known, amount: addDecimals(known.amount, amount) });
  else profits.set(key, { kind, coin: asset, amount, at });
}

/** A row of the balances or of positions; says which. */
function readRow(row: JsonValue, draft: SnapshotDraft, profits: Profits): "balance" | "um" | "cm" {
  if (row.named().has("totalWalletBalance")) {
    readBalance(row, draft, profits);
    return "balance";
  }
  const { position, error, side } = readPosition(row);
  draft.once(`${position.symbol} ${side}`, error);
  if (position.quantity.units !== 0n) draft.open(position.symbol, side === "BOTH" ? undefined : side, error);
  if (position.contract !== undefined || position.quantity.units === 0n) draft.position(position);
  else draft.unusable.push({ name: position.symbol, why: "a name that is not read" });
  return position.contract?.inverse ? "cm" : "um";
}

function readAccountTotals(root: JsonValue, draft: SnapshotDraft): void {
  const { code, msg, asset, ...fields } = root.pick(
    [],
    ["code", "msg", "asset", "accountEquity", "actualEquity", "accountMaintMargin"],
  );
  if (code !== undefined || msg !== undefined) throw errorBody(code ?? msg!);
  if (asset !== undefined) throw asset.error("FIELD_INVALID", "one asset only; ask for the balance without an asset");
  if (fields.actualEquity === undefined || fields.accountMaintMargin === undefined) {
    throw root.error("FIELD_INVALID", "no answer that is read: balance, um/positionRisk, cm/positionRisk or account");
  }
  draft.once("account", (rule) => root.error("FIELD_INVALID", rule));
  draft.equity.push({ asset: "USD", amount: fields.actualEquity.number() });
  draft.margin.push({ asset: "USD", amount: fields.accountMaintMargin.number() });
}

function readBalance(row: JsonValue, draft: SnapshotDraft, profits: Profits): void {
  const fields = row.pick(BALANCE);
  const asset = venueName(fields.asset);
  draft.once(`balance ${asset}`, (rule) => fields.asset.error("FIELD_INVALID", rule));
  const amount = (name: (typeof BALANCE)[number]) => fields[name].number();
  const total = amount("totalWalletBalance");
  const parts = addDecimals(
    amount("crossMarginFree"),
    amount("crossMarginLocked"),
    amount("umWalletBalance"),
    amount("cmWalletBalance"),
  );
  if (compareDecimals(total, parts) !== 0) {
    throw fields.totalWalletBalance.error("FIELD_INVALID", "not the sum of free, locked, UM and CM wallet");
  }
  // Whichever sign they are written with, they are owed.
  const owed = addDecimals(
    ...(["crossMarginBorrowed", "crossMarginInterest", "negativeBalance"] as const).map((name) =>
      absolute(amount(name)),
    ),
  );
  for (const [kind, name] of [
    ["um", "umUnrealizedPNL"],
    ["cm", "cmUnrealizedPNL"],
  ] as const) {
    addProfit(profits, kind, asset, fields[name]);
  }
  draft.balance(asset, total, "wallets");
  draft.balance(asset, negated(owed), "borrowed, with interest");
}

/** One row of `positionRisk`, of either kind of margin. */
function readPosition(row: JsonValue): { position: Position; error: (rule: string) => Error; side: string } {
  const fields = row.pick(
    ["symbol", "positionAmt", "positionSide", "entryPrice", "markPrice"],
    ["unRealizedProfit", "unrealizedProfit", "notionalValue"],
  );
  const symbol = venueName(fields.symbol);
  const error = (rule: string) => fields.symbol.error("FIELD_INVALID", rule);
  const amount = fields.positionAmt.number();
  const side = fields.positionSide.oneOf(["BOTH", "LONG", "SHORT"]);
  if ((side === "LONG" && amount.units < 0n) || (side === "SHORT" && amount.units > 0n)) {
    throw fields.positionAmt.error("FIELD_INVALID", "its sign and positionSide say different things");
  }
  const contract = binanceContract(symbol);
  const profit = (fields.unRealizedProfit ?? fields.unrealizedProfit)?.number();
  const inverse = contract?.inverse === true;
  const size = inverse ? faceOf(contract) : { units: 1n, decimals: 0 };
  if (inverse && amount.units !== 0n) checkFace(fields, amount, size, error);
  const entryPrice = amount.units === 0n ? { units: 0n, decimals: 0 } : fields.entryPrice.number();
  if (amount.units !== 0n && entryPrice.units <= 0n) {
    throw fields.entryPrice.error("FIELD_INVALID", "an open position without an entry price");
  }
  const position = {
    symbol,
    source: { amount, unit: inverse ? "contracts" : (contract?.underlying ?? "units") },
    quantity: multiplied(amount, size),
    entryPrice,
    ...(contract && { contract }),
    ...(profit && { own: profit }),
  };
  return { position, error, side };
}

/** Quote units of face of a contract of coin margin. */
const faceOf = ({ underlying }: Contract): Decimal => ({ units: underlying === "BTC" ? 100n : 10n, decimals: 0 });

/** The file does not say the face of a contract; the value in coin does, through the mark. */
function checkFace(
  { notionalValue, markPrice }: { notionalValue?: JsonValue; markPrice: JsonValue },
  amount: Decimal,
  face: Decimal,
  error: (rule: string) => Error,
): void {
  if (notionalValue === undefined) throw error("without notionalValue nothing says how large a contract is");
  const value = multiplied(notionalValue.number(), markPrice.number());
  const expected = multiplied(amount, face);
  const apart = addDecimals(absolute(value), negated(absolute(expected)));
  if (compareDecimals(absolute(apart), multiplied(absolute(expected), { units: 1n, decimals: 2 })) > 0) {
    throw error("its contracts are not of the size that is known here; nothing is read of it");
  }
}

/** `BTCUSDT`, `BTCUSDT_261225`, `BTCUSD_PERP`, `BTCUSD_261225`; undefined for other names. */
export function binanceContract(symbol: string): Contract | undefined {
  const [, underlying, quote, day] =
    /^([A-Z0-9]{2,20}?)(USDT|USDC|FDUSD|BUSD|USD)(?:_(PERP|\d{6}))?$/.exec(symbol) ?? [];
  if (underlying === undefined || quote === undefined) return undefined;
  const inverse = quote === "USD";
  if (inverse ? day === undefined : day === "PERP") return undefined;
  const expiry = day === undefined || day === "PERP" ? undefined : yearMonthDay(day);
  const kind = expiry === undefined ? "perpetual" : "future";
  return { kind, underlying, quote, settle: inverse ? underlying : quote, inverse, ...(expiry && { expiry }) };
}
