// SPDX-License-Identifier: GPL-3.0-or-later
/** Prepared keys: other points, the same proofs. */
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { PlimsollError } from "../../prover/src/errors.ts";
import { makeDevelopmentKey, trapdoorFrom } from "../../prover/src/keys/development.ts";
import { readZkey } from "../../prover/src/keys/zkey.ts";
import { buildDirectory, loadArtifacts } from "../../prover/src/node/artifacts.ts";
import { loadAddon, nativeBackend, PATHS, prepareNative } from "../../prover/src/node/native.ts";
import { loadPrepared, PREPARED_FORMAT, preparedState, prepareKey } from "../../prover/src/node/prepared-key.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { nodePlatform } from "../../prover/src/node/wasm.ts";
import type { Backend, CircuitFiles } from "../../prover/src/prove/backend.ts";
import { openCalculator } from "../../prover/src/prove/calculator.ts";
import { wasmBackend } from "../../prover/src/prove/wasm.ts";
import type { CircuitInput } from "../../prover/src/statement/witness-input.ts";
import { randomAccount, seededRng } from "../support/random.ts";
import { skip } from "../support/skip.ts";
import { compileSmall, SMALL_INPUT, SMALL_SOURCE } from "../support/small-circuit.ts";

const CIRCUIT = "settlement-60";
const blinding = () => Uint8Array.from({ length: 64 }, (_, at) => (at % 32 === 31 ? 1 : at + 3));
/** Bits, whose rows a prepared key takes for nothing where they are 0, and a product for which it does not. */
const BITS_SOURCE = `pragma circom 2.2.0;
template Bits() {
  signal input value;
  signal output out;
  signal bits[80];
  var sum = 0;
  for (var i = 0; i < 80; i++) {
    bits[i] <-- (value >> i) & 1;
    bits[i] * (bits[i] - 1) === 0;
    sum += bits[i] * 2 ** i;
  }
  sum === value;
  out <== value * value;
}
component main = Bits();
`;

/** The error that work is refused with. */
async function rejection(work: Promise<unknown>): Promise<PlimsollError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).instanceOf(PlimsollError);
  return error as PlimsollError;
}

