// SPDX-License-Identifier: GPL-3.0-or-later
/** The accounts of a book from a file of any length: CSV, or a line of JSON for each account; packed by gzip or not. */
import { Readable } from "node:stream";
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
export async function* bookAccounts(
  { file, content }: { readonly file: string; readonly content: Readable },
  policy: PolicyFile,
  market: MarketFile,
): AsyncGenerator<BookAccount> {
  let stream = content;
  try {
    const first = await peeked(stream, (bytes) => bytes.length >= 2);
    stream = first.stream;
    if (first.bytes[0] === 0x1f && first.bytes[1] === 0x8b) {
      const plain = createGunzip();
      stream.on("error", (error) => plain.destroy(error)).pipe(plain);
      stream = plain;
    }
    const { bytes, stream: whole } = await peeked(stream, (read) => read.includes(10) || read.length >= PEEK_BYTES);
    stream = whole;
    const beginning = new TextDecoder().decode(bytes);
    // JSON begins with a brace, and no header of a table does.
    if (/^\s*\{/.test(beginning)) yield* fromLines(stream, file, policy, market);
    else yield* fromTable(stream, file, beginning, policy, market);
  } catch (error) {
    throw isOfStream(error) ? unreadable(file, error) : error;
  } finally {
    stream.destroy();
    content.destroy();
  }
}

/** What a stream begins with, as much as is asked for, and the stream with it. */
async function peeked(stream: Readable, isEnough: (bytes: Buffer) => boolean) {
  const rest = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  let bytes: Buffer = Buffer.alloc(0);
  for (let done = false; !done && !isEnough(bytes); ) {
    const next = await rest.next();
    done = next.done === true;
    if (!next.done) bytes = Buffer.concat([bytes, next.value]);
  }
  async function* all() {
    yield bytes;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  return { bytes, stream: Readable.from(all(), { objectMode: false }) };
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

const isOfStream = (error: unknown) =>
  !(error instanceof PlimsollError) && typeof (error as NodeJS.ErrnoException).code === "string";

function unreadable(file: string, error: unknown): PlimsollError {
  if (error instanceof PlimsollError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const why = code.startsWith("Z_") ? ": it is cut off, or no gzip" : "";
  return new PlimsollError("FILE", `cannot be read${why}`, { file });
}
