// SPDX-License-Identifier: GPL-3.0-or-later
/** Lies told to the Disclosure circuit at every index. */
import { FIELD_ORDER, toField } from "../../prover/src/field.ts";
import { intercepts, type Policy } from "../../prover/src/model/policy.ts";
import { BITS } from "../../prover/src/units.ts";
import type { Inputs } from "../soundness/lab/generate.ts";
import { bandBits, type Dimensions, upTo } from "./ledger.ts";
import { bent, carried, type Holding, honestHolding, type Lie, OUT, type Tells, type World } from "./lying.ts";

const TOP = 1n << BigInt(BITS.quantity);
const total = (terms: readonly bigint[]) => terms.reduce((sum, term) => sum + term, 0n);

/** A quantity of an asset, and how much of each piece of its schedule is said to hold it. */
interface Selection {
  readonly quantity: bigint;
  readonly selected: readonly bigint[];
}

/** Public weights under which nothing is zero, and haircut schedules piece by piece. */
function weightsFor(of: Dimensions) {
  const schedules = upTo(of.assets).map((asset) =>
    upTo(of.tiers).map((tier) => ({
      boundaryLots: BigInt(asset + 1) * 3_000_000n * BigInt(tier + 1),
      weightBps: 9_500n - BigInt(2_000 * tier + asset),
    })),
  );
  const lines = (schedules as unknown as Policy["schedules"]).map(intercepts);
  const pieces = upTo(of.tiers + 1);
  const isTop = (piece: number) => piece === of.tiers;
  return {
    schedules,
    lines,
    prices: upTo(of.assets).map((asset) => BigInt(asset + 1) * 10n ** 12n),
    marks: upTo(of.instruments).map((row) => BigInt(row * 13 - 300) * 10n ** 20n),
    cashWeight: 10n ** 14n,
    pieces,
    /** Wholly in one piece. */
    one: (piece: number) => pieces.map((other) => (other === piece ? 1n : 0n)),
    from: (asset: number, piece: number) => (piece === 0 ? 0n : schedules[asset]![piece - 1]!.boundaryLots),
    to: (asset: number, piece: number) => (isTop(piece) ? TOP : schedules[asset]![piece]!.boundaryLots),
    /** What a quantity is worth on the line of a piece. */
    worth: (asset: number, piece: number, quantity: bigint) =>
      (piece === 0 ? 0n : lines[asset]![piece - 1]!) +
      (isTop(piece) ? 0n : schedules[asset]![piece]!.weightBps * quantity),
  };
}

/** A disclosure as a liar would put it. */
export interface DisclosureClaim {
  readonly holding: Holding;
  /** Of the holding unless said. */
  readonly state?: bigint;
  readonly low: bigint;
  readonly high: bigint;
  readonly weights: {
    /** Boundaries, weights, intercepts of each asset. */
    readonly policy: readonly bigint[];
    readonly prices: readonly bigint[];
    readonly cash: bigint;
    readonly marks: readonly bigint[];
  };
  readonly simulated?: bigint;
  readonly secret?: bigint;
  readonly context?: bigint;
}
/** The auditor's. */
export const SECRET = toField(31_415_926n);

/** Inputs of a claim. */
export function disclosureInputs({ stateOf, keyOf }: World, claim: DisclosureClaim): Inputs {
  const {
    holding,
    state = stateOf(holding),
    low,
    high,
    weights,
    simulated = 0n,
    secret = SECRET,
    context = 7n,
  } = claim;
  return {
    state: toField(state),
    low: toField(low),
    high: toField(high),
    auditor: keyOf(SECRET),
    context: toField(context),
    policy: weights.policy.map(toField),
    prices: weights.prices.map(toField),
    cashWeight: toField(weights.cash),
    marks: weights.marks.map(toField),
    positions: holding.positions.map(toField),
    collateral: holding.collateral.map(toField),
    cash: toField(holding.cash),
    blinding: toField(holding.blinding),
    simulated: toField(simulated),
    secret: toField(secret),
  };
}

interface Claim {
  readonly holding?: Holding;
  /** By asset, where it lies. */
  readonly selections?: ReadonlyMap<number, Selection>;
  /** How far the ends of the band are inside the figure. */
  readonly low?: bigint;
  readonly high?: bigint;
  readonly simulated?: bigint;
}

