// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Any table, by a small map that says which columns it has and how it writes numbers and dates:
 *
 *   { "format": "plimsoll-csv-map/1", "columns": { "asset": "Currency", "amount": "Closing balance" }, "decimal": "comma",
 *     "thousands": "point", "negative": "brackets", "date": "dd.mm.yyyy", "at": "17:00:00" }
 *
 * Columns are `asset` and `amount` (balances), or `symbol` and `quantity`, and perhaps `entryPrice` (positions); and perhaps `time`. A map
 * is followed by the tables that it is of. A position without `entryPrice` has been paid for in full.
 */
import { PlimsollError } from "../../errors.ts";
import { type NamedText, nameFault } from "../../formats/account.ts";
import { readTable } from "../../formats/csv.ts";
import {
  DECIMAL_SIGNS,
  type Decimal,
  type NumberStyle,
  negated,
  parseAmount,
  THOUSANDS_SIGNS,
} from "../../formats/decimal.ts";
import { type JsonValue, parseJson } from "../../formats/json.ts";
import { isLabel, LABEL_RULE } from "../../formats/labels.ts";
import { isTime } from "../../formats/time.ts";
import { missingFile, type Snapshot, SnapshotDraft } from "./snapshot.ts";

const FIELDS = ["asset", "amount", "symbol", "quantity", "entryPrice", "time"] as const;
const NEGATIVES = ["minus", "brackets", "behind"] as const;
const DATES = ["iso", "yyyy-mm-dd", "dd.mm.yyyy", "dd/mm/yyyy", "mm/dd/yyyy"] as const;

interface CsvMap extends NumberStyle {
  readonly columns: Readonly<Partial<Record<(typeof FIELDS)[number], string>>>;
  readonly negative: (typeof NEGATIVES)[number];
  readonly date: (typeof DATES)[number];
  /** Time of day, UTC, of dates alone. */
  readonly at?: string;
}

