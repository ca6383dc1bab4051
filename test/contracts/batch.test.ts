// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated keys: real equations of any statement, in milliseconds. test/e2e has batches of real proofs.
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { type Contract, concat, keccak256, toBeHex } from "ethers";
import { proofWords } from "../../prover/src/chain/gate-calls.ts";
import { chainKey } from "../../prover/src/chain/verifying-key.ts";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import type { Groth16Proof } from "../../prover/src/node/prover.ts";
import { seededRng } from "../support/random.ts";
import { simulatedKey } from "../support/simulated.ts";
import { type Affine, pointOf } from "./points.ts";
import { type Chain, createChain } from "./world.ts";

const G1 = bn254.G1.Point;
const { Fr } = bn254.fields;
const Q = bn254.fields.Fp.ORDER;
const OWN = 6;

interface Batch {
  proofs: bigint[][];
  inputs: bigint[][];
  point: Affine;
}

describe("batches of proofs", () => {
  const key = simulatedKey("board-60");
  const { key: laid, hash } = chainKey(key.key, OWN, key.linkKeyFile);
  const rng = seededRng(7);
  const market = Array.from({ length: key.key.nPublic - OWN }, () => rng.below(FIELD_ORDER));
  const point = pointOf(key.key, market);
  let chain: Chain;
  let verifier: Contract;

  before(async () => {
    chain = await createChain();
    verifier = (await chain.ethers.deployContract("AccountVerifier", [60, laid, hash])) as unknown as Contract;
  });

  function batchOf(count: number): Batch {
    const inputs = Array.from({ length: count }, () => Array.from({ length: OWN }, () => rng.below(FIELD_ORDER)));
    const proofs = inputs.map((own) => proofWords(key.prove([...own, ...market]) as Groth16Proof));
    return { proofs, inputs, point };
  }
  const verify = ({ proofs, inputs, point }: Batch): Promise<string> => verifier.verifyBatch!(proofs, inputs, point);
  const refused = (batch: Batch, error: string, ...args: unknown[]) => {
    const assertion = expect(verify(batch)).to.be.revertedWithCustomError(verifier, error);
    return args.length === 0 ? assertion : assertion.withArgs(...args);
  };
  /** The batch with one word of one proof or of one proof's inputs replaced. */
  const withWord = (batch: Batch, list: "proofs" | "inputs", index: number, place: number, value: bigint): Batch => ({
    ...batch,
    [list]: batch[list].with(index, batch[list][index]!.with(place, value)),
  });
  /** C of one proof moved by a multiple of the generator. */
  const moved = (batch: Batch, index: number, by: bigint): Batch => {
    const [x, y] = batch.proofs[index]!.slice(6) as [bigint, bigint];
    const c = G1.fromAffine({ x, y })
      .add(G1.BASE.multiply(Fr.create(by)))
      .toAffine();
    return withWord(withWord(batch, "proofs", index, 6, c.x), "proofs", index, 7, c.y);
  };
  /** r_0 = 1 − Σ r_i, and 128 bits each of the hash of key, point, number, proofs and inputs: less what is left out. */
  function coefficients({ proofs, inputs, point }: Batch, leftOut: "proofs" | "inputs"): bigint[] {
    const given = leftOut === "proofs" ? inputs : proofs;
    const words = [point.x, point.y, BigInt(proofs.length), ...given.flat()];
    const seed = keccak256(concat([hash, ...words.map((word) => toBeHex(word, 32))]));
    const others = proofs
      .slice(1)
      .map((_, index) => BigInt(keccak256(concat([seed, toBeHex(index + 1, 32)]))) & ((1n << 128n) - 1n));
    return [Fr.create(1n - others.reduce((sum, value) => sum + value, 0n)), ...others];
  }

  it("accepts 1, 2, 3 and 16 valid proofs at one market, and answers with its selector", async () => {
    for (const count of [1, 2, 3, 16]) {
      expect(await verify(batchOf(count))).to.equal(verifier.interface.getFunction("verifyBatch")!.selector);
    }
    const same = batchOf(1);
    await verify({ point, proofs: [...same.proofs, ...same.proofs], inputs: [...same.inputs, ...same.inputs] });
  });

  it("refuses a batch of nothing, and lists of different lengths", async () => {
    const batch = batchOf(2);
    await refused({ proofs: [], inputs: [], point }, "BatchEmpty");
    await refused({ ...batch, inputs: batch.inputs.slice(1) }, "BatchLengthsDiffer", 2, 1);
    await refused({ ...batch, proofs: [] }, "BatchLengthsDiffer", 0, 2);
  });

  it("refuses one bad proof among many, wherever it is, for every input it is bad in, and at another market", async () => {
    const batch = batchOf(5);
    for (let index = 0; index < 5; index++) {
      await refused(moved(batch, index, 1n), "ProofInvalid");
      for (let place = 0; place < OWN; place++) {
        const value = Fr.create(batch.inputs[index]![place]! + 1n);
        await refused(withWord(batch, "inputs", index, place, value), "ProofInvalid");
      }
    }
    const other = G1.fromAffine(point).add(G1.BASE).toAffine();
    await refused({ ...batch, point: { x: other.x, y: other.y } }, "ProofInvalid");
  });

  it("C17: refuses proofs that have changed places, and proofs that have exchanged their parts", async () => {
    const batch = batchOf(3);
    const [first, second, third] = batch.proofs as [bigint[], bigint[], bigint[]];
    await refused({ ...batch, proofs: [second, first, third] }, "ProofInvalid");
    await refused({ ...batch, proofs: [second, third, first] }, "ProofInvalid");
    const [c0, c1] = [first.slice(6), second.slice(6)];
    await refused(
      { ...batch, proofs: [[...first.slice(0, 6), ...c1], [...second.slice(0, 6), ...c0], third] },
      "ProofInvalid",
    );
  });

  it("refuses proofs whose errors cancel under equal coefficients", async () => {
    const batch = batchOf(4);
    const [a, b] = [5n, FIELD_ORDER - 5n];
    for (const [left, right] of [
      [0, 1],
      [1, 2],
      [3, 0],
    ] as const) {
      await refused(moved(moved(batch, left, a), right, b), "ProofInvalid");
    }
    const value = (index: number, by: bigint) => Fr.create(batch.inputs[index]![2]! + by);
    const inputs = withWord(withWord(batch, "inputs", 1, 2, value(1, a)), "inputs", 2, 2, value(2, b));
    await refused(inputs, "ProofInvalid");
    // All of them wrong in the same way, which coefficients that add up to zero would let pass.
    await refused(
      [0, 1, 2, 3].reduce((all, index) => moved(all, index, a), batch),
      "ProofInvalid",
    );
  });

  // Were the coefficients drawn without proofs or without inputs, whoever makes those last would make errors that cancel.
  for (const [left, right] of [
    [0, 1],
    [1, 2],
  ] as const) {
    it(`draws its coefficients from the proofs: errors of ${left} and ${right} made to cancel without them do not`, async () => {
      const batch = batchOf(3);
      const r = coefficients(batch, "proofs");
      await refused(moved(moved(batch, left, r[right]!), right, Fr.neg(r[left]!)), "ProofInvalid");
    });

    it(`draws its coefficients from the inputs: errors of ${left} and ${right} made to cancel without them do not`, async () => {
      const batch = batchOf(3);
      const r = coefficients(batch, "inputs");
      const value = (index: number, by: bigint) => Fr.create(batch.inputs[index]![0]! + by);
      const changed = withWord(batch, "inputs", left, 0, value(left, r[right]!));
      await refused(withWord(changed, "inputs", right, 0, value(right, Fr.neg(r[left]!))), "ProofInvalid");
    });
  }

  it("V01: refuses every input + r and every coordinate + q, by name and place in the batch", async () => {
    const batch = batchOf(3);
    for (const index of [0, 2]) {
      for (let place = 0; place < OWN; place++) {
        for (const value of [batch.inputs[index]![place]! + FIELD_ORDER, FIELD_ORDER, (1n << 256n) - 1n]) {
          const wrong = withWord(batch, "inputs", index, place, value);
          await refused(wrong, "InputNotCanonical", OWN * index + place, value);
        }
      }
      for (let place = 0; place < 8; place++) {
        for (const value of [batch.proofs[index]![place]! + Q, Q, (1n << 256n) - 1n]) {
          const wrong = withWord(batch, "proofs", index, place, value);
          await refused(wrong, "CoordinateNotCanonical", 8 * index + place, value);
        }
      }
    }
  });

  it("V08: refuses points at infinity and points off the curve, in any proof", async () => {
    const batch = batchOf(3);
    for (const index of [0, 1, 2]) {
      for (const [part, places] of [
        [0, [0, 1]],
        [1, [2, 3, 4, 5]],
        [2, [6, 7]],
      ] as const) {
        const zeroed = places.reduce((given, place) => withWord(given, "proofs", index, place, 0n), batch);
        await refused(zeroed, "ProofPointAtInfinity", 3 * index + part);
      }
      for (let place = 0; place < 8; place++) {
        const off = (batch.proofs[index]![place]! + 1n) % Q;
        await refused(withWord(batch, "proofs", index, place, off), "PrecompileFailed");
      }
    }
    await refused({ ...batch, point: { x: point.x, y: point.y + 1n } }, "PrecompileFailed");
  });

  it("V06: with too little gas it reverts, and never calls a proof invalid", async () => {
    const { proofs, inputs } = batchOf(3);
    const data = verifier.interface.encodeFunctionData("verifyBatch", [proofs, inputs, point]);
    const limiter = await chain.ethers.deployContract("GasLimiter");
    const invalid = verifier.interface.getError("ProofInvalid")!.selector;
    let accepted = 0;
    for (let gas = 1_000; gas <= 600_000; gas += gas < 400_000 ? 5_003 : 60_003) {
      const [ok, answer] = await limiter.call!.staticCall(verifier, gas, data);
      if (ok) accepted++;
      else expect(answer.slice(0, 10)).not.to.equal(invalid);
      expect(ok, `${gas} gas`).to.equal(gas > 337_000);
    }
    expect(accepted).to.be.greaterThan(4);
  });
});

