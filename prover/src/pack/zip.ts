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

/** Path of a file in the pack, and its content. */
export type PackFiles = ReadonlyMap<string, Uint8Array>;

export const PACK_LIMITS = { zipBytes: 24_000_000, fileBytes: 8_000_000, bytes: 48_000_000, files: 256 } as const;

/** Up to three names of lower-case letters, digits, . _ - that begin with a letter or digit; at most 100 characters. */
const PATH = /^(?=.{1,100}$)[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*){0,2}$/;
const DEVICE = /(?:^|\/)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\/|$)|\.(?:\/|$)/;

export const isPackPath = (path: string): boolean => PATH.test(path) && !DEVICE.test(path);

/** Throws `SYNTAX` or `TOO_LARGE` where these cannot be the files of a pack: names, sizes, number. */
export function checkFiles(files: PackFiles): void {
  let bytes = 0;
  for (const [path, content] of files) {
    if (!isPackPath(path)) throw refuse("a file name that packs do not have");
    if (content.length > PACK_LIMITS.fileBytes) throw tooLarge(`a file of more than ${PACK_LIMITS.fileBytes} bytes`);
    bytes += content.length;
  }
  if (bytes > PACK_LIMITS.bytes) throw tooLarge(`more than ${PACK_LIMITS.bytes} bytes in all`);
  if (files.size > PACK_LIMITS.files) throw tooLarge(`more than ${PACK_LIMITS.files} files`);
}

/** The same files give the same zip, byte for byte. */
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

/** Throws `SYNTAX` where it is not a zip that every program reads alike, `TOO_LARGE`. */
export function unzipFiles(zip: Uint8Array): PackFiles {
  if (zip.length > PACK_LIMITS.zipBytes) throw tooLarge(`a zip of more than ${PACK_LIMITS.zipBytes} bytes`);
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const u16 = (at: number) => view.getUint16(at, true);
  const u32 = (at: number) => view.getUint32(at, true);
  try {
    const end = zip.length - END.size;
    if (end < 0 || u32(end) !== END.signature || u16(end + 20) !== 0) throw refuse("it does not end as a zip does");
    const count = u16(end + 10);
    const start = u32(end + 16);
    if (u16(end + 4) !== 0 || u16(end + 6) !== 0 || u16(end + 8) !== count || start + u32(end + 12) !== end) {
      throw refuse("its directory is not where it should be");
    }
    if (count > PACK_LIMITS.files) throw tooLarge(`more than ${PACK_LIMITS.files} files`);

    const entries = [];
    let total = 0;
    let at = start;
    for (let index = 0; index < count; index++) {
      if (u32(at) !== ENTRY.signature) throw refuse("its directory is damaged");
      const [flags, method, packed, size] = [u16(at + 8), u16(at + 10), u32(at + 20), u32(at + 24)];
      // Some programs list folders too: they hold nothing.
      const folder = zip[at + ENTRY.size + u16(at + 28) - 1] === 0x2f;
      if (folder && (size !== 0 || packed !== 0)) throw refuse("a folder with content");
      const name = nameAt(at + ENTRY.size, u16(at + 28), folder);
      const attributes = u32(at + 38);
      if ((flags & ~FLAGS) !== 0 || (method !== 0 && method !== 8) || u16(at + 34) !== 0) {
        throw refuse("an entry that is encrypted, in parts, or packed in another way than deflate");
      }
      // The upper half holds Unix's mode where there is one: a regular file, or a program that does not say.
      const kind = (attributes >>> 16) & 0o170000;
      if (kind !== 0 && kind !== (folder ? 0o040000 : 0o100000)) throw refuse("an entry that is no regular file");
      if (size > PACK_LIMITS.fileBytes) throw tooLarge(`a file of more than ${PACK_LIMITS.fileBytes} bytes`);
      total += size;
      entries.push({ name, folder, method, packed, size, local: u32(at + 42) });
      at += ENTRY.size + u16(at + 28) + u16(at + 30) + u16(at + 32);
    }
    if (at !== end) throw refuse("its directory is damaged");
    if (total > PACK_LIMITS.bytes) throw tooLarge(`more than ${PACK_LIMITS.bytes} bytes in all`);

    const files = new Map<string, Uint8Array>();
    let expected = 0;
    for (const { name, folder, method, packed, size, local } of entries.sort((a, b) => a.local - b.local)) {
      if (local !== expected || u32(local) !== LOCAL.signature) throw refuse("bytes that belong to no file, or to two");
      const data = local + LOCAL.size + u16(local + 26) + u16(local + 28);
      if (nameAt(local + LOCAL.size, u16(local + 26), folder) !== name || u16(local + 8) !== method) {
        throw refuse("a file with two names, or packed in two ways");
      }
      const sized = (u16(local + 6) & 8) === 0;
      if (sized && (u32(local + 18) !== packed || u32(local + 22) !== size)) throw refuse("a file with two sizes");
      expected = data + packed + (sized ? 0 : descriptorAt(data + packed, packed, size));
      if (expected > start) throw refuse("a file that runs into the directory");
      if (folder) continue;
      if (files.has(name)) throw refuse("the same file twice");
      files.set(name, inflate(zip.subarray(data, data + packed), method, size));
    }
    if (expected !== start) throw refuse("bytes that belong to no file");
    return files;
  } catch (error) {
    throw error instanceof RangeError ? refuse("it is cut off") : error;
  }

  function nameAt(at: number, length: number, folder: boolean): string {
    if (length > 100) throw refuse("a file name that packs do not have");
    const name = String.fromCharCode(...zip.subarray(at, at + length));
    if (name.length !== length || !isPackPath(folder ? name.slice(0, -1) : name))
      throw refuse("a file name that packs do not have");
    return name;
  }

  /** Length of the descriptor behind the data, with or without its signature. */
  function descriptorAt(at: number, packed: number, size: number): number {
    for (const [length, skip] of [
      [16, 8],
      [12, 4],
    ] as const) {
      if (length === 16 && u32(at) !== 0x08074b50) continue;
      if (u32(at + skip) === packed && u32(at + skip + 4) === size) return length;
    }
    throw refuse("a file with two sizes");
  }
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
