// SPDX-License-Identifier: GPL-3.0-or-later
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { loadAddon, nativeBatchCore } from "../../prover/src/node/native.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { type BatchCore, verifyBatch } from "../../prover/src/verify/batch.ts";
import { compressProof, type PlainProof } from "../../prover/src/verify/compressed.ts";
import { createVerifier, type Verifier } from "../../prover/src/verify/verifier.ts";
import { MUTATIONS } from "../soundness/lab/differential.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { simulatedKey } from "../support/simulated.ts";
import { skip } from "../support/skip.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SIZE = "board-60";
const KEY = simulatedKey(SIZE);
const verifier = createVerifier(KEY.file, KEY.identity);

/** A proof of signals of which the first says which proof it is and the last which market. */
function item(number: number, market = 1) {
  const signals = Array.from({ length: KEY.key.nPublic }, (_, index) => BigInt(index * market));
  signals[0] = BigInt(number);
  return { publicSignals: signals.map(String), proof: KEY.prove(signals) };
}

/** An item whose proof is in 128 bytes. */
const compressed = ({ publicSignals, proof }: ReturnType<typeof item>) => ({
  publicSignals,
  proof: compressProof(proof as PlainProof),
});

/** The strict verifier, and how many proofs it was asked. */
function counting(): { strict: Verifier; asked: () => number } {
  let count = 0;
  const verify: Verifier["verify"] = (...given) => {
    count++;
    return verifier.verify(...given);
  };
  return { strict: { ...verifier, verify }, asked: () => count };
}

/** A coordinate pair moved by a multiple of the generator. */
function moved([x, y]: readonly string[], by: bigint): [string, string, string] {
  const G1 = bn254.G1.Point;
  const step = G1.BASE.multiply(by < 0n ? -by : by);
  const point = G1.fromAffine({ x: BigInt(x!), y: BigInt(y!) }).add(by < 0n ? step.negate() : step);
  const affine = point.toAffine();
  return [`${affine.x}`, `${affine.y}`, "1"];
}

