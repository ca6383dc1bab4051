// SPDX-License-Identifier: GPL-3.0-or-later
/** A round proven with the shipped circuit of three members, through snarkjs, the strict verifier and the contract. Its set-up is on demand. */
import path from "node:path";
import { expect } from "chai";
import { nobodyStates } from "../../prover/src/model/round.ts";
import { loadArtifacts, loadManifest } from "../../prover/src/node/artifacts.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { openCalculator } from "../../prover/src/prove/calculator.ts";
import { planInputs } from "../../prover/src/prove/witness.ts";
import { buildRoundStatement } from "../../prover/src/statement/round.ts";
import facts from "../soundness/lab/account-facts.json" with { type: "json" };
import { readR1cs, readSymbols } from "../soundness/lab/r1cs.ts";
import { report, uniqueness } from "../soundness/lab/uniqueness.ts";
import { executePlan, wtnsOf } from "../support/execute-plan.ts";
import { dimensionsOf, ledgerOf } from "../support/ledger.ts";
import { seededRng } from "../support/random.ts";
import { coveredRound } from "../support/rounds.ts";
import { skip } from "../support/skip.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";
import { expectVerified } from "../support/verified.ts";

const CIRCUIT = "round-60-3";

describe("a proof of a round", function () {
  this.timeout(600_000);
  const prover = createProver();
  const file = (extension: string) =>
    path.resolve(import.meta.dirname, "../../build/circuits", CIRCUIT, `circuit.${extension}`);
  this.beforeAll(async function () {
    if ((await loadManifest()).circuits[CIRCUIT] === undefined) skip(this, "round-60-3 is not set up");
  });
  this.afterAll(async () => {
    await prover.close();
    await endSnarkjsThreads();
  });

  for (const members of [2, 3]) {
    it(`of ${members} members verifies with snarkjs, with the strict verifier and on chain; with a changed signal with none`, async () => {
      const request = coveredRound(seededRng(90 + members), "board-60", members);
      const made = await prover.round(request);
      expect(made.size).equal(CIRCUIT);
      expect(made.publicSignals).deep.equal(buildRoundStatement(request).publicSignals.map(String));
      if (members === 2) expect(made.publicSignals[2]).equal(String(nobodyStates("board-60", 2)[0]));
      await expectVerified(made, [0, 1], { onChain: true });
    });
  }

  it("that leaves somebody below the level is refused before anything is proven", async () => {
    const request = coveredRound(seededRng(97), "board-60", 3);
    const level = (request.level + 1n) as typeof request.level;
    const refused = await prover.round({ ...request, level }).then(
      () => "proven",
      (error) => error.code,
    );
    expect(refused).equal("STATEMENT_FALSE");
  });

  it("C22: the plan gives the witness of circom's generator, value by value", async () => {
    const { plan, wasm } = await loadArtifacts(CIRCUIT);
    const { circuitInput, hints } = buildRoundStatement(coveredRound(seededRng(94), "board-60", 3));
    const ours = wtnsOf(executePlan(plan!, planInputs(plan!)({ circuitInput, hints })));
    expect(Buffer.compare(ours, await openCalculator(await wasm())(circuitInput))).equal(0);
  });

  it("C05 C19 W09: the shipped constraints determine every signal, and hold every range of the ledger and nothing else", () => {
    const [r1cs, symbols] = [readR1cs(file("r1cs")), readSymbols(file("sym"))];
    expect(r1cs.eliminatedInputs).equal(0);
    expect(report(r1cs, symbols, uniqueness(r1cs, symbols, facts as never)).unknown).deep.equal([]);
    expect(ledgerOf("round", dimensionsOf(CIRCUIT), r1cs, symbols).faults).deep.equal([]);
  });
});
