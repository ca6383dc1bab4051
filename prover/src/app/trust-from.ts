// SPDX-License-Identifier: GPL-3.0-or-later
/** A trust file for a reader of packs to start from. The reader looks through it before using it. */
import { formatJson } from "../formats/json.ts";
import type { Manifest } from "../keys/manifest.ts";
import { readTrust, TRUSTED_CIRCUITS, type Trust } from "../pack/trust.ts";

/**
 * What a trust file is to trust.
 * @see docs/library.md#evidence-packs
 */
export interface TrustRequest extends Pick<Trust, "firms" | "attesters"> {
  /** Market values and holdings older than this are not current. Seconds. */
  readonly maxAgeSeconds: number;
}

/**
 * The text of a trust file that names the keys of this installation. Throws as `readTrust`.
 * @see docs/library.md#evidence-packs
 */
export function trustFrom(
  { circuits, origin }: Pick<Manifest, "circuits" | "origin">,
  { firms, attesters, maxAgeSeconds }: TrustRequest,
): string {
  const keys = TRUSTED_CIRCUITS.flatMap((size) => {
    const record = circuits[size];
    if (record === undefined) return [];
    return [{ size, sha256: record.verificationKey.sha256, origin, r1csSha256: record.r1cs.sha256 }];
  });
  const document = { format: "plimsoll-trust/1", firms, keys, maxAgeSeconds, attesters };
  const text = formatJson(document);
  readTrust({ text, file: "the trust file" });
  return text;
}
