// SPDX-License-Identifier: GPL-3.0-or-later
/** Strict verifiers for the keys of the build manifest. */
import { type ArtifactOptions, type LoadedVerificationKey, loadVerificationKey } from "../artifacts.ts";
import type { BoardSize } from "../model/sizes.ts";
import { createVerifier, type Verifier } from "./verify.ts";

/** The strict verifier of a size, under the key that the manifest names. Throws as `loadVerificationKey`. */
export async function loadVerifier(size: BoardSize, options?: ArtifactOptions): Promise<Verifier> {
  return verifierOf(await loadVerificationKey(size, options));
}

export function verifierOf({ identity, verificationKeyFile }: LoadedVerificationKey): Verifier {
  const { size, verificationKeySha256: sha256, origin } = identity;
  return createVerifier(verificationKeyFile, { size, sha256, origin });
}
