// SPDX-License-Identifier: GPL-3.0-or-later
/** Runs docs/imports.md with a real proof: four venues' files, an account, a proof and a verified pack that say what was left out. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { comparable } from "../support/documentation.ts";
import { runPlimsoll } from "../support/plimsoll.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const run = promisify(execFile);
const page = readFileSync(path.join(ROOT, "docs/imports.md"), "utf8");
const blocks = (language: string) =>
  [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter(([, name]) => name === language).map(([, , text]) => text!);

describe("docs/imports.md", function () {
  this.timeout(300_000);
  let folder: string;
  let stdout: string;
  let stderr: string;
  const file = (name: string) => path.join(folder, "firm", name);

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-imports-"));
    const commands = `shopt -s expand_aliases\n${blocks("sh").join("\n")}`.replaceAll(
      "build/imports",
      path.join(folder, "firm"),
    );
    ({ stdout, stderr } = await run("bash", ["-ec", commands], { cwd: ROOT }));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("U05, U07: goes from four venues' files to a verified pack, and shows what the commands print", () => {
    const [report, verdict] = blocks("") as [string, string];
    for (const part of [...report.split("…\n"), ...verdict.split("…\n")]) {
      expect(comparable(stdout)).to.contain(comparable(part));
    }
    expect(stdout).to.contain("valid and current");
    const { statement } = JSON.parse(readFileSync(file("proof.json"), "utf8"));
    expect(statement.exceptions).to.deep.equal([
      "left out: binance BNB",
      "counted at par: USD as USDC",
      "counted at par: USDT as USDC",
    ]);
  });

  it("U07: proves nothing of the first account, and names what is unsettled", () => {
    expect(stdout).to.match(/unsettled\n(.*\n)*.*not proven/);
    expect(stderr).to.match(
      /UNSETTLED: nothing is proven of this account before its owner settles: .*left out: binance BNB/,
    );
    expect(existsSync(file("refused.json"))).to.equal(false);
  });

  it("answers a command line that is none with what is expected, and prints the report as JSON", async () => {
    const plimsoll = (...args: string[]) =>
      runPlimsoll(path.join(folder, "firm"), [
        "import",
        "--policy",
        "policy.json",
        "--market",
        "market.json",
        "--name",
        "a",
        ...args,
      ]);
    const none = await plimsoll();
    expect(none).to.include({ code: 2 });
    expect(none.err).to.match(/USAGE: give the files of a venue: --deribit, --binance/);
    const custody = ["--csv", "custody-map.json", "custody.csv"];
    for (const [taken, rule] of [
      ["ftx=2026-11-22T08:00:00Z", /--taken: expected a venue \(deribit, .*, csv\) and a time/],
      ["okx=2026-11-22T08:00:00Z", /--taken: no files of okx are given/],
      ["csv=yesterday", /--taken: expected a UTC time/],
    ] as const) {
      const { code, err } = await plimsoll(...custody, "--taken", taken);
      expect(code).to.equal(2);
      expect(err).to.match(rule);
    }
    const { code, out, err } = await plimsoll(...custody, "--leave-out", "csv DOGE", "--json");
    expect(code).to.equal(0);
    expect(JSON.parse(out)).to.deep.include({ unsettled: [], unused: ["csv DOGE"] });
    expect(err).to.contain('nothing needed what the map or an option says of "csv DOGE"');

    // Of the owner's files it overwrites none, its own earlier ones among them.
    for (const name of ["policy.json", "../again.json", "../again.json"]) {
      const there = existsSync(file(name)) && readFileSync(file(name), "utf8");
      const again = await plimsoll(...custody, "--out", name);
      if (there === false) {
        expect(again.code, again.err).to.equal(0);
        continue;
      }
      expect([again.code, again.out]).to.deep.equal([2, ""]);
      expect(again.err).to.match(/^plimsoll: FILE: .*exists already; nothing was written\n$/);
      expect(readFileSync(file(name), "utf8")).to.equal(there);
    }
  });

  it("writes the account for its owner alone, and no amount of it into the proof", () => {
    expect(statSync(file("imported.json")).mode & 0o777).to.equal(0o600);
    const { balance, collateral } = JSON.parse(readFileSync(file("imported.json"), "utf8"));
    const proof = readFileSync(file("proof.json"), "utf8");
    for (const amount of [balance, ...Object.values<string>(collateral)]) expect(proof).not.to.contain(amount);
  });
});
