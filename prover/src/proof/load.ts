// SPDX-License-Identifier: GPL-3.0-or-later
/** Strict verifiers for the keys of the build manifest. */
import { type ArtifactOptions, type LoadedVerificationKey, loadVerificationKey } from "../artifacts.ts";
import type { CircuitName } from "../model/sizes.ts";
import { createVerifier, type Verifier } from "./verify.ts";

/** The strict verifier of a circuit, under the key that the manifest names. Throws as `loadVerificationKey`. */
export async function loadVerifier<Name extends CircuitName>(
  size: Name,
  options?: ArtifactOptions,
): Promise<Verifier<Name>> {
  return verifierOf(await loadVerificationKey(size, options));
}

export function verifierOf<Name extends CircuitName>({
  identity,
  verificationKeyFile,
}: LoadedVerificationKey<Name>): Verifier<Name> {
  const { size, verificationKeySha256: sha256, origin } = identity;
  return createVerifier(verificationKeyFile, { size, sha256, origin });
}
