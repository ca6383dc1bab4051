// SPDX-License-Identifier: GPL-3.0-or-later
/** The only file access of the CLI: bounded reading, and writing that leaves all or nothing behind. */
import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import {
  access,
  type FileHandle,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { decodeText } from "../formats/text.ts";

/** No reader takes more, in bytes. */
const MAX_BYTES = 8_000_000;
const STDIN = "-";
/** For the owner alone. */
export const PRIVATE = 0o600;

/** A file's content, and its name in messages. */
export interface NamedContent {
  readonly file: string;
  readonly content: Uint8Array;
}

/** The one reader of what a command line names. `-` is standard input, once. */
export class Inputs {
  readonly #signal: AbortSignal;
  readonly #openStdin: () => Readable;
  #stdinTaken = false;

  constructor(signal: AbortSignal, openStdin: () => Readable = () => process.stdin) {
    this.#signal = signal;
    this.#openStdin = openStdin;
  }

  /** A file's content. Throws `FILE` where it cannot be read, `TOO_LARGE` beyond so many bytes, `USAGE`. */
  async bytes(name: string, maximum = MAX_BYTES): Promise<NamedContent> {
    const file = name === STDIN ? "standard input" : name;
    const content = name === STDIN ? await this.#stdin(file, maximum) : await readBounded(name, maximum, this.#signal);
    throwIfCancelled(this.#signal);
    return { file, content };
  }

  /**
   * A file's text: UTF-8, or UTF-16 that begins with a byte order mark, as PowerShell writes it. Throws as `bytes`, and
   * `SYNTAX` where it is neither.
   */
  async text(name: string): Promise<NamedText> {
    const { file, content } = await this.bytes(name);
    return { file, text: decodeText(content, file) };
  }

  /** A secret's text, as `text`. Throws `FILE` also for a file that others than its owner may read; a pipe is for its reader. */
  async secret(name: string): Promise<NamedText> {
    const there = name === STDIN ? undefined : await stat(name).catch(() => undefined);
    if (there?.isFile() && !isOwnersAlone(there)) throw openToOthers(name);
    return this.text(name);
  }

  /** A file's content as it comes, of any length. Throws `FILE` where it cannot be opened; reading fails with the system's errors. */
  async stream(name: string): Promise<{ readonly file: string; readonly content: Readable }> {
    if (name === STDIN) return { file: "standard input", content: this.#takeStdin() };
    try {
      const handle = await open(name, "r");
      if ((await handle.stat()).isDirectory()) {
        await handle.close();
        throw Object.assign(new Error(), { code: "EISDIR" });
      }
      return { file: name, content: handle.createReadStream() };
    } catch (error) {
      throw unreadable(name, UNREADABLE[(error as NodeJS.ErrnoException).code ?? ""]);
    }
  }

  #takeStdin(): Readable {
    if (this.#stdinTaken) throw new PlimsollError("USAGE", "only one input can be standard input (-)");
    this.#stdinTaken = true;
    return this.#openStdin();
  }

  async #stdin(file: string, maximum: number): Promise<Uint8Array> {
    const stdin = this.#takeStdin();
    const stop = () => stdin.destroy();
    this.#signal.addEventListener("abort", stop);
    try {
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of stdin as AsyncIterable<Uint8Array>) {
        length += chunk.length;
        if (length > maximum) throw tooLarge(file, maximum);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } catch (error) {
      throwIfCancelled(this.#signal);
      throw error instanceof PlimsollError ? error : unreadable(file);
    } finally {
      this.#signal.removeEventListener("abort", stop);
    }
  }
}

const tooLarge = (file: string, maximum: number) =>
  new PlimsollError("TOO_LARGE", `expected at most ${maximum} bytes`, { file });
const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: ": it does not exist",
  EISDIR: ": it is a directory",
  EACCES: ": you have no permission",
};
const unreadable = (file: string, why = "") => new PlimsollError("FILE", `cannot be read${why}`, { file });

/** A file's or a pipe's content. Throws `FILE`, `TOO_LARGE` beyond so many bytes, `CANCELLED`. */
export async function readBounded(file: string, maximum = MAX_BYTES, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    // Opening a pipe that nobody writes to would block a thread, and the process could not even end.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const there = await handle.stat();
    if (there.size > maximum) throw tooLarge(file, maximum);
    const chunks: Uint8Array[] = [];
    let length = 0;
    // A pipe has no size: count what comes.
    for await (const chunk of there.isFIFO() ? pipedChunks(handle, signal) : fileChunks(handle)) {
      length += chunk.length;
      if (length > maximum) throw tooLarge(file, maximum);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof PlimsollError) throw error;
    throw unreadable(file, UNREADABLE[(error as NodeJS.ErrnoException).code ?? ""]);
  }
}

const fileChunks = (handle: FileHandle): AsyncIterable<Uint8Array> => handle.createReadStream({ autoClose: false });

/** What comes through a pipe, from its first byte to the end of its last writer; until then it is asked again and again. */
async function* pipedChunks(handle: FileHandle, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
  for (let begun = false; ; ) {
    throwIfCancelled(signal);
    const chunk = new Uint8Array(65_536);
    const bytesRead = await handle.read(chunk, 0, chunk.length, null).then(
      (read) => read.bytesRead,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "EAGAIN") return undefined; // a writer that has written nothing yet
        throw error;
      },
    );
    if (bytesRead === 0 && begun) return;
    if (bytesRead) {
      begun = true;
      yield chunk.subarray(0, bytesRead);
    } else await setTimeout(PIPE_POLL_MS);
  }
}
const PIPE_POLL_MS = 10;

