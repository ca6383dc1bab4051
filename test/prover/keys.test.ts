// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import * as snarkjs from "snarkjs";
import { curves, groth16 } from "snarkjs";
import { PlimsollError } from "../../prover/src/errors.ts";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { type DevelopmentKey, makeDevelopmentKey, trapdoorFrom } from "../../prover/src/keys/development.ts";
import type { VerificationKey } from "../../prover/src/node/artifacts.ts";
import { forgeWithoutContribution, forgeWithTrapdoor, withoutContribution } from "../support/forge.ts";
import { compileSmall, SMALL_INPUT, SMALL_SOURCE, squareR1cs } from "../support/small-circuit.ts";

/** What only this test uses of snarkjs. */
type Memory = { type: "mem"; data?: Uint8Array };
const { wtns, zKey, powersOfTau } = snarkjs as unknown as {
  wtns: { calculate(input: object, wasm: Uint8Array, witness: Memory): Promise<void> };
  zKey: {
    exportVerificationKey(zkey: Memory): Promise<object>;
    newZKey(r1cs: Memory, powers: Memory, zkey: Memory): Promise<unknown>;
  };
  powersOfTau: {
    newAccumulator(curve: unknown, power: number, file: Memory): Promise<unknown>;
    preparePhase2(from: Memory, to: Memory): Promise<unknown>;
  };
};

const TRAPDOOR = trapdoorFrom(Buffer.from("keys.test"));

