// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * To build the book of a venue: the accounts as they come, in the memory of their leaves. Each is committed to under secrets of its
 * own; no account below the level, no account twice, and no position that nobody is on the other side of gets into a book.
 */
import { concatBytes } from "@noble/hashes/utils.js";
import {
  type BookCircuit,
  type BookHead,
  bookHead,
  bookId,
  bookSentence,
  elementBytes,
  memberId,
  membersOf,
  publishedTerms,
  uniform,
} from "../document/book/head.ts";
import { dateSecrets } from "../document/book/secret.ts";
import { pathBytes, type ShardMember, seal, shardBytes, unseal } from "../document/book/shard.ts";
import { madeUnder, type NamedKey, type Published } from "../document/kit.ts";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import type { BookAccount } from "../formats/account.ts";
import {
  addAccounts,
  BOOK_LEAVES,
  type BookLeaf,
  buildBookTree,
  memberSponge,
  noTotals,
  type Totals,
  totalsSponge,
} from "../model/book.ts";
import { type Sponges, stateSponge } from "../model/commit.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../model/evaluate.ts";
import { boardSizeOf } from "../statement/families.ts";
import type { LevelBps } from "../units.ts";

/**
 * What building needs of the machine.
 * @see docs/library.md#books
 */
export interface BuildMachine {
  readonly sponges: Sponges;
  /** Where witnesses wait until the root is known, sealed under a key that nobody keeps. */
  readonly spill: {
    put(index: number, bytes: Uint8Array): Promise<void>;
    take(index: number): Promise<Uint8Array>;
  };
  /** Keeps a shard. */
  readonly shard: (index: number, bytes: Uint8Array) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then: so many accounts have been read, so many shards written. */
  readonly onProgress?: (done: { readonly accounts: number; readonly shards: number }) => void;
}

/**
 * The book that is asked for.
 * @see docs/library.md#books
 */
export interface BuildRequest extends Published {
  readonly accounts: AsyncIterable<BookAccount>;
  /** The venue's master secret, 32 bytes. */
  readonly secret: Uint8Array;
  readonly circuit: BookCircuit;
  /** Of the circuit. */
  readonly key: NamedKey;
  readonly level: LevelBps;
  /** A label. */
  readonly venue: string;
  /** The time of which the accounts are, UTC to the second. */
  readonly date: string;
  /** A label. */
  readonly audience: string;
}

/**
 * An account that is below the level. For the venue alone.
 * @see docs/library.md#books
 */
export interface BelowLevel {
  readonly name: string;
  readonly line: number;
  /** Basis points, rounded down; undefined where there is no margin. */
  readonly coverage: bigint | undefined;
}

/**
 * A book, or the accounts for which there is none.
 * @see docs/library.md#books
 */
export type BuiltBook =
  | {
      readonly ok: true;
      readonly head: BookHead;
      /** The commitments after each step, 32 bytes each. */
      readonly totals: Uint8Array;
    }
  | { readonly ok: false; readonly below: readonly BelowLevel[] };

/** Accounts that are worked on together. */
const AT_ONCE = 2_048;

/**
 * Builds a book. Throws `ACCOUNT_TWICE`, `TOO_LARGE`, `POSITIONS_UNMATCHED` (naming instruments, which are public), `FIELD_INVALID` for a book without
 * accounts, `NO_BOARD_SIZE` for a market on another board than the circuit's, and as the accounts and the machine.
 *
 *   const machine = { sponges, spill, shard: (index, bytes) => directory.writeShard(index, bytes) };
 *   const built = await buildBook(machine, { accounts, secret, circuit: "book-60-16", key, level, venue, date, audience, policy, market });
 * @see docs/library.md#books
 */
export async function buildBook(machine: BuildMachine, request: BuildRequest): Promise<BuiltBook> {
  const { policy, market, circuit, level, venue, date, audience, key } = request;
  if (market.market.board.size !== boardSizeOf(circuit)) {
    throw new PlimsollError("NO_BOARD_SIZE", `${circuit} is for boards of another size than the market's`, {
      field: "circuit",
    });
  }
  const read = await readAll(machine, request);
  if (read.below.length > 0) return { ok: false, below: read.below };
  const { totals, leaves, commitments, spillKey, blinding } = read;
  checkMatched(totals, request);
  const tree = await buildBookTree(leaves, machine.sponges);
  const said = {
    ...publishedTerms({ policy, market }),
    venue,
    date,
    root: tree.root.toString(),
    count: totals.count.toString(),
    level: level.toString(),
    audience,
  };
  const terms = { ...madeUnder({ policy, market }), circuit, statement: { text: bookSentence(said), ...said } };
  const head = bookHead(
    { ...terms, verificationKey: { sha256: key.sha256, origin: key.origin } },
    {
      positions: {},
      collateral: totals.collateral.map(String),
      cash: totals.cash.toString(),
      blinding: blinding.toString(),
    },
  );
  const id = bookId(head);
  const shardKey = dateSecrets(request.secret, date).shardKey(id);
  const steps = commitments.length;
  for (let index = 0; index < steps; index++) {
    throwIfCancelled(machine.signal);
    const waiting = unseal(spillKey, NOBODY, index, await machine.spill.take(index));
    const path = pathBytes(tree.pathOf(index * membersOf(circuit)));
    await machine.shard(index, seal(shardKey, id, index, concatBytes(path, waiting)));
    if (index % 256 === 255 || index === steps - 1) {
      machine.onProgress?.({ accounts: leaves.length, shards: index + 1 });
    }
  }
  return { ok: true, head, totals: concatBytes(...commitments.map(elementBytes)) };
}

