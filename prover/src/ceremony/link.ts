// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The link key of a ceremony (docs/link.md): each contributor adds a share of both secrets, and proves to know it.
 *
 *   K1 = Σ [s1]_2, K2 = Σ [s2]_2, L_i = Σ (s1·IC_i + s2·[τ^i]_1), with IC_i of the finished key and [τ^i]_1 of phase 1
 *
 * A link rests on one share of which nobody else knows anything. Without the proofs the last contributor could choose a share
 * that takes all others out again. Of a share nothing but multiples of G2 and its part of the L_i is ever computed: its
 * multiple of the generator of G1 would let anybody link any point. The proof is bound to the entry before, and so to circuit,
 * phase 1 and key: it proves nothing in another ceremony.
 */
import { bn254 } from "@noble/curves/bn254.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER } from "../field.ts";
import { lookOf } from "../formats/look-alikes.ts";
import { g2Bytes, POINT_BYTES, readG2, readLinkKey, writeLinkKey } from "../keys/link-key.ts";
import { combineEach, fromMontgomery } from "../keys/points.ts";
import { g2FromFile, type PointG2, readZkey } from "../keys/zkey.ts";
import { words } from "../statement/link.ts";
import { checkProportion } from "../verify/link-key.ts";
import { append, contributorName, type LinkShare, refusal, type Transcript } from "./transcript.ts";

const G2 = bn254.G2.Point;
const sha256Hex = (bytes: Uint8Array) => bytesToHex(sha256(bytes));

/** What shares are multiplied with: a function of the finished key and phase 1. */
export interface LinkBase {
  readonly verificationKeySha256: string;
  readonly first: number;
  /** Points of the public inputs, IC_0 first. */
  readonly ic: readonly { readonly x: bigint; readonly y: bigint }[];
  /** [τ^i]_1 from i = 1 on, one for each public input, as link keys hold them. */
  readonly powers: Uint8Array;
  readonly tau: PointG2;
}

/** Throws CEREMONY_REFUSED where the phase 1 is none. */
export async function linkBase(
  first: number,
  { key, verificationKey, phase1 }: { key: Uint8Array; verificationKey: string; phase1: Uint8Array },
): Promise<LinkBase> {
  const ic = readZkey(key).ic.map((point) => point.toAffine());
  const [g1, g2] = [2, 3].map((id) => phase1Section(phase1, id)) as [Uint8Array, Uint8Array];
  return {
    verificationKeySha256: sha256Hex(utf8ToBytes(verificationKey)),
    first,
    ic,
    powers: await fromMontgomery(g1.slice(POINT_BYTES, POINT_BYTES * ic.length)),
    tau: g2FromFile(g2.subarray(2 * POINT_BYTES, 4 * POINT_BYTES)),
  };
}

/** A section of a powers-of-tau file of snarkjs's. */
function phase1Section(file: Uint8Array, wanted: number): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let at = 12; at + 12 <= file.length; ) {
    const length = view.getUint32(at + 4, true) + view.getUint32(at + 8, true) * 2 ** 32;
    if (view.getUint32(at, true) === wanted) return file.subarray(at + 12, at + 12 + length);
    at += 12 + length;
  }
  throw refusal("PHASE1_UNFIT", "the phase 1 has no powers");
}

/** A key without a share: what the first one is added to. */
interface Sums {
  readonly k1: PointG2;
  readonly k2: PointG2;
  readonly links?: Uint8Array;
}

/**
 * Adds a share, drawn from the machine's random source and from what a person typed: it is unknown to everybody as long as either
 * is, and gone when this returns. `linkKey` is the newest, if there is one. Throws FIELD_INVALID and CEREMONY_REFUSED.
 */
export async function contributeShare(
  { transcript, linkKey }: { readonly transcript: Transcript; readonly linkKey: Uint8Array | undefined },
  base: LinkBase,
  { name, typed }: { readonly name: string; readonly typed: string },
  now: Date,
): Promise<{ readonly transcript: Transcript; readonly linkKey: Uint8Array }> {
  contributorName(name);
  const [s1, s2] = [secret(typed), secret(typed)];
  const before: Sums = linkKey === undefined ? { k1: G2.ZERO, k2: G2.ZERO } : readLinkKey(linkKey);
  const from = POINT_BYTES * (base.first - 1);
  const lists = {
    left: words(...base.ic.slice(base.first).flatMap(({ x, y }) => [x, y])),
    right: base.powers.subarray(from),
    ...(before.links && { added: before.links }),
  };
  const links = await combineEach(lists, { k1: s1, k2: s2 });
  const [share1, share2] = [s1, s2].map((share) => G2.BASE.multiply(share)) as [PointG2, PointG2];
  const made = writeLinkKey({
    verificationKeySha256: base.verificationKeySha256,
    publics: base.ic.length - 1,
    first: base.first,
    k1: before.k1.add(share1),
    k2: before.k2.add(share2),
    tau: base.tau,
    powers: base.powers,
    links,
  });
  const [n1, n2] = [secret(typed), secret(typed)];
  const hexOf = (point: PointG2) => bytesToHex(g2Bytes(point));
  const shares = { k1: hexOf(share1), k2: hexOf(share2) };
  const [r1, r2] = [n1, n2].map((nonce) => hexOf(G2.BASE.multiply(nonce))) as [string, string];
  const linkKeySha256 = sha256Hex(made);
  const challenge = shareChallenge({ previous: transcript.head, name, shares, proof: { r1, r2 }, linkKeySha256 });
  const [z1, z2] = [n1 + challenge * s1, n2 + challenge * s2].map((z) => bytesToHex(words(z % FIELD_ORDER))) as [
    string,
    string,
  ];
  const after = append(transcript, { kind: "link", name, shares, proof: { r1, r2, z1, z2 }, linkKeySha256 }, now);
  checkSharers(after);
  return { transcript: after, linkKey: made };
}

