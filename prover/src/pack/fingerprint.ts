// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Fingerprints by which people compare what they trust, by telephone: 25 digits in five groups.
 *
 * 25 digits are 83 bits. Whoever wants another key to have the fingerprint of a given one tries 2^83 keys, each with a hash and most with
 * the arithmetic of a curve; fewer than 80 bits are within reach of the largest computations there have been. 25 digits is the shortest
 * text in whole groups above that. Two keys of one fingerprint, both of one maker's choice, take 2^42 tries; that helps nobody here, because
 * whoever reads the digits out is trusted for what they stand for.
 *
 * Not here: who reads them out. A number that came with the pack, or from whoever sent it, compares nothing.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { KEY_ORIGINS } from "../keys/origin.ts";
import { openPack } from "./contents.ts";
import { readAttestation } from "./evidence.ts";
import { textOf } from "./format.ts";
import type { Trust } from "./trust.ts";
import type { PackFiles } from "./zip.ts";

const DIGITS = 25;

/**
 * Something that a reader can trust, without its name: the reader chooses that.
 * @see docs/library.md#evidence-packs
 */
export type Trustable =
  | { readonly kind: "firm" | "attester"; readonly signer: string }
  | ({ readonly kind: "key" } & Pick<Trust["keys"][number], "size" | "sha256" | "origin">)
  | { readonly kind: "policy"; readonly sha256: string }
  | ({ readonly kind: "oracle" } & Trust["oracles"][number]);

/**
 * The fingerprint: "12345 67890 12345 67890 12345". Of a firm and an attester of one address they differ.
 *
 *   const told = fingerprint({ kind: "firm", signer: "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a" });
 */
export function fingerprint(what: Trustable): string {
  const words = ["plimsoll-fingerprint/1", what.kind, ...wordsOf(what)].join("\n");
  const value = BigInt(`0x${bytesToHex(sha256(utf8ToBytes(words)))}`) % 10n ** BigInt(DIGITS);
  return `${value}`.padStart(DIGITS, "0").replace(/(\d{5})(?=\d)/g, "$1 ");
}

function wordsOf(what: Trustable): readonly string[] {
  if (what.kind === "key") return [what.size, what.sha256, what.origin];
  if (what.kind === "policy") return [what.sha256];
  if (what.kind !== "oracle") return [what.signer.toLowerCase()];
  const { chainId, contract, board, quorum, reporters, listing = "" } = what;
  const sorted = reporters.map((each) => each.toLowerCase()).sort();
  return [chainId, contract.toLowerCase(), board, `${quorum}`, listing, ...sorted];
}

/** The digits that a person wrote down, without what stands between them. Undefined unless there are 25. */
export function digitsOf(text: string): string | undefined {
  const digits = text.replaceAll(/[\s.,/_-]/g, "");
  return /^\d{25}$/.test(digits) ? digits.replace(/(\d{5})(?=\d)/g, "$1 ") : undefined;
}

/**
 * What a trust file names, with the name that it has there: for its owner to read out, and for a reader to compare one that was sent.
 * @see docs/library.md#evidence-packs
 */
export function trustablesOf({
  firms,
  keys,
  attesters,
  policies = [],
  oracles,
}: Trust): { what: Trustable; name: string }[] {
  return [
    ...firms.map(({ name, signer }) => ({ name, what: { kind: "firm" as const, signer } })),
    ...attesters.map(({ name, signer }) => ({ name, what: { kind: "attester" as const, signer } })),
    ...keys.map(({ size, sha256: hash, origin }) => ({
      name: size,
      what: { kind: "key" as const, size, sha256: hash, origin },
    })),
    ...policies.map(({ sha256: hash }) => ({ name: "", what: { kind: "policy" as const, sha256: hash } })),
    ...oracles.map((oracle) => ({ name: `board ${oracle.board}`, what: { kind: "oracle" as const, ...oracle } })),
  ];
}

/**
 * What a pack could be trusted for: who sealed it, who attested, and each key from either kind of set-up. Nothing of it is trusted
 * before somebody has told its fingerprint. Throws as `peekIndex`.
 */
export function trustablesIn(pack: Uint8Array | PackFiles): Trustable[] {
  const { files, index } = openPack(pack);
  const hashOf = (path: string) => index.files.find((file) => file.path === path)?.sha256 ?? "";
  const attesters = index.files
    .filter(({ kind }) => kind === "attestation")
    .map(({ path }) => readAttestation(textOf(path, files.get(path)!)).attester.signer.toLowerCase());
  return [
    { kind: "firm", signer: index.firm.signer },
    ...[...new Set(attesters)].map((signer) => ({ kind: "attester" as const, signer })),
    ...index.keys.flatMap(({ size, file }) =>
      KEY_ORIGINS.map((origin) => ({ kind: "key" as const, size, sha256: hashOf(file), origin })),
    ),
  ];
}
