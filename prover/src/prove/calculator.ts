// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Witnesses by the WebAssembly that circom generates.
 *
 * What it prints and throws is kept from view, since it may quote values of private signals.
 */
import type { CircuitInput } from "../statement/witness-input.ts";

/** A function from a circuit's input to its witness, in snarkjs's wtns format. Compiles at its first use. */
export function openCalculator(wasm: Uint8Array<ArrayBuffer>): (input: CircuitInput) => Promise<Uint8Array> {
  let module: Promise<WebAssembly.Module> | undefined;
  return async (input) => {
    module ??= WebAssembly.compile(wasm);
    const { WitnessCalculatorBuilder } = await import("circom_runtime");
    return (await WitnessCalculatorBuilder(await instantiate(await module))).calculateWTNSBin(input);
  };
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
