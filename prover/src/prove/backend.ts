/** From the fastest to the one that is always there. */
import type { WitnessInput } from "../statement/witness-input.ts";
export const BACKENDS = ["native", "wasm", "snarkjs"] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface Backend {
  readonly name: BackendName;
  /**
   * Gets a circuit ready to be proved with again and again. Rejects with `KEY_REFUSED` for a proving key that is none of
   * Groth16 over BN254, `OUT_OF_MEMORY`.
   */
  open(files: CircuitFiles): Promise<Circuit>;
  /** Waits for the proof being made, ends the threads and forgets the circuits: nothing keeps the process alive afterwards. */
  close(): Promise<void>;
}

/** Files of one circuit. What a backend keeps of them it keeps as it is: they must not be written to. */
export interface CircuitFiles {
  /** Reads circom's witness generator, for a backend that executes no plan, or where there is none. */
  readonly wasm: () => Promise<Uint8Array<ArrayBuffer>>;
  /** The same as a plan (witness-plan.ts), for a backend that executes such. */
  readonly plan?: Uint8Array<ArrayBuffer>;
  /** The proving key in snarkjs's format. A backend takes it over: the array may be empty when the circuit is open. */
  readonly zkey: Uint8Array<ArrayBuffer>;
}

export interface Circuit {
  /** Whether the backend has lost what it opened, because a thread of it died: it must be opened again. */
  readonly lost?: boolean;
  /** Values of all signals, in snarkjs's wtns format. */
  witness(input: WitnessInput): Promise<Uint8Array>;
  /**
   * A proof as snarkjs writes it (`proof.json`), not verified. Rejects with `CANCELLED` soon after the signal is raised,
   * wherever the computation is, and with `OUT_OF_MEMORY`.
   */
  prove(witness: Uint8Array, signal?: AbortSignal | undefined): Promise<unknown>;
}
