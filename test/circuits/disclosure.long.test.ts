// SPDX-License-Identifier: GPL-3.0-or-later
/** The Disclosure circuit against the integer model, and lies told to it. */

import { expect } from "chai";
import { FIELD_ORDER, type FieldElement, fromField, toField } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitAuditorSecret, commitState, stateBlinding } from "../../prover/src/model/commit.ts";
import { evaluate } from "../../prover/src/model/evaluate.ts";
import { type Figure, figureOf, largestFigure, type Weights, weightsOf } from "../../prover/src/model/figure.ts";
import { tierValue } from "../../prover/src/model/policy.ts";
import { ASSETS, BOARD_SIZES, type BoardSize, instrumentsOf } from "../../prover/src/model/sizes.ts";
import {
  type Band,
  buildDisclosureStatement,
  buildSimulation,
  EMPTY_BAND,
} from "../../prover/src/statement/disclosure.ts";
import { scheduleSignals, weightSignals } from "../../prover/src/statement/signals.ts";
import type { CircuitInput } from "../../prover/src/statement/witness-input.ts";
import type { CashE6, PositionLots, QuantityLots } from "../../prover/src/units.ts";
import { violations } from "../soundness/lab/r1cs.ts";
import type { Lies, Target } from "../soundness/lab/target.ts";
import { disclosureCircuit } from "../support/circuit.ts";
import { biased, type Rng, randomAccount, randomMarket, randomPolicy, seededRng } from "../support/random.ts";

const SIZE = "board-60";
const RANDOM = 120;
const SECRET = 31_415_926n as FieldElement;
const AUDITOR = commitAuditorSecret(SECRET);

function randomFigure(rng: Rng, size: BoardSize): Figure {
  const asset = { kind: "asset", index: Number(rng.below(BigInt(ASSETS))) } as const;
  const instrument = { kind: "instrument", index: Number(rng.below(BigInt(instrumentsOf(size)))) } as const;
  return rng.pick([{ kind: "equity" }, { kind: "equity" }, { kind: "cash" }, asset, instrument] as const);
}

/** A band that touches the figure at one end, misses it by one, is it, or is anywhere. */
function randomBand(rng: Rng, figure: bigint, size: BoardSize): Band {
  const limit = largestFigure(size);
  const width = rng.pick([0n, 0n, 1n, rng.below(1n << 70n)]);
  const low = figure + rng.pick([0n, 1n, -width, -width - 1n, biased(rng, -width, 1n)]);
  const end = (value: bigint) => (value < -limit ? -limit : value > limit ? limit : value);
  return rng.chance(0.05) ? { low: -limit, high: limit } : { low: end(low), high: end(low + width) };
}

/** Where circuit and model disagree about a disclosure; empty where they agree. */
function disagreements(target: Target, rng: Rng, size: BoardSize): { found: string[]; holds: boolean } {
  const account = randomAccount(rng, size);
  const weights = weightsOf(randomFigure(rng, size), randomPolicy(rng), randomMarket(rng, size));
  const figure = figureOf(account, weights);
  const band = randomBand(rng, figure, size);
  const request = { account, weights, band, auditor: AUDITOR, context: rng.below(FIELD_ORDER) };
  const { holds, publicSignals, circuitInput } = buildDisclosureStatement(request);
  const attack = target.attack(circuitInput);
  const found: string[] = [];
  if ((attack.outcome === "accepted") !== holds)
    found.push(`the constraints are ${attack.outcome}, the model: ${holds}`);
  if (!attack.stoppedAt.every((place) => /^main\.Unsigned/.test(place))) found.push("refused for another reason");
  if (fromField(attack.value("main.figure")) !== figure) found.push("the figure differs");
  if (publicSignals.some((value, index) => value !== attack.witness[index + 1])) found.push("a public signal differs");
  if (holds && target.prove(circuitInput).some((value, wire) => value !== attack.witness[wire]))
    found.push("two generators of one circuit differ");
  return { found, holds };
}