describe("batches of proofs", () => {
  let core: BatchCore;
  before(function () {
    const native = loadAddon();
    if (native.addon === undefined) return skip(this, "no native prover");
    core = nativeBatchCore(native);
  });

  it("all hold, of one market or of several: none is left to the strict verifier", async function () {
    this.timeout(20_000);
    const { strict, asked } = counting();
    const items = Array.from({ length: 70 }, (_, index) => item(index, 1 + (index % 2)));
    const verdicts = await verifyBatch(strict, items, { core });
    expect(verdicts).deep.equal(items.map(({ publicSignals }) => ({ ok: true, signals: publicSignals.map(BigInt) })));
    expect(asked()).equal(0);
    expect(await verifyBatch(strict, [], { core })).deep.equal([]);
  });

  it("A07: of every kind of mutated proof the verdict is the strict verifier's, word for word", async function () {
    this.timeout(60_000);
    const rng = seededRng(11);
    const { publicSignals: signals, proof } = item(1);
    const items = Object.values(MUTATIONS).map((mutate) => {
      const given = mutate(structuredClone({ proof, signals }), rng);
      return { publicSignals: given.signals, proof: given.proof };
    });
    const expected = items.map(({ publicSignals, proof }) => verifier.verify(publicSignals, proof));
    expect(await verifyBatch(verifier, items, { core })).deep.equal(expected);
    expect(new Set(expected.map((verdict) => verdict.ok || verdict.reason)).size).greaterThan(8);
  });

  it("halving finds the proofs that do not hold; the strict verifier sees them alone", async function () {
    this.timeout(20_000);
    const { strict, asked } = counting();
    const items = Array.from({ length: 40 }, (_, index) => item(index));
    for (const bad of [0, 17, 18, 39]) items[bad]!.publicSignals[0] = "1000";
    const verdicts = await verifyBatch(strict, items, { core });
    expect([...verdicts.keys()].filter((index) => !verdicts[index]!.ok)).deep.equal([0, 17, 18, 39]);
    expect(verdicts[17]).include({ ok: false, reason: "PAIRING_FAILED" });
    expect(asked()).equal(4);
  });

  it("W12: an item that is no proof at all is refused with the others' verdicts beside it", async () => {
    const strange = [null, undefined, 7, "proof", [], {}, { publicSignals: null, proof: null }];
    const verdicts = await verifyBatch(verifier, [item(1), ...strange], { core });
    expect(verdicts.map(({ ok }) => ok)).deep.equal([true, ...strange.map(() => false)]);
    expect(await verifyBatch(verifier, [item(1), ...strange])).deep.equal(verdicts);
  });

  it("V02: faults of two proofs that cancel in a plain product are found", async function () {
    this.timeout(20_000);
    const items = [5n, 0n, -5n].map((by, index) => {
      const { publicSignals, proof } = item(index);
      return { publicSignals, proof: by === 0n ? proof : { ...proof, pi_c: moved(proof.pi_c, by) } };
    });
    const verdicts = await verifyBatch(verifier, items, { core });
    expect(verdicts.map(({ ok }) => ok)).deep.equal([false, true, false]);
  });

  it("V08: whatever the product says, points off their groups never reach it", async () => {
    const { publicSignals: signals, proof } = item(1);
    const rng = seededRng(5);
    const given = MUTATIONS["a point of G2 off its subgroup"]!({ proof, signals }, rng);
    const yes: BatchCore = { ...core, verifyBatch: async () => true };
    const [verdict] = await verifyBatch(verifier, [{ publicSignals: signals, proof: given.proof }], { core: yes });
    expect(verdict).include({ ok: false, reason: "POINT_NOT_IN_SUBGROUP" });
  });

  it("a core that refuses all costs time and nothing else", async () => {
    const no: BatchCore = {
      decompressProofs: async (proofs) => new Uint8Array(2 * proofs.length),
      checkProofs: async (proofs) => new Uint8Array(proofs.length),
      verifyBatch: async () => false,
    };
    const verdicts = await verifyBatch(verifier, [item(1), item(2), compressed(item(3))], { core: no });
    expect(verdicts.map(({ ok }) => ok)).deep.equal([true, true, true]);
  });

  it("proofs in 128 bytes hold beside others; of bytes of other proofs, or of none, the verdict is the strict verifier's", async function () {
    this.timeout(20_000);
    const { strict, asked } = counting();
    const good = [item(1), compressed(item(2)), compressed(item(3, 2)), item(4)];
    expect((await verifyBatch(strict, good, { core })).map(({ ok }) => ok)).deep.equal([true, true, true, true]);
    expect(asked()).equal(0);
    const bytes = (change: (proof: Uint8Array) => Uint8Array) => {
      const { publicSignals, proof } = compressed(item(5));
      return { publicSignals, proof: change(proof) };
    };
    const items = [
      good[1],
      bytes((proof) => proof.with(0, proof[0]! ^ 0x80)),
      bytes((proof) => proof.with(32, proof[32]! ^ 0x80)),
      bytes((proof) => proof.with(64, proof[64]! ^ 0x80)),
      bytes((proof) => proof.fill(0xff, 96)),
      bytes((proof) => proof.fill(0)),
      bytes((proof) => proof.subarray(1)),
      bytes(() => new Uint8Array()),
      { publicSignals: item(9).publicSignals, proof: compressed(item(5)).proof },
      good[2],
    ];
    const verdicts = await verifyBatch(verifier, items, { core });
    expect(verdicts.map((verdict) => verdict.ok || verdict.reason)).deep.equal([
      true,
      "PAIRING_FAILED",
      "PAIRING_FAILED",
      ...["POINT_NOT_ON_CURVE", "POINT_NOT_ON_CURVE", "POINT_NOT_ON_CURVE", "POINT_NOT_ON_CURVE", "POINT_NOT_ON_CURVE"],
      "PAIRING_FAILED",
      true,
    ]);
    expect(await verifyBatch(verifier, items), "without a core").deep.equal(verdicts);
  });

  it("P06: stops when it is told to", async () => {
    const signal = AbortSignal.abort();
    const error = await verifyBatch(verifier, [item(1)], { core, signal }).catch((thrown) => thrown);
    expect(error).property("code", "CANCELLED");
  });

  it("docs/batches.md shows code that runs", async function () {
    this.timeout(30_000);
    const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-batch-"));
    // Below the package's own root, so that its name resolves as it does for a user.
    const file = path.join(ROOT, "build", `batches-${process.pid}.ts`);
    try {
      mkdirSync(path.join(folder, "proofs"));
      const prover = createProver();
      const { proof, publicSignals } = await prover.prove(randomRequest(seededRng(2), SIZE));
      await prover.close();
      writeFileSync(path.join(folder, "proofs/1.json"), JSON.stringify({ proof, publicSignals }));
      const other = publicSignals.with(0, "1");
      writeFileSync(path.join(folder, "proofs/2.json"), JSON.stringify({ proof, publicSignals: other }));
      const [, code] = readFileSync(path.join(ROOT, "docs/batches.md"), "utf8").match(/^```ts\n(.*?)^```$/ms)!;
      writeFileSync(file, code!);
      const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=plimsoll-clone", file], {
        cwd: folder,
      });
      expect(stdout).equal("proofs/1.json true\nproofs/2.json PAIRING_FAILED\n");
    } finally {
      rmSync(folder, { recursive: true });
      rmSync(file, { force: true });
    }
  });
});
