// SPDX-License-Identifier: GPL-3.0-or-later
/** Changes to the public file of a book, of every kind that a hand or a program could make. */
import { bn254 } from "@noble/curves/bn254.js";
import { type BookHead, bookSentence, bookText, readBookHead } from "../../prover/src/document/book/head.ts";
import { type BookParts, fileStart, RECORD_BYTES, readBookParts } from "../../prover/src/document/book/steps.ts";
import { compressProof, decompressProof, plainProof } from "../../prover/src/verify/compressed.ts";
import type { Rng } from "./random.ts";

export interface BookMutation {
  readonly what: string;
  readonly bytes: Uint8Array;
  /** Whether what it says is what the book said: such a file may be accepted. */
  readonly same: boolean;
}

const joined = (parts: BookParts) => Buffer.concat([fileStart(parts), parts.records]);
const below = (rng: Rng, count: number) => Number(rng.below(BigInt(count)));
const pick = <T>(rng: Rng, list: readonly T[]): T => list[below(rng, list.length)]!;

/** The same proof with other points: whoever has a proof can make it, and it says the same. */
function rerandomised(proof: Uint8Array, rng: Rng): Uint8Array {
  const [ax, ay, bx0, bx1, by0, by1, ...c] = decompressProof(proof)! as bigint[];
  const factor = 2n + rng.below(1n << 64n);
  const a = bn254.G1.Point.fromAffine({ x: ax!, y: ay! }).multiply(bn254.fields.Fr.inv(factor)).toAffine();
  const x = bn254.fields.Fp2.create({ c0: bx0!, c1: bx1! });
  const y = bn254.fields.Fp2.create({ c0: by0!, c1: by1! });
  const b = bn254.G2.Point.fromAffine({ x, y }).multiply(factor).toAffine();
  return compressProof(plainProof([a.x, a.y, b.x.c0, b.x.c1, b.y.c0, b.y.c1, ...c]));
}

type Change = (parts: BookParts, head: BookHead, rng: Rng) => { readonly bytes: Uint8Array; readonly same?: boolean };

/** Changes one record of a copy. */
function records(parts: BookParts, change: (all: Uint8Array[]) => Uint8Array[]): { bytes: Uint8Array } {
  const count = parts.records.length / RECORD_BYTES;
  const all = Array.from({ length: count }, (_, at) => parts.records.slice(at * RECORD_BYTES, (at + 1) * RECORD_BYTES));
  return { bytes: joined({ ...parts, records: Buffer.concat(change(all)) }) };
}

const withIndex = (record: Uint8Array, index: number) => {
  const copy = record.slice();
  new DataView(copy.buffer).setInt32(0, index, true);
  return copy;
};

const withHead = (parts: BookParts, head: object) => ({
  bytes: joined({ ...parts, head: new TextEncoder().encode(bookText(head as BookHead)) }),
});