describe("development keys", () => {
  let r1cs: Uint8Array;
  let witness: Uint8Array;
  let key: DevelopmentKey;
  let verificationKey: VerificationKey;
  const memory = (data: Uint8Array): Memory => ({ type: "mem", data });
  const prove = (zkey: Uint8Array, values = witness) => groth16.prove(memory(zkey), memory(values));

  before(async () => {
    const circuit = await compileSmall(SMALL_SOURCE);
    r1cs = circuit.r1cs;
    const made: Memory = { type: "mem" };
    await wtns.calculate(SMALL_INPUT, circuit.wasm, made);
    witness = made.data!;
    key = await makeDevelopmentKey(r1cs, TRAPDOOR);
    verificationKey = JSON.parse(key.verificationKey);
  });
  after(async () => (await curves.getCurveFromName("bn128")).terminate());

  it("snarkjs proves with the key and accepts the proof, for the public inputs proven and no others", async () => {
    const { proof, publicSignals } = await prove(key.zkey);
    expect(publicSignals.slice(1)).to.deep.equal(["5", "8"]);
    expect(await groth16.verify(verificationKey, publicSignals, proof)).to.equal(true);
    for (const i of publicSignals.keys()) {
      const other = publicSignals.with(i, String(BigInt(publicSignals[i]!) + 1n));
      expect(await groth16.verify(verificationKey, other, proof), `signal ${i}`).to.equal(false);
    }
  });

  it("a witness with any one value changed gives no proof that verifies", async () => {
    const valuesAt = witness.length - 32 * Number(new DataView(witness.buffer, witness.byteOffset).getUint32(60, true));
    for (let at = valuesAt + 32; at < witness.length; at += 32) {
      if (at === valuesAt + 3 * 32) continue; // the public input that nothing constrains
      const wrong = Uint8Array.from(witness);
      wrong[at]! ^= 1;
      const { proof, publicSignals } = await prove(key.zkey, wrong);
      expect(await groth16.verify(verificationKey, publicSignals, proof)).to.equal(false);
    }
  });

  it("the verification key is the one that snarkjs exports, and gamma, delta and the generator all differ", async () => {
    expect(verificationKey).to.deep.equal(await zKey.exportVerificationKey(memory(key.zkey)));
    const { gamma, delta } = TRAPDOOR;
    expect(new Set([0n, 1n, gamma, delta]).size).to.equal(4);
    expect(verificationKey.vk_gamma_2).to.not.deep.equal(verificationKey.vk_delta_2);
  });

  it("sections are those of snarkjs's own key of the circuit: sizes and order alike, matrices to the byte", async () => {
    const [powers, prepared, theirs]: Memory[] = [{ type: "mem" }, { type: "mem" }, { type: "mem" }];
    await powersOfTau.newAccumulator(await curves.getCurveFromName("bn128"), 5, powers!);
    await powersOfTau.preparePhase2(powers!, prepared!);
    await zKey.newZKey(memory(r1cs), prepared!, theirs!);
    const [mine, expected] = [sections(key.zkey), sections(theirs!.data!)];
    expect(mine.map(([id, content]) => [id, content.length])).to.deep.equal(
      expected.map(([id, content]) => [id, content.length]),
    );
    const matrices = (all: typeof mine) => Buffer.from(all.find(([id]) => id === 4)![1]).toString("hex");
    expect(matrices(mine)).to.equal(matrices(expected));
  });

  it("the same seed gives the same bytes, another seed another key", async () => {
    const again = await makeDevelopmentKey(r1cs, trapdoorFrom(Buffer.from("keys.test")));
    expect(Buffer.compare(again.zkey, key.zkey)).to.equal(0);
    expect(again.verificationKey).to.equal(key.verificationKey);
    const other = await makeDevelopmentKey(r1cs, trapdoorFrom(Buffer.from("another")));
    expect(other.verificationKey).to.not.equal(key.verificationKey);
  });

  it("V09: under a key with gamma = delta anybody proves anything, and snarkjs accepts it", async () => {
    const other = trapdoorFrom(Buffer.from("weak"));
    const weak = await makeDevelopmentKey(r1cs, { ...other, gamma: other.delta });
    const weakKey: VerificationKey = JSON.parse(weak.verificationKey);
    const honest = await prove(weak.zkey);
    expect(await groth16.verify(weakKey, honest.publicSignals, honest.proof)).to.equal(true);
    const lie = [1234n, 0n, FIELD_ORDER - 1n];
    for (const blinding of [1n, 77n]) {
      const forged = forgeWithoutContribution(weakKey, lie, blinding);
      expect(await groth16.verify(weakKey, lie.map(String), forged)).to.equal(true);
      expect(await groth16.verify(verificationKey, lie.map(String), forged)).to.equal(false);
    }
    const untouched = withoutContribution(verificationKey);
    const forged = forgeWithoutContribution(untouched, lie);
    expect(await groth16.verify(untouched, lie.map(String), forged)).to.equal(true);
  });

  it("whoever knows the trapdoor proves anything under a sound key", async () => {
    const lie = [99n, 1n, 2n];
    const forged = forgeWithTrapdoor(verificationKey, TRAPDOOR, lie);
    expect(await groth16.verify(verificationKey, lie.map(String), forged)).to.equal(true);
    expect(await groth16.verify(verificationKey, ["99", "1", "3"], forged)).to.equal(false);
    const guess = forgeWithTrapdoor(verificationKey, { ...TRAPDOOR, delta: TRAPDOOR.delta + 1n }, lie);
    expect(await groth16.verify(verificationKey, lie.map(String), guess)).to.equal(false);
  });

  it("S02: a circuit with one coefficient changed has another key, and proves nothing under the first", async () => {
    const circuit = await compileSmall(SMALL_SOURCE.replace("9 * a", "8 * a"));
    const other = await makeDevelopmentKey(circuit.r1cs, TRAPDOOR);
    expect(other.verificationKey).to.not.equal(key.verificationKey);
    const made: Memory = { type: "mem" };
    await wtns.calculate(SMALL_INPUT, circuit.wasm, made);
    const { proof, publicSignals } = await prove(other.zkey, made.data!);
    expect(await groth16.verify(JSON.parse(other.verificationKey), publicSignals, proof)).to.equal(true);
    expect(await groth16.verify(verificationKey, publicSignals, proof)).to.equal(false);
  });

  it("refuses files that are not a complete r1cs over this field", async () => {
    const good = squareR1cs(2);
    expect((await makeDevelopmentKey(good, TRAPDOOR)).zkey.length).to.be.greaterThan(0);
    const edited = (at: number, value: number) => {
      const copy = Uint8Array.from(good);
      copy[at] = value;
      return copy;
    };
    const bad: [string, Uint8Array][] = [
      ["empty", new Uint8Array()],
      ["mark", edited(0, 0x51)],
      ["version", edited(4, 2)],
      ["prime", edited(28, 0)],
      ["wire number", edited(good.length - 36, 99)],
      ["term count", edited(good.length - 40, 2)],
      ["truncated", good.subarray(0, good.length - 1)],
    ];
    for (const [what, file] of bad) {
      const error = await makeDevelopmentKey(file, TRAPDOOR).then(
        () => undefined,
        (thrown) => thrown,
      );
      expect(error, what).to.be.instanceOf(PlimsollError).with.property("code", "FIELD_INVALID");
    }
  });
});

/** Sections of an iden3 binary file in the order of the file. */
function sections(file: Uint8Array): [id: number, content: Uint8Array][] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const found: [number, Uint8Array][] = [];
  for (let at = 12; at < file.length; ) {
    const length = Number(view.getBigUint64(at + 4, true));
    found.push([view.getUint32(at, true), file.subarray(at + 12, at + 12 + length)]);
    at += 12 + length;
  }
  return found;
}