/**
 * Writes a file so that the name holds the old content or all of the new, whatever happens. A link is followed, and what
 * is no regular file (a pipe, a terminal, /dev/null) is written to as it is. `newMode` is that of a file that was not there.
 */
export async function writeResult(file: string, text: string | Uint8Array, newMode = 0o666): Promise<void> {
  const there = await stat(file).catch(() => undefined);
  if (there !== undefined && !there.isFile()) {
    await writeFile(file, text).catch((error) => {
      throw unwritable(file, error);
    });
    return;
  }
  const target = there === undefined ? file : await realpath(file);
  const mode = there === undefined ? newMode : there.mode & 0o777;
  await viaTemporary(target, text, mode, (temporary) => rename(temporary, target));
}

/** Writes a file for its owner alone. Throws `FILE` where the name is taken: a secret is never overwritten. */
export async function writeSecret(file: string, text: string): Promise<void> {
  await writeNew(file, text, PRIVATE);
}

/** A secret's text. Throws `FILE` where it cannot be read, and where others than its owner may read it. */
export async function readSecret(file: string): Promise<string> {
  try {
    // As in `readBounded`: a pipe that nobody writes to blocks no thread.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const there = await handle.stat();
    if (isOwnersAlone(there)) {
      if (!there.isFIFO()) return await handle.readFile("utf8");
      const chunks: Uint8Array[] = [];
      for await (const chunk of pipedChunks(handle, undefined)) chunks.push(chunk);
      return Buffer.concat(chunks).toString("utf8");
    }
  } catch {
    throw new PlimsollError("FILE", "the secret cannot be read", { file });
  }
  throw openToOthers(file);
}

/** Windows has no such modes. */
const isOwnersAlone = ({ mode }: Stats) => (mode & 0o077) === 0 || process.platform === "win32";
const openToOthers = (file: string) =>
  new PlimsollError("FILE", "others than its owner may read the secret (chmod 600)", { file });

/** A secret that is read whenever it is needed: as `readSecret`, and `FILE` for a pipe, which gives it once. */
export async function readKeptSecret(file: string): Promise<string> {
  const there = await stat(file).catch(() => undefined);
  if (there !== undefined && !there.isFile()) {
    throw new PlimsollError("FILE", "expected a file: the secret is read again and again, and a pipe gives it once", {
      file,
    });
  }
  return readSecret(file);
}

/** Writes a file that must not be there yet, and of two at once only one. Throws `FILE` where the name is taken. */
export async function writeNew(file: string, text: string | Uint8Array, mode = 0o666): Promise<void> {
  await viaTemporary(file, text, mode, async (temporary) => {
    await link(temporary, file);
    await unlink(temporary);
  });
}

/**
 * Removes what writers left beside a file who were killed as they wrote it. For a process that holds the lock of the file: those
 * of a living writer would go too.
 */
export async function removeLeftovers(file: string): Promise<void> {
  const folder = path.dirname(file);
  const names = await readdir(folder).catch(() => []);
  const left = names.filter((name) => name.startsWith(`.${path.basename(file)}.`) && /\.[0-9a-f]{12}$/.test(name));
  for (const name of left) await rm(path.join(folder, name), { force: true });
}

