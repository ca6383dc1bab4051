// SPDX-License-Identifier: GPL-3.0-or-later
/** A lot proven with the shipped circuit, through snarkjs, the strict verifier and the contract. Its set-up is on demand. */
import path from "node:path";
import { expect } from "chai";
import { loadArtifacts, loadManifest } from "../../prover/src/node/artifacts.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { openCalculator } from "../../prover/src/prove/calculator.ts";
import { planInputs } from "../../prover/src/prove/witness.ts";
import { buildLotStatement, type LotRequest } from "../../prover/src/statement/lot.ts";
import facts from "../soundness/lab/account-facts.json" with { type: "json" };
import { readR1cs, readSymbols } from "../soundness/lab/r1cs.ts";
import { report, uniqueness } from "../soundness/lab/uniqueness.ts";
import { executePlan, wtnsOf } from "../support/execute-plan.ts";
import { dimensionsOf, ledgerOf } from "../support/ledger.ts";
import { admissibleLot } from "../support/lots.ts";
import { seededRng } from "../support/random.ts";
import { skip } from "../support/skip.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";
import { expectVerified } from "../support/verified.ts";

const CIRCUIT = "lot-60";

function lotOf(kind: LotRequest["terms"]["kind"]): LotRequest {
  for (let seed = 1; ; seed++) {
    const { step, ...rest } = admissibleLot(seededRng(seed), "board-60");
    if (rest.terms.kind === kind) return { ...step, ...rest, context: BigInt(seed) };
  }
}

describe("a proof of a lot", function () {
  this.timeout(600_000);
  const prover = createProver();
  const file = (extension: string) =>
    path.resolve(import.meta.dirname, "../../build/circuits", CIRCUIT, `circuit.${extension}`);
  this.beforeAll(async function () {
    if ((await loadManifest()).circuits[CIRCUIT] === undefined) skip(this, "lot-60 is not set up");
  });
  this.afterAll(async () => {
    await prover.close();
    await endSnarkjsThreads();
  });

  for (const kind of ["slice", "close-out"] as const) {
    it(`of a ${kind} verifies with snarkjs, with the strict verifier and on chain; with a changed signal with none`, async () => {
      const request = lotOf(kind);
      const made = await prover.liquidate(request);
      expect(made.size).equal(CIRCUIT);
      expect(made.publicSignals).deep.equal(buildLotStatement(request).publicSignals.map(String));
      await expectVerified(made, [0, 1], { onChain: true });
    });
  }

  it("that breaks a rule is refused before anything is proven, by the rule's name", async () => {
    const { terms, ...request } = lotOf("slice");
    const refused = await prover.liquidate({ ...request, terms: { ...terms, size: terms.size + (1n << 60n) } }).then(
      () => "proven",
      ({ code, place }) => [code, place.field],
    );
    expect(refused).deep.equal(["STATEMENT_FALSE", "lot.size"]);
  });

  it("C22: the plan gives the witness of circom's generator, value by value", async () => {
    const { plan, wasm } = await loadArtifacts(CIRCUIT);
    const { circuitInput, hints } = buildLotStatement(lotOf("slice"));
    const ours = wtnsOf(executePlan(plan!, planInputs(plan!)({ circuitInput, hints })));
    expect(Buffer.compare(ours, await openCalculator(await wasm())(circuitInput))).equal(0);
  });

  it("C05 C19 W09: the shipped constraints determine every signal, and hold every range of the ledger and nothing else", () => {
    const [r1cs, symbols] = [readR1cs(file("r1cs")), readSymbols(file("sym"))];
    expect(r1cs.eliminatedInputs).equal(0);
    expect(report(r1cs, symbols, uniqueness(r1cs, symbols, facts as never)).unknown).deep.equal([]);
    expect(ledgerOf("lot", dimensionsOf(CIRCUIT), r1cs, symbols).faults).deep.equal([]);
  });
});
