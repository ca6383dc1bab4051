// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * OKX: `/api/v5/account/positions`, `/api/v5/account/balance` and `/api/v5/public/instruments`, which says how large a contract is.
 *
 * A currency's cash balance has paid for everything but the profits of open positions, and is below zero where it is owed; its equity is
 * compared with it to know that. What the venue does not take as collateral, and what stands in isolated margin, is left out.
 */
import type { NamedText } from "../../formats/account.ts";
import { absolute, addDecimals, compareDecimals, type Decimal, multiplied, negated } from "../../formats/decimal.ts";
import type { JsonValue } from "../../formats/json.ts";
import {
  type Contract,
  errorBody,
  millisecondsTime,
  missingFile,
  openVenueJson,
  type Position,
  profitsApart,
  type Snapshot,
  SnapshotDraft,
  sizeAt,
  venueName,
  yearMonthDay,
} from "./snapshot.ts";

/** How large one contract is, by the name of its instrument. */
export type ContractSizes = ReadonlyMap<string, Decimal>;

/** Reads the files of one account. Throws `SYNTAX`, `TOO_LARGE`, `FIELD_INVALID` or `UNKNOWN_NAME`, naming file, line and field. */
export function readOkx(files: readonly NamedText[]): Snapshot {
  const draft = new SnapshotDraft();
  const rows = { balance: [] as JsonValue[], position: [] as JsonValue[], instrument: [] as JsonValue[] };
  let empty = 0;
  for (const file of files) {
    const data = okxData(openVenueJson(file));
    const elements = data.elements();
    if (elements.length === 0) empty++;
    for (const element of elements) rows[kindOf(element)].push(element);
  }
  if (rows.position.length === 0 && empty === 0) {
    throw missingFile("the positions are missing: /api/v5/account/positions", files);
  }
  readOkxRows(draft, rows.balance, rows.position, contractSizes(rows.instrument), files);
  return draft;
}

/** The balance of all currencies, and rows of positions. */
export function readOkxRows(
  draft: SnapshotDraft,
  [balance, ...others]: readonly JsonValue[],
  positions: readonly JsonValue[],
  sizes: ContractSizes,
  files: readonly NamedText[],
): void {
  if (balance === undefined || others.length > 0) {
    throw missingFile("expected one answer of /api/v5/account/balance, for all currencies", files);
  }
  const rows = { options: optionFigures(positions), profitable: settlements(positions) };
  const profits = readBalance(balance, draft, rows);
  for (const row of positions) readRow(row, sizes, draft);
  for (const { contract, symbol } of draft.positions) {
    if (contract === undefined || profits.has(contract.settle)) continue;
    throw missingFile(`the balance has no ${contract.settle}, in which ${symbol} is settled`, files);
  }
  for (const [currency, upl] of profits) {
    // Options, margin and isolated positions are in some of these figures, and out of others.
    const held = draft.positions.filter(({ contract }) => contract?.settle === currency);
    const mixed = rows.options.has(currency) || rows.profitable.has(undefined) || draft.unusable.length > 0;
    if (!mixed && profitsApart(applicable(upl), held)) {
      throw upl.error(
        "FIELD_INVALID",
        "not the profits of the positions: one is missing, or the files are not of one minute",
      );
    }
  }
}

/** The list in an answer, or the list alone. */
export function okxData(root: JsonValue): JsonValue {
  if (root.kind === "array") return root;
  const { code, data } = root.pick(["data"], ["code"]);
  if (code !== undefined && code.string() !== "0") throw errorBody(code);
  return data;
}

function kindOf(element: JsonValue): "balance" | "position" | "instrument" {
  const names = element.named();
  if (names.has("details") && names.has("totalEq")) return "balance";
  if (names.has("posSide")) return "position";
  if (names.has("ctVal")) return "instrument";
  throw element.error("FIELD_INVALID", "no answer that is read: positions, balance or instruments");
}

const ZERO: Decimal = { units: 0n, decimals: 0 };
/** A number, and zero for `""`, which this venue writes where a field does not apply to the mode of the account. */
const applicable = (value: JsonValue | undefined): Decimal =>
  value === undefined || (value.kind === "string" && value.string() === "") ? ZERO : value.number();

/** Of a currency with options: their value, and the profits of all its other positions. */
type OptionFigures = ReadonlyMap<string, Decimal>;

function optionFigures(rows: readonly JsonValue[]): OptionFigures {
  const sums = new Map<string, Decimal>();
  const withOptions = new Set<string>();
  for (const row of rows) {
    const { instType, instId, mgnMode, ...fields } = row.pick(["instType", "instId", "mgnMode"], ["upl", "optVal"]);
    const settle = okxContract(venueName(instId))?.settle;
    if (settle === undefined || mgnMode.string() !== "cross") continue;
    const option = instType.string() === "OPTION";
    if (option) withOptions.add(settle);
    sums.set(settle, addDecimals(sums.get(settle) ?? ZERO, applicable(option ? fields.optVal : fields.upl)));
  }
  return new Map([...sums].filter(([settle]) => withOptions.has(settle)));
}

