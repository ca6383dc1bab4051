// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Zips with anything changed that a zip can hold: one field of one header, both headers alike, bytes, names, extra fields,
 * comments and descriptors, entries doubled, moved, left out, data packed otherwise or changed with its checksum. Where a
 * change moves bytes, offsets and lengths are mostly put right again, so that it is the change and not the damage that is judged.
 */
import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import type { Rng } from "./random.ts";

/** A header with what follows it; the fixed part without name and extra field. */
interface Part {
  header: Buffer;
  name: Buffer;
  extra: Buffer;
}
interface Entry {
  local: Part;
  data: Buffer;
  /** A descriptor, or whatever else is put behind the data. */
  behind: Buffer;
  central: Part & { comment: Buffer };
}
interface Zip {
  before: Buffer;
  entries: Entry[];
  /** Between data and directory, and between directory and end. */
  gaps: [Buffer, Buffer];
  end: Buffer;
  comment: Buffer;
  /** In the order of the directory, where it is another one. */
  order?: number[];
  /** Offsets and lengths stay as the headers have them. */
  asIs?: boolean;
}

const NONE = Buffer.alloc(0);
const LOCAL = 30;
const CENTRAL = 46;
const END = 22;
/** What both headers state, from the version on: the field's place in the local header, and its bytes. */
const STATED = [
  ["version", 4, 2],
  ["flags", 6, 2],
  ["method", 8, 2],
  ["time", 10, 2],
  ["date", 12, 2],
  ["crc", 14, 4],
  ["packed", 18, 4],
  ["size", 22, 4],
  ["nameLength", 26, 2],
  ["extraLength", 28, 2],
] as const;

/** A well-formed zip without comments, taken apart. */
function parse(bytes: Uint8Array): Zip {
  const zip = Buffer.from(bytes);
  const end = zip.subarray(zip.length - END);
  const entries: Entry[] = [];
  let at = end.readUInt32LE(16);
  for (let index = 0; index < end.readUInt16LE(10); index++) {
    const part = (from: number, size: number, name: number, extra: number): Part => ({
      header: Buffer.from(zip.subarray(from, from + size)),
      name: Buffer.from(zip.subarray(from + size, from + size + name)),
      extra: Buffer.from(zip.subarray(from + size + name, from + size + name + extra)),
    });
    const central = part(at, CENTRAL, zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30));
    const from = zip.readUInt32LE(at + 42);
    const local = part(from, LOCAL, zip.readUInt16LE(from + 26), zip.readUInt16LE(from + 28));
    const data = from + LOCAL + local.name.length + local.extra.length;
    const packed = zip.readUInt32LE(at + 20);
    entries.push({
      local,
      data: Buffer.from(zip.subarray(data, data + packed)),
      behind: NONE,
      central: { ...central, comment: NONE },
    });
    at += CENTRAL + central.name.length + central.extra.length;
  }
  return { before: NONE, entries, gaps: [NONE, NONE], end: Buffer.from(end), comment: NONE };
}

/** The bytes, with lengths and offsets of what there is, unless they are to stay. */
function assemble({ before, entries, gaps, end, comment, order, asIs = false }: Zip): Buffer {
  const pieces: Buffer[] = [before];
  let length = before.length;
  const put = (...buffers: Buffer[]) => {
    for (const buffer of buffers) {
      pieces.push(buffer);
      length += buffer.length;
    }
  };
  for (const { local, data, behind, central } of entries) {
    if (!asIs) {
      local.header.writeUInt16LE(local.name.length, 26);
      local.header.writeUInt16LE(local.extra.length, 28);
      central.header.writeUInt32LE(length, 42);
    }
    put(local.header, local.name, local.extra, data, behind);
  }
  put(gaps[0]);
  const start = length;
  for (const { central } of order?.map((index) => entries[index]!) ?? entries) {
    if (!asIs) {
      central.header.writeUInt16LE(central.name.length, 28);
      central.header.writeUInt16LE(central.extra.length, 30);
      central.header.writeUInt16LE(central.comment.length, 32);
    }
    put(central.header, central.name, central.extra, central.comment);
  }
  if (!asIs) {
    const count = order?.length ?? entries.length;
    end.writeUInt16LE(count, 8);
    end.writeUInt16LE(count, 10);
    end.writeUInt32LE(length - start, 12);
    end.writeUInt32LE(start, 16);
    end.writeUInt16LE(comment.length, 20);
  }
  put(gaps[1], end, comment);
  return Buffer.concat(pieces);
}

