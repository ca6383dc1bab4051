// SPDX-License-Identifier: GPL-3.0-or-later
/** Which backend proves on this machine: the fastest that is there, or the one that PLIMSOLL_BACKEND names. */
import { existsSync } from "node:fs";
import { PlimsollError } from "../errors.ts";
import { BACKENDS, type Backend, type BackendName } from "../prove/backend.ts";
import { snarkjsBackend } from "../prove/snarkjs.ts";
import { wasmBackend } from "../prove/wasm.ts";
import type { BatchCore } from "../verify/batch.ts";
import { type ArithmeticPath, askedPath, loadAddon, nativeBackend, nativeBatchCore, PATHS } from "./native.ts";
import { nodePlatform, WASM_FILE } from "./wasm.ts";

export interface Selection {
  readonly name: BackendName;
  /** What runs and why nothing faster does, for people. */
  readonly detail: string;
  create(): Backend;
}

/**
 * `threads` where it is not to be one for each processor. Throws `USAGE` for a PLIMSOLL_BACKEND or PLIMSOLL_NATIVE that is not known,
 * `BACKEND_UNAVAILABLE` for one that cannot run here.
 */
export function selectBackend(threads?: number): Selection {
  const forced = process.env.PLIMSOLL_BACKEND;
  if (forced !== undefined && !(BACKENDS as readonly string[]).includes(forced)) {
    throw new PlimsollError("USAGE", `expected ${BACKENDS.join(", ")}`, { field: "PLIMSOLL_BACKEND" });
  }
  const missing: string[] = [];
  for (const name of BACKENDS) {
    if (forced !== undefined && name !== forced) continue;
    const found = FIND[name](threads);
    if ("why" in found) missing.push(`no ${name} prover: ${found.why}`);
    else {
      const reasons = forced === undefined ? missing : ["as PLIMSOLL_BACKEND asks"];
      return { name, detail: [`${name}, ${found.what}`, ...reasons].join("; "), create: found.create };
    }
  }
  throw new PlimsollError("BACKEND_UNAVAILABLE", missing.join("; "));
}

/** What batches of proofs are verified with: the native prover, unless PLIMSOLL_BACKEND names another. */
export function selectBatchCore(): BatchCore | undefined {
  const forced = process.env.PLIMSOLL_BACKEND;
  if (forced !== undefined && forced !== "native") return undefined;
  const native = loadAddon();
  return native.addon === undefined ? undefined : nativeBatchCore(native);
}

const ARITHMETIC: Readonly<Record<ArithmeticPath, string>> = {
  portable: process.arch === "arm64" ? "arithmetic of 64-bit Arm" : "portable arithmetic",
  avx2: "AVX2 and FMA",
  ifma: "AVX-512 IFMA",
};

/** Each backend, or why it cannot run here. */
const FIND: Readonly<
  Record<BackendName, (threads?: number) => { readonly what: string; create(): Backend } | { readonly why: string }>
> = {
  native(threads) {
    const native = loadAddon(askedPath());
    if (native.addon === undefined) return native;
    const faster = PATHS.slice(PATHS.indexOf(native.path) + 1).map((path) => {
      const why = loadAddon(path).addon === undefined ? "this processor lacks it" : "PLIMSOLL_NATIVE asks for another";
      return `${ARITHMETIC[path]} would be faster: ${why}`;
    });
    const what = `${ARITHMETIC[native.path]}, compiled by ${native.compiler}`;
    return {
      what: [what, ...faster].join("; "),
      create: () => nativeBackend(native, threads === undefined ? {} : { threads }),
    };
  },
  wasm(threads) {
    if (!existsSync(WASM_FILE)) return { why: "its module is not in this installation" };
    return { what: "prebuilt", create: () => wasmBackend(nodePlatform(threads)) };
  },
  snarkjs: () => ({ what: "in JavaScript", create: snarkjsBackend }),
};