/** What the rows of positions say of the balances. */
interface Rows {
  readonly options: OptionFigures;
  /** Which currencies profits are paid in; undefined where a row does not say it. */
  readonly profitable: ReadonlySet<string | undefined>;
}

const settlements = (rows: readonly JsonValue[]): Rows["profitable"] =>
  new Set(
    rows.flatMap((row) => {
      const { instId, pos } = row.pick(["instId", "pos"]);
      return pos.number().units === 0n ? [] : [okxContract(venueName(instId))?.settle];
    }),
  );

/** Answers with the profit of each currency that it lists. */
function readBalance(row: JsonValue, draft: SnapshotDraft, rows: Rows): ReadonlyMap<string, JsonValue> {
  const { totalEq, details, uTime, mmr } = row.pick(["totalEq", "details", "uTime"], ["mmr"]);
  draft.times.push(millisecondsTime(uTime));
  draft.equity.push({ asset: "USD", amount: totalEq.number() });
  const margin = applicable(mmr);
  if (margin.units !== 0n) draft.margin.push({ asset: "USD", amount: margin });
  checkWhole(totalEq, details);
  return new Map(details.elements().map((detail) => readDetail(detail, draft, rows)));
}

/** An answer for some currencies has the equity of all of them, and may be without the one that is owed. */
function checkWhole(totalEq: JsonValue, details: JsonValue): void {
  const parts = details.elements().map((detail) => detail.pick([], ["eqUsd"]).eqUsd);
  if (parts.some((part) => part === undefined || (part.kind === "string" && part.string() === ""))) return;
  const amounts = parts.map((part) => part!.number());
  const total = totalEq.number();
  const apart = absolute(addDecimals(total, ...amounts.map(negated)));
  const thousandth = multiplied(addDecimals(absolute(total), ...amounts.map(absolute)), { units: 1n, decimals: 3 });
  if (compareDecimals(apart, thousandth) <= 0) return;
  throw details.error("FIELD_INVALID", "not all currencies: their equity is not that of the account");
}

function readDetail(detail: JsonValue, draft: SnapshotDraft, { options, profitable }: Rows): [string, JsonValue] {
  const fields = detail.pick(
    ["ccy", "eq", "cashBal", "upl"],
    ["liab", "interest", "isoEq", "stgyEq", "collateralEnabled"],
  );
  const asset = venueName(fields.ccy);
  draft.once(`balance ${asset}`, (rule) => fields.ccy.error("FIELD_INVALID", rule));
  const [equity, cash, profit] = [fields.eq.number(), fields.cashBal.number(), applicable(fields.upl)];
  if (profit.units !== 0n && !profitable.has(asset) && !profitable.has(undefined)) {
    throw fields.upl.error("FIELD_INVALID", "the balance has a profit of positions that no file of positions has");
  }
  const liability = absolute(applicable(fields.liab));
  const [isolated, strategies] = [applicable(fields.isoEq), applicable(fields.stgyEq)];
  for (const [amount, of] of [
    [isolated, "isolated margin"],
    [strategies, "strategies"],
  ] as const) {
    if (amount.units !== 0n)
      draft.unusable.push({ name: `${asset} in ${of}`, why: `equity in ${of} is in no balance` });
  }
  const free = addDecimals(equity, negated(addDecimals(isolated, strategies)));
  const near = multiplied(addDecimals(absolute(equity), absolute(cash), liability), { units: 1n, decimals: 3 });
  const apart = (owed: Decimal) =>
    [profit, options.get(asset) ?? profit]
      .map((gain) => absolute(addDecimals(free, negated(addDecimals(cash, gain, negated(owed))))))
      .toSorted(compareDecimals)[0]!;
  // Borrowed coins are in the cash balance of some modes, and out of it in others; equity is net of them in all.
  const nearest = [liability, ZERO].toSorted((a, b) => compareDecimals(apart(a), apart(b)))[0]!;
  const owed = compareDecimals(apart(nearest), near) <= 0 ? nearest : undefined;
  if (owed === undefined) {
    draft.unusable.push({ name: asset, why: "its equity is not what cash, profits and liability come to" });
    return [asset, fields.upl];
  }
  if (isOff(fields.collateralEnabled) && cash.units > 0n) {
    draft.unusable.push({ name: asset, why: "the venue does not take it as collateral" });
    return [asset, fields.upl];
  }
  draft.balance(asset, cash, "cash balance");
  draft.balance(asset, negated(owed), "liability");
  draft.balance(asset, negated(absolute(applicable(fields.interest))), "interest accrued");
  return [asset, fields.upl];
}

