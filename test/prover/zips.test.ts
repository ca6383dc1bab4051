// SPDX-License-Identifier: GPL-3.0-or-later
/** W04: the zip of a pack has one reading, by the grammar in docs/packs.md. */
import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import { expect } from "chai";
import { inflateSync, unzipSync, zipSync } from "fflate";
import { unzipFiles } from "../../prover/src/pack/zip.ts";
import { compareZips } from "../../scripts/fuzz/zips.ts";
import { skip } from "../support/skip.ts";
import { hasPython, hasUnzip } from "../support/zip-readers.ts";

const OPTIONS = { level: 6, mtime: new Date(1980, 0, 1) } as const;
const text = (content: string) => new TextEncoder().encode(content);
const FILES = { "index.json": text("{ }".repeat(99)), "keys/1.json": text("[ ]".repeat(99)) };
const zipOf = (files: Record<string, Uint8Array> = FILES) => Buffer.from(zipSync(files, OPTIONS));
const DIRECTORY = "PK\u0001\u0002";
/** The zip with a value of some bytes written at a place of its first local header, of its first entry in the directory, or both. */
function withField(at: { local?: number; entry?: number }, value: number, bytes = 2): Buffer {
  const zip = zipOf();
  if (at.local !== undefined) zip.writeUIntLE(value, at.local, bytes);
  if (at.entry !== undefined) zip.writeUIntLE(value, zip.indexOf(DIRECTORY) + at.entry, bytes);
  return zip;
}
const refused = (zip: Uint8Array, why: string | RegExp, name?: string) =>
  expect(() => unzipFiles(zip), name)
    .throw(why)
    .with.property("code", "SYNTAX");

const attempt = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch {
    return undefined;
  }
};

