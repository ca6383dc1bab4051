// SPDX-License-Identifier: GPL-3.0-or-later
/** The circuit `Book` in small, of the shipped sources: four members on the board of `miniature.ts`. */
import { FIELD_ORDER, type FieldElement, toField } from "../../../prover/src/field.ts";
import { type Account, genesis } from "../../../prover/src/model/account.ts";
import {
  addAccounts,
  BOOK_ARITY,
  BOOK_DEPTH,
  BOOK_LEAVES,
  noTotals,
  type Totals,
} from "../../../prover/src/model/book.ts";
import { PURPOSE, packTotals, packWide, stateBlinding } from "../../../prover/src/model/commit.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../../../prover/src/model/evaluate.ts";
import { EMPTY_ROW, type Market } from "../../../prover/src/model/market.ts";
import type { Policy } from "../../../prover/src/model/policy.ts";
import { ASSETS } from "../../../prover/src/model/sizes.ts";
import { publicNamesOf } from "../../../prover/src/statement/families.ts";
import type { LevelBps } from "../../../prover/src/units.ts";
import { type Rng, randomAccount, randomMarket, randomPolicy, seededRng } from "../../support/random.ts";
import type { Speaker } from "./attack.ts";
import type { WireLies } from "./drop.ts";
import type { Inputs } from "./generate.ts";
import {
  MODEL_BOARD,
  miniSponge,
  modelRow,
  SHAPE,
  smallMarket,
  smallMarketInputs,
  smallPolicy,
  smallPositions,
  smallRows,
  smallState,
  type ValuedCase,
} from "./miniature.ts";

export const BOOK_PLACES = 4;
export const BOOK_MAIN = `pragma circom 2.2.0;
include "book.circom";
component main {public [${publicNamesOf("book").join(", ")}]} = Book(${BOOK_PLACES}, ${SHAPE.blocks}, ${SHAPE.rows}, ${ASSETS}, ${SHAPE.tiers}, ${SHAPE.scenarios});
`;
const INSTRUMENTS = SHAPE.blocks * SHAPE.rows;

/** A place of the small book: an account and its tag, or nothing. */
export interface Place {
  readonly used: bigint;
  readonly account: Account;
  readonly tag: bigint;
}
export const NOBODY: Place = { used: 0n, account: genesis(MODEL_BOARD), tag: 0n };

/** A step as a liar would put it: every commitment and node is of what is claimed, unless it is given. */
export interface BookClaim {
  readonly places: readonly Place[];
  readonly totals: Totals;
  /** What is added, whatever the places say. */
  readonly after?: Totals;
  readonly level: bigint;
  readonly policy: Policy;
  readonly market: Market;
  readonly context?: bigint;
  /** Where the leaves stand; where the count says unless given. */
  readonly at?: number;
  /** Leaves in the tree, where they are not those of the places. */
  readonly leaves?: readonly (readonly [bigint, bigint])[];
  readonly input?: Inputs;
}

const totalElements = ({ positions, collateral, cash, count }: Totals): FieldElement[] => [
  ...packTotals(smallRows(positions)),
  ...packWide(collateral),
  toField(cash),
  toField(count),
];
const BLINDINGS = [123_456_789n, 987_654_321n] as FieldElement[];

/** What the places hold together, in range or not. */
export function totalsWith(totals: Totals, places: readonly Place[]): Totals {
  const held = places.map(({ account }) => account);
  const add = (sums: readonly bigint[], pick: (account: Account) => readonly bigint[]) =>
    sums.map((sum, index) => held.reduce((all, account) => all + pick(account)[index]!, sum));
  return {
    ...totals,
    positions: add(totals.positions, ({ positions }) => positions),
    collateral: add(totals.collateral, ({ collateral }) => collateral),
    cash: held.reduce((all, { cash }) => all + cash, totals.cash),
    count: places.reduce((all, { used }) => all + used, totals.count),
  };
}