async function viaTemporary(
  file: string,
  text: string | Uint8Array,
  mode: number,
  put: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString("hex")}`);
  try {
    await writeFile(temporary, text, { flag: "wx", mode, flush: true });
    await put(temporary);
    await flushDirectory(path.dirname(file));
  } catch (error) {
    await rm(temporary, { force: true });
    throw unwritable(file, error);
  }
}

/** So that a loss of power does not undo what was renamed. Where the system has no such thing, the name is as safe as it gets. */
async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory).catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/** Makes a directory and those that it is in, unless it is there. Throws `FILE`. */
export async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    // Of a disk that can only be read, Node says of this that it does not exist.
    const reason = await mkdir(directory).catch((each: NodeJS.ErrnoException) => each);
    throw unwritable(directory, reason instanceof Error && reason.code === "EROFS" ? reason : error);
  }
}

/** Makes a directory with these files, or nothing. Throws `FILE` where it exists and is not empty. */
export async function writeDirectory(directory: string, files: readonly DirectoryFile[]): Promise<void> {
  let temporary: string | undefined;
  try {
    await mkdir(path.dirname(directory), { recursive: true });
    temporary = await mkdtemp(path.join(path.dirname(directory), `.${path.basename(directory)}.`));
    for (const { name, text, secret } of files) {
      await mkdir(path.dirname(path.join(temporary, name)), { recursive: true });
      await writeFile(path.join(temporary, name), text, { mode: secret ? PRIVATE : 0o666 });
    }
    await rename(temporary, directory);
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    throw unwritable(directory, error);
  }
}

export interface DirectoryFile {
  /** May be in a folder: with forward slashes. */
  readonly name: string;
  readonly text: string | Uint8Array;
  readonly secret?: boolean;
}

/** What is written under a name: a file in place of the one there, or one that must not be there; a directory that is made, or must be empty. */
export type DestinationKind = "file" | "new file" | "directory" | "new directory";

/**
 * Finds out before long work whether its result can be written, and writes nothing. Throws `FILE` with the reason. Meanwhile it may
 * change: whoever writes finds that out too.
 */
export async function checkDestination(name: string, kind: DestinationKind): Promise<void> {
  const failed = (code: string) => Object.assign(new Error(), { code });
  try {
    const there = await (kind === "new file" ? lstat : stat)(name).catch(() => undefined);
    if (kind === "new file" && there !== undefined) throw failed("EEXIST");
    if (kind === "file" && there?.isDirectory()) throw failed("EISDIR");
    if (kind.endsWith("directory") && there !== undefined && !there.isDirectory()) throw failed("EEXIST");
    if (kind === "new directory" && there !== undefined && (await readdir(name)).length > 0) throw failed("ENOTEMPTY");
    // A pipe or a terminal is written to as it is; a file is renamed into its folder.
    if (there?.isFile() === false && kind === "file") return await access(name, constants.W_OK);
    const folder = kind.endsWith("directory")
      ? await nearestThere(path.resolve(name))
      : path.dirname(there === undefined ? name : await realpath(name));
    if (!(await stat(folder)).isDirectory()) {
      throw new PlimsollError("FILE", "cannot be written: what should be its directory is a file", { file: name });
    }
    await access(folder, constants.W_OK);
  } catch (error) {
    throw error instanceof PlimsollError ? error : unwritable(name, error);
  }
}

/** The file that writing to a name replaces or makes, by its one name; undefined for what is no regular file, and written to as it is. */
export async function replacedBy(name: string): Promise<string | undefined> {
  const there = await stat(name).catch(() => undefined);
  if (there === undefined) return path.resolve(name);
  return there.isFile() ? realpath(name) : undefined;
}

/** The directory itself, or the nearest one above it that is there. */
async function nearestThere(directory: string): Promise<string> {
  const there = await lstat(directory).catch(() => undefined);
  const above = path.dirname(directory);
  return there !== undefined || above === directory ? directory : nearestThere(above);
}

const UNWRITABLE: Readonly<Record<string, string>> = {
  ENOENT: ": its directory does not exist",
  EISDIR: ": it is a directory",
  EACCES: ": you have no permission",
  EPERM: ": you have no permission",
  EROFS: ": the file system is read-only",
  ENOSPC: ": the disk is full",
  EDQUOT: ": the disk is full",
};

/** What the system says of a file that it does not write, as an error of ours; any other error as it is. */
export function asFileError(error: unknown): unknown {
  const { code, path: file, dest } = error as NodeJS.ErrnoException & { dest?: string };
  return typeof code === "string" && typeof file === "string" ? unwritable(dest ?? file, error) : error;
}

/** The error for a file that the system refuses to write. */
export function unwritable(file: string, error: unknown): PlimsollError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const taken = ["EEXIST", "ENOTEMPTY", "ENOTDIR", "EBUSY", "EINVAL"].includes(code);
  const why = taken ? "exists already; nothing was written" : `cannot be written${UNWRITABLE[code] ?? ""}`;
  return new PlimsollError("FILE", why, { file });
}
