// SPDX-License-Identifier: GPL-3.0-or-later
/** Strict verifiers for the keys of the build manifest. */

import type { CircuitName } from "../statement/families.ts";
import { type Verifier, verifierOf } from "../verify/verifier.ts";
import { type ArtifactOptions, loadVerificationKey } from "./artifacts.ts";

/**
 * The strict verifier of a circuit, under the key that the manifest names. Throws as `loadVerificationKey`.
 * @see docs/library.md#proofs
 */
export async function loadVerifier<Name extends CircuitName>(
  size: Name,
  options?: ArtifactOptions,
): Promise<Verifier<Name>> {
  return verifierOf(await loadVerificationKey(size, options));
}
