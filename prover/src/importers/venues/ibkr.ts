// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Interactive Brokers: an activity Flex query as XML, with the sections Open Positions (summary) and Cash Report, and perhaps Net Asset
 * Value to compare.
 *
 * Shares and coins are assets. Options are paid for. Futures are settled in cash every day, so they enter at the mark of the statement; the
 * cash report must have the column that says so. Whether an option may be exercised early, and which index a future settles on, is not in
 * the file: only a map or the same name gives these a place. A statement has a date and no time.
 */
import { SaxesParser } from "saxes";
import { type ErrorCode, PlimsollError } from "../../errors.ts";
import type { NamedText } from "../../formats/account.ts";
import { type Decimal, multiplied, parseNumber } from "../../formats/decimal.ts";
import { isLabel } from "../../formats/labels.ts";
import { type Contract, missingFile, type Snapshot, SnapshotDraft } from "./snapshot.ts";

const MAX_LENGTH = 4_000_000;

/** An element with its attributes, at its place. */
interface Row {
  readonly name: string;
  /** Throws `FIELD_INVALID` where it is missing or empty. */
  readonly text: (field: string) => string;
  readonly optional: (field: string) => string | undefined;
  readonly number: (field: string) => Decimal;
  readonly error: (field: string, rule: string) => PlimsollError;
}

/** Reads the statement of one account. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`, naming file, line and field. */
export function readIbkr(files: readonly NamedText[]): Snapshot & { readonly day: string } {
  if (files.length !== 1) throw missingFile("expected one Flex statement", files);
  const rows = elementsOf(files[0]!);
  const named = (name: string) => rows.filter((row) => row.name === name);
  const [failure] = named("FlexStatementResponse");
  if (failure !== undefined) {
    throw failure.error("", "the broker answered with an error, which is not an empty account; export it again");
  }
  const [statement, ...others] = named("FlexStatement");
  if (statement === undefined || others.length > 0) {
    const rule =
      "expected a FlexStatement of one account; import each account alone, and add them up with plimsoll merge";
    throw missingFile(rule, files);
  }
  for (const [section, title] of [
    ["OpenPositions", "Open Positions"],
    ["CashReport", "Cash Report"],
  ] as const) {
    if (named(section).length === 0)
      throw missingFile(`the section ${title} is missing: add it to the Flex query`, files);
  }
  const draft = new SnapshotDraft();
  const day = dateOf(statement, "toDate");
  const cash = named("CashReportCurrency");
  checkCurrencies(cash, files);
  for (const row of cash) readCash(row, draft);
  for (const row of named("OpenPosition")) readPosition(row, cash, draft);
  const currency = named("AccountInformation")[0]?.optional("currency");
  for (const row of named("EquitySummaryByReportDateInBase")) {
    if (currency === undefined || dateOf(row, "reportDate") !== day) continue;
    draft.equity.push({ asset: currency, amount: row.number("total") });
  }
  return Object.assign(draft, { day });
}

function elementsOf({ text, file }: NamedText): Row[] {
  if (text.length > MAX_LENGTH)
    throw new PlimsollError("TOO_LARGE", `expected at most ${MAX_LENGTH} characters`, { file });
  const rows: Row[] = [];
  const parser = new SaxesParser({ position: true, xmlns: false as const });
  const refuse = (code: ErrorCode, rule: string, line: number, field = "") =>
    new PlimsollError(code, rule, { file, line, ...(field !== "" && { field }) });
  // The parser's messages quote the text.
  parser.on("error", () => {
    throw refuse("SYNTAX", "not valid XML", parser.line);
  });
  parser.on("doctype", () => {
    throw refuse("SYNTAX", "a document type, which no statement has", parser.line);
  });
  parser.on("opentag", ({ name, attributes }) => {
    const { line } = parser;
    const error = (field: string, rule: string) => refuse("FIELD_INVALID", rule, line, field);
    const optional = (field: string) => (attributes[field] === "" ? undefined : attributes[field]);
    const given = (field: string) => {
      const value = optional(field);
      if (value === undefined) throw error(field, "missing or empty; add it to the Flex query");
      return value;
    };
    const number = (field: string) => {
      try {
        return parseNumber(given(field).replaceAll(/(?<=\d),(?=\d{3}(?:\D|$))/g, ""));
      } catch (fault) {
        throw fault instanceof PlimsollError && fault.place.file === undefined ? error(field, fault.rule) : fault;
      }
    };
    rows.push({ name, text: given, optional, number, error });
  });
  parser.write(text.replace(/^\uFEFF/, "")).close();
  return rows;
}

