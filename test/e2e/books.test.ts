// SPDX-License-Identifier: GPL-3.0-or-later
/** A step of a book proven with the shipped circuit of eight accounts, and the book opened. Its set-up is on demand. */
import { expect } from "chai";
import * as snarkjs from "snarkjs";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { commitTotals } from "../../prover/src/model/book.ts";
import { loadManifest, loadVerificationKey } from "../../prover/src/node/artifacts.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { buildBookStatement } from "../../prover/src/statement/book.ts";
import { coveredStep } from "../support/books.ts";
import { seededRng } from "../support/random.ts";
import { skip } from "../support/skip.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

const CIRCUIT = "book-60-8";

describe("a proof of a step of a book", function () {
  this.timeout(600_000);
  const prover = createProver();
  this.beforeAll(async function () {
    if ((await loadManifest()).circuits[CIRCUIT] === undefined) skip(this, "book-60-8 is not set up");
  });
  this.afterAll(async () => {
    await prover.close();
    await endSnarkjsThreads();
  });

  for (const seed of [1, 2]) {
    it(`verifies with snarkjs and with the strict verifier; with a changed signal with neither (${seed})`, async () => {
      const request = coveredStep(seededRng(seed), CIRCUIT);
      const { totals } = buildBookStatement(request);
      const made = await prover.book(request);
      expect(made.publicSignals.slice(0, 3)).deep.equal(
        [
          request.tree.root,
          commitTotals(request.totals, request.blindings[0]),
          commitTotals(totals, request.blindings[1]),
        ].map(String),
      );
      const strict = await loadVerifier(CIRCUIT);
      const { verificationKey } = await loadVerificationKey(CIRCUIT);
      const verify = (signals: readonly string[]) =>
        snarkjs.groth16.verify(verificationKey as never, [...signals], made.proof as never);
      expect(await verify(made.publicSignals)).equal(true);
      expect(strict.verify(made.publicSignals, made.proof)).deep.include({ ok: true });
      for (let place = 0; place < 5; place++) {
        const other = made.publicSignals.with(place, `${(BigInt(made.publicSignals[place]!) + 1n) % FIELD_ORDER}`);
        expect(strict.verify(other, made.proof), `signal ${place}`).deep.include({ reason: "PAIRING_FAILED" });
      }
      const turned = made.publicSignals.with(1, made.publicSignals[2]!).with(2, made.publicSignals[1]!);
      expect(await verify(turned)).equal(false);
    });
  }
});