const NOBODY = new Uint8Array(32);
const randomElement = (): FieldElement => uniform(crypto.getRandomValues(new Uint8Array(48)));

interface ReadAll {
  readonly below: BelowLevel[];
  readonly leaves: BookLeaf[];
  /** After each step. */
  readonly commitments: FieldElement[];
  readonly spillKey: Uint8Array;
  readonly totals: Totals;
  /** Of the last totals. */
  readonly blinding: FieldElement;
}

/** Reads the accounts once: judges each, commits to it, and puts the steps by. */
async function readAll(machine: BuildMachine, request: BuildRequest): Promise<ReadAll> {
  const { circuit, accounts, market } = request;
  const places = membersOf(circuit);
  const dated = dateSecrets(request.secret, request.date);
  const spillKey = crypto.getRandomValues(new Uint8Array(32));
  const [below, leaves, commitments]: [BelowLevel[], BookLeaf[], FieldElement[]] = [[], [], []];
  const lines = new Map<string, number>();
  let totals = noTotals(market.market.board.size);
  let blinding = 0n as FieldElement;
  let waiting: BookAccount[] = [];

  async function committedMembers(some: readonly BookAccount[]): Promise<ShardMember[]> {
    const secrets = some.map(({ name }) => dated.member(name));
    const tags = await machine.sponges(some.map(({ member }, at) => memberSponge(memberId(member), secrets[at]!.salt)));
    return some.map(({ name, member, account }, at) => {
      const { viewingKey, salt } = secrets[at]!;
      return { name, member, salt, tag: tags[at]!, account: { ...account, viewingKey } };
    });
  }

  async function work(): Promise<void> {
    throwIfCancelled(machine.signal);
    const members = await committedMembers(waiting);
    below.push(...belowLevel(waiting, request));
    const steps = Array.from({ length: Math.ceil(members.length / places) }, (_, step) =>
      members.slice(step * places, (step + 1) * places),
    );
    const after: { readonly totals: Totals; readonly blinding: FieldElement }[] = [];
    for (const step of steps) {
      const index = commitments.length + after.length;
      const next = addAccounts(
        totals,
        step.map(({ account }) => account),
      );
      const blindings = [blinding, randomElement()] as const;
      // Where some are below the level there will be no book.
      if (below.length === 0) {
        const bytes = shardBytes({ members: step, totals, blindings });
        await machine.spill.put(index, seal(spillKey, NOBODY, index, bytes));
      }
      [totals, blinding] = [next, blindings[1]];
      after.push({ totals, blinding });
    }
    const inputs = [
      ...members.map(({ account }) => stateSponge(account)),
      ...after.map((each) => totalsSponge(each.totals, each.blinding)),
    ];
    const outputs = await machine.sponges(inputs);
    for (const [at, { tag }] of members.entries()) leaves.push({ state: outputs[at]!, tag });
    commitments.push(...outputs.slice(members.length));
    waiting = [];
    machine.onProgress?.({ accounts: leaves.length, shards: 0 });
  }

  for await (const account of accounts) {
    const line = lines.get(account.name);
    if (line !== undefined) {
      const rule = `the account is in the file already, from line ${line} on; rows of an account stand together`;
      throw new PlimsollError("ACCOUNT_TWICE", rule, { line: account.line });
    }
    if (lines.size === BOOK_LEAVES) {
      throw new PlimsollError("TOO_LARGE", `a book holds at most ${BOOK_LEAVES} accounts`, { line: account.line });
    }
    lines.set(account.name, account.line);
    waiting.push(account);
    if (waiting.length === AT_ONCE) await work();
  }
  if (lines.size === 0) throw new PlimsollError("FIELD_INVALID", "there are no accounts", { field: "accounts" });
  if (waiting.length > 0) await work();
  return { below, leaves, commitments, spillKey, totals, blinding };
}

function belowLevel(some: readonly BookAccount[], { policy, market, level }: BuildRequest): BelowLevel[] {
  return some.flatMap(({ name, line, account }) => {
    const evaluation = evaluate(account, policy.policy, market.market);
    return isAtLeast(evaluation, level) ? [] : [{ name, line, coverage: coverageBpsDown(evaluation) }];
  });
}

/** Throws `POSITIONS_UNMATCHED` where a position has nobody on its other side. */
function checkMatched({ positions }: Totals, { market }: Published): void {
  const open = [...positions.keys()].filter((row) => positions[row] !== 0n);
  if (open.length === 0) return;
  const names = open.map((row) => market.instruments[row]?.symbol ?? `row ${row}`);
  const shown = names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
  const rule = `the positions do not add up to zero in ${shown}: an account is missing, invented, there twice, or booked on one side only`;
  throw new PlimsollError("POSITIONS_UNMATCHED", rule);
}