/** Inputs of the tree with these leaves at a place of it; everything beside them is drawn. */
export function treeInputs(leaves: readonly (readonly [bigint, bigint])[], at: number): Inputs {
  const rng = seededRng(at + 1);
  const element = () => rng.below(FIELD_ORDER);
  const lowest = Array.from({ length: BOOK_ARITY }, () => [element(), element()] as [bigint, bigint]);
  for (const [index, leaf] of leaves.entries()) lowest[(at + index) % BOOK_ARITY] = [...leaf];
  let node: bigint = miniSponge(PURPOSE.bookLeaves, 0, lowest.flat());
  let place = Math.floor(at / BOOK_ARITY);
  const children: bigint[][] = [];
  for (let level = 1; level < BOOK_DEPTH; level++) {
    const nodes = Array.from({ length: BOOK_ARITY }, element).with(place % BOOK_ARITY, node);
    children.push(nodes);
    node = miniSponge(PURPOSE.bookNode, 0, nodes);
    place = Math.floor(place / BOOK_ARITY);
  }
  return { root: [node], leaves: lowest.flat(), children: children.flat() };
}

export const leafOfPlace = ({ used, account, tag }: Place): [bigint, bigint] => [
  toField(used * smallState(account)),
  toField(used * tag),
];

export function bookInputs(claim: BookClaim): Inputs {
  const { places, totals, after = totalsWith(totals, places), level, policy, market, context = 7n, input = {} } = claim;
  const { at = Number(totals.count), leaves = places.map(leafOfPlace) } = claim;
  const commitment = (of: Totals, index: number) =>
    miniSponge(PURPOSE.bookTotals, INSTRUMENTS, [...totalElements(of), BLINDINGS[index]!]);
  return {
    ...treeInputs(leaves, at),
    totalsBefore: [commitment(totals, 0)],
    totalsAfter: [commitment(after, 1)],
    level: [toField(level)],
    context: [toField(context)],
    ...smallMarketInputs(policy, market),
    used: places.map(({ used }) => toField(used)),
    tag: places.map(({ tag }) => toField(tag)),
    positions: places.flatMap(({ account }) => smallRows(account.positions).map(toField)),
    collateral: places.flatMap(({ account }) => account.collateral.map(toField)),
    cash: places.map(({ account }) => toField(account.cash)),
    blinding: places.map(({ account }) => stateBlinding(account)),
    totals: totalElements(totals),
    totalsBlinding: BLINDINGS,
    ...input,
  };
}

const small = (account: Account): Account => ({ ...account, positions: smallPositions(account.positions) });
const placeOf = (rng: Rng, account: Account): Place => ({ used: 1n, account, tag: rng.below(FIELD_ORDER) });

/** Totals of some accounts before, that have counted to a place. */
function totalsBefore(rng: Rng, count: number): Totals {
  const some = Array.from({ length: 3 }, () => small(randomAccount(rng, MODEL_BOARD)));
  return { ...addAccounts(noTotals(MODEL_BOARD), count === 0 ? [] : some), count: BigInt(count) };
}

/** Random steps anywhere in the book, some of them the last, each asked at levels that all, or all but one, have. */
export function* bookCases(firstSeed: number): Generator<ValuedCase> {
  for (let seed = firstSeed; ; seed++) {
    const rng = seededRng(seed);
    const policy = smallPolicy(randomPolicy(rng));
    const market = smallMarket(randomMarket(rng, MODEL_BOARD));
    const used = rng.chance(0.3) ? 1 + Number(rng.below(BigInt(BOOK_PLACES))) : BOOK_PLACES;
    const places = Array.from({ length: BOOK_PLACES }, (_, place) =>
      place < used ? placeOf(rng, small(randomAccount(rng, MODEL_BOARD))) : NOBODY,
    );
    const steps = BigInt(BOOK_LEAVES / BOOK_PLACES);
    const count = BOOK_PLACES * Number(rng.chance(0.3) ? rng.pick([0n, 1n, steps - 1n]) : rng.below(steps));
    const totals = totalsBefore(rng, count);
    const evaluations = places.map(({ account }) => evaluate(account, policy, market));
    const most = (1n << 20n) - 1n;
    const clamp = (level: bigint) => (level < 0n ? 0n : level > most ? most : level);
    const lowest = evaluations.reduce((least, evaluation) => {
      const coverage = coverageBpsDown(evaluation) ?? most;
      return coverage < least ? coverage : least;
    }, most);
    for (const level of new Set([clamp(lowest), clamp(lowest + 1n)])) {
      yield {
        name: `seed ${seed} at ${level}`,
        holds: evaluations.every((evaluation) => isAtLeast(evaluation, level as LevelBps)),
        evaluation: evaluations[0]!,
        inputs: bookInputs({ places, totals, policy, market, level, context: rng.below(1n << 200n) }),
        outputs: Object.fromEntries(
          evaluations.map(({ equity }, member) => [`main.member[${member}].covered.worth.equity`, toField(equity)]),
        ),
      };
    }
  }
}

