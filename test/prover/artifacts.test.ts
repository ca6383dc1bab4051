// SPDX-License-Identifier: GPL-3.0-or-later

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { type ErrorCode, PlimsollError } from "../../prover/src/errors.ts";
import { makeDevelopmentKey, trapdoorFrom } from "../../prover/src/keys/development.ts";
import {
  loadArtifacts,
  loadManifest,
  loadVerificationKey,
  type VerificationKey,
} from "../../prover/src/node/artifacts.ts";
import { enterKey, makeKey, setupKey } from "../../prover/src/node/setup/keys.ts";
import { publicInputsOf } from "../../prover/src/statement/families.ts";
import { withoutContribution } from "../support/forge.ts";
import { squareR1cs } from "../support/small-circuit.ts";

const SIZE = "board-60";
const PUBLICS = publicInputsOf(SIZE);

describe("artifacts", () => {
  let directory: string;
  const at = (name: string) => path.join(directory, name);
  const manifest = () => JSON.parse(readFileSync(at("keys/manifest.json"), "utf8"));
  const writeManifest = (value: unknown) => writeFileSync(at("keys/manifest.json"), JSON.stringify(value));
  const keyFile = () => at(`keys/${SIZE}/verification.json`);

  async function refused(work: Promise<unknown>, code: ErrorCode): Promise<PlimsollError> {
    const error = await work.then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error).to.be.instanceOf(PlimsollError).with.property("code", code);
    return error;
  }

  /** Writes another verification key and a manifest that names it. */
  function replaceKey(key: unknown): void {
    const text = JSON.stringify(key);
    const changed = manifest();
    changed.circuits[SIZE].verificationKey.sha256 = createHash("sha256").update(text).digest("hex");
    writeFileSync(keyFile(), text);
    writeManifest(changed);
  }

  const flip = (file: string, at: number) => {
    const bytes = readFileSync(file);
    bytes[at]! ^= 1;
    writeFileSync(file, bytes);
  };

  /** What the compiler's record says of the circuit's files as they stand. */
  const recordCircuit = (build: string) => {
    const circuit = path.join(build, "circuits", SIZE);
    const hash = (name: string) =>
      createHash("sha256")
        .update(readFileSync(path.join(circuit, name)))
        .digest("hex");
    const files = { "circuit.r1cs": hash("circuit.r1cs"), "circuit.wasm": hash("circuit.wasm") };
    const record = { sources: "ab".repeat(32), compiler: "none", constraints: 1, publicInputs: PUBLICS, files };
    writeFileSync(path.join(circuit, "circuit.json"), JSON.stringify(record));
  };

  let made: string;
  before(async () => {
    made = mkdtempSync(path.join(tmpdir(), "plimsoll-"));
    const circuit = path.join(made, "circuits", SIZE);
    mkdirSync(circuit, { recursive: true });
    writeFileSync(path.join(circuit, "circuit.r1cs"), squareR1cs(PUBLICS));
    writeFileSync(path.join(circuit, "circuit.wasm"), "stands for a witness generator");
    const plan = "stands for a witness plan";
    writeFileSync(path.join(circuit, "circuit.plan"), plan);
    writeFileSync(
      path.join(circuit, "plan.json"),
      JSON.stringify({ madeFrom: "", sha256: createHash("sha256").update(plan).digest("hex") }),
    );
    recordCircuit(made);
    await setupKey(SIZE, { directory: made });
  });
  after(() => rmSync(made, { recursive: true }));
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "plimsoll-"));
    cpSync(made, directory, { recursive: true, preserveTimestamps: true });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("loads what set-up made, with its identity", async () => {
    const loaded = await loadArtifacts(SIZE, { directory });
    expect(loaded.identity).to.include({ size: SIZE, origin: "development", publicInputs: PUBLICS, constraints: 1 });
    expect(loaded.identity.verificationKeySha256).to.equal(manifest().circuits[SIZE].verificationKey.sha256);
    expect(Buffer.from(await loaded.wasm()).toString()).to.equal("stands for a witness generator");
    expect(Buffer.from(loaded.zkey.subarray(0, 4)).toString()).to.equal("zkey");
    expect(loaded.verificationKey.IC).to.have.length(PUBLICS + 1);
    expect(Buffer.from(loaded.verificationKeyFile)).to.deep.equal(readFileSync(keyFile()));
  });

  it("reads the directory that PLIMSOLL_BUILD names", async () => {
    const before = process.env.PLIMSOLL_BUILD;
    process.env.PLIMSOLL_BUILD = directory;
    try {
      expect((await loadVerificationKey(SIZE)).identity.constraints).to.equal(1);
    } finally {
      if (before === undefined) delete process.env.PLIMSOLL_BUILD;
      else process.env.PLIMSOLL_BUILD = before;
    }
  });

  const files: [what: string, file: string][] = [
    ["zkey", `keys/${SIZE}/proving.zkey`],
    ["wasm", `circuits/${SIZE}/circuit.wasm`],
    ["plan", `circuits/${SIZE}/circuit.plan`],
    ["verification key", `keys/${SIZE}/verification.json`],
  ];
  const loadEvery = async () => (await loadArtifacts(SIZE, { directory })).wasm();
  for (const [what, file] of files) {
    it(`P04: a ${what} with one byte changed, first, middle or last, is refused by name`, async () => {
      const { size } = statSync(at(file));
      for (const place of [0, size >> 1, size - 1]) {
        flip(at(file), place);
        const error = await refused(loadEvery(), "ARTIFACT_HASH");
        expect(error.place.file).to.equal(at(file));
        expect(error.message).to.contain(`npm run setup -- ${SIZE}`);
        flip(at(file), place);
      }
      await loadEvery();
    });

    it(`a ${what} that is missing is named, with the command that makes it`, async () => {
      rmSync(at(file));
      const error = await refused(loadEvery(), "ARTIFACT_MISSING");
      expect(error.place.file).to.equal(at(file));
      expect(error.message).to.contain(`npm run setup -- ${SIZE}`);
    });
  }

  it("P04: the verification key alone is checked the same way, and needs no other file", async () => {
    rmSync(at(`keys/${SIZE}/proving.zkey`));
    rmSync(at(`circuits/${SIZE}`), { recursive: true });
    await loadVerificationKey(SIZE, { directory });
    flip(keyFile(), 100);
    expect((await refused(loadVerificationKey(SIZE, { directory }), "ARTIFACT_HASH")).place.file).to.equal(keyFile());
  });

  it("names a manifest or a size that is not there", async () => {
    expect((await refused(loadArtifacts("board-240", { directory }), "ARTIFACT_MISSING")).message).to.contain(
      "board-240",
    );
    rmSync(at("keys/manifest.json"));
    const error = await refused(loadArtifacts(SIZE, { directory }), "ARTIFACT_MISSING");
    expect(error.place.file).to.equal(at("keys/manifest.json"));
  });

  it("refuses manifests of another form, and paths that leave the build directory", async () => {
    const good = manifest();
    const changes: ((copy: typeof good) => void)[] = [
      (copy) => (copy.format = "plimsoll-manifest/2"),
      (copy) => (copy.origin = "elsewhere"),
      (copy) => (copy.extra = 1),
      (copy) => (copy.circuits[SIZE].zkey.sha256 = "AB".repeat(32)),
      (copy) => delete copy.circuits[SIZE].wasm,
      ...["../proving.zkey", "/etc/passwd", "keys/../../x", "keys//x", "./x", ""].map(
        (name) => (copy: typeof good) => (copy.circuits[SIZE].zkey.path = name),
      ),
    ];
    for (const change of changes) {
      const copy = structuredClone(good);
      change(copy);
      writeManifest(copy);
      await refused(loadManifest({ directory }), "ARTIFACT_HASH");
    }
    writeFileSync(at("keys/manifest.json"), "{");
    await refused(loadManifest({ directory }), "ARTIFACT_HASH");
    writeManifest({ ...good, origin: "ceremony" });
    expect((await loadVerificationKey(SIZE, { directory })).identity.origin).to.equal("ceremony");
  });

  it("V09, S01: a key with gamma = delta, gamma = -delta or delta = 1 is refused though its hash is right", async () => {
    const { verificationKey: key } = await loadVerificationKey(SIZE, { directory });
    const trapdoor = trapdoorFrom(Buffer.from("weak"));
    const made = async (change: object): Promise<VerificationKey> =>
      JSON.parse((await makeDevelopmentKey(squareR1cs(PUBLICS), { ...trapdoor, ...change })).verificationKey);
    const order = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
    const weak = [
      withoutContribution(key),
      await made({ gamma: trapdoor.delta }),
      await made({ gamma: order - trapdoor.delta }),
      await made({ delta: 1n }),
    ];
    for (const each of weak) {
      replaceKey(each);
      for (const load of [loadVerificationKey, loadArtifacts]) {
        expect((await refused(load(SIZE, { directory }), "KEY_REFUSED")).place.file).to.equal(keyFile());
      }
    }
    // As in a ceremony, where gamma stays 1.
    replaceKey(await made({ gamma: 1n }));
    await loadVerificationKey(SIZE, { directory });
  });

  it("refuses a key for other counts, or not of snarkjs's form, though its hash is right", async () => {
    const { verificationKey: key } = await loadVerificationKey(SIZE, { directory });
    const bad: unknown[] = [
      { ...key, nPublic: PUBLICS - 1 },
      { ...key, IC: key.IC.slice(1) },
      { ...key, IC: [...key.IC, key.IC[0]] },
      { ...key, protocol: "plonk" },
      { ...key, vk_alpha_1: ["0x1", "2", "1"] },
      { ...key, vk_delta_2: key.vk_alpha_1 },
      { ...key, more: 1 },
      [],
    ];
    for (const each of bad) {
      replaceKey(each);
      await refused(loadVerificationKey(SIZE, { directory }), "KEY_REFUSED");
    }
  });

  describe("set-up of keys", () => {
    const keyHash = () => manifest().circuits[SIZE].verificationKey.sha256 as string;

    it("keeps a key while circuit and files are the same", async () => {
      const before = keyHash();
      const { mtimeMs } = statSync(keyFile());
      await setupKey(SIZE, { directory });
      rmSync(at("keys/manifest.json"));
      await setupKey(SIZE, { directory });
      expect(keyHash()).to.equal(before);
      expect(statSync(keyFile()).mtimeMs).to.equal(mtimeMs);
    });

    it("makes a key anew where a file of it is damaged or the circuit is another, each time with another trapdoor", async () => {
      const hashes = [keyHash()];
      flip(at(`keys/${SIZE}/proving.zkey`), 5000);
      await setupKey(SIZE, { directory });
      hashes.push(keyHash());
      const r1cs = readFileSync(at(`circuits/${SIZE}/circuit.r1cs`));
      r1cs[r1cs.length - 32] = 2; // 2 · w
      writeFileSync(at(`circuits/${SIZE}/circuit.r1cs`), r1cs);
      recordCircuit(directory);
      await setupKey(SIZE, { directory });
      hashes.push(keyHash());
      expect(new Set(hashes).size).to.equal(3);
      await loadArtifacts(SIZE, { directory });
    });

    for (const name of ["circuit.r1cs", "circuit.wasm"]) {
      it(`P04: a ${name} with one byte changed is not taken for the compiler's, and is not entered in the manifest`, async () => {
        const before = manifest();
        flip(at(`circuits/${SIZE}/${name}`), 20);
        const error = await refused(setupKey(SIZE, { directory }), "ARTIFACT_HASH");
        expect(error.place.file).to.equal(at(`circuits/${SIZE}/${name}`));
        expect(manifest()).to.deep.equal(before);
      });
    }

    it("never replaces keys of a ceremony, and names a circuit that has not been compiled", async () => {
      writeManifest({ ...manifest(), origin: "ceremony" });
      const before = readFileSync(at("keys/manifest.json"), "utf8");
      await setupKey(SIZE, { directory }); // they are there: nothing to do
      await refused(setupKey("board-240", { directory }), "KEY_REFUSED");
      // A key that was being made while those of the ceremony were installed.
      const made = await makeKey(SIZE, { directory });
      await refused(enterKey(SIZE, made, { directory }), "KEY_REFUSED");
      flip(keyFile(), 100);
      await refused(setupKey(SIZE, { directory }), "ARTIFACT_HASH");
      expect(readFileSync(at("keys/manifest.json"), "utf8")).to.equal(before);
      writeManifest({ ...manifest(), later: "a newer format" });
      await setupKey(SIZE, { directory }).then(
        () => expect.fail("a manifest that cannot be read was replaced"),
        (error) => expect(error).to.be.instanceOf(PlimsollError),
      );
      rmSync(at("keys/manifest.json"));
      const error = await refused(setupKey("board-480", { directory }), "ARTIFACT_MISSING");
      expect(error.place.file).to.equal(at("circuits/board-480/circuit.json"));
    });
  });
});
