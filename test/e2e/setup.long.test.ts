// SPDX-License-Identifier: GPL-3.0-or-later
/** Set-up of a copy of the project beside its dependencies: what it builds, what it leaves alone, and what a kill leaves behind. */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { expect } from "chai";

const ROOT = path.resolve(import.meta.dirname, "../..");
const run = promisify(execFile);
/** In the folder of modules, what is not a dependency. */
const OWN = [".plimsoll-lock", "@plimsoll", "plimsoll"];

describe("set-up", function () {
  this.timeout(120_000);
  let clone: string;
  const at = (...parts: string[]) => path.join(clone, ...parts);

  beforeEach(() => {
    clone = mkdtempSync(path.join(tmpdir(), "plimsoll-setup-"));
    for (const part of ["circuits", "docs", "prover", "scripts", "package.json", "package-lock.json"]) {
      cpSync(path.join(ROOT, part), at(part), { recursive: true });
    }
    // Links, so that nothing that is done to the folder is done to the project's own.
    mkdirSync(at("node_modules"));
    for (const name of readdirSync(path.join(ROOT, "node_modules"))) {
      if (!OWN.includes(name)) symlinkSync(path.join(ROOT, "node_modules", name), at("node_modules", name));
    }
    mkdirSync(at("node_modules/@plimsoll"));
    symlinkSync("../../circuits", at("node_modules/@plimsoll/circuits"));
    symlinkSync("../../verifier-contracts", at("node_modules/@plimsoll/contracts"));
    const lock = createHash("sha256")
      .update(readFileSync(at("package-lock.json")))
      .digest("hex");
    writeFileSync(at("node_modules/.plimsoll-lock"), lock);
  });
  afterEach(() => rmSync(clone, { recursive: true, force: true }));

  /** What has been built for these circuits, from the project. */
  function giveBuilt(...circuits: string[]): void {
    for (const part of [
      ...circuits.flatMap((name) => [`circuits/${name}`, `keys/${name}`]),
      "keys/manifest.json",
      "native",
    ]) {
      cpSync(path.join(ROOT, "build", part), at("build", part), { recursive: true });
    }
  }
  const giveContracts = () =>
    cpSync(path.join(ROOT, "verifier-contracts"), at("verifier-contracts"), { recursive: true });
  const giveTestContracts = () =>
    cpSync(path.join(ROOT, "build/test-contracts"), at("build/test-contracts"), { recursive: true });
  /** Changes a contract of the release that no other imports. */
  function changeContract(): void {
    const source = at("verifier-contracts/verify/SettlementVerifier.sol");
    writeFileSync(source, `${readFileSync(source, "utf8")}// changed\n`);
  }
  const setup = (...targets: string[]) => run(process.execPath, ["scripts/setup.mjs", ...targets], { cwd: clone });

  it("writes nothing, and takes no lock, where all that is asked for is there", async () => {
    giveBuilt("board-60");
    mkdirSync(at("build/.setup-lock/held"), { recursive: true }); // nothing can be written there, nor removed
    expect(await setup("board-60")).to.deep.equal({ stdout: "", stderr: "" });
    expect(readdirSync(at("build"))).to.have.members([".setup-lock", "circuits", "keys", "native"]);
  });

  it("names what it does not know", async () => {
    const error = await setup("board-61").then(
      () => expect.fail("it was set up"),
      (error) => error,
    );
    expect(error.code).to.equal(2);
    expect(error.stderr).to.contain("unknown: board-61; what can be set up is board-60, ");
  });

  it("`npm run portfolio` touches no contract: it runs where there is none", async () => {
    giveBuilt("board-60", "merge-60");
    const { stdout } = await run("npm", ["run", "portfolio"], { cwd: clone });
    expect(stdout).to.contain("pack.zip");
    expect(existsSync(at("verifier-contracts"))).to.equal(false);
    await setup("contracts").then(
      () => expect.fail("contracts were set up"),
      () => {},
    );
  });

  it("compiles no contract of the release while its sources are those it was made from, and again where they are not", async () => {
    giveContracts();
    giveTestContracts();
    expect((await setup("contracts")).stderr).to.equal("");

    const record = () => JSON.parse(readFileSync(at("verifier-contracts/release/record.json"), "utf8"));
    const before = record();
    changeContract();
    const again = await setup("contracts");
    expect(again.stderr).to.contain(
      "compile SettlementVerifier into verifier-contracts/release: its sources have changed",
    );
    expect(record().SettlementVerifier).to.not.deep.equal(before.SettlementVerifier);
    expect(record().Vault).to.deep.equal(before.Vault);
    expect((await setup("contracts")).stderr).to.equal("");
  });

  it("takes over from a set-up that was killed, of which nothing runs on", async () => {
    giveContracts();
    const child = spawn(process.execPath, ["scripts/setup.mjs", "contracts"], { cwd: clone, stdio: "ignore" });
    const killed = new Promise((resolve) => child.on("exit", (_, signal) => resolve(signal)));
    const compiles = () => processes().some(({ command }) => command.includes("solc-worker"));
    while (!compiles()) await sleep(20);
    child.kill("SIGKILL");
    expect(await killed).to.equal("SIGKILL");
    const deadline = Date.now() + 10_000;
    while (processes().length !== 0 && Date.now() < deadline) await sleep(20);
    expect(processes()).to.deep.equal([]);
    expect(existsSync(at("build/test-contracts/record.json"))).to.equal(false);

    const { stderr } = await setup("contracts");
    expect(stderr).to.match(/ 1 of 1 {2}compile the contracts of tests: [0-9.]+ s\nset-up took [0-9.]+ s\n$/);
    expect(existsSync(at("build/test-contracts/TestToken.json"))).to.equal(true);
  });

  it("waits for one that runs in the same folder, and then finds its work done", async () => {
    giveContracts();
    giveTestContracts();
    changeContract();
    const results = await Promise.all([setup("contracts"), setup("contracts")]);
    const told = results.map(({ stderr }) => stderr);
    expect(told.filter((text) => text.includes("compile SettlementVerifier"))).to.have.length(1);
    expect(told.filter((text) => text.includes("waiting for another set-up"))).to.have.length(1);
  });

  /** Processes that run in the copy. */
  function processes(): { command: string }[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((id) => {
        try {
          const command = readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ");
          return readlinkSync(`/proc/${id}/cwd`) === clone && command !== "" ? [{ command }] : [];
        } catch {
          return []; // it has just ended
        }
      });
  }
});
