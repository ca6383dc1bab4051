// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Public randomness that nobody knew when it was announced: rounds of drand's "quicknet", checked offline.
 *
 * A round's value is the SHA-256 of a BLS signature over its number under the network's key. Signing is deterministic, so
 * a signature that verifies is the only one there is, wherever it was fetched from.
 */
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

/** Chain 52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971, as its nodes publish it. */
const QUICKNET = {
  publicKey:
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
  genesisSeconds: 1_692_803_367,
  periodSeconds: 3,
  domain: "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_",
};

/** When a round is published. */
export function roundTime(round: number): Date {
  return new Date(1000 * (QUICKNET.genesisSeconds + (round - 1) * QUICKNET.periodSeconds));
}

/** The value of a round, 64 hexadecimal digits, or undefined where the signature (96 digits) is not the network's. */
export function roundValue(round: number, signature: string): string | undefined {
  const message = new Uint8Array(8);
  new DataView(message.buffer).setBigUint64(0, BigInt(round));
  const { shortSignatures } = bls12_381;
  try {
    const hashed = shortSignatures.hash(sha256(message), QUICKNET.domain);
    const signed = shortSignatures.verify(hexToBytes(signature), hashed, hexToBytes(QUICKNET.publicKey));
    return signed ? bytesToHex(sha256(hexToBytes(signature))) : undefined;
  } catch {
    return undefined; // no point of the group
  }
}
