// SPDX-License-Identifier: GPL-3.0-or-later
/** A proof of each board size, for random accounts, through three verifiers: snarkjs, the strict one, the contract. */

import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import { network } from "hardhat";
import * as snarkjs from "snarkjs";
import { type Deployment, deploy } from "../../prover/src/chain/deploy.ts";
import { proofWords } from "../../prover/src/chain/gate-calls.ts";
import { BOARD_SIZES } from "../../prover/src/model/sizes.ts";
import { loadDeployableKey, loadVerificationKey } from "../../prover/src/node/artifacts.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { buildStatement } from "../../prover/src/statement/account.ts";
import { FAMILIES } from "../../prover/src/statement/families.ts";
import { createVerifier } from "../../prover/src/verify/verifier.ts";
import { pointOf } from "../contracts/points.ts";
import { parametersOf } from "../contracts/world.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

describe("a proof of a random account", function () {
  this.timeout(600_000);
  const prover = createProver();
  let chain: Deployment;

  before(async () => {
    const { ethers } = (await network.connect()) as unknown as {
      ethers: { getSigners(): Promise<HardhatEthersSigner[]> };
    };
    const signers = await ethers.getSigners();
    const keys = (await Promise.all(BOARD_SIZES.map((size) => loadDeployableKey(size)))).map((key) => key!);
    chain = await deploy({ deployer: signers[0]!, keys, parameters: parametersOf(signers) });
  });
  after(async () => {
    await prover.close();
    await endSnarkjsThreads();
  });

  for (const [index, size] of BOARD_SIZES.entries()) {
    it(`verifies on ${size} with snarkjs, with the strict verifier and on chain; a changed signal with none`, async () => {
      const request = randomRequest(seededRng(71 + index), size);
      const direction = buildStatement({ ...request, direction: "at-least" }).holds ? "at-least" : "below";
      const { proof, publicSignals } = await prover.prove({ ...request, direction });
      const { verificationKey, verificationKeyFile, identity } = await loadVerificationKey(size);
      const strict = createVerifier(verificationKeyFile, {
        size,
        origin: identity.origin,
        sha256: identity.verificationKeySha256,
      });

      const verifier = chain.verifiers.get(size)!;
      const { own } = FAMILIES.account;
      const point = pointOf(verificationKey, publicSignals.slice(own.length).map(BigInt), own.length);
      const onChain = (signals: readonly string[]) =>
        verifier.verify!(proofWords(proof), signals.slice(0, FAMILIES.account.own.length), point).then(
          () => true,
          (error: { data: string }) => {
            expect(verifier.interface.parseError(error.data)?.name).to.equal("ProofInvalid");
            return false;
          },
        );

      expect(await snarkjs.groth16.verify(verificationKey as never, [...publicSignals], proof as never)).to.equal(true);
      expect(strict.verify(publicSignals, proof)).to.deep.include({ ok: true });
      expect(await onChain(publicSignals)).to.equal(true);

      const changed = publicSignals.with(5, (BigInt(publicSignals[5]!) ^ 1n).toString());
      expect(await snarkjs.groth16.verify(verificationKey as never, changed, proof as never)).to.equal(false);
      expect(strict.verify(changed, proof)).to.deep.include({ ok: false });
      expect(await onChain(changed)).to.equal(false);
    });
  }
});