const below = (rng: Rng, limit: number) => Number(rng.below(BigInt(limit)));
const some = (rng: Rng, most = 12) => Buffer.from(Array.from({ length: 1 + below(rng, most) }, () => below(rng, 256)));
const copyOf = ({ local, data, behind, central }: Entry): Entry => ({
  local: { ...local, header: Buffer.from(local.header) },
  data,
  behind,
  central: { ...central, header: Buffer.from(central.header) },
});

/** The same field in both headers, or in one. */
function setStated(entry: Entry, at: number, size: number, value: number, where: "both" | "local" | "central"): void {
  const fitting = value % 2 ** (8 * size);
  if (where !== "central") entry.local.header.writeUIntLE(fitting, at, size);
  if (where !== "local") entry.central.header.writeUIntLE(fitting, at + 2, size);
}
const setBoth = (entry: Entry, name: (typeof STATED)[number][0], value: number) => {
  const [, at, size] = STATED.find(([field]) => field === name)!;
  setStated(entry, at, size, value, "both");
};
const contentOf = ({ local, data }: Entry): Buffer =>
  local.header.readUInt16LE(8) === 8 ? inflateRawSync(data) : data;
function setContent(entry: Entry, content: Buffer, data: Buffer, method: number): void {
  entry.data = data;
  setBoth(entry, "method", method);
  setBoth(entry, "crc", crc32(content));
  setBoth(entry, "packed", data.length);
  setBoth(entry, "size", content.length);
}
function rename(entry: Entry, name: string | Buffer, where: "both" | "local" | "central" = "both"): void {
  if (where !== "central") entry.local.name = Buffer.from(name);
  if (where !== "local") entry.central.name = Buffer.from(name);
}

const VALUES = [0, 1, 2, 8, 9, 10, 20, 45, 63, 0x800, 0x0808, 0xfffe, 0xffff, 0x10000, 0xfffffffe, 0xffffffff];
const otherValue = (rng: Rng, old: number) =>
  rng.pick([() => rng.pick(VALUES), () => old + 1, () => old ^ (1 << below(rng, 16)), () => below(rng, 2 ** 32)])() >>>
  0;

function extraField(rng: Rng, entry: Entry): Buffer {
  const field = (id: number, content: Buffer) => {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(id, 0);
    head.writeUInt16LE(content.length, 2);
    return Buffer.concat([head, content]);
  };
  const { name } = entry.central;
  const unicode = Buffer.alloc(5);
  unicode.writeUInt8(1, 0);
  unicode.writeUInt32LE(crc32(name), 1);
  const sizes = Buffer.alloc(24);
  sizes.writeBigUInt64LE(BigInt(entry.data.length), 0);
  return rng.pick([
    () => field(0x7075, Buffer.concat([unicode, Buffer.from("other.json")])),
    () => field(0x0001, sizes),
    () => field(0x5455, Buffer.from([1, 0, 0, 0, 0])),
    () => field(0x7875, Buffer.from([1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0])),
    () => field(below(rng, 65536), some(rng)),
    () => some(rng, 4),
  ])();
}

const LINKS = [0o120777, 0o060000, 0o100644, 0o104755, 0o040755, 0o644, 0];
const NAMES = [
  "index.json",
  "INDEX.json",
  "index.json/",
  "index.json/x",
  "inde\u{212a}.json",
  "a",
  "a/",
  "../a",
  "/a",
  "a\\b",
  "a/./b",
  "a//b",
  "a\0b",
  "keys",
  "keys/",
  "",
  "/",
  "C:a",
  "ａ",
  "é",
  "e\u0301",
  "nul",
  "a;1",
];

type Mutation = (zip: Zip, rng: Rng, entry: Entry) => void;

