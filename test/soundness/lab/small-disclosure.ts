// SPDX-License-Identifier: GPL-3.0-or-later
/** The circuit `Disclosure` in small, of the shipped sources: an account on the board of `miniature.ts`. */
import { FIELD_ORDER, toField } from "../../../prover/src/field.ts";
import { type Figure, figureOf, type Weights, weightsOf } from "../../../prover/src/model/figure.ts";
import { ASSETS } from "../../../prover/src/model/sizes.ts";
import { publicNamesOf } from "../../../prover/src/statement/families.ts";
import { type DisclosureClaim, disclosureInputs, SECRET } from "../../support/disclosure-lies.ts";
import { largestFigure } from "../../support/ledger.ts";
import { biased, type Rng, randomAccount, randomMarket, randomPolicy, seededRng } from "../../support/random.ts";
import type { Inputs } from "./generate.ts";
import {
  type Case,
  MODEL_BOARD,
  modelRow,
  SHAPE,
  smallMarket,
  smallRows,
  smallSchedule,
  smallScheduleValues,
} from "./miniature.ts";
import type { SmallLie } from "./small.ts";
import { bends, DIMENSIONS, holdingOf, liesAt, smallAccount, worldOf } from "./small-holdings.ts";

export const DISCLOSURE_MAIN = `pragma circom 2.2.0;
include "disclosure.circom";
component main {public [${publicNamesOf("disclosure").join(", ")}]} = Disclosure(${DIMENSIONS.instruments}, ${DIMENSIONS.assets}, ${SHAPE.tiers});
`;
const WORLD = worldOf("disclosure");
const inputsOf = (claim: DisclosureClaim): Inputs => disclosureInputs(WORLD, claim);
const LIMIT = largestFigure(DIMENSIONS);

const smallWeights = ({ schedules, prices, cash, marks }: Weights): DisclosureClaim["weights"] => ({
  policy: schedules.flatMap(smallScheduleValues),
  prices,
  cash,
  marks: smallRows(marks),
});

function drawn(rng: Rng, kind: Figure["kind"], flavour?: "typical") {
  const account = smallAccount(randomAccount(rng, MODEL_BOARD, flavour));
  const places = { equity: 0, cash: 0, asset: ASSETS, instrument: DIMENSIONS.instruments };
  const place = Number(rng.below(BigInt(places[kind] || 1)));
  const figure = { kind, index: kind === "instrument" ? modelRow(place) : place } as Figure;
  const weights = weightsOf(figure, randomPolicy(rng, flavour), smallMarket(randomMarket(rng, MODEL_BOARD, flavour)));
  const shrunk: Weights = { ...weights, schedules: weights.schedules.map(smallSchedule) };
  return { holding: holdingOf(account), weights: smallWeights(shrunk), figure: figureOf(account, shrunk) };
}

/** Bands that hold the figure or miss it by little, of true accounts and of simulated ones. */
export function* disclosureCases(firstSeed: number): Generator<Case> {
  for (let seed = firstSeed; ; seed++) {
    const rng = seededRng(seed);
    const { holding, weights, figure } = drawn(rng, rng.pick(["equity", "equity", "cash", "asset", "instrument"]));
    const width = rng.pick([0n, 0n, 1n, rng.below(1n << 70n)]);
    const from = figure + rng.pick([0n, 1n, -width, -width - 1n, biased(rng, -width, 1n)]);
    const end = (value: bigint) => (value < -LIMIT ? -LIMIT : value > LIMIT ? LIMIT : value);
    const [low, high] = [end(from), end(from + width)];
    const simulated = rng.chance(0.2) ? 1n : 0n;
    const knows = rng.chance(0.5);
    const holds = simulated === 1n ? knows : low <= figure && figure <= high;
    yield {
      name: `seed ${seed}`,
      holds,
      inputs: inputsOf({
        holding,
        ...(simulated === 1n ? { state: rng.below(FIELD_ORDER) } : {}),
        low,
        high,
        weights,
        simulated,
        secret: knows ? SECRET : rng.below(FIELD_ORDER),
        context: rng.below(FIELD_ORDER),
      }),
      outputs: { "main.figure": toField(figure) },
    };
  }
}

/** Figures of each kind about one account each. */
function truths() {
  return (["equity", "cash", "asset", "instrument"] as const).map((kind, index) => {
    const { figure, ...claim } = drawn(seededRng(500 + index), kind, "typical");
    return { kind, claim: { ...claim, low: figure, high: figure } };
  });
}

/** With room on either side of the figure. */
export function honestDisclosure(): Inputs {
  const { claim } = truths()[0]!;
  const room = 1n << 120n;
  return inputsOf({ ...claim, low: claim.low - room, high: claim.high + room });
}

/** Of every kind of figure, and made by the auditor about nobody. */
export const otherDisclosures = (): Inputs[] => [
  ...truths().map(({ claim }) => inputsOf(claim)),
  inputsOf({ ...truths()[0]!.claim, state: 12n, low: 1n, high: 0n, simulated: 1n }),
];

/** What is out of range or in the wrong piece at any index; a figure beyond its band; a branch that is neither or without its secret. */
export function* disclosureLies(): Generator<SmallLie> {
  yield* liesAt(WORLD, (label) => {
    const of = /^(?:haircut|collateral)\[(\d+)\]/.exec(label)?.[1];
    return of === undefined
      ? /^main(\.Signed.*|\.Unsigned.*)?$/
      : new RegExp(`^main(\\.haircut\\[${of}\\].*|\\.Unsigned.*)?$`);
  });
  const band = /^main\.Unsigned/;
  for (const { kind, claim } of truths()) {
    const { low: figure, holding } = claim;
    const lie = (name: string, change: Partial<DisclosureClaim>, stoppedAt = /^main$/): SmallLie => ({
      name: `${kind}: ${name}`,
      inputs: inputsOf({ ...claim, ...change }),
      stoppedAt,
    });
    for (const by of [1n, 9n, 1n << 100n, 1n << 200n, FIELD_ORDER >> 1n]) {
      yield lie(`C04: the low end ${by} above the figure`, { low: figure + by }, band);
      yield lie(`C04: the high end ${by} below the figure`, { high: figure - by }, band);
    }
    yield lie("an empty band", { low: 1n, high: 0n }, band);
    yield lie("C16: another state", { state: 12n });
    for (const [what, other] of kind === "equity" ? bends(holding) : []) {
      yield lie(`C16: the state of another account, ${what}`, { state: WORLD.stateOf(other) });
    }
    for (const secret of [0n, SECRET + 1n, FIELD_ORDER - SECRET, WORLD.keyOf(SECRET)]) {
      yield lie(`simulated with the secret ${secret}`, { simulated: 1n, secret, low: 1n, high: 0n });
    }
    for (const simulated of [2n, -1n, (FIELD_ORDER + 1n) / 2n]) {
      yield lie(`a branch of ${simulated}`, { simulated });
      yield lie(
        `a branch of ${simulated} with an empty band`,
        { simulated, low: 1n, high: 0n },
        /^main(\.Unsigned.*)?$/,
      );
    }
  }
}
