// SPDX-License-Identifier: GPL-3.0-or-later
/** Proofs of settlements of each size through snarkjs and the strict verifier; of the smallest through the contract too. */

import { expect } from "chai";
import type { Contract } from "ethers";
import { network } from "hardhat";
import * as snarkjs from "snarkjs";
import { proofWords } from "../../prover/src/chain/gate-calls.ts";
import { chainKey } from "../../prover/src/chain/verifying-key.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { BOARD_SIZES, type BoardSize, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { loadLinkKey, loadVerificationKey } from "../../prover/src/node/artifacts.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { createLinkMaker } from "../../prover/src/prove/link.ts";
import { circuitOf, FAMILIES } from "../../prover/src/statement/families.ts";
import { type SettlementMarks, settlementSignals } from "../../prover/src/statement/signals.ts";
import type { CashE6, ColumnE6 } from "../../prover/src/units.ts";
import { pointOf } from "../contracts/points.ts";
import { randomAccount, seededRng } from "../support/random.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

const OWN = FAMILIES.settlement.own.length;

describe("a proof of a settlement", function () {
  this.timeout(600_000);
  const prover = createProver();
  after(async () => {
    await prover.close();
    await endSnarkjsThreads();
  });

  const accountOf = (size: BoardSize, seed: number): Account => ({
    ...randomAccount(seededRng(seed), size, "typical"),
    sequence: 4n,
    cash: 5n as CashE6,
  });
  const marksOf = (size: BoardSize): SettlementMarks =>
    new Map([0, 5, instrumentsOf(size) - 1].map((row) => [row, BigInt(1_000_000 - 300_000 * row) as ColumnE6]));

  for (const size of BOARD_SIZES) {
    it(`verifies on ${size} with snarkjs and with the strict verifier; with a changed signal with neither`, async () => {
      const circuit = circuitOf("settlement", size);
      const { proof, publicSignals, key, ...made } = await prover.settle({
        before: accountOf(size, 3),
        marks: marksOf(size),
        context: 77n,
      });
      expect(made.size).to.equal(circuit);
      expect(publicSignals.slice(OWN)).to.deep.equal(settlementSignals(size, marksOf(size)).map(String));
      const strict = await loadVerifier(circuit);
      expect(key).to.deep.equal(strict.key);
      const { verificationKey } = await loadVerificationKey(circuit);
      const verify = (signals: readonly string[]) =>
        snarkjs.groth16.verify(verificationKey as never, [...signals], proof as never);
      expect(await verify(publicSignals)).to.equal(true);
      expect(strict.verify(publicSignals, proof)).to.deep.include({ ok: true });
      // A changed mark is another sum over all of them: seconds on the larger boards.
      for (const place of size === "board-60" ? [0, 1, 2, OWN, OWN + 1, publicSignals.length - 1] : [1, OWN]) {
        const changed = publicSignals.with(place, `${(BigInt(publicSignals[place]!) + 1n) % FIELD_ORDER}`);
        expect(strict.verify(changed, proof), `signal ${place}`).to.deep.include({ reason: "PAIRING_FAILED" });
      }
      expect(await verify(publicSignals.with(2, "78"))).to.equal(false);
      expect(strict.verify(publicSignals.slice(1), proof)).to.deep.include({ reason: "SIGNALS_COUNT" });
    });
  }

  it("verifies on chain, alone and in batches, against marks that are linked; changed inputs do not", async () => {
    const size = "board-60";
    const { ethers } = await network.create({ override: { gas: 16_000_000n } });
    const { verificationKey } = await loadVerificationKey("settlement-60");
    const links = await loadLinkKey("settlement-60");
    const { key, hash } = chainKey(verificationKey, OWN, links.linkKeyFile);
    const verifier = (await ethers.deployContract("SettlementVerifier", [60, key, hash])) as unknown as Contract;
    const values = settlementSignals(size, marksOf(size));
    const { point } = (await createLinkMaker(links)).link({ group: "marks", subject: `0x${"1".repeat(64)}`, values });
    expect(point).to.deep.equal(pointOf(verificationKey, values, OWN));

    const made = [];
    for (const seed of [3, 4]) {
      made.push(await prover.settle({ before: accountOf(size, seed), marks: marksOf(size), context: BigInt(seed) }));
    }
    const proofs = made.map(({ proof }) => proofWords(proof));
    const inputs = made.map(({ publicSignals }) => publicSignals.slice(0, OWN).map(BigInt));
    const selector = (name: string) => verifier.interface.getFunction(name)!.selector;
    expect(await verifier.verify!(proofs[0], inputs[0], point)).to.equal(selector("verify"));
    expect(await verifier.verifyBatch!(proofs, inputs, point)).to.equal(selector("verifyBatch"));
    const refused = (work: Promise<unknown>) => expect(work).to.be.revertedWithCustomError(verifier, "ProofInvalid");
    for (const place of [0, 1, 2]) {
      const changed = inputs[0]!.with(place, inputs[0]![place]! ^ 1n);
      await refused(verifier.verify!(proofs[0], changed, point));
      await refused(verifier.verifyBatch!(proofs, [changed, inputs[1]], point));
    }
    await refused(verifier.verifyBatch!(proofs, [inputs[1], inputs[0]], point));
    await refused(verifier.verify!(proofs[0], inputs[0], { x: 0n, y: 0n }));
  });

  it("refuses genesis and cash out of range before it loads anything", async () => {
    const lazy = createProver({ load: () => Promise.reject(new Error("loaded")) });
    const before = accountOf("board-60", 3);
    const marks = marksOf("board-60");
    for (const [account, code] of [
      [genesis("board-60"), "FIELD_INVALID"],
      [{ ...before, cash: (1n << 63n) as CashE6 }, "OUT_OF_RANGE"],
    ] as const) {
      const error = await lazy.settle({ before: account, marks, context: 1n }).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(PlimsollError);
      expect(error).to.have.property("code", code);
    }
    await lazy.close();
  });
});
