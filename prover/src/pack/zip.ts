// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A pack as one zip file.
 *
 * Whatever two programs could read differently is refused: a name twice, a name in the directory that is not the one in
 * front of the data, entries that overlap, bytes that belong to no entry, links, encryption, zip64, parts. Names are of a
 * grammar in which nothing leaves the pack and no two differ by case alone. Sizes are bounded before anything is
 * inflated, and inflating stops at the size declared. Checksums are not looked at: the index has better ones.
 */
import { Inflate, zipSync } from "fflate";
import { PlimsollError } from "../errors.ts";
import { nameFault } from "./file-names.ts";

/**
 * Path of a file in the pack, and its content.
 * @see docs/library.md#evidence-packs
 */
export type PackFiles = ReadonlyMap<string, Uint8Array>;

/**
 * Limits of a pack: files, and bytes of each and of all.
 * @see docs/library.md#evidence-packs
 */
export const PACK_LIMITS = { zipBytes: 24_000_000, fileBytes: 8_000_000, bytes: 48_000_000, files: 256 } as const;

/** Throws `SYNTAX` or `TOO_LARGE` where these cannot be the files of a pack: names, sizes, number. */
export function checkFiles(files: PackFiles): void {
  checkNames([...files.keys()]);
  let bytes = 0;
  for (const content of files.values()) {
    if (content.length > PACK_LIMITS.fileBytes) throw tooLarge(`a file of more than ${PACK_LIMITS.fileBytes} bytes`);
    bytes += content.length;
  }
  if (bytes > PACK_LIMITS.bytes) throw tooLarge(`more than ${PACK_LIMITS.bytes} bytes in all`);
  if (files.size > PACK_LIMITS.files) throw tooLarge(`more than ${PACK_LIMITS.files} files`);
}

function checkNames(names: readonly string[]): void {
  const fault = nameFault(names);
  if (fault !== undefined) throw refuse(fault);
}

/**
 * The same files give the same zip, byte for byte.
 * @see docs/library.md#evidence-packs
 */
export function zipFiles(files: PackFiles): Uint8Array<ArrayBuffer> {
  checkFiles(files);
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  // Local time at the start of the format's calendar: no clock and no zone in the result.
  return zipSync(Object.fromEntries(sorted), { level: 9, mtime: new Date(1980, 0, 1) });
}

const END = { signature: 0x06054b50, size: 22 };
const ENTRY = { signature: 0x02014b50, size: 46 };
const LOCAL = { signature: 0x04034b50, size: 30 };
/** Bits 1 and 2 say how hard deflate tried, 3 that sizes follow the data, 11 that names are UTF-8. */
const FLAGS = 0x080e;

/** What a zip's directory says of a file or folder. */
interface Entry {
  /** One character a byte. */
  readonly name: string;
  readonly folder: boolean;
  readonly method: number;
  readonly packed: number;
  readonly size: number;
  /** Where its data is, with a header in front. */
  readonly local: number;
}

/** A zip's bytes. Reading past the end throws a RangeError. */
class ZipBytes {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u16(at: number): number {
    return this.#view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  name(at: number, length: number): string {
    if (at + length > this.bytes.length) throw new RangeError("past the end");
    return String.fromCharCode(...this.bytes.subarray(at, at + length));
  }
}

/**
 * Throws `SYNTAX` where it is not a zip that every program reads alike, `TOO_LARGE`.
 * @see docs/library.md#evidence-packs
 */
export function unzipFiles(bytes: Uint8Array): PackFiles {
  if (bytes.length > PACK_LIMITS.zipBytes) throw tooLarge(`a zip of more than ${PACK_LIMITS.zipBytes} bytes`);
  const zip = new ZipBytes(bytes);
  try {
    const { entries, start } = readDirectory(zip);
    return unpack(zip, entries, start);
  } catch (error) {
    throw error instanceof RangeError ? refuse("it is cut off") : error;
  }
}

/** The directory at the end of a zip, and where it starts: right after the data. */
function readDirectory(zip: ZipBytes): { entries: Entry[]; start: number } {
  const end = zip.bytes.length - END.size;
  if (end < 0 || zip.u32(end) !== END.signature || zip.u16(end + 20) !== 0) {
    throw refuse("it does not end as a zip does");
  }
  const count = zip.u16(end + 10);
  const start = zip.u32(end + 16);
  const whole = zip.u16(end + 4) === 0 && zip.u16(end + 6) === 0 && zip.u16(end + 8) === count;
  if (!whole || start + zip.u32(end + 12) !== end) throw refuse("its directory is not where it should be");
  if (count > PACK_LIMITS.files) throw tooLarge(`more than ${PACK_LIMITS.files} files`);

  const entries: Entry[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    if (zip.u32(at) !== ENTRY.signature) throw refuse("its directory is damaged");
    entries.push(readEntry(zip, at));
    at += ENTRY.size + zip.u16(at + 28) + zip.u16(at + 30) + zip.u16(at + 32);
  }
  if (at !== end) throw refuse("its directory is damaged");
  checkNames(entries.map(({ name }) => name));
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (total > PACK_LIMITS.bytes) throw tooLarge(`more than ${PACK_LIMITS.bytes} bytes in all`);
  return { entries, start };
}

