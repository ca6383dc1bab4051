// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The detectors: oracles that each look for one sign that a circuit is wrong, run against the small circuit made from
 * given sources, shipped or damaged.
 *
 *   model         the honest generator and the integer model disagree: on acceptance, or on a value
 *   hostile       the constraints accept a lie from a fixed library of them, or another public input with the same witness
 *   alternatives  a second witness for the same inputs, by changing what no constraint determines
 *   uniqueness    the static analysis no longer proves every signal determined by the inputs
 *   ledger        a range check has not the width that the declared ranges give it, or is missing
 */
import { FIELD_ORDER, invert, toField } from "../../../prover/src/field.ts";
import { E6_TO_E10, E6_TO_E20, MARGIN_LEVEL_TO_E20 } from "../../../prover/src/model/evaluate.ts";
import { ASSETS, CASH_INDEX } from "../../../prover/src/model/sizes.ts";
import { BITS, BPS } from "../../../prover/src/units.ts";
import { miniCases, sceneCase, slackCase } from "./cases.ts";
import type { Inputs } from "./generate.ts";
import { type Build, type Case, miniSponge, PUBLIC_INPUTS, SHAPE, SPONGE_LENGTHS, stableName } from "./miniature.ts";
import { evaluate, violation, violations, type Witness } from "./r1cs.ts";
import { type Incidence, incidence, type Ripple, ripple } from "./ripple.ts";
import { type Fact, uniqueness } from "./uniqueness.ts";

export const DETECTORS = ["model", "hostile", "alternatives", "uniqueness", "ledger"] as const;
export type Detector = (typeof DETECTORS)[number];

export interface Finding {
  readonly detector: Detector;
  /** What was accepted that should not be, or refused that should not be. Names signals, never values. */
  readonly what: string;
}

// ---- model ----------------------------------------------------------------------------------------------------------

let cases: Case[] | undefined;

/** The first case in which the circuit and the model disagree: of the structured ones unless others are given. */
export function disagreement(build: Build, over?: Iterable<Case>): Finding | undefined {
  cases ??= [slackCase(), ...miniCases()];
  const say = (what: string): Finding => ({ detector: "model", what });
  for (const { name, inputs, holds, outputs } of over ?? cases) {
    let witness: Witness;
    try {
      witness = build.generate(inputs);
    } catch (error) {
      return say(`${name}: ${(error as Error).message}`);
    }
    const accepted = violation(build.r1cs, witness) === undefined;
    if (accepted !== holds) return say(`${name}: ${accepted ? "accepts a false statement" : "refuses a true one"}`);
    for (const [signal, expected] of Object.entries(outputs)) {
      const wire = build.wires.get(signal);
      if (wire !== undefined && witness[wire] !== expected) return say(`${name}: ${signal} is not the model's`);
    }
  }
  return undefined;
}

/** The same for sponges of other lengths. */
export function spongeDisagreement(build: Build): Finding | undefined {
  for (const seed of [0n, 1n, FIELD_ORDER - 30n]) {
    const elements = (length: number) => Array.from({ length }, (_, index) => toField(seed * BigInt(index + 1)));
    const inputs = Object.fromEntries(SPONGE_LENGTHS.map((length) => [`elements${length}`, elements(length)]));
    const say = (what: string): Finding => ({ detector: "model", what: `sponge: ${what}` });
    let witness: Witness;
    try {
      witness = build.generate(inputs);
    } catch (error) {
      return say((error as Error).message);
    }
    if (violations(build.r1cs, witness).length > 0) return say("refuses");
    for (const length of SPONGE_LENGTHS) {
      const found = witness[build.wires.get(`main.commitment${length}`)!];
      if (found !== miniSponge(1, 60, elements(length))) return say(`of ${length} elements is not the model's`);
    }
  }
  return undefined;
}

// ---- A circuit with a witness to lie in --------------------------------------------------------------------------------

