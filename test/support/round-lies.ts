// SPDX-License-Identifier: GPL-3.0-or-later
/** Lies told to the circuit `Round`, each with the place of the constraints that must stop it. */
import { FIELD_ORDER, type FieldElement, toField } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { ASSETS } from "../../prover/src/model/sizes.ts";
import type { SmallLie } from "../soundness/lab/small.ts";
import { type RoundClaim, type RoundWorld, roundInputs, SMALL_WORLD } from "../soundness/lab/small-round.ts";
import { barelySolvent } from "./rounds.ts";

type Change = (account: Account) => Account;
const row =
  (index: number, by: bigint): Change =>
  (account) => ({
    ...account,
    positions: account.positions.with(index, (account.positions[index]! + by) as Account["positions"][number]),
  });
const asset =
  (index: number, by: bigint): Change =>
  (account) => ({
    ...account,
    collateral: account.collateral.with(index, (account.collateral[index]! + by) as Account["collateral"][number]),
  });
const cash =
  (by: bigint): Change =>
  (account) => ({ ...account, cash: (account.cash + by) as Account["cash"] });
const at = (list: readonly Account[], member: number, change: Change) => list.with(member, change(list[member]!));

/** Every lie about an honest round in which everybody is covered. `rows` are some rows of the board. */
export function* roundLies(
  honest: RoundClaim,
  rows: readonly number[],
  world: RoundWorld = SMALL_WORLD,
): Generator<SmallLie> {
  const { before, after } = honest;
  const last = before.length - 1;
  const members = [...before.keys()];
  const lie = (name: string, stoppedAt: RegExp, change: Partial<RoundClaim>): SmallLie => ({
    name,
    stoppedAt,
    inputs: roundInputs({ ...honest, ...change }, world),
  });
  const worth = (member: number) => new RegExp(`^main(\\.member\\[${member}\\]\\.covered.*)?$`);

  // Conservation: somebody gains what nobody gives.
  const gains: [string, Change][] = [
    ...rows.flatMap((index): [string, Change][] => [
      [`a lot of row ${index}`, row(index, 1n)],
      [`the loss of a lot of row ${index}`, row(index, -1n)],
    ]),
    ...Array.from({ length: ASSETS }, (_, index): [string, Change] => [`a lot of asset ${index}`, asset(index, 1n)]),
    ["a millionth of cash", cash(1n)],
    ["a fortune", cash(10n ** 15n)],
  ];
  for (const member of members) {
    for (const [what, change] of gains) {
      yield lie(`C27: member ${member} gains ${what} that nobody gives`, /^main$/, {
        after: at(after, member, change),
      });
    }
    yield lie(`C27: member ${member} gains what it should give`, /^main$/, {
      after: at(after, member, (account) => mirrored(before[member]!, account)),
    });
    // What the last one had follows from the others.
    if (member < last)
      yield lie(`C27: member ${member} had less than its state says`, /^main$/, {
        before: at(before, member, cash(-1n)),
        input: { stateBefore: before.map(world.stateOf) },
      });
    for (const other of members.filter((index) => index !== member)) {
      yield lie(`C27: members ${member} and ${other} both gain a lot`, /^main$/, {
        after: at(at(after, member, row(rows[0]!, 1n)), other, row(rows[0]!, 1n)),
      });
      yield lie(`C27: member ${member} gains a lot of one row, ${other} gives one of the next`, /^main$/, {
        after: at(at(after, member, row(rows[0]!, 1n)), other, row(rows[1]!, -1n)),
      });
      yield lie(`C27: member ${member} gains an asset that ${other} gives of the next`, /^main$/, {
        after: at(at(after, member, asset(0, 1n)), other, asset(1, -1n)),
      });
    }
  }

  // What the last one gives is not all that the others gain.
  for (const member of members.slice(0, -1)) {
    const others = { before: before.toSpliced(member, 1), after: after.toSpliced(member, 1) };
    yield lie(`C27: the last member gives member ${member} nothing`, /^main$/, {
      after: after.with(last, settled(others, last - 1).after[last - 1]!),
    });
  }
  yield lie("C27: the last member keeps its cash", /^main$/, {
    after: at(after, last, (account) => ({ ...account, cash: before[last]!.cash })),
  });

  // Ranges of accounts after, at every member. The other side of the trade is true.
  const beyond: [string, Change, Change][] = [
    ["2^31 lots", row(rows[0]!, 1n << 31n), row(rows[0]!, -(1n << 31n))],
    ["2^36 lots of a row, read with a carry", (a) => row(rows[1]!, -1n)(row(rows[0]!, 1n << 36n)(a)), (a) => a],
    ["2^84 lots of an asset, read with a carry", (a) => asset(1, -1n)(asset(0, 1n << 84n)(a)), (a) => a],
    ["less than nothing of an asset", asset(2, -(1n << 40n)), asset(2, 1n << 40n)],
    ["2^64 of an asset", asset(3, 1n << 64n), asset(3, -(1n << 64n))],
    ["2^63 of cash", cash(1n << 63n), cash(-(1n << 63n))],
    ["r of cash", cash(FIELD_ORDER >> 1n), cash(-(FIELD_ORDER >> 1n))],
  ];
  for (const member of members) {
    const other = (member + 1) % members.length;
    for (const [what, change, back] of beyond) {
      yield {
        ...lie(`C01 C02 C03 C13: member ${member} has ${what}`, /^main\.member\[\d+\]/, {
          after: at(at(after, member, change), other, back),
        }),
      };
    }
  }

  // Levels. A debt that the level does not allow, at every member; and a level that is none.
  const owes = cash(-(1n << 62n));
  for (const member of members) {
    const other = (member + 1) % members.length;
    const solvent = cash(barelySolvent(after[member]!, honest).cash - after[member]!.cash);
    yield lie(`C04: member ${member} is solvent, and below the level`, worth(member), {
      after: at(after, member, solvent),
      before: at(before, member, solvent),
    });
    yield lie(`C04: member ${member} is below the level`, worth(member), {
      after: at(after, member, owes),
      before: at(before, member, owes),
    });
    yield lie(`C04: member ${member} passes a debt on and ${other} is below the level`, worth(other), {
      after: at(at(after, member, cash(1n << 61n)), other, cash(-(1n << 62n) - (1n << 61n))),
      before: at(before, other, owes),
    });
  }
  for (const level of [1n << 20n, (1n << 20n) + 5n, 1n << 64n, -1n, FIELD_ORDER >> 1n]) {
    yield lie(`C18: a level of ${level}`, /^main(\.(Unsigned|member\[\d\]\.covered\.AtLeast).*)?$/, { level });
  }

  // Sequence and blinding.
  const moved = (account: Account, by: bigint): Account => ({ ...account, sequence: account.sequence + by });
  for (const member of members) {
    for (const by of [-1n, 1n, 1000n]) {
      yield lie(`member ${member} steps by ${1n + by}`, /^main$/, {
        after: at(after, member, (account) => moved(account, by)),
      });
    }
    yield lie(`member ${member} changes its key`, /^main$/, {
      after: at(after, member, (account) => ({ ...account, viewingKey: toField(account.viewingKey + 77n) })),
    });
    const unblinded = (account: Account): Account => ({ ...account, viewingKey: 0n as FieldElement, sequence: 0n });
    yield lie(`G11: member ${member} opens`, /^main\.member\[\d\]\.Onward/, {
      before: at(before, member, unblinded),
      after: at(after, member, (account) => moved(unblinded(account), 1n)),
    });
    yield lie(`G11: member ${member} is genesis`, /^main\.member\[\d\]\.Onward/, {
      before: at(before, member, () => ({ ...genesis(before[member]!.size) })),
      after: at(after, member, () => moved(genesis(before[member]!.size), 1n)),
      input: {},
      ...balanced(honest, member),
    });
    yield lie(`member ${member} counts on to an unblinded state`, /^main\.member\[\d\]\.Onward/, {
      before: at(before, member, (account) => ({ ...account, viewingKey: toField(-1n - account.sequence) })),
      after: at(after, member, (account) => ({ ...account, viewingKey: toField(-account.sequence) })),
    });
  }

  yield lie("nobody counts its step", /^main$/, { after: after.map((account) => moved(account, -1n)) });

  // States.
  for (const member of members) {
    const other = (member + 1) % members.length;
    const twice = {
      before: at(before, other, () => before[member]!),
      after: at(after, other, () => after[member]!),
    };
    const third = members.find((index) => index !== member && index !== other)!;
    yield lie(`C27: member ${member} takes the place of ${other} too`, /^main(\.Distinct.*)?$/, {
      ...twice,
      ...settled(twice, third),
    });
    const apart = { before: twice.before, after: at(twice.after, other, cash(-1_000n)) };
    yield lie(`C27: member ${member} steps in the place of ${other} too, to another state`, /^main(\.Distinct.*)?$/, {
      ...apart,
      ...settled(apart, third),
    });
    for (const list of ["stateBefore", "stateAfter"] as const) {
      const states = (list === "stateBefore" ? before : after).map(world.stateOf);
      const swapped = states.with(member, states[other]!).with(other, states[member]!);
      yield lie(`C16: ${list} of ${member} and ${other} exchanged`, /^main(\.Distinct.*)?$/, {
        input: { [list]: swapped },
      });
      yield lie(`C17: ${list} of ${member} plus one`, /^main(\.Distinct.*)?$/, {
        input: { [list]: states.with(member, toField(states[member]! + 1n)) },
      });
    }
  }
}

