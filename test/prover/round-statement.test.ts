// SPDX-License-Identifier: GPL-3.0-or-later
/** Statements of rounds: which attacks on a venue no round proves, who is below the level, which circuit serves. */
import { expect } from "chai";
import type { FieldElement } from "../../prover/src/field.ts";
import { genesis, VIEWING_KEY_LIMIT } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { EMPTY_ROW, type Market } from "../../prover/src/model/market.ts";
import { NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { applyRound, nobody, nobodyStates } from "../../prover/src/model/round.ts";
import { ASSETS, TIERS } from "../../prover/src/model/sizes.ts";
import { applyTransition, NO_TRANSFER, noFill } from "../../prover/src/model/transition.ts";
import { buildRoundStatement, type RoundRequest } from "../../prover/src/statement/round.ts";
import type {
  CashE6,
  LevelBps,
  LotPriceE16,
  QuantityLots,
  RateBps,
  ThresholdE6,
  WeightBps,
} from "../../prover/src/units.ts";
import { randomAccount, seededRng } from "../support/random.ts";
import { refusal } from "../support/refusal.ts";
import { fillOf, keyed, randomRound } from "../support/rounds.ts";

const SIZE = "board-60";

// ---- Attacks --------------------------------------------------------------------------------------------------------

/** Bitcoin at 100,000 with a haircut of 5%; a debt is charged 5%. */
const BTC = 0;
const policy: Policy = {
  schedules: Array.from({ length: ASSETS }, (_, asset) =>
    asset === BTC
      ? Array.from({ length: TIERS }, () => ({
          boundaryLots: (10n ** 13n) as QuantityLots,
          weightBps: 9_500n as WeightBps,
        }))
      : UNLISTED,
  ),
  scanLots: Array.from({ length: ASSETS }, () => NOT_SCANNED),
  debtRateBps: 500n as RateBps,
};
const market: Market = {
  prices: Array.from({ length: ASSETS }, (_, asset) => (asset === BTC ? 10n ** 13n : 0n) as LotPriceE16),
  board: {
    size: SIZE,
    rows: new Array(60).fill(EMPTY_ROW),
    blocks: [
      {
        continues: false,
        liquidityThreshold: 0n as ThresholdE6,
        liquidityRate: 0n as RateBps,
        vegaThreshold: 0n as ThresholdE6,
        vegaRate: 0n as RateBps,
      },
    ],
  },
};
const INITIAL = 15_000n as LevelBps;
const bitcoin = (amount: bigint) => genesis(SIZE).collateral.with(BTC, (amount * 10n ** 8n) as QuantityLots);
const round = (members: RoundRequest["members"], change: Partial<RoundRequest> = {}): RoundRequest => ({
  members,
  level: INITIAL,
  context: 7n,
  policy,
  market,
  ...change,
});

describe("attacks on a venue that rounds do not allow", () => {
  it("G01: who borrows all that collateral counts for has margin on the debt, so no round leaves it there", () => {
    const borrow = (millions: bigint) =>
      buildRoundStatement(
        round([
          { before: keyed(5n, { collateral: bitcoin(50n) }), fill: fillOf({ cash: -millions * 10n ** 10n }) },
          { before: keyed(6n), fill: fillOf({ cash: millions * 10n ** 10n }) },
        ]),
      );
    // 4,750,000, in units of 10,000: equity of nothing, which is at every level where debt has no margin.
    const all = borrow(475n);
    expect(all.evaluations[0]!.equity).equal(0n);
    expect([all.holds, all.below]).deep.equal([false, [0]]);
    const free = { ...all.evaluations[0]!, margin: 0n } as (typeof all.evaluations)[0];
    expect(isAtLeast(free, INITIAL)).equal(true);
    // What is left of equity after a loan that is allowed outlasts a fall until the account can be sold.
    const allowed = borrow(441n);
    expect([allowed.holds, allowed.below]).deep.equal([true, []]);
    expect(borrow(442n).holds).equal(false);
  });

  it("G06: nobody below the level takes part, even to improve: who owes more than the level allows cannot pass it on", () => {
    const debtor = keyed(5n, { collateral: bitcoin(50n), cash: -(475n * 10n ** 10n) as CashE6 });
    const helper = keyed(6n, { cash: (100n * 10n ** 10n) as CashE6 });
    const gift = (amount: bigint) =>
      buildRoundStatement(
        round([
          { before: debtor, fill: fillOf({ cash: amount }) },
          { before: helper, fill: fillOf({ cash: -amount }) },
        ]),
      );
    expect(gift(10n ** 10n).below).deep.equal([0]);
    expect(gift(40n * 10n ** 10n).holds).equal(true);
    expect(gift(101n * 10n ** 10n).below).deep.equal([1]);
  });

  it("G10: what a member's state is after a round follows from its fill, whoever proved it: no blinding is the operator's", () => {
    const members = randomRound(seededRng(74), SIZE, 3);
    const [mine] = members;
    const followed = applyTransition(mine!.before, {
      transfer: NO_TRANSFER,
      fill: { ...noFill(SIZE), ...mine!.fill, blinding: 12_345n as FieldElement },
      side: 1n,
    });
    expect(commitState(applyRound(members)[0]!)).equal(commitState(followed));
  });

  it("G11: no account opens in a round, and elsewhere none under a key that runs out", () => {
    const open = (viewingKey: bigint) =>
      applyTransition(genesis(SIZE), {
        transfer: NO_TRANSFER,
        fill: noFill(SIZE),
        side: 1n,
        openWithViewingKey: viewingKey as FieldElement,
      });
    for (const key of [VIEWING_KEY_LIMIT, (1n << 253n) - 5n])
      expect(refusal(() => open(key)).code).equal("OUT_OF_RANGE");
    const longest = { ...open(VIEWING_KEY_LIMIT - 1n), sequence: (1n << 64n) - 2n };
    const after = applyRound([{ before: longest, fill: noFill(SIZE) }, nobody(SIZE, 1)]);
    expect(after[0]!.sequence).equal((1n << 64n) - 1n);
    const error = refusal(() => applyRound([nobody(SIZE, 0), { before: genesis(SIZE), fill: noFill(SIZE) }]));
    expect(error.place.field).equal("members[1].before.viewingKey");
  });

  it("one account in two places, from the same state, would keep what it gains and lose only once: refused", () => {
    const mine = keyed(5n, { cash: 1_000n as CashE6 });
    const other = keyed(6n, { cash: 1_000n as CashE6 });
    const [gain, pay] = [fillOf({ cash: 1_000n }), fillOf({ cash: -1_000n })];
    const error = refusal(() =>
      buildRoundStatement(
        round([
          { before: mine, fill: gain },
          { before: other, fill: noFill(SIZE) },
          { before: mine, fill: pay },
        ]),
      ),
    );
    expect([error.code, error.place.field]).deep.equal(["FIELD_INVALID", "members[2].before"]);
    // From its own state after, the second step undoes the first, and nobody is poorer.
    const [once] = applyRound([
      { before: mine, fill: gain },
      { before: other, fill: pay },
    ]);
    const chained = applyRound([
      { before: mine, fill: gain },
      { before: other, fill: noFill(SIZE) },
      { before: once!, fill: pay },
    ]);
    expect([chained[2]!.cash, chained[1]!.cash]).deep.equal([1_000n, 1_000n]);
  });
});

describe("the statement of a round", () => {
  it("takes the smallest circuit with places enough, and fills the others with nobody", () => {
    const rng = seededRng(75);
    const built = (members: number) =>
      buildRoundStatement(round(randomRound(rng, SIZE, members), { level: 0n as LevelBps }));
    for (const [members, circuit, places] of [
      [2, "round-60-3", 3],
      [3, "round-60-3", 3],
      [4, "round-60-15", 15],
    ] as const) {
      const { circuit: chosen, publicSignals, after } = built(members);
      expect([chosen, after.length]).deep.equal([circuit, places]);
      for (let place = members; place < places; place++) {
        expect([publicSignals[place], publicSignals[places + place]]).deep.equal(nobodyStates(SIZE, place));
      }
    }
    expect(refusal(() => built(16)).place.field).equal("members");
    const other = randomRound(rng, "board-240", 2);
    const wide = { ...market, board: { ...market.board, size: "board-240" as const } };
    expect(refusal(() => buildRoundStatement(round(other, { market: wide }))).code).equal("NO_BOARD_SIZE");
    expect(refusal(() => buildRoundStatement(round([], { context: -1n }))).place.field).equal("context");
  });

  it("says who is below the level, exactly", () => {
    const [one, other] = [randomAccount(seededRng(76), SIZE, "typical"), keyed(9n, { cash: (10n ** 12n) as CashE6 })];
    const members = [one, other].map((before) => ({ before, fill: noFill(SIZE) }));
    const statement = buildRoundStatement(round(members));
    const covered = isAtLeast(evaluate(one, policy, market), INITIAL);
    expect(statement.below.includes(0)).equal(!covered);
    expect(statement.below.includes(1)).equal(false);
  });
});
