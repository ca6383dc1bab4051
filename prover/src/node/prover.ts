// SPDX-License-Identifier: GPL-3.0-or-later
/** The prover of this machine: keys from the build directory, the fastest backend that is there. */

import type { Backend } from "../prove/backend.ts";
import { type Prover, proverOf } from "../prove/prover.ts";
import type { CircuitName } from "../statement/families.ts";
import { type Artifacts, loadArtifacts } from "./artifacts.ts";
import { selectBackend } from "./backends.ts";

export {
  type Groth16Proof,
  PROVE_STEPS,
  type Proof,
  type ProveOptions,
  type Prover,
  type ProveStep,
} from "../prove/prover.ts";

/**
 * Where a prover finds circuits and keys, and what computes its proofs.
 * @see docs/library.md#proofs
 */
export interface ProverOptions {
  /** Where circuits and keys are; see `loadArtifacts`. */
  readonly directory?: string | undefined;
  /** In place of `loadArtifacts`, for artifacts that come from elsewhere than files. */
  readonly load?: ((size: CircuitName) => Promise<Artifacts<CircuitName>>) | undefined;
  /** Else the fastest one that is there, or the one that PLIMSOLL_BACKEND names. */
  readonly backend?: Backend | undefined;
}

/**
 * A prover that loads each circuit once, at its first use, and keeps it warm.
 * @see docs/library.md#proofs
 */
export function createProver(options: ProverOptions = {}): Prover {
  const {
    directory,
    load = (size) => loadArtifacts(size, { directory }),
    backend = selectBackend().create(),
  } = options;
  return proverOf({ load, backend });
}
