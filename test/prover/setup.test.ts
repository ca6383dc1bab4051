// SPDX-License-Identifier: GPL-3.0-or-later
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import identities from "@plimsoll/circuits/identities.json" with { type: "json" };
import { expect } from "chai";
import { misfit } from "../../prover/src/keys/circuit-match.ts";
import { loadArtifacts } from "../../prover/src/node/artifacts.ts";
import { defaultBuildDirectory } from "../../prover/src/node/installation.ts";
import { canMount, onFullDisk, onReadOnlyDisk, onReadOnlyFolder } from "../support/file-systems.ts";
import { allEnded, killedAt, killedWhen, start } from "../support/killed.ts";
import { skip } from "../support/skip.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
const COMPILED = path.join(defaultBuildDirectory(), "circuits/settlement-60");
const SETUP = ["setup", "--development", "settlement-60"];

describe("plimsoll setup", () => {
  let build: string;
  const at = (name: string) => path.join(build, name);
  const setup = (...words: string[]) =>
    spawnSync(process.execPath, [BIN, "setup", ...words], {
      encoding: "utf8",
      env: { ...process.env, PLIMSOLL_BUILD: build },
    });

  before(() => {
    build = mkdtempSync(path.join(tmpdir(), "plimsoll-test-"));
    cpSync(COMPILED, at("circuits/settlement-60"), { recursive: true });
  });
  after(() => rmSync(build, { recursive: true }));

  it("says which keys there are to choose from, and makes nothing, unless it is told to make development keys", () => {
    const { status, stdout } = setup();
    expect(status).equal(2);
    expect(stdout).contain("plimsoll setup --development").and.contain("plimsoll ceremony install");
    expect(setup("board-61", "--development").status).equal(2);
    expect(existsSync(at("keys"))).equal(false);
  });

  it("makes keys that the manifest marks as development keys, says how far it is, and does nothing a second time", () => {
    const first = setup("--development", "settlement-60", "--json");
    expect(first.status, first.stderr).equal(0);
    expect(JSON.parse(first.stdout)).deep.equal({
      directory: build,
      origin: "development",
      circuits: ["settlement-60"],
    });
    expect(first.stderr).match(/settlement-60: making its development key, \d+%\n/);
    expect(first.stderr).match(/settlement-60: 3385 constraints, key [0-9a-f]{16}… \(1 of 1\)\n$/);
    const manifest = readFileSync(at("keys/manifest.json"), "utf8");
    expect(JSON.parse(manifest).origin).equal("development");

    const second = setup("--development", "settlement-60");
    expect(second.stderr).match(/^ {2}settlement-60: .*\(1 of 1\)\n$/);
    expect(second.stdout).contain("their maker can forge proofs");
    expect(readFileSync(at("keys/manifest.json"), "utf8")).equal(manifest);
  });

  it("leaves keys of a ceremony as they are, and makes no other beside them", () => {
    const file = at("keys/manifest.json");
    const before = readFileSync(file, "utf8");
    const ceremony = before.replace('"development"', '"ceremony"');
    writeFileSync(file, ceremony);
    expect(setup("--development", "settlement-60").status).equal(0);
    const other = setup("--development", "settlement-60", "board-60");
    expect(other.status).equal(3);
    expect(other.stderr).contain("KEY_REFUSED").and.contain("come from a ceremony");
    expect(readFileSync(file, "utf8")).equal(ceremony);
    writeFileSync(file, before);
  });

  it("stops within seconds when it is told to, and leaves no half-made file", async () => {
    rmSync(at("circuits/settlement-60"), { recursive: true });
    const child = spawn(process.execPath, [BIN, "setup", "--development", "settlement-60"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, PLIMSOLL_BUILD: build },
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("compiling") && !child.killed) child.kill("SIGTERM"); // a second one ends it at once
    });
    const [code] = await once(child, "exit");
    expect(code, said).equal(4);
    for (let waited = 0; waited < 5000 && readdirSync(at("tmp")).length > 0; waited += 100) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(readdirSync(at("tmp"))).deep.equal([]);
    expect(existsSync(at("circuits/settlement-60"))).equal(false);
  });
});

/** Everything in a directory that is a file, by its path there. */
const filesIn = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.relative(directory, path.join(parentPath, name)))
    .toSorted();

