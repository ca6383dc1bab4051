// SPDX-License-Identifier: GPL-3.0-or-later
/** A verifying key as the contracts hold it. */
import { concat, dataSlice, keccak256, type Provider, toBeHex } from "ethers";
import type { VerificationKey } from "../keys/manifest.ts";

/** Bytes of one page: 383 entries of 64 bytes. With the STOP byte in front, just below the limit for a contract. */
const PAGE_BYTES = 383 * 64;

export interface ChainKey {
  /** Keccak-256 of the whole key. */
  readonly hash: string;
  /** Code that deploys each page, to be sent as a contract creation without a constructor. */
  readonly pages: readonly string[];
}

/**
 * Lays a key out: alpha, beta, gamma, delta, then the IC points, all in words, points of G2 with their imaginary parts
 * first. Checks nothing: the verifier's constructor does.
 */
export function chainKey(key: VerificationKey): ChainKey {
  const g2 = (point: string[][]) => [point[0]![1]!, point[0]![0]!, point[1]![1]!, point[1]![0]!];
  const words = [
    ...key.vk_alpha_1.slice(0, 2),
    ...[key.vk_beta_2, key.vk_gamma_2, key.vk_delta_2].flatMap(g2),
    ...key.IC.flatMap((point) => point.slice(0, 2)),
  ];
  const blob = concat(words.map((word) => toBeHex(BigInt(word), 32)));
  const length = (blob.length - 2) / 2;
  const pages: string[] = [];
  for (let start = 0; start < length; start += PAGE_BYTES) {
    pages.push(pageCreation(dataSlice(blob, start, Math.min(start + PAGE_BYTES, length))));
  }
  return { hash: keccak256(blob), pages };
}

/** Creation code of a contract whose code is a STOP byte and the data. */
export function pageCreation(data: string): string {
  const size = (data.length - 2) / 2 + 1;
  // PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN
  return concat(["0x61", toBeHex(size, 2), "0x80600a5f395ff3", "0x00", data]);
}

/** Keccak-256 of the key that data pages hold, read from their code. */
export async function deployedKeyHash(provider: Provider, pages: readonly string[]): Promise<string> {
  const codes = await Promise.all(pages.map((page) => provider.getCode(page)));
  return keccak256(concat(codes.map((code) => (code.startsWith("0x00") ? dataSlice(code, 1) : "0x"))));
}