describe("the Disclosure circuit and the integer model", function () {
  this.timeout(300_000);

  it(`C22: agree on ${RANDOM} random and boundary disclosures: acceptance, public signals, the figure`, async () => {
    const circuit = await disclosureCircuit(SIZE);
    const rng = seededRng(57);
    let proven = 0;
    for (let index = 0; index < RANDOM; index++) {
      const { found, holds } = disagreements(circuit, rng, SIZE);
      expect(found, `disclosure ${index} of seed 57`).deep.equal([]);
      if (holds) proven++;
    }
    expect(proven).within(RANDOM / 4, RANDOM - RANDOM / 5);
  });

  for (const size of BOARD_SIZES.slice(1)) {
    it(`C22: agree on ${size}`, async () => {
      const circuit = await disclosureCircuit(size);
      const rng = seededRng(58);
      for (let index = 0; index < 6; index++) expect(disagreements(circuit, rng, size).found).deep.equal([]);
    });
  }

  it("a figure at the market's weights is the equity of the margin model; at unit weights it is the holding", () => {
    const rng = seededRng(59);
    for (let index = 0; index < 60; index++) {
      const [account, policy, market] = [randomAccount(rng, SIZE), randomPolicy(rng), randomMarket(rng, SIZE)];
      const figure = (of: Figure) => figureOf(account, weightsOf(of, policy, market));
      expect(figure({ kind: "equity" })).equal(evaluate(account, policy, market).equity);
      expect(figure({ kind: "cash" })).equal(account.cash);
      for (const place of [0, 7, 14]) {
        expect(figure({ kind: "asset", index: place })).equal(account.collateral[place]);
        expect(figure({ kind: "instrument", index: place * 4 })).equal(account.positions[place * 4]);
      }
    }
  });

  it("C05: all maxima at once stay inside the band's ledger, and are told from one more or less", async () => {
    const circuit = await disclosureCircuit(SIZE);
    const rng = seededRng(60);
    const [policy, market] = [randomPolicy(rng, "saturated"), randomMarket(rng, SIZE, "saturated")];
    const weights = weightsOf({ kind: "equity" }, policy, market);
    for (const sign of [1n, -1n]) {
      const account: Account = {
        ...filled(),
        positions: weights.marks.map((mark) => (mark * sign > 0n ? (1n << 31n) - 1n : -(1n << 31n)) as PositionLots),
        collateral: filled().collateral.map(() => ((1n << 64n) - 1n) as QuantityLots),
        cash: (sign > 0n ? (1n << 63n) - 1n : -(1n << 63n)) as CashE6,
      };
      const figure = figureOf(account, weights);
      const limit = largestFigure(SIZE);
      for (const [band, outcome] of [
        [{ low: figure, high: figure }, "accepted"],
        [{ low: -limit, high: limit }, "accepted"],
        [{ low: -limit, high: figure - 1n }, "stopped"],
        [{ low: figure + 1n, high: limit }, "stopped"],
      ] as const) {
        const { circuitInput } = buildDisclosureStatement({ account, weights, band, auditor: AUDITOR, context: 0n });
        expect(circuit.attack(circuitInput).outcome).equal(outcome);
      }
    }
  });

  it("refuses a band that is empty or beyond every figure, and places that the board does not have", () => {
    const account = filled();
    const rng = seededRng(61);
    const [policy, market] = [randomPolicy(rng), randomMarket(rng, SIZE)];
    const weights = weightsOf({ kind: "cash" }, policy, market);
    const limit = largestFigure(SIZE);
    for (const band of [EMPTY_BAND, { low: -limit - 1n, high: 0n }, { low: 0n, high: limit + 1n }]) {
      expect(() => buildDisclosureStatement({ account, weights, band, auditor: AUDITOR, context: 0n }))
        .throw()
        .with.property("code", "OUT_OF_RANGE");
    }
    for (const figure of [
      { kind: "asset", index: ASSETS },
      { kind: "instrument", index: 60 },
      { kind: "instrument", index: -1 },
    ] as const) {
      expect(() => weightsOf(figure, policy, market))
        .throw()
        .with.property("code", "OUT_OF_RANGE");
    }
  });
});

/** An account in which nothing is zero. */
function filled(): Account {
  return {
    ...genesis(SIZE),
    positions: genesis(SIZE).positions.map((_, row) => BigInt(row * 37 - 900) as PositionLots),
    collateral: genesis(SIZE).collateral.map((_, asset) => BigInt(1_000_000 + asset) as QuantityLots),
    cash: -5_000_000n as CashE6,
    sequence: 3n,
    viewingKey: 987_654_321n as FieldElement,
  };
}

/** A claim as a liar would put it: the state is of what is claimed unless said. */
interface Claim {
  readonly account: Account;
  readonly state: FieldElement;
  readonly weights: Weights;
  readonly low: bigint;
  readonly high: bigint;
  readonly auditor: FieldElement;
  readonly simulated: bigint;
  readonly secret: bigint;
}