/** The sum of all currencies. */
const isBase = (row: Row): boolean => /^base([_ ]summary)?$/i.test(row.text("currency"));

/** A report of the sum alone has all cash and all debts in no currency. */
function checkCurrencies(cash: readonly Row[], files: readonly NamedText[]): void {
  const isEmpty = (row: Row) => isBase(row) && row.number("endingCash").units === 0n;
  if (cash.length > 0 && (cash.some((row) => !isBase(row)) || cash.every(isEmpty))) return;
  throw missingFile("the Cash Report has no currencies: add the breakout by currency to the Flex query", files);
}

function readCash(row: Row, draft: SnapshotDraft): void {
  if (isBase(row)) return;
  const currency = labelOf(row, "currency");
  draft.once(`cash ${currency}`, (rule) => row.error("currency", rule));
  draft.balance(currency, row.number("endingCash"), "ending cash");
}

function readPosition(row: Row, cash: readonly Row[], draft: SnapshotDraft): void {
  if (row.optional("levelOfDetail")?.toUpperCase() === "LOT") return;
  const symbol = labelOf(row, "symbol");
  const category = row.text("assetCategory");
  const position = row.number("position");
  draft.once(`position ${row.optional("conid") ?? symbol}`, (rule) => row.error("symbol", rule));
  const side = row.optional("side")?.toLowerCase();
  if ((side === "long" && position.units < 0n) || (side === "short" && position.units > 0n)) {
    throw row.error("position", "its sign and the side say different things");
  }
  switch (category) {
    case "CASH":
      draft.notes.push(`${symbol}: a currency, which is in the cash report`);
      return;
    case "STK":
    case "CRYPTO":
      draft.balance(symbol, position, category === "STK" ? "shares" : "coins", {
        asset: labelOf(row, "currency"),
        amount: row.number("markPrice"),
      });
      return;
    case "OPT":
    case "FOP":
    case "FUT": {
      const contract = contractOf(row, category);
      const multiplier = row.number("multiplier");
      if (multiplier.units <= 0n) throw row.error("multiplier", "expected the size of a contract, above zero");
      const quantity = multiplied(position, multiplier);
      const source = { amount: position, unit: "contracts" };
      if (category !== "FUT") {
        draft.position({ symbol, contract, source, quantity, own: row.number("positionValue") });
        return;
      }
      const settled = cash.some((each) => each.optional("cashSettlingMtm") !== undefined);
      if (!settled && position.units !== 0n) {
        const rule =
          "a future, and the cash report does not say that its profits are in the cash: add Cash Settling MTM to it";
        throw row.error("assetCategory", rule);
      }
      const own = { units: 0n, decimals: 0 };
      draft.position({ symbol, contract, source, quantity, entryPrice: row.number("markPrice"), own });
      return;
    }
    default:
      draft.unusable.push({ name: symbol, why: "an asset of a category that is not read" });
  }
}

function contractOf(row: Row, category: "OPT" | "FOP" | "FUT"): Contract {
  const currency = labelOf(row, "currency");
  const money = { underlying: labelOf(row, "underlyingSymbol"), quote: currency, settle: currency, inverse: false };
  const open = { ...money, expiry: dateOf(row, "expiry"), byName: true } as const;
  if (category === "FUT") return { kind: "future", ...open };
  const letter = row.text("putCall");
  if (letter !== "C" && letter !== "P") throw row.error("putCall", "expected C or P");
  return { kind: "option", ...open, strike: row.number("strike"), right: letter === "C" ? "call" : "put" };
}

function labelOf(row: Row, field: string): string {
  const text = row.text(field);
  if (isLabel(text) && text.length <= 64) return text;
  // Symbols of options are padded with spaces.
  const plain = text.trim().replaceAll(/ +/g, " ");
  if (isLabel(plain) && plain.length <= 64) return plain;
  throw row.error(field, "expected a name of 1 to 64 characters");
}

/** `20261122`, `2026-11-22`, either with a time behind a semicolon or a comma. */
function dateOf(row: Row, field: string): string {
  const [, year, month, day] = /^(\d{4})-?(\d{2})-?(\d{2})(?:[;,].*)?$/.exec(row.text(field)) ?? [];
  if (year === undefined)
    throw row.error(field, "expected a date such as 20261122; set the query's date format to yyyyMMdd");
  return `${year}-${month}-${day}`;
}
