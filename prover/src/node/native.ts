// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Proofs by the core compiled for this machine (prover/native), on threads outside the event loop.
 *
 * The addon is code, so it is looked for in the clone's own build directory only, whatever PLIMSOLL_BUILD says, and it is
 * loaded only if it is the file that set-up compiled.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import type { Sponges } from "../model/commit.ts";
import type { Backend, Circuit } from "../prove/backend.ts";
import { openCalculator } from "../prove/calculator.ts";
import {
  type Blinding,
  plannedInputs,
  proofJson,
  randomBlinding,
  release,
  statusError,
  takeOver,
} from "../prove/core.ts";
import { constantBytes, SPONGE_WIDTH, spongesBy } from "../prove/sponges.ts";
import type { BatchCore } from "../verify/batch.ts";
import { CLONE, IN_CLONE } from "./installation.ts";

/** Arithmetic of the core, by the numbers of plimsoll.h: each faster than those before it. On Arm, its own multiply is the portable one's. */
const EVERY_PATH = ["portable", "avx2", "ifma"] as const;
export type ArithmeticPath = (typeof EVERY_PATH)[number];
export const PATHS: readonly ArithmeticPath[] = process.arch === "arm64" ? ["portable"] : EVERY_PATH;

/** prover/native/addon.cc. A number in place of a result is a status. */
export interface Addon {
  supports(path: number): boolean;
  open(zkey: Uint8Array, path: number): Promise<object | number>;
  prepare(zkey: Uint8Array, path: number, threads: number, cancel: Int32Array): Promise<Uint8Array | number>;
  prove(
    key: object,
    wtns: Uint8Array,
    blinding: Uint8Array,
    threads: number,
    cancel: Int32Array,
  ): Promise<Uint8Array | number>;
  close(key: object): void;
  openPlan(plan: Uint8Array): object | number;
  witness(plan: object, input: Uint8Array): Uint8Array | number;
  decompressProofs(compressed: Uint8Array, threads: number): Promise<Uint8Array | number>;
  checkProofs(proofs: Uint8Array, threads: number): Promise<Uint8Array | number>;
  verifyBatch(
    key: Uint8Array,
    proofs: Uint8Array,
    coefficients: Uint8Array,
    points: Uint8Array,
    scalars: Uint8Array,
    threads: number,
  ): Promise<boolean | number>;
  openPoseidon(constants: Uint8Array, width: number, path: number): object | number;
  sponges(poseidon: object, inputs: Uint8Array, blocks: number, threads: number): Promise<Uint8Array | number>;
  compute(operation: string, path: number, input: Uint8Array, outputLength: number): Uint8Array | number;
}

/** build/native/addon.json, which scripts/build-native.ts writes. */
export interface AddonRecord {
  /** Hash of everything the addon was compiled from and of the command. */
  readonly madeFrom: string;
  /** Beside the record. Absent where there is no addon, and then `why` says so. */
  readonly file?: string;
  readonly sha256?: string;
  readonly compiler?: string;
  readonly why?: string;
}

export const NATIVE_DIRECTORY = path.join(CLONE, "build/native");
export const ADDON_RECORD = path.join(NATIVE_DIRECTORY, "addon.json");

export type NativeState =
  | { readonly addon: Addon; readonly path: ArithmeticPath; readonly compiler: string }
  | {
      readonly addon: undefined;
      readonly why: string;
      /** The file that should have been it, where there is one that is not. */
      readonly damaged?: string;
    };

/** The addon, if it is there. `path` asks for an arithmetic in place of the fastest that the processor has. */
export function loadAddon(path?: ArithmeticPath): NativeState {
  const absent = (why: string) => ({ addon: undefined, why }) as const;
  if (!IN_CLONE) return absent("it is compiled in clones only");
  let record: AddonRecord;
  try {
    record = JSON.parse(readFileSync(ADDON_RECORD, "utf8"));
  } catch {
    return absent("set-up has not compiled it");
  }
  if (record.file === undefined) return absent(record.why ?? "set-up could not compile it");
  let addon: Addon;
  const damaged = `${NATIVE_DIRECTORY}/${record.file}`;
  try {
    if (createHash("sha256").update(readFileSync(damaged)).digest("hex") !== record.sha256) {
      return { ...absent("its file is not the one that set-up compiled"), damaged };
    }
    addon = createRequire(import.meta.url)(damaged);
  } catch {
    return { ...absent("its file cannot be loaded"), damaged };
  }
  const supported = PATHS.filter((_, number) => addon.supports(number));
  const chosen = path ?? supported.at(-1);
  if (chosen === undefined || !supported.includes(chosen)) return absent(`the processor has no ${path}`);
  return { addon, path: chosen, compiler: record.compiler ?? "" };
}

export interface NativeOptions {
  /** For tests that need a proof twice; anything but fresh random numbers shows the witness. */
  readonly blinding?: Blinding;
  readonly threads?: number;
}

