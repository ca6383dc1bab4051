// SPDX-License-Identifier: GPL-3.0-or-later
// The committed contracts are those of the sources. With CI set all are compiled anew, else the quickest.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import {
  type Artifact,
  artifactFile,
  compileRelease,
  RELEASE,
  staleRelease,
  TABLE,
} from "../../scripts/build-contracts.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** EIP-170 and EIP-3860, bytes. */
const [CODE_LIMIT, CREATION_LIMIT] = [24_576, 49_152];
const NAMES = Object.keys(TABLE.contracts);
const read = (name: string): Artifact => JSON.parse(readFileSync(artifactFile(name), "utf8"));
const bytes = (code: string) => (code.length - 2) / 2;

describe("the released contracts", () => {
  it("are those of contracts.json and no others, each within the limits of a chain", () => {
    expect(readdirSync(RELEASE).toSorted()).to.deep.equal(
      [...NAMES.map((name) => `${name}.json`), "record.json"].toSorted(),
    );
    for (const name of NAMES) {
      const { contractName, deployedBytecode, bytecode } = read(name);
      expect(contractName).to.equal(name);
      expect(bytes(deployedBytecode), name).to.be.within(100, CODE_LIMIT);
      expect(bytes(bytecode), name).to.be.below(CREATION_LIMIT);
    }
  });

  it("are recorded as made from the sources and settings that there are", () => {
    expect(staleRelease(), "stale: `npm run setup` compiles them, and they are committed").to.deep.equal([]);
    if (!process.env.CI || !existsSync(path.join(ROOT, ".git"))) return;
    const changed = execFileSync("git", ["status", "--porcelain", "--", RELEASE], { cwd: ROOT, encoding: "utf8" });
    expect(changed, "compiled here, and not committed").to.equal("");
  });

  for (const name of process.env.CI ? NAMES : ["VerifierRouter"]) {
    it(`${name} compiles to the same bytes`, async () => {
      expect(await compileRelease(name)).to.deep.equal(read(name));
    });
  }

  it("name their sources as they are in the repository, each with its own imports alone", () => {
    for (const name of NAMES) {
      const { sources, settings } = JSON.parse(read(name).metadata);
      const { source, runs } = TABLE.contracts[name]!;
      expect(settings.compilationTarget).to.deep.equal({ [`verifier-contracts/${source}`]: name });
      expect(settings.optimizer).to.deep.equal({ enabled: true, runs });
      for (const file of Object.keys(sources)) {
        expect(file).to.match(
          /^(verifier-contracts\/(market|gate|verify|book|interfaces|libraries)|@openzeppelin\/contracts)\//,
        );
      }
    }
  });

  it("the oracle creates the sources of prices that are among them", () => {
    expect(read("PriceOracle").bytecode).to.include(read("PriceSources").bytecode.slice(2));
  });
});
