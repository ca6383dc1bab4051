// SPDX-License-Identifier: GPL-3.0-or-later
/** The ledger of disclosures as a file, for its owner alone, safe against two processes at once. */
import { lstat, open, realpath, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EMPTY_LEDGER, type LedgerStore, readLedger } from "../document/disclosure-ledger.ts";
import { PlimsollError } from "../errors.ts";
import { formatJson } from "../formats/json.ts";
import { Inputs, writeResult, writeSecret } from "./files.ts";

/** A change takes milliseconds: whoever waits longer than this waits for a process that died. */
const PATIENCE_MS = 5_000;
const PAUSE_MS = 20;

/**
 * The ledger in a file, which is made at the first answer. Throws `FILE`, and as `readLedger`.
 *
 *   const ledger = fileLedger("disclosures.json");
 */
export function fileLedger(file: string): LedgerStore {
  const inputs = new Inputs(new AbortController().signal);
  // Not by its name as given: "-" would be standard input.
  const real = () => realpath(file).catch(() => path.resolve(file));

  async function load(target: string) {
    // A ledger that is there and cannot be read, or a link to one that is away, is not an empty one.
    const isThere = await lstat(target).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
    );
    return { isThere, ledger: isThere ? readLedger(await inputs.text(target)) : EMPTY_LEDGER };
  }

  return {
    async read() {
      return (await load(await real())).ledger;
    },
    async update(change) {
      const target = await real();
      await locked(`${target}.lock`, async () => {
        const { isThere, ledger } = await load(target);
        const changed = change(ledger);
        if (changed === ledger) return;
        const text = formatJson(changed);
        // Private from its first line on; a file that is there keeps its mode.
        await (isThere ? writeResult(target, text) : writeSecret(target, text));
      });
    },
  };
}

/** Does work while a lock file is ours. Throws `FILE` where somebody else has it for too long. */
async function locked<T>(lock: string, work: () => Promise<T>): Promise<T> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(PAUSE_MS)) {
    try {
      await (await open(lock, "wx", 0o600)).close();
      break;
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === "EEXIST";
      if (taken && performance.now() < deadline) continue;
      const rule = taken
        ? "another disclosure is being recorded; if none is, delete this file and disclose again"
        : "cannot be written";
      throw new PlimsollError("FILE", rule, { file: lock });
    }
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}
