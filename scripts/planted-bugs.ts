// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Shows that invariants and fuzz tests of the contracts can fail: plants a bug for each in a copy of the project, one at a
 * time, and has the test find it. With none planted all of them hold.
 *
 *   npm run planted-bugs                    RUNS=… sequences of 32 calls each, 256 unless given; one that they miss is looked for in 4,096
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
    file: "libraries/Vault",
    code: "custody.amount -= uint128(amount);",
    caughtBy: "invariant_V12_custodyIsTheSumOfClaims",
    tests: "MarginGate",
  },
  {
    what: "a lot that was taken is still out",
    file: "gate/Liquidation",
    code: "delete auctionOf[lot.account];",
    caughtBy: "invariant_V18_oneLotAtATime",
    tests: "Liquidation",
  },
  {
    what: "a lot is void while its auction runs",
    file: "gate/Liquidation",
    code: "if (clock < lot.voidFrom && block.timestamp < lot.voidTime) revert AuctionRunning(clock, lot.voidFrom);",
    caughtBy: "invariant_V18_oneLotAtATime",
    tests: "Liquidation",
  },
  {
    what: "the backstop's turn is everybody's",
    file: "gate/Liquidation",
    code: "if (bidder != backstop) revert BidderRefused(bidder);",
    caughtBy: "invariant_V12_lotsMoveNoTokens",
    tests: "Liquidation",
  },
  {
    what: "the lot of a solvent account is sold below its debt",
    file: "gate/Liquidation",
    code: "if (!insolvent) last = Math.max(last, offer.debt);",
    caughtBy: "testFuzz_pricesFallFastAndThenSlow",
    tests: "Liquidation",
  },
  {
    what: "the reward comes before the debt",
    file: "gate/Liquidation",
    code: "Math.min((price - repaid) / REWARD_PART, lot.reward);",
    bug: "Math.min((price - (PLANTED ? 0 : repaid)) / REWARD_PART, lot.reward);",
    caughtBy: "invariant_V12_lotsMoveNoTokens",
    tests: "Liquidation",
  },
  {
    what: "what the fund pays is no claim",
    file: "gate/Liquidation",
    code: "gate.charge(lot.account, fromFund * unit);",
    caughtBy: "invariant_V12_lotsMoveNoTokens",
    tests: "Liquidation",
  },
  {
    what: "what leaves is not counted against the limit",
    file: "libraries/Vault",
    code: "if (used + lots > limit) revert IMarginGate.OutflowLimited(asset, limit > used ? limit - used : 0, lots);",
    caughtBy: "invariant_V12_custodyIsTheSumOfClaims",
    tests: "MarginGate",
  },
  {
    what: "collateral leaves an account that owes the fund",
    file: "libraries/Vault",
    code: "if (asset != CASH) revert IMarginGate.OwesFund(account, owed);",
    caughtBy: "invariant_V12_V18_booksStagesAndLotsAgree",
    tests: "Venue",
  },
  {
    what: "an account steps while a lot of it is out",
    file: "gate/Accounts",
    code: "if (account.stage == Stage.Liquidating) revert StageWrong(id, Stage.Liquidating);",
    caughtBy: "invariant_V12_V18_booksStagesAndLotsAgree",
    tests: "Venue",
  },
  {
    what: "an account that owes the fund becomes healthy",
    file: "gate/Accounts",
    code: "if (!healthy && account.owed == 0) {",
    bug: "if (!healthy && (PLANTED || account.owed == 0)) {",
    caughtBy: "invariant_V12_V18_booksStagesAndLotsAgree",
    tests: "Venue",
  },
  {
    what: "a called account absorbs in every block",
    file: "gate/MarginGate",
    code: "if (block.timestamp < last + ABSORB_PAUSE) revert AbsorbedTooRecently(id, last + ABSORB_PAUSE);",
    caughtBy: "invariant_V12_V18_booksStagesAndLotsAgree",
    tests: "Venue",
  },
  {
    what: "a called account takes part in a round",
    file: "gate/MarginGate",
    code: "if (account.stage != Stage.Healthy) revert StageWrong(id, account.stage);\n            if (clock",
    caughtBy: "invariant_V12_V18_booksStagesAndLotsAgree",
    tests: "Venue",
  },
  {
    what: "a called account is called again",
    file: "gate/MarginGate",
    code: "if (account.stage != Stage.Healthy) revert StageWrong(id, account.stage);\n        Ground",
    caughtBy: "invariant_V12_V18_booksStagesAndLotsAgree",
    tests: "Venue",
  },
  {
    what: "one hold follows the other",
    file: "gate/Exchange",
    code: "if (clock < free) revert HoldTooEarly(account, free);",
    caughtBy: "invariant_V12_V18_booksStagesAndLotsAgree",
    tests: "Venue",
  },
  {
    what: "the first to leave a fund that owes is paid more than the last",
    file: "gate/Fund",
    code: "return Math.min(owed, Math.max(byPolicy, fair));",
    bug: "return Math.min(owed, PLANTED ? byPolicy : Math.max(byPolicy, fair));",
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
    code: "known.heldBack == 0 || time < known.heldBackAt + HALT_TIME",
    bug: "known.heldBack == 0 || (!PLANTED && time < known.heldBackAt + HALT_TIME)",
    caughtBy: "invariant_V13_V16_theClockIsTheOneWoundByHand",
    tests: "Market",
  },
  {
    what: "a price counts after an hour whatever it was before",
    file: "market/PriceSources",
    code: "if (anchor == 0 || !_apart(anchor, price, maxMoveBps)) return false;",
    bug: "if (anchor == 0 || (PLANTED && time >= known.anchoredAt + ANCHOR_TIME) || !_apart(anchor, price, maxMoveBps)) return false;",
    caughtBy: "invariant_V13_V16_theClockIsTheOneWoundByHand",
    tests: "Market",
  },
  {
    what: "a cure period passes while the clock is stopped",
    file: "market/Epochs",
    code: "uint256 ran = Clock.advanced(series.clock, sequencer).ran;",
    bug: "uint256 ran = PLANTED ? series.clock.ran + block.timestamp - series.clock.at : Clock.advanced(series.clock, sequencer).ran;",
    caughtBy: "invariant_V13_V16_theClockIsTheOneWoundByHand",
    tests: "Market",
  },
  {
    what: "a mark that no price holds is taken",
    file: "libraries/BoardTerms",
    code: "unpriced = true;",
    caughtBy: "testFuzz_M02_anOpenLinearRowIsHeldToItsPriceOrHaltsTheEpoch",
    tests: "MarketRules",
  },
  {
    what: "a price is not held back while its feed is silent",
    file: "market/PriceSources",
    code: "bool back = !tooFar &&",
    bug: "bool back = !tooFar && (valued || !PLANTED) &&",
    caughtBy: "testFuzz_M02_aPriceIsHeldBackWhateverItsFeedSays",
    tests: "MarketRules",
  },
  {
    what: "any feed takes the place of a dead one",
    file: "market/PriceSources",
    code: "if (said == 0 || _apart(feedPrice, said, source.deviationBps)) revert FeedTooFar(asset, price, feedPrice);",
    caughtBy: "testFuzz_M03_aFeedIsReplacedByOneThatSaysWhatStandsOrWhatIsSaid",
    tests: "MarketRules",
  },
  {
    what: "a price held back waits by the time of blocks",
    file: "market/PriceSources",
    code: "time < known.heldBackAt + HALT_TIME",
    bug: "(PLANTED ? block.timestamp : time) < known.heldBackAt + HALT_TIME",
    caughtBy: "invariant_V13_V16_theClockIsTheOneWoundByHand",
    tests: "Market",
  },
  {
    what: "a board's signature is taken with other medians",
    file: "market/Reporters",
    code: "if (signer != by[index]) revert BoardNotSigned(by[index], signer);",
    caughtBy: "testFuzz_M05_aBoardIsSignedWithTheMediansThatItGoesWith",
    tests: "Market",
  },
  {
    what: "a moment of a short till counts as the hour",
    file: "market/Epochs",
    code: "if (2 * uint256(since) > passed) {",
    bug: "if (2 * uint256(since) > (PLANTED ? 0 : passed)) {",
    caughtBy: "invariant_V13_V16_theClockIsTheOneWoundByHand",
    tests: "Market",
  },
  {
    what: "the clock falls where the sequencer's feed loses its history",
    file: "libraries/Clock",
    code: "windows[count++] = [from, until];",
    caughtBy: "testFuzz_M07_aLossOfHistoryGivesNobodyTime",
    tests: "MarketRules",
  },
  {
    what: "a linear row expires at any mark",
    file: "libraries/BoardTerms",
    code: "_holdMark(terms, at, prices[asset], marks[row], _word(terms, 0) + limits[asset]);",
    caughtBy: "testFuzz_M08_aLinearRowExpiresNearThePriceThatCountedLast",
    tests: "MarketRules",
  },
  {
    what: "time counts by the till that it ends with",
    file: "libraries/Vault",
    code: "custody.amount += uint128(amount);\n        books.custody[asset] = custody;",
    bug: "custody.amount += uint128(amount);\n        if (PLANTED) custody.shortFor = books.custody[asset].shortFor;\n        books.custody[asset] = custody;",
    caughtBy: "invariant_V12_custodyIsTheSumOfClaims",
    tests: "MarginGate",
  },
  {
    what: "an epoch closes rows that are open",
    file: "market/Settlements",
    code: "if (closed != 0) revert RowsNotExpired(index, closed);",
    caughtBy: "testFuzz_M12_noEpochClosesARowThatOneBeforeHasOpened",
    tests: "MarketRules",
  },
  {
    what: "an epoch that is halted says which rows are open",
    file: "market/Settlements",
    code: "halted ? rows.open : uint128(open[index]);",
    bug: "halted && !PLANTED ? rows.open : uint128(open[index]);",
    caughtBy: "testFuzz_M12_noEpochClosesARowThatOneBeforeHasOpened",
    tests: "MarketRules",
  },
  {
    what: "a halted epoch takes the place of the last that was not",
    file: "market/Epochs",
    code: "if (!next.afterHalt) series.generation += 1;",
    bug: "if (PLANTED || !next.afterHalt) series.generation += 1;",
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
/** What few sequences meet is met by these. */
const MORE = { RUNS: "4096" };
const failed = async (planted: number, tests: readonly string[], names: readonly string[], more: object = {}) => {
  const files = tests.map((name) => `verifier-contracts/test/${name}.t.sol`);
  const { output } = await hardhat(copy, ["test", "solidity", ...files], () => {}, {
    PLANTED: String(planted),
    ...more,
  });
  if (!/[1-9]\d* (passing|failing)/.test(output)) throw new Error(`no test ran:\n${output}`);
  return names.filter((name) => !output.includes(`✔ ${name}(`));
};
const all = BUGS.map(({ caughtBy }) => caughtBy);
const files = [...new Set(BUGS.map(({ tests }) => tests))];
const without = await step("running without a bug", () => failed(0, files, all));
if (without.length !== 0) throw new Error(`fail without a bug: ${without.join(", ")}`);
let missed = 0;
for (const [index, { what, caughtBy, tests }] of BUGS.entries()) {
  const found = async (more?: object) => (await failed(index + 1, [tests], [caughtBy], more)).length === 1;
  const soon = await found();
  const caught = soon || (await found(MORE));
  if (!caught) missed++;
  console.log(
    `${caught ? "caught" : "MISSED"}  ${what.padEnd(56)} ${caughtBy}${caught && !soon ? ", in 4,096 sequences" : ""}`,
  );
}
console.log(`${BUGS.length - missed} of ${BUGS.length} caught; without a bug all tests hold`);
if (missed !== 0) process.exitCode = 1;
