// SPDX-License-Identifier: GPL-3.0-or-later
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { defaultBuildDirectory } from "../../prover/src/node/installation.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");

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
    cpSync(path.join(defaultBuildDirectory(), "circuits/merge-60"), at("circuits/merge-60"), { recursive: true });
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
    const first = setup("--development", "merge-60", "--json");
    expect(first.status, first.stderr).equal(0);
    expect(JSON.parse(first.stdout)).deep.equal({ directory: build, origin: "development", circuits: ["merge-60"] });
    expect(first.stderr).match(/merge-60: making its development key, \d+%\n/);
    expect(first.stderr).match(/merge-60: 7719 constraints, key [0-9a-f]{16}… \(1 of 1\)\n$/);
    const manifest = readFileSync(at("keys/manifest.json"), "utf8");
    expect(JSON.parse(manifest).origin).equal("development");

    const second = setup("--development", "merge-60");
    expect(second.stderr).match(/^ {2}merge-60: .*\(1 of 1\)\n$/);
    expect(second.stdout).contain("their maker can forge proofs");
    expect(readFileSync(at("keys/manifest.json"), "utf8")).equal(manifest);
  });

  it("leaves keys of a ceremony as they are, and makes no other beside them", () => {
    const file = at("keys/manifest.json");
    const before = readFileSync(file, "utf8");
    const ceremony = before.replace('"development"', '"ceremony"');
    writeFileSync(file, ceremony);
    expect(setup("--development", "merge-60").status).equal(0);
    const other = setup("--development", "merge-60", "board-60");
    expect(other.status).equal(3);
    expect(other.stderr).contain("KEY_REFUSED").and.contain("come from a ceremony");
    expect(readFileSync(file, "utf8")).equal(ceremony);
    writeFileSync(file, before);
  });

  it("stops within seconds when it is told to, and leaves no half-made file", async () => {
    rmSync(at("circuits/merge-60"), { recursive: true });
    const child = spawn(process.execPath, [BIN, "setup", "--development", "merge-60"], {
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
    expect(existsSync(at("circuits/merge-60"))).equal(false);
  });
});