describe("set-up that is killed (W13)", function () {
  this.timeout(120_000);
  let build: string;
  const at = (name: string) => path.join(build, name);
  const env = () => ({ env: { PLIMSOLL_BUILD: build } });
  before(() => {
    build = mkdtempSync(path.join(tmpdir(), "plimsoll-killed-"));
  });
  after(() => rmSync(build, { recursive: true }));
  after(endSnarkjsThreads);

  /** Kills it, and shows that it was not done and that nothing counts as made which is not. */
  async function killed(ended: Promise<{ signal: string | null; err: string }>) {
    const { signal, err } = await ended;
    expect(signal, err).equal("SIGKILL");
    expect(existsSync(at("keys/manifest.json"))).equal(false);
  }

  it("W13: at ten points, each time started again at once, and twice at once: all that is there in the end is whole", async () => {
    // Of compiling, two points cost little: before the compiler runs, and while it does. Its files, and a plan's, are those of the clone.
    await killed(killedAt("write circuit.circom", SETUP, env()));
    const bench = at("tmp/settlement-60/build/circuits/settlement-60");
    await killed(killedWhen(() => existsSync(bench), SETUP, env()));
    await allEnded(build); // the compiler, which takes seconds
    cpSync(COMPILED, at("circuits/settlement-60"), { recursive: true });
    renameSync(at("circuits/settlement-60/plan.json"), at("plan.json"));
    await killed(killedWhen((said) => said.includes("planning"), SETUP, env()));
    await killed(killedWhen(() => existsSync(path.join(bench, "full")), SETUP, env()));
    await allEnded(build);
    renameSync(at("plan.json"), at("circuits/settlement-60/plan.json"));
    // With what it has started still at work on the key.
    await killed(killedWhen((said) => said.includes("development key"), SETUP, env()));
    for (const step of ["write proving.zkey", "rename key.json", "write manifest.json", "rename manifest.json"]) {
      await killed(killedAt(step, SETUP, env()));
      const half = filesIn(at("keys")).find((file) => path.basename(file).startsWith("."));
      expect(half, step).contain(`.${step.split(" ")[1]}.`);
      // The key takes seconds: as if it had been killed a moment later.
      if (step === "rename key.json") renameSync(at(`keys/${half}`), at("keys/settlement-60/key.json"));
    }
    // Two at once, of which one is killed.
    rmSync(at("keys/settlement-60/key.json"));
    const others = [start(SETUP, env()), start(SETUP, env())];
    await killed(killedWhen((said) => said.includes("settlement-60:"), SETUP, env()));
    for (const other of others) {
      const { code, err } = await other.ended;
      expect(code, err).equal(0);
      expect(err).match(/settlement-60: 3385 constraints, key [0-9a-f]{16}… \(1 of 1\)\n$/);
    }
    expect(others.map(({ said }) => said()).join("")).contain("settlement-60: waiting for another set-up of it");

    await allEnded(build);
    expect(filesIn(build)).deep.equal(
      [
        ...filesIn(COMPILED).map((file) => `circuits/settlement-60/${file}`),
        ...["key.json", "link.json", "link.key", "proving.zkey", "verification.json"].map(
          (file) => `keys/settlement-60/${file}`,
        ),
        "keys/manifest.json",
        "locks/manifest",
        "locks/settlement-60",
      ].toSorted(),
    );
    const { identity, wasm, zkey } = await loadArtifacts("settlement-60", { directory: build });
    const r1cs = readFileSync(at("circuits/settlement-60/circuit.r1cs"));
    const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect([hash(r1cs), hash(await wasm())]).deep.equal([identity.r1csSha256, identity.wasmSha256]);
    expect(identities.circuits["settlement-60"]).include({ r1cs: identity.r1csSha256, wasm: identity.wasmSha256 });
    expect(await misfit(r1cs, zkey)).equal(undefined);
  });

  const setup = [process.execPath, BIN, ...SETUP];
  /** The same build directory on a disk of its own; the environment names it. */
  const inBuild = <T>(directory: string, work: () => T): T => {
    const before = process.env.PLIMSOLL_BUILD;
    process.env.PLIMSOLL_BUILD = directory;
    try {
      return work();
    } finally {
      if (before === undefined) delete process.env.PLIMSOLL_BUILD;
      else process.env.PLIMSOLL_BUILD = before;
    }
  };

  it("W14: on a disk that can only be read it has nothing to do where all is there, and else says so in a line", function () {
    if (!canMount()) return skip(this, "no right to mount a file system");
    const disk = mkdtempSync(path.join(tmpdir(), "plimsoll-read-only-"));
    const there = inBuild(disk, () => onReadOnlyDisk({ at: disk, from: build }, setup));
    expect([there.status, there.stderr.split("\n").length], there.stderr).deep.equal([0, 2]);
    const missing = inBuild(disk, () => onReadOnlyDisk({ at: disk }, setup));
    expect([missing.status, missing.stderr]).deep.equal([
      2,
      `plimsoll: FILE: ${disk}/locks: cannot be written: the file system is read-only\n`,
    ]);
    rmSync(disk, { recursive: true });
  });

  it("W14: on a full disk it has nothing to do where all is there, and else says so in a line", function () {
    if (!canMount()) return skip(this, "no right to mount a file system");
    const disk = mkdtempSync(path.join(tmpdir(), "plimsoll-full-"));
    const there = inBuild(disk, () => onFullDisk({ at: disk, from: build }, 0, setup));
    expect([there.status, there.stderr.split("\n").length], there.stderr).deep.equal([0, 2]);
    // At once, and when the compiler's sources are there and half of a file of them.
    for (const free of [0, 400]) {
      const { status, stderr } = inBuild(disk, () => onFullDisk({ at: disk }, free, setup));
      expect(status, stderr).equal(2);
      expect(stderr).match(/^( .*: compiling\n)*plimsoll: FILE: .*: cannot be written: the disk is full\n$/);
    }
    rmSync(disk, { recursive: true });
  });

  it("W14: a clone that can only be read is set up where all is there, without a word, and else says so in a line", function () {
    if (!canMount()) return skip(this, "no right to mount a file system");
    const clone = path.resolve(import.meta.dirname, "../..");
    const command = [process.execPath, path.join(clone, "scripts/setup.mjs"), "settlement-60"];
    const there = onReadOnlyFolder(clone, command);
    expect([there.status, there.stdout, there.stderr]).deep.equal([0, "", ""]);
    const missing = onReadOnlyDisk({ at: path.join(clone, "build") }, command);
    expect([missing.status, missing.stderr]).deep.equal([
      1,
      `Plimsoll sets itself up.\nset-up failed: ${clone}/build/locks: cannot be written: the file system is read-only\n`,
    ]);
  });
});
