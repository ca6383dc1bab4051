// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Deribit: `private/get_positions` and `private/get_account_summary` or `…summaries`, as answered or their `result` alone.
 *
 * Futures are settled into the balance every day, so a position's average price is no price that the balance has still to pay. What
 * holds at any moment is the equity of a currency: it has the profits of its futures at their marks, and the value of its options. So a
 * balance is equity less the value of options, futures enter at the venue's mark, and options are paid for.
 */
import type { NamedText } from "../../formats/account.ts";
import {
  absolute,
  addDecimals,
  compareDecimals,
  type Decimal,
  multiplied,
  negated,
  parseNumber,
} from "../../formats/decimal.ts";
import type { JsonValue } from "../../formats/json.ts";
import {
  type Contract,
  dayMonthYear,
  millisecondsTime,
  missingFile,
  openVenueJson,
  type Position,
  refuseError,
  type Snapshot,
  SnapshotDraft,
  venueName,
} from "./snapshot.ts";

/** Reads the files of one account. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`, naming file, line and field. */
export function readDeribit(files: readonly NamedText[]): Snapshot {
  const draft = new SnapshotDraft();
  const answers = files.map((file) => resultOf(openVenueJson(file), draft));
  if (!answers.some(isPositions)) throw missingFile("the positions are missing: private/get_positions", files);
  const positions = answers.filter(isPositions).flatMap((answer) => answer.elements());
  const summaries = answers.filter((answer) => !isPositions(answer)).flatMap(summariesOf);
  if (summaries.length === 0) throw missingFile("the balances are missing: private/get_account_summaries", files);
  readDeribitRows(draft, summaries, positions);
  return draft;
}

/** Rows of account summaries and of positions. */
export function readDeribitRows(
  draft: SnapshotDraft,
  summaries: readonly JsonValue[],
  positions: readonly JsonValue[],
): void {
  const optionsValue: OptionsValue = new Map();
  for (const summary of summaries) readSummary(summary, draft, optionsValue);
  for (const element of positions) {
    const { position, error } = readPosition(element);
    draft.once(`position ${position.symbol}`, error);
    if (position.contract === undefined) {
      draft.unusable.push({ name: position.symbol, why: "a combination, or a name that is not read" });
      continue;
    }
    if (!optionsValue.has(position.contract.settle)) throw error("the account summary of its currency is missing");
    draft.position(position);
  }
  for (const [currency, { value, at, profit }] of optionsValue) {
    const held = draft.positions.filter(({ contract }) => contract?.settle === currency);
    if (profit !== undefined && held.length === 0 && draft.unusable.length === 0) {
      throw profit.error("FIELD_INVALID", "the summary has a profit of positions that no file of positions has");
    }
    const options = held.filter(({ contract }) => contract?.kind === "option");
    if (value.units !== 0n && options.length === 0) {
      throw at.error("FIELD_INVALID", "the summary counts options that no file of positions has");
    }
    if (isApart(value, options)) throw at.error("FIELD_INVALID", "not what the options of the positions are worth");
  }
}

/** Value of the options of each currency, and the profit of the session where there is one. */
type OptionsValue = Map<string, { readonly value: Decimal; readonly at: JsonValue; readonly profit?: JsonValue }>;

/** By more than a quarter of all options, and a tick of 0.0001 for each: what moves between two answers is less. */
function isApart(value: Decimal, options: readonly Position[]): boolean {
  const sum = addDecimals(...options.map(({ own }) => own!));
  const quarter = options.map(({ own }) => multiplied(absolute(own!), { units: 25n, decimals: 2 }));
  const ticks = options.map(({ quantity }) => multiplied(absolute(quantity), { units: 1n, decimals: 4 }));
  return compareDecimals(absolute(addDecimals(value, negated(sum))), addDecimals(...quarter, ...ticks)) > 0;
}

/** What an answer is about: itself where it was unwrapped. */
export function resultOf(root: JsonValue, draft: SnapshotDraft): JsonValue {
  if (root.kind !== "object") return root;
  const { error, result, testnet, usOut } = root.pick([], ["error", "result", "testnet", "usOut"]);
  refuseError(error);
  if (testnet?.kind === "boolean" && testnet.boolean()) throw testnet.error("FIELD_INVALID", "from the test network");
  if (usOut !== undefined) draft.times.push(millisecondsTime(usOut, 1000n));
  return result ?? root;
}

function isPositions(answer: JsonValue): boolean {
  if (answer.kind !== "array") return false;
  const [first] = answer.elements();
  return first === undefined || first.named().has("instrument_name");
}

export function summariesOf(answer: JsonValue): readonly JsonValue[] {
  if (answer.kind === "array") return answer.elements();
  const { summaries } = answer.pick([], ["summaries"]);
  return summaries?.elements() ?? [answer];
}

