// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * CSV as spreadsheets write it: comma, semicolon or tab between fields, double quotes, lines ending in LF or CRLF, a byte
 * order mark ignored. Columns are found by their names, in any order and case. Empty rows at the end are skipped; one
 * between others is refused. Errors name file and line; they never repeat the text, not even of a wrong header, which
 * may be a line of data.
 */
import { CsvError, parse } from "csv-parse/sync";
import { PlimsollError } from "../errors.ts";
import { isLabel } from "./labels.ts";

const MAX_LENGTH = 2_000_000;
const MAX_LINES = 10_000;
/** Exports have many columns. */
const MAX_LINE_LENGTH = 2_000;

/** A row by column, with the line on which it ends. */
export interface CsvRow<Column extends string> {
  readonly line: number;
  readonly fields: { readonly [Name in Column]: string };
}

export interface CsvTable<Required extends string, Optional extends string> {
  readonly rows: readonly {
    readonly line: number;
    readonly fields: { readonly [Name in Required]: string } & { readonly [Name in Optional]?: string };
  }[];
  /** Columns that are not among those asked for, by their names in the header. */
  readonly ignored: readonly string[];
}

/** Reads a table that has these columns and no others. Throws `TOO_LARGE` or `SYNTAX`. Does not interpret the fields. */
export function parseCsv<Column extends string>(
  text: string,
  file: string,
  columns: readonly Column[],
): readonly CsvRow<Column>[] {
  const { rows, ignored } = readTable(text, file, columns);
  if (ignored.length > 0) throw badHeader(columns, "found other columns as well", file);
  return rows as readonly CsvRow<Column>[];
}

/** Reads a table that has these columns, and perhaps the optional ones and others. Throws `TOO_LARGE` or `SYNTAX`. */
export function readTable<Required extends string, Optional extends string = never>(
  text: string,
  file: string,
  required: readonly Required[],
  optional: readonly Optional[] = [],
): CsvTable<Required, Optional> {
  checkLimits(text, file);
  const [header, ...records] = recordsOf(text, file);
  const { columns, ignored } = columnsOf(header?.cells ?? [], file, required, optional);
  const rows: { line: number; fields: Record<string, string> }[] = [];
  let empty: number | undefined;
  for (const { cells, line } of records) {
    if (cells.every((cell) => cell.trim() === "")) {
      empty ??= line;
      continue;
    }
    if (empty !== undefined) throw new PlimsollError("SYNTAX", "an empty row between others", { file, line: empty });
    if (cells.length !== header!.cells.length) {
      const hint =
        cells.length > header!.cells.length ? "; a field that has the separator in it must be in quotes" : "";
      const rule = `expected ${header!.cells.length} fields, found ${cells.length}${hint}`;
      throw new PlimsollError("SYNTAX", rule, { file, line });
    }
    rows.push({ line, fields: Object.fromEntries(columns.map(([name, index]) => [name, cells[index]!])) });
  }
  return { rows: rows as never, ignored };
}

export interface CsvRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

function recordsOf(text: string, file: string): CsvRecord[] {
  try {
    const records = parse(text, csvOptions(text)) as unknown as ParsedRecord[];
    return records.map(recordOf);
  } catch (error) {
    throw csvError(error, file);
  }
}

/** A record as the parser gives it. */
export interface ParsedRecord {
  readonly record: string[];
  readonly info: { readonly lines: number };
}
export const recordOf = ({ record, info }: ParsedRecord): CsvRecord => ({ cells: record, line: info.lines });

/** How the parser reads a text, of which the beginning is enough. */
export function csvOptions(beginning: string) {
  const firstLine = /^\uFEFF?([^\r\n]*)/.exec(beginning)?.[1] ?? "";
  // No column of ours has one of these in its name, and others may.
  const count = (sign: string) => firstLine.split(sign).length;
  const delimiter = [",", ";", "\t"].reduce((most, sign) => (count(sign) > count(most) ? sign : most));
  return { bom: true, delimiter, info: true, record_delimiter: ["\r\n", "\n"], relax_column_count: true };
}

/** An error of the parser as one of ours. Only the place is taken over: its messages quote the text. */
export function csvError(error: unknown, file: string): unknown {
  if (!(error instanceof CsvError)) return error;
  const { lines: line } = error as { lines?: unknown };
  return new PlimsollError("SYNTAX", "not valid CSV", typeof line === "number" ? { file, line } : { file });
}

/** Case, spaces and joining signs do not distinguish columns. */
const folded = (name: string) => name.toLowerCase().replace(/[\s_-]/g, "");

/** Where each known column is, and what the others are called. Throws `SYNTAX` for a header without a required one. */
export function columnsOf(
  header: readonly string[],
  file: string,
  required: readonly string[],
  optional: readonly string[],
) {
  const found = new Map<string, number>();
  const ignored: string[] = [];
  for (const [index, cell] of header.entries()) {
    const name = [...required, ...optional].find((known) => folded(known) === folded(cell));
    if (name === undefined) ignored.push(isLabel(cell) && cell.length <= 40 ? cell : `column ${index + 1}`);
    else if (found.has(name)) throw badHeader(required, `the column "${name}" is there twice`, file);
    else found.set(name, index);
  }
  const missing = required.find((name) => !found.has(name));
  if (missing !== undefined) throw badHeader(required, `the column "${missing}" is missing`, file);
  return { columns: [...found], ignored };
}

const badHeader = (columns: readonly string[], why: string, file: string) =>
  new PlimsollError("SYNTAX", `expected the header "${columns.join()}": ${why}`, { file, line: 1 });

function checkLimits(text: string, file: string): void {
  if (text.length > MAX_LENGTH) {
    throw new PlimsollError("TOO_LARGE", `expected at most ${MAX_LENGTH} characters`, { file });
  }
  let line = 1;
  for (let start = 0; start < text.length; line++) {
    const end = text.indexOf("\n", start);
    const length = (end === -1 ? text.length : end) - start;
    if (length > MAX_LINE_LENGTH) {
      throw new PlimsollError("TOO_LARGE", `expected at most ${MAX_LINE_LENGTH} characters in a line`, { file, line });
    }
    if (line > MAX_LINES) throw new PlimsollError("TOO_LARGE", `expected at most ${MAX_LINES} lines`, { file, line });
    if (end === -1) break;
    start = end + 1;
  }
}
