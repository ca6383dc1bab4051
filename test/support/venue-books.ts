// SPDX-License-Identifier: GPL-3.0-or-later
/** Whole books of invented venues, proven under a key whose trapdoor is known: in milliseconds, and any lie as well as the truth. */
import { assembleBook } from "../../prover/src/app/assemble-book.ts";
import { type BuildRequest, type BuiltBook, buildBook } from "../../prover/src/app/build-book.ts";
import { proveShard, shardKeyOf } from "../../prover/src/app/prove-book.ts";
import {
  type BookInputs,
  type BookVerdict,
  type BookVerifyMachine,
  verifyBook,
} from "../../prover/src/app/verify-book.ts";
import { type BookHead, bookText } from "../../prover/src/document/book/head.ts";
import type { StepBytes } from "../../prover/src/document/book/steps.ts";
import { type BookAccount, readAccountLine } from "../../prover/src/formats/account.ts";
import { verifyBatch } from "../../prover/src/node/batch.ts";
import { openSpongeCore } from "../../prover/src/node/sponges.ts";
import type { Prover } from "../../prover/src/prove/prover.ts";
import { buildBookStatement } from "../../prover/src/statement/book.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { createVerifier, type Verifier } from "../../prover/src/verify/verifier.ts";
import { simulatedKey } from "./simulated.ts";
import { accountLines, sampleVenue } from "./venue-accounts.ts";

export const CIRCUIT = "book-60-8";
export const VENUE = sampleVenue();
export const SECRET = new Uint8Array(32).fill(7);
export const KEY = simulatedKey(CIRCUIT);
export const VERIFIER = createVerifier(KEY.file, KEY.identity);
export const TRUST = { keys: [KEY.identity], attesters: [] };
export const DATE = "2026-11-22T08:00:00Z";
export const NOW = new Date("2026-11-22T12:00:00Z");

/** Under the simulated key: proves whatever the statement's signals are. */
export const PROVER = {
  async book(request: Parameters<Prover["book"]>[0]) {
    const { publicSignals } = buildBookStatement(request);
    return {
      size: CIRCUIT,
      key: KEY.identity,
      proof: KEY.prove(publicSignals),
      publicSignals: publicSignals.map(String),
    };
  },
} as unknown as Prover;

/** Accounts of the invented venue. */
export const accountsOf = (count: number, seed = 1): BookAccount[] =>
  [...accountLines(VENUE, count, seed)].map((line, at) =>
    readAccountLine(line, { file: "accounts.ndjson", line: at + 1 }, VENUE.policy, VENUE.market),
  );

export interface VenueBook {
  readonly head: BookHead;
  readonly totals: Uint8Array;
  readonly shards: readonly Uint8Array[];
  readonly shardKey: Uint8Array;
  readonly files: { readonly head: BookHead } & Pick<typeof VENUE, "policy" | "market">;
}

/** Builds a book of these accounts; `change` what is asked for. */
export async function build(
  accounts: readonly BookAccount[],
  change: Partial<BuildRequest> = {},
): Promise<{ readonly built: BuiltBook; readonly shards: Uint8Array[] }> {
  const shards: Uint8Array[] = [];
  const spill: Uint8Array[] = [];
  const core = openSpongeCore();
  const machine = {
    sponges: core.sponges,
    spill: {
      put: async (index: number, bytes: Uint8Array) => {
        spill[index] = bytes;
      },
      take: async (index: number) => spill[index]!,
    },
    shard: async (index: number, bytes: Uint8Array) => {
      shards[index] = bytes;
    },
  };
  const { policy, market } = VENUE;
  const request: BuildRequest = {
    accounts: (async function* () {
      yield* accounts;
    })(),
    secret: SECRET,
    circuit: CIRCUIT,
    key: KEY.identity,
    level: 10_000n as LevelBps,
    venue: "Meridian",
    date: DATE,
    audience: "everyone",
    policy,
    market,
    ...change,
  };
  try {
    return { built: await buildBook(machine, request), shards };
  } finally {
    await core.close();
  }
}

export async function venueBook(
  accounts: readonly BookAccount[],
  change: Partial<BuildRequest> = {},
): Promise<VenueBook> {
  const { built, shards } = await build(accounts, change);
  if (!built.ok) throw new Error("accounts are below the level");
  const { head, totals } = built;
  const shardKey = shardKeyOf(change.secret ?? SECRET, head);
  return { head, totals, shards, shardKey, files: { head, policy: VENUE.policy, market: VENUE.market } };
}

export const proveSteps = ({ files, shardKey, shards }: VenueBook): Promise<StepBytes[]> =>
  Promise.all(shards.map((shard, index) => proveShard({ prover: PROVER }, { ...files, shardKey }, index, shard)));

const bytesOf = (text: string) => new TextEncoder().encode(text);

export const textsOf = (head: BookHead) => ({
  head: bytesOf(bookText(head)),
  policy: bytesOf(VENUE.policyText),
  market: bytesOf(VENUE.marketText),
  verificationKey: KEY.file,
});

export const publicFile = ({ head, totals }: VenueBook, steps: readonly StepBytes[]): Promise<Uint8Array> =>
  assembleBook({ proof: async (index) => steps[index] }, { head, totals, texts: textsOf(head) });

/** The key is opened once for all. */
export const MACHINE: BookVerifyMachine = {
  verifyMany: verifyBatch,
  now: () => NOW,
  openKey: (file, identity): Verifier<typeof CIRCUIT> =>
    Buffer.compare(file, KEY.file) === 0 ? VERIFIER : (createVerifier(file, identity) as typeof VERIFIER),
};

export const verdictOn = (bytes: Uint8Array, more: Partial<BookInputs> = {}): Promise<BookVerdict> =>
  verifyBook(MACHINE, { book: { bytes, file: "venue.book" }, trust: TRUST, ...more });

/** The code of a refusal, or `accepted`. */
export const codeOf = (verdict: { readonly ok: true } | { readonly ok: false; readonly reason: string }): string =>
  verdict.ok ? "accepted" : verdict.reason;