/** Runs work that looks at a number now and then and ends when it is not 0. Throws `CANCELLED` where the signal is raised meanwhile. */
async function cancelled<T>(signal: AbortSignal | undefined, work: (cancel: Int32Array) => Promise<T>): Promise<T> {
  const cancel = new Int32Array(1);
  const raise = () => {
    cancel[0] = 1;
  };
  signal?.addEventListener("abort", raise);
  try {
    const result = await work(cancel);
    throwIfCancelled(signal);
    return result;
  } finally {
    signal?.removeEventListener("abort", raise);
  }
}

/**
 * The prepared key of a proving key, from which the same proofs are made in half of the time: minutes. Throws `KEY_REFUSED`,
 * `CANCELLED` and `OUT_OF_MEMORY`.
 */
export async function prepareNative(
  { addon, path }: Extract<NativeState, { addon: Addon }>,
  zkey: Uint8Array,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  throwIfCancelled(signal);
  const prepared = await cancelled(signal, (cancel) =>
    addon.prepare(zkey, PATHS.indexOf(path), availableParallelism(), cancel),
  );
  if (typeof prepared === "number") throw statusError(prepared, "proving key");
  return prepared;
}

export function nativeBackend(
  { addon, path }: Extract<NativeState, { addon: Addon }>,
  { blinding = randomBlinding, threads = availableParallelism() }: NativeOptions = {},
): Backend {
  const keys: object[] = [];
  let last: Promise<unknown> = Promise.resolve();

  async function prove(key: object, witness: Uint8Array, signal: AbortSignal | undefined): Promise<unknown> {
    throwIfCancelled(signal);
    const secret = blinding();
    try {
      const proof = await cancelled(signal, (cancel) => addon.prove(key, witness, secret, threads, cancel));
      if (typeof proof === "number") throw statusError(proof, "witness");
      return proofJson(proof);
    } finally {
      secret.fill(0);
    }
  }

  function planned(file: Uint8Array): Circuit["witness"] {
    const plan = addon.openPlan(file);
    if (typeof plan === "number") throw statusError(plan, "witness plan");
    const inputOf = plannedInputs(file);
    return async (values) => {
      const input = await inputOf(values);
      try {
        const witness = addon.witness(plan, input);
        if (typeof witness === "number") throw statusError(witness, "witness");
        return witness;
      } finally {
        input.fill(0);
      }
    };
  }

  function calculated(wasm: Uint8Array<ArrayBuffer>): Circuit["witness"] {
    const calculate = openCalculator(wasm);
    return ({ circuitInput }) => calculate(circuitInput);
  }

  return {
    name: "native",
    async open({ wasm, zkey, plan }) {
      // First of all: what another opening might give back must not be read on a thread meanwhile.
      const file = takeOver(zkey);
      const key = await addon.open(file, PATHS.indexOf(path));
      if (file !== zkey) release(file);
      if (typeof key === "number") throw statusError(key, "proving key");
      keys.push(key);
      return {
        witness: plan === undefined ? calculated(await wasm()) : planned(plan),
        prove(values, signal) {
          // One after another: each uses all the threads.
          const turn = last.then(() => prove(key, values, signal));
          last = turn.catch(() => {});
          return turn;
        },
      };
    },
    async close() {
      await last;
      for (const key of keys.splice(0)) addon.close(key);
    },
  };
}

/** Batches of proofs, on the same threads. */
export function nativeBatchCore(
  { addon }: Extract<NativeState, { addon: Addon }>,
  threads = availableParallelism(),
): BatchCore {
  async function answerOf<Answer>(work: Promise<Answer | number>): Promise<Answer> {
    const answer = await work;
    if (typeof answer === "number") throw statusError(answer, "batch");
    return answer;
  }
  return {
    decompressProofs: (compressed) => answerOf(addon.decompressProofs(compressed, threads)),
    checkProofs: (proofs) => answerOf(addon.checkProofs(proofs, threads)),
    verifyBatch: (...inputs) => answerOf(addon.verifyBatch(...inputs, threads)),
  };
}

/** Sponges of many inputs, on the same threads. */
export function nativeSponges(
  { addon, path }: Extract<NativeState, { addon: Addon }>,
  threads = availableParallelism(),
): Sponges {
  let opened: object | undefined;
  return spongesBy(async (inputs, blocks) => {
    if (opened === undefined) {
      const poseidon = addon.openPoseidon(constantBytes(SPONGE_WIDTH), SPONGE_WIDTH, PATHS.indexOf(path));
      if (typeof poseidon === "number") throw statusError(poseidon, "sponge");
      opened = poseidon;
    }
    const outputs = await addon.sponges(opened, inputs, blocks, threads);
    if (typeof outputs === "number") throw statusError(outputs, "sponge");
    return outputs;
  });
}

/** The arithmetic that PLIMSOLL_NATIVE asks for, for tests and measurements. */
export function askedPath(): ArithmeticPath | undefined {
  const asked = process.env.PLIMSOLL_NATIVE;
  const known = PATHS.find((path) => path === asked);
  if (asked !== undefined && known === undefined) {
    throw new PlimsollError("USAGE", `expected ${PATHS.join(" or ")}`, { field: "PLIMSOLL_NATIVE" });
  }
  return known;
}
