// SPDX-License-Identifier: GPL-3.0-or-later
// Solidity's own tests (`*.t.sol`): 256 runs, of 32 calls where they are sequences; RUNS=10000 (`npm run invariants`) for a night.
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
  it("V02, V12 to V14, V16 to V18, O05, O07: hold over random sequences of calls and random arguments", function () {
    this.timeout(300_000);
    const { stdout, stderr, status } = spawnSync(process.execPath, [HARDHAT, "test", "solidity"], {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, RUNS: process.env.RUNS ?? "256", NO_COLOR: "1" },
    });
    expect(status, stdout + stderr).to.equal(0);
    const runs = stdout.matchAll(/✔ (\w+)\(.*\) \(runs: (\d+)\)/g).toArray();
    expect(runs.map(([, name]) => name)).to.include.members([
      "invariant_V12_custodyIsTheSumOfClaims",
      "invariant_V12_lotsMoveNoTokens",
      "invariant_V12_V18_booksStagesAndLotsAgree",
      "invariant_V13_V16_theClockIsTheOneWoundByHand",
      "invariant_V18_oneLotAtATime",
      "testFuzz_O07_V14_aMoveIsTakenWhereNoQuantityMovesTooFar",
      "testFuzz_V14_levelsMoveWithinTheirBoundAndInOrder",
      "testFuzz_O12_packedValuesAreEvaluatedAsTheyAre",
      "testFuzz_valuesHoldTheLineOfEachPiece",
      "testFuzz_pricesAreMediansOfAnOddQuorum",
      "testFuzz_pricesFallFastAndThenSlow",
      "invariant_G15_capsAreNeverBelowTwiceDust",
      "testFuzz_transfersAndTermsDecode",
      "testFuzz_M12_noEpochClosesARowThatOneBeforeHasOpened",
    ]);
    for (const [, , count] of runs) expect(Number(count)).to.be.at.least(256);
    expect(stdout).to.not.match(/failing/);
  });
});
