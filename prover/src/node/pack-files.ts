// SPDX-License-Identifier: GPL-3.0-or-later
/** Evidence packs in files: a zip, or a directory. */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { PlimsollError } from "../errors.ts";
import { PACK_LIMITS, type PackFiles, zipFiles } from "../pack/zip.ts";
import { readBounded, writeDirectory, writeResult } from "./files.ts";

/** A zip's bytes, or the files of a directory; links and whatever else is no regular file are not followed. */
export async function readPack(pack: string): Promise<Uint8Array | PackFiles> {
  const unreadable = (file: string, why: string) => new PlimsollError("FILE", why, { file });
  const there = await stat(pack).catch(() => {
    throw unreadable(pack, "cannot be read");
  });
  if (!there.isDirectory()) return readBounded(pack, PACK_LIMITS.zipBytes);
  const entries = await readdir(pack, { recursive: true, withFileTypes: true });
  if (entries.length > 4 * PACK_LIMITS.files) throw new PlimsollError("TOO_LARGE", "too many files", { file: pack });
  const files = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile()) throw unreadable(file, "not a regular file");
    const content = await readBounded(file, PACK_LIMITS.fileBytes);
    bytes += content.length;
    if (bytes > PACK_LIMITS.bytes) throw new PlimsollError("TOO_LARGE", "more than a pack may hold", { file: pack });
    files.set(path.relative(pack, file).split(path.sep).join("/"), content);
  }
  return files;
}

/** Writes a zip where the name ends so, else a directory that does not exist yet. */
export async function writePack(out: string, files: PackFiles): Promise<void> {
  if (out.endsWith(".zip")) return writeResult(out, zipFiles(files));
  const named = [...files].map(([name, text]) => ({ name, text }));
  return writeDirectory(out, named);
}
