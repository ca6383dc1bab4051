// SPDX-License-Identifier: GPL-3.0-or-later
/** Evidence packs in files: a zip, or a directory. */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { KeySource } from "../app/make-pack.ts";
import { PlimsollError } from "../errors.ts";
import type { PackCircuit } from "../pack/format.ts";
import { peekIndex } from "../pack/verify.ts";
import { PACK_LIMITS, type PackFiles, unzipFiles, zipFiles } from "../pack/zip.ts";
import { loadVerificationKey } from "./artifacts.ts";
import { type Inputs, readBounded, writeDirectory, writeNew } from "./files.ts";

/** A pack as given, and its name in messages. */
export interface NamedPack {
  readonly file: string;
  /** A zip's bytes, or the files of a directory. */
  readonly pack: Uint8Array | PackFiles;
}

/** The pack that a command line names: a zip, a directory, or a zip on standard input. Unverified. */
export async function readPack(inputs: Inputs, name: string): Promise<NamedPack> {
  if (await isDirectory(name)) return { file: name, pack: await readDirectory(name) };
  const { file, content } = await inputs.bytes(name, PACK_LIMITS.zipBytes);
  return { file, pack: content };
}

/** Its files. Throws `SYNTAX` and the like where it is none, and names the pack, and the file in it. Unverified. */
export async function readPackFiles(inputs: Inputs, name: string): Promise<PackFiles> {
  const { file, pack } = await readPack(inputs, name);
  try {
    const files = pack instanceof Uint8Array ? unzipFiles(pack) : pack;
    peekIndex(files);
    return files;
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    const within = error.place.file;
    throw error.at({ file: within === undefined ? file : `${file}, ${within}` });
  }
}

const isDirectory = (name: string): Promise<boolean> =>
  stat(name).then(
    (there) => there.isDirectory(),
    () => false,
  );

/** The files of a directory; links and whatever else is no regular file are not followed. */
async function readDirectory(pack: string): Promise<PackFiles> {
  const unreadable = (file: string, why: string) => new PlimsollError("FILE", why, { file });
  const entries = await readdir(pack, { recursive: true, withFileTypes: true }).catch(() => {
    throw unreadable(pack, "cannot be read");
  });
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

/** Writes a zip where the name ends so, else a directory. Throws `FILE` where it is there: a sealed pack is never overwritten. */
export async function writePack(out: string, files: PackFiles): Promise<void> {
  if (out.endsWith(".zip")) return writeNew(out, zipFiles(files));
  const named = [...files].map(([name, text]) => ({ name, text }));
  return writeDirectory(out, named);
}

/** The key of this installation for a circuit. */
export async function packKey(size: PackCircuit): Promise<KeySource> {
  const { identity, verificationKeyFile } = await loadVerificationKey(size);
  const { verificationKeySha256: sha256, origin, compiler, sourcesSha256, r1csSha256 } = identity;
  return { identity: { size, sha256, origin }, file: verificationKeyFile, compiler, sourcesSha256, r1csSha256 };
}