function readSummary(summary: JsonValue, draft: SnapshotDraft, optionsValue: OptionsValue): void {
  const fields = summary.pick(
    ["currency", "equity", "options_value", "maintenance_margin"],
    ["cross_collateral_enabled", "session_upl"],
  );
  const currency = venueName(fields.currency);
  draft.once(`summary ${currency}`, (rule) => fields.currency.error("FIELD_INVALID", rule));
  const [equity, options] = [fields.equity.number(), fields.options_value.number()];
  const profit = fields.session_upl?.number().units === 0n ? undefined : fields.session_upl;
  optionsValue.set(currency, { value: options, at: fields.options_value, ...(profit && { profit }) });
  draft.balance(currency, addDecimals(equity, negated(options)), "equity less the value of options");
  if (equity.units !== 0n) draft.equity.push({ asset: currency, amount: equity });
  const margin = fields.maintenance_margin.number();
  // With cross collateral, every currency repeats the margin of all.
  const shared = fields.cross_collateral_enabled?.boolean() === true && draft.margin.length > 0;
  if (margin.units !== 0n && !shared) draft.margin.push({ asset: currency, amount: margin });
}

/** One row of `get_positions`. Its contract is undefined where the name is none that is read. */
function readPosition(element: JsonValue): { position: Position; error: (rule: string) => Error } {
  const fields = element.pick(
    ["instrument_name", "direction", "size", "mark_price"],
    ["size_currency", "floating_profit_loss"],
  );
  const symbol = venueName(fields.instrument_name);
  const error = (rule: string) => fields.instrument_name.error("FIELD_INVALID", rule);
  const size = fields.size.number();
  const sign = { buy: 1, sell: -1, zero: 0 }[fields.direction.oneOf(["buy", "sell", "zero"])];
  if (Math.sign(Number(size.units)) !== sign) {
    throw fields.size.error("FIELD_INVALID", "its sign and the direction say different things");
  }
  const contract = deribitContract(symbol);
  const mark = fields.mark_price.number();
  const option = contract?.kind === "option";
  const unit = option || contract?.inverse === false ? (contract?.underlying ?? "") : (contract?.quote ?? "units");
  if (contract !== undefined && !option && fields.size_currency !== undefined && sign !== 0) {
    checkUnit(contract, size, fields.size_currency, mark);
  }
  // An option's mark is in the currency that it settles in. Equity has the profit of a future already.
  const basis = option ? { own: multiplied(size, mark) } : { entryPrice: mark, own: { units: 0n, decimals: 0 } };
  const position = { symbol, source: { amount: size, unit }, quantity: size, ...basis };
  return { position: { ...position, ...(contract && { contract }) }, error };
}

/** `size` is in quote units for inverse contracts and in units of the base for others; `size_currency` tells which. */
function checkUnit({ inverse }: Contract, size: Decimal, sizeCurrency: JsonValue, mark: Decimal): void {
  const inBase = sizeCurrency.number();
  const expected = inverse ? multiplied(inBase, mark) : inBase;
  const apart = addDecimals(size, negated(expected));
  const twentieth = multiplied(size, { units: 5n, decimals: 2 });
  if (compareDecimals(absolute(apart), absolute(twentieth)) > 0) {
    throw sizeCurrency.error("FIELD_INVALID", "size and size_currency are not of the units that this contract has");
  }
}

const NAME = /^([A-Z0-9]+)(?:_([A-Z]+))?-(PERPETUAL|\d{1,2}[A-Z]{3}\d{2})(?:-(\d+(?:d\d+)?)-([CP]))?$/;

/** `BTC-PERPETUAL`, `BTC-25DEC26`, `BTC-25DEC26-100000-C`, `XRP_USDC-25DEC26-0d55-P`; undefined for other names. */
export function deribitContract(name: string): Contract | undefined {
  const [, underlying, other, day, strike, letter] = NAME.exec(name) ?? [];
  if (underlying === undefined || day === undefined) return undefined;
  const expiry = day === "PERPETUAL" ? undefined : dayMonthYear(day);
  if (day !== "PERPETUAL" && expiry === undefined) return undefined;
  const money = { underlying, quote: other ?? "USD", settle: other ?? underlying };
  if (strike === undefined) {
    const kind = expiry === undefined ? "perpetual" : "future";
    return { kind, ...money, inverse: other === undefined, ...(expiry && { expiry }) };
  }
  if (expiry === undefined) return undefined;
  const right = letter === "C" ? "call" : "put";
  return { kind: "option", ...money, inverse: false, expiry, strike: parseNumber(strike.replace("d", ".")), right };
}
