// SPDX-License-Identifier: GPL-3.0-or-later
/** Lies told to the small circuit `Book`, each with the place of the constraints that must stop it. */
import { FIELD_ORDER, toField } from "../../prover/src/field.ts";
import type { Account } from "../../prover/src/model/account.ts";
import { BOOK_ARITY, BOOK_DEPTH, BOOK_LEAVES, type Totals } from "../../prover/src/model/book.ts";
import { ASSETS } from "../../prover/src/model/sizes.ts";
import { modelRow } from "../soundness/lab/miniature.ts";
import type { SmallLie } from "../soundness/lab/small.ts";
import {
  BOOK_PLACES,
  type BookClaim,
  bookInputs,
  leafOfPlace,
  NOBODY,
  type Place,
  slackBook,
  totalsWith,
  treeInputs,
} from "../soundness/lab/small-book.ts";
import { barelySolvent } from "./rounds.ts";

const MAIN = /^main$/;

export function* bookLies(): Generator<SmallLie> {
  const honest = slackBook();
  const partial = slackBook(2);
  const { places, totals } = honest;
  const members = [...places.keys()];
  const lie = (name: string, stoppedAt: RegExp, change: Partial<BookClaim>, of = honest): SmallLie => ({
    name,
    stoppedAt,
    inputs: bookInputs({ ...of, ...change }),
  });
  const replaced = (member: number, change: Partial<Account>, of = places): Place[] =>
    of.with(member, { ...of[member]!, account: { ...of[member]!.account, ...change } as Account });

  // Totals that are not the sums.
  const sums = totalsWith(totals, places);
  const wrong: [string, Partial<Totals>][] = [
    ...[0, 1, 8].map((row): [string, Partial<Totals>] => [
      `a lot of row ${row} too few`,
      { positions: sums.positions.with(modelRow(row), sums.positions[modelRow(row)]! - 1n) },
    ]),
    ...Array.from({ length: ASSETS }, (_, asset): [string, Partial<Totals>] => [
      `a lot of asset ${asset} too many`,
      { collateral: sums.collateral.with(asset, sums.collateral[asset]! + 1n) },
    ]),
    ["a millionth of cash too many", { cash: sums.cash + 1n }],
    ["a member too few", { count: sums.count - 1n }],
    ["a member too many", { count: sums.count + 1n }],
    ["nothing added", totals],
    ["subtracted", subtracted(totals, sums)],
  ];
  for (const [what, change] of wrong) yield lie(`C28: totals with ${what}`, MAIN, { after: { ...sums, ...change } });
  for (const member of members) {
    yield lie(`C28: member ${member} is left out of the totals`, MAIN, {
      after: { ...totalsWith(totals, places.toSpliced(member, 1)), count: sums.count },
    });
    yield lie(`C28: member ${member} counts twice`, MAIN, {
      after: { ...totalsWith(totals, [...places, places[member]!]), count: sums.count },
    });
    yield lie(`C28: leaf of member ${member} is another's`, /^main\.part$/, {
      leaves: places.map(leafOfPlace).with(member, leafOfPlace(places[(member + 1) % BOOK_PLACES]!)),
    });
    yield lie(`C28: tag of member ${member} is another's`, /^main\.part$/, {
      leaves: places.map(leafOfPlace).with(member, [leafOfPlace(places[member]!)[0], 5n]),
    });
    yield lie(`C16: member ${member} has another account behind its leaf`, /^main\.part$/, {
      places: replaced(member, { cash: (places[member]!.account.cash + 1n) as Account["cash"] }),
      leaves: places.map(leafOfPlace),
    });
  }
  yield* copiesThatAreNone(honest);
  const before = bookInputs({ ...honest, totals: sums, after: totals, at: Number(totals.count) });
  yield lie("C28: totals chained from the wrong end", MAIN, {
    input: { totalsBefore: before.totalsBefore!, totalsAfter: before.totalsAfter! },
  });
  yield lie("C28: totals before that are not those committed to", MAIN, {
    input: { totalsBefore: [toField((bookInputs(honest).totalsBefore as bigint[])[0]! + 1n)] },
  });

  // Places: the count says where the leaves are, and nothing else does.
  const count = Number(totals.count);
  for (const at of [
    count + BOOK_PLACES,
    count - BOOK_PLACES,
    count + 16,
    count - 256,
    count + 4096,
    count + 65_536,
    0,
  ]) {
    yield lie(`C28: leaves at place ${at}, not where the count is`, /^main\.(part|above\[\d\])$/, { at });
  }
  for (const off of [1, 2, 3]) {
    yield lie(`C28: a count that is ${off} beyond the start of a step`, /^main(\.|$)/, {
      totals: { ...totals, count: totals.count + BigInt(off) },
      at: count,
    });
  }
  for (const beyond of [BigInt(BOOK_LEAVES), -4n, 1n << 64n, FIELD_ORDER >> 1n]) {
    yield lie(`C28: a count of ${beyond} more`, /^main(\.|$)/, {
      totals: { ...totals, count: beyond < 0n ? beyond : totals.count + beyond },
      at: count,
    });
  }
  yield lie("C16: another root", MAIN, { input: { root: [5n] } });

  // Leaves that are not used.
  const used = (flags: readonly bigint[]) => places.map((place, index) => ({ ...place, used: flags[index]! }));
  for (const member of members) {
    const without = places.with(member, NOBODY);
    if (member < BOOK_PLACES - 1) {
      yield lie(`C28: no member at place ${member}, and one after it`, MAIN, { places: without });
    }
    const hidden = used(members.map((index) => (index < member ? 1n : 0n)));
    yield lie(
      `C28: holdings of place ${member} and later ones join totals, and their leaves are unused`,
      /^main\.member\[\d\]$/,
      {
        places: hidden,
      },
    );
    for (const flag of [2n, -1n, FIELD_ORDER >> 1n]) {
      yield lie(`member ${member} is used ${flag} times`, /^main(\.(part|member\[\d\]))?$/, {
        places: used(members.map((index) => (index === member ? flag : 1n))),
      });
    }
  }
  // What is not used once and holds nothing is in no sum but the count.
  const padded = { ...places[3]!, used: 5n, account: { ...NOBODY.account, viewingKey: places[3]!.account.viewingKey } };
  yield lie("C28: one empty place counts five members", /^main\.member\[3\]$/, { places: places.with(3, padded) });
  const debtor = { ...NOBODY, account: { ...NOBODY.account, cash: 5n as Account["cash"] } };
  const holder = (change: Partial<Account>) => ({ ...NOBODY, account: { ...NOBODY.account, ...change } as Account });
  for (const [what, hidden] of [
    ["cash", debtor],
    ["a position", holder({ positions: NOBODY.account.positions.with(0, 1n as never) })],
    ["collateral", holder({ collateral: NOBODY.account.collateral.with(14, 1n as never) })],
  ] as const) {
    yield lie(
      `C28: ${what} in a place that is not used`,
      /^main\.member\[3\]$/,
      { places: partial.places.with(3, hidden) },
      partial,
    );
  }
  yield lie(
    "C28: an unused leaf that has a state in the tree",
    /^main\.part$/,
    {
      leaves: partial.places.map(leafOfPlace).with(3, leafOfPlace(places[3]!)),
    },
    partial,
  );

  // Ranges and levels, at every member.
  const beyond: [string, Partial<Account>][] = [
    ["2^31 lots", { positions: places[0]!.account.positions.with(0, (1n << 31n) as never) }],
    ["less than nothing of an asset", { collateral: places[0]!.account.collateral.with(2, -(1n << 40n) as never) }],
    ["2^64 of an asset", { collateral: places[0]!.account.collateral.with(3, (1n << 64n) as never) }],
    ["2^63 of cash", { cash: (1n << 63n) as never }],
    ["half of the field in cash", { cash: (FIELD_ORDER >> 1n) as never }],
  ];
  for (const member of members) {
    for (const [what, change] of beyond) {
      yield lie(`C01 C02 C03: member ${member} has ${what}`, /^main\.member\[\d\]/, {
        places: replaced(member, change),
      });
    }
    yield lie(`C04: member ${member} is solvent, and below the level`, /^main\.member\[\d\]\.covered\.AtLeast/, {
      places: replaced(member, barelySolvent(places[member]!.account, honest)),
    });
    yield lie(`C04: member ${member} is below the level`, /^main\.member\[\d\]\.covered\.AtLeast/, {
      places: replaced(member, { cash: -(1n << 62n) as never }),
    });
  }
  for (const level of [1n << 20n, 1n << 64n, -1n, FIELD_ORDER >> 1n]) {
    yield lie(`C18: a level of ${level}`, /^main\.(Unsigned|member\[\d\]\.covered\.AtLeast)/, { level });
  }
}