// The same equations over another number of inputs, and of selectors.
describe("batches of proofs of settlements", () => {
  const OWN = 3;
  const key = simulatedKey("settlement-60");
  const rng = seededRng(8);
  const marks = Array.from({ length: key.key.nPublic - OWN }, () => rng.below(FIELD_ORDER));
  const point = pointOf(key.key, marks, OWN);
  const inputs = [0, 1, 2].map(() => Array.from({ length: OWN }, () => rng.below(FIELD_ORDER)));
  const proofs = inputs.map((own) => proofWords(key.prove([...own, ...marks]) as Groth16Proof));
  let verifier: Contract;

  before(async () => {
    const { ethers } = await createChain();
    const { key: laid, hash } = chainKey(key.key, OWN, key.linkKeyFile);
    verifier = (await ethers.deployContract("SettlementVerifier", [60, laid, hash])) as unknown as Contract;
  });
  const verify = (some: bigint[][], own: bigint[][], at = point): Promise<string> =>
    verifier.verifyBatch!(some, own, at);
  const refused = (sent: Promise<unknown>, error: string) =>
    expect(sent).to.be.revertedWithCustomError(verifier, error);

  it("accepts one and three valid proofs at one point, and answers with its selector", async () => {
    const { selector } = verifier.interface.getFunction("verifyBatch")!;
    expect(await verify(proofs, inputs)).to.equal(selector);
    expect(await verify(proofs.slice(1, 2), inputs.slice(1, 2))).to.equal(selector);
    await refused(verify(proofs, inputs, pointOf(key.key, marks.with(0, 1n), OWN)), "ProofInvalid");
  });

  it("refuses a batch of nothing, lists of different lengths, and proofs of each other's inputs", async () => {
    await refused(verify([], []), "BatchEmpty");
    await refused(verify(proofs, inputs.slice(1)), "BatchLengthsDiffer").withArgs(3, 2);
    await refused(verify([], inputs), "BatchLengthsDiffer").withArgs(0, 3);
    await refused(verify(proofs, [inputs[1]!, inputs[0]!, inputs[2]!]), "ProofInvalid");
  });

  it("V01: refuses every input + r, by its place in the batch", async () => {
    for (const [index, own] of inputs.entries()) {
      for (const [place, value] of own.entries()) {
        const wrong = inputs.with(index, own.with(place, value + FIELD_ORDER));
        await refused(verify(proofs, wrong), "InputNotCanonical").withArgs(OWN * index + place, value + FIELD_ORDER);
      }
    }
  });
});
