// SPDX-License-Identifier: GPL-3.0-or-later
// Real proofs where a proof is to be accepted; simulated keys for malformed keys and the sweep over gas.
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { type Contract, concat, dataLength, getBytes, keccak256, toBeHex } from "ethers";
import { deploy } from "../../prover/src/chain/deploy.ts";
import { proofWords } from "../../prover/src/chain/gate-calls.ts";
import { chainKey, deployedKeyHash } from "../../prover/src/chain/verifying-key.ts";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { commitFill } from "../../prover/src/model/commit.ts";
import { BOARD_SIZES, type BoardSize } from "../../prover/src/model/sizes.ts";
import { NO_TRANSFER, noFill } from "../../prover/src/model/transition.ts";
import { loadDeployableKey, loadVerificationKey, type VerificationKey } from "../../prover/src/node/artifacts.ts";
import { createProver, type Groth16Proof } from "../../prover/src/node/prover.ts";
import { buildStatement, encodeTransfer } from "../../prover/src/statement/account.ts";
import { ownSignalsOf, publicInputsOf } from "../../prover/src/statement/families.ts";
import { forgeWithoutContribution, withoutContribution } from "../support/forge.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { simulatedKey } from "../support/simulated.ts";
import { GateWorld, NOBODY } from "./gate-world.ts";
import { verifierOf } from "./markets.ts";
import { pointOf } from "./points.ts";
import { CASH, type Chain, call, createChain, deployable, parametersOf } from "./world.ts";

const Q = bn254.fields.Fp.ORDER;
const { Fp, Fp2 } = bn254.fields;

/** Arguments of `verify`. */
interface Given {
  proof: bigint[];
  inputs: bigint[];
  point: { x: bigint; y: bigint };
}

