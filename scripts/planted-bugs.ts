// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Shows that invariants and fuzz tests of the contracts can fail: plants a bug for each in a copy of the project, one at a
 * time, and has the test find it. With none planted all of them hold.
 *
 *   npm run planted-bugs                    RUNS=… sequences of 32 calls each, 256 unless given
 *
 * All bugs are compiled in at once; a variable of the environment, read as tests do, says which one is there.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { compileCopy, copyProject, hardhat } from "./copy.ts";
import { step } from "./progress.ts";

interface Bug {
  readonly what: string;
  readonly file: string;
  /** A statement that is left out, or with `bug` replaced; `PLANTED` in that says whether the bug is there. */
  readonly code: string;
  readonly bug?: string;
  readonly caughtBy: string;
  readonly tests: string;
}

const BUGS: readonly Bug[] = [
  {
    what: "tokens leave and custody stays",
    file: "gate/Custody",
    code: "custodyOf[asset] = custody - amount;",
    caughtBy: "invariant_V12_custodyIsTheSumOfClaims",
    tests: "MarginGate",
  },
  {
    what: "a lot comes back and the fund's money does not",
    file: "gate/Liquidation",
    code: "_move(step.account, FUND, lot.fromFund);",
    caughtBy: "invariant_V12_lotsMoveNoTokens",
    tests: "Liquidation",
  },
  {
    what: "a lot that was taken is still out",
    file: "gate/Liquidation",
    code: "delete _lots[account];",
    caughtBy: "invariant_V18_oneLotAtATime",
    tests: "Liquidation",
  },
  {
    what: "the fund is paid out before its time",
    file: "gate/Liquidation",
    code: "if (block.timestamp < readyAt) revert WithdrawalTooEarly(readyAt, block.timestamp);",
    caughtBy: "invariant_V12_lotsMoveNoTokens",
    tests: "Liquidation",
  },
  {
    what: "an account attests while a lot of it is out",
    file: "gate/MarginGate",
    code: "_whole(step.account);\n        Ground memory ground = _ground(account.board, Basis.Attesting",
    bug: "PLANTED ? _account(step.account) : _whole(step.account);\n        Ground memory ground = _ground(account.board, Basis.Attesting",
    caughtBy: "invariant_V12_V18_booksStagesAndLotsAgree",
    tests: "Venue",
  },
  {
    what: "an account exits while a lot of it is out",
    file: "gate/MarginGate",
    code: "_whole(step.account);\n        Ground memory ground = _ground(account.board, Basis.Exit",
    bug: "PLANTED ? _account(step.account) : _whole(step.account);\n        Ground memory ground = _ground(account.board, Basis.Exit",
    caughtBy: "invariant_V12_V18_booksStagesAndLotsAgree",
    tests: "Venue",
  },
  {
    what: "every epoch restarts the count of a clock's stop",
    file: "libraries/Clock",
    code: "state.at = uint40(nowTime);",
    bug: "state.at = uint40(nowTime);\n        if (PLANTED && state.stoppedAt != 0) state.stoppedAt = uint40(nowTime);",
    caughtBy: "invariant_V13_V16_theClockIsTheOneWoundByHand",
    tests: "Market",
  },
  {
    what: "the lowest time of a quorum counts, not the median",
    file: "market/Reporters",
    code: "time = sorted[sorted.length / 2];",
    bug: "time = sorted[PLANTED ? 0 : sorted.length / 2];",
    caughtBy: "testFuzz_pricesAreMediansOfAnOddQuorum",
    tests: "Market",
  },
  {
    what: "a policy moves values by twice its bound",
    file: "market/PolicyRules",
    code: "return move * BPS > valueBefore * maxMoveBps;",
    bug: "return move * BPS > valueBefore * maxMoveBps * (PLANTED ? 2 : 1);",
    caughtBy: "testFuzz_O07_V14_aMoveIsTakenWhereNoQuantityMovesTooFar",
    tests: "Policy",
  },
  {
    what: "a price that is held back counts without a wait",
    file: "market/PriceSources",
    code: "known.heldBack == 0 || block.timestamp < known.heldBackAt + HALT_TIME",
    bug: "known.heldBack == 0 || (!PLANTED && block.timestamp < known.heldBackAt + HALT_TIME)",
    caughtBy: "invariant_V13_V16_theClockIsTheOneWoundByHand",
    tests: "Market",
  },
  {
    what: "a price counts after an hour whatever it was before",
    file: "market/PriceSources",
    code: "if (anchor == 0 || !_apart(anchor, price, maxMoveBps)) return false;",
    bug: "if (anchor == 0 || (PLANTED && block.timestamp >= known.anchoredAt + ANCHOR_TIME) || !_apart(anchor, price, maxMoveBps)) return false;",
    caughtBy: "invariant_V13_V16_theClockIsTheOneWoundByHand",
    tests: "Market",
  },
];

/** What the test runner answers at its own address, to anyone: the number of the bug that is planted. */
const PLANTED = `
function _planted(uint256 bug) view returns (bool) {
    (, bytes memory number) = address(uint160(uint256(keccak256("hevm cheat code")))).staticcall(
        abi.encodeWithSignature("envUint(string)", "PLANTED")
    );
    return abi.decode(number, (uint256)) == bug;
}
`;

const copy = await copyProject("planted");
for (const name of new Set(BUGS.map(({ file }) => file))) {
  const file = path.join(copy, "verifier-contracts", `${name}.sol`);
  let text = await readFile(file, "utf8");
  for (const [index, { file: of, code, bug = `if (!PLANTED) ${code}` }] of BUGS.entries()) {
    if (of !== name) continue;
    if (text.split(code).length !== 2) throw new Error(`${name}.sol does not have once: ${code}`);
    text = text.replace(code, () => bug.replace("PLANTED", `_planted(${index + 1})`));
  }
  await writeFile(file, text + PLANTED);
}

await step("compiling", () => compileCopy(copy));
const failed = async (planted: number, tests: readonly string[], names: readonly string[]) => {
  const files = tests.map((name) => `verifier-contracts/test/${name}.t.sol`);
  const { output } = await hardhat(copy, ["test", "solidity", ...files], () => {}, { PLANTED: String(planted) });
  if (!/[1-9]\d* (passing|failing)/.test(output)) throw new Error(`no test ran:\n${output}`);
  return names.filter((name) => !output.includes(`✔ ${name}(`));
};
const all = BUGS.map(({ caughtBy }) => caughtBy);
const files = [...new Set(BUGS.map(({ tests }) => tests))];
const without = await step("running without a bug", () => failed(0, files, all));
if (without.length !== 0) throw new Error(`fail without a bug: ${without.join(", ")}`);
let missed = 0;
for (const [index, { what, caughtBy, tests }] of BUGS.entries()) {
  const caught = (await failed(index + 1, [tests], [caughtBy])).length === 1;
  if (!caught) missed++;
  console.log(`${caught ? "caught" : "MISSED"}  ${what.padEnd(56)} ${caughtBy}`);
}
console.log(`${BUGS.length - missed} of ${BUGS.length} caught; without a bug all tests hold`);
if (missed !== 0) process.exitCode = 1;