describe("W04: the zip of a pack", () => {
  it("is read alike by unzip, Python and a reader of local headers, whatever of 300 changed ones is accepted", function () {
    if (!hasUnzip()) skip(this, "unzip is not installed");
    if (!hasPython()) skip(this, "python3 is not installed");
    const { kinds, differences } = compareZips(300, { seed: 4 });
    expect(differences).deep.equal([]);
    for (const [kind, { tried, accepted }] of kinds) {
      if (kind.startsWith("harmless")) expect(accepted, kind).equal(tried);
    }
    const all = [...kinds.values()];
    const count = (of: "tried" | "accepted") => all.reduce((sum, each) => sum + each[of], 0);
    expect(count("tried")).equal(300);
    expect(count("accepted"), "changes that are refused").within(90, 200);
  });

  it("read kindly would be several things to several programs, and the comparison notices it", function () {
    if (!hasUnzip()) skip(this, "unzip is not installed");
    if (!hasPython()) skip(this, "python3 is not installed");
    const kind = (zip: Uint8Array) => new Map(Object.entries(unzipSync(zip)).filter(([name]) => !name.endsWith("/")));
    const { differences } = compareZips(100, { seed: 4, read: kind });
    expect(differences.length).greaterThan(20);
    for (const reader of ["unzip", "python", "stream"]) expect(differences.join("\n")).contain(`, ${reader} `);
  });

  it("has no extra field and no comment", () => {
    const extra =
      /extra fields or comments, which programs read in different ways; zip the files themselves: cd THE-FOLDER && zip -X /;
    refused(Buffer.from(zipSync({ "a.json": [text("a"), { extra: { 28789: text("b.json") } }] }, OPTIONS)), extra);
    refused(Buffer.from(zipSync({ "a.json": [text("a"), { comment: "b" }] }, OPTIONS)), extra);
    const local = zipOf();
    local.writeUInt16LE(4, 28);
    refused(local, "described in two ways");
    const commented = Buffer.concat([zipOf(), text("x")]);
    commented.writeUInt16LE(1, commented.length - 3);
    refused(commented, "it does not end as a zip does");
  });

  it("holds no name twice, no file and folder of one name, and no folder without files", () => {
    const renamed = (from: string, to: string, files: Record<string, Uint8Array>) =>
      Buffer.from(zipOf(files).toString("latin1").replaceAll(from, to), "latin1");
    refused(renamed("index.jsox", "index.json", { ...FILES, "index.jsox": text("{}") }), 'it holds "index.json" twice');
    const empty = new Uint8Array();
    const folder = zipSync({ ...FILES, "index.json/": empty, "keys/": empty }, { ...OPTIONS, level: 0 });
    refused(folder, 'a file and a folder of the name "index.json"');
    const within = { ...FILES, "index.json/a": text("a") };
    refused(zipOf(within), 'a file and a folder of the name "index.json"');
    expect(() => unzipFiles(zipSync({ "keys/": empty, ...FILES }, { ...OPTIONS, level: 0 }))).not.throw();
    refused(zipSync({ ...FILES, "notes/": empty }, { ...OPTIONS, level: 0 }), 'a folder without files, "notes/"');
    for (const name of ["INDEX.json", "inde\u212a.json", "ｉndex.json", "i\u0307ndex.json"]) {
      refused(zipOf({ ...FILES, [name]: text("a") }), "is none that packs have", name);
    }
  });

  it("states everything twice with the same bytes", () => {
    for (const [field, at] of Object.entries({ version: 4, flags: 6, method: 8, time: 10, date: 12, crc: 14 })) {
      refused(withField({ local: at }, 20 + 1), "described in two ways", field);
    }
    for (const at of [18, 22]) refused(withField({ local: at }, 9, 4), "described in two ways", `${at}`);
    expect(() => unzipFiles(withField({ local: 10, entry: 12 }, 777))).not.throw();
    const renamed = zipOf();
    renamed.write("index.jsox", renamed.indexOf(DIRECTORY) + 46);
    refused(renamed, "described in two ways");
  });

  it("takes flags, methods, versions, systems and attributes from short lists", () => {
    for (const flags of [1, 8, 0x20, 0x40, 0x2000])
      refused(withField({ local: 6, entry: 8 }, flags), "encrypted, in parts");
    for (const method of [1, 9, 12, 14, 93, 95]) refused(withField({ local: 8, entry: 10 }, method), "another way");
    for (const version of [0, 45, 63]) refused(withField({ local: 4, entry: 6 }, version), "another version of zip");
    for (const host of [2, 6, 7, 255]) refused(withField({ entry: 4 }, (host << 8) | 20), "another kind of system");
    refused(withField({ entry: 34 }, 1), "in parts");
    refused(withField({ entry: 36 }, 0x4b50), "no regular file");
    for (const mode of [0o120777, 0o040755, 0o104755]) {
      refused(withField({ entry: 38 }, mode * 65536, 4), "no regular file", mode.toString(8));
    }
    refused(withField({ entry: 38 }, 0x10, 4), "no regular file");
    expect(() => unzipFiles(withField({ entry: 38 }, 0o100644 * 65536, 4))).not.throw();
  });

  it("is filled by its entries in the order of the directory", () => {
    const zip = zipOf();
    const [start, end] = [zip.indexOf(DIRECTORY), zip.length - 22];
    const between = (at: number, moved: number) => {
      const longer = Buffer.concat([zip.subarray(0, at), text("hidden"), zip.subarray(at)]);
      if (moved > 0) longer.writeUInt32LE(start + 6, longer.length - 6);
      return longer;
    };
    refused(between(start, 6), "bytes that belong to no file");
    refused(between(0, 6), "bytes that belong to no file");
    refused(between(end, 0), "not where it should be");
    const second = zip.indexOf(DIRECTORY, start + 1);
    const swapped = Buffer.concat([
      zip.subarray(0, start),
      zip.subarray(second, end),
      zip.subarray(start, second),
      zip.subarray(end),
    ]);
    refused(swapped, "bytes that belong to no file, or to two");
  });

  it("holds data that unpacks by zlib's rules to what size and checksum say", () => {
    refused(withField({ local: 14, entry: 16 }, 1, 4), "not what its checksum says");
    // Sets of codes that leave some out: fflate unpacks them, zlib and unzip do not.
    const packed = deflateRawSync(
      JSON.stringify(Array.from({ length: 60 }, (_, index) => ({ [`name${index}`]: index ** 3 }))),
    );
    let lenient = 0;
    for (let bit = 0; bit < 8 * 80; bit++) {
      const changed = Uint8Array.from(packed, (byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      const content = attempt(() => inflateSync(changed));
      if (content === undefined || attempt(() => inflateRawSync(changed)) !== undefined) continue;
      const zip = Buffer.from(zipSync({ "a.json": changed }, { ...OPTIONS, level: 0 }));
      const entry = zip.indexOf(DIRECTORY);
      for (const [at, value, bytes] of [
        [8, 8, 2],
        [14, crc32(content), 4],
        [22, content.length, 4],
      ] as const) {
        zip.writeUIntLE(value, at, bytes);
        zip.writeUIntLE(value, entry + 2 + at, bytes);
      }
      expect(unzipSync(zip)["a.json"]).deep.equal(content);
      refused(zip, /^a\.json: .*(does not unpack|after the end)/, `bit ${bit}`);
      lenient++;
    }
    expect(lenient).greaterThan(0);
  });
});