describe("account verifier", () => {
  const prover = createProver();
  let chain: Chain;
  const verifiers = new Map<BoardSize, Contract>();
  const valid = new Map<BoardSize, Given>();

  before(async function () {
    this.timeout(300_000);
    chain = await createChain();
    const signers = await chain.ethers.getSigners();
    const keys = await Promise.all(BOARD_SIZES.map((size) => loadVerificationKey(size)));
    const loaded = (await Promise.all(BOARD_SIZES.map((size) => loadDeployableKey(size)))).map((key) => key!);
    const deployed = await deploy({ deployer: signers[0]!, keys: loaded, parameters: parametersOf(signers) });
    for (const [size, verifier] of deployed.verifiers) verifiers.set(size, verifier);
    for (const [index, size] of BOARD_SIZES.entries()) {
      const request = randomRequest(seededRng(500 + index), size, { holds: true });
      const { proof } = await prover.prove(request);
      const signals = buildStatement(request).publicSignals;
      valid.set(size, {
        proof: proofWords(proof),
        inputs: signals.slice(0, 6),
        point: pointOf(keys[index]!.verificationKey, signals.slice(6)),
      });
    }
  });
  after(() => prover.close());

  const verify = (size: BoardSize, changed: Partial<Given> = {}): Promise<unknown> => {
    const { proof, inputs, point } = { ...valid.get(size)!, ...changed };
    return verifiers.get(size)!.verify!(proof, inputs, point);
  };
  const changedAt = (list: bigint[], index: number, value: bigint) => list.with(index, value);

  for (const size of BOARD_SIZES) {
    it(`accepts a real proof of a random account on ${size}, and refuses every change of an input`, async () => {
      await verify(size);
      const { inputs, point } = valid.get(size)!;
      for (const index of inputs.keys()) {
        const other = changedAt(inputs, index, (inputs[index]! + 1n) % FIELD_ORDER);
        await expect(verify(size, { inputs: other })).to.be.revertedWithCustomError(
          verifiers.get(size)!,
          "ProofInvalid",
        );
      }
      const moved = bn254.G1.Point.fromAffine(point).add(bn254.G1.Point.BASE).toAffine();
      await expect(verify(size, { point: moved })).to.be.revertedWithCustomError(verifiers.get(size)!, "ProofInvalid");
    });
  }

  it("C10: refuses a proof made with another size's key", async () => {
    const { inputs, point } = valid.get("board-60")!;
    const { proof } = valid.get("board-240")!;
    for (const given of [{ proof }, { proof, inputs, point }]) {
      await expect(verify("board-60", given)).to.be.revertedWithCustomError(verifiers.get("board-60")!, "ProofInvalid");
    }
  });

  it("V01: refuses every public input + r, and every coordinate + q, by name and place", async () => {
    const verifier = verifiers.get("board-60")!;
    const { proof, inputs, point } = valid.get("board-60")!;
    for (const index of inputs.keys()) {
      for (const value of [inputs[index]! + FIELD_ORDER, FIELD_ORDER, (1n << 256n) - 1n]) {
        await expect(verify("board-60", { inputs: changedAt(inputs, index, value) }))
          .to.be.revertedWithCustomError(verifier, "InputNotCanonical")
          .withArgs(index, value);
      }
    }
    for (const index of proof.keys()) {
      for (const value of [proof[index]! + Q, Q, (1n << 256n) - 1n]) {
        await expect(verify("board-60", { proof: changedAt(proof, index, value) }))
          .to.be.revertedWithCustomError(verifier, "CoordinateNotCanonical")
          .withArgs(index, value);
      }
    }
    await expect(verify("board-60", { point: { ...point, x: point.x + Q } })).to.be.revertedWithCustomError(
      verifier,
      "PrecompileFailed",
    );
  });

  it("V08: refuses the zero proof and points at infinity", async () => {
    const verifier = verifiers.get("board-60")!;
    const { proof } = valid.get("board-60")!;
    await expect(verify("board-60", { proof: new Array<bigint>(8).fill(0n) })).to.be.revertedWithCustomError(
      verifier,
      "ProofPointAtInfinity",
    );
    for (const [point, words] of [
      [0, [0, 1]],
      [1, [2, 3, 4, 5]],
      [2, [6, 7]],
    ] as const) {
      const zeroed = proof.map((word, index) => ((words as readonly number[]).includes(index) ? 0n : word));
      await expect(verify("board-60", { proof: zeroed }))
        .to.be.revertedWithCustomError(verifier, "ProofPointAtInfinity")
        .withArgs(point);
    }
  });

  it("V08: refuses points off the curve and off the subgroup", async () => {
    const verifier = verifiers.get("board-60")!;
    const { proof } = valid.get("board-60")!;
    for (const index of proof.keys()) {
      const off = changedAt(proof, index, (proof[index]! + 1n) % Q);
      await expect(verify("board-60", { proof: off })).to.be.revertedWithCustomError(verifier, "PrecompileFailed");
    }
    const [xi, xr, yi, yr] = outsideSubgroup();
    const outside = [...proof.slice(0, 2), xi, xr, yi, yr, ...proof.slice(6)];
    await expect(verify("board-60", { proof: outside })).to.be.revertedWithCustomError(verifier, "PrecompileFailed");
    const flipped = changedAt(proof, 1, Q - proof[1]!);
    await expect(verify("board-60", { proof: flipped })).to.be.revertedWithCustomError(verifier, "ProofInvalid");
  });

  it("V06: with too little gas it reverts, and never calls the proof invalid", async () => {
    const verifier = verifiers.get("board-60")!;
    const { proof, inputs, point } = valid.get("board-60")!;
    const data = verifier.interface.encodeFunctionData("verify", [proof, inputs, point]);
    const limiter = await chain.ethers.deployContract("GasLimiter");
    const invalid = verifier.interface.getError("ProofInvalid")!.selector;
    let accepted = 0;
    for (let gas = 1_000; gas <= 600_000; gas += gas < 260_000 ? 4_001 : 40_001) {
      const [ok, answer] = await limiter.call!.staticCall(verifier, gas, data);
      if (ok) accepted++;
      else expect(answer.slice(0, 10)).not.to.equal(invalid);
      expect(ok, `${gas} gas`).to.equal(gas > 227_000);
    }
    expect(accepted).to.be.greaterThan(5);
  });

  it("G31: a proof whose signals are all different holds by its own place for each, and by no exchange of two", async () => {
    const key = simulatedKey("board-60", 31n);
    const [deployer] = await chain.ethers.getSigners();
    const deployed = await deploy({
      deployer: deployer!,
      keys: [deployable(key)],
      parameters: parametersOf(await chain.ethers.getSigners()),
    });
    const verifier = deployed.verifiers.get("board-60")!;
    const signals = Array.from({ length: publicInputsOf("board-60") }, (_, index) => 1000n + BigInt(index * index));
    const proof = proofWords(key.prove(signals) as Groth16Proof);
    const point = pointOf(key.key, signals.slice(6));
    const inputs = signals.slice(0, 6);
    await verifier.verify!(proof, inputs, point);
    for (let left = 0; left < 6; left++) {
      for (let right = left + 1; right < 6; right++) {
        const exchanged = inputs.with(left, inputs[right]!).with(right, inputs[left]!);
        await expect(verifier.verify!(proof, exchanged, point)).to.be.revertedWithCustomError(verifier, "ProofInvalid");
      }
    }
    // The same key with the points of two own signals exchanged is another verifier.
    for (const [left, right] of [
      [1, 2],
      [3, 6],
    ] as const) {
      const { IC } = key.key;
      const ic = { ...key.key, IC: IC.with(left, IC[right]!).with(right, IC[left]!) };
      const laid = chainKey(ic, 6, key.linkKeyFile);
      const other = await chain.ethers.deployContract("AccountVerifier", [60, laid.key, laid.hash]);
      await expect(other.verify!(proof, inputs, point)).to.be.revertedWithCustomError(other, "ProofInvalid");
    }
  });

  for (const circuit of ["lot-60", "round-60-3", "round-60-15", "settlement-60"] as const) {
    it(`G31: so does one of ${circuit}, with so many own signals as that has`, async () => {
      const key = simulatedKey(circuit, 5n);
      const verifier = await verifierOf(chain, key);
      const own = ownSignalsOf(circuit).length;
      const signals = Array.from({ length: publicInputsOf(circuit) }, (_, index) => 77n + BigInt(index) ** 3n);
      const proof = proofWords(key.prove(signals) as Groth16Proof);
      const point = pointOf(key.key, signals.slice(own), own);
      const inputs = signals.slice(0, own);
      await verifier.verify!(proof, inputs, point);
      for (const changed of [inputs.toReversed(), inputs.with(own - 1, inputs[0]!), inputs.with(0, 1n)]) {
        await expect(verifier.verify!(proof, changed, point)).to.be.revertedWithCustomError(verifier, "ProofInvalid");
      }
      await expect(verifier.verify!(proof, inputs.with(1, FIELD_ORDER), point))
        .to.be.revertedWithCustomError(verifier, "InputNotCanonical")
        .withArgs(1, FIELD_ORDER);
    });
  }

  it("a round's verifier takes as many inputs as its members ask for, and is for 2 to 15", async () => {
    const key = simulatedKey("round-60-3", 5n);
    const verifier = await verifierOf(chain, key);
    const { proof, point } = valid.get("board-60")!;
    for (const length of [0, 7, 9]) {
      await expect(verifier.verify!(proof, new Array(length).fill(1n), point))
        .to.be.revertedWithCustomError(verifier, "InputsWrong")
        .withArgs(8, length);
    }
    for (const members of [0, 1, 16]) {
      const own = 2 * members + 2;
      const IC = Array.from({ length: own + 1 }, () => key.key.IC[0]!);
      const link = Uint8Array.from(key.linkKeyFile);
      const signals = publicInputsOf("round-60-3") - 8 + own;
      link.set(getBytes(toBeHex(signals, 32)), 64);
      link.set(getBytes(toBeHex(own + 1, 32)), 96);
      const { hash, key: laid } = chainKey({ ...key.key, IC }, own, link);
      await expect(chain.ethers.deployContract("RoundVerifier", [60, members, laid, hash]))
        .to.be.revertedWithCustomError(verifier, "MembersRefused")
        .withArgs(members);
    }
    const { hash, key: laid } = chainKey(key.key, 8, key.linkKeyFile);
    await expect(chain.ethers.deployContract("RoundVerifier", [60, 4, laid, hash])).to.be.revertedWithCustomError(
      verifier,
      "KeyLengthWrong",
    );
  });
});