/** What no lie may reach: inputs are fixed but for the commitments, which follow from the rest. */
const COMMITMENTS = ["main.stateBefore", "main.stateAfter", "main.fill"];
const local = (name: string) => name.slice(name.lastIndexOf(".") + 1).replace(/\[.*$/, "");

export interface Speaker {
  readonly build: Build;
  readonly system: Incidence;
  readonly ripple: Ripple;
  /** Wires of hints but digits, by the hint's name. */
  readonly soft: readonly (readonly number[])[];
  /** Value in the witness; throws `Missing` where the circuit has no such signal. */
  v(name: string): bigint;
  /** Names that match, in the order of the compiler's labels. */
  find(pattern: RegExp): string[];
}

class Missing extends Error {}

export function speaker(
  build: Build,
  inputs: Inputs,
  system: Incidence = incidence(build.r1cs),
  commitments: readonly string[] = COMMITMENTS,
): Speaker {
  const { outputs, publicInputs, privateInputs } = build.r1cs;
  const firm = new Set(Array.from({ length: publicInputs + privateInputs }, (_, index) => 1 + outputs + index));
  for (const name of commitments) firm.delete(build.wires.get(name) ?? -1);
  const isInput = (wire: number) => wire > outputs && wire <= outputs + publicInputs + privateInputs;
  // Digits follow from the number that they are of.
  const isHint = (name: string, wire: number) => build.hints.has(name) && name !== "bits" && !isInput(wire);
  const hints = [...build.wires].filter(([name, wire]) => isHint(local(name), wire));
  const groups = Map.groupBy(hints, ([name]) => local(name));
  // An inverse follows from what it is of, once that is known.
  const names = [...groups.keys()].sort((one, other) => Number(one === "inverse") - Number(other === "inverse"));
  const soft = names.map((name) => groups.get(name)!.map(([, wire]) => wire));
  const base = build.generate(inputs);
  const wireOf = (name: string) => {
    const wire = build.wires.get(name);
    if (wire === undefined) throw new Missing(name);
    return wire;
  };
  return {
    build,
    system,
    soft,
    ripple: ripple(system, base, firm, soft),
    v: (name) => base[wireOf(name)]!,
    find: (pattern) => build.names.filter((name) => pattern.test(name)),
  };
}

// ---- hostile --------------------------------------------------------------------------------------------------------

/** Scenes that lies are told in. */
const SCENES = {
  /** Everything present, and the verdict far away. */
  slack: () => slackCase(),
  /** No scenario loses: the scan is zero. */
  gain: () =>
    sceneCase(
      "gain",
      { lots: () => 4n, profit: (_, k) => 10n + 3n * BigInt(k), cash: 10n ** 12n },
      10_000n,
      "at-least",
    ),
  /** Positions and cash together are worth less than nothing. */
  debt: () => sceneCase("debt", { cash: -(10n ** 6n), scanLots: () => 1n << 64n }, 10n, "at-least"),
  /** The account's first step. */
  opening: () =>
    sceneCase(
      "opening",
      {
        opens: true,
        fill: false,
        quantity: () => 0n,
        lots: () => 0n,
        cash: 500n,
        transfer: { asset: CASH_INDEX, amount: 500n },
      },
      10_000n,
      "at-least",
    ),
};
type SceneName = keyof typeof SCENES;

export interface Lie {
  readonly name: string;
  readonly scene: SceneName;
  readonly tell: (s: Speaker) => Readonly<Record<string, bigint>>;
}

const PIECES = SHAPE.tiers + 1;
const STRIDE = 1n << 84n;

/** Every signal that selects a piece, set. */
const select = (asset: number, values: readonly bigint[]) =>
  Object.fromEntries(values.map((value, piece) => [`main.worth.haircut[${asset}].selected[${piece}]`, value]));
const oneHot = (piece: number) => Array.from({ length: PIECES }, (_, index) => (index === piece ? 1n : 0n));
/** The commitments stay as they are: whoever changes the account must hash to the same. */
const pinned = (s: Speaker) => Object.fromEntries(COMMITMENTS.map((name) => [name, s.v(name)]));

/** A quantity of collateral on selected pieces, with the lots that it is scanned as. */
const holding = (s: Speaker, asset: number, quantity: bigint, pieces: readonly bigint[]) => {
  const policy = (index: number) => s.v(`main.policy[${asset}][${index}]`);
  const weightedLotsBps = pieces.reduce((sum, times, piece) => {
    const intercept = piece === 0 ? 0n : policy(2 * SHAPE.tiers + piece - 1);
    const weight = piece === SHAPE.tiers ? 0n : policy(SHAPE.tiers + piece);
    return sum + times * (intercept + weight * quantity);
  }, 0n);
  return {
    ...withScanned(s, asset, weightedLotsBps / (BPS * policy(3 * SHAPE.tiers))),
    [`main.collateralAfter[${asset}]`]: quantity,
    ...select(asset, pieces),
  };
};

function* library(): Generator<Lie> {
  const lie = (name: string, tell: Lie["tell"], scene: SceneName = "slack"): Lie => ({ name, scene, tell });

  // Quantities out of range, in every piece; pieces that do not hold the quantity; several, none, and weighted pieces.
  for (const [what, quantity] of [
    ["-1", -1n],
    ["-2^40", -(1n << 40n)],
    ["2^64", 1n << 64n],
    ["2^64 + 2^20", (1n << 64n) + (1n << 20n)],
    ["2^65", 1n << 65n],
  ] as const) {
    for (let piece = 0; piece < PIECES; piece++) {
      yield lie(`C01 C02: quantity ${what} in piece ${piece}`, (s) => ({
        ...holding(s, 0, quantity, oneHot(piece)),
      }));
    }
  }
  for (const [asset, holds] of [
    [0, 0],
    [1, 1],
    [5, 2],
  ] as const) {
    for (let piece = 0; piece < PIECES; piece++) {
      if (piece !== holds)
        yield lie(`C07: piece ${piece} for a quantity in ${holds}`, () => select(asset, oneHot(piece)));
    }
    yield lie(`C07: no piece for a quantity in ${holds}`, () => select(asset, [0n, 0n, 0n]));
  }
  for (const [boundary, quantity] of [
    [0, 1000n],
    [1, 5000n],
  ] as const) {
    yield lie(`C06: boundary ${boundary} on the piece that ends there`, (s) => ({
      ...holding(s, 0, quantity, oneHot(boundary)),
    }));
    yield lie(`C06: one below boundary ${boundary} on the piece that starts there`, (s) => ({
      ...holding(s, 0, quantity - 1n, oneHot(boundary + 1)),
    }));
  }
  for (const [pieces, quantity] of [
    [[1n, 1n, 0n], 1500n],
    [[1n, 0n, 1n], 5000n],
    [[0n, 1n, 1n], 7000n],
    [[1n, 1n, 1n], 7000n],
    [[1n, -1n, 1n], 5500n],
    [[-1n, 1n, 1n], 7000n],
    [[2n, 0n, 0n], 500n],
    [[2n, -1n, 0n], 10n],
    [[0n, 2n, -1n], 10n],
  ] as const) {
    yield lie(`C07: pieces ${pieces.join(" ")}`, (s) => holding(s, 2, quantity, pieces));
  }

  // Positions and cash.
  for (const [what, lots] of [
    ["2^31", 1n << 31n],
    ["-2^31 - 1", -(1n << 31n) - 1n],
    ["2^32", 1n << 32n],
    ["-2^32", -(1n << 32n)],
    ["2^36", 1n << 36n],
    ["-2^40", -(1n << 40n)],
  ] as const) {
    for (const instrument of [0, 4, 8]) {
      yield lie(`C01 C03: position ${instrument} at ${what}`, (s) => withHints(s, instrument, lots));
    }
  }
  for (const [what, cash] of [
    ["2^63", 1n << 63n],
    ["-2^63 - 1", -(1n << 63n) - 1n],
    ["2^64", 1n << 64n],
  ] as const) {
    yield lie(`C01: cash at ${what}`, () => ({ "main.cashAfter": cash }));
  }
  yield lie("cash too low for the verdict", () => ({ "main.cashAfter": -(1n << 62n) }));

  // Public words out of range; the verdict turned round.
  for (const power of [69n, 70n, 100n, 253n]) {
    yield lie(`transfer plus 2^${power}`, (s) => ({ "main.transfer": s.v("main.transfer") + (1n << power) }));
  }
  for (const power of [20n, 22n, 23n, 100n]) {
    yield lie(`C18: terms plus 2^${power}`, (s) => ({ "main.terms": s.v("main.terms") + (1n << power) }));
  }

  // Commitments, blinding, and any input changed while commitments stay.
  for (const name of COMMITMENTS) yield lie(`C17: ${name} plus one`, (s) => ({ [name]: s.v(name) + 1n }));
  for (const step of [0n, 2n, 1000n]) {
    // Whatever would say that a blinding may stand is the liar's to set.
    yield lie(`blinding moved by ${step}`, (s) => ({
      "main.blindingAfter": s.v("main.blindingBefore") + step,
      ...Object.fromEntries(s.find(/\.stands$/).map((name) => [name, step === 0n ? 1n : 0n])),
    }));
  }
  yield lie("blinding counted back to zero", () => ({ "main.blindingBefore": -1n, "main.blindingAfter": 0n }));
  yield lie("blinding reset to zero", () => ({ "main.blindingAfter": 0n }));
  yield lie("blinding set anew", () => ({ "main.blindingAfter": 31_337n }));
  for (const [what, count, pattern] of [
    ["position", SHAPE.blocks * SHAPE.rows, /^main\.positionsAfter\[\d+\]$/],
    ["collateral", ASSETS, /^main\.collateralAfter\[\d+\]$/],
    ["cash", 1, /^main\.cashAfter$/],
    ["blinding", 2, /^main\.blinding(Before|After)$/],
    ["fill", 9, /^main\.fill(Positions|Collateral)\[\d+\]$|^main\.fill(Cash|Blinding)$/],
  ] as const) {
    for (let index = 0; index < count; index++) {
      yield lie(`C16: another ${what} (${index}) behind the same commitments`, (s) => {
        const name = s.find(pattern)[index];
        if (name === undefined) throw new Missing(what);
        const lots = what === "position" ? withHints(s, index, s.v(name) + 1n) : { [name]: s.v(name) + 1n };
        return { ...pinned(s), ...lots };
      });
    }
  }
  for (const [what, by] of [
    ["amount", 1n],
    ["asset", 1n << 65n],
    ["asset by four", 1n << 67n],
  ] as const) {
    yield lie(`C15: another transfer ${what} between the same states`, (s) => ({
      ...pinned(s),
      "main.transfer": s.v("main.transfer") + by,
    }));
  }
  yield lie("C14: the other side between the same states", (s) => ({
    ...pinned(s),
    "main.terms": s.v("main.terms") + (1n << 21n),
  }));

  // Scanned collateral: of assets with a row on the small board, and of one without.
  for (const asset of [0, 2, 14]) {
    const whole = `main.worth.scanned[${asset}].whole`;
    for (const by of [1n, -1n, 30n, 1n << 31n, 1n << 64n, 1n << 100n]) {
      yield lie(`C25: scanned lots of asset ${asset} moved by ${by}`, (s) => withScanned(s, asset, s.v(whole) + by));
    }
    yield lie(`C25: scanned lots of asset ${asset} turned round`, (s) => withScanned(s, asset, -s.v(whole)));
    for (const more of [1n, 2n, 29n]) {
      yield lie(`C25: scanned lots of asset ${asset} a quotient in the field, ${more} more left over`, (s) => {
        const lot = toField(BPS * s.v(`main.policy[${asset}][${3 * SHAPE.tiers}]`));
        const covered = s.v(`main.worth.scanned[${asset}].covered`);
        return { [whole]: ((covered - more) * invert(lot)) % FIELD_ORDER };
      });
    }
  }
  for (const instrument of [0, 2, 3]) {
    const scanned = `main.worth.held[${Math.floor(instrument / SHAPE.rows)}].scanned[${instrument % SHAPE.rows}]`;
    yield lie(`C25: row ${instrument} scanned with a lot more`, (s) => ({ [scanned]: s.v(scanned) + 1n }));
  }

  // Debt.
  for (const by of [1n, -1n, 10n ** 6n, -(10n ** 9n), 1n << 70n]) {
    yield lie(`C26: a debt moved by ${by}`, (s) => ({ "main.worth.debt": s.v("main.worth.debt") + by }), "debt");
    yield lie(`C26: a debt of ${by} where nothing is owed`, () => ({ "main.worth.debt": by }));
  }
  yield lie("C26: no debt where there is one", () => ({ "main.worth.debt": 0n }), "debt");
  yield lie("C26: a debt counted as what is owned", (s) => ({ "main.worth.debt": -s.v("main.worth.debt") }), "debt");

  // The opening.
  for (const [what, key] of [
    ["2^250", 1n << 250n],
    ["2^250 + 2^20", (1n << 250n) + (1n << 20n)],
    ["r - 1 - 2^64", FIELD_ORDER - 1n - (1n << 64n)],
    ["r - 2", FIELD_ORDER - 2n],
  ] as const) {
    yield lie(`G11: a viewing key of ${what}`, () => ({ "main.blindingAfter": key + 1n }), "opening");
  }

  // The scan and the unpacking.
  for (let set = 0; set < SHAPE.blocks; set++) {
    const scan = `main.worth.set[${set}].scan`;
    const column = (k: number) => `main.worth.set[${set}].column[${k}]`;
    for (const by of [1n, -1n, 1000n, -1000n, 1n << 74n, 1n << 77n, 1n << 80n, 1n << 100n]) {
      yield lie(`C08: scan of set ${set} moved by ${by}`, (s) => ({ [scan]: s.v(scan) + by }));
    }
    yield lie(`C08: scan of set ${set} at zero`, (s) => ({ [scan]: s.v(scan) === 0n ? 1n : 0n }));
    for (let k = 0; k < SHAPE.scenarios; k++) {
      yield lie(`C08: scan of set ${set} at the loss of scenario ${k}`, (s) => ({
        [scan]: -s.v(column(k)) + (toField(-s.v(column(k))) === s.v(scan) ? 1n : 0n),
      }));
      yield lie(`scan of set ${set} negative, at scenario ${k}`, (s) => ({ [scan]: -s.v(column(k)) }), "gain");
      yield lie(`C08: loss ${k} of set ${set} understated with its scan`, (s) => ({
        [scan]: s.v(scan) - 1n,
        [column(k)]: s.v(column(k)) + 1n,
      }));
      yield lie(`C08: loss ${k} of set ${set} overstated with its scan`, (s) => ({
        [scan]: -s.v(column(k)) + 5n,
        [column(k)]: s.v(column(k)) - 5n,
      }));
    }
    for (let k = 0; k < SHAPE.scenarios + 3; k++) {
      if (k % 3 === 2) continue;
      for (const by of [1n, -1n]) {
        yield lie(`C13: column ${k} of set ${set} carries ${by} into the next`, (s) => ({
          [column(k)]: s.v(column(k)) + by * STRIDE,
          [column(k + 1)]: s.v(column(k + 1)) - by,
        }));
        yield lie(`C13: column ${k} of set ${set} carries ${by}, scan to match`, (s) => ({
          [scan]: s.v(scan) + (by < 0n ? STRIDE : 0n),
          [column(k)]: s.v(column(k)) + by * STRIDE,
          [column(k + 1)]: s.v(column(k + 1)) - by,
        }));
      }
    }
    for (let k = 2; k < SHAPE.scenarios + 3; k += 3) {
      yield lie(`C13: columns up to ${k} of set ${set} wrap round the field`, (s) => wrapped(s, set, k));
    }
  }

  // Digits: every kind of decomposition, the first and the last of its kind.
  yield* digitLies();
}

/** Scanned lots, and the hints of the sets that they are in as an attacker would set them; on a board of any size. */
export function withScanned(s: Speaker, asset: number, whole: bigint): Record<string, bigint> {
  const has = (name: string) => s.build.wires.has(name);
  const name = `main.worth.scanned[${asset}].whole`;
  const lies: Record<string, bigint> = { [name]: whole };
  const more = small(toField(whole - s.v(name)));
  for (let set = 0; has(`main.worth.held[0].lots[${asset}]`) && has(`main.worth.set[${set}].scan`); set++) {
    if (set > 0 && s.v(`main.blocks[${set}][4]`) === 0n) break;
    let scan = 0n;
    for (let k = 0; has(`main.worth.set[${set}].nonZero[${k}]`); k++) {
      const column = `main.worth.set[${set}].column[${k}]`;
      const profit = small(s.v(column)) + more * unpacked(s.v(`main.rows[${asset}][${Math.floor(k / 3)}]`), k % 3);
      lies[column] = profit;
      if (scan + profit < 0n) scan = -profit;
    }
    lies[`main.worth.set[${set}].scan`] = scan;
  }
  return lies;
}

/** A position, and the hints of the sets that it is in as an attacker would set them. */
function withHints(s: Speaker, instrument: number, lots: bigint): Record<string, bigint> {
  const name = `main.positionsAfter[${instrument}]`;
  const difference = toField(lots - s.v(name));
  const signed = difference > FIELD_ORDER / 2n ? difference - FIELD_ORDER : difference;
  const lies: Record<string, bigint> = { [name]: lots };
  const block = Math.floor(instrument / SHAPE.rows);
  for (let set = block; set < SHAPE.blocks; set++) {
    if (set > block && s.v(`main.blocks[${set}][4]`) === 0n) break;
    const columns = Array.from({ length: SHAPE.scenarios + 3 }, (_, k) => {
      const packed = s.v(`main.rows[${instrument}][${Math.floor(k / 3)}]`);
      return small(s.v(`main.worth.set[${set}].column[${k}]`)) + signed * unpacked(packed, k % 3);
    });
    for (const [k, value] of columns.entries()) lies[`main.worth.set[${set}].column[${k}]`] = value;
    let scan = 0n;
    for (const value of columns.slice(0, SHAPE.scenarios)) if (scan + value < 0n) scan = -value;
    lies[`main.worth.set[${set}].scan`] = scan;
  }
  return lies;
}

const small = (element: bigint) => (element > FIELD_ORDER / 2n ? element - FIELD_ORDER : element);
function unpacked(element: bigint, index: number): bigint {
  let rest = small(element);
  for (let i = 0; ; i++) {
    const piece = BigInt.asIntN(84, rest);
    if (i === index) return piece;
    rest = (rest - piece) >> 84n;
  }
}

/** The unpacking of the same element plus r: another one, unless ranges forbid it. */
function wrapped(s: Speaker, set: number, last: number): Record<string, bigint> {
  const lies: Record<string, bigint> = {};
  let rest = FIELD_ORDER;
  for (let k = last - 2; k <= last; k++) {
    const piece = k === last ? rest : BigInt.asIntN(84, rest);
    rest = (rest - piece) >> 84n;
    const name = `main.worth.set[${set}].column[${k}]`;
    lies[name] = s.v(name) + piece;
  }
  return lies;
}

function* digitLies(): Generator<Lie> {
  const kinds = [
    ["quantity", 4, /^main\.worth\.haircut\[(0|14)\]\.Unsigned@\d+\.ToBits@\d+\.bits\[\d+\]$/],
    ["scanned", 6, /^main\.worth\.scanned\[(0|14)\]\.Unsigned@\d+\.ToBits@\d+\.bits\[\d+\]$/],
    ["debt", 1, /^main\.worth\.Debt@\d+\.Signed@\d+\.ToBits@\d+\.bits\[\d+\]$/],
    ["key", 1, /^main\.Transition@\d+\.Unsigned@\d+\.ToBits@\d+\.bits\[\d+\]$/],
    ["position", 4, /^main\.worth\.held\[[02]\]\.checked\[[02]\]\.ToBits@\d+\.bits\[\d+\]$/],
    ["cash", 1, /^main\.worth\.Signed@\d+\.ToBits@\d+\.bits\[\d+\]$/],
    ["transfer", 1, /^main\.ReadTransfer@\d+\.ToBits@\d+\.bits\[\d+\]$/],
    ["terms", 1, /^main\.ReadTerms@\d+\.ToBits@\d+\.bits\[\d+\]$/],
    ["set", 12, /^main\.worth\.set\[[02]\]\.(excess\[\d\]\.)?(Un)?[sS]igned@\d+(\[[03]\])?\.ToBits@\d+\.bits\[\d+\]$/],
    ["verdict", 1, /^main\.Coverage@\d+\.Unsigned@\d+\.ToBits@\d+\.bits\[\d+\]$/],
  ] as const;
  for (const [what, count, pattern] of kinds) {
    for (let group = 0; group < count; group++) {
      for (const place of [0, 1, -1, -2]) {
        yield {
          name: `digit ${place} of ${what} ${group} beyond 0 and 1`,
          scene: "slack",
          tell: (s) => {
            const digits = digitGroups(s, pattern)[group];
            const at = place < 0 ? (digits?.length ?? 0) + place : place;
            const other = place < 0 ? at - 1 : at + 1;
            const [one, next] = [digits?.[at], digits?.[other]];
            if (one === undefined || next === undefined) throw new Missing(what);
            const gain = 1n - 2n * s.v(next);
            const half = (FIELD_ORDER + 1n) / 2n;
            return { [next]: s.v(next) + gain, [one]: s.v(one) - gain * (other > at ? 2n : half) };
          },
        };
      }
    }
  }
}

function digitGroups(s: Speaker, pattern: RegExp): string[][] {
  const groups = new Map<string, string[]>();
  for (const name of s.find(pattern)) {
    const parent = name.slice(0, name.lastIndexOf("."));
    const list = groups.get(parent);
    if (list) list.push(name);
    else groups.set(parent, [name]);
  }
  return [...groups.values()];
}

const lies = [...library()];
export const hostileLies: readonly Lie[] = lies;

const SCENE_NAMES = Object.keys(SCENES) as SceneName[];
const ofEach = <T>(make: (name: SceneName) => T) =>
  Object.fromEntries(SCENE_NAMES.map((name) => [name, make(name)])) as Record<SceneName, T>;

/** Inputs of the scene by name. */
let scenes: Record<SceneName, Case> | undefined;
export const sceneInputs = (name: SceneName): Inputs => {
  scenes ??= ofEach((each) => SCENES[each]());
  return scenes[name].inputs;
};

/** Speakers of a circuit that accepts the honest scenes; undefined where it does not. */
export function speakers(build: Build): Record<SceneName, Speaker> | undefined {
  const system = incidence(build.r1cs);
  const on = ofEach((name) => speaker(build, sceneInputs(name), system));
  const honest = Object.values(on).every(({ ripple }) => violations(build.r1cs, ripple.base).length === 0);
  return honest ? on : undefined;
}

/** The outcome of a lie; undefined where the circuit lacks a signal that it names. */
export function tellLie(s: Speaker, lie: Pick<Lie, "tell">) {
  let told: Readonly<Record<string, bigint>>;
  try {
    told = lie.tell(s);
  } catch (error) {
    if (error instanceof Missing) return undefined;
    throw error;
  }
  const lies = new Map<number, bigint>();
  for (const [name, value] of Object.entries(told)) {
    const wire = s.build.wires.get(name);
    if (wire === undefined) return undefined;
    lies.set(wire, toField(value));
  }
  return s.ripple.repair(lies);
}

/** The first lie of the library that the constraints accept. */
export function acceptedLie(on: Record<SceneName, Speaker>): Finding | undefined {
  for (const lie of lies) {
    const outcome = tellLie(on[lie.scene], lie);
    if (outcome !== undefined && outcome.violated.length === 0) return { detector: "hostile", what: lie.name };
  }
  return exchangeable(on.slack.build);
}

/** Public inputs, and the scene in which a finished witness depends on each. */
const PUBLIC: readonly (readonly [scene: SceneName, names: readonly string[]])[] = [
  ["slack", PUBLIC_INPUTS.slice(0, 6)],
  ["slack", ["policy[0][0]", "policy[1][1]", "policy[5][5]", "prices[3]"]],
  ["slack", ["rows[0][0]", "rows[7][4]", "blocks[1][2]", "blocks[2][0]"]],
  ["debt", ["debtRate"]],
];

/**
 * A public input that can be exchanged in a finished witness (C17): one of the proof's six, or a value of policy or market on which
 * a scene depends. The verifier's list of inputs is part of the statement: one that is no longer public can be
 * exchanged too.
 */
export function exchangeable({ r1cs, wires, generate }: Build): Finding | undefined {
  const system = incidence(r1cs);
  for (const [scene, names] of PUBLIC) {
    const witness = [...generate(sceneInputs(scene))];
    for (const name of names) {
      const wire = wires.get(`main.${name}`)!;
      const value = witness[wire]!;
      witness[wire] = toField(value + 1n);
      const isPublic = wire > r1cs.outputs && wire <= r1cs.outputs + r1cs.publicInputs;
      const noticed = [...system.constraintsOf(wire)].some((constraint) => !holds(r1cs, constraint, witness));
      witness[wire] = value;
      if (!isPublic || !noticed) return { detector: "hostile", what: `C17: ${name} exchanged in a finished witness` };
    }
  }
  return undefined;
}

export function holds(r1cs: Build["r1cs"], constraint: number, witness: Witness): boolean {
  const [a, b, c] = [0, 1, 2].map((part) => evaluate(r1cs, 3 * constraint + part, witness)) as [bigint, bigint, bigint];
  return (a * b - c) % r1cs.prime === 0n;
}

// ---- alternatives ---------------------------------------------------------------------------------------------------

/** Most wires tried before the search gives up; each costs a few milliseconds. */
const MOST_SUSPECTS = 400;

/** A second witness for the same inputs, by moving a hint or a wire that no constraint was found to define. */
export function alternative({ build, ripple, soft }: Speaker): Finding | undefined {
  const { prime } = build.r1cs;
  const hints = soft.flat().filter((wire) => ripple.definerOf(wire) === undefined);
  const suspects = [...hints.slice(0, MOST_SUSPECTS), ...ripple.undetermined.slice(0, MOST_SUSPECTS)];
  for (const wire of suspects) {
    const value = ripple.base[wire]!;
    for (const to of [value + 1n, value - 1n, 0n, 1n - value, value + 2n, value + STRIDE, value + STRIDE * STRIDE]) {
      const other = ((to % prime) + prime) % prime;
      if (other === value) continue;
      if (ripple.repair(new Map([[wire, other]])).violated.length === 0) {
        return { detector: "alternatives", what: `${build.names[wire]} takes another value` };
      }
    }
  }
  return undefined;
}

// ---- uniqueness -----------------------------------------------------------------------------------------------------

/** What the verifier keeps true of the small circuit's public inputs: as `account-facts.json`, for fewer tiers. */
const FACTS: readonly Fact[] = [
  {
    says: "the boundaries of each haircut schedule ascend and are below 2^64",
    source: "the cases",
    each: { a: [0, ASSETS - 1] },
    low: "0",
    high: `${(1n << 64n) - 1n}`,
    ascending: Array.from({ length: SHAPE.tiers }, (_, tier) => `main.policy[{a}][${tier}]`),
  },
  {
    says: "scan lots are 1 to 2^64",
    source: "the cases",
    each: { a: [0, ASSETS - 1] },
    low: "1",
    high: `${1n << 64n}`,
    signals: [`main.policy[{a}][${3 * SHAPE.tiers}]`],
  },
];

/** The first signal that the static analysis does not show to be determined by the inputs. */
export function undetermined({ r1cs, symbols }: Build): Finding | undefined {
  // Policies may be without scan lots, circuits without policies.
  const facts = FACTS.filter((_, index) => symbols.has(`main.policy[0][${index * 3 * SHAPE.tiers}]`));
  const { rules } = uniqueness(r1cs, symbols, facts);
  const unknown = rules.flatMap((rule, wire) => (rule === undefined ? [wire] : []));
  if (unknown.length === 0) return undefined;
  const what = `${unknown.length} signals not determined, ${stableName(symbols.nameOf(unknown[0]!))} first`;
  return { detector: "uniqueness", what };
}

// ---- ledger ---------------------------------------------------------------------------------------------------------

const bitLength = (value: bigint) => value.toString(2).length;
const unsigned = (bits: number) => (1n << BigInt(bits)) - 1n;

/** Widths of the small circuit's range checks by component, from the ranges of units: as docs/statement.md derives them. */
function widths(): Map<string, { bits: number; count: number }> {
  const lots = 1n << BigInt(BITS.position - 1);
  const columns = (instruments: number) => BigInt(instruments) * lots * unsigned(BITS.column);
  const instruments = SHAPE.blocks * SHAPE.rows;
  const collateral = BigInt(ASSETS) * unsigned(BITS.quantity) * BPS * unsigned(BITS.lotPrice);
  const owned = (1n << BigInt(BITS.cash - 1)) + columns(instruments);
  const equity = collateral + E6_TO_E20 * owned;
  const charge = BigInt(instruments) * lots * unsigned(BITS.charge);
  const margin = E6_TO_E10 * (charge + columns(instruments + ASSETS)) + BPS * (2n * columns(instruments) + owned);
  const entries: [string, { bits: number; count: number }][] = [
    ["haircut", { bits: BITS.quantity, count: 2 * ASSETS }],
    ["scanned", { bits: BITS.scanned, count: ASSETS }],
    ["scanned remainder", { bits: bitLength(BPS << BigInt(BITS.quantity)), count: 2 * ASSETS }],
    ["Debt", { bits: bitLength(owned) + 1, count: 1 }],
    ["Transition", { bits: 250, count: 1 }],
    ["held", { bits: BITS.position, count: instruments }],
    ["Signed", { bits: BITS.cash, count: 1 }],
    ["ReadTransfer", { bits: BITS.transfer + 4, count: 1 }],
    ["ReadTerms", { bits: BITS.level + 2, count: 1 }],
    ["Coverage", { bits: bitLength(equity + MARGIN_LEVEL_TO_E20 * unsigned(BITS.level) * margin), count: 1 }],
  ];
  for (let set = 0; set < SHAPE.blocks; set++) {
    const bits = bitLength(columns((set + 1) * SHAPE.rows + ASSETS));
    entries.push([`set[${set}] scan`, { bits, count: 1 }]);
    // Gaps, mark, and delta and vega with what of each is over its threshold.
    entries.push([`set[${set}]`, { bits: bits + 1, count: SHAPE.scenarios + 5 }]);
  }
  return new Map(entries);
}

/** The first range check that is not as the ledger has it. */
export function outOfLedger({ names }: Build): Finding | undefined {
  const checks = new Map<string, number>();
  for (const name of names) {
    const check = name.match(/^main\.(?:worth\.)?(.*ToBits@\d+)\.bits\[\d+\]$/)?.[1];
    if (check !== undefined) checks.set(check, (checks.get(check) ?? 0) + 1);
  }
  const say = (what: string): Finding => ({ detector: "ledger", what });
  const left = new Map([...widths()].map(([group, { count }]) => [group, count]));
  for (const [check, bits] of checks) {
    const [head = ""] = check.split(/[.@]/);
    const isScan = /^set\[\d+\]\.Unsigned@\d+\.ToBits/.test(check);
    const isRemainder = head.startsWith("scanned") && bits !== BITS.scanned;
    const group = head.startsWith("set")
      ? isScan
        ? `${head} scan`
        : head
      : `${head.replace(/\[.*/, "")}${isRemainder ? " remainder" : ""}`;
    const expected = widths().get(group);
    if (expected === undefined) return say(`${check} is not in the ledger`);
    if (expected.bits !== bits) return say(`${check} has ${bits} bits, the ledger ${expected.bits}`);
    left.set(group, left.get(group)! - 1);
  }
  for (const [group, missing] of left) if (missing !== 0) return say(`${missing} range checks of ${group} are missing`);
  return undefined;
}