const CHANGES: Readonly<Record<string, Change>> = {
  "a byte anywhere": (parts, _, rng) => {
    const bytes = Uint8Array.from(joined(parts));
    bytes[below(rng, bytes.length)]! ^= 1 << below(rng, 8);
    return { bytes };
  },
  "a byte of a step": (parts, _, rng) => {
    const copy = parts.records.slice();
    copy[below(rng, copy.length)]! ^= 1 << below(rng, 8);
    return { bytes: joined({ ...parts, records: copy }) };
  },
  "cut off": (parts, _, rng) => {
    const bytes = joined(parts);
    return { bytes: bytes.subarray(0, below(rng, bytes.length)) };
  },
  "something behind": (parts, _, rng) => ({
    bytes: Buffer.concat([joined(parts), new Uint8Array(1 + below(rng, 2 * RECORD_BYTES))]),
  }),
  "a step less": (parts, _, rng) => records(parts, (all) => all.toSpliced(below(rng, all.length), 1)),
  "a step less, indices mended": (parts, _, rng) =>
    records(parts, (all) => all.toSpliced(below(rng, all.length), 1).map(withIndex)),
  "a step twice": (parts, _, rng) =>
    records(parts, (all) => {
      const at = below(rng, all.length);
      return all.toSpliced(at, 0, all[at]!);
    }),
  "a step in another's place": (parts, _, rng) =>
    records(parts, (all) => {
      const [at, of] = [below(rng, all.length), below(rng, all.length)];
      const other = of === at ? (at + 1) % all.length : of;
      return all.with(at, withIndex(all[other]!, at));
    }),
  "two steps turned": (parts) => records(parts, ([first, second, ...rest]) => [second!, first!, ...rest]),
  "an index": (parts, _, rng) =>
    records(parts, (all) => {
      const at = below(rng, all.length);
      const index = pick(rng, [-1, -at - 1, all.length, at + 1, 2 ** 31 - 1, -(2 ** 31), at === 0 ? 1 : at - 1]);
      return all.with(at, withIndex(all[at]!, index));
    }),
  "totals between two steps": (parts, _, rng) =>
    records(parts, (all) => {
      const at = below(rng, all.length);
      const copy = all[at]!.slice();
      copy[RECORD_BYTES - 1]! ^= 1 + below(rng, 255);
      return all.with(at, copy);
    }),
  "another's proof": (parts, _, rng) =>
    records(parts, (all) => {
      const at = below(rng, all.length);
      const copy = all[at]!.slice();
      copy.set(all[(at + 1) % all.length]!.subarray(4, 132), 4);
      return all.with(at, copy);
    }),
  "the same proof by other points": (parts, _, rng) => ({
    ...records(parts, (all) => {
      const at = below(rng, all.length);
      const copy = all[at]!.slice();
      copy.set(rerandomised(copy.subarray(4, 132), rng), 4);
      return all.with(at, copy);
    }),
    same: true,
  }),
  "a total": (parts, head, rng) => {
    const { collateral, cash, blinding } = head.totals;
    const more = (text: string) => `${BigInt(text) + 1n + rng.below(1000n)}`;
    const at = below(rng, collateral.length);
    const change = pick(rng, [
      { cash: more(cash) },
      { blinding: more(blinding) },
      { collateral: collateral.with(at, more(collateral[at]!)) },
      { positions: { [below(rng, 60)]: more("0") } },
    ]);
    return withHead(parts, { ...head, totals: { ...head.totals, ...change } });
  },
  "a word of the statement": (parts, head, rng) => {
    const { statement } = head;
    const change = pick(rng, [
      { venue: "Another" },
      { date: "2026-11-23T08:00:00Z" },
      { audience: "someone" },
      { epoch: "8" },
      { board: "another" },
      { marketTime: "2026-11-23T08:00:00Z" },
      { count: `${BigInt(statement.count) + 1n}` },
      { count: `${BigInt(statement.count) - 1n}` },
      { level: "15000" },
      { root: "17" },
      { text: `${statement.text} ` },
    ]);
    const said = { ...statement, ...change };
    const text = "text" in change ? change.text! : bookSentence(said);
    return withHead(parts, { ...head, statement: { ...said, text } });
  },
  "a hash, size, circuit or key": (parts, head, rng) => {
    const change = pick(rng, [
      { policySha256: "0".repeat(64) },
      { marketSha256: "0".repeat(64) },
      { size: "board-240" },
      { circuit: "book-60-16" },
      { verificationKey: { ...head.verificationKey, sha256: "0".repeat(64) } },
      { verificationKey: { ...head.verificationKey, origin: "ceremony" } },
    ]);
    return withHead(parts, { ...head, ...change });
  },
};

/** One change after another, of all kinds in turn. */
export function* bookMutations(bytes: Uint8Array, rng: Rng): Generator<BookMutation> {
  const parts = readBookParts(bytes, "venue.book");
  const head = readBookHead({ text: new TextDecoder().decode(parts.head), file: "head" });
  for (;;) {
    for (const [what, change] of Object.entries(CHANGES)) {
      const changed = change(parts, head, rng);
      yield { what, bytes: Uint8Array.from(changed.bytes), same: changed.same ?? false };
    }
  }
}