describe("deployment of a verifier", () => {
  let chain: Chain;
  const simulated = simulatedKey("board-60");

  before(async () => {
    chain = await createChain();
  });

  const create = (key: string, hash: string, instruments = 60) =>
    chain.ethers.deployContract("AccountVerifier", [instruments, key, hash]);
  const laid = (key: VerificationKey, link = simulated.linkKeyFile) => chainKey(key, 6, link);
  const refused = (key: VerificationKey, link?: Uint8Array<ArrayBuffer>) => {
    const { hash, key: bytes } = laid(key, link);
    return expect(create(bytes, hash));
  };
  const interfaceOf = () => chain.ethers.getContractFactory("AccountVerifier");

  it("S03: refuses a key with another hash, with one byte changed, shorter or longer", async () => {
    const { hash, key } = laid(simulated.key);
    const factory = await interfaceOf();
    const flipped = `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
    await expect(create(key, toBeHex(1, 32))).to.be.revertedWithCustomError(factory, "KeyHashWrong");
    await expect(create(flipped, hash)).to.be.revertedWithCustomError(factory, "KeyHashWrong");
    for (const other of [key.slice(0, -2), `${key}00`, "0x"]) {
      await expect(create(other, keccak256(other))).to.be.revertedWithCustomError(factory, "KeyLengthWrong");
    }
    await expect(create(key, hash, 61)).to.be.revertedWithCustomError(factory, "SizeUnknown");
  });

  it("works out of a key what its page holds behind it: the head of no transfer and no fill, and multiples of the terms", async () => {
    const { hash, key } = laid(simulated.key);
    const page = (await (await create(key, hash)).page!()) as string;
    const usual = [0n, 0n, encodeTransfer(NO_TRANSFER), commitFill(noFill("board-60")), 0n, 0n];
    const [first, ...ics] = simulated.key.IC.map(([x, y]) =>
      bn254.G1.Point.fromAffine({ x: BigInt(x!), y: BigInt(y!) }),
    );
    const head = usual.reduce(
      (sum, value, index) => (value === 0n ? sum : sum.add(ics[index]!.multiply(value))),
      first!,
    );
    const multiples = Array.from({ length: 11 }, (_, pair) => [1n, 2n, 3n].map((digit) => digit << BigInt(2 * pair)));
    const words = (point: typeof head) => [point.toAffine().x, point.toAffine().y];
    const negated = usual.map((value) => (value === 0n ? 0n : FIELD_ORDER - value));
    const derived = [
      ...words(head),
      ...negated,
      ...multiples.flat().flatMap((times) => words(ics[4]!.multiply(times))),
    ].map((word) => toBeHex(word, 32));
    expect(await chain.ethers.provider.getCode(page)).to.equal(concat(["0x00", key, ...derived]));
  });

  it("V01: usual and narrow signals count as any other: at their edges, by their place, for themselves alone", async () => {
    const { hash, key } = laid(simulated.key);
    const verifier = await create(key, hash);
    const shared = new Array<bigint>(publicInputsOf("board-60") - 6).fill(3n);
    const point = pointOf(simulated.key, shared);
    const [none, empty] = [encodeTransfer(NO_TRANSFER), commitFill(noFill("board-60"))];
    const lists = [
      ...[0n, 1n, 2n, 3n, 4n, 0x1b1b1bn, (1n << 22n) - 1n, 1n << 22n, (1n << 22n) + 1n, FIELD_ORDER - 1n].map(
        (terms) => [...[5n, 6n, none, empty], terms, 9n],
      ),
      [5n, 6n, 0n, 0n, 15_000n, 0n],
      [5n, 6n, none + 1n, empty - 1n, 15_000n, 9n],
      [none, empty, empty, none, 15_000n, 9n],
      [0n, 0n, 0n, 0n, 0n, 0n],
    ];
    const proofs = lists.map((own) => proofWords(simulated.prove([...own, ...shared]) as Groth16Proof));
    for (const [index, own] of lists.entries()) {
      await verifier.verify!(proofs[index], own, point);
      for (const [other, changed] of lists.entries()) {
        if (other === index) continue;
        await expect(verifier.verify!(proofs[index], changed, point)).to.be.revertedWithCustomError(
          verifier,
          "ProofInvalid",
        );
      }
    }
    await verifier.verifyBatch!(proofs, lists, point);
    await expect(verifier.verifyBatch!(proofs, lists.toReversed(), point)).to.be.revertedWithCustomError(
      verifier,
      "ProofInvalid",
    );
  });

  it("V20: refuses a link key of another circuit's shape, that is none, or whose secrets anybody knows", async () => {
    const factory = await interfaceOf();
    const { key, linkKeyFile } = simulated;
    const changed = (word: number, bytes: Uint8Array) => {
      const file = Uint8Array.from(linkKeyFile);
      file.set(bytes, 32 * word);
      return file;
    };
    const number = (value: number) => getBytes(toBeHex(value, 32));
    for (const [word, value] of [
      [0, 1],
      [2, publicInputsOf("board-60") - 1],
      [3, 6],
    ] as const) {
      await refused(key, changed(word, number(value))).to.be.revertedWithCustomError(factory, "LinkShapeWrong");
    }
    // Of the other size of board.
    const { hash, key: bytes } = laid(key);
    await expect(create(bytes, hash, 240)).to.be.revertedWithCustomError(factory, "LinkShapeWrong");
    const k2AsK1 = changed(8, linkKeyFile.slice(32 * 4, 32 * 8));
    await refused(key, k2AsK1).to.be.revertedWithCustomError(factory, "LinkKeyRefused");
    const none = changed(4, new Uint8Array(128));
    await refused(key, none).to.be.revertedWithCustomError(factory, "LinkKeyRefused");
  });

  it("V06: with too little gas for the page of its key nothing is deployed, and that is said", async () => {
    const { hash, key } = laid(simulated.key);
    const factory = await interfaceOf();
    const enough = await chain.ethers.provider.estimateGas(await factory.getDeployTransaction(60, key, hash));
    const said: bigint[] = [];
    for (let part = 1n; part < 32n; part++) {
      const made = chain.ethers.deployContract("AccountVerifier", [60, key, hash], { gasLimit: (enough * part) / 32n });
      await refusal(made);
      const named = expect(made).to.be.revertedWithCustomError(factory, "PageMalformed").withArgs(NOBODY);
      await named.then(
        () => said.push(part),
        () => {},
      );
    }
    expect(said).to.have.length.above(0);
  });

  it("S03: deploys nothing where the key is not the one its manifest names", async () => {
    const signers = await chain.ethers.getSigners();
    const named = deployable(simulated);
    for (const key of [
      { ...named, verificationKeyFile: Uint8Array.from([...named.verificationKeyFile, 32]) },
      { ...named, verificationKeyFile: deployable(simulatedKey("board-60", 2n)).verificationKeyFile },
    ]) {
      const nonce = await signers[0]!.getNonce();
      const error = await refusal(deploy({ deployer: signers[0]!, keys: [key], parameters: parametersOf(signers) }));
      expect(error).to.have.property("code", "ARTIFACT_HASH");
      expect(await signers[0]!.getNonce()).to.equal(nonce);
    }
  });

  it("S03: reads a key back from the code of its page, and stops where it is another", async () => {
    const signers = await chain.ethers.getSigners();
    const { hash, key } = laid(simulated.key);
    const { provider } = chain.ethers;
    const page = (await (await create(key, hash)).page!()) as string;
    const bytes = dataLength(key);
    expect(await deployedKeyHash(provider, page, bytes)).to.equal(hash);
    expect(await deployedKeyHash(provider, page, bytes - 1)).not.to.equal(hash);
    expect(await deployedKeyHash(provider, page, 1 << 20)).not.to.equal(hash);
    expect(await deployedKeyHash(provider, signers[0]!.address, bytes)).not.to.equal(hash);
    // A node that answers with other code than was sent.
    const change = <T extends object>(whole: T, name: string, part: unknown): T =>
      new Proxy(whole, {
        get(_, key) {
          if (key === name) return part;
          const value: unknown = Reflect.get(whole, key, whole);
          return typeof value === "function" ? (value.bind(whole) as unknown) : value;
        },
      });
    const lying = change(
      signers[0]!,
      "provider",
      change(signers[0]!.provider!, "getCode", async () => "0x00ff"),
    );
    const error = await refusal(
      deploy({ deployer: lying, keys: [deployable(simulated)], parameters: parametersOf(signers) }),
    );
    expect(error).to.have.property("code", "KEY_REFUSED");
  });

  it("S04: deploys a development key or one of a rehearsal on local chains only, a key of a ceremony anywhere", async () => {
    const main = await createChain(1);
    const signers = await main.ethers.getSigners();
    const key = deployable(simulated);
    const at = { deployer: signers[0]!, parameters: parametersOf(signers) };
    for (const origin of ["development", "rehearsal"] as const) {
      const error = await refusal(deploy({ ...at, keys: [{ ...key, identity: { ...key.identity, origin } }] }));
      expect(error).to.have.property("code", "KEY_REFUSED");
    }
    expect(await signers[0]!.getNonce()).to.equal(0);
    await deploy({ ...at, keys: [{ ...key, identity: { ...key.identity, origin: "ceremony" } }] });
  });

  it("V08: refuses key points at infinity, unreduced, off the curve and off the subgroup", async () => {
    const factory = await interfaceOf();
    const { key } = simulated;
    const zero2 = [
      ["0", "0"],
      ["0", "0"],
      ["1", "0"],
    ]; // prettier-ignore
    const [xi, xr, yi, yr] = outsideSubgroup().map(String) as [string, string, string, string];
    const ic = (index: number, point: string[]) => ({ ...key, IC: key.IC.with(index, point) });
    for (const bad of [
      { ...key, vk_alpha_1: ["0", "0", "1"] },
      ic(0, ["1", "3", "1"]),
      ic(6, ["0", "0", "1"]),
      ic(3, [`${BigInt(key.IC[3]![0]!) + Q}`, key.IC[3]![1]!, "1"]),
      { ...key, vk_beta_2: zero2 },
      { ...key, vk_gamma_2: zero2 },
      { ...key, vk_delta_2: zero2 },
    ]) {
      await refused(bad).to.be.revertedWithCustomError(factory, "KeyPointRefused");
    }
    for (const name of ["vk_beta_2", "vk_gamma_2", "vk_delta_2"] as const) {
      const outside = {
        ...key,
        [name]: [
          [xr, xi],
          [yr, yi],
          ["1", "0"],
        ],
      }; // prettier-ignore
      await refused(outside).to.be.revertedWithCustomError(factory, "PrecompileFailed");
      const unreduced = structuredClone(key);
      unreduced[name][0]![0] = `${BigInt(key[name][0]![0]!) + Q}`;
      await refused(unreduced).to.be.revertedWithCustomError(factory, "PrecompileFailed");
    }
  });

  it("V08: names the key point that is refused, one with an unreduced y among them", async () => {
    const factory = await interfaceOf();
    const { key } = simulated;
    const [x, y] = key.IC[3]!;
    const [alphaX, alphaY] = key.vk_alpha_1;
    const refusals: [VerificationKey, number][] = [
      [{ ...key, IC: key.IC.with(3, [x!, `${BigInt(y!) + Q}`, "1"]) }, 10],
      [{ ...key, vk_alpha_1: [alphaX!, `${BigInt(alphaY!) + Q}`, "1"] }, 0],
    ];
    for (const [bad, entry] of refusals) {
      await refused(bad).to.be.revertedWithCustomError(factory, "KeyPointRefused").withArgs(entry);
    }
  });

  it("V09: a proof of anything can be forged where gamma = delta, and no such key is deployed", async () => {
    const { verificationKey } = await loadVerificationKey("board-60");
    const key = withoutContribution(verificationKey);
    const rng = seededRng(9);
    const signals = Array.from({ length: publicInputsOf("board-60") }, () => rng.below(FIELD_ORDER));
    const forged = forgeWithoutContribution(key, signals);
    // The verifier's own equation, put to the precompile.
    expect(await pairingSays(key, forged as Groth16Proof, signals)).to.equal(1n);
    expect(await pairingSays(verificationKey, forged as Groth16Proof, signals)).to.equal(0n);
    const factory = await interfaceOf();
    await refused(key).to.be.revertedWithCustomError(factory, "KeyWithoutSecondPhase");
    const [x, y, z] = key.vk_gamma_2;
    const minus = { ...key, vk_delta_2: [x!, y!.map((part) => `${Q - BigInt(part)}`), z!] };
    await refused(minus).to.be.revertedWithCustomError(factory, "KeyWithoutSecondPhase");
  });

  async function pairingSays(key: VerificationKey, proof: Groth16Proof, signals: bigint[]): Promise<bigint> {
    const G1 = bn254.G1.Point;
    const ic0 = { x: BigInt(key.IC[0]![0]!), y: BigInt(key.IC[0]![1]!) };
    const sum = G1.fromAffine(pointOf(key, signals, 0))
      .add(G1.fromAffine(ic0))
      .toAffine();
    const words = proofWords(proof);
    const g2 = ([x, y]: string[][]) => [x![1]!, x![0]!, y![1]!, y![0]!].map(BigInt);
    const input = [
      words[0]!,
      Q - words[1]!,
      ...words.slice(2, 6),
      ...key.vk_alpha_1.slice(0, 2).map(BigInt),
      ...g2(key.vk_beta_2),
      sum.x,
      sum.y,
      ...g2(key.vk_gamma_2),
      words[6]!,
      words[7]!,
      ...g2(key.vk_delta_2),
    ]; // prettier-ignore
    const data = concat(input.map((word) => toBeHex(word, 32)));
    return BigInt(await chain.ethers.provider.call({ to: toBeHex(8, 20), data }));
  }

  it("V07: routes to contracts that answer as verifiers of known sizes and families, one for each", async () => {
    const factory = await chain.ethers.getContractFactory("VerifierRouter");
    const [account] = await chain.ethers.getSigners();
    const route = (...verifiers: unknown[]) => chain.ethers.deployContract("VerifierRouter", [verifiers]);
    await expect(route(account)).to.be.revertedWithCustomError(factory, "VerifierRefused").withArgs(account!.address);
    for (const length of [0, 31]) {
      await expect(route(await chain.ethers.deployContract("Answerer", [length]))).to.be.revert(chain.ethers);
    }
    for (const length of [32, 64]) {
      await expect(route(await chain.ethers.deployContract("Answerer", [length]))).to.be.revertedWithCustomError(
        factory,
        "SizeUnknown",
      );
    }
    // Nor of another number of signals than its circuit has, or of a circuit that there is none of.
    for (const [family, own] of [
      [1, 7],
      [2, 6],
      [259, 6],
      [4, 6],
      [256, 2],
    ]) {
      const liar = await chain.ethers.deployContract("FalseVerifier", [60, family, own]);
      await expect(route(liar))
        .to.be.revertedWithCustomError(factory, "VerifierRefused")
        .withArgs(await liar.getAddress());
    }
    const { hash, key } = laid(simulated.key);
    const accounts = await create(key, hash);
    const others = await Promise.all(
      (["settlement-60", "lot-60", "round-60-3"] as const).map((circuit) => verifierOf(chain, simulatedKey(circuit))),
    );
    await expect(route(accounts, accounts)).to.be.revertedWithCustomError(factory, "VerifierTaken").withArgs(60, 1);
    // Every size has accounts.
    await expect(route(others[0])).to.be.revertedWithCustomError(factory, "VerifierMissing").withArgs(60, 1);
    const router = await route(accounts, ...others);
    for (const [index, family] of [1n, 2n, 3n, 259n].entries()) {
      expect(await router.verifierOf!(60, family)).to.equal(await [accounts, ...others][index]!.getAddress());
      expect(await router.has!(60, family)).to.equal(true);
    }
    expect(await router.familiesOf!(60)).to.deep.equal([1n, 2n, 3n, 259n]);
    expect(await router.familiesOf!(240)).to.deep.equal([]);
    await expect(router.verifierOf!(240, 1)).to.be.revertedWithCustomError(factory, "VerifierMissing").withArgs(240, 1);
    await expect(router.verifierOf!(60, 271)).to.be.revertedWithCustomError(factory, "VerifierMissing");
  });

  it("V07: oracle and gate refuse to stand on an address without code", async () => {
    const [account] = await chain.ethers.getSigners();
    await expect(
      chain.ethers.deployContract("PriceOracle", [account, account, [account], 1]),
    ).to.be.revertedWithCustomError(await chain.ethers.getContractFactory("PriceOracle"), "RegistryRefused");
    const libraries = { Vault: await chain.ethers.deployContract("Vault") };
    await expect(
      chain.ethers.deployContract("MarginGate", [account, 1, 60, false], { libraries }),
    ).to.be.revertedWithCustomError(
      await chain.ethers.getContractFactory("MarginGate", { libraries }),
      "MarketRefused",
    );
  });

  it("V07: a verifier that has no code, or answers in other lengths or words, lets no step through", async () => {
    const world = await GateWorld.create();
    const holder = await world.holder(10);
    const ready = await holder.absorption(CASH, 1n);
    await call(holder.gate, "deposit", holder.id, holder.owner.address, CASH, 1n);
    const absorb = () => holder.gate.absorb!(ready.step, CASH, 1n, false);
    const at = await world.verifier.getAddress();
    const own = await world.ethers.provider.getCode(at);
    const setCode = (code: string) => world.chain.provider.request({ method: "hardhat_setCode", params: [at, code] });
    const codes = ["0x"];
    for (const length of [0, 31, 32, 64]) {
      const answerer = await world.ethers.deployContract("Answerer", [length]);
      codes.push(await world.ethers.provider.getCode(answerer));
    }
    for (const code of codes) {
      await setCode(code);
      await expect(absorb()).to.be.revert(world.ethers);
    }
    await setCode(own);
    await absorb();
  });
});

/** A point on the twist that is not in the subgroup: imaginary and real parts of x and y. */
function outsideSubgroup(): [bigint, bigint, bigint, bigint] {
  const b = Fp2.mulByB(Fp2.ONE);
  for (let c0 = 1n; ; c0++) {
    const x = Fp2.create({ c0, c1: 1n });
    const y2 = Fp2.add(Fp2.mul(Fp2.sqr(x), x), b);
    try {
      const y = Fp2.sqrt(y2);
      if (Fp.is0(y.c0) && Fp.is0(y.c1)) continue;
      return [x.c1, x.c0, y.c1, y.c0];
    } catch {
      // Not a square: the next x.
    }
  }
}

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("expected a refusal");
    },
    (error: unknown) => error,
  );
}
