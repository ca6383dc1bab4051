// SPDX-License-Identifier: GPL-3.0-or-later
/** Batches of proofs, by the native prover where there is one. */
import type { CircuitName } from "../statement/families.ts";
import { type BatchOptions, verifyBatch as verifyWith } from "../verify/batch.ts";
import type { ProofVerdict, Verifier } from "../verify/verifier.ts";
import { selectBatchCore } from "./backends.ts";

/**
 * The verdict on each of some proofs (`BatchItem`, of any kind: they are not trusted), in their order, as `verifier.verify` gives it. `docs/batches.md` says what it trusts
 * and what it costs. Rejects with `CANCELLED` and `OUT_OF_MEMORY`, never because of the items.
 * @see docs/library.md#proofs
 */
export const verifyBatch = <Name extends CircuitName>(
  verifier: Verifier<Name>,
  items: readonly unknown[],
  options: BatchOptions = {},
): Promise<ProofVerdict[]> => verifyWith(verifier, items, { core: selectBatchCore(), ...options });