/** Uniform in [2, r) but for 2^-250, from 64 random bytes and what was typed. */
function secret(typed: string): bigint {
  const random = crypto.getRandomValues(new Uint8Array(64));
  const number = BigInt(`0x${bytesToHex(sha512(concatBytes(random, utf8ToBytes(typed))))}`);
  random.fill(0);
  return 2n + (number % (FIELD_ORDER - 2n));
}

type Told = Pick<LinkShare, "name" | "shares" | "linkKeySha256"> & {
  readonly previous: string | null;
  readonly proof: Pick<LinkShare["proof"], "r1" | "r2">;
};

function shareChallenge({ previous, name, shares, proof, linkKeySha256 }: Told): bigint {
  const told = [previous, name, shares.k1, shares.k2, proof.r1, proof.r2, linkKeySha256];
  const text = JSON.stringify(["plimsoll-link-share/1", ...told]);
  return BigInt(`0x${bytesToHex(sha512(utf8ToBytes(text)))}`) % FIELD_ORDER;
}

/** The rules on who has given shares, as far as the ceremony has come. */
export function checkSharers({ start, links }: Transcript): void {
  if (links.length > 0 && start.linkedFrom === undefined) {
    throw refusal("LINK_UNEXPECTED", "the circuit has no market inputs that are linked");
  }
  const people = links.map(({ name }) => lookOf(name));
  if (new Set(people).size !== people.length) {
    throw refusal("DUPLICATE_CONTRIBUTOR", "a name is there twice among the shares, or looks like another");
  }
  const shares = links.flatMap(({ shares: { k1, k2 } }) => [k1, k2]);
  if (new Set(shares).size !== shares.length) throw refusal("DUPLICATE_CONTRIBUTION", "a share is there twice");
}

/** Throws CEREMONY_REFUSED unless there are as many shares as there must be. */
export function checkShareCount({ start, links }: Transcript): void {
  if (start.linkedFrom === undefined || links.length >= start.contributors) return;
  throw refusal("TOO_FEW_SHARES", `${links.length} of at least ${start.contributors} shares of the link key`);
}

/**
 * Checks the newest link key against the shares that are told, the circuit's key and phase 1: every proof of knowledge, the sums of
 * shares, and every point by one random combination. Throws CEREMONY_REFUSED.
 */
export function checkShares({ links }: Transcript, base: LinkBase, linkKey: Uint8Array): void {
  const newest = links.at(-1)!;
  if (sha256Hex(linkKey) !== newest.linkKeySha256) {
    throw refusal("LINK_KEY_OTHER", "the link key is not the one of the newest share");
  }
  let [k1, k2] = [G2.ZERO, G2.ZERO];
  for (const entry of links) {
    const [share1, share2, r1, r2] = [entry.shares.k1, entry.shares.k2, entry.proof.r1, entry.proof.r2].map((text) =>
      orRefuse("LINK_MALFORMED", () => readG2(hexToBytes(text))),
    ) as [PointG2, PointG2, PointG2, PointG2];
    const challenge = shareChallenge(entry);
    const proves = (z: string, r: PointG2, share: PointG2) => {
      const answer = BigInt(`0x${z}`);
      return answer < FIELD_ORDER && times(answer).equals(r.add(share.multiply(challenge)));
    };
    if (!proves(entry.proof.z1, r1, share1) || !proves(entry.proof.z2, r2, share2)) {
      throw refusal("SHARE_UNPROVEN", "nobody has shown to know a share: it may take the others out again");
    }
    [k1, k2] = [k1.add(share1), k2.add(share2)];
  }
  orRefuse("LINK_MALFORMED", () => {
    const key = readLinkKey(linkKey);
    const place = key.verificationKeySha256 === base.verificationKeySha256 && key.first === base.first;
    if (!place || key.publics !== base.ic.length - 1) throw refusal("LINK_PLACE", "the link key is of another key");
    if (!key.tau.equals(base.tau) || bytesToHex(key.powers) !== bytesToHex(base.powers)) {
      throw refusal("LINK_POWERS", "the powers of the link key are not those of phase 1");
    }
    if (!key.k1.equals(k1) || !key.k2.equals(k2)) {
      throw refusal("LINK_KEY_OTHER", "the secrets of the link key are not the sums of the shares");
    }
    checkProportion(linkKey, base.ic);
  });
}

const times = (scalar: bigint): PointG2 => (scalar === 0n ? G2.ZERO : G2.BASE.multiply(scalar));

function orRefuse<Result>(rule: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof PlimsollError && error.code === "KEY_REFUSED") throw refusal(rule, error.rule);
    throw error;
  }
}