/** By name. Those that begin with "harmless" are of the grammar. */
export const ZIP_MUTATIONS: Readonly<Record<string, Mutation>> = {
  "harmless: other times": (zip, rng) => {
    for (const entry of zip.entries) {
      setBoth(entry, "time", below(rng, 65536));
      setBoth(entry, "date", below(rng, 65536));
    }
  },
  "harmless: made by another system": (zip, rng) => {
    for (const { central } of zip.entries) central.header.writeUInt16LE((rng.pick([0, 3, 10, 19]) << 8) | 30, 4);
  },
  "harmless: modes and attributes": (zip, rng) => {
    for (const { central } of zip.entries) {
      central.header.writeUInt16LE(below(rng, 2), 36);
      central.header.writeUInt32LE(rng.pick([0o100644, 0o100600, 0o644, 0]) * 65536 + rng.pick([0, 1, 0x20, 0x21]), 38);
    }
  },
  "harmless: names said to be UTF-8": (zip) => {
    for (const entry of zip.entries) setBoth(entry, "flags", 0x800);
  },
  "harmless: packed otherwise": (zip, rng) => {
    for (const entry of zip.entries) {
      const content = contentOf(entry);
      const level = below(rng, 10);
      if (rng.chance(0.3)) setContent(entry, content, content, 0);
      else setContent(entry, content, deflateRawSync(content, { level, strategy: below(rng, 5) }), 8);
    }
  },
  "harmless: folders listed": (zip, rng) => {
    const folders = new Set(zip.entries.flatMap(({ local }) => `${local.name}`.match(/^.*\//) ?? []));
    for (const name of folders) {
      const folder = copyOf(zip.entries[0]!);
      rename(folder, name);
      setContent(folder, NONE, NONE, 0);
      folder.central.header.writeUInt32LE(rng.chance(0.5) ? 0o040755 * 65536 + 0x10 : 0, 38);
      zip.entries.splice(below(rng, zip.entries.length + 1), 0, folder);
    }
  },
  "harmless: another order": (zip, rng) => {
    zip.entries.sort(() => below(rng, 3) - 1);
  },
  "a field in one header": (_zip, rng, entry) => {
    const [, at, size] = rng.pick(STATED);
    const old = entry.local.header.readUIntLE(at, size);
    setStated(entry, at, size, otherValue(rng, old), rng.pick(["local", "central"]));
  },
  "a field in both headers": (_zip, rng, entry) => {
    const [, at, size] = rng.pick(STATED);
    setStated(entry, at, size, otherValue(rng, entry.local.header.readUIntLE(at, size)), "both");
  },
  "a field of the directory": (_zip, rng, { central: { header } }) => {
    const [at, size] = rng.pick([
      [4, 2],
      [34, 2],
      [36, 2],
      [38, 4],
      [42, 4],
    ] as const);
    header.writeUIntLE(otherValue(rng, header.readUIntLE(at, size)) % 2 ** (8 * size), at, size);
  },
  "a field of the end": (zip, rng) => {
    const [at, size] = rng.pick([
      [4, 2],
      [6, 2],
      [8, 2],
      [10, 2],
      [12, 4],
      [16, 4],
      [20, 2],
    ] as const);
    assemble(zip);
    zip.end.writeUIntLE(otherValue(rng, zip.end.readUIntLE(at, size)) % 2 ** (8 * size), at, size);
    zip.asIs = true;
  },
  "a bit anywhere in headers": (zip, rng, { local, central }) => {
    assemble(zip);
    const header = rng.pick([local.header, central.header, zip.end, local.name, central.name]);
    header[below(rng, header.length)]! ^= 1 << below(rng, 8);
    zip.asIs = true;
  },
  "an extra field": (_zip, rng, entry) => {
    const field = extraField(rng, entry);
    if (rng.chance(0.7)) entry.local.extra = field;
    if (rng.chance(0.7)) entry.central.extra = field;
  },
  "a comment": (zip, rng, { central }) => {
    if (rng.chance(0.5)) central.comment = some(rng);
    else zip.comment = rng.pick([some(rng), Buffer.from(zip.end), assemble(zip).subarray(-60_000)]);
  },
  "bytes between": (zip, rng, entry) => {
    const bytes = rng.pick([some(rng), Buffer.from("MZ"), entry.local.header, zip.end, entry.central.header]);
    const place = below(rng, 4);
    if (place === 0) zip.before = bytes;
    else if (place === 1) entry.behind = bytes;
    else zip.gaps[place - 2] = bytes;
  },
  "bytes behind the data of a file, counted": (_zip, rng, entry) => {
    entry.data = Buffer.concat([entry.data, some(rng)]);
    setBoth(entry, "packed", entry.data.length);
  },
  "a descriptor": (_zip, rng, entry) => {
    const { header } = entry.local;
    const fields = Buffer.from(header.subarray(14, 26));
    const signed = rng.chance(0.7);
    entry.behind = Buffer.concat([signed ? Buffer.from("PK\u0007\u0008") : NONE, fields]);
    setBoth(entry, "flags", 8);
    if (rng.chance(0.7)) header.fill(0, 14, 26);
  },
  "a zip64 locator": (zip, rng) => {
    const record = Buffer.alloc(56);
    record.writeUInt32LE(0x06064b50, 0);
    record.writeBigUInt64LE(44n, 4);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeUInt32LE(1, 16);
    zip.gaps[1] = rng.chance(0.5) ? Buffer.concat([record, locator]) : locator;
  },
  "a name in one header": (_zip, rng, entry) => rename(entry, rng.pick(NAMES), rng.pick(["local", "central"])),
  "a name in both headers": (_zip, rng, entry) => rename(entry, rng.pick(NAMES)),
  "an entry twice": (zip, rng, entry) => {
    const copy = copyOf(entry);
    if (rng.chance(0.7)) rename(copy, rng.pick(NAMES));
    if (rng.chance(0.5)) setContent(copy, Buffer.from("{}"), Buffer.from("{}"), 0);
    if (rng.chance(0.2)) setContent(copy, NONE, NONE, 0);
    zip.entries.splice(below(rng, zip.entries.length + 1), 0, copy);
  },
  "the directory names other entries": (zip, rng) => {
    const numbers = [...zip.entries.keys()];
    zip.order = rng.pick([
      () => numbers.toReversed(),
      () => numbers.slice(1),
      () => numbers.slice(0, -1),
      () => [...numbers, below(rng, numbers.length)],
    ])();
  },
  "a file within another": (zip, rng, entry) => {
    // Stored, and itself what begins with a local header: a reader of headers alone would find one more file.
    const inner = copyOf(zip.entries[0]!);
    rename(inner, "inner.json");
    const content = Buffer.concat([inner.local.header, inner.local.name, inner.data, rng.chance(0.5) ? zip.end : NONE]);
    setContent(entry, content, content, 0);
  },
  "a link or device": (_zip, rng, { central }) => {
    central.header.writeUInt16LE((3 << 8) | 30, 4);
    central.header.writeUInt32LE(rng.pick(LINKS) * 65536 + below(rng, 256), 38);
  },
  "deflated data changed, checksum and size by zlib": (_zip, rng, entry) => {
    const content = contentOf(entry);
    const data = deflateRawSync(content, { level: 1 + below(rng, 9) });
    for (let times = 1 + below(rng, 3); times > 0; times--)
      data[below(rng, Math.min(data.length, 60))]! ^= 1 << below(rng, 8);
    let found = content;
    try {
      found = inflateRawSync(data);
    } catch {}
    setContent(entry, found, data, 8);
  },
  "a content other than its checksum": (_zip, rng, entry) => {
    const content = Buffer.from(contentOf(entry));
    if (content.length > 0) content[below(rng, content.length)]! ^= 1 << below(rng, 8);
    entry.data = content;
    setBoth(entry, "method", 0);
    setBoth(entry, "packed", content.length);
  },
  "cut, or two zips in one": (zip, rng) => {
    const whole = assemble(zip);
    zip.before = rng.chance(0.5) ? whole : whole.subarray(0, below(rng, whole.length));
  },
};

/** A well-formed zip without comments, with one change, or two. */
export function mutatedZip(bytes: Uint8Array, kind: string, rng: Rng): Uint8Array<ArrayBuffer> {
  const zip = parse(bytes);
  ZIP_MUTATIONS[kind]!(zip, rng, rng.pick(zip.entries));
  return Uint8Array.from(assemble(zip));
}
