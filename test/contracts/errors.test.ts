// SPDX-License-Identifier: GPL-3.0-or-later
// Every custom error of the contracts is provoked by name in some test: a rule without a test does not stay unnoticed.
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { expect } from "chai";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SOURCES = path.join(ROOT, "verifier-contracts");

async function textsOf(directory: string, ending: string): Promise<string[]> {
  const files = await readdir(directory, { recursive: true });
  return files
    .filter((file) => file.endsWith(ending))
    .filter((file) => directory !== SOURCES || !file.startsWith("test"))
    .map((file) => readFileSync(path.join(directory, file), "utf8"));
}

describe("custom errors", () => {
  it("are each expected by name in a test of the contracts", async () => {
    const declared = (await textsOf(SOURCES, ".sol")).flatMap((text) => [...text.matchAll(/^\s*error (\w+)\(/gm)]);
    const tests = [
      ...(await textsOf(import.meta.dirname, ".test.ts")),
      ...(await textsOf(path.join(SOURCES, "test"), ".t.sol")),
    ].join("\n");
    const expected = new Set([
      ...tests.matchAll(/"(\w+)"/g).map(([, name]) => name),
      ...tests.matchAll(/(\w+)\.selector/g).map(([, name]) => name),
    ]);
    expect(declared.length).to.be.above(100);
    expect(declared.map(([, name]) => name).filter((name) => !expected.has(name))).to.deep.equal([]);
  });
});
