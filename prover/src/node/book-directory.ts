// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A book on disk, from its building to its publication.
 *
 *   book.json                 the head; it is written last, so a directory that has it is whole
 *   policy.json, market.json, verification-key.json
 *   totals                    commitments after each step, 32 bytes each
 *   shards/NNNNNN             witnesses, sealed; for the owner alone
 *   proofs/NNNNNN             the proof of a step, 196 bytes, once it is proven
 */
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type BookHead, bookText, readBookHead, stepsOf } from "../document/book/head.ts";
import { STEP_BYTES, type StepBytes } from "../document/book/steps.ts";
import type { Published } from "../document/kit.ts";
import { PlimsollError } from "../errors.ts";
import { readMarket } from "../formats/market.ts";
import { readPolicy } from "../formats/policy.ts";
import { makeDirectory, PRIVATE, readBounded, unwritable, writeResult } from "./files.ts";

const MAX_SHARD_BYTES = 1_000_000;
/** Of 2^20 accounts in steps of 8. */
const MAX_TOTALS_BYTES = 4_194_304;

/** The public texts of a book. */
export interface BookTexts {
  readonly policy: string;
  readonly market: string;
  readonly verificationKey: Uint8Array;
}

/**
 * A book that has been built.
 * @see docs/library.md#books
 */
export interface BookDirectory extends Published {
  readonly directory: string;
  readonly head: BookHead;
  readonly steps: number;
  /** Commitments after each step. */
  readonly totals: Uint8Array;
  /** Throws `FILE`. */
  shard(index: number): Promise<Uint8Array>;
  /** The proof of a step, if it has been kept. */
  proof(index: number): Promise<StepBytes | undefined>;
  /** Keeps a proof: all of it or nothing, and once more does no harm. */
  keepProof(index: number, step: StepBytes): Promise<void>;
  /** The steps of which a proof is kept. */
  proven(): Promise<Set<number>>;
}

export const shardName = (index: number): string => `${index}`.padStart(6, "0");

/** Opens a book's directory. Throws `FILE`, and as the readers of its texts; `FIELD_INVALID` where its parts do not belong together. */
export async function openBookDirectory(directory: string): Promise<BookDirectory> {
  const at = (...names: string[]) => path.join(directory, ...names);
  const text = async (name: string) => ({
    text: new TextDecoder().decode(await readBounded(at(name))),
    file: at(name),
  });
  const head = readBookHead(await text("book.json"));
  const [policyText, marketText] = [await text("policy.json"), await text("market.json")];
  const policy = readPolicy(policyText.text, policyText.file);
  const market = readMarket(marketText.text, marketText.file, policy);
  const steps = stepsOf(head);
  const totals = await readBounded(at("totals"), MAX_TOTALS_BYTES);
  const belongs =
    policy.sha256 === head.policySha256 && market.sha256 === head.marketSha256 && totals.length === 32 * steps;
  if (!belongs) {
    throw new PlimsollError("FIELD_INVALID", "policy, market or totals are not those of the book", { file: directory });
  }
  return {
    directory,
    head,
    policy,
    market,
    steps,
    totals,
    shard: (index) => readBounded(at("shards", shardName(index)), MAX_SHARD_BYTES),
    async proof(index) {
      try {
        return new Uint8Array(await readFile(at("proofs", shardName(index))));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw new PlimsollError("FILE", "cannot be read", { file: at("proofs", shardName(index)) });
      }
    },
    async keepProof(index, step) {
      if (step.length !== STEP_BYTES) throw new TypeError("expected the bytes of a step");
      await makeDirectory(at("proofs"));
      await writeResult(at("proofs", shardName(index)), step);
    },
    async proven() {
      const names = await readdir(at("proofs")).catch(() => []);
      return new Set(names.filter((name) => /^\d{6}$/.test(name)).map(Number));
    },
  };
}

/** The texts of a book as the public file has them. Throws `FILE`. */
export async function bookTexts(directory: string) {
  const read = (name: string) => readBounded(path.join(directory, name));
  const [head, policy, market, verificationKey] = await Promise.all(
    ["book.json", "policy.json", "market.json", "verification-key.json"].map(read),
  );
  return { head: head!, policy: policy!, market: market!, verificationKey: verificationKey! };
}

/** A directory that a book is being built in. */
export interface NewBookDirectory {
  readonly spill: {
    put(index: number, bytes: Uint8Array): Promise<void>;
    take(index: number): Promise<Uint8Array>;
  };
  shard(index: number, bytes: Uint8Array): Promise<void>;
  /** Writes the public files, the head last. */
  finish(head: BookHead, totals: Uint8Array, texts: BookTexts): Promise<void>;
  /** Takes away all that was written. */
  discard(): Promise<void>;
}

/** Makes the directory. Throws `FILE` where it is there and has something in it. */
export async function newBookDirectory(directory: string): Promise<NewBookDirectory> {
  const at = (...names: string[]) => path.join(directory, ...names);
  const there = await readdir(directory).catch(() => undefined);
  const isNew = (await stat(directory).catch(() => undefined)) === undefined;
  if (!isNew && (there === undefined || there.length > 0)) {
    throw new PlimsollError("FILE", "exists already; nothing was written", { file: directory });
  }
  await makeDirectory(directory);
  const written = async (work: () => Promise<unknown>, name: string) => {
    await work().catch((error) => {
      throw unwritable(at(name), error);
    });
  };
  await written(() => mkdir(at("shards"), { mode: 0o700 }), "shards");
  await written(() => mkdir(at("spill"), { mode: 0o700 }), "spill");
  const put = (folder: string) => (index: number, bytes: Uint8Array) =>
    written(() => writeFile(at(folder, shardName(index)), bytes, { mode: PRIVATE }), `${folder}/${shardName(index)}`);
  return {
    spill: {
      put: put("spill"),
      async take(index) {
        const bytes = await readBounded(at("spill", shardName(index)), MAX_SHARD_BYTES);
        await rm(at("spill", shardName(index)));
        return bytes;
      },
    },
    shard: put("shards"),
    async finish(head, totals, { policy, market, verificationKey }) {
      await rm(at("spill"), { recursive: true, force: true });
      await writeResult(at("policy.json"), policy);
      await writeResult(at("market.json"), market);
      await writeResult(at("verification-key.json"), verificationKey);
      await writeResult(at("totals"), totals);
      await writeResult(at("book.json"), `${bookText(head)}\n`);
    },
    async discard() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
