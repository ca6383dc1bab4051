// SPDX-License-Identifier: GPL-3.0-or-later
/** What an owner keeps of an account at a gate, as a file for its owner alone; one process at a time works with it. */
import { lstat } from "node:fs/promises";
import path from "node:path";
import { type AccountRecord, type AccountStore, readAccountRecord } from "../chain/account-record.ts";
import { formatJson } from "../formats/json.ts";
import { Inputs, PRIVATE, removeLeftovers, writeResult } from "./files.ts";
import { withLock } from "./lock.ts";

/**
 * Works with an account's file, which is made when something is first kept. Throws `FILE` where another process works with it, and as
 * `readAccountRecord`.
 * @see docs/library.md#an-account-on-chain
 */
export async function withAccountFile<T>(file: string, work: (store: AccountStore) => Promise<T>): Promise<T> {
  const target = path.resolve(file);
  const inputs = new Inputs(new AbortController().signal);
  const store: AccountStore = {
    async read() {
      const there = await lstat(target).catch(() => undefined);
      if (there === undefined) return undefined;
      const { text } = await inputs.text(target);
      return readAccountRecord(text, file);
    },
    write: (record: AccountRecord) => writeResult(target, formatJson(record), PRIVATE),
  };
  return withLock(
    `${target}.lock`,
    async () => {
      await removeLeftovers(target);
      return work(store);
    },
    { patience: 0 },
  );
}
