// SPDX-License-Identifier: GPL-3.0-or-later
/** `doctor` names every circuit's keys, and finds a damaged file of each kind (W23). */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { linkSecretsFrom, makeDevelopmentLinkKey } from "../../prover/src/keys/development-link.ts";
import { defaultBuildDirectory, setupCommand } from "../../prover/src/node/installation.ts";
import { ADDON_RECORD, loadAddon, NATIVE_DIRECTORY } from "../../prover/src/node/native.ts";
import { PREPARED_FORMAT } from "../../prover/src/node/prepared-key.ts";
import { sha256Of } from "../../prover/src/node/rebuild.ts";
import { WASM_FILE } from "../../prover/src/node/wasm.ts";
import { CIRCUITS } from "../../prover/src/statement/families.ts";
import { canMount, withOtherFiles } from "../support/file-systems.ts";
import { skip } from "../support/skip.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const DOCTOR = [process.execPath, path.join(ROOT, "prover/bin/plimsoll.mjs"), "doctor"];
const json = (file: string) => JSON.parse(readFileSync(file, "utf8"));

/** One byte changed, the end cut off. */
type Damage = (content: Buffer) => Buffer;
const DAMAGE: Readonly<Record<"one byte changed" | "cut short" | "empty", Damage>> = {
  "one byte changed": (content) => {
    const changed = Buffer.from(content);
    changed[changed.length >> 1]! ^= 1;
    return changed;
  },
  "cut short": (content) => content.subarray(0, -1),
  empty: () => Buffer.alloc(0),
};

