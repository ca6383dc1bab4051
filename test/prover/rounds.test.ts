// SPDX-License-Identifier: GPL-3.0-or-later
/** Rounds in the integer model: what they are, and what is refused. */
import { expect } from "chai";
import type { FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitState, packPositions, packWide } from "../../prover/src/model/commit.ts";
import {
  applyRound,
  imbalances,
  MOST_MEMBERS,
  nobody,
  nobodyStates,
  type RoundFill,
} from "../../prover/src/model/round.ts";
import { ASSETS, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import type { QuantityLots } from "../../prover/src/units.ts";
import { seededRng } from "../support/random.ts";
import { refusal } from "../support/refusal.ts";
import { fillOf, keyed, randomRound } from "../support/rounds.ts";

const SIZE = "board-60";

const inRow = (row: number, lots: bigint) => noFill(SIZE).positions.map((_, at) => (at === row ? lots : 0n));

describe("rounds", () => {
  it("C27: move what fills say and nothing else, in every flavour of account, and conserve every row", () => {
    const rng = seededRng(71);
    for (let run = 0; run < 25; run++) {
      const members = randomRound(rng, SIZE, 2 + Number(rng.below(15n)));
      const after = applyRound(members);
      for (const [member, { before, fill }] of members.entries()) {
        const { positions, collateral, cash, sequence, viewingKey } = after[member]!;
        expect(positions).deep.equal(before.positions.map((lots, row) => lots + fill.positions[row]!));
        expect(collateral).deep.equal(before.collateral.map((lots, asset) => lots + fill.collateral[asset]!));
        expect(cash).equal(before.cash + fill.cash);
        expect([sequence, viewingKey]).deep.equal([before.sequence + 1n, before.viewingKey]);
      }
      const sum = (pieceOf: (account: Account) => bigint) =>
        after.reduce((all, account, member) => all + pieceOf(account) - pieceOf(members[member]!.before), 0n);
      for (let row = 0; row < instrumentsOf(SIZE); row++) expect(sum(({ positions }) => positions[row]!)).equal(0n);
      for (let asset = 0; asset < ASSETS; asset++) expect(sum(({ collateral }) => collateral[asset]!)).equal(0n);
      expect(sum(({ cash }) => cash)).equal(0n);
    }
  });

  it("C27: one that does not add up is refused by row; the amount is told to whoever asks for it, not in the error", () => {
    const members = randomRound(seededRng(72), SIZE, 3);
    for (const [field, change, sum] of [
      ["positions[59]", (fill: RoundFill) => ({ positions: fill.positions.map((x, at) => (at === 59 ? 0n : x)) }), 0n],
      [
        "collateral[14]",
        (fill: RoundFill) => ({ collateral: fill.collateral.map((x, at) => (at === 14 ? 0n : x)) }),
        0n,
      ],
      ["cash", () => ({ cash: 0n }), 0n],
    ] as const) {
      const given = {
        positions: inRow(59, 31_337n),
        collateral: noFill(SIZE).collateral.with(14, 31_337n),
        cash: 31_337n,
      };
      const taken = {
        positions: given.positions.map((lots) => -lots),
        collateral: given.collateral.map((lots) => -lots),
        cash: -given.cash,
      };
      const rich = { collateral: genesis(SIZE).collateral.map(() => 50_000n as QuantityLots) };
      const pair = [
        { before: keyed(5n, rich), fill: fillOf(given) },
        { before: keyed(6n, rich), fill: fillOf({ ...taken, ...change(fillOf(taken)) }) },
      ];
      expect(sum).equal(0n);
      expect(
        imbalances(
          SIZE,
          pair.map(({ fill }) => fill),
        ),
      ).deep.equal([{ field, sum: 31_337n }]);
      const error = refusal(() => applyRound(pair));
      expect([error.code, error.place]).deep.equal(["FIELD_INVALID", { field }]);
      expect(JSON.stringify({ ...error, message: error.message })).not.match(/31.?337/);
    }
    expect(
      imbalances(
        SIZE,
        members.map(({ fill }) => fill),
      ),
    ).deep.equal([]);
  });

  it("are of 2 to 16 accounts that are open, on boards of one size, each state once", () => {
    const members = randomRound(seededRng(73), SIZE, 4);
    const [first, second] = members;
    const refused = (list: Parameters<typeof applyRound>[0], field: string, code = "FIELD_INVALID") => {
      const error = refusal(() => applyRound(list));
      expect([error.code, error.place.field]).deep.equal([code, field]);
    };
    refused([first!], "members");
    refused(randomRound(seededRng(73), SIZE, MOST_MEMBERS + 1), "members");
    expect(applyRound(randomRound(seededRng(73), SIZE, MOST_MEMBERS))).length(16);
    const idle = (before: Account) => ({ before, fill: noFill(before.size) });
    refused(
      [idle(keyed(1n)), idle({ ...genesis("board-240"), viewingKey: 5n as FieldElement })],
      "members[1].before.size",
    );
    refused([...members, first!], "members[4].before");
    refused([idle(keyed(1n)), idle(keyed(2n)), idle(keyed(1n))], "members[2].before");
    refused([idle(keyed(1n)), idle(genesis(SIZE))], "members[1].before.viewingKey");
    refused([first!, { ...second!, fill: { ...second!.fill, positions: [] } }], "members[1].fill.positions");
    const out = fillOf({ positions: inRow(3, 1n << 31n) });
    refused([idle(keyed(1n)), { before: keyed(2n), fill: out }], "members[1].positions[3]", "OUT_OF_RANGE");
    const negative = fillOf({ collateral: noFill(SIZE).collateral.with(2, -1n) });
    refused([{ before: keyed(2n), fill: negative }, idle(keyed(1n))], "members[0].collateral[2]", "OUT_OF_RANGE");
  });

  it("C27: with 17 members packed sums would carry: 2^36 lots of one row for one lot of the next; 16 cannot", () => {
    const [low, high] = [-(1n << 31n), (1n << 31n) - 1n];
    const most = high - low;
    const packedSum = (fills: readonly (readonly bigint[])[]) =>
      fills.map((fill) => packPositions(fill)[0]!).reduce((sum, element) => sum + element, 0n);
    /** Fills of the first two rows: as much of the first as `members` can gain together up to 2^36, and −1 of the second. */
    const carrying = (members: number) => {
      let left = 1n << 36n;
      return Array.from({ length: members }, (_, member) => {
        const taken = left < most ? left : most;
        left -= taken;
        return [taken, member === 0 ? -1n : 0n];
      });
    };
    const sums = (members: number) => carrying(members).reduce(([a, b], [c, d]) => [a! + c!, b! + d!], [0n, 0n]);
    expect(sums(MOST_MEMBERS + 1)).deep.equal([1n << 36n, -1n]);
    expect(
      packedSum(carrying(MOST_MEMBERS + 1)) %
        21888242871839275222246405745257275088548364400416034343698204186575808495617n,
    ).equal(0n);
    expect(sums(MOST_MEMBERS)[0]! < 1n << 36n).equal(true);
    expect(BigInt(MOST_MEMBERS) * most < 1n << 36n && BigInt(MOST_MEMBERS + 1) * most >= 1n << 36n).equal(true);
    expect(BigInt(MOST_MEMBERS) * ((1n << 64n) - 1n) < 1n << 84n).equal(true);
    expect(packWide([1n << 84n, -1n])).deep.equal(packWide([0n, 0n]));
  });

  it("places without a member hold nobody: constants, each of its own, that move nothing", () => {
    const places = Array.from({ length: 15 }, (_, place) => nobody(SIZE, place));
    const after = applyRound(places);
    for (const [place, { before, fill }] of places.entries()) {
      expect(nobodyStates(SIZE, place)).deep.equal([commitState(before), commitState(after[place]!)]);
      expect(fill).deep.equal(noFill(SIZE));
      expect({ ...after[place]!, viewingKey: 0n, sequence: 0n }).deep.equal(genesis(SIZE));
    }
    expect(new Set(places.map(({ before }) => commitState(before))).size).equal(15);
  });
});
