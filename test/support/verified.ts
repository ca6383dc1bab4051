// SPDX-License-Identifier: GPL-3.0-or-later
/** What every verifier says of a proof of a shipped circuit. */
import { expect } from "chai";
import type { Signer } from "ethers";
import { network } from "hardhat";
import * as snarkjs from "snarkjs";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { loadVerificationKey } from "../../prover/src/node/artifacts.ts";
import type { Proof } from "../../prover/src/node/prover.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { type CircuitName, ownSignalsOf } from "../../prover/src/statement/families.ts";
import { contractVerifier } from "../soundness/lab/differential.ts";

/**
 * Snarkjs, the strict verifier and, where there is one, the contract accept the proof, and do not with two of its signals exchanged;
 * the strict one with none of its own signals changed either.
 */
export async function expectVerified(
  { size, proof, publicSignals }: Proof<CircuitName>,
  [one, other]: readonly [number, number],
  { onChain }: { readonly onChain: boolean },
): Promise<void> {
  const strict = await loadVerifier(size);
  const { verificationKey } = await loadVerificationKey(size);
  const bySnarkjs = (signals: readonly string[]) =>
    snarkjs.groth16.verify(verificationKey as never, [...signals], proof as never);
  expect(await bySnarkjs(publicSignals)).equal(true);
  expect(strict.verify(publicSignals, proof)).deep.include({ ok: true });
  for (const [place, name] of ownSignalsOf(size).entries()) {
    const changed = publicSignals.with(place, `${(BigInt(publicSignals[place]!) + 1n) % FIELD_ORDER}`);
    expect(strict.verify(changed, proof), name).deep.include({ reason: "PAIRING_FAILED" });
  }
  const exchanged = publicSignals.with(one, publicSignals[other]!).with(other, publicSignals[one]!);
  expect(await bySnarkjs(exchanged)).equal(false);
  expect(strict.verify(exchanged, proof)).deep.include({ reason: "PAIRING_FAILED" });
  if (!onChain) return;
  const chain = await network.create({ override: { gas: 16_000_000n } });
  try {
    const [deployer] = await chain.ethers.getSigners();
    const contract = await contractVerifier(size, verificationKey, deployer as unknown as Signer);
    const accepts = (signals: readonly string[]) => contract({ proof, signals }).catch(() => false);
    expect(await accepts(publicSignals)).equal(true);
    expect(await accepts(exchanged)).equal(false);
  } finally {
    await chain.close();
  }
}
