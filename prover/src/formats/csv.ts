// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Strict CSV: comma-separated, double quotes, lines ending in LF or CRLF, a byte order mark ignored, and a header that
 * is exactly the one expected. Errors name file and line; they never repeat the text, not even of a wrong header, which
 * may be a line of data.
 */
import { CsvError, parse } from "csv-parse/sync";
import { PlimsollError } from "../errors.ts";

const MAX_LENGTH = 2_000_000;
const MAX_LINES = 10_000;
const MAX_LINE_LENGTH = 400;

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
  let seen = false;
  const header = (record: string[]) => {
    seen = true;
    if (record.length === columns.length && record.every((name, index) => name === columns[index])) return [...columns];
    throw new PlimsollError("SYNTAX", `expected the header "${columns.join()}"`, { file, line: 1 });
  };
  try {
    const options = { bom: true, columns: header, info: true, record_delimiter: ["\r\n", "\n"] };
    const rows = parse(text, options) as unknown as { record: CsvRow<Column>["fields"]; info: { lines: number } }[];
    if (!seen) header([]);
    return rows.map(({ record, info }) => ({ line: info.lines, fields: record }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Only place and kind are taken over: the parser's messages quote the text.
    const { code, lines: line } = error as { code: string; lines?: unknown };
    const rule = code === "CSV_RECORD_INCONSISTENT_COLUMNS" ? `expected ${columns.length} fields` : "not valid CSV";
    throw new PlimsollError("SYNTAX", rule, typeof line === "number" ? { file, line } : { file });
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
