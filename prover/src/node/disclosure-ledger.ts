// SPDX-License-Identifier: GPL-3.0-or-later
/** The ledger of disclosures as a file, for its owner alone, safe against two processes at once. */
import { lstat, realpath } from "node:fs/promises";
import path from "node:path";
import { EMPTY_LEDGER, type LedgerStore, readLedger } from "../document/disclosure-ledger.ts";
import { formatJson } from "../formats/json.ts";
import { Inputs, removeLeftovers, writeResult, writeSecret } from "./files.ts";
import { withLock } from "./lock.ts";

/** A change takes milliseconds, and the lock ends with its holder: only a holder that hangs is waited for as long as this. */
const PATIENCE_MS = 5_000;

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
      const work = async () => {
        await removeLeftovers(target);
        const { isThere, ledger } = await load(target);
        const changed = change(ledger);
        if (changed === ledger) return;
        const text = formatJson(changed);
        // Private from its first line on; a file that is there keeps its mode.
        await (isThere ? writeResult(target, text) : writeSecret(target, text));
      };
      await withLock(`${target}.lock`, work, { patience: PATIENCE_MS });
    },
  };
}