/** Leaves and nodes that are the tree's and not of what stands below them: the generator copies them, a liar need not. Stopped where what stands below has its value. */
function* copiesThatAreNone(honest: BookClaim): Generator<SmallLie> {
  const at = Number(honest.totals.count);
  const leaves = honest.places.map(leafOfPlace);
  for (const member of leaves.keys()) {
    for (const [part, what] of ["state", "tag"].entries()) {
      const other = leaves[member]!.with(part, 5n) as [bigint, bigint];
      yield {
        name: `C28: the leaf found has another ${what} than member ${member}`,
        inputs: bookInputs({ ...honest, leaves: leaves.with(member, other) }),
        told: { [`main.part.part[${member}][${part}]`]: 5n },
        stoppedAt: new RegExp(`^main\\.member\\[${member}\\]$`),
      };
    }
  }
  const [tree, other] = [treeInputs(leaves, at), treeInputs(leaves.with(0, [5n, 5n]), at)];
  for (let level = 0; level < BOOK_DEPTH - 1; level++) {
    const own = (other.children as bigint[]).slice(level * BOOK_ARITY);
    const place = Math.floor(at / BOOK_ARITY ** (level + 1)) % BOOK_ARITY;
    yield {
      name: `C28: the node found at level ${level} is not the one below it`,
      inputs: bookInputs({
        ...honest,
        input: { root: other.root!, children: [...(tree.children as bigint[]).slice(0, level * BOOK_ARITY), ...own] },
      }),
      told: { [`main.above[${level}].child`]: own[place]! },
      stoppedAt: level === 0 ? /^main\.part\.committed\./ : new RegExp(`^main\\.above\\[${level - 1}\\]\\.`),
    };
  }
}

/** Totals before less what was to be added. */
const subtracted = (before: Totals, after: Totals): Totals => ({
  ...before,
  positions: before.positions.map((sum, row) => 2n * sum - after.positions[row]!),
  collateral: before.collateral.map((sum, asset) => 2n * sum - after.collateral[asset]!),
  cash: 2n * before.cash - after.cash,
  count: after.count,
});
