// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The one lock: of processes that would write the same files at once.
 *
 * The operating system holds it, by way of SQLite, on an open file: it ends with its holder, however the holder ends, and the
 * next one has it at once. The file stays, is empty, and says nothing: no process number that could be another's by now.
 *
 * Nothing else may open the file in a process that has its lock, as a copy of its folder would: by the rules of POSIX, to close it
 * there ends the lock. And it may not be deleted meanwhile.
 */
import { accessSync, constants } from "node:fs";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import { unwritable } from "./files.ts";

export interface LockOptions {
  /** Milliseconds to wait while somebody else has the lock; as long as it takes where left out. */
  readonly patience?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told once, where somebody else has the lock. */
  readonly onWait?: () => void;
}

const HELD = "another process holds this lock; try again when that process has ended";
/** Between two attempts, in milliseconds; at random, so that those who wait do not get in each other's way. */
const pause = () => 5 + 20 * Math.random();

/**
 * Does work while nobody else, in this process or another, has the lock of this file. Its directory must exist. Throws `FILE`
 * where the file cannot be made or written, or patience ends; `CANCELLED`; and what the work throws.
 */
export async function withLock<T>(file: string, work: () => T | Promise<T>, options: LockOptions = {}): Promise<T> {
  const { patience = Number.POSITIVE_INFINITY, signal, onWait } = options;
  throwIfCancelled(signal);
  const database = await open(file);
  try {
    const deadline = performance.now() + patience;
    for (let waits = false; !take(database, file); waits = true) {
      if (performance.now() > deadline) throw new PlimsollError("FILE", HELD, { file });
      if (!waits) onWait?.();
      await sleep(pause());
      throwIfCancelled(signal);
    }
    return await work();
  } finally {
    database.close(); // and so ends the lock
  }
}

async function open(file: string): Promise<DatabaseSync> {
  // Node 22 warns where this module is loaded: not before there is something to lock.
  const { DatabaseSync } = await import("node:sqlite");
  let database: DatabaseSync | undefined;
  try {
    // An absolute path: other names could have a meaning of their own. SQLite's own waiting would block the event loop.
    database = new DatabaseSync(path.resolve(file), { timeout: 0 });
    // A file that can only be read would be opened, and locked for readers.
    accessSync(file, constants.W_OK);
    return database;
  } catch (error) {
    database?.close();
    throw unwritable(file, reasonOf(error, file));
  }
}

/** SQLite says that it cannot open a file, and not why. */
function reasonOf(error: unknown, file: string): unknown {
  if ((error as NodeJS.ErrnoException).code !== "ERR_SQLITE_ERROR") return error;
  try {
    accessSync(path.dirname(path.resolve(file)), constants.W_OK);
    return error;
  } catch (reason) {
    return reason;
  }
}

/** Whether the lock is now ours. */
function take(database: DatabaseSync, file: string): boolean {
  try {
    // Without a journal, SQLite writes nothing: the file stays empty, and a full disk is none of its business.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    const SQLITE_BUSY = 5;
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) return false;
    throw unwritable(file, error);
  }
}
