// SPDX-License-Identifier: GPL-3.0-or-later
/** Lies told to the circuit `Lot` in small, each stopped by the constraint that is there for it. */
import { PlimsollError } from "../../prover/src/errors.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import type { Account } from "../../prover/src/model/account.ts";
import { PURPOSE, stateBlinding } from "../../prover/src/model/commit.ts";
import { coverageBpsDown } from "../../prover/src/model/evaluate.ts";
import { appraiseLot, NO_CREDIT, offered, sizeDown } from "../../prover/src/model/lot.ts";
import { EMPTY_ROW } from "../../prover/src/model/market.ts";
import { NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { ASSETS } from "../../prover/src/model/sizes.ts";
import { creditSignals } from "../../prover/src/statement/signals.ts";
import {
  BPS,
  type CashE6,
  type LevelBps,
  type LotPriceE16,
  levelBps,
  type PositionLots,
  type QuantityLots,
  type RateBps,
  sizeE6,
} from "../../prover/src/units.ts";
import type { Inputs } from "../soundness/lab/generate.ts";
import { MODEL_BOARD, miniSponge, modelRow, SHAPE, smallMarket, smallPolicy } from "../soundness/lab/miniature.ts";
import type { SmallLie } from "../soundness/lab/small.ts";
import { claimOf, type LotClaim, lotInputs, SHRUNK, smallLot } from "../soundness/lab/small-lot.ts";
import { cashFor, type LotCase } from "./lots.ts";
import { randomAccount, randomMarket, randomPolicy, seededRng } from "./random.ts";

const EMPTY = SHAPE.rows - 1;
const WORTHLESS = 9;

/** A market in which one row and one asset are worth nothing and risk nothing, so that a lie about them is about its range. */
function quiet({ policy, market, ...found }: LotCase): LotCase {
  const row = market.board.rows.with(modelRow(EMPTY), EMPTY_ROW).with(modelRow(EMPTY - 1), EMPTY_ROW);
  return {
    ...found,
    policy: {
      ...policy,
      schedules: policy.schedules.with(WORTHLESS, UNLISTED).with(WORTHLESS + 1, UNLISTED),
      scanLots: policy.scanLots.with(WORTHLESS, NOT_SCANNED).with(WORTHLESS + 1, NOT_SCANNED),
    },
    market: {
      prices: market.prices.with(WORTHLESS, 0n as LotPriceE16).with(WORTHLESS + 1, 0n as LotPriceE16),
      board: { ...market.board, rows: row },
    },
  };
}

/** The same with something where a public input is looked at: in two rows, and in two assets, of which the lot takes a little. */
function spread({ step: { before, contents, ...step }, ...found }: LotCase): LotCase {
  const least = (pieces: readonly bigint[], places: readonly number[], amount: bigint) =>
    places.reduce((list, place) => (list[place] === 0n ? list.with(place, amount) : list), pieces);
  const account: Account = {
    ...before,
    positions: least(before.positions, [0, 7].map(modelRow), 3n) as PositionLots[],
    collateral: least(before.collateral, [0, 4], 1000n) as QuantityLots[],
  };
  return {
    ...found,
    step: { ...step, before: account, contents: { ...contents, collateral: least(contents.collateral, [0, 4], 1n) } },
  };
}

/** An admissible lot of a kind in a quiet market, of an account with credit. */
export function quietLot(kind: LotCase["terms"]["kind"], credited: boolean): LotClaim {
  for (let seed = 1; ; seed++) {
    const drawn = smallLot(seededRng(seed));
    if (drawn.terms.kind !== kind || drawn.step.credit.cash > 0n !== credited) continue;
    if (drawn.policy.debtRateBps === 0n) continue;
    const found = quiet(kind === "slice" ? spread(drawn) : drawn);
    try {
      // The quiet market asks for other cash and another size.
      const contents = offered(found.step, found.terms, found.policy, found.market);
      const step = { ...found.step, contents };
      const open = appraiseLot(step, found.terms, found.policy, found.market);
      const terms = { ...found.terms, size: sizeDown(open), tolerance: 5n };
      const { claim, appraisal } = claimOf({ ...found, step, terms });
      if (appraisal.broken.length === 0 && claim.after.cash !== 0n) return claim;
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
    }
  }
}

const add = (pieces: readonly bigint[], place: number, amount: bigint) => pieces.with(place, pieces[place]! + amount);
/** The same lie about the account held and the account after: the lot is as it was. */
function both(claim: LotClaim, change: (account: Account) => Partial<Record<keyof Account, unknown>>): LotClaim {
  const changed = (account: Account): Account => ({ ...account, ...(change(account) as Partial<Account>) });
  return { ...claim, held: changed(claim.held), after: changed(claim.after) };
}

/** A lot that brings an account more of what it has, for which the account is paid: it frees less margin than none. */
function loadingLot(): LotClaim {
  const rng = seededRng(2);
  const policy: Policy = {
    ...smallPolicy(randomPolicy(rng, "typical")),
    debtRateBps: 0n as RateBps,
    scanLots: new Array(ASSETS).fill(NOT_SCANNED),
  };
  const market = smallMarket(randomMarket(rng, MODEL_BOARD, "typical"));
  const drawn = SHRUNK.account(randomAccount(rng, MODEL_BOARD, "typical"));
  const before = { ...drawn, cash: cashFor(2_000n, drawn, policy, market) };
  const contents = {
    positions: before.positions.map((lots) => -lots / 10n),
    collateral: before.collateral.map((lots) => lots / 2n),
  };
  const offer = { kind: "slice", discountBps: BPS as RateBps } as const;
  const step = { before, credit: NO_CREDIT, contents };
  const sold = { ...step, contents: offered(step, offer, policy, market) };
  const open = { ...offer, evidence: BPS as LevelBps, target: levelBps.high as LevelBps, size: 0n, tolerance: 5n };
  const terms = { ...open, size: sizeDown(appraiseLot(sold, open, policy, market)) };
  const { claim, appraisal } = claimOf({ step: sold, terms, policy, market });
  if (appraisal.broken.join() !== "margin") throw new Error(`the lot breaks ${appraisal.broken}`);
  return claim;
}

/** A close-out of debt alone where nothing has value or risk: what it leaves is stopped by the rule of close-outs or nothing. */
function deadLot(): LotClaim {
  const found = closeOutOf(quietLot("close-out", false));
  const { claim, appraisal } = claimOf(found);
  if (appraisal.broken.length > 0) throw new Error(`the lot breaks ${appraisal.broken}`);
  return claim;
}

function closeOutOf({ step: { before }, market, policy, terms }: LotCase): LotCase {
  const dead = {
    policy: { ...policy, schedules: policy.schedules.map(() => UNLISTED) },
    market: {
      prices: market.prices.map(() => 0n as LotPriceE16),
      board: { ...market.board, rows: market.board.rows.map(() => EMPTY_ROW) },
    },
  };
  const owing: Account = {
    ...before,
    positions: before.positions.map(() => 0n as PositionLots),
    collateral: before.collateral.map(() => 0n as QuantityLots),
    cash: -(10n ** 12n) as CashE6,
  };
  const step = {
    before: owing,
    credit: NO_CREDIT,
    contents: { positions: owing.positions, collateral: owing.collateral },
  };
  const sold = { ...step, contents: offered(step, terms, dead.policy, dead.market) };
  return { step: sold, ...dead, terms: { ...terms, size: 0n, tolerance: sizeE6.high } };
}

/** Lies about ranges, levels, credit, kind, blinding and states. Every commitment is of what is claimed. */
export function* lotLies(): Generator<SmallLie> {
  const slice = quietLot("slice", true);
  const closeOut = quietLot("close-out", false);
  const lie = (name: string, claim: LotClaim, stoppedAt: RegExp): SmallLie => ({
    name,
    inputs: lotInputs(claim),
    stoppedAt,
  });
  const row = modelRow(EMPTY);
  const positions = (change: (lots: readonly bigint[]) => readonly bigint[]) =>
    both(slice, (account) => ({ positions: change(account.positions) }));
  for (const lots of [1n << 31n, -(1n << 31n) - 1n, 1n << 70n]) {
    yield lie(
      `C03: a position of ${lots}`,
      positions((list) => list.with(row, lots)),
      /^main\.account\[[01]\]\.held/,
    );
  }
  yield lie(
    "C13: packed positions read with a carry",
    positions((list) => add(add(list, row - 1, 1n << 36n), row, -1n)),
    /^main\.account\[[01]\]\.held/,
  );
  for (const lots of [-1n, 1n << 64n]) {
    yield lie(
      `C02: a quantity of ${lots}`,
      both(slice, ({ collateral }) => ({ collateral: collateral.with(WORTHLESS, lots as QuantityLots) })),
      /^main\.account\[[01]\]\.haircut/,
    );
  }
  const { collateral } = slice.after;
  yield lie(
    "a lot that brings collateral",
    { ...slice, after: { ...slice.after, collateral: add(collateral, WORTHLESS, 5n) as QuantityLots[] } },
    /^main\.Unsigned/,
  );

  // Levels.
  const { evidence } = slice.terms;
  const low = (BigInt(evidence) - 1n - (1n << 20n)) as LevelBps;
  yield lie(
    "a level above the evidence",
    { ...slice, terms: { ...slice.terms, evidence: (slice.level - 1n) as LevelBps } },
    /^main\.levels\.Unsigned/,
  );
  yield lie(
    "a level one above what is reached",
    { ...slice, level: slice.level + 1n, terms: { ...slice.terms, evidence: (slice.level + 1n) as LevelBps } },
    /^main\.levels\.Unsigned/,
  );
  const { afterValue } = claimOf(slice).appraisal;
  const reached = coverageBpsDown(afterValue)!;
  yield lie(
    "a slice that sells more than brings the account to its target",
    { ...slice, terms: { ...slice.terms, kind: "slice", target: (reached - 1n) as LevelBps } },
    /^main\.levels\.Unsigned/,
  );
  yield lie("a level below every other", { ...slice, level: low }, /^main\.levels/);

  // The account keeps more than the discount leaves, or less; size and target are of what is claimed.
  for (const [name, kept] of [
    ["G15: a lot that offers a dollar less than the discount", 10n ** 6n],
    ["G15: a lot that offers three millionths less than the discount", 3n],
    ["G02: a lot that costs three millionths more than the discount", -3n],
  ] as const) {
    const after = { ...slice.after, cash: (slice.after.cash + kept) as CashE6 };
    const terms = { ...slice.terms, size: slice.terms.size - kept, target: levelBps.high as LevelBps };
    yield lie(name, { ...slice, after, terms }, /^main\.offer\.Unsigned/);
  }
  for (const [name, told] of [
    ["G01: a lot worth more than its size and tolerance", -6n],
    ["G15: a lot worth less than its size", 6n],
  ] as const) {
    const size = slice.terms.size + told;
    yield lie(name, { ...slice, terms: { ...slice.terms, size } }, /^main\.sized\.Unsigned/);
  }
  yield lie("G02: a lot that loads the account with risk", loadingLot(), /^main\.offer\.Unsigned/);

  // Credit: counted and not there, there and not counted.
  const credited = (cash: bigint): Inputs => ({ credit: creditSignals({ ...slice.step.credit, cash }) });
  yield lie("G16: less credit counted than there is", { ...slice, input: credited(0n) }, /^main$/);
  yield lie("more credit counted than there is", { ...slice, input: credited(slice.step.credit.cash + 1n) }, /^main$/);

  // Kind.
  const asCloseOut = { ...slice.terms, kind: "close-out" as const };
  yield lie("a slice told as a close-out", { ...slice, terms: asCloseOut }, /^main$|^main\.(levels|offer)/);
  yield lie(
    "a close-out that leaves a lot of an empty row",
    { ...closeOut, after: { ...closeOut.after, positions: add(closeOut.after.positions, row, 1n) as PositionLots[] } },
    /^main$/,
  );

  const dead = deadLot();
  const places = [
    ...Array.from({ length: SHAPE.blocks * SHAPE.rows }, (_, at) => ["positions", modelRow(at)] as const),
    ...Array.from({ length: ASSETS }, (_, asset) => ["collateral", asset] as const),
  ];
  for (const [part, place] of places) {
    yield lie(
      `a close-out that leaves ${part}[${place}]`,
      both(dead, (account) => ({ [part]: account[part].with(place, 3n as never) })),
      /^main$/,
    );
    const ends = part === "positions" ? [1n << 31n, -(1n << 31n) - 1n, 1n << 70n] : [1n << 64n, -1n];
    for (const pieces of ends) {
      yield lie(
        `C02 C03: ${pieces} in ${part}[${place}]`,
        { ...dead, held: { ...dead.held, [part]: dead.held[part].with(place, pieces as never) } },
        // Of collateral the lot takes as much.
        part === "positions" ? /^main\.account\[0\]\.held/ : /^main\.(account\[0\]\.haircut|Unsigned)/,
      );
    }
  }

  // Terms out of range, and the size's.
  for (const [name, value] of [
    ["terms", 1n << 61n],
    ["size", 1n << 128n],
  ] as const) {
    const honest = lotInputs(slice)[name] as bigint;
    yield lie(`C03: ${name} with a digit more`, { ...slice, input: { [name]: honest + value } }, /^main\.(read|sized)/);
  }

  // Blinding and states.
  yield lie("G10: a lot blinded by another number", { ...slice, blinding: 5n as FieldElement }, /^main$/);
  const ofStateAlone = miniSponge(PURPOSE.lotBlinding, 0, [stateBlinding(slice.held)]);
  yield lie("G10: a lot blinded as every lot of its state", { ...slice, blinding: ofStateAlone }, /^main$/);
  for (const [name, sequence] of [
    ["kept", slice.held.sequence],
    ["two steps on", slice.held.sequence + 2n],
  ] as const) {
    yield lie(`C16: the sequence ${name}`, { ...slice, after: { ...slice.after, sequence } }, /^main$/);
  }
  const unblinded = (account: Account, sequence: bigint): Account => ({
    ...account,
    viewingKey: 0n as FieldElement,
    sequence,
  });
  yield lie(
    "genesis sells",
    { ...slice, held: unblinded(slice.held, 0n), after: unblinded(slice.after, 1n) },
    /^main\.Onward/,
  );
}
