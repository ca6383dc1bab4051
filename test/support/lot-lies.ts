// SPDX-License-Identifier: GPL-3.0-or-later
/** Lies told to the circuit `Lot` in small, each stopped by the constraint that is there for it. */
import { PlimsollError } from "../../prover/src/errors.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import type { Account } from "../../prover/src/model/account.ts";
import { PURPOSE, stateBlinding } from "../../prover/src/model/commit.ts";
import { coverageBpsDown, E6_TO_E20, evaluate, MARGIN_LEVEL_TO_E20 } from "../../prover/src/model/evaluate.ts";
import { appraiseLot, NO_CREDIT, offered, partOf, sizeDown, WHOLE } from "../../prover/src/model/lot.ts";
import { EMPTY_ROW } from "../../prover/src/model/market.ts";
import { type HaircutSchedule, NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import { ASSETS } from "../../prover/src/model/sizes.ts";
import { creditSignals } from "../../prover/src/statement/signals.ts";
import {
  BPS,
  type CashE6,
  type ColumnE6,
  type LevelBps,
  type LotPriceE16,
  levelBps,
  type PositionLots,
  type QuantityLots,
  quantityLots,
  type RateBps,
  type WeightBps,
} from "../../prover/src/units.ts";
import type { Speaker } from "../soundness/lab/attack.ts";
import type { WireLies } from "../soundness/lab/drop.ts";
import type { Inputs } from "../soundness/lab/generate.ts";
import { miniSponge, modelRow, SHAPE } from "../soundness/lab/miniature.ts";
import type { SmallLie } from "../soundness/lab/small.ts";
import { claimOf, type LotClaim, lotInputs, smallLot } from "../soundness/lab/small-lot.ts";
import { upTo } from "./ledger.ts";
import { cashFor, type LotCase } from "./lots.ts";
import { seededRng } from "./random.ts";

const EMPTY = SHAPE.rows - 1;
const WORTHLESS = 9;
const UNWEIGHTED = 11;
const E6 = 10n ** 6n;

const less = (one: readonly bigint[], other: readonly bigint[]) => one.map((piece, place) => piece - other[place]!);
const floorDiv = (value: bigint, by: bigint) => value / by - (value < 0n && value % by !== 0n ? 1n : 0n);

/** A schedule by which everything counts half; its later tiers are empty, and have no weight. */
const HALF: HaircutSchedule = UNLISTED.map((_, tier) => ({
  boundaryLots: quantityLots.high as QuantityLots,
  weightBps: (tier === 0 ? 5000n : 0n) as WeightBps,
}));

/** A market in which two rows and two assets are worth nothing and risk nothing, so that a lie about them is about its range. */
function quiet({ policy, market, ...found }: LotCase): LotCase {
  const row = market.board.rows.with(modelRow(EMPTY), EMPTY_ROW).with(modelRow(EMPTY - 1), EMPTY_ROW);
  return {
    ...found,
    policy: {
      ...policy,
      schedules: policy.schedules
        .with(WORTHLESS, HALF)
        .with(WORTHLESS + 1, HALF)
        .with(UNWEIGHTED, UNLISTED),
      scanLots: [WORTHLESS, WORTHLESS + 1, UNWEIGHTED].reduce(
        (list, asset) => list.with(asset, NOT_SCANNED),
        policy.scanLots,
      ),
    },
    market: {
      prices: market.prices.with(WORTHLESS, 0n as LotPriceE16).with(WORTHLESS + 1, 0n as LotPriceE16),
      board: { ...market.board, rows: row },
    },
  };
}

/** The same with something where a public input is looked at: in two rows, and in two assets. */
function spread({ step: { before, ...step }, ...found }: LotCase): LotCase {
  const least = (pieces: readonly bigint[], places: readonly number[], amount: bigint) =>
    places.reduce((list, place) => (list[place] === 0n ? list.with(place, amount) : list), pieces);
  const account: Account = {
    ...before,
    positions: least(before.positions, [0, 7].map(modelRow), 300n) as PositionLots[],
    collateral: least(before.collateral, [0, 4], 1000n) as QuantityLots[],
  };
  return { ...found, step: { ...step, before: account } };
}

let slice: LotClaim | undefined;

/** An admissible slice in a quiet market, of an account with credit. */
export function quietSlice(): LotClaim {
  slice ??= searched();
  return slice;
}

function searched(): LotClaim {
  for (let seed = 1; ; seed++) {
    const drawn = smallLot(seededRng(seed));
    if (drawn.terms.kind !== "slice" || drawn.step.credit.cash === 0n || drawn.policy.debtRateBps === 0n) continue;
    const found = quiet(spread(drawn));
    try {
      // The quiet market asks for other cash and another size.
      const cash = offered(found.step, found.terms.discountBps, found.policy, found.market);
      const step = { ...found.step, cash };
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
/** The claim that its account held something else, of which the lot is the same part. */
function holding(claim: LotClaim, change: (account: Account) => Partial<Record<keyof Account, unknown>>): LotClaim {
  const held = { ...claim.held, ...change(claim.held) } as Account;
  const kept = (now: readonly bigint[], of: readonly bigint[], after: readonly bigint[]) =>
    after.map((lots, place) => {
      if (now[place] === of[place]) return lots;
      const part = claim.step.part;
      return now[place]! - partOf(now[place]!, part);
    });
  return {
    ...claim,
    held,
    after: {
      ...claim.after,
      positions: kept(held.positions, claim.held.positions, claim.after.positions) as PositionLots[],
      collateral: kept(held.collateral, claim.held.collateral, claim.after.collateral) as QuantityLots[],
    },
  };
}

/** What a lot of an account is taken from, where nothing has a mark, and collateral has no price and no risk unless said. */
interface Bare {
  /** Lots of a position that one loses 15 with: by the place of its row. */
  readonly held: Readonly<Record<number, bigint>>;
  /** By the place of a row what one lot of it loses, unless 15. */
  readonly loss?: Readonly<Record<number, bigint>>;
  /** Lots of every other position, and of every asset. */
  readonly others: bigint;
  readonly part: bigint;
  /** Basis points. */
  readonly coverage: bigint;
  /** Millionths of cash that it has more than for that. */
  readonly more?: bigint;
  /** 1e-16 quote a lot, of the first asset. */
  readonly price?: bigint;
  readonly schedule?: HaircutSchedule;
}

/** A lot of a bare account, at a discount of 10%, whatever its part; a close-out where that is the whole. */
function bareLot({ held, loss = {}, others, part, coverage, more = 0n, price = 0n, schedule = HALF }: Bare): LotClaim {
  const base = smallLot(seededRng(1));
  const rows = base.market.board.rows.map(() => EMPTY_ROW);
  for (const place of Object.keys(held).map(Number)) {
    const move = (loss[place] ?? 15n) * E6;
    rows[modelRow(place)] = {
      ...EMPTY_ROW,
      profits: EMPTY_ROW.profits.map((_, column) => (column === 0 ? move : column === 1 ? -move : 0n) as ColumnE6),
    };
  }
  const policy: Policy = {
    schedules: new Array(ASSETS).fill(schedule),
    scanLots: new Array(ASSETS).fill(NOT_SCANNED),
    debtRateBps: 0n as RateBps,
  };
  const prices = base.market.prices.map((_, asset) => (asset === 0 ? price : 0n) as LotPriceE16);
  const market = { prices, board: { ...base.market.board, rows } };
  const found = { ...base.step.before, collateral: new Array(ASSETS).fill(others) as QuantityLots[] };
  const places = upTo(SHAPE.blocks * SHAPE.rows);
  const lots = new Map(places.map((place) => [modelRow(place), held[place] ?? others]));
  const owner: Account = {
    ...found,
    positions: found.positions.map((_, row) => (lots.get(row) ?? 0n) as PositionLots),
  };
  // A millionth below the coverage asked for: of no margin, below nothing.
  const account = { ...owner, cash: (cashFor(coverage, owner, policy, market) - 1n + more) as CashE6 };
  const kind = part === WHOLE ? ("close-out" as const) : ("slice" as const);
  const of = (pieces: readonly bigint[]) => pieces.map((piece) => partOf(piece, part));
  const given = schedule === UNLISTED ? account.collateral.map(() => 0n) : of(account.collateral);
  const taken: Account = {
    ...account,
    positions: less(account.positions, of(account.positions)) as PositionLots[],
    collateral: less(account.collateral, given) as QuantityLots[],
  };
  const [heldValue, bareValue] = [account, taken].map((one) => evaluate(one, policy, market));
  const discountBps = 1000n as RateBps;
  const collateral = kind === "slice" ? 5000n * price * given[0]! : heldValue!.collateral - bareValue!.collateral;
  const freed = heldValue!.margin - bareValue!.margin;
  const cash = floorDiv(MARGIN_LEVEL_TO_E20 * discountBps * freed - collateral, E6_TO_E20);
  const after: Account = { ...taken, cash: (account.cash - cash) as CashE6, sequence: account.sequence + 1n };
  const size = floorDiv(BPS * price * given[0]!, E6_TO_E20) + cash;
  const open = { evidence: BPS as LevelBps, discountBps, size: size < 0n ? 0n : size, tolerance: 5n };
  const terms = kind === "slice" ? { kind, target: levelBps.high as LevelBps, ...open } : { kind, ...open };
  const reached = coverageBpsDown(evaluate(after, policy, market)) ?? BPS;
  return {
    step: { before: account, credit: NO_CREDIT, part, cash },
    terms,
    policy,
    market,
    held: account,
    after,
    level: kind === "close-out" || reached > BPS ? BPS : reached,
  };
}

/** A hedge of which a slice takes one leg, rounded as its part has it: for less margin than none the account is paid. */
const loadingLot = (): LotClaim =>
  bareLot({
    held: { 0: 3n, 1: -1n },
    loss: { 0: 5n },
    others: 30n,
    part: WHOLE / 5n,
    coverage: 0n,
    price: 10n ** 17n,
  });

type Lying = (name: string, claim: LotClaim, stoppedAt: RegExp) => SmallLie;

const PLACES = upTo(SHAPE.blocks * SHAPE.rows);
/** Just over a quarter. */
const PART = WHOLE / 4n + 1n;
/** A quarter of 1000 lots, sold for 375, of an account that comes to 63.33% of 11250 and this many millionths. */
const reaching = (more: bigint): LotClaim =>
  bareLot({ held: { 0: 1000n }, others: 42n, part: PART, coverage: 5_000n, more: more + 1n - 375_000n });

/** The same, of an account that comes to 95% and this many millionths, which is its evidence level. */
function evident(more: bigint): LotClaim {
  const evidence = 9_500n as LevelBps;
  const claim = bareLot({ held: { 0: 1000n }, others: 42n, part: PART, coverage: evidence, more: more + 1n });
  return { ...claim, level: evidence, terms: { ...claim.terms, evidence } };
}

/** Slices that reach their target, which is a level of whole basis points, exactly; and of an account a millionth below its evidence level. */
export function edgeSlices(): LotCase[] {
  const { step, terms, policy, market, level } = reaching(0n);
  return [{ step, terms: { ...terms, kind: "slice", target: level as LevelBps }, policy, market }, evident(-1n)];
}

/** Debt, closed out. */
const NOTHING = { held: {}, others: 0n, part: WHOLE, coverage: 0n };

/** Lies about what of the account is in the lot. */
function* partLies(lie: Lying): Generator<SmallLie> {
  const claimed = (claim: LotClaim, changed: Partial<Account>): LotClaim => ({
    ...claim,
    after: { ...claim.after, ...changed },
  });
  const bare = { others: 42n, part: PART, coverage: 9_500n };
  const slice = bareLot({ ...bare, held: { 0: 1000n } });
  // What is worth something moves levels and discount too: each row is worth nothing in one of two accounts.
  const piecesOf = (active: number) => [
    ...PLACES.filter((place) => place !== active).map((place) => ["positions", modelRow(place)] as const),
    ...upTo(ASSETS).map((asset) => ["collateral", asset] as const),
  ];
  for (const active of [0, 7]) {
    const claim = bareLot({ ...bare, held: { [active]: 1000n } });
    for (const [part, place] of piecesOf(active)) {
      for (const more of [1n, -1n]) {
        yield lie(
          `G15: a slice that leaves ${more} more than its part in ${part}[${place}]`,
          claimed(claim, { [part]: add(claim.after[part], place, more) }),
          /^main\.(portion|sold)/,
        );
      }
    }
  }
  const legs = bareLot({ ...bare, held: { 0: 1000n, 1: -900n } });
  const leg = { positions: legs.after.positions.with(modelRow(1), -900n as PositionLots) };
  yield lie("G15: a slice that leaves the hedge", claimed(legs, leg), /^main\.(portion|sold|offer|levels)/);
  yield lie(
    "a slice that leaves assets whose later tiers have no weight",
    claimed(slice, { collateral: slice.held.collateral }),
    /^main\.sold/,
  );
  yield lie("a slice of an even part", { ...slice, part: PART + 1n }, /^main\.LotPart/);
  const turned = bareLot({ ...bare, others: 0n, held: { 0: 1000n }, part: (19n * WHOLE) / 10n });
  yield lie("G02: a slice that turns positions over", turned, /^main\.LotPart/);
  const brought = bareLot({ ...bare, others: 0n, held: { 0: 1000n }, part: -PART });
  yield lie("G02: a slice that brings more of everything", brought, /^main\.(LotPart|offer|levels|sized)/);
  yield lie("G02: a slice that loads the account with risk", loadingLot(), /^main\.offer\.Unsigned/);

  // Kind.
  const asCloseOut = {
    evidence: BPS as LevelBps,
    discountBps: 1000n as RateBps,
    size: slice.terms.size,
    tolerance: 5n,
  };
  const quarter = bareLot({ ...bare, others: 40n, held: { 0: 1000n } });
  yield lie(
    "a slice told as a close-out",
    { ...quarter, part: WHOLE / 4n, level: BPS, terms: { ...asCloseOut, kind: "close-out" } },
    /^main\.LotPart/,
  );
  const whole = bareLot({ ...bare, held: { 0: 1000n }, part: WHOLE });
  yield lie(
    "a close-out told as a slice",
    { ...whole, terms: { ...whole.terms, kind: "slice", target: levelBps.high as LevelBps } },
    /^main\.(LotPart|levels)/,
  );

  // A close-out of debt where nothing has value or risk: what it leaves is stopped by its part or by nothing.
  const debt = bareLot(NOTHING);
  for (const [part, place] of piecesOf(-1)) {
    yield lie(
      `a close-out that leaves ${part}[${place}]`,
      both(debt, { [part]: debt.held[part].with(place, 3n as never) }),
      /^main\.(portion|sold)/,
    );
    const ends = part === "positions" ? [1n << 31n, -(1n << 31n) - 1n, 1n << 70n] : [1n << 64n, -1n];
    for (const pieces of ends) {
      yield lie(
        `C02 C03: ${pieces} in ${part}[${place}]`,
        { ...debt, held: { ...debt.held, [part]: debt.held[part].with(place, pieces as never) } },
        part === "positions" ? /^main\.account\[0\]\.held/ : /^main\.account\[0\]\.haircut/,
      );
    }
  }
  const unweighted = bareLot({ ...NOTHING, schedule: UNLISTED });
  for (const asset of upTo(ASSETS)) {
    const collateral = unweighted.held.collateral.with(asset, 3n as QuantityLots);
    yield lie(
      `a close-out of what has no weight: collateral[${asset}]`,
      { ...unweighted, held: { ...unweighted.held, collateral } },
      /^main\.(portion|sold)/,
    );
  }
}

/** The same lie about the account held and the account after. */
const both = (claim: LotClaim, changed: Partial<Account>): LotClaim => ({
  ...claim,
  held: { ...claim.held, ...changed },
  after: { ...claim.after, ...changed },
});

/** Lies about ranges, levels, credit, kind, blinding and states. Every commitment is of what is claimed. */
export function* lotLies(): Generator<SmallLie> {
  const slice = quietSlice();
  const lie = (name: string, claim: LotClaim, stoppedAt: RegExp): SmallLie => ({
    name,
    inputs: lotInputs(claim),
    stoppedAt,
  });
  const row = modelRow(EMPTY);
  const positions = (change: (lots: readonly bigint[]) => readonly bigint[]) =>
    holding(slice, (account) => ({ positions: change(account.positions) }));
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
      holding(slice, ({ collateral }) => ({ collateral: collateral.with(WORTHLESS, lots as QuantityLots) })),
      /^main\.account\[[01]\]\.haircut/,
    );
  }
  const { collateral } = slice.after;
  yield lie(
    "a lot that brings collateral",
    { ...slice, after: { ...slice.after, collateral: add(collateral, WORTHLESS, 5n) as QuantityLots[] } },
    /^main\.(portion|sold)/,
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
  yield lie("G01: a slice of an account at its evidence level", evident(0n), /^main\.levels\.Unsigned/);
  const almost = reaching(-1n);
  yield lie("G15: a slice to a millionth below its level", { ...almost, level: 6_333n }, /^main\.levels\.Unsigned/);
  const over = reaching(1n);
  const terms = { ...over.terms, kind: "slice", target: 6_333n as LevelBps } as const;
  yield lie("G15: a slice to a millionth above its target", { ...over, terms }, /^main\.levels\.Unsigned/);
  yield lie("a level below every other", { ...slice, level: low }, /^main\.levels/);

  // The account keeps more than the discount leaves, or less; size and target are of what is claimed.
  for (const [name, kept] of [
    ["G15: a lot that offers a dollar less than the discount", 10n ** 6n],
    ["G15: a lot that offers five millionths less than the discount", 5n],
    ["G02: a lot that costs five millionths more than the discount", -5n],
  ] as const) {
    const after = { ...slice.after, cash: (slice.after.cash + kept) as CashE6 };
    const terms = { ...slice.terms, size: slice.terms.size - kept, target: levelBps.high as LevelBps };
    yield lie(name, { ...slice, after, terms }, /^main\.offer\.Signed/);
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

  yield* partLies(lie);

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

/** Close-outs of debt alone: where every asset has weight, and where none has. */
export const lotScenes = (): Inputs[] =>
  [HALF, UNLISTED].map((schedule) => lotInputs(bareLot({ ...NOTHING, schedule })));

/** That an asset of which nothing is held has no weight, or one without weight an inverse; that a part of nothing is another. */
export function* lotRecipes({ build, v, find }: Speaker): Generator<WireLies> {
  for (const name of find(/^main\.NonZero\S*\.inverse$/)) {
    const inverse = build.wires.get(name)!;
    for (const value of [0n, 5n]) yield new Map([[inverse, value]]);
  }
  yield new Map([[build.wires.get("main.part")!, v("main.part") - 2n]]);
}
