// SPDX-License-Identifier: GPL-3.0-or-later
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";

const ROOT = path.resolve(import.meta.dirname, "../..");

describe("a machine without a compiler", () => {
  let clone: string;
  before(() => {
    // A copy of the package beside its dependencies, with nothing built.
    clone = mkdtempSync(path.join(tmpdir(), "plimsoll-test-"));
    for (const part of ["circuits", "prover", "scripts", "package.json"]) {
      // What is built for packing comes and goes while the packages' own test runs.
      const filter = (file: string) => file !== path.join(ROOT, "prover/dist");
      cpSync(path.join(ROOT, part), path.join(clone, part), { recursive: true, filter });
    }
    symlinkSync(path.join(ROOT, "node_modules"), path.join(clone, "node_modules"));
  });
  after(() => rmSync(clone, { recursive: true }));

  /** Runs Node in the copy; no program can be found by its name. */
  const run = (script: string, ...words: string[]) =>
    spawnSync(process.execPath, [script, ...words], {
      cwd: clone,
      encoding: "utf8",
      env: { PATH: "", PLIMSOLL_BUILD: path.join(ROOT, "build") },
    });

  it("sets up with one line that says so, and proves with WebAssembly", () => {
    const setup = run("scripts/build-native.ts");
    expect(setup.status).to.equal(0);
    expect(setup.stderr).to.equal("  no native prover, WebAssembly is used: no C++ compiler was found at set-up\n");

    const doctor = run("prover/bin/plimsoll.mjs", "doctor", "--json");
    expect(doctor.status, doctor.stderr).to.equal(0);
    const value = "wasm, prebuilt; no native prover: no C++ compiler was found at set-up";
    expect(JSON.parse(doctor.stdout).facts).to.deep.include({ label: "prover", value });
    expect(readFileSync(path.join(ROOT, "docs/performance.md"), "utf8")).to.contain(`\n    prover: ${value}\n`);

    expect(run("prover/bin/plimsoll.mjs", "init", "firm").status).to.equal(0);
    const files = ["policy", "market"].flatMap((name) => [`--${name}`, `firm/${name}.json`]);
    const asked = ["--at-least", "initial", "--audience", "nobody in particular"];
    const account = ["--account", "firm/account.json", "--key", "firm/viewing.key"];
    const proof = run("prover/bin/plimsoll.mjs", "prove", ...files, ...account, ...asked, "--out", "proof.json");
    expect(proof.status, proof.stderr).to.equal(0);
    const verdict = run("prover/bin/plimsoll.mjs", "verify", "proof.json", ...files, ...asked);
    expect(verdict.status, verdict.stderr).to.equal(0);
    expect(existsSync(path.join(clone, "build/native/addon.json"))).to.equal(true);
    expect(JSON.parse(readFileSync(path.join(clone, "build/native/addon.json"), "utf8"))).to.not.have.property("file");
  });

  it("refuses by name the native prover where it is asked for", () => {
    const files = ["policy", "market"].flatMap((name) => [`--${name}`, `firm/${name}.json`]);
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        "prover/bin/plimsoll.mjs",
        "prove",
        ...files,
        ...["--account", "firm/account.json", "--key", "firm/viewing.key", "--at-least", "0%", "--audience", "x"],
      ],
      {
        cwd: clone,
        encoding: "utf8",
        env: { PATH: "", PLIMSOLL_BUILD: path.join(ROOT, "build"), PLIMSOLL_BACKEND: "native" },
      },
    );
    expect(status).to.equal(3);
    expect(stderr).to.contain("BACKEND_UNAVAILABLE: no native prover: no C++ compiler was found at set-up");
  });
});