describe("doctor (W23)", function () {
  this.timeout(60_000);
  let folder: string;
  const at = (name: string) => path.join(folder, name);

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-doctor-"));
    // A build of two circuits.
    const manifest = json(path.join(defaultBuildDirectory(), "keys/manifest.json"));
    const circuits = Object.fromEntries(["merge-60", "settlement-60"].map((name) => [name, manifest.circuits[name]]));
    for (const record of Object.values<Record<string, { path?: string }>>(circuits)) {
      for (const { path: file } of Object.values(record)) {
        if (file !== undefined) cpSync(path.join(defaultBuildDirectory(), file), at(file), { recursive: true });
      }
    }
    writeFileSync(at("keys/manifest.json"), JSON.stringify({ ...manifest, circuits }));
  });
  after(() => rmSync(folder, { recursive: true }));

  function doctor(...words: string[]) {
    const env = { ...process.env, PLIMSOLL_BUILD: folder };
    const { status, stdout, stderr } = spawnSync(DOCTOR[0]!, [...DOCTOR.slice(1), ...words], { encoding: "utf8", env });
    expect(stderr).equal("");
    return { status, stdout };
  }

  it("W23: names every key of every circuit, those that are not there with the command that makes them", () => {
    const { status, stdout } = doctor("--json");
    const { usable, circuits, damaged } = JSON.parse(stdout);
    expect([status, usable, damaged]).deep.equal([0, true, []]);
    expect(circuits.map(({ circuit }: { circuit: string }) => circuit)).deep.equal(CIRCUITS);
    for (const { circuit, state, detail } of circuits) {
      const isThere = ["merge-60", "settlement-60"].includes(circuit);
      expect(state, circuit).equal(isThere ? "ok" : "not built");
      expect(detail).contain(isThere ? ", key " : setupCommand(circuit));
      expect(detail.includes(", link key "), circuit).equal(circuit === "settlement-60");
    }
  });

  const FILES = {
    r1cs: "circuits/settlement-60/circuit.r1cs",
    "witness generator": "circuits/settlement-60/circuit.wasm",
    "witness plan": "circuits/settlement-60/circuit.plan",
    "proving key": "keys/settlement-60/proving.zkey",
    "verification key": "keys/settlement-60/verification.json",
    "link key": "keys/settlement-60/link.key",
  };
  for (const [how, damage] of Object.entries<Damage | undefined>({ ...DAMAGE, missing: undefined })) {
    it(`W23: ${Object.keys(FILES).join(", ")} ${how}: each is named, and what makes it`, () => {
      const contents = Object.values(FILES).map((file) => [at(file), readFileSync(at(file))] as const);
      for (const [file, content] of contents) {
        if (damage === undefined) rmSync(file);
        else writeFileSync(file, damage(content));
      }
      const { status, stdout } = doctor();
      for (const [file, content] of contents) writeFileSync(file, content);
      expect(status).equal(3);
      const line = stdout.split("\n").find((each) => each.startsWith("settlement-60: "))!;
      expect(line).match(/^settlement-60: bad, /);
      for (const [file] of contents) {
        const words = line.split("; ARTIFACT_").find((each) => each.includes(`${file}: `));
        expect(words, file).contain(setupCommand("settlement-60"));
      }
      expect(stdout)
        .match(/^merge-60: ok/m)
        .and.match(/\nnot usable\n$/);
    });
  }

  it("W23: one damaged file is enough, and no other is named", () => {
    const file = at(FILES["witness plan"]);
    const content = readFileSync(file);
    writeFileSync(file, DAMAGE["one byte changed"](content));
    const { status, stdout } = doctor();
    writeFileSync(file, content);
    expect(status).equal(3);
    expect(stdout.split("ARTIFACT_HASH")).length(2);
    expect(stdout).contain(file);
  });

  it("W23: says which circuit has a prepared key, names one that was changed, and says of one of another key that it is not used", () => {
    const zkey = readFileSync(at("keys/merge-60/proving.zkey"));
    const [file, record] = [at("keys/merge-60/prepared.zkey"), at("keys/merge-60/prepared.json")];
    const sha256 = createHash("sha256").update(zkey).digest("hex");
    const lineOf = ({ status, stdout }: ReturnType<typeof doctor>) =>
      [status, stdout.split("\n").find((line) => line.startsWith("merge-60: "))!] as const;
    try {
      writeFileSync(file, zkey);
      writeFileSync(record, JSON.stringify({ format: PREPARED_FORMAT, zkey: sha256, sha256 }));
      const [status, intact] = lineOf(doctor());
      expect(status).equal(0);
      expect(intact).match(/^merge-60: ok, .*, prepared key$/);
      writeFileSync(file, DAMAGE["one byte changed"](zkey));
      const [refused, changed] = lineOf(doctor());
      expect(refused).equal(3);
      expect(changed).match(/^merge-60: bad, ARTIFACT_HASH: /);
      expect(changed).contain(file).and.contain("plimsoll book prepare");
      writeFileSync(record, JSON.stringify({ format: PREPARED_FORMAT, zkey: "another", sha256 }));
      expect(lineOf(doctor())[1]).match(/^merge-60: ok, .*, a prepared key of another key, which is not used/);
    } finally {
      for (const each of [file, record]) rmSync(each, { force: true });
    }
  });

  describe("link keys, listed as they are", () => {
    const secrets = linkSecretsFrom(Buffer.from("doctor"));
    const circuits = ["settlement-60", "settlement-240"] as const;
    const manifest = () => json(at("keys/manifest.json"));
    let before: string;

    beforeEach(() => {
      before = readFileSync(at("keys/manifest.json"), "utf8");
    });
    afterEach(() => writeFileSync(at("keys/manifest.json"), before));

    /** Puts a link key in place of a circuit's, in the manifest too. */
    function list(circuit: (typeof circuits)[number], linkKey: Uint8Array, record: object): void {
      const file = `keys/other/${circuit}.key`;
      mkdirSync(at("keys/other"), { recursive: true });
      writeFileSync(at(file), linkKey);
      const listed = manifest();
      listed.circuits[circuit] = { ...record, linkKey: { path: file, sha256: sha256Of(linkKey) } };
      writeFileSync(at("keys/manifest.json"), JSON.stringify(listed));
    }
    const keyFile = (circuit: string) => path.join(defaultBuildDirectory(), `keys/${circuit}/verification.json`);
    const stateOf = (circuit: string) =>
      JSON.parse(doctor("--json").stdout).circuits.find((each: { circuit: string }) => each.circuit === circuit);

    it("one whose points are out of proportion is refused", async () => {
      const sound = await makeDevelopmentLinkKey(readFileSync(keyFile("settlement-60")), 4, secrets);
      const record = manifest().circuits["settlement-60"];
      list("settlement-60", sound, record);
      expect(stateOf("settlement-60").state).equal("ok");
      const other = Uint8Array.from(sound);
      other.copyWithin(other.length - 64, other.length - 128, other.length - 64);
      list("settlement-60", other, record);
      expect(stateOf("settlement-60")).deep.include({
        state: "bad",
        detail: "KEY_REFUSED: link key: its points are not those of its secrets and of the circuit key",
      });
    });

    it("two with one secret are refused: the second", async () => {
      const all = json(path.join(defaultBuildDirectory(), "keys/manifest.json")).circuits;
      for (const { path: file } of Object.values<{ path?: string }>(all["settlement-240"])) {
        if (file !== undefined) cpSync(path.join(defaultBuildDirectory(), file), at(file), { recursive: true });
      }
      const other = { ...linkSecretsFrom(Buffer.from("another")), k1: secrets.k1 };
      for (const [circuit, its] of [
        ["settlement-60", secrets],
        ["settlement-240", other],
      ] as const) {
        list(circuit, await makeDevelopmentLinkKey(readFileSync(keyFile(circuit)), 4, its), all[circuit]);
      }
      expect(stateOf("settlement-60").state).equal("ok");
      expect(stateOf("settlement-240")).deep.include({
        state: "bad",
        detail: "KEY_REFUSED: link key: it has a secret of the link key of settlement-60",
      });
    });
  });

  it("W23: the manifest: cut short or missing, it is named, and what makes it", () => {
    const file = at("keys/manifest.json");
    const content = readFileSync(file);
    for (const damage of [() => writeFileSync(file, content.subarray(0, -1)), () => rmSync(file)]) {
      damage();
      const { status, stdout } = doctor();
      expect(status).equal(3);
      expect(stdout).contain(file).and.contain(setupCommand());
    }
    writeFileSync(file, content);
  });

  /** Runs it where files that all tests use are others, to this run alone, and shows that each is named with a remedy. */
  function damagedNow(damage: Damage, shared: Readonly<Record<string, string>>): void {
    mkdirSync(at("others"), { recursive: true });
    const others = Object.keys(shared).map((file, index) => {
      writeFileSync(at(`others/${index}`), damage(readFileSync(file)));
      return [file, at(`others/${index}`)];
    });
    const command = ["env", `PLIMSOLL_BUILD=${folder}`, ...DOCTOR];
    const { status, stdout, stderr } = withOtherFiles(Object.fromEntries(others), command);
    expect([status, stderr]).deep.equal([3, ""]);
    const lines = stdout.split("\n").filter((line) => line.startsWith("damaged: "));
    expect(lines).length(Object.keys(shared).length);
    for (const [file, remedy] of Object.entries(shared)) {
      expect(
        lines.find((line) => line.includes(`${file}: `)),
        `${file}\n${stdout}`,
      ).contain(remedy);
    }
    expect(stdout).match(/\nnot usable\n$/);
  }
  const RELEASE = path.join(ROOT, "verifier-contracts/release");
  const AGAIN = "install the package @plimsoll/contracts again";

  for (const [how, damage] of Object.entries(DAMAGE)) {
    it(`W23: native prover, WebAssembly prover and a contract of the release ${how}: each is named, and what makes it`, function () {
      if (!canMount()) return skip(this, "no right to mount a file system");
      if (loadAddon().addon === undefined) return skip(this, "no native prover");
      const addon = path.join(NATIVE_DIRECTORY, json(ADDON_RECORD).file);
      const contract = path.join(RELEASE, "MarginGate.json");
      damagedNow(damage, { [addon]: setupCommand(), [WASM_FILE]: "git checkout", [contract]: AGAIN });
    });
  }

  it("W23: the record of the release damaged: it is named, and what makes it", function () {
    if (!canMount()) return skip(this, "no right to mount a file system");
    damagedNow((content) => content.subarray(0, -9), { [path.join(RELEASE, "record.json")]: AGAIN });
  });
});
