// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Witnesses by circom's generated WebAssembly and proofs by snarkjs, in memory only: nothing is ever written to disk.
 *
 * What both print and throw is kept from view, since it may quote values of private signals.
 */
import { WitnessCalculatorBuilder } from "circom_runtime";
import { throwIfCancelled } from "../errors.ts";
import type { CircuitInput } from "../model/statement.ts";

/** What computes proofs. Results are not trusted: the prover verifies each before it returns it. */
export interface Backend {
  /** Values of all signals, in snarkjs's wtns format. */
  witness(circuit: WebAssembly.Module, input: CircuitInput): Promise<Uint8Array>;
  /** A proof as snarkjs writes it (`proof.json`), not verified. Rejects with `CANCELLED` soon after the signal is raised, wherever the computation is. */
  prove(provingKey: Uint8Array, witness: Uint8Array, signal: AbortSignal | undefined): Promise<unknown>;
  /** Ends the threads; afterwards nothing of the backend keeps a process alive. */
  close(): Promise<void>;
}

/** snarkjs keeps one set of threads for the process: proofs are made one after another, and the last user ends them. */
let users = 0;
let last: Promise<unknown> = Promise.resolve();

export function snarkjsBackend(): Backend {
  users++;
  let open = true;
  return {
    async witness(circuit, input) {
      const calculator = await WitnessCalculatorBuilder(await instantiate(circuit));
      return calculator.calculateWTNSBin(input);
    },
    prove(provingKey, witness, signal) {
      const turn = last.then(() => prove(provingKey, witness, signal));
      last = turn.catch(() => {});
      return untilAborted(turn, signal);
    },
    async close() {
      if (!open) return;
      open = false;
      users--;
      await last;
      if (users === 0) await endThreads();
    },
  };
}

async function prove(provingKey: Uint8Array, witness: Uint8Array, signal: AbortSignal | undefined): Promise<unknown> {
  throwIfCancelled(signal);
  const { curves, groth16 } = await import("snarkjs");
  // Started here, where nothing interrupts it: threads half started could not be ended.
  await curves.getCurveFromName("bn128");
  throwIfCancelled(signal);
  const proving = groth16.prove({ type: "mem", data: provingKey }, { type: "mem", data: witness });
  // Work that has lost its threads stands still and is forgotten; the next proof starts new ones.
  return (await untilAborted(proving, signal, endThreads)).proof;
}

/** Ends the threads that snarkjs starts by itself; whatever it does next starts new ones. */
export async function endThreads(): Promise<void> {
  await (globalThis as { curve_bn128?: { terminate(): Promise<void> } | null }).curve_bn128?.terminate();
}

/** The result of the work, or `CANCELLED` once the signal is raised and `stop` is done. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, stop = async () => {}): Promise<T> {
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => {
    stop()
      .then(() => throwIfCancelled(signal))
      .catch(aborted.reject);
  };
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** An instance that prints nothing: circom's runtime would write the place and values of a failed constraint to stderr. */
function instantiate(circuit: WebAssembly.Module): Promise<WebAssembly.Instance> {
  const silent = () => {};
  return WebAssembly.instantiate(circuit, {
    runtime: {
      exceptionHandler() {
        throw new Error("the circuit refused its input");
      },
      printErrorMessage: silent,
      writeBufferMessage: silent,
      showSharedRWMemory: silent,
    },
  });
}
