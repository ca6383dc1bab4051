// SPDX-License-Identifier: GPL-3.0-or-later
// Solidity's own tests (`*.t.sol`): 256 sequences of 32 calls here, RUNS=10000 (`npm run invariants`) for a night's run.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { expect } from "chai";

const ROOT = path.resolve(import.meta.dirname, "../..");
const HARDHAT = path.join(
  path.dirname(createRequire(import.meta.url).resolve("hardhat/package.json")),
  "dist/src/cli.js",
);

describe("invariants", () => {
  it("V12: hold over random sequences of calls", function () {
    this.timeout(300_000);
    const { stdout, stderr, status } = spawnSync(process.execPath, [HARDHAT, "test", "solidity"], {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, RUNS: process.env.RUNS ?? "256", NO_COLOR: "1" },
    });
    expect(status, stdout + stderr).to.equal(0);
    const runs = stdout.matchAll(/✔ (invariant_\w+)\(\) \(runs: (\d+)\)/g).toArray();
    expect(runs.map(([, name]) => name)).to.deep.equal(["invariant_V12_custodyIsTheSumOfClaims"]);
    for (const [, , count] of runs) expect(Number(count)).to.be.at.least(256);
    expect(stdout).to.not.match(/failing/);
  });
});
