// SPDX-License-Identifier: GPL-3.0-or-later
/** Runs what docs/packs.md shows, in an empty folder; packs of released versions; exit codes. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { readTrust } from "../../prover/src/pack/trust.ts";
import { createPackVerifier } from "../../prover/src/pack/verify.ts";
import { unzipFiles, zipFiles } from "../../prover/src/pack/zip.ts";
import { comparable } from "../support/documentation.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const PAGE = readFileSync(path.join(ROOT, "docs/packs.md"), "utf8");
const VECTORS = path.join(ROOT, "test/vectors/packs");
const run = promisify(execFile);

/** Contents of the fenced blocks in this language ("" for output), in order. */
const blocks = (language: string): string[] =>
  [...PAGE.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, tag, content]) => (tag === language ? [content!] : []));

describe("docs/packs.md", function () {
  this.timeout(180_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-packs-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("shows commands that do what it says, with the output it shows", async () => {
    const commands = blocks("sh")[0]!.replaceAll("build/firm", path.join(folder, "firm"));
    const { stdout } = await run("bash", ["-O", "expand_aliases", "-ec", commands], { cwd: ROOT });
    for (const part of blocks("")[0]!.split("…\n")) expect(comparable(stdout)).contain(comparable(part));
    const report = readFileSync(path.join(folder, "firm/report.html"), "utf8");
    expect(report)
      .contain("Test only: worth nothing as evidence")
      .contain("Under a development key")
      .contain("We have no other debts.");
  });

  it("shows library code that runs", async () => {
    const file = path.join(ROOT, "build", `packs-${process.pid}.ts`);
    writeFileSync(file, blocks("ts")[0]!);
    try {
      const { stdout } = await run(process.execPath, ["--conditions=plimsoll-clone", file], {
        cwd: path.join(folder, "firm"),
      });
      expect(stdout).equal("valid\n");
    } finally {
      rmSync(file);
    }
  });
});

describe("packs of released versions", function () {
  this.timeout(60_000);
  const names = readdirSync(VECTORS).flatMap((file) => (file.endsWith(".zip") ? [file.slice(0, -4)] : []));
  const vector = (file: string) => readFileSync(path.join(VECTORS, file));

  it("are there for the format that is written now", () => expect(names).include("plimsoll-pack-1"));

  for (const name of names) {
    it(`A08: still verify, to the same verdict: ${name}`, async () => {
      const expected = JSON.parse(vector(`${name}.verdict.json`).toString());
      const trust = readTrust({ file: "trust.json", text: vector(`${name}.trust.json`).toString() });
      const verdict = await createPackVerifier(trust).verify(vector(`${name}.zip`), new Date(expected.date));
      if (!verdict.ok) return expect.fail(`${verdict.finding.code}: ${verdict.finding.sentence}`);
      const { reading, outcome } = verdict;
      expect({
        date: expected.date,
        outcome,
        sha256: reading.sha256,
        history: reading.history.map(({ sha256 }) => sha256),
        statements: reading.statements.map(({ statement, level, account, values, stateAfter }) => ({
          text: statement.text,
          stateAfter,
          level,
          account: account.level,
          values: values.level,
        })),
      }).deep.equal(expected);
    });
  }
});

describe("plimsoll pack", function () {
  this.timeout(60_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-pack-"));
    for (const file of ["plimsoll-pack-1.zip", "plimsoll-pack-1.trust.json"]) {
      cpSync(
        path.join(VECTORS, file),
        path.join(folder, file.replace("plimsoll-pack-1.", "pack.").replace("pack.trust", "trust")),
      );
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Exit code, and what was printed. Neither circuits nor keys are there, and nothing of the environment. */
  async function plimsoll(...options: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const bin = path.join(ROOT, "prover/bin/plimsoll.mjs");
    const env = { PLIMSOLL_BUILD: path.join(folder, "nowhere") };
    return run(process.execPath, [bin, ...options], { cwd: folder, env }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  }

  it("A09, W15: tells valid, not current, invalid and unusable apart by exit code, without circuits, keys or secrets", async () => {
    const options = ["--trust", "trust.json", "--date", "2026-11-22T12:00:00Z"];
    const files = unzipFiles(readFileSync(path.join(folder, "pack.zip")));
    const changed = new Map(files).set("policies/1.json", new TextEncoder().encode("{}"));
    writeFileSync(path.join(folder, "changed.zip"), zipFiles(changed));
    writeFileSync(path.join(folder, "cut.zip"), zipFiles(files).subarray(0, 1_000));
    const cases: [string[], number, RegExp][] = [
      [["pack.zip", ...options], 0, /^TEST ONLY \(DEVELOPMENT_KEY\).*\nvalid and current\nproven: /],
      [
        ["pack.zip", "--trust", "trust.json", "--date", "2027-11-22T12:00:00Z"],
        5,
        /^TEST ONLY .*\nvalid, not current\nnot current \(/,
      ],
      [["changed.zip", ...options], 1, /^invalid \(FILE_CHANGED\) in policies\/1.json: The file is not/],
      [["cut.zip", ...options], 2, /^unusable \(PACK_MALFORMED\)/],
      [["none.zip", ...options], 2, /^$/],
      [["pack.zip", "--trust", "pack.zip"], 2, /^$/],
      [["pack.zip", "--trust", "trust.json", "--date", "today"], 2, /^$/],
      [["pack.zip", "--trust", "trust.json", "--date", "2026-11-31T12:00:00Z"], 2, /^$/],
      [["pack.zip", "--trust", "trust.json", "--date", "2026-11-22T24:00:00Z"], 2, /^$/],
      [["pack.zip"], 2, /^$/],
    ];
    const results = await Promise.all(cases.map(([given]) => plimsoll("pack", "verify", ...given)));
    for (const [index, [given, code, text]] of cases.entries()) {
      expect(results[index]!.code, `${given.join(" ")}\n${results[index]!.stderr}`).equal(code);
      expect(results[index]!.stdout).match(text);
    }
  });

  it("make without a proof or a policy is told so at once", async () => {
    const { code, stderr } = await plimsoll("pack", "make", "--policy", "p.json");
    expect(code).equal(2);
    expect(stderr).contain("required option '--proof <file>' not specified");
  });

  it("reads a directory as it reads a zip, and refuses links in it", async () => {
    const { mkdirSync, symlinkSync } = await import("node:fs");
    const directory = path.join(folder, "unzipped");
    for (const [name, content] of unzipFiles(readFileSync(path.join(folder, "pack.zip")))) {
      mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
      writeFileSync(path.join(directory, name), content);
    }
    const verify = ["pack", "verify", "unzipped", "--trust", "trust.json", "--date", "2026-11-22T12:00:00Z", "--json"];
    const { code, stdout } = await plimsoll(...verify);
    expect(code).equal(0);
    expect(JSON.parse(stdout)).include({ format: "plimsoll-verdict/1", outcome: "valid", evidence: false });
    symlinkSync("/etc/passwd", path.join(directory, "link"));
    expect((await plimsoll(...verify)).code).equal(2);
  });

  it("attests only to what reads back, with everything checked before it signs", async () => {
    expect((await plimsoll("pack", "key", "own.key")).stdout).match(/^0x[0-9a-f]{40}\n$/);
    const good = {
      "--commitment": "5",
      "--size": "board-60",
      "--firm": `0x${"F1".repeat(20)}`,
      "--subject": "account 1",
      "--scope": "everything",
      "--as-of": "2026-11-22T07:30:00Z",
      "--expires": "2026-12-22T07:30:00Z",
      "--name": "Custodian",
      "--key": "own.key",
    };
    const attest = (change: object) => plimsoll("pack", "attest", ...Object.entries({ ...good, ...change }).flat());
    const cases = [
      {},
      { "--commitment": "0x5" },
      { "--size": "board-61" },
      { "--firm": "0x1" },
      { "--expires": "2026-11-22T07:29:59Z" },
    ];
    const results = await Promise.all(cases.map(attest));
    expect(results.map(({ code }) => code)).deep.equal([0, 2, 2, 2, 2]);
    expect(JSON.parse(results[0]!.stdout)).property("vouched").include({ scope: "everything", commitment: "5" });
  });
});
