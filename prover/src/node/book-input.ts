// SPDX-License-Identifier: GPL-3.0-or-later
/** The accounts of a book from a file of any length: CSV, or a line of JSON for each account; packed by gzip or not. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { parse } from "csv-parse";
import { PlimsollError } from "../errors.ts";
import { type BookAccount, readAccountLine } from "../formats/account.ts";
import { BookTable } from "../formats/book-accounts.ts";
import { csvError, csvOptions, type ParsedRecord, recordOf } from "../formats/csv.ts";
import type { MarketFile } from "../formats/market.ts";
import type { PolicyFile } from "../formats/policy.ts";

const PEEK_BYTES = 65_536;
/** Of one line or field. */
const MAX_LINE = 400_000;

/**
 * The accounts of a file, in its order, in the memory of a few. Throws `FILE`, and what their readers throw, naming the line.
 */
export async function* bookAccounts(file: string, policy: PolicyFile, market: MarketFile): AsyncGenerator<BookAccount> {
  const packed = await isPacked(file);
  const beginning = await beginningOf(file, packed);
  const stream = opened(file, packed);
  try {
    // JSON begins with a brace, and no header of a table does.
    if (/^\uFEFF?\s*\{/.test(beginning)) yield* fromLines(stream, file, policy, market);
    else yield* fromTable(stream, file, beginning, policy, market);
  } catch (error) {
    throw isOfStream(error) ? unreadable(file, error) : error;
  } finally {
    stream.destroy();
  }
}

async function* fromLines(stream: Readable, file: string, policy: PolicyFile, market: MarketFile) {
  let line = 0;
  for await (const text of linesOf(stream, file)) {
    line++;
    if (text.trim() !== "") yield readAccountLine(text, { file, line }, policy, market);
  }
}

/** Lines of UTF-8 without their ends; a byte order mark at the beginning is none of the first. */
async function* linesOf(stream: Readable, file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    if (rest.length > MAX_LINE) throw new PlimsollError("TOO_LARGE", "a line is too long", { file });
  }
  yield rest + decoder.decode();
}

async function* fromTable(stream: Readable, file: string, beginning: string, policy: PolicyFile, market: MarketFile) {
  const table = new BookTable(file, policy, market);
  const parser = parse({ ...csvOptions(beginning), max_record_size: MAX_LINE, skip_empty_lines: true });
  stream.on("error", (error) => parser.destroy(error)).pipe(parser);
  try {
    for await (const record of parser as AsyncIterable<ParsedRecord>) {
      const account = table.take(recordOf(record));
      if (account !== undefined) yield account;
    }
  } catch (error) {
    throw csvError(error, file);
  }
  const last = table.end();
  if (last !== undefined) yield last;
}

function opened(file: string, packed: boolean): Readable {
  const raw = createReadStream(file);
  if (!packed) return raw;
  const plain = createGunzip();
  raw.on("error", (error) => plain.destroy(error)).pipe(plain);
  return plain;
}

async function isPacked(file: string): Promise<boolean> {
  try {
    await using handle = await open(file);
    const { buffer, bytesRead } = await handle.read(new Uint8Array(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function beginningOf(file: string, packed: boolean): Promise<string> {
  const stream = opened(file, packed);
  let text = "";
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      text += chunk.toString("utf8");
      if (text.length >= PEEK_BYTES || text.includes("\n")) break;
    }
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    stream.destroy();
  }
  return text;
}

const isOfStream = (error: unknown) =>
  !(error instanceof PlimsollError) && typeof (error as NodeJS.ErrnoException).code === "string";

function unreadable(file: string, error: unknown): PlimsollError {
  if (error instanceof PlimsollError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const why = code.startsWith("Z_") ? ": it is not whole, or no gzip" : code === "ENOENT" ? ": it does not exist" : "";
  return new PlimsollError("FILE", `cannot be read${why}`, { file });
}
