// SPDX-License-Identifier: GPL-3.0-or-later
/** A step of a book proven with the shipped circuit of eight accounts, and the book opened. Its set-up is on demand. */
import { expect } from "chai";
import { commitTotals } from "../../prover/src/model/book.ts";
import { loadManifest } from "../../prover/src/node/artifacts.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { buildBookStatement } from "../../prover/src/statement/book.ts";
import { coveredStep } from "../support/books.ts";
import { seededRng } from "../support/random.ts";
import { skip } from "../support/skip.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";
import { expectVerified } from "../support/verified.ts";

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
      await expectVerified(made, [1, 2], { onChain: false });
    });
  }
});