/** Some programs write what is true or false as a text. */
const isOff = (value: JsonValue | undefined): boolean =>
  value?.kind === "string" ? /^false$/i.test(value.string()) : value?.kind === "boolean" && !value.boolean();

export function contractSizes(instruments: readonly JsonValue[]): ContractSizes {
  const sizes = new Map<string, Decimal>();
  for (const instrument of instruments) {
    const { instId, ctVal, ctMult, ctValCcy } = instrument.pick(["instId", "ctVal", "ctMult"], ["ctValCcy"]);
    // Spot instruments have none.
    if (ctVal.kind === "string" && ctVal.string() === "") continue;
    const name = venueName(instId);
    const contract = okxContract(name);
    const unit = contract?.inverse ? contract.quote : contract?.underlying;
    if (contract !== undefined && ctValCcy !== undefined && ctValCcy.string() !== unit) {
      throw ctValCcy.error("FIELD_INVALID", "the size of this contract is in another currency than its kind has");
    }
    const [size, known] = [multiplied(sizeAt(ctVal), sizeAt(ctMult)), sizes.get(name)];
    if (known !== undefined && compareDecimals(known, size) !== 0) {
      throw instId.error("FIELD_INVALID", "this instrument is there twice, with another size");
    }
    sizes.set(name, size);
  }
  return sizes;
}

function readRow(row: JsonValue, sizes: ContractSizes, draft: SnapshotDraft): void {
  const { instType, instId, mgnMode, pos } = row.pick(["instType", "instId", "mgnMode", "pos"]);
  const symbol = venueName(instId);
  if (pos.number().units === 0n) {
    draft.notes.push(`${symbol}: a row of zero`);
    return;
  }
  if (mgnMode.string() !== "cross") {
    draft.unusable.push({ name: `${symbol} isolated`, why: "isolated margin, whose collateral is in no balance" });
    return;
  }
  if (instType.string() === "MARGIN") {
    draft.notes.push(`${symbol}: what a margin position has bought and owes is in the balances`);
    return;
  }
  const { position, error, side } = readPosition(row, sizes);
  draft.open(symbol, side === "net" ? undefined : side, error);
  if (position.contract === undefined) draft.unusable.push({ name: symbol, why: "an instrument that is not read" });
  else draft.position(position);
}

/** One row of the positions: SWAP, FUTURES or OPTION. Throws `UNKNOWN_NAME` where no file says how large its contract is. */
function readPosition(
  row: JsonValue,
  sizes: ContractSizes,
): { position: Position; error: (rule: string) => Error; side: string } {
  const fields = row.pick(["instType", "instId", "posSide", "pos", "avgPx"], ["upl", "optVal"]);
  const symbol = venueName(fields.instId);
  const error = (rule: string) => fields.instId.error("FIELD_INVALID", rule);
  const side = fields.posSide.oneOf(["long", "short", "net"]);
  const count = fields.pos.number();
  if (side !== "net" && count.units < 0n) {
    throw fields.pos.error("FIELD_INVALID", "below zero, where posSide says the side");
  }
  const amount = side === "short" ? negated(count) : count;
  const contract = okxContract(symbol);
  const size = sizes.get(symbol);
  if (size === undefined) {
    throw fields.instId.error("UNKNOWN_NAME", "no file of /api/v5/public/instruments says how large its contract is");
  }
  const option = contract?.kind === "option";
  const own = option ? fields.optVal : fields.upl;
  const position = {
    symbol,
    source: { amount, unit: "contracts" },
    quantity: multiplied(amount, size),
    ...(option ? {} : { entryPrice: fields.avgPx.number() }),
    ...(contract && { contract }),
    ...(own && { own: own.number() }),
  };
  return { position, error, side };
}

/** `BTC-USDT-SWAP`, `BTC-USD-261225`, `BTC-USD-261225-100000-C`; undefined for other names. */
export function okxContract(name: string): Contract | undefined {
  const pattern = /^([A-Z0-9]+)-(USDT|USDC|USD)-(SWAP|\d{6})(?:-(\d+(?:\.\d+)?)-([CP]))?$/;
  const [, underlying, quote, day, strike, letter] = pattern.exec(name) ?? [];
  if (underlying === undefined || quote === undefined || day === undefined) return undefined;
  const expiry = day === "SWAP" ? undefined : yearMonthDay(day);
  const settle = quote === "USD" ? underlying : quote;
  if (strike === undefined) {
    const kind = expiry === undefined ? "perpetual" : "future";
    return { kind, underlying, quote, settle, inverse: quote === "USD", ...(expiry && { expiry }) };
  }
  if (expiry === undefined) return undefined;
  const [whole, fraction = ""] = strike.split(".");
  const units = { units: BigInt(`${whole}${fraction}`), decimals: fraction.length };
  const right = letter === "C" ? "call" : "put";
  return { kind: "option", underlying, quote, settle, inverse: false, expiry, strike: units, right };
}