describe("prepared keys", () => {
  let directory: string;
  before(function () {
    if (loadAddon().addon === undefined) return skip(this, "no native prover");
    directory = mkdtempSync(path.join(tmpdir(), "plimsoll-test-"));
  });
  after(() => directory && rmSync(directory, { recursive: true }));

  const natives = PATHS.flatMap((arithmetic) => {
    const native = loadAddon(arithmetic);
    return native.addon === undefined ? [] : [native];
  });
  /** The backend takes the key over. */
  async function proofBy(backend: Backend, { zkey, wasm }: CircuitFiles, witness: Uint8Array): Promise<unknown> {
    try {
      const circuit = await backend.open({ wasm, zkey: new Uint8Array(zkey) });
      return await circuit.prove(witness.slice());
    } finally {
      await backend.close();
    }
  }
  const native = () => {
    const found = loadAddon();
    if (found.addon === undefined) throw new Error(found.why);
    return found;
  };

  const BIT_INPUTS = ["0", "1", "1208925819614629174706175", "604472133179351442128897"];
  const SMALL: [string, string, CircuitInput[]][] = [
    ["products", SMALL_SOURCE, [SMALL_INPUT]],
    ["bits", BITS_SOURCE, BIT_INPUTS.map((value) => ({ value: BigInt(value) }) as unknown as CircuitInput)],
  ];
  for (const [what, source, inputs] of SMALL) {
    it(`every arithmetic prepares the same key and makes the same proofs from it as from the key itself: ${what}`, async () => {
      const { r1cs, wasm } = await compileSmall(source);
      const { zkey } = await makeDevelopmentKey(r1cs, trapdoorFrom(Buffer.from("prepared.test")));
      const generator = async () => new Uint8Array(wasm);
      const prepared = await Promise.all(natives.map((each) => prepareNative(each, new Uint8Array(zkey))));
      for (const each of prepared) expect(Buffer.compare(each, prepared[0]!)).equal(0);
      const files = { wasm: generator, zkey: new Uint8Array(prepared[0]!) };
      for (const input of inputs) {
        const witness = await openCalculator(await generator())(input);
        const expected = await proofBy(
          nativeBackend(native(), { blinding }),
          { ...files, zkey: new Uint8Array(zkey) },
          witness,
        );
        for (const each of natives) {
          expect(await proofBy(nativeBackend(each, { blinding }), files, witness), each.path).deep.equal(expected);
        }
        const wasms = wasmBackend(nodePlatform(1), { blinding });
        expect(await proofBy(wasms, files, witness), "wasm").deep.equal(expected);
      }
      const twice = await rejection(prepareNative(native(), files.zkey));
      expect(twice.code, "a prepared key is not prepared again").equal("KEY_REFUSED");
      const raised = AbortSignal.abort();
      expect((await rejection(prepareNative(native(), new Uint8Array(zkey), raised))).code).equal("CANCELLED");
    });
  }

  it("a circuit's prepared key is made once, loaded in place of the key, and refused where it was changed", async () => {
    for (const part of [`keys/${CIRCUIT}`, `circuits/${CIRCUIT}`, "keys/manifest.json"]) {
      cpSync(path.join(buildDirectory(), part), path.join(directory, part), { recursive: true });
    }
    const key = await loadArtifacts(CIRCUIT, { directory });
    expect((await loadPrepared(CIRCUIT, { directory })).zkey.length, "none yet").equal(key.zkey.length);
    const { file, made } = await prepareKey(CIRCUIT, { directory });
    expect(made).equal(true);
    expect((await prepareKey(CIRCUIT, { directory })).made).equal(false);
    const prepared = await loadPrepared(CIRCUIT, { directory });
    expect(prepared.zkey.length).greaterThan(key.zkey.length);
    expect(prepared.identity).deep.equal(key.identity);

    expect(await preparedState(CIRCUIT, { directory })).equal("used");

    const record = path.join(path.dirname(file), "prepared.json");
    const text = readFileSync(record, "utf8");
    writeFileSync(record, text.replace(/"zkey": "../, '"zkey": "zz'));
    expect((await loadPrepared(CIRCUIT, { directory })).zkey.length, "of another key").equal(key.zkey.length);
    expect(await preparedState(CIRCUIT, { directory })).equal("unused");
    writeFileSync(record, text.replace(PREPARED_FORMAT, "plimsoll-prepared-key/0"));
    expect(await preparedState(CIRCUIT, { directory }), "of other points").equal("unused");
    writeFileSync(record, text);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    const changed = await rejection(loadPrepared(CIRCUIT, { directory }));
    expect([changed.code, changed.place.file]).deep.equal(["ARTIFACT_HASH", file]);
  });

  type Change = (zkey: Buffer, section: (id: number) => Uint8Array) => Uint8Array;
  /** A build directory whose prepared key, with a record of it, is the key after a change. */
  function planted(change: Change) {
    const build = path.join(directory, "planted");
    for (const part of [`keys/${CIRCUIT}`, `circuits/${CIRCUIT}`, "keys/manifest.json"]) {
      cpSync(path.join(buildDirectory(), part), path.join(build, part), { recursive: true });
    }
    const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    const zkey = readFileSync(path.join(build, `keys/${CIRCUIT}/proving.zkey`));
    const made = hash(zkey);
    const bytes = change(zkey, readZkey(zkey).section);
    const file = path.join(build, `keys/${CIRCUIT}/prepared.zkey`);
    writeFileSync(file, bytes);
    writeFileSync(
      path.join(path.dirname(file), "prepared.json"),
      JSON.stringify({ format: PREPARED_FORMAT, zkey: made, sha256: hash(bytes) }),
    );
    return { file, options: { directory: build } };
  }

  // Without δ and β in G1 and with no points B there, A comes out without its blinding, and the proof verifies.
  const ALPHA = 84;
  const DELTA = 468;
  const BETA = ALPHA + 64;
  const HOSTILE: Readonly<Record<string, Change>> = {
    "shows the A of a witness, in proofs that verify"(zkey, section) {
      for (const at of [BETA, DELTA]) section(2).fill(0, at, at + 64);
      section(6).fill(0);
      return zkey;
    },
    "has another matrix"(zkey, section) {
      section(4)[8]! ^= 1;
      return zkey;
    },
    "is cut short": (zkey) => zkey.subarray(0, -1),
    "is empty": () => new Uint8Array(),
    "is larger than any of its key": (zkey) => Buffer.concat([zkey, zkey, zkey]),
    "says another number of sections"(zkey) {
      zkey.writeUInt32LE(12, 8);
      return zkey;
    },
  };
  for (const [what, change] of Object.entries(HOSTILE)) {
    it(`a prepared key that ${what} is refused by name, though its record is of it`, async () => {
      const { file, options } = planted(change);
      const refused = await rejection(loadPrepared(CIRCUIT, options));
      expect([refused.code, refused.place.file]).deep.equal(["ARTIFACT_HASH", file]);
    });
  }
  it("wrong points C or H, which nothing but the record speaks of, spoil a proof and do no more", async () => {
    for (const points of [8, 9]) {
      const { options } = planted((zkey, section) => {
        section(points).copyWithin(0, 64, 128);
        return zkey;
      });
      const prover = createProver({ load: (size) => loadPrepared(size, options) });
      const before = randomAccount(seededRng(7), "board-60");
      const error = await rejection(prover.settle({ before, marks: new Map(), context: 5n }));
      await prover.close();
      expect([error.code, error.message]).deep.equal(["INTERNAL", "the proof made does not verify: PAIRING_FAILED"]);
    }
  });
});