/** The account that has changed by as much the other way. */
const mirrored = (before: Account, after: Account): Account =>
  ({
    ...after,
    positions: after.positions.map((lots, index) => 2n * before.positions[index]! - lots),
    collateral: after.collateral.map((lots, index) => 2n * before.collateral[index]! - lots),
    cash: 2n * before.cash - after.cash,
  }) as unknown as Account;

/** The round with this member given nothing: another takes what it would have. */
function balanced({ before, after }: RoundClaim, member: number): Partial<RoundClaim> {
  const size = before[member]!.size;
  const empty = genesis(size);
  const froms = before.with(member, empty);
  const tos = after.with(member, { ...empty, sequence: 1n });
  return { before: froms, ...settled({ before: froms, after: tos }, (member + 1) % before.length) };
}

/** Accounts after in which this member balances what the others gain. */
function settled({ before, after }: Pick<RoundClaim, "before" | "after">, member: number): Pick<RoundClaim, "after"> {
  const gained = (pieceOf: (account: Account) => bigint) =>
    after.reduce(
      (sum, account, index) => (index === member ? sum : sum + pieceOf(account) - pieceOf(before[index]!)),
      0n,
    );
  const from = before[member]!;
  const balancing = {
    ...after[member]!,
    positions: from.positions.map((lots, index) => lots - gained(({ positions }) => positions[index]!)),
    collateral: from.collateral.map((lots, index) => lots - gained(({ collateral }) => collateral[index]!)),
    cash: from.cash - gained((account) => account.cash),
  } as unknown as Account;
  return { after: after.with(member, balancing) };
}
