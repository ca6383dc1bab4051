// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Development link keys: for a circuit's verification key, from secrets that whoever makes them knows.
 *
 * Whoever sees the secrets links any point to any values. τ is drawn here too and is not the circuit key's: a link rests on nobody
 * knowing τ, and on no relation between the two (docs/link.md). So a link key is made without the trapdoor of the circuit's key,
 * which is forgotten.
 */
import { createHash } from "node:crypto";
import { bn254 } from "@noble/curves/bn254.js";
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER } from "../field.ts";
import { POINT_BYTES, writeLinkKey } from "./link-key.ts";
import type { VerificationKey } from "./manifest.ts";
import { combineEach, powersOf, publicPoints } from "./points.ts";

/** The numbers that nobody must know of a link key. */
export interface LinkSecrets {
  readonly k1: bigint;
  readonly k2: bigint;
  readonly tau: bigint;
}

/** Secrets derived from a seed, which must be 32 random bytes or more unless the key is for a test. */
export function linkSecretsFrom(seed: Uint8Array): LinkSecrets {
  const [k1, k2, tau] = ["k1", "k2", "tau"].map((name) => {
    const digest = createHash("sha512").update(`plimsoll development link key, ${name}\0`).update(seed).digest("hex");
    return BigInt(`0x${digest}`) % FIELD_ORDER;
  }) as [bigint, bigint, bigint];
  if (new Set([0n, 1n, k1, k2, tau]).size !== 5)
    throw new PlimsollError("INTERNAL", "the seed gives degenerate secrets");
  return { k1, k2, tau };
}

/**
 * Makes the link key of a verification key for its public inputs from number `first` on. The same secrets give the same bytes.
 * Not checked: the secrets (tests make weak keys here to show that they are refused elsewhere).
 */
export async function makeDevelopmentLinkKey(
  verificationKeyFile: Uint8Array,
  first: number,
  { k1, k2, tau }: LinkSecrets,
): Promise<Uint8Array<ArrayBuffer>> {
  const key: VerificationKey = JSON.parse(new TextDecoder().decode(verificationKeyFile));
  const powers = await powersOf(tau, key.nPublic);
  const from = POINT_BYTES * (first - 1);
  const links = await combineEach({ left: publicPoints(key).subarray(from), right: powers.subarray(from) }, { k1, k2 });
  const [g1, g2, gTau] = [k1, k2, tau].map((secret) => bn254.G2.Point.BASE.multiply(secret)) as [G2, G2, G2];
  const verificationKeySha256 = createHash("sha256").update(verificationKeyFile).digest("hex");
  return writeLinkKey({ verificationKeySha256, publics: key.nPublic, first, k1: g1, k2: g2, tau: gTau, powers, links });
}
type G2 = InstanceType<typeof bn254.G2.Point>;
