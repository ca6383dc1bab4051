// SPDX-License-Identifier: GPL-3.0-or-later
/** One step of a book: the accounts of some consecutive leaves are covered, and join the totals. */

import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement, toField } from "../field.ts";
import { genesis } from "../model/account.ts";
import {
  addAccounts,
  BOOK_ARITY,
  BOOK_LEAVES,
  type BookEntry,
  type BookTree,
  inBook,
  type Totals,
  totalsSponge,
  UNUSED_LEAF,
} from "../model/book.ts";
import {
  packTotals,
  packWide,
  type Sponges,
  type SpongeWork,
  soakInTurn,
  soakTogether,
  stateBlinding,
  stateSponge,
} from "../model/commit.ts";
import { evaluate, isAtLeast } from "../model/evaluate.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import { type LevelBps, levelBps } from "../units.ts";
import { type CircuitOf, FAMILIES, shapeOf } from "./families.ts";
import { marketSignals } from "./signals.ts";
import type { WitnessInput } from "./witness-input.ts";
import { marketInputs, memberHints } from "./worth.ts";

/** What is asked of the circuit, in the clear. */
export interface BookRequest {
  readonly circuit: CircuitOf<"book">;
  readonly tree: BookTree;
  /** Totals before: their count is the place of the first leaf. */
  readonly totals: Totals;
  /** The members from there on: as many as the circuit has places, fewer only in the last step. */
  readonly entries: readonly BookEntry[];
  /** Of the totals before (zero in the first step) and after: uniform, each for one step. */
  readonly blindings: readonly [before: FieldElement, after: FieldElement];
  /** Each account has coverage of at least this. */
  readonly level: LevelBps;
  /** What the proof is bound to, as a field element. */
  readonly context: bigint;
  readonly policy: Policy;
  readonly market: Market;
}

/** A request worked out: totals after, all public signals in the circuit's order, and the circuit's input. */
export interface BookStatement extends WitnessInput {
  readonly totals: Totals;
  /** Whether every account has coverage of at least the level: whether a proof exists. */
  readonly holds: boolean;
  /** Members that have not, by their index in `entries`. For the operator alone. */
  readonly below: readonly number[];
  readonly publicSignals: readonly FieldElement[];
}

/**
 * Works a request out. Throws `FIELD_INVALID` where the totals have not counted to a place where a step of this circuit begins,
 * there are no members or more than places, or one is not in the tree at its place; `OUT_OF_RANGE` for a context that is not
 * reduced; and like `addAccounts` and `evaluate`.
 */
export const buildBookStatement = (request: BookRequest): BookStatement => soakInTurn(bookStatement(request));

/** The same by what takes many sponges at once. Rejects likewise. */
export const bookStatementBy = (request: BookRequest, sponges: Sponges): Promise<BookStatement> =>
  soakTogether(bookStatement(request), sponges);

function* bookStatement(request: BookRequest): SpongeWork<BookStatement> {
  const { circuit, tree, totals, entries, blindings, level, context, policy, market } = request;
  if (context < 0n || context >= FIELD_ORDER) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a context below the field order", { field: "context" });
  }
  levelBps(level, "level");
  const places = shapeOf(circuit).members!;
  const first = Number(totals.count);
  if (first % places !== 0 || first + places > BOOK_LEAVES) {
    throw new PlimsollError("FIELD_INVALID", `a step begins where the count is a multiple of ${places}`, {
      field: "totals.count",
    });
  }
  if (entries.length < 1 || entries.length > places) {
    throw new PlimsollError("FIELD_INVALID", `expected 1 to ${places} members`, { field: "entries" });
  }
  const path = tree.pathOf(first);
  // One path is that of all places of the step.
  const onPath = path.leaves.slice(first % BOOK_ARITY, (first % BOOK_ARITY) + places);
  const isPath = yield* inBook(tree.root, onPath[0] ?? UNUSED_LEAF, first, path);
  const states = yield entries.map(({ account }) => stateSponge(account));
  for (let place = 0; place < places; place++) {
    const entry = entries[place];
    const { state, tag } = entry === undefined ? UNUSED_LEAF : { state: states[place], tag: entry.tag };
    if (!isPath || onPath[place]?.state !== state || onPath[place]?.tag !== tag) {
      throw new PlimsollError("FIELD_INVALID", "this is not what the book has at its place", {
        field: `entries[${place}]`,
      });
    }
  }
  const after = addAccounts(
    totals,
    entries.map(({ account }) => account),
  );
  const accounts = Array.from({ length: places }, (_, place) => entries[place]?.account ?? genesis(totals.size));
  const evaluations = accounts.map((account) => evaluate(account, policy, market));
  const below = [...evaluations.keys()].filter((member) => !isAtLeast(evaluations[member]!, level));
  const [totalsBefore, totalsAfter] = yield [totalsSponge(totals, blindings[0]), totalsSponge(after, blindings[1])];
  const own = {
    root: tree.root,
    totalsBefore: totalsBefore!,
    totalsAfter: totalsAfter!,
    level: level as bigint as FieldElement,
    context: context as FieldElement,
  };
  return {
    totals: after,
    holds: below.length === 0,
    below,
    publicSignals: [...FAMILIES.book.own.map((name) => own[name]), ...marketSignals(policy, market)],
    circuitInput: {
      ...own,
      ...marketInputs(policy, market),
      used: accounts.map((_, place) => toField(place < entries.length ? 1n : 0n)),
      tag: accounts.map((_, place) => entries[place]?.tag ?? UNUSED_LEAF.tag),
      positions: accounts.flatMap(({ positions }) => positions.map(toField)),
      collateral: accounts.flatMap(({ collateral }) => collateral.map(toField)),
      cash: accounts.map(({ cash }) => toField(cash)),
      blinding: accounts.map(stateBlinding),
      totals: [
        ...packTotals(totals.positions),
        ...packWide(totals.collateral),
        toField(totals.cash),
        toField(totals.count),
      ],
      totalsBlinding: blindings,
      leaves: path.leaves.flatMap(({ state, tag }) => [state, tag]),
      children: path.children.flat(),
    },
    hints: memberHints(evaluations),
  };
}
