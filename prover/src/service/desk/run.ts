// SPDX-License-Identifier: GPL-3.0-or-later
/** Starts a desk in this process, and ends it when told to. */

import { existsSync } from "node:fs";
import path from "node:path";
import type { Inputs } from "../../node/files.ts";
import { makeDirectory } from "../../node/files.ts";
import { withLock } from "../../node/lock.ts";
import { readDeskPage } from "../../node/pages.ts";
import { createProver } from "../../node/prover.ts";
import type { DeskConfig } from "./config.ts";
import { Desk, type DeskMachine } from "./desk.ts";
import { serveDesk } from "./server.ts";
import { checkEntries } from "./start.ts";
import { Store } from "./store.ts";
import { courierOf } from "./webhooks.ts";

export interface DeskProcess {
  readonly inputs: Inputs;
  /** Ends the desk. */
  readonly signal: AbortSignal;
  readonly log: DeskMachine["log"];
  /** Unix milliseconds; the system's unless given. */
  readonly clock?: () => number;
  /** Told of what takes a while before that. */
  readonly onStep?: (what: string) => void;
  /** Told once the desk can be reached. */
  readonly onOpen: (url: string) => void;
}

/**
 * Runs a desk until the signal is raised. Throws as `checkEntries`, and `FILE` where another desk has the store or the address is
 * taken.
 */
export async function runDesk(config: DeskConfig, process: DeskProcess): Promise<void> {
  const { inputs, signal, log, clock = Date.now, onStep, onOpen } = process;
  await makeDirectory(path.dirname(config.store));
  await checkEntries(config, inputs, log);
  const page = await readDeskPage({ signal, ...(onStep && { onStep }) });
  await withLock(
    `${config.store}.lock`,
    async () => {
      const store = new Store(config.store);
      const openProver = async () => createProver();
      const desk = new Desk(config, { inputs, store, courier: courierOf(config.webhooks), openProver, clock, log });
      const server = await serveDesk(desk, page).catch((error: unknown) => {
        store.close();
        throw error;
      });
      const stop = () => void desk.close();
      signal.addEventListener("abort", stop, { once: true });
      try {
        onOpen(server.url);
        if (!existsSync(config.tokens)) {
          log({ event: "nobody can sign in", why: "no token has been made: plimsoll desk token makes one" });
        }
        if (signal.aborted) stop();
        await desk.run();
      } finally {
        await server.close();
        await desk.close();
        store.close();
      }
    },
    { patience: 0 },
  );
}
