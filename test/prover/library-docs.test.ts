// SPDX-License-Identifier: GPL-3.0-or-later
/** The programs of docs/library.md: all pass the type checks, and those marked `run` run in the folder of a sample firm. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import ts from "typescript";
import { sampleFiles } from "../../prover/src/app/sample-files.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const PROGRAMS = [
  ...readFileSync(path.join(ROOT, "docs/library.md"), "utf8").matchAll(/^## ([^\n]*)\n\n```ts( run)?\n(.*?)^```$/gms),
].map(([, title, run, code]) => ({ title: title!, runs: run !== undefined, code: code! }));

/** What each program prints. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  Accounts: /^initial: true, call: true, .*\npublic commitment \d{60,}n\n$/,
  Imports: /name: 'csv DOGE'.*acknowledged: true.*rounded: '12\.12345678'/s,
  Proofs: /covers its maintenance margin at least 1\.2 times/,
  "Several accounts": /^board-60 1\n$/,
  Links: /^true development\n$/,
  Risk: /^0 differences\n\d+ columns explained\n$/,
  Errors: /^SYNTAX \{ file: 'policy\.json', line: 1.*\} true\n$/s,
};

describe("docs/library.md", function () {
  this.timeout(120_000);
  // In the clone, where the packages' names are found.
  const folder = path.join(ROOT, "build", `library-${process.pid}`);
  const at = (name: string) => path.join(folder, name);
  before(() => {
    mkdirSync(folder, { recursive: true });
    for (const { name, text } of sampleFiles("plimsoll")) writeFileSync(at(name), text);
    for (const { title, code } of PROGRAMS) writeFileSync(at(`${title}.ts`), code);
  });
  after(() => rmSync(folder, { recursive: true }));

  it("shows programs that pass the type checks", () => {
    const { config } = ts.readConfigFile(path.join(ROOT, "tsconfig.json"), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    const program = ts.createProgram(
      PROGRAMS.map(({ title }) => at(`${title}.ts`)),
      { ...options, customConditions: ["plimsoll-clone"] },
    );
    const found = ts.getPreEmitDiagnostics(program).filter(({ file }) => file?.fileName.startsWith(folder));
    expect(
      ts.formatDiagnostics(found, {
        getCurrentDirectory: () => folder,
        getNewLine: () => "\n",
        getCanonicalFileName: (name) => name,
      }),
    ).equal("");
    expect(PROGRAMS.filter(({ runs }) => runs).map(({ title }) => title)).deep.equal(Object.keys(PRINTED));
  });

  for (const { title, runs } of PROGRAMS) {
    if (!runs) continue;
    it(`shows a program that runs: ${title}`, async () => {
      const words = ["--conditions=plimsoll-clone", `${title}.ts`];
      const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: folder });
      expect(stdout).match(PRINTED[title]!);
    });
  }
});
