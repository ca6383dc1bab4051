// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A pack as one zip file, by the grammar in docs/packs.md.
 *
 * The grammar leaves a zip one reading: every field is either a fixed value, or stated in the directory and in front of the
 * data with the same bytes, or of no consequence to any reader. Entries stand in the order of the directory and fill the file
 * from its first byte. Sizes are bounded before anything is inflated, and inflating stops at the size declared. Unpacking is
 * zlib's: fflate reads some streams that zlib and its kin refuse.
 */
import { zipSync } from "fflate";
import { Inflate } from "pako";
import { PlimsollError } from "../errors.ts";
import { isAdded, nameFault, placeOf, ZIP_AGAIN } from "./file-names.ts";

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
/** From the version needed to the length of the extra fields: what both headers of an entry state, in the same layout. */
const STATED = { inEntry: 6, inLocal: 4, size: 26 };
/** Bits 1 and 2 say how hard deflate tried, 11 that names are UTF-8. */
const FLAGS = 0x0806;
const [STORED, DEFLATED] = [0, 8];
/** MS-DOS, Unix, NTFS, macOS: where the attributes mean the same to everybody. */
const HOSTS = [0, 3, 10, 19];
/** MS-DOS attributes: read-only, folder, archive. */
const DOS = { folder: 0x10, all: 0x31 };
/** Unix: the kind of file, and its permissions without those that give the owner's rights. */
const UNIX = { kind: 0o170000, folder: 0o040000, file: 0o100000, all: 0o170777 };

/** What a zip's directory says of a file or folder. */
interface Entry {
  /** One character a byte. */
  readonly name: string;
  readonly folder: boolean;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  /** Where its header is, and its data behind it. */
  readonly local: number;
  /** What the local header must state too, name included. */
  readonly stated: string;
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

  /** One character a byte. */
  text(at: number, length: number): string {
    if (at + length > this.bytes.length) throw new RangeError("past the end");
    return String.fromCharCode(...this.bytes.subarray(at, at + length));
  }
}

/**
 * Throws `SYNTAX` where it is not a zip of the grammar, `TOO_LARGE`.
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
  // A file brings two folders at most.
  if (count > 3 * PACK_LIMITS.files) throw tooLarge(`more than ${PACK_LIMITS.files} files`);

  const entries: Entry[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    if (zip.u32(at) !== ENTRY.signature) throw refuse("its directory is damaged");
    entries.push(readEntry(zip, at));
    at += ENTRY.size + zip.u16(at + 28);
  }
  if (at !== end) throw refuse("its directory is damaged");
  checkNames(entries.map(({ name }) => name).filter((name) => !isAdded(name)));
  const files = entries.filter(({ folder }) => !folder);
  if (files.length > PACK_LIMITS.files) throw tooLarge(`more than ${PACK_LIMITS.files} files`);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total > PACK_LIMITS.bytes) throw tooLarge(`more than ${PACK_LIMITS.bytes} bytes in all`);
  return { entries, start };
}

function readEntry(zip: ZipBytes, at: number): Entry {
  const [method, nameLength] = [zip.u16(at + 10), zip.u16(at + 28)];
  const [crc, packed, size] = [zip.u32(at + 16), zip.u32(at + 20), zip.u32(at + 24)];
  const name = zip.text(at + ENTRY.size, nameLength);
  const refuse = (why: string) => refused(why, name);
  if (zip.u16(at + 30) !== 0 || zip.u16(at + 32) !== 0) {
    throw refuse(`it has extra fields or comments, which programs read in different ways; ${ZIP_AGAIN}`);
  }
  if ((zip.u16(at + 8) & ~FLAGS) !== 0 || (method !== STORED && method !== DEFLATED) || zip.u16(at + 34) !== 0) {
    throw refuse(`an entry that is encrypted, in parts, streamed, or packed in another way than deflate; ${ZIP_AGAIN}`);
  }
  const [madeBy, needed] = [zip.u16(at + 4), zip.u16(at + 6)];
  if (!HOSTS.includes(madeBy >>> 8) || (madeBy & 0xff) > 63 || (needed !== 10 && needed !== 20)) {
    throw refuse("an entry of another kind of system, or for another version of zip");
  }
  const folder = name.endsWith("/");
  if (folder && (size !== 0 || packed !== 0 || crc !== 0 || method !== STORED)) throw refuse("a folder with content");
  if (!isRegular(zip.u16(at + 36), zip.u32(at + 38), folder)) throw refuse("an entry that is no regular file");
  if (size > PACK_LIMITS.fileBytes) throw tooLarge(`a file of more than ${PACK_LIMITS.fileBytes} bytes`, name);
  const stated = zip.text(at + STATED.inEntry, STATED.size) + name;
  return { name, folder, method, crc, packed, size, local: zip.u32(at + 42), stated };
}

/** `internal` says of a file that it is text; the upper half of `external` is Unix's mode where there is one. */
function isRegular(internal: number, external: number, folder: boolean): boolean {
  const [dos, mode] = [external & 0xffff, external >>> 16];
  const kind = mode & UNIX.kind;
  const isKind = kind === 0 || kind === (folder ? UNIX.folder : UNIX.file);
  const isDos = (dos & ~DOS.all) === 0 && (folder || (dos & DOS.folder) === 0);
  return internal <= 1 && isKind && isDos && (mode & ~UNIX.all) === 0;
}

