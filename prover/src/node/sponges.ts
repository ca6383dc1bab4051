// SPDX-License-Identifier: GPL-3.0-or-later
/** What works out many sponges on this machine: the core where there is one, else the portable permutation. The results are the same. */
import { existsSync } from "node:fs";
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import type { Account } from "../model/account.ts";
import { type Sponges, stateSponge } from "../model/commit.ts";
import { portableSponges } from "../prove/sponges.ts";
import { startCore, type WasmCore, wasmSponges } from "../prove/wasm.ts";
import { askedPath, loadAddon, nativeSponges } from "./native.ts";
import { nodePlatform, WASM_FILE } from "./wasm.ts";

/**
 * What works out many sponges, and by which means.
 * @see docs/library.md#books
 */
export interface SpongeCore {
  readonly name: "native" | "wasm" | "portable";
  readonly sponges: Sponges;
  /** Ends the threads that it has. */
  close(): Promise<void>;
}

/**
 * The fastest that is there, or of those the one that PLIMSOLL_BACKEND names; it starts with the first sponges.
 * @see docs/library.md#books
 */
export function openSpongeCore(): SpongeCore {
  const asked = process.env.PLIMSOLL_BACKEND;
  const may = (name: string) => asked === undefined || asked === name;
  const native = may("native") ? loadAddon(askedPath()) : undefined;
  if (native?.addon !== undefined) return { name: "native", sponges: nativeSponges(native), close: async () => {} };
  if (may("wasm") && existsSync(WASM_FILE)) return wasmSpongeCore();
  return { name: "portable", sponges: portableSponges, close: async () => {} };
}

function wasmSpongeCore(): SpongeCore {
  let core: Promise<WasmCore | undefined> | undefined;
  let started: Promise<Sponges> | undefined;
  /** An engine that cannot run the module leaves the portable permutation. */
  async function start(): Promise<Sponges> {
    core = startCore(nodePlatform()).catch((error: unknown) => {
      if (error instanceof PlimsollError && error.code === "BACKEND_UNAVAILABLE") return undefined;
      throw error;
    });
    const living = await core;
    return living === undefined ? portableSponges : wasmSponges(living);
  }
  return {
    name: "wasm",
    sponges: async (inputs) => {
      started ??= start();
      return (await started)(inputs);
    },
    close: async () => (await core?.catch(() => undefined))?.end(),
  };
}

/**
 * Commitments to many accounts, in their order, each as `commitState` gives it, on all threads of the machine. Rejects with
 * `OUT_OF_RANGE` for an account that is not of the model.
 *
 *   const commitments = await commitStates(accounts);
 * @see docs/library.md#accounts
 */
export async function commitStates(accounts: readonly Account[]): Promise<FieldElement[]> {
  const core = openSpongeCore();
  try {
    return await core.sponges(accounts.map(stateSponge));
  } finally {
    await core.close();
  }
}
