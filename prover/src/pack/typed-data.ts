// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Signatures of typed data (EIP-712) by Ethereum keys, for flat structures. Made and checked here so that whoever only
 * reads a pack needs no chain library.
 *
 * Strict: 65 bytes in lower-case hexadecimal, v 27 or 28, s in the lower half, so one signature has one text.
 */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";

/** `uint*`, `address`, `bytes32`, `string`, or an array of fixed length of unsigned integers such as `uint64[15]`. */
export type Field = readonly [name: string, type: string];
export type Value = bigint | string | readonly bigint[];

/**
 * Structured data as wallets sign it (EIP-712).
 * @see docs/library.md#evidence-packs
 */
export interface TypedData {
  /** Fields of EIP712Domain that there are, in its order: name, version, chainId, verifyingContract. */
  readonly domain: {
    readonly name: string;
    readonly version: string;
    readonly chainId?: bigint;
    /** Lower-case. */
    readonly verifyingContract?: string;
  };
  readonly type: string;
  readonly fields: readonly Field[];
  readonly message: Readonly<Record<string, Value>>;
}

const DOMAIN_FIELDS: readonly Field[] = [
  ["name", "string"],
  ["version", "string"],
  ["chainId", "uint256"],
  ["verifyingContract", "address"],
];

/** What is signed: keccak256(0x1901 ‖ domain ‖ structure), 32 bytes. */
export function typedDigest({ domain, type, fields, message }: TypedData): Uint8Array {
  const present = DOMAIN_FIELDS.filter(([name]) => name in domain);
  const separator = structHash("EIP712Domain", present, domain as Readonly<Record<string, Value>>);
  return keccak_256(concatBytes(Uint8Array.of(0x19, 0x01), separator, structHash(type, fields, message)));
}

function structHash(type: string, fields: readonly Field[], message: Readonly<Record<string, Value>>): Uint8Array {
  const signature = `${type}(${fields.map(([name, kind]) => `${kind} ${name}`).join(",")})`;
  return keccak_256(
    concatBytes(keccak_256(utf8ToBytes(signature)), ...fields.map(([name, kind]) => encode(kind, message[name]!))),
  );
}

function encode(type: string, value: Value): Uint8Array {
  if (typeof value === "object") return keccak_256(concatBytes(...value.map(word)));
  if (typeof value === "bigint") return word(value);
  if (type === "string") return keccak_256(utf8ToBytes(value));
  return word(BigInt(value));
}

/** 32 bytes, big-endian. */
export const word = (value: bigint): Uint8Array => hexToBytes(value.toString(16).padStart(64, "0"));

const SIGNATURE = /^0x[0-9a-f]{128}(1b|1c)$/;

/** The address, in lower case, whose key signed the digest; undefined where the signature is none. */
export function recoverAddress(digest: Uint8Array, signature: string): string | undefined {
  if (!SIGNATURE.test(signature)) return undefined;
  const bytes = hexToBytes(signature.slice(2));
  try {
    const recovered = secp256k1.Signature.fromBytes(
      concatBytes(Uint8Array.of(bytes[64]! - 27), bytes.subarray(0, 64)),
      "recovered",
    );
    if (recovered.hasHighS()) return undefined;
    return addressOf(recovered.recoverPublicKey(digest).toBytes(false));
  } catch {
    return undefined;
  }
}

/**
 * Who signs: an address, and its signature over a digest. A wallet or a hardware module may stand behind it.
 * @see docs/library.md#evidence-packs
 */
export interface Signing {
  /** Lower-case. */
  readonly address: string;
  sign(data: TypedData): string | Promise<string>;
}

/**
 * Reads a key that signs from memory: 64 hexadecimal digits, perhaps after 0x. Throws `FIELD_INVALID`.
 * @see docs/library.md#evidence-packs
 */
export function readSigningKey({ text, file }: NamedText): Signing {
  const digits = /^(?:0x)?([0-9a-fA-F]{64})\s*$/.exec(text)?.[1];
  const secret = digits === undefined ? undefined : hexToBytes(digits);
  if (secret === undefined || !secp256k1.utils.isValidSecretKey(secret)) {
    throw new PlimsollError("FIELD_INVALID", "expected a signing key: 64 hexadecimal digits", { file });
  }
  return {
    address: addressOf(secp256k1.getPublicKey(secret, false)),
    sign(data) {
      const bytes = secp256k1.sign(typedDigest(data), secret, { prehash: false, format: "recovered" });
      return `0x${bytesToHex(bytes.subarray(1))}${bytes[0] === 0 ? "1b" : "1c"}`;
    },
  };
}

/**
 * A fresh key, as its file holds it.
 * @see docs/library.md#evidence-packs
 */
export const newSigningKey = (): string => `0x${bytesToHex(secp256k1.utils.randomSecretKey())}\n`;

const addressOf = (publicKey: Uint8Array) => `0x${bytesToHex(keccak_256(publicKey.subarray(1)).subarray(12))}`;