/** The files, whose headers and data must fill the bytes from 0 to `start` in the order of the directory. */
function unpack(zip: ZipBytes, entries: readonly Entry[], start: number): PackFiles {
  const files = new Map<string, Uint8Array>();
  let at = 0;
  for (const { name, folder, method, crc, packed, size, local, stated } of entries) {
    const refuse = (why: string) => refused(why, name);
    if (local !== at || zip.u32(at) !== LOCAL.signature) throw refuse("bytes that belong to no file, or to two");
    if (zip.text(at + STATED.inLocal, stated.length) !== stated) throw refuse("a file that is described in two ways");
    const data = at + LOCAL.size + name.length;
    at = data + packed;
    if (at > start) throw refuse("a file that runs into the directory");
    if (folder || isAdded(name)) continue;
    const content = inflate(zip.bytes.subarray(data, at), method, size, refuse);
    if (crc32(content) !== crc) throw refuse("a file that is not what its checksum says");
    files.set(name, content);
  }
  if (at !== start) throw refuse("bytes that belong to no file");
  return files;
}

function inflate(data: Uint8Array, method: number, size: number, refuse: typeof refused): Uint8Array {
  if (method === STORED) {
    if (data.length !== size) throw refuse("a file with two sizes");
    return data.slice();
  }
  const content = new Uint8Array(size);
  let length = 0;
  const stream = new Inflate({ raw: true });
  stream.onData = (chunk) => {
    if (length + chunk.length > size) throw refuse("a file that is larger than it says");
    content.set(chunk, length);
    length += chunk.length;
  };
  // The stream ends in the last byte, and not before it.
  stream.push(data.subarray(0, -1), false);
  if (stream.ended && stream.err === 0) throw refuse("bytes after the end of a file's data");
  stream.push(data.subarray(-1), true);
  if (stream.err !== 0 || !stream.ended) throw refuse("a file that does not unpack");
  if (length !== size) throw refuse("a file that is shorter than it says");
  return content;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});

/** The checksum of zips. The index has better ones; this one decides whether other programs read the file at all. */
function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ CRC_TABLE[(sum ^ byte) & 0xff]!;
  return ~sum >>> 0;
}

/** Names the entry, where there is one with a name that can be shown. */
const refused = (why: string, entry = "") => new PlimsollError("SYNTAX", `not a pack: ${why}`, placeOf(entry));
const refuse = refused;
const tooLarge = (why: string, entry = "") => new PlimsollError("TOO_LARGE", `not a pack: ${why}`, placeOf(entry));
