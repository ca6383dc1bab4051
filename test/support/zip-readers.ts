// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What other programs find in zips: Debian's `unzip` (by the directory), Python's `zipfile` (by the directory), and fflate's
 * stream (header by header from the front, without the directory).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Unzip, UnzipInflate } from "fflate";

/** SHA-256 of each file by its name; folders are left out. A string says why a program refuses the zip. */
export type Listing = Readonly<Record<string, string>> | string;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const sorted = (entries: readonly (readonly [string, string])[]) =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));

export const listingOf = (files: ReadonlyMap<string, Uint8Array>): Listing =>
  sorted([...files].map(([name, content]) => [name, sha256(content)]));

const has = (command: string, ...options: string[]) => spawnSync(command, options, { stdio: "ignore" }).status === 0;
export const hasUnzip = (): boolean => has("unzip", "-v");
export const hasPython = (): boolean => has("python3", "-c", "import zipfile");

/** One process a zip: its names by `zipinfo`, its files by `unzip`. What `unzip` warns of counts as refused. */
function byUnzip(zip: string, folder: string): Listing {
  const { status, stderr, stdout } = spawnSync("unzip", ["-q", "-o", zip, "-d", folder], { encoding: "utf8" });
  if (status !== 0) return `${status} ${stderr}${stdout}`;
  const names = execFileSync("zipinfo", ["-1", zip], { encoding: "utf8" }).split("\n");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  const found = files.map((each) => {
    const file = path.join(each.parentPath, each.name);
    return [path.relative(folder, file), sha256(readFileSync(file))] as const;
  });
  const listed = names.filter((name) => name !== "" && !name.endsWith("/")).sort();
  const unpacked = found.map(([name]) => name).sort();
  return listed.join() === unpacked.join() ? sorted(found) : `it lists ${listed} and unpacks ${unpacked}`;
}

const PYTHON = `
import hashlib, json, sys, zipfile
for line in sys.stdin:
    try:
        with zipfile.ZipFile(line.strip()) as zip:
            names = [name for name in zip.namelist() if not name.endswith("/")]
            found = {name: hashlib.sha256(zip.read(name)).hexdigest() for name in names}
            print(json.dumps(found if len(found) == len(names) else "a name twice"))
    except Exception as error:
        print(json.dumps(repr(error)))
`;

function parsed(line: string): Listing {
  const listing = JSON.parse(line);
  return typeof listing === "string" ? listing : sorted(Object.entries(listing));
}

function byStream(zip: Uint8Array): Listing {
  const found: [string, string][] = [];
  let failed: string | undefined;
  const stream = new Unzip((file) => {
    const chunks: Uint8Array[] = [];
    file.ondata = (error, chunk, final) => {
      if (error) failed = error.message;
      else chunks.push(chunk.slice());
      if (final && !error && !file.name.endsWith("/")) found.push([file.name, sha256(Buffer.concat(chunks))]);
    };
    file.start();
  });
  stream.register(UnzipInflate);
  try {
    stream.push(zip, true);
  } catch (error) {
    failed = (error as Error).message;
  }
  const names = new Set(found.map(([name]) => name));
  return failed ?? (names.size === found.length ? sorted(found) : "a name twice");
}

/** What each program finds in each zip. */
export function otherReaders(zips: readonly Uint8Array[]): Readonly<Record<string, readonly Listing[]>> {
  const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-zips-"));
  try {
    const files = zips.map((bytes, index) => {
      const file = path.join(folder, `${index}.zip`);
      writeFileSync(file, bytes);
      return file;
    });
    const unzipped = files.map((file, index) => {
      const into = path.join(folder, `${index}`);
      mkdirSync(into);
      return byUnzip(file, into);
    });
    const python = execFileSync("python3", ["-c", PYTHON], {
      input: files.join("\n"),
      encoding: "utf8",
      maxBuffer: 1e9,
    });
    const lines = python.trim().split("\n");
    return { unzip: unzipped, python: lines.map(parsed), stream: zips.map(byStream) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