function readEntry(zip: ZipBytes, at: number): Entry {
  const [flags, method, packed, size] = [zip.u16(at + 8), zip.u16(at + 10), zip.u32(at + 20), zip.u32(at + 24)];
  const name = zip.name(at + ENTRY.size, zip.u16(at + 28));
  // Some programs list folders too: they hold nothing.
  const folder = name.endsWith("/");
  if (folder && (size !== 0 || packed !== 0)) throw refuse("a folder with content");
  if ((flags & ~FLAGS) !== 0 || (method !== 0 && method !== 8) || zip.u16(at + 34) !== 0) {
    throw refuse("an entry that is encrypted, in parts, or packed in another way than deflate");
  }
  // The upper half holds Unix's mode where there is one: a regular file, or a program that does not say.
  const kind = (zip.u32(at + 38) >>> 16) & 0o170000;
  if (kind !== 0 && kind !== (folder ? 0o040000 : 0o100000)) throw refuse("an entry that is no regular file");
  if (size > PACK_LIMITS.fileBytes) throw tooLarge(`a file of more than ${PACK_LIMITS.fileBytes} bytes`);
  return { name, folder, method, packed, size, local: zip.u32(at + 42) };
}

/** The files, whose data must fill the bytes from 0 to `start`. */
function unpack(zip: ZipBytes, entries: readonly Entry[], start: number): PackFiles {
  const files = new Map<string, Uint8Array>();
  let expected = 0;
  for (const { name, folder, method, packed, size, local } of entries.toSorted((a, b) => a.local - b.local)) {
    if (local !== expected || zip.u32(local) !== LOCAL.signature)
      throw refuse("bytes that belong to no file, or to two");
    const data = local + LOCAL.size + zip.u16(local + 26) + zip.u16(local + 28);
    if (zip.name(local + LOCAL.size, zip.u16(local + 26)) !== name || zip.u16(local + 8) !== method) {
      throw refuse("a file with two names, or packed in two ways");
    }
    const sized = (zip.u16(local + 6) & 8) === 0;
    if (sized && (zip.u32(local + 18) !== packed || zip.u32(local + 22) !== size))
      throw refuse("a file with two sizes");
    expected = data + packed + (sized ? 0 : descriptorLength(zip, data + packed, { packed, size }));
    if (expected > start) throw refuse("a file that runs into the directory");
    if (folder) continue;
    if (files.has(name)) throw refuse("the same file twice");
    files.set(name, inflate(zip.bytes.subarray(data, data + packed), method, size));
  }
  if (expected !== start) throw refuse("bytes that belong to no file");
  return files;
}

/** Length of the descriptor behind the data, with or without its signature. */
function descriptorLength(zip: ZipBytes, at: number, { packed, size }: Pick<Entry, "packed" | "size">): number {
  for (const [length, skip] of [
    [16, 8],
    [12, 4],
  ] as const) {
    if (length === 16 && zip.u32(at) !== 0x08074b50) continue;
    if (zip.u32(at + skip) === packed && zip.u32(at + skip + 4) === size) return length;
  }
  throw refuse("a file with two sizes");
}

/** Small enough that what one step inflates, about a thousand times as much, is no burden. */
const STEP = 4_096;

function inflate(data: Uint8Array, method: number, size: number): Uint8Array {
  if (method === 0) {
    if (data.length !== size) throw refuse("a file with two sizes");
    return data.slice();
  }
  const content = new Uint8Array(size);
  let length = 0;
  let ended = false;
  const stream = new Inflate((chunk, last) => {
    if (length + chunk.length > size) throw refuse("a file that is larger than it says");
    content.set(chunk, length);
    length += chunk.length;
    ended = last;
  });
  try {
    for (let from = 0; from < data.length; from += STEP) {
      stream.push(data.subarray(from, from + STEP), from + STEP >= data.length);
      if (isOver(stream, data.length - from - STEP)) throw refuse("bytes after the end of a file's data");
    }
  } catch (error) {
    throw error instanceof PlimsollError ? error : refuse("a file that does not unpack");
  }
  if (!ended || length !== size) throw refuse("a file that is shorter than it says");
  return content;
}

/**
 * Whether the stream has ended with whole bytes to spare. fflate skips what follows the last block and says nothing, so
 * this looks at its state: `s.f` the last block was met, `s.l` a block is open, `p` input left from bit `s.p` on.
 */
function isOver(stream: Inflate, toCome: number): boolean {
  const { s, p } = stream as unknown as { s: { f?: number; l?: unknown; p?: number }; p: Uint8Array };
  return Boolean(s.f) && !s.l && (toCome > 0 || p.length * 8 - (s.p ?? 0) >= 8);
}

const refuse = (why: string) => new PlimsollError("SYNTAX", `not a pack: ${why}`);
const tooLarge = (why: string) => new PlimsollError("TOO_LARGE", `not a pack: ${why}`);