/** The count of `slackBook`: not at the first or the last place of any node. */
const COUNT = 16 * (16 * (16 * (16 * 3 + 5) + 7) + 9) + 4;

/** Inputs of `slackBook` on the way from its leaves to the root: they follow from what is below them. */
export const SLACK_PATH: readonly string[] = [
  ...Array.from({ length: BOOK_PLACES }, (_, place) =>
    [0, 1].map((part) => `main.leaves[${(COUNT % BOOK_ARITY) + place}][${part}]`),
  ).flat(),
  ...Array.from(
    { length: BOOK_DEPTH - 1 },
    (_, level) => `main.children[${level}][${Math.floor(COUNT / BOOK_ARITY ** (level + 1)) % BOOK_ARITY}]`,
  ),
];

/** A step in the middle of a book in which everybody is covered many times over. */
export function slackBook(used = BOOK_PLACES): BookClaim {
  const rng = seededRng(6);
  const policy = smallPolicy(randomPolicy(rng, "typical"));
  const market = smallMarket(randomMarket(rng, MODEL_BOARD, "typical"));
  const places = Array.from({ length: BOOK_PLACES }, (_, member) => {
    if (member >= used) return NOBODY;
    const account = randomAccount(rng, MODEL_BOARD, "typical");
    const held = small({
      ...account,
      cash: (4n * 10n ** 18n + BigInt(member)) as Account["cash"],
      positions: account.positions.map(
        (_, row) => BigInt(10 + 7 * member + (row % 60)) as Account["positions"][number],
      ),
      collateral: account.collateral.map(
        (_, asset) => BigInt(10 ** 6 + 1000 * member + asset) as Account["collateral"][number],
      ),
    });
    return placeOf(rng, held);
  });
  return {
    places,
    totals: totalsBefore(rng, COUNT),
    level: 10_000n,
    policy,
    market,
  };
}

/** The same with fewer members, at the level that everybody has, and with a row that has no value. */
export function bookScenes(): Inputs[] {
  return Array.from({ length: BOOK_PLACES }, (_, used) => {
    const { market, ...claim } = slackBook(used);
    const rows = market.board.rows.with(modelRow(INSTRUMENTS - 1), EMPTY_ROW);
    return bookInputs({ ...claim, market: { ...market, board: { ...market.board, rows } }, level: 0n });
  });
}

/** That a place which is not used holds one thing, or is used several times; that a digit of the count is another number. */
export function* bookRecipes({ build, v, find }: Speaker): Generator<WireLies> {
  const told = (lies: Readonly<Record<string, bigint>>): WireLies =>
    new Map(Object.entries(lies).map(([name, value]) => [build.wires.get(name)!, toField(value)]));
  for (let member = 0; member < BOOK_PLACES; member++) {
    for (let row = 0; row < INSTRUMENTS; row++) {
      for (const lots of [1n, -1n]) yield told({ [`main.positions[${member}][${row}]`]: lots });
    }
    for (let asset = 0; asset < ASSETS; asset++) yield told({ [`main.collateral[${member}][${asset}]`]: 1n });
    yield told({ [`main.cash[${member}]`]: 1n });
    yield told({ [`main.used[${member}]`]: 5n });
  }
  const count = `main.totals[${totalElements(noTotals(MODEL_BOARD)).length - 1}]`;
  const digits = find(/^main\.ToBits\S*\.bits\[\d+\]$/);
  yield told({ [count]: v(count) + 4n, ...Object.fromEntries(digits.map((name) => [name, v(name)])) });
  for (const [place, digit] of digits.entries()) {
    yield told({ [count]: v(count) + ((2n - v(digit)) << BigInt(place)), [digit]: 2n });
  }
}
