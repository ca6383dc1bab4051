// SPDX-License-Identifier: GPL-3.0-or-later
/** A verifying key as the contracts hold it. */
import { concat, dataLength, dataSlice, hexlify, keccak256, type Provider, toBeHex } from "ethers";
import { HEAD_BYTES } from "../keys/link-key.ts";
import type { VerificationKey } from "../keys/manifest.ts";

export interface ChainKey {
  /** Keccak-256 of the key. */
  readonly hash: string;
  readonly key: string;
}

/**
 * Lays a key out: alpha, beta, gamma, delta, the IC points of the constant and of the public inputs that each proof has of its own,
 * all in words, points of G2 with their imaginary parts first; then the head of the link key. Checks nothing: the verifier's
 * constructor does.
 * @param own how many public inputs each proof has of its own
 */
export function chainKey(key: VerificationKey, own: number, linkKeyFile: Uint8Array): ChainKey {
  const g2 = (point: string[][]) => [point[0]![1]!, point[0]![0]!, point[1]![1]!, point[1]![0]!];
  const words = [
    ...key.vk_alpha_1.slice(0, 2),
    ...[key.vk_beta_2, key.vk_gamma_2, key.vk_delta_2].flatMap(g2),
    ...key.IC.slice(0, own + 1).flatMap((point) => point.slice(0, 2)),
  ];
  const head = hexlify(linkKeyFile.subarray(0, HEAD_BYTES));
  const laid = concat([...words.map((word) => toBeHex(BigInt(word), 32)), head]);
  return { hash: keccak256(laid), key: laid };
}

/** Creation code of a contract whose code is a STOP byte and the data: a data page. */
export function pageCreation(data: string): string {
  const size = (data.length - 2) / 2 + 1;
  // PUSH3 size, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN
  return concat(["0x62", toBeHex(size, 3), "0x80600b5f395ff3", "0x00", data]);
}

/** Keccak-256 of the key that a verifier's page begins with, read from its code. What follows the verifier worked out itself. */
export async function deployedKeyHash(provider: Provider, page: string, keyBytes: number): Promise<string> {
  const code = await provider.getCode(page);
  const holdsKey = code.startsWith("0x00") && dataLength(code) > keyBytes;
  return keccak256(holdsKey ? dataSlice(code, 1, 1 + keyBytes) : "0x");
}
