// SPDX-License-Identifier: GPL-3.0-or-later
/** Runs what docs/disclosure.md shows, in an empty folder; then what firm and auditor do wrong, and that nothing leaks. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { type Course, leakage, leakageTable, WAYS } from "../../scripts/leakage.ts";
import { comparable } from "../support/documentation.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BIN = path.join(ROOT, "prover/bin/plimsoll.mjs");
const PAGE = readFileSync(path.join(ROOT, "docs/disclosure.md"), "utf8");
const run = promisify(execFile);

/** Contents of the fenced blocks in this language ("" for output), in order. */
const blocks = (language: string): string[] =>
  [...PAGE.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, tag, content]) => (tag === language ? [content!] : []));

describe("docs/disclosure.md", function () {
  this.timeout(400_000);
  let folder: string;
  const at = (name: string) => path.join(folder, "firm", name);
  const read = (name: string) => readFileSync(at(name), "utf8");
  /** Everything that any command printed. */
  let printed = "";
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-disclosure-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function plimsoll(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(process.execPath, [BIN, ...args], { cwd: path.join(folder, "firm"), stdio: "pipe" });
    let [out, err] = ["", ""];
    child.stdout.on("data", (text) => (out += text));
    child.stderr.on("data", (text) => (err += text));
    return new Promise((resolve) => {
      child.on("close", (code) => {
        printed += out + err;
        resolve({ code, out, err });
      });
    });
  }
  const MARKET = ["--policy", "policy.json", "--market", "market.json"];
  const FIRM = ["disclose", ...MARKET, "--account", "account.json", "--key", "viewing.key", "--audience", "request 13"];
  const disclose = (...args: string[]) =>
    plimsoll(...FIRM, ...(args.includes("--to") ? [] : ["--to", "auditor-key.json"]), ...args);
  const verify = (file: string, ...args: string[]) =>
    plimsoll("disclosure", "verify", file, ...MARKET, "--key", "auditor.secret", ...args);

  it("shows commands that do what it says, with the output it shows", async () => {
    const commands = blocks("sh")[0]!.replaceAll("build/firm", path.join(folder, "firm"));
    const { stdout } = await run("bash", ["-O", "expand_aliases", "-ec", commands], { cwd: ROOT });
    for (const part of blocks("")[0]!.split("…\n")) expect(comparable(stdout)).contain(comparable(part));
    expect(stdout).match(/^ {2}commitment, tied to what you gave: \d+$/m);
    for (const name of ["auditor.secret", "disclosures.json", "equity.json"]) {
      expect(statSync(at(name)).mode & 0o777, name).equal(0o600);
    }
  });

  it("shows the table that the simulation prints", () => {
    const courses = new Map<string, Course>(
      WAYS.flatMap((way) => [
        [way, leakage(way, false)],
        [`${way}, budget`, leakage(way, true)],
      ]),
    );
    expect(PAGE).contain(leakageTable(courses));
  });

  it("refuses what is over budget, and discloses it with the owner's word", async () => {
    const before = read("disclosures.json");
    const { code, out, err } = await disclose("--figure", "equity", "--exact");
    expect(code).equal(1);
    expect(out).equal("");
    expect(err).contain("BUDGET_EXCEEDED").contain("OTHER_QUESTION").contain("TOO_NARROW");
    expect(read("disclosures.json")).equal(before);
    const over = await disclose("--figure", "asset:BTC", "--exact", "--over-budget", "--out", "btc.json");
    expect(over.code, over.err).equal(0);
    expect(JSON.parse(read("disclosures.json")).answers).length(2);
    const verdict = await verify("btc.json", "--json");
    expect(verdict.code).equal(0);
    expect(JSON.parse(verdict.out).statements[0].sentence).match(/ holds exactly 22 units of one asset\.$/);
    expect(JSON.parse(verdict.out).statements[0].commitments[0].known).equal("claimed");
  });

  it("A09: tells invalid and unusable apart by exit code, and refuses what was made for another", async () => {
    writeFileSync(at("other.secret"), "31415926535\n", { mode: 0o600 });
    const other = await plimsoll("disclosure", "verify", "btc.json", ...MARKET, "--key", "other.secret");
    expect(other.code).equal(1);
    expect(other.out).contain("AUDITOR_MISMATCH");
    expect((await verify("policy.json")).code).equal(2);
  });

  it("refuses a key without a holder, and a band that is none", async () => {
    const key = JSON.parse(read("auditor-key.json"));
    writeFileSync(at("thin-air.json"), JSON.stringify({ ...key, key: "12345" }));
    const thin = await disclose("--figure", "cash", "--low", "-1000000000000", "--to", "thin-air.json");
    expect(thin.code).equal(1);
    expect(thin.err).contain("PROOF_REFUSED: thin-air.json: nobody is shown to have the secret");
    const { code, err } = await disclose("--figure", "cash", "--low", "2", "--high", "1");
    expect(code).equal(2);
    expect(err).contain("USAGE: expected --low at or below --high");
  });

  it("P06: prints no private value, whatever goes wrong, and leaves none in a disclosure of another figure", async () => {
    const canary = { cash: "-7173139.424247", BTC: "27.13571113", position: "-1371943.31" };
    const account = JSON.parse(read("account.json"));
    const instrument = "BTC-PERP";
    const state = {
      format: "plimsoll-account/1",
      account: account.account,
      cash: canary.cash,
      collateral: { ...account.collateral, BTC: canary.BTC },
      positions: { [instrument]: canary.position },
      sequence: account.sequence,
    };
    writeFileSync(at("account.json"), JSON.stringify(state));
    printed = "";
    const own = ["--ledger", "canary.json"];
    const fine = await disclose(...own, "--figure", "asset:ETH", "--step", "100", "--out", "eth.json");
    expect(fine.code, fine.err).equal(0);
    const false_ = await disclose(...own, "--figure", "cash", "--low", "1", "--high", "999999999");
    expect(false_.err).contain("STATEMENT_FALSE: the figure is not in this band");
    expect(false_.code).equal(1);
    expect((await disclose(...own, "--figure", `instrument:${instrument}`, "--exact")).code).equal(1);
    const secrets = [...Object.values(canary), read("viewing.key").trim(), read("auditor.secret").trim()];
    for (const text of [printed, read("eth.json"), read("canary.json"), read("auditor-key.json")]) {
      const digits = text.replaceAll(/[,_.]/g, "");
      for (const secret of secrets) expect(digits).not.contain(secret.replaceAll(/[-.]/g, ""));
    }
  });
});
