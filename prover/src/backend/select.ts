// SPDX-License-Identifier: GPL-3.0-or-later
/** Which backend proves on this machine: the fastest that is there, or the one that PLIMSOLL_BACKEND names. */
import { PlimsollError } from "../errors.ts";
import { BACKENDS, type Backend, type BackendName } from "./backend.ts";
import { askedPath, loadAddon, nativeBackend } from "./native.ts";
import { snarkjsBackend } from "./snarkjs.ts";

export interface Selection {
  readonly name: BackendName;
  /** What runs and why nothing faster does, for people. */
  readonly detail: string;
  create(): Backend;
}

/** Throws `USAGE` for a PLIMSOLL_BACKEND or PLIMSOLL_NATIVE that is not known, `BACKEND_UNAVAILABLE` for one that cannot run here. */
export function selectBackend(): Selection {
  const forced = process.env.PLIMSOLL_BACKEND;
  if (forced !== undefined && !(BACKENDS as readonly string[]).includes(forced)) {
    throw new PlimsollError("USAGE", `expected ${BACKENDS.join(", ")}`, { field: "PLIMSOLL_BACKEND" });
  }
  const because = forced === undefined ? "" : ", as PLIMSOLL_BACKEND asks";
  if (forced === "snarkjs") return snarkjs(`snarkjs${because}`);

  const native = loadAddon(askedPath());
  if (native.addon !== undefined) {
    const arithmetic = native.path === "ifma" ? "AVX-512 IFMA" : "portable arithmetic";
    const detail = `native, ${arithmetic}, compiled by ${native.compiler}${because}`;
    return { name: "native", detail, create: () => nativeBackend(native) };
  }
  if (forced === "native") throw new PlimsollError("BACKEND_UNAVAILABLE", `no native prover: ${native.why}`);
  return snarkjs(`snarkjs; no native prover: ${native.why}`);
}

const snarkjs = (detail: string): Selection => ({ name: "snarkjs", detail, create: snarkjsBackend });
