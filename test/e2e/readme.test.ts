// SPDX-License-Identifier: GPL-3.0-or-later
/** Runs what the README shows, in an empty folder. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { comparable } from "../support/documentation.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const README = readFileSync(path.join(ROOT, "README.md"), "utf8");
const run = promisify(execFile);

/** Contents of the fenced blocks in this language ("" for output), in order. */
const blocks = (language: string): string[] =>
  [...README.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, tag, content]) => (tag === language ? [content!] : []));

describe("the README", function () {
  this.timeout(180_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-readme-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("is at most 150 lines, without a gap left to fill", () => {
    expect(README).to.not.contain("@@");
    expect(README.split("\n").length).to.be.at.most(151);
  });

  it("shows the gas that the snapshot has", () => {
    const gas = JSON.parse(readFileSync(path.join(ROOT, "test/snapshots/gas.json"), "utf8")) as Record<string, number>;
    const thousands = (name: string) => `${Math.round(gas[name]! / 1e3)} k`;
    const sentence =
      `One verification on chain executes in ${gas["AccountVerifier.verify"]!.toLocaleString("en")} gas; a whole attestation ` +
      `costs ${thousands("MarginGate.attest")}, a withdrawal ${thousands("MarginGate.withdraw")}, a trade of two proofs ` +
      `${thousands("Exchange.trade")}, and 25 k to 35 k more with the oracle's own reading; ` +
      `an epoch of 60 instruments costs ${(gas["epoch.60"]! / 1e6).toFixed(1)} M.`;
    expect(README.replaceAll("\n", " ")).to.contain(sentence);
  });

  it("shows commands that do what it says, with the output it shows", async () => {
    // The clone is read-only to the reader: only where the firm's files go is changed.
    const commands = blocks("sh")[0]!.replaceAll("build/firm", path.join(folder, "firm"));
    const { stdout } = await run("bash", ["-O", "expand_aliases", "-ec", commands], { cwd: ROOT });
    // The demo's output, the third, is not of these commands.
    const shown = blocks("")
      .slice(0, 2)
      .flatMap((output) => output.split("…\n"));
    expect(shown).to.have.length(4);
    for (const part of shown) expect(comparable(stdout)).to.contain(comparable(part));
  });

  it("shows what the demo prints", async () => {
    const { stdout } = await run(process.execPath, ["scripts/demo.ts"], { cwd: ROOT, maxBuffer: 1 << 24 });
    const shown = blocks("")[2]!
      .split("\n")
      .filter((line) => line.trim() !== "");
    expect(shown.length).to.be.greaterThan(4);
    for (const line of shown) expect(stdout).to.contain(line);
    expect(stdout).to.match(/valid\n *proven: The account with commitment/);
    const report = readFileSync(path.join(ROOT, "build/demo/report.html"), "utf8");
    expect(report).to.contain("110.66%");
  });

  it("shows library code that runs", async () => {
    // Below the package's own root, so that its name resolves as it does for a user.
    const file = path.join(ROOT, "build", `readme-${process.pid}.ts`);
    writeFileSync(file, blocks("ts")[0]!);
    try {
      const { stdout } = await run(process.execPath, ["--conditions=plimsoll-clone", file], {
        cwd: path.join(folder, "firm"),
      });
      expect(stdout).to.contain("covers its maintenance margin at least 1.2 times");
    } finally {
      rmSync(file);
    }
  });
});
