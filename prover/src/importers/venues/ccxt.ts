// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * CCXT: what `fetchPositions` and `fetchBalance` return, as JSON.
 *
 * Its unified numbers differ between venues and releases in unit and sign, so quantities are taken from `info`, the venue's own answer,
 * where the venue is Deribit, Binance portfolio margin or OKX. Of other venues the unified numbers are read and marked approximate:
 * nothing is proven of an account with one.
 */
import type { NamedText } from "../../formats/account.ts";
import { type Decimal, multiplied, negated, parseNumber } from "../../formats/decimal.ts";
import type { JsonValue } from "../../formats/json.ts";
import { readBinanceRows } from "./binance.ts";
import { readDeribitRows, resultOf, summariesOf } from "./deribit.ts";
import { contractSizes, okxContract, okxData, readOkxRows } from "./okx.ts";
import {
  type Contract,
  millisecondsTime,
  missingFile,
  nameAt,
  openVenueJson,
  refuseError,
  type Snapshot,
  SnapshotDraft,
  sizeAt,
  venueName,
  yearMonthDay,
} from "./snapshot.ts";

/** Reads the files of one account at one venue. Throws `SYNTAX`, `TOO_LARGE`, `FIELD_INVALID` or `UNKNOWN_NAME`. */
export function readCcxt(files: readonly NamedText[]): Snapshot {
  const draft = new SnapshotDraft();
  const positions: JsonValue[] = [];
  const balances: JsonValue[] = [];
  /** Of OKX. */
  const instruments: JsonValue[] = [];
  let flat = false;
  for (const file of files) {
    const root = openVenueJson(file);
    if (root.kind === "array") {
      positions.push(...root.elements());
      flat ||= root.elements().length === 0;
    } else if (root.named().has("info")) balances.push(root);
    else if (root.named().has("data")) instruments.push(...okxData(root).elements());
    else throw root.error("FIELD_INVALID", "expected what fetchPositions or fetchBalance returns, with info");
  }
  if (balances.length !== 1) throw missingFile("expected what one fetchBalance returns, and fetchPositions", files);
  if (positions.length === 0 && !flat) throw missingFile("the positions are missing: fetchPositions", files);
  const [balance] = balances as [JsonValue];
  const { info, timestamp } = balance.pick(["info"], ["timestamp"]);
  if (timestamp?.kind === "number") draft.times.push(millisecondsTime(timestamp));
  const rows = positions.map((position) => position.pick(["info"]).info);
  const has = (name: string) => [info, ...rows].some((each) => hasField(each, name));
  if (has("instrument_name") || has("options_value") || has("summaries")) {
    readDeribitRows(draft, summariesOf(resultOf(info, draft)), rows);
  } else if (has("positionAmt") || has("totalWalletBalance")) {
    if (info.kind !== "array") throw info.error("FIELD_INVALID", "no balance of portfolio margin (papi)");
    readBinanceRows(draft, [...info.elements(), ...rows], flat, files);
  } else if (has("posSide") || has("totalEq")) {
    const sizes = new Map([...sizesOf(positions), ...contractSizes(instruments)]);
    readOkxRows(draft, okxData(info).elements(), rows, sizes, files);
  } else {
    readUnified(draft, balance, positions);
  }
  return draft;
}

/** Whether the value, an element of it, or what is in its `result` or `data` has a field of this name. */
function hasField(value: JsonValue, name: string): boolean {
  if (value.kind === "array") {
    const [first] = value.elements();
    return first !== undefined && hasField(first, name);
  }
  if (value.kind !== "object") return false;
  const names = value.named();
  refuseError(names.get("error"));
  const inner = names.get("result") ?? names.get("data");
  return names.has(name) || (inner !== undefined && hasField(inner, name));
}

/**
 * Sizes of contracts from the unified positions, which CCXT takes from the venue's list of instruments: `ctVal` alone, so those of options,
 * which have a multiplier as well, are not taken.
 */
const sizesOf = (positions: readonly JsonValue[]): ReadonlyMap<string, Decimal> =>
  new Map(
    positions.flatMap((position) => {
      const { info, contractSize } = position.pick(["info"], ["contractSize"]);
      if (contractSize === undefined || contractSize.kind === "null") return [];
      const name = venueName(info.pick(["instId"]).instId);
      const { kind } = okxContract(name) ?? {};
      return kind === undefined || kind === "option" ? [] : [[name, sizeAt(contractSize)] as const];
    }),
  );

function readUnified(draft: SnapshotDraft, balance: JsonValue, positions: readonly JsonValue[]): void {
  const { total, debt } = balance.pick(["total"], ["debt"]);
  for (const [name, value] of total.named())
    draft.balance(nameAt(name, value), value.number(), "total, as CCXT has it");
  for (const [name, value] of debt?.named() ?? []) {
    draft.balance(nameAt(name, value), negated(value.number()), "debt, as CCXT has it");
  }
  if (draft.balances.length > 0) draft.approximate.push("balances");
  for (const each of positions) {
    const fields = each.pick(["symbol", "side", "contracts", "contractSize", "entryPrice"], ["unrealizedPnl"]);
    const symbol = venueName(fields.symbol);
    const [contracts, size] = [fields.contracts.number(), sizeAt(fields.contractSize)];
    if (contracts.units < 0n) throw fields.contracts.error("FIELD_INVALID", "below zero, where side says the side");
    const count = multiplied(contracts, size);
    const contract = unifiedContract(symbol);
    if (contract === undefined) {
      draft.unusable.push({ name: symbol, why: "a name that is not read" });
      continue;
    }
    const short = contracts.units !== 0n && fields.side.oneOf(["long", "short"]) === "short";
    draft.once(`${symbol} ${short}`, (rule) => fields.symbol.error("FIELD_INVALID", rule));
    draft.position({
      symbol,
      contract,
      source: { amount: short ? negated(contracts) : contracts, unit: "contracts" },
      quantity: short ? negated(count) : count,
      ...(contract.kind !== "option" && contracts.units !== 0n && { entryPrice: fields.entryPrice.number() }),
    });
    if (contracts.units !== 0n) draft.approximate.push(symbol);
  }
}

/** `BTC/USDT:USDT`, `BTC/USD:BTC-261225`, `BTC/USD:BTC-261225-100000-C`; undefined for other names. */
export function unifiedContract(symbol: string): Contract | undefined {
  const pattern = /^([A-Z0-9]+)\/([A-Z0-9]+):([A-Z0-9]+)(?:-(\d{6})(?:-(\d+(?:\.\d+)?)-([CP]))?)?$/;
  const [, underlying, quote, settle, day, strike, letter] = pattern.exec(symbol) ?? [];
  if (underlying === undefined || quote === undefined || settle === undefined) return undefined;
  const expiry = day === undefined ? undefined : yearMonthDay(day);
  const money = { underlying, quote, settle, ...(expiry && { expiry }) };
  if (strike !== undefined) {
    const right = letter === "C" ? "call" : "put";
    return { kind: "option", ...money, inverse: false, strike: parseNumber(strike), right };
  }
  return { kind: expiry === undefined ? "perpetual" : "future", ...money, inverse: settle === underlying };
}