/** Claims as a liar puts them: the state is of the holding, the band of the figure that the lie comes to. */
function liar(world: World) {
  const { of } = world;
  const weights = weightsFor(of);
  const { schedules, lines, prices, marks, cashWeight, pieces, one, from, to, worth } = weights;
  const honest = honestHolding(of, 1n);
  const policy = schedules.flatMap((schedule, asset) => [
    ...schedule.map(({ boundaryLots }) => boundaryLots),
    ...schedule.map(({ weightBps }) => weightBps),
    ...lines[asset]!.slice(0, of.tiers),
  ]);

  const lie = (name: string, stops: ReadonlySet<string>, claim: Claim): Lie => {
    const { holding = honest, selections, low = 0n, high = 0n, simulated = 0n } = claim;
    const collateral = holding.collateral.map((lots, asset) => selections?.get(asset)?.quantity ?? lots);
    const told = new Map<string, bigint>();
    let figure = cashWeight * holding.cash + total(holding.positions.map((lots, row) => lots * marks[row]!));
    for (const [asset, quantity] of collateral.entries()) {
      const lied = selections?.get(asset);
      const selected = lied?.selected ?? one(pieces.findIndex((piece) => quantity < to(asset, piece)));
      const value = total(selected.map((share, piece) => share * worth(asset, piece, quantity)));
      figure += prices[asset]! * value;
      if (lied === undefined) continue;
      for (const [piece, share] of selected.entries()) {
        const signal = (name: string) => `main.haircut[${asset}].${name}[${piece}]`;
        told.set(signal("selected"), share);
        told.set(signal("lowerOf"), share * from(asset, piece));
        told.set(signal("upperOf"), share * to(asset, piece));
        told.set(signal("valueOf"), share * worth(asset, piece, quantity));
      }
      told.set(`main.haircut[${asset}].weightedLotsBps`, value);
      told.set(`main.ofAsset[${asset}]`, prices[asset]! * value);
    }
    if (told.size > 0) {
      told.set("main.figure", figure);
      told.set("main.aboveLow", 0n);
      told.set("main.belowHigh", 0n);
    }
    const inputs = disclosureInputs(world, {
      holding: { ...holding, collateral },
      low: figure + low,
      high: figure - high,
      weights: { policy, prices, cash: cashWeight, marks },
      simulated,
    });
    return { name, inputs, told, stops };
  };
  return { honest, weights, lie };
}

/** Labels of what stops a selection: shares that are no flags, and ends of what is selected that the quantity is beyond. */
function stopsOf(
  asset: number,
  { quantity, selected }: Selection,
  { from, to }: ReturnType<typeof weightsFor>,
): string[] {
  const fits = (difference: bigint) => difference >= 0n && difference < TOP;
  const lower = total(selected.map((share, piece) => share * from(asset, piece)));
  const upper = total(selected.map((share, piece) => share * to(asset, piece)));
  return [
    ...selected.flatMap((share, piece) =>
      share === 0n || share === 1n ? [] : [`haircut[${asset}].selected[${piece}]`],
    ),
    ...(fits(quantity - lower) ? [] : [`collateral[${asset}] from the lower end of its piece`]),
    ...(fits(upper - 1n - quantity) ? [] : [`collateral[${asset}] to the upper end of its piece`]),
  ];
}

/** Selections that no quantity may have, by asset. */
function* selections({
  pieces,
  one,
  from,
  to,
}: ReturnType<typeof weightsFor>): Generator<[string, (asset: number) => Selection]> {
  const top = pieces.length - 1;
  for (const piece of pieces) {
    const selected = one(piece);
    if (piece > 0) {
      yield [`one lot in piece ${piece}`, () => ({ quantity: 1n, selected })];
      yield [
        `one lot less than the least of piece ${piece}`,
        (asset) => ({ quantity: from(asset, piece) - 1n, selected }),
      ];
    }
    yield [`the upper end of piece ${piece}`, (asset) => ({ quantity: to(asset, piece), selected })];
  }
  for (const [name, quantity, piece] of [
    ["-1", -1n, 0],
    ["-2^70", -(1n << 70n), 0],
    ["2^70", 1n << 70n, top],
    ["2^64 and one", TOP + 1n, top],
    ["half of the field", FIELD_ORDER >> 1n, top],
  ] as const) {
    yield [`a quantity of ${name}`, () => ({ quantity, selected: one(piece) })];
  }
  // Shares that add up to one all the same.
  yield [
    "twice the highest piece less the lowest",
    () => ({
      quantity: TOP - 1n,
      selected: pieces.map((piece) => (piece === 0 ? -1n : piece === top ? 2n : 0n)),
    }),
  ];
  for (const piece of pieces) {
    const [first, second] = pieces.filter((other) => other !== piece) as [number, number];
    yield [
      `two pieces less piece ${piece}`,
      (asset) => ({
        quantity: from(asset, first) + from(asset, second) - from(asset, piece),
        selected: pieces.map((other) => (other === piece ? -1n : other === first || other === second ? 1n : 0n)),
      }),
    ];
  }
}

export function* disclosureLies(subject: World, tells: Tells): Generator<Lie> {
  const { of } = subject;
  const { honest, weights, lie } = liar(subject);
  for (const [value, bend] of OUT) {
    const { holding, stops } = bent(honest, "", ["positions", "cash"], tells, bend);
    yield lie(`positions and cash: ${value}`, stops, { holding });
  }
  for (const parity of [0, 1]) {
    const { holding, stops } = carried(honest, "", "positions", parity, tells);
    yield lie(`positions with a carry, ${parity}`, stops, { holding });
  }
  for (const [name, select] of selections(weights)) {
    const lied = new Map<number, Selection>();
    const stops = new Set<string>();
    for (const asset of upTo(of.assets)) {
      const found = stopsOf(asset, select(asset), weights);
      if (!found.every(tells)) continue;
      lied.set(asset, select(asset));
      for (const label of found) stops.add(label);
    }
    yield lie(name, stops, { selections: lied });
  }
  const width = 1n << BigInt(bandBits(of));
  for (const by of [1n, 1n << 70n, -width, -(FIELD_ORDER >> 1n)]) {
    if (tells("aboveLow")) yield lie(`the low end moved by ${by}`, new Set(["aboveLow"]), { low: by });
    if (tells("belowHigh")) yield lie(`the high end moved by ${by}`, new Set(["belowHigh"]), { high: by });
  }
  for (const simulated of [2n, -1n, (FIELD_ORDER + 1n) / 2n]) {
    if (tells("simulated")) yield lie(`simulated: ${simulated}`, new Set(["simulated"]), { simulated });
  }
}
