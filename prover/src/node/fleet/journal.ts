// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Values by their keys in one file that is only appended to: a line a change, each with its checksum. When an append has returned, a
 * loss of power leaves it behind. A process or a machine that ends at any byte leaves a file that is read up to its last whole line.
 *
 * The file is for one process at a time; whoever opens it holds a lock.
 */
import { type FileHandle, open, readFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { PlimsollError } from "../../errors.ts";
import { PRIVATE, unwritable, writeResult } from "../files.ts";

/** A file longer than this, and than so many times what is in it, is written anew. */
const COMPACT = { bytes: 1 << 20, times: 4 };

const checksum = (json: string) => crc32(json).toString(16).padStart(8, "0");
function lineOf(key: string, value: unknown): string {
  const json = JSON.stringify([key, value]);
  return `${checksum(json)} ${json}\n`;
}
/** What a line says, where it is whole. */
function soundJson(line: string): string | undefined {
  const json = line.slice(9);
  return line.slice(0, 9) === `${checksum(json)} ` ? json : undefined;
}
const NEWLINE = 0x0a;

function readJournal<T>(content: Buffer, file: string): Map<string, T> {
  const values = new Map<string, T>();
  for (let [start, line] = [0, 1]; ; line++) {
    const end = content.indexOf(NEWLINE, start);
    const json = end < 0 ? undefined : soundJson(content.toString("utf8", start, end));
    if (json !== undefined) {
      const [key, value] = JSON.parse(json) as [string, T];
      values.set(key, value);
      start = end + 1;
      continue;
    }
    // A crash spoils the last write alone, of which nothing later is whole.
    if (end < 0 || !hasSoundLine(content, end + 1)) return values;
    const rule = "is damaged; move it away: what is proven stays so, and what is not starts again";
    throw new PlimsollError("FILE", rule, { file, line });
  }
}

function hasSoundLine(content: Buffer, from: number): boolean {
  for (let start = from; ; ) {
    const end = content.indexOf(NEWLINE, start);
    if (end < 0) return false;
    if (soundJson(content.toString("utf8", start, end)) !== undefined) return true;
    start = end + 1;
  }
}

export class Journal<T> {
  readonly #file: string;
  #handle: FileHandle;
  /** Bytes of whole lines. */
  #length: number;
  /** Length right after the file was written anew. */
  #compacted: number;
  readonly #values: Map<string, T>;
  #waiting: { readonly lines: string; readonly done: () => void; readonly failed: (error: unknown) => void }[] = [];
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  private constructor(file: string, handle: FileHandle, length: number, values: Map<string, T>) {
    this.#file = file;
    this.#handle = handle;
    this.#length = length;
    this.#compacted = length;
    this.#values = values;
  }

  /** Opens or makes a file. Throws `FILE`. */
  static async open<T>(file: string): Promise<Journal<T>> {
    const values = await journalValues<T>(file);
    const text = textOf(values);
    // Written anew: so a line that was not written whole is gone, and the name is safe on the disk.
    await writeResult(file, text, PRIVATE);
    return new Journal(file, await openToWrite(file), Buffer.byteLength(text), values);
  }

  get values(): ReadonlyMap<string, T> {
    return this.#values;
  }

  /**
   * Sets values: at once in `values`, and on the disk when this returns. Throws `FILE`, and from then on always: what is on the disk is
   * what the next one to open it finds.
   */
  append(entries: readonly (readonly [string, T])[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (entries.length === 0) return Promise.resolve();
    for (const [key, value] of entries) this.#values.set(key, value);
    const lines = entries.map(([key, value]) => lineOf(key, value)).join("");
    return new Promise((done, failed) => {
      this.#waiting.push({ lines, done, failed });
      this.#writing ??= this.#write();
    });
  }

  /** What has been asked for meanwhile goes to the disk together. */
  async #write(): Promise<void> {
    await Promise.resolve(); // so that whoever has begun this knows of it
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        if (this.#failure !== undefined) throw this.#failure.error;
        await this.#put(Buffer.from(batch.map(({ lines }) => lines).join("")));
        if (this.#length > COMPACT.bytes && this.#length > COMPACT.times * this.#compacted) await this.#compact();
        for (const { done } of batch) done();
      } catch (error) {
        this.#failure = { error };
        for (const { failed } of batch) failed(error);
      }
    }
    this.#writing = undefined;
  }

  async #put(content: Buffer): Promise<void> {
    try {
      for (let at = 0; at < content.length; ) {
        const { bytesWritten } = await this.#handle.write(content, at, content.length - at, this.#length + at);
        at += bytesWritten;
      }
      await this.#handle.datasync();
      this.#length += content.length;
    } catch (error) {
      await this.#handle.truncate(this.#length).catch(() => {});
      throw unwritable(this.#file, error);
    }
  }

  async #compact(): Promise<void> {
    const text = textOf(this.#values);
    await writeResult(this.#file, text, PRIVATE);
    await this.#handle.close();
    this.#handle = await openToWrite(this.#file);
    this.#length = Buffer.byteLength(text);
    this.#compacted = this.#length;
  }

  /** After what was appended before. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#handle.close();
  }
}

/** What a journal's file holds; nothing where there is none. For whoever only looks, too. Throws `FILE`. */
export async function journalValues<T>(file: string): Promise<Map<string, T>> {
  const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return Buffer.alloc(0);
    throw new PlimsollError("FILE", "cannot be read", { file });
  });
  return readJournal<T>(content, file);
}

const textOf = (values: ReadonlyMap<string, unknown>) => [...values].map(([key, value]) => lineOf(key, value)).join("");

async function openToWrite(file: string): Promise<FileHandle> {
  return open(file, "r+").catch((error) => {
    throw unwritable(file, error);
  });
}