describe("lies told to the Disclosure circuit", function () {
  this.timeout(120_000);
  const account = filled();
  const rng = seededRng(62);
  const [policy, market] = [randomPolicy(rng, "typical"), randomMarket(rng, SIZE, "typical")];
  const weights = weightsOf({ kind: "equity" }, policy, market);
  const figure = figureOf(account, weights);
  const WEIGHTS: readonly [string, Weights][] = [
    ["equity", weights],
    ["cash", weightsOf({ kind: "cash" }, policy, market)],
    ["asset", weightsOf({ kind: "asset", index: 3 }, policy, market)],
    ["instrument", weightsOf({ kind: "instrument", index: 59 }, policy, market)],
  ];
  let target: Target;
  this.beforeAll(async () => {
    target = await disclosureCircuit(SIZE);
  });

  /** The sum whatever the ranges. */
  const sumOf = (of: Account, by: Weights) =>
    by === weights
      ? undefined
      : by.cash * of.cash +
        of.positions.reduce((sum, lots, row) => sum + by.marks[row]! * lots, 0n) +
        of.collateral.reduce((sum, quantity, asset) => sum + by.prices[asset]! * quantity, 0n);

  function claimInput(claim: Partial<Claim>): CircuitInput {
    const of = claim.account ?? account;
    const by = claim.weights ?? weights;
    const sum = sumOf(of, by) ?? figure;
    return {
      state: claim.state ?? commitState(of),
      low: toField(claim.low ?? sum),
      high: toField(claim.high ?? sum),
      auditor: claim.auditor ?? AUDITOR,
      context: 7n as FieldElement,
      policy: by.schedules.flatMap(scheduleSignals),
      prices: by.prices.map(toField),
      cashWeight: toField(by.cash),
      marks: by.marks.map(toField),
      positions: of.positions.map(toField),
      collateral: of.collateral.map(toField),
      cash: toField(of.cash),
      blinding: stateBlinding(of),
      simulated: toField(claim.simulated ?? 0n),
      secret: toField(claim.secret ?? 0n),
    };
  }

  const stopped = (claim: Partial<Claim>, place: RegExp, lies?: Lies) => {
    const attack = target.attack(claimInput(claim), lies);
    expect(attack.outcome).equal("stopped");
    for (const at of attack.stoppedAt) expect(at).match(place);
  };
  const accepted = (claim: Partial<Claim> = {}) => {
    const attack = target.attack(claimInput(claim));
    expect(attack.stoppedAt).deep.equal([]);
    expect(attack.outcome).equal("accepted");
  };
  const simulation = { simulated: 1n, secret: SECRET };

  it("accepts the truth, of every kind of figure", () => {
    for (const [, by] of WEIGHTS) accepted({ weights: by });
  });

  for (const [kind, by] of WEIGHTS) {
    it(`C04: ${kind} at either end of its band is inside, one below and one above are not`, () => {
      const value = figureOf(account, by);
      const inside = { weights: by, low: value, high: value };
      accepted(inside);
      accepted({ ...inside, low: value - 1n });
      accepted({ ...inside, high: value + 1n });
      stopped({ ...inside, low: value + 1n }, /^main\.Unsigned/);
      stopped({ ...inside, low: value + 1n, high: value + 9n }, /^main\.Unsigned/);
      stopped({ ...inside, high: value - 1n }, /^main\.Unsigned/);
      stopped({ ...inside, low: value - 9n, high: value - 1n }, /^main\.Unsigned/);
    });
  }

  it("an end of the band far outside every range is read as the integer that it is modulo r", () => {
    for (const far of [1n << 200n, FIELD_ORDER / 2n, FIELD_ORDER - (1n << 200n)]) {
      stopped({ low: figure - far }, /^main\.Unsigned/);
      stopped({ high: figure + far }, /^main\.Unsigned/);
    }
    // Not an end that wraps around and then holds everything.
    stopped({ low: figure + 1n - FIELD_ORDER, high: figure - 1n + FIELD_ORDER }, /^main\.Unsigned/);
  });

  it("C01, C03: positions and cash at the ends of their ranges are exact, one beyond and r − x are stopped", () => {
    const [cash, instrument] = [WEIGHTS[1]![1], WEIGHTS[3]![1]];
    for (const [lots, ok] of [
      [-(1n << 31n), true],
      [(1n << 31n) - 1n, true],
      [-(1n << 31n) - 1n, false],
      [1n << 31n, false],
      [1n << 40n, false],
    ] as const) {
      const of = { ...account, positions: account.positions.with(59, lots as PositionLots) };
      if (ok) accepted({ account: of, weights: instrument });
      else stopped({ account: of, weights: instrument }, /^main\.Signed/);
    }
    for (const [amount, ok] of [
      [-(1n << 63n), true],
      [(1n << 63n) - 1n, true],
      [-(1n << 63n) - 1n, false],
      [1n << 63n, false],
    ] as const) {
      const of = { ...account, cash: amount as CashE6 };
      if (ok) accepted({ account: of, weights: cash });
      else stopped({ account: of, weights: cash }, /^main\.Signed/);
    }
    // r − x is −x, in the figure too.
    const negative = { ...account, cash: (FIELD_ORDER - 5n) as CashE6 };
    expect(target.attack(claimInput({ account: negative, weights: cash })).value("main.figure")).equal(toField(-5n));
  });

  it("C02: a quantity of 2^64 − 1 is exact; 2^64, −1 and r − 1 are stopped", () => {
    const by = WEIGHTS[2]![1];
    const of = (quantity: bigint) => ({ ...account, collateral: account.collateral.with(3, quantity as QuantityLots) });
    accepted({ account: of((1n << 64n) - 1n), weights: by });
    accepted({ account: of(0n), weights: by, low: 0n, high: 0n });
    // With the piece selected that comes nearest to holding it, its range check stands in the way.
    for (const [quantity, piece, sum] of [
      [1n << 64n, 4, (1n << 64n) - 1n],
      [-1n, 0, -1n],
      [FIELD_ORDER - 1n, 0, -1n],
    ] as const) {
      const input = claimInput({ account: of(quantity), weights: by, low: sum, high: sum });
      const attack = target.attack(input, { [`main.haircut[3].selected[${piece}]`]: 1n });
      expect(attack.outcome).equal("stopped");
      expect(attack.stoppedAt.some((place) => place.startsWith("main.haircut[3]"))).equal(true);
    }
  });

  it("C07: a piece selected that does not hold the quantity", () => {
    const by = WEIGHTS[2]![1];
    for (const other of [1, 2, 3, 4]) {
      const lies = { "main.haircut[3].selected[0]": 0n, [`main.haircut[3].selected[${other}]`]: 1n };
      stopped({ weights: by }, /^main(\.haircut\[3\]|\.Unsigned|$)/, lies);
    }
    stopped({ weights: by }, /^main/, { "main.haircut[3].selected[0]": 0n });
  });

  it("C13: the same packed positions or quantities read with a carry into their neighbour", () => {
    const carried = {
      ...account,
      positions: account.positions
        .with(56, (account.positions[56]! + (1n << 36n)) as PositionLots)
        .with(57, (account.positions[57]! - 1n) as PositionLots),
    };
    expect(commitState(carried)).equal(commitState(account));
    stopped({ account: carried, weights: WEIGHTS[3]![1] }, /^main\.Signed/);
    const heap = {
      ...account,
      collateral: account.collateral
        .with(3, (account.collateral[3]! + (1n << 84n)) as QuantityLots)
        .with(4, (account.collateral[4]! - 1n) as QuantityLots),
    };
    expect(commitState(heap)).equal(commitState(account));
    stopped({ account: heap, weights: WEIGHTS[1]![1] }, /^main\.haircut\[[34]\]/);
  });

  it("C16: another account behind the state: another holding, key, sequence, board, or a state of nothing", () => {
    const state = commitState(account);
    for (const other of [
      { ...account, cash: (account.cash + 1n) as CashE6 },
      { ...account, positions: account.positions.with(0, 1n as PositionLots) },
      { ...account, collateral: account.collateral.with(14, 0n as QuantityLots) },
      { ...account, sequence: account.sequence + 1n },
      { ...account, viewingKey: 5n as FieldElement },
      genesis(SIZE),
    ]) {
      stopped({ account: other, state, weights: WEIGHTS[1]![1] }, /^main$/);
    }
    stopped({ state: 0n as FieldElement }, /^main$/);
    stopped({ state: AUDITOR }, /^main$/);
  });

  it("the other branch without the auditor's secret: none, another's, the firm's own, the key itself", () => {
    const lie = { low: figure + 1n, high: figure + 1n };
    for (const secret of [
      0n,
      1n,
      SECRET + 1n,
      FIELD_ORDER - SECRET,
      AUDITOR,
      account.viewingKey,
      commitState(account),
    ]) {
      stopped({ ...lie, simulated: 1n, secret }, /^main$/);
      // Nor does it make a true figure provable that way, which would say nothing either.
      stopped({ simulated: 1n, secret }, /^main$/);
    }
    // Keys of the firm's choosing are refused by whoever's they are not; a commitment of another purpose is no key at all.
    for (const auditor of [commitState(account), commitState(genesis(SIZE)), 0n as FieldElement, 1n as FieldElement]) {
      for (const secret of [0n, 1n, account.viewingKey, stateBlinding(account)]) {
        stopped({ ...lie, auditor, simulated: 1n, secret }, /^main$/);
      }
    }
  });

  it("a branch between the two, or turned on a finished witness", () => {
    const lie = { low: figure + 1n, high: figure + 1n };
    const half = (FIELD_ORDER + 1n) / 2n;
    for (const simulated of [2n, -1n, half, FIELD_ORDER - half]) {
      stopped({ ...lie, simulated, secret: SECRET }, /^main(\.Unsigned.*)?$/);
      stopped({ ...lie, simulated, secret: 0n }, /^main(\.Unsigned.*)?$/);
      stopped({ simulated }, /^main$/);
    }
    const flip = (claim: Partial<Claim>, simulated: bigint) => {
      const witness = [...target.prove(claimInput(claim))];
      const { r1cs, symbols } = target.shipped;
      witness[symbols.wireOf("main.simulated")!] = simulated;
      return violations(r1cs, witness);
    };
    expect(flip({}, 1n)).not.deep.equal([]);
    expect(flip({ ...lie, ...simulation }, 0n)).not.deep.equal([]);
  });

  it("lets the auditor say anything of any state, true or not, and needs an account in range even there", () => {
    const nothing = { account: genesis(SIZE), ...simulation };
    accepted({ ...nothing, state: commitState(account), low: figure, high: figure });
    accepted({ ...nothing, state: commitState(account), low: figure + 1n, high: figure + 1n });
    accepted({ ...nothing, state: 12n as FieldElement, ...EMPTY_BAND });
    stopped({ ...simulation, account: { ...account, cash: (1n << 63n) as CashE6 } }, /^main\.Signed/);
    const { circuitInput, publicSignals } = buildSimulation({
      size: SIZE,
      secret: SECRET,
      state: commitState(account),
      band: { low: figure + 1n, high: figure + 1n },
      context: 7n,
      weights,
    });
    expect(target.attack(circuitInput).outcome).equal("accepted");
    expect(publicSignals.slice(5)).deep.equal(weightSignals(weights));
  });

  it("an empty band is provable by nobody who lacks the secret: whatever the account, one end is beyond it", () => {
    for (const cash of [-(1n << 63n), -1n, 0n, 1n, (1n << 63n) - 1n]) {
      const of = { ...account, cash: cash as CashE6 };
      stopped({ account: of, weights: WEIGHTS[1]![1], ...EMPTY_BAND }, /^main\.Unsigned/);
    }
    accepted({ ...EMPTY_BAND, ...simulation });
  });

  it("C17: each public input changed alone on a valid witness, wherever the figure depends on it", () => {
    const { r1cs } = target.shipped;
    const witness = target.prove(claimInput({}));
    const from = 5 + ASSETS * 12;
    const counted = policy.schedules.flatMap((schedule, asset) =>
      tierValue(schedule, account.collateral[asset]!).weightedLotsBps === 0n ? [] : [from + asset],
    );
    expect(counted.length).above(5);
    const dependent = [0, 1, 2, 4, ...counted, from + 15, from + 16, from + 75];
    for (const signal of dependent) {
      const changed = [...witness];
      changed[1 + signal] = (changed[1 + signal]! + 1n) % FIELD_ORDER;
      expect(violations(r1cs, changed), `public input ${signal}`).not.deep.equal([]);
    }
    // The auditor's key is in a constraint that only a simulation fills: in an honest proof the key of set-up binds it,
    // which test/prover/disclosure.test.ts shows.
    const simulated = [...target.prove(claimInput(simulation))];
    simulated[1 + 3] = (simulated[1 + 3]! + 1n) % FIELD_ORDER;
    expect(violations(r1cs, simulated)).not.deep.equal([]);
  });
});
