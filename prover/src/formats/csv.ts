// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Strict CSV: comma-separated, double quotes, lines ending in LF or CRLF, a byte order mark ignored, and a header that
 * is exactly the one expected. Errors name file and line; they never repeat the text, not even of a wrong header, which
 * may be a line of data.
 */
import { CsvError, parse } from "csv-parse/sync";
import { PlimsollError } from "../errors.ts";

const MAX_LENGTH = 4_000_000;
const MAX_LINES = 20_000;
const MAX_LINE_LENGTH = 1_000;

/** A row by column, with the line on which it ends. */
export interface CsvRow<Column extends string> {
  readonly line: number;
  readonly fields: { readonly [Name in Column]: string };
}

/** Reads a table with exactly these columns. Throws `TOO_LARGE` or `SYNTAX`. Does not interpret the fields. */
export function parseCsv<Column extends string>(
  text: string,
  file: string,
  columns: readonly Column[],
): CsvRow<Column>[] {
  checkLimits(text, file);
  const [header, ...rows] = records(text, file);
  if (header === undefined || header.record.join() !== columns.join()) {
    throw new PlimsollError("SYNTAX", `expected the header "${columns.join()}"`, { file, line: header?.line ?? 1 });
  }
  return rows.map(({ record, line }) => {
    if (record.length !== columns.length) {
      throw new PlimsollError("SYNTAX", `expected ${columns.length} fields, found ${record.length}`, { file, line });
    }
    const fields = Object.fromEntries(columns.map((column, index) => [column, record[index]!]));
    return { line, fields: fields as { [Name in Column]: string } };
  });
}

function records(text: string, file: string): { record: string[]; line: number }[] {
  try {
    const parsed = parse(text, {
      bom: true,
      info: true,
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return parsed.map(({ record, info }) => ({ record, line: info.lines }));
  } catch (error) {
    // Only the place is taken over: the parser's messages quote the text.
    if (!(error instanceof CsvError)) throw error;
    const line = (error as { lines?: unknown }).lines;
    throw new PlimsollError("SYNTAX", "not valid CSV", typeof line === "number" ? { file, line } : { file });
  }
}

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
