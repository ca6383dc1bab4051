// SPDX-License-Identifier: GPL-3.0-or-later
/** Proofs of merges of each size through snarkjs and the strict verifier. */
import { expect } from "chai";
import * as snarkjs from "snarkjs";
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { BOARD_SIZES } from "../../prover/src/model/sizes.ts";
import { loadVerificationKey } from "../../prover/src/node/artifacts.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { circuitOf } from "../../prover/src/statement/families.ts";
import { randomAccount, seededRng } from "../support/random.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

describe("a proof of a merge", function () {
  this.timeout(600_000);
  const prover = createProver();
  after(async () => {
    await prover.close();
    await endSnarkjsThreads();
  });

  for (const size of BOARD_SIZES) {
    it(`verifies on ${size} with snarkjs and with the strict verifier; with a changed signal with neither`, async () => {
      const [left, right] = [3, 4].map((seed) => ({
        ...randomAccount(seededRng(seed), size, "typical"),
        viewingKey: BigInt(seed) as FieldElement,
      }));
      const circuit = circuitOf("merge", size);
      const made = await prover.merge({
        left: left!,
        right: right!,
        mergedViewingKey: 9n as FieldElement,
        context: 77n,
      });
      expect(made.size).equal(circuit);
      const strict = await loadVerifier(circuit);
      expect(made.key).deep.equal(strict.key);
      const { verificationKey } = await loadVerificationKey(circuit);
      const verify = (signals: readonly string[]) =>
        snarkjs.groth16.verify(verificationKey as never, [...signals], made.proof as never);
      expect(await verify(made.publicSignals)).equal(true);
      expect(strict.verify(made.publicSignals, made.proof)).deep.include({ ok: true });
      for (const place of size === "board-60" ? [0, 1, 2, 3] : [2]) {
        const other = made.publicSignals.with(place, `${(BigInt(made.publicSignals[place]!) + 1n) % FIELD_ORDER}`);
        expect(strict.verify(other, made.proof), `signal ${place}`).deep.include({ reason: "PAIRING_FAILED" });
      }
      expect(await verify(made.publicSignals.with(3, "78"))).equal(false);
    });
  }
});