/** Reads maps and tables. Throws `SYNTAX`, `TOO_LARGE` or `FIELD_INVALID`, naming file, line and column. */
export function readCsv(files: readonly NamedText[]): Snapshot {
  const draft = new SnapshotDraft();
  let map: CsvMap | undefined;
  let tables = 0;
  for (const file of files) {
    if (/^\uFEFF?\s*\{/.test(file.text)) {
      map = readMap(file);
      continue;
    }
    if (map === undefined) throw missingFile("give the map of the columns (JSON) before the table", [file]);
    readRows(file, map, draft);
    tables++;
  }
  if (tables === 0) throw missingFile("a map of columns without a table", files);
  return draft;
}

function readMap({ text, file }: NamedText): CsvMap {
  const top = parseJson(text, file, { length: 20_000, values: 100 }).fields(
    ["format", "columns", "decimal"],
    ["thousands", "negative", "date", "at"],
  );
  top.format.literal("plimsoll-csv-map/1");
  const columns = Object.fromEntries(
    Object.entries<JsonValue | undefined>(top.columns.fields([], FIELDS)).map(([name, value]) => [
      name,
      value!.label(),
    ]),
  ) as CsvMap["columns"];
  const pairs = [columns.asset && columns.amount, columns.symbol && columns.quantity].filter(Boolean).length;
  if (pairs !== 1) {
    throw top.columns.error("FIELD_INVALID", "expected the columns asset and amount, or symbol and quantity");
  }
  const at = top.at?.string();
  if (at !== undefined && !isTime(`2000-01-01T${at}Z`)) throw top.at!.error("FIELD_INVALID", 'expected "17:00:00"');
  return {
    columns,
    decimal: top.decimal.oneOf(DECIMAL_SIGNS),
    thousands: top.thousands?.oneOf(THOUSANDS_SIGNS),
    negative: top.negative?.oneOf(NEGATIVES) ?? "minus",
    date: top.date?.oneOf(DATES) ?? "iso",
    ...(at !== undefined && { at }),
  };
}

/** What exports call the column that says whose a row is. Case, spaces and joining signs do not count. */
const ACCOUNT_COLUMNS = [
  ...["account", "account id", "account no", "account no.", "account number", "account name", "account code"],
  ...["sub account", "sub account id", "sub account name", "portfolio", "portfolio id", "portfolio name"],
  ...["client", "client id", "konto", "kontonummer", "depot", "depotnummer"],
];

/** Rows of several accounts would become one account, worth what all of them hold. */
function checkOneAccount(
  rows: readonly { readonly line: number; readonly fields: Readonly<Record<string, string | undefined>> }[],
  file: string,
): void {
  for (const column of ACCOUNT_COLUMNS) {
    const accounts = new Set(rows.map(({ fields }) => fields[column]?.trim() ?? "").filter((each) => each !== ""));
    if (accounts.size <= 1) continue;
    const rule = `the column says ${accounts.size} different accounts; give the rows of one, and add accounts up with plimsoll merge. If all rows are of one account, rename the column`;
    throw new PlimsollError("FIELD_INVALID", rule, { file, line: 1, field: column });
  }
}

function readRows({ text, file }: NamedText, map: CsvMap, draft: SnapshotDraft): void {
  const { columns } = map;
  const names = Object.values(columns);
  const { rows } = readTable<string, string>(text, file, names, ACCOUNT_COLUMNS);
  checkOneAccount(rows, file);
  const amounts: string[] = [];
  for (const { line, fields } of rows) {
    const at = <T>(field: (typeof FIELDS)[number], read: (cell: string) => T): T => {
      const column = columns[field]!;
      try {
        return read(fields[column]!.trim());
      } catch (error) {
        throw error instanceof PlimsollError ? error.at({ file, line, field: column }) : error;
      }
    };
    const key = columns.asset === undefined ? "symbol" : "asset";
    const name = at(key, (cell) => cell);
    const fault = nameFault(name);
    if (fault?.startsWith("a row of totals")) {
      // A total of something may be something: "Total loans".
      const plain = /^(?:sub|grand|sum)?[ -]?(?:totals?|sum(?:me)?|gesamt(?:summe)?):?$/i.test(name);
      if (plain) draft.notes.push(`line ${line}: a row of totals`);
      else draft.unusable.push({ name: at(key, shortName), why: "a row of totals, by its name" });
      continue;
    }
    at(key, () => {
      if (fault !== undefined) throw new PlimsollError("FIELD_INVALID", fault);
      shortName(name);
      draft.once(`${key} ${name}`, (rule) => new PlimsollError("FIELD_INVALID", rule));
    });
    const amount = at(key === "asset" ? "amount" : "quantity", (cell) => {
      amounts.push(cell);
      return readAmount(cell, map);
    });
    if (columns.time !== undefined) draft.times.push(at("time", (cell) => readDate(cell, map)));
    if (key === "asset") {
      draft.balance(name, amount, "balance");
      continue;
    }
    const entryPrice =
      columns.entryPrice === undefined || at("entryPrice", (cell) => cell) === ""
        ? undefined
        : at("entryPrice", (cell) => readAmount(cell, map));
    const source = { amount, unit: "units" };
    draft.position({ symbol: name, source, quantity: amount, ...(entryPrice && { entryPrice }) });
  }
  const sign = map.decimal === "comma" ? "," : ".";
  if (amounts.length > 0 && amounts.every((cell) => new RegExp(`^\\(?-?\\d{1,3}[${sign}]\\d{3}\\)?-?$`).test(cell))) {
    draft.notes.push(`${file}: every amount has exactly three decimals; was ${map.decimal} meant as the decimal sign?`);
  }
}

function shortName(name: string): string {
  if (!isLabel(name) || name.length > 64) throw new PlimsollError("FIELD_INVALID", LABEL_RULE);
  return name;
}

/** An amount as the map says that it is written. Spaces around it do not count, nor ones that do not break. */
function readAmount(cell: string, map: CsvMap): Decimal {
  const [, inBrackets] = map.negative === "brackets" ? (/^\((.*)\)$/.exec(cell) ?? []) : [];
  const [, before] = map.negative === "behind" ? (/^(.*?)\s*-$/.exec(cell) ?? []) : [];
  const positive = inBrackets ?? before;
  if (positive?.startsWith("-")) {
    throw new PlimsollError("FIELD_INVALID", "two signs in one amount");
  }
  const amount = amountBy(map, (positive ?? cell).trim());
  return positive === undefined ? amount : negated(amount);
}

/** Here a map says what options say of other tables. */
function amountBy(map: CsvMap, text: string): Decimal {
  try {
    return parseAmount(text, map);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    const rule = error.rule.replace(
      /, or give --.*$/,
      '; "decimal" and "thousands" of the map say how amounts are written',
    );
    throw new PlimsollError(error.code, rule, error.place);
  }
}

const PATTERNS: Readonly<Record<Exclude<CsvMap["date"], "iso">, RegExp>> = {
  "yyyy-mm-dd": /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)/,
  "dd.mm.yyyy": /^(?<day>\d\d)\.(?<month>\d\d)\.(?<year>\d{4})/,
  "dd/mm/yyyy": /^(?<day>\d\d)\/(?<month>\d\d)\/(?<year>\d{4})/,
  "mm/dd/yyyy": /^(?<month>\d\d)\/(?<day>\d\d)\/(?<year>\d{4})/,
};

function readDate(cell: string, { date, at }: CsvMap): string {
  const found = date === "iso" ? undefined : PATTERNS[date].exec(cell);
  const { year, month, day } = found?.groups ?? {};
  const [, written] = /^[ T](\d\d:\d\d:\d\d)Z?$/.exec(cell.slice(found?.[0].length ?? 0)) ?? [];
  const clock = written ?? (found?.[0] === cell ? at : undefined);
  const time = date === "iso" ? cell : `${year}-${month}-${day}T${clock}Z`;
  if (isTime(time)) return time;
  const rule = `expected a time in the form ${date}${date === "iso" ? ", 2026-11-22T08:00:00Z" : ' 08:00:00, or a date and "at" in the map'}`;
  throw new PlimsollError("FIELD_INVALID", rule);
}
