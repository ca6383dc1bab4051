// SPDX-License-Identifier: GPL-3.0-or-later
/** The Lot circuit against the integer model, and lies told to it. */

import { expect } from "chai";
import { FIELD_ORDER, fromField } from "../../prover/src/field.ts";

import { appraiseLot, type LotRule } from "../../prover/src/model/lot.ts";
import { buildLotStatement, type LotRequest } from "../../prover/src/statement/lot.ts";
import type { Target } from "../soundness/lab/target.ts";
import { lotCircuit } from "../support/circuit.ts";
import { admissibleLot, randomLot } from "../support/lots.ts";
import { seededRng } from "../support/random.ts";

const SIZE = "board-60";
const RANDOM = 10;

/** Where the circuit stops a lot that breaks a rule. */
const STOPPED_AT: Readonly<Record<LotRule, RegExp>> = {
  evidence: /^main\.levels/,
  improvement: /^main\.levels/,
  target: /^main\.levels/,
  margin: /^main\.offer/,
  discount: /^main\.offer/,
  size: /^main\.sized/,
  part: /^main\.LotPart/,
};

/** Where circuit and model disagree about a lot; empty where they agree. */
function disagreements(target: Target, request: LotRequest): string[] {
  const { appraisal, circuitInput, publicSignals } = buildLotStatement(request);
  const { broken, heldValue, afterValue, cost, level } = appraisal;
  const attack = target.attack(circuitInput);
  const found: string[] = [];
  if ((attack.outcome === "accepted") !== (broken.length === 0))
    found.push(`the constraints are ${attack.outcome}, the model finds broken: ${broken}`);
  for (const place of attack.stoppedAt)
    if (!broken.some((rule) => STOPPED_AT[rule].test(place))) found.push(`stopped at ${place} for another reason`);
  for (const rule of broken)
    if (!attack.stoppedAt.some((place) => STOPPED_AT[rule].test(place))) found.push(`${rule} stops nothing`);
  if (publicSignals.some((value, index) => value !== attack.witness[index + 1])) found.push("a public signal differs");
  const figures: [string, bigint][] = [
    ["account[0].equity", heldValue.equity],
    ["account[0].maintenance", heldValue.margin],
    ["account[1].equity", afterValue.equity],
    ["account[1].maintenance", afterValue.margin],
    ["offer.cost", cost],
    ["level", level ?? 0n],
  ];
  for (const [name, value] of figures)
    if (fromField(attack.value(`main.${name}`)) !== value) found.push(`${name} differs`);
  if (broken.length > 0) return found;
  const witness = target.prove(circuitInput);
  if (witness.some((value, wire) => value !== attack.witness[wire])) found.push("two generators of one circuit differ");
  return found;
}

describe("the Lot circuit and the integer model", function () {
  this.timeout(300_000);

  it(`C22: agree on ${RANDOM} random and boundary lots: every rule, public signals, figures`, async () => {
    const circuit = await lotCircuit(SIZE);
    const rng = seededRng(74);
    const seen = new Map<string, number>();
    for (let index = 0; index < RANDOM; index++) {
      const { step, ...asked } = index % 3 === 0 ? admissibleLot(rng, SIZE) : randomLot(rng, SIZE);
      const request = { ...step, ...asked, context: rng.below(FIELD_ORDER) };
      expect(disagreements(circuit, request), `lot ${index} of seed 74`).deep.equal([]);
      for (const rule of appraiseLot(step, asked.terms, asked.policy, asked.market).broken.concat(
        asked.terms.kind as never,
      ))
        seen.set(rule, (seen.get(rule) ?? 0) + 1);
    }
    for (const what of ["slice", "close-out", "evidence", "size", "target", "improvement"])
      expect(seen.get(what), what).at.least(1);
  });
});
